/* SPDX-License-Identifier: Apache-2.0 */
/* What every transport must do. A check is a function that every member of a group runs; it answers what is wrong, or NULL. */
#define _POSIX_C_SOURCE 200809L
#include "conformance/transport.h"

#include <inttypes.h>
#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { MAX_SIZE = 5, TIMEOUT_MS = 60000 /* none of these is meant to be seen */ };

/* One member at work. */
struct seat {
    const struct conformance_transport *t;
    dl4c_context *ctx;
    int number, place, size; /* of the group; this one's place, which is the rank of its first generation; members wanted */
    dl4c_group *group;
    struct dl4c_members who;
    struct dl4c_error err;
    char wrong[640];
    size_t largest;
};

typedef const char *(*check_fn)(struct seat *s);

static const char *say(struct seat *s, const char *what)
{
    snprintf(s->wrong, sizeof s->wrong, "rank %d of %d: %s (status %d: %s)", (int)s->who.rank, (int)s->who.size, what, (int)s->err.status,
             s->err.message);
    return s->wrong;
}
#define WANT(condition)                  \
    do {                                 \
        if (!(condition))                \
            return say(s, #condition);   \
    } while (0)

static int64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void nap(int ms)
{
    const struct timespec t = { ms / 1000, (long)(ms % 1000) * 1000000 };
    nanosleep(&t, NULL);
}

static void who(struct seat *s)
{
    s->who = (struct dl4c_members)DL4C_MEMBERS_INIT;
    dl4c_group_members(s->group, &s->who, &s->err);
}

static dl4c_status send_to(struct seat *s, int peer, const void *bytes, size_t n)
{
    return dl4c_group_send(s->group, peer, bytes, n, TIMEOUT_MS, &s->err);
}
static dl4c_status recv_from(struct seat *s, int peer, void *room, size_t n)
{
    return dl4c_group_recv(s->group, peer, room, n, TIMEOUT_MS, &s->err);
}

/* Byte i of a message from a to b. */
static uint8_t pattern(int a, int b, size_t i) { return (uint8_t)((size_t)(a * 31 + b * 7 + 1) * (i + 13) >> 3); }

static uint8_t *message(int a, int b, size_t n)
{
    uint8_t *m = malloc(n + 1);
    for (size_t i = 0; m && i < n; i++)
        m[i] = pattern(a, b, i);
    return m;
}

static int intact(const uint8_t *m, int a, int b, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (m[i] != pattern(a, b, i))
            return 0;
    return 1;
}

/* ---- of a group that stands ---- */

static const char *ranks_and_numbers_are_everyones_own(struct seat *s)
{
    WANT(s->who.generation >= 1 && s->who.size >= 1 && s->who.rank >= 0 && s->who.rank < s->who.size);
    for (int i = 0; i < s->who.size; i++)
        for (int j = 0; j < i; j++)
            WANT(s->who.ids[i] != s->who.ids[j]);
    for (int i = 0; i < s->who.size; i++) { /* everybody has the same list */
        uint64_t id = s->who.ids[i];
        WANT(dl4c_group_broadcast(s->group, i, &id, sizeof id, TIMEOUT_MS, &s->err) == DL4C_OK);
        WANT(id == s->who.ids[i]);
    }
    return NULL;
}

static const char *messages_arrive_whole_and_in_order(struct seat *s)
{
    const int rank = s->who.rank, size = s->who.size;
    for (int from = 0; from < size; from++)
        for (int to = 0; to < size; to++)
            for (uint32_t i = 0; i < 100 && from != to; i++) {
                uint32_t got = 0;
                if (rank == from)
                    WANT(send_to(s, to, &i, sizeof i) == DL4C_OK);
                if (rank == to)
                    WANT(recv_from(s, from, &got, sizeof got) == DL4C_OK && got == i);
            }
    return NULL;
}

static const char *messages_have_any_size(struct seat *s)
{
    const size_t sizes[] = { 0, 1, 3, 4096, 65537, s->largest };
    const int rank = s->who.rank;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes && rank < 2 && s->who.size > 1; i++) {
        const size_t n = sizes[i];
        uint8_t *out = message(rank, 1 - rank, n), *in = calloc(n + 1, 1);
        const struct dl4c_message both[] = { { 1 - rank, 0, out, NULL, n }, { 1 - rank, 0, NULL, in, n } };
        const dl4c_status status = dl4c_group_sendrecv(s->group, both, 2, TIMEOUT_MS, &s->err);
        const int whole = in && out && intact(in, 1 - rank, rank, n) && in[n] == 0;
        free(out);
        free(in);
        WANT(status == DL4C_OK);
        WANT(whole);
    }
    return NULL;
}

