/* SPDX-License-Identifier: Apache-2.0 */
/* A training that was interrupted and goes on: the same bits as one that never was, and what is refused. */
#define _XOPEN_SOURCE 700 /* mkdtemp, truncate */
#include "fs/memory_fs.h"
#include "graph/graph.h"
#include "support/must.h"
#include "train/toy.h"
#include <dl4c/model.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { N = 50, N_VAL = 20, STEPS = 13 /* of an epoch, at batch 4 */ };

/* A directory of the test's, with everything in it gone afterwards. */
struct place {
    char dir[64], checkpoints[96], run[96];
};

static struct place make_place(void)
{
    struct place p = { .dir = "/tmp/dl4c-resume-XXXXXX" };
    assert_non_null(mkdtemp(p.dir));
    snprintf(p.checkpoints, sizeof p.checkpoints, "%s/kept", p.dir);
    snprintf(p.run, sizeof p.run, "%s/run", p.dir);
    return p;
}

static void remove_place(const struct place *p)
{
    char command[128];
    snprintf(command, sizeof command, "rm -rf '%s'", p->dir);
    assert_int_equal(system(command), 0);
}

/* Interrupts at an iteration; a step is long enough for a checkpoint to be due after it. */
struct trip {
    int64_t at;      /* iteration; 0: never */
    bool dies;       /* the process, as kill -9 would */
    int32_t *cancel; /* is set instead of failing */
    bool slow;
};

static dl4c_status on_event(void *user, struct dl4c_train_event *e, struct dl4c_error *err)
{
    const struct trip *t = user;
    const struct timespec pause = { .tv_nsec = 1200000 };
    if (e->kind != DL4C_TRAIN_ITERATION)
        return DL4C_OK;
    if (t->slow)
        nanosleep(&pause, NULL);
    if (!t->at || e->iteration != t->at)
        return DL4C_OK;
    if (t->dies)
        _exit(3);
    if (t->cancel) {
        *t->cancel = 1;
        return DL4C_OK;
    }
    err->status = DL4C_E_IO;
    snprintf(err->message, sizeof err->message, "pulled the plug");
    return DL4C_E_IO;
}

static const char *hidden = "dense:units=7,activation=relu,dropout=0.7"; /* of the network; one test has another */

/* Dropout, so that random numbers matter, and an updater with state. */
static dl4c_graph *network(void)
{
    const int64_t shape[] = { TOY_FEATURES };
    const char *specs[] = { hidden, "output:units=3,activation=softmax" };
    return toy_graph(NULL, shape, 1, specs, 2);
}

static bool gradients; /* of the test at work: workers average them */

static struct dl4c_fit_options options(const struct place *p, int workers)
{
    struct dl4c_fit_options o = DL4C_FIT_OPTIONS_INIT;
    o.batch = 4;
    o.epochs = 4;
    o.updater = "adam:lr=0.02";
    o.workers = workers;
    o.averaging_frequency = workers > 1 && gradients ? 0 : 2;
    o.flags = workers > 1 && gradients ? DL4C_FIT_GRADIENTS : 0;
    o.checkpoint_every_ms = 1;
    o.checkpoint_dir = p ? p->checkpoints : NULL;
    o.run_dir = p ? p->run : NULL;
    return o;
}

static dl4c_status train_once(struct dl4c_fit_options *o, struct trip *trip, dl4c_graph **g, struct dl4c_error *err)
{
    dl4c_source *s = toy_source(NULL, N, 1), *val = toy_source(NULL, N_VAL, 2);
    const struct dl4c_listener l = { .struct_size = sizeof l, .user = trip, .event = on_event };
    o->listeners = &l;
    o->n_listeners = 1;
    o->validation = val;
    *g = network();
    const dl4c_status status = dl4c_fit(*g, s, o, err);
    o->listeners = NULL;
    o->validation = NULL;
    dl4c_source_destroy(&s);
    dl4c_source_destroy(&val);
    return status;
}

static void same(dl4c_graph *a, dl4c_graph *b)
{
    char *x = NULL, *y = NULL;
    assert_int_equal(dl4c_graph_digest(a, &x, NULL), DL4C_OK);
    assert_int_equal(dl4c_graph_digest(b, &y, NULL), DL4C_OK);
    assert_string_equal(x, y);
    assert_int_equal(a->iteration, b->iteration);
    assert_int_equal(a->epoch, b->epoch);
    assert_int_equal(a->updater_state->bytes, b->updater_state->bytes);
    assert_memory_equal(a->updater_state->data, b->updater_state->data, a->updater_state->bytes);
    assert_string_equal(a->info.training, b->info.training);
    dl4c_free(x);
    dl4c_free(y);
}

