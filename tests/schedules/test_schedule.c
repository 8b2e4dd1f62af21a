/* SPDX-License-Identifier: Apache-2.0 */
/* Schedules against their formulas multiplied out in double, by iteration and by epoch, and what their text form refuses. */
#include "schedules/schedule.h"
#include "support/fail_alloc.h"
#include "support/number.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct dli_schedule_at opened(const char *spec)
{
    struct dli_schedule_at s;
    struct dl4c_error err = DL4C_ERROR_INIT;
    if (dli_schedule_open(NULL, spec, &s, &err) != DL4C_OK)
        fail_msg("%s: %s", spec, err.message);
    return s;
}

/* pow() of the library's side against repeated multiplication here: each of up to 200 factors rounds once. */
static void assert_near(double got, double want, const char *spec, int64_t at)
{
    if (!(fabs(got - want) <= 200 * 1.2e-16 * fabs(want)))
        fail_msg("%s at %d: %.17g, wanted %.17g", spec, (int)at, got, want);
}

/* A value after `at` steps, one at a time, as a person would: v becomes next(v, i). */
typedef double (*next_fn)(double v, int64_t i);
static double halved_each_third(double v, int64_t i) { return i % 3 == 0 ? v * 0.5 : v; }
static double times_nine_tenths(double v, int64_t i) { return (void)i, v * 0.9; }
static double unchanged(double v, int64_t i) { return (void)i, v; }
static double tenth_each_seventh(double v, int64_t i) { return i % 7 == 0 ? v * 0.1 : v; }
static double grows(double v, int64_t i) { return (void)i, v * 1.01; }

static const struct {
    const char *name, *args;
    next_fn next;
} followed[] = {
    { "step", "decay=0.5,step=3", halved_each_third }, /* StepSchedule: v * d^floor(i / step) */
    { "step", "decay=0.1,step=7", tenth_each_seventh },
    { "exponential", "gamma=0.9", times_nine_tenths }, /* ExponentialSchedule: v * g^i */
    { "exponential", "gamma=1.01", grows },
    { "fixed", NULL, unchanged },
};

/* Those whose formula is no step from value to value. */
static const struct {
    const char *spec;
    double base;
    int64_t iteration;
    double want;
} by_hand[] = {
    { "fixed", 0.3, 7, 0.3 },
    { "fixed:value=0.5", 0.3, 7, 0.5 },
    { "step:decay=0.5,step=2", 0.1, 5, 0.025 },
    { "exponential:gamma=0.8", 0.1, 2, 0.064 },
    { "inverse:gamma=0.5,power=2", 1, 2, 0.25 },
    { "inverse:gamma=3", 1, 1, 0.25 },
    { "poly:max_iter=10,power=2", 0.1, 1, 0.121 },
    { "poly:max_iter=10,power=2", 0.1, 9, 0.361 },
    { "poly:max_iter=10,power=2", 0.1, 10, 0 },
    { "sigmoid:gamma=0.8,step=3", 0.1, 3, 0.05 },
    { "sigmoid:gamma=1,step=0", 1, 1, 0.7310585786300049 },
    { "cycle:max=0.1,cycle_length=4,initial=0.01,annealing_length=1", 9, 0, 0.01 },
    { "cycle:max=0.1,cycle_length=4,initial=0.01,annealing_length=1", 9, 1, 0.1 },
    { "cycle:max=0.1,cycle_length=4,initial=0.01,annealing_length=1", 9, 3, 0.01 },
    { "cycle:max=1,cycle_length=10", 9, 2, 0.1 + 2 * 0.9 / 4 }, /* a tenth of it is annealing: half is (10 - 1) / 2 */
    { "cycle:max=1,cycle_length=10,annealing_length=4", 9, 6, 0.1 },
    { "cycle:max=1,cycle_length=10,annealing_length=4", 9, 9, 1e-4 }, /* 0.1 * 0.1^3 */
    { "cycle:max=1,cycle_length=1,annealing_length=1", 9, 5, 0.1 },   /* no way up */
    { "map:values=0:0.1;2:0.05;4:0.01", 9, 1, 0.1 },
    { "map:values=0:0.1;2:0.05;4:0.01", 9, 2, 0.05 },
    { "map:values=0:0.1;2:0.05;4:0.01", 9, 400, 0.01 },
    { "ramp:n=3", 0.1, 0, 0.1 / 3 },
    { "ramp:n=3", 0.1, 2, 0.1 },
    { "ramp:n=4,of=step(decay=0.5,step=1)", 0.8, 1, 0.4 * 0.5 },
    { "ramp:n=4,of=step(decay=0.5,step=1)", 0.8, 4, 0.05 },
    { "ramp:n=2,of=ramp(n=2)", 0.8, 0, 0.2 },
};

