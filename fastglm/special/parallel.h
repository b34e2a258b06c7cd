/* Tasks 0 .. n-1 shared between the caller and a pool of sleeping threads.
 *
 * A job offers slots; whoever takes one before the caller has run out of tasks helps, whoever wakes later finds none
 * and is not waited for.  One job at a time: a second caller meanwhile works alone.  A fork starts with an empty pool.
 */
#ifndef FASTGLM_PARALLEL_H
#define FASTGLM_PARALLEL_H

#include <stddef.h>

typedef void (*fg_task)(void *context, ptrdiff_t index);

#if defined(__GNUC__) && !defined(_WIN32)
#include <pthread.h>
#include <sched.h>
#include <signal.h>

/* About 0.1 ms: calls in quick succession find the threads awake. */
#define FG_SPINS 4000

#if defined(__x86_64__) || defined(__i386__)
#define FG_PAUSE() __builtin_ia32_pause()
#else
#define FG_PAUSE() sched_yield()
#endif

static struct {
    pthread_mutex_t owner, sleep;
    pthread_cond_t wake;
    fg_task task;
    void *context;
    ptrdiff_t n, next;
    int slots, finished, sleepers, workers, guarded;
} fg_pool = {.owner = PTHREAD_MUTEX_INITIALIZER, .sleep = PTHREAD_MUTEX_INITIALIZER, .wake = PTHREAD_COND_INITIALIZER};

static void fg_pool_reset(void) {
    pthread_mutex_init(&fg_pool.owner, NULL);
    pthread_mutex_init(&fg_pool.sleep, NULL);
    pthread_cond_init(&fg_pool.wake, NULL);
    fg_pool.slots = fg_pool.sleepers = fg_pool.workers = 0;
}

static void fg_work(void) {
    ptrdiff_t i;
    while ((i = __atomic_fetch_add(&fg_pool.next, 1, __ATOMIC_RELAXED)) < fg_pool.n) fg_pool.task(fg_pool.context, i);
}

static int fg_take_slot(void) {
    int slots = __atomic_load_n(&fg_pool.slots, __ATOMIC_SEQ_CST);
    while (slots > 0)
        if (__atomic_compare_exchange_n(&fg_pool.slots, &slots, slots - 1, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
            return 1;
    return 0;
}

static void *fg_worker(void *unused) {
    (void)unused;
    for (;;) {
        int taken = 0;
        for (int i = 0; i < FG_SPINS && !(taken = fg_take_slot()); i++) FG_PAUSE();
        if (!taken) {
            pthread_mutex_lock(&fg_pool.sleep);
            /* Counted before the slots are looked at, as the caller offers them before it looks at the count. */
            __atomic_add_fetch(&fg_pool.sleepers, 1, __ATOMIC_SEQ_CST);
            while (!(taken = fg_take_slot())) pthread_cond_wait(&fg_pool.wake, &fg_pool.sleep);
            __atomic_sub_fetch(&fg_pool.sleepers, 1, __ATOMIC_SEQ_CST);
            pthread_mutex_unlock(&fg_pool.sleep);
        }
        fg_work();
        __atomic_add_fetch(&fg_pool.finished, 1, __ATOMIC_RELEASE);
    }
    return NULL;
}

static void fg_hire(int workers) {
    sigset_t all, before;
    pthread_t id;
    if (!fg_pool.guarded) fg_pool.guarded = pthread_atfork(NULL, NULL, fg_pool_reset) == 0;
    /* Signals belong to the threads of the interpreter. */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    while (fg_pool.workers < workers && pthread_create(&id, NULL, fg_worker, NULL) == 0) {
        pthread_detach(id);
        fg_pool.workers++;
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
}

static void fg_parallel(fg_task task, void *context, ptrdiff_t n, int threads) {
    int helpers = (threads < n ? threads : (int)n) - 1, taken;
    if (helpers < 1 || pthread_mutex_trylock(&fg_pool.owner) != 0) {
        for (ptrdiff_t i = 0; i < n; i++) task(context, i);
        return;
    }
    if (fg_pool.workers < helpers) fg_hire(helpers);
    fg_pool.task = task;
    fg_pool.context = context;
    fg_pool.n = n;
    fg_pool.next = 0;
    fg_pool.finished = 0;
    __atomic_store_n(&fg_pool.slots, helpers, __ATOMIC_SEQ_CST);
    if (__atomic_load_n(&fg_pool.sleepers, __ATOMIC_SEQ_CST) > 0) {
        pthread_mutex_lock(&fg_pool.sleep);
        for (int i = 0; i < helpers; i++) pthread_cond_signal(&fg_pool.wake);
        pthread_mutex_unlock(&fg_pool.sleep);
    }
    fg_work();
    taken = helpers - __atomic_exchange_n(&fg_pool.slots, 0, __ATOMIC_SEQ_CST);
    for (int spins = 0; __atomic_load_n(&fg_pool.finished, __ATOMIC_ACQUIRE) < taken; spins++)
        if (spins < FG_SPINS)
            FG_PAUSE();
        else
            sched_yield();
    pthread_mutex_unlock(&fg_pool.owner);
}
#else
static void fg_parallel(fg_task task, void *context, ptrdiff_t n, int threads) {
    (void)threads;
    for (ptrdiff_t i = 0; i < n; i++) task(context, i);
}
#endif

#endif
