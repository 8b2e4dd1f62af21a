/* SPDX-License-Identifier: Apache-2.0 */
/* The transport tcp with somebody on the wire: frames that stand, and TLS records, are flipped, repeated, swapped, cut, stopped or made
 * huge. Nothing wrong is ever received, both sides are told in time, and the group goes on. */
#define _GNU_SOURCE
#include "party.h"
#include "transport/frame.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* ---- the wire: what the member says is taken apart into frames, or records; the driver's answers pass as they are ---- */

enum fault { NONE, FLIP, FLIP_HEAD, REPEAT, SWAP, CUT, STOP, HUGE_LENGTH, OTHER_VERSION, N_FAULTS };
static const char *const fault_names[N_FAULTS] = { "none", "flip", "flip in the header", "repeat", "swap", "cut", "stop", "4 GB",
                                                   "other version" };
enum target { MESSAGES, BEATS };
enum { ROOM = DLI_FRAME_HEADER + DLI_FRAME_DATA, MAX_PIPES = 64, SIZE = 1000 /* bytes of a message of the test */ };

static _Atomic int armed; /* the next piece that suits `aim` meets it; then NONE again */
static _Atomic int aim;
static int tls; /* pieces are TLS records, else frames */
static uint16_t inner, outer;

struct pipe {
    int from, to;
    int talks; /* it has carried a message: it is not where beats are */
    pthread_t up, down;
};
static struct pipe pipes[MAX_PIPES];
static int n_pipes;
static pthread_t door_thread;
static int door;

static int all(int fd, const void *bytes, size_t n)
{
    return send(fd, bytes, n, MSG_NOSIGNAL) == (ssize_t)n;
}

/* Bytes of the piece that begins with head. */
static size_t body_of(const uint8_t *head)
{
    return tls ? (size_t)head[3] << 8 | head[4] : dli_get32(head + 32);
}

static int suits(const struct pipe *p, const uint8_t *head, size_t body)
{
    if (tls && head[0] != 23) /* still shaking hands */
        return 0;
    if (aim == MESSAGES)
        return tls ? body >= SIZE : dli_get16(head + 6) == DLI_FRAME_MESSAGE;
    return tls ? body < 200 && !p->talks : dli_get16(head + 6) == DLI_FRAME_ALIVE;
}

static void *up(void *arg)
{
    struct pipe *p = arg;
    uint8_t *b = malloc(ROOM), *held = malloc(ROOM);
    const size_t head = tls ? 5 : DLI_FRAME_HEADER;
    size_t n_held = 0;
    for (int go = b && held; go && recv(p->from, b, head, MSG_WAITALL) == (ssize_t)head;) {
        const size_t body = body_of(b);
        if (body > ROOM - head || (body > 0 && recv(p->from, b + head, body, MSG_WAITALL) != (ssize_t)body))
            break;
        const size_t n = head + body;
        p->talks |= body >= SIZE && (!tls || b[0] == 23);
        const int fault = armed != NONE && suits(p, b, body) ? atomic_exchange(&armed, NONE) : NONE;
        if (fault == FLIP)
            b[n - 1] ^= 0x10;
        if (fault == FLIP_HEAD)
            b[head - 1] ^= 0x10;
        if (fault == HUGE_LENGTH) {
            memset(tls ? b + 3 : b + 32, 0xff, tls ? 2 : 4);
            if (!tls)
                dli_put32(b + 44, dli_crc32c(0, b, 44));
        }
        if (fault == OTHER_VERSION)
            b[tls ? 1 : 4] ^= 8;
        if (fault == SWAP) {
            memcpy(held, b, n_held = n);
            continue;
        }
        if (fault == STOP)
            break;
        go = all(p->to, b, fault == CUT ? n / 2 : n) && fault != CUT;
        if (go && fault == REPEAT)
            go = all(p->to, b, n);
        if (go && n_held > 0) {
            go = all(p->to, held, n_held);
            n_held = 0;
        }
        if (fault == CUT) { /* the host is gone: both directions */
            shutdown(p->to, SHUT_RDWR);
            shutdown(p->from, SHUT_RDWR);
        }
    }
    if (b && held && armed == NONE) /* after a STOP nothing comes any more, and nobody says that it is over */
        while (recv(p->from, b, ROOM, 0) > 0)
            ;
    shutdown(p->to, SHUT_RDWR);
    free(b);
    free(held);
    return NULL;
}

