/* SPDX-License-Identifier: Apache-2.0 */
/* The kernel table: inner loops, one implementation per instruction set. Operators call the functions of layout.h, gemm.h, dense.h,
 * conv.h, pool.h, elementwise.h and softmax.h, which split the work over threads and call the table. */
#ifndef DLI_KERNELS_KERNELS_H
#define DLI_KERNELS_KERNELS_H

#include "kernels/update.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct dli_axis;
struct dli_conv_kernels;
struct dli_conv_multiply;
struct dli_pixel_floats;
struct dli_pooling;
struct dli_unary;

/* Every pointer is always set, but for those of bfloat16 arithmetic, the last ones. No kernel fails, allocates or touches a byte outside
 * its arguments; none asks for padding or, unless it says so, for more alignment than a float's. What a kernel computes is said where
 * its caller is declared. */
struct dli_kernels {
    const char *name; /* "generic", "avx2", "avx512": the instruction set of the last filling */
    int32_t block;    /* channels of a block of the blocked layout (layout.h): 16 with avx512, else 8 */

    /* layout.h: one block of one image, [channels, hw] to and from [hw, block]; 1 <= channels <= block. */
    void (*to_blocked)(int64_t block, float *y, const float *x, int64_t channels, int64_t hw);
    void (*to_plain)(int64_t block, float *y, const float *x, int64_t channels, int64_t hw);

    /* gemm.h. A tile of C, rows <= gemm_mr by cols <= gemm_nr, = (accumulate: +=) the sum over k in index order of packed panels
     * a[k][gemm_mr] and b[k][gemm_nr], which are aligned to DLI_ALIGN. */
    int64_t gemm_mr, gemm_nr;
    void (*gemm)(int64_t k, const float *a, const float *b, float *c, int64_t ldc, int64_t rows, int64_t cols, bool accumulate);
    /* Panels of `width`, k * width floats each: number i / width holds src[i * step_i + p * step_p] at [p][i % width], i < n, p < k;
     * what is left of the last one is 0. One of the steps is 1; src unaligned. */
    void (*gemm_pack)(float *panel, int64_t width, const void *src, int64_t n, int64_t k, int64_t step_i, int64_t step_p);
    /* sum[cols] = the sum over k in index order of a[p * step_a] * b[p * ldb ...]; the same bits as a tile. a and b unaligned. */
    void (*gemm_row)(int64_t k, const void *a, int64_t step_a, const void *b, int64_t ldb, int64_t cols, float *sum);

    /* dense.h: y[r * ldy + o] = (accumulate: +=) dot(x + r * ldx, w + o * ldw, k), k at most a chunk; ldw in floats, w unaligned. */
    void (*dense)(int64_t rows, int64_t outs, int64_t k, const float *x, int64_t ldx, const void *w, int64_t ldw, float *y, int64_t ldy,
                  bool accumulate);
    /* The same with weights stored in fewer bits (stored.h): bfloat16, or whole numbers -127 to 127 in a byte each. Every lane sums as
     * above, so that y has the bits it would have with the weights as floats. ldw in weights. */
    void (*dense_bf16)(int64_t rows, int64_t outs, int64_t k, const float *x, int64_t ldx, const void *w, int64_t ldw, float *y,
                       int64_t ldy, bool accumulate);
    void (*dense_i8)(int64_t rows, int64_t outs, int64_t k, const float *x, int64_t ldx, const void *w, int64_t ldw, float *y,
                     int64_t ldy, bool accumulate);

    /* stored.h: stored weights as floats; x unaligned. y[i] = x[i]; y[r][c] = x[r][c] * scale[c]. */
    void (*widen_bf16)(int64_t n, const void *x, float *y);
    void (*widen_i8)(int64_t rows, int64_t columns, const void *x, const float *scale, float *y);

    const struct dli_conv_kernels *conv; /* conv_parts.h */

    /* pool.h: rows [first, last) of the outputs of one channel, and of one block of channels. */
    void (*pool_plain)(const struct dli_pooling *p, int64_t first, int64_t last, const float *x, float *y);
    void (*pool_blocked)(int64_t block, const struct dli_pooling *p, int64_t first, int64_t last, const float *x, float *y);
    /* One channel to *y; one block, hw pixels of `block` lanes, to y[block]. */
    void (*pool_global_plain)(int32_t kind, int64_t hw, const float *x, float *y);
    void (*pool_global_blocked)(int64_t block, int32_t kind, int64_t hw, const float *x, float *y);

