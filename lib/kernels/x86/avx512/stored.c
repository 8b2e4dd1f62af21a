/* SPDX-License-Identifier: Apache-2.0 */
/* Stored weights to floats in vectors of avx512. */
#include "kernels/x86/avx512/vec.h"

#include "kernels/x86/stored.inc.h"

#include "kernels/x86/avx512/init.h"

void dli_avx512_init_stored(struct dli_kernels *t)
{
    t->widen_bf16 = widen_bf16;
    t->widen_i8 = widen_i8;
}
