/* Matrix products in bfloat16, for processors with AVX-512 BF16: the tiles of tiles.c with lanes
   that hold two numbers, so an instruction multiplies and adds up twice as many as in float32.

   A pair is two neighbouring entries of a row of a, or of a column of b, rounded to bfloat16, the
   upper half of a float32. The first lies in the lower half of the lane. vdpbf16ps multiplies the
   pairs of two registers lane by lane and adds both products of each to a float32: exact products,
   sums rounded to nearest, denormals 0 (Intel's manual, volume 2, VDPBF16PS). Both factors are
   packed, b into panels as in tiles.c, a into rows of pairs. amx.h multiplies the same with AMX,
   where there is that, too. */

#include "tiles.h"

#ifdef HAS_VECTORS

#pragma GCC push_options
#ifdef PORTABLE
#define SIMDE_ENABLE_NATIVE_ALIASES
#include <portable_amx.h>
#include <simde/x86/avx512/dpbf16.h>
#define AMX_IS_PERMITTED 1
#else
#include <immintrin.h>
#include <sys/syscall.h>
#include <unistd.h>
#define AMX_IS_PERMITTED !syscall(SYS_arch_prctl, 0x1023 /* ARCH_REQ_XCOMP_PERM */, 18 /* tiles */)
#pragma GCC target("arch=x86-64-v4,avx512bf16,amx-tile,amx-bf16")
#endif

typedef uint32_t lane;
#define WITH_PRODUCT(sum, a, x)                                                                    \
    (vector)_mm512_dpbf16_ps((__m512)(sum), (__m512bh)((a) + (lanes){0}), (__m512bh)(x))

#include "strips.h"
#include "amx.h"

#define APART (DEPTH + WIDTH) /* lanes from row to row of a packed: not a power of 2, which would
                                 give its rows the same place in the cache */

static int amx_is_used;
_Static_assert((DEPTH * SPAN + BLOCK * APART) * sizeof(lane) <= WORKSPACE, "packed factors fit");

/* x rounded to bfloat16, to nearest with ties to even, and more bits below; NaN stays NaN. */
INLINE lanes rounded(vector x) {
    lanes bits = (lanes)x, is_nan = (lanes)(x != x);
    lanes nearest = bits + 0x7fff + (bits >> 16 & 1);
    return (nearest & ~is_nan) | ((bits | 0x400000) & is_nan);
}

INLINE vector paired(vector first, vector second) {
    return (vector)(rounded(first) >> 16 | (rounded(second) & 0xffff0000));
}

/* The pairs of the first WIDTH of x's `lines` rows and 2 WIDTH of its k columns, zeros beyond: in
   row[i] those of row i or, if x is transposed, pair i of each. */
INLINE void load(matrix x, int64_t lines, int64_t k, vector row[WIDTH]) {
    float edge[2 * WIDTH * WIDTH];
    integers place;
    for (int i = 0; i < WIDTH; i++)
        place[i] = 2 * i;
    if (lines < WIDTH || k < 2 * WIDTH) {
        int64_t width = x.transposed ? WIDTH : 2 * WIDTH;
        memset(edge, 0, sizeof edge);
        int64_t high = x.transposed ? k : lines, wide = x.transposed ? lines : k;
        for (int64_t i = 0; i < smaller(high, 2 * WIDTH * WIDTH / width); i++)
            memcpy(edge + i * width, x.entries + i * x.width, smaller(wide, width) * sizeof *edge);
        x.entries = edge, x.width = width;
    }
    for (int i = 0; i < WIDTH; i++)
        if (x.transposed) {
            const real *from = x.entries + 2 * i * x.width;
            row[i] = paired(*(const vector *)from, *(const vector *)(from + x.width));
        } else {
            const vector *from = (const vector *)(x.entries + i * x.width);
            row[i] = paired(__builtin_shuffle(from[0], from[1], place),
                            __builtin_shuffle(from[0], from[1], place + 1));
        }
}

/* Pack the rows of x (lines, k): pair l of row i to to[i * row_apart + l * pair_apart], where one of
   the two is 1. Writes whole blocks of WIDTH x WIDTH pairs. */
static void pack(matrix x, int64_t lines, int64_t k, lane *to, int64_t row_apart,
                 int64_t pair_apart) {
    int in_rows = pair_apart == 1;
    for (int64_t i = 0; i < lines; i += WIDTH)
        for (int64_t l = 0; l < k; l += 2 * WIDTH) {
            lane *block = to + i * row_apart + l / 2 * pair_apart;
            vector row[WIDTH];
            load(beyond(x, i, l), lines - i, k - l, row);
            if (x.transposed == in_rows)
                transpose_registers(row);
            for (int j = 0; j < WIDTH; j++)
                *(lanes *)(block + j * (in_rows ? row_apart : pair_apart)) = (lanes)row[j];
        }
}

void product_in_bfloat16(int64_t m, int64_t n, int64_t k, matrix a, matrix b, const float *row,
                         float *out, int64_t out_width) {
    static const float zeros[SPAN];
    lane *panels = workspace(), *packed = panels + DEPTH * SPAN;
    int64_t block = 2 * WIDTH, most = 2 * slab_depth / block * block;
    int64_t slabs = (k + most - 1) / most, slab = (k + slabs * block - 1) / (slabs * block) * block;
    matrix b_columns = {b.entries, b.width, !b.transposed};
    if (amx_is_used)
        begin_amx();
    for (int64_t l = 0; l < k; l += slab)
        for (int64_t j = 0; j < n; j += SPAN) {
            int64_t depth = smaller(slab, k - l), columns = smaller(SPAN, n - j);
            factors f = {.a = packed, .panel = panels, .out = out + j, .k = (depth + 1) / 2,
                         .a_row = APART, .a_column = 1, .panel_apart = slab / 2 * COLUMNS,
                         .start_width = l ? out_width : 0, .out_width = out_width};
            f.start = l ? f.out : row ? row + j : zeros;
            for (int64_t i = 0; i < columns; i += COLUMNS)
                pack(beyond(b_columns, j + i, l), smaller(COLUMNS, columns - i), depth,
                     panels + i / COLUMNS * f.panel_apart, 1, COLUMNS);
            for (int64_t i = 0; i < m; i += BLOCK) {
                int64_t rows = smaller(BLOCK, m - i);
                pack(beyond(a, i, l), rows, depth, packed, APART, 1);
                if (amx_is_used)
                    amx_strips(rows, columns, f);
                else
                    strips(rows, columns, f, ROWS * APART, APART);
                f.start += rows * f.start_width;
                f.out += rows * f.out_width;
            }
        }
    if (amx_is_used)
        _tile_release();
}

#pragma GCC pop_options

int64_t multiplies_bfloat16(void) { return SUPPORTS("avx512bf16"); }

/* Use AMX where the processor has it and the system permits it, if `wanted`; else never. Returns
   whether it will be used. */
int64_t use_amx(int64_t wanted) {
    amx_is_used = wanted && SUPPORTS("amx-bf16") && AMX_IS_PERMITTED;
    return amx_is_used;
}

#else
int64_t multiplies_bfloat16(void) { return 0; }
int64_t use_amx(int64_t wanted UNUSED) { return 0; }
#endif
