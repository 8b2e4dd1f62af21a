/* SPDX-License-Identifier: Apache-2.0 */
/* Featurizing in several goes and by several processes: the store is the one that a single call makes, to the byte, and nobody works on
 * what another holds. */
#define _GNU_SOURCE
#include "base/process.h"
#include "support/photos.h"
#include <dl4c/dl4c.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <dirent.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PHOTOS = 3 * 9 + 2, SHARD = 4, SHARDS = (PHOTOS + SHARD - 1) / SHARD };

static char base[256];
static dl4c_graph *trunk;

static const char *in_dir(const char *name)
{
    static char path[8][512];
    static int next;
    next = (next + 1) % 8;
    snprintf(path[next], sizeof path[next], "%s/%s", base, name);
    return path[next];
}

/* One call of its own reader. */
struct call {
    struct dl4c_featurize_options o;
    const char *preprocess;
    int64_t done; /* images of the last report */
    int32_t cancel;
    void (*at_work)(struct call *c); /* called once, when the work has begun */
    dl4c_status inner;
};

static int on_progress(void *user, const struct dl4c_progress *p)
{
    struct call *c = user;
    c->done = p->done;
    if (c->at_work) {
        void (*fn)(struct call *) = c->at_work;
        c->at_work = NULL;
        fn(c);
    }
    return 0;
}

static dl4c_status featurize(struct call *c, const char *out, struct dl4c_error *err)
{
    struct dl4c_reader_options ro = DL4C_READER_OPTIONS_INIT;
    dl4c_reader *r = NULL;
    ro.for_graph = trunk;
    ro.preprocess = c->preprocess ? c->preprocess : "scale01";
    c->o.struct_size = sizeof c->o;
    c->o.shard_size = SHARD;
    c->o.progress = on_progress;
    c->o.progress_user = c;
    c->o.cancel = &c->cancel;
    dl4c_status status = dl4c_reader_open(NULL, in_dir("photos"), &ro, &r, err);
    if (status == DL4C_OK)
        status = dl4c_featurize(trunk, r, in_dir(out), &c->o, err);
    dl4c_reader_close(&r);
    return status;
}

static dl4c_status simple(const char *out, uint64_t flags, int32_t part, int32_t n_parts, struct dl4c_error *err)
{
    struct call c = { .o = { .flags = flags, .part = part, .n_parts = n_parts } };
    return featurize(&c, out, err);
}

static bool exists(const char *name)
{
    struct stat s;
    return stat(in_dir(name), &s) == 0;
}

static int make(void **state)
{
    (void)state;
    struct dl4c_error err = DL4C_ERROR_INIT;
    photos_dir(base, sizeof base);
    photos_mkdir(base, "photos");
    photos_classes(in_dir("photos"), 9);
    photos_text(in_dir("photos/cat/3a.jpg"), "no photograph");
    photos_text(in_dir("photos/emu/zz.jpg"), "nor this \"one\"");
    dl4c_builder *b = NULL;
    const int64_t shape[] = { 3, 12, 12 };
    const char *in[] = { "in" }, *c1[] = { "c1" };
    dl4c_builder_create(NULL, NULL, &b, NULL);
    dl4c_builder_input(b, "in", shape, 3);
    dl4c_builder_add_text(b, "conv2d:units=6,kernel=3,padding=1,activation=relu", "c1", in, 1);
    dl4c_builder_add_text(b, "max_pool:kernel=2,stride=2", "p1", c1, 1);
    if (dl4c_builder_finish(&b, &trunk, NULL) != DL4C_OK)
        return -1;
    return simple("whole", 0, 0, 0, &err);
}

static int clean(void **state)
{
    (void)state;
    dl4c_graph_destroy(&trunk);
    photos_remove(base);
    return 0;
}

/* The folder has the files of "whole", with the same bytes, and no other name, hidden ones among them. */
static void same_as_whole(const char *name)
{
    int files = 0;
    DIR *d = opendir(in_dir(name));
    assert_non_null(d);
    for (struct dirent *e; (e = readdir(d));) {
        char a[800], b[800];
        size_t n, m;
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
            continue;
        snprintf(a, sizeof a, "%s/%s", in_dir("whole"), e->d_name);
        snprintf(b, sizeof b, "%s/%s", in_dir(name), e->d_name);
        if (access(a, F_OK) != 0)
            fail_msg("%s is in the store, and not in the one made at once", e->d_name);
        unsigned char *x = photos_read(a, &n), *y = photos_read(b, &m);
        assert_int_equal(n, m);
        assert_memory_equal(x, y, n);
        free(x);
        free(y);
        files++;
    }
    closedir(d);
    assert_int_equal(files, SHARDS + 3); /* manifest.json, bad.jsonl, _SUCCESS */
}

