/* SPDX-License-Identifier: Apache-2.0 */
/* Writing the record of a training. */
#include "train/run_dir.h"
#include "train/trainer.h"
#include "base/cpu.h"
#include "base/deadline.h"
#include "base/escape.h"
#include "fs/fs.h"
#include "graph/graph.h"
#include "kernels/gemm.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum { SCORES, EPOCHS, EVENTS, LOGS };
static const char *const log_names[LOGS] = { "scores.jsonl", "epochs.jsonl", "events.jsonl" };

enum { RECORD_FORMAT = 1 };
/* Scores wait this long, and no longer than this, for their append: a second of a fast training is thousands of lines. */
enum { GATHER_NS = 1000 * 1000 * 1000, GATHER_BYTES = 64 * 1024 };

struct log {
    char *uri;
    struct dli_strbuf text; /* whole lines that are not written yet */
    int64_t bytes;          /* that are */
};

struct dli_run {
    dl4c_context *ctx; /* a reference */
    char *about;       /* URI of run.json */
    struct log logs[LOGS];
    int64_t flushed_ns;
    bool failed;
};

/* ---- values ---- */

static void add_time(struct dli_strbuf *b)
{
    struct timespec now = { 0 };
    timespec_get(&now, TIME_UTC);
    dli_strbuf_addf(b, "%lld.%06ld", (long long)now.tv_sec, now.tv_nsec / 1000); /* microseconds */
}

/* Six digits are enough for rates and seconds, which are measured; seventeen read back to the bit. Looking for the shortest text that does
 * would be most of what a record costs. */
enum digits { MEASURED = 6, EXACT = 17 };
static void add_num(struct dli_strbuf *b, const char *key, enum digits digits, double v)
{
    dli_strbuf_addf(b, ", \"%s\": ", key);
    if (!isfinite(v))
        dli_strbuf_add(b, "null");
    else if (digits == MEASURED)
        dli_strbuf_num(b, "%.6g", v);
    else
        dli_strbuf_num(b, "%.17g", v);
}

/* Negative: there is none. */
static void add_count(struct dli_strbuf *b, const char *key, int64_t n)
{
    if (n < 0)
        dli_strbuf_addf(b, ", \"%s\": null", key);
    else
        dli_strbuf_addf(b, ", \"%s\": %" PRId64, key, n);
}

static void add_text(struct dli_strbuf *b, const char *key, const char *text)
{
    dli_strbuf_addf(b, "\"%s\": ", key);
    if (text)
        dli_strbuf_json(b, text);
    else
        dli_strbuf_add(b, "null");
}

/* ---- the files that grow ---- */

static dl4c_status write_out(struct dli_run *run, int which, struct dl4c_error *err)
{
    struct log *log = &run->logs[which];
    dl4c_status status = log->text.err.status;
    if (run->failed)
        return dli_fail(err, DL4C_E_STATE, "run", "the record of the run could not be written before");
    if (status != DL4C_OK && err)
        *err = log->text.err;
    if (status == DL4C_OK && log->text.length > 0)
        status = dl4c_fs_append(run->ctx, log->uri, log->text.text, log->text.length, err);
    log->bytes += status == DL4C_OK ? (int64_t)log->text.length : 0;
    log->text.length = 0;
    run->failed = status != DL4C_OK;
    return status;
}

static struct dli_strbuf *begin_line(struct dli_run *run, int which)
{
    struct dli_strbuf *b = &run->logs[which].text;
    dli_strbuf_add(b, "{\"time\": ");
    add_time(b);
    return b;
}

dl4c_status dli_run_flush(struct dli_run *run, struct dl4c_error *err)
{
    if (!run)
        return DL4C_OK;
    run->flushed_ns = dli_now_ns();
    return write_out(run, SCORES, err);
}

