/* SPDX-License-Identifier: Apache-2.0 */
/* The transports "tcp" and "tcp+plain": joining, leaving, generations. */
#define _GNU_SOURCE
#include "base/deadline.h"
#include "base/thread_pool.h"
#include "transport/tcp.h"

#include <errno.h>
#include <linux/sockios.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <unistd.h>

enum { SLICE_MS = 50 /* after which a wait looks at flags and the clock */, PLAN_HEAD = 32, PLAN_MEMBER = 28 };

/* A wait of the calling thread. */
struct wait {
    struct dli_tcp *t;
    int64_t until_ns;
    const int32_t *cancel;
    bool forming; /* the links of a generation: there is nothing to wait for once it is over, DL4C_E_PEER */
};

/* Until the descriptor (-1: none) or the service thread has news, or 50 ms pass. */
static dl4c_status wait_for(const struct wait *w, int fd, short events, const char *for_what, struct dl4c_error *err)
{
    struct dli_tcp *t = w->t;
    struct pollfd p[2] = { { .fd = t->wake_caller, .events = POLLIN }, { .fd = fd, .events = events } };
    const int64_t left = (w->until_ns - dli_now_ns()) / 1000000 + 1;
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

/* ---- connecting ---- */

static dl4c_status introduce(const struct wait *w, struct dli_link *link, uint64_t generation, const uint8_t *hello, struct dl4c_error *err)
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
            DLI_TRY(wait_for(w, link->fd, POLLOUT, "a peer that does not listen", err));
    }
    return DL4C_OK;
}

