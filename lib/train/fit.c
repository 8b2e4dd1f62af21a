/* SPDX-License-Identifier: Apache-2.0 */
/* Training over epochs: shuffling, validation, early stopping, listeners. */
#include "base/deadline.h"
#include "base/escape.h"
#include "base/number.h"
#include "tensor/shape.h"
#include "train/replay.h"
#include "train/resume.h"
#include "train/run_dir.h"
#include "train/trainer.h"
#include "train/workers.h"

#include <math.h>
#include <string.h>

struct fit {
    const struct dl4c_fit_options *o;
    struct dl4c_listener *listeners; /* [o->n_listeners]: in this library's size */
    dl4c_source *source;
    dl4c_trainer *t;
    struct dli_workers *workers; /* NULL: one trains alone */
    dl4c_group *group;           /* joined before, and not handed on yet; NULL: none */
    struct dli_replay *replay;   /* NULL: no record is followed */
    struct dli_run *run; /* NULL: no record is kept */
    struct dli_labels labels; /* of the epoch at work; counted for the record only */
    struct dli_resume *resume; /* NULL: no checkpoints are */
    struct dli_watch watch;
    int64_t rows; /* of an epoch; -1: not known */
    bool stop;    /* a listener asked for it */
    bool events;  /* a listener wants them at each step */
    bool between; /* steps, within an epoch: a checkpoint of now can be gone on from */
    struct dli_trainer_copy best;
    struct dli_standing at;
};

/* ---- listeners ---- */

/* Outside of training sessions of the graph may run. */
static void step_out(struct fit *f)
{
    f->t->held = false;
    dli_graph_end_training(f->t->graph);
}

static dl4c_status step_in(struct fit *f, struct dl4c_error *err)
{
    DLI_TRY(dli_graph_begin_training(f->t->graph, err));
    f->t->held = true;
    return DL4C_OK;
}

/* The graph is not in training. */
static dl4c_status tell_event(struct fit *f, struct dl4c_train_event *e, int64_t iteration, struct dl4c_error *err)
{
    e->struct_size = sizeof *e;
    e->graph = f->t->graph;
    e->iteration = iteration;
    e->round = f->workers ? f->at.rounds : -1;
    e->done = f->watch.now.done;
    e->total = f->watch.now.total;
    e->cancel = f->watch.cancel;
    for (int32_t i = 0; i < f->o->n_listeners; i++) {
        const struct dl4c_listener *l = &f->listeners[i];
        e->stop = 0;
        if (!l->event)
            continue;
        if (f->watch.deadline_ns) { /* the listener before may have taken its time */
            const int64_t left_ms = (f->watch.deadline_ns - dli_now_ns()) / 1000000;
            e->timeout_ms = left_ms > 0 ? left_ms : 1;
        }
        struct dl4c_error own = DL4C_ERROR_INIT;
        const dl4c_status status = l->event(l->user, e, &own);
        if (status != DL4C_OK && own.status != status)
            return dli_fail(err, status, "train", "a listener failed with %s and does not say why", dl4c_status_name(status));
        if (status != DL4C_OK && err)
            *err = own;
        DLI_TRY(status);
        f->stop = f->stop || e->stop;
    }
    return DL4C_OK;
}

/* One step of one worker, for listeners with `event`. */
static dl4c_status tell_step(struct fit *f, const struct dli_worker_step *s, int64_t iteration, int64_t source_ns, struct dl4c_error *err)
{
    if (!f->events)
        return DL4C_OK;
    struct dl4c_train_event e = { .kind = DL4C_TRAIN_ITERATION,
                                  .epoch = f->t->graph->epoch + 1,
                                  .score = s->score,
                                  .val_score = NAN,
                                  .val_accuracy = NAN,
                                  .rows = s->rows,
                                  .source_ns = source_ns,
                                  .worker = s->worker };
    step_out(f);
    DLI_TRY(tell_event(f, &e, iteration, err));
    return step_in(f, err);
}

