/* SPDX-License-Identifier: Apache-2.0 */
/* Runs one operator by itself, and all claims about a case. */
#include "op_driver.h"

#include "base/rng.h"
#include "base/thread_pool.h"
#include "ops/support.h"
#include "support/guard.h"

#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static dl4c_status setup_try(struct op_setup *s, dl4c_context *ctx, const char *text, struct dl4c_error *err)
{
    struct dli_spec spec;
    memset(s, 0, sizeof *s);
    s->ctx = ctx;
    DLI_TRY(dli_spec_parse(ctx, text, &spec, err));
    s->op = dli_op_find(spec.name);
    assert_non_null(s->op);
    s->attrs = calloc(1, s->op->attrs_size + 1);
    const struct dli_attr_set sets[] = { { s->op->attrs, s->attrs }, { dli_layer_attrs, &s->layer } };
    const dl4c_status status = dli_attrs_read(ctx, text, sets, s->op->flags & DLI_OP_LAYER ? 2 : 1, spec.attrs, spec.n_attrs, err);
    dli_spec_free(&spec);
    if (status != DL4C_OK)
        free(s->attrs);
    return status;
}

void op_setup(struct op_setup *s, dl4c_context *ctx, const char *text)
{
    struct dl4c_error err = DL4C_ERROR_INIT;
    if (setup_try(s, ctx, text, &err) != DL4C_OK)
        fail_msg("%s", err.message);
}

void op_setup_free(struct op_setup *s)
{
    dli_attrs_free(s->op->attrs, s->attrs);
    if (s->op->flags & DLI_OP_LAYER)
        dli_attrs_free(dli_layer_attrs, &s->layer);
    free(s->attrs);
}

static dl4c_status infer(const struct op_setup *s, const struct dli_shape *in, int32_t n_in, struct dli_infer *i, struct dl4c_error *err)
{
    *i = (struct dli_infer){ .vertex = "v", .attrs = s->attrs, .n_in = n_in, .in = in, .out.batch = in[0].batch };
    return s->op->infer(i, err);
}

static void must_infer(const struct op_setup *s, const struct dli_shape *in, int32_t n_in, struct dli_infer *i)
{
    struct dl4c_error err = DL4C_ERROR_INIT;
    if (infer(s, in, n_in, i, &err) != DL4C_OK)
        fail_msg("%s", err.message);
}

dl4c_status op_try(dl4c_context *ctx, const char *spec, const struct dli_shape *in, int32_t n_in, struct dli_shape *out,
                   struct dl4c_error *err)
{
    struct op_setup s;
    struct dli_infer i;
    DLI_TRY(setup_try(&s, ctx, spec, err));
    const dl4c_status status = infer(&s, in, n_in, &i, err);
    *out = i.out;
    op_setup_free(&s);
    return status;
}

static int64_t count(const struct dli_param_decl *p)
{
    int64_t n = 1;
    for (int32_t k = 0; k < p->rank; k++)
        n *= p->shape[k];
    return n;
}

/* ---- one run ------------------------------------------------------------------------------------------------- */

/* Bytes up to a page that faults, on a cache line. */
static void *lines(size_t bytes) { return guard_alloc(dli_round_up(bytes)); }
static void lines_free(void *p, size_t bytes) { guard_free(p, dli_round_up(bytes)); }

/* A copy of rows in a layout, in memory that ends at a guard page; the lanes past the channels hold an odd number. */
static float *to_layout(dl4c_context *ctx, const float *x, const struct dli_shape *s, int64_t rows, int32_t layout)
{
    const int64_t n = rows * s->batch;
    const size_t bytes = (size_t)(n * dli_row_floats(s, layout)) * sizeof(float);
    float *p = guard_alloc(bytes);
    if (layout == DLI_PLAIN) {
        if (x)
            memcpy(p, x, bytes);
        return p;
    }
    if (!x)
        return p;
    dli_layout_to_blocked(ctx, 1, p, x, n, dli_row_channels(s), dli_row_pixels(s));
    const int64_t c = dli_row_channels(s), hw = dli_row_pixels(s), image = dli_row_floats(s, layout);
    int64_t block = 1;
    while (block * hw < dli_blocked_size(1, hw))
        block++;
    for (int64_t r = 0; r < n; r++)
        for (int64_t k = c; k % block != 0; k++)
            for (int64_t i = 0; i < hw; i++)
                p[r * image + (k / block * hw + i) * block + k % block] = 77.0f;
    return p;
}

