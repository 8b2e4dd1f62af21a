/* SPDX-License-Identifier: Apache-2.0 */
/* What Hadoop's environment says of clusters and users. */
#define _GNU_SOURCE
#include "fs/webhdfs/environment.h"

#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

dl4c_status dli_wh_login(dl4c_context *ctx, char **user, struct dl4c_error *err)
{
    const char *name = getenv("HADOOP_USER_NAME");
    struct passwd p, *found = NULL;
    char text[4096];
    if (!name || !*name)
        name = getpwuid_r(geteuid(), &p, text, sizeof text, &found) == 0 && found ? found->pw_name : NULL;
    if (!name || !*name)
        return dli_fail(err, DL4C_E_INVALID, "webhdfs", "the user who asks has no name here, wanted ?user.name=NAME or HADOOP_USER_NAME");
    *user = dli_strdup(ctx, name, err);
    return *user ? DL4C_OK : dli_alloc_status();
}

dl4c_status dli_wh_token_of(dl4c_context *ctx, const struct dli_wh_cluster *cluster, char **token, struct dl4c_error *err)
{
    (void)ctx;
    (void)cluster;
    (void)err;
    *token = NULL;
    return DL4C_OK;
}

dl4c_status dli_wh_configured(dl4c_context *ctx, bool tls, const char *name, char **nodes, struct dl4c_error *err)
{
    (void)ctx;
    (void)tls;
    (void)name;
    (void)err;
    *nodes = NULL;
    return DL4C_OK;
}
