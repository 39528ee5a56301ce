/* Matrix products that skip the zeros of their first factor: the black background of images, and
   what ReLU sets to 0. For processors with AVX2. On an AMD EPYC, the product of 200 images of
   Fashion-MNIST, half of whose pixels are 0, and 784 x 100 weights takes 0.7 of its time with
   OpenBLAS.

   For each row of a, a mask has a bit for each entry that is not 0. The row of the result stays in
   registers while each such entry adds its multiple of a row of b. b is packed into panels of DEPTH
   rows, which fit into the L1 cache. */

#include "tiles.h"

#ifdef HAS_VECTORS

#define WIDTH 8 /* floats in a register */
#include "vectors.h"

#define REGISTERS 13             /* most of a row of the result; two more for a and b */
#define SPAN (REGISTERS * WIDTH) /* most columns of a panel */
#define DEPTH 64                 /* most rows of a panel, and the bits of a mask */
#define BLOCK 256                /* most rows of a at a time */
#define NARROWEST 48             /* columns of the result: the BLAS is as fast with fewer */
#define FEWEST 16                /* rows, if b is stored transposed: with fewer, packing it costs more */
#define SAMPLE 8                 /* count the zeros of at most this many rows */

#pragma GCC push_options
#pragma GCC target("arch=x86-64-v3")

typedef float aligned_vector __attribute__((vector_size(4 * WIDTH)));

static double densest; /* skip zeros if at most this share of the first factor is not 0 */

/* What a panel adds to: `rows` rows of a, a_width apart, with their masks; the rows of the result
   start as those of `start` and end in `out`. */
typedef struct {
    const float *a, *start;
    const uint64_t *masks;
    float *panel, *out;
    int64_t rows, a_width, start_width, out_width;
} block;

/* x, held in a register: the compiler must not compute it anew for each access. */
INLINE const float *in_register(const float *x) {
    __asm__("" : "+r"(x));
    return x;
}

/* The entries of x (depth,) that are not 0, as bits; the first one is the lowest. */
INLINE uint64_t mask(const float *x, int64_t depth) {
    uint64_t bits = 0;
    int64_t l = 0;
    for (; l + WIDTH <= depth; l += WIDTH) {
        integers is_set = *(const vector *)(x + l) != 0;
        bits |= (uint64_t)__builtin_ia32_movmskps256((aligned_vector)is_set) << l;
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
    aligned_vector *to = (aligned_vector *)panel, sum[REGISTERS] = {0};
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
    return !__builtin_ia32_movmskps256((aligned_vector)(sum[0] != 0));
}

/* Add the panel's part of the product, row by row. Entries whose bit is set in `always` are not
   skipped. */
INLINE void add_rows(int wide, int64_t columns, block s, uint64_t always) {
    int64_t last = columns - WIDTH;
    for (int64_t i = 0; i < s.rows; i++) {
        vector sum[REGISTERS];
#pragma GCC unroll 16
        for (int j = 0; j < wide; j++)
            sum[j] = *(const vector *)(s.start + (j == wide - 1 ? last : j * WIDTH));
#pragma GCC unroll 16
        for (int j = 0; j < wide; j += 2) /* a cache line is two registers */
            __builtin_prefetch(s.out + s.out_width + j * WIDTH, 1);
        for (uint64_t bits = s.masks[i] | always; bits; bits &= bits - 1) {
            int l = __builtin_ctzll(bits);
            const float *x = in_register(s.panel + l * wide * WIDTH);
#pragma GCC unroll 16
            for (int j = 0; j < wide; j++)
                sum[j] += s.a[l] * *(const aligned_vector *)(x + j * WIDTH);
        }
#pragma GCC unroll 16
        for (int j = 0; j < wide; j++)
            *(vector *)(s.out + (j == wide - 1 ? last : j * WIDTH)) = sum[j];
        s.a += s.a_width;
        s.start += s.start_width;
        s.out += s.out_width;
    }
}

/* Pack a panel and add its part of the product: a function for each number of registers that at
   least NARROWEST columns, shared evenly among panels, take. */
#define EACH(of) of(6) of(7) of(8) of(9) of(10) of(11) of(12) of(13)
_Static_assert(NARROWEST > 5 * WIDTH && REGISTERS == 13, "each number of registers has a function");
#define FUNCTION(wide)                                                                             \
    static void add_##wide(matrix b, int64_t depth, int64_t columns, block s) {                    \
        int is_finite = pack(wide, b, depth, columns, s.panel);                                    \
        add_rows(wide, columns, s, is_finite ? 0 : ~(uint64_t)0 >> (DEPTH - depth));               \
    }
