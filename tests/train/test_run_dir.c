/* SPDX-License-Identifier: Apache-2.0 */
/* The record of a training: what is in it, where it may go, and what happens when it cannot be written. */
#include "train/run_dir.h"
#include "fs/memory_fs.h"
#include "graph/graph.h"
#include "support/fail_alloc.h"
#include "support/must.h"
#include "train/toy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* ---- a file system in memory that appends ---- */

struct disk {
    struct memory_fs fs; /* first: its members get the same pointer */
    int appends;         /* calls that brought bytes */
    int fail_at;         /* the appends from this one on fail, after half of the bytes; 0: none does */
};

static dl4c_status append(void *user, const char *authority, const char *path, const void *bytes, size_t size, struct dl4c_error *err)
{
    struct disk *d = user;
    char name[64];
    snprintf(name, sizeof name, "%s%s", authority, path);
    const struct memory_file *f = memory_fs_find(&d->fs, name);
    const bool fails = size > 0 && d->fail_at && ++d->appends >= d->fail_at;
    const size_t before = f ? f->size : 0, more = fails ? size / 2 : size;
    char *all = malloc(before + more + 1);
    if (before)
        memcpy(all, f->bytes, before);
    if (more)
        memcpy(all + before, bytes, more);
    memory_fs_put(&d->fs, name, all, before + more);
    free(all);
    if (!fails)
        return DL4C_OK;
    err->status = DL4C_E_IO;
    snprintf(err->message, sizeof err->message, "%s: the memory disk is full", name);
    return DL4C_E_IO;
}

static dl4c_context *context_on(struct disk *d)
{
    struct dl4c_fs_ops ops = memory_fs_ops;
    dl4c_context *ctx = NULL;
    ops.append = append;
    assert_int_equal(dl4c_context_create(NULL, &ctx, NULL), DL4C_OK);
    assert_int_equal(dl4c_fs_register(ctx, &ops, d, NULL, NULL), DL4C_OK);
    return ctx;
}

static char *text_of(const struct disk *d, const char *name)
{
    const struct memory_file *f = memory_fs_find(&d->fs, name);
    if (!f)
        fail_msg("%s is missing", name);
    char *text = calloc(1, f->size + 1);
    memcpy(text, f->bytes, f->size);
    return text;
}

/* The whole lines of a file as an array of objects; what follows the last '\n' is left out, as a reader does. */
static json_t *lines_of(const struct disk *d, const char *name)
{
    char *text = text_of(d, name);
    json_t *lines = json_array();
    for (char *line = text, *end; (end = strchr(line, '\n')) != NULL; line = end + 1) {
        *end = '\0';
        json_t *o = json_loads(line, JSON_REJECT_DUPLICATES, NULL);
        if (!json_is_object(o))
            fail_msg("%s: \"%s\" is no object", name, line);
        json_array_append_new(lines, o);
    }
    free(text);
    return lines;
}

static double num(json_t *line, const char *key)
{
    json_t *v = json_object_get(line, key);
    if (!v)
        fail_msg("there is no \"%s\"", key);
    return json_is_null(v) ? NAN : json_number_value(v);
}

static const char *str(json_t *line, const char *key)
{
    const char *text = json_string_value(json_object_get(line, key));
    return text ? text : "(none)";
}

struct scores {
    double of[64];
    int n, stop_at;
};

static int note(void *user, int64_t iteration, int64_t epoch, double score)
{
    struct scores *s = user;
    (void)epoch;
    s->of[s->n++] = score;
    return s->stop_at && iteration == s->stop_at;
}

struct training {
    struct disk disk;
    dl4c_context *ctx;
    dl4c_graph *graph;
    dl4c_source *train, *test;
    struct scores scores;
    struct dl4c_listener listener;
    struct dl4c_fit_options o;
    struct dl4c_error err;
};

static void begin(struct training *t)
{
    memset(t, 0, sizeof *t);
    t->ctx = context_on(&t->disk);
    t->graph = toy_head(t->ctx);
    t->train = toy_source(t->ctx, 20, 1);
    t->test = toy_source(t->ctx, 9, 2);
    t->listener = (struct dl4c_listener)DL4C_LISTENER_INIT;
    t->listener.user = &t->scores;
    t->listener.iteration_done = note;
    t->o = (struct dl4c_fit_options)DL4C_FIT_OPTIONS_INIT;
    t->o.epochs = 3;
    t->o.batch = 8;
    t->o.updater = "sgd:lr=0.1";
    t->o.run_dir = "mem://disk/run";
    t->o.listeners = &t->listener;
    t->o.n_listeners = 1;
}

