/* SPDX-License-Identifier: Apache-2.0 */
/* Who works on a folder, said in the folder itself: on any file system, between hosts that share nothing else. */
#ifndef DLI_FEATURES_CLAIM_H
#define DLI_FEATURES_CLAIM_H

#include "base/context.h"
#include "base/deadline.h"

/* Part `part` of n_parts of the work in `folder`, which is there, is the caller's from now on: a file says so, and a thread of the claim's
 * renews it. DL4C_E_BUSY names who works on the same part already. What is left of a process that was killed is taken over: at once where
 * it ran on this machine, else after half a minute without a sign of life, in which `watch` may end the call. */
struct dli_claim;
dl4c_status dli_claim_take(dl4c_context *ctx, const char *folder, int32_t part, int32_t n_parts, struct dli_watch *watch,
                           struct dli_claim **claim, struct dl4c_error *err);
/* DL4C_E_STATE: somebody else took it over, because this process gave no sign of life for too long. */
dl4c_status dli_claim_check(struct dli_claim *claim, struct dl4c_error *err);
void dli_claim_release(struct dli_claim **claim); /* takes NULL */

#endif
