/* SPDX-License-Identifier: Apache-2.0 */
/* The result of a comparison: stages, the cause, a text. */
#include "base/number.h"
#include "compare/compare.h"
#include "tensor/tensor.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

double dli_compare_error(const float *a, const float *b, int64_t n, double *largest)
{
    double most = 0, worst = 0;
    for (int64_t i = 0; i < n; i++) {
        const double x = a[i], y = b[i];
        if (isfinite(x) && fabs(x) > most)
            most = fabs(x);
        const double d = fabs(x - y);
        if (isfinite(d))
            worst = d > worst ? d : worst;
        else if (!(isnan(x) && isnan(y)) && x != y)
            worst = INFINITY;
    }
    *largest = most;
    return worst == 0 ? 0 : most > 0 ? worst / most : INFINITY;
}

static bool same_shape(const dl4c_tensor *a, const dl4c_tensor *b)
{
    const int32_t r = dl4c_tensor_rank(a);
    return r == dl4c_tensor_rank(b) && memcmp(dl4c_tensor_shape(a), dl4c_tensor_shape(b), (size_t)r * sizeof(int64_t)) == 0;
}

/* b has a's axes with the channels last. */
static bool channels_last(const dl4c_tensor *a, const dl4c_tensor *b)
{
    static const int32_t from[] = { 0, 2, 3, 1 };
    if (dl4c_tensor_rank(a) != 4 || dl4c_tensor_rank(b) != 4)
        return false;
    for (int32_t k = 0; k < 4; k++)
        if (dl4c_tensor_dim(b, k) != dl4c_tensor_dim(a, from[k]))
            return false;
    return true;
}

dl4c_status dli_compare_tensors(const dl4c_tensor *a, const dl4c_tensor *b, double *error, double *largest, const char **note,
                                struct dl4c_error *err)
{
    static const int32_t first[] = { 0, 3, 1, 2 };
    dl4c_tensor *turned = NULL, *plain = NULL;
    *note = NULL;
    if (!same_shape(a, b) && channels_last(a, b)) {
        *note = "B has the channels last";
        DLI_TRY(dl4c_tensor_transpose((dl4c_tensor *)b, first, &turned, err));
        const dl4c_status status = dli_tensor_as_f32(turned, &plain, err);
        dl4c_tensor_unref(&turned);
        DLI_TRY(status);
        b = plain;
    } else if (!same_shape(a, b)) {
        if (dl4c_tensor_size(a) != dl4c_tensor_size(b)) {
            *note = "the shapes differ";
            *error = INFINITY;
            *largest = 0;
            return DL4C_OK;
        }
        *note = "as many numbers in another shape";
    }
    *error = dli_compare_error(dl4c_tensor_data_const(a), dl4c_tensor_data_const(b), dl4c_tensor_size(a), largest);
    dl4c_tensor_unref(&plain);
    return DL4C_OK;
}

static void clear(struct dli_stage *s)
{
    dli_free(s->name);
    dli_free(s->other);
    dli_free(s->note);
}

dl4c_status dli_compare_stage(struct dli_compare *c, const char *name, const char *other, const char *op, const char *note, double error,
                              double largest, int64_t count, double tolerance, struct dl4c_error *err)
{
    struct dl4c_comparison *o = c->out;
    DLI_TRY(dli_grow(c->ctx, &o->stages, &o->capacity, (size_t)o->n + 1, sizeof *o->stages, err));
    struct dli_stage s = { .op = op, .error = error, .largest = largest, .count = count, .differs = !(error <= tolerance) };
    s.name = dli_strdup(c->ctx, name, err);
    s.other = s.name ? dli_strdup(c->ctx, other, err) : NULL;
    s.note = s.other && note ? dli_strdup(c->ctx, note, err) : NULL;
    if (!s.other || (note && !s.note)) {
        const dl4c_status status = dli_alloc_status();
        clear(&s);
        return status;
    }
    if (s.differs && o->first < 0)
        o->first = o->n;
    o->stages[o->n++] = s;
    return DL4C_OK;
}

dl4c_status dli_compare_cause(struct dli_compare *c, const char *cause, struct dl4c_error *err, const char *fmt, ...)
{
    char text[1024];
    va_list ap;
    if (c->out->cause)
        return DL4C_OK;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    c->out->sentence = dli_strdup(c->ctx, text, err);
    if (!c->out->sentence)
        return dli_alloc_status();
    c->out->cause = cause;
    return DL4C_OK;
}

