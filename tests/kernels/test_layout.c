/* SPDX-License-Identifier: Apache-2.0 */
/* The blocked layout: where every element goes, and back. */
#include "kernels/layout.h"

#include "kernels/check.h"

static void every_element_goes_to_its_lane_and_comes_back(void **state)
{
    (void)state;
    static const int64_t images[] = { 1, 3 }, sizes[] = { 1, 2, 7, 15, 16, 17, 31, 49, 64, 900 };
    const int64_t block = dli_kernels()->block;
    for (size_t a = 0; a < COUNT(images); a++)
        for (int64_t c = 1; c <= 35; c++)
            for (size_t b = 0; b < COUNT(sizes); b++) {
                const int64_t n = images[a], hw = sizes[b], row = dli_blocked_size(c, hw);
                assert_int_equal(row, (c + block - 1) / block * block * hw);
                float *x = random_floats(n * c * hw, 1), *y = floats(n * row), *back = floats(n * c * hw);
                dli_layout_to_blocked(NULL, 0, y, x, n, c, hw);
                for (int64_t i = 0; i < n * row; i++) {
                    const int64_t lane = i % block, p = i / block % hw, channel = i % row / block / hw * block + lane, image = i / row;
                    assert_true(y[i] == (channel < c ? x[(image * c + channel) * hw + p] : 0));
                }
                dli_layout_to_plain(NULL, 0, back, y, n, c, hw);
                assert_true(same_bits(back, x, n * c * hw));
                floats_free(x, n * c * hw);
                floats_free(y, n * row);
                floats_free(back, n * c * hw);
            }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(every_element_goes_to_its_lane_and_comes_back) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
