/* SPDX-License-Identifier: Apache-2.0 */
/* Featurizing into a store and reading it back: the same bytes for the same work, and nothing believed that is damaged. */
#include "support/photos.h"
#include <dl4c/dl4c.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char dir[256], base[256];
static dl4c_graph *trunk;

static const char *in_dir(const char *name)
{
    static char path[4][512];
    static int next;
    next = (next + 1) % 4;
    snprintf(path[next], sizeof path[next], "%s/%s", dir, name);
    return path[next];
}

static int make(void **state)
{
    (void)state;
    photos_dir(base, sizeof base);
    photos_mkdir(base, "photos");
    snprintf(dir, sizeof dir, "%s", base);
    photos_classes(in_dir("photos"), 5);
    dl4c_builder *b = NULL;
    const int64_t shape[] = { 3, 12, 12 };
    const char *in[] = { "in" }, *c1[] = { "c1" }, *p1[] = { "p1" };
    dl4c_builder_create(NULL, NULL, &b, NULL);
    dl4c_builder_input(b, "in", shape, 3);
    dl4c_builder_add_text(b, "conv2d:units=6,kernel=3,padding=1,activation=relu", "c1", in, 1);
    dl4c_builder_add_text(b, "max_pool:kernel=2,stride=2", "p1", c1, 1);
    dl4c_builder_add_text(b, "conv2d:units=7,kernel=3,padding=1,activation=relu", "c2", p1, 1);
    return dl4c_builder_finish(&b, &trunk, NULL);
}

static int clean(void **state)
{
    (void)state;
    dl4c_graph_destroy(&trunk);
    photos_remove(base);
    return 0;
}

static dl4c_status featurize(const char *out, const struct dl4c_featurize_options *o, int32_t threads, struct dl4c_error *err)
{
    struct dl4c_reader_options ro = DL4C_READER_OPTIONS_INIT;
    dl4c_reader *r = NULL;
    ro.for_graph = trunk;
    ro.preprocess = "scale01";
    ro.threads = threads;
    dl4c_status status = dl4c_reader_open(NULL, in_dir("photos"), &ro, &r, err);
    if (status == DL4C_OK)
        status = dl4c_featurize(trunk, r, out, o, err);
    dl4c_reader_close(&r);
    return status;
}

static void same_file(const char *a, const char *b)
{
    size_t n, m;
    unsigned char *x = photos_read(a, &n), *y = photos_read(b, &m);
    assert_int_equal(n, m);
    assert_memory_equal(x, y, n);
    free(x);
    free(y);
}

static void the_same_work_gives_the_same_bytes(void **state)
{
    (void)state;
    struct dl4c_error err = DL4C_ERROR_INIT;
    struct dl4c_featurize_options o = DL4C_FEATURIZE_OPTIONS_INIT;
    o.shard_size = 6;
    o.batch = 4;
    o.threads = 1;
    if (featurize(in_dir("a"), &o, 1, &err) != DL4C_OK)
        fail_msg("%s: %s", err.origin, err.message);
    o.batch = 7;
    o.threads = 2;
    assert_int_equal(featurize(in_dir("b"), &o, 3, &err), DL4C_OK);
    static const char *const files[] = {
        "features-00000.safetensors", "features-00001.safetensors", "features-00002.safetensors", "manifest.json", "bad.jsonl", "_SUCCESS"
    };
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        char a[600], b[600];
        snprintf(a, sizeof a, "%s/%s", in_dir("a"), files[i]);
        snprintf(b, sizeof b, "%s/%s", in_dir("b"), files[i]);
        same_file(a, b);
    }
    assert_int_equal(featurize(in_dir("a"), &o, 1, &err), DL4C_E_EXISTS);
    o.overwrite = 1;
    assert_int_equal(featurize(in_dir("a"), &o, 1, &err), DL4C_OK);
}

