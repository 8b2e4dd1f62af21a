/* SPDX-License-Identifier: Apache-2.0 */
/* How loops are cut into tasks of dli_parallel. Tasks only say who computes an output, never how: no bit depends on the cut. */
#ifndef DLI_KERNELS_SPLIT_H
#define DLI_KERNELS_SPLIT_H

#include <stddef.h>
#include <stdint.h>

/* Work below this many elements is not worth waking a second thread: some 10 microseconds of streaming. */
enum { DLI_TASK_ELEMENTS = 16384 };

struct dli_split {
    int64_t items, per_task;
    size_t n_tasks;
};

/* Cuts `items` of `elements` floats each into tasks of at least DLI_TASK_ELEMENTS floats. No items, no tasks. */
static inline struct dli_split dli_split_items(int64_t items, int64_t elements)
{
    const int64_t each = elements > 0 ? elements : 1;
    const int64_t per_task = each >= DLI_TASK_ELEMENTS ? 1 : (DLI_TASK_ELEMENTS + each - 1) / each;
    const struct dli_split s = { items, per_task, items > 0 ? (size_t)((items + per_task - 1) / per_task) : 0 };
    return s;
}

/* The items [*first, *last) of a task. */
static inline void dli_split_range(const struct dli_split *s, size_t task, int64_t *first, int64_t *last)
{
    *first = (int64_t)task * s->per_task;
    *last = s->items - *first > s->per_task ? *first + s->per_task : s->items;
}

#endif
