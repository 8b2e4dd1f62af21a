/* SPDX-License-Identifier: Apache-2.0 */
/* Transports of the host: what a table must have, and a transport of the bare minimum, for which the library makes the rest of send and
 * recv. */
#include "conformance/transport.h"
#include "transport/transport.h"

#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

static int released;
static void release(void *user)
{
    (void)user;
    released++;
}

static dl4c_status set(const struct dl4c_transport_ops *ops, struct dl4c_error *err)
{
    return dl4c_transport_register(NULL, ops, NULL, release, err);
}

static void a_table_that_lacks_what_it_must_have_is_refused(void **state)
{
    (void)state;
    struct dl4c_error err = DL4C_ERROR_INIT;
    struct dl4c_transport_ops o = dli_transport_threads;
    assert_int_equal(set(NULL, &err), DL4C_E_INVALID);
    const char *names[] = { "", "Big", "1st", "a b", "a:", "abcdefghijklmnopqrstuvwxyzabcdefg", NULL };
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        o.name = names[i];
        assert_int_equal(set(&o, &err), DL4C_E_INVALID);
    }
    o.name = "threads";
    assert_int_equal(set(&o, &err), DL4C_E_EXISTS);
    o.name = "other";
    o.recv = NULL;
    assert_int_equal(set(&o, &err), DL4C_E_INVALID);
    o = dli_transport_threads;
    o.name = "other";
    o.barrier = NULL; /* share wants it */
    assert_int_equal(set(&o, &err), DL4C_E_INVALID);
    assert_int_equal(released, 11);
}

static void a_url_without_a_known_transport_is_refused(void **state)
{
    (void)state;
    struct dl4c_error err = DL4C_ERROR_INIT;
    struct dl4c_group_options o = DL4C_GROUP_OPTIONS_INIT;
    dl4c_group *g = NULL;
    assert_int_equal(dl4c_group_join(NULL, &o, &g, &err), DL4C_E_INVALID);
    o.url = "pigeons://roof";
    assert_int_equal(dl4c_group_join(NULL, &o, &g, &err), DL4C_E_UNSUPPORTED);
    assert_non_null(strstr(err.message, "pigeons"));
#ifndef HAVE_MPI /* else joining would begin MPI in this process */
    o.url = "mpi:";
    assert_int_equal(dl4c_group_join(NULL, &o, &g, &err), DL4C_E_UNSUPPORTED);
    assert_non_null(strstr(err.message, "-Dmpi=enabled"));
#endif
    const char *bad[] = { "", ":", "a b:", "threads", "threads:" };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        o.url = bad[i];
        assert_int_equal(dl4c_group_join(NULL, &o, &g, &err), DL4C_E_INVALID);
    }
    o.url = "threads:x";
    o.driver = 1;
    assert_int_equal(dl4c_group_join(NULL, &o, &g, &err), DL4C_E_INVALID); /* size 0 */
    o.driver = 0;
    o.size = 2;
    assert_int_equal(dl4c_group_join(NULL, &o, &g, &err), DL4C_E_INVALID);
    assert_null(g);
}

static void register_bare(dl4c_context *ctx, void *user)
{
    struct dl4c_transport_ops o = dli_transport_threads;
    const struct dli_transport *threads;
    (void)user;
    assert_int_equal(dli_transport_find(ctx, "threads:", &threads, NULL), DL4C_OK);
    o.name = "bare";
    o.sendrecv = NULL;
    o.share = NULL;
    o.barrier = NULL;
    o.broadcast = NULL;
    assert_int_equal(dl4c_transport_register(ctx, &o, threads->user, NULL, NULL), DL4C_OK);
}

static void url(char *text, size_t size, int number, int driver, void *user)
{
    (void)driver;
    (void)user;
    snprintf(text, size, "bare:%d", number);
}

static void what_a_transport_lacks_is_made_of_send_and_recv(void **state)
{
    (void)state;
    const struct conformance_transport t = { .name = "bare", .prepare = register_bare, .url = url, .largest = 1 << 20 };
    assert_int_equal(conformance_transport(&t), 0);
}

static dl4c_status says_nothing(void *user, const struct dl4c_group_options *options, void **group, struct dl4c_error *err)
{
    (void)user, (void)options, (void)group, (void)err;
    return DL4C_E_DENIED;
}

static void a_failure_without_a_message_is_given_one(void **state)
{
    (void)state;
    struct dl4c_transport_ops o = dli_transport_threads;
    struct dl4c_group_options j = DL4C_GROUP_OPTIONS_INIT;
    struct dl4c_error err = DL4C_ERROR_INIT;
    dl4c_context *ctx = NULL;
    dl4c_group *g = NULL;
    assert_int_equal(dl4c_context_create(NULL, &ctx, &err), DL4C_OK);
    o.name = "mute";
    o.join = says_nothing;
    released = 0;
    assert_int_equal(dl4c_transport_register(ctx, &o, NULL, release, &err), DL4C_OK);
    j.url = "mute://x";
    assert_int_equal(dl4c_group_join(ctx, &j, &g, &err), DL4C_E_DENIED);
    assert_string_equal(err.origin, "mute");
    assert_non_null(strstr(err.message, "mute://x"));
    assert_int_equal(released, 0);
    dl4c_context_destroy(&ctx);
    assert_int_equal(released, 1);
}

static dl4c_status shares_nothing(void *group, void *mine, void **theirs, int64_t timeout_ms, struct dl4c_error *err)
{
    (void)group, (void)mine, (void)theirs, (void)timeout_ms;
    err->message[0] = '\0'; /* there is always a place for it */
    return DL4C_E_IO;
}

static void whoever_wants_no_reason_gives_the_transport_a_place_for_one_all_the_same(void **state)
{
    (void)state;
    struct dl4c_transport_ops o = dli_transport_threads;
    struct dl4c_group_options j = DL4C_GROUP_OPTIONS_INIT;
    struct dl4c_average_options a = DL4C_AVERAGE_OPTIONS_INIT;
    struct dl4c_error err = DL4C_ERROR_INIT;
    const struct dli_transport *threads;
    dl4c_context *ctx = NULL;
    dl4c_group *g = NULL;
    float one = 1;
    assert_int_equal(dl4c_context_create(NULL, &ctx, &err), DL4C_OK);
    assert_int_equal(dli_transport_find(ctx, "threads:", &threads, NULL), DL4C_OK);
    o.name = "selfish";
    o.share = shares_nothing;
    assert_int_equal(dl4c_transport_register(ctx, &o, threads->user, NULL, &err), DL4C_OK);
    j.url = "selfish:x";
    j.driver = j.size = 1;
    a.weight = 1;
    assert_int_equal(dl4c_group_join(ctx, &j, &g, &err), DL4C_OK);
    assert_int_equal(dl4c_group_average(g, &a, &one, &one, 1, NULL, NULL), DL4C_E_IO);
    assert_int_equal(dl4c_group_average(g, &a, &one, &one, 1, NULL, &err), DL4C_E_IO);
    assert_string_equal(err.origin, "selfish");
    assert_non_null(strstr(err.message, "selfish:x"));
    dl4c_group_leave(&g, 0);
    dl4c_context_destroy(&ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_table_that_lacks_what_it_must_have_is_refused),
        cmocka_unit_test(a_url_without_a_known_transport_is_refused),
        cmocka_unit_test(what_a_transport_lacks_is_made_of_send_and_recv),
        cmocka_unit_test(a_failure_without_a_message_is_given_one),
        cmocka_unit_test(whoever_wants_no_reason_gives_the_transport_a_place_for_one_all_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
