/* SPDX-License-Identifier: Apache-2.0 */
/* Workers in threads, and the rounds of parameter averaging.
 *
 * Worker 0 leads. In a round it tells every worker what to do (an order), all train their shares, every worker tells it how that went (a
 * report), it tells all whether to go on (a verdict), and all take the mean. Orders, reports and verdicts are messages of the group; the
 * rows lie in memory that all see and only worker 0 writes, between rounds. */
#include "train/workers.h"
#include "base/thread_pool.h"
#include "graph/graph.h"

#include <dl4c/transport.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* How long a worker waits before it looks again whether its group still stands, and worker 0 before it looks at the host's flags. */
enum { LOOK_MS = 200, MEAN_TIMEOUT_MS = 600000 };

enum { ORDER_ROUND = 1, ORDER_END = 2 };

struct order {
    int32_t what, steps;
    int64_t iteration, epoch; /* the graph's, before the round */
};

/* One copy at work. Threads take the seat of the rank that they are given, so that ranks are positions in the data. */
struct worker {
    struct dli_workers *all;
    int32_t number;
    dl4c_trainer *t;   /* worker 0's is borrowed */
    dl4c_graph *graph; /* the copy; NULL for worker 0 */
    dl4c_group *group;
    int32_t n_steps, told; /* minibatches of the round that were its; those of them that are among the results */
    int64_t seen;          /* rows of the round */
    dl4c_status status;    /* of the last round; read by worker 0 once it was reported */
    struct dl4c_error err;
    struct dli_worker_step *steps; /* [frequency] */
};

struct dli_workers {
    dl4c_context *ctx; /* borrowed from the trainer */
    dl4c_trainer *t;
    int32_t n, frequency;
    bool average_state;
    int64_t rounds;
    char url[64];
    struct worker *workers;          /* [n] */
    pthread_t *threads;              /* [n]; those of 1 .. n_started are there */
    int32_t n_started;
    int32_t cannot_join;             /* set by a thread that cannot: worker 0 waits no longer */
    _Atomic int32_t complained;      /* of threads without a seat, the first says why */
    struct dl4c_error complaint;
    bool dl4j;                       /* see dli_workers_as_dl4j */
    struct dli_rows read;            /* of a source, for a round */
    const struct dli_rows *rows;     /* of the round at work ... */
    const int64_t *first, *count;    /* ... and which are whose: [worker * frequency + step] */
    int64_t *own_first, *own_count;  /* of rounds that are read */
    struct dli_worker_step *results; /* [n * frequency] */
    float *state;                    /* of the updater before the first round, where it is not averaged; else NULL */
    struct dli_trainer_copy before;  /* worker 0's at the beginning of the round, for a round that fails */
};

int64_t dli_workers_rounds(const struct dli_workers *w) { return w->rounds; }

/* ---- a round, on any worker ---- */

static dl4c_status train_share(struct worker *w, const struct order *o, struct dl4c_error *err)
{
    const struct dli_workers *all = w->all;
    const bool anew = all->dl4j && !w->t->graph->multilayer;
    w->t->graph->iteration = anew ? 0 : o->iteration;
    w->t->graph->epoch = anew ? 0 : o->epoch;
    w->n_steps = 0;
    w->seen = 0;
    for (int32_t s = 0; s < o->steps; s++) {
        const int64_t at = (int64_t)w->number * all->frequency + s;
        struct dl4c_batch b;
        struct dli_worker_step *r = &w->steps[w->n_steps];
        if (all->count[at] == 0)
            continue;
        dli_rows_batch(all->rows, all->first[at], all->count[at], &b);
        *r = (struct dli_worker_step){ .worker = w->number, .step = s, .rows = b.n, .labels = b.labels, .y = b.y };
        const dl4c_status status = dli_trainer_run(w->t, true, &b, &r->score, &r->right, err);
        if (status != DL4C_OK)
            return dli_fail_prefix(err, status, "worker %" PRId32, w->number);
        r->counted = w->t->counted;
        w->seen += b.n;
        w->n_steps++;
    }
    return DL4C_OK;
}

