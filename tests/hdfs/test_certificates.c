/* SPDX-License-Identifier: Apache-2.0 */
/* swebhdfs: a server is who the URI names, by its certificate, or nothing is asked of it. */
#define _GNU_SOURCE
#include "fs/fs.h"
#include <dl4c/webhdfs.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <cmocka.h>

static struct dl4c_error err;
static char ca_file[64];
static EVP_PKEY *ca_key;
static X509 *ca;

/* ---- a server ---- */

static struct {
    pthread_t thread;
    SSL_CTX *tls;
    int fd, port;
    _Atomic int requests;
} server;

static X509 *issue(const char *name, EVP_PKEY *key, X509 *issuer, EVP_PKEY *by)
{
    static long serial;
    X509 *x = X509_new();
    X509V3_CTX c;
    char names[100];
    snprintf(names, sizeof names, "DNS:%s", name);
    X509_set_version(x, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(x), ++serial);
    X509_gmtime_adj(X509_getm_notBefore(x), -86400);
    X509_gmtime_adj(X509_getm_notAfter(x), 86400);
    X509_set_pubkey(x, key);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_ASC, (const unsigned char *)name, -1, -1, 0);
    X509_set_issuer_name(x, X509_get_subject_name(issuer ? issuer : x));
    X509V3_set_ctx(&c, issuer ? issuer : x, x, NULL, NULL, 0);
    X509_EXTENSION *e = issuer ? X509V3_EXT_conf_nid(NULL, &c, NID_subject_alt_name, names)
                               : X509V3_EXT_conf_nid(NULL, &c, NID_basic_constraints, "critical,CA:TRUE");
    assert_non_null(e);
    X509_add_ext(x, e, -1);
    X509_EXTENSION_free(e);
    assert_true(X509_sign(x, by, EVP_sha256()) > 0);
    return x;
}

static void answer(SSL *s)
{
    static const char there[] = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 63\r\nConnection: close\r\n\r\n"
                                "{\"FileStatus\":{\"type\":\"DIRECTORY\",\"length\":0,\"pathSuffix\":\"\"}}\n",
                      away[] = "HTTP/1.1 307 Temporary Redirect\r\nLocation: http://localhost:%d/webhdfs/v1/a?op=GETFILECHECKSUM\r\n"
                               "Content-Length: 0\r\nConnection: close\r\n\r\n";
    char head[4000], text[400];
    size_t n = 0;
    for (int k; n < sizeof head - 1 && (k = SSL_read(s, head + n, (int)(sizeof head - 1 - n))) > 0;) {
        head[n += (size_t)k] = '\0';
        if (strstr(head, "\r\n\r\n"))
            break;
    }
    if (n == 0)
        return;
    server.requests++;
    snprintf(text, sizeof text, away, server.port);
    if (strstr(head, "op=GETFILECHECKSUM"))
        SSL_write(s, text, (int)strlen(text));
    else
        SSL_write(s, there, (int)sizeof there - 1);
    SSL_shutdown(s);
}

static void *serve(void *arg)
{
    (void)arg;
    for (;;) {
        const int fd = accept(server.fd, NULL, NULL);
        if (fd < 0)
            return NULL;
        SSL *s = SSL_new(server.tls);
        SSL_set_fd(s, fd);
        if (SSL_accept(s) == 1)
            answer(s);
        SSL_free(s);
        close(fd);
    }
}

static void start(const char *name)
{
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t n = sizeof a;
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *x = issue(name, key, ca, ca_key);
    server.tls = SSL_CTX_new(TLS_server_method());
    assert_int_equal(SSL_CTX_use_certificate(server.tls, x), 1);
    assert_int_equal(SSL_CTX_use_PrivateKey(server.tls, key), 1);
    X509_free(x);
    EVP_PKEY_free(key);
    server.requests = 0;
    server.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(server.fd, (struct sockaddr *)&a, sizeof a), 0);
    assert_int_equal(listen(server.fd, 16), 0);
    getsockname(server.fd, (struct sockaddr *)&a, &n);
    server.port = ntohs(a.sin_port);
    assert_int_equal(pthread_create(&server.thread, NULL, serve, NULL), 0);
}

static void stop(void)
{
    shutdown(server.fd, SHUT_RDWR);
    pthread_join(server.thread, NULL);
    close(server.fd);
    SSL_CTX_free(server.tls);
}

