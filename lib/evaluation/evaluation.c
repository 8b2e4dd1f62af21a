/* SPDX-License-Identifier: Apache-2.0 */
/* Counting: creation, adding rows of probabilities, merging. */
#include "evaluation/evaluation.h"
#include "base/number.h"
#include "evaluation/java.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { MAX_CLASSES = 32768 }; /* a matrix of 8 GiB */

static dl4c_status check_options(const struct dl4c_evaluation_options *o, struct dl4c_error *err)
{
    if (o->n_classes < 2 || o->n_classes > MAX_CLASSES)
        return dli_fail(err, DL4C_E_INVALID, "evaluation", "n_classes is %" PRId32 ", wanted 2 to %d", o->n_classes, MAX_CLASSES);
    if (o->top_n < 0 || o->top_n > o->n_classes)
        return dli_fail(err, DL4C_E_INVALID, "evaluation", "top_n is %" PRId32 ", wanted 0 to the number of classes, %" PRId32, o->top_n,
                        o->n_classes);
    if (!(o->threshold >= 0.0 && o->threshold < 1.0))
        return dli_fail(err, DL4C_E_INVALID, "evaluation", "threshold is %s, wanted 0 to below 1", DLI_NUM(o->threshold));
    if (o->threshold > 0.0 && o->n_classes != 2)
        return dli_fail(err, DL4C_E_INVALID, "evaluation", "threshold is for two classes, and there are %" PRId32, o->n_classes);
    if (o->flags & ~(uint64_t)(DL4C_EVALUATION_FIRST_POSITIVE | DL4C_EVALUATION_NO_POSITIVE))
        return dli_fail(err, DL4C_E_VERSION, "evaluation", "flags %#" PRIx64 " are not known to this library", o->flags);
    if (o->flags == (DL4C_EVALUATION_FIRST_POSITIVE | DL4C_EVALUATION_NO_POSITIVE) ||
        (o->flags & DL4C_EVALUATION_FIRST_POSITIVE && o->n_classes != 2))
        return dli_fail(err, DL4C_E_INVALID, "evaluation", "the first class is to be the positive one%s",
                        o->n_classes == 2 ? ", and none is" : ": that is for two classes");
    if (o->costs && o->threshold > 0.0)
        return dli_fail(err, DL4C_E_INVALID, "evaluation", "costs and a threshold are given: each decides on its own");
    for (int32_t i = 0; o->costs && i < o->n_classes; i++)
        if (!(o->costs[i] >= 0.0f && isfinite(o->costs[i])))
            return dli_fail(err, DL4C_E_INVALID, "evaluation", "the cost of class %" PRId32 " is %s, wanted 0 or more", i,
                            DLI_NUM((double)o->costs[i]));
    if (o->classes)
        for (int32_t i = 0; i < o->n_classes; i++)
            if (!o->classes[i])
                return dli_fail(err, DL4C_E_INVALID, "evaluation", "classes[%" PRId32 "] is NULL, wanted a name", i);
    return DL4C_OK;
}

static dl4c_status copy_names(dl4c_evaluation *e, const char *const *names, struct dl4c_error *err)
{
    const size_t n = (size_t)e->n_classes;
    e->names = dli_calloc(e->ctx, n, sizeof *e->names, err);
    if (!e->names)
        return dli_alloc_status();
    for (size_t i = 0; i < n; i++) {
        char number[24];
        snprintf(number, sizeof number, "%zu", i);
        e->names[i] = dli_strdup(e->ctx, names ? names[i] : number, err);
        if (!e->names[i])
            return dli_alloc_status();
    }
    return DL4C_OK;
}

dl4c_status dl4c_evaluation_create(dl4c_context *ctx, const struct dl4c_evaluation_options *options, dl4c_evaluation **e,
                                   struct dl4c_error *err)
{
    if (!e)
        return dli_fail(err, DL4C_E_INVALID, "evaluation", "e is NULL");
    *e = NULL;
    struct dl4c_evaluation_options o;
    DLI_TRY(dli_struct_in(&o, sizeof o, options, "evaluation", err));
    DLI_TRY(check_options(&o, err));

