/* SPDX-License-Identifier: Apache-2.0 */
/* Updaters' steps in one pass against what the updaters themselves compute, to the bit, at every length around the vector width. */
#include "kernels/update.h"
#include "updaters/updater.h"

#include "kernels/check.h"

enum { MOST = 70 };

/* A step as train/update.c makes it without a kernel. */
static void plainly(const struct dli_updater *u, const struct dli_update_rates *r, int64_t n, const float *gradient, float *const *state,
                    float *w)
{
    float g[MOST];
    for (int64_t i = 0; i < n; i++)
        g[i] = gradient[i] * r->scale;
    for (int64_t i = 0; i < n && r->l2 != 0; i++)
        g[i] += r->l2 * w[i];
    u->range(r->c, (size_t)n, g, state);
    for (int64_t i = 0; i < n; i++)
        w[i] -= g[i];
}

static void check(const char *spec, float l2, int64_t n)
{
    struct dli_updater_at u;
    struct dl4c_error err = DL4C_ERROR_INIT;
    float c[DLI_UPDATER_CONSTANTS] = { 0 }, *state[2][DLI_UPDATER_STATES] = { { 0 } }, *w[2], *g = random_floats(n, 3);
    assert_int_equal(dli_updater_open(NULL, spec, &u, &err), DL4C_OK);
    assert_int_not_equal(u.updater->kernel, DLI_UPDATE_PLAIN);
    const struct dli_updater_now now = { .lr = 0.05, .momentum = 0.9, .t = 3 };
    const struct dli_update_rates r = { 1.0f / 7, l2, c };
    u.updater->begin(u.attrs, &now, c);
    for (int k = 0; k < 2; k++) {
        w[k] = random_floats(n, 4);
        for (int32_t s = 0; s < u.updater->n_states; s++) {
            state[k][s] = random_floats(n, 5 + (uint64_t)s);
            for (int64_t i = 0; i < n; i++)
                state[k][s][i] = fabsf(state[k][s][i]); /* a mean of squares is not negative */
        }
    }
    for (int step = 0; step < 3; step++) {
        assert_true(dli_kernels()->update[u.updater->kernel - 1](&r, (size_t)n, g, state[0], w[0]));
        plainly(u.updater, &r, n, g, state[1], w[1]);
        assert_true(same_bits(w[0], w[1], n));
        for (int32_t s = 0; s < u.updater->n_states; s++)
            assert_true(same_bits(state[0][s], state[1][s], n));
    }
    for (int64_t i = 0; i < n; i++) { /* one that is not finite is seen wherever it stands */
        w[0][i] = i % 2 ? INFINITY : NAN;
        assert_false(dli_kernels()->update[u.updater->kernel - 1](&r, (size_t)n, g, state[0], w[0]));
        w[0][i] = 0;
        for (int32_t k = 0; k < u.updater->n_states; k++) /* through l2 it came there, too */
            state[0][k][i] = 1;
    }
    assert_true(dli_kernels()->update[u.updater->kernel - 1](&r, (size_t)n, g, state[0], w[0]));
    for (int k = 0; k < 2; k++) {
        floats_free(w[k], n);
        for (int32_t s = 0; s < u.updater->n_states; s++)
            floats_free(state[k][s], n);
    }
    floats_free(g, n);
    dli_updater_close(&u);
}

static void a_step_in_one_pass_has_the_bits_of_the_updater(void **state)
{
    (void)state;
    static const char *const specs[] = { "sgd", "nesterovs", "adam", "adam:epsilon=0" };
    for (size_t s = 0; s < COUNT(specs); s++)
        for (int64_t n = 1; n <= MOST; n++) {
            check(specs[s], 0, n);
            check(specs[s], 0.01f, n);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = { cmocka_unit_test(a_step_in_one_pass_has_the_bits_of_the_updater) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
