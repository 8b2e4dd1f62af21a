/* SPDX-License-Identifier: Apache-2.0 */
/* Stands in for ONNX where the library was built without it. */
#include "formats/format.h"
#include "formats/onnx/sniff.h"

static dl4c_status load(dl4c_context *ctx, const struct dli_model_bytes *from, struct dli_watch *watch, dl4c_graph **graph,
                        struct dl4c_error *err)
{
    return dli_fail(err, DL4C_E_UNSUPPORTED, "onnx", "this is an ONNX model and the library was built without ONNX (Meson option onnx)");
}

const struct dli_format dli_format_onnx = {
    .name = "onnx",
    .doc = "ONNX (not in this build).",
    .sniff = dli_onnx_sniff,
    .load = load,
};
