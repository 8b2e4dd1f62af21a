/* SPDX-License-Identifier: Apache-2.0 */
/* The Caltech-256 case: VGG16 up to a vertex, every image once through it, a new softmax head, one model again.
 *
 *     caltech256 MODEL VERTEX IMAGES LISTS OUT
 *
 * MODEL   a pretrained network, IMAGES a folder with a subfolder a class, LISTS a folder with train.txt, val.txt and test.txt (dl4c split
 * makes them), OUT a folder for the features and the new model. */
#include <dl4c/dl4c.h>
#include <stdio.h>

static int on_progress(void *user, const struct dl4c_progress *p)
{
    (void)user;
    fprintf(stderr, "\r%s %.0f%% ", p->stage, p->percent);
    return 0;
}

/* The images of a list, once through the trunk, into a store. */
static dl4c_status featurize(dl4c_graph *trunk, const char *images, const char *list, const char *out, struct dl4c_error *err)
{
    dl4c_reader *reader = NULL;
    struct dl4c_reader_options ro = DL4C_READER_OPTIONS_INIT;
    ro.for_graph = trunk; /* image size */
    ro.preprocess = "vgg16";
    ro.list = list;
    struct dl4c_featurize_options zo = DL4C_FEATURIZE_OPTIONS_INIT;
    zo.progress = on_progress;
    zo.overwrite = 1;
    dl4c_status status = dl4c_reader_open(NULL, images, &ro, &reader, err);
    if (status == DL4C_OK)
        status = dl4c_featurize(trunk, reader, out, &zo, err);
    dl4c_reader_close(&reader);
    return status;
}

int main(int argc, char **argv)
{
    struct dl4c_error err = DL4C_ERROR_INIT;
    dl4c_graph *vgg = NULL, *trunk = NULL, *head = NULL, *whole = NULL;
    dl4c_features *train = NULL, *val = NULL, *test = NULL;
    dl4c_evaluation *eval = NULL;
    char *text = NULL, list[3][1024], store[3][1024], model[1024];
    static const char *const parts[] = { "train", "val", "test" };

    if (argc != 6) {
        fprintf(stderr, "usage: %s MODEL VERTEX IMAGES LISTS OUT\n", argv[0]);
        return 2;
    }
    const char *at[] = { argv[2] };
    for (int i = 0; i < 3; i++) {
        snprintf(list[i], sizeof list[i], "%s/%s.txt", argv[4], parts[i]);
        snprintf(store[i], sizeof store[i], "%s/%s", argv[5], parts[i]);
    }
    snprintf(model, sizeof model, "%s/model.zip", argv[5]);

    if (dl4c_model_load(NULL, argv[1], NULL, &vgg, &err) || dl4c_graph_summary(vgg, NULL, &text, &err))
        goto done;
    puts(text);

    /* Everything up to and including the vertex; frozen. */
    if (dl4c_graph_split(vgg, at, 1, NULL, &trunk, NULL, &err))
        goto done;
    for (int i = 0; i < 3; i++)
        if (featurize(trunk, argv[3], list[i], store[i], &err))
            goto done;

    /* A new prediction layer: features -> classes. */
    if (dl4c_features_open(NULL, store[0], NULL, &train, &err) || dl4c_features_open(NULL, store[1], NULL, &val, &err)
        || dl4c_head_softmax(train, NULL, &head, &err))
        goto done;
    struct dl4c_fit_options fo = DL4C_FIT_OPTIONS_INIT;
    fo.epochs = 20;
    fo.batch = 32;
    fo.updater = "nesterovs:lr=3e-4,momentum=0.9";
    fo.validation = dl4c_features_source(val);
    fo.progress = on_progress;
    if (dl4c_fit(head, dl4c_features_source(train), &fo, &err))
        goto done;

    if (dl4c_features_open(NULL, store[2], NULL, &test, &err) || dl4c_evaluate(head, dl4c_features_source(test), NULL, &eval, &err))
        goto done;
    printf("\naccuracy %.3f\n", dl4c_evaluation_accuracy(eval));

    /* One model again, which Deeplearning4j opens too. */
    if (dl4c_graph_join(trunk, head, NULL, &whole, &err))
        goto done;
    dl4c_model_save(whole, model, NULL, &err);
done:
    dl4c_free(text);
    dl4c_evaluation_destroy(&eval);
    dl4c_features_close(&train);
    dl4c_features_close(&val);
    dl4c_features_close(&test);
    dl4c_graph_destroy(&whole);
    dl4c_graph_destroy(&head);
    dl4c_graph_destroy(&trunk);
    dl4c_graph_destroy(&vgg);
    if (err.status)
        fprintf(stderr, "%s: %s\n", err.origin, err.message);
    return err.status != DL4C_OK;
}
