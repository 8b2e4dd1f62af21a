/* SPDX-License-Identifier: Apache-2.0 */
/* Reading: files that are open, files read ahead. */
#include "fs/webhdfs/webhdfs.h"

#include <string.h>

struct file {
    struct dli_webhdfs *w;
    struct dli_wh_target target;
    int64_t size;
    pthread_mutex_t lock;
    char *window; /* what was read at once where less was asked for */
    int64_t window_at;
    size_t window_size;
    int64_t next;               /* where the last reading ended */
    bool streaming;             /* a thread has what follows; all of the lock up to here */
    struct dli_wh_call *stream; /* NULL: nobody reads on and on */
    struct dli_wh_ring ring;
    int64_t stream_at;          /* of the next byte in the ring */
    size_t lent;                /* bytes before stream_at that are still there, lent */
};

/* Who wants so much at once gets it into his own memory. */
enum { WH_MOST_STREAMED = 8 << 20 };

static struct dli_wh_call *read_call(struct dli_webhdfs *w, const struct dli_wh_target *t, int64_t offset, int64_t length,
                                     struct dl4c_error *err)
{
    struct dli_wh_call *c = dli_wh_call_new(w, t, "GET", "OPEN", err);
    if (!c)
        return NULL;
    c->kind = WH_READ;
    c->offset = offset;
    c->length = length;
    c->most = (size_t)PTRDIFF_MAX - 1;
    return c;
}

/* Room for n bytes from the start, so that growing copies nothing. */
static dl4c_status reserve(struct dli_wh_call *c, size_t n, struct dl4c_error *err)
{
    c->to = dli_alloc(c->w->ctx, n, err);
    if (!c->to)
        return dli_alloc_status();
    c->capacity = n;
    return DL4C_OK;
}

static void take_window(struct file *f, struct dli_wh_call *c, int64_t at)
{
    pthread_mutex_lock(&f->lock);
    dli_free(f->window);
    f->window = c->to;
    f->window_at = at;
    f->window_size = (size_t)c->got;
    c->to = NULL;
    c->capacity = 0;
    pthread_mutex_unlock(&f->lock);
}

static void end_stream(struct file *f)
{
    dli_wh_call_free(f->stream);
    dli_free(f->ring.bytes);
    f->stream = NULL;
    f->lent = 0;
    f->ring = (struct dli_wh_ring){ 0 };
}

static dl4c_status is_file(const struct dli_wh_target *t, const struct dl4c_fs_stat *st, struct dl4c_error *err)
{
    return st->kind == DL4C_FS_FILE ? DL4C_OK : dli_fail(err, DL4C_E_INVALID, "webhdfs", "%.300s is a directory, wanted a file", t->path);
}

/* Two requests at once: what the file is, and its beginning, which is all of most files. */
static dl4c_status open_both(struct file *f, struct dl4c_error *err)
{
    struct dl4c_fs_stat st = DL4C_FS_STAT_INIT;
    struct dli_wh_call *what = dli_wh_call_new(f->w, &f->target, "GET", "GETFILESTATUS", err);
    struct dli_wh_call *data = what ? read_call(f->w, &f->target, 0, WH_WINDOW, err) : NULL;
    dl4c_status status = data ? dli_wh_submit(what, err) : dli_alloc_status();
    if (status == DL4C_OK)
        status = dli_wh_submit(data, err);
    if (status == DL4C_OK)
        status = dli_wh_wait(what, -1, err);
    if (status == DL4C_OK)
        status = dli_wh_status_of(what, &st, err);
    if (status == DL4C_OK)
        status = is_file(&f->target, &st, err);
    f->size = st.size_bytes;
    /* What came must be what the NameNode knows; if not, it is read anew when it is asked for. */
    if (status == DL4C_OK && f->size > 0) {
        struct dl4c_error e = DL4C_ERROR_INIT;
        const dl4c_status read = dli_wh_wait(data, -1, &e);
        if (read != DL4C_E_CANCELLED && data->got == (f->size < WH_WINDOW ? f->size : WH_WINDOW)) {
            take_window(f, data, 0);
        } else if (read != DL4C_OK) {
            status = read;
            *err = e;
        }
    }
    dli_wh_call_free(what);
    dli_wh_call_free(data);
    return status;
}

