/* SPDX-License-Identifier: Apache-2.0 */
/* Checkpoints of a training: a directory of models and checkpointInfo.txt, as Deeplearning4j's CheckpointListener leaves it. */
#include "base/deadline.h"
#include "base/number.h"
#include "base/strbuf.h"
#include "fs/fs.h"
#include "graph/graph.h"
#include "train/listener.h"
#include <dl4c/model.h>

#include <string.h>
#include <time.h>

#define HEADER "checkpointNum,timestamp,iteration,epoch,modelType,filename\n"
#define INFO_LIMIT (16 << 20) /* bytes of checkpointInfo.txt: some 200 000 checkpoints */

struct checkpoint {
    dl4c_context *ctx; /* a reference */
    struct dl4c_checkpoint_options o;
    char *dir;
    char *info;    /* checkpointInfo.txt as it is there */
    int64_t n;     /* checkpoints saved */
    uint8_t *kept; /* [kept_capacity]: whether the file of checkpoint i is there */
    size_t kept_capacity;
    bool multilayer;         /* kind of the files */
    int64_t start_iteration; /* since_last: where counting starts; -1: no iteration yet */
    int64_t since_ns;        /* time counts from here */
};

static void release(void *user)
{
    struct checkpoint *c = user;
    dl4c_context *ctx = c->ctx;
    dli_free(c->dir);
    dli_free(c->info);
    dli_free(c->kept);
    dli_free(c);
    dli_context_unref(ctx);
}

static dl4c_status file_name(const struct checkpoint *c, int64_t i, char **name, struct dl4c_error *err)
{
    struct dli_strbuf b;
    dli_strbuf_init(&b, c->ctx);
    dli_strbuf_addf(&b, "checkpoint_%" PRId64 "_%s.zip", i, c->multilayer ? "MultiLayerNetwork" : "ComputationGraph");
    return dli_strbuf_take(&b, name, err);
}

static dl4c_status file_uri(const struct checkpoint *c, int64_t i, char **uri, struct dl4c_error *err)
{
    char *name;
    *uri = NULL;
    DLI_TRY(file_name(c, i, &name, err));
    const dl4c_status status = dli_uri_join(c->ctx, c->dir, name, uri, err);
    dli_free(name);
    return status;
}

