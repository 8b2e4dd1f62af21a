/* SPDX-License-Identifier: Apache-2.0 */
/* The record of what a file that is done was made with. */
#include "features/made.h"
#include "features/parts.h"
#include "fs/registry.h"

#include <string.h>

enum { MOST_RECORD = 1 << 20 };

dl4c_status dli_made_beside(dl4c_context *ctx, const char *out, const char *before, const char *after, char **uri, struct dl4c_error *err)
{
    struct dli_uri_parts u;
    struct dli_strbuf b;
    dli_uri_split(out, &u);
    size_t name = u.length;
    while (name > 0 && u.path[name - 1] != '/')
        name--;
    dli_strbuf_init(&b, ctx);
    dli_strbuf_addn(&b, out, u.head + name);
    dli_strbuf_add(&b, before);
    dli_strbuf_addn(&b, u.path + name, u.length - name);
    dli_strbuf_add(&b, after);
    dli_strbuf_add(&b, u.query);
    return dli_strbuf_take(&b, uri, err);
}

static dl4c_status name_record(dl4c_context *ctx, const char *out, char **uri, struct dl4c_error *err)
{
    return dli_made_beside(ctx, out, "_", ".work.json", uri, err);
}

/* As `uri`, by way of a file in `parts` where there is such a folder. */
static dl4c_status save_by(dl4c_context *ctx, const char *parts, const char *uri, const struct dli_strbuf *b, struct dl4c_error *err)
{
    char *made;
    if (!parts)
        return dli_fs_save(ctx, uri, b->text, b->length, err);
    DLI_TRY(dli_uri_join(ctx, parts, DLI_PREDICTIONS_RECORD, &made, err));
    dl4c_status status = dli_fs_save(ctx, made, b->text, b->length, err);
    if (status == DL4C_OK)
        status = dl4c_fs_rename(ctx, made, uri, err);
    dli_free(made);
    return status;
}

dl4c_status dli_made_save(dl4c_context *ctx, const char *out, const char *parts, const char *work, int64_t bytes, const char *sha256,
                          struct dl4c_error *err)
{
    char *uri;
    struct dli_strbuf b;
    DLI_TRY(name_record(ctx, out, &uri, err));
    dli_strbuf_init(&b, ctx);
    dli_strbuf_addf(&b, "{\"bytes\": %" PRId64 ", \"sha256\": \"%s\", \"work\": ", bytes, sha256);
    dli_strbuf_addn(&b, work, strcspn(work, "\n"));
    dli_strbuf_add(&b, "}\n");
    dl4c_status status = b.err.status;
    if (status == DL4C_OK)
        status = save_by(ctx, parts, uri, &b, err);
    else if (err)
        *err = b.err;
    dli_strbuf_free(&b);
    dli_free(uri);
    return status;
}

dl4c_status dli_made_forget(dl4c_context *ctx, const char *out, struct dl4c_error *err)
{
    struct dl4c_error why = DL4C_ERROR_INIT;
    char *uri;
    DLI_TRY(name_record(ctx, out, &uri, err));
    const dl4c_status status = dl4c_fs_remove(ctx, uri, &why);
    dli_free(uri);
    if (status == DL4C_OK || status == DL4C_E_NOTFOUND)
        return DL4C_OK;
    if (err)
        *err = why;
    return status;
}

/* Whether OUT is the file that the record is of. */
static dl4c_status check_bytes(dl4c_context *ctx, const char *out, const json_t *record, struct dl4c_error *err)
{
    struct dl4c_fs_stat st = DL4C_FS_STAT_INIT;
    struct dl4c_fs_checksum there = DL4C_FS_CHECKSUM_INIT;
    const char *sha256 = json_string_value(json_object_get(record, "sha256"));
    DLI_TRY(dl4c_fs_stat_uri(ctx, out, &st, err));
    bool same = sha256 && st.size_bytes == json_integer_value(json_object_get(record, "bytes"));
    if (same) {
        DLI_TRY(dli_fs_read_digest(ctx, out, &there, err));
        same = strcmp(sha256, there.digest) == 0;
    }
    return same ? DL4C_OK
                : dli_fail(err, DL4C_E_EXISTS, "predict",
                           "%.300s is there already and is not the file that its record tells of: remove it to make it anew", out);
}

static dl4c_status check_record(dl4c_context *ctx, const char *out, const json_t *record, const char *work, struct dl4c_error *err)
{
    struct dli_difference d;
    json_t *now = json_loads(work, 0, NULL), *then = json_object_get(record, "work");
    json_object_del(now, "shard size"); /* it changes no byte */
    json_t *made = json_deep_copy(then);
    json_object_del(made, "shard size");
    const bool differs = json_is_object(made) && json_is_object(now) && dli_parts_differ(made, now, &d);
    dl4c_status status = DL4C_OK;
    if (differs)
        status = dli_fail(err, DL4C_E_EXISTS, "predict", "%.200s is finished and was made with %.40s %.80s, now it is %.80s", out, d.key,
                          d.then, d.now);
    else if (!json_is_object(made))
        status = dli_fail(err, DL4C_E_EXISTS, "predict", "%.300s is there already and its record cannot be read: remove it to make it anew",
                          out);
    json_decref(made);
    json_decref(now);
    return status == DL4C_OK ? check_bytes(ctx, out, record, err) : status;
}

dl4c_status dli_made_check(dl4c_context *ctx, const char *out, const char *work, struct dl4c_error *err)
{
    struct dl4c_error why = DL4C_ERROR_INIT;
    char *uri, *text = NULL;
    size_t size;
    DLI_TRY(name_record(ctx, out, &uri, err));
    dl4c_status status = dli_fs_load(ctx, uri, MOST_RECORD, &text, &size, &why);
    dli_free(uri);
    if (status == DL4C_E_NOTFOUND)
        return dli_fail(err, DL4C_E_EXISTS, "predict",
                        "%.300s is there already and no record tells what it was made with: remove it to make it anew", out);
    if (status != DL4C_OK) {
        if (err)
            *err = why;
        return status;
    }
    json_t *record = json_loadb(text, size, JSON_REJECT_DUPLICATES, NULL);
    dli_free(text);
    status = check_record(ctx, out, record, work, err);
    json_decref(record);
    return status;
}
