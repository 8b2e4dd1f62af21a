/* SPDX-License-Identifier: Apache-2.0 */
/* Fine-tunes a network on images: its lower part frozen, its prediction layer replaced by one for other classes.
 *
 *     05_fine_tune MODEL FROZEN LAST IMAGES OUT
 *
 * FROZEN is the last vertex that training leaves alone, LAST the old prediction layer, IMAGES a folder with a subfolder a class.
 * Slower than a head on stored features (every image goes through the network in every epoch), but more than the head can learn. */
#include <dl4c/dl4c.h>
#include <stdio.h>

static int on_progress(void *user, const struct dl4c_progress *p)
{
    (void)user;
    fprintf(stderr, "\r%s %.0f%% ", p->stage, p->percent);
    return 0;
}

int main(int argc, char **argv)
{
    struct dl4c_error err = DL4C_ERROR_INIT;
    dl4c_graph *model = NULL, *tuned = NULL;
    dl4c_builder *b = NULL;
    dl4c_reader *images = NULL;
    dl4c_evaluation *eval = NULL;
    char layer[128];
    int32_t last;
    int64_t total, trainable, frozen;

    if (argc != 6) {
        fprintf(stderr, "usage: %s MODEL FROZEN LAST IMAGES OUT\n", argv[0]);
        return 2;
    }
    struct dl4c_reader_options ro = DL4C_READER_OPTIONS_INIT;
    if (dl4c_model_load(NULL, argv[1], NULL, &model, &err))
        goto done;
    ro.for_graph = model;
    if (dl4c_reader_open(NULL, argv[4], &ro, &images, &err) || dl4c_graph_find(model, argv[3], &last, &err))
        goto done;

    /* The vertex that the old layer read. */
    struct dl4c_vertex before = DL4C_VERTEX_INIT;
    if (dl4c_graph_vertex(model, dl4c_graph_vertex_input(model, last, 0), &before, &err))
        goto done;
    const char *in[] = { before.name };
    snprintf(layer, sizeof layer, "output:units=%d,activation=softmax,loss=negative_log_likelihood", dl4c_reader_class_count(images));

    /* An edit is a new graph: the model is not touched, and shares its parameters until they are trained. */
    if (dl4c_builder_create(NULL, model, &b, &err))
        goto done;
    dl4c_builder_freeze(b, argv[2]);
    dl4c_builder_remove(b, argv[3], 0);
    dl4c_builder_add_text(b, layer, "predictions", in, 1);
    if (dl4c_builder_finish(&b, &tuned, &err))
        goto done;
    dl4c_graph_param_count(tuned, &total, &trainable, &frozen);
    printf("%lld parameters, %lld of them trained\n", (long long)total, (long long)trainable);

    struct dl4c_fit_options fo = DL4C_FIT_OPTIONS_INIT;
    fo.epochs = 10;
    fo.batch = 8;
    fo.updater = "adam:lr=0.003";
    fo.progress = on_progress;
    if (dl4c_fit(tuned, dl4c_reader_source(images), &fo, &err)
        || dl4c_evaluate(tuned, dl4c_reader_source(images), NULL, &eval, &err))
        goto done;
    printf("\naccuracy on the images it was trained on: %.3f\n", dl4c_evaluation_accuracy(eval));
    dl4c_model_save(tuned, argv[5], NULL, &err);
done:
    dl4c_evaluation_destroy(&eval);
    dl4c_builder_destroy(&b);
    dl4c_reader_close(&images);
    dl4c_graph_destroy(&tuned);
    dl4c_graph_destroy(&model);
    if (err.status)
        fprintf(stderr, "%s: %s\n", err.origin, err.message);
    return err.status != DL4C_OK;
}
