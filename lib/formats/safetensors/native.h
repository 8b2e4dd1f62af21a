/* SPDX-License-Identifier: Apache-2.0 */
/* The graph inside a safetensors file: JSON under the key "dl4c" of its __metadata__ (docs/reference/safetensors.md). */
#ifndef DLI_FORMATS_SAFETENSORS_NATIVE_H
#define DLI_FORMATS_SAFETENSORS_NATIVE_H

#include "base/strbuf.h"
#include "graph/graph.h"
#include <jansson.h>

enum { DLI_NATIVE_VERSION = 1 };

/* The shape that a parameter has in the file: row-major, so that of a column-major one is turned round; where the graph leaves a length
 * open, its elements in one row. Returns the rank. */
int32_t dli_native_shape(const struct dli_param_decl *d, int64_t count, int64_t shape[4]);

/* Everything about the graph but its tensors, as JSON. */
dl4c_status dli_native_describe(const dl4c_graph *g, struct dli_strbuf *out, struct dl4c_error *err);

/* The way back: vertices into the builder, and what stands beside them. A key that is not known is refused, so that nothing a later
 * version wrote is dropped in silence. */
dl4c_status dli_native_build(dl4c_context *ctx, const json_t *root, dl4c_builder *b, struct dl4c_error *err);
/* What a finished graph is given. */
dl4c_status dli_native_extras(dl4c_context *ctx, const json_t *root, dl4c_graph *g, struct dl4c_error *err);

#endif
