/* SPDX-License-Identifier: Apache-2.0 */
/* Messages of the transport tcp: all transfers of a call at once, over all links, in frames that take turns, received straight into the
 * caller's memory. */
#define _GNU_SOURCE
#include "base/deadline.h"
#include "transport/tcp.h"

#include <poll.h>
#include <sched.h>
#include <string.h>

struct exchange {
    struct dli_tcp *t;
    const struct dl4c_message *transfers;
    int32_t n, open; /* open: not done */
    void (*arrived)(void *arg, int32_t transfer);
    void *arg;
    bool moved;
};

enum {
    TURN = 1 << 20, /* bytes after which another link has its turn */
    SPIN_NS = 50000
};

dl4c_status dli_tcp_standing(struct dli_tcp *t, struct dl4c_error *err)
{
    if (atomic_load_explicit(&t->cancelled, memory_order_acquire))
        return dli_fail(err, DL4C_E_CANCELLED, "tcp", "rank %" PRId32 " of the group at %s was cancelled", t->rank, t->url);
    pthread_mutex_lock(&t->lock);
    const bool over = t->over || t->closed || t->left_behind || t->generation != t->number;
    const int32_t lost = t->left_behind ? -1 : t->closed ? 0 : t->generation == t->number ? t->lost : -1;
    pthread_mutex_unlock(&t->lock);
    if (lost >= 0)
        return dli_fail(err, DL4C_E_PEER, "tcp", "rank %" PRId32 " of the group at %s is lost", lost, t->url);
    if (over)
        return dli_fail(err, DL4C_E_PEER, "tcp", "generation %" PRIu64 " of the group at %s is over: its members regroup", t->number,
                        t->url);
    return DL4C_OK;
}

static int32_t next_transfer(const struct exchange *x, int32_t done)
{
    const struct dl4c_message *t = x->transfers;
    for (int32_t i = done + 1; i < x->n; i++)
        if (t[i].peer == t[done].peer && !t[i].bytes == !t[done].bytes)
            return i;
    return -1;
}

static void finish(struct exchange *x, int32_t *transfer)
{
    const int32_t done = *transfer;
    *transfer = next_transfer(x, done);
    x->open--;
    x->moved = true;
    if (x->arrived)
        x->arrived(x->arg, done);
}

static dl4c_status lost(struct exchange *x, int32_t peer, dl4c_status status, const char *why, struct dl4c_error *err)
{
    struct dli_tcp *t = x->t;
    pthread_mutex_lock(&t->lock);
    if (t->generation == t->number)
        dli_tcp_lose(t, peer);
    pthread_mutex_unlock(&t->lock);
    return why ? dli_fail(err, status, "tcp", "rank %" PRId32 " of the group at %s is lost: %s", peer, t->url, why) : status;
}

/* ---- sending ---- */

static void frame(struct dli_tcp *t, struct dli_mesh *m, const struct dl4c_message *tr)
{
    const size_t left = tr->size - m->out_at;
    struct dli_frame f = { .kind = DLI_FRAME_MESSAGE, .generation = t->number, .sequence = m->link.out_sequence, .total = tr->size,
                           .length = left < DLI_FRAME_DATA ? (uint32_t)left : DLI_FRAME_DATA };
    f.crc = dli_crc32c(0, (const uint8_t *)tr->bytes + m->out_at, f.length);
    dli_frame_write(&f, m->out_header);
    m->out_length = f.length;
    m->out_header_at = m->out_done = 0;
    m->out_framed = true;
}

