/* SPDX-License-Identifier: Apache-2.0 */
/* Files of DataSet.save and MultiDataSet.save: Deeplearning4j's own (../shared/dl4j/tiny, ../shared/formats), ours, and damaged ones. */
#include "support/fail_alloc.h"
#include "support/npy.h"
#include <dl4c/source.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#define TINY  "../shared/dl4j/tiny/"
#define MNIST "../shared/formats/dl4j/datasets/mnist/mnist-train-0.bin"
#define OURS  "test_dataset.bin"

static dl4c_status load(const char *path, struct dl4c_dataset *d)
{
    struct dl4c_error err = DL4C_ERROR_INIT;
    *d = (struct dl4c_dataset)DL4C_DATASET_INIT;
    const dl4c_status s = dl4c_dataset_load(NULL, path, d, &err);
    if (s != DL4C_OK)
        assert_true(d->arrays == NULL && err.message[0] != '\0');
    return s;
}

static void save_bytes(const char *path, const void *bytes, size_t n)
{
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, n, f), n);
    fclose(f);
}

static float first(const dl4c_tensor *t, int i) { return ((const float *)dl4c_tensor_data_const(t))[i]; }

/* Reads, writes, and compares the bytes with the real program's. */
static void round_trip(const char *path, int32_t multi)
{
    struct dl4c_dataset d;
    size_t n, m;
    assert_int_equal(load(path, &d), DL4C_OK);
    assert_int_equal(dl4c_dataset_save(NULL, &d, multi, OURS, NULL), DL4C_OK);
    char *want = test_read_file(path, &n), *got = test_read_file(OURS, &m);
    assert_non_null(want);
    assert_non_null(got);
    assert_int_equal(n, m);
    assert_memory_equal(want, got, n);
    free(want);
    free(got);
    dl4c_dataset_clear(&d);
    remove(OURS);
}

static void files_of_deeplearning4j_are_read_and_written_to_the_byte(void **state)
{
    (void)state;
    struct dl4c_dataset d;
    char *there = test_read_file(TINY "dataset.bin", NULL);
    if (!there) {
        print_message("skipped: there is no " TINY "dataset.bin\n");
        skip();
    }
    free(there);
    assert_int_equal(load(TINY "dataset.bin", &d), DL4C_OK);
    assert_true(d.n_features == 1 && d.n_labels == 1 && d.n_feature_masks == 0 && d.n_label_masks == 0);
    assert_true(first(d.arrays[0], 0) == 1.0f && first(d.arrays[0], 5) == 6.0f && first(d.arrays[1], 3) == 1.0f);
    dl4c_dataset_clear(&d);
    assert_int_equal(load(TINY "dataset_labelmask.bin", &d), DL4C_OK);
    assert_int_equal(d.n_label_masks, 1);
    dl4c_dataset_clear(&d);
    round_trip(TINY "dataset.bin", 0);
    round_trip(TINY "multidataset.bin", 1);
}

static void files_before_1_0_make_a_source(void **state)
{
    (void)state;
    char *there = test_read_file(MNIST, NULL);
    if (!there) {
        print_message("skipped: there is no " MNIST "\n");
        skip();
    }
    free(there);
    dl4c_source *s = NULL;
    struct dl4c_source_info info = DL4C_SOURCE_INFO_INIT;
    struct dl4c_batch b = DL4C_BATCH_INIT;
    struct dl4c_error err = DL4C_ERROR_INIT;
    if (dl4c_source_dataset(NULL, MNIST, &s, &err) != DL4C_OK)
        fail_msg("%s", err.message);
    assert_int_equal(dl4c_source_get_info(s, &info, NULL), DL4C_OK);
    assert_int_equal(info.rows, 64);
    assert_int_equal(info.shape[0], 784);
    assert_int_equal(info.n_classes, 10);
    assert_int_equal(dl4c_source_reset(s, 0, 0, 0, NULL), DL4C_OK);
    int64_t last = 0;
    for (int64_t n = 1; n > 0;) { /* batches of 24: the last one is short */
        assert_int_equal(dl4c_source_next(s, 24, &b, NULL), DL4C_OK);
        for (int64_t i = 0; i < b.n; i++) {
            float sum = 0;
            for (int k = 0; k < 10; k++)
                sum += b.y[i * 10 + k];
            assert_true(sum == 1.0f);
        }
        n = b.n;
        last = n ? n : last;
    }
    assert_int_equal(last, 16);
    dl4c_source_destroy(&s);
}

static struct dl4c_dataset small(dl4c_tensor *arrays[4])
{
    static float x[] = { 1, 2, 3, 4, 5, 6 }, y[] = { 0, 1, 1, 0 };
    struct dl4c_dataset d = DL4C_DATASET_INIT;
    assert_int_equal(dl4c_tensor_wrap(NULL, DL4C_F32, (const int64_t[]){ 2, 3 }, NULL, 2, x, 0, NULL, NULL, &arrays[0], NULL), DL4C_OK);
    assert_int_equal(dl4c_tensor_wrap(NULL, DL4C_F32, (const int64_t[]){ 2, 2 }, NULL, 2, y, 0, NULL, NULL, &arrays[1], NULL), DL4C_OK);
    d.n_features = d.n_labels = 1;
    d.arrays = arrays;
    return d;
}

