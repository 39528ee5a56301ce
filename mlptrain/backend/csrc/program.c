/* Programs, and the threads that run them.

   `state` holds the index of the open round and one bit per task that no thread has taken yet. A
   thread first takes the task with its own number, then every `apart`-th task after that: the same
   parts of other operations, whose memory is in its core's cache. Then it takes any other task. The
   thread that finishes the last task opens the next round. A thread takes a task only while it runs,
   so nobody waits for a worker that has not been scheduled. */

#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include "program.h"

#define SPINS 4000 /* polls, for about 100 µs, before a worker sleeps */

int64_t layout(void) { return LAYOUT; }

static const operation *program;
static int64_t length;
static int64_t runs;                        /* of the program left, this one included */
static _Alignas(64) _Atomic uint64_t state; /* index of the open round << 32 | free tasks */
static _Alignas(64) _Atomic int64_t done;   /* its finished tasks */
static _Atomic int apart;                   /* parts of its first operation */
static _Alignas(64) _Atomic int sleeping;   /* workers */
static pthread_mutex_t sleep_mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t wake = PTHREAD_COND_INITIALIZER;
static pthread_mutex_t one_caller = PTHREAD_MUTEX_INITIALIZER;
static int workers;
static _Thread_local int number; /* of this thread: 0 for the caller, from 1 for workers */

void *workspace(void) {
    static _Alignas(64) char spaces[32][WORKSPACE]; /* takes memory only when written to */
    return spaces[number];
}

