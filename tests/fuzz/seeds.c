/* SPDX-License-Identifier: Apache-2.0 */
/* Makes the models and arrays that tests/fuzz/seeds.py makes its corpus of. Usage: fuzz_seeds FOLDER */
#include <dl4c/dl4c.h>

#include <stdio.h>
#include <string.h>

static const char *folder;
static int failed;

static void check(dl4c_status status, const struct dl4c_error *err)
{
    if (status != DL4C_OK) {
        fprintf(stderr, "%s\n", err->message);
        failed = 1;
    }
}

/* A chain of vertices, one text each, trained for two steps, so that the updater has a state. */
static void model(const char *name, const int64_t *shape, int32_t rank, const char *const *texts, const char *updater)
{
    struct dl4c_error err = DL4C_ERROR_INIT;
    struct dl4c_fit_options fit = DL4C_FIT_OPTIONS_INIT;
    struct dl4c_save_options save = DL4C_SAVE_OPTIONS_INIT;
    dl4c_builder *b = NULL;
    dl4c_graph *g = NULL;
    dl4c_trainer *t = NULL;
    dl4c_tensor *x = NULL, *y = NULL;
    int64_t rows[DL4C_MAX_RANK] = { 2 };
    const int64_t n = 2;
    char previous[16] = "in", vertex[16], path[512];
    check(dl4c_builder_create(NULL, NULL, &b, &err), &err);
    dl4c_builder_input(b, "in", shape, rank);
    for (int i = 0; texts[i]; i++) {
        const char *in[] = { previous };
        snprintf(vertex, sizeof vertex, "v%d", i);
        dl4c_builder_add_text(b, texts[i], vertex, in, 1);
        memcpy(previous, vertex, sizeof previous);
    }
    check(dl4c_builder_finish(&b, &g, &err), &err);
    memcpy(rows + 1, shape, (size_t)rank * sizeof *shape);
    check(dl4c_tensor_create(NULL, DL4C_F32, rows, rank + 1, &x, &err), &err);
    check(dl4c_tensor_create(NULL, DL4C_I64, &n, 1, &y, &err), &err);
    if (failed)
        return;
    float *values = dl4c_tensor_data(x);
    for (int64_t i = 0; i < dl4c_tensor_size(x); i++)
        values[i] = (float)(i % 7) - 3;
    ((int64_t *)dl4c_tensor_data(y))[0] = 0;
    ((int64_t *)dl4c_tensor_data(y))[1] = 1;
    fit.updater = updater;
    fit.batch = n;
    check(dl4c_trainer_create(g, &fit, &t, &err), &err);
    for (int i = 0; t && i < 2; i++)
        check(dl4c_trainer_step(t, x, y, NULL, &err), &err);
    dl4c_trainer_destroy(&t);
    save.updater = 1;
    snprintf(path, sizeof path, "%s/%s.zip", folder, name);
    check(dl4c_model_save(g, path, &save, &err), &err);
    snprintf(path, sizeof path, "%s/%s.safetensors", folder, name);
    check(dl4c_model_save(g, path, &save, &err), &err);
    dl4c_tensor_unref(&x);
    dl4c_tensor_unref(&y);
    dl4c_graph_destroy(&g);
}

static void array(const char *name, int32_t dtype)
{
    static const int64_t shape[] = { 2, 3 };
    struct dl4c_error err = DL4C_ERROR_INIT;
    dl4c_tensor *t = NULL;
    char path[512];
    check(dl4c_tensor_create(NULL, dtype, shape, 2, &t, &err), &err);
    if (failed)
        return;
    memset(dl4c_tensor_data(t), 1, 6 * dl4c_dtype_size(dtype));
    snprintf(path, sizeof path, "%s/%s.npy", folder, name);
    check(dl4c_tensor_save_npy(t, path, &err), &err);
    dl4c_tensor_unref(&t);
}

