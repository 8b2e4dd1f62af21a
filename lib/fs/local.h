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

#endif