static void low_memory_is_recorded_and_changes_roundings_at_most(void **state)
{
    (void)state;
    struct dl4c_error err = DL4C_ERROR_INIT;
    struct dl4c_featurize_options o = DL4C_FEATURIZE_OPTIONS_INIT;
    dl4c_features *f = NULL, *low = NULL;
    dl4c_tensor *x = NULL, *y = NULL;
    assert_int_equal(featurize(in_dir("fast"), &o, 2, &err), DL4C_OK);
    o.flags = DL4C_FEATURIZE_LOW_MEMORY;
    assert_int_equal(featurize(in_dir("low"), &o, 2, &err), DL4C_OK);
    o.flags = 4;
    assert_int_equal(featurize(in_dir("other"), &o, 2, &err), DL4C_E_VERSION);
    assert_int_equal(dl4c_features_open(NULL, in_dir("fast"), NULL, &f, &err), DL4C_OK);
    assert_int_equal(dl4c_features_open(NULL, in_dir("low"), NULL, &low, &err), DL4C_OK);
    assert_null(dl4c_features_metadata(f, "memory"));
    assert_string_equal(dl4c_features_metadata(low, "memory"), "low");
    assert_int_equal(dl4c_features_shard(f, 0, &x, &err), DL4C_OK);
    assert_int_equal(dl4c_features_shard(low, 0, &y, &err), DL4C_OK);
    const float *a = dl4c_tensor_data_const(x), *b = dl4c_tensor_data_const(y);
    assert_int_equal(dl4c_tensor_size(x), dl4c_tensor_size(y));
    for (int64_t i = 0; i < dl4c_tensor_size(x); i++) /* other kernels may sum in another order */
        assert_true(a[i] - b[i] < 1e-4f && b[i] - a[i] < 1e-4f);
    dl4c_tensor_unref(&x);
    dl4c_tensor_unref(&y);
    dl4c_features_close(&f);
    dl4c_features_close(&low);
}

static void several_vertices_equal_single_runs(void **state)
{
    (void)state;
    struct dl4c_error err = DL4C_ERROR_INIT;
    struct dl4c_featurize_options o = DL4C_FEATURIZE_OPTIONS_INIT;
    const char *both[] = { "p1", "c2" };
    o.at = both;
    o.n_at = 2;
    o.pool = DL4C_POOL_AVG;
    assert_int_equal(featurize(in_dir("both"), &o, 0, &err), DL4C_OK);
    for (int k = 0; k < 2; k++) {
        char a[600], b[600], out[16];
        snprintf(out, sizeof out, "one%d", k);
        o.at = both + k;
        o.n_at = 1;
        assert_int_equal(featurize(in_dir(out), &o, 0, &err), DL4C_OK);
        snprintf(a, sizeof a, "%s/%s/features-00000.safetensors", in_dir("both"), both[k]);
        snprintf(b, sizeof b, "%s/features-00000.safetensors", in_dir(out));
        same_file(a, b);
    }
}

/* What is pooled is the pixels that an unpooled store has; a pixel that is not a number is not passed over, wherever it stands. */
static void pooled_features_are_those_of_the_pixels(void **state)
{
    (void)state;
    enum { HW = 13 * 13 };
    struct dl4c_error err = DL4C_ERROR_INIT;
    struct dl4c_featurize_options o = DL4C_FEATURIZE_OPTIONS_INIT;
    dl4c_builder *b = NULL;
    dl4c_graph *before = trunk, *odd = NULL;
    const int64_t shape[] = { 3, 12, 12 }, weight[] = { 1, 3, 1, 1 };
    const char *in[] = { "in" }, *border[] = { "border" };
    float w[] = { INFINITY, INFINITY, INFINITY }; /* times 0 it is no number */
    dl4c_tensor *t = NULL, *flat = NULL, *pooled = NULL;
    assert_int_equal(dl4c_tensor_wrap(NULL, DL4C_F32, weight, NULL, 4, w, 0, NULL, NULL, &t, NULL), DL4C_OK);
    dl4c_builder_create(NULL, NULL, &b, NULL);
    dl4c_builder_input(b, "in", shape, 3);
    dl4c_builder_add_text(b, "zero_padding:padding=0x1x0x1", "border", in, 1); /* below and to the right */
    dl4c_builder_add_text(b, "conv2d:units=1,kernel=1,has_bias=false", "c", border, 1);
    dl4c_builder_param(b, "c", "W", t);
    if (dl4c_builder_finish(&b, &odd, &err) != DL4C_OK)
        fail_msg("%s", err.message);
    trunk = odd;
    const char *out[] = { "flat", "most", "mean" };
    const int32_t pools[] = { DL4C_POOL_NONE, DL4C_POOL_MAX, DL4C_POOL_AVG };
    int later = 0;
    for (int k = 0; k < 3; k++) {
        dl4c_features *f = NULL;
        o.pool = pools[k];
        if (featurize(in_dir(out[k]), &o, 0, &err) != DL4C_OK || dl4c_features_open(NULL, in_dir(out[k]), NULL, &f, &err) != DL4C_OK ||
            dl4c_features_shard(f, 0, k ? &pooled : &flat, &err) != DL4C_OK)
            fail_msg("%s", err.message);
        const float *all = dl4c_tensor_data_const(flat), *one = k ? dl4c_tensor_data_const(pooled) : NULL;
        for (int64_t r = 0; r < dl4c_features_rows(f) && k; r++) {
            bool missing = false;
            for (int i = 0; i < HW; i++)
                missing = missing || isnan(all[r * HW + i]);
            later += missing && !isnan(all[r * HW]);
            assert_true(missing ? isnan(one[r]) : isinf(one[r]));
        }
        dl4c_tensor_unref(&pooled);
        dl4c_features_close(&f);
    }
    assert_true(later > 0); /* one whose first pixel is a number */
    trunk = before;
    dl4c_tensor_unref(&flat);
    dl4c_tensor_unref(&t);
    dl4c_graph_destroy(&odd);
}

