/* SPDX-License-Identifier: Apache-2.0 */
/* Arithmetic on shapes and strides. */
#include "tensor/shape.h"

#include <stdio.h>
#include <string.h>

dl4c_status dli_shape_check(const int64_t *shape, int32_t rank, const char *origin, struct dl4c_error *err)
{
    if (rank < 0 || rank > DL4C_MAX_RANK)
        return dli_fail(err, DL4C_E_INVALID, origin, "a rank of %" PRId32 ", wanted 0 to %d", rank, DL4C_MAX_RANK);
    if (rank > 0 && !shape)
        return dli_fail(err, DL4C_E_INVALID, origin, "the shape is NULL but the rank is %" PRId32, rank);
    int64_t n = 1;
    for (int32_t i = 0; i < rank; i++) {
        if (shape[i] < 0)
            return dli_fail(err, DL4C_E_INVALID, origin, "axis %" PRId32 " of shape %s has a negative length", i, DLI_SHAPE(shape, rank));
        if (!dli_mul_i64(n, shape[i] ? shape[i] : 1, &n))
            return dli_fail(err, DL4C_E_INVALID, origin, "shape %s has more elements than 64 bits can count", DLI_SHAPE(shape, rank));
    }
    return DL4C_OK;
}

bool dli_shape_size(const int64_t *shape, int32_t rank, int64_t *n)
{
    int64_t product = 1;
    bool empty = false, fits = true;
    for (int32_t i = 0; i < rank; i++) {
        if (shape[i] < 0)
            return false;
        empty |= shape[i] == 0;
        if (shape[i] > 0)
            fits &= dli_mul_i64(product, shape[i], &product);
    }
    *n = empty ? 0 : product;
    return fits || empty;
}

bool dli_shape_bytes(const int64_t *shape, int32_t rank, int32_t dtype, size_t *bytes)
{
    int64_t n, b;
    if (!dli_shape_size(shape, rank, &n) || !dli_mul_i64(n, (int64_t)dl4c_dtype_size(dtype), &b) || (uint64_t)b > PTRDIFF_MAX)
        return false;
    *bytes = (size_t)b;
    return true;
}

bool dli_shape_equal(const int64_t *a, int32_t rank_a, const int64_t *b, int32_t rank_b)
{
    if (rank_a != rank_b)
        return false;
    for (int32_t i = 0; i < rank_a; i++)
        if (a[i] != b[i])
            return false;
    return true;
}

void dli_shape_strides(const int64_t *shape, int32_t rank, int64_t *strides)
{
    int64_t step = 1;
    for (int32_t i = rank - 1; i >= 0; i--) {
        strides[i] = step;
        step *= shape[i] ? shape[i] : 1;
    }
}

bool dli_shape_is_contiguous(const int64_t *shape, const int64_t *strides, int32_t rank)
{
    int64_t step = 1;
    for (int32_t i = 0; i < rank; i++)
        if (shape[i] == 0)
            return true;
    for (int32_t i = rank - 1; i >= 0; i--) {
        if (shape[i] == 1)
            continue;
        if (strides[i] != step)
            return false;
        step *= shape[i];
    }
    return true;
}

bool dli_shape_span(const int64_t *shape, const int64_t *strides, int32_t rank, int64_t *lowest, int64_t *highest)
{
    *lowest = *highest = 0;
    for (int32_t i = 0; i < rank; i++)
        if (shape[i] == 0)
            return true;
    for (int32_t i = 0; i < rank; i++) {
        int64_t reach, *end = strides[i] < 0 ? lowest : highest;
        if (!dli_mul_i64(shape[i] - 1, strides[i], &reach) || !dli_add_i64(*end, reach, end))
            return false;
    }
    return true;
}

bool dli_shape_restride(const int64_t *from, const int64_t *strides, int32_t rank, const int64_t *to, int32_t to_rank, int64_t *to_strides)
{
    int32_t i = 0, j = 0; /* the groups from[i..] and to[j..] that hold the same elements are matched one by one */
    while (i < rank && from[i] == 1)
        i++;
    while (i < rank && j < to_rank) {
        int64_t have = from[i], want = to[j];
        int32_t i_end = i + 1, j_end = j + 1;
        while (have != want) {
            if (have < want) {
                if (i_end == rank)
                    return false;
                have *= from[i_end++];
            } else {
                if (j_end == to_rank)
                    return false;
                want *= to[j_end++];
            }
        }
        int64_t step = 0;
        for (int32_t k = i_end - 1, outer = -1; k >= i; k--) { /* the group must be one run of evenly spaced elements */
            if (from[k] == 1)
                continue;
            if (outer >= 0 && strides[k] != strides[outer] * from[outer])
                return false;
            if (outer < 0)
                step = strides[k];
            outer = k;
        }
        for (int32_t k = j_end - 1; k >= j; k--) {
            to_strides[k] = step;
            step *= to[k];
        }
        i = i_end;
        j = j_end;
        while (i < rank && from[i] == 1)
            i++;
    }
    for (; j < to_rank; j++) /* only lengths of 1 are left: any stride will do */
        to_strides[j] = 1;
    return true;
}

int32_t dli_shape_join(const int64_t *shape, int32_t rank, const int64_t *a, const int64_t *b, int64_t *shape_out, int64_t *a_out,
                       int64_t *b_out)
{
    int32_t n = 0;
    for (int32_t i = 0; i < rank; i++) {
        if (shape[i] == 1)
            continue;
        if (n > 0 && a_out[n - 1] == a[i] * shape[i] && b_out[n - 1] == b[i] * shape[i]) {
            shape_out[n - 1] *= shape[i];
            a_out[n - 1] = a[i];
            b_out[n - 1] = b[i];
            continue;
        }
        shape_out[n] = shape[i];
        a_out[n] = a[i];
        b_out[n] = b[i];
        n++;
    }
    if (n == 0) {
        shape_out[0] = 1;
        a_out[0] = b_out[0] = 1;
        n = 1;
    }
    return n;
}

char *dli_shape_text(char *text, size_t size, const int64_t *shape, int32_t rank)
{
    size_t n = (size_t)snprintf(text, size, "[");
    for (int32_t i = 0; i < rank && shape && n < size; i++)
        n += (size_t)snprintf(text + n, size - n, "%s%" PRId64, i ? ", " : "", shape[i]);
    if (n < size)
        snprintf(text + n, size - n, "]");
    return text;
}
