/* SPDX-License-Identifier: Apache-2.0 */
/* Normalizers and their files; those of Deeplearning4j itself are in ../shared/dl4j/tiny. */
#include "normalizers/normalizer.h"
#include "../fs/memory_fs.h"
#include "support/fail_alloc.h"
#include "support/npy.h"
#include <dl4c/model.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define TINY "../shared/dl4j/tiny/"

static dl4c_normalizer *make(const char *spec)
{
    struct dl4c_error err = DL4C_ERROR_INIT;
    dl4c_normalizer *n = NULL;
    if (dl4c_normalizer_create(NULL, spec, &n, &err) != DL4C_OK)
        fail_msg("%s", err.message);
    return n;
}

static dl4c_tensor *rows(float *x, int64_t n, int64_t features)
{
    const int64_t shape[] = { n, features };
    dl4c_tensor *t = NULL;
    assert_int_equal(dl4c_tensor_wrap(NULL, DL4C_F32, shape, NULL, 2, x, 0, NULL, NULL, &t, NULL), DL4C_OK);
    return t;
}

static void standardize_gives_mean_0_and_deviation_1(void **state)
{
    float x[] = { 1, 5, 3, 5, 5, 5 };
    dl4c_normalizer *n = make("standardize");
    dl4c_tensor *t = rows(x, 3, 2);
    (void)state;
    assert_int_equal(dl4c_normalizer_apply(n, t, NULL), DL4C_E_STATE);
    assert_int_equal(dl4c_normalizer_fit(n, t, NULL, NULL), DL4C_OK);
    assert_int_equal(dl4c_normalizer_apply(n, t, NULL), DL4C_OK);
    assert_true(x[2] == 0 && x[0] == -x[4] && x[4] > 1.22f && x[4] < 1.23f);
    assert_true(x[1] == 0 && x[3] == 0 && x[5] == 0); /* a feature that never changed */
    assert_int_equal(dl4c_normalizer_revert(n, t, NULL), DL4C_OK);
    assert_true(x[0] == 1 && x[1] == 5 && x[4] == 5);
    dl4c_tensor_unref(&t);
    dl4c_normalizer_destroy(&n);
}

static void another_width_is_refused(void **state)
{
    float x[] = { 1, 2, 3, 4, 5, 6 };
    struct dl4c_error err = DL4C_ERROR_INIT;
    dl4c_normalizer *n = make("min_max(min=-1,max=1)"), *none = NULL;
    dl4c_tensor *two = rows(x, 3, 2), *three = rows(x, 2, 3);
    (void)state;
    assert_int_equal(dl4c_normalizer_fit(n, two, NULL, NULL), DL4C_OK);
    assert_int_equal(dl4c_normalizer_apply(n, three, &err), DL4C_E_INVALID);
    assert_int_equal(dl4c_normalizer_create(NULL, "log", &none, &err), DL4C_E_INVALID);
    assert_int_equal(dl4c_normalizer_create(NULL, "min_max(min=2,max=1)", &none, &err), DL4C_E_INVALID);
    assert_null(none);
    dl4c_tensor_unref(&two);
    dl4c_tensor_unref(&three);
    dl4c_normalizer_destroy(&n);
}

/* The bytes of each file of the reference, read and written again; every shorter one is refused. */
static void files_of_the_reference_come_back_byte_for_byte(void **state)
{
    static const char *const names[] = { "norm_standardize.bin", "norm_standardize_labels.bin", "norm_minmax.bin",
                                         "norm_image_scaler.bin" };
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char path[100];
        size_t size = 0;
        snprintf(path, sizeof path, TINY "%s", names[i]);
        char *bytes = test_read_file(path, &size);
        if (!bytes) {
            print_message("skipped: there is no %s\n", path);
            skip();
        }
        struct dli_strbuf b;
        dl4c_normalizer *n = NULL;
        dli_strbuf_init(&b, NULL);
        assert_int_equal(dli_normalizer_read(NULL, bytes, size, &n, NULL), DL4C_OK);
        assert_int_equal(dli_normalizer_write(n, &b, NULL), DL4C_OK);
        assert_int_equal(b.length, size);
        assert_memory_equal(b.text, bytes, size);
        dli_strbuf_free(&b);
        dl4c_normalizer_destroy(&n);
        for (size_t k = 0; k < size; k++) {
            char *exact = malloc(k + 1);
            memcpy(exact, bytes, k);
            assert_int_equal(dli_normalizer_read(NULL, exact, k, &n, NULL), DL4C_E_CORRUPT);
            assert_null(n);
            free(exact);
        }
        free(bytes);
    }
}

