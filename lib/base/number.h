/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers as text, the same under every locale. */
#ifndef DLI_BASE_NUMBER_H
#define DLI_BASE_NUMBER_H

#include "base/error.h"
#include <stdbool.h>

/* Prints v with printf's conversion `fmt` ("%.6g", "%.17g", "%.3f": one double, no '*') and a '.' for the point; "NaN", "Infinity",
 * "-Infinity" as JSON's relatives write them. Returns buf. */
char *dli_number(char *buf, size_t size, const char *fmt, double v);

/* For messages: dli_fail(err, ..., "rate %s is negative", DLI_NUM(rate)). */
#define DLI_NUM(v) dli_number((char[32]){ 0 }, 32, "%.9g", (v))

/* The shortest text that reads back as the same double, and as the same float. */
char *dli_number_shortest(char *buf, size_t size, double v);
char *dli_number_shortest_f32(char *buf, size_t size, float v);

/* Reads all of text[0..n) as a number; surrounding space, hex, "nan" and "inf" are refused. False: not a number, or out of range. */
bool dli_parse_double(const char *text, size_t n, double *out);
bool dli_parse_i64(const char *text, size_t n, int64_t *out);

#endif