static void masks_that_are_absent_stay_absent(void **state)
{
    (void)state;
    dl4c_tensor *arrays[4] = { 0 };
    struct dl4c_dataset d = small(arrays), back;
    d.n_feature_masks = d.n_label_masks = 1;
    arrays[3] = arrays[1];
    assert_int_equal(dl4c_dataset_save(NULL, &d, 1, OURS, NULL), DL4C_OK);
    assert_int_equal(load(OURS, &back), DL4C_OK);
    assert_null(back.arrays[2]);
    assert_true(first(back.arrays[3], 1) == 1.0f && first(back.arrays[0], 4) == 5.0f);
    dl4c_dataset_clear(&back);
    dl4c_source *s = NULL;
    struct dl4c_batch b = DL4C_BATCH_INIT;
    assert_int_equal(dl4c_source_dataset(NULL, OURS, &s, NULL), DL4C_OK);
    assert_int_equal(dl4c_source_reset(s, 0, 0, 0, NULL), DL4C_OK);
    assert_int_equal(dl4c_source_next(s, 2, &b, NULL), DL4C_OK);
    assert_null(b.x_mask);
    assert_int_equal(b.y_mask_values, 2);
    assert_true(b.y_mask[0] == 0 && b.y_mask[1] == 1 && b.y_mask[2] == 1 && b.y_mask[3] == 0);
    dl4c_source_destroy(&s);
    assert_int_equal(dl4c_dataset_save(NULL, &d, 0, OURS, NULL), DL4C_E_INVALID);
    dl4c_tensor_unref(&arrays[0]);
    dl4c_tensor_unref(&arrays[1]);
    remove(OURS);
}

/* Every cut, and every byte set to values that make large and negative numbers: an answer, and no byte outside. */
static void damaged_files_are_refused(void **state)
{
    (void)state;
    dl4c_tensor *arrays[4] = { 0 };
    struct dl4c_dataset d = small(arrays), back;
    for (int32_t multi = 0; multi < 2; multi++) {
        size_t n;
        assert_int_equal(dl4c_dataset_save(NULL, &d, multi, OURS, NULL), DL4C_OK);
        char *bytes = test_read_file(OURS, &n);
        assert_non_null(bytes);
        for (size_t k = 0; k < n; k += 3) {
            save_bytes(OURS, bytes, k);
            assert_int_equal(load(OURS, &back), DL4C_E_CORRUPT);
        }
        static const unsigned char values[] = { 0, 1, 0x7f, 0x80, 0xff };
        for (size_t k = 0; k < n; k++) {
            const char was = bytes[k];
            bytes[k] = (char)values[k % sizeof values];
            save_bytes(OURS, bytes, n);
            load(OURS, &back);
            dl4c_dataset_clear(&back);
            bytes[k] = was;
        }
        free(bytes);
    }
    dl4c_tensor_unref(&arrays[0]);
    dl4c_tensor_unref(&arrays[1]);
    remove(OURS);
}

static size_t put(unsigned char *out, size_t at, int width, int64_t v)
{
    for (int i = 0; i < width; i++)
        out[at++] = (unsigned char)((uint64_t)v >> (8 * (width - 1 - i)));
    return at;
}

static size_t put_word(unsigned char *out, size_t at, const char *word)
{
    at = put(out, at, 2, (int64_t)strlen(word));
    memcpy(out + at, word, strlen(word));
    return at + strlen(word);
}

/* Features [2, 3] whose numbers 0 to 5 lie with these strides. */
static dl4c_status strided(int64_t outer, int64_t inner, struct dl4c_dataset *d)
{
    unsigned char bytes[256] = { 1 };
    const int64_t shape[] = { 2, 2, 3, outer, inner, 0, -1, 'c' };
    size_t at = put_word(bytes, 1, "LONG_SHAPE");
    at = put(bytes, at, 8, 8);
    at = put_word(bytes, at, "LONG");
    for (int i = 0; i < 8; i++)
        at = put(bytes, at, 8, shape[i]);
    at = put_word(bytes, at, "LONG_SHAPE");
    at = put(bytes, at, 8, 6);
    at = put_word(bytes, at, "INT");
    for (int i = 0; i < 6; i++)
        at = put(bytes, at, 4, i);
    save_bytes(OURS, bytes, at);
    return load(OURS, d);
}

