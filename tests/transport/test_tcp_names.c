/* SPDX-License-Identifier: Apache-2.0 */
/* Where members of the transport tcp listen and whom they find: names of hosts, a resolver that hangs, all addresses of a host, many that
 * wait, descriptors that run out. The program's own getaddrinfo and socket stand for the system's. */
#define _GNU_SOURCE
#include "party.h"
#include "support/under.h"
#include "transport/frame.h"

#include <dlfcn.h>
#include <netdb.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

static _Atomic int let_go, asked;
typedef int (*getaddrinfo_fn)(const char *, const char *, const struct addrinfo *, struct addrinfo **);

/* hangs.test: until let_go; two.test: an address where nobody is, and loopback. The rest: as the system says. */
int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints, struct addrinfo **found)
{
    getaddrinfo_fn next = NULL;
    void *symbol = dlsym(RTLD_NEXT, "getaddrinfo");
    memcpy(&next, &symbol, sizeof next);
    if (strstr(node, ".test") && (hints->ai_flags & AI_NUMERICHOST))
        return EAI_NONAME;
    if (strcmp(node, "hangs.test") == 0) {
        asked++;
        for (int i = 0; i < 10000 && !let_go; i++)
            usleep(2000);
        return EAI_AGAIN;
    }
    if (strcmp(node, "nowhere.test") == 0)
        return EAI_NONAME;
    if (strcmp(node, "two.test") != 0)
        return next(node, service, hints, found);
    const int failed = next("127.0.0.254", service, hints, found);
    return failed ? failed : next("127.0.0.1", service, hints, &(*found)->ai_next);
}

static _Atomic int by_themselves; /* sockets that are to be connected with themselves ... */
static uint16_t own_port;         /* ... as they go to where they come from, which happens to who tries long enough */
typedef int (*socket_fn)(int, int, int);

int socket(int domain, int type, int protocol)
{
    const struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(own_port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socket_fn next = NULL;
    void *symbol = dlsym(RTLD_NEXT, "socket");
    memcpy(&next, &symbol, sizeof next);
    const int fd = next(domain, type, protocol);
    if (by_themselves > 0 && fd >= 0 && bind(fd, (const struct sockaddr *)&a, sizeof a) == 0)
        by_themselves--;
    return fd;
}

static int64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void a_resolver_that_hangs_holds_nobody_past_the_deadline(void **state)
{
    struct dl4c_group_options o = DL4C_GROUP_OPTIONS_INIT;
    struct dl4c_error err = DL4C_ERROR_INIT;
    dl4c_context *ctx = NULL;
    dl4c_group *g = NULL;
    const int32_t cancel = 1;
    (void)state;
    assert_int_equal(dl4c_context_create(NULL, &ctx, NULL), DL4C_OK);
    o.url = "tcp+plain://hangs.test:7000";
    o.timeout_ms = 150;
    const int64_t began = now_ms();
    assert_int_equal(dl4c_group_join(ctx, &o, &g, &err), DL4C_E_TIMEOUT);
    assert_true(now_ms() - began < 10000); /* the resolver would take 20 s */
    assert_non_null(strstr(err.message, "resolver"));
    o.driver = 1;
    o.size = 1;
    assert_int_equal(dl4c_group_join(ctx, &o, &g, &err), DL4C_E_TIMEOUT);
    o.cancel = &cancel;
    o.timeout_ms = 0;
    assert_int_equal(dl4c_group_join(ctx, &o, &g, &err), DL4C_E_CANCELLED);
    assert_null(g);
    assert_true(asked >= 2);
    dl4c_context_destroy(&ctx); /* while it is being asked */
    let_go = 1;
}

static void an_unknown_host_is_said_so(void **state)
{
    struct dl4c_group_options o = DL4C_GROUP_OPTIONS_INIT;
    struct dl4c_error err = DL4C_ERROR_INIT;
    dl4c_group *g = NULL;
    (void)state;
    o.url = "tcp+plain://nowhere.test:7000";
    assert_int_equal(dl4c_group_join(NULL, &o, &g, &err), DL4C_E_IO);
    assert_non_null(strstr(err.message, "nowhere.test"));
}

/* Two members at their URLs, who then talk. */
static void meet(const char *driver, const char *member)
{
    struct party p[2] = { { .size = 2 }, { .place = 1 } };
    char got[6] = "";
    snprintf(p[0].url, sizeof p[0].url, "%s", driver);
    snprintf(p[1].url, sizeof p[1].url, "%s", member);
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&p[i].thread, NULL, party_enter, &p[i]), 0);
    for (int i = 0; i < 2; i++)
        pthread_join(p[i].thread, NULL);
    if (p[0].status != DL4C_OK || p[1].status != DL4C_OK)
        fail_msg("%s; %s", p[0].err.message, p[1].err.message);
    assert_int_equal(dl4c_group_send(p[1].group, 0, "hello", 6, 20000, NULL), DL4C_OK);
    assert_int_equal(dl4c_group_recv(p[0].group, 1, got, 6, 20000, NULL), DL4C_OK);
    assert_string_equal(got, "hello");
    dl4c_group_leave(&p[1].group, 1000);
    dl4c_group_leave(&p[0].group, 1000);
}

