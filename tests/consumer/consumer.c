/* SPDX-License-Identifier: Apache-2.0 */
/* A host in C or C++ that knows the installed library through pkg-config only. */
#include <dl4c/dl4c.h>

#include <stdio.h>
#include <string.h>

int main(void)
{
    struct dl4c_error err = DL4C_ERROR_INIT;
    struct dl4c_context_options options = DL4C_CONTEXT_OPTIONS_INIT;
    dl4c_context *ctx = NULL;

    if (dl4c_version() != DL4C_VERSION) {
        fprintf(stderr, "the headers are %d but the library is %d\n", (int)DL4C_VERSION, (int)dl4c_version());
        return 1;
    }
    options.threads = 1;
    if (dl4c_context_create(&options, &ctx, &err) != DL4C_OK) {
        fprintf(stderr, "%s: %s\n", err.origin, err.message);
        return 1;
    }
    if (dl4c_context_threads(ctx) != 1 || strcmp(dl4c_status_name(DL4C_E_IO), "DL4C_E_IO") != 0)
        return 1;
    dl4c_context_destroy(&ctx);

    /* A failure crosses the boundary: a negative count is refused in words. */
    options.threads = -1;
    if (dl4c_context_create(&options, &ctx, &err) != DL4C_E_INVALID || ctx || err.status != DL4C_E_INVALID || !err.message[0])
        return 1;
    printf("libdl4c %s, %s kernels\n", dl4c_version_string(), dl4c_cpu_kernels());
    return 0;
}
