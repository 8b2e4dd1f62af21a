/* SPDX-License-Identifier: Apache-2.0 */
/* Convolution against its definition in double, and the rule that an image's bits are its own. */
#include "kernels/conv_reference.h"
#include "kernels/convert.h"
#include "kernels/layout.h"

static const struct dli_conv_fuse plain_fuse;

struct arrays { /* of one layer, plain, for n images */
    int64_t n;
    float *x, *w, *bias, *scale, *addend;
};

static struct arrays arrays_of(const struct dli_conv_shape *s, int64_t n)
{
    return (struct arrays){ n, random_floats(n * x_size(s), 1), random_floats(w_size(s), 2), random_floats(s->c_out, 3),
                            random_floats(s->c_out, 4), random_floats(n * y_size(s), 5) };
}

static void arrays_free(const struct dli_conv_shape *s, struct arrays *a)
{
    floats_free(a->x, a->n * x_size(s));
    floats_free(a->w, w_size(s));
    floats_free(a->bias, s->c_out);
    floats_free(a->scale, s->c_out);
    floats_free(a->addend, a->n * y_size(s));
}

/* Blocked copy whose padding lanes hold a large finite number: no result may depend on them. */
static float *blocked(dl4c_context *ctx, const float *x, int64_t n, int64_t c, int64_t hw)
{
    const int64_t size = dli_blocked_size(c, hw), w = dli_kernels()->block;
    float *y = floats(n * size);
    dli_layout_to_blocked(ctx, 1, y, x, n, c, hw);
    for (int64_t i = 0; i < n; i++)
        for (int64_t p = 0; p < hw; p++)
            for (int64_t lane = c % w; lane > 0 && lane < w; lane++)
                y[i * size + (c / w * hw + p) * w + lane] = 1e30f;
    return y;
}

static int64_t pixels_out(const struct dli_conv_shape *s, const struct dli_conv_fuse *f)
{
    return f->pool2 ? (s->h_out / 2) * (s->w_out / 2) : s->h_out * s->w_out;
}

/* y plain, of the first n images from image `from` on. */
static void convolve_in(int32_t precision, const struct dli_conv_shape *s, const struct dli_conv_fuse *f, uint32_t flags,
                        const struct arrays *a, int64_t from, int64_t n, int32_t threads, bool scaled, float *y)
{
    dl4c_context *ctx = context_of(threads);
    struct dli_conv_plan p;
    struct dl4c_error err;
    if (dli_conv_plan_precision(s, f, flags, precision, DLI_BLAS_OWN, threads, &p, &err) != DL4C_OK)
        fail_msg("%s", err.message);
    void *packed = guard_alloc(p.packed_bytes), *scratch = guard_alloc(p.scratch_bytes);
    char *w = guard_alloc((size_t)w_size(s) * sizeof(float) + 1); /* weights may lie anywhere in a mapped file */
    memcpy(w + 1, a->w, (size_t)w_size(s) * sizeof(float));
    dli_conv_pack(&p, ctx, threads, w + 1, scaled ? a->scale : NULL, packed);
    guard_free(w, (size_t)w_size(s) * sizeof(float) + 1);

    const int64_t hw_in = s->h_in * s->w_in, hw = s->h_out * s->w_out, hw_y = pixels_out(s, f);
    const int64_t size_x = p.in_layout == DLI_BLOCKED ? dli_blocked_size(s->c_in, hw_in) : x_size(s);
    const int64_t size_add = p.out_layout == DLI_BLOCKED ? dli_blocked_size(s->c_out, hw) : y_size(s);
    const int64_t size_y = p.out_layout == DLI_BLOCKED ? dli_blocked_size(s->c_out, hw_y) : s->c_out * hw_y;
    float *x, *addend, *out = floats(n * size_y);
    if (p.in_layout == DLI_BLOCKED) {
        x = blocked(ctx, a->x + from * x_size(s), n, s->c_in, hw_in);
    } else {
        x = floats(n * size_x);
        memcpy(x, a->x + from * x_size(s), (size_t)(n * size_x) * sizeof *x);
    }
    if (p.out_layout == DLI_BLOCKED) {
        addend = blocked(ctx, a->addend + from * y_size(s), n, s->c_out, hw);
    } else {
        addend = floats(n * size_add);
        memcpy(addend, a->addend + from * y_size(s), (size_t)(n * size_add) * sizeof *addend);
    }
    dli_conv_run(&p, ctx, threads, n, packed, a->bias, x, f->add ? addend : NULL, out, scratch);
    if (p.out_layout == DLI_BLOCKED)
        dli_layout_to_plain(ctx, 1, y, out, n, s->c_out, hw_y);
    else
        memcpy(y, out, (size_t)(n * size_y) * sizeof *y);
    if (f->add && !f->pool2) { /* the addend may be the output */
        dli_conv_run(&p, ctx, threads, n, packed, a->bias, x, addend, addend, scratch);
        assert_true(memcmp(addend, out, (size_t)(n * size_y) * sizeof *out) == 0);
    }
    guard_free(packed, p.packed_bytes);
    guard_free(scratch, p.scratch_bytes);
    floats_free(x, n * size_x);
    floats_free(addend, n * size_add);
    floats_free(out, n * size_y);
    dl4c_context_destroy(&ctx);
}

