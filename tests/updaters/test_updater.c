/* SPDX-License-Identifier: Apache-2.0 */
/* Updaters against their formulas in double over many steps, what they keep as state and in which order, and what their text refuses. */
#include "support/fail_alloc.h"
#include "updaters/updater.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>
#include <string.h>

enum { N = 37, STEPS = 25 };

static struct dli_updater_at opened(const char *spec)
{
    struct dli_updater_at u;
    struct dl4c_error err = DL4C_ERROR_INIT;
    if (dli_updater_open(NULL, spec, &u, &err) != DL4C_OK)
        fail_msg("%s: %s", spec, err.message);
    return u;
}

static void begin(const struct dli_updater_at *u, int64_t t, float c[DLI_UPDATER_CONSTANTS])
{
    const char *schedule;
    const struct dli_updater_now now = { dli_updater_lr(u), dli_updater_momentum(u, &schedule), t };
    u->updater->begin(u->attrs, &now, c);
}

/* One element, one step, in double: returns the update; state s[0], s[1], s[2] as the formula names them in order. */
typedef double (*formula)(double lr, int64_t t, double g, double *s);

static double sgd(double lr, int64_t t, double g, double *s) { return (void)t, (void)s, lr * g; }

static double noop(double lr, int64_t t, double g, double *s) { return (void)lr, (void)t, (void)s, g; }

/* Bengio, Boulanger-Lewandowski and Pascanu, "Advances in Optimizing Recurrent Networks", ICASSP 2013, eq. 6 and 7: with
 * v' = mu v - lr g, the parameters that are kept (those looked ahead) change by mu mu v - (1 + mu) lr g. */
static double nesterovs_of(double mu, double lr, double g, double *v)
{
    const double change = mu * mu * *v - (1 + mu) * lr * g;
    *v = mu * *v - lr * g;
    return -change;
}
static double nesterovs(double lr, int64_t t, double g, double *s) { return (void)t, nesterovs_of(0.9, lr, g, s); }
static double nesterovs_half(double lr, int64_t t, double g, double *s) { return (void)t, nesterovs_of(0.5, lr, g, s); }

/* Kingma and Ba, "Adam", ICLR 2015, the faster order of computation at the end of section 2. */
static double adam_of(double b1, double b2, double eps, double lr, int64_t t, double g, double *s)
{
    s[0] = b1 * s[0] + (1 - b1) * g;
    s[1] = b2 * s[1] + (1 - b2) * g * g;
    return lr * sqrt(1 - pow(b2, (double)t)) / (1 - pow(b1, (double)t)) * s[0] / (sqrt(s[1]) + eps);
}
static double adam(double lr, int64_t t, double g, double *s) { return adam_of(0.9, 0.999, 1e-8, lr, t, g, s); }
static double adam_own(double lr, int64_t t, double g, double *s) { return adam_of(0.5, 0.75, 0.25, lr, t, g, s); }

