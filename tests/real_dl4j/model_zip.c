/* SPDX-License-Identifier: Apache-2.0 */
/* Our half of model_zip.py.
 *
 *     model_zip make DIR    networks, each as NAME.zip with NAME.x.npy and what it computes, NAME.y.npy; what more training makes of some,
 *                           NAME.mine.zip; normalizers in n_NAME.zip with rows, labels and what becomes of both
 *     model_zip check DIR   what Deeplearning4j made of them: NAME.there.zip and .there.npy; a line for each fault
 *
 * Differences are relative to the largest magnitude. */
#include "graph/graph.h"
#include <dl4c/dl4c.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS = 12, BATCH = 4, CLASSES = 3 };

static const char *folder;
static int faults;

static void must(dl4c_status status, const struct dl4c_error *err)
{
    if (status == DL4C_OK)
        return;
    fprintf(stderr, "model_zip: %s\n", err->message);
    exit(1);
}

static const char *file(const char *name, const char *end)
{
    static char path[4][1024];
    static int k;
    k = (k + 1) % 4;
    snprintf(path[k], sizeof path[k], "%s/%s%s", folder, name, end);
    return path[k];
}

static dl4c_tensor *tensor(const int64_t *shape, int32_t rank)
{
    struct dl4c_error err = DL4C_ERROR_INIT;
    dl4c_tensor *t = NULL;
    must(dl4c_tensor_create(NULL, DL4C_F32, shape, rank, &t, &err), &err);
    return t;
}

/* Numbers between -2 and 2.1 that no two columns share. */
static dl4c_tensor *rows(int64_t n, const dl4c_graph *g)
{
    const struct dli_shape *s = &g->vertices[g->inputs[0]].shape;
    int64_t shape[4] = { n };
    for (int32_t k = 0; k < s->rank; k++)
        shape[k + 1] = s->dim[k];
    dl4c_tensor *t = tensor(shape, s->rank + 1);
    for (int64_t i = 0; i < dl4c_tensor_size(t); i++)
        ((float *)dl4c_tensor_data(t))[i] = (float)(i * 37 % 41 - 20 + i % 7 * 3 / 20) / 10;
    return t;
}

static dl4c_tensor *one_hot(int64_t n)
{
    dl4c_tensor *t = tensor((int64_t[]){ n, CLASSES }, 2);
    for (int64_t i = 0; i < n * CLASSES; i++)
        ((float *)dl4c_tensor_data(t))[i] = i % CLASSES == i / CLASSES * 5 % 7 % CLASSES ? 1.0f : 0.0f;
    return t;
}

static dl4c_tensor *read_npy(const char *path)
{
    struct dl4c_error err = DL4C_ERROR_INIT;
    dl4c_tensor *t = NULL;
    must(dl4c_tensor_load_npy(NULL, path, &t, &err), &err);
    return t;
}

static void write_npy(dl4c_tensor *t, const char *path)
{
    struct dl4c_error err = DL4C_ERROR_INIT;
    must(dl4c_tensor_save_npy(t, path, &err), &err);
}

static dl4c_graph *load(const char *path)
{
    struct dl4c_error err = DL4C_ERROR_INIT;
    dl4c_graph *g = NULL;
    must(dl4c_model_load(NULL, path, NULL, &g, &err), &err);
    return g;
}

static void save(dl4c_graph *g, const char *path)
{
    struct dl4c_save_options o = DL4C_SAVE_OPTIONS_INIT;
    struct dl4c_error err = DL4C_ERROR_INIT;
    o.updater = 1;
    must(dl4c_model_save(g, path, &o, &err), &err);
}

static dl4c_tensor *output(dl4c_graph *g, dl4c_tensor *x)
{
    struct dl4c_session_options o = DL4C_SESSION_OPTIONS_INIT;
    struct dl4c_error err = DL4C_ERROR_INIT;
    dl4c_session *s = NULL;
    dl4c_tensor *y = NULL;
    o.batch = dl4c_tensor_dim(x, 0);
    must(dl4c_session_create(NULL, g, &o, &s, &err), &err);
    must(dl4c_session_run(s, &x, 1, &err), &err);
    must(dl4c_session_output(s, 0, &y, &err), &err);
    dl4c_tensor *copy = tensor(dl4c_tensor_shape(y), dl4c_tensor_rank(y));
    memcpy(dl4c_tensor_data(copy), dl4c_tensor_data_const(y), (size_t)dl4c_tensor_size(y) * sizeof(float));
    dl4c_session_destroy(&s);
    return copy;
}

