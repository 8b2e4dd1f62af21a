/* SPDX-License-Identifier: Apache-2.0 */
/* The rows of a round, and who gets which. */
#include "base/thread_pool.h"
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

/* Memory for `rows` in all. */
static dl4c_status grow(struct dli_rows *r, int64_t rows, bool labels, bool index, struct dl4c_error *err)
{
    if (rows <= r->room)
        return DL4C_OK;
    const struct {
        void **at;
        size_t bytes;
        bool wanted;
    } arrays[] = { { (void **)&r->x, (size_t)r->row * sizeof(float), true },
                   { (void **)&r->y, (size_t)r->k * sizeof(float), !labels },
                   { (void **)&r->labels, sizeof(int64_t), labels },
                   { (void **)&r->index, sizeof(int64_t), index } };
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

static void take_sizes(struct dli_rows *r, const dl4c_trainer *t)
{
    r->row = t->row;
    r->k = t->k_y * t->positions;
}

dl4c_status dli_rows_room(struct dli_rows *r, const dl4c_trainer *t, int64_t n, bool labels, bool index, struct dl4c_error *err)
{
    dl4c_context *ctx = r->ctx;
    if (r->room > 0 && (!r->labels != !labels || !r->index != !index)) {
        dli_rows_free(r);
        r->ctx = ctx;
    }
    take_sizes(r, t);
    return grow(r, n > 0 ? n : 1, labels, index, err);
}

void dli_rows_drop(struct dli_rows *r, int64_t n)
{
    const size_t left = (size_t)(r->n - n);
    r->n -= n;
    if (left == 0 || n == 0)
        return;
    memmove(r->x, r->x + n * r->row, left * (size_t)r->row * sizeof *r->x);
    if (r->y)
        memmove(r->y, r->y + n * r->k, left * (size_t)r->k * sizeof *r->y);
    if (r->labels)
        memmove(r->labels, r->labels + n, left * sizeof *r->labels);
    if (r->index)
        memmove(r->index, r->index + n, left * sizeof *r->index);
}

void dli_rows_take(struct dli_rows *r, const struct dli_rows *from, int64_t first, int64_t n)
{
    memcpy(r->x + r->n * r->row, from->x + first * r->row, (size_t)(n * r->row) * sizeof *r->x);
    if (r->y)
        memcpy(r->y + r->n * r->k, from->y + first * r->k, (size_t)(n * r->k) * sizeof *r->y);
    if (r->labels)
        memcpy(r->labels + r->n, from->labels + first, (size_t)n * sizeof *r->labels);
    if (r->index)
        memcpy(r->index + r->n, from->index + first, (size_t)n * sizeof *r->index);
    r->n += n;
}

static dl4c_status mixed(struct dl4c_error *err)
{
    return dli_fail(err, DL4C_E_INVALID, "train", "the source gives labels with some batches and targets with others");
}

static dl4c_status half_known(struct dl4c_error *err)
{
    return dli_fail(err, DL4C_E_INVALID, "train", "the source says of some batches which examples they are and not of others");
}

dl4c_status dli_rows_add(struct dli_rows *r, dl4c_trainer *t, dl4c_source *source, int64_t want, struct dl4c_error *err)
{
    struct dl4c_batch b;
    const int64_t end = r->n + want;
    take_sizes(r, t);
    while (r->n < end) {
        DLI_TRY(dli_trainer_next(t, source, end - r->n, &b, err));
        if (b.n == 0)
            break;
        if (b.x_mask || b.y_mask)
            return dli_fail(err, DL4C_E_UNSUPPORTED, "train", "the source has masks, which several workers do not take");
        if (r->room > 0 && !b.labels != !r->labels) /* before memory for the other kind is made, of which earlier rows have nothing */
            return mixed(err);
        if (!b.index && r->index)
            return half_known(err);
        DLI_TRY(grow(r, end, b.labels != NULL, r->room > 0 ? r->index != NULL : b.index != NULL, err));
        memcpy(r->x + r->n * r->row, b.x, (size_t)(b.n * r->row) * sizeof *r->x);
        if (!b.labels) /* where there are both, labels count */
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

/* ---- reading ahead ---- */

static void *read_ahead(void *arg)
{
    struct dli_ahead *a = arg;
    a->status = dli_rows_add(&a->rows, a->t, a->source, a->want, &a->err);
    a->over = a->status == DL4C_OK && a->rows.n < a->want;
    return NULL;
}

void dli_ahead_begin(struct dli_ahead *a, dl4c_trainer *t, dl4c_source *source, int64_t want)
{
    a->t = t;
    a->source = source;
    a->want = want;
    a->rows.ctx = t->ctx;
    a->running = dli_thread_start(&a->thread, read_ahead, a);
}

void dli_ahead_end(struct dli_ahead *a)
{
    if (a->running)
        pthread_join(a->thread, NULL);
    a->running = false;
}

dl4c_status dli_ahead_take(struct dli_ahead *a, struct dli_rows *r, struct dl4c_error *err)
{
    const int64_t n = a->rows.n;
    if (n == 0)
        return DL4C_OK;
    if (r->n == 0) {
        const struct dli_rows empty = *r;
        *r = a->rows;
        a->rows = empty;
    } else {
        if (!a->rows.labels != !r->labels)
            return mixed(err);
        if (!a->rows.index && r->index)
            return half_known(err);
        DLI_TRY(grow(r, r->n + n, r->labels != NULL, r->index != NULL, err));
        dli_rows_take(r, &a->rows, 0, n);
    }
    a->rows.n = 0;
    return DL4C_OK;
}

void dli_share(int64_t rows, int32_t workers, int32_t worker, int64_t *first, int64_t *last)
{
    *first = rows / workers * worker + rows % workers * worker / workers;
    *last = rows / workers * (worker + 1) + rows % workers * (worker + 1) / workers;
}
