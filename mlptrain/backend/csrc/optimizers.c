/* The rules of mlptrain/optim; items: entries of the vector, or parts of it. */

#include "program.h"

#define MOST 65536

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

/* p: sums (parts,), g. Adds the squares of the entries to their part's sum. */
KERNEL square_sums(NUMBERED) {
    const float *g = o->p[1];
    double total = 0;
    for (int64_t i = first; i < last;) {
        int64_t stop = smaller(last, i + MOST); /* float32 sums of more would be off */
        float lane[4 * LANES] = {0};
        for (; i + 4 * LANES <= stop; i += 4 * LANES)
            for (int j = 0; j < 4 * LANES; j++)
                lane[j] += g[i + j] * g[i + j];
        for (int j = 0; j < 4 * LANES; j++)
            total += lane[j];
        for (; i < stop; i++)
            total += (double)g[i] * g[i];
    }
    ((float *)o->p[0])[part] += (float)total;
}

/* p: out (n[0],), sums (n[1],). Their total goes into out[0]; the rest of out, and the sums for the
   next time, become 0. */
void total(WHOLE) {
    float *out = o->p[0], *sums = o->p[1];
    double all = 0;
    for (int64_t i = 0; i < o->n[1]; i++)
        all += sums[i];
    memset(sums, 0, o->n[1] * sizeof *sums);
    memset(out, 0, o->n[0] * sizeof *out);
    out[0] = (float)all;
}
