/* SPDX-License-Identifier: Apache-2.0 */
/* .npy files: every header NumPy writes, and those that lie. */
#define _GNU_SOURCE
#include "base/rng.h"
#include "fs/fs.h"
#include "tensor/tensor.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

static unsigned char file[70000];

/* A file of a version with this header text and these elements; returns its size. */
static size_t compose(int version, const char *header, const void *data, size_t bytes)
{
    const size_t n = strlen(header), start = version == 1 ? 10 : 12;
    memcpy(file, "\x93NUMPY", 6);
    file[6] = (unsigned char)version;
    file[7] = 0;
    for (size_t i = 8; i < start; i++)
        file[i] = (unsigned char)(n >> 8 * (i - 8));
    memcpy(file + start, header, n);
    if (bytes > 0)
        memcpy(file + start + n, data, bytes);
    return start + n + bytes;
}

static void every_version_byte_order_and_spelling_is_read(void **state)
{
    (void)state;
    static const struct {
        int version;
        const char *header;
    } cases[] = {
        { 1, "{'descr': '>i4', 'fortran_order': False, 'shape': (2, 3), }          \n" },
        { 2, "{'descr': '>i4', 'fortran_order': False, 'shape': (2, 3), }          \n" },
        { 3, "{'descr': '>i4', 'fortran_order': False, 'shape': (2, 3), }          \n" },
        { 1, "{'shape': (2, 3), 'fortran_order': False, 'descr': '>i4'}" },
        { 1, "{\"shape\":(2,3),\"descr\":\">i4\",\"fortran_order\":False}\n" },
        { 1, "  { 'descr' : '>i4' ,\t'fortran_order' : False , 'shape' : ( 2L , 3L , ) , } \n\n" },
    };
    const unsigned char data[] = { 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 4, 0, 0, 0, 5, 0xff, 0xff, 0xff, 0xff };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct dl4c_error err = DL4C_ERROR_INIT;
        dl4c_tensor *t;
        const size_t n = compose(cases[i].version, cases[i].header, data, sizeof data);
        if (dl4c_tensor_parse_npy(NULL, file, n, &t, &err) != DL4C_OK)
            fail_msg("%s: %s", cases[i].header, err.message);
        assert_int_equal(dl4c_tensor_dtype(t), DL4C_I32);
        assert_int_equal(dl4c_tensor_rank(t), 2);
        assert_int_equal(dl4c_tensor_dim(t, 1), 3);
        assert_memory_equal(dl4c_tensor_data(t), ((const int32_t[]){ 1, 2, 3, 4, 5, -1 }), 24);
        dl4c_tensor_unref(&t);
    }
}

static void every_known_type_is_read_in_both_byte_orders(void **state)
{
    (void)state;
    static const struct {
        const char *descr;
        int32_t dtype;
        unsigned char bytes[8]; /* of one element with the value 1 */
    } cases[] = {
        { "<f4", DL4C_F32, { 0, 0, 0x80, 0x3f } },
        { ">f4", DL4C_F32, { 0x3f, 0x80, 0, 0 } },
        { "<f8", DL4C_F64, { 0, 0, 0, 0, 0, 0, 0xf0, 0x3f } },
        { ">f8", DL4C_F64, { 0x3f, 0xf0, 0, 0, 0, 0, 0, 0 } },
        { "<f2", DL4C_F16, { 0, 0x3c } },
        { ">f2", DL4C_F16, { 0x3c, 0 } },
        { "<i4", DL4C_I32, { 1, 0, 0, 0 } },
        { "<i8", DL4C_I64, { 1, 0, 0, 0, 0, 0, 0, 0 } },
        { ">i8", DL4C_I64, { 0, 0, 0, 0, 0, 0, 0, 1 } },
        { "|u1", DL4C_U8, { 1 } },
        { "<u1", DL4C_U8, { 1 } },
        { "u1", DL4C_U8, { 1 } },
        { "|b1", DL4C_U8, { 1 } },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char header[128];
        dl4c_tensor *t, *d;
        snprintf(header, sizeof header, "{'descr': '%s', 'fortran_order': False, 'shape': (), }\n", cases[i].descr);
        const size_t n = compose(1, header, cases[i].bytes, dl4c_dtype_size(cases[i].dtype));
        assert_int_equal(dl4c_tensor_parse_npy(NULL, file, n, &t, NULL), DL4C_OK);
        assert_int_equal(dl4c_tensor_dtype(t), cases[i].dtype);
        assert_int_equal(dl4c_tensor_rank(t), 0);
        assert_int_equal(dl4c_tensor_to(t, DL4C_F64, &d, NULL), DL4C_OK);
        assert_true(*(const double *)dl4c_tensor_data_const(d) == 1.0);
        dl4c_tensor_unref(&t);
        dl4c_tensor_unref(&d);
    }
}

