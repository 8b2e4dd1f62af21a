/* SPDX-License-Identifier: Apache-2.0 */
/* vgg16, vgg19: blocks of 3x3 convolutions with a maximum over 2x2 after each, then three dense layers.
 * Simonyan and Zisserman, "Very Deep Convolutional Networks for Large-Scale Image Recognition", ICLR 2015. */
#include "zoo/zoo.h"

#include <stdio.h>

struct names {
    bool published;
    int number; /* of the next vertex */
    char text[DLI_ZOO_NAME];
};

/* The zoo's builder counts its vertices from "0"; the published files, which came from Keras, say block1_conv1. */
static const char *next(struct names *s, const char *word, int block, int k)
{
    if (!s->published)
        snprintf(s->text, sizeof s->text, "%d", s->number);
    else if (!block)
        snprintf(s->text, sizeof s->text, "%s", word);
    else if (!k)
        snprintf(s->text, sizeof s->text, "block%d_%s", block, word);
    else
        snprintf(s->text, sizeof s->text, "block%d_%s%d", block, word, k);
    s->number++;
    return s->text;
}

static void vgg(struct dli_zoo_net *n, int deep)
{
    static const int units[] = { 64, 128, 256, 512, 512 };
    struct names s = { .published = n->published };
    for (int block = 1; block <= 5; block++) {
        for (int k = 1; k <= (block <= 2 ? 2 : deep); k++)
            dli_zoo_add(n, next(&s, "conv", block, k), NULL, "conv2d:units=%d,kernel=3,padding=1,activation=relu,weight_init=xavier",
                        units[block - 1]);
        dli_zoo_add(n, next(&s, "pool", block, 0), NULL, "max_pool:kernel=2,stride=2");
    }
    /* The published files and the reference's own vgg19 drop nothing; the latter leaves fc2 out, which the published one has. */
    const char *drop = deep == 3 && !n->published ? ",dropout=0.5" : "";
    dli_zoo_add(n, next(&s, "fc1", 0, 0), NULL, "dense:units=4096,activation=relu,weight_init=xavier%s", drop);
    if (deep == 3 || n->published)
        dli_zoo_add(n, next(&s, "fc2", 0, 0), NULL, "dense:units=4096,activation=relu,weight_init=xavier%s", drop);
    dli_zoo_add(n, next(&s, "predictions", 0, 0), NULL, "output:units=%" PRId64 "," DLI_ZOO_NLL ",weight_init=xavier", n->classes);
}

static void vgg16(struct dli_zoo_net *n) { vgg(n, 3); }
static void vgg19(struct dli_zoo_net *n) { vgg(n, 4); }

const struct dli_zoo dli_zoo_vgg16 = {
    .info = { .name = "vgg16",
              .doc = "16 layers of weights, 3x3 convolutions (Simonyan and Zisserman 2015).",
              .preprocess = "vgg16",
              .updater = "nesterovs(lr=0.1,momentum=0.9)",
              .param_count = 138357544,
              .n_classes = 1000,
              .channels = 3,
              .height = 224,
              .width = 224 },
    .flat_input = true,
    .input = "in",
    .least = 32,
    .build = vgg16,
};

const struct dli_zoo dli_zoo_vgg19 = {
    .info = { .name = "vgg19",
              .doc = "16 convolutions of 3x3 as in VGG19 (Simonyan and Zisserman 2015); fc2 with published names only.",
              .preprocess = "vgg16",
              .updater = "nesterovs(lr=0.1,momentum=0.9)",
              .param_count = 126885928,
              .n_classes = 1000,
              .channels = 3,
              .height = 224,
              .width = 224 },
    .flat_input = true,
    .input = "in",
    .least = 32,
    .build = vgg19,
};