static void a_store_reads_back(void **state)
{
    (void)state;
    struct dl4c_error err = DL4C_ERROR_INIT;
    struct dl4c_featurize_options o = DL4C_FEATURIZE_OPTIONS_INIT;
    struct dl4c_features_options fo = DL4C_FEATURES_OPTIONS_INIT;
    dl4c_features *f = NULL;
    int64_t shape[DL4C_MAX_RANK];
    o.shard_size = 4;
    fo.verify = 1;
    assert_int_equal(featurize(in_dir("s"), &o, 0, &err), DL4C_OK);
    if (dl4c_features_open(NULL, in_dir("s"), &fo, &f, &err) != DL4C_OK)
        fail_msg("%s: %s", err.origin, err.message);
    assert_int_equal(dl4c_features_rows(f), 15);
    assert_int_equal(dl4c_features_shard_count(f), 4);
    assert_int_equal(dl4c_features_shape(f, shape), 3);
    assert_int_equal(shape[0], 7);
    assert_int_equal(dl4c_features_class_count(f), 3);
    assert_string_equal(dl4c_features_class(f, 1), "dog");
    assert_string_equal(dl4c_features_path(f, 7), "dog/2.jpg");
    assert_int_equal(dl4c_features_label(f, 14), 2);
    assert_string_equal(dl4c_features_metadata(f, "vertex"), "c2");
    assert_string_equal(dl4c_features_metadata(f, "size"), "12x12");
    assert_string_equal(dl4c_features_metadata(f, "pool"), "none");
    assert_null(dl4c_features_metadata(f, "nothing"));
    /* A row is what a session gives for the image alone. */
    dl4c_tensor *shard = NULL;
    assert_int_equal(dl4c_features_shard(f, 1, &shard, &err), DL4C_OK);
    struct dl4c_batch b = DL4C_BATCH_INIT;
    assert_int_equal(dl4c_source_reset(dl4c_features_source(f), 1, 3, 0, &err), DL4C_OK);
    int64_t seen = 0;
    do {
        assert_int_equal(dl4c_source_next(dl4c_features_source(f), 4, &b, &err), DL4C_OK);
        for (int64_t i = 0; i < b.n; i++) {
            assert_int_equal(b.labels[i], dl4c_features_label(f, b.index[i]));
            if (b.index[i] >= 4 && b.index[i] < 8)
                assert_memory_equal(b.x + i * 252, (const float *)dl4c_tensor_data_const(shard) + (b.index[i] - 4) * 252,
                                    252 * sizeof(float));
        }
        seen += b.n;
    } while (b.n > 0);
    assert_int_equal(seen, 15);
    dl4c_tensor_unref(&shard);
    dl4c_graph *head = NULL;
    assert_int_equal(dl4c_head_softmax(f, NULL, &head, &err), DL4C_OK);
    struct dl4c_model_info info = DL4C_MODEL_INFO_INIT;
    assert_int_equal(dl4c_graph_info(head, &info, &err), DL4C_OK);
    assert_int_equal(info.n_classes, 3);
    assert_string_equal(info.preprocess, "scale01");
    assert_int_equal(info.height, 12);
    assert_int_equal(dl4c_head_for(f, head, &err), DL4C_OK);
    dl4c_graph_destroy(&head);
    dl4c_features_close(&f);
}

