/* SPDX-License-Identifier: Apache-2.0 */
/* rrelu: in training y = x where x >= 0, else s * x, with s drawn for each element between lower and upper; otherwise y = max(x, their
 * mean), which is what Deeplearning4j makes of the mean slope; any shape. What is drawn follows from (seed, vertex, iteration, row, element
 * of the row) alone, so backward draws it again. Xu, Wang, Chen and Li, "Empirical Evaluation of Rectified Activations in Convolutional
 * Network", 2015. */
#include "base/rng.h"
#include "kernels/split.h"
#include "ops/support.h"

#include <math.h>

struct rrelu {
    double lower, upper;
};

static const struct dli_attr attrs[] = {
    { .name = "lower", .type = DL4C_ATTR_FLOAT, .offset = offsetof(struct rrelu, lower), .def = 1 / 8.0, .doc = "least slope below 0" },
    { .name = "upper", .type = DL4C_ATTR_FLOAT, .offset = offsetof(struct rrelu, upper), .def = 1 / 3.0, .doc = "greatest slope below 0" },
    { 0 },
};

struct loop {
    struct dli_split split;   /* of groups of four elements */
    int64_t elements, groups; /* of a row */
    uint64_t key;
    double lower, range;
    const float *x, *in; /* the sign is that of x */
    float *out;
};

static void task(void *arg, size_t t, int32_t worker)
{
    const struct loop *l = arg;
    int64_t first, last;
    (void)worker;
    dli_split_range(&l->split, t, &first, &last);
    for (int64_t g = first; g < last; g++) {
        const int64_t row = g / l->groups, at = (g - row * l->groups) * 4, n = l->elements - at < 4 ? l->elements - at : 4;
        const int64_t base = row * l->elements + at;
        uint32_t r[4];
        dli_philox(l->key, (uint64_t)row, (uint64_t)at, r);
        for (int64_t k = 0; k < n; k++) {
            const float slope = (float)(l->lower + l->range * ((double)r[k] * 0x1p-32)), in = l->in[base + k];
            l->out[base + k] = l->x[base + k] < 0 ? slope * in : in;
        }
    }
}

/* x and out may be one array: an element is read before it is written. */
static void run(const struct dli_exec *x, const float *in, float *out)
{
    const struct rrelu *a = x->attrs;
    if (!x->training) {
        const struct dli_unary u = { DLI_CLIP, (float)((a->lower + a->upper) / 2), (float)INFINITY };
        if (in == x->in[0])
            dli_op_unary(x, &u);
        else
            dli_unary_backward(x->ctx, x->threads, &u, dli_out_floats(x), x->in[0], in, out);
        return;
    }
    const int64_t elements = dli_row_elements(x->in_shape), rows = dli_in_rows(x, 0);
    struct loop l = { .elements = elements,
                      .groups = (elements + 3) / 4,
                      .lower = a->lower,
                      .range = a->upper - a->lower,
                      .x = x->in[0],
                      .in = in,
                      .out = out };
    uint32_t key[4];
    dli_philox(x->seed, (uint64_t)DLI_STREAM_RRELU << 32 | x->vertex, x->iteration, key);
    l.key = (uint64_t)key[1] << 32 | key[0];
    l.split = dli_split_items(rows * l.groups, 32); /* a group costs as much as streaming some 32 floats */
    dli_parallel(x->ctx, x->threads, l.split.n_tasks, task, &l);
}

static void forward(const struct dli_exec *x) { run(x, x->in[0], x->out); }

static void backward(const struct dli_exec *x)
{
    if (x->din[0])
        run(x, x->dout, x->din[0]);
}

const struct dli_op dli_op_rrelu = {
    .name = "rrelu",
    .doc = "Leaky rectifier with random slopes in training.",
    .dl4j = "ActivationRReLU",
    .min_inputs = 1,
    .max_inputs = 1,
    .flags = DLI_OP_ACTIVATION | DLI_OP_INPLACE_BACK | DLI_OP_BLOCKED | DLI_OP_BACK_IN,
    .attrs = attrs,
    .attrs_size = sizeof(struct rrelu),
    .infer = dli_infer_same,
    .forward = forward,
    .backward = backward,
};