static void a_store_made_at_once_leaves_nothing_beside_it(void **state)
{
    (void)state;
    same_as_whole("whole");
}

/* A folder in a shard's place ends a call there. */
static void a_resumed_store_is_the_same(void **state)
{
    (void)state;
    struct dl4c_error err = DL4C_ERROR_INIT;
    for (int stop = 0; stop < SHARDS; stop += 2) {
        char out[32], shard[80];
        snprintf(out, sizeof out, "resumed%d", stop);
        snprintf(shard, sizeof shard, "%s/features-%05d.safetensors", out, stop);
        photos_mkdir(base, out);
        photos_mkdir(base, shard);
        assert_int_equal(simple(out, 0, 0, 0, &err), DL4C_E_INVALID);
        assert_non_null(strstr(err.message, "features-0"));
        assert_int_equal(rmdir(in_dir(shard)), 0);
        struct call c = { .o = { .flags = DL4C_FEATURIZE_RESUME } };
        assert_int_equal(featurize(&c, out, &err), DL4C_OK);
        const int bad = 1 + (stop * SHARD < PHOTOS - 1); /* what is done does not come again */
        assert_true(c.done <= PHOTOS - stop * SHARD && c.done >= PHOTOS - stop * SHARD - bad);
        same_as_whole(out);
    }
}

static void a_cancelled_call_leaves_nothing_of_its_own(void **state)
{
    (void)state;
    struct dl4c_error err = DL4C_ERROR_INIT;
    struct call c = { .cancel = 1 };
    assert_int_equal(featurize(&c, "cancelled", &err), DL4C_E_CANCELLED);
    assert_false(exists("cancelled/_progress"));
}

/* Parts 1, 2 and 3 of a store, the last one missing: it is not finished, and the shards of others are not touched. */
static void begin_two_parts(const char *out)
{
    struct dl4c_error err = DL4C_ERROR_INIT;
    char name[64];
    assert_int_equal(simple(out, 0, 1, 3, &err), DL4C_OK);
    assert_int_equal(simple(out, 0, 3, 3, &err), DL4C_OK);
    snprintf(name, sizeof name, "%s/manifest.json", out);
    assert_false(exists(name));
    for (int k = 0; k < SHARDS; k++) {
        snprintf(name, sizeof name, "%s/features-%05d.safetensors", out, k);
        assert_int_equal(exists(name), k % 3 != 1);
    }
}

static void parts_make_the_same_store(void **state)
{
    (void)state;
    struct dl4c_error err = DL4C_ERROR_INIT;
    begin_two_parts("parts");
    assert_int_equal(simple("parts", 0, 2, 3, &err), DL4C_OK);
    same_as_whole("parts");
    begin_two_parts("parts2"); /* what is missing may be made by one call for all */
    struct call c = { .o = { .flags = DL4C_FEATURIZE_RESUME } };
    assert_int_equal(featurize(&c, "parts2", &err), DL4C_OK);
    assert_true(c.done < PHOTOS / 2);
    same_as_whole("parts2");
}

static void damaged_shards_are_made_again(void **state)
{
    (void)state;
    struct dl4c_error err = DL4C_ERROR_INIT;
    begin_two_parts("damaged");
    assert_int_equal(truncate(in_dir("damaged/features-00003.safetensors"), 100), 0);
    FILE *f = fopen(in_dir("damaged/features-00005.safetensors"), "r+b");
    fseek(f, -5, SEEK_END);
    const int was = fgetc(f);
    fseek(f, -5, SEEK_END);
    fputc(was ^ 1, f);
    fclose(f);
    remove(in_dir("damaged/features-00006.safetensors"));
    photos_text(in_dir("damaged/_progress/shard-00000.json"), "{\"work\": 7");
    photos_text(in_dir("damaged/.features-00001.safetensors.abc123"), "left by a process that was killed");
    assert_int_equal(simple("damaged", DL4C_FEATURIZE_RESUME, 0, 0, &err), DL4C_OK);
    same_as_whole("damaged");
}

