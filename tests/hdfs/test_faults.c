/* SPDX-License-Identifier: Apache-2.0 */
/* Servers that fail: the right bytes, or one clear error and nothing half-written. */
#define _GNU_SOURCE
#include "client.h"

#include "base/deadline.h"

enum { N = 200000 };
static char *bytes;

static int begin(void **state)
{
    bytes = pattern(N);
    setup(state);
    fake_put(&fake, "/a", bytes, N);
    return 0;
}

static int end(void **state)
{
    free(bytes);
    return teardown(state);
}

/* Servers that stall, and those that never come back, are given up soon. */
static void be_quick(int64_t stall_ms, int64_t retry_ms)
{
    struct dl4c_webhdfs_options o = DL4C_WEBHDFS_OPTIONS_INIT;
    o.stall_ms = stall_ms;
    o.retry_ms = retry_ms;
    connect_with(&o);
}

static dl4c_status read_it(void)
{
    dl4c_fs_file *f = NULL;
    const void *got;
    size_t size;
    dl4c_status status = dl4c_fs_open(ctx, at("/a"), &f, &err);
    if (status == DL4C_OK)
        status = dl4c_fs_bytes(f, &got, &size, &err);
    if (status == DL4C_OK) {
        assert_int_equal(size, N);
        assert_memory_equal(got, bytes, N);
    }
    dl4c_fs_close(&f);
    return status;
}

/* ---- reading ---- */

static void reading_goes_on_where_it_broke(void **state)
{
    (void)state;
    static const int kinds[] = { FAKE_RESET, FAKE_RESET_HEADERS, FAKE_CUT, FAKE_LONG, FAKE_SHORT };
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        fake_fault(&fake, 1, "OPEN", kinds[i], 1, NULL);
        fake_fault(&fake, 2, "OPEN", kinds[i], 1, NULL);
        GOOD(read_it());
        SET(n_faults, 0);
    }
    assert_true(fake_count(&fake, "&offset=100000&length=") > 0); /* after the cut */
}

static void a_load_goes_on_where_it_broke(void **state)
{
    (void)state;
    static const int kinds[] = { FAKE_RESET, FAKE_CUT };
    for (size_t i = 0; i < 2; i++)
        for (int known = 0; known < 2; known++) {
            dl4c_fs_load *load;
            const void *got;
            size_t size;
            fake_fault(&fake, 1, "OPEN", kinds[i], 1, NULL);
            fake_fault(&fake, 2, "OPEN", kinds[i], 1, NULL);
            GOOD(dl4c_fs_load_start(ctx, at("/a"), known ? N : -1, 0, &load, &err));
            GOOD(dl4c_fs_load_wait(load, -1, &got, &size, &err));
            assert_int_equal(size, N);
            assert_memory_equal(got, bytes, N);
            dl4c_fs_load_end(&load);
            SET(n_faults, 0);
        }
}

static void a_length_that_is_too_short_is_no_whole_file(void **state)
{
    (void)state;
    dl4c_fs_load *load;
    const void *got;
    size_t size;
    fake_fault(&fake, -1, "OPEN", FAKE_SHORT, 0, NULL);
    fake_fault(&fake, 1, "OPEN", FAKE_SHORT, 1, NULL);
    fake_fault(&fake, 2, "OPEN", FAKE_SHORT, 1, NULL);
    GOOD(dl4c_fs_load_start(ctx, at("/a"), -1, 0, &load, &err));
    BAD(dl4c_fs_load_wait(load, -1, &got, &size, &err), DL4C_E_CORRUPT, "199990");
    dl4c_fs_load_end(&load);
}

