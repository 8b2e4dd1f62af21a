/* SPDX-License-Identifier: Apache-2.0 */
/* Running a classifier over a source and counting. */
#include "base/deadline.h"
#include "graph/graph.h"
#include "tensor/tensor.h"
#include <dl4c/train.h>

#include <math.h>
#include <string.h>

struct evaluating {
    const struct dl4c_evaluate_options *o;
    dl4c_context *ctx; /* borrowed from the graph */
    dl4c_graph *graph;
    dl4c_source *source;
    struct dl4c_source_info info;
    dl4c_session *session;
    dl4c_evaluation *evaluation;
    int64_t k;            /* values of an output row, at each position */
    int64_t positions;    /* pixels or times of an output row [k, ...], each counted as a row; 1 for a vector */
    int32_t classes;      /* k, or 2 where one value is the probability of the second */
    int64_t *labels;      /* [batch * positions]: of targets */
    float *probabilities; /* [batch * positions, 2], where k is 1 */
    float *targets;       /* [batch, k]: of labels, for measures */
    float *turned[3];     /* with positions: outputs, targets and masks of single targets as [batch * positions, k] */
    bool counts;          /* an evaluation is wanted */
    struct dli_watch watch;
};

/* The first output with a loss, else the first. */
static const char *output_of(const dl4c_graph *g)
{
    for (int32_t i = 0; i < g->n_outputs; i++) {
        const struct dli_vertex *v = &g->vertices[g->outputs[i]];
        if (v->op && v->op->flags & DLI_OP_OUTPUT)
            return v->name;
    }
    return g->vertices[g->outputs[0]].name;
}

static dl4c_status make_turned(struct evaluating *e, struct dl4c_error *err)
{
    size_t n = 0;
    if (!dli_mul_size((size_t)e->o->batch, (size_t)e->positions, &n))
        return dli_fail(err, DL4C_E_LIMIT, "evaluate", "a batch of %" PRId64 " needs more memory than sizes count", e->o->batch);
    for (int i = 0; i < 3; i++)
        if (!(e->turned[i] = dli_array(e->ctx, n, (size_t)e->k * sizeof(float), err)))
            return dli_alloc_status();
    return DL4C_OK;
}

static dl4c_status make_session(struct evaluating *e, struct dl4c_error *err)
{
    struct dl4c_session_options so = DL4C_SESSION_OPTIONS_INIT;
    struct dl4c_shape shape = { 0 }, out;
    if (e->graph->n_inputs != 1)
        return dli_fail(err, DL4C_E_UNSUPPORTED, "evaluate", "the graph has %" PRId32 " inputs: this version evaluates graphs of one",
                        e->graph->n_inputs);
    shape.rank = e->info.rank;
    memcpy(shape.dim, e->info.shape, sizeof shape.dim);
    const char *output = output_of(e->graph);
    so.batch = e->o->batch;
    so.outputs = &output;
    so.n_outputs = 1;
    so.threads = e->o->threads;
    so.precision = e->o->precision;
    so.input_shapes = &shape;
    so.n_input_shapes = 1;
    so.flags = dli_graph_channels_first(e->graph, shape.dim, shape.rank) ? DL4C_SESSION_CHANNELS_FIRST : 0;
    DLI_TRY(dl4c_session_create(e->ctx, e->graph, &so, &e->session, err));
    DLI_TRY(dl4c_session_output_shape(e->session, 0, &out, err));
    if (out.rank < 1 || out.dim[0] < 1)
        return dli_fail(err, DL4C_E_INVALID, "evaluate", "output '%.200s' has shape %s, wanted one probability for each class", output,
                        DLI_SHAPE(out.dim, out.rank));
    e->k = out.dim[0];
    e->positions = 1;
    for (int32_t r = 1; r < out.rank; r++)
        e->positions *= out.dim[r];
    if (e->positions > 1 && e->info.n_classes != e->k * e->positions)
        return dli_fail(err, DL4C_E_INVALID, "evaluate", "targets have %" PRId32 " values, output '%.200s' gives %s", e->info.n_classes,
                        output, DLI_SHAPE(out.dim, out.rank));
    if (e->positions > 1)
        DLI_TRY(make_turned(e, err));
    e->classes = e->k == 1 ? 2 : (int32_t)e->k;
    for (int32_t i = 0; i < e->o->n_measures; i++)
        if (!e->o->measures[i] || dl4c_measure_columns(e->o->measures[i]) != e->k)
            return dli_fail(err, DL4C_E_INVALID, "evaluate", "measure %" PRId32 " has %" PRId32 " columns, output '%.200s' gives %" PRId64,
                            i, e->o->measures[i] ? dl4c_measure_columns(e->o->measures[i]) : 0, output, e->k);
    if (e->counts && e->positions == 1 && (e->info.n_classes < 1 || e->info.n_classes > e->classes))
        return dli_fail(err, DL4C_E_INVALID, "evaluate", "the source has %" PRId32 " classes, output '%.200s' gives %" PRId64,
                        e->info.n_classes, output, e->k);
    return DL4C_OK;
}

