/* SPDX-License-Identifier: Apache-2.0 */
/* How far a window slides over an image: output size and padding of convolution and pooling. */
#ifndef DLI_OPS_EXTENT_H
#define DLI_OPS_EXTENT_H

#include "ops/op.h"

enum { DLI_MODE_TRUNCATE, DLI_MODE_STRICT, DLI_MODE_SAME, DLI_MODE_SAME_LOWER };
extern const char *const dli_mode_words[];

/* The attributes that conv2d and the pooling operators have in common; [0] is along the height, [1] along the width. */
struct dli_extent {
    int64_t kernel[2], stride[2], padding[2], padding_end[2], dilation[2];
    int32_t mode, reserved;
};
/* Rows of an attribute table for a struct dli_extent at `at` of S, a struct. */
#define DLI_EXTENT_ATTRS(S, at) \
    { .name = "padding", .type = DL4C_ATTR_INTS, .count = 2, .offset = offsetof(S, at.padding), .min = 0, .max = 65536, \
      .doc = "rows and columns of padding at the top and left; the modes same and same_lower choose their own" }, \
    { .name = "padding_end", .type = DL4C_ATTR_INTS, .count = 2, .offset = offsetof(S, at.padding_end), .def = -1, .min = -1, \
      .max = 65536, .doc = "the same at the bottom and right; -1: as at the top and left" }, \
    { .name = "dilation", .type = DL4C_ATTR_INTS, .count = 2, .offset = offsetof(S, at.dilation), .def = 1, .min = 1, .max = 65536, \
      .doc = "distance between neighbouring cells of the kernel" }, \
    { \
        .name = "mode", .type = DL4C_ATTR_STR, .offset = offsetof(S, at.mode), .def_text = "truncate", .choices = dli_mode_words, \
        .doc = "what happens where the stride does not divide the image: truncate drops the rest, strict refuses it, same pads to " \
               "ceil(size / stride) outputs with the odd row at the end, same_lower with the odd row at the start" \
    }

struct dli_extent_size {
    int64_t in, out, pad, pad_end; /* -1, -1, 0, 0: not known yet */
};

/* Along axis 0 (height) or 1 (width), for an input of `in`. `ceil` rounds up instead of truncating, but no window starts behind the
 * image. Fails where no window fits or mode strict is violated. */
dl4c_status dli_extent_size(const struct dli_extent *e, const struct dli_infer *i, const char *op, int32_t axis, bool ceil,
                            struct dli_extent_size *size, struct dl4c_error *err);
/* The same for sizes that were inferred. */
struct dli_extent_size dli_extent_known(const struct dli_extent *e, int32_t axis, int64_t in, int64_t out);

#endif