static void more_than_was_asked_for_is_refused(void **state)
{
    (void)state;
    dl4c_fs_file *f;
    char *got = malloc(N);
    fake_put(&fake, "/big", bytes, N);
    GOOD(dl4c_fs_open(ctx, at("/big"), &f, &err));
    dl4c_fs_close(&f);
    char *big = pattern(3 << 20);
    fake_put(&fake, "/big", big, 3 << 20);
    GOOD(dl4c_fs_open(ctx, at("/big"), &f, &err));
    fake_fault(&fake, 1, "OPEN", FAKE_MORE, 9, NULL);
    fake_fault(&fake, 2, "OPEN", FAKE_MORE, 9, NULL);
    BAD(dl4c_fs_read_at(f, 2 << 20, got, 1000, &err), DL4C_E_IO, "more than");
    SET(n_faults, 0);
    fake_fault(&fake, 1, "OPEN", FAKE_ENDLESS, 9, NULL);
    fake_fault(&fake, 2, "OPEN", FAKE_ENDLESS, 9, NULL);
    BAD(dl4c_fs_read_at(f, 2 << 20, got, 1000, &err), DL4C_E_IO, "more than");
    dl4c_fs_close(&f);
    free(big);
    free(got);
}

static void a_body_without_length_is_whole_where_it_has_the_files_size(void **state)
{
    (void)state;
    fake_fault(&fake, 1, "OPEN", FAKE_NO_LENGTH, 9, NULL);
    fake_fault(&fake, 2, "OPEN", FAKE_NO_LENGTH, 9, NULL);
    GOOD(read_it());
    fake_fault(&fake, 0, "GETFILESTATUS", FAKE_JSON, 1, "{\"FileStatus\":{\"type\":\"FILE\",\"length\":200001,\"pathSuffix\":\"\"}}");
    BAD(read_it(), DL4C_E_IO, "how many");
}

static void a_dead_datanode_is_avoided(void **state)
{
    (void)state;
    fake_kill(&fake, 1);
    for (int i = 0; i < 8; i++)
        GOOD(read_it());
    assert_int_equal(fake_count(&fake, "op=GET_BLOCK_LOCATIONS"), 1); /* asked once, then remembered */
    assert_true(fake_count(&fake, "excludedatanodes=127.0.0.1:") > 0);
    for (int i = 0; i < 4; i++)
        GOOD(dli_fs_save(ctx, at("/out"), bytes, N, &err));
    holds("/out", bytes, N);
}

static void a_dead_datanode_is_avoided_in_writing(void **state)
{
    (void)state;
    fake_kill(&fake, 2);
    for (int i = 0; i < 4; i++)
        GOOD(dli_fs_save(ctx, at("/out"), bytes, N, &err));
    holds("/out", bytes, N);
    assert_int_equal(fake_count(&fake, "/jmx?"), 1);
    assert_int_equal(seen()->n_files, 2);
}

static void all_datanodes_dead_is_an_error(void **state)
{
    (void)state;
    be_quick(1000, 800);
    fake_kill(&fake, 1);
    fake_kill(&fake, 2);
    BAD(read_it(), DL4C_E_IO, "/a");
    BAD(dli_fs_save(ctx, at("/out"), bytes, N, &err), DL4C_E_IO, "");
    assert_int_equal(seen()->n_files, 1);
}

static void a_server_that_stalls_is_left(void **state)
{
    (void)state;
    be_quick(500, 5000);
    fake_fault(&fake, 1, "OPEN", FAKE_STALL, 1, NULL);
    fake_fault(&fake, 2, "OPEN", FAKE_STALL, 1, NULL);
    GOOD(read_it());
    fake_fault(&fake, 0, "GETFILESTATUS", FAKE_STALL, 1, NULL);
    GOOD(read_it());
    be_quick(300, 200);
    fake_fault(&fake, 0, "GETFILESTATUS", FAKE_STALL, 99, NULL);
    BAD(read_it(), DL4C_E_TIMEOUT, "stalled");
}

/* ---- writing ---- */

