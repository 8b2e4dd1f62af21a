/* SPDX-License-Identifier: Apache-2.0 */
/* safetensors: the library's own format. Parameters are views of the mapped file, so that loading costs reading the header alone, and
 * processes that load one file share its pages. */
#include "base/escape.h"
#include "base/thread_pool.h"
#include "formats/format.h"
#include "formats/safetensors/container.h"
#include "formats/safetensors/native.h"
#include "tensor/convert.h"

#include <stdio.h>
#include <string.h>

enum { PIECE = 1 << 20, ALIGN = 64 };

/* Names without a dot: none of them can be a parameter's, which is VERTEX.PARAMETER. */
#define STATE      "updater_state"
#define NORMALIZER "normalizer"

/* ---- reading ------------------------------------------------------------------------------------------------- */

struct reading {
    dl4c_context *ctx;
    const struct dli_model_bytes *from;
    struct dli_watch *watch;
    json_t *header, *root;
    size_t data;      /* where the tensors begin */
    size_t n_tensors; /* that the header names */
    size_t n_taken;   /* of these, those that have a place in the graph */
    const char *what;
};

struct widen {
    char *to;
    const char *from;
    size_t n, each;
    int32_t dtype;
};

enum { WIDEN = 1 << 16 };

static void widen_part(void *arg, size_t task, int32_t worker)
{
    const struct widen *w = arg;
    (void)worker;
    const size_t at = task * WIDEN, n = w->n - at < WIDEN ? w->n - at : WIDEN;
    dli_convert(DL4C_F32, w->to + at * sizeof(float), 1, w->dtype, w->from + at * w->each, 1, (int64_t)n);
}

/* The elements of a tensor as f32: a view of the file where they are that and the file stays, else a copy. */
static dl4c_status take(struct reading *r, const struct dli_st_tensor *t, struct dli_param *p, struct dl4c_error *err)
{
    const size_t each = dl4c_dtype_size(t->dtype), n = t->bytes / each;
    r->n_taken++;
    p->count = (int64_t)n;
    p->offset = 0;
    if (t->dtype == DL4C_F32 && r->from->blob) {
        p->blob = dli_blob_ref(r->from->blob);
        p->offset = t->offset;
        return DL4C_OK;
    }
    size_t bytes;
    if (!dli_mul_size(n, sizeof(float), &bytes))
        return dli_fail(err, DL4C_E_LIMIT, "safetensors", "a tensor of %zu elements is too large", n);
    DLI_TRY(dli_blob_create(r->ctx, bytes, &p->blob, err));
    struct widen w = { p->blob->data, (const char *)r->from->bytes + t->offset, n, each, t->dtype };
    dli_parallel(r->ctx, 0, (n + WIDEN - 1) / WIDEN, widen_part, &w);
    return DL4C_OK;
}

static dl4c_status read_param(struct reading *r, const struct dli_vertex *v, int32_t k, struct dli_param *p, struct dl4c_error *err)
{
    struct dli_strbuf name;
    struct dli_st_tensor t;
    char *text;
    int64_t shape[4];
    dli_strbuf_init(&name, r->ctx);
    dli_strbuf_add(&name, v->name);
    dli_strbuf_addc(&name, '.');
    dli_strbuf_add(&name, v->decl[k].name);
    DLI_TRY(dli_strbuf_take(&name, &text, err));
    dl4c_status status = dli_st_find(r->what, r->header, r->data, r->from->size, text, &t, err);
    if (status == DL4C_E_NOTFOUND)
        status = dli_fail(err, DL4C_E_CORRUPT, "safetensors", "the file has no tensor \"%.300s\", which its graph wants", text);
    if (status == DL4C_OK) {
        const int64_t count = (int64_t)(t.bytes / dl4c_dtype_size(t.dtype));
        const int32_t rank = dli_native_shape(&v->decl[k], count, shape);
        bool same = rank == t.rank;
        for (int32_t a = 0; a < rank && same; a++)
            same = t.shape[a] == shape[a];
        if (!same) {
            struct dli_shape found = { .rank = t.rank < DLI_SHAPE_RANK ? t.rank : DLI_SHAPE_RANK }, wanted = { .rank = rank };
            memcpy(found.dim, t.shape, (size_t)found.rank * sizeof *found.dim);
            memcpy(wanted.dim, shape, (size_t)rank * sizeof *shape);
            status = dli_fail(err, DL4C_E_CORRUPT, "safetensors", "tensor \"%.200s\" has the shape %s, %s wants %s", text,
                              DLI_SHAPE_STR(&found), v->op->name, DLI_SHAPE_STR(&wanted));
        } else if (t.dtype != DL4C_F32 && t.dtype != DL4C_F16 && t.dtype != DL4C_BF16 && t.dtype != DL4C_F64) {
            status = dli_fail(err, DL4C_E_UNSUPPORTED, "safetensors", "tensor \"%.200s\" is %s, parameters are F32, F16, BF16 or F64", text,
                              dl4c_dtype_name(t.dtype));
        }
    }
    if (status == DL4C_OK)
        status = take(r, &t, p, err);
    dli_free(text);
    return status;
}

