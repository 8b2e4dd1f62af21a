/* SPDX-License-Identifier: Apache-2.0 */
/* Trains a softmax head on stored features, draws its curve, tests it and says where it errs.
 *
 *     04_train_head STORES HEAD
 *
 * STORES is a folder with the features stores train/, val/ and test/ (03_split_featurize makes them), HEAD the model to write. */
#include <dl4c/dl4c.h>
#include <stdio.h>
#include <string.h>

enum { EPOCHS = 30 };

struct curve {
    int64_t n;
    double train[EPOCHS], val[EPOCHS];
};

static int epoch_end(void *user, int64_t epoch, double train_score, double val_score, double val_accuracy)
{
    struct curve *c = user;
    if (c->n < EPOCHS) {
        c->train[c->n] = train_score;
        c->val[c->n++] = val_score;
    }
    printf("epoch %2lld: score %.4f, validation score %.4f, accuracy %.3f\n", (long long)epoch, train_score, val_score, val_accuracy);
    return 0; /* anything else ends training here */
}

static void mistake(void *user, int64_t index, int64_t actual, int64_t predicted, double probability)
{
    dl4c_features *test = user;
    printf("%s: %s taken for %s (%.2f)\n", dl4c_features_path(test, index), dl4c_features_class(test, (int32_t)actual),
           dl4c_features_class(test, (int32_t)predicted), probability);
}

/* A file through the library's file systems: whole or not at all. */
static dl4c_status write_text(const char *uri, const char *text, struct dl4c_error *err)
{
    dl4c_fs_writer *w = NULL;
    dl4c_status status = dl4c_fs_create(NULL, uri, &w, err);
    if (status == DL4C_OK)
        status = dl4c_fs_write(w, text, strlen(text), err);
    if (status == DL4C_OK)
        status = dl4c_fs_commit(&w, err);
    dl4c_fs_abandon(&w); /* what was committed is gone from w */
    return status;
}

int main(int argc, char **argv)
{
    struct dl4c_error err = DL4C_ERROR_INIT;
    static const char *const parts[] = { "train", "val", "test" };
    dl4c_features *store[3] = { NULL, NULL, NULL };
    dl4c_graph *head = NULL;
    dl4c_evaluation *eval = NULL;
    struct curve curve = { 0, { 0 }, { 0 } };
    char path[1024], *stats = NULL, *svg = NULL;

    if (argc != 3) {
        fprintf(stderr, "usage: %s STORES HEAD\n", argv[0]);
        return 2;
    }
    for (int i = 0; i < 3; i++) {
        snprintf(path, sizeof path, "%s/%s", argv[1], parts[i]);
        if (dl4c_features_open(NULL, path, NULL, &store[i], &err))
            goto done;
    }
    if (dl4c_head_softmax(store[0], NULL, &head, &err))
        goto done;

    struct dl4c_listener listener = DL4C_LISTENER_INIT;
    listener.user = &curve;
    listener.epoch_end = epoch_end;
    struct dl4c_fit_options fo = DL4C_FIT_OPTIONS_INIT;
    fo.epochs = EPOCHS;
    fo.batch = 8;
    fo.updater = "adam:lr=0.01";
    fo.lr_schedule = "exponential:gamma=0.95,by=epoch";
    fo.validation = dl4c_features_source(store[1]);
    fo.early_stopping = 5; /* keeps the best of the validation score */
    fo.listeners = &listener;
    fo.n_listeners = 1;
    if (dl4c_fit(head, dl4c_features_source(store[0]), &fo, &err))
        goto done;

    struct dl4c_evaluate_options eo = DL4C_EVALUATE_OPTIONS_INIT;
    eo.mistake = mistake;
    eo.mistake_user = store[2];
    if (dl4c_evaluate(head, dl4c_features_source(store[2]), &eo, &eval, &err) || dl4c_evaluation_stats(eval, 0, &stats, &err))
        goto done;
    puts(stats);

    const struct dl4c_chart_series lines[] = {
        { "train", NULL, curve.train, curve.n, 0, 0 },
        { "validation", NULL, curve.val, curve.n, 0, 0 },
    };
    struct dl4c_chart_options co = DL4C_CHART_OPTIONS_INIT;
    co.title = "Score";
    co.x_label = "epoch";
    snprintf(path, sizeof path, "%s/curve.svg", argv[1]);
    if (dl4c_chart_svg(NULL, &co, lines, 2, &svg, &err) || write_text(path, svg, &err))
        goto done;
    dl4c_model_save(head, argv[2], NULL, &err);
done:
    dl4c_free(svg);
    dl4c_free(stats);
    dl4c_evaluation_destroy(&eval);
    dl4c_graph_destroy(&head);
    for (int i = 0; i < 3; i++)
        dl4c_features_close(&store[i]);
    if (err.status)
        fprintf(stderr, "%s: %s\n", err.origin, err.message);
    return err.status != DL4C_OK;
}
