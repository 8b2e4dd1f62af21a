/* SPDX-License-Identifier: Apache-2.0 */
/* What the page gets: all of a run first, then what is new; and who may ask. */
#include "monitor/monitor.h"
#include "fs/memory_fs.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct watched {
    struct memory_fs fs;
    dl4c_context *ctx;
    struct dli_record *record, *records[1];
    dl4c_monitor m;
    char now[64];
};

static void begin(struct watched *w)
{
    memset(w, 0, sizeof *w);
    assert_int_equal(dl4c_context_create(NULL, &w->ctx, NULL), DL4C_OK);
    assert_int_equal(dl4c_fs_register(w->ctx, &memory_fs_ops, &w->fs, NULL, NULL), DL4C_OK);
    assert_int_equal(dli_record_create(w->ctx, "mem://disk/a \"run\"", &w->record, NULL), DL4C_OK);
    w->records[0] = w->record;
    w->m.ctx = w->ctx;
    w->m.records = w->records;
    w->m.n = 1;
    w->m.id = 0x1234;
}

static void end(struct watched *w)
{
    dli_record_destroy(&w->record);
    dl4c_context_destroy(&w->ctx);
    memory_fs_clear(&w->fs);
}

static void put(struct watched *w, const char *name, const char *text)
{
    char path[64];
    snprintf(path, sizeof path, "disk/a \"run\"/%s", name);
    memory_fs_put(&w->fs, path, text, strlen(text));
}

/* The answer to `since`, which must be JSON; *size of its text. */
static json_t *ask(struct watched *w, const char *since, size_t *size)
{
    struct dli_strbuf b;
    w->m.looked_ns = INT64_MIN;
    dli_strbuf_init(&b, w->ctx);
    assert_int_equal(dli_monitor_answer(&w->m, since, &b, NULL), DL4C_OK);
    json_error_t why;
    json_t *root = json_loadb(b.text, b.length, JSON_REJECT_DUPLICATES, &why);
    if (!root)
        fail_msg("%s: %s", why.text, b.text);
    if (size)
        *size = b.length;
    snprintf(w->now, sizeof w->now, "%s", json_string_value(json_object_get(root, "now")));
    dli_strbuf_free(&b);
    return root;
}

static json_t *run_of(json_t *answer) { return json_array_get(json_object_get(answer, "runs"), 0); }

static int64_t whole(json_t *o, const char *list, const char *key)
{
    return json_integer_value(json_object_get(json_object_get(o, list), key));
}

static size_t length(json_t *o, const char *list, const char *key)
{
    return json_array_size(json_object_get(json_object_get(o, list), key));
}

static char *steps(int64_t n)
{
    char *text = malloc((size_t)n * 64 + 1), *p = text;
    *p = '\0';
    for (int64_t i = 1; i <= n; i++)
        p += sprintf(p, "{\"iteration\": %lld, \"score\": 0.5, \"rate\": 8}\n", (long long)i);
    return text;
}

