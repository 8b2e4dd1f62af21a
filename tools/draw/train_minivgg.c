/* SPDX-License-Identifier: Apache-2.0 */
/* Made examples/data/minivgg.zip: a small network in the manner of VGG16, trained from scratch on drawn figures (set a of draw_shapes).
 *
 *     draw_shapes A --classes a --per-class 500 --seed 7
 *     train_minivgg A minivgg.zip
 *
 * The same images, epochs and kernels give the same file. */
#include <dl4c/dl4c.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SIZE = 64 };

/* Four blocks of two 3x3 convolutions and a pooling that halves; names as in VGG16. [3, 64, 64] -> [64, 4, 4] -> 64 -> classes. */
static dl4c_status build(int32_t n_classes, dl4c_graph **graph, struct dl4c_error *err)
{
    static const int channels[] = { 8, 16, 32, 64 };
    static const int64_t image[] = { 3, SIZE, SIZE };
    char text[160], name[32], before[32] = "input_1";
    const char *in[] = { before };
    dl4c_builder *b = NULL;
    const dl4c_status status = dl4c_builder_create(NULL, NULL, &b, err);
    if (status != DL4C_OK)
        return status;
    dl4c_builder_input(b, before, image, 3);
    for (int block = 1; block <= 4; block++)
        for (int i = 1; i <= 3; i++) {
            if (i < 3) {
                snprintf(text, sizeof text, "conv2d:units=%d,kernel=3x3,mode=same,activation=relu,weight_init=relu", channels[block - 1]);
                snprintf(name, sizeof name, "block%d_conv%d", block, i);
            } else {
                snprintf(text, sizeof text, "max_pool:kernel=2x2,stride=2x2");
                snprintf(name, sizeof name, "block%d_pool", block);
            }
            dl4c_builder_add_text(b, text, name, in, 1);
            memcpy(before, name, sizeof before);
        }
    dl4c_builder_add_text(b, "flatten", "flatten", in, 1);
    dl4c_builder_add_text(b, "dense:units=64,activation=relu,weight_init=relu", "fc1", (const char *[]){ "flatten" }, 1);
    snprintf(text, sizeof text, "output:units=%d,activation=softmax,loss=negative_log_likelihood", (int)n_classes);
    dl4c_builder_add_text(b, text, "predictions", (const char *[]){ "fc1" }, 1);
    return dl4c_builder_finish(&b, graph, err);
}

static dl4c_status open_images(const char *dir, dl4c_reader **reader, struct dl4c_error *err)
{
    struct dl4c_reader_options o = DL4C_READER_OPTIONS_INIT;
    o.height = o.width = SIZE;
    o.preprocess = "tf";
    o.on_bad = DL4C_BAD_FAIL;
    return dl4c_reader_open(NULL, dir, &o, reader, err);
}

static int on_epoch(void *user, int64_t epoch, double train_score, double val_score, double val_accuracy)
{
    (void)user;
    printf("epoch %lld: score %.4f, held out %.4f, accuracy %.4f\n", (long long)epoch, train_score, val_score, val_accuracy);
    fflush(stdout);
    return 0;
}

int main(int argc, char **argv)
{
    struct dl4c_error err = DL4C_ERROR_INIT;
    dl4c_graph *g = NULL;
    dl4c_reader *images = NULL, *held_out = NULL;
    const char **classes = NULL;

    if (argc < 3 || argc > 5) {
        fprintf(stderr, "usage: %s IMAGES OUT.zip [EPOCHS [HELD_OUT_IMAGES]]\n", argv[0]);
        return 2;
    }
    if (open_images(argv[1], &images, &err) || (argc > 4 && open_images(argv[4], &held_out, &err)))
        goto done;
    const int32_t n = dl4c_reader_class_count(images);
    if (build(n, &g, &err))
        goto done;

    /* What a user of the file needs to know: how images go in and what comes out. */
    classes = calloc((size_t)n, sizeof *classes);
    if (!classes)
        goto done;
    for (int32_t i = 0; i < n; i++)
        classes[i] = dl4c_reader_class(images, i);
    struct dl4c_model_info info = DL4C_MODEL_INFO_INIT;
    info.n_classes = n;
    info.classes = classes;
    info.preprocess = dl4c_reader_preprocess(images);
    info.height = info.width = SIZE;
    if (dl4c_graph_set_info(g, &info, &err))
        goto done;

    struct dl4c_listener listener = DL4C_LISTENER_INIT;
    listener.epoch_end = on_epoch;
    struct dl4c_fit_options o = DL4C_FIT_OPTIONS_INIT;
    o.epochs = argc > 3 ? (uint32_t)strtoul(argv[3], NULL, 10) : 6;
    o.batch = 16;
    o.updater = "adam:lr=1e-3";
    o.lr_schedule = "exponential:gamma=0.7,by=epoch";
    o.l2 = 5e-5;
    o.validation = held_out ? dl4c_reader_source(held_out) : NULL;
    o.listeners = &listener;
    o.n_listeners = 1;
    if (dl4c_fit(g, dl4c_reader_source(images), &o, &err))
        goto done;
    dl4c_model_save(g, argv[2], NULL, &err);
done:
    free(classes);
    dl4c_graph_destroy(&g);
    dl4c_reader_close(&images);
    dl4c_reader_close(&held_out);
    if (err.status)
        fprintf(stderr, "%s: %s\n", err.origin, err.message);
    return err.status != DL4C_OK;
}
