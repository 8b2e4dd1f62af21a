/* SPDX-License-Identifier: Apache-2.0 */
/* Sources: calling a table of callbacks that may be the host's, and checking what it answers. */
#include "source/source.h"
#include "base/rng.h"
#include "base/thread_pool.h"
#include "kernels/split.h"
#include "tensor/shape.h"

#include <string.h>

struct dl4c_source {
    dl4c_context *ctx; /* a reference */
    struct dl4c_source_ops ops;
    void *user;
    void (*release)(void *user);
    int32_t n_classes; /* as of the last reset */
    bool begun;        /* next may be called */
};

dl4c_status dl4c_source_create(dl4c_context *ctx, const struct dl4c_source_ops *ops, void *user, void (*release)(void *user),
                               dl4c_source **source, struct dl4c_error *err)
{
    struct dl4c_source_ops own;
    dl4c_source *s = NULL;
    dl4c_status status = DL4C_OK;
    if (source)
        *source = NULL;
    if (!source || !ops)
        status = dli_fail(err, DL4C_E_INVALID, "source", "%s is NULL", source ? "ops" : "source");
    if (status == DL4C_OK)
        status = dli_struct_in(&own, sizeof own, ops, "source", err);
    if (status == DL4C_OK && (!own.info || !own.reset || !own.next))
        status = dli_fail(err, DL4C_E_INVALID, "source", "the table of callbacks has no %s",
                          !own.info    ? "info"
                          : !own.reset ? "reset"
                                       : "next");
    if (status == DL4C_OK) {
        ctx = dli_context_ref(ctx, err);
        s = ctx ? dli_calloc(ctx, 1, sizeof *s, err) : NULL;
        if (!s) {
            status = dli_alloc_status();
            dli_context_unref(ctx);
        }
    }
    if (status != DL4C_OK) {
        if (release)
            release(user);
        return status;
    }
    s->ctx = ctx;
    s->ops = own;
    s->user = user;
    s->release = release;
    *source = s;
    return DL4C_OK;
}

void dl4c_source_destroy(dl4c_source **source)
{
    if (!source || !*source)
        return;
    dl4c_source *s = *source;
    *source = NULL;
    if (s->release)
        s->release(s->user);
    dl4c_context *ctx = s->ctx;
    dli_free(s);
    dli_context_unref(ctx);
}

/* A callback's failure with the message it left, or one made for it. */
static dl4c_status answer(dl4c_status status, const struct dl4c_error *found, const char *member, struct dl4c_error *err)
{
    if (status == DL4C_OK)
        return DL4C_OK;
    if (found->status == DL4C_OK || found->message[0] == '\0')
        return dli_fail(err, status, "source", "the source's %s failed with %s", member, dl4c_status_name(status));
    if (err) {
        *err = *found;
        err->status = status;
        err->origin[sizeof err->origin - 1] = err->message[sizeof err->message - 1] = '\0';
    }
    return status;
}

static dl4c_status ask_info(dl4c_source *s, struct dl4c_source_info *info, struct dl4c_error *err)
{
    struct dl4c_error found = DL4C_ERROR_INIT;
    int64_t floats;
    memset(info, 0, sizeof *info);
    info->struct_size = sizeof *info;
    info->rows = -1;
    DLI_TRY(answer(s->ops.info(s->user, info, &found), &found, "info", err));
    info->struct_size = sizeof *info;
    if (info->rank < 1 || info->rank >= DL4C_MAX_RANK)
        return dli_fail(err, DL4C_E_INVALID, "source", "the source's rows have %" PRId32 " axes, wanted 1 to %d", info->rank,
                        DL4C_MAX_RANK - 1);
    if (!dli_shape_size(info->shape, info->rank, &floats) || floats < 1)
        return dli_fail(err, DL4C_E_INVALID, "source", "the source's rows are %s", DLI_SHAPE(info->shape, info->rank));
    if (info->n_classes < 0 || info->rows < -1)
        return dli_fail(err, DL4C_E_INVALID, "source", "the source says it has %" PRId32 " classes and %" PRId64 " rows", info->n_classes,
                        info->rows);
    for (int32_t i = 0; info->classes && i < info->n_classes; i++)
        if (!info->classes[i])
            return dli_fail(err, DL4C_E_INVALID, "source", "the source names its %" PRId32 " classes, but class %" PRId32 " is NULL",
                            info->n_classes, i);
    return DL4C_OK;
}

dl4c_status dl4c_source_get_info(dl4c_source *source, struct dl4c_source_info *info, struct dl4c_error *err)
{
    struct dl4c_source_info own;
    if (!source || !info)
        return dli_fail(err, DL4C_E_INVALID, "source", "%s is NULL", source ? "info" : "source");
    DLI_TRY(ask_info(source, &own, err));
    return dli_struct_out(info, &own, sizeof own, "source", err);
}

