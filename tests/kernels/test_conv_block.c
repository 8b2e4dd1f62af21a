/* SPDX-License-Identifier: Apache-2.0 */
/* Expansion, depthwise convolution and projection in one pass: the bits of the three layers one after the other, for any batch, on any
 * threads. What the layers compute is tested in test_conv.c. */
#include "kernels/conv_reference.h"
#include "kernels/layout.h"

enum { LAYERS = 3, IMAGES = 4 };

struct block {
    int32_t expand; /* kernel of the first layer, of stride 2 where it is not 1; 0: there is none */
    bool add;
    int64_t c_in, wide, c_out, h, w;
    int32_t k, stride, top, left; /* of the depthwise layer */
    int64_t h_out, w_out;
};

static const struct block blocks[] = {
    { 1, true, 24, 144, 24, 14, 14, 3, 1, 1, 1, 14, 14 },   /* an inverted residual block */
    { 1, false, 16, 96, 24, 30, 28, 3, 2, 1, 1, 15, 14 },   /* its channels are half a panel more */
    { 1, false, 40, 240, 80, 28, 28, 3, 2, 0, 0, 14, 14 },  /* padding at the bottom and the right alone */
    { 1, true, 33, 70, 33, 7, 7, 5, 1, 2, 2, 7, 7 },        /* channels that fill no block */
    { 1, false, 20, 50, 17, 9, 5, 5, 2, 1, 1, 5, 2 },
    { 0, false, 32, 32, 16, 24, 56, 3, 1, 1, 1, 24, 56 },   /* nothing to expand; two pieces */
    { 0, true, 19, 19, 5, 3, 40, 3, 1, 0, 2, 1, 40 },
    { 3, false, 3, 32, 16, 12, 31, 3, 1, 1, 1, 12, 31 },    /* an image */
    { 5, true, 1, 70, 33, 40, 100, 3, 2, 1, 1, 20, 50 },    /* several panels and pieces */
    { 1, true, 8, 16, 8, 1, 1, 3, 1, 1, 1, 1, 1 },          /* nearly all of it outside the map */
    { 1, false, 16, 40, 24, 16, 110, 5, 1, 2, 2, 16, 110 }, /* large rows: a piece is a few of them */
};

struct layers {
    int32_t n;
    struct dli_conv_shape shape[LAYERS];
    struct dli_conv_fuse fuse[LAYERS];
    float *w[LAYERS], *bias[LAYERS];
};

static struct layers layers_of(const struct block *b)
{
    struct layers l = { 0 };
    if (b->expand) {
        l.fuse[l.n] = (struct dli_conv_fuse){ .act = DLI_CONV_ACT_CLIP, .lo = 0, .hi = 6 };
        l.shape[l.n++] = b->expand == 1 ? square(b->c_in, b->h, b->w, b->wide, 1, 1, 1, 0, 1)
                                        : square(b->c_in, 2 * b->h, 2 * b->w, b->wide, b->expand, 2, 1, b->expand / 2, 1);
    }
    l.fuse[l.n] = (struct dli_conv_fuse){ .act = DLI_CONV_ACT_RELU };
    l.shape[l.n++] = (struct dli_conv_shape){ .c_in = b->wide, .h_in = b->h, .w_in = b->w, .c_out = b->wide, .h_out = b->h_out,
                                              .w_out = b->w_out, .kh = b->k, .kw = b->k, .sh = b->stride, .sw = b->stride, .dh = 1,
                                              .dw = 1, .pad_top = b->top, .pad_left = b->left, .groups = (int32_t)b->wide };
    l.fuse[l.n] = (struct dli_conv_fuse){ .add = b->add };
    l.shape[l.n++] = square(b->wide, b->h_out, b->w_out, b->c_out, 1, 1, 1, 0, 1);
    for (int32_t i = 0; i < l.n; i++) {
        l.w[i] = random_floats(w_size(&l.shape[i]), 10 + (uint64_t)i);
        l.bias[i] = random_floats(l.shape[i].c_out, 20 + (uint64_t)i);
    }
    return l;
}

static void layers_free(struct layers *l)
{
    for (int32_t i = 0; i < l->n; i++) {
        floats_free(l->w[i], w_size(&l->shape[i]));
        floats_free(l->bias[i], l->shape[i].c_out);
    }
}

/* Floats of an image of few channels, which is plain, or of a blocked one. */
static int64_t image_in(const struct layers *l)
{
    const struct dli_conv_shape *s = &l->shape[0];
    return s->c_in <= 4 ? x_size(s) : dli_blocked_size(s->c_in, s->h_in * s->w_in);
}
static int64_t blocked_out(const struct layers *l, int32_t i)
{
    return dli_blocked_size(l->shape[i].c_out, l->shape[i].h_out * l->shape[i].w_out);
}

