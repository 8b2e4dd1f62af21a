/* SPDX-License-Identifier: Apache-2.0 */
/* The service thread of a member of a tcp group: beats on the control links and listens to them, accepts whoever connects and finds out
 * who it is, within a deadline. Never waits but in poll. */
#define _GNU_SOURCE
#include "base/deadline.h"
#include "transport/tcp.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define MS INT64_C(1000000) /* in nanoseconds */

enum { BYE_GRACE_MS = 100 /* what a member sent before it left still arrives */, DYING_MS = 1000 };

void dli_tcp_wake(int fd)
{
    const uint64_t one = 1;
    while (write(fd, &one, sizeof one) < 0 && errno == EINTR)
        ;
}

void dli_tcp_unwake(int fd)
{
    uint64_t n;
    while (read(fd, &n, sizeof n) < 0 && errno == EINTR)
        ;
}

int64_t dli_tcp_beat(const struct dli_tcp *t, uint64_t their_lost_after_ms)
{
    const int64_t theirs = their_lost_after_ms < INT64_MAX / MS ? (int64_t)their_lost_after_ms : INT64_MAX / MS;
    const int64_t every = (theirs < t->lost_after_ms ? theirs : t->lost_after_ms) / 4;
    return (every < 5 ? 5 : every > 1000 ? 1000 : every) * MS;
}

/* ---- saying things; under the lock ---- */

static void note(struct dli_tcp *t, const char *what, const char *name, const char *why)
{
    char line[sizeof t->notes[0]]; /* name and why may lie in t */
    snprintf(line, sizeof line, "%s %.71s: %.150s", what, name, why);
    if (t->n_notes < TCP_NOTES)
        memcpy(t->notes[t->n_notes++], line, sizeof line);
    else
        t->dropped_notes++;
}

dl4c_status dli_tcp_say(struct dli_tcp *t, struct dli_seat *s, uint16_t kind, const void *payload, uint32_t n, struct dl4c_error *err)
{
    const struct dli_frame f = { .kind = kind, .generation = t->generation, .sequence = s->link.out_sequence, .total = n, .length = n,
                                 .crc = dli_crc32c(0, payload, n) };
    DLI_TRY(dli_grow(t->ctx, &s->out, &s->out_capacity, s->out_have + DLI_FRAME_HEADER + n, 1, err));
    dli_frame_write(&f, s->out + s->out_have);
    if (n > 0)
        memcpy(s->out + s->out_have + DLI_FRAME_HEADER, payload, n);
    s->out_have += DLI_FRAME_HEADER + n;
    s->link.out_sequence++;
    dli_tcp_wake(t->wake_service);
    return DL4C_OK;
}

static void say_over(struct dli_tcp *t)
{
    uint8_t p[12];
    dli_put64(p, t->generation);
    dli_put32(p + 8, (uint32_t)t->lost);
    for (struct dli_seat *s = t->seats; s; s = s->next)
        if (!t->driver || s->rank >= 0)
            dli_tcp_say(t, s, DLI_FRAME_OVER, p, sizeof p, NULL); /* where memory is short they notice at their deadline */
}

/* True where it is news. */
static bool note_over(struct dli_tcp *t, int32_t rank)
{
    if (t->over && (t->lost >= 0 || rank < 0))
        return false;
    t->over = true;
    t->lost = rank;
    dli_tcp_wake(t->wake_caller);
    return true;
}

void dli_tcp_lose(struct dli_tcp *t, int32_t rank)
{
    if (note_over(t, rank))
        say_over(t);
}

/* ---- control links; under the lock ---- */

void dli_seat_free(struct dli_seat *s)
{
    dli_link_close(&s->link);
    dli_free(s->out);
    dli_free(s);
}

/* False: the link broke. */
static bool flush(struct dli_seat *s)
{
    while (s->out_sent < s->out_have) {
        const ptrdiff_t n = dli_link_write(&s->link, s->out + s->out_sent, s->out_have - s->out_sent, false);
        if (n <= 0)
            return n == LINK_AGAIN;
        s->out_sent += (size_t)n;
    }
    s->out_have = s->out_sent = 0;
    return true;
}