dl4c_status dli_run_score(struct dli_run *run, const struct dli_run_score *s, struct dl4c_error *err)
{
    if (!run)
        return DL4C_OK;
    struct dli_strbuf *b = begin_line(run, SCORES);
    add_count(b, "epoch", s->epoch);
    add_count(b, "round", s->round);
    add_count(b, "iteration", s->iteration);
    add_count(b, "worker", s->worker);
    add_count(b, "examples", s->examples);
    add_num(b, "score", EXACT, s->score);
    add_num(b, "rate", MEASURED, s->rate);
    dli_strbuf_add(b, "}\n");
    if (b->err.status != DL4C_OK || b->length >= GATHER_BYTES || dli_now_ns() - run->flushed_ns >= GATHER_NS)
        return dli_run_flush(run, err);
    return DL4C_OK;
}

/* [[examples of class 0, of class 1, ...] of worker 0, ...] */
static void add_labels(struct dli_strbuf *b, const struct dli_labels *l)
{
    if (!dli_labels_known(l)) {
        dli_strbuf_add(b, ", \"labels\": null");
        return;
    }
    for (int32_t w = 0; w < l->workers; w++)
        for (int64_t c = 0; c < l->classes; c++)
            dli_strbuf_addf(b, "%s%" PRId64, c ? ", " : w ? "], [" : ", \"labels\": [[", l->counts[w * l->classes + c]);
    dli_strbuf_add(b, "]]");
}

dl4c_status dli_run_epoch(struct dli_run *run, const struct dli_run_epoch *e, struct dl4c_error *err)
{
    if (!run)
        return DL4C_OK;
    DLI_TRY(dli_run_flush(run, err));
    struct dli_strbuf *b = begin_line(run, EPOCHS);
    add_count(b, "epoch", e->epoch);
    add_count(b, "round", e->round);
    add_count(b, "iteration", e->iteration);
    add_count(b, "examples", e->examples);
    add_num(b, "train_score", EXACT, e->train_score);
    add_num(b, "train_accuracy", EXACT, e->train_accuracy);
    add_num(b, "val_score", EXACT, e->val_score);
    add_num(b, "val_accuracy", EXACT, e->val_accuracy);
    add_num(b, "seconds", MEASURED, e->seconds);
    add_labels(b, e->labels);
    add_num(b, "label_dispersion", MEASURED, dli_labels_dispersion(e->labels));
    dli_strbuf_add(b, "}\n");
    return write_out(run, EPOCHS, err);
}

static dl4c_status DLI_PRINTF(9, 0) add_event(struct dli_run *run, const char *kind, int64_t epoch, int64_t iteration, int64_t round,
                                              int32_t worker, int32_t workers, struct dl4c_error *err, const char *fmt, va_list ap)
{
    char message[512];
    vsnprintf(message, sizeof message, fmt, ap);
    struct dli_strbuf *b = begin_line(run, EVENTS);
    dli_strbuf_add(b, ", ");
    add_text(b, "kind", kind);
    add_count(b, "epoch", epoch);
    add_count(b, "round", round);
    add_count(b, "iteration", iteration);
    add_count(b, "worker", worker);
    if (workers > 0)
        add_count(b, "workers", workers);
    dli_strbuf_add(b, ", ");
    add_text(b, "message", message);
    dli_strbuf_add(b, "}\n");
    return write_out(run, EVENTS, err);
}

dl4c_status dli_run_event(struct dli_run *run, const char *kind, int64_t epoch, int64_t iteration, struct dl4c_error *err, const char *fmt,
                          ...)
{
    if (!run)
        return DL4C_OK;
    va_list ap;
    va_start(ap, fmt);
    const dl4c_status status = add_event(run, kind, epoch, iteration, -1, -1, -1, err, fmt, ap);
    va_end(ap);
    return status;
}

