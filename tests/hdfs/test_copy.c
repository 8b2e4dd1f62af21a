/* SPDX-License-Identifier: Apache-2.0 */
/* Trees copied to HDFS and back, names by pattern, whole directories removed: what is asked of the servers, and what becomes of faults. */
#define _GNU_SOURCE
#include "client.h"

#include <unistd.h>

static char folder[64];
static struct dl4c_fs_copied n;

static int setup_folder(void **state)
{
    strcpy(folder, "/tmp/dl4c-hdfs-copy-XXXXXX");
    return mkdtemp(folder) && setup(state) == 0 ? 0 : -1;
}

static int teardown_folder(void **state)
{
    dl4c_fs_remove_all(NULL, folder, NULL);
    return teardown(state);
}

static const char *here(const char *name)
{
    static char text[8][200];
    static int next;
    char *to = text[next++ % 8];
    snprintf(to, sizeof text[0], "%s/%s", folder, name);
    return to;
}

static dl4c_status copy(const char *from, const char *to, uint64_t flags)
{
    struct dl4c_fs_copy_options o = DL4C_FS_COPY_OPTIONS_INIT;
    o.flags = flags;
    o.threads = 4;
    n = (struct dl4c_fs_copied)DL4C_FS_COPIED_INIT;
    return dl4c_fs_copy(ctx, &from, 1, to, &o, &n, &err);
}

static void make_tree(void)
{
    char *bytes = pattern(10000);
    char name[40];
    GOOD(dl4c_fs_mkdir(ctx, here("src/a b"), &err));
    for (int i = 0; i < 12; i++) {
        snprintf(name, sizeof name, i % 2 ? "src/a b/%d%%" : "src/%d", i);
        GOOD(dli_fs_save(ctx, here(name), bytes, (size_t)i * 800, &err));
    }
    free(bytes);
}

static void a_tree_goes_there_and_comes_back(void **state)
{
    (void)state;
    char *bytes = pattern(10000);
    make_tree();
    GOOD(copy(here("src"), at("/d"), 0));
    assert_int_equal(n.n_files, 12);
    holds("/d/10", bytes, 8000);
    holds("/d/a b/11%", bytes, 8800);
    assert_int_equal(seen()->n_files, 14); /* no temporary name is left */
    GOOD(copy(at("/d"), here("back"), 0));
    assert_int_equal(n.n_files, 12);
    struct dl4c_fs_summary s = DL4C_FS_SUMMARY_INIT;
    GOOD(dl4c_fs_get_summary(ctx, here("back"), &s, &err));
    assert_int_equal(s.n_files, 12);
    assert_int_equal(s.size_bytes, 66 * 800);
    GOOD(copy(here("src/."), at("/d"), DL4C_FS_COPY_RESUME | DL4C_FS_COPY_CHECKSUM));
    assert_int_equal(n.n_skipped, 12);
    free(bytes);
}

static void a_small_file_costs_no_look_where_its_directory_is_new(void **state)
{
    (void)state;
    make_tree();
    GOOD(copy(here("src"), at("/d"), 0));
    assert_int_equal(fake_count(&fake, "op=CREATE"), 24);
    assert_int_equal(fake_count(&fake, "op=GETFILESTATUS"), 12 + 1); /* how long each copy is; whether /d is there */
    GOOD(copy(at("/d"), here("back"), 0));
    assert_int_equal(fake_count(&fake, "op=OPEN"), 24); /* of the NameNode and of a DataNode: sizes are known from the lists */
    assert_int_equal(fake_count(&fake, "op=GETFILESTATUS"), 12 + 1 + 1);
}

static void large_files_come_in_pieces_and_go_on_where_they_were_cut(void **state)
{
    (void)state;
    const size_t size = (size_t)(18 << 20) + 3;
    char *bytes = pattern(size), *back;
    size_t got;
    int64_t used, peak;
    fake_put(&fake, "/large", bytes, size);
    fake_fault(&fake, -1, "OPEN", FAKE_CUT, 2, "");
    GOOD(copy(at("/large"), here("large"), 0));
    dl4c_context_memory(ctx, &used, &peak);
    assert_in_range(peak, 1, 26 << 20);
    GOOD(dli_fs_load(ctx, here("large"), 1 << 30, &back, &got, &err));
    assert_int_equal(got, size);
    assert_memory_equal(back, bytes, size);
    dli_free(back);
    GOOD(copy(here("large"), at("/large2"), 0));
    holds("/large2", bytes, size);
    free(bytes);
}

