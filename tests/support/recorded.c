/* SPDX-License-Identifier: Apache-2.0 */
/* Comparing with recorded evaluations and images. */
#include "support/recorded.h"
#include "base/number.h"
#include "image/preprocess.h"
#include "support/npy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_CLASSES = 26 };

/* The class of each row of [n, classes]: where its 1 stands. */
static int64_t *classes_of(const float *y, int64_t n, int64_t classes)
{
    int64_t *labels = malloc((size_t)n * sizeof *labels + 1);
    for (int64_t i = 0; labels && i < n; i++) {
        labels[i] = -1;
        for (int64_t k = 0; k < classes; k++)
            if (y[i * classes + k] == 1.0f)
                labels[i] = k;
    }
    return labels;
}

static dl4c_evaluation *evaluate(const float *p, const int64_t *labels, const int64_t shape[4], bool named, int32_t top_n, double threshold)
{
    char text[MOST_CLASSES][16];
    const char *names[MOST_CLASSES];
    for (int i = 0; i < MOST_CLASSES; i++) {
        snprintf(text[i], sizeof text[i], "class_%c", 'a' + i);
        names[i] = text[i];
    }
    struct dl4c_evaluation_options o = DL4C_EVALUATION_OPTIONS_INIT;
    o.n_classes = (int32_t)shape[1];
    o.top_n = top_n;
    o.classes = named ? names : NULL;
    o.threshold = threshold;
    dl4c_evaluation *e = NULL;
    const int64_t part = shape[0] / 3;
    if (dl4c_evaluation_create(NULL, &o, &e, NULL) == DL4C_OK &&
        (dl4c_evaluation_add(e, p, labels, part, NULL) != DL4C_OK ||
         dl4c_evaluation_add(e, p + part * shape[1], labels + part, shape[0] - part, NULL) != DL4C_OK))
        dl4c_evaluation_destroy(&e);
    return e;
}

dl4c_evaluation *test_recorded_evaluation(const char *folder, bool named, int32_t top_n, double threshold)
{
    char path[1024];
    int64_t shape[4] = { 0 }, label_shape[4] = { 0 };
    snprintf(path, sizeof path, "%s/predictions.npy", folder);
    float *p = test_read_npy_f32(path, shape);
    snprintf(path, sizeof path, "%s/labels.npy", folder);
    float *y = test_read_npy_f32(path, label_shape);
    dl4c_evaluation *e = NULL;
    if (p && y && shape[0] == label_shape[0] && shape[1] == label_shape[1] && shape[1] <= MOST_CLASSES) {
        int64_t *labels = classes_of(y, shape[0], shape[1]);
        e = labels ? evaluate(p, labels, shape, named, top_n, threshold) : NULL;
        free(labels);
    }
    free(p);
    free(y);
    return e;
}

bool test_recorded_number(const char *line, const char *name, char separator, double *v)
{
    char key[40];
    snprintf(key, sizeof key, "%s%s%c", separator == '=' ? "\t" : "", name, separator);
    const char *at = strstr(line, key);
    if (!at)
        return false;
    at += strlen(key);
    return dli_parse_double(at, strcspn(at, "\t\n"), v);
}

const struct test_recorded_metric test_recorded_metrics[] = {
    { "accuracy", DL4C_METRIC_ACCURACY, 0 },
    { "precision", DL4C_METRIC_PRECISION, 0 },
    { "recall", DL4C_METRIC_RECALL, 0 },
    { "f1", DL4C_METRIC_F1, 0 },
    { "precision_micro", DL4C_METRIC_PRECISION, DL4C_AVERAGE_MICRO },
    { "recall_micro", DL4C_METRIC_RECALL, DL4C_AVERAGE_MICRO },
    { "f1_micro", DL4C_METRIC_F1, DL4C_AVERAGE_MICRO },
    { "mcc_macro", DL4C_METRIC_MCC, DL4C_AVERAGE_MACRO },
    { "gmeasure_macro", DL4C_METRIC_G_MEASURE, DL4C_AVERAGE_MACRO },
    { "fpr", DL4C_METRIC_FALSE_POSITIVE_RATE, 0 },
    { "fnr", DL4C_METRIC_FALSE_NEGATIVE_RATE, 0 },
    { NULL, 0, 0 },
};

