/* SPDX-License-Identifier: Apache-2.0 */
/* The normalizer that a model carries, kept as the bytes of its file: what nobody here knows is saved as it came. */
#include "normalizers/normalizer.h"
#include "graph/graph.h"
#include <dl4c/model.h>

#include <string.h>

dl4c_status dl4c_graph_get_normalizer(dl4c_graph *graph, dl4c_normalizer **n, struct dl4c_error *err)
{
    if (!graph || !n)
        return dli_fail(err, DL4C_E_INVALID, "normalizer", "%s is NULL", graph ? "n" : "graph");
    *n = NULL;
    if (!graph->normalizer)
        return dli_fail(err, DL4C_E_NOTFOUND, "normalizer", "the model has no normalizer");
    return dli_normalizer_read(graph->ctx, graph->normalizer->data, graph->normalizer->bytes, n, err);
}

dl4c_status dl4c_graph_set_normalizer(dl4c_graph *graph, const dl4c_normalizer *n, struct dl4c_error *err)
{
    struct dli_blob *blob = NULL;
    struct dli_strbuf b;
    char *bytes = NULL;
    if (!graph)
        return dli_fail(err, DL4C_E_INVALID, "normalizer", "graph is NULL");
    dli_strbuf_init(&b, graph->ctx);
    dl4c_status status = n ? dli_normalizer_write(n, &b, err) : DL4C_OK;
    const size_t size = b.length;
    if (status == DL4C_OK)
        status = dli_strbuf_take(&b, &bytes, err);
    if (status == DL4C_OK && n)
        status = dli_blob_create(graph->ctx, size, &blob, err);
    if (status == DL4C_OK) {
        if (blob)
            memcpy(blob->data, bytes, size);
        dli_blob_unref(graph->normalizer);
        graph->normalizer = blob;
    }
    dli_strbuf_free(&b);
    dli_free(bytes);
    return status;
}