static void writing_begins_anew_where_it_broke(void **state)
{
    (void)state;
    static const int kinds[] = { FAKE_RESET, FAKE_LOSE };
    for (size_t i = 0; i < 2; i++) {
        fake_fault(&fake, 1, "CREATE", kinds[i], 1, NULL);
        fake_fault(&fake, 2, "CREATE", kinds[i], 1, NULL);
        GOOD(dli_fs_save(ctx, at("/out"), bytes, N, &err));
        holds("/out", bytes, N);
        assert_int_equal(seen()->n_files, 2);
        SET(n_faults, 0);
    }
}

static void a_file_that_was_stored_in_part_gets_no_name(void **state)
{
    (void)state;
    fake_fault(&fake, 1, "CREATE", FAKE_TRUNCATE, 1, NULL);
    fake_fault(&fake, 2, "CREATE", FAKE_TRUNCATE, 1, NULL);
    BAD(dli_fs_save(ctx, at("/out"), bytes, N, &err), DL4C_E_IO, "100000 of 200000");
    assert_int_equal(seen()->n_files, 1);
}

static void a_lost_answer_of_rename_is_understood(void **state)
{
    (void)state;
    fake_fault(&fake, 0, "RENAME", FAKE_LOSE, 1, NULL);
    GOOD(dli_fs_save(ctx, at("/out"), bytes, N, &err));
    holds("/out", bytes, N);
    fake_fault(&fake, 0, "DELETE", FAKE_LOSE, 1, NULL);
    GOOD(dl4c_fs_remove(ctx, at("/out"), &err));
    assert_int_equal(seen()->n_files, 1);
}

static void bytes_are_appended_once(void **state)
{
    (void)state;
    fake_put(&fake, "/log", "one", 3);
    fake_fault(&fake, 1, "APPEND", FAKE_LOSE, 1, NULL);
    fake_fault(&fake, 2, "APPEND", FAKE_LOSE, 1, NULL);
    BAD(dl4c_fs_append(ctx, at("/log"), "two", 3, &err), DL4C_E_IO, "APPEND"); /* whether it was done is not known: not repeated */
    holds("/log", "onetwo", 6);
    SET(n_faults, 0);
    fake_kill(&fake, 1); /* not reached: certainly not done */
    for (int i = 0; i < 3; i++)
        GOOD(dl4c_fs_append(ctx, at("/log"), "x", 1, &err));
    holds("/log", "onetwoxxx", 9);
}

/* A large log is sent from where it is. */
static void appending_holds_no_copy(void **state)
{
    (void)state;
    const size_t n = 20 << 20;
    char *big = pattern(n);
    int64_t used, peak;
    fake_kill(&fake, 1);
    GOOD(dl4c_fs_append(ctx, at("/log"), big, n, &err)); /* which is not there yet */
    GOOD(dl4c_fs_append(ctx, at("/log"), big, n, &err));
    const struct fake_file *x = fake_find(seen(), "/log");
    assert_int_equal(x->size, 2 * n);
    assert_memory_equal(x->bytes, big, n);
    assert_memory_equal(x->bytes + n, big, n);
    GOOD(dl4c_fs_append(ctx, at("/log"), NULL, 0, &err));
    dl4c_context_memory(ctx, &used, &peak);
    assert_in_range(peak, 1, 1 << 20);
    free(big);
}

static void a_quota_ends_writing_and_leaves_nothing(void **state)
{
    (void)state;
    char *big = pattern(12 << 20);
    static const char *const words[] = { "403 DSQuotaExceededException The DiskSpace quota of /q is exceeded",
                                         "403 NSQuotaExceededException The NameSpace quota of /q is exceeded" };
    for (size_t i = 0; i < 2; i++) {
        fake_fault(&fake, 1, "CREATE", FAKE_EXCEPTION, 1, words[i]);
        fake_fault(&fake, 2, "CREATE", FAKE_EXCEPTION, 1, words[i]);
        BAD(dli_fs_save(ctx, at("/out"), big, 12 << 20, &err), DL4C_E_FULL, "QuotaExceededException: The ");
        assert_int_equal(seen()->n_files, 1);
        SET(n_faults, 0);
    }
    free(big);
}

