/* SPDX-License-Identifier: Apache-2.0 */
/* Pooling in both layouts against the definition, and its gradients. */
#include "kernels/pool.h"

#include "kernels/check.h"

/* n c h w, kernel, stride, dilation, pad, pad at the end (each h w); the output's size follows by rounding down. */
static const int64_t cases[][14] = {
    { 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0 },    { 2, 3, 8, 8, 2, 2, 2, 2, 1, 1, 0, 0, 0, 0 },
    { 1, 5, 7, 9, 3, 3, 2, 2, 1, 1, 0, 0, 0, 0 },    { 1, 17, 9, 40, 3, 3, 1, 1, 1, 1, 1, 1, 1, 1 },
    { 2, 9, 6, 37, 3, 3, 2, 2, 1, 1, 1, 1, 1, 1 },   { 1, 8, 11, 13, 5, 3, 3, 1, 1, 1, 2, 1, 2, 1 },
    { 1, 4, 10, 35, 2, 3, 1, 2, 2, 2, 1, 2, 1, 2 },  { 1, 16, 4, 4, 4, 4, 4, 4, 1, 1, 0, 0, 0, 0 },
    { 3, 33, 5, 70, 2, 2, 2, 2, 1, 1, 0, 0, 1, 1 },  { 1, 2, 3, 3, 2, 2, 3, 3, 1, 1, 1, 1, 3, 3 },
    { 1, 3, 2, 33, 3, 3, 1, 1, 3, 3, 4, 4, 4, 4 },   { 1, 1, 6, 200, 1, 7, 1, 2, 1, 1, 0, 3, 0, 2 },
    { 1, 64, 56, 56, 2, 2, 2, 2, 1, 1, 0, 0, 0, 0 },
};

static struct dli_pooling pooling(size_t i, int32_t kind, bool include_pad)
{
    const int64_t *v = cases[i];
    struct dli_pooling p = {
        kind, include_pad, v[0], v[1], v[2], v[3], 0, 0, v[4], v[5], v[6], v[7], v[8], v[9], v[10], v[11], v[12], v[13]
    };
    p.oh = (p.h + p.pad_h + p.pad_h_end - (p.kernel_h - 1) * p.dilation_h - 1) / p.stride_h + 1;
    p.ow = (p.w + p.pad_w + p.pad_w_end - (p.kernel_w - 1) * p.dilation_w - 1) / p.stride_w + 1;
    if (i == 2) /* as with ceil_mode: the last window hangs over the padded image */
        p.ow++;
    return p;
}

/* The definition: every cell of every window is looked at, in or out of the image. dx may be NULL. */
static double one(const struct dli_pooling *p, const float *x, int64_t i, int64_t j, double dy, double *dx)
{
    double sum = 0, best = 0;
    int64_t cells = 0, padded = 0, best_at = -1;
    for (int pass = 0; pass < 2; pass++)
        for (int64_t a = 0; a < p->kernel_h; a++)
            for (int64_t b = 0; b < p->kernel_w; b++) {
                const int64_t r = i * p->stride_h - p->pad_h + a * p->dilation_h, c = j * p->stride_w - p->pad_w + b * p->dilation_w;
                const bool inside = r >= 0 && r < p->h && c >= 0 && c < p->w;
                if (pass == 0) {
                    padded += r < p->h + p->pad_h_end && c < p->w + p->pad_w_end;
                    cells += inside;
                    if (inside)
                        sum += x[r * p->w + c];
                    if (inside && (best_at < 0 || x[r * p->w + c] > best)) {
                        best = x[r * p->w + c];
                        best_at = r * p->w + c;
                    }
                } else if (inside && dx && p->kind == DLI_POOL_AVERAGE) {
                    dx[r * p->w + c] += dy / (double)(p->include_pad ? padded : cells);
                }
            }
    if (best_at >= 0 && dx && p->kind == DLI_POOL_MAX)
        dx[best_at] += dy;
    return cells == 0 ? 0 : p->kind == DLI_POOL_MAX ? best : sum / (double)(p->include_pad ? padded : cells);
}

