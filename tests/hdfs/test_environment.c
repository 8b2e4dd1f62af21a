/* SPDX-License-Identifier: Apache-2.0 */
/* Hadoop's own configuration: nameservices of hdfs-site.xml, tokens in a file. */
#define _GNU_SOURCE
#include "client.h"

#include <unistd.h>

static char folder[64], file[128];

static int begin(void **state)
{
    setup(state);
    strcpy(folder, "/tmp/dl4c-hadoop-XXXXXX");
    return mkdtemp(folder) ? 0 : -1;
}

static int end(void **state)
{
    unsetenv("HADOOP_CONF_DIR");
    unsetenv("HADOOP_TOKEN_FILE_LOCATION");
    dl4c_fs_remove(NULL, file, NULL);
    rmdir(folder);
    return teardown(state);
}

static void write_file(const char *name, const char *text, size_t n)
{
    snprintf(file, sizeof file, "%s/%s", folder, name);
    GOOD(dli_fs_save(NULL, file, text, n, &err));
}

static void site(const char *more)
{
    char text[4000];
    snprintf(text, sizeof text,
             "<?xml version=\"1.0\"?>\n<!-- <property><name>dfs.nameservices</name><value>wrong</value></property> -->\n<configuration>\n"
             "  <property>\n    <name>dfs.nameservices</name>\n    <value>\n other, ns1 </value>\n  </property>\n"
             "<property><name>dfs.ha.namenodes.ns1</name><value>nn1,nn2</value></property>\n"
             "<property><name>dfs.namenode.http-address.ns1.nn1</name><value>127.0.0.1:%d</value></property>\n"
             "<property><name>dfs.namenode.http-address.ns1.nn2</name><value>localhost:%d</value></property>\n"
             "<property><name>dfs.namenode.rpc-address.other</name><value>rpc.host.invalid:8020</value></property>\n%s</configuration>\n",
             fake.server[0].port, fake.server[3].port, more);
    write_file("hdfs-site.xml", text, strlen(text));
    setenv("HADOOP_CONF_DIR", folder, 1);
}

static void a_nameservice_is_its_namenodes(void **state)
{
    (void)state;
    struct dl4c_fs_stat st = DL4C_FS_STAT_INIT;
    const int other = fake_start(&fake, FAKE_NAMENODE);
    site("");
    SET(server[0].standby, true);
    GOOD(dl4c_fs_stat_uri(ctx, "webhdfs://ns1/?user.name=alice", &st, &err));
    assert_int_equal(fake_count(&fake, "3 GET"), 1);
    GOOD(dl4c_fs_stat_uri(ctx, "hdfs://ns1/?user.name=alice", &st, &err));
    SET(server[0].standby, false);
    SET(server[other].standby, true);
    GOOD(dl4c_fs_stat_uri(ctx, "hdfs://ns1/?user.name=alice", &st, &err));
    BAD(dl4c_fs_stat_uri(ctx, "webhdfs://other/?user.name=alice", &st, &err), DL4C_E_IO, "rpc.host.invalid:9870");
    BAD(dl4c_fs_stat_uri(ctx, "hdfs://no.host.invalid:8020/?user.name=alice", &st, &err), DL4C_E_IO, "no.host.invalid:9870");
    BAD(dl4c_fs_stat_uri(ctx, "webhdfs://wrong.invalid/?user.name=alice", &st, &err), DL4C_E_IO, "wrong.invalid:9870");
}

/* As Hadoop's Credentials writes it: one token of a stranger, one of ours. */
static size_t tokens(char *to, const char *service)
{
    size_t n = 0;
    memcpy(to, "HDTS\0\2", 6);
    n = 6;
    for (int i = 0; i < 2; i++) {
        const char *const part[] = { "alias", i ? "id-of-ours" : "id-of-others", "pw", i ? "WEBHDFS delegation" : "HDFS_DELEGATION_TOKEN",
                                     i ? service : "elsewhere:8020" };
        for (int k = 0; k < 5; k++) {
            to[n++] = (char)strlen(part[k]);
            memcpy(to + n, part[k], strlen(part[k]));
            n += strlen(part[k]);
        }
    }
    to[n++] = 0; /* no secrets */
    return n;
}

static void the_token_of_the_cluster_is_sent_and_no_other(void **state)
{
    (void)state;
    char text[400];
    struct dl4c_fs_stat st = DL4C_FS_STAT_INIT;
    size_t n = tokens(text, "127.0.0.1:8020");
    write_file("tokens", text, n);
    setenv("HADOOP_TOKEN_FILE_LOCATION", file, 1);
    GOOD(dl4c_fs_stat_uri(ctx, at("/"), &st, &err));
    /* base64 of 10 "id-of-ours" 2 "pw" 18 "WEBHDFS delegation" 14 "127.0.0.1:8020" */
    assert_int_equal(fake_count(&fake, "&delegation=CmlkLW9mLW91cnMCcHcSV0VCSERGUyBkZWxlZ2F0aW9uDjEyNy4wLjAuMTo4MDIw&"), 1);
    n = tokens(text, "somebody.else:8020");
    write_file("tokens", text, n);
    GOOD(dl4c_fs_stat_uri(ctx, at("/"), &st, &err));
    assert_int_equal(fake_count(&fake, "&delegation="), 1);
    write_file("tokens", text, n - 30);
    BAD(dl4c_fs_stat_uri(ctx, at("/"), &st, &err), DL4C_E_CORRUPT, "ends within");
    write_file("tokens", "HDTS\1xxxx", 9);
    BAD(dl4c_fs_stat_uri(ctx, at("/"), &st, &err), DL4C_E_UNSUPPORTED, "first format");
    dl4c_fs_remove(NULL, file, NULL);
    BAD(dl4c_fs_stat_uri(ctx, at("/"), &st, &err), DL4C_E_NOTFOUND, "tokens");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_nameservice_is_its_namenodes, begin, end),
        cmocka_unit_test_setup_teardown(the_token_of_the_cluster_is_sent_and_no_other, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
