/* SPDX-License-Identifier: Apache-2.0 */
/* Early stopping: a listener of fit that scores epochs, keeps the best model and says when it is enough. */
#include "base/deadline.h"
#include "base/number.h"
#include "base/strbuf.h"
#include "evaluation/java.h"
#include "fs/fs.h"
#include "graph/graph.h"
#include <dl4c/early_stopping.h>
#include <dl4c/model.h>

#include <math.h>
#include <string.h>

/* What a model's score is. */
struct calculator {
    const char *name;
    int32_t metric; /* DL4C_METRIC_*; 0: the loss, of which less is better */
};
static const struct calculator calculators[] = {
    { "loss", 0 },
    { "accuracy", DL4C_METRIC_ACCURACY },
    { "balanced_accuracy", DL4C_METRIC_BALANCED_ACCURACY },
    { "precision", DL4C_METRIC_PRECISION },
    { "recall", DL4C_METRIC_RECALL },
    { "f1", DL4C_METRIC_F1 },
    { "g_measure", DL4C_METRIC_G_MEASURE },
    { "mcc", DL4C_METRIC_MCC },
    { "auroc", DL4C_METRIC_AUROC },
    { "auprc", DL4C_METRIC_AUPRC },
};
enum { N_CALCULATORS = sizeof calculators / sizeof *calculators };

struct stopper {
    dl4c_context *ctx; /* borrowed from the graph, like all of this during the call */
    const struct dl4c_early_stopping_options *o;
    const struct dl4c_fit_options *fit;
    const struct calculator *by;
    uint32_t max_epochs; /* 0: no limit */
    int64_t start_ns;
    int64_t epochs; /* ended so far */
    struct dl4c_early_stopping_result r;
    size_t epochs_room, scores_room;
    dl4c_graph *best;
    double improved_score; /* ScoreImprovement: what the next must beat */
    int64_t improved_at;   /* the epoch of this training that had it, from 1; 0: none */
};

static bool better(const struct stopper *s, double a, double b) { return s->by->metric ? a > b : a < b; }

/* ---- why it ended ---- */

/* Sets reason and details once; text is cut to the field, which no condition reaches. */
static dl4c_status end(struct stopper *s, int32_t reason, struct dli_strbuf *b, struct dl4c_error *err)
{
    char *text;
    DLI_TRY(dli_strbuf_take(b, &text, err));
    const size_t n = strlen(text) < sizeof s->r.details ? strlen(text) : sizeof s->r.details - 1;
    s->r.reason = reason;
    memcpy(s->r.details, text, n);
    s->r.details[n] = '\0';
    dli_free(text);
    return DL4C_OK;
}

static dl4c_status end_value(struct stopper *s, int32_t reason, const char *class, double v, struct dl4c_error *err)
{
    struct dli_strbuf b;
    dli_strbuf_init(&b, s->ctx);
    dli_strbuf_addf(&b, "%s(", class);
    dli_java_double(&b, v);
    dli_strbuf_addc(&b, ')');
    return end(s, reason, &b, err);
}

static dl4c_status end_text(struct stopper *s, int32_t reason, const char *text, struct dl4c_error *err)
{
    struct dli_strbuf b;
    dli_strbuf_init(&b, s->ctx);
    dli_strbuf_add(&b, text);
    return end(s, reason, &b, err);
}

static dl4c_status after_iteration(struct stopper *s, double score, struct dl4c_error *err)
{
    struct dli_strbuf b;
    if (s->o->max_time_ms && dli_now_ns() - s->start_ns >= s->o->max_time_ms * 1000000) {
        dli_strbuf_init(&b, s->ctx);
        dli_strbuf_addf(&b, "MaxTimeIterationTerminationCondition(%" PRId64 ",unit=MILLISECONDS)", s->o->max_time_ms);
        return end(s, DL4C_STOP_ITERATION_CONDITION, &b, err);
    }
    if (s->o->has_max_score && (score > s->o->max_score || isnan(score)))
        return end_value(s, DL4C_STOP_ITERATION_CONDITION, "MaxScoreIterationTerminationCondition", s->o->max_score, err);
    return DL4C_OK;
}

