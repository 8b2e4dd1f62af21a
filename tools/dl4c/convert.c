/* SPDX-License-Identifier: Apache-2.0 */
/* dl4c convert SRC DST [--updater] and dl4c join TRUNK --at VERTEX HEAD -o MODEL. */
#include "cli.h"

int cmd_convert(int argc, char **argv)
{
    bool updater = false;
    const char *files[2];
    const struct cli_option options[] = { { "--updater", CLI_FLAG, &updater, "the updater's state too" }, { 0 } };
    int status = cli_parse(argc, argv, "convert SRC DST [--updater]", options, files, 2, 2, NULL);
    if (status >= 0 || (status = cli_begin()) >= 0)
        return status;
    if (!cli_can_save(files[1]))
        return CLI_FAILED;
    struct dl4c_error err = DL4C_ERROR_INIT;
    dl4c_graph *g = NULL;
    struct dl4c_load_options lo = DL4C_LOAD_OPTIONS_INIT;
    struct dl4c_save_options so = DL4C_SAVE_OPTIONS_INIT;
    lo.progress = so.progress = cli_progress;
    lo.cancel = so.cancel = &cli_cancel;
    so.updater = updater;
    dl4c_status failed = dl4c_model_load(cli.ctx, files[0], &lo, &g, &err);
    if (failed == DL4C_OK)
        failed = dl4c_model_save(g, files[1], &so, &err);
    dl4c_graph_destroy(&g);
    return failed == DL4C_OK ? CLI_DONE : cli_fail(&err);
}

int cmd_join(int argc, char **argv)
{
    const char *at = NULL, *out = NULL, *files[2];
    const struct cli_option options[] = {
        { "--at", CLI_TEXT, &at, "the vertex of TRUNK where HEAD begins" },
        { "-o", CLI_TEXT, &out, "the model to write" },
        { 0 },
    };
    int status = cli_parse(argc, argv, "join TRUNK --at VERTEX HEAD -o MODEL", options, files, 2, 2, NULL);
    if (status >= 0)
        return status;
    if (!at || !out)
        return cli_usage("join needs --at VERTEX and -o MODEL");
    if ((status = cli_begin()) >= 0)
        return status;
    if (!cli_can_save(out))
        return CLI_FAILED;
    struct dl4c_error err = DL4C_ERROR_INIT;
    dl4c_graph *model = NULL, *trunk = NULL, *head = NULL, *whole = NULL;
    dl4c_status failed = cli_load(files[0], &model, &err);
    if (failed == DL4C_OK)
        failed = cli_load(files[1], &head, &err);
    if (failed == DL4C_OK)
        failed = dl4c_graph_split(model, &at, 1, NULL, &trunk, NULL, &err);
    if (failed == DL4C_OK)
        failed = dl4c_graph_join(trunk, head, NULL, &whole, &err);
    if (failed == DL4C_OK)
        failed = dl4c_model_save(whole, out, NULL, &err);
    dl4c_graph_destroy(&model);
    dl4c_graph_destroy(&trunk);
    dl4c_graph_destroy(&head);
    dl4c_graph_destroy(&whole);
    return failed == DL4C_OK ? CLI_DONE : cli_fail(&err);
}
