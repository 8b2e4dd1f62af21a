/* SPDX-License-Identifier: Apache-2.0 */
/* The transports "tcp" and "tcp+plain": the conformance suite over both families of addresses, URLs, strangers at the door. */
#define _GNU_SOURCE
#include "conformance/transport.h"
#include "support/fail_alloc.h"
#include "support/slow.h"
#include "support/under.h"
#include "party.h"
#include "transport/frame.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* One URL for each number: a port that was free a moment ago. */
struct urls {
    const char *scheme;
    bool six;
    uint16_t ports[64];
};

static void fill(struct urls *u)
{
    for (size_t i = 0; i < sizeof u->ports / sizeof *u->ports; i++)
        u->ports[i] = free_port(u->six);
}

static void url(char *text, size_t size, int number, int driver, void *user)
{
    const struct urls *u = user;
    (void)driver;
    snprintf(text, size, u->six ? "%s://[::1]:%u" : "%s://127.0.0.1:%u", u->scheme, (unsigned)u->ports[number]);
}

static void keeps_what_every_transport_promises(const char *scheme, bool six)
{
    struct urls u = { .scheme = scheme, .six = six };
    fill(&u);
    const struct conformance_transport t = { .name = scheme, .url = url, .user = &u, .separate = 1, .largest = TEST_SLOW ? 1 << 20 : 0 };
    if (u.ports[0] == 0) {
        print_message("skipped: this machine has no loopback address of IPv%d\n", six ? 6 : 4);
        skip();
    }
    assert_int_equal(conformance_transport(&t), 0);
}

static void plain_tcp_keeps_what_every_transport_promises(void **state)
{
    (void)state;
    keeps_what_every_transport_promises("tcp+plain", false);
}

static void so_it_does_over_ipv6(void **state)
{
    (void)state;
    keeps_what_every_transport_promises("tcp+plain", true);
}

static void a_malformed_url_is_refused(void **state)
{
    const char *bad[] = { "tcp+plain:", "tcp+plain://", "tcp+plain://host", "tcp+plain://127.0.0.1:", "tcp+plain://127.0.0.1:0",
                          "tcp+plain://127.0.0.1:65536", "tcp+plain://[::1]", "tcp+plain://[::1:5", "tcp+plain://127.0.0.1:70x",
                          "tcp+plain://user@127.0.0.1:7000", "tcp+plain://127.0.0.1:7000/path" };
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct dl4c_group_options o = DL4C_GROUP_OPTIONS_INIT;
        struct dl4c_error err = DL4C_ERROR_INIT;
        dl4c_group *g = NULL;
        o.url = bad[i];
        o.timeout_ms = 100;
        assert_int_equal(dl4c_group_join(NULL, &o, &g, &err), DL4C_E_INVALID);
        assert_null(g);
        assert_true(err.message[0]);
    }
}

static void nobody_waits_for_ever(void **state)
{
    struct urls u = { .scheme = "tcp+plain" };
    struct dl4c_group_options o = DL4C_GROUP_OPTIONS_INIT;
    struct dl4c_error err = DL4C_ERROR_INIT;
    dl4c_group *g = NULL;
    char text[100];
    const int32_t cancel = 1;
    (void)state;
    u.ports[0] = free_port(false);
    url(text, sizeof text, 0, 0, &u);
    o.url = text;
    o.timeout_ms = 150;
    assert_int_equal(dl4c_group_join(NULL, &o, &g, &err), DL4C_E_TIMEOUT);
    o.driver = 1;
    o.size = 2;
    assert_int_equal(dl4c_group_join(NULL, &o, &g, &err), DL4C_E_TIMEOUT);
    o.cancel = &cancel;
    o.timeout_ms = 0;
    assert_int_equal(dl4c_group_join(NULL, &o, &g, &err), DL4C_E_CANCELLED);
    assert_null(g);
}

/* ---- strangers ---- */

static _Atomic int refusals;
static void count_refusals(void *user, int32_t level, const char *origin, const char *message)
{
    (void)user, (void)level;
    refusals += strcmp(origin, "tcp") == 0 && strstr(message, "refused") != NULL;
}

static int knock(uint16_t port)
{
    const struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (const struct sockaddr *)&a, sizeof a), 0);
    return fd;
}

/* The host is told of it at its next call. */
static void is_logged(dl4c_group *g, int wanted)
{
    struct dl4c_members m = DL4C_MEMBERS_INIT;
    for (int i = 0; refusals < wanted && i < 3000; i++) {
        usleep(5000);
        assert_int_equal(dl4c_group_members(g, &m, NULL), DL4C_OK);
    }
    assert_int_equal(refusals, wanted);
}

