/* SPDX-License-Identifier: Apache-2.0 */
/* Members of the local file system's table that lie outside local.c. */
#ifndef DLI_FS_LOCAL_H
#define DLI_FS_LOCAL_H

#include "fs/fs.h"

dl4c_status dli_local_load_start(void *user, const char *authority, const char *path, int64_t size_bytes, int64_t limit_bytes,
                                 void **load, struct dl4c_error *err);
dl4c_status dli_local_load_wait(void *user, void *load, int64_t timeout_ms, const void **bytes, size_t *size, struct dl4c_error *err);
void dli_local_load_end(void *user, void *load);
dl4c_status dli_local_summarize(void *user, const char *authority, const char *path, struct dl4c_fs_summary *out, struct dl4c_error *err);
dl4c_status dli_local_change(void *user, const char *authority, const char *path, const struct dl4c_fs_change *change,
                             struct dl4c_error *err);
dl4c_status dli_local_truncate(void *user, const char *authority, const char *path, int64_t size_bytes, struct dl4c_error *err);
dl4c_status dli_local_remove_all(void *user, const char *authority, const char *path, struct dl4c_error *err);
/* Takes fd, a directory's: fn for each of its entries, with its descriptor, until one is not DL4C_OK. name is for messages; depth is that
 * below the first one, of which there is a limit. */
typedef dl4c_status (*dli_local_entry_fn)(void *arg, int dir, const char *entry, struct dl4c_error *err);
dl4c_status dli_local_each(int fd, const char *name, int depth, dli_local_entry_fn fn, void *arg, struct dl4c_error *err);
/* A writer of the local file system whose commit does not wait for the disk; and waiting for all files of the disk that a path is on. */
void dli_local_no_sync(void *file);
dl4c_status dli_local_sync(const char *path, struct dl4c_error *err);
/* What tells one directory from others while it is there; false where nobody knows. */
struct dli_local_id {
    uint64_t device, inode;
};
bool dli_local_identify(const char *path, struct dli_local_id *out);

#endif
