/* The rules of mlptrain/data/batches.py and targets.py, and of mlptrain/sklearn/examples.py. */

#include "program.h"

/* p: out (n[0],), places, weights or NULL. */
void REAL(shares)(WHOLE) {
    real *out = o->p[0];
    const int64_t *places = o->p[1];
    const real *weights = o->p[2];
    double total = 0;
    for (int64_t i = 0; i < o->n[0]; i++) {
        out[i] = weights ? weights[places[i]] : 1;
        total += out[i];
    }
    for (int64_t i = 0; i < o->n[0]; i++)
        out[i] = total > 0 ? (real)(out[i] / total) : 0;
}

#define AHEAD 2 /* prefetch this many rows ahead */

/* out = numbers * scale + offset, row by row; `source` is the type of the numbers. */
#define SCALED_ROWS(source)                                                                        \
    int64_t width = o->n[0];                                                                       \
    const int64_t *places = o->p[2];                                                               \
    const real *restrict scale = o->p[3], *restrict offset = o->p[4];                              \
    for (int64_t i = first; i < last; i++) {                                                       \
        const source *restrict numbers = (const source *)o->p[1] + places[i] * width;              \
        real *restrict out = (real *)o->p[0] + i * width;                                          \
        if (i + AHEAD < last) /* shuffled rows: the hardware cannot predict the next one */        \
            for (int64_t j = 0; j < width; j += 64 / (int64_t)sizeof *numbers)                     \
                __builtin_prefetch((const source *)o->p[1] + places[i + AHEAD] * width + j);       \
        if (offset)                                                                                \
            for (int64_t j = 0; j < width; j++)                                                    \
                out[j] = numbers[j] * scale[j] + offset[j];                                        \
        else                                                                                       \
            for (int64_t j = 0; j < width; j++)                                                    \
                out[j] = numbers[j] * scale[j];                                                    \
    }

/* p: out (rows, width), pixels uint8 or numbers, places (rows,), scale (width,), offset (width,) or
   NULL; n: width; items: rows. */
KERNEL(scaled_pixels)(ARGUMENTS) { SCALED_ROWS(uint8_t) }
KERNEL(scaled_numbers)(ARGUMENTS) { SCALED_ROWS(real) }

/* p: out (rows, width), places (rows,), data, columns, ends; n: width; items: rows. */
KERNEL(sparse_rows)(ARGUMENTS) {
    const int64_t *places = o->p[1], *columns = o->p[3], *ends = o->p[4];
    const real *data = o->p[2];
    for (int64_t i = first; i < last; i++) {
        real *out = (real *)o->p[0] + i * o->n[0];
        memset(out, 0, o->n[0] * sizeof *out);
        for (int64_t j = ends[places[i]]; j < ends[places[i] + 1]; j++)
            out[columns[j]] = data[j];
    }
}
