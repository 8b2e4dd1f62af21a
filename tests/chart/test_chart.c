/* SPDX-License-Identifier: Apache-2.0 */
/* Charts: ticks, gaps, long lines, text of any origin, running out of memory. */
#include "chart/svg.h"
#include "support/fail_alloc.h"
#include <dl4c/chart.h>

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static int occurrences(const char *text, const char *part)
{
    int n = 0;
    for (const char *at = text; (at = strstr(at, part)) != NULL; at++)
        n++;
    return n;
}

static char *draw(const struct dl4c_chart_options *o, const struct dl4c_chart_series *s, int32_t n)
{
    char *text = NULL;
    struct dl4c_error err = DL4C_ERROR_INIT;
    assert_int_equal(dl4c_chart_svg(NULL, o, s, n, &text, &err), DL4C_OK);
    assert_int_equal(strncmp(text, "<svg xmlns=", 11), 0);
    assert_string_equal(text + strlen(text) - 7, "</svg>\n");
    assert_null(strstr(text, "NaN"));
    assert_null(strstr(text, "nfinity"));
    return text;
}

static void ticks_are_round_and_cover_the_range(void **state)
{
    (void)state;
    static const struct {
        double lo, hi;
        int n;
        double first, step;
        int ticks;
    } cases[] = {
        { 0, 1, 5, 0, 0.2, 6 },
        { 0, 10, 5, 0, 2, 6 },
        { 0.13, 0.87, 4, 0, 0.2, 6 },
        { -3, 7, 5, -4, 2, 7 },
        { 1e-9, 3e-9, 4, 1e-9, 5e-10, 5 },
        { 1e200, 4e200, 3, 1e200, 1e200, 4 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        double first, step;
        const int ticks = dli_ticks(cases[i].lo, cases[i].hi, cases[i].n, &first, &step);
        assert_int_equal(ticks, cases[i].ticks);
        assert_true(fabs(first - cases[i].first) <= 1e-12 * cases[i].hi); /* multiples of a step that is rounded itself */
        assert_true(fabs(step - cases[i].step) <= 1e-12 * cases[i].hi);
    }
}

static void tick_labels_have_the_decimals_of_their_step(void **state)
{
    (void)state;
    char text[32];
    assert_string_equal(dli_tick_text(text, 0.30000000000000004, 0.1), "0.3");
    assert_string_equal(dli_tick_text(text, -1e-18, 0.1), "0.0");
    assert_string_equal(dli_tick_text(text, 2.0, 0.5), "2.0");
    assert_string_equal(dli_tick_text(text, 1500.0, 500.0), "1500");
    assert_string_equal(dli_tick_text(text, 0.00025, 0.00005), "0.00025");
    assert_string_equal(dli_tick_text(text, 2e9, 1e9), "2e+09");
}

static void a_gap_lifts_the_pen(void **state)
{
    (void)state;
    const double y[] = { 1, 2, NAN, 3, INFINITY, 5, 6 };
    const struct dl4c_chart_series s = { "score", NULL, y, 7, 0, 0 };
    char *text = draw(NULL, &s, 1);
    const char *path = strstr(text, " d=\"");
    assert_non_null(path);
    int moves = 0, lines = 0;
    for (path += 4; *path != '"'; path++) {
        moves += *path == 'M';
        lines += *path == 'L';
    }
    assert_int_equal(moves, 3); /* 1-2, 3 alone, 5-6 */
    assert_int_equal(lines, 3); /* the lonely point is a line of no length, which round caps make a dot */
    assert_int_equal(occurrences(text, "<circle"), 5);
    dl4c_free(text);
}

static void long_lines_do_not_make_long_files(void **state)
{
    (void)state;
    const int64_t n = 200000;
    double *y = malloc((size_t)n * sizeof *y);
    assert_non_null(y);
    for (int64_t i = 0; i < n; i++)
        y[i] = (double)(i * 7919 % 1000) / 1000.0;
    y[123456] = 5.0; /* the one spike must survive */
    const struct dl4c_chart_series s = { "score", NULL, y, n, 0, 0 };
    struct dl4c_chart_options o = DL4C_CHART_OPTIONS_INIT;
    o.panel_height = 100;
    char *text = draw(&o, &s, 1);
    assert_true(strlen(text) < 60000);
    const char *path = strstr(text, " d=\"");
    assert_non_null(path);
    assert_non_null(strstr(path, " 60.67L")); /* 5 on an axis of 0 to 6, 100 pixels down from 44 */
    dl4c_free(text);
    free(y);
}

static void odd_ranges_still_make_axes(void **state)
{
    (void)state;
    const double same[] = { 3, 3 }, zero[] = { 0 }, huge[] = { -1.7e308, 1.7e308 }, tiny[] = { 4e-320, 5e-320 },
                 close[] = { 1e15, 1e15 + 1 }, none[] = { NAN };
    const struct dl4c_chart_series s[] = {
        { "same", same, same, 2, 0, 0 }, { "zero", zero, zero, 1, 0, 0 },    { "huge", huge, huge, 2, 0, 0 },
        { "tiny", tiny, tiny, 2, 0, 0 }, { "close", close, close, 2, 0, 0 }, { "none", none, none, 1, 0, 0 },
    };
    for (int i = 0; i < 6; i++)
        dl4c_free(draw(NULL, &s[i], 1));
    dl4c_free(draw(NULL, s, 6));
    dl4c_free(draw(NULL, NULL, 0));
}

static void epochs_have_no_halves(void **state)
{
    (void)state;
    const double y[] = { 20, 10, 5 };
    const struct dl4c_chart_series s = { NULL, NULL, y, 3, 0, 0 };
    char *text = draw(NULL, &s, 1);
    assert_null(strstr(text, ">1.5</text>"));
    assert_non_null(strstr(text, ">2</text>"));
    dl4c_free(text);
}

static void text_cannot_break_out(void **state)
{
    (void)state;
    const double y[] = { 1, 2 };
    const struct dl4c_chart_series s = { "</svg><script>\x80", NULL, y, 2, 0, 0 };
    const char *const labels[] = { "a<b & \"c\"" };
    struct dl4c_chart_options o = DL4C_CHART_OPTIONS_INIT;
    o.title = "t'\x02";
    o.x_label = "x]]>";
    o.y_labels = labels;
    char *text = draw(&o, &s, 1);
    assert_int_equal(occurrences(text, "</svg>"), 1);
    assert_null(strstr(text, "<script"));
    assert_non_null(strstr(text, "t&#39;\xEF\xBF\xBD"));
    assert_non_null(strstr(text, "a&lt;b &amp; &quot;c&quot;"));
    assert_non_null(strstr(text, "x]]&gt;"));
    dl4c_free(text);
}

static void wrong_arguments_are_refused(void **state)
{
    (void)state;
    char *text = NULL;
    const double y[] = { 1 };
    const struct dl4c_chart_series wrong[] = {
        { "a", NULL, NULL, 1, 0, 0 },
        { "a", NULL, y, -1, 0, 0 },
        { "a", NULL, y, 1, 1, 0 },
        { "a", NULL, y, 1, -1, 0 },
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        text = (char *)&wrong;
        assert_int_equal(dl4c_chart_svg(NULL, NULL, &wrong[i], 1, &text, NULL), DL4C_E_INVALID);
        assert_null(text);
    }
    const struct dl4c_chart_series reserved = { "a", NULL, y, 1, 0, 1 };
    assert_int_equal(dl4c_chart_svg(NULL, NULL, &reserved, 1, &text, NULL), DL4C_E_VERSION);
    assert_int_equal(dl4c_chart_svg(NULL, NULL, NULL, 1, &text, NULL), DL4C_E_INVALID);
    assert_int_equal(dl4c_chart_svg(NULL, NULL, NULL, 0, NULL, NULL), DL4C_E_INVALID);
    struct dl4c_chart_options o = DL4C_CHART_OPTIONS_INIT;
    o.width = 20;
    assert_int_equal(dl4c_chart_svg(NULL, &o, NULL, 0, &text, NULL), DL4C_E_INVALID);
    o.width = 0;
    o.n_panels = 17;
    assert_int_equal(dl4c_chart_svg(NULL, &o, NULL, 0, &text, NULL), DL4C_E_INVALID);
    o.n_panels = 0;
    o.flags = 1;
    assert_int_equal(dl4c_chart_svg(NULL, &o, NULL, 0, &text, NULL), DL4C_E_VERSION);
}

static void long_names_end_in_an_ellipsis(void **state)
{
    (void)state;
    char buf[20];
    assert_string_equal(dli_svg_ellipsis(buf, sizeof buf, "short", 5), "short");
    assert_string_equal(dli_svg_ellipsis(buf, sizeof buf, "longer", 5), "long\xE2\x80\xA6");
    assert_string_equal(
        dli_svg_ellipsis(buf, sizeof buf, "\xF0\x9F\x98\x80\xF0\x9F\x98\x80\xF0\x9F\x98\x80\xF0\x9F\x98\x80\xF0\x9F\x98\x80", 5),
        "\xF0\x9F\x98\x80\xF0\x9F\x98\x80\xF0\x9F\x98\x80\xF0\x9F\x98\x80\xE2\x80\xA6");
    assert_string_equal(dli_svg_ellipsis(buf, sizeof buf, "", 5), "");
}

static dl4c_status draw_once(dl4c_context *ctx, void *arg, struct dl4c_error *err)
{
    (void)arg;
    const double y[] = { 1, 2, 3 };
    const struct dl4c_chart_series s = { "score", NULL, y, 3, 0, 0 };
    char *text = (char *)&s;
    const dl4c_status status = dl4c_chart_svg(ctx, NULL, &s, 1, &text, err);
    assert_true((status == DL4C_OK) == (text != NULL));
    dl4c_free(text);
    return status;
}

static void every_allocation_may_fail(void **state)
{
    (void)state;
    assert_true(fail_alloc_run(draw_once, NULL) > 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ticks_are_round_and_cover_the_range),
        cmocka_unit_test(tick_labels_have_the_decimals_of_their_step),
        cmocka_unit_test(a_gap_lifts_the_pen),
        cmocka_unit_test(long_lines_do_not_make_long_files),
        cmocka_unit_test(odd_ranges_still_make_axes),
        cmocka_unit_test(epochs_have_no_halves),
        cmocka_unit_test(text_cannot_break_out),
        cmocka_unit_test(wrong_arguments_are_refused),
        cmocka_unit_test(long_names_end_in_an_ellipsis),
        cmocka_unit_test(every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
