/* SPDX-License-Identifier: Apache-2.0 */
/* The transport "threads": members are threads of one context, which meet under a name. A message is copied once, by its receiver, out of
 * the sender's memory. Members see each other's memory. */
#include "base/deadline.h"
#include "transport/transport.h"

#include <string.h>

enum { SLOT_EMPTY, SLOT_POSTED, SLOT_TAKING, SLOT_TAKEN };

/* A message on its way: the sender posts it, the receiver takes it, the sender empties the slot. */
struct slot {
    const void *bytes;
    size_t size;
    int32_t state; /* SLOT_* */
};

struct member {
    struct room *room;
    uint64_t id;
    struct generation *gen; /* NULL: waits for one */
    int32_t rank;
    bool driver, ready; /* ready: has come to regroup */
    bool left_behind;   /* the next generation was formed without it */
    bool inside;        /* has been given what the others share, and has not come to the barrier since */
    pthread_cond_t news;
    _Atomic uint32_t told; /* grows with each news: looked at for a moment before sleeping */
    _Atomic int32_t cancelled;
    struct member *next; /* of the room */
};

struct generation {
    uint64_t number;
    int32_t size, refs;      /* refs: of members */
    int32_t lost;            /* the rank that was lost first; -1: none */
    bool over;               /* somebody regroups */
    int32_t came;            /* to the barrier */
    uint64_t barriers;       /* passed */
    struct member **members; /* [size]; NULL: left */
    uint64_t *ids;           /* [size] */
    struct slot *slots;      /* [from * size + to] */
    void **shared;           /* [size] */
    int32_t inside;          /* members that may look at it */
};

struct room {
    struct hub *hub;
    char *name;
    pthread_mutex_t lock;
    int32_t refs; /* members; under the hub's lock */
    uint64_t next_id, generations;
    struct member *members, *driver;
    _Atomic bool closed; /* its driver left: nobody can come any more */
    struct room *next;
};

struct hub {
    dl4c_context *ctx; /* which the hub lives in */
    pthread_mutex_t lock;
    struct room *rooms;
};

dl4c_status dli_threads_hub(dl4c_context *ctx, void **hub, struct dl4c_error *err)
{
    struct hub *h = dli_calloc(ctx, 1, sizeof *h, err);
    if (!h)
        return dli_alloc_status();
    h->ctx = ctx;
    pthread_mutex_init(&h->lock, NULL);
    *hub = h;
    return DL4C_OK;
}

void dli_threads_release(void *hub)
{
    struct hub *h = hub;
    pthread_mutex_destroy(&h->lock);
    dli_free(h);
}

/* ---- waiting; all under the room's lock ---- */

static void tell(struct member *m)
{
    atomic_fetch_add_explicit(&m->told, 1, memory_order_release);
    pthread_cond_signal(&m->news);
}

static void tell_all(struct room *r)
{
    for (struct member *m = r->members; m; m = m->next)
        tell(m);
}

/* Until somebody tells this member something, or 20 ms pass: whoever waits looks at its own deadline and flags again. */
static void wait_for_news(struct member *m)
{
    const uint32_t seen = atomic_load_explicit(&m->told, memory_order_acquire);
    pthread_mutex_unlock(&m->room->lock);
    for (int spin = 0; spin < 1000 && atomic_load_explicit(&m->told, memory_order_acquire) == seen; spin++) {
#if defined(__x86_64__) || defined(__i386__)
        __builtin_ia32_pause();
#endif
    }
    pthread_mutex_lock(&m->room->lock);
    if (atomic_load_explicit(&m->told, memory_order_acquire) != seen)
        return;
    dli_cond_wait_until(&m->news, &m->room->lock, dli_moment(20));
}

static dl4c_status standing(const struct member *m, struct dl4c_error *err)
{
    if (atomic_load_explicit(&m->cancelled, memory_order_acquire))
        return dli_fail(err, DL4C_E_CANCELLED, "threads", "rank %" PRId32 " of group \"%.100s\" was cancelled", m->rank, m->room->name);
    if (m->gen && m->gen->lost >= 0)
        return dli_fail(err, DL4C_E_PEER, "threads", "rank %" PRId32 " left group \"%.100s\"", m->gen->lost, m->room->name);
    if (!m->gen || m->gen->over)
        return dli_fail(err, DL4C_E_PEER, "threads", "generation %" PRIu64 " of group \"%.100s\" is over: its members regroup",
                        m->gen ? m->gen->number : 0, m->room->name);
    return DL4C_OK;
}

