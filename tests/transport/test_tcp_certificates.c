/* SPDX-License-Identifier: Apache-2.0 */
/* The transport tcp with certificates: both sides are proven, and whoever the user named is whom they reach. */
#define _GNU_SOURCE
#include "party.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static char dir[200];

/* An authority, or what one has signed. */
struct identity {
    char name[40];
    EVP_PKEY *key;
    X509 *cert;
};

static void add_extension(X509 *cert, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX c;
    X509V3_set_ctx(&c, issuer, cert, NULL, NULL, 0);
    X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, &c, nid, value);
    assert_non_null(e);
    assert_int_equal(X509_add_ext(cert, e, -1), 1);
    X509_EXTENSION_free(e);
}

/* DIR/NAME.pem and DIR/NAME.key. issuer NULL: an authority; names: of hosts, or NULL; days: how long it is good, negative: it was. */
static struct identity issue(const char *name, const struct identity *issuer, const char *names, int days)
{
    struct identity id = { .key = EVP_EC_gen("P-256"), .cert = X509_new() };
    char path[300];
    static long serial;
    assert_true(id.key && id.cert);
    snprintf(id.name, sizeof id.name, "%s", name);
    X509_set_version(id.cert, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(id.cert), ++serial);
    X509_gmtime_adj(X509_getm_notBefore(id.cert), -864000);
    X509_gmtime_adj(X509_getm_notAfter(id.cert), days * 86400L);
    X509_set_pubkey(id.cert, id.key);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(id.cert), "CN", MBSTRING_ASC, (const unsigned char *)name, -1, -1, 0);
    X509 *signer = issuer ? issuer->cert : id.cert;
    X509_set_issuer_name(id.cert, X509_get_subject_name(signer));
    add_extension(id.cert, signer, NID_basic_constraints, issuer ? "critical,CA:FALSE" : "critical,CA:TRUE");
    if (names)
        add_extension(id.cert, signer, NID_subject_alt_name, names);
    assert_true(X509_sign(id.cert, issuer ? issuer->key : id.key, EVP_sha256()) > 0);
    snprintf(path, sizeof path, "%s/%s.pem", dir, name);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_int_equal(PEM_write_X509(f, id.cert), 1);
    fclose(f);
    snprintf(path, sizeof path, "%s/%s.key", dir, name);
    const int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    f = fdopen(fd, "w");
    assert_int_equal(PEM_write_PrivateKey(f, id.key, NULL, NULL, 0, NULL, NULL), 1);
    fclose(f);
    return id;
}

static void forget(struct identity *id)
{
    char path[300];
    snprintf(path, sizeof path, "%s/%s.pem", dir, id->name);
    unlink(path);
    snprintf(path, sizeof path, "%s/%s.key", dir, id->name);
    unlink(path);
    EVP_PKEY_free(id->key);
    X509_free(id->cert);
}

static struct identity authority, other_authority, here, elsewhere, member, stranger, old;

/* The next group that this process joins takes these. */
static void be(const struct identity *who, const struct identity *trusts)
{
    char path[300];
    snprintf(path, sizeof path, "%s/%s.pem", dir, who->name);
    setenv("DL4C_TCP_CERT_FILE", path, 1);
    snprintf(path, sizeof path, "%s/%s.key", dir, who->name);
    setenv("DL4C_TCP_CERT_KEY_FILE", path, 1);
    snprintf(path, sizeof path, "%s/%s.pem", dir, trusts->name);
    setenv("DL4C_TCP_CA_FILE", path, 1);
}

static _Atomic int refusals;
static char refusal[300];
static void count_refusals(void *user, int32_t level, const char *origin, const char *message)
{
    (void)user, (void)level;
    if (strcmp(origin, "tcp") == 0 && strstr(message, "refused")) {
        snprintf(refusal, sizeof refusal, "%s", message);
        refusals++;
    }
}

struct fixture {
    dl4c_context *ctx;
    dl4c_group *driver;
    uint16_t port;
};

static struct fixture listen_as(const struct identity *who)
{
    struct dl4c_context_options co = DL4C_CONTEXT_OPTIONS_INIT;
    struct fixture f = { .port = free_port(0) };
    struct party p = { .size = 1 };
    co.log = count_refusals;
    assert_int_equal(dl4c_context_create(&co, &f.ctx, NULL), DL4C_OK);
    be(who, &authority);
    p.ctx = f.ctx;
    snprintf(p.url, sizeof p.url, "tcp://127.0.0.1:%u", (unsigned)f.port);
    party_enter(&p);
    if (p.status != DL4C_OK)
        fail_msg("%s", p.err.message);
    f.driver = p.group;
    refusals = 0;
    return f;
}

static void leave(struct fixture *f)
{
    dl4c_group_leave(&f->driver, 0);
    dl4c_context_destroy(&f->ctx);
}

/* It is taken in, and the two talk. */
static void comes_in(struct fixture *f, const char *host)
{
    struct dl4c_regroup_options o = DL4C_REGROUP_OPTIONS_INIT;
    struct party p = { .place = 1 };
    char got[6] = "";
    snprintf(p.url, sizeof p.url, "tcp://%s:%u", host, (unsigned)f->port);
    assert_int_equal(pthread_create(&p.thread, NULL, party_enter, &p), 0);
    const int waits = party_waits(f->driver);
    if (waits)
        assert_int_equal(dl4c_group_regroup(f->driver, &o, NULL), DL4C_OK);
    pthread_join(p.thread, NULL);
    if (!waits || p.status != DL4C_OK)
        fail_msg("%s", p.err.message);
    assert_int_equal(dl4c_group_send(p.group, 0, "hello", 6, 20000, NULL), DL4C_OK);
    assert_int_equal(dl4c_group_recv(f->driver, 1, got, 6, 20000, NULL), DL4C_OK);
    assert_string_equal(got, "hello");
    dl4c_group_leave(&p.group, 1000);
}

