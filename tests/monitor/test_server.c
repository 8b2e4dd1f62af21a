/* SPDX-License-Identifier: Apache-2.0 */
/* The server as others meet it: browsers, strangers, and clients that mean no good. */
#define _POSIX_C_SOURCE 200809L
#include "support/must.h"

#include <dl4c/monitor.h>

#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

struct served {
    char dir[64];
    dl4c_context *ctx;
    dl4c_monitor *m;
    int port;
};

static void put(const struct served *s, const char *name, const char *text)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", s->dir, name);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static void begin(struct served *s, const struct dl4c_monitor_options *o)
{
    struct dl4c_error err = DL4C_ERROR_INIT;
    strcpy(s->dir, "/tmp/dl4c-monitor-XXXXXX");
    assert_non_null(mkdtemp(s->dir));
    put(s, "run.json", "{\"format\": 1, \"seed\": 7}\n");
    put(s, "scores.jsonl", "{\"iteration\": 1, \"score\": 0.5}\n");
    put(s, "secret.txt", "not to be served");
    must(dl4c_context_create(NULL, &s->ctx, &err), &err);
    const char *runs[] = { s->dir };
    must(dl4c_monitor_open(s->ctx, runs, 1, o, &s->m, &err), &err);
    const char *url = dl4c_monitor_url(s->m), *from = "http://127.0.0.1:";
    assert_int_equal(strncmp(url, from, strlen(from)), 0);
    s->port = atoi(url + strlen(from));
    assert_true(s->port > 0 && url[strlen(url) - 1] == '/');
}

static void end(struct served *s)
{
    static const char *const names[] = { "run.json", "scores.jsonl", "secret.txt" };
    dl4c_monitor_close(&s->m);
    dl4c_context_destroy(&s->ctx);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char path[128];
        snprintf(path, sizeof path, "%s/%s", s->dir, names[i]);
        unlink(path);
    }
    rmdir(s->dir);
}

static int dial(const struct served *s)
{
    const int fd = socket(AF_INET, SOCK_STREAM, 0);
    const struct timeval patience = { 10, 0 };
    struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons((uint16_t)s->port) };
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_true(fd >= 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    return connect(fd, (struct sockaddr *)&to, sizeof to) == 0 ? fd : (close(fd), -1);
}

/* All that comes until the server closes or is silent; text has room for size bytes. */
static size_t listen_to(int fd, char *text, size_t size)
{
    size_t n = 0;
    ssize_t got;
    while (n + 1 < size && (got = recv(fd, text + n, size - 1 - n, 0)) > 0)
        n += (size_t)got;
    text[n] = '\0';
    return n;
}

static char answer[1 << 17];

/* Sends a request and answers its status; `answer` has the rest. */
static int request(const struct served *s, const char *text)
{
    int status = 0;
    const int fd = dial(s);
    assert_true(fd >= 0);
    const size_t n = strlen(text);
    for (size_t at = 0; at < n;) {
        const ssize_t sent = send(fd, text + at, n - at, MSG_NOSIGNAL);
        if (sent <= 0)
            break; /* it has heard enough */
        at += (size_t)sent;
    }
    listen_to(fd, answer, sizeof answer);
    close(fd);
    if (sscanf(answer, "HTTP/1.%*d %d", &status) != 1)
        return 0;
    return status;
}

#define HOST "Host: localhost\r\nConnection: close\r\n\r\n"

static void the_page_and_the_data_are_served(void **state)
{
    (void)state;
    struct served s;
    begin(&s, NULL);
    assert_int_equal(request(&s, "GET / HTTP/1.1\r\n" HOST), 200);
    static const char *const wanted[] = { "text/html; charset=utf-8",
                                          "Content-Security-Policy: default-src 'none'; script-src 'sha256-",
                                          "Cache-Control: no-store",
                                          "X-Content-Type-Options: nosniff",
                                          "Cross-Origin-Resource-Policy: same-origin",
                                          "frame-ancestors 'none'",
                                          "<!DOCTYPE html>",
                                          "</html>" };
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++)
        if (!strstr(answer, wanted[i]))
            fail_msg("\"%s\" is not in the page's answer", wanted[i]);
    /* Only what is inside the page may be asked for. */
    assert_null(strstr(strstr(answer, "<!DOCTYPE"), "http://www.w3.org/1999"));
    assert_null(strstr(answer, "src="));
    assert_null(strstr(answer, "@import"));
    assert_int_equal(request(&s, "GET /data HTTP/1.1\r\n" HOST), 200);
    assert_non_null(strstr(answer, "application/json"));
    assert_non_null(strstr(answer, "\"mean\":[[0.5]]"));
    assert_non_null(strstr(answer, s.dir));
    assert_int_equal(request(&s, "GET /data?since=%00%ff&since=x HTTP/1.1\r\n" HOST), 200);
    end(&s);
}

