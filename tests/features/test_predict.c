/* SPDX-License-Identifier: Apache-2.0 */
/* Lines of predictions: the same whoever takes them, in one go or in several, by one call or by parts. */
#include "support/photos.h"
#include <dl4c/dl4c.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PHOTOS = 3 * 5 + 2 };

static char base[256];
static dl4c_graph *model;

static const char *in_dir(const char *name)
{
    static char path[8][512];
    static int next;
    next = (next + 1) % 8;
    snprintf(path[next], sizeof path[next], "%s/%s", base, name);
    return path[next];
}

static dl4c_status predict_from(const char *photos, const char *out, struct dl4c_predict_options *o, struct dl4c_error *err)
{
    struct dl4c_reader_options ro = DL4C_READER_OPTIONS_INIT;
    dl4c_reader *r = NULL;
    ro.for_graph = model;
    ro.preprocess = "scale01";
    ro.flags = DL4C_READER_UNLABELLED;
    dl4c_status status = dl4c_reader_open(NULL, in_dir(photos), &ro, &r, err);
    if (status == DL4C_OK)
        status = dl4c_predict(model, r, out ? in_dir(out) : NULL, o, err);
    dl4c_reader_close(&r);
    return status;
}

static dl4c_status predict(const char *out, struct dl4c_predict_options *o, struct dl4c_error *err)
{
    return predict_from("photos", out, o, err);
}

static int make(void **state)
{
    (void)state;
    struct dl4c_error err = DL4C_ERROR_INIT;
    struct dl4c_predict_options o = DL4C_PREDICT_OPTIONS_INIT;
    photos_dir(base, sizeof base);
    photos_mkdir(base, "photos");
    photos_classes(in_dir("photos"), 5);
    photos_text(in_dir("photos/cat/3,a.jpg"), "no photograph");
    photos_text(in_dir("photos/emu/zz.jpg"), "nor this");
    photos_mkdir(base, "bad");
    photos_text(in_dir("bad/1.jpg"), "not one");
    photos_text(in_dir("bad/2.jpg"), "nor two");
    dl4c_builder *b = NULL;
    const int64_t shape[] = { 3, 12, 12 };
    const char *in[] = { "in" }, *c1[] = { "c1" }, *p1[] = { "p1" };
    dl4c_builder_create(NULL, NULL, &b, NULL);
    dl4c_builder_input(b, "in", shape, 3);
    dl4c_builder_add_text(b, "conv2d:units=6,kernel=3,padding=1,activation=relu", "c1", in, 1);
    dl4c_builder_add_text(b, "global_pool:type=avg", "p1", c1, 1);
    dl4c_builder_add_text(b, "output:units=4,activation=softmax,loss=negative_log_likelihood", "out", p1, 1);
    if (dl4c_builder_finish(&b, &model, &err) != DL4C_OK) {
        print_message("%s: %s\n", err.origin, err.message);
        return -1;
    }
    o.top = 2;
    return predict("whole.jsonl", &o, &err);
}

static int clean(void **state)
{
    (void)state;
    dl4c_graph_destroy(&model);
    photos_remove(base);
    return 0;
}

static bool exists(const char *name)
{
    struct stat s;
    return stat(in_dir(name), &s) == 0;
}

static void same_as_whole(const char *name)
{
    size_t n, m;
    char parts[80];
    unsigned char *x = photos_read(in_dir("whole.jsonl"), &n), *y = photos_read(in_dir(name), &m);
    assert_int_equal(n, m);
    assert_memory_equal(x, y, n);
    free(x);
    free(y);
    snprintf(parts, sizeof parts, "%s.parts", name);
    assert_false(exists(parts));
}

static int lines_of(const char *text, const char *what)
{
    int n = 0;
    for (; (text = strstr(text, what)); text += strlen(what))
        n++;
    return n;
}