static dl4c_status after_epoch(struct stopper *s, bool scored, double score, struct dl4c_error *err)
{
    const struct dl4c_early_stopping_options *o = s->o;
    struct dli_strbuf b;
    dli_strbuf_init(&b, s->ctx);
    if (s->max_epochs && s->epochs >= s->max_epochs) {
        dli_strbuf_addf(&b, "MaxEpochsTerminationCondition(%" PRIu32 ")", s->max_epochs);
        return end(s, DL4C_STOP_EPOCH_CONDITION, &b, err);
    }
    if (!scored)
        return DL4C_OK;
    const double gain = s->by->metric ? score - s->improved_score : s->improved_score - score;
    if (s->improved_at == 0 || gain > o->min_improvement) {
        s->improved_at = s->epochs;
        s->improved_score = score;
    } else if (o->no_improvement && s->epochs >= s->improved_at + o->no_improvement) {
        dli_strbuf_addf(&b, "ScoreImprovementEpochTerminationCondition(maxEpochsWithNoImprovement=%" PRIu32 ", minImprovement=",
                        o->no_improvement);
        dli_java_double(&b, o->min_improvement);
        dli_strbuf_addc(&b, ')');
        return end(s, DL4C_STOP_EPOCH_CONDITION, &b, err);
    }
    if (o->has_best_score && better(s, score, o->best_score))
        return end_value(s, DL4C_STOP_EPOCH_CONDITION, "BestScoreEpochTerminationCondition", o->best_score, err);
    return DL4C_OK;
}

/* ---- scores and models ---- */

static dl4c_status save(const struct stopper *s, dl4c_graph *g, const char *name, struct dl4c_error *err)
{
    struct dl4c_save_options so = DL4C_SAVE_OPTIONS_INIT;
    char *uri;
    so.format = "dl4j";
    so.updater = 1;
    DLI_TRY(dli_uri_join(s->ctx, s->o->dir, name, &uri, err));
    const dl4c_status status = dl4c_model_save(g, uri, &so, err);
    dli_free(uri);
    return status;
}

/* Values of a row of the output with a loss. */
static dl4c_status output_columns(const dl4c_graph *g, int64_t *n, struct dl4c_error *err)
{
    for (int32_t i = 0; i < g->n_outputs; i++) {
        const struct dli_vertex *v = &g->vertices[g->outputs[i]];
        if (v->op && v->op->flags & DLI_OP_OUTPUT && v->shape.rank == 1 && v->shape.dim[0] > 0 && v->shape.dim[0] <= INT32_MAX) {
            *n = v->shape.dim[0];
            return DL4C_OK;
        }
    }
    return dli_fail(err, DL4C_E_INVALID, "train", "the graph has no output of one value for each class");
}

/* The area under an exact curve; of more than two classes the mean over each against the others. */
static dl4c_status area_of(const struct stopper *s, dl4c_graph *g, const struct dl4c_evaluate_options *options, double *score,
                           struct dl4c_error *err)
{
    struct dl4c_evaluate_options eo = *options;
    struct dl4c_measure_options mo = DL4C_MEASURE_OPTIONS_INIT;
    dl4c_measure *m;
    int64_t columns = 0;
    DLI_TRY(output_columns(g, &columns, err));
    mo.columns = (int32_t)columns;
    mo.kind = columns <= 2 ? DL4C_MEASURE_ROC : DL4C_MEASURE_ROC_MULTICLASS;
    DLI_TRY(dl4c_measure_create(s->ctx, &mo, &m, err));
    eo.measures = &m;
    eo.n_measures = 1;
    const dl4c_status status = dl4c_evaluate(g, s->o->source, &eo, NULL, err);
    if (status == DL4C_OK)
        *score = dl4c_measure_value(m, s->by->metric, -1);
    dl4c_measure_destroy(&m);
    return status;
}

