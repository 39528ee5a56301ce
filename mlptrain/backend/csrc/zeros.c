/* Matrix products that skip the zeros of their first factor: the black background of images, and
   what ReLU sets to 0. For processors with AVX2. On an AMD EPYC, the products of 200 images of
   Fashion-MNIST, half of whose pixels are 0, with 784 x 100 weights take 0.71 of their time with
   OpenBLAS.

   The entries of a that are not 0 are found WIDTH at a time, as the bits of a mask. A row of the
   result stays in registers while each of them adds its multiple of a row of b. For that, b is
   packed into panels of DEPTH rows that stay in the L1 cache. */

#include "tiles.h"

#ifdef HAS_VECTORS

#define WIDTH 8 /* floats in a register */
#include "vectors.h"

#define MOST 13             /* registers for a row of the result; with two more there are 16 */
#define SPAN (MOST * WIDTH) /* most columns of a panel */
#define DEPTH 64            /* most rows of a panel, and the bits of a mask */
#define BLOCK 256           /* most rows of a at a time */
#define SAMPLE 8            /* count the zeros of about this many rows */
#define NARROWEST 48        /* columns of the result; fewer are faster with the BLAS */

#pragma GCC push_options
#pragma GCC target("arch=x86-64-v3")

typedef float aligned __attribute__((vector_size(4 * WIDTH)));

/* Each thread's panel of b, and its part of a if that is stored transposed; not on the stack,
   which may be small. */
static _Thread_local float panel[DEPTH * SPAN] __attribute__((aligned(64)));
static _Thread_local float turned[BLOCK * DEPTH] __attribute__((aligned(64)));
static double densest; /* skip zeros if at most this share of the first factor is not 0 */

/* One panel's share of a product: `rows` rows of a, `width` apart, with their masks; the rows of
   the result start as those of `start` and end in `out`. */
typedef struct {
    const float *a, *start;
    const uint64_t *masks;
    float *panel, *out;
    int64_t rows, width, start_width, out_width;
} share;

/* The address x, which from now on is in a register and not computed anew for each access. */
INLINE float *in_register(float *x) {
    __asm__("" : "+r"(x));
    return x;
}

/* The entries of x (depth,) that are not 0, as bits; the first one is the lowest. */
INLINE uint64_t mask(const float *x, int64_t depth) {
    uint64_t bits = 0;
    int64_t l = 0;
    for (; l + WIDTH <= depth; l += WIDTH) {
        integers is_set = *(const vector *)(x + l) != 0;
        bits |= (uint64_t)__builtin_ia32_movmskps256((aligned)is_set) << l;
    }
    for (; l < depth; l++)
        bits |= (uint64_t)(x[l] != 0) << l;
    return bits;
}

/* to (columns, rows) = the transpose of from (rows, columns). Rows are from_width and to_width
   apart. */
INLINE void turn(const float *from, int64_t from_width, int64_t rows, int64_t columns, float *to,
                 int64_t to_width) {
    int64_t deep = rows / WIDTH * WIDTH, whole = columns / WIDTH * WIDTH;
    for (int64_t j = 0; j < whole; j += WIDTH)
        for (int64_t i = 0; i < deep; i += WIDTH)
            transpose(from + i * from_width + j, from_width, to + j * to_width + i, to_width);
    for (int64_t j = 0; j < columns; j++)
        for (int64_t i = j < whole ? deep : 0; i < rows; i++)
            to[j * to_width + i] = from[i * from_width + j];
}

/* panel (depth, `wide` registers) = the first rows and columns of b; the last register overlaps
   the one before. Returns whether all are finite: 0 times Inf or NaN must not be skipped. */
INLINE int pack(int wide, matrix b, int64_t depth, int64_t columns, float *panel) {
    const float *from = b.entries;
    int64_t width = b.width, before = (wide - 1) * WIDTH, last = columns - WIDTH;
    aligned *to = (aligned *)panel, sum[MOST] = {0};
    if (b.transposed) {
        turn(from, width, before, depth, panel, wide * WIDTH);
        turn(from + last * width, width, WIDTH, depth, panel + before, wide * WIDTH);
        from = panel, width = wide * WIDTH, last = before;
    }
    for (int64_t l = 0; l < depth; l++, from += width)
#pragma GCC unroll 16
        for (int j = 0; j < wide; j++, to++) {
            *to = *(const vector *)(from + (j == wide - 1 ? last : j * WIDTH));
            sum[j] += *to * 0;
        }
    for (int j = 1; j < wide; j++)
        sum[0] += sum[j];
    return !__builtin_ia32_movmskps256((aligned)(sum[0] != 0));
}