static dl4c_status in_time(const struct member *m, int64_t until_ns, const char *for_what, int32_t peer, struct dl4c_error *err)
{
    if (dli_now_ns() < until_ns)
        return DL4C_OK;
    if (peer < 0)
        return dli_fail(err, DL4C_E_TIMEOUT, "threads", "group \"%.100s\": the deadline passed %s", m->room->name, for_what);
    return dli_fail(err, DL4C_E_TIMEOUT, "threads", "group \"%.100s\": the deadline passed %s rank %" PRId32, m->room->name, for_what,
                    peer);
}

/* ---- generations ---- */

static void generation_unref(struct generation *g)
{
    if (!g || --g->refs > 0)
        return;
    dli_free(g->members);
    dli_free(g->ids);
    dli_free(g->slots);
    dli_free(g->shared);
    dli_free(g);
}

static struct generation *generation_create(struct room *r, int32_t size, struct dl4c_error *err)
{
    dl4c_context *ctx = r->hub->ctx;
    struct generation *g = dli_calloc(ctx, 1, sizeof *g, err);
    size_t pairs;
    if (!g)
        return NULL;
    g->size = size;
    g->lost = -1;
    g->refs = 1;
    if (dli_mul_size((size_t)size, (size_t)size, &pairs) && (g->members = dli_calloc(ctx, (size_t)size, sizeof *g->members, err))
        && (g->ids = dli_calloc(ctx, (size_t)size, sizeof *g->ids, err)) && (g->slots = dli_calloc(ctx, pairs, sizeof *g->slots, err))
        && (g->shared = dli_calloc(ctx, (size_t)size, sizeof *g->shared, err))) {
        g->number = ++r->generations;
        return g;
    }
    generation_unref(g);
    return NULL;
}

static void enter(struct generation *g, struct member *m, int32_t rank)
{
    generation_unref(m->gen);
    m->gen = g;
    m->rank = rank;
    m->ready = false;
    g->refs++;
    g->members[rank] = m;
    g->ids[rank] = m->id;
    tell(m);
}

static int32_t count_waiting(const struct room *r)
{
    int32_t n = 0;
    for (const struct member *m = r->members; m; m = m->next)
        n += !m->gen;
    return n;
}

/* The member with the smallest number that still waits. */
static struct member *first_waiting(const struct room *r)
{
    struct member *first = NULL;
    for (struct member *m = r->members; m; m = m->next)
        if (!m->gen && (!first || m->id < first->id))
            first = m;
    return first;
}

/* Survivors of `old` that are ready, in its order, then newcomers. */
static dl4c_status form(struct room *r, struct generation *old, int32_t size, int32_t newcomers, struct dl4c_error *err)
{
    struct generation *g = generation_create(r, size, err);
    int32_t rank = 0;
    if (!g)
        return dli_alloc_status();
    if (old)
        old->refs++; /* members give theirs back one by one */
    else
        enter(g, r->driver, rank++);
    for (int32_t i = 0; old && i < old->size; i++) {
        struct member *m = old->members[i];
        if (m && m->ready)
            enter(g, m, rank++);
        else if (m)
            m->left_behind = true, tell(m);
    }
    for (int32_t i = 0; i < newcomers && rank < size; i++)
        enter(g, first_waiting(r), rank++);
    generation_unref(old);
    generation_unref(g); /* the members hold it now */
    return DL4C_OK;
}

/* Done with the memory of the others. */
static void step_out(struct member *m)
{
    if (!m->inside)
        return;
    m->inside = false;
    if (--m->gen->inside == 0)
        tell_all(m->room);
}

/* ---- coming and going ---- */

static void room_free(struct room *r)
{
    pthread_mutex_destroy(&r->lock);
    dli_free(r->name);
    dli_free(r);
}

