/* SPDX-License-Identifier: Apache-2.0 */
/* dl4c evaluate and dl4c score. */
#include "cli.h"

#include <stdlib.h>
#include <string.h>

struct mistakes {
    FILE *f;
    dl4c_features *store;
    bool failed; /* no memory for a line */
};

static void put_field(struct mistakes *m, const char *text)
{
    char *field = cli_tsv(text);
    m->failed = m->failed || !field;
    fprintf(m->f, "%s\t", field ? field : "");
    free(field);
}

static void on_mistake(void *user, int64_t index, int64_t actual, int64_t predicted, double probability)
{
    struct mistakes *m = user;
    const char *a = dl4c_features_class(m->store, (int32_t)actual), *p = dl4c_features_class(m->store, (int32_t)predicted);
    const char *path = dl4c_features_path(m->store, index);
    char numbers[2][24];
    snprintf(numbers[0], sizeof numbers[0], "%lld", (long long)actual);
    snprintf(numbers[1], sizeof numbers[1], "%lld", (long long)predicted);
    put_field(m, path ? path : "");
    put_field(m, a ? a : numbers[0]);
    put_field(m, p ? p : numbers[1]);
    cli_json_number(m->f, probability);
    fputc('\n', m->f);
}

/* What --roc adds: the curves of each class against the others, or of one output's yes or no. */
struct roc {
    bool wanted;
    int64_t steps;
    dl4c_measure *m;
};

static dl4c_status make_roc(struct roc *r, dl4c_graph *g, dl4c_features *store, struct dl4c_evaluate_options *o, struct dl4c_error *err)
{
    struct dl4c_measure_options mo = DL4C_MEASURE_OPTIONS_INIT;
    struct dl4c_vertex out = DL4C_VERTEX_INIT;
    struct dl4c_model_info info = DL4C_MODEL_INFO_INIT;
    int32_t classes = dl4c_features_class_count(store);
    if (!r->wanted)
        return DL4C_OK;
    dl4c_status status = dl4c_graph_vertex(g, dl4c_graph_output(g, 0), &out, err);
    if (status == DL4C_OK)
        status = dl4c_graph_info(g, &info, err);
    if (status != DL4C_OK)
        return status;
    if (out.rank == 1 && out.shape[0] > 0)
        classes = (int32_t)out.shape[0];
    const char **names = classes > 1 ? calloc((size_t)classes, sizeof *names) : NULL;
    bool all = names != NULL;
    for (int32_t k = 0; all && k < classes; k++)
        all = (names[k] = info.classes && k < info.n_classes ? info.classes[k] : dl4c_features_class(store, k)) != NULL;
    mo.kind = classes == 1 ? DL4C_MEASURE_ROC : DL4C_MEASURE_ROC_MULTICLASS;
    mo.columns = classes;
    mo.names = all ? names : NULL;
    mo.steps = (int32_t)r->steps;
    status = dl4c_measure_create(cli.ctx, &mo, &r->m, err);
    free(names);
    o->measures = &r->m;
    o->n_measures = status == DL4C_OK;
    return status;
}

/* The object of evaluate --json with the areas as one member more. */
static void print_json(const char *text, const struct roc *r)
{
    const size_t n = strlen(text);
    if (!r->m) {
        fputs(text, stdout);
        return;
    }
    fwrite(text, 1, n - 1, stdout); /* all but the brace */
    printf(", \"roc\": {\"steps\": %lld", (long long)r->steps);
    static const struct {
        const char *mean, *each;
        int32_t metric;
    } areas[] = { { "auroc", "auroc_per_class", DL4C_METRIC_AUROC }, { "auprc", "auprc_per_class", DL4C_METRIC_AUPRC } };
    for (int i = 0; i < 2; i++) {
        printf(", \"%s\": ", areas[i].mean);
        cli_json_number(stdout, dl4c_measure_value(r->m, areas[i].metric, -1));
        printf(", \"%s\": [", areas[i].each);
        for (int32_t k = 0; k < dl4c_measure_columns(r->m); k++) {
            fputs(k ? ", " : "", stdout);
            cli_json_number(stdout, dl4c_measure_value(r->m, areas[i].metric, k));
        }
        fputc(']', stdout);
    }
    fputs("}}", stdout);
}

struct evaluating {
    const char *model, *features, *errors, *confusion, *dl4j;
    char dl4j_roc[4096]; /* "": is not written */
    int64_t top, batch;
    int32_t precision;
    bool json;
    struct roc roc;
    dl4c_graph *g;
    dl4c_features *store;
    dl4c_evaluation *e;
    struct mistakes m;
    char *text, *lines, *picture, *roc_text, *dl4j_text, *dl4j_roc_text; /* lines: malloc's, the others the library's */
    size_t lines_size;
};

static dl4c_status run_evaluation(struct evaluating *v, struct dl4c_error *err)
{
    struct dl4c_evaluate_options o = DL4C_EVALUATE_OPTIONS_INIT;
    o.top_n = (int32_t)(v->top > INT32_MAX ? INT32_MAX : v->top);
    o.batch = v->batch;
    o.precision = v->precision;
    o.progress = cli_progress;
    o.cancel = &cli_cancel;
    dl4c_status failed = cli_load(v->model, &v->g, err);
    if (failed == DL4C_OK)
        failed = dl4c_features_open(cli.ctx, v->features, NULL, &v->store, err);
    if (failed == DL4C_OK)
        failed = dl4c_features_check(v->store, v->g, err);
    if (failed == DL4C_OK && v->errors) {
        v->m.store = v->store;
        v->m.f = cli_memory_file(&v->lines, &v->lines_size);
        if (!v->m.f)
            failed = cli_error(err, DL4C_E_NOMEM, "evaluate", "no memory for the mistakes");
        o.mistake = on_mistake;
        o.mistake_user = &v->m;
    }
    if (failed == DL4C_OK)
        failed = make_roc(&v->roc, v->g, v->store, &o, err);
    if (failed == DL4C_OK)
        failed = dl4c_evaluate(v->g, dl4c_features_source(v->store), &o, &v->e, err);
    if (v->m.f && fclose(v->m.f) != 0)
        v->m.failed = true;
    if (failed == DL4C_OK && v->m.failed)
        failed = cli_error(err, DL4C_E_NOMEM, "evaluate", "no memory for the mistakes");
    return failed;
}