struct pixels {
    char *file;
    const void *data;
    bool is_float;
    int channels, height, width; /* of [1, channels, height, width] */
};

/* 1, 0: there is none, -1: it is no array of bytes or floats with four axes. */
static int load(struct pixels *g, const char *path)
{
    size_t size;
    g->file = test_read_file(path, &size);
    if (!g->file)
        return 0;
    const unsigned char *bytes = (const unsigned char *)g->file;
    const size_t header = size > 10 ? (size_t)bytes[8] + 256u * bytes[9] : SIZE_MAX - 10;
    if (size <= 10 || memcmp(bytes, "\x93NUMPY\1", 7) != 0 || size <= 10 + header)
        return -1;
    char text[256] = "";
    memcpy(text, bytes + 10, header < sizeof text ? header : sizeof text - 1);
    const char *shape = strstr(text, "'shape': (1,");
    g->is_float = strstr(text, "'<f4'") != NULL;
    g->data = bytes + 10 + header;
    if (!shape || (!g->is_float && !strstr(text, "'|u1'")) ||
        sscanf(shape, "'shape': (1,%d,%d,%d", &g->channels, &g->height, &g->width) != 3)
        return -1;
    return size - 10 - header == (size_t)g->channels * (size_t)g->height * (size_t)g->width * (g->is_float ? 4 : 1) ? 1 : -1;
}

static bool same(const struct pixels *g, const float *out, size_t n, char *why, size_t size)
{
    for (size_t i = 0; i < n; i++) {
        const float want = g->is_float ? ((const float *)g->data)[i] : (float)((const uint8_t *)g->data)[i];
        if (memcmp(&out[i], &want, sizeof want) != 0) {
            snprintf(why, size, "element %zu is %a, DataVec has %a", i, (double)out[i], (double)want);
            return false;
        }
    }
    return true;
}

int test_recorded_pixels(const char *image, const char *array, const char *preprocess, char *why, size_t size)
{
    struct pixels g = { 0 };
    const int there = load(&g, array);
    size_t length = 0;
    char *bytes = there == 1 ? test_read_file(image, &length) : NULL;
    int result = there == 0 ? 0 : -1;
    snprintf(why, size, "%s", there < 0 ? "the array is not one of bytes or floats" : "the image cannot be read");
    if (bytes) {
        const size_t n = (size_t)g.channels * (size_t)g.height * (size_t)g.width;
        float *out = malloc(n * sizeof *out);
        struct dl4c_preprocess p;
        struct dl4c_error err = DL4C_ERROR_INIT;
        struct dli_pipeline *pipeline = NULL;
        dl4c_status status = dl4c_preprocess_parse(NULL, preprocess, &p, &err);
        if (status == DL4C_OK)
            status = dli_pipeline_create(NULL, &p, NULL, g.channels, g.height, g.width, &pipeline, &err);
        result = out ? 1 : -1;
        for (int again = 0; again < 2 && status == DL4C_OK && result == 1; again++) {
            memset(out, 0xff, n * sizeof *out);
            status = dli_pipeline_run(pipeline, (const unsigned char *)bytes, length, out, &err);
            if (status == DL4C_OK && !same(&g, out, n, why, size))
                result = -1;
        }
        if (status != DL4C_OK) {
            snprintf(why, size, "%s", err.message);
            result = -1;
        }
        if (pipeline)
            dli_pipeline_destroy(&pipeline);
        free(out);
    }
    free(bytes);
    free(g.file);
    return result;
}
