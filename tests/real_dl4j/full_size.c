/* SPDX-License-Identifier: Apache-2.0 */
/* Our half of full_size.py: VGG16 with all its parameters is made, loaded, trained and saved, and what each took is printed, a line for
 * each: WHAT SECONDS HEAP RESIDENT, in MiB, the highest while it was at work; of the heap beside what there was before.
 *
 *     full_size make ZIP X Y OUT              drawn, one step of Adam, its output for X, saved
 *     full_size train ZIP X Y STEPS ZIP2 OUT  loaded, output, STEPS steps, saved
 *     full_size run ZIP X OUT                 loaded, output
 *     full_size copy ZIP ZIP2 X OUT           loaded, output, saved
 *     full_size spread X Y STEPS              distance of two that are trained as after make, one of X, one of X with its last bits moved
 *     full_size distance ZIP ZIP2             the largest difference over the largest magnitude, of parameters and of the state */
#define _POSIX_C_SOURCE 200809L
#include "graph/graph.h"
#include <dl4c/dl4c.h>

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

/* moved: every value of x by up to four units in its last place. */
static void train(dl4c_graph *g, const char *x_path, const char *y_path, int steps, bool moved)
{
    struct dl4c_fit_options o = DL4C_FIT_OPTIONS_INIT;
    struct dl4c_error err = DL4C_ERROR_INIT;
    dl4c_tensor *x = read_npy(x_path), *y = read_npy(y_path);
    for (int64_t i = 0; moved && i < dl4c_tensor_size(x); i++) {
        float *v = (float *)dl4c_tensor_data(x) + i;
        *v *= 1 + (float)(i * 7919 % 9 - 4) * 6e-8f;
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

static dl4c_graph *draw(void)
{
    struct dl4c_zoo_options o = DL4C_ZOO_OPTIONS_INIT;
    struct dl4c_error err = DL4C_ERROR_INIT;
    dl4c_graph *g = NULL;
    o.updater = "adam:lr=1e-4";
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
    train(g, a[1], a[2], 1, false);
    output(g, a[1], a[3]);
    save(g, a[0]);
    dl4c_graph_destroy(&g);
}

static double apart(const float *a, const float *b, int64_t n, double *largest)
{
    double most = 0;
    for (int64_t i = 0; i < n; i++) {
        const double d = fabs((double)a[i] - (double)b[i]), m = fabs((double)b[i]);
        most = d > most || d != d ? d : most;
        *largest = m > *largest ? m : *largest;
    }
    return most;
}

static void compare(dl4c_graph *g, dl4c_graph *h)
{
    double most = 0, largest = 0, state = 0;
    if (g->n_vertices != h->n_vertices || !g->updater_state || !h->updater_state || g->updater_state->bytes != h->updater_state->bytes) {
        fprintf(stderr, "full_size: the graphs or the sizes of their states differ\n");
        exit(1);
    }
    for (int32_t v = 0; v < g->n_vertices; v++)
        for (int32_t k = 0; k < g->vertices[v].n_params; k++) {
            const double d = apart(dli_param_data(&g->vertices[v].params->p[k]), dli_param_data(&h->vertices[v].params->p[k]),
                                   g->vertices[v].params->p[k].count, &largest);
            most = d > most ? d : most;
        }
    /* Adam's: first moments, then second ones, which are squares and far smaller. */
    const int64_t n = (int64_t)(g->updater_state->bytes / sizeof(float) / 2);
    for (int i = 0; i < 2; i++) {
        double largest_state = 0;
        const double d = apart((const float *)g->updater_state->data + i * n, (const float *)h->updater_state->data + i * n, n,
                               &largest_state);
        state = fmax(state, d / largest_state);
    }
    printf("distance %.3g %.3g\niterations %lld %lld\n", most / largest, state, (long long)g->iteration, (long long)h->iteration);
    dl4c_graph_destroy(&g);
    dl4c_graph_destroy(&h);
}

static void distance(char **a)
{
    struct dl4c_error err = DL4C_ERROR_INIT;
    dl4c_graph *g = NULL, *h = NULL;
    must(dl4c_model_load(ctx, a[0], NULL, &g, &err), &err);
    must(dl4c_model_load(ctx, a[1], NULL, &h, &err), &err);
    compare(g, h);
}

static void spread(char **a)
{
    struct dl4c_error err = DL4C_ERROR_INIT;
    dl4c_graph *g = draw(), *h = NULL;
    train(g, a[0], a[1], 1, false);
    must(dl4c_graph_clone(g, &h, &err), &err);
    train(g, a[0], a[1], atoi(a[2]), false);
    train(h, a[0], a[1], atoi(a[2]), true);
    compare(g, h);
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
        train(g, argv[3], argv[4], atoi(argv[5]), false);
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
    } else if (strcmp(verb, "distance") == 0 && argc == 4) {
        distance(argv + 2);
    } else {
        fprintf(stderr, "usage: full_size make ZIP X Y OUT | train ZIP X Y STEPS ZIP2 OUT | run ZIP X OUT | copy ZIP ZIP2 X OUT |"
                        " spread X Y STEPS | distance ZIP ZIP2\n");
        return 2;
    }
    dl4c_context_destroy(&ctx);
    return 0;
}