/* The last paragraph of its section 7.1, with what keeps u from 0. */
static double adamax(double lr, int64_t t, double g, double *s)
{
    s[0] = 0.5 * s[0] + 0.5 * g;
    s[1] = fmax(0.75 * s[1], fabs(g)) + 1e-32;
    return lr / (1 - pow(0.5, (double)t)) * s[0] / s[1];
}
/* Reddi, Kale and Kumar, "On the Convergence of Adam and Beyond", ICLR 2018, algorithm 2, with Adam's correction. */
static double amsgrad(double lr, int64_t t, double g, double *s)
{
    s[0] = 0.5 * s[0] + 0.5 * g;
    s[1] = 0.75 * s[1] + 0.25 * g * g;
    s[2] = fmax(s[2], s[1]);
    return lr * sqrt(1 - pow(0.75, (double)t)) / (1 - pow(0.5, (double)t)) * s[0] / (sqrt(s[2]) + 0.25);
}
/* Dozat, "Incorporating Nesterov Momentum into Adam", 2016; v is not corrected. */
static double nadam(double lr, int64_t t, double g, double *s)
{
    s[0] = 0.5 * s[0] + 0.5 * g;
    s[1] = 0.75 * s[1] + 0.25 * g * g;
    return lr * (0.5 * s[0] + 0.5 * g) / (1 - pow(0.5, (double)t)) / (sqrt(s[1]) + 0.25);
}
static double rmsprop(double lr, int64_t t, double g, double *s)
{
    (void)t;
    s[0] = 0.75 * s[0] + 0.25 * g * g;
    return lr * g / (sqrt(s[0]) + 0.125);
}
static double adagrad(double lr, int64_t t, double g, double *s)
{
    (void)t;
    s[0] += g * g;
    return lr * g / (sqrt(s[0]) + 0.125);
}
/* Zeiler, "ADADELTA", 2012, algorithm 1. */
static double adadelta(double lr, int64_t t, double g, double *s)
{
    (void)lr;
    (void)t;
    s[0] = 0.75 * s[0] + 0.25 * g * g;
    const double u = g * sqrt(s[1] + 0.125) / sqrt(s[0] + 0.125);
    s[1] = 0.75 * s[1] + 0.25 * u * u;
    return u;
}

static const struct {
    const char *name, *spec;
    int32_t n_states;
    double lr; /* as the spec has it */
    formula f;
    double tolerance, state_tolerance; /* of an update and of the state, against the largest of its step */
    double first;                      /* what all state begins with */
} followed[] = {
    { "sgd", "sgd", 0, 1e-3, sgd, 1e-7, 0 },
    { "sgd", "sgd:lr=0.25", 0, 0.25, sgd, 1e-7, 0 },
    { "noop", "noop", 0, 1, noop, 0, 0 },
    { "nesterovs", "nesterovs", 1, 0.1, nesterovs, 1e-6, 1e-6 }, /* a few roundings of 6e-8, kept over 1 / (1 - mu) = 10 steps */
    { "nesterovs", "nesterovs:lr=0.3,momentum=0.5", 1, 0.3, nesterovs_half, 1e-6, 1e-6 },
    /* 0.999 and its powers keep, in float and next to 1, an error of 6e-8 in the 1e-3 that 1 - 0.999 is: 3e-5 in v and half of that
     * in the roots. */
    { "adam", "adam", 2, 1e-3, adam, 5e-5, 3e-5 },
    { "adam", "adam:lr=0.125,beta1=0.5,beta2=0.75,epsilon=0.25", 2, 0.125, adam_own, 1e-6, 1e-6 },
    { "adamax", "adamax:lr=0.125,beta1=0.5,beta2=0.75", 2, 0.125, adamax, 1e-6, 1e-6 },
    { "amsgrad", "amsgrad:lr=0.125,beta1=0.5,beta2=0.75,epsilon=0.25", 3, 0.125, amsgrad, 1e-6, 1e-6 },
    { "nadam", "nadam:lr=0.125,beta1=0.5,beta2=0.75,epsilon=0.25", 2, 0.125, nadam, 1e-6, 1e-6 },
    { "rmsprop", "rmsprop:lr=0.125,decay=0.75,epsilon=0.125", 1, 0.125, rmsprop, 1e-6, 1e-6, 0.125 },
    { "adagrad", "adagrad:lr=0.125,epsilon=0.125", 1, 0.125, adagrad, 2e-6, 2e-6, 0.125 }, /* a sum over 25 steps */
    { "adadelta", "adadelta:rho=0.75,epsilon=0.125", 2, 1, adadelta, 1e-6, 1e-6 },
};
enum { FOLLOWED = sizeof followed / sizeof *followed };

static float gradient_at(int64_t t, int i)
{
    const double scale[] = { 1, 1e-3, 30, 0 }; /* of several sizes, some nothing */
    return (float)(scale[i % 4] * sin(0.7 * (double)i + 1.3 * (double)t));
}