static void end(struct training *t)
{
    dl4c_source_destroy(&t->train);
    dl4c_source_destroy(&t->test);
    dl4c_graph_destroy(&t->graph);
    dl4c_context_destroy(&t->ctx);
    assert_int_equal(t->disk.fs.open_writers, 0);
    memory_fs_clear(&t->disk.fs);
}

static const char *last_kind(json_t *events) { return str(json_array_get(events, json_array_size(events) - 1), "kind"); }

/* ---- what is recorded ---- */

static void a_training_is_recorded_to_the_bit(void **state)
{
    (void)state;
    struct training t;
    begin(&t);
    t.o.validation = t.test;
    t.o.command = "me \"again\"";
    t.o.seed = 7;
    const time_t before = time(NULL);
    must(dl4c_fit(t.graph, t.train, &t.o, &t.err), &t.err);

    json_t *scores = lines_of(&t.disk, "disk/run/scores.jsonl");
    assert_int_equal(json_array_size(scores), 9); /* 20 examples in batches of 8, 8 and 4, three times */
    for (int i = 0; i < 9; i++) {
        json_t *line = json_array_get(scores, (size_t)i);
        assert_true(num(line, "score") == t.scores.of[i]);
        assert_true(num(line, "epoch") == i / 3 + 1);
        assert_true(num(line, "iteration") == i + 1);
        assert_true(num(line, "examples") == (i % 3 == 2 ? 4 : 8));
        assert_true(num(line, "worker") == 0);
        assert_true(json_is_null(json_object_get(line, "round")));
        assert_true(isnan(num(line, "rate")) || num(line, "rate") > 0);
        assert_true(num(line, "time") >= (double)before && num(line, "time") < (double)before + 3600);
        assert_int_equal(json_object_size(line), 8);
    }
    json_t *epochs = lines_of(&t.disk, "disk/run/epochs.jsonl");
    assert_int_equal(json_array_size(epochs), 3);
    for (int i = 0; i < 3; i++) {
        json_t *line = json_array_get(epochs, (size_t)i);
        assert_true(num(line, "epoch") == i + 1 && num(line, "iteration") == 3 * (i + 1) && num(line, "examples") == 20);
        assert_true(num(line, "train_score") == (t.scores.of[3 * i] + t.scores.of[3 * i + 1] + t.scores.of[3 * i + 2]) / 3);
        assert_true(num(line, "train_accuracy") >= 0 && num(line, "train_accuracy") <= 1);
        assert_true(num(line, "val_score") > 0 && num(line, "val_accuracy") >= 0 && num(line, "seconds") >= 0);
        assert_int_equal(json_object_size(line), 12);
    }
    assert_true(num(json_array_get(epochs, 2), "val_accuracy") > 0.9); /* separable */
    assert_true(num(json_array_get(epochs, 2), "train_accuracy") > 0.9);
    json_t *events = lines_of(&t.disk, "disk/run/events.jsonl");
    assert_int_equal(json_array_size(events), 2);
    assert_string_equal(str(json_array_get(events, 0), "kind"), "start");
    assert_string_equal(last_kind(events), "end");
    json_decref(scores);
    json_decref(epochs);
    json_decref(events);
    end(&t);
}

static void run_json_says_how_to_do_it_again(void **state)
{
    (void)state;
    struct training t;
    begin(&t);
    char *digest = NULL;
    const float weights[] = { 1, 0.5f, 2 };
    t.o.validation = t.test;
    t.o.command = "me \"again\"";
    t.o.seed = 7;
    t.o.l2 = 0.25;
    t.o.class_weights = weights;
    t.o.n_class_weights = 3;
    must(dl4c_graph_digest(t.graph, &digest, &t.err), &t.err);
    must(dl4c_fit(t.graph, t.train, &t.o, &t.err), &t.err);
    char *text = text_of(&t.disk, "disk/run/run.json");
    json_t *run = json_loads(text, JSON_REJECT_DUPLICATES, NULL), *options = json_object_get(run, "options");
    assert_non_null(run);
    assert_string_equal(str(run, "command"), "me \"again\"");
    assert_true(num(run, "seed") == 7 && num(run, "format") == 1 && num(run, "time") > 1e9 && num(run, "threads") >= 1);
    assert_string_equal(str(json_object_get(run, "versions"), "dl4c"), dl4c_version_string());
    assert_string_equal(str(run, "kernels"), dl4c_cpu_kernels());
    assert_true(json_is_string(json_object_get(run, "cpu")) && json_is_string(json_object_get(run, "gemm")));
    assert_string_equal(str(options, "updater"), "sgd:lr=0.1");
    assert_true(num(options, "epochs") == 3 && num(options, "batch") == 8 && num(options, "l2") == 0.25 && num(options, "workers") == 1);
    assert_true(json_number_value(json_array_get(json_object_get(options, "class_weights"), 1)) == 0.5);
    assert_string_equal(str(json_object_get(run, "digests"), "model"), digest);
    assert_true(json_is_null(json_object_get(json_object_get(run, "digests"), "train"))); /* tensors have none */
    assert_true(num(json_object_get(run, "train"), "rows") == 20 && num(json_object_get(run, "validation"), "rows") == 9);
    json_decref(run);
    free(text);
    dl4c_free(digest);
    end(&t);
}

