/* SPDX-License-Identifier: Apache-2.0 */
/* A transport of one's own: the members of dl4c_transport_ops that must be there, and cancel. Groups never change, so there is no regroup:
 * a member that is lost ends the group. A message is its size, 8 bytes, and what it says. */
#define _GNU_SOURCE
#include "pairs.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { SLICE_MS = 20 /* after which a wait looks at its deadline and whether it was cancelled */ };

struct member {
    struct pairs *pairs;
    int rank, lost; /* lost: who is gone; -1: nobody */
    int broken;     /* a message was cut in the middle: what follows in that pair makes no sense */
    uint64_t ids[PAIRS_MOST];
    _Atomic int cancelled;
};

/* A wait. */
struct wait {
    int64_t until_ms;
    const int32_t *cancel; /* of a join; else NULL */
};

static int64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static struct wait wait_of(int64_t timeout_ms, const int32_t *cancel)
{
    const int64_t now = now_ms();
    return (struct wait){ timeout_ms < INT64_MAX - now ? now + timeout_ms : INT64_MAX, cancel };
}

/* The library never gives NULL for err. */
__attribute__((format(printf, 3, 4))) static dl4c_status fail(struct dl4c_error *err, dl4c_status status, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    err->status = status;
    snprintf(err->origin, sizeof err->origin, "pairs");
    vsnprintf(err->message, sizeof err->message, fmt, ap);
    va_end(ap);
    return status;
}

static dl4c_status lose(struct member *m, int rank, struct dl4c_error *err)
{
    m->lost = m->lost < 0 ? rank : m->lost;
    return fail(err, DL4C_E_PEER, "rank %d is gone", m->lost);
}

/* Until the pair with peer is ready for events. Whoever goes meanwhile is lost to all, whomever they wait for. */
static dl4c_status wait_for(struct member *m, int peer, short events, const struct wait *w, struct dl4c_error *err)
{
    struct pollfd p[PAIRS_MOST];
    for (;;) {
        const int64_t left = w->until_ms - now_ms();
        if (m->cancelled || (w->cancel && __atomic_load_n(w->cancel, __ATOMIC_RELAXED)))
            return fail(err, DL4C_E_CANCELLED, "rank %d was cancelled", m->rank);
        if (m->lost >= 0 || m->broken)
            return m->lost >= 0 ? lose(m, m->lost, err) : fail(err, DL4C_E_PEER, "a message was cut, which ended the group");
        if (left <= 0)
            return fail(err, DL4C_E_TIMEOUT, "the deadline passed waiting for rank %d", peer);
        for (int r = 0; r < m->pairs->size; r++)
            p[r] = (struct pollfd){ .fd = m->pairs->fd[m->rank][r], .events = r == peer ? events : 0 };
        if (poll(p, (nfds_t)m->pairs->size, left < SLICE_MS ? (int)left : SLICE_MS) <= 0)
            continue;
        if (p[peer].revents & events)
            return DL4C_OK; /* what somebody said before it left still counts */
        for (int r = 0; r < m->pairs->size; r++)
            if (p[r].revents & (POLLHUP | POLLERR))
                return lose(m, r, err);
    }
}

/* All n bytes, out or in. A deadline that passes before the first does no harm. */
static dl4c_status move(struct member *m, int peer, const char *out, char *in, size_t n, int begun, const struct wait *w,
                        struct dl4c_error *err)
{
    const int fd = m->pairs->fd[m->rank][peer];
    for (size_t at = 0; at < n;) {
        const dl4c_status status = wait_for(m, peer, out ? POLLOUT : POLLIN, w, err);
        if (status != DL4C_OK) {
            m->broken |= begun || at > 0;
            return status;
        }
        const ssize_t moved = out ? send(fd, out + at, n - at, MSG_NOSIGNAL | MSG_DONTWAIT) : recv(fd, in + at, n - at, MSG_DONTWAIT);
        if (moved == 0 || (moved < 0 && errno != EAGAIN && errno != EINTR))
            return lose(m, peer, err);
        at += moved > 0 ? (size_t)moved : 0;
    }
    return DL4C_OK;
}

static dl4c_status send_message(void *group, int32_t peer, const void *bytes, size_t size, int64_t timeout_ms, struct dl4c_error *err)
{
    struct member *m = group;
    const struct wait w = wait_of(timeout_ms, NULL);
    const uint64_t head = size;
    const dl4c_status status = move(m, peer, (const char *)&head, NULL, sizeof head, 0, &w, err);
    return status == DL4C_OK ? move(m, peer, bytes, NULL, size, 1, &w, err) : status;
}

