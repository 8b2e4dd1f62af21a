/* SPDX-License-Identifier: Apache-2.0 */
/* unit_norm: w / norm; epsilon is not used. What has no length stays. */
#include "constraints/constraint.h"

static const struct dli_attr attrs[] = { DLI_CONSTRAINT_HEAD, { 0 } };

static double factor(const void *attr, double norm)
{
    (void)attr;
    return norm == 0 ? 1 : 1 / norm;
}

const struct dli_constraint dli_constraint_unit_norm = {
    .name = "unit_norm",
    .doc = "Norms of 1.",
    .dl4j = "UnitNormConstraint",
    .attrs = attrs,
    .attrs_size = sizeof(struct dli_constraint_head),
    .factor = factor,
};
