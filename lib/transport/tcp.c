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

enum { PLAN_HEAD = 32, PLAN_MEMBER = 28 };

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
    for (size_t i = 0; i < t->n_arrivals;) {
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
static dl4c_status connect_all(const struct dli_wait *w, const uint8_t *plan, struct dl4c_error *err)
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
            status = dli_tcp_dial(w, &to, r == 0 ? t->host : "", &t->mesh[r].link, t->number, hello, NULL, err);
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
        DLI_TRY(dli_tcp_wait(w, -1, 0, "members to connect to each other", err));
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
static dl4c_status stand(const struct dli_wait *w, uint8_t *plan, size_t size, struct dl4c_error *err)
{
    const struct dli_wait links = { w->t, w->until_ns, w->cancel, true };
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
    for (size_t i = 0; i < t->n_arrivals; i++)
        dli_link_close(&t->arrivals[i].link);
    if (t->listener >= 0)
        close(t->listener);
    if (t->wake_caller >= 0)
        close(t->wake_caller);
    if (t->wake_service >= 0)
        close(t->wake_service);
    dli_tls_free(t->tls);
    dli_free(t->arrivals);
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
    t->lost_after_ms = o->lost_after_ms < INT32_MAX ? o->lost_after_ms : INT32_MAX; /* 24 days: sums in nanoseconds stay in range */
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

/* At the first of the addresses where that is possible. */
static dl4c_status listen_at(struct dli_tcp *t, const struct dli_address *at, int32_t n, struct dl4c_error *err)
{
    struct dl4c_error e = DL4C_ERROR_INIT;
    for (int32_t i = 0; i < n; i++) {
        const dl4c_status status = dli_address_listen(&at[i], &t->listener, &e);
        t->address = at[i];
        if (status == DL4C_OK || status == DL4C_E_EXISTS)
            n = 0;
    }
    if (t->listener < 0 && err)
        *err = e;
    return t->listener < 0 ? e.status : DL4C_OK;
}

static dl4c_status gather(const struct dli_wait *w, const struct dli_address *at, int32_t n, int32_t size, struct dl4c_error *err)
{
    struct dli_tcp *t = w->t;
    t->id = t->next_id++;
    DLI_TRY(listen_at(t, at, n, err));
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
        status = dli_tcp_wait(w, -1, 0, "members", err);
        if (status == DL4C_E_TIMEOUT)
            return dli_fail(err, status, "tcp", "%s: %" PRId32 " of the %" PRId32 " others came in time", t->url, there - 1, size - 1);
        DLI_TRY(status);
    }
}

/* Of a member that is no driver: until the driver's plan is there. */
static dl4c_status follow(const struct dli_wait *w, struct dl4c_error *err)
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
        DLI_TRY(dli_tcp_wait(w, -1, 0, "the driver to form the group", err));
    }
}

static dl4c_status join(dl4c_context *ctx, const struct dl4c_group_options *o, bool plain, void **group, struct dl4c_error *err)
{
    struct dli_place place;
    struct dli_address at[TCP_ADDRESSES];
    struct dli_tcp *t = NULL;
    int32_t n = 0;
    DLI_TRY(dli_place_parse(o->url, &place, err));
    if (!o->driver && strcmp(place.host, "*") == 0)
        return dli_fail(err, DL4C_E_INVALID, "tcp", "\"%.150s\" is where a driver listens, and no host to connect to", o->url);
    DLI_TRY(create(ctx, o, plain, &t, err));
    memcpy(t->host, place.host, sizeof t->host);
    const struct dli_wait w = { .t = t, .until_ns = dli_moment(o->timeout_ms), .cancel = o->cancel };
    dl4c_status status = dli_tcp_locate(&w, &place, at, &n, err);
    if (status == DL4C_OK && o->driver) {
        status = gather(&w, at, n, o->size, err);
    } else if (status == DL4C_OK) {
        status = dli_tcp_find_driver(&w, at, n, err);
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
    const int64_t until = dli_moment(timeout_ms);
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
    const struct dli_wait w = { .t = t, .until_ns = dli_moment(o->timeout_ms) };
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
        const struct dli_wait links = { .t = t, .until_ns = dli_moment(longer) };
        if (plan)
            return stand(&links, plan, PLAN_HEAD + (size_t)there * PLAN_MEMBER, err);
        if (late)
            return dli_fail(err, DL4C_E_PEER, "tcp", "%" PRId32 " others of the group at %s are left, %" PRId32 " are wanted", there - 1,
                            t->url, o->min_size - 1);
        status = dli_tcp_wait(&w, -1, 0, "survivors", err);
        if (status != DL4C_OK && status != DL4C_E_TIMEOUT)
            return status;
    }
}

static dl4c_status regroup_member(struct dli_tcp *t, const struct dl4c_regroup_options *o, struct dl4c_error *err)
{
    const struct dli_wait w = { .t = t, .until_ns = dli_moment(o->timeout_ms) };
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
