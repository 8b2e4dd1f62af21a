/* SPDX-License-Identifier: Apache-2.0 */
/* Whose rows are which, and rounds that are begun again without those that are lost.
 *
 * In a round the leader tells every worker what to do (an order), all train their shares, every worker tells it how that went (a report),
 * it tells all whether to go on (a verdict), and all take the mean: wire.h. Between threads the rows lie in memory that all see and only
 * the leader writes, between rounds. */
#include "train/workers.h"
#include "base/thread_pool.h"
#include "graph/graph.h"
#include "train/breaker.h"
#include "train/leader.h"
#include "train/replay.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

struct dli_workers {
    struct dli_leader l;
    dl4c_trainer *t;
    int32_t n; /* as asked for */
    char *url;
    struct dli_settings settings;    /* of workers that are set up; nothing is its own */
    struct dli_member *members;      /* [n], by rank: those of threads */
    pthread_t *threads;              /* [n]; those of 1 .. n_started are there */
    int32_t n_started;
    int32_t cannot_join;             /* set by a thread that cannot: the leader waits no longer */
    _Atomic int32_t complained;      /* of threads without a seat, the first says why */
    struct dl4c_error complaint;
    struct dli_rows read;            /* of a source */
    int64_t used;                    /* of them, in the round before */
    struct dli_ahead ahead;          /* what comes behind them */
    int64_t prefetch;                /* minibatches of a worker that are read ahead */
    bool over;                       /* the source's epoch is */
    bool splits;                     /* rows are dealt out as the reference does */
    int64_t split, behind;           /* the next one of the epoch; rows of it that a checkpoint has behind it */
    struct dli_deal deal;            /* of the round at work */
    int64_t *first, *count;          /* of rounds that are read: [dealt_to * frequency] */
    struct dli_worker_step *results; /* the same */
    int32_t dealt_to;                /* workers that there is memory for */
    const struct dli_replay *replay; /* borrowed; NULL: all train in every round */
    struct dli_trainer_copy before;  /* the leader's at the beginning of the round, for a round that fails */
    struct dli_breaker breaker;      /* of calls on a group of others */
};

/* ---- threads ---- */

static dl4c_status join(struct dli_workers *all, struct dli_member **seat, struct dl4c_error *err)
{
    struct dl4c_group_options j = DL4C_GROUP_OPTIONS_INIT;
    struct dl4c_members who = DL4C_MEMBERS_INIT;
    dl4c_group *group;
    j.url = all->url;
    j.cancel = &all->cannot_join;
    DLI_TRY(dl4c_group_join(all->l.ctx, &j, &group, err));
    DLI_TRY(dl4c_group_members(group, &who, err));
    *seat = &all->members[who.rank]; /* ranks are positions in the data, whichever thread comes first */
    (*seat)->group = group;
    return DL4C_OK;
}

static void *work(void *arg)
{
    struct dli_workers *all = arg;
    struct dl4c_error err = DL4C_ERROR_INIT;
    struct dli_member *m;
    bool ended;
    dl4c_status status = join(all, &m, &err);
    if (status != DL4C_OK) {
        if (atomic_fetch_add(&all->complained, 1) == 0)
            all->complaint = err;
        dl4c_cancel_set(&all->cannot_join);
        return NULL;
    }
    status = dli_member_serve(m, &ended, &err);
    if (m->status == DL4C_OK && status != DL4C_OK) {
        m->status = status;
        m->err = err;
    }
    dl4c_group_leave(&m->group, 0);
    return NULL;
}

/* Ends the threads: the others see that the leader has left, and go. */
static void stop(struct dli_workers *all)
{
    dl4c_cancel_set(&all->cannot_join);
    dli_breaker_stop(&all->breaker);
    dl4c_group_leave(&all->l.group, all->l.remote ? 1000 : 0);
    for (int32_t i = 1; i <= all->n_started; i++)
        pthread_join(all->threads[i], NULL);
    all->n_started = 0;
}

