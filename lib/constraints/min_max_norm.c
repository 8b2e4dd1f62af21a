/* SPDX-License-Identifier: Apache-2.0 */
/* min_max_norm: w * f with f = min(max(norm, min), max) / (norm + epsilon); with a rate below 1 it is rate f + (1 - rate) (norm + epsilon),
 * as Deeplearning4j has it. */
#include "constraints/constraint.h"

struct min_max_norm {
    struct dli_constraint_head head;
    double min, max, rate;
};

static const struct dli_attr attrs[] = {
    DLI_CONSTRAINT_HEAD,
    { .name = "min",
      .type = DL4C_ATTR_FLOAT,
      .required = true,
      .offset = offsetof(struct min_max_norm, min),
      .min = 0,
      .max = 1e30,
      .doc = "least norm" },
    { .name = "max",
      .type = DL4C_ATTR_FLOAT,
      .required = true,
      .offset = offsetof(struct min_max_norm, max),
      .min = 0,
      .max = 1e30,
      .doc = "greatest norm" },
    { .name = "rate",
      .type = DL4C_ATTR_FLOAT,
      .offset = offsetof(struct min_max_norm, rate),
      .def = 1,
      .min = 1e-30,
      .max = 1,
      .doc = "share of the constraint in each step" },
    { 0 },
};

static double factor(const void *attr, double norm)
{
    const struct min_max_norm *a = attr;
    const double clipped = norm < a->min ? a->min : norm > a->max ? a->max : norm, all = norm + a->head.epsilon;
    return a->rate == 1 ? clipped / all : a->rate * (clipped / all) + (1 - a->rate) * all;
}

const struct dli_constraint dli_constraint_min_max_norm = {
    .name = "min_max_norm",
    .doc = "Norms between two numbers.",
    .dl4j = "MinMaxNormConstraint",
    .attrs = attrs,
    .attrs_size = sizeof(struct min_max_norm),
    .factor = factor,
};
