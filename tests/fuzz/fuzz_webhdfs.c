/* SPDX-License-Identifier: Apache-2.0 */
/* What HDFS is told by others before a server is asked: URIs, Hadoop's hdfs-site.xml, files with delegation tokens. The first byte says
 * which of them the rest is. */
#define _GNU_SOURCE
#include "fs/webhdfs/webhdfs.h"
#include "fs/webhdfs/environment.h"
#include "fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[] = "/tmp/dl4c-fuzz-XXXXXX", site[64], tokens[64];

static void clean(void)
{
    unlink(site);
    unlink(tokens);
    rmdir(folder);
}

static void prepare(void)
{
    static bool done;
    if (done)
        return;
    done = true;
    if (!mkdtemp(folder))
        abort();
    snprintf(site, sizeof site, "%s/hdfs-site.xml", folder);
    snprintf(tokens, sizeof tokens, "%s/tokens", folder);
    atexit(clean);
}

static void put(const char *path, const uint8_t *bytes, size_t size)
{
    FILE *f = fopen(path, "wb");
    if (!f || fwrite(bytes, 1, size, f) != size || fclose(f) != 0 || chmod(path, 0600) != 0)
        abort();
}

/* "AUTHORITY/PATH?QUERY", as the registry takes a URI apart: a path begins with a slash. */
static void open_target(struct dli_webhdfs *w, char *text, int variant)
{
    static const char *const names[] = { "webhdfs", "swebhdfs", "hdfs", "webhdfs" };
    const struct dli_wh_scheme s = { w, names[variant], variant == 1, variant == 2 };
    struct dli_wh_target t;
    struct dl4c_error err = DL4C_ERROR_INIT;
    char *slash = strchr(text, '/'), *path = strdup(slash ? slash : "/");
    if (!path)
        return;
    if (slash)
        *slash = '\0';
    const dl4c_status status = dli_wh_target_open(&s, text, path, &t, &err);
    free(path);
    fuzz_check(status, t.path, &err);
    if (status == DL4C_OK && (t.path[0] != '/' || t.cluster->n_nodes < 1))
        abort();
    dli_wh_target_free(&t);
}

static void read_site(dl4c_context *ctx, bool tls)
{
    char *nodes = NULL;
    struct dl4c_error err = DL4C_ERROR_INIT;
    setenv("HADOOP_CONF_DIR", folder, 1);
    const dl4c_status status = dli_wh_configured(ctx, tls, "ns", &nodes, &err);
    fuzz_check(status, status == DL4C_OK ? folder : NULL, &err); /* OK without nodes: none of that name */
    dli_free(nodes);
    unsetenv("HADOOP_CONF_DIR");
}

static void read_tokens(dl4c_context *ctx, struct dli_webhdfs *w)
{
    const struct dli_wh_scheme s = { w, "webhdfs", false, false };
    struct dli_wh_target t;
    struct dl4c_error err = DL4C_ERROR_INIT;
    char *token = NULL;
    if (dli_wh_target_open(&s, "ns:9870", "/", &t, NULL) != DL4C_OK)
        abort();
    setenv("HADOOP_TOKEN_FILE_LOCATION", tokens, 1);
    const dl4c_status status = dli_wh_token_of(ctx, t.cluster, &token, &err);
    fuzz_check(status, status == DL4C_OK ? tokens : NULL, &err);
    dli_free(token);
    unsetenv("HADOOP_TOKEN_FILE_LOCATION");
    dli_wh_target_free(&t);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct dli_webhdfs w = { .ctx = fuzz_context() };
    if (size < 1 || size > 1 << 16)
        return 0;
    prepare();
    pthread_mutex_init(&w.lock, NULL);
    char *text = malloc(size);
    if (!text)
        return 0;
    memcpy(text, bytes + 1, size - 1);
    text[size - 1] = '\0';
    switch (bytes[0] % 3) {
    case 0: open_target(&w, text, bytes[0] / 3 % 4); break;
    case 1:
        put(site, bytes + 1, size - 1);
        read_site(w.ctx, bytes[0] / 3 % 2);
        break;
    default:
        put(tokens, bytes + 1, size - 1);
        read_tokens(w.ctx, &w);
    }
    free(text);
    dli_wh_clusters_free(&w);
    pthread_mutex_destroy(&w.lock);
    fuzz_balanced(size, 0, 0);
    return 0;
}
