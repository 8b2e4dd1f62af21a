/* SPDX-License-Identifier: Apache-2.0 */
/* Text that grows. Errors stick: after a failure the calls do nothing and dli_strbuf_take reports it. */
#ifndef DLI_BASE_STRBUF_H
#define DLI_BASE_STRBUF_H

#include "base/alloc.h"

struct dli_strbuf {
    dl4c_context *ctx;
    char *text; /* NUL-terminated once anything was added, else NULL */
    size_t length, capacity;
    struct dl4c_error err; /* the first failure */
};

void dli_strbuf_init(struct dli_strbuf *b, dl4c_context *ctx);
void dli_strbuf_free(struct dli_strbuf *b);
void dli_strbuf_add(struct dli_strbuf *b, const char *text);
void dli_strbuf_addn(struct dli_strbuf *b, const char *text, size_t n);
void dli_strbuf_addc(struct dli_strbuf *b, char c);
void dli_strbuf_pad(struct dli_strbuf *b, char c, size_t n);            /* n times c */
void dli_strbuf_addf(struct dli_strbuf *b, const char *fmt, ...) DLI_PRINTF(2, 3); /* no %f, %e, %g: use dli_strbuf_num */
void dli_strbuf_num(struct dli_strbuf *b, const char *fmt, double v);   /* as dli_number */
/* Moves the text to the caller (freed by dli_free or dl4c_free; "" when nothing was added) and empties the buffer. */
dl4c_status dli_strbuf_take(struct dli_strbuf *b, char **text, struct dl4c_error *err);

#endif
