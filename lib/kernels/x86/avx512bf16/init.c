/* SPDX-License-Identifier: Apache-2.0 */
/* The entries of the kernel table for bfloat16 arithmetic, beside those of avx512. */
#include "kernels/x86/avx512bf16/init.h"

void dli_kernels_init_avx512bf16(struct dli_kernels *t)
{
    dli_avx512bf16_init_dense(t);
    dli_avx512bf16_init_conv(t);
}
