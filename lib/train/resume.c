/* SPDX-License-Identifier: Apache-2.0 */
/* Writing where a training stands, and reading it back. */
#include "train/resume.h"
#include "base/deadline.h"
#include "base/escape.h"
#include "base/sha256.h"
#include "fs/fs.h"
#include "graph/graph.h"
#include "kernels/gemm.h"
#include <dl4c/model.h>

#include <jansson.h>
#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#define FILE_NAME "checkpoint.safetensors"
#define LAYER "layer "
enum { CHECKPOINT_FORMAT = 1, EVERY_MS = 60000 };

struct dli_resume {
    dl4c_context *ctx; /* a reference */
    char *dir, *uri;   /* of the directory and of the checkpoint */
    char *settings;    /* a JSON object: what must be the same for the bits to be the same */
    bool keeps_best;   /* early stopping wants it back */
    bool any_kernels;  /* the host allows another kernel set */
    int64_t every_ms, due_ns;
    int64_t best; /* epoch of the file that is there; 0: none */
};

/* ---- numbers of a standing ---- */

static const struct field {
    const char *name;
    size_t offset;
    bool real;
} fields[] = {
#define FIELD(name, real) { #name, offsetof(struct dli_standing, name), real }
    FIELD(epochs, false),     FIELD(examples, false),   FIELD(right, false),        FIELD(counted, false),
    FIELD(taken, false),
    FIELD(steps, false),      FIELD(sum, true),         FIELD(rounds, false),       FIELD(best_epoch, false),
    FIELD(worse, false),      FIELD(best_score, true),  FIELD(kept_train, true),    FIELD(kept_val, true),
    FIELD(kept_accuracy, true), FIELD(train_score, true), FIELD(val_score, true),   FIELD(val_accuracy, true),
    FIELD(scores_bytes, false), FIELD(epochs_bytes, false),
#undef FIELD
};
enum { N_FIELDS = sizeof fields / sizeof fields[0] };

static void write_standing(struct dli_strbuf *b, const struct dli_standing *at)
{
    for (int i = 0; i < N_FIELDS; i++) {
        const void *p = (const char *)at + fields[i].offset;
        dli_strbuf_addf(b, "%s\"%s\": ", i ? ", " : "", fields[i].name);
        if (fields[i].real)
            dli_strbuf_json_num(b, *(const double *)p);
        else
            dli_strbuf_addf(b, "%" PRId64, *(const int64_t *)p);
    }
}

/* Counts are never negative; null is NaN. */
static dl4c_status read_standing(const json_t *o, struct dli_standing *at, struct dl4c_error *err)
{
    for (int i = 0; i < N_FIELDS; i++) {
        const json_t *v = json_object_get(o, fields[i].name);
        void *p = (char *)at + fields[i].offset;
        if (fields[i].real ? !json_is_number(v) && !json_is_null(v) : !json_is_integer(v) || json_integer_value(v) < 0)
            return dli_fail(err, DL4C_E_CORRUPT, "resume", "\"%s\" is missing or no %s", fields[i].name,
                            fields[i].real ? "number" : "count");
        if (fields[i].real)
            *(double *)p = json_is_null(v) ? NAN : json_number_value(v);
        else
            *(int64_t *)p = json_integer_value(v);
    }
    return DL4C_OK;
}

/* ---- labels of the epoch at work ---- */

static void write_labels(struct dli_strbuf *b, const struct dli_labels *l)
{
    if (!dli_labels_known(l)) {
        dli_strbuf_add(b, "null");
        return;
    }
    dli_strbuf_addf(b, "{\"workers\": %" PRId32 ", \"rows\": %" PRId64 ", \"batches\": %" PRId64 ", \"counts\": [", l->workers, l->rows,
                    l->batches);
    for (int64_t i = 0; i < l->workers * l->classes; i++)
        dli_strbuf_addf(b, "%s%" PRId64, i ? ", " : "", l->counts[i]);
    dli_strbuf_add(b, "], \"squares\": [");
    for (int64_t c = 0; c < l->classes; c++) {
        dli_strbuf_add(b, c ? ", " : "");
        dli_strbuf_json_num(b, l->squares[c]);
    }
    dli_strbuf_add(b, "]}");
}

