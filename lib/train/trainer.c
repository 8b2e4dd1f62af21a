/* SPDX-License-Identifier: Apache-2.0 */
/* Trainers as objects, and the host's tensors as minibatches. */
#include "train/trainer.h"
#include "tensor/tensor.h"

#include <string.h>

static bool known(const dl4c_graph *g) { return dli_shape_known(&g->vertices[g->inputs[0]].shape); }

static dl4c_status fill(dl4c_trainer *t, const struct dl4c_fit_options *o, const struct dl4c_shape *shape, struct dl4c_error *err)
{
    if (t->graph->n_inputs != 1)
        return dli_fail(err, DL4C_E_UNSUPPORTED, "train", "the graph has %" PRId32 " inputs: this version trains graphs of one",
                        t->graph->n_inputs);
    const char *updater = o->updater ? o->updater : t->graph->updater ? t->graph->updater : "nesterovs:lr=3e-4,momentum=0.9";
    DLI_TRY(dli_update_text(t->ctx, updater, o->lr_schedule, &t->updater, err));
    DLI_TRY(dli_trainer_class_weights(t, o->class_weights, o->n_class_weights, err));
    return shape || known(t->graph) ? dli_trainer_plan(t, shape, err) : DL4C_OK; /* else with the first minibatch */
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
    t->l1 = o->l1;
    t->l2 = o->l2;
    t->threads = o->threads;
    t->keep_gradient = o->flags & DL4C_FIT_KEEP_GRADIENT;
    t->channels_first = shape && dli_graph_channels_first(graph, shape->dim, shape->rank);
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
    dli_free(t->updater);
    dli_trainer_free_scores(t);
    dli_free(t->rows);
    dl4c_tensor_unref(&t->staged[0]);
    dl4c_tensor_unref(&t->staged[1]);
    dl4c_tensor_unref(&t->masks[0]);
    dl4c_tensor_unref(&t->masks[1]);
    dli_graph_unref(t->graph);
    dl4c_context *ctx = t->ctx;
    dli_free(t);
    dli_context_unref(ctx);
}

/* ---- tensors of the host ---- */