/* The room of a name, made where there is none; one more member is to be in it. */
static struct room *room_enter(struct hub *h, const char *name, struct dl4c_error *err)
{
    pthread_mutex_lock(&h->lock);
    struct room *r = h->rooms;
    while (r && (r->closed || strcmp(r->name, name) != 0))
        r = r->next;
    if (!r && (r = dli_calloc(h->ctx, 1, sizeof *r, err))) {
        r->name = dli_strdup(h->ctx, name, err);
        if (!r->name) {
            dli_free(r);
            r = NULL;
        } else {
            r->hub = h;
            pthread_mutex_init(&r->lock, NULL);
            r->next = h->rooms;
            h->rooms = r;
        }
    }
    if (r)
        r->refs++;
    pthread_mutex_unlock(&h->lock);
    return r;
}

static void room_leave(struct room *r)
{
    struct hub *h = r->hub;
    pthread_mutex_lock(&h->lock);
    const bool last = --r->refs == 0;
    for (struct room **at = &h->rooms; last && *at; at = &(*at)->next)
        if (*at == r) {
            *at = r->next;
            break;
        }
    pthread_mutex_unlock(&h->lock);
    if (last)
        room_free(r);
}

static void member_free(struct member *m)
{
    pthread_cond_destroy(&m->news);
    dli_free(m);
}

static struct member *member_create(struct room *r, struct dl4c_error *err)
{
    struct member *m = dli_calloc(r->hub->ctx, 1, sizeof *m, err);
    if (!m)
        return NULL;
    dli_cond_init(&m->news);
    m->room = r;
    return m;
}

/* Out of the room's list; its generation has lost it. */
static void take_out(struct member *m)
{
    struct room *r = m->room;
    for (struct member **at = &r->members; *at; at = &(*at)->next)
        if (*at == m) {
            *at = m->next;
            break;
        }
    step_out(m);
    if (m->gen && m->gen->members[m->rank] == m) {
        m->gen->members[m->rank] = NULL;
        if (m->gen->lost < 0 && !m->left_behind)
            m->gen->lost = m->rank;
    }
    if (r->driver == m) {
        r->driver = NULL;
        r->closed = true;
    }
    generation_unref(m->gen);
    m->gen = NULL;
    tell_all(r);
}

static dl4c_status wait_for_all(struct member *m, const struct dl4c_group_options *o, struct dl4c_error *err)
{
    struct room *r = m->room;
    const int64_t until = dli_moment(o->timeout_ms);
    while (!m->gen) {
        if (o->driver && count_waiting(r) >= o->size)
            return form(r, NULL, o->size, o->size - 1, err);
        if (r->closed)
            return dli_fail(err, DL4C_E_PEER, "threads", "the driver of group \"%.100s\" left", r->name);
        if ((o->cancel && __atomic_load_n(o->cancel, __ATOMIC_RELAXED)))
            return dli_fail(err, DL4C_E_CANCELLED, "threads", "joining group \"%.100s\" was cancelled", r->name);
        if (dli_now_ns() >= until && !o->driver)
            return dli_fail(err, DL4C_E_TIMEOUT, "threads", "nobody gathered group \"%.100s\" in %" PRId64 " ms", r->name, o->timeout_ms);
        if (dli_now_ns() >= until)
            return dli_fail(err, DL4C_E_TIMEOUT, "threads",
                            "group \"%.100s\": %" PRId32 " of the %" PRId32 " others came in %" PRId64 " ms", r->name,
                            count_waiting(r) - 1, o->size - 1, o->timeout_ms);
        wait_for_news(m);
    }
    return DL4C_OK;
}

static dl4c_status join(void *user, const struct dl4c_group_options *o, void **group, struct dl4c_error *err)
{
    const char *name = strchr(o->url, ':');
    if (!name || !name[1])
        return dli_fail(err, DL4C_E_INVALID, "threads", "\"%.200s\" names no group, wanted \"threads:NAME\"", o->url);
    struct room *r = room_enter(user, name + 1, err);
    if (!r)
        return dli_alloc_status();
    struct member *m = member_create(r, err);
    if (!m) {
        const dl4c_status status = dli_alloc_status();
        room_leave(r);
        return status;
    }
    dl4c_status status = DL4C_OK;
    pthread_mutex_lock(&r->lock);
    if (o->driver && r->driver) {
        status = dli_fail(err, DL4C_E_EXISTS, "threads", "group \"%.100s\" has a driver already", r->name);
    } else {
        m->id = r->next_id++;
        m->next = r->members;
        r->members = m;
        if (o->driver)
            r->driver = m;
        if (r->driver)
            tell(r->driver);
        status = wait_for_all(m, o, err);
        if (status != DL4C_OK)
            take_out(m);
    }
    pthread_mutex_unlock(&r->lock);
    if (status != DL4C_OK) {
        member_free(m);
        room_leave(r);
        return status;
    }
    *group = m;
    return DL4C_OK;
}

