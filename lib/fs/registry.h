/* SPDX-License-Identifier: Apache-2.0 */
/* Which file systems a context knows, and calling them: shared by what calls them. */
#ifndef DLI_FS_REGISTRY_H
#define DLI_FS_REGISTRY_H

#include "fs/fs.h"

/* The next bytes of a file where they lie, without a copy: at least one at `offset`, at most `most`. *bytes are borrowed until the next
 * lending, reading or closing; while somebody borrows nobody else reads this file. */
typedef dl4c_status (*dli_fs_lend_fn)(void *file, int64_t offset, size_t most, const void **bytes, size_t *n, struct dl4c_error *err);

struct dli_fs {
    struct dl4c_fs_ops ops;
    dli_fs_lend_fn lend; /* NULL: it does not */
    char scheme[32];
    void *user;
    void (*release)(void *user);
    struct dli_fs *next;
};

/* What adds the library's own to a context's registry, under its lock; release only where it succeeds. */
typedef dl4c_status (*dli_fs_add_fn)(dl4c_context *ctx, const struct dl4c_fs_ops *ops, dli_fs_lend_fn lend, void *user,
                                     void (*release)(void *user), struct dl4c_error *err);
dl4c_status dli_webhdfs_register(dl4c_context *ctx, dli_fs_add_fn add, struct dl4c_error *err);
/* Why a scheme of HDFS is not there; NULL: it is none of them. */
const char *dli_webhdfs_missing(const char *scheme);
bool dli_fs_is_hdfs(const char *scheme);

/* The file system of a parsed URI: lives as long as the context. DL4C_E_UNSUPPORTED: none has this scheme. */
dl4c_status dli_fs_find(dl4c_context *ctx, const struct dli_uri *uri, const struct dli_fs **fs, struct dl4c_error *err);

struct dli_named { /* a URI with its file system */
    dl4c_context *ctx;
    const struct dli_fs *fs;
    struct dli_uri uri;
};
/* Ends with dli_uri_free of its uri, where it succeeds. */
dl4c_status dli_fs_named(dl4c_context *ctx, const char *uri, struct dli_named *n, struct dl4c_error *err);

/* What every handle on a file begins with. */
struct dli_handle {
    dl4c_context *ctx; /* a reference: it keeps the registry alive */
    const struct dli_fs *fs;
    char *uri;
};
/* A zeroed handle of `size` bytes for a URI; n: what that names. Ends with dli_uri_free of n's uri and dli_handle_free. NULL: it failed. */
void *dli_handle_new(dl4c_context *ctx, const char *uri, size_t size, struct dli_named *n, dl4c_status *status, struct dl4c_error *err);
void dli_handle_free(void *handle);

/* What a file system answered, taken with care: it may be the host's. `e` is what it was given to fill; where it failed without a
 * message, one is made of `verb` and `uri`. A success leaves *err alone. */
dl4c_status dli_fs_answer(const struct dli_fs *fs, dl4c_status status, struct dl4c_error *e, const char *verb, const char *uri,
                          struct dl4c_error *err);
dl4c_status dli_fs_cannot(const struct dli_fs *fs, const char *verb, const char *uri, struct dl4c_error *err);

/* The commit of a local writer shall not wait for the disk; others have their own ways. */
void dli_fs_no_sync(dl4c_fs_writer *writer);
/* SHA-256 of what is read. */
dl4c_status dli_fs_read_digest(dl4c_context *ctx, const char *uri, struct dl4c_fs_checksum *out, struct dl4c_error *err);

#endif
