/* SPDX-License-Identifier: Apache-2.0 */
/* A claim is a file "held-PART-of-PARTS-TOKEN.json" with a number that grows. Whoever wants a part writes a file of his own first and looks
 * for others then: of two who come at the same moment at least one sees the other, and goes. No clocks are compared. */
#define _GNU_SOURCE
#include "features/claim.h"
#include "base/escape.h"
#include "base/number.h"
#include "base/process.h"
#include "base/sha256.h"
#include "base/thread_pool.h"
#include "fs/fs.h"
#include "reader/list.h"
#include <jansson.h>

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define PREFIX "held-"
enum { BEAT_MS = 5000, PATIENCE_MS = 30000, LOOK_MS = 1000, MOST_BYTES = 4096 };

struct dli_claim {
    dl4c_context *ctx; /* a reference */
    char *folder, *uri;
    char name[80];
    const int32_t *cancel; /* the fs flag of who took it */
    bool running, stop, lost;
    int64_t beats, next_ns; /* next_ns: when the file is to be written again */
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t ending;
};

/* What the file says of its owner. */
struct owner {
    char who[160];
    char process[DLI_PROCESS_ROOM];
    char text[MOST_BYTES]; /* as read: it changes while the owner lives */
};

static dl4c_status write_beat(struct dli_claim *c, struct dl4c_error *err)
{
    char host[65] = "", process[DLI_PROCESS_ROOM];
    struct dli_strbuf b;
    if (gethostname(host, sizeof host - 1) != 0 || !host[0])
        snprintf(host, sizeof host, "a host without a name");
    dli_process_name(process);
    dli_strbuf_init(&b, c->ctx);
    dli_strbuf_addf(&b, "{\"beat\": %" PRId64 ", \"host\": ", c->beats++);
    dli_strbuf_json(&b, host);
    dli_strbuf_addf(&b, ", \"pid\": %lld, \"process\": ", (long long)getpid());
    dli_strbuf_json(&b, process);
    dli_strbuf_add(&b, "}\n");
    dl4c_status status = b.err.status;
    if (status == DL4C_OK)
        status = dli_fs_save(c->ctx, c->uri, b.text, b.length, err);
    else if (err)
        *err = b.err;
    dli_strbuf_free(&b);
    c->next_ns = dli_moment(BEAT_MS);
    return status;
}

/* A claim whose file is gone was taken over. A file system that does not answer says nothing. */
static void renew(struct dli_claim *c)
{
    struct dl4c_fs_stat st = DL4C_FS_STAT_INIT;
    if (dl4c_fs_stat_uri(c->ctx, c->uri, &st, NULL) == DL4C_E_NOTFOUND) {
        pthread_mutex_lock(&c->lock);
        c->lost = true;
        pthread_mutex_unlock(&c->lock);
        return;
    }
    write_beat(c, NULL);
}

/* Waits until the claim ends, so long at most. Under the lock. */
static void wait_ending(struct dli_claim *c, int64_t ms)
{
    const int64_t until = dli_moment(ms);
    while (!c->stop && dli_cond_wait_until(&c->ending, &c->lock, until))
        continue;
}

static void rest(struct dli_claim *c, int64_t ms)
{
    pthread_mutex_lock(&c->lock);
    wait_ending(c, ms);
    pthread_mutex_unlock(&c->lock);
}

static void *beat(void *arg)
{
    struct dli_claim *c = arg;
    dl4c_fs_watch(c->cancel);
    pthread_mutex_lock(&c->lock);
    while (!c->stop && !c->lost) {
        wait_ending(c, BEAT_MS);
        if (c->stop)
            break;
        pthread_mutex_unlock(&c->lock);
        renew(c);
        pthread_mutex_lock(&c->lock);
    }
    pthread_mutex_unlock(&c->lock);
    return NULL;
}

/* "held-1-of-3-..."; false: another file. */
static bool read_name(const char *name, int32_t *part, int32_t *n_parts)
{
    int64_t i, n;
    if (strncmp(name, PREFIX, strlen(PREFIX)) != 0)
        return false;
    name += strlen(PREFIX);
    const char *of = strstr(name, "-of-"), *end = of ? strchr(of + 4, '-') : NULL;
    if (!end || !dli_parse_i64(name, (size_t)(of - name), &i) || !dli_parse_i64(of + 4, (size_t)(end - of - 4), &n)
        || i < 1 || i > n || n > INT32_MAX)
        return false;
    *part = (int32_t)i;
    *n_parts = (int32_t)n;
    return true;
}