static void convolve(const struct dli_conv_shape *s, const struct dli_conv_fuse *f, uint32_t flags, const struct arrays *a, int64_t from,
                     int64_t n, int32_t threads, bool scaled, float *y)
{
    convolve_in(DL4C_PRECISION_F32, s, f, flags, a, from, n, threads, scaled, y);
}

struct sums {
    const float *x, *w;
    double *sum, *size;
};

static void add_product(void *arg, int64_t x, int64_t w, int64_t y)
{
    const struct sums *s = arg;
    const double v = (double)s->x[x] * s->w[w];
    s->sum[y] += v;
    s->size[y] += fabs(v);
}

static double activate(double v, const struct dli_conv_fuse *f)
{
    if (f->act == DLI_CONV_ACT_NONE)
        return v;
    const double lo = f->act == DLI_CONV_ACT_RELU ? 0 : f->lo, hi = f->act == DLI_CONV_ACT_RELU ? INFINITY : f->hi;
    return v < lo ? lo : v > hi ? hi : v;
}

/* What the layer is on two images: sums of products, and of their absolute values. */
struct expected {
    struct arrays a;
    double *sum, *size;
};
enum { IMAGES = 2 };

static struct expected expected_of(const struct dli_conv_shape *s)
{
    const int64_t size = y_size(s);
    struct expected e = { .a = arrays_of(s, IMAGES) };
    e.sum = calloc((size_t)(IMAGES * size), sizeof *e.sum);
    e.size = calloc((size_t)(IMAGES * size), sizeof *e.size);
    assert_true(e.sum && e.size);
    for (int64_t image = 0; image < IMAGES; image++) {
        struct sums q = { e.a.x + image * x_size(s), e.a.w, e.sum + image * size, e.size + image * size };
        each_product(s, add_product, &q);
    }
    return e;
}

static void expected_free(const struct dli_conv_shape *s, struct expected *e)
{
    free(e->sum);
    free(e->size);
    arrays_free(s, &e->a);
}