static void nan_is_null(void **state)
{
    (void)state;
    struct training t;
    begin(&t);
    must(dl4c_fit(t.graph, t.train, &t.o, &t.err), &t.err);
    json_t *epochs = lines_of(&t.disk, "disk/run/epochs.jsonl");
    for (size_t i = 0; i < 3; i++) {
        json_t *line = json_array_get(epochs, i);
        assert_true(json_is_null(json_object_get(line, "val_score")) && json_is_null(json_object_get(line, "val_accuracy")));
    }
    json_decref(epochs);
    end(&t);
}

static double count_of(json_t *epoch, size_t worker, size_t class)
{
    return json_number_value(json_array_get(json_array_get(json_object_get(epoch, "labels"), worker), class));
}

/* 30 examples in the order of their classes, two workers with batches of 5: each step's first half goes to worker 0. */
static void labels_tell_workers_and_order_apart(void **state)
{
    (void)state;
    for (int shuffled = 0; shuffled < 2; shuffled++) {
        struct training t;
        begin(&t);
        dl4c_source_destroy(&t.train);
        float x[30 * TOY_FEATURES], y[30 * TOY_CLASSES] = { 0 };
        int64_t labels[30];
        toy_values(1, 30 * TOY_FEATURES, x);
        for (int i = 0; i < 30; i++) {
            labels[i] = i / 10;
            y[i * TOY_CLASSES + labels[i]] = 1;
        }
        const int64_t x_shape[] = { TOY_FEATURES }, y_shape[] = { TOY_CLASSES };
        dl4c_tensor *tx = toy_f32(x, 30, x_shape, 1), *ty = shuffled ? toy_f32(y, 30, y_shape, 1) : toy_i64(labels, 30);
        must(dl4c_source_tensors(t.ctx, tx, ty, TOY_CLASSES, &t.train, &t.err), &t.err);
        t.o.workers = 2;
        t.o.batch = 5;
        t.o.no_shuffle = !shuffled;
        must(dl4c_fit(t.graph, t.train, &t.o, &t.err), &t.err);
        json_t *epochs = lines_of(&t.disk, "disk/run/epochs.jsonl");
        for (size_t e = 0; e < 3; e++) {
            json_t *line = json_array_get(epochs, e);
            for (size_t c = 0; c < TOY_CLASSES; c++) {
                assert_true(count_of(line, 0, c) + count_of(line, 1, c) == 10);
                assert_true(shuffled || count_of(line, 0, c) == 5);
            }
            /* Six minibatches, each of one class: chi-squared is 30 * (3 - 1), its mean over all orders 10 * 30 / 29. */
            if (!shuffled)
                assert_float_equal(num(line, "label_dispersion"), 60.0 * 29 / 300, 1e-5);
            else
                assert_true(num(line, "label_dispersion") < 2.5);
        }
        json_decref(epochs);
        dl4c_tensor_unref(&tx);
        dl4c_tensor_unref(&ty);
        end(&t);
    }
}

/* The same steps with and without a record. */
static void a_record_changes_no_bit(void **state)
{
    (void)state;
    struct training with, without;
    begin(&with);
    begin(&without);
    without.o.run_dir = NULL;
    must(dl4c_fit(with.graph, with.train, &with.o, &with.err), &with.err);
    must(dl4c_fit(without.graph, without.train, &without.o, &without.err), &without.err);
    char *a = NULL, *b = NULL;
    must(dl4c_graph_digest(with.graph, &a, &with.err), &with.err);
    must(dl4c_graph_digest(without.graph, &b, &with.err), &with.err);
    assert_string_equal(a, b);
    assert_int_equal(without.disk.fs.n_files, 0);
    dl4c_free(a);
    dl4c_free(b);
    end(&with);
    end(&without);
}

