/* SPDX-License-Identifier: Apache-2.0 */
/* Every file of ../shared/formats/dl4j, by what is to come of it: read and equal to what was recorded, or refused with one sentence. A
 * file that no line of the table speaks of fails, and so does a line that no file fits. */
#define _POSIX_C_SOURCE 200809L
#include "../fs/memory_fs.h"
#include "base/sha256.h"
#include "graph/graph.h"
#include "support/npy.h"
#include <dl4c/dl4c.h>

#include <dirent.h>
#include <fnmatch.h>
#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <cmocka.h>

#define ROOT "../shared/formats/dl4j"
enum { FILES = 512 };

static struct dl4c_error err; /* of the call before */
static char *files[FILES];    /* below ROOT, sorted */
static int n_files;

static int by_name(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

static void walk(const char *folder)
{
    char path[1024];
    snprintf(path, sizeof path, ROOT "%s", folder);
    DIR *d = opendir(path);
    for (struct dirent *e; d && (e = readdir(d));) {
        struct stat s;
        if (e->d_name[0] == '.')
            continue;
        snprintf(path, sizeof path, ROOT "%s/%s", folder, e->d_name);
        if (stat(path, &s) != 0)
            continue;
        if (S_ISDIR(s.st_mode)) {
            walk(path + strlen(ROOT));
        } else {
            assert_true(n_files < FILES);
            files[n_files++] = strdup(path + strlen(ROOT) + 1);
        }
    }
    if (d)
        closedir(d);
}

static const char *full(const char *file)
{
    static char path[1024];
    snprintf(path, sizeof path, ROOT "/%s", file);
    return path;
}

/* ---- what can come of a file --------------------------------------------------------------------------------- */

/* An array as Nd4j.write left it. A DataSet's file is a byte of flags and such arrays: the library's reader of those reads it. */
static dl4c_tensor *array(const char *file)
{
    static struct memory_fs fs;
    static dl4c_context *ctx;
    struct dl4c_dataset d = DL4C_DATASET_INIT;
    size_t size = 0;
    char *bytes = test_read_file(full(file), &size), *whole = bytes ? malloc(size + 1) : NULL;
    assert_non_null(whole);
    if (!ctx) {
        assert_int_equal(dl4c_context_create(NULL, &ctx, NULL), DL4C_OK);
        assert_int_equal(dl4c_fs_register(ctx, &memory_fs_ops, &fs, NULL, NULL), DL4C_OK);
    }
    whole[0] = 1; /* features alone */
    memcpy(whole + 1, bytes, size);
    memory_fs_put(&fs, "h/array", whole, size + 1);
    if (dl4c_dataset_load(ctx, "mem://h/array", &d, &err) != DL4C_OK)
        fail_msg("%s: %s", file, err.message);
    assert_int_equal(d.n_features, 1);
    dl4c_tensor *t = dl4c_tensor_ref(d.arrays[0]);
    dl4c_dataset_clear(&d);
    memory_fs_clear(&fs);
    free(bytes);
    free(whole);
    return t;
}

static void an_array(const char *file, const char *shape)
{
    char text[64] = "";
    dl4c_tensor *t = array(file);
    for (int32_t r = 0; r < dl4c_tensor_rank(t); r++)
        snprintf(text + strlen(text), sizeof text - strlen(text), "%s%lld", r ? "x" : "", (long long)dl4c_tensor_dim(t, r));
    if (strcmp(text, shape) != 0)
        fail_msg("%s has shape %s, wanted %s", file, text, shape);
    dl4c_tensor_unref(&t);
}

/* Of softmax over its second axis. These were written as they lay, with strides 1, 30 and 3. */
static void probabilities(const char *file, const char *shape)
{
    dl4c_tensor *t = array(file);
    const float *p = dl4c_tensor_data_const(t);
    const int64_t n = dl4c_tensor_dim(t, 1), inner = dl4c_tensor_dim(t, 2);
    for (int64_t i = 0; i < dl4c_tensor_dim(t, 0) * inner; i++) {
        double sum = 0;
        for (int64_t k = 0; k < n; k++)
            sum += (double)p[(i / inner * n + k) * inner + i % inner];
        assert_true(sum > 1 - 1e-5 && sum < 1 + 1e-5);
    }
    dl4c_tensor_unref(&t);
    an_array(file, shape);
}

static dl4c_graph *model(const char *file)
{
    dl4c_graph *g = NULL;
    if (dl4c_model_load(NULL, full(file), NULL, &g, &err) != DL4C_OK)
        fail_msg("%s", err.message);
    return g;
}

/* What its readme says: parameters and state are 1, 2, 3 ... */
static void counted(const char *file, const char *unused)
{
    (void)unused;
    dl4c_graph *g = model(file);
    int64_t at = 0;
    for (int32_t i = 0; i < g->n_vertices; i++)
        for (int32_t k = 0; k < g->vertices[i].n_params; k++)
            for (int64_t j = 0; j < g->vertices[i].params->p[k].count; j++) {
                float v;
                memcpy(&v, (const char *)dli_param_data(&g->vertices[i].params->p[k]) + (size_t)j * sizeof v, sizeof v);
                assert_true(v == (float)++at);
            }
    assert_non_null(g->updater_state);
    assert_int_equal(g->updater_state->bytes, (size_t)at * sizeof(float));
    for (int64_t j = 0; j < at; j++)
        assert_true(((const float *)g->updater_state->data)[j] == (float)(j + 1));
    dl4c_graph_destroy(&g);
}

static void assert_near(const char *what, const float *a, dl4c_tensor *want, double tolerance)
{
    const float *b = dl4c_tensor_data_const(want);
    double largest = 0, most = 0;
    for (int64_t i = 0; i < dl4c_tensor_size(want); i++) {
        const double d = a[i] > b[i] ? (double)a[i] - (double)b[i] : (double)b[i] - (double)a[i];
        const double m = b[i] > 0 ? (double)b[i] : -(double)b[i];
        most = d > most || d != d ? d : most;
        largest = m > largest ? m : largest;
    }
    if (!(most <= tolerance * largest))
        fail_msg("%s is off by %g of %g", what, most, largest);
}

/* Beside net.bin: in.bin, out.bin, labels.bin and gradient.bin. 1e-5 of the largest magnitude, as in docs/design/fidelity.md. */
static void computes(const char *file, const char *folder)
{
    char path[200];
    struct dl4c_session_options so = DL4C_SESSION_OPTIONS_INIT;
    struct dl4c_fit_options fo = DL4C_FIT_OPTIONS_INIT;
    dl4c_session *s = NULL;
    dl4c_trainer *t = NULL;
    dl4c_tensor *y = NULL, *gradient = NULL, *recorded[4];
    static const char *const names[] = { "in", "out", "labels", "gradient" };
    dl4c_graph *g = model(file);
    for (int i = 0; i < 4; i++) {
        snprintf(path, sizeof path, "%s/%s.bin", folder, names[i]);
        recorded[i] = array(path);
    }
    so.batch = fo.batch = dl4c_tensor_dim(recorded[0], 0);
    assert_int_equal(dl4c_session_create(NULL, g, &so, &s, &err), DL4C_OK);
    assert_int_equal(dl4c_session_run(s, &recorded[0], 1, &err), DL4C_OK);
    assert_int_equal(dl4c_session_output(s, 0, &y, &err), DL4C_OK);
    assert_int_equal(dl4c_tensor_size(y), dl4c_tensor_size(recorded[1]));
    assert_near("the output", dl4c_tensor_data_const(y), recorded[1], 1e-5);
    dl4c_session_destroy(&s);
    /* The sum over the minibatch; there is no regularisation. */
    fo.flags = DL4C_FIT_KEEP_GRADIENT;
    assert_int_equal(dl4c_trainer_create(g, &fo, &t, &err), DL4C_OK);
    if (dl4c_trainer_step(t, recorded[0], recorded[2], NULL, &err) != DL4C_OK)
        fail_msg("%s", err.message);
    assert_int_equal(dl4c_trainer_gradient(t, &gradient, &err), DL4C_OK);
    assert_int_equal(dl4c_tensor_size(gradient), dl4c_tensor_size(recorded[3]));
    assert_near("the gradient", dl4c_tensor_data_const(gradient), recorded[3], 1e-5);
    dl4c_tensor_unref(&gradient);
    dl4c_trainer_destroy(&t);
    for (int i = 0; i < 4; i++)
        dl4c_tensor_unref(&recorded[i]);
    dl4c_graph_destroy(&g);
}

/* What it computes is counted over the digits by test_dl4j_files. */
static void loads(const char *file, const char *unused)
{
    (void)unused;
    dl4c_graph *g = model(file);
    dl4c_graph_destroy(&g);
}

static void refused(const char *file, const char *sentence)
{
    dl4c_graph *g = NULL;
    assert_int_equal(dl4c_model_load(NULL, full(file), NULL, &g, &err), DL4C_E_UNSUPPORTED);
    assert_null(g);
    const char *said = strstr(err.message, ": ");
    if (!said || strcmp(said + 2, sentence) != 0)
        fail_msg("%s: it says \"%s\", wanted \"%s\"", file, said ? said + 2 : err.message, sentence);
}

static void digits(const char *file, const char *unused)
{
    (void)unused;
    struct dl4c_dataset d = DL4C_DATASET_INIT;
    if (dl4c_dataset_load(NULL, full(file), &d, &err) != DL4C_OK)
        fail_msg("%s", err.message);
    assert_int_equal(d.n_features, 1);
    assert_int_equal(d.n_labels, 1);
    assert_int_equal(dl4c_tensor_dim(d.arrays[0], 0), 64);
    assert_int_equal(dl4c_tensor_dim(d.arrays[0], 1), 784);
    assert_int_equal(dl4c_tensor_dim(d.arrays[1], 1), 10);
    dl4c_dataset_clear(&d);
}

static dl4c_status decode(const char *file, dl4c_image **img)
{
    size_t size = 0;
    char *bytes = test_read_file(full(file), &size);
    assert_non_null(bytes);
    const dl4c_status status = dl4c_image_decode(NULL, (const uint8_t *)bytes, size, NULL, img, &err);
    free(bytes);
    return status;
}

static void a_picture(const char *file, const char *size)
{
    dl4c_image *img = NULL;
    char text[32];
    if (decode(file, &img) != DL4C_OK)
        fail_msg("%s: %s", file, err.message);
    snprintf(text, sizeof text, "%dx%d", (int)dl4c_image_width(img), (int)dl4c_image_height(img));
    if (strcmp(text, size) != 0)
        fail_msg("%s is %s, wanted %s", file, text, size);
    dl4c_image_destroy(&img);
}

static void no_picture(const char *file, const char *sentence)
{
    dl4c_image *img = NULL;
    assert_int_equal(decode(file, &img), DL4C_E_UNSUPPORTED);
    if (strcmp(err.message, sentence) != 0)
        fail_msg("%s: it says \"%s\", wanted \"%s\"", file, err.message, sentence);
}

/* Pixels of the dog as its loader gave them, [3, side, side]; free(). */
static float *dog(int32_t side, bool rgb)
{
    dl4c_image *img = NULL, *out = NULL;
    assert_int_equal(decode("deeplearning4j-zoo/goldenretriever.jpg", &img), DL4C_OK);
    assert_int_equal(dl4c_image_resize(img, side, side, DL4C_RESIZE_DL4J, &out, &err), DL4C_OK);
    assert_int_equal(dl4c_image_channels(out), 3);
    float *x = malloc((size_t)side * (size_t)side * 3 * sizeof *x);
    assert_non_null(x);
    for (int32_t c = 0; c < 3; c++)
        for (int32_t i = 0; i < side; i++)
            for (int32_t k = 0; k < side; k++)
                x[(c * side + i) * side + k] =
                    dl4c_image_pixels_const(out)[(size_t)i * dl4c_image_stride(out) + (size_t)(3 * k + (rgb ? c : 2 - c))];
    dl4c_image_destroy(&img);
    dl4c_image_destroy(&out);
    return x;
}

static void the_dog(const char *file, const char *order)
{
    dl4c_tensor *t = array(file);
    const int32_t side = (int32_t)dl4c_tensor_dim(t, 3);
    float *x = dog(side, strcmp(order, "rgb") == 0);
    assert_int_equal(dl4c_tensor_size(t), 3 * side * side);
    assert_memory_equal(x, dl4c_tensor_data_const(t), (size_t)(3 * side * side) * sizeof *x);
    free(x);
    dl4c_tensor_unref(&t);
}

static size_t put(uint8_t *out, size_t at, int width, uint64_t v)
{
    for (int i = 0; i < width; i++)
        out[at++] = (uint8_t)(v >> (8 * (width - 1 - i)));
    return at;
}

static size_t put_word(uint8_t *out, size_t at, const char *word)
{
    at = put(out, at, 2, strlen(word));
    memcpy(out + at, word, strlen(word));
    return at + strlen(word);
}

/* The array is not here, but the hash of its file is. */
static void the_dogs_hash(const char *file, const char *order)
{
    enum { SIDE = 299, N = 3 * SIDE * SIDE };
    /* rank, lengths, strides, type, element-wise stride, order */
    const int64_t shape[] = { 4, 1, 3, SIDE, SIDE, N, SIDE * SIDE, SIDE, 1, 8192, 1, 'c' };
    char key[200], hex[65];
    uint8_t *out = malloc(200 + 4 * N);
    float *x = dog(SIDE, strcmp(order, "rgb") == 0);
    size_t at = put_word(out, 0, "MIXED_DATA_TYPES");
    at = put(out, at, 8, 12);
    at = put_word(out, at, "LONG");
    for (int i = 0; i < 12; i++)
        at = put(out, at, 8, (uint64_t)shape[i]);
    at = put_word(out, at, "MIXED_DATA_TYPES");
    at = put(out, at, 8, N);
    at = put_word(out, at, "FLOAT");
    for (int i = 0; i < N; i++) {
        uint32_t bits;
        memcpy(&bits, &x[i], sizeof bits);
        at = put(out, at, 4, bits);
    }
    struct dli_sha256 sha;
    dli_sha256_init(&sha);
    dli_sha256_add(&sha, out, at);
    dli_sha256_hex(&sha, hex);
    json_error_t e;
    json_t *root = json_load_file(full(file), 0, &e);
    snprintf(key, sizeof key, "%.*s_hash", (int)(strlen(file) - strlen(".resource_reference")), file);
    const char *want = json_string_value(json_object_get(json_object_get(root, "v1"), key));
    assert_non_null(want);
    assert_string_equal(hex, want);
    json_decref(root);
    free(x);
    free(out);
}

static void set_aside(const char *file, const char *why)
{
    (void)file;
    (void)why;
}

#define RUNNING "regression_testing/"
static const struct line {
    const char *files; /* a pattern */
    void (*is)(const char *file, const char *what);
    const char *what;
    const char *said; /* in the list */
} table[] = {
    { RUNNING "0[5-8][01]/*_MLP_[12].zip", counted, NULL, "equal: parameters and state" },
    { RUNNING "0[5-8][01]/*_CNN_1.zip", counted, NULL, "equal: parameters and state" },
    { RUNNING "0[678][01]/*_Regression_LSTM_1.zip", refused, "layer 'layer1': class GravesBidirectionalLSTM is not supported", NULL },
    { RUNNING "0[678][01]/*_CG_LSTM_1.zip", refused, "layer '1': class GravesBidirectionalLSTM is not supported", NULL },
    { RUNNING "100a/CustomLayerExample_100a.bin", refused, "layer 'layer1': class CustomLayer is not supported", NULL },
    { RUNNING "100a/CustomLayerExample_Graph_100a.bin", refused, "layer '1': class CustomLayer is not supported", NULL },
    { RUNNING "100b3/CustomLayerExample_100b3_*.bin", refused, "layer 'layer1': class CustomLayer is not supported", NULL },
    { RUNNING "100a/upsampling/net.bin", computes, RUNNING "100a/upsampling", "equal: output and gradient" },
    { RUNNING "100a/upsampling/in.bin", an_array, "3x1x28x28", "equal" },
    { RUNNING "100a/upsampling/labels.bin", an_array, "3x10", "equal" },
    { RUNNING "100a/upsampling/out.bin", an_array, "3x10", "equal" },
    { RUNNING "100a/upsampling/gradient.bin", an_array, "1x94178", "equal" },
    { RUNNING "misc/legacy_frozen/configuration.json", loads, NULL, "loaded: a network without its weights" },
    { RUNNING "100[ab]*/CustomLayerExample*_Input_*.bin", an_array, "3x5", "read" },
    { RUNNING "100[ab]*/CustomLayerExample*_Output_*.bin", an_array, "3x8", "read" },
    { RUNNING "100[ab]*/GravesLSTM*_Input_*.bin", an_array, "3x77x10", "read" },
    { RUNNING "100[ab]*/GravesLSTM*_Output_*.bin", probabilities, "3x77x10", "read" },
    { RUNNING "100[ab]*/HouseNumberDetection_Output_*.bin", an_array, "3x75x13x13", "read" },
    { RUNNING "100[ab]*/VaeMNISTAnomaly_Input_*.bin", an_array, "3x784", "read" },
    { RUNNING "100[ab]*/VaeMNISTAnomaly_Output_*.bin", an_array, "3x32", "read" },
    { RUNNING "100[ab]*/*.resource_reference", set_aside, NULL, "set aside: the file that it names is not here" },
    { RUNNING "eval_100b/*.json", set_aside, NULL, "set aside: evaluations are written as JSON, not read" },
    { "models/mnist/mnist-model.zip", loads, NULL, "loaded: 1656 of 1664 digits (test_dl4j_files)" },
    { "datasets/mnist/mnist-train-*.bin", digits, NULL, "read: 64 digits and labels" },
    { "validation/empty_zip.zip", refused, "the zip archive has no configuration.json: no model of Deeplearning4j", NULL },
    { "legacy/NDArray_javacpp.bin", an_array, "2x3x4x5", "read" },
    { "legacy/NDArray_longshape_*.bin", an_array, "1x5", "read" },
    { "deeplearning4j-zoo/goldenretriever.jpg", a_picture, "224x224", "decoded" },
    { "deeplearning4j-zoo/goldenretriever_bgr[12]*_INDArray.bin", the_dog, "bgr", "equal to the bit" },
    { "deeplearning4j-zoo/goldenretriever_rgb[12]*_INDArray.bin", the_dog, "rgb", "equal to the bit" },
    { "deeplearning4j-zoo/goldenretriever_bgr299*_reference", the_dogs_hash, "bgr", "equal to the bit, by its SHA-256" },
    { "deeplearning4j-zoo/goldenretriever_rgb299*_reference", the_dogs_hash, "rgb", "equal to the bit, by its SHA-256" },
    { "datavec-data-image/testimages/*/*.[jp][pn]g", a_picture, "32x32", "decoded" },
    { "datavec-data-image/testimages2/largestblobtest.jpg", a_picture, "409x123", "decoded" },
    { "datavec-data-image/testimages2/*.tif*", no_picture, "the file is a TIFF image; JPEG, PNG and BMP can be read", NULL },
    { "modelimport-etc.tar.xz", set_aside, NULL, "set aside: Keras" },
    { "*.md", set_aside, NULL, "set aside: text" },
    { "COMMIT", set_aside, NULL, "set aside: text" },
    { "LICENSE", set_aside, NULL, "set aside: text" },
};
enum { LINES = sizeof table / sizeof *table };

static void every_file_is_equal_or_refused_with_its_sentence(void **state)
{
    (void)state;
    int fits[LINES] = { 0 };
    for (int i = 0; i < n_files; i++) {
        int k = 0;
        while (k < LINES && fnmatch(table[k].files, files[i], 0) != 0)
            k++;
        if (k == LINES)
            fail_msg("%s: no line of the table speaks of it", files[i]);
        fits[k]++;
        table[k].is(files[i], table[k].what);
        print_message("%s: %s%s\n", files[i], table[k].said ? table[k].said : "refused: ", table[k].said ? "" : table[k].what);
    }
    for (int k = 0; k < LINES; k++)
        if (!fits[k])
            fail_msg("no file fits %s", table[k].files);
}

int main(void)
{
    walk("");
    if (n_files == 0) {
        printf("skipped: no files at " ROOT "\n");
        return 77;
    }
    qsort(files, (size_t)n_files, sizeof *files, by_name);
    const struct CMUnitTest tests[] = { cmocka_unit_test(every_file_is_equal_or_refused_with_its_sentence) };
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    for (int i = 0; i < n_files; i++)
        free(files[i]);
    return failed;
}
