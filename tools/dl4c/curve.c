/* SPDX-License-Identifier: Apache-2.0 */
/* dl4c plot RUN_DIR -o FILE.svg and dl4c train --curve-svg: scores and accuracies of a training. */
#define _POSIX_C_SOURCE 200809L
#include "cli.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { KEYS = 4 };

/* Columns of numbers out of a file of JSON objects, one a line. */
struct columns {
    double *value[KEYS];
    int64_t n, room;
};

static void columns_free(struct columns *c)
{
    for (int k = 0; k < KEYS; k++)
        free(c->value[k]);
}

/* The number under a key of one line's object; NaN for null and where there is none. Keys are plain words, so no string of a run's
 * record can hold one between quotes with a colon after it. */
static double member(const char *line, const char *key)
{
    char quoted[64], number[64];
    double v;
    snprintf(quoted, sizeof quoted, "\"%s\"", key);
    for (const char *p = line; (p = strstr(p, quoted)) != NULL;) {
        p += strlen(quoted);
        p += strspn(p, " \t");
        if (*p != ':')
            continue;
        p++;
        p += strspn(p, " \t");
        const size_t n = strspn(p, "+-0123456789.eE");
        if (n == 0 || n >= sizeof number)
            return NAN;
        memcpy(number, p, n);
        number[n] = '\0';
        return cli_read_number(number, &v) ? v : NAN;
    }
    return NAN;
}

static bool add_row(struct columns *c, const char *line, const char *const keys[KEYS])
{
    if (c->n == c->room) {
        const int64_t room = c->room ? 2 * c->room : 256;
        for (int k = 0; k < KEYS; k++) {
            double *more = realloc(c->value[k], (size_t)room * sizeof *more);
            if (!more)
                return false;
            c->value[k] = more;
        }
        c->room = room;
    }
    for (int k = 0; k < KEYS; k++)
        c->value[k][c->n] = keys[k] ? member(line, keys[k]) : NAN;
    c->n++;
    return true;
}

/* The lines of a file that ends with a NUL; the last, without its end, is being written and left out. */
static dl4c_status read_rows(const char *uri, char *text, size_t size, const char *const keys[KEYS], struct columns *c,
                             struct dl4c_error *err)
{
    char *line = text;
    for (char *end; (end = strchr(line, '\n')) != NULL; line = end + 1) {
        if (line[0] != '{' || end[-1] != '}')
            break;
        *end = '\0';
        if (!add_row(c, line, keys))
            return cli_error(err, DL4C_E_NOMEM, "plot", "no memory for %.200s", uri);
    }
    if (line < text + size && (line[0] != '{' || strchr(line, '\n')))
        return cli_error(err, DL4C_E_CORRUPT, "plot", "%.300s: line %lld is no object of a run's record", uri, (long long)c->n + 1);
    return DL4C_OK;
}

/* Reads DIR/NAME. */
static dl4c_status read_columns(const char *dir, const char *name, const char *const keys[KEYS], struct columns *c, struct dl4c_error *err)
{
    char uri[4096];
    const void *bytes;
    size_t size;
    dl4c_fs_file *f = NULL;
    if (snprintf(uri, sizeof uri, "%s/%s", dir, name) >= (int)sizeof uri)
        return cli_error(err, DL4C_E_INVALID, "plot", "the name of the run directory is longer than 4000 bytes");
    dl4c_status status = dl4c_fs_open(cli.ctx, uri, &f, err);
    if (status == DL4C_OK)
        status = dl4c_fs_bytes(f, &bytes, &size, err);
    char *text = status == DL4C_OK ? malloc(size + 1) : NULL;
    if (text) {
        memcpy(text, bytes, size);
        text[size] = '\0';
        status = read_rows(uri, text, size, keys, c, err);
    } else if (status == DL4C_OK) {
        status = cli_error(err, DL4C_E_NOMEM, "plot", "no memory for %.200s", uri);
    }
    free(text);
    dl4c_fs_close(&f);
    return status;
}

