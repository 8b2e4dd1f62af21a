/* SPDX-License-Identifier: Apache-2.0 */
/* Elementwise functions in vectors of avx2. */
#include "kernels/x86/avx2/vec.h"
#include "kernels/x86/elementwise.inc.h"

#include "kernels/x86/avx2/init.h"

void dli_avx2_init_elementwise(struct dli_kernels *t)
{
    t->unary = unary;
    t->unary_backward = unary_backward;
    t->binary = binary;
    t->axpy = axpy;
    t->scale = scale;
    t->affine = affine;
    t->affine_blocked = affine_blocked;
}
