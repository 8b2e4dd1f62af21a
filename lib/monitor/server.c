/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP through libmicrohttpd: one thread for all connections, so that a slow one holds up none. */
#define _GNU_SOURCE
#include "base/thread_pool.h"
#include "monitor/monitor.h"

#include <errno.h>
#include <microhttpd.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Of a connection: what its request may hold, headers included; how long it may be silent. */
enum { REQUEST_BYTES = 16 * 1024, SILENCE_S = 20, BACKLOG = 32 };

struct dli_server {
    dl4c_monitor *monitor;
    struct MHD_Daemon *daemon;
    struct MHD_Response *page;
    char address[256]; /* as it was given: a name may be the Host */
    char policy[512];
};

/* ---- requests ---- */

/* Nobody keeps, frames, sniffs or refers to what comes from here. */
static void add_headers(const struct dli_server *s, struct MHD_Response *r, const char *type)
{
    MHD_add_response_header(r, "Content-Type", type);
    MHD_add_response_header(r, "Cache-Control", "no-store");
    MHD_add_response_header(r, "Content-Security-Policy", s->policy);
    MHD_add_response_header(r, "X-Content-Type-Options", "nosniff");
    MHD_add_response_header(r, "Referrer-Policy", "no-referrer");
    MHD_add_response_header(r, "Cross-Origin-Resource-Policy", "same-origin");
}

static enum MHD_Result send_sentence(const struct dli_server *s, struct MHD_Connection *c, unsigned int status, const char *text)
{
    struct MHD_Response *r = MHD_create_response_from_buffer(strlen(text), (void *)(uintptr_t)text, MHD_RESPMEM_MUST_COPY);
    if (!r)
        return MHD_NO;
    add_headers(s, r, "text/plain; charset=utf-8");
    if (status == MHD_HTTP_METHOD_NOT_ALLOWED)
        MHD_add_response_header(r, "Allow", "GET");
    const enum MHD_Result sent = MHD_queue_response(c, status, r);
    MHD_destroy_response(r);
    return sent;
}

static enum MHD_Result send_data(const struct dli_server *s, struct MHD_Connection *c)
{
    struct dli_strbuf b;
    struct dl4c_error err = DL4C_ERROR_INIT;
    char *text = NULL;
    dli_strbuf_init(&b, s->monitor->ctx);
    const char *since = MHD_lookup_connection_value(c, MHD_GET_ARGUMENT_KIND, "since");
    dl4c_status status = dli_monitor_answer(s->monitor, since, &b, &err);
    const size_t size = b.length;
    if (status == DL4C_OK)
        status = dli_strbuf_take(&b, &text, &err);
    dli_strbuf_free(&b);
    if (status != DL4C_OK)
        return send_sentence(s, c, MHD_HTTP_INTERNAL_SERVER_ERROR, err.message);
    struct MHD_Response *r = MHD_create_response_from_buffer_with_free_callback(size, text, dli_free);
    if (!r) {
        dli_free(text);
        return MHD_NO;
    }
    add_headers(s, r, "application/json");
    const enum MHD_Result sent = MHD_queue_response(c, MHD_HTTP_OK, r);
    MHD_destroy_response(r);
    return sent;
}

static enum MHD_Result on_request(void *cls, struct MHD_Connection *c, const char *url, const char *method, const char *version,
                                  const char *upload, size_t *upload_size, void **state)
{
    static int seen;
    const struct dli_server *s = cls;
    (void)version;
    (void)upload;
    if (strcmp(method, MHD_HTTP_METHOD_GET) != 0)
        return send_sentence(s, c, MHD_HTTP_METHOD_NOT_ALLOWED, "Only GET is answered here.\n");
    if (!*state) { /* the headers are there; a body may follow, which nobody reads */
        *state = &seen;
        return MHD_YES;
    }
    if (*upload_size > 0) {
        *upload_size = 0;
        return MHD_YES;
    }
    if (!dli_host_allowed(MHD_lookup_connection_value(c, MHD_HEADER_KIND, "Host"), s->address))
        return send_sentence(s, c, MHD_HTTP_FORBIDDEN,
                             "The name in the address is not this server's: use its IP address, localhost, or the name it listens on.\n");
    if (strcmp(url, "/") == 0)
        return MHD_queue_response(c, MHD_HTTP_OK, s->page);
    if (strcmp(url, "/data") == 0)
        return send_data(s, c);
    return send_sentence(s, c, MHD_HTTP_NOT_FOUND, "There is nothing here but the page, /, and its data, /data.\n");
}

/* libmicrohttpd would print. */
static void on_log(void *cls, const char *format, va_list ap) DLI_PRINTF(2, 0);
static void on_log(void *cls, const char *format, va_list ap)
{
    const struct dli_server *s = cls;
    char text[256];
    vsnprintf(text, sizeof text, format, ap);
    text[strcspn(text, "\r\n")] = '\0';
    dli_log(s->monitor->ctx, DL4C_LOG_DEBUG, "monitor", "%s", text);
}

/* ---- beginning and end ---- */

