/* The rules of mlptrain/optim; items: entries of the vector. */

#include "program.h"

#define MOST 65536 /* squares summed in float32; a longer sum would lose digits */

/* g ← g + share w, then w ← factor w. p: w, g, coefficients. */
KERNEL decay(ARGUMENTS) {
    float *restrict w = o->p[0], *restrict g = o->p[1];
    const float *coefficients = o->p[2];
    float share = coefficients[0], factor = coefficients[1];
    for (int64_t i = first; i < last; i++) {
        g[i] += share * w[i];
        w[i] *= factor;
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

/* Adds the squares of g to the part's sum. p: sums (parts,) float64, g. */
KERNEL square_sums(NUMBERED) {
    const float *g = o->p[1];
    double total = 0;
    for (int64_t i = first; i < last;) {
        int64_t stop = smaller(last, i + MOST);
        float lane[4 * LANES] = {0};
        double some = 0;
        for (int64_t j = i; j + 4 * LANES <= stop; j += 4 * LANES)
            for (int k = 0; k < 4 * LANES; k++)
                lane[k] += g[j + k] * g[j + k];
        for (int k = 0; k < 4 * LANES; k++)
            some += lane[k];
        int64_t rest = i + (stop - i) / (4 * LANES) * (4 * LANES);
        if (!(some < HUGE_VALF)) /* squares overflowed float32: sum again in float64 */
            for (some = 0, rest = i; rest < stop; rest++)
                some += (double)g[rest] * g[rest];
        for (; rest < stop; rest++)
            some += (double)g[rest] * g[rest];
        total += some;
        i = stop;
    }
    ((double *)o->p[0])[part] += total;
}

/* out (1,) = min(1, limit / length) with length = √Σ sums, or 1 if that is NaN or Inf. Resets the
   sums to 0 for the next step. p: out, sums (n[0],) float64; f: limit. */
void clip_factor(WHOLE) {
    double *sums = o->p[1], total = 0, limit = o->f[0];
    for (int64_t i = 0; i < o->n[0]; i++)
        total += sums[i];
    memset(sums, 0, o->n[0] * sizeof *sums);
    double length = sqrt(total);
    *(float *)o->p[0] = length > limit && length < HUGE_VAL ? (float)(limit / length) : 1;
}

/* out ← factor out. p: out, factor (1,). */
KERNEL scale_by(ARGUMENTS) {
    float *restrict out = o->p[0], factor = *(const float *)o->p[1];
    if (factor != 1)
        for (int64_t i = first; i < last; i++)
            out[i] *= factor;
}
