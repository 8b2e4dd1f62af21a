/* SPDX-License-Identifier: Apache-2.0 */
/* Updaters' steps in vectors of avx2. */
#include "kernels/x86/avx2/vec.h"
#include "kernels/x86/update.inc.h"

#include "kernels/x86/avx2/init.h"

void dli_avx2_init_update(struct dli_kernels *t)
{
    t->update[DLI_UPDATE_SGD - 1] = update_sgd;
    t->update[DLI_UPDATE_NESTEROVS - 1] = update_nesterovs;
    t->update[DLI_UPDATE_ADAM - 1] = update_adam;
}
