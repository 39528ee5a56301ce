/* The matrix products of mlptrain/functions/linear.py: without zeros or by tiles where that is
   faster, else by the BLAS. */

#include "tiles.h"

typedef void (*gemm_64)(int, int, int, int64_t, int64_t, int64_t, real, const real *, int64_t,
                         const real *, int64_t, real, real *, int64_t);
typedef void (*gemm_32)(int, int, int, int32_t, int32_t, int32_t, real, const real *, int32_t,
                         const real *, int32_t, real, real *, int32_t);

static void *gemm;
static int64_t gemm_bits;

/* Use `function`, a cblas_sgemm (float64: cblas_dgemm) with 32-bit or 64-bit sizes, as the BLAS. */
void REAL(use_gemm)(void *function, int64_t bits) {
    gemm = function;
    gemm_bits = bits;
}

/* out (m, n) = a (m, k) b (k, n) + row (n,), 0 if NULL; out's rows are out_width apart; k > 0. */
static void by_blas(int64_t m, int64_t n, int64_t k, matrix a, matrix b, const real *row,
                    real *out, int64_t out_width) {
    int a_order = a.transposed ? 112 : 111, b_order = b.transposed ? 112 : 111;
    if (gemm_bits == 32)
        ((gemm_32)gemm)(101, a_order, b_order, m, n, k, 1, a.entries, a.width, b.entries,
                          b.width, 0, out, out_width);
    else
        ((gemm_64)gemm)(101, a_order, b_order, m, n, k, 1, a.entries, a.width, b.entries,
                          b.width, 0, out, out_width);
    if (row)
        for (int64_t i = 0; i < m; i++)
            for (int64_t j = 0; j < n; j++)
                out[i * out_width + j] += row[j];
}

/* out (m, n) = a (m, k) b (k, n) + row. p: out, a, b, row (n,) or NULL; n: m, n, k, flags as in
   products.py: 1: a is stored transposed; 2: b is; items: rows of out; with 4, its columns; with 8,
   the index that is summed over, and each part writes its sums into an out (m, n) of its own; with
   16, a and b are rounded to bfloat16. */
void REAL(matrix_product)(NUMBERED) {
    int64_t m = o->n[0], n = o->n[1], k = o->n[2], how = o->n[3], columns = n;
    matrix a = {o->p[1], how & 1 ? m : k, how & 1}, b = {o->p[2], how & 2 ? k : n, how & 2};
    const real *row = o->p[3];
    real *out = o->p[0];
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
#if defined(HAS_VECTORS) && !defined(FLOAT64)
    if (how & 16) {
        product_in_bfloat16(m, columns, k, a, b, row, out, n);
        return;
    }
    if (product_without_zeros(m, columns, k, a, b, row, out, n) ||
        product_by_tiles(m, columns, k, a, b, row, out, n))
        return;
#endif
    by_blas(m, columns, k, a, b, row, out, n);
}
