/* SPDX-License-Identifier: Apache-2.0 */
/* What the page gets: the runs, or what is new of them, as JSON.
 *
 * Everything that changes has the stamp of the look that changed it, and an answer has what is newer than the stamp that the page names.
 * Lists come as {from, ...}: what the page has from there on is replaced. */
#include "base/escape.h"
#include "monitor/monitor.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

/* A line that is half there for longer than this is not being written. */
enum { HALF_LINE_S = 30 };

static void add_value(struct dli_strbuf *b, double v)
{
    if (isfinite(v))
        dli_strbuf_num(b, "%.6g", v);
    else
        dli_strbuf_add(b, "null");
}

/* Seconds, to the millisecond. */
static void add_time(struct dli_strbuf *b, double v)
{
    if (isfinite(v))
        dli_strbuf_num(b, "%.3f", v);
    else
        dli_strbuf_add(b, "null");
}

static void add_count(struct dli_strbuf *b, const char *key, int64_t n)
{
    if (n < 0)
        dli_strbuf_addf(b, ",\"%s\":null", key);
    else
        dli_strbuf_addf(b, ",\"%s\":%" PRId64, key, n);
}

/* ---- curves ---- */

enum what { MEAN, LOW, HIGH };

static double value_of(const struct dli_cell *c, enum what what)
{
    if (c->n == 0)
        return NAN;
    return what == MEAN ? c->sum / (double)c->n : what == LOW ? (double)c->low : (double)c->high;
}

static void add_column(struct dli_strbuf *b, const struct dli_trace *t, int64_t from, int32_t column, enum what what)
{
    dli_strbuf_addc(b, '[');
    for (int64_t i = from; i < t->n; i++) {
        if (i > from)
            dli_strbuf_addc(b, ',');
        add_value(b, column < t->columns ? value_of(dli_trace_cell(t, i, column), what) : NAN);
    }
    dli_strbuf_addc(b, ']');
}

static void add_columns(struct dli_strbuf *b, const char *key, const struct dli_trace *t, int64_t from, enum what what)
{
    dli_strbuf_addf(b, ",\"%s\":[", key);
    for (int32_t c = 0; c < t->columns; c++) {
        if (c > 0)
            dli_strbuf_addc(b, ',');
        add_column(b, t, from, c, what);
    }
    dli_strbuf_addc(b, ']');
}

/* Examples a second of all workers together. */
static void add_rates(struct dli_strbuf *b, const struct dli_trace *t, int64_t from)
{
    dli_strbuf_add(b, ",\"rate\":[");
    for (int64_t i = from; i < t->n; i++) {
        double all = NAN;
        for (int32_t c = 0; c < t->columns; c++) {
            const struct dli_cell *cell = dli_trace_cell(t, i, c);
            if (cell->rates > 0)
                all = (isnan(all) ? 0 : all) + cell->rate / (double)cell->rates;
        }
        if (i > from)
            dli_strbuf_addc(b, ',');
        add_value(b, all);
    }
    dli_strbuf_addc(b, ']');
}

static void add_trace_head(struct dli_strbuf *b, const char *key, const struct dli_trace *t, int64_t from)
{
    dli_strbuf_addf(b, ",\"%s\":{\"n\":%" PRId64 ",\"from\":%" PRId64 ",\"base\":%" PRId64 ",\"width\":%" PRId64 ",\"time\":[", key, t->n,
                    from, t->n > 0 ? t->base : 0, t->width);
    for (int64_t i = from; i < t->n; i++) {
        if (i > from)
            dli_strbuf_addc(b, ',');
        add_time(b, t->time[i]);
    }
    dli_strbuf_addc(b, ']');
}

static void add_scores(struct dli_strbuf *b, const struct dli_record *r, int64_t since)
{
    const struct dli_trace *t = &r->scores;
    const int64_t from = dli_trace_changed(t, since);
    add_trace_head(b, "scores", t, from);
    add_columns(b, "mean", t, from, MEAN);
    if (t->width > 1) { /* else they are the mean */
        add_columns(b, "low", t, from, LOW);
        add_columns(b, "high", t, from, HIGH);
    }
    add_rates(b, t, from);
    dli_strbuf_addc(b, '}');
}

