/* SPDX-License-Identifier: Apache-2.0 */
/* dl4c fs get and put: many files at once, whole or not at all. */
#define _POSIX_C_SOURCE 200809L
#include "fs.h"

#include <stdlib.h>
#include <string.h>

struct copying {
    bool overwrite, resume, checksum, times, sync, plain, json;
};

static int on_failure(void *user, const char *from, const char *to, const struct dl4c_error *why)
{
    (void)user;
    (void)from;
    if (why->status == DL4C_E_EXISTS)
        cli_failed("%s: %s is there already: --overwrite replaces files, --resume those that differ", why->origin, to);
    else
        cli_fail(why);
    return 0;
}

static void report(const struct copying *o, const struct dl4c_fs_copied *n)
{
    printf(o->json ? "{\"copied\": %lld, \"skipped\": %lld, \"failed\": %lld, \"directories\": %lld, \"bytes\": %lld}\n"
                   : "copied %lld, skipped %lld, failed %lld, directories %lld, bytes %lld\n",
           (long long)n->n_files, (long long)n->n_skipped, (long long)n->n_failed, (long long)n->n_directories, (long long)n->size_bytes);
}

static int copy_names(const struct copying *o, const struct fs_names *names, const char *to)
{
    struct dl4c_fs_copy_options co = DL4C_FS_COPY_OPTIONS_INIT;
    struct dl4c_fs_copied copied = DL4C_FS_COPIED_INIT;
    struct dl4c_error err = DL4C_ERROR_INIT;
    const char **from = calloc(names->n + 1, sizeof *from);
    if (!from || names->n > INT32_MAX)
        return cli_failed("no memory for %zu names", names->n);
    for (size_t i = 0; i < names->n; i++)
        from[i] = names->name[i].uri;
    co.threads = (int32_t)cli.threads;
    co.flags = (o->overwrite ? DL4C_FS_COPY_OVERWRITE : 0u) | (o->resume ? DL4C_FS_COPY_RESUME : 0u) |
               (o->checksum ? DL4C_FS_COPY_CHECKSUM : 0u) | (o->times ? DL4C_FS_COPY_TIMES : 0u) | (o->sync ? DL4C_FS_COPY_SYNC : 0u);
    co.progress = cli_progress;
    co.cancel = &cli_cancel;
    co.failed = on_failure;
    const dl4c_status status = dl4c_fs_copy(cli.ctx, from, (int32_t)names->n, to, &co, &copied, &err);
    free(from);
    cli_progress_end();
    const long long all = (long long)(copied.n_files + copied.n_skipped + copied.n_failed);
    if (status == DL4C_OK || copied.n_files + copied.n_skipped > 0)
        report(o, &copied);
    if (status != DL4C_OK && (copied.n_failed == 0 || status == DL4C_E_CANCELLED || status == DL4C_E_FULL))
        return cli_fail(&err);
    if (status != DL4C_OK && all > 1)
        return cli_failed("%lld of %lld could not be copied", (long long)copied.n_failed, all);
    return status == DL4C_OK ? CLI_DONE : CLI_FAILED;
}

/* What comes in on standard input, until it ends, as a file. */
static int copy_input(const struct copying *o, const char *to)
{
    enum { ROOM = 1 << 20 };
    struct dl4c_fs_copied copied = DL4C_FS_COPIED_INIT;
    struct dl4c_fs_stat st = DL4C_FS_STAT_INIT;
    struct dl4c_error err = DL4C_ERROR_INIT;
    dl4c_fs_writer *w = NULL;
    if (o->resume || o->times)
        return cli_usage("standard input cannot be resumed and has no time of its own");
    dl4c_status status = dl4c_fs_stat_uri(cli.ctx, to, &st, &err);
    if (status == DL4C_OK && !o->overwrite)
        return cli_failed("fs: %s is there already; --overwrite replaces it", to);
    char *buffer = malloc(ROOM);
    if (!buffer)
        return cli_failed("no memory to copy with");
    if (status == DL4C_E_NOTFOUND || status == DL4C_OK)
        status = dl4c_fs_create(cli.ctx, to, &w, &err);
    for (size_t n = 1; status == DL4C_OK && n > 0;) {
        n = fread(buffer, 1, ROOM, stdin);
        if (ferror(stdin))
            status = cli_error(&err, DL4C_E_IO, "fs", "standard input could not be read");
        else if (cli_cancel)
            status = cli_error(&err, DL4C_E_CANCELLED, "fs", "interrupted");
        else
            status = dl4c_fs_write(w, buffer, n, &err);
        copied.size_bytes += (int64_t)n;
    }
    free(buffer);
    if (status == DL4C_OK)
        status = dl4c_fs_commit(&w, &err);
    dl4c_fs_abandon(&w);
    if (status != DL4C_OK)
        return cli_fail(&err);
    copied.n_files = 1;
    report(o, &copied);
    return CLI_DONE;
}

int fs_copy(int argc, char **argv, bool put)
{
    struct copying o = { 0 };
    struct fs_names names = { 0 };
    int n = 0;
    const struct cli_option options[] = {
        { "--overwrite", CLI_FLAG, &o.overwrite, "replaces files that are there; else they are failures" },
        { "--resume", CLI_FLAG, &o.resume, "leaves files of the same size that are no older than the source, replaces others" },
        { "--checksum", CLI_FLAG, &o.checksum, "reads copies again and compares SHA-256; with --resume compares bytes, not times" },
        { "--times", CLI_FLAG, &o.times, "copies get the source's time of modification" },
        { "--sync", CLI_FLAG, &o.sync, "waits until local copies are on the disk" },
        { "--json", CLI_FLAG, &o.json, "the sums as one JSON object" },
        { "--no-glob", CLI_FLAG, &o.plain, "* ? [ ] { } in names mean themselves" },
        { 0 },
    };
    const char **arguments = calloc((size_t)argc + 1, sizeof *arguments);
    int status = arguments ? cli_parse(argc, argv,
                                       put ? "fs put LOCAL... URI [--threads 8] [--overwrite] [--resume] [--checksum] [--times]"
                                           : "fs get URI... LOCAL [--threads 8] [--overwrite] [--resume] [--checksum] [--times]",
                                       options, arguments, 2, argc, &n)
                           : cli_failed("no memory for %d arguments", argc);
    if (status < 0 && cli.threads > 1024)
        status = cli_usage("--threads is %lld, wanted 0 to 1024 files at once", (long long)cli.threads);
    if (status < 0)
        status = cli_begin();
    if (status < 0 && put && n == 2 && strcmp(arguments[0], "-") == 0) {
        status = copy_input(&o, arguments[1]);
    } else if (status < 0) {
        fs_expand_all(arguments, n - 1, o.plain, &names);
        status = names.n ? copy_names(&o, &names, arguments[n - 1]) : CLI_FAILED;
        status = names.missing ? CLI_FAILED : status;
    }
    fs_names_free(&names);
    free(arguments);
    return status;
}