struct listing {
    dl4c_context *ctx;
    struct dli_names *names;
    struct dl4c_error *err;
    dl4c_status status;
};

static int add_claim(void *arg, const char *name, const struct dl4c_fs_stat *stat)
{
    struct listing *to = arg;
    (void)stat;
    if (strncmp(name, PREFIX, strlen(PREFIX)) == 0)
        to->status = dli_names_add(to->ctx, to->names, name, to->err);
    return to->status != DL4C_OK;
}

static dl4c_status list_claims(dl4c_context *ctx, const char *folder, struct dli_names *names, struct dl4c_error *err)
{
    struct listing to = { ctx, names, err, DL4C_OK };
    DLI_TRY(dl4c_fs_list(ctx, folder, add_claim, &to, err));
    return to.status;
}

/* DL4C_E_NOTFOUND: it is gone. */
static dl4c_status read_owner(dl4c_context *ctx, const char *uri, struct owner *o, struct dl4c_error *err)
{
    char *text;
    size_t size;
    DLI_TRY(dli_fs_load(ctx, uri, MOST_BYTES - 1, &text, &size, err));
    memcpy(o->text, text, size);
    o->text[size] = '\0';
    dli_free(text);
    json_t *root = json_loadb(o->text, size, JSON_REJECT_DUPLICATES, NULL);
    const char *host = json_string_value(json_object_get(root, "host")), *process = json_string_value(json_object_get(root, "process"));
    snprintf(o->who, sizeof o->who, "process %lld on %.64s", (long long)json_integer_value(json_object_get(root, "pid")),
             host ? host : "an unknown host");
    dli_utf8_clean(o->who);
    snprintf(o->process, sizeof o->process, "%s", process ? process : "");
    json_decref(root);
    return DL4C_OK;
}

/* Whether the owner of a claim lives. Where only its file can tell, that is looked at until it changes. */
static dl4c_status look(struct dli_claim *c, const char *uri, struct dli_watch *watch, bool *alive, struct owner *o, struct dl4c_error *err)
{
    struct owner *later = NULL;
    *alive = false;
    dl4c_status status = read_owner(c->ctx, uri, o, err);
    if (status != DL4C_OK)
        return status == DL4C_E_NOTFOUND ? DL4C_OK : status;
    const enum dli_process_state state = dli_process_state(o->process);
    if (state != DLI_PROCESS_UNKNOWN) {
        *alive = state == DLI_PROCESS_ALIVE;
        return DL4C_OK;
    }
    dli_log(c->ctx, DL4C_LOG_INFO, "features", "%s began this part; whether it goes on is seen in %d s at most", o->who,
            PATIENCE_MS / 1000);
    if (!(later = dli_alloc(c->ctx, sizeof *later, err)))
        return dli_alloc_status();
    const int64_t until = dli_moment(PATIENCE_MS);
    while (status == DL4C_OK && !*alive && dli_now_ns() < until) {
        for (int waited = 0; waited < LOOK_MS && status == DL4C_OK; waited += 50) {
            rest(c, 50);
            status = dli_watch_check(watch, err);
        }
        if (status == DL4C_OK)
            status = read_owner(c->ctx, uri, later, err);
        if (status == DL4C_OK)
            *alive = strcmp(o->text, later->text) != 0;
    }
    dli_free(later);
    return status == DL4C_E_NOTFOUND ? DL4C_OK : status;
}

/* Every other claim on the same part, or on parts that overlap it. */
static dl4c_status check_others(struct dli_claim *c, int32_t part, int32_t n_parts, struct dli_watch *watch, struct dl4c_error *err)
{
    struct dli_names names = { 0 };
    dl4c_status status = list_claims(c->ctx, c->folder, &names, err);
    struct owner *o = status == DL4C_OK ? dli_alloc(c->ctx, sizeof *o, err) : NULL;
    if (status == DL4C_OK && !o)
        status = dli_alloc_status();
    for (int64_t i = 0; i < names.n && status == DL4C_OK; i++) {
        int32_t its_part, its_parts;
        bool alive;
        char *uri;
        if (strcmp(names.name[i], c->name) == 0 || !read_name(names.name[i], &its_part, &its_parts)
            || (its_parts == n_parts && its_part != part))
            continue;
        status = dli_uri_join(c->ctx, c->folder, names.name[i], &uri, err);
        if (status != DL4C_OK)
            break;
        status = look(c, uri, watch, &alive, o, err);
        if (status == DL4C_OK && alive)
            status = dli_fail(err, DL4C_E_BUSY, "features", "%s works on part %" PRId32 " of %" PRId32 " of %.300s", o->who, its_part,
                              its_parts, c->folder);
        else if (status == DL4C_OK && (status = dl4c_fs_remove(c->ctx, uri, err)) == DL4C_E_NOTFOUND)
            status = DL4C_OK;
        dli_free(uri);
    }
    dli_free(o);
    dli_names_free(&names);
    return status;
}

