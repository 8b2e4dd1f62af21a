/* SPDX-License-Identifier: Apache-2.0 */
/* WebHDFS where nothing goes wrong: what is asked, how, and what comes of it. */
#define _GNU_SOURCE
#include "client.h"

static void a_small_file_takes_two_requests_of_the_namenode_and_one_of_a_datanode(void **state)
{
    (void)state;
    fake_put(&fake, "/a", "hello", 5);
    reads_as("/a", "hello", 5);
    assert_int_equal(fake_count(&fake, "0 GET "), 2);
    assert_int_equal(fake_count(&fake, "1 GET ") + fake_count(&fake, "2 GET "), 1);
    assert_int_equal(fake_count(&fake, "user.name=alice"), 3);
}

static void an_empty_file_is_read(void **state)
{
    (void)state;
    fake_put(&fake, "/e", "", 0);
    reads_as("/e", "", 0);
}

static void a_large_file_is_read_whole_and_in_parts(void **state)
{
    (void)state;
    const size_t n = 3 * 1024 * 1024 + 77;
    char *bytes = pattern(n), *got = malloc(n);
    dl4c_fs_file *f;
    fake_put(&fake, "/big", bytes, n);
    reads_as("/big", bytes, n);
    GOOD(dl4c_fs_open(ctx, at("/big"), &f, &err));
    assert_int_equal(dl4c_fs_size(f), n);
    GOOD(dl4c_fs_read_at(f, 2000000, got, 5, &err));
    assert_memory_equal(got, bytes + 2000000, 5);
    const int before = fake_count(&fake, "0 GET ");
    GOOD(dl4c_fs_read_at(f, 2000005, got, 100000, &err)); /* near by: was read with it */
    assert_memory_equal(got, bytes + 2000005, 100000);
    assert_int_equal(fake_count(&fake, "0 GET "), before);
    GOOD(dl4c_fs_read_at(f, (int64_t)n - 3, got, 3, &err));
    assert_memory_equal(got, bytes + n - 3, 3);
    GOOD(dl4c_fs_read_at(f, 1, got, n - 1, &err));
    assert_memory_equal(got, bytes + 1, n - 1);
    dl4c_fs_close(&f);
    free(bytes);
    free(got);
}

static void what_is_no_file_is_not_opened(void **state)
{
    (void)state;
    dl4c_fs_file *f;
    fake_mkdir(&fake, "/d");
    BAD(dl4c_fs_open(ctx, at("/none"), &f, &err), DL4C_E_NOTFOUND, "/none");
    assert_int_equal(err.domain, DL4C_DOMAIN_HTTP);
    assert_int_equal(err.code, 404);
    BAD(dl4c_fs_open(ctx, at("/d"), &f, &err), DL4C_E_INVALID, "directory");
    BAD(dl4c_fs_open(ctx, at("/"), &f, &err), DL4C_E_INVALID, "directory");
}

static void a_file_is_written_under_another_name_first(void **state)
{
    (void)state;
    dl4c_fs_writer *w;
    GOOD(dl4c_fs_create(ctx, at("/out"), &w, &err));
    GOOD(dl4c_fs_write(w, "hello", 5, &err));
    assert_null(fake_find(seen(), "/out"));
    GOOD(dl4c_fs_commit(&w, &err));
    holds("/out", "hello", 5);
    assert_int_equal(seen()->n_files, 1);
    assert_int_equal(fake_count(&fake, "/webhdfs/v1/.out."), 4); /* CREATE twice, GETFILESTATUS, RENAME */
    assert_int_equal(fake_count(&fake, "renameoptions=OVERWRITE"), 1);
    assert_int_equal(fake_count(&fake, "op=CREATE&user.name=alice&overwrite=true&createparent=false"), 2);
    GOOD(dli_fs_save(ctx, at("/out"), "other", 5, &err)); /* replaces */
    holds("/out", "other", 5);
    GOOD(dli_fs_save(ctx, at("/empty"), "", 0, &err));
    holds("/empty", "", 0);
}

