/* SPDX-License-Identifier: Apache-2.0 */
/* What one line of a run's record says. Keys that are not known are left out, null stands for what is not there; anything else that is
 * not as docs/reference/run-directory.md says makes the line a bad one, which is noted and changes nothing. */
#include "monitor/flat.h"
#include "monitor/record.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* A step or an epoch further from the one before is no count of anything. */
enum { LONGEST_JUMP = 1 << 20, MOST_EVENTS = 1000, MOST_KIND = 64, MOST_MESSAGE = 2000, MOST_LABEL = INT32_MAX };
static const double largest_count = 9007199254740992; /* 2^53: whole numbers are exact up to here */

enum answer { GOOD, BAD, FAILED };

struct reading {
    struct dli_record *r;
    json_t *line; /* NULL where it is flat */
    struct dli_flat flat[DLI_FLAT_MOST];
    int n_flat;      /* -1: it is not */
    const char *why; /* of a bad one */
    struct dl4c_error *err;
    dl4c_status status;
};

static enum answer bad(struct reading *g, const char *why)
{
    g->why = why;
    return BAD;
}

static enum answer failed(struct reading *g, dl4c_status status)
{
    g->status = status;
    return status == DL4C_OK ? GOOD : FAILED;
}

/* NaN: null or not there. */
static bool number(struct reading *g, const char *key, double *v)
{
    const size_t n = strlen(key);
    *v = NAN;
    for (int i = 0; i < g->n_flat; i++)
        if (g->flat[i].n == n && memcmp(g->flat[i].key, key, n) == 0)
            *v = g->flat[i].v;
    json_t *j = json_object_get(g->line, key);
    if (!j || json_is_null(j))
        return true;
    if (!json_is_number(j))
        return false;
    *v = json_number_value(j);
    return true;
}

/* A whole number from `least` on; -1: null or not there. */
static bool count(struct reading *g, const char *key, int64_t least, int64_t *n)
{
    double v;
    *n = -1;
    if (!number(g, key, &v))
        return false;
    if (isnan(v))
        return true;
    if (!(v >= (double)least && v <= largest_count && v == floor(v)))
        return false;
    *n = (int64_t)v;
    return true;
}

static void saw(struct dli_record *r, double time)
{
    if (!isnan(time) && !(time <= r->newest))
        r->newest = time;
}

/* ---- scores ---- */

static enum answer went_back(struct reading *g, int64_t from, int64_t to, int64_t epoch, double time)
{
    struct dli_record *r = g->r;
    char message[160];
    struct dli_event e = { .time = time, .epoch = epoch, .iteration = to, .round = -1, .worker = -1 };
    snprintf(message, sizeof message, "iteration %" PRId64 " came after %" PRId64 ": the training went on from an earlier state", to, from);
    dli_trace_cut(&r->scores, to, r->stamp);
    for (int i = 0; i < DLI_RECORD_WORKERS; i++)
        r->last[i] = 0;
    r->restarts++;
    return failed(g, dli_record_event(r, &e, "restart", message, g->err));
}

static enum answer score_line(struct reading *g)
{
    struct dli_record *r = g->r;
    double time, score, rate;
    int64_t iteration, epoch, worker;
    if (!number(g, "time", &time) || !number(g, "score", &score) || !number(g, "rate", &rate))
        return bad(g, "time, score or rate is no number");
    if (!count(g, "iteration", 0, &iteration) || iteration < 0 || !count(g, "epoch", 0, &epoch) || !count(g, "worker", 0, &worker))
        return bad(g, "iteration, epoch or worker is no count");
    if (r->last_iteration >= 0 && iteration > r->last_iteration + LONGEST_JUMP)
        return bad(g, "the iteration is far from the one before");
    if (worker > INT32_MAX)
        return bad(g, "there are not so many workers");
    worker = worker < 0 ? 0 : worker;
    const int64_t column = worker < DLI_RECORD_WORKERS ? worker : DLI_RECORD_WORKERS - 1;
    /* Those who share a column may be at different iterations. */
    if (iteration < r->last[column] && worker < DLI_RECORD_WORKERS - 1) {
        const enum answer a = went_back(g, r->last[column], iteration, epoch, time);
        if (a != GOOD)
            return a;
    }
    if (r->scores.n > 0 && iteration < r->scores.base)
        dli_trace_cut(&r->scores, iteration, r->stamp);
    if (!isfinite(score))
        r->not_finite++;
    else if (failed(g, dli_trace_add(&r->scores, iteration, (int32_t)column, score, rate, time, r->stamp, g->err)) != GOOD)
        return FAILED;
    r->last[column] = iteration;
    r->last_iteration = iteration;
    r->most_workers = worker + 1 > r->most_workers ? worker + 1 : r->most_workers;
    saw(r, time);
    return GOOD;
}

