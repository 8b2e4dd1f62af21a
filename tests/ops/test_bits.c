/* SPDX-License-Identifier: Apache-2.0 */
/* Same input, same bits: every case of every registered operator, forward in both layouts and backward to the inputs, in batches of 1, 3,
 * 16 and 300 rows (33 where code runs slowly) on 1, 2 and 5 threads, against the same rows in one batch on one thread. Where a row
 * depends on its batch (batch norm in training), and for gradients of parameters, which sum over it, only the number of threads may not
 * show. */
#include "op_driver.h"

#include "base/rng.h"
#include "ops/support.h"
#include "support/slow.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define DLI_OP(name) extern const struct op_case cases_##name[];
#include "op_list.inc"
#undef DLI_OP

static const struct {
    const char *name;
    const struct op_case *cases;
} all[] = {
#define DLI_OP(name) { #name, cases_##name },
#include "op_list.inc"
#undef DLI_OP
};

enum { ROWS = TEST_SLOW ? 33 : 300 };
static const int64_t batches[] = { 1, 3, 16, ROWS };
static const int32_t threads[] = { 1, 2, 5 };
static dl4c_context *ctx;

/* ROWS rows of a case. */
struct data {
    const struct op_case *c;
    struct op_setup setup;
    struct dli_infer i;
    int64_t in[CASE_MAX_INPUTS], out, w_count[DLI_MAX_PARAMS]; /* floats of a row; of the parameter */
    float *x[CASE_MAX_INPUTS], *w[DLI_MAX_PARAMS], *g;
};

static float *random_floats(struct dli_rng *rng, int64_t n, double lo, double hi)
{
    float *v = malloc((size_t)n * sizeof *v);
    for (int64_t k = 0; k < n; k++)
        v[k] = (float)(lo + (hi - lo) * dli_rng_uniform(rng));
    return v;
}

static void make(struct data *d, const struct op_case *c)
{
    struct dli_rng rng;
    struct dl4c_error err = DL4C_ERROR_INIT;
    const double spread = c->spread > 0 ? c->spread : 1;
    memset(d, 0, sizeof *d);
    d->c = c;
    op_setup(&d->setup, ctx, c->spec);
    d->i = (struct dli_infer){ .vertex = "v", .attrs = d->setup.attrs, .n_in = c->n_in, .in = c->in, .out.batch = c->in[0].batch };
    if (d->setup.op->infer(&d->i, &err) != DL4C_OK)
        fail_msg("%s: %s", c->spec, err.message);
    dli_rng_init(&rng, 19, 1);
    d->out = d->i.out.batch * dli_row_elements(&d->i.out);
    d->g = random_floats(&rng, ROWS * d->out, -1, 1);
    for (int32_t k = 0; k < c->n_in; k++) {
        d->in[k] = c->in[k].batch * dli_row_elements(&c->in[k]);
        d->x[k] = random_floats(&rng, ROWS * d->in[k], c->flags & CASE_POSITIVE ? 0.1 : -spread, spread);
    }
    for (int32_t k = 0; k < d->i.n_params; k++) {
        const bool positive = strcmp(d->i.param[k].name, "var") == 0;
        d->w_count[k] = 1;
        for (int32_t a = 0; a < d->i.param[k].rank; a++)
            d->w_count[k] *= d->i.param[k].shape[a];
        d->w[k] = random_floats(&rng, d->w_count[k], positive ? 0.5 : -0.5, positive ? 1.5 : 0.5);
    }
}

static void unmake(struct data *d)
{
    for (int32_t k = 0; k < d->c->n_in; k++)
        free(d->x[k]);
    for (int32_t k = 0; k < d->i.n_params; k++)
        free(d->w[k]);
    free(d->g);
    op_setup_free(&d->setup);
}

/* What one run gives. */
struct result {
    float *y, *dx[CASE_MAX_INPUTS], *dw[DLI_MAX_PARAMS];
};

static void result_make(const struct data *d, struct result *r)
{
    memset(r, 0, sizeof *r);
    r->y = malloc((size_t)(ROWS * d->out) * sizeof(float));
    for (int32_t k = 0; k < d->c->n_in; k++)
        r->dx[k] = malloc((size_t)(ROWS * d->in[k]) * sizeof(float));
    for (int32_t k = 0; k < d->i.n_params; k++)
        r->dw[k] = malloc((size_t)d->w_count[k] * sizeof(float));
}

static void result_free(const struct data *d, struct result *r)
{
    free(r->y);
    for (int32_t k = 0; k < d->c->n_in; k++)
        free(r->dx[k]);
    for (int32_t k = 0; k < d->i.n_params; k++)
        free(r->dw[k]);
}

