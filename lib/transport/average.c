/* SPDX-License-Identifier: Apache-2.0 */
/* The mean of one vector of each member: each member sums a part of it, in the order of ranks, and gives it to the others. */
#include "base/deadline.h"
#include "base/thread_pool.h"
#include "kernels/convert.h"
#include "kernels/mean.h"
#include "transport/transport.h"

#include <string.h>

enum {
    MAX_WEIGHT = 1 << 24,
    AVERAGE_TIMEOUT_MS = 60000,
    PIECE = 1 << 16,     /* floats of a message: 256 KiB, so that sums and both directions of a link overlap */
    TASK = 1 << 15,      /* floats of a task, where several threads sum */
    LINE = 16            /* parts begin at a cache line's worth of floats */
};

/* What a member tells the others before: with 0 for what it does not know, all mistakes are seen by all alike. */
struct offer {
    int64_t n, weight;
    int64_t exchange;
    const float *in; /* in shared memory only */
    float *out;
};

struct average {
    dl4c_group *g;
    struct dl4c_members who;
    int32_t first, m, place; /* members that take part are ranks first .. first + m - 1, this one is number `place` of them */
    int32_t threads;
    int64_t n, total, until_ns;
    const float *in;
    float *out;
    uint16_t *halves; /* [n]: what is sent and received of `out`, where members exchange bfloat16 by messages; else NULL */
    int32_t exchange;
    struct offer *offers; /* [m] */
    int64_t *weights;     /* [m] */
    const float **x;      /* [m] */
    float **y;            /* [m] */
};

/* Where the part of a member begins; that of number m is the end. */
static int64_t part(const struct average *a, int32_t number)
{
    const int64_t lines = (a->n + LINE - 1) / LINE, at = (lines * number / a->m) * LINE;
    return at < a->n ? at : a->n;
}

/* All members see the same offers and so come to the same answer. */
static dl4c_status check_offers(struct average *a, struct dl4c_error *err)
{
    a->total = 0;
    for (int32_t k = 0; k < a->m; k++) {
        const struct offer *o = &a->offers[k];
        if (o->n != a->offers[0].n)
            return dli_fail(err, DL4C_E_CORRUPT, "average", "rank %" PRId32 " averages %" PRId64 " values and rank %" PRId32 " %" PRId64,
                            a->first, a->offers[0].n, a->first + k, o->n);
        if (o->exchange != a->offers[0].exchange)
            return dli_fail(err, DL4C_E_CORRUPT, "average", "rank %" PRId32 " exchanges another form of values than rank %" PRId32,
                            a->first + k, a->first);
        if (o->weight < 0 || o->weight > MAX_WEIGHT)
            return dli_fail(err, DL4C_E_INVALID, "average", "the weight of rank %" PRId32 " is %" PRId64 ", wanted 0 to %d", a->first + k,
                            o->weight, MAX_WEIGHT);
        a->weights[k] = o->weight;
        a->total += o->weight;
    }
    if (a->total == 0)
        return dli_fail(err, DL4C_E_INVALID, "average", "the weights of all %" PRId32 " members are 0", a->m);
    return DL4C_OK;
}

/* ---- bfloat16 ---- */

struct rounding {
    const float *from;
    float *to;
    int64_t n;
};

static void round_task(void *arg, size_t task, int32_t worker)
{
    const struct rounding *r = arg;
    const int64_t end = ((int64_t)task + 1) * TASK < r->n ? ((int64_t)task + 1) * TASK : r->n;
    uint16_t halves[512];
    (void)worker;
    for (int64_t at = (int64_t)task * TASK; at < end; at += 512) {
        const size_t n = (size_t)(end - at < 512 ? end - at : 512);
        dli_narrow_bf16(n, r->from + at, halves);
        dli_widen_bf16(n, halves, r->to + at);
    }
}

/* to[n] = from[n] as bfloat16 has them; to may be from. */
static void round_all(const struct average *a, const float *from, float *to)
{
    const struct rounding r = { from, to, a->n };
    dli_parallel(a->g->ctx, a->threads, (size_t)((a->n + TASK - 1) / TASK), round_task, (void *)&r);
}

/* ---- shared memory ---- */

struct sum {
    const struct average *a;
    int64_t first, count; /* of the vector */
};

static void sum_task(void *arg, size_t task, int32_t worker)
{
    const struct sum *s = arg;
    const struct average *a = s->a;
    const int64_t at = (int64_t)task * TASK, n = s->count - at < TASK ? s->count - at : TASK;
    const float *x[64];
    float *y[64];
    (void)worker;
    if (a->m <= 64) {
        for (int32_t k = 0; k < a->m; k++) {
            x[k] = a->x[k] + s->first + at;
            y[k] = a->y[k] + s->first + at;
        }
        dli_mean(n, x, a->weights, a->m, (double)a->total, y, a->m);
    }
}

