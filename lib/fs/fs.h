/* SPDX-License-Identifier: Apache-2.0 */
/* Beside include/dl4c/fs.h, for the rest of the library: URIs, whole files at once. */
#ifndef DLI_FS_FS_H
#define DLI_FS_FS_H

#include "base/context.h"
#include <dl4c/fs.h>

/* "scheme://authority/path". A plain path, and file:///path with its %XX decoded, have scheme "file" and authority "". */
struct dli_uri {
    const char *scheme; /* lower case */
    const char *authority;
    const char *path; /* as the file system gets it; never "" */
    char *text;       /* what the three point into */
};
dl4c_status dli_uri_parse(dl4c_context *ctx, const char *uri, struct dli_uri *out, struct dl4c_error *err);
void dli_uri_free(struct dli_uri *uri);

/* The name inside the directory: "dir/name", with one slash between; under file:// and those of HDFS the name is %-encoded where it must
 * be, and what stands behind '?' stays behind. */
dl4c_status dli_uri_join(dl4c_context *ctx, const char *directory, const char *name, char **out, struct dl4c_error *err);
/* The same place for processes that work in other directories: a plain path that is relative is put behind this one's. */
dl4c_status dli_uri_absolute(dl4c_context *ctx, const char *uri, char **out, struct dl4c_error *err);
/* Where the parts of a URI as written lie: uri[0..head) scheme and authority, path[0..length), and what begins with '?'. */
struct dli_uri_parts {
    size_t head, length;
    const char *path, *query; /* query: "" where there is none */
    bool encoded, hdfs;       /* encoded: %XX in the path stands for a byte */
};
void dli_uri_split(const char *uri, struct dli_uri_parts *out);
/* The path as a file system has it, for comparing and for messages: without %XX, scheme, authority and query. */
dl4c_status dli_uri_plain_path(dl4c_context *ctx, const char *uri, char **path, struct dl4c_error *err);
/* The last component, as written: borrowed from uri; "" where it ends with a slash. */
const char *dli_uri_name(const char *uri);

/* The local file system over a context's allocator. */
extern const struct dl4c_fs_ops dli_fs_local;

/* A whole file in memory of the library (dli_free), one NUL more than size. DL4C_E_LIMIT: larger than limit bytes. */
dl4c_status dli_fs_load(dl4c_context *ctx, const char *uri, int64_t limit, char **bytes, size_t *size, struct dl4c_error *err);
/* The same for a local path with a secret: DL4C_E_DENIED unless it is a file that its owner alone may touch. */
dl4c_status dli_fs_load_private(dl4c_context *ctx, const char *path, int64_t limit, char **bytes, size_t *size, struct dl4c_error *err);
/* A whole file from memory, there completely or not at all. */
dl4c_status dli_fs_save(dl4c_context *ctx, const char *uri, const void *bytes, size_t size, struct dl4c_error *err);
/* A writer into memory: bytes[size] are the caller's (dli_free) after dl4c_fs_commit, none are there after dl4c_fs_abandon. */
struct dli_fs_memory {
    dl4c_context *ctx; /* borrowed */
    char *bytes;
    size_t size, room;
};
dl4c_status dli_fs_create_memory(dl4c_context *ctx, struct dli_fs_memory *memory, dl4c_fs_writer **writer, struct dl4c_error *err);
/* Whether dl4c_fs_load_start of this URI returns before the file is read; false where the URI is malformed. */
bool dli_fs_reads_ahead(dl4c_context *ctx, const char *uri);
/* Whether files there can get another name. */
bool dli_fs_renames(dl4c_context *ctx, const char *uri);
/* Whether it names a place of the local file system, as far as it can be understood. */
bool dli_fs_is_local(dl4c_context *ctx, const char *uri);
/* All bytes of a file in turn, as they come: fn gets from one to 1 MiB of them, borrowed while it runs; what it returns but DL4C_OK ends
 * the reading. Looks at the thread's flag (dl4c_fs_watch). Nobody else reads the file meanwhile. */
typedef dl4c_status (*dli_fs_take_fn)(void *user, const void *bytes, size_t n, struct dl4c_error *err);
dl4c_status dli_fs_read_on(dl4c_fs_file *file, dli_fs_take_fn fn, void *user, struct dl4c_error *err);
/* The URI that the file was opened with, for messages; lives as long as the file. */
const char *dli_fs_uri(const dl4c_fs_file *file);
/* Whether dl4c_fs_bytes gave pages of the file and not a copy. */
bool dli_fs_is_mapped(const dl4c_fs_file *file);
/* These bytes of dl4c_fs_bytes are not needed soon: their pages may go, and come back from the file when they are read again. Safe
 * while other threads read them. Does nothing where the file is not mapped by the local file system. */
void dli_fs_forget(dl4c_fs_file *file, size_t offset, size_t size);
void dli_fs_local_forget(void *file, size_t offset, size_t size); /* of dli_fs_local's own handle */

#endif