static void a_model_carries_its_normalizer(void **state)
{
    static const int64_t two[] = { 2 };
    static const char *const in[] = { "in" };
    float x[] = { 1, 2, 3, 6 };
    dl4c_builder *b = NULL;
    dl4c_graph *g = NULL, *copy = NULL;
    dl4c_normalizer *n = make("standardize"), *got = NULL;
    dl4c_tensor *t = rows(x, 2, 2);
    int64_t count;
    (void)state;
    assert_int_equal(dl4c_builder_create(NULL, NULL, &b, NULL), DL4C_OK);
    dl4c_builder_input(b, "in", two, 1);
    dl4c_builder_add_text(b, "output:units=2,activation=softmax", "out", in, 1);
    assert_int_equal(dl4c_builder_finish(&b, &g, NULL), DL4C_OK);
    assert_int_equal(dl4c_graph_get_normalizer(g, &got, NULL), DL4C_E_NOTFOUND);
    assert_int_equal(dl4c_graph_set_normalizer(g, n, NULL), DL4C_E_STATE);
    assert_int_equal(dl4c_normalizer_fit(n, t, NULL, NULL), DL4C_OK);
    assert_int_equal(dl4c_graph_set_normalizer(g, n, NULL), DL4C_OK);
    assert_int_equal(dl4c_graph_clone(g, &copy, NULL), DL4C_OK);
    assert_int_equal(dl4c_graph_get_normalizer(copy, &got, NULL), DL4C_OK);
    assert_true(dl4c_normalizer_center(got, &count)[1] == 4.0f && count == 2);
    dl4c_normalizer_destroy(&got);
    dl4c_normalizer_destroy(&n);
    dl4c_tensor_unref(&t);
    dl4c_graph_destroy(&copy);
    dl4c_graph_destroy(&g);
}

/* A file of a normalizer with labels, in memory. */
static char *file_of(const char *spec, size_t *size)
{
    float x[] = { 1, 2, 3, 6 }, y[] = { 0, 1, 2, 3, 4, 6 };
    dl4c_normalizer *n = make(spec);
    dl4c_tensor *t = rows(x, 2, 2), *labels = rows(y, 2, 3);
    struct dli_strbuf b;
    char *bytes = NULL;
    dli_strbuf_init(&b, NULL);
    assert_int_equal(dl4c_normalizer_fit(n, t, labels, NULL), DL4C_OK);
    assert_int_equal(dli_normalizer_write(n, &b, NULL), DL4C_OK);
    *size = b.length;
    assert_int_equal(dli_strbuf_take(&b, &bytes, NULL), DL4C_OK);
    dl4c_normalizer_destroy(&n);
    dl4c_tensor_unref(&t);
    dl4c_tensor_unref(&labels);
    return bytes;
}

/* Every byte that says something is looked at, and the sentence names it. Offsets in a file of standardize with labels: 12 of the first
 * word, 4 of the version, 13 of the kind, 1 of the labels; an array's head is 18, 8, 6, 8 rank, 8 1, 8 n, 5 x 8, 18, 8, 7. */