static void check(const struct dli_conv_shape *s, const struct dli_conv_fuse *f, uint32_t flags, bool scaled, const struct expected *e)
{
    const int64_t size = y_size(s), hw = s->h_out * s->w_out, hw_y = pixels_out(s, f);
    float *y = floats(IMAGES * s->c_out * hw_y);
    convolve(s, f, flags, &e->a, 0, IMAGES, 2, scaled, y);
    struct dli_conv_plan p;
    assert_int_equal(dli_conv_plan(s, f, flags, 0, 1, &p, NULL), DL4C_OK);
    const double terms = (double)(s->c_in / s->groups * s->kh * s->kw);
    const bool winograd = p.algorithm == DLI_CONV_WINOGRAD || p.algorithm == DLI_CONV_WINOGRAD_PLAIN;
    double *sum = calloc((size_t)size, sizeof *sum), *bounds = calloc((size_t)size, sizeof *bounds);
    assert_true(sum && bounds);
    for (int64_t image = 0; image < IMAGES; image++) {
        const double *abs = e->size + image * size;
        double greatest = 0;
        for (int64_t i = 0; i < size; i++)
            greatest = fmax(greatest, abs[i] * (scaled ? fabs(e->a.scale[i / hw]) : 1));
        for (int64_t i = 0; i < size; i++) {
            const double scale = scaled ? e->a.scale[i / hw] : 1, bias = e->a.bias[i / hw];
            const double add = f->add ? e->a.addend[image * size + i] : 0;
            sum[i] = activate(e->sum[image * size + i] * scale + bias + add, f);
            /* Each rounding is 2^-24 of a partial sum that is no larger than the sum of absolute products; `terms` of them add up like
             * a walk, far slower than their number. Winograd's products are those of a whole tile, whose largest output bounds
             * them, and its transforms magnify them about eightfold. */
            const double rounding = ldexp(1, -24) * (6 + sqrt(terms));
            bounds[i] = (winograd ? 8 * greatest : abs[i] * fabs(scale)) * rounding +
                        ldexp(fabs(bias) + fabs(add) + fabs(sum[i]), -23);
        }
        for (int64_t i = 0; i < s->c_out * hw_y; i++) {
            double want = -INFINITY, bound = 0;
            if (f->pool2) {
                const int64_t w = s->w_out / 2, o = i / hw_y, at = (o * s->h_out + i % hw_y / w * 2) * s->w_out + i % w * 2;
                const int64_t window[4] = { at, at + 1, at + s->w_out, at + s->w_out + 1 };
                for (int k = 0; k < 4; k++) {
                    want = fmax(want, sum[window[k]]);
                    bound = fmax(bound, bounds[window[k]]);
                }
            } else {
                want = sum[i];
                bound = bounds[i];
            }
            const double got = y[image * s->c_out * hw_y + i];
            if (!(fabs(got - want) <= bound))
                fail_msg("algorithm %d, %dx%dx%d to %dx%dx%d, kernel %dx%d, image %d, element %d: %.9g, not %.9g within %.3g",
                         (int)p.algorithm, (int)s->c_in, (int)s->h_in, (int)s->w_in, (int)s->c_out, (int)s->h_out, (int)s->w_out,
                         (int)s->kh, (int)s->kw, (int)image, (int)i, got, want, bound);
        }
    }
    free(sum);
    free(bounds);
    floats_free(y, IMAGES * s->c_out * hw_y);
}