static const char *everyone_exchanges_with_everyone(struct seat *s)
{
    enum { N = 3, BYTES = 20000 };
    const int rank = s->who.rank, size = s->who.size;
    struct dl4c_message t[2 * N * MAX_SIZE];
    uint8_t *m[2 * N * MAX_SIZE];
    int n = 0, whole = 1;
    for (int k = 0; k < N; k++)
        for (int p = 0; p < size; p++) {
            if (p == rank)
                continue;
            m[n] = message(rank + k, p, BYTES + (size_t)k);
            t[n] = (struct dl4c_message){ p, 0, m[n], NULL, BYTES + (size_t)k };
            n++;
            m[n] = calloc(BYTES + (size_t)k, 1);
            t[n] = (struct dl4c_message){ p, 0, NULL, m[n], BYTES + (size_t)k };
            n++;
        }
    const dl4c_status status = dl4c_group_sendrecv(s->group, t, n, TIMEOUT_MS, &s->err);
    for (int i = 0; i < n; i++) {
        if (t[i].room)
            whole = whole && intact(m[i], t[i].peer + (int)(t[i].size - BYTES), rank, t[i].size);
        free(m[i]);
    }
    WANT(status == DL4C_OK);
    WANT(whole);
    return NULL;
}

static const char *a_broadcast_reaches_all_from_any_rank(struct seat *s)
{
    for (int root = 0; root < s->who.size; root++)
        for (size_t n = 1; n <= 100000; n *= 10) {
            uint8_t *m = s->who.rank == root ? message(root, 9, n) : calloc(n, 1);
            const dl4c_status status = dl4c_group_broadcast(s->group, root, m, n, TIMEOUT_MS, &s->err);
            const int whole = m && intact(m, root, 9, n);
            free(m);
            WANT(status == DL4C_OK);
            WANT(whole);
        }
    return NULL;
}

/* Rank r comes late, and says when it came: all are on one host, whose clock tells whether somebody passed before. */
static const char *nobody_passes_a_barrier_before_all_have_come(struct seat *s)
{
    WANT(dl4c_group_barrier(s->group, TIMEOUT_MS, &s->err) == DL4C_OK);
    for (int r = 0; r < s->who.size; r++) {
        int64_t came = 0;
        if (s->who.rank == r) {
            nap(60);
            came = now_ms();
        }
        WANT(dl4c_group_barrier(s->group, TIMEOUT_MS, &s->err) == DL4C_OK);
        const int64_t passed = now_ms();
        WANT(dl4c_group_broadcast(s->group, r, &came, sizeof came, TIMEOUT_MS, &s->err) == DL4C_OK);
        WANT(passed >= came);
    }
    return NULL;
}

static float value(int rank, int64_t i) { return (float)(((rank + 3) * 7919 + i * 104729) % 20011) / 977.0f - 10.0f; }