static void pause_briefly(void) {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

/* Treat denormals (below 1.2e-38) as 0 in this thread: Adam's moments decay into this range once a
   gradient is 0 and stay there, and each denormal can cost a hundred times as much as a normal
   number. Returns the state for `restore`. */
#if defined(__x86_64__)
static uint64_t flush_denormals(void) {
    uint64_t before = _mm_getcsr();
    _mm_setcsr(before | 0x8040);
    return before;
}
static void restore(uint64_t state_before) { _mm_setcsr(state_before); }
#elif defined(__aarch64__)
static uint64_t flush_denormals(void) {
    uint64_t before;
    __asm__ volatile("mrs %0, fpcr" : "=r"(before));
    __asm__ volatile("msr fpcr, %0" : : "r"(before | 1 << 24));
    return before;
}
static void restore(uint64_t state_before) {
    __asm__ volatile("msr fpcr, %0" : : "r"(state_before));
}
#else
static uint64_t flush_denormals(void) { return 0; }
static void restore(uint64_t state_before) { (void)state_before; }
#endif

/* The index at which a part begins in a segment of `items`. */
static int64_t start(const operation *o, int64_t items, int64_t part) {
    return part == o->parts ? items : items * part / o->parts / o->grain * o->grain;
}

static void run_part(const operation *o) {
    int64_t items = -1, first = 0, last = 0;
    for (const int64_t *bound = o->bounds; bound < o->bounds + o->segments; bound++) {
        if (bound[1] - bound[0] != items) {
            items = bound[1] - bound[0];
            first = start(o, items, o->part);
            last = start(o, items, o->part + 1);
        }
        if (first < last)
            o->kernel(o, *bound + first, *bound + last, o->part);
    }
}

/* Run the operations of the task that begins at o. */
static void run_task(const operation *o) {
    for (const operation *end = o + o->of_task; o < end; o++)
        if (o->parts > 1)
            run_part(o);
        else
            o->kernel(o, 0, o->bounds[o->segments], 0);
}

/* After its last store to `state` or its last addition to `done`, a thread must not read `program`,
   `length` or an operation: by then the others may have finished the program, and its caller freed
   it and started another. What is needed afterwards is copied into locals before. */

/* From operation `index` on, run rounds of one task in this thread, then open the first with several
   to all threads. After the last round of the program, its next run begins with the first. */
static void open_round(int64_t index) {
    for (;; index += program[index].of_round) {
        if (index == length && --runs > 0)
            index = 0;
        if (index == length || program[index].tasks > 1)
            break;
        run_task(program + index);
    }
    uint64_t tasks = index < length ? (1ull << program[index].tasks) - 1 : 0;
    atomic_store(&done, 0);
    atomic_store(&apart, tasks ? (int)program[index].parts : 1);
    atomic_store(&state, (uint64_t)index << 32 | tasks);
    if (tasks && atomic_load(&sleeping)) {
        pthread_mutex_lock(&sleep_mutex);
        pthread_cond_broadcast(&wake);
        pthread_mutex_unlock(&sleep_mutex);
    }
}

/* Take a task of the open round and run it. Returns 0 if none is free; 1 if it ran one or should try
   again. */
static int take_task(void) {
    uint64_t seen = atomic_load(&state);
    uint32_t free = (uint32_t)seen;
    if (free == 0)
        return 0;
    int task = number, step = atomic_load(&apart);
    while (task < 32 && !(free >> task & 1))
        task += step;
    if (task >= 32)
        task = __builtin_ctz(free);
    if (!atomic_compare_exchange_weak(&state, &seen, seen & ~(1ull << task)))
        return 1;
    int64_t index = seen >> 32;
    const operation *o = program + index;
    int64_t tasks = o->tasks, next = index + o->of_round;
    for (int i = 0; i < task; i++)
        o += o->of_task;
    run_task(o);
    if (atomic_fetch_add(&done, 1) == tasks - 1)
        open_round(next);
    return 1;
}

static void *work(void *own) {
    number = (int)(intptr_t)own;
    flush_denormals();
    for (int spins = 0;; spins++) {
        if (take_task())
            spins = 0;
        else if (spins < SPINS)
            pause_briefly();
        else {
            pthread_mutex_lock(&sleep_mutex);
            atomic_fetch_add(&sleeping, 1);
            while ((uint32_t)atomic_load(&state) == 0)
                pthread_cond_wait(&wake, &sleep_mutex);
            atomic_fetch_sub(&sleeping, 1);
            pthread_mutex_unlock(&sleep_mutex);
            spins = 0;
        }
    }
    return NULL;
}

/* A fork waits until no program runs and no worker is waking up or falling asleep. The child has
   one thread: it resets the workers' state, or waking them would block forever. */
static void before_fork(void) {
    pthread_mutex_lock(&one_caller);
    pthread_mutex_lock(&sleep_mutex);
}
static void after_fork_in_parent(void) {
    pthread_mutex_unlock(&sleep_mutex);
    pthread_mutex_unlock(&one_caller);
}
static void after_fork_in_child(void) {
    workers = 0;
    sleeping = 0;
    wake = (pthread_cond_t)PTHREAD_COND_INITIALIZER;
    after_fork_in_parent();
}
static void expect_forks(void) {
    pthread_atfork(before_fork, after_fork_in_parent, after_fork_in_child);
}

/* Start workers until there are `threads` threads, the caller included. Returns how many there are,
   at most 32. */
int64_t start_threads(int64_t threads) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, expect_forks);
    pthread_mutex_lock(&one_caller); /* also guards `workers` */
    sigset_t all, before;
    sigfillset(&all); /* workers inherit this mask: signals go to Python's threads */
    pthread_sigmask(SIG_SETMASK, &all, &before);
    for (pthread_t thread; workers < threads - 1 && workers < 31; workers++) {
        if (pthread_create(&thread, NULL, work, (void *)(intptr_t)(workers + 1)))
            break;
        pthread_detach(thread);
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    int64_t started = workers + 1;
    pthread_mutex_unlock(&one_caller);
    return started;
}

/* Run a program of `count` > 0 operations, `times` > 0 times. */
void run_program(const operation *operations, int64_t count, int64_t times) {
    pthread_mutex_lock(&one_caller);
    uint64_t before = flush_denormals();
    program = operations;
    length = count;
    runs = times;
    open_round(0);
    for (int spins = 0; atomic_load(&state) >> 32 != (uint64_t)count; spins++) {
        if (take_task())
            spins = 0;
        else if (spins < SPINS)
            pause_briefly();
        else
            sched_yield();
    }
    restore(before);
    pthread_mutex_unlock(&one_caller);
}
