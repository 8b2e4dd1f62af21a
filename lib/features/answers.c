/* SPDX-License-Identifier: Apache-2.0 */
/* An image's line: the likeliest classes, or why there is no answer; as JSON or CSV. */
#include "features/answers.h"
#include "base/escape.h"
#include "graph/graph.h"
#include <dl4c/predict.h>

#include <stdio.h>
#include <string.h>

dl4c_status dli_answers_begin(struct dli_answers *a, dl4c_graph *graph, int64_t classes, int64_t top, int32_t format,
                              struct dl4c_error *err)
{
    memset(a, 0, sizeof *a);
    dli_strbuf_init(&a->text, graph->ctx);
    a->info = (struct dl4c_model_info)DL4C_MODEL_INFO_INIT;
    a->n = classes;
    a->shown = top < classes ? top : classes;
    a->csv = format == DL4C_PREDICT_CSV;
    DLI_TRY(dl4c_graph_info(graph, &a->info, err));
    a->taken = dli_array(graph->ctx, (size_t)classes, sizeof *a->taken, err);
    return a->taken ? DL4C_OK : dli_alloc_status();
}

void dli_answers_end(struct dli_answers *a)
{
    if (a->text.ctx)
        dli_strbuf_free(&a->text);
    dli_free(a->taken);
    a->taken = NULL;
}

/* RFC 4180. */
static void add_csv(struct dli_strbuf *b, const char *text)
{
    if (!strpbrk(text, ",\"\r\n")) {
        dli_strbuf_add(b, text);
        return;
    }
    dli_strbuf_addc(b, '"');
    for (; *text; text++) {
        if (*text == '"')
            dli_strbuf_addc(b, '"');
        dli_strbuf_addc(b, *text);
    }
    dli_strbuf_addc(b, '"');
}

static void add_text(struct dli_answers *a, const char *text)
{
    if (a->csv)
        add_csv(&a->text, text);
    else
        dli_strbuf_json(&a->text, text);
}

static void add_class(struct dli_answers *a, int64_t k)
{
    char number[24];
    if (a->info.classes && k < a->info.n_classes) {
        add_text(a, a->info.classes[k]);
        return;
    }
    snprintf(number, sizeof number, "%" PRId64, k);
    add_text(a, number);
}

static void begin_line(struct dli_answers *a, const char *path)
{
    dli_strbuf_add(&a->text, a->csv ? "" : "{\"path\": ");
    add_text(a, path);
}

static void end_line(struct dli_answers *a) { dli_strbuf_add(&a->text, a->csv ? "\n" : "}\n"); }

void dli_answers_bad(struct dli_answers *a, const char *path, const char *reason)
{
    begin_line(a, path);
    if (a->csv) {
        for (int64_t i = 0; i < a->shown; i++)
            dli_strbuf_add(&a->text, ",,,");
        dli_strbuf_addc(&a->text, ',');
    } else {
        dli_strbuf_add(&a->text, ", \"top\": [], \"error\": ");
    }
    add_text(a, reason);
    end_line(a);
}

/* The index of the largest value that is not taken yet, the lowest on a tie. */
static int64_t largest(const float *v, int64_t n, const uint8_t *taken)
{
    int64_t best = -1;
    for (int64_t k = 0; k < n; k++)
        if (!taken[k] && (best < 0 || v[k] > v[best]))
            best = k;
    return best;
}

bool dli_answers_row(struct dli_answers *a, const char *path, const float *v)
{
    for (int64_t k = 0; k < a->n; k++)
        if (v[k] != v[k]) {
            dli_answers_bad(a, path, DLI_ANSWERS_NAN);
            return false;
        }
    memset(a->taken, 0, (size_t)a->n);
    begin_line(a, path);
    dli_strbuf_add(&a->text, a->csv ? "" : ", \"top\": [");
    for (int64_t i = 0; i < a->shown; i++) {
        const int64_t k = largest(v, a->n, a->taken);
        a->taken[k] = 1;
        dli_strbuf_add(&a->text, a->csv ? "," : i ? ", {\"class\": " : "{\"class\": ");
        add_class(a, k);
        dli_strbuf_addf(&a->text, a->csv ? ",%" PRId64 "," : ", \"index\": %" PRId64 ", \"probability\": ", k);
        dli_strbuf_json_num(&a->text, (double)v[k]);
        dli_strbuf_add(&a->text, a->csv ? "" : "}");
    }
    dli_strbuf_add(&a->text, a->csv ? "," : "], \"error\": null");
    end_line(a);
    return true;
}
