/* The rules of mlptrain/data/batches.py and targets.py. */

#include "program.h"

/* p: out (n[0],), source, places; n[1]: bytes per entry. */
void take(WHOLE) {
    const int64_t *places = o->p[2], size = o->n[1];
    for (int64_t i = 0; i < o->n[0]; i++)
        if (size == 8)
            ((int64_t *)o->p[0])[i] = ((const int64_t *)o->p[1])[places[i]];
        else
            memcpy((char *)o->p[0] + i * size, (const char *)o->p[1] + places[i] * size, size);
}

/* p: out (n[0],), places, weights or NULL. */
void shares(WHOLE) {
    float *out = o->p[0];
    const int64_t *places = o->p[1];
    const float *weights = o->p[2];
    double total = 0;
    for (int64_t i = 0; i < o->n[0]; i++) {
        out[i] = weights ? weights[places[i]] : 1;
        total += out[i];
    }
    for (int64_t i = 0; i < o->n[0]; i++)
        out[i] = total > 0 ? (float)(out[i] / total) : 0;
}

#define AHEAD 4 /* prefetch this many rows ahead */

/* p: out (rows, width), pixels, places (rows,), scale (width,), offset (width,) or NULL; n: width;
   items: rows. */
KERNEL scaled_rows(ARGUMENTS) {
    int64_t width = o->n[0];
    const int64_t *places = o->p[2];
    const float *restrict scale = o->p[3], *restrict offset = o->p[4];
    for (int64_t i = first; i < last; i++) {
        const uint8_t *restrict pixels = (const uint8_t *)o->p[1] + places[i] * width;
        float *restrict out = (float *)o->p[0] + i * width;
        if (i + AHEAD < last) /* shuffled rows: the hardware cannot predict the next one */
            for (int64_t j = 0; j < width; j += 64)
                __builtin_prefetch((const uint8_t *)o->p[1] + places[i + AHEAD] * width + j);
        if (offset)
            for (int64_t j = 0; j < width; j++)
                out[j] = pixels[j] * scale[j] + offset[j];
        else
            for (int64_t j = 0; j < width; j++)
                out[j] = pixels[j] * scale[j];
    }
}
