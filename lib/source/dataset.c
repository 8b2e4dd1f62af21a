/* SPDX-License-Identifier: Apache-2.0 */
/* Files of Deeplearning4j's DataSet.save and MultiDataSet.save: big-endian arrays one after the other. */
#include "base/context.h"
#include "base/strbuf.h"
#include "fs/fs.h"
#include "tensor/tensor.h"
#include <dl4c/source.h>

#include <string.h>

enum { HAS_FEATURES = 1, HAS_LABELS = 2, SAME = 4, HAS_FEATURES_MASK = 8, HAS_LABELS_MASK = 16, HAS_METADATA = 32 };
enum { MOST_ARRAYS = 4096, MOST_RANK = 32 };
static const int64_t most_bytes = INT64_C(1) << 40;

struct reading {
    dl4c_context *ctx;
    const unsigned char *at;
    size_t left;
};

static dl4c_status number(struct reading *r, int bytes, int64_t *v, struct dl4c_error *err)
{
    uint64_t bits = 0;
    if (r->left < (size_t)bytes)
        return dli_fail(err, DL4C_E_CORRUPT, "dataset", "the file ends in the middle of an array");
    for (int i = 0; i < bytes; i++)
        bits = bits << 8 | r->at[i];
    *v = bytes == 8 ? (int64_t)bits : bytes == 4 ? (int64_t)(int32_t)(uint32_t)bits : (int64_t)bits;
    r->at += bytes;
    r->left -= (size_t)bytes;
    return DL4C_OK;
}

static dl4c_status text(struct reading *r, char out[32], struct dl4c_error *err)
{
    int64_t n = 0;
    DLI_TRY(number(r, 2, &n, err));
    if (n > 31 || (size_t)n > r->left)
        return dli_fail(err, DL4C_E_CORRUPT, "dataset", "a name of %" PRId64 " bytes stands where an array's was wanted", n);
    memcpy(out, r->at, (size_t)n);
    out[n] = '\0';
    r->at += n;
    r->left -= (size_t)n;
    return DL4C_OK;
}

/* A buffer's header: how it was allocated says whether lengths have 8 bytes or, before 1.0, 4. */
static dl4c_status buffer(struct reading *r, int64_t *n, char type[32], struct dl4c_error *err)
{
    char mode[32] = "";
    DLI_TRY(text(r, mode, err));
    const bool wide = strcmp(mode, "MIXED_DATA_TYPES") == 0 || strcmp(mode, "LONG_SHAPE") == 0;
    if (!wide && strcmp(mode, "HEAP") != 0 && strcmp(mode, "DIRECT") != 0 && strcmp(mode, "JAVACPP") != 0)
        return dli_fail(err, DL4C_E_CORRUPT, "dataset", "an array's buffer is of kind '%s'", mode);
    DLI_TRY(number(r, wide ? 8 : 4, n, err));
    return text(r, type, err);
}

/* Where the elements of an array lie in its buffer: a permuted array is written with the strides it has, its numbers as they lie. */
struct layout {
    int32_t rank;
    int64_t shape[DL4C_MAX_RANK], stride[DL4C_MAX_RANK];
    int64_t count;
};

/* Positions run from 0 to count - 1, whatever the strides. */
static dl4c_status check_strides(const struct layout *l, struct dl4c_error *err)
{
    int64_t last = 0;
    for (int32_t k = 0; k < l->rank; k++) {
        int64_t reach;
        if (l->shape[k] > 1 && (l->stride[k] < 0 || !dli_mul_i64(l->shape[k] - 1, l->stride[k], &reach) ||
                                !dli_add_i64(last, reach, &last) || last >= l->count))
            return dli_fail(err, DL4C_E_CORRUPT, "dataset", "axis %d of an array of %" PRId64 " elements has stride %" PRId64, (int)k,
                            l->count, l->stride[k]);
    }
    return DL4C_OK;
}

