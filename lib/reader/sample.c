/* SPDX-License-Identifier: Apache-2.0 */
/* Picking and dividing paths as DataVec's RandomPathFilter, BalancedPathFilter and InputSplit.sample do, with java.util.Random. */
#include "base/context.h"
#include "base/java_random.h"
#include "base/number.h"
#include "reader/list.h"
#include "reader/pattern.h"
#include <dl4c/reader.h>

#include <limits.h>
#include <math.h>
#include <string.h>

/* NativeImageLoader.ALLOWED_FORMATS */
static const char *const image_extensions[] = { "tif", "jpg", "png", "jpeg", "bmp", "JPEG", "JPG", "TIF", "PNG" };

struct sampling {
    const struct dl4c_sample_options *o;
    dl4c_context *ctx;
    const char *const *paths;
    int64_t *order; /* [n], shuffled and filtered: n_order of them */
    int64_t n_order;
    int64_t *label; /* [n_order] */
    int64_t *first; /* [labels]: head of a label's chain of positions in order */
    int64_t *last, *next, *count;
    int64_t n_labels;
};

static bool has_extension(const char *path, const char *extension)
{
    const size_t n = strlen(path), m = strlen(extension);
    return n > m && path[n - m - 1] == '.' && memcmp(path + n - m, extension, m) == 0;
}

static bool accepted(const struct dl4c_sample_options *o, const char *path)
{
    const bool own = o->n_extensions > 0;
    const int32_t n = own ? o->n_extensions : (int32_t)(sizeof image_extensions / sizeof *image_extensions);
    if (o->flags & DL4C_SAMPLE_ANY_EXTENSION)
        return true;
    for (int32_t i = 0; i < n; i++)
        if (has_extension(path, own ? o->extensions[i] : image_extensions[i]))
            return true;
    return false;
}

/* RandomPathFilter.filter: shuffled first, so that a limit favours none. */
static void filter_randomly(struct sampling *s, int64_t n)
{
    struct dli_java_random r;
    dli_java_random_init(&r, s->o->seed);
    for (int64_t i = n; i > 1; i--) {
        const int64_t k = dli_java_random_below(&r, (int32_t)i), moved = s->order[i - 1];
        s->order[i - 1] = s->order[k];
        s->order[k] = moved;
    }
    for (int64_t i = 0; i < n; i++) {
        if (accepted(s->o, s->paths[s->order[i]]))
            s->order[s->n_order++] = s->order[i];
        if (s->o->max_paths > 0 && s->n_order >= s->o->max_paths)
            break;
    }
}

static dl4c_status label_of(const struct dl4c_sample_options *o, const char *path, const char **label, size_t *length,
                            struct dl4c_error *err)
{
    if (o->label_pattern)
        return dli_pattern_piece(path, o->label_pattern, o->label_position, label, length, err);
    *length = dli_list_class_of(path, label);
    return *length > 0 ? DL4C_OK : dli_fail(err, DL4C_E_INVALID, "sample", "'%.200s' lies in no folder that could be its label", path);
}

static bool wanted_label(const struct dl4c_sample_options *o, const char *label, size_t length)
{
    for (int32_t i = 0; i < o->n_labels; i++)
        if (strlen(o->labels[i]) == length && memcmp(o->labels[i], label, length) == 0)
            return true;
    return o->n_labels == 0;
}

/* Puts position i of the order behind the others of its label. */
static dl4c_status chain(struct sampling *s, int64_t i, struct dl4c_error *err)
{
    const char *label, *other;
    size_t length, n;
    int64_t k = 0;
    DLI_TRY(label_of(s->o, s->paths[s->order[i]], &label, &length, err));
    s->next[i] = -1;
    if (!wanted_label(s->o, label, length))
        return DL4C_OK;
    for (; k < s->n_labels; k++) {
        DLI_TRY(label_of(s->o, s->paths[s->order[s->first[k]]], &other, &n, err));
        if (n == length && memcmp(label, other, n) == 0)
            break;
    }
    if (k == s->n_labels) {
        if (s->o->max_labels > 0 && s->n_labels >= s->o->max_labels)
            return DL4C_OK;
        s->first[s->n_labels++] = i;
    } else {
        s->next[s->last[k]] = i;
    }
    s->last[k] = i;
    s->count[k]++;
    return DL4C_OK;
}

/* BalancedPathFilter.filter: of each label as many as the rarest has, in turns, labels in the order in which they came. */
static dl4c_status balance(struct sampling *s, int64_t *picked, int64_t *n_picked, struct dl4c_error *err)
{
    const struct dl4c_sample_options *o = s->o;
    const size_t n = (size_t)s->n_order;
    int64_t *room = dli_calloc(s->ctx, n, 4 * sizeof *room, err);
    if (!room)
        return dli_alloc_status();
    s->first = room;
    s->last = room + n;
    s->next = room + 2 * n;
    s->count = room + 3 * n;
    dl4c_status status = DL4C_OK;
    for (int64_t i = 0; i < s->n_order && status == DL4C_OK; i++)
        status = chain(s, i, err);
    int64_t least = o->max_per_label > 0 ? o->max_per_label : INT64_MAX;
    for (int64_t k = 0; k < s->n_labels; k++)
        least = s->count[k] < least ? s->count[k] : least;
    least = least < o->min_per_label ? o->min_per_label : least;
    *n_picked = 0;
    for (bool any = true; any && least > 0 && status == DL4C_OK; least--) {
        any = false;
        for (int64_t k = 0; k < s->n_labels; k++)
            if (s->first[k] >= 0) {
                picked[(*n_picked)++] = s->order[s->first[k]];
                s->first[k] = s->next[s->first[k]];
                any = true;
            }
    }
    dli_free(room);
    return status;
}

