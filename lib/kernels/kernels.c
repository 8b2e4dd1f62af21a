/* SPDX-License-Identifier: Apache-2.0 */
/* Filling the kernel tables, once. */
#include "kernels/kernels.h"

#include "base/cpu.h"
#include <pthread.h>

enum { LEVELS = 4 }; /* generic, avx2, avx512, avx512 with bfloat16 */

static pthread_once_t once = PTHREAD_ONCE_INIT;
static struct dli_kernels tables[LEVELS];

/* A table that this process cannot use is not made: the code that fills it may need the instructions already. */
static void build_tables(void)
{
    const int limit = dli_cpu_limit(DLI_CPU_NO_LIMIT); /* of whoever comes first */
    for (int level = 0; level < LEVELS; level++) {
        dli_kernels_init_generic(&tables[level]);
#if defined(__x86_64__)
        const unsigned cpu = dli_cpu_flags();
        if (level >= 1 && cpu & DLI_CPU_AVX2)
            dli_kernels_init_avx2(&tables[level]);
        if (level >= 2 && cpu & DLI_CPU_AVX512)
            dli_kernels_init_avx512(&tables[level]);
        if (level >= 3 && cpu & DLI_CPU_AVX512_BF16)
            dli_kernels_init_avx512bf16(&tables[level]);
#endif
    }
    dli_cpu_limit(limit);
}

const struct dli_kernels *dli_kernels(void)
{
    const unsigned cpu = dli_cpu_flags();
    pthread_once(&once, build_tables);
    return &tables[!(cpu & DLI_CPU_AVX2) ? 0 : !(cpu & DLI_CPU_AVX512) ? 1 : !(cpu & DLI_CPU_AVX512_BF16) ? 2 : 3];
}
