/* SPDX-License-Identifier: Apache-2.0 */
/* dropout: in training each element is kept with probability p and divided by it, else 0; the identity otherwise, and with p = 0.
 * What is kept follows from (seed, vertex, iteration, row, element of the row) alone, so backward draws it again.
 * Srivastava et al., "Dropout: A Simple Way to Prevent Neural Networks from Overfitting", JMLR 2014. */
#include "base/rng.h"
#include "kernels/split.h"
#include "ops/support.h"

struct dropout {
    double p;
};

static const struct dli_attr attrs[] = {
    { .name = "p", .type = DL4C_ATTR_FLOAT, .offset = offsetof(struct dropout, p), .def = 0.5, .min = 0, .max = 1,
      .doc = "probability to retain an element; 0: off" },
    { 0 },
};

struct loop {
    struct dli_split split;   /* of groups of four elements */
    int64_t elements, groups; /* of a row */
    uint64_t key, below;      /* a draw below `below` keeps */
    float scale;
    const float *in;
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
        const float *in = l->in + row * l->elements + at;
        float *out = l->out + row * l->elements + at;
        uint32_t r[4];
        dli_philox(l->key, (uint64_t)row, (uint64_t)at, r);
        for (int64_t k = 0; k < n; k++)
            out[k] = r[k] < l->below ? in[k] * l->scale : 0.0f;
    }
}

static void drop(const struct dli_exec *x, const float *in, float *out)
{
    const double p = ((const struct dropout *)x->attrs)->p;
    const int64_t elements = dli_row_elements(x->in_shape), rows = dli_in_rows(x, 0);
    if (!x->training || p == 0 || p == 1) {
        dli_copy(x, rows * elements, in, out);
        return;
    }
    struct loop l = { .elements = elements, .groups = (elements + 3) / 4, .scale = (float)(1 / p), .in = in, .out = out };
    uint32_t key[4];
    dli_philox(x->seed, (uint64_t)DLI_STREAM_DROPOUT << 32 | x->vertex, x->iteration, key);
    l.key = (uint64_t)key[1] << 32 | key[0];
    l.below = (uint64_t)(p * 0x1p32);
    l.split = dli_split_items(rows * l.groups, 32); /* a group costs as much as streaming some 32 floats */
    dli_parallel(x->ctx, x->threads, l.split.n_tasks, task, &l);
}

static void forward(const struct dli_exec *x) { drop(x, x->in[0], x->out); }

static void backward(const struct dli_exec *x)
{
    if (x->din[0])
        drop(x, x->dout, x->din[0]);
}

const struct dli_op dli_op_dropout = {
    .name = "dropout",
    .doc = "Random zeros in training.",
    .dl4j = "DropoutLayer",
    .min_inputs = 1,
    .max_inputs = 1,
    .flags = DLI_OP_INPLACE | DLI_OP_INPLACE_BACK | DLI_OP_TRAIN_ONLY,
    .attrs = attrs,
    .attrs_size = sizeof(struct dropout),
    .infer = dli_infer_same,
    .forward = forward,
    .backward = backward,
};
