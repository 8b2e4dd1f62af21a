/* SPDX-License-Identifier: Apache-2.0 */
/* Between the convolution drivers and the instruction sets. W is the block of kernels.h: the floats of one vector, and the channels of
 * one pixel that lie together in the blocked layout [image][channel block][h][w][W]. */
#ifndef DLI_KERNELS_CONV_PARTS_H
#define DLI_KERNELS_CONV_PARTS_H

#include "kernels/conv.h"
#include <string.h>

/* The points of Winograd F(4x4,3x3) are 0, +-WINO_A, +-WINO_B and infinity. Against the usual 1 and 2 they halve the error of the
 * result (relative L2 1.2e-6 instead of 2.5e-6 over 256 channels of rectified normal data), as their powers lie closer together; their
 * products of up to two factors are exact in float. */
#define DLI_WINO_A 0.625f
#define DLI_WINO_B 1.5f

enum { DLI_CONV_PANEL_MAX = 32 }; /* columns of the largest register block */

/* C[t][j] = (add ? C[t][j] : 0) + sum over r of A[r / W][t][r % W] * B[r][j], for t < tiles and j < vectors * W; r runs in order, one
 * fused multiply-add each, whatever `tiles` and `vectors` are. */
struct dli_conv_multiply {
    int32_t tiles, vectors;
    int64_t blocks;    /* r < blocks * W */
    const float *a;    /* [blocks][tiles][W], a_step floats between blocks */
    const float *b;    /* [blocks * W][vectors * W] */
    float *c;          /* [tiles][vectors * W], c_step floats between tiles */
    const float *next; /* what to fetch into the second-level cache meanwhile, next_step floats for each r */
    int64_t a_step, c_step, next_step;
    bool add;
    /* Where y is set, the sums are finished there instead of left in c: clip(sum + bias[j] + addend), vector v of pixel t at
     * v * y_vector + t * W, the addend likewise. c is read where `add` is set. */
    float *y;
    const float *bias;   /* [vectors * W] */
    const float *addend; /* or NULL */
    int64_t y_vector;
    float lo, hi;
};

/* A run of Winograd tiles of one image, side by side, for one channel block. */
struct dli_wino_input {
    const float *x;          /* [h][w][W] */
    int64_t h, w, top, left; /* pixel of the first tile's first point; may lie outside */
    int32_t tiles;
    float *v;                /* [36 points][tiles][W], v_step floats between points */
    int64_t v_step;
};
struct dli_wino_output {
    const float *m; /* [36 points][tiles][W], m_point and m_tile floats apart */
    int64_t m_point, m_tile;
    const float *bias; /* [W] */
    float lo, hi;
    bool pool2;
    int64_t h, w, top, left; /* of the unpooled output */
    int32_t tiles;
    const float *addend; /* [h][w][W] or NULL */
    float *y;            /* [h][w][W], or [h / 2][w / 2][W] */
};

/* A run of Winograd tiles of the gradient of one image's output, side by side, for one channel block. */
struct dli_wino_gradient {
    const float *dy;         /* [h][w][W] */
    int64_t h, w, top, left; /* pixel of the first tile; what lies outside reads as zero */
    int32_t tiles;
    float *z; /* [36 points][tiles][W], z_step floats between points: dy carried to the points as the output transform came from them */
    int64_t z_step;
};
/* c[i][j] = (add ? c[i][j] : 0) + sum over k of a[k][i] * b[k][j], for i < W, j < vectors * W; k runs in order. */
struct dli_conv_outer {
    int32_t vectors;
    int64_t steps;  /* k < steps */
    const float *a; /* [steps][W] */
    const float *b; /* [vectors][steps][W], b_vector floats between vectors */
    int64_t b_vector;
    float *c; /* [W][vectors * W], c_step floats between rows */
    int64_t c_step;
    bool add;
};

