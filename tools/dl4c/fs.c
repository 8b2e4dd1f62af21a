/* SPDX-License-Identifier: Apache-2.0 */
/* dl4c fs: files and directories, local and of HDFS alike. */
#define _POSIX_C_SOURCE 200809L
#include "fs.h"

#include <stdlib.h>
#include <string.h>

#define NO_GLOB(flag)                                                                                                                      \
    {                                                                                                                                      \
        "--no-glob", CLI_FLAG, &(flag), "* ? [ ] { } in names mean themselves"                                                             \
    }

/* ---- names ---- */

static int add_name(void *arg, const char *uri, const struct dl4c_fs_stat *stat)
{
    struct fs_names *names = arg;
    if (names->n == names->room) {
        const size_t room = names->room ? 2 * names->room : 16;
        struct fs_name *more = realloc(names->name, room * sizeof *more);
        if (!more)
            return 1;
        names->name = more;
        names->room = room;
    }
    struct fs_name *name = &names->name[names->n];
    name->stat = *stat;
    name->uri = strdup(uri);
    return name->uri ? (names->n++, 0) : 1;
}

dl4c_status fs_expand(const char *argument, bool plain, struct fs_names *names, struct dl4c_error *err)
{
    struct dl4c_fs_stat st = DL4C_FS_STAT_INIT;
    const size_t before = names->n;
    dl4c_status status;
    if (!plain)
        status = dl4c_fs_glob(cli.ctx, argument, add_name, names, err);
    else if ((status = dl4c_fs_stat_uri(cli.ctx, argument, &st, err)) == DL4C_OK)
        add_name(names, argument, &st);
    if (status == DL4C_OK && names->n == before)
        status = cli_error(err, DL4C_E_NOMEM, "fs", "no memory for the names that %s stands for", argument);
    return status;
}

void fs_expand_all(const char *const *arguments, int n, bool plain, struct fs_names *names)
{
    for (int i = 0; i < n; i++) {
        struct dl4c_error err = DL4C_ERROR_INIT;
        if (fs_expand(arguments[i], plain, names, &err) != DL4C_OK) {
            cli_fail(&err);
            names->missing = true;
        }
    }
}

void fs_names_free(struct fs_names *names)
{
    for (size_t i = 0; i < names->n; i++)
        free(names->name[i].uri);
    free(names->name);
    *names = (struct fs_names){ 0 };
}

char *fs_inside(const char *directory, const char *source, struct dl4c_error *err)
{
    char *name = NULL, *uri = NULL;
    if (dl4c_fs_base_name(cli.ctx, source, &name, err) == DL4C_OK)
        dl4c_fs_join(cli.ctx, directory, name, &uri, err);
    dl4c_free(name);
    return uri;
}

/* Reads the options and makes the context; -1 to go on. The caller frees *arguments. */
static int begin(int argc, char **argv, const char *usage, const struct cli_option *options, int min, const char ***arguments, int *n)
{
    *arguments = calloc((size_t)argc + 1, sizeof **arguments);
    if (!*arguments)
        return cli_failed("no memory for %d arguments", argc);
    int status = cli_parse(argc, argv, usage, options, *arguments, min, argc, n);
    if (status < 0)
        status = cli_begin();
    return status;
}

/* ---- cat ---- */

static dl4c_status print_file(const char *uri, char *buffer, size_t room, struct dl4c_error *err)
{
    dl4c_fs_file *file = NULL;
    dl4c_status status = dl4c_fs_open(cli.ctx, uri, &file, err);
    const int64_t size = status == DL4C_OK ? dl4c_fs_size(file) : 0;
    for (int64_t at = 0; status == DL4C_OK && at < size;) {
        const size_t n = size - at < (int64_t)room ? (size_t)(size - at) : room;
        if (dl4c_fs_cancelled())
            status = cli_error(err, DL4C_E_CANCELLED, "fs", "%.300s: interrupted", uri);
        else
            status = dl4c_fs_read_at(file, at, buffer, n, err);
        if (status == DL4C_OK && fwrite(buffer, 1, n, stdout) != n)
            status = cli_error(err, DL4C_E_IO, "fs", "standard output could not be written");
        at += (int64_t)n;
    }
    dl4c_fs_close(&file);
    return status;
}

