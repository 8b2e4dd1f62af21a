/* SPDX-License-Identifier: Apache-2.0 */
/* lstm: [features, time] -> [units, time], long short-term memory. Hochreiter and Schmidhuber, "Long Short-Term Memory", 1997. */
#include "ops/lstm_cell.h"

static dl4c_status infer(struct dli_infer *i, struct dl4c_error *err) { return dli_lstm_infer(i, "lstm", false, err); }
static void forward(const struct dli_exec *x) { dli_lstm_forward(x, false); }
static void backward(const struct dli_exec *x) { dli_lstm_backward(x, false); }

const struct dli_op dli_op_lstm = {
    .name = "lstm",
    .doc = "Long short-term memory over a sequence.",
    .dl4j = "LSTM",
    .min_inputs = 1,
    .max_inputs = 1,
    .flags = DLI_OP_LAYER | DLI_OP_TIMES,
    .attrs = dli_lstm_attrs,
    .attrs_size = sizeof(struct dli_lstm),
    .infer = infer,
    .prepare = dli_lstm_prepare,
    .forward = forward,
    .backward = backward,
};
