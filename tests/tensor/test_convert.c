/* SPDX-License-Identifier: Apache-2.0 */
/* Element types into each other, and copies between any strides. */
#include "tensor/convert.h"
#include "base/rng.h"
#include "tensor/tensor.h"

#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

/* The judge of the 16-bit types: all values in order of size, so that the nearest two are neighbours in a table. */
static void check_rounding(uint16_t (*round)(double), double (*value)(uint16_t), uint16_t infinity, double beyond)
{
    for (uint16_t bits = 0; bits < infinity; bits++) {
        const double a = value(bits), b = bits + 1 == infinity ? beyond : value((uint16_t)(bits + 1)), middle = (a + b) / 2;
        const uint16_t even = bits & 1 ? (uint16_t)(bits + 1) : bits;
        assert_true(a < b);
        assert_int_equal(round(a), bits);
        assert_int_equal(round(middle), even);
        assert_int_equal(round(nextafter(middle, 0)), bits);
        assert_int_equal(round(nextafter(middle, INFINITY)), bits + 1);
        assert_int_equal(round(-a), bits | 0x8000);
        assert_int_equal(round(-nextafter(middle, INFINITY)), (bits + 1) | 0x8000);
    }
    assert_int_equal(round(INFINITY), infinity);
    assert_int_equal(round(-INFINITY), infinity | 0x8000);
    assert_int_equal(round(DBL_MAX), infinity);
    assert_int_equal(round(DBL_TRUE_MIN), 0);
    assert_true(isnan(value(round(NAN))));
    assert_true(isinf(value(infinity)));
    assert_true(isnan(value((uint16_t)(infinity + 1))));
}

static double bf16_value(uint16_t bits) { return (double)dli_bf16_to_f32(bits); }

static void f16_rounds_to_nearest_even_over_all_its_values(void **state)
{
    (void)state;
    check_rounding(dli_f64_to_f16, dli_f16_to_f64, 0x7c00, 65536.0);
    assert_true(dli_f16_to_f64(0x3c00) == 1.0);
    assert_true(dli_f16_to_f64(0xc000) == -2.0);
    assert_true(dli_f16_to_f64(0x0001) == 0x1p-24);
    assert_true(dli_f16_to_f64(0x7bff) == 65504.0);
}

static void bf16_rounds_to_nearest_even_over_all_its_values(void **state)
{
    (void)state;
    check_rounding(dli_f64_to_bf16, bf16_value, 0x7f80, 0x1p128);
    assert_true(bf16_value(0x3f80) == 1.0);
}

static void floats_to_integers_are_cut_and_saturated(void **state)
{
    (void)state;
    const double in[] = { 1.9, -1.9, 255.5, 256, -0.5, 2147483647.0, 2147483648.0, -2147483649.0, 1e30, -1e30, NAN, INFINITY, -INFINITY };
    enum { N = sizeof in / sizeof *in };
    const int32_t i32[N] = { 1, -1, 255, 256, 0, INT32_MAX, INT32_MAX, INT32_MIN, INT32_MAX, INT32_MIN, 0, INT32_MAX, INT32_MIN };
    const int64_t i64[N] = { 1, -1, 255, 256, 0, 2147483647, 2147483648, -2147483649, INT64_MAX, INT64_MIN, 0, INT64_MAX, INT64_MIN };
    const uint8_t u8[N] = { 1, 0, 255, 255, 0, 255, 255, 0, 255, 0, 0, 255, 0 };
    int32_t a[N];
    int64_t b[N];
    uint8_t c[N];
    dli_convert(DL4C_I32, a, 1, DL4C_F64, in, 1, N);
    dli_convert(DL4C_I64, b, 1, DL4C_F64, in, 1, N);
    dli_convert(DL4C_U8, c, 1, DL4C_F64, in, 1, N);
    assert_memory_equal(a, i32, sizeof a);
    assert_memory_equal(b, i64, sizeof b);
    assert_memory_equal(c, u8, sizeof c);
}

static void integers_saturate_and_round_once(void **state)
{
    (void)state;
    const int64_t in[] = { 300, -7, INT64_MAX, INT64_MIN, 5 };
    int32_t i32[5];
    uint8_t u8[5];
    dli_convert(DL4C_I32, i32, 1, DL4C_I64, in, 1, 5);
    dli_convert(DL4C_U8, u8, 1, DL4C_I64, in, 1, 5);
    assert_memory_equal(i32, ((const int32_t[]){ 300, -7, INT32_MAX, INT32_MIN, 5 }), sizeof i32);
    assert_memory_equal(u8, ((const uint8_t[]){ 255, 0, 255, 0, 5 }), sizeof u8);
    /* Halfway between two bf16 plus a bit that a double drops: rounding twice would go down to even. */
    const int64_t above = (INT64_C(1) << 62) + (INT64_C(1) << 54) + 1, tie = (INT64_C(1) << 62) + (INT64_C(1) << 54), minus = -above;
    uint16_t bits;
    dli_convert(DL4C_BF16, &bits, 1, DL4C_I64, &above, 1, 1);
    assert_true(bf16_value(bits) == 0x1p62 + 0x1p55);
    dli_convert(DL4C_BF16, &bits, 1, DL4C_I64, &tie, 1, 1);
    assert_true(bf16_value(bits) == 0x1p62);
    dli_convert(DL4C_BF16, &bits, 1, DL4C_I64, &minus, 1, 1);
    assert_true(bf16_value(bits) == -(0x1p62 + 0x1p55));
    /* Halfway between two f16 plus a bit that a float drops. */
    const double above_f16 = 1 + 0x1p-11 + 0x1p-40;
    dli_convert(DL4C_F16, &bits, 1, DL4C_F64, &above_f16, 1, 1);
    assert_true(dli_f16_to_f64(bits) == 1 + 0x1p-10);
}

