/* SPDX-License-Identifier: Apache-2.0 */
/* Contexts: options, the default one, log, watching a long call, what the build says of itself. */
#include "base/context.h"
#include "base/cpu.h"
#include "base/deadline.h"
#include "support/fail_alloc.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

static void wrong_options_are_refused(void **state)
{
    (void)state;
    const struct dl4c_context_options good = DL4C_CONTEXT_OPTIONS_INIT;
    struct dl4c_context_options o[7];
    for (int i = 0; i < 7; i++)
        o[i] = good;
    o[0].alloc = fail_alloc_take; /* without release */
    o[1].release = fail_alloc_release;
    o[2].threads = -1;
    o[3].memory_limit_bytes = -1;
    o[4].log_level = 9;
    o[5].blas = "mkl";
    o[6].flags = 1;
    for (int i = 0; i < 7; i++) {
        dl4c_context *ctx = (dl4c_context *)&o;
        assert_int_equal(dl4c_context_create(&o[i], &ctx, NULL), i == 6 ? DL4C_E_VERSION : DL4C_E_INVALID);
        assert_null(ctx);
    }
    assert_int_equal(dl4c_context_create(NULL, NULL, NULL), DL4C_E_INVALID);
    dl4c_context_destroy(NULL);
    dl4c_context *none = NULL;
    dl4c_context_destroy(&none);
}

static void contexts_know_nothing_of_each_other(void **state)
{
    (void)state;
    struct dl4c_context_options o = DL4C_CONTEXT_OPTIONS_INIT;
    dl4c_context *a = NULL, *b = NULL;
    o.threads = 3;
    assert_int_equal(dl4c_context_create(&o, &a, NULL), DL4C_OK);
    o.threads = 1;
    assert_int_equal(dl4c_context_create(&o, &b, NULL), DL4C_OK);
    assert_int_equal(dl4c_context_threads(a), 3);
    assert_int_equal(dl4c_context_threads(b), 1);
    assert_true(dl4c_context_threads(NULL) >= 1);
    int64_t used;
    void *block = dli_alloc(a, 1000, NULL);
    dl4c_context_memory(b, &used, NULL);
    assert_int_equal(used, 0);
    dli_free(block);
    dl4c_context_destroy(&a);
    dl4c_context_destroy(&b);
}

static void an_object_keeps_its_context_alive(void **state)
{
    (void)state;
    struct fail_alloc f = { 0 };
    struct dl4c_context_options o = DL4C_CONTEXT_OPTIONS_INIT;
    dl4c_context *ctx = NULL;
    o.alloc = fail_alloc_take;
    o.release = fail_alloc_release;
    o.alloc_user = &f;
    assert_int_equal(dl4c_context_create(&o, &ctx, NULL), DL4C_OK);
    dl4c_context *held = dli_context_ref(ctx, NULL);
    dl4c_context_destroy(&ctx);
    assert_true(f.live > 0);
    assert_true(dl4c_context_threads(held) >= 1);
    dli_context_unref(held);
    assert_int_equal(f.live, 0);
}

struct log {
    int lines, level;
    char origin[32], message[1100];
};
static void take_line(void *user, int32_t level, const char *origin, const char *message)
{
    struct log *l = user;
    l->lines++;
    l->level = level;
    strncpy(l->origin, origin, sizeof l->origin - 1);
    strncpy(l->message, message, sizeof l->message - 1);
}

