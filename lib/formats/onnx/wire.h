/* SPDX-License-Identifier: Apache-2.0 */
/* The fields of one protobuf message in memory, one after the other: tags and varints by nanopb, lengths in place. Messages inside a
 * message are walked by a walker of their own, so that the depth is that of the code and never the file's. */
#ifndef DLI_FORMATS_ONNX_WIRE_H
#define DLI_FORMATS_ONNX_WIRE_H

#include "base/error.h"

#include <pb_decode.h>

enum { DLI_WIRE_NUMBER = 0, DLI_WIRE_64 = 1, DLI_WIRE_BYTES = 2, DLI_WIRE_32 = 5 };

struct dli_wire {
    const uint8_t *bytes;
    size_t size;
    const char *what; /* "NodeProto" for messages */
    pb_istream_t in;
};

struct dli_wire_field {
    uint32_t tag;         /* 0: the message is at its end */
    int32_t wire;         /* DLI_WIRE_* */
    uint64_t number;      /* of NUMBER; bits of 32 and 64 */
    const uint8_t *bytes; /* of BYTES: in the message itself */
    size_t size;
};

void dli_wire_init(struct dli_wire *w, const uint8_t *bytes, size_t size, const char *what);
/* The next field. DL4C_E_CORRUPT: it does not end inside the message, or is no field at all. */
dl4c_status dli_wire_next(struct dli_wire *w, struct dli_wire_field *f, struct dl4c_error *err);

/* A field's value under the type that the message declares; CORRUPT where the file says otherwise. */
dl4c_status dli_wire_want(const struct dli_wire *w, const struct dli_wire_field *f, int32_t wire, struct dl4c_error *err);

/* Elements of a repeated number in one field, alone or packed; `wire` is the element's. */
dl4c_status dli_wire_count(const struct dli_wire *w, const struct dli_wire_field *f, int32_t wire, size_t *n, struct dl4c_error *err);
/* Its elements, in order: dli_wire_count of them. */
void dli_wire_numbers(const struct dli_wire_field *f, int32_t wire, uint64_t *out);

static inline float dli_wire_f32(uint64_t bits)
{
    const union {
        uint32_t u;
        float f;
    } v = { .u = (uint32_t)bits };
    return v.f;
}
static inline double dli_wire_f64(uint64_t bits)
{
    const union {
        uint64_t u;
        double f;
    } v = { .u = bits };
    return v.f;
}

#endif
