/* SPDX-License-Identifier: Apache-2.0 */
/* Walking through directories, for what goes on after a directory that cannot be listed. */
#ifndef DLI_FS_TREE_H
#define DLI_FS_TREE_H

#include "fs/fs.h"

enum { DLI_WALK_DEPTH = 256 };

/* Receives a directory that could not be listed, its path below the first one ("": the first); non-zero ends the walk. */
typedef int (*dli_walk_failed_fn)(void *arg, const char *path, const struct dl4c_error *why);
/* dl4c_fs_walk. failed NULL: the first failure is the walk's; else they are told and the walk goes on. */
dl4c_status dli_fs_walk(dl4c_context *ctx, const char *uri, dl4c_fs_list_fn fn, dli_walk_failed_fn failed, void *arg,
                        struct dl4c_error *err);

#endif
