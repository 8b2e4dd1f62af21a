/* SPDX-License-Identifier: Apache-2.0 */
/* What the examples work on: OUT/images/{blue,green,red}/N.jpg, drawn, and OUT/model.zip, a small network with VGG's vertices.
 * Exits with 77 where this build cannot write models. */
#include "support/photos.h"

#include <dl4c/dl4c.h>
#include <dl4c/layers.h>
#include <stdio.h>
#include <string.h>

enum { IMAGES = 16, SIDE = 32 };

static int can_write_models(void)
{
    const char *name;
    int32_t directions;
    for (int32_t i = 0; dl4c_format_get(NULL, i, &name, &directions, NULL) == DL4C_OK; i++)
        if (strcmp(name, "dl4j") == 0 && (directions & 2))
            return 1;
    return 0;
}

static dl4c_status make_model(const char *path, struct dl4c_error *err)
{
    static const char *const classes[] = { "a", "b", "c", "d", "e" };
    const int64_t shape[] = { 3, SIDE, SIDE };
    dl4c_builder *b = NULL;
    dl4c_graph *g = NULL;
    dl4c_status status = dl4c_builder_create(NULL, NULL, &b, err);
    if (status != DL4C_OK)
        return status;
    dl4c_builder_input(b, "image", shape, 3);
    dl4c_conv2d(b, "block1_conv1", "image", 8, 3, 1, "same", "relu");
    dl4c_max_pool(b, "block1_pool", "block1_conv1", 2, 2);
    dl4c_conv2d(b, "block2_conv1", "block1_pool", 16, 3, 1, "same", "relu");
    dl4c_max_pool(b, "block2_pool", "block2_conv1", 2, 2);
    dl4c_dense(b, "fc2", "block2_pool", 32, "relu");
    dl4c_output(b, "predictions", "fc2", 5, NULL, NULL);
    status = dl4c_builder_finish(&b, &g, err);
    if (status == DL4C_OK) {
        struct dl4c_model_info info = DL4C_MODEL_INFO_INIT;
        info.n_classes = 5;
        info.classes = classes;
        info.preprocess = "vgg16";
        info.height = SIDE;
        info.width = SIDE;
        status = dl4c_graph_set_info(g, &info, err);
    }
    if (status == DL4C_OK)
        status = dl4c_model_save(g, path, NULL, err);
    dl4c_graph_destroy(&g);
    return status;
}

int main(int argc, char **argv)
{
    static const char *const classes[] = { "blue", "green", "red" };
    struct dl4c_error err = DL4C_ERROR_INIT;
    char path[1024];
    if (argc != 2)
        return 2;
    if (!can_write_models()) {
        printf("skipped: this build cannot write models\n");
        return 77;
    }
    photos_mkdir(argv[1], "images");
    for (unsigned c = 0; c < 3; c++) {
        snprintf(path, sizeof path, "%s/images", argv[1]);
        photos_mkdir(path, classes[c]);
        for (int i = 0; i < IMAGES; i++) {
            snprintf(path, sizeof path, "%s/images/%s/%02d.jpg", argv[1], classes[c], i);
            photos_jpeg(path, 30 + i, 40 - i, c); /* the class decides the colours, the number the size */
        }
    }
    snprintf(path, sizeof path, "%s/model.zip", argv[1]);
    if (make_model(path, &err) != DL4C_OK) {
        fprintf(stderr, "%s: %s\n", err.origin, err.message);
        return 1;
    }
    return 0;
}
