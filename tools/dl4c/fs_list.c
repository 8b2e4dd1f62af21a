/* SPDX-License-Identifier: Apache-2.0 */
/* dl4c fs ls: names a line, with sizes to the byte. */
#define _POSIX_C_SOURCE 200809L
#include "fs.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

struct listing {
    bool recursive, detailed, json, itself, plain;
    bool whole;           /* names are whole URIs: there are several arguments */
    const char *directory; /* that is listed */
    bool some;            /* of JSON: an entry was printed */
    bool failed;
};

static void moment(int64_t ms, bool fraction, char *to, size_t room)
{
    const time_t seconds = (time_t)(ms / 1000);
    struct tm tm;
    char text[40];
    if (ms <= 0 || !gmtime_r(&seconds, &tm) || strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &tm) == 0) {
        snprintf(to, room, "-");
        return;
    }
    if (fraction)
        snprintf(to, room, "%s.%03dZ", text, (int)(ms % 1000));
    else
        snprintf(to, room, "%sZ", text);
}

static void print_json(struct listing *l, const char *name, const char *uri, const struct dl4c_fs_stat *st)
{
    char when[64];
    printf("%s\n  {\"name\": ", l->some ? "," : "{\"entries\": [");
    l->some = true;
    cli_json_string(stdout, name);
    printf(", \"uri\": ");
    cli_json_string(stdout, uri);
    printf(", \"kind\": \"%s\", \"size\": %lld", st->kind == DL4C_FS_FILE ? "file" : st->kind == DL4C_FS_DIRECTORY ? "directory" : "other",
           (long long)st->size_bytes);
    moment(st->mtime_ms, true, when, sizeof when);
    if (when[0] == '-')
        printf(", \"mtime\": null");
    else
        printf(", \"mtime\": \"%s\"", when);
    printf(", \"mode\": \"%04o\", \"replication\": %d, \"block\": %lld}", (unsigned)st->mode, (int)st->replication,
           (long long)st->block_bytes);
}

static void print_long(const struct dl4c_fs_stat *st)
{
    char mode[11] = "-rwxrwxrwx", copies[16] = "-", when[64];
    mode[0] = st->kind == DL4C_FS_DIRECTORY ? 'd' : st->kind == DL4C_FS_FILE ? '-' : '?';
    for (int i = 0; i < 9; i++)
        if (!(st->mode >> (8 - i) & 1))
            mode[1 + i] = '-';
    if (st->mode & 01000) /* sticky, as in /tmp */
        mode[9] = st->mode & 1 ? 't' : 'T';
    if (st->replication > 0)
        snprintf(copies, sizeof copies, "%d", (int)st->replication);
    moment(st->mtime_ms, false, when, sizeof when);
    printf("%s %3s %15lld %20s ", mode, copies, (long long)st->size_bytes, when);
}

static void print_entry(struct listing *l, const char *name, const char *uri, const struct dl4c_fs_stat *st)
{
    if (l->json) {
        print_json(l, name, uri, st);
        return;
    }
    char *field = cli_tsv(l->whole ? uri : name);
    if (l->detailed)
        print_long(st);
    if (field)
        puts(field);
    else
        l->failed = true;
    free(field);
}

static int on_entry(void *arg, const char *name, const struct dl4c_fs_stat *st)
{
    struct listing *l = arg;
    struct dl4c_error err = DL4C_ERROR_INIT;
    char *uri = NULL;
    if (dl4c_fs_join(cli.ctx, l->directory, name, &uri, &err) != DL4C_OK) {
        cli_fail(&err);
        l->failed = true;
    } else {
        print_entry(l, name, uri, st);
    }
    dl4c_free(uri);
    return cli_cancel != 0 || ferror(stdout);
}

static void list_one(struct listing *l, const struct fs_name *name)
{
    struct dl4c_error err = DL4C_ERROR_INIT;
    dl4c_status status;
    if (name->stat.kind != DL4C_FS_DIRECTORY || l->itself) {
        print_entry(l, name->uri, name->uri, &name->stat);
        return;
    }
    l->directory = name->uri;
    if (l->recursive)
        status = dl4c_fs_walk(cli.ctx, name->uri, on_entry, l, &err);
    else
        status = dl4c_fs_list(cli.ctx, name->uri, on_entry, l, &err);
    if (status != DL4C_OK) {
        cli_fail(&err);
        l->failed = true;
    }
}

int fs_list(int argc, char **argv)
{
    struct listing l = { 0 };
    struct fs_names names = { 0 };
    int n = 0;
    const struct cli_option options[] = {
        { "-R", CLI_FLAG, &l.recursive, "as --recursive" },
        { "--recursive", CLI_FLAG, &l.recursive, "all that lies below" },
        { "-l", CLI_FLAG, &l.detailed, "as --long" },
        { "--long", CLI_FLAG, &l.detailed, "mode, replication, bytes, time of modification (UTC) and name" },
        { "-d", CLI_FLAG, &l.itself, "as --directory" },
        { "--directory", CLI_FLAG, &l.itself, "directories themselves, not what is in them" },
        { "--json", CLI_FLAG, &l.json, "one JSON object" },
        { "--no-glob", CLI_FLAG, &l.plain, "* ? [ ] { } in names mean themselves" },
        { 0 },
    };
    const char **arguments = calloc((size_t)argc + 1, sizeof *arguments);
    int status = arguments ? cli_parse(argc, argv, "fs ls [-R|--recursive] [-l|--long] [--json] URI...", options, arguments, 1, argc, &n)
                           : cli_failed("no memory for %d arguments", argc);
    if (status < 0)
        status = cli_begin();
    if (status < 0) {
        fs_expand_all(arguments, n, l.plain, &names);
        l.failed = names.missing;
        l.whole = n > 1 || names.n != 1;
        for (size_t i = 0; i < names.n && !cli_cancel && !ferror(stdout); i++)
            list_one(&l, &names.name[i]);
        if (l.json)
            printf("%s]}\n", l.some ? "\n" : "{\"entries\": [");
        status = l.failed || cli_cancel ? CLI_FAILED : CLI_DONE;
    }
    fs_names_free(&names);
    free(arguments);
    return status;
}