/* y[i][j] = clip(m[i][j] + bias[j] + addend[i][j]), i < n pixels, j < W. */
struct dli_conv_finish {
    const float *m;
    int64_t m_step, n;
    const float *bias;
    float lo, hi;
    const float *addend; /* [n][W] or NULL */
    float *y;            /* [n][W] */
};

/* Few input channels in the plain layout, copied with their padding: pixels side by side of one output row. */
struct dli_conv_first {
    int32_t c_in, kh, kw, dh, dw, sw, vectors, pixels; /* vectors 1 or 2; pixels: those to store */
    const float *x;                                    /* [c_in][rows][columns]; readable for `tiles` pixels of the register block */
    int64_t x_channel, x_row;
    const float *w;    /* [c_in][kh][kw][vectors * W] */
    const float *bias; /* [vectors * W] */
    float lo, hi;
    const float *addend; /* [pixels][W], addend_vector floats to the next channel block; or NULL */
    int64_t addend_vector;
    float *y; /* [pixels][W], y_vector floats to the next channel block */
    int64_t y_vector;
};

/* One channel block of one image, rows first..last-1 of the output. */
struct dli_conv_depthwise {
    const struct dli_conv_shape *shape;
    const float *x, *w, *bias; /* [h_in][w_in][W], [kh][kw][W], [W] */
    float lo, hi;
    const float *addend;
    float *y; /* [h_out][w_out][W] */
    int64_t first, last;
};

/* Rows of one channel block, depthwise, where every tap lies inside: x has its padding as zeros. kw is 3 or 5, sw 1 or 2. */
struct dli_conv_rows {
    int32_t kh, kw, sh, sw;
    int64_t rows, columns; /* of the output */
    const float *x;        /* first tap of the first row, x_row floats between rows */
    int64_t x_row;
    const float *w, *bias; /* [kh][kw][W], [W] */
    float lo, hi;
    float *y; /* [rows][columns][W], y_row floats between rows */
    int64_t y_row;
};

struct dli_conv_kernels {
    int32_t tiles; /* rows of the register block */
    void (*multiply)(const struct dli_conv_multiply *g);
    /* u[i] = transform of the 3x3 kernels g [9][n] at point i, u_step floats apart; n is W or 2 W. */
    void (*wino_weights)(const double *g, int64_t n, float *u, int64_t u_step);
    /* The same from floats [rows][9][n], one row for each input channel, to u[i] [rows][n]. */
    void (*wino_expand)(const float *g, int64_t rows, int64_t n, float *u, int64_t u_step);
    void (*wino_input)(const struct dli_wino_input *g);
    void (*wino_output)(const struct dli_wino_output *g);
    /* For the gradient of the weights: g[9][W] of the sums u[36][W] of z times v, u_step floats between points. */
    void (*wino_gradient)(const struct dli_wino_gradient *g);
    void (*wino_weights_back)(const float *u, int64_t u_step, float *g);
    void (*outer)(const struct dli_conv_outer *g);
    /* a[i] = x[column + i * step] for i < n, vectors of W out of a row of w_in; zero outside it, or everywhere where x is NULL. */
    void (*gather)(const float *x, int64_t w_in, int64_t column, int64_t step, int64_t n, float *a);
    void (*finish)(const struct dli_conv_finish *g);
    /* y[i] = greatest of x[0..1][2 * i..2 * i + 1], vectors of W in rows of w_in, i < n. */
    void (*pool)(const float *x, int64_t w_in, int64_t n, float *y);
    void (*first)(const struct dli_conv_first *g);
    void (*depthwise)(const struct dli_conv_depthwise *g);
    void (*depthwise_rows)(const struct dli_conv_rows *g);
};

extern const struct dli_conv_kernels dli_conv_kernels_generic, dli_conv_kernels_avx2, dli_conv_kernels_avx512;

enum { DLI_CONV_FLAGS = 7 }; /* in a plan's tune: the flags it was made with */

/* A run of dli_conv_run. */
struct dli_conv_call {
    const struct dli_conv_plan *p;
    dl4c_context *ctx;
    int32_t threads;
    int64_t n;
    const float *packed, *bias, *x, *addend;
    float *y;
    int64_t y_image; /* floats between images of y */
    float *scratch;
    float lo, hi; /* of the activation: infinities where there is none */
};