static bool read_labels(const json_t *o, struct dli_labels *l)
{
    const json_t *counts = json_object_get(o, "counts"), *squares = json_object_get(o, "squares");
    const int64_t n = l->workers * l->classes;
    l->rows = json_integer_value(json_object_get(o, "rows"));
    l->batches = json_integer_value(json_object_get(o, "batches"));
    if (json_integer_value(json_object_get(o, "workers")) != l->workers || json_array_size(counts) != (size_t)n ||
        json_array_size(squares) != (size_t)l->classes || l->rows < 1 || l->batches < 1)
        return false;
    for (int64_t i = 0; i < n; i++)
        l->counts[i] = json_integer_value(json_array_get(counts, (size_t)i));
    for (int64_t c = 0; c < l->classes; c++)
        l->squares[c] = json_number_value(json_array_get(squares, (size_t)c));
    return true;
}

/* Nobody knows them where they are not there: an epoch that was not begun has none. */
static void take_labels(const json_t *o, struct dli_labels *l)
{
    if (l->classes == 0 || read_labels(o, l))
        return;
    dli_labels_clear(l);
    l->unknown = true;
}

/* ---- what a checkpoint is of ---- */

static void key_text(struct dli_strbuf *b, const char *key, const char *text)
{
    dli_strbuf_addf(b, ", \"%s\": ", key);
    if (text)
        dli_strbuf_json(b, text);
    else
        dli_strbuf_add(b, "null");
}

static void key_int(struct dli_strbuf *b, const char *key, int64_t n) { dli_strbuf_addf(b, ", \"%s\": %" PRId64, key, n); }

static void key_num(struct dli_strbuf *b, const char *key, double v)
{
    dli_strbuf_addf(b, ", \"%s\": ", key);
    dli_strbuf_json_num(b, v);
}

static dl4c_status describe_source(struct dli_strbuf *b, const char *which, dl4c_source *source, struct dl4c_error *err)
{
    struct dl4c_source_info info = DL4C_SOURCE_INFO_INIT;
    char key[32];
    if (source)
        DLI_TRY(dl4c_source_get_info(source, &info, err));
    snprintf(key, sizeof key, "%s_rows", which);
    key_int(b, key, source ? info.rows : 0);
    snprintf(key, sizeof key, "%s_digest", which);
    key_text(b, key, info.digest);
    return DL4C_OK;
}

/* What of a layer is for training alone, which the digest of the model leaves out: dropout, regularisation, updaters, constraints. */
static void describe_layers(struct dli_strbuf *b, const dl4c_graph *g)
{
    static const char *const but[] = { "activation", "weight_init", "bias_init", NULL }; /* these are in the digest */
    for (int32_t i = 0; i < g->n_vertices; i++) {
        const struct dli_vertex *v = &g->vertices[i];
        char key[sizeof LAYER + 200];
        struct dli_strbuf text;
        if (!v->op || !(v->op->flags & DLI_OP_LAYER))
            continue;
        snprintf(key, sizeof key, LAYER "%.190s", v->name);
        dli_strbuf_init(&text, g->ctx);
        dli_strbuf_addf(&text, "%s%s", v->frozen ? "frozen " : "", v->op->name);
        dli_attrs_print_but(dli_layer_attrs, &v->attrs->layer, but, &text);
        dli_strbuf_add(b, ", ");
        dli_strbuf_json(b, key);
        dli_strbuf_add(b, ": ");
        dli_strbuf_json(b, text.text ? text.text : "");
        dli_strbuf_free(&text);
    }
}

