/* SPDX-License-Identifier: Apache-2.0 */
/* Elementwise functions in vectors of avx512. */
#include "kernels/x86/avx512/vec.h"
#include "kernels/x86/elementwise.inc.h"

#include "kernels/x86/avx512/init.h"

void dli_avx512_init_elementwise(struct dli_kernels *t)
{
    t->unary = unary;
    t->unary_backward = unary_backward;
    t->binary = binary;
    t->axpy = axpy;
    t->scale = scale;
    t->affine = affine;
    t->affine_blocked = affine_blocked;
}
