/* SPDX-License-Identifier: Apache-2.0 */
/* NameNodes and DataNodes in this process: sockets, requests, faults. */
#define _GNU_SOURCE
#include "fake_inside.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

/* ---- bytes ---- */

static bool get(int fd, void *to, size_t n)
{
    for (char *p = to; n > 0;) {
        const ssize_t k = recv(fd, p, n, 0);
        if (k <= 0)
            return false;
        p += k;
        n -= (size_t)k;
    }
    return true;
}

/* ---- faults ---- */

/* True where nothing else is to be done. */
static bool goes_wrong(struct request *r)
{
    const struct fake_fault *b = &r->fault;
    char text[1600], name[64];
    switch (b->kind) {
    case FAKE_RESET: fake_reset(r->fd); return r->close = true;
    case FAKE_STALL:
        while (recv(r->fd, text, sizeof text, 0) > 0)
            ;
        return r->close = true;
    case FAKE_HTML:
        snprintf(text, sizeof text, "<html><head><title>Error</title></head><body><h2>HTTP ERROR %s</h2></body></html>", b->text);
        fake_answer(r, (int)strtol(b->text, NULL, 10), "text/html", strstr(b->text, "503") ? "Retry-After: 1\r\n" : "", text, strlen(text));
        return true;
    case FAKE_EXCEPTION: {
        int code = 0, at = 0;
        sscanf(b->text, "%d %63s %n", &code, name, &at);
        if (strcmp(name, "DSQuotaExceededException") == 0 && strcmp(r->op, "CREATE") == 0)
            fake_put(r->f, r->path, "", 0); /* the name is made before the first block is asked for, and stays */
        fake_exception(r, code, name, b->text + at);
        return true;
    }
    case FAKE_REDIRECT:
        snprintf(text, sizeof text, "Location: %s\r\n", b->text);
        fake_answer(r, 307, "application/octet-stream", text, "", 0);
        return true;
    case FAKE_JSON: {
        int code = 200, at = 0;
        if (sscanf(b->text, "%3d %n", &code, &at) < 1)
            code = 200;
        fake_say(r, code, b->text + at);
        return true;
    }
    case FAKE_HEADERS:
        fake_send(r->fd, "HTTP/1.1 200 OK\r\n", 17);
        while (fake_send(r->fd, "X-And-On: and on and on and on\r\n", 32))
            ;
        return r->close = true;
    case FAKE_ENDLESS:
        if (strcmp(r->op, "OPEN") == 0)
            return false;
        snprintf(text, sizeof text, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
        fake_send(r->fd, text, strlen(text));
        while (fake_send(r->fd, "10\r\n                \r\n", 22))
            ;
        return r->close = true;
    default: return false;
    }
}

/* FAKE_BREAK shows before a request's body is read, all others after. */
static void take_fault(struct request *r, bool before)
{
    struct fake *f = r->f;
    r->fault.kind = 0;
    for (int i = 0; i < f->n_faults; i++) {
        struct fake_fault *b = &f->fault[i];
        const bool here = b->server == -1 || (b->server == -2 && r->s->role == FAKE_DATANODE) || b->server == r->s->index;
        if (b->times > 0 && (b->kind == FAKE_BREAK) == before && here && strcmp(b->op, r->op) == 0) {
            b->times--;
            r->fault = *b;
            return;
        }
    }
}

/* ---- requests ---- */

static void serve(struct request *r)
{
    struct fake *f = r->f;
    const bool two =
        strcmp(r->op, "OPEN") == 0 || strcmp(r->op, "CREATE") == 0 || strcmp(r->op, "APPEND") == 0 || strcmp(r->op, "GETFILECHECKSUM") == 0;
    char text[300];
    pthread_mutex_lock(&f->lock);
    if (!r->broke)
        take_fault(r, false);
    const bool standby = r->s->standby, reads = r->s->role == FAKE_DATANODE && strcmp(r->op, "OPEN") == 0;
    const int delay_ms = f->delay_ms;
    f->reading += reads;
    f->most_reading = f->reading > f->most_reading ? f->reading : f->most_reading;
    pthread_mutex_unlock(&f->lock);
    if (reads) {
        usleep((useconds_t)delay_ms * 1000);
        pthread_mutex_lock(&f->lock);
        f->reading--;
        pthread_mutex_unlock(&f->lock);
    }
    if (!r->broke && goes_wrong(r)) /* outside the lock: it may take as long as the client stays */
        return;
    if (r->fault.kind == FAKE_ENDLESS) {
        fake_send_file(r, "", 0);
        return;
    }
    pthread_mutex_lock(&f->lock);
    const bool data =
        r->s->role == FAKE_DATANODE || (r->s->role == FAKE_HTTPFS && (strcmp(r->op, "OPEN") == 0 || fake_param(r, "data", text, 300)));
    snprintf(text, sizeof text, "Cookie: hadoop.auth=good%d\r\n", f->cookies);
    const bool unknown = f->negotiate && r->s->role == FAKE_NAMENODE && !strcasestr(r->headers, text) &&
                         !fake_param(r, "delegation", text, 300);
    r->cookie = unknown && f->tickets && ++f->asked % 2 == 0 && !strcasestr(r->headers, "\r\nCookie:");
    if (unknown && !r->cookie)
        fake_answer(r, 401, "text/html",
                    f->crumbs ? "WWW-Authenticate: Negotiate\r\nSet-Cookie: hadoop.auth=crumb; Path=/\r\n"
                              : "WWW-Authenticate: Negotiate\r\n",
                    "", 0);
    else if (strncmp(r->target, "/jmx?", 5) == 0)
        fake_bean(r);
    else if (standby && strcmp(r->op, "CREATE") != 0)
        fake_exception(r, 403, "StandbyException",
                       "Operation category READ is not supported in state standby. Visit https://s.apache.org/sbnn-error");
    else if (two && !data && strcmp(r->op, "OPEN") == 0 && !fake_find(f, r->path))
        fake_exception(r, 404, "FileNotFoundException", "File does not exist: x");
    else if (two && !data && strcmp(r->op, "APPEND") == 0 && !fake_find(f, r->path))
        fake_exception(r, 404, "FileNotFoundException", "File not found.");
    else if (two && !data && strcmp(r->op, "CREATE") == 0 && strchr(r->path, ':'))
        fake_exception(r, 400, "InvalidPathException", "Invalid path name");
    else if (two && !data)
        fake_redirect(r);
    else if (r->s->role == FAKE_HTTPFS && two && r->method[0] != 'G' && !strcasestr(r->headers, "content-type: application/octet-stream"))
        fake_answer(r, 400, "text/html", "", "Data upload requests must have content-type set", 47);
    else if (strcmp(r->op, "OPEN") == 0)
        fake_open_file(r);
    else if (strcmp(r->op, "CREATE") == 0)
        fake_create(r);
    else if (strcmp(r->op, "APPEND") == 0)
        fake_append(r);
    else if (strcmp(r->op, "GETFILECHECKSUM") == 0)
        fake_say(r, 200, "{\"FileChecksum\":{\"algorithm\":\"MD5-of-0MD5-of-512CRC32C\",\"bytes\":\"00aa\",\"length\":28}}");
    else
        fake_one(r);
    if (r->fault.kind == FAKE_LOSE)
        r->close = true;
    pthread_mutex_unlock(&f->lock);
}

/* Up to `most` bytes of it. */
static bool read_body(struct request *r, size_t most)
{
    const char *p = strcasestr(r->headers, "\r\ncontent-length:");
    r->size = 0;
    r->body = NULL;
    if (p) {
        const size_t all = strtoul(p + 17, NULL, 10), n = all < most ? all : most;
        r->body = malloc(n + 1);
        r->size = n;
        return get(r->fd, r->body, n);
    }
    if (!strcasestr(r->headers, "\r\ntransfer-encoding: chunked"))
        return true;
    for (;;) {
        char line[40];
        size_t k = 0;
        do
            if (k + 1 == sizeof line || !get(r->fd, line + k, 1))
                return false;
        while (line[k++] != '\n');
        const size_t n = strtoul(line, NULL, 16);
        r->body = realloc(r->body, r->size + n + 3);
        if (!get(r->fd, r->body + r->size, n + 2))
            return false;
        r->size += n;
        if (n == 0 || r->size >= most)
            return true;
    }
}

static bool read_head(struct request *r)
{
    size_t n = 0;
    do
        if (n + 1 == sizeof r->headers || !get(r->fd, r->headers + n, 1))
            return false;
    while (!(++n >= 4 && memcmp(r->headers + n - 4, "\r\n\r\n", 4) == 0));
    r->headers[n] = '\0';
    if (sscanf(r->headers, "%11s %4095s", r->method, r->target) != 2)
        return false;
    r->query = strchr(r->target, '?');
    const size_t k = r->query ? (size_t)(r->query - r->target) : strlen(r->target);
    r->query = r->query ? r->query + 1 : r->target + k;
    if (strncmp(r->target, "/webhdfs/v1", 11) == 0)
        fake_decode(r->path, sizeof r->path, r->target + 11, k - 11, false);
    else
        r->path[0] = '\0';
    fake_param(r, "op", r->op, sizeof r->op);
    return true;
}

static void *connection(void *arg)
{
    struct request *r = arg;
    struct fake *f = r->f;
    while (!r->close && read_head(r)) {
        pthread_mutex_lock(&f->lock);
        const size_t n = strlen(f->log);
        snprintf(f->log + n, sizeof f->log - n, "%d %s %s\n", r->s->index, r->method, r->target);
        memcpy(r->s->headers, r->headers, sizeof r->s->headers);
        pthread_mutex_unlock(&f->lock);
        if (r->s->role == FAKE_DATANODE && r->method[0] != 'G')
            fake_send(r->fd, "HTTP/1.1 100 Continue\r\n\r\n", 25); /* asked or not */
        size_t taken = SIZE_MAX, stored = SIZE_MAX;
        pthread_mutex_lock(&f->lock);
        take_fault(r, true);
        r->broke = r->fault.kind == FAKE_BREAK;
        if (r->broke)
            sscanf(r->fault.text, "%zu %zu", &taken, &stored);
        pthread_mutex_unlock(&f->lock);
        const bool whole = read_body(r, taken);
        if (r->broke) {
            r->size = r->size < stored ? r->size : stored;
            r->fault.kind = FAKE_LOSE;
        }
        if (whole)
            serve(r);
        free(r->body);
        if (!whole)
            break;
        if (r->fault.kind == FAKE_LOSE)
            break;
    }
    pthread_mutex_lock(&f->lock);
    for (int i = 0; i < 256; i++)
        if (f->open_fds[i] == r->fd)
            f->open_fds[i] = -1;
    if (r->fault.kind == FAKE_LOSE)
        fake_reset(r->fd);
    else
        shutdown(r->fd, SHUT_WR);
    pthread_mutex_unlock(&f->lock);
    char rest[512];
    struct pollfd p = { r->fd, POLLIN, 0 };
    while (r->fault.kind == 0 && poll(&p, 1, 100) > 0 && recv(r->fd, rest, sizeof rest, 0) > 0)
        ; /* closing with bytes unread would be a reset */
    close(r->fd);
    free(r);
    pthread_mutex_lock(&f->lock);
    f->connections--;
    pthread_cond_broadcast(&f->idle);
    pthread_mutex_unlock(&f->lock);
    return NULL;
}

static void *listener(void *arg)
{
    struct fake_server *s = arg;
    struct fake *f = s->fake;
    for (;;) {
        const int fd = accept(s->fd, NULL, NULL);
        pthread_t thread;
        if (fd < 0)
            return NULL;
        struct request *r = calloc(1, sizeof *r);
        r->f = f;
        r->s = s;
        r->fd = fd;
        pthread_mutex_lock(&f->lock);
        f->connections++;
        f->accepted++;
        for (int i = 0; i < 256; i++)
            if (f->open_fds[i] < 0) {
                f->open_fds[i] = fd;
                break;
            }
        pthread_mutex_unlock(&f->lock);
        pthread_create(&thread, NULL, connection, r);
        pthread_detach(thread);
    }
}

int fake_start(struct fake *f, int role)
{
    if (f->n_servers == 0) {
        pthread_mutex_init(&f->lock, NULL);
        pthread_cond_init(&f->idle, NULL);
        memset(f->open_fds, -1, sizeof f->open_fds);
    }
    struct fake_server *s = &f->server[f->n_servers];
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t n = sizeof a;
    s->fake = f;
    s->index = f->n_servers;
    s->role = role;
    const int yes = 1; /* so that it can be started again */
    s->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    setsockopt(s->fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (bind(s->fd, (struct sockaddr *)&a, sizeof a) != 0 || listen(s->fd, 64) != 0)
        abort();
    getsockname(s->fd, (struct sockaddr *)&a, &n);
    s->port = ntohs(a.sin_port);
    s->running = true;
    pthread_mutex_lock(&f->lock);
    f->n_servers++;
    pthread_mutex_unlock(&f->lock);
    pthread_create(&s->thread, NULL, listener, s);
    return s->index;
}

void fake_kill(struct fake *f, int server)
{
    struct fake_server *s = &f->server[server];
    if (!s->running)
        return;
    s->running = false;
    shutdown(s->fd, SHUT_RDWR); /* a listening socket that is shut down refuses, and its port is not given away */
    pthread_join(s->thread, NULL);
}

void fake_restart(struct fake *f, int server)
{
    struct fake_server *s = &f->server[server];
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons((uint16_t)s->port) };
    const int yes = 1;
    close(s->fd);
    s->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    setsockopt(s->fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (bind(s->fd, (struct sockaddr *)&a, sizeof a) != 0 || listen(s->fd, 64) != 0)
        abort();
    s->running = true;
    pthread_create(&s->thread, NULL, listener, s);
}

void fake_stop(struct fake *f)
{
    for (int i = 0; i < f->n_servers; i++) {
        fake_kill(f, i);
        close(f->server[i].fd);
    }
    pthread_mutex_lock(&f->lock);
    for (int i = 0; i < 256; i++)
        if (f->open_fds[i] >= 0)
            shutdown(f->open_fds[i], SHUT_RDWR);
    while (f->connections > 0)
        pthread_cond_wait(&f->idle, &f->lock);
    pthread_mutex_unlock(&f->lock);
    for (int i = 0; i < f->n_files; i++)
        free(f->file[i].bytes);
    pthread_mutex_destroy(&f->lock);
    pthread_cond_destroy(&f->idle);
    memset(f, 0, sizeof *f);
}

void fake_fault(struct fake *f, int server, const char *op, int kind, int times, const char *text)
{
    pthread_mutex_lock(&f->lock);
    struct fake_fault *b = &f->fault[f->n_faults++ % FAKE_FAULTS];
    b->server = server;
    snprintf(b->op, sizeof b->op, "%s", op);
    b->kind = kind;
    b->times = times;
    snprintf(b->text, sizeof b->text, "%s", text ? text : "");
    pthread_mutex_unlock(&f->lock);
}

int fake_count(struct fake *f, const char *text)
{
    int n = 0;
    pthread_mutex_lock(&f->lock);
    for (const char *p = f->log; (p = strstr(p, text)); p++)
        n++;
    pthread_mutex_unlock(&f->lock);
    return n;
}
