/* The plain rules of mlptrain/functions and mlptrain/optim, compiled: a reader who never opens this
   file misses nothing but speed.

   A program is an array of operations. Each calls one kernel on a range of its items (rows, columns
   or entries), so that the threads share it; the next one begins when all of it is done. Kernels
   carry the names of the rules they stand for, and mlptrain/backend/compiled.py fills in the
   operations. Every array is float32 and contiguous, but for labels (int64). */

#define _GNU_SOURCE
#include <math.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>

#define LAYOUT 1 /* of struct operation; compiled.py knows the same number */

typedef struct operation {
    void (*kernel)(const struct operation *, int64_t first, int64_t last);
    int64_t items; /* what the threads share: rows, columns or entries */
    int64_t grain; /* a thread's share is a multiple of it, but for the last */
    int64_t parts; /* into how many shares it is divided */
    void *p[8];
    int64_t n[4];
    double f[2];
} operation;

int64_t layout(void) { return LAYOUT; }

/* ---- The threads ------------------------------------------------------------------------------

   `state` says which operation is open and how many of its parts nobody has taken yet. Whoever
   takes a part, the caller or a worker, lowers the number; whoever finishes the last part opens the
   next operation. A worker that the system keeps waiting has taken nothing, so nobody waits for it.
*/

#define SPINS 4000 /* about 100 µs of looking for work before a worker sleeps */

static const operation *program;
static int64_t length;
static _Alignas(64) _Atomic uint64_t state; /* index of the operation << 32 | parts not taken */
static _Alignas(64) _Atomic int64_t done;   /* parts of it that are finished */
static _Alignas(64) _Atomic int sleeping;
static pthread_mutex_t sleep_mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t wake = PTHREAD_COND_INITIALIZER;
static pthread_mutex_t one_caller = PTHREAD_MUTEX_INITIALIZER;
static int workers;

static void pause_briefly(void) {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("yield");
#endif
}

static int64_t boundary(const operation *o, int64_t part) {
    return part == o->parts ? o->items : o->items * part / o->parts / o->grain * o->grain;
}

/* Run the operations from `index` on that have only one part, then open the next one to all. */
static void open_operation(int64_t index) {
    for (; index < length && program[index].parts == 1; index++)
        program[index].kernel(program + index, 0, program[index].items);
    atomic_store(&done, 0);
    atomic_store(&state, (uint64_t)index << 32 | (index < length ? program[index].parts : 0));
    if (index < length && atomic_load(&sleeping)) {
        pthread_mutex_lock(&sleep_mutex);
        pthread_cond_broadcast(&wake);
        pthread_mutex_unlock(&sleep_mutex);
    }
}

/* Take a part of the open operation and run it; 0 if there is none. */
static int take_part(void) {
    uint64_t seen = atomic_load(&state);
    if ((uint32_t)seen == 0)
        return 0;
    if (!atomic_compare_exchange_weak(&state, &seen, seen - 1))
        return 1;
    int64_t index = seen >> 32;
    const operation *o = program + index;
    int64_t part = o->parts - (uint32_t)seen, first = boundary(o, part), last = boundary(o, part + 1);
    if (first < last)
        o->kernel(o, first, last);
    if (atomic_fetch_add(&done, 1) == o->parts - 1)
        open_operation(index + 1);
    return 1;
}