/* Texts and pictures, all of them before the first is written. */
static dl4c_status make_texts(struct evaluating *v, struct dl4c_error *err)
{
    dl4c_status failed = v->json ? dl4c_evaluation_json(v->e, &v->text, err) : dl4c_evaluation_stats(v->e, 0, &v->text, err);
    if (failed == DL4C_OK && v->confusion)
        failed = dl4c_evaluation_confusion_svg(v->e, &v->picture, err);
    if (failed == DL4C_OK && v->roc.m && !v->json)
        failed = dl4c_measure_stats(v->roc.m, &v->roc_text, err);
    if (failed == DL4C_OK && v->dl4j)
        failed = dl4c_evaluation_dl4j_json(v->e, &v->dl4j_text, err);
    if (failed == DL4C_OK && v->dl4j && v->roc.m)
        failed = dl4c_measure_dl4j_json(v->roc.m, &v->dl4j_roc_text, err);
    return failed;
}

static int write_texts(const struct evaluating *v)
{
    cli_progress_end();
    if (v->json)
        print_json(v->text, &v->roc);
    else
        printf("%s%s%s", v->text, v->roc_text ? "\n\n" : "", v->roc_text ? v->roc_text : "");
    fputc('\n', stdout);
    int status = v->errors ? cli_write_text(v->errors, v->lines ? v->lines : "") : CLI_DONE;
    if (status == CLI_DONE && v->confusion)
        status = cli_write_text(v->confusion, v->picture);
    if (status == CLI_DONE && v->dl4j)
        status = cli_write_text(v->dl4j, v->dl4j_text);
    if (status == CLI_DONE && v->dl4j_roc_text)
        status = cli_write_text(v->dl4j_roc, v->dl4j_roc_text);
    return status;
}

static void evaluating_free(struct evaluating *v)
{
    free(v->lines);
    dl4c_free(v->text);
    dl4c_free(v->picture);
    dl4c_free(v->roc_text);
    dl4c_free(v->dl4j_text);
    dl4c_free(v->dl4j_roc_text);
    dl4c_measure_destroy(&v->roc.m);
    dl4c_evaluation_destroy(&v->e);
    dl4c_features_close(&v->store);
    dl4c_graph_destroy(&v->g);
}

int cmd_evaluate(int argc, char **argv)
{
    struct evaluating v = { .top = 1, .batch = 64 };
    const char *precision = NULL;
    const struct cli_option options[] = {
        { "--features", CLI_TEXT, &v.features, "store to evaluate on" },
        { "--top", CLI_INT, &v.top, "N: how often the right class is among the N most probable" },
        { "--batch", CLI_INT, &v.batch, "64" },
        { "--precision", CLI_TEXT, &precision, CLI_PRECISION_HELP },
        { "--errors", CLI_TEXT, &v.errors, "FILE: path, actual, predicted, probability of each mistake" },
        { "--confusion-svg", CLI_TEXT, &v.confusion, "FILE: a picture of the confusion matrix" },
        { "--roc", CLI_FLAG, &v.roc.wanted, "areas under the ROC and the precision/recall curve of each class" },
        { "--roc-steps", CLI_INT, &v.roc.steps, "thresholds of those curves, as Deeplearning4j's ROC(steps); 0: exact" },
        { "--dl4j-json", CLI_TEXT, &v.dl4j, "FILE: what Deeplearning4j's Evaluation.fromJson reads; with --roc FILE.roc too" },
        { "--json", CLI_FLAG, &v.json, "one JSON object" },
        { 0 },
    };
    int status = cli_parse(argc, argv, "evaluate MODEL --features DIR [--top N] [--errors FILE] [--confusion-svg FILE] [--roc] [--json]",
                           options, &v.model, 1, 1, NULL);
    if (status >= 0)
        return status;
    if (!v.features || v.top < 1 || v.batch < 1)
        return cli_usage(v.features ? "--top and --batch must be at least 1" : "evaluate needs --features");
    if (v.roc.steps < 0 || v.roc.steps > 1 << 20 || (v.roc.steps && !v.roc.wanted))
        return cli_usage("--roc-steps is %lld, wanted 0 to 1048576, with --roc", (long long)v.roc.steps);
    if (v.dl4j && v.roc.wanted && snprintf(v.dl4j_roc, sizeof v.dl4j_roc, "%s.roc", v.dl4j) >= (int)sizeof v.dl4j_roc)
        return cli_usage("--dl4j-json is too long");
    if ((status = cli_begin()) >= 0 || (status = cli_precision(precision, &v.precision)) >= 0)
        return status;
    if (!cli_can_write(v.errors) || !cli_can_write(v.confusion) || !cli_can_write(v.dl4j) ||
        !cli_can_write(v.dl4j_roc[0] ? v.dl4j_roc : NULL))
        return CLI_FAILED;
    struct dl4c_error err = DL4C_ERROR_INIT;
    dl4c_status failed = run_evaluation(&v, &err);
    if (failed == DL4C_OK)
        failed = make_texts(&v, &err);
    status = failed == DL4C_OK ? write_texts(&v) : cli_fail(&err);
    evaluating_free(&v);
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
