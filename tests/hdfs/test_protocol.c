/* SPDX-License-Identifier: Apache-2.0 */
/* What servers were seen to do, one by one: what a request may carry and to whom, sizes, names, gateways, answers that go on and on. */
#define _GNU_SOURCE
#include "client.h"

#include "base/deadline.h"
#include "support/must.h"

#include <unistd.h>

static void be_quick(int64_t retry_ms)
{
    struct dl4c_webhdfs_options o = DL4C_WEBHDFS_OPTIONS_INIT;
    o.retry_ms = retry_ms;
    connect_with(&o);
}

static int each_entry(void *arg, const char *name, const struct dl4c_fs_stat *st)
{
    (void)st;
    strcat(strcat(arg, name), "|");
    return strlen(arg) > 300;
}

/* ---- what a request carries ---- */

static void bytes_and_their_type_go_to_the_datanode_alone(void **state)
{
    (void)state;
    const size_t n = 3 << 20; /* for so much libcurl would wait for "100 Continue" by itself */
    char *bytes = pattern(n);
    fake_put(&fake, "/log", "", 0);
    GOOD(dl4c_fs_append(ctx, at("/log"), bytes, n, &err));
    holds("/log", bytes, n);
    const char *first = seen()->server[0].headers;
    const char *second = fake.server[1].headers[0] ? fake.server[1].headers : fake.server[2].headers;
    assert_non_null(strcasestr(first, "POST /webhdfs/v1/log?op=APPEND"));
    assert_null(strcasestr(first, "\r\nExpect:"));
    assert_null(strcasestr(first, "\r\nTransfer-Encoding:"));
    const char *length = strcasestr(first, "\r\nContent-Length:");
    assert_true(!length || strtoul(length + 17, NULL, 10) == 0);
    assert_non_null(strcasestr(second, "POST /webhdfs/v1/log?op=APPEND"));
    assert_null(strcasestr(second, "\r\nExpect:"));
    assert_non_null(strcasestr(second, "\r\nContent-Length: 3145728\r\n"));
    assert_non_null(strcasestr(second, "\r\nContent-Type: application/octet-stream\r\n"));
    free(bytes);
}

static void every_request_says_who_asks(void **state)
{
    (void)state;
    struct dl4c_fs_checksum sum = DL4C_FS_CHECKSUM_INIT;
    struct dl4c_fs_summary all = DL4C_FS_SUMMARY_INIT;
    struct dl4c_fs_change c = DL4C_FS_CHANGE_INIT;
    char names[400] = "";
    int lines = 0;
    GOOD(dl4c_fs_mkdir(ctx, at("/d"), &err));
    GOOD(dli_fs_save(ctx, at("/d/f"), "12345", 5, &err));
    GOOD(dl4c_fs_append(ctx, at("/d/f"), "6", 1, &err));
    GOOD(dl4c_fs_list(ctx, at("/d"), each_entry, names, &err));
    reads_as("/d/f", "123456", 6);
    GOOD(dl4c_fs_get_checksum(ctx, at("/d/f"), &sum, &err));
    GOOD(dl4c_fs_get_summary(ctx, at("/d"), &all, &err));
    c.what = 15;
    c.mode = 0600;
    c.replication = 1;
    c.owner = "bob";
    GOOD(dl4c_fs_set(ctx, at("/d/f"), &c, &err));
    GOOD(dl4c_fs_truncate(ctx, at("/d/f"), 2, &err));
    GOOD(dl4c_fs_rename(ctx, at("/d/f"), at("/d/g"), &err));
    GOOD(dl4c_fs_remove(ctx, at("/d/g"), &err));
    GOOD(dl4c_fs_remove_all(ctx, at("/d"), &err));
    for (const char *p = seen()->log; (p = strchr(p, '\n')); p++)
        lines++;
    assert_true(lines > 20);
    assert_int_equal(fake_count(&fake, "user.name=alice"), lines);
}

static void users_have_names_as_hadoop_wants_them(void **state)
{
    (void)state;
    static const char *const good[] = { "a", "_a", "a.b-c_9", "svc$" }, *const bad[] = { "9a", ".a", "-a", "$", "a$b", "a@B", "a%20b" };
    struct dl4c_fs_stat st = DL4C_FS_STAT_INIT;
    char uri[200];
    for (size_t i = 0; i < 4; i++) {
        snprintf(uri, sizeof uri, "webhdfs://127.0.0.1:%d/?user.name=%s", fake.server[0].port, good[i]);
        GOOD(dl4c_fs_stat_uri(ctx, uri, &st, &err));
    }
    for (size_t i = 0; i < 7; i++) {
        snprintf(uri, sizeof uri, "webhdfs://127.0.0.1:%d/?user.name=%s", fake.server[0].port, bad[i]);
        BAD(dl4c_fs_stat_uri(ctx, uri, &st, &err), DL4C_E_INVALID, "no user of HDFS");
    }
    assert_int_equal(fake_count(&fake, "GETFILESTATUS"), 4);
}

