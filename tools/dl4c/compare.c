/* SPDX-License-Identifier: Apache-2.0 */
/* dl4c compare A B --image X|--input X.npy [--map FILE]: stage by stage, the first that differs and why. */
#include "cli.h"

#include <stdlib.h>
#include <string.h>

enum { MOST = 4096 }; /* pairs of a map */

struct compare {
    dl4c_graph *a, *b;
    dl4c_fs_file *image, *map;
    dl4c_tensor *x;
    dl4c_comparison *c;
    char *map_text;
    const char *pairs[2 * MOST];
    struct dl4c_preprocess pre[2];
};

/* Two words a line; '#' begins a comment. */
static int read_map(struct compare *k, const char *path, int32_t *n)
{
    struct dl4c_error err = DL4C_ERROR_INIT;
    const void *bytes;
    size_t size;
    if (dl4c_fs_open(cli.ctx, path, &k->map, &err) != DL4C_OK || dl4c_fs_bytes(k->map, &bytes, &size, &err) != DL4C_OK)
        return cli_fail(&err);
    FILE *f = cli_memory_file(&k->map_text, &size);
    if (!f)
        return cli_failed("no memory for %s", path);
    if (memchr(bytes, '\0', (size_t)dl4c_fs_size(k->map))) {
        fclose(f);
        return cli_failed("%s is no text: it has a byte 0", path);
    }
    fwrite(bytes, 1, (size_t)dl4c_fs_size(k->map), f);
    if (fclose(f) != 0)
        return cli_failed("no memory for %s", path);
    int line = 1;
    for (char *p = k->map_text, *next; p && *p; p = next, line++) {
        char *words[3] = { 0 };
        int w = 0;
        next = strchr(p, '\n');
        if (next)
            *next++ = '\0';
        p[strcspn(p, "#")] = '\0';
        for (char *t = strtok(p, " \t\r"); t && w < 3; t = strtok(NULL, " \t\r"))
            words[w++] = t;
        if (w == 0)
            continue;
        if (w != 2)
            return cli_failed("%s, line %d: wanted two names, a vertex of A and one of B", path, line);
        if (*n == MOST)
            return cli_failed("%s has more than %d pairs of names", path, (int)MOST);
        k->pairs[2 * *n] = words[0];
        k->pairs[2 * *n + 1] = words[1];
        *n += 1;
    }
    return -1;
}

static void print_json(const dl4c_comparison *c)
{
    struct dl4c_compare_stage s = DL4C_COMPARE_STAGE_INIT;
    const char *cause, *sentence;
    fputs("{\"stages\": [", stdout);
    for (int32_t i = 0; i < dl4c_comparison_count(c); i++) {
        if (dl4c_comparison_stage(c, i, &s, NULL) != DL4C_OK)
            break;
        fputs(i ? ", {\"a\": " : "{\"a\": ", stdout);
        cli_json_string(stdout, s.name);
        fputs(", \"b\": ", stdout);
        cli_json_string(stdout, s.other);
        fputs(", \"op\": ", stdout);
        if (s.op)
            cli_json_string(stdout, s.op);
        else
            fputs("null", stdout);
        fputs(", \"error\": ", stdout);
        cli_json_number(stdout, s.error);
        fputs(", \"largest\": ", stdout);
        cli_json_number(stdout, s.largest);
        printf(", \"differs\": %s}", s.differs ? "true" : "false");
    }
    dl4c_comparison_cause(c, &cause, &sentence);
    printf("], \"first\": %d, \"cause\": ", (int)dl4c_comparison_first(c));
    if (cause)
        cli_json_string(stdout, cause);
    else
        fputs("null", stdout);
    fputs(", \"sentence\": ", stdout);
    if (sentence)
        cli_json_string(stdout, sentence);
    else
        fputs("null", stdout);
    fputs("}\n", stdout);
}

static dl4c_status prepare(struct compare *k, const char *const *models, const char *image, const char *input, struct dl4c_compare_side *b,
                           struct dl4c_compare_options *o, struct dl4c_error *err)
{
    struct dl4c_fs_stat stat = DL4C_FS_STAT_INIT;
    dl4c_status status = cli_load(models[0], &k->a, err);
    if (status == DL4C_OK)
        status = dl4c_fs_stat_uri(cli.ctx, models[1], &stat, err);
    if (status == DL4C_OK && stat.kind == DL4C_FS_DIRECTORY)
        b->activations = models[1];
    else if (status == DL4C_OK)
        status = cli_load(models[1], &k->b, err);
    b->graph = k->b;
    if (status == DL4C_OK && input)
        status = dl4c_tensor_load_npy(cli.ctx, input, &k->x, err);
    if (status == DL4C_OK && image)
        status = dl4c_fs_open(cli.ctx, image, &k->image, err);
    if (status == DL4C_OK && image)
        status = dl4c_fs_bytes(k->image, &o->image, &o->image_bytes, err);
    o->input = k->x;
    return status;
}

