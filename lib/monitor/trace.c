/* SPDX-License-Identifier: Apache-2.0 */
/* Buckets that double in width. */
#include "monitor/trace.h"

#include <math.h>
#include <string.h>

void dli_trace_init(struct dli_trace *t, dl4c_context *ctx, int64_t most)
{
    memset(t, 0, sizeof *t);
    t->ctx = ctx;
    t->most = most;
    t->width = 1;
}

void dli_trace_free(struct dli_trace *t)
{
    dli_free(t->cells);
    dli_free(t->time);
    dli_free(t->stamp);
    dli_trace_init(t, t->ctx, t->most);
}

void dli_trace_clear(struct dli_trace *t)
{
    t->n = 0;
    t->width = 1;
}

static void put(struct dli_cell *to, const struct dli_cell *from)
{
    if (from->n == 0)
        return;
    to->low = to->n == 0 || from->low < to->low ? from->low : to->low;
    to->high = to->n == 0 || from->high > to->high ? from->high : to->high;
    to->sum += from->sum;
    to->n += from->n;
    to->rate += from->rate;
    to->rates += from->rates;
}

/* Two buckets become one. */
static void fold(struct dli_trace *t, int64_t stamp)
{
    const size_t row = (size_t)t->wide;
    for (int64_t i = 0; i < t->n; i += 2) {
        struct dli_cell *to = t->cells + i / 2 * t->wide, *from = t->cells + i * t->wide;
        memmove(to, from, row * sizeof *to);
        t->time[i / 2] = t->time[i];
        if (i + 1 < t->n) {
            for (int32_t c = 0; c < t->columns; c++)
                put(&to[c], &from[t->wide + c]);
            t->time[i / 2] = fmax(t->time[i], t->time[i + 1]);
        }
        t->stamp[i / 2] = stamp;
    }
    t->n = (t->n + 1) / 2;
    t->width *= 2;
}

static dl4c_status widen(struct dli_trace *t, int32_t columns, struct dl4c_error *err)
{
    if (columns > t->wide) {
        const int32_t wide = columns < 2 * t->wide ? 2 * t->wide : columns;
        struct dli_cell *cells = NULL;
        if (t->room > 0 && !(cells = dli_calloc(t->ctx, (size_t)t->room * (size_t)wide, sizeof *cells, err)))
            return dli_alloc_status();
        for (int64_t i = 0; i < t->n; i++)
            memcpy(cells + i * wide, t->cells + i * t->wide, (size_t)t->columns * sizeof *cells);
        dli_free(t->cells);
        t->cells = cells;
        t->wide = wide;
    }
    t->columns = columns > t->columns ? columns : t->columns;
    return DL4C_OK;
}

static dl4c_status lengthen(struct dli_trace *t, int64_t n, struct dl4c_error *err)
{
    int64_t room = t->room ? t->room : 64;
    if (n <= t->room)
        return DL4C_OK;
    while (room < n)
        room *= 2;
    /* room is the smallest of the three that were made: a failure in between leaves the others longer than it says. */
    const struct {
        void **at;
        size_t bytes;
    } arrays[] = { { (void **)&t->cells, (size_t)t->wide * sizeof *t->cells },
                   { (void **)&t->time, sizeof *t->time },
                   { (void **)&t->stamp, sizeof *t->stamp } };
    for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++) {
        void *more = dli_realloc(t->ctx, *arrays[i].at, (size_t)room * arrays[i].bytes, err);
        if (!more)
            return dli_alloc_status();
        *arrays[i].at = more;
    }
    t->room = room;
    return DL4C_OK;
}

dl4c_status dli_trace_add(struct dli_trace *t, int64_t x, int32_t column, double v, double rate, double time, int64_t stamp,
                          struct dl4c_error *err)
{
    const float value = (float)v;
    DLI_TRY(widen(t, column + 1, err));
    if (t->n == 0)
        t->base = x;
    while ((x - t->base) / t->width >= t->most)
        fold(t, stamp);
    const int64_t at = (x - t->base) / t->width;
    DLI_TRY(lengthen(t, at + 1, err));
    for (; t->n <= at; t->n++) {
        memset(t->cells + t->n * t->wide, 0, (size_t)t->wide * sizeof *t->cells);
        t->time[t->n] = NAN;
        t->stamp[t->n] = stamp;
    }
    put(&t->cells[at * t->wide + column],
        &(struct dli_cell){ .sum = v, .n = 1, .low = value, .high = value, .rate = isfinite(rate) ? rate : 0, .rates = isfinite(rate) });
    t->time[at] = fmax(t->time[at], time);
    t->stamp[at] = stamp;
    return DL4C_OK;
}

void dli_trace_cut(struct dli_trace *t, int64_t x, int64_t stamp)
{
    int64_t keep = 0;
    if (t->n > 0 && x > t->base)
        keep = (x - t->base + t->width - 1) / t->width;
    if (keep >= t->n)
        return;
    t->n = keep;
    if (keep > 0)
        t->stamp[keep - 1] = stamp; /* somebody who saw more of them should look */
    else
        dli_trace_clear(t);
}

int64_t dli_trace_changed(const struct dli_trace *t, int64_t stamp)
{
    int64_t i = 0;
    while (i < t->n && t->stamp[i] <= stamp)
        i++;
    return i;
}
