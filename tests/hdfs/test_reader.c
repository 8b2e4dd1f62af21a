/* SPDX-License-Identifier: Apache-2.0 */
/* Images in HDFS: read ahead with the rows of local files, featurized to the bytes of local files, and never taken for bad where it is a
 * server that fails. */
#define _GNU_SOURCE
#include "client.h"

#include "support/photos.h"
#include <dl4c/dl4c.h>

#include <dirent.h>
#include <unistd.h>

enum { A_CLASS = 8, IMAGES = 3 * A_CLASS, ROW = 3 * 8 * 8 };
static const char *const classes[] = { "cat", "dog", "emu" };

static char dir[256], photos[300];
static float expected[IMAGES * ROW], rows[IMAGES * ROW];
static int64_t total_bytes;

static struct dl4c_reader_options options(int32_t read_ahead)
{
    struct dl4c_reader_options o = DL4C_READER_OPTIONS_INIT;
    o.height = o.width = 8;
    o.threads = 2;
    o.read_ahead = read_ahead;
    return o;
}

static int64_t rest(dl4c_reader *r, float *x)
{
    int64_t n = 0;
    for (struct dl4c_batch b = DL4C_BATCH_INIT;; n += b.n) {
        GOOD(dl4c_source_next(dl4c_reader_source(r), 5, &b, &err));
        if (b.n == 0)
            return n;
        for (int64_t i = 0; i < b.n; i++)
            memcpy(x + b.index[i] * ROW, b.x + i * ROW, ROW * sizeof *x);
    }
}

static dl4c_reader *open_reader(dl4c_context *of, const char *uri, int32_t read_ahead)
{
    struct dl4c_reader_options o = options(read_ahead);
    dl4c_reader *r = NULL;
    GOOD(dl4c_reader_open(of, uri, &o, &r, &err));
    GOOD(dl4c_source_reset(dl4c_reader_source(r), 0, 0, 0, &err));
    return r;
}

static int make(void **state)
{
    (void)state;
    photos_dir(dir, sizeof dir);
    photos_mkdir(dir, "photos");
    snprintf(photos, sizeof photos, "%s/photos", dir);
    photos_classes(photos, A_CLASS);
    dl4c_reader *r = open_reader(NULL, photos, 0);
    assert_int_equal(rest(r, expected), IMAGES);
    dl4c_reader_close(&r);
    return 0;
}

static int clean(void **state)
{
    (void)state;
    photos_remove(dir);
    return 0;
}

static void patience(int64_t stall_ms, int64_t retry_ms)
{
    struct dl4c_webhdfs_options o = DL4C_WEBHDFS_OPTIONS_INIT;
    o.stall_ms = stall_ms;
    o.retry_ms = retry_ms;
    connect_with(&o);
}

static int begin(void **state)
{
    setup(state);
    patience(30000, 60000); /* servers do not stall unless they are told to, however slow the machine is */
    total_bytes = 0;
    fake_mkdir(&fake, "/photos");
    for (int i = 0; i < IMAGES; i++) {
        char name[400], path[100];
        size_t size;
        snprintf(path, sizeof path, "/photos/%s/%d.jpg", classes[i / A_CLASS], i % A_CLASS);
        snprintf(name, sizeof name, "%s%s", dir, path);
        unsigned char *bytes = photos_read(name, &size);
        fake_put(&fake, path, (const char *)bytes, size);
        total_bytes += (int64_t)size;
        free(bytes);
    }
    for (int i = 0; i < 3; i++) {
        char path[100];
        snprintf(path, sizeof path, "/photos/%s", classes[i]);
        fake_mkdir(&fake, path);
    }
    return 0;
}