    ctx = dli_context_ref(ctx, err);
    if (!ctx)
        return DL4C_E_NOMEM;
    dl4c_evaluation *made = dli_calloc(ctx, 1, sizeof *made, err);
    if (!made) {
        dli_context_unref(ctx);
        return dli_alloc_status();
    }
    made->ctx = ctx;
    made->n_classes = o.n_classes;
    made->top_n = o.top_n ? o.top_n : 1;
    made->threshold = o.threshold;
    made->named = o.classes != NULL;
    const size_t n = (size_t)o.n_classes;
    made->confusion = dli_calloc(ctx, n * n, sizeof *made->confusion, err);
    made->actual = made->confusion ? dli_calloc(ctx, n, sizeof *made->actual, err) : NULL;
    made->predicted = made->actual ? dli_calloc(ctx, n, sizeof *made->predicted, err) : NULL;
    made->seen = made->predicted ? dli_array(ctx, n * n, sizeof *made->seen, err) : NULL;
    made->n_seen = made->seen ? dli_calloc(ctx, n, sizeof *made->n_seen, err) : NULL;
    made->positive = o.flags & DL4C_EVALUATION_NO_POSITIVE ? -1 : !(o.flags & DL4C_EVALUATION_FIRST_POSITIVE);
    if (made->n_seen && o.costs)
        made->costs = dli_array(ctx, n, sizeof *made->costs, err);
    if (made->costs)
        memcpy(made->costs, o.costs, n * sizeof *made->costs);
    dl4c_status status = made->n_seen && !made->costs == !o.costs ? copy_names(made, o.classes, err) : dli_alloc_status();
    if (status != DL4C_OK) {
        dl4c_evaluation_destroy(&made);
        return status;
    }
    *e = made;
    return DL4C_OK;
}

void dl4c_evaluation_destroy(dl4c_evaluation **e)
{
    if (!e || !*e)
        return;
    dl4c_evaluation *old = *e;
    *e = NULL;
    if (old->names)
        for (int32_t i = 0; i < old->n_classes; i++)
            dli_free(old->names[i]);
    dli_free(old->names);
    dli_free(old->costs);
    dli_free(old->confusion);
    dli_free(old->actual);
    dli_free(old->predicted);
    dli_free(old->seen);
    dli_free(old->n_seen);
    dl4c_context *ctx = old->ctx;
    dli_free(old);
    dli_context_unref(ctx);
}

void dli_evaluation_count(dl4c_evaluation *e, int32_t actual, int32_t predicted, int64_t n)
{
    const size_t row = (size_t)actual * (size_t)e->n_classes;
    if (e->confusion[row + (size_t)predicted] == 0)
        e->seen[row + (size_t)e->n_seen[actual]++] = predicted;
    e->confusion[row + (size_t)predicted] += n;
    e->actual[actual] += n;
    e->predicted[predicted] += n;
}

int32_t dli_evaluation_row(const dl4c_evaluation *e, int32_t actual, int32_t *out)
{
    const int32_t n = e->n_seen[actual], buckets = dli_java_buckets(n, false);
    const int32_t *seen = e->seen + (size_t)actual * (size_t)e->n_classes;
    for (int32_t i = 0; i < n; i++) { /* insertion keeps the order of those that meet in a bucket */
        int32_t at = i;
        for (; at > 0 && out[at - 1] % buckets > seen[i] % buckets; at--)
            out[at] = out[at - 1];
        out[at] = seen[i];
    }
    return n;
}

static int32_t predict(const dl4c_evaluation *e, const float *row)
{
    if (e->threshold > 0.0)
        return row[1] > (float)e->threshold;
    int32_t best = 0;
    for (int32_t k = 1; k < e->n_classes; k++)
        if (e->costs ? row[k] * e->costs[k] > row[best] * e->costs[best] : row[k] > row[best])
            best = k;
    return best;
}

dl4c_status dl4c_evaluation_add(dl4c_evaluation *e, const float *probabilities, const int64_t *labels, int64_t n, struct dl4c_error *err)
{
    return dl4c_evaluation_add_masked(e, probabilities, labels, NULL, n, err);
}

