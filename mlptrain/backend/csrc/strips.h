/* The tiles of tiles.c and bfloat16.c, which explain them. Each defines, before it includes this,

   - lane: what a lane of a register holds of a factor, 32 bits;
   - WITH_PRODUCT(sum, a, x): the vector sum + a x for a lane a and a register x of lanes. */

#ifndef MLPTRAIN_STRIPS_H
#define MLPTRAIN_STRIPS_H

#define WIDTH 16 /* lanes of a register */
#include "vectors.h"

#define COLUMNS (2 * WIDTH) /* of a tile */
#define ROWS 12             /* of a tile: its sums fill 24 of the 32 registers */
#define SPAN 512            /* most columns of a slab */
#define DEPTH 512           /* most rows of a slab, in lanes */
#define BLOCK (8 * ROWS)    /* rows of a packed at a time */
#define AHEAD (8 * COLUMNS) /* prefetch this many lanes ahead in a panel */

typedef lane lanes __attribute__((vector_size(4 * WIDTH), aligned(4)));

extern int64_t slab_depth; /* rows of a slab: DEPTH, or what fills half of the L2 cache */

/* out = start + a panel. a (i, l) is a[i * a_row + l * a_column]; the panel is (k, COLUMNS) and
   starts panel_apart after the one before; rows of start and out are start_width and out_width
   apart. */
typedef struct {
    const lane *a, *panel;
    const float *start;
    float *out;
    int64_t k, a_row, a_column, panel_apart, start_width, out_width;
} factors;

/* One tile of `rows` rows, each `wide` registers wide. */
INLINE void tile(int rows, int wide, factors f) {
    vector sum[ROWS][2];
    for (int i = 0; i < rows; i++)
        for (int j = 0; j < wide; j++)
            sum[i][j] = (vector){0};
    for (int64_t l = 0; l < f.k; l++, f.a += f.a_column, f.panel += COLUMNS) {
        lanes x[2];
        for (int j = 0; j < wide; j++)
            x[j] = *(const lanes *)(f.panel + j * WIDTH);
        for (int j = 0; j < wide; j++)
            __builtin_prefetch(f.panel + AHEAD + j * WIDTH);
#pragma GCC unroll 16
        for (int i = 0; i < rows; i++)
            for (int j = 0; j < wide; j++)
                sum[i][j] = WITH_PRODUCT(sum[i][j], f.a[i * f.a_row], x[j]);
    }
    for (int i = 0; i < rows; i++)
        for (int j = 0; j < wide; j++)
            *(vector *)(f.out + i * f.out_width + j * WIDTH) =
                *(const vector *)(f.start + i * f.start_width + j * WIDTH) + sum[i][j];
}

/* A tile of at most COLUMNS columns; a narrower one is computed in a buffer of full width. */
INLINE void fitted_tile(int rows, int64_t columns, factors f) {
    if (columns == COLUMNS) {
        tile(rows, 2, f);
        return;
    }
    float edge[ROWS * COLUMNS] = {0};
    factors inside = f;
    for (int i = 0; i < rows; i++)
        memcpy(edge + i * COLUMNS, f.start + i * f.start_width, columns * sizeof *edge);
    inside.start = inside.out = edge;
    inside.start_width = inside.out_width = COLUMNS;
    if (columns > WIDTH)
        tile(rows, 2, inside);
    else
        tile(rows, 1, inside);
    for (int i = 0; i < rows; i++)
        memcpy(f.out + i * f.out_width, edge + i * COLUMNS, columns * sizeof *edge);
}

/* A strip: `rows` rows and the first `columns` columns of the result, panel by panel. */
INLINE void strip(int rows, int64_t columns, factors f) {
    for (int64_t j = 0; j < columns; j += COLUMNS) {
        for (int i = 0; i < rows; i++)
            for (int64_t l = 0; l < COLUMNS; l += WIDTH)
                __builtin_prefetch(f.out + i * f.out_width + l, 1);
        fitted_tile(rows, smaller(COLUMNS, columns - j), f);
        f.panel += f.panel_apart;
        f.start += COLUMNS;
        f.out += COLUMNS;
    }
}

/* m rows, strip by strip. In a, full strips are `strip_apart` entries apart, the remaining rows
   `row_apart`. */
INLINE void strips(int64_t m, int64_t columns, factors f, int64_t strip_apart, int64_t row_apart) {
#define STRIPS(rows)                                                                               \
    for (; m >= (rows); m -= (rows)) {                                                             \
        strip(rows, columns, f);                                                                   \
        f.a += (rows) == ROWS ? strip_apart : (rows) * row_apart;                                  \
        f.start += (rows) * f.start_width;                                                         \
        f.out += (rows) * f.out_width;                                                             \
    }
    STRIPS(ROWS)
    STRIPS(8)
    STRIPS(4)
    STRIPS(1)
#undef STRIPS
}

#endif