dl4c_status dli_wh_open_read(void *user, const char *authority, const char *path, void **file, int64_t *size, struct dl4c_error *err)
{
    const struct dli_wh_scheme *s = user;
    struct file *f = dli_calloc(s->w->ctx, 1, sizeof *f, err);
    if (!f)
        return dli_alloc_status();
    f->w = s->w;
    pthread_mutex_init(&f->lock, NULL);
    dl4c_status status = dli_wh_target_open(s, authority, path, &f->target, err);
    if (status == DL4C_OK)
        status = open_both(f, err);
    if (status != DL4C_OK) {
        dli_wh_close_read(user, f);
        return status;
    }
    *file = f;
    *size = f->size;
    return DL4C_OK;
}

void dli_wh_close_read(void *user, void *file)
{
    (void)user;
    struct file *f = file;
    end_stream(f);
    dli_wh_target_free(&f->target);
    dli_free(f->window);
    pthread_mutex_destroy(&f->lock);
    dli_free(f);
}

/* The beginning of what is wanted, as far as it is in the window. *on: this reading begins where the last one ended. */
static size_t from_window(struct file *f, int64_t offset, void *to, size_t size, bool *on)
{
    size_t n = 0;
    pthread_mutex_lock(&f->lock);
    const int64_t end = f->window_at + (f->window ? (int64_t)f->window_size : 0);
    if (offset >= f->window_at && offset < end) {
        n = (uint64_t)size < (uint64_t)(end - offset) ? size : (size_t)(end - offset);
        memcpy(to, f->window + (offset - f->window_at), n);
    }
    *on = offset == f->next;
    f->next = offset + (int64_t)size;
    pthread_mutex_unlock(&f->lock);
    return n;
}

/* What the window lacks: into the caller's memory where that is as much as would be read at once, or all there is, else by a new window. */
static dl4c_status read_on(struct file *f, int64_t offset, char *to, size_t size, struct dl4c_error *err)
{
    const int64_t left = f->size - offset;
    const bool direct = size >= WH_WINDOW || (int64_t)size == left;
    struct dli_wh_call *c = read_call(f->w, &f->target, offset, direct ? (int64_t)size : left < WH_WINDOW ? left : WH_WINDOW, err);
    if (!c)
        return dli_alloc_status();
    c->exact = true;
    dl4c_status status = DL4C_OK;
    if (direct) {
        c->to = to;
        c->borrowed = true;
    } else {
        status = reserve(c, (size_t)c->length + 1, err);
    }
    if (status == DL4C_OK)
        status = dli_wh_run(c, err);
    if (status == DL4C_OK && !direct) {
        memcpy(to, c->to, size);
        take_window(f, c, offset);
    }
    dli_wh_call_free(c);
    return status;
}

/* ---- on and on ---- */

static dl4c_status begin_stream(struct file *f, int64_t offset, struct dl4c_error *err)
{
    end_stream(f);
    f->stream_at = offset;
    f->ring.bytes = dli_alloc(f->w->ctx, WH_RING, err);
    if (!f->ring.bytes || !(f->stream = read_call(f->w, &f->target, offset, f->size - offset, err)))
        return dli_alloc_status();
    f->stream->exact = true;
    f->stream->ring = &f->ring;
    f->stream->borrowed = true;
    return dli_wh_submit(f->stream, err);
}

/* Who leaves out a little, as those do who read one entry of an archive after the other, reads on all the same. */
static bool reaches(const struct file *f, int64_t offset)
{
    return f->stream && offset >= f->stream_at && offset - f->stream_at <= WH_WINDOW;
}

/* Whether the stream is for this reading, which has it until leave_stream: it has come there, or nearly, or a new one is worth while. One
 * thread at a time has it; others read as if there were none. */
static bool enter_stream(struct file *f, int64_t offset, size_t size, bool on)
{
    pthread_mutex_lock(&f->lock);
    const int64_t left = f->size - offset;
    const bool worth = on && size < WH_MOST_STREAMED && (int64_t)size < left && left > WH_WINDOW;
    const bool mine = !f->streaming && (reaches(f, offset) || worth);
    f->streaming = f->streaming || mine;
    if (mine) { /* both at once would be more memory than either */
        dli_free(f->window);
        f->window = NULL;
    }
    pthread_mutex_unlock(&f->lock);
    return mine;
}

