/* SPDX-License-Identifier: Apache-2.0 */
/* Philox against the published answers, and what is drawn from it. */
#include "base/rng.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

/* Known answers of the authors' Random123 for philox4x32-10. Our counter is (index, stream), our key the seed. */
static void philox_gives_the_published_answers(void **state)
{
    (void)state;
    static const struct {
        uint64_t seed, stream, index;
        uint32_t out[4];
    } cases[] = {
        { 0, 0, 0, { 0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8 } },
        { UINT64_MAX, UINT64_MAX, UINT64_MAX, { 0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd } },
        { 0x299f31d0a4093822, 0x0370734413198a2e, 0x85a308d3243f6a88, { 0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1 } },
    };
    for (size_t i = 0; i < 3; i++) {
        uint32_t out[4];
        dli_philox(cases[i].seed, cases[i].stream, cases[i].index, out);
        for (int k = 0; k < 4; k++)
            assert_int_equal(out[k], cases[i].out[k]);
    }
}

static void a_sequence_is_the_counter_walked(void **state)
{
    (void)state;
    struct dli_rng r;
    uint32_t block[4];
    dli_rng_init(&r, 42, DLI_STREAM_SHUFFLE);
    for (uint64_t i = 0; i < 40; i++) {
        if (i % 4 == 0)
            dli_philox(42, DLI_STREAM_SHUFFLE, i / 4, block);
        assert_int_equal(dli_rng_u32(&r), block[i % 4]);
    }
    uint32_t other[4];
    dli_philox(42, DLI_STREAM_DROPOUT, 0, other);
    dli_philox(42, DLI_STREAM_SHUFFLE, 0, block);
    assert_true(memcmp(block, other, sizeof block) != 0); /* streams are apart */
}

static void draws_stay_inside_and_spread(void **state)
{
    (void)state;
    enum { N = 200000 };
    struct dli_rng r;
    double sum = 0, squares = 0, low = 1, high = 0;
    dli_rng_init(&r, 7, 1);
    for (int i = 0; i < N; i++) {
        const double u = dli_rng_uniform(&r);
        low = fmin(low, u);
        high = fmax(high, u);
        sum += u;
    }
    assert_true(low >= 0 && low < 1e-4 && high < 1 && high > 1 - 1e-4);
    assert_true(fabs(sum / N - 0.5) < 5 * 0.2887 / sqrt(N)); /* five standard errors; the seed is fixed, so it never flickers */
    sum = 0;
    for (int i = 0; i < N; i++) {
        const double v = dli_rng_normal(&r);
        sum += v;
        squares += v * v;
    }
    assert_true(fabs(sum / N) < 5 / sqrt(N));
    assert_true(fabs(squares / N - 1) < 5 * sqrt(2.0 / N));
    int seen[10] = { 0 };
    for (int i = 0; i < N; i++)
        seen[dli_rng_below(&r, 10)]++;
    for (int i = 0; i < 10; i++)
        assert_true(abs(seen[i] - N / 10) < 5 * 134); /* 134: the square root of N * 0.1 * 0.9 */
    assert_int_equal(dli_rng_below(&r, 0), 0);
    assert_int_equal(dli_rng_below(&r, 1), 0);
    for (int i = 0; i < 100; i++)
        assert_true(dli_rng_below(&r, UINT64_MAX) < UINT64_MAX);
}

static void shuffling_keeps_every_value_and_follows_the_seed(void **state)
{
    (void)state;
    int64_t a[100], b[100], c[100];
    bool seen[100] = { false };
    for (int64_t i = 0; i < 100; i++)
        a[i] = b[i] = c[i] = i;
    struct dli_rng r;
    dli_rng_init(&r, 1, DLI_STREAM_SHUFFLE);
    dli_rng_shuffle(&r, a, 100);
    dli_rng_init(&r, 1, DLI_STREAM_SHUFFLE);
    dli_rng_shuffle(&r, b, 100);
    dli_rng_init(&r, 2, DLI_STREAM_SHUFFLE);
    dli_rng_shuffle(&r, c, 100);
    assert_memory_equal(a, b, sizeof a);
    assert_true(memcmp(a, c, sizeof a) != 0);
    int still = 0;
    for (int i = 0; i < 100; i++) {
        assert_false(seen[a[i]]);
        seen[a[i]] = true;
        still += a[i] == i;
    }
    assert_true(still < 10);
    dli_rng_shuffle(&r, a, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(philox_gives_the_published_answers),
        cmocka_unit_test(a_sequence_is_the_counter_walked),
        cmocka_unit_test(draws_stay_inside_and_spread),
        cmocka_unit_test(shuffling_keeps_every_value_and_follows_the_seed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
