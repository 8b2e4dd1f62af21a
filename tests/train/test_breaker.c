/* SPDX-License-Identifier: Apache-2.0 */
/* The host wants its call back while others are waited for: wherever in a training over a group a worker stays away, the one that leads and
 * the one that works are free again soon after the cancel flag is set or the deadline has passed, not after the patience for a vector. */
#define _GNU_SOURCE
#include "base/deadline.h"
#include "conformance/faults.h"
#include "support/must.h"
#include "train/breaker.h"
#include "train/toy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <pthread.h>
#include <stdio.h>

enum { AWAY_MS = 120000, SOON_MS = 20000 /* of AWAY_MS: a busy machine and a sanitizer take their time */ };

static struct faults_plan plan; /* of the default context, which outlives every test */

struct mate {
    pthread_t thread;
    const char *url;
    int32_t cancel;
    dl4c_status status;
    struct dl4c_error err;
};

static void *work(void *arg)
{
    struct mate *m = arg;
    struct dl4c_worker_options o = DL4C_WORKER_OPTIONS_INIT;
    o.cancel = &m->cancel;
    o.threads = 1;
    o.join_timeout_ms = 20000;
    m->status = dl4c_worker_run(NULL, m->url, &o, &m->err);
    return NULL;
}

/* Sets the flag once the worker stays away. */
static void *call_back(void *flag)
{
    for (int i = 0; i < 2000 && !__atomic_load_n(&plan.met[FAULTS_DELAY], __ATOMIC_ACQUIRE); i++)
        wait_ms(10);
    wait_ms(100);
    dl4c_cancel_set(flag);
    return NULL;
}

/* Two workers, of which that of rank 1 stays away from its call number `at` on. */
static void lead(int at, bool by_deadline)
{
    struct dl4c_error err = DL4C_ERROR_INIT;
    struct dl4c_fit_options o = DL4C_FIT_OPTIONS_INIT;
    const int64_t shape[] = { TOY_FEATURES };
    const char *specs[] = { "dense:units=7,activation=relu", "output:units=3,activation=softmax" };
    struct mate mates[2];
    int32_t flag = 0;
    pthread_t caller;
    char url[64];
    snprintf(url, sizeof url, "faults:threads:away %d %d", at, by_deadline);
    plan = (struct faults_plan){ .n = 1, .faults = { { .kind = FAULTS_DELAY, .rank = 1, .at = at, .ms = AWAY_MS } } };
    for (int i = 0; i < 2; i++) {
        mates[i] = (struct mate){ .url = url, .err = DL4C_ERROR_INIT };
        assert_int_equal(pthread_create(&mates[i].thread, NULL, work, &mates[i]), 0);
    }
    o.transport = url;
    o.workers = 2;
    o.batch = 4;
    o.averaging_frequency = 2;
    o.epochs = 100000;
    o.updater = "adam:lr=0.02";
    o.join_timeout_ms = 20000;
    o.worker_timeout_ms = AWAY_MS;
    o.cancel = &flag;
    o.timeout_ms = by_deadline ? 2000 : 0;
    dl4c_graph *g = toy_graph(NULL, shape, 1, specs, 2);
    dl4c_source *s = toy_source(NULL, 50, 1);
    int64_t began = dli_now_ns();
    assert_true(by_deadline || pthread_create(&caller, NULL, call_back, &flag) == 0);
    assert_int_equal(dl4c_fit(g, s, &o, &err), by_deadline ? DL4C_E_TIMEOUT : DL4C_E_CANCELLED);
    assert_true(dli_now_ns() - began < SOON_MS * INT64_C(1000000));
    assert_int_equal(__atomic_load_n(&plan.met[FAULTS_DELAY], __ATOMIC_ACQUIRE), 1);
    if (!by_deadline)
        pthread_join(caller, NULL);
    began = dli_now_ns();
    for (int i = 0; i < 2; i++)
        dl4c_cancel_set(&mates[i].cancel);
    for (int i = 0; i < 2; i++) {
        pthread_join(mates[i].thread, NULL);
        assert_int_equal(mates[i].status, DL4C_E_CANCELLED);
    }
    assert_true(dli_now_ns() - began < SOON_MS * INT64_C(1000000));
    dl4c_source_destroy(&s);
    dl4c_graph_destroy(&g);
}

static void whoever_waits_for_another_can_be_called_back(void **state)
{
    struct dl4c_error err = DL4C_ERROR_INIT;
    (void)state;
    must(faults_register(NULL, &plan, &err), &err);
    for (int at = 2; at < 34; at += 3) /* set up, first vectors, rows, reports, verdicts, means */
        lead(at, false);
    lead(12, true);
}

/* A call that ends in good order before is not disturbed. */
static void who_is_quick_is_not_broken_off(void **state)
{
    (void)state;
    struct dl4c_error err = DL4C_ERROR_INIT;
    struct dl4c_group_options j = DL4C_GROUP_OPTIONS_INIT;
    struct dli_breaker b = { 0 };
    int32_t flag = 0;
    dl4c_group *g = NULL;
    j.url = "threads:alone";
    j.driver = 1;
    j.size = 1;
    must(dl4c_group_join(NULL, &j, &g, &err), &err);
    must(dli_breaker_start(&b, g, &flag, 0, &err), &err);
    dl4c_cancel_set(&flag);
    wait_ms(DLI_BREAK_MS / 4);
    dli_breaker_stop(&b);
    wait_ms(DLI_BREAK_MS);
    must(dl4c_group_barrier(g, 1000, &err), &err);
    must(dli_breaker_start(&b, g, NULL, 0, &err), &err); /* nothing to look at */
    assert_false(b.running);
    dli_breaker_stop(&b);
    dl4c_group_leave(&g, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whoever_waits_for_another_can_be_called_back),
        cmocka_unit_test(who_is_quick_is_not_broken_off),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
