/* SPDX-License-Identifier: Apache-2.0 */
/* Nodes whose inputs are all constants, and Shape, which is one whatever its input: their results are computed when loading. */
#ifndef DLI_FORMATS_ONNX_FOLD_H
#define DLI_FORMATS_ONNX_FOLD_H

#include "formats/onnx/import.h"

DLI_ONNX_FN(dli_onnx_fold_constant);
DLI_ONNX_FN(dli_onnx_fold_constant_of_shape);
DLI_ONNX_FN(dli_onnx_fold_shape);
DLI_ONNX_FN(dli_onnx_fold_size);
DLI_ONNX_FN(dli_onnx_fold_identity);
DLI_ONNX_FN(dli_onnx_fold_cast);
DLI_ONNX_FN(dli_onnx_fold_gather);
DLI_ONNX_FN(dli_onnx_fold_slice);
DLI_ONNX_FN(dli_onnx_fold_concat);
DLI_ONNX_FN(dli_onnx_fold_reshape);
DLI_ONNX_FN(dli_onnx_fold_squeeze);
DLI_ONNX_FN(dli_onnx_fold_unsqueeze);
DLI_ONNX_FN(dli_onnx_fold_flatten);
DLI_ONNX_FN(dli_onnx_fold_transpose);
DLI_ONNX_FN(dli_onnx_fold_expand);
DLI_ONNX_FN(dli_onnx_fold_range);
DLI_ONNX_FN(dli_onnx_fold_reduce); /* ReduceSum, ReduceProd, ReduceMin, ReduceMax of a list of integers */
DLI_ONNX_FN(dli_onnx_fold_binary); /* Add, Sub, Mul, Div, Pow, Mod, Min, Max, Sum, comparisons, And, Or, Xor */
DLI_ONNX_FN(dli_onnx_fold_clip);
DLI_ONNX_FN(dli_onnx_fold_unary); /* Neg, Abs, Sign, Relu, Sqrt, Reciprocal, Floor, Ceil, Round, Exp, Log, Not */
DLI_ONNX_FN(dli_onnx_fold_where);

/* What Slice asks for along one axis. */
struct dli_onnx_range {
    int64_t start, step, count;
};
/* The ranges of a Slice node over dim[rank]; CORRUPT or UNSUPPORTED where they are no numbers. */
dl4c_status dli_onnx_slice_ranges(struct dli_onnx_import *im, const struct dli_onnx_node *node, int32_t rank, const int64_t *dim,
                                  struct dli_onnx_range *ranges, struct dl4c_error *err);
/* Which axes of `rank` a node names (attribute or input): marks[rank]. *n is how many, -1 where it names none. */
dl4c_status dli_onnx_marked_axes(struct dli_onnx_import *im, const struct dli_onnx_node *node, int32_t input, int32_t rank, bool *marks,
                                 int64_t *n, struct dl4c_error *err);

#endif
