/* SPDX-License-Identifier: Apache-2.0 */
/* Stored weights to floats in vectors of avx2. */
#include "kernels/x86/avx2/vec.h"

#include "kernels/x86/stored.inc.h"

#include "kernels/x86/avx2/init.h"

void dli_avx2_init_stored(struct dli_kernels *t)
{
    t->widen_bf16 = widen_bf16;
    t->widen_i8 = widen_i8;
}
