/* SPDX-License-Identifier: Apache-2.0 */
/* Stands in for WebHDFS where the library was built without libcurl. */
#include "fs/registry.h"
#include <dl4c/webhdfs.h>

#include <string.h>

dl4c_status dli_webhdfs_register(dl4c_context *ctx, dli_fs_add_fn add, struct dl4c_error *err)
{
    (void)ctx;
    (void)add;
    (void)err;
    return DL4C_OK;
}

const char *dli_webhdfs_missing(const char *scheme)
{
    const bool ours = strcmp(scheme, "webhdfs") == 0 || strcmp(scheme, "swebhdfs") == 0 || strcmp(scheme, "hdfs") == 0;
    return ours ? "the library was built without libcurl (Meson option curl)" : NULL;
}

dl4c_status dl4c_webhdfs_configure(dl4c_context *ctx, const struct dl4c_webhdfs_options *options, struct dl4c_error *err)
{
    (void)ctx;
    (void)options;
    return dli_fail(err, DL4C_E_UNSUPPORTED, "webhdfs", "there is no WebHDFS: %s", dli_webhdfs_missing("webhdfs"));
}
