/* SPDX-License-Identifier: Apache-2.0 */
/* A host's file system: files in memory. It knows the public header only, as a host's would. */
#include "memory_fs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct writer {
    char name[64];
    char *bytes;
    size_t size;
};

static void full_name(char out[64], const char *authority, const char *path) { snprintf(out, 64, "%s%s", authority, path); }

static dl4c_status fail(struct dl4c_error *err, dl4c_status status, const char *message)
{
    err->status = status;
    snprintf(err->origin, sizeof err->origin, "mem");
    snprintf(err->message, sizeof err->message, "%s", message);
    return status;
}

void memory_fs_put(struct memory_fs *fs, const char *name, const void *bytes, size_t size)
{
    struct memory_file *f = (struct memory_file *)memory_fs_find(fs, name);
    if (!f)
        f = &fs->files[fs->n_files++];
    free(f->bytes);
    snprintf(f->name, sizeof f->name, "%s", name);
    f->bytes = malloc(size + 1);
    memcpy(f->bytes, bytes, size);
    f->size = size;
}

const struct memory_file *memory_fs_find(const struct memory_fs *fs, const char *name)
{
    for (int i = 0; i < fs->n_files; i++)
        if (strcmp(fs->files[i].name, name) == 0)
            return &fs->files[i];
    return NULL;
}

void memory_fs_clear(struct memory_fs *fs)
{
    for (int i = 0; i < fs->n_files; i++)
        free(fs->files[i].bytes);
    memset(fs, 0, sizeof *fs);
}

void memory_fs_release(void *user) { ((struct memory_fs *)user)->released++; }

static dl4c_status open_read(void *user, const char *authority, const char *path, void **file, int64_t *size_bytes, struct dl4c_error *err)
{
    struct memory_fs *fs = user;
    char name[64];
    full_name(name, authority, path);
    if (fs->silent)
        return fs->silent;
    const struct memory_file *f = memory_fs_find(fs, name);
    if (!f)
        return fail(err, DL4C_E_NOTFOUND, "no such file in memory");
    *file = (void *)(uintptr_t)f;
    *size_bytes = (int64_t)f->size + fs->lie;
    __atomic_fetch_add(&fs->open_files, 1, __ATOMIC_RELAXED);
    return DL4C_OK;
}

static dl4c_status read_at(void *user, void *file, int64_t offset, void *buffer, size_t size, size_t *got, struct dl4c_error *err)
{
    struct memory_fs *fs = user;
    const struct memory_file *f = file;
    (void)err;
    __atomic_fetch_add(&fs->reads, 1, __ATOMIC_RELAXED);
    if (fs->silent)
        return fs->silent;
    size_t n = (size_t)offset < f->size ? f->size - (size_t)offset : 0;
    n = n < size ? n : size;
    n = fs->short_reads && fs->short_reads < n ? fs->short_reads : n;
    memcpy(buffer, f->bytes + (n ? offset : 0), n);
    *got = fs->read_too_much ? size + 1 : n;
    return DL4C_OK;
}

static dl4c_status map(void *user, void *file, const void **bytes, size_t *size, struct dl4c_error *err)
{
    struct memory_fs *fs = user;
    const struct memory_file *f = file;
    fs->maps++;
    if (!fs->map_works)
        return fail(err, DL4C_E_UNSUPPORTED, "no mapping");
    *bytes = f->bytes;
    *size = f->size;
    return DL4C_OK;
}

static void close_read(void *user, void *file)
{
    (void)file;
    __atomic_fetch_sub(&((struct memory_fs *)user)->open_files, 1, __ATOMIC_RELAXED);
}

static dl4c_status create(void *user, const char *authority, const char *path, void **file, struct dl4c_error *err)
{
    struct memory_fs *fs = user;
    (void)err;
    if (fs->silent)
        return fs->silent;
    struct writer *w = calloc(1, sizeof *w);
    full_name(w->name, authority, path);
    *file = w;
    fs->open_writers++;
    return DL4C_OK;
}

static dl4c_status write_bytes(void *user, void *file, const void *bytes, size_t size, struct dl4c_error *err)
{
    struct memory_fs *fs = user;
    struct writer *w = file;
    if (fs->full_at && w->size + size > (size_t)fs->full_at)
        return fail(err, DL4C_E_IO, "the memory disk is full");
    w->bytes = realloc(w->bytes, w->size + size);
    memcpy(w->bytes + w->size, bytes, size);
    w->size += size;
    return DL4C_OK;
}

static void abandon(void *user, void *file)
{
    struct memory_fs *fs = user;
    struct writer *w = file;
    free(w->bytes);
    free(w);
    fs->open_writers--;
}

static dl4c_status commit(void *user, void *file, struct dl4c_error *err)
{
    struct memory_fs *fs = user;
    const struct writer *w = file;
    dl4c_status status = DL4C_OK;
    if (fs->commit_fails)
        status = fail(err, DL4C_E_IO, "the memory disk went away");
    else
        memory_fs_put(fs, w->name, w->bytes ? w->bytes : "", w->size);
    abandon(user, file);
    return status;
}

static dl4c_status stat_name(void *user, const char *authority, const char *path, struct dl4c_fs_stat *out, struct dl4c_error *err)
{
    struct memory_fs *fs = user;
    char name[64];
    full_name(name, authority, path);
    if (fs->silent)
        return fs->silent;
    const struct memory_file *f = memory_fs_find(fs, name);
    if (!f)
        return fail(err, DL4C_E_NOTFOUND, "no such file in memory");
    out->kind = DL4C_FS_FILE;
    out->size_bytes = (int64_t)f->size;
    return DL4C_OK;
}

static dl4c_status list(void *user, const char *authority, const char *path, dl4c_fs_list_fn fn, void *arg, struct dl4c_error *err)
{
    const struct memory_fs *fs = user;
    char name[64];
    (void)err;
    full_name(name, authority, path);
    const size_t n = strlen(name);
    if (fn(arg, "..", NULL) != 0 || (fs->listed && fn(arg, fs->listed, NULL) != 0))
        return DL4C_OK;
    for (int i = fs->n_files - 1; i >= 0; i--)
        if (strncmp(fs->files[i].name, name, n) == 0) {
            struct dl4c_fs_stat s = DL4C_FS_STAT_INIT;
            s.kind = DL4C_FS_FILE;
            s.size_bytes = (int64_t)fs->files[i].size;
            if (fn(arg, fs->files[i].name + n, &s) != 0)
                return DL4C_OK;
        }
    return DL4C_OK;
}

static dl4c_status rename_file(void *user, const char *authority, const char *from, const char *to, struct dl4c_error *err)
{
    char name[64];
    full_name(name, authority, from);
    struct memory_file *f = (struct memory_file *)memory_fs_find(user, name);
    if (!f)
        return fail(err, DL4C_E_NOTFOUND, "no such file in memory");
    full_name(f->name, authority, to);
    return DL4C_OK;
}

const struct dl4c_fs_ops memory_fs_ops = {
    .struct_size = sizeof(struct dl4c_fs_ops),
    .scheme = "mem",
    .open_read = open_read,
    .read_at = read_at,
    .map = map,
    .close_read = close_read,
    .create = create,
    .write = write_bytes,
    .commit = commit,
    .abandon = abandon,
    .stat = stat_name,
    .list = list,
    .rename = rename_file,
};