static void the_first_step_of_writing_sends_no_bytes(void **state)
{
    (void)state;
    GOOD(dli_fs_save(ctx, at("/out"), "hello", 5, &err));
    assert_int_equal(fake_count(&fake, "0 PUT /webhdfs/v1/.out."), 2); /* and RENAME */
    assert_int_equal(fake_count(&fake, "1 PUT ") + fake_count(&fake, "2 PUT "), 1);
}

static void a_large_file_is_sent_while_it_is_written(void **state)
{
    (void)state;
    const size_t n = 21 * 1024 * 1024 + 5, piece = 300000;
    char *bytes = pattern(n);
    int64_t used, peak;
    dl4c_fs_writer *w;
    GOOD(dl4c_fs_create(ctx, at("/big"), &w, &err));
    for (size_t i = 0; i < n; i += piece)
        GOOD(dl4c_fs_write(w, bytes + i, n - i < piece ? n - i : piece, &err));
    dl4c_context_memory(ctx, &used, &peak);
    assert_in_range(peak, 1, 19 * 1024 * 1024); /* 8 chunks sent and kept, 8 to be sent, one that is filled */
    GOOD(dl4c_fs_commit(&w, &err));
    holds("/big", bytes, n);
    free(bytes);
}

static void what_is_thrown_away_leaves_nothing(void **state)
{
    (void)state;
    dl4c_fs_writer *w;
    char *bytes = pattern(12 * 1024 * 1024);
    GOOD(dl4c_fs_create(ctx, at("/out"), &w, &err));
    GOOD(dl4c_fs_write(w, "x", 1, &err));
    dl4c_fs_abandon(&w);
    assert_int_equal(fake_count(&fake, " PUT "), 0);
    GOOD(dl4c_fs_create(ctx, at("/out"), &w, &err));
    GOOD(dl4c_fs_write(w, bytes, 12 * 1024 * 1024, &err));
    dl4c_fs_abandon(&w);
    assert_int_equal(seen()->n_files, 0);
    free(bytes);
}

static void writing_below_nothing_is_not_found(void **state)
{
    (void)state;
    fake_put(&fake, "/f", "x", 1);
    BAD(dli_fs_save(ctx, at("/none/out"), "x", 1, &err), DL4C_E_NOTFOUND, "FileNotFoundException");
    BAD(dli_fs_save(ctx, at("/f/out"), "x", 1, &err), DL4C_E_NOTFOUND, "not a directory");
    BAD(dli_fs_save(ctx, at("/a:b"), "x", 1, &err), DL4C_E_INVALID, "InvalidPathException");
    BAD(dli_fs_save(ctx, at("/"), "x", 1, &err), DL4C_E_INVALID, "directory");
    BAD(dli_fs_save(ctx, at("/d/"), "x", 1, &err), DL4C_E_INVALID, "directory");
    fake_mkdir(&fake, "/d");
    BAD(dli_fs_save(ctx, at("/d"), "x", 1, &err), DL4C_E_IO, "directories");
    assert_int_equal(seen()->n_files, 2);
}

static void appending_makes_the_file_that_is_missing(void **state)
{
    (void)state;
    GOOD(dl4c_fs_append(ctx, at("/log"), "one", 3, &err));
    GOOD(dl4c_fs_append(ctx, at("/log"), "two", 3, &err));
    GOOD(dl4c_fs_append(ctx, at("/log"), "", 0, &err));
    holds("/log", "onetwo", 6);
    BAD(dl4c_fs_append(ctx, at("/none/log"), "x", 1, &err), DL4C_E_NOTFOUND, "/none/log");
}

struct names {
    char text[400];
    int n, most;
};

static int gather(void *arg, const char *name, const struct dl4c_fs_stat *st)
{
    struct names *to = arg;
    snprintf(to->text + strlen(to->text), sizeof to->text - strlen(to->text), "%s%s:%d", to->n ? "," : "", name, (int)st->size_bytes);
    return ++to->n == to->most;
}

