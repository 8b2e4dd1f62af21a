/* SPDX-License-Identifier: Apache-2.0 */
/* zero_padding: [c, h, w] -> [c, top + h + bottom, left + w + right]. The gradient is that of the middle. */
#include "kernels/split.h"
#include "ops/support.h"

struct zero_padding {
    int64_t padding[4];
};
enum { TOP, BOTTOM, LEFT, RIGHT };

static const struct dli_attr attrs[] = {
    { .name = "padding", .type = DL4C_ATTR_INTS, .required = true, .count = 4, .offset = offsetof(struct zero_padding, padding),
      .min = 0, .max = 65536, .doc = "rows at the top and the bottom, columns at the left and the right" },
    { 0 },
};

static dl4c_status infer(struct dli_infer *i, struct dl4c_error *err)
{
    const int64_t *p = ((const struct zero_padding *)i->attrs)->padding;
    DLI_TRY(dli_want_image(i, "zero_padding", err));
    i->out = i->in[0];
    for (int32_t a = 1; a < 3; a++)
        if (i->out.dim[a] >= 0 && !dli_add_i64(i->out.dim[a], p[2 * a - 2] + p[2 * a - 1], &i->out.dim[a]))
            return dli_fail(err, DL4C_E_INVALID, "zero_padding", "vertex '%s': the input %s is too large", i->vertex,
                            DLI_SHAPE_STR(&i->in[0]));
    return DL4C_OK;
}

struct loop {
    struct dli_split split; /* of the channels of all rows */
    const int64_t *padding;
    int64_t h, w;
    const float *src;
    float *dst;
};

static void forward_task(void *arg, size_t task, int32_t worker)
{
    const struct loop *l = arg;
    const int64_t *p = l->padding, wide = p[LEFT] + l->w + p[RIGHT], high = p[TOP] + l->h + p[BOTTOM];
    int64_t first, last;
    (void)worker;
    dli_split_range(&l->split, task, &first, &last);
    for (int64_t c = first; c < last; c++) {
        float *y = l->dst + c * high * wide;
        memset(y, 0, (size_t)(high * wide) * sizeof *y);
        for (int64_t i = 0; i < l->h; i++)
            memcpy(y + (p[TOP] + i) * wide + p[LEFT], l->src + (c * l->h + i) * l->w, (size_t)l->w * sizeof *y);
    }
}

static void backward_task(void *arg, size_t task, int32_t worker)
{
    const struct loop *l = arg;
    const int64_t *p = l->padding, wide = p[LEFT] + l->w + p[RIGHT], high = p[TOP] + l->h + p[BOTTOM];
    int64_t first, last;
    (void)worker;
    dli_split_range(&l->split, task, &first, &last);
    for (int64_t c = first; c < last; c++)
        for (int64_t i = 0; i < l->h; i++)
            memcpy(l->dst + (c * l->h + i) * l->w, l->src + (c * high + p[TOP] + i) * wide + p[LEFT], (size_t)l->w * sizeof *l->dst);
}

static void run(const struct dli_exec *x, const float *src, float *dst, void (*task)(void *, size_t, int32_t))
{
    struct loop l = { dli_split_items(dli_in_rows(x, 0) * x->in_shape->dim[0], dli_row_pixels(x->out_shape)),
                      ((const struct zero_padding *)x->attrs)->padding,
                      x->in_shape->dim[1],
                      x->in_shape->dim[2],
                      src,
                      dst };
    dli_parallel(x->ctx, x->threads, l.split.n_tasks, task, &l);
}

static void forward(const struct dli_exec *x) { run(x, x->in[0], x->out, forward_task); }

static void backward(const struct dli_exec *x)
{
    if (x->din[0])
        run(x, x->dout, x->din[0], backward_task);
}

const struct dli_op dli_op_zero_padding = {
    .name = "zero_padding",
    .doc = "Zeros around an image.",
    .dl4j = "ZeroPaddingLayer",
    .min_inputs = 1,
    .max_inputs = 1,
    .attrs = attrs,
    .attrs_size = sizeof(struct zero_padding),
    .infer = infer,
    .forward = forward,
    .backward = backward,
};
