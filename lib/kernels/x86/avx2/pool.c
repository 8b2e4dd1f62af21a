/* SPDX-License-Identifier: Apache-2.0 */
/* Pooling in vectors of avx2. */
#include "kernels/x86/avx2/vec.h"
#include "kernels/x86/pool.inc.h"

#include "kernels/x86/avx2/init.h"

void dli_avx2_init_pool(struct dli_kernels *t)
{
    t->pool_plain = pool_plain;
    t->pool_blocked = pool_blocked;
    t->pool_global_plain = global_plain;
    t->pool_global_blocked = global_blocked;
}
