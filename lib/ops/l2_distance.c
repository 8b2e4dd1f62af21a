/* SPDX-License-Identifier: Apache-2.0 */
/* l2_distance: two inputs of one shape -> [1], the square root of the sum of squares of their difference, row by row.
 * da = dy * (a - b) / max(y, eps), db = -da. Sums run in index order, in double. */
#include "kernels/split.h"
#include "ops/support.h"

#include <math.h>

static const double EPS = 1e-8; /* the reference's, which its configuration does not keep */

static dl4c_status infer(struct dli_infer *i, struct dl4c_error *err)
{
    DLI_TRY(dli_infer_equal(i, "l2_distance", err));
    i->out.rank = 1;
    memset(i->out.dim, 0, sizeof i->out.dim);
    i->out.dim[0] = 1;
    return DL4C_OK;
}

struct loop {
    const struct dli_exec *x;
    struct dli_split split; /* of rows */
    int64_t n;
};

static void task(void *arg, size_t t, int32_t worker)
{
    const struct loop *l = arg;
    const struct dli_exec *x = l->x;
    int64_t first, last;
    (void)worker;
    dli_split_range(&l->split, t, &first, &last);
    for (int64_t r = first; r < last; r++) {
        const float *a = x->in[0] + r * l->n, *b = x->in[1] + r * l->n;
        double sum = 0;
        for (int64_t i = 0; i < l->n; i++) {
            const double d = (double)a[i] - (double)b[i];
            sum += d * d;
        }
        const double norm = sqrt(sum);
        if (!x->dout) {
            x->out[r] = (float)norm;
            continue;
        }
        const double scale = (double)x->dout[r] / fmax(norm, EPS);
        for (int64_t i = 0; i < l->n; i++) {
            const float d = (float)(scale * ((double)a[i] - (double)b[i]));
            if (x->din[0])
                x->din[0][r * l->n + i] = d;
            if (x->din[1])
                x->din[1][r * l->n + i] = -d;
        }
    }
}

static void run(const struct dli_exec *x)
{
    struct loop l = { x, { 0 }, dli_row_elements(x->in_shape) };
    l.split = dli_split_items(dli_in_rows(x, 0), l.n);
    dli_parallel(x->ctx, x->threads, l.split.n_tasks, task, &l);
}

const struct dli_op dli_op_l2_distance = {
    .name = "l2_distance",
    .doc = "Euclidean distance of two inputs.",
    .dl4j = "L2Vertex",
    .min_inputs = 2,
    .max_inputs = 2,
    .flags = DLI_OP_BACK_IN,
    .infer = infer,
    .forward = run,
    .backward = run,
};
