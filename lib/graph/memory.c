/* SPDX-License-Identifier: Apache-2.0 */
/* Placing values in the arena. Two storages may share bytes where one's life ends before the other's begins; large ones are placed
 * first, each at the lowest offset that is free during its life (Pisarchyk and Lee, "Efficient Memory Management for Deep Neural Net
 * Inference", 2020: greedy by size). */
#include "graph/plan.h"

#include <stdlib.h>
#include <string.h>

static void live(struct dli_plan *p, int32_t value, int32_t time)
{
    const int32_t s = p->values[value].storage;
    if (s == DLI_NOWHERE)
        return;
    struct dli_storage *st = &p->storages[s];
    if (st->first < 0 || time < st->first)
        st->first = time;
    if (time > st->last)
        st->last = time;
}

static bool pinned(const struct dli_plan *p, int32_t storage)
{
    for (int32_t k = 0; k < p->n_outputs; k++)
        if (p->values[p->outputs[k]].storage == storage)
            return true;
    return false;
}

/* Where a step may write over its first input and nobody needs that afterwards, both become one storage. */
static void share_in_place(struct dli_plan *p)
{
    for (int32_t i = 0; i < p->n_steps; i++) {
        struct dli_step *s = &p->steps[i];
        if (s->kind != DLI_STEP_OP || !(s->op->flags & DLI_OP_INPLACE) || s->n_in < 1)
            continue;
        const struct dli_value *in = &p->values[s->in[0]], *out = &p->values[s->out];
        if (in->storage == DLI_NOWHERE || in->storage == out->storage || in->floats != out->floats || in->layout != out->layout ||
            p->storages[in->storage].last != i || pinned(p, in->storage))
            continue;
        bool read_twice = false;
        for (int32_t k = 1; k < s->n_in; k++)
            read_twice = read_twice || p->values[s->in[k]].storage == in->storage;
        if (read_twice)
            continue;
        const int32_t from = out->storage, to = in->storage;
        if (p->storages[from].last > p->storages[to].last)
            p->storages[to].last = p->storages[from].last;
        p->storages[from].first = p->storages[from].last = -1;
        for (int32_t v = 0; v < p->n_values; v++)
            if (p->values[v].storage == from)
                p->values[v].storage = to;
    }
}

static bool overlap(const struct dli_storage *a, const struct dli_storage *b) { return a->first <= b->last && b->first <= a->last; }

struct order {
    size_t bytes;
    int32_t index;
};

static int larger_first(const void *a, const void *b)
{
    const struct order *x = a, *y = b;
    if (x->bytes != y->bytes)
        return x->bytes < y->bytes ? 1 : -1;
    return x->index < y->index ? -1 : 1;
}

static size_t aligned(size_t bytes) { return (bytes + DLI_ALIGN - 1) / DLI_ALIGN * DLI_ALIGN; }

dl4c_status dli_plan_place(struct dli_plan *p, struct dl4c_error *err)
{
    for (int32_t i = 0; i < p->n_steps; i++) {
        struct dli_step *s = &p->steps[i];
        live(p, s->out, i);
        for (int32_t k = 0; k < s->n_in; k++) {
            live(p, s->in[k], i);
            if (s->runs_in != DLI_NOWHERE)
                live(p, s->in[k], s->runs_in);
        }
        if (s->scratch_bytes > 0 && s->scratch == DLI_NOWHERE) {
            s->scratch = dli_plan_storage(p, s->scratch_bytes, i, i, err);
            if (s->scratch < 0)
                return dli_alloc_status();
        }
    }
    for (int32_t k = 0; k < p->n_outputs; k++)
        live(p, p->outputs[k], p->timeline);
    share_in_place(p);

    struct order *by_size = dli_array(p->ctx, (size_t)p->n_storages + 1, sizeof *by_size, err);
    int32_t *placed = by_size ? dli_array(p->ctx, (size_t)p->n_storages + 1, sizeof *placed, err) : NULL;
    if (!placed) {
        dli_free(by_size);
        return dli_alloc_status();
    }
    int32_t n = 0, n_placed = 0;
    for (int32_t i = 0; i < p->n_storages; i++)
        if (p->storages[i].first >= 0)
            by_size[n++] = (struct order){ p->storages[i].bytes, i };
    qsort(by_size, (size_t)n, sizeof *by_size, larger_first);
    p->arena_bytes = 0;
    /* placed stays sorted by offset, so that gaps are found in one pass */
    for (int32_t i = 0; i < n; i++) {
        struct dli_storage *st = &p->storages[by_size[i].index];
        size_t offset = 0;
        for (int32_t k = 0; k < n_placed; k++) {
            const struct dli_storage *other = &p->storages[placed[k]];
            if (!overlap(st, other))
                continue;
            if (other->offset >= offset && other->offset - offset >= st->bytes)
                break;
            const size_t end = other->offset + aligned(other->bytes);
            if (end > offset)
                offset = end;
        }
        st->offset = offset;
        int32_t at = n_placed++;
        for (; at > 0 && p->storages[placed[at - 1]].offset > offset; at--)
            placed[at] = placed[at - 1];
        placed[at] = by_size[i].index;
        size_t end;
        if (!dli_add_size(offset, aligned(st->bytes), &end)) {
            dli_free(by_size);
            dli_free(placed);
            return dli_fail(err, DL4C_E_LIMIT, "session", "the plan needs more memory than can be addressed");
        }
        if (end > p->arena_bytes)
            p->arena_bytes = end;
    }
    dli_free(by_size);
    dli_free(placed);
    return DL4C_OK;
}
