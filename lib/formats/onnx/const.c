/* SPDX-License-Identifier: Apache-2.0 */
/* Constants: initialisers where they lie in the file, and what folding makes of them. */
#include "formats/onnx/import.h"

#include "onnx.pb.h"

#include <string.h>

/* Parameters that the file describes and does not hold (ConstantOfShape, transposed weights) may take as much as a protobuf file can be
 * long; folded arrays, 16 times the file's own elements. */
static const int64_t most_expanded = INT64_C(1) << 31;

struct dli_onnx_spare {
    struct dli_onnx_spare *next;
    struct dli_blob *blob;
    bool fill; /* `value` everywhere */
    float value;
};

void dli_onnx_spares_free(struct dli_onnx_import *im)
{
    for (struct dli_onnx_spare *s = im->spares; s; s = s->next)
        dli_blob_unref(s->blob);
    im->spares = NULL;
}

dl4c_status dli_onnx_const_of(struct dli_onnx_import *im, const struct dli_onnx_tensor *t, struct dli_onnx_const **c,
                              struct dl4c_error *err)
{
    *c = dli_onnx_new(&im->arena, 1, sizeof **c, err);
    if (!*c)
        return dli_alloc_status();
    (*c)->type = t->type;
    (*c)->rank = t->rank;
    memcpy((*c)->dim, t->dim, sizeof t->dim);
    (*c)->count = t->count;
    (*c)->file = t;
    return DL4C_OK;
}

static dl4c_status spend(struct dli_onnx_import *im, int64_t count, struct dl4c_error *err)
{
    if (count > im->budget)
        return dli_fail(err, DL4C_E_LIMIT, "onnx",
                        "constants of this graph would fold to %" PRId64 " elements more, beyond 16 times the file's", count);
    im->budget -= count;
    return DL4C_OK;
}

static dl4c_status shape_of_const(struct dli_onnx_import *im, int32_t type, int32_t rank, const int64_t *dim, struct dli_onnx_const **c,
                                  struct dl4c_error *err)
{
    if (rank > DLI_ONNX_RANK)
        return dli_fail(err, DL4C_E_UNSUPPORTED, "onnx", "a constant would get %" PRId32 " axes, at most %d are read", rank, DLI_ONNX_RANK);
    *c = dli_onnx_new(&im->arena, 1, sizeof **c, err);
    if (!*c)
        return dli_alloc_status();
    (*c)->type = type;
    (*c)->rank = rank;
    (*c)->count = 1;
    int64_t apart = 1; /* the product without lengths of 0: strides are computed from it */
    for (int32_t k = 0; k < rank; k++) {
        (*c)->dim[k] = dim[k];
        (*c)->count *= dim[k] == 0 ? 0 : 1;
        if (dim[k] < 0 || !dli_mul_i64(apart, dim[k] == 0 ? 1 : dim[k], &apart) || apart > INT64_MAX / 16)
            return dli_fail(err, DL4C_E_INVALID, "onnx", "axis %" PRId32 " of a constant would have length %" PRId64, k, dim[k]);
    }
    (*c)->count *= apart;
    return DL4C_OK;
}

dl4c_status dli_onnx_const_new(struct dli_onnx_import *im, int32_t type, int32_t rank, const int64_t *dim, struct dli_onnx_const **c,
                               float **f, int64_t **i, struct dl4c_error *err)
{
    *f = NULL;
    *i = NULL;
    DLI_TRY(shape_of_const(im, type, rank, dim, c, err));
    DLI_TRY(spend(im, (*c)->count, err));
    if (dli_onnx_type_is_float(type))
        (*c)->f = *f = dli_onnx_new(&im->arena, (size_t)(*c)->count, sizeof **f, err);
    else
        (*c)->i = *i = dli_onnx_new(&im->arena, (size_t)(*c)->count, sizeof **i, err);
    return *f || *i ? DL4C_OK : dli_alloc_status();
}