static void leave(void *group, int64_t timeout_ms)
{
    struct member *m = group;
    struct room *r = m->room;
    (void)timeout_ms;
    pthread_mutex_lock(&r->lock);
    take_out(m);
    pthread_mutex_unlock(&r->lock);
    member_free(m);
    room_leave(r);
}

static void members(void *group, struct dl4c_members *out)
{
    struct member *m = group;
    pthread_mutex_lock(&m->room->lock);
    out->generation = m->gen->number;
    out->rank = m->rank;
    out->size = m->gen->size;
    out->waiting = m->rank == 0 ? count_waiting(m->room) : 0;
    out->ids = m->gen->ids;
    pthread_mutex_unlock(&m->room->lock);
}

/* How many survivors of the generation that ends are there, and have come. */
static int32_t count_ready(const struct generation *g, bool *all)
{
    int32_t n = 0;
    *all = true;
    for (int32_t i = 0; i < g->size; i++) {
        n += g->members[i] && g->members[i]->ready;
        *all = *all && (!g->members[i] || g->members[i]->ready);
    }
    return n;
}

static dl4c_status regroup_driver(struct member *m, const struct dl4c_regroup_options *o, struct dl4c_error *err)
{
    struct room *r = m->room;
    struct generation *old = m->gen;
    const int64_t until = dli_moment(o->timeout_ms);
    for (int32_t i = 0; i < o->n_exclude; i++) {
        struct member *out = old->members[o->exclude[i]];
        old->members[o->exclude[i]] = NULL;
        if (out)
            out->left_behind = true, tell(out);
    }
    for (;;) {
        bool all;
        const int32_t ready = count_ready(old, &all), waiting = count_waiting(r);
        const bool late = dli_now_ns() >= until;
        if ((all || late) && ready + waiting >= o->min_size)
            return form(r, old, ready + waiting, waiting, err);
        if (late)
            return dli_fail(err, DL4C_E_PEER, "threads", "%" PRId32 " others of group \"%.100s\" are left, %" PRId32 " are wanted",
                            ready + waiting - 1, r->name, o->min_size - 1);
        if (atomic_load_explicit(&m->cancelled, memory_order_acquire))
            return standing(m, err);
        wait_for_news(m);
    }
}

static dl4c_status regroup(void *group, const struct dl4c_regroup_options *o, struct dl4c_error *err)
{
    struct member *m = group;
    struct room *r = m->room;
    struct generation *old = m->gen;
    const int64_t until = dli_moment(o->timeout_ms);
    dl4c_status status = DL4C_OK;
    pthread_mutex_lock(&r->lock);
    old->over = true;
    m->ready = true;
    tell_all(r);
    if (m->rank == 0)
        status = regroup_driver(m, o, err);
    while (status == DL4C_OK && m->gen == old) {
        if (m->left_behind || r->closed)
            status = dli_fail(err, DL4C_E_PEER, "threads", m->left_behind ? "group \"%.100s\" went on without this member"
                                                                          : "the driver of group \"%.100s\" left", r->name);
        else if (atomic_load_explicit(&m->cancelled, memory_order_acquire))
            status = standing(m, err);
        else
            status = in_time(m, until, "before the driver regrouped", -1, err);
        if (status == DL4C_OK)
            wait_for_news(m);
    }
    if (status != DL4C_OK)
        m->ready = false;
    pthread_mutex_unlock(&r->lock);
    return status;
}

static void cancel(void *group)
{
    struct member *m = group;
    pthread_mutex_lock(&m->room->lock);
    atomic_store_explicit(&m->cancelled, 1, memory_order_release);
    tell(m);
    pthread_mutex_unlock(&m->room->lock);
}

/* ---- messages ---- */