static void all_addresses_of_a_name_are_tried(void **state)
{
    char driver[100], member[100];
    const unsigned port = free_port(0);
    (void)state;
    snprintf(driver, sizeof driver, "tcp+plain://127.0.0.1:%u", port);
    snprintf(member, sizeof member, "tcp+plain://two.test:%u", port);
    meet(driver, member);
}

static void a_star_is_reached_over_both_families(void **state)
{
    struct dl4c_group_options o = DL4C_GROUP_OPTIONS_INIT;
    char driver[100], member[100];
    unsigned port = free_port(0);
    dl4c_group *g = NULL;
    (void)state;
    snprintf(driver, sizeof driver, "tcp+plain://*:%u", port);
    snprintf(member, sizeof member, "tcp+plain://127.0.0.1:%u", port);
    meet(driver, member);
    port = free_port(1);
    if (port > 0) {
        snprintf(driver, sizeof driver, "tcp+plain://*:%u", port);
        snprintf(member, sizeof member, "tcp+plain://[::1]:%u", port);
        meet(driver, member);
    }
    o.url = driver;
    assert_int_equal(dl4c_group_join(NULL, &o, &g, NULL), DL4C_E_INVALID); /* nobody connects to a star */
}

/* ---- many ---- */

/* A newcomer, as the driver sees it: it says that it listens at its own port 9, and waits. */
static int newcomer(uint16_t port)
{
    const struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    uint8_t b[DLI_FRAME_HEADER + 72] = { 0 };
    struct dli_frame f = { .kind = DLI_FRAME_HELLO, .total = 72, .length = 72 };
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    dli_put32(b + DLI_FRAME_HEADER, 1);
    dli_put64(b + DLI_FRAME_HEADER + 8, 60000);
    memcpy(b + DLI_FRAME_HEADER + 40, "\4\0\11\0\177\0\0\1", 8);
    f.crc = dli_crc32c(0, b + DLI_FRAME_HEADER, 72);
    dli_frame_write(&f, b);
    assert_int_equal(connect(fd, (const struct sockaddr *)&a, sizeof a), 0);
    assert_int_equal(send(fd, b, sizeof b, MSG_NOSIGNAL), sizeof b);
    return fd;
}

static void wait_until(dl4c_group *g, int32_t waiting)
{
    struct dl4c_members m = DL4C_MEMBERS_INIT;
    for (int i = 0; i < 4000 && m.waiting != waiting; i++) {
        usleep(5000);
        assert_int_equal(dl4c_group_members(g, &m, NULL), DL4C_OK);
    }
    assert_int_equal(m.waiting, waiting);
}

static _Atomic int refusals;
static void count_refusals(void *user, int32_t level, const char *origin, const char *message)
{
    (void)user, (void)level;
    refusals += strcmp(origin, "tcp") == 0 && strstr(message, "refused") != NULL;
}

static dl4c_group *alone(dl4c_context **ctx, uint16_t port)
{
    struct dl4c_context_options co = DL4C_CONTEXT_OPTIONS_INIT;
    struct party p = { .size = 1, .lost_after_ms = 60000 };
    co.log = count_refusals;
    assert_int_equal(dl4c_context_create(&co, ctx, NULL), DL4C_OK);
    p.ctx = *ctx;
    snprintf(p.url, sizeof p.url, "tcp+plain://127.0.0.1:%u", (unsigned)port);
    party_enter(&p);
    assert_int_equal(p.status, DL4C_OK);
    return p.group;
}

