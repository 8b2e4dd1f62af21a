/* SPDX-License-Identifier: Apache-2.0 */
/* Ready-made listeners: what they write, what checkpoints stay, what happens when they fail. */
#define _POSIX_C_SOURCE 200809L
#include "fs/memory_fs.h"
#include "support/fail_alloc.h"
#include "support/must.h"
#include "support/number.h"
#include "train/toy.h"
#include <dl4c/listener.h>
#include <dl4c/model.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>
#include <math.h>

struct lines {
    char text[16384];
    int n;
};

static void take_line(void *user, int32_t level, const char *origin, const char *message)
{
    struct lines *l = user;
    assert_int_equal(level, DL4C_LOG_INFO);
    assert_string_equal(origin, "train");
    snprintf(l->text + strlen(l->text), sizeof l->text - strlen(l->text), "%s\n", message);
    l->n++;
}

/* A training of `epochs` epochs of 4 steps of 5 rows, under one listener. */
static dl4c_status train(dl4c_context *ctx, const struct dl4c_listener *l, int32_t epochs, dl4c_graph **kept, struct dl4c_error *err)
{
    dl4c_graph *g = toy_head(ctx);
    dl4c_source *s = toy_source(ctx, 20, 1);
    struct dl4c_fit_options o = DL4C_FIT_OPTIONS_INIT;
    o.batch = 5;
    o.epochs = (uint32_t)epochs;
    o.updater = "adam:lr=0.01";
    o.listeners = l;
    o.n_listeners = 1;
    const dl4c_status status = dl4c_fit(g, s, &o, err);
    dl4c_source_destroy(&s);
    if (kept)
        *kept = g;
    else
        dl4c_graph_destroy(&g);
    return status;
}

static int note_score(void *user, int64_t iteration, int64_t epoch, double score)
{
    (void)epoch;
    if (iteration == 5)
        *(double *)user = score;
    return 0;
}

static void score_writes_the_lines_of_deeplearning4j(void **state)
{
    (void)state;
    struct dl4c_error err = DL4C_ERROR_INIT;
    struct lines lines = { .n = 0 };
    double fifth = NAN;
    struct dl4c_listener l[2] = { DL4C_LISTENER_INIT, DL4C_LISTENER_INIT };
    struct dl4c_line_options o = DL4C_LINE_OPTIONS_INIT;
    o.every = 4;
    o.log = take_line;
    o.log_user = &lines;
    must(dl4c_listener_score(NULL, &o, &l[0], &err), &err);
    l[1].user = &fifth;
    l[1].iteration_done = note_score;
    dl4c_graph *g = toy_head(NULL);
    dl4c_source *s = toy_source(NULL, 20, 1);
    struct dl4c_fit_options fo = DL4C_FIT_OPTIONS_INIT;
    fo.batch = 5;
    fo.epochs = 2;
    fo.listeners = l;
    fo.n_listeners = 2;
    must(dl4c_fit(g, s, &fo, &err), &err);
    assert_int_equal(lines.n, 2); /* iterations 0 and 4 of 8 */
    assert_memory_equal(lines.text, "Score at iteration 0 is ", 24);
    char *second = strchr(lines.text, '\n') + 1;
    assert_memory_equal(second, "Score at iteration 4 is ", 24);
    assert_true(number_at(second + 24) == fifth); /* Java's shortest digits read back as the same number */
    dl4c_listener_close(&l[0]);
    assert_null(l[0].event);
    dl4c_listener_close(&l[0]); /* once more is no harm */
    dl4c_listener_close(NULL);
    dl4c_source_destroy(&s);
    dl4c_graph_destroy(&g);
}

