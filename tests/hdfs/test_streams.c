/* SPDX-License-Identifier: Apache-2.0 */
/* Files that are read on and on: one request for all the rest, little memory, the right bytes whatever the reader and the servers do. */
#define _GNU_SOURCE
#include "client.h"

#include "base/deadline.h"
#include "support/must.h"

#include <pthread.h>
#include <time.h>

enum { N = (20 << 20) + 3, PIECE = 100000, LINE = 1 << 20 };
static char *bytes;

static int begin(void **state)
{
    bytes = pattern(N);
    setup(state);
    fake_put(&fake, "/big", bytes, N);
    return 0;
}

static int end(void **state)
{
    free(bytes);
    return teardown(state);
}

/* [from, to) of the file in pieces of n, compared. */
static dl4c_status read_on(dl4c_fs_file *f, size_t from, size_t to, size_t n)
{
    char *got = malloc(n);
    dl4c_status status = DL4C_OK;
    for (size_t i = from; i < to && status == DL4C_OK; i += n) {
        const size_t k = to - i < n ? to - i : n;
        status = dl4c_fs_read_at(f, (int64_t)i, got, k, &err);
        if (status == DL4C_OK)
            assert_memory_equal(got, bytes + i, k);
    }
    free(got);
    return status;
}

static void who_reads_on_and_on_asks_once(void **state)
{
    (void)state;
    dl4c_fs_file *f;
    int64_t used, peak;
    GOOD(dl4c_fs_open(ctx, at("/big"), &f, &err));
    GOOD(read_on(f, 0, N, PIECE));
    assert_int_equal(fake_count(&fake, "0 GET /webhdfs/v1/big?op=OPEN"), 2); /* the beginning, and all the rest */
    dl4c_context_memory(ctx, &used, &peak);
    assert_in_range(peak, 1, 6 << 20);
    for (size_t i = 15 << 20; i > 3 << 20; i -= 3 << 20) /* back and forth: a window each */
        GOOD(read_on(f, i, i + PIECE, PIECE));
    assert_int_equal(fake_count(&fake, "&length=1048576"), 2 * (1 + 4)); /* of the NameNode and of a DataNode, the beginning among them */
    GOOD(read_on(f, 3 << 20, N, LINE)); /* and on again */
    dl4c_context_memory(ctx, &used, &peak);
    assert_in_range(peak, 1, 6 << 20);
    dl4c_fs_close(&f);
}

static void who_leaves_out_a_little_reads_on(void **state)
{
    (void)state;
    dl4c_fs_file *f;
    GOOD(dl4c_fs_open(ctx, at("/big"), &f, &err));
    GOOD(read_on(f, 0, 2 << 20, PIECE));
    for (size_t i = 2 << 20, gap = 1; i + PIECE < N; i += PIECE + gap, gap = gap * 5 % 99991)
        GOOD(read_on(f, i, i + PIECE, PIECE));
    assert_int_equal(fake_count(&fake, "0 GET /webhdfs/v1/big?op=OPEN"), 2);
    dl4c_fs_close(&f);
}

static void what_is_read_on_and_on_goes_on_where_it_broke(void **state)
{
    (void)state;
    static const int kinds[] = { FAKE_RESET, FAKE_RESET_HEADERS, FAKE_CUT, FAKE_LONG, FAKE_SHORT };
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        dl4c_fs_file *f;
        GOOD(dl4c_fs_open(ctx, at("/big"), &f, &err));
        fake_fault(&fake, 1, "OPEN", kinds[i], 2, NULL);
        fake_fault(&fake, 2, "OPEN", kinds[i], 2, NULL);
        GOOD(read_on(f, 0, N, PIECE));
        dl4c_fs_close(&f);
        SET(n_faults, 0);
    }
    dl4c_fs_file *f;
    GOOD(dl4c_fs_open(ctx, at("/big"), &f, &err));
    fake_fault(&fake, -1, "OPEN", FAKE_EXCEPTION, 99, "403 AccessControlException Permission denied");
    BAD(read_on(f, 0, N, PIECE), DL4C_E_DENIED, "Permission denied");
    BAD(read_on(f, 4 << 20, N, PIECE), DL4C_E_DENIED, "Permission denied");
    SET(n_faults, 0);
    GOOD(read_on(f, 0, N, PIECE));
    dl4c_fs_close(&f);
}

/* A copy takes the bytes from where they came, also where the connection broke, and holds no more than who reads in turn. */
static void a_copy_is_whole_whatever_broke(void **state)
{
    (void)state;
    static const int kinds[] = { -1, FAKE_RESET, FAKE_RESET_HEADERS, FAKE_CUT, FAKE_LONG, FAKE_SHORT };
    struct dl4c_fs_copy_options o = DL4C_FS_COPY_OPTIONS_INIT;
    int64_t used, peak;
    o.flags = DL4C_FS_COPY_OVERWRITE;
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        const char *from = at("/big");
        char *got;
        size_t n;
        for (int k = 1; k < 3 && kinds[i] >= 0; k++)
            fake_fault(&fake, k, "OPEN", kinds[i], 2, NULL);
        GOOD(dl4c_fs_copy(ctx, &from, 1, "streams.copy", &o, NULL, &err));
        SET(n_faults, 0);
        if (i == 0) {
            dl4c_context_memory(ctx, &used, &peak);
            assert_in_range(peak, 1, 6 << 20);
        }
        GOOD(dli_fs_load(ctx, "streams.copy", 64 << 20, &got, &n, &err));
        assert_int_equal(n, N);
        assert_memory_equal(got, bytes, N);
        dli_free(got);
    }
    GOOD(dl4c_fs_remove(ctx, "streams.copy", &err));
}