/* A file of the run's record without the values that are measured. */
static char *lines_of(const struct place *p, const char *name)
{
    char path[160], line[1024];
    size_t used = 0;
    char *all = calloc(1, 1 << 20);
    snprintf(path, sizeof path, "%s/%s", p->run, name);
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    while (fgets(line, sizeof line, f)) {
        const char *from = strstr(line, "\"epoch\"");
        char *to = strstr(line, ", \"rate\"");
        to = to ? to : strstr(line, ", \"seconds\"");
        assert_non_null(from);
        assert_non_null(to);
        const char *rest = strchr(to + 1, ','); /* of an epoch its labels */
        assert_null(strstr(rest ? rest : "", "null"));
        *to = '\0';
        used += (size_t)snprintf(all + used, (1 << 20) - used, "%s%s\n", from, rest ? rest : "");
    }
    fclose(f);
    return all;
}

static void same_record(const struct place *a, const struct place *b)
{
    static const char *const names[] = { "scores.jsonl", "epochs.jsonl" };
    for (int i = 0; i < 2; i++) {
        char *x = lines_of(a, names[i]), *y = lines_of(b, names[i]);
        assert_string_equal(x, y);
        free(x);
        free(y);
    }
}

/* Wherever it fails, in the first step, within an epoch, at its end and in the last: what comes out is what would have come out. */
static void interrupted_anywhere_it_ends_with_the_same_bits(int workers, int early_stopping)
{
    struct dl4c_error err = DL4C_ERROR_INIT;
    struct place whole = make_place();
    struct trip none = { .slow = true };
    struct dl4c_fit_options o = options(&whole, workers);
    dl4c_graph *want;
    o.early_stopping = (uint32_t)early_stopping;
    must(train_once(&o, &none, &want, &err), &err);
    const int64_t moments[] = { 1, 2, STEPS / 2, STEPS, STEPS + 1, 2 * STEPS + 5, 3 * STEPS + 1 };
    for (size_t i = 0; i < sizeof moments / sizeof *moments; i++) {
        struct place p = make_place();
        struct trip trip = { .at = workers > 1 ? (moments[i] + workers - 1) / workers : moments[i], .slow = true };
        dl4c_graph *g;
        o = options(&p, workers);
        o.early_stopping = (uint32_t)early_stopping;
        o.resume = i % 2; /* nothing is there yet: from the beginning */
        assert_int_equal(train_once(&o, &trip, &g, &err), DL4C_E_IO);
        dl4c_graph_destroy(&g);
        o.resume = 1;
        must(train_once(&o, &none, &g, &err), &err);
        same(g, want);
        same_record(&p, &whole);
        dl4c_graph_destroy(&g);
        remove_place(&p);
    }
    dl4c_graph_destroy(&want);
    remove_place(&whole);
}

static void alone(void **state)
{
    (void)state;
    interrupted_anywhere_it_ends_with_the_same_bits(1, 0);
}

static void alone_with_early_stopping(void **state)
{
    (void)state;
    interrupted_anywhere_it_ends_with_the_same_bits(1, 2);
}

static void with_workers(void **state)
{
    (void)state;
    interrupted_anywhere_it_ends_with_the_same_bits(3, 0);
}

/* The beginning of an event, as a process that dies while it writes leaves it. */
static void begin_an_event(const struct place *p)
{
    char path[160];
    snprintf(path, sizeof path, "%s/events.jsonl", p->run);
    FILE *f = fopen(path, "a");
    assert_non_null(f);
    assert_true(fputs("{\"time\": 1.5, \"kind\": \"check", f) >= 0);
    assert_int_equal(fclose(f), 0);
}

static void all_events_are_whole(const struct place *p)
{
    char path[160], line[1024];
    int resumed = 0;
    snprintf(path, sizeof path, "%s/events.jsonl", p->run);
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    while (fgets(line, sizeof line, f)) {
        const size_t n = strlen(line);
        assert_true(n > 2 && line[0] == '{' && line[n - 2] == '}' && line[n - 1] == '\n');
        assert_null(strstr(line + 1, "{\"time\""));
        resumed += strstr(line, "\"resumed\"") != NULL;
    }
    assert_int_equal(resumed, 1);
    fclose(f);
}

static void with_workers_that_average_gradients(void **state)
{
    (void)state;
    gradients = true;
    interrupted_anywhere_it_ends_with_the_same_bits(3, 0);
    gradients = false;
}

