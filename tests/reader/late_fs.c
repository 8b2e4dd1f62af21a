/* SPDX-License-Identifier: Apache-2.0 */
/* A host's file system whose files come late. It knows the public header only, as a host's would. */
#define _POSIX_C_SOURCE 200809L
#include "late_fs.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

struct load {
    struct late_plan plan;
    char *bytes;
    size_t size;
    int64_t due_ns, wanted, announced;
    int failed;
};

static int64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static dl4c_status fail(struct dl4c_error *err, dl4c_status status, const char *what, const char *path)
{
    err->status = status;
    snprintf(err->origin, sizeof err->origin, "late");
    snprintf(err->message, sizeof err->message, "%.300s: %s", path, what);
    return status;
}

static struct late_plan plan_of(struct late *l, const char *path)
{
    struct late_plan found = { .status = DL4C_OK };
    pthread_mutex_lock(&l->lock);
    for (int i = LATE_PLANS - 1; i >= 0; i--)
        if (l->plan[i].part[0] && strstr(path, l->plan[i].part))
            found = l->plan[i];
    pthread_mutex_unlock(&l->lock);
    return found;
}

static void local(const struct late *l, const char *path, char to[1024]) { snprintf(to, 1024, "%s%.600s", l->dir, path); }

static char *slurp(const char *path, size_t *size)
{
    struct stat st;
    FILE *f = fopen(path, "rb");
    if (!f || fstat(fileno(f), &st) != 0 || !S_ISREG(st.st_mode)) {
        if (f)
            fclose(f);
        return NULL;
    }
    char *bytes = malloc((size_t)st.st_size + 1);
    *size = fread(bytes, 1, (size_t)st.st_size, f);
    fclose(f);
    return bytes;
}

static void nap(int64_t ns)
{
    const struct timespec t = { 0, (long)(ns < 2000000 ? ns : 2000000) };
    nanosleep(&t, NULL);
}

/* ---- read ahead ---- */

static dl4c_status load_start(void *user, const char *authority, const char *path, int64_t size, int64_t limit, void **out,
                              struct dl4c_error *err)
{
    struct late *l = user;
    struct load *x = calloc(1, sizeof *x);
    char name[1024];
    uint32_t h = l->seed * 2654435761u + 12345u;
    (void)authority;
    (void)err;
    local(l, path, name);
    for (const char *p = path; *p; p++)
        h = (h ^ (unsigned char)*p) * 16777619u;
    x->plan = plan_of(l, path);
    x->bytes = slurp(name, &x->size);
    x->wanted = size;
    x->announced = size >= 0 ? size : limit;
    x->due_ns = now_ns() + (l->most_ms ? (int64_t)(h >> 8) % (l->most_ms * 1000) * 1000 : 0);
    if (!x->bytes)
        x->plan.status = DL4C_E_NOTFOUND;
    else if (limit > 0 && (x->plan.seems ? x->plan.seems : (int64_t)x->size) > limit)
        x->plan.status = DL4C_E_LIMIT;
    else if (size >= 0 && size != (int64_t)x->size)
        x->plan.status = DL4C_E_CORRUPT;
    pthread_mutex_lock(&l->lock);
    l->started++;
    l->unsized += size < 0;
    l->crowded += (size > 64 << 20 && l->live > 0) || l->bytes > 64 << 20;
    if (++l->live > l->most_live)
        l->most_live = l->live;
    l->bytes += x->announced;
    if (l->bytes > l->most_bytes)
        l->most_bytes = l->bytes;
    pthread_mutex_unlock(&l->lock);
    *out = x;
    return DL4C_OK;
}

static dl4c_status load_wait(void *user, void *load, int64_t timeout_ms, const void **bytes, size_t *size, struct dl4c_error *err)
{
    struct late *l = user;
    struct load *x = load;
    const int64_t until = timeout_ms < 0 ? INT64_MAX : now_ns() + timeout_ms * 1000000;
    for (int64_t now; (now = now_ns()) < x->due_ns || x->plan.stalls;) {
        if (dl4c_fs_cancelled())
            return fail(err, DL4C_E_CANCELLED, "nobody wants it", "load");
        if (now >= until)
            return DL4C_E_BUSY;
        const int64_t left = x->plan.stalls ? 2000000 : x->due_ns - now;
        nap(left < until - now ? left : until - now);
    }
    if (x->plan.status != DL4C_OK) {
        pthread_mutex_lock(&l->lock);
        l->failed += !x->failed;
        pthread_mutex_unlock(&l->lock);
        x->failed = 1;
        return fail(err, x->plan.status, "as it was planned", "load");
    }
    *bytes = x->bytes;
    *size = x->plan.cut ? x->size / 2 : x->size;
    return DL4C_OK;
}

