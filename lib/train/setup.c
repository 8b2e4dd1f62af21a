/* SPDX-License-Identifier: Apache-2.0 */
/* Setting up a trainer: its options, its tape for a shape of rows, what is made with the first tape. */
#include "base/number.h"
#include "base/thread_pool.h"
#include "tensor/shape.h"
#include "train/trainer.h"

#include <dl4c/transport.h>
#include <math.h>
#include <string.h>

enum { MAX_WORKERS = 4096, MAX_FREQUENCY = 1 << 20 };

/* ---- options ---- */

/* What does not go together with averaging gradients, and what it needs. */
static dl4c_status for_gradients(struct dl4c_fit_options *o, struct dl4c_error *err)
{
    const char *why = !dli_fit_averages(o) && !o->replay   ? "is for several workers"
                      : o->flags & DL4C_FIT_AS_DL4J        ? "is nothing that ParameterAveragingTrainingMaster does"
                      : o->averaging_frequency > 1         ? "takes place in each step: averaging_frequency is another"
                      : o->no_save_updater                 ? "leaves no updater's state to average or not"
                                                           : NULL;
    if (why)
        return dli_fail(err, DL4C_E_INVALID, "train", "the mean of gradients %s", why);
    o->averaging_frequency = 1;
    o->flags |= DL4C_FIT_KEEP_GRADIENT;
    return DL4C_OK;
}

