/* SPDX-License-Identifier: Apache-2.0 */
/* Depthwise convolution on the blocked layout: a channel block's plane at a time, weights packed as [block][kh][kw][W]. */
#include "kernels/conv_parts.h"

#include "base/thread_pool.h"
#include "kernels/kernels.h"
#include "kernels/layout.h"

static bool plan(struct dli_conv_plan *p)
{
    const struct dli_conv_shape *s = &p->shape;
    const int64_t w = dli_kernels()->block, padded = dli_ceil_div(s->c_in, w) * w;
    p->in_layout = p->out_layout = DLI_BLOCKED;
    p->scratch_bytes = (size_t)dli_lines(padded) * 4;
    return DLI_CONV_PRODUCT(&p->packed_bytes, padded, s->kh, s->kw, 4);
}

static void pack(const struct dli_conv_plan *p, dl4c_context *ctx, int32_t threads, const char *weights, const float *scale, float *packed)
{
    (void)ctx;
    (void)threads;
    const struct dli_conv_shape *s = &p->shape;
    const int64_t w = dli_kernels()->block, taps = (int64_t)s->kh * s->kw;
    for (int64_t first = 0; first < s->c_in; first += w)
        for (int64_t tap = 0; tap < taps; tap++)
            for (int64_t c = first; c < first + w; c++)
                *packed++ = c < s->c_in ? dli_conv_weight(weights, c * taps + tap) * (scale ? scale[c] : 1.0f) : 0.0f;
}

struct geometry {
    const struct dli_conv_call *call;
    int64_t w, blocks, slices; /* vector, channel blocks, tasks a plane */
};

static void task(void *arg, size_t number, int32_t worker)
{
    (void)worker;
    const struct geometry *g = arg;
    const struct dli_conv_call *c = g->call;
    const struct dli_conv_shape *s = &c->p->shape;
    const int64_t slice = (int64_t)number % g->slices, plane = (int64_t)number / g->slices, block = plane % g->blocks;
    const int64_t size = s->h_out * s->w_out * g->w;
    const struct dli_conv_depthwise q = { .shape = s, .x = c->x + plane * s->h_in * s->w_in * g->w,
                                          .w = c->packed + block * s->kh * s->kw * g->w, .bias = c->scratch + block * g->w, .lo = c->lo,
                                          .hi = c->hi, .addend = c->addend ? c->addend + plane * size : NULL, .y = c->y + plane * size,
                                          .first = s->h_out * slice / g->slices, .last = s->h_out * (slice + 1) / g->slices };
    dli_kernels()->conv->depthwise(&q);
}

static void run(const struct dli_conv_call *c)
{
    const struct dli_conv_shape *s = &c->p->shape;
    struct geometry g = { .call = c, .w = dli_kernels()->block };
    g.blocks = dli_ceil_div(s->c_in, g.w);
    dli_conv_bias(c->scratch, c->bias, s->c_out, g.blocks * g.w);
    const int64_t planes = c->n * g.blocks, width = dli_parallel_width(c->ctx, c->threads);
    g.slices = planes < 4 * width ? dli_min_i64(s->h_out, dli_ceil_div(4 * width, planes)) : 1;
    dli_parallel(c->ctx, c->threads, (size_t)(planes * g.slices), task, &g);
}

const struct dli_conv_algorithm dli_conv_depthwise = { plan, pack, run };
