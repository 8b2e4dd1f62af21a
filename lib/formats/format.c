/* SPDX-License-Identifier: Apache-2.0 */
/* Loading and saving models: which format, then that format's own functions. */
#include "formats/format.h"
#include "fs/fs.h"

#include <stdio.h>
#include <string.h>

#define DLI_FORMAT(name) extern const struct dli_format dli_format_##name;
#include "format_list.inc"
#undef DLI_FORMAT

static const struct dli_format *const formats[] = {
#define DLI_FORMAT(name) &dli_format_##name,
#include "format_list.inc"
#undef DLI_FORMAT
};
enum { N_FORMATS = sizeof formats / sizeof formats[0] };

const struct dli_format *dli_format_at(int32_t i) { return i >= 0 && i < N_FORMATS ? formats[i] : NULL; }

const struct dli_format *dli_format_find(const char *name)
{
    for (int32_t i = 0; i < N_FORMATS; i++)
        if (strcmp(formats[i]->name, name) == 0)
            return formats[i];
    return NULL;
}

dl4c_status dl4c_format_get(dl4c_context *ctx, int32_t i, const char **name, int32_t *directions, struct dl4c_error *err)
{
    const struct dli_format *f = dli_format_at(i);
    if (name)
        *name = f ? f->name : NULL;
    if (directions)
        *directions = f ? (f->load ? 1 : 0) + (f->save ? 2 : 0) : 0;
    if (!f)
        return dli_fail(err, DL4C_E_NOTFOUND, "model", "there are %d formats, number %" PRId32 " was asked for", (int)N_FORMATS, i);
    return DL4C_OK;
}

/* "dl4j, onnx" of those that can be read (or written), for messages. */
static const char *names(bool save, char *buf, size_t size)
{
    size_t at = 0;
    buf[0] = 0;
    for (int32_t i = 0; i < N_FORMATS; i++) {
        if (!(save ? formats[i]->save != NULL : formats[i]->load != NULL))
            continue;
        const size_t n = strlen(formats[i]->name), comma = at > 0 ? 2 : 0;
        if (at + comma + n + 1 > size)
            break;
        memcpy(buf + at, ", ", comma);
        memcpy(buf + at + comma, formats[i]->name, n + 1);
        at += comma + n;
    }
    return buf;
}

static dl4c_status by_name(const char *name, const struct dli_format **f, struct dl4c_error *err)
{
    *f = dli_format_find(name);
    if (!*f)
        return dli_fail(err, DL4C_E_UNSUPPORTED, "model", "there is no model format \"%.60s\"; there are %s", name,
                        names(false, (char[128]){ 0 }, 128));
    return DL4C_OK;
}

static dl4c_status by_content(const struct dli_model_bytes *from, const struct dli_format **f, struct dl4c_error *err)
{
    if (from->size == 0)
        return dli_fail(err, DL4C_E_CORRUPT, "model", "the file is empty");
    for (int32_t i = 0; i < N_FORMATS; i++)
        if (formats[i]->sniff(from->bytes, from->size)) {
            *f = formats[i];
            return DL4C_OK;
        }
    return dli_fail(err, DL4C_E_UNSUPPORTED, "model", "%zu bytes that begin with %02x %02x are no known model format; there are %s",
                    from->size, from->bytes[0], from->size > 1 ? from->bytes[1] : 0, names(false, (char[128]){ 0 }, 128));
}

/* f NULL: as the bytes look. */
static dl4c_status load_by(const struct dli_format *f, dl4c_context *ctx, const struct dli_model_bytes *from,
                           const struct dl4c_load_options *o, dl4c_graph **graph, struct dl4c_error *err)
{
    if (!f)
        DLI_TRY(o->format ? by_name(o->format, &f, err) : by_content(from, &f, err));
    if (!f->load)
        return dli_fail(err, DL4C_E_UNSUPPORTED, "model", "%s is written only", f->name);
    struct dli_watch watch;
    dli_watch_init(&watch, "load", o->progress, o->progress_user, o->cancel, o->timeout_ms);
    dl4c_graph *g = NULL;
    dl4c_status status = dli_watch_check(&watch, err);
    if (status == DL4C_OK)
        status = f->load(ctx, from, &watch, &g, err);
    if (status == DL4C_OK)
        *graph = g;
    return status;
}

static dl4c_status read_options(struct dl4c_load_options *o, const struct dl4c_load_options *options, struct dl4c_error *err)
{
    DLI_TRY(dli_struct_in(o, sizeof *o, options, "model", err));
    if (o->flags)
        return dli_fail(err, DL4C_E_INVALID, "model", "flags of the load options must be 0");
    return DL4C_OK;
}

static void close_file(void *cookie)
{
    dl4c_fs_file *file = cookie;
    dl4c_fs_close(&file);
}

static void forget_part(void *cookie, size_t offset, size_t bytes) { dli_fs_forget(cookie, offset, bytes); }