/* Every member writes the mean of its part into everyone's result. */
static dl4c_status average_in_place(struct average *a, struct dl4c_error *err)
{
    struct offer mine = { a->n, a->offers[a->place].weight, a->exchange, a->in, a->out };
    void **theirs = dli_calloc(a->g->ctx, (size_t)a->who.size, sizeof *theirs, err);
    if (!theirs)
        return dli_alloc_status();
    dl4c_status status = dli_group_share(a->g, &mine, theirs, dli_left_ms(a->until_ns), err);
    for (int32_t k = 0; status == DL4C_OK && k < a->m; k++) {
        a->offers[k] = *(const struct offer *)theirs[a->first + k];
        a->x[k] = a->offers[k].in;
        a->y[k] = a->offers[k].out;
    }
    dli_free(theirs);
    DLI_TRY(status);
    status = check_offers(a, err);
    if (status == DL4C_OK) {
        const int64_t first = part(a, a->place);
        const struct sum s = { a, first, part(a, a->place + 1) - first };
        dli_parallel(a->g->ctx, a->threads, (size_t)((s.count + TASK - 1) / TASK), sum_task, (void *)&s);
    }
    const dl4c_status met = dl4c_group_barrier(a->g, dli_left_ms(a->until_ns), status == DL4C_OK ? err : NULL);
    if (status == DL4C_OK && met == DL4C_OK && a->exchange == DL4C_EXCHANGE_BF16)
        round_all(a, a->out, a->out);
    return status != DL4C_OK ? status : met;
}

/* ---- messages ---- */

static dl4c_status tell_offers(struct average *a, struct dl4c_message *t, struct dl4c_error *err)
{
    int64_t mine[3] = { a->n, a->offers[a->place].weight, a->exchange };
    int64_t(*theirs)[3] = dli_calloc(a->g->ctx, (size_t)a->m, sizeof *theirs, err);
    int32_t n = 0;
    if (!theirs)
        return dli_alloc_status();
    for (int32_t k = 0; k < a->m; k++) {
        if (k == a->place)
            continue;
        t[n++] = (struct dl4c_message){ .peer = a->first + k, .bytes = mine, .size = sizeof mine };
        t[n++] = (struct dl4c_message){ .peer = a->first + k, .room = theirs[k], .size = sizeof mine };
    }
    const dl4c_status status = dl4c_group_sendrecv(a->g, t, n, dli_left_ms(a->until_ns), err);
    for (int32_t k = 0; status == DL4C_OK && k < a->m; k++)
        if (k != a->place)
            a->offers[k] = (struct offer){ .n = theirs[k][0], .weight = theirs[k][1], .exchange = theirs[k][2] };
    dli_free(theirs);
    return status;
}

/* Floats of the piece that begins at `at` in a part of `count`. */
static int64_t piece_size(int64_t at, int64_t count)
{
    return at < 0 || at >= count ? 0 : count - at < PIECE ? count - at : PIECE;
}

/* Where the values from `at` on are that are sent, and that are received into. */
static const void *sent(const struct average *a, const float *values, int64_t at)
{
    return a->halves ? (const void *)(a->halves + at) : values + at;
}
static void *received(const struct average *a, int64_t at) { return a->halves ? (void *)(a->halves + at) : a->out + at; }

/* Step k of the pipe: the k-th piece of every part goes to its owner, the mean of the piece before to everyone. Who has no weight has
 * nothing to give. room: [m, PIECE] floats, and behind them as many halves where those are exchanged. */
static dl4c_status step(struct average *a, int64_t at, float *room, struct dl4c_message *t, struct dl4c_error *err)
{
    uint16_t *halves = (uint16_t *)(room + a->m * PIECE);
    const size_t each = a->halves ? sizeof *a->halves : sizeof *a->out;
    const int64_t own = part(a, a->place), own_count = part(a, a->place + 1) - own, back = at - PIECE;
    int32_t n = 0;
    for (int32_t k = 0; k < a->m; k++) {
        const int64_t theirs = part(a, k), count = part(a, k + 1) - theirs;
        const int64_t give = a->weights[a->place] ? piece_size(at, count) : 0, get = a->weights[k] ? piece_size(at, own_count) : 0;
        const int64_t give_mean = piece_size(back, own_count), get_mean = piece_size(back, count);
        if (k == a->place)
            continue;
        if (give_mean > 0)
            t[n++] = (struct dl4c_message){ a->first + k, 0, sent(a, a->out, own + back), NULL, (size_t)give_mean * each };
        if (give > 0)
            t[n++] = (struct dl4c_message){ a->first + k, 0, sent(a, a->in, theirs + at), NULL, (size_t)give * each };
        if (get_mean > 0)
            t[n++] = (struct dl4c_message){ a->first + k, 0, NULL, received(a, theirs + back), (size_t)get_mean * each };
        if (get > 0)
            t[n++] = (struct dl4c_message){ a->first + k, 0, NULL, a->halves ? (void *)(halves + k * PIECE) : room + k * PIECE,
                                            (size_t)get * each };
    }
    DLI_TRY(dl4c_group_sendrecv(a->g, t, n, dli_left_ms(a->until_ns), err));
    const int64_t count = piece_size(at, own_count);
    if (count == 0)
        return DL4C_OK;
    for (int32_t k = 0; k < a->m; k++)
        a->x[k] = k == a->place ? a->in + own + at : room + k * PIECE;
    for (int32_t k = 0; a->halves && k < a->m; k++)
        if (k != a->place && a->weights[k])
            dli_widen_bf16((size_t)count, halves + k * PIECE, room + k * PIECE);
    float *y = a->out + own + at;
    dli_mean(count, a->x, a->weights, a->m, (double)a->total, &y, 1);
    if (a->halves)
        dli_narrow_bf16((size_t)count, y, a->halves + own + at);
    return DL4C_OK;
}

