/* SPDX-License-Identifier: Apache-2.0 */
/* The whole way of the data with every allocation failed in turn: photographs to a store, a store to a trained head, head and trunk to a
 * model file, the file to predictions. Each answers NOMEM or is complete, leaves no half file under a final name, and leaks nothing. */
#include "support/fail_alloc.h"
#include "support/photos.h"
#include <dl4c/dl4c.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { IMAGES = 6 };
static char dir[256];

static const char *in_dir(const char *name)
{
    static char path[8][512];
    static int next;
    next = (next + 1) % 8;
    snprintf(path[next], sizeof path[next], "%s/%s", dir, name);
    return path[next];
}

static dl4c_status build_trunk(dl4c_context *ctx, dl4c_graph **g, struct dl4c_error *err)
{
    dl4c_builder *b = NULL;
    const int64_t shape[] = { 3, 8, 8 };
    const char *in[] = { "in" }, *c[] = { "c" };
    const dl4c_status status = dl4c_builder_create(ctx, NULL, &b, err);
    if (status != DL4C_OK)
        return status;
    dl4c_builder_input(b, "in", shape, 3);
    dl4c_builder_add_text(b, "conv2d:units=4,kernel=3,padding=1,activation=relu", "c", in, 1);
    dl4c_builder_add_text(b, "max_pool:kernel=2,stride=2", "p", c, 1);
    return dl4c_builder_finish(&b, g, err);
}

static bool exists(const char *path)
{
    FILE *f = fopen(path, "rb");
    if (f)
        fclose(f);
    return f != NULL;
}

/* Photographs to a store; the trunk is made outside, where nothing fails. */
static dl4c_status featurize(dl4c_context *ctx, void *arg, struct dl4c_error *err)
{
    struct dl4c_reader_options ro = DL4C_READER_OPTIONS_INIT;
    struct dl4c_featurize_options o = DL4C_FEATURIZE_OPTIONS_INIT;
    dl4c_graph *trunk = NULL;
    dl4c_reader *r = NULL;
    const char *both[] = { "c", "p" };
    const char *out = arg;
    dl4c_status status = build_trunk(ctx, &trunk, err);
    if (status == DL4C_OK) {
        ro.for_graph = trunk;
        ro.preprocess = "scale01";
        ro.threads = 2;
        status = dl4c_reader_open(ctx, in_dir("photos"), &ro, &r, err);
    }
    if (status == DL4C_OK) {
        o.at = both;
        o.n_at = 2;
        o.batch = 4;
        o.shard_size = 4;
        o.overwrite = 1;
        status = dl4c_featurize(trunk, r, out, &o, err);
        assert_int_equal(dl4c_reader_bad_count(r), 0);
    }
    dl4c_reader_close(&r);
    dl4c_graph_destroy(&trunk);
    return status;
}

/* A finished store has all its rows; one that is not finished says so. */
static void check_store(const char *uri)
{
    struct dl4c_features_options o = DL4C_FEATURES_OPTIONS_INIT;
    struct dl4c_error err = DL4C_ERROR_INIT;
    dl4c_features *f = NULL;
    o.verify = 1;
    const dl4c_status status = dl4c_features_open(NULL, uri, &o, &f, &err);
    if (status == DL4C_OK)
        assert_int_equal(dl4c_features_rows(f), IMAGES);
    else if (status != DL4C_E_STATE && status != DL4C_E_NOTFOUND)
        fail_msg("%s: %s", dl4c_status_name(status), err.message);
    dl4c_features_close(&f);
}

static dl4c_status featurize_and_check(dl4c_context *ctx, void *arg, struct dl4c_error *err)
{
    photos_remove(arg);
    const dl4c_status status = featurize(ctx, arg, err);
    char path[600];
    for (int i = 0; i < 2; i++) {
        snprintf(path, sizeof path, "%s/%s", (const char *)arg, i ? "p" : "c");
        check_store(path);
        if (status == DL4C_OK) {
            snprintf(path, sizeof path, "%s/%s/_SUCCESS", (const char *)arg, i ? "p" : "c");
            assert_true(exists(path));
        }
    }
    return status;
}

static void featurizing_reports_nomem_or_finishes(void **state)
{
    char out[300];
    (void)state;
    snprintf(out, sizeof out, "%s/again", dir);
    assert_true(fail_alloc_run(featurize_and_check, out) > 150);
    assert_true(fail_alloc_limits(featurize_and_check, out) > 10);
}

