/* Exponentials, maxima and sums of real numbers. */

#ifndef MLPTRAIN_NUMBERS_H
#define MLPTRAIN_NUMBERS_H

#include "program.h"

/* x = n log 2 + r with a whole number n and |r| <= log 2 / 2. The first of the two parts of log 2
   has so few bits that n times it is exact. */
#ifdef FLOAT64
#define LOG_2_FIRST 0.693145751953125
#define LOG_2_REST 1.42860682030941723212e-6
typedef int64_t bits;
#define BIAS 1023
#define FRACTION 52
#define LEAST -746 /* e^LEAST is 0, e^MOST Inf */
#define MOST 710
#else
#define LOG_2_FIRST 0.693359375f
#define LOG_2_REST -2.12194440e-4f
typedef int32_t bits;
#define BIAS 127
#define FRACTION 23
#define LEAST -104
#define MOST 89
#endif

/* e^r - 1 for |r| <= log 2 / 2, by as many terms of the Taylor series as its digits need. */
INLINE real series(real r) {
#ifdef FLOAT64
    real rest = 1 / 40320. + r * (1 / 362880. + r * (1 / 3628800. + r * (1 / 39916800.
                + r * (1 / 479001600. + r * (1 / 6227020800.)))));
#else
    real rest = 0;
#endif
    return r * (1 + r * ((real)(1 / 2.) + r * ((real)(1 / 6.) + r * ((real)(1 / 24.)
           + r * ((real)(1 / 120.) + r * ((real)(1 / 720.) + r * ((real)(1 / 5040.)
           + r * rest)))))));
}

/* 2^n, if that is a normal number. */
INLINE real power_of_2(bits n) {
    union { bits i; real x; } power = {(n + BIAS) << FRACTION};
    return power.x;
}

/* eˣ; 0 or Inf out of range, NaN for NaN. */
INLINE real exponential(real x) {
    x = x < LEAST ? LEAST : x > MOST ? MOST : x;
    real n = rint(x * (real)1.4426950408889634);
    real y = 1 + series((x - n * LOG_2_FIRST) - n * LOG_2_REST);
    int32_t whole = (int32_t)n, half = whole / 2;
    return y * power_of_2(half) * power_of_2(whole - half);
}

/* eˣ - 1 for x in [0, 40]. */
INLINE real exponential_minus_1(real x) {
    real n = rint(x * (real)1.4426950408889634), power = power_of_2((int32_t)n);
    return power * series((x - n * LOG_2_FIRST) - n * LOG_2_REST) + (power - 1);
}

/* The largest of n > 0 numbers; may ignore NaN. */
INLINE real maximum(const real *x, int64_t n) {
    real lane[LANES], largest = x[0];
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

INLINE real sum(const real *x, int64_t n) {
    real lane[LANES] = {0}, total = 0;
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

#endif
