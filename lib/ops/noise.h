/* SPDX-License-Identifier: Apache-2.0 */
/* Random functions of training: what is drawn follows from (seed, vertex, iteration, row, element of the row) alone, so backward draws it
 * again. Outside training they are the identity. */
#ifndef DLI_OPS_NOISE_H
#define DLI_OPS_NOISE_H

#include "ops/support.h"

/* n <= 4 elements from four random words. */
typedef void (*dli_noise_fn)(const float c[4], const uint32_t r[4], int64_t n, const float *in, float *out);

/* `off`: the identity in any case. in and out may be one array. */
void dli_noise_run(const struct dli_exec *x, bool off, dli_noise_fn f, const float c[4], const float *in, float *out);
/* Four normal numbers of mean 0 and variance 1 (Box and Muller, 1958). */
void dli_noise_normal(const uint32_t r[4], float z[4]);
/* Is a word below the share p of all? */
static inline bool dli_noise_below(uint32_t r, float p) { return (double)r < (double)p * 0x1p32; }

#endif