static void damage_is_noticed(void **state)
{
    (void)state;
    struct dl4c_error err = DL4C_ERROR_INIT;
    struct dl4c_featurize_options o = DL4C_FEATURIZE_OPTIONS_INIT;
    dl4c_features *f = NULL;
    char shard[600];
    assert_int_equal(featurize(in_dir("d"), &o, 0, &err), DL4C_OK);
    snprintf(shard, sizeof shard, "%s/features-00000.safetensors", in_dir("d"));
    size_t n;
    unsigned char *bytes = photos_read(shard, &n);
    /* Every byte of the header's length and of the header itself, turned over: an error or a store that still holds together. */
    const size_t header = 8 + bytes[0] + 256u * bytes[1];
    for (size_t i = 0; i < header; i++) {
        FILE *w = fopen(shard, "wb");
        bytes[i] ^= 0x55;
        fwrite(bytes, 1, n, w);
        fclose(w);
        bytes[i] ^= 0x55;
        if (dl4c_features_open(NULL, in_dir("d"), NULL, &f, &err) == DL4C_OK)
            assert_int_equal(dl4c_features_rows(f), 15);
        else
            assert_true(strlen(err.message) > 10);
        dl4c_features_close(&f);
    }
    for (size_t cut = 0; cut < n; cut += cut < header ? 7 : 997) {
        FILE *w = fopen(shard, "wb");
        fwrite(bytes, 1, cut, w);
        fclose(w);
        assert_int_equal(dl4c_features_open(NULL, in_dir("d"), NULL, &f, &err), DL4C_E_CORRUPT);
        assert_null(f);
    }
    free(bytes);
    char manifest[600];
    snprintf(manifest, sizeof manifest, "%s/manifest.json", in_dir("d"));
    remove(manifest);
    assert_int_equal(dl4c_features_open(NULL, in_dir("d"), NULL, &f, &err), DL4C_E_STATE);
    assert_int_equal(dl4c_features_open(NULL, in_dir("nowhere"), NULL, &f, &err), DL4C_E_NOTFOUND);
}

static int cancel_it(void *user, const struct dl4c_progress *p)
{
    (void)user;
    return p->done >= 0;
}

static void a_cancelled_run_leaves_no_finished_store(void **state)
{
    (void)state;
    struct dl4c_error err = DL4C_ERROR_INIT;
    struct dl4c_featurize_options o = DL4C_FEATURIZE_OPTIONS_INIT;
    dl4c_features *f = NULL;
    o.progress = cancel_it;
    assert_int_equal(featurize(in_dir("c"), &o, 0, &err), DL4C_E_CANCELLED);
    assert_int_equal(dl4c_features_open(NULL, in_dir("c"), NULL, &f, &err), DL4C_E_STATE);
}

static void no_usable_image_is_no_store(void **state)
{
    (void)state;
    struct dl4c_error err = DL4C_ERROR_INIT;
    struct dl4c_reader_options ro = DL4C_READER_OPTIONS_INIT;
    dl4c_reader *r = NULL;
    photos_mkdir(base, "bad");
    photos_mkdir(in_dir("bad"), "cat");
    photos_text(in_dir("bad/cat/1.jpg"), "no image");
    photos_text(in_dir("bad/cat/2.jpg"), "no image");
    ro.for_graph = trunk;
    assert_int_equal(dl4c_reader_open(NULL, in_dir("bad"), &ro, &r, &err), DL4C_OK);
    assert_int_equal(dl4c_featurize(trunk, r, in_dir("out"), NULL, &err), DL4C_E_INVALID);
    assert_non_null(strstr(err.message, "none of the 2 images"));
    assert_non_null(strstr(err.message, "cat/1.jpg"));
    dl4c_reader_close(&r);
    dl4c_features *f = NULL;
    assert_int_equal(dl4c_features_open(NULL, in_dir("out"), NULL, &f, &err), DL4C_E_STATE); /* no manifest.json */
    assert_null(f);
}

static void two_vertices_never_share_a_folder(void **state)
{
    (void)state;
    struct dl4c_error err = DL4C_ERROR_INIT;
    struct dl4c_featurize_options o = DL4C_FEATURIZE_OPTIONS_INIT;
    const char *twice[] = { "p1", "c2", "p1" }, *alike[] = { "a/b", "a_b" };
    o.at = twice;
    o.n_at = 3;
    assert_int_equal(featurize(in_dir("out"), &o, 1, &err), DL4C_E_INVALID);
    assert_non_null(strstr(err.message, "'p1'"));
    o.at = alike;
    o.n_at = 2;
    assert_int_equal(featurize(in_dir("out"), &o, 1, &err), DL4C_E_INVALID);
    assert_non_null(strstr(err.message, "'a/b' and 'a_b'"));
    alike[1] = NULL;
    assert_int_equal(featurize(in_dir("out"), &o, 1, &err), DL4C_E_INVALID);
    assert_non_null(strstr(err.message, "vertex 1 of 2 is NULL"));
    o.at = twice;
    o.timeout_ms = -1;
    assert_int_equal(featurize(in_dir("out"), &o, 1, &err), DL4C_E_INVALID);
    assert_non_null(strstr(err.message, "timeout_ms is -1"));
}