static void performance_writes_the_lines_of_deeplearning4j(void **state)
{
    (void)state;
    struct dl4c_error err = DL4C_ERROR_INIT;
    struct lines lines = { .n = 0 };
    struct dl4c_listener l = DL4C_LISTENER_INIT;
    struct dl4c_line_options o = DL4C_LINE_OPTIONS_INIT;
    o.every = 3;
    o.log = take_line;
    o.log_user = &lines;
    o.score = 1;
    must(dl4c_listener_performance(NULL, &o, &l, &err), &err);
    must(train(NULL, &l, 1, NULL, &err), &err);
    long etl, took;
    int iteration;
    char samples[32], batches[32], score[32];
    assert_int_equal(lines.n, 2);
    const char *second = strchr(lines.text, '\n') + 1;
    assert_int_equal(
        sscanf(second,
               "ETL: %ld ms; iteration %d; iteration time: %ld ms; samples/sec: %31[0-9.]; batches/sec: %31[0-9.]; score: %31[0-9.E-];",
               &etl, &iteration, &took, samples, batches, score),
        6);
    assert_int_equal(iteration, 3);
    assert_true(fabs(number_at(samples) / number_at(batches) - 5) < 0.01); /* rows of a minibatch; both have three decimals */
    dl4c_listener_close(&l);
}

static void time_tells_what_remains(void **state)
{
    (void)state;
    struct dl4c_error err = DL4C_ERROR_INIT;
    struct lines lines = { .n = 0 };
    struct dl4c_listener l = DL4C_LISTENER_INIT;
    struct dl4c_line_options o = DL4C_LINE_OPTIONS_INIT;
    o.every = 1;
    o.log = take_line;
    o.log_user = &lines;
    must(dl4c_listener_time(NULL, &o, &l, &err), &err);
    must(train(NULL, &l, 1, NULL, &err), &err);
    assert_int_equal(lines.n, 2); /* of 4 steps: nothing is known at the first, nothing is left at the last */
    int year, rest;
    assert_int_equal(sscanf(lines.text, "Remaining time : 0mn - End expected : %d-%*d-%*dT%*d:%*d:%dZ", &year, &rest), 2);
    dl4c_listener_close(&l);
}

static void what_a_listener_says_goes_to_the_log_where_no_sink_is_given(void **state)
{
    (void)state;
    struct dl4c_error err = DL4C_ERROR_INIT;
    struct lines lines = { .n = 0 };
    struct dl4c_context_options co = DL4C_CONTEXT_OPTIONS_INIT;
    dl4c_context *ctx = NULL;
    co.log = take_line;
    co.log_user = &lines;
    co.log_level = DL4C_LOG_INFO;
    must(dl4c_context_create(&co, &ctx, &err), &err);
    struct dl4c_listener l = DL4C_LISTENER_INIT;
    must(dl4c_listener_score(ctx, NULL, &l, &err), &err);
    must(train(ctx, &l, 3, NULL, &err), &err);
    assert_int_equal(lines.n, 2); /* every 10: iterations 0 and 10 of 12 */
    dl4c_listener_close(&l);
    dl4c_context_destroy(&ctx);
}

struct evaluations {
    int n, stop_at;
    int64_t at[16];
    double accuracy;
};

static int take_evaluation(void *user, int64_t iteration, int64_t epoch, const dl4c_evaluation *e)
{
    struct evaluations *v = user;
    (void)epoch;
    assert_int_equal(dl4c_evaluation_count(e), 30);
    v->at[v->n++] = iteration;
    v->accuracy = dl4c_evaluation_accuracy(e);
    return v->n == v->stop_at;
}

static void evaluative_evaluates_when_it_is_told_to(void **state)
{
    (void)state;
    static const struct {
        int32_t when;
        int64_t every;
        int stop_at, n;
        int64_t at[8];
    } cases[] = {
        { 0, 0, 0, 3, { 4, 8, 12 } },
        { DL4C_TRAIN_EPOCH_END, 2, 0, 1, { 8 } },
        { DL4C_TRAIN_EPOCH_START, 0, 0, 3, { 0, 4, 8 } },
        { DL4C_TRAIN_ITERATION, 5, 0, 2, { 5, 10 } },
        { DL4C_TRAIN_ITERATION, 5, 1, 1, { 5 } },
    };
    struct dl4c_error err = DL4C_ERROR_INIT;
    dl4c_source *s = toy_source(NULL, 30, 2);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct dl4c_listener l = DL4C_LISTENER_INIT;
        struct dl4c_evaluative_options o = DL4C_EVALUATIVE_OPTIONS_INIT;
        struct evaluations v = { .stop_at = cases[i].stop_at };
        o.when = cases[i].when;
        o.every = cases[i].every;
        o.done = take_evaluation;
        o.done_user = &v;
        must(dl4c_listener_evaluative(NULL, s, &o, &l, &err), &err);
        must(train(NULL, &l, 3, NULL, &err), &err);
        assert_int_equal(v.n, cases[i].n);
        assert_memory_equal(v.at, cases[i].at, (size_t)v.n * sizeof *v.at);
        dl4c_listener_close(&l);
    }
    dl4c_source_destroy(&s);
}

