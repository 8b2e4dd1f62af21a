/* SPDX-License-Identifier: Apache-2.0 */
/* The confusion matrix as text, CSV and HTML in Deeplearning4j's forms, and the evaluation as JSON in ours. */
#include "base/escape.h"
#include "evaluation/evaluation.h"
#include "evaluation/java.h"

static dl4c_status start(const dl4c_evaluation *e, char **text, struct dli_strbuf *b, struct dl4c_error *err)
{
    if (!e || !text)
        return dli_fail(err, DL4C_E_INVALID, "evaluation", "%s is NULL", e ? "text" : "e");
    *text = NULL;
    dli_strbuf_init(b, e->ctx);
    return DL4C_OK;
}

dl4c_status dl4c_evaluation_confusion_text(const dl4c_evaluation *e, char **text, struct dl4c_error *err)
{
    struct dli_strbuf b;
    DLI_TRY(start(e, text, &b, err));
    size_t width = 10;
    for (int32_t i = 0; i < e->n_classes; i++) {
        const size_t n = dli_java_length(e->names[i]) + 5;
        width = n > width ? n : width;
    }
    dli_strbuf_add(&b, "   ");
    dli_java_padded(&b, "Predicted:", width);
    dli_strbuf_add(&b, "   ");
    for (int32_t i = 0; i < e->n_classes; i++)
        dli_strbuf_addf(&b, "%7" PRId32, i);
    dli_strbuf_add(&b, "\n   Actual:\n");
    for (int32_t i = 0; i < e->n_classes; i++) {
        dli_strbuf_addf(&b, "%-3" PRId32, i);
        dli_java_padded(&b, e->names[i], width);
        dli_strbuf_add(&b, " | ");
        for (int32_t j = 0; j < e->n_classes; j++)
            dli_strbuf_addf(&b, "%7" PRId64, dli_confusion(e, i, j));
        dli_strbuf_addc(&b, '\n');
    }
    return dli_strbuf_take(&b, text, err);
}

dl4c_status dl4c_evaluation_confusion_csv(const dl4c_evaluation *e, char **text, struct dl4c_error *err)
{
    struct dli_strbuf b;
    DLI_TRY(start(e, text, &b, err));
    dli_strbuf_add(&b, ",,Predicted Class,\n,,");
    for (int32_t i = 0; i < e->n_classes; i++)
        dli_strbuf_addf(&b, "%" PRId32 ",", i);
    dli_strbuf_add(&b, "Total\n");
    for (int32_t i = 0; i < e->n_classes; i++) {
        dli_strbuf_addf(&b, "%s,%" PRId32 ",", i == 0 ? "Actual Class" : "", i);
        for (int32_t j = 0; j < e->n_classes; j++)
            dli_strbuf_addf(&b, "%" PRId64 ",", dli_confusion(e, i, j));
        dli_strbuf_addf(&b, "%" PRId64 "\n", e->actual[i]);
    }
    dli_strbuf_add(&b, ",Total,");
    for (int32_t j = 0; j < e->n_classes; j++)
        dli_strbuf_addf(&b, "%" PRId64 ",", e->predicted[j]);
    dli_strbuf_addc(&b, '\n');
    return dli_strbuf_take(&b, text, err);
}

static void add_td(struct dli_strbuf *b, int64_t count) { dli_strbuf_addf(b, "<td class=\"count-element\">%" PRId64 "</td>", count); }