/* Every worker calls it: parameters and state become the mean. */
static dl4c_status take_mean(struct worker *w, const struct order *o, struct dl4c_error *err)
{
    dl4c_trainer *t = w->t;
    struct dl4c_average_options a = DL4C_AVERAGE_OPTIONS_INIT;
    a.weight = w->all->dl4j ? w->seen > 0 : w->seen;
    a.threads = t->threads;
    a.timeout_ms = MEAN_TIMEOUT_MS;
    DLI_TRY(dli_trainer_own(t, err)); /* who had no rows may still share them */
    float *params = t->tape->params->data;
    DLI_TRY(dl4c_group_average(w->group, &a, params, params, t->tape->n_params, NULL, err));
    if (t->state && w->all->state) {
        memcpy(t->state->data, w->all->state, t->state->bytes);
    } else if (t->state) {
        float *state = t->state->data;
        DLI_TRY(dl4c_group_average(w->group, &a, state, state, (int64_t)(t->state->bytes / sizeof *state), NULL, err));
    }
    dli_tape_changed(t->tape);
    t->graph->iteration = o->iteration + (w->all->dl4j ? w->all->frequency : o->steps);
    t->graph->epoch = o->epoch;
    return DL4C_OK;
}

/* ---- the other workers ---- */

/* The next message of worker 0, however long that takes; the group ends when it is gone. */
static dl4c_status next_message(struct worker *w, void *message, size_t size, struct dl4c_error *err)
{
    for (;;) {
        const dl4c_status status = dl4c_group_recv(w->group, 0, message, size, LOOK_MS, err);
        if (status != DL4C_E_TIMEOUT)
            return status;
    }
}

/* Answers a failure to end, DL4C_OK to go on to the next order. */
static dl4c_status follow(struct worker *w, const struct order *o, struct dl4c_error *err)
{
    int32_t verdict = 0;
    w->status = train_share(w, o, &w->err);
    DLI_TRY(dl4c_group_send(w->group, 0, &w->status, sizeof w->status, MEAN_TIMEOUT_MS, err));
    DLI_TRY(next_message(w, &verdict, sizeof verdict, err));
    return verdict ? take_mean(w, o, err) : DL4C_E_PEER;
}

static dl4c_status join(struct dli_workers *all, struct worker **seat, struct dl4c_error *err)
{
    struct dl4c_group_options j = DL4C_GROUP_OPTIONS_INIT;
    struct dl4c_members who = DL4C_MEMBERS_INIT;
    dl4c_group *group;
    j.url = all->url;
    j.cancel = &all->cannot_join;
    DLI_TRY(dl4c_group_join(all->ctx, &j, &group, err));
    DLI_TRY(dl4c_group_members(group, &who, err));
    *seat = &all->workers[who.rank];
    (*seat)->group = group;
    return DL4C_OK;
}

static void *work(void *arg)
{
    struct dli_workers *all = arg;
    struct dl4c_error err = DL4C_ERROR_INIT;
    struct order o = { 0 };
    struct worker *w;
    dl4c_status status = join(all, &w, &err);
    if (status != DL4C_OK) {
        if (atomic_fetch_add(&all->complained, 1) == 0)
            all->complaint = err;
        dl4c_cancel_set(&all->cannot_join);
        return NULL;
    }
    while (status == DL4C_OK && (status = next_message(w, &o, sizeof o, &err)) == DL4C_OK && o.what == ORDER_ROUND)
        status = follow(w, &o, &err);
    if (w->status == DL4C_OK && status != DL4C_OK) {
        w->status = status;
        w->err = err;
    }
    dl4c_group_leave(&w->group, 0);
    return NULL;
}

/* ---- worker 0 ---- */

/* The report of a worker, while the host's flags are watched. */
static dl4c_status report_of(struct dli_workers *all, int32_t number, struct dli_watch *watch, dl4c_status *report, struct dl4c_error *err)
{
    for (;;) {
        DLI_TRY(dli_watch_check(watch, err));
        const dl4c_status status = dl4c_group_recv(all->workers[0].group, number, report, sizeof *report, LOOK_MS, err);
        if (status != DL4C_E_TIMEOUT)
            return status;
    }
}

static dl4c_status tell_all(struct dli_workers *all, const void *message, size_t size, struct dl4c_error *err)
{
    for (int32_t i = 1; i < all->n; i++)
        DLI_TRY(dl4c_group_send(all->workers[0].group, i, message, size, MEAN_TIMEOUT_MS, err));
    return DL4C_OK;
}

static dl4c_status run_round(struct dli_workers *all, int32_t steps, struct dli_watch *watch, struct dl4c_error *err)
{
    struct worker *w = &all->workers[0];
    const struct order o = { ORDER_ROUND, steps, all->t->graph->iteration, all->t->graph->epoch };
    int32_t verdict = 1;
    DLI_TRY(tell_all(all, &o, sizeof o, err));
    w->status = train_share(w, &o, &w->err);
    verdict = w->status == DL4C_OK;
    for (int32_t i = 1; i < all->n; i++) {
        dl4c_status report = DL4C_OK;
        DLI_TRY(report_of(all, i, watch, &report, err));
        verdict = verdict && report == DL4C_OK;
    }
    const dl4c_status told = tell_all(all, &verdict, sizeof verdict, err);
    return !verdict ? DL4C_E_PEER : told == DL4C_OK ? take_mean(w, &o, err) : told;
}