/* Weights may be many: their digest. */
static void describe_weights(struct dli_strbuf *b, const struct dl4c_fit_options *o)
{
    struct dli_sha256 sha;
    char hex[65];
    dli_strbuf_add(b, ", \"class_weights\": ");
    if (!o->class_weights) {
        dli_strbuf_add(b, o->balanced ? "\"balanced\"" : "null");
        return;
    }
    dli_sha256_init(&sha);
    dli_sha256_add(&sha, o->class_weights, (size_t)o->n_class_weights * sizeof *o->class_weights);
    dli_sha256_hex(&sha, hex);
    dli_strbuf_json(b, hex);
}

static dl4c_status describe(const struct dli_run_about *a, const dl4c_trainer *t, struct dli_strbuf *b, struct dl4c_error *err)
{
    const struct dl4c_fit_options *o = a->options;
    const bool averaged = dli_fit_averages(o);
    char *model;
    dli_strbuf_add(b, "{\"updater\": ");
    dli_strbuf_json(b, t->updater);
    key_int(b, "batch", o->batch);
    dli_strbuf_addf(b, ", \"seed\": \"%" PRIu64 "\"", o->seed); /* a text: it may be more than JSON's integers hold */
    dli_strbuf_addf(b, ", \"shuffle\": %s", o->no_shuffle ? "false" : "true");
    key_num(b, "l1", o->l1);
    key_num(b, "l2", o->l2);
    describe_weights(b, o);
    key_int(b, "early_stopping", o->early_stopping);
    key_int(b, "validate_every", o->validate_every > 1 ? o->validate_every : 1);
    key_int(b, "workers", averaged ? o->workers : 1);
    key_int(b, "averaging_frequency", averaged ? o->averaging_frequency : 0);
    key_text(b, "average", !averaged ? NULL : o->flags & DL4C_FIT_GRADIENTS ? "gradients" : "parameters");
    key_text(b, "exchange", !averaged ? NULL : o->exchange ? "bf16" : "f32");
    dli_strbuf_addf(b, ", \"as_dl4j\": %s", averaged && o->flags & DL4C_FIT_AS_DL4J ? "true" : "false");
    dli_strbuf_addf(b, ", \"save_updater\": %s", averaged && o->no_save_updater ? "false" : "true");
    key_text(b, "kernels", dl4c_cpu_kernels());
    key_text(b, "gemm", dli_gemm_provider(a->graph->ctx->blas));
    DLI_TRY(describe_source(b, "train", a->source, err));
    DLI_TRY(describe_source(b, "validation", o->validation, err));
    DLI_TRY(dl4c_graph_digest(a->graph, &model, err));
    key_text(b, "model", model);
    dli_free(model);
    describe_layers(b, a->graph);
    dli_strbuf_addc(b, '}');
    return DL4C_OK;
}

/* A value as JSON, as much of it as there is room for. */
struct shown {
    char text[100];
    size_t n;
};

static int add_shown(const char *piece, size_t n, void *arg)
{
    struct shown *s = arg;
    const size_t room = sizeof s->text - 1 - s->n, fits = n < room ? n : room;
    memcpy(s->text + s->n, piece, fits);
    s->n += fits;
    return 0;
}

static struct shown show(const json_t *v)
{
    struct shown s = { .n = 0 };
    if (v)
        (void)json_dump_callback(v, add_shown, &s, JSON_ENCODE_ANY);
    return s;
}

