/* SPDX-License-Identifier: Apache-2.0 */
/* Repeats what Training.java recorded: training FOLDER... A line for each folder, "ok" and the differences, or what differs. Writes
 * ours.zip of each model, for Deeplearning4j to train in its turn. Differences are relative to the largest recorded magnitude: 1e-5 of
 * outputs and parameters (sums of floats in another order), 1e-6 of scores, where the reference takes logarithms in float. */
#include <dl4c/dl4c.h>

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct dl4c_error err;
static char why[600];

#define TRY(expr)                                                                                                                          \
    do {                                                                                                                                   \
        if ((expr) != DL4C_OK) {                                                                                                           \
            snprintf(why, sizeof why, "%s", err.message);                                                                                  \
            return false;                                                                                                                  \
        }                                                                                                                                  \
    } while (0)

struct recorded {
    dl4c_graph *graph;
    struct dl4c_dataset data;
    dl4c_tensor *x, *y, *x_mask, *y_mask, *after;
    double score[2]; /* in inference, of the first step */
    double *output;
    int64_t n_output;
    double worst[4]; /* scores, outputs, parameters, evaluation: 0 or 1 */
};

static bool open_case(const char *folder, struct recorded *r)
{
    char path[1024], line[64];
    snprintf(path, sizeof path, "%s/model.zip", folder);
    TRY(dl4c_model_load(NULL, path, NULL, &r->graph, &err));
    struct dl4c_save_options so = DL4C_SAVE_OPTIONS_INIT;
    so.updater = 1;
    snprintf(path, sizeof path, "%s/ours.zip", folder);
    TRY(dl4c_model_save(r->graph, path, &so, &err));
    snprintf(path, sizeof path, "%s/data.bin", folder);
    TRY(dl4c_dataset_load(NULL, path, &r->data, &err));
    r->x = r->data.arrays[0];
    r->y = r->data.arrays[1];
    r->x_mask = r->data.n_feature_masks ? r->data.arrays[2] : NULL;
    r->y_mask = r->data.n_label_masks ? r->data.arrays[2 + r->data.n_feature_masks] : NULL;
    snprintf(path, sizeof path, "%s/after.npy", folder);
    TRY(dl4c_tensor_load_npy(NULL, path, &r->after, &err));
    snprintf(path, sizeof path, "%s/numbers.txt", folder);
    FILE *f = fopen(path, "r");
    int64_t n = 0;
    for (; f && fgets(line, sizeof line, f); n++) {
        double *more = realloc(r->output, (size_t)(n + 1) * sizeof *more);
        if (!more)
            break;
        r->output = more;
        r->output[n] = strtod(line, NULL); /* this program keeps the C locale */
    }
    if (!f || fclose(f) != 0 || n < 3) {
        snprintf(why, sizeof why, "%.500s has too few lines", path);
        return false;
    }
    memcpy(r->score, r->output, sizeof r->score);
    r->n_output = n - 2;
    memmove(r->output, r->output + 2, (size_t)r->n_output * sizeof *r->output);
    return true;
}

static bool compare(const char *what, const float *ours, const double *theirs, int64_t n, double most, double *worst)
{
    double largest = 0;
    for (int64_t i = 0; i < n; i++)
        largest = fmax(largest, fabs(theirs[i]));
    for (int64_t i = 0; i < n; i++)
        *worst = fmax(*worst, isfinite(ours[i]) ? fabs((double)ours[i] - theirs[i]) / (largest > 0 ? largest : 1) : INFINITY);
    if (*worst > most)
        snprintf(why, sizeof why, "%s differ by %.3g", what, *worst);
    return !(*worst > most);
}

static bool compare_score(const char *what, double ours, double theirs, double *worst)
{
    *worst = fmax(*worst, fabs(ours - theirs) / fmax(1, fabs(theirs)));
    if (!(*worst <= 1e-6))
        snprintf(why, sizeof why, "%s is %.9g, wanted %.9g", what, ours, theirs);
    return *worst <= 1e-6;
}

static bool run_outputs(struct recorded *r)
{
    struct dl4c_session_options o = DL4C_SESSION_OPTIONS_INIT;
    struct dl4c_shape shape;
    dl4c_session *s = NULL;
    dl4c_tensor *y;
    memset(&shape, 0, sizeof shape);
    shape.rank = dl4c_tensor_rank(r->x) - 1;
    for (int32_t i = 0; i < shape.rank; i++)
        shape.dim[i] = dl4c_tensor_shape(r->x)[i + 1];
    o.batch = dl4c_tensor_shape(r->x)[0];
    o.input_shapes = &shape;
    o.n_input_shapes = 1;
    TRY(dl4c_session_create(NULL, r->graph, &o, &s, &err));
    bool good = false;
    if ((r->x_mask && dl4c_session_mask(s, r->x_mask, &err) != DL4C_OK) || dl4c_session_run(s, &r->x, 1, &err) != DL4C_OK ||
        dl4c_session_output(s, 0, &y, &err) != DL4C_OK)
        snprintf(why, sizeof why, "%s", err.message);
    else if (dl4c_tensor_size(y) != r->n_output)
        snprintf(why, sizeof why, "there are %lld outputs", (long long)dl4c_tensor_size(y));
    else
        good = compare("outputs", dl4c_tensor_data_const(y), r->output, r->n_output, 1e-5, &r->worst[1]);
    dl4c_session_destroy(&s);
    return good;
}

