/* SPDX-License-Identifier: Apache-2.0 */
/* The JSON of Deeplearning4j's Evaluation, written and read. */
#include "base/escape.h"
#include "base/number.h"
#include "evaluation/evaluation.h"
#include "evaluation/java.h"

#include <float.h>
#include <jansson.h>
#include <stdio.h>
#include <string.h>

enum { TP, FP, TN, FN };

static int64_t count_of(const dl4c_evaluation *e, int what, int32_t i)
{
    int64_t n[4];
    dl4c_evaluation_class_counts(e, i, &n[TP], &n[FP], &n[TN], &n[FN]);
    return n[what];
}

/* The classes that pass `has`, as a ConcurrentHashMap gives them: by bucket, and in a bucket by index. */
static int32_t walk(const dl4c_evaluation *e, int what, int32_t *out)
{
    int32_t n = 0, m = 0;
    for (int32_t i = 0; i < e->n_classes; i++)
        n += (what < 0 ? e->actual[i] : count_of(e, what, i)) > 0;
    const int32_t buckets = dli_java_buckets(n, true);
    for (int32_t first = 0; first < buckets && first < e->n_classes; first++)
        for (int32_t i = first; i < e->n_classes; i += buckets)
            if ((what < 0 ? e->actual[i] : count_of(e, what, i)) > 0)
                out[m++] = i;
    return n;
}

static void add_counter(struct dli_jackson *j, const dl4c_evaluation *e, const char *name, int what, int32_t *order)
{
    const int32_t n = walk(e, what, order);
    int64_t total = 0;
    dli_jackson_key(j, name);
    dli_jackson_open(j, NULL);
    dli_jackson_key(j, "map");
    dli_jackson_open(j, NULL);
    for (int32_t i = 0; i < n; i++) {
        char key[16];
        const int64_t count = count_of(e, what, order[i]);
        snprintf(key, sizeof key, "%" PRId32, order[i]);
        dli_jackson_double(j, key, (double)count);
        total += count;
    }
    dli_jackson_close(j);
    dli_jackson_double(j, "totalCount", (double)total);
    dli_jackson_bool(j, "dirty", false);
    dli_jackson_bool(j, "empty", n == 0);
    dli_jackson_close(j);
}

/* Deeplearning4j makes its arrays as long as the row has examples, not classes: the rest is zeros. */
static void add_cells(struct dli_strbuf *b, const dl4c_evaluation *e, int32_t actual, const int32_t *row, int32_t n, bool counts)
{
    dli_strbuf_addc(b, '[');
    for (int32_t k = 0; k < n; k++)
        dli_strbuf_addf(b, "%s%" PRId64, k == 0 ? " " : ", ", counts ? dli_confusion(e, actual, row[k]) : (int64_t)row[k]);
    for (int64_t k = n; k < e->actual[actual]; k++)
        dli_strbuf_add(b, ", 0");
    dli_strbuf_add(b, " ]");
}

static void add_confusion(struct dli_jackson *j, const dl4c_evaluation *e, int32_t *order, int32_t *row)
{
    if (e->n == 0 && !e->named) { /* Deeplearning4j learns the number of classes from the first labels */
        dli_jackson_null(j, "confusion");
        return;
    }
    dli_jackson_key(j, "confusion");
    dli_jackson_open(j, NULL);
    dli_jackson_key(j, "classes");
    dli_strbuf_addc(j->b, '[');
    for (int32_t i = 0; i < e->n_classes; i++)
        dli_strbuf_addf(j->b, "%s%" PRId32, i == 0 ? " " : ", ", i);
    dli_strbuf_add(j->b, " ]");
    dli_jackson_key(j, "matrix");
    dli_jackson_open(j, NULL);
    const int32_t n = walk(e, -1, order);
    for (int32_t i = 0; i < n; i++) {
        char key[16];
        snprintf(key, sizeof key, "%" PRId32, order[i]);
        dli_jackson_key(j, key);
        const int32_t cells = dli_evaluation_row(e, order[i], row);
        dli_strbuf_add(j->b, "[ ");
        add_cells(j->b, e, order[i], row, cells, false);
        dli_strbuf_add(j->b, ", ");
        add_cells(j->b, e, order[i], row, cells, true);
        dli_strbuf_add(j->b, " ]");
    }
    dli_jackson_close(j);
    dli_jackson_close(j);
}

static void add_costs(struct dli_jackson *j, const dl4c_evaluation *e)
{
    if (e->costs)
        dli_jackson_floats(j, "costArray", e->costs, e->n_classes);
    else
        dli_jackson_null(j, "costArray");
}