static int make(void **state)
{
    (void)state;
    strcpy(ca_file, "/tmp/dl4c-ca-XXXXXX");
    const int fd = mkstemp(ca_file);
    FILE *f = fd >= 0 ? fdopen(fd, "w") : NULL;
    ca_key = EVP_EC_gen("P-256");
    if (!f || !ca_key)
        return -1;
    ca = issue("ca", ca_key, NULL, ca_key);
    PEM_write_X509(f, ca);
    unsetenv("HADOOP_CONF_DIR");
    unsetenv("HADOOP_TOKEN_FILE_LOCATION");
    unsetenv("https_proxy");
    signal(SIGPIPE, SIG_IGN); /* clients that refuse us go in the middle of a handshake */
    return fclose(f);
}

static int clean(void **state)
{
    (void)state;
    X509_free(ca);
    EVP_PKEY_free(ca_key);
    return unlink(ca_file);
}

/* ---- a client ---- */

static dl4c_status look(const char *trusted, uint64_t flags)
{
    struct dl4c_webhdfs_options o = DL4C_WEBHDFS_OPTIONS_INIT;
    struct dl4c_fs_stat st = DL4C_FS_STAT_INIT;
    dl4c_context *ctx = NULL;
    char uri[100];
    o.ca_file = trusted;
    o.flags = flags;
    o.retry_ms = 5000;
    assert_int_equal(dl4c_context_create(NULL, &ctx, &err), DL4C_OK);
    assert_int_equal(dl4c_webhdfs_configure(ctx, &o, &err), DL4C_OK);
    snprintf(uri, sizeof uri, "swebhdfs://localhost:%d/?user.name=alice", server.port);
    const dl4c_status status = dl4c_fs_stat_uri(ctx, uri, &st, &err);
    dl4c_context_destroy(&ctx);
    return status;
}

static void a_certificate_for_another_name_is_refused(void **state)
{
    (void)state;
    start("other.host");
    assert_int_equal(look(ca_file, 0), DL4C_E_DENIED);
    assert_non_null(strstr(err.message, "localhost"));
    assert_null(strstr(err.message, "tries")); /* it does not pass */
    assert_int_equal(err.domain, DL4C_DOMAIN_CURL);
    assert_int_equal(server.requests, 0);
    assert_int_equal(look(ca_file, DL4C_WEBHDFS_ANY_HOST_NAME), DL4C_OK); /* whoever says so by name */
    assert_int_equal(server.requests, 1);
    assert_int_equal(look(NULL, DL4C_WEBHDFS_ANY_HOST_NAME), DL4C_E_DENIED); /* not one of whoever */
    assert_int_equal(server.requests, 1);
    stop();
}

static void a_certificate_of_a_stranger_is_refused(void **state)
{
    (void)state;
    start("localhost");
    assert_int_equal(look(ca_file, 0), DL4C_OK);
    assert_int_equal(look(NULL, 0), DL4C_E_DENIED);
    assert_non_null(strstr(err.message, "certificate"));
    assert_int_equal(server.requests, 1);
    stop();
}

static void a_redirect_out_of_tls_is_not_followed(void **state)
{
    (void)state;
    struct dl4c_webhdfs_options o = DL4C_WEBHDFS_OPTIONS_INIT;
    struct dl4c_fs_checksum sum = DL4C_FS_CHECKSUM_INIT;
    dl4c_context *ctx = NULL;
    char uri[100];
    start("localhost");
    o.ca_file = ca_file;
    assert_int_equal(dl4c_context_create(NULL, &ctx, &err), DL4C_OK);
    assert_int_equal(dl4c_webhdfs_configure(ctx, &o, &err), DL4C_OK);
    snprintf(uri, sizeof uri, "swebhdfs://localhost:%d/a?delegation=SECRET", server.port);
    assert_int_equal(dl4c_fs_get_checksum(ctx, uri, &sum, &err), DL4C_E_IO);
    assert_non_null(strstr(err.message, "to another scheme, which is not followed"));
    assert_null(strstr(err.message, "SECRET"));
    dl4c_context_destroy(&ctx);
    stop();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_certificate_for_another_name_is_refused),
        cmocka_unit_test(a_certificate_of_a_stranger_is_refused),
        cmocka_unit_test(a_redirect_out_of_tls_is_not_followed),
    };
    return cmocka_run_group_tests(tests, make, clean);
}
