/* SPDX-License-Identifier: Apache-2.0 */
/* pad: zeros before and after along each axis of the row, channels too. The gradient is that of the middle. */
#include "ops/strided.h"

struct pad {
    struct dli_int_list begin, end;
};

static const struct dli_attr attrs[] = {
    { .name = "begin",
      .type = DL4C_ATTR_INTS,
      .required = true,
      .offset = offsetof(struct pad, begin),
      .min = 0,
      .max = 65536,
      .doc = "zeros before along each axis, the batch left out" },
    { .name = "end",
      .type = DL4C_ATTR_INTS,
      .required = true,
      .offset = offsetof(struct pad, end),
      .min = 0,
      .max = 65536,
      .doc = "zeros after" },
    { 0 },
};

static dl4c_status infer(struct dli_infer *i, struct dl4c_error *err)
{
    const struct pad *p = i->attrs;
    const struct dli_shape *in = &i->in[0];
    if (p->begin.n != in->rank || p->end.n != in->rank || in->rank < 1)
        return dli_fail(err, DL4C_E_INVALID, "pad", "vertex '%s': begin and end have %d and %d values, wanted %d for %s", i->vertex,
                        (int)p->begin.n, (int)p->end.n, (int)in->rank, DLI_SHAPE_STR(in));
    i->out = *in;
    for (int32_t a = 0; a < in->rank; a++)
        if (in->dim[a] >= 0 && !dli_add_i64(in->dim[a], p->begin.v[a] + p->end.v[a], &i->out.dim[a]))
            return dli_fail(err, DL4C_E_INVALID, "pad", "vertex '%s': the input %s is too large", i->vertex, DLI_SHAPE_STR(in));
    return DL4C_OK;
}

static struct dli_strided strided(const struct dli_exec *x)
{
    const struct pad *p = x->attrs;
    struct dli_strided s = { .small = x->in_shape, .large = x->out_shape };
    for (int32_t a = 0; a < p->begin.n; a++) {
        s.start[a] = p->begin.v[a];
        s.step[a] = 1;
    }
    return s;
}

static void forward(const struct dli_exec *x)
{
    const struct dli_strided s = strided(x);
    dli_strided_put(x, &s, x->in[0], x->out);
}

static void backward(const struct dli_exec *x)
{
    const struct dli_strided s = strided(x);
    if (x->din[0])
        dli_strided_take(x, &s, x->dout, x->din[0]);
}

const struct dli_op dli_op_pad = {
    .name = "pad",
    .doc = "Zeros around a row, along every axis.",
    .min_inputs = 1,
    .max_inputs = 1,
    .attrs = attrs,
    .attrs_size = sizeof(struct pad),
    .infer = infer,
    .forward = forward,
    .backward = backward,
};