/* One step of all workers. */
static void tell_iteration(struct fit *f, int64_t iteration, double score)
{
    for (int32_t i = 0; i < f->o->n_listeners; i++) {
        const struct dl4c_listener *l = &f->listeners[i];
        if (l->iteration_done && l->iteration_done(l->user, iteration, f->t->graph->epoch + 1, score) != 0)
            f->stop = true;
    }
}

static dl4c_status tell_epoch(struct fit *f, bool start, int64_t epoch, struct dl4c_error *err)
{
    if (f->o->n_listeners == 0)
        return DL4C_OK;
    step_out(f);
    for (int32_t i = 0; i < f->o->n_listeners; i++) {
        const struct dl4c_listener *l = &f->listeners[i];
        if (start && l->epoch_start && l->epoch_start(l->user, epoch) != 0)
            f->stop = true;
        if (!start && l->epoch_end && l->epoch_end(l->user, epoch, f->at.train_score, f->at.val_score, f->at.val_accuracy) != 0)
            f->stop = true;
    }
    struct dl4c_train_event e = { .kind = start ? DL4C_TRAIN_EPOCH_START : DL4C_TRAIN_EPOCH_END,
                                  .epoch = epoch,
                                  .score = start ? NAN : f->at.train_score,
                                  .val_score = start ? NAN : f->at.val_score,
                                  .val_accuracy = start ? NAN : f->at.val_accuracy };
    DLI_TRY(tell_event(f, &e, f->t->graph->iteration, err));
    return step_in(f, err);
}

/* ---- sources ---- */

/* The rows of a source, which must be what the graph's input takes. */
static dl4c_status check_source(const dl4c_graph *g, dl4c_source *source, const char *which, struct dl4c_shape *shape,
                                struct dl4c_error *err)
{
    struct dl4c_source_info info = DL4C_SOURCE_INFO_INIT;
    DLI_TRY(dl4c_source_get_info(source, &info, err));
    if (g->n_inputs < 1)
        return dli_fail(err, DL4C_E_INVALID, "train", "the graph has no input");
    const struct dli_vertex *v = &g->vertices[g->inputs[0]];
    const bool turned = v->nhwc && v->shape.rank == 3 && !dli_graph_channels_first(g, info.shape, info.rank);
    int64_t want[DL4C_MAX_RANK];
    bool same = info.rank == v->shape.rank;
    for (int32_t r = 0; r < v->shape.rank; r++) {
        want[r] = v->shape.dim[turned ? (r + 1) % 3 : r];
        same = same && (want[r] == info.shape[r] || want[r] < 0);
    }
    if (!same)
        return dli_fail(err, DL4C_E_INVALID, "train", "rows of the %ssource are %s, the graph's input is %s", which,
                        DLI_SHAPE(info.shape, info.rank), DLI_SHAPE(want, v->shape.rank));
    if (info.n_classes < 1)
        return dli_fail(err, DL4C_E_INVALID, "train", "the %ssource has no labels", which);
    shape->rank = info.rank;
    memcpy(shape->dim, info.shape, sizeof info.shape);
    return DL4C_OK;
}