static dl4c_status push(struct exchange *x, int32_t peer, struct dl4c_error *err)
{
    struct dli_mesh *m = &x->t->mesh[peer];
    for (size_t turn = 0; m->out_transfer >= 0 && turn < TURN;) {
        const struct dl4c_message *tr = &x->transfers[m->out_transfer];
        if (!m->out_framed)
            frame(x->t, m, tr);
        const bool head = m->out_header_at < DLI_FRAME_HEADER;
        const uint8_t *from = head ? m->out_header + m->out_header_at : (const uint8_t *)tr->bytes + m->out_at + m->out_done;
        const size_t n = head ? DLI_FRAME_HEADER - m->out_header_at : m->out_length - m->out_done;
        const ptrdiff_t sent = n > 0 ? dli_link_write(&m->link, from, n, head && m->out_length > 0) : 0;
        if (sent < 0)
            return lost(x, peer, DL4C_E_PEER, m->link.why, err);
        m->out_open = m->out_open || sent > 0 || (n > 0 && m->link.session); /* TLS may have begun to send what it did not take */
        if (sent == 0 && n > 0)
            return DL4C_OK;
        x->moved = true;
        turn += (size_t)sent;
        *(head ? &m->out_header_at : &m->out_done) += (uint32_t)sent;
        if (m->out_header_at < DLI_FRAME_HEADER || m->out_done < m->out_length)
            continue;
        m->link.out_sequence++;
        m->out_at += m->out_length;
        m->out_framed = false;
        if (m->out_at == tr->size) {
            m->out_at = 0;
            m->out_open = false;
            finish(x, &m->out_transfer);
        }
    }
    return DL4C_OK;
}

/* ---- receiving ---- */

/* A frame's header has arrived: where does its payload go? */
static dl4c_status place(struct exchange *x, int32_t peer, const struct dl4c_message *tr, struct dl4c_error *err)
{
    struct dli_mesh *m = &x->t->mesh[peer];
    const struct dli_frame *f = &m->link.in.frame;
    dl4c_status status = DL4C_E_CORRUPT;
    if (f->kind != DLI_FRAME_MESSAGE || f->generation != x->t->number)
        dli_fail(err, status, "tcp", "rank %" PRId32 " sent something else than a message of generation %" PRIu64, peer, x->t->number);
    else if (f->total != tr->size)
        dli_fail(err, status, "tcp", "rank %" PRId32 " sent %" PRIu64 " bytes, %zu are wanted", peer, f->total, tr->size);
    else if (f->length > tr->size - m->in_at || (f->length == 0 && tr->size > 0))
        dli_fail(err, status, "tcp", "rank %" PRId32 " sent a piece that does not fit its message", peer);
    else
        status = dli_inbox_into(&m->link.in, (uint8_t *)tr->room + m->in_at, err);
    return status == DL4C_OK ? status : lost(x, peer, status, NULL, err);
}

static dl4c_status pull(struct exchange *x, int32_t peer, struct dl4c_error *err)
{
    struct dli_mesh *m = &x->t->mesh[peer];
    struct dli_inbox *in = &m->link.in;
    for (size_t turn = 0; m->in_transfer >= 0 && turn < TURN;) {
        const struct dl4c_message *tr = &x->transfers[m->in_transfer];
        size_t n;
        void *room = dli_inbox_room(in, &n);
        const ptrdiff_t got = dli_link_read(&m->link, room, n);
        if (got == LINK_AGAIN)
            return DL4C_OK;
        if (got < 0)
            return lost(x, peer, DL4C_E_PEER, m->link.why, err);
        x->moved = true;
        turn += (size_t)got;
        const dl4c_status status = dli_inbox_got(in, (size_t)got, err);
        if (status != DL4C_OK)
            return lost(x, peer, status == DL4C_E_LIMIT ? DL4C_E_CORRUPT : status, NULL, err);
        if (in->headed && !in->placed)
            DLI_TRY(place(x, peer, tr, err));
        if (!in->complete)
            continue;
        m->in_at += in->frame.length;
        dli_inbox_next(in);
        if (m->in_at == tr->size) {
            m->in_at = 0;
            finish(x, &m->in_transfer);
        }
    }
    return DL4C_OK;
}

/* ---- all at once ---- */

static dl4c_status move_all(struct exchange *x, struct dl4c_error *err)
{
    struct dli_tcp *t = x->t;
    x->moved = false;
    for (int32_t r = 0; r < t->size; r++) {
        if (r == t->rank)
            continue;
        DLI_TRY(push(x, r, err));
        DLI_TRY(pull(x, r, err));
    }
    return DL4C_OK;
}