/* The cookie that replaces SPNEGO is the NameNode's; a DataNode has the token in its address, and no more. */
static void a_cookie_goes_to_the_namenode_alone(void **state)
{
    (void)state;
    struct dl4c_fs_stat st = DL4C_FS_STAT_INIT;
    fake_put(&fake, "/a", "hello", 5);
    SET(negotiate, true);
    SET(tickets, true);
    GOOD(dl4c_fs_stat_uri(ctx, at("/a"), &st, &err)); /* refused once, then known */
    assert_int_equal(fake_count(&fake, "0 GET"), 2);
    GOOD(dl4c_fs_stat_uri(ctx, at("/a"), &st, &err));
    assert_int_equal(fake_count(&fake, "0 GET"), 3);
    assert_non_null(strcasestr(seen()->server[0].headers, "\r\nCookie: hadoop.auth=good0\r\n"));
    for (int i = 0; i < 4; i++) {
        GOOD(dli_fs_save(ctx, at("/b"), "hello", 5, &err));
        reads_as("/a", "hello", 5);
    }
    assert_int_equal(seen()->asked, 2);
    for (int i = 1; i < 3; i++) {
        assert_non_null(strstr(fake.server[i].headers, "/webhdfs/v1/"));
        assert_null(strcasestr(fake.server[i].headers, "\r\nCookie:"));
        assert_null(strcasestr(fake.server[i].headers, "\r\nAuthorization:"));
    }
    const int before = fake_count(&fake, "0 GET");
    SET(cookies, 1); /* it ran out: another one is asked for */
    GOOD(dl4c_fs_stat_uri(ctx, at("/a"), &st, &err));
    assert_int_equal(fake_count(&fake, "0 GET"), before + 2);
    GOOD(dl4c_fs_stat_uri(ctx, at("/a"), &st, &err));
    assert_int_equal(fake_count(&fake, "0 GET"), before + 3);
    assert_non_null(strcasestr(seen()->server[0].headers, "\r\nCookie: hadoop.auth=good1\r\n"));
}

static void a_refusal_that_gives_a_cookie_is_one(void **state)
{
    (void)state;
    struct dl4c_fs_stat st = DL4C_FS_STAT_INIT;
    be_quick(1000);
    SET(negotiate, true);
    SET(crumbs, true);
    BAD(dl4c_fs_stat_uri(ctx, at("/"), &st, &err), DL4C_E_DENIED, "kinit");
    assert_in_range(fake_count(&fake, "0 GET"), 1, 4);
    assert_null(strstr(err.message, "crumb"));
}

/* ---- sizes and names ---- */

static void files_may_be_larger_than_four_gigabytes(void **state)
{
    (void)state;
    const int64_t before = INT64_C(5000000000);
    struct dl4c_fs_stat st = DL4C_FS_STAT_INIT;
    dl4c_fs_file *f;
    char *bytes = pattern(3 << 20), *got = malloc(2 << 20);
    fake_put(&fake, "/far", bytes, 3 << 20);
    SET(file[0].far, before);
    GOOD(dl4c_fs_stat_uri(ctx, at("/far"), &st, &err));
    assert_int_equal(st.size_bytes, before + (3 << 20));
    assert_int_equal(st.block_bytes, 134217728);
    GOOD(dl4c_fs_open(ctx, at("/far"), &f, &err));
    assert_int_equal(dl4c_fs_size(f), before + (3 << 20));
    GOOD(dl4c_fs_read_at(f, before + 7, got, 1000, &err)); /* by a window, */
    assert_memory_equal(got, bytes + 7, 1000);
    assert_true(fake_count(&fake, "&offset=5000000007&") > 0);
    fake_fault(&fake, -2, "OPEN", FAKE_CUT, 1, NULL);
    GOOD(dl4c_fs_read_at(f, before + (1 << 20) + 9, got, 2000000, &err)); /* into the caller's memory, gone on with, */
    assert_memory_equal(got, bytes + (1 << 20) + 9, 2000000);
    assert_true(fake_count(&fake, "&offset=5002048585&length=1000000") > 0);
    for (int i = 0; i < 30; i++) { /* and on and on */
        GOOD(dl4c_fs_read_at(f, before + 100 + i * 100000, got, 100000, &err));
        assert_memory_equal(got, bytes + 100 + i * 100000, 100000);
    }
    dl4c_fs_close(&f);
    fake_mkdir(&fake, "/d");
    GOOD(dl4c_fs_stat_uri(ctx, at("/d"), &st, &err));
    assert_int_equal(st.block_bytes, 0);
    assert_int_equal(st.replication, 0);
    free(bytes);
    free(got);
}

