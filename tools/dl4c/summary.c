/* SPDX-License-Identifier: Apache-2.0 */
/* dl4c summary MODEL [--json] [--shapes] and dl4c plot MODEL|RUN_DIR -o FILE. */
#include "cli.h"

#include <string.h>

int cmd_summary(int argc, char **argv)
{
    bool json = false, shapes = false;
    const char *model;
    const struct cli_option options[] = {
        { "--json", CLI_FLAG, &json, "one JSON object" },
        { "--shapes", CLI_FLAG, &shapes, "columns with the shapes that go in and come out" },
        { 0 },
    };
    int status = cli_parse(argc, argv, "summary MODEL [--json] [--shapes]", options, &model, 1, 1, NULL);
    if (status >= 0 || (status = cli_begin()) >= 0)
        return status;
    struct dl4c_error err = DL4C_ERROR_INIT;
    dl4c_graph *g = NULL;
    char *text = NULL;
    struct dl4c_summary_options o = DL4C_SUMMARY_OPTIONS_INIT;
    o.shapes = shapes;
    dl4c_status failed = cli_load(model, &g, &err);
    if (failed == DL4C_OK)
        failed = json ? dl4c_graph_json(g, &text, &err) : dl4c_graph_summary(g, &o, &text, &err);
    if (failed == DL4C_OK) {
        fputs(text, stdout);
        if (json)
            fputc('\n', stdout);
    }
    dl4c_free(text);
    dl4c_graph_destroy(&g);
    return failed == DL4C_OK ? CLI_DONE : cli_fail(&err);
}

int cmd_plot(int argc, char **argv)
{
    const char *model, *out = NULL;
    const struct cli_option options[] = { { "-o", CLI_TEXT, &out, "FILE.dot or FILE.svg" }, { 0 } };
    int status = cli_parse(argc, argv, "plot MODEL|RUN_DIR -o FILE.dot|FILE.svg", options, &model, 1, 1, NULL);
    if (status >= 0)
        return status;
    const char *dot = out ? strrchr(out, '.') : NULL;
    if (!dot || (strcmp(dot, ".dot") != 0 && strcmp(dot, ".svg") != 0))
        return cli_usage("-o is \"%s\", wanted FILE.dot or FILE.svg", out ? out : "");
    if ((status = cli_begin()) >= 0)
        return status;
    if (cli_is_run_dir(model)) {
        if (strcmp(dot, ".svg") != 0)
            return cli_usage("-o is \"%s\", wanted FILE.svg: a run's curves are drawn as SVG only", out);
        return cli_plot_run(model, out);
    }
    struct dl4c_fs_stat s = DL4C_FS_STAT_INIT;
    if (dl4c_fs_stat_uri(cli.ctx, model, &s, NULL) == DL4C_OK && s.kind == DL4C_FS_DIRECTORY)
        return cli_failed("%s is a directory without epochs.jsonl, wanted a model or the record of a training", model);
    struct dl4c_error err = DL4C_ERROR_INIT;
    dl4c_graph *g = NULL;
    char *text = NULL;
    dl4c_status failed = cli_load(model, &g, &err);
    if (failed == DL4C_OK)
        failed = dl4c_graph_draw(g, dot + 1, &text, &err);
    status = failed == DL4C_OK ? cli_write_text(out, text) : cli_fail(&err);
    dl4c_free(text);
    dl4c_graph_destroy(&g);
    return status;
}