static void an_answer_has_what_is_new(void **state)
{
    (void)state;
    struct watched w;
    begin(&w);
    char *text = steps(100);
    put(&w, "run.json", "{\"seed\": 1}");
    put(&w, "scores.jsonl", text);
    put(&w, "epochs.jsonl", "{\"epoch\": 1, \"val_accuracy\": 0.25, \"labels\": [[4, 0], [0, 4]]}\n");
    put(&w, "events.jsonl", "{\"time\": 5, \"kind\": \"start\", \"message\": \"a \\\"quoted\\\" <b>\"}\n");
    json_t *a = ask(&w, NULL, NULL), *run = run_of(a);
    assert_true(json_is_true(json_object_get(a, "whole")));
    assert_string_equal(json_string_value(json_object_get(run, "dir")), "mem://disk/a \"run\"");
    assert_true(json_is_object(json_object_get(run, "about")) && json_is_object(json_object_get(run, "labels")));
    assert_true(whole(run, "scores", "n") == 100 && whole(run, "scores", "from") == 0 && whole(run, "scores", "base") == 1);
    assert_true(length(run, "scores", "time") == 100 && length(run, "scores", "rate") == 100);
    assert_int_equal(json_array_size(json_array_get(json_object_get(json_object_get(run, "scores"), "mean"), 0)), 100);
    assert_null(json_object_get(json_object_get(run, "scores"), "low")); /* each bucket is one step */
    assert_true(length(run, "epochs", "val_accuracy") == 1 && length(run, "events", "list") == 1);
    json_decref(a);

    size_t size;
    a = ask(&w, w.now, &size); /* nothing */
    run = run_of(a);
    assert_true(json_is_false(json_object_get(a, "whole")));
    assert_null(json_object_get(run, "about"));
    assert_null(json_object_get(run, "labels"));
    assert_true(whole(run, "scores", "from") == 100 && length(run, "scores", "time") == 0 && length(run, "events", "list") == 0);
    assert_true(size < 1000);
    json_decref(a);

    free(text);
    text = steps(103);
    put(&w, "scores.jsonl", text);
    char before[64];
    snprintf(before, sizeof before, "%s", w.now);
    for (int i = 0; i < 2; i++) { /* who asks again gets it again */
        a = ask(&w, before, NULL);
        run = run_of(a);
        assert_true(whole(run, "scores", "from") == 100 && length(run, "scores", "time") == 3 && whole(run, "scores", "n") == 103);
        json_decref(a);
    }
    free(text);
    end(&w);
}

static void many_steps_are_some_thousand_points(void **state)
{
    enum { STEPS = 100000 };
    (void)state;
    struct watched w;
    size_t size;
    begin(&w);
    char *text = steps(STEPS);
    put(&w, "scores.jsonl", text);
    json_t *a;
    do {
        a = ask(&w, NULL, &size);
        if (json_is_false(json_object_get(run_of(a), "more")))
            break;
        json_decref(a);
    } while (true);
    assert_true(whole(run_of(a), "scores", "n") <= 8192 && whole(run_of(a), "scores", "n") > 4096);
    assert_int_equal(length(run_of(a), "scores", "time"), whole(run_of(a), "scores", "n"));
    assert_true(json_is_array(json_object_get(json_object_get(run_of(a), "scores"), "low")));
    assert_true(size < 1000000);
    json_decref(a);
    const size_t n = strlen(text); /* one step more: one bucket more */
    char *more = malloc(n + 100);
    snprintf(more, n + 100, "%s{\"iteration\": %d, \"score\": 0.5}\n", text, STEPS + 1);
    put(&w, "scores.jsonl", more);
    a = ask(&w, w.now, &size);
    assert_int_equal(length(run_of(a), "scores", "time"), 1);
    assert_true(size < 1000);
    json_decref(a);
    free(more);
    free(text);
    end(&w);
}

static void stamps_of_others_get_everything(void **state)
{
    (void)state;
    static const char *const others[] = { "",
                                          "0",
                                          "-",
                                          "0000000000001235-1",
                                          "0000000000001234-",
                                          "0000000000001234-99",
                                          "0000000000001234-x",
                                          "0000000000001234-ffffffffffffffffffff",
                                          "0000000000001234--1" };
    struct watched w;
    begin(&w);
    char *text = steps(3);
    put(&w, "scores.jsonl", text);
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        json_t *a = ask(&w, others[i], NULL);
        assert_int_equal(length(run_of(a), "scores", "time"), 3);
        json_decref(a);
    }
    free(text);
    end(&w);
}

