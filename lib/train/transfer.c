/* SPDX-License-Identifier: Apache-2.0 */
/* Training behind the frozen part of a graph, in memory: split, featurize, fit, and the weights back. */
#include "base/deadline.h"
#include "graph/graph.h"
#include "tensor/tensor.h"
#include <dl4c/transfer.h>

#include <string.h>

struct dl4c_transfer {
    dl4c_context *ctx; /* a reference */
    dl4c_graph *whole; /* a reference */
    dl4c_graph *frozen, *rest;
};

/* ---- splitting ---- */

/* Marks what is frozen and all it depends on. */
static dl4c_status mark_frozen(const dl4c_graph *g, uint8_t *trunk, struct dl4c_error *err)
{
    bool any = false;
    for (int32_t v = g->n_vertices - 1; v >= 0; v--) {
        if (g->vertices[v].op && g->vertices[v].frozen)
            trunk[v] = 1;
        any = any || trunk[v];
        for (int32_t k = 0; trunk[v] && k < g->vertices[v].n_inputs; k++) {
            const int32_t from = g->vertices[v].inputs[k];
            trunk[from] = 1;
            if (g->vertices[from].n_params > 0 && !g->vertices[from].frozen)
                return dli_fail(err, DL4C_E_INVALID, "transfer", "'%.180s' is not frozen but '%.180s' is, which depends on it",
                                g->vertices[from].name, g->vertices[v].name);
        }
    }
    return any ? DL4C_OK : dli_fail(err, DL4C_E_INVALID, "transfer", "no vertex is frozen: name some, or freeze them by a builder");
}

/* The names of marked vertices that others read, sorted; [n_vertices], of which *n are filled. */
static void find_border(const dl4c_graph *g, const uint8_t *trunk, const char **names, int32_t *n)
{
    *n = 0;
    for (int32_t v = 0; v < g->n_vertices; v++)
        for (int32_t k = 0; !trunk[v] && k < g->vertices[v].n_inputs; k++) {
            const int32_t from = g->vertices[v].inputs[k];
            const char *name = g->vertices[from].name;
            int32_t at = 0;
            while (at < *n && strcmp(names[at], name) < 0)
                at++;
            if (!trunk[from] || (at < *n && strcmp(names[at], name) == 0))
                continue;
            memmove(names + at + 1, names + at, (size_t)(*n - at) * sizeof *names);
            names[at] = name;
            ++*n;
        }
}

/* The graph with more of it frozen. */
static dl4c_status freeze_more(dl4c_graph *graph, const char *const *freeze, int32_t n, dl4c_graph **marked, struct dl4c_error *err)
{
    dl4c_builder *b;
    DLI_TRY(dl4c_builder_create(graph->ctx, graph, &b, err));
    for (int32_t i = 0; i < n; i++)
        dl4c_builder_freeze(b, freeze[i]);
    return dl4c_builder_finish(&b, marked, err);
}

static dl4c_status split(dl4c_transfer *t, dl4c_graph *marked, struct dl4c_error *err)
{
    int32_t n;
    uint8_t *trunk = dli_calloc(t->ctx, (size_t)marked->n_vertices, 1, err);
    const char **names = trunk ? dli_array(t->ctx, (size_t)marked->n_vertices, sizeof *names, err) : NULL;
    dl4c_status status = names ? mark_frozen(marked, trunk, err) : dli_alloc_status();
    if (status == DL4C_OK) {
        find_border(marked, trunk, names, &n);
        status = n > 0 ? dl4c_graph_split(marked, names, n, NULL, &t->frozen, &t->rest, err)
                       : dli_fail(err, DL4C_E_INVALID, "transfer", "everything is frozen: nothing is left to train");
    }
    dli_free(trunk);
    dli_free(names);
    return status;
}