static void every_image_has_its_line(void **state)
{
    (void)state;
    struct dl4c_error err = DL4C_ERROR_INIT;
    struct dl4c_predict_options o = DL4C_PREDICT_OPTIONS_INIT;
    size_t n;
    unsigned char *x = photos_read(in_dir("whole.jsonl"), &n);
    char *text = realloc(x, n + 1);
    text[n] = '\0';
    assert_int_equal(lines_of(text, "\n"), PHOTOS);
    assert_int_equal(lines_of(text, "\"top\": [], \"error\": \""), 2);
    assert_int_equal(lines_of(text, "\"index\": "), 2 * (PHOTOS - 2));
    assert_ptr_equal(strstr(text, "{\"path\": \"cat/0.jpg\", \"top\": [{\"class\": "), text);
    free(text);
    o.format = DL4C_PREDICT_CSV;
    o.top = 100; /* there are four */
    assert_int_equal(predict("whole.csv", &o, &err), DL4C_OK);
    x = photos_read(in_dir("whole.csv"), &n);
    text = realloc(x, n + 1);
    text[n] = '\0';
    assert_int_equal(lines_of(text, "\n"), PHOTOS);
    assert_non_null(strstr(text, "\n\"cat/3,a.jpg\",,,,,,,,,,,,,"));
    free(text);
}

static void shards_and_batches_change_nothing(void **state)
{
    (void)state;
    struct dl4c_error err = DL4C_ERROR_INIT;
    for (int size = 1; size <= PHOTOS + 1; size += 4) {
        char out[40];
        struct dl4c_predict_options o = DL4C_PREDICT_OPTIONS_INIT;
        o.top = 2;
        o.shard_size = size;
        o.batch = 1 + size % 3;
        o.threads = 1 + size % 2;
        snprintf(out, sizeof out, "s%d.jsonl", size);
        assert_int_equal(predict(out, &o, &err), DL4C_OK);
        same_as_whole(out);
    }
}

struct taken {
    char text[1 << 14];
    size_t n;
    int calls, most;
};

static int take(void *user, const char *text, size_t size)
{
    struct taken *t = user;
    assert_int_equal(text[size - 1], '\n');
    assert_true(t->n + size < sizeof t->text);
    memcpy(t->text + t->n, text, size);
    t->n += size;
    return ++t->calls == t->most;
}

static void lines_come_as_they_are_made(void **state)
{
    (void)state;
    struct dl4c_error err = DL4C_ERROR_INIT;
    struct dl4c_predict_options o = DL4C_PREDICT_OPTIONS_INIT;
    static struct taken t, some;
    size_t n;
    unsigned char *whole = photos_read(in_dir("whole.jsonl"), &n);
    o.top = 2;
    o.batch = 4;
    o.write = take;
    o.write_user = &t;
    assert_int_equal(predict(NULL, &o, &err), DL4C_OK);
    assert_true(t.calls > 2);
    assert_int_equal(t.n, n);
    assert_memory_equal(t.text, whole, n);
    some.most = 2;
    o.write_user = &some;
    assert_int_equal(predict(NULL, &o, &err), DL4C_E_CANCELLED);
    assert_memory_equal(some.text, whole, some.n);
    free(whole);
}

/* A folder in a shard's place ends a call there. */
static void what_was_interrupted_goes_on(void **state)
{
    (void)state;
    struct dl4c_error err = DL4C_ERROR_INIT;
    struct dl4c_predict_options o = DL4C_PREDICT_OPTIONS_INIT;
    o.top = 2;
    o.shard_size = 4;
    photos_mkdir(base, "cut.jsonl.parts");
    photos_mkdir(base, "cut.jsonl.parts/predictions-00002");
    assert_int_equal(predict("cut.jsonl", &o, &err), DL4C_E_INVALID);
    assert_false(exists("cut.jsonl"));
    assert_true(exists("cut.jsonl.parts/predictions-00001"));
    assert_int_equal(rmdir(in_dir("cut.jsonl.parts/predictions-00002")), 0);
    o.flags = DL4C_PREDICT_RESUME;
    o.top = 3;
    assert_int_equal(predict("cut.jsonl", &o, &err), DL4C_E_INVALID);
    assert_non_null(strstr(err.message, "top"));
    o.top = 2;
    photos_text(in_dir("cut.jsonl.parts/predictions-00001"), "changed\n");
    assert_int_equal(predict("cut.jsonl", &o, &err), DL4C_OK);
    same_as_whole("cut.jsonl");
    /* what is there is done, and what was left beside it goes */
    photos_mkdir(base, "cut.jsonl.parts");
    photos_mkdir(base, "cut.jsonl.parts/_progress");
    photos_text(in_dir("cut.jsonl.parts/_progress/shard-00003.json"), "{}");
    photos_text(in_dir("cut.jsonl.parts/predictions-00003"), "left\n");
    assert_int_equal(predict("cut.jsonl", &o, &err), DL4C_OK);
    same_as_whole("cut.jsonl");
}

