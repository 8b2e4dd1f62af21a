/* SPDX-License-Identifier: Apache-2.0 */
/* Training that one leads and others work in, over a group: the same bits as threads, and what a worker that is lost, comes late, lies or
 * joins in between costs. The group is one of threads, so that all of it runs in this process. */
#define _XOPEN_SOURCE 700 /* mkdtemp */
#include "base/deadline.h"
#include "graph/graph.h"
#include "support/must.h"
#include "train/member.h"
#include "train/toy.h"
#include "transport/transport.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { N = 50, MOST = 6 };

/* ---- workers ---- */

struct mate {
    pthread_t thread;
    char url[64];
    int32_t cancel;
    dl4c_status status;
    struct dl4c_error err;
    enum { HONEST, STRANGER, HANGS, LIES, SILENT } kind;
    int32_t let_go; /* of one that hangs */
};

/* One that speaks for itself: another protocol, or none. */
static dl4c_status misbehave(struct mate *m)
{
    struct dl4c_group_options j = DL4C_GROUP_OPTIONS_INIT;
    struct dli_hello hello = { DLI_WIRE_MAGIC, DLI_WIRE_VERSION, 0, 1 };
    dl4c_group *g = NULL;
    j.url = m->url;
    const dl4c_status status = dl4c_group_join(NULL, &j, &g, &m->err);
    if (status != DL4C_OK)
        return status;
    hello.magic += m->kind == STRANGER;
    hello.level = 2;
    if (m->kind != SILENT)
        (void)dl4c_group_send(g, 0, &hello, sizeof hello, 5000, NULL);
    if (m->kind == LIES) { /* it says it was set up, so that a round is next: a report of what it was never given */
        struct dli_order o;
        struct dli_report r = { .status = DL4C_OK, .steps = 1 << 20 };
        (void)dl4c_group_recv(g, 0, &o, sizeof o, 5000, NULL);
        (void)dl4c_group_send(g, 0, &r, sizeof r, 5000, NULL);
    }
    while (!__atomic_load_n(&m->let_go, __ATOMIC_ACQUIRE))
        wait_ms(5);
    dl4c_group_leave(&g, 0);
    return DL4C_OK;
}

static void *work(void *arg)
{
    struct mate *m = arg;
    struct dl4c_worker_options o = DL4C_WORKER_OPTIONS_INIT;
    o.cancel = &m->cancel;
    o.threads = 1;
    o.join_timeout_ms = 20000;
    m->status = m->kind == HONEST ? dl4c_worker_run(NULL, m->url, &o, &m->err) : misbehave(m);
    return NULL;
}

static void start(struct mate *m, const char *url, int kind)
{
    *m = (struct mate){ .kind = kind, .err = DL4C_ERROR_INIT };
    snprintf(m->url, sizeof m->url, "%s", url);
    assert_int_equal(pthread_create(&m->thread, NULL, work, m), 0);
}

/* ---- the leader ---- */

/* What happens at an iteration. */
struct plan {
    int64_t at;          /* 0: nothing does */
    struct mate *leaves; /* is told to go */
    struct mate *joins;  /* is started; url of the mate that is there */
    const char *url;
    int32_t *cancel;     /* the leader's own */
    bool fired;
    int64_t examples[8]; /* by epoch */
    int most_workers;    /* seen in one iteration */
    int64_t last;
    int now;
};

static dl4c_status on_event(void *user, struct dl4c_train_event *e, struct dl4c_error *err)
{
    struct plan *p = user;
    (void)err;
    if (e->kind != DL4C_TRAIN_ITERATION)
        return DL4C_OK;
    p->examples[e->epoch - 1] += e->rows;
    p->now = e->iteration == p->last ? p->now + 1 : 1;
    p->last = e->iteration;
    p->most_workers = p->now > p->most_workers ? p->now : p->most_workers;
    if (!p->at || e->iteration < p->at || p->fired)
        return DL4C_OK;
    p->fired = true;
    if (p->leaves)
        dl4c_cancel_set(&p->leaves->cancel);
    if (p->joins) {
        start(p->joins, p->url, HONEST);
        wait_ms(100); /* it waits for the next generation by then */
    }
    if (p->cancel)
        dl4c_cancel_set(p->cancel);
    return DL4C_OK;
}

