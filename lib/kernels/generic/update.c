/* SPDX-License-Identifier: Apache-2.0 */
/* Updaters' steps in plain C. */
#include "kernels/update.h"
#include "kernels/kernels.h"

#include <float.h>
#include <math.h>

static inline float gradient(const struct dli_update_rates *r, float g, float w)
{
    const float scaled = g * r->scale;
    return r->l2 != 0 ? scaled + r->l2 * w : scaled;
}

static inline bool finite(float w) { return fabsf(w) <= FLT_MAX; }

static bool sgd(const struct dli_update_rates *r, size_t n, const float *g, float *const *state, float *w)
{
    bool good = true;
    (void)state;
    for (size_t i = 0; i < n; i++) {
        w[i] -= gradient(r, g[i], w[i]) * r->c[0];
        good &= finite(w[i]);
    }
    return good;
}

static bool nesterovs(const struct dli_update_rates *r, size_t n, const float *g, float *const *state, float *w)
{
    const float lr = r->c[0], mu = r->c[1], less = -mu - 1.0f;
    float *v = state[0];
    bool good = true;
    for (size_t i = 0; i < n; i++) {
        const float kept = mu * v[i];
        v[i] = kept - lr * gradient(r, g[i], w[i]);
        w[i] -= kept + less * v[i];
        good &= finite(w[i]);
    }
    return good;
}

static bool adam(const struct dli_update_rates *r, size_t n, const float *g, float *const *state, float *w)
{
    const float alpha = r->c[0], b1 = r->c[1], rest1 = r->c[2], b2 = r->c[3], rest2 = r->c[4], epsilon = r->c[5];
    float *m = state[0], *v = state[1];
    bool good = true;
    for (size_t i = 0; i < n; i++) {
        const float d = gradient(r, g[i], w[i]);
        m[i] = b1 * m[i] + d * rest1;
        v[i] = b2 * v[i] + d * d * rest2;
        w[i] -= m[i] * alpha / (sqrtf(v[i]) + epsilon);
        good &= finite(w[i]);
    }
    return good;
}

void dli_generic_init_update(struct dli_kernels *t)
{
    t->update[DLI_UPDATE_SGD - 1] = sgd;
    t->update[DLI_UPDATE_NESTEROVS - 1] = nesterovs;
    t->update[DLI_UPDATE_ADAM - 1] = adam;
}
