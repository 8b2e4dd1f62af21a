/* SPDX-License-Identifier: Apache-2.0 */
/* The library's own models: a header of JSON, in which a graph of JSON, and tensors. */
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct dl4c_load_options o = DL4C_LOAD_OPTIONS_INIT;
    struct dl4c_error err = DL4C_ERROR_INIT;
    dl4c_graph *graph = NULL;
    o.format = "safetensors";
    const dl4c_status status = dl4c_model_load_memory(fuzz_context(), bytes, size, &o, &graph, &err);
    fuzz_check(status, graph, &err);
    fuzz_graph(graph);
    fuzz_balanced(size, 0, 0);
    return 0;
}