dl4c_status dl4c_evaluation_dl4j_json(const dl4c_evaluation *e, char **text, struct dl4c_error *err)
{
    if (!e || !text)
        return dli_fail(err, DL4C_E_INVALID, "evaluation", "%s is NULL", e ? "text" : "e");
    *text = NULL;
    int32_t *order = dli_array(e->ctx, 2 * (size_t)e->n_classes, sizeof *order, err);
    if (!order)
        return dli_alloc_status();
    struct dli_strbuf b;
    dli_strbuf_init(&b, e->ctx);
    struct dli_jackson j = { .b = &b };
    dli_jackson_open(&j, "org.nd4j.evaluation.classification.Evaluation");
    dli_jackson_int(&j, "axis", 1);
    if (e->positive < 0)
        dli_jackson_null(&j, "binaryPositiveClass");
    else
        dli_jackson_int(&j, "binaryPositiveClass", e->positive);
    dli_jackson_int(&j, "topN", e->top_n);
    dli_jackson_int(&j, "topNCorrectCount", e->top_right);
    dli_jackson_int(&j, "topNTotalCount", e->top_n > 1 ? e->n : 0);
    add_counter(&j, e, "truePositives", TP, order);
    add_counter(&j, e, "falsePositives", FP, order);
    add_counter(&j, e, "trueNegatives", TN, order);
    add_counter(&j, e, "falseNegatives", FN, order);
    add_confusion(&j, e, order, order + e->n_classes);
    dli_jackson_int(&j, "numRowCounter", e->n);
    if (e->n == 0 && !e->named) {
        dli_jackson_key(&j, "labelsList");
        dli_strbuf_add(&b, "[ ]");
    } else {
        dli_jackson_texts(&j, "labelsList", e->names, e->n_classes);
    }
    if (e->threshold > 0)
        dli_jackson_double(&j, "binaryDecisionThreshold", e->threshold);
    else
        dli_jackson_null(&j, "binaryDecisionThreshold");
    add_costs(&j, e);
    dli_jackson_int(&j, "maxWarningClassesToPrint", 16);
    dli_jackson_close(&j);
    dli_free(order);
    return dli_strbuf_take(&b, text, err);
}

/* --- reading --- */

static dl4c_status bad(struct dl4c_error *err, const char *what)
{
    return dli_fail(err, DL4C_E_CORRUPT, "evaluation", "the JSON of an Evaluation has %s", what);
}

static int64_t int_or(const json_t *o, const char *key, int64_t def)
{
    const json_t *v = json_object_get(o, key);
    return json_is_integer(v) ? (int64_t)json_integer_value(v) : json_is_null(v) || !v ? def : -1;
}

/* {dataType, shape, data}, before 1.0.0-beta3 the data alone. */
static dl4c_status read_costs(dl4c_context *ctx, const json_t *v, size_t n, float **costs, struct dl4c_error *err)
{
    const json_t *data = json_is_array(v) ? v : json_object_get(v, "data");
    if (!json_is_array(data) || json_array_size(data) != n)
        return bad(err, "a costArray without one cost for each class");
    *costs = dli_array(ctx, n, sizeof **costs, err);
    if (!*costs)
        return dli_alloc_status();
    for (size_t i = 0; i < n; i++) {
        const double cost = json_number_value(json_array_get(data, i));
        if (!json_is_number(json_array_get(data, i)) || !(cost >= 0 && cost <= FLT_MAX))
            return bad(err, "a cost that is no number of 0 or more");
        (*costs)[i] = (float)cost;
    }
    return DL4C_OK;
}

static dl4c_status read_options(dl4c_context *ctx, const json_t *root, size_t size, struct dl4c_evaluation_options *o, const char ***names,
                                float **cost_values, struct dl4c_error *err)
{
    const json_t *classes = json_object_get(json_object_get(root, "confusion"), "classes"), *labels = json_object_get(root, "labelsList");
    const json_t *threshold = json_object_get(root, "binaryDecisionThreshold"), *costs = json_object_get(root, "costArray");
    const size_t n = json_array_size(classes);
    if (json_is_null(json_object_get(root, "confusion")))
        return bad(err, "seen no example: it does not say how many classes there are");
    if (n < 2 || n > 32768)
        return bad(err, "no confusion matrix of 2 to 32768 classes");
    if (n * n * 12 > (size_t)64 << 20 && n * n * 12 / 4096 > size)
        return dli_fail(err, DL4C_E_LIMIT, "evaluation", "the matrix of %zu classes has more than 4096 times the %zu bytes that name them",
                        n, size);
    const json_t *positive = json_object_get(root, "binaryPositiveClass");
    if (json_is_null(positive))
        o->flags = DL4C_EVALUATION_NO_POSITIVE;
    else if (int_or(root, "binaryPositiveClass", 1) == 0 && n == 2)
        o->flags = DL4C_EVALUATION_FIRST_POSITIVE;
    else if (int_or(root, "binaryPositiveClass", 1) != 1)
        return bad(err, "a binaryPositiveClass that is none of its classes");
    if (costs && !json_is_null(costs))
        DLI_TRY(read_costs(ctx, costs, n, cost_values, err));
    o->costs = *cost_values;
    const int64_t top_n = int_or(root, "topN", 1);
    if (top_n < 1 || top_n > (int64_t)n)
        return bad(err, "a topN outside its classes");
    o->n_classes = (int32_t)n;
    o->top_n = (int32_t)top_n;
    if (json_is_number(threshold)) {
        o->threshold = json_number_value(threshold);
        if (!(o->threshold > 0 && o->threshold < 1) || n != 2 || o->costs)
            return bad(err, "a binaryDecisionThreshold outside 0 to 1, with other than two classes or beside costs");
    }
    for (size_t i = 0; i < n; i++)
        if (json_integer_value(json_array_get(classes, i)) != (json_int_t)i)
            return bad(err, "classes that are not 0, 1, 2, ...");
    if (json_array_size(labels) != n)
        return json_array_size(labels) == 0 ? DL4C_OK : bad(err, "another number of labels than of classes");
    *names = dli_array(ctx, n, sizeof **names, err);
    if (!*names)
        return dli_alloc_status();
    for (size_t i = 0; i < n; i++)
        if (!((*names)[i] = json_string_value(json_array_get(labels, i))))
            return bad(err, "a label that is no text");
    o->classes = *names;
    return DL4C_OK;
}