static void a_killed_process_leaves_a_checkpoint_to_go_on_from(void **state)
{
    (void)state;
    struct dl4c_error err = DL4C_ERROR_INIT;
    struct place whole = make_place(), p = make_place();
    struct trip none = { 0 }, dies = { .at = 2 * STEPS + 3, .dies = true, .slow = true };
    struct dl4c_fit_options o = options(&p, 1);
    dl4c_graph *g, *want;
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        (void)train_once(&o, &dies, &g, &err);
        _exit(4);
    }
    int how = 0;
    assert_int_equal(waitpid(child, &how, 0), child);
    assert_true(WIFEXITED(how) && WEXITSTATUS(how) == 3);
    begin_an_event(&p);
    o.resume = 1;
    must(train_once(&o, &none, &g, &err), &err);
    all_events_are_whole(&p);
    o = options(&whole, 1);
    must(train_once(&o, &none, &want, &err), &err);
    same(g, want);
    same_record(&p, &whole);
    dl4c_graph_destroy(&g);
    dl4c_graph_destroy(&want);
    remove_place(&whole);
    remove_place(&p);
}

/* No checkpoint was due before, so that the one that is found is that of the cancelled step; and it ends after more epochs than were asked
 * for first. */
static void a_cancelled_training_keeps_its_last_step(void **state)
{
    (void)state;
    struct dl4c_error err = DL4C_ERROR_INIT;
    struct place p = make_place();
    int32_t cancel = 0;
    struct trip none = { 0 }, trip = { .at = 7, .cancel = &cancel };
    struct dl4c_fit_options o = options(&p, 1);
    dl4c_graph *g, *want;
    char path[160];
    o.checkpoint_every_ms = 3600000;
    o.cancel = &cancel;
    o.epochs = 2;
    assert_int_equal(train_once(&o, &trip, &g, &err), DL4C_E_CANCELLED);
    assert_int_equal(g->iteration, 7);
    dl4c_graph_destroy(&g);
    snprintf(path, sizeof path, "%s/checkpoint.safetensors", p.checkpoints);
    must(dl4c_model_load(NULL, path, NULL, &g, &err), &err);
    assert_int_equal(g->iteration, 7);
    dl4c_graph_destroy(&g);
    cancel = 0;
    o.resume = 1;
    o.epochs = 4;
    must(train_once(&o, &none, &g, &err), &err);
    o = options(NULL, 1);
    must(train_once(&o, &none, &want, &err), &err);
    same(g, want);
    dl4c_graph_destroy(&g);
    dl4c_graph_destroy(&want);
    remove_place(&p);
}

/* A training that was done is done; with resume its model comes back. */
static void what_is_done_stays_done(void **state)
{
    (void)state;
    struct dl4c_error err = DL4C_ERROR_INIT;
    struct place p = make_place();
    struct trip none = { 0 };
    struct dl4c_fit_options o = options(&p, 1);
    dl4c_graph *g, *again;
    must(train_once(&o, &none, &g, &err), &err);
    o.resume = 1;
    must(train_once(&o, &none, &again, &err), &err);
    same(g, again);
    dl4c_graph_destroy(&g);
    dl4c_graph_destroy(&again);
    remove_place(&p);
}

static void another_training_is_refused(void **state)
{
    (void)state;
    struct dl4c_error err = DL4C_ERROR_INIT;
    struct place p = make_place();
    struct trip none = { 0 };
    struct dl4c_fit_options o = options(&p, 1);
    dl4c_graph *g;
    o.epochs = 1;
    must(train_once(&o, &none, &g, &err), &err);
    dl4c_graph_destroy(&g);
    o.run_dir = NULL;
    assert_int_equal(train_once(&o, &none, &g, &err), DL4C_E_STATE);
    assert_non_null(strstr(err.message, "is there already"));
    dl4c_graph_destroy(&g);
    o.resume = 1;
    for (int i = 0; i < 5; i++) {
        static const char *const says[] = { "batch is 4, that of this one is 5", "seed is \"42\", that of this one is \"7\"",
                                            "updater is \"adam:lr=0.02\", that of this one is \"sgd:lr=0.1\"",
                                            "l2 is 0, that of this one is 0.5",
                                            "that of this one is \"nesterovs:lr_schedule=step(decay=0.5" /* cut */ };
        struct dl4c_fit_options other = o;
        if (i == 0)
            other.batch = 5;
        else if (i == 1)
            other.seed = 7;
        else if (i == 2)
            other.updater = "sgd:lr=0.1";
        else if (i == 3)
            other.l2 = 0.5;
        else
            other.updater = "nesterovs:lr=0.1,momentum=0.9,lr_schedule=step(decay=0.5,step=10,by=epoch),"
                            "momentum_schedule=step(decay=0.75,step=20,by=epoch)";
        assert_int_equal(train_once(&other, &none, &g, &err), DL4C_E_STATE);
        if (!strstr(err.message, says[i]))
            fail_msg("\"%s\" does not say \"%s\"", err.message, says[i]);
        assert_int_equal(g->iteration, 0);
        dl4c_graph_destroy(&g);
    }
    const char *const before = hidden; /* the same weights, trained in another way */
    hidden = "dense:units=7,activation=relu,dropout=0.5,l2=0.125";
    const dl4c_status status = train_once(&o, &none, &g, &err);
    hidden = before;
    assert_int_equal(status, DL4C_E_STATE);
    assert_non_null(strstr(err.message, " is \"dense:dropout=0.7\", that of this one is \"dense:dropout=0.5,l2=0.125\""));
    dl4c_graph_destroy(&g);
    remove_place(&p);
}