static int cat(int argc, char **argv)
{
    enum { ROOM = 4 << 20 };
    bool plain = false, good = true;
    const char **arguments;
    struct fs_names names = { 0 };
    int n = 0;
    const struct cli_option options[] = { NO_GLOB(plain), { 0 } };
    int status = begin(argc, argv, "fs cat URI...", options, 1, &arguments, &n);
    if (status < 0) {
        char *buffer = malloc(ROOM);
        fs_expand_all(arguments, n, plain, &names);
        good = buffer && !names.missing;
        for (size_t i = 0; buffer && i < names.n && !cli_cancel && !ferror(stdout); i++) {
            struct dl4c_error err = DL4C_ERROR_INIT;
            if (print_file(names.name[i].uri, buffer, ROOM, &err) != DL4C_OK) {
                cli_fail(&err);
                good = false;
            }
        }
        free(buffer);
        status = good && !cli_cancel ? CLI_DONE : CLI_FAILED;
    }
    fs_names_free(&names);
    free(arguments);
    return status;
}

/* ---- mkdir, mv, rm ---- */

static int make(int argc, char **argv)
{
    const char **arguments;
    bool parents = false;
    int n = 0;
    const struct cli_option options[] = { { "-p", CLI_FLAG, &parents, "for habit: missing parents are made in any case" }, { 0 } };
    int status = begin(argc, argv, "fs mkdir URI...", options, 1, &arguments, &n);
    if (status < 0) {
        status = CLI_DONE;
        for (int i = 0; i < n && !cli_cancel; i++) {
            struct dl4c_error err = DL4C_ERROR_INIT;
            if (dl4c_fs_mkdir(cli.ctx, arguments[i], &err) != DL4C_OK)
                status = cli_fail(&err);
        }
    }
    free(arguments);
    return status;
}

/* Bytes of scheme and authority; 0: local. */
static size_t head_length(const char *uri)
{
    const char *mark = strstr(uri, "://");
    if (!mark || strcspn(uri, "/") < (size_t)(mark - uri) || strncmp(uri, "file:", 5) == 0)
        return 0;
    return (size_t)(mark - uri) + 3 + strcspn(mark + 3, "/?");
}

static bool one_file_system(const char *a, const char *b)
{
    const size_t n = head_length(a);
    return n == head_length(b) && strncmp(a, b, n) == 0;
}

static int move_one(const char *from, const char *to, bool into, bool overwrite)
{
    struct dl4c_error err = DL4C_ERROR_INIT;
    struct dl4c_fs_stat there = DL4C_FS_STAT_INIT;
    char *inside = NULL;
    int status = CLI_DONE;
    if (into && !(inside = fs_inside(to, from, &err)))
        return cli_fail(&err);
    const char *const target = inside ? inside : to;
    const dl4c_status found = overwrite ? DL4C_E_NOTFOUND : dl4c_fs_stat_uri(cli.ctx, target, &there, &err);
    if (found == DL4C_OK)
        status = cli_failed("fs: %s is there already; --overwrite replaces it", target);
    else if (found != DL4C_E_NOTFOUND || dl4c_fs_rename(cli.ctx, from, target, &err) != DL4C_OK)
        status = cli_fail(&err);
    dl4c_free(inside);
    return status;
}

static int move(int argc, char **argv)
{
    const char **arguments;
    bool plain = false, overwrite = false;
    struct fs_names names = { 0 };
    int n = 0;
    const struct cli_option options[] = {
        { "--overwrite", CLI_FLAG, &overwrite, "replaces a file of the new name" },
        NO_GLOB(plain),
        { 0 },
    };
    int status = begin(argc, argv, "fs mv SRC... DST", options, 2, &arguments, &n);
    if (status < 0) {
        const char *to = arguments[n - 1];
        struct dl4c_fs_stat st = DL4C_FS_STAT_INIT;
        struct dl4c_error err = DL4C_ERROR_INIT;
        int apart = 0;
        while (apart < n - 1 && one_file_system(arguments[apart], to))
            apart++;
        if (apart == n - 1)
            fs_expand_all(arguments, n - 1, plain, &names);
        status = names.missing ? CLI_FAILED : CLI_DONE;
        const dl4c_status found = apart == n - 1 ? dl4c_fs_stat_uri(cli.ctx, to, &st, &err) : DL4C_OK;
        const bool into = st.kind == DL4C_FS_DIRECTORY;
        if (apart < n - 1)
            status = cli_failed("fs: %s and %s are not in one file system: copy with dl4c fs put or dl4c fs get, then remove",
                                arguments[apart], to);
        else if (found != DL4C_OK && found != DL4C_E_NOTFOUND)
            status = cli_fail(&err);
        else if (names.n > 1 && !into)
            status = cli_failed("fs: %s is no directory, wanted one for %zu sources", to, names.n);
        else
            for (size_t i = 0; i < names.n && !cli_cancel; i++)
                if (move_one(names.name[i].uri, to, into, overwrite) != CLI_DONE)
                    status = CLI_FAILED;
    }
    fs_names_free(&names);
    free(arguments);
    return cli_cancel && status == CLI_DONE ? CLI_FAILED : status;
}