static dl4c_status make_evaluation(struct evaluating *e, struct dl4c_error *err)
{
    struct dl4c_evaluation_options eo = DL4C_EVALUATION_OPTIONS_INIT;
    const struct dl4c_model_info *info = &e->graph->info;
    /* A label is an index: the names behind the two must be the same, or the counts would mean nothing. Names of another number than
     * the output has values are those of a layer that was replaced. */
    if (info->classes && e->info.classes && info->n_classes == e->classes)
        for (int32_t i = 0; i < e->info.n_classes && i < info->n_classes; i++)
            if (strcmp(info->classes[i], e->info.classes[i]) != 0)
                return dli_fail(err, DL4C_E_INVALID, "evaluate", "class %" PRId32 " is '%.100s' in the source and '%.100s' in the model", i,
                                e->info.classes[i], info->classes[i]);
    eo.n_classes = e->classes;
    eo.top_n = e->o->top_n;
    if (info->classes && info->n_classes == e->classes)
        eo.classes = info->classes;
    else if (e->info.classes && e->info.n_classes == e->classes)
        eo.classes = e->info.classes;
    DLI_TRY(dl4c_evaluation_create(e->ctx, &eo, &e->evaluation, err));
    const size_t rows = (size_t)e->o->batch * (size_t)e->positions; /* does not overflow: make_turned looked */
    e->labels = dli_array(e->ctx, rows, sizeof *e->labels, err);
    e->probabilities = dli_array(e->ctx, rows, 2 * sizeof *e->probabilities, err);
    return e->labels && e->probabilities ? DL4C_OK : dli_alloc_status();
}

static int64_t largest(const float *v, int64_t n)
{
    int64_t best = 0;
    for (int64_t i = 1; i < n; i++)
        if (v[i] > v[best])
            best = i;
    return best;
}

/* A batch as it is counted: each position is a row. */
struct counted {
    int64_t n;
    const float *p, *y;    /* [n, k] */
    const int64_t *labels; /* [n]; NULL: y is there */
    const float *mask;     /* [n] or [n, mask_columns]; NULL: none */
    int32_t mask_columns;
};

static const float *turn(const struct evaluating *e, int32_t which, int64_t n, const float *v)
{
    const int64_t k = e->k, positions = e->positions;
    if (positions == 1 || !v)
        return v;
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j < k; j++)
            for (int64_t p = 0; p < positions; p++)
                e->turned[which][(i * positions + p) * k + j] = v[(i * k + j) * positions + p];
    return e->turned[which];
}

static dl4c_status count_of(struct evaluating *e, const struct dl4c_batch *b, const float *p, struct counted *c, struct dl4c_error *err)
{
    *c = (struct counted){ .n = b->n * e->positions, .labels = b->labels };
    if (b->labels && e->positions > 1)
        return dli_fail(err, DL4C_E_INVALID, "evaluate", "the source has one label a row, the output %" PRId64 " positions: wanted targets",
                        e->positions);
    if (!b->labels && e->info.n_classes != e->k * e->positions)
        return dli_fail(err, DL4C_E_INVALID, "evaluate", "targets have %" PRId32 " values, the output gives %" PRId64, e->info.n_classes,
                        e->k * e->positions);
    c->p = turn(e, 0, b->n, p);
    c->y = turn(e, 1, b->n, b->y);
    if (!b->y_mask)
        return DL4C_OK;
    const bool each = b->y_mask_values == e->k * e->positions && e->k > 1;
    if (!each && b->y_mask_values != e->positions)
        return dli_fail(err, DL4C_E_INVALID, "evaluate", "the mask has %" PRId64 " values for each row, wanted %" PRId64 " or %" PRId64,
                        b->y_mask_values, e->positions, e->k * e->positions);
    if (each && e->counts)
        return dli_fail(err, DL4C_E_UNSUPPORTED, "evaluate", "classes are counted by rows: a mask of single targets is for measures alone");
    c->mask = each ? turn(e, 2, b->n, b->y_mask) : b->y_mask;
    c->mask_columns = each ? (int32_t)e->k : 1;
    return DL4C_OK;
}

