/* The plain rules of mlptrain/functions and mlptrain/optim, compiled: a reader who never opens these
   files misses nothing but speed.

   A program is an array of operations. Each calls one kernel on a range of its items (rows, columns
   or entries), so that the threads share it; the next one begins when all of it is done. Kernels
   carry the names of the rules they stand for, and mlptrain/backend/kernels.py fills in the
   operations. Every array is float32 and contiguous, but for labels (int64). */

#ifndef MLPTRAIN_PROGRAM_H
#define MLPTRAIN_PROGRAM_H

#include <math.h>
#include <stdint.h>
#include <string.h>

#define LAYOUT 1 /* of struct operation; compiled.py knows the number, too */

typedef struct operation {
    void (*kernel)(const struct operation *, int64_t first, int64_t last);
    int64_t items; /* what the threads share: rows, columns or entries */
    int64_t grain; /* a thread's share is a multiple of it, but for the last */
    int64_t parts; /* into how many shares it is divided, at most 32 */
    void *p[8];
    int64_t n[4];
    double f[2];
} operation;

/* One version of a kernel per generation of vector registers, chosen when the library is loaded. */
#if defined(__x86_64__) && defined(__GLIBC__)
#define KERNEL                                                                                     \
    __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default"))) void
#else
#define KERNEL void
#endif
#define INLINE static inline __attribute__((always_inline))
#define ARGUMENTS const operation *o, int64_t first, int64_t last
#define UNUSED __attribute__((unused))
#define WHOLE const operation *o, int64_t first UNUSED, int64_t last UNUSED

#define LANES 16 /* sums and maxima run in this many lanes: one vector register */

#endif