static void add_epochs(struct dli_strbuf *b, const struct dli_record *r, int64_t since)
{
    static const char *const keys[DLI_EPOCH_COLUMNS] = { "train_score", "train_accuracy", "val_score", "val_accuracy",
                                                         "seconds",     "examples",       "iteration" };
    const struct dli_trace *t = &r->epochs;
    const int64_t from = dli_trace_changed(t, since);
    add_trace_head(b, "epochs", t, from);
    for (int32_t c = 0; c < DLI_EPOCH_COLUMNS; c++) {
        dli_strbuf_addf(b, ",\"%s\":", keys[c]);
        add_column(b, t, from, c, MEAN);
    }
    dli_strbuf_addc(b, '}');
}

/* ---- events, labels, notes ---- */

static void add_events(struct dli_strbuf *b, const struct dli_record *r, int64_t since)
{
    size_t from = 0;
    while (from < r->n_events && r->events[from].stamp <= since)
        from++;
    dli_strbuf_addf(b, ",\"events\":{\"n\":%zu,\"from\":%zu,\"lost\":%" PRId64 ",\"list\":[", r->n_events, from, r->events_lost);
    for (size_t i = from; i < r->n_events; i++) {
        const struct dli_event *e = &r->events[i];
        dli_strbuf_add(b, i > from ? ",{\"time\":" : "{\"time\":");
        add_time(b, e->time);
        add_count(b, "epoch", e->epoch);
        add_count(b, "iteration", e->iteration);
        add_count(b, "round", e->round);
        add_count(b, "worker", e->worker);
        dli_strbuf_add(b, ",\"kind\":");
        dli_strbuf_json(b, e->kind);
        dli_strbuf_add(b, ",\"message\":");
        dli_strbuf_json(b, e->message);
        dli_strbuf_addc(b, '}');
    }
    dli_strbuf_add(b, "]}");
}

static void add_labels(struct dli_strbuf *b, const struct dli_label_check *k)
{
    dli_strbuf_add(b, ",\"labels\":");
    if (k->epoch < 0) {
        dli_strbuf_add(b, "null");
        return;
    }
    dli_strbuf_addf(b, "{\"epoch\":%" PRId64 ",\"workers\":%" PRId64 ",\"classes\":%" PRId64 ",\"rows\":%" PRId64, k->epoch, k->workers,
                    k->classes, k->rows);
    dli_strbuf_addf(b, ",\"differ\":%s,\"unmixed\":%s,\"v\":", k->differ ? "true" : "false", k->unmixed ? "true" : "false");
    add_value(b, k->v);
    dli_strbuf_add(b, ",\"dispersion\":");
    add_value(b, k->dispersion);
    dli_strbuf_addf(b, ",\"told\":%" PRId64 ",\"differing\":%" PRId64 ",\"unmixing\":%" PRId64 ",\"worst\":[", k->told, k->differing,
                    k->unmixing);
    for (int32_t i = 0; i < k->n_worst; i++) {
        const struct dli_worst *w = &k->worst[i];
        dli_strbuf_addf(b, "%s{\"worker\":%" PRId32 ",\"class\":%" PRId64 ",\"share\":", i > 0 ? "," : "", w->worker, w->class);
        add_value(b, w->share);
        dli_strbuf_add(b, ",\"all\":");
        add_value(b, w->all);
        dli_strbuf_addc(b, '}');
    }
    dli_strbuf_add(b, "]}");
}

/* What was wrong in the files, as sentences. */
struct notes {
    struct dli_strbuf *b;
    int n;
};

static void note(struct notes *n, const char *text)
{
    if (n->n++ > 0)
        dli_strbuf_addc(n->b, ',');
    dli_strbuf_json(n->b, text);
}

static void note_log(struct notes *n, const struct dli_record *r, const struct dli_log *log, double clock)
{
    char text[512];
    const char *name = dli_uri_name(log->tail.uri);
    const int64_t left = log->tail.size - log->tail.offset;
    if (log->trouble[0])
        note(n, log->trouble);
    if (log->bad > 0) {
        snprintf(text, sizeof text, "%s: %" PRId64 " line%s left out, the first is line %" PRId64 ": %s", name, log->bad,
                 log->bad == 1 ? " was" : "s were", log->first_bad, log->why);
        note(n, text);
    }
    if (left > 0 && !r->more && (dli_record_ended(r) || clock - r->newest > HALF_LINE_S)) {
        snprintf(text, sizeof text, "%s ends in %" PRId64 " bytes of a line without its end, which were left out", name, left);
        note(n, text);
    }
}