static dl4c_status average_by_messages(struct average *a, struct dl4c_error *err)
{
    dl4c_context *ctx = a->g->ctx;
    struct dl4c_message *t = dli_calloc(ctx, (size_t)a->m * 4, sizeof *t, err);
    const bool halves = a->exchange == DL4C_EXCHANGE_BF16;
    float *room = t ? dli_array(ctx, (size_t)a->m * PIECE, sizeof *room + (halves ? sizeof *a->halves : 0), err) : NULL;
    if (room && halves)
        a->halves = dli_array(ctx, (size_t)a->n + 1, sizeof *a->halves, err);
    dl4c_status status = room && (a->halves || !halves) ? tell_offers(a, t, err) : dli_alloc_status();
    if (status == DL4C_OK)
        status = check_offers(a, err);
    if (status == DL4C_OK && halves && a->weights[a->place])
        dli_narrow_bf16((size_t)a->n, a->in, a->halves);
    int64_t longest = 0;
    for (int32_t k = 0; k < a->m; k++)
        longest = part(a, k + 1) - part(a, k) > longest ? part(a, k + 1) - part(a, k) : longest;
    for (int64_t at = 0; status == DL4C_OK && at < longest + PIECE; at += PIECE)
        status = step(a, at, room, t, err);
    if (status == DL4C_OK && halves)
        dli_widen_bf16((size_t)a->n, a->halves, a->out);
    dli_free(a->halves);
    dli_free(room);
    dli_free(t);
    return status;
}

static dl4c_status average(struct average *a, struct dl4c_error *err)
{
    dl4c_context *ctx = a->g->ctx;
    a->offers = dli_calloc(ctx, (size_t)a->m, sizeof *a->offers, err);
    a->weights = dli_calloc(ctx, (size_t)a->m, sizeof *a->weights, err);
    a->x = dli_calloc(ctx, (size_t)a->m, sizeof *a->x, err);
    a->y = dli_calloc(ctx, (size_t)a->m, sizeof *a->y, err);
    if (!a->offers || !a->weights || !a->x || !a->y)
        return dli_alloc_status();
    a->offers[a->place] = (struct offer){ a->n, a->total, a->exchange, a->in, a->out };
    if (a->exchange == DL4C_EXCHANGE_BF16 && a->total) { /* without weight it is not read */
        round_all(a, a->in, a->out);
        a->in = a->offers[a->place].in = a->out;
    }
    if (a->g->transport->ops.share && a->m == a->who.size && a->m <= 64)
        return average_in_place(a, err);
    return average_by_messages(a, err);
}

dl4c_status dl4c_group_average(dl4c_group *group, const struct dl4c_average_options *options, const float *in, float *out, int64_t n,
                               int64_t *total, struct dl4c_error *err)
{
    struct dl4c_average_options o;
    DLI_TRY(dli_struct_in(&o, sizeof o, options, "average", err));
    if (!group || n < 0 || (n > 0 && (!in || !out)))
        return dli_fail(err, DL4C_E_INVALID, "average", "%s", !group ? "the group is NULL" : n < 0 ? "n is negative" : "a vector is NULL");
    if (o.reserved || o.exchange < DL4C_EXCHANGE_F32 || o.exchange > DL4C_EXCHANGE_BF16)
        return dli_fail(err, DL4C_E_INVALID, "average", "exchange is %" PRId32 ", wanted 0 or 1, or reserved is not 0", o.exchange);
    if (o.timeout_ms < 0 || o.threads < 0)
        return dli_fail(err, DL4C_E_INVALID, "average", "timeout_ms or threads is negative");
    const int64_t limit = o.timeout_ms ? o.timeout_ms : AVERAGE_TIMEOUT_MS;
    struct average a = { .g = group, .who = DL4C_MEMBERS_INIT, .first = o.first_rank, .threads = o.threads, .n = n, .total = o.weight,
                         .until_ns = dli_moment(limit), .in = in, .out = out, .exchange = o.exchange };
    DLI_TRY(dl4c_group_members(group, &a.who, err));
    if (o.first_rank < 0 || o.first_rank > a.who.rank)
        return dli_fail(err, DL4C_E_INVALID, "average", "rank %" PRId32 " takes no part where first_rank is %" PRId32, a.who.rank,
                        o.first_rank);
    a.m = a.who.size - a.first;
    a.place = a.who.rank - a.first;
    const dl4c_status status = average(&a, err);
    if (status == DL4C_OK && total)
        *total = a.total;
    dli_free(a.offers);
    dli_free(a.weights);
    dli_free(a.x);
    dli_free(a.y);
    return status;
}
