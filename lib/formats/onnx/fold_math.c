/* SPDX-License-Identifier: Apache-2.0 */
/* Folding of arithmetic. Lengths that are not known when loading stay so, except where the other operand leaves them as they are. */
#include "formats/onnx/fold.h"

#include "onnx.pb.h"

#include <math.h>
#include <string.h>

enum { ADD, SUB, MUL, DIV, MIN, MAX, POW, MOD, SUM, EQUAL, GREATER, LESS, GREATER_OR_EQUAL, LESS_OR_EQUAL, AND, OR, XOR };
static const char *const binary_words[] = { "Add",   "Sub",     "Mul",  "Div",            "Min",         "Max", "Pow", "Mod", "Sum",
                                            "Equal", "Greater", "Less", "GreaterOrEqual", "LessOrEqual", "And", "Or",  "Xor" };

static bool is_length(int64_t v) { return v == DLI_ONNX_BATCH || v == DLI_ONNX_UNKNOWN; }

static dl4c_status int_binary(int32_t op, int64_t a, int64_t b, int64_t *out, struct dl4c_error *err)
{
    if (is_length(a) || is_length(b)) {
        const int64_t other = is_length(a) ? b : a, length = is_length(a) ? a : b;
        *out = DLI_ONNX_UNKNOWN;
        if ((op == MUL && other == 1) || ((op == ADD || op == SUM) && other == 0) || ((op == DIV || op == POW) && is_length(a) && b == 1) ||
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
    case ADD:
    case SUM: *out = (int64_t)((uint64_t)a + (uint64_t)b); break;
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
    case MOD: /* with the sign of the divisor */
        if (b == 0)
            return dli_fail(err, DL4C_E_INVALID, "onnx", "an integer constant is divided by 0");
        *out = b == -1 ? 0 : a % b != 0 && (a % b < 0) != (b < 0) ? a % b + b : a % b;
        break;
    case EQUAL: *out = a == b; break;
    case GREATER: *out = a > b; break;
    case LESS: *out = a < b; break;
    case GREATER_OR_EQUAL: *out = a >= b; break;
    case LESS_OR_EQUAL: *out = a <= b; break;
    case AND: *out = a && b; break;
    case OR: *out = a || b; break;
    default: *out = !a != !b; break;
    }
    return DL4C_OK;
}

static float float_binary(int32_t op, float a, float b)
{
    switch (op) {
    case ADD:
    case SUM: return a + b;
    case SUB: return a - b;
    case MUL: return a * b;
    case DIV: return a / b;
    case MIN: return isnan(a) || a < b ? a : b;
    case MAX: return isnan(a) || a > b ? a : b;
    default: return powf(a, b);
    }
}

/* 0, 1, or a length that is not known where a number is NaN: that is what such a length is in floating point. */
static int64_t float_compare(int32_t op, float a, float b)
{
    if (isnan(a) || isnan(b))
        return DLI_ONNX_UNKNOWN;
    switch (op) {
    case EQUAL: return a == b;
    case GREATER: return a > b;
    case LESS: return a < b;
    case GREATER_OR_EQUAL: return a >= b;
    default: return a <= b;
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

/* c[0] op c[1]. */
static dl4c_status combine(struct dli_onnx_import *im, int32_t op, struct dli_onnx_const *const *c, struct dli_onnx_const **out,
                           struct dl4c_error *err)
{
    int32_t rank;
    int64_t dim[DLI_ONNX_RANK], stride[2][DLI_ONNX_RANK], index[DLI_ONNX_RANK] = { 0 }, at[2] = { 0 }, *to_i;
    float *to_f;
    const bool floating = dli_onnx_type_is_float(c[0]->type);
    if (floating != dli_onnx_type_is_float(c[1]->type) || (floating && (op == MOD || op >= AND)))
        return dli_fail(err, DL4C_E_UNSUPPORTED, "onnx", "constants of %s and %s are not folded", dli_onnx_type_name(c[0]->type),
                        dli_onnx_type_name(c[1]->type));
    DLI_TRY(broadcast(c, 2, &rank, dim, stride, err));
    DLI_TRY(dli_onnx_const_new(im, op >= EQUAL ? onnx_TensorProto_DataType_BOOL : c[0]->type, rank, dim, out, &to_f, &to_i, err));
    const int64_t count = (*out)->count;
    if (floating) {
        const float *a, *b;
        DLI_TRY(dli_onnx_const_floats(im, c[0], &a, err));
        DLI_TRY(dli_onnx_const_floats(im, c[1], &b, err));
        for (int64_t k = 0; k < count; k++, next(rank, dim, index, 2, stride, at)) {
            if (to_f)
                to_f[k] = float_binary(op, a[at[0]], b[at[1]]);
            else
                to_i[k] = float_compare(op, a[at[0]], b[at[1]]);
        }
    } else {
        const int64_t *a, *b;
        DLI_TRY(dli_onnx_const_ints(im, c[0], &a, err));
        DLI_TRY(dli_onnx_const_ints(im, c[1], &b, err));
        for (int64_t k = 0; k < count; k++, next(rank, dim, index, 2, stride, at))
            DLI_TRY(int_binary(op, a[at[0]], b[at[1]], &to_i[k], err));
    }
    return DL4C_OK;
}

dl4c_status dli_onnx_fold_binary(struct dli_onnx_import *im, const struct dli_onnx_node *node, struct dl4c_error *err)
{
    struct dli_onnx_const *c[2], *out;
    int32_t op = 0;
    while (op < XOR && strcmp(binary_words[op], node->op) != 0)
        op++;
    if (op == MOD && dli_onnx_attr_i(node, "fmod", 0))
        return dli_fail(err, DL4C_E_UNSUPPORTED, "onnx", "fmod is not folded");
    DLI_TRY(dli_onnx_want_const(im, node, 0, &c[0], err));
    for (int32_t k = 1; k < node->n_in; k++) { /* Min, Max and Sum take any number */
        DLI_TRY(dli_onnx_want_const(im, node, k, &c[1], err));
        DLI_TRY(combine(im, op, c, &out, err));
        c[0] = out;
    }
    return dli_onnx_bind_const(im, node, c[0], err);
}

dl4c_status dli_onnx_fold_clip(struct dli_onnx_import *im, const struct dli_onnx_node *node, struct dl4c_error *err)
{
    static const struct {
        const char *name;
        int32_t op;
    } bounds[] = { { "min", MAX }, { "max", MIN } };
    struct dli_onnx_const *c[2], *out;
    DLI_TRY(dli_onnx_want_const(im, node, 0, &c[0], err));
    for (int32_t k = 0; k < 2; k++) {
        const struct dli_onnx_attr *a = dli_onnx_attr(node, bounds[k].name); /* before opset 11 */
        if (a)
            DLI_TRY(dli_onnx_const_splat(im, onnx_TensorProto_DataType_FLOAT, 0, NULL, a->f, 0, &c[1], err));
        else if (dli_onnx_in(im, node, k + 1))
            DLI_TRY(dli_onnx_want_const(im, node, k + 1, &c[1], err));
        else
            continue;
        if (c[1]->count != 1)
            return dli_fail(err, DL4C_E_INVALID, "onnx", "%s has %" PRId64 " elements, wanted one", bounds[k].name, c[1]->count);
        DLI_TRY(combine(im, bounds[k].op, c, &out, err));
        c[0] = out;
    }
    return dli_onnx_bind_const(im, node, c[0], err);
}

dl4c_status dli_onnx_fold_where(struct dli_onnx_import *im, const struct dli_onnx_node *node, struct dl4c_error *err)
{
    struct dli_onnx_const *c[3], *out;
    int32_t rank;
    int64_t dim[DLI_ONNX_RANK], stride[3][DLI_ONNX_RANK], index[DLI_ONNX_RANK] = { 0 }, at[3] = { 0 }, *to_i;
    const int64_t *which, *a = NULL, *b = NULL;
    const float *fa = NULL, *fb = NULL;
    float *to_f;
    for (int32_t k = 0; k < 3; k++)
        DLI_TRY(dli_onnx_want_const(im, node, k, &c[k], err));
    const bool floating = dli_onnx_type_is_float(c[1]->type);
    if (floating != dli_onnx_type_is_float(c[2]->type))
        return dli_fail(err, DL4C_E_UNSUPPORTED, "onnx", "constants of %s and %s are not folded", dli_onnx_type_name(c[1]->type),
                        dli_onnx_type_name(c[2]->type));
    DLI_TRY(dli_onnx_const_ints(im, c[0], &which, err));
    if (floating) {
        DLI_TRY(dli_onnx_const_floats(im, c[1], &fa, err));
        DLI_TRY(dli_onnx_const_floats(im, c[2], &fb, err));
    } else {
        DLI_TRY(dli_onnx_const_ints(im, c[1], &a, err));
        DLI_TRY(dli_onnx_const_ints(im, c[2], &b, err));
    }
    DLI_TRY(broadcast(c, 3, &rank, dim, stride, err));
    DLI_TRY(dli_onnx_const_new(im, c[1]->type, rank, dim, &out, &to_f, &to_i, err));
    for (int64_t k = 0; k < out->count; k++, next(rank, dim, index, 3, stride, at)) {
        const int64_t w = which[at[0]];
        if (floating)
            to_f[k] = is_length(w) ? (float)NAN : w ? fa[at[1]] : fb[at[2]];
        else
            to_i[k] = is_length(w) ? DLI_ONNX_UNKNOWN : w ? a[at[1]] : b[at[2]];
    }
    return dli_onnx_bind_const(im, node, out, err);
}

enum { NEG, ABS, SIGN, RELU, SQRT, RECIPROCAL, FLOOR, CEIL, ROUND, EXP, LOG, NOT };
static const char *const unary_words[] = { "Neg",   "Abs",  "Sign",  "Relu", "Sqrt", "Reciprocal",
                                           "Floor", "Ceil", "Round", "Exp",  "Log",  "Not" };

static float float_unary(int32_t op, float v)
{
    switch (op) {
    case NEG: return -v;
    case ABS: return fabsf(v);
    case SIGN: return isnan(v) ? v : (float)((v > 0) - (v < 0));
    case RELU: return v < 0 ? 0 : v;
    case SQRT: return sqrtf(v);
    case RECIPROCAL: return 1 / v;
    case FLOOR: return floorf(v);
    case CEIL: return ceilf(v);
    case ROUND: return isinf(v) ? v : v - remainderf(v, 1); /* halves to even, however the caller's thread rounds */
    case EXP: return expf(v);
    default: return logf(v);
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
    if (floating ? op == NOT : op != NOT && op > RELU)
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
            const int64_t v = i[k], minus = (int64_t)(0 - (uint64_t)v);
            if (is_length(v)) /* 1 at least */
                to_i[k] = op == ABS || op == RELU ? v : op == SIGN ? 1 : DLI_ONNX_UNKNOWN;
            else
                to_i[k] = op == NOT ? !v : op == SIGN ? (v > 0) - (v < 0) : op == RELU ? (v > 0 ? v : 0) : op == NEG || v < 0 ? minus : v;
        }
    }
    return dli_onnx_bind_const(im, node, out, err);
}

dl4c_status dli_onnx_fold_reduce(struct dli_onnx_import *im, const struct dli_onnx_node *node, struct dl4c_error *err)
{
    static const struct {
        const char *word;
        int32_t op;
    } words[] = { { "ReduceSum", ADD }, { "ReduceProd", MUL }, { "ReduceMin", MIN }, { "ReduceMax", MAX } };
    struct dli_onnx_const *c, *out;
    bool marks[DLI_ONNX_RANK];
    const int64_t *i;
    const int64_t one = 1;
    int64_t n, *to_i;
    float *to_f;
    int32_t w = 0;
    while (w < 3 && strcmp(words[w].word, node->op) != 0)
        w++;
    DLI_TRY(dli_onnx_want_const(im, node, 0, &c, err));
    DLI_TRY(dli_onnx_marked_axes(im, node, 1, c->rank, marks, &n, err));
    if (n < 1 && dli_onnx_attr_i(node, "noop_with_empty_axes", 0))
        return dli_onnx_bind_const(im, node, c, err);
    if (c->rank > 1)
        return dli_fail(err, DL4C_E_UNSUPPORTED, "onnx", "a constant of %" PRId32 " axes is not folded", c->rank);
    DLI_TRY(dli_onnx_const_ints(im, c, &i, err));
    if (c->count < 1 && words[w].op >= MIN)
        return dli_fail(err, DL4C_E_INVALID, "onnx", "an empty constant has no least or greatest element");
    DLI_TRY(dli_onnx_const_new(im, c->type, dli_onnx_attr_i(node, "keepdims", 1) ? c->rank : 0, &one, &out, &to_f, &to_i, err));
    if (!to_i)
        return dli_fail(err, DL4C_E_INTERNAL, "onnx", "integers came out as floating point");
    *to_i = words[w].op == ADD ? 0 : words[w].op == MUL ? 1 : i[0];
    for (int64_t k = 0; k < c->count; k++)
        DLI_TRY(int_binary(words[w].op, *to_i, i[k], to_i, err));
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
