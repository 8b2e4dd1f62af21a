/* SPDX-License-Identifier: Apache-2.0 */
/* Elementwise functions for the vec.h included before. Tails run through the same vector code under a mask, so that an element's bits do
 * not depend on its place. */
#include "kernels/elementwise.h"
#include "kernels/kernels.h"
#include "kernels/x86/math.h"

#define SQRT_2_OVER_PI 0.797884560802865356f
#define SQRT_HALF      0.707106781186547524f
#define GELU_CUBIC     0.044715f
#define GELU_SLOPE     1.702f

INLINE vec gelu_inner(vec x)
{
    const vec cube = mul(mul(x, x), x);
    return mul(splat(SQRT_2_OVER_PI), madd(splat(GELU_CUBIC), cube, x));
}

INLINE vec value(const int op, vec x, vec a, vec b)
{
    switch (op) {
    case DLI_RELU: return larger(zero(), x);
    case DLI_LEAKY_RELU: return choose(less(x, zero()), mul(a, x), x);
    case DLI_CLIP: return smaller(b, larger(a, x));
    case DLI_SIGMOID: return logistic(x);
    case DLI_TANH: return hyperbolic_tangent(x);
    case DLI_ELU: return choose(less(x, zero()), mul(a, exponential_less_1(x)), x);
    case DLI_SOFTPLUS: /* of NaN both terms are NaN, of different signs, and the compiler may add them in either order */
        return choose(is_nan(x), x, add(larger(zero(), x), log_of_1_and(exponential(or_bits(splat(-0.0f), x)))));
    case DLI_SWISH: return mul(x, logistic(x));
    case DLI_GELU_SIGMOID: return mul(x, logistic(mul(splat(GELU_SLOPE), x)));
    case DLI_GELU_TANH: return mul(mul(splat(0.5f), x), add(splat(1), hyperbolic_tangent(gelu_inner(x))));
    case DLI_GELU_ERF: return mul(mul(splat(0.5f), x), add(splat(1), error_function(mul(splat(SQRT_HALF), x))));
    case DLI_HARD_SIGMOID: return smaller(splat(1), larger(zero(), add(mul(a, x), b)));
    default: return x;
    }
}

INLINE vec swish_slope(vec x, vec beta)
{
    const vec z = mul(beta, x), s = logistic(z);
    return madd(mul(z, s), sub(splat(1), s), s);
}

INLINE vec gelu_tanh_slope(vec x)
{
    const vec t = hyperbolic_tangent(gelu_inner(x)), one = splat(1);
    const vec inner = mul(splat(SQRT_2_OVER_PI), madd(splat(3 * GELU_CUBIC), mul(x, x), one));
    return mul(splat(0.5f), madd(mul(x, nmadd(t, t, one)), inner, add(one, t)));
}

INLINE vec gelu_erf_slope(vec x)
{
    const vec density = mul(splat(0.5f * SQRT_2_OVER_PI), exponential(mul(splat(-0.5f), mul(x, x))));
    return madd(x, density, mul(splat(0.5f), add(splat(1), error_function(mul(splat(SQRT_HALF), x)))));
}

INLINE vec slope(const int op, vec v, vec d, vec a, vec b)
{
    const vec one = splat(1);
    switch (op) {
    case DLI_RELU: return choose(less(zero(), v), d, zero());
    case DLI_LEAKY_RELU: return choose(less(v, zero()), mul(a, d), d);
    case DLI_CLIP: return choose(both(less(a, v), less(v, b)), d, zero());
    case DLI_SIGMOID: return mul(d, mul(v, sub(one, v)));
    case DLI_TANH: return mul(d, nmadd(v, v, one));
    case DLI_ELU: return choose(less(v, zero()), mul(d, mul(b, exponential(v))), d);
    case DLI_SOFTPLUS: return mul(d, logistic(v));
    case DLI_SWISH: return mul(d, swish_slope(v, one));
    case DLI_GELU_SIGMOID: return mul(d, swish_slope(v, splat(GELU_SLOPE)));
    case DLI_GELU_TANH: return mul(d, gelu_tanh_slope(v));
    case DLI_GELU_ERF: return mul(d, gelu_erf_slope(v));
    case DLI_HARD_SIGMOID: {
        const vec t = add(mul(a, v), b);
        return choose(both(less_equal(zero(), t), less_equal(t, one)), mul(d, a), zero());
    }
    default: return d;
    }
}

INLINE vec pair(const int op, vec v, vec w)
{
    switch (op) {
    case DLI_ADD: return add(v, w);
    case DLI_SUB: return sub(v, w);
    case DLI_MUL: return mul(v, w);
    case DLI_AVERAGE: return mul(splat(0.5f), add(v, w));
    default: return choose(is_nan(v), v, larger(v, w));
    }
}