/* The same rows again and again; at the third batch it raises a flag, or takes its time. */
struct endless {
    dl4c_source *inner;
    int32_t cancel, batches;
    bool waits;
};

static dl4c_status endless_info(void *user, struct dl4c_source_info *info, struct dl4c_error *err)
{
    return dl4c_source_get_info(((struct endless *)user)->inner, info, err);
}

static dl4c_status endless_reset(void *user, int32_t shuffle, uint64_t seed, int64_t epoch, struct dl4c_error *err)
{
    return dl4c_source_reset(((struct endless *)user)->inner, shuffle, seed, epoch, err);
}

static dl4c_status endless_next(void *user, int64_t max_rows, struct dl4c_batch *batch, struct dl4c_error *err)
{
    struct endless *e = user;
    if (++e->batches == 1000) /* nobody looked */
        return DL4C_OK;
    if (e->batches == 3 && e->waits)
        nanosleep(&(struct timespec){ .tv_nsec = 60000000 }, NULL);
    else if (e->batches == 3)
        e->cancel = 1;
    dl4c_status status = dl4c_source_next(e->inner, max_rows, batch, err);
    if (status == DL4C_OK && batch->n == 0) {
        must(dl4c_source_reset(e->inner, 0, 0, 0, err), err);
        status = dl4c_source_next(e->inner, max_rows, batch, err);
    }
    return status;
}

/* With the source's 60 ms the time that fit has is over, however slow the machine; nothing else ends the evaluation before 1000 batches. */
static void evaluative_ends_where_fit_has_to(void **state)
{
    (void)state;
    for (int waits = 0; waits < 2; waits++) {
        static const struct dl4c_source_ops ops = { sizeof ops, endless_info, endless_reset, endless_next, NULL };
        struct dl4c_error err = DL4C_ERROR_INIT;
        struct dl4c_listener l = DL4C_LISTENER_INIT;
        struct dl4c_evaluative_options eo = DL4C_EVALUATIVE_OPTIONS_INIT;
        struct dl4c_fit_options o = DL4C_FIT_OPTIONS_INIT;
        struct endless e = { .inner = toy_source(NULL, 30, 2), .waits = waits };
        dl4c_source *train_on = toy_source(NULL, 20, 1), *s = NULL;
        dl4c_graph *g = toy_head(NULL);
        must(dl4c_source_create(NULL, &ops, &e, NULL, &s, &err), &err);
        eo.when = DL4C_TRAIN_EPOCH_START; /* before fit itself has used up its time */
        eo.batch = 10;
        must(dl4c_listener_evaluative(NULL, s, &eo, &l, &err), &err);
        o.listeners = &l;
        o.n_listeners = 1;
        o.epochs = 1;
        o.updater = "sgd:lr=0.01";
        o.cancel = &e.cancel;
        o.timeout_ms = waits ? 50 : 0;
        assert_int_equal(dl4c_fit(g, train_on, &o, &err), waits ? DL4C_E_TIMEOUT : DL4C_E_CANCELLED);
        assert_true(e.batches < 1000);
        dl4c_listener_close(&l);
        dl4c_source_destroy(&s);
        dl4c_source_destroy(&e.inner);
        dl4c_source_destroy(&train_on);
        dl4c_graph_destroy(&g);
    }
}