static int rm(int argc, char **argv)
{
    const char **arguments;
    bool plain = false, recursive = false, force = false;
    int n = 0;
    const struct cli_option options[] = {
        { "-r", CLI_FLAG, &recursive, "as --recursive" },
        { "--recursive", CLI_FLAG, &recursive, "directories with all that is in them" },
        { "-f", CLI_FLAG, &force, "as --force" },
        { "--force", CLI_FLAG, &force, "what is not there is no failure" },
        NO_GLOB(plain),
        { 0 },
    };
    int status = begin(argc, argv, "fs rm [-r|--recursive] [-f|--force] URI...", options, 1, &arguments, &n);
    if (status < 0) {
        status = CLI_DONE;
        for (int k = 0; k < n && !cli_cancel; k++) {
            struct dl4c_error err = DL4C_ERROR_INIT;
            struct fs_names names = { 0 };
            const dl4c_status found = fs_expand(arguments[k], plain, &names, &err);
            /* a link to nothing is not there for those who follow it */
            if (found != DL4C_OK && dl4c_fs_remove(cli.ctx, arguments[k], NULL) != DL4C_OK && !(force && found == DL4C_E_NOTFOUND))
                status = cli_fail(&err);
            for (size_t i = 0; i < names.n && !cli_cancel; i++) {
                const struct fs_name *name = &names.name[i];
                if (name->stat.kind == DL4C_FS_DIRECTORY && !recursive)
                    status = cli_failed("fs: %s is a directory; --recursive removes it with all that is in it", name->uri);
                else if ((recursive ? dl4c_fs_remove_all : dl4c_fs_remove)(cli.ctx, name->uri, &err) != DL4C_OK)
                    status = cli_fail(&err);
            }
            fs_names_free(&names);
        }
    }
    free(arguments);
    return cli_cancel && status == CLI_DONE ? CLI_FAILED : status;
}

static int get(int argc, char **argv) { return fs_copy(argc, argv, false); }
static int put(int argc, char **argv) { return fs_copy(argc, argv, true); }

int cmd_fs(int argc, char **argv)
{
    static const struct {
        const char *name, *full, *help;
        cli_command_fn *run;
    } verbs[] = {
        { "ls", "fs ls", "lists directories", fs_list },
        { "cat", "fs cat", "prints files", cat },
        { "get", "fs get", "copies from HDFS, directories with all that is in them", get },
        { "put", "fs put", "copies to HDFS, likewise", put },
        { "mkdir", "fs mkdir", "makes directories", make },
        { "mv", "fs mv", "renames", move },
        { "rm", "fs rm", "removes", rm },
    };
    enum { VERBS = sizeof verbs / sizeof verbs[0] };
    const char *verb = argc > 1 ? argv[1] : "";
    for (int i = 0; i < VERBS; i++)
        if (strcmp(verb, verbs[i].name) == 0) {
            argv[1] = (char *)verbs[i].full; /* as messages call it */
            return verbs[i].run(argc - 1, argv + 1);
        }
    if (strcmp(verb, "--help") != 0 && strcmp(verb, "-h") != 0)
        return *verb ? cli_usage("dl4c fs has no command \"%s\"; dl4c fs --help lists them", verb)
                     : cli_usage("fs wants one of ls, cat, get, put, mkdir, mv and rm; dl4c fs --help tells more");
    printf("usage: dl4c fs COMMAND [arguments]\n\n");
    for (int i = 0; i < VERBS; i++)
        printf("  %-8s %s\n", verbs[i].name, verbs[i].help);
    printf("\nPaths are local, file:// or those of HDFS: webhdfs://host:9870/path. dl4c fs COMMAND --help lists options.\n");
    return CLI_DONE;
}
