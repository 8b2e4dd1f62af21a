/* SPDX-License-Identifier: Apache-2.0 */
/* Configurations: read, printed, and written again, which must give the same JSON as the reference wrote. */
#include "formats/dl4j/config.h"
#include "formats/dl4j/container.h"
#include "formats/dl4j/save.h"
#include "golden/model_case.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The network of a configuration without its parameters; NULL after a failure. */
static dl4c_builder *network(const json_t *root, struct dl4c_error *err)
{
    char *updater = NULL;
    struct dli_dl4j_config c = { 0 };
    dl4c_builder *b = NULL;
    dl4c_status status = dli_dl4j_config_read(NULL, root, &c, err);
    if (status == DL4C_OK)
        status = dl4c_builder_create(NULL, NULL, &b, err);
    if (status == DL4C_OK)
        status = dli_dl4j_config_build(&c, b, &updater, err);
    if (status == DL4C_OK)
        status = dli_graph_resolve(dli_builder_graph(b), false, err);
    if (status == DL4C_OK) {
        dli_builder_graph(b)->updater = updater;
        updater = NULL;
    } else {
        dl4c_builder_destroy(&b);
    }
    dli_free(updater);
    dli_dl4j_config_free(&c);
    return b;
}

/* What the reference writes and never reads: the activation of layers that apply none, the threshold of no normalisation; and numbers
 * that count vertices as they stand in the file, which is in another order here: topologicalOrderStr says the same by name. */
static bool idle(const json_t *o, const char *key)
{
    const char *class = dli_dl4j_class(o), *norm = json_string_value(json_object_get(o, "gradientNormalization"));
    const bool bare = strcmp(class, "DropoutLayer") == 0;
    if (strcmp(key, "activationFn") == 0)
        return bare || strcmp(class, "BatchNormalization") == 0 || strcmp(class, "PReLULayer") == 0;
    if (strcmp(key, "weightInitFn") == 0 || strcmp(key, "iupdater") == 0 || strcmp(key, "regularization") == 0)
        return bare;
    if (strcmp(key, "topologicalOrder") == 0)
        return json_object_get(o, "topologicalOrderStr") != NULL;
    return strcmp(key, "gradientNormalizationThreshold") == 0 && norm && strcmp(norm, "None") == 0;
}

static bool differs(const json_t *a, const json_t *b, char *path, size_t size);

/* Lists whose order says nothing: names of parameters, and regularisations, which come in the order that a recipe named them. */
static bool same_set(const char *key, const json_t *a, const json_t *b)
{
    char path[1024];
    size_t found = 0;
    if (strcmp(key, "variables") != 0 && strcmp(key, "regularization") != 0 && strcmp(key, "regularizationBias") != 0)
        return false;
    for (size_t k = 0; k < json_array_size(b); k++)
        for (size_t i = 0; i < json_array_size(a); i++) {
            path[0] = '\0';
            if (!differs(json_array_get(a, i), json_array_get(b, k), path, sizeof path)) {
                found++;
                break;
            }
        }
    return json_array_size(a) == json_array_size(b) && found == json_array_size(b);
}

/* Where two values first differ: "" nowhere. Numbers are equal within a float's rounding: the reference writes some of them as floats. */
static bool differs(const json_t *a, const json_t *b, char *path, size_t size)
{
    const size_t at = strlen(path);
    if (json_is_number(a) && json_is_number(b)) {
        const double x = json_number_value(a), y = json_number_value(b);
        return !(fabs(x - y) <= 1e-7 * fabs(y));
    }
    if (json_is_object(a) && json_is_object(b)) {
        const char *key;
        json_t *value;
        json_object_foreach((json_t *)(uintptr_t)b, key, value)
        {
            snprintf(path + at, size - at, "/%.60s", key);
            if (idle(b, key) || same_set(key, json_object_get(a, key), value))
                continue;
            if (!json_object_get(a, key) || differs(json_object_get(a, key), value, path, size))
                return true;
        }
        json_object_foreach((json_t *)(uintptr_t)a, key, value)
        {
            snprintf(path + at, size - at, "/%.60s", key);
            if (!json_object_get(b, key))
                return true;
        }
        path[at] = '\0';
        return false;
    }
    if (json_is_array(a) && json_is_array(b) && json_array_size(a) == json_array_size(b)) {
        for (size_t i = 0; i < json_array_size(a); i++) {
            snprintf(path + at, size - at, "/%zu", i);
            if (differs(json_array_get(a, i), json_array_get(b, i), path, size))
                return true;
        }
        path[at] = '\0';
        return false;
    }
    return !json_equal(a, b);
}