static void leave_stream(struct file *f)
{
    pthread_mutex_lock(&f->lock);
    f->streaming = false;
    pthread_mutex_unlock(&f->lock);
}

/* To where it is to be read. */
static dl4c_status bring_stream(struct file *f, int64_t offset, struct dl4c_error *err)
{
    size_t taken = 0;
    if (f->stream && f->lent > 0)
        dli_wh_ring_drop(f->stream, f->lent);
    f->lent = 0;
    if (!reaches(f, offset))
        return begin_stream(f, offset, err);
    const dl4c_status status = dli_wh_ring_take(f->stream, NULL, (size_t)(offset - f->stream_at), &taken, err);
    f->stream_at += (int64_t)taken;
    return status;
}

static dl4c_status from_stream(struct file *f, int64_t offset, char *to, size_t size, struct dl4c_error *err)
{
    size_t taken = 0;
    dl4c_status status = bring_stream(f, offset, err);
    if (status == DL4C_OK) {
        status = dli_wh_ring_take(f->stream, to, size, &taken, err);
        f->stream_at += (int64_t)taken;
    }
    if (status != DL4C_OK || f->stream_at == f->size)
        end_stream(f);
    return status;
}

dl4c_status dli_wh_read_at(void *user, void *file, int64_t offset, void *to, size_t size, size_t *got, struct dl4c_error *err)
{
    (void)user;
    struct file *f = file;
    *got = 0;
    if (offset >= f->size || size == 0)
        return DL4C_OK;
    const int64_t left = f->size - offset;
    if ((uint64_t)size > (uint64_t)left)
        size = (size_t)left;
    bool on;
    const size_t there = from_window(f, offset, to, size, &on), more = size - there;
    if (more > 0 && enter_stream(f, offset + (int64_t)there, more, on)) {
        const dl4c_status status = from_stream(f, offset + (int64_t)there, (char *)to + there, more, err);
        leave_stream(f);
        DLI_TRY(status);
    } else if (more > 0) {
        DLI_TRY(read_on(f, offset + (int64_t)there, (char *)to + there, more, err));
    }
    *got = size;
    return DL4C_OK;
}

dl4c_status dli_wh_lend(void *file, int64_t offset, size_t most, const void **bytes, size_t *n, struct dl4c_error *err)
{
    struct file *f = file;
    const int64_t end = f->window_at + (int64_t)f->window_size;
    if (f->window && offset >= f->window_at && offset < end) {
        *n = (uint64_t)most < (uint64_t)(end - offset) ? most : (size_t)(end - offset);
        *bytes = f->window + (offset - f->window_at);
    } else {
        dli_free(f->window);
        f->window = NULL;
        dl4c_status status = bring_stream(f, offset, err);
        if (status == DL4C_OK)
            status = dli_wh_ring_lend(f->stream, most, bytes, n, err);
        if (status != DL4C_OK) {
            end_stream(f);
            return status;
        }
        f->lent = *n;
        f->stream_at += (int64_t)*n;
    }
    f->next = offset + (int64_t)*n;
    return DL4C_OK;
}

/* ---- ahead ---- */

struct load {
    struct dli_webhdfs *w;
    struct dli_wh_target target;
    struct dli_wh_call *what, *data; /* what: NULL where the caller knows the size */
    int64_t size, limit;
};

/* On the engine's thread, as what reads length. Where the size is known now, no more than that is taken: a body may be without end. */
static dl4c_status then_bound(struct dli_wh_call *c, bool *more, struct dl4c_error *err)
{
    struct dl4c_fs_stat st = DL4C_FS_STAT_INIT;
    (void)more;
    DLI_TRY(dli_wh_status_of(c, &st, err));
    pthread_mutex_lock(&c->w->lock);
    if (!c->cancelled && st.size_bytes < INT64_MAX)
        c->beside->length = c->beside->got > st.size_bytes ? c->beside->got : st.size_bytes + 1;
    pthread_mutex_unlock(&c->w->lock);
    return DL4C_OK;
}

