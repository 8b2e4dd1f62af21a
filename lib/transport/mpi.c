/* SPDX-License-Identifier: Apache-2.0 */
/* The transport "mpi", a module of its own: the ranks of MPI_COMM_WORLD. Groups never change: what MPI does when a process is lost is
 * MPI's.
 *
 * MPI cannot be told to leave a buffer alone once it has one, and calls have deadlines. So it is never given the caller's: a message goes
 * in pieces through buffers of the group's own, of which each peer has a few in both directions; those that receive are always posted, also
 * between calls. The first piece of a message begins with its size. */
#define _GNU_SOURCE
#include "base/error.h" /* macros alone: a module links nothing of the library */
#include "transport/module.h"

#include <inttypes.h>
#include <mpi.h>
#include <poll.h>
#include <sched.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum {
    PIECE = 256 << 10, /* bytes, with the head of a first one */
    HEAD = 8,
    DEPTH = 2,         /* pieces under way, each way of a peer */
    FIRST = 1,         /* tags: of a message's first piece, of the others */
    LATER = 2
};

struct ring {
    uint8_t *room; /* [DEPTH][PIECE]; NULL: never used */
    MPI_Request requests[DEPTH];
    int32_t at;    /* the piece that is due next */
};

struct peer {
    struct ring out, in;
    /* Of the call. */
    int32_t out_transfer, in_transfer; /* -1: none left */
    size_t out_done, in_done;          /* bytes of it */
    bool out_begun, in_begun;
};

/* MPI is the process's: so is all of this. */
static _Atomic int32_t joined; /* one group at a time */
static bool ours;              /* we have initialised MPI, and end it */
static MPI_Comm forming;       /* MPI may write it until its request is done; so the next */
static int all_idle;

struct member {
    struct dli_module_host *host;
    MPI_Comm comm;
    int rank, size;
    bool broken; /* a message was cut */
    _Atomic int32_t cancelled;
    struct peer *peers; /* [size] */
    uint64_t *ids;      /* [size] */
};

struct exchange {
    struct member *m;
    const struct dl4c_message *transfers;
    int32_t n, open;
    void (*arrived)(void *arg, int32_t transfer);
    void *arg;
    bool moved;
};

/* ---- time and errors ---- */

static int64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static int64_t moment(int64_t timeout_ms)
{
    const int64_t now = now_ns();
    return timeout_ms < (INT64_MAX - now) / 1000000 ? now + timeout_ms * 1000000 : INT64_MAX;
}

/* MPI tells nobody when something comes: looks again at once for a moment, then ever more rarely. */
static void rest(int32_t *idle)
{
    const int32_t n = ++*idle;
    const struct timespec t = { 0, n < 400 ? 20000 : n < 2000 ? 100000 : 500000 };
    if (n > 200)
        ppoll(NULL, 0, &t, NULL);
    else if (n > 50)
        sched_yield();
}

static dl4c_status fail(struct dl4c_error *err, dl4c_status status, const char *fmt, ...) DLI_PRINTF(3, 4);
static dl4c_status fail(struct dl4c_error *err, dl4c_status status, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    *err = (struct dl4c_error)DL4C_ERROR_INIT;
    err->status = status;
    snprintf(err->origin, sizeof err->origin, "mpi");
    vsnprintf(err->message, sizeof err->message, fmt, ap);
    va_end(ap);
    return status;
}

static dl4c_status failed(struct member *m, int code, int peer, struct dl4c_error *err)
{
    char text[MPI_MAX_ERROR_STRING + 1] = "no reason was given";
    int n = 0;
    m->broken = true;
    MPI_Error_string(code, text, &n);
    fail(err, DL4C_E_PEER, "rank %d of MPI cannot be reached: %.300s", peer, text);
    err->domain = DL4C_DOMAIN_MPI;
    err->code = code;
    return DL4C_E_PEER;
}

static dl4c_status standing(struct member *m, struct dl4c_error *err)
{
    if (m->cancelled)
        return fail(err, DL4C_E_CANCELLED, "rank %d of MPI was cancelled", m->rank);
    if (m->broken)
        return fail(err, DL4C_E_PEER, "a message was cut, which ended the group of MPI for rank %d", m->rank);
    return DL4C_OK;
}

