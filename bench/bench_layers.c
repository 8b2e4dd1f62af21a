/* SPDX-License-Identifier: Apache-2.0 */
/* Where a network's time goes: one line for each step of its plan, with the median and the least time of a step over the rounds, what
 * share of the whole that is and, for convolutions and dense layers, GFLOP/s as a direct convolution counts them.
 *
 *     bench_layers MODEL [batch] [threads] [rounds] [vertex]
 *
 * Steps run in their order, as a session runs them: what one leaves in the caches the next one finds. */
#include "bench.h"
#include "base/rng.h"
#include "graph/plan.h"

#include <dl4c/model.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_ROUNDS = 10000 };

static int ascending(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double work_of(const struct dli_plan *p, const struct dli_step *s)
{
    const struct dli_shape *own = &p->shapes[s->vertex];
    struct dl4c_attr kernel, groups;
    if (s->kind == DLI_STEP_OP && strcmp(s->op->name, "dense") == 0) {
        int64_t in, out;
        dli_shape_elements(&s->in_shape[0], &in, NULL);
        dli_shape_elements(&s->out_shape, &out, NULL);
        return 2.0 * (double)in * (double)out * (double)p->batch;
    }
    if (s->kind != DLI_STEP_OP || strcmp(s->op->name, "conv2d") != 0 || !dli_op_attr(s->op, s->attrs, "kernel", &kernel) ||
        !dli_op_attr(s->op, s->attrs, "groups", &groups))
        return 0;
    return 2.0 * (double)own->dim[0] * (double)own->dim[1] * (double)own->dim[2] * (double)s->in_shape[0].dim[0] / (double)groups.v.i *
           (double)kernel.v.is[0] * (double)kernel.v.is[1] * (double)p->batch;
}

static dl4c_status make(const char *model, int batch, int threads, const char *at, dl4c_graph **g, struct dli_plan **p,
                        struct dl4c_error *err)
{
    int32_t out;
    DLI_TRY(dl4c_model_load(NULL, model, NULL, g, err));
    out = (*g)->outputs[0];
    if (at)
        DLI_TRY(dli_graph_lookup(*g, at, &out, err));
    const struct dli_plan_options o = { .mode = DLI_RUN, .batch = batch, .threads = threads, .flags = DL4C_SESSION_CHANNELS_FIRST,
                                        .outputs = &out, .n_outputs = 1 };
    DLI_TRY(dli_plan_create(NULL, *g, &o, p, err));
    DLI_TRY(dli_plan_place(*p, err));
    (*p)->arena = dli_alloc_aligned(NULL, (*p)->arena_bytes, err);
    return (*p)->arena ? dli_plan_pack(*p, err) : dli_alloc_status();
}

int main(int argc, char **argv)
{
    const int batch = argc > 2 ? atoi(argv[2]) : 1, threads = argc > 3 ? atoi(argv[3]) : 0, rounds = argc > 4 ? atoi(argv[4]) : 50;
    struct dl4c_error err = DL4C_ERROR_INIT;
    dl4c_graph *g = NULL;
    struct dli_plan *p = NULL;
    if (argc < 2 || batch < 1 || rounds < 1 || rounds > MAX_ROUNDS) {
        fprintf(stderr, "usage: %s MODEL [batch] [threads] [rounds] [vertex]\n", argv[0]);
        return 2;
    }
    if (make(argv[1], batch, threads, argc > 5 ? argv[5] : NULL, &g, &p, &err) != DL4C_OK) {
        fprintf(stderr, "%s: %s\n", err.origin, err.message);
        return 1;
    }
    int64_t n;
    dli_shape_elements(&p->shapes[g->inputs[0]], &n, NULL);
    float *x = dli_alloc_aligned(NULL, (size_t)(n * batch) * sizeof *x, NULL);
    double *ms = malloc((size_t)(p->n_steps + 1) * (size_t)rounds * sizeof *ms);
    if (!x || !ms)
        return 1;
    struct dli_rng r;
    dli_rng_init(&r, 1, 1);
    for (int64_t i = 0; i < n * batch; i++)
        x[i] = (float)(2 * dli_rng_uniform(&r) - 1);
    const float *inputs[] = { x };
    for (int round = -5; round < rounds; round++) { /* the first ones warm up */
        const int at = round < 0 ? 0 : round;
        const double begin = bench_now();
        double last = begin;
        for (int32_t i = 0; i < p->n_steps; i++) {
            dli_plan_forward_step(p, i, batch, inputs, false, 0, 0);
            const double now = bench_now();
            ms[i * rounds + at] = (now - last) * 1e3;
            last = now;
        }
        ms[p->n_steps * rounds + at] = (last - begin) * 1e3;
    }
    for (int32_t i = 0; i <= p->n_steps; i++)
        qsort(ms + i * rounds, (size_t)rounds, sizeof *ms, ascending);
    double least = 0;
    for (int32_t i = 0; i < p->n_steps; i++)
        least += ms[i * rounds];
    printf("%-40s %-12s %-16s %9s %9s %6s %8s\n", "vertex", "kernel", "output", "median ms", "least ms", "share", "GFLOP/s");
    for (int32_t i = 0; i < p->n_steps; i++) {
        const struct dli_step *s = &p->steps[i];
        const double median = ms[i * rounds + rounds / 2], low = ms[i * rounds];
        printf("%-40.40s %-12s %-16s %9.4f %9.4f %5.1f%% %8.1f\n", g->vertices[s->vertex].name, s->kernel, DLI_SHAPE_STR(&s->out_shape),
               median, low, 100 * low / least, work_of(p, s) / low * 1e-6);
    }
    printf("%-70s %9.4f %9.4f, steps' least together %.4f\n", "all", ms[p->n_steps * rounds + rounds / 2], ms[p->n_steps * rounds], least);
    free(ms);
    dli_free(x);
    dli_free(p->arena);
    dli_plan_destroy(p);
    dl4c_graph_destroy(&g);
    return 0;
}
