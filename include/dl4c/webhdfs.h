/* SPDX-License-Identifier: Apache-2.0 */
/** @file
 * HDFS through WebHDFS: webhdfs://, swebhdfs:// (TLS) and hdfs:// are file systems of dl4c/fs.h; this is how they reach their servers.
 *
 * webhdfs://namenode:9870/path?user.name=alice; several NameNodes as webhdfs://one:9870,two:9870/path. The path is %-decoded: %3F is a
 * question mark, %25 a percent sign; a blank and all of UTF-8 may stand as they are. Needs libcurl (Meson option curl).
 *
 * A context that uses HDFS has one thread for the network, started by the first use and joined with the context. After a fork the child
 * needs a context of its own. libcurl and jansson take their memory from malloc; file contents come from the context. What dl4c/fetch.h
 * says of libcurl's first use holds here.
 */
#ifndef DL4C_WEBHDFS_H
#define DL4C_WEBHDFS_H

#include <dl4c/base.h>

DL4C_BEGIN

enum {
    DL4C_WEBHDFS_ANY_HOST_NAME = 1 /**< a certificate may be for another host; it is still checked otherwise */
};

/** How a context reaches HDFS. Zero everywhere: defaults, and what the environment says. */
struct dl4c_webhdfs_options {
    size_t struct_size;
    const char *user;         /**< who asks; NULL: HADOOP_USER_NAME, else the login name. A URI's ?user.name= goes before */
    const char *doas;         /**< for whom; NULL: for oneself. A URI's &doas= goes before */
    const char *token;        /**< a delegation token as WebHDFS writes it; NULL: from HADOOP_TOKEN_FILE_LOCATION where it has one */
    const char *ca_file;      /**< certificates of authorities (PEM) for swebhdfs; NULL: the system's */
    const char *cert_file;    /**< the client's certificate (PEM); NULL: none */
    const char *key_file;     /**< its key (PEM); NULL: in cert_file */
    const char *key_password; /**< of the key; NULL: it has none */
    const char *datanodes;    /**< "dn1:9864=gateway:19864,...": where DataNodes are reached whose names mean nothing here; NULL: none */
    int64_t connect_ms;       /**< to reach a server; 0: 10 000 */
    int64_t stall_ms;         /**< in which a server that sends or takes less than 1 KiB counts as stalled; 0: 60 000 */
    int64_t retry_ms;         /**< without progress, after which a failure that may pass is final; 0: 60 000 */
    int32_t requests;         /**< at once, writers not counted; 0: 32 */
    int32_t reserved;         /**< must be 0 */
    uint64_t flags;           /**< DL4C_WEBHDFS_* */
};
#define DL4C_WEBHDFS_OPTIONS_INIT { sizeof(struct dl4c_webhdfs_options), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 }

/**
 * Sets how a context reaches HDFS, before its first use there.
 * @param ctx  NULL: the default context.
 * @retval DL4C_E_INVALID      a time is negative, the DataNodes are malformed, an unknown flag
 * @retval DL4C_E_STATE        the context uses HDFS already
 * @retval DL4C_E_UNSUPPORTED  the library was built without libcurl
 * Threads: safe. Since: 0.1.
 */
DL4C_API dl4c_status dl4c_webhdfs_configure(dl4c_context *ctx, const struct dl4c_webhdfs_options *options, struct dl4c_error *err);

DL4C_END
#endif
