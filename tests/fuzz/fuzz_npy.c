/* SPDX-License-Identifier: Apache-2.0 */
/* .npy files. The tensor takes no more than the file and a header: values are never wider in memory than on disk. */
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct dl4c_error err = DL4C_ERROR_INIT;
    dl4c_tensor *t = NULL;
    const dl4c_status status = dl4c_tensor_parse_npy(fuzz_context(), bytes, size, &t, &err);
    fuzz_check(status, t, &err);
    dl4c_tensor_unref(&t);
    fuzz_balanced(size, 1, 4096);
    return 0;
}