dl4c_status dl4c_transfer_create(dl4c_graph *graph, const char *const *freeze, int32_t n_freeze, dl4c_transfer **out,
                                 struct dl4c_error *err)
{
    if (!out)
        return dli_fail(err, DL4C_E_INVALID, "transfer", "t is NULL");
    *out = NULL;
    if (!graph || n_freeze < 0 || (n_freeze > 0 && !freeze))
        return dli_fail(err, DL4C_E_INVALID, "transfer", "%s", graph ? "n_freeze is not the length of freeze" : "graph is NULL");
    dl4c_context *ctx = dli_context_ref(graph->ctx, err);
    dl4c_transfer *t = ctx ? dli_calloc(ctx, 1, sizeof *t, err) : NULL;
    if (!t) {
        dli_context_unref(ctx);
        return dli_alloc_status();
    }
    t->ctx = ctx;
    t->whole = dli_graph_ref(graph);
    dl4c_graph *marked = NULL;
    dl4c_status status = freeze_more(graph, freeze, n_freeze, &marked, err);
    if (status == DL4C_OK)
        status = split(t, marked, err);
    dl4c_graph_destroy(&marked);
    if (status != DL4C_OK)
        dl4c_transfer_destroy(&t);
    *out = t;
    return status;
}

void dl4c_transfer_destroy(dl4c_transfer **transfer)
{
    if (!transfer || !*transfer)
        return;
    dl4c_transfer *t = *transfer;
    *transfer = NULL;
    dl4c_graph_destroy(&t->frozen);
    dl4c_graph_destroy(&t->rest);
    dli_graph_unref(t->whole);
    dl4c_context *ctx = t->ctx;
    dli_free(t);
    dli_context_unref(ctx);
}

dl4c_graph *dl4c_transfer_frozen(dl4c_transfer *t) { return t ? t->frozen : NULL; }
dl4c_graph *dl4c_transfer_unfrozen(dl4c_transfer *t) { return t ? t->rest : NULL; }

/* ---- a source of features, with the classes of the one they were made from ---- */

struct featurized {
    dl4c_source *rows;
    int32_t n_classes;
    const char **classes; /* [n_classes] in one block with their texts; NULL: not known */
};

static void featurized_release(void *user)
{
    struct featurized *f = user;
    dl4c_source_destroy(&f->rows);
    dli_free(f->classes);
    dli_free(f);
}

static dl4c_status featurized_info(void *user, struct dl4c_source_info *info, struct dl4c_error *err)
{
    const struct featurized *f = user;
    DLI_TRY(dl4c_source_get_info(f->rows, info, err));
    info->classes = f->classes;
    return DL4C_OK;
}

static dl4c_status featurized_reset(void *user, int32_t shuffle, uint64_t seed, int64_t epoch, struct dl4c_error *err)
{
    return dl4c_source_reset(((struct featurized *)user)->rows, shuffle, seed, epoch, err);
}

static dl4c_status featurized_next(void *user, int64_t max_rows, struct dl4c_batch *batch, struct dl4c_error *err)
{
    return dl4c_source_next(((struct featurized *)user)->rows, max_rows, batch, err);
}

static dl4c_status copy_classes(dl4c_context *ctx, const struct dl4c_source_info *info, struct featurized *f, struct dl4c_error *err)
{
    size_t bytes = (size_t)info->n_classes * sizeof *f->classes, at = bytes;
    for (int32_t i = 0; i < info->n_classes; i++)
        if (!dli_add_size(bytes, strlen(info->classes[i]) + 1, &bytes))
            return dli_fail(err, DL4C_E_LIMIT, "transfer", "the names of %" PRId32 " classes are too long", info->n_classes);
    f->classes = dli_alloc(ctx, bytes, err);
    if (!f->classes)
        return dli_alloc_status();
    for (int32_t i = 0; i < info->n_classes; i++) {
        const size_t n = strlen(info->classes[i]) + 1;
        f->classes[i] = memcpy((char *)f->classes + at, info->classes[i], n);
        at += n;
    }
    return DL4C_OK;
}

