/* SPDX-License-Identifier: Apache-2.0 */
/* slice: along each axis of the row `count` elements from `start` on, `step` apart (backwards where it is negative). The gradient goes
 * back to where they came from. */
#include "ops/strided.h"

struct slice {
    struct dli_int_list start, step, count;
};

static const struct dli_attr attrs[] = {
    { .name = "start",
      .type = DL4C_ATTR_INTS,
      .required = true,
      .offset = offsetof(struct slice, start),
      .min = 0,
      .max = (double)(1LL << 52),
      .doc = "first index along each axis, the batch left out" },
    { .name = "step",
      .type = DL4C_ATTR_INTS,
      .required = true,
      .offset = offsetof(struct slice, step),
      .min = -65536,
      .max = 65536,
      .doc = "distance between indices, not 0" },
    { .name = "count",
      .type = DL4C_ATTR_INTS,
      .required = true,
      .offset = offsetof(struct slice, count),
      .min = -1,
      .max = (double)(1LL << 52),
      .doc = "how many indices; -1: the whole axis" },
    { 0 },
};

static dl4c_status infer(struct dli_infer *i, struct dl4c_error *err)
{
    const struct slice *s = i->attrs;
    const struct dli_shape *in = &i->in[0];
    if (s->start.n != in->rank || s->step.n != in->rank || s->count.n != in->rank || in->rank < 1)
        return dli_fail(err, DL4C_E_INVALID, "slice", "vertex '%s': start, step and count have %d, %d and %d values, wanted %d for %s",
                        i->vertex, (int)s->start.n, (int)s->step.n, (int)s->count.n, (int)in->rank, DLI_SHAPE_STR(in));
    i->out = *in;
    for (int32_t a = 0; a < in->rank; a++) {
        const int64_t start = s->start.v[a], step = s->step.v[a], count = s->count.v[a], n = in->dim[a];
        if (step == 0 || count == 0)
            return dli_fail(err, DL4C_E_INVALID, "slice", "vertex '%s': a step or count of 0 along axis %d", i->vertex, (int)a + 1);
        if (count < 0) {
            if (start != 0 || step != 1)
                return dli_fail(err, DL4C_E_INVALID, "slice", "vertex '%s': count -1 along axis %d wants start 0 and step 1", i->vertex,
                                (int)a + 1);
            continue;
        }
        i->out.dim[a] = count;
        /* (count - 1) * step stays below 2^52 * 2^16, a factor too much for 64 bits only where the division says so. */
        const int64_t room = n < 0 ? INT64_MAX : step > 0 ? (n - 1 - start) / step : start / -step;
        if (n >= 0 && (start >= n || count - 1 > room))
            return dli_fail(err, DL4C_E_INVALID, "slice",
                            "vertex '%s': %" PRId64 " elements from %" PRId64 " by %" PRId64 " along axis %d of %s", i->vertex, count,
                            start, step, (int)a + 1, DLI_SHAPE_STR(in));
    }
    return DL4C_OK;
}

static struct dli_strided strided(const struct dli_exec *x)
{
    const struct slice *s = x->attrs;
    struct dli_strided out = { .small = x->out_shape, .large = x->in_shape };
    memcpy(out.start, s->start.v, (size_t)s->start.n * sizeof *out.start);
    memcpy(out.step, s->step.v, (size_t)s->step.n * sizeof *out.step);
    return out;
}

DLI_STRIDED_RUNS

const struct dli_op dli_op_slice = {
    .name = "slice",
    .doc = "Evenly spaced parts of each axis.",
    .min_inputs = 1,
    .max_inputs = 1,
    .attrs = attrs,
    .attrs_size = sizeof(struct slice),
    .infer = infer,
    .forward = forward,
    .backward = backward,
};
