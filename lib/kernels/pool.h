/* SPDX-License-Identifier: Apache-2.0 */
/* Maximum and average pooling, windowed and global. */
#ifndef DLI_KERNELS_POOL_H
#define DLI_KERNELS_POOL_H

#include "base/context.h"
#include "kernels/layout.h"

enum { DLI_POOL_MAX = 0, DLI_POOL_AVERAGE = 1 };

/* Images [n, c, h, w] to [n, c, oh, ow]; sizes are counted in pixels, pads are those at the top and left. Output (i, j) looks at rows
 * i * stride_h - pad_h + a * dilation_h, a = 0 ... kernel_h - 1, and columns alike, as far as they are in the image.
 *
 * Maximum: NaN wins over every number. Average: the sum in scan order (rows, then columns), divided by the number of cells in the image
 * or, with include_pad, of those in the padded image (h + pad_h + pad_h_end rows; a window that hangs over that end counts no more).
 * A window without a cell in the image gives 0. */
struct dli_pooling {
    int32_t kind; /* DLI_POOL_* */
    bool include_pad;
    int64_t n, c, h, w, oh, ow;
    int64_t kernel_h, kernel_w, stride_h, stride_w, dilation_h, dilation_w; /* at least 1 */
    int64_t pad_h, pad_w, pad_h_end, pad_w_end;                             /* at least 0; the ends matter for include_pad only */
};

/* x and y in `layout` (layout.h), not overlapping. */
void dli_pool_run(dl4c_context *ctx, int32_t threads, const struct dli_pooling *p, int32_t layout, const float *x, float *y);

/* Plain layout: dx = the gradient of the input, written whole. Maximum: dy goes to the first maximum of the window in scan order (the
 * first NaN where there is one); average: to all cells in the image, divided as above. x is not read for averages. */
void dli_pool_backward(dl4c_context *ctx, int32_t threads, const struct dli_pooling *p, const float *x, const float *dy, float *dx);

/* Plain layout: (sum |x|^power)^(1 / power) of the cells of each window that are in the image; power 0: the sum of x itself. `kind` and
 * `include_pad` do not matter. Backward overwrites dx; x is not read for power 0; where the sum is 0 no gradient passes. */
void dli_pool_norm(dl4c_context *ctx, int32_t threads, const struct dli_pooling *p, int64_t power, const float *x, float *y);
void dli_pool_norm_backward(dl4c_context *ctx, int32_t threads, const struct dli_pooling *p, int64_t power, const float *x,
                            const float *dy, float *dx);

/* y[n, c], plain, from x in `layout` over all hw pixels of a channel. The average's sum has a fixed order for a given hw and
 * layout: lane by lane, then the lanes in a tree. */
void dli_pool_global(dl4c_context *ctx, int32_t threads, int32_t kind, int32_t layout, int64_t n, int64_t c, int64_t hw, const float *x,
                     float *y);

/* Plain layout: dx[n, c, hw] from dy[n, c]; the first maximum takes all, or every cell dy / hw. */
void dli_pool_global_backward(dl4c_context *ctx, int32_t threads, int32_t kind, int64_t n, int64_t c, int64_t hw, const float *x,
                              const float *dy, float *dx);

#endif
