/* SPDX-License-Identifier: Apache-2.0 */
/* The files of a run's record, looked at again and again. */
#include "monitor/record.h"
#include "base/strbuf.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { MOST_SCORES = 8192, MOST_EPOCHS = 4096, MOST_ABOUT = 1024 * 1024 };
static const char *const log_names[DLI_LOGS] = { "scores.jsonl", "epochs.jsonl", "events.jsonl" };

/* As it was before anything was read; what was said about replacing stays. */
static void start_over(struct dli_record *r)
{
    dli_trace_clear(&r->scores);
    dli_trace_clear(&r->epochs);
    dli_record_forget_events(r);
    for (int i = 0; i < DLI_LOGS; i++) {
        dli_tail_rewind(&r->logs[i].tail);
        r->logs[i].bad = 0;
    }
    for (int i = 0; i < DLI_RECORD_WORKERS; i++)
        r->last[i] = 0;
    r->last_iteration = r->last_epoch = -1;
    r->most_workers = r->not_finite = r->restarts = 0;
    r->newest = NAN;
    r->labels = (struct dli_label_check){ .epoch = -1 };
    r->labels_stamp = r->stamp;
}

dl4c_status dli_record_create(dl4c_context *ctx, const char *uri, struct dli_record **out, struct dl4c_error *err)
{
    *out = NULL;
    struct dli_record *r = dli_calloc(ctx, 1, sizeof *r, err);
    if (!r)
        return dli_alloc_status();
    r->ctx = ctx;
    dli_trace_init(&r->scores, ctx, MOST_SCORES);
    dli_trace_init(&r->epochs, ctx, MOST_EPOCHS);
    start_over(r);
    r->uri = dli_strdup(ctx, uri, err);
    dl4c_status status = r->uri ? dli_uri_join(ctx, uri, "run.json", &r->about_uri, err) : dli_alloc_status();
    for (int i = 0; i < DLI_LOGS && status == DL4C_OK; i++)
        status = dli_uri_join(ctx, uri, log_names[i], &r->logs[i].tail.uri, err);
    if (status != DL4C_OK)
        dli_record_destroy(&r);
    *out = r;
    return status;
}

void dli_record_destroy(struct dli_record **record)
{
    struct dli_record *r = *record;
    *record = NULL;
    if (!r)
        return;
    dli_record_forget_events(r);
    dli_free(r->events);
    dli_trace_free(&r->scores);
    dli_trace_free(&r->epochs);
    for (int i = 0; i < DLI_LOGS; i++)
        dli_free(r->logs[i].tail.uri);
    dli_free(r->about);
    dli_free(r->about_uri);
    dli_free(r->uri);
    dli_free(r);
}

/* ---- run.json ---- */

static int add_piece(const char *text, size_t n, void *arg)
{
    dli_strbuf_addn(arg, text, n);
    return 0;
}

/* One line of JSON, so that it can be put into a larger one; NULL and a reason where it is no object. */
static dl4c_status take_about(struct dli_record *r, const char *text, size_t size, char **line, struct dl4c_error *err)
{
    json_error_t why;
    json_t *root = json_loadb(text, size, JSON_REJECT_DUPLICATES | JSON_DECODE_INT_AS_REAL, &why);
    dl4c_status status = DL4C_OK;
    *line = NULL;
    if (json_is_object(root)) {
        struct dli_strbuf b;
        dli_strbuf_init(&b, r->ctx);
        const double batch = json_number_value(json_object_get(json_object_get(root, "options"), "batch"));
        r->batch = batch >= 1 ? batch : 0;
        json_dump_callback(root, add_piece, &b, JSON_COMPACT);
        status = dli_strbuf_take(&b, line, err);
        dli_strbuf_free(&b);
    } else {
        snprintf(r->about_trouble, sizeof r->about_trouble, "run.json: %s", root ? "it is no object" : why.text);
    }
    json_decref(root);
    return status;
}

