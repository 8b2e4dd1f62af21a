/* SPDX-License-Identifier: Apache-2.0 */
/* The safetensors container: 8 bytes little-endian length of a JSON header, the header, the tensors' bytes. */
#ifndef DLI_FORMATS_SAFETENSORS_CONTAINER_H
#define DLI_FORMATS_SAFETENSORS_CONTAINER_H

#include "base/strbuf.h"
#include <jansson.h>

/* A tensor inside a file, as its header says; checked against the file's size. */
struct dli_st_tensor {
    int32_t dtype; /* DL4C_* */
    int32_t rank;
    int64_t shape[8];
    size_t offset, bytes; /* in the file */
};

/* Parses the header of a whole file in memory. *header: the JSON object, freed by json_decref; *data: where the tensors' bytes begin. */
dl4c_status dli_st_parse(const char *what, const void *bytes, size_t size, json_t **header, size_t *data, struct dl4c_error *err);
/* Finds a tensor of a parsed header. DL4C_E_NOTFOUND where there is none; CORRUPT where its place is not inside the file. */
dl4c_status dli_st_find(const char *what, json_t *header, size_t data, size_t size, const char *name, struct dli_st_tensor *t,
                        struct dl4c_error *err);
/* Text of a key of __metadata__; NULL. Borrowed from the header. */
const char *dli_st_metadata(json_t *header, const char *key);
/* How many tensors the header names. DL4C_E_CORRUPT where one of them is not as dli_st_find wants it, where two overlap, or where a byte
 * behind the header belongs to none: the format knows no holes. */
dl4c_status dli_st_complete(const char *what, dl4c_context *ctx, json_t *header, size_t data, size_t size, size_t *n_tensors,
                            struct dl4c_error *err);
/* Begins with a length that a header may have, and then with '{': enough to tell the container from every other format. */
bool dli_st_sniff(const uint8_t *bytes, size_t size);

enum { DLI_ST_MOST_HEADER = 100 * 1000 * 1000 }; /* what the format's own reader allows */

#endif
