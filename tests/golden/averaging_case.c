/* SPDX-License-Identifier: Apache-2.0 */
/* Recorded parameter averaging: the rows that each worker saw, as its log has them, are given to ours, round by round. Once in threads and
 * once over tcp; under DL4C_GOLDEN_MPI=1 all ranks of MPI are the workers of one case, of which rank 0 tells. */
#define _POSIX_C_SOURCE 200809L
#include "golden/model_case.h"
#include "golden/train_case.h"
#include "train/workers.h"

#include <arpa/inet.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Sums over 2 or 4 workers in another order, and the steps before them: closer than a single training is held to. */
#define AVERAGED 1e-6

enum { MAX_WORKERS = 4 };

/* One round of the log, as dli_workers_run takes it. */
struct round {
    int workers, frequency;
    long long model[MAX_WORKERS];
    int n_models, steps[MAX_WORKERS];
    int64_t iteration[MAX_WORKERS]; /* of each worker's first step, as logged */
    struct dli_rows rows;           /* room for all */
    int64_t *first, *count;         /* [workers * frequency] */
};

static int seat(struct round *r, long long model)
{
    for (int i = 0; i < r->n_models; i++)
        if (r->model[i] == model)
            return i;
    if (r->n_models == r->workers)
        return -1; /* of the next round */
    r->model[r->n_models] = model;
    return r->n_models++;
}

static void clear(struct round *r)
{
    r->n_models = 0;
    r->rows.n = 0;
    memset(r->steps, 0, sizeof r->steps);
    memset(r->count, 0, (size_t)(r->workers * r->frequency) * sizeof *r->count);
}

/* Adds a line of the log; false: it begins the next round. */
static bool add(struct gold *g, struct round *r, const json_t *line, const float *x, const float *y)
{
    const json_t *examples = json_object_get(line, "examples");
    const int64_t n = (int64_t)json_array_size(examples), at = json_integer_value(json_object_get(line, "iterationCount"));
    const int w = seat(r, json_integer_value(json_object_get(line, "worker_model")));
    if (w < 0)
        return false;
    if (r->steps[w] == r->frequency || r->rows.n + n > r->rows.room) {
        gold_fail(g, "worker_log.jsonl: a worker has more minibatches than a round");
        return true;
    }
    if (r->steps[w] == 0)
        r->iteration[w] = at;
    const int64_t slot = (int64_t)w * r->frequency + r->steps[w]++;
    r->first[slot] = r->rows.n;
    r->count[slot] = n;
    for (int64_t i = 0; i < n; i++, r->rows.n++) {
        const int64_t e = json_integer_value(json_array_get(examples, (size_t)i));
        memcpy(r->rows.x + r->rows.n * r->rows.row, x + e * r->rows.row, (size_t)r->rows.row * sizeof *x);
        memcpy(r->rows.y + r->rows.n * r->rows.k, y + e * r->rows.k, (size_t)r->rows.k * sizeof *y);
    }
    return true;
}

/* Trains the round that is gathered; *score as the reference has it: the mean of the workers' last. */
static bool train(struct gold *g, struct dli_workers *workers, const dl4c_graph *graph, struct round *r, double *score)
{
    struct dl4c_error err = DL4C_ERROR_INIT;
    struct dli_watch watch;
    const struct dli_worker_step *steps;
    double last[MAX_WORKERS] = { 0 };
    int64_t n;
    const int64_t from = graph->multilayer ? graph->iteration : 0;
    for (int i = 0; i < r->n_models; i++)
        if (r->iteration[i] != from)
            gold_fail(g, "a worker began at iteration %lld, ours at %lld", (long long)r->iteration[i], (long long)from);
    dli_watch_init(&watch, "golden", NULL, NULL, NULL, 0);
    if (dli_workers_run(workers, &r->rows, r->first, r->count, &watch, &steps, &n, &err) != DL4C_OK) {
        gold_fail(g, "a round: %s", err.message);
        return false;
    }
    for (int64_t i = 0; i < n; i++)
        last[steps[i].worker] = steps[i].score;
    *score = 0;
    for (int i = 0; i < r->n_models; i++)
        *score += last[i] / r->n_models;
    clear(r);
    return true;
}