/* Takes the file. */
static dl4c_status map_file(dl4c_context *ctx, dl4c_fs_file *file, struct dli_blob **blob, struct dl4c_error *err)
{
    const void *bytes = NULL;
    size_t size = 0;
    dl4c_status status = dl4c_fs_bytes(file, &bytes, &size, err);
    *blob = NULL;
    if (status == DL4C_OK && size == 0)
        status = dli_fail(err, DL4C_E_CORRUPT, "model", "the file is empty");
    if (status == DL4C_OK)
        status = dli_blob_wrap(ctx, bytes, size, close_file, file, blob, err);
    if (status != DL4C_OK) {
        dl4c_fs_close(&file);
        return status;
    }
    (*blob)->mapped = dli_fs_is_mapped(file);
    (*blob)->forget = forget_part;
    return DL4C_OK;
}

dl4c_status dli_format_map(dl4c_context *ctx, const char *uri, struct dli_blob **blob, struct dl4c_error *err)
{
    dl4c_fs_file *file = NULL;
    *blob = NULL;
    DLI_TRY(dl4c_fs_open(ctx, uri, &file, err));
    return map_file(ctx, file, blob, err);
}

/* The format that streams, where the name or the first bytes say one; else NULL. */
static dl4c_status streaming(dl4c_fs_file *file, const char *name, const struct dli_format **f, struct dl4c_error *err)
{
    uint8_t head[64];
    const size_t n = dl4c_fs_size(file) < (int64_t)sizeof head ? (size_t)dl4c_fs_size(file) : sizeof head;
    *f = NULL;
    if (name) {
        DLI_TRY(by_name(name, f, err));
        *f = (*f)->streams ? *f : NULL;
        return DL4C_OK;
    }
    DLI_TRY(dl4c_fs_read_at(file, 0, head, n, err));
    for (int32_t i = 0; i < N_FORMATS && !*f; i++)
        if (formats[i]->streams && formats[i]->sniff(head, n))
            *f = formats[i];
    return DL4C_OK;
}

static dl4c_status load_file(dl4c_context *ctx, const char *uri, const struct dl4c_load_options *o, dl4c_graph **graph,
                             struct dl4c_error *err)
{
    struct dli_model_bytes from = { .uri = uri };
    const struct dli_format *f = NULL;
    DLI_TRY(dl4c_fs_open(ctx, uri, &from.file, err));
    dl4c_status status = streaming(from.file, o->format, &f, err);
    if (status == DL4C_OK && f && dl4c_fs_size(from.file) > 0) {
        from.size = (size_t)dl4c_fs_size(from.file);
        status = load_by(f, ctx, &from, o, graph, err);
    } else if (status == DL4C_OK) {
        dl4c_fs_file *file = from.file;
        from.file = NULL;
        status = map_file(ctx, file, &from.blob, err);
        if (status == DL4C_OK) {
            from.bytes = from.blob->data;
            from.size = from.blob->bytes;
            status = load_by(NULL, ctx, &from, o, graph, err);
        }
    }
    dl4c_fs_close(&from.file);
    dli_blob_unref(from.blob);
    return status;
}

dl4c_status dl4c_model_load(dl4c_context *ctx, const char *uri, const struct dl4c_load_options *options, dl4c_graph **graph,
                            struct dl4c_error *err)
{
    if (!graph)
        return dli_fail(err, DL4C_E_INVALID, "model", "graph is NULL");
    *graph = NULL;
    if (!uri)
        return dli_fail(err, DL4C_E_INVALID, "model", "uri is NULL");
    struct dl4c_load_options o;
    DLI_TRY(read_options(&o, options, err));
    ctx = dli_context_ref(ctx, err);
    if (!ctx)
        return DL4C_E_NOMEM;
    const dl4c_status status = load_file(ctx, uri, &o, graph, err);
    if (status != DL4C_OK && err && !strstr(err->message, uri)) /* fs names the file itself */
        dli_fail_prefix(err, status, "%.200s", uri);
    dli_context_unref(ctx);
    return status;
}

dl4c_status dl4c_model_load_memory(dl4c_context *ctx, const void *bytes, size_t size, const struct dl4c_load_options *options,
                                   dl4c_graph **graph, struct dl4c_error *err)
{
    if (!graph)
        return dli_fail(err, DL4C_E_INVALID, "model", "graph is NULL");
    *graph = NULL;
    if (!bytes && size > 0)
        return dli_fail(err, DL4C_E_INVALID, "model", "bytes is NULL");
    struct dl4c_load_options o;
    DLI_TRY(read_options(&o, options, err));
    ctx = dli_context_ref(ctx, err);
    if (!ctx)
        return DL4C_E_NOMEM;
    const struct dli_model_bytes from = { .bytes = bytes, .size = size };
    const dl4c_status status = load_by(NULL, ctx, &from, &o, graph, err);
    dli_context_unref(ctx);
    return status;
}

/* ASCII lower case, whatever the locale says. */
static char lower(char c) { return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c; }

static bool ends_with(const char *text, const char *end)
{
    const size_t n = strlen(text), m = strlen(end);
    if (n < m)
        return false;
    for (size_t i = 0; i < m; i++)
        if (lower(text[n - m + i]) != end[i])
            return false;
    return true;
}