static void windows_follow_the_definition_in_both_layouts(void **state)
{
    (void)state;
    dl4c_context *ctx = context_of(3);
    for (size_t t = 0; t < COUNT(cases); t++)
        for (int kind = 0; kind < 3; kind++) {
            const struct dli_pooling p = pooling(t, kind == 0 ? DLI_POOL_MAX : DLI_POOL_AVERAGE, kind == 2);
            const int64_t in = p.h * p.w, out = p.oh * p.ow, planes = p.n * p.c;
            const int64_t bin = p.n * dli_blocked_size(p.c, in), bout = p.n * dli_blocked_size(p.c, out);
            float *x = random_floats(planes * in, t), *y = floats(planes * out), *bx = floats(bin), *by = floats(bout),
                  *back = floats(planes * out);
            float *again = floats(planes * out);
            dli_pool_run(ctx, 3, &p, DLI_PLAIN, x, y);
            dli_layout_to_blocked(ctx, 3, bx, x, p.n, p.c, in);
            dli_pool_run(ctx, 3, &p, DLI_BLOCKED, bx, by);
            dli_layout_to_plain(ctx, 3, back, by, p.n, p.c, out);
            for (int64_t i = 0; i < planes * out; i++) {
                const double want = one(&p, x + i / out * in, i % out / p.ow, i % p.ow, 0, NULL);
                /* at most 16 terms below 2, each rounded to 2^-24 of a sum below 32 */
                const double bound = p.kind == DLI_POOL_MAX ? 0 : 16 * ldexp(32, -24);
                if (!(fabs(y[i] - want) <= bound && fabs(back[i] - want) <= bound))
                    fail_msg("case %d kind %d: output %d is %.9g and %.9g, not %.9g", (int)t, kind, (int)i, (double)y[i], (double)back[i],
                             want);
            }
            dli_pool_run(ctx, 1, &p, DLI_PLAIN, x, again);
            assert_true(same_bits(again, y, planes * out));
            floats_free(x, planes * in);
            floats_free(y, planes * out);
            floats_free(bx, bin);
            floats_free(by, bout);
            floats_free(back, planes * out);
            floats_free(again, planes * out);
        }
    dl4c_context_destroy(&ctx);
}

static void gradients_follow_the_definition(void **state)
{
    (void)state;
    for (size_t t = 0; t < COUNT(cases); t++)
        for (int kind = 0; kind < 3; kind++) {
            const struct dli_pooling p = pooling(t, kind == 0 ? DLI_POOL_MAX : DLI_POOL_AVERAGE, kind == 2);
            const int64_t in = p.h * p.w, out = p.oh * p.ow, planes = p.n * p.c;
            float *x = random_floats(planes * in, t), *dy = random_floats(planes * out, 9), *dx = floats(planes * in);
            for (int64_t i = 0; i < planes * in; i++)
                x[i] = rintf(4 * x[i]); /* many ties: the first one counts */
            double *want = test_calloc((size_t)in, sizeof *want);
            dli_pool_backward(NULL, 0, &p, p.kind == DLI_POOL_MAX ? x : NULL, dy, dx);
            for (int64_t c = 0; c < planes; c++) {
                memset(want, 0, (size_t)in * sizeof *want);
                for (int64_t o = 0; o < out; o++)
                    one(&p, x + c * in, o / p.ow, o % p.ow, dy[c * out + o], want);
                for (int64_t i = 0; i < in; i++) /* at most 49 windows meet in a cell */
                    assert_true(fabs(dx[c * in + i] - want[i]) <= 49 * ldexp(64, -24));
            }
            test_free(want);
            floats_free(x, planes * in);
            floats_free(dy, planes * out);
            floats_free(dx, planes * in);
        }
}

