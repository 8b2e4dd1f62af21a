/* SPDX-License-Identifier: Apache-2.0 */
/* Reading the record of a training while it grows, and whatever became of it. */
#include "base/number.h"
#include "monitor/record.h"
#include "fs/memory_fs.h"
#include "support/fail_alloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ALL = 1 << 30 };

struct watched {
    struct memory_fs fs;
    dl4c_context *ctx;
    struct dli_record *r;
    int64_t stamp;
};

static void begin(struct watched *w)
{
    memset(w, 0, sizeof *w);
    assert_int_equal(dl4c_context_create(NULL, &w->ctx, NULL), DL4C_OK);
    assert_int_equal(dl4c_fs_register(w->ctx, &memory_fs_ops, &w->fs, NULL, NULL), DL4C_OK);
    assert_int_equal(dli_record_create(w->ctx, "mem://disk/run", &w->r, NULL), DL4C_OK);
}

static void end(struct watched *w)
{
    dli_record_destroy(&w->r);
    assert_int_equal(w->fs.open_files, 0);
    dl4c_context_destroy(&w->ctx);
    memory_fs_clear(&w->fs);
}

static void put(struct watched *w, const char *name, const char *text)
{
    char path[64];
    snprintf(path, sizeof path, "disk/run/%s", name);
    memory_fs_put(&w->fs, path, text, strlen(text));
}

static void look(struct watched *w)
{
    do
        assert_int_equal(dli_record_refresh(w->r, ++w->stamp, ALL, NULL), DL4C_OK);
    while (w->r->more);
}

static void score(char *text, size_t size, int64_t iteration, int worker, double value)
{
    char line[256];
    snprintf(line, sizeof line,
             "{\"time\": %" PRId64 ".5, \"epoch\": 1, \"round\": 1, \"iteration\": %" PRId64
             ", \"worker\": %d, \"examples\": 8, \"score\": %s, \"rate\": 100}\n",
             1000 + iteration, iteration, worker, DLI_NUM(value));
    assert_true(strlen(text) + strlen(line) < size);
    strcat(text, line);
}

static const char epoch_1[] = "{\"time\": 1010, \"epoch\": 1, \"round\": null, \"iteration\": 9, \"examples\": 72, \"train_score\": 1.5, "
                              "\"train_accuracy\": 0.5, \"val_score\": 1.25, \"val_accuracy\": 0.625, \"seconds\": 2, \"labels\": null, "
                              "\"label_dispersion\": null}\n";
static const char start[] = "{\"time\": 1000, \"kind\": \"start\", \"epoch\": 0, \"round\": null, \"iteration\": 0, \"worker\": null, "
                            "\"message\": \"up to 3 epochs\"}\n";
static const char stop[] = "{\"time\": 2000, \"kind\": \"end\", \"epoch\": 1, \"round\": null, \"iteration\": 9, \"worker\": null, "
                           "\"message\": \"done\"}\n";

static void a_record_is_read(void **state)
{
    (void)state;
    struct watched w;
    char text[8192] = "";
    begin(&w);
    for (int i = 1; i <= 9; i++)
        for (int k = 0; k < 2; k++)
            score(text, sizeof text, i, k, i + 0.25 * k);
    put(&w, "run.json", "{\"format\": 1,\n \"options\": {\"batch\": 8}, \"seed\": 18446744073709551615}\n");
    put(&w, "scores.jsonl", text);
    put(&w, "epochs.jsonl", epoch_1);
    put(&w, "events.jsonl", start);
    look(&w);
    assert_non_null(strstr(w.r->about, "\"format\":1"));
    assert_true(w.r->batch == 8);
    assert_string_equal(w.r->about_trouble, "");
    assert_int_equal(w.r->scores.n, 9);
    assert_int_equal(w.r->scores.base, 1);
    assert_int_equal(w.r->most_workers, 2);
    assert_true(dli_trace_cell(&w.r->scores, 3, 1)->sum == 4.25 && dli_trace_cell(&w.r->scores, 3, 1)->rate == 100);
    assert_true(w.r->newest == 1010);
    assert_true(dli_trace_cell(&w.r->epochs, 0, DLI_EPOCH_VAL_ACCURACY)->sum == 0.625);
    assert_true(dli_trace_cell(&w.r->epochs, 0, DLI_EPOCH_ITERATION)->sum == 9);
    assert_int_equal(w.r->n_events, 1);
    assert_string_equal(w.r->events[0].kind, "start");
    assert_int_equal(w.r->events[0].worker, -1);
    assert_false(dli_record_ended(w.r));
    for (int i = 0; i < DLI_LOGS; i++)
        assert_true(w.r->logs[i].bad == 0 && w.r->logs[i].trouble[0] == '\0');
    char both[1024];
    snprintf(both, sizeof both, "%s%s", start, stop);
    put(&w, "events.jsonl", both);
    look(&w);
    assert_int_equal(w.r->n_events, 2);
    assert_true(dli_record_ended(w.r));
    end(&w);
}