static void evaluative_writes_the_text_of_deeplearning4j(void **state)
{
    (void)state;
    struct dl4c_error err = DL4C_ERROR_INIT;
    struct lines lines = { .n = 0 };
    struct dl4c_listener l = DL4C_LISTENER_INIT;
    struct dl4c_evaluative_options o = DL4C_EVALUATIVE_OPTIONS_INIT;
    dl4c_source *s = toy_source(NULL, 30, 2);
    o.log = take_line;
    o.log_user = &lines;
    must(dl4c_listener_evaluative(NULL, s, &o, &l, &err), &err);
    must(train(NULL, &l, 2, NULL, &err), &err);
    assert_int_equal(lines.n, 4);
    assert_memory_equal(lines.text, "Starting evaluation nr. 1\nReporting evaluation results:\nEvaluation:\n", 68);
    assert_non_null(strstr(lines.text, "# of classes:    3"));
    assert_non_null(strstr(lines.text, "Starting evaluation nr. 2\n"));
    dl4c_listener_close(&l);
    dl4c_source_destroy(&s);
}

/* ---- checkpoints ---- */

static dl4c_status make_directory(void *user, const char *authority, const char *path, struct dl4c_error *err)
{
    (void)user;
    (void)authority;
    (void)path;
    (void)err;
    return DL4C_OK;
}

static dl4c_status remove_file(void *user, const char *authority, const char *path, struct dl4c_error *err)
{
    struct memory_fs *fs = user;
    char name[64];
    snprintf(name, sizeof name, "%s%s", authority, path);
    struct memory_file *f = (struct memory_file *)(uintptr_t)memory_fs_find(fs, name);
    if (!f) {
        err->status = DL4C_E_NOTFOUND;
        return DL4C_E_NOTFOUND;
    }
    free(f->bytes);
    *f = fs->files[--fs->n_files];
    fs->files[fs->n_files] = (struct memory_file){ .bytes = NULL };
    return DL4C_OK;
}

/* The memory file system with directories that are always there, and removal. */
static struct dl4c_fs_ops full_ops(void)
{
    struct dl4c_fs_ops ops = memory_fs_ops;
    ops.mkdir = make_directory;
    ops.remove = remove_file;
    return ops;
}

static dl4c_context *memory_context(struct memory_fs *fs)
{
    struct dl4c_error err = DL4C_ERROR_INIT;
    dl4c_context *ctx = NULL;
    struct dl4c_fs_ops ops = full_ops();
    must(dl4c_context_create(NULL, &ctx, &err), &err);
    must(dl4c_fs_register(ctx, &ops, fs, NULL, &err), &err);
    return ctx;
}

/* The numbers of the checkpoints that are there, "0 2 3". */
static const char *there(const struct memory_fs *fs, char text[64])
{
    text[0] = '\0';
    for (int i = 0; i < 12; i++) {
        char name[64];
        snprintf(name, sizeof name, "h/c/checkpoint_%d_ComputationGraph.zip", i);
        if (memory_fs_find(fs, name))
            snprintf(text + strlen(text), 64 - strlen(text), "%s%d", *text ? " " : "", i);
    }
    return text;
}

