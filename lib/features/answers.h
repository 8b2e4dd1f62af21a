/* SPDX-License-Identifier: Apache-2.0 */
/* Lines of dl4c_predict. */
#ifndef DLI_FEATURES_ANSWERS_H
#define DLI_FEATURES_ANSWERS_H

#include "base/strbuf.h"
#include <dl4c/model.h>

#define DLI_ANSWERS_NAN "the model answers with NaN"

struct dli_answers {
    struct dli_strbuf text; /* lines so far; whoever takes them sets length to 0. Its error sticks. */
    struct dl4c_model_info info;
    int64_t n, shown; /* classes there are, and that a line has */
    bool csv;
    uint8_t *taken; /* [n] */
};

/* info stays the graph's. */
dl4c_status dli_answers_begin(struct dli_answers *a, dl4c_graph *graph, int64_t classes, int64_t top, int32_t format,
                              struct dl4c_error *err);
/* The line of probabilities v[n]; false where there is a NaN among them, which is said instead. */
bool dli_answers_row(struct dli_answers *a, const char *path, const float *v);
void dli_answers_bad(struct dli_answers *a, const char *path, const char *reason);
void dli_answers_end(struct dli_answers *a); /* zeroed memory is allowed */

#endif
