/* SPDX-License-Identifier: Apache-2.0 */
/* The one text grammar, as operators, updaters, schedules, preprocessing and transforms read it; and URIs. */
#include "fuzz.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static void build(const char *text)
{
    static const int64_t image[] = { 3, 6, 5 };
    const char *in[] = { "in" };
    struct dl4c_error err = DL4C_ERROR_INIT;
    dl4c_builder *b = NULL;
    dl4c_graph *g = NULL;
    if (dl4c_builder_create(fuzz_context(), NULL, &b, NULL) != DL4C_OK)
        return;
    dl4c_builder_input(b, "in", image, 3);
    dl4c_builder_add_text(b, text, "v", in, 1);
    const dl4c_status status = dl4c_builder_finish(&b, &g, &err);
    fuzz_check(status, g, &err);
    fuzz_graph(g);
}

static void train(const char *text)
{
    static const int64_t row[] = { 3 };
    const char *in[] = { "in" };
    struct dl4c_fit_options o = DL4C_FIT_OPTIONS_INIT;
    struct dl4c_error err = DL4C_ERROR_INIT;
    dl4c_builder *b = NULL;
    dl4c_graph *g = NULL;
    dl4c_trainer *t = NULL;
    if (dl4c_builder_create(fuzz_context(), NULL, &b, NULL) != DL4C_OK)
        return;
    dl4c_builder_input(b, "in", row, 1);
    dl4c_builder_add_text(b, "output:units=2,activation=softmax,loss=negative_log_likelihood", "out", in, 1);
    if (dl4c_builder_finish(&b, &g, &err) == DL4C_OK) {
        o.updater = text;
        dl4c_status status = dl4c_trainer_create(g, &o, &t, &err);
        fuzz_check(status, t, &err);
        dl4c_trainer_destroy(&t);
        o.updater = "sgd:lr=0.1";
        o.lr_schedule = text;
        err = (struct dl4c_error)DL4C_ERROR_INIT;
        status = dl4c_trainer_create(g, &o, &t, &err);
        fuzz_check(status, t, &err);
        dl4c_trainer_destroy(&t);
    }
    dl4c_graph_destroy(&g);
}

/* Those of HDFS would be asked for over the network, and the context remembers their clusters. */
static bool is_remote(const char *text)
{
    static const char *const schemes[] = { "hdfs:", "webhdfs:", "swebhdfs:" };
    for (int i = 0; i < 3; i++)
        if (strncasecmp(text, schemes[i], strlen(schemes[i])) == 0)
            return true;
    return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct dl4c_preprocess p;
    struct dl4c_error err = DL4C_ERROR_INIT;
    dl4c_tensor *t = NULL;
    if (size > 4096)
        return 0;
    char *text = malloc(size + 1);
    if (!text)
        return 0;
    if (size > 0)
        memcpy(text, bytes, size);
    text[size] = '\0';
    build(text);
    train(text);
    dl4c_status status = dl4c_preprocess_parse(fuzz_context(), text, &p, &err);
    fuzz_check(status, status == DL4C_OK ? &p : NULL, &err);
    dl4c_transform *change = NULL;
    err = (struct dl4c_error)DL4C_ERROR_INIT;
    status = dl4c_transform_parse(fuzz_context(), text, &change, &err);
    fuzz_check(status, change, &err);
    dl4c_transform_destroy(&change);
    if (memchr(text, ':', size) && !is_remote(text)) {
        err = (struct dl4c_error)DL4C_ERROR_INIT;
        status = dl4c_tensor_load_npy(fuzz_context(), text, &t, &err);
        fuzz_check(status, t, &err);
        dl4c_tensor_unref(&t);
    }
    free(text);
    fuzz_balanced(size, 0, 0);
    return 0;
}