/* The driver's ear. */
static bool from_member(struct dli_tcp *t, struct dli_seat *s, const struct dli_frame *f, const uint8_t *p)
{
    const bool current = f->length == 12 && dli_get64(p) == t->generation && s->rank >= 0;
    const int32_t value = f->length == 12 ? (int32_t)dli_get32(p + 8) : 0;
    switch (f->kind) {
    case DLI_FRAME_ALIVE:
        return f->length == 0;
    case DLI_FRAME_BYE:
        s->bye_ns = dli_now_ns();
        return f->length == 0;
    case DLI_FRAME_READY:
        if (current) {
            s->ready = value != 0;
            dli_tcp_lose(t, -1);
            dli_tcp_wake(t->wake_caller);
        }
        return f->length == 12;
    case DLI_FRAME_OVER:
        if (current && value >= -1)
            dli_tcp_lose(t, value);
        return f->length == 12;
    default:
        return false;
    }
}

/* A member's. */
static bool from_driver(struct dli_tcp *t, struct dli_seat *s, const struct dli_frame *f, uint8_t *p)
{
    switch (f->kind) {
    case DLI_FRAME_ALIVE:
        return f->length == 0;
    case DLI_FRAME_GENERATION:
        if (f->length < 32 || dli_get64(p) <= t->generation)
            return false;
        dli_free(t->plan);
        t->plan = p;
        t->plan_size = f->length;
        s->link.in.own = false; /* it is the plan's now */
        t->generation = dli_get64(p);
        t->lost = -1;
        t->over = t->left_behind = false;
        return true;
    case DLI_FRAME_OVER:
        if (f->length == 12 && dli_get64(p) == t->generation)
            note_over(t, (int32_t)dli_get32(p + 8));
        return f->length == 12;
    case DLI_FRAME_BYE:
        s->bye_ns = dli_now_ns();
        return true;
    case DLI_FRAME_LEFT:
        t->left_behind = true;
        note_over(t, -1);
        return true;
    default:
        return false;
    }
}

/* False: the member at the other end is lost. */
static bool listen_to(struct dli_tcp *t, struct dli_seat *s)
{
    struct dl4c_error e = DL4C_ERROR_INIT;
    int got;
    while ((got = dli_link_frame(&s->link, t->ctx, &e)) == 1) {
        s->heard_ns = dli_now_ns();
        const struct dli_frame *f = &s->link.in.frame;
        if (!(t->driver ? from_member(t, s, f, s->link.in.payload) : from_driver(t, s, f, s->link.in.payload))) {
            snprintf(s->link.why, sizeof s->link.why, "it sent a frame of kind %u that makes no sense here", (unsigned)f->kind);
            return false;
        }
        dli_inbox_next(&s->link.in);
        dli_tcp_wake(t->wake_caller);
    }
    if (got < 0)
        snprintf(s->link.why, sizeof s->link.why, "%.159s", e.message);
    return got == 0;
}

static bool tend(struct dli_tcp *t, struct dli_seat *s, int64_t now)
{
    if (s->bye_ns > 0)
        return now < s->bye_ns + BYE_GRACE_MS * MS;
    const bool hears = listen_to(t, s);
    if (now >= s->beat_ns) {
        dli_tcp_say(t, s, DLI_FRAME_ALIVE, NULL, 0, NULL);
        s->beat_ns = now + s->every_ns;
    }
    const bool speaks = flush(s);
    if (s->bye_ns > 0)
        return true;
    if (s->dying)
        return hears && speaks && s->out_have > 0 && now < s->dying_ns + DYING_MS * MS;
    const bool silent = (now - s->heard_ns) / MS > t->lost_after_ms;
    if (hears && speaks && silent)
        snprintf(s->link.why, sizeof s->link.why, "nothing was heard of it for %" PRId64 " ms", t->lost_after_ms);
    return hears && speaks && !silent;
}

static void note_loss(struct dli_tcp *t, const struct dli_seat *s)
{
    char who[40] = "lost the driver, at";
    if (t->driver && s->rank >= 0)
        snprintf(who, sizeof who, "lost rank %" PRId32 ", at", s->rank);
    else if (t->driver)
        snprintf(who, sizeof who, "lost a member that waits, at");
    if (!s->dying && s->bye_ns == 0)
        note(t, who, s->link.name, s->link.why);
}