/* Why a round failed: the leader may have seen no more than that another one is gone. */
static dl4c_status reason(struct dli_workers *all, dl4c_status status, struct dl4c_error *err)
{
    const struct dli_member *first = NULL;
    if (all->l.remote)
        return status;
    stop(all);
    for (int32_t i = 1; i < all->n && !first; i++)
        if (all->members[i].status != DL4C_OK && all->members[i].status != DL4C_E_PEER)
            first = &all->members[i];
    if (!first || status != DL4C_E_PEER)
        return status;
    if (err)
        *err = first->err;
    return first->status;
}

/* ---- rounds ---- */

/* Memory to deal rows out to the workers of this generation. */
static dl4c_status make_room(struct dli_workers *all, struct dl4c_error *err)
{
    const int32_t n = all->l.n;
    size_t slots;
    if (n <= all->dealt_to)
        return DL4C_OK;
    if (!dli_mul_size((size_t)n, (size_t)all->l.m.frequency, &slots))
        return dli_fail(err, DL4C_E_LIMIT, "train", "%" PRId32 " workers and an averaging frequency of %" PRId64 " are too many", n,
                        all->l.m.frequency);
    dli_free(all->first);
    dli_free(all->count);
    dli_free(all->results);
    all->dealt_to = 0;
    all->first = dli_calloc(all->l.ctx, slots, sizeof *all->first, err);
    all->count = dli_calloc(all->l.ctx, slots, sizeof *all->count, err);
    all->results = dli_calloc(all->l.ctx, slots, sizeof *all->results, err);
    if (!all->first || !all->count || !all->results)
        return dli_alloc_status();
    all->dealt_to = n;
    return DL4C_OK;
}

/* What was reported, in the order of steps and of workers. */
static void gather_results(struct dli_workers *all, int32_t n_steps, int64_t *n)
{
    const struct dli_deal *d = &all->deal;
    *n = 0;
    for (int32_t s = 0; s < n_steps; s++)
        for (int32_t i = 0; i < all->l.n; i++) {
            const struct dli_report_of *r = &all->l.reports[i];
            const int64_t first = d->first[(int64_t)i * d->steps + s];
            for (int32_t k = 0; k < r->n_steps; k++)
                if (r->steps[k].step == s)
                    all->results[(*n)++] = (struct dli_worker_step){ .worker = i,
                                                                     .step = s,
                                                                     .rows = r->steps[k].rows,
                                                                     .right = r->steps[k].right,
                                                                     .counted = r->steps[k].counted,
                                                                     .score = r->steps[k].score,
                                                                     .labels = d->rows->labels ? d->rows->labels + first : NULL,
                                                                     .y = d->rows->y ? d->rows->y + first * d->rows->k : NULL };
        }
}

/* As they were before the round. */
static dl4c_status put_back(struct dli_workers *all, struct dl4c_error *err) { return dli_trainer_restore(all->t, &all->before, err); }

/* ahead: rows of the source that are read meanwhile. */
static dl4c_status run_deal(struct dli_workers *all, dl4c_source *source, int64_t ahead, struct dli_watch *watch, int64_t *n,
                            int32_t *without, struct dl4c_error *err)
{
    const struct dli_deal *d = &all->deal;
    int32_t n_steps = 0;
    for (int32_t i = 0; i < all->l.n; i++)
        for (int32_t s = 0; s < d->steps; s++)
            if (d->count[(int64_t)i * d->steps + s] > 0 && s >= n_steps)
                n_steps = s + 1;
    *n = 0;
    DLI_TRY(dli_trainer_save(all->t, &all->before, err));
    if (ahead > 0)
        dli_ahead_begin(&all->ahead, all->t, source, ahead);
    const dl4c_status status = dli_leader_round(&all->l, d, n_steps, watch, without, err);
    dli_ahead_end(&all->ahead);
    if (status != DL4C_OK) {
        (void)put_back(all, NULL); /* into memory that is this trainer's own already */
        return status;
    }
    all->l.rounds++;
    gather_results(all, n_steps, n);
    return DL4C_OK;
}

