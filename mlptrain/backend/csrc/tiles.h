/* What products.c, zeros.c, tiles.c and bfloat16.c share. */

#ifndef MLPTRAIN_TILES_H
#define MLPTRAIN_TILES_H

#include "program.h"

/* A matrix in memory: its rows, or its columns if `transposed`, are `width` numbers apart. */
typedef struct {
    const real *entries;
    int64_t width;
    int transposed;
} matrix;

/* The matrix without its first `rows` rows and `columns` columns. */
INLINE matrix beyond(matrix x, int64_t rows, int64_t columns) {
    x.entries += x.transposed ? columns * x.width + rows : rows * x.width + columns;
    return x;
}

#if defined(__x86_64__) && defined(__GLIBC__) && __GNUC__ >= 12 && !defined(__clang__)
#define HAS_VECTORS /* the compiler knows vectors and their processors */
#endif

#ifdef PORTABLE /* for tests: code for any processor, slow */
#define SUPPORTS(feature) 1
#define TARGET(features)
#else
#define SUPPORTS(feature) __builtin_cpu_supports(feature)
#define TARGET(features) __attribute__((target(features)))
#endif

/* For float32, if the compiler HAS_VECTORS: out (m, n) = a (m, k) b (k, n) + row (n,), 0 if NULL;
   out's rows are out_width apart; k > 0. The first two return 0 and write nothing where another way
   is faster. The next two, for n >= 48, skip zeros with AVX2 and with AVX-512. The last one rounds
   the factors to bfloat16; only on processors that can multiply it. */
#ifndef FLOAT64
int product_without_zeros(int64_t m, int64_t n, int64_t k, matrix a, matrix b, const float *row,
                          float *out, int64_t out_width);
int product_by_tiles(int64_t m, int64_t n, int64_t k, matrix a, matrix b, const float *row,
                     float *out, int64_t out_width);
void without_zeros_256(int64_t m, int64_t n, int64_t k, matrix a, matrix b, const float *row,
                       float *out, int64_t out_width);
void without_zeros_512(int64_t m, int64_t n, int64_t k, matrix a, matrix b, const float *row,
                       float *out, int64_t out_width);
void product_in_bfloat16(int64_t m, int64_t n, int64_t k, matrix a, matrix b, const float *row,
                         float *out, int64_t out_width);
#endif

#endif
