/* SPDX-License-Identifier: Apache-2.0 */
/* The two layouts of activations, and the ways between them. Public tensors are plain; blocked ones live inside a session. */
#ifndef DLI_KERNELS_LAYOUT_H
#define DLI_KERNELS_LAYOUT_H

#include "base/context.h"

enum {
    DLI_PLAIN = 0,   /* [n, c, h, w], contiguous */
    DLI_BLOCKED = 1, /* [n, ceil(c / B), h, w, B] with B = dli_kernels()->block. The lanes past channel c are padding: the conversion
                      * writes 0, other kernels write any finite value, nobody relies on it. */
};

/* Floats of one image in the blocked layout. c * hw must fit int64_t with a factor of 16 to spare. */
int64_t dli_blocked_size(int64_t c, int64_t hw);

/* n images of c channels of hw pixels. x and y do not overlap. */
void dli_layout_to_blocked(dl4c_context *ctx, int32_t threads, float *y, const float *x, int64_t n, int64_t c, int64_t hw);
void dli_layout_to_plain(dl4c_context *ctx, int32_t threads, float *y, const float *x, int64_t n, int64_t c, int64_t hw);

#endif
