/* SPDX-License-Identifier: Apache-2.0 */
/* Header lines of HTTP. */
#ifndef DLI_BASE_HEADER_H
#define DLI_BASE_HEADER_H

#include <stddef.h>

/* The value in "Name: value", without the spaces around it: *n characters in the line. NULL where the header has another name than `name`,
 * which is in lower case. */
const char *dli_header_value(const char *line, size_t size, const char *name, size_t *n);

#endif