static void not_a_number_reaches_every_window_that_sees_it(void **state)
{
    (void)state;
    for (int32_t kind = 0; kind < 2; kind++)
        for (int64_t at = 0; at < 6 * 40; at++) {
            const struct dli_pooling p = { kind, false, 1, 1, 6, 40, 5, 39, 2, 2, 1, 1, 1, 1, 0, 0, 0, 0 };
            float x[6 * 40], y[5 * 39], b[6 * 40 * 16], by[5 * 39 * 16], back[5 * 39];
            for (int i = 0; i < 6 * 40; i++)
                x[i] = (float)(i % 7) - 3;
            x[at] = NAN;
            dli_pool_run(NULL, 1, &p, DLI_PLAIN, x, y);
            dli_layout_to_blocked(NULL, 1, b, x, 1, 1, 6 * 40);
            dli_pool_run(NULL, 1, &p, DLI_BLOCKED, b, by);
            dli_layout_to_plain(NULL, 1, back, by, 1, 1, 5 * 39);
            for (int64_t i = 0; i < 5 * 39; i++) {
                const int64_t r = at / 40 - i / 39, c = at % 40 - i % 39;
                const bool sees = (r == 0 || r == 1) && (c == 0 || c == 1);
                assert_true(isnan(y[i]) == sees && isnan(back[i]) == sees);
            }
        }
}

static void a_global_pool_sees_the_whole_channel(void **state)
{
    (void)state;
    static const int64_t channels[] = { 1, 8, 17, 40 };
    for (size_t s = 0; s < COUNT(channels); s++)
        for (int64_t hw = 1; hw <= 70; hw++)
            for (int32_t kind = 0; kind < 2; kind++) {
                const int64_t n = 2, c = channels[s], blocked = n * dli_blocked_size(c, hw);
                float *x = random_floats(n * c * hw, 1), *b = floats(blocked), *y = floats(n * c), *by = floats(n * c),
                      *dx = floats(n * c * hw);
                dli_layout_to_blocked(NULL, 0, b, x, n, c, hw);
                dli_pool_global(NULL, 0, kind, DLI_PLAIN, n, c, hw, x, y);
                dli_pool_global(NULL, 0, kind, DLI_BLOCKED, n, c, hw, b, by);
                dli_pool_global_backward(NULL, 0, kind, n, c, hw, x, y, dx);
                for (int64_t i = 0; i < n * c; i++) {
                    double sum = 0, best = x[i * hw];
                    for (int64_t p = 0; p < hw; p++) {
                        sum += x[i * hw + p];
                        best = fmax(best, x[i * hw + p]);
                    }
                    const double want = kind == DLI_POOL_MAX ? best : sum / (double)hw;
                    assert_true(fabs(y[i] - want) <= (kind == DLI_POOL_MAX ? 0 : 70 * ldexp(2, -24)));
                    assert_true(fabs(by[i] - want) <= (kind == DLI_POOL_MAX ? 0 : 70 * ldexp(2, -24)));
                    for (int64_t p = 0; p < hw; p++)
                        assert_true(dx[i * hw + p] == (kind != DLI_POOL_MAX ? y[i] / (float)hw : x[i * hw + p] == best ? y[i] : 0));
                }
                floats_free(x, n * c * hw);
                floats_free(b, blocked);
                floats_free(y, n * c);
                floats_free(by, n * c);
                floats_free(dx, n * c * hw);
            }
    float x[50], y;
    for (int at = 0; at < 50; at++) {
        for (int i = 0; i < 50; i++)
            x[i] = i == at ? NAN : (float)i;
        dli_pool_global(NULL, 0, DLI_POOL_MAX, DLI_PLAIN, 1, 1, 50, x, &y);
        assert_true(isnan(y));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(windows_follow_the_definition_in_both_layouts),
        cmocka_unit_test(gradients_follow_the_definition),
        cmocka_unit_test(not_a_number_reaches_every_window_that_sees_it),
        cmocka_unit_test(a_global_pool_sees_the_whole_channel),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
