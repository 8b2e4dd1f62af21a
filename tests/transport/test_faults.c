/* SPDX-License-Identifier: Apache-2.0 */
/* Transports that are made to fail on purpose: without a fault the wrapper changes nothing; with one, over threads and tcp alike, the
 * members are told the right thing in time, nothing wrong is taken for what was sent, and the group goes on. */
#define _GNU_SOURCE
#include "conformance/faults.h"
#include "conformance/transport.h"
#include "party.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum { OVER_THREADS, OVER_TCP, N_BELOW };
static const char *const below_names[N_BELOW] = { "faults:threads", "faults:tcp+plain" };

static void url_of(char *text, size_t size, int below, unsigned number)
{
    if (below == OVER_THREADS)
        snprintf(text, size, "faults:threads:group %u", number);
    else
        snprintf(text, size, "faults:tcp+plain://127.0.0.1:%u", number);
}

/* ---- no fault ---- */

struct conformance {
    int below;
    struct faults_plan plan;
    uint16_t ports[64];
};

static void prepare(dl4c_context *ctx, void *user)
{
    struct conformance *c = user;
    assert_int_equal(faults_register(ctx, &c->plan, NULL), DL4C_OK);
}

static void conformance_url(char *text, size_t size, int number, int driver, void *user)
{
    const struct conformance *c = user;
    (void)driver;
    url_of(text, size, c->below, c->below == OVER_TCP ? c->ports[number] : (unsigned)number);
}

static void without_a_fault_it_keeps_what_every_transport_promises(void **state)
{
    (void)state;
    for (int below = 0; below < N_BELOW; below++) {
        struct conformance c = { .below = below };
        const struct conformance_transport t = { .name = below_names[below], .prepare = prepare, .url = conformance_url, .user = &c,
                                                 .separate = below == OVER_TCP, .largest = 1 << 20 };
        for (int i = 0; i < 64; i++)
            c.ports[i] = free_port(0);
        assert_int_equal(conformance_transport(&t), 0);
        for (int k = 0; k < FAULTS_KINDS; k++)
            assert_int_equal(c.plan.met[k], 0);
    }
}

/* ---- one fault ---- */

enum { SIZE = 1000, N = 3, MAX_MEMBERS = 3 };

struct seat {
    struct party party;
    pthread_barrier_t *talked; /* nobody ends the generation before all are through */
    dl4c_status said[N], heard[N]; /* of the member's sends and the driver's receives */
    int64_t took_ms;
    int wrong; /* something else arrived than was said */
    float mean;
    dl4c_status averaged, regrouped, again;
    int32_t size; /* after regrouping */
};

static int64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void message(uint8_t *m, int number)
{
    for (int i = 0; i < SIZE; i++)
        m[i] = (uint8_t)(i * 13 + number * 101);
}

/* Rank 1 says N things to rank 0, as long as it is told that they went. */
static void talk(struct seat *s, int timeout_ms, dl4c_status *status)
{
    uint8_t m[SIZE], got[SIZE];
    const int64_t began = now_ms();
    int due = 0; /* a call that failed and did nothing leaves the message to the next */
    for (int i = 0; i < N; i++) {
        struct dl4c_error err = DL4C_ERROR_INIT;
        message(m, due);
        status[i] = s->party.place == 0 ? dl4c_group_recv(s->party.group, 1, got, SIZE, timeout_ms, &err)
                                        : dl4c_group_send(s->party.group, 0, m, SIZE, timeout_ms, &err);
        s->wrong |= s->party.place == 0 && status[i] == DL4C_OK && memcmp(m, got, SIZE) != 0;
        due += status[i] == DL4C_OK;
        s->wrong |= status[i] != DL4C_OK && (err.status != status[i] || !err.message[0]);
        if (s->party.place != 0 && status[i] != DL4C_OK)
            break;
    }
    s->took_ms = now_ms() - began;
}

static void *live(void *arg)
{
    struct seat *s = arg;
    struct dl4c_regroup_options o = DL4C_REGROUP_OPTIONS_INIT;
    struct dl4c_members m = DL4C_MEMBERS_INIT;
    dl4c_status again[N];
    party_enter(&s->party);
    if (s->party.status != DL4C_OK) {
        pthread_barrier_wait(s->talked);
        return NULL;
    }
    talk(s, 600, s->party.place == 0 ? s->heard : s->said);
    pthread_barrier_wait(s->talked);
    o.timeout_ms = 5000;
    s->regrouped = dl4c_group_regroup(s->party.group, &o, NULL);
    if (s->regrouped == DL4C_OK && dl4c_group_members(s->party.group, &m, NULL) == DL4C_OK && (s->size = m.size) == 2) {
        const int64_t took = s->took_ms;
        talk(s, 20000, again);
        s->took_ms = took;
        s->again = again[0] != DL4C_OK ? again[0] : again[1] != DL4C_OK ? again[1] : again[2];
        dl4c_group_barrier(s->party.group, 20000, NULL); /* nobody leaves before the other has heard it */
    }
    dl4c_group_leave(&s->party.group, 100);
    return NULL;
}

