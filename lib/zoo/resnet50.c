/* SPDX-License-Identifier: Apache-2.0 */
/* resnet50: bottlenecks of three convolutions around which the input is added back.
 * He, Zhang, Ren and Sun, "Deep Residual Learning for Image Recognition", CVPR 2016.
 *
 * Two habits are the reference's own: the first bottleneck halves the maps too, and the pooling at the end, called avgpool, takes the
 * maximum of 3x3 windows. */
#include "zoo/zoo.h"

#include <stdio.h>

#define DRAWN "weight_init=truncated_normal(mean=0,std=0.5),l1=1e-07,l2=5e-05"

struct place {
    int stage;  /* 2 to 5 */
    char block; /* 'a', 'b' ... */
    char text[4][DLI_ZOO_NAME];
};

/* "res2a_branch2b"; which of the four texts holds it, the caller says. */
static const char *name(struct place *p, int text, const char *word, const char *branch)
{
    snprintf(p->text[text], DLI_ZOO_NAME, "%s%d%c_branch%s", word, p->stage, p->block, branch);
    return p->text[text];
}

static void norm_and_relu(struct dli_zoo_net *n, struct place *p, const char *branch)
{
    dli_zoo_add(n, name(p, 0, "bn", branch), NULL, "batch_norm:use_log_std=1," DRAWN);
    dli_zoo_add(n, name(p, 0, "act", branch), NULL, "relu");
}

/* The input goes through a convolution of its own before it is added, because the number and size of its maps change. The reference
 * walks the network breadth first over hash sets of vertex numbers: in stage 5 those of this pair wrap around, and the shorter way comes
 * first. */
static void project(struct dli_zoo_net *n, struct place *p, int units, int stride)
{
    static const char *const branch[] = { "2a", "1" };
    char input[DLI_ZOO_NAME];
    const int first = p->stage == 5;
    snprintf(input, sizeof input, "%s", n->last);
    for (int k = 0; k < 2; k++) {
        const int way = k ^ first;
        dli_zoo_add(n, name(p, way, "res", branch[way]), input, "conv2d:units=%d,kernel=1,stride=%d," DRAWN, way ? 4 * units : units,
                    stride);
    }
    for (int k = 0; k < 2; k++) {
        const int way = k ^ first;
        dli_zoo_add(n, name(p, way + 2, "bn", branch[way]), p->text[way], "batch_norm:use_log_std=1," DRAWN);
    }
    dli_zoo_add(n, name(p, 0, "act", "2a"), p->text[2], "relu");
}

static void bottleneck(struct dli_zoo_net *n, int stage, char block, int units)
{
    struct place p = { .stage = stage, .block = block };
    char added[DLI_ZOO_NAME], both[2 * DLI_ZOO_NAME];
    snprintf(added, sizeof added, "%s", n->last);
    if (block == 'a') {
        project(n, &p, units, 2);
        snprintf(added, sizeof added, "%s", p.text[3]);
    } else {
        dli_zoo_add(n, name(&p, 0, "res", "2a"), NULL, "conv2d:units=%d,kernel=1," DRAWN, units);
        norm_and_relu(n, &p, "2a");
    }
    dli_zoo_add(n, name(&p, 0, "res", "2b"), NULL, "conv2d:units=%d,kernel=3,mode=same," DRAWN, units);
    norm_and_relu(n, &p, "2b");
    dli_zoo_add(n, name(&p, 0, "res", "2c"), NULL, "conv2d:units=%d,kernel=1," DRAWN, 4 * units);
    dli_zoo_add(n, name(&p, 0, "bn", "2c"), NULL, "batch_norm:use_log_std=1," DRAWN);
    snprintf(both, sizeof both, "%s,%s", p.text[0], added);
    dli_zoo_add(n, name(&p, 1, "short", ""), both, "add");
    dli_zoo_add(n, name(&p, 1, "res", ""), NULL, "relu");
}

static void build(struct dli_zoo_net *n)
{
    static const struct {
        int units, blocks;
    } stages[] = { { 64, 3 }, { 128, 4 }, { 256, 6 }, { 512, 3 } };
    dli_zoo_add(n, "stem-zero", NULL, "zero_padding:padding=3");
    dli_zoo_add(n, "stem-cnn1", NULL, "conv2d:units=64,kernel=7,stride=2," DRAWN);
    dli_zoo_add(n, "stem-batch1", NULL, "batch_norm:use_log_std=1," DRAWN);
    dli_zoo_add(n, "stem-act1", NULL, "relu");
    dli_zoo_add(n, "stem-maxpool1", NULL, "max_pool:kernel=3,stride=2");
    for (int s = 0; s < 4; s++)
        for (int k = 0; k < stages[s].blocks; k++)
            bottleneck(n, s + 2, (char)('a' + k), stages[s].units);
    dli_zoo_add(n, "avgpool", NULL, "max_pool:kernel=3,stride=2");
    dli_zoo_add(n, "output", NULL, "output:units=%" PRId64 "," DLI_ZOO_NLL "," DRAWN, n->classes);
}

const struct dli_zoo dli_zoo_resnet50 = {
    .info = { .name = "resnet50",
              .doc = "50 layers of weights, residual bottlenecks (He, Zhang, Ren and Sun 2016).",
              .preprocess = "vgg16",
              .updater = "rmsprop(epsilon=0.001,lr=0.1,decay=0.96)",
              .param_count = 25636712,
              .n_classes = 1000,
              .channels = 3,
              .height = 224,
              .width = 224 },
    .input = "input",
    .least = 133,
    .build = build,
};