static void a_directory_is_listed_page_by_page(void **state)
{
    (void)state;
    struct names all = { .n = 0 };
    fake_mkdir(&fake, "/d");
    fake_mkdir(&fake, "/d/sub");
    for (int i = 0; i < 7; i++) {
        char name[20];
        snprintf(name, sizeof name, "/d/f%d", i);
        fake_put(&fake, name, "12345678", (size_t)i);
    }
    GOOD(dl4c_fs_list(ctx, at("/d"), gather, &all, &err));
    assert_string_equal(all.text, "f0:0,f1:1,f2:2,f3:3,f4:4,f5:5,f6:6,sub:0");
    assert_int_equal(fake_count(&fake, "LISTSTATUS_BATCH"), 3);
    assert_int_equal(fake_count(&fake, "startAfter=f2"), 1);
    BAD(dl4c_fs_list(ctx, at("/d/f1"), gather, &all, &err), DL4C_E_NOTFOUND, "is a file");
    BAD(dl4c_fs_list(ctx, at("/none"), gather, &all, &err), DL4C_E_NOTFOUND, "FileNotFoundException");
    fake_mkdir(&fake, "/empty");
    GOOD(dl4c_fs_list(ctx, at("/empty"), gather, &all, &err));
    assert_int_equal(all.n, 8);
}

static void a_server_without_pages_is_listed_at_once(void **state)
{
    (void)state;
    struct names all = { .n = 0 }, part = { .n = 0 };
    int32_t more;
    SET(no_batch, true);
    fake_put(&fake, "/a", "1", 1);
    fake_put(&fake, "/b", "1", 1);
    fake_put(&fake, "/c", "1", 1);
    fake_put(&fake, "/d", "1", 1);
    GOOD(dl4c_fs_list(ctx, at("/"), gather, &all, &err));
    assert_string_equal(all.text, "a:1,b:1,c:1,d:1");
    GOOD(dl4c_fs_list_page(ctx, at("/"), "b", 1, gather, &part, &more, &err));
    assert_string_equal(part.text, "c:1");
    assert_int_equal(more, 1);
}

static void parts_of_a_directory_follow_one_another(void **state)
{
    (void)state;
    struct names part = { .n = 0 };
    int32_t more;
    for (int i = 0; i < 5; i++) {
        char name[20];
        snprintf(name, sizeof name, "/n%d", i);
        fake_put(&fake, name, "1", 1);
    }
    GOOD(dl4c_fs_list_page(ctx, at("/"), NULL, 0, gather, &part, &more, &err));
    assert_string_equal(part.text, "n0:1,n1:1,n2:1");
    assert_int_equal(more, 1);
    GOOD(dl4c_fs_list_page(ctx, at("/"), "n2", 0, gather, &part, &more, &err));
    assert_string_equal(part.text, "n0:1,n1:1,n2:1,n3:1,n4:1");
    assert_int_equal(more, 0);
    GOOD(dl4c_fs_list_page(ctx, at("/"), NULL, 2, gather, &part, &more, &err));
    assert_int_equal(part.n, 7);
    assert_int_equal(more, 1);
}

static void names_of_all_kinds_arrive_as_they_are(void **state)
{
    (void)state;
    static const char *const names[] = {
        "a b",         "a+b",    "100%",   "x%41y", "q?h#a&", "s;t", "\xC3\xA9t\xC3\xA9-\xE5\x9B\xBE", "em\xF0\x9F\x98\x80",
        "back\\slash", "[x]=,'", "~tilde", "-"
    };
    fake_mkdir(&fake, "/n");
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char path[100], *uri = NULL;
        GOOD(dli_uri_join(ctx, at("/n"), names[i], &uri, &err));
        GOOD(dli_fs_save(ctx, uri, names[i], strlen(names[i]), &err));
        snprintf(path, sizeof path, "/n/%s", names[i]);
        holds(path, names[i], strlen(names[i]));
        char *back = NULL;
        size_t n;
        GOOD(dli_fs_load(ctx, uri, 100, &back, &n, &err));
        assert_string_equal(back, names[i]);
        dli_free(back);
        GOOD(dl4c_fs_remove(ctx, uri, &err));
        dli_free(uri);
    }
    assert_int_equal(seen()->n_files, 1);
    fake_put(&fake, "/n/a b", "x", 1);
    GOOD(dl4c_fs_rename(ctx, at("/n/a b"), at("/n/c%2Bd%25+e"), &err));
    holds("/n/c+d%+e", "x", 1);
}