static void from_layout(dl4c_context *ctx, float *dst, float *p, const struct dli_shape *s, int64_t rows, int32_t layout)
{
    const int64_t n = rows * s->batch;
    const size_t bytes = (size_t)(n * dli_row_floats(s, layout)) * sizeof(float);
    if (dst && layout == DLI_PLAIN)
        memcpy(dst, p, bytes);
    else if (dst)
        dli_layout_to_plain(ctx, 1, dst, p, n, dli_row_channels(s), dli_row_pixels(s));
    guard_free(p, bytes);
}

/* What the plan does for an operator that does not choose layouts itself. */
static void default_layouts(const struct dli_op *op, struct dli_prepare *p)
{
    const bool all = p->in_layout[0] == DLI_BLOCKED;
    const bool keep = all && op->flags & DLI_OP_BLOCKED, take = all && op->flags & (DLI_OP_BLOCKED | DLI_OP_BLOCKED_IN);
    for (int32_t k = 0; k < p->n_in; k++)
        p->in_layout[k] = take ? DLI_BLOCKED : DLI_PLAIN;
    p->out_layout = keep ? DLI_BLOCKED : DLI_PLAIN;
}

static void backward(struct op_run *r, const struct dli_infer *i, struct dli_exec *x)
{
    const struct dli_op *op = r->setup->op;
    const int64_t rows = r->rows;
    const float *no_in[CASE_MAX_INPUTS] = { NULL };
    float *din[CASE_MAX_INPUTS] = { NULL }, *dparam[DLI_MAX_PARAMS] = { NULL };
    float *dy = to_layout(r->setup->ctx, r->dy, &i->out, rows, DLI_PLAIN);
    for (int32_t k = 0; k < r->n_in; k++)
        if (r->dx[k])
            din[k] = k == 0 && r->inplace_back && op->flags & DLI_OP_INPLACE_BACK
                         ? dy
                         : to_layout(r->setup->ctx, NULL, &r->in[k], rows, DLI_PLAIN);
    for (int32_t k = 0; k < i->n_params; k++)
        if (r->dw[k])
            dparam[k] = guard_alloc((size_t)count(&i->param[k]) * sizeof(float));
    if (!(op->flags & DLI_OP_BACK_IN))
        x->in = no_in;
    float *out = x->out;
    if (!(op->flags & DLI_OP_BACK_OUT))
        x->out = NULL;
    x->dout = dy;
    x->din = din;
    x->dparam = dparam;
    op->backward(x);
    x->out = out;
    for (int32_t k = 0; k < r->n_in; k++)
        if (din[k] && din[k] != dy)
            from_layout(r->setup->ctx, r->dx[k], din[k], &r->in[k], rows, DLI_PLAIN);
        else if (din[k])
            memcpy(r->dx[k], dy, (size_t)(rows * r->in[k].batch * dli_row_elements(&r->in[k])) * sizeof(float));
    for (int32_t k = 0; k < i->n_params; k++)
        if (dparam[k]) {
            memcpy(r->dw[k], dparam[k], (size_t)count(&i->param[k]) * sizeof(float));
            guard_free(dparam[k], (size_t)count(&i->param[k]) * sizeof(float));
        }
    from_layout(r->setup->ctx, NULL, dy, &i->out, rows, DLI_PLAIN);
}

