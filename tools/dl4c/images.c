/* SPDX-License-Identifier: Apache-2.0 */
/* dl4c split and dl4c featurize: from folders of images to lists and features. */
#include "cli.h"

#include <stdlib.h>
#include <string.h>

struct filter {
    const char *name;
    int64_t max_paths, max_labels, min_per_label, max_per_label;
};

/* Returns -1 to go on, else the exit status. */
static int read_filter(const struct filter *f, struct dl4c_split_dir_options *o, struct dl4c_sample_options *so)
{
    if (f->max_paths < 0 || f->max_labels < 0 || f->min_per_label < 0 || f->max_per_label < 0)
        return cli_usage("the limits of a filter must not be negative");
    const bool limits = f->max_paths || f->max_labels || f->min_per_label || f->max_per_label;
    const bool balanced = f->name && strcmp(f->name, "balanced") == 0;
    if (!f->name || strcmp(f->name, "stratified") == 0)
        return limits ? cli_usage("--max-paths, --max-labels, --min-per-label and --max-per-label need --filter random or balanced") : -1;
    if (!balanced && strcmp(f->name, "random") != 0)
        return cli_usage("--filter is \"%s\", wanted stratified, random or balanced", f->name);
    if (!balanced && (f->max_labels || f->min_per_label || f->max_per_label))
        return cli_usage("--max-labels, --min-per-label and --max-per-label need --filter balanced");
    so->filter = balanced ? DL4C_SAMPLE_BALANCED : DL4C_SAMPLE_RANDOM;
    so->flags = DL4C_SAMPLE_ANY_EXTENSION; /* which files are images was settled by listing them */
    so->max_paths = f->max_paths;
    so->max_labels = f->max_labels;
    so->min_per_label = f->min_per_label;
    so->max_per_label = f->max_per_label;
    o->sample = so;
    return -1;
}

static int check_position(const char *pattern, int64_t position)
{
    if (position < 0 || position > INT32_MAX)
        return cli_usage("--label-position is %lld, wanted 0 or more", (long long)position);
    return position && !pattern ? cli_usage("--label-position needs --label-pattern") : -1;
}

int cmd_split(int argc, char **argv)
{
    const char *dir, *out = NULL;
    struct dl4c_split_dir_options o = DL4C_SPLIT_DIR_OPTIONS_INIT;
    struct dl4c_sample_options so = DL4C_SAMPLE_OPTIONS_INIT;
    struct filter f = { 0 };
    int64_t seed = 42, position = 0;
    o.train = 0.6;
    o.val = o.test = 0.2;
    const struct cli_option options[] = {
        { "--out", CLI_TEXT, &out, "directory for train.txt, val.txt, test.txt and classes.txt" },
        { "--train", CLI_NUMBER, &o.train, "fraction, 0.6" },
        { "--val", CLI_NUMBER, &o.val, "fraction, 0.2" },
        { "--test", CLI_NUMBER, &o.test, "fraction, 0.2" },
        { "--seed", CLI_INT, &seed, "42" },
        { "--filter", CLI_TEXT, &f.name, "stratified, random or balanced; the last two pick as DataVec's path filters do" },
        { "--max-paths", CLI_INT, &f.max_paths, "random, balanced: images at most" },
        { "--max-labels", CLI_INT, &f.max_labels, "balanced: classes at most" },
        { "--min-per-label", CLI_INT, &f.min_per_label, "balanced: so many of each class, where it has them" },
        { "--max-per-label", CLI_INT, &f.max_per_label, "balanced: not more of each class" },
        { "--label-pattern", CLI_TEXT, &o.label_pattern, "REGEX: the class is a piece of the file's name between its matches" },
        { "--label-position", CLI_INT, &position, "which piece, from 0" },
        { 0 },
    };
    int status =
        cli_parse(argc, argv, "split DIR|URI --out DIR|URI [--train 0.6] [--val 0.2] [--test 0.2] [--seed N] [options]", options, &dir, 1,
                  1, NULL);
    if (status >= 0)
        return status;
    if (!out)
        return cli_usage("split needs --out DIR");
    if (o.train == 0 && o.val == 0 && o.test == 0) /* which the library takes for its defaults */
        return cli_usage("--train, --val and --test are all 0");
    if ((status = check_position(o.label_pattern, position)) >= 0 || (status = read_filter(&f, &o, &so)) >= 0)
        return status;
    o.label_position = (int32_t)position;
    if ((status = cli_begin()) >= 0)
        return status;
    o.seed = (uint64_t)seed;
    o.flags = 1;
    struct dl4c_error err = DL4C_ERROR_INIT;
    int64_t n[3];
    if (dl4c_split_dir(cli.ctx, dir, out, &o, n, &err) != DL4C_OK)
        return cli_fail(&err);
    printf("train %lld, val %lld, test %lld\n", (long long)n[0], (long long)n[1], (long long)n[2]);
    return CLI_DONE;
}

