/* SPDX-License-Identifier: Apache-2.0 */
/* Curves in bounded memory: columns of values over a whole-numbered axis that grows without end. Values gather in buckets of `width` steps
 * of the axis, which doubles when there are too many of them; mean, least and greatest of each bucket stay right. */
#ifndef DLI_MONITOR_TRACE_H
#define DLI_MONITOR_TRACE_H

#include "base/alloc.h"

struct dli_cell {     /* of one column in one bucket */
    double sum, rate; /* of the values; of the rates that came with them */
    int64_t n, rates; /* how many */
    float low, high;  /* of the values; undefined where n is 0 */
};

struct dli_trace {
    dl4c_context *ctx;
    int64_t base, width;    /* bucket i covers base + i * width ... base + (i + 1) * width - 1 */
    int64_t n, room, most;  /* buckets: in use; with memory; at most */
    int32_t columns, wide;  /* in use; with memory */
    struct dli_cell *cells; /* [room, wide] */
    double *time;           /* [room]: the latest of each bucket */
    int64_t *stamp;         /* [room]: of the last change */
};

/* most: even. */
void dli_trace_init(struct dli_trace *trace, dl4c_context *ctx, int64_t most);
void dli_trace_free(struct dli_trace *trace);
/* Empty again; columns stay. */
void dli_trace_clear(struct dli_trace *trace);
/* A value of a column at x; a column that was not there before becomes one. rate NaN: none. v is finite, and x not below the base. */
dl4c_status dli_trace_add(struct dli_trace *trace, int64_t x, int32_t column, double v, double rate, double time, int64_t stamp,
                          struct dl4c_error *err);
/* Takes away what is at x and after it; of the bucket that x is in the middle of, nothing. */
void dli_trace_cut(struct dli_trace *trace, int64_t x, int64_t stamp);
/* The first bucket that changed after `stamp`; n where none did. */
int64_t dli_trace_changed(const struct dli_trace *trace, int64_t stamp);

static inline const struct dli_cell *dli_trace_cell(const struct dli_trace *t, int64_t bucket, int32_t column)
{
    return &t->cells[bucket * t->wide + column];
}

#endif