/* Every algorithm, and every way its blocks can be cut: tails of channels, rows, columns and tiles. */
static int32_t shapes(struct dli_conv_shape *out)
{
    int32_t n = 0;
    /* Winograd */
    out[n++] = square(16, 8, 8, 32, 3, 1, 1, 1, 1);
    out[n++] = square(17, 9, 23, 33, 3, 1, 1, 1, 1);
    out[n++] = square(40, 14, 14, 24, 3, 1, 1, 1, 1);
    out[n++] = square(13, 7, 7, 12, 3, 1, 1, 1, 1);
    out[n++] = square(24, 17, 13, 50, 3, 1, 1, 0, 1);
    out[n++] = square(16, 3, 30, 16, 3, 1, 1, 2, 1);
    out[n++] = square(64, 30, 30, 16, 3, 1, 1, 1, 1);
    out[n] = square(20, 11, 12, 20, 3, 1, 1, 1, 1); /* nothing before, one row and column behind */
    out[n].pad_top = out[n].pad_left = 0;
    n++;
    /* 1x1, and 1x1 that is no plain product */
    out[n++] = square(16, 5, 5, 16, 1, 1, 1, 0, 1);
    out[n++] = square(37, 17, 23, 70, 1, 1, 1, 0, 1);
    out[n++] = square(5, 1, 1, 1000, 1, 1, 1, 0, 1);
    out[n++] = square(24, 13, 13, 40, 1, 2, 1, 0, 1);
    out[n++] = square(24, 6, 6, 9, 1, 1, 1, 1, 1);
    /* direct */
    out[n++] = square(16, 15, 15, 32, 3, 2, 1, 1, 1);
    out[n++] = square(20, 17, 23, 18, 5, 1, 1, 2, 1);
    out[n++] = square(9, 12, 11, 33, 7, 2, 1, 3, 1);
    out[n++] = square(16, 13, 14, 16, 3, 1, 2, 2, 1);
    out[n++] = square(100, 3, 3, 17, 3, 1, 1, 1, 1);
    out[n++] = square(8, 1, 1, 8, 3, 1, 1, 1, 1);
    out[n++] = (struct dli_conv_shape){ 19, 9, 17, 21, 8, 6, 1, 4, 1, 3, 2, 1, 0, 1, 1 };
    out[n++] = (struct dli_conv_shape){ 12, 4, 5, 7, 9, 8, 4, 3, 1, 1, 1, 1, 6, 5, 1 }; /* kernels wholly outside */
    out[n++] = square(48, 6, 6, 64, 3, 1, 1, 1, 2);                                       /* groups that fill blocks where a block is 8 */
    out[n++] = square(96, 7, 5, 64, 3, 2, 1, 1, 2);
    out[n++] = square(64, 5, 5, 64, 1, 1, 1, 0, 4);
    /* few input channels */
    out[n++] = square(3, 17, 23, 64, 3, 1, 1, 1, 1);
    out[n++] = square(1, 28, 28, 20, 5, 1, 1, 0, 1);
    out[n++] = square(3, 31, 30, 24, 7, 2, 1, 3, 1);
    out[n++] = square(4, 9, 9, 16, 3, 3, 1, 1, 1);
    out[n++] = square(2, 10, 8, 40, 3, 1, 3, 3, 1);
    out[n++] = square(1, 1, 1, 1, 1, 1, 1, 0, 1);
    out[n++] = (struct dli_conv_shape){ 3, 6, 2, 5, 9, 12, 2, 2, 1, 1, 1, 1, 3, 9, 1 };
    /* depthwise and other groups */
    out[n++] = square(32, 14, 14, 32, 3, 1, 1, 1, 32);
    out[n++] = square(19, 15, 12, 19, 3, 2, 1, 1, 19);
    out[n++] = square(8, 9, 9, 8, 5, 1, 2, 4, 8);
    out[n++] = square(40, 1, 3, 40, 3, 1, 1, 1, 40);
    out[n++] = (struct dli_conv_shape){ 17, 7, 9, 17, 4, 10, 3, 2, 2, 1, 1, 1, 0, 1, 17 };
    out[n++] = square(12, 7, 8, 18, 3, 1, 1, 1, 3);
    out[n++] = square(6, 9, 9, 12, 3, 2, 1, 1, 6);
    return n;
}
enum { SHAPES = 64 };

static void every_algorithm_computes_its_definition(void **state)
{
    (void)state;
    struct dli_conv_shape all[SHAPES];
    const int32_t n = shapes(all);
    static const struct dli_conv_fuse fuses[] = { { .act = DLI_CONV_ACT_RELU },
                                                  { .act = DLI_CONV_ACT_CLIP, .lo = -1.5f, .hi = 2.5f, .add = true },
                                                  { .act = DLI_CONV_ACT_RELU, .pool2 = true },
                                                  { .pool2 = true, .add = true } };
    int32_t pooled = 0;
    for (int32_t i = 0; i < n; i++) {
        struct expected e = expected_of(&all[i]);
        check(&all[i], &plain_fuse, 0, false, &e);
        check(&all[i], &plain_fuse, DLI_CONV_LOW_MEMORY, true, &e);
        check(&all[i], &plain_fuse, DLI_CONV_PLAIN, i & 1, &e);
        for (size_t f = 0; f < COUNT(fuses); f++) {
            if (dli_conv_can_fuse(&all[i], &fuses[f])) {
                check(&all[i], &fuses[f], 0, false, &e);
                check(&all[i], &fuses[f], DLI_CONV_LOW_MEMORY, false, &e);
                pooled += fuses[f].pool2;
            } else {
                struct dli_conv_plan p;
                assert_int_equal(dli_conv_plan(&all[i], &fuses[f], 0, 0, 1, &p, NULL), DL4C_E_INVALID);
            }
            if (!fuses[f].pool2)
                check(&all[i], &fuses[f], DLI_CONV_PLAIN, true, &e);
        }
        expected_free(&all[i], &e);
    }
    assert_true(pooled > n);
}

