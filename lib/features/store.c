/* SPDX-License-Identifier: Apache-2.0 */
/* Opening a features store: the manifest, then every shard, with nothing believed that is not checked. */
#include "fs/fs.h"
#include "features/store.h"
#include "base/sha256.h"
#include "formats/safetensors/container.h"
#include "tensor/tensor.h"

#include <string.h>

/* A name inside the store's folder, nothing that leads out of it. */
static bool plain_name(const char *name) { return name && name[0] && name[0] != '.' && !strpbrk(name, "/\\"); }

static void digest_of(const void *bytes, size_t size, char hex[65])
{
    struct dli_sha256 s;
    dli_sha256_init(&s);
    dli_sha256_add(&s, bytes, size);
    dli_sha256_hex(&s, hex);
}

static dl4c_status read_manifest(dl4c_context *ctx, const char *uri, json_t **manifest, char digest[65], struct dl4c_error *err)
{
    *manifest = NULL;
    char *name;
    DLI_TRY(dli_uri_join(ctx, uri, "manifest.json", &name, err));
    dl4c_fs_file *file = NULL;
    const void *bytes;
    size_t size;
    struct dl4c_error why = DL4C_ERROR_INIT;
    dl4c_status status = dl4c_fs_open(ctx, name, &file, &why);
    if (status == DL4C_E_NOTFOUND) {
        struct dl4c_fs_stat st = DL4C_FS_STAT_INIT;
        status = dl4c_fs_stat_uri(ctx, uri, &st, err);
        if (status == DL4C_OK)
            status =
                dli_fail(err, DL4C_E_STATE, "features", "%.300s has no manifest.json: it is no features store, or was never finished", uri);
    } else if (status != DL4C_OK && err) {
        *err = why;
    }
    if (status == DL4C_OK)
        status = dl4c_fs_bytes(file, &bytes, &size, err);
    if (status == DL4C_OK) {
        json_error_t bad;
        *manifest = json_loadb(bytes, size, JSON_REJECT_DUPLICATES, &bad);
        digest_of(bytes, size, digest);
        if (!*manifest)
            status = dli_fail(err, DL4C_E_CORRUPT, "features", "%.300s: line %d: %.100s", name, bad.line, bad.text);
    }
    dl4c_fs_close(&file);
    dli_free(name);
    return status;
}

static dl4c_status verify_digest(const char *name, const void *bytes, size_t size, const char *wanted, struct dl4c_error *err)
{
    char hex[65];
    if (!wanted)
        return dli_fail(err, DL4C_E_CORRUPT, "features", "the manifest has no sha256 of %.300s", name);
    digest_of(bytes, size, hex);
    if (strcmp(hex, wanted) != 0)
        return dli_fail(err, DL4C_E_CORRUPT, "features", "%.200s has the digest %.64s, the manifest says %.64s", name, hex, wanted);
    return DL4C_OK;
}

/* The first shard decides the shape; the others have to have it too. */
static dl4c_status take_shape(dl4c_features *f, const char *name, const struct dli_st_tensor *x, bool first, struct dl4c_error *err)
{
    if (x->dtype != DL4C_F32 || x->rank < 2)
        return dli_fail(err, DL4C_E_UNSUPPORTED, "features", "%.300s: the features are %s of %" PRId32 " axes, wanted f32 of 2 or more",
                        name, dl4c_dtype_name(x->dtype), x->rank);
    int64_t floats = 1;
    for (int32_t r = 1; r < x->rank; r++)
        if (!dli_mul_i64(floats, x->shape[r], &floats) || floats < 1)
            return dli_fail(err, DL4C_E_CORRUPT, "features", "%.300s: a row has an impossible shape", name);
    if (first) {
        f->rank = x->rank - 1;
        memcpy(f->shape, x->shape + 1, (size_t)f->rank * sizeof *f->shape);
        f->floats = floats;
        return DL4C_OK;
    }
    if (x->rank - 1 != f->rank || memcmp(f->shape, x->shape + 1, (size_t)f->rank * sizeof *f->shape) != 0)
        return dli_fail(err, DL4C_E_CORRUPT, "features", "%.300s: its rows have another shape than those of the first shard", name);
    return DL4C_OK;
}

