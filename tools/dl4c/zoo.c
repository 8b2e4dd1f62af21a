/* SPDX-License-Identifier: Apache-2.0 */
/* dl4c zoo: the list; dl4c zoo NAME -o FILE: a network of it, freshly drawn or with the weights of a file. */
#include "cli.h"

#include <string.h>

static int list(bool json)
{
    struct dl4c_error err = DL4C_ERROR_INIT;
    struct dl4c_zoo_info z = DL4C_ZOO_INFO_INIT;
    if (!json)
        printf("%-12s %12s  %-13s %-8s %s\n", "NAME", "PARAMETERS", "IMAGE", "CLASSES", "WHAT");
    else
        fputs("{\"networks\": [", stdout);
    for (int32_t i = 0; i < dl4c_zoo_count(); i++) {
        char image[64];
        if (dl4c_zoo_get(i, &z, &err) != DL4C_OK)
            return cli_fail(&err);
        snprintf(image, sizeof image, "%dx%dx%d", (int)z.channels, (int)z.height, (int)z.width);
        if (!json) {
            printf("%-12s %12lld  %-13s %-8d %s\n", z.name, (long long)z.param_count, image, (int)z.n_classes, z.doc);
            continue;
        }
        printf("%s{\"name\": \"%s\", \"params\": %lld, \"channels\": %d, \"height\": %d, \"width\": %d, \"classes\": %d, \"preprocess\": ",
               i ? ", " : "", z.name, (long long)z.param_count, (int)z.channels, (int)z.height, (int)z.width, (int)z.n_classes);
        if (z.preprocess)
            cli_json_string(stdout, z.preprocess);
        else
            fputs("null", stdout);
        fputs(", \"doc\": ", stdout);
        cli_json_string(stdout, z.doc);
        fputc('}', stdout);
    }
    if (json)
        fputs("]}\n", stdout);
    return CLI_DONE;
}

int cmd_zoo(int argc, char **argv)
{
    const char *name = NULL, *out = NULL, *size = NULL;
    bool json = false, published = false;
    int64_t classes = 0, channels = 0, seed = 0;
    struct dl4c_zoo_options o = DL4C_ZOO_OPTIONS_INIT;
    const struct cli_option options[] = {
        { "-o", CLI_TEXT, &out, "FILE.zip to write" },
        { "--classes", CLI_INT, &classes, "of the last layer; else as published" },
        { "--size", CLI_TEXT, &size, "HxW of the image; else as published" },
        { "--channels", CLI_INT, &channels, "of the image; else as published" },
        { "--seed", CLI_INT, &seed, "of what is drawn, 42" },
        { "--weights", CLI_TEXT, &o.weights, "a model file whose parameters are taken" },
        { "--updater", CLI_TEXT, &o.updater, "NAME:key=value,...; else the network's own" },
        { "--published-names", CLI_FLAG, &published, "vertices named as in the published weights: fc1, fc2, predictions" },
        { "--json", CLI_FLAG, &json, "the list as one JSON object" },
        { 0 },
    };
    int status = cli_parse(argc, argv, "zoo [NAME -o FILE] [options]", options, &name, 0, 1, NULL);
    if (status >= 0)
        return status;
    if (!name)
        return out ? cli_usage("zoo needs the NAME of a network to write; dl4c zoo lists them") : list(json);
    if (!out)
        return cli_usage("zoo needs -o FILE");
    if (size && !cli_parse_size(size, &o.height, &o.width))
        return cli_usage("--size is \"%s\", wanted HxW, 1 to 65535 each", size);
    if (classes < 0 || classes > INT32_MAX || channels < 0 || channels > INT32_MAX || seed < 0)
        return cli_usage("--classes, --channels and --seed must not be negative");
    if ((status = cli_begin()) >= 0)
        return status;
    if (!cli_can_save(out))
        return CLI_FAILED;
    struct dl4c_error err = DL4C_ERROR_INIT;
    struct dl4c_save_options so = DL4C_SAVE_OPTIONS_INIT;
    dl4c_graph *g = NULL;
    o.n_classes = (int32_t)classes;
    o.channels = (int32_t)channels;
    o.seed = (uint64_t)seed;
    o.flags = published ? DL4C_ZOO_PUBLISHED_NAMES : 0;
    o.progress = so.progress = cli_progress;
    o.cancel = so.cancel = &cli_cancel;
    dl4c_status failed = dl4c_zoo_create(cli.ctx, name, &o, &g, &err);
    if (failed == DL4C_OK)
        failed = dl4c_model_save(g, out, &so, &err);
    dl4c_graph_destroy(&g);
    return failed == DL4C_OK ? CLI_DONE : cli_fail(&err);
}