/* A permuted array is written as it lies. */
static void strides_of_an_array_are_followed_and_checked(void **state)
{
    (void)state;
    static const int64_t wrong[][2] = { { 3, 2 }, { 4, 1 }, { -3, 1 }, { 3, -1 }, { INT64_MAX, 1 }, { 1, INT64_MAX / 2 } };
    struct dl4c_dataset d;
    assert_int_equal(strided(3, 1, &d), DL4C_OK);
    for (int i = 0; i < 6; i++)
        assert_true(first(d.arrays[0], i) == (float)i);
    dl4c_dataset_clear(&d);
    assert_int_equal(strided(1, 2, &d), DL4C_OK);
    static const float columns[] = { 0, 2, 4, 1, 3, 5 };
    for (int i = 0; i < 6; i++)
        assert_true(first(d.arrays[0], i) == columns[i]);
    dl4c_dataset_clear(&d);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_int_equal(strided(wrong[i][0], wrong[i][1], &d), DL4C_E_CORRUPT);
    remove(OURS);
}

static dl4c_status write_and_read(dl4c_context *ctx, void *arg, struct dl4c_error *err)
{
    struct dl4c_dataset d = DL4C_DATASET_INIT, back = DL4C_DATASET_INIT;
    const int64_t shape[] = { 2, 3 };
    dl4c_tensor *arrays[4] = { NULL };
    dl4c_source *s = NULL;
    (void)arg;
    dl4c_status status = dl4c_tensor_create(ctx, DL4C_F64, shape, 2, &arrays[0], err);
    if (status == DL4C_OK)
        status = dl4c_tensor_create(ctx, DL4C_F32, shape, 2, &arrays[1], err);
    d.arrays = arrays;
    d.n_features = d.n_labels = 1;
    if (status == DL4C_OK)
        status = dl4c_dataset_save(ctx, &d, 0, OURS, err);
    if (status == DL4C_OK)
        status = dl4c_source_dataset(ctx, OURS, &s, err);
    assert_int_equal(status == DL4C_OK, s != NULL);
    dl4c_source_destroy(&s);
    d.n_feature_masks = d.n_label_masks = 1; /* both absent */
    if (status == DL4C_OK)
        status = dl4c_dataset_save(ctx, &d, 1, OURS, err);
    if (status == DL4C_OK) {
        status = dl4c_dataset_load(ctx, OURS, &back, err);
        assert_int_equal(status == DL4C_OK, back.arrays != NULL);
    }
    dl4c_dataset_clear(&back);
    dl4c_tensor_unref(&arrays[0]);
    dl4c_tensor_unref(&arrays[1]);
    remove(OURS);
    return status;
}

static void every_allocation_may_fail(void **state)
{
    (void)state;
    assert_true(fail_alloc_run(write_and_read, NULL) > 30);
    assert_true(fail_alloc_limits(write_and_read, NULL) > 5);
}

/* A program built with a later header sets nothing that we do not know; one that forgot to say how large its struct is, is told. */
static void structs_of_another_age_are_taken(void **state)
{
    (void)state;
    struct {
        struct dl4c_dataset d;
        int64_t later[2];
    } wide = { .d = DL4C_DATASET_INIT };
    const int64_t shape[] = { 1, 1 };
    dl4c_tensor *one = NULL;
    assert_int_equal(dl4c_tensor_create(NULL, DL4C_F32, shape, 2, &one, NULL), DL4C_OK);
    wide.d = (struct dl4c_dataset){ .struct_size = sizeof wide, .n_features = 1, .arrays = &one };
    assert_int_equal(dl4c_dataset_save(NULL, &wide.d, 0, OURS, NULL), DL4C_OK);
    wide.later[1] = 1;
    assert_int_equal(dl4c_dataset_save(NULL, &wide.d, 0, OURS, NULL), DL4C_E_VERSION);
    wide.d = (struct dl4c_dataset){ .struct_size = sizeof wide };
    assert_int_equal(dl4c_dataset_load(NULL, OURS, &wide.d, NULL), DL4C_OK);
    assert_true(wide.d.struct_size == sizeof wide && wide.d.n_features == 1 && wide.later[1] == 0);
    dl4c_dataset_clear(&wide.d);
    assert_true(wide.d.struct_size == sizeof wide && wide.d.n_features == 0 && !wide.d.arrays);
    struct dl4c_dataset unset = { 0 };
    assert_int_equal(dl4c_dataset_load(NULL, OURS, &unset, NULL), DL4C_E_INVALID);
    assert_int_equal(dl4c_dataset_load(NULL, OURS, NULL, NULL), DL4C_E_INVALID);
    dl4c_tensor_unref(&one);
    remove(OURS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(files_of_deeplearning4j_are_read_and_written_to_the_byte),
        cmocka_unit_test(files_before_1_0_make_a_source),
        cmocka_unit_test(masks_that_are_absent_stay_absent),
        cmocka_unit_test(damaged_files_are_refused),
        cmocka_unit_test(strides_of_an_array_are_followed_and_checked),
        cmocka_unit_test(structs_of_another_age_are_taken),
        cmocka_unit_test(every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
