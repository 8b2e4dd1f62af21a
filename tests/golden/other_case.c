/* SPDX-License-Identifier: Apache-2.0 */
/* Cases without a model of their own kind. */
#include "base/context.h"
#include "golden/golden.h"
#include "ops/op.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

/* "Dropout(0.8) on ones[200,50]: mean=... max=1.25 fraction_nonzero=...": random numbers differ, their statistics agree. */
void gold_dropout(struct gold *g)
{
    enum { ROWS = 200, N = 50, ALL = ROWS * N };
    static float x[ALL], y[ALL];
    char path[1024];
    double p = 0, mean = 0, max = 0, fraction = 0;
    gold_path(g, "stats.txt", path, sizeof path);
    char *text = test_read_file(path, NULL);
    if (!text || sscanf(text, "Dropout(%lf) on ones[200,50]: mean=%lf max=%lf fraction_nonzero=%lf", &p, &mean, &max, &fraction) != 4) {
        gold_fail(g, "stats.txt is not of the form that is known here");
        free(text);
        return;
    }
    free(text);
    gold_mark(g, "stats.txt");
    const struct dli_op *op = dli_op_find("dropout");
    const struct dli_shape shape = { .rank = 1, .batch = 1, .dim = { N } };
    const float *in[] = { x };
    const int32_t layout = DLI_PLAIN;
    for (int i = 0; i < ALL; i++)
        x[i] = 1;
    op->forward(&(struct dli_exec){ .ctx = dli_context(NULL, NULL),
                                    .threads = 1,
                                    .n = ROWS,
                                    .attrs = &p,
                                    .n_in = 1,
                                    .in_shape = &shape,
                                    .out_shape = &shape,
                                    .in_layout = &layout,
                                    .out_layout = layout,
                                    .in = in,
                                    .out = y,
                                    .training = true,
                                    .seed = 42 });
    double sum = 0, largest = 0, kept = 0;
    for (int i = 0; i < ALL; i++) {
        sum += (double)y[i];
        largest = fmax(largest, (double)y[i]);
        kept += y[i] > 0;
    }
    /* four standard deviations of two such means from each other */
    const double spread = 4 * sqrt(2 * p * (1 - p) / ALL);
    gold_number(g, "the greatest value", largest, max, max, 1e-7);
    if (fabs(kept / ALL - fraction) > spread || fabs(sum / ALL - mean) > spread / p)
        gold_fail(g, "mean %.6f, kept %.6f; recorded %.6f and %.6f", sum / ALL, kept / ALL, mean, fraction);
}
