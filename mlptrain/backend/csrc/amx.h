/* Strips for processors with AMX, whose tile registers hold 16 x 16 lanes each. An instruction
   multiplies 16 rows of pairs of a with 16 columns of them of b (Intel's manual, volume 2,
   TDPBF16PS), in the layout that bfloat16.c packs. */

#ifndef MLPTRAIN_AMX_H
#define MLPTRAIN_AMX_H

#define SIDE (2 * WIDTH) /* rows and columns of a result in registers 0 to 3 */

typedef struct {
    uint8_t palette, start_row, reserved[14];
    uint16_t bytes[16];
    uint8_t rows[16];
} tile_shapes;

/* Let this thread use registers of WIDTH rows of WIDTH lanes. */
INLINE void begin_amx(void) {
    tile_shapes shapes = {.palette = 1};
    for (int i = 0; i < 8; i++)
        shapes.rows[i] = WIDTH, shapes.bytes[i] = 4 * WIDTH;
    _tile_loadconfig(&shapes);
}

/* At most SIDE rows and columns of the result. a's and b's pairs are zeros from k up to a multiple of
   WIDTH. */
INLINE void amx_tile(int64_t rows, int64_t columns, factors f) {
    float sums[SIDE * SIDE] __attribute__((aligned(64)));
    __asm__ volatile("" ::: "memory"); /* what is packed is in memory */
    _tile_zero(0);
    _tile_zero(1);
    _tile_zero(2);
    _tile_zero(3);
    for (int64_t l = 0; l < f.k; l += WIDTH) {
        const lane *panel = f.panel + l * COLUMNS;
        _tile_loadd(4, f.a + l, f.a_row * 4);
        _tile_loadd(5, f.a + l + WIDTH * f.a_row, f.a_row * 4);
        _tile_loadd(6, panel, COLUMNS * 4);
        _tile_loadd(7, panel + WIDTH, COLUMNS * 4);
        _tile_dpbf16ps(0, 4, 6);
        _tile_dpbf16ps(1, 4, 7);
        _tile_dpbf16ps(2, 5, 6);
        _tile_dpbf16ps(3, 5, 7);
    }
    _tile_stored(0, sums, SIDE * 4);
    _tile_stored(1, sums + WIDTH, SIDE * 4);
    _tile_stored(2, sums + WIDTH * SIDE, SIDE * 4);
    _tile_stored(3, sums + WIDTH * SIDE + WIDTH, SIDE * 4);
    for (int64_t i = 0; i < rows; i++)
        for (int64_t j = 0; j < columns; j++)
            f.out[i * f.out_width + j] = f.start[i * f.start_width + j] + sums[i * SIDE + j];
}

/* `strips` by AMX. */
INLINE void amx_strips(int64_t m, int64_t columns, factors f) {
    for (int64_t i = 0; i < m; i += SIDE)
        for (int64_t j = 0; j < columns; j += SIDE) {
            factors part = f;
            part.a += i * f.a_row;
            part.panel += j / COLUMNS * f.panel_apart;
            part.start += i * f.start_width + j;
            part.out += i * f.out_width + j;
            amx_tile(smaller(SIDE, m - i), smaller(SIDE, columns - j), part);
        }
}

#endif