static void hundreds_wait_for_a_group(void **state)
{
    enum { N = 300 };
    const uint16_t port = free_port(0);
    dl4c_context *ctx = NULL;
    dl4c_group *g = alone(&ctx, port);
    int fds[N];
    (void)state;
    for (int i = 0; i < N; i++)
        fds[i] = newcomer(port);
    wait_until(g, N);
    for (int i = 0; i < N; i++)
        close(fds[i]);
    wait_until(g, 0);
    dl4c_group_leave(&g, 0);
    dl4c_context_destroy(&ctx);
}

/* A member that waits for its driver at a port of the system's own range may be connected with itself: that is no driver, and no reason
 * to give up. */
static void a_connection_with_oneself_is_nobody(void **state)
{
    struct dl4c_group_options o = DL4C_GROUP_OPTIONS_INIT;
    struct dl4c_error err = DL4C_ERROR_INIT;
    dl4c_group *g = NULL;
    char url[64];
    (void)state;
    own_port = free_port(0);
    snprintf(url, sizeof url, "tcp+plain://127.0.0.1:%u", own_port);
    o.url = url;
    o.timeout_ms = 300;
    by_themselves = 1;
    assert_int_equal(dl4c_group_join(NULL, &o, &g, &err), DL4C_E_TIMEOUT);
    assert_null(g);
    assert_int_equal(by_themselves, 0);
}

/* So many connections that say nothing that there is no place for another: the eldest gives way. */
static void who_says_nothing_keeps_nobody_out(void **state)
{
    enum { N = 140 };
    const uint16_t port = free_port(0);
    const struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    dl4c_context *ctx = NULL;
    dl4c_group *g = alone(&ctx, port);
    int fds[N];
    (void)state;
    refusals = 0;
    for (int i = 0; i < N; i++) {
        fds[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        assert_true(fds[i] >= 0);
        assert_int_equal(connect(fds[i], (const struct sockaddr *)&a, sizeof a), 0);
    }
    const int64_t began = now_ms();
    const int fd = newcomer(port);
    wait_until(g, 1);
    assert_true(now_ms() - began < 4500 || refusals > 0); /* not only when the silent ones' five seconds had passed */
    assert_true(refusals > 0);
    close(fd);
    for (int i = 0; i < N; i++)
        close(fds[i]);
    dl4c_group_leave(&g, 0);
    dl4c_context_destroy(&ctx);
}

/* Without a descriptor nobody is let in; once there is one, whoever waited at the door is. */
static void descriptors_that_run_out_keep_nobody_out_for_good(void **state)
{
    if (under_valgrind()) {
        print_message("skipped: valgrind answers for the limit on descriptors itself, and keeps some\n");
        skip();
    }
    const uint16_t port = free_port(0);
    dl4c_context *ctx = NULL;
    dl4c_group *g = alone(&ctx, port);
    struct rlimit was, little;
    struct dl4c_members m = DL4C_MEMBERS_INIT;
    (void)state;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &was), 0);
    const int first = newcomer(port);
    wait_until(g, 1);
    little = was;
    const int probe = dup(first);
    little.rlim_cur = (rlim_t)probe + 1; /* the newcomer's end takes the last one */
    close(probe);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &little), 0);
    const int second = newcomer(port);
    usleep(300000);
    assert_int_equal(dl4c_group_members(g, &m, NULL), DL4C_OK);
    const int32_t shut = m.waiting;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &was), 0);
    assert_int_equal(shut, 1);
    wait_until(g, 2);
    close(first);
    close(second);
    dl4c_group_leave(&g, 0);
    dl4c_context_destroy(&ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_resolver_that_hangs_holds_nobody_past_the_deadline),
        cmocka_unit_test(an_unknown_host_is_said_so),
        cmocka_unit_test(all_addresses_of_a_name_are_tried),
        cmocka_unit_test(a_star_is_reached_over_both_families),
        cmocka_unit_test(hundreds_wait_for_a_group),
        cmocka_unit_test(a_connection_with_oneself_is_nobody),
        cmocka_unit_test(who_says_nothing_keeps_nobody_out),
        cmocka_unit_test(descriptors_that_run_out_keep_nobody_out_for_good),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
