/* SPDX-License-Identifier: Apache-2.0 */
/* What depthwise_conv2d and separable_conv2d share: every channel by itself to `multiplier` channels, with weights in one of the orders
 * that Deeplearning4j has for them. Channel c gives the channels c * multiplier ... of the result. */
#ifndef DLI_OPS_DEPTHWISE_H
#define DLI_OPS_DEPTHWISE_H

#include "kernels/conv.h"
#include "ops/extent.h"
#include "ops/support.h"

struct dli_depth_attrs {
    int64_t multiplier;
    struct dli_extent extent;
    int64_t has_bias, n_in;
};
/* Rows of an attribute table for a struct dli_depth_attrs at `at` of S, a struct. */
#define DLI_DEPTH_ATTRS(S, at)                                                                                                             \
    { .name = "multiplier",                                                                                                                \
      .type = DL4C_ATTR_INT,                                                                                                               \
      .offset = offsetof(S, at.multiplier),                                                                                                \
      .def = 1,                                                                                                                            \
      .min = 1,                                                                                                                            \
      .max = 65536,                                                                                                                        \
      .doc = "results for each input channel" },                                                                                           \
        { .name = "kernel",                                                                                                                \
          .type = DL4C_ATTR_INTS,                                                                                                          \
          .required = true,                                                                                                                \
          .count = 2,                                                                                                                      \
          .offset = offsetof(S, at.extent.kernel),                                                                                         \
          .def = 1,                                                                                                                        \
          .min = 1,                                                                                                                        \
          .max = 65536,                                                                                                                    \
          .doc = "height and width of the kernel" },                                                                                       \
        { .name = "stride",                                                                                                                \
          .type = DL4C_ATTR_INTS,                                                                                                          \
          .count = 2,                                                                                                                      \
          .offset = offsetof(S, at.extent.stride),                                                                                         \
          .def = 1,                                                                                                                        \
          .min = 1,                                                                                                                        \
          .max = 65536,                                                                                                                    \
          .doc = "step down and to the right" },                                                                                           \
        DLI_EXTENT_ATTRS(S, at.extent),                                                                                                    \
        { .name = "has_bias",                                                                                                              \
          .type = DL4C_ATTR_INT,                                                                                                           \
          .offset = offsetof(S, at.has_bias),                                                                                              \
          .def = 1,                                                                                                                        \
          .min = 0,                                                                                                                        \
          .max = 1,                                                                                                                        \
          .doc = "whether there is a bias" },                                                                                              \
    {                                                                                                                                      \
        .name = "n_in", .type = DL4C_ATTR_INT, .offset = offsetof(S, at.n_in), .min = 0, .max = 1 << 24,                                   \
        .doc = "input channels; 0: as the input has"                                                                                       \
    }

enum dli_depth_order {
    DLI_DEPTH_LAST, /* [kh, kw, c, multiplier] */
    DLI_DEPTH_FIRST /* [multiplier, c, kh, kw] */
};

/* The kernels' description of one layer. */
struct dli_depth {
    int64_t c, multiplier, cells; /* of a kernel */
    enum dli_depth_order order;
    struct dli_conv_shape shape;
};

/* Channels in, and height and width of the result; both -1 where the input's are not known. */
dl4c_status dli_depth_infer(const struct dli_depth_attrs *a, struct dli_infer *i, const char *op, int64_t *c, int64_t size[2],
                            struct dl4c_error *err);
struct dli_depth dli_depth_of(const struct dli_depth_attrs *a, const struct dli_shape *in, int64_t oh, int64_t ow,
                              enum dli_depth_order order);
static inline int64_t dli_depth_floats(const struct dli_depth *d) { return d->c * d->multiplier * d->cells; }
/* Weights at any address to the kernels' order [c * multiplier, 1, kh, kw], and a gradient back. */
void dli_depth_weights(const struct dli_depth *d, const void *w, float *plain);
void dli_depth_gradient(const struct dli_depth *d, const float *plain, float *dw);

#endif