dl4c_status dli_run_worker_event(struct dli_run *run, const char *kind, int64_t epoch, int64_t iteration, int64_t round, int32_t worker,
                                 int32_t workers, struct dl4c_error *err, const char *fmt, ...)
{
    if (!run)
        return DL4C_OK;
    va_list ap;
    va_start(ap, fmt);
    const dl4c_status status = add_event(run, kind, epoch, iteration, round, worker, workers, err, fmt, ap);
    va_end(ap);
    return status;
}

void dli_run_failed(struct dli_run *run, int64_t epoch, int64_t iteration, const struct dl4c_error *why)
{
    if (!run || run->failed)
        return;
    const char *kind = why->status == DL4C_E_DIVERGED    ? "diverged"
                       : why->status == DL4C_E_CANCELLED ? "cancelled"
                       : why->status == DL4C_E_TIMEOUT   ? "timeout"
                                                         : "failed";
    if (dli_run_flush(run, NULL) == DL4C_OK)
        (void)dli_run_event(run, kind, epoch, iteration, NULL, "%s", why->message);
}

/* ---- run.json ---- */

static void describe_options(struct dli_strbuf *b, const struct dl4c_fit_options *o, const char *updater)
{
    dli_strbuf_addf(b, "{\"epochs\": %" PRIu32, o->epochs);
    add_count(b, "batch", o->batch);
    dli_strbuf_add(b, ", ");
    add_text(b, "updater", updater);
    dli_strbuf_addf(b, ", \"shuffle\": %s", o->no_shuffle ? "false" : "true");
    dli_strbuf_add(b, ", \"l1\": ");
    dli_strbuf_json_num(b, o->l1);
    dli_strbuf_add(b, ", \"l2\": ");
    dli_strbuf_json_num(b, o->l2);
    dli_strbuf_addf(b, ", \"class_weights\": %s", o->balanced ? "\"balanced\"" : o->class_weights ? "[" : "null");
    for (int32_t i = 0; o->class_weights && i < o->n_class_weights; i++) {
        dli_strbuf_add(b, i ? ", " : "");
        dli_strbuf_json_num(b, (double)o->class_weights[i]);
    }
    dli_strbuf_add(b, o->class_weights ? "]" : "");
    add_count(b, "early_stopping", o->early_stopping);
    const bool averaged = dli_fit_averages(o);
    add_count(b, "workers", averaged ? o->workers : 1);
    add_count(b, "averaging_frequency", !averaged ? -1 : o->averaging_frequency ? o->averaging_frequency : 5);
    dli_strbuf_add(b, ", ");
    add_text(b, "transport", !averaged ? NULL : o->transport ? o->transport : "threads");
    add_count(b, "prefetch", averaged ? o->prefetch : -1);
    dli_strbuf_add(b, ", ");
    add_text(b, "average", !averaged ? NULL : o->flags & DL4C_FIT_GRADIENTS ? "gradients" : "parameters");
    dli_strbuf_add(b, ", ");
    add_text(b, "exchange", !averaged ? NULL : o->exchange ? "bf16" : "f32");
    dli_strbuf_addf(b, ", \"save_updater\": %s", !averaged ? "null" : o->no_save_updater ? "false" : "true");
    add_count(b, "timeout_ms", o->timeout_ms);
    dli_strbuf_addc(b, '}');
}

/* *digest is borrowed from the source. */
static dl4c_status describe_source(struct dli_strbuf *b, dl4c_source *source, const char **digest, struct dl4c_error *err)
{
    struct dl4c_source_info info = DL4C_SOURCE_INFO_INIT;
    *digest = NULL;
    if (!source) {
        dli_strbuf_add(b, "null");
        return DL4C_OK;
    }
    DLI_TRY(dl4c_source_get_info(source, &info, err));
    *digest = info.digest;
    dli_strbuf_add(b, "{\"shape\": [");
    for (int32_t r = 0; r < info.rank; r++)
        dli_strbuf_addf(b, "%s%" PRId64, r ? ", " : "", info.shape[r]);
    dli_strbuf_addc(b, ']');
    add_count(b, "rows", info.rows);
    add_count(b, "classes", info.n_classes);
    dli_strbuf_add(b, ", \"class_names\": ");
    for (int32_t i = 0; info.classes && i < info.n_classes; i++) {
        dli_strbuf_add(b, i ? ", " : "[");
        dli_strbuf_json(b, info.classes[i]);
    }
    dli_strbuf_add(b, info.classes && info.n_classes > 0 ? "]" : "null");
    dli_strbuf_addc(b, '}');
    return DL4C_OK;
}

