/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of an image reader, and its ring of images decoded ahead. */
#ifndef DLI_READER_READER_H
#define DLI_READER_READER_H

#include "base/context.h"
#include "reader/list.h"
#include <dl4c/image.h>
#include <dl4c/reader.h>

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
    int32_t threads, prefetch;
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

static inline int64_t dli_reader_floats(const dl4c_reader *r) { return (int64_t)r->channels * r->height * r->width; }

/* From the next reset on, epochs in the list's order have these images only, ascending and borrowed; NULL: all again. */
void dli_reader_pick(dl4c_reader *r, const int64_t *images, int64_t n);

dl4c_status dli_reader_make_source(dl4c_reader *r, struct dl4c_error *err);

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
