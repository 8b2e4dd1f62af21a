/* SPDX-License-Identifier: Apache-2.0 */
/* graves_lstm: [features, time] -> [units, time], long short-term memory with peepholes. Graves, "Supervised Sequence Labelling with
 * Recurrent Neural Networks", 2012. */
#include "ops/lstm_cell.h"

static dl4c_status infer(struct dli_infer *i, struct dl4c_error *err) { return dli_lstm_infer(i, "graves_lstm", true, err); }
static void forward(const struct dli_exec *x) { dli_lstm_forward(x, true); }
static void backward(const struct dli_exec *x) { dli_lstm_backward(x, true); }

const struct dli_op dli_op_graves_lstm = {
    .name = "graves_lstm",
    .doc = "Long short-term memory whose gates see its content, over a sequence.",
    .dl4j = "GravesLSTM",
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
