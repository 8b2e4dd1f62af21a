/* SPDX-License-Identifier: Apache-2.0 */
/* Nd4j.write's arrays: a shape and numbers, all big-endian. */
#ifndef DLI_FORMATS_DL4J_ARRAY_H
#define DLI_FORMATS_DL4J_ARRAY_H

#include "formats/dl4j/container.h"

enum dli_dl4j_type { DLI_DL4J_FLOAT, DLI_DL4J_DOUBLE, DLI_DL4J_HALF };

/* An array being read from an entry: its header is behind, `left` numbers are ahead. */
struct dli_dl4j_array {
    struct dli_dl4j_entry *entry;
    enum dli_dl4j_type type;
    int64_t count, left;
};

/* Reads the header of a vector of any rank. That as many numbers can come out of the entry is checked, so that the count may be
 * allocated. */
dl4c_status dli_dl4j_array_open(struct dli_dl4j_entry *e, struct dli_dl4j_array *a, struct dl4c_error *err);
/* The next n numbers, as f32. */
dl4c_status dli_dl4j_array_read(struct dli_dl4j_array *a, float *out, int64_t n, struct dl4c_error *err);

/* Writes the header of a vector [n] of floats, then numbers. */
dl4c_status dli_dl4j_array_begin(struct dli_dl4j_out *out, int64_t n, struct dl4c_error *err);
dl4c_status dli_dl4j_array_write(struct dli_dl4j_out *out, const void *f32, int64_t n, struct dl4c_error *err); /* at any alignment */

#endif