static void compare(struct gold *g, const dl4c_graph *graph, int epoch, double score, const json_t *meta)
{
    char name[64];
    int64_t n;
    const json_t *want = json_array_get(json_object_get(meta, "epochs"), (size_t)(epoch - 1));
    float *params = gold_params(graph, &n);
    snprintf(name, sizeof name, "params_epoch%d.npy", epoch);
    gold_floats(g, name, params, n, AVERAGED);
    free(params);
    snprintf(name, sizeof name, "updater_epoch%d.npy", epoch);
    if (graph->updater_state)
        gold_floats(g, name, graph->updater_state->data, (int64_t)(graph->updater_state->bytes / sizeof(float)), AVERAGED);
    const double recorded = json_number_value(json_object_get(want, "score"));
    gold_number(g, "the score", score, recorded, fabs(recorded), GOLD_SCORE);
    if (graph->iteration != json_integer_value(json_object_get(want, "iterationCount")) ||
        graph->epoch != json_integer_value(json_object_get(want, "epochCount")))
        gold_fail(g, "iteration %lld and epoch %lld after epoch %d", (long long)graph->iteration, (long long)graph->epoch, epoch);
}

static void follow_log(struct gold *g, dl4c_graph *graph, struct dli_workers *workers, struct round *r, const float *x, const float *y,
                       const json_t *meta)
{
    char path[1024], text[1 << 14];
    double score = 0;
    int epoch = 0;
    bool going = true;
    gold_path(g, "worker_log.jsonl", path, sizeof path);
    FILE *f = fopen(path, "r");
    clear(r);
    while (f && going && fgets(text, sizeof text, f)) {
        json_t *line = json_loads(text, 0, NULL);
        if (!line)
            gold_fail(g, "worker_log.jsonl holds a line that is no JSON");
        const bool begins = json_object_get(line, "epoch") != NULL;
        if (line && (begins ? r->n_models > 0 : !add(g, r, line, x, y))) {
            going = train(g, workers, graph, r, &score);
            if (going && !begins)
                add(g, r, line, x, y);
        }
        if (begins && going && epoch++ > 0) {
            graph->epoch++;
            compare(g, graph, epoch - 1, score, meta);
        }
        json_decref(line);
    }
    if (going && r->n_models > 0 && train(g, workers, graph, r, &score)) {
        graph->epoch++;
        compare(g, graph, epoch, score, meta);
    }
    if (f)
        fclose(f);
    else
        gold_fail(g, "worker_log.jsonl cannot be read");
}

struct mate {
    pthread_t thread;
    char *url;
    dl4c_status status;
    struct dl4c_error err;
};

static void *work(void *arg)
{
    struct mate *m = arg;
    m->status = dl4c_worker_run(NULL, m->url, NULL, &m->err);
    return NULL;
}

/* "tcp+plain://127.0.0.1:PORT" with a port that is free; false: there is none. */
static bool free_url(char *url, size_t size)
{
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t length = sizeof a;
    const int s = socket(AF_INET, SOCK_STREAM, 0);
    const bool ok = s >= 0 && bind(s, (struct sockaddr *)&a, sizeof a) == 0 && getsockname(s, (struct sockaddr *)&a, &length) == 0;
    if (s >= 0)
        close(s);
    snprintf(url, size, "tcp+plain://127.0.0.1:%d", (int)ntohs(a.sin_port));
    return ok;
}

/* All ranks but the first work until the case is over, and say nothing. */
static void join_mpi(struct dl4c_fit_options *o, dl4c_group **group)
{
    struct dl4c_error err = DL4C_ERROR_INIT;
    int32_t rank = 0, size = 0;
    o->transport = "mpi:";
    dl4c_status status = dli_workers_join(dli_context(NULL, NULL), o, group, &rank, &size, &err);
    if (status == DL4C_OK && size != o->workers) {
        fprintf(stderr, "%d ranks, the case has %d workers\n", (int)size, (int)o->workers);
        exit(2);
    }
    if (status == DL4C_OK && rank > 0)
        status = dli_workers_serve(dli_context(NULL, NULL), o, group, &err);
    if (status != DL4C_OK)
        fprintf(stderr, "mpi: %s\n", err.message);
    if (status != DL4C_OK || rank > 0)
        exit(status != DL4C_OK);
}

