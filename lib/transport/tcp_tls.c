/* SPDX-License-Identifier: Apache-2.0 */
/* TLS 1.3 for the transport tcp, through OpenSSL: a pre-shared key of the whole group, or certificates of one authority. Either way both
 * sides are proven, and with Diffie-Hellman, so that a key that leaks later opens nothing recorded before. OpenSSL's memory is its own; its
 * queue of errors, of this thread, is emptied. */
#define _GNU_SOURCE
#include "fs/fs.h"
#include "transport/tcp.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { KEY = 32, SECRET_LIMIT = 64 << 10 };

struct dli_tls {
    SSL_CTX *ssl;
    BIO_METHOD *method;
    uint8_t key[KEY];
    bool named; /* by certificates */
};

static const uint8_t identity[] = { 'd', 'l', '4', 'c' };
static const uint8_t suite[] = { 0x13, 0x01 }; /* TLS_AES_128_GCM_SHA256: an external key goes with SHA-256 alone */

/* ---- sockets that raise no SIGPIPE ---- */

static int bio_fd(BIO *b) { return (int)(intptr_t)BIO_get_data(b); }

static int bio_result(BIO *b, ptrdiff_t n, int retry)
{
    BIO_clear_retry_flags(b);
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
        BIO_set_flags(b, retry | BIO_FLAGS_SHOULD_RETRY);
    return (int)n;
}

static int bio_write(BIO *b, const char *bytes, int n)
{
    return bio_result(b, send(bio_fd(b), bytes, (size_t)n, MSG_NOSIGNAL), BIO_FLAGS_WRITE);
}

static int bio_read(BIO *b, char *room, int n) { return bio_result(b, recv(bio_fd(b), room, (size_t)n, 0), BIO_FLAGS_READ); }

static long bio_ctrl(BIO *b, int command, long value, void *p)
{
    (void)b, (void)value, (void)p;
    return command == BIO_CTRL_FLUSH;
}

/* ---- the group's key ---- */

static SSL_SESSION *session_of_key(SSL *ssl, const struct dli_tls *tls)
{
    const SSL_CIPHER *cipher = SSL_CIPHER_find(ssl, suite);
    SSL_SESSION *s = SSL_SESSION_new();
    if (s && cipher && SSL_SESSION_set1_master_key(s, tls->key, KEY) && SSL_SESSION_set_cipher(s, cipher)
        && SSL_SESSION_set_protocol_version(s, TLS1_3_VERSION))
        return s;
    SSL_SESSION_free(s);
    return NULL;
}

static int use_key(SSL *ssl, const EVP_MD *md, const unsigned char **id, size_t *n, SSL_SESSION **session)
{
    (void)md; /* there is one suite */
    *id = identity;
    *n = sizeof identity;
    *session = session_of_key(ssl, SSL_get_app_data(ssl));
    return *session != NULL;
}

static int find_key(SSL *ssl, const unsigned char *id, size_t n, SSL_SESSION **session)
{
    *session = NULL;
    if (n != sizeof identity || memcmp(id, identity, n) != 0)
        return 1; /* a stranger: the handshake fails, there is no certificate */
    *session = session_of_key(ssl, SSL_get_app_data(ssl));
    return *session != NULL;
}

static int digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static dl4c_status load_key(dl4c_context *ctx, struct dli_tls *tls, const char *path, struct dl4c_error *err)
{
    char *text = NULL;
    size_t n = 0, good = 0;
    DLI_TRY(dli_fs_load_private(ctx, path, SECRET_LIMIT, &text, &n, err));
    while (n > 0 && (text[n - 1] == '\n' || text[n - 1] == '\r'))
        n--;
    for (; good < n && good < 2 * KEY && digit(text[good]) >= 0; good++)
        tls->key[good / 2] = (uint8_t)(tls->key[good / 2] << 4 | digit(text[good]));
    OPENSSL_cleanse(text, n);
    dli_free(text);
    if (n != 2 * KEY || good != n)
        return dli_fail(err, DL4C_E_DENIED, "tcp", "%.200s, which DL4C_TCP_KEY_FILE names, does not hold %d hexadecimal digits", path,
                        2 * KEY);
    SSL_CTX_set_psk_use_session_callback(tls->ssl, use_key);
    SSL_CTX_set_psk_find_session_callback(tls->ssl, find_key);
    return DL4C_OK;
}

