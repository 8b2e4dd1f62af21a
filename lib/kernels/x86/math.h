/* SPDX-License-Identifier: Apache-2.0 */
/* exp, log, tanh and erf of vectors, for the vec.h included before. Polynomials are least-squares fits, reweighted towards equal errors
 * (Lawson), with a relative error below 1e-8 before rounding; results are within 2 ulp of the exact value. */
#ifndef DLI_KERNELS_X86_MATH_H
#define DLI_KERNELS_X86_MATH_H

#define LOG2_E  1.44269504088896341f
#define LN2_TOP 0.693359375f /* ln 2 in two parts: a multiple of this one is exact */
#define LN2_LOW -2.12194440054690583e-4f

/* x = n ln 2 + r with |r| <= ln 2 / 2; returns exp(r) - 1. x lies within [-104, 89], or is NaN. */
INLINE vec exp_parts(vec x, vec *n)
{
    *n = round_even(mul(x, splat(LOG2_E)));
    const vec r = nmadd(*n, splat(LN2_LOW), nmadd(*n, splat(LN2_TOP), x));
    vec p = splat(1.395171447e-03f);
    p = madd(p, r, splat(8.369598665e-03f));
    p = madd(p, r, splat(4.166618732e-02f));
    p = madd(p, r, splat(1.666651289e-01f));
    p = madd(p, r, splat(5.000000101e-01f));
    return madd(mul(r, r), p, r);
}

/* Below -104 it is 0, above 89 infinity, subnormal between; NaN gives NaN: larger and smaller return their second argument then. */
INLINE vec exponential(vec x)
{
    vec n;
    const vec p = exp_parts(larger(splat(-104), smaller(splat(89), x)), &n);
    return scale2(add(splat(1), p), n);
}

/* exp(x) - 1 for x <= 0, NaN for NaN. For positive x some number. */
INLINE vec exponential_less_1(vec x)
{
    vec n;
    const vec p = exp_parts(larger(splat(-40), smaller(zero(), x)), &n), power = scale2(splat(1), n);
    return madd(power, p, sub(power, splat(1)));
}

/* log(1 + u) for 0 <= u <= 1. What 1 + u lost in rounding comes back as the first term of the series around it. */
INLINE vec log_of_1_and(vec u)
{
    const vec w = add(splat(1), u), lost = sub(u, sub(w, splat(1)));
    vec e;
    const vec f = sub(split_exponent(w, &e), splat(1));
    vec p = splat(-7.859469240e-02f);
    p = madd(p, f, splat(1.288159464e-01f));
    p = madd(p, f, splat(-1.312878308e-01f));
    p = madd(p, f, splat(1.418120065e-01f));
    p = madd(p, f, splat(-1.662455202e-01f));
    p = madd(p, f, splat(2.000228589e-01f));
    p = madd(p, f, splat(-2.500081046e-01f));
    p = madd(p, f, splat(3.333331673e-01f));
    const vec square = mul(f, f);
    const vec small = madd(e, splat(LN2_LOW), madd(mul(square, f), p, divide(lost, w)));
    const vec log_w = add(madd(e, splat(LN2_TOP), f), nmadd(splat(0.5f), square, small));
    return choose(is_nan(u), u, log_w); /* the exponent of NaN is no number */
}

INLINE vec logistic(vec x) { return divide(splat(1), add(splat(1), exponential(sub(zero(), x)))); }

INLINE vec hyperbolic_tangent(vec x)
{
    const vec t = absolute(x), s = mul(x, x);
    vec p = splat(-6.282478016e-03f);
    p = madd(p, s, splat(2.107776151e-02f));
    p = madd(p, s, splat(-5.385385862e-02f));
    p = madd(p, s, splat(1.333260169e-01f));
    p = madd(p, s, splat(-3.333331805e-01f));
    const vec near = madd(mul(x, s), p, x);
    const vec far = sub(splat(1), divide(splat(2), add(exponential(add(t, t)), splat(1))));
    return choose(less(t, splat(0.55f)), near, or_bits(far, sign_of(x)));
}

INLINE vec error_function(vec x)
{
    const vec t = smaller(splat(4), absolute(x)), s = mul(x, x);
    vec p = splat(7.889116977e-05f);
    p = madd(p, s, splat(-8.020841490e-04f));
    p = madd(p, s, splat(5.189535507e-03f));
    p = madd(p, s, splat(-2.685444478e-02f));
    p = madd(p, s, splat(1.128360018e-01f));
    p = madd(p, s, splat(-3.761262714e-01f));
    p = madd(p, s, splat(1.283791659e-01f));
    const vec near = madd(p, x, x);
    vec q = splat(3.630562495e-06f); /* -log(erfc(t)) / t; beyond 4 erf is 1 */
    q = madd(q, t, splat(-2.941959861e-05f));
    q = madd(q, t, splat(-1.332546900e-04f));
    q = madd(q, t, splat(3.165410846e-03f));
    q = madd(q, t, splat(-2.306229032e-02f));
    q = madd(q, t, splat(1.056386861e-01f));
    q = madd(q, t, splat(6.354271728e-01f));
    q = madd(q, t, splat(1.128595574e+00f));
    const vec far = sub(splat(1), exponential(sub(zero(), mul(q, t))));
    return choose(less(t, splat(1)), near, or_bits(far, sign_of(x)));
}

#endif
