/* SPDX-License-Identifier: Apache-2.0 */
/* Whole lines of a file that grows, each once. */
#ifndef DLI_MONITOR_TAIL_H
#define DLI_MONITOR_TAIL_H

#include "fs/fs.h"
#include <stdbool.h>

/* A line with more bytes is told of and left out. */
enum { DLI_TAIL_LINE = 2 * 1024 * 1024, DLI_TAIL_SEEN = 48 };

struct dli_tail {
    char *uri;
    int64_t offset;           /* of the first byte that was not told yet */
    int64_t size;             /* of the file when it was looked at last */
    int64_t lines;            /* told */
    char seen[DLI_TAIL_SEEN]; /* the bytes before offset: is it still the same file? */
    size_t n_seen;
    bool skipping; /* in the middle of a line that is too long */
};

struct dli_tail_to {
    void *arg;
    /* A line without its end, NUL-terminated at line[n]; NULL: it was too long. number: from 1. */
    dl4c_status (*line)(void *arg, const char *line, size_t n, int64_t number, struct dl4c_error *err);
};

/* Tells of the lines that came since the last call, of at most about `budget` bytes. *other: the file is gone, shorter, or another one than
 * before; nothing was told, and the next call begins at its first line. A file that is not there is empty. */
dl4c_status dli_tail_read(struct dli_tail *tail, dl4c_context *ctx, int64_t budget, const struct dli_tail_to *to, bool *other,
                          struct dl4c_error *err);
/* From the first line again. */
void dli_tail_rewind(struct dli_tail *tail);

#endif
