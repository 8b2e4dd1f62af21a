/* SPDX-License-Identifier: Apache-2.0 */
/* normalizer.bin: kinds, counts and numbers that lie. */
#include "fs/memory_fs.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static struct memory_fs fs;
    static bool registered;
    if (!registered) {
        registered = true;
        fuzz_context();
        if (dl4c_fs_register(fuzz_context(), &memory_fs_ops, &fs, NULL, NULL) != DL4C_OK)
            return 0;
        fuzz_settled();
    }
    memory_fs_put(&fs, "h/f", bytes, size);
    struct dl4c_error err = DL4C_ERROR_INIT;
    static const int64_t shape[] = { 1, 3 };
    dl4c_normalizer *n = NULL;
    dl4c_tensor *x = NULL;
    const dl4c_status status = dl4c_normalizer_load(fuzz_context(), "mem://h/f", &n, &err);
    fuzz_check(status, n, &err);
    fuzz_bounded(size, 4, 8192);
    if (n && dl4c_tensor_create(fuzz_context(), DL4C_F32, shape, 2, &x, NULL) == DL4C_OK) {
        for (int i = 0; i < 3; i++)
            ((float *)dl4c_tensor_data(x))[i] = (float)i;
        err = (struct dl4c_error)DL4C_ERROR_INIT;
        const dl4c_status applied = dl4c_normalizer_apply(n, x, &err);
        fuzz_check(applied, applied == DL4C_OK ? n : NULL, &err);
        dl4c_normalizer_revert(n, x, NULL);
    }
    dl4c_tensor_unref(&x);
    dl4c_normalizer_destroy(&n);
    memory_fs_clear(&fs);
    fuzz_balanced(size, 0, 0);
    return 0;
}
