/* SPDX-License-Identifier: Apache-2.0 */
/* Steps of the commonest updaters in one pass over memory: gradient in, new parameters and state out. */
#ifndef DLI_KERNELS_UPDATE_H
#define DLI_KERNELS_UPDATE_H

#include <stdint.h>

/* Entries of the kernel table's `update`. DLI_UPDATE_PLAIN has none: its range (updaters/updater.h) runs pass after pass. */
enum dli_update_kind { DLI_UPDATE_PLAIN, DLI_UPDATE_SGD, DLI_UPDATE_NESTEROVS, DLI_UPDATE_ADAM, DLI_UPDATE_KINDS };

/* What each element goes through: g = scale * gradient, then + l2 * w where l2 is not 0, then the updater of that name, whose constants
 * `c` are those of its begin. Every operation is rounded by itself, as the updater's range has it: the same bits from every kernel set. */
struct dli_update_rates {
    float scale, l2;
    const float *c;
};

/* Takes the gradient of a parameter piece by piece while it lies in the cache, instead of having it stored: n elements from number
 * `first` on, each exactly once a step, from any thread. It may write over them. */
struct dli_taker {
    void (*take)(void *user, int64_t first, int64_t n, float *gradient);
    void *user;
    int32_t n_near;       /* what take reads and writes besides: */
    const float *near[4]; /* element i of each goes with element i of the gradient, so that it can be fetched ahead */
};

#endif