/* ---- how it ends ---- */

static void early_stopping_and_listeners_leave_events(void **state)
{
    (void)state;
    struct training t;
    begin(&t);
    t.o.updater = "sgd:lr=0"; /* no epoch is better than the first */
    t.o.validation = t.test;
    t.o.early_stopping = 2;
    t.o.epochs = 9;
    must(dl4c_fit(t.graph, t.train, &t.o, &t.err), &t.err);
    json_t *events = lines_of(&t.disk, "disk/run/events.jsonl");
    assert_int_equal(json_array_size(events), 3);
    assert_string_equal(str(json_array_get(events, 1), "kind"), "early_stopping");
    assert_true(num(json_array_get(events, 1), "epoch") == 3);
    assert_non_null(strstr(str(json_array_get(events, 2), "message"), "epoch 1 is kept"));
    json_decref(events);

    t.o.run_dir = "mem://disk/two";
    t.o.early_stopping = 0;
    t.scores = (struct scores){ .stop_at = 5 };
    must(dl4c_fit(t.graph, t.train, &t.o, &t.err), &t.err);
    events = lines_of(&t.disk, "disk/two/events.jsonl");
    assert_string_equal(str(json_array_get(events, 1), "kind"), "stopped");
    assert_string_equal(last_kind(events), "end");
    json_decref(events);
    end(&t);
}

static void a_failure_is_the_last_event(void **state)
{
    (void)state;
    struct training t;
    begin(&t);
    t.o.updater = "sgd:lr=1e30";
    t.o.l2 = 1;
    t.o.epochs = 9;
    assert_int_equal(dl4c_fit(t.graph, t.train, &t.o, NULL), DL4C_E_DIVERGED);
    json_t *events = lines_of(&t.disk, "disk/run/events.jsonl"), *scores = lines_of(&t.disk, "disk/run/scores.jsonl");
    assert_string_equal(last_kind(events), "diverged");
    assert_non_null(strstr(str(json_array_get(events, 1), "message"), "iteration"));
    assert_int_equal(json_array_size(scores), t.scores.n); /* what was done before it is not lost */
    json_decref(events);
    json_decref(scores);

    const int32_t cancel = 1;
    t.o.run_dir = "mem://disk/two";
    t.o.updater = NULL;
    t.o.cancel = &cancel;
    dl4c_graph *fresh = toy_head(t.ctx);
    assert_int_equal(dl4c_fit(fresh, t.train, &t.o, &t.err), DL4C_E_CANCELLED);
    events = lines_of(&t.disk, "disk/two/events.jsonl");
    assert_string_equal(last_kind(events), "cancelled");
    json_decref(events);
    dl4c_graph_destroy(&fresh);
    end(&t);
}

static void a_class_without_an_example_is_a_warning(void **state)
{
    (void)state;
    struct training t;
    begin(&t);
    dl4c_source_destroy(&t.train);
    float x[4 * TOY_FEATURES];
    int64_t labels[] = { 0, 2, 0, 2 };
    toy_values(1, 4 * TOY_FEATURES, x);
    const int64_t shape[] = { TOY_FEATURES };
    dl4c_tensor *tx = toy_f32(x, 4, shape, 1), *ty = toy_i64(labels, 4);
    must(dl4c_source_tensors(t.ctx, tx, ty, TOY_CLASSES, &t.train, &t.err), &t.err);
    t.o.balanced = 1;
    must(dl4c_fit(t.graph, t.train, &t.o, &t.err), &t.err);
    json_t *events = lines_of(&t.disk, "disk/run/events.jsonl");
    assert_int_equal(json_array_size(events), 3);
    assert_string_equal(str(json_array_get(events, 1), "kind"), "warning");
    assert_string_equal(str(json_array_get(events, 1), "message"), "class 1 has no example");
    json_decref(events);
    dl4c_tensor_unref(&tx);
    dl4c_tensor_unref(&ty);
    end(&t);
}

/* ---- where it may go ---- */