void op_run(struct op_run *r)
{
    const struct op_setup *s = r->setup;
    const struct dli_op *op = s->op;
    struct dl4c_error err = DL4C_ERROR_INIT;
    struct dli_infer i;
    int32_t layout[CASE_MAX_INPUTS];
    must_infer(s, r->in, r->n_in - (r->fuse && r->fuse->add), &i);
    if (r->out)
        i.out = *r->out;
    for (int32_t k = 0; k < r->n_in; k++)
        layout[k] = r->blocked && r->in[k].rank == 3 ? DLI_BLOCKED : DLI_PLAIN;
    struct dli_prepare p = { .ctx = s->ctx,
                             .mode = r->mode,
                             .workers = dli_parallel_width(s->ctx, r->threads),
                             .blas = DLI_BLAS_AUTO,
                             .batch = r->rows,
                             .attrs = s->attrs,
                             .n_in = r->n_in,
                             .in = r->in,
                             .out = &i.out,
                             .in_layout = layout,
                             .fuse = r->fuse };
    default_layouts(op, &p);
    if (op->prepare && op->prepare(&p, &err) != DL4C_OK)
        fail_msg("%s", err.message);
    r->kernel = p.kernel;

    /* Parameters lie at odd addresses in inference, as in a mapped file. */
    const void *params[DLI_MAX_PARAMS] = { NULL };
    char *memory[DLI_MAX_PARAMS];
    const size_t odd = r->mode == DLI_RUN ? 1 : 0;
    for (int32_t k = 0; k < i.n_params; k++) {
        const size_t bytes = (size_t)count(&i.param[k]) * sizeof(float);
        memory[k] = guard_alloc(bytes + odd);
        memcpy(memory[k], r->w[k], bytes);
        params[k] = memory[k];
        memmove(memory[k] + odd, memory[k], bytes);
        params[k] = memory[k] + odd;
    }
    void *packed = lines(p.packed_bytes), *scratch = lines(p.scratch_bytes), *saved = lines(p.saved_bytes);
    if (op->pack && p.packed_bytes)
        op->pack(&p, params, r->threads, packed);

    float *in[CASE_MAX_INPUTS];
    const float *cin[CASE_MAX_INPUTS];
    for (int32_t k = 0; k < r->n_in; k++)
        cin[k] = in[k] = to_layout(s->ctx, r->x[k], &r->in[k], r->rows, layout[k]);
    const bool over = r->inplace && op->flags & DLI_OP_INPLACE;
    float *out = over ? in[0] : to_layout(s->ctx, NULL, &i.out, r->rows, p.out_layout);
    struct dli_exec x = { .ctx = s->ctx,
                          .threads = r->threads,
                          .blas = DLI_BLAS_AUTO,
                          .n = r->rows,
                          .attrs = s->attrs,
                          .n_in = r->n_in,
                          .in_shape = r->in,
                          .out_shape = &i.out,
                          .in_layout = layout,
                          .out_layout = p.out_layout,
                          .in = cin,
                          .out = out,
                          .params = params,
                          .packed = p.packed_bytes ? packed : NULL,
                          .state = p.state,
                          .scratch = scratch,
                          .training = r->training,
                          .seed = r->seed,
                          .iteration = r->iteration,
                          .vertex = 3,
                          .saved = saved };
    op->forward(&x);
    if (r->dy) {
        memset(scratch, 0x5a, p.scratch_bytes);
        backward(r, &i, &x);
    }
    for (int32_t k = over; k < r->n_in; k++)
        from_layout(s->ctx, NULL, in[k], &r->in[k], r->rows, layout[k]);
    from_layout(s->ctx, r->y, out, &i.out, r->rows, p.out_layout);
    for (int32_t k = 0; k < i.n_params; k++)
        guard_free(memory[k], (size_t)count(&i.param[k]) * sizeof(float) + odd);
    lines_free(packed, p.packed_bytes);
    lines_free(scratch, p.scratch_bytes);
    lines_free(saved, p.saved_bytes);
    if (op->release)
        op->release(p.state);
    else
        dli_free(p.state);
}

/* ---- the claims ---------------------------------------------------------------------------------------------- */

enum { ROWS = 16 };

/* Data of one case: inputs of ROWS rows, parameters, a random gradient of the output, and the model's results. */
struct data {
    const struct op_case *c;
    struct op_setup setup;
    struct dli_infer i;
    int64_t out;                                          /* floats of ROWS rows */
    int64_t in[CASE_MAX_INPUTS], w_count[DLI_MAX_PARAMS]; /* floats: of ROWS rows; of the parameter */
    float *x[CASE_MAX_INPUTS], *w[DLI_MAX_PARAMS], *g;
    double *dx[CASE_MAX_INPUTS], *dw[DLI_MAX_PARAMS], *y; /* the same numbers for the model, and its result */
    double tolerance;
};