/* A plus in a query would be a blank. */
static void names_are_written_for_queries_where_they_stand_in_one(void **state)
{
    (void)state;
    static const char *const paths[] = { "/d/a", "/d/b", "/d/c+d&e=%41;#", "/d/c,x", "/d/y", "/d/z+z", "/d/\xC3\xA9" };
    const char *const sources[] = { at("/d/z+z") };
    char names[400] = "";
    fake_mkdir(&fake, "/d");
    for (size_t i = 0; i < 7; i++)
        fake_put(&fake, paths[i], "1", 1);
    GOOD(dl4c_fs_list(ctx, at("/d"), each_entry, names, &err));
    assert_string_equal(names, "a|b|c+d&e=%41;#|c,x|y|z+z|\xC3\xA9|");
    GOOD(dl4c_fs_concat(ctx, at("/d/y"), sources, 1, &err));
    holds("/d/y", "11", 2);
    struct dl4c_fs_stat st = DL4C_FS_STAT_INIT;
    GOOD(dl4c_fs_stat_uri(ctx, at("/d%2Fa"), &st, &err)); /* is a slash */
    assert_int_equal(st.kind, DL4C_FS_FILE);
}

/* ---- gateways ---- */

/* One that knows no renameoptions moves what is renamed into a directory of that name. */
static void nothing_is_moved_into_a_directory(void **state)
{
    (void)state;
    struct dl4c_fs_stat st = DL4C_FS_STAT_INIT;
    SET(no_rename_options, true);
    fake_mkdir(&fake, "/d");
    fake_put(&fake, "/f", "1", 1);
    BAD(dli_fs_save(ctx, at("/d"), "x", 1, &err), DL4C_E_IO, "there is a directory of that name");
    assert_int_equal(seen()->n_files, 2);
    BAD(dl4c_fs_rename(ctx, at("/f"), at("/d"), &err), DL4C_E_IO, "there is a directory of that name");
    holds("/f", "1", 1);
    assert_int_equal(seen()->n_files, 2);
    fake_mkdir(&fake, "/e");
    fake_mkdir(&fake, "/e/d");
    GOOD(dl4c_fs_remove(ctx, at("/e/d"), &err));
    GOOD(dl4c_fs_rename(ctx, at("/e"), at("/g"), &err)); /* a name that is free */
    GOOD(dl4c_fs_stat_uri(ctx, at("/g"), &st, &err));
    GOOD(dl4c_fs_rename(ctx, at("/f"), at("/g/f"), &err));
    holds("/g/f", "1", 1);
    GOOD(dli_fs_save(ctx, at("/g/f"), "22", 2, &err)); /* and one that is replaced */
    holds("/g/f", "22", 2);
}

static void who_is_refused_without_a_reason_is_told(void **state)
{
    (void)state;
    struct dl4c_fs_stat st = DL4C_FS_STAT_INIT;
    fake_fault(&fake, 0, "GETFILESTATUS", FAKE_HTML, 1, "401 Authentication required");
    BAD(dl4c_fs_stat_uri(ctx, at("/"), &st, &err), DL4C_E_DENIED, "neither Kerberos nor a user name");
}

/* ---- answers ---- */