static void what_is_wrong_in_a_file_is_named(void **state)
{
    enum { VERSION = 15, KIND = 18, LABELS = 29, ARRAY = 30, SHAPES = ARRAY + 25, RANK = ARRAY + 39, ROWS = RANK + 8, TYPE = RANK + 85 };
    static const struct {
        size_t at;
        char value;
        dl4c_status status;
        const char *said;
    } cases[] = {
        { 2, 'M', DL4C_E_CORRUPT, "the first word of the normalizer is \"MORMALIZER\", wanted NORMALIZER" },
        { 1, 32, DL4C_E_CORRUPT, "the first word of the normalizer has 32 letters, wanted at most 31" },
        { 5, 0, DL4C_E_CORRUPT, "the first word of the normalizer has a zero byte in it" },
        { VERSION, 2, DL4C_E_UNSUPPORTED, "the normalizer is of version 2, wanted 1" },
        { KIND, 'X', DL4C_E_UNSUPPORTED, "a normalizer of kind XTANDARDIZE is not supported" },
        { LABELS, 2, DL4C_E_CORRUPT, "whether the normalizer has labels is 2, wanted 0 or 1" },
        { LABELS, 0, DL4C_E_CORRUPT, "the normalizer ends after 304 of 586 bytes" },
        { ARRAY + 2, 'N', DL4C_E_CORRUPT, "the mean of the normalizer is \"NIXED_DATA_TYPES\", wanted MIXED_DATA_TYPES" },
        { SHAPES, 7, DL4C_E_CORRUPT, "the mean of the normalizer has 7 numbers of shape, wanted 4 to 20" },
        { RANK, 3, DL4C_E_CORRUPT, "the mean of the normalizer has 3 axes and 8 numbers of shape" },
        { ROWS, 2, DL4C_E_CORRUPT,
          "the mean of the normalizer has room for 4 numbers and says that 2 follow, wanted as many and at least one" },
        { TYPE, 'G', DL4C_E_UNSUPPORTED, "the mean of the normalizer is of type \"GLOAT\", wanted FLOAT or DOUBLE" },
    };
    size_t size;
    char *bytes = file_of("standardize(labels=1)", &size);
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct dl4c_error err = DL4C_ERROR_INIT;
        dl4c_normalizer *n = NULL;
        const char was = bytes[cases[i].at];
        bytes[cases[i].at] = cases[i].value;
        assert_int_equal(dli_normalizer_read(NULL, bytes, size, &n, &err), cases[i].status);
        assert_null(n);
        assert_string_equal(err.message, cases[i].said);
        bytes[cases[i].at] = was;
    }
    dl4c_free(bytes);
    bytes = file_of("min_max(min=-1,max=1)", &size);
    struct dl4c_error err = DL4C_ERROR_INIT;
    dl4c_normalizer *n = NULL;
    bytes[26] = 0x7f;
    bytes[27] = (char)0xf0;
    assert_int_equal(dli_normalizer_read(NULL, bytes, size, &n, &err), DL4C_E_CORRUPT);
    assert_string_equal(err.message, "the range of the normalizer is not finite");
    dl4c_free(bytes);
}

static struct memory_fs files;

/* Read, saved, loaded, given to a model and taken from it. */
static dl4c_status everything(dl4c_context *ctx, void *arg, struct dl4c_error *err)
{
    static const int64_t two[] = { 2 };
    static const char *const in[] = { "in" };
    const struct memory_file *f = arg;
    dl4c_normalizer *n = NULL, *again = NULL, *got = NULL, *drawn = NULL;
    dl4c_builder *b = NULL;
    dl4c_graph *g = NULL;
    float x[] = { 1, 2, 3, 6 };
    dl4c_tensor *t = rows(x, 2, 2);
    dl4c_status s = dl4c_fs_register(ctx, &memory_fs_ops, &files, NULL, err);
    if (s == DL4C_OK)
        s = dli_normalizer_read(ctx, f->bytes, f->size, &n, err);
    assert_true(s == DL4C_OK || !n);
    if (s == DL4C_OK)
        s = dl4c_normalizer_save(n, "mem://h/n.bin", err);
    if (s == DL4C_OK) {
        s = dl4c_normalizer_load(ctx, "mem://h/n.bin", &again, err);
        assert_true((s == DL4C_OK) == (again != NULL));
    }
    if (s == DL4C_OK)
        s = dl4c_normalizer_create(ctx, "min_max", &drawn, err);
    if (s == DL4C_OK)
        s = dl4c_normalizer_fit(drawn, t, NULL, err);
    if (s == DL4C_OK)
        s = dl4c_builder_create(ctx, NULL, &b, err);
    if (s == DL4C_OK) {
        dl4c_builder_input(b, "in", two, 1);
        dl4c_builder_add_text(b, "output:units=2,activation=softmax", "out", in, 1);
        s = dl4c_builder_finish(&b, &g, err);
    }
    if (s == DL4C_OK)
        s = dl4c_graph_set_normalizer(g, again, err);
    if (s == DL4C_OK) {
        s = dl4c_graph_get_normalizer(g, &got, err);
        assert_true((s == DL4C_OK) == (got != NULL));
    }
    dl4c_normalizer_destroy(&n);
    dl4c_normalizer_destroy(&again);
    dl4c_normalizer_destroy(&got);
    dl4c_normalizer_destroy(&drawn);
    dl4c_graph_destroy(&g);
    dl4c_tensor_unref(&t);
    return s;
}

static void every_allocation_may_fail(void **state)
{
    struct memory_file f = { .name = "" };
    (void)state;
    f.bytes = file_of("standardize(labels=1)", &f.size);
    fail_alloc_run(everything, &f);
    fail_alloc_limits(everything, &f);
    memory_fs_clear(&files);
    dl4c_free(f.bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(standardize_gives_mean_0_and_deviation_1),
        cmocka_unit_test(another_width_is_refused),
        cmocka_unit_test(files_of_the_reference_come_back_byte_for_byte),
        cmocka_unit_test(a_model_carries_its_normalizer),
        cmocka_unit_test(what_is_wrong_in_a_file_is_named),
        cmocka_unit_test(every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
