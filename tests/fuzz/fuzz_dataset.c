/* SPDX-License-Identifier: Apache-2.0 */
/* DataSet and MultiDataSet files. The file is in memory once and its numbers, never wider there, once more; an array of one number has
 * some eighty bytes of header, and a tensor takes a few hundred. */
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
    struct dl4c_dataset d = DL4C_DATASET_INIT;
    const dl4c_status status = dl4c_dataset_load(fuzz_context(), "mem://h/f", &d, &err);
    fuzz_check(status, status == DL4C_OK ? &d : NULL, &err);
    dl4c_dataset_clear(&d);
    memory_fs_clear(&fs);
    fuzz_balanced(size, 8, 128 << 10);
    return 0;
}
