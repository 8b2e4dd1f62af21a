/* SPDX-License-Identifier: Apache-2.0 */
/* Reading on and on: one request for all the rest of a file, whose bytes wait in a ring for who reads them; where it is full the connection
 * waits. */
#include "fs/webhdfs/webhdfs.h"

#include <string.h>

/* ---- the engine's side ---- */

bool dli_wh_ring_put(struct dli_wh_call *c, const char *bytes, size_t n)
{
    struct dli_wh_ring *r = c->ring;
    pthread_mutex_lock(&c->w->lock);
    const size_t at = (r->at + r->fill) % WH_RING, most = WH_RING - at;
    const bool room = WH_RING - r->fill >= n;
    r->paused = !room;
    pthread_mutex_unlock(&c->w->lock);
    if (!room)
        return false;
    memcpy(r->bytes + at, bytes, n < most ? n : most); /* what is free only grows meanwhile */
    if (n > most)
        memcpy(r->bytes, bytes + most, n - most);
    pthread_mutex_lock(&c->w->lock);
    r->fill += n;
    if (dli_wh_ring_enough(r))
        pthread_cond_broadcast(&c->changed);
    pthread_mutex_unlock(&c->w->lock);
    return true;
}

bool dli_wh_ring_enough(const struct dli_wh_ring *r) { return r->fill > 0 && r->fill >= r->wanted; }

bool dli_wh_ring_resumes(struct dli_wh_ring *r)
{
    const bool room = r->paused && r->fill <= WH_RING / 2;
    if (room)
        r->paused = false;
    return room;
}

/* ---- the reader's side ---- */

void dli_wh_ring_drop(struct dli_wh_call *c, size_t n)
{
    struct dli_wh_ring *r = c->ring;
    pthread_mutex_lock(&c->w->lock);
    r->at = (r->at + n) % WH_RING;
    r->fill -= n;
    const bool wake = r->paused && r->fill <= WH_RING / 2;
    pthread_mutex_unlock(&c->w->lock);
    if (wake)
        dli_wh_wake(c->w);
}

dl4c_status dli_wh_ring_lend(struct dli_wh_call *c, size_t most, const void **bytes, size_t *n, struct dl4c_error *err)
{
    struct dli_wh_ring *r = c->ring;
    pthread_mutex_lock(&c->w->lock);
    const size_t line = WH_RING - r->at; /* nobody but the reader changes `at` */
    most = most < line ? most : line;
    r->wanted = most < WH_RING / 4 ? most : WH_RING / 4;
    pthread_mutex_unlock(&c->w->lock);
    DLI_TRY(dli_wh_wait(c, -1, err));
    pthread_mutex_lock(&c->w->lock);
    *n = r->fill < most ? r->fill : most;
    pthread_mutex_unlock(&c->w->lock);
    if (*n == 0) /* it is over, and all was asked for */
        return dli_fail(err, DL4C_E_INTERNAL, "webhdfs", "%.300s ended before it was read", c->shown);
    *bytes = r->bytes + r->at;
    return DL4C_OK;
}

dl4c_status dli_wh_ring_take(struct dli_wh_call *c, char *to, size_t n, size_t *taken, struct dl4c_error *err)
{
    const void *bytes = NULL;
    size_t now = 0;
    for (*taken = 0; *taken < n; *taken += now) {
        DLI_TRY(dli_wh_ring_lend(c, n - *taken, &bytes, &now, err));
        if (to)
            memcpy(to + *taken, bytes, now);
        dli_wh_ring_drop(c, now);
    }
    return DL4C_OK;
}
