/* SPDX-License-Identifier: Apache-2.0 */
/* A trainer: tape, loss, updaters and the updater's state, made for one graph and one largest batch. */
#include "train/trainer.h"
#include "base/number.h"
#include "tensor/tensor.h"

#include <math.h>
#include <string.h>

/* ---- options ---- */

dl4c_status dli_fit_options(const struct dl4c_fit_options *in, bool source_side, struct dl4c_fit_options *o, struct dl4c_error *err)
{
    DLI_TRY(dli_struct_in(o, sizeof *o, in, "train", err));
    if (o->flags)
        return dli_fail(err, DL4C_E_VERSION, "train", "flags %#" PRIx64 " are not known to this library", o->flags);
    if (o->batch < 0 || o->threads < 0 || o->n_class_weights < 0 || o->n_listeners < 0 || o->timeout_ms < 0)
        return dli_fail(err, DL4C_E_INVALID, "train", "batch, threads, n_class_weights, n_listeners or timeout_ms is negative");
    if (!(o->l1 >= 0 && o->l1 < 1e30) || !(o->l2 >= 0 && o->l2 < 1e30))
        return dli_fail(err, DL4C_E_INVALID, "train", "l1 is %s and l2 %s, wanted 0 to 1e30", DLI_NUM(o->l1), DLI_NUM(o->l2));
    if (o->workers > 1)
        return dli_fail(err, DL4C_E_UNSUPPORTED, "train", "%" PRId32 " workers: averaging is not built into this version, only 1 trains",
                        o->workers);
    if (o->workers < 0 || o->averaging_frequency < 0)
        return dli_fail(err, DL4C_E_INVALID, "train", "workers or averaging_frequency is negative");
    if (o->transport && strcmp(o->transport, "threads") != 0)
        return dli_fail(err, DL4C_E_UNSUPPORTED, "train", "transport \"%.100s\" is not built into this version", o->transport);
    if (o->run_dir)
        return dli_fail(err, DL4C_E_UNSUPPORTED, "train", "run directories are not built into this version");
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
    o->epochs = o->epochs ? o->epochs : 20;
    if (!o->seed && !o->seed_zero)
        o->seed = 42;
    return DL4C_OK;
}

/* ---- making one ---- */

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
    if (o->shape.rank != 1 || o->shape.batch != 1)
        return dli_fail(err, DL4C_E_UNSUPPORTED, "train", "output '%.200s' has shape %s: losses of this version take one vector a row",
                        g->vertices[o->vertex].name, DLI_SHAPE_STR(&o->shape));
    t->k = o->floats;
    t->act = !o->act                                ? DLI_LOSS_ACT_OTHER
             : strcmp(o->act->name, "softmax") == 0 ? DLI_LOSS_ACT_SOFTMAX
             : strcmp(o->act->name, "sigmoid") == 0 ? DLI_LOSS_ACT_SIGMOID
                                                    : DLI_LOSS_ACT_OTHER;
    const dl4c_status status = dli_loss_open(t->ctx, o->loss, t->k, &t->loss, err);
    if (status != DL4C_OK)
        return dli_fail_prefix(err, status, "the loss of '%.100s'", g->vertices[o->vertex].name);
    t->fused = o->act && o->direct && t->loss.loss->can_fuse && t->loss.loss->can_fuse(t->act);
    return DL4C_OK;
}