static dl4c_status read_params(struct reading *r, dl4c_builder *b, struct dl4c_error *err)
{
    dl4c_graph *g = dli_builder_graph(b);
    DLI_TRY(dli_graph_resolve(g, false, err));
    r->watch->now.total = g->n_vertices;
    for (int32_t i = 0; i < g->n_vertices; i++) {
        struct dli_vertex *v = &g->vertices[i];
        dl4c_status status = DL4C_OK;
        r->watch->now.done = i;
        DLI_TRY(dli_watch_report(r->watch, false, err));
        if (v->n_params == 0)
            continue;
        DLI_TRY(dli_vparams_create(g->ctx, v->n_params, &v->params, err));
        for (int32_t k = 0; k < v->n_params && status == DL4C_OK; k++)
            status = read_param(r, v, k, &v->params->p[k], err);
        if (status != DL4C_OK)
            return status;
    }
    return DL4C_OK;
}

/* A tensor that may be there, in memory of its own: training writes the updater's state. */
static dl4c_status read_beside(struct reading *r, const char *name, int32_t dtype, struct dli_blob **blob, struct dl4c_error *err)
{
    struct dli_st_tensor t;
    if (!json_object_get(r->header, name))
        return DL4C_OK;
    DLI_TRY(dli_st_find(r->what, r->header, r->data, r->from->size, name, &t, err));
    if (t.dtype != dtype || t.rank != 1)
        return dli_fail(err, DL4C_E_CORRUPT, "safetensors", "tensor \"%s\" is %s of %" PRId32 " axes, wanted %s of one", name,
                        dl4c_dtype_name(t.dtype), t.rank, dl4c_dtype_name(dtype));
    r->n_taken++;
    if (t.bytes == 0)
        return DL4C_OK;
    DLI_TRY(dli_blob_create(r->ctx, t.bytes, blob, err));
    memcpy((*blob)->data, r->from->bytes + t.offset, t.bytes);
    return DL4C_OK;
}

static dl4c_status make(struct reading *r, dl4c_graph **graph, struct dl4c_error *err)
{
    dl4c_builder *b = NULL;
    dl4c_graph *g = NULL;
    dl4c_status status;
    DLI_GOTO(dl4c_builder_create(r->ctx, NULL, &b, err), done);
    DLI_GOTO(dli_native_build(r->ctx, r->root, b, err), done);
    DLI_GOTO(read_params(r, b, err), done);
    DLI_GOTO(dl4c_builder_finish(&b, &g, err), done);
    DLI_GOTO(dli_native_extras(r->ctx, r->root, g, err), done);
    DLI_GOTO(read_beside(r, STATE, DL4C_F32, &g->updater_state, err), done);
    DLI_GOTO(read_beside(r, NORMALIZER, DL4C_U8, &g->normalizer, err), done);
    if (r->n_taken != r->n_tensors) {
        status = dli_fail(err, DL4C_E_CORRUPT, "safetensors", "the file has %zu tensors, its graph has a place for %zu of them",
                          r->n_tensors, r->n_taken);
        goto done;
    }
    *graph = g;
    g = NULL;
done:
    dli_graph_unref(g);
    dl4c_builder_destroy(&b);
    return status;
}