/* ---- epochs ---- */

/* counts[workers + 1, classes], the last row not filled; NULL where memory is missing. */
static int64_t *read_counts(struct reading *g, json_t *labels, size_t workers, size_t classes, bool *whole)
{
    size_t n;
    int64_t *counts = dli_mul_size(workers + 1, classes, &n) ? dli_array(g->r->ctx, n, sizeof *counts, g->err) : NULL;
    *whole = counts != NULL;
    for (size_t w = 0; counts && w < workers && *whole; w++) {
        json_t *row = json_array_get(labels, w);
        *whole = json_array_size(row) == classes;
        for (size_t c = 0; c < classes && *whole; c++) {
            const double v = json_number_value(json_array_get(row, c));
            *whole = json_is_number(json_array_get(row, c)) && v >= 0 && v <= MOST_LABEL && v == floor(v);
            counts[w * classes + c] = *whole ? (int64_t)v : 0;
        }
    }
    return counts;
}

static enum answer check_labels(struct reading *g, int64_t epoch, int64_t examples)
{
    struct dli_record *r = g->r;
    json_t *labels = json_object_get(g->line, "labels");
    double dispersion;
    bool whole;
    if (!number(g, "label_dispersion", &dispersion))
        return bad(g, "label_dispersion is no number");
    if (g->n_flat >= 0) { /* null at most */
        double v;
        (void)number(g, "labels", &v);
        return isnan(v) ? GOOD : bad(g, "labels is no list of lists");
    }
    if (!labels || json_is_null(labels))
        return GOOD;
    const size_t workers = json_array_size(labels), classes = json_array_size(json_array_get(labels, 0));
    if (workers == 0 || classes == 0)
        return bad(g, "labels is no list of lists");
    int64_t *counts = read_counts(g, labels, workers, classes, &whole);
    if (!counts)
        return failed(g, dli_alloc_status());
    if (whole) {
        const double batch = r->batch > 0 ? r->batch : 32;
        dli_label_check(&r->labels, counts, (int64_t)workers, (int64_t)classes, epoch, dispersion, ceil((double)examples / batch));
        r->labels_stamp = r->stamp;
    }
    dli_free(counts);
    return whole ? GOOD : bad(g, "labels is no list of lists of counts");
}

static enum answer epoch_line(struct reading *g)
{
    static const char *const keys[DLI_EPOCH_COLUMNS] = { "train_score", "train_accuracy", "val_score", "val_accuracy",
                                                         "seconds",     "examples",       "iteration" };
    struct dli_record *r = g->r;
    double time, v[DLI_EPOCH_COLUMNS];
    int64_t epoch;
    if (!number(g, "time", &time) || !count(g, "epoch", 0, &epoch) || epoch < 0)
        return bad(g, "time is no number or epoch no count");
    for (int i = 0; i < DLI_EPOCH_COLUMNS; i++)
        if (!number(g, keys[i], &v[i]))
            return bad(g, "a value is no number");
    if (r->last_epoch >= 0 && epoch > r->last_epoch + LONGEST_JUMP)
        return bad(g, "the epoch is far from the one before");
    const enum answer a = check_labels(g, epoch, isnan(v[DLI_EPOCH_EXAMPLES]) ? 0 : (int64_t)fmin(fmax(v[DLI_EPOCH_EXAMPLES], 0), 1e15));
    if (a != GOOD)
        return a;
    if (epoch <= r->last_epoch) /* done again */
        dli_trace_cut(&r->epochs, epoch, r->stamp);
    for (int i = 0; i < DLI_EPOCH_COLUMNS; i++)
        if (isfinite(v[i]) && failed(g, dli_trace_add(&r->epochs, epoch, i, v[i], NAN, time, r->stamp, g->err)) != GOOD)
            return FAILED;
    r->last_epoch = epoch;
    saw(r, time);
    return GOOD;
}

