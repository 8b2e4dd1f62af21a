/* SPDX-License-Identifier: Apache-2.0 */
/* Features stores: manifest.json, a line "--8<--", and the one shard, in a file system in memory. */
#define _GNU_SOURCE
#include "fs/memory_fs.h"
#include "fuzz.h"

#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static struct memory_fs fs;
    static bool registered;
    static const char cut[] = "\n--8<--\n";
    if (!registered) {
        registered = true;
        fuzz_context();
        if (dl4c_fs_register(fuzz_context(), &memory_fs_ops, &fs, NULL, NULL) != DL4C_OK)
            return 0;
        fuzz_settled();
    }
    const uint8_t *next = size > 0 ? memmem(bytes, size, cut, sizeof cut - 1) : NULL;
    const size_t n = next ? (size_t)(next - bytes) : size;
    memory_fs_put(&fs, "h/s/manifest.json", bytes, n);
    memory_fs_put(&fs, "h/s/_SUCCESS", "", 0);
    if (next)
        memory_fs_put(&fs, "h/s/features-00000.safetensors", next + sizeof cut - 1, size - n - (sizeof cut - 1));

    struct dl4c_features_options o = DL4C_FEATURES_OPTIONS_INIT;
    struct dl4c_error err = DL4C_ERROR_INIT;
    dl4c_features *f = NULL;
    const dl4c_status status = dl4c_features_open(fuzz_context(), "mem://h/s", &o, &f, &err);
    fuzz_check(status, f, &err);
    if (f) {
        dl4c_source *source = dl4c_features_source(f);
        struct dl4c_batch b = DL4C_BATCH_INIT;
        for (int64_t i = 0; i < dl4c_features_rows(f) && i < 100; i++)
            if (dl4c_features_path(f, i) && strlen(dl4c_features_path(f, i)) > size)
                __builtin_trap();
        if (dl4c_source_reset(source, 1, 7, 0, NULL) == DL4C_OK)
            for (int i = 0; i < 4 && dl4c_source_next(source, 3, &b, NULL) == DL4C_OK && b.n > 0; i++)
                continue;
    }
    dl4c_features_close(&f);
    memory_fs_clear(&fs);
    fuzz_balanced(size, 0, 0);
    return 0;
}