static dl4c_status score_of(const struct stopper *s, const struct dl4c_train_event *e, double *score, struct dl4c_error *err)
{
    *score = e->val_score; /* fit has just computed it on the same source */
    if (s->by->metric == 0)
        return DL4C_OK;
    struct dl4c_evaluate_options eo = DL4C_EVALUATE_OPTIONS_INIT;
    dl4c_evaluation *evaluation;
    eo.threads = s->fit->threads;
    eo.cancel = e->cancel;
    eo.timeout_ms = e->timeout_ms;
    if (s->by->metric >= DL4C_METRIC_AUROC)
        return area_of(s, e->graph, &eo, score, err);
    DLI_TRY(dl4c_evaluate(e->graph, s->o->source, &eo, &evaluation, err));
    *score = dl4c_evaluation_metric(evaluation, s->by->metric, DL4C_AVERAGE_DEFAULT);
    dl4c_evaluation_destroy(&evaluation);
    return DL4C_OK;
}

static dl4c_status keep_score(struct stopper *s, int64_t epoch, double score, struct dl4c_error *err)
{
    const size_t n = (size_t)s->r.n_scores + 1;
    DLI_TRY(dli_grow(s->ctx, &s->r.epochs, &s->epochs_room, n, sizeof *s->r.epochs, err));
    DLI_TRY(dli_grow(s->ctx, &s->r.scores, &s->scores_room, n, sizeof *s->r.scores, err));
    s->r.epochs[n - 1] = epoch;
    s->r.scores[n - 1] = score;
    s->r.n_scores++;
    return DL4C_OK;
}

static dl4c_status consider(struct stopper *s, dl4c_graph *g, int64_t epoch, double score, struct dl4c_error *err)
{
    if (s->best && !better(s, score, s->r.best_score) && isfinite(s->r.best_score))
        return DL4C_OK;
    if (s->best && !isfinite(score)) /* one that is not finite is as good as another */
        return DL4C_OK;
    dl4c_graph *clone;
    DLI_TRY(dl4c_graph_clone(g, &clone, err)); /* shares everything: the next step makes copies of its own */
    dl4c_graph_destroy(&s->best);
    s->best = clone;
    s->r.best_epoch = epoch;
    s->r.best_score = score;
    return s->o->dir ? save(s, clone, "bestGraph.bin", err) : DL4C_OK;
}

static dl4c_status epoch_end(struct stopper *s, struct dl4c_train_event *e, struct dl4c_error *err)
{
    const uint32_t every = s->o->every_epochs ? s->o->every_epochs : 1;
    const bool scored = s->epochs++ % every == 0;
    double score = NAN;
    s->r.total_epochs = s->epochs;
    if (scored) {
        DLI_TRY(score_of(s, e, &score, err));
        DLI_TRY(keep_score(s, e->epoch, score, err));
        DLI_TRY(consider(s, e->graph, e->epoch, score, err));
        if (s->o->save_last)
            DLI_TRY(save(s, e->graph, "latestGraph.bin", err));
    }
    return after_epoch(s, scored, score, err);
}

static dl4c_status event(void *user, struct dl4c_train_event *e, struct dl4c_error *err)
{
    struct stopper *s = user;
    if (e->kind == DL4C_TRAIN_ITERATION)
        DLI_TRY(after_iteration(s, e->score, err));
    else if (e->kind == DL4C_TRAIN_EPOCH_END)
        DLI_TRY(epoch_end(s, e, err));
    e->stop = s->r.reason != 0;
    return DL4C_OK;
}

/* ---- the call ---- */

