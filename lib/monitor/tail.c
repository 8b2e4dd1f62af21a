/* SPDX-License-Identifier: Apache-2.0 */
/* Following a file: it may be appended to, cut short or replaced between two looks, and its last line may be half written. */
#include "monitor/tail.h"

#include <string.h>

void dli_tail_rewind(struct dli_tail *t)
{
    t->offset = t->size = t->lines = 0;
    t->n_seen = 0;
    t->skipping = false;
}

static void remember(struct dli_tail *t, const char *bytes, size_t n)
{
    const size_t keep = n < DLI_TAIL_SEEN ? n : DLI_TAIL_SEEN;
    memcpy(t->seen, bytes + n - keep, keep);
    t->n_seen = keep;
}

/* bytes[0..n) begin at t->offset; they may be changed. `full`: the file goes on, so that what is left without an end is too long. */
static dl4c_status tell(struct dli_tail *t, char *bytes, size_t n, bool full, const struct dli_tail_to *to, struct dl4c_error *err)
{
    size_t at = 0;
    for (char *end; at < n && (end = memchr(bytes + at, '\n', n - at)) != NULL;) {
        char *line = bytes + at;
        const size_t length = (size_t)(end - line);
        t->lines++;
        *end = '\0';
        if (t->skipping || length > DLI_TAIL_LINE)
            line = NULL;
        t->skipping = false;
        const dl4c_status status = to->line(to->arg, line, length, t->lines, err);
        *end = '\n';
        DLI_TRY(status);
        at += length + 1;
    }
    if (full && at == 0) {
        t->skipping = true;
        at = n;
    }
    if (at > 0)
        remember(t, bytes, at);
    t->offset += (int64_t)at;
    return DL4C_OK;
}

/* One piece: *more says whether another one may follow. */
static dl4c_status read_piece(struct dli_tail *t, dl4c_context *ctx, dl4c_fs_file *file, const struct dli_tail_to *to, bool *more,
                              bool *other, struct dl4c_error *err)
{
    const int64_t left = t->size - t->offset, most = DLI_TAIL_LINE + 1;
    const size_t n = (size_t)(left < most ? left : most), before = t->n_seen;
    char *bytes = dli_alloc(ctx, before + n, err);
    if (!bytes)
        return dli_alloc_status();
    dl4c_status status = dl4c_fs_read_at(file, t->offset - (int64_t)before, bytes, before + n, err);
    const int64_t was = t->offset;
    if (status == DL4C_OK) {
        *other = memcmp(bytes, t->seen, before) != 0;
        if (!*other)
            status = tell(t, bytes + before, n, n == (size_t)most, to, err);
    } else if (status == DL4C_E_CORRUPT) { /* it became shorter meanwhile */
        *other = true;
        status = DL4C_OK;
    }
    *more = status == DL4C_OK && !*other && t->offset > was && t->offset < t->size;
    dli_free(bytes);
    return status;
}

dl4c_status dli_tail_read(struct dli_tail *t, dl4c_context *ctx, int64_t budget, const struct dli_tail_to *to, bool *other,
                          struct dl4c_error *err)
{
    struct dl4c_error why = DL4C_ERROR_INIT;
    dl4c_fs_file *file = NULL;
    *other = false;
    const dl4c_status status = dl4c_fs_open(ctx, t->uri, &file, &why);
    if (status != DL4C_OK && status != DL4C_E_NOTFOUND) {
        if (err)
            *err = why;
        return status;
    }
    const int64_t size = file ? dl4c_fs_size(file) : 0, until = t->offset + budget;
    dl4c_status read = DL4C_OK;
    *other = size < t->offset;
    t->size = size;
    for (bool more = !*other && size > t->offset; more && t->offset < until && read == DL4C_OK && !*other;)
        read = read_piece(t, ctx, file, to, &more, other, err);
    dl4c_fs_close(&file);
    if (*other)
        dli_tail_rewind(t);
    return read;
}