static void load_end(void *user, void *load)
{
    struct late *l = user;
    struct load *x = load;
    pthread_mutex_lock(&l->lock);
    l->live--;
    l->bytes -= x->announced;
    pthread_mutex_unlock(&l->lock);
    free(x->bytes);
    free(x);
}

/* ---- the rest ---- */

static dl4c_status open_read(void *user, const char *authority, const char *path, void **file, int64_t *size, struct dl4c_error *err)
{
    struct late *l = user;
    char name[1024];
    (void)authority;
    struct load *x = calloc(1, sizeof *x);
    local(l, path, name);
    x->bytes = slurp(name, &x->size);
    if (!x->bytes) {
        free(x);
        return fail(err, DL4C_E_NOTFOUND, "no such file", path);
    }
    pthread_mutex_lock(&l->lock);
    l->opened++;
    pthread_mutex_unlock(&l->lock);
    *file = x;
    *size = (int64_t)x->size;
    return DL4C_OK;
}

static dl4c_status read_at(void *user, void *file, int64_t offset, void *to, size_t size, size_t *got, struct dl4c_error *err)
{
    const struct load *x = file;
    (void)user;
    (void)err;
    const size_t left = (size_t)offset < x->size ? x->size - (size_t)offset : 0;
    *got = size < left ? size : left;
    memcpy(to, x->bytes + offset, *got);
    return DL4C_OK;
}

static void close_read(void *user, void *file)
{
    struct load *x = file;
    (void)user;
    free(x->bytes);
    free(x);
}

static int look(struct late *l, const char *path, struct dl4c_fs_stat *out)
{
    char name[1024];
    struct stat st;
    local(l, path, name);
    if (stat(name, &st) != 0)
        return 0;
    const struct late_plan plan = plan_of(l, path);
    out->kind = S_ISDIR(st.st_mode) ? DL4C_FS_DIRECTORY : DL4C_FS_FILE;
    out->size_bytes = out->kind == DL4C_FS_DIRECTORY ? 0 : plan.listed ? plan.listed : (int64_t)st.st_size;
    return 1;
}

static dl4c_status stat_name(void *user, const char *authority, const char *path, struct dl4c_fs_stat *out, struct dl4c_error *err)
{
    struct late *l = user;
    (void)authority;
    pthread_mutex_lock(&l->lock);
    l->stats++;
    pthread_mutex_unlock(&l->lock);
    return look(l, path, out) ? DL4C_OK : fail(err, DL4C_E_NOTFOUND, "no such name", path);
}

static dl4c_status list(void *user, const char *authority, const char *path, dl4c_fs_list_fn fn, void *arg, struct dl4c_error *err)
{
    struct late *l = user;
    char name[1024], full[900];
    (void)authority;
    local(l, path, name);
    DIR *d = opendir(name);
    if (!d)
        return fail(err, DL4C_E_NOTFOUND, "no such directory", path);
    pthread_mutex_lock(&l->lock);
    l->lists++;
    pthread_mutex_unlock(&l->lock);
    for (struct dirent *e; (e = readdir(d));) {
        struct dl4c_fs_stat st = DL4C_FS_STAT_INIT;
        snprintf(full, sizeof full, "%.500s/%.300s", path, e->d_name);
        if (look(l, full, &st) && fn(arg, e->d_name, &st) != 0)
            break;
    }
    closedir(d);
    return DL4C_OK;
}

const struct dl4c_fs_ops late_ops = {
    .struct_size = sizeof(struct dl4c_fs_ops),
    .scheme = "late",
    .open_read = open_read,
    .read_at = read_at,
    .close_read = close_read,
    .stat = stat_name,
    .list = list,
    .load_start = load_start,
    .load_wait = load_wait,
    .load_end = load_end,
};

void late_init(struct late *l, const char *dir)
{
    memset(l, 0, sizeof *l);
    snprintf(l->dir, sizeof l->dir, "%s", dir);
    pthread_mutex_init(&l->lock, NULL);
}

void late_free(struct late *l) { pthread_mutex_destroy(&l->lock); }

dl4c_context *late_context(struct late *l, const struct dl4c_context_options *options)
{
    struct dl4c_error err = DL4C_ERROR_INIT;
    dl4c_context *ctx = NULL;
    if (dl4c_context_create(options, &ctx, &err) != DL4C_OK || dl4c_fs_register(ctx, &late_ops, l, NULL, &err) != DL4C_OK) {
        fprintf(stderr, "%s\n", err.message);
        exit(99);
    }
    l->live = l->most_live = l->started = l->unsized = l->opened = l->lists = l->stats = l->crowded = l->failed = 0;
    l->bytes = l->most_bytes = 0;
    return ctx;
}
