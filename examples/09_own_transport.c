/* SPDX-License-Identifier: Apache-2.0 */
/* A transport of one's own (pairs.c) at work: three processes train the same small network, each on points that the others never see, and
 * take the mean of their parameters after every epoch. */
#include "pairs.h"
#include <dl4c/dl4c.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PROCESSES = 3, POINTS = 300, SHARE = POINTS / PROCESSES, HIDDEN = 16, ROUNDS = 60, PARAMS = 2 * HIDDEN + HIDDEN + 2 * HIDDEN + 2 };

static const struct {
    const char *vertex, *param;
    int64_t rank, shape[2];
} params[] = {
    { "hidden", "W", 2, { 2, HIDDEN } },
    { "hidden", "b", 1, { HIDDEN } },
    { "out", "W", 2, { HIDDEN, 2 } },
    { "out", "b", 1, { 2 } },
};
enum { N_PARAMS = sizeof params / sizeof *params };

/* Two arcs that reach into each other; every PROCESSES-th point from `first` on, all where step is 1. */
static dl4c_status points(int first, int step, dl4c_source **source, struct dl4c_error *err)
{
    const int64_t n = POINTS / step, shape[] = { n, 2 };
    dl4c_tensor *x = NULL, *labels = NULL;
    dl4c_status status = dl4c_tensor_create(NULL, DL4C_F32, shape, 2, &x, err);
    if (status == DL4C_OK)
        status = dl4c_tensor_create(NULL, DL4C_I64, &n, 1, &labels, err);
    for (int64_t k = 0; status == DL4C_OK && k < n; k++) {
        const int64_t i = first + k * step, label = i % 2;
        const double turn = 3.14159265 * (double)i / POINTS;
        float *at = (float *)dl4c_tensor_data(x) + 2 * k;
        at[0] = (float)(label ? 1.0 - cos(turn) : cos(turn));
        at[1] = (float)(label ? 0.5 - sin(turn) : sin(turn));
        ((int64_t *)dl4c_tensor_data(labels))[k] = label;
    }
    if (status == DL4C_OK)
        status = dl4c_source_tensors(NULL, x, labels, 2, source, err);
    dl4c_tensor_unref(&x); /* the source keeps references */
    dl4c_tensor_unref(&labels);
    return status;
}

static dl4c_status network(dl4c_graph **net, struct dl4c_error *err)
{
    dl4c_builder *b = NULL;
    const int64_t shape[] = { 2 };
    const char *in[] = { "in" }, *hidden[] = { "hidden" };
    const dl4c_status status = dl4c_builder_create(NULL, NULL, &b, err);
    if (status != DL4C_OK)
        return status;
    dl4c_builder_input(b, "in", shape, 1);
    dl4c_builder_add_text(b, "dense:units=16,activation=tanh", "hidden", in, 1);
    dl4c_builder_add_text(b, "output:units=2,activation=softmax,loss=negative_log_likelihood", "out", hidden, 1);
    return dl4c_builder_finish(&b, net, err); /* everyone draws the same weights */
}

/* All parameters of the network in one vector (store 0), or the network anew with those of the vector (1). */
static dl4c_status exchange(dl4c_graph **net, float *vector, int store, struct dl4c_error *err)
{
    dl4c_builder *b = NULL;
    dl4c_status status = store ? dl4c_builder_create(NULL, *net, &b, err) : DL4C_OK;
    for (int i = 0; status == DL4C_OK && i < N_PARAMS; i++) {
        dl4c_tensor *piece = NULL, *now = NULL;
        int64_t n = 0;
        status = dl4c_tensor_wrap(NULL, DL4C_F32, params[i].shape, NULL, (int32_t)params[i].rank, vector, 0, NULL, NULL, &piece, err);
        if (status == DL4C_OK && store) {
            dl4c_builder_param(b, params[i].vertex, params[i].param, piece);
        } else if (status == DL4C_OK) {
            status = dl4c_graph_param(*net, params[i].vertex, params[i].param, &now, err);
            if (status == DL4C_OK)
                status = dl4c_tensor_copy(piece, now, err);
        }
        n = piece ? dl4c_tensor_size(piece) : 0;
        dl4c_tensor_unref(&now);
        dl4c_tensor_unref(&piece);
        vector += n;
    }
    if (status == DL4C_OK && store) {
        dl4c_graph *fresh = NULL;
        status = dl4c_builder_finish(&b, &fresh, err);
        if (status == DL4C_OK) {
            dl4c_graph_destroy(net);
            *net = fresh;
        }
    }
    dl4c_builder_destroy(&b);
    return status;
}

