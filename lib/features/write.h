/* SPDX-License-Identifier: Apache-2.0 */
/* Writing a features store, shard by shard. */
#ifndef DLI_FEATURES_WRITE_H
#define DLI_FEATURES_WRITE_H

#include "features/parts.h"

#include <pthread.h>

/* What a store records of itself; all borrowed. */
struct dli_store_facts {
    const char *digest, *vertex, *preprocess;
    const char *pool, *precision, *memory; /* NULL where there is nothing to say */
    int32_t height, width;
};

/* A shard on its way to the disk while the next one is filled. */
struct dli_shard_job {
    struct dli_store_writer *w;
    pthread_t thread;
    bool running;
    int64_t shard, rows;
    const float *x;
    int64_t *labels;
    struct dli_strbuf header, bad;
    const int32_t *flag; /* dl4c_fs_watch's of who fills */
    dl4c_status status;
    struct dl4c_error err;
};

struct dli_store_writer {
    dl4c_context *ctx;
    char *uri;
    dl4c_reader *reader;
    struct dli_store_facts facts;
    int32_t rank;
    int64_t shape[DL4C_MAX_RANK]; /* of a row */
    int64_t floats;
    int64_t shard_size;
    bool finished; /* it was there whole: nothing is written */
    struct dli_parts parts;
    const int64_t *todo; /* [n_todo] shards to make, ascending; borrowed */
    int64_t n_todo, at;  /* at: index of the one being filled: list positions todo[at] * shard_size ... */
    int64_t rows;        /* in it */
    int64_t bad_at;      /* bad images that belong to shards before it */
    float *x, *spare;    /* [shard_size, floats]; spare: the job's, NULL where there is one shard only */
    int64_t *images;     /* [shard_size]: list positions */
    struct dli_shard_job job;
};

/* How a store is begun. */
struct dli_store_plan {
    int64_t shard_size;
    int32_t part, n_parts; /* 1 of 1: all of it */
    bool overwrite, resume;
    struct dli_watch *watch;
};

/* uri is made where missing. A finished store is DL4C_E_EXISTS; with overwrite manifest.json and _SUCCESS go first; with resume it stays,
 * if it is of this work and every shard has its digest. The writer is where it is until dli_store_end. */
dl4c_status dli_store_begin(struct dli_store_writer *w, dl4c_context *ctx, const char *uri, dl4c_reader *reader,
                            const struct dli_store_facts *facts, const int64_t *shape, int32_t rank, const struct dli_store_plan *plan,
                            struct dl4c_error *err);
/* Whether the shard is there whole: its bytes are read. */
dl4c_status dli_store_has(const struct dli_store_writer *w, int64_t shard, bool *whole, struct dl4c_error *err);
/* The shards that are made now. */
dl4c_status dli_store_todo(struct dli_store_writer *w, const int64_t *todo, int64_t n, struct dl4c_error *err);
/* Room for the row of image `image`, whose shard is begun after finishing those before; images come in order. */
dl4c_status dli_store_row(struct dli_store_writer *w, int64_t image, float **row, struct dl4c_error *err);
/* Finishes the last shard. Where all shards of all parts are whole writes bad.jsonl, manifest.json and _SUCCESS. */
dl4c_status dli_store_finish(struct dli_store_writer *w, struct dl4c_error *err);
dl4c_status dli_store_flush(struct dli_store_writer *w, struct dl4c_error *err); /* all shards of n_todo are written */
/* For dli_store_begin: what the folder holds, w->finished; the work in words, for dli_parts_begin; and whether a finished store is what
 * would be made now. */
dl4c_status dli_store_target(struct dli_store_writer *w, const struct dli_store_plan *plan, struct dl4c_error *err);
dl4c_status dli_store_describe(const struct dli_store_writer *w, char **work, struct dl4c_error *err);
dl4c_status dli_store_check(const struct dli_store_writer *w, struct dl4c_error *err);
void dli_store_end(struct dli_store_writer *w); /* frees; zeroed memory is allowed */

#endif