/* checkpointInfo.txt with one line more. */
static dl4c_status write_info(struct checkpoint *c, int64_t i, const dl4c_graph *g, struct dl4c_error *err)
{
    struct timespec now = { 0 };
    struct dli_strbuf b;
    char *name, *text = NULL, *uri = NULL;
    timespec_get(&now, TIME_UTC);
    DLI_TRY(file_name(c, i, &name, err));
    dli_strbuf_init(&b, c->ctx);
    dli_strbuf_add(&b, c->info ? c->info : HEADER);
    dli_strbuf_addf(&b, "%" PRId64 ",%" PRId64 ",%" PRId64 ",%" PRId64 ",%s,%s\n", i, (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000,
                    g->iteration, g->epoch, c->multilayer ? "MultiLayerNetwork" : "ComputationGraph", name);
    dli_free(name);
    DLI_TRY(dli_strbuf_take(&b, &text, err));
    dl4c_status status = dli_uri_join(c->ctx, c->dir, "checkpointInfo.txt", &uri, err);
    if (status == DL4C_OK)
        status = dli_fs_save(c->ctx, uri, text, strlen(text), err);
    dli_free(uri);
    if (status != DL4C_OK) {
        dli_free(text);
        return status;
    }
    dli_free(c->info);
    c->info = text;
    return DL4C_OK;
}

static dl4c_status drop_old(struct checkpoint *c, struct dl4c_error *err)
{
    for (int64_t i = 0; c->o.keep_last && i < c->n - c->o.keep_last; i++) {
        if (!c->kept[i] || (c->o.keep_every && i > 0 && (i + 1) % c->o.keep_every == 0))
            continue;
        char *uri;
        DLI_TRY(file_uri(c, i, &uri, err));
        const dl4c_status status = dl4c_fs_remove(c->ctx, uri, err);
        dli_free(uri);
        if (status != DL4C_OK && status != DL4C_E_NOTFOUND) /* someone tidied up: as good */
            return status;
        c->kept[i] = 0;
    }
    return DL4C_OK;
}

static dl4c_status save(struct checkpoint *c, dl4c_graph *g, struct dl4c_error *err)
{
    struct dl4c_save_options so = DL4C_SAVE_OPTIONS_INIT;
    const int64_t i = c->n;
    char *uri;
    so.updater = 1;
    so.format = "dl4j";
    c->multilayer = g->multilayer;
    DLI_TRY(dli_grow(c->ctx, &c->kept, &c->kept_capacity, (size_t)i + 1, 1, err));
    DLI_TRY(file_uri(c, i, &uri, err));
    dl4c_status status = dl4c_model_save(g, uri, &so, err);
    if (status == DL4C_OK)
        status = write_info(c, i, g, err);
    if (status == DL4C_OK) {
        c->kept[i] = 1;
        c->n++;
        c->start_iteration = g->iteration;
        dli_log(c->ctx, DL4C_LOG_INFO, "train", "Model checkpoint saved: epoch %" PRId64 ", iteration %" PRId64 ", path: %.700s", g->epoch,
                g->iteration, uri);
        status = drop_old(c, err);
    }
    dli_free(uri);
    return status;
}

static dl4c_status event(void *user, struct dl4c_train_event *e, struct dl4c_error *err)
{
    struct checkpoint *c = user;
    const struct dl4c_checkpoint_options *o = &c->o;
    const int64_t now = dli_now_ns();
    if (e->kind == DL4C_TRAIN_EPOCH_END && o->every_epochs && e->epoch % o->every_epochs == 0) {
        DLI_TRY(save(c, e->graph, err));
        if (o->since_last)
            c->since_ns = now;
    }
    if (e->kind == DL4C_TRAIN_EPOCH_START && c->start_iteration < 0) {
        c->start_iteration = e->iteration;
        c->since_ns = now;
    }
    if (e->kind != DL4C_TRAIN_ITERATION)
        return DL4C_OK;
    const bool by_count = o->every_iterations && (o->since_last ? e->iteration - c->start_iteration >= o->every_iterations
                                                                : e->iteration % o->every_iterations == 0);
    const bool by_time = o->every_ms && now - c->since_ns >= o->every_ms * 1000000;
    if (!by_count && !by_time)
        return DL4C_OK;
    DLI_TRY(save(c, e->graph, err));
    if (by_time || o->since_last)
        c->since_ns = now;
    return DL4C_OK;
}

/* ---- what is in the directory already ---- */

struct doomed {
    const struct checkpoint *c;
    dl4c_status status;
    struct dl4c_error *err;
};

static bool is_checkpoint(const char *name)
{
    const size_t n = strlen(name), start = strlen("checkpoint_");
    const char *const ends[] = { "MultiLayerNetwork.zip", "ComputationGraph.zip" };
    for (int k = 0; strncmp(name, "checkpoint_", start) == 0 && k < 2; k++)
        if (n > strlen(ends[k]) && strcmp(name + n - strlen(ends[k]), ends[k]) == 0)
            return true;
    return false;
}

static int remove_one(void *arg, const char *name, const struct dl4c_fs_stat *stat)
{
    struct doomed *d = arg;
    char *uri = NULL;
    (void)stat;
    if (!is_checkpoint(name))
        return 0;
    d->status = dli_uri_join(d->c->ctx, d->c->dir, name, &uri, d->err);
    if (d->status == DL4C_OK)
        d->status = dl4c_fs_remove(d->c->ctx, uri, d->err);
    dli_free(uri);
    return d->status != DL4C_OK;
}

static dl4c_status prepare(struct checkpoint *c, struct dl4c_error *err)
{
    struct dl4c_fs_stat st = DL4C_FS_STAT_INIT;
    struct dl4c_error none;
    char *info;
    DLI_TRY(dl4c_fs_mkdir(c->ctx, c->dir, err));
    DLI_TRY(dli_uri_join(c->ctx, c->dir, "checkpointInfo.txt", &info, err));
    dl4c_status status = dl4c_fs_stat_uri(c->ctx, info, &st, &none);
    if (status == DL4C_E_NOTFOUND) {
        dli_free(info);
        return DL4C_OK;
    }
    if (status != DL4C_OK) {
        if (err)
            *err = none;
    } else if (!c->o.delete_existing) {
        status = dli_fail(err, DL4C_E_STATE, "train",
                          "'%.300s' holds checkpoints already: name another directory, or set delete_existing to lose them", c->dir);
    } else { /* the list first: without it the files are nobody's checkpoints */
        struct doomed d = { .c = c, .err = err };
        status = dl4c_fs_remove(c->ctx, info, err);
        if (status == DL4C_OK)
            status = dl4c_fs_list(c->ctx, c->dir, remove_one, &d, err);
        if (status == DL4C_OK)
            status = d.status;
    }
    dli_free(info);
    return status;
}

static dl4c_status check(const struct dl4c_checkpoint_options *o, struct dl4c_error *err)
{
    if (o->flags)
        return dli_fail(err, DL4C_E_VERSION, "train", "flags %#" PRIx64 " are not known to this library", o->flags);
    if (o->every_epochs < 0 || o->every_iterations < 0 || o->every_ms < 0 || o->keep_last < 0 || o->keep_every < 0)
        return dli_fail(err, DL4C_E_INVALID, "train", "every_epochs, every_iterations, every_ms, keep_last or keep_every is negative");
    if (o->every_ms > INT64_MAX / 1000000)
        return dli_fail(err, DL4C_E_INVALID, "train", "every_ms is %" PRId64 ", more than 292 years", o->every_ms);
    if (o->keep_every && !o->keep_last)
        return dli_fail(err, DL4C_E_INVALID, "train", "keep_every is %" PRId32 " but keep_last is 0, which keeps all", o->keep_every);
    return DL4C_OK;
}

dl4c_status dl4c_listener_checkpoint(dl4c_context *ctx, const char *dir, const struct dl4c_checkpoint_options *options,
                                     struct dl4c_listener *l, struct dl4c_error *err)
{
    struct dl4c_checkpoint_options o;
    if (!l || !dir)
        return dli_fail(err, DL4C_E_INVALID, "train", "the %s is NULL", l ? "directory" : "listener");
    DLI_TRY(dli_struct_in(&o, sizeof o, options, "train", err));
    DLI_TRY(check(&o, err));
    ctx = dli_context_ref(ctx, err);
    struct checkpoint *c = ctx ? dli_calloc(ctx, 1, sizeof *c, err) : NULL;
    if (!c) {
        dli_context_unref(ctx);
        return dli_alloc_status();
    }
    c->ctx = ctx;
    c->o = o;
    c->start_iteration = -1;
    if (!o.every_epochs && !o.every_iterations && !o.every_ms)
        c->o.every_epochs = 1;
    c->dir = dli_strdup(ctx, dir, err);
    const dl4c_status status = c->dir ? prepare(c, err) : dli_alloc_status();
    if (status != DL4C_OK) {
        release(c);
        return status;
    }
    return dli_listener_fill(l, c, event, release, err);
}

/* ---- the newest ---- */

/* The file of a line "num,timestamp,iteration,epoch,type,file"; NULL: it is none. */
static char *file_of(char *line)
{
    char *at = line;
    for (int field = 0; field < 5; field++) {
        int64_t v;
        char *comma = strchr(at, ',');
        if (!comma || (field < 4 && !dli_parse_i64(at, (size_t)(comma - at), &v)))
            return NULL;
        at = comma + 1;
    }
    return *at && !strpbrk(at, ",/\\") && strcmp(at, ".") != 0 && strcmp(at, "..") != 0 ? at : NULL;
}

/* text: all of checkpointInfo.txt, which is taken apart from its end. */
static dl4c_status newest(dl4c_context *ctx, const char *dir, char *text, char **uri, struct dl4c_error *err)
{
    for (;;) {
        size_t n = strlen(text);
        while (n && (text[n - 1] == '\n' || text[n - 1] == '\r'))
            text[--n] = '\0';
        char *line = strrchr(text, '\n');
        if (!line) /* what is left is the header */
            return dli_fail(err, DL4C_E_NOTFOUND, "train", "'%.300s' has no checkpoint whose file is there", dir);
        *line++ = '\0';
        char *file = file_of(line), *at;
        if (!file)
            return dli_fail(err, DL4C_E_CORRUPT, "train", "checkpointInfo.txt of '%.200s' has the line '%.100s', which is no checkpoint",
                            dir, line);
        struct dl4c_fs_stat st = DL4C_FS_STAT_INIT;
        struct dl4c_error why;
        DLI_TRY(dli_uri_join(ctx, dir, file, &at, err));
        const dl4c_status status = dl4c_fs_stat_uri(ctx, at, &st, &why);
        if (status == DL4C_OK) {
            *uri = at;
            return DL4C_OK;
        }
        dli_free(at);
        if (status != DL4C_E_NOTFOUND) {
            if (err)
                *err = why;
            return status;
        }
    }
}

dl4c_status dl4c_checkpoint_last(dl4c_context *ctx, const char *dir, char **uri, struct dl4c_error *err)
{
    if (!uri)
        return dli_fail(err, DL4C_E_INVALID, "train", "uri is NULL");
    *uri = NULL;
    if (!dir)
        return dli_fail(err, DL4C_E_INVALID, "train", "the directory is NULL");
    ctx = dli_context_ref(ctx, err);
    if (!ctx)
        return dli_alloc_status();
    char *info = NULL, *text = NULL;
    size_t size;
    dl4c_status status = dli_uri_join(ctx, dir, "checkpointInfo.txt", &info, err);
    if (status == DL4C_OK)
        status = dli_fs_load(ctx, info, INFO_LIMIT, &text, &size, err);
    if (status == DL4C_OK && strlen(text) != size)
        status = dli_fail(err, DL4C_E_CORRUPT, "train", "checkpointInfo.txt of '%.300s' is no text", dir);
    if (status == DL4C_OK)
        status = newest(ctx, dir, text, uri, err);
    dli_free(info);
    dli_free(text);
    dli_context_unref(ctx);
    return status;
}
