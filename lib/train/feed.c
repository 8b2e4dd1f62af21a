/* SPDX-License-Identifier: Apache-2.0 */
/* Where a worker's rows come from: the store, where it has the same as the leader, else the leader's messages. */
#include "base/thread_pool.h"
#include "features/store.h"
#include "train/member.h"

#include <string.h>

dl4c_status dli_member_strange(const char *what, struct dl4c_error *err)
{
    return dli_fail(err, DL4C_E_CORRUPT, "worker", "the leader of the training sent %s", what);
}

/* ---- the store ---- */

static bool has_rows_of(const dl4c_features *f, const struct dl4c_shape *shape)
{
    int64_t floats = 1;
    for (int32_t r = 0; r < shape->rank; r++)
        if (!dli_mul_i64(floats, shape->dim[r], &floats))
            return false;
    return floats == f->floats;
}

void dli_member_open_store(struct dli_member *m)
{
    const struct dli_settings *s = &m->settings;
    struct dl4c_error why = DL4C_ERROR_INIT;
    dl4c_features_close(&m->store);
    if (!s->store || !s->digest) {
        if (m->features)
            dli_log(m->ctx, DL4C_LOG_WARNING, "worker", "the training is not of a features store, so rows are sent");
        return;
    }
    const char *uri = m->features ? m->features : s->store;
    if (dl4c_features_open(m->ctx, uri, NULL, &m->store, &why) != DL4C_OK) {
        dli_log(m->ctx, m->features ? DL4C_LOG_WARNING : DL4C_LOG_INFO, "worker", "rows are sent: %.400s", why.message);
    } else if (strcmp(m->store->digest, s->digest) != 0 || !has_rows_of(m->store, &s->shape)) {
        dli_log(m->ctx, DL4C_LOG_WARNING, "worker",
                "%.300s is another store than the one that is trained on (manifest %.12s, wanted %.12s), so rows are sent", uri,
                m->store->digest, s->digest);
        dl4c_features_close(&m->store);
    } else {
        dli_log(m->ctx, DL4C_LOG_INFO, "worker", "rows are read from %.300s", uri);
    }
}

/* Rows by their places; false: a place or a label that cannot be. */
static bool read_rows(const struct dli_member *m, struct dli_rows *r)
{
    const dl4c_features *f = m->store;
    const size_t bytes = (size_t)r->row * sizeof *r->x;
    const int64_t classes = dli_trainer_binary(m->t) ? 2 : m->t->k;
    for (int64_t i = 0; i < r->n; i++) {
        const int64_t row = r->index[i];
        if (row < 0 || row >= f->rows)
            return false;
        const struct dli_shard *s = dli_features_shard_of(f, row);
        memcpy(r->x + i * r->row, s->x + (size_t)(row - s->first) * bytes, bytes);
        memcpy(&r->labels[i], s->labels + (size_t)(row - s->first) * sizeof *r->labels, sizeof *r->labels);
        if (r->labels[i] < 0 || r->labels[i] >= classes)
            return false;
    }
    return true;
}

/* The rows are read and were the leader's, to the bit; *sent: they are not, and are sent. */
static dl4c_status read_share(struct dli_member *m, const struct dli_order *o, bool *sent, struct dl4c_error *err)
{
    struct dli_rows *r = &m->own;
    if (!m->store || !(o->what & DLI_ROWS_LABELS) || !(o->what & DLI_ROWS_INDEX))
        return dli_member_strange("a round of stored rows to a worker that has no store", err);
    DLI_TRY(dl4c_group_recv(m->group, 0, r->index, (size_t)o->rows * sizeof *r->index, m->patience_ms, err));
    const int64_t same = r->row == m->store->floats && read_rows(m, r) &&
                         dli_rows_checksum(r, m->own_first, m->own_count, o->steps) == (uint32_t)o->a;
    *sent = !same;
    if (*sent) {
        dli_log(m->ctx, DL4C_LOG_WARNING, "worker", "%.300s has other rows than the leader's store, so rows are sent from here on",
                m->features ? m->features : m->settings.store);
        dl4c_features_close(&m->store);
    }
    return dl4c_group_send(m->group, 0, &same, sizeof same, m->patience_ms, err);
}

/* ---- messages ---- */

