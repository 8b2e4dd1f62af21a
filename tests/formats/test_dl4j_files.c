/* SPDX-License-Identifier: Apache-2.0 */
/* Files that Deeplearning4j 0.5 to 1.0.0-beta wrote: ../shared/formats/dl4j. Their readmes say what is in them. */
#include "formats/dl4j/container.h"
#include "graph/graph.h"
#include "support/npy.h"
#include <dl4c/model.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define DIR "../shared/formats/dl4j/"
#define OLD DIR "regression_testing/"

/* ---- Nd4j's arrays, read here by themselves ------------------------------------------------------------------ */

struct bytes {
    const unsigned char *p;
    size_t at, size;
};

static int64_t big(struct bytes *b, int width)
{
    uint64_t v = 0;
    for (int i = 0; i < width; i++) {
        assert_true(b->at < b->size);
        v = v << 8 | b->p[b->at++];
    }
    return width == 4 ? (int32_t)v : (int64_t)v;
}

static bool word(struct bytes *b, const char *wanted)
{
    const size_t n = (size_t)big(b, 2), m = strlen(wanted);
    assert_true(b->at + n <= b->size);
    const bool same = n == m && memcmp(b->p + b->at, wanted, n) == 0;
    b->at += n;
    return same;
}

/* Row-major floats, freed by free(). */
static float *read_array(struct bytes *b, int64_t shape[4], int32_t *rank)
{
    int64_t count = 1, numbers[16];
    const int width = word(b, "JAVACPP") ? 4 : 8; /* of the lengths; of the shape's numbers */
    const int64_t n = big(b, width);
    assert_true(n >= 6 && n <= 12);
    assert_true(word(b, width == 4 ? "INT" : "LONG"));
    for (int64_t i = 0; i < n; i++)
        numbers[i] = big(b, width);
    *rank = (int32_t)numbers[0];
    for (int32_t k = 0; k < *rank; k++)
        count *= shape[k] = numbers[1 + k];
    assert_true(numbers[n - 1] == 'c' || (numbers[n - 1] == 'f' && *rank == 2));
    const bool columns = numbers[n - 1] == 'f';
    word(b, "");
    assert_int_equal(big(b, width), count);
    assert_true(word(b, "FLOAT"));
    float *v = malloc((size_t)count * sizeof *v);
    assert_non_null(v);
    for (int64_t i = 0; i < count; i++) {
        const uint32_t bits = (uint32_t)big(b, 4);
        memcpy(&v[columns ? i % shape[0] * shape[1] + i / shape[0] : i], &bits, sizeof bits);
    }
    return v;
}

static float *read_file_array(const char *path, int64_t shape[4])
{
    struct bytes b = { 0 };
    int32_t rank;
    char *file = test_read_file(path, &b.size);
    assert_non_null(file);
    b.p = (const unsigned char *)file;
    float *v = read_array(&b, shape, &rank);
    free(file);
    return v;
}

static dl4c_graph *load(const char *path)
{
    struct dl4c_error err = DL4C_ERROR_INIT;
    dl4c_graph *g = NULL;
    if (dl4c_model_load(NULL, path, NULL, &g, &err) != DL4C_OK)
        fail_msg("%s", err.message);
    return g;
}

/* The first output for rows of x; free(). */
static float *run(dl4c_graph *g, float *x, const int64_t shape[4], int64_t *n)
{
    struct dl4c_session_options o = DL4C_SESSION_OPTIONS_INIT;
    struct dl4c_error err = DL4C_ERROR_INIT;
    dl4c_session *s = NULL;
    dl4c_tensor *t = NULL, *y = NULL;
    o.batch = shape[0];
    assert_int_equal(dl4c_tensor_wrap(NULL, DL4C_F32, shape, NULL, 4, x, 0, NULL, NULL, &t, NULL), DL4C_OK);
    if (dl4c_session_create(NULL, g, &o, &s, &err) != DL4C_OK || dl4c_session_run(s, &t, 1, &err) != DL4C_OK)
        fail_msg("%s", err.message);
    assert_int_equal(dl4c_session_output(s, 0, &y, NULL), DL4C_OK);
    *n = dl4c_tensor_size(y);
    float *copy = malloc((size_t)*n * sizeof *copy);
    assert_non_null(copy);
    memcpy(copy, dl4c_tensor_data_const(y), (size_t)*n * sizeof *copy);
    dl4c_session_destroy(&s);
    dl4c_tensor_unref(&t);
    return copy;
}

/* ---- the claims ---------------------------------------------------------------------------------------------- */

