/* SPDX-License-Identifier: Apache-2.0 */
/* Convolution as its definition says, in double, and layers for the convolution tests. */
#ifndef DLI_TESTS_KERNELS_CONV_REFERENCE_H
#define DLI_TESTS_KERNELS_CONV_REFERENCE_H

#include "kernels/check.h"
#include "kernels/conv.h"
#include <stdlib.h>

/* A layer with the same kernel, stride, dilation and padding in both directions. */
static inline struct dli_conv_shape square(int64_t c_in, int64_t h, int64_t w, int64_t c_out, int32_t k, int32_t stride, int32_t dilation,
                                           int32_t pad, int32_t groups)
{
    const int32_t reach = (k - 1) * dilation + 1;
    return (struct dli_conv_shape){ c_in, h, w, c_out, (h + 2 * pad - reach) / stride + 1, (w + 2 * pad - reach) / stride + 1,
                                    k, k, stride, stride, dilation, dilation, pad, pad, groups };
}

static inline int64_t x_size(const struct dli_conv_shape *s) { return s->c_in * s->h_in * s->w_in; }
static inline int64_t y_size(const struct dli_conv_shape *s) { return s->c_out * s->h_out * s->w_out; }
static inline int64_t w_size(const struct dli_conv_shape *s) { return s->c_out * (s->c_in / s->groups) * s->kh * s->kw; }

/* Calls visit(arg, index in x, index in w, index in y) for every product of one image. */
static inline void each_product(const struct dli_conv_shape *s, void (*visit)(void *, int64_t, int64_t, int64_t), void *arg)
{
    const int64_t in = s->c_in / s->groups, out = s->c_out / s->groups;
    for (int64_t o = 0; o < s->c_out; o++)
        for (int64_t oy = 0; oy < s->h_out; oy++)
            for (int64_t ox = 0; ox < s->w_out; ox++)
                for (int64_t c = 0; c < in; c++)
                    for (int64_t ky = 0; ky < s->kh; ky++)
                        for (int64_t kx = 0; kx < s->kw; kx++) {
                            const int64_t y = oy * s->sh + ky * s->dh - s->pad_top, x = ox * s->sw + kx * s->dw - s->pad_left;
                            if (y >= 0 && y < s->h_in && x >= 0 && x < s->w_in)
                                visit(arg, ((o / out * in + c) * s->h_in + y) * s->w_in + x, ((o * in + c) * s->kh + ky) * s->kw + kx,
                                      (o * s->h_out + oy) * s->w_out + ox);
                        }
}

#endif