/* Small whole numbers are the same in every type, so every pair of types must keep them. */
static void every_pair_of_types_keeps_small_whole_numbers(void **state)
{
    (void)state;
    const int64_t shape[] = { 3, 5 };
    for (int32_t from = DL4C_F32; from <= DL4C_U8; from++)
        for (int32_t to = DL4C_F32; to <= DL4C_U8; to++) {
            dl4c_tensor *a, *b, *c, *d, *turned;
            assert_int_equal(dl4c_tensor_create(NULL, DL4C_I64, shape, 2, &a, NULL), DL4C_OK);
            for (int i = 0; i < 15; i++)
                ((int64_t *)dl4c_tensor_data(a))[i] = 17 * i;
            assert_int_equal(dl4c_tensor_to(a, from, &b, NULL), DL4C_OK);
            assert_int_equal(dl4c_tensor_transpose(b, NULL, &turned, NULL), DL4C_OK);
            assert_int_equal(dl4c_tensor_to(turned, to, &c, NULL), DL4C_OK);
            assert_int_equal(dl4c_tensor_dtype(c), to);
            assert_int_equal(dl4c_tensor_to(c, DL4C_I64, &d, NULL), DL4C_OK);
            for (int i = 0; i < 5; i++)
                for (int j = 0; j < 3; j++)
                    assert_int_equal(((const int64_t *)dl4c_tensor_data_const(d))[i * 3 + j], 17 * (j * 5 + i));
            dl4c_tensor_unref(&a);
            dl4c_tensor_unref(&b);
            dl4c_tensor_unref(&c);
            dl4c_tensor_unref(&d);
            dl4c_tensor_unref(&turned);
        }
}

static void to_is_a_reference_where_nothing_changes(void **state)
{
    (void)state;
    const int64_t shape[] = { 3 };
    dl4c_tensor *t, *same, *none = NULL;
    assert_int_equal(dl4c_tensor_create(NULL, DL4C_F32, shape, 1, &t, NULL), DL4C_OK);
    assert_int_equal(dl4c_tensor_to(t, DL4C_F32, &same, NULL), DL4C_OK);
    assert_ptr_equal(same, t);
    assert_int_equal(dl4c_tensor_to(t, 77, &none, NULL), DL4C_E_INVALID);
    assert_null(none);
    dl4c_tensor_unref(&same);
    dl4c_tensor_unref(&t);
}

/* A tensor of random shape whose axes lie in random order, distance and direction in a buffer, every element in a place of its own. */
static dl4c_tensor *scattered(struct dli_rng *r, const int64_t *shape, int32_t rank, int32_t *buffer, size_t room)
{
    int64_t strides[DL4C_MAX_RANK], order[DL4C_MAX_RANK], step = 1, start = 0;
    for (int32_t i = 0; i < rank; i++)
        order[i] = i;
    dli_rng_shuffle(r, order, (size_t)rank);
    for (int32_t k = 0; k < rank; k++) {
        const int64_t axis = order[k];
        step *= 1 + (int64_t)dli_rng_below(r, 2);
        strides[axis] = step;
        step *= shape[axis];
        if (dli_rng_below(r, 2)) {
            start += strides[axis] * (shape[axis] - 1);
            strides[axis] = -strides[axis];
        }
    }
    assert_true((size_t)step <= room);
    dl4c_tensor *t;
    assert_int_equal(dl4c_tensor_wrap(NULL, DL4C_I32, shape, strides, rank, buffer + start, 0, NULL, NULL, &t, NULL), DL4C_OK);
    return t;
}

static int32_t *element(dl4c_tensor *t, int64_t k)
{
    int32_t *p = dl4c_tensor_data(t);
    for (int32_t i = dl4c_tensor_rank(t) - 1; i >= 0; k /= dl4c_tensor_dim(t, i--))
        p += k % dl4c_tensor_dim(t, i) * dl4c_tensor_strides(t)[i];
    return p;
}

