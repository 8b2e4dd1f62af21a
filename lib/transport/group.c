/* SPDX-License-Identifier: Apache-2.0 */
/* A member's end of a group: arguments checked, answers of a transport taken with care, what a transport lacks made of send and recv. */
#include "base/deadline.h"
#include "transport/transport.h"

#include <string.h>

enum { DEFAULT_TIMEOUT_MS = 10000, JOIN_TIMEOUT_MS = 60000, MAX_MEMBERS = 65536 };

/* What a transport answered. Where it failed without a message, one is made of verb. */
static dl4c_status answer(const dl4c_group *g, dl4c_status status, struct dl4c_error *e, const char *verb, struct dl4c_error *err)
{
    if (status == DL4C_OK || !err)
        return status;
    e->origin[sizeof e->origin - 1] = e->message[sizeof e->message - 1] = '\0';
    if (!e->message[0])
        return dli_fail(err, status, g->transport->name, "cannot %s at %.200s: the transport gave %s and no reason", verb, g->url,
                        dl4c_status_name(status));
    *err = *e;
    err->status = status;
    return status;
}

static dl4c_status join_options(const struct dl4c_group_options *in, struct dl4c_group_options *o, struct dl4c_error *err)
{
    DLI_TRY(dli_struct_in(o, sizeof *o, in, "transport", err));
    if (!o->url)
        return dli_fail(err, DL4C_E_INVALID, "transport", "the URL of the group is NULL");
    if (o->driver != 0 && o->driver != 1)
        return dli_fail(err, DL4C_E_INVALID, "transport", "driver is %" PRId32 ", wanted 0 or 1", o->driver);
    if (o->driver && (o->size < 1 || o->size > MAX_MEMBERS))
        return dli_fail(err, DL4C_E_INVALID, "transport", "a driver gathers 1 to %d members, size is %" PRId32, MAX_MEMBERS, o->size);
    if (!o->driver && o->size != 0)
        return dli_fail(err, DL4C_E_INVALID, "transport", "size is %" PRId32 ", but the driver alone says how many there are", o->size);
    if (o->timeout_ms < 0 || o->lost_after_ms < 0)
        return dli_fail(err, DL4C_E_INVALID, "transport", "timeout_ms or lost_after_ms is negative");
    o->timeout_ms = o->timeout_ms ? o->timeout_ms : JOIN_TIMEOUT_MS;
    o->lost_after_ms = o->lost_after_ms ? o->lost_after_ms : DEFAULT_TIMEOUT_MS;
    return DL4C_OK;
}

dl4c_status dl4c_group_join(dl4c_context *ctx, const struct dl4c_group_options *options, dl4c_group **group, struct dl4c_error *err)
{
    if (!group)
        return dli_fail(err, DL4C_E_INVALID, "transport", "the place for the group is NULL");
    *group = NULL;
    ctx = dli_context(ctx, err);
    if (!ctx)
        return DL4C_E_NOMEM;
    struct dl4c_group_options o;
    struct dl4c_error e = DL4C_ERROR_INIT;
    DLI_TRY(join_options(options, &o, err));
    dl4c_group *g = dli_calloc(ctx, 1, sizeof *g, err);
    if (!g)
        return dli_alloc_status();
    dl4c_status status = DL4C_OK;
    if (!(g->url = dli_strdup(ctx, o.url, err)))
        status = dli_alloc_status();
    if (status == DL4C_OK)
        status = dli_transport_find(ctx, g->url, &g->transport, err);
    if (status == DL4C_OK) {
        o.url = g->url;
        status = answer(g, g->transport->ops.join(g->transport->user, &o, &g->group, &e), &e, "join", err);
    }
    if (status != DL4C_OK) {
        dli_free(g->url);
        dli_free(g);
        return status;
    }
    g->ctx = dli_context_ref(ctx, NULL);
    *group = g;
    return DL4C_OK;
}

