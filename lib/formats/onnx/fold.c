/* SPDX-License-Identifier: Apache-2.0 */
/* Folding of what moves elements or describes shapes. */
#include "formats/onnx/fold.h"

#include "onnx.pb.h"
#include "tensor/convert.h"

#include <math.h>
#include <string.h>

/* The bytes of a constant's elements, float or int64. */
static dl4c_status bytes_of(struct dli_onnx_import *im, struct dli_onnx_const *c, const char **bytes, size_t *unit, struct dl4c_error *err)
{
    const float *f;
    const int64_t *i;
    if (dli_onnx_type_is_float(c->type)) {
        DLI_TRY(dli_onnx_const_floats(im, c, &f, err));
        *bytes = (const char *)f;
        *unit = sizeof *f;
    } else {
        DLI_TRY(dli_onnx_const_ints(im, c, &i, err));
        *bytes = (const char *)i;
        *unit = sizeof *i;
    }
    return DL4C_OK;
}

static dl4c_status new_bytes(struct dli_onnx_import *im, int32_t type, int32_t rank, const int64_t *dim, struct dli_onnx_const **c,
                             char **bytes, struct dl4c_error *err)
{
    float *f;
    int64_t *i;
    DLI_TRY(dli_onnx_const_new(im, type, rank, dim, c, &f, &i, err));
    *bytes = f ? (char *)f : (char *)i;
    return DL4C_OK;
}

dl4c_status dli_onnx_fold_constant(struct dli_onnx_import *im, const struct dli_onnx_node *node, struct dl4c_error *err)
{
    struct dli_onnx_const *c;
    float *f;
    int64_t *i;
    if (node->n_attrs != 1)
        return dli_fail(err, DL4C_E_UNSUPPORTED, "onnx", "a Constant has %" PRId32 " attributes, wanted its value", node->n_attrs);
    const struct dli_onnx_attr *a = &node->attrs[0];
    const int64_t n = (int64_t)(strcmp(a->name, "value_floats") == 0 ? a->n_floats : a->n_ints);
    if (strcmp(a->name, "value") == 0) {
        DLI_TRY(dli_onnx_const_of(im, a->t, &c, err));
    } else if (strcmp(a->name, "value_int") == 0) {
        DLI_TRY(dli_onnx_const_new(im, onnx_TensorProto_DataType_INT64, 0, NULL, &c, &f, &i, err));
        *i = a->i;
    } else if (strcmp(a->name, "value_float") == 0) {
        DLI_TRY(dli_onnx_const_new(im, onnx_TensorProto_DataType_FLOAT, 0, NULL, &c, &f, &i, err));
        *f = a->f;
    } else if (strcmp(a->name, "value_ints") == 0) {
        DLI_TRY(dli_onnx_const_new(im, onnx_TensorProto_DataType_INT64, 1, &n, &c, &f, &i, err));
        if (n > 0)
            memcpy(i, a->ints, (size_t)n * sizeof *i);
    } else {
        DLI_TRY(dli_onnx_const_new(im, onnx_TensorProto_DataType_FLOAT, 1, &n, &c, &f, &i, err));
        if (n > 0)
            memcpy(f, a->floats, (size_t)n * sizeof *f);
    }
    return dli_onnx_bind_const(im, node, c, err);
}

dl4c_status dli_onnx_fold_constant_of_shape(struct dli_onnx_import *im, const struct dli_onnx_node *node, struct dl4c_error *err)
{
    struct dli_onnx_const *shape, *c, *value = NULL;
    const struct dli_onnx_attr *a = dli_onnx_attr(node, "value");
    const int64_t *dim, *i = NULL;
    const float *f = NULL;
    DLI_TRY(dli_onnx_want_const(im, node, 0, &shape, err));
    DLI_TRY(dli_onnx_const_ints(im, shape, &dim, err));
    if (shape->count > DLI_ONNX_RANK)
        return dli_fail(err, DL4C_E_UNSUPPORTED, "onnx", "a shape of %" PRId64 " axes, at most %d are read", shape->count, DLI_ONNX_RANK);
    if (a) {
        DLI_TRY(dli_onnx_const_of(im, a->t, &value, err));
        if (value->count != 1)
            return dli_fail(err, DL4C_E_INVALID, "onnx", "its value has %" PRId64 " elements, wanted one", value->count);
        if (dli_onnx_type_is_float(value->type))
            DLI_TRY(dli_onnx_const_floats(im, value, &f, err));
        else
            DLI_TRY(dli_onnx_const_ints(im, value, &i, err));
    }
    DLI_TRY(dli_onnx_const_splat(im, value ? value->type : onnx_TensorProto_DataType_FLOAT, (int32_t)shape->count, dim, f ? *f : 0,
                                 i ? *i : 0, &c, err));
    return dli_onnx_bind_const(im, node, c, err);
}

