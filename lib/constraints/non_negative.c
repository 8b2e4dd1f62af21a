/* SPDX-License-Identifier: Apache-2.0 */
/* non_negative: max(w, 0). */
#include "constraints/constraint.h"

static const struct dli_attr attrs[] = { DLI_CONSTRAINT_PARAMS, { 0 } };

static float element(const void *attr, float w)
{
    (void)attr;
    return w < 0 ? 0 : w; /* NaN stays */
}

const struct dli_constraint dli_constraint_non_negative = {
    .name = "non_negative",
    .doc = "Nothing below 0.",
    .dl4j = "NonNegativeConstraint",
    .attrs = attrs,
    .attrs_size = sizeof(struct dli_constraint_head),
    .element = element,
};
