/* SPDX-License-Identifier: Apache-2.0 */
/* Counter-based random numbers: the value at (seed, stream, index) depends on these three alone, so that any thread can make any
 * part of a sequence. Philox4x32-10: Salmon, Moraes, Dror and Shaw, "Parallel Random Numbers: As Easy as 1, 2, 3", SC 2011. */
#ifndef DLI_BASE_RNG_H
#define DLI_BASE_RNG_H

#include <stddef.h>
#include <stdint.h>

/* Streams keep the users of one seed apart. */
enum {
    DLI_STREAM_SHUFFLE = 1,
    DLI_STREAM_DROPOUT = 2,
    DLI_STREAM_WEIGHTS = 3,
    DLI_STREAM_SPLIT = 4,
    DLI_STREAM_TRANSFORM = 5,
    DLI_STREAM_RRELU = 6,
    DLI_STREAM_WEIGHT_NOISE = 7
};

void dli_philox(uint64_t seed, uint64_t stream, uint64_t index, uint32_t out[4]);

struct dli_rng { /* a sequence over the above */
    uint64_t seed, stream, index;
    uint32_t block[4];
    int32_t left;
};
void dli_rng_init(struct dli_rng *r, uint64_t seed, uint64_t stream);
uint32_t dli_rng_u32(struct dli_rng *r);
uint64_t dli_rng_u64(struct dli_rng *r);
uint64_t dli_rng_below(struct dli_rng *r, uint64_t n); /* uniform in 0..n-1 without bias; 0 for n = 0 */
double dli_rng_uniform(struct dli_rng *r);             /* [0, 1), 53 bits */
double dli_rng_normal(struct dli_rng *r);              /* mean 0, variance 1 */
void dli_rng_shuffle(struct dli_rng *r, int64_t *values, size_t n); /* Fisher-Yates, from the end */

#endif