static dl4c_status layout_of(struct reading *r, struct layout *l, struct dl4c_error *err)
{
    char type[32] = "";
    int64_t n = 0, v[2 * MOST_RANK + 4] = { 0 };
    DLI_TRY(buffer(r, &n, type, err));
    const int bytes = strcmp(type, "LONG") == 0 ? 8 : 4;
    if ((bytes == 4 && strcmp(type, "INT") != 0) || n < 4 || n > 2 * MOST_RANK + 4)
        return dli_fail(err, DL4C_E_CORRUPT, "dataset", "a shape of %" PRId64 " numbers of type '%s'", n, type);
    for (int64_t i = 0; i < n; i++)
        DLI_TRY(number(r, bytes, &v[i], err));
    if (v[0] < 0 || v[0] > n || n != 2 * v[0] + 4)
        return dli_fail(err, DL4C_E_CORRUPT, "dataset", "a shape of %" PRId64 " numbers says it has rank %" PRId64, n, v[0]);
    if (v[0] > DL4C_MAX_RANK)
        return dli_fail(err, DL4C_E_UNSUPPORTED, "dataset", "an array of rank %" PRId64 ", at most %d are read", v[0], DL4C_MAX_RANK);
    *l = (struct layout){ .rank = v[0] ? (int32_t)v[0] : 1, .shape = { 1 }, .stride = { 1 }, .count = 1 };
    for (int64_t i = 0; i < v[0]; i++) {
        l->shape[i] = v[1 + i];
        l->stride[i] = v[1 + v[0] + i];
        if (l->shape[i] < 1 || !dli_mul_i64(l->count, l->shape[i], &l->count))
            return dli_fail(err, DL4C_E_CORRUPT, "dataset", "axis %" PRId64 " of an array has length %" PRId64, i, l->shape[i]);
    }
    return check_strides(l, err);
}

static float value(const unsigned char *p, int size, bool is_float)
{
    uint64_t bits = 0;
    for (int i = 0; i < size; i++)
        bits = bits << 8 | p[i];
    float f;
    double d;
    const uint32_t low = (uint32_t)bits;
    memcpy(&f, &low, sizeof f);
    memcpy(&d, &bits, sizeof d);
    if (is_float)
        return size == 4 ? f : (float)d;
    return size == 4 ? (float)(int32_t)low : (float)(int64_t)bits;
}

/* To the next element in row order; answers where it lies. */
static int64_t next_position(const struct layout *l, int64_t index[DL4C_MAX_RANK], int64_t at)
{
    for (int32_t k = l->rank - 1; k >= 0; k--) {
        if (++index[k] < l->shape[k])
            return at + l->stride[k];
        at -= (l->shape[k] - 1) * (l->shape[k] > 1 ? l->stride[k] : 0);
        index[k] = 0;
    }
    return 0;
}

static dl4c_status read_array(struct reading *r, dl4c_tensor **t, struct dl4c_error *err)
{
    struct layout l = { 0 };
    int64_t n = 0, at = 0, index[DL4C_MAX_RANK] = { 0 };
    char type[32] = "";
    *t = NULL;
    DLI_TRY(layout_of(r, &l, err));
    DLI_TRY(buffer(r, &n, type, err));
    const bool is_float = strcmp(type, "FLOAT") == 0 || strcmp(type, "DOUBLE") == 0;
    const int size = strcmp(type, "FLOAT") == 0 || strcmp(type, "INT") == 0 ? 4 : 8;
    if (!is_float && strcmp(type, "INT") != 0 && strcmp(type, "LONG") != 0)
        return dli_fail(err, DL4C_E_UNSUPPORTED, "dataset", "an array of type %s: FLOAT, DOUBLE, INT and LONG are read", type);
    if (n != l.count || r->left / (size_t)size < (size_t)n)
        return dli_fail(err, DL4C_E_CORRUPT, "dataset", "an array of %" PRId64 " elements has %" PRId64 " in %zu bytes", l.count, n,
                        r->left);
    DLI_TRY(dl4c_tensor_create(r->ctx, DL4C_F32, l.shape, l.rank, t, err));
    float *out = dl4c_tensor_data(*t);
    for (int64_t i = 0; i < n; i++, at = next_position(&l, index, at))
        out[i] = value(r->at + at * size, size, is_float);
    r->at += n * size;
    r->left -= (size_t)(n * size);
    return DL4C_OK;
}