/* What a stranger says; the door is shut in its face. */
static void is_shut_out(dl4c_group *g, uint16_t port, const void *bytes, size_t n)
{
    char c[DLI_FRAME_HEADER + 1];
    const int fd = knock(port), before = refusals;
    if (n > 0)
        assert_int_equal(send(fd, bytes, n, MSG_NOSIGNAL), (ssize_t)n);
    else
        shutdown(fd, SHUT_WR);
    ssize_t got = recv(fd, c, sizeof c, MSG_WAITALL);
    if (got == DLI_FRAME_HEADER) { /* it is told of which version the library is */
        assert_memory_equal(c, "dl4x\1", 6);
        assert_int_not_equal(((const char *)bytes)[4], 1);
        got = recv(fd, c, sizeof c, 0);
    }
    assert_true(got <= 0); /* end or reset */
    close(fd);
    is_logged(g, before + 1);
}

static size_t hello(uint8_t *out, uint32_t purpose, uint64_t sequence, uint32_t length)
{
    struct dli_frame f = { .kind = DLI_FRAME_HELLO, .sequence = sequence, .total = length, .length = length };
    memset(out, 0, 200);
    dli_put32(out + DLI_FRAME_HEADER, purpose);
    f.crc = dli_crc32c(0, out + DLI_FRAME_HEADER, 72);
    dli_frame_write(&f, out);
    return DLI_FRAME_HEADER + 72;
}

static void strangers_are_refused_and_disturb_nobody(void **state)
{
    struct dl4c_context_options co = DL4C_CONTEXT_OPTIONS_INIT;
    struct party p[2] = { { .place = 0, .size = 2, .lost_after_ms = INT64_MAX }, { .place = 1, .lost_after_ms = INT64_MAX } };
    const uint16_t port = free_port(false);
    uint8_t b[200];
    (void)state;
    co.log = count_refusals;
    co.threads = 1;
    assert_int_equal(dl4c_context_create(&co, &p[0].ctx, NULL), DL4C_OK);
    p[1].ctx = p[0].ctx;
    for (int i = 0; i < 2; i++) {
        snprintf(p[i].url, sizeof p[i].url, "tcp+plain:127.0.0.1:%u", (unsigned)port);
        assert_int_equal(pthread_create(&p[i].thread, NULL, party_enter, &p[i]), 0);
    }
    for (int i = 0; i < 2; i++) {
        pthread_join(p[i].thread, NULL);
        assert_int_equal(p[i].status, DL4C_OK);
    }
    const int slow = knock(port); /* says one byte, and no more */
    assert_int_equal(send(slow, "d", 1, MSG_NOSIGNAL), 1);
    is_shut_out(p[0].group, port, NULL, 0); /* a port scanner */
    static const char web[] = "GET / HTTP/1.1\r\nHost: somewhere\r\nUser-Agent: something\r\n\r\n";
    is_shut_out(p[0].group, port, web, sizeof web - 1);
    size_t n = hello(b, 1, 0, 72);
    b[4] = 2; /* another version */
    is_shut_out(p[0].group, port, b, n);
    n = hello(b, 1, 0, 72);
    b[60] ^= 1;
    is_shut_out(p[0].group, port, b, n);
    n = hello(b, 1, 1, 72); /* out of order */
    is_shut_out(p[0].group, port, b, n);
    hello(b, 1, 0, UINT32_MAX);
    is_shut_out(p[0].group, port, b, DLI_FRAME_HEADER);
    n = hello(b, 1, 0, 72); /* joins, but listens nowhere */
    is_shut_out(p[0].group, port, b, n);
    n = hello(b, 77, 0, 72);
    is_shut_out(p[0].group, port, b, n);
    n = hello(b, 2, 0, 72); /* messages of a generation that is over */
    is_shut_out(p[0].group, port, b, n);
    struct dl4c_members m = DL4C_MEMBERS_INIT;
    assert_int_equal(dl4c_group_members(p[0].group, &m, NULL), DL4C_OK);
    assert_true(m.size == 2 && m.waiting == 0 && m.generation == 1);
    assert_int_equal(dl4c_group_send(p[0].group, 1, "hello", 6, 20000, NULL), DL4C_OK);
    char got[6] = "";
    assert_int_equal(dl4c_group_recv(p[1].group, 0, got, 6, 20000, NULL), DL4C_OK);
    assert_string_equal(got, "hello");
    is_logged(p[0].group, refusals + 1); /* the slow one, after the five seconds it has */
    close(slow);
    dl4c_group_leave(&p[1].group, 1000);
    dl4c_group_leave(&p[0].group, 1000);
    dl4c_context_destroy(&p[0].ctx);
}