dl4c_status dli_onnx_fold_shape(struct dli_onnx_import *im, const struct dli_onnx_node *node, struct dl4c_error *err)
{
    const struct dli_onnx_value *v = dli_onnx_in(im, node, 0);
    struct dli_onnx_const *c;
    float *f;
    int64_t *i;
    if (!v)
        return dli_fail(err, DL4C_E_INVALID, "onnx", "input 0 is missing");
    const int32_t rank = dli_onnx_rank(v);
    int64_t start = dli_onnx_attr_i(node, "start", 0), end = dli_onnx_attr_i(node, "end", rank);
    start = start < 0 ? start + rank : start;
    end = end < 0 ? end + rank : end;
    start = start < 0 ? 0 : start > rank ? rank : start;
    end = end < start ? start : end > rank ? rank : end;
    const int64_t n = end - start;
    DLI_TRY(dli_onnx_const_new(im, onnx_TensorProto_DataType_INT64, 1, &n, &c, &f, &i, err));
    for (int64_t k = 0; k < n; k++)
        i[k] = dli_onnx_dim(v, (int32_t)(start + k));
    return dli_onnx_bind_const(im, node, c, err);
}

dl4c_status dli_onnx_fold_size(struct dli_onnx_import *im, const struct dli_onnx_node *node, struct dl4c_error *err)
{
    const struct dli_onnx_value *v = dli_onnx_in(im, node, 0);
    struct dli_onnx_const *c;
    float *f;
    int64_t *i;
    DLI_TRY(dli_onnx_const_new(im, onnx_TensorProto_DataType_INT64, 0, NULL, &c, &f, &i, err));
    *i = v && v->c ? v->c->count : DLI_ONNX_UNKNOWN;
    return dli_onnx_bind_const(im, node, c, err);
}

dl4c_status dli_onnx_fold_identity(struct dli_onnx_import *im, const struct dli_onnx_node *node, struct dl4c_error *err)
{
    struct dli_onnx_const *c;
    DLI_TRY(dli_onnx_want_const(im, node, 0, &c, err));
    return dli_onnx_bind_const(im, node, c, err);
}

static int64_t narrow(int32_t type, int64_t v)
{
    if (v == DLI_ONNX_BATCH || v == DLI_ONNX_UNKNOWN)
        return v;
    switch (type) {
    case onnx_TensorProto_DataType_INT32: return (int32_t)v;
    case onnx_TensorProto_DataType_UINT32: return (uint32_t)v;
    case onnx_TensorProto_DataType_INT16: return (int16_t)v;
    case onnx_TensorProto_DataType_UINT16: return (uint16_t)v;
    case onnx_TensorProto_DataType_INT8: return (int8_t)v;
    case onnx_TensorProto_DataType_UINT8: return (uint8_t)v;
    case onnx_TensorProto_DataType_BOOL: return v != 0;
    default: return v;
    }
}

/* Kept as a float, rounded to what the type can say. */
static float rounded(int32_t type, double v)
{
    switch (type) {
    case onnx_TensorProto_DataType_FLOAT16: return (float)dli_f16_to_f64(dli_f64_to_f16(v));
    case onnx_TensorProto_DataType_BFLOAT16: return dli_bf16_to_f32(dli_f64_to_bf16(v));
    default: return (float)v;
    }
}

