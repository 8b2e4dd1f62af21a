/* SPDX-License-Identifier: Apache-2.0 */
/* dl4c predict: the classes of images, a line each. */
#include "cli.h"

#include <stdlib.h>
#include <string.h>

enum { MOST_IMAGES = 65536 };

struct predict {
    const char *trunk, *at, *out;
    struct dl4c_predict_options o;
    dl4c_graph *model; /* takes images, gives probabilities */
};

/* A head becomes a whole model again. */
static dl4c_status load(struct predict *p, const char *model, struct dl4c_error *err)
{
    dl4c_graph *g = NULL, *whole = NULL, *trunk = NULL;
    dl4c_status status = cli_load(model, &g, err);
    struct dl4c_model_info info = DL4C_MODEL_INFO_INIT;
    if (status == DL4C_OK)
        status = dl4c_graph_info(g, &info, err);
    if (status != DL4C_OK || !p->trunk) {
        p->model = g;
        if (status == DL4C_OK && info.vertex)
            status = cli_error(err, DL4C_E_INVALID, "predict",
                               "%.150s is a head that takes features of vertex '%.100s': give --trunk MODEL", model, info.vertex);
        return status;
    }
    status = cli_load(p->trunk, &whole, err);
    const char *at = p->at ? p->at : info.vertex;
    if (status == DL4C_OK && !at)
        status = cli_error(err, DL4C_E_INVALID, "predict", "%.200s does not say at which vertex of the trunk it begins: give --at VERTEX",
                           model);
    if (status == DL4C_OK)
        status = dl4c_graph_split(whole, &at, 1, NULL, &trunk, NULL, err);
    if (status == DL4C_OK)
        status = dl4c_graph_join(trunk, g, NULL, &p->model, err);
    dl4c_graph_destroy(&trunk);
    dl4c_graph_destroy(&whole);
    dl4c_graph_destroy(&g);
    return status;
}

static int print_lines(void *user, const char *text, size_t size)
{
    (void)user;
    return fwrite(text, 1, size, stdout) != size || fflush(stdout) != 0;
}

/* names: the model, then n - 1 images; none: those of --images. */
static int predict(struct predict *p, const struct cli_images *im, const char *const *names, int n)
{
    struct dl4c_error err = DL4C_ERROR_INIT;
    struct dl4c_reader_options ro = DL4C_READER_OPTIONS_INIT;
    struct dl4c_model_info info = DL4C_MODEL_INFO_INIT;
    dl4c_reader *reader = NULL;
    char preprocess[512];
    int status = -1;
    if (!cli_can_write(p->out))
        return CLI_FAILED;
    dl4c_status failed = load(p, names[0], &err);
    if (failed == DL4C_OK)
        failed = dl4c_graph_info(p->model, &info, &err);
    if (failed == DL4C_OK && !info.preprocess && !im->preprocess)
        failed = cli_error(&err, DL4C_E_INVALID, "predict", "%.200s does not record its preprocessing: give --preprocess NAME", names[0]);
    if (failed == DL4C_OK)
        status = cli_image_reader(im, p->model, &ro, preprocess, sizeof preprocess);
    if (failed == DL4C_OK && status < 0) {
        ro.flags = DL4C_READER_UNLABELLED;
        if (n > 1) {
            ro.paths = names + 1;
            ro.n_paths = n - 1;
        }
        failed = dl4c_reader_open(cli.ctx, im->images, &ro, &reader, &err);
        if (failed == DL4C_OK)
            failed = dl4c_predict(p->model, reader, p->out, &p->o, &err);
    }
    if (failed != DL4C_OK)
        status = ferror(stdout) ? cli_failed("standard output could not be written") : cli_fail(&err);
    dl4c_reader_close(&reader);
    dl4c_graph_destroy(&p->model);
    return status < 0 ? CLI_DONE : status;
}

/* What the options say together. Returns -1 to go on, else the exit status. */
static int check(struct predict *p, const char *part, bool json, bool resume)
{
    const char *dot = p->out ? strrchr(p->out, '.') : NULL;
    const bool csv = dot && strncmp(dot, ".csv", 4) == 0 && (!dot[4] || dot[4] == '?');
    p->o.format = csv ? DL4C_PREDICT_CSV : DL4C_PREDICT_JSONL;
    if (csv && json)
        return cli_usage("--json is wanted of %s, whose name says CSV", p->out);
    if (p->o.top < 1 || p->o.batch < 1 || p->o.shard_size < 1)
        return cli_usage("--top, --batch and --shard-size must be at least 1");
    if ((part || resume) && !p->out)
        return cli_usage("--part and --resume need --out");
    return cli_read_part(part, &p->o.part, &p->o.n_parts);
}

int cmd_predict(int argc, char **argv)
{
    struct predict p = { .o = DL4C_PREDICT_OPTIONS_INIT };
    struct cli_images im = { 0 };
    const char *precision = NULL, *memory = NULL, *part = NULL;
    bool json = false, resume = false, low = false;
    p.o.top = 1;
    p.o.batch = 16;
    p.o.shard_size = 1024;
    const struct cli_option options[] = {
        { "--trunk", CLI_TEXT, &p.trunk, "the model whose features MODEL, a head, takes" },
        { "--at", CLI_TEXT, &p.at, "the vertex of the trunk; else what the head records" },
        CLI_IMAGE_OPTIONS(im),
        { "--out", CLI_TEXT, &p.out, "FILE.jsonl or FILE.csv; else standard output" },
        { "--top", CLI_INT, &p.o.top, "classes an image, 1" },
        { "--batch", CLI_INT, &p.o.batch, "images at once, 16" },
        { "--precision", CLI_TEXT, &precision, CLI_PRECISION_HELP },
        CLI_MEMORY_OPTION(memory),
        { "--json", CLI_FLAG, &json, "a JSON object a line, as without it" },
        { "--part", CLI_TEXT, &part, "I/N: every N-th shard, from the I-th on; N processes together make the file" },
        { "--resume", CLI_FLAG, &resume, "go on where an earlier run ended; nothing is done where --out is there, of the same work" },
        { "--shard-size", CLI_INT, &p.o.shard_size, "images that are done again at most after an interruption, 1024" },
        { 0 },
    };
    const char **positional = calloc(MOST_IMAGES, sizeof *positional);
    if (!positional)
        return cli_failed("no memory for the names of images");
    int n = 0;
    int status = cli_parse(argc, argv, "predict MODEL [--trunk MODEL --at VERTEX] IMAGE... | --images DIR [options]", options, positional,
                           1, MOST_IMAGES, &n);
    if (status < 0 && (n > 1) == (im.images != NULL))
        status = cli_usage("predict needs images, or --images DIR, and not both");
    if (status < 0 && im.list && !im.images)
        status = cli_usage("--list needs --images");
    if (status < 0)
        status = check(&p, part, json, resume);
    if (status < 0)
        status = cli_read_memory(memory, &low);
    if (status < 0)
        status = cli_begin();
    if (status < 0)
        status = cli_precision(precision, &p.o.precision);
    if (status < 0) {
        p.o.flags = (low ? DL4C_PREDICT_LOW_MEMORY : 0) | (resume ? DL4C_PREDICT_RESUME : 0);
        p.o.write = p.out ? NULL : print_lines;
        p.o.progress = p.out ? cli_progress : NULL; /* lines on the terminal are progress enough */
        p.o.cancel = &cli_cancel;
        status = predict(&p, &im, positional, n);
    }
    free(positional);
    return status;
}