static dl4c_status take_classes(dl4c_features *f, const char *name, json_t *header, bool first, struct dl4c_error *err)
{
    const char *text = dli_st_metadata(header, "classes");
    if (!first) {
        const char *before = dli_st_metadata(f->shards[0].header, "classes");
        if ((text == NULL) != (before == NULL) || (text && strcmp(text, before) != 0))
            return dli_fail(err, DL4C_E_CORRUPT, "features", "%.300s: its classes are not those of the first shard", name);
        return DL4C_OK;
    }
    if (!text)
        return DL4C_OK;
    f->class_list = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    const size_t n = json_array_size(f->class_list);
    if (!json_is_array(f->class_list) || n == 0 || n > INT32_MAX)
        return dli_fail(err, DL4C_E_CORRUPT, "features", "%.300s: its classes are no list of names", name);
    f->classes = dli_calloc(f->ctx, n, sizeof *f->classes, err);
    if (!f->classes)
        return dli_alloc_status();
    json_t *seen = json_object();
    dl4c_status status = seen ? DL4C_OK : dli_fail(err, DL4C_E_NOMEM, "features", "no memory for %zu classes", n);
    for (size_t i = 0; status == DL4C_OK && i < n; i++) {
        f->classes[i] = json_string_value(json_array_get(f->class_list, i));
        if (!f->classes[i])
            status = dli_fail(err, DL4C_E_CORRUPT, "features", "%.300s: class %zu has no name", name, i);
        else if (json_object_get(seen, f->classes[i]))
            status = dli_fail(err, DL4C_E_CORRUPT, "features", "%.200s: two classes are called \"%.100s\"", name, f->classes[i]);
        else if (json_object_set_new(seen, f->classes[i], json_true()) != 0)
            status = dli_fail(err, DL4C_E_NOMEM, "features", "no memory for %zu classes", n);
    }
    json_decref(seen);
    DLI_TRY(status);
    f->n_classes = (int32_t)n;
    return DL4C_OK;
}

static dl4c_status take_paths(struct dli_shard *s, const char *name, struct dl4c_error *err)
{
    const char *text = dli_st_metadata(s->header, "paths");
    if (!text)
        return DL4C_OK;
    s->paths = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    if (!json_is_array(s->paths) || json_array_size(s->paths) != (size_t)s->rows)
        return dli_fail(err, DL4C_E_CORRUPT, "features", "%.300s has %" PRId64 " rows and %zu paths", name, s->rows,
                        json_array_size(s->paths));
    return DL4C_OK;
}

static int64_t label_at(const struct dli_shard *s, int64_t row)
{
    int64_t label;
    memcpy(&label, s->labels + (size_t)row * sizeof label, sizeof label);
    return label;
}

/* Without names the largest label decides how many classes there are. */
static dl4c_status check_labels(dl4c_features *f, const struct dli_shard *s, const char *name, struct dl4c_error *err)
{
    for (int64_t i = 0; i < s->rows; i++) {
        const int64_t label = label_at(s, i);
        if (label < 0 || label >= (f->classes ? f->n_classes : INT32_MAX))
            return dli_fail(err, DL4C_E_CORRUPT, "features",
                            "%.300s: row %" PRId64 " has the label %" PRId64 " outside the %" PRId32 " classes", name, i, label,
                            f->n_classes);
        if (!f->classes && label >= f->n_classes)
            f->n_classes = (int32_t)label + 1;
    }
    return DL4C_OK;
}

