/* SPDX-License-Identifier: Apache-2.0 */
/* Frames of the transport tcp: what is written is read, and whatever is cut, flipped, repeated or out of order is refused. */
#include "transport/frame.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

enum { N = 300 };

static size_t write_frame(uint8_t *out, uint64_t sequence, size_t n)
{
    struct dli_frame f = { .kind = DLI_FRAME_MESSAGE, .generation = 7, .sequence = sequence, .total = n, .length = (uint32_t)n };
    for (size_t i = 0; i < n; i++)
        out[DLI_FRAME_HEADER + i] = (uint8_t)(i * 7 + sequence);
    f.crc = dli_crc32c(0, out + DLI_FRAME_HEADER, n);
    dli_frame_write(&f, out);
    return DLI_FRAME_HEADER + n;
}

/* Gives the bytes `step` at a time; counts whole frames. */
static dl4c_status feed(struct dli_inbox *in, const uint8_t *bytes, size_t n, size_t step, int *frames)
{
    while (n > 0) {
        size_t want;
        void *room = dli_inbox_room(in, &want);
        want = want < step ? want : step;
        want = want < n ? want : n;
        memcpy(room, bytes, want);
        bytes += want;
        n -= want;
        DLI_TRY(dli_inbox_got(in, want, NULL));
        if (in->headed && !in->placed)
            DLI_TRY(dli_inbox_alloc(in, NULL, NULL));
        if (in->complete) {
            ++*frames;
            dli_inbox_next(in);
        }
    }
    return DL4C_OK;
}

static void the_checksum_is_castagnolis(void **state)
{
    uint8_t b[32];
    (void)state;
    assert_int_equal(dli_crc32c(0, "123456789", 9), 0xe3069283); /* the check value of CRC-32C in the catalogue of CRCs */
    memset(b, 0, sizeof b);
    assert_int_equal(dli_crc32c(0, b, sizeof b), 0x8a9136aa); /* RFC 3720, B.4 */
    assert_int_equal(dli_crc32c(dli_crc32c(0, "1234", 4), "56789", 5), 0xe3069283);
}

/* The definition, a bit at a time. */
static uint32_t slowly(const uint8_t *p, size_t n)
{
    uint32_t crc = ~UINT32_C(0);
    while (n-- > 0) {
        crc ^= *p++;
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? UINT32_C(0x82f63b78) : 0);
    }
    return ~crc;
}

static void so_is_that_of_many_bytes(void **state)
{
    static const size_t lengths[] = { 0, 1, 7, 8, 255, 256, 511, 512, 513, 767, 768, 771, 4096, 12287, 12288,
                                      12289, 12288 * 3 + 4101, 300007 };
    uint8_t *b = malloc(300007 + 8);
    (void)state;
    assert_non_null(b);
    for (size_t i = 0; i < 300007 + 8; i++)
        b[i] = (uint8_t)(i * i >> 5 ^ i * 37);
    for (size_t l = 0; l < sizeof lengths / sizeof *lengths; l++)
        for (size_t at = 0; at < 3; at++)
            assert_int_equal(dli_crc32c(0, b + at, lengths[l]), slowly(b + at, lengths[l]));
    assert_int_equal(dli_crc32c(dli_crc32c(0, b, 20000), b + 20000, 100000), slowly(b, 120000));
    free(b);
}

static void frames_arrive_in_pieces_of_any_size(void **state)
{
    uint8_t bytes[3 * (DLI_FRAME_HEADER + N)];
    (void)state;
    for (size_t step = 1; step < 400; step += step < 60 ? 1 : 37) {
        struct dli_inbox in = { .limit = N };
        int frames = 0;
        size_t n = write_frame(bytes, 0, N);
        n += write_frame(bytes + n, 1, 0);
        n += write_frame(bytes + n, 2, 1);
        assert_int_equal(feed(&in, bytes, n, step, &frames), DL4C_OK);
        assert_int_equal(frames, 3);
        assert_int_equal(in.have, 0);
    }
}

