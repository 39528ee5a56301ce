/* Kernels that move bytes of any type: the rules of mlptrain/training/step.py, and `take` of
   mlptrain/data/batches.py. */

#include "program.h"

/* p: out, table, counter (1,); n: rows of the table, bytes per row. */
void row(WHOLE) {
    int64_t index = *(const int64_t *)o->p[2] % o->n[0];
    memcpy(o->p[0], (const char *)o->p[1] + index * o->n[1], o->n[1]);
}

/* p: out, value, counter (1,); n: rows of out, bytes per row. */
void put(WHOLE) {
    int64_t index = *(const int64_t *)o->p[2] % o->n[0];
    memcpy((char *)o->p[0] + index * o->n[1], o->p[1], o->n[1]);
}

/* p: out (1,). */
void advance(WHOLE) { *(int64_t *)o->p[0] += 1; }

/* p: out (rows, ...), source, places; n: bytes per row; items: rows. */
void take(ARGUMENTS) {
    const int64_t *places = o->p[2], size = o->n[0];
    for (int64_t i = first; i < last; i++)
        if (size == 8)
            ((int64_t *)o->p[0])[i] = ((const int64_t *)o->p[1])[places[i]];
        else
            memcpy((char *)o->p[0] + i * size, (const char *)o->p[1] + places[i] * size, size);
}