/* What a driver of another version answers. */
static void *newer_driver(void *arg)
{
    const int door = *(const int *)arg, fd = accept(door, NULL, NULL);
    uint8_t b[DLI_FRAME_HEADER + 72];
    struct dli_frame f = { .kind = DLI_FRAME_BYE };
    if (recv(fd, b, sizeof b, MSG_WAITALL) == sizeof b) {
        dli_frame_write(&f, b);
        b[4] = 2;
        send(fd, b, DLI_FRAME_HEADER, MSG_NOSIGNAL);
    }
    close(fd);
    return NULL;
}

static void a_driver_of_another_version_is_told_apart(void **state)
{
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    struct party p = { .place = 1 };
    pthread_t thread;
    (void)state;
    a.sin_port = htons(free_port(false));
    int door = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(door, (const struct sockaddr *)&a, sizeof a), 0);
    assert_int_equal(listen(door, 4), 0);
    assert_int_equal(pthread_create(&thread, NULL, newer_driver, &door), 0);
    snprintf(p.url, sizeof p.url, "tcp+plain://127.0.0.1:%u", (unsigned)ntohs(a.sin_port));
    party_enter(&p);
    assert_int_equal(p.status, DL4C_E_VERSION);
    assert_non_null(strstr(p.err.message, "version 2"));
    pthread_join(thread, NULL);
    close(door);
}

/* ---- memory ---- */

static dl4c_status one_message(dl4c_context *driver, dl4c_context *member, struct dl4c_error *err)
{
    struct party p[2] = { { .ctx = driver, .size = 2, .timeout_ms = 300 }, { .ctx = member, .place = 1, .timeout_ms = 300 } };
    const uint16_t port = free_port(false);
    float in[100] = { 3 }, out[100];
    dl4c_status status;
    for (int i = 0; i < 2; i++)
        snprintf(p[i].url, sizeof p[i].url, "tcp+plain:127.0.0.1:%u", (unsigned)port);
    assert_int_equal(pthread_create(&p[1].thread, NULL, party_enter, &p[1]), 0);
    party_enter(&p[0]);
    pthread_join(p[1].thread, NULL);
    status = p[0].status != DL4C_OK ? p[0].status : p[1].status;
    *err = p[0].status != DL4C_OK ? p[0].err : p[1].err;
    if (status == DL4C_OK) {
        status = dl4c_group_send(p[1].group, 0, in, sizeof in, 300, err);
        if (status == DL4C_OK)
            status = dl4c_group_recv(p[0].group, 1, out, sizeof out, 300, err);
        if (status == DL4C_OK)
            assert_true(out[0] == 3);
    }
    dl4c_group_leave(&p[1].group, 50);
    dl4c_group_leave(&p[0].group, 50);
    return status;
}

/* Where the other member meets the failure, this one sees a deadline pass or its peer gone. */
static void no_allocation_that_fails_leaks(void **state)
{
    struct dl4c_context_options co = DL4C_CONTEXT_OPTIONS_INIT;
    (void)state;
    co.threads = 1;
    for (int failing = 0; failing < 2; failing++)
        for (long n = 1, injected = 1; injected; n++) {
            struct fail_alloc a[2] = { { 0 }, { 0 } };
            dl4c_context *ctx[2] = { NULL, NULL };
            struct dl4c_error err = DL4C_ERROR_INIT;
            dl4c_status status = DL4C_OK;
            a[failing].fail_at = n;
            for (int i = 0; i < 2; i++) {
                co.alloc = fail_alloc_take;
                co.release = fail_alloc_release;
                co.alloc_user = &a[i];
                const dl4c_status made = dl4c_context_create(&co, &ctx[i], &err);
                status = status != DL4C_OK ? status : made;
            }
            if (status == DL4C_OK) {
                status = one_message(ctx[0], ctx[1], &err);
                assert_true(status == DL4C_OK || status == DL4C_E_NOMEM || status == DL4C_E_TIMEOUT || status == DL4C_E_PEER);
                assert_true(status == DL4C_OK || err.message[0]);
            }
            injected = a[failing].injected;
            assert_true(injected || status == DL4C_OK);
            for (int i = 0; i < 2; i++) {
                dl4c_context_destroy(&ctx[i]);
                assert_int_equal(a[i].live, 0);
            }
        }
}

