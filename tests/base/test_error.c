/* SPDX-License-Identifier: Apache-2.0 */
/* Filling the error struct, statuses, options of another age. */
#define _POSIX_C_SOURCE 200809L
#include "base/error.h"
#include "base/number.h"

#include <errno.h>
#include <netdb.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

static void a_failure_rewrites_the_struct_whole(void **state)
{
    (void)state;
    struct dl4c_error err;
    memset(&err, 0x55, sizeof err);
    assert_int_equal(dli_fail(&err, DL4C_E_INVALID, "conv2d", "stride is %d, wanted at least 1", 0), DL4C_E_INVALID);
    assert_int_equal(err.status, DL4C_E_INVALID);
    assert_int_equal(err.domain, DL4C_DOMAIN_NONE);
    assert_int_equal(err.code, 0);
    assert_string_equal(err.origin, "conv2d");
    assert_string_equal(err.message, "stride is 0, wanted at least 1");
    for (size_t i = strlen(err.message); i < sizeof err.message; i++)
        assert_int_equal(err.message[i], 0);
    assert_int_equal(dli_fail(NULL, DL4C_E_IO, "x", "y"), DL4C_E_IO);
}

static void long_messages_are_cut_at_a_whole_character(void **state)
{
    (void)state;
    struct dl4c_error err;
    char text[700];
    for (size_t lead = 0; lead < 4; lead++) { /* the cut falls on each byte of a character of four */
        memset(text, 'a', lead);
        for (size_t i = lead; i + 4 < sizeof text; i += 4)
            memcpy(text + i, "\xF0\x9F\x98\x80", 5);
        dli_fail(&err, DL4C_E_INVALID, "an origin that is longer than its field", "%s", text);
        const size_t n = strlen(err.message);
        assert_true(n >= sizeof err.message - 4 && n < sizeof err.message);
        assert_int_equal((n - lead) % 4, 0);
        assert_int_equal(strlen(err.origin), sizeof err.origin - 1);
    }
    memset(text, 'b', 600);
    text[600] = '\0';
    dli_fail(&err, DL4C_E_INVALID, "x", "%s", text);
    assert_int_equal(strlen(err.message), sizeof err.message - 1); /* nothing to cut off among plain letters */
}

/* Bindings decode messages as UTF-8, and people read them on terminals. */
static void names_of_any_bytes_leave_one_line_of_utf8(void **state)
{
    (void)state;
    struct dl4c_error err;
    dli_fail(&err, DL4C_E_IO, "fs", "cannot open %s", "a\nb\x1b[2J\x7f\xff\xc3.jpg");
    assert_string_equal(err.message, "cannot open a?b?[2J???.jpg");
    dli_fail(&err, DL4C_E_IO, "fs", "%.3s|%s", "\xc3\xa4\xc3\xa4", "\xef\xbf\xbd\xc2\x9b\xe2\x82\xac");
    assert_string_equal(err.message, "\xc3\xa4?|\xef\xbf\xbd??\xe2\x82\xac"); /* half of a letter goes, a replacement character stays */
    dli_fail_errno(&err, ENOENT, "fs", "cannot open %s", "\xe4");
    assert_string_equal(err.message, "cannot open ?: No such file or directory");
    dli_fail_prefix(&err, DL4C_E_NOTFOUND, "%s", "\t\x80");
    assert_string_equal(err.message, "??: cannot open ?: No such file or directory");
}

static void errno_becomes_status_code_and_words(void **state)
{
    (void)state;
    static const struct {
        int errnum;
        dl4c_status status;
    } cases[] = {
        { ENOENT, DL4C_E_NOTFOUND }, { ENOTDIR, DL4C_E_NOTFOUND }, { EACCES, DL4C_E_DENIED }, { EROFS, DL4C_E_DENIED },
        { ENOMEM, DL4C_E_NOMEM },    { EEXIST, DL4C_E_EXISTS },    { ENOSPC, DL4C_E_FULL },   { EDQUOT, DL4C_E_FULL },
        { EFBIG, DL4C_E_IO },        { EIO, DL4C_E_IO },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct dl4c_error err;
        assert_int_equal(dli_fail_errno(&err, cases[i].errnum, "fs", "opening 'x'"), cases[i].status);
        assert_int_equal(err.domain, DL4C_DOMAIN_ERRNO);
        assert_int_equal(err.code, cases[i].errnum);
        assert_int_equal(strncmp(err.message, "opening 'x': ", 13), 0);
        assert_true(strlen(err.message) > 13);
    }
}

/* gai_strerror would answer in the host's language. */
static void addresses_fail_in_words_of_their_own(void **state)
{
    (void)state;
    assert_string_equal(dli_address_words(EAI_NONAME), "nobody knows the name");
    assert_string_equal(dli_address_words(EAI_AGAIN), "the name service does not answer just now");
    assert_string_equal(dli_address_words(12345), "it cannot be looked up");
}

static void a_prefix_goes_before_the_deeper_message(void **state)
{
    (void)state;
    struct dl4c_error err;
    dli_fail_errno(&err, ENOSPC, "fs", "writing");
    char deeper[sizeof err.message];
    memcpy(deeper, err.message, sizeof deeper);
    assert_int_equal(dli_fail_prefix(&err, DL4C_E_IO, "%s", "model.zip"), DL4C_E_IO);
    assert_int_equal(strncmp(err.message, "model.zip: writing: ", 20), 0);
    assert_string_equal(err.message + 11, deeper);
    assert_int_equal(err.code, ENOSPC);
    assert_string_equal(err.origin, "fs");
    for (int i = 0; i < 100; i++) /* grows until it fills the field, and no further */
        dli_fail_prefix(&err, DL4C_E_IO, "model.zip");
    assert_int_equal(strlen(err.message), sizeof err.message - 1);
}