/* All parameters 1, 2, 3 ... in the file's order, and the updater's state alike. */
static void assert_counted(const dl4c_graph *g, int64_t params, int64_t state)
{
    int64_t at = 0;
    for (int32_t i = 0; i < g->n_vertices; i++)
        for (int32_t k = 0; g->vertices[i].params && k < g->vertices[i].params->n; k++) {
            const struct dli_param *p = &g->vertices[i].params->p[k];
            for (int64_t j = 0; j < p->count; j++) {
                float v;
                memcpy(&v, (const char *)dli_param_data(p) + (size_t)j * sizeof v, sizeof v);
                assert_true(v == (float)++at);
            }
        }
    assert_int_equal(at, params);
    assert_int_equal(g->updater_state ? g->updater_state->bytes / sizeof(float) : 0, state);
    for (int64_t j = 0; j < state; j++)
        assert_true(((const float *)g->updater_state->data)[j] == (float)(j + 1));
}

static char *old_file(const char *release, const char *kind)
{
    static char path[200];
    snprintf(path, sizeof path, OLD "%s/%s_ModelSerializer_Regression_%s.zip", release, release, kind);
    return path;
}

static const struct dli_vertex *vertex(const dl4c_graph *g, int32_t i)
{
    assert_true(i < g->n_vertices);
    return &g->vertices[i];
}

static void a_net_of_two_layers_loads_from_every_release(void **state)
{
    (void)state;
    static const char *const releases[] = { "050", "060", "071", "080" };
    for (size_t i = 0; i < 4; i++) {
        dl4c_graph *g = load(old_file(releases[i], "MLP_1"));
        assert_counted(g, 41, 41);
        assert_string_equal(g->updater, "nesterovs(lr=0.15,momentum=0.9)");
        assert_string_equal(vertex(g, 1)->attrs->layer.activation, "relu");
        assert_string_equal(vertex(g, 1)->attrs->layer.weight_init, "xavier");
        assert_string_equal(vertex(g, 2)->attrs->layer.activation, "softmax");
        dl4c_graph_destroy(&g);
    }
}

static void settings_of_old_layers_are_kept(void **state)
{
    (void)state;
    static const char *const releases[] = { "050", "060", "071", "080" };
    for (size_t i = 0; i < 4; i++) {
        dl4c_graph *g = load(old_file(releases[i], "MLP_2"));
        const struct dli_layer *l = &vertex(g, 1)->attrs->layer;
        assert_counted(g, 41, 41);
        assert_non_null(strstr(g->updater, "rmsprop("));
        assert_non_null(strstr(g->updater, "lr=0.15"));
        assert_non_null(strstr(g->updater, "decay=0.96"));
        assert_string_equal(l->activation, "leaky_relu(leak=0.01)");
        assert_string_equal(l->weight_init, "normal(mean=0.1,std=1.2)");
        assert_true(l->l1 == 0.1 && l->l2 == 0.2 && l->l1_bias == 0);
        assert_string_equal(g->vertices[2].op->name, "output");
        dl4c_graph_destroy(&g);
    }
}

static void a_convolutional_net_loads_from_every_release(void **state)
{
    (void)state;
    static const struct {
        const char *release;
        int64_t side;
    } of[] = { { "050", -1 }, { "060", 28 }, { "071", 28 }, { "080", 0 } };
    for (size_t i = 0; i < 4; i++) {
        dl4c_graph *g = load(old_file(of[i].release, "CNN_1"));
        const struct dli_shape *in = &vertex(g, 0)->shape;
        assert_counted(g, 3 * 3 * 4 + 3 + 2028 * 5 + 5, 3 * 3 * 4 + 3 + 2028 * 5 + 5);
        assert_int_equal(in->rank, 3);
        assert_int_equal(in->dim[0], 3);
        if (of[i].side > 0)
            assert_int_equal(in->dim[1], of[i].side);
        dl4c_graph_destroy(&g);
    }
}

/* 1e-5 of the largest magnitude: some hundred float roundings. */
static void an_upsampling_net_computes_what_it_did(void **state)
{
    int64_t shape[4], out_shape[4], n;
    (void)state;
    dl4c_graph *g = load(OLD "100a/upsampling/net.bin");
    float *x = read_file_array(OLD "100a/upsampling/in.bin", shape), *want = read_file_array(OLD "100a/upsampling/out.bin", out_shape);
    float *y = run(g, x, shape, &n);
    assert_int_equal(n, out_shape[0] * out_shape[1]);
    for (int64_t i = 0; i < n; i++)
        assert_true(y[i] - want[i] < 1e-5f && want[i] - y[i] < 1e-5f);
    free(x);
    free(y);
    free(want);
    dl4c_graph_destroy(&g);
}

static void frozen_layers_of_an_old_configuration_are_frozen(void **state)
{
    int64_t total, trainable, frozen;
    (void)state;
    dl4c_graph *g = load(OLD "misc/legacy_frozen/configuration.json");
    dl4c_graph_param_count(g, &total, &trainable, &frozen);
    assert_true(frozen > 20000000);
    assert_true(trainable > 0);
    dl4c_graph_destroy(&g);
}