enum way { FORWARD, FORWARD_BLOCKED, BACKWARD, WAYS };
static const char *const way_names[] = { "forward", "forward on blocked inputs", "backward" };

static void run(const struct data *d, enum way way, int64_t first, int64_t rows, int32_t n_threads, struct result *out)
{
    const bool training = (d->c->flags & CASE_TRAINING) != 0;
    struct op_run r = { .setup = &d->setup,
                        .n_in = d->c->n_in,
                        .in = d->c->in,
                        .rows = rows,
                        .threads = n_threads,
                        .mode = training || way == BACKWARD ? DLI_TRAIN : DLI_RUN,
                        .training = training,
                        .blocked = way == FORWARD_BLOCKED,
                        .seed = 11,
                        .iteration = 2,
                        .y = out->y };
    for (int32_t k = 0; k < d->c->n_in; k++)
        r.x[k] = d->x[k] + first * d->in[k];
    for (int32_t k = 0; k < d->i.n_params; k++)
        r.w[k] = d->w[k];
    if (way == BACKWARD) {
        r.dy = d->g + first * d->out;
        memcpy(r.dx, out->dx, sizeof r.dx);
        memcpy(r.dw, out->dw, sizeof r.dw);
    }
    op_run(&r);
}

static void same(const struct data *d, enum way way, const char *what, int64_t first, int64_t rows, int32_t n_threads, const float *found,
                 const float *wanted, int64_t n)
{
    if (memcmp(found, wanted, (size_t)n * sizeof *found) != 0)
        fail_msg("%s, %s: %s of %d rows from %d differs on %d threads", d->c->spec, way_names[way], what, (int)rows, (int)first,
                 (int)n_threads);
}

static void check(const struct data *d, enum way way)
{
    const bool coupled = (d->c->flags & CASE_COUPLED) != 0, training = (d->c->flags & CASE_TRAINING) != 0;
    struct result whole, alone, part;
    result_make(d, &whole);
    result_make(d, &alone);
    result_make(d, &part);
    run(d, way, 0, ROWS, 1, &whole);
    for (size_t b = 0; b < sizeof batches / sizeof *batches; b++) {
        const int64_t rows = batches[b];
        /* At the front, in the middle and at the end; dropout numbers the rows of a batch, so only the first are the same there. */
        const int64_t places[] = { 0, (ROWS - rows) * 2 / 3, ROWS - rows };
        for (int p = 0; p < (rows == ROWS || training ? 1 : 3); p++) {
            const int64_t first = places[p];
            for (size_t t = 0; t < sizeof threads / sizeof *threads; t++) {
                struct result *r = t == 0 ? &alone : &part;
                run(d, way, first, rows, threads[t], r);
                const float *want = coupled ? alone.y : whole.y + first * d->out;
                same(d, way, "y", first, rows, threads[t], r->y, want, rows * d->out);
                for (int32_t k = 0; k < d->c->n_in && way == BACKWARD; k++)
                    same(d, way, "dx", first, rows, threads[t], r->dx[k], coupled ? alone.dx[k] : whole.dx[k] + first * d->in[k],
                         rows * d->in[k]);
                for (int32_t k = 0; k < d->i.n_params && way == BACKWARD; k++)
                    same(d, way, d->i.param[k].name, first, rows, threads[t], r->dw[k], rows == ROWS ? whole.dw[k] : alone.dw[k],
                         d->w_count[k]);
            }
        }
    }
    result_free(d, &whole);
    result_free(d, &alone);
    result_free(d, &part);
}

static void rows_of_every_case_have_bits_of_their_own(void **state)
{
    int n = 0;
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (strcmp(all[i].name, *state) == 0)
            for (const struct op_case *c = all[i].cases; c->spec; c++, n++) {
                struct data d;
                make(&d, c);
                bool maps = c->in[0].rank == 3; /* what can be blocked */
                check(&d, FORWARD);
                if (maps && !(c->flags & CASE_TRAINING))
                    check(&d, FORWARD_BLOCKED);
                if (d.setup.op->backward)
                    check(&d, BACKWARD);
                unmake(&d);
            }
    assert_true(n > 0);
}

int main(void)
{
    struct CMUnitTest tests[sizeof all / sizeof *all];
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        const struct CMUnitTest t = { all[i].name, rows_of_every_case_have_bits_of_their_own, NULL, NULL, (void *)(uintptr_t)all[i].name };
        tests[i] = t;
    }
    struct dl4c_context_options o = DL4C_CONTEXT_OPTIONS_INIT;
    o.threads = 5;
    if (dl4c_context_create(&o, &ctx, NULL) != DL4C_OK)
        return 1;
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    dl4c_context_destroy(&ctx);
    return failed;
}
