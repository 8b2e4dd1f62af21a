/* SPDX-License-Identifier: Apache-2.0 */
/* The losses of this build, in the order of their names. */
#include "losses/loss.h"

#include <string.h>

#define DLI_LOSS(name) extern const struct dli_loss dli_loss_##name;
#include "loss_list.inc"
#undef DLI_LOSS

static const struct dli_loss *const table[] = {
#define DLI_LOSS(name) &dli_loss_##name,
#include "loss_list.inc"
#undef DLI_LOSS
};
enum { COUNT = sizeof table / sizeof *table };

const struct dli_loss *dli_loss_find(const char *name)
{
    for (int32_t i = 0; i < COUNT; i++)
        if (strcmp(table[i]->name, name) == 0)
            return table[i];
    return NULL;
}

bool dli_loss_kind(int32_t i, struct dli_kind_entry *e)
{
    if (i < 0 || i >= COUNT)
        return false;
    *e = (struct dli_kind_entry){ .name = table[i]->name, .doc = table[i]->doc, .attrs = table[i]->attrs };
    return true;
}