/* n / (classes * n of the class), as scikit-learn's "balanced"; classes without an example do not count and weigh 1. */
static dl4c_status balance(struct fit *f, struct dl4c_error *err)
{
    dl4c_trainer *t = f->t;
    struct dl4c_batch b = DL4C_BATCH_INIT;
    const int32_t classes = t->k == 1 ? 2 : (int32_t)t->k;
    double *count = dli_calloc(t->ctx, (size_t)classes, sizeof *count, err), total = 0;
    float *weights = dli_array(t->ctx, (size_t)classes, sizeof *weights, err);
    dl4c_status status = count && weights ? dl4c_source_reset(f->source, 0, 0, 0, err) : dli_alloc_status();
    while (status == DL4C_OK) {
        status = dli_trainer_next(t, f->source, t->batch, &b, err);
        if (status == DL4C_OK)
            status = dli_watch_check(&f->watch, err);
        if (status != DL4C_OK || b.n == 0)
            break;
        for (int64_t i = 0; i < b.n; i++) {
            if (b.y_mask && b.y_mask[i * b.y_mask_values] == 0) /* weights of classes are for one loss a row */
                continue;
            if (b.labels)
                count[b.labels[i]] += 1;
            else if (t->k == 1)
                count[b.y[i] > 0.5f] += 1;
            for (int64_t j = 0; b.y && t->k > 1 && j < t->k; j++)
                count[j] += (double)b.y[i * t->k + j];
        }
    }
    int32_t present = 0;
    for (int32_t c = 0; status == DL4C_OK && c < classes; c++) {
        total += count[c];
        present += count[c] > 0;
    }
    for (int32_t c = 0; status == DL4C_OK && c < classes; c++) {
        weights[c] = count[c] > 0 ? (float)(total / (present * count[c])) : 1.0f;
        if (count[c] > 0)
            continue;
        dli_log(t->ctx, DL4C_LOG_WARNING, "train", "class %" PRId32 " has no example", c);
        status = dli_run_event(f->run, "warning", t->graph->epoch, t->graph->iteration, err, "class %" PRId32 " has no example", c);
    }
    if (status == DL4C_OK)
        status = dli_trainer_class_weights(t, weights, classes, err);
    dli_free(count);
    dli_free(weights);
    return status;
}

/* ---- epochs ---- */

static dl4c_status validate(struct fit *f, struct dl4c_error *err)
{
    dl4c_trainer *t = f->t;
    struct dl4c_batch b;
    double sum = 0, score = 0, penalty = 0;
    int64_t right = 0, counted = 0, n = 0, hits;
    DLI_TRY(dl4c_source_reset(f->o->validation, 0, f->o->seed, t->graph->epoch, err));
    for (;;) {
        DLI_TRY(dli_trainer_next(t, f->o->validation, t->batch, &b, err));
        DLI_TRY(dli_watch_check(&f->watch, err));
        if (b.n == 0)
            break;
        const dl4c_status status = dli_trainer_run(t, false, &b, &score, &hits, err);
        if (status != DL4C_OK)
            return dli_fail_prefix(err, status, "validation");
        const double loss = dli_trainer_loss_sum(t, b.n);
        penalty = score - loss / (double)dli_trainer_divisor(t, b.n);
        sum += loss;
        right += hits;
        counted += t->counted;
        n += b.n;
    }
    if (n == 0)
        return dli_fail(err, DL4C_E_INVALID, "train", "the validation source has no examples");
    f->at.val_score = sum / (double)n + penalty;
    f->at.val_accuracy = (double)right / (double)counted; /* NaN where all is masked */
    return DL4C_OK;
}

/* Of an epoch. */
struct pass {
    int64_t done;  /* rows of earlier epochs */
    int64_t began; /* when the step or round before ended */
};

static dl4c_status save_checkpoint(struct fit *f, bool is_best, struct dl4c_error *err)
{
    const dl4c_graph *g = f->t->graph;
    if (!f->resume)
        return DL4C_OK;
    DLI_TRY(dli_run_flush(f->run, err));
    dli_run_sizes(f->run, &f->at.scores_bytes, &f->at.epochs_bytes);
    DLI_TRY(dli_resume_save(f->resume, f->t, &f->at, &f->labels, is_best, err));
    return dli_run_event(f->run, "checkpoint", g->epoch, g->iteration, err, "%" PRId64 " examples into epoch %" PRId64, f->at.examples,
                         g->epoch + 1);
}

static dl4c_status record_step(struct fit *f, const struct dli_worker_step *s, int64_t iteration, double rate, struct dl4c_error *err)
{
    const struct dli_run_score line = { .epoch = f->t->graph->epoch + 1,
                                        .round = f->workers ? f->at.rounds : -1,
                                        .iteration = iteration,
                                        .worker = s->worker,
                                        .examples = s->rows,
                                        .score = s->score,
                                        .rate = rate };
    return dli_run_score(f->run, &line, err);
}