static int64_t total(const struct dl4c_dataset *d) { return (int64_t)d->n_features + d->n_labels + d->n_feature_masks + d->n_label_masks; }

static void give_up(struct dl4c_dataset *d)
{
    for (int64_t i = 0; d->arrays && i < total(d); i++)
        dl4c_tensor_unref(&d->arrays[i]);
    dli_free(d->arrays);
    *d = (struct dl4c_dataset)DL4C_DATASET_INIT;
}

void dl4c_dataset_clear(struct dl4c_dataset *d)
{
    struct dl4c_dataset mine;
    if (!d || dli_struct_in(&mine, sizeof mine, d, "dataset", NULL) != DL4C_OK)
        return;
    give_up(&mine);
    (void)dli_struct_out(d, &mine, sizeof mine, "dataset", NULL);
}

static dl4c_status room(struct reading *r, struct dl4c_dataset *d, struct dl4c_error *err)
{
    d->arrays = dli_calloc(r->ctx, (size_t)total(d), sizeof(dl4c_tensor *), err);
    return d->arrays ? DL4C_OK : dli_alloc_status();
}

static dl4c_status read_single(struct reading *r, struct dl4c_dataset *d, struct dl4c_error *err)
{
    int64_t flags = 0;
    DLI_TRY(number(r, 1, &flags, err));
    if (flags & ~63 || !(flags & HAS_FEATURES))
        return dli_fail(err, DL4C_E_CORRUPT, "dataset", "a DataSet with flags %#" PRIx64, (uint64_t)flags);
    d->n_features = 1;
    d->n_labels = (flags & (HAS_LABELS | SAME)) != 0;
    d->n_feature_masks = (flags & HAS_FEATURES_MASK) != 0;
    d->n_label_masks = (flags & HAS_LABELS_MASK) != 0;
    DLI_TRY(room(r, d, err));
    DLI_TRY(read_array(r, &d->arrays[0], err));
    if (flags & SAME)
        d->arrays[1] = dl4c_tensor_ref(d->arrays[0]);
    for (int64_t i = flags & SAME ? 2 : 1; i < total(d); i++)
        DLI_TRY(read_array(r, &d->arrays[i], err));
    if (flags & HAS_METADATA) /* Java objects behind all else: nothing of theirs can be read */
        r->left = 0;
    return DL4C_OK;
}

static dl4c_status read_multi(struct reading *r, struct dl4c_dataset *d, struct dl4c_error *err)
{
    int32_t *const counts[] = { &d->n_features, &d->n_labels, &d->n_feature_masks, &d->n_label_masks };
    int64_t n[4] = { 0 };
    for (int i = 0; i < 4; i++) {
        DLI_TRY(number(r, 4, &n[i], err));
        if (n[i] < 0 || n[i] > MOST_ARRAYS)
            return dli_fail(err, DL4C_E_CORRUPT, "dataset", "a MultiDataSet of %" PRId64 " arrays of a kind", n[i]);
    }
    for (int i = 0; i < 4; i++)
        *counts[i] = (int32_t)n[i];
    DLI_TRY(room(r, d, err));
    for (int64_t i = 0; i < total(d); i++) {
        DLI_TRY(read_array(r, &d->arrays[i], err));
        const bool mask = i >= d->n_features + d->n_labels;
        if (mask && d->arrays[i]->rank == 1 && d->arrays[i]->shape[0] == 1 && *(const float *)dl4c_tensor_data_const(d->arrays[i]) == -1.0f)
            dl4c_tensor_unref(&d->arrays[i]); /* what Deeplearning4j writes in the place of none */
    }
    return DL4C_OK;
}

