/* SPDX-License-Identifier: Apache-2.0 */
/* Element types into each other, copying between strides, tensors of another type. */
#include "tensor/convert.h"
#include "kernels/convert.h"
#include "tensor/tensor.h"

#include <math.h>

double dli_f16_to_f64(uint16_t bits)
{
    const uint64_t sign = (uint64_t)(bits >> 15) << 63, fraction = bits & 0x3ff, exponent = bits >> 10 & 0x1f;
    uint64_t u;
    double v;
    if (exponent == 0) { /* zero and subnormals: fraction * 2^-24 */
        v = (double)fraction * 0x1p-24;
        memcpy(&u, &v, sizeof u);
        u |= sign;
    } else {
        u = sign | (exponent == 31 ? 0x7ffu : exponent - 15 + 1023) << 52 | fraction << 42;
    }
    memcpy(&v, &u, sizeof v);
    return v;
}

/* Rounds to a format with `digits` bits of fraction, 2^lowest as its least normal number and `infinity` as the exponent field of that. */
static uint16_t narrow(double v, int digits, int lowest, unsigned infinity)
{
    uint64_t u;
    memcpy(&u, &v, sizeof u);
    const uint64_t sign = u >> 63 << 15;
    const int exponent = (int)(u >> 52 & 0x7ff) - 1023;
    uint64_t fraction = u & 0xfffffffffffff;
    const uint64_t top = (uint64_t)infinity << digits;
    if (exponent == 1024)
        return (uint16_t)(sign | top | (fraction ? UINT64_C(1) << (digits - 1) | fraction >> (52 - digits) : 0));
    if (exponent < lowest - digits - 1)
        return (uint16_t)sign; /* below half of the least subnormal; doubles that are subnormal too */
    fraction |= UINT64_C(1) << 52;
    const int below = exponent < lowest ? lowest - exponent : 0; /* how far into the subnormals */
    const int drop = 52 - digits + below;                        /* at most 53 */
    uint64_t kept = fraction >> drop;
    const uint64_t rest = fraction & ((UINT64_C(1) << drop) - 1), half = UINT64_C(1) << (drop - 1);
    kept += rest > half || (rest == half && (kept & 1));
    /* A carry moves into the exponent by itself: kept holds the hidden bit. */
    const uint64_t out = below ? kept : kept + ((uint64_t)(exponent - lowest) << digits);
    return (uint16_t)(sign | (out < top ? out : top));
}

uint16_t dli_f64_to_f16(double v) { return narrow(v, 10, -14, 31); }
uint16_t dli_f64_to_bf16(double v) { return narrow(v, 7, -126, 255); }

/* A double that rounds to any narrower type as v itself would: below 2^53 it is v, above that bits beyond the 52nd are kept as
 * "something follows", so that nothing is rounded twice. */
static double sticky(int64_t v)
{
    const uint64_t u = v < 0 ? 0 - (uint64_t)v : (uint64_t)v;
    if (u < UINT64_C(1) << 53)
        return (double)v;
    const double d = (double)((u >> 11 | ((u & 0x7ff) != 0)) << 11);
    return v < 0 ? -d : d;
}

static int32_t i32_of_f64(double v) { return v >= 2147483647.0 ? INT32_MAX : v <= -2147483648.0 ? INT32_MIN : v == v ? (int32_t)v : 0; }
static int64_t i64_of_f64(double v) { return v >= 0x1p63 ? INT64_MAX : v <= -0x1p63 ? INT64_MIN : v == v ? (int64_t)v : 0; }
static uint8_t u8_of_f64(double v) { return v >= 255.0 ? 255 : v > 0.0 ? (uint8_t)v : 0; }
static int32_t i32_of_i64(int64_t v) { return v > INT32_MAX ? INT32_MAX : v < INT32_MIN ? INT32_MIN : (int32_t)v; }
static uint8_t u8_of_i64(int64_t v) { return v > 255 ? 255 : v < 0 ? 0 : (uint8_t)v; }

/* One loop per pair of types; expr makes y of x, an element as it is stored. */
#define LOOP(name, dst_c, src_c, expr)                                                                                                     \
    static void name(char *dst, int64_t dst_stride, const char *src, int64_t src_stride, int64_t n)                                        \
    {                                                                                                                                      \
        for (int64_t i = 0; i < n; i++) {                                                                                                  \
            src_c x;                                                                                                                       \
            memcpy(&x, src + i * src_stride * (int64_t)sizeof x, sizeof x);                                                                \
            const dst_c y = (expr);                                                                                                        \
            memcpy(dst + i * dst_stride * (int64_t)sizeof y, &y, sizeof y);                                                                \
        }                                                                                                                                  \
    }