/* ---- events ---- */

static void free_event(struct dli_event *e)
{
    dli_free(e->kind);
    dli_free(e->message);
}

void dli_record_forget_events(struct dli_record *r)
{
    for (size_t i = 0; i < r->n_events; i++)
        free_event(&r->events[i]);
    r->n_events = 0;
    r->events_lost = 0;
}

/* The first, which says when it began, and the newer half stay; of the older half all but checkpoints, where that is enough. */
static void lose_events(struct dli_record *r)
{
    const size_t half = r->n_events / 2, before = r->n_events;
    size_t checkpoints = 0, n = 1;
    for (size_t i = 1; i <= half; i++)
        checkpoints += strcmp(r->events[i].kind, "checkpoint") == 0;
    const bool enough = checkpoints >= half / 2;
    for (size_t i = 1; i < before; i++)
        if (i <= half && (!enough || strcmp(r->events[i].kind, "checkpoint") == 0))
            free_event(&r->events[i]);
        else
            r->events[n++] = r->events[i];
    r->n_events = n;
    r->events_lost += (int64_t)(before - n);
    for (size_t i = 0; i < n; i++)
        r->events[i].stamp = r->stamp;
}

static size_t at_most(const char *text, size_t most) { return strlen(text) < most ? strlen(text) : most; }

dl4c_status dli_record_event(struct dli_record *r, struct dli_event *e, const char *kind, const char *message, struct dl4c_error *err)
{
    if (r->n_events >= MOST_EVENTS)
        lose_events(r);
    DLI_TRY(dli_grow(r->ctx, &r->events, &r->room_events, r->n_events + 1, sizeof *r->events, err));
    e->kind = dli_strndup(r->ctx, kind, at_most(kind, MOST_KIND), err);
    e->message = e->kind ? dli_strndup(r->ctx, message, at_most(message, MOST_MESSAGE), err) : NULL;
    e->stamp = r->stamp;
    if (!e->message) {
        dli_free(e->kind);
        return dli_alloc_status();
    }
    r->events[r->n_events++] = *e;
    saw(r, e->time);
    return DL4C_OK;
}

static enum answer event_line(struct reading *g)
{
    struct dli_event e = { 0 };
    const char *kind = json_string_value(json_object_get(g->line, "kind"));
    const char *message = json_string_value(json_object_get(g->line, "message"));
    if (!kind || !kind[0])
        return bad(g, "it names no kind");
    if (!number(g, "time", &e.time) || !count(g, "epoch", 0, &e.epoch) || !count(g, "iteration", 0, &e.iteration) ||
        !count(g, "round", 0, &e.round) || !count(g, "worker", 0, &e.worker))
        return bad(g, "time is no number, or epoch, iteration, round or worker no count");
    return failed(g, dli_record_event(g->r, &e, kind, message ? message : "", g->err));
}

/* ---- lines ---- */

static void note(struct dli_log *log, int64_t line, const char *why)
{
    if (log->bad++ > 0)
        return;
    log->first_bad = line;
    snprintf(log->why, sizeof log->why, "%s", why);
}

dl4c_status dli_record_line(struct dli_record *r, int log, const char *line, size_t n, int64_t at, struct dl4c_error *err)
{
    json_error_t why;
    struct reading g;
    g.r = r;
    g.err = err;
    g.status = DL4C_OK;
    g.line = NULL;
    if (!line) {
        note(&r->logs[log], at, "it is longer than any line of a record");
        return DL4C_OK;
    }
    g.n_flat = dli_flat_parse(line, n, g.flat);
    if (g.n_flat < 0)
        g.line = json_loadb(line, n, JSON_REJECT_DUPLICATES | JSON_DECODE_INT_AS_REAL, &why);
    enum answer a = BAD;
    if (g.n_flat < 0 && !g.line)
        g.why = why.text;
    else if (g.n_flat < 0 && !json_is_object(g.line))
        g.why = "it is no object";
    else
        a = log == DLI_LOG_SCORES ? score_line(&g) : log == DLI_LOG_EPOCHS ? epoch_line(&g) : event_line(&g);
    if (a == BAD)
        note(&r->logs[log], at, g.why);
    json_decref(g.line);
    return a == FAILED ? g.status : DL4C_OK;
}