static dl4c_status recv_message(void *group, int32_t peer, void *room, size_t size, int64_t timeout_ms, struct dl4c_error *err)
{
    struct member *m = group;
    const struct wait w = wait_of(timeout_ms, NULL);
    uint64_t head = 0;
    dl4c_status status = move(m, peer, NULL, (char *)&head, sizeof head, 0, &w, err);
    if (status == DL4C_OK && head != size) {
        m->broken = 1;
        return fail(err, DL4C_E_CORRUPT, "rank %d sent %llu bytes, %llu are wanted", (int)peer, (unsigned long long)head,
                    (unsigned long long)size);
    }
    return status == DL4C_OK ? move(m, peer, NULL, room, size, 1, &w, err) : status;
}

/* ---- coming and going ---- */

/* The ends that are not this process's are closed: else nobody would see that another is gone. Then everyone says hello to everyone. */
static dl4c_status meet(struct member *m, const struct wait *w, struct dl4c_error *err)
{
    struct pairs *p = m->pairs;
    char hello = 'h';
    dl4c_status status = DL4C_OK;
    for (int a = 0; a < p->size; a++)
        for (int b = 0; b < p->size && a != m->rank; b++)
            if (p->fd[a][b] >= 0) {
                close(p->fd[a][b]);
                p->fd[a][b] = -1;
            }
    for (int r = 0; r < p->size && status == DL4C_OK; r++)
        if (r != m->rank)
            status = move(m, r, &hello, NULL, 1, 0, w, err);
    for (int r = 0; r < p->size && status == DL4C_OK; r++)
        if (r != m->rank)
            status = move(m, r, NULL, &hello, 1, 0, w, err);
    return status;
}

static dl4c_status join(void *user, const struct dl4c_group_options *o, void **group, struct dl4c_error *err)
{
    struct pairs *p = user;
    char *end = NULL;
    const char *text = strchr(o->url, ':') + 1; /* the library has seen the scheme */
    const long rank = strtol(text, &end, 10);
    *group = NULL;
    if (end == text || *end || rank < 0 || rank >= p->size)
        return fail(err, DL4C_E_INVALID, "\"%.100s\" is no member, wanted pairs:0 to pairs:%d", o->url, p->size - 1);
    if (o->driver != (rank == 0) || (o->driver && o->size != p->size))
        return fail(err, DL4C_E_INVALID, "rank 0 is the driver and gathers %d, rank %ld wanted otherwise", p->size, rank);
    struct member *m = calloc(1, sizeof *m);
    if (!m)
        return fail(err, DL4C_E_NOMEM, "no memory for a member");
    m->pairs = p;
    m->rank = (int)rank;
    m->lost = -1;
    for (int r = 0; r < p->size; r++)
        m->ids[r] = (uint64_t)r;
    const struct wait w = wait_of(o->timeout_ms, o->cancel);
    const dl4c_status status = meet(m, &w, err);
    if (status != DL4C_OK) {
        free(m);
        return status;
    }
    *group = m;
    return DL4C_OK;
}

/* What lies in a pair can be read when its other end is closed: there is nothing to wait for. */
static void leave(void *group, int64_t timeout_ms)
{
    struct member *m = group;
    (void)timeout_ms;
    for (int r = 0; r < m->pairs->size; r++)
        if (m->pairs->fd[m->rank][r] >= 0) {
            close(m->pairs->fd[m->rank][r]);
            m->pairs->fd[m->rank][r] = -1;
        }
    free(m);
}

static void members(void *group, struct dl4c_members *out)
{
    const struct member *m = group;
    out->generation = 1;
    out->rank = m->rank;
    out->size = m->pairs->size;
    out->waiting = 0;
    out->ids = m->ids;
}

static void cancel(void *group)
{
    struct member *m = group;
    m->cancelled = 1;
}

/* ---- what the host calls ---- */

int pairs_open(struct pairs *p, int size)
{
    if (size < 1 || size > PAIRS_MOST) {
        errno = EINVAL;
        return -1;
    }
    p->size = size;
    for (int i = 0; i < PAIRS_MOST * PAIRS_MOST; i++)
        p->fd[i / PAIRS_MOST][i % PAIRS_MOST] = -1;
    for (int a = 0; a < size; a++)
        for (int b = a + 1; b < size; b++) {
            int two[2];
            if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, two) != 0) {
                const int why = errno;
                pairs_close(p);
                errno = why;
                return -1;
            }
            p->fd[a][b] = two[0];
            p->fd[b][a] = two[1];
        }
    return 0;
}

void pairs_close(struct pairs *p)
{
    for (int i = 0; i < PAIRS_MOST * PAIRS_MOST; i++) {
        int *fd = &p->fd[i / PAIRS_MOST][i % PAIRS_MOST];
        if (*fd >= 0)
            close(*fd);
        *fd = -1;
    }
}

dl4c_status pairs_register(dl4c_context *ctx, struct pairs *p, struct dl4c_error *err)
{
    const struct dl4c_transport_ops ops = {
        .struct_size = sizeof ops, .name = "pairs", .join = join, .leave = leave, .members = members, .send = send_message,
        .recv = recv_message, .cancel = cancel,
    };
    return dl4c_transport_register(ctx, &ops, p, NULL, err);
}
