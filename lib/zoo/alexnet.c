/* SPDX-License-Identifier: Apache-2.0 */
/* alexnet: five convolutions, two of them followed by local response normalisation, and three dense layers.
 * Krizhevsky, Sutskever and Hinton, "ImageNet Classification with Deep Convolutional Neural Networks", NIPS 2012. */
#include "zoo/zoo.h"

#define BOTH "bias_updater=nesterovs(lr=0.02,momentum=0.9),gradient_normalization=renormalize_l2_per_layer,l2=0.0005"
#define MAPS "weight_init=normal(mean=0,std=0.01)," BOTH
#define ROWS "weight_init=normal(mean=0,std=0.005)," BOTH

static void build(struct dli_zoo_net *n)
{
    dli_zoo_add(n, "cnn1", NULL, "conv2d:units=96,kernel=11,stride=4,activation=relu," MAPS);
    dli_zoo_add(n, "layer1", NULL, "lrn:k=2,n=5,alpha=0.0001,beta=0.75");
    dli_zoo_add(n, "maxpool1", NULL, "max_pool:kernel=3,stride=2,padding=1,mode=same");
    dli_zoo_add(n, "cnn2", NULL, "conv2d:units=256,kernel=5,padding=2,activation=relu,bias_init=1," MAPS);
    dli_zoo_add(n, "maxpool2", NULL, "max_pool:kernel=3,stride=2");
    dli_zoo_add(n, "layer5", NULL, "lrn:k=2,n=5,alpha=0.0001,beta=0.75");
    dli_zoo_add(n, "cnn3", NULL, "conv2d:units=384,kernel=3,mode=same,activation=relu," MAPS);
    dli_zoo_add(n, "cnn4", NULL, "conv2d:units=384,kernel=3,mode=same,activation=relu,bias_init=1," MAPS);
    dli_zoo_add(n, "cnn5", NULL, "conv2d:units=256,kernel=3,mode=same,activation=relu,bias_init=1," MAPS);
    dli_zoo_add(n, "maxpool3", NULL, "max_pool:kernel=3,stride=2");
    dli_zoo_add(n, "ffn1", NULL, "dense:units=4096,activation=relu,bias_init=1," ROWS);
    dli_zoo_add(n, "ffn2", NULL, "dense:units=4096,activation=relu,bias_init=1,dropout=0.5," ROWS);
    dli_zoo_add(n, "output", NULL, "output:units=%" PRId64 "," DLI_ZOO_NLL ",bias_init=0.1," ROWS, n->classes);
}

const struct dli_zoo dli_zoo_alexnet = {
    .info = { .name = "alexnet",
              .doc = "Five convolutions and three dense layers (Krizhevsky, Sutskever and Hinton 2012).",
              .updater = "nesterovs(lr=0.01,momentum=0.9)",
              .param_count = 62378344,
              .n_classes = 1000,
              .channels = 3,
              .height = 224,
              .width = 224 },
    .multilayer = true,
    .whole_gradients = true,
    .input = "input",
    .least = 59,
    .build = build,
};
