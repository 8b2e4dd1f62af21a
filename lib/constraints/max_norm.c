/* SPDX-License-Identifier: Apache-2.0 */
/* max_norm: w * min(norm, max) / (norm + epsilon): below the maximum w shrinks by epsilon, too, as Deeplearning4j has it. */
#include "constraints/constraint.h"

struct max_norm {
    struct dli_constraint_head head;
    double max_norm;
};

static const struct dli_attr attrs[] = {
    DLI_CONSTRAINT_HEAD,
    { .name = "max_norm",
      .type = DL4C_ATTR_FLOAT,
      .required = true,
      .offset = offsetof(struct max_norm, max_norm),
      .min = 0,
      .max = 1e30,
      .doc = "greatest norm" },
    { 0 },
};

static double factor(const void *attr, double norm)
{
    const struct max_norm *a = attr;
    return (norm > a->max_norm ? a->max_norm : norm) / (norm + a->head.epsilon);
}

const struct dli_constraint dli_constraint_max_norm = {
    .name = "max_norm",
    .doc = "Norms of at most a number.",
    .dl4j = "MaxNormConstraint",
    .attrs = attrs,
    .attrs_size = sizeof(struct max_norm),
    .factor = factor,
};
