/* SPDX-License-Identifier: Apache-2.0 */
/* Folding of arithmetic. Lengths that are not known when loading stay so, except where the other operand leaves them as they are. */
#include "formats/onnx/fold.h"

#include "onnx.pb.h"

#include <math.h>
#include <string.h>

enum { ADD, SUB, MUL, DIV, MIN, MAX, POW, EQUAL, GREATER, LESS, AND, OR };
static const char *const binary_words[] = { "Add", "Sub", "Mul", "Div", "Min", "Max", "Pow", "Equal", "Greater", "Less", "And", "Or" };

static bool is_length(int64_t v) { return v == DLI_ONNX_BATCH || v == DLI_ONNX_UNKNOWN; }

static dl4c_status int_binary(int32_t op, int64_t a, int64_t b, int64_t *out, struct dl4c_error *err)
{
    if (is_length(a) || is_length(b)) {
        const int64_t other = is_length(a) ? b : a, length = is_length(a) ? a : b;
        *out = DLI_ONNX_UNKNOWN;
        if ((op == MUL && other == 1) || (op == ADD && other == 0) || ((op == DIV || op == POW) && is_length(a) && b == 1) ||
            (op == SUB && is_length(a) && b == 0) || (op == MAX && other <= 1))
            *out = length;
        else if ((op == EQUAL || op == LESS) && other < 1)
            *out = op == LESS && !is_length(a) ? 1 : 0; /* lengths are 1 at least */
        else if (op == GREATER && other < 1)
            *out = is_length(a);
        else if (op == EQUAL && a == b && a == DLI_ONNX_BATCH)
            *out = 1;
        return DL4C_OK;
    }
    switch (op) {
    case ADD: *out = (int64_t)((uint64_t)a + (uint64_t)b); break;
    case SUB: *out = (int64_t)((uint64_t)a - (uint64_t)b); break;
    case MUL: *out = (int64_t)((uint64_t)a * (uint64_t)b); break;
    case DIV:
        if (b == 0)
            return dli_fail(err, DL4C_E_INVALID, "onnx", "an integer constant is divided by 0");
        *out = b == -1 ? (int64_t)(0 - (uint64_t)a) : a / b;
        break;
    case MIN: *out = a < b ? a : b; break;
    case MAX: *out = a > b ? a : b; break;
    case POW: {
        uint64_t p = 1, base = (uint64_t)a;
        for (uint64_t e = b > 0 ? (uint64_t)b : 0; e > 0; e >>= 1, base *= base)
            p *= e & 1 ? base : 1;
        *out = b < 0 ? a == 1 : (int64_t)p;
        break;
    }
    case EQUAL: *out = a == b; break;
    case GREATER: *out = a > b; break;
    case LESS: *out = a < b; break;
    case AND: *out = a && b; break;
    default: *out = a || b; break;
    }
    return DL4C_OK;
}

static float float_binary(int32_t op, float a, float b)
{
    switch (op) {
    case ADD: return a + b;
    case SUB: return a - b;
    case MUL: return a * b;
    case DIV: return a / b;
    case MIN: return isnan(a) || a < b ? a : b;
    case MAX: return isnan(a) || a > b ? a : b;
    default: return powf(a, b);
    }
}

/* The common shape of n constants under numpy's rules, and each one's strides in it. */
static dl4c_status broadcast(struct dli_onnx_const *const *c, int32_t n, int32_t *rank, int64_t *dim, int64_t stride[][DLI_ONNX_RANK],
                             struct dl4c_error *err)
{
    *rank = 0;
    for (int32_t k = 0; k < n; k++)
        *rank = c[k]->rank > *rank ? c[k]->rank : *rank;
    for (int32_t r = 0; r < *rank; r++)
        dim[r] = 1;
    for (int32_t k = 0; k < n; k++) {
        int64_t step = 1;
        const int32_t skip = *rank - c[k]->rank;
        memset(stride[k], 0, sizeof stride[k]);
        for (int32_t r = c[k]->rank; r-- > 0;) {
            const int64_t length = c[k]->dim[r];
            if (length != 1 && dim[skip + r] != 1 && dim[skip + r] != length)
                return dli_fail(err, DL4C_E_INVALID, "onnx",
                                "constants of %" PRId64 " and %" PRId64 " elements along one axis do not combine", length, dim[skip + r]);
            dim[skip + r] = length != 1 ? length : dim[skip + r];
            stride[k][skip + r] = length == 1 ? 0 : step;
            step *= length;
        }
    }
    return DL4C_OK;
}

