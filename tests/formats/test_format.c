/* SPDX-License-Identifier: Apache-2.0 */
/* The registry: formats by content, by name and by extension. */
#include "formats/format.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

static void formats_are_listed_by_name_until_notfound(void **state)
{
    const char *name, *last = "";
    int32_t directions, n = 0;
    struct dl4c_error err = DL4C_ERROR_INIT;
    while (dl4c_format_get(NULL, n, &name, &directions, &err) == DL4C_OK) {
        assert_true(strcmp(last, name) < 0);
        assert_true(directions >= 1 && directions <= 3);
        assert_ptr_equal(dli_format_find(name), dli_format_at(n));
        last = name;
        n++;
    }
    assert_true(n >= 1);
    assert_int_equal(err.status, DL4C_E_NOTFOUND);
    assert_null(dli_format_find("word"));
    assert_null(dli_format_at(-1));
}

static void load_refuses_bytes_of_no_format(void **state)
{
    static const char *const files[] = { "", "x", "\x89PNG\r\n\x1a\n", "hello, this is text", "\x08" };
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        dl4c_graph *g = (dl4c_graph *)(void *)&g;
        struct dl4c_error err = DL4C_ERROR_INIT;
        const dl4c_status s = dl4c_model_load_memory(NULL, files[i], strlen(files[i]), NULL, &g, &err);
        assert_int_equal(s, i == 0 ? DL4C_E_CORRUPT : DL4C_E_UNSUPPORTED);
        assert_int_equal(err.status, s);
        assert_true(strlen(err.message) > 10);
        assert_null(g);
    }
}

static void load_names_the_file_that_is_missing(void **state)
{
    dl4c_graph *g = NULL;
    struct dl4c_error err = DL4C_ERROR_INIT;
    assert_int_equal(dl4c_model_load(NULL, "no/such/model.onnx", NULL, &g, &err), DL4C_E_NOTFOUND);
    assert_non_null(strstr(err.message, "no/such/model.onnx"));
    assert_null(g);
}

static void load_refuses_unknown_formats_and_flags(void **state)
{
    dl4c_graph *g = NULL;
    struct dl4c_error err = DL4C_ERROR_INIT;
    struct dl4c_load_options o = DL4C_LOAD_OPTIONS_INIT;
    o.format = "word";
    assert_int_equal(dl4c_model_load_memory(NULL, "abc", 3, &o, &g, &err), DL4C_E_UNSUPPORTED);
    assert_non_null(strstr(err.message, "onnx"));
    o.format = NULL;
    o.flags = 1;
    assert_int_equal(dl4c_model_load_memory(NULL, "abc", 3, &o, &g, &err), DL4C_E_INVALID);
    assert_int_equal(dl4c_model_load_memory(NULL, NULL, 3, NULL, &g, &err), DL4C_E_INVALID);
    assert_int_equal(dl4c_model_load(NULL, NULL, NULL, &g, &err), DL4C_E_INVALID);
    assert_int_equal(dl4c_model_load(NULL, "x", NULL, NULL, &err), DL4C_E_INVALID);
}

static void save_refuses_what_is_not_written(void **state)
{
    struct dl4c_error err = DL4C_ERROR_INIT;
    dl4c_builder *b = NULL;
    dl4c_graph *g = NULL;
    const int64_t shape[] = { 3 };
    const char *in[] = { "x" };
    assert_int_equal(dl4c_builder_create(NULL, NULL, &b, &err), DL4C_OK);
    dl4c_builder_input(b, "x", shape, 1);
    dl4c_builder_add_text(b, "relu", "y", in, 1);
    assert_int_equal(dl4c_builder_finish(&b, &g, &err), DL4C_OK);
    assert_int_equal(dl4c_model_save(g, "model.doc", NULL, &err), DL4C_E_UNSUPPORTED);
    struct dl4c_save_options o = DL4C_SAVE_OPTIONS_INIT;
    o.format = "onnx";
    assert_int_equal(dl4c_model_save(g, "model.onnx", &o, &err), DL4C_E_UNSUPPORTED);
    assert_non_null(strstr(err.message, "onnx"));
    dl4c_graph_destroy(&g);
}

static void a_name_says_its_format_before_anything_is_saved(void **state)
{
    struct dl4c_error err = DL4C_ERROR_INIT;
    const char *name = "?";
    assert_int_equal(dl4c_format_for(NULL, "mem://host/a/model.ZIP?user=me", &name, &err), DL4C_OK);
    assert_string_equal(name, "dl4j");
    assert_int_equal(dl4c_format_for(NULL, "model.doc", &name, &err), DL4C_E_UNSUPPORTED);
    assert_null(name);
    assert_non_null(strstr(err.message, "model.doc"));
    assert_non_null(strstr(err.message, ".zip"));
    assert_int_equal(dl4c_format_for(NULL, "zip", NULL, &err), DL4C_E_UNSUPPORTED);
    assert_int_equal(dl4c_format_for(NULL, NULL, NULL, &err), DL4C_E_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(formats_are_listed_by_name_until_notfound), cmocka_unit_test(load_refuses_bytes_of_no_format),
        cmocka_unit_test(load_names_the_file_that_is_missing),       cmocka_unit_test(load_refuses_unknown_formats_and_flags),
        cmocka_unit_test(save_refuses_what_is_not_written),          cmocka_unit_test(a_name_says_its_format_before_anything_is_saved),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