static bool evaluate(const char *folder, struct recorded *r)
{
    char path[1024], theirs[20000];
    char *ours = NULL;
    dl4c_source *source = NULL;
    dl4c_evaluation *e = NULL;
    snprintf(path, sizeof path, "%s/evaluation.txt", folder);
    FILE *f = fopen(path, "rb");
    if (!f)
        return true; /* there is none for outputs that are no classes */
    const size_t n = fread(theirs, 1, sizeof theirs - 1, f);
    fclose(f);
    theirs[n] = '\0';
    snprintf(path, sizeof path, "%s/data.bin", folder);
    TRY(dl4c_source_dataset(NULL, path, &source, &err));
    bool good = dl4c_evaluate(r->graph, source, NULL, &e, &err) == DL4C_OK && dl4c_evaluation_stats(e, 0, &ours, &err) == DL4C_OK;
    snprintf(why, sizeof why, "%s", err.message);
    if (good && strcmp(ours, theirs) != 0) {
        good = false;
        snprintf(why, sizeof why, "the evaluation says\n%.500s", ours);
    }
    dl4c_free(ours);
    dl4c_evaluation_destroy(&e);
    dl4c_source_destroy(&source);
    return good;
}

static bool train(struct recorded *r, dl4c_trainer *t)
{
    double score = 0;
    dl4c_tensor *params = NULL;
    TRY(dl4c_trainer_masks(t, r->x_mask, r->y_mask, &err));
    TRY(dl4c_trainer_score(t, r->x, r->y, &score, &err));
    if (!compare_score("the score", score, r->score[0], &r->worst[0]))
        return false;
    for (int i = 0; i < 5; i++) {
        TRY(dl4c_trainer_step(t, r->x, r->y, &score, &err));
        if (i == 0 && !compare_score("the score of the first step", score, r->score[1], &r->worst[0]))
            return false;
    }
    TRY(dl4c_trainer_params(t, &params, &err));
    const int64_t n = dl4c_tensor_size(params);
    double *theirs = malloc((size_t)n * sizeof *theirs + 1);
    bool good = theirs && n == dl4c_tensor_size(r->after);
    if (!good)
        snprintf(why, sizeof why, "there are %lld parameters", (long long)n);
    for (int64_t i = 0; good && i < n; i++)
        theirs[i] = (double)((const float *)dl4c_tensor_data_const(r->after))[i];
    good = good && compare("parameters after five steps", dl4c_tensor_data_const(params), theirs, n, 1e-5, &r->worst[2]);
    free(theirs);
    dl4c_tensor_unref(&params);
    return good;
}

/* The same by fit, from the file of a second copy: masks come out of a source. One epoch is one step. */
static bool fit(const char *folder, struct recorded *r)
{
    char path[1024];
    struct dl4c_fit_options o = DL4C_FIT_OPTIONS_INIT;
    dl4c_graph *g = NULL;
    dl4c_source *source = NULL;
    dl4c_trainer *t = NULL;
    dl4c_tensor *params = NULL;
    snprintf(path, sizeof path, "%s/data.bin", folder);
    TRY(dl4c_source_dataset(NULL, path, &source, &err));
    snprintf(path, sizeof path, "%s/ours.zip", folder);
    o.epochs = 5;
    o.no_shuffle = 1;
    bool good = dl4c_model_load(NULL, path, NULL, &g, &err) == DL4C_OK && dl4c_fit(g, source, &o, &err) == DL4C_OK &&
                dl4c_trainer_create(g, NULL, &t, &err) == DL4C_OK && dl4c_trainer_score(t, r->x, r->y, NULL, &err) == DL4C_OK &&
                dl4c_trainer_params(t, &params, &err) == DL4C_OK; /* the shape of the input comes with the score */
    if (!good)
        snprintf(why, sizeof why, "fit: %s", err.message);
    const int64_t n = good ? dl4c_tensor_size(params) : 0;
    double *theirs = malloc((size_t)n * sizeof *theirs + 1);
    good = good && theirs && n == dl4c_tensor_size(r->after);
    for (int64_t i = 0; good && i < n; i++)
        theirs[i] = (double)((const float *)dl4c_tensor_data_const(r->after))[i];
    good = good && compare("parameters after fit", dl4c_tensor_data_const(params), theirs, n, 1e-5, &r->worst[2]);
    free(theirs);
    dl4c_tensor_unref(&params);
    dl4c_trainer_destroy(&t);
    dl4c_source_destroy(&source);
    dl4c_graph_destroy(&g);
    return good;
}

static bool repeat(const char *folder, struct recorded *r)
{
    struct dl4c_fit_options o = DL4C_FIT_OPTIONS_INIT;
    dl4c_trainer *t = NULL;
    if (!open_case(folder, r) || !run_outputs(r) || !evaluate(folder, r))
        return false;
    o.batch = dl4c_tensor_shape(r->x)[0];
    TRY(dl4c_trainer_create(r->graph, &o, &t, &err));
    const bool good = train(r, t);
    dl4c_trainer_destroy(&t);
    return good && fit(folder, r);
}

int main(int argc, char **argv)
{
    int bad = 0;
    for (int i = 1; i < argc; i++) {
        struct recorded r = { .data = DL4C_DATASET_INIT };
        const bool good = repeat(argv[i], &r);
        if (good)
            printf("ok\t%s\tscores %.2g, outputs %.2g, parameters %.2g\n", argv[i], r.worst[0], r.worst[1], r.worst[2]);
        else
            printf("FAIL\t%s\t%s\n", argv[i], why);
        bad += !good;
        dl4c_dataset_clear(&r.data);
        dl4c_tensor_unref(&r.after);
        dl4c_graph_destroy(&r.graph);
        free(r.output);
    }
    return bad > 0;
}