static dl4c_graph *network(void)
{
    const int64_t shape[] = { TOY_FEATURES };
    const char *specs[] = { "dense:units=7,activation=relu,dropout=0.7", "output:units=3,activation=softmax" };
    return toy_graph(NULL, shape, 1, specs, 2);
}

static int32_t exchange; /* of the test at work */
static bool gradients;   /* the same */

static struct dl4c_fit_options options(const char *url, int workers)
{
    struct dl4c_fit_options o = DL4C_FIT_OPTIONS_INIT;
    o.transport = url;
    o.workers = workers;
    o.batch = 4;
    o.exchange = url ? exchange : DL4C_EXCHANGE_F32;
    o.flags = url && gradients ? DL4C_FIT_GRADIENTS : 0;
    o.averaging_frequency = gradients ? 0 : 2;
    o.epochs = 4;
    o.updater = "adam:lr=0.02";
    o.worker_timeout_ms = 3000;
    o.join_timeout_ms = 20000;
    return o;
}

static dl4c_status lead(struct dl4c_fit_options *o, struct plan *p, dl4c_graph **g, struct dl4c_error *err)
{
    dl4c_source *s = toy_source(NULL, N, 1);
    const struct dl4c_listener l = { .struct_size = sizeof l, .user = p, .event = on_event };
    o->listeners = &l;
    o->n_listeners = 1;
    *g = network();
    const dl4c_status status = dl4c_fit(*g, s, o, err);
    o->listeners = NULL;
    dl4c_source_destroy(&s);
    return status;
}

static void same(dl4c_graph *a, dl4c_graph *b)
{
    char *x = NULL, *y = NULL;
    assert_int_equal(dl4c_graph_digest(a, &x, NULL), DL4C_OK);
    assert_int_equal(dl4c_graph_digest(b, &y, NULL), DL4C_OK);
    assert_string_equal(x, y);
    assert_int_equal(a->iteration, b->iteration);
    assert_int_equal(a->updater_state->bytes, b->updater_state->bytes);
    assert_memory_equal(a->updater_state->data, b->updater_state->data, a->updater_state->bytes);
    dl4c_free(x);
    dl4c_free(y);
}

static void each_example_once(const struct plan *p, int epochs)
{
    for (int e = 0; e < epochs; e++)
        assert_int_equal(p->examples[e], N);
}

/* n workers over a group and n threads, each after an epoch alone, so that the updater has a state already. */
static void both_ways(const char *url, int n, int no_save_updater, int prefetch)
{
    struct dl4c_error err = DL4C_ERROR_INIT;
    dl4c_graph *g[2];
    for (int way = 0; way < 2; way++) {
        struct mate mates[4];
        struct plan alone = { 0 }, p = { 0 };
        struct dl4c_fit_options o = options(NULL, 1);
        o.epochs = 1;
        must(lead(&o, &alone, &g[way], &err), &err);
        o = options(url, n);
        o.transport = way ? NULL : url;
        o.no_save_updater = no_save_updater;
        o.prefetch = way ? 0 : prefetch;
        o.averaging_frequency = gradients ? 0 : prefetch ? 4 : 2;
        for (int i = 0; i < n && !way; i++)
            start(&mates[i], url, HONEST);
        dl4c_source *s = toy_source(NULL, N, 1);
        const struct dl4c_listener l = { .struct_size = sizeof l, .user = &p, .event = on_event };
        o.listeners = &l;
        o.n_listeners = 1;
        must(dl4c_fit(g[way], s, &o, &err), &err);
        dl4c_source_destroy(&s);
        for (int i = 0; i < n && !way; i++) {
            pthread_join(mates[i].thread, NULL);
            must(mates[i].status, &mates[i].err);
        }
        assert_int_equal(p.examples[1], N);
        assert_int_equal(p.examples[4], N);
    }
    same(g[0], g[1]);
    dl4c_graph_destroy(&g[0]);
    dl4c_graph_destroy(&g[1]);
}

static void the_bits_are_those_of_threads(void **state)
{
    (void)state;
    for (int n = 1; n <= 4; n++) {
        char url[64];
        snprintf(url, sizeof url, "threads:bits %d", n);
        both_ways(url, n, 0, 0);
    }
}

static void an_updater_that_begins_anew_does_so_everywhere(void **state)
{
    (void)state;
    both_ways("threads:anew", 3, 1, 0);
}