static void fortran_order_becomes_c_order(void **state)
{
    (void)state;
    const uint8_t data[] = { 0, 12, 4, 16, 8, 20, 1, 13, 5, 17, 9, 21, 2, 14, 6, 18, 10, 22, 3, 15, 7, 19, 11, 23 };
    const size_t n = compose(1, "{'descr': '|u1', 'fortran_order': True, 'shape': (2, 3, 4), }\n", data, sizeof data);
    dl4c_tensor *t;
    assert_int_equal(dl4c_tensor_parse_npy(NULL, file, n, &t, NULL), DL4C_OK);
    assert_true(dl4c_tensor_is_contiguous(t));
    assert_int_equal(dl4c_tensor_dim(t, 2), 4);
    for (int i = 0; i < 24; i++)
        assert_int_equal(((const uint8_t *)dl4c_tensor_data_const(t))[i], i);
    dl4c_tensor_unref(&t);
}

static void headers_that_are_wrong_are_corrupt_and_say_where(void **state)
{
    (void)state;
    static const struct {
        const char *header, *message; /* NULL: any */
    } cases[] = {
        { "", "the .npy header has its end where the { of a dictionary is wanted" },
        { "{", NULL },
        { "{}", "the .npy header lacks descr" },
        { "{'descr': '<f4', 'shape': (1,)}", "the .npy header lacks fortran_order" },
        { "{'descr': '<f4', 'fortran_order': False}", "the .npy header lacks shape" },
        { "{'descr': '<f4', 'fortran_order': Falsy, 'shape': (1,)}",
          "the .npy header has \"Falsy, 'shape': (1,\" where True or False is wanted" },
        { "{'descr': '<f4', 'fortran_order': False, 'shape': (1)}", NULL },
        { "{'descr': '<f4', 'fortran_order': False, 'shape': (,)}", NULL },
        { "{'descr': '<f4', 'fortran_order': False, 'shape': (1 2)}", NULL },
        { "{'descr': '<f4', 'fortran_order': False, 'shape': (1,,2)}", NULL },
        { "{'descr': '<f4', 'fortran_order': False, 'shape': (-1,)}", NULL },
        { "{'descr': '<f4', 'fortran_order': False, 'shape': (1.0,)}", NULL },
        { "{'descr': '<f4', 'fortran_order': False, 'shape': [1]}", NULL },
        { "{'descr': '<f4', 'fortran_order': False, 'shape': (1,)} x", "the .npy header has \"x\" where nothing is wanted" },
        { "{'descr': '<f4', 'fortran_order': False, 'shape': (1,)", NULL },
        { "{'descr': '<f4', 'fortran_order': False, 'shape': (1,", NULL },
        { "{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (1,)}", NULL },
        { "{'descr': '<f4', 'fortran_order': False, 'shape': (1,), 'more': 1}", NULL },
        { "{'descr' '<f4', 'fortran_order': False, 'shape': (1,)}", NULL },
        { "{'descr': '<f4' 'fortran_order': False, 'shape': (1,)}", NULL },
        { "{'descr': <f4, 'fortran_order': False, 'shape': (1,)}", NULL },
        { "{'descr': '<f\\4', 'fortran_order': False, 'shape': (1,)}", NULL },
        { "{'descr': '<f4, 'fortran_order': False, 'shape': (1,)}", NULL },
        { "{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999,)}", NULL },
        { "{'descr': '<f4', 'fortran_order': False, 'shape': (9223372036854775807, 9223372036854775807)}", NULL },
        { "{'descr': '<f4', 'fortran_order': False, 'shape': (2,)}",
          "the .npy file has 4 bytes of elements, but shape [2] of f32 wants 8" },
        { "{'descr': '<f4', 'fortran_order': False, 'shape': (1000000, 1000000)}", NULL },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct dl4c_error err = DL4C_ERROR_INIT;
        dl4c_tensor *t;
        const size_t n = compose(1, cases[i].header, "abcd", 4);
        const dl4c_status status = dl4c_tensor_parse_npy(NULL, file, n, &t, &err);
        if (status != DL4C_E_CORRUPT || err.status != status || t)
            fail_msg("%s: %s %s", cases[i].header, dl4c_status_name(status), err.message);
        if (cases[i].message)
            assert_string_equal(err.message, cases[i].message);
    }
}