static void nothing_is_there_yet(void **state)
{
    (void)state;
    struct watched w;
    begin(&w);
    look(&w);
    assert_null(w.r->about);
    assert_string_equal(w.r->about_trouble, "run.json is not there");
    assert_true(w.r->scores.n == 0 && w.r->n_events == 0 && isnan(w.r->newest) && w.r->replaced == 0);
    end(&w);
}

/* As it may be seen while it is written: after every byte. */
static void every_line_is_read_once_however_it_comes(void **state)
{
    (void)state;
    struct watched w;
    char text[4096] = "", part[4096];
    begin(&w);
    for (int i = 1; i <= 5; i++)
        score(text, sizeof text, i, 0, i);
    for (size_t n = 0; n <= strlen(text); n++) {
        memcpy(part, text, n);
        part[n] = '\0';
        put(&w, "scores.jsonl", part);
        look(&w);
        int64_t lines = 0;
        for (size_t i = 0; i < n; i++)
            lines += part[i] == '\n';
        assert_int_equal(w.r->scores.n, lines);
        assert_int_equal(w.r->logs[DLI_LOG_SCORES].bad, 0);
    }
    for (int i = 0; i < 5; i++)
        assert_true(dli_trace_cell(&w.r->scores, i, 0)->n == 1 && dli_trace_cell(&w.r->scores, i, 0)->sum == i + 1);
    end(&w);
}