/* ---- messages ---- */

static dl4c_status ring_open(struct member *m, struct ring *r, struct dl4c_error *err)
{
    if (r->room)
        return DL4C_OK;
    r->room = m->host->alloc(m->host->ctx, (size_t)DEPTH * PIECE, err);
    for (int i = 0; i < DEPTH; i++)
        r->requests[i] = MPI_REQUEST_NULL;
    return r->room ? DL4C_OK : err->status;
}

static uint8_t *piece_of(const struct ring *r, int32_t i) { return r->room + (size_t)i * PIECE; }

static dl4c_status expect(struct member *m, int peer, int32_t i, struct dl4c_error *err)
{
    struct ring *r = &m->peers[peer].in;
    const int code = MPI_Irecv(piece_of(r, i), PIECE, MPI_BYTE, peer, MPI_ANY_TAG, m->comm, &r->requests[i]);
    return code == MPI_SUCCESS ? DL4C_OK : failed(m, code, peer, err);
}

static void finish(struct exchange *x, int32_t *transfer)
{
    const int32_t done = *transfer;
    const struct dl4c_message *t = x->transfers;
    int32_t next = done + 1;
    while (next < x->n && (t[next].peer != t[done].peer || !t[next].bytes != !t[done].bytes))
        next++;
    *transfer = next < x->n ? next : -1;
    x->open--;
    x->moved = true;
    if (x->arrived)
        x->arrived(x->arg, done);
}

/* As many pieces as there is room for. A message counts as sent once its last piece is MPI's: the buffer is ours. */
static dl4c_status push(struct exchange *x, int peer, struct dl4c_error *err)
{
    struct member *m = x->m;
    struct peer *p = &m->peers[peer];
    while (p->out_transfer >= 0) {
        const struct dl4c_message *t = &x->transfers[p->out_transfer];
        int vacant = 0;
        int code = MPI_Test(&p->out.requests[p->out.at], &vacant, MPI_STATUS_IGNORE);
        if (code != MPI_SUCCESS)
            return failed(m, code, peer, err);
        if (!vacant)
            return DL4C_OK;
        uint8_t *room = piece_of(&p->out, p->out.at);
        const uint64_t size = t->size;
        const size_t head = p->out_begun ? 0 : HEAD, left = t->size - p->out_done, n = left < PIECE - head ? left : PIECE - head;
        if (head)
            memcpy(room, &size, HEAD);
        if (n > 0)
            memcpy(room + head, (const uint8_t *)t->bytes + p->out_done, n);
        code = MPI_Isend(room, (int)(head + n), MPI_BYTE, peer, head ? FIRST : LATER, m->comm, &p->out.requests[p->out.at]);
        if (code != MPI_SUCCESS)
            return failed(m, code, peer, err);
        p->out.at = (p->out.at + 1) % DEPTH;
        p->out_begun = true;
        p->out_done += n;
        x->moved = true;
        if (p->out_done == t->size) {
            p->out_begun = false;
            p->out_done = 0;
            finish(x, &p->out_transfer);
        }
    }
    return DL4C_OK;
}

static dl4c_status corrupt(struct member *m, struct dl4c_error *err, int peer, uint64_t size, size_t wanted)
{
    m->broken = true;
    return fail(err, DL4C_E_CORRUPT, "rank %d of MPI sent %" PRIu64 " bytes, %zu are wanted", peer, size, wanted);
}

