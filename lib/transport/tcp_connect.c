/* SPDX-License-Identifier: Apache-2.0 */
/* Connecting over the transport tcp: waiting, proving, introducing oneself, looking for the driver. */
#define _GNU_SOURCE
#include "base/deadline.h"
#include "transport/tcp.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

enum { SLICE_MS = 50 /* after which a wait looks at flags and the clock */ };

dl4c_status dli_tcp_wait(const struct dli_wait *w, int fd, short events, const char *for_what, struct dl4c_error *err)
{
    struct dli_tcp *t = w->t;
    struct pollfd p[2] = { { .fd = t->wake_caller, .events = POLLIN }, { .fd = fd, .events = events } };
    const int64_t left = dli_left_ms(w->until_ns);
    dli_tcp_log_notes(t);
    if (atomic_load_explicit(&t->cancelled, memory_order_acquire) || (w->cancel && __atomic_load_n(w->cancel, __ATOMIC_RELAXED)))
        return dli_fail(err, DL4C_E_CANCELLED, "tcp", "%s: cancelled while waiting for %s", t->url, for_what);
    if (w->forming)
        DLI_TRY(dli_tcp_standing(t, err));
    if (dli_now_ns() >= w->until_ns)
        return dli_fail(err, DL4C_E_TIMEOUT, "tcp", "%s: the deadline passed waiting for %s", t->url, for_what);
    if (poll(p, 2, left < SLICE_MS ? (int)left : SLICE_MS) > 0 && p[0].revents)
        dli_tcp_unwake(t->wake_caller);
    return DL4C_OK;
}

static dl4c_status introduce(const struct dli_wait *w, struct dli_link *link, uint64_t generation, const uint8_t *hello,
                             struct dl4c_error *err)
{
    uint8_t bytes[DLI_FRAME_HEADER + TCP_HELLO];
    const struct dli_frame f = { .kind = DLI_FRAME_HELLO, .generation = generation, .sequence = link->out_sequence++, .total = TCP_HELLO,
                                 .length = TCP_HELLO, .crc = dli_crc32c(0, hello, TCP_HELLO) };
    dli_frame_write(&f, bytes);
    memcpy(bytes + DLI_FRAME_HEADER, hello, TCP_HELLO);
    for (size_t at = 0; at < sizeof bytes;) {
        const ptrdiff_t n = dli_link_write(link, bytes + at, sizeof bytes - at, false);
        if (n < 0)
            return dli_fail(err, link->denied ? DL4C_E_DENIED : DL4C_E_IO, "tcp", "%s: %s", link->name, link->why);
        at += (size_t)n;
        if (n == LINK_AGAIN)
            DLI_TRY(dli_tcp_wait(w, link->fd, POLLOUT, "a peer that does not listen", err));
    }
    return DL4C_OK;
}

dl4c_status dli_tcp_dial(const struct dli_wait *w, const struct dli_address *to, const char *host, struct dli_link *link,
                         uint64_t generation, uint8_t *hello,
                         void (*complete)(struct dli_tcp *t, struct dli_link *link, uint8_t *hello, struct dl4c_error *err),
                         struct dl4c_error *err)
{
    char name[72];
    int fd, failed = 0, done;
    socklen_t n = sizeof failed;
    struct pollfd p = { .events = POLLOUT };
    dl4c_status status = DL4C_OK;
    link->fd = -1;
    dli_address_name(to, name);
    DLI_TRY(dli_address_connect(to, &fd, err));
    for (p.fd = fd; status == DL4C_OK && poll(&p, 1, 0) == 0;)
        status = dli_tcp_wait(w, fd, POLLOUT, name, err);
    if (status == DL4C_OK && getsockopt(fd, SOL_SOCKET, SO_ERROR, &failed, &n) == 0 && failed) {
        dli_fail_errno(err, failed, "tcp", "cannot connect to %s", name);
        status = DL4C_E_IO;
    }
    if (status == DL4C_OK && dli_address_is_own(fd))
        status = dli_fail(err, DL4C_E_IO, "tcp", "nobody listens at %s", name);
    if (status != DL4C_OK) {
        close(fd);
        return status;
    }
    DLI_TRY(dli_link_open(link, w->t->tls, fd, false, host, w->t->lost_after_ms, err));
    while (status == DL4C_OK && (done = dli_link_shake(link)) != 1)
        status = done < 0 ? dli_fail(err, link->denied ? DL4C_E_DENIED : DL4C_E_IO, "tcp", "%s: %s", name, link->why)
                          : dli_tcp_wait(w, link->fd, link->want ? link->want : POLLIN, name, err);
    if (status == DL4C_OK && complete) {
        struct dl4c_error e = DL4C_ERROR_INIT;
        complete(w->t, link, hello, &e);
        if (e.status != DL4C_OK) {
            status = e.status;
            if (err)
                *err = e;
        }
    }
    if (status == DL4C_OK)
        status = introduce(w, link, generation, hello, err);
    if (status != DL4C_OK)
        dli_link_close(link);
    return status;
}