static void an_image_has_the_same_bits_in_any_batch_on_any_threads(void **state)
{
    (void)state;
    struct dli_conv_shape all[SHAPES];
    const int32_t n_shapes = shapes(all);
    enum { N = 16 };
    static const struct dli_conv_fuse relu = { .act = DLI_CONV_ACT_RELU };
    for (int32_t i = 0; i < n_shapes; i++)
        for (uint32_t flags = 0; flags < 3; flags++) {
            struct dli_conv_plan p, p0;
            assert_int_equal(dli_conv_plan(&all[i], &relu, 0, 0, 1, &p0, NULL), DL4C_OK);
            assert_int_equal(dli_conv_plan(&all[i], &relu, flags, 0, 1, &p, NULL), DL4C_OK);
            if (flags && p.pack_key == p0.pack_key)
                continue;
            const int64_t size = y_size(&all[i]);
            struct arrays a = arrays_of(&all[i], N);
            float *whole = floats(N * size), *part = floats(N * size);
            convolve(&all[i], &relu, flags, &a, 0, N, 2, false, whole);
            static const struct {
                int64_t from, n;
                int32_t threads;
            } runs[] = { { 0, 1, 1 }, { 15, 1, 2 }, { 7, 1, 5 }, { 1, 3, 2 }, { 12, 3, 5 }, { 0, N, 1 }, { 0, N, 5 } };
            for (size_t r = 0; r < COUNT(runs); r++) {
                convolve(&all[i], &relu, flags, &a, runs[r].from, runs[r].n, runs[r].threads, false, part);
                if (!same_bits(part, whole + runs[r].from * size, runs[r].n * size))
                    fail_msg("layer %d, flags %u: %d images from %d on %d threads differ", (int)i, flags, (int)runs[r].n, (int)runs[r].from,
                             (int)runs[r].threads);
            }
            floats_free(whole, N * size);
            floats_free(part, N * size);
            arrays_free(&all[i], &a);
        }
}

/* Weights as a precision keeps them, as floats. */
static void keep(int32_t precision, const struct dli_conv_shape *s, float *w)
{
    const int64_t each = w_size(s) / s->c_out;
    for (int64_t o = 0; o < s->c_out; o++) {
        float *v = w + o * each, most = 0;
        for (int64_t i = 0; i < each; i++)
            most = fmaxf(most, fabsf(v[i]));
        const float scale = most / 127;
        for (int64_t i = 0; i < each; i++) {
            uint16_t half;
            dli_narrow_bf16(1, v + i, &half);
            if (precision == DL4C_PRECISION_INT8_WEIGHTS)
                v[i] = (float)nearbyint((double)v[i] / (double)scale) * scale;
            else
                dli_widen_bf16(1, &half, v + i);
        }
    }
}

static void stored_weights_give_the_bits_of_the_rounded_ones(void **state)
{
    (void)state;
    struct dli_conv_shape all[SHAPES];
    const int32_t n = shapes(all);
    static const struct dli_conv_fuse fuses[] = { { .act = DLI_CONV_ACT_RELU, .add = true }, { .act = DLI_CONV_ACT_RELU, .pool2 = true } };
    static const int32_t precisions[] = { DL4C_PRECISION_BF16_WEIGHTS, DL4C_PRECISION_INT8_WEIGHTS };
    int32_t stored = 0;
    for (int32_t i = 0; i < n; i++)
        for (size_t f = 0; f < COUNT(fuses); f++)
            for (size_t k = 0; k < COUNT(precisions); k++) {
                struct dli_conv_plan p, whole;
                if (!dli_conv_can_fuse(&all[i], &fuses[f]))
                    continue;
                assert_int_equal(dli_conv_plan_precision(&all[i], &fuses[f], 0, precisions[k], 0, 1, &p, NULL), DL4C_OK);
                assert_int_equal(dli_conv_plan(&all[i], &fuses[f], DLI_CONV_LOW_MEMORY, 0, 1, &whole, NULL), DL4C_OK);
                assert_true(p.precision == DL4C_PRECISION_F32 ? p.pack_key == whole.pack_key
                                                               : p.pack_key != whole.pack_key && p.packed_bytes <= whole.packed_bytes);
                if (p.precision == DL4C_PRECISION_F32)
                    continue;
                const int64_t size = all[i].c_out * pixels_out(&all[i], &fuses[f]);
                struct arrays a = arrays_of(&all[i], IMAGES);
                float *y = floats(IMAGES * size), *want = floats(IMAGES * size);
                convolve_in(precisions[k], &all[i], &fuses[f], 0, &a, 0, IMAGES, 2, false, y);
                keep(precisions[k], &all[i], a.w);
                convolve(&all[i], &fuses[f], DLI_CONV_LOW_MEMORY, &a, 0, IMAGES, 1, false, want);
                if (!same_bits(y, want, IMAGES * size))
                    fail_msg("layer %d, precision %d: not the bits of the rounded weights", (int)i, (int)precisions[k]);
                floats_free(y, IMAGES * size);
                floats_free(want, IMAGES * size);
                arrays_free(&all[i], &a);
                stored++;
            }
    assert_true(stored > 60);
}

