/* SPDX-License-Identifier: Apache-2.0 */
/* What lstm and graves_lstm share: all but whether the gates see the content through peepholes. */
#ifndef DLI_OPS_LSTM_CELL_H
#define DLI_OPS_LSTM_CELL_H

#include "ops/sequence.h"

struct dli_lstm {
    int64_t units, n_in;
    int32_t cell, gate; /* DLI_CELL_* */
    double forget_bias;
};
extern const struct dli_attr dli_lstm_attrs[];

dl4c_status dli_lstm_infer(struct dli_infer *i, const char *op, bool peephole, struct dl4c_error *err);
dl4c_status dli_lstm_prepare(struct dli_prepare *p, struct dl4c_error *err);
void dli_lstm_forward(const struct dli_exec *x, bool peephole);
void dli_lstm_backward(const struct dli_exec *x, bool peephole);

#endif