static void *work(void *unused) {
    for (int spins = 0;; spins++) {
        if (take_part())
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
    return unused;
}

/* Have at least `threads` threads, the caller among them. Returns how many there are. */
int64_t start_threads(int64_t threads) {
    sigset_t all, before;
    sigfillset(&all); /* signals are for the caller to handle */
    pthread_sigmask(SIG_SETMASK, &all, &before);
    for (pthread_t thread; workers < threads - 1; workers++) {
        if (pthread_create(&thread, NULL, work, NULL))
            break;
        pthread_detach(thread);
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return workers + 1;
}

/* Run a program of `count` operations from the first to the last. */
void run_program(const operation *operations, int64_t count) {
    pthread_mutex_lock(&one_caller);
    program = operations;
    length = count;
    open_operation(0);
    for (int spins = 0; atomic_load(&state) >> 32 != (uint64_t)count; spins++) {
        if (take_part())
            spins = 0;
        else if (spins < SPINS)
            pause_briefly();
        else
            sched_yield();
    }
    pthread_mutex_unlock(&one_caller);
}

/* ---- Kernels ----------------------------------------------------------------------------------
   One version per generation of vector registers, chosen when the library is loaded. */

#if defined(__x86_64__) && defined(__GLIBC__)
#define KERNEL                                                                                     \
    __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default"))) void
#else
#define KERNEL void
#endif
#define INLINE static inline __attribute__((always_inline))
#define ARGUMENTS const operation *o, int64_t first, int64_t last
#define WHOLE const operation *o, int64_t first __attribute__((unused)), int64_t last __attribute__((unused))

#define LANES 16 /* sums and maxima run in this many lanes: one vector register */

/* eˣ to float32 rounding; 0 and Inf beyond its range, NaN for NaN. */
INLINE float exponential(float x) {
    x = x < -104.0f ? -104.0f : x > 89.0f ? 89.0f : x;
    float n = rintf(x * 1.44269504f);
    float r = (x - n * 0.693359375f) + n * 2.12194440e-4f; /* x - n log 2, log 2 in two parts */
    float y = 1 + r * (1 + r * (1 / 2.0f + r * (1 / 6.0f + r * (1 / 24.0f + r * (1 / 120.0f + r * (1 / 720.0f + r / 5040))))));
    int32_t whole = (int32_t)n, half = whole / 2;
    union { int32_t i; float f; } a = {(half + 127) << 23}, b = {(whole - half + 127) << 23};
    return y * a.f * b.f;
}

/* The largest of n > 0 numbers; a NaN may be passed over. */
INLINE float maximum(const float *x, int64_t n) {
    float lane[LANES], largest = x[0];
    int64_t i = 0;
    if (n >= LANES) {
        memcpy(lane, x, sizeof lane);
        for (i = LANES; i + LANES <= n; i += LANES)
            for (int j = 0; j < LANES; j++)
                lane[j] = x[i + j] > lane[j] ? x[i + j] : lane[j];
        for (int j = 0; j < LANES; j++)
            largest = lane[j] > largest ? lane[j] : largest;
    }
    for (; i < n; i++)
        largest = x[i] > largest ? x[i] : largest;
    return largest;
}

INLINE float sum(const float *x, int64_t n) {
    float lane[LANES] = {0}, total = 0;
    int64_t i = 0;
    for (; i + LANES <= n; i += LANES)
        for (int j = 0; j < LANES; j++)
            lane[j] += x[i + j];
    for (; i < n; i++)
        total += x[i];
    for (int j = 0; j < LANES; j++)
        total += lane[j];
    return total;
}

/* -- linear.py */

typedef void (*sgemm_64)(int, int, int, int64_t, int64_t, int64_t, float, const float *, int64_t,
                         const float *, int64_t, float, float *, int64_t);
typedef void (*sgemm_32)(int, int, int, int32_t, int32_t, int32_t, float, const float *, int32_t,
                         const float *, int32_t, float, float *, int32_t);

static void *sgemm;
static int64_t sgemm_bits;

/* Have products computed by `function`, a cblas_sgemm whose sizes have 32 or 64 bits. */
void use_sgemm(void *function, int64_t bits) {
    sgemm = function;
    sgemm_bits = bits;
}

/* out (m, n) = a (m, k) b (k, n), plus a row where there is one. p: out, a, b, the row or NULL;
   n: m, n, k, and how: 1 and 2 say that a and b are stored transposed, 4 that the items are the
   columns of out instead of its rows. */
void matrix_product(ARGUMENTS) {
    float *out = o->p[0];
    const float *a = o->p[1], *b = o->p[2], *row = o->p[3];
    int64_t m = o->n[0], n = o->n[1], k = o->n[2], how = o->n[3], columns = n;
    int64_t a_width = how & 1 ? m : k, b_width = how & 2 ? k : n;
    int a_order = how & 1 ? 112 : 111, b_order = how & 2 ? 112 : 111;
    if (how & 4) {
        b += how & 2 ? first * b_width : first;
        out += first;
        row += row ? first : 0;
        columns = last - first;
    } else {
        a += how & 1 ? first : first * a_width;
        out += first * n;
        m = last - first;
    }
    if (sgemm_bits == 32)
        ((sgemm_32)sgemm)(101, a_order, b_order, m, columns, k, 1, a, a_width, b, b_width, 0, out, n);
    else
        ((sgemm_64)sgemm)(101, a_order, b_order, m, columns, k, 1, a, a_width, b, b_width, 0, out, n);
    if (row)
        for (int64_t i = 0; i < m; i++)
            for (int64_t j = 0; j < columns; j++)
                out[i * n + j] += row[j];
}

/* out (columns,) = the sums of the columns of g (n[0], n[1]); items: columns. */
KERNEL sum_columns(ARGUMENTS) {
    float *restrict out = o->p[0];
    const float *restrict g = o->p[1];
    int64_t rows = o->n[0], width = o->n[1];
    memset(out + first, 0, (last - first) * sizeof *out);
    for (int64_t i = 0; i < rows; i++)
        for (int64_t j = first; j < last; j++)
            out[j] += g[i * width + j];
}

/* -- activations.py: p: out and the arrays that the rule asks for, in its order; f: its setting. */

KERNEL relu(ARGUMENTS) {
    float *out = o->p[0];
    const float *x = o->p[1];
    for (int64_t i = first; i < last; i++)
        out[i] = x[i] < 0 ? 0 : x[i]; /* NaN stays NaN */
}

KERNEL relu_gradient(ARGUMENTS) {
    float *out = o->p[0];
    const float *g = o->p[1], *x = o->p[2];
    for (int64_t i = first; i < last; i++)
        out[i] = (x[i] > 0 ? 1.0f : 0.0f) * g[i];
}

KERNEL leaky_relu(ARGUMENTS) {
    float *out = o->p[0];
    const float *x = o->p[1];
    float slope = o->f[0];
    for (int64_t i = first; i < last; i++) {
        float z = slope * x[i];
        out[i] = x[i] > z ? x[i] : z;
    }
}

KERNEL leaky_relu_gradient(ARGUMENTS) {
    float *out = o->p[0];
    const float *g = o->p[1], *x = o->p[2];
    float slope = o->f[0];
    for (int64_t i = first; i < last; i++)
        out[i] = (x[i] > 0 ? 1.0f : slope) * g[i];
}

/* Near 0 the first terms of its Taylor series, else 1 - 2 / (e²ˣ + 1). */
KERNEL hyperbolic_tangent(ARGUMENTS) {
    float *out = o->p[0];
    const float *x = o->p[1];
    for (int64_t i = first; i < last; i++) {
        float z = x[i], u = z * z;
        float near = z + z * u * (-1 / 3.0f + u * (2 / 15.0f + u * (-17 / 315.0f + u * (62 / 2835.0f + u * (-1382 / 155925.0f + u * (21844 / 6081075.0f))))));
        float far = 1 - 2 / (exponential(2 * z) + 1);
        out[i] = u < 0.2f ? near : far;
    }
}

KERNEL hyperbolic_tangent_gradient(ARGUMENTS) {
    float *out = o->p[0];
    const float *g = o->p[1], *y = o->p[2];
    for (int64_t i = first; i < last; i++)
        out[i] = (1 - y[i] * y[i]) * g[i];
}

KERNEL sigmoid(ARGUMENTS) {
    float *out = o->p[0];
    const float *x = o->p[1];
    for (int64_t i = first; i < last; i++)
        out[i] = 1 / (1 + exponential(-x[i]));
}

KERNEL sigmoid_gradient(ARGUMENTS) {
    float *out = o->p[0];
    const float *g = o->p[1], *y = o->p[2];
    for (int64_t i = first; i < last; i++)
        out[i] = (1 - y[i]) * y[i] * g[i];
}

KERNEL multiply(ARGUMENTS) {
    float *out = o->p[0];
    const float *a = o->p[1], *b = o->p[2];
    for (int64_t i = first; i < last; i++)
        out[i] = a[i] * b[i];
}

/* p: out, x; n: width; items: rows. Writes e^(x - largest x) / sum into out. */
KERNEL softmax(ARGUMENTS) {
    int64_t width = o->n[0];
    for (int64_t i = first; i < last; i++) {
        float *restrict y = (float *)o->p[0] + i * width;
        const float *restrict x = (const float *)o->p[1] + i * width;
        float largest = maximum(x, width);
        for (int64_t j = 0; j < width; j++)
            y[j] = exponential(x[j] - largest);
        float total = sum(y, width);
        for (int64_t j = 0; j < width; j++)
            y[j] /= total;
    }
}

/* -- losses.py */

/* p: softmax p (rows, width), x, row (rows,), labels, weights; n: width; f: label smoothing.
   Writes lossᵢ into row. */
KERNEL cross_entropy(ARGUMENTS) {
    int64_t width = o->n[0];
    const int64_t *labels = o->p[3];
    float *row = o->p[2], smoothing = o->f[0];
    for (int64_t i = first; i < last; i++) {
        float *restrict p = (float *)o->p[0] + i * width;
        const float *restrict x = (const float *)o->p[1] + i * width;
        float largest = maximum(x, width), score = 0;
        for (int64_t j = 0; j < width; j++)
            p[j] = x[j] - largest;
        if (smoothing)
            score = smoothing / width * sum(p, width);
        if ((uint64_t)labels[i] < (uint64_t)width)
            score += (1 - smoothing) * p[labels[i]];
        for (int64_t j = 0; j < width; j++)
            p[j] = exponential(p[j]);
        float total = sum(p, width);
        for (int64_t j = 0; j < width; j++)
            p[j] /= total;
        row[i] = logf(total) - score;
    }
}

/* p: out (), row (rows,), weights, share (rows,); n: rows. As write_weighted_mean. */
void weighted_mean(WHOLE) {
    const float *row = o->p[1], *weights = o->p[2];
    float *share = o->p[3];
    double total = 0, mean = 0;
    for (int64_t i = 0; i < o->n[0]; i++)
        total += weights[i];
    for (int64_t i = 0; i < o->n[0]; i++) {
        share[i] = (float)(weights[i] / total);
        mean += (double)row[i] * share[i];
    }
    *(float *)o->p[0] = (float)mean;
}

/* p: out (rows, width), g (), p, labels, share (rows,); n: width; f: label smoothing. */
KERNEL cross_entropy_gradient(ARGUMENTS) {
    int64_t width = o->n[0];
    const int64_t *labels = o->p[3];
    const float *share = o->p[4];
    float smoothing = o->f[0], g = *(const float *)o->p[1];
    for (int64_t i = first; i < last; i++) {
        float *restrict out = (float *)o->p[0] + i * width;
        const float *restrict p = (const float *)o->p[2] + i * width;
        float scale = share[i] * g, even = smoothing / width;
        for (int64_t j = 0; j < width; j++)
            out[j] = (p[j] - even) * scale;
        if ((uint64_t)labels[i] < (uint64_t)width)
            out[labels[i]] = (p[labels[i]] - (1 - smoothing + even)) * scale;
    }
}

/* p: same (rows,), x (rows, width), labels; n: width. Writes whether x is largest at the label. */
KERNEL is_correct(ARGUMENTS) {
    int64_t width = o->n[0];
    const int64_t *labels = o->p[2];
    float *same = o->p[0];
    for (int64_t i = first; i < last; i++) {
        const float *x = (const float *)o->p[1] + i * width;
        float largest = maximum(x, width);
        int64_t j = 0;
        while (j < width && !(x[j] == largest))
            j++;
        same[i] = j == labels[i];
    }
}

/* p: out (), x (n[0],). */
void sum_up(WHOLE) {
    double total = 0;
    for (int64_t i = 0; i < o->n[0]; i++)
        total += ((const float *)o->p[1])[i];
    *(float *)o->p[0] = (float)total;
}

/* -- optimizers.py and gradients.py; items: entries of the vector. */

/* p: w, g, coefficients: g ← g + l2 w, w ← shrink w. */
KERNEL decay(ARGUMENTS) {
    float *restrict w = o->p[0], *restrict g = o->p[1];
    const float *coefficients = o->p[2];
    float l2 = coefficients[0], shrink = coefficients[1];
    for (int64_t i = first; i < last; i++) {
        g[i] += l2 * w[i];
        w[i] *= shrink;
    }
}

/* p: w, g, coefficients. */
KERNEL sgd(ARGUMENTS) {
    float *restrict w = o->p[0];
    const float *restrict g = o->p[1];
    float rate = *(const float *)o->p[2];
    for (int64_t i = first; i < last; i++)
        w[i] -= rate * g[i];
}

/* p: w, g, coefficients, v. n: nesterov. */
KERNEL momentum(ARGUMENTS) {
    float *restrict w = o->p[0], *restrict v = o->p[3];
    const float *restrict g = o->p[1];
    const float *coefficients = o->p[2];
    float rate = coefficients[0], mu = coefficients[1];
    if (o->n[0])
        for (int64_t i = first; i < last; i++) {
            v[i] = mu * v[i] + g[i];
            w[i] -= rate * (g[i] + mu * v[i]);
        }
    else
        for (int64_t i = first; i < last; i++) {
            v[i] = mu * v[i] + g[i];
            w[i] -= rate * v[i];
        }
}

/* p: w, g, coefficients, m, v. */
KERNEL adam(ARGUMENTS) {
    float *restrict w = o->p[0], *restrict m = o->p[3], *restrict v = o->p[4];
    const float *restrict g = o->p[1];
    const float *coefficients = o->p[2];
    float beta_1 = coefficients[0], beta_2 = coefficients[1];
    float epsilon = coefficients[2], size = coefficients[3];
    for (int64_t i = first; i < last; i++) {
        m[i] = beta_1 * m[i] + g[i];
        v[i] = beta_2 * v[i] + g[i] * g[i];
        w[i] -= size * m[i] / (sqrtf(v[i]) + epsilon);
    }
}

/* p: sums (parts,), g (n[0],); n[1]: entries per part. The sum of squares of each part. */
KERNEL square_sums(ARGUMENTS) {
    for (int64_t part = first; part < last; part++) {
        const float *g = (const float *)o->p[1] + part * o->n[1];
        int64_t n = o->n[0] - part * o->n[1], i = 0;
        n = n < 0 ? 0 : n < o->n[1] ? n : o->n[1];
        float lane[4 * LANES] = {0};
        double total = 0;
        for (; i + 4 * LANES <= n; i += 4 * LANES)
            for (int j = 0; j < 4 * LANES; j++)
                lane[j] += g[i + j] * g[i + j];
        for (int j = 0; j < 4 * LANES; j++)
            total += lane[j];
        for (; i < n; i++)
            total += (double)g[i] * g[i];
        ((float *)o->p[0])[part] = (float)total;
    }
}