static void is_denied(struct fixture *f, const char *host, const char *because)
{
    struct dl4c_members m = DL4C_MEMBERS_INIT;
    struct party p = { .place = 1 };
    snprintf(p.url, sizeof p.url, "tcp://%s:%u", host, (unsigned)f->port);
    party_enter(&p);
    assert_int_equal(p.status, DL4C_E_DENIED);
    if (because && !strstr(p.err.message, because))
        fail_msg("\"%s\" is not in \"%s\"", because, p.err.message);
    assert_true(p.err.message[0]);
    for (int i = 0; i < 3000 && refusals == 0; i++) {
        usleep(5000);
        assert_int_equal(dl4c_group_members(f->driver, &m, NULL), DL4C_OK);
    }
    assert_true(refusals > 0 && m.waiting == 0);
    refusals = 0;
}

static void members_of_one_authority_meet(void **state)
{
    struct fixture f = listen_as(&here);
    (void)state;
    be(&member, &authority);
    comes_in(&f, "127.0.0.1");
    comes_in(&f, "localhost");
    comes_in(&f, ""); /* names nobody */
    leave(&f);
}

static void a_driver_with_another_name_is_refused(void **state)
{
    struct fixture f = listen_as(&elsewhere);
    (void)state;
    be(&member, &authority);
    is_denied(&f, "127.0.0.1", "IP address mismatch");
    is_denied(&f, "localhost", "hostname mismatch");
    comes_in(&f, "");
    leave(&f);
}

static void a_driver_of_another_authority_is_refused(void **state)
{
    struct fixture f = listen_as(&here);
    (void)state;
    be(&member, &other_authority);
    is_denied(&f, "127.0.0.1", "its certificate: self-signed");
    leave(&f);
}

static void a_member_of_another_authority_or_whose_time_is_over_is_refused(void **state)
{
    struct fixture f = listen_as(&here);
    (void)state;
    be(&stranger, &authority);
    is_denied(&f, "127.0.0.1", NULL);
    assert_non_null(strstr(refusal, "certificate"));
    be(&old, &authority);
    is_denied(&f, "127.0.0.1", NULL);
    assert_non_null(strstr(refusal, "expired"));
    be(&member, &authority);
    comes_in(&f, "127.0.0.1"); /* the others have disturbed nobody */
    leave(&f);
}

static void certificates_that_make_no_sense_are_refused_at_once(void **state)
{
    struct party p = { .place = 1 };
    char path[300];
    (void)state;
    snprintf(p.url, sizeof p.url, "tcp://127.0.0.1:9");
    be(&member, &authority);
    snprintf(path, sizeof path, "%s/%s.pem", dir, here.name); /* another's key */
    setenv("DL4C_TCP_CERT_FILE", path, 1);
    party_enter(&p);
    assert_int_equal(p.status, DL4C_E_DENIED);
    be(&member, &authority);
    setenv("DL4C_TCP_CA_FILE", "/nonexistent/ca.pem", 1);
    party_enter(&p);
    assert_int_equal(p.status, DL4C_E_DENIED);
    be(&member, &authority);
    snprintf(path, sizeof path, "%s/%s.key", dir, member.name);
    assert_int_equal(chmod(path, 0644), 0);
    party_enter(&p);
    assert_int_equal(p.status, DL4C_E_DENIED);
    assert_non_null(strstr(p.err.message, "0644"));
    assert_int_equal(chmod(path, 0600), 0);
    unsetenv("DL4C_TCP_CA_FILE"); /* two of three are none */
    party_enter(&p);
    assert_int_equal(p.status, DL4C_E_DENIED);
    assert_non_null(strstr(p.err.message, "DL4C_TCP_CA_FILE"));
}

int main(void)
{
    const char *tmp = getenv("TMPDIR");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(members_of_one_authority_meet),
        cmocka_unit_test(a_driver_with_another_name_is_refused),
        cmocka_unit_test(a_driver_of_another_authority_is_refused),
        cmocka_unit_test(a_member_of_another_authority_or_whose_time_is_over_is_refused),
        cmocka_unit_test(certificates_that_make_no_sense_are_refused_at_once),
    };
    unsetenv("DL4C_TCP_KEY_FILE");
    snprintf(dir, sizeof dir, "%s/dl4c-certificates-XXXXXX", tmp ? tmp : "/tmp");
    if (!mkdtemp(dir))
        return 1;
    authority = issue("authority", NULL, NULL, 10);
    other_authority = issue("other", NULL, NULL, 10);
    here = issue("here", &authority, "DNS:localhost,IP:127.0.0.1", 10);
    elsewhere = issue("elsewhere", &authority, "DNS:elsewhere.test,IP:192.0.2.1", 10);
    member = issue("member", &authority, NULL, 10);
    stranger = issue("stranger", &other_authority, NULL, 10);
    old = issue("old", &authority, NULL, -1);
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    struct identity *all[] = { &authority, &other_authority, &here, &elsewhere, &member, &stranger, &old };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        forget(all[i]);
    rmdir(dir);
    return failed;
}