static dl4c_status record_epoch(struct fit *f, int64_t epoch, int64_t began, struct dl4c_error *err)
{
    const struct dli_run_epoch e = { .epoch = epoch,
                                     .round = f->workers ? f->at.rounds : -1,
                                     .iteration = f->t->graph->iteration,
                                     .examples = f->at.examples,
                                     .train_score = f->at.train_score,
                                     .train_accuracy = (double)f->at.right / (double)f->at.counted,
                                     .val_score = f->at.val_score,
                                     .val_accuracy = f->at.val_accuracy,
                                     .seconds = (double)(dli_now_ns() - began) * 1e-9,
                                     .labels = &f->labels };
    return dli_run_epoch(f->run, &e, err);
}

/* Steps that were made, in their order: one, or those of a round, whose first was iteration `first`. */
static dl4c_status count_steps(struct fit *f, const struct dli_worker_step *steps, int64_t n, int64_t first, int64_t source_ns,
                               struct pass *p, struct dl4c_error *err)
{
    const int64_t now = dli_now_ns(), took = now - p->began;
    const double a_second = took > 0 ? 1e9 * (steps[n - 1].step + 1) / (double)took : NAN; /* steps */
    p->began = now;
    f->between = false;
    for (int64_t i = 0, j; i < n; i = j) {
        double score = 0;
        int64_t rows = 0;
        for (j = i; j < n && steps[j].step == steps[i].step; j++) {
            const struct dli_worker_step *s = &steps[j];
            f->at.sum += s->score;
            f->at.steps++;
            f->at.examples += s->rows;
            f->at.right += s->right;
            f->at.counted += s->counted;
            score += s->score * (double)s->rows;
            dli_labels_add(&f->labels, s->worker, s->labels, f->t->k_y == f->labels.classes ? s->y : NULL, s->rows);
            rows += s->rows;
            DLI_TRY(record_step(f, s, first + s->step, (double)s->rows * a_second, err));
        }
        f->watch.now.done = p->done + f->at.examples;
        f->watch.now.score = j - i == 1 ? steps[i].score : score / (double)rows;
        tell_iteration(f, first + steps[i].step, f->watch.now.score);
        for (int64_t k = i; k < j; k++)
            DLI_TRY(tell_step(f, &steps[k], first + steps[k].step, source_ns, err));
    }
    f->between = true;
    DLI_TRY(dli_watch_report(&f->watch, false, err));
    return dli_resume_due(f->resume) ? save_checkpoint(f, false, err) : DL4C_OK;
}

static dl4c_status run_steps(struct fit *f, struct pass *p, struct dl4c_error *err)
{
    struct dl4c_batch b;
    while (!f->stop) {
        const int64_t asked = f->events ? dli_now_ns() : 0;
        DLI_TRY(dli_trainer_next(f->t, f->source, f->t->batch, &b, err));
        if (b.n == 0)
            break;
        struct dli_worker_step s = { .rows = b.n, .labels = b.labels, .y = b.y };
        const int64_t source_ns = f->events ? dli_now_ns() - asked : 0;
        DLI_TRY(dli_trainer_run(f->t, true, &b, &s.score, f->run ? &s.right : NULL, err));
        s.counted = f->t->counted;
        f->at.taken += b.n;
        DLI_TRY(count_steps(f, &s, 1, f->t->graph->iteration, source_ns, p, err));
    }
    return DL4C_OK;
}

static dl4c_status run_rounds(struct fit *f, struct pass *p, struct dl4c_error *err)
{
    const struct dli_worker_step *steps;
    int64_t n;
    while (!f->stop) {
        const int64_t before = f->t->graph->iteration;
        DLI_TRY(dli_workers_round(f->workers, f->source, &f->watch, &steps, &n, err));
        if (n == 0)
            break;
        f->at.rounds++;
        f->at.taken += dli_workers_taken(f->workers);
        DLI_TRY(count_steps(f, steps, n, before + 1, 0, p, err));
    }
    return DL4C_OK;
}