static const int64_t *labels_of(struct evaluating *e, const struct counted *c)
{
    for (int64_t i = 0; !c->labels && i < c->n; i++)
        e->labels[i] = e->k == 1 ? c->y[i] > 0.5f : largest(c->y + i * e->k, e->k);
    return c->labels ? c->labels : e->labels;
}

/* Rows of ones and zeros, or the targets as they are. */
static dl4c_status measure_batch(struct evaluating *e, const struct counted *c, struct dl4c_error *err)
{
    const float *y = c->y;
    if (c->labels) {
        memset(e->targets, 0, (size_t)(c->n * e->k) * sizeof *e->targets);
        for (int64_t i = 0; i < c->n; i++) {
            if (c->labels[i] < 0 || c->labels[i] >= e->classes)
                return dli_fail(err, DL4C_E_INVALID, "evaluate", "label %" PRId64 " is outside the %" PRId32 " classes", c->labels[i],
                                e->classes);
            if (e->k == 1)
                e->targets[i] = (float)c->labels[i];
            else
                e->targets[i * e->k + c->labels[i]] = 1.0f;
        }
        y = e->targets;
    }
    for (int32_t i = 0; i < e->o->n_measures; i++)
        DLI_TRY(dl4c_measure_add(e->o->measures[i], y, c->p, c->mask, c->mask_columns, c->n, err));
    return DL4C_OK;
}

static dl4c_status set_mask(struct evaluating *e, const struct dl4c_batch *b, struct dl4c_error *err)
{
    dl4c_tensor *mask;
    if (!b->x_mask)
        return dl4c_session_mask(e->session, NULL, err);
    const int64_t shape[] = { b->n, e->info.shape[e->info.rank - 1] };
    DLI_TRY(dl4c_tensor_wrap(e->ctx, DL4C_F32, shape, NULL, 2, (float *)(uintptr_t)b->x_mask, DL4C_WRAP_READ_ONLY, NULL, NULL, &mask, err));
    const dl4c_status status = dl4c_session_mask(e->session, mask, err);
    dl4c_tensor_unref(&mask);
    return status;
}

static dl4c_status count_batch(struct evaluating *e, const struct dl4c_batch *b, struct dl4c_error *err)
{
    int64_t dims[DL4C_MAX_RANK] = { b->n };
    dl4c_tensor *x, *y;
    struct counted c;
    memcpy(dims + 1, e->info.shape, sizeof *dims * (DL4C_MAX_RANK - 1));
    DLI_TRY(set_mask(e, b, err));
    DLI_TRY(dl4c_tensor_wrap(e->ctx, DL4C_F32, dims, NULL, e->info.rank + 1, (float *)(uintptr_t)b->x, DL4C_WRAP_READ_ONLY, NULL, NULL, &x,
                             err));
    const dl4c_status status = dl4c_session_run(e->session, &x, 1, err);
    dl4c_tensor_unref(&x);
    DLI_TRY(status);
    DLI_TRY(dl4c_session_output(e->session, 0, &y, err));
    DLI_TRY(count_of(e, b, dl4c_tensor_data_const(y), &c, err));
    if (e->o->n_measures > 0)
        DLI_TRY(measure_batch(e, &c, err));
    if (!e->counts)
        return DL4C_OK;
    const int64_t *labels = labels_of(e, &c);
    const float *p = c.p;
    for (int64_t i = 0; e->k == 1 && i < c.n; i++) {
        e->probabilities[2 * i] = 1.0f - p[i];
        e->probabilities[2 * i + 1] = p[i];
    }
    if (e->k == 1)
        p = e->probabilities;
    DLI_TRY(dl4c_evaluation_add_masked(e->evaluation, p, labels, c.mask, c.n, err));
    for (int64_t i = 0; e->o->mistake && i < c.n; i++) {
        const float *row = p + i * e->classes;
        const int64_t predicted = largest(row, e->classes), at = i / e->positions;
        if (predicted != labels[i] && !(c.mask && c.mask[i] == 0))
            e->o->mistake(e->o->mistake_user, b->index ? b->index[at] : e->watch.now.done + at, labels[i], predicted,
                          (double)row[predicted]);
    }
    return DL4C_OK;
}

