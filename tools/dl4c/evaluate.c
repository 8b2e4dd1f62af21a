/* SPDX-License-Identifier: Apache-2.0 */
/* dl4c evaluate and dl4c score. */
#include "cli.h"

#include <stdlib.h>
#include <string.h>

struct mistakes {
    FILE *f;
    dl4c_features *store;
};

static void on_mistake(void *user, int64_t index, int64_t actual, int64_t predicted, double probability)
{
    struct mistakes *m = user;
    const char *a = dl4c_features_class(m->store, (int32_t)actual), *p = dl4c_features_class(m->store, (int32_t)predicted);
    const char *path = dl4c_features_path(m->store, index);
    fprintf(m->f, "%s\t%s\t%s\t", path ? path : "", a ? a : "", p ? p : "");
    cli_json_number(m->f, probability);
    fputc('\n', m->f);
}

int cmd_evaluate(int argc, char **argv)
{
    const char *model, *features = NULL, *errors = NULL, *confusion = NULL;
    int64_t top = 1, batch = 64;
    bool json = false;
    const struct cli_option options[] = {
        { "--features", CLI_TEXT, &features, "store to evaluate on" },
        { "--top", CLI_INT, &top, "N: how often the right class is among the N most probable" },
        { "--batch", CLI_INT, &batch, "64" },
        { "--errors", CLI_TEXT, &errors, "FILE: path, actual, predicted, probability of each mistake" },
        { "--confusion-svg", CLI_TEXT, &confusion, "FILE: a picture of the confusion matrix" },
        { "--json", CLI_FLAG, &json, "one JSON object" },
        { 0 },
    };
    int status = cli_parse(argc, argv, "evaluate MODEL --features DIR [--top N] [--errors FILE] [--confusion-svg FILE] [--json]", options,
                           &model, 1, 1, NULL);
    if (status >= 0)
        return status;
    if (!features || top < 1 || batch < 1)
        return cli_usage(features ? "--top and --batch must be at least 1" : "evaluate needs --features");
    if ((status = cli_begin()) >= 0)
        return status;
    if (!cli_can_write(errors) || !cli_can_write(confusion))
        return CLI_FAILED;
    struct dl4c_error err = DL4C_ERROR_INIT;
    dl4c_graph *g = NULL;
    dl4c_features *store = NULL;
    dl4c_evaluation *e = NULL;
    char *text = NULL, *lines = NULL, *picture = NULL;
    size_t size = 0;
    struct mistakes m = { 0 };
    struct dl4c_evaluate_options o = DL4C_EVALUATE_OPTIONS_INIT;
    o.top_n = (int32_t)(top > INT32_MAX ? INT32_MAX : top);
    o.batch = batch;
    o.progress = cli_progress;
    o.cancel = &cli_cancel;
    dl4c_status failed = cli_load(model, &g, &err);
    if (failed == DL4C_OK)
        failed = dl4c_features_open(cli.ctx, features, NULL, &store, &err);
    if (failed == DL4C_OK)
        failed = dl4c_features_check(store, g, &err);
    if (failed == DL4C_OK && errors) {
        m.store = store;
        m.f = cli_memory_file(&lines, &size);
        if (!m.f)
            failed = cli_error(&err, DL4C_E_NOMEM, "evaluate", "no memory for the mistakes");
        o.mistake = on_mistake;
        o.mistake_user = &m;
    }
    if (failed == DL4C_OK)
        failed = dl4c_evaluate(g, dl4c_features_source(store), &o, &e, &err);
    if (failed == DL4C_OK)
        failed = json ? dl4c_evaluation_json(e, &text, &err) : dl4c_evaluation_stats(e, 0, &text, &err);
    if (failed == DL4C_OK && confusion)
        failed = dl4c_evaluation_confusion_svg(e, &picture, &err);
    if (m.f)
        fclose(m.f);
    if (failed == DL4C_OK) {
        cli_progress_end();
        fputs(text, stdout);
        fputc('\n', stdout);
        status = errors ? cli_write_text(errors, lines ? lines : "") : CLI_DONE;
        if (status == CLI_DONE && confusion)
            status = cli_write_text(confusion, picture);
    } else {
        status = cli_fail(&err);
    }
    free(lines);
    dl4c_free(text);
    dl4c_free(picture);
    dl4c_evaluation_destroy(&e);
    dl4c_features_close(&store);
    dl4c_graph_destroy(&g);
    return status;
}

int cmd_score(int argc, char **argv)
{
    const char *model, *input = NULL, *labels = NULL;
    bool json = false;
    const struct cli_option options[] = {
        { "--input", CLI_TEXT, &input, "X.npy, the batch first" },
        { "--labels", CLI_TEXT, &labels, "L.npy: one-hot float [n, k] or integer [n]" },
        { "--json", CLI_FLAG, &json, "one JSON object" },
        { 0 },
    };
    int status = cli_parse(argc, argv, "score MODEL --input X.npy --labels L.npy", options, &model, 1, 1, NULL);
    if (status >= 0)
        return status;
    if (!input || !labels)
        return cli_usage("score needs --input and --labels");
    if ((status = cli_begin()) >= 0)
        return status;
    struct dl4c_error err = DL4C_ERROR_INIT;
    dl4c_graph *g = NULL;
    dl4c_tensor *x = NULL, *x32 = NULL, *y = NULL, *yt = NULL;
    dl4c_trainer *t = NULL;
    double score = 0;
    dl4c_status failed = cli_load(model, &g, &err);
    if (failed == DL4C_OK)
        failed = dl4c_tensor_load_npy(cli.ctx, input, &x, &err);
    if (failed == DL4C_OK)
        failed = dl4c_tensor_to(x, DL4C_F32, &x32, &err);
    if (failed == DL4C_OK)
        failed = dl4c_tensor_load_npy(cli.ctx, labels, &y, &err);
    if (failed == DL4C_OK) {
        const bool indices = dl4c_tensor_rank(y) == 1 && dl4c_tensor_dtype(y) != DL4C_F32 && dl4c_tensor_dtype(y) != DL4C_F64;
        failed = dl4c_tensor_to(y, indices ? DL4C_I64 : DL4C_F32, &yt, &err);
    }
    struct dl4c_fit_options o = DL4C_FIT_OPTIONS_INIT;
    o.batch = x32 ? dl4c_tensor_dim(x32, 0) : 0;
    if (failed == DL4C_OK)
        failed = dl4c_trainer_create(g, &o, &t, &err);
    if (failed == DL4C_OK)
        failed = dl4c_trainer_score(t, x32, yt, &score, &err);
    if (failed == DL4C_OK) {
        fputs(json ? "{\"score\": " : "", stdout);
        cli_json_number(stdout, score);
        fputs(json ? "}\n" : "\n", stdout);
    }
    dl4c_trainer_destroy(&t);
    dl4c_tensor_unref(&x);
    dl4c_tensor_unref(&x32);
    dl4c_tensor_unref(&y);
    dl4c_tensor_unref(&yt);
    dl4c_graph_destroy(&g);
    return failed == DL4C_OK ? CLI_DONE : cli_fail(&err);
}