dl4c_status dl4c_dataset_load(dl4c_context *ctx, const char *uri, struct dl4c_dataset *dataset, struct dl4c_error *err)
{
    struct dl4c_dataset d = DL4C_DATASET_INIT;
    DLI_TRY(dli_struct_out(dataset, &d, sizeof d, "dataset", err));
    if (!uri)
        return dli_fail(err, DL4C_E_INVALID, "dataset", "uri is NULL");
    ctx = dli_context(ctx, err);
    if (!ctx)
        return dli_alloc_status();
    char *bytes = NULL;
    size_t size = 0;
    DLI_TRY(dli_fs_load(ctx, uri, most_bytes, &bytes, &size, err));
    struct reading r = { ctx, (const unsigned char *)bytes, size };
    /* the flags of a DataSet are never 0, and no MultiDataSet has 2^24 arrays */
    dl4c_status status = size > 0 && bytes[0] != 0 ? read_single(&r, &d, err) : read_multi(&r, &d, err);
    if (status == DL4C_OK && r.left > 0)
        status = dli_fail(err, DL4C_E_CORRUPT, "dataset", "%zu bytes follow the last array", r.left);
    dli_free(bytes);
    if (status != DL4C_OK) {
        give_up(&d);
        return dli_fail_prefix(err, status, "%.200s", uri);
    }
    return dli_struct_out(dataset, &d, sizeof d, "dataset", err);
}

/* --- writing --- */

static void put(struct dli_strbuf *b, uint64_t v, int bytes)
{
    char out[8];
    for (int i = 0; i < bytes; i++)
        out[i] = (char)(unsigned char)(v >> 8 * (bytes - 1 - i));
    dli_strbuf_addn(b, out, (size_t)bytes);
}

static void put_text(struct dli_strbuf *b, const char *text)
{
    put(b, strlen(text), 2);
    dli_strbuf_add(b, text);
}

static dl4c_status put_array(struct dli_strbuf *b, dl4c_tensor *t, struct dl4c_error *err)
{
    dl4c_tensor *plain = NULL;
    DLI_TRY(dl4c_tensor_to(t, DL4C_F32, &plain, err));
    const float *v = dl4c_tensor_data_const(plain);
    int64_t n = 1, strides[DL4C_MAX_RANK];
    for (int32_t k = plain->rank - 1; k >= 0; k--) {
        strides[k] = n;
        n *= plain->shape[k];
    }
    put_text(b, "MIXED_DATA_TYPES");
    put(b, 2 * (uint64_t)plain->rank + 4, 8);
    put_text(b, "LONG");
    put(b, (uint64_t)plain->rank, 8);
    for (int32_t k = 0; k < plain->rank; k++)
        put(b, (uint64_t)plain->shape[k], 8);
    for (int32_t k = 0; k < plain->rank; k++)
        put(b, (uint64_t)strides[k], 8);
    put(b, 0x2000, 8);
    put(b, 1, 8);
    put(b, 'c', 8);
    put_text(b, "MIXED_DATA_TYPES");
    put(b, (uint64_t)n, 8);
    put_text(b, "FLOAT");
    for (int64_t i = 0; i < n; i++) {
        uint32_t bits;
        memcpy(&bits, &v[i], sizeof bits);
        put(b, bits, 4);
    }
    dl4c_tensor_unref(&plain);
    return DL4C_OK;
}

