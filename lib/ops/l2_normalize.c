/* SPDX-License-Identifier: Apache-2.0 */
/* l2_normalize: y = x / max(|x|, eps), |x| the Euclidean norm of the row. dx = dy / n - x * sum(dy * x) / m, n = max(|x|, eps) and
 * m = max(|x|^3, eps) as the reference has it. Sums run in index order, in double. */
#include "kernels/split.h"
#include "ops/support.h"

#include <math.h>

struct l2_normalize {
    double eps;
    int64_t features;
};

static const struct dli_attr attrs[] = {
    { .name = "eps",
      .type = DL4C_ATTR_FLOAT,
      .offset = offsetof(struct l2_normalize, eps),
      .def = 1e-8,
      .min = 0,
      .max = 1,
      .doc = "what a norm below it counts as" },
    { .name = "features",
      .type = DL4C_ATTR_INT,
      .offset = offsetof(struct l2_normalize, features),
      .min = 0,
      .max = 1,
      .doc = "1: the input must be a row of features, Deeplearning4j's dimension=[1]" },
    { 0 },
};

static dl4c_status infer(struct dli_infer *i, struct dl4c_error *err)
{
    if (((const struct l2_normalize *)i->attrs)->features)
        DLI_TRY(dli_want_rank(i, "l2_normalize", 1, err));
    return dli_infer_same(i, err);
}

struct loop {
    const struct dli_exec *x;
    struct dli_split split; /* of rows */
    int64_t n;
    double eps;
};

static void task(void *arg, size_t t, int32_t worker)
{
    const struct loop *l = arg;
    const struct dli_exec *x = l->x;
    int64_t first, last;
    (void)worker;
    dli_split_range(&l->split, t, &first, &last);
    for (int64_t r = first; r < last; r++) {
        const float *v = x->in[0] + r * l->n;
        double sum = 0, dot = 0;
        for (int64_t i = 0; i < l->n; i++)
            sum += (double)v[i] * (double)v[i];
        const double norm = sqrt(sum), cube = fmax(norm * sum, l->eps), scale = 1 / fmax(norm, l->eps);
        if (!x->dout) {
            for (int64_t i = 0; i < l->n; i++)
                x->out[r * l->n + i] = (float)((double)v[i] * scale);
            continue;
        }
        const float *dy = x->dout + r * l->n;
        for (int64_t i = 0; i < l->n; i++)
            dot += (double)dy[i] * (double)v[i];
        for (int64_t i = 0; i < l->n; i++)
            x->din[0][r * l->n + i] = (float)((double)dy[i] * scale - (double)v[i] * dot / cube);
    }
}

static void run(const struct dli_exec *x)
{
    struct loop l = { x, { 0 }, dli_row_elements(x->in_shape), ((const struct l2_normalize *)x->attrs)->eps };
    l.split = dli_split_items(dli_in_rows(x, 0), l.n);
    dli_parallel(x->ctx, x->threads, l.split.n_tasks, task, &l);
}

static void backward(const struct dli_exec *x)
{
    if (x->din[0])
        run(x);
}

const struct dli_op dli_op_l2_normalize = {
    .name = "l2_normalize",
    .doc = "Rows of Euclidean length 1.",
    .dl4j = "L2NormalizeVertex",
    .min_inputs = 1,
    .max_inputs = 1,
    .flags = DLI_OP_BACK_IN,
    .attrs = attrs,
    .attrs_size = sizeof(struct l2_normalize),
    .infer = infer,
    .forward = run,
    .backward = backward,
};