/* The ring is full and the connection waits: that is no server that stalls; and where he stays away until it breaks, that is no fault. */
static void a_reader_may_take_his_time(void **state)
{
    (void)state;
    struct dl4c_webhdfs_options o = DL4C_WEBHDFS_OPTIONS_INIT;
    dl4c_fs_file *f;
    o.stall_ms = 300;
    o.retry_ms = 500;
    connect_with(&o);
    GOOD(dl4c_fs_open(ctx, at("/big"), &f, &err));
    GOOD(read_on(f, 0, 3 << 20, PIECE));
    wait_ms(1500);
    GOOD(read_on(f, 3 << 20, 8 << 20, LINE));
    wait_ms(1500);
    GOOD(read_on(f, 8 << 20, N, LINE));
    dl4c_fs_close(&f);
    GOOD(dl4c_fs_open(ctx, at("/big"), &f, &err));
    fake_fault(&fake, 1, "OPEN", FAKE_STALL, 99, NULL); /* one that does stall is left, and told */
    fake_fault(&fake, 2, "OPEN", FAKE_STALL, 99, NULL);
    BAD(read_on(f, 0, N, PIECE), DL4C_E_TIMEOUT, "stalled");
    const int64_t began = dli_now_ns();
    dl4c_fs_close(&f);
    assert_true(dli_now_ns() - began < INT64_C(5000000000));
}

/* One who goes in the midst of it leaves nothing behind, and what else is under way is not held up. */
static void a_reader_may_go(void **state)
{
    (void)state;
    struct dl4c_webhdfs_options o = DL4C_WEBHDFS_OPTIONS_INIT;
    dl4c_fs_file *f[6];
    o.requests = 2;
    connect_with(&o);
    for (int i = 0; i < 6; i++) { /* more at once than requests: each waits for its reader, not for one another */
        GOOD(dl4c_fs_open(ctx, at("/big"), &f[i], &err));
        GOOD(read_on(f[i], 0, 2 << 20, PIECE));
    }
    for (int i = 0; i < 6; i += 2)
        dl4c_fs_close(&f[i]);
    for (int i = 1; i < 6; i += 2) {
        GOOD(read_on(f[i], 2 << 20, N, LINE));
        dl4c_fs_close(&f[i]);
    }
    int32_t flag = 1;
    GOOD(dl4c_fs_open(ctx, at("/big"), &f[0], &err));
    fake_fault(&fake, 1, "OPEN", FAKE_STALL, 99, NULL);
    fake_fault(&fake, 2, "OPEN", FAKE_STALL, 99, NULL);
    const int32_t *before = dl4c_fs_watch(&flag);
    BAD(read_on(f[0], 0, N, PIECE), DL4C_E_CANCELLED, "cancelled");
    dl4c_fs_watch(before);
    SET(n_faults, 0);
    GOOD(read_on(f[0], 0, N, PIECE));
    dl4c_fs_close(&f[0]);
}

struct part {
    pthread_t thread;
    dl4c_fs_file *f;
    size_t from, to, n;
    bool good;
};

static void *read_part(void *arg)
{
    struct part *p = arg;
    char *got = malloc(p->n);
    struct dl4c_error e = DL4C_ERROR_INIT;
    p->good = true;
    for (size_t i = p->from; i < p->to && p->good; i += p->n) {
        const size_t k = p->to - i < p->n ? p->to - i : p->n;
        p->good = dl4c_fs_read_at(p->f, (int64_t)i, got, k, &e) == DL4C_OK && memcmp(got, bytes + i, k) == 0;
    }
    free(got);
    return NULL;
}

static void several_threads_read_one_file(void **state)
{
    (void)state;
    struct part p[5];
    dl4c_fs_file *f;
    GOOD(dl4c_fs_open(ctx, at("/big"), &f, &err));
    for (size_t i = 0; i < 5; i++) { /* the last two go over what others read */
        p[i] = (struct part){ .f = f, .from = i < 3 ? i * N / 3 : 0, .to = i < 3 ? (i + 1) * N / 3 : N, .n = PIECE + i * 77777 };
        assert_int_equal(pthread_create(&p[i].thread, NULL, read_part, &p[i]), 0);
    }
    for (size_t i = 0; i < 5; i++) {
        pthread_join(p[i].thread, NULL);
        assert_true(p[i].good);
    }
    dl4c_fs_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, begin, end)
        T(who_reads_on_and_on_asks_once),
        T(who_leaves_out_a_little_reads_on),
        T(what_is_read_on_and_on_goes_on_where_it_broke),
        T(a_copy_is_whole_whatever_broke),
        T(a_reader_may_take_his_time),
        T(a_reader_may_go),
        T(several_threads_read_one_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
