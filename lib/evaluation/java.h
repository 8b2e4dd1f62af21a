/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers and JSON as the Java libraries under Deeplearning4j print them: Double.toString, String.format, Jackson's indented output, and
 * the order in which java.util's hash maps give small integers back. */
#ifndef DLI_EVALUATION_JAVA_H
#define DLI_EVALUATION_JAVA_H

#include "base/strbuf.h"

/* Double.toString and Float.toString: "0.35", "3.5E-4", "1.0E7", "NaN", "-Infinity". */
void dli_java_double(struct dli_strbuf *b, double v);
void dli_java_float(struct dli_strbuf *b, float v);
/* String.format("%-<width>.<digits>f") and ("...e"): halves are rounded up on the shortest decimal digits, not on the binary value. */
void dli_java_fixed(struct dli_strbuf *b, double v, int digits, int width);
void dli_java_scientific(struct dli_strbuf *b, double v, int digits, int width);
/* String.length(): UTF-16 units, in which %-<width>s counts; and that conversion. */
size_t dli_java_length(const char *text);
void dli_java_padded(struct dli_strbuf *b, const char *text, size_t width);

/* The buckets of a java.util.HashMap (concurrent: ConcurrentHashMap) that n keys were put into, a power of two. A map of small
 * non-negative integers is walked by key modulo this, and where keys meet in the order in which they came. */
int32_t dli_java_buckets(int32_t n, bool concurrent);

/* Jackson's DefaultPrettyPrinter. Objects stand on lines of their own, two blanks a level; arrays stand in their line. */
struct dli_jackson {
    struct dli_strbuf *b;
    int depth;
    bool any; /* the innermost object has a member */
};
void dli_jackson_open(struct dli_jackson *j, const char *class); /* {, and "@class" unless NULL */
void dli_jackson_close(struct dli_jackson *j);
void dli_jackson_key(struct dli_jackson *j, const char *key); /* what follows is its value */
void dli_jackson_int(struct dli_jackson *j, const char *key, int64_t v);
void dli_jackson_double(struct dli_jackson *j, const char *key, double v);
void dli_jackson_bool(struct dli_jackson *j, const char *key, bool v);
void dli_jackson_null(struct dli_jackson *j, const char *key);
void dli_jackson_ints(struct dli_jackson *j, const char *key, const int64_t *v, int64_t n);
void dli_jackson_doubles(struct dli_jackson *j, const char *key, const double *v, int64_t n);
/* An INDArray of floats, as text: its type, shape and values. */
void dli_jackson_floats(struct dli_jackson *j, const char *key, const float *v, int64_t n);
void dli_jackson_texts(struct dli_jackson *j, const char *key, char *const *v, int64_t n); /* null where v is NULL */
void dli_jackson_number(struct dli_jackson *j, double v);                                  /* a value: what is not finite in quotes */

#endif