int cmd_compare(int argc, char **argv)
{
    const char *models[2], *image = NULL, *input = NULL, *map = NULL, *pre[3] = { NULL, NULL, NULL }, *size[3] = { NULL, NULL, NULL };
    double tolerance = 0;
    bool json = false, strict = false;
    const struct cli_option options[] = {
        { "--image", CLI_TEXT, &image, "a JPEG or PNG file, from decoding on" },
        { "--input", CLI_TEXT, &input, "X.npy, the batch first, in A's own layout" },
        { "--map", CLI_TEXT, &map, "FILE of two names a line: a vertex of A, its partner in B" },
        { "--preprocess", CLI_TEXT, &pre[0], "of both: a preset, or vgg16:resize=pillow,order=rgb ..." },
        { "--preprocess-a", CLI_TEXT, &pre[1], "of A" },
        { "--preprocess-b", CLI_TEXT, &pre[2], "of B" },
        { "--size", CLI_TEXT, &size[0], "HxW fed to both; else the models' own" },
        { "--size-a", CLI_TEXT, &size[1], "HxW fed to A" },
        { "--size-b", CLI_TEXT, &size[2], "HxW fed to B" },
        { "--tolerance", CLI_NUMBER, &tolerance, "of a stage, against its largest magnitude; 1e-4" },
        { "--strict", CLI_FLAG, &strict, "exit 1 where a stage differs" },
        { "--json", CLI_FLAG, &json, "one JSON object" },
        { 0 },
    };
    int status = cli_parse(argc, argv, "compare A B --image X|--input X.npy [--map FILE] [options]", options, models, 2, 2, NULL);
    if (status >= 0)
        return status;
    if (!image == !input)
        return cli_usage("compare needs --image or --input, and not both");
    if (tolerance < 0)
        return cli_usage("--tolerance must not be negative");
    if ((status = cli_begin()) >= 0)
        return status;
    static struct compare k; /* too large for a stack */
    struct dl4c_error err = DL4C_ERROR_INIT;
    struct dl4c_compare_side sides[2] = { DL4C_COMPARE_SIDE_INIT, DL4C_COMPARE_SIDE_INIT };
    struct dl4c_compare_options o = DL4C_COMPARE_OPTIONS_INIT;
    for (int i = 0; i < 2; i++) {
        const char *text = pre[i + 1] ? pre[i + 1] : pre[0], *hw = size[i + 1] ? size[i + 1] : size[0];
        if (text && dl4c_preprocess_parse(cli.ctx, text, &k.pre[i], &err) != DL4C_OK)
            return cli_fail(&err);
        sides[i].preprocess = text ? &k.pre[i] : NULL;
        if (hw && !cli_parse_size(hw, &sides[i].height, &sides[i].width))
            return cli_usage("a size is \"%s\", wanted HxW, 1 to 65535 each", hw);
    }
    o.tolerance = tolerance;
    o.cancel = &cli_cancel;
    if (map && (status = read_map(&k, map, &o.n_map)) >= 0)
        goto done;
    o.map = k.pairs;
    dl4c_status failed = prepare(&k, models, image, input, &sides[1], &o, &err);
    sides[0].graph = k.a;
    if (failed == DL4C_OK)
        failed = dl4c_compare(cli.ctx, &sides[0], &sides[1], &o, &k.c, &err);
    char *text = NULL;
    if (failed == DL4C_OK && json)
        print_json(k.c);
    else if (failed == DL4C_OK && (failed = dl4c_comparison_text(k.c, &text, &err)) == DL4C_OK)
        fputs(text, stdout);
    dl4c_free(text);
    struct dl4c_compare_stage first = DL4C_COMPARE_STAGE_INIT;
    status = failed != DL4C_OK ? cli_fail(&err) : CLI_DONE;
    if (status == CLI_DONE && strict && dl4c_comparison_first(k.c) >= 0 &&
        dl4c_comparison_stage(k.c, dl4c_comparison_first(k.c), &first, NULL) == DL4C_OK)
        status = cli_failed("compare: A and B differ first at %.200s", first.name);
done:
    dl4c_comparison_destroy(&k.c);
    dl4c_tensor_unref(&k.x);
    dl4c_fs_close(&k.image);
    dl4c_fs_close(&k.map);
    free(k.map_text);
    dl4c_graph_destroy(&k.a);
    dl4c_graph_destroy(&k.b);
    return status;
}