dl4c_status dli_onnx_const_splat(struct dli_onnx_import *im, int32_t type, int32_t rank, const int64_t *dim, float f, int64_t i,
                                 struct dli_onnx_const **c, struct dl4c_error *err)
{
    DLI_TRY(shape_of_const(im, type, rank, dim, c, err));
    (*c)->splat = true;
    if (dli_onnx_type_is_float(type)) {
        float *one = dli_onnx_new(&im->arena, 1, sizeof *one, err);
        if (!one)
            return dli_alloc_status();
        *one = f;
        (*c)->f = one;
    } else {
        int64_t *one = dli_onnx_new(&im->arena, 1, sizeof *one, err);
        if (!one)
            return dli_alloc_status();
        *one = i;
        (*c)->i = one;
    }
    return DL4C_OK;
}

/* The same elements under another shape of as many. */
dl4c_status dli_onnx_const_reshape(struct dli_onnx_import *im, const struct dli_onnx_const *c, int32_t rank, const int64_t *dim,
                                   struct dli_onnx_const **out, struct dl4c_error *err)
{
    DLI_TRY(shape_of_const(im, c->type, rank, dim, out, err));
    if ((*out)->count != c->count)
        return dli_fail(err, DL4C_E_INVALID, "onnx", "a constant of %" PRId64 " elements is to be reshaped to %" PRId64, c->count,
                        (*out)->count);
    const struct dli_onnx_const shape = **out;
    **out = *c;
    (*out)->rank = rank;
    memcpy((*out)->dim, shape.dim, sizeof shape.dim);
    return DL4C_OK;
}

dl4c_status dli_onnx_const_floats(struct dli_onnx_import *im, struct dli_onnx_const *c, const float **f, struct dl4c_error *err)
{
    if (!dli_onnx_type_is_float(c->type))
        return dli_fail(err, DL4C_E_UNSUPPORTED, "onnx", "a constant%s%.200s%s is of %s, wanted floating point", c->file ? " '" : "",
                        c->file ? c->file->name : "", c->file ? "'" : "", dli_onnx_type_name(c->type));
    if (c->splat || !c->f) {
        DLI_TRY(spend(im, c->count, err));
        float *all = dli_onnx_new(&im->arena, (size_t)c->count, sizeof *all, err);
        if (!all)
            return dli_alloc_status();
        if (c->splat)
            for (int64_t k = 0; k < c->count; k++)
                all[k] = *c->f;
        else
            DLI_TRY(dli_onnx_tensor_floats(c->file, all, err));
        c->f = all;
        c->splat = false;
    }
    *f = c->f;
    return DL4C_OK;
}

dl4c_status dli_onnx_const_ints(struct dli_onnx_import *im, struct dli_onnx_const *c, const int64_t **i, struct dl4c_error *err)
{
    if (dli_onnx_type_is_float(c->type) || dli_onnx_type_size(c->type) == 0)
        return dli_fail(err, DL4C_E_UNSUPPORTED, "onnx", "a constant%s%.200s%s is of %s, wanted integers", c->file ? " '" : "",
                        c->file ? c->file->name : "", c->file ? "'" : "", dli_onnx_type_name(c->type));
    if (c->splat || !c->i) {
        DLI_TRY(spend(im, c->count, err));
        int64_t *all = dli_onnx_new(&im->arena, (size_t)c->count, sizeof *all, err);
        if (!all)
            return dli_alloc_status();
        if (c->splat)
            for (int64_t k = 0; k < c->count; k++)
                all[k] = *c->i;
        else
            DLI_TRY(dli_onnx_tensor_ints(c->file, all, err));
        c->i = all;
        c->splat = false;
    }
    *i = c->i;
    return DL4C_OK;
}