static void bad_lines_are_left_out_and_said(void **state)
{
    (void)state;
    static const struct {
        const char *name, *line, *why;
    } cases[] = {
        { "scores.jsonl", "", "" },
        { "scores.jsonl", "nonsense", "" },
        { "scores.jsonl", "[1]", "no object" },
        { "scores.jsonl", "{\"iteration\": 2, \"score\": 1", "" },
        { "scores.jsonl", "{\"score\": 1}", "count" },
        { "scores.jsonl", "{\"iteration\": -2, \"score\": 1}", "count" },
        { "scores.jsonl", "{\"iteration\": 1.5, \"score\": 1}", "count" },
        { "scores.jsonl", "{\"iteration\": 1e300, \"score\": 1}", "count" },
        { "scores.jsonl", "{\"iteration\": 9007199254740993000, \"score\": 1}", "count" },
        { "scores.jsonl", "{\"iteration\": 3000000, \"score\": 1}", "far" },
        { "scores.jsonl", "{\"iteration\": 2, \"score\": \"low\"}", "no number" },
        { "scores.jsonl", "{\"iteration\": 2, \"score\": 1e999}", "" },
        { "scores.jsonl", "{\"iteration\": 2, \"iteration\": 3, \"score\": 1}", "" },
        { "scores.jsonl", "{\"iteration\": 2, \"score\": 1, \"worker\": 1e15}", "workers" },
        { "scores.jsonl", "{\"iteration\": 2, \"score\": 1, \"worker\": \"\xff\"}", "" },
        { "epochs.jsonl", "{\"epoch\": null}", "count" },
        { "epochs.jsonl", "{\"epoch\": 2, \"val_score\": []}", "no number" },
        { "epochs.jsonl", "{\"epoch\": 2, \"labels\": 3}", "list" },
        { "epochs.jsonl", "{\"epoch\": 2, \"labels\": [[1, 2], [1]]}", "list" },
        { "epochs.jsonl", "{\"epoch\": 2, \"labels\": [[1, -2]]}", "list" },
        { "epochs.jsonl", "{\"epoch\": 2, \"labels\": [[1, 1e300]]}", "list" },
        { "epochs.jsonl", "{\"epoch\": 2, \"label_dispersion\": true}", "no number" },
        { "epochs.jsonl", "{\"epoch\": 20000000}", "far" },
        { "events.jsonl", "{\"time\": 1}", "kind" },
        { "events.jsonl", "{\"kind\": \"\"}", "kind" },
        { "events.jsonl", "{\"kind\": \"x\", \"worker\": \"all\"}", "count" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct watched w;
        char text[4096] = "", good[1024] = "";
        const int log = cases[i].name[0] == 's' ? DLI_LOG_SCORES : cases[i].name[1] == 'p' ? DLI_LOG_EPOCHS : DLI_LOG_EVENTS;
        begin(&w);
        if (log == DLI_LOG_SCORES)
            score(good, sizeof good, 1, 0, 1);
        else
            strcpy(good, log == DLI_LOG_EPOCHS ? epoch_1 : start);
        snprintf(text, sizeof text, "%s%s\n%s", good, cases[i].line, good);
        put(&w, cases[i].name, text);
        look(&w);
        assert_int_equal(w.r->logs[log].bad, 1);
        assert_int_equal(w.r->logs[log].first_bad, 2);
        if (!strstr(w.r->logs[log].why, cases[i].why) || !w.r->logs[log].why[0])
            fail_msg("%s: \"%s\", wanted \"%s\"", cases[i].line, w.r->logs[log].why, cases[i].why);
        assert_int_equal(w.r->logs[log].tail.lines, 3);
        end(&w);
    }
}

static void null_and_unknown_keys_are_no_fault(void **state)
{
    (void)state;
    struct watched w;
    begin(&w);
    put(&w, "scores.jsonl", "{\"iteration\": 1, \"score\": null, \"colour\": [{}]}\n{\"iteration\": 2, \"score\": 1, \"rate\": null}\n");
    put(&w, "epochs.jsonl", "{\"epoch\": 1, \"val_score\": null}\n");
    put(&w, "events.jsonl", "{\"kind\": \"eclipse\", \"message\": null}\n");
    look(&w);
    for (int i = 0; i < DLI_LOGS; i++)
        assert_int_equal(w.r->logs[i].bad, 0);
    assert_int_equal(w.r->not_finite, 1);
    assert_int_equal(w.r->scores.n, 1);
    assert_int_equal(w.r->n_events, 1);
    end(&w);
}

static void a_file_cut_short_or_replaced_is_read_anew(void **state)
{
    (void)state;
    struct watched w;
    char text[4096] = "", other[4096] = "";
    begin(&w);
    for (int i = 1; i <= 5; i++)
        score(text, sizeof text, i, 0, 1);
    for (int i = 1; i <= 9; i++)
        score(other, sizeof other, i, 0, 2);
    put(&w, "scores.jsonl", text);
    put(&w, "events.jsonl", start);
    look(&w);
    assert_int_equal(w.r->scores.n, 5);

    strchr(text, '\n')[1] = '\0'; /* shorter */
    put(&w, "scores.jsonl", text);
    look(&w);
    assert_int_equal(w.r->scores.n, 1);
    assert_int_equal(w.r->replaced, 1);
    assert_int_equal(w.r->n_events, 1);

    put(&w, "scores.jsonl", other); /* longer, and not the same */
    look(&w);
    assert_int_equal(w.r->scores.n, 9);
    assert_int_equal(w.r->replaced, 2);
    assert_true(dli_trace_cell(&w.r->scores, 0, 0)->n == 1 && dli_trace_cell(&w.r->scores, 0, 0)->sum == 2);

    memory_fs_clear(&w.fs); /* gone */
    look(&w);
    assert_true(w.r->scores.n == 0 && w.r->n_events == 0 && w.r->replaced >= 3);
    put(&w, "scores.jsonl", text);
    look(&w);
    assert_int_equal(w.r->scores.n, 1);
    end(&w);
}

static void another_run_under_the_name_starts_over(void **state)
{
    (void)state;
    struct watched w;
    char text[4096] = "";
    begin(&w);
    score(text, sizeof text, 1, 0, 1);
    put(&w, "run.json", "{\"seed\": 1}");
    put(&w, "scores.jsonl", text);
    look(&w);
    const int64_t before = w.stamp;
    put(&w, "run.json", "{\"seed\": 2}");
    look(&w);
    assert_int_equal(w.r->replaced, 1);
    assert_true(w.r->about_stamp > before && dli_trace_changed(&w.r->scores, before) == 0 && w.r->scores.n == 1);
    put(&w, "run.json", "{\"seed\": 2"); /* what is no object changes nothing but what is said */
    look(&w);
    assert_non_null(strstr(w.r->about_trouble, "run.json: "));
    assert_string_equal(w.r->about, "{\"seed\":2.0}");
    assert_int_equal(w.r->replaced, 1);
    end(&w);
}

static void going_on_from_an_earlier_state_replaces_what_came_after_it(void **state)
{
    (void)state;
    struct watched w;
    char text[8192] = "";
    begin(&w);
    for (int i = 1; i <= 9; i++)
        for (int k = 0; k < 2; k++)
            score(text, sizeof text, i, k, 1);
    for (int i = 5; i <= 7; i++)
        for (int k = 0; k < 2; k++)
            score(text, sizeof text, i, k, 2);
    put(&w, "scores.jsonl", text);
    put(&w, "events.jsonl", stop);
    look(&w);
    assert_int_equal(w.r->scores.n, 7);
    assert_int_equal(w.r->restarts, 1);
    for (int i = 0; i < 7; i++)
        for (int k = 0; k < 2; k++)
            assert_true(dli_trace_cell(&w.r->scores, i, k)->n == 1 && dli_trace_cell(&w.r->scores, i, k)->sum == (i < 4 ? 1 : 2));
    assert_string_equal(w.r->events[0].kind, "restart");
    assert_int_equal(w.r->events[0].iteration, 5);
    assert_true(dli_record_ended(w.r)); /* the end was later */
    end(&w);
}

static void an_epoch_done_again_replaces_the_first(void **state)
{
    (void)state;
    struct watched w;
    begin(&w);
    put(&w, "epochs.jsonl", "{\"epoch\": 1, \"val_score\": 3}\n{\"epoch\": 2, \"val_score\": 2}\n{\"epoch\": 1, \"val_score\": 1}\n");
    look(&w);
    assert_int_equal(w.r->epochs.n, 1);
    assert_true(dli_trace_cell(&w.r->epochs, 0, DLI_EPOCH_VAL_SCORE)->sum == 1);
    end(&w);
}

static void memory_stays_bounded(void **state)
{
    (void)state;
    enum { STEPS = 60000 };
    struct watched w;
    const size_t size = STEPS * 70;
    char *text = malloc(size), *p = text;
    begin(&w);
    for (int i = 1; i <= STEPS; i++)
        p += snprintf(p, size - (size_t)(p - text), "{\"iteration\": %d, \"worker\": %d, \"score\": %d}\n", i, i % 100, i % 10);
    put(&w, "scores.jsonl", text);
    look(&w);
    assert_int_equal(w.r->most_workers, 100);
    assert_int_equal(w.r->scores.columns, DLI_RECORD_WORKERS);
    assert_true(w.r->scores.n <= 8192 && w.r->scores.n * w.r->scores.width >= STEPS);
    double n = 0;
    for (int64_t b = 0; b < w.r->scores.n; b++)
        for (int32_t c = 0; c < DLI_RECORD_WORKERS; c++)
            n += (double)dli_trace_cell(&w.r->scores, b, c)->n;
    assert_true(n == STEPS);
    free(text);

    text = calloc(1, 1 << 20);
    for (int i = 0; i < 3000; i++)
        p = text + strlen(text), snprintf(p, 64, "{\"kind\": \"%s\", \"iteration\": %d}\n", i ? "warning" : "start", i);
    put(&w, "events.jsonl", text);
    look(&w);
    assert_true(w.r->n_events <= 1000 && w.r->n_events + (size_t)w.r->events_lost == 3000);
    assert_string_equal(w.r->events[0].kind, "start");
    assert_int_equal(w.r->events[w.r->n_events - 1].iteration, 2999);

    for (int i = 0; i < 3000; i++) /* checkpoints go before what is rare */
        p = text + strlen(text), snprintf(p, 64, "{\"kind\": \"%s\", \"iteration\": %d}\n", i % 100 ? "checkpoint" : "worker_lost", i);
    p = strstr(text, "{\"kind\": \"worker_lost");
    memmove(text, p, strlen(p) + 1);
    put(&w, "events.jsonl", text);
    look(&w);
    int lost = 0;
    for (size_t i = 0; i < w.r->n_events; i++)
        lost += strcmp(w.r->events[i].kind, "worker_lost") == 0;
    assert_int_equal(lost, 30);
    free(text);
    end(&w);
}

static void a_line_without_end_is_left_out(void **state)
{
    (void)state;
    struct watched w;
    const size_t long_line = DLI_TAIL_LINE + DLI_TAIL_LINE / 2;
    char good[512] = "";
    begin(&w);
    score(good, sizeof good, 1, 0, 1);
    const size_t n = strlen(good);
    char *text = malloc(long_line + 2 * n + 2);
    memcpy(text, good, n);
    memset(text + n, 'x', long_line);
    strcpy(text + n + long_line, "");
    put(&w, "scores.jsonl", text);
    look(&w);
    assert_int_equal(w.r->logs[DLI_LOG_SCORES].bad, 0); /* who knows what it becomes */
    assert_true(w.r->logs[DLI_LOG_SCORES].tail.skipping);
    text[n + long_line] = '\n';
    strcpy(text + n + long_line + 1, good);
    put(&w, "scores.jsonl", text);
    look(&w);
    assert_int_equal(w.r->logs[DLI_LOG_SCORES].bad, 1);
    assert_int_equal(w.r->logs[DLI_LOG_SCORES].first_bad, 2);
    assert_true(dli_trace_cell(&w.r->scores, 0, 0)->n == 2);
    free(text);
    end(&w);
}

/* A budget is kept, and what was left is read by the next looks. */
static void a_long_file_is_read_in_pieces(void **state)
{
    (void)state;
    enum { STEPS = 60000 };
    struct watched w;
    char *text = malloc(STEPS * 128), *p = text;
    begin(&w);
    for (int i = 1; i <= STEPS; i++)
        p += snprintf(p, 128, "{\"iteration\": %d, \"score\": 1,%80s}\n", i, "\"a\": 1");
    put(&w, "scores.jsonl", text);
    assert_int_equal(dli_record_refresh(w.r, ++w.stamp, 1000, NULL), DL4C_OK);
    assert_true(w.r->more && w.r->scores.n > 0 && w.r->logs[DLI_LOG_SCORES].tail.offset < (int64_t)strlen(text) / 2);
    look(&w);
    assert_int_equal(w.r->last_iteration, STEPS);
    free(text);
    end(&w);
}

/* ---- labels ---- */

static void shares(struct watched *w, const char *labels, const char *dispersion)
{
    char line[512];
    snprintf(line, sizeof line, "{\"epoch\": 1, \"examples\": 4000, \"labels\": %s, \"label_dispersion\": %s}\n", labels, dispersion);
    put(w, "run.json", "{\"options\": {\"batch\": 32}}");
    put(w, "epochs.jsonl", line);
    look(w);
    assert_int_equal(w->r->logs[DLI_LOG_EPOCHS].bad, 0);
}

static void shares_that_differ_are_told_from_chance(void **state)
{
    (void)state;
    static const struct {
        const char *labels, *dispersion;
        bool differ, unmixed;
    } cases[] = {
        { "[[1000, 1000], [1000, 1000]]", "1.0", false, false },
        { "[[1030, 970], [970, 1030]]", "0.9", false, false }, /* as chance may */
        { "[[1060, 940], [940, 1060]]", "1.1", false, false }, /* hardly chance, but small */
        { "[[1500, 500], [500, 1500]]", "1.4", true, false },  /* two examples of three */
        { "[[2000, 0], [0, 2000]]", "32", true, true },
        { "[[1000, 1000], [1000, 1000]]", "30.5", false, true }, /* the classes one after the other, to both alike */
        { "[[3, 1], [1, 3]]", "1", false, false },               /* too few to say */
        { "[[2000, 2000]]", "1.0", false, false },
        { "[[2000, 2000]]", "20", false, true },
        { "[[4000, 0]]", "null", false, false },
        { "[[0, 0], [2000, 2000]]", "1", false, false }, /* one worker had nothing */
        { "[[0, 0], [0, 0]]", "null", false, false },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct watched w;
        begin(&w);
        shares(&w, cases[i].labels, cases[i].dispersion);
        if (w.r->labels.differ != cases[i].differ || w.r->labels.unmixed != cases[i].unmixed)
            fail_msg("%s: differ %d, unmixed %d", cases[i].labels, w.r->labels.differ, w.r->labels.unmixed);
        assert_true(w.r->labels.v >= 0 && w.r->labels.v <= 1 + 1e-12);
        end(&w);
    }
}

static void the_furthest_shares_are_named(void **state)
{
    (void)state;
    struct watched w;
    begin(&w);
    shares(&w, "[[900, 50, 50], [100, 450, 450]]", "5");
    assert_int_equal(w.r->labels.n_worst, 6);
    assert_int_equal(w.r->labels.worst[0].class, 0);
    assert_float_equal(fabs(w.r->labels.worst[0].share - 0.5), 0.4, 1e-12);
    assert_float_equal(w.r->labels.worst[0].all, 0.5, 1e-12);
    for (int i = 1; i < 6; i++)
        assert_true(fabs(w.r->labels.worst[i].share - w.r->labels.worst[i].all) <=
                    fabs(w.r->labels.worst[i - 1].share - w.r->labels.worst[i - 1].all));
    /* Chi-squared by hand: (400^2 + 400^2) / 500 + 4 * 200^2 / 250 = 1280; V = sqrt(1280 / 2000). */
    assert_float_equal(w.r->labels.v, 0.8, 1e-12);
    end(&w);
}

/* ---- memory ---- */

static dl4c_status read_all(dl4c_context *ctx, void *arg, struct dl4c_error *err)
{
    struct memory_fs *fs = arg;
    struct dli_record *r;
    dl4c_status status = dl4c_fs_register(ctx, &memory_fs_ops, fs, NULL, err);
    if (status != DL4C_OK || (status = dli_record_create(ctx, "mem://disk/run", &r, err)) != DL4C_OK)
        return status;
    status = dli_record_refresh(r, 1, ALL, err);
    dli_record_destroy(&r);
    return status;
}

static void every_allocation_may_fail(void **state)
{
    (void)state;
    struct watched w;
    char text[4096] = "";
    begin(&w);
    for (int i = 1; i <= 9; i++)
        score(text, sizeof text, i, i % 3, 1);
    score(text, sizeof text, 1, 0, 1); /* an event */
    put(&w, "run.json", "{\"options\": {\"batch\": 8}}");
    put(&w, "scores.jsonl", text);
    put(&w, "epochs.jsonl", "{\"epoch\": 1, \"val_score\": 1, \"labels\": [[1, 2], [2, 1]]}\n");
    put(&w, "events.jsonl", start);
    assert_true(fail_alloc_run(read_all, &w.fs) > 10);
    end(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_record_is_read),
        cmocka_unit_test(nothing_is_there_yet),
        cmocka_unit_test(every_line_is_read_once_however_it_comes),
        cmocka_unit_test(bad_lines_are_left_out_and_said),
        cmocka_unit_test(null_and_unknown_keys_are_no_fault),
        cmocka_unit_test(a_file_cut_short_or_replaced_is_read_anew),
        cmocka_unit_test(another_run_under_the_name_starts_over),
        cmocka_unit_test(going_on_from_an_earlier_state_replaces_what_came_after_it),
        cmocka_unit_test(an_epoch_done_again_replaces_the_first),
        cmocka_unit_test(memory_stays_bounded),
        cmocka_unit_test(a_line_without_end_is_left_out),
        cmocka_unit_test(a_long_file_is_read_in_pieces),
        cmocka_unit_test(shares_that_differ_are_told_from_chance),
        cmocka_unit_test(the_furthest_shares_are_named),
        cmocka_unit_test(every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
