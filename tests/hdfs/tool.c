/* SPDX-License-Identifier: Apache-2.0 */
/* One operation of dl4c/fs.h a command, for tests against real servers: tool OP URI [ARGUMENT...]. Needs no more than a host sees. */
#define _GNU_SOURCE
#include <dl4c/fs.h>
#include <dl4c/webhdfs.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { PIECE = 1 << 20 };
static struct dl4c_error err = DL4C_ERROR_INIT;
static dl4c_context *ctx;

static int show(void *arg, const char *name, const struct dl4c_fs_stat *st)
{
    (void)arg;
    printf("%c %" PRId64 " %s\n", st->kind == DL4C_FS_DIRECTORY ? 'd' : '-', st->size_bytes, name);
    return 0;
}

/* A file into another, through memory of one piece; slow: so many milliseconds a piece. */
static dl4c_status copy(const char *from, const char *to, long slow_ms)
{
    dl4c_fs_file *in = NULL;
    dl4c_fs_writer *out = NULL;
    char *piece = malloc(PIECE);
    dl4c_status status = dl4c_fs_open(ctx, from, &in, &err);
    if (status == DL4C_OK)
        status = dl4c_fs_create(ctx, to, &out, &err);
    const int64_t size = status == DL4C_OK ? dl4c_fs_size(in) : 0;
    for (int64_t at = 0; status == DL4C_OK && at < size; at += PIECE) {
        const size_t n = size - at < PIECE ? (size_t)(size - at) : PIECE;
        const struct timespec nap = { slow_ms / 1000, slow_ms % 1000 * 1000000 };
        if (slow_ms)
            nanosleep(&nap, NULL);
        status = dl4c_fs_read_at(in, at, piece, n, &err);
        if (status == DL4C_OK)
            status = dl4c_fs_write(out, piece, n, &err);
    }
    if (status == DL4C_OK)
        status = dl4c_fs_commit(&out, &err);
    dl4c_fs_abandon(&out);
    dl4c_fs_close(&in);
    free(piece);
    return status;
}

/* All files of a directory ahead, so many at once; their sizes are added. */
struct names {
    char *name[4096];
    int64_t size[4096];
    int n;
};

static int gather(void *arg, const char *name, const struct dl4c_fs_stat *st)
{
    struct names *all = arg;
    if (all->n < 4096 && st->kind == DL4C_FS_FILE) {
        all->name[all->n] = strdup(name);
        all->size[all->n++] = st->size_bytes;
    }
    return 0;
}

static dl4c_status load_all(const char *uri, int ahead)
{
    static struct names all;
    static dl4c_fs_load *load[4096];
    int64_t sum = 0;
    char *full = malloc(8192);
    dl4c_status status = dl4c_fs_list(ctx, uri, gather, &all, &err);
    for (int i = 0; status == DL4C_OK && i < all.n + ahead; i++) {
        if (i < all.n) {
            const size_t n = strcspn(uri, "?");
            snprintf(full, 8192, "%.*s/%s%s", (int)n, uri, all.name[i], uri + n);
            status = dl4c_fs_load_start(ctx, full, all.size[i], 0, &load[i], &err);
        }
        if (status == DL4C_OK && i >= ahead && i - ahead < all.n) {
            const void *bytes;
            size_t size;
            status = dl4c_fs_load_wait(load[i - ahead], -1, &bytes, &size, &err);
            sum += status == DL4C_OK ? (int64_t)size : 0;
            dl4c_fs_load_end(&load[i - ahead]);
        }
    }
    printf("%d files, %" PRId64 " bytes\n", all.n, sum);
    free(full);
    return status;
}

static void on_log(void *user, int32_t level, const char *origin, const char *message)
{
    (void)user;
    fprintf(stderr, "log %d %s: %s\n", (int)level, origin, message);
}