/* One algorithm. `plan` sets layouts, sizes and tune of a plan whose other members are set; false: a size overflows. */
struct dli_conv_algorithm {
    bool (*plan)(struct dli_conv_plan *p);
    void (*pack)(const struct dli_conv_plan *p, dl4c_context *ctx, int32_t threads, const char *w, const float *scale, float *packed);
    void (*run)(const struct dli_conv_call *c);
};
extern const struct dli_conv_algorithm dli_conv_winograd, dli_conv_direct, dli_conv_first, dli_conv_depthwise, dli_conv_im2col,
    dli_conv_winograd_plain;

/* Of a plan for few channels: rows top..top+rows-1 of all channels of an image x, with zeros outside it, as the inner loop reads them:
 * [c_in][rows][columns]. */
int64_t dli_conv_first_columns(const struct dli_conv_plan *p);
void dli_conv_first_rows(const struct dli_conv_plan *p, const float *x, int64_t top, int64_t rows, float *to);

/* Whether Winograd's F(4x4,3x3) suits the layer, and in training, where weights are transformed in every step. */
bool dli_conv_wants_winograd(const struct dli_conv_shape *s, bool training);

/* Gradients by Winograd, for shapes it suits in training: as dli_conv_backward_data and _weights. */
size_t dli_wino_backward_scratch(const struct dli_conv_shape *s, int64_t n, int32_t workers);
void dli_wino_backward_data(const struct dli_conv_shape *s, dl4c_context *ctx, int32_t threads, int64_t n, const float *w, const float *dy,
                            float *dx, void *scratch);
void dli_wino_backward_weights(const struct dli_conv_shape *s, dl4c_context *ctx, int32_t threads, int64_t n, const float *x,
                               const float *dy, float *dw, void *scratch);

/* The product of n factors into *out; false where it overflows. A factor below 0 overflows. */
bool dli_conv_product(size_t *out, int32_t n, const int64_t *factors);
#define DLI_CONV_PRODUCT(out, ...) \
    dli_conv_product(out, (int32_t)(sizeof((int64_t[]){ __VA_ARGS__ }) / sizeof(int64_t)), (int64_t[]){ __VA_ARGS__ })

/* Weight number i of an unaligned [c_out, ...] array, scaled. */
static inline float dli_conv_weight(const char *w, int64_t i)
{
    float v;
    memcpy(&v, w + i * (int64_t)sizeof v, sizeof v);
    return v;
}

/* Stored weights number i on, `bytes` each, of packed ones. */
static inline const char *dli_conv_stored(const float *packed, int64_t i, int64_t bytes) { return (const char *)packed + i * bytes; }

static inline int64_t dli_ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }
static inline int64_t dli_min_i64(int64_t a, int64_t b) { return a < b ? a : b; }
static inline int64_t dli_max_i64(int64_t a, int64_t b) { return a > b ? a : b; }

/* Rounds floats up to whole cache lines. */
static inline int64_t dli_lines(int64_t floats) { return (floats + 15) & ~(int64_t)15; }

/* bias, or zeros, in `padded` floats. */
static inline void dli_conv_bias(float *to, const float *bias, int64_t n, int64_t padded)
{
    memset(to, 0, (size_t)padded * sizeof *to);
    if (bias)
        memcpy(to, bias, (size_t)n * sizeof *to);
}

/* Rows of the im2col matrix: of channels first..first+count-1 of one image x [c][h_in][w_in], output rows top..bottom-1, into
 * col [count * kh * kw][(bottom - top) * w_out]; and the way back, adding into x. */
void dli_im2col(const struct dli_conv_shape *s, const float *x, int64_t first, int64_t count, int64_t top, int64_t bottom, float *col);
void dli_col2im(const struct dli_conv_shape *s, float *x, int64_t first, int64_t count, const float *col);

#endif
