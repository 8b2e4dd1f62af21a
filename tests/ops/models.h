/* SPDX-License-Identifier: Apache-2.0 */
/* Models that several operators' cases share. */
#ifndef DLI_TESTS_OPS_MODELS_H
#define DLI_TESTS_OPS_MODELS_H

#include "op_driver.h"

/* Rows times W, w[0] being [out][in]; w[1] is the bias. */
void model_linear(const struct model *m, bool has_bias);

/* Parts i, f, o, g; peepholes f, o, g behind the recurrent weights. */
void model_lstm(const struct model *m, bool peephole, double (*cell)(double), double (*gate)(double));

struct window {
    int64_t kernel, stride, pad, pad_end, dilation;
    bool include_pad;
};
void model_pool(const struct model *m, const struct window *w, bool average);

#endif