/* The first setting that differs, if one does. */
static dl4c_status compare(const struct dli_resume *r, const json_t *theirs, struct dl4c_error *err)
{
    json_t *ours = json_loads(r->settings, 0, NULL), *value;
    const char *key;
    dl4c_status status = ours ? DL4C_OK : dli_fail(err, DL4C_E_NOMEM, "resume", "no memory for the settings");
    json_object_foreach(ours, key, value)
    {
        const json_t *other = json_object_get(theirs, key);
        const bool kernels = strcmp(key, "kernels") == 0 || strcmp(key, "gemm") == 0;
        if (json_equal(value, (json_t *)(uintptr_t)other) || (kernels && r->any_kernels))
            continue;
        if (!other && strncmp(key, LAYER, sizeof LAYER - 1) == 0)
            continue; /* written before layers were */
        const struct shown have = show(value), want = show(other);
        status = dli_fail(err, DL4C_E_STATE, "resume", "the checkpoint is of a training whose %s is %s, that of this one is %s%s", key,
                          want.text, have.text, kernels ? ": bits would differ, which must be allowed" : "");
        break;
    }
    json_decref(ours);
    return status;
}

/* ---- the files ---- */

static dl4c_status best_uri(const struct dli_resume *r, int64_t epoch, char **uri, struct dl4c_error *err)
{
    char name[64];
    snprintf(name, sizeof name, "best-%" PRId64 ".safetensors", epoch);
    return dli_uri_join(r->ctx, r->dir, name, uri, err);
}

static dl4c_status exists(const struct dli_resume *r, bool *there, struct dl4c_error *err)
{
    struct dl4c_fs_stat s = DL4C_FS_STAT_INIT;
    struct dl4c_error why = DL4C_ERROR_INIT;
    const dl4c_status status = dl4c_fs_stat_uri(r->ctx, r->uri, &s, &why);
    *there = status == DL4C_OK;
    if (status == DL4C_OK || status == DL4C_E_NOTFOUND)
        return DL4C_OK;
    if (err)
        *err = why;
    return status;
}

static dl4c_status write_model(const struct dli_resume *r, const dl4c_trainer *t, const char *uri, const char *training,
                               struct dl4c_error *err)
{
    dl4c_graph *copy;
    struct dl4c_save_options so = DL4C_SAVE_OPTIONS_INIT;
    so.format = "safetensors";
    so.updater = 1;
    (void)r;
    DLI_TRY(dli_graph_copy(t->graph, &copy, err));
    struct dl4c_model_info info = copy->info;
    info.struct_size = sizeof info;
    info.training = training;
    dl4c_status status = dl4c_graph_set_info(copy, &info, err);
    if (status == DL4C_OK)
        status = dl4c_model_save(copy, uri, &so, err);
    dl4c_graph_destroy(&copy);
    return status;
}

static dl4c_status write_best(struct dli_resume *r, const dl4c_trainer *t, const struct dli_standing *at, struct dl4c_error *err)
{
    char *uri;
    DLI_TRY(best_uri(r, at->best_epoch, &uri, err));
    const dl4c_status status = write_model(r, t, uri, NULL, err);
    dli_free(uri);
    return status;
}

static dl4c_status write_checkpoint(const struct dli_resume *r, const dl4c_trainer *t, const struct dli_standing *at,
                                    const struct dli_labels *labels, struct dl4c_error *err)
{
    struct dli_strbuf b;
    char *text;
    dli_strbuf_init(&b, r->ctx);
    dli_strbuf_addf(&b, "{\"checkpoint\": {\"format\": %d, \"settings\": %s, \"standing\": {", CHECKPOINT_FORMAT, r->settings);
    write_standing(&b, at);
    dli_strbuf_add(&b, "}, \"labels\": ");
    write_labels(&b, labels);
    dli_strbuf_add(&b, "}}");
    DLI_TRY(dli_strbuf_take(&b, &text, err));
    const dl4c_status status = write_model(r, t, r->uri, text, err);
    dli_free(text);
    return status;
}