static void minibatches_that_are_received_ahead_give_the_same_bits(void **state)
{
    (void)state;
    both_ways("threads:ahead", 2, 0, 1);
    both_ways("threads:far ahead", 3, 0, 100);
}

static void halves_have_the_same_bits_too(void **state)
{
    (void)state;
    exchange = DL4C_EXCHANGE_BF16;
    both_ways("threads:halves", 3, 0, 0);
    exchange = DL4C_EXCHANGE_F32;
}

/* Runs with three workers and a plan; the graph it ends with. The first mate is the plan's to send away. */
static dl4c_graph *run(const char *url, struct plan *p, struct mate *newcomer)
{
    struct dl4c_error err = DL4C_ERROR_INIT;
    struct mate mates[3];
    struct dl4c_fit_options o = options(url, 3);
    dl4c_graph *g;
    for (int i = 0; i < 3; i++)
        start(&mates[i], url, HONEST);
    p->leaves = p->leaves ? &mates[0] : NULL;
    must(lead(&o, p, &g, &err), &err);
    for (int i = 0; i < 3; i++) {
        pthread_join(mates[i].thread, NULL);
        if (p->leaves == &mates[i])
            assert_int_equal(mates[i].status, DL4C_E_CANCELLED);
        else
            must(mates[i].status, &mates[i].err);
    }
    if (newcomer) {
        pthread_join(newcomer->thread, NULL);
        must(newcomer->status, &newcomer->err);
    }
    each_example_once(p, 4);
    return g;
}

static void a_worker_that_is_lost_costs_no_example_and_the_bits_follow(void **state)
{
    (void)state;
    struct mate any;
    struct plan none = { 0 };
    dl4c_graph *whole = run("threads:whole", &none, NULL), *first = NULL;
    for (int i = 0; i < 3; i++) {
        char url[64];
        struct plan p = { .at = 7, .leaves = &any };
        snprintf(url, sizeof url, "threads:lost %d", i);
        dl4c_graph *g = run(url, &p, NULL);
        assert_true(p.fired);
        assert_true(g->iteration > whole->iteration); /* two workers take more steps for the same rows */
        if (first) {
            same(g, first);
            dl4c_graph_destroy(&g);
        } else {
            first = g;
        }
    }
    dl4c_graph_destroy(&first);
    dl4c_graph_destroy(&whole);
}

/* The same with gradients, whole and as halves: a lost worker's step is made again without it. */
static void gradients_have_the_same_bits_and_survive_a_loss(void **state)
{
    gradients = true;
    both_ways("threads:gradients", 3, 0, 0);
    a_worker_that_is_lost_costs_no_example_and_the_bits_follow(state);
    exchange = DL4C_EXCHANGE_BF16;
    both_ways("threads:half gradients", 2, 0, 2);
    exchange = DL4C_EXCHANGE_F32;
    gradients = false;
}

static void a_newcomer_gets_its_share(void **state)
{
    (void)state;
    struct mate newcomer;
    struct plan p = { .at = 7, .joins = &newcomer, .url = "threads:more" };
    dl4c_graph *g = run("threads:more", &p, &newcomer);
    assert_int_equal(p.most_workers, 4);
    dl4c_graph_destroy(&g);
}

/* A stranger is left behind at once, one that hangs when its round is over, a liar when it has lied; the training ends as without them. */
static void whoever_misbehaves_is_left_behind(void **state)
{
    (void)state;
    struct dl4c_error err = DL4C_ERROR_INIT;
    for (int kind = STRANGER; kind <= LIES; kind++) {
        struct mate good[2], bad;
        struct plan p = { 0 };
        dl4c_graph *g;
        char url[64];
        snprintf(url, sizeof url, "threads:bad %d", kind);
        for (int i = 0; i < 2; i++)
            start(&good[i], url, HONEST);
        start(&bad, url, kind);
        struct dl4c_fit_options o = options(url, 3);
        o.round_timeout_ms = 300;
        o.worker_timeout_ms = 500;
        must(lead(&o, &p, &g, &err), &err);
        each_example_once(&p, 4);
        assert_int_equal(p.most_workers, 2);
        __atomic_store_n(&bad.let_go, 1, __ATOMIC_RELEASE);
        pthread_join(bad.thread, NULL);
        for (int i = 0; i < 2; i++) {
            pthread_join(good[i].thread, NULL);
            must(good[i].status, &good[i].err);
        }
        dl4c_graph_destroy(&g);
    }
}