#define FROM_FLOATS(type, src_c, value)                                                                                                    \
    LOOP(f32_of_##type, float, src_c, (float)(value))                                                                                      \
    LOOP(f64_of_##type, double, src_c, (double)(value))                                                                                    \
    LOOP(f16_of_##type, uint16_t, src_c, dli_f64_to_f16(value))                                                                            \
    LOOP(bf16_of_##type, uint16_t, src_c, dli_f64_to_bf16(value))                                                                          \
    LOOP(to_i32_of_##type, int32_t, src_c, i32_of_f64(value))                                                                              \
    LOOP(to_i64_of_##type, int64_t, src_c, i64_of_f64(value))                                                                              \
    LOOP(to_u8_of_##type, uint8_t, src_c, u8_of_f64(value))

#define FROM_INTEGERS(type, src_c)                                                                                                         \
    LOOP(f32_of_##type, float, src_c, (float)x)                                                                                            \
    LOOP(f64_of_##type, double, src_c, (double)x)                                                                                          \
    LOOP(f16_of_##type, uint16_t, src_c, dli_f64_to_f16(sticky(x)))                                                                        \
    LOOP(bf16_of_##type, uint16_t, src_c, dli_f64_to_bf16(sticky(x)))                                                                      \
    LOOP(to_i32_of_##type, int32_t, src_c, i32_of_i64(x))                                                                                  \
    LOOP(to_i64_of_##type, int64_t, src_c, x)                                                                                              \
    LOOP(to_u8_of_##type, uint8_t, src_c, u8_of_i64(x))

FROM_FLOATS(f32, float, (double)x)
FROM_FLOATS(f64, double, x)
FROM_FLOATS(f16, uint16_t, dli_f16_to_f64(x))
FROM_FLOATS(bf16, uint16_t, (double)dli_bf16_to_f32(x))
FROM_INTEGERS(i32, int32_t)
FROM_INTEGERS(i64, int64_t)
FROM_INTEGERS(u8, uint8_t)

LOOP(copy_1, uint8_t, uint8_t, x)
LOOP(copy_2, uint16_t, uint16_t, x)
LOOP(copy_4, uint32_t, uint32_t, x)
LOOP(copy_8, uint64_t, uint64_t, x)

typedef void (*loop_fn)(char *, int64_t, const char *, int64_t, int64_t);

#define ROW(type)                                                                                                                          \
    {                                                                                                                                      \
        [DL4C_F32] = f32_of_##type, [DL4C_F64] = f64_of_##type, [DL4C_F16] = f16_of_##type, [DL4C_BF16] = bf16_of_##type,                  \
        [DL4C_I32] = to_i32_of_##type, [DL4C_I64] = to_i64_of_##type, [DL4C_U8] = to_u8_of_##type                                          \
    }
static const loop_fn loops[8][8] = {
    /* [source][destination] */
    [DL4C_F32] = ROW(f32), [DL4C_F64] = ROW(f64), [DL4C_F16] = ROW(f16), [DL4C_BF16] = ROW(bf16),
    [DL4C_I32] = ROW(i32), [DL4C_I64] = ROW(i64), [DL4C_U8] = ROW(u8),
};

void dli_convert(int32_t dst_type, void *dst, int64_t dst_stride, int32_t src_type, const void *src, int64_t src_stride, int64_t n)
{
    const size_t size = dl4c_dtype_size(dst_type);
    const bool halves = (dst_type == DL4C_F32 && (src_type == DL4C_F16 || src_type == DL4C_BF16)) ||
                        (src_type == DL4C_F32 && (dst_type == DL4C_F16 || dst_type == DL4C_BF16));
    if (halves && dst_stride == 1 && src_stride == 1)
        (src_type == DL4C_F16    ? dli_widen_f16
         : src_type == DL4C_BF16 ? dli_widen_bf16
         : dst_type == DL4C_F16  ? dli_narrow_f16
                                 : dli_narrow_bf16)((size_t)n, src, dst);
    else if (dst_type != src_type)
        loops[src_type][dst_type](dst, dst_stride, src, src_stride, n);
    else if (dst_stride == 1 && src_stride == 1)
        memcpy(dst, src, (size_t)n * size);
    else
        (size == 1 ? copy_1 : size == 2 ? copy_2 : size == 4 ? copy_4 : copy_8)(dst, dst_stride, src, src_stride, n);
}

/* Same shapes, no overlap: the innermost run after joining axes is one call, the axes around it count. */
static void copy_strided(dl4c_tensor *dst, const dl4c_tensor *src)
{
    int64_t shape[DL4C_MAX_RANK], d[DL4C_MAX_RANK], s[DL4C_MAX_RANK], index[DL4C_MAX_RANK] = { 0 };
    const int32_t rank = dli_shape_join(src->shape, src->rank, dst->strides, src->strides, shape, d, s);
    const int64_t dst_size = (int64_t)dl4c_dtype_size(dst->dtype), src_size = (int64_t)dl4c_dtype_size(src->dtype);
    char *to = dst->data;
    const char *from = src->data;
    for (;;) {
        dli_convert(dst->dtype, to, d[rank - 1], src->dtype, from, s[rank - 1], shape[rank - 1]);
        int32_t axis = rank - 2;
        for (; axis >= 0; axis--) {
            if (++index[axis] < shape[axis]) {
                to += d[axis] * dst_size;
                from += s[axis] * src_size;
                break;
            }
            to -= d[axis] * dst_size * (shape[axis] - 1);
            from -= s[axis] * src_size * (shape[axis] - 1);
            index[axis] = 0;
        }
        if (axis < 0)
            return;
    }
}

static bool overlap(const dl4c_tensor *a, const dl4c_tensor *b)
{
    int64_t low_a = 0, high_a = 0, low_b = 0, high_b = 0;
    dli_shape_span(a->shape, a->strides, a->rank, &low_a, &high_a);
    dli_shape_span(b->shape, b->strides, b->rank, &low_b, &high_b);
    const int64_t size_a = (int64_t)dl4c_dtype_size(a->dtype), size_b = (int64_t)dl4c_dtype_size(b->dtype);
    const uintptr_t at_a = (uintptr_t)a->data, at_b = (uintptr_t)b->data;
    return at_a + (uintptr_t)(low_a * size_a) < at_b + (uintptr_t)((high_b + 1) * size_b) &&
           at_b + (uintptr_t)(low_b * size_b) < at_a + (uintptr_t)((high_a + 1) * size_a);
}

static bool same_elements(const dl4c_tensor *a, const dl4c_tensor *b)
{
    if (a->data != b->data || a->dtype != b->dtype)
        return false;
    for (int32_t i = 0; i < a->rank; i++)
        if (a->shape[i] > 1 && a->strides[i] != b->strides[i])
            return false;
    return true;
}

dl4c_status dl4c_tensor_copy(dl4c_tensor *dst, const dl4c_tensor *src, struct dl4c_error *err)
{
    if (!dst || !src)
        return dli_fail(err, DL4C_E_INVALID, "copy", "a tensor is NULL");
    if (dst->read_only)
        return dli_fail(err, DL4C_E_DENIED, "copy", "the destination is read-only");
    if (!dli_shape_equal(dst->shape, dst->rank, src->shape, src->rank))
        return dli_fail(err, DL4C_E_INVALID, "copy", "the destination is %s but the source is %s", DLI_SHAPE(dst->shape, dst->rank),
                        DLI_SHAPE(src->shape, src->rank));
    if (dl4c_tensor_size(src) == 0)
        return DL4C_OK;
    for (int32_t i = 0; i < dst->rank; i++)
        if (dst->strides[i] == 0 && dst->shape[i] > 1)
            return dli_fail(err, DL4C_E_INVALID, "copy", "axis %" PRId32 " of the destination repeats one element", i);
    if (same_elements(dst, src))
        return DL4C_OK;
    if (!overlap(dst, src)) {
        copy_strided(dst, src);
        return DL4C_OK;
    }
    dl4c_tensor *aside;
    DLI_TRY(dli_tensor_create_raw(src->ctx, src->dtype, src->shape, src->rank, &aside, err));
    copy_strided(aside, src);
    copy_strided(dst, aside);
    dl4c_tensor_unref(&aside);
    return DL4C_OK;
}

dl4c_status dli_tensor_as(const dl4c_tensor *t, int32_t dtype, dl4c_tensor **out, struct dl4c_error *err)
{
    *out = NULL;
    DLI_TRY(dli_dtype_check(dtype, "tensor", err));
    if (t->dtype == dtype && dl4c_tensor_is_contiguous(t)) {
        *out = dl4c_tensor_ref((dl4c_tensor *)(uintptr_t)t);
        return DL4C_OK;
    }
    DLI_TRY(dli_tensor_create_raw(t->ctx, dtype, t->shape, t->rank, out, err));
    if (dl4c_tensor_size(t) > 0)
        copy_strided(*out, t);
    return DL4C_OK;
}

dl4c_status dl4c_tensor_to(dl4c_tensor *t, int32_t dtype, dl4c_tensor **out, struct dl4c_error *err)
{
    if (!out)
        return dli_fail(err, DL4C_E_INVALID, "tensor", "the place for the tensor is NULL");
    *out = NULL;
    if (!t)
        return dli_fail(err, DL4C_E_INVALID, "tensor", "the tensor is NULL");
    return dli_tensor_as(t, dtype, out, err);
}
