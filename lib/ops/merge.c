/* SPDX-License-Identifier: Apache-2.0 */
/* merge: the inputs one behind the other along an axis. Each gets its part of dy. */
#include "kernels/kernels.h"
#include "kernels/split.h"
#include "ops/support.h"

struct merge {
    int64_t axis;
};

static const struct dli_attr attrs[] = {
    { .name = "axis", .type = DL4C_ATTR_INT, .offset = offsetof(struct merge, axis), .def = 1, .min = 1, .max = DLI_SHAPE_RANK,
      .doc = "counted with the batch as 0: 1 is channels" },
    { 0 },
};

static dl4c_status infer(struct dli_infer *i, struct dl4c_error *err)
{
    const int32_t axis = (int32_t)((const struct merge *)i->attrs)->axis - 1;
    i->out = i->in[0];
    if (axis >= i->out.rank)
        return dli_fail(err, DL4C_E_INVALID, "merge", "vertex '%s': the first input is %s, it has no axis %d", i->vertex,
                        DLI_SHAPE_STR(&i->in[0]), (int)axis + 1);
    for (int32_t k = 1; k < i->n_in; k++) {
        const struct dli_shape *s = &i->in[k];
        bool fits = s->rank == i->out.rank && s->batch == i->out.batch;
        for (int32_t a = 0; fits && a < s->rank; a++) {
            int64_t *d = &i->out.dim[a];
            if (a == axis)
                fits = *d < 0 || s->dim[a] < 0 || dli_add_i64(*d, s->dim[a], d);
            else
                fits = *d < 0 || s->dim[a] < 0 || *d == s->dim[a];
            if (*d < 0 || s->dim[a] < 0)
                *d = a == axis ? -1 : *d < 0 ? s->dim[a] : *d;
        }
        if (!fits)
            return dli_fail(err, DL4C_E_INVALID, "merge", "vertex '%s': input %d is %s and does not go behind %s along axis %d", i->vertex,
                            (int)k + 1, DLI_SHAPE_STR(s), DLI_SHAPE_STR(&i->in[0]), (int)axis + 1);
    }
    return DL4C_OK;
}

/* Blocks of channels can be put one behind the other where all inputs but the last fill theirs. */
static dl4c_status prepare(struct dli_prepare *p, struct dl4c_error *err)
{
    bool whole = ((const struct merge *)p->attrs)->axis == 1;
    (void)err;
    for (int32_t k = 0; k + 1 < p->n_in; k++)
        whole = whole && p->in[k].dim[0] % dli_kernels()->block == 0;
    for (int32_t k = 0; k < p->n_in && !whole; k++)
        p->in_layout[k] = DLI_PLAIN;
    if (!whole)
        p->out_layout = DLI_PLAIN;
    p->joins = ((const struct merge *)p->attrs)->axis == 1;
    return DL4C_OK;
}

struct loop {
    const struct dli_exec *x;
    struct dli_split split; /* of lines: what lies behind one index of the axes before the merged one */
    int64_t lines;          /* of a row */
};

static int64_t line_floats(const struct loop *l, const struct dli_shape *s) { return dli_row_floats(s, l->x->out_layout) / l->lines; }

/* Forward copies the inputs' lines into the output's, backward the other way. */
static void task(void *arg, size_t t, int32_t worker)
{
    const struct loop *l = arg;
    const struct dli_exec *x = l->x;
    const int64_t wide = line_floats(l, x->out_shape);
    int64_t first, last, at = 0;
    (void)worker;
    dli_split_range(&l->split, t, &first, &last);
    for (int32_t k = 0; k < x->n_in; k++) {
        const int64_t n = line_floats(l, &x->in_shape[k]);
        for (int64_t i = first; i < last; i++)
            if (!x->dout)
                memcpy(x->out + i * wide + at, x->in[k] + i * n, (size_t)n * sizeof(float));
            else if (x->din[k])
                memcpy(x->din[k] + i * n, x->dout + i * wide + at, (size_t)n * sizeof(float));
        at += n;
    }
}

static void run(const struct dli_exec *x)
{
    struct loop l = { .x = x, .lines = 1 };
    for (int32_t a = 0; a + 1 < ((const struct merge *)x->attrs)->axis; a++)
        l.lines *= x->out_shape->dim[a];
    if (l.lines == 0)
        return;
    l.split = dli_split_items(dli_out_rows(x) * l.lines, line_floats(&l, x->out_shape));
    dli_parallel(x->ctx, x->threads, l.split.n_tasks, task, &l);
}

const struct dli_op dli_op_merge = {
    .name = "merge",
    .doc = "Inputs one behind the other along an axis.",
    .dl4j = "MergeVertex",
    .min_inputs = 1,
    .max_inputs = -1,
    .flags = DLI_OP_BLOCKED | DLI_OP_TIMES,
    .attrs = attrs,
    .attrs_size = sizeof(struct merge),
    .infer = infer,
    .prepare = prepare,
    .forward = run,
    .backward = run,
};