static void other_types_versions_and_ranks_are_unsupported_by_name(void **state)
{
    (void)state;
    static const char *const types[] = { "<i2", "<u2", ">u4", "|i1", "<c8", "|S5", "<U3", "<M8[ns]", "|O", "<u8", "<f16", "|V2" };
    struct dl4c_error err = DL4C_ERROR_INIT;
    dl4c_tensor *t;
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        char header[128];
        snprintf(header, sizeof header, "{'descr': '%s', 'fortran_order': False, 'shape': (1,), }\n", types[i]);
        assert_int_equal(dl4c_tensor_parse_npy(NULL, file, compose(1, header, "abcdefghabcdefgh", 16), &t, &err), DL4C_E_UNSUPPORTED);
        assert_non_null(strstr(err.message, types[i]));
        assert_null(t);
    }
    size_t n = compose(1, "{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,), }\n", "abcd", 4);
    assert_int_equal(dl4c_tensor_parse_npy(NULL, file, n, &t, &err), DL4C_E_UNSUPPORTED);
    n = compose(1, "{'descr': '<f4', 'fortran_order': False, 'shape': (1, 1, 1, 1, 1, 1, 1, 1, 1), }\n", "abcd", 4);
    assert_int_equal(dl4c_tensor_parse_npy(NULL, file, n, &t, &err), DL4C_E_UNSUPPORTED);
    n = compose(4, "{'descr': '<f4', 'fortran_order': False, 'shape': (1,), }\n", "abcd", 4);
    assert_int_equal(dl4c_tensor_parse_npy(NULL, file, n, &t, &err), DL4C_E_UNSUPPORTED);
    assert_string_equal(err.message, "the .npy file has version 4.0; 1.0, 2.0 and 3.0 are known");
}

static char folder[] = "/tmp/dl4c-npy-XXXXXX", path[64];

static void make_folder(void)
{
    strcpy(folder, "/tmp/dl4c-npy-XXXXXX");
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/t.npy", folder);
}

static void drop_folder(void)
{
    unlink(path);
    assert_int_equal(rmdir(folder), 0);
}

