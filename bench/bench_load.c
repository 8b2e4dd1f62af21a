/* SPDX-License-Identifier: Apache-2.0 */
/* From a model's file to its first result: loading, making a session, the first run. Several --model, the same network in several
 * formats say, take turns, so that what else the machine does falls on all of them.
 *
 *     bench_load --model M... [--at V] [--batch N] [--threads T] [--size HxW] [--memory default|low] [--rounds R] [--json]
 *
 * Prints one JSON object a line for each model: medians of R rounds, and the best of the whole. The file is in the page cache from the
 * second round on: the first round's total is first_total_s. peak_rss_mb is the process's: give one model alone to compare it. */
#include "bench.h"

#include <dl4c/dl4c.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_MODELS = 8, MOST_ROUNDS = 100 };

struct args {
    const char *models[MOST_MODELS], *at;
    int n_models, batch, threads, height, width, rounds;
    bool low;
};

struct times {
    double load[MOST_ROUNDS], session[MOST_ROUNDS], run[MOST_ROUNDS], total[MOST_ROUNDS];
};

static bool parse(int argc, char **argv, struct args *a)
{
    for (int i = 1; i < argc; i++) {
        const char *name = argv[i], *value = i + 1 < argc ? argv[i + 1] : NULL;
        if (strcmp(name, "--json") == 0) /* the only form there is */
            continue;
        if (!value)
            return false;
        i++;
        if (strcmp(name, "--model") == 0 && a->n_models < MOST_MODELS)
            a->models[a->n_models++] = value;
        else if (strcmp(name, "--at") == 0)
            a->at = value;
        else if (strcmp(name, "--batch") == 0)
            a->batch = atoi(value);
        else if (strcmp(name, "--threads") == 0)
            a->threads = atoi(value);
        else if (strcmp(name, "--rounds") == 0)
            a->rounds = atoi(value);
        else if (strcmp(name, "--memory") == 0 && (strcmp(value, "low") == 0 || strcmp(value, "default") == 0))
            a->low = value[0] == 'l';
        else if (strcmp(name, "--size") != 0 || sscanf(value, "%dx%d", &a->height, &a->width) != 2)
            return false;
    }
    return a->n_models > 0 && a->batch > 0 && a->rounds > 0 && a->rounds <= MOST_ROUNDS;
}

/* All of it once, with a context of its own: threads are started inside the time that is taken. */
static dl4c_status once(const struct args *a, const char *model, int round, struct times *t, struct dl4c_error *err)
{
    dl4c_context *ctx = NULL;
    dl4c_graph *g = NULL;
    dl4c_session *s = NULL;
    dl4c_tensor *x = NULL;
    struct dl4c_context_options co = DL4C_CONTEXT_OPTIONS_INIT;
    struct dl4c_session_options so = DL4C_SESSION_OPTIONS_INIT;
    struct dl4c_shape in = { 3, 0, { 3, a->height, a->width } };
    co.threads = a->threads;
    so.batch = a->batch;
    so.flags = DL4C_SESSION_CHANNELS_FIRST | (a->low ? DL4C_SESSION_LOW_MEMORY : 0);
    if (a->at) {
        so.outputs = &a->at;
        so.n_outputs = 1;
    }
    if (a->height > 0) {
        so.input_shapes = &in;
        so.n_input_shapes = 1;
    }
    dl4c_status status = dl4c_context_create(&co, &ctx, err);
    const double t0 = bench_now();
    if (status == DL4C_OK)
        status = dl4c_model_load(ctx, model, NULL, &g, err);
    const double t1 = bench_now();
    if (status == DL4C_OK)
        status = dl4c_session_create(ctx, g, &so, &s, err);
    const double t2 = bench_now();
    if (status == DL4C_OK)
        status = dl4c_session_input_shape(s, 0, &in, err);
    int64_t shape[DL4C_MAX_RANK] = { a->batch };
    memcpy(shape + 1, in.dim, (size_t)in.rank * sizeof *shape);
    if (status == DL4C_OK)
        status = dl4c_tensor_create(ctx, DL4C_F32, shape, in.rank + 1, &x, err);
    for (int64_t i = 0; status == DL4C_OK && i < dl4c_tensor_size(x); i++)
        ((float *)dl4c_tensor_data(x))[i] = (float)(i * 37 % 255) - 128.0f;
    const double t3 = bench_now();
    if (status == DL4C_OK)
        status = dl4c_session_run(s, &x, 1, err);
    const double t4 = bench_now();
    t->load[round] = t1 - t0;
    t->session[round] = t2 - t1;
    t->run[round] = t4 - t3;
    t->total[round] = t2 - t0 + t4 - t3;
    dl4c_tensor_unref(&x);
    dl4c_session_destroy(&s);
    dl4c_graph_destroy(&g);
    dl4c_context_destroy(&ctx);
    return status;
}

static int by_value(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static double median(double *v, int n)
{
    qsort(v, (size_t)n, sizeof *v, by_value);
    return v[n / 2];
}

static void print_text(const char *text)
{
    putchar('"');
    for (; *text; text++)
        printf(*text == '"' || *text == '\\' ? "\\%c" : "%c", *text);
    putchar('"');
}

int main(int argc, char **argv)
{
    static struct times times[MOST_MODELS];
    struct args a = { .batch = 1, .rounds = 5 };
    struct dl4c_error err = DL4C_ERROR_INIT;
    if (!parse(argc, argv, &a)) {
        fprintf(stderr,
                "usage: %s --model M... [--at V] [--batch N] [--threads T] [--size HxW] [--memory default|low] [--rounds R] [--json]\n",
                argv[0]);
        return 2;
    }
    for (int r = 0; r < a.rounds; r++)
        for (int m = 0; m < a.n_models; m++)
            if (once(&a, a.models[m], r, &times[m], &err) != DL4C_OK) {
                fprintf(stderr, "%s: %s\n", err.origin, err.message);
                return 1;
            }
    for (int m = 0; m < a.n_models; m++) {
        struct times *t = &times[m];
        const double first = t->total[0], total = median(t->total, a.rounds);
        printf("{\"model\": ");
        print_text(a.models[m]);
        printf(", \"total_s\": %.4f, \"best_total_s\": %.4f, \"first_total_s\": %.4f, \"load_s\": %.4f, \"session_s\": %.4f, "
               "\"first_run_s\": %.4f, \"rounds\": %d, \"batch\": %d, \"kernels\": \"%s\", \"peak_rss_mb\": %.1f}\n",
               total, t->total[0], first, median(t->load, a.rounds), median(t->session, a.rounds), median(t->run, a.rounds), a.rounds,
               a.batch, dl4c_cpu_kernels(), bench_peak_mib());
    }
    return 0;
}
