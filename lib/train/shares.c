/* SPDX-License-Identifier: Apache-2.0 */
/* The rows of a round, and who gets which. */
#include "train/workers.h"

#include <string.h>

void dli_rows_free(struct dli_rows *r)
{
    dli_free(r->x);
    dli_free(r->y);
    dli_free(r->labels);
    dli_free(r->index);
    memset(r, 0, sizeof *r);
}

/* Memory for `rows` in all. A source gives labels or targets, the same in every batch; the first one tells. */
static dl4c_status grow(struct dli_rows *r, const struct dl4c_batch *b, int64_t rows, struct dl4c_error *err)
{
    if (rows <= r->room)
        return DL4C_OK;
    const struct {
        void **at;
        size_t bytes;
        bool wanted;
    } arrays[] = { { (void **)&r->x, (size_t)r->row * sizeof(float), true },
                   { (void **)&r->y, (size_t)r->k * sizeof(float), b->y != NULL },
                   { (void **)&r->labels, sizeof(int64_t), b->labels != NULL },
                   { (void **)&r->index, sizeof(int64_t), b->index != NULL } };
    for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++) {
        size_t bytes;
        if (!arrays[i].wanted)
            continue;
        if (!dli_mul_size((size_t)rows, arrays[i].bytes, &bytes))
            return dli_fail(err, DL4C_E_LIMIT, "train", "a round of %" PRId64 " rows needs more memory than sizes count", rows);
        void *more = dli_realloc(r->ctx, *arrays[i].at, bytes, err);
        if (!more)
            return dli_alloc_status();
        *arrays[i].at = more;
    }
    r->room = rows;
    return DL4C_OK;
}

dl4c_status dli_rows_add(struct dli_rows *r, dl4c_trainer *t, dl4c_source *source, int64_t want, struct dl4c_error *err)
{
    struct dl4c_batch b;
    const int64_t end = r->n + want;
    r->row = t->row;
    r->k = t->k_y * t->positions;
    while (r->n < end) {
        DLI_TRY(dli_trainer_next(t, source, end - r->n, &b, err));
        if (b.n == 0)
            break;
        if (b.x_mask || b.y_mask)
            return dli_fail(err, DL4C_E_UNSUPPORTED, "train", "the source has masks, which several workers do not take");
        DLI_TRY(grow(r, &b, end, err));
        if (!b.labels != !r->labels || (!b.index && r->index))
            return dli_fail(err, DL4C_E_INVALID, "train", "the source gives labels with some batches and targets with others");
        memcpy(r->x + r->n * r->row, b.x, (size_t)(b.n * r->row) * sizeof *r->x);
        if (b.y)
            memcpy(r->y + r->n * r->k, b.y, (size_t)(b.n * r->k) * sizeof *r->y);
        if (b.labels)
            memcpy(r->labels + r->n, b.labels, (size_t)b.n * sizeof *r->labels);
        if (r->index)
            memcpy(r->index + r->n, b.index, (size_t)b.n * sizeof *r->index);
        r->n += b.n;
    }
    return DL4C_OK;
}

void dli_rows_batch(const struct dli_rows *r, int64_t first, int64_t n, struct dl4c_batch *b)
{
    *b = (struct dl4c_batch)DL4C_BATCH_INIT;
    b->n = n;
    b->x = r->x + first * r->row;
    b->y = r->y ? r->y + first * r->k : NULL;
    b->labels = r->labels ? r->labels + first : NULL;
    b->index = r->index ? r->index + first : NULL;
}

void dli_share(int64_t rows, int32_t workers, int32_t worker, int64_t *first, int64_t *last)
{
    *first = rows / workers * worker + rows % workers * worker / workers;
    *last = rows / workers * (worker + 1) + rows % workers * (worker + 1) / workers;
}
