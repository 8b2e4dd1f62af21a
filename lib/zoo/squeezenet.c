/* SPDX-License-Identifier: Apache-2.0 */
/* squeezenet: eight fire modules, each a 1x1 convolution to few maps and two side by side back to many.
 * Iandola et al., "SqueezeNet: AlexNet-level accuracy with 50x fewer parameters and <0.5MB model size", 2016.
 *
 * Convolutions have a sigmoid before the rectifier that follows: the reference's builder leaves its default activation on. */
#include "zoo/zoo.h"

#include <stdio.h>

#define DRAWN "activation=sigmoid,weight_init=relu,l2=5e-05"

static void part(struct dli_zoo_net *n, int fire, const char *word, const char *input, const char *text)
{
    char name[DLI_ZOO_NAME], from[DLI_ZOO_NAME];
    snprintf(name, sizeof name, "fire%d_%s", fire, word);
    snprintf(from, sizeof from, "fire%d_%s", fire, input ? input : "");
    dli_zoo_add(n, name, input ? from : NULL, "%s", text);
}

static void module(struct dli_zoo_net *n, int fire, int squeeze, int expand)
{
    char text[96], name[DLI_ZOO_NAME], both[2 * DLI_ZOO_NAME];
    snprintf(text, sizeof text, "conv2d:units=%d,kernel=1," DRAWN, squeeze);
    part(n, fire, "sq1x1", NULL, text);
    part(n, fire, "relu_sq1x1", NULL, "relu");
    snprintf(text, sizeof text, "conv2d:units=%d,kernel=1," DRAWN, expand);
    part(n, fire, "exp1x1", "relu_sq1x1", text);
    snprintf(text, sizeof text, "conv2d:units=%d,kernel=3,mode=same," DRAWN, expand);
    part(n, fire, "exp3x3", "relu_sq1x1", text);
    part(n, fire, "relu_exp1x1", "exp1x1", "relu");
    part(n, fire, "relu_exp3x3", "exp3x3", "relu");
    snprintf(name, sizeof name, "fire%d", fire);
    snprintf(both, sizeof both, "fire%d_relu_exp1x1,fire%d_relu_exp3x3", fire, fire);
    dli_zoo_add(n, name, both, "merge");
}

static void build(struct dli_zoo_net *n)
{
    dli_zoo_add(n, "conv1", NULL, "conv2d:units=64,kernel=3,stride=2," DRAWN);
    dli_zoo_add(n, "conv1_act", NULL, "relu");
    dli_zoo_add(n, "pool1", NULL, "max_pool:kernel=3,stride=2");
    module(n, 2, 16, 64);
    module(n, 3, 16, 64);
    dli_zoo_add(n, "pool3", NULL, "max_pool:kernel=3,stride=2");
    module(n, 4, 32, 128);
    module(n, 5, 32, 128);
    dli_zoo_add(n, "pool5", NULL, "max_pool:kernel=3,stride=2");
    module(n, 6, 48, 192);
    module(n, 7, 48, 192);
    module(n, 8, 64, 256);
    module(n, 9, 64, 256);
    dli_zoo_add(n, "drop9", NULL, "dropout:p=0.5");
    dli_zoo_add(n, "conv10", NULL, "conv2d:units=%" PRId64 ",kernel=1," DRAWN, n->classes);
    dli_zoo_add(n, "conv10_act", NULL, "relu");
    dli_zoo_add(n, "avg_pool", NULL, "global_pool:type=avg");
    dli_zoo_add(n, "softmax", NULL, "softmax");
    dli_zoo_add(n, "loss", NULL, "loss:loss=mcxent(clip_eps=1e-10),weight_init=relu,l2=5e-05");
}

const struct dli_zoo dli_zoo_squeezenet = {
    .info = { .name = "squeezenet",
              .doc = "Fire modules of 1x1 and 3x3 convolutions with few parameters (Iandola et al. 2016).",
              .preprocess = "vgg16",
              .updater = "adadelta(epsilon=1e-06,rho=0.95)",
              .param_count = 1235496,
              .n_classes = 1000,
              .channels = 3,
              .height = 227,
              .width = 227 },
    .input = "input",
    .least = 31,
    .build = build,
};