/* The examples of the epoch that were trained on before the checkpoint come first again. */
static dl4c_status skip(struct fit *f, struct dl4c_error *err)
{
    for (int64_t left = f->at.taken; left > 0;) {
        struct dl4c_batch b;
        DLI_TRY(dli_watch_check(&f->watch, err));
        DLI_TRY(dli_trainer_next(f->t, f->source, left < f->t->batch ? left : f->t->batch, &b, err));
        if (b.n == 0)
            return dli_fail(err, DL4C_E_STATE, "train", "the source ended %" PRId64 " examples before the place of the checkpoint", left);
        left -= b.n;
    }
    return DL4C_OK;
}

static dl4c_status run_epoch(struct fit *f, int64_t done, struct dl4c_error *err)
{
    struct pass p = { .done = done, .began = dli_now_ns() };
    f->at.train_score = f->at.val_score = f->at.val_accuracy = NAN;
    if (f->at.taken == 0) /* else the checkpoint says what those before it were */
        dli_labels_clear(&f->labels);
    DLI_TRY(dl4c_source_reset(f->source, !f->o->no_shuffle, f->o->seed, f->t->graph->epoch, err));
    DLI_TRY(skip(f, err));
    if (f->workers)
        dli_workers_begin_epoch(f->workers, f->at.taken);
    f->between = true;
    DLI_TRY(f->workers ? run_rounds(f, &p, err) : run_steps(f, &p, err));
    if (f->stop)
        return DL4C_OK;
    if (f->at.steps == 0)
        return dli_fail(err, DL4C_E_INVALID, "train", "the source has no examples");
    if (f->rows < 0)
        f->rows = f->at.examples;
    f->at.train_score = f->at.sum / (double)f->at.steps;
    return DL4C_OK;
}

static dl4c_status consider(struct fit *f, int64_t epoch, struct dl4c_error *err)
{
    if (f->at.best_epoch && !(f->at.val_score < f->at.best_score)) {
        f->at.worse++;
        return DL4C_OK;
    }
    f->at.worse = 0;
    f->at.best_epoch = epoch;
    f->at.best_score = f->at.val_score;
    f->at.kept_train = f->at.train_score;
    f->at.kept_val = f->at.val_score;
    f->at.kept_accuracy = f->at.val_accuracy;
    return f->o->early_stopping ? dli_trainer_save(f->t, &f->best, err) : DL4C_OK;
}

/* Rows of so many epochs; 0: not known, or a host's source says nonsense. */
static int64_t rows_of(const struct fit *f, uint32_t epochs)
{
    int64_t n;
    return f->rows >= 0 && dli_mul_i64(f->rows, epochs, &n) ? n : 0;
}

/* Validation, record, checkpoint. */
static dl4c_status end_epoch(struct fit *f, int64_t epoch, int64_t began, struct dl4c_error *err)
{
    const bool validates = f->o->validation && (f->o->validate_every < 2 || f->at.epochs % f->o->validate_every == 0);
    f->between = false;
    f->t->graph->epoch++;
    if (validates) {
        DLI_TRY(dli_run_flush(f->run, err)); /* it may take its time */
        DLI_TRY(validate(f, err));
        DLI_TRY(consider(f, epoch, err));
    }
    DLI_TRY(record_epoch(f, epoch, began, err));
    f->at.epochs++;
    f->at.examples = f->at.right = f->at.counted = f->at.taken = f->at.steps = 0;
    f->at.sum = 0;
    return save_checkpoint(f, validates && f->at.best_epoch == epoch, err);
}

static bool past_best(const struct fit *f) { return f->o->early_stopping && f->at.worse >= f->o->early_stopping; }