static dl4c_status fails(struct dl4c_error *err) { return dli_fail(err, DL4C_E_CORRUPT, "deep", "the deeper message"); }
static dl4c_status tries(struct dl4c_error *err)
{
    DLI_TRY(fails(err));
    return dli_fail(err, DL4C_E_INTERNAL, "outer", "not reached");
}

static void trying_passes_the_deeper_failure_up(void **state)
{
    (void)state;
    struct dl4c_error err;
    assert_int_equal(tries(&err), DL4C_E_CORRUPT);
    assert_string_equal(err.message, "the deeper message");
}

static void statuses_have_names(void **state)
{
    (void)state;
    assert_string_equal(dl4c_status_name(DL4C_OK), "DL4C_OK");
    assert_string_equal(dl4c_status_name(DL4C_E_IO), "DL4C_E_IO");
    assert_string_equal(dl4c_status_name(DL4C_E_FULL), "DL4C_E_FULL");
    assert_string_equal(dl4c_status_name(DL4C_E_FULL + 1), "DL4C_E_?");
    assert_string_equal(dl4c_status_name(-1), "DL4C_E_?");
}

struct young { /* as the library knows it */
    size_t struct_size;
    int32_t a, b;
    int64_t c;
};
struct old { /* as an old caller knew it */
    size_t struct_size;
    int32_t a, b;
};
struct newer { /* as a caller of the future knows it */
    size_t struct_size;
    int32_t a, b;
    int64_t c, d;
};

static void options_of_every_age_are_read(void **state)
{
    (void)state;
    struct dl4c_error err;
    struct young o;
    memset(&o, 0x55, sizeof o);
    assert_int_equal(dli_struct_in(&o, sizeof o, NULL, "x", &err), DL4C_OK);
    assert_true(o.struct_size == sizeof o && o.a == 0 && o.b == 0 && o.c == 0);

    memset(&o, 0x55, sizeof o);
    const struct old before = { sizeof before, 1, 2 };
    assert_int_equal(dli_struct_in(&o, sizeof o, &before, "x", &err), DL4C_OK);
    assert_true(o.struct_size == sizeof o && o.a == 1 && o.b == 2 && o.c == 0);

    struct newer after = { sizeof after, 1, 2, 3, 0 };
    assert_int_equal(dli_struct_in(&o, sizeof o, &after, "x", &err), DL4C_OK);
    assert_int_equal(o.c, 3);
    after.d = 1;
    assert_int_equal(dli_struct_in(&o, sizeof o, &after, "x", &err), DL4C_E_VERSION);

    const struct young forgotten = { 0, 1, 2, 3 };
    assert_int_equal(dli_struct_in(&o, sizeof o, &forgotten, "x", &err), DL4C_E_INVALID);
}

static void structs_of_every_age_are_filled(void **state)
{
    (void)state;
    struct dl4c_error err;
    const struct young ours = { sizeof ours, 1, 2, 3 };
    struct {
        struct old s;
        int64_t guard;
    } old = { { sizeof old.s, 0, 0 }, 77 };
    assert_int_equal(dli_struct_out(&old.s, &ours, sizeof ours, "x", &err), DL4C_OK);
    assert_true(old.s.struct_size == sizeof old.s && old.s.a == 1 && old.s.b == 2 && old.guard == 77);
    struct newer newer;
    memset(&newer, 0x55, sizeof newer);
    newer.struct_size = sizeof newer;
    assert_int_equal(dli_struct_out(&newer, &ours, sizeof ours, "x", &err), DL4C_OK);
    assert_true(newer.struct_size == sizeof newer && newer.c == 3 && newer.d == 0);
    newer.struct_size = 0;
    assert_int_equal(dli_struct_out(&newer, &ours, sizeof ours, "x", &err), DL4C_E_INVALID);
    assert_int_equal(dli_struct_out(NULL, &ours, sizeof ours, "x", &err), DL4C_E_INVALID);
}

static void sizes_nobody_wrote_are_refused_before_anything_is_touched(void **state)
{
    (void)state;
    struct dl4c_error err;
    const struct young ours = { sizeof ours, 1, 2, 3 };
    const size_t wrong[] = { 0, 1, 7, 65537, SIZE_MAX, (size_t)0xa5a5a5a5a5a5a5a5 };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct young o, s = ours;
        s.struct_size = wrong[i];
        assert_int_equal(dli_struct_in(&o, sizeof o, &s, "x", &err), DL4C_E_INVALID);
        assert_int_equal(dli_struct_out(&s, &ours, sizeof ours, "x", &err), DL4C_E_INVALID);
        assert_true(s.a == 1 && s.b == 2 && s.c == 3);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_failure_rewrites_the_struct_whole), cmocka_unit_test(long_messages_are_cut_at_a_whole_character),
        cmocka_unit_test(names_of_any_bytes_leave_one_line_of_utf8),
        cmocka_unit_test(errno_becomes_status_code_and_words), cmocka_unit_test(a_prefix_goes_before_the_deeper_message),
        cmocka_unit_test(addresses_fail_in_words_of_their_own),
        cmocka_unit_test(trying_passes_the_deeper_failure_up), cmocka_unit_test(statuses_have_names),
        cmocka_unit_test(options_of_every_age_are_read),       cmocka_unit_test(structs_of_every_age_are_filled),
        cmocka_unit_test(sizes_nobody_wrote_are_refused_before_anything_is_touched),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