static void a_frame_that_is_cut_is_not_complete(void **state)
{
    uint8_t bytes[DLI_FRAME_HEADER + N];
    (void)state;
    const size_t n = write_frame(bytes, 0, N);
    for (size_t cut = 0; cut < n; cut++) {
        struct dli_inbox in = { .limit = N };
        int frames = 0;
        assert_int_equal(feed(&in, bytes, cut, n, &frames), DL4C_OK);
        assert_int_equal(frames, 0);
        dli_inbox_next(&in);
    }
}

static void every_flipped_bit_is_seen(void **state)
{
    uint8_t bytes[DLI_FRAME_HEADER + N];
    (void)state;
    const size_t n = write_frame(bytes, 0, N);
    for (size_t bit = 0; bit < n * 8; bit++) {
        struct dli_inbox in = { .limit = N };
        int frames = 0;
        bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
        const dl4c_status status = feed(&in, bytes, n, n, &frames);
        bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
        assert_int_equal(status, bit / 8 == 4 || bit / 8 == 5 ? DL4C_E_VERSION : DL4C_E_CORRUPT);
        assert_int_equal(frames, 0);
        dli_inbox_next(&in);
    }
}

static void what_is_repeated_or_out_of_order_is_refused(void **state)
{
    uint8_t bytes[2 * (DLI_FRAME_HEADER + N)];
    (void)state;
    for (int first = 0; first < 2; first++) {
        struct dli_inbox in = { .limit = N };
        int frames = 0;
        size_t n = write_frame(bytes, (uint64_t)first, N);
        n += write_frame(bytes + n, 0, N);
        assert_int_equal(feed(&in, bytes, n, n, &frames), DL4C_E_CORRUPT);
        assert_int_equal(frames, 1 - first);
        dli_inbox_next(&in);
    }
}

static void a_length_past_the_limit_is_refused_before_room_is_made(void **state)
{
    uint8_t header[DLI_FRAME_HEADER];
    struct dli_frame f = { .kind = DLI_FRAME_MESSAGE, .total = UINT64_MAX, .length = UINT32_MAX }, got;
    struct dl4c_error err = DL4C_ERROR_INIT;
    (void)state;
    dli_frame_write(&f, header);
    assert_int_equal(dli_frame_read(header, DLI_FRAME_DATA, &got, &err), DL4C_E_LIMIT);
    assert_non_null(strstr(err.message, "4294967295"));
    f.length = DLI_FRAME_DATA + 1;
    dli_frame_write(&f, header);
    assert_int_equal(dli_frame_read(header, DLI_FRAME_DATA, &got, &err), DL4C_E_LIMIT);
    f.length = DLI_FRAME_DATA;
    dli_frame_write(&f, header);
    assert_int_equal(dli_frame_read(header, DLI_FRAME_DATA, &got, &err), DL4C_OK);
    f.total = DLI_FRAME_DATA - 1;
    dli_frame_write(&f, header);
    assert_int_equal(dli_frame_read(header, DLI_FRAME_DATA, &got, &err), DL4C_E_CORRUPT);
    f.kind = DLI_FRAME_KINDS;
    dli_frame_write(&f, header);
    assert_int_equal(dli_frame_read(header, DLI_FRAME_DATA, &got, &err), DL4C_E_CORRUPT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_checksum_is_castagnolis),
        cmocka_unit_test(so_is_that_of_many_bytes),
        cmocka_unit_test(frames_arrive_in_pieces_of_any_size),
        cmocka_unit_test(a_frame_that_is_cut_is_not_complete),
        cmocka_unit_test(every_flipped_bit_is_seen),
        cmocka_unit_test(what_is_repeated_or_out_of_order_is_refused),
        cmocka_unit_test(a_length_past_the_limit_is_refused_before_room_is_made),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
