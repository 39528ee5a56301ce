/* Compiled versions of plain rules. They add speed and nothing else: the rules in Python define
   what is computed.

   A program is an array of operations, each of which calls one kernel on a part of its items (rows,
   columns or entries). A task is one or more consecutive operations, which one thread runs. A round
   is one or more consecutive tasks, which threads share; the next starts when all of them are done.
   mlptrain/backend/kernels.py maps rules to kernels, rounds.py makes tasks. Arrays are contiguous
   and hold real numbers, except indices and counters (int64), pixels (uint8) and where a kernel says
   so. The files of kernels are compiled twice: as they are for float32, and for float64 as part of
   float64.c. */

#ifndef MLPTRAIN_PROGRAM_H
#define MLPTRAIN_PROGRAM_H

#include <stdint.h>
#include <string.h>
#include <tgmath.h>

#define LAYOUT 12 /* version of struct operation and of the functions; compiled.py has it, too */

typedef struct operation {
    void (*kernel)(const struct operation *, int64_t first, int64_t last, int64_t part);
    const int64_t *bounds; /* segment i of the items runs from bounds[i] to bounds[i + 1] */
    int64_t segments;
    int64_t grain;       /* within a segment, parts begin at multiples of it */
    int64_t part, parts; /* each part has a share of every segment */
    int64_t of_task;     /* operations of the task that begins here, */
    int64_t of_round;    /* and of the round */
    int64_t tasks;       /* of the round, at most 32 */
    void *p[8];          /* arrays, */
    int64_t n[4];        /* sizes */
    double f[2];         /* and settings, as each kernel's comment lists them */
} operation;

/* REAL(name): a kernel's name with the type of its numbers. */
#ifdef FLOAT64
typedef double real;
#define REAL(name) name##_float64
#define LANES 8 /* sums and maxima use this many lanes: one AVX-512 register */
#else
typedef float real;
#define REAL(name) name##_float32
#define LANES 16
#endif

/* One clone of the kernel per x86-64 level; the loader picks the best one. */
#if defined(__x86_64__) && defined(__GLIBC__) && (defined(__clang__) || __GNUC__ >= 12)
#define CLONES __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define CLONES
#endif
#define KERNEL(name) CLONES void REAL(name)
#define INLINE static inline __attribute__((always_inline))
#define UNUSED __attribute__((unused))

/* A kernel's parameters: items first ... last - 1 and the part's index; the items; neither. */
#define NUMBERED const operation *o, int64_t first, int64_t last, int64_t part
#define ARGUMENTS NUMBERED UNUSED
#define WHOLE const operation *o, int64_t first UNUSED, int64_t last UNUSED, int64_t part UNUSED

/* This thread's memory for what a kernel computes with: WORKSPACE bytes from a cache line on. */
#define WORKSPACE (5 << 18)
void *workspace(void);

INLINE int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }

#endif