void dl4c_group_leave(dl4c_group **group, int64_t timeout_ms)
{
    if (!group || !*group)
        return;
    dl4c_group *g = *group;
    dl4c_context *ctx = g->ctx;
    *group = NULL;
    g->transport->ops.leave(g->group, timeout_ms > 0 ? timeout_ms : 0);
    dli_free(g->url);
    dli_free(g);
    dli_context_unref(ctx);
}

static struct dl4c_members members_of(dl4c_group *g)
{
    struct dl4c_members m = DL4C_MEMBERS_INIT;
    g->transport->ops.members(g->group, &m);
    return m;
}

dl4c_status dl4c_group_members(dl4c_group *group, struct dl4c_members *members, struct dl4c_error *err)
{
    if (!group || !members)
        return dli_fail(err, DL4C_E_INVALID, "transport", "%s is NULL", group ? "the place for the members" : "the group");
    const struct dl4c_members m = members_of(group);
    return dli_struct_out(members, &m, sizeof m, "transport", err);
}

static int64_t or_default(int64_t timeout_ms) { return timeout_ms > 0 ? timeout_ms : DEFAULT_TIMEOUT_MS; }

static dl4c_status check_peer(const struct dl4c_members *m, int32_t peer, struct dl4c_error *err)
{
    if (peer < 0 || peer >= m->size || peer == m->rank)
        return dli_fail(err, DL4C_E_INVALID, "transport",
                        "rank %" PRId32 " is no other member of a group of %" PRId32 " (this is rank %" PRId32 ")", peer, m->size, m->rank);
    return DL4C_OK;
}

static dl4c_status check(dl4c_group *g, const void *bytes, size_t size, int64_t timeout_ms, struct dl4c_error *err)
{
    if (!g || (!bytes && size > 0))
        return dli_fail(err, DL4C_E_INVALID, "transport", "the %s is NULL", g ? "message" : "group");
    if (timeout_ms < 0)
        return dli_fail(err, DL4C_E_INVALID, "transport", "timeout_ms is negative");
    return DL4C_OK;
}

static dl4c_status send_to(dl4c_group *g, int32_t peer, const void *bytes, size_t size, int64_t timeout_ms, struct dl4c_error *err)
{
    struct dl4c_error e = DL4C_ERROR_INIT;
    return answer(g, g->transport->ops.send(g->group, peer, bytes, size, timeout_ms, &e), &e, "send", err);
}

static dl4c_status recv_from(dl4c_group *g, int32_t peer, void *room, size_t size, int64_t timeout_ms, struct dl4c_error *err)
{
    struct dl4c_error e = DL4C_ERROR_INIT;
    return answer(g, g->transport->ops.recv(g->group, peer, room, size, timeout_ms, &e), &e, "receive", err);
}

dl4c_status dl4c_group_send(dl4c_group *group, int32_t peer, const void *bytes, size_t size, int64_t timeout_ms, struct dl4c_error *err)
{
    DLI_TRY(check(group, bytes, size, timeout_ms, err));
    const struct dl4c_members m = members_of(group);
    DLI_TRY(check_peer(&m, peer, err));
    return send_to(group, peer, bytes, size, or_default(timeout_ms), err);
}

dl4c_status dl4c_group_recv(dl4c_group *group, int32_t peer, void *room, size_t size, int64_t timeout_ms, struct dl4c_error *err)
{
    DLI_TRY(check(group, room, size, timeout_ms, err));
    const struct dl4c_members m = members_of(group);
    DLI_TRY(check_peer(&m, peer, err));
    return recv_from(group, peer, room, size, or_default(timeout_ms), err);
}

/* The round-th transfer to a peer, or from it; NULL: there are not so many. */
static const struct dl4c_message *pick(const struct dl4c_message *t, int32_t n, int32_t peer, bool sent, int32_t round)
{
    for (int32_t i = 0; i < n; i++)
        if (t[i].peer == peer && (t[i].bytes != NULL) == sent && round-- == 0)
            return &t[i];
    return NULL;
}

/* One transfer after the other. Rounds take the first transfers of all pairs, then the second; in step s of a round ranks i and j with
 * i + j = s (mod size) meet, the lower sends first. All members take pairs in this order, so that nobody waits in a circle. */
