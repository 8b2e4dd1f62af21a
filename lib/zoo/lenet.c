/* SPDX-License-Identifier: Apache-2.0 */
/* lenet: two convolutions for handwritten digits.
 * LeCun, Bottou, Bengio and Haffner, "Gradient-Based Learning Applied to Document Recognition", Proceedings of the IEEE 1998. */
#include "zoo/zoo.h"

static void build(struct dli_zoo_net *n)
{
    dli_zoo_add(n, "cnn1", NULL, "conv2d:units=20,kernel=5,mode=same,activation=relu,weight_init=xavier");
    dli_zoo_add(n, "maxpool1", NULL, "max_pool:kernel=2,stride=2,mode=same");
    dli_zoo_add(n, "cnn2", NULL, "conv2d:units=50,kernel=5,mode=same,activation=relu,weight_init=xavier");
    dli_zoo_add(n, "maxpool2", NULL, "max_pool:kernel=2,stride=2,mode=same");
    dli_zoo_add(n, "ffn1", NULL, "dense:units=500,activation=relu,weight_init=xavier");
    dli_zoo_add(n, "output", NULL, "output:units=%" PRId64 "," DLI_ZOO_MCXENT ",weight_init=xavier", n->classes);
}

const struct dli_zoo dli_zoo_lenet = {
    .info = { .name = "lenet",
              .doc = "Two convolutions for handwritten digits (LeCun et al. 1998).",
              .preprocess = "scale01",
              .updater = "adadelta(epsilon=1e-06,rho=0.95)",
              .param_count = 1256080,
              .n_classes = 10,
              .channels = 1,
              .height = 28,
              .width = 28 },
    .multilayer = true,
    .flat_input = true,
    .input = "input",
    .least = 1,
    .build = build,
};