/* Until a link or the service thread has news, or 50 ms pass. In the midst of an exchange news is there within microseconds, and to sleep
 * until then costs more than to look again: so the first looks only give way to others. */
static void wait_for_news(struct exchange *x, int64_t until_ns)
{
    struct dli_tcp *t = x->t;
    nfds_t n = 0;
    t->polled_links[n++] = (struct pollfd){ .fd = t->wake_caller, .events = POLLIN };
    for (int32_t r = 0; r < t->size; r++) {
        const struct dli_mesh *m = &t->mesh[r];
        const short events = (short)((m->out_transfer >= 0 ? POLLOUT : 0) | (m->in_transfer >= 0 ? POLLIN : 0));
        if (r != t->rank && events)
            t->polled_links[n++] = (struct pollfd){ .fd = m->link.fd, .events = (short)(events | m->link.want) };
    }
    const int64_t left = dli_left_ms(until_ns), spin_ns = dli_now_ns() + SPIN_NS;
    int ready;
    while ((ready = poll(t->polled_links, n, 0)) == 0 && dli_now_ns() < spin_ns)
        sched_yield();
    if (ready == 0)
        ready = poll(t->polled_links, n, left < 50 ? (int)left : 50);
    if (ready > 0 && t->polled_links[0].revents)
        dli_tcp_unwake(t->wake_caller);
}

static dl4c_status late(struct exchange *x, struct dl4c_error *err)
{
    struct dli_tcp *t = x->t;
    bool cut = false;
    int32_t peer = -1;
    for (int32_t r = 0; r < t->size; r++) {
        struct dli_mesh *m = &t->mesh[r];
        if (r == t->rank || (m->out_transfer < 0 && m->in_transfer < 0))
            continue;
        peer = r;
        cut = cut || m->out_open || m->in_at > 0 || m->link.in.placed;
        m->out_framed = m->out_open; /* a frame of which nothing was sent is forgotten */
    }
    if (cut) { /* the rest of a message can't follow: the buffer is the caller's again */
        pthread_mutex_lock(&t->lock);
        if (t->generation == t->number)
            dli_tcp_lose(t, -1);
        pthread_mutex_unlock(&t->lock);
    }
    return dli_fail(err, DL4C_E_TIMEOUT, "tcp", "the group at %s: the deadline passed waiting for rank %" PRId32 "%s", t->url, peer,
                    cut ? " in the midst of a message, which ends the generation" : "");
}

dl4c_status dli_tcp_sendrecv(void *group, const struct dl4c_message *transfers, int32_t n, void (*arrived)(void *arg, int32_t transfer),
                             void *arg, int64_t timeout_ms, struct dl4c_error *err)
{
    struct dli_tcp *t = group;
    const int64_t until = dli_moment(timeout_ms);
    struct exchange x = { t, transfers, n, n, arrived, arg, false };
    dli_tcp_log_notes(t);
    DLI_TRY(dli_tcp_standing(t, err));
    for (int32_t r = 0; r < t->size; r++)
        t->mesh[r].out_transfer = t->mesh[r].in_transfer = -1;
    for (int32_t i = n - 1; i >= 0; i--)
        *(transfers[i].bytes ? &t->mesh[transfers[i].peer].out_transfer : &t->mesh[transfers[i].peer].in_transfer) = i;
    while (x.open > 0) {
        DLI_TRY(move_all(&x, err));
        if (x.open > 0 && (!x.moved || atomic_load_explicit(&t->cancelled, memory_order_acquire))) /* what has arrived counts */
            DLI_TRY(dli_tcp_standing(t, err));
        if (x.open > 0 && dli_now_ns() >= until)
            return late(&x, err);
        if (x.open > 0 && !x.moved)
            wait_for_news(&x, until);
    }
    return DL4C_OK;
}