/* A panel's share of the result, row by row; entries with a bit in `always` count even if 0. */
INLINE void rows_of(int wide, int64_t columns, share s, uint64_t always) {
    int64_t last = columns - WIDTH;
    for (int64_t i = 0; i < s.rows; i++) {
        vector sum[MOST];
#pragma GCC unroll 16
        for (int j = 0; j < wide; j++)
            sum[j] = *(const vector *)(s.start + (j == wide - 1 ? last : j * WIDTH));
#pragma GCC unroll 16
        for (int j = 0; j < wide; j += 2) /* a cache line is two registers */
            __builtin_prefetch(s.out + s.out_width + j * WIDTH, 1);
        for (uint64_t bits = s.masks[i] | always; bits; bits &= bits - 1) {
            int l = __builtin_ctzll(bits);
            const aligned *x = (const aligned *)in_register(s.panel + l * wide * WIDTH);
#pragma GCC unroll 16
            for (int j = 0; j < wide; j++)
                sum[j] += s.a[l] * x[j];
        }
#pragma GCC unroll 16
        for (int j = 0; j < wide; j++)
            *(vector *)(s.out + (j == wide - 1 ? last : j * WIDTH)) = sum[j];
        s.a += s.width;
        s.start += s.start_width;
        s.out += s.out_width;
    }
}

/* A panel's share of the result, for each number of registers. */
#define EACH(of) of(1) of(2) of(3) of(4) of(5) of(6) of(7) of(8) of(9) of(10) of(11) of(12) of(13)
#define FUNCTION(wide)                                                                             \
    static void by_##wide(matrix b, int64_t depth, int64_t columns, share s) {                     \
        int is_finite = pack(wide, b, depth, columns, s.panel);                                    \
        rows_of(wide, columns, s, is_finite ? 0 : ~(uint64_t)0 >> (DEPTH - depth));                \
    }
EACH(FUNCTION)
#define ENTRY(wide) [wide] = by_##wide,
static void (*const by_registers[])(matrix, int64_t, int64_t, share) = {EACH(ENTRY)};

/* One slab of the product: s.rows rows of a and DEPTH or fewer rows of b (depth, n). */
static void slab(int64_t n, int64_t depth, matrix a, matrix b, share s) {
    static const float zeros[SPAN];
    uint64_t masks[BLOCK];
    int64_t panels = (n + SPAN - 1) / SPAN;
    s.a = a.entries, s.width = a.width, s.masks = masks, s.panel = in_register(panel);
    if (a.transposed) {
        float *rows = in_register(turned);
        turn(a.entries, a.width, depth, s.rows, rows, DEPTH);
        s.a = rows, s.width = DEPTH;
    }
    for (int64_t i = 0; i < s.rows; i++) {
        const float *x = s.a + i * s.width;
        masks[i] = depth == DEPTH ? mask(x, DEPTH) : mask(x, depth);
    }
    for (int64_t p = 0; p < panels; p++) {
        int64_t j = n * p / panels, columns = n * (p + 1) / panels - j;
        int64_t wide = (columns + WIDTH - 1) / WIDTH;
        share each = s;
        each.start = s.start ? s.start + j : zeros;
        each.out += j;
        by_registers[wide](beyond(b, 0, j), depth, columns, each);
    }
}

/* product_without_zeros, whether or not it is faster. n >= WIDTH. */
static void without_zeros(int64_t m, int64_t n, int64_t k, matrix a, matrix b, const float *row,
                          float *out, int64_t out_width) {
    for (int64_t i = 0; i < m; i += BLOCK)
        for (int64_t l = 0; l < k; l += DEPTH) {
            float *part = out + i * out_width;
            share s = {.start = part, .start_width = out_width, .out = part,
                       .out_width = out_width, .rows = smaller(BLOCK, m - i)};
            if (!l)
                s.start = row, s.start_width = 0;
            slab(n, smaller(DEPTH, k - l), beyond(a, i, l), beyond(b, l, 0), s);
        }
}

/* The share of a's entries that are not 0, from about SAMPLE rows of a as stored (rows, columns). */
static double density(matrix a, int64_t rows, int64_t columns) {
    int64_t step = (rows + SAMPLE - 1) / SAMPLE, all = 0, set = 0;
    for (int64_t i = 0; i < rows; i += step, all += columns)
        for (int64_t j = 0; j < columns; j += DEPTH) {
            const float *x = a.entries + i * a.width + j;
            set += __builtin_popcountll(mask(x, smaller(DEPTH, columns - j)));
        }
    return (double)set / all;
}

#pragma GCC pop_options

int product_without_zeros(int64_t m, int64_t n, int64_t k, matrix a, matrix b, const float *row,
                          float *out, int64_t out_width) {
    int are_skipped = n >= NARROWEST && densest > 0 &&
                      density(a, a.transposed ? k : m, a.transposed ? m : k) <= densest;
    if (are_skipped)
        without_zeros(m, n, k, a, b, row, out, out_width);
    return are_skipped;
}

/* From now on, skip zeros if at most the share `most` of the first factor is not 0; 0: never.
   Returns whether this processor can. */
int64_t skip_zeros(double most) {
    int64_t can = __builtin_cpu_supports("x86-64-v3") != 0;
    densest = can ? most : 0;
    return can;
}

#else
int product_without_zeros(int64_t m UNUSED, int64_t n UNUSED, int64_t k UNUSED, matrix a UNUSED,
                          matrix b UNUSED, const float *row UNUSED, float *out UNUSED,
                          int64_t out_width UNUSED) {
    return 0;
}
int64_t skip_zeros(double most UNUSED) { return 0; }
#endif
