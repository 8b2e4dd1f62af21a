/* SPDX-License-Identifier: Apache-2.0 */
/* Which instructions may be used: detected once, lowered by DL4C_CPU_MASK (generic, avx2, avx512), read-only afterwards. */
#ifndef DLI_BASE_CPU_H
#define DLI_BASE_CPU_H

enum {
    DLI_CPU_AVX2 = 1,        /* AVX2, FMA, F16C and the system saves ymm */
    DLI_CPU_AVX512 = 2,      /* AVX-512 F, BW, DQ, VL and the system saves zmm */
    DLI_CPU_AVX512_BF16 = 4, /* VDPBF16PS */
    DLI_CPU_SHA = 8,         /* SHA-256's rounds; only with AVX2 */
    DLI_CPU_AVX512_VBMI = 16, /* VPERMB; only with AVX-512 */
    DLI_CPU_VPCLMUL = 32 /* products without carries in ymm; only with AVX2 */
};

/* What the calling thread may use. */
unsigned dli_cpu_flags(void);
const char *dli_cpu_level(void); /* "avx512", "avx2", "generic" */

/* The same as a number: 0 generic, 1 avx2, 2 avx512. */
int dli_cpu_rank(void);
const char *dli_cpu_rank_name(int rank);
enum { DLI_CPU_NO_LIMIT = 3 };
/* The calling thread, and threads that work for it in dli_parallel, use no more than this level from here on; answers the limit before.
 * What was planned or packed under another limit must not be run. */
int dli_cpu_limit(int rank);
int dli_cpu_limited(void); /* the limit */
const char *dli_cpu_brand(void); /* "AMD EPYC ..." from CPUID, "unknown" elsewhere */

#endif