static dl4c_status run_epochs(struct fit *f, struct dl4c_error *err)
{
    dl4c_graph *g = f->t->graph;
    while (f->at.epochs < f->o->epochs && !f->stop && !past_best(f)) {
        const int64_t epoch = g->epoch + 1, began = dli_now_ns();
        f->watch.now.epoch = epoch;
        f->watch.now.total = f->o->epochs == UINT32_MAX ? 0 : rows_of(f, f->o->epochs);
        DLI_TRY(tell_epoch(f, true, epoch, err));
        if (f->stop)
            break;
        DLI_TRY(run_epoch(f, rows_of(f, (uint32_t)f->at.epochs), err));
        if (f->stop)
            break;
        DLI_TRY(end_epoch(f, epoch, began, err));
        DLI_TRY(tell_epoch(f, false, epoch, err));
    }
    if (past_best(f))
        DLI_TRY(dli_run_event(f->run, "early_stopping", g->epoch, g->iteration, err,
                              "no lower validation score than that of epoch %" PRId64 " in %" PRIu32 " epochs", f->at.best_epoch,
                              f->o->early_stopping));
    if (f->stop) {
        DLI_TRY(f->between ? save_checkpoint(f, false, err) : DL4C_OK);
        DLI_TRY(dli_run_event(f->run, "stopped", g->epoch, g->iteration, err, "a listener asked to stop"));
    }
    if (f->o->early_stopping && f->at.best_epoch && f->best.params)
        DLI_TRY(dli_trainer_restore(f->t, &f->best, err));
    return dli_watch_report(&f->watch, true, err);
}

/* Of a training that did not fail. */
static dl4c_status record_end(struct fit *f, struct dl4c_error *err)
{
    const dl4c_graph *g = f->t->graph;
    DLI_TRY(dli_run_flush(f->run, err));
    if (f->o->early_stopping && f->at.best_epoch)
        return dli_run_event(f->run, "end", g->epoch, g->iteration, err, "epoch %" PRId64 " is kept, whose validation score is %s",
                             f->at.best_epoch, DLI_NUM(f->at.best_score));
    return dli_run_event(f->run, "end", g->epoch, g->iteration, err, "the last iteration is kept");
}

/* ---- what the graph says of its training ---- */

static void key_num(struct dli_strbuf *b, const char *key, double v)
{
    dli_strbuf_addf(b, ", \"%s\": ", key);
    dli_strbuf_json_num(b, v);
}

static dl4c_status describe(const struct fit *f, char **text, struct dl4c_error *err)
{
    const struct dl4c_fit_options *o = f->o;
    const dl4c_graph *g = f->t->graph;
    struct dli_strbuf b;
    dli_strbuf_init(&b, f->t->ctx);
    dli_strbuf_add(&b, "{\"updater\": ");
    dli_strbuf_json(&b, f->t->updater);
    dli_strbuf_addf(
        &b, ", \"batch\": %" PRId64 ", \"epochs\": %" PRId64 ", \"iterations\": %" PRId64 ", \"seed\": %" PRId64 ", \"shuffle\": %s",
        o->batch, g->epoch, g->iteration, (int64_t)o->seed /* signed, as in the configuration: JSON's integers end there */,
        o->no_shuffle ? "false" : "true");
    key_num(&b, "l1", o->l1);
    key_num(&b, "l2", o->l2);
    dli_strbuf_addf(&b, ", \"class_weights\": %s", o->balanced ? "\"balanced\"" : o->class_weights ? "[" : "null");
    for (int32_t i = 0; i < o->n_class_weights; i++) {
        dli_strbuf_add(&b, i ? ", " : "");
        dli_strbuf_json_num(&b, (double)o->class_weights[i]);
    }
    dli_strbuf_add(&b, o->class_weights ? "]" : "");
    const bool best = o->early_stopping && f->at.best_epoch;
    key_num(&b, "train_score", best ? f->at.kept_train : f->at.train_score);
    key_num(&b, "validation_score", best ? f->at.kept_val : f->at.val_score);
    key_num(&b, "validation_accuracy", best ? f->at.kept_accuracy : f->at.val_accuracy);
    if (o->early_stopping)
        dli_strbuf_addf(&b, ", \"early_stopping\": %" PRIu32 ", \"best_epoch\": %" PRId64, o->early_stopping, f->at.best_epoch);
    dli_strbuf_addc(&b, '}');
    return dli_strbuf_take(&b, text, err);
}

