/* SPDX-License-Identifier: Apache-2.0 */
/* Filling the kernel table, once. */
#include "kernels/kernels.h"

#include "base/cpu.h"
#include <pthread.h>

static pthread_once_t once = PTHREAD_ONCE_INIT;
static struct dli_kernels table;

static void build_table(void)
{
    dli_kernels_init_generic(&table);
#if defined(__x86_64__)
    const unsigned cpu = dli_cpu_flags();
    if (cpu & DLI_CPU_AVX2)
        dli_kernels_init_avx2(&table);
    if (cpu & DLI_CPU_AVX512)
        dli_kernels_init_avx512(&table);
    if (cpu & DLI_CPU_AVX512_BF16)
        dli_kernels_init_avx512bf16(&table);
#endif
}

const struct dli_kernels *dli_kernels(void)
{
    pthread_once(&once, build_table);
    return &table;
}