static void a_file_cut_anywhere_is_corrupt_and_names_itself(void **state)
{
    (void)state;
    make_folder();
    for (int version = 1; version <= 2; version++) {
        const size_t n = compose(version, "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }\n", "abcdefgh", 8);
        for (size_t cut = 0; cut < n; cut++) {
            struct dl4c_error err = DL4C_ERROR_INIT;
            dl4c_tensor *t;
            unsigned char *exact = malloc(cut ? cut : 1); /* so that a read behind the end is seen */
            memcpy(exact, file, cut);
            assert_int_equal(dl4c_tensor_parse_npy(NULL, exact, cut, &t, NULL), DL4C_E_CORRUPT);
            assert_null(t);
            free(exact);
            assert_int_equal(dli_fs_save(NULL, path, file, cut, NULL), DL4C_OK);
            assert_int_equal(dl4c_tensor_load_npy(NULL, path, &t, &err), DL4C_E_CORRUPT);
            assert_null(t);
            assert_memory_equal(err.message, path, strlen(path));
        }
    }
    drop_folder();
}

static void random_bytes_never_crash(void **state)
{
    (void)state;
    struct dli_rng r;
    dli_rng_init(&r, 7, 1);
    const char *header = "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 1), }\n";
    int good = 0;
    for (int trial = 0; trial < 20000; trial++) {
        const size_t n = compose(1 + trial % 2, header, "abcdefgh", 8);
        const uint64_t edits = 1 + dli_rng_below(&r, 3);
        for (uint64_t k = 0; k < edits; k++)
            file[dli_rng_below(&r, n)] = (unsigned char)dli_rng_below(&r, 256);
        dl4c_tensor *t;
        good += dl4c_tensor_parse_npy(NULL, file, n, &t, NULL) == DL4C_OK;
        dl4c_tensor_unref(&t);
    }
    assert_in_range(good, 1, 19999); /* edits of the elements do no harm, those of the header mostly do */
}

static void a_huge_claim_allocates_nothing(void **state)
{
    (void)state;
    struct dl4c_context_options o = DL4C_CONTEXT_OPTIONS_INIT;
    dl4c_context *ctx;
    dl4c_tensor *t;
    int64_t peak;
    make_folder();
    assert_int_equal(dl4c_context_create(&o, &ctx, NULL), DL4C_OK);
    const size_t n = compose(1, "{'descr': '<f8', 'fortran_order': True, 'shape': (1000000, 1000000), }\n", "abcd", 4);
    assert_int_equal(dli_fs_save(NULL, path, file, n, NULL), DL4C_OK);
    assert_int_equal(dl4c_tensor_load_npy(ctx, path, &t, NULL), DL4C_E_CORRUPT);
    compose(2, "", NULL, 0);
    memset(file + 8, 0xff, 4); /* a header of 4 GiB */
    assert_int_equal(dli_fs_save(NULL, path, file, 12, NULL), DL4C_OK);
    assert_int_equal(dl4c_tensor_load_npy(ctx, path, &t, NULL), DL4C_E_CORRUPT);
    dl4c_context_memory(ctx, NULL, &peak);
    assert_in_range(peak, 1, 10000);
    dl4c_context_destroy(&ctx);
    drop_folder();
}

static void what_is_saved_is_what_numpy_writes(void **state)
{
    (void)state;
    const int64_t shape[] = { 3 }, two[] = { 2, 1 };
    char *bytes;
    size_t size;
    dl4c_tensor *t;
    make_folder();
    assert_int_equal(dl4c_tensor_create(NULL, DL4C_U8, shape, 1, &t, NULL), DL4C_OK);
    memcpy(dl4c_tensor_data(t), "xyz", 3);
    assert_int_equal(dl4c_tensor_save_npy(t, path, NULL), DL4C_OK);
    dl4c_tensor_unref(&t);
    assert_int_equal(dli_fs_load(NULL, path, 1000, &bytes, &size, NULL), DL4C_OK);
    assert_int_equal(size, 131);
    /* numpy.save of the same array, byte for byte: 118 characters of header end at a multiple of 64. */
    assert_memory_equal(bytes, "\x93NUMPY\x01\x00\x76\x00{'descr': '|u1', 'fortran_order': False, 'shape': (3,), }", 67);
    for (int i = 67; i < 127; i++)
        assert_int_equal(bytes[i], ' ');
    assert_memory_equal(bytes + 127, "\nxyz", 4);
    dli_free(bytes);

    assert_int_equal(dl4c_tensor_create(NULL, DL4C_BF16, two, 2, &t, NULL), DL4C_OK);
    assert_int_equal(dl4c_tensor_save_npy(t, path, NULL), DL4C_OK);
    dl4c_tensor_unref(&t);
    assert_int_equal(dli_fs_load(NULL, path, 1000, &bytes, &size, NULL), DL4C_OK);
    assert_memory_equal(bytes + 10, "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 1), }", 59);
    dli_free(bytes);
    drop_folder();
}