static void average(struct gold *g, const char *url, dl4c_graph *graph, float *x, const int64_t shape[4], float *y,
                    const int64_t y_shape[4], const json_t *meta)
{
    struct dl4c_error err = DL4C_ERROR_INIT;
    struct dl4c_fit_options o = DL4C_FIT_OPTIONS_INIT;
    const int32_t rank = graph->vertices[graph->inputs[0]].shape.rank;
    const struct dl4c_shape row = gold_row_shape(shape, rank);
    dl4c_trainer *t = NULL;
    struct dli_workers *workers = NULL;
    int64_t n;
    float *params = gold_params(graph, &n);
    gold_floats(g, "params_0.npy", params, n, 0);
    free(params);
    struct mate mates[MAX_WORKERS];
    dl4c_group *group = NULL;
    o.transport = url;
    o.workers = (int32_t)json_integer_value(json_object_get(meta, "numWorkers"));
    o.averaging_frequency = (int32_t)json_integer_value(json_object_get(meta, "averagingFrequency"));
    o.batch = json_integer_value(json_object_get(meta, "batchSizePerWorker"));
    o.no_save_updater = !json_is_true(json_object_get(meta, "saveUpdater"));
    if (o.workers < 2 || o.workers > MAX_WORKERS || o.averaging_frequency < 1) {
        gold_fail(g, "meta.json: %d workers, averaged every %d", (int)o.workers, (int)o.averaging_frequency);
        return;
    }
    struct round r = { .workers = o.workers, .frequency = o.averaging_frequency };
    const size_t slots = (size_t)(r.workers * r.frequency);
    r.rows.row = 1;
    for (int32_t i = 0; i < rank; i++)
        r.rows.row *= shape[1 + i];
    r.rows.k = y_shape[1];
    r.rows.room = (int64_t)slots * o.batch;
    r.rows.x = calloc((size_t)(r.rows.room * r.rows.row), sizeof *r.rows.x);
    r.rows.y = calloc((size_t)(r.rows.room * r.rows.k), sizeof *r.rows.y);
    r.first = calloc(slots, sizeof *r.first);
    r.count = calloc(slots, sizeof *r.count);
    if (dli_trainer_create(graph, &o, &row, &t, &err) != DL4C_OK || dli_graph_begin_training(graph, &err) != DL4C_OK) {
        gold_fail(g, "no training: %s", err.message);
    } else {
        struct dli_watch watch;
        if (getenv("DL4C_GOLDEN_MPI"))
            join_mpi(&o, &group);
        for (int i = 0; url && i < o.workers; i++) {
            mates[i] = (struct mate){ .url = (char *)(uintptr_t)url, .err = DL4C_ERROR_INIT };
            if (pthread_create(&mates[i].thread, NULL, work, &mates[i]) != 0)
                abort();
        }
        dli_watch_init(&watch, "golden", NULL, NULL, NULL, 0);
        t->held = true;
        if (dli_workers_create(t, &o, NULL, &group, 0, NULL, &watch, &workers, &err) != DL4C_OK) {
            gold_fail(g, "no workers: %s", err.message);
        } else {
            dli_workers_as_dl4j(workers);
            follow_log(g, graph, workers, &r, x, y, meta);
        }
        dli_workers_destroy(&workers, DL4C_OK, "");
        for (int i = 0; url && i < o.workers; i++) {
            pthread_join(mates[i].thread, NULL);
            if (mates[i].status != DL4C_OK)
                gold_fail(g, "worker %d: %s", i, mates[i].err.message);
        }
        dli_graph_end_training(graph);
    }
    dl4c_trainer_destroy(&t);
    free(r.rows.x);
    free(r.rows.y);
    free(r.first);
    free(r.count);
}

void gold_averaging(struct gold *g)
{
    static const char *const used[] = { "meta.json", "features.npy",         "labels.npy",
                                        "model.zip", "training_master.json", "worker_log.jsonl" };
    struct dl4c_error err = DL4C_ERROR_INIT;
    char path[1024], url[64];
    int64_t n, shape[4], y_shape[4];
    gold_path(g, "meta.json", path, sizeof path);
    json_t *meta = json_load_file(path, 0, NULL);
    float *x = gold_array(g, "features.npy", &n, shape), *y = gold_array(g, "labels.npy", &n, y_shape);
    for (size_t i = 0; i < sizeof used / sizeof *used; i++)
        gold_mark(g, used[i]);
    for (int way = 0; way < (getenv("DL4C_GOLDEN_MPI") ? 1 : 2); way++) {
        dl4c_graph *graph = gold_load(g, "model.zip", &err);
        if (!meta || !x || !y || !graph)
            gold_fail(g, "the case cannot be read: %s", err.message);
        else if (way && !free_url(url, sizeof url))
            gold_fail(g, "there is no port to listen at");
        else
            average(g, way ? url : NULL, graph, x, shape, y, y_shape, meta);
        dl4c_graph_destroy(&graph);
    }
    json_decref(meta);
    free(x);
    free(y);
}