bool cli_is_run_dir(const char *uri)
{
    char name[4096];
    struct dl4c_fs_stat s = DL4C_FS_STAT_INIT;
    return snprintf(name, sizeof name, "%s/epochs.jsonl", uri) < (int)sizeof name && dl4c_fs_stat_uri(cli.ctx, name, &s, NULL) == DL4C_OK;
}

int cli_plot_run(const char *dir, const char *out)
{
    static const char *const step_keys[KEYS] = { "iteration", "score" };
    static const char *const epoch_keys[KEYS] = { "epoch", "train_score", "val_score", "val_accuracy" };
    static const char *const labels[] = { "score", "accuracy" };
    struct dl4c_error err = DL4C_ERROR_INIT;
    struct columns steps = { 0 }, epochs = { 0 };
    char *text = NULL;
    dl4c_status status = read_columns(dir, "scores.jsonl", step_keys, &steps, &err);
    if (status == DL4C_OK)
        status = read_columns(dir, "epochs.jsonl", epoch_keys, &epochs, &err);
    if (status == DL4C_OK) {
        /* Iterations on the axis of epochs: as many of them make an epoch as did in those that are complete. */
        const double last_epoch = epochs.n ? epochs.value[0][epochs.n - 1] : 0;
        const double last_step = steps.n ? steps.value[0][steps.n - 1] : 0;
        const double scale = last_epoch > 0 && last_step > 0 ? last_epoch / last_step : 1;
        for (int64_t i = 0; i < steps.n; i++)
            steps.value[0][i] *= scale;
        bool validated = false;
        for (int64_t i = 0; i < epochs.n; i++)
            validated = validated || isfinite(epochs.value[3][i]);
        const struct dl4c_chart_series series[] = {
            { .name = "minibatch", .x = steps.value[0], .y = steps.value[1], .n = steps.n },
            { .name = "training, mean of the epoch", .x = epochs.value[0], .y = epochs.value[1], .n = epochs.n },
            { .name = "validation", .x = epochs.value[0], .y = epochs.value[2], .n = epochs.n },
            { .name = "validation accuracy", .x = epochs.value[0], .y = epochs.value[3], .n = epochs.n, .panel = 1 },
        };
        struct dl4c_chart_options o = DL4C_CHART_OPTIONS_INIT;
        o.title = "Training";
        o.x_label = epochs.n ? "epoch" : "iteration";
        o.y_labels = labels;
        o.n_panels = validated ? 2 : 1;
        status = dl4c_chart_svg(cli.ctx, &o, series, validated ? 4 : 2, &text, &err);
    }
    const int result = status == DL4C_OK ? cli_write_text(out, text) : cli_fail(&err);
    dl4c_free(text);
    columns_free(&steps);
    columns_free(&epochs);
    return result;
}

int cli_plot_curve(const struct cli_curve *curve, const char *out)
{
    static const char *const labels[] = { "score", "accuracy" };
    struct dl4c_error err = DL4C_ERROR_INIT;
    char *text = NULL;
    const bool validated = curve->n > 0 && isfinite(curve->val_score[0]);
    const struct dl4c_chart_series series[] = {
        { .name = "training, mean of the epoch", .y = curve->train_score, .n = curve->n },
        { .name = "validation", .y = curve->val_score, .n = curve->n },
        { .name = "validation accuracy", .y = curve->val_accuracy, .n = curve->n, .panel = 1 },
    };
    struct dl4c_chart_options o = DL4C_CHART_OPTIONS_INIT;
    o.title = "Training";
    o.x_label = "epoch";
    o.y_labels = labels;
    o.n_panels = validated ? 2 : 1;
    const dl4c_status status = dl4c_chart_svg(cli.ctx, &o, series, validated ? 3 : 1, &text, &err);
    const int result = status == DL4C_OK ? cli_write_text(out, text) : cli_fail(&err);
    dl4c_free(text);
    return result;
}