/* A record of another part, whose shard the one who finishes does not read, gets nothing into the manifest but a name and a digest. */
static void records_that_are_none_are_no_part_of_a_store(void **state)
{
    (void)state;
    struct dl4c_error err = DL4C_ERROR_INIT;
    char path[1024];
    size_t n;
    begin_two_parts("lies");
    snprintf(path, sizeof path, "%s", in_dir("lies/_progress/shard-00000.json"));
    char *text = (char *)photos_read(path, &n);
    text[n] = '\0';
    char *digest = strstr(text, "\"sha256\": \"");
    assert_non_null(digest);
    digest[strlen("\"sha256\": \"")] = 'Z'; /* no digit */
    photos_text(path, text);
    free(text);
    assert_int_equal(simple("lies", 0, 2, 3, &err), DL4C_OK);
    assert_false(exists("lies/manifest.json"));
    assert_int_equal(simple("lies", DL4C_FEATURIZE_RESUME, 1, 3, &err), DL4C_OK);
    same_as_whole("lies");
}

static void a_store_can_be_finished_again(void **state)
{
    (void)state;
    struct dl4c_error err = DL4C_ERROR_INIT;
    assert_int_equal(simple("again", 0, 0, 0, &err), DL4C_OK);
    struct call c = { .o = { .flags = DL4C_FEATURIZE_RESUME } };
    assert_int_equal(featurize(&c, "again", &err), DL4C_OK);
    assert_int_equal(c.done, 0); /* nothing was left to do */
    same_as_whole("again");
    photos_mkdir(base, "again/_progress"); /* killed when all was done, before this was taken away */
    photos_text(in_dir("again/_progress/work.json"), "{}");
    photos_text(in_dir("again/_progress/shard-00003.json"), "{}");
    photos_text(in_dir("again/_progress/.shard-00004.json.abcdef"), "{");
    photos_text(in_dir("again/._SUCCESS.abcdef"), "");
    assert_int_equal(featurize(&c, "again", &err), DL4C_OK);
    same_as_whole("again");
    c.preprocess = "none";
    assert_int_equal(featurize(&c, "again", &err), DL4C_E_EXISTS);
    assert_non_null(strstr(err.message, "preprocess"));
    same_as_whole("again");
    assert_int_equal(truncate(in_dir("again/features-00000.safetensors"), 100), 0);
    assert_int_equal(simple("again", DL4C_FEATURIZE_RESUME, 0, 0, &err), DL4C_E_CORRUPT);
}

static void other_work_is_not_resumed(void **state)
{
    (void)state;
    struct dl4c_error err = DL4C_ERROR_INIT;
    begin_two_parts("other");
    struct call c = { .o = { .flags = DL4C_FEATURIZE_RESUME }, .preprocess = "none" };
    assert_int_equal(featurize(&c, "other", &err), DL4C_E_INVALID);
    assert_non_null(strstr(err.message, "preprocess"));
    struct call anew = { .preprocess = "none" }; /* from the beginning it may be, and counts nothing of what was there */
    assert_int_equal(featurize(&anew, "other", &err), DL4C_OK);
    assert_false(exists("other/_progress"));
    assert_int_equal(simple("other", DL4C_FEATURIZE_RESUME, 0, 0, &err), DL4C_E_EXISTS);
    photos_mkdir(base, "foreign"); /* a store by other means is nobody's to go on with */
    photos_text(in_dir("foreign/manifest.json"), "{}");
    assert_int_equal(simple("foreign", DL4C_FEATURIZE_RESUME, 0, 0, &err), DL4C_E_EXISTS);
}

static void intrude(struct call *outer)
{
    struct dl4c_error err = DL4C_ERROR_INIT;
    char pid[32];
    assert_int_equal(simple("held", DL4C_FEATURIZE_RESUME, 0, 0, &err), DL4C_E_BUSY);
    snprintf(pid, sizeof pid, "process %ld on ", (long)getpid());
    assert_non_null(strstr(err.message, pid));
    assert_int_equal(simple("held", 0, 2, 2, &err), DL4C_E_BUSY);
    outer->inner = DL4C_E_BUSY;
}

static void another_part(struct call *outer)
{
    struct dl4c_error err = DL4C_ERROR_INIT;
    outer->inner = simple("beside", 0, 2, 2, &err);
}

