/* SPDX-License-Identifier: Apache-2.0 */
/* The kernel table: inner loops, one implementation per instruction set. Operators call the functions of layout.h, gemm.h, dense.h,
 * conv.h, pool.h and elementwise.h, which split the work over threads and call the table. */
#ifndef DLI_KERNELS_KERNELS_H
#define DLI_KERNELS_KERNELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Every pointer is always set. No kernel fails, allocates or touches a byte outside its arguments; none asks for padding or, unless
 * it says so, for more alignment than a float's. */
struct dli_kernels {
    const char *name; /* "generic", "avx2", "avx512": the instruction set of the last filling */
    int32_t block;    /* channels of a block of the blocked layout (layout.h): 16 with avx512, else 8 */
};

/* The table of this process: filled from generic upward as far as dli_cpu_flags() allows, read-only afterwards. */
const struct dli_kernels *dli_kernels(void);

/* Each replaces the entries that it does better. The last two exist on x86-64 only; tests fill tables of their own with them. */
void dli_kernels_init_generic(struct dli_kernels *t);
void dli_kernels_init_avx2(struct dli_kernels *t);
void dli_kernels_init_avx512(struct dli_kernels *t);

#endif