static void two_runs_are_never_mixed(void **state)
{
    (void)state;
    static const char *const names[] = { "run.json", "scores.jsonl", "epochs.jsonl", "events.jsonl" };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct training t;
        char name[64];
        begin(&t);
        snprintf(name, sizeof name, "disk/run/%s", names[i]);
        memory_fs_put(&t.disk.fs, name, "x", 1);
        assert_int_equal(dl4c_fit(t.graph, t.train, &t.o, &t.err), DL4C_E_STATE);
        assert_non_null(strstr(t.err.message, names[i]));
        assert_int_equal(t.disk.fs.n_files, 1);
        assert_int_equal(t.graph->iteration, 0);
        t.o.run_dir = NULL; /* the graph can still be trained */
        must(dl4c_fit(t.graph, t.train, &t.o, &t.err), &t.err);
        end(&t);
    }
}

static void a_trainer_keeps_no_record(void **state)
{
    (void)state;
    struct training t;
    begin(&t);
    dl4c_trainer *trainer;
    assert_int_equal(dl4c_trainer_create(t.graph, &t.o, &trainer, &t.err), DL4C_E_INVALID);
    assert_null(trainer);
    assert_non_null(strstr(t.err.message, "mem://disk/run"));
    end(&t);
}

static void a_wrong_option_leaves_no_directory(void **state)
{
    (void)state;
    struct training t;
    begin(&t);
    t.o.updater = "sgd:lr=fast";
    assert_int_equal(dl4c_fit(t.graph, t.train, &t.o, &t.err), DL4C_E_INVALID);
    assert_int_equal(t.disk.fs.n_files, 0);
    end(&t);
}

/* A file system that cannot append says so before the first step. */
static void a_file_system_must_append(void **state)
{
    (void)state;
    struct memory_fs fs = { .n_files = 0 };
    dl4c_context *ctx = NULL;
    struct dl4c_error err = DL4C_ERROR_INIT;
    must(dl4c_context_create(NULL, &ctx, &err), &err);
    must(dl4c_fs_register(ctx, &memory_fs_ops, &fs, NULL, &err), &err);
    dl4c_graph *g = toy_head(ctx);
    dl4c_source *s = toy_source(ctx, 20, 1);
    struct dl4c_fit_options o = DL4C_FIT_OPTIONS_INIT;
    o.run_dir = "mem://disk/run";
    assert_int_equal(dl4c_fit(g, s, &o, &err), DL4C_E_UNSUPPORTED);
    assert_non_null(strstr(err.message, "append"));
    assert_int_equal(fs.n_files, 0);
    assert_int_equal(g->iteration, 0);
    o.run_dir = "other://disk/run";
    assert_int_equal(dl4c_fit(g, s, &o, &err), DL4C_E_UNSUPPORTED);
    dl4c_source_destroy(&s);
    dl4c_graph_destroy(&g);
    dl4c_context_destroy(&ctx);
}

/* ---- what fails ---- */

/* Whichever append fails, the training does, with that sentence; nothing is written after it, and what was written is whole lines and at
 * most one torn one at the end. */
static void a_full_disk_fails_the_training(void **state)
{
    (void)state;
    int failures = 0;
    for (int at = 1;; at++) {
        struct training t;
        begin(&t);
        t.o.validation = t.test;
        t.disk.fail_at = at;
        const dl4c_status status = dl4c_fit(t.graph, t.train, &t.o, &t.err);
        if (status == DL4C_OK) {
            end(&t);
            break;
        }
        failures++;
        assert_int_equal(status, DL4C_E_IO);
        assert_non_null(strstr(t.err.message, "the memory disk is full"));
        assert_int_equal(t.disk.appends, at);
        json_t *events = lines_of(&t.disk, "disk/run/events.jsonl");
        assert_true(json_array_size(events) <= 2);
        json_decref(events);
        json_decref(lines_of(&t.disk, "disk/run/scores.jsonl"));
        json_decref(lines_of(&t.disk, "disk/run/epochs.jsonl"));
        end(&t);
    }
    assert_true(failures >= 8); /* start, three times scores and epoch, end */

    struct training t;
    begin(&t);
    t.disk.fs.full_at = 10; /* run.json itself */
    assert_int_equal(dl4c_fit(t.graph, t.train, &t.o, &t.err), DL4C_E_IO);
    assert_null(memory_fs_find(&t.disk.fs, "disk/run/run.json"));
    end(&t);
}