static void an_address_in_use_is_refused(void **state)
{
    struct dl4c_group_options o = DL4C_GROUP_OPTIONS_INIT;
    struct dl4c_error err = DL4C_ERROR_INIT;
    dl4c_group *first = NULL, *second = NULL;
    char text[100];
    (void)state;
    snprintf(text, sizeof text, "tcp+plain://:%u/", (unsigned)free_port(false));
    o.url = text;
    o.driver = 1;
    o.size = 1;
    assert_int_equal(dl4c_group_join(NULL, &o, &first, &err), DL4C_OK);
    assert_int_equal(dl4c_group_join(NULL, &o, &second, &err), DL4C_E_EXISTS);
    dl4c_group_leave(&first, 0);
    assert_int_equal(dl4c_group_join(NULL, &o, &second, &err), DL4C_OK);
    dl4c_group_leave(&second, 0);
}

/* ---- TLS ---- */

#ifdef HAVE_TLS
static char key_file[200], other_key_file[200];

static void write_key(char path[200], const char *text)
{
    const char *tmp = getenv("TMPDIR");
    snprintf(path, 200, "%s/dl4c-key-XXXXXX", tmp ? tmp : "/tmp");
    const int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
}

static void tls_keeps_what_every_transport_promises(void **state)
{
    (void)state;
    setenv("DL4C_TCP_KEY_FILE", key_file, 1);
    keeps_what_every_transport_promises("tcp", false);
}

static _Atomic int heard_enough;

/* Says something later, and once more, which nobody asks for; then takes nothing. */
static void *says_too_much(void *arg)
{
    struct party *p = arg;
    party_enter(p);
    for (int i = 0; i < 2 && p->status == DL4C_OK; i++) {
        usleep(100000);
        p->status = dl4c_group_send(p->group, 0, "!", 1, 20000, &p->err);
    }
    for (int i = 0; i < 4000 && !heard_enough; i++)
        usleep(5000);
    dl4c_group_leave(&p->group, 0);
    return NULL;
}

static int64_t processor_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* What the peer says meanwhile is for a later call, and no reason to look again and again. */
static void who_waits_to_send_sleeps(void **state)
{
    enum { SIZE = 64 << 20, WAIT_MS = 800 };
    struct party p[2] = { { .size = 2 }, { .place = 1 } };
    struct dl4c_error err = DL4C_ERROR_INIT;
    char *bytes = calloc(SIZE, 1), c = 0;
    const unsigned port = free_port(false);
    (void)state;
    if (under_valgrind()) {
        free(bytes);
        print_message("skipped: under valgrind to encrypt what a connection holds takes longer than the wait\n");
        skip();
    }
    assert_non_null(bytes);
    setenv("DL4C_TCP_KEY_FILE", key_file, 1);
    for (int i = 0; i < 2; i++)
        snprintf(p[i].url, sizeof p[i].url, "tcp://127.0.0.1:%u", port);
    assert_int_equal(pthread_create(&p[1].thread, NULL, says_too_much, &p[1]), 0);
    party_enter(&p[0]);
    assert_int_equal(p[0].status, DL4C_OK);
    assert_int_equal(dl4c_group_recv(p[0].group, 1, &c, 1, 20000, &err), DL4C_OK);
    const int64_t before = processor_ms();
    assert_int_equal(dl4c_group_send(p[0].group, 1, bytes, SIZE, WAIT_MS, &err), DL4C_E_TIMEOUT);
    assert_true(processor_ms() - before < WAIT_MS / 2); /* to encrypt what the connection holds takes some */
    heard_enough = 1;
    pthread_join(p[1].thread, NULL);
    assert_int_equal(p[1].status, DL4C_OK);
    dl4c_group_leave(&p[0].group, 0);
    free(bytes);
}

static dl4c_status join_once(const char *text, struct dl4c_error *err)
{
    struct dl4c_group_options o = DL4C_GROUP_OPTIONS_INIT;
    dl4c_group *g = NULL;
    o.url = text;
    o.timeout_ms = 3000;
    const dl4c_status status = dl4c_group_join(NULL, &o, &g, err);
    assert_null(g);
    return status;
}

static void without_a_good_key_nothing_is_sent(void **state)
{
    struct dl4c_error err = DL4C_ERROR_INIT;
    char path[200];
    (void)state;
    unsetenv("DL4C_TCP_KEY_FILE");
    assert_int_equal(join_once("tcp://127.0.0.1:9", &err), DL4C_E_DENIED);
    assert_non_null(strstr(err.message, "DL4C_TCP_KEY_FILE"));
    setenv("DL4C_TCP_KEY_FILE", "/nonexistent/key", 1);
    assert_int_equal(join_once("tcp://127.0.0.1:9", &err), DL4C_E_NOTFOUND);
    setenv("DL4C_TCP_KEY_FILE", key_file, 1);
    assert_int_equal(chmod(key_file, 0640), 0);
    assert_int_equal(join_once("tcp://127.0.0.1:9", &err), DL4C_E_DENIED);
    assert_non_null(strstr(err.message, "0640"));
    assert_int_equal(chmod(key_file, 0600), 0);
    const char *bad[] = { "", "00112233", "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff0",
                          "00112233445566778899aabbccddeeff00112233445566778899aabbccddeefg" };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        write_key(path, bad[i]);
        setenv("DL4C_TCP_KEY_FILE", path, 1);
        assert_int_equal(join_once("tcp://127.0.0.1:9", &err), DL4C_E_DENIED);
        unlink(path);
    }
}

