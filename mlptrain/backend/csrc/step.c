/* The rules of mlptrain/training/step.py. */

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
