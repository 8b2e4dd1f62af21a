/* SPDX-License-Identifier: Apache-2.0 */
/* The transports of a context. */
#include "transport/module.h"
#include "transport/transport.h"

#include <string.h>

static void free_one(struct dli_transport *t)
{
    if (t->release)
        t->release(t->user);
    dli_free(t);
}

static void free_all(void *slot)
{
    for (struct dli_transport *t = slot, *next; t; t = next) {
        next = t->next;
        free_one(t);
    }
}

static struct dli_transport *look_up(dl4c_context *ctx, const char *name, size_t n)
{
    struct dli_transport *t = ctx->slot[DLI_SLOT_TRANSPORT];
    while (t && (strlen(t->name) != n || memcmp(t->name, name, n) != 0))
        t = t->next;
    return t;
}

/* Letters of a URL scheme that are there from the start of the text. */
static size_t scheme_length(const char *text)
{
    size_t n = 0;
    for (; text[n]; n++) {
        const char c = text[n];
        const bool lower = c >= 'a' && c <= 'z';
        if (!lower && (n == 0 || !((c >= '0' && c <= '9') || c == '+' || c == '-' || c == '.')))
            break;
    }
    return n;
}

static dl4c_status check_ops(const struct dl4c_transport_ops *o, struct dl4c_error *err)
{
    const size_t n = o->name ? scheme_length(o->name) : 0;
    if (n < 1 || n > 31 || o->name[n])
        return dli_fail(err, DL4C_E_INVALID, "transport",
                        "\"%.60s\" is not a name of a transport: 1 to 31 small letters, after the first also digits, '+', '-' and '.'",
                        o->name ? o->name : "");
    if (!o->join || !o->leave || !o->members || !o->send || !o->recv)
        return dli_fail(err, DL4C_E_INVALID, "transport", "%s lacks join, leave, members, send or recv", o->name);
    if (o->share && !o->barrier)
        return dli_fail(err, DL4C_E_INVALID, "transport", "%s has share but lacks barrier", o->name);
    return DL4C_OK;
}

static dl4c_status make(dl4c_context *ctx, const struct dl4c_transport_ops *ops, void *user, void (*release)(void *user),
                        struct dli_transport **out, struct dl4c_error *err)
{
    struct dl4c_transport_ops o;
    if (!ops)
        return dli_fail(err, DL4C_E_INVALID, "transport", "the table of functions is NULL");
    DLI_TRY(dli_struct_in(&o, sizeof o, ops, "transport", err));
    DLI_TRY(check_ops(&o, err));
    struct dli_transport *t = dli_calloc(ctx, 1, sizeof *t, err);
    if (!t)
        return dli_alloc_status();
    t->ops = o;
    memcpy(t->name, o.name, strlen(o.name) + 1);
    t->ops.name = t->name;
    t->user = user;
    t->release = release;
    *out = t;
    return DL4C_OK;
}

/* Under the lock. Takes t only where it succeeds. */
static dl4c_status add(dl4c_context *ctx, struct dli_transport *t, struct dl4c_error *err)
{
    if (look_up(ctx, t->name, strlen(t->name)))
        return dli_fail(err, DL4C_E_EXISTS, "transport", "a transport \"%s\" is registered already", t->name);
    t->next = ctx->slot[DLI_SLOT_TRANSPORT];
    ctx->slot[DLI_SLOT_TRANSPORT] = t;
    ctx->slot_release[DLI_SLOT_TRANSPORT] = free_all;
    return DL4C_OK;
}

static dl4c_status add_one(dl4c_context *ctx, const struct dl4c_transport_ops *ops, void *user, void (*release)(void *user),
                           struct dl4c_error *err)
{
    struct dli_transport *t;
    DLI_TRY(make(ctx, ops, user, release, &t, err));
    return add(ctx, t, err);
}

/* The built-in ones are added when somebody first asks; threads comes last, so that all are there where it is. */
static dl4c_status add_built_in(dl4c_context *ctx, struct dl4c_error *err)
{
    const struct dl4c_transport_ops *tcp[] = { &dli_transport_tcp, &dli_transport_tcp_plain };
    const char *name = dli_transport_threads.name;
    void *hub;
    if (look_up(ctx, name, strlen(name)))
        return DL4C_OK;
    for (size_t i = 0; i < sizeof tcp / sizeof *tcp; i++)
        if (!look_up(ctx, tcp[i]->name, strlen(tcp[i]->name)))
            DLI_TRY(add_one(ctx, tcp[i], ctx, NULL, err));
    DLI_TRY(dli_threads_hub(ctx, &hub, err));
    const dl4c_status status = add_one(ctx, &dli_transport_threads, hub, dli_threads_release, err);
    if (status != DL4C_OK)
        dli_threads_release(hub);
    return status;
}

/* One in a module of its own, if that is its name; else *t stays NULL. */
static dl4c_status load(dl4c_context *ctx, const char *name, size_t n, struct dli_transport **t, struct dl4c_error *err)
{
    struct dl4c_transport_ops ops;
    void *user = NULL;
    void (*release)(void *user) = NULL;
    if (n != 3 || memcmp(name, "mpi", 3) != 0)
        return DL4C_OK;
    DLI_TRY(dli_module_load(ctx, "mpi", &ops, &user, &release, err));
    const dl4c_status status = add_one(ctx, &ops, user, release, err);
    if (status != DL4C_OK)
        release(user);
    *t = look_up(ctx, name, n);
    return status;
}

dl4c_status dl4c_transport_register(dl4c_context *ctx, const struct dl4c_transport_ops *ops, void *user, void (*release)(void *user),
                                    struct dl4c_error *err)
{
    struct dli_transport *t = NULL;
    dl4c_status status = DL4C_E_NOMEM;
    ctx = dli_context(ctx, err);
    if (ctx)
        status = make(ctx, ops, user, release, &t, err);
    if (status == DL4C_OK) {
        pthread_mutex_lock(&ctx->lock);
        status = add_built_in(ctx, err);
        if (status == DL4C_OK)
            status = add(ctx, t, err);
        pthread_mutex_unlock(&ctx->lock);
    }
    if (status != DL4C_OK) {
        dli_free(t);
        if (release)
            release(user);
    }
    return status;
}

dl4c_status dli_transport_find(dl4c_context *ctx, const char *url, const struct dli_transport **transport, struct dl4c_error *err)
{
    const size_t n = scheme_length(url);
    if (n == 0 || (url[n] && url[n] != ':'))
        return dli_fail(err, DL4C_E_INVALID, "transport",
                        "\"%.200s\" does not begin with the name of a transport, as \"threads:NAME\" does", url);
    pthread_mutex_lock(&ctx->lock);
    dl4c_status status = add_built_in(ctx, err);
    struct dli_transport *found = status == DL4C_OK ? look_up(ctx, url, n) : NULL;
    if (status == DL4C_OK && !found)
        status = load(ctx, url, n, &found, err);
    *transport = found;
    pthread_mutex_unlock(&ctx->lock);
    DLI_TRY(status);
    if (!*transport)
        return dli_fail(err, DL4C_E_UNSUPPORTED, "transport",
                        "transport \"%.*s\" is not built into this library, and the host has registered none of this name",
                        n < 60 ? (int)n : 60, url);
    return DL4C_OK;
}
