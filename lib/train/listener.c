/* SPDX-License-Identifier: Apache-2.0 */
/* Ready-made listeners: score, performance, time left, evaluation. */
#define _POSIX_C_SOURCE 200809L /* gmtime_r */
#include "train/listener.h"
#include "base/deadline.h"
#include "base/strbuf.h"
#include "evaluation/java.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

void dli_sink_line(const struct dli_sink *s, const char *text)
{
    if (s->log)
        s->log(s->user, DL4C_LOG_INFO, "train", text);
    else
        dli_log(s->ctx, DL4C_LOG_INFO, "train", "%s", text);
}

dl4c_status dli_listener_fill(struct dl4c_listener *l, void *user,
                              dl4c_status (*event)(void *user, struct dl4c_train_event *event, struct dl4c_error *err),
                              void (*release)(void *user), struct dl4c_error *err)
{
    const struct dl4c_listener filled = { .struct_size = sizeof filled, .user = user, .event = event, .release = release };
    const dl4c_status status = dli_struct_out(l, &filled, sizeof filled, "train", err);
    if (status != DL4C_OK)
        release(user);
    return status;
}

void dl4c_listener_close(struct dl4c_listener *l)
{
    struct dl4c_listener mine, none = DL4C_LISTENER_INIT;
    if (!l || dli_struct_in(&mine, sizeof mine, l, "train", NULL) != DL4C_OK)
        return;
    if (mine.release)
        mine.release(mine.user);
    (void)dli_struct_out(l, &none, sizeof none, "train", NULL);
}

/* ---- lines ---- */

struct lines {
    dl4c_context *ctx; /* a reference */
    struct dli_sink sink;
    int64_t every;
    bool score;
    int64_t before_ns; /* performance: when the last iteration ended; 0: none did */
    int64_t start_ns;  /* time: when the first iteration of this fit ended, with start_done rows trained on; 0: none did */
    int64_t start_done;
};

static void lines_release(void *user)
{
    struct lines *s = user;
    dl4c_context *ctx = s->ctx;
    dli_free(s);
    dli_context_unref(ctx);
}

static dl4c_status say(const struct lines *s, struct dli_strbuf *b, struct dl4c_error *err)
{
    char *text;
    DLI_TRY(dli_strbuf_take(b, &text, err));
    dli_sink_line(&s->sink, text);
    dli_free(text);
    return DL4C_OK;
}

static dl4c_status score_event(void *user, struct dl4c_train_event *e, struct dl4c_error *err)
{
    struct lines *s = user;
    const int64_t iteration = e->iteration - 1; /* Deeplearning4j's */
    if (e->kind != DL4C_TRAIN_ITERATION || iteration % s->every != 0)
        return DL4C_OK;
    struct dli_strbuf b;
    dli_strbuf_init(&b, s->ctx);
    dli_strbuf_addf(&b, "Score at iteration %" PRId64 " is ", iteration);
    dli_java_double(&b, e->score);
    return say(s, &b, err);
}

/* The rate of so many in so long; the clock's step where nothing has passed. */
static double rate(int64_t n, int64_t ns) { return (double)n * 1e9 / (double)(ns > 0 ? ns : 1); }

static dl4c_status performance_event(void *user, struct dl4c_train_event *e, struct dl4c_error *err)
{
    struct lines *s = user;
    if (e->kind != DL4C_TRAIN_ITERATION) { /* what is done between epochs is no part of an iteration */
        s->before_ns = dli_now_ns();
        return DL4C_OK;
    }
    const int64_t iteration = e->iteration - 1, took = dli_now_ns() - s->before_ns;
    dl4c_status status = DL4C_OK;
    if (iteration % s->every == 0) {
        struct dli_strbuf b;
        dli_strbuf_init(&b, s->ctx);
        dli_strbuf_addf(&b, "ETL: %" PRId64 " ms; iteration %" PRId64 "; iteration time: %" PRId64 " ms; samples/sec: ",
                        e->source_ns / 1000000, iteration, took / 1000000);
        dli_java_fixed(&b, rate(e->rows, took), 3, 0);
        dli_strbuf_add(&b, "; batches/sec: ");
        dli_java_fixed(&b, rate(1, took), 3, 0);
        dli_strbuf_add(&b, "; ");
        if (s->score) {
            dli_strbuf_add(&b, "score: ");
            dli_java_double(&b, e->score);
            dli_strbuf_addc(&b, ';');
        }
        status = say(s, &b, err);
    }
    s->before_ns = dli_now_ns();
    return status;
}