static dl4c_status load(dl4c_context *ctx, const struct dli_model_bytes *from, struct dli_watch *watch, dl4c_graph **graph,
                        struct dl4c_error *err)
{
    struct reading r = { .ctx = ctx, .from = from, .watch = watch, .what = "the file" };
    dl4c_status status;
    DLI_GOTO(dli_st_parse(r.what, from->bytes, from->size, &r.header, &r.data, err), done);
    const char *text = dli_st_metadata(r.header, "dl4c");
    if (!text) {
        status = dli_fail(err, DL4C_E_UNSUPPORTED, "safetensors",
                          "the file holds tensors and no network: its __metadata__ has no \"dl4c\", which dl4c_model_save writes");
        goto done;
    }
    DLI_GOTO(dli_st_complete(r.what, ctx, r.header, r.data, from->size, &r.n_tensors, err), done);
    json_error_t why;
    r.root = json_loads(text, JSON_REJECT_DUPLICATES, &why);
    if (!json_is_object(r.root)) {
        status = dli_fail(err, DL4C_E_CORRUPT, "safetensors", "the graph in the file's __metadata__ is not a JSON object: %.120s",
                          r.root ? "" : why.text);
        goto done;
    }
    status = make(&r, graph, err);
done:
    json_decref(r.root);
    json_decref(r.header);
    return status;
}

/* ---- writing ------------------------------------------------------------------------------------------------- */

/* Calls fn for every tensor in the order of the file: those that keep the next one's address a multiple of 64 come first, bytes last. */
struct writing {
    const dl4c_graph *g;
    const struct dli_model_save *how;
    struct dli_watch *watch;
    dl4c_fs_writer *writer;
    struct dli_strbuf header;
    size_t at; /* of the next tensor, from where the data begins */
};

typedef dl4c_status tensor_fn(struct writing *w, const struct dli_vertex *v, const char *name, const char *dtype, const int64_t *shape,
                              int32_t rank, const void *data, size_t bytes, struct dl4c_error *err);

static dl4c_status each_tensor(struct writing *w, tensor_fn *fn, struct dl4c_error *err)
{
    const dl4c_graph *g = w->g;
    for (int even = 1; even >= 0; even--)
        for (int32_t i = 0; i < g->n_vertices; i++)
            for (int32_t k = 0; g->vertices[i].params && k < g->vertices[i].params->n; k++) {
                const struct dli_vertex *v = &g->vertices[i];
                const struct dli_param *p = &v->params->p[k];
                const size_t bytes = (size_t)p->count * sizeof(float);
                int64_t shape[4];
                if ((bytes % ALIGN == 0) != even)
                    continue;
                const int32_t rank = dli_native_shape(&v->decl[k], p->count, shape);
                DLI_TRY(fn(w, v, v->decl[k].name, "F32", shape, rank, dli_param_data(p), bytes, err));
            }
    if (w->how->updater && g->updater_state) {
        const int64_t n = (int64_t)(g->updater_state->bytes / sizeof(float));
        DLI_TRY(fn(w, NULL, STATE, "F32", &n, 1, g->updater_state->data, (size_t)n * sizeof(float), err));
    }
    if (g->normalizer) {
        const int64_t n = (int64_t)g->normalizer->bytes;
        DLI_TRY(fn(w, NULL, NORMALIZER, "U8", &n, 1, g->normalizer->data, (size_t)n, err));
    }
    return DL4C_OK;
}

