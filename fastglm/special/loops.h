/* Array loops over the scalars, compiled for several instruction sets and chosen when the library is loaded. */
#ifndef FASTGLM_LOOPS_H
#define FASTGLM_LOOPS_H

#include "elementary.h"
#include "parallel.h"

#if defined(__x86_64__) && defined(__gnu_linux__) && defined(__GNUC__) && !defined(__clang__)
#define FG_CLONES __attribute__((target_clones("avx512f", "avx2", "default")))
#else
#define FG_CLONES
#endif
/* Elements do not depend on each other even where the result overwrites the argument. */
#if defined(__GNUC__) && !defined(__clang__)
#define FG_INDEPENDENT _Pragma("GCC ivdep")
#else
#define FG_INDEPENDENT
#endif

typedef void (*fg_loop)(const void *x, void *y, ptrdiff_t n);

#define FG_LOOP(name, T)                                                          \
    FG_CLONES static void fg_##name##_##T(const void *x, void *y, ptrdiff_t n) {  \
        const T *a = (const T *)x;                                                \
        T *b = (T *)y;                                                            \
        FG_INDEPENDENT for (ptrdiff_t i = 0; i < n; i++) b[i] = (T)fg_##name(a[i]); \
    }
#define FG_LOOPS(name) FG_LOOP(name, double) FG_LOOP(name, float)

FG_LOOPS(sigmoid)
FG_LOOPS(logit)
FG_LOOPS(log_sigmoid)
FG_LOOPS(log1pexp)

/* Rows are ops in the order of the names in _special.pyx, columns float64 and float32. */
static const fg_loop fg_loops[4][2] = {
    {fg_sigmoid_double, fg_sigmoid_float},
    {fg_logit_double, fg_logit_float},
    {fg_log_sigmoid_double, fg_log_sigmoid_float},
    {fg_log1pexp_double, fg_log1pexp_float},
};

/* A task is long enough to hide the handing out, short enough to even out a busy core. */
#define FG_TASK 8192
#define FG_PER_THREAD 32768

static int fg_threads(ptrdiff_t n, int most) {
    ptrdiff_t wanted = n / FG_PER_THREAD;
    return wanted < 1 ? 1 : wanted < most ? (int)wanted : most;
}

typedef struct {
    fg_loop loop;
    const char *x;
    char *y;
    ptrdiff_t n, size;
} fg_map_context;

static void fg_map_task(void *context, ptrdiff_t i) {
    fg_map_context *c = (fg_map_context *)context;
    ptrdiff_t start = i * FG_TASK, n = c->n - start < FG_TASK ? c->n - start : FG_TASK;
    c->loop(c->x + start * c->size, c->y + start * c->size, n);
}

static void fg_map(fg_loop loop, const void *x, void *y, ptrdiff_t n, ptrdiff_t size, int threads) {
    fg_map_context c = {loop, (const char *)x, (char *)y, n, size};
    threads = fg_threads(n, threads);
    if (threads == 1)
        loop(x, y, n);
    else
        fg_parallel(fg_map_task, &c, (n + FG_TASK - 1) / FG_TASK, threads);
}

#endif
