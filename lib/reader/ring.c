/* SPDX-License-Identifier: Apache-2.0 */
/* Images decoded ahead by threads of the reader's own: position p of the epoch lies in slot p modulo the number of slots, so that memory is
 * bounded and the order never depends on who was faster. */
#define _GNU_SOURCE
#include "reader/reader.h"
#include "base/thread_pool.h"
#include "fs/fs.h"
#include "image/preprocess.h"

#include <pthread.h>
#include <string.h>
#include <unistd.h>

enum slot_state { EMPTY, BUSY, READY, BAD };

struct slot {
    int state;
    float *x;
    struct dl4c_error why;
};

struct worker {
    struct dli_ring *ring;
    struct dli_pipeline *pipeline;
    pthread_t thread;
};

struct dli_ring {
    dl4c_reader *r;
    pid_t pid; /* threads do not exist in a forked child */
    int32_t n_workers, n_started;
    struct worker *workers;
    int64_t n_slots;
    struct slot *slots;
    float *memory;
    pthread_mutex_t lock;
    pthread_cond_t work, done;
    int64_t taken;   /* positions whose memory may be used again */
    int64_t claimed; /* positions begun */
    int64_t total;
    int32_t inside; /* workers at an image */
    bool stop;
};

/* A file's bytes through the pipeline. */
static dl4c_status decode(dl4c_reader *r, struct dli_pipeline *pipeline, int64_t image, float *x, struct dl4c_error *err)
{
    char *uri = NULL;
    dl4c_fs_file *file = NULL;
    const void *bytes;
    size_t size;
    dl4c_status status = r->uri ? dli_uri_join(r->ctx, r->uri, r->paths.name[image], &uri, err) : DL4C_OK;
    if (status == DL4C_OK)
        status = dl4c_fs_open(r->ctx, uri ? uri : r->paths.name[image], &file, err);
    if (status == DL4C_OK)
        status = dl4c_fs_bytes(file, &bytes, &size, err);
    if (status == DL4C_OK)
        status = dli_pipeline_run_changed(pipeline, bytes, size, r->transform, r->transform ? dli_reader_change_seed(r, image) : 0, x, err);
    dl4c_fs_close(&file);
    dli_free(uri);
    return status;
}

static void *worker_main(void *arg)
{
    struct worker *w = arg;
    struct dli_ring *ring = w->ring;
    pthread_mutex_lock(&ring->lock);
    while (!ring->stop) {
        if (ring->claimed >= ring->total || ring->claimed >= ring->taken + ring->n_slots) {
            pthread_cond_wait(&ring->work, &ring->lock);
            continue;
        }
        const int64_t position = ring->claimed++, image = ring->r->order[position];
        struct slot *s = &ring->slots[position % ring->n_slots];
        s->state = BUSY;
        ring->inside++;
        dli_float_mode_take(ring->r->mode);
        pthread_mutex_unlock(&ring->lock);
        s->why.status = DL4C_OK;
        const dl4c_status status = decode(ring->r, w->pipeline, image, s->x, &s->why);
        pthread_mutex_lock(&ring->lock);
        ring->inside--;
        s->state = status == DL4C_OK ? READY : BAD;
        pthread_cond_broadcast(&ring->done);
    }
    pthread_mutex_unlock(&ring->lock);
    return NULL;
}

static void ring_free(struct dli_ring *ring)
{
    for (int32_t i = 0; ring->workers && i < ring->n_workers; i++)
        dli_pipeline_destroy(&ring->workers[i].pipeline);
    dli_free(ring->workers);
    dli_free(ring->slots);
    dli_free(ring->memory);
    dli_free(ring);
}

void dli_ring_destroy(struct dli_ring *ring)
{
    if (!ring)
        return;
    if (ring->pid == getpid()) {
        pthread_mutex_lock(&ring->lock);
        ring->stop = true;
        pthread_cond_broadcast(&ring->work);
        pthread_mutex_unlock(&ring->lock);
        for (int32_t i = 0; i < ring->n_started; i++)
            pthread_join(ring->workers[i].thread, NULL);
        pthread_mutex_destroy(&ring->lock);
        pthread_cond_destroy(&ring->work);
        pthread_cond_destroy(&ring->done);
    }
    ring_free(ring);
}