/* Minibatches in their order, as Deeplearning4j's iterator gives them. */
static void fit(dl4c_graph *g, uint32_t epochs)
{
    struct dl4c_fit_options o = DL4C_FIT_OPTIONS_INIT;
    struct dl4c_error err = DL4C_ERROR_INIT;
    dl4c_tensor *x = rows(ROWS, g), *y = one_hot(ROWS);
    dl4c_source *source = NULL;
    o.epochs = epochs;
    o.batch = BATCH;
    o.no_shuffle = 1;
    must(dl4c_source_tensors(NULL, x, y, CLASSES, &source, &err), &err);
    must(dl4c_fit(g, source, &o, &err), &err);
    dl4c_source_destroy(&source);
    dl4c_tensor_unref(&x);
    dl4c_tensor_unref(&y);
}

/* ---- networks ------------------------------------------------------------------------------------------------ */

/* Each line: an operator; the next reads it. */
static dl4c_graph *network(const int64_t *shape, int32_t rank, const char *const *lines, const char *frozen)
{
    struct dl4c_error err = DL4C_ERROR_INIT;
    dl4c_builder *b = NULL;
    dl4c_graph *g = NULL;
    char name[32], from[32] = "in";
    must(dl4c_builder_create(NULL, NULL, &b, &err), &err);
    dl4c_builder_input(b, from, shape, rank);
    for (int k = 0; lines[k]; k++) {
        snprintf(name, sizeof name, "%d_%.*s", k, (int)strcspn(lines[k], ":"), lines[k]);
        dl4c_builder_add_text(b, lines[k], name, (const char *[]){ from }, 1);
        if (frozen && strcmp(name, frozen) == 0)
            dl4c_builder_freeze(b, name);
        strcpy(from, name);
    }
    must(dl4c_builder_finish(&b, &g, &err), &err);
    return g;
}

/* What flattens tells Deeplearning4j's file the shape of the input: it has no other word for it. */
static const char *const no_params[] = { "max_pool:kernel=2,stride=2", "flatten", "loss:activation=softmax,loss=mcxent", NULL };

/* Every window that zeros in the maps are padding for, uneven in height, in width or in both, but sums: SubsamplingLayer knows SUM and
 * does not compute it. */
static const char *const pads[] = {
    "conv2d:units=4,kernel=3x2,padding=1x0,padding_end=0x1,activation=tanh",
    "depthwise_conv2d:multiplier=2,kernel=2x2,padding=0x0,padding_end=1x1,activation=tanh",
    "separable_conv2d:units=4,kernel=3x3,padding=2x1,padding_end=0x1,activation=tanh",
    "pnorm_pool:p=3,kernel=2x2,stride=1,padding=1x0,padding_end=0x0",
    "avg_pool:kernel=3x3,stride=2,padding=1x0,padding_end=0x1,include_pad=1",
    "output:units=3,activation=softmax,loss=mcxent",
    NULL,
};

/* Blocks of several updaters, one that keeps nothing, statistics that no updater sees, two layers of the same updater with a frozen one
 * between them, rates that hang on the iteration and on the epoch. */
static const char *const mixed[] = {
    "conv2d:units=3,kernel=2,activation=tanh,updater=adam(lr=0.01)",
    "batch_norm:updater=adam(lr=0.01)",
    "conv2d:units=3,kernel=2,activation=tanh,updater=rmsprop(lr=0.005)",
    "dense:units=6,activation=tanh,updater=nesterovs(lr=0.05,momentum=0.8,lr_schedule=step(decay=0.5,step=4)),bias_updater=sgd(lr=0.02)",
    "dense:units=5,activation=tanh,updater=adagrad(lr=0.05)",
    "dense:units=5,activation=tanh,updater=amsgrad(lr=0.02,lr_schedule=step(decay=0.3,step=1,by=epoch))",
    "dense:units=4,activation=tanh,updater=amsgrad(lr=0.02,lr_schedule=step(decay=0.3,step=1,by=epoch))",
    "output:units=3,activation=softmax,loss=mcxent,updater=adadelta",
    NULL,
};

/* Of the heights and widths that give the maps which are flattened the least: those are taken where no `dl4c` key tells. */
static const int64_t even[] = { 2, 8, 6 }, odd[] = { 2, 7, 5 };

