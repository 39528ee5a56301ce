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

#if defined(__x86_64__) && defined(__GLIBC__) && __GNUC__ >= 12 && !defined(__clang__)

#define WIDTH 16 /* floats in a register */
#include "vectors.h"

#define COLUMNS (2 * WIDTH) /* of a tile */
#define ROWS 12             /* of a tile: its sums fill 24 of the 32 registers */
#define SPAN 512            /* most columns of a slab */
#define DEPTH 512           /* most rows of a slab */
#define BLOCK (8 * ROWS)    /* rows of a packed at a time if a is stored transposed */
#define AHEAD (8 * COLUMNS) /* prefetch this many floats ahead in a panel */

#define TILES __attribute__((target("arch=x86-64-v4"), noinline)) static

/* Each thread's packed parts of b and a; not on the stack, which may be small. */
static _Thread_local float panels[DEPTH * SPAN] __attribute__((aligned(64)));
static _Thread_local float packed[DEPTH * BLOCK];
static int tiles_are_used;
static int64_t slab_depth; /* rows of a slab: DEPTH, or what fills half of the L2 cache */

/* out = start + a panel. a (i, l) is a[i * a_row + l * a_column]; the panel is (k, COLUMNS); rows
   of start and out are start_width and out_width apart. */
typedef struct {
    const float *a, *panel, *start;
    float *out;
    int64_t k, a_row, a_column, start_width, out_width;
} factors;

/* One tile of `rows` rows, each `wide` registers wide. */
INLINE void tile(int rows, int wide, factors f) {
    vector sum[ROWS][2];
    for (int i = 0; i < rows; i++)
        for (int j = 0; j < wide; j++)
            sum[i][j] = (vector){0};
    for (int64_t l = 0; l < f.k; l++, f.a += f.a_column, f.panel += COLUMNS) {
        vector x[2];
        for (int j = 0; j < wide; j++)
            x[j] = *(const vector *)(f.panel + j * WIDTH);
        for (int j = 0; j < wide; j++)
            __builtin_prefetch(f.panel + AHEAD + j * WIDTH);
#pragma GCC unroll 16
        for (int i = 0; i < rows; i++)
            for (int j = 0; j < wide; j++)
                sum[i][j] += f.a[i * f.a_row] * x[j];
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
        f.panel += f.k * COLUMNS;
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

/* `strips` compiled twice, for a in rows and for a packed, so that its stride is a constant. */
TILES void strips_of_rows(int64_t m, int64_t columns, factors f, int64_t width) {
    f.a_row = width, f.a_column = 1;
    strips(m, columns, f, ROWS * width, width);
}
TILES void strips_of_packed(int64_t m, int64_t columns, factors f) {
    f.a = packed, f.a_row = 1, f.a_column = ROWS;
    strips(m, columns, f, ROWS * f.k, 1);
}

/* panels = the first `columns` columns of b (k, ...), COLUMNS per panel; the last one is padded
   with zeros. */
INLINE void pack(matrix b, int64_t k, int64_t columns) {
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
INLINE void pack_strips(matrix a, int64_t m, int64_t k) {
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
    int64_t slabs = (k + slab_depth - 1) / slab_depth;
    for (int64_t slab = 0; slab < slabs; slab++) {
        int64_t l = k * slab / slabs, depth = k * (slab + 1) / slabs - l;
        for (int64_t j = 0; j < n; j += SPAN) {
            int64_t columns = smaller(SPAN, n - j);
            factors f = {.panel = panels, .out = out + j, .k = depth, .out_width = out_width,
                         .start_width = slab ? out_width : 0};
            f.start = slab ? f.out : row ? row + j : zeros;
            pack(beyond(b, l, j), depth, columns);
            if (!a.transposed) {
                f.a = beyond(a, 0, l).entries;
                strips_of_rows(m, columns, f, a.width);
                continue;
            }
            for (int64_t i = 0; i < m; i += BLOCK) {
                int64_t rows = smaller(BLOCK, m - i);
                pack_strips(beyond(a, i, l), rows, depth);
                strips_of_packed(rows, columns, f);
                f.start += rows * f.start_width;
                f.out += rows * f.out_width;
            }
        }
    }
}

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
    slab_depth = smaller(DEPTH, second_cache / 2 / (SPAN * (int64_t)sizeof *panels));
    tiles_are_used = wanted && __builtin_cpu_supports("x86-64-v4");
    return tiles_are_used;
}

#else
int product_by_tiles(int64_t m UNUSED, int64_t n UNUSED, int64_t k UNUSED, matrix a UNUSED,
                     matrix b UNUSED, const float *row UNUSED, float *out UNUSED,
                     int64_t out_width UNUSED) {
    return 0;
}
int64_t use_tiles(int64_t wanted UNUSED, int64_t second_cache UNUSED) { return 0; }
#endif