dl4c_status dli_workers_run(struct dli_workers *all, const struct dli_rows *rows, const int64_t *first, const int64_t *count,
                            struct dli_watch *watch, const struct dli_worker_step **steps, int64_t *n, struct dl4c_error *err)
{
    int32_t without;
    all->deal = (struct dli_deal){ rows, first, count, (int32_t)all->l.m.frequency };
    *n = 0;
    DLI_TRY(make_room(all, err));
    const dl4c_status status = run_deal(all, NULL, 0, watch, n, &without, err);
    *steps = all->results;
    return status == DL4C_OK ? DL4C_OK : reason(all, status, err);
}

/* How many workers get rows in the next round; the others wait, and have no weight in the mean. */
static int32_t training(const struct dli_workers *all)
{
    const int32_t n = all->replay ? dli_replay_workers(all->replay, all->l.rounds + 1) : all->l.n;
    return n < all->l.n ? n : all->l.n;
}

/* More of the source, after what was read ahead. */
static dl4c_status read_more(struct dli_workers *all, dl4c_source *source, int64_t want, struct dl4c_error *err)
{
    const int64_t before = all->read.n;
    if (all->ahead.status != DL4C_OK) {
        if (err)
            *err = all->ahead.err;
        return all->ahead.status;
    }
    if (all->over)
        return DL4C_OK;
    DLI_TRY(dli_rows_add(&all->read, all->t, source, want, err));
    all->over = all->read.n < before + want;
    return DL4C_OK;
}

static dl4c_status take_ahead(struct dli_workers *all, struct dl4c_error *err)
{
    all->over = all->over || all->ahead.over;
    return dli_ahead_take(&all->ahead, &all->read, err);
}

/* Rows to read while those that are dealt out are trained. */
static int64_t rows_ahead(const struct dli_workers *all)
{
    const int64_t left = all->prefetch * all->t->batch * training(all) - (all->read.n - all->used);
    return all->over || all->ahead.status != DL4C_OK || left < 0 ? 0 : left;
}

/* Rows of a round for the workers there are now. Each step's are shared out; a short last step is short for all. */
static dl4c_status deal_out(struct dli_workers *all, dl4c_source *source, struct dl4c_error *err)
{
    const int32_t frequency = (int32_t)all->l.m.frequency, n = training(all);
    const int64_t each = all->t->batch * n;
    DLI_TRY(make_room(all, err));
    memset(all->count, 0, (size_t)all->l.n * (size_t)frequency * sizeof *all->count);
    DLI_TRY(take_ahead(all, err));
    for (int32_t s = 0; s < frequency && !all->over; s++) /* a step at a time: nobody knows how many are left */
        if (all->read.n < each * (s + 1))
            DLI_TRY(read_more(all, source, each * (s + 1) - all->read.n, err));
    all->used = 0;
    for (int32_t s = 0; s < frequency; s++) {
        const int64_t left = all->read.n - all->used, rows = left < each ? left : each;
        for (int32_t i = 0; i < n; i++) {
            const int64_t at = (int64_t)i * frequency + s;
            int64_t first, last;
            dli_share(rows, n, i, &first, &last);
            all->first[at] = all->used + first;
            all->count[at] = last - first;
        }
        all->used += rows;
    }
    all->deal = (struct dli_deal){ &all->read, all->first, all->count, frequency };
    return DL4C_OK;
}

void dli_workers_begin_epoch(struct dli_workers *all, int64_t taken)
{
    all->read.n = all->used = all->ahead.rows.n = 0;
    all->over = all->ahead.over = false;
    all->ahead.status = DL4C_OK;
    all->split = -1; /* not known yet */
    all->behind = taken;
}

int64_t dli_workers_taken(const struct dli_workers *all) { return all->used; }

