/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of an opened features store. */
#ifndef DLI_FEATURES_STORE_H
#define DLI_FEATURES_STORE_H

#include "base/context.h"
#include <dl4c/features.h>
#include <dl4c/fs.h>
#include <jansson.h>

struct dli_shard {
    dl4c_fs_file *file; /* mapped where the file system can */
    json_t *header;
    json_t *paths;                   /* array of rows strings; NULL */
    const unsigned char *x, *labels; /* in the file, at any alignment */
    int64_t rows, first;             /* first: row of the store */
};

struct dl4c_features {
    dl4c_context *ctx; /* a reference */
    int32_t n_shards;
    struct dli_shard *shards;
    int64_t rows, floats; /* floats of a row */
    int32_t rank;
    int64_t shape[DL4C_MAX_RANK];
    int32_t n_classes;
    const char **classes; /* borrowed from class_list; NULL: not recorded */
    json_t *class_list;
    char digest[65]; /* of manifest.json */
    char *uri;       /* of the folder, from wherever it is opened */
    dl4c_source *source;
};

/* The shard of a row. */
const struct dli_shard *dli_features_shard_of(const dl4c_features *f, int64_t row);
/* Makes f->source. */
dl4c_status dli_features_make_source(dl4c_features *f, struct dl4c_error *err);

#endif