static dl4c_status by_extension(const char *uri, const struct dli_format **f, struct dl4c_error *err)
{
    const char *query = strchr(uri, '?');
    char path[1024];
    *f = NULL;
    const size_t n = query && strstr(uri, "://") ? (size_t)(query - uri) : strlen(uri);
    const size_t from = n >= sizeof path ? n - sizeof path + 1 : 0;
    memcpy(path, uri + from, n - from);
    path[n - from] = 0;
    for (int32_t i = 0; i < N_FORMATS; i++)
        for (const char *const *e = formats[i]->extensions; e && *e; e++)
            if (ends_with(path, *e)) {
                *f = formats[i];
                return DL4C_OK;
            }
    char known[128] = "";
    size_t used = 0;
    for (int32_t i = 0; i < N_FORMATS; i++)
        for (const char *const *e = formats[i]->save ? formats[i]->extensions : NULL; e && *e && used < sizeof known; e++)
            used += (size_t)snprintf(known + used, sizeof known - used, "%s%s", used ? ", " : "", *e);
    return dli_fail(err, DL4C_E_UNSUPPORTED, "model", "%.200s: no format is written under such a name, wanted one that ends with %s", uri,
                    known);
}

/* uri NULL: into memory. */
static dl4c_status save_to(dl4c_graph *graph, const struct dli_format *f, const char *uri, struct dli_fs_memory *memory,
                           const struct dl4c_save_options *o, struct dl4c_error *err)
{
    struct dli_watch watch;
    dli_watch_init(&watch, "save", o->progress, o->progress_user, o->cancel, o->timeout_ms);
    DLI_TRY(dli_watch_check(&watch, err));
    DLI_TRY(dli_graph_begin_run(graph, "model", err));
    dl4c_fs_writer *writer = NULL;
    const struct dli_model_save how = { .updater = o->updater != 0 };
    dl4c_status status;
    DLI_GOTO(uri ? dl4c_fs_create(graph->ctx, uri, &writer, err) : dli_fs_create_memory(graph->ctx, memory, &writer, err), done);
    DLI_GOTO(f->save(graph, &how, &watch, writer, err), done);
    status = dl4c_fs_commit(&writer, err);
done:
    dl4c_fs_abandon(&writer);
    dli_graph_end_run(graph);
    return status;
}

static dl4c_status save_options(const struct dl4c_save_options *options, struct dl4c_save_options *o, struct dl4c_error *err)
{
    DLI_TRY(dli_struct_in(o, sizeof *o, options, "model", err));
    if (o->flags || o->reserved)
        return dli_fail(err, DL4C_E_INVALID, "model", "flags and reserved of the save options must be 0");
    return DL4C_OK;
}

dl4c_status dl4c_model_save(dl4c_graph *graph, const char *uri, const struct dl4c_save_options *options, struct dl4c_error *err)
{
    if (!graph || !uri)
        return dli_fail(err, DL4C_E_INVALID, "model", "the graph or uri is NULL");
    struct dl4c_save_options o;
    const struct dli_format *f = NULL;
    DLI_TRY(save_options(options, &o, err));
    DLI_TRY(o.format ? by_name(o.format, &f, err) : by_extension(uri, &f, err));
    if (!f->save)
        return dli_fail(err, DL4C_E_UNSUPPORTED, "model", "%.200s: %s is read only, not written; written are %s", uri, f->name,
                        names(true, (char[128]){ 0 }, 128));
    return save_to(graph, f, uri, NULL, &o, err);
}

dl4c_status dl4c_model_save_memory(dl4c_graph *graph, const struct dl4c_save_options *options, void **bytes, size_t *size,
                                   struct dl4c_error *err)
{
    if (bytes)
        *bytes = NULL;
    if (size)
        *size = 0;
    if (!graph || !bytes || !size)
        return dli_fail(err, DL4C_E_INVALID, "model", "%s is NULL", !graph ? "the graph" : !bytes ? "bytes" : "size");
    struct dl4c_save_options o;
    struct dli_fs_memory memory;
    const struct dli_format *f = NULL;
    DLI_TRY(save_options(options, &o, err));
    DLI_TRY(by_name(o.format ? o.format : "safetensors", &f, err));
    if (!f->save)
        return dli_fail(err, DL4C_E_UNSUPPORTED, "model", "%s is read only, not written; written are %s", f->name,
                        names(true, (char[128]){ 0 }, 128));
    DLI_TRY(save_to(graph, f, NULL, &memory, &o, err));
    *bytes = memory.bytes;
    *size = memory.size;
    return DL4C_OK;
}

dl4c_status dl4c_format_for(dl4c_context *ctx, const char *uri, const char **name, struct dl4c_error *err)
{
    const struct dli_format *f = NULL;
    (void)ctx;
    if (name)
        *name = NULL;
    if (!uri)
        return dli_fail(err, DL4C_E_INVALID, "model", "uri is NULL");
    DLI_TRY(by_extension(uri, &f, err));
    if (!f->save)
        return dli_fail(err, DL4C_E_UNSUPPORTED, "model", "%.200s: %s is read only, not written; written are %s", uri, f->name,
                        names(true, (char[128]){ 0 }, 128));
    if (name)
        *name = f->name;
    return DL4C_OK;
}