static void values_are_those_computed_by_hand(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof by_hand / sizeof *by_hand; i++) {
        struct dli_schedule_at s = opened(by_hand[i].spec);
        const double v = dli_schedule_value(&s, by_hand[i].base, by_hand[i].iteration, 99);
        if (!(fabs(v - by_hand[i].want) <= 1e-15)) /* a few roundings of numbers below 1 */
            fail_msg("%s at %d: %.17g, wanted %.17g", by_hand[i].spec, (int)by_hand[i].iteration, v, by_hand[i].want);
        dli_schedule_close(&s);
    }
}

/* The inner one of a ramp counts for itself. */
static void a_map_and_a_ramp_count_what_they_say(void **state)
{
    (void)state;
    struct dli_schedule_at map = opened("map:values=0:1;3:2,by=epoch"), ramp = opened("ramp:n=4,by=epoch,of=step(decay=0.5,step=1)");
    assert_true(dli_schedule_value(&map, 9, 100, 2) == 1 && dli_schedule_value(&map, 9, 0, 3) == 2);
    assert_true(dli_schedule_value(&ramp, 1, 2, 1) == 0.125);
    dli_schedule_close(&map);
    dli_schedule_close(&ramp);
}

static void values_follow_the_formula_by_iteration_and_by_epoch(void **state)
{
    (void)state;
    for (size_t k = 0; k < sizeof followed / sizeof *followed; k++)
        for (int by = 0; by < 3; by++) { /* not said: by iteration */
            char spec[128];
            snprintf(spec, sizeof spec, "%s%s%s%s%s", followed[k].name, followed[k].args || by ? ":" : "",
                     followed[k].args ? followed[k].args : "", followed[k].args && by ? "," : "",
                     by == 2   ? "by=epoch"
                     : by == 1 ? "by=iteration"
                               : "");
            struct dli_schedule_at s = opened(spec);
            double want = 0.3;
            for (int64_t i = 0; i < 60; i++) {
                if (i > 0)
                    want = followed[k].next(want, i);
                const int64_t other = 1000 - 13 * i; /* the count that it does not follow */
                assert_near(dli_schedule_value(&s, 0.3, by == 2 ? other : i, by == 2 ? i : other), want, spec, i);
            }
            dli_schedule_close(&s);
        }
}

static void every_schedule_of_the_build_is_followed(void **state)
{
    (void)state;
    struct dli_kind_entry e;
    int32_t n = 0;
    for (; dli_schedule_kind(n, &e); n++) {
        size_t k = 0;
        while (k < sizeof followed / sizeof *followed && strcmp(followed[k].name, e.name) != 0)
            k++;
        size_t h = 0;
        while (h < sizeof by_hand / sizeof *by_hand && strncmp(by_hand[h].spec, e.name, strlen(e.name)) != 0)
            h++;
        if (k == sizeof followed / sizeof *followed && h == sizeof by_hand / sizeof *by_hand)
            fail_msg("%s has no case above", e.name);
        assert_string_equal(dli_schedule_find(e.name)->name, e.name);
        assert_non_null(dli_schedule_find(e.name)->dl4j);
        assert_true(strlen(e.doc) > 10);
    }
    assert_true(n >= 3);
    assert_false(dli_schedule_kind(-1, &e));
    assert_null(dli_schedule_find("stairs"));
    assert_null(dli_schedule_find("steps"));
}