dl4c_status dli_fit_options(const struct dl4c_fit_options *in, bool source_side, struct dl4c_fit_options *o, struct dl4c_error *err)
{
    DLI_TRY(dli_struct_in(o, sizeof *o, in, "train", err));
    if (o->flags & ~(uint64_t)(DL4C_FIT_KEEP_GRADIENT | DL4C_FIT_ANY_KERNELS | DL4C_FIT_AS_DL4J | DL4C_FIT_GRADIENTS))
        return dli_fail(err, DL4C_E_VERSION, "train", "flags %#" PRIx64 " are not known to this library", o->flags);
    if (o->checkpoint_every_ms < 0 || (o->resume && !o->checkpoint_dir))
        return dli_fail(err, DL4C_E_INVALID, "train", "%s",
                        o->resume ? "resume wants a checkpoint_dir" : "checkpoint_every_ms is negative");
    if (!source_side && o->checkpoint_dir)
        return dli_fail(err, DL4C_E_INVALID, "train", "checkpoint_dir is \"%.200s\", but only fit writes checkpoints", o->checkpoint_dir);
    if (o->batch < 0 || o->threads < 0 || o->n_class_weights < 0 || o->n_listeners < 0 || o->timeout_ms < 0)
        return dli_fail(err, DL4C_E_INVALID, "train", "batch, threads, n_class_weights, n_listeners or timeout_ms is negative");
    if (!(o->l1 >= 0 && o->l1 < 1e30) || !(o->l2 >= 0 && o->l2 < 1e30))
        return dli_fail(err, DL4C_E_INVALID, "train", "l1 is %s and l2 %s, wanted 0 to 1e30", DLI_NUM(o->l1), DLI_NUM(o->l2));
    if (o->workers < 0 || o->workers > MAX_WORKERS || o->averaging_frequency < 0 || o->averaging_frequency > MAX_FREQUENCY)
        return dli_fail(err, DL4C_E_INVALID, "train",
                        "%" PRId32 " workers and an averaging frequency of %" PRId32 ", wanted up to %d and %d", o->workers,
                        o->averaging_frequency, MAX_WORKERS, MAX_FREQUENCY);
    if (o->min_workers < 0 || o->join_timeout_ms < 0 || o->worker_timeout_ms < 0 || o->round_timeout_ms < 0)
        return dli_fail(err, DL4C_E_INVALID, "train", "min_workers or a timeout of workers is negative");
    if (o->exchange < DL4C_EXCHANGE_F32 || o->exchange > DL4C_EXCHANGE_BF16)
        return dli_fail(err, DL4C_E_INVALID, "train", "exchange is %" PRId32 ", wanted 0 or 1", o->exchange);
    if (o->exchange && (o->flags & DL4C_FIT_AS_DL4J || (!dli_fit_averages(o) && !o->replay)))
        return dli_fail(err, DL4C_E_INVALID, "train", "%s",
                        o->flags & DL4C_FIT_AS_DL4J ? "as Deeplearning4j averages, values are exchanged whole, not as bfloat16"
                                                    : "exchange is for several workers");
    if (o->prefetch < 0 || o->prefetch > MAX_FREQUENCY)
        return dli_fail(err, DL4C_E_INVALID, "train", "prefetch is %" PRId32 ", wanted 0 to %d", o->prefetch, MAX_FREQUENCY);
    if (o->prefetch && !dli_fit_averages(o) && !o->replay)
        return dli_fail(err, DL4C_E_INVALID, "train", "prefetch is for several workers");
    if (o->replay && (!source_side || dli_fit_leads(o)))
        return dli_fail(err, DL4C_E_INVALID, "train", "replay is for fit, with workers in threads");
    if (!source_side && dli_fit_averages(o))
        return dli_fail(err, DL4C_E_INVALID, "train", "workers or a transport is given, but a trainer works alone: fit averages");
    if (o->transport && strcmp(o->transport, "mpi") == 0)
        o->transport = "mpi:";
    if (o->transport && !dli_fit_leads(o) && strcmp(o->transport, "threads") != 0)
        return dli_fail(err, DL4C_E_UNSUPPORTED, "train", "transport \"%.100s\" is not built into this version", o->transport);
    if (!source_side && o->run_dir)
        return dli_fail(err, DL4C_E_INVALID, "train", "run_dir is \"%.200s\", but only fit keeps a record of its run", o->run_dir);
    if (!source_side && o->balanced)
        return dli_fail(err, DL4C_E_INVALID, "train", "a trainer sees no source to balance classes by: give class_weights");
    if (o->balanced && o->class_weights)
        return dli_fail(err, DL4C_E_INVALID, "train", "class_weights are given and balanced is asked for: only one of them can be");
    if ((o->class_weights != NULL) != (o->n_class_weights > 0))
        return dli_fail(err, DL4C_E_INVALID, "train", "n_class_weights is %" PRId32 " and class_weights %s", o->n_class_weights,
                        o->class_weights ? "is given" : "is NULL");
    if (source_side && o->early_stopping && !o->validation)
        return dli_fail(err, DL4C_E_INVALID, "train", "early stopping wants a validation source");
    o->batch = o->batch ? o->batch : 32;
    if (o->flags & DL4C_FIT_GRADIENTS)
        DLI_TRY(for_gradients(o, err));
    o->averaging_frequency = o->averaging_frequency ? o->averaging_frequency : 5;
    o->epochs = o->epochs ? o->epochs : 20;
    o->workers = o->workers ? o->workers : 1;
    if (dli_fit_leads(o) && !dli_fit_by_all(o) && o->min_workers > o->workers)
        return dli_fail(err, DL4C_E_INVALID, "train", "min_workers is %" PRId32 " of %" PRId32 " workers", o->min_workers, o->workers);
    if (!o->seed && !o->seed_zero)
        o->seed = 42;
    return DL4C_OK;
}

int32_t dli_fit_worker_threads(dl4c_context *ctx, const struct dl4c_fit_options *o)
{
    if (dli_fit_leads(o))
        return o->threads;
    const int32_t width = dli_parallel_width(ctx, o->threads) / o->workers;
    return width > 1 ? width : 1;
}

/* ---- planning ---- */

/* A sum over all features, then softmax: what is not finite reaches all activations of the row. */
static bool features_show(const dl4c_trainer *t)
{
    const struct dli_plan *p = t->tape->plan;
    return p->n_steps == 2 && t->tape->n_noisy == 0 && t->act == DLI_LOSS_ACT_SOFTMAX && t->tape->outputs[t->output].shape.rank == 1 &&
           (strcmp(p->steps[0].op->name, "output") == 0 || strcmp(p->steps[0].op->name, "dense") == 0) &&
           p->steps[0].n_in == 1 && p->steps[0].in_shape[0].rank == 1 && strcmp(p->steps[1].op->name, "softmax") == 0;
}

