/* softmax, log_softmax and logsumexp over one axis of a strided array.
 *
 * Short rows, and rows whose neighbours are adjacent in memory, are taken side by side.  Any other row is cut into
 * chunks that do not depend on the number of threads: each is shifted by its own maximum and summed, and the chunks of
 * a row are then combined.  The maximum is left out of the sum, so that log1p sees the rest.
 */
#ifndef FASTGLM_SOFTMAX_H
#define FASTGLM_SOFTMAX_H

#include <stdlib.h>

#include "loops.h"

#define FG_CHUNK 8192
#define FG_BLOCK 256
#define FG_LANES 16
#define FG_GROUP 16
#define FG_TILE 32
#define FG_MAX_DIMS 64

enum { FG_SOFTMAX, FG_LOG_SOFTMAX, FG_LOGSUMEXP };

/* What a chunk tells: its shift, how often the maximum occurs, and the sum of the other exponentials. */
typedef struct {
    double max, shift, count, sum, factor;
} fg_stats;

#define T double
#define FG_INT int64_t
#define FG_NAME(name) fg_##name##_double
#define FG_EXP_SUM fg_exp_negative_sum
#define FG_LOWEST -800.0
#include "softmax_chunk.h"
#undef T
#undef FG_INT
#undef FG_NAME
#undef FG_EXP_SUM
#undef FG_LOWEST

#define T float
#define FG_INT int32_t
#define FG_NAME(name) fg_##name##_float
#define FG_EXP_SUM fg_exp_negative_sumf
#define FG_LOWEST -200.0f
#include "softmax_chunk.h"
#undef T
#undef FG_INT
#undef FG_NAME
#undef FG_EXP_SUM
#undef FG_LOWEST

/* The log of the row's sum less its shift; sets that shift, and each chunk's factor from exponential to softmax. */
static double fg_combine(fg_stats *stats, ptrdiff_t chunks, double *shift) {
    double max = stats[0].max, at_max = 0.0;
    for (ptrdiff_t i = 1; i < chunks; i++) max = stats[i].max > max ? stats[i].max : max;
    *shift = fabs(max) < INFINITY ? max : 0.0;
    for (ptrdiff_t i = 0; i < chunks; i++) {
        double d = stats[i].shift - *shift, back = d - stats[i].shift;
        double err = (stats[i].shift - (d - back)) + (-*shift - back);
        /* Where a maximum is infinite the shift is a stand-in that cannot be compared. */
        int stand_in = fabs(stats[i].max) == INFINITY || max == INFINITY;
        stats[i].factor = d == 0.0 || stand_in ? 1.0 : fg_exp_negative_sum(d, d > -800.0 ? err : 0.0);
        if (stats[i].factor == 1.0) at_max += stats[i].count;
    }
    double rest = 0.0, lost = 0.0;
    for (ptrdiff_t i = 0; i < chunks; i++) {
        double term = (stats[i].factor == 1.0 ? stats[i].sum : (stats[i].count + stats[i].sum) * stats[i].factor);
        double sum = rest + term, back = sum - rest;
        lost += (rest - (sum - back)) + (term - back);
        rest = sum;
    }
    /* Infinite sums would leave NaN in the correction. */
    double others = (at_max - 1.0) + (rest < INFINITY ? rest + lost : rest);
    double scale = max == INFINITY ? NAN : 1.0 / (1.0 + others);
    for (ptrdiff_t i = 0; i < chunks; i++) stats[i].factor *= scale;
    return fg_log1p(others);
}

typedef struct {
    const char *x;
    char *y;
    ptrdiff_t n, sx, sy, rows, row_size;
    int mode, is_float, ndim, threads;
    ptrdiff_t dims[FG_MAX_DIMS], x_strides[FG_MAX_DIMS], y_strides[FG_MAX_DIMS];
    /* The row under way where its chunks are shared out. */
    const char *row_x;
    char *row_y;
    fg_stats *stats;
    double shift, log_sum;
    ptrdiff_t per_task;
    int failed;
} fg_softmax;

static void fg_chunk_stats(const fg_softmax *c, const char *x, char *y, fg_stats *stats, ptrdiff_t i) {
    ptrdiff_t start = i * FG_CHUNK, n = c->n - start < FG_CHUNK ? c->n - start : FG_CHUNK;
    char *to = c->mode == FG_SOFTMAX ? y + start * c->sy : NULL;
    (c->is_float ? fg_stats_float : fg_stats_double)(x + start * c->sx, c->sx, to, c->sy, n, stats + i);
}

static void fg_chunk_finish(const fg_softmax *c, const char *x, char *y, const fg_stats *stats, ptrdiff_t i,
                            double shift, double log_sum) {
    ptrdiff_t start = i * FG_CHUNK, n = c->n - start < FG_CHUNK ? c->n - start : FG_CHUNK;
    x += start * c->sx;
    y += start * c->sy;
    if (c->mode == FG_SOFTMAX)
        (c->is_float ? fg_rescale_float : fg_rescale_double)(y, c->sy, n, stats[i].factor);
    else
        (c->is_float ? fg_subtract_float : fg_subtract_double)(x, c->sx, y, c->sy, n, shift, log_sum);
}

static void fg_put_logsumexp(const fg_softmax *c, char *y, double value) {
    if (c->is_float)
        *(float *)y = (float)value;
    else
        *(double *)y = value;
}

static void fg_row(const fg_softmax *c, const char *x, char *y, fg_stats *stats) {
    ptrdiff_t chunks = (c->n + FG_CHUNK - 1) / FG_CHUNK;
    double shift, log_sum;
    for (ptrdiff_t i = 0; i < chunks; i++) fg_chunk_stats(c, x, y, stats, i);
    log_sum = fg_combine(stats, chunks, &shift);
    if (c->mode == FG_LOGSUMEXP)
        fg_put_logsumexp(c, y, shift + log_sum);
    else
        for (ptrdiff_t i = 0; i < chunks; i++) fg_chunk_finish(c, x, y, stats, i, shift, log_sum);
}