void dl4c_comparison_destroy(dl4c_comparison **c)
{
    if (!c || !*c)
        return;
    struct dl4c_comparison *o = *c;
    dl4c_context *ctx = o->ctx;
    for (int32_t i = 0; i < o->n; i++)
        clear(&o->stages[i]);
    dli_free(o->stages);
    dli_free(o->sentence);
    dli_free(o);
    dli_context_unref(ctx);
    *c = NULL;
}

int32_t dl4c_comparison_count(const dl4c_comparison *c) { return c ? c->n : 0; }

int32_t dl4c_comparison_first(const dl4c_comparison *c) { return c ? c->first : -1; }

dl4c_status dl4c_comparison_stage(const dl4c_comparison *c, int32_t i, struct dl4c_compare_stage *out, struct dl4c_error *err)
{
    if (!c || i < 0 || i >= c->n)
        return dli_fail(err, DL4C_E_INVALID, "compare", "there are %" PRId32 " stages, number %" PRId32 " was asked for", c ? c->n : 0, i);
    const struct dli_stage *s = &c->stages[i];
    const struct dl4c_compare_stage stage = { .name = s->name,
                                              .other = s->other,
                                              .op = s->op,
                                              .note = s->note,
                                              .error = s->error,
                                              .largest = s->largest,
                                              .count = s->count,
                                              .differs = s->differs };
    return dli_struct_out(out, &stage, sizeof stage, "compare", err);
}

void dl4c_comparison_cause(const dl4c_comparison *c, const char **name, const char **sentence)
{
    if (name)
        *name = c ? c->cause : NULL;
    if (sentence)
        *sentence = c ? c->sentence : NULL;
}

static void row(struct dli_strbuf *b, size_t width, const char *name, const char *other, const char *error, const char *largest,
                const char *rest)
{
    dli_strbuf_add(b, name);
    dli_strbuf_pad(b, ' ', width - strlen(name) + 2);
    dli_strbuf_add(b, other);
    dli_strbuf_pad(b, ' ', width - strlen(other) + 2);
    dli_strbuf_pad(b, ' ', strlen(error) < 12 ? 12 - strlen(error) : 0);
    dli_strbuf_add(b, error);
    dli_strbuf_pad(b, ' ', strlen(largest) < 13 ? 13 - strlen(largest) : 1);
    dli_strbuf_add(b, largest);
    if (rest[0])
        dli_strbuf_addf(b, "  %s", rest);
    dli_strbuf_addc(b, '\n');
}

dl4c_status dl4c_comparison_text(const dl4c_comparison *c, char **text, struct dl4c_error *err)
{
    struct dli_strbuf b;
    size_t width = 9;
    char error[32], largest[32], rest[128];
    if (!c || !text)
        return dli_fail(err, DL4C_E_INVALID, "compare", "%s is NULL", c ? "text" : "the comparison");
    *text = NULL;
    for (int32_t i = 0; i < c->n; i++) {
        width = strlen(c->stages[i].name) > width ? strlen(c->stages[i].name) : width;
        width = strlen(c->stages[i].other) > width ? strlen(c->stages[i].other) : width;
    }
    dli_strbuf_init(&b, c->ctx);
    row(&b, width, "A", "B", "error", "largest", "");
    for (int32_t i = 0; i < c->n; i++) {
        const struct dli_stage *s = &c->stages[i];
        snprintf(rest, sizeof rest, "%s%s%s", s->differs ? "differs" : "", s->differs && s->note ? ": " : "", s->note ? s->note : "");
        dli_number(error, sizeof error, "%.3g", s->error);
        dli_number(largest, sizeof largest, "%.6g", s->largest);
        row(&b, width, s->name, s->other, error, largest, rest);
    }
    if (c->first < 0)
        dli_strbuf_add(&b, "No stage differs.\n");
    else
        dli_strbuf_addf(&b, "First difference: %s. Cause: %s. %s\n", c->stages[c->first].name, c->cause ? c->cause : "unknown",
                        c->sentence ? c->sentence : "");
    return dli_strbuf_take(&b, text, err);
}
