/* SPDX-License-Identifier: Apache-2.0 */
/* subset: the channels or features `from` to `to`, both included. The others get no gradient. */
#include "ops/strided.h"

struct subset {
    int64_t from, to;
};

static const struct dli_attr attrs[] = {
    { .name = "from",
      .type = DL4C_ATTR_INT,
      .required = true,
      .offset = offsetof(struct subset, from),
      .min = 0,
      .max = (double)(1LL << 40),
      .doc = "the first index along the first axis behind the batch" },
    { .name = "to",
      .type = DL4C_ATTR_INT,
      .required = true,
      .offset = offsetof(struct subset, to),
      .min = 0,
      .max = (double)(1LL << 40),
      .doc = "the last one" },
    { 0 },
};

static dl4c_status infer(struct dli_infer *i, struct dl4c_error *err)
{
    const struct subset *s = i->attrs;
    if (i->in[0].rank < 1)
        return dli_fail(err, DL4C_E_INVALID, "subset", "vertex '%s': the input has no axis but the batch", i->vertex);
    if (s->to < s->from || (i->in[0].dim[0] >= 0 && s->to >= i->in[0].dim[0]))
        return dli_fail(err, DL4C_E_INVALID, "subset", "vertex '%s': %" PRId64 " to %" PRId64 " is no part of %s", i->vertex, s->from,
                        s->to, DLI_SHAPE_STR(&i->in[0]));
    i->out = i->in[0];
    i->out.dim[0] = s->to - s->from + 1;
    return DL4C_OK;
}

static struct dli_strided strided(const struct dli_exec *x)
{
    struct dli_strided out = { .small = x->out_shape, .large = x->in_shape, .start = { ((const struct subset *)x->attrs)->from } };
    for (int32_t a = 0; a < DLI_SHAPE_RANK; a++)
        out.step[a] = 1;
    return out;
}

DLI_STRIDED_RUNS

const struct dli_op dli_op_subset = {
    .name = "subset",
    .doc = "Some of the channels or features.",
    .dl4j = "SubsetVertex",
    .min_inputs = 1,
    .max_inputs = 1,
    .flags = DLI_OP_TIMES,
    .attrs = attrs,
    .attrs_size = sizeof(struct subset),
    .infer = infer,
    .forward = forward,
    .backward = backward,
};
