/* SPDX-License-Identifier: Apache-2.0 */
/* Tensors in memory as a source. */
#include "source/source.h"
#include "tensor/tensor.h"

#include <string.h>

struct tensors {
    dl4c_context *ctx;     /* a reference */
    dl4c_tensor *x;        /* [n, ...] f32, contiguous */
    dl4c_tensor *labels;   /* [n] i64, contiguous; NULL */
    dl4c_tensor *y;        /* [n, ...] f32, contiguous; NULL */
    dl4c_tensor *mask[2];  /* of x and of y: [n, ...] f32, contiguous; NULL */
    int64_t n, floats, at; /* rows, floats of a row, next row of the epoch */
    int32_t n_classes;
    bool shuffled;
    int64_t *order;        /* [n] */
    int64_t capacity;      /* rows of the buffers below */
    float *rows, *targets; /* shuffled: [capacity, floats], [capacity, n_classes] */
    float *mask_rows[2];   /* shuffled */
    int64_t *batch_labels; /* shuffled: [capacity] */
};

static void release(void *user)
{
    struct tensors *t = user;
    dl4c_tensor_unref(&t->x);
    dl4c_tensor_unref(&t->labels);
    dl4c_tensor_unref(&t->y);
    for (int k = 0; k < 2; k++) {
        dl4c_tensor_unref(&t->mask[k]);
        dli_free(t->mask_rows[k]);
    }
    dli_free(t->order);
    dli_free(t->rows);
    dli_free(t->targets);
    dli_free(t->batch_labels);
    dl4c_context *ctx = t->ctx;
    dli_free(t);
    dli_context_unref(ctx);
}

static dl4c_status info(void *user, struct dl4c_source_info *out, struct dl4c_error *err)
{
    const struct tensors *t = user;
    (void)err;
    out->rank = t->x->rank - 1;
    memcpy(out->shape, t->x->shape + 1, (size_t)out->rank * sizeof *out->shape);
    out->n_classes = t->n_classes;
    out->rows = t->n;
    return DL4C_OK;
}

static dl4c_status reset(void *user, int32_t shuffle, uint64_t seed, int64_t epoch, struct dl4c_error *err)
{
    struct tensors *t = user;
    (void)err;
    t->at = 0;
    t->shuffled = shuffle != 0;
    dli_source_order(t->order, t->n, t->shuffled, seed, epoch);
    return DL4C_OK;
}

static int64_t mask_values(const struct tensors *t, int k) { return t->mask[k] ? dl4c_tensor_size(t->mask[k]) / t->n : 0; }

static dl4c_status more_room(struct tensors *t, int64_t rows, struct dl4c_error *err)
{
    if (rows <= t->capacity)
        return DL4C_OK;
    dli_free(t->rows);
    dli_free(t->targets);
    dli_free(t->batch_labels);
    t->targets = NULL;
    t->batch_labels = NULL;
    for (int k = 0; k < 2; k++) {
        dli_free(t->mask_rows[k]);
        t->mask_rows[k] = NULL;
    }
    t->capacity = 0;
    size_t row_bytes;
    if (!dli_mul_size((size_t)t->floats, sizeof(float), &row_bytes)) {
        t->rows = NULL;
        return dli_fail(err, DL4C_E_LIMIT, "source", "a row of %" PRId64 " floats is too large", t->floats);
    }
    t->rows = dli_array(t->ctx, (size_t)rows, row_bytes, err);
    if (!t->rows)
        return dli_alloc_status();
    if (t->y && !(t->targets = dli_array(t->ctx, (size_t)rows, (size_t)t->n_classes * sizeof(float), err)))
        return dli_alloc_status();
    if (t->labels && !(t->batch_labels = dli_array(t->ctx, (size_t)rows, sizeof(int64_t), err)))
        return dli_alloc_status();
    for (int k = 0; k < 2; k++)
        if (t->mask[k] && !(t->mask_rows[k] = dli_array(t->ctx, (size_t)rows, (size_t)mask_values(t, k) * sizeof(float), err)))
            return dli_alloc_status();
    t->capacity = rows;
    return DL4C_OK;
}

static dl4c_status next(void *user, int64_t max_rows, struct dl4c_batch *b, struct dl4c_error *err)
{
    struct tensors *t = user;
    const int64_t n = t->n - t->at < max_rows ? t->n - t->at : max_rows;
    if (n == 0)
        return DL4C_OK;
    const int64_t *rows = t->order + t->at;
    b->index = rows;
    if (t->shuffled) {
        DLI_TRY(more_room(t, n, err));
        dli_source_gather(t->ctx, t->rows, t->x->data, t->floats, rows, n);
        if (t->y)
            dli_source_gather(t->ctx, t->targets, t->y->data, t->n_classes, rows, n);
        for (int64_t i = 0; t->labels && i < n; i++)
            t->batch_labels[i] = ((const int64_t *)t->labels->data)[rows[i]];
        b->x = t->rows;
        b->labels = t->batch_labels;
        b->y = t->targets;
    } else {
        b->x = (const float *)t->x->data + t->at * t->floats;
        b->labels = t->labels ? (const int64_t *)t->labels->data + t->at : NULL;
        b->y = t->y ? (const float *)t->y->data + t->at * t->n_classes : NULL;
    }
    const float *masks[2] = { NULL, NULL };
    for (int k = 0; k < 2; k++) {
        if (t->mask[k] && t->shuffled)
            dli_source_gather(t->ctx, t->mask_rows[k], t->mask[k]->data, mask_values(t, k), rows, n);
        if (t->mask[k])
            masks[k] = t->shuffled ? t->mask_rows[k] : (const float *)t->mask[k]->data + t->at * mask_values(t, k);
    }
    b->x_mask = masks[0];
    b->y_mask = masks[1];
    b->y_mask_values = mask_values(t, 1);
    b->n = n;
    t->at += n;
    return DL4C_OK;
}