static void fg_row_pointers(const fg_softmax *c, ptrdiff_t row, const char **x, char **y) {
    *x = c->x;
    *y = c->y;
    for (int d = c->ndim - 1; d >= 0; d--) {
        ptrdiff_t index = row % c->dims[d];
        row /= c->dims[d];
        *x += index * c->x_strides[d];
        *y += index * c->y_strides[d];
    }
}

static void fg_rows_task(void *context, ptrdiff_t task) {
    fg_softmax *c = (fg_softmax *)context;
    ptrdiff_t chunks = (c->n + FG_CHUNK - 1) / FG_CHUNK;
    ptrdiff_t start = task * c->per_task, end = start + c->per_task;
    fg_stats one, *stats = chunks <= 1 ? &one : (fg_stats *)malloc(chunks * sizeof(fg_stats));
    if (!stats) {
        c->failed = 1;
        return;
    }
    for (ptrdiff_t row = start; row < (end < c->rows ? end : c->rows); row++) {
        const char *x;
        char *y;
        fg_row_pointers(c, row, &x, &y);
        fg_row(c, x, y, stats);
    }
    if (stats != &one) free(stats);
}

static void fg_stats_task(void *context, ptrdiff_t i) {
    fg_softmax *c = (fg_softmax *)context;
    fg_chunk_stats(c, c->row_x, c->row_y, c->stats, i);
}

static void fg_finish_task(void *context, ptrdiff_t i) {
    fg_softmax *c = (fg_softmax *)context;
    fg_chunk_finish(c, c->row_x, c->row_y, c->stats, i, c->shift, c->log_sum);
}

/* Groups are taken along the last dimension. */
static void fg_groups_task(void *context, ptrdiff_t task) {
    fg_softmax *c = (fg_softmax *)context;
    int last = c->ndim - 1;
    ptrdiff_t length = c->dims[last], groups = (length + FG_GROUP - 1) / FG_GROUP, all = c->rows / length * groups;
    ptrdiff_t start = task * c->per_task, end = start + c->per_task;
    for (ptrdiff_t group = start; group < (end < all ? end : all); group++) {
        ptrdiff_t first = group % groups * FG_GROUP, lanes = length - first < FG_GROUP ? length - first : FG_GROUP;
        const char *x;
        char *y;
        fg_row_pointers(c, group / groups * length + first, &x, &y);
        (c->is_float ? fg_group_float : fg_group_double)(c->mode, x, c->x_strides[last], c->sx, y, c->y_strides[last],
                                                         c->sy, c->n, lanes);
    }
}

/* Merges dimensions that one stride can walk through. */
static void fg_collapse(fg_softmax *c) {
    int kept = 0;
    for (int d = 1; d < c->ndim; d++) {
        ptrdiff_t n = c->dims[d];
        if (c->x_strides[kept] == n * c->x_strides[d] && c->y_strides[kept] == n * c->y_strides[d])
            c->dims[kept] *= n;
        else
            c->dims[++kept] = n;
        c->x_strides[kept] = c->x_strides[d];
        c->y_strides[kept] = c->y_strides[d];
    }
    if (c->ndim) c->ndim = kept + 1;
}

static int fg_in_groups(const fg_softmax *c) {
    ptrdiff_t size = c->is_float ? sizeof(float) : sizeof(double), length = c->ndim ? c->dims[c->ndim - 1] : 1;
    if (length < FG_GROUP / 2) return length > 1 && c->n <= 2 * length;
    return c->n <= FG_TILE || (c->sx != size && c->x_strides[c->ndim - 1] == size);
}

/* Rows are shared out, or the chunks of each row where there are few long ones; returns 0, or -1 without memory. */
static int fg_softmax_run(fg_softmax *c) {
    ptrdiff_t chunks = (c->n + FG_CHUNK - 1) / FG_CHUNK;
    int threads = fg_threads(c->rows * c->n, c->threads);
    c->failed = 0;
    fg_collapse(c);
    if (fg_in_groups(c)) {
        ptrdiff_t length = c->dims[c->ndim - 1], groups = c->rows / length * ((length + FG_GROUP - 1) / FG_GROUP);
        c->per_task = threads == 1 ? groups : 1 + FG_TASK / (FG_GROUP * c->n);
        fg_parallel(fg_groups_task, c, (groups + c->per_task - 1) / c->per_task, threads);
        return 0;
    }
    if (threads == 1 || chunks <= 1 || c->rows >= 4 * threads) {
        ptrdiff_t rows = 1 + FG_TASK / (c->n + 1);
        c->per_task = threads == 1 ? c->rows : rows;
        fg_parallel(fg_rows_task, c, (c->rows + c->per_task - 1) / c->per_task, threads);
        return c->failed ? -1 : 0;
    }
    c->stats = (fg_stats *)malloc(chunks * sizeof(fg_stats));
    if (!c->stats) return -1;
    for (ptrdiff_t row = 0; row < c->rows; row++) {
        fg_row_pointers(c, row, &c->row_x, &c->row_y);
        fg_parallel(fg_stats_task, c, chunks, threads);
        c->log_sum = fg_combine(c->stats, chunks, &c->shift);
        if (c->mode == FG_LOGSUMEXP)
            fg_put_logsumexp(c, c->row_y, c->shift + c->log_sum);
        else
            fg_parallel(fg_finish_task, c, chunks, threads);
    }
    free(c->stats);
    return 0;
}

#endif
