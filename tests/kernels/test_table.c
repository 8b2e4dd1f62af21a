/* SPDX-License-Identifier: Apache-2.0 */
/* The kernel table follows the CPU and its mask. */
#include "base/cpu.h"
#include "kernels/kernels.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

static void table_is_filled_as_far_as_the_cpu_goes(void **state)
{
    (void)state;
    const struct dli_kernels *k = dli_kernels();
    assert_string_equal(k->name, dli_cpu_level());
    assert_int_equal(k->block, dli_cpu_flags() & DLI_CPU_AVX512 ? 16 : 8);
}

static void no_pointer_of_the_table_is_null(void **state)
{
    (void)state;
    const struct dli_kernels *k = dli_kernels();
    void *words[sizeof *k / sizeof(void *)];
    memcpy(words, k, sizeof words);
    for (size_t i = 0; i < offsetof(struct dli_kernels, dense_pairs) / sizeof *words; i++)
        assert_non_null(words[i]);
    const bool pairs = dli_cpu_flags() & DLI_CPU_AVX512_BF16;
    for (size_t i = offsetof(struct dli_kernels, dense_pairs) / sizeof *words; i < sizeof words / sizeof *words; i++)
        assert_true((words[i] != NULL) == pairs);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(table_is_filled_as_far_as_the_cpu_goes),
        cmocka_unit_test(no_pointer_of_the_table_is_null),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