static void model(const struct data *d, int64_t rows)
{
    const struct op_case *c = d->c;
    const int64_t at_once = c->flags & CASE_COUPLED ? rows : 1;
    for (int64_t r = 0; r < rows; r += at_once) {
        const double *x[CASE_MAX_INPUTS], *w[DLI_MAX_PARAMS];
        for (int32_t k = 0; k < c->n_in; k++)
            x[k] = d->dx[k] + r * (d->in[k] / ROWS);
        for (int32_t k = 0; k < d->i.n_params; k++)
            w[k] = d->dw[k];
        const struct model m = { d->setup.attrs, c->n_in, c->in, &d->i.out, at_once, x, w, d->y + r * (d->out / ROWS) };
        c->model(&m);
    }
}

static float uniform(struct dli_rng *rng, double lo, double hi) { return (float)(lo + (hi - lo) * dli_rng_uniform(rng)); }

static void make(struct data *d, dl4c_context *ctx, const struct op_case *c)
{
    struct dli_rng rng;
    const double spread = c->spread > 0 ? c->spread : 1;
    memset(d, 0, sizeof *d);
    d->c = c;
    d->tolerance = c->tolerance > 0 ? c->tolerance : 2e-5;
    op_setup(&d->setup, ctx, c->spec);
    must_infer(&d->setup, c->in, c->n_in, &d->i);
    dli_rng_init(&rng, 7, 1);
    d->out = ROWS * d->i.out.batch * dli_row_elements(&d->i.out);
    d->g = malloc((size_t)d->out * sizeof(float));
    d->y = malloc((size_t)d->out * sizeof(double));
    for (int64_t k = 0; k < d->out; k++)
        d->g[k] = uniform(&rng, -1, 1);
    for (int32_t k = 0; k < c->n_in; k++) {
        d->in[k] = ROWS * c->in[k].batch * dli_row_elements(&c->in[k]);
        d->x[k] = malloc((size_t)d->in[k] * sizeof(float));
        d->dx[k] = malloc((size_t)d->in[k] * sizeof(double));
        for (int64_t j = 0; j < d->in[k]; j++)
            d->dx[k][j] = d->x[k][j] = uniform(&rng, c->flags & CASE_POSITIVE ? 0.1 : -spread, spread);
    }
    for (int32_t k = 0; k < d->i.n_params; k++) {
        const bool positive = strcmp(d->i.param[k].name, "var") == 0;
        d->w_count[k] = count(&d->i.param[k]);
        d->w[k] = malloc((size_t)d->w_count[k] * sizeof(float));
        d->dw[k] = malloc((size_t)d->w_count[k] * sizeof(double));
        for (int64_t j = 0; j < d->w_count[k]; j++)
            d->dw[k][j] = d->w[k][j] = uniform(&rng, positive ? 0.5 : -0.5, positive ? 1.5 : 0.5);
    }
    model(d, ROWS);
}

static void unmake(struct data *d)
{
    for (int32_t k = 0; k < CASE_MAX_INPUTS; k++) {
        free(d->x[k]);
        free(d->dx[k]);
    }
    for (int32_t k = 0; k < DLI_MAX_PARAMS; k++) {
        free(d->w[k]);
        free(d->dw[k]);
    }
    free(d->g);
    free(d->y);
    op_setup_free(&d->setup);
}

static void compare(const char *spec, const char *what, int64_t n, const float *found, const double *wanted, double tolerance)
{
    double largest = 0;
    for (int64_t k = 0; k < n; k++)
        largest = fmax(largest, fabs(wanted[k]));
    for (int64_t k = 0; k < n; k++)
        if (!(fabs((double)found[k] - wanted[k]) <= tolerance * (1 + largest)))
            fail_msg("%s: %s[%lld] is %.9g, wanted %.9g", spec, what, (long long)k, (double)found[k], wanted[k]);
}

static struct op_run run_of(const struct data *d, int64_t first, int64_t rows, int32_t threads, float *y)
{
    struct op_run r = { .setup = &d->setup,
                        .n_in = d->c->n_in,
                        .in = d->c->in,
                        .rows = rows,
                        .threads = threads,
                        .mode = DLI_RUN,
                        .training = (d->c->flags & CASE_TRAINING) != 0,
                        .seed = 11,
                        .iteration = 2,
                        .y = y };
    if (r.training)
        r.mode = DLI_TRAIN;
    for (int32_t k = 0; k < r.n_in; k++)
        r.x[k] = d->x[k] + first * (d->in[k] / ROWS);
    for (int32_t k = 0; k < d->i.n_params; k++)
        r.w[k] = d->w[k];
    return r;
}

