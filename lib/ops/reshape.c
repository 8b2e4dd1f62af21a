/* SPDX-License-Identifier: Apache-2.0 */
/* reshape: the same elements under another shape of the row. */
#include "ops/support.h"

struct reshape {
    struct dli_int_list shape;
};

static const struct dli_attr attrs[] = {
    { .name = "shape", .type = DL4C_ATTR_INTS, .required = true, .offset = offsetof(struct reshape, shape), .min = -1,
      .max = (double)(1LL << 52), .doc = "lengths without the batch; one may be -1: whatever is left" },
    { 0 },
};

static dl4c_status infer(struct dli_infer *i, struct dl4c_error *err)
{
    const struct dli_int_list *shape = &((const struct reshape *)i->attrs)->shape;
    int64_t elements, rest;
    int32_t open = -1;
    DLI_TRY(dli_shape_elements(&i->in[0], &elements, err));
    if (shape->n > DLI_SHAPE_RANK)
        return dli_fail(err, DL4C_E_INVALID, "reshape", "vertex '%s': %d axes, wanted at most %d", i->vertex, (int)shape->n,
                        DLI_SHAPE_RANK);
    i->out.rank = shape->n;
    i->out.batch = i->in[0].batch;
    struct dli_shape closed = { .rank = shape->n };
    for (int32_t a = 0; a < shape->n; a++) {
        i->out.dim[a] = closed.dim[a] = shape->v[a];
        if (shape->v[a] >= 0)
            continue;
        if (open >= 0)
            return dli_fail(err, DL4C_E_INVALID, "reshape", "vertex '%s': more than one -1 in %s", i->vertex, DLI_SHAPE_STR(&i->out));
        open = a;
        closed.dim[a] = 1;
    }
    DLI_TRY(dli_shape_elements(&closed, &rest, err));
    if (elements < 0)
        return DL4C_OK;
    if (open >= 0 && rest > 0 && elements % rest == 0)
        i->out.dim[open] = elements / rest;
    else if (open >= 0 || rest != elements)
        return dli_fail(err, DL4C_E_INVALID, "reshape", "vertex '%s': the %" PRId64 " elements of %s do not go into %s", i->vertex,
                        elements, DLI_SHAPE_STR(&i->in[0]), DLI_SHAPE_STR(&i->out));
    return DL4C_OK;
}

static void forward(const struct dli_exec *x) { dli_copy(x, dli_out_floats(x), x->in[0], x->out); }

static void backward(const struct dli_exec *x)
{
    if (x->din[0])
        dli_copy(x, dli_out_floats(x), x->dout, x->din[0]);
}

const struct dli_op dli_op_reshape = {
    .name = "reshape",
    .doc = "The same elements under another shape.",
    .dl4j = "ReshapeVertex",
    .min_inputs = 1,
    .max_inputs = 1,
    .flags = DLI_OP_INPLACE | DLI_OP_INPLACE_BACK | DLI_OP_VIEW,
    .attrs = attrs,
    .attrs_size = sizeof(struct reshape),
    .infer = infer,
    .forward = forward,
    .backward = backward,
};