static void every_type_and_stride_comes_back(void **state)
{
    (void)state;
    const int64_t shape[] = { 4, 3, 2 };
    make_folder();
    for (int32_t dtype = DL4C_F32; dtype <= DL4C_U8; dtype++) {
        dl4c_tensor *i, *t, *view, *back, *a, *b;
        assert_int_equal(dl4c_tensor_create(NULL, DL4C_I32, shape, 3, &i, NULL), DL4C_OK);
        for (int k = 0; k < 24; k++)
            ((int32_t *)dl4c_tensor_data(i))[k] = 5 * k;
        assert_int_equal(dl4c_tensor_to(i, dtype, &t, NULL), DL4C_OK);
        assert_int_equal(dl4c_tensor_transpose(t, NULL, &view, NULL), DL4C_OK);
        assert_int_equal(dl4c_tensor_save_npy(view, path, NULL), DL4C_OK);
        assert_int_equal(dl4c_tensor_load_npy(NULL, path, &back, NULL), DL4C_OK);
        assert_int_equal(dl4c_tensor_dtype(back), dtype == DL4C_BF16 ? DL4C_F32 : dtype);
        assert_int_equal(dl4c_tensor_dim(back, 0), 2);
        assert_int_equal(dl4c_tensor_to(view, DL4C_I32, &a, NULL), DL4C_OK);
        assert_int_equal(dl4c_tensor_to(back, DL4C_I32, &b, NULL), DL4C_OK);
        assert_memory_equal(dl4c_tensor_data(a), dl4c_tensor_data(b), 24 * sizeof(int32_t));
        dl4c_tensor_unref(&i);
        dl4c_tensor_unref(&t);
        dl4c_tensor_unref(&view);
        dl4c_tensor_unref(&back);
        dl4c_tensor_unref(&a);
        dl4c_tensor_unref(&b);
    }
    drop_folder();
}

static void a_missing_file_is_notfound(void **state)
{
    (void)state;
    dl4c_tensor *t;
    assert_int_equal(dl4c_tensor_load_npy(NULL, "/nowhere/t.npy", &t, NULL), DL4C_E_NOTFOUND);
    assert_null(t);
    assert_int_equal(dl4c_tensor_create(NULL, DL4C_F32, NULL, 0, &t, NULL), DL4C_OK);
    assert_int_equal(dl4c_tensor_save_npy(t, "/nowhere/t.npy", NULL), DL4C_E_NOTFOUND);
    dl4c_tensor_unref(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_version_byte_order_and_spelling_is_read),
        cmocka_unit_test(every_known_type_is_read_in_both_byte_orders),
        cmocka_unit_test(fortran_order_becomes_c_order),
        cmocka_unit_test(headers_that_are_wrong_are_corrupt_and_say_where),
        cmocka_unit_test(other_types_versions_and_ranks_are_unsupported_by_name),
        cmocka_unit_test(a_file_cut_anywhere_is_corrupt_and_names_itself),
        cmocka_unit_test(random_bytes_never_crash),
        cmocka_unit_test(a_huge_claim_allocates_nothing),
        cmocka_unit_test(what_is_saved_is_what_numpy_writes),
        cmocka_unit_test(every_type_and_stride_comes_back),
        cmocka_unit_test(a_missing_file_is_notfound),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
