/* SPDX-License-Identifier: Apache-2.0 */
/* Changes of layout in vectors of avx2. */
#include "kernels/x86/avx2/transpose.h"
#include "kernels/x86/layout.inc.h"

#include "kernels/x86/avx2/init.h"

void dli_avx2_init_layout(struct dli_kernels *t)
{
    t->to_blocked = to_blocked;
    t->to_plain = to_plain;
}
