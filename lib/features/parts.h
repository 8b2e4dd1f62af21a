/* SPDX-License-Identifier: Apache-2.0 */
/* Work over a list of images that is done shard by shard, by one process or several, and goes on after any end: OUT/_progress tells, until
 * all is done, what the work is (work.json), which shards are whole (shard-00000.json), and who is at it (claim.h). */
#ifndef DLI_FEATURES_PARTS_H
#define DLI_FEATURES_PARTS_H

#include "base/strbuf.h"
#include "features/claim.h"
#include <dl4c/reader.h>
#include <jansson.h>

struct dli_parts {
    dl4c_context *ctx; /* borrowed */
    const char *out;   /* the folder; borrowed */
    char *folder;      /* OUT/_progress */
    char work[65];     /* digest of work.json: records of other work count for nothing */
    int32_t part, n_parts;
    int64_t n_shards, shard_size;
    struct dli_claim *claim;
};

/* A shard that is whole. */
struct dli_record {
    char name[64];
    char sha256[65];
    int64_t rows, bytes;
    json_t *bad; /* array of {path, reason}, owned */
};

/* A JSON object of texts, with a newline, that tells one work from another: what was given in facts ({key, text} pairs, text may be NULL,
 * in their order), the classes, paths and labels, and the size of shards. dli_free. */
dl4c_status dli_parts_describe(dl4c_context *ctx, const dl4c_reader *reader, int64_t shard_size, const char *const (*facts)[2], int n,
                               char **work, struct dl4c_error *err);

/* What one description has otherwise than another; "(none)" where it lacks it. The texts are the objects'. False: nothing. */
struct dli_difference {
    const char *key, *then, *now;
};
bool dli_parts_differ(json_t *then, json_t *now, struct dli_difference *d);

/* Makes OUT, takes part `part` of n_parts (both at least 1), and says what the work is. Not resuming: nothing of the part is done.
 * Resuming: DL4C_E_INVALID where other work was begun. DL4C_E_BUSY: as dli_claim_take. */
dl4c_status dli_parts_begin(struct dli_parts *p, dl4c_context *ctx, const char *out, const char *work, int64_t images, int64_t shard_size,
                            int32_t part, int32_t n_parts, bool resume, struct dli_watch *watch, struct dl4c_error *err);
static inline bool dli_parts_mine(const struct dli_parts *p, int64_t shard) { return shard % p->n_parts == p->part - 1; }
/* The record of a shard; *found: there is one of this work. Its bad images are the caller's to release. */
dl4c_status dli_parts_load(const struct dli_parts *p, int64_t shard, struct dli_record *r, bool *found, struct dl4c_error *err);
/* The same, and the file it tells of is there: as long as it should be, and with `verify` of that digest. Else *found is false. */
dl4c_status dli_parts_whole(const struct dli_parts *p, int64_t shard, bool verify, struct dli_record *r, bool *found,
                            struct dl4c_error *err);
/* bad: the text of a JSON array. Safe from one thread beside the others. */
dl4c_status dli_parts_save(const struct dli_parts *p, int64_t shard, const char *name, int64_t rows, int64_t bytes, const char *sha256,
                           const char *bad, struct dl4c_error *err);
/* Whether work was begun there: same: this one. */
dl4c_status dli_parts_begun(dl4c_context *ctx, const char *out, const char *work, bool *begun, bool *same, struct dl4c_error *err);
/* The work is done, as its results tell: takes away what a process that was killed then left beside them. *busy: somebody is at work there,
 * and all stays. */
dl4c_status dli_parts_tidy(dl4c_context *ctx, const char *out, struct dli_watch *watch, bool *busy, struct dl4c_error *err);
/* All is done: takes away OUT/_progress, and what processes that were killed left half-written beside the shards. */
void dli_parts_clear(const struct dli_parts *p);
void dli_parts_end(struct dli_parts *p); /* gives the part back; zeroed memory is allowed */

#endif