static dl4c_status put_all(struct dli_strbuf *b, dl4c_context *ctx, const struct dl4c_dataset *d, int32_t multi, struct dl4c_error *err)
{
    const int64_t masks = (int64_t)d->n_features + d->n_labels, n = total(d);
    if (multi) {
        const int32_t counts[] = { d->n_features, d->n_labels, d->n_feature_masks, d->n_label_masks };
        for (int i = 0; i < 4; i++)
            put(b, (uint32_t)counts[i], 4);
    } else {
        put(b,
            HAS_FEATURES | (d->n_labels ? HAS_LABELS : 0) | (d->n_feature_masks ? HAS_FEATURES_MASK : 0) |
                (d->n_label_masks ? HAS_LABELS_MASK : 0),
            1);
    }
    for (int64_t i = 0; i < n; i++) {
        dl4c_tensor *none = NULL;
        if (!d->arrays[i] && (!multi || i < masks))
            return dli_fail(err, DL4C_E_INVALID, "dataset", "array %" PRId64 " is NULL", i);
        if (!d->arrays[i]) {
            DLI_TRY(dl4c_tensor_create(ctx, DL4C_F32, (const int64_t[]){ 1 }, 1, &none, err));
            *(float *)dl4c_tensor_data(none) = -1.0f;
        }
        const dl4c_status status = put_array(b, d->arrays[i] ? d->arrays[i] : none, err);
        dl4c_tensor_unref(&none);
        DLI_TRY(status);
    }
    return DL4C_OK;
}

dl4c_status dl4c_dataset_save(dl4c_context *ctx, const struct dl4c_dataset *dataset, int32_t multi, const char *uri, struct dl4c_error *err)
{
    struct dl4c_dataset own;
    const struct dl4c_dataset *d = &own;
    DLI_TRY(dli_struct_in(&own, sizeof own, dataset, "dataset", err));
    if (!uri || !d->arrays)
        return dli_fail(err, DL4C_E_INVALID, "dataset", "uri, dataset or its arrays are NULL");
    const int32_t most = multi ? MOST_ARRAYS : 1;
    if (multi < 0 || multi > 1 || d->n_features < 1 || d->n_features > most || d->n_labels < 0 || d->n_labels > most ||
        d->n_feature_masks < 0 || d->n_feature_masks > most || d->n_label_masks < 0 || d->n_label_masks > most)
        return dli_fail(err, DL4C_E_INVALID, "dataset",
                        "%" PRId32 ", %" PRId32 ", %" PRId32 " and %" PRId32 " arrays, at most %" PRId32 " of a kind", d->n_features,
                        d->n_labels, d->n_feature_masks, d->n_label_masks, most);
    ctx = dli_context(ctx, err);
    if (!ctx)
        return dli_alloc_status();
    struct dli_strbuf b;
    char *bytes = NULL;
    dli_strbuf_init(&b, ctx);
    dl4c_status status = put_all(&b, ctx, d, multi, err);
    const size_t size = b.length;
    if (status == DL4C_OK)
        status = dli_strbuf_take(&b, &bytes, err);
    else
        dli_strbuf_free(&b);
    if (status == DL4C_OK)
        status = dli_fs_save(ctx, uri, bytes, size, err);
    dli_free(bytes);
    return status;
}

dl4c_status dl4c_source_dataset(dl4c_context *ctx, const char *uri, dl4c_source **source, struct dl4c_error *err)
{
    if (!source)
        return dli_fail(err, DL4C_E_INVALID, "dataset", "source is NULL");
    *source = NULL;
    struct dl4c_dataset d = DL4C_DATASET_INIT;
    DLI_TRY(dl4c_dataset_load(ctx, uri, &d, err));
    dl4c_status status;
    if (d.n_features != 1 || d.n_labels > 1 || d.n_feature_masks > 1 || d.n_label_masks > d.n_labels) {
        status = dli_fail(err, DL4C_E_UNSUPPORTED, "dataset",
                          "%.200s has %" PRId32 " features, %" PRId32 " labels and %" PRId32 " and %" PRId32
                          " masks: one, at most one and a mask of each make a source",
                          uri, d.n_features, d.n_labels, d.n_feature_masks, d.n_label_masks);
    } else {
        dl4c_tensor **masks = d.arrays + 1 + d.n_labels;
        status = dl4c_source_masked(ctx, d.arrays[0], d.n_labels ? d.arrays[1] : NULL, 0, d.n_feature_masks ? masks[0] : NULL,
                                    d.n_label_masks ? masks[d.n_feature_masks] : NULL, source, err);
    }
    dl4c_dataset_clear(&d);
    return status;
}