/* The file is put together beside the shards, so that nothing of it lies about where a process is killed meanwhile. */
static void a_file_is_put_together_out_of_sight(void **state)
{
    (void)state;
    struct dl4c_error err = DL4C_ERROR_INIT;
    struct dl4c_predict_options o = DL4C_PREDICT_OPTIONS_INIT;
    o.top = 2;
    o.shard_size = 4;
    photos_mkdir(base, "late.jsonl.parts");
    photos_mkdir(base, "late.jsonl.parts/predictions-whole"); /* ends it there */
    assert_int_not_equal(predict("late.jsonl", &o, &err), DL4C_OK);
    assert_false(exists("late.jsonl"));
    assert_int_equal(rmdir(in_dir("late.jsonl.parts/predictions-whole")), 0);
    photos_text(in_dir("late.jsonl.parts/predictions-whole"), "half");
    photos_text(in_dir("late.jsonl.parts/.predictions-whole.abcdef"), "half");
    photos_text(in_dir("late.jsonl.parts/predictions-record"), "{");
    photos_text(in_dir("late.jsonl.parts/.predictions-record.abcdef"), "{");
    o.flags = DL4C_PREDICT_RESUME;
    assert_int_equal(predict("late.jsonl", &o, &err), DL4C_OK);
    same_as_whole("late.jsonl");
    assert_true(exists("_late.jsonl.work.json"));
}

static void refused(dl4c_status status, const char *what, const struct dl4c_error *err)
{
    assert_int_equal(status, DL4C_E_EXISTS);
    if (!strstr(err->message, what))
        print_message("\"%s\" is not in: %s\n", what, err->message);
    assert_non_null(strstr(err->message, what));
}

/* A file that is done stays for those who do the same work, and is no answer for others. */
static void what_is_done_is_known_by_its_work(void **state)
{
    (void)state;
    struct dl4c_error err = DL4C_ERROR_INIT;
    struct dl4c_predict_options o = DL4C_PREDICT_OPTIONS_INIT;
    dl4c_graph *const own = model;
    dl4c_builder *b = NULL;
    o.flags = DL4C_PREDICT_RESUME;
    o.top = 2;
    for (int size = 0; size < 6; size += 5) { /* of one piece, and of several */
        o.shard_size = size;
        o.flags = 0;
        assert_int_equal(predict("done.jsonl", &o, &err), DL4C_OK);
        o.flags = DL4C_PREDICT_RESUME;
        o.shard_size = 3;
        assert_int_equal(predict("done.jsonl", &o, &err), DL4C_OK);
        same_as_whole("done.jsonl");
        o.top = 3;
        refused(predict("done.jsonl", &o, &err), "was made with top 2, now it is 3", &err);
        o.top = 2;
        o.format = DL4C_PREDICT_CSV;
        refused(predict("done.jsonl", &o, &err), "was made with form jsonl, now it is csv", &err);
        o.format = DL4C_PREDICT_JSONL;
        o.precision = DL4C_PRECISION_BF16_WEIGHTS;
        refused(predict("done.jsonl", &o, &err), "was made with precision (none), now it is bf16-weights", &err);
        o.precision = 0;
        refused(predict_from("photos/cat", "done.jsonl", &o, &err), "was made with images and classes", &err);
        assert_int_equal(dl4c_builder_create(NULL, own, &b, &err), DL4C_OK);
        dl4c_builder_replace_n_out(b, "out", 5, NULL, NULL);
        assert_int_equal(dl4c_builder_finish(&b, &model, &err), DL4C_OK);
        refused(predict("done.jsonl", &o, &err), "was made with model", &err);
        dl4c_graph_destroy(&model);
        model = own;
        same_as_whole("done.jsonl");
    }
    photos_text(in_dir("done.jsonl"), "here\n");
    refused(predict("done.jsonl", &o, &err), "is not the file that its record tells of", &err);
    assert_int_equal(unlink(in_dir("_done.jsonl.work.json")), 0);
    refused(predict("done.jsonl", &o, &err), "no record tells", &err);
    photos_text(in_dir("_done.jsonl.work.json"), "{}");
    refused(predict("done.jsonl", &o, &err), "cannot be read", &err);
}

