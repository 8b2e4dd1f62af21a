/* SPDX-License-Identifier: Apache-2.0 */
/* Giving workers their rows: which of the store they are, or the rows themselves, minibatch by minibatch and to all at once. */
#include "train/leader.h"
#include "graph/graph.h"
#include "transport/transport.h"

/* Where the entries of a place begin in the tables of a deal. */
static int64_t entries(const struct dli_deal *deal, int32_t place) { return (int64_t)place * deal->steps; }

/* The order, the sizes of the minibatches; of stored rows their places. */
static dl4c_status tell_share(struct dli_leader *l, const struct dli_deal *deal, int32_t place, struct dli_order *o, struct dl4c_error *err)
{
    const struct dli_rows *r = deal->rows;
    const int64_t *first = deal->first + entries(deal, place), *count = deal->count + entries(deal, place);
    o->number = place;
    o->what = DLI_ROWS_SHARED;
    l->shares[place].wanted = false;
    if (!l->remote)
        return dli_leader_tell(l, place, o, sizeof *o, err);
    o->what = (r->labels ? DLI_ROWS_LABELS : DLI_ROWS_TARGETS) | (r->index ? DLI_ROWS_INDEX : 0);
    o->rows = o->a = 0;
    for (int64_t s = 0; s < o->steps; s++)
        o->rows += count[s];
    const bool stored = l->shares[place].stored && r->labels && r->index && o->rows > 0;
    l->shares[place].wanted = !stored;
    if (stored) {
        o->what |= DLI_ROWS_STORED;
        o->a = dli_rows_checksum(r, first, count, o->steps);
    }
    DLI_TRY(dli_leader_tell(l, place, o, sizeof *o, err));
    DLI_TRY(dli_leader_tell(l, place, count, (size_t)o->steps * sizeof *count, err));
    if (!stored)
        return DL4C_OK;
    int64_t *places = dli_array(l->ctx, (size_t)o->rows, sizeof *places, err), n = 0;
    if (!places)
        return dli_alloc_status();
    for (int64_t s = 0; s < o->steps; s++)
        for (int64_t i = 0; i < count[s]; i++)
            places[n++] = r->index[first[s] + i];
    const dl4c_status status = dli_leader_tell(l, place, places, (size_t)n * sizeof *places, err);
    dli_free(places);
    return status;
}

static void on_arrived(void *arg, int32_t transfer)
{
    const struct dli_leader *l = arg;
    l->shares[l->messages[transfer].peer - !l->trains].arrived = true;
}

enum kind { FEATURES, LABELS, PLACES, KINDS };

/* One kind of what belongs to a minibatch, to all that want their rows. */
static dl4c_status send_kind(struct dli_leader *l, const struct dli_deal *deal, int64_t step, enum kind kind, int32_t *without,
                             struct dl4c_error *err)
{
    const struct dli_rows *r = deal->rows;
    int32_t n = 0;
    for (int32_t i = dli_leader_first(l); i < l->n; i++) {
        const int64_t first = deal->first[entries(deal, i) + step];
        const size_t count = (size_t)deal->count[entries(deal, i) + step];
        struct dl4c_message m = { .peer = dli_leader_rank(l, i) };
        if (!l->shares[i].wanted || count == 0)
            continue;
        if (kind == FEATURES) {
            m.bytes = r->x + first * r->row;
            m.size = count * (size_t)r->row * sizeof *r->x;
        } else if (kind == PLACES) {
            m.bytes = r->index + first;
            m.size = count * sizeof *r->index;
        } else {
            m.bytes = r->labels ? (const void *)(r->labels + first) : r->y + first * r->k;
            m.size = r->labels ? count * sizeof *r->labels : count * (size_t)r->k * sizeof *r->y;
        }
        l->shares[i].arrived = false;
        l->messages[n++] = m;
    }
    if (n == 0)
        return DL4C_OK;
    const dl4c_status status = dli_group_sendrecv(l->group, l->messages, n, on_arrived, l, l->m.patience_ms, err);
    for (int32_t k = 0; status != DL4C_OK && status != DL4C_E_PEER && k < n && *without < 0; k++)
        if (!l->shares[l->messages[k].peer - !l->trains].arrived)
            *without = l->messages[k].peer;
    return status;
}

static dl4c_status send_rows(struct dli_leader *l, const struct dli_deal *deal, int64_t steps, int32_t *without, struct dl4c_error *err)
{
    for (int64_t s = 0; s < steps; s++)
        for (enum kind k = FEATURES; k < KINDS; k++)
            if (k != PLACES || deal->rows->index)
                DLI_TRY(send_kind(l, deal, s, k, without, err));
    return DL4C_OK;
}

/* Whether those who read the store have just the leader's rows; others want them from here on. */
static dl4c_status hear_readers(struct dli_leader *l, struct dli_watch *watch, int32_t *without, struct dl4c_error *err)
{
    const dl4c_graph *g = l->m.t->graph;
    const bool stays = !l->group->transport->ops.regroup; /* nobody would notice that the leader goes: it goes after the round */
    const int64_t until = l->round_timeout_ms ? dli_moment(l->round_timeout_ms) : stays ? dli_moment(l->m.patience_ms) : INT64_MAX;
    for (int32_t i = dli_leader_first(l); i < l->n; i++) {
        struct dli_share_of *s = &l->shares[i];
        int64_t same = 0;
        const bool asked = s->stored && !s->wanted;
        s->wanted = false;
        if (!asked)
            continue;
        const dl4c_status status = dli_leader_hear(l, i, &same, sizeof same, until, stays ? NULL : watch, err);
        if (status != DL4C_OK) {
            *without = status == DL4C_E_PEER ? -1 : dli_leader_rank(l, i);
            return status;
        }
        if (same == 1)
            continue;
        s->stored = false;
        s->wanted = true;
        dli_log(l->ctx, DL4C_LOG_WARNING, "train", "worker %" PRId32 " has other rows in its store: they are sent from here on", i);
        DLI_TRY(dli_run_worker_event(l->run, "warning", g->epoch, g->iteration, l->rounds + 1, i, 0, err,
                                     "this worker has other rows in its store: they are sent from here on"));
    }
    return DL4C_OK;
}

dl4c_status dli_leader_send_shares(struct dli_leader *l, const struct dli_deal *deal, struct dli_order *o, struct dli_watch *watch,
                                   int32_t *without, struct dl4c_error *err)
{
    for (int32_t i = dli_leader_first(l); i < l->n; i++) {
        const dl4c_status status = tell_share(l, deal, i, o, err);
        if (status != DL4C_OK) {
            *without = status == DL4C_E_PEER ? -1 : dli_leader_rank(l, i);
            return status;
        }
    }
    if (!l->remote)
        return DL4C_OK;
    DLI_TRY(send_rows(l, deal, o->steps, without, err));
    DLI_TRY(hear_readers(l, watch, without, err));
    return send_rows(l, deal, o->steps, without, err);
}