dl4c_status dl4c_source_reset(dl4c_source *source, int32_t shuffle, uint64_t seed, int64_t epoch, struct dl4c_error *err)
{
    struct dl4c_error found = DL4C_ERROR_INIT;
    struct dl4c_source_info info;
    if (!source)
        return dli_fail(err, DL4C_E_INVALID, "source", "source is NULL");
    source->begun = false;
    DLI_TRY(ask_info(source, &info, err));
    source->n_classes = info.n_classes;
    DLI_TRY(answer(source->ops.reset(source->user, shuffle, seed, epoch, &found), &found, "reset", err));
    source->begun = true;
    return DL4C_OK;
}

static dl4c_status check_batch(const dl4c_source *s, int64_t max_rows, const struct dl4c_batch *b, struct dl4c_error *err)
{
    if (b->n < 0 || b->n > max_rows)
        return dli_fail(err, DL4C_E_INVALID, "source", "the source gave a batch of %" PRId64 " rows, wanted at most %" PRId64, b->n,
                        max_rows);
    if (b->n == 0)
        return DL4C_OK;
    if (!b->x)
        return dli_fail(err, DL4C_E_INVALID, "source", "the source gave a batch without x");
    if (s->n_classes > 0 && !b->labels && !b->y)
        return dli_fail(err, DL4C_E_INVALID, "source", "the source says it has %" PRId32 " classes but gave a batch without labels",
                        s->n_classes);
    if (b->y_mask ? b->y_mask_values < 1 : b->y_mask_values != 0)
        return dli_fail(err, DL4C_E_INVALID, "source", "the source gave %s mask of targets and says it has %" PRId64 " values a row",
                        b->y_mask ? "a" : "no", b->y_mask_values);
    for (int64_t i = 0; b->labels && s->n_classes > 0 && i < b->n; i++)
        if (b->labels[i] < 0 || b->labels[i] >= s->n_classes)
            return dli_fail(err, DL4C_E_INVALID, "source", "the label of example %" PRId64 " is %" PRId64 ", wanted 0 to %" PRId32,
                            b->index ? b->index[i] : i, b->labels[i], s->n_classes - 1);
    return DL4C_OK;
}

dl4c_status dl4c_source_next(dl4c_source *source, int64_t max_rows, struct dl4c_batch *batch, struct dl4c_error *err)
{
    struct dl4c_error found = DL4C_ERROR_INIT;
    struct dl4c_batch own = DL4C_BATCH_INIT;
    if (!source || !batch)
        return dli_fail(err, DL4C_E_INVALID, "source", "%s is NULL", source ? "batch" : "source");
    if (max_rows < 1)
        return dli_fail(err, DL4C_E_INVALID, "source", "a batch of at most %" PRId64 " rows was asked for, wanted at least 1", max_rows);
    if (!source->begun)
        return dli_fail(err, DL4C_E_STATE, "source", "no epoch was begun, or it failed: dl4c_source_reset comes first");
    dl4c_status status = answer(source->ops.next(source->user, max_rows, &own, &found), &found, "next", err);
    if (status == DL4C_OK)
        status = check_batch(source, max_rows, &own, err);
    if (status == DL4C_OK && source->n_classes == 0) {
        own.labels = NULL;
        own.y = NULL;
    }
    if (status == DL4C_OK)
        status = dli_struct_out(batch, &own, sizeof own, "source", err);
    source->begun = status == DL4C_OK;
    return status;
}

const char *dl4c_source_name(dl4c_source *source, int64_t i)
{
    return source && source->ops.name && i >= 0 ? source->ops.name(source->user, i) : NULL;
}

void dli_source_order(int64_t *order, int64_t n, bool shuffle, uint64_t seed, int64_t epoch)
{
    struct dli_rng r;
    for (int64_t i = 0; i < n; i++)
        order[i] = i;
    if (!shuffle)
        return;
    dli_rng_init(&r, seed, (uint64_t)DLI_STREAM_SHUFFLE << 32 | (uint32_t)epoch);
    dli_rng_shuffle(&r, order, (size_t)n);
}

struct gather {
    float *dst;
    const float *src;
    int64_t floats;
    const int64_t *rows;
    struct dli_split split;
};

static void gather_task(void *arg, size_t task, int32_t worker)
{
    const struct gather *g = arg;
    int64_t first, last;
    (void)worker;
    dli_split_range(&g->split, task, &first, &last);
    for (int64_t i = first; i < last; i++)
        memcpy(g->dst + i * g->floats, g->src + g->rows[i] * g->floats, (size_t)g->floats * sizeof *g->dst);
}

void dli_source_gather(dl4c_context *ctx, float *dst, const float *src, int64_t floats, const int64_t *rows, int64_t n)
{
    struct gather g = { dst, src, floats, rows, dli_split_items(n, floats) };
    dli_parallel(ctx, 0, g.split.n_tasks, gather_task, &g);
}