/* x, addend and y blocked, of n images. */
static void run(const struct layers *l, bool joined, int64_t n, int32_t threads, const float *x, const float *addend, float *y)
{
    dl4c_context *ctx = context_of(threads);
    struct dli_conv_plan plan[LAYERS];
    const struct dli_conv_plan *plans[LAYERS];
    void *packed[LAYERS];
    struct dl4c_error err;
    for (int32_t i = 0; i < l->n; i++) {
        if (dli_conv_plan(&l->shape[i], &l->fuse[i], 0, DLI_BLAS_OWN, threads, &plan[i], &err) != DL4C_OK)
            fail_msg("%s", err.message);
        plans[i] = &plan[i];
        packed[i] = guard_alloc(plan[i].packed_bytes);
        dli_conv_pack(&plan[i], ctx, threads, l->w[i], NULL, packed[i]);
    }
    if (joined) {
        struct dli_conv_block b;
        assert_true(dli_conv_block_plan(plans, l->n, &b));
        void *scratch = guard_alloc(b.scratch_bytes);
        dli_conv_block_run(&b, ctx, threads, n, (const void *const *)packed, (const float *const *)l->bias, x, addend, y, scratch);
        guard_free(scratch, b.scratch_bytes);
    } else {
        const float *from = x;
        float *own[LAYERS] = { NULL };
        for (int32_t i = 0; i < l->n; i++) {
            const bool last = i + 1 == l->n;
            void *scratch = guard_alloc(plan[i].scratch_bytes);
            float *to = last ? y : (own[i] = floats(n * blocked_out(l, i)));
            dli_conv_run(&plan[i], ctx, threads, n, packed[i], l->bias[i], from, last ? addend : NULL, to, scratch);
            guard_free(scratch, plan[i].scratch_bytes);
            from = to;
        }
        for (int32_t i = 0; i < l->n; i++)
            if (own[i])
                floats_free(own[i], n * blocked_out(l, i));
    }
    for (int32_t i = 0; i < l->n; i++)
        guard_free(packed[i], plan[i].packed_bytes);
    dl4c_context_destroy(&ctx);
}

static void a_block_has_the_bits_of_its_layers(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(blocks); i++) {
        struct layers l = layers_of(&blocks[i]);
        const int64_t in = image_in(&l), out = blocked_out(&l, l.n - 1);
        float *x = random_floats(IMAGES * in, 1), *addend = random_floats(IMAGES * out, 2); /* whatever lies in the lanes past c_in */
        float *want = floats(IMAGES * out), *got = floats(IMAGES * out);
        run(&l, false, IMAGES, 2, x, blocks[i].add ? addend : NULL, want);
        static const struct {
            int64_t from, n;
            int32_t threads;
        } runs[] = { { 0, IMAGES, 1 }, { 0, IMAGES, 3 }, { 3, 1, 1 }, { 2, 1, 2 }, { 1, 1, 5 }, { 2, 2, 4 }, { 1, 3, 2 } };
        for (size_t r = 0; r < COUNT(runs); r++) {
            run(&l, true, runs[r].n, runs[r].threads, x + runs[r].from * in, blocks[i].add ? addend + runs[r].from * out : NULL, got);
            if (!same_bits(got, want + runs[r].from * out, runs[r].n * out))
                fail_msg("block %d: %d images from %d on %d threads differ", (int)i, (int)runs[r].n, (int)runs[r].from,
                         (int)runs[r].threads);
        }
        floats_free(x, IMAGES * in);
        floats_free(addend, IMAGES * out);
        floats_free(want, IMAGES * out);
        floats_free(got, IMAGES * out);
        layers_free(&l);
    }
}

static void other_layers_are_no_block(void **state)
{
    (void)state;
    const struct dli_conv_shape point = square(32, 8, 8, 32, 1, 1, 1, 0, 1), deep = square(32, 8, 8, 32, 3, 1, 1, 1, 32);
    const struct dli_conv_shape seven = square(32, 8, 8, 32, 7, 1, 1, 3, 32), holes = square(32, 8, 8, 32, 3, 1, 2, 2, 32);
    const struct dli_conv_shape full = square(32, 8, 8, 32, 3, 1, 1, 1, 1);
    static const struct dli_conv_fuse add = { .add = true };
    struct dli_conv_plan p, d, other[4], adds[2];
    assert_int_equal(dli_conv_plan(&point, NULL, 0, 0, 1, &p, NULL), DL4C_OK);
    assert_int_equal(dli_conv_plan(&deep, NULL, 0, 0, 1, &d, NULL), DL4C_OK);
    assert_int_equal(dli_conv_plan(&seven, NULL, 0, 0, 1, &other[0], NULL), DL4C_OK);
    assert_int_equal(dli_conv_plan(&holes, NULL, 0, 0, 1, &other[1], NULL), DL4C_OK);
    assert_int_equal(dli_conv_plan(&full, NULL, 0, 0, 1, &other[2], NULL), DL4C_OK);
    assert_int_equal(dli_conv_plan(&point, NULL, DLI_CONV_PLAIN, 0, 1, &other[3], NULL), DL4C_OK);
    assert_int_equal(dli_conv_plan(&point, &add, 0, 0, 1, &adds[0], NULL), DL4C_OK);
    assert_int_equal(dli_conv_plan(&deep, &add, 0, 0, 1, &adds[1], NULL), DL4C_OK);
    struct dli_conv_block b;
    assert_true(dli_conv_block_plan((const struct dli_conv_plan *const[]){ &p, &d, &adds[0] }, 3, &b));
    assert_false(dli_conv_block_plan((const struct dli_conv_plan *const[]){ &adds[0], &d, &p }, 3, &b));
    assert_false(dli_conv_block_plan((const struct dli_conv_plan *const[]){ &p, &adds[1], &p }, 3, &b));
    assert_false(dli_conv_block_plan((const struct dli_conv_plan *const[]){ &p, &d, &other[3] }, 3, &b));
    assert_false(dli_conv_block_plan((const struct dli_conv_plan *const[]){ &d, &d }, 2, &b));
    for (size_t i = 0; i < 3; i++)
        assert_false(dli_conv_block_plan((const struct dli_conv_plan *const[]){ &other[i], &p }, 2, &b));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_block_has_the_bits_of_its_layers),
        cmocka_unit_test(other_layers_are_no_block),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
