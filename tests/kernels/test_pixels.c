/* SPDX-License-Identifier: Apache-2.0 */
/* Pixel kernels: every table gives the bits of plain C, in buffers that end at a page nobody may touch. */
#include "base/alloc.h"
#include "kernels/kernels.h"
#include "kernels/pixels.h"
#include "support/guard.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

enum { MAX = 70, TAPS = 9 };

static uint32_t next(uint32_t *state) { return (*state = *state * 1664525u + 1013904223u) >> 8; }

static void fill(uint8_t *p, size_t n, uint32_t seed)
{
    for (size_t i = 0; i < n; i++)
        p[i] = (uint8_t)next(&seed);
}

struct axis {
    struct dli_axis a;
    int32_t first[MAX], last[MAX], weights[MAX * TAPS];
    int16_t pairs[2 * MAX];
};

/* n outputs over src inputs, windows that move to the right and end at the last input; weights as large as they come. */
static void make_axis(struct axis *x, int32_t src, int32_t n, uint32_t seed)
{
    x->a = (struct dli_axis){ n, TAPS, x->first, x->last, x->pairs, x->weights, NULL };
    memset(x->weights, 0, sizeof x->weights);
    for (int32_t i = 0; i < n; i++) {
        x->first[i] = (int32_t)((int64_t)i * src / n);
        x->pairs[2 * i] = (int16_t)(next(&seed) % 2049);
        x->pairs[2 * i + 1] = (int16_t)(2048 - x->pairs[2 * i]);
    }
}

static void two_taps(struct axis *x, int32_t src)
{
    for (int32_t i = 0; i < x->a.n; i++)
        x->last[i] = x->first[i] + 1 < src ? x->first[i] + 1 : src - 1;
}

static void many_taps(struct axis *x, int32_t src, uint32_t seed)
{
    for (int32_t i = 0; i < x->a.n; i++) {
        const int32_t room = src - x->first[i], taps = 1 + (int32_t)(next(&seed) % TAPS), n = taps < room ? taps : room;
        x->last[i] = x->first[i] + n - 1;
        for (int32_t k = 0; k < n; k++) /* they sum up to at most 1.1: pixels of 255 overshoot and are clipped */
            x->weights[i * TAPS + k] = (int32_t)(1.1 * (1 << DLI_PIXELS_BITS) / n) - (int32_t)(next(&seed) % 100000);
    }
}

/* A row of `src` pixels through the two taps of x, in memory that ends where the values end. */
static void check_two_taps(struct axis *x, const struct dli_kernels *c, const uint8_t *row, size_t src, int32_t channels)
{
    const size_t out = (size_t)(x->a.n * channels), size = dli_kernels()->pixels_plan2(&x->a, src, channels, NULL);
    const size_t whole = (size + DLI_ALIGN - 1) / DLI_ALIGN * DLI_ALIGN;
    int16_t *wide = guard_alloc(out * 2), want[3 * MAX];
    x->a.plan = guard_alloc(whole);
    assert_true(size > 0);
    assert_int_equal(dli_kernels()->pixels_plan2(&x->a, src, channels, x->a.plan), size);
    dli_kernels()->pixels_across2(&x->a, row, src, channels, wide);
    c->pixels_across2(&x->a, row, src, channels, want);
    assert_memory_equal(wide, want, out * 2);
    guard_free(x->a.plan, whole);
    guard_free(wide, out * 2);
}

static void across_a_row_is_as_in_plain_c(void **state)
{
    struct dli_kernels c;
    memset(&c, 0, sizeof c);
    dli_generic_init_pixels(&c);
    static struct axis x;
    for (int32_t channels = 1; channels <= 3; channels += 2)
        for (int32_t src = 1; src < MAX; src += 1 + src / 9)
            for (int32_t n = 1; n < MAX; n += 1 + n / 9) {
                const size_t in = (size_t)(src * channels), out = (size_t)(n * channels);
                uint8_t *row = guard_alloc(in);
                uint8_t *bytes = guard_alloc(out), want[3 * MAX];
                fill(row, in, (uint32_t)(src * 100 + n));
                make_axis(&x, src, n, (uint32_t)(src + n));
                two_taps(&x, src);
                check_two_taps(&x, &c, row, (size_t)src, channels);
                x.pairs[n / 2 * 2]++; /* rounding can do that */
                check_two_taps(&x, &c, row, (size_t)src, channels);
                many_taps(&x, src, (uint32_t)n);
                dli_kernels()->pixels_across(&x.a, row, (size_t)src, channels, bytes);
                c.pixels_across(&x.a, row, (size_t)src, channels, want);
                assert_memory_equal(bytes, want, out);
                guard_free(row, in);
                guard_free(bytes, out);
            }
}