static void add_utc(struct dli_strbuf *b, double in_seconds)
{
    struct timespec now = { 0 };
    struct tm utc;
    timespec_get(&now, TIME_UTC);
    const time_t at = now.tv_sec + (time_t)in_seconds;
    if (gmtime_r(&at, &utc))
        dli_strbuf_addf(b, "%04d-%02d-%02dT%02d:%02d:%02dZ", utc.tm_year + 1900, utc.tm_mon + 1, utc.tm_mday, utc.tm_hour, utc.tm_min,
                        utc.tm_sec);
}

static dl4c_status time_event(void *user, struct dl4c_train_event *e, struct dl4c_error *err)
{
    struct lines *s = user;
    const int64_t now = dli_now_ns();
    if (e->kind != DL4C_TRAIN_ITERATION)
        return DL4C_OK;
    if (s->start_ns == 0 || e->done <= s->start_done) { /* the first of this call of fit */
        s->start_ns = now;
        s->start_done = e->done;
        return DL4C_OK;
    }
    if (e->total <= e->done || (e->iteration - 1) % s->every != 0)
        return DL4C_OK;
    const double left = (double)(now - s->start_ns) * 1e-9 / (double)(e->done - s->start_done) * (double)(e->total - e->done);
    struct dli_strbuf b;
    dli_strbuf_init(&b, s->ctx);
    dli_strbuf_addf(&b, "Remaining time : %" PRId64 "mn - End expected : ", (int64_t)(left / 60));
    add_utc(&b, left);
    return say(s, &b, err);
}

static dl4c_status make_lines(dl4c_context *ctx, const struct dl4c_line_options *options, struct dl4c_listener *l,
                              dl4c_status (*event)(void *user, struct dl4c_train_event *event, struct dl4c_error *err),
                              struct dl4c_error *err)
{
    struct dl4c_line_options o;
    if (!l)
        return dli_fail(err, DL4C_E_INVALID, "train", "the listener is NULL");
    DLI_TRY(dli_struct_in(&o, sizeof o, options, "train", err));
    if (o.flags || o.reserved)
        return dli_fail(err, DL4C_E_VERSION, "train", "flags and reserved of the line options must be 0");
    if (o.every < 0)
        return dli_fail(err, DL4C_E_INVALID, "train", "a listener every %" PRId64 " iterations", o.every);
    ctx = dli_context_ref(ctx, err);
    struct lines *s = ctx ? dli_calloc(ctx, 1, sizeof *s, err) : NULL;
    if (!s) {
        dli_context_unref(ctx);
        return dli_alloc_status();
    }
    s->ctx = ctx;
    s->sink = (struct dli_sink){ .ctx = ctx, .log = o.log, .user = o.log_user };
    s->every = o.every ? o.every : 10;
    s->score = o.score != 0;
    return dli_listener_fill(l, s, event, lines_release, err);
}

dl4c_status dl4c_listener_score(dl4c_context *ctx, const struct dl4c_line_options *options, struct dl4c_listener *l, struct dl4c_error *err)
{
    return make_lines(ctx, options, l, score_event, err);
}

dl4c_status dl4c_listener_performance(dl4c_context *ctx, const struct dl4c_line_options *options, struct dl4c_listener *l,
                                      struct dl4c_error *err)
{
    return make_lines(ctx, options, l, performance_event, err);
}

dl4c_status dl4c_listener_time(dl4c_context *ctx, const struct dl4c_line_options *options, struct dl4c_listener *l, struct dl4c_error *err)
{
    return make_lines(ctx, options, l, time_event, err);
}

/* ---- evaluation ---- */

struct evaluative {
    dl4c_context *ctx; /* a reference */
    struct dli_sink sink;
    struct dl4c_evaluative_options o;
    dl4c_source *source; /* the caller's */
    int64_t epochs;      /* seen so far */
    int64_t count;       /* evaluations so far */
};