dl4c_status dli_onnx_fold_cast(struct dli_onnx_import *im, const struct dli_onnx_node *node, struct dl4c_error *err)
{
    struct dli_onnx_const *c, *out;
    const int64_t to = dli_onnx_attr_i(node, "to", 0), *i;
    const float *f;
    float *to_f;
    int64_t *to_i;
    DLI_TRY(dli_onnx_want_const(im, node, 0, &c, err));
    if (to < 0 || to > INT32_MAX || dli_onnx_type_size((int32_t)to) == 0)
        return dli_fail(err, DL4C_E_UNSUPPORTED, "onnx", "a cast to data type %" PRId64, to);
    const bool from_float = dli_onnx_type_is_float(c->type), to_float = dli_onnx_type_is_float((int32_t)to);
    if (c->type == to || (from_float && to == onnx_TensorProto_DataType_FLOAT)) {
        DLI_TRY(dli_onnx_const_reshape(im, c, c->rank, c->dim, &out, err));
        return dli_onnx_bind_const(im, node, out, err);
    }
    DLI_TRY(dli_onnx_const_new(im, (int32_t)to, c->rank, c->dim, &out, &to_f, &to_i, err));
    if (from_float) {
        DLI_TRY(dli_onnx_const_floats(im, c, &f, err));
        for (int64_t k = 0; k < c->count; k++) {
            if (to_float)
                to_f[k] = rounded((int32_t)to, (double)f[k]);
            else if (isnan(f[k]))
                to_i[k] = DLI_ONNX_UNKNOWN;
            else
                to_i[k] = narrow((int32_t)to, f[k] >= 9.2e18f ? INT64_MAX : f[k] <= -9.2e18f ? -INT64_MAX : (int64_t)f[k]);
        }
    } else {
        DLI_TRY(dli_onnx_const_ints(im, c, &i, err));
        for (int64_t k = 0; k < c->count; k++) {
            if (to_float)
                to_f[k] = i[k] == DLI_ONNX_BATCH || i[k] == DLI_ONNX_UNKNOWN ? (float)NAN : rounded((int32_t)to, (double)i[k]);
            else
                to_i[k] = narrow((int32_t)to, i[k]);
        }
    }
    return dli_onnx_bind_const(im, node, out, err);
}

dl4c_status dli_onnx_fold_gather(struct dli_onnx_import *im, const struct dli_onnx_node *node, struct dl4c_error *err)
{
    struct dli_onnx_const *c, *index, *out;
    const char *from;
    char *to;
    const int64_t *i;
    size_t unit;
    int32_t axis, rank = 0;
    int64_t dim[2 * DLI_ONNX_RANK], outer = 1, inner = 1;
    DLI_TRY(dli_onnx_want_const(im, node, 0, &c, err));
    DLI_TRY(dli_onnx_want_const(im, node, 1, &index, err));
    DLI_TRY(dli_onnx_axis(dli_onnx_attr_i(node, "axis", 0), c->rank, &axis, err));
    DLI_TRY(bytes_of(im, c, &from, &unit, err));
    DLI_TRY(dli_onnx_const_ints(im, index, &i, err));
    for (int32_t k = 0; k < axis; k++)
        outer *= dim[rank++] = c->dim[k];
    for (int32_t k = 0; k < index->rank; k++)
        dim[rank++] = index->dim[k];
    for (int32_t k = axis + 1; k < c->rank; k++)
        inner *= dim[rank++] = c->dim[k];
    DLI_TRY(new_bytes(im, c->type, rank, dim, &out, &to, err));
    for (int64_t o = 0; o < outer; o++)
        for (int64_t k = 0; k < index->count; k++) {
            const int64_t at = i[k] < 0 ? i[k] + c->dim[axis] : i[k];
            if (at < 0 || at >= c->dim[axis])
                return dli_fail(err, DL4C_E_INVALID, "onnx", "index %" PRId64 " of %" PRId64, i[k], c->dim[axis]);
            memcpy(to + (size_t)((o * index->count + k) * inner) * unit, from + (size_t)((o * c->dim[axis] + at) * inner) * unit,
                   (size_t)inner * unit);
        }
    return dli_onnx_bind_const(im, node, out, err);
}

