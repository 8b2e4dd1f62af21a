/* SPDX-License-Identifier: Apache-2.0 */
/* The generic entries of the kernel table: plain C, every one of them. */
#include "kernels/conv_parts.h"
#include "kernels/kernels.h"

void dli_kernels_init_generic(struct dli_kernels *t)
{
    t->name = "generic";
    t->block = 8;
    t->conv = &dli_conv_kernels_generic;
    dli_generic_init_convert(t);
    dli_generic_init_layout(t);
    dli_generic_init_gemm(t);
    dli_generic_init_dense(t);
    dli_generic_init_pool(t);
    dli_generic_init_elementwise(t);
    dli_generic_init_softmax(t);
    dli_generic_init_mean(t);
    dli_generic_init_pixels(t);
    dli_generic_init_update(t);
}