INLINE void unary_loop(const int op, const struct dli_unary *u, size_t n, const float *x, float *y)
{
    const vec a = splat(u->a), b = splat(u->b);
    size_t i = 0;
    for (; i + LANES <= n; i += LANES)
        store(y + i, value(op, load(x + i), a, b));
    if (i < n) {
        const mask m = first_lanes((int64_t)(n - i));
        store_mask(y + i, m, value(op, load_mask(m, x + i), a, b));
    }
}

INLINE void slope_loop(const int op, const struct dli_unary *u, size_t n, const float *xy, const float *dy, float *dx)
{
    const vec a = splat(u->a), b = splat(u->b);
    size_t i = 0;
    for (; i + LANES <= n; i += LANES)
        store(dx + i, slope(op, load(xy + i), load(dy + i), a, b));
    if (i < n) {
        const mask m = first_lanes((int64_t)(n - i));
        store_mask(dx + i, m, slope(op, load_mask(m, xy + i), load_mask(m, dy + i), a, b));
    }
}

INLINE void pair_loop(const int op, size_t n, const float *a, const float *b, float *y)
{
    size_t i = 0;
    for (; i + LANES <= n; i += LANES)
        store(y + i, pair(op, load(a + i), load(b + i)));
    if (i < n) {
        const mask m = first_lanes((int64_t)(n - i));
        store_mask(y + i, m, pair(op, load_mask(m, a + i), load_mask(m, b + i)));
    }
}

/* One loop an operator: the switch is outside. */
#define EACH_UNARY(loop)                                                                                                                   \
    switch (u->op) {                                                                                                                       \
    case DLI_RELU: loop(DLI_RELU); break;                                                                                                  \
    case DLI_LEAKY_RELU: loop(DLI_LEAKY_RELU); break;                                                                                      \
    case DLI_CLIP: loop(DLI_CLIP); break;                                                                                                  \
    case DLI_SIGMOID: loop(DLI_SIGMOID); break;                                                                                            \
    case DLI_TANH: loop(DLI_TANH); break;                                                                                                  \
    case DLI_ELU: loop(DLI_ELU); break;                                                                                                    \
    case DLI_SOFTPLUS: loop(DLI_SOFTPLUS); break;                                                                                          \
    case DLI_SWISH: loop(DLI_SWISH); break;                                                                                                \
    case DLI_GELU_SIGMOID: loop(DLI_GELU_SIGMOID); break;                                                                                  \
    case DLI_GELU_TANH: loop(DLI_GELU_TANH); break;                                                                                        \
    case DLI_GELU_ERF: loop(DLI_GELU_ERF); break;                                                                                          \
    case DLI_HARD_SIGMOID: loop(DLI_HARD_SIGMOID); break;                                                                                  \
    default: loop(DLI_IDENTITY); break;                                                                                                    \
    }

#define FORWARD(op)  unary_loop(op, u, n, x, y)
#define BACKWARD(op) slope_loop(op, u, n, xy, dy, dx)

static void unary(const struct dli_unary *u, size_t n, const float *x, float *y) { EACH_UNARY(FORWARD) }

static void unary_backward(const struct dli_unary *u, size_t n, const float *xy, const float *dy, float *dx) { EACH_UNARY(BACKWARD) }

static void binary(int32_t op, size_t n, const float *a, const float *b, float *y)
{
    switch (op) {
    case DLI_ADD: pair_loop(DLI_ADD, n, a, b, y); break;
    case DLI_SUB: pair_loop(DLI_SUB, n, a, b, y); break;
    case DLI_MUL: pair_loop(DLI_MUL, n, a, b, y); break;
    case DLI_AVERAGE: pair_loop(DLI_AVERAGE, n, a, b, y); break;
    default: pair_loop(DLI_MAX, n, a, b, y); break;
    }
}

static void axpy(size_t n, float alpha, const float *x, float *y)
{
    const vec by = splat(alpha);
    for (size_t i = 0; i < n; i += LANES) {
        const mask m = first_lanes((int64_t)(n - i));
        store_mask(y + i, m, madd(by, load_mask(m, x + i), load_mask(m, y + i)));
    }
}

static void scale(size_t n, float alpha, float beta, const float *x, float *y)
{
    const vec by = splat(alpha), shift = splat(beta);
    for (size_t i = 0; i < n; i += LANES) {
        const mask m = first_lanes((int64_t)(n - i));
        store_mask(y + i, m, madd(by, load_mask(m, x + i), shift));
    }
}

static void affine(size_t n, const float *by, const float *shift, const float *x, float *y)
{
    for (size_t i = 0; i < n; i += LANES) {
        const mask m = first_lanes((int64_t)(n - i));
        store_mask(y + i, m, madd(load_mask(m, by + i), load_mask(m, x + i), load_mask(m, shift + i)));
    }
}

/* block is LANES in the tables that hold this. */
static void affine_blocked(int64_t block, int64_t hw, const float *by, const float *shift, const float *x, float *y)
{
    const vec a = load(by), b = load(shift);
    for (int64_t i = 0; i < hw * block; i += LANES)
        store(y + i, madd(a, load(x + i), b));
}