/* Advances the index and the n places in their arrays to the next element of dim. */
static void next(int32_t rank, const int64_t *dim, int64_t *index, int32_t n, int64_t stride[][DLI_ONNX_RANK], int64_t *at)
{
    for (int32_t r = rank; r-- > 0;) {
        for (int32_t k = 0; k < n; k++)
            at[k] += stride[k][r];
        if (++index[r] < dim[r])
            return;
        for (int32_t k = 0; k < n; k++)
            at[k] -= stride[k][r] * dim[r];
        index[r] = 0;
    }
}

dl4c_status dli_onnx_fold_binary(struct dli_onnx_import *im, const struct dli_onnx_node *node, struct dl4c_error *err)
{
    struct dli_onnx_const *c[2], *out;
    int32_t op = 0, rank;
    int64_t dim[DLI_ONNX_RANK], stride[2][DLI_ONNX_RANK], index[DLI_ONNX_RANK] = { 0 }, at[2] = { 0 }, *to_i;
    float *to_f;
    while (op < OR && strcmp(binary_words[op], node->op) != 0)
        op++;
    DLI_TRY(dli_onnx_want_const(im, node, 0, &c[0], err));
    if (node->n_in == 1)
        return dli_onnx_bind_const(im, node, c[0], err);
    DLI_TRY(dli_onnx_want_const(im, node, 1, &c[1], err));
    if (node->n_in > 2)
        return dli_fail(err, DL4C_E_UNSUPPORTED, "onnx", "%" PRId32 " constants, at most two are folded", node->n_in);
    const bool floating = dli_onnx_type_is_float(c[0]->type);
    if (floating != dli_onnx_type_is_float(c[1]->type) || (floating && op > POW))
        return dli_fail(err, DL4C_E_UNSUPPORTED, "onnx", "constants of %s and %s are not folded", dli_onnx_type_name(c[0]->type),
                        dli_onnx_type_name(c[1]->type));
    DLI_TRY(broadcast(c, 2, &rank, dim, stride, err));
    DLI_TRY(dli_onnx_const_new(im, op > POW ? onnx_TensorProto_DataType_BOOL : c[0]->type, rank, dim, &out, &to_f, &to_i, err));
    if (floating) {
        const float *a, *b;
        DLI_TRY(dli_onnx_const_floats(im, c[0], &a, err));
        DLI_TRY(dli_onnx_const_floats(im, c[1], &b, err));
        for (int64_t k = 0; k < out->count; k++, next(rank, dim, index, 2, stride, at))
            to_f[k] = float_binary(op, a[at[0]], b[at[1]]);
    } else {
        const int64_t *a, *b;
        DLI_TRY(dli_onnx_const_ints(im, c[0], &a, err));
        DLI_TRY(dli_onnx_const_ints(im, c[1], &b, err));
        for (int64_t k = 0; k < out->count; k++, next(rank, dim, index, 2, stride, at))
            DLI_TRY(int_binary(op, a[at[0]], b[at[1]], &to_i[k], err));
    }
    return dli_onnx_bind_const(im, node, out, err);
}

dl4c_status dli_onnx_fold_where(struct dli_onnx_import *im, const struct dli_onnx_node *node, struct dl4c_error *err)
{
    struct dli_onnx_const *c[3], *out;
    int32_t rank;
    int64_t dim[DLI_ONNX_RANK], stride[3][DLI_ONNX_RANK], index[DLI_ONNX_RANK] = { 0 }, at[3] = { 0 }, *to_i;
    const int64_t *which, *a, *b;
    float *to_f;
    for (int32_t k = 0; k < 3; k++)
        DLI_TRY(dli_onnx_want_const(im, node, k, &c[k], err));
    DLI_TRY(dli_onnx_const_ints(im, c[0], &which, err));
    DLI_TRY(dli_onnx_const_ints(im, c[1], &a, err));
    DLI_TRY(dli_onnx_const_ints(im, c[2], &b, err));
    DLI_TRY(broadcast(c, 3, &rank, dim, stride, err));
    DLI_TRY(dli_onnx_const_new(im, c[1]->type, rank, dim, &out, &to_f, &to_i, err));
    if (!to_i)
        return dli_fail(err, DL4C_E_INTERNAL, "onnx", "integers came out as floating point");
    for (int64_t k = 0; k < out->count; k++, next(rank, dim, index, 3, stride, at))
        to_i[k] = is_length(which[at[0]]) ? DLI_ONNX_UNKNOWN : which[at[0]] ? a[at[1]] : b[at[2]];
    return dli_onnx_bind_const(im, node, out, err);
}

enum { NEG, ABS, SQRT, RECIPROCAL, FLOOR, CEIL, NOT };
static const char *const unary_words[] = { "Neg", "Abs", "Sqrt", "Reciprocal", "Floor", "Ceil", "Not" };