/* The file is here: what the server lost of it is sent again, from the beginning. */
static void a_large_file_is_put_anew_where_its_upload_is_lost(void **state)
{
    (void)state;
    const size_t size = (size_t)(40 << 20) + 3;
    char *bytes = pattern(size);
    int64_t used, peak;
    GOOD(dli_fs_save(ctx, here("large"), bytes, size, &err));
    fake_fault(&fake, -2, "CREATE", FAKE_BREAK, 1, "30000000 1000");
    GOOD(copy(here("large"), at("/large"), DL4C_FS_COPY_CHECKSUM));
    holds("/large", bytes, size);
    assert_int_equal(n.size_bytes, (int64_t)size);
    assert_int_equal(seen()->n_files, 1);
    dl4c_context_memory(ctx, &used, &peak);
    assert_in_range(peak, 1, 26 << 20);
    fake_fault(&fake, -2, "CREATE", FAKE_BREAK, 9, "30000000 1000");
    BAD(copy(here("large"), at("/large3"), 0), DL4C_E_IO, "cannot be gone on with");
    assert_int_equal(seen()->n_files, 1);
    free(bytes);
}

static void what_the_server_refuses_is_told_and_the_others_go_on(void **state)
{
    (void)state;
    make_tree();
    fake_fault(&fake, 0, "CREATE", FAKE_EXCEPTION, 1, "403 AccessControlException Permission denied: user=alice");
    BAD(copy(here("src"), at("/d"), 0), DL4C_E_DENIED, "1 of 12 could not be copied, the first: ");
    assert_int_equal(n.n_files, 11);
    assert_int_equal(n.n_failed, 1);
    assert_int_equal(seen()->n_files, 13);
    GOOD(copy(here("src/."), at("/d"), DL4C_FS_COPY_RESUME));
    assert_int_equal(n.n_files, 1);
    assert_int_equal(n.n_skipped, 11);
}

static void a_quota_ends_the_whole_copy(void **state)
{
    (void)state;
    const char *const full[] = { "403 NSQuotaExceededException The NameSpace quota (directories and files) of directory /d is exceeded",
                                 "403 IOException File /d/x could only be written to 0 of the 1 minReplication nodes. There are 2 "
                                 "datanode(s) running and no node(s) are excluded in this operation.",
                                 "403 IOException File /d/x could only be written to 0 of the 1 minReplication nodes. There are 2 "
                                 "datanode(s) running and 2 node(s) are excluded in this operation." };
    make_tree();
    for (size_t i = 0; i < 3; i++) {
        fake_fault(&fake, 1, "CREATE", FAKE_EXCEPTION, 100, full[i]);
        fake_fault(&fake, 2, "CREATE", FAKE_EXCEPTION, 100, full[i]);
        BAD(copy(here("src"), at("/d"), 0), DL4C_E_FULL, "no room is left, 0 of 12 are there: ");
        assert_int_equal(n.n_files, 0);
        assert_in_range(n.n_failed, 1, 4);
        SET(n_faults, 0);
        GOOD(dl4c_fs_remove_all(ctx, at("/d"), &err));
    }
    /* A node that is full has neighbours that are not; nodes that are gone have no room to be short of. */
    fake_fault(&fake, -2, "CREATE", FAKE_EXCEPTION, 1, "403 IOException No space left on device");
    GOOD(dli_fs_save(ctx, at("/a"), "a", 1, &err));
    fake_fault(&fake, -2, "CREATE", FAKE_EXCEPTION, 9,
               "403 IOException File /a could only be written to 0 of the 1 minReplication nodes. There are 0 datanode(s) running and no "
               "node(s) are excluded in this operation.");
    BAD(dli_fs_save(ctx, at("/a"), "a", 1, &err), DL4C_E_IO, "0 datanode(s)");
    SET(n_faults, 0);
    fake_fault(&fake, -2, "CREATE", FAKE_EXCEPTION, 9,
               "403 IOException File /a could only be written to 0 of the 1 minReplication nodes. There are 3 datanode(s) running and 1 "
               "node(s) are excluded in this operation.");
    BAD(dli_fs_save(ctx, at("/a"), "a", 1, &err), DL4C_E_IO, "3 datanode(s)");
}

static int gather(void *arg, const char *uri, const struct dl4c_fs_stat *st)
{
    (void)st;
    const char *path = strstr(strstr(uri, "://") + 3, "/");
    strcat(strncat(arg, path, strcspn(path, "?")), strstr(path, "?user.name=alice") ? "|" : "(no user)");
    return 0;
}

static void globs(const char *path, const char *want)
{
    char got[1000] = "";
    GOOD(dl4c_fs_glob(ctx, at(path), gather, got, &err));
    assert_string_equal(got, want);
}