static void a_value_of_its_own_replaces_the_hyperparameter(void **state)
{
    (void)state;
    struct dli_schedule_at own = opened("step:decay=0.5,step=2,value=0.8"), none = opened("step:decay=0.5,step=2,value=0");
    assert_true(dli_schedule_value(&own, 0.1, 4, 0) == 0.2);
    assert_true(dli_schedule_value(&none, 0.1, 4, 0) == 0.1 * 0.25);
    dli_schedule_close(&own);
    dli_schedule_close(&none);
}

static void without_a_schedule_the_value_stays(void **state)
{
    (void)state;
    struct dli_schedule_at s = { .schedule = (const struct dli_schedule *)&s }; /* not zeros: open writes all of it */
    assert_int_equal(dli_schedule_open(NULL, NULL, &s, NULL), DL4C_OK);
    assert_null(s.schedule);
    assert_true(dli_schedule_value(&s, 0.07, 12345, 678) == 0.07);
    dli_schedule_close(&s);
    dli_schedule_close(&s); /* of zeros */
}

/* A step that is no whole number counts as it says: 2.5 passes at 3, 5, 8, 10. */
static void steps_need_not_be_whole(void **state)
{
    (void)state;
    struct dli_schedule_at s = opened("step:decay=0.5,step=2.5");
    const double want[] = { 1, 1, 1, 0.5, 0.5, 0.25, 0.25, 0.25, 0.125, 0.125, 0.0625 };
    for (int64_t i = 0; i < 11; i++)
        assert_true(dli_schedule_value(&s, 1, i, 0) == want[i]);
    dli_schedule_close(&s);
}

static void a_decay_of_nothing_ends_at_zero(void **state)
{
    (void)state;
    struct dli_schedule_at s = opened("exponential:gamma=0");
    assert_true(dli_schedule_value(&s, 0.5, 0, 0) == 0.5);
    assert_true(dli_schedule_value(&s, 0.5, 1, 0) == 0);
    dli_schedule_close(&s);
}

static void wrong_texts_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *spec;
        dl4c_status status;
        const char *says;
    } cases[] = {
        { "stairs", DL4C_E_NOTFOUND,
          "there is no schedule \"stairs\"; wanted one of cycle, exponential, fixed, inverse, map, poly, ramp, sigmoid, step" },
        { "", DL4C_E_INVALID, "wanted a name" },
        { "step:decay=0.5", DL4C_E_INVALID, "step" },
        { "step:step=2", DL4C_E_INVALID, "decay" },
        { "exponential", DL4C_E_INVALID, "gamma" },
        { "step:decay=0.5,step=2,size=1", DL4C_E_INVALID, "size" },
        { "step:decay=0.5,step=0", DL4C_E_INVALID, "step is 0" },
        { "step:decay=0.5,step=-1", DL4C_E_INVALID, "step is -1" },
        { "step:decay=-0.5,step=1", DL4C_E_INVALID, "decay is -0.5" },
        { "step:decay=nan,step=1", DL4C_E_INVALID, "decay is \"nan\"" },
        { "step:decay=1e999,step=1", DL4C_E_INVALID, "decay" },
        { "exponential:gamma=inf", DL4C_E_INVALID, "gamma is \"inf\"" },
        { "exponential:gamma=0.9,gamma=0.8", DL4C_E_INVALID, "gamma" },
        { "exponential:gamma=0.9,by=week", DL4C_E_INVALID, "by is \"week\", wanted one of iteration, epoch" },
        { "exponential:gamma=0.9,value=-1", DL4C_E_INVALID, "value is -1" },
        { "fixed:gamma=0.9", DL4C_E_INVALID, "gamma" },
        { "poly:max_iter=0", DL4C_E_INVALID, "max_iter" },
        { "cycle:max=0.1,cycle_length=4,initial=0.2", DL4C_E_INVALID, "initial is above max" },
        { "cycle:max=0.1,cycle_length=4,annealing_length=5", DL4C_E_INVALID, "annealing_length 5" },
        { "map:values=1:0.1", DL4C_E_INVALID, "begin at 0" },
        { "map:values=0:0.1;0:0.2", DL4C_E_INVALID, "rise" },
        { "map:values=0:0.1;", DL4C_E_INVALID, "ITERATION:VALUE" },
        { "map:values=0:nan", DL4C_E_INVALID, "ITERATION:VALUE" },
        { "map:values=0.5:1", DL4C_E_INVALID, "ITERATION:VALUE" },
        { "ramp:n=3,of=hill", DL4C_E_NOTFOUND, "hill" },
        { "ramp:n=1,of=ramp(n=1,of=ramp(n=1,of=ramp(n=1,of=ramp(n=1,of=ramp(n=1,of=ramp(n=1,of=ramp(n=1,of=ramp(n=1))))))))", DL4C_E_LIMIT,
          "8 deep" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct dl4c_error err = DL4C_ERROR_INIT;
        struct dli_schedule_at s;
        const dl4c_status status = dli_schedule_open(NULL, cases[i].spec, &s, &err);
        if (status != cases[i].status || !strstr(err.message, cases[i].says))
            fail_msg("\"%s\": %s \"%s\"", cases[i].spec, dl4c_status_name(status), err.message);
        assert_null(s.schedule);
        assert_null(s.attrs);
        dli_schedule_close(&s);
    }
}

