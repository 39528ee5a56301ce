/* The product of zeros.c and zeros512.c, which define, before they include this,

   - WIDTH: the floats in a register;
   - REGISTERS: the most that a row of a panel takes; two more hold numbers of a and b;
   - EACH(of): of(eights) for each number of eights of columns that a panel may have;
   - WITHOUT_ZEROS: the function's name;

   and the processors with #pragma GCC target. */

#include "vectors.h"

#define SPAN (REGISTERS * WIDTH) /* most columns of a panel */
#define DEPTH 64                 /* most rows of a panel, and the bits of a mask */
#define BLOCK 256                /* most rows of a at a time */

typedef float aligned_vector __attribute__((vector_size(4 * WIDTH)));
typedef float eight __attribute__((vector_size(32), aligned(4)));

/* What a panel adds to: `rows` rows of a, a_width apart, with their masks; the rows of the result
   start as those of `start` and end in `out`. */
typedef struct {
    const float *a, *start;
    const uint64_t *masks;
    float *panel, *out;
    int64_t rows, a_width, start_width, out_width;
} block;

/* A bit for each float of a register: whether its integer is negative, as true is. */
INLINE uint64_t signs(integers x) {
#ifdef PORTABLE
    uint64_t bits = 0;
    for (int i = 0; i < WIDTH; i++)
        bits |= (uint64_t)(x[i] < 0) << i;
    return bits;
#elif WIDTH == 16
    return (uint16_t)__builtin_ia32_cvtd2mask512(x);
#else
    return __builtin_ia32_movmskps256((aligned_vector)x);
#endif
}

/* x, held in a register: the compiler must not compute it anew for each access. */
INLINE const float *in_register(const float *x) {
    __asm__("" : "+r"(x));
    return x;
}

/* The entries of x (depth,) that are not 0, as bits; the first one is the lowest. */
INLINE uint64_t mask(const float *x, int64_t depth) {
    uint64_t bits = 0;
    int64_t l = 0;
    for (; l + WIDTH <= depth; l += WIDTH)
        bits |= signs(*(const vector *)(x + l) != 0) << l;
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

/* A row of a panel, of `eights` x 8 numbers, has FULL registers and, if HALF, half of one. The last
   of these ends with the row, so it may overlap the one before. */
#define FULL (eights * 8 / WIDTH)
#define HALF (eights * 8 % WIDTH)
#define APART ((FULL + !!HALF) * WIDTH) /* numbers from row to row of the panel */
#define START(j) (HALF || (j) < FULL - 1 ? (j) * WIDTH : columns - WIDTH) /* of register j */

/* panel = the first `depth` rows and `columns` columns of b. Returns whether all are finite: 0
   times Inf or NaN must not be skipped. */
INLINE int pack(int eights, matrix b, int64_t depth, int64_t columns, float *panel) {
    const float *from = b.entries;
    int64_t width = b.width;
    aligned_vector sum[REGISTERS] = {0};
    eight half = {0};
    if (b.transposed) { /* the last columns first; where they overlap, others follow */
        int64_t last = columns - WIDTH;
        columns = eights * 8;
        turn(from + last * width, width, WIDTH, depth, panel + columns - WIDTH, APART);
        turn(from, width, (FULL - !HALF) * WIDTH, depth, panel, APART);
        from = panel, width = APART;
    }
    for (int64_t l = 0; l < depth; l++, from += width, panel += APART) {
#pragma GCC unroll 16
        for (int j = 0; j < FULL; j++) {
            vector x = *(const vector *)(from + START(j));
            *(aligned_vector *)(panel + j * WIDTH) = x;
            sum[j] += x * 0;
        }
        if (HALF) {
            eight x = *(const eight *)(from + columns - 8);
            *(eight *)(panel + FULL * WIDTH) = x;
            half += x * 0;
        }
    }
    for (int j = 1; j < FULL; j++)
        sum[0] += sum[j];
    for (int i = 0; HALF && i < 8; i++)
        sum[0][i] += half[i];
    return !signs(sum[0] != 0);
}

/* Add the panel's part of the product, row by row. Entries whose bit is set in `always` are not
   skipped. */
INLINE void add_rows(int eights, int64_t columns, block s, uint64_t always) {
    for (int64_t i = 0; i < s.rows; i++) {
        vector sum[REGISTERS];
        eight half;
#pragma GCC unroll 16
        for (int j = 0; j < FULL; j++)
            sum[j] = *(const vector *)(s.start + START(j));
        if (HALF)
            half = *(const eight *)(s.start + columns - 8);
#pragma GCC unroll 16
        for (int j = 0; j < eights; j += 2) /* each cache line */
            __builtin_prefetch(s.out + s.out_width + j * 8, 1);
        for (uint64_t bits = s.masks[i] | always; bits; bits &= bits - 1) {
            int l = __builtin_ctzll(bits);
            const float *x = in_register(s.panel + l * APART);
#pragma GCC unroll 16
            for (int j = 0; j < FULL; j++)
                sum[j] += s.a[l] * *(const aligned_vector *)(x + j * WIDTH);
            if (HALF)
                half += s.a[l] * *(const eight *)(x + FULL * WIDTH);
        }
#pragma GCC unroll 16
        for (int j = 0; j < FULL; j++)
            *(vector *)(s.out + START(j)) = sum[j];
        if (HALF)
            *(eight *)(s.out + columns - 8) = half;
        s.a += s.a_width;
        s.start += s.start_width;
        s.out += s.out_width;
    }
}

/* Pack a panel and add its part of the product: a function for each width. */
#define FUNCTION(eights)                                                                           \
    static void add_##eights(matrix b, int64_t depth, int64_t columns, block s) {                  \
        int is_finite = pack(eights, b, depth, columns, s.panel);                                  \
        add_rows(eights, columns, s, is_finite ? 0 : ~(uint64_t)0 >> (DEPTH - depth));             \
    }
EACH(FUNCTION)
#define ENTRY(eights) [eights] = add_##eights,
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
        masks[i] = depth == DEPTH ? mask(x, DEPTH) : mask(x, depth); /* a constant: unrolled */
    }
    for (int64_t p = 0; p < panels; p++) {
        int64_t j = n * p / panels, columns = n * (p + 1) / panels - j;
        block each = s;
        each.start = s.start ? s.start + j : zeros;
        each.out += j;
        add_panel[(columns + 7) / 8](beyond(b, 0, j), depth, columns, each);
    }
}
_Static_assert((SPAN + BLOCK) * DEPTH * sizeof(float) <= WORKSPACE, "a panel and rows of a fit");

void WITHOUT_ZEROS(int64_t m, int64_t n, int64_t k, matrix a, matrix b, const float *row,
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