/* What is sent while it is written cannot begin anew: the server's part of it is gone on with. */
static void a_large_upload_goes_on_where_it_broke(void **state)
{
    (void)state;
    const size_t n = (40 << 20) + 5;
    char *big = pattern(n);
    int64_t used, peak;
    fake_fault(&fake, -2, "CREATE", FAKE_BREAK, 1, "20000000 19000001"); /* some were on their way */
    fake_fault(&fake, -2, "APPEND", FAKE_BREAK, 1, "0 0");               /* how much is stored cannot be asked for now */
    GOOD(dli_fs_save(ctx, at("/out"), big, n, &err));
    holds("/out", big, n);
    assert_int_equal(seen()->n_files, 2);
    SET(n_faults, 0);
    fake_fault(&fake, -2, "CREATE", FAKE_BREAK, 1, "20000000 20000000");
    /* it is not closed yet */
    fake_fault(&fake, -2, "APPEND", FAKE_EXCEPTION, 2, "403 AlreadyBeingCreatedException the lease is owned by DFSClient_1");
    fake_fault(&fake, -2, "APPEND", FAKE_EXCEPTION, 1, "403 RecoveryInProgressException Lease recovery is in progress");
    GOOD(dli_fs_save(ctx, at("/out"), big, n, &err));
    holds("/out", big, n);
    SET(n_faults, 0);
    fake_fault(&fake, -2, "CREATE", FAKE_LOSE, 1, NULL); /* all is there, and nobody said so */
    GOOD(dli_fs_save(ctx, at("/out"), big, n, &err));
    holds("/out", big, n);
    SET(n_faults, 0);
    fake_fault(&fake, -2, "CREATE", FAKE_BREAK, 1, "16000000 15000000");
    const int appends = fake_count(&fake, "op=APPEND");
    GOOD(dli_fs_save(ctx, at("/out"), big, n, &err));
    holds("/out", big, n);
    assert_int_equal(fake_count(&fake, "op=APPEND") - appends, 4); /* one that settles it, one with the rest; at both nodes */
    dl4c_context_memory(ctx, &used, &peak);
    assert_in_range(peak, 1, 18 << 20);
    free(big);
}

static void what_is_gone_on_both_sides_is_an_error(void **state)
{
    (void)state;
    const size_t n = 40 << 20;
    char *big = pattern(n);
    fake_fault(&fake, -2, "CREATE", FAKE_BREAK, 1, "30000000 1000");
    BAD(dli_fs_save(ctx, at("/out"), big, n, &err), DL4C_E_IO, "cannot be gone on with: the server has 1000 bytes of it");
    assert_int_equal(err.domain, DL4C_DOMAIN_CURL);
    assert_int_equal(seen()->n_files, 1);
    be_quick(1000, 600);
    fake_fault(&fake, -2, "CREATE", FAKE_BREAK, 1, "30000000 29000000");
    fake_fault(&fake, -2, "APPEND", FAKE_EXCEPTION, 99, "403 AlreadyBeingCreatedException the lease is owned by DFSClient_1");
    BAD(dli_fs_save(ctx, at("/out"), big, n, &err), DL4C_E_IO, "cannot be gone on with: /out: AlreadyBeingCreatedException: the lease");
    assert_int_equal(seen()->n_files, 1);
    free(big);
}

/* ---- NameNodes ---- */

