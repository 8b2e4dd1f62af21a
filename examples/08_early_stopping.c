/* SPDX-License-Identifier: Apache-2.0 */
/* A prediction layer trained behind a frozen network, the way a Deeplearning4j program does it: TransferLearningHelper, listeners,
 * checkpoints and early stopping.
 *
 *     08_early_stopping MODEL FROZEN LAST IMAGES LISTS OUT
 *
 * FROZEN is the last vertex that stays as it is, LAST the old prediction layer, LISTS a folder with train.txt and val.txt
 * (dl4c split makes them), OUT a folder for the checkpoints and for best.zip. */
#include <dl4c/dl4c.h>
#include <stdio.h>
#include <string.h>

static void on_line(void *user, int32_t level, const char *origin, const char *message)
{
    (void)user;
    (void)level;
    printf("%s: %s\n", origin, message);
}

/* The images of one list, changed anew in every epoch where `transform` says how. */
static dl4c_status open_images(dl4c_graph *model, const char *images, const char *lists, const char *name, const char *transform,
                               dl4c_reader **r, struct dl4c_error *err)
{
    struct dl4c_reader_options o = DL4C_READER_OPTIONS_INIT;
    char list[1024];
    snprintf(list, sizeof list, "%s/%s", lists, name);
    o.list = list;
    o.for_graph = model; /* size and preprocessing */
    o.transform = transform;
    return dl4c_reader_open(NULL, images, &o, r, err);
}

/* MODEL with another prediction layer; what stands before and at `frozen` is not trained. */
static dl4c_status edit(dl4c_graph *model, const char *frozen, const char *last, int32_t classes, dl4c_graph **edited,
                        struct dl4c_error *err)
{
    dl4c_builder *b = NULL;
    int32_t i;
    struct dl4c_vertex before = DL4C_VERTEX_INIT;
    char layer[128];
    dl4c_status status = dl4c_graph_find(model, last, &i, err);
    if (status == DL4C_OK)
        status = dl4c_graph_vertex(model, dl4c_graph_vertex_input(model, i, 0), &before, err);
    if (status == DL4C_OK)
        status = dl4c_builder_create(NULL, model, &b, err);
    if (status != DL4C_OK)
        return status;
    const char *in[] = { before.name };
    snprintf(layer, sizeof layer, "output:units=%d,activation=softmax,loss=negative_log_likelihood", classes);
    dl4c_builder_fine_tune(b, "updater=adam(lr=0.003)");
    dl4c_builder_freeze(b, frozen);
    dl4c_builder_remove(b, last, 0);
    dl4c_builder_add_text(b, layer, last, in, 1);
    return dl4c_builder_finish(&b, edited, err);
}

int main(int argc, char **argv)
{
    struct dl4c_error err = DL4C_ERROR_INIT;
    dl4c_graph *model = NULL, *edited = NULL, *best = NULL;
    dl4c_reader *train = NULL, *val = NULL;
    dl4c_transfer *helper = NULL;
    dl4c_source *features[2] = { NULL, NULL };
    dl4c_evaluation *eval = NULL;
    struct dl4c_listener listeners[3] = { DL4C_LISTENER_INIT, DL4C_LISTENER_INIT, DL4C_LISTENER_INIT };
    struct dl4c_early_stopping_result result = DL4C_EARLY_STOPPING_RESULT_INIT;
    char path[1024], *last = NULL;

    if (argc != 7) {
        fprintf(stderr, "usage: %s MODEL FROZEN LAST IMAGES LISTS OUT\n", argv[0]);
        return 2;
    }
    const char *out = argv[6];
    if (dl4c_model_load(NULL, argv[1], NULL, &model, &err) ||
        open_images(model, argv[4], argv[5], "train.txt", "flip:mode=horizontal,p=0.5", &train, &err) ||
        open_images(model, argv[4], argv[5], "val.txt", NULL, &val, &err) ||
        edit(model, argv[2], argv[3], dl4c_reader_class_count(train), &edited, &err) || dl4c_fs_mkdir(NULL, out, &err))
        goto done;

    /* Every image once through the frozen part; what follows trains the rest on what came out. */
    if (dl4c_transfer_create(edited, NULL, 0, &helper, &err) ||
        dl4c_transfer_featurize(helper, dl4c_reader_source(train), NULL, &features[0], &err) ||
        dl4c_transfer_featurize(helper, dl4c_reader_source(val), NULL, &features[1], &err))
        goto done;

    /* Scores every ten iterations, an evaluation every five epochs, and the last two epochs as files that training can go on from. */
    struct dl4c_line_options lo = DL4C_LINE_OPTIONS_INIT;
    struct dl4c_evaluative_options eo = DL4C_EVALUATIVE_OPTIONS_INIT;
    struct dl4c_checkpoint_options co = DL4C_CHECKPOINT_OPTIONS_INIT;
    lo.log = eo.log = on_line;
    eo.every = 5;
    co.every_epochs = 1;
    co.keep_last = 2;
    co.delete_existing = 1;
    snprintf(path, sizeof path, "%s/checkpoints", out);
    if (dl4c_listener_score(NULL, &lo, &listeners[0], &err) || dl4c_listener_evaluative(NULL, features[1], &eo, &listeners[1], &err) ||
        dl4c_listener_checkpoint(NULL, path, &co, &listeners[2], &err))
        goto done;

    /* At most 40 epochs; three without a better F1 on the validation images end it, and so does a minute. */
    struct dl4c_fit_options fo = DL4C_FIT_OPTIONS_INIT;
    struct dl4c_early_stopping_options so = DL4C_EARLY_STOPPING_OPTIONS_INIT;
    fo.epochs = 40;
    fo.batch = 4;
    fo.listeners = listeners;
    fo.n_listeners = 3;
    so.source = features[1];
    so.score = "f1";
    so.no_improvement = 3;
    so.max_time_ms = 60000;
    if (dl4c_fit_early_stopping(dl4c_transfer_unfrozen(helper), features[0], &fo, &so, &best, &result, &err))
        goto done;
    printf("ended by %s after %lld epochs; best F1 %.3f in epoch %lld\n", result.details, (long long)result.total_epochs, result.best_score,
           (long long)result.best_epoch);
    if (dl4c_checkpoint_last(NULL, path, &last, &err))
        goto done;
    printf("last checkpoint %s\n", last);

    /* The frozen part with the best of the rests is a model for images again. */
    dl4c_graph *whole = NULL;
    if (dl4c_graph_join(dl4c_transfer_frozen(helper), best, NULL, &whole, &err))
        goto done;
    snprintf(path, sizeof path, "%s/best.zip", out);
    if (dl4c_evaluate(whole, dl4c_reader_source(val), NULL, &eval, &err) == DL4C_OK && dl4c_model_save(whole, path, NULL, &err) == DL4C_OK)
        printf("accuracy on the validation images: %.3f\n", dl4c_evaluation_accuracy(eval));
    dl4c_graph_destroy(&whole);
done:
    for (int i = 0; i < 3; i++)
        dl4c_listener_close(&listeners[i]);
    dl4c_free(last);
    dl4c_early_stopping_result_clear(&result);
    dl4c_evaluation_destroy(&eval);
    dl4c_source_destroy(&features[0]);
    dl4c_source_destroy(&features[1]);
    dl4c_transfer_destroy(&helper);
    dl4c_reader_close(&train);
    dl4c_reader_close(&val);
    dl4c_graph_destroy(&best);
    dl4c_graph_destroy(&edited);
    dl4c_graph_destroy(&model);
    if (err.status)
        fprintf(stderr, "%s: %s\n", err.origin, err.message);
    return err.status != DL4C_OK;
}
