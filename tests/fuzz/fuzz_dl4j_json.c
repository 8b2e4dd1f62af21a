/* SPDX-License-Identifier: Apache-2.0 */
/* configuration.json alone, which gives a network whose parameters are drawn: what they may take is the context's limit. */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct dl4c_load_options o = DL4C_LOAD_OPTIONS_INIT;
    struct dl4c_error err = DL4C_ERROR_INIT;
    dl4c_graph *graph = NULL;
    char *text = malloc(size + 1); /* a brace before it, so that it is never taken for a zip */
    if (!text)
        return 0;
    text[0] = '{';
    if (size > 0)
        memcpy(text + 1, bytes, size);
    o.format = "dl4j";
    const dl4c_status status = dl4c_model_load_memory(fuzz_context(), text, size + 1, &o, &graph, &err);
    free(text);
    fuzz_check(status, graph, &err);
    fuzz_graph(graph);
    fuzz_balanced(size, 0, 0);
    return 0;
}
