/* The rules of mlptrain/functions but those of losses. */

#include "numbers.h"

/* -- linear.py; its matrix products are in products.c */

/* out (rows, width) = Σ arrays (count, rows, width) + row. p: out, arrays, row (width,) or NULL;
   n: rows, width, count; items: entries. */
KERNEL(sum_up)(ARGUMENTS) {
    real *restrict out = o->p[0];
    const real *restrict arrays = o->p[1], *restrict row = o->p[2];
    int64_t width = o->n[1], size = o->n[0] * width;
    for (int64_t i = first, next; i < last; i = next) {
        next = smaller(last, i - i % width + width);
        for (int64_t j = i; j < next; j++)
            out[j] = row ? row[j - i + i % width] : 0;
        for (const real *x = arrays; x < arrays + o->n[2] * size; x += size)
            for (int64_t j = i; j < next; j++)
                out[j] += x[j];
    }
}

/* out (columns,) = the column sums of g (rows, columns). p: out, g; n: rows, columns;
   items: columns. */
KERNEL(sum_columns)(ARGUMENTS) {
    real *restrict out = o->p[0];
    const real *restrict g = o->p[1];
    int64_t rows = o->n[0], width = o->n[1];
    memset(out + first, 0, (last - first) * sizeof *out);
    for (int64_t i = 0; i < rows; i++)
        for (int64_t j = first; j < last; j++)
            out[j] += g[i * width + j];
}

/* -- activations.py. p: out, then the rule's arrays as kernels.py lists them; f: the setting;
   items: entries, except in softmax. */

KERNEL(relu)(ARGUMENTS) {
    real *out = o->p[0];
    const real *x = o->p[1];
    for (int64_t i = first; i < last; i++)
        out[i] = x[i] < 0 ? 0 : x[i]; /* NaN stays NaN */
}

KERNEL(relu_gradient)(ARGUMENTS) {
    real *out = o->p[0];
    const real *g = o->p[1], *y = o->p[2];
    for (int64_t i = first; i < last; i++)
        out[i] = (y[i] > 0 ? 1 : 0.0f) * g[i];
}

KERNEL(leaky_relu)(ARGUMENTS) {
    real *out = o->p[0];
    const real *x = o->p[1];
    real slope = o->f[0];
    for (int64_t i = first; i < last; i++) {
        real z = slope * x[i];
        out[i] = x[i] > z ? x[i] : z;
    }
}

KERNEL(leaky_relu_gradient)(ARGUMENTS) {
    real *out = o->p[0];
    const real *g = o->p[1], *y = o->p[2];
    real slope = o->f[0];
    for (int64_t i = first; i < last; i++)
        out[i] = (y[i] > 0 ? 1 : slope) * g[i];
}

/* ± z / (z + 2) with z = e^2|x| - 1; beyond |x| = 20 all digits are those of 1. */
KERNEL(hyperbolic_tangent)(ARGUMENTS) {
    real *out = o->p[0];
    const real *x = o->p[1];
    for (int64_t i = first; i < last; i++) {
        real size = fabs(x[i]), z = exponential_minus_1(size > 20 ? 40 : 2 * size);
        out[i] = copysign(z / (z + 2), x[i]);
    }
}

KERNEL(hyperbolic_tangent_gradient)(ARGUMENTS) {
    real *out = o->p[0];
    const real *g = o->p[1], *y = o->p[2];
    for (int64_t i = first; i < last; i++)
        out[i] = (1 - y[i] * y[i]) * g[i];
}

KERNEL(sigmoid)(ARGUMENTS) {
    real *out = o->p[0];
    const real *x = o->p[1];
    for (int64_t i = first; i < last; i++)
        out[i] = 1 / (1 + exponential(-x[i]));
}

KERNEL(sigmoid_gradient)(ARGUMENTS) {
    real *out = o->p[0];
    const real *g = o->p[1], *y = o->p[2];
    for (int64_t i = first; i < last; i++)
        out[i] = (1 - y[i]) * y[i] * g[i];
}

KERNEL(multiply)(ARGUMENTS) {
    real *out = o->p[0];
    const real *a = o->p[1], *b = o->p[2];
    for (int64_t i = first; i < last; i++)
        out[i] = a[i] * b[i];
}

/* out = e^(x - max x) / Σ e^(x - max x) for each row. p: out, x; n: width; items: rows. */
KERNEL(softmax)(ARGUMENTS) {
    int64_t width = o->n[0];
    for (int64_t i = first; i < last; i++) {
        real *restrict y = (real *)o->p[0] + i * width;
        const real *restrict x = (const real *)o->p[1] + i * width;
        real largest = maximum(x, width);
        for (int64_t j = 0; j < width; j++)
            y[j] = exponential(x[j] - largest);
        real total = sum(y, width);
        for (int64_t j = 0; j < width; j++)
            y[j] /= total;
    }
}

/* -- dropout.py */

/* Replaces the counter with four random 64-bit numbers: Philox4x64-10 (Salmon et al., 2011), the
   same as NumPy's Philox. */
INLINE void philox(uint64_t counter[4], uint64_t key_0, uint64_t key_1) {
    for (int round = 0; round < 10; round++) {
        __uint128_t a = (__uint128_t)0xD2E7470EE14C6C93u * counter[0];
        __uint128_t b = (__uint128_t)0xCA5A826395121157u * counter[2];
        counter[0] = (uint64_t)(b >> 64) ^ counter[1] ^ key_0;
        counter[1] = (uint64_t)b;
        counter[2] = (uint64_t)(a >> 64) ^ counter[3] ^ key_1;
        counter[3] = (uint64_t)a;
        key_0 += 0x9E3779B97F4A7C15u;
        key_1 += 0xBB67AE8584CAA73Bu;
    }
}

/* p: out, x, mask, step (1,); n: seed, purpose, index of the function; f: rate; items: entries. One
   Philox block gives 4 entries of the mask in float64, 8 in float32. */
KERNEL(dropout)(ARGUMENTS) {
    real *out = o->p[0], *restrict mask = o->p[2];
    const real *x = o->p[1];
    real rate = o->f[0], scale = 1 / (1 - o->f[0]);
    uint64_t step = *(const int64_t *)o->p[3];
    int64_t each = 32 / (int64_t)sizeof *mask;
    for (int64_t i = first, next; i < last; i = next) {
        next = smaller(last, i / each * each + each);
        uint64_t block[4] = {i / each + 1, o->n[2], step, 0};
        philox(block, o->n[0], o->n[1]);
        for (int64_t j = i; j < next; j++) {
#ifdef FLOAT64
            real uniform = (block[j % 4] >> 11) * 0x1p-53;
#else
            uint32_t bits = block[j % 8 / 2] >> j % 2 * 32;
            real uniform = (bits >> 8) * 0x1p-24f;
#endif
            mask[j] = uniform < rate ? 0 : scale;
            out[j] = x[j] * mask[j];
        }
    }
}