static void tend_all(struct dli_tcp *t)
{
    const int64_t now = dli_now_ns();
    for (struct dli_seat **at = &t->seats; *at;) {
        struct dli_seat *s = *at;
        if (tend(t, s, now)) {
            at = &s->next;
            continue;
        }
        *at = s->next;
        note_loss(t, s);
        if (t->driver) {
            if (s->rank >= 0 && !s->dying)
                dli_tcp_lose(t, s->rank);
        } else {
            t->closed = true;
            note_over(t, 0);
        }
        dli_tcp_wake(t->wake_caller);
        dli_seat_free(s);
    }
    for (size_t i = 0; i < t->n_arrivals;)
        if (now >= t->arrivals[i].until_ns) {
            dli_link_close(&t->arrivals[i].link);
            t->arrivals[i] = t->arrivals[--t->n_arrivals];
        } else {
            i++;
        }
}

/* ---- whoever connects ---- */

void dli_tcp_log_notes(struct dli_tcp *t)
{
    for (;;) {
        char line[sizeof t->notes[0]] = "";
        pthread_mutex_lock(&t->lock);
        const int32_t dropped = t->n_notes == 0 ? t->dropped_notes : 0;
        if (t->n_notes > 0) {
            memcpy(line, t->notes[0], sizeof line);
            memmove(t->notes[0], t->notes[1], (size_t)--t->n_notes * sizeof line);
        } else {
            t->dropped_notes = 0;
        }
        pthread_mutex_unlock(&t->lock);
        if (dropped > 0)
            dli_log(t->ctx, DL4C_LOG_WARNING, "tcp", "%s: %" PRId32 " more lines of this kind are left out", t->url, dropped);
        if (!line[0])
            return;
        dli_log(t->ctx, DL4C_LOG_WARNING, "tcp", "%s: %s", t->url, line);
    }
}

static void refuse(struct dli_tcp *t, struct dli_half *h, const char *why)
{
    pthread_mutex_lock(&t->lock);
    note(t, "refused", h->link.name, why);
    pthread_mutex_unlock(&t->lock);
    dli_link_close(&h->link);
}

/* To a peer of another version: a header, whose first six bytes are the same in all versions, so that it learns why. */
static void tell_version(struct dli_half *h)
{
    const struct dli_frame f = { .kind = DLI_FRAME_BYE };
    uint8_t header[DLI_FRAME_HEADER];
    dli_frame_write(&f, header);
    dli_link_write(&h->link, header, sizeof header, false);
}

static dl4c_status newcomer(struct dli_tcp *t, struct dli_half *h, const uint8_t *p, struct dl4c_error *err)
{
    uint8_t welcome[TCP_WELCOME];
    if (!t->driver)
        return dli_fail(err, DL4C_E_CORRUPT, "tcp", "it wants to join, but this member is not the driver");
    struct dli_seat *s = dli_calloc(t->ctx, 1, sizeof *s, err);
    if (!s)
        return dli_alloc_status();
    if (!dli_address_unpack(p + 40, &t->address, &s->address)) {
        dli_free(s);
        return dli_fail(err, DL4C_E_CORRUPT, "tcp", "it gave no address at which it listens");
    }
    int32_t there = 1;
    pthread_mutex_lock(&t->lock);
    for (const struct dli_seat *o = t->seats; o; o = o->next)
        there++;
    if (there >= TCP_MEMBERS) {
        pthread_mutex_unlock(&t->lock);
        dli_free(s);
        return dli_fail(err, DL4C_E_LIMIT, "tcp", "the group has %d members already, counting those that wait", TCP_MEMBERS);
    }
    s->rank = -1;
    s->id = t->next_id++;
    s->heard_ns = dli_now_ns();
    s->every_ns = dli_tcp_beat(t, dli_get64(p + 8));
    s->beat_ns = s->heard_ns + s->every_ns;
    s->link = h->link;
    dli_put64(welcome, s->id);
    dli_put64(welcome + 8, (uint64_t)t->lost_after_ms);
    const dl4c_status status = dli_tcp_say(t, s, DLI_FRAME_WELCOME, welcome, sizeof welcome, err);
    if (status == DL4C_OK) {
        struct dli_seat **end = &t->seats;
        while (*end)
            end = &(*end)->next;
        *end = s;
        dli_tcp_wake(t->wake_caller);
    }
    pthread_mutex_unlock(&t->lock);
    if (status != DL4C_OK)
        dli_free(s);
    return status;
}

