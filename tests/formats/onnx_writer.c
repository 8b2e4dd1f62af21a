/* SPDX-License-Identifier: Apache-2.0 */
/* Field numbers are those of onnx.proto; see onnx_writer.h. */
#include "formats/onnx_writer.h"

#include <stdlib.h>
#include <string.h>

static void put(struct ow *o, const void *bytes, size_t size)
{
    if (size > sizeof o->bytes - o->size)
        abort();
    if (size > 0)
        memcpy(o->bytes + o->size, bytes, size);
    o->size += size;
}

static void varint(struct ow *o, uint64_t v)
{
    unsigned char b;
    do {
        b = (unsigned char)((v & 127) | (v > 127 ? 128 : 0));
        put(o, &b, 1);
    } while (v >>= 7);
}

void ow_number(struct ow *o, int field, uint64_t v)
{
    varint(o, (uint64_t)field << 3);
    varint(o, v);
}

void ow_bytes(struct ow *o, int field, const void *bytes, size_t size)
{
    varint(o, (uint64_t)field << 3 | 2);
    varint(o, size);
    put(o, bytes, size);
}

void ow_text(struct ow *o, int field, const char *text) { ow_bytes(o, field, text, strlen(text)); }

static struct ow *fresh(void)
{
    struct ow *o = malloc(sizeof *o);
    if (!o)
        abort();
    o->size = 0;
    return o;
}

static void finish(struct ow *into, int field, struct ow *o)
{
    ow_bytes(into, field, o->bytes, o->size);
    free(o);
}

static struct ow *attr(const char *name, int type)
{
    struct ow *a = fresh();
    ow_text(a, 1, name);
    ow_number(a, 20, (uint64_t)type);
    return a;
}

void ow_attr_i(struct ow *attrs, const char *name, int64_t v)
{
    struct ow *a = attr(name, 2);
    ow_number(a, 3, (uint64_t)v);
    finish(attrs, 5, a);
}

void ow_attr_f(struct ow *attrs, const char *name, float v)
{
    struct ow *a = attr(name, 1);
    varint(a, 2 << 3 | 5);
    put(a, &v, sizeof v);
    finish(attrs, 5, a);
}

void ow_attr_s(struct ow *attrs, const char *name, const char *v)
{
    struct ow *a = attr(name, 3);
    ow_text(a, 4, v);
    finish(attrs, 5, a);
}

void ow_attr_ints(struct ow *attrs, const char *name, int n, const int64_t *v)
{
    struct ow *a = attr(name, 7);
    for (int k = 0; k < n; k++)
        ow_number(a, 8, (uint64_t)v[k]);
    finish(attrs, 5, a);
}

void ow_attr_floats(struct ow *attrs, const char *name, int n, const float *v)
{
    struct ow *a = attr(name, 6);
    for (int k = 0; k < n; k++) {
        varint(a, 7 << 3 | 5);
        put(a, &v[k], sizeof v[k]);
    }
    finish(attrs, 5, a);
}

static void tensor(struct ow *into, int field, const char *name, int type, int rank, const int64_t *dim, const void *raw, size_t size)
{
    struct ow *t = fresh();
    for (int k = 0; k < rank; k++)
        ow_number(t, 1, (uint64_t)dim[k]);
    ow_number(t, 2, (uint64_t)type);
    ow_text(t, 8, name);
    ow_bytes(t, 9, raw, size);
    finish(into, field, t);
}

void ow_attr_tensor(struct ow *attrs, const char *name, int type, int rank, const int64_t *dim, const void *raw, size_t size)
{
    struct ow *a = attr(name, 4);
    tensor(a, 5, "", type, rank, dim, raw, size);
    finish(attrs, 5, a);
}

void ow_node(struct ow *graph, const char *op, const char *name, const char *inputs, const char *output, const struct ow *attrs)
{
    struct ow *n = fresh();
    for (const char *at = inputs; *at;) {
        const size_t length = strcspn(at, " ");
        ow_bytes(n, 1, at, length == 1 && *at == '-' ? 0 : length);
        at += length + (at[length] == ' ');
    }
    ow_text(n, 2, output);
    if (name)
        ow_text(n, 3, name);
    ow_text(n, 4, op);
    if (attrs)
        put(n, attrs->bytes, attrs->size);
    finish(graph, 1, n);
}

void ow_tensor(struct ow *graph, const char *name, int type, int rank, const int64_t *dim, const void *raw, size_t size)
{
    tensor(graph, 5, name, type, rank, dim, raw, size);
}

void ow_floats(struct ow *graph, const char *name, int rank, const int64_t *dim, const float *values)
{
    size_t n = 1;
    for (int k = 0; k < rank; k++)
        n *= (size_t)dim[k];
    ow_tensor(graph, name, OW_FLOAT, rank, dim, values, n * sizeof *values);
}

void ow_ints(struct ow *graph, const char *name, int n, const int64_t *values)
{
    const int64_t dim = n;
    ow_tensor(graph, name, OW_INT64, 1, &dim, values, (size_t)n * sizeof *values);
}

static void value_info(struct ow *graph, int field, const char *name, int rank, const int64_t *dim)
{
    struct ow *v = fresh(), *type = fresh(), *t = fresh(), *shape = fresh();
    for (int k = 0; k < rank; k++) {
        struct ow *d = fresh();
        if (dim[k] < 0)
            ow_text(d, 2, "N");
        else
            ow_number(d, 1, (uint64_t)dim[k]);
        finish(shape, 1, d);
    }
    ow_number(t, 1, OW_FLOAT);
    if (rank > 0)
        finish(t, 2, shape);
    else
        free(shape);
    finish(type, 1, t);
    ow_text(v, 1, name);
    finish(v, 2, type);
    finish(graph, field, v);
}

void ow_input(struct ow *graph, const char *name, int rank, const int64_t *dim) { value_info(graph, 11, name, rank, dim); }

void ow_output(struct ow *graph, const char *name) { value_info(graph, 12, name, 0, NULL); }

void ow_model(struct ow *model, int64_t opset, const struct ow *graph)
{
    struct ow *set = fresh();
    model->size = 0;
    ow_number(model, 1, 7);
    ow_text(model, 2, "hand");
    ow_bytes(model, 7, graph->bytes, graph->size);
    ow_number(set, 2, (uint64_t)opset);
    finish(model, 8, set);
}