dl4c_status dli_resume_save(struct dli_resume *r, dl4c_trainer *t, const struct dli_standing *at, const struct dli_labels *labels,
                            bool is_best, struct dl4c_error *err)
{
    if (!r)
        return DL4C_OK;
    if (is_best && r->keeps_best && at->best_epoch != r->best)
        DLI_TRY(write_best(r, t, at, err));
    DLI_TRY(write_checkpoint(r, t, at, labels, err));
    if (r->keeps_best && r->best && r->best != at->best_epoch) { /* nothing names it any more; one that stays is no harm */
        char *uri;
        if (best_uri(r, r->best, &uri, NULL) == DL4C_OK) {
            (void)dl4c_fs_remove(r->ctx, uri, NULL);
            dli_free(uri);
        }
    }
    if (r->keeps_best)
        r->best = at->best_epoch;
    r->due_ns = dli_moment(r->every_ms);
    return DL4C_OK;
}

bool dli_resume_due(const struct dli_resume *r) { return r && dli_now_ns() >= r->due_ns; }

/* ---- going on ---- */

/* What `from` holds becomes the trainer's. */
static dl4c_status take(dl4c_trainer *t, const dl4c_graph *from, struct dl4c_error *err)
{
    const dl4c_graph *g = t->graph;
    const size_t state = t->state ? t->state->bytes : 0;
    DLI_TRY(dli_trainer_own(t, err));
    for (int32_t i = 0; i < t->tape->n_slots; i++) {
        const struct dli_slot *s = &t->tape->slots[i];
        const struct dli_vertex *v = s->vertex < from->n_vertices ? &from->vertices[s->vertex] : NULL;
        if (!v || !v->params || s->param >= v->n_params || v->params->p[s->param].count != s->count ||
            strcmp(v->name, g->vertices[s->vertex].name) != 0)
            return dli_fail(err, DL4C_E_CORRUPT, "resume", "the parameters of '%.200s' are missing or of another size",
                            g->vertices[s->vertex].name);
    }
    if ((from->updater_state ? from->updater_state->bytes : 0) != state)
        return dli_fail(err, DL4C_E_CORRUPT, "resume", "the state of the updater has %zu bytes, wanted %zu",
                        from->updater_state ? from->updater_state->bytes : 0, state);
    for (int32_t i = 0; i < t->tape->n_slots; i++) {
        const struct dli_slot *s = &t->tape->slots[i];
        memcpy((float *)t->tape->params->data + s->offset, dli_param_data(&from->vertices[s->vertex].params->p[s->param]),
               (size_t)s->count * sizeof(float));
    }
    if (state)
        memcpy(t->state->data, from->updater_state->data, state);
    dli_tape_changed(t->tape);
    t->graph->iteration = from->iteration;
    t->graph->epoch = from->epoch;
    return DL4C_OK;
}

static dl4c_status load_best(struct dli_resume *r, dl4c_trainer *t, struct dli_trainer_copy *best, struct dl4c_error *err)
{
    char *uri;
    dl4c_graph *from = NULL;
    DLI_TRY(best_uri(r, r->best, &uri, err));
    dl4c_status status = dl4c_model_load(r->ctx, uri, NULL, &from, err);
    if (status == DL4C_OK)
        status = take(t, from, err);
    if (status == DL4C_OK)
        status = dli_trainer_save(t, best, err);
    dl4c_graph_destroy(&from);
    dli_free(uri);
    return status;
}

static dl4c_status read_text(const struct dli_resume *r, const char *text, struct dli_standing *at, struct dli_labels *labels,
                             struct dl4c_error *err)
{
    json_t *root = text ? json_loads(text, 0, NULL) : NULL;
    const json_t *c = json_object_get(root, "checkpoint"), *format = json_object_get(c, "format");
    dl4c_status status;
    if (!json_is_integer(format))
        status = dli_fail(err, DL4C_E_CORRUPT, "resume", "the model says nothing of where its training stood");
    else if (json_integer_value(format) != CHECKPOINT_FORMAT)
        status = dli_fail(err, DL4C_E_VERSION, "resume", "a checkpoint of format %lld, this library reads %d",
                          (long long)json_integer_value(format), CHECKPOINT_FORMAT);
    else
        status = compare(r, json_object_get(c, "settings"), err);
    if (status == DL4C_OK)
        status = read_standing(json_object_get(c, "standing"), at, err);
    if (status == DL4C_OK)
        take_labels(json_object_get(c, "labels"), labels);
    json_decref(root);
    return status;
}