static dl4c_status pull(struct exchange *x, int peer, struct dl4c_error *err)
{
    struct member *m = x->m;
    struct peer *p = &m->peers[peer];
    while (p->in_transfer >= 0) {
        const struct dl4c_message *t = &x->transfers[p->in_transfer];
        MPI_Status got;
        int there = 0, count = 0;
        uint64_t size = 0;
        int code = MPI_Test(&p->in.requests[p->in.at], &there, &got);
        if (code == MPI_SUCCESS && there)
            code = MPI_Get_count(&got, MPI_BYTE, &count);
        if (code != MPI_SUCCESS)
            return failed(m, code, peer, err);
        if (!there)
            return DL4C_OK;
        const uint8_t *room = piece_of(&p->in, p->in.at);
        const size_t head = p->in_begun ? 0 : HEAD, left = t->size - p->in_done, n = left < PIECE - head ? left : PIECE - head;
        if (got.MPI_TAG != (head ? FIRST : LATER) || (size_t)count < head)
            return corrupt(m, err, peer, (uint64_t)count, t->size);
        memcpy(&size, room, head);
        if (head && size != t->size)
            return corrupt(m, err, peer, size, t->size);
        if ((size_t)count != head + n)
            return corrupt(m, err, peer, p->in_done + (size_t)count - head, t->size);
        if (n > 0)
            memcpy((uint8_t *)t->room + p->in_done, room + head, n);
        const dl4c_status status = expect(m, peer, p->in.at, err);
        if (status != DL4C_OK)
            return status;
        p->in.at = (p->in.at + 1) % DEPTH;
        p->in_begun = true;
        p->in_done += n;
        x->moved = true;
        if (p->in_done == t->size) {
            p->in_begun = false;
            p->in_done = 0;
            finish(x, &p->in_transfer);
        }
    }
    return DL4C_OK;
}

static dl4c_status prepare(struct exchange *x, struct dl4c_error *err)
{
    struct member *m = x->m;
    for (int r = 0; r < m->size; r++)
        m->peers[r].out_transfer = m->peers[r].in_transfer = -1;
    for (int32_t i = x->n - 1; i >= 0; i--) {
        const struct dl4c_message *t = &x->transfers[i];
        struct peer *p = &m->peers[t->peer];
        const bool fresh = !t->bytes && !p->in.room;
        dl4c_status status = ring_open(m, t->bytes ? &p->out : &p->in, err);
        for (int32_t k = 0; k < DEPTH && fresh && status == DL4C_OK; k++)
            status = expect(m, t->peer, k, err);
        if (status != DL4C_OK)
            return status;
        *(t->bytes ? &p->out_transfer : &p->in_transfer) = i;
    }
    return DL4C_OK;
}

static dl4c_status late(struct exchange *x, struct dl4c_error *err)
{
    struct member *m = x->m;
    bool cut = false;
    int peer = -1;
    for (int r = 0; r < m->size; r++) {
        struct peer *p = &m->peers[r];
        peer = p->out_transfer >= 0 || p->in_transfer >= 0 ? r : peer;
        cut = cut || p->out_begun || p->in_begun;
    }
    m->broken = cut;
    return fail(err, DL4C_E_TIMEOUT, "the deadline passed waiting for rank %d of MPI%s", peer,
                cut ? " in the midst of a message, which ends the group" : "");
}

static dl4c_status sendrecv(void *group, const struct dl4c_message *transfers, int32_t n, void (*arrived)(void *arg, int32_t transfer),
                            void *arg, int64_t timeout_ms, struct dl4c_error *err)
{
    struct member *m = group;
    struct exchange x = { m, transfers, n, n, arrived, arg, false };
    const int64_t until = moment(timeout_ms);
    int32_t idle = 0;
    dl4c_status status = standing(m, err);
    if (status == DL4C_OK)
        status = prepare(&x, err);
    while (status == DL4C_OK && x.open > 0) {
        x.moved = false;
        for (int r = 0; r < m->size && status == DL4C_OK; r++) {
            if (r == m->rank)
                continue;
            status = push(&x, r, err);
            if (status == DL4C_OK)
                status = pull(&x, r, err);
        }
        if (status != DL4C_OK || x.open == 0)
            break;
        status = standing(m, err);
        if (status == DL4C_OK && now_ns() >= until)
            return late(&x, err);
        if (x.moved)
            idle = 0;
        else
            rest(&idle);
    }
    return status;
}

static dl4c_status send_message(void *group, int32_t peer, const void *bytes, size_t size, int64_t timeout_ms, struct dl4c_error *err)
{
    const struct dl4c_message t = { peer, 0, bytes ? bytes : "", NULL, size };
    return sendrecv(group, &t, 1, NULL, NULL, timeout_ms, err);
}

static dl4c_status recv_message(void *group, int32_t peer, void *room, size_t size, int64_t timeout_ms, struct dl4c_error *err)
{
    char nothing;
    const struct dl4c_message t = { peer, 0, NULL, room ? room : &nothing, size };
    return sendrecv(group, &t, 1, NULL, NULL, timeout_ms, err);
}

