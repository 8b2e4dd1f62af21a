/* SPDX-License-Identifier: Apache-2.0 */
/* clip: y = min(max(x, min), max), any shape. The slope at both corners is 0. */
#include "base/number.h"
#include "ops/support.h"

#include <float.h>

struct clip {
    double min, max;
};

static const struct dli_attr attrs[] = {
    { .name = "min", .type = DL4C_ATTR_FLOAT, .offset = offsetof(struct clip, min), .def = -FLT_MAX, .doc = "least result" },
    { .name = "max", .type = DL4C_ATTR_FLOAT, .offset = offsetof(struct clip, max), .def = FLT_MAX, .doc = "greatest result" },
    { 0 },
};

static dl4c_status infer(struct dli_infer *i, struct dl4c_error *err)
{
    const struct clip *a = i->attrs;
    if (!(a->min <= a->max))
        return dli_fail(err, DL4C_E_INVALID, "clip", "vertex '%s': min %s is above max %s", i->vertex, DLI_NUM(a->min), DLI_NUM(a->max));
    return dli_infer_same(i, err);
}

static struct dli_unary unary(const void *attr)
{
    const struct clip *a = attr;
    return (struct dli_unary){ DLI_CLIP, (float)a->min, (float)a->max };
}

static bool as_clip(const void *attr, float *lo, float *hi)
{
    const struct clip *a = attr;
    *lo = (float)a->min;
    *hi = (float)a->max;
    return true;
}

static void forward(const struct dli_exec *x)
{
    const struct dli_unary u = unary(x->attrs);
    dli_op_unary(x, &u);
}

static void backward(const struct dli_exec *x)
{
    const struct dli_unary u = unary(x->attrs);
    dli_op_unary_backward(x, &u);
}

const struct dli_op dli_op_clip = {
    .name = "clip",
    .doc = "Limits to a range.",
    .dl4j = NULL,
    .min_inputs = 1,
    .max_inputs = 1,
    .flags = DLI_OP_ACTIVATION | DLI_OP_INPLACE | DLI_OP_INPLACE_BACK | DLI_OP_BLOCKED | DLI_OP_BACK_OUT,
    .attrs = attrs,
    .attrs_size = sizeof(struct clip),
    .infer = infer,
    .as_clip = as_clip,
    .forward = forward,
    .backward = backward,
};
