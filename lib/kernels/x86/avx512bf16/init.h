/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of dli_kernels_init_avx512bf16, one a file. */
#ifndef DLI_KERNELS_X86_AVX512BF16_INIT_H
#define DLI_KERNELS_X86_AVX512BF16_INIT_H

#include "kernels/kernels.h"

void dli_avx512bf16_init_dense(struct dli_kernels *t);
void dli_avx512bf16_init_conv(struct dli_kernels *t);

#endif