static dl4c_status read_row(dl4c_evaluation *e, const char *key, const json_t *row, struct dl4c_error *err)
{
    const json_t *predicted = json_array_get(row, 0), *counts = json_array_get(row, 1);
    int64_t actual;
    if (!dli_parse_i64(key, strlen(key), &actual) || actual < 0 || actual >= e->n_classes)
        return bad(err, "a row of the matrix outside its classes");
    if (!json_is_array(predicted) || json_array_size(predicted) != json_array_size(counts))
        return bad(err, "a row of the matrix that is no pair of arrays of one length");
    for (size_t i = 0; i < json_array_size(counts); i++) {
        const json_t *k = json_array_get(predicted, i), *c = json_array_get(counts, i);
        const json_int_t class = json_is_integer(k) ? json_integer_value(k) : -1, n = json_is_integer(c) ? json_integer_value(c) : -1;
        if (class < 0 || class >= e->n_classes || n < 0 || n > INT64_C(1) << 53)
            return bad(err, "a cell of the matrix that is no count of a class");
        if (n > 0)
            dli_evaluation_count(e, (int32_t)actual, (int32_t) class, n);
        if (n > 0 && (e->n += n) > INT64_C(1) << 53)
            return bad(err, "more examples than can be counted");
    }
    return DL4C_OK;
}

static dl4c_status read_counts(dl4c_evaluation *e, json_t *root, struct dl4c_error *err)
{
    json_t *matrix = json_object_get(json_object_get(root, "confusion"), "matrix"), *row;
    const char *key;
    if (!json_is_object(matrix))
        return bad(err, "no matrix");
    json_object_foreach(matrix, key, row) DLI_TRY(read_row(e, key, row, err));
    const int64_t right = int_or(root, "topNCorrectCount", 0), total = int_or(root, "topNTotalCount", 0);
    if (int_or(root, "numRowCounter", e->n) != e->n)
        return bad(err, "another numRowCounter than its matrix has examples");
    if (right < 0 || right > total || total != (e->top_n > 1 ? e->n : 0))
        return bad(err, "top-N counts that contradict its examples");
    e->top_right = right;
    return DL4C_OK;
}

dl4c_status dl4c_evaluation_from_dl4j(dl4c_context *ctx, const char *text, size_t size, dl4c_evaluation **e, struct dl4c_error *err)
{
    if (!e || !text)
        return dli_fail(err, DL4C_E_INVALID, "evaluation", "%s is NULL", e ? "text" : "e");
    *e = NULL;
    ctx = dli_context_ref(ctx, err);
    if (!ctx)
        return DL4C_E_NOMEM;
    json_error_t why;
    json_t *root = json_loadb(text, size, JSON_REJECT_DUPLICATES, &why);
    const char **names = NULL;
    float *costs = NULL;
    struct dl4c_evaluation_options o = DL4C_EVALUATION_OPTIONS_INIT;
    dl4c_evaluation *made = NULL;
    dl4c_status status = DL4C_OK;
    const char *class = json_string_value(json_object_get(root, "@class")), *dot = class ? strrchr(class, '.') : NULL;
    if (!json_is_object(root))
        status = dli_fail(err, DL4C_E_CORRUPT, "evaluation", "the text is no JSON object: line %d: %.150s", root ? 1 : why.line,
                          root ? "another value" : why.text);
    else if (!class || strcmp(dot ? dot + 1 : class, "Evaluation") != 0)
        status = dli_fail(err, DL4C_E_CORRUPT, "evaluation", "the JSON is of class '%.100s', wanted Evaluation", class ? class : "");
    if (status == DL4C_OK)
        status = read_options(ctx, root, size, &o, &names, &costs, err);
    if (status == DL4C_OK)
        status = dl4c_evaluation_create(ctx, &o, &made, err);
    if (status == DL4C_OK)
        status = read_counts(made, root, err);
    dli_free(names);
    dli_free(costs);
    json_decref(root);
    dli_context_unref(ctx);
    if (status != DL4C_OK)
        dl4c_evaluation_destroy(&made);
    *e = made;
    return status;
}
