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
    if (r->picked && !shuffle) {
        memcpy(r->order, r->picked, (size_t)r->n_picked * sizeof *r->order);
        r->n_order = r->n_picked;
    } else {
        dli_source_order(r->order, r->paths.n, shuffle != 0, seed, epoch);
        r->n_order = r->paths.n;
    }
    r->at = r->lent = 0;
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
    int64_t *labels = dli_array(r->ctx, (size_t)n, 2 * sizeof *labels, err);
    if (!labels)
        return dli_alloc_status();
    dli_free(r->batch_labels);
    r->batch_labels = labels;
    r->index = labels + n;
    r->room = n;
    return DL4C_OK;
}

/* The ring's memory ends inside the batch, of which n images are there: the batch is put together elsewhere. */
static dl4c_status gather(dl4c_reader *r, const float *x, int64_t n, int64_t most, struct dl4c_error *err)
{
    size_t floats;
    if (!dli_mul_size((size_t)most, (size_t)dli_reader_floats(r), &floats) || floats > SIZE_MAX / sizeof(float))
        return dli_fail(err, DL4C_E_LIMIT, "reader", "a batch of %" PRId64 " images is too large", most);
    if (most > r->x_room) {
        float *room = dli_alloc_aligned(r->ctx, floats * sizeof *room, err);
        if (!room)
            return dli_alloc_status();
        dli_free(r->x);
        r->x = room;
        r->x_room = most;
    }
    if (n > 0)
        memcpy(r->x, x, (size_t)(n * dli_reader_floats(r)) * sizeof *x);
    dli_ring_release(r->ring, r->lent);
    r->lent = 0;
    return DL4C_OK;
}

/* As many images ahead of the batch in use as `prefetch` batches have, in bounded memory. Whole batches, so that the ring ends between
 * two of them as long as no image is bad. */
static int64_t slots_for(const dl4c_reader *r, int64_t batch, int32_t threads)
{
    const int64_t bytes = dli_reader_floats(r) * (int64_t)sizeof(float), most = MOST_AHEAD_BYTES / bytes;
    int64_t slots;
    if (!dli_mul_i64(batch, r->prefetch + 1, &slots) || slots > most)
        slots = batch <= most / 2 ? most / batch * batch : most;
    if (slots < batch + 2 * threads && batch <= most / 2)
        slots = (batch + 2 * threads + batch - 1) / batch * batch;
    if (slots < 2 * threads)
        slots = 2 * threads;
    return slots < r->paths.n ? slots : r->paths.n;
}

static dl4c_status make_ring(dl4c_reader *r, int64_t batch, struct dl4c_error *err)
{
    const int32_t threads = dli_parallel_width(r->ctx, r->threads);
    return dli_ring_create(r, threads, slots_for(r, batch, threads), &r->ring, err);
}

int64_t dli_reader_memory(const dl4c_reader *r, int64_t batch)
{
    const int64_t slots = slots_for(r, batch, dli_parallel_width(r->ctx, r->threads)), most = batch < r->paths.n ? batch : r->paths.n;
    const int64_t rows = (slots + most) * dli_reader_floats(r) * (int64_t)sizeof(float); /* a batch may be put together anew */
    return rows + (dli_reader_reads_ahead(r) ? dli_ahead_bytes(r) : 0);
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
    const int64_t left = r->n_order - r->at, most = left < max_rows ? left : max_rows, floats = dli_reader_floats(r);
    DLI_TRY(make_room(r, most, err));
    if (!r->ring && most > 0)
        DLI_TRY(make_ring(r, max_rows, err));
    if (r->ring)
        dli_ring_release(r->ring, r->lent);
    r->lent = 0;
    bool gathered = false;
    float *x = NULL, *one;
    int64_t n = 0;
    while (n < most && r->at < r->n_order) {
        bool bad;
        struct dl4c_error why;
        if (r->lent == dli_ring_piece(r->ring)) {
            DLI_TRY(gather(r, x, n, most, err));
            gathered = true;
            x = r->x;
        }
        const int64_t image = r->order[r->at++];
        const dl4c_status status = dli_ring_wait(r->ring, r->lent++, &one, &bad, &why, err);
        if (status == DL4C_OK && !bad) {
            x = x ? x : one;
            if (x + n * floats != one)
                memcpy(x + n * floats, one, (size_t)floats * sizeof *x);
        }
        if (gathered) {
            dli_ring_release(r->ring, r->lent);
            r->lent = 0;
        }
        DLI_TRY(status);
        if (bad) {
            DLI_TRY(report_bad(r, image, &why, err));
            continue;
        }
        r->batch_labels[n] = r->labels[image];
        r->index[n++] = image;
    }
    batch->n = n;
    batch->x = x;
    batch->labels = r->classes.n > 0 ? r->batch_labels : NULL;
    batch->index = r->index;
    return DL4C_OK;
}

void dli_reader_pick(dl4c_reader *r, const int64_t *images, int64_t n)
{
    r->picked = images;
    r->n_picked = n;
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