/* ---- coming and going ---- */

/* Until the request is done: false where it was not by then, or MPI failed. */
static bool completes(MPI_Request *request, int64_t until, const struct dl4c_group_options *o)
{
    int32_t idle = 0;
    for (;;) {
        int done = 0;
        if (MPI_Test(request, &done, MPI_STATUS_IGNORE) != MPI_SUCCESS)
            return false;
        if (done)
            return true;
        if (now_ns() >= until || (o && o->cancel && __atomic_load_n(o->cancel, __ATOMIC_RELAXED)))
            return false;
        rest(&idle);
    }
}

/* Receives that nothing comes for are withdrawn; what was sent is waited for. False: MPI still has some, and the buffer for good. */
static bool ring_close(struct member *m, struct ring *r, bool sent, int64_t until)
{
    bool idle = true;
    for (int i = 0; r->room && i < DEPTH; i++) {
        if (!sent && r->requests[i] != MPI_REQUEST_NULL)
            MPI_Cancel(&r->requests[i]);
        idle = completes(&r->requests[i], until, NULL) && idle;
    }
    if (idle)
        m->host->release(r->room);
    r->room = NULL;
    return idle;
}

/* False: MPI may write all_idle at any time. */
static bool destroy(struct member *m, int64_t until)
{
    const struct dli_module_host *h = m->host;
    MPI_Request request = MPI_REQUEST_NULL;
    int idle = 1;
    bool begun = false, met = true;
    for (int r = 0; m->peers && r < m->size; r++)
        idle &= ring_close(m, &m->peers[r].out, true, until);
    for (int r = 0; m->peers && r < m->size; r++)
        idle &= ring_close(m, &m->peers[r].in, false, until);
    /* To end MPI is everyone's, with nothing under way: else it would be waited for without end. Where it does not come to that, MPI is
     * left as it is, and the launcher ends the job when a process does. */
    all_idle = idle;
    if (m->comm != MPI_COMM_NULL)
        begun = MPI_Iallreduce(MPI_IN_PLACE, &all_idle, 1, MPI_INT, MPI_MIN, m->comm, &request) == MPI_SUCCESS;
    if (begun)
        met = completes(&request, until, NULL);
    if (begun && met && all_idle) {
        MPI_Comm_free(&m->comm);
        if (ours)
            MPI_Finalize();
    }
    h->release(m->peers);
    h->release(m->ids);
    h->release(m);
    return met;
}

static void leave(void *group, int64_t timeout_ms)
{
    if (destroy(group, moment(timeout_ms)))
        joined = 0;
}

static dl4c_status initialise(struct dl4c_error *err)
{
    int is = 0, was = 0, level = 0, main_thread = 0;
    MPI_Finalized(&was);
    MPI_Initialized(&is);
    if (was)
        return fail(err, DL4C_E_STATE, "MPI has ended in this process: it can't be joined again");
    if (!is) {
        if (MPI_Init_thread(NULL, NULL, MPI_THREAD_SERIALIZED, &level) != MPI_SUCCESS)
            return fail(err, DL4C_E_IO, "MPI cannot be initialised");
        ours = true;
    }
    MPI_Query_thread(&level);
    MPI_Is_thread_main(&main_thread);
    if (level < MPI_THREAD_SERIALIZED && !main_thread)
        return fail(err, DL4C_E_UNSUPPORTED, "MPI takes calls of the thread that initialised it only, and this is another");
    return DL4C_OK;
}