static dl4c_status sendrecv_by_pairs(dl4c_group *g, const struct dl4c_members *m, const struct dl4c_message *t, int32_t n,
                                     void (*arrived)(void *arg, int32_t transfer), void *arg, int64_t until_ns, struct dl4c_error *err)
{
    for (int32_t round = 0, found = 1; found; round++) {
        found = 0;
        for (int32_t s = 0; s < m->size; s++) {
            const int32_t peer = (s - m->rank + m->size) % m->size;
            for (int32_t half = 0; half < 2 && peer != m->rank; half++) {
                const bool sent = (half == 0) == (m->rank < peer);
                const struct dl4c_message *one = pick(t, n, peer, sent, round);
                found += one != NULL;
                if (one && sent)
                    DLI_TRY(send_to(g, peer, one->bytes, one->size, dli_left_ms(until_ns), err));
                else if (one)
                    DLI_TRY(recv_from(g, peer, one->room, one->size, dli_left_ms(until_ns), err));
                if (one && arrived)
                    arrived(arg, (int32_t)(one - t));
            }
        }
    }
    return DL4C_OK;
}

dl4c_status dli_group_sendrecv(dl4c_group *group, const struct dl4c_message *transfers, int32_t n,
                               void (*arrived)(void *arg, int32_t transfer), void *arg, int64_t timeout_ms, struct dl4c_error *err)
{
    DLI_TRY(check(group, transfers, (size_t)(n > 0), timeout_ms, err));
    if (n < 0)
        return dli_fail(err, DL4C_E_INVALID, "transport", "the number of transfers is %" PRId32 ", wanted 0 or more", n);
    const struct dl4c_members m = members_of(group);
    for (int32_t i = 0; i < n; i++) {
        DLI_TRY(check_peer(&m, transfers[i].peer, err));
        if (!transfers[i].bytes == !transfers[i].room)
            return dli_fail(err, DL4C_E_INVALID, "transport", "transfer %" PRId32 " has %s", i,
                            transfers[i].room ? "both bytes and room" : "neither bytes nor room");
    }
    const int64_t limit = or_default(timeout_ms);
    if (!group->transport->ops.sendrecv)
        return sendrecv_by_pairs(group, &m, transfers, n, arrived, arg, dli_moment(limit), err);
    struct dl4c_error e = DL4C_ERROR_INIT;
    return answer(group, group->transport->ops.sendrecv(group->group, transfers, n, arrived, arg, limit, &e), &e, "exchange", err);
}

dl4c_status dl4c_group_sendrecv(dl4c_group *group, const struct dl4c_message *transfers, int32_t n, int64_t timeout_ms,
                                struct dl4c_error *err)
{
    return dli_group_sendrecv(group, transfers, n, NULL, NULL, timeout_ms, err);
}

/* Down a binary tree of ranks counted from the root. */
static dl4c_status broadcast_by_tree(dl4c_group *g, const struct dl4c_members *m, int32_t root, void *bytes, size_t size, int64_t until_ns,
                                     struct dl4c_error *err)
{
    const int32_t place = (m->rank - root + m->size) % m->size;
    if (place > 0)
        DLI_TRY(recv_from(g, ((place - 1) / 2 + root) % m->size, bytes, size, dli_left_ms(until_ns), err));
    for (int64_t child = 2 * (int64_t)place + 1; child <= 2 * (int64_t)place + 2 && child < m->size; child++)
        DLI_TRY(send_to(g, (int32_t)((child + root) % m->size), bytes, size, dli_left_ms(until_ns), err));
    return DL4C_OK;
}