static void layers_that_are_not_known_are_named(void **state)
{
    static const char *const paths[][2] = { { OLD "080/080_ModelSerializer_Regression_LSTM_1.zip", "LSTM" },
                                            { OLD "100a/CustomLayerExample_100a.bin", "CustomLayer" },
                                            { OLD "100b3/CustomLayerExample_100b3_float.bin", "CustomLayer" } };
    (void)state;
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        struct dl4c_error err = DL4C_ERROR_INIT;
        dl4c_graph *g = NULL;
        assert_int_equal(dl4c_model_load(NULL, paths[i][0], NULL, &g, &err), DL4C_E_UNSUPPORTED);
        assert_null(g);
        assert_non_null(strstr(err.message, paths[i][1]));
    }
}

/* Its configuration alone, so that no checksum stands before the parser. */
static void a_flipped_byte_in_an_old_configuration_crashes_nothing(void **state)
{
    struct dli_dl4j_zip *zip = NULL;
    struct dli_dl4j_entry *e = NULL;
    size_t size = 0, length = 0;
    char *text = NULL, *bytes = test_read_file(old_file("060", "MLP_2"), &size);
    (void)state;
    assert_int_equal(dli_dl4j_zip_open(bytes, size, &zip, NULL, NULL), DL4C_OK);
    assert_int_equal(dli_dl4j_entry_open(zip, "configuration.json", &e, NULL), DL4C_OK);
    assert_int_equal(dli_dl4j_entry_text(e, 1 << 20, &text, &length, NULL), DL4C_OK);
    for (size_t i = 0; i < length; i++) {
        dl4c_graph *g = NULL;
        struct dl4c_error err = DL4C_ERROR_INIT;
        text[i] = (char)(text[i] ^ (1 << i % 7));
        const dl4c_status s = dl4c_model_load_memory(NULL, text, length, NULL, &g, &err);
        assert_true((s == DL4C_OK) == (g != NULL));
        assert_true(s == DL4C_OK || err.message[0] != 0);
        dl4c_graph_destroy(&g);
        text[i] = (char)(text[i] ^ (1 << i % 7));
    }
    dli_free(text);
    dli_dl4j_entry_close(&e);
    dli_dl4j_zip_close(&zip);
    free(bytes);
}

/* 26 files of 64 digits, each a DataSet of features and labels. The published network has 1656 of 1664 right. */
static void the_published_lenet_knows_its_digits(void **state)
{
    int64_t right = 0, all = 0;
    (void)state;
    dl4c_graph *g = load(DIR "models/mnist/mnist-model.zip");
    for (int i = 0; i < 26; i++) {
        char path[120];
        int64_t shape[4], label_shape[4], n;
        int32_t rank;
        struct bytes b = { 0 };
        snprintf(path, sizeof path, DIR "datasets/mnist/mnist-train-%d.bin", i);
        char *file = test_read_file(path, &b.size);
        assert_non_null(file);
        b.p = (const unsigned char *)file;
        assert_int_equal(b.p[b.at++], 3);
        float *x = read_array(&b, shape, &rank);
        assert_int_equal(rank, 2);
        assert_int_equal(shape[1], 784);
        float *labels = read_array(&b, label_shape, &rank);
        const int64_t images[4] = { shape[0], 1, 28, 28 };
        float *y = run(g, x, images, &n);
        assert_int_equal(n, shape[0] * 10);
        for (int64_t r = 0; r < shape[0]; r++) {
            int64_t best = 0;
            for (int64_t k = 1; k < 10; k++)
                if (y[r * 10 + k] > y[r * 10 + best])
                    best = k;
            right += labels[r * 10 + best] == 1.0f;
        }
        all += shape[0];
        free(x);
        free(y);
        free(labels);
        free(file);
    }
    assert_int_equal(all, 1664);
    assert_int_equal(right, 1656);
    dl4c_graph_destroy(&g);
}

int main(void)
{
    FILE *f = fopen(OLD "050/050_ModelSerializer_Regression_MLP_1.zip", "rb");
    if (!f) {
        printf("skipped: no files at " DIR "\n");
        return 77;
    }
    fclose(f);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_net_of_two_layers_loads_from_every_release),
        cmocka_unit_test(settings_of_old_layers_are_kept),
        cmocka_unit_test(a_convolutional_net_loads_from_every_release),
        cmocka_unit_test(an_upsampling_net_computes_what_it_did),
        cmocka_unit_test(frozen_layers_of_an_old_configuration_are_frozen),
        cmocka_unit_test(layers_that_are_not_known_are_named),
        cmocka_unit_test(a_flipped_byte_in_an_old_configuration_crashes_nothing),
        cmocka_unit_test(the_published_lenet_knows_its_digits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