/* "0.5%" of all images, or a number of them. */
static bool read_max_bad(const char *text, struct dl4c_reader_options *o)
{
    const size_t n = strlen(text);
    char copy[32];
    if (n == 0 || n >= sizeof copy)
        return false;
    memcpy(copy, text, n + 1);
    if (copy[n - 1] != '%')
        return cli_read_int(copy, &o->max_bad) && o->max_bad >= 0;
    copy[n - 1] = '\0';
    double percent;
    if (!cli_read_number(copy, &percent) || percent < 0 || percent > 100)
        return false;
    o->max_bad_fraction = percent / 100;
    return true;
}

static bool preprocess_text(const struct cli_images *im, const char *recorded, char *text, size_t size)
{
    const char *base = im->preprocess ? im->preprocess : recorded ? recorded : "none";
    int n = snprintf(text, size, "%s", base);
    const char *const keys[] = { "resize", "fit", "exif" };
    const char *const values[] = { im->resize, im->fit, im->exif };
    for (int i = 0; i < 3 && n > 0 && (size_t)n < size; i++)
        if (values[i])
            n += snprintf(text + n, size - (size_t)n, "%c%s=%s", strchr(text, ':') ? ',' : ':', keys[i], values[i]);
    return n > 0 && (size_t)n < size;
}

/* Returns -1 to go on, else the exit status. */
static int check_word(const char *option, const char *word, const char *const words[3], const char *wanted)
{
    for (int i = 0; word && i < 3 && words[i]; i++)
        if (strcmp(word, words[i]) == 0)
            return -1;
    return word ? cli_usage("%s is \"%s\", wanted %s", option, word, wanted) : -1;
}

int cli_image_reader(const struct cli_images *im, dl4c_graph *for_graph, struct dl4c_reader_options *o, char *preprocess, size_t size)
{
    struct dl4c_model_info info = DL4C_MODEL_INFO_INIT;
    if (for_graph)
        dl4c_graph_info(for_graph, &info, NULL);
    o->for_graph = for_graph;
    o->list = im->list;
    if (im->size && !cli_parse_size(im->size, &o->height, &o->width))
        return cli_usage("--size is \"%s\", wanted HxW, 1 to 65535 each", im->size);
    static const char *const resizes[3] = { "dl4j", "pillow", "nearest" }, *const fits[3] = { "stretch", "crop", "pad" };
    static const char *const switches[3] = { "on", "off" };
    int status = check_word("--resize", im->resize, resizes, "dl4j, pillow or nearest");
    if (status >= 0 || (status = check_word("--fit", im->fit, fits, "stretch, crop or pad")) >= 0 ||
        (status = check_word("--exif", im->exif, switches, "on or off")) >= 0)
        return status;
    if (im->preprocess || im->resize || im->fit || im->exif) {
        if (!preprocess_text(im, info.preprocess, preprocess, size))
            return cli_usage("the preprocessing is too long a text");
        o->preprocess = preprocess;
    }
    if (im->on_bad && strcmp(im->on_bad, "skip") != 0 && strcmp(im->on_bad, "fail") != 0)
        return cli_usage("--on-bad-image is \"%s\", wanted skip or fail", im->on_bad);
    o->on_bad = im->on_bad && strcmp(im->on_bad, "fail") == 0 ? DL4C_BAD_FAIL : DL4C_BAD_SKIP;
    o->tolerate = im->tolerate;
    if (im->read_ahead < 0 || im->read_ahead > 1024)
        return cli_usage("--read-ahead is %lld, wanted 1 to 1024, or 0 for 32", (long long)im->read_ahead);
    o->read_ahead = (int32_t)im->read_ahead;
    if (im->max_bad && !read_max_bad(im->max_bad, o))
        return cli_usage("--max-bad is \"%s\", wanted a number or a percentage", im->max_bad);
    if (im->max_bad && o->max_bad == 0 && o->max_bad_fraction == 0)
        o->on_bad = DL4C_BAD_FAIL; /* none at all; 0 in the options means any number */
    return -1;
}