/* Against the sum in double, in the order of ranks; with and without the driver; lengths that leave members nothing to sum. */
static const char *the_mean_is_summed_in_rank_order_and_rounded_once(struct seat *s)
{
    const int64_t lengths[] = { 0, 1, 15, 16, 17, 1000, 70001, 300000 };
    for (size_t l = 0; l < sizeof lengths / sizeof *lengths; l++)
        for (int first = 0; first < 2 && first < s->who.size; first++) {
            const int64_t n = lengths[l];
            struct dl4c_average_options o = DL4C_AVERAGE_OPTIONS_INIT;
            float *in = malloc((size_t)(n + 1) * sizeof *in), *out = malloc((size_t)(n + 1) * sizeof *out);
            int64_t total = 0, want = 0, wrong = 0;
            dl4c_status status = DL4C_OK;
            for (int64_t i = 0; i < n; i++)
                in[i] = value(s->who.rank, i);
            o.first_rank = first;
            o.weight = s->who.rank == first + 1 ? 0 : 5 + 3 * s->who.rank;
            o.timeout_ms = TIMEOUT_MS;
            if (s->who.rank >= first)
                status = dl4c_group_average(s->group, &o, in, out, n, &total, &s->err);
            for (int r = first; r < s->who.size; r++)
                want += r == first + 1 ? 0 : 5 + 3 * r;
            for (int64_t i = 0; i < n && status == DL4C_OK && s->who.rank >= first; i++) {
                double sum = 0;
                for (int r = first; r < s->who.size; r++)
                    sum += r == first + 1 ? 0 : (double)(5 + 3 * r) * (double)value(r, i);
                wrong += out[i] != (float)(sum * (1.0 / (double)want));
            }
            free(in);
            free(out);
            WANT(status == DL4C_OK);
            WANT(s->who.rank < first || (total == want && wrong == 0));
        }
    return NULL;
}