static void checkpoints_are_kept_as_deeplearning4j_keeps_them(void **state)
{
    (void)state;
    static const struct {
        struct dl4c_checkpoint_options o;
        int32_t epochs;
        const char *there;
    } cases[] = {
        { { .struct_size = sizeof cases[0].o }, 3, "0 1 2" }, /* every epoch, all */
        { { .struct_size = sizeof cases[0].o, .every_epochs = 2 }, 5, "0 1" },
        { { .struct_size = sizeof cases[0].o, .every_iterations = 3 }, 3, "0 1 2 3" },
        { { .struct_size = sizeof cases[0].o, .every_iterations = 3, .every_epochs = 1, .since_last = 1 }, 2, "0 1 2 3" },
        { { .struct_size = sizeof cases[0].o, .every_iterations = 1, .keep_last = 2 }, 2, "6 7" },
        { { .struct_size = sizeof cases[0].o, .every_iterations = 1, .keep_last = 2, .keep_every = 3 }, 2, "2 5 6 7" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct dl4c_error err = DL4C_ERROR_INIT;
        struct memory_fs fs = { .n_files = 0 };
        dl4c_context *ctx = memory_context(&fs);
        struct dl4c_listener l = DL4C_LISTENER_INIT;
        char text[64];
        must(dl4c_listener_checkpoint(ctx, "mem://h/c", &cases[i].o, &l, &err), &err);
        must(train(ctx, &l, cases[i].epochs, NULL, &err), &err);
        assert_string_equal(there(&fs, text), cases[i].there);
        dl4c_listener_close(&l);
        dl4c_context_destroy(&ctx);
        memory_fs_clear(&fs);
    }
}

static void a_checkpoint_goes_on_as_the_training_did(void **state)
{
    (void)state;
    struct dl4c_error err = DL4C_ERROR_INIT;
    struct memory_fs fs = { .n_files = 0 };
    dl4c_context *ctx = memory_context(&fs);
    struct dl4c_listener l = DL4C_LISTENER_INIT, none = DL4C_LISTENER_INIT;
    struct dl4c_checkpoint_options o = DL4C_CHECKPOINT_OPTIONS_INIT;
    dl4c_graph *g = NULL, *again = NULL;
    char *uri = NULL;
    must(dl4c_listener_checkpoint(ctx, "mem://h/c", &o, &l, &err), &err);
    must(train(ctx, &l, 3, &g, &err), &err);
    dl4c_listener_close(&l);

    const struct memory_file *info = memory_fs_find(&fs, "h/c/checkpointInfo.txt");
    assert_non_null(info);
    char text[1024] = "", header[128], last[256];
    memcpy(text, info->bytes, info->size);
    long long num, stamp, iteration, epoch;
    assert_int_equal(sscanf(text, "%127s", header), 1);
    assert_string_equal(header, "checkpointNum,timestamp,iteration,epoch,modelType,filename");
    const char *line = text;
    for (int i = 0; i < 3; i++)
        line = strchr(line, '\n') + 1;
    assert_int_equal(sscanf(line, "%lld,%lld,%lld,%lld,%255s", &num, &stamp, &iteration, &epoch, last), 5);
    assert_string_equal(last, "ComputationGraph,checkpoint_2_ComputationGraph.zip");
    assert_true(num == 2 && iteration == 12 && epoch == 3 && stamp > 1600000000000);

    must(dl4c_checkpoint_last(ctx, "mem://h/c", &uri, &err), &err);
    assert_string_equal(uri, "mem://h/c/checkpoint_2_ComputationGraph.zip");
    must(dl4c_model_load(ctx, uri, NULL, &again, &err), &err);
    dl4c_free(uri);
    dl4c_source *s = toy_source(ctx, 20, 1);
    struct dl4c_fit_options fo = DL4C_FIT_OPTIONS_INIT;
    fo.batch = 5;
    fo.epochs = 1;
    fo.listeners = &none;
    fo.n_listeners = 1;
    dl4c_graph *both[2] = { g, again };
    dl4c_tensor *w[2] = { NULL };
    for (int i = 0; i < 2; i++) {
        must(dl4c_fit(both[i], s, &fo, &err), &err);
        must(dl4c_graph_param(both[i], "v0", "W", &w[i], &err), &err);
    }
    assert_memory_equal(dl4c_tensor_data_const(w[0]), dl4c_tensor_data_const(w[1]), sizeof(float) * TOY_FEATURES * TOY_CLASSES);
    for (int i = 0; i < 2; i++) {
        dl4c_tensor_unref(&w[i]);
        dl4c_graph_destroy(&both[i]);
    }
    dl4c_source_destroy(&s);
    dl4c_context_destroy(&ctx);
    memory_fs_clear(&fs);
}

static void a_directory_with_checkpoints_is_left_alone_unless_told(void **state)
{
    (void)state;
    struct dl4c_error err = DL4C_ERROR_INIT;
    struct memory_fs fs = { .n_files = 0 };
    dl4c_context *ctx = memory_context(&fs);
    struct dl4c_listener l = DL4C_LISTENER_INIT;
    struct dl4c_checkpoint_options o = DL4C_CHECKPOINT_OPTIONS_INIT;
    char text[64];
    must(dl4c_listener_checkpoint(ctx, "mem://h/c/", &o, &l, &err), &err);
    must(train(ctx, &l, 2, NULL, &err), &err);
    dl4c_listener_close(&l);
    memory_fs_put(&fs, "h/c/notes.zip", "mine", 4);
    assert_int_equal(dl4c_listener_checkpoint(ctx, "mem://h/c/", &o, &l, &err), DL4C_E_STATE);
    assert_null(l.event);
    assert_string_equal(there(&fs, text), "0 1");
    o.delete_existing = 1;
    must(dl4c_listener_checkpoint(ctx, "mem://h/c/", &o, &l, &err), &err);
    assert_string_equal(there(&fs, text), "");
    assert_non_null(memory_fs_find(&fs, "h/c/notes.zip"));
    dl4c_listener_close(&l);
    dl4c_context_destroy(&ctx);
    memory_fs_clear(&fs);
}

static void a_checkpoint_that_cannot_be_written_fails_fit_with_the_reason(void **state)
{
    (void)state;
    struct dl4c_error err = DL4C_ERROR_INIT;
    struct memory_fs fs = { .n_files = 0 };
    dl4c_context *ctx = memory_context(&fs);
    struct dl4c_listener l = DL4C_LISTENER_INIT;
    dl4c_graph *g = NULL;
    char text[64], *uri = NULL;
    must(dl4c_listener_checkpoint(ctx, "mem://h/c", NULL, &l, &err), &err);
    fs.full_at = 100;
    assert_int_not_equal(train(ctx, &l, 2, &g, &err), DL4C_OK);
    assert_true(strlen(err.message) > 0);
    assert_string_equal(there(&fs, text), "");
    assert_int_equal(fs.open_writers, 0);
    assert_int_equal(dl4c_checkpoint_last(ctx, "mem://h/c", &uri, &err), DL4C_E_NOTFOUND);
    assert_null(uri);
    fs.full_at = 0; /* the graph and the listener go on */
    dl4c_source *s = toy_source(ctx, 20, 1);
    struct dl4c_fit_options fo = DL4C_FIT_OPTIONS_INIT;
    fo.epochs = 1;
    fo.listeners = &l;
    fo.n_listeners = 1;
    must(dl4c_fit(g, s, &fo, &err), &err);
    assert_string_equal(there(&fs, text), "0");
    dl4c_source_destroy(&s);
    dl4c_listener_close(&l);
    dl4c_graph_destroy(&g);
    dl4c_context_destroy(&ctx);
    memory_fs_clear(&fs);
}

static void the_last_checkpoint_of_a_list_that_lies_is_refused(void **state)
{
    (void)state;
    static const char head[] = "checkpointNum,timestamp,iteration,epoch,modelType,filename\n";
    static const struct {
        const char *lines;
        dl4c_status status;
    } cases[] = {
        { "", DL4C_E_NOTFOUND },
        { "0,1,2,3,ComputationGraph,gone.zip\n", DL4C_E_NOTFOUND },
        { "0,1,2,3,ComputationGraph,a.zip\r\n\n", DL4C_OK },
        { "0,1,2,3,ComputationGraph,a.zip\n1,1,2,3,ComputationGraph,gone.zip\n", DL4C_OK },
        { "0,1,2,3,ComputationGraph,../a.zip\n", DL4C_E_CORRUPT },
        { "0,1,2,3,ComputationGraph,..\n", DL4C_E_CORRUPT },
        { "0,x,2,3,ComputationGraph,a.zip\n", DL4C_E_CORRUPT },
        { "0,1,2,3\n", DL4C_E_CORRUPT },
        { "0,1,2,3,ComputationGraph,\n", DL4C_E_CORRUPT },
    };
    struct memory_fs fs = { .n_files = 0 };
    dl4c_context *ctx = memory_context(&fs);
    memory_fs_put(&fs, "h/c/a.zip", "x", 1);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct dl4c_error err = DL4C_ERROR_INIT;
        char text[512], *uri = NULL;
        snprintf(text, sizeof text, "%s%s", head, cases[i].lines);
        memory_fs_put(&fs, "h/c/checkpointInfo.txt", text, strlen(text));
        assert_int_equal(dl4c_checkpoint_last(ctx, "mem://h/c", &uri, &err), cases[i].status);
        if (cases[i].status == DL4C_OK)
            assert_string_equal(uri, "mem://h/c/a.zip");
        dl4c_free(uri);
    }
    dl4c_context_destroy(&ctx);
    memory_fs_clear(&fs);
}

