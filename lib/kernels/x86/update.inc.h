/* SPDX-License-Identifier: Apache-2.0 */
/* Updaters' steps for the vec.h included before. No fused multiply-add: an element has the bits of plain C. */
#include "kernels/update.h"
#include "kernels/kernels.h"

INLINE vec update_of(const int kind, const vec c[6], vec g, mask m, float *const *state, size_t i)
{
    if (kind == DLI_UPDATE_SGD)
        return mul(g, c[0]);
    if (kind == DLI_UPDATE_NESTEROVS) {
        const vec kept = mul(c[1], load_mask(m, state[0] + i)), v = sub(kept, mul(c[0], g));
        store_mask(state[0] + i, m, v);
        return add(kept, mul(c[2], v));
    }
    const vec first = add(mul(c[1], load_mask(m, state[0] + i)), mul(g, c[2]));
    const vec second = add(mul(c[3], load_mask(m, state[1] + i)), mul(mul(g, g), c[4]));
    store_mask(state[0] + i, m, first);
    store_mask(state[1] + i, m, second);
    return divide(mul(first, c[0]), add(root(second), c[5]));
}

INLINE bool update_all(const int kind, const bool l2, const struct dli_update_rates *r, size_t n, const float *g, float *const *state,
                       float *w)
{
    vec c[6], bad = zero();
    UNROLLED (k, 6, 1)
        c[k] = splat(kind == DLI_UPDATE_NESTEROVS && k == 2 ? -r->c[1] - 1.0f : r->c[k]);
    const vec scale = splat(r->scale), share = splat(r->l2);
    for (size_t i = 0; i < n; i += LANES) {
        const mask m = first_lanes((int64_t)(n - i));
        const vec before = load_mask(m, w + i);
        vec d = mul(load_mask(m, g + i), scale);
        if (l2)
            d = add(d, mul(share, before));
        const vec after = sub(before, update_of(kind, c, d, m, state, i));
        store_mask(w + i, m, after);
        /* What lies past n may be anything, as 0 / 0 with an epsilon of 0: it counts as nothing. */
        bad = add(bad, mul(i + LANES <= n ? after : load_mask(m, w + i), zero())); /* NaN where infinite or NaN */
    }
    float lane[LANES];
    store(lane, bad);
    bool good = true;
    for (int k = 0; k < LANES; k++)
        good &= lane[k] == 0;
    return good;
}

#define UPDATE(NAME, KIND)                                                                                                             \
    static bool NAME(const struct dli_update_rates *r, size_t n, const float *g, float *const *state, float *w)                        \
    {                                                                                                                                  \
        return r->l2 != 0 ? update_all(KIND, true, r, n, g, state, w) : update_all(KIND, false, r, n, g, state, w);                    \
    }
UPDATE(update_sgd, DLI_UPDATE_SGD)
UPDATE(update_nesterovs, DLI_UPDATE_NESTEROVS)
UPDATE(update_adam, DLI_UPDATE_ADAM)
