/* SPDX-License-Identifier: Apache-2.0 */
/* The mean of vectors, compiled for avx2. */
#include "kernels/mean.inc"

#include "kernels/x86/avx2/init.h"

void dli_avx2_init_mean(struct dli_kernels *t) { t->mean = mean; }