static void a_head_refuses_features_of_another_origin(void **state)
{
    (void)state;
    struct dl4c_error err = DL4C_ERROR_INIT;
    struct dl4c_featurize_options o = DL4C_FEATURIZE_OPTIONS_INIT;
    const char *c1[] = { "c1" }, *p1[] = { "p1" };
    static const struct {
        const char *name, *says;
        int vertex, pool;
    } cases[] = { { "same", NULL, 1, DL4C_POOL_AVG },
                  { "vertex", "vertex c1", 0, DL4C_POOL_AVG },
                  { "pool", "pooling max, the head was trained on those of pooling avg", 1, DL4C_POOL_MAX } };
    dl4c_features *f = NULL;
    dl4c_graph *head = NULL;
    o.n_at = 1;
    for (int i = 0; i < 3; i++) {
        o.at = cases[i].vertex ? p1 : c1;
        o.pool = cases[i].pool;
        assert_int_equal(featurize(in_dir(cases[i].name), &o, 0, &err), DL4C_OK);
        assert_int_equal(dl4c_features_open(NULL, in_dir(cases[i].name), NULL, &f, &err), DL4C_OK);
        if (!head)
            assert_int_equal(dl4c_head_softmax(f, NULL, &head, &err), DL4C_OK);
        assert_int_equal(dl4c_features_check(f, head, &err), cases[i].says ? DL4C_E_INVALID : DL4C_OK);
        if (cases[i].says)
            assert_non_null(strstr(err.message, cases[i].says));
        dl4c_features_close(&f);
    }
    assert_int_equal(dl4c_features_open(NULL, in_dir("same"), NULL, &f, &err), DL4C_OK);
    struct dl4c_model_info info = DL4C_MODEL_INFO_INIT;
    assert_int_equal(dl4c_graph_info(head, &info, &err), DL4C_OK);
    info.trunk_digest = "0123";
    assert_int_equal(dl4c_graph_set_info(head, &info, &err), DL4C_OK);
    assert_int_equal(dl4c_features_check(f, head, &err), DL4C_E_INVALID);
    assert_non_null(strstr(err.message, "digest 0123"));
    dl4c_graph_destroy(&head);
    dl4c_features_close(&f);
}

/* A store by other means has no _SUCCESS; one that was begun and not finished has no manifest.json. */
static void the_manifest_makes_a_store(void **state)
{
    (void)state;
    struct dl4c_error err = DL4C_ERROR_INIT;
    dl4c_features *f = NULL;
    assert_int_equal(featurize(in_dir("out"), NULL, 1, &err), DL4C_OK);
    assert_int_equal(remove(in_dir("out/_SUCCESS")), 0);
    assert_int_equal(dl4c_features_open(NULL, in_dir("out"), NULL, &f, &err), DL4C_OK);
    struct dl4c_source_info info = DL4C_SOURCE_INFO_INIT;
    assert_int_equal(dl4c_source_get_info(dl4c_features_source(f), &info, &err), DL4C_OK);
    assert_int_equal(strlen(info.digest), 64);
    assert_true(info.store[0] == '/');
    dl4c_features_close(&f);
    assert_int_equal(remove(in_dir("out/manifest.json")), 0);
    assert_int_equal(dl4c_features_open(NULL, in_dir("out"), NULL, &f, &err), DL4C_E_STATE);
    assert_null(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_same_work_gives_the_same_bytes, make, clean),
        cmocka_unit_test_setup_teardown(low_memory_is_recorded_and_changes_roundings_at_most, make, clean),
        cmocka_unit_test_setup_teardown(several_vertices_equal_single_runs, make, clean),
        cmocka_unit_test_setup_teardown(pooled_features_are_those_of_the_pixels, make, clean),
        cmocka_unit_test_setup_teardown(a_store_reads_back, make, clean),
        cmocka_unit_test_setup_teardown(damage_is_noticed, make, clean),
        cmocka_unit_test_setup_teardown(a_cancelled_run_leaves_no_finished_store, make, clean),
        cmocka_unit_test_setup_teardown(no_usable_image_is_no_store, make, clean),
        cmocka_unit_test_setup_teardown(two_vertices_never_share_a_folder, make, clean),
        cmocka_unit_test_setup_teardown(a_head_refuses_features_of_another_origin, make, clean),
        cmocka_unit_test_setup_teardown(the_manifest_makes_a_store, make, clean),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