static dl4c_status start(struct load *l, struct dl4c_error *err)
{
    /* One byte more than wanted: a file that has grown shows. */
    const int64_t wanted = l->size >= 0 && l->size < INT64_MAX ? l->size + 1 : -1;
    l->data = read_call(l->w, &l->target, 0, wanted, err);
    if (!l->data)
        return dli_alloc_status();
    if ((uint64_t)l->limit < l->data->most)
        l->data->most = (size_t)l->limit;
    if (wanted >= 0) {
        l->data->most++;
        DLI_TRY(reserve(l->data, (size_t)wanted + 1, err));
    } else {
        l->what = dli_wh_call_new(l->w, &l->target, "GET", "GETFILESTATUS", err);
        if (!l->what)
            return dli_alloc_status();
        l->what->then = then_bound;
        l->what->beside = l->data;
        DLI_TRY(dli_wh_submit(l->what, err));
    }
    return dli_wh_submit(l->data, err);
}

dl4c_status dli_wh_load_start(void *user, const char *authority, const char *path, int64_t size, int64_t limit, void **load,
                              struct dl4c_error *err)
{
    const struct dli_wh_scheme *s = user;
    struct load *l;
    if (size > limit || size >= PTRDIFF_MAX - 1)
        return dli_fail(err, DL4C_E_LIMIT, "webhdfs", "%.300s has %" PRId64 " bytes, the limit is %" PRId64, path, size, limit);
    l = dli_calloc(s->w->ctx, 1, sizeof *l, err);
    if (!l)
        return dli_alloc_status();
    l->w = s->w;
    l->size = size;
    l->limit = limit;
    dl4c_status status = dli_wh_target_open(s, authority, path, &l->target, err);
    if (status == DL4C_OK)
        status = start(l, err);
    if (status != DL4C_OK) {
        dli_wh_load_end(user, l);
        return status;
    }
    *load = l;
    return DL4C_OK;
}

/* A server that was in safe mode all the time is no file that is still on its way. */
static dl4c_status wait_for(struct dli_wh_call *c, int64_t timeout_ms, struct dl4c_error *err)
{
    const dl4c_status status = dli_wh_wait(c, timeout_ms, err);
    if (status != DL4C_E_BUSY)
        return status;
    pthread_mutex_lock(&c->w->lock);
    const bool final = c->done && c->status == DL4C_E_BUSY;
    pthread_mutex_unlock(&c->w->lock);
    if (!final)
        return status;
    *err = c->err;
    return err->status = DL4C_E_IO;
}

dl4c_status dli_wh_load_wait(void *user, void *load, int64_t timeout_ms, const void **bytes, size_t *size, struct dl4c_error *err)
{
    (void)user;
    struct load *l = load;
    if (l->what && l->size < 0) {
        struct dl4c_fs_stat st = DL4C_FS_STAT_INIT;
        DLI_TRY(wait_for(l->what, timeout_ms, err));
        DLI_TRY(dli_wh_status_of(l->what, &st, err));
        DLI_TRY(is_file(&l->target, &st, err));
        if (st.size_bytes > l->limit)
            return dli_fail(err, DL4C_E_LIMIT, "webhdfs", "%.300s has %" PRId64 " bytes, the limit is %" PRId64, l->target.path,
                            st.size_bytes, l->limit);
        l->size = st.size_bytes;
    }
    const dl4c_status status = wait_for(l->data, timeout_ms, err);
    if (status == DL4C_E_BUSY || status == DL4C_E_CANCELLED || (status != DL4C_OK && l->data->got != l->size))
        return status; /* all is there also where the server promised more than the file has */
    if (l->data->got != l->size)
        return dli_fail(err, DL4C_E_CORRUPT, "webhdfs", "%.300s %s %" PRId64 " bytes, wanted %" PRId64, l->target.path,
                        l->data->got > l->size ? "has more than" : "came with", l->data->got > l->size ? l->size : l->data->got, l->size);
    *bytes = l->data->to ? l->data->to : "";
    *size = (size_t)l->size;
    return DL4C_OK;
}

void dli_wh_load_end(void *user, void *load)
{
    (void)user;
    struct load *l = load;
    dli_wh_call_free(l->what);
    dli_wh_call_free(l->data);
    dli_wh_target_free(&l->target);
    dli_free(l);
}