static dl4c_status open_shard(dl4c_features *f, const char *uri, json_t *entry, bool verify, struct dl4c_error *err)
{
    struct dli_shard *s = &f->shards[f->n_shards];
    const bool first = f->n_shards == 0;
    const char *plain = json_string_value(json_object_get(entry, "name"));
    if (!plain_name(plain))
        return dli_fail(err, DL4C_E_CORRUPT, "features", "%.300s: the manifest's shard %" PRId32 " has no plain name", uri, f->n_shards);
    char *name;
    DLI_TRY(dli_uri_join(f->ctx, uri, plain, &name, err));
    f->n_shards++;
    const void *bytes = NULL;
    size_t size = 0, data = 0;
    struct dli_st_tensor x = { 0 }, labels = { 0 };
    dl4c_status status = dl4c_fs_open(f->ctx, name, &s->file, err);
    if (status == DL4C_OK)
        status = dl4c_fs_bytes(s->file, &bytes, &size, err);
    if (status == DL4C_OK && verify)
        status = verify_digest(name, bytes, size, json_string_value(json_object_get(entry, "sha256")), err);
    if (status == DL4C_OK)
        status = dli_st_parse(name, bytes, size, &s->header, &data, err);
    if (status == DL4C_OK)
        status = dli_st_find(name, s->header, data, size, "features", &x, err);
    if (status == DL4C_OK)
        status = dli_st_find(name, s->header, data, size, "labels", &labels, err);
    if (status == DL4C_OK)
        status = take_shape(f, name, &x, first, err);
    if (status == DL4C_OK && (labels.dtype != DL4C_I64 || labels.rank != 1 || labels.shape[0] != x.shape[0]))
        status = dli_fail(err, DL4C_E_CORRUPT, "features", "%.300s: its labels are not one i64 for each of the %" PRId64 " rows", name,
                          x.shape[0]);
    json_t *rows = json_object_get(entry, "rows");
    if (status == DL4C_OK && rows && json_integer_value(rows) != x.shape[0])
        status = dli_fail(err, DL4C_E_CORRUPT, "features", "%.300s has %" PRId64 " rows, the manifest says %lld", name, x.shape[0],
                          (long long)json_integer_value(rows));
    if (status == DL4C_OK)
        status = take_classes(f, name, s->header, first, err);
    if (status == DL4C_OK) {
        s->rows = x.shape[0];
        s->first = f->rows;
        s->x = (const unsigned char *)bytes + x.offset;
        s->labels = (const unsigned char *)bytes + labels.offset;
        f->rows += s->rows;
        status = take_paths(s, name, err);
    }
    if (status == DL4C_OK)
        status = check_labels(f, s, name, err);
    dli_free(name);
    return status;
}

dl4c_status dl4c_features_open(dl4c_context *ctx, const char *uri, const struct dl4c_features_options *options, dl4c_features **features,
                               struct dl4c_error *err)
{
    if (!features)
        return dli_fail(err, DL4C_E_INVALID, "features", "f is NULL");
    *features = NULL;
    if (!uri)
        return dli_fail(err, DL4C_E_INVALID, "features", "uri is NULL");
    struct dl4c_features_options o;
    DLI_TRY(dli_struct_in(&o, sizeof o, options, "features", err));
    if (o.flags || o.reserved)
        return dli_fail(err, DL4C_E_VERSION, "features", "flags %#" PRIx64 " are not known to this library", o.flags);
    ctx = dli_context_ref(ctx, err);
    if (!ctx)
        return dli_alloc_status();
    dl4c_features *f = dli_calloc(ctx, 1, sizeof *f, err);
    if (!f) {
        dli_context_unref(ctx);
        return dli_alloc_status();
    }
    f->ctx = ctx;
    json_t *manifest = NULL;
    dl4c_status status = dli_uri_absolute(ctx, uri, &f->uri, err);
    if (status == DL4C_OK)
        status = read_manifest(ctx, uri, &manifest, f->digest, err);
    json_t *shards = json_object_get(manifest, "shards");
    if (status == DL4C_OK && (!json_is_array(shards) || json_array_size(shards) == 0 || json_array_size(shards) > INT32_MAX))
        status = dli_fail(err, DL4C_E_CORRUPT, "features", "%.300s: the manifest lists no shards", uri);
    if (status == DL4C_OK && !(f->shards = dli_calloc(ctx, json_array_size(shards), sizeof *f->shards, err)))
        status = dli_alloc_status();
    for (size_t i = 0; status == DL4C_OK && i < json_array_size(shards); i++)
        status = open_shard(f, uri, json_array_get(shards, i), o.verify, err);
    if (status == DL4C_OK && f->rows == 0)
        status = dli_fail(err, DL4C_E_INVALID, "features", "%.300s has no rows", uri);
    if (status == DL4C_OK)
        status = dli_features_make_source(f, err);
    json_decref(manifest);
    if (status != DL4C_OK) {
        dl4c_features_close(&f);
        return status;
    }
    *features = f;
    return DL4C_OK;
}