static void find_shape(dl4c_trainer *t)
{
    const int32_t v = t->graph->inputs[0];
    const struct dli_shape *s = &t->tape->plan->shapes[v];
    t->shape.rank = s->rank;
    memcpy(t->shape.dim, s->dim, sizeof s->dim);
    if (t->graph->vertices[v].nhwc && s->rank == 3) {
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
    if (g->updater_state && g->updater_state->bytes == bytes && (!g->updater || same_name(g->updater, t->update->text))) {
        t->state = dli_blob_ref(g->updater_state);
        return DL4C_OK;
    }
    DLI_TRY(dli_blob_create(t->ctx, bytes, &t->state, err));
    dli_update_initial(t->update, t->state->data);
    return DL4C_OK;
}

static dl4c_status fill(dl4c_trainer *t, const struct dl4c_fit_options *o, const struct dl4c_shape *shape, struct dl4c_error *err)
{
    struct dl4c_shape inside;
    if (t->graph->n_inputs != 1)
        return dli_fail(err, DL4C_E_UNSUPPORTED, "train", "the graph has %" PRId32 " inputs: this version trains graphs of one",
                        t->graph->n_inputs);
    if (shape && t->graph->vertices[t->graph->inputs[0]].nhwc && shape->rank == 3) {
        inside = *shape;
        inside.dim[0] = shape->dim[2];
        inside.dim[1] = shape->dim[0];
        inside.dim[2] = shape->dim[1];
        shape = &inside;
    }
    const struct dli_tape_options to = { .batch = o->batch, .threads = o->threads, .input_shapes = shape };
    DLI_TRY(dli_tape_create(t->ctx, t->graph, &to, &t->tape, err));
    DLI_TRY(find_output(t, err));
    find_shape(t);
    const struct dli_update_options uo = { .updater = o->updater          ? o->updater
                                                      : t->graph->updater ? t->graph->updater
                                                                          : "nesterovs:lr=3e-4,momentum=0.9",
                                           .lr_schedule = o->lr_schedule,
                                           .l1 = o->l1,
                                           .l2 = o->l2,
                                           .threads = o->threads };
    DLI_TRY(dli_update_create(t->tape, &uo, &t->update, err));
    DLI_TRY(take_state(t, err));
    t->scores = dli_calloc(t->ctx, (size_t)o->batch, sizeof *t->scores, err);
    if (!t->scores)
        return dli_alloc_status();
    return dli_trainer_class_weights(t, o->class_weights, o->n_class_weights, err);
}

dl4c_status dli_trainer_create(dl4c_graph *graph, const struct dl4c_fit_options *o, const struct dl4c_shape *shape, dl4c_trainer **trainer,
                               struct dl4c_error *err)
{
    *trainer = NULL;
    dl4c_context *ctx = dli_context_ref(graph->ctx, err);
    dl4c_trainer *t = ctx ? dli_calloc(ctx, 1, sizeof *t, err) : NULL;
    if (!t) {
        dli_context_unref(ctx);
        return dli_alloc_status();
    }
    t->ctx = ctx;
    t->graph = dli_graph_ref(graph);
    t->batch = o->batch;
    t->seed = o->seed;
    atomic_init(&t->busy, 0);
    dl4c_status status = dli_graph_begin_training(graph, err);
    if (status == DL4C_OK) {
        status = fill(t, o, shape, err);
        dli_graph_end_training(graph);
    }
    if (status != DL4C_OK) {
        dl4c_trainer_destroy(&t);
        return status;
    }
    *trainer = t;
    return DL4C_OK;
}

dl4c_status dl4c_trainer_create(dl4c_graph *graph, const struct dl4c_fit_options *options, dl4c_trainer **t, struct dl4c_error *err)
{
    if (!t)
        return dli_fail(err, DL4C_E_INVALID, "train", "t is NULL");
    *t = NULL;
    if (!graph)
        return dli_fail(err, DL4C_E_INVALID, "train", "graph is NULL");
    struct dl4c_fit_options o;
    DLI_TRY(dli_fit_options(options, false, &o, err));
    return dli_trainer_create(graph, &o, NULL, t, err);
}

void dl4c_trainer_destroy(dl4c_trainer **trainer)
{
    if (!trainer || !*trainer)
        return;
    dl4c_trainer *t = *trainer;
    *trainer = NULL;
    dli_update_destroy(t->update);
    dli_loss_close(&t->loss);
    dli_tape_destroy(t->tape);
    dli_blob_unref(t->state);
    dli_free(t->class_weights);
    dli_free(t->scores);
    dli_free(t->rows);
    dl4c_tensor_unref(&t->staged[0]);
    dl4c_tensor_unref(&t->staged[1]);
    dli_graph_unref(t->graph);
    dl4c_context *ctx = t->ctx;
    dli_free(t);
    dli_context_unref(ctx);
}

static bool binary(const dl4c_trainer *t) { return t->k == 1 && t->loss.loss->binary; }

dl4c_status dli_trainer_class_weights(dl4c_trainer *t, const float *weights, int32_t n, struct dl4c_error *err)
{
    if (!weights)
        return DL4C_OK;
    if (n != (binary(t) ? 2 : t->k))
        return dli_fail(err, DL4C_E_INVALID, "train", "%" PRId32 " class weights for %" PRId64 " classes", n,
                        binary(t) ? (int64_t)2 : t->k);
    for (int32_t i = 0; i < n; i++)
        if (!(weights[i] >= 0 && weights[i] < 1e30f))
            return dli_fail(err, DL4C_E_INVALID, "train", "the weight of class %" PRId32 " is %s", i, DLI_NUM((double)weights[i]));
    t->class_weights = dli_array(t->ctx, (size_t)n, sizeof *t->class_weights, err);
    t->rows = dli_array(t->ctx, (size_t)t->batch, sizeof *t->rows, err);
    if (!t->class_weights || !t->rows)
        return dli_alloc_status();
    memcpy(t->class_weights, weights, (size_t)n * sizeof *weights);
    t->n_class_weights = n;
    return DL4C_OK;
}

dl4c_status dli_trainer_classes(const dl4c_trainer *t, int32_t n, bool targets, struct dl4c_error *err)
{
    const char *name = t->graph->vertices[t->tape->outputs[t->output].vertex].name;
    if (targets && n != t->k)
        return dli_fail(err, DL4C_E_INVALID, "train", "targets have %" PRId32 " values, output '%.200s' gives %" PRId64, n, name, t->k);
    if (!targets && t->k == 1 && !binary(t))
        return dli_fail(err, DL4C_E_INVALID, "train", "output '%.200s' gives one value and its loss %s wants one for each class", name,
                        t->loss.loss->name);
    if (!targets && n > (binary(t) ? 2 : t->k))
        return dli_fail(err, DL4C_E_INVALID, "train", "there are %" PRId32 " classes, output '%.200s' gives %" PRId64, n, name, t->k);
    return DL4C_OK;
}

/* ---- tensors of the host ---- */

static dl4c_status stage(dl4c_trainer *t, int32_t which, const dl4c_tensor *from, const dl4c_tensor **out, struct dl4c_error *err)
{
    *out = from;
    if (dl4c_tensor_is_contiguous(from))
        return DL4C_OK;
    dl4c_tensor **own = &t->staged[which];
    if (*own && ((*own)->dtype != from->dtype || (*own)->rank != from->rank))
        dl4c_tensor_unref(own);
    if (!*own) {
        int64_t dims[DL4C_MAX_RANK];
        memcpy(dims, from->shape, sizeof dims);
        dims[0] = t->batch;
        DLI_TRY(dl4c_tensor_create(t->ctx, from->dtype, dims, from->rank, own, err));
    }
    dl4c_tensor part = **own; /* its first rows */
    part.shape[0] = from->shape[0];
    DLI_TRY(dl4c_tensor_copy(&part, from, err));
    *out = *own;
    return DL4C_OK;
}

static dl4c_status check_tensors(const dl4c_trainer *t, const dl4c_tensor *x, const dl4c_tensor *y, struct dl4c_error *err)
{
    if (x->dtype != DL4C_F32 || !dli_shape_equal(x->shape + 1, x->rank - 1, t->shape.dim, t->shape.rank))
        return dli_fail(err, DL4C_E_INVALID, "train", "x is %s %s, wanted f32, the batch and then %s", dl4c_dtype_name(x->dtype),
                        DLI_SHAPE(x->shape, x->rank), DLI_SHAPE(t->shape.dim, t->shape.rank));
    if (x->shape[0] < 1 || x->shape[0] > t->batch)
        return dli_fail(err, DL4C_E_INVALID, "train", "x has %" PRId64 " rows, wanted 1 to %" PRId64, x->shape[0], t->batch);
    const bool indices = y->dtype == DL4C_I64 && y->rank == 1, targets = y->dtype == DL4C_F32 && y->rank == 2 && y->shape[1] == t->k;
    if ((!indices && !targets) || y->shape[0] != x->shape[0])
        return dli_fail(err, DL4C_E_INVALID, "train",
                        "y is %s %s, wanted i64 [%" PRId64 "] class indices or f32 [%" PRId64 ", %" PRId64 "] targets",
                        dl4c_dtype_name(y->dtype), DLI_SHAPE(y->shape, y->rank), x->shape[0], x->shape[0], t->k);
    return indices ? dli_trainer_classes(t, 1, false, err) : DL4C_OK;
}

static dl4c_status check_labels(const dl4c_trainer *t, const int64_t *labels, int64_t n, struct dl4c_error *err)
{
    const int64_t classes = binary(t) ? 2 : t->k;
    for (int64_t i = 0; labels && i < n; i++)
        if (labels[i] < 0 || labels[i] >= classes)
            return dli_fail(err, DL4C_E_INVALID, "train", "the label of row %" PRId64 " is %" PRId64 ", wanted 0 to %" PRId64, i, labels[i],
                            classes - 1);
    return DL4C_OK;
}

static dl4c_status run_tensors(dl4c_trainer *t, bool train, dl4c_tensor *x, dl4c_tensor *y, double *score, struct dl4c_error *err)
{
    if (!t || !x || !y)
        return dli_fail(err, DL4C_E_INVALID, "train", "%s is NULL", !t ? "t" : !x ? "x" : "y");
    int32_t idle = 0;
    if (!atomic_compare_exchange_strong(&t->busy, &idle, 1))
        return dli_fail(err, DL4C_E_STATE, "train", "the trainer is in another call");
    const dl4c_tensor *cx = x, *cy = y;
    double found = 0;
    dl4c_status status =
        x->rank < 1 || y->rank < 1 ? dli_fail(err, DL4C_E_INVALID, "train", "x or y has no batch axis") : check_tensors(t, x, y, err);
    if (status == DL4C_OK)
        status = stage(t, 0, x, &cx, err);
    if (status == DL4C_OK)
        status = stage(t, 1, y, &cy, err);
    if (status == DL4C_OK) {
        const struct dl4c_batch b = { .struct_size = sizeof b,
                                      .n = x->shape[0],
                                      .x = cx->data,
                                      .labels = y->dtype == DL4C_I64 ? cy->data : NULL,
                                      .y = y->dtype == DL4C_I64 ? NULL : cy->data };
        status = check_labels(t, b.labels, b.n, err);
        if (status == DL4C_OK)
            status = dli_trainer_run(t, train, &b, &found, NULL, err);
    }
    if (status == DL4C_OK && score)
        *score = found;
    atomic_store(&t->busy, 0);
    return status;
}

dl4c_status dl4c_trainer_step(dl4c_trainer *t, dl4c_tensor *x, dl4c_tensor *y, double *score, struct dl4c_error *err)
{
    return run_tensors(t, true, x, y, score, err);
}

dl4c_status dl4c_trainer_score(dl4c_trainer *t, dl4c_tensor *x, dl4c_tensor *y, double *score, struct dl4c_error *err)
{
    return run_tensors(t, false, x, y, score, err);
}

void dl4c_trainer_next_epoch(dl4c_trainer *t)
{
    if (t)
        t->graph->epoch++;
}

int64_t dl4c_trainer_iteration(const dl4c_trainer *t) { return t ? t->graph->iteration : 0; }

/* A read-only look at a vector; the next step leaves what is looked at alone and works on a copy. */
static dl4c_status look(const dl4c_trainer *t, struct dli_blob *blob, int64_t n, dl4c_tensor **out, struct dl4c_error *err)
{
    if (!blob)
        return dl4c_tensor_create(t->ctx, DL4C_F32, &n, 1, out, err);
    DLI_TRY(dli_tensor_from_blob(t->ctx, DL4C_F32, &n, 1, blob, 0, out, err));
    (*out)->read_only = true;
    return DL4C_OK;
}

enum vector { PARAMS, STATE, GRADIENT };

static dl4c_status get(dl4c_trainer *t, enum vector which, dl4c_tensor **out, struct dl4c_error *err)
{
    if (!out)
        return dli_fail(err, DL4C_E_INVALID, "train", "the place for the tensor is NULL");
    *out = NULL;
    if (!t)
        return dli_fail(err, DL4C_E_INVALID, "train", "t is NULL");
    DLI_TRY(dli_graph_begin_training(t->graph, err));
    dl4c_status status = DL4C_OK;
    if (which == PARAMS) {
        status = dli_tape_own(t->tape, err);
        if (status == DL4C_OK)
            status = look(t, t->tape->params, t->tape->n_params, out, err);
    } else if (which == STATE) {
        status = look(t, t->state, t->update->n_state, out, err);
    } else {
        status = dl4c_tensor_create(t->ctx, DL4C_F32, &t->tape->n_params, 1, out, err);
        if (status == DL4C_OK)
            memcpy((*out)->data, t->tape->grads->data, (size_t)t->tape->n_params * sizeof(float));
    }
    dli_graph_end_training(t->graph);
    return status;
}

dl4c_status dl4c_trainer_params(dl4c_trainer *t, dl4c_tensor **params, struct dl4c_error *err) { return get(t, PARAMS, params, err); }
dl4c_status dl4c_trainer_updater_state(dl4c_trainer *t, dl4c_tensor **state, struct dl4c_error *err) { return get(t, STATE, state, err); }
dl4c_status dl4c_trainer_gradient(dl4c_trainer *t, dl4c_tensor **gradient, struct dl4c_error *err)
{
    return get(t, GRADIENT, gradient, err);
}