/* A call that was to replace a file of other work and did not get that far is resumed, and not content with the file. */
static void what_was_to_be_replaced_is_replaced(void **state)
{
    (void)state;
    struct dl4c_error err = DL4C_ERROR_INIT;
    struct dl4c_predict_options o = DL4C_PREDICT_OPTIONS_INIT;
    o.shard_size = 4;
    assert_int_equal(predict("again.jsonl", &o, &err), DL4C_OK);
    o.top = 2;
    photos_mkdir(base, "again.jsonl.parts");
    photos_mkdir(base, "again.jsonl.parts/predictions-00002");
    assert_int_equal(predict("again.jsonl", &o, &err), DL4C_E_INVALID);
    assert_int_equal(rmdir(in_dir("again.jsonl.parts/predictions-00002")), 0);
    o.flags = DL4C_PREDICT_RESUME;
    o.top = 1;
    refused(predict("again.jsonl", &o, &err), "no record tells", &err);
    o.top = 2;
    assert_int_equal(predict("again.jsonl", &o, &err), DL4C_OK);
    same_as_whole("again.jsonl");
}

static void parts_make_one_file(void **state)
{
    (void)state;
    struct dl4c_error err = DL4C_ERROR_INIT;
    struct dl4c_predict_options o = DL4C_PREDICT_OPTIONS_INIT;
    o.top = 2;
    o.shard_size = 2;
    o.n_parts = 3;
    for (o.part = 3; o.part >= 1; o.part--) {
        assert_false(exists("parts.jsonl"));
        assert_int_equal(predict("parts.jsonl", &o, &err), DL4C_OK);
    }
    same_as_whole("parts.jsonl");
}

static void wrong_wishes_are_refused(void **state)
{
    (void)state;
    struct dl4c_error err = DL4C_ERROR_INIT;
    struct dl4c_predict_options o = DL4C_PREDICT_OPTIONS_INIT;
    assert_int_equal(predict(NULL, &o, &err), DL4C_E_INVALID);
    o.write = take;
    assert_int_equal(predict("x.jsonl", &o, &err), DL4C_E_INVALID);
    o.flags = DL4C_PREDICT_RESUME;
    assert_int_equal(predict(NULL, &o, &err), DL4C_E_INVALID);
    o.write = NULL;
    o.flags = 4;
    assert_int_equal(predict("x.jsonl", &o, &err), DL4C_E_VERSION);
    o.flags = 0;
    o.format = 2;
    assert_int_equal(predict("x.jsonl", &o, &err), DL4C_E_INVALID);
    o.format = 0;
    o.n_parts = 2;
    assert_int_equal(predict("x.jsonl", &o, &err), DL4C_E_INVALID);
    o.n_parts = 0;
    assert_int_equal(predict_from("bad", "x.jsonl", &o, &err), DL4C_E_INVALID);
    assert_non_null(strstr(err.message, "none of the 2 images can be used; the first, 1.jpg: "));
    o.shard_size = 1;
    assert_int_equal(predict_from("bad", "x.jsonl", &o, &err), DL4C_E_INVALID);
    assert_non_null(strstr(err.message, "none of the 2 images can be used"));
    assert_false(exists("x.jsonl"));
    photos_mkdir(base, "full.jsonl.parts"); /* a folder in the first shard's place: nothing is made, and nothing is left */
    photos_mkdir(base, "full.jsonl.parts/predictions-00000");
    assert_int_equal(predict("full.jsonl", &o, &err), DL4C_E_INVALID);
    assert_int_equal(rmdir(in_dir("full.jsonl.parts/predictions-00000")), 0);
    int32_t cancel = 1;
    o.cancel = &cancel;
    assert_int_equal(predict("full.jsonl", &o, &err), DL4C_E_CANCELLED);
    assert_false(exists("full.jsonl.parts"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_image_has_its_line), cmocka_unit_test(shards_and_batches_change_nothing),
        cmocka_unit_test(lines_come_as_they_are_made), cmocka_unit_test(what_was_interrupted_goes_on),
        cmocka_unit_test(a_file_is_put_together_out_of_sight),
        cmocka_unit_test(what_is_done_is_known_by_its_work), cmocka_unit_test(what_was_to_be_replaced_is_replaced),
        cmocka_unit_test(parts_make_one_file), cmocka_unit_test(wrong_wishes_are_refused),
    };
    return cmocka_run_group_tests(tests, make, clean);
}