void dl4c_features_close(dl4c_features **features)
{
    if (!features || !*features)
        return;
    dl4c_features *f = *features;
    *features = NULL;
    dl4c_source_destroy(&f->source);
    for (int32_t i = 0; i < f->n_shards; i++) {
        json_decref(f->shards[i].paths);
        json_decref(f->shards[i].header);
        dl4c_fs_close(&f->shards[i].file);
    }
    json_decref(f->class_list);
    dli_free(f->classes);
    dli_free(f->uri);
    dli_free(f->shards);
    dl4c_context *ctx = f->ctx;
    dli_free(f);
    dli_context_unref(ctx);
}

const struct dli_shard *dli_features_shard_of(const dl4c_features *f, int64_t row)
{
    int32_t low = 0, high = f->n_shards - 1;
    while (low < high) { /* the last shard that begins at or before the row */
        const int32_t middle = low + (high - low + 1) / 2;
        if (f->shards[middle].first <= row)
            low = middle;
        else
            high = middle - 1;
    }
    return &f->shards[low];
}

dl4c_source *dl4c_features_source(dl4c_features *f) { return f ? f->source : NULL; }
int64_t dl4c_features_rows(const dl4c_features *f) { return f ? f->rows : 0; }
int32_t dl4c_features_class_count(const dl4c_features *f) { return f ? f->n_classes : 0; }
int32_t dl4c_features_shard_count(const dl4c_features *f) { return f ? f->n_shards : 0; }

int32_t dl4c_features_shape(const dl4c_features *f, int64_t shape[DL4C_MAX_RANK])
{
    if (!f)
        return 0;
    if (shape)
        memcpy(shape, f->shape, sizeof f->shape);
    return f->rank;
}

const char *dl4c_features_class(const dl4c_features *f, int32_t i)
{
    return f && f->classes && i >= 0 && i < f->n_classes ? f->classes[i] : NULL;
}

const char *dl4c_features_path(const dl4c_features *f, int64_t i)
{
    if (!f || i < 0 || i >= f->rows)
        return NULL;
    const struct dli_shard *s = dli_features_shard_of(f, i);
    return json_string_value(json_array_get(s->paths, (size_t)(i - s->first)));
}

int64_t dl4c_features_label(const dl4c_features *f, int64_t i)
{
    if (!f || i < 0 || i >= f->rows)
        return -1;
    const struct dli_shard *s = dli_features_shard_of(f, i);
    return label_at(s, i - s->first);
}

const char *dl4c_features_metadata(const dl4c_features *f, const char *key)
{
    return f && key ? dli_st_metadata(f->shards[0].header, key) : NULL;
}

dl4c_status dl4c_features_shard(dl4c_features *f, int32_t k, dl4c_tensor **t, struct dl4c_error *err)
{
    if (!t)
        return dli_fail(err, DL4C_E_INVALID, "features", "t is NULL");
    *t = NULL;
    if (!f || k < 0 || k >= f->n_shards)
        return dli_fail(err, DL4C_E_INVALID, "features", "shard %" PRId32 " of %" PRId32 " was asked for", k, dl4c_features_shard_count(f));
    int64_t shape[DL4C_MAX_RANK] = { f->shards[k].rows };
    memcpy(shape + 1, f->shape, (size_t)f->rank * sizeof *shape);
    /* A copy: the mapping goes with the store, a tensor may stay. */
    DLI_TRY(dli_tensor_create_raw(f->ctx, DL4C_F32, shape, f->rank + 1, t, err));
    memcpy((*t)->data, f->shards[k].x, (size_t)(f->shards[k].rows * f->floats) * sizeof(float));
    (*t)->read_only = true;
    return DL4C_OK;
}