static void updates_and_states_follow_the_formula(void **state)
{
    (void)state;
    for (size_t k = 0; k < FOLLOWED; k++) {
        struct dli_updater_at u = opened(followed[k].spec);
        float c[DLI_UPDATER_CONSTANTS], g[N], kept[DLI_UPDATER_STATES][N] = { { 0 } };
        float *const states[DLI_UPDATER_STATES] = { kept[0], kept[1], kept[2] };
        double want[N][3];
        assert_int_equal(u.updater->n_states, followed[k].n_states);
        for (int i = 0; i < N; i++)
            for (int s = 0; s < DLI_UPDATER_STATES; s++) {
                want[i][s] = followed[k].first;
                if (s < followed[k].n_states && u.updater->initial)
                    kept[s][i] = u.updater->initial(u.attrs, s);
            }
        assert_true(dli_updater_lr(&u) == followed[k].lr);
        for (int64_t t = 1; t <= STEPS; t++) {
            double update[N], largest = 0, state_scale[3] = { 0 };
            for (int i = 0; i < N; i++) {
                g[i] = gradient_at(t, i);
                update[i] = followed[k].f(followed[k].lr, t, (double)g[i], want[i]);
                largest = fmax(largest, fabs(update[i]));
                for (int s = 0; s < 3; s++)
                    state_scale[s] = fmax(state_scale[s], fabs(want[i][s]));
            }
            begin(&u, t, c);
            u.updater->range(c, N, g, states);
            for (int i = 0; i < N; i++) {
                if (!(fabs((double)g[i] - update[i]) <= followed[k].tolerance * largest))
                    fail_msg("%s, step %d, element %d: %.9g, wanted %.9g", followed[k].spec, (int)t, i, (double)g[i], update[i]);
                for (int s = 0; s < followed[k].n_states; s++)
                    if (!(fabs((double)kept[s][i] - want[i][s]) <= followed[k].state_tolerance * state_scale[s]))
                        fail_msg("%s, step %d, state %d of %d: %.9g, wanted %.9g", followed[k].spec, (int)t, s, i, (double)kept[s][i],
                                 want[i][s]);
            }
        }
        for (int s = followed[k].n_states; s < DLI_UPDATER_STATES; s++)
            for (int i = 0; i < N; i++)
                assert_true(kept[s][i] == 0); /* what is not its state is not touched */
        dli_updater_close(&u);
    }
}

/* What Deeplearning4j reads from and writes to updaterState.bin: its order and count of vectors, and its defaults. */
static void every_updater_of_the_build_is_followed(void **state)
{
    (void)state;
    struct dli_kind_entry e;
    int32_t n = 0;
    for (; dli_updater_kind(n, &e); n++) {
        size_t k = 0;
        while (k < FOLLOWED && strcmp(followed[k].name, e.name) != 0)
            k++;
        if (k == FOLLOWED)
            fail_msg("%s has no case above", e.name);
        assert_string_equal(dli_updater_find(e.name)->name, e.name);
        assert_non_null(dli_updater_find(e.name)->dl4j);
        assert_true(strlen(e.doc) > 10);
    }
    assert_true(n >= 4);
    assert_false(dli_updater_kind(-1, &e));
    assert_null(dli_updater_find("adamw"));
}

/* Threads cut the parameters anywhere: an element's bits are its own. */
static void bits_of_an_element_depend_on_that_element_alone(void **state)
{
    (void)state;
    for (size_t k = 0; k < FOLLOWED; k++) {
        struct dli_updater_at u = opened(followed[k].spec);
        float c[DLI_UPDATER_CONSTANTS], whole[N], parts[N], a[DLI_UPDATER_STATES][N] = { { 0 } }, b[DLI_UPDATER_STATES][N] = { { 0 } };
        for (int64_t t = 1; t <= 5; t++) {
            for (int i = 0; i < N; i++)
                whole[i] = parts[i] = gradient_at(t, i);
            begin(&u, t, c);
            u.updater->range(c, N, whole, (float *const[]){ a[0], a[1], a[2] });
            for (int at = 0, n; at < N; at += n) {
                n = at + at / 2 + 1 < N ? at / 2 + 1 : N - at;
                u.updater->range(c, (size_t)n, parts + at, (float *const[]){ b[0] + at, b[1] + at, b[2] + at });
            }
            assert_memory_equal(whole, parts, sizeof whole);
            assert_memory_equal(a, b, sizeof a);
        }
        dli_updater_close(&u);
    }
}

