/* SPDX-License-Identifier: Apache-2.0 */
/* Sockets of the transport tcp: addresses, connections without waiting, with TLS or without. */
#define _GNU_SOURCE
#include "transport/tcp.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* ---- addresses ---- */

static dl4c_status malformed(const char *url, struct dl4c_error *err)
{
    return dli_fail(err, DL4C_E_INVALID, "tcp", "\"%.150s\" is no address, wanted tcp://HOST:PORT, tcp://[V6]:PORT or tcp://:PORT", url);
}

static void set_port(struct dli_address *a, uint16_t port)
{
    if (a->to.ss_family == AF_INET6)
        ((struct sockaddr_in6 *)&a->to)->sin6_port = htons(port);
    else
        ((struct sockaddr_in *)&a->to)->sin_port = htons(port);
}

dl4c_status dli_address_parse(const char *url, struct dli_address *a, struct dl4c_error *err)
{
    char host[256];
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
    if (!port || n >= sizeof host || digits < 1 || digits > 5 || (port[digits] && strcmp(port + digits, "/") != 0))
        return malformed(url, err);
    memcpy(host, p, n);
    host[n] = '\0';
    int32_t number = 0;
    for (size_t i = 0; i < digits; i++)
        number = number * 10 + (port[i] - '0');
    if (number < 1 || number > 65535 || host[strcspn(host, "/@")])
        return malformed(url, err);
    const char *asked = n == 0 ? "127.0.0.1" : strcmp(host, "*") == 0 ? "0.0.0.0" : host;
    const struct addrinfo hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM };
    struct addrinfo *found = NULL;
    const int failed = getaddrinfo(asked, NULL, &hints, &found);
    if (failed || !found)
        return dli_fail(err, DL4C_E_IO, "tcp", "host \"%.150s\" has no address: %s", host,
                        failed ? gai_strerror(failed) : "none was found");
    memset(a, 0, sizeof *a);
    memcpy(&a->to, found->ai_addr, found->ai_addrlen);
    a->size = found->ai_addrlen;
    freeaddrinfo(found);
    set_port(a, (uint16_t)number);
    return DL4C_OK;
}

void dli_address_any_port(struct dli_address *a) { set_port(a, 0); }

static uint16_t port_of(const struct dli_address *a)
{
    return ntohs(a->to.ss_family == AF_INET6 ? ((const struct sockaddr_in6 *)&a->to)->sin6_port
                                             : ((const struct sockaddr_in *)&a->to)->sin_port);
}

void dli_address_name(const struct dli_address *a, char name[72])
{
    char host[INET6_ADDRSTRLEN] = "?";
    const bool six = a->to.ss_family == AF_INET6;
    const void *bytes = six ? (const void *)&((const struct sockaddr_in6 *)&a->to)->sin6_addr
                            : (const void *)&((const struct sockaddr_in *)&a->to)->sin_addr;
    inet_ntop(six ? AF_INET6 : AF_INET, bytes, host, sizeof host);
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

dl4c_status dli_address_listen(const struct dli_address *a, int *fd, struct dl4c_error *err)
{
    char name[72];
    const int one = 1;
    dli_address_name(a, name);
    *fd = socket(a->to.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (*fd < 0)
        return dli_fail_errno(err, errno, "tcp", "cannot make a socket for %s", name);
    setsockopt(*fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    if (a->to.ss_family == AF_INET6)
        setsockopt(*fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof one);
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

/* ---- links ---- */

dl4c_status dli_link_open(struct dli_link *link, struct dli_tls *tls, int fd, bool server, int64_t lost_after_ms, struct dl4c_error *err)
{
    const int one = 1, lost = lost_after_ms < 86400000 ? (int)lost_after_ms : 86400000, idle = lost / 3000 + 1;
    struct dli_address peer = { .size = sizeof peer.to };
    memset(link, 0, sizeof *link);
    link->fd = fd;
    link->in.limit = DLI_FRAME_SMALL;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof one);
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof idle);
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &idle, sizeof idle);
    setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &lost, sizeof lost);
    if (getpeername(fd, (struct sockaddr *)&peer.to, &peer.size) == 0)
        dli_address_name(&peer, link->name);
    else
        snprintf(link->name, sizeof link->name, "a peer that is gone");
    link->shaken = !tls;
    const dl4c_status status = tls ? dli_tls_open(tls, link, server, err) : DL4C_OK;
    if (status != DL4C_OK)
        dli_link_close(link);
    return status;
}

void dli_link_close(struct dli_link *link)
{
    if (link->session)
        dli_tls_close(link);
    if (link->fd >= 0)
        close(link->fd);
    link->fd = -1;
    dli_inbox_next(&link->in);
}

static ptrdiff_t broken(struct dli_link *link, int failed)
{
    struct dl4c_error e = DL4C_ERROR_INIT;
    if (failed == EAGAIN || failed == EWOULDBLOCK || failed == EINTR)
        return LINK_AGAIN;
    dli_fail_errno(&e, failed, "tcp", "the connection broke");
    snprintf(link->why, sizeof link->why, "%.150s", e.message);
    return LINK_BROKEN;
}

ptrdiff_t dli_link_read(struct dli_link *link, void *room, size_t n)
{
    if (link->session)
        return dli_tls_read(link, room, n);
    const ptrdiff_t got = recv(link->fd, room, n, 0);
    if (got == 0) {
        snprintf(link->why, sizeof link->why, "the connection was closed");
        return LINK_BROKEN;
    }
    return got > 0 ? got : broken(link, errno);
}

ptrdiff_t dli_link_write(struct dli_link *link, const void *bytes, size_t n, bool more)
{
    if (link->session)
        return dli_tls_write(link, bytes, n);
    const ptrdiff_t sent = send(link->fd, bytes, n, MSG_NOSIGNAL | (more ? MSG_MORE : 0));
    return sent >= 0 ? sent : broken(link, errno);
}

int dli_link_shake(struct dli_link *link)
{
    if (!link->shaken) {
        const int done = dli_tls_shake(link);
        link->shaken = done == 1;
        return done;
    }
    return 1;
}

int dli_link_frame(struct dli_link *link, dl4c_context *ctx, struct dl4c_error *err)
{
    while (!link->in.complete) {
        size_t n;
        void *room = dli_inbox_room(&link->in, &n);
        const ptrdiff_t got = dli_link_read(link, room, n);
        if (got == LINK_AGAIN)
            return 0;
        if (got < 0) {
            dli_fail(err, link->denied ? DL4C_E_DENIED : DL4C_E_IO, "tcp", "%s", link->why);
            return -1;
        }
        if (dli_inbox_got(&link->in, (size_t)got, err) != DL4C_OK)
            return -1;
        if (link->in.headed && !link->in.placed && dli_inbox_alloc(&link->in, ctx, err) != DL4C_OK)
            return -1;
    }
    return 1;
}
