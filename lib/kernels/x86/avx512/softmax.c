/* SPDX-License-Identifier: Apache-2.0 */
/* Softmax in vectors of avx512. */
#include "kernels/x86/avx512/vec.h"
#include "kernels/x86/softmax.inc.h"

#include "kernels/x86/avx512/init.h"

void dli_avx512_init_softmax(struct dli_kernels *t)
{
    t->softmax = softmax;
    t->log_softmax = log_softmax;
    t->softmax_backward = softmax_backward;
}
