/* SPDX-License-Identifier: Apache-2.0 */
/* transpose: the axes of a row in another order. The gradient goes back in the opposite one. */
#include "kernels/split.h"
#include "ops/support.h"

struct transpose {
    struct dli_int_list perm;
};

static const struct dli_attr attrs[] = {
    { .name = "perm", .type = DL4C_ATTR_INTS, .required = true, .offset = offsetof(struct transpose, perm), .min = 1,
      .max = DLI_SHAPE_RANK,
      .doc = "which axis of the input each axis of the output is, counted with the batch as 0: 2x3x1 makes channels last" },
    { 0 },
};

static dl4c_status infer(struct dli_infer *i, struct dl4c_error *err)
{
    const struct dli_int_list *perm = &((const struct transpose *)i->attrs)->perm;
    unsigned seen = 0;
    for (int32_t a = 0; a < perm->n; a++)
        seen |= 1u << perm->v[a];
    if (perm->n != i->in[0].rank || seen != (2u << perm->n) - 2)
        return dli_fail(err, DL4C_E_INVALID, "transpose", "vertex '%s': perm is no order of the axes 1 to %d of the input %s", i->vertex,
                        (int)i->in[0].rank, DLI_SHAPE_STR(&i->in[0]));
    i->out = i->in[0];
    for (int32_t a = 0; a < perm->n; a++)
        i->out.dim[a] = i->in[0].dim[perm->v[a] - 1];
    return DL4C_OK;
}

struct loop {
    struct dli_split split; /* of lines: dst along its last axis */
    int32_t rank;
    int64_t dim[DLI_SHAPE_RANK], step[DLI_SHAPE_RANK]; /* of dst; floats of src between neighbours */
    int64_t row;                                       /* floats */
    const float *src;
    float *dst;
};

static void task(void *arg, size_t t, int32_t worker)
{
    const struct loop *l = arg;
    const int32_t last_axis = l->rank - 1;
    const int64_t n = l->dim[last_axis], step = l->step[last_axis];
    int64_t first, last;
    (void)worker;
    dli_split_range(&l->split, t, &first, &last);
    for (int64_t line = first; line < last; line++) {
        int64_t rest = line, from = 0;
        for (int32_t a = last_axis; a-- > 0;) {
            from += rest % l->dim[a] * l->step[a];
            rest /= l->dim[a];
        }
        const float *src = l->src + rest * l->row + from;
        float *dst = l->dst + line * n;
        for (int64_t i = 0; i < n; i++)
            dst[i] = src[i * step];
    }
}

/* dst has dst_shape; its axis a is axis order[a] of src. */
static void permute(const struct dli_exec *x, const struct dli_shape *src_shape, const struct dli_shape *dst_shape, const int32_t *order,
                    const float *src, float *dst)
{
    struct loop l = { .rank = dst_shape->rank, .row = dli_row_elements(dst_shape), .src = src, .dst = dst };
    int64_t step[DLI_SHAPE_RANK], below = 1;
    if (l.row == 0)
        return;
    for (int32_t a = l.rank; a-- > 0; below *= src_shape->dim[a])
        step[a] = below;
    for (int32_t a = 0; a < l.rank; a++) {
        l.dim[a] = dst_shape->dim[a];
        l.step[a] = step[order[a]];
    }
    l.split = dli_split_items(dli_in_rows(x, 0) * (l.row / l.dim[l.rank - 1]), l.dim[l.rank - 1]);
    dli_parallel(x->ctx, x->threads, l.split.n_tasks, task, &l);
}

static void forward(const struct dli_exec *x)
{
    const struct dli_int_list *perm = &((const struct transpose *)x->attrs)->perm;
    int32_t order[DLI_SHAPE_RANK];
    for (int32_t a = 0; a < perm->n; a++)
        order[a] = (int32_t)perm->v[a] - 1;
    permute(x, x->in_shape, x->out_shape, order, x->in[0], x->out);
}

static void backward(const struct dli_exec *x)
{
    const struct dli_int_list *perm = &((const struct transpose *)x->attrs)->perm;
    int32_t order[DLI_SHAPE_RANK];
    for (int32_t a = 0; a < perm->n; a++)
        order[perm->v[a] - 1] = a;
    if (x->din[0])
        permute(x, x->out_shape, x->in_shape, order, x->dout, x->din[0]);
}

const struct dli_op dli_op_transpose = {
    .name = "transpose",
    .doc = "Axes in another order.",
    .min_inputs = 1,
    .max_inputs = 1,
    .attrs = attrs,
    .attrs_size = sizeof(struct transpose),
    .infer = infer,
    .forward = forward,
    .backward = backward,
};