static void check_infer(const struct data *d)
{
    const struct op_case *c = d->c;
    char text[512] = "";
    assert_string_equal(DLI_SHAPE_STR(&d->i.out), c->out);
    for (int32_t k = 0; k < d->i.n_params; k++) {
        const struct dli_param_decl *p = &d->i.param[k];
        struct dli_shape s = { .rank = p->rank };
        for (int32_t a = 0; a < p->rank; a++)
            s.dim[a] = p->shape[a];
        const size_t at = strlen(text);
        snprintf(text + at, sizeof text - at, "%s%s %s %c", k ? ", " : "", p->name, DLI_SHAPE_STR(&s), p->order);
        if (p->role == DLI_PARAM_WEIGHT)
            assert_true(p->fan_in > 0 && p->fan_out > 0);
    }
    assert_string_equal(text, c->params ? c->params : "");
    /* An unknown length is refused with a reason, or what does come out agrees. */
    for (int32_t k = 0; k < c->n_in; k++)
        for (int32_t a = 0; a < c->in[k].rank; a++) {
            struct dli_shape in[CASE_MAX_INPUTS];
            struct dl4c_error err = DL4C_ERROR_INIT;
            struct dli_infer i;
            memcpy(in, c->in, sizeof in);
            in[k].dim[a] = -1;
            if (infer(&d->setup, in, c->n_in, &i, &err) != DL4C_OK) {
                assert_string_not_equal(err.message, "");
                continue;
            }
            assert_int_equal(i.out.rank, d->i.out.rank);
            for (int32_t b = 0; b < i.out.rank; b++)
                if (i.out.dim[b] != -1)
                    assert_int_equal(i.out.dim[b], d->i.out.dim[b]);
        }
}

static void check_forward(const struct data *d)
{
    const struct op_case *c = d->c;
    const size_t bytes = (size_t)d->out * sizeof(float);
    float *y = malloc(bytes), *again = malloc(bytes);
    struct op_run r = run_of(d, 0, ROWS, 1, y);
    op_run(&r);
    compare(c->spec, "y", d->out, y, d->y, d->tolerance);

    static const int32_t threads[] = { 1, 2, 5 };
    static const int64_t rows[] = { 1, 3, ROWS };
    for (int t = 0; t < 3; t++)
        for (int b = 0; b < 3; b++) {
            if (c->flags & CASE_COUPLED && rows[b] != ROWS)
                continue;
            /* In training dropout numbers the rows of the batch, so that the first rows only are the same. */
            const int64_t last = r.training ? rows[b] : ROWS;
            for (int64_t first = 0; first + rows[b] <= last; first += rows[b] == 1 ? 5 : rows[b]) {
                struct op_run part = run_of(d, first, rows[b], threads[t], again);
                op_run(&part);
                assert_memory_equal(again, y + first * (d->out / ROWS), (size_t)(rows[b] * (d->out / ROWS)) * sizeof(float));
            }
        }
    struct op_run over = run_of(d, 0, ROWS, 2, again);
    over.inplace = true;
    op_run(&over);
    assert_memory_equal(again, y, bytes);

    if (!r.training) {
        struct op_run blocked = run_of(d, 0, ROWS, 2, again);
        blocked.blocked = true;
        op_run(&blocked);
        compare(c->spec, "y of blocked inputs", d->out, again, d->y, d->tolerance);
        blocked.inplace = true;
        float *third = malloc(bytes);
        blocked.y = third;
        op_run(&blocked);
        assert_memory_equal(again, third, bytes);
        free(third);
        /* The forward of training computes the same function. */
        struct op_run train = run_of(d, 0, ROWS, 2, again);
        train.mode = DLI_TRAIN;
        op_run(&train);
        compare(c->spec, "y in training mode", d->out, again, d->y, d->tolerance);
    }
    free(y);
    free(again);
}

static double score(const struct data *d, int64_t rows)
{
    double sum = 0;
    model(d, rows);
    for (int64_t k = 0; k < rows * (d->out / ROWS); k++)
        sum += d->y[k] * (double)d->g[k];
    return sum;
}

