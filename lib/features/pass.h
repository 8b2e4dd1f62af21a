/* SPDX-License-Identifier: Apache-2.0 */
/* Images through a graph, a batch at a time: the reader decodes ahead while the session runs. */
#ifndef DLI_FEATURES_PASS_H
#define DLI_FEATURES_PASS_H

#include "base/context.h"
#include "base/deadline.h"
#include <dl4c/graph.h>
#include <dl4c/reader.h>

struct dli_pass {
    const char *origin; /* of errors */
    dl4c_graph *graph;
    dl4c_reader *images;
    const char **at; /* [n_at] vertices; borrowed */
    int32_t n_at;
    int32_t threads, precision;
    int64_t batch; /* 0: 16 */
    bool low_memory;
    /* made by dli_pass_begin */
    dl4c_source *source; /* the reader's */
    struct dl4c_source_info info;
    dl4c_session *session;
    struct dl4c_shape *shapes; /* [n_at]: of the vertices' values for one image */
};

/* Makes the session. What was set before the call stays the caller's. */
dl4c_status dli_pass_begin(struct dli_pass *p, struct dl4c_error *err);
/* What a batch gave: the session's outputs are those of b's images. */
typedef dl4c_status (*dli_pass_fn)(void *user, const struct dl4c_batch *b, struct dl4c_error *err);
/* These images of the list, ascending, n of them; fn for each batch that has one that is not bad. */
dl4c_status dli_pass_run(struct dli_pass *p, const int64_t *images, int64_t n, struct dli_watch *watch, dli_pass_fn fn, void *user,
                         struct dl4c_error *err);
void dli_pass_end(struct dli_pass *p); /* zeroed memory is allowed */

/* Flags, part and n_parts of a call's options. */
dl4c_status dli_pass_check(const char *origin, uint64_t flags, uint64_t known, int32_t part, int32_t n_parts, int64_t timeout_ms,
                           int32_t reserved, struct dl4c_error *err);

#endif
