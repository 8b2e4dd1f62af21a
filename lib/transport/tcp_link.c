/* SPDX-License-Identifier: Apache-2.0 */
/* Connections of the transport tcp, without waiting, with TLS or without. */
#define _GNU_SOURCE
#include "transport/tcp.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

dl4c_status dli_link_open(struct dli_link *link, struct dli_tls *tls, int fd, bool server, const char *host, int64_t lost_after_ms,
                          struct dl4c_error *err)
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
    const dl4c_status status = tls ? dli_tls_open(tls, link, server, host, err) : DL4C_OK;
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
