/* SPDX-License-Identifier: Apache-2.0 */
/* Text that grows, with errors that stick. */
#include "base/strbuf.h"
#include "base/number.h"

#include <stdio.h>
#include <string.h>

void dli_strbuf_init(struct dli_strbuf *b, dl4c_context *ctx)
{
    memset(b, 0, sizeof *b);
    b->ctx = ctx;
}

void dli_strbuf_free(struct dli_strbuf *b)
{
    dli_free(b->text);
    b->text = NULL;
    b->length = b->capacity = 0;
}

static char *room(struct dli_strbuf *b, size_t n)
{
    size_t need;
    if (b->err.status)
        return NULL;
    if (!dli_add_size(b->length, n, &need) || !dli_add_size(need, 1, &need)) {
        dli_fail(&b->err, DL4C_E_NOMEM, "text", "text of more than %zu bytes cannot exist", b->length);
        return NULL;
    }
    if (dli_grow(b->ctx, &b->text, &b->capacity, need < 64 ? 64 : need, 1, &b->err) != DL4C_OK)
        return NULL;
    return b->text + b->length;
}

void dli_strbuf_addn(struct dli_strbuf *b, const char *text, size_t n)
{
    char *at = room(b, n);
    if (at) {
        memcpy(at, text, n);
        at[n] = '\0';
        b->length += n;
    }
}

void dli_strbuf_add(struct dli_strbuf *b, const char *text) { dli_strbuf_addn(b, text, strlen(text)); }
void dli_strbuf_addc(struct dli_strbuf *b, char c) { dli_strbuf_addn(b, &c, 1); }

void dli_strbuf_pad(struct dli_strbuf *b, char c, size_t n)
{
    char *at = room(b, n);
    if (at) {
        memset(at, c, n);
        at[n] = '\0';
        b->length += n;
    }
}

void dli_strbuf_addf(struct dli_strbuf *b, const char *fmt, ...)
{
    char small[256];
    va_list ap;
    va_start(ap, fmt);
    const int n = vsnprintf(small, sizeof small, fmt, ap);
    va_end(ap);
    if (n < 0) {
        if (!b->err.status)
            dli_fail(&b->err, DL4C_E_INTERNAL, "text", "a format could not be printed");
        return;
    }
    if ((size_t)n < sizeof small) {
        dli_strbuf_addn(b, small, (size_t)n);
        return;
    }
    char *at = room(b, (size_t)n);
    if (at) {
        va_start(ap, fmt);
        vsnprintf(at, (size_t)n + 1, fmt, ap);
        va_end(ap);
        b->length += (size_t)n;
    }
}

void dli_strbuf_num(struct dli_strbuf *b, const char *fmt, double v)
{
    char text[400];
    dli_strbuf_add(b, dli_number(text, sizeof text, fmt, v));
}

dl4c_status dli_strbuf_take(struct dli_strbuf *b, char **text, struct dl4c_error *err)
{
    *text = NULL;
    if (!b->text)
        dli_strbuf_addn(b, "", 0);
    if (b->err.status) {
        if (err)
            *err = b->err;
        dli_strbuf_free(b);
        return b->err.status;
    }
    *text = b->text;
    b->text = NULL;
    b->length = b->capacity = 0;
    return DL4C_OK;
}
