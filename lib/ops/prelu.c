/* SPDX-License-Identifier: Apache-2.0 */
/* prelu: y = x where x > 0, else W * x, with a slope for each element of the row or one along shared axes. W has the shape of the row,
 * shared axes being 1, and is stored column-major. dx = dy or W * dy; dW = sum of dy * x over rows and shared axes where x <= 0, in index
 * order. He et al., "Delving Deep into Rectifiers", ICCV 2015. */
#include "kernels/split.h"
#include "ops/support.h"

struct prelu {
    struct dli_int_list shared;
};

static const struct dli_attr attrs[] = {
    { .name = "shared",
      .type = DL4C_ATTR_INTS,
      .offset = offsetof(struct prelu, shared),
      .min = 0,
      .max = DLI_SHAPE_RANK,
      .doc = "axes along which one slope holds, counted with the batch as 0: 2x3 for the pixels of an image" },
    { 0 },
};

static bool shared(const struct dli_int_list *list, int32_t axis)
{
    for (int32_t k = 0; k < list->n; k++)
        if (list->v[k] == axis + 1)
            return true;
    return false;
}

static dl4c_status infer(struct dli_infer *i, struct dl4c_error *err)
{
    const struct prelu *a = i->attrs;
    const struct dli_shape *in = &i->in[0];
    if (in->rank < 1 || in->rank > 4)
        return dli_fail(err, DL4C_E_INVALID, "prelu", "vertex '%s': the input is %s, wanted 1 to 4 axes without the batch", i->vertex,
                        DLI_SHAPE_STR(in));
    i->out = *in;
    struct dli_param_decl *p = &i->param[i->n_params++];
    *p = (struct dli_param_decl){ .name = "W", .role = DLI_PARAM_WEIGHT, .order = 'f', .rank = in->rank, .fan_in = 1, .fan_out = 1 };
    for (int32_t k = 0; k < in->rank; k++) {
        p->shape[k] = shared(&a->shared, k) ? 1 : in->dim[k];
        if (p->shape[k] < 0)
            return dli_fail(err, DL4C_E_INVALID, "prelu", "vertex '%s': axis %d of %s is not known; share it or give the size", i->vertex,
                            (int)k + 1, DLI_SHAPE_STR(in));
        p->fan_in *= (double)p->shape[k];
    }
    p->fan_out = p->fan_in = p->fan_in > 0 ? p->fan_in : 1;
    return DL4C_OK;
}

/* Where the slope of element e of a row lies: column-major. */
static int64_t place(const struct prelu *a, const struct dli_shape *s, int64_t e)
{
    int64_t at = 0;
    for (int32_t k = s->rank; k-- > 0;) {
        if (!shared(&a->shared, k))
            at = at * s->dim[k] + e % s->dim[k];
        e /= s->dim[k];
    }
    return at;
}

struct loop {
    const struct dli_exec *x;
    struct dli_split split; /* of elements of a row */
    int64_t rows, n;
};

static void task(void *arg, size_t t, int32_t worker)
{
    const struct loop *l = arg;
    const struct dli_exec *x = l->x;
    int64_t first, last;
    (void)worker;
    dli_split_range(&l->split, t, &first, &last);
    for (int64_t e = first; e < last; e++) {
        const float w = dli_param_at(x->params[0], place(x->attrs, x->in_shape, e));
        for (int64_t r = 0; r < l->rows; r++) {
            const int64_t at = r * l->n + e;
            const float v = x->in[0][at];
            if (x->dout)
                x->din[0][at] = v > 0 ? x->dout[at] : w * x->dout[at];
            else
                x->out[at] = v > 0 ? v : w * v;
        }
    }
}

static void run(const struct dli_exec *x)
{
    struct loop l = { x, { 0 }, dli_in_rows(x, 0), dli_row_elements(x->in_shape) };
    l.split = dli_split_items(l.n, l.rows);
    dli_parallel(x->ctx, x->threads, l.split.n_tasks, task, &l);
}

static void backward(const struct dli_exec *x)
{
    const int64_t rows = dli_in_rows(x, 0), n = dli_row_elements(x->in_shape);
    float *dw = x->dparam[0];
    if (dw) {
        int64_t count = 1;
        for (int32_t k = 0; k < x->in_shape->rank; k++)
            count *= shared(&((const struct prelu *)x->attrs)->shared, k) ? 1 : x->in_shape->dim[k];
        memset(dw, 0, (size_t)count * sizeof *dw);
        for (int64_t r = 0; r < rows; r++)
            for (int64_t e = 0; e < n; e++)
                if (!(x->in[0][r * n + e] > 0))
                    dw[place(x->attrs, x->in_shape, e)] += x->dout[r * n + e] * x->in[0][r * n + e];
    }
    if (x->din[0])
        run(x);
}

const struct dli_op dli_op_prelu = {
    .name = "prelu",
    .doc = "Rectifier with learned slopes.",
    .dl4j = "PReLU",
    .min_inputs = 1,
    .max_inputs = 1,
    .flags = DLI_OP_LAYER | DLI_OP_BACK_IN | DLI_OP_NO_WEIGHT_NOISE,
    .attrs = attrs,
    .attrs_size = sizeof(struct prelu),
    .infer = infer,
    .forward = run,
    .backward = backward,
};