static dl4c_status announce(struct writing *w, const struct dli_vertex *v, const char *name, const char *dtype, const int64_t *shape,
                            int32_t rank, const void *data, size_t bytes, struct dl4c_error *err)
{
    struct dli_strbuf *b = &w->header, full;
    size_t end;
    (void)data;
    if (!dli_add_size(w->at, bytes, &end))
        return dli_fail(err, DL4C_E_LIMIT, "safetensors", "the model is too large");
    dli_strbuf_init(&full, w->g->ctx);
    if (v)
        dli_strbuf_addf(&full, "%s.", v->name);
    dli_strbuf_add(&full, name);
    if (full.text) {
        dli_strbuf_addc(b, ',');
        dli_strbuf_json(b, full.text);
    } else if (!b->err.status) {
        b->err = full.err;
    }
    dli_strbuf_free(&full);
    dli_strbuf_addf(b, ":{\"dtype\":\"%s\",\"shape\":[", dtype);
    for (int32_t r = 0; r < rank; r++)
        dli_strbuf_addf(b, "%s%" PRId64, r ? "," : "", shape[r]);
    dli_strbuf_addf(b, "],\"data_offsets\":[%zu,%zu]}", w->at, end);
    w->at = end;
    return DL4C_OK;
}

static dl4c_status put(struct writing *w, const struct dli_vertex *v, const char *name, const char *dtype, const int64_t *shape,
                       int32_t rank, const void *data, size_t bytes, struct dl4c_error *err)
{
    (void)v;
    (void)name;
    (void)dtype;
    (void)shape;
    (void)rank;
    for (size_t at = 0; at < bytes; at += PIECE) {
        const size_t n = bytes - at < PIECE ? bytes - at : PIECE;
        DLI_TRY(dl4c_fs_write(w->writer, (const char *)data + at, n, err));
        w->watch->now.done += (int64_t)n;
        DLI_TRY(dli_watch_report(w->watch, false, err));
    }
    return DL4C_OK;
}

/* The length, the header, blanks up to where tensors begin at a multiple of 64. */
static dl4c_status write_header(struct writing *w, struct dl4c_error *err)
{
    struct dli_strbuf graph;
    dli_strbuf_init(&graph, w->g->ctx);
    dli_strbuf_add(&w->header, "{\"__metadata__\":{\"dl4c\":");
    dl4c_status status = dli_native_describe(w->g, &graph, err);
    if (status == DL4C_OK && graph.err.status)
        status = dli_fail(err, graph.err.status, "safetensors", "%s", graph.err.message);
    if (status == DL4C_OK)
        dli_strbuf_json(&w->header, graph.text);
    dli_strbuf_free(&graph);
    DLI_TRY(status);
    dli_strbuf_addc(&w->header, '}');
    DLI_TRY(each_tensor(w, announce, err));
    dli_strbuf_addc(&w->header, '}');
    while (!w->header.err.status && (8 + w->header.length) % ALIGN != 0)
        dli_strbuf_addc(&w->header, ' ');
    if (w->header.err.status)
        return dli_fail(err, w->header.err.status, "safetensors", "%s", w->header.err.message);
    if (w->header.length > DLI_ST_MOST_HEADER)
        return dli_fail(err, DL4C_E_LIMIT, "safetensors", "the header would have %zu bytes, the format allows %d", w->header.length,
                        DLI_ST_MOST_HEADER);
    uint8_t length[8];
    for (int i = 0; i < 8; i++)
        length[i] = (uint8_t)((uint64_t)w->header.length >> (8 * i));
    DLI_TRY(dl4c_fs_write(w->writer, length, sizeof length, err));
    return dl4c_fs_write(w->writer, w->header.text, w->header.length, err);
}

static dl4c_status save(dl4c_graph *g, const struct dli_model_save *how, struct dli_watch *watch, dl4c_fs_writer *writer,
                        struct dl4c_error *err)
{
    struct writing w = { .g = g, .how = how, .watch = watch, .writer = writer };
    dli_strbuf_init(&w.header, g->ctx);
    dl4c_status status = write_header(&w, err);
    dli_strbuf_free(&w.header);
    watch->now.total = (int64_t)w.at;
    return status == DL4C_OK ? each_tensor(&w, put, err) : status;
}

static const char *const extensions[] = { ".safetensors", NULL };

const struct dli_format dli_format_safetensors = {
    .name = "safetensors",
    .doc = "Tensors in the safetensors container with the graph in its metadata; mapped, not read.",
    .extensions = extensions,
    .sniff = dli_st_sniff,
    .load = load,
    .save = save,
};