static dl4c_status take_indices(struct tensors *t, const dl4c_tensor *labels, int32_t n_classes, struct dl4c_error *err)
{
    int64_t largest = -1;
    DLI_TRY(dli_tensor_as(labels, DL4C_I64, &t->labels, err));
    const int64_t *v = t->labels->data;
    for (int64_t i = 0; i < t->n; i++) {
        if (v[i] < 0 || v[i] >= (n_classes > 0 ? n_classes : INT32_MAX))
            return dli_fail(err, DL4C_E_INVALID, "source", "the label of row %" PRId64 " is %" PRId64 ", wanted 0 to %" PRId32, i, v[i],
                            n_classes > 0 ? n_classes - 1 : INT32_MAX - 1);
        if (v[i] > largest)
            largest = v[i];
    }
    t->n_classes = n_classes > 0 ? n_classes : (int32_t)largest + 1;
    return DL4C_OK;
}

static dl4c_status take_labels(struct tensors *t, const dl4c_tensor *labels, int32_t n_classes, struct dl4c_error *err)
{
    const bool floats = labels->dtype != DL4C_I32 && labels->dtype != DL4C_I64 && labels->dtype != DL4C_U8;
    if ((floats ? labels->rank < 2 : labels->rank != 1) || labels->shape[0] != t->n)
        return dli_fail(err, DL4C_E_INVALID, "source", "labels are %s %s for %" PRId64 " rows, wanted [n] of integers or [n, k] of floats",
                        dl4c_dtype_name(labels->dtype), DLI_SHAPE(labels->shape, labels->rank), t->n);
    if (!floats)
        return take_indices(t, labels, n_classes, err);
    const int64_t values = dl4c_tensor_size(labels) / t->n;
    if (values < 1 || values > INT32_MAX || (n_classes > 0 && values != n_classes))
        return dli_fail(err, DL4C_E_INVALID, "source", "the targets of a row have %" PRId64 " values for %" PRId32 " classes", values,
                        n_classes);
    t->n_classes = (int32_t)values;
    return dli_tensor_as_f32(labels, &t->y, err);
}

static dl4c_status take_mask(struct tensors *t, int k, const dl4c_tensor *mask, struct dl4c_error *err)
{
    if (!mask)
        return DL4C_OK;
    const bool fits = mask->rank >= 1 && mask->shape[0] == t->n && dl4c_tensor_size(mask) > 0 &&
                      (k == 1 ? t->labels || t->y : t->x->rank == 3 && mask->rank == 2 && mask->shape[1] == t->x->shape[2]);
    if (!fits)
        return dli_fail(err, DL4C_E_INVALID, "source", "the mask of %s is %s for %s %s, wanted %s", k ? "targets" : "features",
                        DLI_SHAPE(mask->shape, mask->rank), k ? "labels of" : "features", DLI_SHAPE(t->x->shape, k ? 1 : t->x->rank),
                        k ? "as many rows" : "[n, time] of [n, features, time]");
    return dli_tensor_as_f32(mask, &t->mask[k], err);
}

dl4c_status dl4c_source_tensors(dl4c_context *ctx, dl4c_tensor *x, dl4c_tensor *labels, int32_t n_classes, dl4c_source **source,
                                struct dl4c_error *err)
{
    return dl4c_source_masked(ctx, x, labels, n_classes, NULL, NULL, source, err);
}

dl4c_status dl4c_source_masked(dl4c_context *ctx, dl4c_tensor *x, dl4c_tensor *labels, int32_t n_classes, dl4c_tensor *x_mask,
                               dl4c_tensor *y_mask, dl4c_source **source, struct dl4c_error *err)
{
    if (!source)
        return dli_fail(err, DL4C_E_INVALID, "source", "source is NULL");
    *source = NULL;
    if (!x || n_classes < 0)
        return dli_fail(err, DL4C_E_INVALID, "source", x ? "n_classes is negative" : "x is NULL");
    if (x->rank < 2 || dl4c_tensor_size(x) < 1)
        return dli_fail(err, DL4C_E_INVALID, "source", "x is %s, wanted [n, ...] with at least one row", DLI_SHAPE(x->shape, x->rank));
    ctx = dli_context_ref(ctx ? ctx : x->ctx, err);
    if (!ctx)
        return dli_alloc_status();
    struct tensors *t = dli_calloc(ctx, 1, sizeof *t, err);
    if (!t) {
        dli_context_unref(ctx);
        return dli_alloc_status();
    }
    t->ctx = ctx;
    t->n = x->shape[0];
    t->floats = dl4c_tensor_size(x) / t->n;
    dl4c_status status = dli_tensor_as_f32(x, &t->x, err);
    if (status == DL4C_OK && labels)
        status = take_labels(t, labels, n_classes, err);
    if (status == DL4C_OK)
        status = take_mask(t, 0, x_mask, err);
    if (status == DL4C_OK)
        status = take_mask(t, 1, y_mask, err);
    if (status == DL4C_OK && !(t->order = dli_array(ctx, (size_t)t->n, sizeof *t->order, err)))
        status = dli_alloc_status();
    if (status != DL4C_OK) {
        release(t);
        return status;
    }
    const struct dl4c_source_ops ops = { .struct_size = sizeof ops, .info = info, .reset = reset, .next = next };
    return dl4c_source_create(ctx, &ops, t, release, source, err);
}