static void what_is_wrong_is_said(void **state)
{
    (void)state;
    struct watched w;
    begin(&w);
    put(&w, "run.json", "{");
    put(&w, "scores.jsonl", "{\"iteration\": 1, \"score\": null}\nwhat\n{\"iteration\"");
    put(&w, "events.jsonl", "{\"time\": 5, \"kind\": \"end\"}\n");
    put(&w, "epochs.jsonl", "");
    json_t *a = ask(&w, NULL, NULL);
    a = (json_decref(a), ask(&w, NULL, NULL)); /* half a line is known as such once it did not grow */
    char *notes = json_dumps(json_object_get(run_of(a), "notes"), 0);
    const char *const wanted[] = { "run.json: ", "scores.jsonl: 1 line was left out, the first is line 2", "1 score is not finite",
                                   "scores.jsonl ends in 12 bytes" };
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++)
        if (!strstr(notes, wanted[i]))
            fail_msg("\"%s\" is not said in %s", wanted[i], notes);
    free(notes);
    json_decref(a);
    end(&w);
}

/* ---- addresses ---- */

static void only_names_of_this_server_are_answered(void **state)
{
    (void)state;
    static const char *const good[] = { "localhost", "LOCALHOST:80", "127.0.0.1",   "127.0.0.1:8080", "192.168.1.7:1",
                                        "[::1]",     "[::1]:99",     "[fe80::1]:1", "node7",          "NODE7:8080" };
    static const char *const bad[] = { "",
                                       ":80",
                                       "evil.example",
                                       "evil.example:80",
                                       "127.0.0.1.evil.example",
                                       "localhost.evil.example",
                                       "[",
                                       "[]",
                                       "[::1",
                                       "[::1]x",
                                       "[evil]",
                                       "[127.0.0.1]",
                                       "::1",
                                       "localhost:80:80",
                                       "localhost:8a",
                                       "node7.",
                                       "2130706433",
                                       "127.1",
                                       "localhost\t" };
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        if (!dli_host_allowed(good[i], "node7"))
            fail_msg("%s is refused", good[i]);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (dli_host_allowed(bad[i], "node7"))
            fail_msg("%s is allowed", bad[i]);
    assert_false(dli_host_allowed(NULL, "node7"));
    char longer[600];
    memset(longer, 'a', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    assert_false(dli_host_allowed(longer, longer));
}

static void addresses_are_taken_apart(void **state)
{
    (void)state;
    static const struct {
        const char *text, *address, *port; /* NULL: refused */
    } cases[] = {
        { "127.0.0.1:0", "127.0.0.1", "0" },
        { "[::1]:8080", "::1", "8080" },
        { "name:65535", "name", "65535" },
        { "name:65536", NULL, NULL },
        { "127.0.0.1", NULL, NULL },
        { ":80", NULL, NULL },
        { "::1:80", NULL, NULL },
        { "[::1]", NULL, NULL },
        { "[::1]80", NULL, NULL },
        { "[]:80", NULL, NULL },
        { "a:", NULL, NULL },
        { "a:-1", NULL, NULL },
        { "a:http", NULL, NULL },
        { "", NULL, NULL },
        { "a:999999999999", NULL, NULL },
        { "[::1:80", NULL, NULL },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char address[64], port[16];
        struct dl4c_error err = DL4C_ERROR_INIT;
        const dl4c_status status = dli_listen_parse(cases[i].text, address, sizeof address, port, sizeof port, &err);
        if ((status == DL4C_OK) != (cases[i].address != NULL))
            fail_msg("%s: %s", cases[i].text, err.message);
        if (status == DL4C_OK) {
            assert_string_equal(address, cases[i].address);
            assert_string_equal(port, cases[i].port);
        } else {
            assert_int_equal(status, DL4C_E_INVALID);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_answer_has_what_is_new),
        cmocka_unit_test(many_steps_are_some_thousand_points),
        cmocka_unit_test(stamps_of_others_get_everything),
        cmocka_unit_test(what_is_wrong_is_said),
        cmocka_unit_test(only_names_of_this_server_are_answered),
        cmocka_unit_test(addresses_are_taken_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
