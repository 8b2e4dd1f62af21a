/* SPDX-License-Identifier: Apache-2.0 */
/* What Hadoop's environment says of clusters and users. */
#ifndef DLI_FS_WEBHDFS_ENVIRONMENT_H
#define DLI_FS_WEBHDFS_ENVIRONMENT_H

#include "fs/fs.h"

struct dli_wh_cluster;

/* The NameNodes of a nameservice: "host:port,host:port" out of hdfs-site.xml and core-site.xml under HADOOP_CONF_DIR; NULL where none of
 * that name is configured there. */
dl4c_status dli_wh_configured(dl4c_context *ctx, bool tls, const char *name, char **nodes, struct dl4c_error *err);
/* The delegation token for a cluster out of the file that HADOOP_TOKEN_FILE_LOCATION names; NULL: none. */
dl4c_status dli_wh_token_of(dl4c_context *ctx, const struct dli_wh_cluster *cluster, char **token, struct dl4c_error *err);
/* HADOOP_USER_NAME, else the login name. */
dl4c_status dli_wh_login(dl4c_context *ctx, char **user, struct dl4c_error *err);

#endif