int main(int argc, char **argv)
{
    const struct dl4c_context_options co = { .struct_size = sizeof co, .log = on_log };
    struct dl4c_webhdfs_options o = DL4C_WEBHDFS_OPTIONS_INIT;
    const char *op = argc > 2 ? argv[1] : "", *uri = argc > 2 ? argv[2] : "", *third = argc > 3 ? argv[3] : NULL;
    dl4c_status status = dl4c_context_create(&co, &ctx, &err);
    o.ca_file = getenv("TOOL_CA");
    o.cert_file = getenv("TOOL_CERT");
    o.key_file = getenv("TOOL_KEY");
    o.key_password = getenv("TOOL_KEY_PASSWORD");
    o.token = getenv("TOOL_TOKEN");
    o.datanodes = getenv("TOOL_DATANODES");
    o.retry_ms = getenv("TOOL_RETRY_MS") ? strtol(getenv("TOOL_RETRY_MS"), NULL, 10) : 0;
    if (status == DL4C_OK)
        status = dl4c_webhdfs_configure(ctx, &o, &err);
    if (status != DL4C_OK) {
        ;
    } else if (strcmp(op, "ls") == 0) {
        status = dl4c_fs_list(ctx, uri, show, NULL, &err);
    } else if (strcmp(op, "stat") == 0) {
        struct dl4c_fs_stat st = DL4C_FS_STAT_INIT;
        status = dl4c_fs_stat_uri(ctx, uri, &st, &err);
        if (status == DL4C_OK)
            printf("%d %" PRId64 " %o %d %" PRId64 "\n", (int)st.kind, st.size_bytes, (unsigned)st.mode, (int)st.replication,
                   st.block_bytes);
    } else if (strcmp(op, "mkdir") == 0) {
        status = dl4c_fs_mkdir(ctx, uri, &err);
    } else if (strcmp(op, "rm") == 0) {
        status = dl4c_fs_remove(ctx, uri, &err);
    } else if (strcmp(op, "mv") == 0 && third) {
        status = dl4c_fs_rename(ctx, uri, third, &err);
    } else if (strcmp(op, "cp") == 0 && third) {
        status = copy(uri, third, argc > 4 ? strtol(argv[4], NULL, 10) : 0);
    } else if (strcmp(op, "append") == 0 && third) {
        status = dl4c_fs_append(ctx, uri, third, strlen(third), &err);
    } else if (strcmp(op, "sum") == 0) {
        struct dl4c_fs_checksum c = DL4C_FS_CHECKSUM_INIT;
        status = dl4c_fs_get_checksum(ctx, uri, &c, &err);
        if (status == DL4C_OK)
            printf("%s %s\n", c.algorithm, c.digest);
    } else if (strcmp(op, "du") == 0) {
        struct dl4c_fs_summary s = DL4C_FS_SUMMARY_INIT;
        status = dl4c_fs_get_summary(ctx, uri, &s, &err);
        if (status == DL4C_OK)
            printf("%" PRId64 " %" PRId64 " %" PRId64 " %" PRId64 "\n", s.n_files, s.n_directories, s.size_bytes, s.space_bytes);
    } else if (strcmp(op, "chmod") == 0 && third) {
        struct dl4c_fs_change c = DL4C_FS_CHANGE_INIT;
        c.what = DL4C_FS_CHANGE_MODE;
        c.mode = (int32_t)strtol(third, NULL, 8);
        status = dl4c_fs_set(ctx, uri, &c, &err);
    } else if (strcmp(op, "truncate") == 0 && third) {
        status = dl4c_fs_truncate(ctx, uri, strtol(third, NULL, 10), &err);
    } else if (strcmp(op, "concat") == 0 && third) {
        status = dl4c_fs_concat(ctx, uri, (const char *const *)(argv + 3), argc - 3, &err);
    } else if (strcmp(op, "load") == 0 && third) {
        status = load_all(uri, (int)strtol(third, NULL, 10));
    } else {
        fprintf(stderr, "usage: tool OP URI [ARGUMENT]\n");
        return 2;
    }
    if (status != DL4C_OK)
        fprintf(stderr, "%s %s: %s\n", dl4c_status_name(status), err.origin, err.message);
    dl4c_context_destroy(&ctx);
    return status == DL4C_OK ? 0 : 1;
}
