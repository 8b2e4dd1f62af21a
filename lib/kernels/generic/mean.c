/* SPDX-License-Identifier: Apache-2.0 */
/* The mean of vectors for every machine. */
#include "kernels/mean.inc"

void dli_generic_init_mean(struct dli_kernels *t) { t->mean = mean; }