static void too_few_workers_end_the_training_in_time(void **state)
{
    (void)state;
    struct dl4c_error err = DL4C_ERROR_INIT;
    struct mate mates[2];
    struct plan p = { .at = 5, .leaves = &mates[0] };
    struct dl4c_fit_options o = options("threads:few", 2);
    dl4c_graph *g;
    o.min_workers = 2;
    o.worker_timeout_ms = 200;
    o.join_timeout_ms = 700;
    for (int i = 0; i < 2; i++)
        start(&mates[i], "threads:few", HONEST);
    assert_int_equal(lead(&o, &p, &g, &err), DL4C_E_PEER);
    assert_non_null(strstr(err.message, "fewer than 2 workers"));
    dl4c_cancel_set(&mates[1].cancel);
    for (int i = 0; i < 2; i++) {
        pthread_join(mates[i].thread, NULL);
        assert_int_equal(mates[i].status, DL4C_E_CANCELLED);
    }
    dl4c_graph_destroy(&g);
}

/* The leader goes and comes back with its checkpoint; the workers wait for it. */
static void a_leader_that_comes_back_goes_on_to_the_same_bits(void **state)
{
    (void)state;
    struct dl4c_error err = DL4C_ERROR_INIT;
    struct plan none = { 0 }, again = { 0 };
    char dir[] = "/tmp/dl4c-remote-XXXXXX", command[64];
    int32_t cancel = 0;
    struct plan p = { .at = 9, .cancel = &cancel };
    struct mate mates[3];
    dl4c_graph *g, *want = run("threads:never", &none, NULL);
    struct dl4c_fit_options o = options("threads:back", 3);
    assert_non_null(mkdtemp(dir));
    o.checkpoint_dir = dir;
    o.cancel = &cancel;
    for (int i = 0; i < 3; i++)
        start(&mates[i], "threads:back", HONEST);
    assert_int_equal(lead(&o, &p, &g, &err), DL4C_E_CANCELLED);
    dl4c_graph_destroy(&g);
    cancel = 0;
    o.resume = 1;
    must(lead(&o, &again, &g, &err), &err);
    for (int i = 0; i < 3; i++) {
        pthread_join(mates[i].thread, NULL);
        must(mates[i].status, &mates[i].err);
    }
    same(g, want);
    dl4c_graph_destroy(&g);
    dl4c_graph_destroy(&want);
    snprintf(command, sizeof command, "rm -rf '%s'", dir);
    assert_int_equal(system(command), 0);
}

static void a_training_that_diverges_ends_for_all(void **state)
{
    (void)state;
    struct dl4c_error err = DL4C_ERROR_INIT;
    struct mate mates[2];
    static float x[N * TOY_FEATURES];
    static int64_t labels[N];
    const int64_t shape[] = { TOY_FEATURES };
    toy_examples(N, 1, NULL, x, labels);
    x[17] = NAN;
    dl4c_tensor *xt = toy_f32(x, N, shape, 1), *yt = toy_i64(labels, N);
    dl4c_source *s = NULL;
    dl4c_graph *g = network();
    struct dl4c_fit_options o = options("threads:diverges", 2);
    must(dl4c_source_tensors(NULL, xt, yt, TOY_CLASSES, &s, &err), &err);
    for (int i = 0; i < 2; i++)
        start(&mates[i], "threads:diverges", HONEST);
    assert_int_equal(dl4c_fit(g, s, &o, &err), DL4C_E_DIVERGED);
    for (int i = 0; i < 2; i++) {
        pthread_join(mates[i].thread, NULL);
        assert_int_equal(mates[i].status, DL4C_E_STATE);
        assert_non_null(strstr(mates[i].err.message, "DL4C_E_DIVERGED"));
    }
    dl4c_source_destroy(&s);
    dl4c_tensor_unref(&xt);
    dl4c_tensor_unref(&yt);
    dl4c_graph_destroy(&g);
}

struct later {
    int32_t flag;
    int ms;
};

static void *set_later(void *arg)
{
    struct later *l = arg;
    wait_ms(l->ms);
    dl4c_cancel_set(&l->flag);
    return NULL;
}