static void patterns_are_matched_by_the_client(void **state)
{
    (void)state;
    static const char *const paths[] = { "/d/a.jpg", "/d/b.jpg", "/d/e f.png", "/d/x*y", "/d/q?", "/e/a.jpg", "/e/.h" };
    char got[100] = "";
    fake_mkdir(&fake, "/d");
    fake_mkdir(&fake, "/e");
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++)
        fake_put(&fake, paths[i], "x", 1);
    globs("/d/*.jpg", "/d/a.jpg|/d/b.jpg|");
    globs("/d/?.jpg", "/d/a.jpg|/d/b.jpg|"); /* the last '?' alone begins the query */
    globs("/?/a.jpg", "/d/a.jpg|/e/a.jpg|");
    globs("/{d,e}/[a].*", "/d/a.jpg|/e/a.jpg|");
    globs("/d/e%20*", "/d/e%20f.png|");
    globs("/d/e *", "/d/e%20f.png|");
    globs("/d/x%2Ay", "/d/x%2Ay|");
    globs("/d/q%3F", "/d/q%3F|");
    globs("/d/q?", "/d/q%3F|");
    globs("/e/*", "/e/a.jpg|");
    globs("/d", "/d|");
    BAD(dl4c_fs_glob(ctx, at("/d/*.gif"), gather, got, &err), DL4C_E_NOTFOUND, "nothing matches");
    BAD(dl4c_fs_glob(ctx, at("/d/../a.jpg"), gather, got, &err), DL4C_E_INVALID, "goes up by");
    BAD(dl4c_fs_glob(ctx, "webhdfs://localhost:99999/x", gather, got, &err), DL4C_E_INVALID, "no server");
    BAD(dl4c_fs_glob(ctx, "webhdfs:///x", gather, got, &err), DL4C_E_INVALID, "names no server");
    assert_null(strstr(err.message, "alice"));
    fake_fault(&fake, 0, "LISTSTATUS_BATCH", FAKE_EXCEPTION, 1, "403 AccessControlException Permission denied: user=alice");
    BAD(dl4c_fs_glob(ctx, at("/d/*.jpg"), gather, got, &err), DL4C_E_DENIED, "Permission denied");
}

static void a_directory_goes_in_one_request(void **state)
{
    (void)state;
    fake_mkdir(&fake, "/d");
    fake_mkdir(&fake, "/d/e");
    fake_put(&fake, "/d/e/f", "x", 1);
    fake_put(&fake, "/dd", "x", 1);
    BAD(dl4c_fs_remove(ctx, at("/d"), &err), DL4C_E_IO, "PathIsNotEmptyDirectoryException");
    GOOD(dl4c_fs_remove_all(ctx, at("/d"), &err));
    assert_int_equal(seen()->n_files, 1);
    assert_int_equal(fake_count(&fake, "recursive=true"), 1);
    BAD(dl4c_fs_remove_all(ctx, at("/d"), &err), DL4C_E_NOTFOUND, "/d");
    BAD(dl4c_fs_remove_all(ctx, at("/"), &err), DL4C_E_INVALID, "root");
    BAD(dl4c_fs_remove_all(ctx, at(""), &err), DL4C_E_INVALID, "root");
    BAD(dl4c_fs_remove_all(ctx, at("/./"), &err), DL4C_E_INVALID, "root");
}

static void a_dead_server_ends_it(void **state)
{
    (void)state;
    const struct dl4c_webhdfs_options o = { .struct_size = sizeof o, .retry_ms = 300, .connect_ms = 300 };
    connect_with(&o);
    make_tree();
    fake_kill(&fake, 0);
    BAD(copy(here("src"), at("/d"), 0), DL4C_E_IO, "127.0.0.1");
    assert_int_equal(n.n_files, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_tree_goes_there_and_comes_back, setup_folder, teardown_folder),
        cmocka_unit_test_setup_teardown(a_small_file_costs_no_look_where_its_directory_is_new, setup_folder, teardown_folder),
        cmocka_unit_test_setup_teardown(large_files_come_in_pieces_and_go_on_where_they_were_cut, setup_folder, teardown_folder),
        cmocka_unit_test_setup_teardown(a_large_file_is_put_anew_where_its_upload_is_lost, setup_folder, teardown_folder),
        cmocka_unit_test_setup_teardown(what_the_server_refuses_is_told_and_the_others_go_on, setup_folder, teardown_folder),
        cmocka_unit_test_setup_teardown(a_quota_ends_the_whole_copy, setup_folder, teardown_folder),
        cmocka_unit_test_setup_teardown(patterns_are_matched_by_the_client, setup_folder, teardown_folder),
        cmocka_unit_test_setup_teardown(a_directory_goes_in_one_request, setup_folder, teardown_folder),
        cmocka_unit_test_setup_teardown(a_dead_server_ends_it, setup_folder, teardown_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
