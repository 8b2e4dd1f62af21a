/* SPDX-License-Identifier: Apache-2.0 */
/* Which images there are. */
#include "reader/list.h"
#include "base/strbuf.h"
#include "fs/fs.h"
#include "reader/pattern.h"

#include <stdlib.h>
#include <string.h>

enum { MOST_DEPTH = 32, MOST_LIST_BYTES = 1 << 30, CARRIED = sizeof(int64_t) /* before each name */ };

dl4c_status dli_names_add(dl4c_context *ctx, struct dli_names *names, const char *name, struct dl4c_error *err)
{
    DLI_TRY(dli_grow(ctx, &names->name, &names->capacity, (size_t)names->n + 1, sizeof *names->name, err));
    const size_t n = strlen(name) + 1;
    char *block = dli_alloc(ctx, CARRIED + n, err);
    if (!block)
        return dli_alloc_status();
    memcpy(block + CARRIED, name, n);
    names->name[names->n++] = block + CARRIED;
    dli_names_set_bytes(names, names->n - 1, -1);
    return DL4C_OK;
}

static void free_name(char *name)
{
    if (name)
        dli_free(name - CARRIED);
}

int64_t dli_names_bytes(const struct dli_names *names, int64_t i)
{
    int64_t bytes;
    memcpy(&bytes, names->name[i] - CARRIED, sizeof bytes);
    return bytes;
}

void dli_names_set_bytes(struct dli_names *names, int64_t i, int64_t bytes) { memcpy(names->name[i] - CARRIED, &bytes, sizeof bytes); }

void dli_names_free(struct dli_names *names)
{
    for (int64_t i = 0; i < names->n; i++)
        free_name(names->name[i]);
    dli_free(names->name);
    memset(names, 0, sizeof *names);
}