static dl4c_status describe(const struct dli_run_about *a, struct dli_strbuf *b, struct dl4c_error *err)
{
    const struct dl4c_fit_options *o = a->options;
    const char *train, *validation;
    char *model;
    dli_strbuf_addf(b, "{\n \"format\": %d,\n ", RECORD_FORMAT);
    add_text(b, "command", o->command);
    dli_strbuf_add(b, ",\n \"time\": ");
    add_time(b);
    dli_strbuf_add(b, ",\n \"options\": ");
    describe_options(b, o, a->updater);
    dli_strbuf_addf(b, ",\n \"seed\": %" PRId64 ",\n \"versions\": {", (int64_t)o->seed);
    add_text(b, "dl4c", dl4c_version_string());
    dli_strbuf_add(b, ", ");
    add_text(b, "compiler", __VERSION__);
    dli_strbuf_add(b, "},\n ");
    add_text(b, "cpu", dli_cpu_brand());
    dli_strbuf_add(b, ",\n ");
    add_text(b, "kernels", dl4c_cpu_kernels());
    dli_strbuf_add(b, ",\n ");
    add_text(b, "gemm", dli_gemm_provider(a->graph->ctx->blas));
    dli_strbuf_addf(b, ",\n \"threads\": %" PRId32 ",\n \"epochs_before\": %" PRId64 ",\n \"iterations_before\": %" PRId64, a->threads,
                    a->graph->epoch, a->graph->iteration);
    dli_strbuf_add(b, ",\n \"train\": ");
    DLI_TRY(describe_source(b, a->source, &train, err));
    dli_strbuf_add(b, ",\n \"validation\": ");
    DLI_TRY(describe_source(b, o->validation, &validation, err));
    DLI_TRY(dl4c_graph_digest(a->graph, &model, err));
    dli_strbuf_add(b, ",\n \"digests\": {");
    add_text(b, "model", model);
    dli_strbuf_add(b, ", ");
    add_text(b, "trunk", a->graph->info.trunk_digest);
    dli_strbuf_add(b, ", ");
    add_text(b, "train", train);
    dli_strbuf_add(b, ", ");
    add_text(b, "validation", validation);
    dli_strbuf_add(b, "}\n}\n");
    dli_free(model);
    return DL4C_OK;
}

/* No value has a line feed in it, so what follows one is a key of the outermost object. */
#define KERNELS "\n \"kernels\": "

dl4c_status dli_run_kernels(struct dli_run *run, const char *kernels, struct dl4c_error *err)
{
    char *text = NULL, *fresh = NULL;
    size_t size;
    if (!run)
        return DL4C_OK;
    DLI_TRY(dli_fs_load(run->ctx, run->about, INT64_MAX, &text, &size, err));
    char *at = strstr(text, KERNELS), *end = at ? strchr(at + 1, '\n') : NULL;
    struct dli_strbuf b;
    dl4c_status status = end ? DL4C_OK : dli_fail(err, DL4C_E_CORRUPT, "run", "%.300s says nothing of kernels", run->about);
    dli_strbuf_init(&b, run->ctx);
    if (status == DL4C_OK) {
        *at = '\0';
        dli_strbuf_addf(&b, "%s" KERNELS, text);
        dli_strbuf_json(&b, kernels);
        dli_strbuf_addf(&b, ",%s", end);
        *at = '\n';
        status = dli_strbuf_take(&b, &fresh, err);
    }
    if (status == DL4C_OK && strcmp(fresh, text) != 0)
        status = dli_fs_save(run->ctx, run->about, fresh, strlen(fresh), err);
    dli_free(fresh);
    dli_free(text);
    return status;
}

