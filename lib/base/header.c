/* SPDX-License-Identifier: Apache-2.0 */
/* Header lines of HTTP. */
#include "base/header.h"

#include <string.h>

const char *dli_header_value(const char *line, size_t size, const char *name, size_t *n)
{
    const size_t k = strlen(name);
    if (size <= k || line[k] != ':')
        return NULL;
    for (size_t i = 0; i < k; i++) {
        const char c = line[i] >= 'A' && line[i] <= 'Z' ? (char)(line[i] - 'A' + 'a') : line[i];
        if (c != name[i])
            return NULL;
    }
    const char *v = line + k + 1, *end = line + size;
    while (v < end && (*v == ' ' || *v == '\t'))
        v++;
    while (end > v && (end[-1] == '\r' || end[-1] == '\n' || end[-1] == ' '))
        end--;
    *n = (size_t)(end - v);
    return v;
}
