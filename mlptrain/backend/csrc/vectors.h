/* Vectors of WIDTH floats. Define WIDTH before including this. */

#ifndef MLPTRAIN_VECTORS_H
#define MLPTRAIN_VECTORS_H

#include "program.h"

typedef float vector __attribute__((vector_size(4 * WIDTH), aligned(4)));
typedef int32_t integers __attribute__((vector_size(4 * WIDTH)));

/* Transpose the WIDTH x WIDTH entries of registers. For s = 1, 2, 4, ..., blocks of s x s entries
   on either side of the diagonal are swapped. */
INLINE void transpose_registers(vector row[WIDTH]) {
    integers place;
    for (int i = 0; i < WIDTH; i++)
        place[i] = i;
#pragma GCC unroll 8
    for (int s = 1; s < WIDTH; s *= 2) {
        integers odd = (place & s) / s, low = place + odd * (WIDTH - s), high = low + s;
#pragma GCC unroll 16
        for (int i = 0; i < WIDTH; i++)
            if (!(i & s)) {
                vector x = row[i], y = row[i + s];
                row[i] = __builtin_shuffle(x, y, low);
                row[i + s] = __builtin_shuffle(x, y, high);
            }
    }
}

/* Transpose WIDTH x WIDTH entries, whose rows are from_width apart, and to_width afterwards. */
INLINE void transpose(const float *from, int64_t from_width, float *to, int64_t to_width) {
    vector row[WIDTH];
    for (int i = 0; i < WIDTH; i++)
        row[i] = *(const vector *)(from + i * from_width);
    transpose_registers(row);
    for (int i = 0; i < WIDTH; i++)
        *(vector *)(to + i * to_width) = row[i];
}

#endif