/* to[...] = from[first + sum of index * stride], in the order of dim. */
static void copy_strided(char *to, const char *from, size_t unit, int32_t rank, const int64_t *dim, int64_t first, const int64_t *stride)
{
    int64_t index[DLI_ONNX_RANK] = { 0 }, at = first, count = 1;
    for (int32_t k = 0; k < rank; k++)
        count *= dim[k];
    for (int64_t n = 0; n < count; n++) {
        memcpy(to + (size_t)n * unit, from + (size_t)at * unit, unit);
        for (int32_t k = rank; k-- > 0;) {
            at += stride[k];
            if (++index[k] < dim[k])
                break;
            at -= stride[k] * dim[k];
            index[k] = 0;
        }
    }
}

static void strides_of(const struct dli_onnx_const *c, int64_t *stride)
{
    int64_t n = 1;
    for (int32_t k = c->rank; k-- > 0;) {
        stride[k] = n;
        n *= c->dim[k];
    }
}

dl4c_status dli_onnx_slice_ranges(struct dli_onnx_import *im, const struct dli_onnx_node *node, int32_t rank, const int64_t *dim,
                                  struct dli_onnx_range *ranges, struct dl4c_error *err)
{
    const int64_t *start, *end, *axes, *step;
    int64_t n, n_end, n_axes, n_step;
    bool seen[DLI_ONNX_RANK] = { false };
    DLI_TRY(dli_onnx_want_ints(im, node, "starts", 1, &start, &n, err));
    DLI_TRY(dli_onnx_want_ints(im, node, "ends", 2, &end, &n_end, err));
    DLI_TRY(dli_onnx_want_ints(im, node, "axes", 3, &axes, &n_axes, err));
    DLI_TRY(dli_onnx_want_ints(im, node, "", 4, &step, &n_step, err));
    if (n < 0 || n != n_end || (n_axes >= 0 && n_axes != n) || (n_step >= 0 && n_step != n) || n > rank)
        return dli_fail(err, DL4C_E_INVALID, "onnx", "%" PRId64 " starts, %" PRId64 " ends, %" PRId64 " axes of %" PRId32, n, n_end, n_axes,
                        rank);
    for (int32_t k = 0; k < rank; k++)
        ranges[k] = (struct dli_onnx_range){ 0, 1, dim[k] };
    for (int64_t k = 0; k < n; k++) {
        int32_t axis;
        DLI_TRY(dli_onnx_axis(n_axes >= 0 ? axes[k] : k, rank, &axis, err));
        if (seen[axis])
            return dli_fail(err, DL4C_E_INVALID, "onnx", "axis %" PRId32 " is sliced twice", axis);
        seen[axis] = true;
        const int64_t length = dim[axis], by = n_step >= 0 ? step[k] : 1;
        int64_t from = start[k], to = end[k];
        if (by == 0)
            return dli_fail(err, DL4C_E_INVALID, "onnx", "a step of 0 along axis %" PRId32, axis);
        if (from == 0 && by == 1 && (to >= INT32_MAX || (to == length && length != DLI_ONNX_UNKNOWN)))
            continue; /* all of it, whatever its length */
        if (length < 0 || from == DLI_ONNX_BATCH || from == DLI_ONNX_UNKNOWN || to == DLI_ONNX_BATCH || to == DLI_ONNX_UNKNOWN)
            return dli_fail(err, DL4C_E_UNSUPPORTED, "onnx", "axis %" PRId32 " is sliced and its length is not known when loading", axis);
        if (by == INT64_MIN)
            return dli_fail(err, DL4C_E_INVALID, "onnx", "a step of %" PRId64, by);
        /* Bounds outside the axis mean its ends; going backwards that is one before the first element for `to`. */
        const int64_t least = by > 0 ? 0 : -1, most = by > 0 ? length : length - 1;
        from = from < -length ? 0 : from < 0 ? from + length : from > most ? most : from;
        to = to < -length ? least : to < 0 ? to + length : to > most ? most : to;
        const int64_t span = by > 0 ? to - from : from - to, size = by > 0 ? by : -by;
        ranges[axis] = (struct dli_onnx_range){ from, by, span > 0 ? (span - 1) / size + 1 : 0 };
    }
    return DL4C_OK;
}

