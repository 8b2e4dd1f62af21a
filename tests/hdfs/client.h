/* SPDX-License-Identifier: Apache-2.0 */
/* A context of its own before servers in this process, with short times. */
#ifndef TESTS_HDFS_CLIENT_H
#define TESTS_HDFS_CLIENT_H

#include "fake.h"
#include "fs/fs.h"
#include <dl4c/webhdfs.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static struct fake fake;
static dl4c_context *ctx;
static struct dl4c_error err;
static char uris[8][700];
static int next_uri;

/* webhdfs://127.0.0.1:PORT/path?user.name=alice of server 0. */
static inline const char *at(const char *path)
{
    char *to = uris[next_uri++ % 8];
    snprintf(to, sizeof uris[0], "webhdfs://127.0.0.1:%d%s?user.name=alice", fake.server[0].port, path);
    return to;
}

static inline void connect_with(const struct dl4c_webhdfs_options *options)
{
    struct dl4c_webhdfs_options o = *options;
    o.connect_ms = o.connect_ms ? o.connect_ms : 2000;
    o.stall_ms = o.stall_ms ? o.stall_ms : 5000;
    o.retry_ms = o.retry_ms ? o.retry_ms : 10000;
    dl4c_context_destroy(&ctx);
    assert_int_equal(dl4c_context_create(NULL, &ctx, &err), DL4C_OK);
    assert_int_equal(dl4c_webhdfs_configure(ctx, &o, &err), DL4C_OK);
}

static inline int setup(void **state)
{
    const struct dl4c_webhdfs_options o = DL4C_WEBHDFS_OPTIONS_INIT;
    (void)state;
    unsetenv("http_proxy");
    unsetenv("HADOOP_CONF_DIR");
    unsetenv("HADOOP_TOKEN_FILE_LOCATION");
    memset(&fake, 0, sizeof fake);
    fake_start(&fake, FAKE_NAMENODE);
    fake_start(&fake, FAKE_DATANODE);
    fake_start(&fake, FAKE_DATANODE);
    connect_with(&o);
    return 0;
}

static inline int teardown(void **state)
{
    (void)state;
    dl4c_context_destroy(&ctx);
    fake_stop(&fake);
    return 0;
}

/* Fails with the message in sight. */
#define GOOD(call)                                                                                                                         \
    do {                                                                                                                                   \
        err.message[0] = '\0';                                                                                                             \
        const dl4c_status status_ = (call);                                                                                                \
        if (status_ != DL4C_OK)                                                                                                            \
            print_error("%d: %s\n", (int)status_, err.message);                                                                            \
        assert_int_equal(status_, DL4C_OK);                                                                                                \
    } while (0)
#define BAD(call, status, text)                                                                                                            \
    do {                                                                                                                                   \
        err.message[0] = '\0';                                                                                                             \
        assert_int_equal((call), (status));                                                                                                \
        if (!strstr(err.message, (text)))                                                                                                  \
            print_error("\"%s\" is not in: %s\n", (text), err.message);                                                                    \
        assert_non_null(strstr(err.message, (text)));                                                                                      \
        assert_null(strchr(err.message, '\n'));                                                                                            \
        assert_null(strstr(err.message, "Secret.trace"));                                                                                  \
    } while (0)

/* What servers look at is changed under their lock. */
#define SET(field, value)                                                                                                                  \
    do {                                                                                                                                   \
        pthread_mutex_lock(&fake.lock);                                                                                                    \
        fake.field = (value);                                                                                                              \
        pthread_mutex_unlock(&fake.lock);                                                                                                  \
    } while (0)

/* With all that servers have done up to now: also where the client did not wait for their answer. */
static inline struct fake *seen(void)
{
    pthread_mutex_lock(&fake.lock);
    pthread_mutex_unlock(&fake.lock);
    return &fake;
}

static inline char *pattern(size_t n)
{
    char *p = malloc(n + 1);
    uint32_t x = 1;
    for (size_t i = 0; i < n; i++) {
        x = x * 1664525u + 1013904223u;
        p[i] = (char)(x >> 24);
    }
    return p;
}

/* A file of the server, read through the client, has these bytes. */
static inline void reads_as(const char *path, const char *bytes, size_t n)
{
    dl4c_fs_file *f = NULL;
    const void *got;
    size_t size;
    GOOD(dl4c_fs_open(ctx, at(path), &f, &err));
    GOOD(dl4c_fs_bytes(f, &got, &size, &err));
    assert_int_equal(size, n);
    assert_memory_equal(got, bytes, n);
    dl4c_fs_close(&f);
}

static inline void holds(const char *path, const char *bytes, size_t n)
{
    const struct fake_file *x = fake_find(seen(), path);
    assert_non_null(x);
    assert_int_equal(x->size, n);
    assert_memory_equal(x->bytes, bytes, n);
}

#endif