static dl4c_status meet(struct member *m, const struct dl4c_group_options *o, int64_t until, struct dl4c_error *err)
{
    const struct dli_module_host *h = m->host;
    MPI_Request request = MPI_REQUEST_NULL;
    MPI_Comm_rank(MPI_COMM_WORLD, &m->rank);
    MPI_Comm_size(MPI_COMM_WORLD, &m->size);
    if ((o->driver && m->rank != 0) || (o->driver && o->size != m->size))
        return fail(err, DL4C_E_INVALID, "rank %d of %d in MPI is to drive a group of %" PRId32 ": rank 0 does, and all belong to it",
                    m->rank, m->size, o->size);
    if (!(m->peers = h->alloc(h->ctx, (size_t)m->size * sizeof *m->peers, err)))
        return err->status;
    memset(m->peers, 0, (size_t)m->size * sizeof *m->peers); /* destroy looks at them, whatever comes next */
    if (!(m->ids = h->alloc(h->ctx, (size_t)m->size * sizeof *m->ids, err)))
        return err->status;
    for (int r = 0; r < m->size; r++)
        m->ids[r] = (uint64_t)r;
    const int code = MPI_Comm_idup(MPI_COMM_WORLD, &forming, &request);
    if (code != MPI_SUCCESS)
        return failed(m, code, 0, err);
    if (!completes(&request, until, o))
        return o->cancel && __atomic_load_n(o->cancel, __ATOMIC_RELAXED)
            ? fail(err, DL4C_E_CANCELLED, "rank %d of MPI was cancelled while joining", m->rank)
            : fail(err, DL4C_E_TIMEOUT, "not all %d ranks of MPI came in %" PRId64 " ms", m->size, o->timeout_ms);
    m->comm = forming;
    MPI_Comm_set_errhandler(m->comm, MPI_ERRORS_RETURN);
    return DL4C_OK;
}

static dl4c_status join(void *user, const struct dl4c_group_options *o, void **group, struct dl4c_error *err)
{
    struct dli_module_host *h = user;
    const int64_t until = moment(o->timeout_ms);
    int32_t nobody = 0;
    *group = NULL;
    if (strcmp(o->url, "mpi") != 0 && strcmp(o->url, "mpi:") != 0)
        return fail(err, DL4C_E_INVALID, "\"%.100s\" is no group of MPI, wanted \"mpi:\", all ranks", o->url);
    if (!atomic_compare_exchange_strong(&joined, &nobody, 1))
        return fail(err, DL4C_E_EXISTS, "this process belongs to a group of MPI already, or waited for one in vain");
    struct member *m = h->alloc(h->ctx, sizeof *m, err);
    if (!m) {
        joined = 0;
        return err->status;
    }
    memset(m, 0, sizeof *m);
    m->host = h;
    m->comm = MPI_COMM_NULL;
    dl4c_status status = initialise(err);
    if (status == DL4C_OK)
        status = meet(m, o, until, err);
    if (status != DL4C_OK) {
        (void)destroy(m, 0); /* there is no group yet */
        if (status != DL4C_E_TIMEOUT && status != DL4C_E_CANCELLED) /* else MPI may write `forming` at any time */
            joined = 0;
        return status;
    }
    *group = m;
    return DL4C_OK;
}

static void members(void *group, struct dl4c_members *out)
{
    const struct member *m = group;
    out->generation = 1;
    out->rank = m->rank;
    out->size = m->size;
    out->waiting = 0;
    out->ids = m->ids;
}

static void cancel(void *group)
{
    struct member *m = group;
    m->cancelled = 1;
}

static void forget(void *user)
{
    struct dli_module_host *h = user;
    h->release(h);
}

DL4C_API dl4c_status dl4c_module(const struct dli_module_host *host, struct dl4c_transport_ops *ops, void **user,
                                 void (**release)(void *user), struct dl4c_error *err);

dl4c_status dl4c_module(const struct dli_module_host *host, struct dl4c_transport_ops *ops, void **user, void (**release)(void *user),
                        struct dl4c_error *err)
{
    struct dl4c_error e = DL4C_ERROR_INIT;
    if (strcmp(host->version, DLI_VERSION) != 0) {
        fail(&e, DL4C_E_VERSION, "the module of MPI is of version %s, the library of version %.20s", DLI_VERSION, host->version);
        if (err)
            *err = e;
        return DL4C_E_VERSION;
    }
    struct dli_module_host *h = host->alloc(host->ctx, sizeof *h, &e);
    if (!h) {
        if (err)
            *err = e;
        return e.status;
    }
    *h = *host;
    *user = h;
    *release = forget;
    *ops = (struct dl4c_transport_ops){ .struct_size = sizeof *ops, .name = "mpi", .join = join, .leave = leave, .members = members,
                                        .send = send_message, .recv = recv_message, .sendrecv = sendrecv, .cancel = cancel };
    return DL4C_OK;
}
