/* SPDX-License-Identifier: Apache-2.0 */
/* Where members of the transport tcp listen: out of URLs, from the resolver, on the wire; sockets that listen or connect there. */
#define _GNU_SOURCE
#include "base/thread_pool.h"
#include "transport/tcp.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* ---- URLs ---- */

static dl4c_status malformed(const char *url, struct dl4c_error *err)
{
    return dli_fail(err, DL4C_E_INVALID, "tcp", "\"%.150s\" is no address, wanted tcp://HOST:PORT, tcp://[V6]:PORT or tcp://:PORT", url);
}

dl4c_status dli_place_parse(const char *url, struct dli_place *place, struct dl4c_error *err)
{
    const char *p = strchr(url, ':'), *port, *end;
    if (!p)
        return malformed(url, err);
    p += strncmp(p, "://", 3) == 0 ? 3 : 1;
    if (*p == '[') {
        end = strchr(++p, ']');
        port = end && end[1] == ':' ? end + 2 : NULL;
    } else {
        end = strrchr(p, ':');
        port = end ? end + 1 : NULL;
    }
    const size_t n = port ? (size_t)(end - p) : 0, digits = port ? strspn(port, "0123456789") : 0;
    if (!port || n >= sizeof place->host || digits < 1 || digits > 5 || (port[digits] && strcmp(port + digits, "/") != 0))
        return malformed(url, err);
    memcpy(place->host, p, n);
    place->host[n] = '\0';
    int32_t number = 0;
    for (size_t i = 0; i < digits; i++)
        number = number * 10 + (port[i] - '0');
    if (number < 1 || number > 65535 || place->host[strcspn(place->host, "/@")])
        return malformed(url, err);
    place->port = (uint16_t)number;
    return DL4C_OK;
}

static void set_port(struct dli_address *a, uint16_t port)
{
    if (a->to.ss_family == AF_INET6)
        ((struct sockaddr_in6 *)&a->to)->sin6_port = htons(port);
    else
        ((struct sockaddr_in *)&a->to)->sin_port = htons(port);
}

void dli_address_any_port(struct dli_address *a) { set_port(a, 0); }

/* ---- the resolver ---- */

struct dli_resolver {
    dl4c_context *ctx; /* a reference: the thread may outlive everything else */
    _Atomic int32_t refs, done;
    int news; /* an event descriptor */
    int failed;
    struct addrinfo *found;
    struct dli_place place;
};

static int ask(const struct dli_place *place, int flags, struct addrinfo **found)
{
    const struct addrinfo hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = flags };
    return getaddrinfo(place->host[0] ? place->host : "127.0.0.1", NULL, &hints, found);
}

static int32_t take(const struct addrinfo *found, uint16_t port, struct dli_address out[TCP_ADDRESSES])
{
    int32_t n = 0;
    for (const struct addrinfo *a = found; a && n < TCP_ADDRESSES; a = a->ai_next) {
        if (a->ai_family != AF_INET && a->ai_family != AF_INET6)
            continue;
        memset(&out[n], 0, sizeof out[n]);
        memcpy(&out[n].to, a->ai_addr, a->ai_addrlen);
        out[n].size = a->ai_addrlen;
        set_port(&out[n++], port);
    }
    return n;
}

void dli_resolver_unref(struct dli_resolver *r)
{
    if (!r || atomic_fetch_sub_explicit(&r->refs, 1, memory_order_acq_rel) != 1)
        return;
    dl4c_context *ctx = r->ctx;
    if (r->found)
        freeaddrinfo(r->found);
    close(r->news);
    dli_free(r);
    dli_context_unref(ctx);
}

static void *resolve(void *arg)
{
    struct dli_resolver *r = arg;
    r->failed = ask(&r->place, 0, &r->found);
    atomic_store_explicit(&r->done, 1, memory_order_release);
    dli_tcp_wake(r->news);
    dli_resolver_unref(r);
    return NULL;
}