/* InputSplit.sample: a first weight of exactly 1 divides nothing, as in DataVec. */
static void divide(const struct dl4c_sample_options *o, int64_t n, int64_t *ends, int32_t *n_ends)
{
    double total = 0, upto = 0;
    *n_ends = 1;
    if (ends)
        ends[0] = n;
    if (o->n_weights == 0 || o->weights[0] == 1.0)
        return;
    *n_ends = o->n_weights;
    for (int32_t i = 0; i < o->n_weights; i++)
        total += o->weights[i];
    for (int32_t i = 0; i < o->n_weights && ends; i++) {
        upto += o->weights[i];
        ends[i] = i == o->n_weights - 1 ? n : (int64_t)floor(upto * (double)n / total + 0.5);
    }
}

static dl4c_status check(const struct dl4c_sample_options *o, const char *const *paths, int64_t n, struct dl4c_error *err)
{
    if (n < 0 || n > INT32_MAX || (n > 0 && !paths))
        return dli_fail(err, DL4C_E_INVALID, "sample", "%" PRId64 " paths, wanted 0 to %d", n, INT32_MAX);
    if (o->filter < DL4C_SAMPLE_ALL || o->filter > DL4C_SAMPLE_BALANCED)
        return dli_fail(err, DL4C_E_INVALID, "sample", "filter %" PRId32 " is not known", o->filter);
    if (o->flags & ~(uint64_t)DL4C_SAMPLE_ANY_EXTENSION)
        return dli_fail(err, DL4C_E_VERSION, "sample", "flags %#" PRIx64 " are not known to this library", o->flags);
    if (o->label_position < 0 || o->max_paths < 0 || o->max_labels < 0 || o->min_per_label < 0 || o->max_per_label < 0 ||
        o->n_extensions < 0 || o->n_labels < 0 || o->n_weights < 0)
        return dli_fail(err, DL4C_E_INVALID, "sample", "a limit or a number of entries is negative");
    if ((o->n_extensions && !o->extensions) || (o->n_labels && !o->labels) || (o->n_weights && !o->weights))
        return dli_fail(err, DL4C_E_INVALID, "sample", "extensions, labels or weights are NULL, and some are counted");
    for (int32_t i = 0; i < o->n_weights; i++)
        if (!(o->weights[i] >= 0 && o->weights[i] <= 1e9))
            return dli_fail(err, DL4C_E_INVALID, "sample", "weight %" PRId32 " is %s, wanted 0 to 1e9", i, DLI_NUM(o->weights[i]));
    return o->label_pattern ? dli_pattern_check(o->label_pattern, err) : DL4C_OK;
}

dl4c_status dl4c_sample_paths(dl4c_context *ctx, const char *const *paths, int64_t n, const struct dl4c_sample_options *options,
                              int64_t *picked, int64_t *n_picked, int64_t *ends, int32_t *n_ends, struct dl4c_error *err)
{
    if (!n_picked || !n_ends || (n > 0 && !picked))
        return dli_fail(err, DL4C_E_INVALID, "sample", "%s is NULL", !n_picked ? "n_picked" : !n_ends ? "n_ends" : "picked");
    *n_picked = 0;
    *n_ends = 0;
    struct dl4c_sample_options o;
    DLI_TRY(dli_struct_in(&o, sizeof o, options, "sample", err));
    DLI_TRY(check(&o, paths, n, err));
    ctx = dli_context(ctx, err);
    if (!ctx)
        return dli_alloc_status();
    struct sampling s = { .o = &o, .ctx = ctx, .paths = paths };
    s.order = dli_array(ctx, (size_t)n, sizeof *s.order, err);
    if (!s.order)
        return dli_alloc_status();
    for (int64_t i = 0; i < n; i++)
        s.order[i] = i;
    dl4c_status status = DL4C_OK;
    if (o.filter == DL4C_SAMPLE_ALL)
        s.n_order = n;
    else
        filter_randomly(&s, n);
    if (o.filter == DL4C_SAMPLE_BALANCED) {
        status = balance(&s, picked, n_picked, err);
    } else {
        memcpy(picked, s.order, (size_t)s.n_order * sizeof *picked);
        *n_picked = s.n_order;
    }
    dli_free(s.order);
    if (status == DL4C_OK)
        divide(&o, *n_picked, ends, n_ends);
    else
        *n_picked = 0;
    return status;
}

dl4c_status dl4c_path_label(dl4c_context *ctx, const char *path, const char *pattern, int32_t position, char **label,
                            struct dl4c_error *err)
{
    if (!path || !label || position < 0)
        return dli_fail(err, DL4C_E_INVALID, "label", "path or label is NULL, or position is negative");
    *label = NULL;
    const struct dl4c_sample_options o = { .label_pattern = pattern, .label_position = position };
    const char *text;
    size_t length;
    if (pattern)
        DLI_TRY(dli_pattern_check(pattern, err));
    DLI_TRY(label_of(&o, path, &text, &length, err));
    ctx = dli_context(ctx, err);
    *label = ctx ? dli_strndup(ctx, text, length, err) : NULL;
    return *label ? DL4C_OK : dli_alloc_status();
}
