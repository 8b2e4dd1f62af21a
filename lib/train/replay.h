/* SPDX-License-Identifier: Apache-2.0 */
/* How many workers each round of a recorded training had, to do it again to the same bits. */
#ifndef DLI_TRAIN_REPLAY_H
#define DLI_TRAIN_REPLAY_H

#include "base/error.h"

struct dli_replay;

/* From events.jsonl of a run directory. *most: workers of the round that had the most. DL4C_E_CORRUPT: an event that cannot be;
 * DL4C_E_INVALID: nothing was averaged there. */
dl4c_status dli_replay_read(dl4c_context *ctx, const char *run_dir, struct dli_replay **replay, int32_t *most, struct dl4c_error *err);
void dli_replay_free(struct dli_replay **replay);
/* Workers of a round, from 1. */
int32_t dli_replay_workers(const struct dli_replay *replay, int64_t round);

#endif
