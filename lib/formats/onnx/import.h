/* SPDX-License-Identifier: Apache-2.0 */
/* One load: which names stand for constants and which for vertices, and how nodes become either. */
#ifndef DLI_FORMATS_ONNX_IMPORT_H
#define DLI_FORMATS_ONNX_IMPORT_H

#include "base/number.h"
#include "formats/format.h"
#include "formats/onnx/proto.h"

/* Lengths in constants that come from Shape: the batch, and what only a session knows. No real length is negative; exporters do write
 * numbers at the very end of the range, as bounds of Slice. */
#define DLI_ONNX_BATCH   (INT64_MIN + 0x62617463)
#define DLI_ONNX_UNKNOWN (INT64_MIN + 0x756e6b6e)

/* A value known when loading. */
struct dli_onnx_const {
    int32_t type; /* TensorProto.DataType */
    int32_t rank;
    int64_t dim[DLI_ONNX_RANK];
    int64_t count;
    const struct dli_onnx_tensor *file; /* its elements are still there; NULL: below */
    bool splat;                         /* one value everywhere, in f or i */
    const float *f;                     /* elements of floating types */
    const int64_t *i;                   /* elements of integers */
};

/* What a name stands for. */
struct dli_onnx_value {
    const char *name;
    struct dli_onnx_value *next;         /* of the same hash */
    int32_t node;                        /* that makes it, -1: none */
    bool read;                           /* by a node that an output needs, or as an output */
    const struct dli_onnx_value *follow; /* the input that it is followed from: see import.c */
    bool known;                          /* the rest is filled in */
    struct dli_onnx_const *c;
    const char *vertex;     /* where c is NULL */
    struct dli_shape shape; /* of the vertex */
    bool nhwc;              /* the tensor is [n, h, w, c], the vertex has [c, h, w] */
    const char *late;       /* the name for the transposing vertex, should one be needed; NULL: made up */
};

struct dli_onnx_name;
struct dli_onnx_spare;
struct dli_onnx_beside;

struct dli_onnx_import {
    dl4c_context *ctx;
    struct dli_watch *watch;
    struct dli_onnx_arena arena;
    struct dli_onnx_model model;
    dl4c_builder *b;
    struct dli_blob *file; /* over the whole file */
    const uint8_t *bytes;  /* = file->data */
    size_t size;
    int64_t batch;    /* that the inputs declare; -1: none, or several */
    int64_t budget;   /* elements that folding may still make */
    int64_t expanded; /* bytes of parameters that are no view of the file */
    size_t n_slots;
    struct dli_onnx_value **values;
    struct dli_onnx_name **names;   /* of vertices */
    struct dli_onnx_spare *spares;  /* blobs made here */
    const char *uri;                /* of the file; NULL: from memory */
    struct dli_onnx_beside *beside; /* files with its weights */
};

/* ---- names and values (values.c) ------------------------------------------------------------------------------ */

dl4c_status dli_onnx_tables(struct dli_onnx_import *im, struct dl4c_error *err);
struct dli_onnx_value *dli_onnx_find(const struct dli_onnx_import *im, const char *name); /* NULL */
/* The entry of a name, made where there is none. */
dl4c_status dli_onnx_enter(struct dli_onnx_import *im, const char *name, struct dli_onnx_value **v, struct dl4c_error *err);
/* Output 0 of a node is this constant. */
dl4c_status dli_onnx_bind_const(struct dli_onnx_import *im, const struct dli_onnx_node *node, struct dli_onnx_const *c,
                                struct dl4c_error *err);
/* wanted, or wanted with the first of _1, _2 ... that no vertex has; claimed. */
dl4c_status dli_onnx_claim(struct dli_onnx_import *im, const char *wanted, const char **got, struct dl4c_error *err);

/* ---- constants (const.c) -------------------------------------------------------------------------------------- */

dl4c_status dli_onnx_const_of(struct dli_onnx_import *im, const struct dli_onnx_tensor *t, struct dli_onnx_const **c,
                              struct dl4c_error *err);
/* A new one whose elements the caller fills: f or i by type; counts against the budget. */
dl4c_status dli_onnx_const_new(struct dli_onnx_import *im, int32_t type, int32_t rank, const int64_t *dim, struct dli_onnx_const **c,
                               float **f, int64_t **i, struct dl4c_error *err);
/* Elements, decoded when first asked for. DL4C_E_UNSUPPORTED for the other kind. */
dl4c_status dli_onnx_const_floats(struct dli_onnx_import *im, struct dli_onnx_const *c, const float **f, struct dl4c_error *err);
dl4c_status dli_onnx_const_ints(struct dli_onnx_import *im, struct dli_onnx_const *c, const int64_t **i, struct dl4c_error *err);
/* The one element, of either kind. False where there are more, or another kind. */
bool dli_onnx_const_scalar(struct dli_onnx_import *im, struct dli_onnx_const *c, double *v);
/* One value under any shape, and other shapes over the same elements. */
dl4c_status dli_onnx_const_splat(struct dli_onnx_import *im, int32_t type, int32_t rank, const int64_t *dim, float f, int64_t i,
                                 struct dli_onnx_const **c, struct dl4c_error *err);
dl4c_status dli_onnx_const_reshape(struct dli_onnx_import *im, const struct dli_onnx_const *c, int32_t rank, const int64_t *dim,
                                   struct dli_onnx_const **out, struct dl4c_error *err);
/* As a parameter: a view of the file where the elements are f32 there, else a copy. The import holds p->blob. rows > 0: transposed from
 * [rows, count / rows] on the way; scale multiplies. */
