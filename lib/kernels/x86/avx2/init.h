/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of dli_kernels_init_avx2, one a file. */
#ifndef DLI_KERNELS_X86_AVX2_INIT_H
#define DLI_KERNELS_X86_AVX2_INIT_H

#include "kernels/kernels.h"

void dli_avx2_init_convert(struct dli_kernels *t);
void dli_avx2_init_dense(struct dli_kernels *t);
void dli_avx2_init_gemm(struct dli_kernels *t);
void dli_avx2_init_elementwise(struct dli_kernels *t);
void dli_avx2_init_layout(struct dli_kernels *t);
void dli_avx2_init_mean(struct dli_kernels *t);
void dli_avx2_init_pool(struct dli_kernels *t);
void dli_avx2_init_softmax(struct dli_kernels *t);
void dli_avx2_init_stored(struct dli_kernels *t);
void dli_avx2_init_update(struct dli_kernels *t);
void dli_avx2_init_pixels(struct dli_kernels *t);

/* Entries that avx512's fall back to. */
size_t dli_avx2_plan2(const struct dli_axis *a, size_t src_width, int32_t channels, void *plan);
void dli_avx2_across2(const struct dli_axis *a, const uint8_t *src, size_t src_width, int32_t channels, int16_t *dst);

#endif
