/* SPDX-License-Identifier: Apache-2.0 */
/* upsampling: every pixel of [c, h, w] becomes a block of size x size equal ones. It gets the sum of their gradients, row by row. */
#include "kernels/split.h"
#include "ops/support.h"

struct upsampling {
    int64_t size[2];
};

static const struct dli_attr attrs[] = {
    { .name = "size",
      .type = DL4C_ATTR_INTS,
      .count = 2,
      .offset = offsetof(struct upsampling, size),
      .def = 2,
      .min = 1,
      .max = 4096,
      .doc = "height and width of a block" },
    { 0 },
};

static dl4c_status infer(struct dli_infer *i, struct dl4c_error *err)
{
    const int64_t *size = ((const struct upsampling *)i->attrs)->size;
    DLI_TRY(dli_want_image(i, "upsampling", err));
    i->out = i->in[0];
    for (int32_t a = 1; a < 3; a++)
        if (i->out.dim[a] >= 0 && !dli_mul_i64(i->out.dim[a], size[a - 1], &i->out.dim[a]))
            return dli_fail(err, DL4C_E_INVALID, "upsampling", "vertex '%s': the input %s is too large", i->vertex,
                            DLI_SHAPE_STR(&i->in[0]));
    return DL4C_OK;
}

struct loop {
    const struct dli_exec *x;
    struct dli_split split; /* of the rows of all small images */
    int64_t sh, sw, w;
};

static void forward_task(void *arg, size_t task, int32_t worker)
{
    const struct loop *l = arg;
    const int64_t wide = l->w * l->sw;
    int64_t first, last;
    (void)worker;
    dli_split_range(&l->split, task, &first, &last);
    for (int64_t r = first; r < last; r++) {
        const float *src = l->x->in[0] + r * l->w;
        float *dst = l->x->out + r * l->sh * wide;
        for (int64_t j = 0; j < wide; j++)
            dst[j] = src[j / l->sw];
        for (int64_t i = 1; i < l->sh; i++)
            memcpy(dst + i * wide, dst, (size_t)wide * sizeof *dst);
    }
}

static void backward_task(void *arg, size_t task, int32_t worker)
{
    const struct loop *l = arg;
    const int64_t wide = l->w * l->sw;
    int64_t first, last;
    (void)worker;
    dli_split_range(&l->split, task, &first, &last);
    for (int64_t r = first; r < last; r++)
        for (int64_t j = 0; j < l->w; j++) {
            const float *dy = l->x->dout + r * l->sh * wide + j * l->sw;
            float sum = 0;
            for (int64_t a = 0; a < l->sh; a++)
                for (int64_t b = 0; b < l->sw; b++)
                    sum += dy[a * wide + b];
            l->x->din[0][r * l->w + j] = sum;
        }
}

static void run(const struct dli_exec *x, void (*task)(void *, size_t, int32_t))
{
    const int64_t *size = ((const struct upsampling *)x->attrs)->size, w = x->in_shape->dim[2];
    struct loop l = { x, dli_split_items(dli_in_rows(x, 0) * x->in_shape->dim[0] * x->in_shape->dim[1], w * size[0] * size[1]), size[0],
                      size[1], w };
    dli_parallel(x->ctx, x->threads, l.split.n_tasks, task, &l);
}

static void forward(const struct dli_exec *x) { run(x, forward_task); }

static void backward(const struct dli_exec *x)
{
    if (x->din[0])
        run(x, backward_task);
}

const struct dli_op dli_op_upsampling = {
    .name = "upsampling",
    .doc = "Every pixel repeated to a block.",
    .dl4j = "Upsampling2D",
    .min_inputs = 1,
    .max_inputs = 1,
    .attrs = attrs,
    .attrs_size = sizeof(struct upsampling),
    .infer = infer,
    .forward = forward,
    .backward = backward,
};
