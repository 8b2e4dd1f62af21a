/* SPDX-License-Identifier: Apache-2.0 */
/* What operators share. */
#include "ops/support.h"
#include "kernels/split.h"

dl4c_status dli_infer_same(struct dli_infer *i, struct dl4c_error *err)
{
    (void)err;
    i->out = i->in[0];
    return DL4C_OK;
}

dl4c_status dli_infer_equal(struct dli_infer *i, const char *op, struct dl4c_error *err)
{
    i->out = i->in[0];
    for (int32_t k = 1; k < i->n_in; k++) {
        const struct dli_shape *s = &i->in[k];
        bool equal = s->rank == i->out.rank && s->batch == i->out.batch;
        for (int32_t a = 0; equal && a < s->rank; a++) {
            if (i->out.dim[a] < 0)
                i->out.dim[a] = s->dim[a];
            else
                equal = s->dim[a] < 0 || s->dim[a] == i->out.dim[a];
        }
        if (!equal)
            return dli_fail(err, DL4C_E_INVALID, op, "vertex '%s': input %" PRId32 " is %s, the first is %s; wanted equal shapes",
                            i->vertex, k + 1, DLI_SHAPE_STR(s), DLI_SHAPE_STR(&i->in[0]));
    }
    return DL4C_OK;
}

dl4c_status dli_want_rank(const struct dli_infer *i, const char *op, int32_t rank, struct dl4c_error *err)
{
    for (int32_t k = 0; k < i->n_in; k++)
        if (i->in[k].rank != rank)
            return dli_fail(err, DL4C_E_INVALID, op, "vertex '%s': the input is %s, wanted %" PRId32 " axes without the batch", i->vertex,
                            DLI_SHAPE_STR(&i->in[k]), rank);
    return DL4C_OK;
}

dl4c_status dli_want_image(const struct dli_infer *i, const char *op, struct dl4c_error *err)
{
    for (int32_t k = 0; k < i->n_in; k++)
        if (i->in[k].rank != 3)
            return dli_fail(err, DL4C_E_INVALID, op, "vertex '%s': the input is %s, wanted [channels, height, width]", i->vertex,
                            DLI_SHAPE_STR(&i->in[k]));
    return DL4C_OK;
}

dl4c_status dli_want_n_in(const struct dli_infer *i, const char *op, const char *of, int64_t found, int64_t given, int64_t *n_in,
                          struct dl4c_error *err)
{
    if (found < 0 && given == 0)
        return dli_fail(err, DL4C_E_INVALID, op, "vertex '%s': the input %s has no known number of %s; give n_in", i->vertex,
                        DLI_SHAPE_STR(&i->in[0]), of);
    if (found == 0)
        return dli_fail(err, DL4C_E_INVALID, op, "vertex '%s': the input %s is empty", i->vertex, DLI_SHAPE_STR(&i->in[0]));
    if (found > 0 && given > 0 && found != given)
        return dli_fail(err, DL4C_E_INVALID, op, "vertex '%s': the input %s has %" PRId64 " %s but n_in is %" PRId64, i->vertex,
                        DLI_SHAPE_STR(&i->in[0]), found, of, given);
    *n_in = found > 0 ? found : given;
    return DL4C_OK;
}

int64_t dli_row_elements(const struct dli_shape *s)
{
    int64_t n = 1;
    for (int32_t i = 0; i < s->rank; i++)
        n *= s->dim[i];
    return n;
}

int64_t dli_row_channels(const struct dli_shape *s) { return s->rank > 0 ? s->dim[0] : 1; }

int64_t dli_row_pixels(const struct dli_shape *s)
{
    int64_t n = 1;
    for (int32_t i = 1; i < s->rank; i++)
        n *= s->dim[i];
    return n;
}

int64_t dli_row_floats(const struct dli_shape *s, int32_t layout)
{
    return layout == DLI_BLOCKED ? dli_blocked_size(dli_row_channels(s), dli_row_pixels(s)) : dli_row_elements(s);
}

struct copy {
    struct dli_split split;
    const float *src;
    float *dst;
};

static void copy_task(void *arg, size_t task, int32_t worker)
{
    const struct copy *c = arg;
    int64_t first, last;
    (void)worker;
    dli_split_range(&c->split, task, &first, &last);
    memcpy(c->dst + first, c->src + first, (size_t)(last - first) * sizeof *c->dst);
}

void dli_copy(const struct dli_exec *x, int64_t n, const float *src, float *dst)
{
    if (src == dst)
        return;
    struct copy c = { dli_split_items(n, 1), src, dst };
    dli_parallel(x->ctx, x->threads, c.split.n_tasks, copy_task, &c);
}

void dli_pass_forward(const struct dli_exec *x) { dli_copy(x, dli_out_floats(x), x->in[0], x->out); }

void dli_pass_backward(const struct dli_exec *x)
{
    if (x->din[0])
        dli_copy(x, dli_out_floats(x), x->dout, x->din[0]);
}

const struct dli_attr dli_loss_attrs[] = { DLI_LOSS_ATTR(struct dli_loss_attr), { 0 } };

void dli_op_unary(const struct dli_exec *x, const struct dli_unary *u)
{
    dli_unary_run(x->ctx, x->threads, u, dli_out_floats(x), x->in[0], x->out);
}

void dli_op_unary_backward(const struct dli_exec *x, const struct dli_unary *u)
{
    if (x->din[0])
        dli_unary_backward(x->ctx, x->threads, u, dli_out_floats(x), dli_unary_wants_output(u->op) ? x->out : x->in[0], x->dout, x->din[0]);
}

void dli_fold(const struct dli_exec *x, int32_t op)
{
    const int64_t n = dli_out_floats(x);
    const float *sum = x->in[0];
    for (int32_t k = 1; k < x->n_in; k++, sum = x->out)
        dli_binary_run(x->ctx, x->threads, op, n, sum, x->in[k], x->out);
    dli_copy(x, n, sum, x->out);
}
