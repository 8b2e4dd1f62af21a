/* SPDX-License-Identifier: Apache-2.0 */
/* The avx512 entries of the kernel table. */
#include "kernels/kernels.h"

void dli_kernels_init_avx512(struct dli_kernels *t)
{
    t->name = "avx512";
    t->block = 16;
}
