/* SPDX-License-Identifier: Apache-2.0 */
/* unet: down to small maps and up again, with the large ones brought across, for one probability a pixel.
 * Ronneberger, Fischer and Brox, "U-Net: Convolutional Networks for Biomedical Image Segmentation", MICCAI 2015. */
#include "zoo/zoo.h"

#include <stdio.h>

#define DRAWN "weight_init=relu,l2=5e-05"

static void conv(struct dli_zoo_net *n, int level, int k, int units)
{
    char name[DLI_ZOO_NAME];
    snprintf(name, sizeof name, "conv%d-%d", level, k);
    dli_zoo_add(n, name, NULL, "conv2d:units=%d,kernel=3,mode=same,activation=relu," DRAWN, units);
}

static void build(struct dli_zoo_net *n)
{
    static const int units[] = { 64, 128, 256, 512, 1024, 512, 256, 128, 64 };
    static const char *const across[] = { "drop4", "conv3-2", "conv2-2", "conv1-2" };
    char name[DLI_ZOO_NAME], both[2 * DLI_ZOO_NAME];
    for (int level = 1; level <= 5; level++) {
        conv(n, level, 1, units[level - 1]);
        conv(n, level, 2, units[level - 1]);
        if (level >= 4) {
            snprintf(name, sizeof name, "drop%d", level);
            dli_zoo_add(n, name, NULL, "dropout:p=0.5");
        }
        if (level == 5)
            break;
        snprintf(name, sizeof name, "pool%d", level);
        dli_zoo_add(n, name, NULL, "max_pool:kernel=2,stride=2");
    }
    for (int level = 6; level <= 9; level++) {
        snprintf(name, sizeof name, "up%d-1", level);
        dli_zoo_add(n, name, NULL, "upsampling:size=2");
        snprintf(name, sizeof name, "up%d-2", level);
        dli_zoo_add(n, name, NULL, "conv2d:units=%d,kernel=2,mode=same,activation=relu," DRAWN, units[level - 1]);
        snprintf(both, sizeof both, "%s,%s", across[level - 6], name);
        snprintf(name, sizeof name, "merge%d", level);
        dli_zoo_add(n, name, both, "merge");
        conv(n, level, 1, units[level - 1]);
        conv(n, level, 2, units[level - 1]);
    }
    conv(n, 9, 3, 2);
    dli_zoo_add(n, "conv10", NULL, "conv2d:units=1,kernel=1,mode=same," DRAWN);
    dli_zoo_add(n, "output", NULL, "cnn_loss:loss=xent(clip_eps=1e-05),activation=sigmoid," DRAWN);
}

const struct dli_zoo dli_zoo_unet = {
    .info = { .name = "unet",
              .doc = "One probability a pixel, for segmentation (Ronneberger, Fischer and Brox 2015).",
              .updater = "adadelta(epsilon=1e-06,rho=0.95)",
              .param_count = 31032837,
              .channels = 3,
              .height = 512,
              .width = 512 },
    .input = "input",
    .least = 16,
    .build = build,
};