/* One that joins and then says nothing: it may do so for join_timeout_ms in all, and the host may end it before. */
static void a_worker_that_says_nothing_holds_nobody_for_long(void **state)
{
    (void)state;
    for (int way = 0; way < 2; way++) {
        struct dl4c_error err = DL4C_ERROR_INIT;
        struct mate mates[2];
        struct plan p = { 0 };
        struct later later = { .ms = 200 };
        struct dl4c_fit_options o = options(way ? "threads:silent" : "threads:mute", 2);
        const int64_t began = dli_now_ns();
        pthread_t thread;
        dl4c_graph *g;
        o.join_timeout_ms = way ? 500 : 60000;
        o.worker_timeout_ms = 500;
        o.cancel = &later.flag;
        for (int i = 0; i < 2; i++)
            start(&mates[i], o.transport, SILENT);
        assert_true(way || pthread_create(&thread, NULL, set_later, &later) == 0);
        assert_int_equal(lead(&o, &p, &g, &err), way ? DL4C_E_PEER : DL4C_E_CANCELLED);
        assert_true(dli_now_ns() - began < INT64_C(20000000000)); /* and not 60 s for each */
        if (!way)
            pthread_join(thread, NULL);
        for (int i = 0; i < 2; i++) {
            __atomic_store_n(&mates[i].let_go, 1, __ATOMIC_RELEASE);
            pthread_join(mates[i].thread, NULL);
        }
        dl4c_graph_destroy(&g);
    }
}

struct taught {
    struct dli_member m;
    struct dli_order o;
    dl4c_status status;
    struct dl4c_error err;
};

static void *take_a_share(void *arg)
{
    struct taught *t = arg;
    struct dl4c_group_options j = DL4C_GROUP_OPTIONS_INIT;
    j.url = "threads:taught";
    t->status = dl4c_group_join(NULL, &j, &t->m.group, &t->err);
    if (t->status == DL4C_OK)
        t->status = dli_member_receive(&t->m, &t->o, &t->err);
    dl4c_group_leave(&t->m.group, 0);
    return NULL;
}

/* A row of such a network has five of them, and the loss would look for all. */
static void a_worker_takes_no_labels_for_a_network_that_wants_targets(void **state)
{
    (void)state;
    const int64_t shape[] = { 2, 5 }, count = 2;
    const char *specs[] = { "rnn_output:units=2,activation=softmax,loss=mcxent" };
    int64_t own_first = 0, own_count = 0;
    struct taught t = { .m = { .frequency = 1, .patience_ms = 500, .own_first = &own_first, .own_count = &own_count },
                        .o = { .steps = 1, .rows = 2, .what = DLI_ROWS_LABELS } };
    struct dl4c_error err = DL4C_ERROR_INIT;
    struct dl4c_fit_options o = DL4C_FIT_OPTIONS_INIT;
    struct dl4c_group_options j = DL4C_GROUP_OPTIONS_INIT;
    dl4c_graph *g = toy_graph(NULL, shape, 2, specs, 1);
    dl4c_group *leader = NULL;
    pthread_t thread;
    o.batch = 2;
    must(dl4c_trainer_create(g, &o, &t.m.t, &err), &err);
    j.url = "threads:taught";
    j.driver = 1;
    j.size = 2;
    assert_int_equal(pthread_create(&thread, NULL, take_a_share, &t), 0);
    must(dl4c_group_join(NULL, &j, &leader, &err), &err);
    (void)dl4c_group_send(leader, 1, &count, sizeof count, 5000, NULL); /* the worker may be gone when this returns */
    pthread_join(thread, NULL);
    assert_int_equal(t.status, DL4C_E_CORRUPT);
    assert_non_null(strstr(t.err.message, "labels for a network that wants targets"));
    dl4c_group_leave(&leader, 0);
    dl4c_trainer_destroy(&t.m.t);
    dli_rows_free(&t.m.own);
    dl4c_graph_destroy(&g);
}

/* The scheme "mpi" of a context, over threads: whoever comes first drives. */
static _Atomic int32_t came;

static dl4c_status join_as_mpi_does(void *user, const struct dl4c_group_options *options, void **group, struct dl4c_error *err)
{
    struct dl4c_group_options o = *options;
    o.url = "threads:all call fit";
    o.driver = came++ == 0;
    o.size = o.driver ? 2 : 0;
    return dli_transport_threads.join(user, &o, group, err);
}

struct rank {
    pthread_t thread;
    dl4c_context *ctx;
    const char *run_dir;
    int32_t rank;
    dl4c_status status;
    struct dl4c_error err;
};