static dl4c_status find_output(dl4c_trainer *t, struct dl4c_error *err)
{
    const dl4c_graph *g = t->graph;
    t->output = -1;
    for (int32_t i = 0; i < t->tape->n_outputs; i++) {
        const struct dli_tape_output *o = &t->tape->outputs[i];
        if (!o->loss)
            continue;
        if (t->output >= 0)
            return dli_fail(err, DL4C_E_UNSUPPORTED, "train", "outputs '%.100s' and '%.100s' both have a loss: this version trains on one",
                            g->vertices[t->tape->outputs[t->output].vertex].name, g->vertices[o->vertex].name);
        t->output = i;
    }
    const struct dli_tape_output *o = &t->tape->outputs[t->output];
    if (o->shape.rank < 1 || o->shape.batch != 1)
        return dli_fail(err, DL4C_E_UNSUPPORTED, "train", "output '%.200s' has shape %s for each of %" PRId32
                        " rows: losses of this version take one row",
                        g->vertices[o->vertex].name, DLI_SHAPE_STR(&o->shape), o->shape.batch);
    t->k = o->shape.dim[0];
    t->act = !o->act                                ? DLI_LOSS_ACT_OTHER
             : strcmp(o->act->name, "softmax") == 0 ? DLI_LOSS_ACT_SOFTMAX
             : strcmp(o->act->name, "sigmoid") == 0 ? DLI_LOSS_ACT_SIGMOID
                                                    : DLI_LOSS_ACT_OTHER;
    const dl4c_status status = dli_loss_open(t->ctx, o->loss, t->k, &t->loss, err);
    if (status != DL4C_OK)
        return dli_fail_prefix(err, status, "the loss of '%.100s'", g->vertices[o->vertex].name);
    t->k_y = t->loss.loss->targets ? t->loss.loss->targets(t->loss.attrs) : t->k;
    t->tells = features_show(t);
    t->fused = o->act && o->direct && t->loss.loss->can_fuse && t->loss.loss->can_fuse(t->act);
    return DL4C_OK;
}

static bool channels_last(const dl4c_trainer *t) { return t->graph->vertices[t->graph->inputs[0]].nhwc && !t->channels_first; }

static void find_shape(dl4c_trainer *t)
{
    const int32_t v = t->graph->inputs[0];
    const struct dli_shape *s = &t->tape->plan->shapes[v];
    t->shape.rank = s->rank;
    memcpy(t->shape.dim, s->dim, sizeof s->dim);
    if (channels_last(t) && s->rank == 3) {
        t->shape.dim[0] = s->dim[1];
        t->shape.dim[1] = s->dim[2];
        t->shape.dim[2] = s->dim[0];
    }
    t->row = 1;
    for (int32_t r = 0; r < t->shape.rank; r++)
        t->row *= t->shape.dim[r];
}

/* Do two specs name the same updater? Its state then goes on under other settings. */
static bool same_name(const char *a, const char *b)
{
    const size_t n = strcspn(a, ":("), m = strcspn(b, ":(");
    return n == m && memcmp(a, b, n) == 0;
}

/* The state of an earlier training where it suits, else a fresh one. */
static dl4c_status take_state(dl4c_trainer *t, struct dl4c_error *err)
{
    const dl4c_graph *g = t->graph;
    size_t bytes;
    if (!dli_mul_size((size_t)t->update->n_state, sizeof(float), &bytes))
        return dli_fail(err, DL4C_E_LIMIT, "train", "the updater's state is too large");
    if (bytes == 0)
        return DL4C_OK;
    if (g->updater_state && g->updater_state->bytes == bytes && (!g->updater || same_name(g->updater, t->updater))) {
        t->state = dli_blob_ref(g->updater_state);
        return DL4C_OK;
    }
    DLI_TRY(dli_blob_create(t->ctx, bytes, &t->state, err));
    dli_update_initial(t->update, t->state->data);
    return DL4C_OK;
}

void dli_trainer_free_scores(dl4c_trainer *t)
{
    dli_free(t->scores);
    dli_free(t->position_scores);
    for (int i = 0; i < 3; i++)
        dli_free(t->turned[i]);
    dli_free(t->masked_rows);
    dli_free(t->mask_turned);
    t->masked_rows = t->mask_turned = NULL;
    t->scores = t->position_scores = NULL;
    memset(t->turned, 0, sizeof t->turned);
}

