/* SPDX-License-Identifier: Apache-2.0 */
/* Convolution of float images: a plan for one layer, its packed weights, running it, and the gradients. */
#ifndef DLI_KERNELS_CONV_H
#define DLI_KERNELS_CONV_H

#include "base/context.h"

/* One layer. Bottom and right padding follow from h_out and w_out: whatever lies outside the image reads as zero. A kernel that
 * starts past the image is allowed; with DLI_CONV_PLAIN and in gradients also a negative padding, which skips the first pixels. */
struct dli_conv_shape {
    int64_t c_in, h_in, w_in, c_out, h_out, w_out;
    int32_t kh, kw, sh, sw, dh, dw, pad_top, pad_left, groups;
};

enum { DLI_CONV_ACT_NONE, DLI_CONV_ACT_RELU, DLI_CONV_ACT_CLIP };

/* What follows the convolution in the same pass: y = pool(act(conv + bias + addend)). */
struct dli_conv_fuse {
    int32_t act;  /* DLI_CONV_ACT_* */
    float lo, hi; /* CLIP: least and greatest result */
    bool pool2;   /* 2x2 max pooling of stride 2: the output is floor(h_out / 2) x floor(w_out / 2) */
    bool add;     /* an addend in the layout and shape of the unpooled output */
};

enum {
    DLI_CONV_LOW_MEMORY = 1, /* packed weights not larger than the weights themselves, up to padding; some layers run slower */
    DLI_CONV_PLAIN = 2,      /* input and output in the plain layout, as training wants them */
    DLI_CONV_TRANSPOSED = 4  /* with PLAIN and DLI_CONV_WINOGRAD_PLAIN only: w is that of the convolution whose data gradient this one
                              * computes, [c_in, c_out, kh, kw] with its taps reversed */
};

/* DL4C_PRECISION_* of a plan. Weights stored in fewer bits are those of Winograd's and the direct kernels; other algorithms, of few
 * channels or in groups, keep floats, and so does DLI_CONV_PLAIN. With stored weights the result has the bits of an f32 plan of
 * DLI_CONV_LOW_MEMORY for the rounded weights. */

enum {
    DLI_CONV_WINOGRAD,
    DLI_CONV_DIRECT,
    DLI_CONV_POINT,
    DLI_CONV_FIRST,
    DLI_CONV_DEPTHWISE,
    DLI_CONV_IM2COL,
    DLI_CONV_WINOGRAD_PLAIN /* converts on the way in and out */
};

struct dli_conv_plan {
    struct dli_conv_shape shape;
    struct dli_conv_fuse fuse;
    int32_t algorithm;             /* DLI_CONV_WINOGRAD ... */
    int32_t in_layout, out_layout; /* DLI_LAYOUT_* of layout.h; an addend has the output's */
    int32_t blas;                  /* DLI_BLAS_* */
    uint64_t pack_key;             /* plans with equal keys take each other's packed weights */
    size_t packed_bytes, scratch_bytes;
    int32_t workers; /* that scratch_bytes is for */
    int32_t precision; /* DL4C_PRECISION_*: what the plan does, f32 where its algorithm knows nothing else */
    int64_t tune[8]; /* of the algorithm: see its file */
};

/* Whether a plan for this shape does all of f itself. With DLI_CONV_PLAIN no plan pools. */
bool dli_conv_can_fuse(const struct dli_conv_shape *s, const struct dli_conv_fuse *f);

/* Chooses the algorithm from the shape, the flags and the kernel table alone, never from a batch. `f` may be NULL: nothing fused.
 * DL4C_E_INVALID for a shape that makes no sense or an f that can't be fused, DL4C_E_LIMIT where sizes overflow. */
dl4c_status dli_conv_plan(const struct dli_conv_shape *s, const struct dli_conv_fuse *f, uint32_t flags, int32_t blas, int32_t workers,
                          struct dli_conv_plan *plan, struct dl4c_error *err);
/* The same in a DL4C_PRECISION_* that dl4c_precision_check allows. */
dl4c_status dli_conv_plan_precision(const struct dli_conv_shape *s, const struct dli_conv_fuse *f, uint32_t flags, int32_t precision,
                                    int32_t blas, int32_t workers, struct dli_conv_plan *plan, struct dl4c_error *err);

/* w: [c_out, c_in / groups, kh, kw] floats at any alignment; scale: NULL or [c_out], multiplied in; packed: plan->packed_bytes,
 * 64-byte aligned. */
void dli_conv_pack(const struct dli_conv_plan *p, dl4c_context *ctx, int32_t threads, const void *w, const float *scale, void *packed);

/* n images. bias: NULL or [c_out]. addend: read where the plan fuses an addition; may be y itself unless pooling is fused. scratch:
 * plan->scratch_bytes, 64-byte aligned, for calls whose dli_parallel_width is at most plan->workers. Bits of an image's result
 * depend on that image alone. Lanes of a blocked output past c_out get finite values. */
void dli_conv_run(const struct dli_conv_plan *p, dl4c_context *ctx, int32_t threads, int64_t n, const void *packed, const float *bias,
                  const float *x, const float *addend, float *y, void *scratch);

/* Whether dli_conv_run_apart may be called for this plan: one whose output is blocked, without an addend, and not depthwise. */
bool dli_conv_can_run_apart(const struct dli_conv_plan *p);
/* The same with y_image floats between images of y, which lie between others' then. */
void dli_conv_run_apart(const struct dli_conv_plan *p, dl4c_context *ctx, int32_t threads, int64_t n, const void *packed, const float *bias,
                        const float *x, float *y, int64_t y_image, void *scratch);

/* Layers that follow each other as one: a point convolution, or that of an image of few channels, or none; a depthwise one; a point
 * convolution, as networks for small machines are made of. What lies between them stays in the caches. The same bits as one after the
 * other. */
struct dli_conv_block {
    const struct dli_conv_plan *expand, *depthwise, *project; /* expand: NULL where there is none */
    int64_t rows;                                             /* of the output, that are worked on at once */
    int64_t each, shared;                                     /* floats of scratch: a worker's, and all workers' */
    size_t scratch_bytes;
};

/* False where the layers, 2 or 3, are not of this kind. The plans must outlive the block. */
bool dli_conv_block_plan(const struct dli_conv_plan *const *layers, int32_t n, struct dli_conv_block *b);

/* packed and bias: of each layer, in order; the rest as in dli_conv_run. The addend is the last layer's. */
void dli_conv_block_run(const struct dli_conv_block *b, dl4c_context *ctx, int32_t threads, int64_t n, const void *const *packed,
                        const float *const *bias, const float *x, const float *addend, float *y, void *scratch);

/* Gradients, all tensors plain. Scratch in bytes, 64-byte aligned; SIZE_MAX where it overflows. Sums over the batch run in index
 * order. */
size_t dli_conv_backward_scratch(const struct dli_conv_shape *s, int64_t n, int32_t workers);
void dli_conv_backward_data(const struct dli_conv_shape *s, dl4c_context *ctx, int32_t threads, int32_t blas, int64_t n, const float *w,
                            const float *dy, float *dx, void *scratch); /* overwrites dx */
void dli_conv_backward_weights(const struct dli_conv_shape *s, dl4c_context *ctx, int32_t threads, int32_t blas, int64_t n, const float *x,
                               const float *dy, float *dw, float *db, void *scratch); /* overwrites dw and, unless NULL, db */

#endif