dl4c_status dl4c_evaluation_add_masked(dl4c_evaluation *e, const float *probabilities, const int64_t *labels, const float *mask, int64_t n,
                                       struct dl4c_error *err)
{
    if (!e)
        return dli_fail(err, DL4C_E_INVALID, "evaluation", "e is NULL");
    if (n < 0 || (n > 0 && (!probabilities || !labels)))
        return dli_fail(err, DL4C_E_INVALID, "evaluation", "%" PRId64 " examples with probabilities %s and labels %s", n,
                        probabilities ? "given" : "NULL", labels ? "given" : "NULL");
    const int32_t k_end = e->n_classes;
    for (int64_t i = 0; i < n; i++) { /* everything is checked before anything is counted */
        const float *row = probabilities + i * k_end;
        if (mask && mask[i] == 0.0f)
            continue;
        if (labels[i] < 0 || labels[i] >= k_end)
            return dli_fail(err, DL4C_E_INVALID, "evaluation", "label %" PRId64 " of row %" PRId64 " is outside the %" PRId32 " classes",
                            labels[i], i, k_end);
        for (int32_t k = 0; k < k_end; k++)
            if (isnan(row[k]))
                return dli_fail(err, DL4C_E_DIVERGED, "evaluation", "the probability of class %" PRId32 " in row %" PRId64 " is NaN", k, i);
    }
    for (int64_t i = 0; i < n; i++) {
        const float *row = probabilities + i * k_end;
        if (mask && mask[i] == 0.0f)
            continue;
        e->n++;
        const int32_t actual = (int32_t)labels[i], predicted = predict(e, row);
        dli_evaluation_count(e, actual, predicted, 1);
        if (e->top_n > 1) {
            int32_t likelier = 0; /* strictly: a tie does not push the right class out, as in Deeplearning4j */
            for (int32_t k = 0; k < k_end; k++)
                likelier += row[k] > row[actual];
            e->top_right += likelier < e->top_n;
        }
    }
    return DL4C_OK;
}

dl4c_status dl4c_evaluation_merge(dl4c_evaluation *e, const dl4c_evaluation *other, struct dl4c_error *err)
{
    if (!e || !other)
        return dli_fail(err, DL4C_E_INVALID, "evaluation", "%s is NULL", e ? "other" : "e");
    if (e->n_classes != other->n_classes)
        return dli_fail(err, DL4C_E_INVALID, "evaluation", "an evaluation of %" PRId32 " classes cannot take in one of %" PRId32,
                        e->n_classes, other->n_classes);
    for (int32_t i = 0; i < e->n_classes; i++)
        if (strcmp(e->names[i], other->names[i]) != 0)
            return dli_fail(err, DL4C_E_INVALID, "evaluation", "class %" PRId32 " is '%.100s' in one evaluation and '%.100s' in the other",
                            i, e->names[i], other->names[i]);
    if (e->top_n != other->top_n)
        return dli_fail(err, DL4C_E_INVALID, "evaluation", "top_n is %" PRId32 " in one evaluation and %" PRId32 " in the other", e->top_n,
                        other->top_n);
    if (e->threshold != other->threshold)
        return dli_fail(err, DL4C_E_INVALID, "evaluation", "threshold is %s in one evaluation and %s in the other", DLI_NUM(e->threshold),
                        DLI_NUM(other->threshold));
    if (!e->costs != !other->costs || (e->costs && memcmp(e->costs, other->costs, (size_t)e->n_classes * sizeof *e->costs) != 0))
        return dli_fail(err, DL4C_E_INVALID, "evaluation", "the two evaluations have other costs of their classes");
    int32_t *row = dli_array(e->ctx, (size_t)e->n_classes, sizeof *row, err);
    if (!row)
        return dli_alloc_status();
    for (int32_t i = 0; i < e->n_classes; i++)
        for (int32_t k = 0, n = dli_evaluation_row(other, i, row); k < n; k++)
            dli_evaluation_count(e, i, row[k], dli_confusion(other, i, row[k]));
    dli_free(row);
    e->n += other->n;
    e->top_right += other->top_right;
    return DL4C_OK;
}
