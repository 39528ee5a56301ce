/* The rules of mlptrain/functions. */

#include "program.h"

/* eˣ to float32 rounding; 0 and Inf beyond its range, NaN for NaN. */
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

/* The largest of n > 0 numbers; a NaN may be passed over. */
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

/* -- linear.py */

typedef void (*sgemm_64)(int, int, int, int64_t, int64_t, int64_t, float, const float *, int64_t,
                         const float *, int64_t, float, float *, int64_t);
typedef void (*sgemm_32)(int, int, int, int32_t, int32_t, int32_t, float, const float *, int32_t,
                         const float *, int32_t, float, float *, int32_t);

static void *sgemm;
static int64_t sgemm_bits;

/* Have products computed by `function`, a cblas_sgemm whose sizes have 32 or 64 bits. */
void use_sgemm(void *function, int64_t bits) {
    sgemm = function;
    sgemm_bits = bits;
}

/* out (m, n) = a (m, k) b (k, n), plus a row where there is one. p: out, a, b, the row or NULL;
   n: m, n, k, and how: 1 and 2 say that a and b are stored transposed, 4 that the items are the
   columns of out instead of its rows, 8 that they are what is summed over: each part then writes
   its sums into an out (m, n) of its own. */
void matrix_product(NUMBERED) {
    float *out = o->p[0];
    const float *a = o->p[1], *b = o->p[2], *row = o->p[3];
    int64_t m = o->n[0], n = o->n[1], k = o->n[2], how = o->n[3], columns = n;
    int64_t a_width = how & 1 ? m : k, b_width = how & 2 ? k : n;
    int a_order = how & 1 ? 112 : 111, b_order = how & 2 ? 112 : 111;
    if (how & 8) {
        a += how & 1 ? first * a_width : first;
        b += how & 2 ? first : first * b_width;
        out += part * m * n;
        k = last - first;
    } else if (how & 4) {
        b += how & 2 ? first * b_width : first;
        out += first;
        row += row ? first : 0;
        columns = last - first;
    } else {
        a += how & 1 ? first : first * a_width;
        out += first * n;
        m = last - first;
    }
    if (sgemm_bits == 32)
        ((sgemm_32)sgemm)(101, a_order, b_order, m, columns, k, 1, a, a_width, b, b_width, 0,
                          out, n);
    else
        ((sgemm_64)sgemm)(101, a_order, b_order, m, columns, k, 1, a, a_width, b, b_width, 0,
                          out, n);
    if (row)
        for (int64_t i = 0; i < m; i++)
            for (int64_t j = 0; j < columns; j++)
                out[i * n + j] += row[j];
}

/* out (rows, width) = the sum of arrays of its size, plus a row where there is one. p: out, the
   arrays, the row or NULL; n: rows, width, how many arrays; items: entries. */
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

/* out (columns,) = the sums of the columns of g (n[0], n[1]); items: columns. */
KERNEL sum_columns(ARGUMENTS) {
    float *restrict out = o->p[0];
    const float *restrict g = o->p[1];
    int64_t rows = o->n[0], width = o->n[1];
    memset(out + first, 0, (last - first) * sizeof *out);
    for (int64_t i = 0; i < rows; i++)
        for (int64_t j = first; j < last; j++)
            out[j] += g[i * width + j];
}

/* -- activations.py: p: out and the arrays that the rule asks for, in its order; f: its setting. */

KERNEL relu(ARGUMENTS) {
    float *out = o->p[0];
    const float *x = o->p[1];
    for (int64_t i = first; i < last; i++)
        out[i] = x[i] < 0 ? 0 : x[i]; /* NaN stays NaN */
}

KERNEL relu_gradient(ARGUMENTS) {
    float *out = o->p[0];
    const float *g = o->p[1], *x = o->p[2];
    for (int64_t i = first; i < last; i++)
        out[i] = (x[i] > 0 ? 1.0f : 0.0f) * g[i];
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
    const float *g = o->p[1], *x = o->p[2];
    float slope = o->f[0];
    for (int64_t i = first; i < last; i++)
        out[i] = (x[i] > 0 ? 1.0f : slope) * g[i];
}

/* Near 0 the first terms of its Taylor series, else 1 - 2 / (e²ˣ + 1). */
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

/* p: out, x; n: width; items: rows. Writes e^(x - largest x) / sum into out. */
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

/* -- losses.py */

/* p: softmax p (rows, width), x, row (rows,), labels, weights; n: width; f: label smoothing.
   Writes lossᵢ into row. */
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

/* p: out (), row (rows,), weights, share (rows,); n: rows. As write_weighted_mean. */
void weighted_mean(WHOLE) {
    const float *row = o->p[1], *weights = o->p[2];
    float *share = o->p[3];
    double total = 0, mean = 0;
    for (int64_t i = 0; i < o->n[0]; i++)
        total += weights[i];
    for (int64_t i = 0; i < o->n[0]; i++) {
        share[i] = (float)(weights[i] / total);
        mean += (double)row[i] * share[i];
    }
    *(float *)o->p[0] = (float)mean;
}

/* p: out (rows, width), g (), p, labels, share (rows,); n: width; f: label smoothing. */
KERNEL cross_entropy_gradient(ARGUMENTS) {
    int64_t width = o->n[0];
    const int64_t *labels = o->p[3];
    const float *share = o->p[4];
    float smoothing = o->f[0], g = *(const float *)o->p[1];
    for (int64_t i = first; i < last; i++) {
        float *restrict out = (float *)o->p[0] + i * width;
        const float *restrict p = (const float *)o->p[2] + i * width;
        float scale = share[i] * g, even = smoothing / width;
        for (int64_t j = 0; j < width; j++)
            out[j] = (p[j] - even) * scale;
        if ((uint64_t)labels[i] < (uint64_t)width)
            out[labels[i]] = (p[labels[i]] - (1 - smoothing + even)) * scale;
    }
}

/* p: same (rows,), x (rows, width), labels; n: width. Writes whether x is largest at the label. */
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

/* p: out (), x (n[0],). */
void count(WHOLE) {
    double total = 0;
    for (int64_t i = 0; i < o->n[0]; i++)
        total += ((const float *)o->p[1])[i];
    *(float *)o->p[0] = (float)total;
}
