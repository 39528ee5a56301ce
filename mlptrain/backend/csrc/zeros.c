/* Matrix products that skip the zeros of their first factor: the black background of images, and
   what ReLU sets to 0. For processors with AVX2 and, in zeros512.c, with AVX-512. Half of the
   pixels of Fashion-MNIST are 0. On an AMD EPYC with AVX2, the product of 200 such images and
   784 x 100 weights takes 0.7 of its time with OpenBLAS; on one with AVX-512, a training step of
   784-100-10 takes 0.76 of its time with tiles.

   For each row of a, a mask has a bit for each entry that is not 0. The row of the result stays in
   registers while each such entry adds its multiple of a row of b. b is packed into panels of DEPTH
   rows, which fit into the L1 cache. */

#include "tiles.h"

#ifdef HAS_VECTORS

#define WIDTH 8
#define REGISTERS 13
#define EACH(of) of(6) of(7) of(8) of(9) of(10) of(11) of(12) of(13)
#define WITHOUT_ZEROS without_zeros_256

#define NARROWEST 48 /* columns of the result: the BLAS is as fast with fewer */
#define FEWEST 16    /* rows, if b is stored transposed: with fewer, packing it costs more */
#define SAMPLE 48    /* count the zeros of at most this many masks */

static double densest;        /* skip zeros if at most this share of the first factor is not 0 */
static int64_t register_bits; /* 512, 256, or 0: never */

#pragma GCC push_options
#ifndef PORTABLE
#pragma GCC target("arch=x86-64-v3")
#endif
#include "zeros.h"

_Static_assert(NARROWEST == 48, "EACH begins with as many eights; half a span is wider");

/* The share of a's entries that are not 0, in a sample of the masks of a as stored (rows, columns).
   The R2 sequence (Roberts, 2018) spreads the sample evenly over rows and columns. */
static double density(matrix a, int64_t rows, int64_t columns) {
    int64_t masks = (columns + DEPTH - 1) / DEPTH, all = 0, set = 0;
    uint32_t across = 0, down = 0; /* fractions of 2^32 */
    for (int64_t left = smaller(SAMPLE, rows * masks); left > 0; left--) {
        int64_t i = rows * down >> 32, j = (masks * across >> 32) * DEPTH;
        int64_t depth = smaller(DEPTH, columns - j);
        set += __builtin_popcountll(mask(a.entries + i * a.width + j, depth));
        all += depth;
        across += 3242174889, down += 2447445414; /* 2^32 / 1.3247 and / 1.3247^2 */
    }
    return (double)set / all;
}

#pragma GCC pop_options

int product_without_zeros(int64_t m, int64_t n, int64_t k, matrix a, matrix b, const float *row,
                          float *out, int64_t out_width) {
    int are_skipped = register_bits && n >= NARROWEST && (m >= FEWEST || !b.transposed) &&
                      density(a, a.transposed ? k : m, a.transposed ? m : k) <= densest;
    if (are_skipped)
        (register_bits == 512 ? without_zeros_512 : without_zeros_256)(m, n, k, a, b, row, out,
                                                                       out_width);
    return are_skipped;
}

/* From now on, skip zeros if at most the share `most` of the first factor is not 0, in registers of
   at most `widest` bits; never if those are fewer than 256. Returns the bits of the registers that
   will be used, 0 if zeros will not be skipped. */
int64_t skip_zeros(double most, int64_t widest) {
    densest = most;
    register_bits = widest >= 512 && SUPPORTS("x86-64-v4")   ? 512
                    : widest >= 256 && SUPPORTS("x86-64-v3") ? 256
                                                             : 0;
    return register_bits;
}

#else
int64_t skip_zeros(double most UNUSED, int64_t widest UNUSED) { return 0; }
#endif
