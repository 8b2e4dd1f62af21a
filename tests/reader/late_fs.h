/* SPDX-License-Identifier: Apache-2.0 */
/* A host's file system "late": a local folder whose files are read ahead, take a while each, come out of order, and fail on demand. */
#ifndef TESTS_READER_LATE_FS_H
#define TESTS_READER_LATE_FS_H

#include <dl4c/fs.h>

#include <pthread.h>

enum { LATE_PLANS = 8 };

/* What becomes of the files whose path contains `part`. */
struct late_plan {
    char part[32];       /* "": nobody's */
    dl4c_status status;  /* what load_wait answers; OK: the bytes */
    int cut;             /* 1: half of the bytes */
    int stalls;          /* 1: it never comes */
    int64_t listed;      /* what listings say that it has; 0: the truth */
    int64_t seems;       /* what limits are compared with; 0: the truth */
};

struct late {
    char dir[256];
    int most_ms; /* a load takes 0 to that, by its path and `seed` */
    unsigned seed;
    pthread_mutex_t lock; /* of the rest */
    struct late_plan plan[LATE_PLANS];
    /* Counted. */
    int live, most_live, started, unsized, opened, lists, stats;
    int64_t bytes, most_bytes; /* of live loads, as they were announced */
    int crowded;               /* loads of more than 64 MiB that were not alone */
    int failed;                /* loads that answered a failure */
};

void late_init(struct late *l, const char *dir);
void late_free(struct late *l);
/* A context with the file system; the counts begin anew. */
dl4c_context *late_context(struct late *l, const struct dl4c_context_options *options);
extern const struct dl4c_fs_ops late_ops;

#endif