static dl4c_status for_messages(struct dli_tcp *t, struct dli_half *h, const uint8_t *p, uint64_t generation, struct dl4c_error *err)
{
    dl4c_status status = DL4C_OK;
    pthread_mutex_lock(&t->lock);
    if (generation < t->generation)
        status = dli_fail(err, DL4C_E_PEER, "tcp", "it connects for generation %" PRIu64 ", this is %" PRIu64, generation, t->generation);
    else if (t->n_arrivals >= TCP_MEMBERS)
        status = dli_fail(err, DL4C_E_LIMIT, "tcp", "%d connections wait for a generation already", TCP_MEMBERS);
    else
        status = dli_grow(t->ctx, &t->arrivals, &t->arrivals_capacity, t->n_arrivals + 1, sizeof *t->arrivals, err);
    if (status == DL4C_OK) {
        struct dli_arrival *a = &t->arrivals[t->n_arrivals++];
        *a = (struct dli_arrival){ .link = h->link, .generation = generation, .rank = (int32_t)dli_get32(p + 4),
                                   .until_ns = dli_now_ns() + (TCP_HANDSHAKE_MS + t->lost_after_ms) * MS };
        memcpy(a->nonce, p + 24, TCP_NONCE);
        dli_tcp_wake(t->wake_caller);
    }
    pthread_mutex_unlock(&t->lock);
    return status;
}

/* The first frame of a connection. The link is taken where this succeeds. */
static dl4c_status introduced(struct dli_tcp *t, struct dli_half *h, struct dl4c_error *err)
{
    uint8_t p[TCP_HELLO];
    const struct dli_frame f = h->link.in.frame;
    if (f.kind != DLI_FRAME_HELLO || f.length != TCP_HELLO)
        return dli_fail(err, DL4C_E_CORRUPT, "tcp", "it did not say who it is");
    memcpy(p, h->link.in.payload, sizeof p);
    dli_inbox_next(&h->link.in);
    if (dli_get32(p) == TCP_JOINS)
        return newcomer(t, h, p, err);
    if (dli_get32(p) == TCP_MESSAGES)
        return for_messages(t, h, p, f.generation, err);
    return dli_fail(err, DL4C_E_CORRUPT, "tcp", "it wants what this library does not know (%" PRIu32 ")", dli_get32(p));
}

/* True: this connection is dealt with. */
static bool attend(struct dli_tcp *t, struct dli_half *h)
{
    struct dl4c_error e = DL4C_ERROR_INIT;
    int done = dli_link_shake(&h->link);
    if (done < 0) {
        refuse(t, h, h->link.why);
        return true;
    }
    if (done == 1)
        done = dli_link_frame(&h->link, t->ctx, &e);
    if (done == 1 && introduced(t, h, &e) == DL4C_OK)
        return true;
    if (done == 0 && dli_now_ns() < h->since_ns + TCP_HANDSHAKE_MS * MS)
        return false;
    if (e.status == DL4C_E_VERSION)
        tell_version(h);
    refuse(t, h, done == 0 ? "it did not say in time who it is" : e.message);
    return true;
}

static void attend_all(struct dli_tcp *t)
{
    for (int32_t i = 0; i < t->n_half;)
        if (attend(t, &t->half[i]))
            t->half[i] = t->half[--t->n_half];
        else
            i++;
}

/* For one more connection. Who has said nothing for a second gives way to whoever waits at the door. */
static bool make_room(struct dli_tcp *t)
{
    struct pollfd door = { .fd = t->listener, .events = POLLIN };
    int32_t oldest = 0;
    if (t->n_half < TCP_HALF_OPEN)
        return dli_now_ns() >= t->accept_ns;
    for (int32_t i = 1; i < t->n_half; i++)
        if (t->half[i].since_ns < t->half[oldest].since_ns)
            oldest = i;
    if (dli_now_ns() < t->half[oldest].since_ns + 1000 * MS || poll(&door, 1, 0) != 1)
        return false;
    refuse(t, &t->half[oldest], "it did not say who it is while others were waiting");
    t->half[oldest] = t->half[--t->n_half];
    return true;
}