static void copies_between_any_strides_match_the_definition(void **state)
{
    (void)state;
    enum { ROOM = 1 << 16 };
    static int32_t from[ROOM], to[ROOM];
    struct dli_rng r;
    dli_rng_init(&r, 1, 1);
    for (int trial = 0; trial < 300; trial++) {
        int64_t shape[5], n = 1;
        const int32_t rank = (int32_t)dli_rng_below(&r, 6);
        for (int32_t i = 0; i < rank; i++)
            n *= shape[i] = 1 + (int64_t)dli_rng_below(&r, 5);
        dl4c_tensor *a = scattered(&r, shape, rank, from, ROOM), *b = scattered(&r, shape, rank, to, ROOM);
        memset(to, 0x7f, sizeof to);
        for (int64_t k = 0; k < n; k++)
            *element(a, k) = (int32_t)k;
        assert_int_equal(dl4c_tensor_copy(b, a, NULL), DL4C_OK);
        for (int64_t k = 0; k < n; k++)
            assert_int_equal(*element(b, k), k);
        int64_t written = 0;
        for (int i = 0; i < ROOM; i++)
            written += to[i] != 0x7f7f7f7f;
        assert_int_equal(written, n);
        dl4c_tensor_unref(&a);
        dl4c_tensor_unref(&b);
    }
}

static void overlapping_copies_read_before_they_write(void **state)
{
    (void)state;
    int32_t data[6] = { 0, 1, 2, 3, 4, 5 };
    const int64_t shape[] = { 6 }, back[] = { -1 };
    dl4c_tensor *t, *a, *b;
    assert_int_equal(dl4c_tensor_wrap(NULL, DL4C_I32, shape, NULL, 1, data, 0, NULL, NULL, &t, NULL), DL4C_OK);
    assert_int_equal(dl4c_tensor_slice(t, 0, 0, 5, 1, &a, NULL), DL4C_OK);
    assert_int_equal(dl4c_tensor_slice(t, 0, 1, 6, 1, &b, NULL), DL4C_OK);
    assert_int_equal(dl4c_tensor_copy(b, a, NULL), DL4C_OK);
    assert_memory_equal(data, ((const int32_t[]){ 0, 0, 1, 2, 3, 4 }), sizeof data);
    dl4c_tensor_unref(&a);
    dl4c_tensor_unref(&b);
    assert_int_equal(dl4c_tensor_wrap(NULL, DL4C_I32, shape, back, 1, data + 5, 0, NULL, NULL, &b, NULL), DL4C_OK);
    assert_int_equal(dl4c_tensor_copy(t, b, NULL), DL4C_OK);
    assert_memory_equal(data, ((const int32_t[]){ 4, 3, 2, 1, 0, 0 }), sizeof data);
    assert_int_equal(dl4c_tensor_copy(t, t, NULL), DL4C_OK);
    dl4c_tensor_unref(&b);
    dl4c_tensor_unref(&t);
}

static void copy_refuses_other_shapes_and_repeated_destinations(void **state)
{
    (void)state;
    struct dl4c_error err = DL4C_ERROR_INIT;
    int32_t data[4] = { 0 };
    const int64_t two[] = { 2, 2 }, four[] = { 4 }, repeat[] = { 0, 1 };
    dl4c_tensor *a, *b, *c;
    assert_int_equal(dl4c_tensor_create(NULL, DL4C_I32, two, 2, &a, NULL), DL4C_OK);
    assert_int_equal(dl4c_tensor_create(NULL, DL4C_I32, four, 1, &b, NULL), DL4C_OK);
    assert_int_equal(dl4c_tensor_wrap(NULL, DL4C_I32, two, repeat, 2, data, 0, NULL, NULL, &c, NULL), DL4C_OK);
    assert_int_equal(dl4c_tensor_copy(a, b, &err), DL4C_E_INVALID);
    assert_string_equal(err.message, "the destination is [2, 2] but the source is [4]");
    assert_int_equal(dl4c_tensor_copy(c, a, &err), DL4C_E_INVALID);
    assert_int_equal(dl4c_tensor_copy(a, c, &err), DL4C_OK);
    assert_int_equal(dl4c_tensor_copy(NULL, a, &err), DL4C_E_INVALID);
    dl4c_tensor_unref(&a);
    dl4c_tensor_unref(&b);
    dl4c_tensor_unref(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(f16_rounds_to_nearest_even_over_all_its_values),
        cmocka_unit_test(bf16_rounds_to_nearest_even_over_all_its_values),
        cmocka_unit_test(floats_to_integers_are_cut_and_saturated),
        cmocka_unit_test(integers_saturate_and_round_once),
        cmocka_unit_test(every_pair_of_types_keeps_small_whole_numbers),
        cmocka_unit_test(to_is_a_reference_where_nothing_changes),
        cmocka_unit_test(copies_between_any_strides_match_the_definition),
        cmocka_unit_test(overlapping_copies_read_before_they_write),
        cmocka_unit_test(copy_refuses_other_shapes_and_repeated_destinations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