/* ---- events ---- */

static dl4c_status silent_failure(void *user, struct dl4c_train_event *e, struct dl4c_error *err)
{
    (void)user;
    (void)err;
    return e->iteration == 3 ? DL4C_E_LIMIT : DL4C_OK;
}

static void an_event_that_fails_without_words_still_fails_fit(void **state)
{
    (void)state;
    struct dl4c_error err = DL4C_ERROR_INIT;
    struct dl4c_listener l = DL4C_LISTENER_INIT;
    l.event = silent_failure;
    assert_int_equal(train(NULL, &l, 1, NULL, &err), DL4C_E_LIMIT);
    assert_non_null(strstr(err.message, "DL4C_E_LIMIT"));
}

static dl4c_status stop_at_six(void *user, struct dl4c_train_event *e, struct dl4c_error *err)
{
    (void)err;
    *(int64_t *)user = e->iteration;
    assert_true(e->total == 0 || e->total == 60);
    assert_true(e->kind != DL4C_TRAIN_ITERATION || (e->rows == 5 && e->done == 5 * e->iteration && isfinite(e->score)));
    e->stop = e->iteration == 6;
    return DL4C_OK;
}

static void an_event_stops_training_where_it_says(void **state)
{
    (void)state;
    struct dl4c_error err = DL4C_ERROR_INIT;
    struct dl4c_listener l = DL4C_LISTENER_INIT;
    int64_t last = 0;
    l.event = stop_at_six;
    l.user = &last;
    must(train(NULL, &l, 3, NULL, &err), &err);
    assert_int_equal(last, 6);
}

