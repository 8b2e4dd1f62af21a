/* SPDX-License-Identifier: Apache-2.0 */
/* space_to_depth: [c, h, w] -> [c * block^2, h / block, w / block]: pixel (a, b) of each block of channel k becomes channel
 * (a * block + b) * c + k. The gradient goes back the same way. */
#include "kernels/split.h"
#include "ops/support.h"

struct space_to_depth {
    int64_t block;
};

static const struct dli_attr attrs[] = {
    { .name = "block",
      .type = DL4C_ATTR_INT,
      .required = true,
      .offset = offsetof(struct space_to_depth, block),
      .min = 1,
      .max = 4096,
      .doc = "height and width of a block" },
    { 0 },
};

static dl4c_status infer(struct dli_infer *i, struct dl4c_error *err)
{
    const int64_t block = ((const struct space_to_depth *)i->attrs)->block;
    DLI_TRY(dli_want_image(i, "space_to_depth", err));
    i->out = i->in[0];
    if (i->out.dim[0] >= 0 && !dli_mul_i64(i->out.dim[0], block * block, &i->out.dim[0]))
        return dli_fail(err, DL4C_E_INVALID, "space_to_depth", "vertex '%s': the input %s is too large", i->vertex,
                        DLI_SHAPE_STR(&i->in[0]));
    for (int32_t a = 1; a < 3; a++) {
        if (i->out.dim[a] >= 0 && (i->out.dim[a] == 0 || i->out.dim[a] % block != 0))
            return dli_fail(err, DL4C_E_INVALID, "space_to_depth", "vertex '%s': blocks of %" PRId64 " do not fill the input %s", i->vertex,
                            block, DLI_SHAPE_STR(&i->in[0]));
        if (i->out.dim[a] >= 0)
            i->out.dim[a] /= block;
    }
    return DL4C_OK;
}

struct loop {
    const struct dli_exec *x;
    struct dli_split split; /* of the channels of all outputs */
};

static void task(void *arg, size_t t, int32_t worker)
{
    const struct loop *l = arg;
    const struct dli_exec *x = l->x;
    const int64_t block = ((const struct space_to_depth *)x->attrs)->block;
    const int64_t c = x->in_shape->dim[0], h = x->in_shape->dim[1], w = x->in_shape->dim[2];
    const int64_t oc = x->out_shape->dim[0], oh = x->out_shape->dim[1], ow = x->out_shape->dim[2];
    int64_t first, last;
    (void)worker;
    dli_split_range(&l->split, t, &first, &last);
    for (int64_t p = first; p < last; p++) {
        const int64_t row = p / oc, cell = p % oc / c, k = p % c;
        const int64_t corner = ((row * c + k) * h + cell / block) * w + cell % block;
        for (int64_t i = 0; i < oh; i++)
            for (int64_t j = 0; j < ow; j++) {
                const int64_t small = (p * oh + i) * ow + j, large = corner + (i * w + j) * block;
                if (x->dout)
                    x->din[0][large] = x->dout[small];
                else
                    x->out[small] = x->in[0][large];
            }
    }
}

static void run(const struct dli_exec *x)
{
    struct loop l = { x, dli_split_items(dli_out_rows(x) * x->out_shape->dim[0], dli_row_pixels(x->out_shape)) };
    dli_parallel(x->ctx, x->threads, l.split.n_tasks, task, &l);
}

static void backward(const struct dli_exec *x)
{
    if (x->din[0])
        run(x);
}

const struct dli_op dli_op_space_to_depth = {
    .name = "space_to_depth",
    .doc = "Blocks of pixels as channels.",
    .dl4j = "SpaceToDepth",
    .min_inputs = 1,
    .max_inputs = 1,
    .attrs = attrs,
    .attrs_size = sizeof(struct space_to_depth),
    .infer = infer,
    .forward = run,
    .backward = backward,
};
