/* SPDX-License-Identifier: Apache-2.0 */
/* Tables of one load: what each tensor name stands for, and which vertex names are taken. */
#include "formats/onnx/import.h"

#include <stdio.h>
#include <string.h>

struct dli_onnx_name {
    struct dli_onnx_name *next;
    const char *text;
    int32_t last; /* the number that made the latest duplicate unique */
};

static size_t slot(const struct dli_onnx_import *im, const char *name)
{
    uint64_t h = 1469598103934665603u; /* FNV-1a */
    for (const char *c = name; *c; c++)
        h = (h ^ (uint8_t)*c) * 1099511628211u;
    return (size_t)(h ^ h >> 32) & (im->n_slots - 1);
}

dl4c_status dli_onnx_tables(struct dli_onnx_import *im, struct dl4c_error *err)
{
    size_t names = (size_t)im->model.n_tensors + (size_t)im->model.n_inputs;
    for (int32_t i = 0; i < im->model.n_nodes; i++)
        names += (size_t)im->model.nodes[i].n_out + (size_t)im->model.nodes[i].n_in;
    im->n_slots = 64;
    while (im->n_slots < names)
        im->n_slots *= 2;
    im->values = dli_onnx_new(&im->arena, im->n_slots, sizeof *im->values, err);
    im->names = dli_onnx_new(&im->arena, im->n_slots, sizeof *im->names, err);
    return im->values && im->names ? DL4C_OK : dli_alloc_status();
}

struct dli_onnx_value *dli_onnx_find(const struct dli_onnx_import *im, const char *name)
{
    struct dli_onnx_value *v = im->values[slot(im, name)];
    while (v && strcmp(v->name, name) != 0)
        v = v->next;
    return v;
}

dl4c_status dli_onnx_enter(struct dli_onnx_import *im, const char *name, struct dli_onnx_value **v, struct dl4c_error *err)
{
    *v = dli_onnx_find(im, name);
    if (*v)
        return DL4C_OK;
    *v = dli_onnx_new(&im->arena, 1, sizeof **v, err);
    if (!*v)
        return dli_alloc_status();
    const size_t s = slot(im, name);
    (*v)->name = name;
    (*v)->node = -1;
    (*v)->next = im->values[s];
    im->values[s] = *v;
    return DL4C_OK;
}

static struct dli_onnx_name *taken(const struct dli_onnx_import *im, const char *text)
{
    struct dli_onnx_name *n = im->names[slot(im, text)];
    while (n && strcmp(n->text, text) != 0)
        n = n->next;
    return n;
}

dl4c_status dli_onnx_claim(struct dli_onnx_import *im, const char *wanted, const char **got, struct dl4c_error *err)
{
    struct dli_onnx_name *first = taken(im, wanted);
    if (first) {
        const size_t room = strlen(wanted) + 16;
        char *text = dli_onnx_new(&im->arena, room, 1, err);
        if (!text)
            return dli_alloc_status();
        do
            snprintf(text, room, "%s_%" PRId32, wanted, ++first->last);
        while (taken(im, text));
        wanted = text;
    }
    struct dli_onnx_name *n = dli_onnx_new(&im->arena, 1, sizeof *n, err);
    if (!n)
        return dli_alloc_status();
    const size_t s = slot(im, wanted);
    n->text = wanted;
    n->next = im->names[s];
    im->names[s] = n;
    *got = wanted;
    return DL4C_OK;
}

int64_t dli_onnx_dim(const struct dli_onnx_value *v, int32_t axis)
{
    if (v->c)
        return v->c->dim[axis];
    if (axis == 0)
        return DLI_ONNX_BATCH;
    const int64_t n = v->shape.dim[dli_onnx_shape_axis(v, axis)];
    return n < 0 ? DLI_ONNX_UNKNOWN : n;
}

int32_t dli_onnx_shape_axis(const struct dli_onnx_value *v, int32_t axis) { return v->nhwc ? axis % 3 : axis - 1; }

dl4c_status dli_onnx_axis(int64_t axis, int32_t rank, int32_t *out, struct dl4c_error *err)
{
    if (axis < -rank || axis >= rank)
        return dli_fail(err, DL4C_E_INVALID, "onnx", "axis %" PRId64 " of a tensor of %" PRId32 " axes", axis, rank);
    *out = (int32_t)(axis < 0 ? axis + rank : axis);
    return DL4C_OK;
}