dl4c_status dli_onnx_fold_slice(struct dli_onnx_import *im, const struct dli_onnx_node *node, struct dl4c_error *err)
{
    struct dli_onnx_const *c, *out;
    struct dli_onnx_range ranges[DLI_ONNX_RANK];
    const char *from;
    char *to;
    size_t unit;
    int64_t dim[DLI_ONNX_RANK] = { 0 }, stride[DLI_ONNX_RANK] = { 0 }, first = 0;
    DLI_TRY(dli_onnx_want_const(im, node, 0, &c, err));
    DLI_TRY(bytes_of(im, c, &from, &unit, err));
    DLI_TRY(dli_onnx_slice_ranges(im, node, c->rank, c->dim, ranges, err));
    strides_of(c, stride);
    for (int32_t k = 0; k < c->rank; k++) {
        dim[k] = ranges[k].count;
        first += dim[k] > 0 ? ranges[k].start * stride[k] : 0;
        stride[k] = dim[k] > 1 ? stride[k] * ranges[k].step : 0; /* a step past a single element may be huge */
    }
    DLI_TRY(new_bytes(im, c->type, c->rank, dim, &out, &to, err));
    copy_strided(to, from, unit, c->rank, dim, first, stride);
    return dli_onnx_bind_const(im, node, out, err);
}

dl4c_status dli_onnx_fold_transpose(struct dli_onnx_import *im, const struct dli_onnx_node *node, struct dl4c_error *err)
{
    struct dli_onnx_const *c, *out;
    const struct dli_onnx_attr *perm = dli_onnx_attr(node, "perm");
    const char *from;
    char *to;
    size_t unit;
    int64_t dim[DLI_ONNX_RANK] = { 0 }, stride[DLI_ONNX_RANK] = { 0 }, own[DLI_ONNX_RANK] = { 0 };
    bool seen[DLI_ONNX_RANK] = { false };
    DLI_TRY(dli_onnx_want_const(im, node, 0, &c, err));
    DLI_TRY(bytes_of(im, c, &from, &unit, err));
    strides_of(c, own);
    if (perm && perm->n_ints != (size_t)c->rank)
        return dli_fail(err, DL4C_E_INVALID, "onnx", "%zu axes are permuted, the tensor has %" PRId32, perm->n_ints, c->rank);
    for (int32_t k = 0; k < c->rank; k++) {
        const int64_t axis = perm ? perm->ints[k] : c->rank - 1 - k;
        if (axis < 0 || axis >= c->rank || seen[axis])
            return dli_fail(err, DL4C_E_INVALID, "onnx", "axis %" PRId64 " in a permutation of %" PRId32, axis, c->rank);
        seen[axis] = true;
        dim[k] = c->dim[axis];
        stride[k] = own[axis];
    }
    DLI_TRY(new_bytes(im, c->type, c->rank, dim, &out, &to, err));
    copy_strided(to, from, unit, c->rank, dim, 0, stride);
    return dli_onnx_bind_const(im, node, out, err);
}

dl4c_status dli_onnx_fold_expand(struct dli_onnx_import *im, const struct dli_onnx_node *node, struct dl4c_error *err)
{
    struct dli_onnx_const *c, *out;
    const char *from;
    char *to;
    const int64_t *want;
    size_t unit;
    int64_t n, dim[DLI_ONNX_RANK] = { 0 }, stride[DLI_ONNX_RANK] = { 0 }, own[DLI_ONNX_RANK] = { 0 };
    DLI_TRY(dli_onnx_want_const(im, node, 0, &c, err));
    DLI_TRY(dli_onnx_want_ints(im, node, "", 1, &want, &n, err));
    DLI_TRY(bytes_of(im, c, &from, &unit, err));
    strides_of(c, own);
    const int32_t rank = n > c->rank ? (int32_t)n : c->rank;
    if (n < 0 || n > DLI_ONNX_RANK)
        return dli_fail(err, DL4C_E_UNSUPPORTED, "onnx", "a shape of %" PRId64 " axes", n);
    for (int32_t k = 0; k < rank; k++) {
        const int32_t a = k - (rank - c->rank), b = k - (rank - (int32_t)n);
        const int64_t have = a < 0 ? 1 : c->dim[a], wish = b < 0 ? 1 : want[b];
        if (wish < 0)
            return dli_fail(err, DL4C_E_UNSUPPORTED, "onnx", "a constant is expanded to a length that is not known when loading");
        if (have != wish && have != 1 && wish != 1)
            return dli_fail(err, DL4C_E_INVALID, "onnx", "axis %" PRId32 " of %" PRId64 " elements is expanded to %" PRId64, k, have, wish);
        dim[k] = have == 1 ? wish : have;
        stride[k] = have == 1 ? 0 : own[a];
    }
    DLI_TRY(new_bytes(im, c->type, rank, dim, &out, &to, err));
    copy_strided(to, from, unit, rank, dim, 0, stride);
    return dli_onnx_bind_const(im, node, out, err);
}

