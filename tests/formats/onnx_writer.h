/* SPDX-License-Identifier: Apache-2.0 */
/* Small ONNX files written by hand, so that tests need neither Python nor recorded files. */
#ifndef TESTS_FORMATS_ONNX_WRITER_H
#define TESTS_FORMATS_ONNX_WRITER_H

#include <stddef.h>
#include <stdint.h>

enum { OW_FLOAT = 1, OW_INT32 = 6, OW_INT64 = 7, OW_FLOAT16 = 10, OW_DOUBLE = 11, OW_BFLOAT16 = 16 };

struct ow {
    unsigned char bytes[1 << 16];
    size_t size;
};

void ow_number(struct ow *o, int field, uint64_t v);
void ow_bytes(struct ow *o, int field, const void *bytes, size_t size);
void ow_text(struct ow *o, int field, const char *text);

/* Attributes, gathered in a buffer of their own before the node. */
void ow_attr_i(struct ow *attrs, const char *name, int64_t v);
void ow_attr_f(struct ow *attrs, const char *name, float v);
void ow_attr_s(struct ow *attrs, const char *name, const char *v);
void ow_attr_ints(struct ow *attrs, const char *name, int n, const int64_t *v);
void ow_attr_floats(struct ow *attrs, const char *name, int n, const float *v);
void ow_attr_tensor(struct ow *attrs, const char *name, int type, int rank, const int64_t *dim, const void *raw, size_t size);

/* Parts of a graph. inputs: names with spaces between, "-" for one that is left out; attrs may be NULL. */
void ow_node(struct ow *graph, const char *op, const char *name, const char *inputs, const char *output, const struct ow *attrs);
void ow_tensor(struct ow *graph, const char *name, int type, int rank, const int64_t *dim, const void *raw, size_t size);
void ow_floats(struct ow *graph, const char *name, int rank, const int64_t *dim, const float *values);
void ow_ints(struct ow *graph, const char *name, int n, const int64_t *values);  /* rank 1 */
void ow_input(struct ow *graph, const char *name, int rank, const int64_t *dim); /* -1: a length with a name */
void ow_output(struct ow *graph, const char *name);

void ow_model(struct ow *model, int64_t opset, const struct ow *graph);

#endif