/* A store to a head, trained and evaluated; head and trunk to one file. */
static dl4c_status train_and_join(dl4c_context *ctx, void *arg, struct dl4c_error *err)
{
    struct dl4c_features_options fo = DL4C_FEATURES_OPTIONS_INIT;
    struct dl4c_fit_options o = DL4C_FIT_OPTIONS_INIT;
    struct dl4c_save_options so = DL4C_SAVE_OPTIONS_INIT;
    dl4c_features *f = (dl4c_features *)&f;
    dl4c_graph *head = NULL, *trunk = NULL, *whole = NULL;
    dl4c_evaluation *e = NULL;
    dl4c_tensor *shard = NULL;
    char *stats = NULL;
    (void)arg;
    fo.verify = 1;
    o.epochs = 1;
    o.batch = 4;
    so.updater = 1;
    remove(in_dir("whole.zip"));
    dl4c_status status = dl4c_features_open(ctx, in_dir("store/p"), &fo, &f, err);
    assert_int_equal(status == DL4C_OK, f != NULL);
    if (status == DL4C_OK) {
        assert_int_equal(dl4c_features_rows(f), IMAGES);
        status = dl4c_features_shard(f, 1, &shard, err);
        assert_int_equal(status == DL4C_OK, shard != NULL);
    }
    if (status == DL4C_OK) {
        status = dl4c_head_softmax(f, NULL, &head, err);
        assert_int_equal(status == DL4C_OK, head != NULL);
    }
    if (status == DL4C_OK)
        status = dl4c_fit(head, dl4c_features_source(f), &o, err);
    if (status == DL4C_OK) {
        status = dl4c_evaluate(head, dl4c_features_source(f), NULL, &e, err);
        assert_int_equal(status == DL4C_OK, e != NULL);
    }
    if (status == DL4C_OK) {
        assert_int_equal(dl4c_evaluation_count(e), IMAGES);
        status = dl4c_evaluation_stats(e, 0, &stats, err);
        assert_int_equal(status == DL4C_OK, stats != NULL);
    }
    if (status == DL4C_OK)
        status = build_trunk(ctx, &trunk, err);
    if (status == DL4C_OK) {
        status = dl4c_graph_join(trunk, head, NULL, &whole, err);
        assert_int_equal(status == DL4C_OK, whole != NULL);
    }
    if (status == DL4C_OK) {
        status = dl4c_model_save(whole, in_dir("whole.zip"), &so, err);
        assert_int_equal(status == DL4C_OK, exists(in_dir("whole.zip"))); /* whole or not at all */
    }
    dl4c_free(stats);
    dl4c_tensor_unref(&shard);
    dl4c_features_close(&f);
    dl4c_evaluation_destroy(&e);
    dl4c_graph_destroy(&head);
    dl4c_graph_destroy(&trunk);
    dl4c_graph_destroy(&whole);
    return status;
}

static void training_on_a_store_and_joining_report_nomem_or_finish(void **state)
{
    (void)state;
    assert_true(fail_alloc_run(train_and_join, NULL) > 300);
    assert_true(fail_alloc_limits(train_and_join, NULL) > 10);
}

/* A file and two photographs of nowhere in particular to probabilities. */
static dl4c_status predict(dl4c_context *ctx, void *arg, struct dl4c_error *err)
{
    struct dl4c_reader_options ro = DL4C_READER_OPTIONS_INIT;
    struct dl4c_session_options so = DL4C_SESSION_OPTIONS_INIT;
    struct dl4c_model_info info = DL4C_MODEL_INFO_INIT;
    struct dl4c_batch b = DL4C_BATCH_INIT;
    dl4c_graph *g = (dl4c_graph *)&g;
    dl4c_reader *r = NULL;
    dl4c_session *s = NULL;
    dl4c_tensor *x = NULL, *y = NULL;
    const char *images[] = { in_dir("photos/cat/0.jpg"), in_dir("photos/emu/1.jpg") };
    const int64_t shape[] = { 2, 3, 8, 8 };
    (void)arg;
    so.batch = 2;
    dl4c_status status = dl4c_model_load(ctx, in_dir("saved.zip"), NULL, &g, err);
    assert_int_equal(status == DL4C_OK, g != NULL);
    if (status == DL4C_OK)
        status = dl4c_graph_info(g, &info, err);
    if (status == DL4C_OK) {
        assert_int_equal(info.n_classes, 3);
        ro.for_graph = g;
        ro.paths = images;
        ro.n_paths = 2;
        ro.threads = 2;
        status = dl4c_reader_open(ctx, NULL, &ro, &r, err);
    }
    if (status == DL4C_OK) {
        status = dl4c_session_create(ctx, g, &so, &s, err);
        assert_int_equal(status == DL4C_OK, s != NULL);
    }
    if (status == DL4C_OK)
        status = dl4c_source_reset(dl4c_reader_source(r), 0, 0, 0, err);
    if (status == DL4C_OK)
        status = dl4c_source_next(dl4c_reader_source(r), 2, &b, err);
    if (status == DL4C_OK) {
        assert_int_equal(b.n, 2);
        status = dl4c_tensor_create(ctx, DL4C_F32, shape, 4, &x, err);
    }
    if (status == DL4C_OK) {
        memcpy(dl4c_tensor_data(x), b.x, sizeof(float) * 2 * 3 * 8 * 8);
        status = dl4c_session_run(s, &x, 1, err);
    }
    if (status == DL4C_OK)
        status = dl4c_session_output(s, 0, &y, err);
    if (status == DL4C_OK) {
        const float *p = dl4c_tensor_data_const(y);
        assert_true(p[0] + p[1] + p[2] > 0.999f && p[0] + p[1] + p[2] < 1.001f);
    }
    dl4c_tensor_unref(&x);
    dl4c_session_destroy(&s);
    dl4c_reader_close(&r);
    dl4c_graph_destroy(&g);
    return status;
}

static void predicting_reports_nomem_or_finishes(void **state)
{
    (void)state;
    assert_true(fail_alloc_run(predict, NULL) > 150);
    assert_true(fail_alloc_limits(predict, NULL) > 10);
}

static int make(void **state)
{
    struct dl4c_error err = DL4C_ERROR_INIT;
    char store[300];
    (void)state;
    photos_dir(dir, sizeof dir);
    photos_mkdir(dir, "photos");
    photos_classes(in_dir("photos"), 2);
    snprintf(store, sizeof store, "%s/store", dir);
    if (featurize(NULL, store, &err) == DL4C_OK && train_and_join(NULL, NULL, &err) == DL4C_OK &&
        rename(in_dir("whole.zip"), in_dir("saved.zip")) == 0)
        return 0;
    print_message("%s\n", err.message);
    return 1;
}

static int clean(void **state)
{
    (void)state;
    photos_remove(dir);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(featurizing_reports_nomem_or_finishes),
        cmocka_unit_test(training_on_a_store_and_joining_report_nomem_or_finish),
        cmocka_unit_test(predicting_reports_nomem_or_finishes),
    };
    return cmocka_run_group_tests(tests, make, clean);
}
