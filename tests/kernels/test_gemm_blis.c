/* SPDX-License-Identifier: Apache-2.0 */
/* A BLIS_ARCH_TYPE that BLIS would end the process over keeps it out of the way. */
#define _POSIX_C_SOURCE 200809L
#include "kernels/gemm.h"

#include "kernels/check.h"
#include <stdlib.h>

static void a_product_survives_a_wrong_architecture_in_the_environment(void **state)
{
    (void)state;
    const float a[2] = { 2, 3 }, b[2] = { 5, 7 };
    float c = 0;
    const struct dli_gemm g = { .m = 1, .n = 1, .k = 2, .a = a, .lda = 2, .b = b, .ldb = 1, .c = &c, .ldc = 1 };
    void *scratch = guard_alloc(dli_gemm_scratch(&g, 1));
    dli_gemm_run(NULL, 1, DLI_BLAS_BLIS, &g, scratch);
    assert_true(c == 31);
    assert_string_equal(dli_gemm_provider(DLI_BLAS_BLIS), "own");
    guard_free(scratch, dli_gemm_scratch(&g, 1));
}

static void a_context_says_what_multiplies(void **state)
{
    (void)state;
    static const char *const choices[] = { "own", "blis" }; /* here blis cannot be had */
    for (int i = 0; i < 2; i++) {
        struct dl4c_context_options o = DL4C_CONTEXT_OPTIONS_INIT;
        dl4c_context *ctx = NULL;
        o.blas = choices[i];
        const dl4c_status status = dl4c_context_create(&o, &ctx, NULL);
        if (i == 1 && status == DL4C_E_UNSUPPORTED) {
            print_message("skipped: built without BLIS\n");
            skip();
        }
        assert_int_equal(status, DL4C_OK);
        assert_string_equal(dl4c_context_gemm(ctx), "own");
        dl4c_context_destroy(&ctx);
    }
    assert_string_equal(dl4c_context_gemm(NULL), "own");
}

int main(void)
{
    setenv("BLIS_ARCH_TYPE", "4711", 1);
    const struct CMUnitTest tests[] = { cmocka_unit_test(a_product_survives_a_wrong_architecture_in_the_environment),
                                        cmocka_unit_test(a_context_says_what_multiplies) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