/* Central differences of the model at some 20 elements spread over v[0..n). */
static void differences(const struct data *d, const char *what, int64_t rows, int64_t n, double *v, const float *found)
{
    const double h = 1e-4;
    const int64_t step = n > 20 ? n / 17 : 1; /* 17: no common factor with the shapes of the cases */
    double wanted[64], largest = 0;
    float at[64];
    int64_t index[64], k = 0;
    for (int64_t j = 0; j < n && k < 64; j += step, k++) {
        const double keep = v[j];
        v[j] = keep + h;
        const double up = score(d, rows);
        v[j] = keep - h;
        const double down = score(d, rows);
        v[j] = keep;
        wanted[k] = (up - down) / (2 * h);
        at[k] = found[j];
        index[k] = j;
        largest = fmax(largest, fabs(wanted[k]));
    }
    for (int64_t j = 0; j < k; j++)
        if (!(fabs((double)at[j] - wanted[j]) <= d->tolerance * (1 + largest)))
            fail_msg("%s: the gradient of %s[%lld] is %.9g, finite differences say %.9g", d->c->spec, what, (long long)index[j],
                     (double)at[j], wanted[j]);
}

static void check_backward(const struct data *d)
{
    const struct op_case *c = d->c;
    enum { N = 3 };
    float *dx[CASE_MAX_INPUTS] = { NULL }, *dw[DLI_MAX_PARAMS] = { NULL }, *again[CASE_MAX_INPUTS + DLI_MAX_PARAMS] = { NULL };
    float *y = malloc((size_t)d->out * sizeof(float));
    struct op_run r = run_of(d, 0, N, 1, y);
    r.mode = DLI_TRAIN;
    r.dy = d->g;
    for (int32_t k = 0; k < c->n_in; k++) {
        r.dx[k] = dx[k] = malloc((size_t)d->in[k] * sizeof(float));
        again[k] = malloc((size_t)d->in[k] * sizeof(float));
    }
    for (int32_t k = 0; k < d->i.n_params; k++) {
        r.dw[k] = dw[k] = malloc((size_t)d->w_count[k] * sizeof(float));
        again[c->n_in + k] = malloc((size_t)d->w_count[k] * sizeof(float));
    }
    op_run(&r);
    for (int32_t k = 0; k < c->n_in; k++)
        differences(d, "input", N, d->in[k] / ROWS * N, d->dx[k], dx[k]);
    for (int32_t k = 0; k < d->i.n_params; k++)
        if (d->i.param[k].role != DLI_PARAM_STAT)
            differences(d, d->i.param[k].name, N, d->w_count[k], d->dw[k], dw[k]);

    /* The same bits by other threads and over the gradient of the output; parts that nobody wants change nothing. */
    for (int t = 2; t <= 5; t += 3) {
        r.threads = t;
        r.inplace_back = t == 5;
        r.inplace = t == 5 && !(d->setup.op->flags & DLI_OP_BACK_IN); /* else forward would destroy what backward reads */
        for (int32_t k = 0; k < c->n_in; k++)
            r.dx[k] = again[k];
        for (int32_t k = 0; k < d->i.n_params; k++)
            r.dw[k] = again[c->n_in + k];
        op_run(&r);
        for (int32_t k = 0; k < c->n_in; k++)
            assert_memory_equal(dx[k], again[k], (size_t)(d->in[k] / ROWS * N) * sizeof(float));
        for (int32_t k = 0; k < d->i.n_params; k++)
            assert_memory_equal(dw[k], again[c->n_in + k], (size_t)d->w_count[k] * sizeof(float));
    }
    r.inplace = r.inplace_back = false;
    for (int32_t k = 0; k < d->i.n_params; k++)
        r.dw[k] = NULL;
    op_run(&r);
    for (int32_t k = 0; k < c->n_in; k++) {
        assert_memory_equal(dx[k], again[k], (size_t)(d->in[k] / ROWS * N) * sizeof(float));
        r.dx[k] = NULL;
    }
    for (int32_t k = 0; k < d->i.n_params; k++)
        r.dw[k] = again[c->n_in + k];
    op_run(&r);
    for (int32_t k = 0; k < d->i.n_params; k++)
        assert_memory_equal(dw[k], again[c->n_in + k], (size_t)d->w_count[k] * sizeof(float));

    for (int32_t k = 0; k < CASE_MAX_INPUTS; k++)
        free(dx[k]);
    for (int32_t k = 0; k < DLI_MAX_PARAMS; k++)
        free(dw[k]);
    for (int32_t k = 0; k < CASE_MAX_INPUTS + DLI_MAX_PARAMS; k++)
        free(again[k]);
    free(y);
}

