/* The plain rules of mlptrain/functions and mlptrain/optim, compiled: a reader who never opens these
   files misses nothing but speed.

   A program is an array of operations. Each calls one kernel on ranges of its items (rows, columns
   or entries), so that the threads share it; the next one begins when all of it is done. Kernels
   carry the names of the rules they stand for, and mlptrain/backend/kernels.py fills in the
   operations. Every array is contiguous and float32, but for labels and places (int64) and pixels
   (uint8). */

#ifndef MLPTRAIN_PROGRAM_H
#define MLPTRAIN_PROGRAM_H

#include <math.h>
#include <stdint.h>
#include <string.h>

#define LAYOUT 6 /* of struct operation and the functions beside it; compiled.py knows it, too */

typedef struct operation {
    void (*kernel)(const struct operation *, int64_t first, int64_t last, int64_t part);
    const int64_t *bounds; /* of the segments of its items: from bounds[i] to bounds[i + 1] */
    int64_t segments;
    int64_t grain; /* a part's share of a segment is a multiple of it, but for the last's */
    int64_t parts; /* that threads take, each a share of every segment; at most 32 */
    void *p[8];
    int64_t n[4];
    double f[2];
} operation;

/* One version of a kernel per generation of vector registers, chosen when the library is loaded. */
#if defined(__x86_64__) && defined(__GLIBC__) && (defined(__clang__) || __GNUC__ >= 12)
#define KERNEL                                                                                     \
    __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default"))) void
#else
#define KERNEL void
#endif
#define INLINE static inline __attribute__((always_inline))
#define UNUSED __attribute__((unused))
#define NUMBERED const operation *o, int64_t first, int64_t last, int64_t part
#define ARGUMENTS NUMBERED UNUSED
#define WHOLE const operation *o, int64_t first UNUSED, int64_t last UNUSED, int64_t part UNUSED

#define LANES 16 /* sums and maxima run in this many lanes: one vector register */

INLINE int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }

#endif