    /* elementwise.h */
    void (*unary)(const struct dli_unary *u, size_t n, const float *x, float *y);
    void (*unary_backward)(const struct dli_unary *u, size_t n, const float *xy, const float *dy, float *dx);
    void (*binary)(int32_t op, size_t n, const float *a, const float *b, float *y);
    void (*axpy)(size_t n, float alpha, const float *x, float *y);
    void (*scale)(size_t n, float alpha, float beta, const float *x, float *y);
    void (*affine)(size_t n, const float *scale, const float *shift, const float *x, float *y); /* y[i] = scale[i] * x[i] + shift[i] */
    void (*affine_blocked)(int64_t block, int64_t hw, const float *scale, const float *shift, const float *x, float *y); /* [block] each */

    /* convert.h */
    void (*widen_f16)(size_t n, const void *x, void *y);
    void (*narrow_f16)(size_t n, const void *x, void *y);

    /* softmax.h: one row; k at least 1. */
    void (*softmax)(size_t k, const float *x, float *y);
    void (*log_softmax)(size_t k, const float *x, float *y);
    void (*softmax_backward)(size_t k, const float *y, const float *dy, float *dx);

    /* update.h, at [kind - 1]: n parameters in place, with as many vectors of state as the updater has; whether all are finite then. */
    bool (*update[DLI_UPDATE_KINDS - 1])(const struct dli_update_rates *r, size_t n, const float *g, float *const *state, float *w);

    /* mean.h */
    void (*mean)(int64_t n, const float *const *x, const int64_t *weights, int32_t n_x, double total, float *const *y, int32_t n_y);

    /* pixels.h */
    size_t (*pixels_plan2)(const struct dli_axis *a, size_t src_width, int32_t channels, void *plan);
    void (*pixels_across2)(const struct dli_axis *a, const uint8_t *src, size_t src_width, int32_t channels, int16_t *dst);
    void (*pixels_down2)(const int16_t *s0, const int16_t *s1, int32_t w0, int32_t w1, uint8_t *dst, size_t n);
    void (*pixels_across)(const struct dli_axis *a, const uint8_t *src, size_t src_width, int32_t channels, uint8_t *dst);
    void (*pixels_down)(const uint8_t *const *rows, const int32_t *w, int32_t taps, size_t n, uint8_t *dst);
    void (*pixels_float)(const struct dli_pixel_floats *f, const uint8_t *row, size_t n, int32_t channels, float *out, size_t plane);

    /* dense.h: `dense` on pairs of bfloat16, of x and of w, k, ldx and ldw in pairs; a lane adds the products of a pair one after the
     * other. NULL
     * where the CPU has no instruction for it: DL4C_PRECISION_BF16 is not offered there. */
    void (*dense_pairs)(int64_t rows, int64_t outs, int64_t k, const float *x, int64_t ldx, const void *w, int64_t ldw, float *y,
                        int64_t ldy, bool accumulate);

    /* conv_parts.h: `multiply` of tiles' pairs: a is [blocks][tiles][W / 2] and b [blocks * W / 2][vectors * W] pairs, a_step, next_step
     * and next in pairs. NULL likewise. */
    void (*multiply_pairs)(const struct dli_conv_multiply *g);
    /* y[i] = x[i] in bfloat16, to nearest, ties to even; numbers below the normal range become 0, as in products. NULL likewise. */
    void (*narrow_pairs)(int64_t n, const float *x, void *y);
};

/* The table for what the calling thread may use (dli_cpu_flags): filled from generic upward, read-only afterwards. */
const struct dli_kernels *dli_kernels(void);

/* Each replaces the entries that it does better. The last three exist on x86-64 only; tests fill tables of their own with them. */
void dli_kernels_init_generic(struct dli_kernels *t);
void dli_kernels_init_avx2(struct dli_kernels *t);
void dli_kernels_init_avx512(struct dli_kernels *t);
void dli_kernels_init_avx512bf16(struct dli_kernels *t);

/* Parts of dli_kernels_init_generic, one a file. */
void dli_generic_init_convert(struct dli_kernels *t);
void dli_generic_init_layout(struct dli_kernels *t);
void dli_generic_init_gemm(struct dli_kernels *t);
void dli_generic_init_dense(struct dli_kernels *t);
void dli_generic_init_pool(struct dli_kernels *t);
void dli_generic_init_elementwise(struct dli_kernels *t);
void dli_generic_init_softmax(struct dli_kernels *t);
void dli_generic_init_mean(struct dli_kernels *t);
void dli_generic_init_pixels(struct dli_kernels *t);
void dli_generic_init_update(struct dli_kernels *t);

#endif