static dl4c_status record(struct fit *f, struct dl4c_error *err)
{
    char *text;
    DLI_TRY(describe(f, &text, err));
    struct dl4c_model_info info = f->t->graph->info;
    info.struct_size = sizeof info;
    info.training = text;
    struct dl4c_source_info source = DL4C_SOURCE_INFO_INIT;
    if (dl4c_source_get_info(f->source, &source, NULL) == DL4C_OK && source.classes && source.n_classes > 0) {
        info.classes = source.classes; /* it knows these classes now, whatever it knew before */
        info.n_classes = source.n_classes;
    }
    const dl4c_status status = dl4c_graph_set_info(f->t->graph, &info, err);
    dli_free(text);
    return status;
}

/* The caller's listeners lie struct_size of the first apart. */
static dl4c_status take_listeners(struct fit *f, dl4c_context *ctx, struct dl4c_error *err)
{
    const int32_t n = f->o->n_listeners;
    if (n == 0)
        return DL4C_OK;
    if (!f->o->listeners)
        return dli_fail(err, DL4C_E_INVALID, "train", "listeners is NULL");
    f->listeners = dli_calloc(ctx, (size_t)n, sizeof *f->listeners, err);
    if (!f->listeners)
        return dli_alloc_status();
    const size_t size = f->o->listeners[0].struct_size;
    for (int32_t i = 0; i < n; i++) {
        const char *at = (const char *)f->o->listeners + (size_t)i * size;
        DLI_TRY(dli_struct_in(&f->listeners[i], sizeof f->listeners[i], at, "train", err));
        f->events = f->events || f->listeners[i].event;
    }
    return DL4C_OK;
}

/* Where there is a checkpoint the graph becomes what it was then; the record of the run is begun, or goes on. */
static dl4c_status begin(struct fit *f, dl4c_graph *graph, struct dl4c_error *err)
{
    const struct dli_run_about about = { .options = f->o,
                                         .graph = graph,
                                         .source = f->source,
                                         .updater = f->t->updater,
                                         .threads = f->o->threads ? f->o->threads : dl4c_context_threads(graph->ctx) };
    bool found = false;
    DLI_TRY(dli_resume_create(&about, f->t, &f->resume, err));
    if (f->resume) {
        DLI_TRY(step_in(f, err));
        const dl4c_status status = dli_resume_load(f->resume, f->t, &f->at, &f->labels, &f->best, &found, err);
        step_out(f);
        DLI_TRY(status);
    }
    if (!f->o->resume)
        return dli_run_create(&about, &f->run, err);
    return dli_run_resume(&about, found ? f->at.scores_bytes : 0, found ? f->at.epochs_bytes : 0, &f->run, err);
}