/* Where split k of an epoch begins. */
static int64_t split_at(int64_t rows, int64_t splits, int64_t k) { return rows / splits * k + rows % splits * k / splits; }

/* The reference cuts an epoch into as many splits of its size as there are whole ones, so that they are rather larger; a worker gets the
 * rows of averaging_frequency minibatches that come after those of the workers before it, and what is left of the split nobody sees. */
static dl4c_status deal_split(struct dli_workers *all, dl4c_source *source, struct dl4c_error *err)
{
    struct dl4c_source_info info = DL4C_SOURCE_INFO_INIT;
    const int32_t frequency = (int32_t)all->l.m.frequency, n = training(all);
    const int64_t batch = all->t->batch;
    DLI_TRY(make_room(all, err));
    memset(all->count, 0, (size_t)all->l.n * (size_t)frequency * sizeof *all->count);
    DLI_TRY(dl4c_source_get_info(source, &info, err));
    if (info.rows < 0)
        return dli_fail(err, DL4C_E_UNSUPPORTED, "train",
                        "the source does not know its number of rows, which Deeplearning4j's splits want");
    const int64_t whole = info.rows / (batch * frequency * n), splits = whole > 0 ? whole : 1;
    all->used = 0;
    all->deal = (struct dli_deal){ &all->read, all->first, all->count, frequency };
    for (all->split = all->split < 0 ? 0 : all->split; all->split < splits && split_at(info.rows, splits, all->split) < all->behind;)
        all->split++;
    if (all->split >= splits)
        return DL4C_OK;
    const int64_t rows = split_at(info.rows, splits, all->split + 1) - split_at(info.rows, splits, all->split);
    DLI_TRY(take_ahead(all, err));
    if (all->read.n < rows)
        DLI_TRY(read_more(all, source, rows - all->read.n, err));
    all->used = all->read.n < rows ? all->read.n : rows;
    for (int32_t i = 0; i < n; i++)
        for (int32_t s = 0; s < frequency; s++) {
            const int64_t at = ((int64_t)i * frequency + s) * batch, left = all->used - at;
            all->first[(int64_t)i * frequency + s] = left > 0 ? at : 0;
            all->count[(int64_t)i * frequency + s] = left > batch ? batch : left > 0 ? left : 0;
        }
    return DL4C_OK;
}

dl4c_status dli_workers_round(struct dli_workers *all, dl4c_source *source, struct dli_watch *watch, const struct dli_worker_step **steps,
                              int64_t *n, struct dl4c_error *err)
{
    int32_t without = -1;
    dl4c_status status = DL4C_OK;
    dli_rows_drop(&all->read, all->used);
    all->used = 0;
    *n = 0;
    if (dli_leader_waited_for(&all->l))
        DLI_TRY(dli_leader_regroup(&all->l, -1, watch, err));
    for (;;) {
        DLI_TRY(all->splits ? deal_split(all, source, err) : deal_out(all, source, err));
        if (all->used == 0)
            return DL4C_OK;
        status = run_deal(all, source, rows_ahead(all), watch, n, &without, err);
        *steps = all->results;
        if (status == DL4C_OK || !dli_leader_may_go_on(&all->l, status))
            break;
        const dl4c_graph *g = all->t->graph;
        DLI_TRY(dli_run_worker_event(all->l.run, "round_again", g->epoch, g->iteration, all->l.rounds + 1, without - !all->l.trains, 0,
                                     err, "%.400s", err ? err->message : ""));
        DLI_TRY(dli_leader_regroup(&all->l, without, watch, err));
    }
    all->used = status == DL4C_OK ? all->used : 0;
    all->split += status == DL4C_OK;
    return status == DL4C_OK ? DL4C_OK : reason(all, status, err);
}

void dli_workers_replay(struct dli_workers *all, const struct dli_replay *replay) { all->replay = replay; }

void dli_workers_as_dl4j(struct dli_workers *all) { all->l.dl4j = true; }

/* ---- making ---- */