static void nothing_else_is(void **state)
{
    (void)state;
    static const char *const targets[] = { "/run.json",    "/secret.txt", "/../secret.txt",    "/..%2fsecret.txt",
                                           "//",           "/data/",      "/data/../run.json", "/index.html",
                                           "/favicon.ico", "/.",          "/etc/passwd",       "/data%2f" };
    struct served s;
    char text[256];
    begin(&s, NULL);
    for (size_t i = 0; i < sizeof targets / sizeof *targets; i++) {
        snprintf(text, sizeof text, "GET %s HTTP/1.1\r\n" HOST, targets[i]);
        const int status = request(&s, text);
        if (status != 404 && status != 400)
            fail_msg("%s: %d", targets[i], status);
        assert_null(strstr(answer, "not to be served"));
    }
    static const char *const methods[] = { "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH", "TRACE", "CONNECT", "PROPFIND", "get" };
    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++) {
        snprintf(text, sizeof text, "%s /data HTTP/1.1\r\nContent-Length: 0\r\n" HOST, methods[i]);
        const int status = request(&s, text);
        if (status != 405)
            fail_msg("%s: %d", methods[i], status);
        assert_non_null(strstr(answer, "Allow: GET"));
    }
    end(&s);
}

/* A page of somebody else's whose name they point at this server (DNS rebinding). */
static void other_names_are_refused(void **state)
{
    (void)state;
    static const char *const names[] = { "evil.example", "localhost.evil.example:80", "127.0.0.1.evil.example", "" };
    struct served s;
    char text[256];
    begin(&s, NULL);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        snprintf(text, sizeof text, "GET /data HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n", names[i]);
        assert_int_equal(request(&s, text), 403);
        assert_null(strstr(answer, "\"runs\""));
    }
    assert_int_equal(request(&s, "GET /data HTTP/1.0\r\n\r\n"), 403);
    assert_int_equal(request(&s, "GET /data HTTP/1.1\r\nConnection: close\r\n\r\n"), 400);
    assert_int_equal(request(&s, "GET /data HTTP/1.1\r\nHost: 10.1.2.3:9999\r\nConnection: close\r\n\r\n"), 200); /* forwarded */
    end(&s);
}

static void long_and_broken_requests_are_refused(void **state)
{
    (void)state;
    struct served s;
    enum { LONG = 1 << 20 };
    char *text = malloc(LONG + 64);
    begin(&s, NULL);
    strcpy(text, "GET /data?since=");
    memset(text + strlen(text), 'a', LONG - strlen(text));
    strcpy(text + LONG - 64, " HTTP/1.1\r\n" HOST);
    int status = request(&s, text);
    assert_true(status == 0 || (status >= 400 && status < 500)); /* 0: cut off while still sending */
    strcpy(text, "GET / HTTP/1.1\r\nX: ");
    memset(text + strlen(text), 'a', LONG - strlen(text));
    strcpy(text + LONG - 64, "\r\n" HOST);
    status = request(&s, text);
    assert_true(status == 0 || (status >= 400 && status < 500));
    static const char *const broken[] = { "\r\n\r\n", "GET\r\n\r\n", "GET / HTTP/9.9\r\n" HOST, "\x16\x03\x01\x02\x01\xfc\x03\x03\r\n\r\n",
                                          "GET / HTTP/1.1\r\nno colon\r\n" HOST };
    for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
        const int fd = dial(&s);
        send(fd, broken[i], strlen(broken[i]), MSG_NOSIGNAL);
        shutdown(fd, SHUT_WR);
        listen_to(fd, answer, sizeof answer);
        close(fd);
    }
    assert_int_equal(request(&s, "GET / HTTP/1.1\r\n" HOST), 200); /* it lives */
    free(text);
    end(&s);
}

static void a_slow_client_holds_up_nobody(void **state)
{
    (void)state;
    struct served s;
    int slow[16];
    begin(&s, NULL);
    for (int i = 0; i < 16; i++) {
        slow[i] = dial(&s);
        assert_true(slow[i] >= 0);
        if (i % 2 == 0) /* half a request; the others say nothing */
            send(slow[i], "GET / HT", 8, MSG_NOSIGNAL);
    }
    for (int i = 0; i < 20; i++)
        assert_int_equal(request(&s, "GET /data HTTP/1.1\r\n" HOST), 200);
    const char *rest = "TP/1.1\r\n" HOST;
    send(slow[0], rest, strlen(rest), MSG_NOSIGNAL); /* and slow is not refused */
    listen_to(slow[0], answer, sizeof answer);
    assert_non_null(strstr(answer, "200 OK"));
    for (int i = 0; i < 16; i++)
        close(slow[i]);
    end(&s);
}

static void connections_are_bounded(void **state)
{
    (void)state;
    struct served s;
    int fds[8];
    struct dl4c_monitor_options o = DL4C_MONITOR_OPTIONS_INIT;
    o.connections = 4;
    begin(&s, &o);
    for (int i = 0; i < 8; i++) {
        fds[i] = dial(&s);
        if (fds[i] >= 0)
            send(fds[i], "GET /", 5, MSG_NOSIGNAL);
    }
    for (int i = 0; i < 8; i++)
        if (fds[i] >= 0)
            close(fds[i]);
    int status = 0;
    for (int i = 0; i < 200 && status != 200; i++) { /* those that hung up make room */
        const struct timespec tick = { 0, 10000000 };
        nanosleep(&tick, NULL);
        status = request(&s, "GET / HTTP/1.1\r\n" HOST);
    }
    assert_int_equal(status, 200);
    end(&s);
}