/* Each weight of the two taps at the pixels that are hardest: black beside white, both ways round. */
static void two_taps_have_every_weight(void **state)
{
    struct dli_kernels c;
    memset(&c, 0, sizeof c);
    dli_generic_init_pixels(&c);
    static struct axis x;
    static const uint8_t levels[] = { 0, 255, 0, 1, 254, 255, 127, 128 };
    uint8_t *row = guard_alloc(MAX * 3);
    for (int i = 0; i < MAX * 3; i++)
        row[i] = levels[i / 3 % 8];
    make_axis(&x, MAX, MAX - 1, 1);
    for (int32_t from = 0; from <= 2048; from += x.a.n) {
        for (int32_t i = 0; i < x.a.n; i++) {
            x.first[i] = i;
            x.pairs[2 * i + 1] = (int16_t)(from + i < 2048 ? from + i : 2048);
            x.pairs[2 * i] = (int16_t)(2048 - x.pairs[2 * i + 1]);
        }
        two_taps(&x, MAX);
        for (int shift = 0; shift < 8; shift++) {
            memmove(row, row + 3, MAX * 3 - 3);
            memset(row + MAX * 3 - 3, levels[shift], 3);
            check_two_taps(&x, &c, row, MAX, 3);
        }
    }
    guard_free(row, MAX * 3);
}

static void down_the_rows_is_as_in_plain_c(void **state)
{
    struct dli_kernels c;
    memset(&c, 0, sizeof c);
    dli_generic_init_pixels(&c);
    for (size_t n = 1; n < 200; n += 1 + n / 40) {
        uint8_t *rows[TAPS], *got = guard_alloc(n), want[200];
        int32_t w[TAPS];
        uint32_t seed = (uint32_t)n;
        for (int32_t taps = 1; taps <= TAPS; taps += 2) {
            for (int32_t k = 0; k < taps; k++) {
                rows[k] = guard_alloc(n);
                fill(rows[k], n, seed + (uint32_t)k);
                w[k] = (int32_t)(1.1 * (1 << DLI_PIXELS_BITS) / taps) - (int32_t)(next(&seed) % 100000);
            }
            dli_kernels()->pixels_down((const uint8_t *const *)rows, w, taps, n, got);
            c.pixels_down((const uint8_t *const *)rows, w, taps, n, want);
            assert_memory_equal(got, want, n);
            for (int32_t k = 0; k < taps; k++)
                guard_free(rows[k], n);
        }
        int16_t *s0 = guard_alloc(2 * n), *s1 = guard_alloc(2 * n);
        for (size_t i = 0; i < n; i++) { /* up to what 255 gives */
            s0[i] = (int16_t)(next(&seed) % 32641);
            s1[i] = (int16_t)(next(&seed) % 32641);
        }
        for (int32_t w0 = 0; w0 <= 2048; w0 += 128) {
            dli_kernels()->pixels_down2(s0, s1, w0, 2048 - w0, got, n);
            c.pixels_down2(s0, s1, w0, 2048 - w0, want, n);
            assert_memory_equal(got, want, n);
        }
        guard_free(s0, 2 * n);
        guard_free(s1, 2 * n);
        guard_free(got, n);
    }
}

static void floats_have_the_bits_of_the_table(void **state)
{
    static const float divide[] = { 1, 255, 127.5f }, mean[] = { 0, 0.485f, 123.68f }, std[] = { 1, 0.229f, 58.395f };
    for (int32_t kind = 0; kind < 27; kind++)
        for (size_t n = 1; n < 40; n++)
            for (int32_t channels = 1; channels <= 3; channels += 2) {
                struct dli_pixel_floats f = { .channels = 3, .divide = divide[kind % 3] };
                for (int k = 0; k < 3; k++) {
                    f.from[k] = channels == 1 ? 0 : kind % 2 ? 2 - k : k;
                    f.mean[k] = mean[kind / 3 % 3] + (float)k;
                    f.std[k] = std[kind / 9];
                    for (int v = 0; v < 256; v++)
                        f.table[k][v] = ((float)v / f.divide - f.mean[k]) / f.std[k];
                }
                const size_t plane = n + 3, whole = 2 * plane + n;
                uint8_t *row = guard_alloc(n * (size_t)channels);
                float *out = guard_alloc(whole * sizeof *out);
                fill(row, n * (size_t)channels, (uint32_t)n);
                dli_kernels()->pixels_float(&f, row, n, channels, out, plane);
                for (int k = 0; k < 3; k++)
                    for (size_t i = 0; i < n; i++)
                        assert_memory_equal(&out[(size_t)k * plane + i], &f.table[k][row[i * (size_t)channels + (size_t)f.from[k]]],
                                            sizeof *out);
                guard_free(out, whole * sizeof *out);
                guard_free(row, n * (size_t)channels);
            }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(across_a_row_is_as_in_plain_c),
        cmocka_unit_test(two_taps_have_every_weight),
        cmocka_unit_test(down_the_rows_is_as_in_plain_c),
        cmocka_unit_test(floats_have_the_bits_of_the_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