/* The nearest number whose low 16 bits are 0, of two that are as near the one that is even. */
static float as_half(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    const uint32_t low = bits & 0xffff;
    bits -= low;
    if (low > 0x8000 || (low == 0x8000 && bits & 0x10000))
        bits += 0x10000;
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* The vectors are rounded, their mean is, and nothing else is: the same values wherever the members are. In place and not. */
static const char *halves_are_rounded_before_the_mean_and_after(struct seat *s)
{
    const int64_t lengths[] = { 0, 1, 17, 1000, 140003 };
    for (size_t l = 0; l < sizeof lengths / sizeof *lengths; l++)
        for (int in_place = 0; in_place < 2; in_place++) {
            const int64_t n = lengths[l];
            struct dl4c_average_options o = DL4C_AVERAGE_OPTIONS_INIT;
            float *in = malloc((size_t)(n + 1) * sizeof *in), *out = in_place ? in : malloc((size_t)(n + 1) * sizeof *out);
            int64_t wrong = 0, changed = 0, want = 0;
            for (int64_t i = 0; i < n; i++)
                in[i] = value(s->who.rank, i);
            o.exchange = DL4C_EXCHANGE_BF16;
            o.weight = s->who.rank == 1 ? 0 : 5 + 3 * s->who.rank;
            o.timeout_ms = TIMEOUT_MS;
            const dl4c_status status = dl4c_group_average(s->group, &o, in, out, n, NULL, &s->err);
            for (int r = 0; r < s->who.size; r++)
                want += r == 1 ? 0 : 5 + 3 * r;
            for (int64_t i = 0; i < n && status == DL4C_OK; i++) {
                double sum = 0;
                for (int r = 0; r < s->who.size; r++)
                    sum += r == 1 ? 0 : (double)(5 + 3 * r) * (double)as_half(value(r, i));
                wrong += out[i] != as_half((float)(sum * (1.0 / (double)want)));
                changed += !in_place && in[i] != value(s->who.rank, i);
            }
            if (!in_place)
                free(in);
            free(out);
            WANT(status == DL4C_OK);
            WANT(wrong == 0 && changed == 0);
        }
    return NULL;
}

static const char *members_that_average_different_things_are_all_told(struct seat *s)
{
    float in[40] = { 0 }, out[40];
    struct dl4c_average_options o = DL4C_AVERAGE_OPTIONS_INIT;
    WANT(dl4c_group_average(s->group, &o, in, out, 40, NULL, &s->err) == DL4C_E_INVALID); /* all weights are 0 */
    o.weight = 1;
    WANT(s->who.size == 1 || dl4c_group_average(s->group, &o, in, out, s->who.rank == 1 ? 39 : 40, NULL, &s->err) == DL4C_E_CORRUPT);
    o.exchange = s->who.rank == 1;
    WANT(s->who.size == 1 || dl4c_group_average(s->group, &o, in, out, 40, NULL, &s->err) == DL4C_E_CORRUPT);
    o.exchange = 2;
    WANT(dl4c_group_average(s->group, &o, in, out, 40, NULL, &s->err) == DL4C_E_INVALID);
    o.exchange = 0;
    o.weight = s->who.rank == 0 ? -1 : 1;
    WANT(dl4c_group_average(s->group, &o, in, out, 40, NULL, &s->err) == DL4C_E_INVALID);
    return NULL;
}

static const char *wrong_arguments_are_refused(struct seat *s)
{
    char c = 0;
    const struct dl4c_message neither = { (s->who.rank + 1) % s->who.size, 0, NULL, NULL, 1 };
    WANT(dl4c_group_send(s->group, s->who.rank, &c, 1, 0, &s->err) == DL4C_E_INVALID);
    WANT(dl4c_group_send(s->group, s->who.size, &c, 1, 0, &s->err) == DL4C_E_INVALID);
    WANT(dl4c_group_recv(s->group, -1, &c, 1, 0, &s->err) == DL4C_E_INVALID);
    WANT(dl4c_group_broadcast(s->group, s->who.size, &c, 1, 0, &s->err) == DL4C_E_INVALID);
    WANT(dl4c_group_sendrecv(s->group, &neither, 1, 0, &s->err) == DL4C_E_INVALID);
    WANT(dl4c_group_sendrecv(s->group, &neither, -1, 0, &s->err) == DL4C_E_INVALID);
    return NULL;
}

/* A deadline that passes harms nobody: the message that comes later is received by the next call. */
static const char *a_deadline_passes_and_the_message_still_arrives(struct seat *s)
{
    uint32_t n = 0;
    if (s->who.size < 2 || s->who.rank > 1)
        return NULL;
    if (s->who.rank == 0) {
        WANT(recv_from(s, 1, &n, sizeof n) == DL4C_OK && n == 1); /* rank 1 has seen its deadline pass */
        n = 2;
        WANT(send_to(s, 1, &n, sizeof n) == DL4C_OK);
        return NULL;
    }
    const int64_t began = now_ms();
    WANT(dl4c_group_recv(s->group, 0, &n, sizeof n, 150, &s->err) == DL4C_E_TIMEOUT);
    WANT(now_ms() - began >= 140 && now_ms() - began < 30000);
    n = 1;
    WANT(send_to(s, 0, &n, sizeof n) == DL4C_OK);
    WANT(recv_from(s, 0, &n, sizeof n) == DL4C_OK && n == 2);
    return NULL;
}

/* ---- that end a generation ---- */

/* Whatever a member does next fails with PEER, in time. */
static const char *notice_the_loss(struct seat *s)
{
    char c;
    const int64_t began = now_ms();
    for (dl4c_status status = DL4C_OK; status != DL4C_E_PEER;) {
        status = dl4c_group_recv(s->group, (s->who.rank + 1) % s->who.size, &c, 1, 20000, &s->err);
        WANT(status == DL4C_E_PEER && s->err.message[0]);
    }
    WANT(now_ms() - began < 15000);
    WANT(dl4c_group_barrier(s->group, 20000, &s->err) == DL4C_E_PEER);
    return NULL;
}

static const char *a_member_that_leaves_is_lost_and_the_others_regroup(struct seat *s)
{
    struct dl4c_regroup_options o = DL4C_REGROUP_OPTIONS_INIT;
    uint64_t ids[MAX_SIZE];
    const int gone = s->who.size - 2, rank = s->who.rank, size = s->who.size;
    const uint64_t generation = s->who.generation;
    memcpy(ids, s->who.ids, (size_t)size * sizeof *ids);
    if (rank == gone) {
        dl4c_group_leave(&s->group, 1000);
        return NULL;
    }
    const char *wrong = notice_the_loss(s);
    if (wrong)
        return wrong;
    o.min_size = size - 1;
    o.timeout_ms = 20000;
    WANT(dl4c_group_regroup(s->group, &o, &s->err) == DL4C_OK);
    who(s);
    WANT(s->who.size == size - 1 && s->who.generation > generation);
    WANT(s->who.rank == rank - (rank > gone));
    for (int r = 0; r < s->who.size; r++)
        WANT(s->who.ids[r] == ids[r + (r >= gone)]);
    wrong = messages_arrive_whole_and_in_order(s);
    return wrong ? wrong : the_mean_is_summed_in_rank_order_and_rounded_once(s);
}

/* The last member is left behind though it lives; the one before stays away until the driver's deadline has passed. */
static const char *whom_the_driver_excludes_or_does_not_see_is_left_behind(struct seat *s)
{
    struct dl4c_regroup_options o = DL4C_REGROUP_OPTIONS_INIT;
    const int32_t last = s->who.size - 1;
    const int size = s->who.size, rank = s->who.rank;
    o.timeout_ms = 1500;
    if (rank == 0) {
        o.exclude = &last;
        o.n_exclude = 1;
    } else {
        const char *wrong = notice_the_loss(s); /* the driver has begun */
        if (wrong)
            return wrong;
    }
    if (rank == last - 1)
        nap(3000);
    const dl4c_status status = dl4c_group_regroup(s->group, &o, &s->err);
    if (rank >= last - 1) {
        WANT(status == DL4C_E_PEER || status == DL4C_E_TIMEOUT);
        return NULL;
    }
    WANT(status == DL4C_OK);
    who(s);
    WANT(s->who.size == size - 2 && s->who.rank == rank);
    return messages_arrive_whole_and_in_order(s);
}

static const char *too_few_are_no_group(struct seat *s)
{
    struct dl4c_regroup_options o = DL4C_REGROUP_OPTIONS_INIT;
    if (s->who.rank == s->who.size - 1) {
        dl4c_group_leave(&s->group, 1000);
        return NULL;
    }
    const char *wrong = notice_the_loss(s);
    if (wrong)
        return wrong;
    o.min_size = s->who.size;
    o.timeout_ms = 500;
    const dl4c_status status = dl4c_group_regroup(s->group, &o, &s->err);
    WANT(status == DL4C_E_PEER || (s->who.rank > 0 && status == DL4C_E_TIMEOUT));
    return NULL;
}

/* Member 1 leaves and comes back; the driver sees it wait, and takes it in. */
static const char *a_newcomer_waits_and_is_taken_in(struct seat *s)
{
    struct dl4c_regroup_options o = DL4C_REGROUP_OPTIONS_INIT;
    const int size = s->who.size;
    o.timeout_ms = 20000;
    if (s->place == 1) {
        struct dl4c_group_options j = DL4C_GROUP_OPTIONS_INIT;
        char url[300];
        const uint64_t before = s->who.ids[s->who.rank];
        dl4c_group_leave(&s->group, 1000);
        s->t->url(url, sizeof url, s->number, 0, s->t->user);
        j.url = url;
        j.timeout_ms = 30000;
        WANT(dl4c_group_join(s->ctx, &j, &s->group, &s->err) == DL4C_OK);
        who(s);
        WANT(s->who.rank == size - 1 && s->who.ids[s->who.rank] != before);
        return messages_arrive_whole_and_in_order(s);
    }
    const char *wrong = notice_the_loss(s);
    if (wrong)
        return wrong;
    for (int64_t began = now_ms(); s->who.rank == 0 && s->who.waiting == 0 && now_ms() - began < 20000; who(s))
        nap(5);
    WANT(s->who.rank > 0 || s->who.waiting == 1);
    WANT(dl4c_group_regroup(s->group, &o, &s->err) == DL4C_OK);
    who(s);
    WANT(s->who.size == size && s->who.waiting == 0);
    return messages_arrive_whole_and_in_order(s);
}

struct later {
    dl4c_group *group;
    int ms;
};

static void *cancel_later(void *arg)
{
    const struct later *l = arg;
    nap(l->ms);
    dl4c_group_cancel(l->group);
    return NULL;
}

static const char *a_cancelled_member_waits_no_longer(struct seat *s)
{
    char c;
    if (s->who.rank != 1) {
        nap(400);
        return NULL;
    }
    struct later l = { s->group, 100 };
    pthread_t thread;
    WANT(pthread_create(&thread, NULL, cancel_later, &l) == 0);
    const int64_t began = now_ms();
    const dl4c_status status = dl4c_group_recv(s->group, 0, &c, 1, 30000, &s->err);
    const int64_t took = now_ms() - began;
    pthread_join(thread, NULL);
    WANT(status == DL4C_E_CANCELLED);
    WANT(took < 10000); /* a tenth of a second, and what a busy machine adds */
    WANT(dl4c_group_recv(s->group, 0, &c, 1, 30000, &s->err) == DL4C_E_CANCELLED);
    return NULL;
}

/* A size that is not what was sent is an error of the receiver's call. */
static const char *a_message_of_another_size_is_refused(struct seat *s)
{
    char c[8] = { 0 };
    if (s->who.rank == 0) {
        const dl4c_status status = dl4c_group_send(s->group, 1, c, 5, 2000, &s->err);
        WANT(status == DL4C_OK || status == DL4C_E_PEER);
    } else if (s->who.rank == 1) {
        WANT(dl4c_group_recv(s->group, 0, c, 8, 20000, &s->err) == DL4C_E_CORRUPT);
    }
    return NULL;
}

/* ---- running them ---- */

struct check {
    const char *name;
    check_fn run;
    int size;    /* members */
    int changes; /* ends the generation, or leaves messages behind: not for groups that are used again */
};
#define CHECK(f, size, changes) { #f, f, size, changes }

static const struct check checks[] = {
    CHECK(ranks_and_numbers_are_everyones_own, 4, 0),
    CHECK(messages_arrive_whole_and_in_order, 4, 0),
    CHECK(messages_have_any_size, 2, 0),
    CHECK(everyone_exchanges_with_everyone, 5, 0),
    CHECK(a_broadcast_reaches_all_from_any_rank, 5, 0),
    CHECK(nobody_passes_a_barrier_before_all_have_come, 3, 0),
    CHECK(the_mean_is_summed_in_rank_order_and_rounded_once, 1, 0),
    CHECK(the_mean_is_summed_in_rank_order_and_rounded_once, 2, 0),
    CHECK(the_mean_is_summed_in_rank_order_and_rounded_once, 5, 0),
    CHECK(halves_are_rounded_before_the_mean_and_after, 1, 0),
    CHECK(halves_are_rounded_before_the_mean_and_after, 3, 0),
    CHECK(members_that_average_different_things_are_all_told, 3, 0),
    CHECK(wrong_arguments_are_refused, 2, 0),
    CHECK(a_deadline_passes_and_the_message_still_arrives, 3, 0),
    CHECK(a_message_of_another_size_is_refused, 2, 1),
    CHECK(a_member_that_leaves_is_lost_and_the_others_regroup, 4, 1),
    CHECK(whom_the_driver_excludes_or_does_not_see_is_left_behind, 5, 1),
    CHECK(too_few_are_no_group, 3, 1),
    CHECK(a_newcomer_waits_and_is_taken_in, 3, 1),
    CHECK(a_cancelled_member_waits_no_longer, 2, 1),
};
enum { N_CHECKS = sizeof checks / sizeof *checks };

struct job {
    struct seat seat;
    const struct check *check;
    pthread_barrier_t *end; /* nobody leaves before all are through */
    const char *wrong;
};

static void *sit(void *arg)
{
    struct job *j = arg;
    struct seat *s = &j->seat;
    struct dl4c_group_options o = DL4C_GROUP_OPTIONS_INIT;
    char url[300];
    s->t->url(url, sizeof url, s->number, s->place == 0, s->t->user);
    o.url = url;
    o.driver = s->place == 0;
    o.size = o.driver ? s->size : 0;
    o.timeout_ms = TIMEOUT_MS;
    if (dl4c_group_join(s->ctx, &o, &s->group, &s->err) != DL4C_OK) {
        j->wrong = say(s, "cannot join");
    } else {
        who(s);
        j->wrong = s->who.size == s->size ? j->check->run(s) : say(s, "the group has another size");
    }
    pthread_barrier_wait(j->end);
    dl4c_group_leave(&s->group, 1000);
    return NULL;
}

static int run_check(const struct conformance_transport *t, dl4c_context **ctx, const struct check *c, int number)
{
    struct job jobs[MAX_SIZE] = { 0 };
    pthread_t threads[MAX_SIZE];
    pthread_barrier_t end;
    int failed = 0;
    pthread_barrier_init(&end, NULL, (unsigned)c->size);
    for (int i = 0; i < c->size; i++) {
        jobs[i].seat = (struct seat){ .t = t, .ctx = ctx[t->separate ? i : 0], .number = number, .place = i, .size = c->size,
                                      .largest = t->largest ? t->largest : (size_t)64 << 20 };
        jobs[i].check = c;
        jobs[i].end = &end;
        if (pthread_create(&threads[i], NULL, sit, &jobs[i]) != 0)
            abort(); /* of the test program */
    }
    for (int i = 0; i < c->size; i++) {
        pthread_join(threads[i], NULL);
        if (jobs[i].wrong)
            printf("%s: %s with %d members: %s\n", t->name, c->name, c->size, jobs[i].wrong);
        failed |= jobs[i].wrong != NULL;
    }
    pthread_barrier_destroy(&end);
    return failed;
}

int conformance_transport(const struct conformance_transport *t)
{
    dl4c_context *ctx[MAX_SIZE] = { 0 };
    struct dl4c_error err = DL4C_ERROR_INIT;
    int failed = 0;
    for (int i = 0; i < (t->separate ? MAX_SIZE : 1); i++) {
        struct dl4c_context_options o = DL4C_CONTEXT_OPTIONS_INIT;
        o.threads = 1;
        if (dl4c_context_create(&o, &ctx[i], &err) != DL4C_OK) {
            printf("%s: %s\n", t->name, err.message);
            return 1;
        }
        if (t->prepare)
            t->prepare(ctx[i], t->user);
    }
    for (int i = 0; i < N_CHECKS; i++)
        if (!t->fixed || !checks[i].changes)
            failed += run_check(t, ctx, &checks[i], i);
    for (int i = 0; i < MAX_SIZE; i++)
        dl4c_context_destroy(&ctx[i]);
    return failed;
}

int conformance_group(dl4c_group *group, size_t largest)
{
    struct seat s = { .group = group, .largest = largest };
    int failed = 0;
    who(&s);
    for (int i = 0; i < N_CHECKS; i++) {
        const char *wrong = checks[i].changes || s.who.size > MAX_SIZE || s.who.size < checks[i].size ? NULL : checks[i].run(&s);
        if (wrong)
            printf("%s: %s\n", checks[i].name, wrong);
        failed += wrong != NULL;
    }
    return failed;
}