static void what_passes_is_waited_for(void **state)
{
    (void)state;
    static const char *const words[] = { "403 SafeModeException Cannot create file/x. Name node is in safe mode.",
                                         "403 RetriableException NameNode still not started" };
    struct dl4c_fs_stat st = DL4C_FS_STAT_INIT;
    for (size_t i = 0; i < 2; i++) {
        fake_fault(&fake, 0, "GETFILESTATUS", FAKE_EXCEPTION, 2, words[i]);
        GOOD(dl4c_fs_stat_uri(ctx, at("/a"), &st, &err));
        fake_fault(&fake, 1, "CREATE", FAKE_EXCEPTION, 1, words[i]);
        GOOD(dli_fs_save(ctx, at("/out"), "x", 1, &err));
    }
    const int64_t before = dli_now_ns();
    fake_fault(&fake, 0, "GETFILESTATUS", FAKE_HTML, 1, "503 Service Unavailable");
    GOOD(dl4c_fs_stat_uri(ctx, at("/a"), &st, &err));
    assert_true(dli_now_ns() - before > 900 * INT64_C(1000000)); /* Retry-After: 1 */
    be_quick(1000, 500);
    fake_fault(&fake, 0, "GETFILESTATUS", FAKE_EXCEPTION, 99, words[0]);
    BAD(dl4c_fs_stat_uri(ctx, at("/a"), &st, &err), DL4C_E_BUSY, "SafeModeException: Cannot create");
}

static void what_does_not_pass_is_told_at_once(void **state)
{
    (void)state;
    struct dl4c_fs_stat st = DL4C_FS_STAT_INIT;
    fake_fault(&fake, 0, "GETFILESTATUS", FAKE_EXCEPTION, 1, "403 AccessControlException Permission denied: user=alice, access=READ");
    BAD(dl4c_fs_stat_uri(ctx, at("/a"), &st, &err), DL4C_E_DENIED, "AccessControlException: Permission denied: user=alice");
    fake_fault(&fake, 1, "OPEN", FAKE_EXCEPTION, 1, "403 AccessControlException Permission denied");
    fake_fault(&fake, 2, "OPEN", FAKE_EXCEPTION, 1, "403 AccessControlException Permission denied");
    BAD(read_it(), DL4C_E_DENIED, "Permission denied");
    fake_fault(&fake, 0, "GETFILESTATUS", FAKE_EXCEPTION, 1,
               "403 SecurityException Failed to obtain user group information: "
               "InvalidToken: token=SECRETSECRET expired, delegation=SECRETSECRET&x");
    BAD(dl4c_fs_stat_uri(ctx, at("/a"), &st, &err), DL4C_E_DENIED, "SecurityException");
    assert_null(strstr(err.message, "SECRET"));
    fake_fault(&fake, 0, "GETFILESTATUS", FAKE_EXCEPTION, 1,
               "403 SecurityException Failed to obtain user group information: "
               "org.apache.hadoop.security.token.SecretManager$InvalidToken: token (token for root: HDFS_DELEGATION_TOKEN "
               "owner=root@TEST.LOCAL, renewer=root, realUser=, issueDate=1795449999999, maxDate=1795450044999, "
               "sequenceNumber=1, masterKeyId=2) is expired, current time: 2026-11-23 16:00:00,000+0000");
    BAD(dl4c_fs_stat_uri(ctx, at("/a"), &st, &err), DL4C_E_DENIED, "InvalidToken: token (...) is expired, current time");
    assert_int_equal(fake_count(&fake, "op=GETFILESTATUS"), 4);
}