static void make_network(const char *name, const int64_t *image, const char *const *lines, const char *frozen, bool trained)
{
    struct dl4c_model_info info = DL4C_MODEL_INFO_INIT;
    struct dl4c_error err = DL4C_ERROR_INIT;
    static const char *const classes[CLASSES] = { "a \"quoted\" one", "caf\xC3\xA9", "c" };
    dl4c_graph *g = network(image, 3, lines, frozen);
    if (trained)
        fit(g, 2);
    dl4c_tensor *x = rows(BATCH, g), *y = output(g, x);
    info.n_classes = CLASSES;
    info.classes = classes;
    info.preprocess = "vgg16:resize=pillow";
    info.training = "{\"epochs\":2,\"nested\":{\"@class\":\"nothing.of.theirs\"}}";
    must(dl4c_graph_set_info(g, &info, &err), &err);
    save(g, file(name, ".zip"));
    write_npy(x, file(name, ".x.npy"));
    write_npy(y, file(name, ".y.npy"));
    if (trained) {
        dl4c_tensor *all = rows(ROWS, g), *labels = one_hot(ROWS);
        write_npy(all, file(name, ".fit_x.npy"));
        write_npy(labels, file(name, ".fit_y.npy"));
        fit(g, 2);
        save(g, file(name, ".mine.zip"));
        dl4c_tensor_unref(&all);
        dl4c_tensor_unref(&labels);
    }
    dl4c_tensor_unref(&x);
    dl4c_tensor_unref(&y);
    dl4c_graph_destroy(&g);
}

/* ---- normalizers --------------------------------------------------------------------------------------------- */

static const struct {
    const char *name, *spec;
    bool labels;
} normalizers[] = {
    { "n_standardize", "standardize", false },
    { "n_standardize_labels", "standardize(labels=1)", true },
    { "n_minmax", "min_max(min=-1,max=3)", false },
    { "n_minmax_labels", "min_max(min=0,max=1,labels=1)", true },
    { "n_image", "image_scaler(min=-0.5,max=1.5,pixel=127)", false },
};
enum { NORMALIZERS = sizeof normalizers / sizeof *normalizers };

static const char *const head[] = { "dense:units=4,activation=tanh", "output:units=3,activation=softmax,loss=mcxent", NULL };

static void make_normalizer(int i)
{
    struct dl4c_error err = DL4C_ERROR_INIT;
    dl4c_graph *g = network((const int64_t[]){ 5 }, 1, head, NULL);
    dl4c_tensor *x = rows(ROWS, g), *y = rows(ROWS, g);
    dl4c_normalizer *n = NULL;
    const char *name = normalizers[i].name;
    write_npy(x, file(name, ".x.npy"));
    write_npy(y, file(name, ".labels.npy"));
    must(dl4c_normalizer_create(NULL, normalizers[i].spec, &n, &err), &err);
    must(dl4c_normalizer_fit(n, x, y, &err), &err);
    must(dl4c_graph_set_normalizer(g, n, &err), &err);
    save(g, file(name, ".zip"));
    must(dl4c_normalizer_apply(n, x, &err), &err);
    if (normalizers[i].labels)
        must(dl4c_normalizer_apply_labels(n, y, &err), &err);
    write_npy(x, file(name, ".y.npy"));
    write_npy(y, file(name, ".labels_y.npy"));
    dl4c_normalizer_destroy(&n);
    dl4c_tensor_unref(&x);
    dl4c_tensor_unref(&y);
    dl4c_graph_destroy(&g);
}

/* ---- checks -------------------------------------------------------------------------------------------------- */

static void fault(const char *name, const char *what, double found)
{
    printf("%s: %s: %g\n", name, what, found);
    faults++;
}

static double apart(const float *a, const float *b, int64_t n)
{
    double most = 0, largest = 0;
    for (int64_t i = 0; i < n; i++) {
        const double d = fabs((double)a[i] - (double)b[i]);
        if (!(d <= most))
            most = d;
        largest = fmax(largest, fabs((double)b[i]));
    }
    return largest > 0 ? most / largest : most;
}

static void same(const char *name, const char *what, dl4c_tensor *a, dl4c_tensor *b, double most)
{
    if (dl4c_tensor_size(a) != dl4c_tensor_size(b)) {
        fault(name, what, (double)(dl4c_tensor_size(a) - dl4c_tensor_size(b)));
        return;
    }
    const double d = apart(dl4c_tensor_data_const(a), dl4c_tensor_data_const(b), dl4c_tensor_size(b));
    if (!(d <= most))
        fault(name, what, d);
}

/* Their output of our file, and ours of theirs. Sums of some dozen terms in another order. */
static dl4c_graph *check_network(const char *name)
{
    dl4c_graph *g = load(file(name, ".there.zip"));
    dl4c_tensor *x = read_npy(file(name, ".x.npy")), *y = output(g, x), *there = read_npy(file(name, ".there.npy"));
    same(name, "what it computes, saved there and loaded here", y, there, 1e-5);
    dl4c_tensor_unref(&x);
    dl4c_tensor_unref(&y);
    dl4c_tensor_unref(&there);
    return g;
}