/* ---- featurizing ---- */

struct featurizing {
    dl4c_context *ctx; /* borrowed, like the source */
    const struct dl4c_transfer_options *o;
    dl4c_source *source;
    struct dl4c_source_info info;
    dl4c_session *session;
    struct dl4c_shape out; /* of a row of features */
    int64_t floats;        /* of it */
    float *x, *y;          /* [rows, floats], [rows, n_classes] */
    int64_t *labels;       /* [rows] */
    size_t x_room, y_room, labels_room;
    int64_t rows;
    struct dli_watch watch;
};

static dl4c_status make_session(struct featurizing *f, dl4c_graph *g, struct dl4c_error *err)
{
    struct dl4c_session_options so = DL4C_SESSION_OPTIONS_INIT;
    struct dl4c_shape shape = { .rank = f->info.rank };
    if (g->n_inputs != 1 || g->n_outputs != 1)
        return dli_fail(err, DL4C_E_UNSUPPORTED, "transfer",
                        "the frozen part has %" PRId32 " inputs and %" PRId32 " outputs: features are made of one and one", g->n_inputs,
                        g->n_outputs);
    memcpy(shape.dim, f->info.shape, sizeof shape.dim);
    so.batch = f->o->batch ? f->o->batch : 16;
    so.threads = f->o->threads;
    so.input_shapes = &shape;
    so.n_input_shapes = 1;
    so.flags = dli_graph_channels_first(g, shape.dim, shape.rank) ? DL4C_SESSION_CHANNELS_FIRST : 0;
    DLI_TRY(dl4c_session_create(f->ctx, g, &so, &f->session, err));
    DLI_TRY(dl4c_session_output_shape(f->session, 0, &f->out, err));
    f->floats = 1;
    for (int32_t r = 0; r < f->out.rank; r++)
        f->floats *= f->out.dim[r];
    return DL4C_OK;
}

static dl4c_status keep_batch(struct featurizing *f, const struct dl4c_batch *b, struct dl4c_error *err)
{
    int64_t dims[DL4C_MAX_RANK] = { b->n };
    const size_t n = (size_t)b->n, before = (size_t)f->rows, row = (size_t)f->floats * sizeof *f->x,
                 targets = (size_t)f->info.n_classes * sizeof *f->y;
    dl4c_tensor *x, *y;
    if (b->x_mask || b->y_mask)
        return dli_fail(err, DL4C_E_UNSUPPORTED, "transfer", "the source has masks, which features do not keep");
    memcpy(dims + 1, f->info.shape, sizeof *dims * (DL4C_MAX_RANK - 1));
    DLI_TRY(dl4c_tensor_wrap(f->ctx, DL4C_F32, dims, NULL, f->info.rank + 1, (float *)(uintptr_t)b->x, DL4C_WRAP_READ_ONLY, NULL, NULL, &x,
                             err));
    const dl4c_status status = dl4c_session_run(f->session, &x, 1, err);
    dl4c_tensor_unref(&x);
    DLI_TRY(status);
    DLI_TRY(dl4c_session_output(f->session, 0, &y, err));
    DLI_TRY(dli_grow(f->ctx, &f->x, &f->x_room, before + n, row, err));
    memcpy((char *)f->x + before * row, dl4c_tensor_data_const(y), n * row);
    if (f->rows > 0 && ((b->labels != NULL) != (f->labels != NULL) || (b->y != NULL) != (f->y != NULL)))
        return dli_fail(err, DL4C_E_INVALID, "transfer", "the source gives labels, targets or none by turns");
    if (b->labels) {
        DLI_TRY(dli_grow(f->ctx, &f->labels, &f->labels_room, before + n, sizeof *f->labels, err));
        memcpy(f->labels + before, b->labels, n * sizeof *f->labels);
    }
    if (b->y) {
        DLI_TRY(dli_grow(f->ctx, &f->y, &f->y_room, before + n, targets, err));
        memcpy((char *)f->y + before * targets, b->y, n * targets);
    }
    f->rows += b->n;
    return DL4C_OK;
}