static void pages_of_html_are_no_answers(void **state)
{
    (void)state;
    struct dl4c_fs_stat st = DL4C_FS_STAT_INIT;
    fake_fault(&fake, 0, "GETFILESTATUS", FAKE_HTML, 1, "200 login");
    BAD(dl4c_fs_stat_uri(ctx, at("/a"), &st, &err), DL4C_E_IO, "no JSON");
    fake_fault(&fake, 0, "GETFILESTATUS", FAKE_HTML, 1, "404 Not Found");
    BAD(dl4c_fs_stat_uri(ctx, at("/a"), &st, &err), DL4C_E_IO, "404"); /* no file is missing: there is no WebHDFS */
    fake_fault(&fake, 0, "GETFILESTATUS", FAKE_HTML, 1, "500 Server Error");
    BAD(dl4c_fs_stat_uri(ctx, at("/a"), &st, &err), DL4C_E_IO, "500");
    fake_fault(&fake, 1, "OPEN", FAKE_HTML, 1, "500 Server Error");
    fake_fault(&fake, 2, "OPEN", FAKE_HTML, 1, "500 Server Error");
    BAD(read_it(), DL4C_E_IO, "500");
    static const char *const answers[] = { "{}",
                                           "[1]",
                                           "{\"FileStatus\":3}",
                                           "{\"FileStatus\":{\"type\":\"FILE\",\"length\":-1,\"pathSuffix\":\"\"}}",
                                           "{\"FileStatus\":{\"type\":\"FILE\",\"length\":\"5\",\"pathSuffix\":\"\"}}",
                                           "{\"FileStatus\":" };
    for (size_t i = 0; i < sizeof answers / sizeof answers[0]; i++) {
        fake_fault(&fake, 0, "GETFILESTATUS", FAKE_JSON, 1, answers[i]);
        BAD(dl4c_fs_stat_uri(ctx, at("/a"), &st, &err), DL4C_E_IO, "JSON");
    }
    fake_fault(&fake, 0, "GETFILESTATUS", FAKE_ENDLESS, 1, NULL);
    BAD(dl4c_fs_stat_uri(ctx, at("/a"), &st, &err), DL4C_E_IO, "more than");
    fake_fault(&fake, 0, "GETFILESTATUS", FAKE_HEADERS, 1, NULL);
    BAD(dl4c_fs_stat_uri(ctx, at("/a"), &st, &err), DL4C_E_IO, "bytes of headers");
}

static int ignore(void *arg, const char *name, const struct dl4c_fs_stat *st)
{
    (void)arg;
    (void)name;
    (void)st;
    return 0;
}

static void a_list_that_says_there_is_more_must_tell_it(void **state)
{
    (void)state;
    fake_fault(&fake, 0, "LISTSTATUS_BATCH", FAKE_JSON, 9,
               "{\"DirectoryListing\":{\"partialListing\":{\"FileStatuses\":{\"FileStatus\":[]}},\"remainingEntries\":5}}");
    BAD(dl4c_fs_list(ctx, at("/"), ignore, NULL, &err), DL4C_E_IO, "tells none");
}

static char logged[400];
static int n_logged;
static void on_log(void *user, int32_t level, const char *origin, const char *message)
{
    (void)user;
    (void)level;
    n_logged++;
    snprintf(logged, sizeof logged, "%s: %s", origin, message);
}

/* The context anew, with a log. */
static void with_log(void)
{
    struct dl4c_context_options o = DL4C_CONTEXT_OPTIONS_INIT;
    o.log = on_log;
    logged[0] = '\0';
    n_logged = 0;
    dl4c_context_destroy(&ctx);
    GOOD(dl4c_context_create(&o, &ctx, &err));
}

static void a_standby_is_left_for_the_active_one(void **state)
{
    (void)state;
    const int other = fake_start(&fake, FAKE_NAMENODE);
    char uri[200], *back;
    size_t n;
    snprintf(uri, sizeof uri, "webhdfs://127.0.0.1:%d,localhost:%d/out?user.name=alice", fake.server[0].port, fake.server[other].port);
    with_log();
    SET(server[0].standby, true);
    GOOD(dli_fs_save(ctx, uri, "hello", 5, &err)); /* CREATE's first step is no question of state: the standby redirects as well */
    assert_int_equal(n_logged, 1);
    assert_non_null(strstr(logged, "StandbyException"));
    holds("/out", "hello", 5);
    const int asked = fake_count(&fake, "0 GET ");
    GOOD(dli_fs_load(ctx, uri, 100, &back, &n, &err));
    dli_free(back);
    assert_int_equal(fake_count(&fake, "0 GET "), asked); /* who is active is remembered */
    SET(server[0].standby, false);
    SET(server[other].standby, true);
    GOOD(dli_fs_load(ctx, uri, 100, &back, &n, &err));
    dli_free(back);
    assert_int_equal(n_logged, 2); /* once for all requests that were on their way */
    fake_kill(&fake, 0); /* both are gone, then the other one takes over */
    SET(server[other].standby, false);
    GOOD(dli_fs_load(ctx, uri, 100, &back, &n, &err));
    dli_free(back);
}