EACH(FUNCTION)
#define ENTRY(wide) [wide] = add_##wide,
static void (*const add_panel[])(matrix, int64_t, int64_t, block) = {EACH(ENTRY)};

/* The part of the product of DEPTH or fewer rows of b (depth, n), for s.rows rows of a. */
static void add_slab(int64_t n, int64_t depth, matrix a, matrix b, block s) {
    static const float zeros[SPAN];
    uint64_t masks[BLOCK];
    int64_t panels = (n + SPAN - 1) / SPAN;
    s.panel = workspace();
    s.a = a.entries, s.a_width = a.width, s.masks = masks;
    if (a.transposed) {
        float *rows = s.panel + DEPTH * SPAN;
        turn(a.entries, a.width, depth, s.rows, rows, DEPTH);
        s.a = rows, s.a_width = DEPTH;
    }
    for (int64_t i = 0; i < s.rows; i++) {
        const float *x = s.a + i * s.a_width;
        masks[i] = depth == DEPTH ? mask(x, DEPTH) : mask(x, depth); /* a constant unrolls its loop */
    }
    for (int64_t p = 0; p < panels; p++) {
        int64_t j = n * p / panels, columns = n * (p + 1) / panels - j;
        int64_t wide = (columns + WIDTH - 1) / WIDTH;
        block each = s;
        each.start = s.start ? s.start + j : zeros;
        each.out += j;
        add_panel[wide](beyond(b, 0, j), depth, columns, each);
    }
}
_Static_assert((SPAN + BLOCK) * DEPTH * sizeof(float) <= WORKSPACE, "a panel and rows of a fit");

/* product_without_zeros, whether or not it is faster. n >= NARROWEST. */
static void without_zeros(int64_t m, int64_t n, int64_t k, matrix a, matrix b, const float *row,
                          float *out, int64_t out_width) {
    for (int64_t i = 0; i < m; i += BLOCK)
        for (int64_t l = 0; l < k; l += DEPTH) {
            float *part = out + i * out_width;
            block s = {.start = part, .start_width = out_width, .out = part,
                       .out_width = out_width, .rows = smaller(BLOCK, m - i)};
            if (!l)
                s.start = row, s.start_width = 0;
            add_slab(n, smaller(DEPTH, k - l), beyond(a, i, l), beyond(b, l, 0), s);
        }
}

/* The share of a's entries that are not 0, in at most SAMPLE rows of a as stored (rows, columns). */
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
    int are_skipped = densest > 0 && n >= NARROWEST && (m >= FEWEST || !b.transposed) &&
                      density(a, a.transposed ? k : m, a.transposed ? m : k) <= densest;
    if (are_skipped)
        without_zeros(m, n, k, a, b, row, out, out_width);
    return are_skipped;
}

/* From now on, skip zeros if at most the share `most` of the first factor is not 0; 0: never.
   Returns whether zeros will be skipped. */
int64_t skip_zeros(double most) {
    densest = __builtin_cpu_supports("x86-64-v3") ? most : 0;
    return densest > 0;
}

#else
int64_t skip_zeros(double most UNUSED) { return 0; }
#endif