static void refusals_are_read_in_any_form(void **state)
{
    (void)state;
    struct dl4c_fs_stat st = DL4C_FS_STAT_INIT;
    fake_fault(&fake, 0, "GETFILESTATUS", FAKE_JSON, 1,
               "403 {\n  \"RemoteException\" : {\n    \"message\" : \"User: alice is not allowed to impersonate \\/bob\\n\\tat "
               "x.Secret.trace(S.java)\",\n    \"exception\" : \"AuthorizationException\",\n    \"javaClassName\" : \"x\"\n  }\n}\n");
    BAD(dl4c_fs_stat_uri(ctx, at("/"), &st, &err), DL4C_E_DENIED, "AuthorizationException: User: alice is not allowed to impersonate /bob");
    /* The name decides, not the code. */
    fake_fault(&fake, 0, "GETFILESTATUS", FAKE_EXCEPTION, 1, "403 FileNotFoundException File does not exist: x");
    BAD(dl4c_fs_stat_uri(ctx, at("/"), &st, &err), DL4C_E_NOTFOUND, "FileNotFoundException");
    fake_fault(&fake, 0, "GETFILESTATUS", FAKE_EXCEPTION, 1, "404 AccessControlException Permission denied: user=alice");
    BAD(dl4c_fs_stat_uri(ctx, at("/"), &st, &err), DL4C_E_DENIED, "AccessControlException");
    const int asked = fake_count(&fake, "GETFILESTATUS");
    fake_fault(&fake, 0, "GETFILESTATUS", FAKE_EXCEPTION, 1, "500 RetriableException Server too busy");
    GOOD(dl4c_fs_stat_uri(ctx, at("/"), &st, &err));
    assert_int_equal(fake_count(&fake, "GETFILESTATUS"), asked + 2);
}

static void a_body_without_end_ends_a_load_of_unknown_size(void **state)
{
    (void)state;
    dl4c_fs_load *load;
    const void *got;
    size_t size;
    fake_put(&fake, "/a", "hello", 5);
    fake_fault(&fake, -2, "OPEN", FAKE_ENDLESS, 99, NULL);
    GOOD(dl4c_fs_load_start(ctx, at("/a"), -1, 0, &load, &err));
    BAD(dl4c_fs_load_wait(load, 20000, &got, &size, &err), DL4C_E_IO, "more than");
    dl4c_fs_load_end(&load);
    for (int i = 0; i < 50; i++) { /* nor does who goes at once leave one behind that asks for the other */
        GOOD(dl4c_fs_load_start(ctx, at("/a"), -1, 0, &load, &err));
        dl4c_fs_load_end(&load);
    }
}

static void a_page_that_comes_again_and_again_ends_a_list(void **state)
{
    (void)state;
    char names[400] = "";
    fake_fault(&fake, 0, "LISTSTATUS_BATCH", FAKE_JSON, 99,
               "{\"DirectoryListing\":{\"partialListing\":{\"FileStatuses\":{\"FileStatus\":[{\"length\":1,\"pathSuffix\":\"a\",\"type\":"
               "\"FILE\"}]}},\"remainingEntries\":5}}");
    BAD(dl4c_fs_list(ctx, at("/"), each_entry, names, &err), DL4C_E_IO, "again and again");
    assert_int_equal(fake_count(&fake, "LISTSTATUS_BATCH"), 2);
}

static void *restart_soon(void *arg)
{
    wait_ms(600);
    fake_restart(&fake, *(int *)arg);
    return NULL;
}

/* One that was there is waited for: it comes back. */
static void a_namenode_that_is_restarted_is_waited_for(void **state)
{
    (void)state;
    struct dl4c_fs_stat st = DL4C_FS_STAT_INIT;
    pthread_t thread;
    int node = 0;
    GOOD(dl4c_fs_stat_uri(ctx, at("/"), &st, &err));
    fake_kill(&fake, 0);
    fake_fault(&fake, 0, "CREATE", FAKE_RESET, 1, NULL); /* on the connection that is kept */
    assert_int_equal(pthread_create(&thread, NULL, restart_soon, &node), 0);
    GOOD(dli_fs_save(ctx, at("/out"), "hello", 5, &err));
    pthread_join(thread, NULL);
    holds("/out", "hello", 5);
    assert_int_equal(seen()->n_files, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        T(bytes_and_their_type_go_to_the_datanode_alone),
        T(every_request_says_who_asks),
        T(users_have_names_as_hadoop_wants_them),
        T(a_cookie_goes_to_the_namenode_alone),
        T(a_refusal_that_gives_a_cookie_is_one),
        T(files_may_be_larger_than_four_gigabytes),
        T(names_are_written_for_queries_where_they_stand_in_one),
        T(nothing_is_moved_into_a_directory),
        T(who_is_refused_without_a_reason_is_told),
        T(refusals_are_read_in_any_form),
        T(a_body_without_end_ends_a_load_of_unknown_size),
        T(a_page_that_comes_again_and_again_ends_a_list),
        T(a_namenode_that_is_restarted_is_waited_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