/* Memory for scores; where an output has positions, for its values as the loss takes them. */
static dl4c_status make_scores(dl4c_trainer *t, struct dl4c_error *err)
{
    size_t n = 0;
    t->out = t->tape->outputs[t->output].shape;
    t->positions = t->tape->outputs[t->output].floats / t->k;
    dli_trainer_free_scores(t);
    t->scores = dli_calloc(t->ctx, (size_t)t->batch, sizeof *t->scores, err);
    if (!t->scores)
        return dli_alloc_status();
    if (t->positions == 1)
        return DL4C_OK;
    if (!dli_mul_size((size_t)t->batch, (size_t)t->positions, &n) || n > SIZE_MAX / 64 / (size_t)t->k)
        return dli_fail(err, DL4C_E_LIMIT, "train", "a batch of %" PRId64 " needs more memory than sizes count", t->batch);
    for (int i = 0; i < 3; i++)
        if (!(t->turned[i] = dli_array(t->ctx, n, (size_t)(i == 1 ? t->k_y : t->k) * sizeof(float), err)))
            return dli_alloc_status();
    t->position_scores = dli_calloc(t->ctx, n, sizeof *t->position_scores, err);
    return t->position_scores ? DL4C_OK : dli_alloc_status();
}

/* What does not depend on the shape of rows, made with the first tape. */
static dl4c_status first_plan(dl4c_trainer *t, struct dl4c_error *err)
{
    const struct dli_update_options uo = { .updater = t->updater, .l1 = t->l1, .l2 = t->l2, .threads = t->threads };
    DLI_TRY(find_output(t, err));
    DLI_TRY(dli_update_create(t->tape, &uo, &t->update, err));
    DLI_TRY(dli_update_attach(t->update, t->tape, t->keep_gradient, err));
    DLI_TRY(take_state(t, err));
    DLI_TRY(make_scores(t, err));
    return dli_trainer_check_weights(t, err);
}

static void close_plan(dl4c_trainer *t)
{
    dli_update_destroy(t->update);
    dli_loss_close(&t->loss);
    dli_blob_unref(t->state);
    dli_trainer_free_scores(t);
    dli_tape_destroy(t->tape);
    t->update = NULL;
    t->state = NULL;
    t->tape = NULL;
}

dl4c_status dli_trainer_plan(dl4c_trainer *t, const struct dl4c_shape *shape, struct dl4c_error *err)
{
    struct dl4c_shape inside;
    struct dli_tape *fresh;
    if (shape && channels_last(t) && shape->rank == 3) {
        inside = *shape;
        inside.dim[0] = shape->dim[2];
        inside.dim[1] = shape->dim[0];
        inside.dim[2] = shape->dim[1];
        shape = &inside;
    }
    const struct dli_tape_options to = { .batch = t->batch,
                                         .threads = t->threads,
                                         .flags = t->channels_first ? DL4C_SESSION_CHANNELS_FIRST : 0,
                                         .input_shapes = shape };
    DLI_TRY(dli_tape_create(t->ctx, t->graph, &to, &fresh, err));
    if (t->tape) { /* the same parameters in the same order: only activations change */
        const dl4c_status status = dli_update_attach(t->update, fresh, t->keep_gradient, err);
        if (status != DL4C_OK) {
            (void)dli_update_attach(t->update, t->tape, t->keep_gradient, NULL);
            dli_tape_destroy(fresh);
            return status;
        }
        dli_tape_destroy(t->tape);
        t->tape = fresh;
        find_shape(t);
        return make_scores(t, err);
    }
    t->tape = fresh;
    const dl4c_status status = first_plan(t, err);
    if (status != DL4C_OK)
        close_plan(t);
    else
        find_shape(t);
    return status;
}

bool dli_trainer_binary(const dl4c_trainer *t) { return t->k == 1 && t->loss.loss->binary; }

