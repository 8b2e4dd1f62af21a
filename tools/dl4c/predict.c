/* SPDX-License-Identifier: Apache-2.0 */
/* dl4c predict: the classes of images, a line each. */
#include "cli.h"

#include <stdlib.h>
#include <string.h>

enum { MOST_IMAGES = 65536 };

struct predict {
    int32_t precision;
    const char *trunk, *at, *out, *memory;
    int64_t top, batch;
    bool json, csv, low;
    dl4c_graph *model; /* takes images, gives probabilities */
    dl4c_reader *reader;
    dl4c_session *session;
    struct dl4c_model_info info;
    FILE *f;
    int64_t next, next_bad; /* of the reader's images and bad images: what is printed so far */
    int64_t good;           /* images with an answer */
    int32_t n;              /* classes of the model */
    int64_t shown;          /* classes an image: top, or as many as there are */
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

static void csv_text(FILE *f, const char *text)
{
    if (!strpbrk(text, ",\"\r\n")) {
        fputs(text, f);
        return;
    }
    fputc('"', f);
    for (; *text; text++) {
        if (*text == '"')
            fputc('"', f);
        fputc(*text, f);
    }
    fputc('"', f);
}

static void print_class(struct predict *p, int32_t k, void (*text)(FILE *, const char *))
{
    char number[16];
    if (p->info.classes && k < p->info.n_classes) {
        text(p->f, p->info.classes[k]);
        return;
    }
    snprintf(number, sizeof number, "%d", k);
    text(p->f, number);
}

static bool has_nan(const float *v, int32_t n)
{
    for (int32_t k = 0; k < n; k++)
        if (v[k] != v[k])
            return true;
    return false;
}

/* The index of the largest value that is not taken yet, the lowest on a tie. */
static int32_t largest(const float *v, int32_t n, const uint8_t *taken)
{
    int32_t best = -1;
    for (int32_t k = 0; k < n; k++)
        if (!taken[k] && (best < 0 || v[k] > v[best]))
            best = k;
    return best;
}

static void begin_line(struct predict *p, const char *path)
{
    if (p->csv) {
        csv_text(p->f, path);
        return;
    }
    fputs("{\"path\": ", p->f);
    cli_json_string(p->f, path);
}

static void end_line(struct predict *p) { fputs(p->csv ? "\n" : "}\n", p->f); }

static void print_bad(struct predict *p, const char *path, const char *reason)
{
    begin_line(p, path);
    if (p->csv) {
        for (int64_t i = 0; i < p->shown; i++)
            fputs(",,,", p->f);
        fputc(',', p->f);
        csv_text(p->f, reason);
    } else {
        fputs(", \"top\": [], \"error\": ", p->f);
        cli_json_string(p->f, reason);
    }
    end_line(p);
}

static void print_row(struct predict *p, const char *path, const float *v, uint8_t *taken)
{
    memset(taken, 0, (size_t)p->n);
    begin_line(p, path);
    if (!p->csv)
        fputs(", \"top\": [", p->f);
    for (int64_t i = 0; i < p->shown; i++) {
        const int32_t k = largest(v, p->n, taken);
        taken[k] = 1;
        if (p->csv) {
            fputc(',', p->f);
            print_class(p, k, csv_text);
            fprintf(p->f, ",%d,", k);
            cli_json_number(p->f, (double)v[k]);
            continue;
        }
        fputs(i ? ", {\"class\": " : "{\"class\": ", p->f);
        print_class(p, k, cli_json_string);
        fprintf(p->f, ", \"index\": %d, \"probability\": ", k);
        cli_json_number(p->f, (double)v[k]);
        fputc('}', p->f);
    }
    fputs(p->csv ? "," : "], \"error\": null", p->f);
    end_line(p);
}

/* Bad images that stand before image `until`, in their place. */
static dl4c_status print_bad_until(struct predict *p, int64_t until, struct dl4c_error *err)
{
    for (; p->next_bad < dl4c_reader_bad_count(p->reader); p->next_bad++) {
        int64_t image;
        const char *reason;
        const dl4c_status status = dl4c_reader_bad(p->reader, p->next_bad, &image, &reason, err);
        if (status != DL4C_OK)
            return status;
        if (image >= until)
            break;
        print_bad(p, dl4c_reader_path(p->reader, image), reason);
    }
    return DL4C_OK;
}

/* What was asked for was not done for a single image. */
static dl4c_status none_good(struct predict *p, struct dl4c_error *err)
{
    int64_t image = 0;
    const char *reason = "the model answers with NaN";
    const dl4c_status status = dl4c_reader_bad_count(p->reader) > 0 ? dl4c_reader_bad(p->reader, 0, &image, &reason, err) : DL4C_OK;
    if (status != DL4C_OK)
        return status;
    if (dl4c_reader_count(p->reader) == 1)
        return cli_error(err, DL4C_E_INVALID, "predict", "the image cannot be used: %.400s", reason);
    return cli_error(err, DL4C_E_INVALID, "predict", "none of the %lld images can be used; the first, %.150s: %.200s",
                     (long long)dl4c_reader_count(p->reader), dl4c_reader_path(p->reader, image), reason);
}

static dl4c_status predict_all(struct predict *p, struct dl4c_error *err)
{
    dl4c_source *source = dl4c_reader_source(p->reader);
    struct dl4c_source_info si = DL4C_SOURCE_INFO_INIT;
    struct dl4c_session_options so = DL4C_SESSION_OPTIONS_INIT;
    struct dl4c_shape in = { 0 }, out = { 0 };
    dl4c_status status = dl4c_source_get_info(source, &si, err);
    in.rank = si.rank;
    memcpy(in.dim, si.shape, sizeof in.dim);
    so.batch = p->batch;
    so.input_shapes = &in;
    so.n_input_shapes = 1;
    so.flags = DL4C_SESSION_CHANNELS_FIRST | (p->low ? DL4C_SESSION_LOW_MEMORY : 0);
    so.precision = p->precision;
    if (status == DL4C_OK)
        status = dl4c_session_create(cli.ctx, p->model, &so, &p->session, err);
    if (status == DL4C_OK)
        status = dl4c_session_output_shape(p->session, 0, &out, err);
    if (status == DL4C_OK && out.rank != 1)
        status = cli_error(err, DL4C_E_INVALID, "predict", "the model's output has %d axes, wanted one probability a class", out.rank);
    p->n = (int32_t)out.dim[0];
    p->shown = p->top < p->n ? p->top : p->n;
    uint8_t *taken = status == DL4C_OK ? calloc((size_t)out.dim[0], 1) : NULL;
    if (status == DL4C_OK && !taken)
        status = cli_error(err, DL4C_E_NOMEM, "predict", "no memory for %lld classes", (long long)out.dim[0]);
    if (status == DL4C_OK)
        status = dl4c_source_reset(source, 0, 0, 0, err);
    while (status == DL4C_OK) {
        struct dl4c_batch b = DL4C_BATCH_INIT;
        status = dl4c_source_next(source, p->batch, &b, err);
        if (status != DL4C_OK || b.n == 0)
            break;
        int64_t shape[4] = { b.n, si.shape[0], si.shape[1], si.shape[2] };
        dl4c_tensor *x = NULL, *y = NULL;
        status = dl4c_tensor_wrap(cli.ctx, DL4C_F32, shape, NULL, 4, (void *)(uintptr_t)b.x, DL4C_WRAP_READ_ONLY, NULL, NULL, &x, err);
        if (status == DL4C_OK)
            status = dl4c_session_run(p->session, &x, 1, err);
        if (status == DL4C_OK)
            status = dl4c_session_output(p->session, 0, &y, err);
        for (int64_t r = 0; status == DL4C_OK && r < b.n; r++) {
            const char *path = dl4c_reader_path(p->reader, b.index[r]);
            const float *v = (const float *)dl4c_tensor_data_const(y) + r * out.dim[0];
            status = print_bad_until(p, b.index[r], err);
            if (has_nan(v, p->n)) {
                print_bad(p, path, "the model answers with NaN");
                continue;
            }
            print_row(p, path, v, taken);
            p->good++;
        }
        dl4c_tensor_unref(&x);
        if (status == DL4C_OK && cli_cancel)
            status = cli_error(err, DL4C_E_CANCELLED, "predict", "predict was cancelled after %lld of %lld images", (long long)p->good,
                               (long long)dl4c_reader_count(p->reader));
    }
    if (status == DL4C_OK)
        status = print_bad_until(p, dl4c_reader_count(p->reader), err);
    if (status == DL4C_OK && p->good == 0)
        status = none_good(p, err);
    free(taken);
    return status;
}

/* names: the model, then n - 1 images; none: those of --images. */
static int predict(struct predict *p, const struct cli_images *im, const char *const *names, int n)
{
    struct dl4c_error err = DL4C_ERROR_INIT;
    struct dl4c_reader_options ro = DL4C_READER_OPTIONS_INIT;
    char preprocess[512], *text = NULL;
    size_t size = 0;
    int status = CLI_DONE;
    p->info = (struct dl4c_model_info)DL4C_MODEL_INFO_INIT;
    if (!cli_can_write(p->out))
        return CLI_FAILED;
    dl4c_status failed = load(p, names[0], &err);
    if (failed == DL4C_OK)
        failed = dl4c_graph_info(p->model, &p->info, &err);
    if (failed == DL4C_OK && !p->info.preprocess && !im->preprocess) {
        failed = cli_error(&err, DL4C_E_INVALID, "predict", "%.200s does not record its preprocessing: give --preprocess NAME", names[0]);
    } else if (failed == DL4C_OK && (status = cli_image_reader(im, p->model, &ro, preprocess, sizeof preprocess)) < 0) {
        ro.flags = DL4C_READER_UNLABELLED;
        if (n > 1) {
            ro.paths = names + 1;
            ro.n_paths = n - 1;
        }
        failed = dl4c_reader_open(cli.ctx, im->images, &ro, &p->reader, &err);
        p->f = failed == DL4C_OK ? (p->out ? cli_memory_file(&text, &size) : stdout) : NULL;
        if (failed == DL4C_OK && !p->f)
            failed = cli_error(&err, DL4C_E_NOMEM, "predict", "no memory for the answers");
        if (p->f)
            failed = predict_all(p, &err);
        if (p->f && p->out && fclose(p->f) != 0 && failed == DL4C_OK)
            failed = cli_error(&err, DL4C_E_NOMEM, "predict", "no memory for the answers");
        status = CLI_DONE;
    }
    if (failed != DL4C_OK)
        status = cli_fail(&err);
    else if (status == CLI_DONE && p->out)
        status = cli_write_text(p->out, text ? text : "");
    free(text);
    dl4c_session_destroy(&p->session);
    dl4c_reader_close(&p->reader);
    dl4c_graph_destroy(&p->model);
    return status;
}

int cmd_predict(int argc, char **argv)
{
    struct predict p = { .top = 1, .batch = 16 };
    struct cli_images im = { 0 };
    const char *precision = NULL;
    const struct cli_option options[] = {
        { "--trunk", CLI_TEXT, &p.trunk, "the model whose features MODEL, a head, takes" },
        { "--at", CLI_TEXT, &p.at, "the vertex of the trunk; else what the head records" },
        CLI_IMAGE_OPTIONS(im),
        { "--out", CLI_TEXT, &p.out, "FILE.jsonl or FILE.csv; else standard output" },
        { "--top", CLI_INT, &p.top, "classes an image, 1" },
        { "--batch", CLI_INT, &p.batch, "images at once, 16" },
        { "--precision", CLI_TEXT, &precision, CLI_PRECISION_HELP },
        CLI_MEMORY_OPTION(p.memory),
        { "--json", CLI_FLAG, &p.json, "a JSON object a line, as without it" },
        { "--resume", CLI_LATER, NULL, NULL },
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
    const char *dot = p.out ? strrchr(p.out, '.') : NULL;
    p.csv = dot && strcmp(dot, ".csv") == 0;
    if (status < 0 && p.csv && p.json)
        status = cli_usage("--json is wanted of %s, whose name says CSV", p.out);
    if (status < 0 && (p.top < 1 || p.batch < 1))
        status = cli_usage("--top and --batch must be at least 1");
    if (status < 0)
        status = cli_read_memory(p.memory, &p.low);
    if (status < 0)
        status = cli_begin();
    if (status < 0)
        status = cli_precision(precision, &p.precision);
    if (status >= 0) {
        free(positional);
        return status;
    }
    status = predict(&p, &im, positional, n);
    free(positional);
    return status;
}