static dl4c_status receive_minibatch(struct dli_member *m, const struct dli_order *o, int64_t step, struct dl4c_error *err)
{
    const dl4c_trainer *t = m->t;
    struct dli_rows *r = &m->own;
    const bool labels = o->what & DLI_ROWS_LABELS;
    const int64_t first = m->own_first[step], n = m->own_count[step];
    const int64_t classes = dli_trainer_binary(t) ? 2 : t->k;
    if (n == 0)
        return DL4C_OK;
    DLI_TRY(dl4c_group_recv(m->group, 0, r->x + first * r->row, (size_t)(n * r->row) * sizeof *r->x, m->patience_ms, err));
    if (labels)
        DLI_TRY(dl4c_group_recv(m->group, 0, r->labels + first, (size_t)n * sizeof *r->labels, m->patience_ms, err));
    else
        DLI_TRY(dl4c_group_recv(m->group, 0, r->y + first * r->k, (size_t)(n * r->k) * sizeof *r->y, m->patience_ms, err));
    if (o->what & DLI_ROWS_INDEX)
        DLI_TRY(dl4c_group_recv(m->group, 0, r->index + first, (size_t)n * sizeof *r->index, m->patience_ms, err));
    for (int64_t i = first; labels && i < first + n; i++)
        if (r->labels[i] < 0 || r->labels[i] >= classes)
            return dli_member_strange("a label outside the classes", err);
    return DL4C_OK;
}

static void *receive_ahead(void *arg)
{
    struct dli_arrivals *a = arg;
    for (int64_t s = 0; s < a->steps; s++) {
        struct dl4c_error err = DL4C_ERROR_INIT;
        const dl4c_status status = receive_minibatch(a->m, a->order, s, &err);
        pthread_mutex_lock(&a->lock);
        a->there += status == DL4C_OK;
        a->status = status;
        a->err = err;
        pthread_cond_signal(&a->news);
        pthread_mutex_unlock(&a->lock);
        if (status != DL4C_OK)
            break;
    }
    return NULL;
}

/* Whether a thread receives from here on. */
static bool begin_receiving(struct dli_member *m, const struct dli_order *o)
{
    struct dli_arrivals *a = &m->arrivals;
    *a = (struct dli_arrivals){ .steps = o->steps, .m = m, .order = o };
    if (pthread_mutex_init(&a->lock, NULL) != 0)
        return false;
    if (pthread_cond_init(&a->news, NULL) == 0) {
        a->running = dli_thread_start(&a->thread, receive_ahead, a);
        if (a->running)
            return true;
        pthread_cond_destroy(&a->news);
    }
    pthread_mutex_destroy(&a->lock);
    return false;
}

static dl4c_status answer(const struct dli_arrivals *a, struct dl4c_error *err)
{
    if (a->status != DL4C_OK && err)
        *err = a->err;
    return a->status;
}

dl4c_status dli_arrivals_wait(struct dli_arrivals *a, int64_t step, struct dl4c_error *err)
{
    pthread_mutex_lock(&a->lock);
    while (a->there <= step && a->status == DL4C_OK)
        pthread_cond_wait(&a->news, &a->lock);
    const dl4c_status status = a->there > step ? DL4C_OK : answer(a, err);
    pthread_mutex_unlock(&a->lock);
    return status;
}

dl4c_status dli_member_received(struct dli_member *m, struct dl4c_error *err)
{
    struct dli_arrivals *a = &m->arrivals;
    if (!a->running)
        return DL4C_OK;
    pthread_join(a->thread, NULL);
    pthread_cond_destroy(&a->news);
    pthread_mutex_destroy(&a->lock);
    a->running = false;
    return answer(a, err);
}

dl4c_status dli_member_receive(struct dli_member *m, const struct dli_order *o, struct dl4c_error *err)
{
    struct dli_rows *r = &m->own;
    int64_t sum = 0;
    bool sent = true;
    memset(m->own_count, 0, (size_t)m->frequency * sizeof *m->own_count);
    DLI_TRY(dl4c_group_recv(m->group, 0, m->own_count, (size_t)o->steps * sizeof *m->own_count, m->patience_ms, err));
    for (int64_t s = 0; s < o->steps; s++) {
        if (m->own_count[s] < 0 || m->own_count[s] > m->t->batch)
            return dli_member_strange("a minibatch of an impossible size", err);
        m->own_first[s] = sum;
        sum += m->own_count[s];
    }
    if (sum != o->rows)
        return dli_member_strange("minibatches that do not add up to their rows", err);
    if (o->what & DLI_ROWS_LABELS && dli_trainer_classes(m->t, 1, false, NULL) != DL4C_OK)
        return dli_member_strange("labels for a network that wants targets", err);
    r->ctx = m->ctx;
    DLI_TRY(dli_rows_room(r, m->t, o->rows, o->what & DLI_ROWS_LABELS, o->what & DLI_ROWS_INDEX, err));
    r->n = o->rows;
    if (o->what & DLI_ROWS_STORED)
        DLI_TRY(read_share(m, o, &sent, err));
    if (sent && m->settings.prefetch > 0 && !m->one_thread && o->steps > 1 && begin_receiving(m, o))
        return DL4C_OK;
    for (int64_t s = 0; sent && s < o->steps; s++)
        DLI_TRY(receive_minibatch(m, o, s, err));
    return DL4C_OK;
}