static void uris_that_name_no_place_are_refused(void **state)
{
    (void)state;
    struct dl4c_fs_stat st = DL4C_FS_STAT_INIT;
    BAD(dl4c_fs_stat_uri(ctx, "webhdfs:///a", &st, &err), DL4C_E_INVALID, "no server");
    BAD(dl4c_fs_stat_uri(ctx, "webhdfs://h:0/a", &st, &err), DL4C_E_INVALID, "h:0");
    BAD(dl4c_fs_stat_uri(ctx, "webhdfs://h:70000/a", &st, &err), DL4C_E_INVALID, "h:70000");
    BAD(dl4c_fs_stat_uri(ctx, "webhdfs://h:1:2/a", &st, &err), DL4C_E_INVALID, "h:1:2");
    BAD(dl4c_fs_stat_uri(ctx, "webhdfs://h:x/a", &st, &err), DL4C_E_INVALID, "h:x");
    BAD(dl4c_fs_stat_uri(ctx, "webhdfs://h,,i/a", &st, &err), DL4C_E_INVALID, "no server");
    BAD(dl4c_fs_stat_uri(ctx, "webhdfs://u:secret@h/a", &st, &err), DL4C_E_INVALID, "user.name");
    assert_null(strstr(err.message, "secret"));
    BAD(dl4c_fs_stat_uri(ctx, at("/a/../b"), &st, &err), DL4C_E_INVALID, "..");
    BAD(dl4c_fs_stat_uri(ctx, at("/a/%2e%2E/b"), &st, &err), DL4C_E_INVALID, "..");
    BAD(dl4c_fs_stat_uri(ctx, at("/100%"), &st, &err), DL4C_E_INVALID, "%");
    BAD(dl4c_fs_stat_uri(ctx, at("/a%00b"), &st, &err), DL4C_E_INVALID, "%");
    BAD(dl4c_fs_stat_uri(ctx, at("/a%FFb"), &st, &err), DL4C_E_INVALID, "UTF-8");
    BAD(dl4c_fs_stat_uri(ctx, "webhdfs://h/a?user=x", &st, &err), DL4C_E_INVALID, "user.name=NAME");
    BAD(dl4c_fs_stat_uri(ctx, "webhdfs://h/a?user.name=1%2B1", &st, &err), DL4C_E_INVALID, "1+1");
    assert_int_equal(seen()->log[0], '\0');
}

static void paths_have_one_form(void **state)
{
    (void)state;
    struct dl4c_fs_stat st = DL4C_FS_STAT_INIT;
    fake_mkdir(&fake, "/a");
    fake_put(&fake, "/a/b", "x", 1);
    GOOD(dl4c_fs_stat_uri(ctx, at("//a/./b/"), &st, &err));
    assert_int_equal(st.kind, DL4C_FS_FILE);
    assert_int_equal(st.size_bytes, 1);
    assert_int_equal(st.mode, 0644);
    assert_int_equal(st.replication, 2);
    assert_int_equal(st.mtime_ms, fake_find(seen(), "/a/b")->mtime_ms);
    GOOD(dl4c_fs_stat_uri(ctx, at(""), &st, &err));
    assert_int_equal(st.kind, DL4C_FS_DIRECTORY);
}