static void text(const char *name, char *json)
{
    char path[512];
    if (failed)
        return;
    snprintf(path, sizeof path, "%s/%s.json", folder, name);
    FILE *f = fopen(path, "wb");
    failed = !f || fputs(json, f) < 0 || fclose(f) != 0;
    dl4c_free(json);
}

/* Four rows of two columns in every measure, exact and in steps. */
static void measures(void)
{
    static const float y[] = { 1, 0, 0, 1, 1, 0, 0, 1 }, p[] = { 0.75f, 0.25f, 0.5f, 0.5f, 0.25f, 0.75f, 0, 1 };
    static const float thresholds[] = { 0.25f, 0.5f };
    static const char *const names[] = { "cat", "dog" };
    struct dl4c_error err = DL4C_ERROR_INIT;
    char *json = NULL;
    for (int32_t kind = DL4C_MEASURE_BINARY; kind <= DL4C_MEASURE_CALIBRATION; kind++)
        for (int32_t steps = 0; steps < 4; steps += 3) {
            struct dl4c_measure_options o = DL4C_MEASURE_OPTIONS_INIT;
            dl4c_measure *m = NULL;
            char name[32];
            o.kind = kind;
            o.columns = 2;
            o.names = steps ? names : NULL;
            o.thresholds = kind == DL4C_MEASURE_BINARY && steps ? thresholds : NULL;
            o.steps = kind <= DL4C_MEASURE_ROC_MULTICLASS ? steps : 0;
            o.flags = kind == DL4C_MEASURE_BINARY && steps ? DL4C_MEASURE_WITH_ROC : 0;
            o.reliability_bins = 2;
            o.histogram_bins = 3;
            check(dl4c_measure_create(NULL, &o, &m, &err), &err);
            if (failed)
                return;
            check(dl4c_measure_add(m, y, p, NULL, 0, 4, &err), &err);
            snprintf(name, sizeof name, "measure%d-%d", (int)kind, (int)steps);
            check(dl4c_measure_dl4j_json(m, &json, &err), &err);
            text(name, json);
            dl4c_measure_destroy(&m);
        }
}

static void evaluation(void)
{
    static const float p[] = { 0.75f, 0.25f, 0, 0.5f, 0.25f, 0.25f, 0, 0, 1 };
    static const int64_t label[] = { 0, 1, 2 };
    struct dl4c_error err = DL4C_ERROR_INIT;
    struct dl4c_evaluation_options o = DL4C_EVALUATION_OPTIONS_INIT;
    dl4c_evaluation *e = NULL;
    char *json = NULL;
    o.n_classes = 3;
    o.top_n = 2;
    check(dl4c_evaluation_create(NULL, &o, &e, &err), &err);
    if (failed)
        return;
    check(dl4c_evaluation_add(e, p, label, 3, &err), &err);
    check(dl4c_evaluation_dl4j_json(e, &json, &err), &err);
    text("evaluation", json);
    dl4c_evaluation_destroy(&e);
}

int main(int argc, char **argv)
{
    static const int64_t row[] = { 4 }, image[] = { 2, 6, 6 };
    static const char *const head[] = { "output:units=2,activation=softmax,loss=negative_log_likelihood", NULL };
    static const char *const network[] = { "conv2d:units=3,kernel=3,padding=1,activation=relu",
                                           "batch_norm",
                                           "max_pool:kernel=2,stride=2",
                                           "dense:units=3,activation=tanh",
                                           "dropout:p=0.5",
                                           "output:units=2,activation=softmax,loss=mcxent",
                                           NULL };
    if (argc != 2) {
        fprintf(stderr, "usage: fuzz_seeds FOLDER\n");
        return 2;
    }
    folder = argv[1];
    model("head", row, 1, head, "nesterovs:lr=0.1,momentum=0.9");
    model("network", image, 3, network, "adam:lr=1e-3");
    array("f32", DL4C_F32);
    array("i64", DL4C_I64);
    evaluation();
    measures();
    return failed;
}