/* *changed: it is another one than before. */
static dl4c_status read_about(struct dli_record *r, bool *changed, struct dl4c_error *err)
{
    struct dl4c_error why = DL4C_ERROR_INIT;
    char *text = NULL, *line = NULL;
    size_t size = 0;
    char before[sizeof r->about_trouble];
    memcpy(before, r->about_trouble, sizeof before);
    r->about_trouble[0] = '\0';
    *changed = false;
    dl4c_status status = dli_fs_load(r->ctx, r->about_uri, MOST_ABOUT, &text, &size, &why);
    if (status == DL4C_OK)
        status = take_about(r, text, size, &line, &why);
    else if (status != DL4C_E_NOMEM)
        snprintf(r->about_trouble, sizeof r->about_trouble, "%s", status == DL4C_E_NOTFOUND ? "run.json is not there" : why.message);
    dli_free(text);
    if (status == DL4C_E_NOMEM) {
        if (err)
            *err = why;
        return status;
    }
    if (status != DL4C_OK && !r->about_trouble[0])
        snprintf(r->about_trouble, sizeof r->about_trouble, "%s", why.message);
    if (!line && r->about && status == DL4C_E_NOTFOUND) { /* the logs say whether another one begins */
        dli_free(r->about);
        r->about = NULL;
        r->about_stamp = r->stamp;
    } else if (line && (!r->about || strcmp(line, r->about) != 0)) {
        *changed = r->about != NULL;
        dli_free(r->about);
        r->about = line;
        r->about_stamp = r->stamp;
        line = NULL;
    }
    if (strcmp(before, r->about_trouble) != 0)
        r->about_stamp = r->stamp;
    dli_free(line);
    return DL4C_OK;
}

/* ---- all files ---- */

struct to_log {
    struct dli_record *r;
    int log;
};

static dl4c_status on_line(void *arg, const char *line, size_t n, int64_t number, struct dl4c_error *err)
{
    const struct to_log *to = arg;
    return dli_record_line(to->r, to->log, line, n, number, err);
}

dl4c_status dli_record_refresh(struct dli_record *r, int64_t stamp, int64_t budget, struct dl4c_error *err)
{
    bool other = false;
    r->stamp = stamp;
    r->more = false;
    DLI_TRY(read_about(r, &other, err));
    if (other) {
        r->replaced++;
        start_over(r);
    }
    for (int i = 0; i < DLI_LOGS; i++) {
        struct dli_log *log = &r->logs[i];
        struct to_log arg = { r, i };
        const struct dli_tail_to to = { &arg, on_line };
        struct dl4c_error why = DL4C_ERROR_INIT;
        const int64_t before = log->tail.offset;
        const dl4c_status status = dli_tail_read(&log->tail, r->ctx, budget, &to, &other, &why);
        if (status == DL4C_E_NOMEM || status == DL4C_E_LIMIT) {
            if (err)
                *err = why;
            return status;
        }
        snprintf(log->trouble, sizeof log->trouble, "%s", status == DL4C_OK ? "" : why.message);
        if (other) {
            r->replaced++;
            r->more = true;
            start_over(r);
            return DL4C_OK;
        }
        r->more = r->more || (log->tail.offset > before && log->tail.size > log->tail.offset);
    }
    return DL4C_OK;
}

bool dli_record_ended(const struct dli_record *r)
{
    static const char *const last[] = { "end", "diverged", "cancelled", "timeout", "failed" };
    const struct dli_event *end = NULL;
    for (size_t i = 0; i < r->n_events; i++) {
        const struct dli_event *e = &r->events[i];
        bool ends = false;
        for (size_t k = 0; k < sizeof last / sizeof *last; k++)
            ends = ends || strcmp(e->kind, last[k]) == 0;
        /* A restart is seen in the scores, which may have been read before or after the events. */
        if (strcmp(e->kind, "restart") != 0)
            end = ends ? e : NULL;
    }
    for (size_t i = 0; end && i < r->n_events; i++)
        if (strcmp(r->events[i].kind, "restart") == 0 && r->events[i].time > end->time)
            return false;
    return end != NULL;
}
