/* The rules of mlptrain/functions. */

#include "program.h"

/* eˣ to float32 rounding; 0 or Inf out of range, NaN for NaN. */
INLINE float exponential(float x) {
    x = x < -104.0f ? -104.0f : x > 89.0f ? 89.0f : x;
    float n = rintf(x * 1.44269504f);
    float r = (x - n * 0.693359375f) + n * 2.12194440e-4f; /* x - n log 2, log 2 in two parts */
    float y = 1 + r * (1 + r * (1 / 2.0f + r * (1 / 6.0f + r * (1 / 24.0f
              + r * (1 / 120.0f + r * (1 / 720.0f + r / 5040))))));
    int32_t whole = (int32_t)n, half = whole / 2;
    union { int32_t i; float f; } a = {(half + 127) << 23}, b = {(whole - half + 127) << 23};
    return y * a.f * b.f;
}

/* The largest of n > 0 numbers; may ignore NaN. */
INLINE float maximum(const float *x, int64_t n) {
    float lane[LANES], largest = x[0];
    int64_t i = 0;
    if (n >= LANES) {
        memcpy(lane, x, sizeof lane);
        for (i = LANES; i + LANES <= n; i += LANES)
            for (int j = 0; j < LANES; j++)
                lane[j] = x[i + j] > lane[j] ? x[i + j] : lane[j];
        for (int j = 0; j < LANES; j++)
            largest = lane[j] > largest ? lane[j] : largest;
    }
    for (; i < n; i++)
        largest = x[i] > largest ? x[i] : largest;
    return largest;
}

INLINE float sum(const float *x, int64_t n) {
    float lane[LANES] = {0}, total = 0;
    int64_t i = 0;
    for (; i + LANES <= n; i += LANES)
        for (int j = 0; j < LANES; j++)
            lane[j] += x[i + j];
    for (; i < n; i++)
        total += x[i];
    for (int j = 0; j < LANES; j++)
        total += lane[j];
    return total;
}

/* -- linear.py; its matrix products are in products.c */

/* out (rows, width) = Σ arrays (count, rows, width) + row. p: out, arrays, row (width,) or NULL;
   n: rows, width, count; items: entries. */
KERNEL sum_up(ARGUMENTS) {
    float *restrict out = o->p[0];
    const float *restrict arrays = o->p[1], *restrict row = o->p[2];
    int64_t width = o->n[1], size = o->n[0] * width;
    for (int64_t i = first, next; i < last; i = next) {
        next = smaller(last, i - i % width + width);
        for (int64_t j = i; j < next; j++)
            out[j] = row ? row[j - i + i % width] : 0;
        for (const float *x = arrays; x < arrays + o->n[2] * size; x += size)
            for (int64_t j = i; j < next; j++)
                out[j] += x[j];
    }
}

/* out (columns,) = the column sums of g (rows, columns). p: out, g; n: rows, columns;
   items: columns. */
KERNEL sum_columns(ARGUMENTS) {
    float *restrict out = o->p[0];
    const float *restrict g = o->p[1];
    int64_t rows = o->n[0], width = o->n[1];
    memset(out + first, 0, (last - first) * sizeof *out);
    for (int64_t i = 0; i < rows; i++)
        for (int64_t j = first; j < last; j++)
            out[j] += g[i * width + j];
}

/* -- activations.py. p: out, then the rule's arrays as kernels.py lists them; f: the setting;
   items: entries, except in softmax. */

KERNEL relu(ARGUMENTS) {
    float *out = o->p[0];
    const float *x = o->p[1];
    for (int64_t i = first; i < last; i++)
        out[i] = x[i] < 0 ? 0 : x[i]; /* NaN stays NaN */
}

KERNEL relu_gradient(ARGUMENTS) {
    float *out = o->p[0];
    const float *g = o->p[1], *y = o->p[2];
    for (int64_t i = first; i < last; i++)
        out[i] = (y[i] > 0 ? 1.0f : 0.0f) * g[i];
}

KERNEL leaky_relu(ARGUMENTS) {
    float *out = o->p[0];
    const float *x = o->p[1];
    float slope = o->f[0];
    for (int64_t i = first; i < last; i++) {
        float z = slope * x[i];
        out[i] = x[i] > z ? x[i] : z;
    }
}

KERNEL leaky_relu_gradient(ARGUMENTS) {
    float *out = o->p[0];
    const float *g = o->p[1], *y = o->p[2];
    float slope = o->f[0];
    for (int64_t i = first; i < last; i++)
        out[i] = (y[i] > 0 ? 1.0f : slope) * g[i];
}

/* For x² < 0.2 the first terms of the Taylor series, else 1 - 2 / (e²ˣ + 1). */
KERNEL hyperbolic_tangent(ARGUMENTS) {
    float *out = o->p[0];
    const float *x = o->p[1];
    for (int64_t i = first; i < last; i++) {
        float z = x[i], u = z * z;
        float near = z + z * u * (-1 / 3.0f + u * (2 / 15.0f + u * (-17 / 315.0f
                     + u * (62 / 2835.0f + u * (-1382 / 155925.0f + u * (21844 / 6081075.0f))))));
        float far = 1 - 2 / (exponential(2 * z) + 1);
        out[i] = u < 0.2f ? near : far;
    }
}

KERNEL hyperbolic_tangent_gradient(ARGUMENTS) {
    float *out = o->p[0];
    const float *g = o->p[1], *y = o->p[2];
    for (int64_t i = first; i < last; i++)
        out[i] = (1 - y[i] * y[i]) * g[i];
}

