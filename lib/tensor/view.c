/* SPDX-License-Identifier: Apache-2.0 */
/* Views: slice, reshape, transpose. They share storage and cost one small block. */
#include "tensor/tensor.h"

#include <string.h>

static dl4c_status check(const dl4c_tensor *t, dl4c_tensor **view, const char *origin, struct dl4c_error *err)
{
    if (!view)
        return dli_fail(err, DL4C_E_INVALID, origin, "the place for the view is NULL");
    *view = NULL;
    if (!t)
        return dli_fail(err, DL4C_E_INVALID, origin, "the tensor is NULL");
    return DL4C_OK;
}

dl4c_status dl4c_tensor_slice(dl4c_tensor *t, int32_t axis, int64_t start, int64_t stop, int64_t step, dl4c_tensor **view,
                              struct dl4c_error *err)
{
    DLI_TRY(check(t, view, "slice", err));
    const int32_t a = axis < 0 ? axis + t->rank : axis;
    if (a < 0 || a >= t->rank)
        return dli_fail(err, DL4C_E_INVALID, "slice", "axis %" PRId32 " of a tensor of %" PRId32 " axes", axis, t->rank);
    const int64_t n = t->shape[a];
    if (step < 1)
        return dli_fail(err, DL4C_E_INVALID, "slice", "the step is %" PRId64 ", wanted at least 1", step);
    const int64_t from = start < 0 ? start + n : start;
    const int64_t to = stop == INT64_MAX ? n : stop < 0 ? stop + n : stop;
    if (from < 0 || from > n || to < 0 || to > n)
        return dli_fail(err, DL4C_E_INVALID, "slice",
                        "%" PRId64 " to %" PRId64 " is outside of axis %" PRId32 ", which has %" PRId64 " elements", start, stop, axis, n);
    int64_t shape[DL4C_MAX_RANK], strides[DL4C_MAX_RANK];
    memcpy(shape, t->shape, sizeof shape);
    memcpy(strides, t->strides, sizeof strides);
    shape[a] = to > from ? (to - from - 1) / step + 1 : 0;
    /* Where nothing is stepped over, a stride may be any number: it is not multiplied. */
    int64_t offset = 0;
    if (shape[a] > 0 && dl4c_tensor_size(t) > 0 && n > 1) {
        offset = from * t->strides[a];
        if (shape[a] > 1)
            strides[a] *= step;
    }
    return dli_tensor_view(t, shape, strides, t->rank, offset, view, err);
}

dl4c_status dl4c_tensor_reshape(dl4c_tensor *t, const int64_t *shape, int32_t rank, dl4c_tensor **view, struct dl4c_error *err)
{
    DLI_TRY(check(t, view, "reshape", err));
    int64_t to[DL4C_MAX_RANK] = { 0 }, strides[DL4C_MAX_RANK] = { 0 }, n;
    const int64_t have = dl4c_tensor_size(t);
    int32_t open = -1;
    if (rank < 0 || rank > DL4C_MAX_RANK || (rank > 0 && !shape))
        return dli_shape_check(shape, rank, "reshape", err);
    for (int32_t i = 0; i < rank; i++) {
        to[i] = shape[i];
        if (shape[i] != -1)
            continue;
        if (open >= 0)
            return dli_fail(err, DL4C_E_INVALID, "reshape", "shape %s leaves two lengths open", DLI_SHAPE(shape, rank));
        open = i;
        to[i] = 1;
    }
    DLI_TRY(dli_shape_check(to, rank, "reshape", err));
    bool fits = dli_shape_size(to, rank, &n);
    if (fits && open >= 0) {
        if (n == 0)
            return dli_fail(err, DL4C_E_INVALID, "reshape", "the open length of %s could be anything", DLI_SHAPE(shape, rank));
        to[open] = have / n;
        fits = have % n == 0;
        n = have;
    }
    if (!fits || n != have)
        return dli_fail(err, DL4C_E_INVALID, "reshape", "%s does not hold the %" PRId64 " elements of %s", DLI_SHAPE(shape, rank), have,
                        DLI_SHAPE(t->shape, t->rank));
    if (have == 0 || dl4c_tensor_is_contiguous(t))
        dli_shape_strides(to, rank, strides);
    else if (!dli_shape_restride(t->shape, t->strides, t->rank, to, rank, strides))
        return dli_fail(err, DL4C_E_INVALID, "reshape", "%s with strides %s cannot be seen as %s without a copy",
                        DLI_SHAPE(t->shape, t->rank), DLI_SHAPE(t->strides, t->rank), DLI_SHAPE(to, rank));
    return dli_tensor_view(t, to, strides, rank, 0, view, err);
}

dl4c_status dl4c_tensor_transpose(dl4c_tensor *t, const int32_t *perm, dl4c_tensor **view, struct dl4c_error *err)
{
    DLI_TRY(check(t, view, "transpose", err));
    int64_t shape[DL4C_MAX_RANK] = { 0 }, strides[DL4C_MAX_RANK] = { 0 };
    bool used[DL4C_MAX_RANK] = { false };
    for (int32_t i = 0; i < t->rank; i++) {
        const int32_t from = perm ? perm[i] : t->rank - 1 - i;
        if (from < 0 || from >= t->rank || used[from])
            return dli_fail(err, DL4C_E_INVALID, "transpose",
                            "place %" PRId32 " of the order names axis %" PRId32 ", wanted each of 0 to %" PRId32 " once", i, from,
                            t->rank - 1);
        used[from] = true;
        shape[i] = t->shape[from];
        strides[i] = t->strides[from];
    }
    return dli_tensor_view(t, shape, strides, t->rank, 0, view, err);
}