static dl4c_status is_there(dl4c_context *ctx, const char *uri, bool *there, struct dl4c_error *err)
{
    struct dl4c_fs_stat s = DL4C_FS_STAT_INIT;
    struct dl4c_error why = DL4C_ERROR_INIT;
    const dl4c_status status = dl4c_fs_stat_uri(ctx, uri, &s, &why);
    *there = status == DL4C_OK;
    if (status != DL4C_OK && status != DL4C_E_NOTFOUND && err)
        *err = why;
    return status == DL4C_E_NOTFOUND ? DL4C_OK : status;
}

static dl4c_status refuse_existing(dl4c_context *ctx, const char *uri, struct dl4c_error *err)
{
    bool there;
    DLI_TRY(is_there(ctx, uri, &there, err));
    if (there)
        return dli_fail(err, DL4C_E_STATE, "run", "%.300s is there already: a run's record goes into a directory of its own", uri);
    return DL4C_OK;
}

static dl4c_status write_about(struct dli_run *run, const struct dli_run_about *a, const char *name, struct dl4c_error *err)
{
    char *text = NULL;
    struct dli_strbuf b;
    dli_strbuf_init(&b, run->ctx);
    dl4c_status status = describe(a, &b, err);
    if (status == DL4C_OK)
        status = dli_strbuf_take(&b, &text, err);
    if (status == DL4C_OK)
        status = dli_fs_save(run->ctx, name, text, strlen(text), err);
    dli_free(text);
    dli_strbuf_free(&b);
    return status;
}

static dl4c_status begin(struct dli_run *run, const struct dli_run_about *a, const char *name, struct dl4c_error *err)
{
    const char *dir = a->options->run_dir;
    DLI_TRY(refuse_existing(run->ctx, name, err));
    for (int i = 0; i < LOGS; i++)
        DLI_TRY(refuse_existing(run->ctx, run->logs[i].uri, err));
    struct dl4c_error why = DL4C_ERROR_INIT;
    const dl4c_status status = dl4c_fs_mkdir(run->ctx, dir, &why);
    /* A store of objects has no directories; one that cannot write says so below. */
    if (status != DL4C_OK && status != DL4C_E_UNSUPPORTED) {
        if (err)
            *err = why;
        return status;
    }
    /* The three are there from the beginning, so that readers need not ask. */
    for (int i = 0; i < LOGS; i++)
        DLI_TRY(dl4c_fs_append(run->ctx, run->logs[i].uri, "", 0, err));
    DLI_TRY(write_about(run, a, name, err));
    return dli_run_event(run, "start", a->graph->epoch, a->graph->iteration, err, "up to %" PRIu32 " epochs", a->options->epochs);
}

/* The first `keep` bytes of a file that grew. */
static dl4c_status cut(struct dli_run *run, struct log *log, int64_t keep, struct dl4c_error *err)
{
    char *text = NULL;
    size_t size = 0;
    dl4c_status status = dli_fs_load(run->ctx, log->uri, INT64_MAX, &text, &size, err);
    if (status == DL4C_OK && (int64_t)size < keep)
        status = dli_fail(err, DL4C_E_CORRUPT, "run", "%.300s has %zu bytes, the checkpoint knows of %" PRId64, log->uri, size, keep);
    if (status == DL4C_OK && (int64_t)size > keep)
        status = dli_fs_save(run->ctx, log->uri, text, (size_t)keep, err);
    dli_free(text);
    log->bytes = keep;
    return status;
}