static void names_change_as_on_a_disk(void **state)
{
    (void)state;
    struct dl4c_fs_stat st = DL4C_FS_STAT_INIT;
    GOOD(dl4c_fs_mkdir(ctx, at("/a/b/c"), &err));
    GOOD(dl4c_fs_mkdir(ctx, at("/a/b/c"), &err));
    fake_put(&fake, "/f", "1", 1);
    fake_put(&fake, "/g", "22", 2);
    BAD(dl4c_fs_mkdir(ctx, at("/f"), &err), DL4C_E_EXISTS, "/f");
    BAD(dl4c_fs_mkdir(ctx, at("/f/x"), &err), DL4C_E_EXISTS, "/f/x");
    BAD(dl4c_fs_remove(ctx, at("/none"), &err), DL4C_E_NOTFOUND, "/none");
    BAD(dl4c_fs_remove(ctx, at("/a"), &err), DL4C_E_IO, "not empty");
    GOOD(dl4c_fs_remove(ctx, at("/a/b/c"), &err));
    BAD(dl4c_fs_rename(ctx, at("/none"), at("/x"), &err), DL4C_E_NOTFOUND, "not found");
    GOOD(dl4c_fs_rename(ctx, at("/f"), at("/g"), &err)); /* replaces */
    holds("/g", "1", 1);
    BAD(dl4c_fs_stat_uri(ctx, at("/f"), &st, &err), DL4C_E_NOTFOUND, "/f");
}

static void a_gateway_that_cannot_replace_is_helped(void **state)
{
    (void)state;
    SET(no_rename_options, true);
    fake_put(&fake, "/f", "1", 1);
    fake_put(&fake, "/g", "22", 2);
    GOOD(dl4c_fs_rename(ctx, at("/f"), at("/g"), &err));
    holds("/g", "1", 1);
    BAD(dl4c_fs_rename(ctx, at("/none"), at("/g"), &err), DL4C_E_NOTFOUND, "/none");
    holds("/g", "1", 1);
}

static void details_are_told_and_changed(void **state)
{
    (void)state;
    struct dl4c_fs_checksum sum = DL4C_FS_CHECKSUM_INIT;
    struct dl4c_fs_summary all = DL4C_FS_SUMMARY_INIT;
    struct dl4c_fs_change c = DL4C_FS_CHANGE_INIT;
    const char *const sources[] = { at("/s1"), at("/s 2") };
    fake_put(&fake, "/f", "12345", 5);
    fake_put(&fake, "/s1", "67", 2);
    fake_put(&fake, "/s 2", "8", 1);
    fake_mkdir(&fake, "/d");
    GOOD(dl4c_fs_get_checksum(ctx, at("/f"), &sum, &err));
    assert_string_equal(sum.algorithm, "MD5-of-0MD5-of-512CRC32C");
    assert_string_equal(sum.digest, "00aa");
    GOOD(dl4c_fs_get_summary(ctx, at("/d"), &all, &err));
    assert_int_equal(all.n_files, 3);
    assert_int_equal(all.quota_names, -1);
    assert_int_equal(all.quota_bytes, 99);
    c.what = 15;
    c.mode = 0600;
    c.replication = 3;
    c.owner = "bob";
    GOOD(dl4c_fs_set(ctx, at("/f"), &c, &err));
    assert_int_equal(fake_find(seen(), "/f")->mode, 0600);
    assert_int_equal(fake_count(&fake, "op=SETREPLICATION&user.name=alice&replication=3"), 1);
    assert_int_equal(fake_count(&fake, "&modificationtime=-1&accesstime=-1"), 1);
    assert_int_equal(fake_count(&fake, "&owner=bob"), 1);
    c.what = DL4C_FS_CHANGE_REPLICATION;
    BAD(dl4c_fs_set(ctx, at("/d"), &c, &err), DL4C_E_INVALID, "SETREPLICATION");
    GOOD(dl4c_fs_concat(ctx, at("/f"), sources, 2, &err));
    holds("/f", "12345678", 8);
    BAD(dl4c_fs_truncate(ctx, at("/f"), 9, &err), DL4C_E_INVALID, "8 bytes");
    GOOD(dl4c_fs_truncate(ctx, at("/f"), 2, &err));
    holds("/f", "12", 2);
}

