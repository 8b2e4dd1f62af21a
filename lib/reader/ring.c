/* SPDX-License-Identifier: Apache-2.0 */
/* Images decoded ahead by threads of the reader's own: position p of the epoch lies in slot p modulo the number of slots, so that memory is
 * bounded and the order never depends on who was faster. */
#define _GNU_SOURCE
#include "reader/reader.h"
#include "base/thread_pool.h"
#include "fs/fs.h"
#include "image/preprocess.h"

#include <pthread.h>
#include <unistd.h>

enum slot_state { EMPTY, BUSY, READY, BAD };
enum { SLICE_MS = 50 /* after which one who waits looks whether he still shall */ };

struct slot {
    int state;
    bool ends; /* BAD: the epoch ends here */
    float *x;
    struct dl4c_error why;
};

struct worker {
    struct dli_ring *ring;
    struct dli_pipeline *pipeline;
    struct dli_image_file file;
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
    int32_t inside;          /* workers at an image, or at files that are read ahead */
    struct dli_ahead *ahead; /* NULL: workers read for themselves, in the order of `claimed` */
    int32_t give_up;         /* the flag that ends a worker's waiting for a server */
    bool paused, stop;
};

/* A file's bytes through the pipeline, into slot s, whose state is returned. */
static int decode(dl4c_reader *r, struct worker *w, int64_t image, struct slot *s)
{
    s->why.status = DL4C_OK;
    dl4c_status status = dli_image_file_get(r, image, &w->file, &s->ends, &s->why);
    if (status == DL4C_OK) {
        status = dli_pipeline_run_changed(w->pipeline, w->file.bytes, w->file.size, r->transform,
                                          r->transform ? dli_reader_change_seed(r, image) : 0, s->x, &s->why);
        s->ends = status != DL4C_OK && dli_no_memory(&s->why);
    }
    dli_image_file_end(&w->file);
    return status == DL4C_OK ? READY : BAD;
}

/* The next position to decode, or DLI_AHEAD_*. */
static int64_t claim(struct dli_ring *ring, struct worker *w)
{
    if (ring->paused)
        return DLI_AHEAD_NONE;
    const int64_t end = ring->taken + ring->n_slots;
    if (!ring->ahead)
        return ring->claimed < ring->total && ring->claimed < end ? ring->claimed++ : DLI_AHEAD_NONE;
    ring->inside++;
    const int64_t position = dli_ahead_next(ring->ahead, end, ring->total, &w->file);
    ring->inside--;
    if (!ring->paused && !ring->stop)
        return position;
    pthread_cond_broadcast(&ring->done);
    dli_image_file_end(&w->file); /* of an order that nobody wants any more */
    return DLI_AHEAD_AGAIN;
}