/* Adam's correction at its edges: beta1 = 1 divides by nothing, and the update stays finite. */
static void adam_stays_finite_where_its_correction_is_not(void **state)
{
    (void)state;
    struct dli_updater_at u = opened("adam:beta1=1");
    const struct dli_updater_now now = { .lr = 0.1, .t = 1 };
    float c[DLI_UPDATER_CONSTANTS], g[2] = { 3, -2 }, m[2] = { 0 }, v[2] = { 0 };
    u.updater->begin(u.attrs, &now, c);
    u.updater->range(c, 2, g, (float *const[]){ m, v, NULL });
    assert_true(isfinite(g[0]) && isfinite(g[1]));
    dli_updater_close(&u);
}

/* The text is what makes two updaters one block of state: it must be the same for the same updater, however it was written. */
static void equal_updaters_have_equal_texts(void **state)
{
    (void)state;
    static const struct {
        const char *spec, *text;
    } cases[] = {
        { "adam", "adam" },
        { "adam:beta1=0.9,lr=0.001", "adam" },
        { "adam(lr=1e-3)", "adam" },
        { "nesterovs:momentum=0.5,lr=0.10", "nesterovs:momentum=0.5" },
        { "sgd:lr=0.5,lr_schedule=step(decay=0.5,step=10)", "sgd:lr=0.5,lr_schedule=step(decay=0.5,step=10)" },
        { "noop", "noop" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct dli_updater_at u = opened(cases[i].spec), again = opened(u.text);
        assert_string_equal(u.text, cases[i].text);
        assert_string_equal(again.text, u.text);
        dli_updater_close(&u);
        dli_updater_close(&again);
    }
}

static void the_learning_rate_and_its_schedule_are_told(void **state)
{
    (void)state;
    struct dli_updater_at u = opened("nesterovs:lr=0.2,lr_schedule=exponential(gamma=0.9)"), none = opened("noop");
    assert_true(dli_updater_lr(&u) == 0.2);
    assert_string_equal(dli_updater_lr_schedule(&u), "exponential(gamma=0.9)");
    assert_true(dli_updater_lr(&none) == 1); /* what is multiplied by it stays */
    assert_null(dli_updater_lr_schedule(&none));
    dli_updater_close(&u);
    dli_updater_close(&none);
    dli_updater_close(&none); /* of zeros */
}

static void momentum_and_its_schedule_are_told(void **state)
{
    (void)state;
    const char *schedule = "";
    struct dli_updater_at u = opened("nesterovs:momentum=0.25,momentum_schedule=step(decay=0.5,step=2)"), none = opened("adadelta");
    assert_true(dli_updater_momentum(&u, &schedule) == 0.25);
    assert_string_equal(schedule, "step(decay=0.5,step=2)");
    assert_true(dli_updater_momentum(&none, &schedule) == 0 && !schedule);
    dli_updater_close(&u);
    dli_updater_close(&none);
}

static void wrong_texts_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *spec;
        dl4c_status status;
        const char *says;
    } cases[] = {
        { "adamw", DL4C_E_NOTFOUND,
          "there is no updater \"adamw\"; wanted one of adadelta, adagrad, adam, adamax, amsgrad, nadam, nesterovs, noop, rmsprop, sgd" },
        { "Sgd", DL4C_E_NOTFOUND, "Sgd" },
        { "", DL4C_E_INVALID, "wanted a name" },
        { "sgd:", DL4C_E_INVALID, "nothing after the colon" },
        { "sgd:momentum=0.9", DL4C_E_INVALID, "momentum" },
        { "sgd:lr=-0.1", DL4C_E_INVALID, "lr is -0.1" },
        { "sgd:lr=nan", DL4C_E_INVALID, "lr is \"nan\"" },
        { "sgd:lr=inf", DL4C_E_INVALID, "lr is \"inf\"" },
        { "sgd:lr=1e31", DL4C_E_INVALID, "lr is 1e+31" },
        { "sgd:lr=0.1;0.2", DL4C_E_INVALID, "2 values" },
        { "sgd:lr=0,1", DL4C_E_INVALID, "wanted key=value" },
        { "nesterovs:momentum=1.5", DL4C_E_INVALID, "momentum is 1.5" },
        { "nesterovs:lr=0.1,lr=0.2", DL4C_E_INVALID, "lr" },
        { "adam:beta1=-0.1", DL4C_E_INVALID, "beta1 is -0.1" },
        { "adam:beta2=1.0001", DL4C_E_INVALID, "beta2 is 1.0001" },
        { "adam:epsilon=-1", DL4C_E_INVALID, "epsilon is -1" },
        { "adam:beta3=0.9", DL4C_E_INVALID, "beta3" },
        { "noop:lr=1", DL4C_E_INVALID, "lr" },
        { "adadelta:lr=1", DL4C_E_INVALID, "lr" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct dl4c_error err = DL4C_ERROR_INIT;
        struct dli_updater_at u;
        const dl4c_status status = dli_updater_open(NULL, cases[i].spec, &u, &err);
        if (status != cases[i].status || !strstr(err.message, cases[i].says))
            fail_msg("\"%s\": %s \"%s\"", cases[i].spec, dl4c_status_name(status), err.message);
        assert_null(u.updater);
        assert_null(u.attrs);
        assert_null(u.text);
    }
    struct dl4c_error err = DL4C_ERROR_INIT;
    struct dli_updater_at u;
    assert_int_equal(dli_updater_open(NULL, NULL, &u, &err), DL4C_E_INVALID);
}