static void files_are_read_ahead_many_at_once(void **state)
{
    (void)state;
    enum { N = 40 };
    dl4c_fs_load *load[N];
    const void *bytes;
    size_t size;
    for (int i = 0; i < N; i++) {
        char name[20];
        snprintf(name, sizeof name, "/i%d", i);
        fake_put(&fake, name, name, strlen(name));
        GOOD(dl4c_fs_load_start(ctx, at(name), i % 2 ? -1 : (int64_t)strlen(name), 0, &load[i], &err));
    }
    for (int i = 0; i < N; i++) {
        char name[20];
        snprintf(name, sizeof name, "/i%d", i);
        GOOD(dl4c_fs_load_wait(load[i], -1, &bytes, &size, &err));
        assert_int_equal(size, strlen(name));
        assert_memory_equal(bytes, name, size);
        dl4c_fs_load_end(&load[i]);
    }
    GOOD(dl4c_fs_load_start(ctx, at("/i7"), 4, 0, &load[0], &err));
    BAD(dl4c_fs_load_wait(load[0], -1, &bytes, &size, &err), DL4C_E_CORRUPT, "wanted 4");
    dl4c_fs_load_end(&load[0]);
    GOOD(dl4c_fs_load_start(ctx, at("/i7"), 2, 0, &load[0], &err));
    BAD(dl4c_fs_load_wait(load[0], -1, &bytes, &size, &err), DL4C_E_CORRUPT, "more than 2");
    dl4c_fs_load_end(&load[0]);
    GOOD(dl4c_fs_load_start(ctx, at("/i7"), -1, 2, &load[0], &err));
    BAD(dl4c_fs_load_wait(load[0], -1, &bytes, &size, &err), DL4C_E_LIMIT, "limit");
    dl4c_fs_load_end(&load[0]);
    fake_put(&fake, "/zero", "", 0);
    GOOD(dl4c_fs_load_start(ctx, at("/zero"), 0, 0, &load[0], &err));
    GOOD(dl4c_fs_load_wait(load[0], -1, &bytes, &size, &err));
    assert_int_equal(size, 0);
    dl4c_fs_load_end(&load[0]);
    GOOD(dl4c_fs_load_start(ctx, at("/none"), -1, 0, &load[0], &err));
    BAD(dl4c_fs_load_wait(load[0], -1, &bytes, &size, &err), DL4C_E_NOTFOUND, "/none");
    dl4c_fs_load_end(&load[0]);
    GOOD(dl4c_fs_load_start(ctx, at("/i1"), -1, 0, &load[0], &err)); /* nobody waits for it */
    dl4c_fs_load_end(&load[0]);
}

static void connections_to_the_namenode_are_kept(void **state)
{
    (void)state;
    struct dl4c_fs_stat st = DL4C_FS_STAT_INIT;
    fake_put(&fake, "/a", "x", 1);
    for (int i = 0; i < 20; i++)
        GOOD(dl4c_fs_stat_uri(ctx, at("/a"), &st, &err));
    assert_int_equal(seen()->accepted, 1);
}

static void settings_say_who_asks(void **state)
{
    (void)state;
    struct dl4c_webhdfs_options o = DL4C_WEBHDFS_OPTIONS_INIT;
    struct dl4c_fs_stat st = DL4C_FS_STAT_INIT;
    char uri[100];
    snprintf(uri, sizeof uri, "webhdfs://127.0.0.1:%d/", fake.server[0].port);
    o.user = "carol";
    o.doas = "dave";
    connect_with(&o);
    GOOD(dl4c_fs_stat_uri(ctx, uri, &st, &err));
    assert_int_equal(fake_count(&fake, "&user.name=carol&doas=dave"), 1);
    GOOD(dl4c_fs_stat_uri(ctx, at("/"), &st, &err));
    assert_int_equal(fake_count(&fake, "&user.name=alice&doas=dave"), 1);
    BAD(dl4c_webhdfs_configure(ctx, &o, &err), DL4C_E_STATE, "in use");
    o.doas = NULL;
    o.token = "T+/ok";
    connect_with(&o);
    GOOD(dl4c_fs_stat_uri(ctx, uri, &st, &err));
    assert_int_equal(fake_count(&fake, "delegation=T%2B%2Fok"), 1);
    o.retry_ms = -1;
    BAD(dl4c_webhdfs_configure(ctx, &o, &err), DL4C_E_INVALID, "negative");
    o.retry_ms = 0;
    o.datanodes = "a:1=b";
    GOOD((dl4c_context_destroy(&ctx), dl4c_context_create(NULL, &ctx, &err)));
    GOOD(dl4c_webhdfs_configure(ctx, &o, &err));
    o.datanodes = "a:1";
    BAD(dl4c_webhdfs_configure(ctx, &o, &err), DL4C_E_INVALID, "HOST:PORT=HOST:PORT");
    setenv("HADOOP_USER_NAME", "erin", 1);
    const struct dl4c_webhdfs_options none = DL4C_WEBHDFS_OPTIONS_INIT;
    connect_with(&none);
    GOOD(dl4c_fs_stat_uri(ctx, uri, &st, &err));
    unsetenv("HADOOP_USER_NAME");
    assert_int_equal(fake_count(&fake, "&user.name=erin"), 1);
}