static void add_notes(struct dli_strbuf *b, const struct dli_record *r, double clock)
{
    struct notes n = { b, 0 };
    char text[256];
    dli_strbuf_add(b, ",\"notes\":[");
    if (r->about_trouble[0])
        note(&n, r->about_trouble);
    for (int i = 0; i < DLI_LOGS; i++)
        note_log(&n, r, &r->logs[i], clock);
    if (r->replaced > 0) {
        snprintf(text, sizeof text, "the record became another one %" PRId64 " time%s while it was watched, and was read anew", r->replaced,
                 r->replaced == 1 ? "" : "s");
        note(&n, text);
    }
    if (r->not_finite > 0) {
        snprintf(text, sizeof text, "%" PRId64 " score%s not finite", r->not_finite, r->not_finite == 1 ? " is" : "s are");
        note(&n, text);
    }
    if (r->most_workers > DLI_RECORD_WORKERS) {
        snprintf(text, sizeof text, "there are %" PRId64 " workers: those from %d on share one curve", r->most_workers,
                 DLI_RECORD_WORKERS - 1);
        note(&n, text);
    }
    if (r->events_lost > 0) {
        snprintf(text, sizeof text, "%" PRId64 " older events are not shown", r->events_lost);
        note(&n, text);
    }
    dli_strbuf_addc(b, ']');
}

/* ---- runs ---- */

/* Of what there is to read, the share that was read. */
static double share_read(const struct dli_record *r)
{
    double read = 0, all = 0;
    for (int i = 0; i < DLI_LOGS; i++) {
        read += (double)r->logs[i].tail.offset;
        all += (double)r->logs[i].tail.size;
    }
    return all > 0 ? read / all : 1;
}

static void add_run(struct dli_strbuf *b, const struct dli_record *r, int64_t since, double clock)
{
    dli_strbuf_add(b, "{\"dir\":");
    dli_strbuf_json(b, r->uri);
    dli_strbuf_addf(b, ",\"ended\":%s,\"more\":%s,\"read\":", dli_record_ended(r) ? "true" : "false", r->more ? "true" : "false");
    add_value(b, share_read(r));
    dli_strbuf_add(b, ",\"newest\":");
    add_time(b, r->newest);
    add_count(b, "workers", r->most_workers);
    add_count(b, "iteration", r->last_iteration);
    if (r->about_stamp > since) {
        dli_strbuf_add(b, ",\"about\":");
        dli_strbuf_add(b, r->about ? r->about : "null");
    }
    add_notes(b, r, clock);
    add_scores(b, r, since);
    add_epochs(b, r, since);
    add_events(b, r, since);
    if (r->labels_stamp > since)
        add_labels(b, &r->labels);
    dli_strbuf_addc(b, '}');
}

/* "id-stamp", both in hex; 0: none of ours. */
static int64_t parse_since(const dl4c_monitor *m, const char *since)
{
    char id[32];
    const int n = snprintf(id, sizeof id, "%016" PRIx64 "-", m->id);
    int64_t stamp = 0;
    if (!since || strncmp(since, id, (size_t)n) != 0 || strlen(since) > (size_t)n + 15)
        return 0;
    for (const char *c = since + n; *c; c++) {
        const char *digits = "0123456789abcdef", *at = strchr(digits, *c);
        if (!at)
            return 0;
        stamp = stamp * 16 + (at - digits);
    }
    return stamp <= m->stamp ? stamp : 0;
}

void dli_monitor_write(const dl4c_monitor *m, const char *since, struct dli_strbuf *b)
{
    struct timespec now = { 0 };
    const int64_t stamp = parse_since(m, since);
    timespec_get(&now, TIME_UTC);
    dli_strbuf_addf(b, "{\"now\":\"%016" PRIx64 "-%" PRIx64 "\",\"whole\":%s,\"clock\":%lld.%03ld,\"runs\":[", m->id, (uint64_t)m->stamp,
                    stamp == 0 ? "true" : "false", (long long)now.tv_sec, now.tv_nsec / 1000000);
    for (int32_t i = 0; i < m->n; i++) {
        if (i > 0)
            dli_strbuf_addc(b, ',');
        add_run(b, m->records[i], stamp, (double)now.tv_sec);
    }
    dli_strbuf_add(b, "]}\n");
}
