/* SPDX-License-Identifier: Apache-2.0 */
/* Our half of full_size.py: VGG16 with all its parameters is made, loaded, trained and saved, and what each took is printed, a line for
 * each: WHAT SECONDS HEAP RESIDENT, in MiB, the highest while it was at work; of the heap beside what there was before.
 *
 *     full_size make ZIP X Y OUT              drawn, one step of Adam, its output for X, saved
 *     full_size train ZIP X Y STEPS ZIP2 OUT  loaded, output, STEPS steps, saved
 *     full_size run ZIP X OUT                 loaded, output
 *     full_size copy ZIP ZIP2 X OUT           loaded, output, saved
 *     full_size spread X Y SEED               two trainings of one step, from what make makes: one of X, one of X with its last bits moved
 *     full_size apart BEFORE MINE THEIRS      two trainings of one step, both from BEFORE
 *
 * spread and apart print of every parameter array how far Adam's first moments are apart and how far the second: the largest difference
 * over the largest magnitude, and the length of the difference over that of the array. apart also prints how far each side's parameters are
 * from what Adam's formula makes of BEFORE and of that side's own moments, in parts of the learning rate and beyond the rounding of the
 * parameter itself. */
#define _POSIX_C_SOURCE 200809L
#include "graph/graph.h"
#include <dl4c/dl4c.h>

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static dl4c_context *ctx;
static int64_t now_bytes, peak_bytes;

static void *take(void *user, size_t size, size_t alignment)
{
    (void)user;
    void *p = NULL;
    if (posix_memalign(&p, alignment < sizeof(void *) ? sizeof(void *) : alignment, size) != 0)
        return NULL;
    const int64_t now = __atomic_add_fetch(&now_bytes, (int64_t)size, __ATOMIC_RELAXED);
    if (now > peak_bytes)
        peak_bytes = now;
    return p;
}

static void give(void *user, void *p, size_t size)
{
    (void)user;
    __atomic_sub_fetch(&now_bytes, (int64_t)size, __ATOMIC_RELAXED);
    free(p);
}

static void must(dl4c_status status, const struct dl4c_error *err)
{
    if (status == DL4C_OK)
        return;
    fprintf(stderr, "full_size: %s\n", err->message);
    exit(1);
}

/* ---- figures ---- */

static struct timespec started;
static int64_t heap_before;

static void begin(void)
{
    FILE *f = fopen("/proc/self/clear_refs", "w"); /* VmHWM begins anew */
    if (f) {
        fputs("5", f);
        fclose(f);
    }
    heap_before = peak_bytes = now_bytes;
    clock_gettime(CLOCK_MONOTONIC, &started);
}

static void end(const char *what)
{
    struct timespec now;
    char line[256];
    long long resident = 0;
    clock_gettime(CLOCK_MONOTONIC, &now);
    FILE *f = fopen("/proc/self/status", "r");
    while (f && fgets(line, sizeof line, f))
        if (sscanf(line, "VmHWM: %lld", &resident) == 1)
            break;
    if (f)
        fclose(f);
    printf("%s %.1f %.0f %.0f\n", what, (double)(now.tv_sec - started.tv_sec) + (double)(now.tv_nsec - started.tv_nsec) * 1e-9,
           (double)(peak_bytes - heap_before) / (1 << 20), (double)resident / 1024);
    fflush(stdout);
}

/* ---- verbs ---- */

static dl4c_tensor *read_npy(const char *path)
{
    struct dl4c_error err = DL4C_ERROR_INIT;
    dl4c_tensor *t = NULL;
    must(dl4c_tensor_load_npy(ctx, path, &t, &err), &err);
    return t;
}

static dl4c_graph *load(const char *path)
{
    struct dl4c_error err = DL4C_ERROR_INIT;
    dl4c_graph *g = NULL;
    begin();
    must(dl4c_model_load(ctx, path, NULL, &g, &err), &err);
    end("load");
    return g;
}

static void save(dl4c_graph *g, const char *path)
{
    struct dl4c_save_options o = DL4C_SAVE_OPTIONS_INIT;
    struct dl4c_error err = DL4C_ERROR_INIT;
    o.updater = 1;
    begin();
    must(dl4c_model_save(g, path, &o, &err), &err);
    end("save");
}

static void output(dl4c_graph *g, const char *x_path, const char *out)
{
    struct dl4c_session_options o = DL4C_SESSION_OPTIONS_INIT;
    struct dl4c_error err = DL4C_ERROR_INIT;
    dl4c_tensor *x = read_npy(x_path), *y = NULL;
    dl4c_session *s = NULL;
    o.batch = dl4c_tensor_shape(x)[0];
    begin();
    must(dl4c_session_create(ctx, g, &o, &s, &err), &err);
    must(dl4c_session_run(s, &x, 1, &err), &err);
    end("output");
    must(dl4c_session_output(s, 0, &y, &err), &err);
    must(dl4c_tensor_save_npy(y, out, &err), &err);
    dl4c_session_destroy(&s);
    dl4c_tensor_unref(&x);
}