static void datanodes_behind_a_gateway_are_reached_through_the_map(void **state)
{
    (void)state;
    struct dl4c_webhdfs_options o = DL4C_WEBHDFS_OPTIONS_INIT;
    char map[100], location[300];
    snprintf(map, sizeof map, "dn1.inside:9864=127.0.0.1:%d", fake.server[1].port);
    snprintf(location, sizeof location, "http://dn1.inside:9864/webhdfs/v1/a?op=OPEN&user.name=alice&offset=0");
    o.datanodes = map;
    connect_with(&o);
    fake_put(&fake, "/a", "hello", 5);
    fake_fault(&fake, 0, "OPEN", FAKE_REDIRECT, 9, location); /* also where a busy machine let one time out */
    reads_as("/a", "hello", 5);
    assert_non_null(strstr(seen()->server[1].headers, "Host: dn1.inside:9864"));
}

static void a_gateway_answers_itself(void **state)
{
    (void)state;
    const int g = fake_start(&fake, FAKE_HTTPFS);
    char uri[100];
    char *back;
    size_t n;
    snprintf(uri, sizeof uri, "webhdfs://localhost:%d/x?user.name=alice", fake.server[g].port);
    GOOD(dli_fs_save(ctx, uri, "hello", 5, &err));
    holds("/x", "hello", 5);
    assert_int_equal(fake_count(&fake, "&data=true"), 1);
    GOOD(dli_fs_load(ctx, uri, 100, &back, &n, &err));
    assert_string_equal(back, "hello");
    dli_free(back);
    assert_int_equal(fake_count(&fake, "0 ") + fake_count(&fake, "1 PUT") + fake_count(&fake, "1 GET"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
        T(a_small_file_takes_two_requests_of_the_namenode_and_one_of_a_datanode),
        T(an_empty_file_is_read),
        T(a_large_file_is_read_whole_and_in_parts),
        T(what_is_no_file_is_not_opened),
        T(a_file_is_written_under_another_name_first),
        T(the_first_step_of_writing_sends_no_bytes),
        T(a_large_file_is_sent_while_it_is_written),
        T(what_is_thrown_away_leaves_nothing),
        T(writing_below_nothing_is_not_found),
        T(appending_makes_the_file_that_is_missing),
        T(a_directory_is_listed_page_by_page),
        T(a_server_without_pages_is_listed_at_once),
        T(parts_of_a_directory_follow_one_another),
        T(names_of_all_kinds_arrive_as_they_are),
        T(uris_that_name_no_place_are_refused),
        T(paths_have_one_form),
        T(names_change_as_on_a_disk),
        T(a_gateway_that_cannot_replace_is_helped),
        T(details_are_told_and_changed),
        T(files_are_read_ahead_many_at_once),
        T(connections_to_the_namenode_are_kept),
        T(settings_say_who_asks),
        T(datanodes_behind_a_gateway_are_reached_through_the_map),
        T(a_gateway_answers_itself),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
