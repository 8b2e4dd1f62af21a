/* SPDX-License-Identifier: Apache-2.0 */
/* Halves: every one of them widened and narrowed, and the roundings between them; byte order. */
#include "kernels/convert.h"

#include "kernels/check.h"

static uint32_t bits_of(float v)
{
    uint32_t u;
    memcpy(&u, &v, sizeof u);
    return u;
}

static double half_value(uint32_t h)
{
    const double size = (h >> 10 & 31) == 0 ? ldexp(h & 0x3ff, -24) : ldexp((h & 0x3ff) | 0x400, (int)(h >> 10 & 31) - 25);
    return h & 0x8000 ? -size : size;
}

static void every_half_is_widened_exactly_and_comes_back(void **state)
{
    (void)state;
    enum { N = 65536 };
    uint16_t *h = guard_alloc(2 * N), *back = guard_alloc(2 * N);
    float *f = floats(N);
    for (uint32_t i = 0; i < N; i++)
        h[i] = (uint16_t)i;
    dli_widen_f16(N, h, f);
    dli_narrow_f16(N, f, back);
    for (uint32_t i = 0; i < N; i++) {
        if ((i & 0x7fff) > 0x7c00) {
            assert_true(isnan(f[i]) && (back[i] & 0x7fff) > 0x7c00 && (back[i] & 0x200) && back[i] >> 15 == i >> 15);
            continue;
        }
        assert_true((i & 0x7fff) == 0x7c00 ? isinf(f[i]) : (double)f[i] == half_value(i));
        assert_int_equal(signbit(f[i]) != 0, i >> 15);
        assert_int_equal(back[i], i);
    }
    dli_widen_bf16(N, h, f);
    dli_narrow_bf16(N, f, back);
    for (uint32_t i = 0; i < N; i++) {
        assert_int_equal(bits_of(f[i]), i << 16);
        assert_int_equal(back[i], (i & 0x7fff) > 0x7f80 ? i | 0x40 : i);
    }
    guard_free(h, 2 * N);
    guard_free(back, 2 * N);
    floats_free(f, N);
}

static void between_two_halves_the_nearer_is_taken_and_the_even_at_a_tie(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < 0x7c00; i++) {
        const double low = half_value(i), high = i == 0x7bff ? 65536 : half_value(i + 1), middle = (low + high) / 2;
        const float tie = (float)middle, below = nextafterf(tie, 0), above = nextafterf(tie, INFINITY), x[3] = { tie, below, -above };
        assert_true((double)tie == middle);
        uint16_t h[3];
        dli_narrow_f16(3, x, h);
        assert_int_equal(h[0], i + (i & 1));
        assert_int_equal(h[1], i);
        assert_int_equal(h[2], (i + 1) | 0x8000);
    }
    for (uint32_t i = 0; i < 0x7f80; i += 7) {
        const uint32_t ties[3] = { i << 16 | 0x8000, i << 16 | 0x7fff, i << 16 | 0x8001 };
        uint16_t h[3];
        dli_narrow_bf16(3, ties, h);
        assert_int_equal(h[0], i + (i & 1));
        assert_int_equal(h[1], i);
        assert_int_equal(h[2], i + 1);
    }
}

static void arrays_of_every_length_and_alignment_are_converted(void **state)
{
    (void)state;
    for (size_t n = 0; n <= 40; n++)
        for (size_t offset = 0; offset < 2; offset++) {
            char *h = guard_alloc(2 * n + offset), *f = guard_alloc(4 * n + offset), *back = guard_alloc(2 * n + offset);
            for (size_t i = 0; i < n; i++) {
                const uint16_t v = (uint16_t)(0x3c00 + 37 * i);
                memcpy(h + 2 * i, &v, sizeof v);
            }
            dli_widen_f16(n, h, f);
            for (size_t i = 0; i < n; i++) {
                float v;
                memcpy(&v, f + 4 * i, sizeof v);
                assert_true((double)v == half_value((uint32_t)(0x3c00 + 37 * i)));
            }
            dli_narrow_f16(n, f, back);
            assert_memory_equal(h, back, 2 * n);
            guard_free(h, 2 * n + offset);
            guard_free(f, 4 * n + offset);
            guard_free(back, 2 * n + offset);
        }
}

static void bytes_are_reversed_in_place_and_beside(void **state)
{
    (void)state;
    for (size_t element = 1; element <= 8; element *= 2)
        for (size_t n = 0; n <= 20; n++) {
            unsigned char *x = guard_alloc(n * element), *y = guard_alloc(n * element);
            for (size_t i = 0; i < n * element; i++)
                x[i] = (unsigned char)(i * 5 + 1);
            dli_byte_swap(n, element, x, y);
            for (size_t i = 0; i < n * element; i++)
                assert_int_equal(y[i], x[i / element * element + element - 1 - i % element]);
            dli_byte_swap(n, element, y, y);
            assert_memory_equal(x, y, n * element);
            guard_free(x, n * element);
            guard_free(y, n * element);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_half_is_widened_exactly_and_comes_back),
        cmocka_unit_test(between_two_halves_the_nearer_is_taken_and_the_even_at_a_tie),
        cmocka_unit_test(arrays_of_every_length_and_alignment_are_converted),
        cmocka_unit_test(bytes_are_reversed_in_place_and_beside),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