static dl4c_status allocate(struct dli_ring *ring, struct dl4c_error *err)
{
    dl4c_reader *r = ring->r;
    const int64_t floats = dli_reader_floats(r);
    size_t all, bytes;
    ring->slots = dli_calloc(r->ctx, (size_t)ring->n_slots, sizeof *ring->slots, err);
    ring->workers = ring->slots ? dli_calloc(r->ctx, (size_t)ring->n_workers, sizeof *ring->workers, err) : NULL;
    if (!ring->workers)
        return dli_alloc_status();
    if (!dli_mul_size((size_t)ring->n_slots, (size_t)floats, &all) || !dli_mul_size(all, sizeof(float), &bytes))
        return dli_fail(err, DL4C_E_LIMIT, "reader", "%" PRId64 " images ahead are too much memory", ring->n_slots);
    ring->memory = dli_alloc_aligned(r->ctx, bytes, err);
    if (!ring->memory)
        return dli_alloc_status();
    for (int64_t i = 0; i < ring->n_slots; i++)
        ring->slots[i].x = ring->memory + i * floats;
    for (int32_t i = 0; i < ring->n_workers; i++) {
        ring->workers[i].ring = ring;
        DLI_TRY(dli_pipeline_create(r->ctx, &r->preprocess, &r->decode, r->channels, r->height, r->width, &ring->workers[i].pipeline, err));
    }
    return DL4C_OK;
}

dl4c_status dli_ring_create(dl4c_reader *r, int32_t threads, int64_t slots, struct dli_ring **out, struct dl4c_error *err)
{
    *out = NULL;
    struct dli_ring *ring = dli_calloc(r->ctx, 1, sizeof *ring, err);
    if (!ring)
        return dli_alloc_status();
    ring->r = r;
    ring->pid = getpid();
    ring->n_workers = threads;
    ring->n_slots = slots;
    ring->total = r->n_order;
    const int own = dli_float_mode();
    dli_float_mode_take(r->mode); /* tables for resizing are made here */
    const dl4c_status status = allocate(ring, err);
    dli_float_mode_take(own);
    if (status != DL4C_OK) {
        ring_free(ring);
        return status;
    }
    pthread_mutex_init(&ring->lock, NULL);
    pthread_cond_init(&ring->work, NULL);
    pthread_cond_init(&ring->done, NULL);
    while (ring->n_started < threads
           && dli_thread_start(&ring->workers[ring->n_started].thread, worker_main, &ring->workers[ring->n_started]))
        ring->n_started++;
    *out = ring;
    return DL4C_OK;
}

void dli_ring_pause(struct dli_ring *ring)
{
    if (ring->pid != getpid())
        return;
    pthread_mutex_lock(&ring->lock);
    ring->claimed = ring->total; /* nothing more is begun */
    while (ring->inside > 0)
        pthread_cond_wait(&ring->done, &ring->lock);
    pthread_mutex_unlock(&ring->lock);
}

void dli_ring_restart(struct dli_ring *ring)
{
    if (ring->pid != getpid())
        return;
    pthread_mutex_lock(&ring->lock);
    for (int64_t i = 0; i < ring->n_slots; i++)
        ring->slots[i].state = EMPTY;
    ring->total = ring->r->n_order;
    ring->taken = ring->claimed = 0;
    pthread_cond_broadcast(&ring->work);
    pthread_mutex_unlock(&ring->lock);
}

/* What says nothing about the image ends the epoch. */
static bool not_the_image(const struct dl4c_error *why) { return why->status == DL4C_E_NOMEM || strcmp(why->origin, "memory") == 0; }

int64_t dli_ring_piece(const struct dli_ring *ring) { return ring->n_slots - ring->taken % ring->n_slots; }

dl4c_status dli_ring_wait(struct dli_ring *ring, int64_t ahead, float **x, bool *bad, struct dl4c_error *reason, struct dl4c_error *err)
{
    if (ring->pid != getpid())
        return dli_fail(err, DL4C_E_STATE, "reader", "the reader was opened before a fork: open it again in the child");
    pthread_mutex_lock(&ring->lock);
    struct slot *s = &ring->slots[(ring->taken + ahead) % ring->n_slots];
    if (ring->n_started == 0 && ring->claimed == ring->taken + ahead) { /* no thread could be had: the caller decodes */
        const int64_t image = ring->r->order[ring->claimed++];
        const int own = dli_float_mode();
        s->why.status = DL4C_OK;
        dli_float_mode_take(ring->r->mode);
        s->state = decode(ring->r, ring->workers[0].pipeline, image, s->x, &s->why) == DL4C_OK ? READY : BAD;
        dli_float_mode_take(own);
    }
    while (s->state != READY && s->state != BAD)
        pthread_cond_wait(&ring->done, &ring->lock);
    pthread_mutex_unlock(&ring->lock);
    *x = s->x;
    *bad = s->state == BAD;
    if (*bad && not_the_image(&s->why)) {
        if (err)
            *err = s->why;
        return s->why.status;
    }
    if (*bad)
        *reason = s->why;
    return DL4C_OK;
}

void dli_ring_release(struct dli_ring *ring, int64_t n)
{
    if (ring->pid != getpid() || n == 0)
        return;
    pthread_mutex_lock(&ring->lock);
    for (int64_t i = 0; i < n; i++)
        ring->slots[ring->taken++ % ring->n_slots].state = EMPTY;
    pthread_cond_broadcast(&ring->work);
    pthread_mutex_unlock(&ring->lock);
}
