/* SPDX-License-Identifier: Apache-2.0 */
/* dl4c train: a softmax head, or a head of Deeplearning4j's, on stored features. */
#include "cli.h"

#include <stdlib.h>
#include <string.h>

#define UNSET INT64_MIN

struct train {
    const char *features, *val, *out, *head, *class_weights, *updater, *schedule, *run, *curve, *transport;
    const char *checkpoint, *replay, *compatibility, *exchange, *average;
    bool resume, any_kernels;
    int64_t epochs, batch, seed, early_stopping, workers, frequency, min_workers, prefetch;
    double l1, l2, dropout, checkpoint_every, worker_timeout, round_timeout, join_timeout;
};

static int fit_and_save(const struct train *t, struct dl4c_fit_options *fo)
{
    struct dl4c_error err = DL4C_ERROR_INIT;
    dl4c_features *train = NULL, *val = NULL;
    dl4c_graph *head = NULL;
    float *weights = NULL;
    int status = CLI_FAILED;
    struct dl4c_head_options ho = DL4C_HEAD_OPTIONS_INIT;
    ho.l1 = t->l1;
    ho.l2 = t->l2;
    ho.dropout = t->dropout;
    ho.seed = (uint64_t)t->seed;
    ho.flags = 1;
    if (!cli_can_save(t->out) || !cli_can_write(t->curve))
        return CLI_FAILED;
    if (dl4c_features_open(cli.ctx, t->features, NULL, &train, &err) != DL4C_OK ||
        (t->val && dl4c_features_open(cli.ctx, t->val, NULL, &val, &err) != DL4C_OK)) {
        status = cli_fail(&err);
        goto done;
    }
    if (t->class_weights && strcmp(t->class_weights, "balanced") == 0) {
        fo->balanced = 1;
    } else if (t->class_weights) {
        if ((status = cli_read_class_weights(t->class_weights, train, &weights)) >= 0)
            goto done;
        status = CLI_FAILED;
        fo->class_weights = weights;
        fo->n_class_weights = dl4c_features_class_count(train);
    }
    dl4c_status failed;
    if (t->head) {
        failed = cli_load(t->head, &head, &err);
        if (failed == DL4C_OK)
            failed = dl4c_head_for(train, head, &err);
    } else {
        failed = dl4c_head_softmax(train, &ho, &head, &err);
    }
    if (failed == DL4C_OK && val)
        failed = dl4c_features_check(val, head, &err);
    if (failed != DL4C_OK) {
        status = cli_fail(&err);
        goto done;
    }
    fo->validation = val ? dl4c_features_source(val) : NULL;
    struct dl4c_save_options so = DL4C_SAVE_OPTIONS_INIT;
    so.updater = 1;
    int32_t rank = 0;
    fo->rank = &rank;
    if (dl4c_fit(head, dl4c_features_source(train), fo, &err) != DL4C_OK ||
        (rank == 0 && dl4c_model_save(head, t->out, &so, &err) != DL4C_OK)) /* of several processes that train one, one writes it */
        status = cli_fail(&err);
    else
        status = CLI_DONE;
done:
    free(weights);
    dl4c_graph_destroy(&head);
    dl4c_features_close(&train);
    dl4c_features_close(&val);
    return status;
}

/* After each epoch a row for --curve-svg, and a line where no bar is drawn. */
static int on_epoch(void *user, int64_t epoch, double train_score, double val_score, double val_accuracy)
{
    struct cli_curve *curve = user;
    if (curve && curve->n < curve->room) {
        curve->train_score[curve->n] = train_score;
        curve->val_score[curve->n] = val_score;
        curve->val_accuracy[curve->n++] = val_accuracy;
    }
    if (cli_quiet_or_none() || strcmp(cli.progress, "json") == 0)
        return 0;
    cli_progress_end();
    fprintf(stderr, "epoch %lld: score %.5f", (long long)epoch, train_score);
    if (val_score == val_score)
        fprintf(stderr, ", validation score %.5f, accuracy %.4f", val_score, val_accuracy);
    fputc('\n', stderr);
    return 0;
}

static bool is_seconds(double s) { return s >= 0.001 && s < 1e9; }
static int64_t milliseconds(double s) { return (int64_t)(s * 1000 + 0.5); }