static void nobody_works_on_what_another_holds(void **state)
{
    (void)state;
    struct dl4c_error err = DL4C_ERROR_INIT;
    struct call c = { .at_work = intrude };
    assert_int_equal(featurize(&c, "held", &err), DL4C_OK);
    assert_int_equal(c.inner, DL4C_E_BUSY);
    same_as_whole("held");
    struct call half = { .o = { .part = 1, .n_parts = 2 }, .at_work = another_part, .inner = DL4C_E_IO };
    assert_int_equal(featurize(&half, "beside", &err), DL4C_OK);
    assert_int_equal(half.inner, DL4C_OK);
    same_as_whole("beside");
}

static void leave_claim(const char *file, const char *process)
{
    char text[400];
    snprintf(text, sizeof text, "{\"beat\": 3, \"host\": \"far away\", \"pid\": 4194000, \"process\": \"%s\"}\n", process);
    photos_text(in_dir(file), text);
}

/* Of this machine's kernel, with a number that no process has now. */
static void what_a_killed_process_held_is_taken_over(void **state)
{
    (void)state;
    struct dl4c_error err = DL4C_ERROR_INIT;
    char name[DLI_PROCESS_ROOM], gone[DLI_PROCESS_ROOM + 64];
    dli_process_name(name);
    if (!name[0]) {
        print_message("skipped: this system does not tell which process is which\n");
        skip();
    }
    assert_int_equal(dli_process_state(name), DLI_PROCESS_ALIVE);
    begin_two_parts("killed");
    *strrchr(name, '/') = '\0';
    snprintf(gone, sizeof gone, "%s/1", name); /* this process's number, but begun at another time */
    assert_int_equal(dli_process_state(gone), DLI_PROCESS_GONE);
    leave_claim("killed/_progress/held-2-of-3-0123456789ab.json", gone);
    assert_int_equal(simple("killed", DL4C_FEATURIZE_RESUME, 2, 3, &err), DL4C_OK);
    same_as_whole("killed");
}

static void a_process_elsewhere_is_waited_for(void **state)
{
    (void)state;
    struct dl4c_error err = DL4C_ERROR_INIT;
    begin_two_parts("far");
    leave_claim("far/_progress/held-2-of-3-0123456789ab.json", "another kernel/1/2/3");
    struct call c = { .o = { .flags = DL4C_FEATURIZE_RESUME, .timeout_ms = 1500 } };
    assert_int_equal(featurize(&c, "far", &err), DL4C_E_TIMEOUT);
    if (!getenv("DL4C_TEST_FULL")) {
        print_message("skipped: half a minute without a sign of life is waited for with DL4C_TEST_FULL only\n");
        skip();
    }
    assert_int_equal(simple("far", DL4C_FEATURIZE_RESUME, 0, 0, &err), DL4C_OK);
    same_as_whole("far");
}

static void parts_outside_their_number_are_refused(void **state)
{
    (void)state;
    struct dl4c_error err = DL4C_ERROR_INIT;
    static const int32_t bad[][2] = { { 0, 2 }, { 3, 2 }, { -1, 0 }, { 1, 0 }, { 1, -1 } };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(simple("never", 0, bad[i][0], bad[i][1], &err), DL4C_E_INVALID);
    struct call c = { .o = { .flags = DL4C_FEATURIZE_RESUME, .overwrite = 1 } };
    assert_int_equal(featurize(&c, "never", &err), DL4C_E_INVALID);
    assert_false(exists("never"));
    assert_int_equal(simple("many", 0, 50, 50, &err), DL4C_OK); /* a part without a shard has nothing to do */
    assert_false(exists("many/_progress"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_store_made_at_once_leaves_nothing_beside_it),
        cmocka_unit_test(a_resumed_store_is_the_same),
        cmocka_unit_test(a_cancelled_call_leaves_nothing_of_its_own),
        cmocka_unit_test(parts_make_the_same_store),
        cmocka_unit_test(damaged_shards_are_made_again),
        cmocka_unit_test(records_that_are_none_are_no_part_of_a_store),
        cmocka_unit_test(a_store_can_be_finished_again),
        cmocka_unit_test(other_work_is_not_resumed),
        cmocka_unit_test(nobody_works_on_what_another_holds),
        cmocka_unit_test(what_a_killed_process_held_is_taken_over),
        cmocka_unit_test(a_process_elsewhere_is_waited_for),
        cmocka_unit_test(parts_outside_their_number_are_refused),
    };
    return cmocka_run_group_tests(tests, make, clean);
}