/* Trains for an epoch on what is this process's own, then meets the others. */
static dl4c_status one_round(dl4c_group *group, dl4c_graph **net, dl4c_source *mine, struct dl4c_error *err)
{
    struct dl4c_fit_options fit = DL4C_FIT_OPTIONS_INIT;
    struct dl4c_average_options average = DL4C_AVERAGE_OPTIONS_INIT;
    float in[PARAMS], out[PARAMS];
    fit.epochs = 1;
    fit.batch = 10;
    fit.updater = "sgd:lr=0.5";
    average.weight = SHARE; /* examples seen */
    dl4c_status status = dl4c_fit(*net, mine, &fit, err);
    if (status == DL4C_OK)
        status = exchange(net, in, 0, err);
    if (status == DL4C_OK)
        status = dl4c_group_average(group, &average, in, out, PARAMS, NULL, err);
    return status == DL4C_OK ? exchange(net, out, 1, err) : status;
}

static int live(struct pairs *pairs, int rank)
{
    struct dl4c_error err = DL4C_ERROR_INIT;
    struct dl4c_group_options o = DL4C_GROUP_OPTIONS_INIT;
    dl4c_group *group = NULL;
    dl4c_source *mine = NULL, *all = NULL;
    dl4c_graph *net = NULL;
    dl4c_evaluation *eval = NULL;
    char url[20];

    snprintf(url, sizeof url, "pairs:%d", rank);
    o.url = url;
    o.driver = rank == 0;
    o.size = rank == 0 ? PROCESSES : 0;
    if (pairs_register(NULL, pairs, &err) || dl4c_group_join(NULL, &o, &group, &err) || points(rank, PROCESSES, &mine, &err)
        || points(0, 1, &all, &err) || network(&net, &err))
        goto done;
    for (int round = 0; round < ROUNDS; round++)
        if (one_round(group, &net, mine, &err))
            goto done;
    /* Who leaves is lost to those who still average; where all have come, nobody does: whatever this answers. */
    dl4c_group_barrier(group, 0, NULL);
    if (rank == 0 && dl4c_evaluate(net, all, NULL, &eval, &err) == DL4C_OK)
        printf("accuracy %.3f on %lld points, %d of which this process has seen\n", dl4c_evaluation_accuracy(eval),
               (long long)dl4c_evaluation_count(eval), SHARE);
done:
    dl4c_evaluation_destroy(&eval);
    dl4c_graph_destroy(&net);
    dl4c_source_destroy(&all);
    dl4c_source_destroy(&mine);
    dl4c_group_leave(&group, 1000);
    if (err.status)
        fprintf(stderr, "rank %d: %s: %s\n", rank, err.origin, err.message);
    return err.status != DL4C_OK;
}

int main(void)
{
    static struct pairs pairs; /* lives as long as the default context, where the transport is registered */
    pid_t others[PROCESSES];
    int failed = 0;

    if (pairs_open(&pairs, PROCESSES) != 0) {
        perror("pairs");
        return 1;
    }
    for (int rank = 1; rank < PROCESSES; rank++) { /* before the library has threads */
        others[rank] = fork();
        if (others[rank] == 0)
            return live(&pairs, rank);
    }
    failed = live(&pairs, 0);
    for (int rank = 1; rank < PROCESSES; rank++) {
        int how = 1;
        failed |= others[rank] < 0 || waitpid(others[rank], &how, 0) != others[rank] || how != 0;
    }
    return failed;
}
