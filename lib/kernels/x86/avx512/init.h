/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of dli_kernels_init_avx512, one a file. */
#ifndef DLI_KERNELS_X86_AVX512_INIT_H
#define DLI_KERNELS_X86_AVX512_INIT_H

#include "kernels/kernels.h"

void dli_avx512_init_dense(struct dli_kernels *t);
void dli_avx512_init_gemm(struct dli_kernels *t);
void dli_avx512_init_elementwise(struct dli_kernels *t);
void dli_avx512_init_layout(struct dli_kernels *t);
void dli_avx512_init_pixels(struct dli_kernels *t);
void dli_avx512_init_pool(struct dli_kernels *t);
void dli_avx512_init_softmax(struct dli_kernels *t);
void dli_avx512_init_stored(struct dli_kernels *t);
void dli_avx512_init_update(struct dli_kernels *t);

#endif