static void a_dead_namenode_at_the_start_is_passed_over(void **state)
{
    (void)state;
    const int dead = fake_start(&fake, FAKE_NAMENODE);
    struct dl4c_fs_stat st = DL4C_FS_STAT_INIT;
    char uri[200];
    fake_kill(&fake, dead);
    snprintf(uri, sizeof uri, "webhdfs://127.0.0.1:%d,127.0.0.1:%d/a?user.name=alice", fake.server[dead].port, fake.server[0].port);
    GOOD(dl4c_fs_stat_uri(ctx, uri, &st, &err));
    snprintf(uri, sizeof uri, "webhdfs://127.0.0.1:%d/a?user.name=alice", fake.server[dead].port);
    const int64_t before = dli_now_ns();
    BAD(dl4c_fs_stat_uri(ctx, uri, &st, &err), DL4C_E_IO, "tries");
    assert_int_equal(err.domain, DL4C_DOMAIN_CURL);
    assert_true(dli_now_ns() - before < 5 * INT64_C(1000000000)); /* who never answered is not waited for */
    snprintf(uri, sizeof uri, "webhdfs://no.such.host.invalid:9870/a?user.name=alice");
    BAD(dl4c_fs_stat_uri(ctx, uri, &st, &err), DL4C_E_IO, "no.such.host.invalid");
}

static void no_ticket_is_a_clear_error(void **state)
{
    (void)state;
    struct dl4c_fs_stat st = DL4C_FS_STAT_INIT;
    SET(negotiate, true);
    BAD(dl4c_fs_stat_uri(ctx, at("/a"), &st, &err), DL4C_E_DENIED, "kinit");
}

/* ---- redirects ---- */

static void redirects_that_lead_astray_are_not_followed(void **state)
{
    (void)state;
    char to[300];
    const int port = fake.server[1].port;
    static const char *const forms[] = { "https://localhost:%d/webhdfs/v1/a?op=OPEN",
                                         "http://u:p@localhost:%d/webhdfs/v1/a?op=OPEN",
                                         "http://localhost:%d/webhdfs/v1/b?op=OPEN",
                                         "ftp://localhost:%d/webhdfs/v1/a",
                                         "file:///etc/passwd?%d",
                                         "/webhdfs/v1/a?op=OPEN&%d",
                                         "http://localhost:%d/webhdfs/v1/a%%2F..%%2Fb" };
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
        snprintf(to, sizeof to, forms[i], port);
#pragma GCC diagnostic pop
        fake_fault(&fake, 0, "OPEN", FAKE_REDIRECT, 1, to);
        BAD(read_it(), DL4C_E_IO, "not followed");
        SET(n_faults, 0);
    }
    assert_int_equal(fake_count(&fake, "1 GET") + fake_count(&fake, "2 GET"), 0);
    fake_fault(&fake, 0, "GETFILESTATUS", FAKE_REDIRECT, 1, "http://localhost:1/webhdfs/v1/a");
    BAD(read_it(), DL4C_E_IO, "307");
}

