/* SPDX-License-Identifier: Apache-2.0 */
/* Counting labels as they are learnt from. */
#include "train/labels.h"

#include <math.h>
#include <string.h>

/* They become one line of the record after every epoch. */
enum { MOST_COUNTS = 1 << 17 };

dl4c_status dli_labels_init(struct dli_labels *l, dl4c_context *ctx, int32_t workers, int64_t classes, struct dl4c_error *err)
{
    memset(l, 0, sizeof *l);
    if (classes < 1 || workers < 1 || classes > MOST_COUNTS / workers)
        return DL4C_OK;
    l->counts = dli_calloc(ctx, (size_t)(classes * workers), sizeof *l->counts, err);
    l->batch = l->counts ? dli_calloc(ctx, (size_t)classes, sizeof *l->batch, err) : NULL;
    l->squares = l->batch ? dli_calloc(ctx, (size_t)classes, sizeof *l->squares, err) : NULL;
    if (!l->squares) {
        dli_labels_free(l);
        return dli_alloc_status();
    }
    l->workers = workers;
    l->classes = classes;
    return DL4C_OK;
}

void dli_labels_free(struct dli_labels *l)
{
    dli_free(l->counts);
    dli_free(l->batch);
    dli_free(l->squares);
    memset(l, 0, sizeof *l);
}

void dli_labels_clear(struct dli_labels *l)
{
    if (l->classes == 0)
        return;
    memset(l->counts, 0, (size_t)(l->workers * l->classes) * sizeof *l->counts);
    memset(l->squares, 0, (size_t)l->classes * sizeof *l->squares);
    l->rows = l->batches = 0;
    l->unknown = false;
}

/* -1: not one class. */
static int64_t class_of(const float *y, int64_t classes)
{
    int64_t found = -1;
    for (int64_t c = 0; c < classes; c++) {
        if (y[c] == 0.0f)
            continue;
        if (y[c] != 1.0f || found >= 0)
            return -1;
        found = c;
    }
    return found;
}

void dli_labels_add(struct dli_labels *l, int32_t worker, const int64_t *index, const float *y, int64_t n)
{
    if (l->classes == 0 || l->unknown || n < 1)
        return;
    l->unknown = worker < 0 || worker >= l->workers || (!index && !y);
    for (int64_t r = 0; r < n && !l->unknown; r++) {
        const int64_t c = index ? index[r] : class_of(y + r * l->classes, l->classes);
        if (c < 0 || c >= l->classes) {
            l->unknown = true;
            break;
        }
        l->counts[worker * l->classes + c]++;
        l->squares[c] += (double)(2 * l->batch[c] + 1) / (double)n; /* (b + 1)^2 - b^2 */
        l->batch[c]++;
    }
    /* A minibatch has fewer rows than there may be classes. */
    for (int64_t r = 0; r < n && !l->unknown; r++)
        l->batch[index ? index[r] : class_of(y + r * l->classes, l->classes)] = 0;
    if (l->unknown)
        memset(l->batch, 0, (size_t)l->classes * sizeof *l->batch);
    l->rows += n;
    l->batches++;
}

bool dli_labels_known(const struct dli_labels *l) { return l && l->classes > 0 && !l->unknown && l->rows > 0; }

/* With the margins of the table fixed, chi-squared is sum over cells of o^2 R / (r c) - R for o of a cell, r of its row, c of its column
 * and R of all; its mean over all orders is (rows - 1)(columns - 1) R / (R - 1). */
double dli_labels_dispersion(const struct dli_labels *l)
{
    double sum = 0;
    int64_t present = 0;
    if (!dli_labels_known(l))
        return NAN;
    for (int64_t c = 0; c < l->classes; c++) {
        int64_t n = 0;
        for (int32_t w = 0; w < l->workers; w++)
            n += l->counts[w * l->classes + c];
        present += n > 0;
        sum += n > 0 ? l->squares[c] / (double)n : 0;
    }
    if (present < 2 || l->batches < 2)
        return NAN;
    const double rows = (double)l->rows;
    return (sum - 1) * (rows - 1) / ((double)(l->batches - 1) * (double)(present - 1));
}
