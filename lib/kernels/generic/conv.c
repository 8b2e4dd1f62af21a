/* SPDX-License-Identifier: Apache-2.0 */
/* Convolution's inner loops in the compiler's portable vectors. Macros, as functions that take wide vectors have no fixed calling
 * convention. */
#include <stdint.h>
#define GENERIC
#define W 8
#define TILES 3
#define KERNELS dli_conv_kernels_generic

typedef float vf __attribute__((vector_size(32)));
typedef int32_t vi __attribute__((vector_size(32)));
typedef float vf_unaligned __attribute__((vector_size(32), aligned(4), may_alias));

#define vload(p) ((vf)(*(const vf_unaligned *)(p)))
#define vstore(p, v) ((void)(*(vf_unaligned *)(p) = (v)))
#define vset1(x) ((vf){ (x), (x), (x), (x), (x), (x), (x), (x) })
#define vfma(a, b, c) ((a) * (b) + (c))
#define vselect(mask, a, b) ((vf)(((mask) & (vi)(a)) | (~(mask) & (vi)(b))))
#define vmax(a, b) vselect((a) > (b), a, b)
#define vmin(a, b) vselect((a) < (b), a, b)
#define vmax_nan(a, b) vselect(((a) > (b)) | ((a) != (a)), a, b)

#include "kernels/conv_simd.inc"