static void evaluative_release(void *user)
{
    struct evaluative *v = user;
    dl4c_context *ctx = v->ctx;
    dli_free(v);
    dli_context_unref(ctx);
}

static dl4c_status tell_evaluation(const struct evaluative *v, const dl4c_evaluation *evaluation, struct dl4c_error *err)
{
    char *stats;
    struct dli_strbuf b;
    DLI_TRY(dl4c_evaluation_stats(evaluation, 0, &stats, err));
    dli_strbuf_init(&b, v->ctx);
    dli_strbuf_addf(&b, "Reporting evaluation results:\nEvaluation:\n%s", stats);
    dl4c_free(stats);
    DLI_TRY(dli_strbuf_take(&b, &stats, err));
    if (v->sink.log)
        dli_sink_line(&v->sink, stats);
    else /* the log cuts long messages: it gets line after line */
        for (char *at = stats, *end; *at; at = end) {
            end = at + strcspn(at, "\n");
            const bool more = *end;
            *end = '\0';
            dli_sink_line(&v->sink, at);
            end += more;
        }
    dli_free(stats);
    return DL4C_OK;
}

static dl4c_status evaluative_event(void *user, struct dl4c_train_event *e, struct dl4c_error *err)
{
    struct evaluative *v = user;
    if (e->kind != v->o.when)
        return DL4C_OK;
    const int64_t at = e->kind == DL4C_TRAIN_ITERATION ? e->iteration : ++v->epochs;
    if (at % v->o.every != 0)
        return DL4C_OK;
    struct dl4c_evaluate_options eo = DL4C_EVALUATE_OPTIONS_INIT;
    dl4c_evaluation *evaluation;
    eo.batch = v->o.batch;
    eo.top_n = v->o.top_n;
    eo.threads = v->o.threads;
    eo.cancel = e->cancel;
    eo.timeout_ms = e->timeout_ms;
    char line[64];
    snprintf(line, sizeof line, "Starting evaluation nr. %" PRId64, ++v->count);
    if (!v->o.done)
        dli_sink_line(&v->sink, line);
    DLI_TRY(dl4c_evaluate(e->graph, v->source, &eo, &evaluation, err));
    dl4c_status status = DL4C_OK;
    if (!v->o.done)
        status = tell_evaluation(v, evaluation, err);
    else if (v->o.done(v->o.done_user, e->iteration, e->epoch, evaluation) != 0)
        e->stop = 1;
    dl4c_evaluation_destroy(&evaluation);
    return status;
}

dl4c_status dl4c_listener_evaluative(dl4c_context *ctx, dl4c_source *source, const struct dl4c_evaluative_options *options,
                                     struct dl4c_listener *l, struct dl4c_error *err)
{
    struct dl4c_evaluative_options o;
    if (!l || !source)
        return dli_fail(err, DL4C_E_INVALID, "train", "the %s is NULL", l ? "source" : "listener");
    DLI_TRY(dli_struct_in(&o, sizeof o, options, "train", err));
    if (o.flags || o.reserved)
        return dli_fail(err, DL4C_E_VERSION, "train", "flags and reserved of the evaluative options must be 0");
    if (o.when < 0 || o.when > DL4C_TRAIN_EPOCH_END)
        return dli_fail(err, DL4C_E_INVALID, "train", "when is %" PRId32 ", wanted a DL4C_TRAIN_*", o.when);
    if (o.every < 0 || o.batch < 0 || o.top_n < 0 || o.threads < 0)
        return dli_fail(err, DL4C_E_INVALID, "train", "every, batch, top_n or threads is negative");
    ctx = dli_context_ref(ctx, err);
    struct evaluative *v = ctx ? dli_calloc(ctx, 1, sizeof *v, err) : NULL;
    if (!v) {
        dli_context_unref(ctx);
        return dli_alloc_status();
    }
    v->ctx = ctx;
    v->sink = (struct dli_sink){ .ctx = ctx, .log = o.log, .user = o.log_user };
    v->o = o;
    v->o.every = o.every ? o.every : 1;
    v->o.when = o.when ? o.when : DL4C_TRAIN_EPOCH_END;
    v->source = source;
    return dli_listener_fill(l, v, evaluative_event, evaluative_release, err);
}