/* moved: every value of x by up to four units in its last place, by which ones the number says; 0: none. */
static void train(dl4c_graph *g, const char *x_path, const char *y_path, int steps, int moved)
{
    struct dl4c_fit_options o = DL4C_FIT_OPTIONS_INIT;
    struct dl4c_error err = DL4C_ERROR_INIT;
    dl4c_tensor *x = read_npy(x_path), *y = read_npy(y_path);
    for (int64_t i = 0; moved > 0 && i < dl4c_tensor_size(x); i++) {
        float *v = (float *)dl4c_tensor_data(x) + i;
        *v *= 1 + (float)((i * 7919 + i / 9 * moved) % 9 - 4) * 6e-8f;
    }
    dl4c_trainer *t = NULL;
    o.batch = dl4c_tensor_shape(x)[0];
    begin();
    must(dl4c_trainer_create(g, &o, &t, &err), &err);
    for (int i = 0; i < steps; i++)
        must(dl4c_trainer_step(t, x, y, NULL, &err), &err);
    end("train");
    dl4c_trainer_destroy(&t);
    dl4c_tensor_unref(&x);
    dl4c_tensor_unref(&y);
}

#define LEARNING_RATE 1e-4
#define BETA1 0.9
#define BETA2 0.999
#define EPSILON 1e-8

static dl4c_graph *draw(void)
{
    struct dl4c_zoo_options o = DL4C_ZOO_OPTIONS_INIT;
    struct dl4c_error err = DL4C_ERROR_INIT;
    dl4c_graph *g = NULL;
    o.updater = "adam:lr=1e-4,beta1=0.9,beta2=0.999,epsilon=1e-8"; /* as the constants above */
    o.flags = DL4C_ZOO_PUBLISHED_NAMES; /* which has no dropout: no two programs draw alike */
    begin();
    must(dl4c_zoo_create(ctx, "vgg16", &o, &g, &err), &err);
    end("draw");
    return g;
}

static void make(char **a)
{
    int64_t n;
    dl4c_graph *g = draw();
    dl4c_graph_param_count(g, &n, NULL, NULL);
    printf("parameters %lld\n", (long long)n);
    train(g, a[1], a[2], 1, 0);
    output(g, a[1], a[3]);
    save(g, a[0]);
    dl4c_graph_destroy(&g);
}

/* Adam's moments of vertex v's array k, which lie as the parameters do: all of them are one block. second: the squares. */
static const float *moments(const dl4c_graph *g, int64_t at, bool second)
{
    const int64_t n = (int64_t)(g->updater_state->bytes / sizeof(float) / 2);
    return (const float *)g->updater_state->data + (second ? n : 0) + at;
}

/* NaN is worse than all. */
static void worse(double *most, double d)
{
    if (!(d <= *most) && *most == *most)
        *most = d;
}

/* Over the largest magnitude; and of the whole array, as a vector, over its length. */
static void difference(const float *a, const float *b, int64_t n, double d[2])
{
    double most = 0, largest = 0, apart = 0, length = 0;
    for (int64_t i = 0; i < n; i++) {
        const double e = fabs((double)a[i] - (double)b[i]), m = fabs((double)b[i]);
        worse(&most, e);
        worse(&largest, m);
        apart += e * e;
        length += m * m;
    }
    d[0] = largest > 0 ? most / largest : most;
    d[1] = length > 0 ? sqrt(apart / length) : sqrt(apart);
}

/* The largest distance between the parameters after a step and those that the moments after it make of those before it. */
static double step_error(const float *before, const float *after, const float *m, const float *v, int64_t n, int64_t t)
{
    const double alpha = LEARNING_RATE * sqrt(1 - pow(BETA2, (double)t)) / (1 - pow(BETA1, (double)t));
    double most = 0;
    for (int64_t i = 0; i < n; i++) {
        const double wanted = (double)before[i] - alpha * (double)m[i] / (sqrt((double)v[i]) + EPSILON);
        const double d = fabs((double)after[i] - wanted) - FLT_EPSILON / 2 * fmax(fabs(wanted), fabs((double)before[i]));
        worse(&most, d);
    }
    return most / LEARNING_RATE;
}