static void a_redirect_to_a_dead_host_is_tried_again(void **state)
{
    (void)state;
    char to[300];
    fake_kill(&fake, 1);
    snprintf(to, sizeof to, "http://127.0.0.1:%d/webhdfs/v1/a?op=OPEN&offset=0", fake.server[1].port);
    fake_fault(&fake, 0, "OPEN", FAKE_REDIRECT, 1, to);
    GOOD(read_it());
    fake_fault(&fake, 0, "OPEN", FAKE_REDIRECT, 1, "http://no.such.host.invalid:9864/webhdfs/v1/a?op=OPEN");
    GOOD(read_it());
}

/* ---- the caller ---- */

static void a_flag_ends_waiting(void **state)
{
    (void)state;
    int32_t flag = 0;
    dl4c_fs_writer *w;
    dl4c_fs_load *load;
    const void *got;
    size_t size;
    fake_fault(&fake, -1, "OPEN", FAKE_STALL, 99, NULL);
    fake_fault(&fake, -1, "CREATE", FAKE_STALL, 99, NULL);
    GOOD(dl4c_fs_load_start(ctx, at("/a"), N, 0, &load, &err));
    BAD(dl4c_fs_load_wait(load, 10, &got, &size, &err), DL4C_E_BUSY, "on its way");
    GOOD(dl4c_fs_create(ctx, at("/out"), &w, &err));
    GOOD(dl4c_fs_write(w, bytes, N, &err));
    const int32_t *before = dl4c_fs_watch(&flag);
    dl4c_cancel_set(&flag);
    const int64_t start = dli_now_ns();
    BAD(read_it(), DL4C_E_CANCELLED, "cancelled");
    BAD(dl4c_fs_load_wait(load, -1, &got, &size, &err), DL4C_E_CANCELLED, "cancelled");
    BAD(dl4c_fs_commit(&w, &err), DL4C_E_CANCELLED, "cancelled");
    assert_true(dli_now_ns() - start < 3 * INT64_C(1000000000));
    dl4c_fs_watch(before);
    dl4c_fs_load_end(&load);
    assert_int_equal(seen()->n_files, 1);
}

static void what_is_tried_again_is_told_to_the_log(void **state)
{
    (void)state;
    with_log();
    fake_fault(&fake, 0, "GETFILESTATUS", FAKE_EXCEPTION, 2, "403 SafeModeException Name node is in safe mode.");
    GOOD(read_it());
    assert_non_null(strstr(logged, "webhdfs: /a: SafeModeException"));
    assert_non_null(strstr(logged, "trying again"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, begin, end)
        T(reading_goes_on_where_it_broke),
        T(a_load_goes_on_where_it_broke),
        T(a_length_that_is_too_short_is_no_whole_file),
        T(more_than_was_asked_for_is_refused),
        T(a_body_without_length_is_whole_where_it_has_the_files_size),
        T(a_dead_datanode_is_avoided),
        T(a_dead_datanode_is_avoided_in_writing),
        T(all_datanodes_dead_is_an_error),
        T(a_server_that_stalls_is_left),
        T(writing_begins_anew_where_it_broke),
        T(a_file_that_was_stored_in_part_gets_no_name),
        T(a_lost_answer_of_rename_is_understood),
        T(bytes_are_appended_once),
        T(appending_holds_no_copy),
        T(a_quota_ends_writing_and_leaves_nothing),
        T(a_large_upload_goes_on_where_it_broke),
        T(what_is_gone_on_both_sides_is_an_error),
        T(what_passes_is_waited_for),
        T(what_does_not_pass_is_told_at_once),
        T(pages_of_html_are_no_answers),
        T(a_list_that_says_there_is_more_must_tell_it),
        T(a_standby_is_left_for_the_active_one),
        T(a_dead_namenode_at_the_start_is_passed_over),
        T(no_ticket_is_a_clear_error),
        T(redirects_that_lead_astray_are_not_followed),
        T(a_redirect_to_a_dead_host_is_tried_again),
        T(a_flag_ends_waiting),
        T(what_is_tried_again_is_told_to_the_log),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
