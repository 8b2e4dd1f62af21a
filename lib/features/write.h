/* SPDX-License-Identifier: Apache-2.0 */
/* Writing a features store, shard by shard. */
#ifndef DLI_FEATURES_WRITE_H
#define DLI_FEATURES_WRITE_H

#include "base/strbuf.h"
#include <dl4c/reader.h>
#include <jansson.h>

/* What a store records of itself; all borrowed. */
struct dli_store_facts {
    const char *digest, *vertex, *preprocess;
    const char *pool, *precision, *memory; /* NULL where there is nothing to say */
    int32_t height, width;
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
    int64_t shard;   /* being filled: list positions shard * shard_size ... */
    int64_t rows;    /* in it */
    float *x;        /* [shard_size, floats] */
    int64_t *images; /* [shard_size]: list positions */
    json_t *shards;  /* of the manifest */
};

/* uri is made where missing. A finished store is DL4C_E_EXISTS unless overwrite, which first takes away manifest.json and _SUCCESS. */
dl4c_status dli_store_begin(struct dli_store_writer *w, dl4c_context *ctx, const char *uri, dl4c_reader *reader,
                            const struct dli_store_facts *facts, const int64_t *shape, int32_t rank, int64_t shard_size, bool overwrite,
                            struct dl4c_error *err);
/* Room for the row of image `image`, whose shard is begun after finishing those before; images come in order. */
dl4c_status dli_store_row(struct dli_store_writer *w, int64_t image, float **row, struct dl4c_error *err);
/* Finishes the last shard and writes bad.jsonl, manifest.json and _SUCCESS. */
dl4c_status dli_store_finish(struct dli_store_writer *w, struct dl4c_error *err);
void dli_store_end(struct dli_store_writer *w); /* frees; zeroed memory is allowed */

#endif