static float float_unary(int32_t op, float v)
{
    switch (op) {
    case NEG: return -v;
    case ABS: return fabsf(v);
    case SQRT: return sqrtf(v);
    case RECIPROCAL: return 1 / v;
    case FLOOR: return floorf(v);
    default: return ceilf(v);
    }
}

dl4c_status dli_onnx_fold_unary(struct dli_onnx_import *im, const struct dli_onnx_node *node, struct dl4c_error *err)
{
    struct dli_onnx_const *c, *out;
    int32_t op = 0;
    int64_t *to_i;
    float *to_f;
    while (op < NOT && strcmp(unary_words[op], node->op) != 0)
        op++;
    DLI_TRY(dli_onnx_want_const(im, node, 0, &c, err));
    const bool floating = dli_onnx_type_is_float(c->type);
    if (floating ? op == NOT : op != NOT && op != NEG && op != ABS)
        return dli_fail(err, DL4C_E_UNSUPPORTED, "onnx", "a constant of %s is not folded", dli_onnx_type_name(c->type));
    DLI_TRY(dli_onnx_const_new(im, c->type, c->rank, c->dim, &out, &to_f, &to_i, err));
    if (floating) {
        const float *f;
        DLI_TRY(dli_onnx_const_floats(im, c, &f, err));
        for (int64_t k = 0; k < c->count; k++)
            to_f[k] = float_unary(op, f[k]);
    } else {
        const int64_t *i;
        DLI_TRY(dli_onnx_const_ints(im, c, &i, err));
        for (int64_t k = 0; k < c->count; k++) {
            const int64_t minus = (int64_t)(0 - (uint64_t)i[k]);
            to_i[k] = is_length(i[k]) ? op == ABS ? i[k] : DLI_ONNX_UNKNOWN : op == NOT ? !i[k] : op == NEG || i[k] < 0 ? minus : i[k];
        }
    }
    return dli_onnx_bind_const(im, node, out, err);
}

dl4c_status dli_onnx_fold_reduce_prod(struct dli_onnx_import *im, const struct dli_onnx_node *node, struct dl4c_error *err)
{
    struct dli_onnx_const *c, *out;
    bool marks[DLI_ONNX_RANK];
    const int64_t *i;
    const int64_t one = 1;
    int64_t n, *to_i;
    float *to_f;
    DLI_TRY(dli_onnx_want_const(im, node, 0, &c, err));
    DLI_TRY(dli_onnx_marked_axes(im, node, 1, c->rank, marks, &n, err));
    if (c->rank > 1)
        return dli_fail(err, DL4C_E_UNSUPPORTED, "onnx", "a constant of %" PRId32 " axes is not folded", c->rank);
    DLI_TRY(dli_onnx_const_ints(im, c, &i, err));
    DLI_TRY(dli_onnx_const_new(im, c->type, dli_onnx_attr_i(node, "keepdims", 1) ? c->rank : 0, &one, &out, &to_f, &to_i, err));
    if (!to_i)
        return dli_fail(err, DL4C_E_INTERNAL, "onnx", "integers came out as floating point");
    *to_i = 1;
    for (int64_t k = 0; k < c->count; k++)
        DLI_TRY(int_binary(MUL, *to_i, i[k], to_i, err));
    return dli_onnx_bind_const(im, node, out, err);
}

dl4c_status dli_onnx_fold_range(struct dli_onnx_import *im, const struct dli_onnx_node *node, struct dl4c_error *err)
{
    struct dli_onnx_const *c[3], *out;
    const int64_t *v[3];
    int64_t *to_i;
    float *to_f;
    for (int32_t k = 0; k < 3; k++) {
        DLI_TRY(dli_onnx_want_const(im, node, k, &c[k], err));
        DLI_TRY(dli_onnx_const_ints(im, c[k], &v[k], err));
        if (c[k]->count != 1 || is_length(*v[k]))
            return dli_fail(err, DL4C_E_UNSUPPORTED, "onnx", "input %" PRId32 " is no number that is known when loading", k);
    }
    const int64_t first = *v[0], last = *v[1], step = *v[2];
    int64_t span, n = 0;
    if (step == 0 || step == INT64_MIN || !dli_add_i64(last, first == INT64_MIN ? INT64_MAX : -first, &span) || span == INT64_MIN)
        return dli_fail(err, DL4C_E_INVALID, "onnx", "a range from %" PRId64 " to %" PRId64 " by %" PRId64, first, last, step);
    if ((span > 0) == (step > 0) && span != 0)
        n = ((span > 0 ? span : -span) - 1) / (step > 0 ? step : -step) + 1;
    DLI_TRY(dli_onnx_const_new(im, c[0]->type, 1, &n, &out, &to_f, &to_i, err));
    for (int64_t k = 0; to_i && k < n; k++)
        to_i[k] = first + k * step;
    return dli_onnx_bind_const(im, node, out, err);
}
