/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of fetching: one HTTP request, and the table of published files. */
#ifndef DLI_FETCH_FETCH_H
#define DLI_FETCH_FETCH_H

#include "base/context.h"
#include "base/deadline.h"
#include <dl4c/fetch.h>

/* A GET of the rest of a file. Callbacks that fail end it; their status and message are the request's. */
struct dli_http {
    const char *url;
    int64_t from;         /* first byte wanted */
    const char *if_range; /* the validator of what is there already; NULL: none */
    int64_t stall_ms;
    struct dli_watch *watch;
    void *arg;
    /* Once, before the first byte of an answer below 400 or at its end: the byte that comes first, all bytes of the file (0: unknown), a
     * strong validator (NULL: none). */
    dl4c_status (*begin)(void *arg, int64_t first, int64_t total, const char *etag, struct dl4c_error *err);
    dl4c_status (*data)(void *arg, const void *bytes, size_t size, struct dl4c_error *err);
};
/* DL4C_E_NOTFOUND, DENIED or IO with domain http and the answer's code; IO or TIMEOUT with domain curl. */
dl4c_status dli_http_get(const struct dli_http *h, struct dl4c_error *err);

const struct dl4c_weights_info *dli_weights_find(const char *name);
/* An entry as from the table. o is complete. */
dl4c_status dli_fetch_entry(dl4c_context *ctx, const struct dl4c_weights_info *w, const char *file, const struct dl4c_fetch_options *o,
                            struct dl4c_fetched *out, struct dl4c_error *err);

#endif