/* What a process that died, or a disk that was full, left of a line goes, or the next one would be spoiled with it. */
static dl4c_status drop_half_line(struct dli_run *run, struct log *log, struct dl4c_error *err)
{
    char *text = NULL;
    size_t size = 0;
    bool there;
    DLI_TRY(is_there(run->ctx, log->uri, &there, err));
    if (!there)
        return DL4C_OK;
    DLI_TRY(dli_fs_load(run->ctx, log->uri, INT64_MAX, &text, &size, err));
    size_t keep = size;
    while (keep > 0 && text[keep - 1] != '\n')
        keep--;
    const dl4c_status status = keep < size ? dli_fs_save(run->ctx, log->uri, text, keep, err) : DL4C_OK;
    dli_free(text);
    return status;
}

static dl4c_status go_on(struct dli_run *run, const struct dli_run_about *a, int64_t scores_bytes, int64_t epochs_bytes,
                         struct dl4c_error *err)
{
    DLI_TRY(cut(run, &run->logs[SCORES], scores_bytes, err));
    DLI_TRY(cut(run, &run->logs[EPOCHS], epochs_bytes, err));
    DLI_TRY(drop_half_line(run, &run->logs[EVENTS], err));
    return dli_run_event(run, "resumed", a->graph->epoch, a->graph->iteration, err, "up to %" PRIu32 " epochs", a->options->epochs);
}

/* scores_bytes is negative: a record that is there is refused. */
static dl4c_status open_run(const struct dli_run_about *a, int64_t scores_bytes, int64_t epochs_bytes, struct dli_run **out,
                            struct dl4c_error *err)
{
    bool there = false;
    *out = NULL;
    if (!a->options->run_dir)
        return DL4C_OK;
    dl4c_context *ctx = dli_context_ref(a->graph->ctx, err);
    struct dli_run *run = ctx ? dli_calloc(ctx, 1, sizeof *run, err) : NULL;
    if (!run) {
        dli_context_unref(ctx);
        return dli_alloc_status();
    }
    run->ctx = ctx;
    run->flushed_ns = dli_now_ns();
    for (int i = 0; i < LOGS; i++)
        dli_strbuf_init(&run->logs[i].text, ctx);
    dl4c_status status = dli_uri_join(ctx, a->options->run_dir, "run.json", &run->about, err);
    for (int i = 0; status == DL4C_OK && i < LOGS; i++)
        status = dli_uri_join(ctx, a->options->run_dir, log_names[i], &run->logs[i].uri, err);
    if (status == DL4C_OK && scores_bytes >= 0)
        status = is_there(ctx, run->about, &there, err);
    if (status == DL4C_OK)
        status = there ? go_on(run, a, scores_bytes, epochs_bytes, err) : begin(run, a, run->about, err);
    if (status != DL4C_OK)
        dli_run_close(&run);
    *out = run;
    return status;
}

dl4c_status dli_run_create(const struct dli_run_about *about, struct dli_run **run, struct dl4c_error *err)
{
    return open_run(about, -1, 0, run, err);
}

dl4c_status dli_run_resume(const struct dli_run_about *about, int64_t scores_bytes, int64_t epochs_bytes, struct dli_run **run,
                           struct dl4c_error *err)
{
    return open_run(about, scores_bytes, epochs_bytes, run, err);
}

void dli_run_sizes(const struct dli_run *run, int64_t *scores_bytes, int64_t *epochs_bytes)
{
    *scores_bytes = run ? run->logs[SCORES].bytes : 0;
    *epochs_bytes = run ? run->logs[EPOCHS].bytes : 0;
}

void dli_run_close(struct dli_run **run)
{
    if (!*run)
        return;
    struct dli_run *r = *run;
    *run = NULL;
    for (int i = 0; i < LOGS; i++) {
        dli_free(r->logs[i].uri);
        dli_strbuf_free(&r->logs[i].text);
    }
    dl4c_context *ctx = r->ctx;
    dli_free(r->about);
    dli_free(r);
    dli_context_unref(ctx);
}
