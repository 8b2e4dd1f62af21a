/* SPDX-License-Identifier: Apache-2.0 */
/* Which cells of the image a pooling window covers. */
#ifndef DLI_KERNELS_POOL_WINDOW_H
#define DLI_KERNELS_POOL_WINDOW_H

#include "kernels/pool.h"

struct dli_window {   /* along one direction */
    int64_t start, n; /* the first cell in the image, and how many there are, `dilation` apart */
    int64_t with_pad; /* how many of the window lie in the padded image */
};

static inline int64_t dli_window_upto(int64_t from, int64_t end, int64_t kernel, int64_t dilation)
{
    if (from >= end)
        return 0;
    const int64_t fit = (end - from + dilation - 1) / dilation;
    return fit < kernel ? fit : kernel;
}

static inline struct dli_window dli_window_make(int64_t out, int64_t size, int64_t kernel, int64_t stride, int64_t dilation, int64_t pad,
                                                int64_t pad_end)
{
    const int64_t from = out * stride - pad;
    if (from >= 0 && from + (kernel - 1) * dilation < size) /* nearly always: the divisions below cost more than a window */
        return (struct dli_window){ from, kernel, kernel };
    const int64_t before = from < 0 ? (-from + dilation - 1) / dilation : 0; /* cells left of the image */
    struct dli_window w = { from + before * dilation, 0, dli_window_upto(from, size + pad_end, kernel, dilation) };
    const int64_t upto = dli_window_upto(from, size, kernel, dilation);
    w.n = upto > before ? upto - before : 0;
    if (w.n == 0)
        w.start = 0;
    return w;
}

static inline struct dli_window dli_window_h(const struct dli_pooling *p, int64_t i)
{
    return dli_window_make(i, p->h, p->kernel_h, p->stride_h, p->dilation_h, p->pad_h, p->pad_h_end);
}

static inline struct dli_window dli_window_w(const struct dli_pooling *p, int64_t j)
{
    return dli_window_make(j, p->w, p->kernel_w, p->stride_w, p->dilation_w, p->pad_w, p->pad_w_end);
}

/* What the sum of a window with cells in the image is divided by. */
static inline float dli_window_cells(const struct dli_pooling *p, const struct dli_window *rows, const struct dli_window *cols)
{
    return p->include_pad ? (float)(rows->with_pad * cols->with_pad) : (float)(rows->n * cols->n);
}

#endif
