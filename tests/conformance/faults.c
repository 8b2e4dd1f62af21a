/* SPDX-License-Identifier: Apache-2.0 */
/* A transport that stacks on any other and makes it fail on purpose. A message is one of the transport below, 24 bytes longer: its number,
 * its size, a checksum. */
#define _POSIX_C_SOURCE 200809L
#include "conformance/faults.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { HEAD = 24 };

struct link {
    uint64_t sent, received; /* messages of this generation */
};

struct member {
    struct faults_plan *plan;
    dl4c_group *below;
    struct dl4c_members who;
    struct link *links; /* [who.size] */
    uint64_t calls, messages;
    int off, broken; /* cut; something wrong came in this generation */
    int32_t cancelled; /* atomic */
};

struct wrapper {
    dl4c_context *ctx; /* which the registry lives in */
    struct faults_plan *plan;
};

static int64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int64_t left_ms(int64_t until)
{
    const int64_t left = until - now_ms();
    return left > 0 ? left : 1;
}

__attribute__((format(printf, 3, 4))) static dl4c_status fail(struct dl4c_error *err, dl4c_status status, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    err->status = status;
    snprintf(err->origin, sizeof err->origin, "faults");
    vsnprintf(err->message, sizeof err->message, fmt, ap);
    va_end(ap);
    return status;
}

static uint64_t mix(uint64_t x) /* splitmix64 */
{
    x += 0x9e3779b97f4a7c15u;
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
    x = (x ^ x >> 27) * 0x94d049bb133111ebu;
    return x ^ x >> 31;
}

static uint64_t checksum(const uint8_t *bytes, size_t n)
{
    uint64_t h = 0xcbf29ce484222325u;
    for (; n >= 8; n -= 8, bytes += 8) {
        uint64_t word;
        memcpy(&word, bytes, 8);
        h = (h ^ word) * 0x100000001b3u;
        h ^= h >> 29;
    }
    for (; n > 0; n--)
        h = (h ^ *bytes++) * 0x100000001b3u;
    return h;
}

/* What the number-th message or call of this member meets, or NULL. */
static const struct faults_fault *meets(struct member *m, int kind, uint64_t number)
{
    struct faults_plan *p = m->plan;
    for (int i = 0; i < p->n; i++) {
        const struct faults_fault *f = &p->faults[i];
        if (f->kind != kind || (f->rank >= 0 && f->rank != m->who.rank))
            continue;
        const uint64_t draw = mix(mix(mix(p->seed + (uint64_t)i) + (uint64_t)m->who.rank) + number) % 1000;
        if (f->at > 0 ? (uint64_t)f->at != number : draw >= (uint64_t)f->per_mille)
            continue;
        __atomic_fetch_add(&p->met[kind], 1, __ATOMIC_RELAXED);
        return f;
    }
    return NULL;
}

/* A fresh generation. */
static dl4c_status look_again(struct member *m, struct dl4c_error *err)
{
    m->who = (struct dl4c_members)DL4C_MEMBERS_INIT;
    const dl4c_status status = dl4c_group_members(m->below, &m->who, err);
    if (status != DL4C_OK)
        return status;
    struct link *links = calloc((size_t)m->who.size, sizeof *links);
    if (!links)
        return fail(err, DL4C_E_NOMEM, "no memory for %" PRId32 " links", m->who.size);
    free(m->links);
    m->links = links;
    m->broken = 0;
    return DL4C_OK;
}

static const char *below_of(const char *url)
{
    const char *below = strchr(url, ':');
    return below ? below + 1 : "";
}

static dl4c_status join(void *user, const struct dl4c_group_options *options, void **group, struct dl4c_error *err)
{
    const struct wrapper *w = user;
    struct dl4c_group_options o = *options;
    struct member *m = calloc(1, sizeof *m);
    *group = NULL;
    if (!m)
        return fail(err, DL4C_E_NOMEM, "no memory for a member");
    m->plan = w->plan;
    o.url = below_of(options->url);
    dl4c_status status = dl4c_group_join(w->ctx, &o, &m->below, err);
    if (status == DL4C_OK)
        status = look_again(m, err);
    if (status != DL4C_OK) {
        dl4c_group_leave(&m->below, 0);
        free(m);
        return status;
    }
    *group = m;
    return DL4C_OK;
}

static void leave(void *group, int64_t timeout_ms)
{
    struct member *m = group;
    dl4c_group_leave(&m->below, timeout_ms);
    free(m->links);
    free(m);
}