/* ---- certificates ---- */

static int no_password(char *room, int size, int writing, void *user)
{
    (void)room, (void)size, (void)writing, (void)user;
    return -1; /* OpenSSL's own would ask at the terminal */
}

static const char *reason(char text[120])
{
    const unsigned long e = ERR_get_error();
    const char *known = e ? ERR_reason_error_string(e) : NULL;
    snprintf(text, 120, "%s", known ? known : "no reason was given");
    ERR_clear_error();
    return text;
}

static dl4c_status load_certificates(dl4c_context *ctx, struct dli_tls *tls, const char *cert, const char *key, const char *authority,
                                     struct dl4c_error *err)
{
    char *text = NULL, why[120];
    size_t n;
    DLI_TRY(dli_fs_load_private(ctx, key, SECRET_LIMIT, &text, &n, err));
    BIO *b = BIO_new_mem_buf(text, (int)n);
    EVP_PKEY *private = b ? PEM_read_bio_PrivateKey(b, NULL, no_password, NULL) : NULL;
    BIO_free(b);
    OPENSSL_cleanse(text, n);
    dli_free(text);
    SSL_CTX_set_default_passwd_cb(tls->ssl, no_password);
    const bool good = private && SSL_CTX_use_certificate_chain_file(tls->ssl, cert) == 1 && SSL_CTX_use_PrivateKey(tls->ssl, private) == 1
        && SSL_CTX_load_verify_file(tls->ssl, authority) == 1;
    EVP_PKEY_free(private);
    tls->named = true;
    if (!good)
        return dli_fail(err, DL4C_E_DENIED, "tcp", "cannot use certificate %.100s with key %.100s and authority %.100s: %s", cert, key,
                        authority, reason(why));
    return DL4C_OK;
}

/* ---- a group's ---- */

dl4c_status dli_tls_create(dl4c_context *ctx, struct dli_tls **out, struct dl4c_error *err)
{
    const char *key = getenv("DL4C_TCP_KEY_FILE"), *cert = getenv("DL4C_TCP_CERT_FILE"), *cert_key = getenv("DL4C_TCP_CERT_KEY_FILE"),
               *authority = getenv("DL4C_TCP_CA_FILE");
    *out = NULL;
    if (!key && !(cert && cert_key && authority))
        return dli_fail(err, DL4C_E_DENIED, "tcp",
                        "tcp wants a key: DL4C_TCP_KEY_FILE names a file of 64 hexadecimal digits, or DL4C_TCP_CERT_FILE, "
                        "DL4C_TCP_CERT_KEY_FILE and DL4C_TCP_CA_FILE name certificates; tcp+plain: goes without");
    struct dli_tls *tls = dli_calloc(ctx, 1, sizeof *tls, err);
    if (!tls)
        return dli_alloc_status();
    tls->ssl = SSL_CTX_new(TLS_method());
    tls->method = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "dl4c");
    dl4c_status status = DL4C_OK;
    if (!tls->ssl || !tls->method || !SSL_CTX_set_min_proto_version(tls->ssl, TLS1_3_VERSION)
        || !SSL_CTX_set_ciphersuites(tls->ssl, "TLS_AES_128_GCM_SHA256") || !SSL_CTX_set_num_tickets(tls->ssl, 0)
        || !BIO_meth_set_write(tls->method, bio_write) || !BIO_meth_set_read(tls->method, bio_read)
        || !BIO_meth_set_ctrl(tls->method, bio_ctrl))
        status = dli_fail(err, DL4C_E_NOMEM, "tcp", "OpenSSL has no memory or no TLS 1.3");
    if (status == DL4C_OK) {
        SSL_CTX_set_session_cache_mode(tls->ssl, SSL_SESS_CACHE_OFF);
        SSL_CTX_set_mode(tls->ssl, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
        SSL_CTX_set_verify(tls->ssl, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
        status = key ? load_key(ctx, tls, key, err) : load_certificates(ctx, tls, cert, cert_key, authority, err);
    }
    if (status != DL4C_OK) {
        dli_tls_free(tls);
        return status;
    }
    *out = tls;
    return DL4C_OK;
}

void dli_tls_free(struct dli_tls *tls)
{
    if (!tls)
        return;
    SSL_CTX_free(tls->ssl);
    BIO_meth_free(tls->method);
    OPENSSL_cleanse(tls->key, sizeof tls->key);
    dli_free(tls);
}

/* ---- links ---- */

static dl4c_status no_memory(struct dl4c_error *err)
{
    return dli_fail(err, DL4C_E_NOMEM, "tcp", "OpenSSL has no memory for a connection");
}

dl4c_status dli_tls_open(struct dli_tls *tls, struct dli_link *link, bool server, const char *host, struct dl4c_error *err)
{
    SSL *ssl = SSL_new(tls->ssl);
    BIO *b = BIO_new(tls->method);
    if (!ssl || !b) {
        SSL_free(ssl);
        BIO_free(b);
        return no_memory(err);
    }
    BIO_set_data(b, (void *)(intptr_t)link->fd);
    BIO_set_init(b, 1);
    SSL_set_bio(ssl, b, b);
    SSL_set_app_data(ssl, tls);
    if (server) {
        SSL_set_accept_state(ssl);
        /* Who proves its peers wants one; at the client it would not match that of the key's session. */
        SSL_set_session_id_context(ssl, identity, sizeof identity);
    } else {
        SSL_set_connect_state(ssl);
    }
    /* A key of the group has no name. */
    if (!server && host[0] && tls->named && !X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host) && !SSL_set1_host(ssl, host)) {
        SSL_free(ssl);
        ERR_clear_error();
        return no_memory(err);
    }
    ERR_clear_error(); /* of a host that is no address */
    link->session = ssl;
    return DL4C_OK;
}

