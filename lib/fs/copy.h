/* SPDX-License-Identifier: Apache-2.0 */
/* Copying between file systems: the plan, the threads (copy.c, copy_run.c), and one file (copy_file.c). */
#ifndef DLI_FS_COPY_H
#define DLI_FS_COPY_H

#include "base/deadline.h"
#include "fs/fs.h"
#include <stdatomic.h>

struct dli_copy_root { /* a source and what it becomes */
    char *from, *to;
    bool from_local;
    bool in_turn; /* who reads it in turn has what follows on its way */
};

struct dli_copy_task { /* a file */
    size_t root;
    char *path; /* below the root; NULL: the root itself */
    int64_t size, mtime_ms;
    bool fresh; /* its copy cannot be there yet */
};

struct dli_copy_failure {
    struct dli_copy_failure *next;
    char *from, *to;
    struct dl4c_error why;
};

struct dli_copy {
    dl4c_context *ctx;
    struct dl4c_fs_copy_options o;
    struct dli_watch watch;
    struct dli_copy_root *roots;
    size_t n_roots, root_capacity;
    struct dli_copy_task *tasks;
    size_t n_tasks, task_capacity;
    int64_t total_bytes;

    pthread_mutex_t lock; /* of what follows */
    pthread_cond_t changed;
    size_t next;
    int running, in_row; /* in_row: failures without a success between */
    struct dl4c_fs_copied copied;
    struct dl4c_error first; /* failure */
    struct dl4c_error full;  /* the target has no room left: this ended it */
    struct dli_copy_failure *failures, **last_failure; /* not told yet */
    bool gave_up;

    int32_t stop;          /* a flag as dl4c_cancel_set sets it */
    _Atomic int64_t bytes; /* gone through */
};

enum { DLI_COPY_MOST_IN_ROW = 100 };

/* Notes a failure; takes neither name. A target without room, and too many failures in a row, end the copying. Under no lock. */
void dli_copy_failed(struct dli_copy *c, const char *from, const char *to, const struct dl4c_error *why);
/* Tells the failures that were noted, on the calling thread. */
void dli_copy_tell(struct dli_copy *c);
/* Copies all tasks. The failure that ended it, if one did: not those of single files. */
dl4c_status dli_copy_run(struct dli_copy *c, struct dl4c_error *err);
/* Copies one file. *skipped: it was there already. Adds to c->bytes. */
dl4c_status dli_copy_file(struct dli_copy *c, const struct dli_copy_task *t, const char *from, const char *to, bool *skipped,
                          struct dl4c_error *err);

#endif