static void accept_all(struct dli_tcp *t)
{
    while (make_room(t)) {
        struct dl4c_error e = DL4C_ERROR_INIT;
        const int fd = accept4(t->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd < 0 && (errno == EINTR || errno == ECONNABORTED))
            continue;
        if (fd < 0 && errno != EAGAIN && errno != EWOULDBLOCK) /* descriptors or memory: those that wait are taken later */
            t->accept_ns = dli_now_ns() + 200 * MS;
        if (fd < 0)
            return;
        struct dli_half *h = &t->half[t->n_half];
        if (dli_link_open(&h->link, t->tls, fd, true, "", t->lost_after_ms, &e) != DL4C_OK) {
            pthread_mutex_lock(&t->lock);
            note(t, "refused", "a connection", e.message);
            pthread_mutex_unlock(&t->lock);
            continue;
        }
        h->since_ns = dli_now_ns();
        t->n_half++;
    }
}

/* ---- the loop ---- */

/* What to poll, and for how long; false: to stop. Where memory is short, only what fits is polled, and soon again. */
static bool prepare(struct dli_tcp *t, nfds_t *n, int *wait_ms)
{
    const int64_t now = dli_now_ns();
    int64_t next = now + 1000 * MS;
    size_t wanted = 2 + (size_t)t->n_half;
    *n = 0;
    pthread_mutex_lock(&t->lock);
    const bool stopping = t->stopping;
    for (const struct dli_seat *s = t->seats; s; s = s->next)
        wanted++;
    if (dli_grow(t->ctx, &t->polled, &t->polled_capacity, wanted, sizeof *t->polled, NULL) != DL4C_OK)
        next = now + 10 * MS;
    else
        *n = wanted;
    size_t i = 0;
    if (*n > 0) {
        t->polled[i++] = (struct pollfd){ .fd = t->wake_service, .events = POLLIN };
        t->polled[i++] = (struct pollfd){ .fd = t->n_half < TCP_HALF_OPEN && now >= t->accept_ns ? t->listener : -1, .events = POLLIN };
        for (int32_t k = 0; k < t->n_half; k++)
            t->polled[i++] = (struct pollfd){ .fd = t->half[k].link.fd,
                                              .events = t->half[k].link.want ? t->half[k].link.want : POLLIN };
    }
    for (const struct dli_seat *s = t->seats; s; s = s->next) {
        if (*n > 0)
            t->polled[i++] = (struct pollfd){ .fd = s->bye_ns > 0 ? -1 : s->link.fd,
                                              .events = (short)(POLLIN | (s->out_have > 0 ? POLLOUT : 0)) };
        next = s->beat_ns < next ? s->beat_ns : next;
        if (s->dying || s->bye_ns > 0)
            next = now + 20 * MS < next ? now + 20 * MS : next;
    }
    pthread_mutex_unlock(&t->lock);
    if ((t->n_half > 0 || now < t->accept_ns) && next > now + 100 * MS)
        next = now + 100 * MS;
    *wait_ms = next > now ? (int)((next - now) / MS) + 1 : 0;
    return !stopping;
}

void *dli_tcp_serve(void *group)
{
    struct dli_tcp *t = group;
    nfds_t n;
    int wait_ms;
    while (prepare(t, &n, &wait_ms)) {
        poll(t->polled, n, wait_ms);
        dli_tcp_unwake(t->wake_service);
        accept_all(t);
        attend_all(t);
        pthread_mutex_lock(&t->lock);
        tend_all(t);
        pthread_mutex_unlock(&t->lock);
    }
    for (int32_t i = 0; i < t->n_half; i++)
        dli_link_close(&t->half[i].link);
    t->n_half = 0;
    pthread_mutex_lock(&t->lock);
    for (struct dli_seat *s = t->seats; s; s = s->next)
        flush(s);
    pthread_mutex_unlock(&t->lock);
    return NULL;
}