static void the_log_gets_what_its_level_allows(void **state)
{
    (void)state;
    struct log l = { 0 };
    struct dl4c_context_options o = DL4C_CONTEXT_OPTIONS_INIT;
    dl4c_context *ctx = NULL;
    o.log = take_line;
    o.log_user = &l;
    assert_int_equal(dl4c_context_create(&o, &ctx, NULL), DL4C_OK);
    dli_log(ctx, DL4C_LOG_INFO, "reader", "too chatty for the default");
    assert_int_equal(l.lines, 0);
    dli_log(ctx, DL4C_LOG_WARNING, "reader", "%d images", 3);
    assert_int_equal(l.lines, 1);
    assert_int_equal(l.level, DL4C_LOG_WARNING);
    assert_string_equal(l.origin, "reader");
    assert_string_equal(l.message, "3 images");
    char text[2000];
    memset(text, 'a', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    dli_log(ctx, DL4C_LOG_ERROR, "reader", "%s", text);
    assert_true(strlen(l.message) > 500 && strlen(l.message) < 1100);
    dl4c_context_destroy(&ctx);
    dli_log(NULL, DL4C_LOG_ERROR, "reader", "the default context is silent");
}

static int count_calls(void *user, const struct dl4c_progress *p)
{
    int *calls = user;
    ++*calls;
    assert_string_equal(p->stage, "train");
    return *calls == 3; /* the third call cancels */
}

static void a_watch_cancels_times_out_and_reports(void **state)
{
    (void)state;
    struct dl4c_error err = DL4C_ERROR_INIT;
    struct dli_watch w;
    int32_t cancel = 0;
    int calls = 0;
    dli_watch_init(&w, "train", count_calls, &calls, &cancel, 0);
    w.now.total = 10;
    w.now.done = 4;
    assert_int_equal(dli_watch_report(&w, false, &err), DL4C_OK);
    assert_true(calls == 1 && w.now.percent == 40.0 && w.now.rate >= 0 && isnan(w.now.score));
    assert_int_equal(dli_watch_report(&w, false, &err), DL4C_OK);
    assert_int_equal(calls, 1); /* at most ten times a second ... */
    assert_int_equal(dli_watch_report(&w, true, &err), DL4C_OK);
    assert_int_equal(calls, 2); /* ... but the last one always */
    assert_int_equal(dli_watch_report(&w, true, &err), DL4C_E_CANCELLED);
    assert_string_equal(err.message, "train was cancelled by its progress callback after 4 of 10");
    assert_int_equal(dli_watch_check(&w, &err), DL4C_OK);
    dl4c_cancel_set(&cancel);
    assert_int_equal(dli_watch_check(&w, &err), DL4C_E_CANCELLED);
    assert_string_equal(err.message, "train was cancelled after 4 of 10");

    dli_watch_init(&w, "train", NULL, NULL, NULL, 1);
    while (dli_now_ns() <= w.deadline_ns) {
    }
    assert_int_equal(dli_watch_check(&w, &err), DL4C_E_TIMEOUT);
    dli_watch_init(&w, "train", NULL, NULL, NULL, INT64_MAX); /* so far off that it is none */
    assert_int_equal(dli_watch_check(&w, &err), DL4C_OK);
}

struct wait {
    pthread_mutex_t lock;
    pthread_cond_t cond;
    bool said;
};

static void *signal_once(void *arg)
{
    struct wait *w = arg;
    pthread_mutex_lock(&w->lock);
    w->said = true;
    pthread_cond_signal(&w->cond);
    pthread_mutex_unlock(&w->lock);
    return NULL;
}

static void a_wait_ends_at_its_moment_or_when_told(void **state)
{
    (void)state;
    struct wait w = { .lock = PTHREAD_MUTEX_INITIALIZER };
    pthread_t thread;
    dli_cond_init(&w.cond);
    pthread_mutex_lock(&w.lock);
    const int64_t until = dli_moment(3);
    while (dli_cond_wait_until(&w.cond, &w.lock, until))
        continue;
    assert_true(dli_now_ns() >= until);
    assert_false(dli_cond_wait_until(&w.cond, &w.lock, 0));
    assert_int_equal(pthread_create(&thread, NULL, signal_once, &w), 0);
    while (!w.said)
        assert_true(dli_cond_wait_until(&w.cond, &w.lock, dli_moment(INT64_MAX)));
    pthread_mutex_unlock(&w.lock);
    pthread_join(thread, NULL);
    pthread_cond_destroy(&w.cond);
}

static void the_build_describes_itself(void **state)
{
    (void)state;
    const char *name, *value;
    const char *const parts[] = { "blis", "png", "onnx", "curl", "hdfs", "tls", "mpi", "monitor" };
    size_t n_parts = 0;
    bool cpu = false;
    assert_true(dl4c_build_info_count() > 0);
    for (int32_t i = 0; i < dl4c_build_info_count(); i++) {
        assert_int_equal(dl4c_build_info(i, &name, &value, NULL), DL4C_OK);
        assert_true(name[0] && value);
        cpu |= strcmp(name, "cpu") == 0;
        for (size_t k = 0; k < sizeof parts / sizeof *parts; k++)
            n_parts += strcmp(name, parts[k]) == 0 && (strcmp(value, "yes") == 0 || strcmp(value, "no") == 0);
    }
    assert_int_equal(n_parts, sizeof parts / sizeof *parts);
    assert_true(cpu);
    assert_int_equal(dl4c_build_info(-1, &name, &value, NULL), DL4C_E_INVALID);
    assert_int_equal(dl4c_build_info(dl4c_build_info_count(), &name, &value, NULL), DL4C_E_INVALID);
    assert_int_equal(dl4c_version(), DL4C_VERSION);
    assert_non_null(strchr(dl4c_version_string(), '.'));
    assert_string_equal(dl4c_cpu_kernels(), dli_cpu_level());
    assert_true(dli_cpu_brand()[0] != '\0');
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wrong_options_are_refused),
        cmocka_unit_test(contexts_know_nothing_of_each_other),
        cmocka_unit_test(an_object_keeps_its_context_alive),
        cmocka_unit_test(the_log_gets_what_its_level_allows),
        cmocka_unit_test(a_watch_cancels_times_out_and_reports),
        cmocka_unit_test(a_wait_ends_at_its_moment_or_when_told),
        cmocka_unit_test(the_build_describes_itself),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