/* Inputs and weights lose up to 2^-8 of themselves each, in Winograd after their transforms, which magnify as in `check`; the rounding of
 * sums hides behind that. */
static void products_of_bfloat16_are_near_the_definition(void **state)
{
    (void)state;
    struct dli_conv_shape all[SHAPES];
    const int32_t n = shapes(all);
    if (dl4c_precision_check(DL4C_PRECISION_BF16, NULL) != DL4C_OK) {
        print_message("skipped: no AVX512-BF16 here\n");
        skip();
    }
    int32_t checked = 0;
    for (int32_t i = 0; i < n; i++) {
        struct dli_conv_plan p;
        assert_int_equal(dli_conv_plan_precision(&all[i], NULL, 0, DL4C_PRECISION_BF16, 0, 1, &p, NULL), DL4C_OK);
        if (p.precision == DL4C_PRECISION_F32)
            continue;
        struct expected e = expected_of(&all[i]);
        const int64_t size = y_size(&all[i]), hw = all[i].h_out * all[i].w_out;
        float *y = floats(IMAGES * size);
        double greatest = 0, error = 0, norm = 0;
        convolve_in(DL4C_PRECISION_BF16, &all[i], &plain_fuse, 0, &e.a, 0, IMAGES, 2, false, y);
        for (int64_t k = 0; k < IMAGES * size; k++)
            greatest = fmax(greatest, e.size[k]);
        for (int64_t k = 0; k < IMAGES * size; k++) {
            const double want = e.sum[k] + e.a.bias[k / hw % all[i].c_out], far = fabs(y[k] - want);
            const double bound = (p.algorithm == DLI_CONV_WINOGRAD ? 8 * greatest : e.size[k]) * ldexp(1.01, -7) + 1e-5;
            error += far * far;
            norm += want * want;
            if (!(far <= bound))
                fail_msg("layer %d, element %d: %.9g, not %.9g within %.3g", (int)i, (int)k, (double)y[k], want, bound);
        }
        /* In the mean the roundings cancel: about 1.6e-3 of each factor stays, 2.3e-3 of the result, 1e-2 after Winograd's transforms. */
        const double most = p.algorithm == DLI_CONV_WINOGRAD ? 0.02 : 0.004;
        if (!(sqrt(error / norm) < most))
            fail_msg("layer %d: relative error %.3g", (int)i, sqrt(error / norm));
        floats_free(y, IMAGES * size);
        expected_free(&all[i], &e);
        checked++;
    }
    assert_true(checked > 15);
}

static void an_image_has_the_same_bits_in_any_batch_of_every_precision(void **state)
{
    (void)state;
    struct dli_conv_shape all[SHAPES];
    const int32_t n_shapes = shapes(all);
    enum { N = 9 };
    static const struct dli_conv_fuse relu = { .act = DLI_CONV_ACT_RELU };
    for (int32_t i = 0; i < n_shapes; i++)
        for (int32_t precision = DL4C_PRECISION_BF16_WEIGHTS; dl4c_precision_name(precision); precision++) {
            struct dli_conv_plan p;
            if (dl4c_precision_check(precision, NULL) != DL4C_OK)
                continue;
            assert_int_equal(dli_conv_plan_precision(&all[i], &relu, 0, precision, 0, 1, &p, NULL), DL4C_OK);
            if (p.precision == DL4C_PRECISION_F32)
                continue;
            const int64_t size = y_size(&all[i]);
            struct arrays a = arrays_of(&all[i], N);
            float *whole = floats(N * size), *part = floats(N * size);
            convolve_in(precision, &all[i], &relu, 0, &a, 0, N, 2, false, whole);
            static const struct {
                int64_t from, n;
                int32_t threads;
            } runs[] = { { 0, 1, 1 }, { 8, 1, 5 }, { 5, 3, 2 }, { 0, N, 1 }, { 0, N, 5 } };
            for (size_t r = 0; r < COUNT(runs); r++) {
                convolve_in(precision, &all[i], &relu, 0, &a, runs[r].from, runs[r].n, runs[r].threads, false, part);
                if (!same_bits(part, whole + runs[r].from * size, runs[r].n * size))
                    fail_msg("layer %d, precision %d: %d images from %d on %d threads differ", (int)i, (int)precision, (int)runs[r].n,
                             (int)runs[r].from, (int)runs[r].threads);
            }
            floats_free(whole, N * size);
            floats_free(part, N * size);
            arrays_free(&all[i], &a);
        }
}

