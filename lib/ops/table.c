/* SPDX-License-Identifier: Apache-2.0 */
/* The operators of this build, in the order of their names. */
#include "ops/op.h"

#include <string.h>

#define DLI_OP(name) extern const struct dli_op dli_op_##name;
#include "op_list.inc"
#undef DLI_OP

static const struct dli_op *const table[] = {
#define DLI_OP(name) &dli_op_##name,
#include "op_list.inc"
#undef DLI_OP
};

int32_t dli_op_count(void) { return (int32_t)(sizeof table / sizeof *table); }

const struct dli_op *dli_op_at(int32_t i) { return i >= 0 && i < dli_op_count() ? table[i] : NULL; }

const struct dli_op *dli_op_find(const char *name)
{
    int32_t low = 0, high = dli_op_count();
    while (low < high) {
        const int32_t middle = low + (high - low) / 2;
        const int order = strcmp(name, table[middle]->name);
        if (order == 0)
            return table[middle];
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}

bool dli_op_kind(int32_t i, struct dli_kind_entry *e)
{
    const struct dli_op *op = dli_op_at(i);
    if (!op)
        return false;
    *e = (struct dli_kind_entry){ op->name, op->doc, op->attrs, op->min_inputs, op->max_inputs, (op->flags & DLI_OP_LAYER) != 0 };
    return true;
}
