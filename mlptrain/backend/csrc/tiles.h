/* A matrix product by tiles of the result that stay in registers: included once per generation of
   these, with WIDTH (floats in one), ROWS (of a tile) and NAMED(x), the names of its functions.

   Of b, a panel of BLOCK rows and two registers' columns is packed at a time, so that each tile reads
   it in one stream. a is read where it is. For each row of the panel a tile takes one number per row
   of its own from a, and adds that multiple of it: 2 ROWS WIDTH multiplications for ROWS + 2 loads.
   Every entry of the result is summed up in the order of b's rows, wherever it stands. */

typedef float NAMED(vector) __attribute__((vector_size(4 * WIDTH), aligned(4)));
typedef int32_t NAMED(integers) __attribute__((vector_size(4 * WIDTH)));
#define vector NAMED(vector)
#define integers NAMED(integers)
#define COLUMNS (2 * WIDTH)

/* out (rows, wide * WIDTH) = start + a panel. */
INLINE void NAMED(tile)(int rows, int wide, factors f) {
    vector sum[ROWS][2];
    for (int i = 0; i < rows; i++)
        for (int j = 0; j < wide; j++)
            sum[i][j] = *(const vector *)(f.start + i * f.start_width + j * WIDTH);
    for (int64_t l = 0; l < f.k; l++, f.a += f.a_column, f.panel += COLUMNS) {
        vector x[2];
        for (int j = 0; j < wide; j++)
            x[j] = *(const vector *)(f.panel + j * WIDTH);
#pragma GCC unroll 16
        for (int i = 0; i < rows; i++)
            for (int j = 0; j < wide; j++)
                sum[i][j] += f.a[i * f.a_row] * x[j];
    }
    for (int i = 0; i < rows; i++)
        for (int j = 0; j < wide; j++)
            *(vector *)(f.out + i * f.out_width + j * WIDTH) = sum[i][j];
}

/* The same for at most COLUMNS: what does not fill the registers is moved into memory that does. */
INLINE void NAMED(strip)(int rows, int64_t columns, factors f) {
    if (columns == COLUMNS) {
        NAMED(tile)(rows, 2, f);
        return;
    }
    float edge[ROWS * COLUMNS] = {0};
    factors inside = f;
    for (int i = 0; i < rows; i++)
        memcpy(edge + i * COLUMNS, f.start + i * f.start_width, columns * sizeof *edge);
    inside.start = inside.out = edge;
    inside.start_width = inside.out_width = COLUMNS;
    if (columns > WIDTH)
        NAMED(tile)(rows, 2, inside);
    else
        NAMED(tile)(rows, 1, inside);
    for (int i = 0; i < rows; i++)
        memcpy(f.out + i * f.out_width, edge + i * COLUMNS, columns * sizeof *edge);
}

/* The same for m rows. */
INLINE void NAMED(strips)(int64_t m, int64_t columns, factors f) {
#define STRIPS(rows)                                                                               \
    for (; m >= rows; m -= rows) {                                                                 \
        NAMED(strip)(rows, columns, f);                                                            \
        f.a += rows * f.a_row;                                                                     \
        f.start += rows * f.start_width;                                                           \
        f.out += rows * f.out_width;                                                               \
    }
    STRIPS(ROWS)
    STRIPS(ROWS * 2 / 3)
    STRIPS(ROWS / 3)
    STRIPS(1)
#undef STRIPS
}

/* Turn WIDTH rows, `width` apart, into columns: in the s-th step, blocks of s x s entries beside the
   diagonal change places. */
INLINE void NAMED(transpose)(const float *from, int64_t width, float *to) {
    vector row[WIDTH];
    integers place;
    for (int i = 0; i < WIDTH; i++) {
        row[i] = *(const vector *)(from + i * width);
        place[i] = i;
    }
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
    for (int i = 0; i < WIDTH; i++)
        *(vector *)(to + i * COLUMNS) = row[i];
}

/* panel (k, COLUMNS) = the first `columns` of b (k, ...), and zeros. What is beside them is fetched
   meanwhile, for it is the next panel. */
INLINE void NAMED(pack)(float *panel, matrix b, int64_t k, int64_t columns) {
    int64_t whole = columns / WIDTH * WIDTH, depth = k / WIDTH * WIDTH;
    if (columns < COLUMNS)
        memset(panel, 0, k * COLUMNS * sizeof *panel);
    if (b.transposed) {
        for (int64_t j = 0; j < whole; j += WIDTH)
            for (int64_t l = 0; l < depth; l += WIDTH)
                NAMED(transpose)(b.entries + j * b.width + l, b.width, panel + l * COLUMNS + j);
        for (int64_t j = 0; j < columns; j++)
            for (int64_t l = j < whole ? depth : 0; l < k; l++)
                panel[l * COLUMNS + j] = b.entries[j * b.width + l];
        return;
    }
    for (int64_t l = 0; l < k; l++, b.entries += b.width, panel += COLUMNS) {
        if (columns == COLUMNS)
            memcpy(panel, b.entries, COLUMNS * sizeof *panel);
        else
            memcpy(panel, b.entries, columns * sizeof *panel);
        for (int64_t j = 0; j < COLUMNS; j += CACHE_LINE)
            __builtin_prefetch(b.entries + COLUMNS + j);
    }
}

/* A product, as by_tiles computes it. */
TARGET static void NAMED(product)(int64_t m, int64_t n, int64_t k, matrix a, matrix b,
                                  const float *row, float *out, int64_t out_width) {
    static const float zeros[COLUMNS];
    float panel[BLOCK * COLUMNS] __attribute__((aligned(64)));
    int64_t blocks = (k + BLOCK - 1) / BLOCK;
    for (int64_t block = 0; block < blocks; block++) {
        int64_t l = k * block / blocks, depth = k * (block + 1) / blocks - l;
        factors f = {.a = beyond(a, 0, l).entries, .panel = panel, .k = depth,
                     .out_width = out_width, .start_width = block ? out_width : 0};
        for (int64_t j = 0; j < n; j += COLUMNS) {
            int64_t columns = smaller(COLUMNS, n - j);
            NAMED(pack)(panel, beyond(b, l, j), depth, columns);
            f.out = out + j;
            f.start = block ? f.out : row ? row + j : zeros;
            if (a.transposed) {
                f.a_row = 1, f.a_column = a.width;
                NAMED(strips)(m, columns, f);
            } else {
                f.a_row = a.width, f.a_column = 1;
                NAMED(strips)(m, columns, f);
            }
        }
    }
}

#undef vector
#undef integers
#undef COLUMNS
