/* SPDX-License-Identifier: Apache-2.0 */
/* A features store as a source of batches. */
#include "base/rng.h"
#include "features/store.h"
#include "source/source.h"

#include <string.h>

struct rows {
    dl4c_features *f;
    int64_t *order; /* [rows] */
    int64_t at;     /* of the epoch */
    int64_t room;   /* rows that the buffers hold */
    float *x;
    int64_t *labels, *index;
};

static dl4c_status info(void *user, struct dl4c_source_info *out, struct dl4c_error *err)
{
    const struct rows *r = user;
    (void)err;
    out->rank = r->f->rank;
    memcpy(out->shape, r->f->shape, sizeof out->shape);
    out->n_classes = r->f->n_classes;
    out->classes = r->f->classes;
    out->rows = r->f->rows;
    out->digest = r->f->digest;
    out->store = r->f->uri;
    return DL4C_OK;
}

static dl4c_status reset(void *user, int32_t shuffle, uint64_t seed, int64_t epoch, struct dl4c_error *err)
{
    struct rows *r = user;
    (void)err;
    dli_source_order(r->order, r->f->rows, shuffle != 0, seed, epoch);
    r->at = 0;
    return DL4C_OK;
}

static dl4c_status make_room(struct rows *r, int64_t n, struct dl4c_error *err)
{
    if (n <= r->room)
        return DL4C_OK;
    dl4c_context *ctx = r->f->ctx;
    size_t floats;
    if (!dli_mul_size((size_t)n, (size_t)r->f->floats, &floats) || floats > SIZE_MAX / sizeof(float))
        return dli_fail(err, DL4C_E_LIMIT, "features", "a batch of %" PRId64 " rows is too large", n);
    float *x = dli_alloc_aligned(ctx, floats * sizeof *x, err);
    int64_t *labels = x ? dli_array(ctx, (size_t)n, 2 * sizeof *labels, err) : NULL;
    if (!labels) {
        dli_free(x);
        return dli_alloc_status();
    }
    dli_free(r->x);
    dli_free(r->labels);
    r->x = x;
    r->labels = labels;
    r->index = labels + n;
    r->room = n;
    return DL4C_OK;
}

static dl4c_status next(void *user, int64_t max_rows, struct dl4c_batch *batch, struct dl4c_error *err)
{
    struct rows *r = user;
    const int64_t left = r->f->rows - r->at, n = left < max_rows ? left : max_rows;
    DLI_TRY(make_room(r, n, err));
    const size_t bytes = (size_t)r->f->floats * sizeof(float);
    for (int64_t i = 0; i < n; i++) {
        const int64_t row = r->order[r->at + i];
        const struct dli_shard *s = dli_features_shard_of(r->f, row);
        memcpy(r->x + i * r->f->floats, s->x + (size_t)(row - s->first) * bytes, bytes);
        memcpy(&r->labels[i], s->labels + (size_t)(row - s->first) * sizeof *r->labels, sizeof *r->labels);
        r->index[i] = row;
    }
    r->at += n;
    batch->n = n;
    batch->x = r->x;
    batch->labels = r->labels;
    batch->index = r->index;
    return DL4C_OK;
}

static const char *name(void *user, int64_t i) { return dl4c_features_path(((struct rows *)user)->f, i); }

static void release(void *user)
{
    struct rows *r = user;
    dli_free(r->order);
    dli_free(r->x);
    dli_free(r->labels);
    dli_free(r);
}

dl4c_status dli_features_make_source(dl4c_features *f, struct dl4c_error *err)
{
    static const struct dl4c_source_ops ops = { sizeof ops, info, reset, next, name };
    struct rows *r = dli_calloc(f->ctx, 1, sizeof *r, err);
    if (!r)
        return dli_alloc_status();
    r->f = f;
    r->order = dli_array(f->ctx, (size_t)f->rows, sizeof *r->order, err);
    if (!r->order) {
        dli_free(r);
        return dli_alloc_status();
    }
    dli_source_order(r->order, f->rows, false, 0, 0);
    return dl4c_source_create(f->ctx, &ops, r, release, &f->source, err);
}