static void members(void *group, struct dl4c_members *out)
{
    struct member *m = group;
    const size_t size = out->struct_size;
    if (m->below) {
        struct dl4c_members now = DL4C_MEMBERS_INIT;
        struct dl4c_error err = DL4C_ERROR_INIT;
        if (dl4c_group_members(m->below, &now, &err) == DL4C_OK)
            m->who.waiting = now.waiting;
    }
    *out = m->who;
    out->struct_size = size;
    if (!m->below)
        out->ids = NULL; /* went with the group */
}

/* Faults of a call as a whole; the call that is left takes until *until. */
static dl4c_status begin(struct member *m, int64_t until, struct dl4c_error *err)
{
    const uint64_t number = ++m->calls;
    const struct faults_fault *f;
    if (!m->off && meets(m, FAULTS_CUT, number)) {
        m->off = 1;
        dl4c_group_leave(&m->below, 0);
    }
    if (__atomic_load_n(&m->cancelled, __ATOMIC_ACQUIRE))
        return fail(err, DL4C_E_CANCELLED, "rank %" PRId32 " was cancelled", m->who.rank);
    if (m->off)
        return fail(err, DL4C_E_PEER, "rank %" PRId32 " is cut off from all others", m->who.rank);
    if (m->broken)
        return fail(err, DL4C_E_PEER, "generation %" PRIu64 " is over for rank %" PRId32 ", which has seen it broken", m->who.generation,
                    m->who.rank);
    if ((f = meets(m, FAULTS_FAIL, number)))
        return fail(err, f->status, "call %" PRIu64 " of rank %" PRId32 " fails as planned", number, m->who.rank);
    if ((f = meets(m, FAULTS_DELAY, number)))
        for (const int64_t then = now_ms() + f->ms; now_ms() < then;) {
            const struct timespec slice = { 0, 5000000 };
            if (__atomic_load_n(&m->cancelled, __ATOMIC_ACQUIRE))
                return fail(err, DL4C_E_CANCELLED, "rank %" PRId32 " was cancelled", m->who.rank);
            if (now_ms() >= until)
                return fail(err, DL4C_E_TIMEOUT, "the deadline of rank %" PRId32 " passed in a delay of %d ms", m->who.rank, f->ms);
            nanosleep(&slice, NULL);
        }
    return DL4C_OK;
}

/* ---- messages ---- */

/* One transfer of the caller, as it goes below: none, one or two. */
struct parcel {
    uint8_t *bytes; /* [HEAD + size] */
    int copies;
};