bool dli_onnx_const_scalar(struct dli_onnx_import *im, struct dli_onnx_const *c, double *v)
{
    const float *f;
    const int64_t *i;
    if (c->count != 1)
        return false;
    if (dli_onnx_type_is_float(c->type)) {
        if (dli_onnx_const_floats(im, c, &f, NULL) != DL4C_OK)
            return false;
        *v = (double)*f;
        return true;
    }
    if (dli_onnx_const_ints(im, c, &i, NULL) != DL4C_OK)
        return false;
    *v = (double)*i;
    return true;
}

static dl4c_status spare(struct dli_onnx_import *im, int64_t count, struct dli_onnx_spare **s, struct dl4c_error *err)
{
    if (count > (most_expanded - im->expanded) / (int64_t)sizeof(float))
        return dli_fail(err, DL4C_E_LIMIT, "onnx",
                        "parameters that are not stored as they are used would take more than %" PRId64 " bytes (%" PRId64
                        " elements more)",
                        most_expanded, count);
    *s = dli_onnx_new(&im->arena, 1, sizeof **s, err);
    if (!*s)
        return dli_alloc_status();
    DLI_TRY(dli_blob_create(im->ctx, (size_t)count * sizeof(float), &(*s)->blob, err));
    im->expanded += count * (int64_t)sizeof(float);
    (*s)->next = im->spares;
    im->spares = *s;
    return DL4C_OK;
}

dl4c_status dli_onnx_fill_param(struct dli_onnx_import *im, float value, int64_t count, struct dli_param *p, struct dl4c_error *err)
{
    struct dli_onnx_spare *s = im->spares;
    while (s && !(s->fill && memcmp(&s->value, &value, sizeof value) == 0 && s->blob->bytes / sizeof(float) >= (size_t)count))
        s = s->next;
    if (!s) {
        DLI_TRY(spare(im, count, &s, err));
        s->fill = true;
        s->value = value;
        float *to = s->blob->data;
        for (int64_t k = 0; k < count; k++)
            to[k] = value;
    }
    *p = (struct dli_param){ .blob = s->blob, .count = count };
    return DL4C_OK;
}

/* dst[c * rows + r] = scale * src[r * columns + c], in tiles that stay in the cache. */
static void transpose(float *dst, const char *src, int64_t rows, int64_t columns, float scale)
{
    enum { TILE = 32 };
    for (int64_t r0 = 0; r0 < rows; r0 += TILE)
        for (int64_t c0 = 0; c0 < columns; c0 += TILE)
            for (int64_t c = c0; c < columns && c < c0 + TILE; c++)
                for (int64_t r = r0; r < rows && r < r0 + TILE; r++) {
                    float v;
                    memcpy(&v, src + (size_t)(r * columns + c) * sizeof v, sizeof v);
                    dst[c * rows + r] = scale * v;
                }
}

dl4c_status dli_onnx_const_param(struct dli_onnx_import *im, struct dli_onnx_const *c, int64_t rows, float scale, struct dli_param *p,
                                 struct dl4c_error *err)
{
    if (c->splat && c->f)
        return dli_onnx_fill_param(im, *c->f * scale, c->count, p, err);
    const char *at = (const char *)c->f;
    if (!at && c->file)
        at = (const char *)dli_onnx_tensor_view(c->file);
    if (at && !c->f && rows == 0 && scale == 1) {
        struct dli_blob *blob = dli_onnx_blob_of(im, (const uint8_t *)at);
        *p = (struct dli_param){ .blob = blob, .offset = (size_t)(at - (const char *)blob->data), .count = c->count };
        return DL4C_OK;
    }
    if (!at) {
        const float *decoded;
        DLI_TRY(dli_onnx_const_floats(im, c, &decoded, err));
        at = (const char *)decoded;
    }
    struct dli_onnx_spare *s;
    DLI_TRY(spare(im, c->count, &s, err));
    transpose(s->blob->data, at, rows > 0 ? rows : 1, rows > 0 ? c->count / rows : c->count, scale);
    *p = (struct dli_param){ .blob = s->blob, .count = c->count };
    return DL4C_OK;
}