static void *call_fit(void *arg)
{
    struct rank *r = arg;
    struct dl4c_fit_options o = options("mpi", 1);
    const int64_t shape[] = { TOY_FEATURES };
    const char *specs[] = { "output:units=3,activation=softmax" };
    dl4c_graph *g = toy_graph(r->ctx, shape, 1, specs, 1);
    dl4c_source *s = toy_source(r->ctx, N, 1);
    o.run_dir = r->run_dir;
    o.rank = &r->rank;
    r->status = dl4c_fit(g, s, &o, &r->err);
    dl4c_source_destroy(&s);
    dl4c_graph_destroy(&g);
    return NULL;
}

static void where_all_call_fit_a_failure_of_rank_0_is_told_to_all(void **state)
{
    (void)state;
    struct dl4c_transport_ops ops = dli_transport_threads;
    struct dl4c_error err = DL4C_ERROR_INIT;
    const struct dli_transport *threads;
    struct rank ranks[2] = { { .err = DL4C_ERROR_INIT }, { .err = DL4C_ERROR_INIT } };
    dl4c_context *ctx = NULL;
    must(dl4c_context_create(NULL, &ctx, &err), &err);
    must(dli_transport_find(ctx, "threads:", &threads, &err), &err);
    ops.name = "mpi";
    ops.join = join_as_mpi_does;
    must(dl4c_transport_register(ctx, &ops, threads->user, NULL, &err), &err);
    for (int i = 0; i < 2; i++) {
        ranks[i].ctx = ctx;
        ranks[i].run_dir = "nowhere://run"; /* before there are workers */
        assert_int_equal(pthread_create(&ranks[i].thread, NULL, call_fit, &ranks[i]), 0);
    }
    for (int i = 0; i < 2; i++)
        pthread_join(ranks[i].thread, NULL);
    for (int i = 0; i < 2; i++) {
        assert_true(ranks[i].status != DL4C_OK);
        assert_int_equal(ranks[i].rank ? ranks[i].status : DL4C_E_STATE, DL4C_E_STATE);
        assert_non_null(strstr(ranks[i].err.message, "nowhere"));
    }
    assert_int_equal(ranks[0].rank + ranks[1].rank, 1);
    dl4c_context_destroy(&ctx);
}

static void nobody_leads(void **state)
{
    (void)state;
    struct dl4c_error err = DL4C_ERROR_INIT;
    struct dl4c_worker_options o = DL4C_WORKER_OPTIONS_INIT;
    o.join_timeout_ms = 300;
    assert_int_equal(dl4c_worker_run(NULL, "threads:nobody", &o, &err), DL4C_E_PEER);
    assert_non_null(strstr(err.message, "nobody leads a training at threads:nobody"));
    assert_int_equal(dl4c_worker_run(NULL, "pigeons:loft", &o, &err), DL4C_E_UNSUPPORTED);
    assert_int_equal(dl4c_worker_run(NULL, NULL, &o, &err), DL4C_E_INVALID);
    o.threads = -1;
    assert_int_equal(dl4c_worker_run(NULL, "threads:nobody", &o, &err), DL4C_E_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_bits_are_those_of_threads),
        cmocka_unit_test(minibatches_that_are_received_ahead_give_the_same_bits),
        cmocka_unit_test(halves_have_the_same_bits_too),
        cmocka_unit_test(an_updater_that_begins_anew_does_so_everywhere),
        cmocka_unit_test(a_worker_that_is_lost_costs_no_example_and_the_bits_follow),
        cmocka_unit_test(gradients_have_the_same_bits_and_survive_a_loss),
        cmocka_unit_test(a_newcomer_gets_its_share),
        cmocka_unit_test(whoever_misbehaves_is_left_behind),
        cmocka_unit_test(too_few_workers_end_the_training_in_time),
        cmocka_unit_test(a_leader_that_comes_back_goes_on_to_the_same_bits),
        cmocka_unit_test(a_training_that_diverges_ends_for_all),
        cmocka_unit_test(a_worker_that_says_nothing_holds_nobody_for_long),
        cmocka_unit_test(a_worker_takes_no_labels_for_a_network_that_wants_targets),
        cmocka_unit_test(where_all_call_fit_a_failure_of_rank_0_is_told_to_all),
        cmocka_unit_test(nobody_leads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