static dl4c_status make_member(struct dli_workers *all, int32_t number, const struct dl4c_fit_options *o, struct dl4c_error *err)
{
    struct dli_member *m = &all->members[number];
    struct dl4c_fit_options own = *o;
    own.threads = dli_fit_worker_threads(all->l.ctx, o);
    own.class_weights = all->t->class_weights;
    own.n_class_weights = all->t->n_class_weights;
    m->ctx = all->l.ctx;
    m->shared = &all->deal;
    m->patience_ms = DLI_VECTOR_MS;
    DLI_TRY(dli_graph_copy(all->t->graph, &m->graph, err));
    DLI_TRY(dli_trainer_create(m->graph, &own, &all->t->shape, &m->t, err));
    DLI_TRY(dli_graph_begin_training(m->graph, err));
    m->t->held = true;
    return dli_member_init(m, m->t, &all->settings, err);
}

static dl4c_status make_threads(struct dli_workers *all, const struct dl4c_fit_options *o, struct dl4c_error *err)
{
    all->members = dli_calloc(all->l.ctx, (size_t)all->n, sizeof *all->members, err);
    all->threads = dli_calloc(all->l.ctx, (size_t)all->n, sizeof *all->threads, err);
    if (!all->members || !all->threads)
        return dli_alloc_status();
    for (int32_t i = 1; i < all->n; i++)
        DLI_TRY(make_member(all, i, o, err));
    for (int32_t i = 1; i < all->n; i++) {
        if (!dli_thread_start(&all->threads[i], work, all))
            return dli_fail(err, DL4C_E_NOMEM, "train", "thread %" PRId32 " of %" PRId32 " workers cannot be started", i, all->n);
        all->n_started = i;
    }
    return DL4C_OK;
}

static dl4c_status gather(struct dli_workers *all, const struct dl4c_fit_options *o, struct dli_watch *watch, struct dl4c_error *err)
{
    struct dl4c_group_options j = DL4C_GROUP_OPTIONS_INIT;
    j.url = all->url;
    j.driver = 1;
    j.size = all->n + !all->l.trains;
    j.cancel = all->l.remote ? o->cancel : &all->cannot_join;
    j.timeout_ms = all->l.join_timeout_ms;
    j.lost_after_ms = all->l.worker_timeout_ms;
    const dl4c_status status = all->l.group ? DL4C_OK : dl4c_group_join(all->l.ctx, &j, &all->l.group, err);
    if (status == DL4C_E_CANCELLED && !all->l.remote) {
        stop(all);
        if (err)
            *err = all->complaint;
        return all->complaint.status;
    }
    DLI_TRY(status);
    all->l.m.group = all->l.group;
    if (all->l.remote && !all->l.trains) /* of a fixed group all are cancelled alike: what one breaks off the others wait for */
        DLI_TRY(dli_breaker_start(&all->breaker, all->l.group, o->cancel, watch->deadline_ns, err));
    int32_t without;
    const dl4c_status met = dli_leader_welcome(&all->l, watch, &without, err);
    return dli_leader_may_go_on(&all->l, met) ? dli_leader_regroup(&all->l, without, watch, err) : met;
}

/* Texts are borrowed from the trainer and from the source, which outlive it. */
static dl4c_status describe_settings(struct dli_workers *all, const struct dl4c_fit_options *o, dl4c_source *source, struct dl4c_error *err)
{
    struct dl4c_source_info info = DL4C_SOURCE_INFO_INIT;
    if (source)
        DLI_TRY(dl4c_source_get_info(source, &info, err));
    const bool stored = info.store && info.digest;
    const dl4c_trainer *t = all->t;
    all->settings = (struct dli_settings){ .updater = t->updater,
                                           .l1 = t->l1,
                                           .l2 = t->l2,
                                           .seed = t->seed,
                                           .batch = t->batch,
                                           .frequency = o->averaging_frequency,
                                           .prefetch = o->prefetch,
                                           .average_state = !o->no_save_updater,
                                           .exchange = o->exchange,
                                           .gradients = (o->flags & DL4C_FIT_GRADIENTS) != 0,
                                           .class_weights = t->class_weights,
                                           .n_class_weights = t->n_class_weights,
                                           .shape = t->shape,
                                           .store = (char *)(uintptr_t)(stored ? info.store : NULL),
                                           .digest = (char *)(uintptr_t)(stored ? info.digest : NULL) };
    all->l.settings = &all->settings;
    return DL4C_OK;
}

