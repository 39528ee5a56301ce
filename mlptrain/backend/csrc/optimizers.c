/* The rules of mlptrain/optim; items: entries of the vector. */

#include "program.h"

#define AT_ONCE 65536 /* squares summed in float32; a longer sum would lose digits */

/* g ← g + share w, then w ← factor w. p: w, g, coefficients. */
KERNEL(decay)(ARGUMENTS) {
    real *restrict w = o->p[0], *restrict g = o->p[1];
    const real *coefficients = o->p[2];
    real share = coefficients[0], factor = coefficients[1];
    for (int64_t i = first; i < last; i++) {
        g[i] += share * w[i];
        w[i] *= factor;
    }
}

/* p: w, g, coefficients. */
KERNEL(sgd)(ARGUMENTS) {
    real *restrict w = o->p[0];
    const real *restrict g = o->p[1];
    real rate = *(const real *)o->p[2];
    for (int64_t i = first; i < last; i++)
        w[i] -= rate * g[i];
}

/* p: w, g, coefficients, v. f: nesterov. */
KERNEL(momentum)(ARGUMENTS) {
    real *restrict w = o->p[0], *restrict v = o->p[3];
    const real *restrict g = o->p[1];
    const real *coefficients = o->p[2];
    real rate = coefficients[0], mu = coefficients[1];
    if (o->f[0])
        for (int64_t i = first; i < last; i++) {
            v[i] = mu * v[i] + rate * g[i];
            w[i] -= rate * g[i] + mu * v[i];
        }
    else
        for (int64_t i = first; i < last; i++) {
            v[i] = mu * v[i] + rate * g[i];
            w[i] -= v[i];
        }
}

/* p: w, g, coefficients, m, v. */
KERNEL(adam)(ARGUMENTS) {
    real *restrict w = o->p[0], *restrict m = o->p[3], *restrict v = o->p[4];
    const real *restrict g = o->p[1];
    const real *coefficients = o->p[2];
    real beta_1 = coefficients[0], beta_2 = coefficients[1];
    real epsilon = coefficients[2], size = coefficients[3];
    for (int64_t i = first; i < last; i++) {
        m[i] = beta_1 * m[i] + g[i];
        v[i] = beta_2 * v[i] + g[i] * g[i];
        w[i] -= size * m[i] / (sqrt(v[i]) + epsilon);
    }
}

/* Adds the squares of g to the part's sum. p: sums (parts,) float64, g. */
KERNEL(square_sums)(NUMBERED) {
    const real *g = o->p[1];
    double total = 0;
    for (int64_t i = first; i < last;) {
        int64_t stop = smaller(last, i + AT_ONCE);
        real lane[4 * LANES] = {0};
        double some = 0;
        for (int64_t j = i; j + 4 * LANES <= stop; j += 4 * LANES)
            for (int k = 0; k < 4 * LANES; k++)
                lane[k] += g[j + k] * g[j + k];
        for (int k = 0; k < 4 * LANES; k++)
            some += lane[k];
        int64_t rest = i + (stop - i) / (4 * LANES) * (4 * LANES);
        if (!(some < HUGE_VAL)) /* squares overflowed float32: sum again in float64 */
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
void REAL(clip_factor)(WHOLE) {
    double *sums = o->p[1], total = 0, limit = o->f[0];
    for (int64_t i = 0; i < o->n[0]; i++)
        total += sums[i];
    memset(sums, 0, o->n[0] * sizeof *sums);
    double length = sqrt(total);
    *(real *)o->p[0] = length > limit && length < HUGE_VAL ? (real)(limit / length) : 1;
}

/* out ← factor out. p: out, factor (1,). */
KERNEL(scale_by)(ARGUMENTS) {
    real *restrict out = o->p[0], factor = *(const real *)o->p[1];
    if (factor != 1)
        for (int64_t i = first; i < last; i++)
            out[i] *= factor;
}

/* loss () += share / 2 Σ sums. Resets the sums to 0 for the next step. p: loss, sums (n[0],) float64,
   share (1,). */
void REAL(add_penalty)(WHOLE) {
    double *sums = o->p[1], total = 0;
    for (int64_t i = 0; i < o->n[0]; i++)
        total += sums[i];
    memset(sums, 0, o->n[0] * sizeof *sums);
    *(real *)o->p[0] += (real)(*(const real *)o->p[2] / 2 * total);
}

/* out ← out + share g. p: out, g, share (1,). */
KERNEL(add_share)(ARGUMENTS) {
    real *restrict out = o->p[0], share = *(const real *)o->p[2];
    const real *restrict g = o->p[1];
    for (int64_t i = first; i < last; i++)
        out[i] += share * g[i];
}
