/* SPDX-License-Identifier: Apache-2.0 */
/* xception: separable convolutions in blocks, around each of which its input is added back.
 * Chollet, "Xception: Deep Learning with Depthwise Separable Convolutions", CVPR 2017.
 *
 * Convolutions have a sigmoid before the batch normalisation that follows: the reference's builder leaves its default activation on. */
#include "zoo/zoo.h"

#include <stdio.h>

#define DRAWN "activation=sigmoid,weight_init=relu,l2=4e-05"
#define NORM  "batch_norm:use_log_std=1,weight_init=relu,l2=4e-05"

/* "block5_sepconv2" and what follows it there. */
static void add(struct dli_zoo_net *n, int block, int k, const char *end, const char *input, const char *text)
{
    char name[DLI_ZOO_NAME];
    snprintf(name, sizeof name, "block%d_sepconv%d%s", block, k, end);
    dli_zoo_add(n, name, input, "%s", text);
}

static const char *separable(char text[128], int units)
{
    snprintf(text, 128, "separable_conv2d:units=%d,kernel=3,mode=same,has_bias=0," DRAWN, units);
    return text;
}

/* Halves the maps; `first` has no rectifier in front of its first convolution. The ways beside each other are added in turn, as the
 * reference's breadth-first order has them. */
static void halving(struct dli_zoo_net *n, int block, int number, int units1, int units2, bool first)
{
    char input[DLI_ZOO_NAME], name[DLI_ZOO_NAME], pool[DLI_ZOO_NAME], both[2 * DLI_ZOO_NAME], text[128], act[DLI_ZOO_NAME];
    snprintf(input, sizeof input, "%s", n->last);
    snprintf(act, sizeof act, "block%d_sepconv1_act", block);
    snprintf(name, sizeof name, "residual%d_conv", number);
    dli_zoo_add(n, name, input, "conv2d:units=%d,kernel=1,stride=2,mode=same,has_bias=0," DRAWN, units2);
    if (first)
        add(n, block, 1, "", input, separable(text, units1));
    else
        dli_zoo_add(n, act, input, "relu");
    snprintf(both, sizeof both, "%s", name);
    snprintf(name, sizeof name, "residual%d", number);
    dli_zoo_add(n, name, both, NORM);
    if (!first)
        add(n, block, 1, "", act, separable(text, units1));
    snprintf(both, sizeof both, "block%d_sepconv1", block);
    add(n, block, 1, "_bn", both, NORM);
    add(n, block, first ? 1 : 2, "_act", NULL, "relu");
    add(n, block, 2, "", NULL, separable(text, units2));
    add(n, block, 2, "_bn", NULL, NORM);
    snprintf(pool, sizeof pool, "block%d_pool", block);
    dli_zoo_add(n, pool, NULL, "max_pool:kernel=3,stride=2,mode=same");
    snprintf(both, sizeof both, "%s,%s", pool, name);
    snprintf(name, sizeof name, "add%d", number);
    dli_zoo_add(n, name, both, "add");
}

static void same_size(struct dli_zoo_net *n, int block, int number)
{
    char input[DLI_ZOO_NAME], both[2 * DLI_ZOO_NAME], name[DLI_ZOO_NAME], text[128];
    snprintf(input, sizeof input, "%s", n->last);
    for (int k = 1; k <= 3; k++) {
        add(n, block, k, "_act", NULL, "relu");
        add(n, block, k, "", NULL, separable(text, 728));
        add(n, block, k, "_bn", NULL, NORM);
    }
    snprintf(both, sizeof both, "%s,%s", n->last, input);
    snprintf(name, sizeof name, "add%d", number);
    dli_zoo_add(n, name, both, "add");
}

static void build(struct dli_zoo_net *n)
{
    char text[128];
    dli_zoo_add(n, "block1_conv1", NULL, "conv2d:units=32,kernel=3,stride=2,has_bias=0," DRAWN);
    dli_zoo_add(n, "block1_conv1_bn", NULL, NORM);
    dli_zoo_add(n, "block1_conv1_act", NULL, "relu");
    dli_zoo_add(n, "block1_conv2", NULL, "conv2d:units=64,kernel=3,has_bias=0," DRAWN);
    dli_zoo_add(n, "block1_conv2_bn", NULL, NORM);
    dli_zoo_add(n, "block1_conv2_act", NULL, "relu");
    halving(n, 2, 1, 128, 128, true);
    halving(n, 3, 2, 256, 256, false);
    halving(n, 4, 3, 728, 728, false);
    for (int block = 5; block <= 12; block++)
        same_size(n, block, block - 1);
    halving(n, 13, 12, 728, 1024, false);
    for (int k = 1; k <= 2; k++) {
        add(n, 14, k, "", NULL, separable(text, k == 1 ? 1536 : 2048));
        add(n, 14, k, "_bn", NULL, NORM);
        add(n, 14, k, "_act", NULL, "relu");
    }
    dli_zoo_add(n, "avg_pool", NULL, "global_pool:type=avg");
    dli_zoo_add(n, "predictions", NULL, "output:units=%" PRId64 "," DLI_ZOO_MCXENT ",weight_init=relu,l2=4e-05", n->classes);
}

const struct dli_zoo dli_zoo_xception = {
    .info = { .name = "xception",
              .doc = "Separable convolutions with residual ways (Chollet 2017).",
              .preprocess = "tf",
              .updater = "adadelta(epsilon=1e-06,rho=0.95)",
              .param_count = 22910480,
              .n_classes = 1000,
              .channels = 3,
              .height = 299,
              .width = 299 },
    .input = "input",
    .least = 7,
    .build = build,
};