static dl4c_status run_evaluation(struct evaluating *e, struct dl4c_error *err)
{
    e->info = (struct dl4c_source_info)DL4C_SOURCE_INFO_INIT;
    DLI_TRY(dl4c_source_get_info(e->source, &e->info, err));
    DLI_TRY(make_session(e, err));
    if (e->counts)
        DLI_TRY(make_evaluation(e, err));
    if (e->o->n_measures > 0) {
        e->targets = dli_array(e->ctx, (size_t)e->o->batch, (size_t)e->k * sizeof *e->targets, err);
        if (!e->targets)
            return dli_alloc_status();
    }
    dli_watch_init(&e->watch, "evaluate", e->o->progress, e->o->progress_user, e->o->cancel, e->o->timeout_ms);
    e->watch.now.total = e->info.rows > 0 ? e->info.rows : 0;
    DLI_TRY(dl4c_source_reset(e->source, 0, 0, 0, err));
    for (;;) {
        struct dl4c_batch b = DL4C_BATCH_INIT;
        DLI_TRY(dl4c_source_next(e->source, e->o->batch, &b, err));
        if (b.n == 0)
            break;
        DLI_TRY(count_batch(e, &b, err));
        e->watch.now.done += b.n;
        DLI_TRY(dli_watch_report(&e->watch, false, err));
    }
    return dli_watch_report(&e->watch, true, err);
}

dl4c_status dl4c_evaluate(dl4c_graph *graph, dl4c_source *source, const struct dl4c_evaluate_options *options, dl4c_evaluation **evaluation,
                          struct dl4c_error *err)
{
    if (evaluation)
        *evaluation = NULL;
    if (!graph || !source)
        return dli_fail(err, DL4C_E_INVALID, "evaluate", "%s is NULL", graph ? "source" : "graph");
    struct dl4c_evaluate_options o;
    DLI_TRY(dli_struct_in(&o, sizeof o, options, "evaluate", err));
    if (o.flags)
        return dli_fail(err, DL4C_E_VERSION, "evaluate", "flags %#" PRIx64 " are not known to this library", o.flags);
    if (o.batch < 0 || o.threads < 0 || o.top_n < 0 || o.timeout_ms < 0)
        return dli_fail(err, DL4C_E_INVALID, "evaluate", "batch, threads, top_n or timeout_ms is negative");
    if (o.n_measures < 0 || (o.n_measures > 0 && !o.measures))
        return dli_fail(err, DL4C_E_INVALID, "evaluate", "%" PRId32 " measures at %s", o.n_measures, o.measures ? "an array" : "NULL");
    if (!evaluation && o.n_measures == 0)
        return dli_fail(err, DL4C_E_INVALID, "evaluate", "evaluation is NULL and there are no measures");
    o.batch = o.batch ? o.batch : 64;
    struct evaluating e = { .o = &o, .ctx = graph->ctx, .graph = graph, .source = source, .counts = evaluation != NULL };
    struct dli_watch *before = dli_watch_enter(&e.watch);
    const dl4c_status status = run_evaluation(&e, err);
    dli_watch_enter(before);
    dl4c_session_destroy(&e.session);
    dli_free(e.labels);
    dli_free(e.probabilities);
    dli_free(e.targets);
    for (int i = 0; i < 3; i++)
        dli_free(e.turned[i]);
    if (status != DL4C_OK) {
        dl4c_evaluation_destroy(&e.evaluation);
        return status;
    }
    if (evaluation)
        *evaluation = e.evaluation;
    return DL4C_OK;
}