static struct slot *slot_of(struct member *m, int32_t from, int32_t to) { return &m->gen->slots[(int64_t)from * m->gen->size + to]; }

static void post(struct member *m, int32_t peer, const void *bytes, size_t size)
{
    struct slot *s = slot_of(m, m->rank, peer);
    *s = (struct slot){ bytes, size, SLOT_POSTED };
    if (m->gen->members[peer])
        tell(m->gen->members[peer]);
}

/* Takes a posted message; the lock is open while it is copied. */
static dl4c_status take(struct member *m, int32_t peer, void *room, size_t size, struct dl4c_error *err)
{
    struct slot *s = slot_of(m, peer, m->rank);
    struct generation *g = m->gen;
    dl4c_status status = DL4C_OK;
    if (s->size != size) {
        status = dli_fail(err, DL4C_E_CORRUPT, "threads", "rank %" PRId32 " sent %zu bytes, %zu are wanted", peer, s->size, size);
    } else {
        s->state = SLOT_TAKING;
        pthread_mutex_unlock(&m->room->lock);
        if (size > 0)
            memcpy(room, s->bytes, size);
        pthread_mutex_lock(&m->room->lock);
    }
    s->state = SLOT_TAKEN;
    if (g->members[peer])
        tell(g->members[peer]);
    return status;
}

/* The sender's end of a message: true when its memory is free again. Else it is withdrawn where nobody is reading it. */
static bool take_back(struct member *m, int32_t peer)
{
    struct slot *s = slot_of(m, m->rank, peer);
    if (s->state == SLOT_TAKING)
        return false;
    s->state = SLOT_EMPTY;
    return true;
}

struct exchange {
    const struct dl4c_message *t;
    int32_t n;
    uint8_t *done; /* [n] */
    void (*arrived)(void *arg, int32_t transfer);
    void *arg;
};

/* Is there an earlier transfer of the same direction with the same peer that is not done? */
static bool queued(const struct exchange *x, int32_t i)
{
    for (int32_t j = 0; j < i; j++)
        if (x->t[j].peer == x->t[i].peer && !x->t[j].bytes == !x->t[i].bytes && x->done[j] != 1)
            return true;
    return false;
}

/* Does what can be done now for one transfer. States of done: 0, 1 = done, 2 = posted. */
static dl4c_status advance(struct member *m, struct exchange *x, int32_t i, bool *moved, struct dl4c_error *err)
{
    const struct dl4c_message *t = &x->t[i];
    if (x->done[i] == 1 || (x->done[i] == 0 && queued(x, i)))
        return DL4C_OK;
    if (t->room && slot_of(m, t->peer, m->rank)->state == SLOT_POSTED) {
        DLI_TRY(take(m, t->peer, t->room, t->size, err));
        x->done[i] = 1;
    } else if (t->bytes && x->done[i] == 0) {
        post(m, t->peer, t->bytes, t->size);
        x->done[i] = 2;
    } else if (t->bytes && slot_of(m, m->rank, t->peer)->state == SLOT_TAKEN) {
        slot_of(m, m->rank, t->peer)->state = SLOT_EMPTY;
        x->done[i] = 1;
    } else {
        return DL4C_OK;
    }
    *moved = true;
    if (x->done[i] == 1 && x->arrived) {
        pthread_mutex_unlock(&m->room->lock);
        x->arrived(x->arg, i);
        pthread_mutex_lock(&m->room->lock);
    }
    return DL4C_OK;
}

static dl4c_status exchange(struct member *m, struct exchange *x, int64_t timeout_ms, struct dl4c_error *err)
{
    const int64_t until = dli_moment(timeout_ms);
    int32_t peer = -1;
    pthread_mutex_lock(&m->room->lock);
    struct generation *g = m->gen;
    dl4c_status status = standing(m, err);
    while (status == DL4C_OK) {
        bool moved = false;
        int32_t open = 0;
        for (int32_t i = 0; i < x->n && status == DL4C_OK; i++) {
            status = advance(m, x, i, &moved, err);
            if (x->done[i] != 1) {
                open++;
                peer = x->t[i].peer;
            }
        }
        if (status != DL4C_OK || open == 0) /* what was taken counts, although whoever took it is gone by now */
            break;
        status = standing(m, err);
        if (status == DL4C_OK && !moved)
            status = in_time(m, until, "waiting for", peer, err);
        if (status == DL4C_OK && !moved)
            wait_for_news(m);
    }
    for (int32_t i = 0; i < x->n && m->gen == g; i++) /* after a failure: nobody may read our memory any more */
        while (x->done[i] == 2 && !take_back(m, x->t[i].peer))
            wait_for_news(m);
    pthread_mutex_unlock(&m->room->lock);
    return status;
}

