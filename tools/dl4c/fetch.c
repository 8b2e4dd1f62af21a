/* SPDX-License-Identifier: Apache-2.0 */
/* dl4c fetch: the list; dl4c fetch NAME|URL: published weights into the cache, checked. */
#include "cli.h"

#include <stdlib.h>
#include <string.h>

static int list(void)
{
    struct dl4c_error err = DL4C_ERROR_INIT;
    struct dl4c_weights_info w = DL4C_WEIGHTS_INFO_INIT;
    for (int32_t i = 0; i < dl4c_weights_count(); i++) {
        if (dl4c_weights_get(i, &w, &err) != DL4C_OK)
            return cli_fail(&err);
        printf("%-15s %-8s %s\n%-15s %-8s %s\n", w.name, w.sha256 ? "sha256" : "adler32", w.doc, "", "", w.url);
    }
    return CLI_DONE;
}

/* XDG_CACHE_HOME/dl4c, else HOME/.cache/dl4c. */
static bool cache_folder(char *text, size_t size)
{
    const char *xdg = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    if (xdg && xdg[0] == '/') /* others must be ignored, says the XDG Base Directory Specification */
        return snprintf(text, size, "%s/dl4c", xdg) < (int)size;
    return home && home[0] && snprintf(text, size, "%s/.cache/dl4c", home) < (int)size;
}

int cmd_fetch(int argc, char **argv)
{
    const char *what = NULL;
    char folder[4096];
    double timeout = 0, stall = 30;
    bool again = false, offline = false, json = false;
    struct dl4c_fetch_options o = DL4C_FETCH_OPTIONS_INIT;
    const struct cli_option options[] = {
        { "--mirror", CLI_TEXT, &o.mirror, "URL of a folder that has the files under their published names" },
        { "--cache", CLI_TEXT, &o.cache, "folder; else XDG_CACHE_HOME/dl4c or ~/.cache/dl4c" },
        { "--sha256", CLI_TEXT, &o.sha256, "digest that the file must have" },
        { "--timeout", CLI_NUMBER, &timeout, "seconds for all; none" },
        { "--stall", CLI_NUMBER, &stall, "seconds without a byte, 30" },
        { "--again", CLI_FLAG, &again, "also where the cache has it" },
        { "--offline", CLI_FLAG, &offline, "only from the cache" },
        { "--json", CLI_FLAG, &json, "one JSON object" },
        { 0 },
    };
    int status = cli_parse(argc, argv, "fetch [NAME|URL] [options]", options, &what, 0, 1, NULL);
    if (status >= 0)
        return status;
    if (!what)
        return list();
    if (timeout < 0 || stall <= 0 || timeout > 1e9 || stall > 1e9)
        return cli_usage("--timeout must not be negative and --stall must be positive");
    if (!o.cache && !cache_folder(folder, sizeof folder))
        return cli_usage("neither XDG_CACHE_HOME nor HOME is set; --cache names a folder");
    if (!o.cache)
        o.cache = folder;
    if ((status = cli_begin()) >= 0)
        return status;
    struct dl4c_error err = DL4C_ERROR_INIT;
    struct dl4c_fetched got = DL4C_FETCHED_INIT;
    o.timeout_ms = (int64_t)(timeout * 1000);
    o.stall_ms = (int64_t)(stall * 1000) > 0 ? (int64_t)(stall * 1000) : 1;
    o.flags = (again ? DL4C_FETCH_AGAIN : 0) | (offline ? DL4C_FETCH_OFFLINE : 0);
    o.progress = cli_progress;
    o.cancel = &cli_cancel;
    if (dl4c_fetch(cli.ctx, what, &o, &got, &err) != DL4C_OK)
        return cli_fail(&err);
    static const char *const checked[] = { "nothing", "adler32", "sha256" };
    cli_progress_end();
    if (json) {
        fputs("{\"path\": ", stdout);
        cli_json_string(stdout, got.path);
        printf(", \"sha256\": \"%s\", \"checked\": \"%s\", \"bytes\": %lld, \"received\": %lld}\n", got.sha256, checked[got.checked],
               (long long)got.size_bytes, (long long)got.received);
    } else {
        printf("%s\n", got.path);
    }
    if (!cli.quiet && got.checked == DL4C_CHECKED_ADLER32)
        fprintf(stderr, "dl4c: Adler-32 as published, which finds accidents only; pin it with --sha256 %s\n", got.sha256);
    else if (!cli.quiet && got.checked == DL4C_CHECKED_NOTHING)
        fprintf(stderr, "dl4c: nothing was checked; pin it with --sha256 %s\n", got.sha256);
    dl4c_free(got.path);
    return CLI_DONE;
}
