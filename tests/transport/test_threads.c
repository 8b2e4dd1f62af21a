/* SPDX-License-Identifier: Apache-2.0 */
/* The transport "threads": the conformance suite, names, contexts, memory. */
#define _GNU_SOURCE
#include "conformance/transport.h"
#include "support/fail_alloc.h"
#include "support/slow.h"
#include "transport/transport.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void url(char *text, size_t size, int number, int driver, void *user)
{
    (void)driver;
    (void)user;
    snprintf(text, size, "threads:group %d", number);
}

static void threads_keeps_what_every_transport_promises(void **state)
{
    (void)state;
    const struct conformance_transport t = { .name = "threads", .url = url, .largest = TEST_SLOW ? 1 << 20 : 0 };
    assert_int_equal(conformance_transport(&t), 0);
}

static dl4c_group *alone(dl4c_context *ctx, const char *name)
{
    struct dl4c_group_options o = DL4C_GROUP_OPTIONS_INIT;
    struct dl4c_error err = DL4C_ERROR_INIT;
    dl4c_group *g = NULL;
    o.url = name;
    o.driver = 1;
    o.size = 1;
    if (dl4c_group_join(ctx, &o, &g, &err) != DL4C_OK)
        fail_msg("%s", err.message);
    return g;
}

static void a_name_has_one_driver_until_it_leaves(void **state)
{
    (void)state;
    struct dl4c_group_options o = DL4C_GROUP_OPTIONS_INIT;
    struct dl4c_error err = DL4C_ERROR_INIT;
    dl4c_group *first = alone(NULL, "threads:a"), *second = NULL;
    o.url = "threads:a";
    o.driver = 1;
    o.size = 1;
    assert_int_equal(dl4c_group_join(NULL, &o, &second, &err), DL4C_E_EXISTS);
    assert_null(second);
    dl4c_group_leave(&first, 0);
    assert_null(first);
    second = alone(NULL, "threads:a");
    dl4c_group_leave(&second, 0);
}

static void contexts_do_not_meet(void **state)
{
    (void)state;
    dl4c_context *other = NULL;
    struct dl4c_error err = DL4C_ERROR_INIT;
    assert_int_equal(dl4c_context_create(NULL, &other, &err), DL4C_OK);
    dl4c_group *here = alone(NULL, "threads:same"), *there = alone(other, "threads:same");
    dl4c_context_destroy(&other); /* the group keeps it */
    dl4c_group_leave(&there, 0);
    dl4c_group_leave(&here, 0);
}

static void nobody_waits_for_ever(void **state)
{
    (void)state;
    struct dl4c_group_options o = DL4C_GROUP_OPTIONS_INIT;
    struct dl4c_error err = DL4C_ERROR_INIT;
    dl4c_group *g = NULL;
    o.url = "threads:empty";
    o.timeout_ms = 50;
    assert_int_equal(dl4c_group_join(NULL, &o, &g, &err), DL4C_E_TIMEOUT);
    assert_non_null(strstr(err.message, "nobody gathered group \"empty\" in 50 ms"));
    o.driver = 1;
    o.size = 2;
    assert_int_equal(dl4c_group_join(NULL, &o, &g, &err), DL4C_E_TIMEOUT);
    assert_non_null(strstr(err.message, "0 of the 1 others came in 50 ms"));
    const int32_t cancel = 1;
    o.cancel = &cancel;
    o.timeout_ms = 0;
    assert_int_equal(dl4c_group_join(NULL, &o, &g, &err), DL4C_E_CANCELLED);
    assert_null(g);
}

/* Two that see each other's memory; the first is cancelled while the second looks at it. */
struct sharing {
    dl4c_group *group[2];
    _Atomic int32_t returned;
    dl4c_status shared, passed;
};

static void *first_shares(void *arg)
{
    struct sharing *s = arg;
    const struct dl4c_transport_ops *ops = &s->group[0]->transport->ops;
    struct dl4c_error err = DL4C_ERROR_INIT;
    void *theirs[2];
    s->shared = ops->share(s->group[0]->group, s, theirs, 20000, &err);
    s->passed = ops->barrier(s->group[0]->group, 20000, &err);
    s->returned = 1;
    return NULL;
}

static void *second_joins(void *arg)
{
    struct sharing *s = arg;
    struct dl4c_group_options o = DL4C_GROUP_OPTIONS_INIT;
    o.url = "threads:sharing";
    assert_int_equal(dl4c_group_join(NULL, &o, &s->group[1], NULL), DL4C_OK);
    return NULL;
}

static void nobody_goes_while_others_look_at_its_memory(void **state)
{
    (void)state;
    struct sharing s = { 0 };
    struct dl4c_group_options o = DL4C_GROUP_OPTIONS_INIT;
    struct dl4c_error err = DL4C_ERROR_INIT;
    void *theirs[2];
    pthread_t thread;
    o.url = "threads:sharing";
    o.driver = 1;
    o.size = 2;
    assert_int_equal(pthread_create(&thread, NULL, second_joins, &s), 0);
    assert_int_equal(dl4c_group_join(NULL, &o, &s.group[0], &err), DL4C_OK);
    pthread_join(thread, NULL);
    assert_int_equal(pthread_create(&thread, NULL, first_shares, &s), 0);
    const struct dl4c_transport_ops *ops = &s.group[1]->transport->ops;
    assert_int_equal(ops->share(s.group[1]->group, &s, theirs, 20000, &err), DL4C_OK);
    dl4c_group_cancel(s.group[0]);
    for (int i = 0; i < 60; i++) { /* what is cancelled is told within a tenth of a second */
        usleep(5000);
        assert_int_equal(s.returned, 0);
    }
    assert_int_equal(ops->barrier(s.group[1]->group, 50, &err), DL4C_E_TIMEOUT);
    pthread_join(thread, NULL);
    assert_int_equal(s.shared, DL4C_OK);
    assert_int_equal(s.passed, DL4C_E_CANCELLED);
    dl4c_group_leave(&s.group[1], 0);
    dl4c_group_leave(&s.group[0], 0);
}