static void a_damaged_checkpoint_is_refused(void **state)
{
    (void)state;
    struct dl4c_error err = DL4C_ERROR_INIT;
    struct place p = make_place();
    struct trip none = { 0 };
    struct dl4c_fit_options o = options(&p, 1);
    dl4c_graph *g;
    char path[160];
    must(train_once(&o, &none, &g, &err), &err);
    dl4c_graph_destroy(&g);
    o.resume = 1;
    snprintf(path, sizeof path, "%s/checkpoint.safetensors", p.checkpoints);
    assert_int_equal(truncate(path, 300), 0);
    assert_int_equal(train_once(&o, &none, &g, &err), DL4C_E_CORRUPT);
    assert_non_null(strstr(err.message, "checkpoint.safetensors"));
    dl4c_graph_destroy(&g);
    struct dl4c_save_options so = DL4C_SAVE_OPTIONS_INIT;
    g = network();
    must(dl4c_model_save(g, path, &so, &err), &err); /* a model, but no checkpoint */
    dl4c_graph_destroy(&g);
    assert_int_equal(train_once(&o, &none, &g, &err), DL4C_E_CORRUPT);
    assert_non_null(strstr(err.message, "says nothing of where its training stood"));
    dl4c_graph_destroy(&g);
    remove_place(&p);
}

/* The disk is full when the second one is written: fit says so, and the first is whole. */
static void a_checkpoint_that_cannot_be_written_leaves_the_one_before(void **state)
{
    (void)state;
    struct dl4c_error err = DL4C_ERROR_INIT;
    struct memory_fs fs = { 0 };
    dl4c_context *ctx = NULL;
    assert_int_equal(dl4c_context_create(NULL, &ctx, NULL), DL4C_OK);
    assert_int_equal(dl4c_fs_register(ctx, &memory_fs_ops, &fs, NULL, NULL), DL4C_OK);
    struct dl4c_fit_options o = options(NULL, 1);
    dl4c_graph *g = toy_head(ctx);
    dl4c_source *s = toy_source(ctx, N, 1);
    o.checkpoint_dir = "mem://host/kept";
    o.checkpoint_every_ms = 3600000;
    o.epochs = 1;
    must(dl4c_fit(g, s, &o, &err), &err);
    dl4c_graph_destroy(&g);
    o.resume = 1;
    o.epochs = 2;
    fs.commit_fails = 1;
    g = toy_head(ctx);
    assert_int_equal(dl4c_fit(g, s, &o, &err), DL4C_E_IO);
    dl4c_graph_destroy(&g);
    fs.commit_fails = 0;
    g = toy_head(ctx);
    must(dl4c_fit(g, s, &o, &err), &err);
    assert_int_equal(g->epoch, 2);
    dl4c_graph_destroy(&g);
    dl4c_source_destroy(&s);
    dl4c_context_destroy(&ctx);
    assert_int_equal(fs.open_files, 0);
    assert_int_equal(fs.open_writers, 0);
    memory_fs_clear(&fs);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(alone),
        cmocka_unit_test(alone_with_early_stopping),
        cmocka_unit_test(with_workers),
        cmocka_unit_test(with_workers_that_average_gradients),
        cmocka_unit_test(a_killed_process_leaves_a_checkpoint_to_go_on_from),
        cmocka_unit_test(a_cancelled_training_keeps_its_last_step),
        cmocka_unit_test(what_is_done_stays_done),
        cmocka_unit_test(another_training_is_refused),
        cmocka_unit_test(a_damaged_checkpoint_is_refused),
        cmocka_unit_test(a_checkpoint_that_cannot_be_written_leaves_the_one_before),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