dl4c_status dli_onnx_fold_concat(struct dli_onnx_import *im, const struct dli_onnx_node *node, struct dl4c_error *err)
{
    struct dli_onnx_const *c, *out;
    int32_t axis;
    int64_t dim[DLI_ONNX_RANK], outer = 1, inner = 1, at = 0;
    const char *from;
    char *to;
    size_t unit;
    DLI_TRY(dli_onnx_want_const(im, node, 0, &out, err));
    DLI_TRY(dli_onnx_axis(dli_onnx_attr_i(node, "axis", 0), out->rank, &axis, err));
    const int32_t type = out->type, rank = out->rank;
    memcpy(dim, out->dim, sizeof dim);
    dim[axis] = 0;
    for (int32_t k = 0; k < node->n_in; k++) {
        DLI_TRY(dli_onnx_want_const(im, node, k, &c, err));
        bool fits = c->rank == rank && dli_onnx_type_is_float(c->type) == dli_onnx_type_is_float(type);
        for (int32_t r = 0; r < rank && fits; r++)
            fits = r == axis || c->dim[r] == dim[r];
        if (!fits || !dli_add_i64(dim[axis], c->dim[axis], &dim[axis]))
            return dli_fail(err, DL4C_E_INVALID, "onnx", "input %" PRId32 " does not fit the others", k);
    }
    for (int32_t k = 0; k < rank; k++)
        *(k < axis ? &outer : &inner) *= k == axis ? 1 : dim[k];
    DLI_TRY(new_bytes(im, type, rank, dim, &out, &to, err));
    for (int32_t k = 0; k < node->n_in; k++) {
        DLI_TRY(dli_onnx_want_const(im, node, k, &c, err));
        DLI_TRY(bytes_of(im, c, &from, &unit, err));
        const size_t piece = (size_t)(c->dim[axis] * inner) * unit;
        for (int64_t o = 0; o < outer && piece > 0; o++)
            memcpy(to + (size_t)((o * dim[axis] + at) * inner) * unit, from + (size_t)o * piece, piece);
        at += c->dim[axis];
    }
    return dli_onnx_bind_const(im, node, out, err);
}

/* ---- other shapes over the same elements ---------------------------------------------------------------------- */

static dl4c_status reshaped(struct dli_onnx_import *im, const struct dli_onnx_node *node, int32_t rank, const int64_t *dim,
                            struct dl4c_error *err)
{
    struct dli_onnx_const *c, *out;
    DLI_TRY(dli_onnx_want_const(im, node, 0, &c, err));
    DLI_TRY(dli_onnx_const_reshape(im, c, rank, dim, &out, err));
    return dli_onnx_bind_const(im, node, out, err);
}

dl4c_status dli_onnx_fold_reshape(struct dli_onnx_import *im, const struct dli_onnx_node *node, struct dl4c_error *err)
{
    struct dli_onnx_const *c;
    const int64_t *want;
    int64_t n, dim[DLI_ONNX_RANK], known = 1;
    int32_t open = -1;
    DLI_TRY(dli_onnx_want_const(im, node, 0, &c, err));
    DLI_TRY(dli_onnx_want_ints(im, node, "shape", 1, &want, &n, err));
    if (n < 0 || n > DLI_ONNX_RANK)
        return dli_fail(err, DL4C_E_UNSUPPORTED, "onnx", "a shape of %" PRId64 " axes, at most %d are read", n, DLI_ONNX_RANK);
    const bool zero_copies = dli_onnx_attr_i(node, "allowzero", 0) == 0;
    for (int32_t k = 0; k < n; k++) {
        dim[k] = want[k] == 0 && zero_copies && k < c->rank ? c->dim[k] : want[k];
        if (dim[k] < 0 && open >= 0)
            return dli_fail(err, DL4C_E_INVALID, "onnx", "a shape leaves two lengths open");
        if (dim[k] < 0)
            open = k;
        else if (!dli_mul_i64(known, dim[k], &known))
            return dli_fail(err, DL4C_E_INVALID, "onnx", "the shape is too large");
    }
    if (open >= 0) {
        if (known == 0 || c->count % known != 0)
            return dli_fail(err, DL4C_E_INVALID, "onnx", "%" PRId64 " elements do not divide by %" PRId64, c->count, known);
        dim[open] = c->count / known;
    }
    return reshaped(im, node, (int32_t)n, dim, err);
}