static int pack(struct member *m, const struct dl4c_message *t, struct parcel *p)
{
    struct link *l = &m->links[t->peer];
    const uint64_t number = ++m->messages;
    const uint64_t head[3] = { l->sent, (uint64_t)t->size, checksum(t->bytes, t->size) ^ mix(l->sent) };
    p->bytes = malloc(HEAD + t->size);
    if (!p->bytes)
        return 0;
    memcpy(p->bytes, head, HEAD);
    if (t->size > 0)
        memcpy(p->bytes + HEAD, t->bytes, t->size);
    l->sent++;
    p->copies = meets(m, FAULTS_DROP, number) ? 0 : meets(m, FAULTS_DUPLICATE, number) ? 2 : 1;
    if (meets(m, FAULTS_FLIP, number)) {
        const uint64_t bit = mix(m->plan->seed + number) % ((HEAD + t->size) * 8);
        p->bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    return 1;
}

static dl4c_status unpack(struct member *m, const struct dl4c_message *t, const uint8_t *bytes, struct dl4c_error *err)
{
    struct link *l = &m->links[t->peer];
    uint64_t head[3];
    memcpy(head, bytes, HEAD);
    const int whole = head[1] == t->size && head[2] == (checksum(bytes + HEAD, t->size) ^ mix(head[0]));
    if (!whole || head[0] != l->received) {
        m->broken = 1;
        return whole ? fail(err, DL4C_E_CORRUPT, "message %" PRIu64 " of rank %" PRId32 " arrived where %" PRIu64 " was due", head[0],
                            t->peer, l->received)
                     : fail(err, DL4C_E_CORRUPT, "a message of rank %" PRId32 " does not match its checksum", t->peer);
    }
    l->received++;
    if (t->size > 0)
        memcpy(t->room, bytes + HEAD, t->size);
    return DL4C_OK;
}

static dl4c_status exchange(struct member *m, const struct dl4c_message *t, int32_t n, struct parcel *parcels, struct dl4c_message *below,
                            int64_t until, struct dl4c_error *err)
{
    int32_t k = 0;
    for (int32_t i = 0; i < n; i++) {
        parcels[i].copies = 1;
        if (t[i].bytes ? !pack(m, &t[i], &parcels[i]) : !(parcels[i].bytes = malloc(HEAD + t[i].size))) {
            m->broken = 1; /* numbers have been given away */
            return fail(err, DL4C_E_NOMEM, "no memory for a message of %zu bytes", t[i].size);
        }
        for (int c = 0; c < parcels[i].copies; c++)
            below[k++] = (struct dl4c_message){ .peer = t[i].peer, .bytes = t[i].bytes ? parcels[i].bytes : NULL,
                                                .room = t[i].bytes ? NULL : parcels[i].bytes, .size = HEAD + t[i].size };
    }
    dl4c_status status = DL4C_OK;
    if (k == 1 && below[0].bytes)
        status = dl4c_group_send(m->below, below[0].peer, below[0].bytes, below[0].size, left_ms(until), err);
    else if (k == 1)
        status = dl4c_group_recv(m->below, below[0].peer, below[0].room, below[0].size, left_ms(until), err);
    else if (k > 1)
        status = dl4c_group_sendrecv(m->below, below, k, left_ms(until), err);
    if (status != DL4C_OK) {
        m->broken = m->broken || n > 1 || t[0].bytes || status != DL4C_E_TIMEOUT; /* of what was sent nobody knows what arrived */
        return status;
    }
    for (int32_t i = 0; i < n && status == DL4C_OK; i++)
        if (t[i].room)
            status = unpack(m, &t[i], parcels[i].bytes, err);
    return status;
}

static dl4c_status sendrecv(void *group, const struct dl4c_message *t, int32_t n, void (*arrived)(void *arg, int32_t transfer), void *arg,
                            int64_t timeout_ms, struct dl4c_error *err)
{
    struct member *m = group;
    const int64_t now = now_ms(), until = timeout_ms < INT64_MAX - now ? now + timeout_ms : INT64_MAX;
    const size_t room = n > 0 ? (size_t)n : 1;
    struct parcel *parcels = calloc(room, sizeof *parcels);
    struct dl4c_message *below = calloc(2 * room, sizeof *below);
    dl4c_status status = parcels && below ? begin(m, until, err) : fail(err, DL4C_E_NOMEM, "no memory for %" PRId32 " messages", n);
    if (status == DL4C_OK)
        status = exchange(m, t, n, parcels, below, until, err);
    for (int32_t i = 0; parcels && i < n; i++)
        free(parcels[i].bytes);
    free(parcels);
    free(below);
    for (int32_t i = 0; status == DL4C_OK && arrived && i < n; i++)
        arrived(arg, i);
    return status;
}

static dl4c_status send_one(void *group, int32_t peer, const void *bytes, size_t size, int64_t timeout_ms, struct dl4c_error *err)
{
    const struct dl4c_message t = { .peer = peer, .bytes = bytes ? bytes : "", .size = size };
    return sendrecv(group, &t, 1, NULL, NULL, timeout_ms, err);
}

static dl4c_status recv_one(void *group, int32_t peer, void *room, size_t size, int64_t timeout_ms, struct dl4c_error *err)
{
    char nothing;
    const struct dl4c_message t = { .peer = peer, .room = room ? room : &nothing, .size = size };
    return sendrecv(group, &t, 1, NULL, NULL, timeout_ms, err);
}

/* ---- regrouping ---- */

static dl4c_status regroup(void *group, const struct dl4c_regroup_options *options, struct dl4c_error *err)
{
    struct member *m = group;
    struct dl4c_regroup_options o = *options;
    if (m->off)
        return fail(err, DL4C_E_PEER, "rank %" PRId32 " is cut off from all others", m->who.rank);
    if (m->who.rank > 0 && o.timeout_ms > 1)
        o.timeout_ms /= 2; /* the library doubles it once more */
    const dl4c_status status = dl4c_group_regroup(m->below, &o, err);
    return status == DL4C_OK ? look_again(m, err) : status;
}

static void cancel(void *group)
{
    struct member *m = group;
    __atomic_store_n(&m->cancelled, 1, __ATOMIC_RELEASE);
    dl4c_group_cancel(m->below);
}

dl4c_status faults_register(dl4c_context *ctx, struct faults_plan *plan, struct dl4c_error *err)
{
    static const struct dl4c_transport_ops ops = {
        .struct_size = sizeof ops, .name = "faults", .join = join, .leave = leave, .members = members, .send = send_one, .recv = recv_one,
        .regroup = regroup, .sendrecv = sendrecv, .cancel = cancel,
    };
    struct wrapper *w = malloc(sizeof *w);
    if (!w)
        return DL4C_E_NOMEM;
    *w = (struct wrapper){ ctx, plan };
    return dl4c_transport_register(ctx, &ops, w, free, err);
}
