/* SPDX-License-Identifier: Apache-2.0 */
/* stack: the rows of all inputs one behind the other: first those of the first input. Each gets its rows of dy. */
#include "ops/support.h"

static dl4c_status infer(struct dli_infer *i, struct dl4c_error *err)
{
    int64_t batch = 0;
    for (int32_t k = 0; k < i->n_in; k++) {
        bool fits = i->in[k].rank == i->in[0].rank;
        for (int32_t a = 0; fits && a < i->in[0].rank; a++)
            fits = i->in[k].dim[a] == i->in[0].dim[a] || i->in[k].dim[a] < 0 || i->in[0].dim[a] < 0;
        if (!fits)
            return dli_fail(err, DL4C_E_INVALID, "stack", "vertex '%s': input %d is %s, the first is %s; wanted equal shapes", i->vertex,
                            (int)k + 1, DLI_SHAPE_STR(&i->in[k]), DLI_SHAPE_STR(&i->in[0]));
        batch += i->in[k].batch;
    }
    if (batch > INT32_MAX / 2)
        return dli_fail(err, DL4C_E_LIMIT, "stack", "vertex '%s': %" PRId64 " rows for each row of the input", i->vertex, batch);
    i->out = i->in[0];
    for (int32_t k = 1; k < i->n_in; k++)
        for (int32_t a = 0; a < i->out.rank; a++)
            if (i->out.dim[a] < 0)
                i->out.dim[a] = i->in[k].dim[a];
    i->out.batch = (int32_t)batch;
    return DL4C_OK;
}

static void forward(const struct dli_exec *x)
{
    float *to = x->out;
    for (int32_t k = 0; k < x->n_in; k++) {
        const int64_t n = dli_in_rows(x, k) * dli_row_floats(x->out_shape, x->out_layout);
        dli_copy(x, n, x->in[k], to);
        to += n;
    }
}

static void backward(const struct dli_exec *x)
{
    const float *from = x->dout;
    for (int32_t k = 0; k < x->n_in; k++) {
        const int64_t n = dli_in_rows(x, k) * dli_row_elements(x->out_shape);
        if (x->din[k])
            dli_copy(x, n, from, x->din[k]);
        from += n;
    }
}

const struct dli_op dli_op_stack = {
    .name = "stack",
    .doc = "Rows of all inputs one behind the other.",
    .dl4j = "StackVertex",
    .min_inputs = 1,
    .max_inputs = -1,
    .flags = DLI_OP_BLOCKED,
    .infer = infer,
    .forward = forward,
    .backward = backward,
};