/* Connects, proves and introduces itself. DL4C_E_IO: the other end is not there, or gone. */
static dl4c_status dial(const struct wait *w, const struct dli_address *to, struct dli_link *link, uint64_t generation, uint8_t *hello,
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
        status = wait_for(w, fd, POLLOUT, name, err);
    if (status == DL4C_OK && getsockopt(fd, SOL_SOCKET, SO_ERROR, &failed, &n) == 0 && failed) {
        dli_fail_errno(err, failed, "tcp", "cannot connect to %s", name);
        status = DL4C_E_IO;
    }
    if (status != DL4C_OK) {
        close(fd);
        return status;
    }
    DLI_TRY(dli_link_open(link, w->t->tls, fd, false, w->t->lost_after_ms, err));
    while (status == DL4C_OK && (done = dli_link_shake(link)) != 1)
        status = done < 0 ? dli_fail(err, link->denied ? DL4C_E_DENIED : DL4C_E_IO, "tcp", "%s: %s", name, link->why)
                          : wait_for(w, link->fd, link->want ? link->want : POLLIN, name, err);
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
static dl4c_status welcomed(const struct wait *w, struct dli_seat *s, struct dl4c_error *err)
{
    int got;
    while ((got = dli_link_frame(&s->link, w->t->ctx, err)) == 0)
        DLI_TRY(wait_for(w, s->link.fd, POLLIN, "the driver's answer", err));
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

/* Again and again, until there is a driver. */
static dl4c_status find_driver(const struct wait *w, const struct dli_address *to, struct dl4c_error *err)
{
    struct dli_tcp *t = w->t;
    struct dl4c_error e = DL4C_ERROR_INIT;
    struct dli_seat *s = dli_calloc(t->ctx, 1, sizeof *s, err);
    dl4c_status status = DL4C_E_IO;
    if (!s)
        return dli_alloc_status();
    while (status == DL4C_E_IO) {
        uint8_t hello[TCP_HELLO] = { 0 };
        dli_put32(hello, TCP_JOINS);
        dli_put64(hello + 8, (uint64_t)t->lost_after_ms);
        e = (struct dl4c_error)DL4C_ERROR_INIT;
        status = dial(w, to, &s->link, 0, hello, listen_beside, &e);
        if (status == DL4C_OK) {
            status = welcomed(w, s, &e);
            if (status != DL4C_OK)
                dli_link_close(&s->link);
        }
        const int64_t again = dli_tcp_moment(SLICE_MS);
        while (status == DL4C_E_IO && dli_now_ns() < again) {
            const dl4c_status waited = wait_for(w, -1, 0, "a driver", &e);
            status = waited != DL4C_OK ? waited : status;
        }
    }
    if (status != DL4C_OK) {
        dli_free(s);
        if (err)
            *err = e;
        return status;
    }
    s->address = *to;
    s->heard_ns = dli_now_ns();
    s->beat_ns = s->heard_ns + s->every_ns;
    t->seats = s;
    return DL4C_OK;
}

/* ---- generations ---- */

static void close_mesh(struct dli_tcp *t)
{
    for (int32_t r = 0; t->mesh && r < t->size; r++)
        if (r != t->rank)
            dli_link_close(&t->mesh[r].link);
    dli_free(t->mesh);
    dli_free(t->ids);
    dli_free(t->polled_links);
    t->mesh = NULL;
    t->ids = NULL;
    t->polled_links = NULL;
}

/* The next generation's place for everything; nothing changes where memory is short. */
static dl4c_status take_plan(struct dli_tcp *t, const uint8_t *plan, size_t size, struct dl4c_error *err)
{
    const int32_t rank = (int32_t)dli_get32(plan + 8), n = (int32_t)dli_get32(plan + 12);
    if (n < 1 || rank < 0 || rank >= n || size != PLAN_HEAD + (size_t)n * PLAN_MEMBER)
        return dli_fail(err, DL4C_E_CORRUPT, "tcp", "%s: the driver's list of members is malformed", t->url);
    struct dli_mesh *mesh = dli_calloc(t->ctx, (size_t)n, sizeof *mesh, err);
    uint64_t *ids = dli_calloc(t->ctx, (size_t)n, sizeof *ids, err);
    struct pollfd *polled = dli_calloc(t->ctx, (size_t)n + 1, sizeof *polled, err);
    if (!mesh || !ids || !polled) {
        const dl4c_status status = dli_alloc_status();
        dli_free(mesh);
        dli_free(ids);
        dli_free(polled);
        return status;
    }
    close_mesh(t);
    t->mesh = mesh;
    t->ids = ids;
    t->polled_links = polled;
    t->rank = rank;
    t->size = n;
    t->number = dli_get64(plan);
    for (int32_t r = 0; r < n; r++) {
        ids[r] = dli_get64(plan + PLAN_HEAD + (size_t)r * PLAN_MEMBER);
        mesh[r].link.fd = -1;
    }
    return DL4C_OK;
}

/* Those of higher ranks that have connected. Returns how many are still missing. */
static int32_t claim(struct dli_tcp *t, const uint8_t *nonce)
{
    int32_t missing = 0;
    pthread_mutex_lock(&t->lock);
    for (int32_t i = 0; i < t->n_arrivals;) {
        struct dli_arrival *a = &t->arrivals[i];
        if (a->generation > t->number) {
            i++;
            continue;
        }
        if (a->generation == t->number && memcmp(a->nonce, nonce, TCP_NONCE) == 0 && a->rank > t->rank && a->rank < t->size
            && t->mesh[a->rank].link.fd < 0) {
            t->mesh[a->rank].link = a->link;
            t->mesh[a->rank].link.in.limit = DLI_FRAME_DATA;
        } else {
            dli_link_close(&a->link);
        }
        t->arrivals[i] = t->arrivals[--t->n_arrivals];
    }
    pthread_mutex_unlock(&t->lock);
    for (int32_t r = t->rank + 1; r < t->size; r++)
        missing += t->mesh[r].link.fd < 0;
    return missing;
}

/* Links to all others: dials the lower ranks, is dialled by the higher. DL4C_E_PEER: the generation is over before it stood here. */
static dl4c_status connect_all(const struct wait *w, const uint8_t *plan, struct dl4c_error *err)
{
    struct dli_tcp *t = w->t;
    uint8_t hello[TCP_HELLO] = { 0 };
    dli_put32(hello, TCP_MESSAGES);
    dli_put32(hello + 4, (uint32_t)t->rank);
    dli_put64(hello + 16, t->id);
    memcpy(hello + 24, plan + 16, TCP_NONCE);
    for (int32_t r = 0; r < t->rank; r++) {
        struct dli_address to;
        dl4c_status status = DL4C_OK;
        pthread_mutex_lock(&t->lock);
        if (r == 0 && t->seats)
            to = t->seats->address;
        else if (r == 0)
            status = DL4C_E_PEER;
        pthread_mutex_unlock(&t->lock);
        if (r > 0 && !dli_address_unpack(plan + PLAN_HEAD + (size_t)r * PLAN_MEMBER + 8, &t->address, &to))
            return dli_fail(err, DL4C_E_CORRUPT, "tcp", "%s: the driver's list of members is malformed", t->url);
        if (status == DL4C_OK)
            status = dial(w, &to, &t->mesh[r].link, t->number, hello, NULL, err);
        t->mesh[r].link.in.limit = DLI_FRAME_DATA;
        if (status == DL4C_E_IO || status == DL4C_E_PEER) {
            pthread_mutex_lock(&t->lock);
            if (t->generation == t->number)
                dli_tcp_lose(t, r);
            pthread_mutex_unlock(&t->lock);
            return DL4C_E_PEER;
        }
        DLI_TRY(status);
    }
    while (claim(t, plan + 16) > 0)
        DLI_TRY(wait_for(w, -1, 0, "members to connect to each other", err));
    return DL4C_OK;
}

static int32_t count_waiting(const struct dli_tcp *t)
{
    int32_t n = 0;
    for (const struct dli_seat *s = t->seats; s; s = s->next)
        n += s->rank == -1 && !s->bye_ns;
    return n;
}

static void place_member(uint8_t *plan, struct dli_seat *s, int32_t rank)
{
    s->rank = rank;
    s->ready = false;
    dli_put64(plan + PLAN_HEAD + (size_t)rank * PLAN_MEMBER, s->id);
    dli_address_pack(&s->address, plan + PLAN_HEAD + (size_t)rank * PLAN_MEMBER + 8);
}

/* The member of the lowest rank of the last generation that is ready for the next and has no place in it yet, or NULL. */
static struct dli_seat *survivor(struct dli_tcp *t)
{
    struct dli_seat *first = NULL;
    for (struct dli_seat *s = t->seats; s; s = s->next)
        if (s->rank > 0 && s->ready && !s->bye_ns && (!first || s->rank < first->rank))
            first = s;
    return first;
}

/* The driver's: survivors in the order of their ranks, then up to `newcomers` in the order they came. Under the lock. */
static dl4c_status form(struct dli_tcp *t, int32_t size, uint8_t **out, struct dl4c_error *err)
{
    int32_t rank = 1;
    uint8_t *plan = dli_calloc(t->ctx, 1, PLAN_HEAD + (size_t)size * PLAN_MEMBER, err);
    if (!plan)
        return dli_alloc_status();
    if (getrandom(plan + 16, TCP_NONCE, 0) != TCP_NONCE) {
        dli_free(plan);
        return dli_fail(err, DL4C_E_IO, "tcp", "the system has no random bytes");
    }
    for (struct dli_seat *s = t->seats; s; s = s->next)
        if (s->rank >= 0 && !s->ready && !s->bye_ns) {
            dli_tcp_say(t, s, DLI_FRAME_LEFT, NULL, 0, NULL);
            s->dying = true;
            s->dying_ns = dli_now_ns();
            s->rank = -2;
        }
    t->generation++;
    t->lost = -1;
    t->over = false;
    dli_put64(plan, t->generation);
    dli_put32(plan + 12, (uint32_t)size);
    dli_put64(plan + PLAN_HEAD, t->id);
    dli_address_pack(&t->address, plan + PLAN_HEAD + 8);
    for (struct dli_seat *s; rank < size && (s = survivor(t));)
        place_member(plan, s, rank++);
    for (struct dli_seat *s = t->seats; s && rank < size; s = s->next)
        if (s->rank == -1 && !s->bye_ns)
            place_member(plan, s, rank++);
    dl4c_status status = DL4C_OK;
    for (struct dli_seat *s = t->seats; s && status == DL4C_OK; s = s->next) {
        if (s->rank < 1)
            continue;
        dli_put32(plan + 8, (uint32_t)s->rank);
        status = dli_tcp_say(t, s, DLI_FRAME_GENERATION, plan, (uint32_t)(PLAN_HEAD + (size_t)size * PLAN_MEMBER), err);
    }
    dli_put32(plan + 8, 0);
    *out = plan;
    if (status != DL4C_OK)
        dli_tcp_lose(t, -1);
    return status;
}

/* Makes the generation of a plan stand; frees the plan. Where others have stood and gone before all links are there, it is over: the
 * members learn that from their next call, as they do when it happens a moment later. */
static dl4c_status stand(const struct wait *w, uint8_t *plan, size_t size, struct dl4c_error *err)
{
    const struct wait links = { w->t, w->until_ns, w->cancel, true };
    dl4c_status status = take_plan(w->t, plan, size, err);
    if (status == DL4C_OK) {
        struct dl4c_error e = DL4C_ERROR_INIT;
        status = connect_all(&links, plan, &e);
        if (status == DL4C_E_PEER)
            status = DL4C_OK;
        else if (status != DL4C_OK && err)
            *err = e;
    }
    if (status != DL4C_OK) {
        pthread_mutex_lock(&w->t->lock);
        dli_tcp_lose(w->t, -1);
        pthread_mutex_unlock(&w->t->lock);
    }
    dli_free(plan);
    return status;
}

/* ---- coming and going ---- */

static void destroy(struct dli_tcp *t)
{
    if (t->started) {
        pthread_mutex_lock(&t->lock);
        t->stopping = true;
        pthread_mutex_unlock(&t->lock);
        dli_tcp_wake(t->wake_service);
        pthread_join(t->thread, NULL);
        dli_tcp_log_notes(t);
    }
    close_mesh(t);
    for (struct dli_seat *s = t->seats, *next; s; s = next) {
        next = s->next;
        dli_seat_free(s);
    }
    for (int32_t i = 0; i < t->n_arrivals; i++)
        dli_link_close(&t->arrivals[i].link);
    if (t->listener >= 0)
        close(t->listener);
    if (t->wake_caller >= 0)
        close(t->wake_caller);
    if (t->wake_service >= 0)
        close(t->wake_service);
    dli_tls_free(t->tls);
    dli_free(t->plan);
    dli_free(t->polled);
    pthread_mutex_destroy(&t->lock);
    dli_free(t);
}

static dl4c_status create(dl4c_context *ctx, const struct dl4c_group_options *o, bool plain, struct dli_tcp **out, struct dl4c_error *err)
{
    struct dli_tcp *t = dli_calloc(ctx, 1, sizeof *t, err);
    if (!t)
        return dli_alloc_status();
    t->ctx = ctx;
    t->driver = o->driver;
    t->lost_after_ms = o->lost_after_ms;
    t->listener = -1;
    t->lost = -1;
    t->wake_caller = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    t->wake_service = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    pthread_mutex_init(&t->lock, NULL);
    snprintf(t->url, sizeof t->url, "%.190s", o->url);
    dl4c_status status = DL4C_OK;
    if (t->wake_caller < 0 || t->wake_service < 0)
        status = dli_fail_errno(err, errno, "tcp", "cannot make an event descriptor");
    if (status == DL4C_OK && !plain)
        status = dli_tls_create(ctx, &t->tls, err);
    if (status != DL4C_OK) {
        destroy(t);
        return status;
    }
    *out = t;
    return DL4C_OK;
}

static dl4c_status start(struct dli_tcp *t, struct dl4c_error *err)
{
    t->started = dli_thread_start(&t->thread, dli_tcp_serve, t);
    return t->started ? DL4C_OK : dli_fail(err, DL4C_E_NOMEM, "tcp", "the service thread of the group at %s cannot be started", t->url);
}

static dl4c_status gather(const struct wait *w, const struct dli_address *at, int32_t size, struct dl4c_error *err)
{
    struct dli_tcp *t = w->t;
    if (size > TCP_MEMBERS)
        return dli_fail(err, DL4C_E_LIMIT, "tcp", "%s: a group over tcp has at most %d members, size is %" PRId32, t->url, TCP_MEMBERS,
                        size);
    t->address = *at;
    t->id = t->next_id++;
    DLI_TRY(dli_address_listen(at, &t->listener, err));
    DLI_TRY(start(t, err));
    for (;;) {
        uint8_t *plan = NULL;
        dl4c_status status = DL4C_OK;
        pthread_mutex_lock(&t->lock);
        const int32_t there = count_waiting(t) + 1;
        if (there >= size)
            status = form(t, size, &plan, err);
        pthread_mutex_unlock(&t->lock);
        if (status != DL4C_OK) {
            dli_free(plan);
            return status;
        }
        if (plan)
            return stand(w, plan, PLAN_HEAD + (size_t)size * PLAN_MEMBER, err);
        status = wait_for(w, -1, 0, "members", err);
        if (status == DL4C_E_TIMEOUT)
            return dli_fail(err, status, "tcp", "%s: %" PRId32 " of %" PRId32 " members came in time", t->url, there, size);
        DLI_TRY(status);
    }
}

/* Of a member that is no driver: until the driver's plan is there. */
static dl4c_status follow(const struct wait *w, struct dl4c_error *err)
{
    struct dli_tcp *t = w->t;
    for (;;) {
        pthread_mutex_lock(&t->lock);
        uint8_t *plan = t->plan;
        const size_t size = t->plan_size;
        const bool closed = t->closed, left = t->left_behind;
        t->plan = NULL;
        pthread_mutex_unlock(&t->lock);
        if (plan)
            return stand(w, plan, size, err);
        if (closed || left)
            return dli_fail(err, DL4C_E_PEER, "tcp", left ? "the group at %s went on without this member"
                                                          : "the driver of the group at %s is gone", t->url);
        DLI_TRY(wait_for(w, -1, 0, "the driver to form the group", err));
    }
}

static dl4c_status join(dl4c_context *ctx, const struct dl4c_group_options *o, bool plain, void **group, struct dl4c_error *err)
{
    struct dli_address at;
    struct dli_tcp *t = NULL;
    DLI_TRY(dli_address_parse(o->url, &at, err));
    DLI_TRY(create(ctx, o, plain, &t, err));
    const struct wait w = { .t = t, .until_ns = dli_tcp_moment(o->timeout_ms), .cancel = o->cancel };
    dl4c_status status;
    if (o->driver) {
        status = gather(&w, &at, o->size, err);
    } else {
        status = find_driver(&w, &at, err);
        if (status == DL4C_OK)
            status = start(t, err);
        if (status == DL4C_OK)
            status = follow(&w, err);
    }
    if (status != DL4C_OK) {
        destroy(t);
        return status;
    }
    *group = t;
    return DL4C_OK;
}

static dl4c_status join_tcp(void *user, const struct dl4c_group_options *o, void **group, struct dl4c_error *err)
{
    return join(user, o, false, group, err);
}

static dl4c_status join_plain(void *user, const struct dl4c_group_options *o, void **group, struct dl4c_error *err)
{
    return join(user, o, true, group, err);
}

/* Until what was sent has been acknowledged: a connection that is closed with bytes unread may lose those under way. */
static void leave(void *group, int64_t timeout_ms)
{
    struct dli_tcp *t = group;
    const int64_t until = dli_tcp_moment(timeout_ms);
    for (int32_t r = 0; r < t->size; r++) {
        int under_way = 0;
        while (r != t->rank && t->mesh[r].link.fd >= 0 && ioctl(t->mesh[r].link.fd, SIOCOUTQ, &under_way) == 0 && under_way > 0
               && dli_now_ns() < until)
            poll(NULL, 0, 1);
    }
    pthread_mutex_lock(&t->lock);
    for (struct dli_seat *s = t->seats; s; s = s->next)
        dli_tcp_say(t, s, DLI_FRAME_BYE, NULL, 0, NULL);
    pthread_mutex_unlock(&t->lock);
    destroy(t);
}

static void members(void *group, struct dl4c_members *out)
{
    struct dli_tcp *t = group;
    dli_tcp_log_notes(t);
    out->generation = t->number;
    out->rank = t->rank;
    out->size = t->size;
    out->ids = t->ids;
    pthread_mutex_lock(&t->lock);
    out->waiting = t->driver ? count_waiting(t) : 0;
    pthread_mutex_unlock(&t->lock);
}

/* ---- regrouping ---- */

static void exclude(struct dli_tcp *t, const struct dl4c_regroup_options *o)
{
    for (struct dli_seat *s = t->seats; s; s = s->next)
        for (int32_t i = 0; i < o->n_exclude; i++)
            if (s->rank == o->exclude[i] && !s->dying) {
                dli_tcp_say(t, s, DLI_FRAME_LEFT, NULL, 0, NULL);
                s->dying = true;
                s->dying_ns = dli_now_ns();
                s->rank = -2;
                break;
            }
}

static dl4c_status regroup_driver(struct dli_tcp *t, const struct dl4c_regroup_options *o, struct dl4c_error *err)
{
    const struct wait w = { .t = t, .until_ns = dli_tcp_moment(o->timeout_ms) };
    pthread_mutex_lock(&t->lock);
    dli_tcp_lose(t, -1);
    exclude(t, o);
    pthread_mutex_unlock(&t->lock);
    for (;;) {
        uint8_t *plan = NULL;
        dl4c_status status = DL4C_OK;
        bool all = true;
        int32_t there = 1;
        pthread_mutex_lock(&t->lock);
        for (const struct dli_seat *s = t->seats; s; s = s->next) {
            all = all && (s->rank < 0 || s->ready);
            there += !s->bye_ns && (s->rank == -1 || (s->rank >= 0 && s->ready));
        }
        const bool late = dli_now_ns() >= w.until_ns;
        if ((all || late) && there >= o->min_size)
            status = form(t, there, &plan, err);
        pthread_mutex_unlock(&t->lock);
        if (status != DL4C_OK) {
            dli_free(plan);
            return status;
        }
        const int64_t longer = o->timeout_ms > t->lost_after_ms ? o->timeout_ms : t->lost_after_ms;
        const struct wait links = { .t = t, .until_ns = dli_tcp_moment(longer) };
        if (plan)
            return stand(&links, plan, PLAN_HEAD + (size_t)there * PLAN_MEMBER, err);
        if (late)
            return dli_fail(err, DL4C_E_PEER, "tcp", "%" PRId32 " members of the group at %s are left, %" PRId32 " are wanted", there,
                            t->url, o->min_size);
        status = wait_for(&w, -1, 0, "survivors", err);
        if (status != DL4C_OK && status != DL4C_E_TIMEOUT)
            return status;
    }
}

static dl4c_status regroup_member(struct dli_tcp *t, const struct dl4c_regroup_options *o, struct dl4c_error *err)
{
    const struct wait w = { .t = t, .until_ns = dli_tcp_moment(o->timeout_ms) };
    uint8_t p[12];
    dl4c_status status = DL4C_OK;
    dli_put64(p, t->number);
    dli_put32(p + 8, 1);
    pthread_mutex_lock(&t->lock);
    if (t->generation == t->number)
        t->over = true;
    if (t->seats)
        status = dli_tcp_say(t, t->seats, DLI_FRAME_READY, p, sizeof p, err);
    pthread_mutex_unlock(&t->lock);
    if (status == DL4C_OK)
        status = follow(&w, err);
    if (status == DL4C_E_TIMEOUT || status == DL4C_E_CANCELLED) {
        dli_put32(p + 8, 0);
        pthread_mutex_lock(&t->lock);
        if (t->seats)
            dli_tcp_say(t, t->seats, DLI_FRAME_READY, p, sizeof p, NULL);
        pthread_mutex_unlock(&t->lock);
    }
    return status;
}

static dl4c_status regroup(void *group, const struct dl4c_regroup_options *o, struct dl4c_error *err)
{
    struct dli_tcp *t = group;
    return t->driver ? regroup_driver(t, o, err) : regroup_member(t, o, err);
}

static void cancel(void *group)
{
    struct dli_tcp *t = group;
    atomic_store_explicit(&t->cancelled, 1, memory_order_release);
    dli_tcp_wake(t->wake_caller);
}

static dl4c_status send_message(void *group, int32_t peer, const void *bytes, size_t size, int64_t timeout_ms, struct dl4c_error *err)
{
    const struct dl4c_message t = { peer, 0, bytes ? bytes : "", NULL, size };
    return dli_tcp_sendrecv(group, &t, 1, NULL, NULL, timeout_ms, err);
}

static dl4c_status recv_message(void *group, int32_t peer, void *room, size_t size, int64_t timeout_ms, struct dl4c_error *err)
{
    char nothing;
    const struct dl4c_message t = { peer, 0, NULL, room ? room : &nothing, size };
    return dli_tcp_sendrecv(group, &t, 1, NULL, NULL, timeout_ms, err);
}

#define TCP_OPS(scheme, joins)                                                                                                             \
    {                                                                                                                                      \
        .struct_size = sizeof(struct dl4c_transport_ops), .name = scheme, .join = joins, .leave = leave, .members = members,               \
        .send = send_message, .recv = recv_message, .regroup = regroup, .sendrecv = dli_tcp_sendrecv, .cancel = cancel                     \
    }

const struct dl4c_transport_ops dli_transport_tcp = TCP_OPS("tcp", join_tcp);
const struct dl4c_transport_ops dli_transport_tcp_plain = TCP_OPS("tcp+plain", join_plain);