/* A number that no text can say comes through the typed form. */
static void a_typed_nan_is_refused(void **state)
{
    (void)state;
    struct dl4c_error err = DL4C_ERROR_INIT;
    const struct dli_updater *u = dli_updater_find("sgd");
    struct dli_updater_head head = { 0 };
    const struct dli_attr_set set = { u->attrs, &head };
    const struct dl4c_attr bad = dl4c_attr_float("lr", (double)NAN), infinite = dl4c_attr_float("lr", (double)INFINITY);
    assert_int_equal(dli_attrs_read(NULL, "sgd", &set, 1, &bad, 1, &err), DL4C_E_INVALID);
    assert_string_equal(err.message, "sgd: lr is not a number");
    assert_int_equal(dli_attrs_read(NULL, "sgd", &set, 1, &infinite, 1, &err), DL4C_E_INVALID);
}

static dl4c_status open_one(dl4c_context *ctx, void *arg, struct dl4c_error *err)
{
    struct dli_updater_at u;
    (void)arg;
    const dl4c_status status = dli_updater_open(ctx, "adam:lr=0.5,lr_schedule=step(decay=0.5,step=10)", &u, err);
    if (status != DL4C_OK)
        assert_null(u.updater);
    dli_updater_close(&u);
    return status;
}

static void every_allocation_may_fail(void **state)
{
    (void)state;
    assert_true(fail_alloc_run(open_one, NULL) >= 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(updates_and_states_follow_the_formula),
        cmocka_unit_test(every_updater_of_the_build_is_followed),
        cmocka_unit_test(bits_of_an_element_depend_on_that_element_alone),
        cmocka_unit_test(adam_stays_finite_where_its_correction_is_not),
        cmocka_unit_test(equal_updaters_have_equal_texts),
        cmocka_unit_test(the_learning_rate_and_its_schedule_are_told),
        cmocka_unit_test(momentum_and_its_schedule_are_told),
        cmocka_unit_test(wrong_texts_are_refused),
        cmocka_unit_test(a_typed_nan_is_refused),
        cmocka_unit_test(every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
