/* SPDX-License-Identifier: Apache-2.0 */
/* Softmax in vectors of avx2. */
#include "kernels/x86/avx2/vec.h"
#include "kernels/x86/softmax.inc.h"

#include "kernels/x86/avx2/init.h"

void dli_avx2_init_softmax(struct dli_kernels *t)
{
    t->softmax = softmax;
    t->log_softmax = log_softmax;
    t->softmax_backward = softmax_backward;
}
