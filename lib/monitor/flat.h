/* SPDX-License-Identifier: Apache-2.0 */
/* The most frequent lines of a record, objects of numbers and nulls alone, without making objects of them: a long run has millions. */
#ifndef DLI_MONITOR_FLAT_H
#define DLI_MONITOR_FLAT_H

#include <stddef.h>

enum { DLI_FLAT_MOST = 16 };

struct dli_flat {
    const char *key; /* in the text, n bytes */
    size_t n;
    double v; /* NaN: null */
};

/* The members of a JSON object, the values as strtod reads them; -1: it is none, or has anything but numbers and nulls under plain keys,
 * each once, DLI_FLAT_MOST at most. A JSON parser then says what it is. text[n] is NUL. */
int dli_flat_parse(const char *text, size_t n, struct dli_flat members[DLI_FLAT_MOST]);

#endif