/* What a call of OpenSSL that moved nothing means. own: what whoever made it waits for by himself, POLLIN or POLLOUT; 0: nothing. */
static ptrdiff_t outcome(struct dli_link *link, int result, short own, const char *during, int failed)
{
    const int e = SSL_get_error(link->session, result);
    char why[120];
    link->want = 0;
    if (e == SSL_ERROR_WANT_READ || e == SSL_ERROR_WANT_WRITE) {
        const short want = e == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT;
        link->want = want == own ? 0 : want;
        return LINK_AGAIN;
    }
    if (e == SSL_ERROR_SSL && ERR_GET_REASON(ERR_peek_error()) != SSL_R_UNEXPECTED_EOF_WHILE_READING) {
        const long verified = SSL_get_verify_result(link->session);
        link->denied = true;
        if (verified != X509_V_OK)
            snprintf(link->why, sizeof link->why, "%s: its certificate: %.80s", during, X509_verify_cert_error_string(verified));
        else
            snprintf(link->why, sizeof link->why, "%s: %.100s", during, reason(why));
    } else if (e == SSL_ERROR_SYSCALL && failed) {
        struct dl4c_error se = DL4C_ERROR_INIT;
        dli_fail_errno(&se, failed, "tcp", "the connection broke");
        snprintf(link->why, sizeof link->why, "%.150s", se.message);
    } else {
        snprintf(link->why, sizeof link->why, "the connection was closed");
    }
    ERR_clear_error();
    return LINK_BROKEN;
}

int dli_tls_shake(struct dli_link *link)
{
    ERR_clear_error();
    errno = 0;
    const int result = SSL_do_handshake(link->session);
    if (result != 1)
        return (int)outcome(link, result, 0, "it did not prove that it belongs to the group", errno);
    link->want = 0;
    return 1;
}

ptrdiff_t dli_tls_read(struct dli_link *link, void *room, size_t n)
{
    size_t got = 0;
    ERR_clear_error();
    errno = 0;
    const int result = SSL_read_ex(link->session, room, n, &got);
    return result == 1 ? (ptrdiff_t)got : outcome(link, result, POLLIN, "TLS refused what was read", errno);
}

ptrdiff_t dli_tls_write(struct dli_link *link, const void *bytes, size_t n)
{
    size_t sent = 0;
    ERR_clear_error();
    errno = 0;
    const int result = SSL_write_ex(link->session, bytes, n, &sent);
    return result == 1 ? (ptrdiff_t)sent : outcome(link, result, POLLOUT, "TLS refused what was written", errno);
}

void dli_tls_close(struct dli_link *link)
{
    SSL_free(link->session); /* and its BIO; frames say where a stream ends */
    link->session = NULL;
}