/* The driver has read its key when it listens; the test then names another one. */
static void who_has_another_key_or_none_is_refused(void **state)
{
    struct dl4c_context_options co = DL4C_CONTEXT_OPTIONS_INIT;
    struct dl4c_error err = DL4C_ERROR_INIT;
    struct dl4c_group_options o = DL4C_GROUP_OPTIONS_INIT;
    dl4c_context *ctx = NULL;
    dl4c_group *g = NULL;
    const uint16_t port = free_port(false);
    char text[100];
    (void)state;
    co.log = count_refusals;
    assert_int_equal(dl4c_context_create(&co, &ctx, NULL), DL4C_OK);
    setenv("DL4C_TCP_KEY_FILE", key_file, 1);
    snprintf(text, sizeof text, "tcp://127.0.0.1:%u", (unsigned)port);
    o.url = text;
    o.driver = 1;
    o.size = 1;
    assert_int_equal(dl4c_group_join(ctx, &o, &g, &err), DL4C_OK);
    int before = refusals;
    setenv("DL4C_TCP_KEY_FILE", other_key_file, 1);
    assert_int_equal(join_once(text, &err), DL4C_E_DENIED);
    assert_true(err.message[0]);
    is_logged(g, before + 1);
    static const char web[] = "GET / HTTP/1.1\r\nHost: somewhere\r\n\r\n";
    is_shut_out(g, port, web, sizeof web - 1);
    is_shut_out(g, port, NULL, 0);
    before = refusals;
    snprintf(text, sizeof text, "tcp+plain://127.0.0.1:%u", (unsigned)port);
    const dl4c_status plain = join_once(text, &err); /* the alert is no frame */
    assert_true(plain == DL4C_E_CORRUPT || plain == DL4C_E_TIMEOUT);
    struct dl4c_members m = DL4C_MEMBERS_INIT;
    assert_int_equal(dl4c_group_members(g, &m, NULL), DL4C_OK);
    assert_true(m.waiting == 0);
    dl4c_group_leave(&g, 0);
    assert_true(refusals > before);
    dl4c_context_destroy(&ctx);
}
#else
static void without_openssl_tcp_says_so(void **state)
{
    struct dl4c_group_options o = DL4C_GROUP_OPTIONS_INIT;
    struct dl4c_error err = DL4C_ERROR_INIT;
    dl4c_group *g = NULL;
    (void)state;
    o.url = "tcp://127.0.0.1:9";
    assert_int_equal(dl4c_group_join(NULL, &o, &g, &err), DL4C_E_UNSUPPORTED);
    assert_non_null(strstr(err.message, "TLS"));
}
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_malformed_url_is_refused),
        cmocka_unit_test(nobody_waits_for_ever),
        cmocka_unit_test(an_address_in_use_is_refused),
        cmocka_unit_test(a_driver_of_another_version_is_told_apart),
        cmocka_unit_test(no_allocation_that_fails_leaks),
        cmocka_unit_test(strangers_are_refused_and_disturb_nobody),
        cmocka_unit_test(plain_tcp_keeps_what_every_transport_promises),
        cmocka_unit_test(so_it_does_over_ipv6),
#ifdef HAVE_TLS
        cmocka_unit_test(without_a_good_key_nothing_is_sent),
        cmocka_unit_test(who_has_another_key_or_none_is_refused),
        cmocka_unit_test(tls_keeps_what_every_transport_promises),
        cmocka_unit_test(who_waits_to_send_sleeps),
#else
        cmocka_unit_test(without_openssl_tcp_says_so),
#endif
    };
#ifdef HAVE_TLS
    write_key(key_file, "00112233445566778899aabbccddeeff00112233445566778899AABBCCDDEEFF\n");
    write_key(other_key_file, "10112233445566778899aabbccddeeff00112233445566778899aabbccddeeff");
#endif
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
#ifdef HAVE_TLS
    unlink(key_file);
    unlink(other_key_file);
#endif
    return failed;
}
