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
    pthread_cond_broadcast(&c->changed);
    pthread_mutex_unlock(&c->w->lock);
    return true;
}

bool dli_wh_ring_resumes(struct dli_wh_ring *r)
{
    const bool room = r->paused && r->fill <= WH_RING / 2;
    if (room)
        r->paused = false;
    return room;
}

/* ---- the reader's side ---- */

dl4c_status dli_wh_ring_take(struct dli_wh_call *c, char *to, size_t n, size_t *taken, struct dl4c_error *err)
{
    struct dli_webhdfs *w = c->w;
    struct dli_wh_ring *r = c->ring;
    for (*taken = 0; *taken < n;) {
        DLI_TRY(dli_wh_wait(c, -1, err));
        pthread_mutex_lock(&w->lock);
        const size_t at = r->at, left = n - *taken, most = r->fill < WH_RING - at ? r->fill : WH_RING - at;
        pthread_mutex_unlock(&w->lock);
        const size_t now = left < most ? left : most;
        if (now == 0) /* it is over, and all was asked for */
            return dli_fail(err, DL4C_E_INTERNAL, "webhdfs", "%.300s ended before it was read", c->shown);
        if (to)
            memcpy(to + *taken, r->bytes + at, now);
        *taken += now;
        pthread_mutex_lock(&w->lock);
        r->at = (at + now) % WH_RING;
        r->fill -= now;
        const bool wake = r->paused && r->fill <= WH_RING / 2;
        pthread_mutex_unlock(&w->lock);
        if (wake)
            dli_wh_wake(w);
    }
    return DL4C_OK;
}
