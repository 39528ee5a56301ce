/* The rules of mlptrain/functions/losses.py and mlptrain/sklearn/losses.py. */

#include "numbers.h"

#define EXPONENTIALS 512 /* about as many are computed at a time, whatever the width */

/* row = lossᵢ, p = softmax(x). p: p (rows, width), x, row (rows,), labels; n: width; f: label
   smoothing, largest loss; items: rows. */
KERNEL(cross_entropy)(ARGUMENTS) {
    int64_t width = o->n[0], rows = width < EXPONENTIALS ? EXPONENTIALS / width : 1;
    const int64_t *labels = o->p[3];
    real *row = o->p[2], smoothing = o->f[0], most = o->f[1];
    for (int64_t next; first < last; first = next) {
        next = smaller(last, first + rows);
        real *restrict p = (real *)o->p[0] + first * width;
        const real *restrict x = (const real *)o->p[1] + first * width;
        for (int64_t i = first; i < next; i++, p += width, x += width) {
            real largest = maximum(x, width), score = 0;
            for (int64_t j = 0; j < width; j++)
                p[j] = x[j] - largest;
            if (smoothing)
                score = smoothing / width * sum(p, width);
            if ((uint64_t)labels[i] < (uint64_t)width)
                score += (1 - smoothing) * p[labels[i]];
            row[i] = score;
        }
        p = (real *)o->p[0] + first * width;
        for (int64_t j = 0; j < (next - first) * width; j++)
            p[j] = exponential(p[j]);
        for (int64_t i = first; i < next; i++, p += width) {
            real total = sum(p, width);
            for (int64_t j = 0; j < width; j++)
                p[j] /= total;
            real loss = log(total) - row[i];
            row[i] = loss > most ? most : loss; /* NaN stays NaN */
        }
    }
}

/* out () = Σ weightᵢ rowᵢ. p: out, row, weights (n[0],). */
void REAL(weighted_sum)(WHOLE) {
    const real *row = o->p[1], *weights = o->p[2];
    double total = 0;
    for (int64_t i = 0; i < o->n[0]; i++)
        total += (double)row[i] * weights[i];
    *(real *)o->p[0] = (real)total;
}

/* p: out (rows, width), g (), p, labels, weights (rows,); n: width; f: label smoothing;
   items: rows. */
KERNEL(cross_entropy_gradient)(ARGUMENTS) {
    int64_t width = o->n[0];
    const int64_t *labels = o->p[3];
    const real *weights = o->p[4];
    real smoothing = o->f[0], g = *(const real *)o->p[1];
    for (int64_t i = first; i < last; i++) {
        real *restrict out = (real *)o->p[0] + i * width;
        const real *restrict p = (const real *)o->p[2] + i * width;
        real scale = weights[i] * g, even = smoothing / width;
        for (int64_t j = 0; j < width; j++)
            out[j] = (p[j] - even) * scale;
        if ((uint64_t)labels[i] < (uint64_t)width)
            out[labels[i]] = (p[labels[i]] - (1 - smoothing + even)) * scale;
    }
}

/* same = 1 where the first largest x of a row is the label's, else 0. p: same (rows,),
   x (rows, width), labels; n: width; items: rows. */
KERNEL(is_correct)(ARGUMENTS) {
    int64_t width = o->n[0];
    const int64_t *labels = o->p[2];
    real *same = o->p[0];
    for (int64_t i = first; i < last; i++) {
        const real *x = (const real *)o->p[1] + i * width;
        real largest = maximum(x, width);
        int64_t j = 0;
        while (j < width && !(x[j] == largest))
            j++;
        same[i] = j == labels[i];
    }
}

/* out () = Σ x. p: out, x (n[0],). */
void REAL(count)(WHOLE) {
    double total = 0;
    for (int64_t i = 0; i < o->n[0]; i++)
        total += ((const real *)o->p[1])[i];
    *(real *)o->p[0] = (real)total;
}

/* -- sklearn/losses.py: p = the prediction for x. p: p (rows, width), x, row (rows,),
   t (rows, width); n: width; items: rows. */

/* p = σ(x), row = -Σ t log p + (1 - t) log(1 - p), with p as far from 0 and 1 as its type can
   tell. */
KERNEL(binary_log_loss)(ARGUMENTS) {
    int64_t width = o->n[0];
    real *row = o->p[2], least = sizeof(real) == 8 ? 0x1p-52 : 0x1p-23;
    for (int64_t i = first; i < last; i++) {
        real *restrict p = (real *)o->p[0] + i * width;
        const real *restrict x = (const real *)o->p[1] + i * width;
        const real *restrict t = (const real *)o->p[3] + i * width;
        row[i] = 0;
        for (int64_t j = 0; j < width; j++)
            p[j] = 1 / (1 + exponential(-x[j]));
        for (int64_t j = 0; j < width; j++) {
            real near = p[j] < least ? least : p[j] > 1 - least ? 1 - least : p[j];
            row[i] -= (t[j] ? t[j] * log(near) : 0) + (t[j] != 1 ? (1 - t[j]) * log(1 - near) : 0);
        }
    }
}

/* p = x, row = Σ (x - t)² / (2 width). */
KERNEL(squared_error)(ARGUMENTS) {
    int64_t width = o->n[0];
    real *row = o->p[2];
    for (int64_t i = first; i < last; i++) {
        real *restrict p = (real *)o->p[0] + i * width;
        const real *restrict x = (const real *)o->p[1] + i * width;
        const real *restrict t = (const real *)o->p[3] + i * width;
        row[i] = 0;
        for (int64_t j = 0; j < width; j++) {
            p[j] = x[j];
            row[i] += (x[j] - t[j]) * (x[j] - t[j]);
        }
        row[i] /= 2 * width;
    }
}

/* out = (p - t) weightᵢ g. p: out (rows, width), g (), p, t, weights (rows,). */
KERNEL(residual_gradient)(ARGUMENTS) {
    int64_t width = o->n[0];
    real g = *(const real *)o->p[1];
    for (int64_t i = first; i < last; i++) {
        real *restrict out = (real *)o->p[0] + i * width;
        const real *restrict p = (const real *)o->p[2] + i * width;
        const real *restrict t = (const real *)o->p[3] + i * width;
        real scale = ((const real *)o->p[4])[i] * g;
        for (int64_t j = 0; j < width; j++)
            out[j] = (p[j] - t[j]) * scale;
    }
}