static dl4c_status run_fit(struct fit *f, dl4c_graph *graph, struct dl4c_error *err)
{
    struct dl4c_source_info info = DL4C_SOURCE_INFO_INIT;
    struct dl4c_shape shape = { 0 }, other = { 0 };
    DLI_TRY(dl4c_source_get_info(f->source, &info, err));
    f->rows = info.rows;
    DLI_TRY(check_source(graph, f->source, "", &shape, err));
    if (f->o->validation)
        DLI_TRY(check_source(graph, f->o->validation, "validation ", &other, err));
    if (f->o->validation && memcmp(shape.dim, other.dim, (size_t)shape.rank * sizeof *shape.dim) != 0)
        return dli_fail(err, DL4C_E_INVALID, "train", "rows of the validation source are %s, those of the source %s",
                        DLI_SHAPE(other.dim, other.rank), DLI_SHAPE(shape.dim, shape.rank));
    struct dl4c_fit_options own = *f->o;
    own.threads = dli_fit_worker_threads(graph->ctx, f->o);
    DLI_TRY(dli_trainer_create(graph, &own, &shape, &f->t, err));
    dli_watch_init(&f->watch, "train", f->o->progress, f->o->progress_user, f->o->cancel, f->o->timeout_ms);
    if (f->o->run_dir && f->t->positions == 1) /* rows with a class each */
        DLI_TRY(dli_labels_init(&f->labels, graph->ctx, f->o->workers, dli_trainer_binary(f->t) ? 2 : f->t->k_y,
                                err));
    DLI_TRY(begin(f, graph, err));
    if (f->o->balanced)
        DLI_TRY(balance(f, err));
    DLI_TRY(step_in(f, err));
    dl4c_status status =
        dli_fit_averages(f->o)
            ? dli_workers_create(f->t, f->o, f->source, &f->group, f->at.rounds, f->run, &f->watch, &f->workers, err)
            : DL4C_OK;
    if (status == DL4C_OK && f->workers && f->replay)
        dli_workers_replay(f->workers, f->replay);
    if (status == DL4C_OK)
        status = run_epochs(f, err);
    if (status == DL4C_OK)
        status = record(f, err);
    if (status == DL4C_OK)
        status = record_end(f, err);
    const dl4c_status why = status == DL4C_E_CANCELLED && dli_fit_leads(f->o) ? dli_watch_check(&f->watch, err) : DL4C_OK;
    status = why ? why : status; /* the group cannot know it */
    if ((status == DL4C_E_CANCELLED || status == DL4C_E_TIMEOUT) && f->between) /* what was done is not lost */
        (void)save_checkpoint(f, false, NULL);
    if (f->t->held)
        dli_graph_end_training(graph);
    return status;
}

dl4c_status dl4c_fit(dl4c_graph *graph, dl4c_source *source, const struct dl4c_fit_options *options, struct dl4c_error *err)
{
    if (!graph || !source)
        return dli_fail(err, DL4C_E_INVALID, "train", "%s is NULL", graph ? "source" : "graph");
    struct dl4c_fit_options o;
    struct dl4c_error own = DL4C_ERROR_INIT; /* the record wants the reason too */
    err = err ? err : &own;
    DLI_TRY(dli_fit_options(options, true, &o, err));
    struct fit f = { .o = &o, .source = source, .at = { .best_score = NAN, .train_score = NAN, .val_score = NAN, .val_accuracy = NAN } };
    dl4c_status status = o.replay ? dli_replay_read(graph->ctx, o.replay, &f.replay, &o.workers, err) : DL4C_OK;
    int32_t rank = 0;
    if (status == DL4C_OK && dli_fit_by_all(&o))
        status = dli_workers_join(graph->ctx, &o, &f.group, &rank, &o.workers, err);
    if (o.rank)
        *o.rank = rank;
    if (status == DL4C_OK && rank > 0)
        return dli_workers_serve(graph->ctx, &o, &f.group, err);
    if (status == DL4C_OK)
        status = take_listeners(&f, graph->ctx, err);
    struct dli_watch *before = dli_watch_enter(&f.watch);
    if (status == DL4C_OK)
        status = run_fit(&f, graph, err);
    dli_watch_enter(before);
    if (status != DL4C_OK)
        dli_run_failed(f.run, graph->epoch, graph->iteration, err);
    dli_workers_destroy(&f.workers, status, status == DL4C_OK ? "" : err->message);
    dli_workers_call_off(&f.group, status, err->message);
    dli_free(f.listeners);
    dli_trainer_copy_free(&f.best);
    dli_labels_free(&f.labels);
    dli_resume_destroy(&f.resume);
    dli_replay_free(&f.replay);
    dli_run_close(&f.run);
    dl4c_trainer_destroy(&f.t);
    return status;
}
