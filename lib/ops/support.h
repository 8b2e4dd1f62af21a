/* SPDX-License-Identifier: Apache-2.0 */
/* What operators share: checks of shapes for infer, counts for forward and backward, plumbing of elementwise functions. */
#ifndef DLI_OPS_SUPPORT_H
#define DLI_OPS_SUPPORT_H

#include "base/thread_pool.h"
#include "kernels/elementwise.h"
#include "ops/op.h"

#include <string.h>

/* ---- infer; `op` is the operator's name for messages -------------------------------------------------------- */

/* The shape of in[0]. */
dl4c_status dli_infer_same(struct dli_infer *i, struct dl4c_error *err);
/* All inputs have one shape, which is the output's; a length known in one input is known for all. */
dl4c_status dli_infer_equal(struct dli_infer *i, const char *op, struct dl4c_error *err);
dl4c_status dli_want_rank(const struct dli_infer *i, const char *op, int32_t rank, struct dl4c_error *err);
/* Images: channels, height and width. */
dl4c_status dli_want_image(const struct dli_infer *i, const char *op, struct dl4c_error *err);
/* The number of inputs to a weight: `given` (attribute n_in, 0: not given) and the input's own, which may be unknown, must agree. */
dl4c_status dli_want_n_in(const struct dli_infer *i, const char *op, const char *of, int64_t found, int64_t given, int64_t *n_in,
                          struct dl4c_error *err);

/* ---- forward and backward: shapes are known and their sizes were checked ------------------------------------ */

/* Elements of a row in the plain layout. */
int64_t dli_row_elements(const struct dli_shape *s);
/* Floats of a row in a layout. */
int64_t dli_row_floats(const struct dli_shape *s, int32_t layout);
/* Channels, and pixels of one channel: [c, ...]; a rank of 0 is one channel of one pixel. */
int64_t dli_row_channels(const struct dli_shape *s);
int64_t dli_row_pixels(const struct dli_shape *s);
static inline int64_t dli_in_rows(const struct dli_exec *x, int32_t i) { return x->n * x->in_shape[i].batch; }
static inline int64_t dli_out_rows(const struct dli_exec *x) { return x->n * x->out_shape->batch; }
/* Floats of the whole output value in its layout. */
static inline int64_t dli_out_floats(const struct dli_exec *x) { return dli_out_rows(x) * dli_row_floats(x->out_shape, x->out_layout); }

/* Element i of a parameter, which may lie at any address. */
static inline float dli_param_at(const void *param, int64_t i)
{
    float v;
    memcpy(&v, (const char *)param + (size_t)i * sizeof v, sizeof v);
    return v;
}

/* dst = src unless they are the same. */
void dli_copy(const struct dli_exec *x, int64_t n, const float *src, float *dst);

/* Forward and backward of what gives its input as it is. */
void dli_pass_forward(const struct dli_exec *x);
void dli_pass_backward(const struct dli_exec *x);

/* An elementwise function from in[0] to out, and its gradient from whatever dli_unary_wants_output says. */
void dli_op_unary(const struct dli_exec *x, const struct dli_unary *u);
void dli_op_unary_backward(const struct dli_exec *x, const struct dli_unary *u);

/* out = in[0] op in[1] op ... from the left, DLI_ADD and so on; out may be in[0]. */
void dli_fold(const struct dli_exec *x, int32_t op);

/* The first row of the table of an operator with a loss; S, a struct, begins with `char *loss`, where DLI_OP_OUTPUT promises it. */
#define DLI_LOSS_ATTR(S)                                                                                                                   \
    {                                                                                                                                      \
        .name = "loss", .type = DL4C_ATTR_STR, .offset = offsetof(S, loss), .def_text = "negative_log_likelihood",                         \
        .doc = "what training minimises: \"negative_log_likelihood\", \"mcxent\", \"xent\", \"mse\" ..."                                   \
    }
/* Where there is nothing but the loss. */
struct dli_loss_attr {
    char *loss;
};
extern const struct dli_attr dli_loss_attrs[];

/* Blocks of scratch and saved memory start on a cache line. */
static inline size_t dli_round_up(size_t bytes) { return (bytes + DLI_ALIGN - 1) / DLI_ALIGN * DLI_ALIGN; }

#endif