dl4c_status dl4c_evaluation_confusion_html(const dl4c_evaluation *e, char **text, struct dl4c_error *err)
{
    struct dli_strbuf b;
    DLI_TRY(start(e, text, &b, err));
    /* the first cell's <th> is left open and one attribute has a blank behind it: as Deeplearning4j writes them */
    dli_strbuf_addf(&b,
                    "<table>\n<tr><th class=\"empty-space\" colspan=\"2\" rowspan=\"2\">"
                    "<th class=\"predicted-class-header\" colspan=\"%" PRId32 "\">Predicted Class</th></tr>\n<tr>",
                    e->n_classes + 1);
    for (int32_t i = 0; i < e->n_classes; i++)
        dli_strbuf_addf(&b, "<th class=\"predicted-class-header\">%" PRId32 "</th>", i);
    dli_strbuf_add(&b, "<th class=\"predicted-class-header\">Total</th></tr>\n");
    for (int32_t i = 0; i < e->n_classes; i++) {
        dli_strbuf_add(&b, "<tr>");
        if (i == 0)
            dli_strbuf_addf(&b, "<th class=\"actual-class-header\" rowspan=\"%" PRId32 "\">Actual Class</th>", e->n_classes + 1);
        dli_strbuf_addf(&b, "<th class=\"actual-class-header\" >%" PRId32 "</th>", i);
        for (int32_t j = 0; j < e->n_classes; j++)
            add_td(&b, dli_confusion(e, i, j));
        add_td(&b, e->actual[i]);
        dli_strbuf_add(&b, "</tr>\n");
    }
    dli_strbuf_add(&b, "<tr><th class=\"actual-class-header\">Total</th>");
    for (int32_t j = 0; j < e->n_classes; j++)
        add_td(&b, e->predicted[j]);
    dli_strbuf_add(&b, "<td class=\"empty-space\"></td>\n</tr>\n</table>\n");
    return dli_strbuf_take(&b, text, err);
}

/* "name": value, */
static void add_member(struct dli_strbuf *b, const char *name, double v)
{
    dli_strbuf_addf(b, "\"%s\": ", name);
    dli_strbuf_json_num(b, v);
    dli_strbuf_add(b, ", ");
}

dl4c_status dl4c_evaluation_json(const dl4c_evaluation *e, char **text, struct dl4c_error *err)
{
    struct dli_strbuf b;
    DLI_TRY(start(e, text, &b, err));
    dli_strbuf_addc(&b, '{');
    add_member(&b, "accuracy", dl4c_evaluation_accuracy(e));
    add_member(&b, "balanced_accuracy", dl4c_evaluation_balanced_accuracy(e));
    add_member(&b, "precision", dl4c_evaluation_precision(e));
    add_member(&b, "recall", dl4c_evaluation_recall(e));
    add_member(&b, "f1", dl4c_evaluation_f1(e));
    add_member(&b, "top_n", dl4c_evaluation_top_n_accuracy(e));
    dli_strbuf_addf(&b, "\"top\": %" PRId32 ", \"n\": %" PRId64 ", \"classes\": [", e->top_n, e->n);
    for (int32_t i = 0; i < e->n_classes; i++) {
        dli_strbuf_add(&b, i == 0 ? "" : ", ");
        dli_strbuf_json(&b, e->names[i]);
    }
    dli_strbuf_add(&b, "], \"confusion\": [");
    for (int32_t i = 0; i < e->n_classes; i++) {
        dli_strbuf_add(&b, i == 0 ? "[" : ", [");
        for (int32_t j = 0; j < e->n_classes; j++)
            dli_strbuf_addf(&b, "%s%" PRId64, j == 0 ? "" : ", ", dli_confusion(e, i, j));
        dli_strbuf_addc(&b, ']');
    }
    dli_strbuf_add(&b, "], \"per_class\": [");
    for (int32_t i = 0; i < e->n_classes; i++) {
        dli_strbuf_add(&b, i == 0 ? "{\"class\": " : ", {\"class\": ");
        dli_strbuf_json(&b, e->names[i]);
        dli_strbuf_add(&b, ", ");
        add_member(&b, "precision", dl4c_evaluation_class_precision(e, i));
        add_member(&b, "recall", dl4c_evaluation_class_recall(e, i));
        add_member(&b, "f1", dl4c_evaluation_class_f1(e, i));
        dli_strbuf_addf(&b, "\"n\": %" PRId64 "}", e->actual[i]);
    }
    dli_strbuf_add(&b, "]}");
    return dli_strbuf_take(&b, text, err);
}