/* Parameters, state and counts of what was trained on there and here. */
static void check_training(const char *name, const dl4c_graph *there)
{
    dl4c_graph *mine = load(file(name, ".mine.zip"));
    if (mine->n_vertices != there->n_vertices || !mine->updater_state || !there->updater_state ||
        mine->updater_state->bytes != there->updater_state->bytes) {
        fault(name, "vertices or sizes of the state differ", there->n_vertices);
        return;
    }
    for (int32_t v = 0; v < mine->n_vertices; v++)
        for (int32_t k = 0; k < mine->vertices[v].n_params; k++) {
            const struct dli_param *p = &mine->vertices[v].params->p[k], *q = &there->vertices[v].params->p[k];
            const double d = apart(dli_param_data(p), dli_param_data(q), p->count);
            if (!(d <= 2e-5))
                fault(name, mine->vertices[v].name, d);
        }
    const double d = apart((const float *)mine->updater_state->data, (const float *)there->updater_state->data,
                           (int64_t)(mine->updater_state->bytes / sizeof(float)));
    if (!(d <= 2e-5))
        fault(name, "the state of the updaters", d);
    printf("counts %lld %lld %lld %lld\n", (long long)mine->iteration, (long long)mine->epoch, (long long)there->iteration,
           (long long)there->epoch);
    if (mine->iteration != there->iteration || mine->epoch != there->epoch)
        fault(name, "iterations or epochs", (double)there->iteration);
    dl4c_graph_destroy(&mine);
}

/* Of NAME.there.zip, which carries the normalizer that was learnt there. */
static void check_normalizer(int i)
{
    struct dl4c_error err = DL4C_ERROR_INIT;
    const char *name = normalizers[i].name;
    dl4c_graph *g = load(file(name, ".there.zip"));
    dl4c_tensor *x = read_npy(file(name, ".x.npy")), *y = read_npy(file(name, ".labels.npy"));
    dl4c_tensor *want = read_npy(file(name, ".there.npy")), *labels = read_npy(file(name, ".there_labels.npy"));
    dl4c_normalizer *n = NULL;
    must(dl4c_graph_get_normalizer(g, &n, &err), &err);
    must(dl4c_normalizer_apply(n, x, &err), &err);
    if (normalizers[i].labels)
        must(dl4c_normalizer_apply_labels(n, y, &err), &err);
    same(name, "rows", x, want, 1e-6);
    same(name, "labels", y, labels, 1e-6);
    dl4c_normalizer_destroy(&n);
    dl4c_tensor_unref(&x);
    dl4c_tensor_unref(&y);
    dl4c_tensor_unref(&want);
    dl4c_tensor_unref(&labels);
    dl4c_graph_destroy(&g);
}

/* Layers, an empty coefficients.bin and noParams.marker: parameters are drawn, as there. */
static void check_drawn(const char *name)
{
    int64_t n = 0;
    dl4c_graph *g = load(file(name, ".zip"));
    dl4c_graph_param_count(g, &n, NULL, NULL);
    if (n != 5 * 4 + 4 + 4 * 3 + 3)
        fault(name, "parameters", (double)n);
    dl4c_graph_destroy(&g);
}

int main(int argc, char **argv)
{
    folder = argc == 3 ? argv[2] : "";
    if (argc == 3 && strcmp(argv[1], "make") == 0) {
        make_network("no_params", even, no_params, NULL, false);
        make_network("pads", odd, pads, NULL, false);
        make_network("mixed", even, mixed, "4_dense", true);
        for (int i = 0; i < NORMALIZERS; i++)
            make_normalizer(i);
        return 0;
    }
    if (argc != 3 || strcmp(argv[1], "check") != 0) {
        fprintf(stderr, "usage: model_zip make|check DIR\n");
        return 2;
    }
    static const char *const plain[] = { "no_params", "pads", "mixed", "their_graph", "their_chain" };
    for (int i = 0; i < (int)(sizeof plain / sizeof *plain); i++) {
        dl4c_graph *g = check_network(plain[i]);
        if (strcmp(plain[i], "mixed") == 0)
            check_training(plain[i], g);
        if (strncmp(plain[i], "their_", 6) == 0)
            save(g, file(plain[i], ".back.zip"));
        dl4c_graph_destroy(&g);
    }
    for (int i = 0; i < NORMALIZERS; i++)
        check_normalizer(i);
    check_drawn("their_drawn_graph");
    check_drawn("their_drawn_chain");
    return faults != 0;
}