static void run(int below, struct faults_plan *plan, struct seat *seats, int n, void *(*fn)(void *))
{
    static unsigned number;
    pthread_barrier_t talked;
    const unsigned port = below == OVER_TCP ? free_port(0) : number++;
    dl4c_context *ctx = NULL;
    assert_int_equal(dl4c_context_create(NULL, &ctx, NULL), DL4C_OK);
    assert_int_equal(faults_register(ctx, plan, NULL), DL4C_OK);
    assert_int_equal(pthread_barrier_init(&talked, NULL, (unsigned)n), 0);
    memset(seats, 0, (size_t)n * sizeof *seats);
    for (int i = 0; i < n; i++) {
        seats[i].party = (struct party){ .ctx = ctx, .place = i, .size = n };
        seats[i].talked = &talked;
        url_of(seats[i].party.url, sizeof seats[i].party.url, below, port);
    }
    for (int i = 0; i < n; i++)
        assert_int_equal(pthread_create(&seats[i].party.thread, NULL, fn, &seats[i]), 0);
    for (int i = 0; i < n; i++)
        pthread_join(seats[i].party.thread, NULL);
    for (int i = 0; i < n; i++)
        if (seats[i].party.status != DL4C_OK)
            fail_msg("%s", seats[i].party.err.message);
    pthread_barrier_destroy(&talked);
    dl4c_context_destroy(&ctx);
}

static void each_fault_ends_as_it_should_and_in_time(void **state)
{
    enum { OK = DL4C_OK, PEER = DL4C_E_PEER, LATE = DL4C_E_TIMEOUT, BAD = DL4C_E_CORRUPT };
    static const struct {
        struct faults_fault fault;
        dl4c_status said[N], heard[N]; /* ANY: depends on what the transport below keeps for the receiver */
        int regroups;                  /* the member comes along */
    } cases[] = {
#define ANY (-1)
        { { FAULTS_DROP, 1, 2, 0, 0, 0 }, { OK, OK, ANY }, { OK, BAD, PEER }, 1 }, /* the third arrives where the second was due */
        { { FAULTS_DROP, 1, 3, 0, 0, 0 }, { OK, OK, OK }, { OK, OK, LATE }, 1 },
        { { FAULTS_DUPLICATE, 1, 1, 0, 0, 0 }, { OK, ANY, ANY }, { OK, BAD, PEER }, 1 },
        { { FAULTS_FLIP, 1, 2, 0, 0, 0 }, { OK, OK, ANY }, { OK, BAD, PEER }, 1 },
        { { FAULTS_DELAY, 1, 2, 0, 100, 0 }, { OK, OK, OK }, { OK, OK, OK }, 1 },
        { { FAULTS_DELAY, 1, 2, 0, 5000, 0 }, { OK, LATE, ANY }, { OK, LATE, LATE }, 1 },
        { { FAULTS_CUT, 1, 2, 0, 0, 0 }, { OK, PEER, ANY }, { OK, PEER, PEER }, 0 },
        { { FAULTS_FAIL, 1, 2, 0, 0, DL4C_E_IO }, { OK, DL4C_E_IO, ANY }, { OK, LATE, LATE }, 1 },
        { { FAULTS_FAIL, 0, 1, 0, 0, DL4C_E_NOMEM }, { OK, ANY, ANY }, { DL4C_E_NOMEM, OK, OK }, 1 },
    };
    (void)state;
    for (int below = 0; below < N_BELOW; below++)
        for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
            struct faults_plan plan = { .seed = 7, .n = 1, .faults = { cases[c].fault } };
            struct seat s[2];
            run(below, &plan, s, 2, live);
            const int right = s[0].wrong == 0 && s[1].wrong == 0 && plan.met[cases[c].fault.kind] == 1 && s[0].took_ms < 5000
                && s[1].took_ms < 5000;
            for (int i = 0; i < N; i++)
                if (!right || (cases[c].said[i] != ANY && s[1].said[i] != cases[c].said[i])
                    || (cases[c].heard[i] != ANY && s[0].heard[i] != cases[c].heard[i]))
                    fail_msg("%s, case %zu: said %d %d %d, heard %d %d %d, wrong %d, met %d, %d and %d ms", below_names[below], c,
                             (int)s[1].said[0], (int)s[1].said[1], (int)s[1].said[2], (int)s[0].heard[0], (int)s[0].heard[1],
                             (int)s[0].heard[2], s[0].wrong + s[1].wrong, (int)plan.met[cases[c].fault.kind], (int)s[0].took_ms,
                             (int)s[1].took_ms);
            assert_int_equal(s[0].regrouped, DL4C_OK);
            assert_int_equal(s[0].size, cases[c].regroups ? 2 : 1);
            assert_int_equal(s[0].again, DL4C_OK);
            assert_int_equal(s[1].regrouped, cases[c].regroups ? DL4C_OK : DL4C_E_PEER);
        }
}

