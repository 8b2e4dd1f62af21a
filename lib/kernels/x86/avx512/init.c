/* SPDX-License-Identifier: Apache-2.0 */
/* The avx512 entries of the kernel table. */
#include "kernels/conv_parts.h"
#include "kernels/x86/avx512/init.h"

void dli_kernels_init_avx512(struct dli_kernels *t)
{
    t->name = "avx512";
    t->block = 16;
    t->conv = &dli_conv_kernels_avx512;
    dli_avx512_init_dense(t);
    dli_avx512_init_gemm(t);
    dli_avx512_init_elementwise(t);
    dli_avx512_init_layout(t);
    dli_avx512_init_pixels(t);
    dli_avx512_init_pool(t);
    dli_avx512_init_softmax(t);
    dli_avx512_init_stored(t);
    dli_avx512_init_update(t);
}
