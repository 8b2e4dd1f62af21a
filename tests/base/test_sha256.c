/* SPDX-License-Identifier: Apache-2.0 */
/* SHA-256 against the standard's examples, in pieces, and one way of computing it against the other. */
#include "base/sha256.h"

#include "base/cpu.h"
#include "base/sha256_block.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

/* The examples NIST publishes for FIPS 180-4: no byte, one block, two blocks by the padding, and a million times 'a'. */
static void the_standards_examples(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t times;
        const char *hex;
    } cases[] = {
        { "", 1, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" },
        { "abc", 1, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" },
        { "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 1,
          "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1" },
        { "aaaaaaaaaa", 100000, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct dli_sha256 s;
        char hex[65];
        dli_sha256_init(&s);
        for (size_t k = 0; k < cases[i].times; k++)
            dli_sha256_add(&s, cases[i].text, strlen(cases[i].text));
        dli_sha256_hex(&s, hex);
        assert_string_equal(hex, cases[i].hex);
    }
}

static void pieces_do_not_matter(void **state)
{
    (void)state;
    uint8_t bytes[300];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)(i * 131 + 7);
    for (size_t n = 0; n <= sizeof bytes; n += 13) {
        char whole[65], parts[65];
        struct dli_sha256 s;
        dli_sha256_init(&s);
        dli_sha256_add(&s, bytes, n);
        dli_sha256_hex(&s, whole);
        for (size_t cut = 0; cut <= n; cut += 3) {
            dli_sha256_init(&s);
            dli_sha256_add(&s, bytes, cut);
            dli_sha256_add(&s, bytes + cut, n - cut);
            dli_sha256_hex(&s, parts);
            assert_string_equal(parts, whole);
        }
    }
}

static void instructions_and_plain_c_agree(void **state)
{
    (void)state;
    if (!(dli_cpu_flags() & DLI_CPU_SHA)) {
        print_message("skipped: this CPU has no SHA instructions, or DL4C_CPU_MASK=generic\n");
        skip();
    }
    uint8_t bytes[64 * 9 + 1];
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)(i * i * 29 + i);
    for (size_t n = 0; n <= 9; n++) {
        uint32_t a[8] = { 1, 2, 0x80000000u, 4, 0xffffffffu, 6, 7, 8 }, b[8];
        memcpy(b, a, sizeof b);
        dli_sha256_blocks_c(a, bytes + 1, n);
        dli_sha256_blocks_x86(b, bytes + 1, n);
        assert_memory_equal(a, b, sizeof a);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_standards_examples),
        cmocka_unit_test(pieces_do_not_matter),
        cmocka_unit_test(instructions_and_plain_c_agree),
    };
    return cmocka_run_group_tests_name("sha256", tests, NULL, NULL);
}
