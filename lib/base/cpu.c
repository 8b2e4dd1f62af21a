/* SPDX-License-Identifier: Apache-2.0 */
/* Which instructions may be used: CPUID and XGETBV, lowered by DL4C_CPU_MASK. */
#define _POSIX_C_SOURCE 200809L
#include "base/cpu.h"

#include <dl4c/base.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#if defined(__x86_64__)
#include <cpuid.h>
#endif

static pthread_once_t once = PTHREAD_ONCE_INIT;
static unsigned flags;
static _Thread_local int limit = DLI_CPU_NO_LIMIT;
static char brand[49] = "unknown";

#if defined(__x86_64__)
static unsigned long long xgetbv0(void)
{
    unsigned low, high;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return low | (unsigned long long)high << 32;
}

static void detect(void)
{
    unsigned a, b, c, d;
    if (__get_cpuid(0x80000000u, &a, &b, &c, &d) && a >= 0x80000004u) {
        unsigned text[12];
        for (unsigned i = 0; i < 3; i++)
            __get_cpuid(0x80000002u + i, &text[4 * i], &text[4 * i + 1], &text[4 * i + 2], &text[4 * i + 3]);
        memcpy(brand, text, 48);
        brand[48] = '\0';
        for (size_t n = strlen(brand); n > 0 && brand[n - 1] == ' '; n--)
            brand[n - 1] = '\0';
    }
    if (!__get_cpuid(1, &a, &b, &c, &d))
        return;
    const unsigned osxsave_avx_fma_f16c = 1u << 27 | 1u << 28 | 1u << 12 | 1u << 29;
    if ((c & osxsave_avx_fma_f16c) != osxsave_avx_fma_f16c)
        return;
    const unsigned long long saved = xgetbv0();
    if ((saved & 6) != 6 || !__get_cpuid_count(7, 0, &a, &b, &c, &d) || !(b & 1u << 5))
        return;
    flags |= DLI_CPU_AVX2 | (b & 1u << 29 ? DLI_CPU_SHA : 0u) | (c & 1u << 10 ? DLI_CPU_VPCLMUL : 0u);
    const unsigned f_dq_bw_vl = 1u << 16 | 1u << 17 | 1u << 30 | 1u << 31;
    if ((saved & 0xe6) != 0xe6 || (b & f_dq_bw_vl) != f_dq_bw_vl)
        return;
    flags |= DLI_CPU_AVX512 | (c & 1u << 1 ? DLI_CPU_AVX512_VBMI : 0u);
    if (a >= 1 && __get_cpuid_count(7, 1, &a, &b, &c, &d) && (a & 1u << 5))
        flags |= DLI_CPU_AVX512_BF16;
}
#else
static void detect(void) {}
#endif

static void look(void)
{
    detect();
    const char *mask = getenv("DL4C_CPU_MASK");
    if (!mask)
        return;
    if (strcmp(mask, "generic") == 0)
        flags = 0;
    else if (strcmp(mask, "avx2") == 0)
        flags &= DLI_CPU_AVX2 | DLI_CPU_SHA; /* as the first that had it, but for SHA-256 */
}

unsigned dli_cpu_flags(void)
{
    pthread_once(&once, look);
    return limit >= 2 ? flags : limit == 1 ? flags & (DLI_CPU_AVX2 | DLI_CPU_SHA | DLI_CPU_VPCLMUL) : 0;
}

int dli_cpu_rank(void)
{
    const unsigned f = dli_cpu_flags();
    return f & DLI_CPU_AVX512 ? 2 : f & DLI_CPU_AVX2 ? 1 : 0;
}

const char *dli_cpu_rank_name(int rank) { return rank >= 2 ? "avx512" : rank == 1 ? "avx2" : "generic"; }

const char *dli_cpu_level(void) { return dli_cpu_rank_name(dli_cpu_rank()); }

int dli_cpu_limit(int rank)
{
    const int before = limit;
    limit = rank < 0 ? 0 : rank > DLI_CPU_NO_LIMIT ? DLI_CPU_NO_LIMIT : rank;
    return before;
}

int dli_cpu_limited(void) { return limit; }

const char *dli_cpu_brand(void)
{
    pthread_once(&once, look);
    return brand;
}

const char *dl4c_cpu_kernels(void) { return dli_cpu_level(); }