dl4c_status dl4c_group_broadcast(dl4c_group *group, int32_t root, void *bytes, size_t size, int64_t timeout_ms, struct dl4c_error *err)
{
    DLI_TRY(check(group, bytes, size, timeout_ms, err));
    const struct dl4c_members m = members_of(group);
    if (root < 0 || root >= m.size)
        return dli_fail(err, DL4C_E_INVALID, "transport", "rank %" PRId32 " is no member of a group of %" PRId32, root, m.size);
    const int64_t limit = or_default(timeout_ms);
    if (!group->transport->ops.broadcast)
        return broadcast_by_tree(group, &m, root, bytes, size, dli_moment(limit), err);
    struct dl4c_error e = DL4C_ERROR_INIT;
    return answer(group, group->transport->ops.broadcast(group->group, root, bytes, size, limit, &e), &e, "broadcast", err);
}

/* Everyone tells the driver, who then tells everyone. */
static dl4c_status barrier_by_driver(dl4c_group *g, const struct dl4c_members *m, int64_t until_ns, struct dl4c_error *err)
{
    if (m->rank > 0) {
        DLI_TRY(send_to(g, 0, NULL, 0, dli_left_ms(until_ns), err));
        return recv_from(g, 0, NULL, 0, dli_left_ms(until_ns), err);
    }
    for (int32_t r = 1; r < m->size; r++)
        DLI_TRY(recv_from(g, r, NULL, 0, dli_left_ms(until_ns), err));
    for (int32_t r = 1; r < m->size; r++)
        DLI_TRY(send_to(g, r, NULL, 0, dli_left_ms(until_ns), err));
    return DL4C_OK;
}

dl4c_status dl4c_group_barrier(dl4c_group *group, int64_t timeout_ms, struct dl4c_error *err)
{
    DLI_TRY(check(group, NULL, 0, timeout_ms, err));
    const int64_t limit = or_default(timeout_ms);
    if (!group->transport->ops.barrier) {
        const struct dl4c_members m = members_of(group);
        return barrier_by_driver(group, &m, dli_moment(limit), err);
    }
    struct dl4c_error e = DL4C_ERROR_INIT;
    return answer(group, group->transport->ops.barrier(group->group, limit, &e), &e, "wait for the others", err);
}

dl4c_status dli_group_share(dl4c_group *g, void *mine, void **theirs, int64_t timeout_ms, struct dl4c_error *err)
{
    struct dl4c_error e = DL4C_ERROR_INIT;
    return answer(g, g->transport->ops.share(g->group, mine, theirs, timeout_ms, &e), &e, "share memory", err);
}

dl4c_status dl4c_group_regroup(dl4c_group *group, const struct dl4c_regroup_options *options, struct dl4c_error *err)
{
    struct dl4c_regroup_options o;
    DLI_TRY(check(group, NULL, 0, 0, err));
    DLI_TRY(dli_struct_in(&o, sizeof o, options, "transport", err));
    const struct dl4c_members m = members_of(group);
    if (o.min_size < 0 || o.timeout_ms < 0 || o.n_exclude < 0 || (o.n_exclude > 0 && !o.exclude))
        return dli_fail(err, DL4C_E_INVALID, "transport", "min_size, timeout_ms or n_exclude is negative, or exclude is NULL");
    if (o.n_exclude > 0 && m.rank != 0)
        return dli_fail(err, DL4C_E_INVALID, "transport", "only the driver excludes members, this is rank %" PRId32, m.rank);
    for (int32_t i = 0; i < o.n_exclude; i++)
        DLI_TRY(check_peer(&m, o.exclude[i], err));
    if (!group->transport->ops.regroup)
        return dli_fail(err, DL4C_E_UNSUPPORTED, group->transport->name, "groups of transport \"%s\" cannot change",
                        group->transport->name);
    o.timeout_ms = or_default(o.timeout_ms);
    if (m.rank > 0 && o.timeout_ms < INT64_MAX / 2)
        o.timeout_ms *= 2; /* the driver's own deadline may pass first */
    o.min_size = o.min_size > 0 ? o.min_size : 1;
    struct dl4c_error e = DL4C_ERROR_INIT;
    return answer(group, group->transport->ops.regroup(group->group, &o, &e), &e, "regroup", err);
}

void dl4c_group_cancel(dl4c_group *group)
{
    if (group && group->transport->ops.cancel)
        group->transport->ops.cancel(group->group);
}