static void an_image_costs_one_request_to_each_server(void **state)
{
    (void)state;
    dl4c_reader *r = open_reader(ctx, at("/photos"), 0);
    assert_int_equal(rest(r, rows), IMAGES);
    assert_memory_equal(rows, expected, sizeof rows);
    dl4c_reader_close(&r);
    const int opens = fake_count(seen(), "op=OPEN"); /* a request that a busy machine let time out is made again */
    assert_true(opens >= 2 * IMAGES && opens <= 2 * IMAGES + 2);
    assert_int_equal(fake_count(&fake, "op=GETFILESTATUS"), 0);
    assert_int_equal(fake_count(&fake, "op=LISTSTATUS"), 1 + 3 * ((A_CLASS + 2) / 3)); /* three names are one answer */
}

static void servers_that_stall_and_break_cost_no_image(void **state)
{
    (void)state;
    patience(1000, 30000);
    fake_fault(&fake, 1, "OPEN", FAKE_STALL, 1, NULL);
    fake_fault(&fake, 2, "OPEN", FAKE_CUT, 2, NULL);
    fake_fault(&fake, 1, "OPEN", FAKE_RESET_HEADERS, 1, NULL);
    fake_fault(&fake, 0, "OPEN", FAKE_HTML, 1, "503");
    fake_fault(&fake, 0, "OPEN", FAKE_RESET, 2, NULL);
    dl4c_reader *r = open_reader(ctx, at("/photos"), 6);
    assert_int_equal(rest(r, rows), IMAGES);
    assert_memory_equal(rows, expected, sizeof rows);
    assert_int_equal(dl4c_reader_bad_count(r), 0);
    dl4c_reader_close(&r);
}

static void a_file_that_is_gone_is_a_bad_image(void **state)
{
    (void)state;
    int64_t image;
    const char *reason;
    dl4c_reader *r = open_reader(ctx, at("/photos"), 4);
    GOOD(dl4c_fs_remove(ctx, at("/photos/emu/6.jpg"), &err));
    assert_int_equal(rest(r, rows), IMAGES - 1);
    assert_int_equal(dl4c_reader_bad_count(r), 1);
    GOOD(dl4c_reader_bad(r, 0, &image, &reason, &err));
    assert_string_equal(dl4c_reader_path(r, image), "emu/6.jpg");
    assert_non_null(strstr(reason, "FileNotFoundException"));
    dl4c_reader_close(&r);
}

/* Reads until it fails: with what, and no image is to blame. */
static void ends_with(dl4c_status status, const char *text)
{
    dl4c_status last = DL4C_OK;
    dl4c_reader *r = open_reader(ctx, at("/photos"), 2);
    struct dl4c_batch b = DL4C_BATCH_INIT;
    GOOD(dl4c_source_next(dl4c_reader_source(r), 2, &b, &err));
    assert_int_equal(b.n, 2);
    if (status == DL4C_E_DENIED)
        fake_fault(&fake, 0, "OPEN", FAKE_EXCEPTION, 1000, "403 InvalidToken token (token for alice) is expired");
    else if (status == DL4C_E_TIMEOUT)
        fake_fault(&fake, -1, "OPEN", FAKE_STALL, 1000, NULL);
    else if (strcmp(text, "safe mode") == 0)
        fake_fault(&fake, 0, "OPEN", FAKE_EXCEPTION, 1000, "403 SafeModeException the name node is in safe mode");
    else
        for (int i = 1; i <= 2; i++)
            fake_kill(&fake, i);
    while (last == DL4C_OK && b.n > 0)
        last = dl4c_source_next(dl4c_reader_source(r), 2, &b, &err);
    if (last != status || !strstr(err.message, text))
        print_error("%d: %s\n", (int)last, err.message);
    assert_int_equal(last, status);
    assert_non_null(strstr(err.message, text));
    assert_int_equal(dl4c_reader_bad_count(r), 0);
    dl4c_reader_close(&r);
    SET(n_faults, 0);
}

static void a_cluster_that_fails_ends_the_run(void **state)
{
    (void)state;
    patience(3000, 1000);
    ends_with(DL4C_E_DENIED, "expired");
    ends_with(DL4C_E_TIMEOUT, "stalled");
    ends_with(DL4C_E_IO, "safe mode");
    ends_with(DL4C_E_IO, "/photos/"); /* no DataNode is left, or none answers */
}

