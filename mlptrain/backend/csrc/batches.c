/* The rule of mlptrain/data/batches.py. */

#include "program.h"

#define AHEAD 4 /* rows between what is fetched and what is used */

/* p: out (rows, width), pixels, their places, scale (width,), offset (width,) or NULL; n: rows,
   width; items: entries. */
KERNEL scaled_rows(ARGUMENTS) {
    int64_t rows = o->n[0], width = o->n[1];
    const uint8_t *all = o->p[1];
    const int64_t *places = o->p[2];
    const float *restrict scale = o->p[3], *restrict offset = o->p[4];
    for (int64_t i = first, next; i < last; i = next) {
        int64_t row = i / width, begin = i % width, end = smaller(width, begin + last - i);
        float *restrict out = (float *)o->p[0] + row * width;
        const uint8_t *restrict pixels = all + places[row] * width;
        if (row + AHEAD < rows) /* rows lie anywhere in memory */
            for (int64_t j = begin; j < end; j += 64)
                __builtin_prefetch(all + places[row + AHEAD] * width + j);
        if (offset)
            for (int64_t j = begin; j < end; j++)
                out[j] = pixels[j] * scale[j] + offset[j];
        else
            for (int64_t j = begin; j < end; j++)
                out[j] = pixels[j] * scale[j];
        next = i + end - begin;
    }
}