static dl4c_status run_source(struct featurizing *f, struct dl4c_error *err)
{
    dli_watch_init(&f->watch, "featurize", f->o->progress, f->o->progress_user, f->o->cancel, f->o->timeout_ms);
    f->watch.now.total = f->info.rows > 0 ? f->info.rows : 0;
    DLI_TRY(dl4c_source_reset(f->source, 0, 0, 0, err));
    for (;;) {
        struct dl4c_batch b = DL4C_BATCH_INIT;
        DLI_TRY(dl4c_source_next(f->source, f->o->batch ? f->o->batch : 16, &b, err));
        if (b.n == 0)
            break;
        DLI_TRY(keep_batch(f, &b, err));
        f->watch.now.done = f->rows;
        DLI_TRY(dli_watch_report(&f->watch, false, err));
    }
    if (f->rows == 0)
        return dli_fail(err, DL4C_E_INVALID, "transfer", "the source has no examples");
    return dli_watch_report(&f->watch, true, err);
}

static dl4c_status run_watched(struct featurizing *f, struct dl4c_error *err)
{
    struct dli_watch *before = dli_watch_enter(&f->watch);
    const dl4c_status status = run_source(f, err);
    dli_watch_enter(before);
    return status;
}

/* A tensor over memory of ours, which it takes where it could be made. */
static dl4c_status hand_over(dl4c_context *ctx, int32_t type, const int64_t *dims, int32_t rank, void *memory, bool *taken,
                             dl4c_tensor **out, struct dl4c_error *err)
{
    const dl4c_status status = dl4c_tensor_wrap(ctx, type, dims, NULL, rank, memory, 0, dli_free, memory, out, err);
    *taken = status == DL4C_OK;
    return status;
}

static dl4c_status make_source(struct featurizing *f, dl4c_source **features, struct dl4c_error *err)
{
    static const struct dl4c_source_ops ops = { sizeof ops, featurized_info, featurized_reset, featurized_next, NULL };
    int64_t dims[DL4C_MAX_RANK] = { f->rows };
    const int64_t target_dims[] = { f->rows, f->info.n_classes };
    dl4c_tensor *x = NULL, *labels = NULL;
    bool taken;
    struct featurized *s = dli_calloc(f->ctx, 1, sizeof *s, err);
    if (!s)
        return dli_alloc_status();
    memcpy(dims + 1, f->out.dim, sizeof *dims * (DL4C_MAX_RANK - 1));
    dl4c_status status = hand_over(f->ctx, DL4C_F32, dims, f->out.rank + 1, f->x, &taken, &x, err);
    if (taken)
        f->x = NULL;
    if (status == DL4C_OK && f->labels) {
        status = hand_over(f->ctx, DL4C_I64, target_dims, 1, f->labels, &taken, &labels, err);
        f->labels = taken ? NULL : f->labels;
    } else if (status == DL4C_OK && f->y) {
        status = hand_over(f->ctx, DL4C_F32, target_dims, 2, f->y, &taken, &labels, err);
        f->y = taken ? NULL : f->y;
    }
    if (status == DL4C_OK)
        status = dl4c_source_tensors(f->ctx, x, labels, labels ? f->info.n_classes : 0, &s->rows, err);
    if (status == DL4C_OK && f->info.classes && f->info.n_classes > 0)
        status = copy_classes(f->ctx, &f->info, s, err);
    dl4c_tensor_unref(&x);
    dl4c_tensor_unref(&labels);
    if (status != DL4C_OK) {
        featurized_release(s);
        return status;
    }
    return dl4c_source_create(f->ctx, &ops, s, featurized_release, features, err);
}