/* Ends the threads: the others see that worker 0 has left, and go. */
static void stop(struct dli_workers *all)
{
    dl4c_cancel_set(&all->cannot_join);
    if (all->workers)
        dl4c_group_leave(&all->workers[0].group, 0);
    for (int32_t i = 1; i <= all->n_started; i++)
        pthread_join(all->threads[i], NULL);
    all->n_started = 0;
}

/* Why a round failed: worker 0 may have seen no more than that another one is gone. */
static dl4c_status reason(struct dli_workers *all, dl4c_status status, struct dl4c_error *err)
{
    const struct worker *first = NULL;
    stop(all);
    for (int32_t i = 0; i < all->n && !first; i++)
        if (all->workers[i].status != DL4C_OK && all->workers[i].status != DL4C_E_PEER)
            first = &all->workers[i];
    if (!first || status != DL4C_E_PEER)
        return status;
    if (err)
        *err = first->err;
    return first->status;
}

dl4c_status dli_workers_run(struct dli_workers *all, const struct dli_rows *rows, const int64_t *first, const int64_t *count,
                            struct dli_watch *watch, const struct dli_worker_step **steps, int64_t *n, struct dl4c_error *err)
{
    int32_t n_steps = 0;
    for (int32_t i = 0; i < all->n; i++)
        for (int32_t s = 0; s < all->frequency; s++)
            if (count[(int64_t)i * all->frequency + s] > 0 && s >= n_steps)
                n_steps = s + 1;
    all->rows = rows;
    all->first = first;
    all->count = count;
    *n = 0;
    DLI_TRY(dli_trainer_save(all->t, &all->before, err));
    const dl4c_status status = run_round(all, n_steps, watch, err);
    if (status != DL4C_OK) {
        (void)dli_trainer_restore(all->t, &all->before, NULL); /* into memory that is this trainer's own already */
        return reason(all, status, err);
    }
    all->rounds++;
    for (int32_t i = 0; i < all->n; i++)
        all->workers[i].told = 0;
    for (int32_t s = 0; s < n_steps; s++)
        for (int32_t i = 0; i < all->n; i++) {
            struct worker *w = &all->workers[i];
            if (w->told < w->n_steps && w->steps[w->told].step == s)
                all->results[(*n)++] = w->steps[w->told++];
        }
    *steps = all->results;
    return DL4C_OK;
}

/* The rows of a round, each step's shared out. Where nobody knows how many are left, a step's rows are there before they are shared. */
static dl4c_status read_rows(struct dli_workers *all, dl4c_source *source, struct dl4c_error *err)
{
    const int64_t each = all->t->batch * all->n;
    bool more = true;
    all->read.n = 0;
    for (int32_t s = 0; s < all->frequency; s++) {
        const int64_t before = all->read.n;
        if (more)
            DLI_TRY(dli_rows_add(&all->read, all->t, source, each, err));
        more = all->read.n == before + each;
        for (int32_t i = 0; i < all->n; i++) {
            const int64_t at = (int64_t)i * all->frequency + s;
            int64_t first, last;
            dli_share(all->read.n - before, all->n, i, &first, &last);
            all->own_first[at] = before + first;
            all->own_count[at] = last - first;
        }
    }
    return DL4C_OK;
}

dl4c_status dli_workers_round(struct dli_workers *all, dl4c_source *source, struct dli_watch *watch, const struct dli_worker_step **steps,
                              int64_t *n, struct dl4c_error *err)
{
    *n = 0;
    DLI_TRY(read_rows(all, source, err));
    if (all->read.n == 0)
        return DL4C_OK;
    return dli_workers_run(all, &all->read, all->own_first, all->own_count, watch, steps, n, err);
}

void dli_workers_as_dl4j(struct dli_workers *all) { all->dl4j = true; }

/* ---- making ---- */

static dl4c_status make_worker(struct dli_workers *all, int32_t number, const struct dl4c_fit_options *o, struct dl4c_error *err)
{
    struct worker *w = &all->workers[number];
    struct dl4c_fit_options own = *o;
    w->all = all;
    w->number = number;
    w->steps = dli_calloc(all->ctx, (size_t)all->frequency, sizeof *w->steps, err);
    if (!w->steps)
        return dli_alloc_status();
    if (number == 0) {
        w->t = all->t;
        return DL4C_OK;
    }
    const int32_t width = dli_parallel_width(all->ctx, o->threads) / all->n;
    own.threads = width > 1 ? width : 1;
    own.class_weights = all->t->class_weights;
    own.n_class_weights = all->t->n_class_weights;
    own.seed = o->seed + (uint64_t)number * 0x9e3779b97f4a7c15u; /* of dropout: masks of their own */
    DLI_TRY(dli_graph_copy(all->t->graph, &w->graph, err));
    DLI_TRY(dli_trainer_create(w->graph, &own, &all->t->shape, &w->t, err));
    DLI_TRY(dli_graph_begin_training(w->graph, err));
    w->t->held = true;
    return DL4C_OK;
}