static void options_that_make_no_sense_are_refused(void **state)
{
    (void)state;
    struct dl4c_error err = DL4C_ERROR_INIT;
    struct dl4c_listener l = DL4C_LISTENER_INIT;
    struct dl4c_line_options lo = DL4C_LINE_OPTIONS_INIT;
    struct dl4c_evaluative_options eo = DL4C_EVALUATIVE_OPTIONS_INIT;
    struct dl4c_checkpoint_options co = DL4C_CHECKPOINT_OPTIONS_INIT;
    dl4c_source *s = toy_source(NULL, 20, 1);
    lo.every = -1;
    assert_int_equal(dl4c_listener_score(NULL, &lo, &l, &err), DL4C_E_INVALID);
    assert_int_equal(dl4c_listener_score(NULL, NULL, NULL, &err), DL4C_E_INVALID);
    eo.when = 4;
    assert_int_equal(dl4c_listener_evaluative(NULL, s, &eo, &l, &err), DL4C_E_INVALID);
    assert_int_equal(dl4c_listener_evaluative(NULL, NULL, NULL, &l, &err), DL4C_E_INVALID);
    co.keep_every = 2;
    assert_int_equal(dl4c_listener_checkpoint(NULL, "x", &co, &l, &err), DL4C_E_INVALID);
    co.keep_every = 0;
    co.every_ms = INT64_MAX;
    assert_int_equal(dl4c_listener_checkpoint(NULL, "x", &co, &l, &err), DL4C_E_INVALID);
    assert_null(l.event);
    assert_null(l.user);
    dl4c_source_destroy(&s);
}

/* ---- memory ---- */