/* What Deeplearning4j's own schedules answered at iterations 0 to 19, starting from 0.1. */
static void deeplearning4j_gives_the_same_values(void **state)
{
    (void)state;
    static const struct {
        const char *golden, *spec;
    } cases[] = {
        { "step", "step:decay=0.5,step=2" },
        { "exp", "exponential:gamma=0.8" },
        { "fixed", "fixed" },
        { "inverse", "inverse:gamma=0.3,power=0.75" },
        { "poly", "poly:max_iter=10,power=2" },
        { "sigmoid", "sigmoid:gamma=0.8,step=3" },
        { "map", "map:values=0:0.1;2:0.05;4:0.01" },
        { "ramp", "ramp:n=3" },
        { "cycle", "cycle:max=0.1,cycle_length=4,initial=0.01,annealing_length=1" },
    };
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        char path[128], line[128];
        snprintf(path, sizeof path, "../shared/dl4j/goldens/d_sched_%s/values.tsv", cases[k].golden);
        FILE *f = fopen(path, "r");
        if (!f) {
            print_message("skipped: %s is not there\n", path);
            skip();
        }
        struct dli_schedule_at s = opened(cases[k].spec);
        int rows = 0;
        while (fgets(line, sizeof line, f)) {
            char *end;
            const int64_t i = strtoll(line, &end, 10);
            if (end == line)
                continue; /* the heading */
            assert_near(dli_schedule_value(&s, 0.1, i, 99), number_at(end), cases[k].spec, i);
            rows++;
        }
        fclose(f);
        dli_schedule_close(&s);
        assert_int_equal(rows, 20);
    }
}

static dl4c_status open_one(dl4c_context *ctx, void *arg, struct dl4c_error *err)
{
    struct dli_schedule_at s;
    (void)arg;
    const dl4c_status status = dli_schedule_open(ctx, "ramp:n=4,of=map(values=0:0.1;5:0.2,by=epoch)", &s, err);
    if (status != DL4C_OK)
        assert_null(s.schedule);
    dli_schedule_close(&s);
    return status;
}

static void every_allocation_may_fail(void **state)
{
    (void)state;
    assert_true(fail_alloc_run(open_one, NULL) >= 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_follow_the_formula_by_iteration_and_by_epoch),
        cmocka_unit_test(values_are_those_computed_by_hand),
        cmocka_unit_test(a_map_and_a_ramp_count_what_they_say),
        cmocka_unit_test(every_schedule_of_the_build_is_followed),
        cmocka_unit_test(a_value_of_its_own_replaces_the_hyperparameter),
        cmocka_unit_test(without_a_schedule_the_value_stays),
        cmocka_unit_test(steps_need_not_be_whole),
        cmocka_unit_test(a_decay_of_nothing_ends_at_zero),
        cmocka_unit_test(wrong_texts_are_refused),
        cmocka_unit_test(deeplearning4j_gives_the_same_values),
        cmocka_unit_test(every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