static void *down(void *arg)
{
    struct pipe *p = arg;
    char b[4096];
    for (ssize_t n; (n = recv(p->to, b, sizeof b, 0)) > 0 && all(p->from, b, (size_t)n);)
        ;
    shutdown(p->from, SHUT_RDWR);
    return NULL;
}

static struct sockaddr_in loopback(uint16_t port)
{
    return (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
}

static void *let_in(void *arg)
{
    const struct sockaddr_in a = loopback(inner);
    (void)arg;
    for (int fd; n_pipes < MAX_PIPES && (fd = accept(door, NULL, NULL)) >= 0;) {
        struct pipe *p = &pipes[n_pipes];
        p->from = fd;
        p->talks = 0;
        p->to = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (connect(p->to, (const struct sockaddr *)&a, sizeof a) != 0 || pthread_create(&p->up, NULL, up, p) != 0) {
            close(p->from);
            close(p->to);
            continue;
        }
        if (pthread_create(&p->down, NULL, down, p) != 0)
            abort(); /* of the test program */
        n_pipes++;
    }
    return NULL;
}

static void open_wire(void)
{
    const int one = 1;
    inner = free_port(0);
    outer = free_port(0);
    const struct sockaddr_in a = loopback(outer);
    armed = NONE;
    n_pipes = 0;
    door = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    setsockopt(door, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    assert_int_equal(bind(door, (const struct sockaddr *)&a, sizeof a), 0);
    assert_int_equal(listen(door, 16), 0);
    assert_int_equal(pthread_create(&door_thread, NULL, let_in, NULL), 0);
}

static void close_wire(void)
{
    shutdown(door, SHUT_RDWR);
    pthread_join(door_thread, NULL);
    close(door);
    for (int i = 0; i < n_pipes; i++) {
        shutdown(pipes[i].from, SHUT_RDWR);
        shutdown(pipes[i].to, SHUT_RDWR);
        pthread_join(pipes[i].up, NULL);
        pthread_join(pipes[i].down, NULL);
        close(pipes[i].from);
        close(pipes[i].to);
    }
}

/* ---- the member: says the same over and over; a loss makes it regroup, or come again ---- */

static uint8_t said[2][SIZE];
static _Atomic int stop;

static dl4c_status say_once(dl4c_group *g, struct dl4c_error *err)
{
    char thanks;
    dl4c_status status = dl4c_group_send(g, 0, said[0], SIZE, 5000, err);
    if (status == DL4C_OK)
        status = dl4c_group_send(g, 0, said[1], SIZE, 5000, err);
    return status == DL4C_OK ? dl4c_group_recv(g, 0, &thanks, 1, 30000, err) : status;
}

static void *member(void *arg)
{
    struct party *p = arg;
    struct dl4c_regroup_options o = DL4C_REGROUP_OPTIONS_INIT;
    o.timeout_ms = 10000;
    while (!stop) {
        if (!p->group)
            party_enter(p);
        while (p->group && say_once(p->group, &p->err) == DL4C_OK)
            ;
        if (p->group && dl4c_group_regroup(p->group, &o, &p->err) != DL4C_OK)
            dl4c_group_leave(&p->group, 0);
    }
    dl4c_group_leave(&p->group, 0);
    return NULL;
}

/* ---- the driver ---- */

static char logged[300];
static _Atomic int n_logged;
static void log_line(void *user, int32_t level, const char *origin, const char *message)
{
    (void)user, (void)level, (void)origin;
    snprintf(logged, sizeof logged, "%s", message);
    n_logged++;
}

static int64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* What the member says, and thanks. Whatever is received is what was said. */
static dl4c_status hear_once(dl4c_group *g, int64_t timeout_ms, struct dl4c_error *err)
{
    uint8_t got[SIZE];
    for (int i = 0; i < 2; i++) {
        const dl4c_status status = dl4c_group_recv(g, 1, got, SIZE, timeout_ms, err);
        if (status != DL4C_OK)
            return status;
        assert_memory_equal(got, said[i], SIZE);
    }
    return dl4c_group_send(g, 1, "", 1, timeout_ms, err);
}

/* Until the member is there again. */
static void regroup(dl4c_group *g)
{
    struct dl4c_regroup_options o = DL4C_REGROUP_OPTIONS_INIT;
    struct dl4c_members m = DL4C_MEMBERS_INIT;
    struct dl4c_error err = DL4C_ERROR_INIT;
    const int64_t began = now_ms();
    o.timeout_ms = 3000;
    do {
        if (dl4c_group_regroup(g, &o, &err) != DL4C_OK)
            fail_msg("%s", err.message);
        assert_int_equal(dl4c_group_members(g, &m, NULL), DL4C_OK);
        if (m.size == 1)
            assert_true(party_waits(g));
        assert_true(now_ms() - began < 20000);
    } while (m.size < 2 || hear_once(g, 5000, NULL) != DL4C_OK);
}

static void nothing_wrong_arrives(const char *scheme)
{
    struct dl4c_context_options co = DL4C_CONTEXT_OPTIONS_INIT;
    struct party p[2] = { { .size = 2, .lost_after_ms = 1000 }, { .place = 1, .lost_after_ms = 1000 } };
    open_wire();
    co.threads = 1;
    co.log = log_line;
    assert_int_equal(dl4c_context_create(&co, &p[0].ctx, NULL), DL4C_OK);
    co.log = NULL;
    assert_int_equal(dl4c_context_create(&co, &p[1].ctx, NULL), DL4C_OK);
    for (int i = 0; i < 2 * SIZE; i++)
        said[i / SIZE][i % SIZE] = (uint8_t)(i * 7 + i / 256);
    snprintf(p[0].url, sizeof p[0].url, "%s://127.0.0.1:%u", scheme, (unsigned)inner);
    snprintf(p[1].url, sizeof p[1].url, "%s://127.0.0.1:%u", scheme, (unsigned)outer);
    stop = 0;
    assert_int_equal(pthread_create(&p[1].thread, NULL, member, &p[1]), 0);
    party_enter(&p[0]);
    if (p[0].status != DL4C_OK)
        fail_msg("%s", p[0].err.message);
    dl4c_group *g = p[0].group;
    assert_int_equal(hear_once(g, 20000, NULL), DL4C_OK);
    for (int target = MESSAGES; target <= BEATS; target++)
        for (int fault = NONE + 1; fault < N_FAULTS; fault++) {
            struct dl4c_error err = DL4C_ERROR_INIT;
            const int64_t began = now_ms();
            const int before = n_logged;
            dl4c_status status = DL4C_OK;
            if (target == BEATS && fault == SWAP)
                continue; /* as REPEAT, with another frame */
            aim = target;
            armed = fault;
            while (status == DL4C_OK && now_ms() - began < 20000)
                status = hear_once(g, 1500, &err);
            if ((status != DL4C_E_PEER && status != DL4C_E_CORRUPT && status != DL4C_E_VERSION && status != DL4C_E_TIMEOUT)
                || err.status != status || !err.message[0])
                fail_msg("%s of %s: %s: %s", fault_names[fault], target == BEATS ? "a beat" : "a message", dl4c_status_name(status),
                         err.message);
            assert_true(now_ms() - began < 10000);
            regroup(g);
            for (int i = 0; i < 3; i++)
                assert_int_equal(hear_once(g, 20000, NULL), DL4C_OK);
            if (target == BEATS && n_logged == before)
                fail_msg("%s of a beat: nothing was logged", fault_names[fault]);
        }
    stop = 1;
    dl4c_group_leave(&p[0].group, 0);
    pthread_join(p[1].thread, NULL);
    close_wire();
    for (int i = 0; i < 2; i++)
        dl4c_context_destroy(&p[i].ctx);
}

static void nothing_wrong_arrives_in_the_clear(void **state)
{
    (void)state;
    tls = 0;
    nothing_wrong_arrives("tcp+plain");
}

#ifdef HAVE_TLS
static void nor_over_tls(void **state)
{
    static const char key[] = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
    const char *tmp = getenv("TMPDIR");
    char path[200];
    (void)state;
    snprintf(path, sizeof path, "%s/dl4c-key-XXXXXX", tmp ? tmp : "/tmp");
    const int fd = mkstemp(path);
    assert_int_equal(write(fd, key, sizeof key - 1), sizeof key - 1);
    close(fd);
    setenv("DL4C_TCP_KEY_FILE", path, 1);
    tls = 1;
    nothing_wrong_arrives("tcp");
    unlink(path);
}
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_wrong_arrives_in_the_clear),
#ifdef HAVE_TLS
        cmocka_unit_test(nor_over_tls),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