/* path<TAB>reason, a line each, as cli_tsv writes them. */
static int write_bad(dl4c_reader *r, const char *uri)
{
    struct dl4c_error err = DL4C_ERROR_INIT;
    dl4c_fs_writer *w = NULL;
    dl4c_status status = dl4c_fs_create(cli.ctx, uri, &w, &err);
    for (int64_t k = 0; k < dl4c_reader_bad_count(r) && status == DL4C_OK; k++) {
        int64_t image;
        const char *reason;
        status = dl4c_reader_bad(r, k, &image, &reason, &err);
        char *path = status == DL4C_OK ? cli_tsv(dl4c_reader_path(r, image)) : NULL, *why = path ? cli_tsv(reason) : NULL;
        if (status == DL4C_OK && !why)
            status = cli_error(&err, DL4C_E_NOMEM, "featurize", "no memory for the list of bad images");
        const char *parts[] = { path, "\t", why, "\n" };
        for (int i = 0; i < 4 && status == DL4C_OK; i++)
            status = dl4c_fs_write(w, parts[i], strlen(parts[i]), &err);
        free(path);
        free(why);
    }
    if (status == DL4C_OK)
        status = dl4c_fs_commit(&w, &err);
    dl4c_fs_abandon(&w);
    return status == DL4C_OK ? CLI_DONE : cli_fail(&err);
}

enum { MOST_VERTICES = 64 };

struct featurizing {
    const char *model, *at, *out, *bad_list;
    struct cli_images im;
    struct dl4c_featurize_options fo;
    struct dl4c_reader_options ro;
    const char *vertices[MOST_VERTICES];
    char names[8192], preprocess[512];
};

static int read_pool(const char *text, int32_t *pool)
{
    if (text && strcmp(text, "none") != 0 && strcmp(text, "avg") != 0 && strcmp(text, "max") != 0)
        return cli_usage("--pool is \"%s\", wanted none, avg or max", text);
    *pool = !text || strcmp(text, "none") == 0 ? DL4C_POOL_NONE : strcmp(text, "avg") == 0 ? DL4C_POOL_AVG : DL4C_POOL_MAX;
    return -1;
}

/* The names of --at apart. */
static int read_vertices(struct featurizing *v)
{
    int commas = 0;
    for (const char *c = v->at; *c; c++)
        commas += *c == ',';
    if (strlen(v->at) >= sizeof v->names || commas >= MOST_VERTICES)
        return cli_usage("--at names more than %d vertices or has more than %d bytes", (int)MOST_VERTICES, (int)sizeof v->names - 1);
    memcpy(v->names, v->at, strlen(v->at) + 1);
    v->fo.at = v->vertices;
    v->fo.n_at = cli_split(v->names, v->vertices, MOST_VERTICES);
    return -1;
}

static int featurize(struct featurizing *v)
{
    struct dl4c_error err = DL4C_ERROR_INIT;
    dl4c_graph *g = NULL, *trunk = NULL;
    dl4c_reader *reader = NULL;
    int status = -1;
    dl4c_status failed = cli_load(v->model, &g, &err);
    if (failed == DL4C_OK)
        failed = dl4c_graph_split(g, v->vertices, v->fo.n_at, NULL, &trunk, NULL, &err);
    if (failed == DL4C_OK)
        status = cli_image_reader(&v->im, trunk, &v->ro, v->preprocess, sizeof v->preprocess);
    if (failed == DL4C_OK && status < 0)
        failed = dl4c_reader_open(cli.ctx, v->im.images, &v->ro, &reader, &err);
    if (failed == DL4C_OK && status < 0)
        failed = dl4c_featurize(trunk, reader, v->out, &v->fo, &err);
    if (failed != DL4C_OK) {
        status = cli_fail(&err);
    } else if (status < 0) {
        const int64_t bad = dl4c_reader_bad_count(reader);
        status = v->bad_list ? write_bad(reader, v->bad_list) : CLI_DONE;
        if (bad > 0 && !cli.quiet) {
            cli_progress_end();
            fprintf(stderr, "dl4c: %lld bad image%s left out; bad.jsonl beside the features says why\n", (long long)bad,
                    bad == 1 ? " was" : "s were");
        }
    }
    dl4c_reader_close(&reader);
    dl4c_graph_destroy(&trunk);
    dl4c_graph_destroy(&g);
    return status;
}

