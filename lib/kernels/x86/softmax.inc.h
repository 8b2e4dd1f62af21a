/* SPDX-License-Identifier: Apache-2.0 */
/* Softmax of one row for the vec.h included before: sums in lanes, then the tree of sum_lanes4. */
#include "kernels/kernels.h"
#include "kernels/x86/math.h"
#include <math.h>

INLINE float lanes_sum(vec v) { return _mm_cvtss_f32(sum_lanes4(v, zero(), zero(), zero())); }

static float maximum(size_t k, const float *x)
{
    vec best = splat(x[0]);
    size_t i = 0;
    for (; i + LANES <= k; i += LANES)
        best = larger(load(x + i), best);
    float lanes[LANES], m = x[0];
    store(lanes, best);
    for (int l = 0; l < LANES; l++)
        m = lanes[l] > m ? lanes[l] : m;
    for (; i < k; i++)
        m = x[i] > m ? x[i] : m;
    return m;
}

/* exp(x - m) of the row, summed; stored to y unless that is NULL. */
static float exponentials(size_t k, const float *x, float m, float *y)
{
    vec sum = zero();
    const vec top = splat(m);
    size_t i = 0;
    for (; i + LANES <= k; i += LANES) {
        const vec e = exponential(sub(load(x + i), top));
        sum = add(sum, e);
        if (y)
            store(y + i, e);
    }
    if (i < k) {
        const mask now = first_lanes((int64_t)(k - i));
        float rest[LANES] = { 0 };
        store_mask(rest, now, exponential(sub(load_mask(now, x + i), top)));
        sum = add(sum, load(rest));
        if (y)
            store_mask(y + i, now, load(rest));
    }
    return lanes_sum(sum);
}

static void softmax(size_t k, const float *x, float *y)
{
    const vec sum = splat(exponentials(k, x, maximum(k, x), y));
    for (size_t i = 0; i < k; i += LANES) {
        const mask now = first_lanes((int64_t)(k - i));
        store_mask(y + i, now, divide(load_mask(now, y + i), sum));
    }
}

static void log_softmax(size_t k, const float *x, float *y)
{
    const float m = maximum(k, x);
    const vec top = splat(m), log_sum = splat(logf(exponentials(k, x, m, NULL)));
    for (size_t i = 0; i < k; i += LANES) {
        const mask now = first_lanes((int64_t)(k - i));
        store_mask(y + i, now, sub(sub(load_mask(now, x + i), top), log_sum));
    }
}

static void softmax_backward(size_t k, const float *y, const float *dy, float *dx)
{
    vec sum = zero();
    for (size_t i = 0; i < k; i += LANES) {
        const mask now = first_lanes((int64_t)(k - i));
        sum = madd(load_mask(now, dy + i), load_mask(now, y + i), sum);
    }
    const vec dot = splat(lanes_sum(sum));
    for (size_t i = 0; i < k; i += LANES) {
        const mask now = first_lanes((int64_t)(k - i));
        store_mask(dx + i, now, mul(load_mask(now, y + i), sub(load_mask(now, dy + i), dot)));
    }
}