KERNEL sigmoid(ARGUMENTS) {
    float *out = o->p[0];
    const float *x = o->p[1];
    for (int64_t i = first; i < last; i++)
        out[i] = 1 / (1 + exponential(-x[i]));
}

KERNEL sigmoid_gradient(ARGUMENTS) {
    float *out = o->p[0];
    const float *g = o->p[1], *y = o->p[2];
    for (int64_t i = first; i < last; i++)
        out[i] = (1 - y[i]) * y[i] * g[i];
}

KERNEL multiply(ARGUMENTS) {
    float *out = o->p[0];
    const float *a = o->p[1], *b = o->p[2];
    for (int64_t i = first; i < last; i++)
        out[i] = a[i] * b[i];
}

/* out = e^(x - max x) / Σ e^(x - max x) for each row. p: out, x; n: width; items: rows. */
KERNEL softmax(ARGUMENTS) {
    int64_t width = o->n[0];
    for (int64_t i = first; i < last; i++) {
        float *restrict y = (float *)o->p[0] + i * width;
        const float *restrict x = (const float *)o->p[1] + i * width;
        float largest = maximum(x, width);
        for (int64_t j = 0; j < width; j++)
            y[j] = exponential(x[j] - largest);
        float total = sum(y, width);
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
   Philox block gives 8 entries of the mask. */
KERNEL dropout(ARGUMENTS) {
    float *out = o->p[0], *restrict mask = o->p[2];
    const float *x = o->p[1];
    float rate = o->f[0], scale = 1 / (1 - o->f[0]);
    uint64_t step = *(const int64_t *)o->p[3];
    for (int64_t i = first, next; i < last; i = next) {
        next = smaller(last, i / 8 * 8 + 8);
        uint64_t block[4] = {i / 8 + 1, o->n[2], step, 0};
        philox(block, o->n[0], o->n[1]);
        for (int64_t j = i; j < next; j++) {
            uint32_t bits = block[j % 8 / 2] >> j % 2 * 32;
            mask[j] = (bits >> 8) * 0x1p-24f < rate ? 0 : scale;
            out[j] = x[j] * mask[j];
        }
    }
}

/* -- losses.py */

/* row = lossᵢ, p = softmax(x). p: p (rows, width), x, row (rows,), labels; n: width; f: label
   smoothing; items: rows. */
KERNEL cross_entropy(ARGUMENTS) {
    int64_t width = o->n[0];
    const int64_t *labels = o->p[3];
    float *row = o->p[2], smoothing = o->f[0];
    for (int64_t i = first; i < last; i++) {
        float *restrict p = (float *)o->p[0] + i * width;
        const float *restrict x = (const float *)o->p[1] + i * width;
        float largest = maximum(x, width), score = 0;
        for (int64_t j = 0; j < width; j++)
            p[j] = x[j] - largest;
        if (smoothing)
            score = smoothing / width * sum(p, width);
        if ((uint64_t)labels[i] < (uint64_t)width)
            score += (1 - smoothing) * p[labels[i]];
        for (int64_t j = 0; j < width; j++)
            p[j] = exponential(p[j]);
        float total = sum(p, width);
        for (int64_t j = 0; j < width; j++)
            p[j] /= total;
        row[i] = logf(total) - score;
    }
}

/* out () = Σ weightᵢ rowᵢ. p: out, row, weights (n[0],). */
void weighted_sum(WHOLE) {
    const float *row = o->p[1], *weights = o->p[2];
    double total = 0;
    for (int64_t i = 0; i < o->n[0]; i++)
        total += (double)row[i] * weights[i];
    *(float *)o->p[0] = (float)total;
}

/* p: out (rows, width), g (), p, labels, weights (rows,); n: width; f: label smoothing;
   items: rows. */
KERNEL cross_entropy_gradient(ARGUMENTS) {
    int64_t width = o->n[0];
    const int64_t *labels = o->p[3];
    const float *weights = o->p[4];
    float smoothing = o->f[0], g = *(const float *)o->p[1];
    for (int64_t i = first; i < last; i++) {
        float *restrict out = (float *)o->p[0] + i * width;
        const float *restrict p = (const float *)o->p[2] + i * width;
        float scale = weights[i] * g, even = smoothing / width;
        for (int64_t j = 0; j < width; j++)
            out[j] = (p[j] - even) * scale;
        if ((uint64_t)labels[i] < (uint64_t)width)
            out[labels[i]] = (p[labels[i]] - (1 - smoothing + even)) * scale;
    }
}

/* same = 1 where the first largest x of a row is the label's, else 0. p: same (rows,),
   x (rows, width), labels; n: width; items: rows. */
KERNEL is_correct(ARGUMENTS) {
    int64_t width = o->n[0];
    const int64_t *labels = o->p[2];
    float *same = o->p[0];
    for (int64_t i = first; i < last; i++) {
        const float *x = (const float *)o->p[1] + i * width;
        float largest = maximum(x, width);
        int64_t j = 0;
        while (j < width && !(x[j] == largest))
            j++;
        same[i] = j == labels[i];
    }
}

/* out () = Σ x. p: out, x (n[0],). */
void count(WHOLE) {
    double total = 0;
    for (int64_t i = 0; i < o->n[0]; i++)
        total += ((const float *)o->p[1])[i];
    *(float *)o->p[0] = (float)total;
}