static dl4c_status sendrecv(void *group, const struct dl4c_message *transfers, int32_t n, void (*arrived)(void *arg, int32_t transfer),
                            void *arg, int64_t timeout_ms, struct dl4c_error *err)
{
    struct member *m = group;
    uint8_t few[64] = { 0 }, *done = few;
    if (n > 64 && !(done = dli_calloc(m->room->hub->ctx, (size_t)n, 1, err)))
        return dli_alloc_status();
    struct exchange x = { transfers, n, done, arrived, arg };
    const dl4c_status status = exchange(m, &x, timeout_ms, err);
    if (done != few)
        dli_free(done);
    return status;
}

static dl4c_status send(void *group, int32_t peer, const void *bytes, size_t size, int64_t timeout_ms, struct dl4c_error *err)
{
    const struct dl4c_message t = { peer, 0, bytes ? bytes : "", NULL, size };
    return sendrecv(group, &t, 1, NULL, NULL, timeout_ms, err);
}

static dl4c_status recv(void *group, int32_t peer, void *room, size_t size, int64_t timeout_ms, struct dl4c_error *err)
{
    char nothing;
    const struct dl4c_message t = { peer, 0, NULL, room ? room : &nothing, size };
    return sendrecv(group, &t, 1, NULL, NULL, timeout_ms, err);
}

/* ---- all at once ---- */

/* Under the lock. shares: whoever passes looks at the memory of the others. */
static dl4c_status meet(struct member *m, bool shares, int64_t until_ns, struct dl4c_error *err)
{
    struct generation *g = m->gen;
    DLI_TRY(standing(m, err));
    const uint64_t round = g->barriers;
    if (++g->came == g->size) {
        g->came = 0;
        g->barriers++;
        for (int32_t i = 0; i < g->size; i++)
            if (g->members[i]) {
                g->members[i]->inside = shares;
                g->inside += shares;
                tell(g->members[i]);
            }
        return DL4C_OK;
    }
    while (g->barriers == round) {
        dl4c_status status = standing(m, err);
        if (status == DL4C_OK)
            status = in_time(m, until_ns, "waiting for all members", -1, err);
        if (status != DL4C_OK) {
            g->came--;
            return status;
        }
        wait_for_news(m);
    }
    return DL4C_OK;
}

static dl4c_status barrier(void *group, int64_t timeout_ms, struct dl4c_error *err)
{
    struct member *m = group;
    const int64_t until = dli_moment(timeout_ms);
    pthread_mutex_lock(&m->room->lock);
    step_out(m);
    const dl4c_status status = meet(m, false, until, err);
    while (m->gen->inside > 0) /* after a failure: this member's memory is its own again when nobody looks at it any more */
        wait_for_news(m);
    pthread_mutex_unlock(&m->room->lock);
    return status;
}

static dl4c_status share(void *group, void *mine, void **theirs, int64_t timeout_ms, struct dl4c_error *err)
{
    struct member *m = group;
    const int64_t until = dli_moment(timeout_ms);
    pthread_mutex_lock(&m->room->lock);
    m->gen->shared[m->rank] = mine;
    const dl4c_status status = meet(m, true, until, err);
    if (status == DL4C_OK)
        memcpy(theirs, m->gen->shared, (size_t)m->gen->size * sizeof *theirs);
    pthread_mutex_unlock(&m->room->lock);
    return status;
}

const struct dl4c_transport_ops dli_transport_threads = {
    .struct_size = sizeof(struct dl4c_transport_ops),
    .name = "threads",
    .join = join,
    .leave = leave,
    .members = members,
    .send = send,
    .recv = recv,
    .regroup = regroup,
    .sendrecv = sendrecv,
    .barrier = barrier,
    .cancel = cancel,
    .share = share,
};
