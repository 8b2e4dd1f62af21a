/* SPDX-License-Identifier: Apache-2.0 */
/* The sequence of java.util.Random: the linear congruential generator that its documentation prescribes. For what Deeplearning4j
 * shuffles; everything of our own draws from base/rng.h. */
#ifndef DLI_BASE_JAVA_RANDOM_H
#define DLI_BASE_JAVA_RANDOM_H

#include <stdint.h>

struct dli_java_random {
    uint64_t state; /* 48 bits */
};

static inline void dli_java_random_init(struct dli_java_random *r, int64_t seed)
{
    r->state = ((uint64_t)seed ^ UINT64_C(0x5DEECE66D)) & ((UINT64_C(1) << 48) - 1);
}

static inline int32_t dli_java_random_next(struct dli_java_random *r, int bits)
{
    r->state = (r->state * UINT64_C(0x5DEECE66D) + 11) & ((UINT64_C(1) << 48) - 1);
    const uint32_t v = (uint32_t)(r->state >> 16); /* the upper 32 of 48 */
    return bits == 32 ? (int32_t)v : (int32_t)(v >> (32 - bits));
}

/* 0 to n - 1, n above 0. */
static inline int32_t dli_java_random_below(struct dli_java_random *r, int32_t n)
{
    int32_t bits = dli_java_random_next(r, 31);
    if ((n & (n - 1)) == 0)
        return (int32_t)(((int64_t)n * bits) >> 31);
    while (bits - bits % n > INT32_MAX - (n - 1)) /* the last, incomplete run of n would be favoured */
        bits = dli_java_random_next(r, 31);
    return bits % n;
}

#endif