static void a_plan_made_for_many_threads_runs_on_few(void **state)
{
    (void)state;
    const struct dli_conv_shape s = square(32, 14, 14, 32, 3, 1, 1, 1, 1);
    struct arrays a = arrays_of(&s, 1);
    dl4c_context *ctx = context_of(4);
    struct dli_conv_plan p;
    assert_int_equal(dli_conv_plan(&s, NULL, DLI_CONV_PLAIN, DLI_BLAS_OWN, 4, &p, NULL), DL4C_OK);
    void *packed = guard_alloc(p.packed_bytes), *scratch = guard_alloc(p.scratch_bytes);
    float *y[2] = { floats(y_size(&s)), floats(y_size(&s)) };
    dli_conv_pack(&p, ctx, 4, a.w, NULL, packed);
    dli_conv_run(&p, ctx, 4, 1, packed, NULL, a.x, NULL, y[0], scratch);
    dli_conv_run(&p, ctx, 1, 1, packed, NULL, a.x, NULL, y[1], scratch);
    assert_true(same_bits(y[0], y[1], y_size(&s)));
    guard_free(packed, p.packed_bytes);
    guard_free(scratch, p.scratch_bytes);
    floats_free(y[0], y_size(&s));
    floats_free(y[1], y_size(&s));
    arrays_free(&s, &a);
    dl4c_context_destroy(&ctx);
}

static void nan_and_infinity_reach_the_output(void **state)
{
    (void)state;
    const struct dli_conv_shape s = square(16, 8, 8, 16, 3, 1, 1, 1, 1), f = square(3, 8, 8, 16, 3, 1, 1, 1, 1);
    const struct dli_conv_shape *layers[] = { &s, &f };
    static const struct dli_conv_fuse relu = { .act = DLI_CONV_ACT_RELU };
    for (size_t i = 0; i < COUNT(layers); i++)
        for (uint32_t flags = 0; flags < 3; flags++) {
            struct arrays a = arrays_of(layers[i], 1);
            float *y = floats(y_size(layers[i]));
            a.x[9] = NAN;
            convolve(layers[i], &relu, flags, &a, 0, 1, 1, false, y);
            assert_true(isnan(y[0]) && isnan(y[9]) && isnan(y[18]));
            floats_free(y, y_size(layers[i]));
            arrays_free(layers[i], &a);
        }
}

static void nan_wins_in_fused_pooling(void **state)
{
    (void)state;
    const struct dli_conv_shape layers[] = { square(1, 4, 4, 16, 1, 1, 1, 0, 1), square(16, 4, 4, 16, 1, 1, 1, 0, 1) };
    static const struct dli_conv_fuse fuse = { .act = DLI_CONV_ACT_RELU, .pool2 = true };
    for (size_t i = 0; i < COUNT(layers); i++)
        for (int64_t at = 0; at < 16; at++) {
            struct arrays a = arrays_of(&layers[i], 1);
            float *y = floats(16 * 4);
            a.x[at] = NAN;
            convolve(&layers[i], &fuse, 0, &a, 0, 1, 1, false, y);
            for (int64_t p = 0; p < 16 * 4; p++)
                assert_true(isnan(y[p]) == (p % 4 == at / 8 * 2 + at % 4 / 2));
            floats_free(y, 16 * 4);
            arrays_free(&layers[i], &a);
        }
}

