/* SPDX-License-Identifier: Apache-2.0 */
/* What the kernel tests share: guarded arrays of floats, made-up numbers, contexts with a number of threads, comparisons. */
#ifndef DLI_TESTS_KERNELS_CHECK_H
#define DLI_TESTS_KERNELS_CHECK_H

#include "base/context.h"
#include "base/rng.h"
#include "base/thread_pool.h"
#include "kernels/kernels.h"
#include "support/guard.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#define COUNT(array) (sizeof(array) / sizeof *(array))

static inline float *floats(int64_t n) { return guard_alloc((size_t)n * sizeof(float)); }
static inline void floats_free(float *x, int64_t n) { guard_free(x, (size_t)n * sizeof(float)); }

/* n numbers of about the size of 1, the same for a seed. */
static inline float *random_floats(int64_t n, uint64_t seed)
{
    float *x = floats(n);
    struct dli_rng r;
    dli_rng_init(&r, seed, 99);
    for (int64_t i = 0; i < n; i++)
        x[i] = (float)(4 * dli_rng_uniform(&r) - 2);
    return x;
}

static inline dl4c_context *context_of(int32_t threads)
{
    struct dl4c_context_options o = DL4C_CONTEXT_OPTIONS_INIT;
    o.threads = threads;
    dl4c_context *ctx;
    struct dl4c_error err;
    if (dl4c_context_create(&o, &ctx, &err) != DL4C_OK)
        fail_msg("%s", err.message);
    return ctx;
}

static inline bool same_bits(const float *a, const float *b, int64_t n) { return memcmp(a, b, (size_t)n * sizeof *a) == 0; }

/* Units in the last place between a and b: 0 where equal or both NaN, huge where only one is NaN or a sign differs far from 0. */
static inline int64_t ulps(float a, float b)
{
    if (a == b || (a != a && b != b))
        return 0;
    if (a != a || b != b)
        return INT64_MAX;
    int32_t i, j;
    memcpy(&i, &a, sizeof i);
    memcpy(&j, &b, sizeof j);
    const int64_t x = i < 0 ? (int64_t)INT32_MIN - i : i, y = j < 0 ? (int64_t)INT32_MIN - j : j;
    return x > y ? x - y : y - x;
}

#endif