/* What is written of a graph, beside what the reference wrote of it. */
static void written(struct gold *g, const dl4c_graph *graph, const json_t *want, const char *file)
{
    struct dl4c_error err = DL4C_ERROR_INIT;
    char *text = NULL, path[1024] = "";
    json_t *got = NULL;
    if (dli_dl4j_config_write(graph, &text, &err) != DL4C_OK || dli_dl4j_parse(text, strlen(text), &got, &err) != DL4C_OK) {
        gold_fail(g, "%s written again: %s", file, err.message);
    } else {
        json_object_del(got, "dl4c");
        if (differs(got, want, path, sizeof path))
            gold_fail(g, "%s written again differs at %s", file, path);
    }
    json_decref(got);
    dli_free(text);
}

static json_t *parse(struct gold *g, const char *file, const char *text, size_t size)
{
    struct dl4c_error err = DL4C_ERROR_INIT;
    json_t *root = NULL;
    if (!text || dli_dl4j_parse(text, size, &root, &err) != DL4C_OK)
        gold_fail(g, "%s: %s", file, text ? err.message : "cannot be read");
    return root;
}

/* NAME.json: a configuration alone; NAME.summary.txt and NAME.summary_with_input.txt: what the reference prints of the network. */
void gold_summaries(struct gold *g)
{
    for (int i = 0; i < g->n_files; i++) {
        struct dl4c_error err = DL4C_ERROR_INIT;
        char path[1024];
        size_t size = 0;
        const size_t n = strlen(g->file[i]);
        if (n < 6 || strcmp(g->file[i] + n - 5, ".json") != 0)
            continue;
        gold_path(g, g->file[i], path, sizeof path);
        char *json = test_read_file(path, &size);
        json_t *root = parse(g, g->file[i], json, size);
        dl4c_builder *b = root ? network(root, &err) : NULL;
        gold_mark(g, g->file[i]);
        if (!b)
            gold_fail(g, "%s: %s", g->file[i], err.message);
        for (int shapes = 0; b && shapes < 2; shapes++) {
            char file[300], *text = NULL;
            struct dl4c_summary_options o = DL4C_SUMMARY_OPTIONS_INIT;
            o.shapes = shapes;
            snprintf(file, sizeof file, "%.*s.summary%s.txt", (int)(n - 5), g->file[i], shapes ? "_with_input" : "");
            if (dl4c_graph_summary(dli_builder_graph(b), &o, &text, &err) == DL4C_OK)
                gold_text(g, file, text);
            else
                gold_fail(g, "%s: %s", file, err.message);
            dl4c_free(text);
        }
        if (b)
            written(g, dli_builder_graph(b), root, g->file[i]);
        dl4c_builder_destroy(&b);
        json_decref(root);
        free(json);
    }
}

void gold_config(struct gold *g, const dl4c_graph *graph, const char *file)
{
    char path[1024], *text = NULL;
    size_t size = 0, length = 0;
    struct dli_dl4j_zip *zip = NULL;
    struct dli_dl4j_entry *e = NULL;
    gold_path(g, file, path, sizeof path);
    char *bytes = test_read_file(path, &size);
    if (bytes && dli_dl4j_zip_open(bytes, size, &zip, NULL, NULL) == DL4C_OK &&
        dli_dl4j_entry_open(zip, "configuration.json", &e, NULL) == DL4C_OK && e &&
        dli_dl4j_entry_text(e, 1 << 24, &text, &length, NULL) == DL4C_OK) {
        json_t *root = parse(g, file, text, length);
        if (root)
            written(g, graph, root, file);
        json_decref(root);
    } else {
        gold_fail(g, "%s has no configuration.json", file);
    }
    dli_free(text);
    dli_dl4j_entry_close(&e);
    dli_dl4j_zip_close(&zip);
    free(bytes);
}