/* ---- featurizing ---- */

static dl4c_graph *network(dl4c_context *of)
{
    const int64_t shape[] = { 3, 8, 8 };
    dl4c_builder *b = NULL;
    dl4c_graph *g = NULL;
    const char *in = "in", *a = "a";
    GOOD(dl4c_builder_create(of, NULL, &b, &err));
    dl4c_builder_input(b, "in", shape, 3);
    dl4c_builder_add_text(b, "conv2d:units=4,kernel=3,activation=relu", "a", &in, 1);
    dl4c_builder_add_text(b, "output:units=3,activation=softmax", "b", &a, 1);
    GOOD(dl4c_builder_finish(&b, &g, &err));
    return g;
}

static int64_t told_bytes, told_bad;

static int told(void *user, const struct dl4c_progress *p)
{
    (void)user;
    told_bytes = p->bytes;
    told_bad = p->bad;
    return 0;
}

static dl4c_status featurize(dl4c_context *of, const char *images, const char *out, struct dl4c_featurize_options *o)
{
    static const char *const vertex[] = { "a" };
    dl4c_graph *g = network(of);
    dl4c_reader *r = open_reader(of, images, 0);
    o->at = vertex;
    o->n_at = 1;
    o->batch = 4;
    o->shard_size = 10;
    o->progress = told;
    const dl4c_status status = dl4c_featurize(g, r, out, o, &err);
    dl4c_reader_close(&r);
    dl4c_graph_destroy(&g);
    return status;
}

static void features_are_those_of_local_files(void **state)
{
    (void)state;
    char out[300];
    int files = 0;
    snprintf(out, sizeof out, "%s/out", dir);
    struct dl4c_featurize_options o = DL4C_FEATURIZE_OPTIONS_INIT;
    GOOD(featurize(NULL, photos, out, &o));
    assert_int_equal(told_bytes, total_bytes);
    told_bytes = 0;
    GOOD(featurize(ctx, at("/photos"), at("/out"), &o));
    assert_int_equal(told_bytes, total_bytes);
    assert_int_equal(told_bad, 0);
    DIR *d = opendir(out);
    assert_non_null(d);
    for (struct dirent *e; (e = readdir(d));) {
        char path[600], name[600];
        size_t size;
        if (e->d_name[0] == '.')
            continue;
        snprintf(path, sizeof path, "/out/%s", e->d_name);
        snprintf(name, sizeof name, "%s/%s", out, e->d_name);
        unsigned char *bytes = photos_read(name, &size);
        holds(path, (const char *)bytes, size);
        free(bytes);
        files++;
    }
    closedir(d);
    assert_true(files >= 4); /* three shards, and what is said of them */
}

/* ---- memory ---- */

static char said[300];

static void note(void *user, int32_t level, const char *origin, const char *message)
{
    (void)user;
    if (level == DL4C_LOG_INFO && strcmp(origin, "featurize") == 0 && strstr(message, "memory"))
        snprintf(said, sizeof said, "%s", message);
}

static void memory_is_told_before_the_start(void **state)
{
    (void)state;
    struct dl4c_context_options co = DL4C_CONTEXT_OPTIONS_INIT;
    struct dl4c_featurize_options o = DL4C_FEATURIZE_OPTIONS_INIT;
    co.log = note;
    co.log_level = DL4C_LOG_INFO;
    dl4c_context_destroy(&ctx);
    GOOD(dl4c_context_create(&co, &ctx, &err));
    GOOD(featurize(ctx, at("/photos"), at("/told"), &o));
    assert_non_null(strstr(said, "images that are read at most 68 MB")); /* 64 MiB, and some rows */
    char out[300];
    snprintf(out, sizeof out, "%s/told", dir);
    GOOD(featurize(ctx, photos, out, &o));
    assert_non_null(strstr(said, "images that are read at most 1 MB"));
}