dl4c_status dl4c_transfer_featurize(dl4c_transfer *t, dl4c_source *source, const struct dl4c_transfer_options *options,
                                    dl4c_source **features, struct dl4c_error *err)
{
    struct dl4c_transfer_options o;
    if (features)
        *features = NULL;
    if (!t || !source || !features)
        return dli_fail(err, DL4C_E_INVALID, "transfer", "%s is NULL", !t ? "t" : !source ? "source" : "features");
    DLI_TRY(dli_struct_in(&o, sizeof o, options, "transfer", err));
    if (o.flags || o.reserved)
        return dli_fail(err, DL4C_E_VERSION, "transfer", "flags and reserved of the options must be 0");
    if (o.batch < 0 || o.threads < 0 || o.timeout_ms < 0)
        return dli_fail(err, DL4C_E_INVALID, "transfer", "batch, threads or timeout_ms is negative");
    struct featurizing f = { .ctx = t->ctx, .o = &o, .source = source, .info = DL4C_SOURCE_INFO_INIT };
    dl4c_status status = dl4c_source_get_info(source, &f.info, err);
    if (status == DL4C_OK)
        status = make_session(&f, t->frozen, err);
    if (status == DL4C_OK)
        status = run_watched(&f, err);
    if (status == DL4C_OK)
        status = make_source(&f, features, err);
    dl4c_session_destroy(&f.session);
    dli_free(f.x);
    dli_free(f.y);
    dli_free(f.labels);
    return status;
}

/* ---- the weights back ---- */

static dl4c_status give_back(dl4c_graph *whole, const dl4c_graph *rest, struct dl4c_error *err)
{
    char *updater = rest->updater ? dli_strdup(whole->ctx, rest->updater, err) : NULL;
    if (rest->updater && !updater)
        return dli_alloc_status();
    for (int32_t v = 0; v < rest->n_vertices; v++) {
        const int32_t i = rest->vertices[v].n_params > 0 ? dli_graph_index(whole, rest->vertices[v].name) : -1;
        if (i < 0)
            continue;
        struct dli_vparams *mine = dli_vparams_ref(rest->vertices[v].params);
        dli_vparams_unref(whole->vertices[i].params);
        whole->vertices[i].params = mine;
    }
    dli_free(whole->updater);
    whole->updater = updater;
    whole->iteration = rest->iteration;
    whole->epoch = rest->epoch;
    return dli_graph_take_state(whole, rest, NULL, false, err);
}

dl4c_status dl4c_transfer_update(dl4c_transfer *t, struct dl4c_error *err)
{
    if (!t)
        return dli_fail(err, DL4C_E_INVALID, "transfer", "t is NULL");
    struct dl4c_model_info info = t->whole->info, copy;
    info.struct_size = sizeof info;
    info.training = t->rest->info.training;
    if (t->rest->info.classes) {
        info.classes = t->rest->info.classes;
        info.n_classes = t->rest->info.n_classes;
    }
    DLI_TRY(dli_graph_begin_run(t->rest, "transfer", err));
    dl4c_status status = dli_graph_begin_training(t->whole, err);
    if (status == DL4C_OK) {
        status = dli_info_copy(t->whole->ctx, &copy, &info, err);
        if (status == DL4C_OK && (status = give_back(t->whole, t->rest, err)) != DL4C_OK)
            dli_info_free(&copy);
        if (status == DL4C_OK) {
            dli_info_free(&t->whole->info);
            t->whole->info = copy;
        }
        dli_graph_end_training(t->whole);
    }
    dli_graph_end_run(t->rest);
    return status;
}

dl4c_status dl4c_transfer_fit(dl4c_transfer *t, dl4c_source *features, const struct dl4c_fit_options *options, struct dl4c_error *err)
{
    if (!t)
        return dli_fail(err, DL4C_E_INVALID, "transfer", "t is NULL");
    DLI_TRY(dl4c_fit(t->rest, features, options, err));
    return dl4c_transfer_update(t, err);
}