dl4c_status dli_onnx_const_param(struct dli_onnx_import *im, struct dli_onnx_const *c, int64_t rows, float scale, struct dli_param *p,
                                 struct dl4c_error *err);
/* `count` times the same value as a parameter. */
dl4c_status dli_onnx_fill_param(struct dli_onnx_import *im, float value, int64_t count, struct dli_param *p, struct dl4c_error *err);
void dli_onnx_spares_free(struct dli_onnx_import *im);

/* ---- weights in files of their own (external.c) ---------------------------------------------------------------- */

/* Opens the file that holds the tensor's data, once for all tensors, and sets t->raw. */
dl4c_status dli_onnx_external_open(struct dli_onnx_import *im, struct dli_onnx_tensor *t, struct dl4c_error *err);
/* The blob that holds these bytes: the model's file or one beside it. */
struct dli_blob *dli_onnx_blob_of(const struct dli_onnx_import *im, const uint8_t *bytes);
void dli_onnx_external_close(struct dli_onnx_import *im);

/* ---- nodes (import.c, nodes_*.c, fold.c) ---------------------------------------------------------------------- */

typedef dl4c_status (*dli_onnx_fn)(struct dli_onnx_import *im, const struct dli_onnx_node *node, struct dl4c_error *err);

struct dli_onnx_op {
    const char *name;
    const char *attrs;      /* "axis:i pads:I": letter f, i, s, t, F, I; "" none */
    int32_t min_in, max_in; /* -1: any number */
    dli_onnx_fn fold;       /* all inputs are constants; NULL: not folded */
    dli_onnx_fn vertex;     /* NULL: only folded */
    bool free_layout;       /* works on any layout of its one tensor input */
};
extern const struct dli_onnx_op dli_onnx_ops[]; /* ends with { 0 } */

/* Attributes; types were checked by the table. */
const struct dli_onnx_attr *dli_onnx_attr(const struct dli_onnx_node *node, const char *name); /* NULL */
int64_t dli_onnx_attr_i(const struct dli_onnx_node *node, const char *name, int64_t otherwise);
float dli_onnx_attr_f(const struct dli_onnx_node *node, const char *name, float otherwise);
const char *dli_onnx_attr_s(const struct dli_onnx_node *node, const char *name, const char *otherwise);

/* Input k: a constant, a vertex, NULL where it is left out. */
struct dli_onnx_value *dli_onnx_in(const struct dli_onnx_import *im, const struct dli_onnx_node *node, int32_t k);
/* The same where it must be there and be a vertex (a constant). */
dl4c_status dli_onnx_want_vertex(struct dli_onnx_import *im, const struct dli_onnx_node *node, int32_t k, struct dli_onnx_value **v,
                                 struct dl4c_error *err);
dl4c_status dli_onnx_want_const(struct dli_onnx_import *im, const struct dli_onnx_node *node, int32_t k, struct dli_onnx_const **c,
                                struct dl4c_error *err);
/* Integers from attribute `name` or, where the node has none, from input k; *n is -1 where both are missing. */
dl4c_status dli_onnx_want_ints(struct dli_onnx_import *im, const struct dli_onnx_node *node, const char *name, int32_t k, const int64_t **v,
                               int64_t *n, struct dl4c_error *err);
/* Makes sure that v's vertex has the tensor's own order of axes, by a transposing vertex where it has not. */
dl4c_status dli_onnx_settle(struct dli_onnx_import *im, struct dli_onnx_value *v, struct dl4c_error *err);
/* Axis of a tensor of `rank` axes, negative from the end; INVALID outside. */
dl4c_status dli_onnx_axis(int64_t axis, int32_t rank, int32_t *out, struct dl4c_error *err);
/* Axes of the tensor that v stands for, the batch included, and length k of them (DLI_ONNX_BATCH, DLI_ONNX_UNKNOWN). */
static inline int32_t dli_onnx_rank(const struct dli_onnx_value *v) { return v->c ? v->c->rank : v->shape.rank + 1; }
int64_t dli_onnx_dim(const struct dli_onnx_value *v, int32_t axis);
/* The axis of the vertex's shape behind axis 1.. of the tensor. */
int32_t dli_onnx_shape_axis(const struct dli_onnx_value *v, int32_t axis);

struct dli_onnx_param {
    const char *name;
    struct dli_param p;
};
/* The vertex of the node: its name, output 0 bound to it. All inputs must have the layout that is given for the output. */
dl4c_status dli_onnx_emit(struct dli_onnx_import *im, const struct dli_onnx_node *node, const char *op, struct dli_onnx_value *const *in,
                          int32_t n_in, const struct dl4c_attr *attrs, int32_t n_attrs, const struct dli_onnx_param *params,
                          int32_t n_params, struct dl4c_error *err);
/* A vertex beside the node's own: NAME/suffix; *v stands for it. */
dl4c_status dli_onnx_emit_helper(struct dli_onnx_import *im, const struct dli_onnx_node *node, const char *suffix, const char *op,
                                 struct dli_onnx_value *const *in, int32_t n_in, const struct dl4c_attr *attrs, int32_t n_attrs,
                                 const struct dli_onnx_param *params, int32_t n_params, struct dli_onnx_value *v, struct dl4c_error *err);
/* Output 0 is input v under another name. */
dl4c_status dli_onnx_alias(struct dli_onnx_import *im, const struct dli_onnx_node *node, const struct dli_onnx_value *v, bool nhwc,
                           const char *late, struct dl4c_error *err);

dl4c_status dli_onnx_import(struct dli_onnx_import *im, dl4c_graph **graph, struct dl4c_error *err);

#define DLI_ONNX_FN(name) dl4c_status name(struct dli_onnx_import *im, const struct dli_onnx_node *node, struct dl4c_error *err)

#endif
