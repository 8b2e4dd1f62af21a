/* SPDX-License-Identifier: Apache-2.0 */
/* The steps of a transform: one descriptor each. */
#ifndef DLI_IMAGE_TRANSFORM_H
#define DLI_IMAGE_TRANSFORM_H

#include "base/attrs.h"
#include "base/java_random.h"
#include "base/rng.h"
#include "image/image.h"

/* What a step draws from: DataVec's java.util.Random, and for what it draws from its native generator one of our own. */
struct dli_draws {
    struct dli_java_random java;
    struct dli_rng own;
};

/* The values of every step's attributes. */
struct dli_transform_values {
    int64_t width, height, top, left, bottom, right;
    double angle, center_x, center_y, scale, dx, dy, deltas[8];
    int32_t random, mode, to;
};

struct dli_transform_kind {
    const char *name;
    const struct dli_attr *attrs; /* into struct dli_transform_values */
    dl4c_status (*apply)(const struct dli_transform_values *v, const dl4c_image *img, struct dli_draws *d, dl4c_image **out,
                         struct dl4c_error *err);
};
const struct dli_transform_kind *dli_transform_kind(const char *name);

dl4c_status dli_transform_rotate(const struct dli_transform_values *v, const dl4c_image *img, struct dli_draws *d, dl4c_image **out,
                                 struct dl4c_error *err);
dl4c_status dli_transform_warp(const struct dli_transform_values *v, const dl4c_image *img, struct dli_draws *d, dl4c_image **out,
                               struct dl4c_error *err);

/* 2 * nextFloat() - 1, or 1 where nothing is drawn. */
float dli_transform_factor(const struct dli_transform_values *v, struct dli_draws *d);

#endif