int cmd_featurize(int argc, char **argv)
{
    struct featurizing v = { .fo = DL4C_FEATURIZE_OPTIONS_INIT, .ro = DL4C_READER_OPTIONS_INIT };
    const char *pool = NULL, *precision = NULL, *memory = NULL;
    int64_t transform_seed = 42, copies = 1, position = 0;
    const char *part = NULL;
    bool overwrite = false, low = false, resume = false;
    v.fo.batch = 16;
    v.fo.shard_size = 1024;
    const struct cli_option options[] = {
        { "--at", CLI_TEXT, &v.at, "VERTEX[,VERTEX...] whose values are stored" },
        { "--out", CLI_TEXT, &v.out, "directory of the store" },
        CLI_IMAGE_OPTIONS(v.im),
        { "--pool", CLI_TEXT, &pool, "none, avg or max of each feature map over space" },
        { "--batch", CLI_INT, &v.fo.batch, "images at once, 16" },
        CLI_MEMORY_OPTION(memory),
        { "--shard-size", CLI_INT, &v.fo.shard_size, "images a shard, 1024" },
        { "--label-pattern", CLI_TEXT, &v.ro.label_pattern, "REGEX: the class is a piece of the file's name between its matches" },
        { "--label-position", CLI_INT, &position, "which piece, from 0" },
        { "--transform", CLI_TEXT, &v.ro.transform, "STEP/STEP/...: random changes, flip:p=0.5/rotate:angle=10,random=on ..." },
        { "--transform-seed", CLI_INT, &transform_seed, "of those changes, 42" },
        { "--copies", CLI_INT, &copies, "each image so often, each time changed anew; 1" },
        { "--precision", CLI_TEXT, &precision, CLI_PRECISION_HELP },
        { "--bad-list", CLI_TEXT, &v.bad_list, "FILE for paths and reasons of bad images" },
        { "--overwrite", CLI_FLAG, &overwrite, "replace a store that is there" },
        { "--part", CLI_TEXT, &part, "I/N: every N-th shard, from the I-th on; N processes together make the store" },
        { "--resume", CLI_FLAG, &resume, "go on where an earlier run ended; shards that are whole stay" },
        { 0 },
    };
    int status =
        cli_parse(argc, argv, "featurize MODEL --at VERTEX[,VERTEX...] --images DIR --out DIR [options]", options, &v.model, 1, 1, NULL);
    if (status >= 0)
        return status;
    if (!v.at || !v.im.images || !v.out)
        return cli_usage("featurize needs --at, --images and --out");
    if (v.fo.batch < 1 || v.fo.shard_size < 1)
        return cli_usage("--batch and --shard-size must be at least 1");
    if ((status = check_position(v.ro.label_pattern, position)) >= 0 || (status = cli_read_memory(memory, &low)) >= 0)
        return status;
    if (copies < 1 || copies > 10000 || (copies > 1 && !v.ro.transform))
        return cli_usage("--copies is %lld, wanted 1 to 10000, above 1 with --transform only", (long long)copies);
    if ((status = read_pool(pool, &v.fo.pool)) >= 0 || (status = cli_read_part(part, &v.fo.part, &v.fo.n_parts)) >= 0)
        return status;
    if (resume && overwrite)
        return cli_usage("--resume goes on with what is there and --overwrite replaces it: give one of them");
    if ((status = cli_begin()) >= 0 || (status = cli_precision(precision, &v.fo.precision)) >= 0)
        return status;
    if (!cli_can_write(v.bad_list))
        return CLI_FAILED;
    if ((status = read_vertices(&v)) >= 0)
        return status;
    v.ro.label_position = (int32_t)position;
    v.ro.transform_seed = (uint64_t)transform_seed;
    v.ro.copies = (int32_t)copies;
    v.fo.overwrite = overwrite;
    v.fo.flags = (low ? DL4C_FEATURIZE_LOW_MEMORY : 0) | (resume ? DL4C_FEATURIZE_RESUME : 0);
    v.fo.progress = cli_progress;
    v.fo.cancel = &cli_cancel;
    return featurize(&v);
}
