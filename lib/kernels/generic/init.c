/* SPDX-License-Identifier: Apache-2.0 */
/* The generic entries of the kernel table. */
#include "kernels/kernels.h"

void dli_kernels_init_generic(struct dli_kernels *t)
{
    t->name = "generic";
    t->block = 8;
}