static dl4c_status listen(dl4c_context *ctx, void *arg, struct dl4c_error *err)
{
    struct memory_fs *fs = arg;
    struct lines lines = { .n = 0 };
    struct dl4c_fs_ops ops = full_ops();
    struct dl4c_listener l[4] = { DL4C_LISTENER_INIT, DL4C_LISTENER_INIT, DL4C_LISTENER_INIT, DL4C_LISTENER_INIT };
    struct dl4c_line_options lo = DL4C_LINE_OPTIONS_INIT;
    struct dl4c_evaluative_options eo = DL4C_EVALUATIVE_OPTIONS_INIT;
    struct dl4c_checkpoint_options co = DL4C_CHECKPOINT_OPTIONS_INIT;
    struct dl4c_fit_options fo = DL4C_FIT_OPTIONS_INIT;
    dl4c_graph *g = NULL;
    dl4c_builder *b = NULL;
    dl4c_source *s = NULL;
    char *uri = NULL;
    const int64_t shape[] = { TOY_FEATURES };
    const char *in = "in";
    static float x[10 * TOY_FEATURES];
    static int64_t labels[10];
    const int64_t dims[] = { 10, TOY_FEATURES };
    dl4c_tensor *tx = NULL, *tl = NULL;
    toy_examples(10, 1, NULL, x, labels);
    memory_fs_clear(fs);
    lo.every = 1;
    lo.log = eo.log = take_line;
    lo.log_user = eo.log_user = &lines;
    co.delete_existing = 1;
    co.keep_last = 1;
    fo.epochs = 2;
    fo.listeners = l;
    fo.n_listeners = 4;
    dl4c_status status = dl4c_fs_register(ctx, &ops, fs, NULL, err);
    if (status == DL4C_OK)
        status = dl4c_builder_create(ctx, NULL, &b, err);
    if (status == DL4C_OK) {
        dl4c_builder_input(b, "in", shape, 1);
        dl4c_builder_add_text(b, "output:units=3,activation=softmax", "v0", &in, 1);
        status = dl4c_builder_finish(&b, &g, err);
    }
    if (status == DL4C_OK)
        status = dl4c_tensor_wrap(ctx, DL4C_F32, dims, NULL, 2, x, 0, NULL, NULL, &tx, err);
    if (status == DL4C_OK)
        status = dl4c_tensor_wrap(ctx, DL4C_I64, dims, NULL, 1, labels, 0, NULL, NULL, &tl, err);
    if (status == DL4C_OK)
        status = dl4c_source_tensors(ctx, tx, tl, TOY_CLASSES, &s, err);
    if (status == DL4C_OK)
        status = dl4c_listener_score(ctx, &lo, &l[0], err);
    if (status == DL4C_OK)
        status = dl4c_listener_time(ctx, &lo, &l[1], err);
    if (status == DL4C_OK)
        status = dl4c_listener_evaluative(ctx, s, &eo, &l[2], err);
    if (status == DL4C_OK)
        status = dl4c_listener_checkpoint(ctx, "mem://h/c", &co, &l[3], err);
    if (status == DL4C_OK)
        status = dl4c_fit(g, s, &fo, err);
    if (status == DL4C_OK)
        status = dl4c_checkpoint_last(ctx, "mem://h/c", &uri, err);
    dl4c_free(uri);
    for (int i = 0; i < 4; i++)
        dl4c_listener_close(&l[i]);
    dl4c_tensor_unref(&tx);
    dl4c_tensor_unref(&tl);
    dl4c_source_destroy(&s);
    dl4c_graph_destroy(&g);
    assert_int_equal(fs->open_writers, 0);
    return status;
}

static void listeners_report_nomem_and_leak_nothing(void **state)
{
    (void)state;
    struct memory_fs fs = { .n_files = 0 };
    assert_true(fail_alloc_run(listen, &fs) > 100);
    memory_fs_clear(&fs);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(score_writes_the_lines_of_deeplearning4j),
        cmocka_unit_test(performance_writes_the_lines_of_deeplearning4j),
        cmocka_unit_test(time_tells_what_remains),
        cmocka_unit_test(what_a_listener_says_goes_to_the_log_where_no_sink_is_given),
        cmocka_unit_test(evaluative_evaluates_when_it_is_told_to),
        cmocka_unit_test(evaluative_writes_the_text_of_deeplearning4j),
        cmocka_unit_test(evaluative_ends_where_fit_has_to),
        cmocka_unit_test(checkpoints_are_kept_as_deeplearning4j_keeps_them),
        cmocka_unit_test(a_checkpoint_goes_on_as_the_training_did),
        cmocka_unit_test(a_directory_with_checkpoints_is_left_alone_unless_told),
        cmocka_unit_test(a_checkpoint_that_cannot_be_written_fails_fit_with_the_reason),
        cmocka_unit_test(the_last_checkpoint_of_a_list_that_lies_is_refused),
        cmocka_unit_test(an_event_that_fails_without_words_still_fails_fit),
        cmocka_unit_test(an_event_stops_training_where_it_says),
        cmocka_unit_test(options_that_make_no_sense_are_refused),
        cmocka_unit_test(listeners_report_nomem_and_leak_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