dl4c_status dli_resolver_start(dl4c_context *ctx, const struct dli_place *place, struct dli_resolver **out, struct dl4c_error *err)
{
    pthread_t thread;
    struct dli_resolver *r = dli_calloc(ctx, 1, sizeof *r, err);
    *out = NULL;
    if (!r)
        return dli_alloc_status();
    r->ctx = dli_context_ref(ctx, NULL);
    r->place = *place;
    r->news = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    atomic_init(&r->refs, 2);
    if (r->news < 0 || !dli_thread_start(&thread, resolve, r)) {
        const dl4c_status status = r->news < 0 ? dli_fail_errno(err, errno, "tcp", "cannot make an event descriptor")
                                               : dli_fail(err, DL4C_E_NOMEM, "tcp", "no thread can be started to ask for host \"%.150s\"",
                                                          place->host);
        atomic_store(&r->refs, 1);
        dli_resolver_unref(r);
        return status;
    }
    pthread_detach(thread);
    *out = r;
    return DL4C_OK;
}

int dli_resolver_descriptor(const struct dli_resolver *r) { return r->news; }

bool dli_resolver_done(struct dli_resolver *r) { return atomic_load_explicit(&r->done, memory_order_acquire) != 0; }

static dl4c_status unknown(const struct dli_place *place, int failed, struct dl4c_error *err)
{
    return dli_fail(err, DL4C_E_IO, "tcp", "host \"%.150s\" has no address: %s", place->host,
                    failed ? dli_address_words(failed) : "none was found");
}

dl4c_status dli_resolver_take(struct dli_resolver *r, struct dli_address out[TCP_ADDRESSES], int32_t *n, struct dl4c_error *err)
{
    *n = r->failed ? 0 : take(r->found, r->place.port, out);
    return *n > 0 ? DL4C_OK : unknown(&r->place, r->failed, err);
}

bool dli_place_numeric(const struct dli_place *place, struct dli_address out[TCP_ADDRESSES], int32_t *n)
{
    struct addrinfo *found = NULL;
    *n = 0;
    if (strcmp(place->host, "*") == 0) {
        memset(out, 0, 2 * sizeof *out);
        out[0].to.ss_family = AF_INET6;
        out[0].size = sizeof(struct sockaddr_in6);
        out[0].both = true;
        out[1].to.ss_family = AF_INET;
        out[1].size = sizeof(struct sockaddr_in);
        set_port(&out[0], place->port);
        set_port(&out[1], place->port);
        *n = 2;
        return true;
    }
    if (ask(place, AI_NUMERICHOST, &found) == 0) {
        *n = take(found, place->port, out);
        freeaddrinfo(found);
    }
    return *n > 0;
}

/* ---- in words and bytes ---- */

static uint16_t port_of(const struct dli_address *a)
{
    return ntohs(a->to.ss_family == AF_INET6 ? ((const struct sockaddr_in6 *)&a->to)->sin6_port
                                             : ((const struct sockaddr_in *)&a->to)->sin_port);
}

void dli_address_name(const struct dli_address *a, char name[72])
{
    char host[INET6_ADDRSTRLEN] = "?";
    const struct in6_addr *bytes = &((const struct sockaddr_in6 *)&a->to)->sin6_addr;
    const bool six = a->to.ss_family == AF_INET6 && !IN6_IS_ADDR_V4MAPPED(bytes);
    if (six)
        inet_ntop(AF_INET6, bytes, host, sizeof host);
    else
        inet_ntop(AF_INET, a->to.ss_family == AF_INET6 ? (const void *)(bytes->s6_addr + 12)
                                                       : (const void *)&((const struct sockaddr_in *)&a->to)->sin_addr, host, sizeof host);
    snprintf(name, 72, six ? "[%s]:%u" : "%s:%u", host, (unsigned)port_of(a));
}

