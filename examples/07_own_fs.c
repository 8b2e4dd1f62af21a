/* SPDX-License-Identifier: Apache-2.0 */
/* A file system of one's own: files in memory under ram://, read and written by the library as if they lay on disk. */
#include <dl4c/dl4c.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST = 16 };

/* One file: also what an open handle is. A file that is being written has no name yet. */
struct file {
    char name[128], final_name[128];
    char *bytes;
    size_t size;
};

/* One thread uses it here. A file system for featurizing is called from several at once, and locks. */
struct ram {
    struct file files[MOST];
};

static dl4c_status fail(struct dl4c_error *err, dl4c_status status, const char *what, const char *name)
{
    err->status = status;
    snprintf(err->origin, sizeof err->origin, "ram");
    snprintf(err->message, sizeof err->message, "%s: %.200s", what, name);
    return status;
}

static struct file *find(struct ram *ram, const char *name)
{
    for (int i = 0; i < MOST; i++)
        if (ram->files[i].name[0] && strcmp(ram->files[i].name, name) == 0)
            return &ram->files[i];
    return NULL;
}

static dl4c_status open_read(void *user, const char *authority, const char *path, void **file, int64_t *size_bytes, struct dl4c_error *err)
{
    struct file *f = find(user, path);
    (void)authority; /* ram://AUTHORITY/path */
    if (!f)
        return fail(err, DL4C_E_NOTFOUND, "no such file", path);
    *file = f;
    *size_bytes = (int64_t)f->size;
    return DL4C_OK;
}

static dl4c_status read_at(void *user, void *file, int64_t offset, void *buffer, size_t size, size_t *got, struct dl4c_error *err)
{
    const struct file *f = file;
    (void)user;
    (void)err;
    *got = (size_t)offset >= f->size ? 0 : f->size - (size_t)offset < size ? f->size - (size_t)offset : size;
    if (*got)
        memcpy(buffer, f->bytes + offset, *got);
    return DL4C_OK;
}

static void close_read(void *user, void *file)
{
    (void)user;
    (void)file;
}

static void abandon(void *user, void *file)
{
    struct file *f = file;
    (void)user;
    free(f->bytes);
    memset(f, 0, sizeof *f);
}

static dl4c_status create(void *user, const char *authority, const char *path, void **file, struct dl4c_error *err)
{
    struct ram *ram = user;
    (void)authority;
    for (int i = 0; i < MOST; i++)
        if (!ram->files[i].name[0] && !ram->files[i].final_name[0]) {
            if (strlen(path) >= sizeof ram->files[i].final_name)
                return fail(err, DL4C_E_INVALID, "the name is too long", path);
            strcpy(ram->files[i].final_name, path);
            *file = &ram->files[i];
            return DL4C_OK;
        }
    return fail(err, DL4C_E_IO, "no room for another file", path);
}

static dl4c_status write_bytes(void *user, void *file, const void *bytes, size_t size, struct dl4c_error *err)
{
    struct file *f = file;
    (void)user;
    char *more = realloc(f->bytes, f->size + size + 1);
    if (!more)
        return fail(err, DL4C_E_NOMEM, "no memory to write", f->final_name);
    memcpy(more + f->size, bytes, size);
    f->bytes = more;
    f->size += size;
    return DL4C_OK;
}

/* Only now the file has its name: nobody ever sees half of one. */
static dl4c_status commit(void *user, void *file, struct dl4c_error *err)
{
    struct file *f = file, *old = find(user, f->final_name);
    (void)err;
    if (old)
        abandon(user, old);
    strcpy(f->name, f->final_name);
    f->final_name[0] = '\0';
    return DL4C_OK;
}

static dl4c_status stat_path(void *user, const char *authority, const char *path, struct dl4c_fs_stat *out, struct dl4c_error *err)
{
    const struct file *f = find(user, path);
    (void)authority;
    if (!f)
        return fail(err, DL4C_E_NOTFOUND, "no such file", path);
    out->kind = DL4C_FS_FILE;
    out->size_bytes = (int64_t)f->size;
    return DL4C_OK;
}

/* When the context goes. */
static void release(void *user)
{
    struct ram *ram = user;
    for (int i = 0; i < MOST; i++)
        free(ram->files[i].bytes);
    free(ram);
}

int main(void)
{
    struct dl4c_error err = DL4C_ERROR_INIT;
    dl4c_context *ctx = NULL;
    dl4c_tensor *t = NULL, *back = NULL, *none = NULL;
    struct dl4c_fs_ops ops;
    const int64_t shape[] = { 2, 3 };

    /* Members that stay NULL answer DL4C_E_UNSUPPORTED: this one has no folders. */
    memset(&ops, 0, sizeof ops);
    ops.struct_size = sizeof ops;
    ops.scheme = "ram";
    ops.open_read = open_read;
    ops.read_at = read_at;
    ops.close_read = close_read;
    ops.create = create;
    ops.write = write_bytes;
    ops.commit = commit;
    ops.abandon = abandon;
    ops.stat = stat_path;

    /* Known in this context only. From here on the context owns the files, also where registering fails. */
    struct ram *ram = calloc(1, sizeof *ram);
    if (!ram)
        return 1;
    if (dl4c_context_create(NULL, &ctx, &err)) {
        release(ram);
        goto done;
    }
    if (dl4c_fs_register(ctx, &ops, ram, release, &err))
        goto done;

    if (dl4c_tensor_create(ctx, DL4C_F32, shape, 2, &t, &err))
        goto done;
    float *x = dl4c_tensor_data(t);
    for (int i = 0; i < 6; i++)
        x[i] = (float)i;
    if (dl4c_tensor_save_npy(t, "ram:///numbers.npy", &err) || dl4c_tensor_load_npy(ctx, "ram:///numbers.npy", &back, &err))
        goto done;
    printf("%lld numbers came back, the last is %g\n", (long long)dl4c_tensor_size(back), ((const float *)dl4c_tensor_data_const(back))[5]);

    /* Its errors come through as they are. */
    struct dl4c_error expected = DL4C_ERROR_INIT;
    if (dl4c_tensor_load_npy(ctx, "ram:///nothing.npy", &none, &expected) == DL4C_E_NOTFOUND)
        printf("%s: %s\n", expected.origin, expected.message);
done:
    dl4c_tensor_unref(&t);
    dl4c_tensor_unref(&back);
    dl4c_tensor_unref(&none);
    dl4c_context_destroy(&ctx);
    if (err.status)
        fprintf(stderr, "%s: %s\n", err.origin, err.message);
    return err.status != DL4C_OK;
}