static void *takes_it_and_goes(void *arg)
{
    struct dl4c_group_options o = DL4C_GROUP_OPTIONS_INIT;
    dl4c_group *g = NULL;
    dl4c_status *status = arg;
    char c = 0;
    o.url = "threads:parting";
    *status = dl4c_group_join(NULL, &o, &g, NULL);
    if (*status == DL4C_OK)
        *status = dl4c_group_recv(g, 0, &c, 1, 20000, NULL);
    dl4c_group_leave(&g, 0);
    return NULL;
}

static void what_was_taken_was_sent_although_the_taker_is_gone(void **state)
{
    (void)state;
    for (int i = 0; i < 200; i++) {
        struct dl4c_group_options o = DL4C_GROUP_OPTIONS_INIT;
        struct dl4c_error err = DL4C_ERROR_INIT;
        dl4c_status taken = DL4C_OK;
        dl4c_group *g = NULL;
        pthread_t thread;
        o.url = "threads:parting";
        o.driver = 1;
        o.size = 2;
        assert_int_equal(pthread_create(&thread, NULL, takes_it_and_goes, &taken), 0);
        assert_int_equal(dl4c_group_join(NULL, &o, &g, &err), DL4C_OK);
        if (dl4c_group_send(g, 1, "!", 1, 20000, &err) != DL4C_OK)
            fail_msg("%d: %s", i, err.message);
        pthread_join(thread, NULL);
        assert_int_equal(taken, DL4C_OK);
        dl4c_group_leave(&g, 0);
    }
}

struct pair {
    dl4c_context *ctx;
    dl4c_status status[2];
};

static void *second_member(void *arg)
{
    struct pair *p = arg;
    struct dl4c_group_options o = DL4C_GROUP_OPTIONS_INIT;
    struct dl4c_average_options a = DL4C_AVERAGE_OPTIONS_INIT;
    dl4c_group *g = NULL;
    float in[100] = { 1 }, out[100];
    o.url = "threads:pair";
    o.timeout_ms = 300;
    a.weight = 1;
    a.timeout_ms = 300;
    p->status[1] = dl4c_group_join(p->ctx, &o, &g, NULL);
    if (p->status[1] == DL4C_OK)
        p->status[1] = dl4c_group_average(g, &a, in, out, 100, NULL, NULL);
    dl4c_group_leave(&g, 0);
    return NULL;
}

static dl4c_status average_of_two(dl4c_context *ctx, struct dl4c_error *err)
{
    struct dl4c_group_options o = DL4C_GROUP_OPTIONS_INIT;
    struct dl4c_average_options a = DL4C_AVERAGE_OPTIONS_INIT;
    struct pair p = { .ctx = ctx };
    pthread_t thread;
    dl4c_group *g = NULL;
    float in[100] = { 3 }, out[100];
    o.url = "threads:pair";
    o.driver = 1;
    o.size = 2;
    o.timeout_ms = 300;
    a.weight = 1;
    a.timeout_ms = 300;
    assert_int_equal(pthread_create(&thread, NULL, second_member, &p), 0);
    dl4c_status status = dl4c_group_join(ctx, &o, &g, err);
    if (status == DL4C_OK)
        status = dl4c_group_average(g, &a, in, out, 100, NULL, err);
    if (status == DL4C_OK)
        assert_true(out[0] == 2.0f);
    dl4c_group_leave(&g, 0);
    pthread_join(thread, NULL);
    return status;
}

/* Where the other member meets the failure, this one sees a deadline pass or its peer gone. */
static void no_allocation_that_fails_leaks(void **state)
{
    (void)state;
    struct fail_alloc a = { 0 };
    struct dl4c_context_options co = DL4C_CONTEXT_OPTIONS_INIT;
    struct dl4c_error err = DL4C_ERROR_INIT;
    for (long n = 1, injected = 1; injected; n++) {
        dl4c_context *ctx = NULL;
        a = (struct fail_alloc){ .fail_at = n };
        co.alloc = fail_alloc_take;
        co.release = fail_alloc_release;
        co.alloc_user = &a;
        co.threads = 1;
        const dl4c_status made = dl4c_context_create(&co, &ctx, &err);
        if (made == DL4C_OK) {
            const dl4c_status status = average_of_two(ctx, &err);
            assert_true(status == DL4C_OK || status == DL4C_E_NOMEM || status == DL4C_E_TIMEOUT || status == DL4C_E_PEER);
            assert_true(status == DL4C_OK || err.message[0]);
        }
        injected = a.injected;
        assert_true(injected || made == DL4C_OK);
        dl4c_context_destroy(&ctx);
        assert_int_equal(a.live, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(threads_keeps_what_every_transport_promises),
        cmocka_unit_test(a_name_has_one_driver_until_it_leaves),
        cmocka_unit_test(contexts_do_not_meet),
        cmocka_unit_test(nobody_waits_for_ever),
        cmocka_unit_test(nobody_goes_while_others_look_at_its_memory),
        cmocka_unit_test(what_was_taken_was_sent_although_the_taker_is_gone),
        cmocka_unit_test(no_allocation_that_fails_leaks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