int cmd_train(int argc, char **argv)
{
    struct train t = { .epochs = 20, .batch = 32, .seed = 42, .workers = 1, .frequency = UNSET, .checkpoint_every = 60, .min_workers = 1,
                       .worker_timeout = 10, .join_timeout = 60 };
    const struct cli_option options[] = {
        { "--features", CLI_TEXT, &t.features, "store to train on" },
        { "--val", CLI_TEXT, &t.val, "store scored after each epoch" },
        { "--out", CLI_TEXT, &t.out, "the model to write" },
        { "--head", CLI_TEXT, &t.head, "FILE.json, a ComputationGraphConfiguration whose one input has the store's shape" },
        { "--epochs", CLI_INT, &t.epochs, "20" },
        { "--batch", CLI_INT, &t.batch, "examples of a minibatch, 32" },
        { "--updater", CLI_TEXT, &t.updater, "NAME:key=value,... (nesterovs:lr=3e-4,momentum=0.9)" },
        { "--lr-schedule", CLI_TEXT, &t.schedule, "step:decay=D,step=N or exponential:gamma=G, with by=epoch|iteration" },
        { "--l1", CLI_NUMBER, &t.l1, "of the weights of layers whose configuration says none" },
        { "--l2", CLI_NUMBER, &t.l2, "the same" },
        { "--dropout", CLI_NUMBER, &t.dropout, "probability to retain an element of the head's input" },
        { "--class-weights", CLI_TEXT, &t.class_weights, "balanced, or a FILE of class and weight" },
        { "--seed", CLI_INT, &t.seed, "of weights, shuffling and dropout, 42" },
        { "--early-stopping", CLI_INT, &t.early_stopping, "stop after N epochs without a lower validation score and keep the best" },
        { "--run", CLI_TEXT, &t.run, "directory for the record of the run" },
        { "--curve-svg", CLI_TEXT, &t.curve, "FILE: a picture of scores and accuracy by epoch" },
        { "--workers", CLI_INT, &t.workers, "that train copies and average their parameters, 1" },
        { "--averaging-frequency", CLI_INT, &t.frequency, "minibatches of each worker between two averages, 5" },
        { "--average", CLI_TEXT, &t.average, "parameters, or gradients of each step: synchronous SGD" },
        { "--prefetch", CLI_INT, &t.prefetch, "minibatches of each worker that are read while those before are trained, 0" },
        { "--exchange", CLI_TEXT, &t.exchange, "f32, or bf16: half the bytes, rounded, of what parameters have moved by" },
        { "--transport", CLI_TEXT, &t.transport, "threads; tcp://HOST:PORT where N processes of dl4c worker join; mpi" },
        { "--compatibility", CLI_TEXT, &t.compatibility, "dl4j: average as ParameterAveragingTrainingMaster does, its defects too" },
        { "--replay", CLI_TEXT, &t.replay, "RUN: as many workers in each round as that run had, in threads" },
        { "--min-workers", CLI_INT, &t.min_workers, "go on while so many are left, 1" },
        { "--worker-timeout", CLI_NUMBER, &t.worker_timeout, "seconds of silence after which a worker is lost, 10" },
        { "--round-timeout", CLI_NUMBER, &t.round_timeout, "seconds after which a slow worker is left behind; never" },
        { "--join-timeout", CLI_NUMBER, &t.join_timeout, "seconds for workers to join, or to come back; 60" },
        { "--checkpoint", CLI_TEXT, &t.checkpoint, "directory for what it takes to go on after an interruption" },
        { "--checkpoint-every", CLI_NUMBER, &t.checkpoint_every, "seconds between two checkpoints of an epoch, 60" },
        { "--resume", CLI_FLAG, &t.resume, "go on from the checkpoint, if there is one" },
        { "--any-kernels", CLI_FLAG, &t.any_kernels, "resume under another kernel set too; bits will differ" },
        { 0 },
    };
    int status = cli_parse(argc, argv, "train --features DIR --out MODEL [options]", options, NULL, 0, 0, NULL);
    if (status >= 0)
        return status;
    if (!t.features || !t.out)
        return cli_usage("train needs --features and --out");
    if (t.workers < 1)
        return cli_usage("--workers is %lld, wanted 1 or more", (long long)t.workers);
    t.frequency = t.frequency == UNSET ? 0 : t.frequency == 0 ? -1 : t.frequency; /* 0: the library's default */
    if (t.workers > 4096 || t.frequency < 0 || t.frequency > 1 << 20)
        return cli_usage("--workers must be at most 4096, --averaging-frequency 1 to %d", 1 << 20);
    if (t.prefetch < 0 || t.prefetch > 1 << 20 || (t.prefetch > 0 && t.workers == 1 && !t.transport && !t.replay))
        return cli_usage("--prefetch is for several workers, 0 to %d", 1 << 20);
    const bool gradients = t.average && strcmp(t.average, "gradients") == 0;
    if (t.average && !gradients && strcmp(t.average, "parameters") != 0)
        return cli_usage("--average is %s, wanted parameters or gradients", t.average);
    if (gradients && (t.compatibility || t.frequency > 1 || (t.workers == 1 && !t.transport && !t.replay)))
        return cli_usage("--average gradients is for several workers, in every step, and not with --compatibility");
    const bool bf16 = t.exchange && strcmp(t.exchange, "bf16") == 0;
    if (t.exchange && !bf16 && strcmp(t.exchange, "f32") != 0)
        return cli_usage("--exchange is %s, wanted f32 or bf16", t.exchange);
    if (bf16 && (t.compatibility || (t.workers == 1 && !t.transport && !t.replay)))
        return cli_usage("--exchange bf16 is for several workers, and not with --compatibility");
    const bool mpi = t.transport && strcmp(t.transport, "mpi") == 0;
    if (t.transport && !mpi && strcmp(t.transport, "threads") != 0 && !strchr(t.transport, ':'))
        return cli_usage("--transport is %s, wanted threads, tcp://HOST:PORT or mpi", t.transport);
    if (t.compatibility && strcmp(t.compatibility, "dl4j") != 0)
        return cli_usage("--compatibility is %s, wanted dl4j", t.compatibility);
    if (t.min_workers < 1 || t.min_workers > t.workers)
        return cli_usage("--min-workers is %lld of %lld workers", (long long)t.min_workers, (long long)t.workers);
    if (!is_seconds(t.worker_timeout) || !is_seconds(t.join_timeout) || (t.round_timeout != 0 && !is_seconds(t.round_timeout)))
        return cli_usage("--worker-timeout, --round-timeout and --join-timeout must be at least 0.001");
    if (!is_seconds(t.checkpoint_every) || (t.resume && !t.checkpoint))
        return cli_usage("%s", t.resume && !t.checkpoint ? "--resume needs --checkpoint" : "--checkpoint-every must be at least 0.001");
    if (t.head && t.dropout != 0)
        return cli_usage("--dropout belongs to the softmax head; the configuration of --head has its own");
    if (t.epochs < 1 || t.epochs > 1000000 || t.batch < 1 || t.early_stopping < 0 || t.early_stopping > 1000000)
        return cli_usage("--epochs must be 1 to 1000000, --batch at least 1, --early-stopping 0 to 1000000");
    if (t.early_stopping > 0 && !t.val)
        return cli_usage("--early-stopping needs --val");
    if (t.dropout < 0 || t.dropout > 1 || t.l1 < 0 || t.l2 < 0)
        return cli_usage("--dropout must be in 0 to 1, --l1 and --l2 at least 0");
    if ((status = cli_begin()) >= 0)
        return status;
    struct cli_curve curve = { .room = t.epochs };
    double *rows = t.curve ? calloc((size_t)t.epochs, 3 * sizeof *rows) : NULL;
    if (t.curve && !rows)
        return cli_failed("no memory for the curve of %lld epochs", (long long)t.epochs);
    if (rows) {
        curve.train_score = rows;
        curve.val_score = rows + t.epochs;
        curve.val_accuracy = rows + 2 * t.epochs;
    }
    const struct dl4c_listener listener = { .struct_size = sizeof listener, .user = rows ? &curve : NULL, .epoch_end = on_epoch };
    struct dl4c_fit_options fo = DL4C_FIT_OPTIONS_INIT;
    fo.epochs = (uint32_t)t.epochs;
    fo.batch = t.batch;
    fo.updater = t.updater;
    fo.lr_schedule = t.schedule;
    fo.l1 = t.l1;
    fo.l2 = t.l2;
    fo.seed = (uint64_t)t.seed;
    fo.seed_zero = 1;
    fo.early_stopping = (uint32_t)t.early_stopping;
    fo.workers = (int32_t)t.workers;
    fo.averaging_frequency = (int32_t)t.frequency;
    fo.prefetch = (int32_t)t.prefetch;
    fo.exchange = bf16 ? DL4C_EXCHANGE_BF16 : DL4C_EXCHANGE_F32;
    char *command = t.run ? cli_command_line(argc, argv) : NULL;
    fo.run_dir = t.run;
    fo.checkpoint_dir = t.checkpoint;
    fo.checkpoint_every_ms = milliseconds(t.checkpoint_every);
    fo.transport = t.transport;
    fo.replay = t.replay;
    fo.min_workers = (int32_t)t.min_workers;
    fo.worker_timeout_ms = milliseconds(t.worker_timeout);
    fo.round_timeout_ms = milliseconds(t.round_timeout);
    fo.join_timeout_ms = milliseconds(t.join_timeout);
    fo.resume = t.resume;
    fo.flags = (t.any_kernels ? DL4C_FIT_ANY_KERNELS : 0u) | (t.compatibility ? DL4C_FIT_AS_DL4J : 0u) |
               (gradients ? DL4C_FIT_GRADIENTS : 0u);
    fo.command = command;
    fo.listeners = &listener;
    fo.n_listeners = 1;
    fo.progress = cli_progress;
    fo.cancel = &cli_cancel;
    status = fit_and_save(&t, &fo);
    if (status == CLI_DONE && rows)
        status = cli_plot_curve(&curve, t.curve);
    free(command);
    free(rows);
    return status;
}