static dl4c_status listen_on(const struct addrinfo *a, const char *listen_text, int *fd, struct dl4c_error *err)
{
    const int on = 1;
    /* Who connects and goes at once may be gone when it is let in: the daemon must not wait for the next. */
    *fd = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (*fd < 0)
        return dli_fail_errno(err, errno, "monitor", "no socket for %.200s", listen_text);
    (void)setsockopt(*fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on); /* the port of a server that just ended */
    if (bind(*fd, a->ai_addr, a->ai_addrlen) == 0 && listen(*fd, BACKLOG) == 0)
        return DL4C_OK;
    const int why = errno;
    close(*fd);
    *fd = -1;
    return dli_fail_errno(err, why, "monitor", "%.200s cannot be listened on", listen_text);
}

/* The first of the name's addresses that can be. */
static dl4c_status open_socket(struct dli_server *s, const char *listen_text, int *fd, int *port, struct dl4c_error *err)
{
    struct addrinfo hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE }, *found = NULL;
    struct sockaddr_storage own;
    socklen_t size = sizeof own;
    char text[16];
    DLI_TRY(dli_listen_parse(listen_text, s->address, sizeof s->address, text, sizeof text, err));
    const int failed = getaddrinfo(s->address, text, &hints, &found);
    if (failed)
        return dli_fail(err, DL4C_E_IO, "monitor", "the address of \"%.200s\" cannot be found: %s", s->address, dli_address_words(failed));
    dl4c_status status = DL4C_E_IO;
    for (const struct addrinfo *a = found; a && status != DL4C_OK; a = a->ai_next)
        status = listen_on(a, listen_text, fd, err);
    freeaddrinfo(found);
    DLI_TRY(status);
    if (getsockname(*fd, (struct sockaddr *)&own, &size) != 0 ||
        getnameinfo((struct sockaddr *)&own, size, NULL, 0, text, sizeof text, NI_NUMERICSERV) != 0) {
        close(*fd);
        return dli_fail(err, DL4C_E_IO, "monitor", "the port of %.200s cannot be asked for", listen_text);
    }
    *port = 0;
    for (const char *c = text; *c >= '0' && *c <= '9'; c++)
        *port = *port * 10 + (*c - '0');
    return DL4C_OK;
}

struct start {
    struct dli_server *server;
    int fd;
    unsigned int connections;
};

/* On a thread of the library's own: the daemon's inherits its signal mask, which blocks all. */
static void *start_daemon(void *arg)
{
    const struct start *o = arg;
    struct dli_server *s = o->server;
    /* Not epoll: 0.9.75 waits there for edges, and a request that comes together with its connection's end keeps its place until
     * SILENCE_S have passed. */
    s->daemon = MHD_start_daemon(MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_POLL | MHD_USE_ERROR_LOG, 0, NULL, NULL, on_request, s,
                                 MHD_OPTION_EXTERNAL_LOGGER, on_log, s, MHD_OPTION_LISTEN_SOCKET, o->fd, MHD_OPTION_CONNECTION_LIMIT,
                                 o->connections, MHD_OPTION_CONNECTION_TIMEOUT, (unsigned int)SILENCE_S, MHD_OPTION_CONNECTION_MEMORY_LIMIT,
                                 (size_t)REQUEST_BYTES, MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_END);
    return NULL;
}

static dl4c_status make_page(struct dli_server *s, struct dl4c_error *err)
{
    snprintf(s->policy, sizeof s->policy,
             "default-src 'none'; script-src '%s'; style-src '%s'; connect-src 'self'; img-src data:; base-uri 'none'; "
             "form-action 'none'; frame-ancestors 'none'",
             dli_monitor_script_hash, dli_monitor_style_hash);
    s->page = MHD_create_response_from_buffer(dli_monitor_page_size, (void *)(uintptr_t)dli_monitor_page, MHD_RESPMEM_PERSISTENT);
    if (!s->page)
        return dli_fail(err, DL4C_E_NOMEM, "monitor", "no memory for the page");
    add_headers(s, s->page, "text/html; charset=utf-8");
    return DL4C_OK;
}

dl4c_status dli_server_start(dl4c_monitor *m, const char *listen_text, int32_t connections, struct dl4c_error *err)
{
    pthread_t thread;
    struct start o = { .fd = -1, .connections = (unsigned int)connections };
    int port = 0;
    struct dli_server *s = dli_calloc(m->ctx, 1, sizeof *s, err);
    if (!s)
        return dli_alloc_status();
    m->server = s; /* dl4c_monitor_close takes it away */
    s->monitor = m;
    o.server = s;
    DLI_TRY(make_page(s, err));
    DLI_TRY(open_socket(s, listen_text, &o.fd, &port, err));
    const bool started = dli_thread_start(&thread, start_daemon, &o);
    if (started)
        pthread_join(thread, NULL);
    if (!s->daemon) {
        close(o.fd);
        return dli_fail(err, DL4C_E_NOMEM, "monitor", "the server's thread cannot be started");
    }
    const bool v6 = strchr(s->address, ':') != NULL;
    snprintf(m->url, sizeof m->url, "http://%s%s%s:%d/", v6 ? "[" : "", s->address, v6 ? "]" : "", port);
    return DL4C_OK;
}

void dli_server_stop(struct dli_server **server)
{
    struct dli_server *s = *server;
    *server = NULL;
    if (!s)
        return;
    if (s->daemon)
        MHD_stop_daemon(s->daemon);
    if (s->page)
        MHD_destroy_response(s->page);
    dli_free(s);
}
