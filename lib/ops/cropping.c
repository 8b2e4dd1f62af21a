/* SPDX-License-Identifier: Apache-2.0 */
/* cropping: [c, h, w] without rows at the top and the bottom and columns at the left and the right. What was cut gets no gradient. */
#include "ops/strided.h"

struct cropping {
    int64_t cropping[4];
};
enum { TOP, BOTTOM, LEFT, RIGHT };

static const struct dli_attr attrs[] = {
    { .name = "cropping",
      .type = DL4C_ATTR_INTS,
      .required = true,
      .count = 4,
      .offset = offsetof(struct cropping, cropping),
      .min = 0,
      .max = 65536,
      .doc = "rows cut at the top and the bottom, columns at the left and the right" },
    { 0 },
};

static dl4c_status infer(struct dli_infer *i, struct dl4c_error *err)
{
    const int64_t *c = ((const struct cropping *)i->attrs)->cropping;
    DLI_TRY(dli_want_image(i, "cropping", err));
    i->out = i->in[0];
    for (int32_t a = 1; a < 3; a++) {
        const int64_t cut = c[2 * a - 2] + c[2 * a - 1];
        if (i->out.dim[a] >= 0 && i->out.dim[a] <= cut)
            return dli_fail(err, DL4C_E_INVALID, "cropping", "vertex '%s': %" PRId64 " %s cut from %s leave nothing", i->vertex, cut,
                            a == 1 ? "rows" : "columns", DLI_SHAPE_STR(&i->in[0]));
        if (i->out.dim[a] >= 0)
            i->out.dim[a] -= cut;
    }
    return DL4C_OK;
}

static struct dli_strided strided(const struct dli_exec *x)
{
    const int64_t *c = ((const struct cropping *)x->attrs)->cropping;
    return (struct dli_strided){ .small = x->out_shape, .large = x->in_shape, .start = { 0, c[TOP], c[LEFT] }, .step = { 1, 1, 1 } };
}

DLI_STRIDED_RUNS

const struct dli_op dli_op_cropping = {
    .name = "cropping",
    .doc = "An image without its margins.",
    .dl4j = "Cropping2DLayer",
    .min_inputs = 1,
    .max_inputs = 1,
    .attrs = attrs,
    .attrs_size = sizeof(struct cropping),
    .infer = infer,
    .forward = forward,
    .backward = backward,
};