dl4c_status dli_onnx_marked_axes(struct dli_onnx_import *im, const struct dli_onnx_node *node, int32_t input, int32_t rank, bool *marks,
                                 int64_t *n, struct dl4c_error *err)
{
    const int64_t *axes;
    memset(marks, 0, (size_t)rank * sizeof *marks);
    DLI_TRY(dli_onnx_want_ints(im, node, "axes", input, &axes, n, err));
    for (int64_t k = 0; k < *n; k++) {
        int32_t axis;
        DLI_TRY(dli_onnx_axis(axes[k], rank, &axis, err));
        if (marks[axis])
            return dli_fail(err, DL4C_E_INVALID, "onnx", "axis %" PRId32 " is named twice", axis);
        marks[axis] = true;
    }
    return DL4C_OK;
}

dl4c_status dli_onnx_fold_squeeze(struct dli_onnx_import *im, const struct dli_onnx_node *node, struct dl4c_error *err)
{
    struct dli_onnx_const *c;
    bool marks[DLI_ONNX_RANK];
    int64_t n, dim[DLI_ONNX_RANK];
    int32_t rank = 0;
    DLI_TRY(dli_onnx_want_const(im, node, 0, &c, err));
    DLI_TRY(dli_onnx_marked_axes(im, node, 1, c->rank, marks, &n, err));
    for (int32_t k = 0; k < c->rank; k++)
        if (!(n < 0 ? c->dim[k] == 1 : marks[k]))
            dim[rank++] = c->dim[k];
    return reshaped(im, node, rank, dim, err);
}

dl4c_status dli_onnx_fold_unsqueeze(struct dli_onnx_import *im, const struct dli_onnx_node *node, struct dl4c_error *err)
{
    struct dli_onnx_const *c;
    const int64_t *axes;
    bool marks[DLI_ONNX_RANK];
    int64_t n, dim[DLI_ONNX_RANK];
    DLI_TRY(dli_onnx_want_const(im, node, 0, &c, err));
    DLI_TRY(dli_onnx_want_ints(im, node, "axes", 1, &axes, &n, err));
    if (n < 0 || n > DLI_ONNX_RANK - c->rank)
        return dli_fail(err, DL4C_E_UNSUPPORTED, "onnx", "%" PRId64 " axes more than %" PRId32, n, c->rank);
    const int32_t rank = c->rank + (int32_t)n;
    DLI_TRY(dli_onnx_marked_axes(im, node, 1, rank, marks, &n, err));
    for (int32_t k = 0, from = 0; k < rank; k++)
        dim[k] = marks[k] ? 1 : c->dim[from++];
    return reshaped(im, node, rank, dim, err);
}

dl4c_status dli_onnx_fold_flatten(struct dli_onnx_import *im, const struct dli_onnx_node *node, struct dl4c_error *err)
{
    struct dli_onnx_const *c;
    int64_t axis = dli_onnx_attr_i(node, "axis", 1), dim[2] = { 1, 1 };
    DLI_TRY(dli_onnx_want_const(im, node, 0, &c, err));
    if (axis < -c->rank || axis > c->rank)
        return dli_fail(err, DL4C_E_INVALID, "onnx", "axis %" PRId64 " of %" PRId32, axis, c->rank);
    axis = axis < 0 ? axis + c->rank : axis;
    for (int32_t k = 0; k < c->rank; k++)
        dim[k >= axis] *= c->dim[k];
    return reshaped(im, node, 2, dim, err);
}
