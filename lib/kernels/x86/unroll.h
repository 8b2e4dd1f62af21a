/* SPDX-License-Identifier: Apache-2.0 */
/* Loops over registers must vanish at every optimisation level: an array of vectors that is indexed at run time lives in memory. */
#ifndef DLI_KERNELS_X86_UNROLL_H
#define DLI_KERNELS_X86_UNROLL_H

#if defined(__clang__)
#define UNROLLED(i, n, step) _Pragma("clang loop unroll(full)") for (int i = 0; i < (n); i += (step))
#else
#define UNROLLED(i, n, step) _Pragma("GCC unroll 32") for (int i = 0; i < (n); i += (step))
#endif
#define INLINE static inline __attribute__((always_inline))

#endif