static void *set_soon(void *flag)
{
    usleep(100000);
    dl4c_cancel_set(flag);
    return NULL;
}

static void featurizing_ends_while_a_server_stalls(void **state)
{
    (void)state;
    int32_t flag = 0;
    pthread_t thread;
    struct dl4c_featurize_options o = DL4C_FEATURIZE_OPTIONS_INIT;
    patience(100000, 100000);
    fake_fault(&fake, 1, "OPEN", FAKE_STALL, 1000, NULL);
    fake_fault(&fake, 2, "OPEN", FAKE_STALL, 1000, NULL);
    o.timeout_ms = 100;
    BAD(featurize(ctx, at("/photos"), at("/late"), &o), DL4C_E_TIMEOUT, "featurize passed its deadline of 100 ms");
    o.timeout_ms = 0;
    o.cancel = &flag;
    assert_int_equal(pthread_create(&thread, NULL, set_soon, &flag), 0);
    BAD(featurize(ctx, at("/photos"), at("/off"), &o), DL4C_E_CANCELLED, "featurize was cancelled");
    pthread_join(thread, NULL);
}

/* Networks are trained and judged on the images themselves. */
static void other_calls_end_while_a_server_stalls(void **state)
{
    (void)state;
    int32_t flag = 0;
    pthread_t thread;
    struct dl4c_evaluate_options o = DL4C_EVALUATE_OPTIONS_INIT;
    struct dl4c_fit_options fo = DL4C_FIT_OPTIONS_INIT;
    dl4c_evaluation *e = NULL;
    patience(100000, 100000);
    fake_fault(&fake, 1, "OPEN", FAKE_STALL, 1000, NULL);
    fake_fault(&fake, 2, "OPEN", FAKE_STALL, 1000, NULL);
    struct dl4c_reader_options ro = DL4C_READER_OPTIONS_INIT;
    dl4c_reader *r = NULL;
    dl4c_graph *g = network(ctx);
    ro.for_graph = g;
    ro.preprocess = "scale01";
    GOOD(dl4c_reader_open(ctx, at("/photos"), &ro, &r, &err));
    o.timeout_ms = 100;
    BAD(dl4c_evaluate(g, dl4c_reader_source(r), &o, &e, &err), DL4C_E_TIMEOUT, "evaluate passed its deadline of 100 ms");
    fo.timeout_ms = 100;
    BAD(dl4c_fit(g, dl4c_reader_source(r), &fo, &err), DL4C_E_TIMEOUT, "train passed its deadline of 100 ms");
    fo.timeout_ms = 0;
    fo.cancel = &flag;
    assert_int_equal(pthread_create(&thread, NULL, set_soon, &flag), 0);
    BAD(dl4c_fit(g, dl4c_reader_source(r), &fo, &err), DL4C_E_CANCELLED, "train was cancelled");
    pthread_join(thread, NULL);
    dl4c_reader_close(&r);
    dl4c_graph_destroy(&g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_image_costs_one_request_to_each_server, begin, teardown),
        cmocka_unit_test_setup_teardown(servers_that_stall_and_break_cost_no_image, begin, teardown),
        cmocka_unit_test_setup_teardown(a_file_that_is_gone_is_a_bad_image, begin, teardown),
        cmocka_unit_test_setup_teardown(a_cluster_that_fails_ends_the_run, begin, teardown),
        cmocka_unit_test_setup_teardown(features_are_those_of_local_files, begin, teardown),
        cmocka_unit_test_setup_teardown(memory_is_told_before_the_start, begin, teardown),
        cmocka_unit_test_setup_teardown(featurizing_ends_while_a_server_stalls, begin, teardown),
        cmocka_unit_test_setup_teardown(other_calls_end_while_a_server_stalls, begin, teardown),
    };
    return cmocka_run_group_tests(tests, make, clean);
}
