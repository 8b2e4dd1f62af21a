/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of an image reader, and its ring of images decoded ahead. */
#ifndef DLI_READER_READER_H
#define DLI_READER_READER_H

#include "base/context.h"
#include "base/deadline.h"
#include "reader/list.h"
#include <dl4c/fs.h>
#include <dl4c/image.h>
#include <dl4c/reader.h>
#include <string.h>

struct dli_ring;

struct dli_bad {
    int64_t image;
    char *reason;
};

struct dl4c_reader {
    dl4c_context *ctx; /* a reference */
    char *uri;         /* NULL: paths are whole */
    struct dli_names classes, paths;
    int64_t *labels; /* [paths] */
    struct dl4c_preprocess preprocess;
    char *preprocess_text;
    struct dl4c_image_options decode;
    int32_t channels, height, width;
    dl4c_transform *transform; /* NULL: images stay as they are */
    char *transform_text;
    uint64_t transform_seed;
    int64_t unique;      /* paths before they are repeated */
    char *label_pattern; /* NULL: the folder is the label */
    int32_t label_position;
    int32_t threads, prefetch, read_ahead;
    int32_t on_bad;
    int64_t max_bad; /* INT64_MAX: any number */
    int64_t n_bad;
    size_t bad_capacity;
    struct dli_bad *bad;
    dl4c_source *source;
    /* of the epoch */
    int64_t epoch;
    int64_t *order; /* [paths] */
    int64_t n_order; /* that the epoch has */
    const int64_t *picked; /* [n_picked] images that unshuffled epochs have, borrowed; NULL: all */
    int64_t n_picked;
    int64_t at;     /* next position in order */
    _Atomic int64_t bytes_read;
    struct dli_watch *watch; /* of the call that reads, told of bytes; borrowed; NULL: none */
    int mode; /* how the thread computed that opened the reader: images come out the same whoever decodes them, and whoever asks */
    struct dli_ring *ring;
    /* of the batch handed out last */
    int64_t lent; /* positions of the ring whose memory it lies in */
    int64_t room, x_room;
    float *x; /* where it had to be put together */
    int64_t *batch_labels, *index;
};

/* What an image's changes are drawn from in the epoch that runs: a matter of the seed, the path, the epoch and the copy alone. */
int64_t dli_reader_change_seed(const dl4c_reader *r, int64_t image);

/* What says nothing about an image, whatever was done with it. */
static inline bool dli_no_memory(const struct dl4c_error *why)
{
    return why->status == DL4C_E_NOMEM || strcmp(why->origin, "memory") == 0;
}

static inline int64_t dli_reader_floats(const dl4c_reader *r) { return (int64_t)r->channels * r->height * r->width; }

/* From the next reset on, epochs in the list's order have these images only, ascending and borrowed; NULL: all again. */
void dli_reader_pick(dl4c_reader *r, const int64_t *images, int64_t n);

dl4c_status dli_reader_make_source(dl4c_reader *r, struct dl4c_error *err);

/* While a call reads, it is cancelled, late and reported by its own watch also where it waits for an image, and the watch knows how
 * many bytes were read in the epoch. NULL ends that. */
void dli_reader_watch(dl4c_reader *r, struct dli_watch *watch);

/* Bytes that batches of so many images take at most while they are read, beside what each thread needs for the one it decodes. */
int64_t dli_reader_memory(const dl4c_reader *r, int64_t batch);
/* Whether its files, or some of them, lie where they are read ahead. */
bool dli_reader_reads_ahead(const dl4c_reader *r);

/* A file's bytes while they are needed. Zero everywhere: nothing is there yet. */
struct dli_image_file {
    dl4c_fs_load *load; /* read ahead, of which `status` and the rest are the answer; NULL: it was not */
    dl4c_fs_file *file;
    dl4c_status status;
    const void *bytes;
    size_t size;
    struct dl4c_error why;
};
/* The bytes of an image, read now unless they were read ahead. *ends: where it fails, the failure says nothing about this image. */
dl4c_status dli_image_file_get(dl4c_reader *r, int64_t image, struct dli_image_file *f, bool *ends, struct dl4c_error *err);
void dli_image_file_end(struct dli_image_file *f);
/* Starts to read an image's file, in at most `most` bytes (0: any number); NULL where its file system reads nothing ahead or it fails,
 * which shows again when the file is asked for. */
dl4c_fs_load *dli_image_file_start(dl4c_reader *r, int64_t image, int64_t most);

/* Files on their way into memory, in the order of the epoch: at most read_ahead of them, of DLI_AHEAD_BYTES together or one that is
 * larger, from the first that is not given back on. Everything under `lock`, which is let go while the file system works; `work` is
 * signalled when there is more to do. dl4c_fs_watch's flag of the calling threads ends what they wait for. */
enum { DLI_AHEAD_BYTES = 64 << 20 };
struct dli_ahead;
int64_t dli_ahead_bytes(const dl4c_reader *r); /* DLI_AHEAD_BYTES, or less under a memory limit */
dl4c_status dli_ahead_create(dl4c_reader *r, pthread_mutex_t *lock, pthread_cond_t *work, struct dli_ahead **ahead,
                             struct dl4c_error *err);
/* Ends all loads; the next ones begin at position 0. Nobody may be inside. */
void dli_ahead_drop(struct dli_ahead *a);
void dli_ahead_destroy(struct dli_ahead *a);
/* Starts what there is room for, before position `total`, then gives the first position before `end` whose file is there (or failed),
 * waiting a little for it. DLI_AHEAD_AGAIN: none yet. DLI_AHEAD_NONE: there is nothing to wait for until somebody calls dli_ahead_done or
 * `end` grows. */
enum { DLI_AHEAD_AGAIN = -1, DLI_AHEAD_NONE = -2 };
int64_t dli_ahead_next(struct dli_ahead *a, int64_t end, int64_t total, struct dli_image_file *f);
/* The memory of a position's file is free again. */
void dli_ahead_done(struct dli_ahead *a, int64_t position);

/* Threads that decode the images order[0], order[1] ... ahead of the one who takes them, at most `slots` of them. */
dl4c_status dli_ring_create(dl4c_reader *r, int32_t threads, int64_t slots, struct dli_ring **ring, struct dl4c_error *err);
void dli_ring_destroy(struct dli_ring *ring);
/* Waits until no thread is at an image; then the reader's order may be changed, and restart begins at its position 0. */
void dli_ring_pause(struct dli_ring *ring);
void dli_ring_restart(struct dli_ring *ring);
/* Waits for the image `ahead` positions behind those released so far: *x is its memory, until it is released; or *bad with why in
 * *reason. Other failures end the epoch. */
dl4c_status dli_ring_wait(struct dli_ring *ring, int64_t ahead, float **x, bool *bad, struct dl4c_error *reason, struct dl4c_error *err);
/* The memory of that many positions from the first not released on lies side by side. */
int64_t dli_ring_piece(const struct dli_ring *ring);
void dli_ring_release(struct dli_ring *ring, int64_t n);

#endif