/* A member listens at the address by which it reaches the driver. */
static void listen_beside(struct dli_tcp *t, struct dli_link *link, uint8_t *hello, struct dl4c_error *err)
{
    struct dli_address here = { .size = sizeof here.to };
    if (getsockname(link->fd, (struct sockaddr *)&here.to, &here.size) != 0) {
        dli_fail_errno(err, errno, "tcp", "%s has no address here", link->name);
        return;
    }
    if (t->listener < 0) {
        dli_address_any_port(&here);
        if (dli_address_listen(&here, &t->listener, err) != DL4C_OK)
            return;
        t->address.size = sizeof t->address.to;
        getsockname(t->listener, (struct sockaddr *)&t->address.to, &t->address.size);
    }
    dli_address_pack(&t->address, hello + 40);
}

/* The driver's answer: our number. */
static dl4c_status welcomed(const struct dli_wait *w, struct dli_seat *s, struct dl4c_error *err)
{
    int got;
    while ((got = dli_link_frame(&s->link, w->t->ctx, err)) == 0)
        DLI_TRY(dli_tcp_wait(w, s->link.fd, POLLIN, "the driver's answer", err));
    if (got < 0)
        return s->link.denied ? DL4C_E_DENIED : err && err->status != DL4C_OK ? err->status : DL4C_E_IO;
    const struct dli_inbox *in = &s->link.in;
    if (in->frame.kind != DLI_FRAME_WELCOME || in->frame.length != TCP_WELCOME)
        return dli_fail(err, DL4C_E_CORRUPT, "tcp", "%s did not answer as a driver does", s->link.name);
    w->t->id = dli_get64(in->payload);
    s->every_ns = dli_tcp_beat(w->t, dli_get64(in->payload + 8));
    dli_inbox_next(&s->link.in);
    s->link.in.limit = DLI_FRAME_PLAN;
    return DL4C_OK;
}

/* One try. DL4C_E_IO: another may do better. */
static dl4c_status try_driver(const struct dli_wait *w, const struct dli_address *to, struct dli_seat *s, struct dl4c_error *err)
{
    struct dli_wait brief = *w;
    uint8_t hello[TCP_HELLO] = { 0 };
    const int64_t until = dli_moment(TCP_HANDSHAKE_MS); /* which is all the other end would wait */
    brief.until_ns = until < w->until_ns ? until : w->until_ns;
    dli_put32(hello, TCP_JOINS);
    dli_put64(hello + 8, (uint64_t)w->t->lost_after_ms);
    dl4c_status status = dli_tcp_dial(&brief, to, w->t->host, &s->link, 0, hello, listen_beside, err);
    if (status == DL4C_OK) {
        status = welcomed(&brief, s, err);
        if (status != DL4C_OK)
            dli_link_close(&s->link);
    }
    if (status != DL4C_OK && w->t->listener >= 0) { /* another address of the driver may be reached from another of ours */
        close(w->t->listener);
        w->t->listener = -1;
    }
    return status == DL4C_E_TIMEOUT ? DL4C_E_IO : status;
}

dl4c_status dli_tcp_find_driver(const struct dli_wait *w, const struct dli_address *to, int32_t n, struct dl4c_error *err)
{
    struct dli_tcp *t = w->t;
    struct dl4c_error e = DL4C_ERROR_INIT, last = DL4C_ERROR_INIT;
    struct dli_seat *s = dli_calloc(t->ctx, 1, sizeof *s, err);
    dl4c_status status = DL4C_E_IO;
    int32_t i = 0;
    if (!s)
        return dli_alloc_status();
    for (int32_t tries = 0; status == DL4C_E_IO; tries++) {
        i = tries % n;
        e = (struct dl4c_error)DL4C_ERROR_INIT;
        status = try_driver(w, &to[i], s, &e);
        if (status == DL4C_E_IO)
            last = e;
        const int64_t again = dli_moment(i == n - 1 ? SLICE_MS : 0);
        do {
            const dl4c_status waited = status == DL4C_E_IO ? dli_tcp_wait(w, -1, 0, "a driver", &e) : status;
            status = waited != DL4C_OK ? waited : status;
        } while (status == DL4C_E_IO && dli_now_ns() < again);
    }
    if (status == DL4C_OK) {
        s->address = to[i];
        s->heard_ns = dli_now_ns();
        s->beat_ns = s->heard_ns + s->every_ns;
        t->seats = s;
        return DL4C_OK;
    }
    dli_free(s);
    if (status == DL4C_E_TIMEOUT)
        return dli_fail(err, status, "tcp", "%s: no driver was found in time; the last try: %.150s", t->url, last.message);
    if (err)
        *err = e;
    return status;
}

dl4c_status dli_tcp_locate(const struct dli_wait *w, const struct dli_place *place, struct dli_address at[TCP_ADDRESSES], int32_t *n,
                           struct dl4c_error *err)
{
    struct dli_resolver *r;
    dl4c_status status = DL4C_OK;
    if (dli_place_numeric(place, at, n))
        return DL4C_OK;
    DLI_TRY(dli_resolver_start(w->t->ctx, place, &r, err));
    while (status == DL4C_OK && !dli_resolver_done(r))
        status = dli_tcp_wait(w, dli_resolver_descriptor(r), POLLIN, "the resolver of names of hosts", err);
    if (status == DL4C_OK)
        status = dli_resolver_take(r, at, n, err);
    dli_resolver_unref(r);
    return status;
}