static dl4c_status check(const struct dl4c_early_stopping_options *o, const struct dl4c_fit_options *fit, const struct calculator **by,
                         struct dl4c_error *err)
{
    if (o->flags)
        return dli_fail(err, DL4C_E_VERSION, "train", "flags %#" PRIx64 " are not known to this library", o->flags);
    if (!o->source)
        return dli_fail(err, DL4C_E_INVALID, "train", "early stopping wants a source to score models on");
    if (fit->validation || fit->early_stopping)
        return dli_fail(err, DL4C_E_INVALID, "train", "the fit options' %s is not for dl4c_fit_early_stopping, which has its own",
                        fit->validation ? "validation" : "early_stopping");
    if (!(o->min_improvement >= 0 && o->min_improvement < 1e300) || !isfinite(o->best_score) || !isfinite(o->max_score))
        return dli_fail(err, DL4C_E_INVALID, "train", "min_improvement is %s, best_score %s and max_score %s", DLI_NUM(o->min_improvement),
                        DLI_NUM(o->best_score), DLI_NUM(o->max_score));
    if (o->max_time_ms < 0 || o->max_time_ms > INT64_MAX / 1000000)
        return dli_fail(err, DL4C_E_INVALID, "train", "max_time_ms is %" PRId64 ", wanted 0 to 292 years", o->max_time_ms);
    if (o->save_last && !o->dir)
        return dli_fail(err, DL4C_E_INVALID, "train", "save_last wants dir, where the last model goes");
    if (!fit->epochs && !o->no_improvement && !o->has_best_score && !o->has_max_score && !o->max_time_ms)
        return dli_fail(err, DL4C_E_INVALID, "train", "no condition ends the training: set epochs, no_improvement, max_time_ms or a score");
    const char *name = o->score ? o->score : "loss";
    for (int32_t i = 0; i < N_CALCULATORS; i++)
        if (strcmp(calculators[i].name, name) == 0) {
            *by = &calculators[i];
            return DL4C_OK;
        }
    struct dli_strbuf b;
    char *names;
    dli_strbuf_init(&b, NULL);
    for (int32_t i = 0; i < N_CALCULATORS; i++)
        dli_strbuf_addf(&b, "%s%s", i ? ", " : "", calculators[i].name);
    DLI_TRY(dli_strbuf_take(&b, &names, err));
    dli_fail(err, DL4C_E_INVALID, "train", "score \"%.60s\" is none of %s", name, names);
    dli_free(names);
    return DL4C_E_INVALID;
}

/* The caller's listeners, and ours as the last. They lie struct_size of the first apart. */
static dl4c_status with_listener(struct stopper *s, struct dl4c_fit_options *fo, struct dl4c_listener **listeners, struct dl4c_error *err)
{
    const int32_t n = fo->n_listeners;
    if (n < 0 || n == INT32_MAX || (n > 0 && !fo->listeners))
        return dli_fail(err, DL4C_E_INVALID, "train", "n_listeners is %" PRId32 " and listeners %s", n, fo->listeners ? "given" : "NULL");
    *listeners = dli_calloc(s->ctx, (size_t)n + 1, sizeof **listeners, err);
    if (!*listeners)
        return dli_alloc_status();
    for (int32_t i = 0; i < n; i++)
        DLI_TRY(dli_struct_in(&(*listeners)[i], sizeof **listeners, (const char *)fo->listeners + (size_t)i * fo->listeners->struct_size,
                              "train", err));
    (*listeners)[n] = (struct dl4c_listener){ .struct_size = sizeof **listeners, .user = s, .event = event };
    fo->listeners = *listeners;
    fo->n_listeners = n + 1;
    return DL4C_OK;
}

/* The best model remembers the training as the graph does, and which epoch it is. */
static dl4c_status describe_best(const struct stopper *s, const dl4c_graph *g, struct dl4c_error *err)
{
    struct dl4c_model_info info = g->info;
    struct dli_strbuf b;
    char *text;
    const size_t n = info.training ? strlen(info.training) : 0;
    if (n < 2 || info.training[n - 1] != '}') /* it ended before fit could say */
        return DL4C_OK;
    dli_strbuf_init(&b, s->ctx);
    dli_strbuf_addn(&b, info.training, n - 1);
    dli_strbuf_addf(&b, ", \"score\": \"%s\", \"best_epoch\": %" PRId64 ", \"best_score\": ", s->by->name, s->r.best_epoch);
    if (isfinite(s->r.best_score))
        dli_strbuf_num(&b, "%.17g", s->r.best_score);
    else
        dli_strbuf_add(&b, "null");
    dli_strbuf_addf(&b, ", \"ended\": \"%s\"}", s->r.details);
    DLI_TRY(dli_strbuf_take(&b, &text, err));
    info.struct_size = sizeof info;
    info.training = text;
    const dl4c_status status = dl4c_graph_set_info(s->best, &info, err);
    dli_free(text);
    return status;
}

