/* SPDX-License-Identifier: Apache-2.0 */
/* unstack: part `from` of `size` equal parts of the rows, as stack put them together. The other rows get no gradient. */
#include "ops/support.h"

struct unstack {
    int64_t from, size;
};

static const struct dli_attr attrs[] = {
    { .name = "from",
      .type = DL4C_ATTR_INT,
      .required = true,
      .offset = offsetof(struct unstack, from),
      .min = 0,
      .max = 65535,
      .doc = "which part, counted from 0" },
    { .name = "size",
      .type = DL4C_ATTR_INT,
      .required = true,
      .offset = offsetof(struct unstack, size),
      .min = 1,
      .max = 65536,
      .doc = "how many parts there are" },
    { 0 },
};

static dl4c_status infer(struct dli_infer *i, struct dl4c_error *err)
{
    const struct unstack *u = i->attrs;
    if (u->from >= u->size || i->in[0].batch % u->size != 0)
        return dli_fail(err, DL4C_E_INVALID, "unstack",
                        "vertex '%s': part %" PRId64 " of %" PRId64 " of an input with %" PRId32 " rows for each of the network's",
                        i->vertex, u->from, u->size, i->in[0].batch);
    i->out = i->in[0];
    i->out.batch = (int32_t)(i->in[0].batch / u->size);
    return DL4C_OK;
}

static void forward(const struct dli_exec *x)
{
    const int64_t n = dli_out_floats(x);
    dli_copy(x, n, x->in[0] + n * ((const struct unstack *)x->attrs)->from, x->out);
}

static void backward(const struct dli_exec *x)
{
    const struct unstack *u = x->attrs;
    const int64_t n = dli_out_rows(x) * dli_row_elements(x->out_shape);
    if (!x->din[0])
        return;
    memset(x->din[0], 0, (size_t)(n * u->size) * sizeof(float));
    dli_copy(x, n, x->dout, x->din[0] + n * u->from);
}

const struct dli_op dli_op_unstack = {
    .name = "unstack",
    .doc = "One part of the rows of a stack.",
    .dl4j = "UnstackVertex",
    .min_inputs = 1,
    .max_inputs = 1,
    .flags = DLI_OP_BLOCKED,
    .attrs = attrs,
    .attrs_size = sizeof(struct unstack),
    .infer = infer,
    .forward = forward,
    .backward = backward,
};