static dl4c_status make(struct dli_workers *all, const struct dl4c_fit_options *o, dl4c_source *source, struct dli_watch *watch,
                        struct dl4c_error *err)
{
    struct dli_leader *l = &all->l;
    char own[64];
    snprintf(own, sizeof own, "threads:fit %" PRIu64, atomic_fetch_add(&l->ctx->serial, 1));
    l->remote = dli_fit_leads(o);
    l->trains = !l->remote || dli_fit_by_all(o);
    l->min_workers = o->min_workers ? o->min_workers : 1;
    l->worker_timeout_ms = o->worker_timeout_ms ? o->worker_timeout_ms : 10000;
    l->join_timeout_ms = o->join_timeout_ms ? o->join_timeout_ms : 60000;
    l->round_timeout_ms = o->round_timeout_ms;
    l->dl4j = all->splits = (o->flags & DL4C_FIT_AS_DL4J) != 0;
    if (!(all->url = dli_strdup(l->ctx, l->remote ? o->transport : own, err)))
        return dli_alloc_status();
    l->m.ctx = l->ctx;
    l->m.patience_ms = l->round_timeout_ms ? l->round_timeout_ms : DLI_VECTOR_MS;
    DLI_TRY(describe_settings(all, o, source, err));
    DLI_TRY(dli_member_init(&l->m, all->t, &all->settings, err));
    if (!l->remote)
        DLI_TRY(make_threads(all, o, err));
    return gather(all, o, watch, err);
}

dl4c_status dli_workers_create(dl4c_trainer *t, const struct dl4c_fit_options *o, dl4c_source *source, dl4c_group **group, int64_t rounds,
                               struct dli_run *run, struct dli_watch *watch, struct dli_workers **workers, struct dl4c_error *err)
{
    *workers = NULL;
    struct dli_workers *all = dli_calloc(t->ctx, 1, sizeof *all, err);
    if (!all)
        return dli_alloc_status();
    all->l.ctx = t->ctx;
    all->l.group = *group;
    *group = NULL;
    all->l.rounds = rounds;
    all->l.run = run;
    all->t = t;
    all->n = o->workers;
    all->prefetch = o->prefetch;
    all->read.ctx = t->ctx;
    const dl4c_status status = make(all, o, source, watch, err);
    if (status != DL4C_OK) {
        dli_workers_destroy(&all, status, err ? err->message : "");
        return status;
    }
    *workers = all;
    return DL4C_OK;
}

void dli_workers_destroy(struct dli_workers **workers, dl4c_status status, const char *message)
{
    struct dli_workers *all = *workers;
    if (!all)
        return;
    *workers = NULL;
    const bool fixed = all->l.remote && all->l.trains; /* a group that nobody else can lead */
    dli_breaker_stop(&all->breaker);
    if (all->l.group && (fixed || (status != DL4C_E_CANCELLED && status != DL4C_E_TIMEOUT))) /* then it may go on elsewhere */
        dli_leader_end(&all->l, status, message);
    stop(all);
    for (int32_t i = 1; all->members && i < all->n; i++)
        dli_member_clear(&all->members[i]);
    dli_leader_clear(&all->l);
    dli_rows_free(&all->read);
    dli_rows_free(&all->ahead.rows);
    dli_trainer_copy_free(&all->before);
    dli_free(all->url);
    dli_free(all->members);
    dli_free(all->threads);
    dli_free(all->first);
    dli_free(all->count);
    dli_free(all->results);
    dli_free(all);
}
