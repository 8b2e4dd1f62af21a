/* SPDX-License-Identifier: Apache-2.0 */
/* Pooling in vectors of avx512. */
#include "kernels/x86/avx512/vec.h"
#include "kernels/x86/pool.inc.h"

#include "kernels/x86/avx512/init.h"

void dli_avx512_init_pool(struct dli_kernels *t)
{
    t->pool_plain = pool_plain;
    t->pool_blocked = pool_blocked;
    t->pool_global_plain = global_plain;
    t->pool_global_blocked = global_blocked;
}
