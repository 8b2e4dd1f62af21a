/* SPDX-License-Identifier: Apache-2.0 */
/* Copying between a row and evenly spaced places of a larger one, line by line along the last axis. */
#include "ops/strided.h"
#include "kernels/split.h"

struct loop {
    struct dli_split split; /* take: of lines; put: of rows */
    const struct dli_strided *s;
    int64_t lines, width;           /* of a small row */
    int64_t small_row, large_row;   /* floats */
    int64_t stride[DLI_SHAPE_RANK]; /* floats of the large row between neighbours along an axis of the small one */
    int64_t first;                  /* where the small row's first element lies */
    const float *src;
    float *dst;
};

/* Where line `line` of a small row begins in the large one. */
static int64_t place(const struct loop *l, int64_t line)
{
    int64_t at = l->first;
    for (int32_t a = l->s->small->rank - 1; a-- > 0;) {
        at += line % l->s->small->dim[a] * l->stride[a];
        line /= l->s->small->dim[a];
    }
    return at;
}

static void take_task(void *arg, size_t task, int32_t worker)
{
    const struct loop *l = arg;
    const int64_t step = l->stride[l->s->small->rank - 1];
    int64_t first, last;
    (void)worker;
    dli_split_range(&l->split, task, &first, &last);
    for (int64_t line = first; line < last; line++) {
        const float *src = l->src + line / l->lines * l->large_row + place(l, line % l->lines);
        float *dst = l->dst + line * l->width;
        if (step == 1)
            memcpy(dst, src, (size_t)l->width * sizeof *dst);
        else
            for (int64_t i = 0; i < l->width; i++)
                dst[i] = src[i * step];
    }
}

static void put_task(void *arg, size_t task, int32_t worker)
{
    const struct loop *l = arg;
    const int64_t step = l->stride[l->s->small->rank - 1];
    int64_t first, last;
    (void)worker;
    dli_split_range(&l->split, task, &first, &last);
    for (int64_t row = first; row < last; row++) {
        memset(l->dst + row * l->large_row, 0, (size_t)l->large_row * sizeof *l->dst);
        for (int64_t line = 0; line < l->lines; line++) {
            const float *src = l->src + row * l->small_row + line * l->width;
            float *dst = l->dst + row * l->large_row + place(l, line);
            for (int64_t i = 0; i < l->width; i++)
                dst[i * step] = src[i];
        }
    }
}

static struct loop loop_of(const struct dli_strided *s, const float *src, float *dst)
{
    struct loop l = { .s = s, .src = src, .dst = dst };
    int64_t below = 1;
    l.small_row = dli_row_elements(s->small);
    l.large_row = dli_row_elements(s->large);
    l.width = s->small->dim[s->small->rank - 1];
    l.lines = l.width > 0 ? l.small_row / l.width : 0;
    for (int32_t a = s->small->rank; a-- > 0; below *= s->large->dim[a]) {
        l.stride[a] = s->step[a] * below;
        l.first += s->start[a] * below;
    }
    return l;
}

void dli_strided_take(const struct dli_exec *x, const struct dli_strided *s, const float *large, float *small)
{
    struct loop l = loop_of(s, large, small);
    l.split = dli_split_items(dli_in_rows(x, 0) * l.lines, l.width);
    dli_parallel(x->ctx, x->threads, l.split.n_tasks, take_task, &l);
}

void dli_strided_put(const struct dli_exec *x, const struct dli_strided *s, const float *small, float *large)
{
    struct loop l = loop_of(s, small, large);
    l.split = dli_split_items(dli_in_rows(x, 0), l.large_row);
    dli_parallel(x->ctx, x->threads, l.split.n_tasks, put_task, &l);
}
