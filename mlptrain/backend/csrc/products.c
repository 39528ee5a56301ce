/* The matrix products of mlptrain/functions/linear.py: by the BLAS, or by tiles where there are some
   for this processor and they are faster. In a training step, where weights and gradients come from
   beyond the second cache, they reach 195 to 213 GFLOP/s on two cores where OpenBLAS reaches 155 to
   190: they neither pack the first matrix nor read the result before they write it. */

#include "program.h"

typedef void (*sgemm_64)(int, int, int, int64_t, int64_t, int64_t, float, const float *, int64_t,
                         const float *, int64_t, float, float *, int64_t);
typedef void (*sgemm_32)(int, int, int, int32_t, int32_t, int32_t, float, const float *, int32_t,
                         const float *, int32_t, float, float *, int32_t);

/* A matrix as it is stored: `width` numbers from one row to the next, its columns if `transposed`. */
typedef struct {
    const float *entries;
    int64_t width;
    int transposed;
} matrix;

/* The matrix without its first rows and columns. */
static matrix beyond(matrix x, int64_t rows, int64_t columns) {
    x.entries += x.transposed ? columns * x.width + rows : rows * x.width + columns;
    return x;
}

/* out (m, n) = a (m, k) b (k, n) + row, unless that is NULL; out has rows out_width apart. */
typedef void (*tiles)(int64_t m, int64_t n, int64_t k, matrix a, matrix b, const float *row,
                      float *out, int64_t out_width);

#define FEWEST_ROWS 8 /* of a, below which packing b costs more than tiles save */
#define FEWEST_MULTIPLICATIONS 1e6 /* below, OpenBLAS does not pack, unless b is transposed */

static tiles by_tiles; /* NULL: the BLAS computes */
static void *sgemm;
static int64_t sgemm_bits;

/* Have the BLAS's products computed by `function`, a cblas_sgemm whose sizes have 32 or 64 bits. */
void use_sgemm(void *function, int64_t bits) {
    sgemm = function;
    sgemm_bits = bits;
}

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
/* What a panel of b is multiplied with, and where that goes: out = start + a panel, with rows so
   far apart. a (i, l) is a[i * a_row + l * a_column]. */
typedef struct {
    const float *a, *panel, *start;
    float *out;
    int64_t k, a_row, a_column, start_width, out_width;
} factors;

#define BLOCK 512     /* rows of a panel: in the second cache beside what is read of a */
#define CACHE_LINE 16 /* floats */

#define TARGET __attribute__((target("arch=x86-64-v4")))
#define NAMED(x) x##_16
#define WIDTH 16
#define ROWS 12 /* 24 registers for sums, 2 for b; a comes from memory */
#include "tiles.h"
#undef TARGET
#undef NAMED
#undef WIDTH
#undef ROWS

#define TARGET __attribute__((target("arch=x86-64-v3")))
#define NAMED(x) x##_8
#define WIDTH 8
#define ROWS 6 /* 12 for sums, 2 for b, 1 for a */
#include "tiles.h"

/* Have tiles made of registers of at most `most` floats. Returns of how many; 0: of none. */
int64_t use_tiles(int64_t most) {
    int64_t width = 0;
    by_tiles = NULL;
    if (most >= 8 && __builtin_cpu_supports("x86-64-v3"))
        width = 8, by_tiles = product_8;
    if (most >= 16 && __builtin_cpu_supports("x86-64-v4"))
        width = 16, by_tiles = product_16;
    return width;
}
#else
int64_t use_tiles(int64_t most) {
    (void)most;
    return 0;
}
#endif

static void by_blas(int64_t m, int64_t n, int64_t k, matrix a, matrix b, const float *row,
                    float *out, int64_t out_width) {
    int a_order = a.transposed ? 112 : 111, b_order = b.transposed ? 112 : 111;
    if (sgemm_bits == 32)
        ((sgemm_32)sgemm)(101, a_order, b_order, m, n, k, 1, a.entries, a.width, b.entries,
                          b.width, 0, out, out_width);
    else
        ((sgemm_64)sgemm)(101, a_order, b_order, m, n, k, 1, a.entries, a.width, b.entries,
                          b.width, 0, out, out_width);
    if (row)
        for (int64_t i = 0; i < m; i++)
            for (int64_t j = 0; j < n; j++)
                out[i * out_width + j] += row[j];
}

/* out (m, n) = a (m, k) b (k, n), plus a row where there is one. p: out, a, b, the row or NULL;
   n: m, n, k, and how: 1 and 2 say that a and b are stored transposed, 4 that the items are the
   columns of out instead of its rows, 8 that they are what is summed over: each part then writes
   its sums into an out (m, n) of its own. */
void matrix_product(NUMBERED) {
    int64_t m = o->n[0], n = o->n[1], k = o->n[2], how = o->n[3], columns = n;
    matrix a = {o->p[1], how & 1 ? m : k, how & 1}, b = {o->p[2], how & 2 ? k : n, how & 2};
    const float *row = o->p[3];
    float *out = o->p[0];
    if (how & 8) {
        a = beyond(a, 0, first);
        b = beyond(b, first, 0);
        out += part * m * n;
        k = last - first;
    } else if (how & 4) {
        b = beyond(b, 0, first);
        out += first;
        row += row ? first : 0;
        columns = last - first;
    } else {
        a = beyond(a, first, 0);
        out += first * n;
        m = last - first;
    }
    int large = (double)m * columns * k >= FEWEST_MULTIPLICATIONS || b.transposed;
    (by_tiles && m >= FEWEST_ROWS && large ? by_tiles : by_blas)(m, columns, k, a, b, row, out, n);
}