static int by_bytes(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

void dli_names_sort(struct dli_names *names)
{
    if (names->n > 1)
        qsort(names->name, (size_t)names->n, sizeof *names->name, by_bytes);
}

int64_t dli_names_find(const struct dli_names *names, const char *name)
{
    char *const *found = names->n > 0 ? bsearch(&name, names->name, (size_t)names->n, sizeof *names->name, by_bytes) : NULL;
    return found ? found - (char *const *)names->name : -1;
}

/* .jpg, .jpeg, .png and .bmp in any case; hidden files are none. */
static bool is_image(const char *name)
{
    static const char *const known[] = { "jpg", "jpeg", "png", "bmp" };
    const char *dot = strrchr(name, '.');
    if (!dot || dot == name || name[0] == '.')
        return false;
    for (size_t k = 0; k < sizeof known / sizeof *known; k++) {
        size_t i = 0;
        while (known[k][i] && (dot[1 + i] | 0x20) == known[k][i])
            i++;
        if (!known[k][i] && !dot[1 + i])
            return true;
    }
    return false;
}

struct listing {
    dl4c_context *ctx;
    const char *prefix; /* "" or "folder/" */
    int32_t kind;       /* what is wanted: DL4C_FS_DIRECTORY or DL4C_FS_FILE (images) */
    struct dli_names *names, *folders;
    struct dl4c_error err;
};

static int on_name(void *arg, const char *name, const struct dl4c_fs_stat *st)
{
    struct listing *l = arg;
    struct dli_names *to = NULL;
    if (name[0] == '.')
        return 0;
    if (st->kind == DL4C_FS_DIRECTORY)
        to = l->folders;
    else if (st->kind == DL4C_FS_FILE && l->names && is_image(name))
        to = l->names;
    if (!to)
        return 0;
    struct dli_strbuf b;
    char *full;
    dli_strbuf_init(&b, l->ctx);
    dli_strbuf_addf(&b, "%s%s", l->prefix, name);
    dl4c_status status = dli_strbuf_take(&b, &full, &l->err);
    if (status == DL4C_OK) {
        status = dli_names_add(l->ctx, to, full, &l->err);
        dli_free(full);
    }
    if (status == DL4C_OK && st->kind == DL4C_FS_FILE)
        dli_names_set_bytes(to, to->n - 1, st->size_bytes);
    return status != DL4C_OK;
}

/* Adds what lies directly in a folder; either list may be NULL. */
static dl4c_status list_folder(dl4c_context *ctx, const char *uri, const char *prefix, struct dli_names *images, struct dli_names *folders,
                               struct dl4c_error *err)
{
    struct listing l = { .ctx = ctx, .prefix = prefix, .names = images, .folders = folders };
    const dl4c_status status = dl4c_fs_list(ctx, uri, on_name, &l, err);
    if (l.err.status) {
        if (err)
            *err = l.err;
        return l.err.status;
    }
    return status;
}

dl4c_status dli_list_classes(dl4c_context *ctx, const char *uri, struct dli_names *classes, struct dl4c_error *err)
{
    DLI_TRY(list_folder(ctx, uri, "", NULL, classes, err));
    dli_names_sort(classes);
    return DL4C_OK;
}

static dl4c_status list_under(dl4c_context *ctx, const char *uri, const char *folder, struct dli_names *images, struct dli_names *folders,
                              struct dl4c_error *err)
{
    char *inside;
    DLI_TRY(dli_uri_join(ctx, uri, folder, &inside, err));
    struct dli_strbuf b;
    char *prefix;
    dli_strbuf_init(&b, ctx);
    dli_strbuf_addf(&b, "%s/", folder);
    dl4c_status status = dli_strbuf_take(&b, &prefix, err);
    if (status == DL4C_OK) {
        status = list_folder(ctx, inside, prefix, images, folders, err);
        dli_free(prefix);
    }
    dli_free(inside);
    return status;
}

dl4c_status dli_list_images(dl4c_context *ctx, const char *uri, const struct dli_names *classes, struct dli_names *paths,
                            struct dl4c_error *err)
{
    for (int64_t i = 0; i < classes->n; i++) {
        const int64_t before = paths->n;
        DLI_TRY(list_under(ctx, uri, classes->name[i], paths, NULL, err));
        if (paths->n == before)
            dli_log(ctx, DL4C_LOG_WARNING, "reader", "class folder %s of %s has no image", classes->name[i], uri);
    }
    dli_names_sort(paths);
    return DL4C_OK;
}

dl4c_status dli_list_all(dl4c_context *ctx, const char *uri, struct dli_names *paths, struct dl4c_error *err)
{
    struct dli_names level = { 0 }, deeper = { 0 };
    dl4c_status status = list_folder(ctx, uri, "", paths, &level, err);
    for (int depth = 1; status == DL4C_OK && level.n > 0; depth++) {
        if (depth > MOST_DEPTH)
            status = dli_fail(err, DL4C_E_LIMIT, "reader", "%.300s: folders more than %d deep", uri, MOST_DEPTH);
        for (int64_t i = 0; i < level.n && status == DL4C_OK; i++)
            status = list_under(ctx, uri, level.name[i], paths, &deeper, err);
        dli_names_free(&level);
        level = deeper;
        memset(&deeper, 0, sizeof deeper);
    }
    dli_names_free(&level);
    dli_names_sort(paths);
    return status;
}

dl4c_status dli_list_labels(dl4c_context *ctx, const struct dli_names *paths, const char *pattern, int32_t position,
                            struct dli_names *labels, struct dl4c_error *err)
{
    for (int64_t i = 0; i < paths->n; i++) {
        const char *piece;
        size_t n;
        DLI_TRY(dli_pattern_piece(paths->name[i], pattern, position, &piece, &n, err));
        char *label = dli_strndup(ctx, piece, n, err);
        if (!label)
            return dli_alloc_status();
        const dl4c_status status = dli_names_add(ctx, labels, label, err);
        dli_free(label);
        DLI_TRY(status);
    }
    dli_names_sort(labels);
    int64_t kept = 0;
    for (int64_t i = 0; i < labels->n; i++) {
        if (kept > 0 && strcmp(labels->name[kept - 1], labels->name[i]) == 0)
            free_name(labels->name[i]);
        else
            labels->name[kept++] = labels->name[i];
    }
    labels->n = kept;
    return DL4C_OK;
}

dl4c_status dli_list_read(dl4c_context *ctx, const char *uri, struct dli_names *lines, struct dl4c_error *err)
{
    char *text;
    size_t size;
    DLI_TRY(dli_fs_load(ctx, uri, MOST_LIST_BYTES, &text, &size, err));
    dl4c_status status = DL4C_OK;
    if (memchr(text, '\0', size))
        status = dli_fail(err, DL4C_E_CORRUPT, "reader", "%.300s is no text: it has a byte 0", uri);
    const size_t mark = strncmp(text, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0; /* what some editors put before UTF-8 */
    for (char *line = text + mark; status == DL4C_OK && *line;) {
        const size_t n = strcspn(line, "\n");
        char *next = line + n + (line[n] != '\0');
        line[n] = '\0';
        if (n > 0 && line[n - 1] == '\r')
            line[n - 1] = '\0';
        if (line[0])
            status = dli_names_add(ctx, lines, line, err);
        line = next;
    }
    dli_free(text);
    return status;
}

size_t dli_list_class_of(const char *path, const char **class_name)
{
    const char *end = strrchr(path, '/'), *begin = end;
    while (begin && begin > path && begin[-1] != '/')
        begin--;
    *class_name = begin ? begin : path;
    return end ? (size_t)(end - begin) : 0;
}