static dl4c_status run(struct stopper *s, dl4c_graph *graph, dl4c_source *source, struct dl4c_fit_options *fo, struct dl4c_error *err)
{
    struct dl4c_error why = DL4C_ERROR_INIT;
    if (s->o->dir)
        DLI_TRY(dl4c_fs_mkdir(s->ctx, s->o->dir, err));
    s->start_ns = dli_now_ns();
    const dl4c_status status = dl4c_fit(graph, source, fo, &why);
    if (status == DL4C_E_DIVERGED && s->o->has_max_score) {
        DLI_TRY(end_value(s, DL4C_STOP_ITERATION_CONDITION, "MaxScoreIterationTerminationCondition", s->o->max_score, err));
    } else if (status == DL4C_E_DIVERGED && s->o->invalid_score) {
        DLI_TRY(end_text(s, DL4C_STOP_ITERATION_CONDITION, "InvalidScoreIterationTerminationCondition()", err));
    } else if (status != DL4C_OK) {
        if (err)
            *err = why;
        return status;
    }
    if (s->r.reason == 0)
        DLI_TRY(end_text(s, DL4C_STOP_LISTENER, "a listener asked to stop", err));
    if (s->o->save_last)
        DLI_TRY(save(s, graph, "latestGraph.bin", err));
    if (s->best)
        DLI_TRY(describe_best(s, graph, err));
    return s->best && s->o->dir ? save(s, s->best, "bestGraph.bin", err) : DL4C_OK;
}

void dl4c_early_stopping_result_clear(struct dl4c_early_stopping_result *result)
{
    struct dl4c_early_stopping_result mine, none = DL4C_EARLY_STOPPING_RESULT_INIT;
    if (!result || dli_struct_in(&mine, sizeof mine, result, "train", NULL) != DL4C_OK)
        return;
    dli_free(mine.epochs);
    dli_free(mine.scores);
    (void)dli_struct_out(result, &none, sizeof none, "train", NULL);
}

dl4c_status dl4c_fit_early_stopping(dl4c_graph *graph, dl4c_source *source, const struct dl4c_fit_options *fit,
                                    const struct dl4c_early_stopping_options *options, dl4c_graph **best,
                                    struct dl4c_early_stopping_result *result, struct dl4c_error *err)
{
    struct dl4c_early_stopping_options o;
    struct dl4c_fit_options fo;
    struct dl4c_early_stopping_result none = DL4C_EARLY_STOPPING_RESULT_INIT;
    if (best)
        *best = NULL;
    if (!graph || !source)
        return dli_fail(err, DL4C_E_INVALID, "train", "%s is NULL", graph ? "source" : "graph");
    if (result)
        DLI_TRY(dli_struct_out(result, &none, sizeof none, "train", err));
    DLI_TRY(dli_struct_in(&o, sizeof o, options, "train", err));
    DLI_TRY(dli_struct_in(&fo, sizeof fo, fit, "train", err));
    struct stopper s = { .ctx = graph->ctx, .o = &o, .fit = &fo, .max_epochs = fo.epochs, .r = none };
    s.r.best_score = NAN;
    DLI_TRY(check(&o, &fo, &s.by, err));
    fo.epochs = fo.epochs ? fo.epochs : UINT32_MAX;
    if (s.by->metric == 0) {
        fo.validation = o.source;
        fo.validate_every = o.every_epochs;
    }
    struct dl4c_listener *listeners = NULL;
    dl4c_status status = with_listener(&s, &fo, &listeners, err);
    if (status == DL4C_OK)
        status = run(&s, graph, source, &fo, err);
    dli_free(listeners);
    if (status == DL4C_OK && result)
        status = dli_struct_out(result, &s.r, sizeof s.r, "train", err);
    if (status != DL4C_OK || !result) {
        dli_free(s.r.epochs);
        dli_free(s.r.scores);
    }
    if (status != DL4C_OK || !best)
        dl4c_graph_destroy(&s.best);
    else
        *best = s.best;
    return status;
}