static void *worker_main(void *arg)
{
    struct worker *w = arg;
    struct dli_ring *ring = w->ring;
    dl4c_fs_watch(&ring->give_up);
    pthread_mutex_lock(&ring->lock);
    while (!ring->stop) {
        const int64_t position = claim(ring, w);
        if (position < 0) {
            if (position == DLI_AHEAD_NONE)
                pthread_cond_wait(&ring->work, &ring->lock);
            continue;
        }
        const int64_t image = ring->r->order[position];
        struct slot *s = &ring->slots[position % ring->n_slots];
        s->state = BUSY;
        ring->inside++;
        dli_float_mode_take(ring->r->mode);
        pthread_mutex_unlock(&ring->lock);
        const int state = decode(ring->r, w, image, s);
        pthread_mutex_lock(&ring->lock);
        s->state = state;
        ring->inside--;
        if (ring->ahead) {
            dli_ahead_done(ring->ahead, position);
            pthread_cond_broadcast(&ring->work);
        }
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
        dl4c_cancel_set(&ring->give_up);
        pthread_cond_broadcast(&ring->work);
        pthread_mutex_unlock(&ring->lock);
        for (int32_t i = 0; i < ring->n_started; i++)
            pthread_join(ring->workers[i].thread, NULL);
        dli_ahead_destroy(ring->ahead); /* not in a forked child: its loads are the parent's */
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

bool dli_reader_reads_ahead(const dl4c_reader *r)
{
    if (r->uri)
        return dli_fs_reads_ahead(r->ctx, r->uri);
    for (int64_t i = 0; i < r->paths.n; i++)
        if (dli_fs_reads_ahead(r->ctx, r->paths.name[i]))
            return true;
    return false;
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
    dl4c_status status = allocate(ring, err);
    dli_float_mode_take(own);
    if (status == DL4C_OK && dli_reader_reads_ahead(r))
        status = dli_ahead_create(r, &ring->lock, &ring->work, &ring->ahead, err);
    if (status != DL4C_OK) {
        ring_free(ring);
        return status;
    }
    pthread_mutex_init(&ring->lock, NULL);
    pthread_cond_init(&ring->work, NULL);
    dli_cond_init(&ring->done);
    while (ring->n_started < threads
           && dli_thread_start(&ring->workers[ring->n_started].thread, worker_main, &ring->workers[ring->n_started]))
        ring->n_started++;
    if (ring->n_started == 0) { /* nobody is there to read ahead */
        dli_ahead_destroy(ring->ahead);
        ring->ahead = NULL;
    }
    *out = ring;
    return DL4C_OK;
}

void dli_ring_pause(struct dli_ring *ring)
{
    if (ring->pid != getpid())
        return;
    pthread_mutex_lock(&ring->lock);
    ring->paused = true;
    dl4c_cancel_set(&ring->give_up);
    while (ring->inside > 0)
        pthread_cond_wait(&ring->done, &ring->lock);
    pthread_mutex_unlock(&ring->lock);
    if (ring->ahead)
        dli_ahead_drop(ring->ahead);
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
    ring->paused = false;
    __atomic_store_n(&ring->give_up, 0, __ATOMIC_RELAXED);
    atomic_store_explicit(&ring->r->bytes_read, 0, memory_order_relaxed);
    pthread_cond_broadcast(&ring->work);
    pthread_mutex_unlock(&ring->lock);
}

void dli_reader_watch(dl4c_reader *r, struct dli_watch *watch) { r->watch = watch; }

static void tell(const dl4c_reader *r)
{
    if (r->watch)
        r->watch->now.bytes = atomic_load_explicit(&r->bytes_read, memory_order_relaxed);
}

/* Under the lock: a while, unless the image comes before. Then whether the caller still wants it. */
static dl4c_status look_round(struct dli_ring *ring, const struct slot *s, struct dl4c_error *err)
{
    dl4c_reader *r = ring->r;
    const int64_t until = dli_moment(SLICE_MS);
    while (s->state != READY && s->state != BAD && dli_cond_wait_until(&ring->done, &ring->lock, until))
        continue;
    if (s->state == READY || s->state == BAD)
        return DL4C_OK;
    pthread_mutex_unlock(&ring->lock); /* the host's function may be slow */
    tell(r);
    dl4c_status status = r->watch ? dli_watch_report(r->watch, false, err) : dli_watch_check_call(err);
    if (status == DL4C_OK && dl4c_fs_cancelled())
        status = dli_fail(err, DL4C_E_CANCELLED, "reader", "cancelled while an image was awaited");
    pthread_mutex_lock(&ring->lock);
    return status;
}

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
        dli_float_mode_take(ring->r->mode);
        s->state = decode(ring->r, &ring->workers[0], image, s);
        dli_float_mode_take(own);
    }
    dl4c_status status = DL4C_OK;
    while (status == DL4C_OK && s->state != READY && s->state != BAD)
        status = look_round(ring, s, err);
    pthread_mutex_unlock(&ring->lock);
    tell(ring->r);
    DLI_TRY(status);
    *x = s->x;
    *bad = s->state == BAD;
    if (*bad && s->ends) {
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
