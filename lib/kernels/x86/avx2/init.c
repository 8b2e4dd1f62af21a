/* SPDX-License-Identifier: Apache-2.0 */
/* The avx2 entries of the kernel table. */
#include "kernels/conv_parts.h"
#include "kernels/x86/avx2/init.h"

void dli_kernels_init_avx2(struct dli_kernels *t)
{
    t->name = "avx2";
    t->conv = &dli_conv_kernels_avx2;
    t->block = 8;
    dli_avx2_init_convert(t);
    dli_avx2_init_dense(t);
    dli_avx2_init_gemm(t);
    dli_avx2_init_elementwise(t);
    dli_avx2_init_layout(t);
    dli_avx2_init_mean(t);
    dli_avx2_init_pool(t);
    dli_avx2_init_softmax(t);
    dli_avx2_init_stored(t);
    dli_avx2_init_update(t);
    dli_avx2_init_pixels(t);
}