static void must_be_alike(const dl4c_graph *g, const dl4c_graph *h)
{
    int64_t n = 0;
    for (int32_t v = 0; v < g->n_vertices; v++)
        for (int32_t k = 0; k < g->vertices[v].n_params; k++)
            n += g->vertices[v].params->p[k].count;
    const size_t wanted = (size_t)n * 2 * sizeof(float);
    if (g->n_vertices == h->n_vertices && g->updater_state && h->updater_state && g->updater_state->bytes == wanted
        && h->updater_state->bytes == wanted)
        return;
    fprintf(stderr, "full_size: the graphs differ, or their states are not two moments of each parameter\n");
    exit(1);
}

/* before may be NULL. */
static void compare(const dl4c_graph *before, const dl4c_graph *mine, const dl4c_graph *theirs)
{
    double step[2] = { 0, 0 };
    int64_t at = 0;
    must_be_alike(mine, theirs);
    for (int32_t v = 0; v < mine->n_vertices; v++)
        for (int32_t k = 0; k < mine->vertices[v].n_params; k++) {
            const struct dli_param *p = &mine->vertices[v].params->p[k], *q = &theirs->vertices[v].params->p[k];
            double m[2], squares[2];
            difference(moments(mine, at, false), moments(theirs, at, false), p->count, m);
            difference(moments(mine, at, true), moments(theirs, at, true), p->count, squares);
            printf("array %s_%s %.3g %.3g %.3g %.3g\n", mine->vertices[v].name, mine->vertices[v].decl[k].name, m[0], m[1], squares[0],
                   squares[1]);
            if (before) {
                const float *old = dli_param_data(&before->vertices[v].params->p[k]);
                worse(&step[0], step_error(old, dli_param_data(p), moments(mine, at, false), moments(mine, at, true), p->count,
                                           mine->iteration));
                worse(&step[1], step_error(old, dli_param_data(q), moments(theirs, at, false), moments(theirs, at, true), p->count,
                                           theirs->iteration));
            }
            at += p->count;
        }
    if (before)
        printf("step %.3g %.3g\n", step[0], step[1]);
    printf("iterations %lld %lld\n", (long long)mine->iteration, (long long)theirs->iteration);
}

static void apart(char **a)
{
    struct dl4c_error err = DL4C_ERROR_INIT;
    dl4c_graph *g[3] = { NULL };
    for (int i = 0; i < 3; i++)
        must(dl4c_model_load(ctx, a[i], NULL, &g[i], &err), &err);
    compare(g[0], g[1], g[2]);
    for (int i = 0; i < 3; i++)
        dl4c_graph_destroy(&g[i]);
}

static void spread(char **a)
{
    struct dl4c_error err = DL4C_ERROR_INIT;
    dl4c_graph *g = draw(), *h = NULL;
    train(g, a[0], a[1], 1, 0);
    must(dl4c_graph_clone(g, &h, &err), &err);
    train(g, a[0], a[1], 1, 0);
    train(h, a[0], a[1], 1, atoi(a[2]));
    compare(NULL, g, h);
    dl4c_graph_destroy(&g);
    dl4c_graph_destroy(&h);
}

int main(int argc, char **argv)
{
    struct dl4c_context_options o = DL4C_CONTEXT_OPTIONS_INIT;
    struct dl4c_error err = DL4C_ERROR_INIT;
    const char *verb = argc > 1 ? argv[1] : "";
    dl4c_graph *g;
    o.alloc = take;
    o.release = give;
    must(dl4c_context_create(&o, &ctx, &err), &err);
    if (strcmp(verb, "make") == 0 && argc == 6) {
        make(argv + 2);
    } else if (strcmp(verb, "train") == 0 && argc == 8) {
        g = load(argv[2]);
        output(g, argv[3], argv[7]);
        train(g, argv[3], argv[4], atoi(argv[5]), 0);
        save(g, argv[6]);
        dl4c_graph_destroy(&g);
    } else if (strcmp(verb, "run") == 0 && argc == 5) {
        g = load(argv[2]);
        output(g, argv[3], argv[4]);
        dl4c_graph_destroy(&g);
    } else if (strcmp(verb, "copy") == 0 && argc == 6) {
        g = load(argv[2]);
        output(g, argv[4], argv[5]);
        save(g, argv[3]);
        dl4c_graph_destroy(&g);
    } else if (strcmp(verb, "spread") == 0 && argc == 5) {
        spread(argv + 2);
    } else if (strcmp(verb, "apart") == 0 && argc == 5) {
        apart(argv + 2);
    } else {
        fprintf(stderr, "usage: full_size make ZIP X Y OUT | train ZIP X Y STEPS ZIP2 OUT | run ZIP X OUT | copy ZIP ZIP2 X OUT |"
                        " spread X Y SEED | apart BEFORE MINE THEIRS\n");
        return 2;
    }
    dl4c_context_destroy(&ctx);
    return 0;
}
