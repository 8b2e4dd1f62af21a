/* SPDX-License-Identifier: Apache-2.0 */
/* simplecnn: pairs of convolutions with batch normalisation, halving the maps after each, for small images.
 * Arriaga, Valdenegro-Toro and Ploeger, "Real-time Convolutional Neural Networks for Emotion and Gender Classification", ESANN 2019. */
#include "zoo/zoo.h"

#include <stdio.h>

static void layer(struct dli_zoo_net *n, int *number, const char *text)
{
    char name[DLI_ZOO_NAME];
    snprintf(name, sizeof name, *number ? "layer%d" : "image_array", *number);
    *number += 1;
    dli_zoo_add(n, name, NULL, "%s", text);
}

static void build(struct dli_zoo_net *n)
{
    static const struct {
        int units, kernel;
    } blocks[] = { { 16, 7 }, { 32, 5 }, { 64, 3 }, { 128, 3 } };
    char text[96];
    int number = 0;
    for (int i = 0; i < 4; i++) {
        for (int k = 0; k < 2; k++) {
            snprintf(text, sizeof text, "conv2d:units=%d,kernel=%d,mode=same,weight_init=relu", blocks[i].units, blocks[i].kernel);
            layer(n, &number, text);
            layer(n, &number, "batch_norm:use_log_std=1,weight_init=relu");
        }
        layer(n, &number, "relu");
        layer(n, &number, "avg_pool:kernel=2,stride=2,mode=same");
        layer(n, &number, "dropout:p=0.5");
    }
    layer(n, &number, "conv2d:units=256,kernel=3,mode=same,weight_init=relu");
    layer(n, &number, "batch_norm:use_log_std=1,weight_init=relu");
    snprintf(text, sizeof text, "conv2d:units=%" PRId64 ",kernel=3,mode=same,weight_init=relu", n->classes);
    layer(n, &number, text);
    layer(n, &number, "global_pool:type=avg");
    layer(n, &number, "softmax");
}

const struct dli_zoo dli_zoo_simplecnn = {
    .info = { .name = "simplecnn",
              .doc = "Ten small convolutions for small images (Arriaga et al. 2019).",
              .updater = "adadelta(epsilon=1e-06,rho=0.95)",
              .param_count = 651418,
              .n_classes = 10,
              .channels = 3,
              .height = 48,
              .width = 48 },
    .multilayer = true,
    .input = "input",
    .least = 1,
    .build = build,
};
