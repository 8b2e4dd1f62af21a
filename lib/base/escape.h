/* SPDX-License-Identifier: Apache-2.0 */
/* Text of any origin (folder names, class names, messages) inside XML and JSON. */
#ifndef DLI_BASE_ESCAPE_H
#define DLI_BASE_ESCAPE_H

#include "base/strbuf.h"

/* The next code point of NUL-terminated text, moving *at past it; 0 at the end, which is not passed. A byte that begins no
 * well-formed UTF-8 sequence is U+FFFD on its own, so that every text can be walked. */
uint32_t dli_utf8_next(const char **at);

/* Makes text one line of UTF-8, in place: control characters and bytes that begin no well-formed sequence become '?'. Names of files and
 * vertices may hold anything, and messages go to terminals and to languages that insist. */
void dli_utf8_clean(char *text);

/* Text for XML content and attributes: & < > " ' and white space other than a blank become references; what XML 1.0 cannot hold
 * (control characters, U+FFFE, U+FFFF) and malformed UTF-8 become U+FFFD. */
void dli_strbuf_xml(struct dli_strbuf *b, const char *text);

/* A JSON string with its quotes; malformed UTF-8 becomes U+FFFD. */
void dli_strbuf_json(struct dli_strbuf *b, const char *text);
/* A JSON number that reads back as the same double; null where v is not finite. */
void dli_strbuf_json_num(struct dli_strbuf *b, double v);

#endif