static void check_hand(const struct data *d)
{
    const struct op_case *c = d->c;
    const int64_t n = d->out / ROWS;
    float *y = malloc((size_t)n * sizeof(float));
    double *wanted = malloc((size_t)n * sizeof(double));
    struct op_run r = run_of(d, 0, 1, 1, y);
    const float *x = c->x, *w = c->w;
    for (int32_t k = 0; k < c->n_in; k++, x += d->in[k - 1] / ROWS)
        r.x[k] = x;
    for (int32_t k = 0; k < d->i.n_params; k++, w += d->w_count[k - 1])
        r.w[k] = w;
    op_run(&r);
    for (int64_t k = 0; k < n; k++)
        wanted[k] = (double)c->y[k];
    compare(c->spec, "y by hand", n, y, wanted, 1e-6);
    free(y);
    free(wanted);
}

void op_check(dl4c_context *ctx, const struct op_case *c)
{
    struct data d;
    make(&d, ctx, c);
    check_infer(&d);
    check_forward(&d);
    if (d.setup.op->backward)
        check_backward(&d);
    if (c->y)
        check_hand(&d);
    unmake(&d);
}

void model_unary(const struct model *m, double (*f)(const void *attrs, double x))
{
    const int64_t n = m->rows * m->out->batch * dli_row_elements(m->out);
    for (int64_t k = 0; k < n; k++)
        m->y[k] = f(m->attrs, m->x[0][k]);
}

/* ---- recorded curves ----------------------------------------------------------------------------------------- */

/* A one-dimensional little-endian f4 file of version 1; NULL: not there. */
static float *read_curve(const char *folder, const char *name, size_t *n)
{
    char path[256];
    unsigned char head[10];
    snprintf(path, sizeof path, "../shared/dl4j/goldens/%s/%s.npy", folder, name);
    FILE *f = fopen(path, "rb");
    if (!f)
        return NULL;
    assert_int_equal(fread(head, 1, sizeof head, f), sizeof head);
    fseek(f, 0, SEEK_END);
    const long start = 10 + head[8] + 256 * head[9], end = ftell(f);
    *n = (size_t)(end - start) / sizeof(float);
    float *v = malloc(*n * sizeof *v);
    fseek(f, start, SEEK_SET);
    assert_int_equal(fread(v, sizeof *v, *n, f), *n);
    fclose(f);
    return v;
}

bool op_check_curve(dl4c_context *ctx, const char *spec, const char *folder, bool slopes, double tolerance)
{
    size_t n = 0;
    float *x = read_curve(folder, "curve_x", &n), *f = read_curve(folder, "curve_f", &n), *df = read_curve(folder, "curve_df", &n);
    if (!x || !f || !df) {
        free(x);
        free(f);
        free(df);
        print_message("skipped: ../shared/dl4j/goldens/%s is not there\n", folder);
        return false;
    }
    struct op_setup s;
    const struct dli_shape in = ROW1((int64_t)n);
    float *y = malloc(n * sizeof *y), *dx = malloc(n * sizeof *dx), *one = malloc(n * sizeof *one);
    for (size_t k = 0; k < n; k++)
        one[k] = 1;
    op_setup(&s, ctx, spec);
    struct op_run r = {
        .setup = &s, .n_in = 1, .in = &in, .rows = 1, .threads = 1, .mode = DLI_TRAIN, .x = { x }, .dy = one, .y = y, .dx = { dx }
    };
    op_run(&r);
    for (size_t k = 0; k < n; k++) {
        if (!(fabs((double)y[k] - (double)f[k]) <= tolerance * (1 + fabs((double)f[k]))))
            fail_msg("%s at %.9g is %.9g, recorded %.9g", spec, (double)x[k], (double)y[k], (double)f[k]);
        if (slopes && !(fabs((double)dx[k] - (double)df[k]) <= tolerance * (1 + fabs((double)df[k]))))
            fail_msg("the slope of %s at %.9g is %.9g, recorded %.9g", spec, (double)x[k], (double)dx[k], (double)df[k]);
    }
    op_setup_free(&s);
    free(x);
    free(f);
    free(df);
    free(y);
    free(dx);
    free(one);
    return true;
}
