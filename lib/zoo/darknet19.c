/* SPDX-License-Identifier: Apache-2.0 */
/* darknet19: 3x3 convolutions with 1x1 ones between them, batch normalisation and leaky rectifiers.
 * Redmon and Farhadi, "YOLO9000: Better, Faster, Stronger", CVPR 2017. */
#include "zoo/zoo.h"

#include <stdio.h>

static void build(struct dli_zoo_net *n)
{
    static const struct {
        int units, kernel, pool; /* pool: a maximum over 2x2 follows */
    } layers[] = {
        { 32, 3, 1 },  { 64, 3, 1 },   { 128, 3, 0 }, { 64, 1, 0 },   { 128, 3, 1 }, { 256, 3, 0 },
        { 128, 1, 0 }, { 256, 3, 1 },  { 512, 3, 0 }, { 256, 1, 0 },  { 512, 3, 0 }, { 256, 1, 0 },
        { 512, 3, 1 }, { 1024, 3, 0 }, { 512, 1, 0 }, { 1024, 3, 0 }, { 512, 1, 0 }, { 1024, 3, 0 },
    };
    char name[DLI_ZOO_NAME];
    for (int i = 0; i < 18; i++) {
        snprintf(name, sizeof name, "convolution2d_%d", i + 1);
        dli_zoo_add(n, name, NULL, "conv2d:units=%d,kernel=%d,mode=same,has_bias=0,weight_init=xavier,l2=1e-05", layers[i].units,
                    layers[i].kernel);
        snprintf(name, sizeof name, "batchnormalization_%d", i + 1);
        dli_zoo_add(n, name, NULL, "batch_norm:use_log_std=1,weight_init=xavier,l2=1e-05");
        snprintf(name, sizeof name, "activation_%d", i + 1);
        dli_zoo_add(n, name, NULL, "leaky_relu:leak=0.1");
        if (!layers[i].pool)
            continue;
        snprintf(name, sizeof name, "maxpooling2d_%d", i + 1);
        dli_zoo_add(n, name, NULL, "max_pool:kernel=2,stride=2,mode=same");
    }
    dli_zoo_add(n, "convolution2d_19", NULL, "conv2d:units=%" PRId64 ",kernel=1,mode=same,weight_init=relu,l2=1e-05", n->classes);
    dli_zoo_add(n, "globalpooling", NULL, "global_pool:type=avg");
    dli_zoo_add(n, "softmax", NULL, "softmax");
    dli_zoo_add(n, "loss", NULL, "loss:loss=negative_log_likelihood(clip_eps=1e-10),weight_init=relu,l2=1e-05");
}

const struct dli_zoo dli_zoo_darknet19 = {
    .info = { .name = "darknet19",
              .doc = "19 convolutions with batch normalisation (Redmon and Farhadi 2017).",
              .preprocess = "scale01",
              .updater = "nesterovs(lr=0.001,momentum=0.9)",
              .param_count = 20856776,
              .n_classes = 1000,
              .channels = 3,
              .height = 224,
              .width = 224 },
    .input = "input",
    .least = 1,
    .build = build,
};