static dl4c_status keep_state(struct dli_workers *all, struct dl4c_error *err)
{
    const struct dli_blob *state = all->t->state;
    if (all->average_state || !state)
        return DL4C_OK;
    if (!(all->state = dli_alloc(all->ctx, state->bytes, err)))
        return dli_alloc_status();
    memcpy(all->state, state->data, state->bytes);
    return DL4C_OK;
}

static dl4c_status gather(struct dli_workers *all, struct dl4c_error *err)
{
    struct dl4c_group_options j = DL4C_GROUP_OPTIONS_INIT;
    for (int32_t i = 1; i < all->n; i++) {
        if (!dli_thread_start(&all->threads[i], work, all))
            return dli_fail(err, DL4C_E_NOMEM, "train", "thread %" PRId32 " of %" PRId32 " workers cannot be started", i, all->n);
        all->n_started = i;
    }
    j.url = all->url;
    j.driver = 1;
    j.size = all->n;
    j.cancel = &all->cannot_join;
    const dl4c_status status = dl4c_group_join(all->ctx, &j, &all->workers[0].group, err);
    if (status != DL4C_E_CANCELLED)
        return status;
    stop(all);
    if (err)
        *err = all->complaint;
    return all->complaint.status;
}

static dl4c_status make(struct dli_workers *all, const struct dl4c_fit_options *o, struct dl4c_error *err)
{
    size_t results;
    if (!dli_mul_size((size_t)all->n, (size_t)all->frequency, &results))
        return dli_fail(err, DL4C_E_LIMIT, "train", "%" PRId32 " workers and an averaging frequency of %" PRId32 " are too many", all->n,
                        all->frequency);
    all->workers = dli_calloc(all->ctx, (size_t)all->n, sizeof *all->workers, err);
    all->threads = dli_calloc(all->ctx, (size_t)all->n, sizeof *all->threads, err);
    all->own_first = dli_calloc(all->ctx, results, sizeof *all->own_first, err);
    all->own_count = dli_calloc(all->ctx, results, sizeof *all->own_count, err);
    all->results = dli_calloc(all->ctx, results, sizeof *all->results, err);
    if (!all->workers || !all->threads || !all->own_first || !all->own_count || !all->results)
        return dli_alloc_status();
    DLI_TRY(keep_state(all, err));
    for (int32_t i = 0; i < all->n; i++)
        DLI_TRY(make_worker(all, i, o, err));
    return gather(all, err);
}

dl4c_status dli_workers_create(dl4c_trainer *t, const struct dl4c_fit_options *o, struct dli_workers **workers, struct dl4c_error *err)
{
    *workers = NULL;
    struct dli_workers *all = dli_calloc(t->ctx, 1, sizeof *all, err);
    if (!all)
        return dli_alloc_status();
    all->ctx = t->ctx;
    all->t = t;
    all->n = o->workers;
    all->frequency = o->averaging_frequency;
    all->average_state = !o->no_save_updater;
    all->read.ctx = t->ctx;
    snprintf(all->url, sizeof all->url, "threads:fit %" PRIu64, atomic_fetch_add(&t->ctx->serial, 1));
    const dl4c_status status = make(all, o, err);
    if (status != DL4C_OK) {
        dli_workers_destroy(&all);
        return status;
    }
    *workers = all;
    return DL4C_OK;
}

void dli_workers_destroy(struct dli_workers **workers)
{
    struct dli_workers *all = *workers;
    if (!all)
        return;
    *workers = NULL;
    stop(all);
    for (int32_t i = 0; all->workers && i < all->n; i++) {
        struct worker *w = &all->workers[i];
        if (w->graph && w->t && w->t->held)
            dli_graph_end_training(w->graph);
        if (i > 0)
            dl4c_trainer_destroy(&w->t);
        dl4c_graph_destroy(&w->graph);
        dli_free(w->steps);
    }
    dli_rows_free(&all->read);
    dli_trainer_copy_free(&all->before);
    dli_free(all->workers);
    dli_free(all->threads);
    dli_free(all->own_first);
    dli_free(all->own_count);
    dli_free(all->results);
    dli_free(all->state);
    dli_free(all);
}
