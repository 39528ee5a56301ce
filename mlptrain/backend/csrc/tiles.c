/* Matrix products by tiles, for processors with AVX-512, where they are faster than the BLAS. On an
   Intel Xeon, a training step of 784-512-512-10 takes 0.86 of its time with OpenBLAS, and one of 12
   million weights 0.97: panels are prefetched into the L1 cache, as are the entries that tiles add
   to.

   A tile is a block of the result, ROWS x COLUMNS, whose sums stay in registers. b is packed slab
   by slab, each at most DEPTH rows and SPAN columns, into panels two registers wide, so a tile
   reads its panel as one stream. A strip of the result, ROWS high, goes through all panels of the
   slab while its rows of a stay in the L1 cache. For each row of a panel, a tile loads one number
   of a per row of its own and adds that multiple of the panel's row: 2 ROWS WIDTH multiplications
   for ROWS + 2 loads. The order of summation is the same for every entry of the result. */

#include <unistd.h>

#include "tiles.h"

#ifdef HAS_VECTORS

#define TILES TARGET("arch=x86-64-v4") __attribute__((noinline)) static
#define WITH_PRODUCT(sum, a, x) ((sum) + (a) * (x))
typedef float lane;

#include "strips.h"

static int tiles_are_used;
int64_t slab_depth;

/* `strips` compiled twice, for a in rows and for a packed, so that its stride is a constant. */
TILES void strips_of_rows(int64_t m, int64_t columns, factors f, int64_t width) {
    f.a_row = width, f.a_column = 1;
    strips(m, columns, f, ROWS * width, width);
}
TILES void strips_of_packed(int64_t m, int64_t columns, factors f) {
    f.a_row = 1, f.a_column = ROWS;
    strips(m, columns, f, ROWS * f.k, 1);
}

/* panels = the first `columns` columns of b (k, ...), COLUMNS per panel; the last one is padded
   with zeros. */
INLINE void pack(matrix b, int64_t k, int64_t columns, float *panels) {
    int64_t whole = columns / WIDTH * WIDTH, deep = k / WIDTH * WIDTH, last = columns % COLUMNS;
#define PLACE(l, j) (panels + (j) / COLUMNS * COLUMNS * k + (l) * COLUMNS + (j) % COLUMNS)
    if (last)
        memset(PLACE(0, columns - last), 0, k * COLUMNS * sizeof *panels);
    if (b.transposed) {
        for (int64_t j = 0; j < whole; j += WIDTH)
            for (int64_t l = 0; l < deep; l += WIDTH)
                transpose(b.entries + j * b.width + l, b.width, PLACE(l, j), COLUMNS);
        for (int64_t j = 0; j < columns; j++)
            for (int64_t l = j < whole ? deep : 0; l < k; l++)
                *PLACE(l, j) = b.entries[j * b.width + l];
        return;
    }
    for (int64_t l = 0; l < k; l++, b.entries += b.width) {
        for (int64_t j = 0; j < columns - last; j += COLUMNS) /* PLACE without divisions */
            memcpy(panels + j * k + l * COLUMNS, b.entries + j, COLUMNS * sizeof *panels);
        if (last)
            memcpy(PLACE(l, columns - last), b.entries + columns - last, last * sizeof *panels);
    }
#undef PLACE
}

/* packed = the first m rows of a (..., k), which is stored transposed, as strips (k, ROWS). */
INLINE void pack_strips(matrix a, int64_t m, int64_t k, float *packed) {
    int64_t last = m % ROWS;
    for (int64_t l = 0; l < k; l++, a.entries += a.width) {
        float *to = packed + l * ROWS;
        for (int64_t i = 0; i < m - last; i += ROWS, to += k * ROWS)
            memcpy(to, a.entries + i, ROWS * sizeof *to);
        for (int64_t i = m - last; i < m; i++)
            *to++ = a.entries[i];
    }
}

/* product_by_tiles, whether or not tiles are faster. */
TILES void by_tiles(int64_t m, int64_t n, int64_t k, matrix a, matrix b, const float *row,
                    float *out, int64_t out_width) {
    static const float zeros[SPAN];
    float *panels = workspace(), *packed = panels + DEPTH * SPAN;
    int64_t slabs = (k + slab_depth - 1) / slab_depth;
    for (int64_t slab = 0; slab < slabs; slab++) {
        int64_t l = k * slab / slabs, depth = k * (slab + 1) / slabs - l;
        for (int64_t j = 0; j < n; j += SPAN) {
            int64_t columns = smaller(SPAN, n - j);
            factors f = {.panel = panels, .out = out + j, .k = depth,
                         .panel_apart = depth * COLUMNS, .out_width = out_width,
                         .start_width = slab ? out_width : 0};
            f.start = slab ? f.out : row ? row + j : zeros;
            pack(beyond(b, l, j), depth, columns, panels);
            if (!a.transposed) {
                f.a = beyond(a, 0, l).entries;
                strips_of_rows(m, columns, f, a.width);
                continue;
            }
            for (int64_t i = 0; i < m; i += BLOCK) {
                int64_t rows = smaller(BLOCK, m - i);
                pack_strips(beyond(a, i, l), rows, depth, packed);
                f.a = packed;
                strips_of_packed(rows, columns, f);
                f.start += rows * f.start_width;
                f.out += rows * f.out_width;
            }
        }
    }
}

_Static_assert(DEPTH * (SPAN + BLOCK) * sizeof(lane) <= WORKSPACE, "panels and strips fit");

static int tiles_pay(int64_t m, int64_t n, int64_t k, matrix b) {
    double small = b.transposed ? 250e3 : 1e6; /* below, OpenBLAS has kernels for small products */
    return m >= 8 && n >= 8 && (double)m * n * k >= small;
}

int product_by_tiles(int64_t m, int64_t n, int64_t k, matrix a, matrix b, const float *row,
                     float *out, int64_t out_width) {
    int are_used = tiles_are_used && tiles_pay(m, n, k, b);
    if (are_used)
        by_tiles(m, n, k, a, b, row, out, out_width);
    return are_used;
}

/* Use tiles where they are faster, if `wanted`; else never. `second_cache`: bytes of the L2 cache;
   0: ask the system. Returns whether tiles will be used. */
int64_t use_tiles(int64_t wanted, int64_t second_cache) {
    if (!second_cache)
        second_cache = sysconf(_SC_LEVEL2_CACHE_SIZE);
    if (second_cache < 1 << 18) /* the system does not know */
        second_cache = 1 << 20;
    slab_depth = smaller(DEPTH, second_cache / 2 / (SPAN * (int64_t)sizeof(lane)));
    tiles_are_used = wanted && SUPPORTS("x86-64-v4");
    return tiles_are_used;
}

#else
int64_t use_tiles(int64_t wanted UNUSED, int64_t second_cache UNUSED) { return 0; }
#endif