static void equal_keys_mean_equal_packed_weights(void **state)
{
    (void)state;
    const struct dli_conv_shape small = square(20, 12, 12, 40, 3, 1, 1, 1, 1), large = square(20, 31, 16, 40, 3, 1, 1, 0, 1);
    struct dli_conv_plan a, b, low;
    assert_int_equal(dli_conv_plan(&small, NULL, 0, 0, 1, &a, NULL), DL4C_OK);
    assert_int_equal(dli_conv_plan(&large, NULL, 0, 0, 3, &b, NULL), DL4C_OK);
    assert_int_equal(dli_conv_plan(&small, NULL, DLI_CONV_LOW_MEMORY, 0, 1, &low, NULL), DL4C_OK);
    assert_true(a.pack_key == b.pack_key && a.packed_bytes == b.packed_bytes);
    assert_true(a.pack_key != low.pack_key);
    float *w = random_floats(w_size(&small), 1);
    char *pa = guard_alloc(a.packed_bytes), *pb = guard_alloc(b.packed_bytes);
    dl4c_context *ctx = context_of(2);
    dli_conv_pack(&a, ctx, 1, w, NULL, pa);
    dli_conv_pack(&b, ctx, 2, w, NULL, pb);
    assert_memory_equal(pa, pb, a.packed_bytes);
    guard_free(pa, a.packed_bytes);
    guard_free(pb, b.packed_bytes);
    floats_free(w, w_size(&small));
    dl4c_context_destroy(&ctx);
}

static void low_memory_weights_are_not_expanded(void **state)
{
    (void)state;
    const struct dli_conv_shape s = square(64, 28, 28, 64, 3, 1, 1, 1, 1);
    struct dli_conv_plan p;
    assert_int_equal(dli_conv_plan(&s, NULL, DLI_CONV_LOW_MEMORY, 0, 1, &p, NULL), DL4C_OK);
    assert_true(p.packed_bytes == (size_t)w_size(&s) * sizeof(float));
}

static void nonsense_is_refused(void **state)
{
    (void)state;
    const struct dli_conv_shape good = square(16, 8, 8, 16, 3, 1, 1, 1, 1);
    struct dli_conv_shape s;
    struct dli_conv_plan p;
    struct dl4c_error err;
#define REFUSED(change, status)                                                   \
    do {                                                                          \
        s = good;                                                                 \
        change;                                                                   \
        assert_int_equal(dli_conv_plan(&s, NULL, 0, 0, 1, &p, &err), status);     \
        assert_true(strlen(err.message) > 10);                                    \
    } while (0)
    REFUSED(s.c_in = 0, DL4C_E_INVALID);
    REFUSED(s.h_out = -1, DL4C_E_INVALID);
    REFUSED(s.sh = 0, DL4C_E_INVALID);
    REFUSED(s.dw = -2, DL4C_E_INVALID);
    REFUSED(s.pad_left = -1, DL4C_E_INVALID);
    REFUSED(s.groups = 3, DL4C_E_INVALID);
    REFUSED(s.groups = 0, DL4C_E_INVALID);
    REFUSED(s.c_in = INT64_MAX, DL4C_E_LIMIT);
    REFUSED(s.h_in = s.w_in = INT64_MAX / 2, DL4C_E_LIMIT);
    REFUSED(s.h_out = s.w_out = (int64_t)1 << 31, DL4C_E_LIMIT);
    REFUSED(s.kh = s.kw = INT32_MAX, DL4C_E_LIMIT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_algorithm_computes_its_definition),
        cmocka_unit_test(an_image_has_the_same_bits_in_any_batch_on_any_threads),
        cmocka_unit_test(stored_weights_give_the_bits_of_the_rounded_ones),
        cmocka_unit_test(products_of_bfloat16_are_near_the_definition),
        cmocka_unit_test(an_image_has_the_same_bits_in_any_batch_of_every_precision),
        cmocka_unit_test(a_plan_made_for_many_threads_runs_on_few),
        cmocka_unit_test(nan_and_infinity_reach_the_output),
        cmocka_unit_test(nan_wins_in_fused_pooling),
        cmocka_unit_test(equal_keys_mean_equal_packed_weights),
        cmocka_unit_test(low_memory_weights_are_not_expanded),
        cmocka_unit_test(nonsense_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