void dli_address_pack(const struct dli_address *a, uint8_t out[TCP_ADDRESS])
{
    memset(out, 0, TCP_ADDRESS);
    dli_put16(out, a->to.ss_family == AF_INET6 ? 6 : 4);
    dli_put16(out + 2, port_of(a));
    if (a->to.ss_family == AF_INET6)
        memcpy(out + 4, &((const struct sockaddr_in6 *)&a->to)->sin6_addr, 16);
    else
        memcpy(out + 4, &((const struct sockaddr_in *)&a->to)->sin_addr, 4);
}

bool dli_address_unpack(const uint8_t in[TCP_ADDRESS], const struct dli_address *near, struct dli_address *a)
{
    memset(a, 0, sizeof *a);
    if (dli_get16(in) == 6) {
        struct sockaddr_in6 *six = (struct sockaddr_in6 *)&a->to;
        six->sin6_family = AF_INET6;
        six->sin6_port = htons(dli_get16(in + 2));
        memcpy(&six->sin6_addr, in + 4, 16);
        if (IN6_IS_ADDR_LINKLOCAL(&six->sin6_addr) && near->to.ss_family == AF_INET6)
            six->sin6_scope_id = ((const struct sockaddr_in6 *)&near->to)->sin6_scope_id;
        a->size = sizeof *six;
    } else {
        struct sockaddr_in *four = (struct sockaddr_in *)&a->to;
        four->sin_family = AF_INET;
        four->sin_port = htons(dli_get16(in + 2));
        memcpy(&four->sin_addr, in + 4, 4);
        a->size = sizeof *four;
    }
    return (dli_get16(in) == 4 || dli_get16(in) == 6) && dli_get16(in + 2) != 0;
}

/* ---- sockets ---- */

dl4c_status dli_address_listen(const struct dli_address *a, int *fd, struct dl4c_error *err)
{
    char name[72];
    const int one = 1, alone = !a->both;
    dli_address_name(a, name);
    *fd = socket(a->to.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (*fd < 0)
        return dli_fail_errno(err, errno, "tcp", "cannot make a socket for %s", name);
    setsockopt(*fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (a->to.ss_family == AF_INET6)
        setsockopt(*fd, IPPROTO_IPV6, IPV6_V6ONLY, &alone, sizeof alone);
    if (bind(*fd, (const struct sockaddr *)&a->to, a->size) == 0 && listen(*fd, 512) == 0)
        return DL4C_OK;
    const int failed = errno;
    close(*fd);
    *fd = -1;
    if (failed == EADDRINUSE)
        return dli_fail(err, DL4C_E_EXISTS, "tcp", "somebody listens at %s already", name);
    return dli_fail_errno(err, failed, "tcp", "cannot listen at %s", name);
}

dl4c_status dli_address_connect(const struct dli_address *a, int *fd, struct dl4c_error *err)
{
    char name[72];
    dli_address_name(a, name);
    *fd = socket(a->to.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (*fd < 0)
        return dli_fail_errno(err, errno, "tcp", "cannot make a socket for %s", name);
    if (connect(*fd, (const struct sockaddr *)&a->to, a->size) == 0 || errno == EINPROGRESS || errno == EINTR)
        return DL4C_OK;
    const int failed = errno;
    close(*fd);
    *fd = -1;
    return dli_fail_errno(err, failed, "tcp", "cannot connect to %s", name);
}

bool dli_address_is_own(int fd)
{
    struct dli_address here = { .size = sizeof here.to }, there = { .size = sizeof there.to };
    uint8_t a[TCP_ADDRESS], b[TCP_ADDRESS];
    if (getsockname(fd, (struct sockaddr *)&here.to, &here.size) != 0 || getpeername(fd, (struct sockaddr *)&there.to, &there.size) != 0)
        return false;
    dli_address_pack(&here, a);
    dli_address_pack(&there, b);
    return memcmp(a, b, sizeof a) == 0;
}