dl4c_status dli_resume_load(struct dli_resume *r, dl4c_trainer *t, struct dli_standing *at, struct dli_labels *labels,
                            struct dli_trainer_copy *best, bool *found, struct dl4c_error *err)
{
    dl4c_graph *from = NULL;
    *found = false;
    DLI_TRY(exists(r, found, err));
    if (!*found)
        return DL4C_OK;
    DLI_TRY(dl4c_model_load(r->ctx, r->uri, NULL, &from, err));
    dl4c_status status = read_text(r, from->info.training, at, labels, err);
    if (status == DL4C_OK && r->keeps_best && at->best_epoch) {
        r->best = at->best_epoch;
        status = load_best(r, t, best, err);
    }
    if (status == DL4C_OK)
        status = take(t, from, err);
    dl4c_graph_destroy(&from);
    return status == DL4C_OK ? DL4C_OK : dli_fail_prefix(err, status, "%.200s", r->uri);
}

dl4c_status dli_resume_create(const struct dli_run_about *about, dl4c_trainer *t, struct dli_resume **resume, struct dl4c_error *err)
{
    const struct dl4c_fit_options *o = about->options;
    struct dli_strbuf b;
    *resume = NULL;
    if (!o->checkpoint_dir)
        return DL4C_OK;
    dl4c_context *ctx = dli_context_ref(about->graph->ctx, err);
    struct dli_resume *r = ctx ? dli_calloc(ctx, 1, sizeof *r, err) : NULL;
    if (!r) {
        dli_context_unref(ctx);
        return dli_alloc_status();
    }
    r->ctx = ctx;
    r->keeps_best = o->early_stopping > 0;
    r->any_kernels = o->flags & DL4C_FIT_ANY_KERNELS;
    r->every_ms = o->checkpoint_every_ms ? o->checkpoint_every_ms : EVERY_MS;
    r->due_ns = dli_moment(r->every_ms);
    dli_strbuf_init(&b, ctx);
    bool there = false;
    struct dl4c_error why = DL4C_ERROR_INIT;
    dl4c_status status = (r->dir = dli_strdup(ctx, o->checkpoint_dir, err)) ? DL4C_OK : dli_alloc_status();
    if (status == DL4C_OK)
        status = dli_uri_join(ctx, r->dir, FILE_NAME, &r->uri, err);
    if (status == DL4C_OK)
        status = exists(r, &there, err);
    if (status == DL4C_OK && there && !o->resume)
        status = dli_fail(err, DL4C_E_STATE, "resume", "%.300s is there already: go on from it, or take another directory", r->uri);
    if (status == DL4C_OK && (status = dl4c_fs_mkdir(ctx, r->dir, &why)) != DL4C_OK) {
        if (status == DL4C_E_UNSUPPORTED) /* a store of objects has no directories */
            status = DL4C_OK;
        else if (err)
            *err = why;
    }
    if (status == DL4C_OK)
        status = describe(about, t, &b, err);
    if (status == DL4C_OK)
        status = dli_strbuf_take(&b, &r->settings, err);
    dli_strbuf_free(&b);
    if (status != DL4C_OK)
        dli_resume_destroy(&r);
    *resume = r;
    return status;
}

void dli_resume_destroy(struct dli_resume **resume)
{
    struct dli_resume *r = *resume;
    if (!r)
        return;
    *resume = NULL;
    dl4c_context *ctx = r->ctx;
    dli_free(r->dir);
    dli_free(r->uri);
    dli_free(r->settings);
    dli_free(r);
    dli_context_unref(ctx);
}