static void closing_ends_answers_at_work(void **state)
{
    (void)state;
    struct served s;
    begin(&s, NULL);
    const int waiting = dial(&s), silent = dial(&s);
    send(waiting, "GET / HTTP/1.1\r\n", 16, MSG_NOSIGNAL);
    dl4c_monitor_close(&s.m);
    assert_null(s.m);
    dl4c_monitor_close(&s.m);
    listen_to(waiting, answer, sizeof answer);
    listen_to(silent, answer, sizeof answer);
    assert_int_equal(dial(&s), -1); /* nobody listens there now */
    close(waiting);
    close(silent);
    end(&s);
}

static void wrong_options_leave_nothing(void **state)
{
    (void)state;
    struct dl4c_error err = DL4C_ERROR_INIT;
    struct served s;
    begin(&s, NULL);
    char taken[64], file[128];
    snprintf(taken, sizeof taken, "127.0.0.1:%d", s.port);
    snprintf(file, sizeof file, "%s/run.json", s.dir);
    const struct {
        const char *listen, *run;
        dl4c_status status;
        const char *says;
    } cases[] = {
        { taken, s.dir, DL4C_E_IO, "cannot be listened on" },
        { "127.0.0.1", s.dir, DL4C_E_INVALID, "ADDRESS:PORT" },
        { "127.0.0.1:65536", s.dir, DL4C_E_INVALID, "65535" },
        { "203.0.113.7:0", s.dir, DL4C_E_IO, "203.0.113.7" }, /* of nobody: RFC 5737 */
        { NULL, "/nowhere/at/all", DL4C_E_NOTFOUND, "/nowhere/at/all" },
        { NULL, file, DL4C_E_INVALID, "no directory" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct dl4c_monitor_options o = DL4C_MONITOR_OPTIONS_INIT;
        dl4c_monitor *m = (dl4c_monitor *)&o;
        o.listen = cases[i].listen;
        const dl4c_status status = dl4c_monitor_open(s.ctx, &cases[i].run, 1, &o, &m, &err);
        if (status != cases[i].status || !strstr(err.message, cases[i].says))
            fail_msg("%s of %s: %s: %s", cases[i].listen, cases[i].run, dl4c_status_name(status), err.message);
        assert_null(m);
    }
    dl4c_monitor *m;
    const char *none = NULL, *run = s.dir;
    struct dl4c_monitor_options o = DL4C_MONITOR_OPTIONS_INIT;
    assert_int_equal(dl4c_monitor_open(s.ctx, NULL, 1, NULL, &m, &err), DL4C_E_INVALID);
    assert_int_equal(dl4c_monitor_open(s.ctx, &none, 1, NULL, &m, &err), DL4C_E_INVALID);
    assert_int_equal(dl4c_monitor_open(s.ctx, &none, 0, NULL, &m, &err), DL4C_E_INVALID);
    assert_int_equal(dl4c_monitor_open(s.ctx, &none, 1, NULL, NULL, &err), DL4C_E_INVALID);
    o.connections = -1;
    assert_int_equal(dl4c_monitor_open(s.ctx, &run, 1, &o, &m, &err), DL4C_E_INVALID);
    end(&s);
}

static void it_listens_on_ipv6_too(void **state)
{
    (void)state;
    struct served s;
    struct dl4c_error err = DL4C_ERROR_INIT;
    struct dl4c_monitor_options o = DL4C_MONITOR_OPTIONS_INIT;
    begin(&s, NULL);
    dl4c_monitor *m;
    const char *run = s.dir;
    o.listen = "[::1]:0";
    const dl4c_status status = dl4c_monitor_open(s.ctx, &run, 1, &o, &m, &err);
    if (status == DL4C_OK) {
        assert_int_equal(strncmp(dl4c_monitor_url(m), "http://[::1]:", 13), 0);
        dl4c_monitor_close(&m);
    } else {
        assert_int_equal(status, DL4C_E_IO);
    }
    end(&s);
    if (status != DL4C_OK) {
        print_message("skipped: this machine has no IPv6\n");
        skip();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_page_and_the_data_are_served), cmocka_unit_test(nothing_else_is),
        cmocka_unit_test(other_names_are_refused),          cmocka_unit_test(long_and_broken_requests_are_refused),
        cmocka_unit_test(a_slow_client_holds_up_nobody),    cmocka_unit_test(connections_are_bounded),
        cmocka_unit_test(closing_ends_answers_at_work),     cmocka_unit_test(wrong_options_leave_nothing),
        cmocka_unit_test(it_listens_on_ipv6_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