dl4c_status dli_trainer_check_weights(const dl4c_trainer *t, struct dl4c_error *err)
{
    const int64_t classes = dli_trainer_binary(t) ? 2 : t->k;
    if (t->class_weights && t->positions > 1)
        return dli_fail(err, DL4C_E_UNSUPPORTED, "train", "class weights are for outputs of one vector a row, this one gives %s",
                        DLI_SHAPE_STR(&t->out));
    if (t->class_weights && t->loss.loss->targets)
        return dli_fail(err, DL4C_E_UNSUPPORTED, "train", "class weights are for classes, loss %s has none", t->loss.loss->name);
    if (t->class_weights && t->n_class_weights != classes)
        return dli_fail(err, DL4C_E_INVALID, "train", "%" PRId32 " class weights for %" PRId64 " classes", t->n_class_weights, classes);
    return DL4C_OK;
}

dl4c_status dli_trainer_class_weights(dl4c_trainer *t, const float *weights, int32_t n, struct dl4c_error *err)
{
    if (!weights)
        return DL4C_OK;
    for (int32_t i = 0; i < n; i++)
        if (!(weights[i] >= 0 && weights[i] < 1e30f))
            return dli_fail(err, DL4C_E_INVALID, "train", "the weight of class %" PRId32 " is %s", i, DLI_NUM((double)weights[i]));
    float most = 0;
    for (int32_t i = 0; i < n; i++)
        most = weights[i] > most ? weights[i] : most;
    if (!(most > 0))
        return dli_fail(err, DL4C_E_INVALID, "train", "the weights of all %" PRId32 " classes are 0: there is nothing to learn", n);
    t->class_weights = dli_array(t->ctx, (size_t)n, sizeof *t->class_weights, err);
    t->rows = dli_array(t->ctx, (size_t)t->batch, sizeof *t->rows, err);
    if (!t->class_weights || !t->rows)
        return dli_alloc_status();
    memcpy(t->class_weights, weights, (size_t)n * sizeof *weights);
    t->n_class_weights = n;
    return t->tape ? dli_trainer_check_weights(t, err) : DL4C_OK;
}

dl4c_status dli_trainer_classes(const dl4c_trainer *t, int32_t n, bool targets, struct dl4c_error *err)
{
    const char *name = t->graph->vertices[t->tape->outputs[t->output].vertex].name;
    if (targets && n != t->k_y * t->positions)
        return dli_fail(err, DL4C_E_INVALID, "train", "targets have %" PRId32 " values, output '%.200s' %s %" PRId64, n, name,
                        t->loss.loss->targets ? "wants" : "gives", t->k_y * t->positions);
    if (!targets && t->positions > 1)
        return dli_fail(err, DL4C_E_INVALID, "train", "the source has one label a row, output '%.200s' gives %s: wanted targets", name,
                        DLI_SHAPE_STR(&t->out));
    return targets ? DL4C_OK : dli_trainer_can_index(t, n, err);
}

dl4c_status dli_trainer_next(dl4c_trainer *t, dl4c_source *source, int64_t most, struct dl4c_batch *b, struct dl4c_error *err)
{
    struct dl4c_source_info info = DL4C_SOURCE_INFO_INIT;
    *b = (struct dl4c_batch)DL4C_BATCH_INIT;
    DLI_TRY(dl4c_source_next(source, most, b, err));
    if (b->n == 0)
        return DL4C_OK;
    DLI_TRY(dl4c_source_get_info(source, &info, err));
    return dli_trainer_classes(t, info.n_classes, !b->labels, err);
}

dl4c_status dli_trainer_can_index(const dl4c_trainer *t, int32_t n, struct dl4c_error *err)
{
    const char *name = t->graph->vertices[t->tape->outputs[t->output].vertex].name;
    if (t->loss.loss->targets)
        return dli_fail(err, DL4C_E_INVALID, "train", "loss %s of output '%.200s' wants targets of %" PRId64 " values, not classes",
                        t->loss.loss->name, name, t->k_y);
    if (t->k == 1 && !dli_trainer_binary(t))
        return dli_fail(err, DL4C_E_INVALID, "train", "output '%.200s' gives one value and its loss %s wants one for each class", name,
                        t->loss.loss->name);
    if (n > (dli_trainer_binary(t) ? 2 : t->k))
        return dli_fail(err, DL4C_E_INVALID, "train", "there are %" PRId32 " classes, output '%.200s' gives %" PRId64, n, name, t->k);
    return DL4C_OK;
}
