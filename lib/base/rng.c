/* SPDX-License-Identifier: Apache-2.0 */
/* Philox4x32-10 and what is drawn from it. */
#include "base/rng.h"

#include <math.h>

void dli_philox(uint64_t seed, uint64_t stream, uint64_t index, uint32_t out[4])
{
    uint32_t c0 = (uint32_t)index, c1 = (uint32_t)(index >> 32), c2 = (uint32_t)stream, c3 = (uint32_t)(stream >> 32);
    uint32_t k0 = (uint32_t)seed, k1 = (uint32_t)(seed >> 32);
    for (int round = 0; round < 10; round++) {
        const uint64_t p0 = (uint64_t)0xD2511F53u * c0, p1 = (uint64_t)0xCD9E8D57u * c2;
        c0 = (uint32_t)(p1 >> 32) ^ c1 ^ k0;
        c1 = (uint32_t)p1;
        c2 = (uint32_t)(p0 >> 32) ^ c3 ^ k1;
        c3 = (uint32_t)p0;
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    out[0] = c0;
    out[1] = c1;
    out[2] = c2;
    out[3] = c3;
}

void dli_rng_init(struct dli_rng *r, uint64_t seed, uint64_t stream)
{
    r->seed = seed;
    r->stream = stream;
    r->index = 0;
    r->left = 0;
}

uint32_t dli_rng_u32(struct dli_rng *r)
{
    if (r->left == 0) {
        dli_philox(r->seed, r->stream, r->index++, r->block);
        r->left = 4;
    }
    return r->block[4 - r->left--];
}

uint64_t dli_rng_u64(struct dli_rng *r)
{
    const uint64_t low = dli_rng_u32(r);
    return low | (uint64_t)dli_rng_u32(r) << 32;
}

uint64_t dli_rng_below(struct dli_rng *r, uint64_t n)
{
    if (n < 2)
        return 0;
    const uint64_t reject = (0 - n) % n; /* 2^64 mod n values at the bottom would be drawn once too often */
    for (;;) {
        const uint64_t v = dli_rng_u64(r);
        if (v >= reject)
            return v % n;
    }
}

double dli_rng_uniform(struct dli_rng *r) { return (double)(dli_rng_u64(r) >> 11) * 0x1p-53; }

/* Box and Muller, "A Note on the Generation of Random Normal Deviates", 1958; the second value is dropped so that each call stands
 * at a place of the sequence that only its number of predecessors decides. */
double dli_rng_normal(struct dli_rng *r)
{
    const double u = 1.0 - dli_rng_uniform(r), v = dli_rng_uniform(r);
    return sqrt(-2.0 * log(u)) * cos(6.283185307179586476925 * v);
}

void dli_rng_shuffle(struct dli_rng *r, int64_t *values, size_t n)
{
    for (size_t i = n; i > 1; i--) {
        const size_t j = (size_t)dli_rng_below(r, i);
        const int64_t v = values[i - 1];
        values[i - 1] = values[j];
        values[j] = v;
    }
}