static dl4c_status record_in(dl4c_context *ctx, void *arg, struct dl4c_error *err)
{
    struct disk disk = { .fail_at = 0 };
    struct dl4c_fs_ops ops = memory_fs_ops;
    struct dl4c_fit_options o = DL4C_FIT_OPTIONS_INIT;
    struct dli_run *run = NULL;
    dl4c_graph *g = NULL;
    (void)arg;
    ops.append = append;
    dl4c_status status = dl4c_fs_register(ctx, &ops, &disk, NULL, err);
    if (status == DL4C_OK) {
        dl4c_builder *b = NULL;
        const int64_t shape[] = { 2 };
        const char *in = "in";
        status = dl4c_builder_create(ctx, NULL, &b, err);
        if (status == DL4C_OK) {
            dl4c_builder_input(b, "in", shape, 1);
            dl4c_builder_add_text(b, "output:units=2,activation=softmax", "out", &in, 1);
            status = dl4c_builder_finish(&b, &g, err);
        }
    }
    if (status == DL4C_OK) {
        o.run_dir = "mem://disk/run";
        o.epochs = 1;
        const struct dli_run_about about = { .options = &o, .graph = g, .updater = "sgd", .threads = 1 };
        status = dli_run_create(&about, &run, err);
        assert_true((status == DL4C_OK) == (run != NULL));
    }
    const struct dli_run_score s = { .epoch = 1, .round = -1, .iteration = 1, .examples = 1, .score = 0.1, .rate = NAN };
    const struct dli_run_epoch e = { .epoch = 1, .round = -1, .iteration = 1, .examples = 1, .train_score = NAN };
    if (status == DL4C_OK)
        status = dli_run_score(run, &s, err);
    if (status == DL4C_OK)
        status = dli_run_epoch(run, &e, err);
    if (status == DL4C_OK)
        status = dli_run_event(run, "end", 1, 1, err, "%s", "done");
    if (status != DL4C_OK) {
        const struct dl4c_error why = { .status = status, .message = "why" };
        dli_run_failed(run, 1, 1, &why);
    } else {
        json_decref(lines_of(&disk, "disk/run/epochs.jsonl"));
    }
    dli_run_close(&run);
    dl4c_graph_destroy(&g);
    memory_fs_clear(&disk.fs);
    return status;
}

static void every_allocation_may_fail(void **state)
{
    (void)state;
    assert_true(fail_alloc_run(record_in, NULL) > 10);
}

/* A second of scores, or 64 KiB, is one append; the rest waits for the end of the epoch. */
static void scores_are_gathered(void **state)
{
    (void)state;
    struct training t;
    begin(&t);
    t.disk.fail_at = INT32_MAX; /* counts */
    struct dli_run *run = NULL;
    t.o.threads = 1;
    const struct dli_run_about about = { .options = &t.o, .graph = t.graph, .source = t.train, .updater = "sgd", .threads = 1 };
    must(dli_run_create(&about, &run, &t.err), &t.err);
    t.disk.appends = 0;
    const struct dli_run_score s = { .epoch = 1, .round = 4, .iteration = 1, .worker = 3, .examples = 1, .score = 0.1, .rate = 5 };
    for (int i = 0; i < 2000; i++)
        must(dli_run_score(run, &s, &t.err), &t.err);
    must(dli_run_flush(run, &t.err), &t.err);
    const struct memory_file *f = memory_fs_find(&t.disk.fs, "disk/run/scores.jsonl");
    assert_true(f->size > 2 * 64 * 1024);
    assert_true(t.disk.appends >= 3 && t.disk.appends <= 50); /* 50: half a minute of a machine that is very busy */
    json_t *lines = lines_of(&t.disk, "disk/run/scores.jsonl");
    assert_int_equal(json_array_size(lines), 2000);
    assert_true(num(json_array_get(lines, 1999), "round") == 4 && num(json_array_get(lines, 1999), "worker") == 3);
    json_decref(lines);
    dli_run_close(&run);
    end(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_training_is_recorded_to_the_bit),
        cmocka_unit_test(run_json_says_how_to_do_it_again),
        cmocka_unit_test(nan_is_null),
        cmocka_unit_test(labels_tell_workers_and_order_apart),
        cmocka_unit_test(a_record_changes_no_bit),
        cmocka_unit_test(early_stopping_and_listeners_leave_events),
        cmocka_unit_test(a_failure_is_the_last_event),
        cmocka_unit_test(a_class_without_an_example_is_a_warning),
        cmocka_unit_test(two_runs_are_never_mixed),
        cmocka_unit_test(a_trainer_keeps_no_record),
        cmocka_unit_test(a_wrong_option_leaves_no_directory),
        cmocka_unit_test(a_file_system_must_append),
        cmocka_unit_test(a_full_disk_fails_the_training),
        cmocka_unit_test(scores_are_gathered),
        cmocka_unit_test(every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
