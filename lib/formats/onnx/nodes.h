/* SPDX-License-Identifier: Apache-2.0 */
/* Nodes that become vertices, by family. */
#ifndef DLI_FORMATS_ONNX_NODES_H
#define DLI_FORMATS_ONNX_NODES_H

#include "formats/onnx/import.h"

/* nodes_layer.c: windows and weights */
DLI_ONNX_FN(dli_onnx_conv);
DLI_ONNX_FN(dli_onnx_gemm);
DLI_ONNX_FN(dli_onnx_matmul);
DLI_ONNX_FN(dli_onnx_batch_norm);
DLI_ONNX_FN(dli_onnx_max_pool);
DLI_ONNX_FN(dli_onnx_average_pool);
DLI_ONNX_FN(dli_onnx_global_average_pool);
DLI_ONNX_FN(dli_onnx_global_max_pool);
DLI_ONNX_FN(dli_onnx_reduce);
DLI_ONNX_FN(dli_onnx_lrn);

/* nodes_math.c: element by element */
DLI_ONNX_FN(dli_onnx_activation);
DLI_ONNX_FN(dli_onnx_hard_swish);
DLI_ONNX_FN(dli_onnx_gelu);
DLI_ONNX_FN(dli_onnx_swish);
DLI_ONNX_FN(dli_onnx_clip);
DLI_ONNX_FN(dli_onnx_softmax);
DLI_ONNX_FN(dli_onnx_dropout);
DLI_ONNX_FN(dli_onnx_cast);
DLI_ONNX_FN(dli_onnx_combine); /* Add, Sub, Mul, Div, Max, Min, Sum, Mean */

/* nodes_shape.c: where elements lie */
DLI_ONNX_FN(dli_onnx_flatten);
DLI_ONNX_FN(dli_onnx_reshape);
DLI_ONNX_FN(dli_onnx_squeeze);
DLI_ONNX_FN(dli_onnx_unsqueeze);
DLI_ONNX_FN(dli_onnx_transpose);
DLI_ONNX_FN(dli_onnx_concat);
DLI_ONNX_FN(dli_onnx_pad);
DLI_ONNX_FN(dli_onnx_slice);

#endif
