/* SPDX-License-Identifier: Apache-2.0 */
/* What an ONNX file says, as structs: names copied, tensors in place. */
#ifndef DLI_FORMATS_ONNX_PROTO_H
#define DLI_FORMATS_ONNX_PROTO_H

#include "formats/onnx/arena.h"
#include "formats/onnx/wire.h"

enum { DLI_ONNX_RANK = 8 };

/* TensorProto. */
struct dli_onnx_tensor {
    const char *name; /* "" where it has none */
    int32_t type;     /* TensorProto.DataType */
    int32_t rank;
    int64_t dim[DLI_ONNX_RANK];
    int64_t count;      /* elements; checked against the bytes that are there */
    const uint8_t *raw; /* little-endian elements, NULL: in the typed fields of the message */
    size_t raw_size;
    size_t values;          /* in the typed fields */
    const char *location;   /* in another file: its name beside the model's, and where in it; raw is set when it is opened. NULL: here */
    int64_t offset, length; /* bytes; -1: not said */
    const uint8_t *message;
    size_t message_size;
};

struct dli_onnx_attr {
    const char *name;
    int32_t type; /* AttributeProto.AttributeType, inferred from the field where the file is too old to say */
    int64_t i;
    float f;
    const char *s;
    const struct dli_onnx_tensor *t;
    size_t n_ints, n_floats;
    const int64_t *ints;
    const float *floats;
};

struct dli_onnx_node {
    const char *name, *op, *domain;
    int32_t n_in, n_out, n_attrs;
    const char **in, **out; /* "": left out */
    struct dli_onnx_attr *attrs;
};

/* ValueInfoProto of a tensor. */
struct dli_onnx_value_info {
    const char *name;
    int32_t type;               /* TensorProto.DataType, 0: not said */
    int32_t rank;               /* -1: not said */
    int64_t dim[DLI_ONNX_RANK]; /* -1: not known */
};

struct dli_onnx_model {
    int64_t ir_version;
    int64_t opset; /* of the domain "" */
    const char *producer;
    int32_t n_nodes, n_tensors, n_inputs, n_outputs;
    struct dli_onnx_node *nodes;
    struct dli_onnx_tensor *tensors; /* initialisers */
    struct dli_onnx_value_info *inputs, *outputs;
};

/* Everything lies in the arena and in bytes. Memory is a fixed multiple of the size. */
dl4c_status dli_onnx_parse(struct dli_onnx_arena *a, const uint8_t *bytes, size_t size, struct dli_onnx_model *m, struct dl4c_error *err);
dl4c_status dli_onnx_parse_tensor(struct dli_onnx_arena *a, const uint8_t *bytes, size_t size, struct dli_onnx_tensor *t,
                                  struct dl4c_error *err);

/* DL4C_OK where there are as many bytes or values as the shape wants. */
dl4c_status dli_onnx_tensor_check(const struct dli_onnx_tensor *t, struct dl4c_error *err);

/* Bytes of an element in raw_data, 0 for types that are not read; "FLOAT16" for messages. */
size_t dli_onnx_type_size(int32_t type);
const char *dli_onnx_type_name(int32_t type);

/* Walks a tensor's elements into float or int64: whatever the file's type is. out: [count]. f16, bf16 and f64 become f32 (round to
 * nearest); integers of every width become int64, bool 0 or 1. */
dl4c_status dli_onnx_tensor_floats(const struct dli_onnx_tensor *t, float *out, struct dl4c_error *err);
dl4c_status dli_onnx_tensor_ints(const struct dli_onnx_tensor *t, int64_t *out, struct dl4c_error *err);
/* Where the elements lie as contiguous little-endian f32 in the file, else NULL. */
const uint8_t *dli_onnx_tensor_view(const struct dli_onnx_tensor *t);
bool dli_onnx_type_is_float(int32_t type); /* FLOAT, FLOAT16, BFLOAT16, DOUBLE */

#endif
