/* SPDX-License-Identifier: Apache-2.0 */
/* An image reader as a source: batches in the order of the epoch, bad images left out and reported. */
#include "base/rng.h"
#include "base/thread_pool.h"
#include "reader/reader.h"
#include "source/source.h"

#include <string.h>

enum { MOST_AHEAD_BYTES = 256 << 20 };

static dl4c_status info(void *user, struct dl4c_source_info *out, struct dl4c_error *err)
{
    const dl4c_reader *r = user;
    (void)err;
    out->rank = 3;
    out->shape[0] = r->channels;
    out->shape[1] = r->height;
    out->shape[2] = r->width;
    out->n_classes = (int32_t)r->classes.n;
    out->classes = (const char *const *)r->classes.name;
    out->rows = r->paths.n;
    return DL4C_OK;
}

static void forget_bad(dl4c_reader *r)
{
    for (int64_t i = 0; i < r->n_bad; i++)
        dli_free(r->bad[i].reason);
    r->n_bad = 0;
}

static dl4c_status reset(void *user, int32_t shuffle, uint64_t seed, int64_t epoch, struct dl4c_error *err)
{
    dl4c_reader *r = user;
    (void)err;
    if (r->ring)
        dli_ring_pause(r->ring);
    dli_source_order(r->order, r->paths.n, shuffle != 0, seed, epoch);
    r->at = 0;
    r->epoch = epoch;
    forget_bad(r);
    if (r->ring)
        dli_ring_restart(r->ring);
    return DL4C_OK;
}

static dl4c_status make_room(dl4c_reader *r, int64_t n, struct dl4c_error *err)
{
    if (n <= r->room)
        return DL4C_OK;
    size_t floats;
    if (!dli_mul_size((size_t)n, (size_t)dli_reader_floats(r), &floats) || floats > SIZE_MAX / sizeof(float))
        return dli_fail(err, DL4C_E_LIMIT, "reader", "a batch of %" PRId64 " images is too large", n);
    float *x = dli_alloc_aligned(r->ctx, floats * sizeof *x, err);
    int64_t *labels = x ? dli_array(r->ctx, (size_t)n, 2 * sizeof *labels, err) : NULL;
    if (!labels) {
        dli_free(x);
        return dli_alloc_status();
    }
    dli_free(r->x);
    dli_free(r->batch_labels);
    r->x = x;
    r->batch_labels = labels;
    r->index = labels + n;
    r->room = n;
    return DL4C_OK;
}

/* As many images ahead as `prefetch` batches have, in bounded memory. */
static dl4c_status make_ring(dl4c_reader *r, int64_t batch, struct dl4c_error *err)
{
    const int64_t bytes = dli_reader_floats(r) * (int64_t)sizeof(float);
    const int32_t threads = dli_parallel_width(r->ctx, r->threads);
    int64_t slots;
    if (!dli_mul_i64(batch, r->prefetch, &slots) || slots > MOST_AHEAD_BYTES / bytes)
        slots = MOST_AHEAD_BYTES / bytes;
    if (slots < 2 * threads)
        slots = 2 * threads;
    if (slots > r->paths.n)
        slots = r->paths.n;
    return dli_ring_create(r, threads, slots, &r->ring, err);
}

static dl4c_status report_bad(dl4c_reader *r, int64_t image, const struct dl4c_error *why, struct dl4c_error *err)
{
    const char *path = r->paths.name[image];
    if (r->on_bad == DL4C_BAD_FAIL) {
        if (err)
            *err = *why;
        return dli_fail_prefix(err, why->status, "%.200s", path);
    }
    DLI_TRY(dli_grow(r->ctx, &r->bad, &r->bad_capacity, (size_t)r->n_bad + 1, sizeof *r->bad, err));
    char *reason = dli_strdup(r->ctx, why->message, err);
    if (!reason)
        return dli_alloc_status();
    r->bad[r->n_bad++] = (struct dli_bad){ image, reason };
    dli_log(r->ctx, DL4C_LOG_INFO, "reader", "bad image %s: %s", path, why->message);
    if (r->n_bad > r->max_bad)
        return dli_fail(err, DL4C_E_LIMIT, "reader", "more than %" PRId64 " bad images, the last %.150s: %.200s", r->max_bad, path,
                        why->message);
    return DL4C_OK;
}

static dl4c_status next(void *user, int64_t max_rows, struct dl4c_batch *batch, struct dl4c_error *err)
{
    dl4c_reader *r = user;
    const int64_t left = r->paths.n - r->at, most = left < max_rows ? left : max_rows;
    DLI_TRY(make_room(r, most, err));
    if (!r->ring && most > 0)
        DLI_TRY(make_ring(r, max_rows, err));
    const int64_t floats = dli_reader_floats(r);
    int64_t n = 0;
    while (n < most && r->at < r->paths.n) {
        const int64_t image = r->order[r->at++];
        bool bad;
        struct dl4c_error why;
        DLI_TRY(dli_ring_take(r->ring, r->x + n * floats, &bad, &why, err));
        if (bad) {
            DLI_TRY(report_bad(r, image, &why, err));
            continue;
        }
        r->batch_labels[n] = r->labels[image];
        r->index[n++] = image;
    }
    batch->n = n;
    batch->x = r->x;
    batch->labels = r->classes.n > 0 ? r->batch_labels : NULL;
    batch->index = r->index;
    return DL4C_OK;
}

/* FNV-1a of the path, so that neither the list nor the place in it plays a part. */
int64_t dli_reader_change_seed(const dl4c_reader *r, int64_t image)
{
    uint64_t h = 14695981039346656037u;
    uint32_t out[4];
    int64_t seed;
    for (const char *p = r->paths.name[image]; *p; p++)
        h = (h ^ (unsigned char)*p) * 1099511628211u;
    const uint64_t copies = (uint64_t)(r->paths.n / r->unique);
    dli_philox(r->transform_seed, h << 8 | DLI_STREAM_TRANSFORM, (uint64_t)r->epoch * copies + (uint64_t)(image / r->unique), out);
    const uint64_t bits = (uint64_t)out[1] << 32 | out[0];
    memcpy(&seed, &bits, sizeof seed);
    return seed;
}

static const char *name(void *user, int64_t i) { return dl4c_reader_path(user, i); }

dl4c_status dli_reader_make_source(dl4c_reader *r, struct dl4c_error *err)
{
    static const struct dl4c_source_ops ops = { sizeof ops, info, reset, next, name };
    return dl4c_source_create(r->ctx, &ops, r, NULL, &r->source, err);
}