static void make_name(struct dli_claim *c, int32_t part, int32_t n_parts)
{
    struct { char process[DLI_PROCESS_ROOM]; int64_t now; uintptr_t self; } bits = { .now = dli_now_ns(), .self = (uintptr_t)c };
    struct dli_sha256 s;
    char hex[65];
    dli_process_name(bits.process);
    dli_sha256_init(&s);
    dli_sha256_add(&s, &bits, sizeof bits);
    dli_sha256_hex(&s, hex);
    snprintf(c->name, sizeof c->name, PREFIX "%" PRId32 "-of-%" PRId32 "-%.12s.json", part, n_parts, hex);
}

static dl4c_status start(struct dli_claim *c, struct dl4c_error *err)
{
    DLI_TRY(write_beat(c, err));
    pthread_mutex_init(&c->lock, NULL);
    dli_cond_init(&c->ending);
    c->running = dli_thread_start(&c->thread, beat, c); /* else dli_claim_check renews it */
    return DL4C_OK;
}

static void destroy(struct dli_claim *c)
{
    dl4c_context *ctx = c->ctx;
    dli_free(c->folder);
    dli_free(c->uri);
    dli_free(c);
    dli_context_unref(ctx);
}

dl4c_status dli_claim_take(dl4c_context *ctx, const char *folder, int32_t part, int32_t n_parts, struct dli_watch *watch,
                           struct dli_claim **claim, struct dl4c_error *err)
{
    *claim = NULL;
    struct dli_claim *c = dli_calloc(ctx, 1, sizeof *c, err);
    if (!c)
        return dli_alloc_status();
    if (!(c->ctx = dli_context_ref(ctx, err))) {
        dli_free(c);
        return dli_alloc_status();
    }
    c->cancel = dl4c_fs_watch(NULL);
    dl4c_fs_watch(c->cancel);
    make_name(c, part, n_parts);
    dl4c_status status = (c->folder = dli_strdup(ctx, folder, err)) ? dli_uri_join(ctx, folder, c->name, &c->uri, err) : dli_alloc_status();
    if (status == DL4C_OK)
        status = start(c, err);
    if (status != DL4C_OK) {
        destroy(c);
        return status;
    }
    status = check_others(c, part, n_parts, watch, err);
    *claim = c;
    if (status != DL4C_OK)
        dli_claim_release(claim);
    return status;
}

dl4c_status dli_claim_check(struct dli_claim *c, struct dl4c_error *err)
{
    if (!c->running && dli_now_ns() >= c->next_ns)
        renew(c);
    pthread_mutex_lock(&c->lock);
    const bool lost = c->lost;
    pthread_mutex_unlock(&c->lock);
    return lost ? dli_fail(err, DL4C_E_STATE, "features",
                           "another process took over what this one did in %.300s: there was no sign of life for %d s", c->folder,
                           PATIENCE_MS / 1000)
                : DL4C_OK;
}

void dli_claim_release(struct dli_claim **claim)
{
    struct dli_claim *c = *claim;
    *claim = NULL;
    if (!c)
        return;
    if (c->running) {
        pthread_mutex_lock(&c->lock);
        c->stop = true;
        pthread_cond_broadcast(&c->ending);
        pthread_mutex_unlock(&c->lock);
        pthread_join(c->thread, NULL);
    }
    pthread_mutex_destroy(&c->lock);
    pthread_cond_destroy(&c->ending);
    const int32_t *flag = dl4c_fs_watch(NULL); /* a run that was cancelled goes too */
    dl4c_fs_remove(c->ctx, c->uri, NULL);
    dl4c_fs_watch(flag);
    destroy(c);
}
