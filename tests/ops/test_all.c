/* SPDX-License-Identifier: Apache-2.0 */
/* Every registered operator against its cases, and what the table promises. */
#include "op_driver.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

#define DLI_OP(name) extern const struct op_case cases_##name[];
#include "op_list.inc"
#undef DLI_OP

static const struct {
    const char *name;
    const struct op_case *cases;
} all[] = {
#define DLI_OP(name) { #name, cases_##name },
#include "op_list.inc"
#undef DLI_OP
};

static dl4c_context *ctx;

static void operator_passes_its_cases(void **state)
{
    const char *name = *state;
    int n = 0;
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (strcmp(all[i].name, name) == 0)
            for (const struct op_case *c = all[i].cases; c->spec; c++, n++)
                op_check(ctx, c);
    assert_true(n > 0);
}

static void table_is_sorted_and_found_by_name(void **state)
{
    (void)state;
    assert_int_equal(dli_op_count(), sizeof all / sizeof *all);
    for (int32_t i = 0; i < dli_op_count(); i++) {
        const struct dli_op *op = dli_op_at(i);
        assert_ptr_equal(dli_op_find(op->name), op);
        assert_string_equal(op->name, all[i].name);
        assert_true(op->doc && op->infer && op->forward && op->min_inputs >= 1);
        if (i > 0)
            assert_true(strcmp(dli_op_at(i - 1)->name, op->name) < 0);
        if (op->flags & DLI_OP_OUTPUT) {
            assert_string_equal(op->attrs[0].name, "loss");
            assert_int_equal(op->attrs[0].offset, 0);
        }
    }
    assert_null(dli_op_find("convolution"));
    assert_null(dli_op_find(""));
    assert_null(dli_op_at(-1));
    assert_null(dli_op_at(dli_op_count()));
}

static void descriptors_describe_every_operator(void **state)
{
    (void)state;
    assert_int_equal(dl4c_descriptor_count(DL4C_KIND_OP), dli_op_count());
    for (int32_t i = 0; i < dli_op_count(); i++) {
        struct dl4c_descriptor d = DL4C_DESCRIPTOR_INIT;
        assert_int_equal(dl4c_descriptor_get(DL4C_KIND_OP, i, &d, NULL), DL4C_OK);
        assert_string_equal(d.name, dli_op_at(i)->name);
        for (int32_t a = 0; a < d.n_attrs; a++) {
            struct dl4c_attr_info info = DL4C_ATTR_INFO_INIT;
            assert_int_equal(dl4c_descriptor_attr(DL4C_KIND_OP, i, a, &info, NULL), DL4C_OK);
            assert_true(info.name && info.doc && info.type >= DL4C_ATTR_INT && info.type <= DL4C_ATTR_FLOATS);
            assert_true(info.min <= info.max);
            if (info.type != DL4C_ATTR_STR && !info.required)
                assert_true(info.def >= info.min && info.def <= info.max);
        }
        struct dl4c_attr_info beyond = DL4C_ATTR_INFO_INIT;
        assert_int_equal(dl4c_descriptor_attr(DL4C_KIND_OP, i, d.n_attrs, &beyond, NULL), DL4C_E_INVALID);
        if (d.trainable) {
            struct dl4c_attr_info last = DL4C_ATTR_INFO_INIT;
            assert_int_equal(dl4c_descriptor_attr(DL4C_KIND_OP, i, d.n_attrs - 1, &last, NULL), DL4C_OK);
            assert_string_equal(last.name, "weight_noise");
        }
    }
    struct dl4c_descriptor none = DL4C_DESCRIPTOR_INIT;
    assert_int_equal(dl4c_descriptor_get(DL4C_KIND_OP, -1, &none, NULL), DL4C_E_INVALID);
    assert_int_equal(dl4c_descriptor_get(77, 0, &none, NULL), DL4C_E_INVALID);
    assert_int_equal(dl4c_descriptor_get(DL4C_KIND_OP, 0, NULL, NULL), DL4C_E_INVALID);
}

int main(void)
{
    struct CMUnitTest tests[sizeof all / sizeof *all + 2] = {
        cmocka_unit_test(table_is_sorted_and_found_by_name),
        cmocka_unit_test(descriptors_describe_every_operator),
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        const struct CMUnitTest t = { all[i].name, operator_passes_its_cases, NULL, NULL, (void *)(uintptr_t)all[i].name };
        tests[i + 2] = t;
    }
    struct dl4c_context_options o = DL4C_CONTEXT_OPTIONS_INIT;
    o.threads = 5;
    if (dl4c_context_create(&o, &ctx, NULL) != DL4C_OK)
        return 1;
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    dl4c_context_destroy(&ctx);
    return failed;
}