/* ---- what a trainer does ---- */

static void *average(void *arg)
{
    struct seat *s = arg;
    struct dl4c_regroup_options o = DL4C_REGROUP_OPTIONS_INIT;
    struct dl4c_average_options a = DL4C_AVERAGE_OPTIONS_INIT;
    enum { FLOATS = 5000 };
    float in[FLOATS], out[FLOATS];
    party_enter(&s->party);
    if (s->party.status != DL4C_OK)
        return NULL;
    for (int i = 0; i < FLOATS; i++)
        in[i] = (float)(s->party.place + i);
    a.weight = 1;
    a.timeout_ms = 400;
    o.timeout_ms = 5000;
    s->averaged = dl4c_group_average(s->party.group, &a, in, out, FLOATS, NULL, NULL);
    s->regrouped = dl4c_group_regroup(s->party.group, &o, NULL);
    a.timeout_ms = 20000;
    if (s->regrouped == DL4C_OK)
        s->again = dl4c_group_average(s->party.group, &a, in, out, FLOATS, NULL, NULL);
    s->mean = out[FLOATS - 1];
    for (int i = 0; i < FLOATS && s->again == DL4C_OK; i++)
        s->wrong |= out[i] != (float)(1 + i);
    dl4c_group_barrier(s->party.group, 20000, NULL);
    dl4c_group_leave(&s->party.group, 100);
    return NULL;
}

static void a_mean_that_fails_is_right_the_next_time(void **state)
{
    static const int kinds[] = { FAULTS_DROP, FAULTS_DUPLICATE, FAULTS_FLIP, FAULTS_FAIL };
    (void)state;
    for (int below = 0; below < N_BELOW; below++)
        for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++)
            for (int at = 1; at <= 2; at++) {
                struct faults_plan plan = { .seed = 7, .n = 1,
                                            .faults = { { .kind = kinds[k], .rank = 1, .at = at, .status = DL4C_E_IO } } };
                struct seat s[MAX_MEMBERS];
                int failed = 0;
                run(below, &plan, s, MAX_MEMBERS, average);
                for (int i = 0; i < MAX_MEMBERS; i++) {
                    failed += s[i].averaged != DL4C_OK;
                    assert_int_equal(s[i].regrouped, DL4C_OK);
                    assert_int_equal(s[i].again, DL4C_OK);
                    assert_int_equal(s[i].wrong, 0);
                }
                assert_true(failed > 0);
                assert_int_equal(plan.met[kinds[k]], 1);
            }
}

/* ---- chance ---- */

/* Which of 400 calls fail. */
static void calls_that_fail(uint64_t seed, uint8_t out[400])
{
    struct faults_plan plan = { .seed = seed, .n = 1,
                                .faults = { { .kind = FAULTS_FAIL, .rank = -1, .per_mille = 250, .status = DL4C_E_IO } } };
    dl4c_context *ctx = NULL;
    struct party p = { .size = 1, .url = "faults:threads:alone" };
    int failed = 0;
    assert_int_equal(dl4c_context_create(NULL, &ctx, NULL), DL4C_OK);
    assert_int_equal(faults_register(ctx, &plan, NULL), DL4C_OK);
    p.ctx = ctx;
    party_enter(&p);
    assert_int_equal(p.status, DL4C_OK);
    for (int i = 0; i < 400; i++) {
        const dl4c_status status = dl4c_group_sendrecv(p.group, NULL, 0, 1000, NULL);
        assert_true(status == DL4C_OK || status == DL4C_E_IO);
        failed += out[i] = status != DL4C_OK;
    }
    assert_int_equal(plan.met[FAULTS_FAIL], failed);
    assert_in_range(failed, 60, 140); /* 100, and more than four deviations of 8.7 */
    dl4c_group_leave(&p.group, 0);
    dl4c_context_destroy(&ctx);
}

static void the_same_seed_gives_the_same_faults(void **state)
{
    uint8_t a[400], b[400], c[400];
    (void)state;
    calls_that_fail(1, a);
    calls_that_fail(1, b);
    calls_that_fail(2, c);
    assert_memory_equal(a, b, sizeof a);
    assert_memory_not_equal(a, c, sizeof a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_seed_gives_the_same_faults),
        cmocka_unit_test(each_fault_ends_as_it_should_and_in_time),
        cmocka_unit_test(a_mean_that_fails_is_right_the_next_time),
        cmocka_unit_test(without_a_fault_it_keeps_what_every_transport_promises),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
