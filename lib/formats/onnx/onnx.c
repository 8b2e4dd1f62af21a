/* SPDX-License-Identifier: Apache-2.0 */
/* ONNX as a model format: reading, opset 7 and up. Weights stay where they are in the mapped file. */
#include "formats/onnx/import.h"
#include "formats/onnx/sniff.h"

#include <string.h>

static dl4c_status load(dl4c_context *ctx, const struct dli_model_bytes *from, struct dli_watch *watch, dl4c_graph **graph,
                        struct dl4c_error *err)
{
    struct dli_onnx_import im = { .ctx = ctx, .watch = watch, .arena = { .ctx = ctx }, .size = from->size, .uri = from->uri };
    dl4c_status status;
    im.budget = (int64_t)(from->size / sizeof(float)) * 16 + (1 << 20);
    if (from->blob) {
        im.file = dli_blob_ref(from->blob);
    } else {
        DLI_GOTO(dli_blob_create(ctx, from->size, &im.file, err), done);
        memcpy(im.file->data, from->bytes, from->size);
    }
    im.bytes = im.file->data;
    DLI_GOTO(dli_onnx_parse(&im.arena, im.bytes, im.size, &im.model, err), done);
    DLI_GOTO(dli_watch_check(watch, err), done);
    DLI_GOTO(dl4c_builder_create(ctx, NULL, &im.b, err), done);
    status = dli_onnx_import(&im, graph, err);
done:
    dl4c_builder_destroy(&im.b);
    dli_onnx_spares_free(&im);
    dli_onnx_external_close(&im);
    dli_onnx_arena_free(&im.arena);
    dli_blob_unref(im.file);
    return status;
}

const struct dli_format dli_format_onnx = {
    .name = "onnx",
    .doc = "ONNX, opset 7 and up.",
    .sniff = dli_onnx_sniff,
    .load = load,
};
