/* The rules of mlptrain/optim; items: entries of the vector, or parts of it. */

#include "program.h"

/* p: w, g, coefficients: g ← g + l2 w, w ← shrink w. */
KERNEL decay(ARGUMENTS) {
    float *restrict w = o->p[0], *restrict g = o->p[1];
    const float *coefficients = o->p[2];
    float l2 = coefficients[0], shrink = coefficients[1];
    for (int64_t i = first; i < last; i++) {
        g[i] += l2 * w[i];
        w[i] *= shrink;
    }
}

/* p: w, g, coefficients. */
KERNEL sgd(ARGUMENTS) {
    float *restrict w = o->p[0];
    const float *restrict g = o->p[1];
    float rate = *(const float *)o->p[2];
    for (int64_t i = first; i < last; i++)
        w[i] -= rate * g[i];
}

/* p: w, g, coefficients, v. f: nesterov. */
KERNEL momentum(ARGUMENTS) {
    float *restrict w = o->p[0], *restrict v = o->p[3];
    const float *restrict g = o->p[1];
    const float *coefficients = o->p[2];
    float rate = coefficients[0], mu = coefficients[1];
    if (o->f[0])
        for (int64_t i = first; i < last; i++) {
            v[i] = mu * v[i] + g[i];
            w[i] -= rate * (g[i] + mu * v[i]);
        }
    else
        for (int64_t i = first; i < last; i++) {
            v[i] = mu * v[i] + g[i];
            w[i] -= rate * v[i];
        }
}

/* p: w, g, coefficients, m, v. */
KERNEL adam(ARGUMENTS) {
    float *restrict w = o->p[0], *restrict m = o->p[3], *restrict v = o->p[4];
    const float *restrict g = o->p[1];
    const float *coefficients = o->p[2];
    float beta_1 = coefficients[0], beta_2 = coefficients[1];
    float epsilon = coefficients[2], size = coefficients[3];
    for (int64_t i = first; i < last; i++) {
        m[i] = beta_1 * m[i] + g[i];
        v[i] = beta_2 * v[i] + g[i] * g[i];
        w[i] -= size * m[i] / (sqrtf(v[i]) + epsilon);
    }
}

/* p: sums (parts,), g (n[0],); n[1]: entries per part. The sum of squares of each part. */
KERNEL square_sums(ARGUMENTS) {
    for (int64_t part = first; part < last; part++) {
        const float *g = (const float *)o->p[1] + part * o->n[1];
        int64_t n = o->n[0] - part * o->n[1], i = 0;
        n = n < 0 ? 0 : n < o->n[1] ? n : o->n[1];
        float lane[4 * LANES] = {0};
        double total = 0;
        for (; i + 4 * LANES <= n; i += 4 * LANES)
            for (int j = 0; j < 4 * LANES; j++)
                lane[j] += g[i + j] * g[i + j];
        for (int j = 0; j < 4 * LANES; j++)
            total += lane[j];
        for (; i < n; i++)
            total += (double)g[i] * g[i];
        ((float *)o->p[0])[part] = (float)total;
    }
}