static dl4c_status stage(dl4c_trainer *t, int32_t which, const dl4c_tensor *from, const dl4c_tensor **out, struct dl4c_error *err)
{
    *out = from;
    if (dl4c_tensor_is_contiguous(from))
        return DL4C_OK;
    dl4c_tensor **own = &t->staged[which];
    if (*own && ((*own)->dtype != from->dtype || !dli_shape_equal((*own)->shape + 1, (*own)->rank - 1, from->shape + 1, from->rank - 1)))
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

/* Heights and widths that the graph leaves open are the minibatch's to say; the tape is made for them, and anew where they change. */
static dl4c_status follow_shape(dl4c_trainer *t, const dl4c_tensor *x, struct dl4c_error *err)
{
    const struct dli_vertex *v = &t->graph->vertices[t->graph->inputs[0]];
    struct dl4c_shape shape = { .rank = x->rank - 1 };
    if (x->rank != v->shape.rank + 1 ||
        (t->tape && (x->rank < 3 || dli_shape_equal(x->shape + 1, x->rank - 1, t->shape.dim, t->shape.rank))))
        return DL4C_OK;
    const int64_t channels = v->shape.dim[0], found = x->shape[v->nhwc && x->rank == 4 ? 3 : 1];
    if (channels >= 0 && channels != found)
        return t->tape ? DL4C_OK
                       : dli_fail(err, DL4C_E_INVALID, "train", "x is %s, the graph's input has %" PRId64 " channels",
                                  DLI_SHAPE(x->shape, x->rank), channels);
    memcpy(shape.dim, x->shape + 1, (size_t)shape.rank * sizeof *shape.dim);
    DLI_TRY(dli_graph_begin_training(t->graph, err));
    const dl4c_status status = dli_trainer_plan(t, &shape, err);
    dli_graph_end_training(t->graph);
    return status;
}

static dl4c_status check_tensors(dl4c_trainer *t, const dl4c_tensor *x, const dl4c_tensor *y, struct dl4c_error *err)
{
    DLI_TRY(follow_shape(t, x, err));
    if (!t->tape)
        return dli_fail(err, DL4C_E_INVALID, "train", "x is %s, wanted the batch and then %" PRId32 " axes", DLI_SHAPE(x->shape, x->rank),
                        t->graph->vertices[t->graph->inputs[0]].shape.rank);
    if (x->dtype != DL4C_F32 || !dli_shape_equal(x->shape + 1, x->rank - 1, t->shape.dim, t->shape.rank))
        return dli_fail(err, DL4C_E_INVALID, "train", "x is %s %s, wanted f32, the batch and then %s", dl4c_dtype_name(x->dtype),
                        DLI_SHAPE(x->shape, x->rank), DLI_SHAPE(t->shape.dim, t->shape.rank));
    if (x->shape[0] < 1 || x->shape[0] > t->batch)
        return dli_fail(err, DL4C_E_INVALID, "train", "x has %" PRId64 " rows, wanted 1 to %" PRId64, x->shape[0], t->batch);
    const int32_t rank = t->out.rank;
    const bool indices = y->dtype == DL4C_I64 && dli_shape_equal(y->shape + 1, y->rank - 1, t->out.dim + 1, rank - 1);
    struct dl4c_shape of_y = { .rank = rank };
    memcpy(of_y.dim, t->out.dim, (size_t)rank * sizeof *of_y.dim);
    of_y.dim[0] = t->k_y;
    const bool targets = y->dtype == DL4C_F32 && dli_shape_equal(y->shape + 1, y->rank - 1, of_y.dim, rank);
    if ((!indices && !targets) || y->shape[0] != x->shape[0]) {
        int64_t want[DL4C_MAX_RANK] = { x->shape[0] }, want_index[DL4C_MAX_RANK] = { x->shape[0] };
        memcpy(want + 1, of_y.dim, (size_t)rank * sizeof *want);
        memcpy(want_index + 1, t->out.dim + 1, (size_t)(rank - 1) * sizeof *want);
        return dli_fail(err, DL4C_E_INVALID, "train", "y is %s %s, wanted i64 %s class indices or f32 %s targets",
                        dl4c_dtype_name(y->dtype), DLI_SHAPE(y->shape, y->rank), DLI_SHAPE(want_index, rank), DLI_SHAPE(want, rank + 1));
    }
    return indices ? dli_trainer_can_index(t, 1, err) : DL4C_OK;
}

static dl4c_status check_labels(const dl4c_trainer *t, const int64_t *labels, int64_t n, struct dl4c_error *err)
{
    const int64_t classes = dli_trainer_binary(t) ? 2 : t->k;
    for (int64_t i = 0; labels && i < n * t->positions; i++)
        if (labels[i] < 0 || labels[i] >= classes)
            return dli_fail(err, DL4C_E_INVALID, "train", "the label of row %" PRId64 " is %" PRId64 ", wanted 0 to %" PRId64,
                            i / t->positions, labels[i], classes - 1);
    return DL4C_OK;
}

/* The masks that were set, for a minibatch of n rows. */
static dl4c_status take_masks(const dl4c_trainer *t, struct dl4c_batch *b, struct dl4c_error *err)
{
    const dl4c_tensor *x = t->masks[0], *y = t->masks[1];
    if (x && (x->rank != 2 || x->shape[0] != b->n || x->shape[1] != t->shape.dim[t->shape.rank - 1]))
        return dli_fail(err, DL4C_E_INVALID, "train", "the mask of features is %s for %" PRId64 " rows of %s", DLI_SHAPE(x->shape, x->rank),
                        b->n, DLI_SHAPE(t->shape.dim, t->shape.rank));
    if (y && y->shape[0] != b->n)
        return dli_fail(err, DL4C_E_INVALID, "train", "the mask of targets is %s for %" PRId64 " rows", DLI_SHAPE(y->shape, y->rank), b->n);
    b->x_mask = x ? x->data : NULL;
    b->y_mask = y ? y->data : NULL;
    b->y_mask_values = y ? dl4c_tensor_size(y) / b->n : 0;
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
        struct dl4c_batch b = { .struct_size = sizeof b,
                                      .n = x->shape[0],
                                      .x = cx->data,
                                      .labels = y->dtype == DL4C_I64 ? cy->data : NULL,
                                      .y = y->dtype == DL4C_I64 ? NULL : cy->data };
        status = check_labels(t, b.labels, b.n, err);
        if (status == DL4C_OK)
            status = take_masks(t, &b, err);
        if (status == DL4C_OK)
            status = dli_trainer_run(t, train, &b, &found, NULL, err);
    }
    if (status == DL4C_OK && score)
        *score = found;
    atomic_store(&t->busy, 0);
    return status;
}

dl4c_status dl4c_trainer_masks(dl4c_trainer *t, dl4c_tensor *x_mask, dl4c_tensor *y_mask, struct dl4c_error *err)
{
    dl4c_tensor *const masks[] = { x_mask, y_mask };
    if (!t)
        return dli_fail(err, DL4C_E_INVALID, "train", "t is NULL");
    for (int i = 0; i < 2; i++)
        if (masks[i] && (masks[i]->dtype != DL4C_F32 || masks[i]->rank < 1 || !dl4c_tensor_is_contiguous(masks[i])))
            return dli_fail(err, DL4C_E_INVALID, "train", "the mask of %s is %s %s, wanted contiguous f32", i ? "targets" : "features",
                            dl4c_dtype_name(masks[i]->dtype), DLI_SHAPE(masks[i]->shape, masks[i]->rank));
    int32_t idle = 0;
    if (!atomic_compare_exchange_strong(&t->busy, &idle, 1))
        return dli_fail(err, DL4C_E_STATE, "train", "the trainer is in another call");
    for (int i = 0; i < 2; i++) {
        dl4c_tensor *own = masks[i] ? dl4c_tensor_ref(masks[i]) : NULL;
        dl4c_tensor_unref(&t->masks[i]);
        t->masks[i] = own;
    }
    atomic_store(&t->busy, 0);
    return DL4C_OK;
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
    if (!t->tape)
        return dli_fail(err, DL4C_E_STATE, "train", "the graph leaves the shape of its input open and no minibatch has said it yet");
    if (which == GRADIENT && !t->keep_gradient)
        return dli_fail(err, DL4C_E_STATE, "train", "the trainer keeps no gradient: make it with DL4C_FIT_KEEP_GRADIENT in its flags");
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
