/* SPDX-License-Identifier: Apache-2.0 */
/* A stratified split: the images of each class are shuffled by a sequence of their own, so that another class changes nothing. Or
 * one by DataVec's filters and weights. */
#include "base/number.h"
#include "base/rng.h"
#include "base/strbuf.h"
#include "fs/fs.h"
#include "reader/list.h"
#include "reader/pattern.h"
#include <dl4c/reader.h>

#include <string.h>

enum { PARTS = 3 };
static const char *const files[PARTS] = { "train.txt", "val.txt", "test.txt" };

/* FNV-1a, so that a class's sequence depends on its name alone. */
static uint64_t stream_of(const char *name)
{
    uint64_t h = 14695981039346656037u;
    for (; *name; name++)
        h = (h ^ (unsigned char)*name) * 1099511628211u;
    return h << 8 | DLI_STREAM_SPLIT;
}

/* How many of n each part gets: rounded shares, then at least one for each that asked for some, as far as there are. */
static void share(int64_t n, const double fraction[PARTS], int64_t count[PARTS])
{
    double upto = 0;
    int64_t given = 0;
    for (int k = 0; k < PARTS; k++) {
        upto += fraction[k];
        int64_t end = (int64_t)(upto * (double)n + 0.5);
        if (end > n)
            end = n;
        count[k] = end - given;
        given = end;
    }
    for (int k = 0; k < PARTS; k++) {
        int largest = 0;
        for (int j = 1; j < PARTS; j++)
            if (count[j] > count[largest])
                largest = j;
        if (fraction[k] > 0 && count[k] == 0 && count[largest] > 1) {
            count[largest]--;
            count[k]++;
        }
    }
}

static dl4c_status save(dl4c_context *ctx, const char *out, const char *name, struct dli_names *lines, struct dl4c_error *err)
{
    struct dli_strbuf b;
    char *uri = NULL, *text = NULL;
    dli_strbuf_init(&b, ctx);
    for (int64_t i = 0; i < lines->n; i++)
        dli_strbuf_addf(&b, "%s\n", lines->name[i]);
    const size_t size = b.length;
    dl4c_status status = dli_strbuf_take(&b, &text, err);
    if (status == DL4C_OK)
        status = dli_uri_join(ctx, out, name, &uri, err);
    if (status == DL4C_OK)
        status = dli_fs_save(ctx, uri, text, size, err);
    dli_free(text);
    dli_free(uri);
    return status;
}

static dl4c_status check(const double fraction[PARTS], struct dl4c_error *err)
{
    double sum = 0;
    for (int k = 0; k < PARTS; k++) {
        if (!(fraction[k] >= 0 && fraction[k] <= 1))
            return dli_fail(err, DL4C_E_INVALID, "split", "the fraction for %s is %s, wanted 0 to 1", files[k], DLI_NUM(fraction[k]));
        sum += fraction[k];
    }
    if (sum > 1 + 1e-9 || sum <= 0)
        return dli_fail(err, DL4C_E_INVALID, "split", "the fractions add up to %s, wanted more than 0 and at most 1", DLI_NUM(sum));
    return DL4C_OK;
}

struct split {
    dl4c_context *ctx;
    const struct dl4c_split_dir_options *o;
    uint64_t seed;
    double fraction[PARTS];
    struct dli_names classes, paths, parts[PARTS];
    int64_t *label; /* [paths] */
    int64_t *order; /* [paths] */
};

static dl4c_status label_paths(struct split *s, struct dl4c_error *err)
{
    s->order = dli_array(s->ctx, (size_t)s->paths.n, sizeof *s->order, err);
    s->label = s->order ? dli_array(s->ctx, (size_t)s->paths.n, sizeof *s->label, err) : NULL;
    if (!s->label)
        return dli_alloc_status();
    for (int64_t i = 0; i < s->paths.n; i++) {
        char *label;
        DLI_TRY(dl4c_path_label(s->ctx, s->paths.name[i], s->o->label_pattern, s->o->label_position, &label, err));
        s->label[i] = dli_names_find(&s->classes, label);
        dl4c_free(label);
    }
    return DL4C_OK;
}

static dl4c_status add_part(struct split *s, int k, const int64_t *index, int64_t n, struct dl4c_error *err)
{
    for (int64_t i = 0; i < n; i++)
        DLI_TRY(dli_names_add(s->ctx, &s->parts[k], s->paths.name[index[i]], err));
    return DL4C_OK;
}

static dl4c_status divide_by_class(struct split *s, struct dl4c_error *err)
{
    for (int64_t c = 0; c < s->classes.n; c++) {
        int64_t n = 0, count[PARTS];
        for (int64_t i = 0; i < s->paths.n; i++)
            if (s->label[i] == c)
                s->order[n++] = i;
        struct dli_rng rng;
        dli_rng_init(&rng, s->seed, stream_of(s->classes.name[c]));
        dli_rng_shuffle(&rng, s->order, (size_t)n);
        share(n, s->fraction, count);
        for (int64_t k = 0, at = 0; k < PARTS; at += count[k++])
            DLI_TRY(add_part(s, (int)k, s->order + at, count[k], err));
    }
    return DL4C_OK;
}

/* As InputSplit.sample divides; what the fractions leave out is a part of its own, and dropped. */
static dl4c_status divide_as_sampled(struct split *s, struct dl4c_error *err)
{
    struct dl4c_sample_options so;
    int64_t n, ends[PARTS + 1];
    int32_t n_ends;
    DLI_TRY(dli_struct_in(&so, sizeof so, s->o->sample, "split", err));
    const double sum = s->fraction[0] + s->fraction[1] + s->fraction[2];
    const double weights[PARTS + 1] = { s->fraction[0], s->fraction[1], s->fraction[2], sum < 1 - 1e-9 ? 1 - sum : 0 };
    memcpy(&so.seed, &s->seed, sizeof so.seed);
    so.label_pattern = s->o->label_pattern;
    so.label_position = s->o->label_position;
    so.weights = weights;
    so.n_weights = PARTS + 1;
    DLI_TRY(dl4c_sample_paths(s->ctx, (const char *const *)s->paths.name, s->paths.n, &so, s->order, &n, ends, &n_ends, err));
    if (n == 0)
        return dli_fail(err, DL4C_E_INVALID, "split", "the filter leaves none of the %" PRId64 " images", s->paths.n);
    for (int k = 0; k < PARTS; k++) {
        const int64_t from = k == 0 ? 0 : ends[k < n_ends ? k - 1 : n_ends - 1], to = ends[k < n_ends ? k : n_ends - 1];
        DLI_TRY(add_part(s, k, s->order + from, to - from, err));
    }
    return DL4C_OK;
}

static dl4c_status find_images(struct split *s, const char *uri, struct dl4c_error *err)
{
    if (s->o->label_pattern) {
        DLI_TRY(dli_pattern_check(s->o->label_pattern, err));
        DLI_TRY(dli_list_all(s->ctx, uri, &s->paths, err));
        DLI_TRY(dli_list_labels(s->ctx, &s->paths, s->o->label_pattern, s->o->label_position, &s->classes, err));
    } else {
        DLI_TRY(dli_list_classes(s->ctx, uri, &s->classes, err));
        DLI_TRY(dli_list_images(s->ctx, uri, &s->classes, &s->paths, err));
    }
    return s->paths.n > 0 ? DL4C_OK
                          : dli_fail(err, DL4C_E_INVALID, "split", "%.300s has no %s with a JPEG, PNG or BMP image in it", uri,
                                     s->o->label_pattern ? "folder" : "class folder");
}

/* A list has one name a line. */
static dl4c_status check_names(const struct dli_names *names, const char *uri, struct dl4c_error *err)
{
    for (int64_t i = 0; i < names->n; i++)
        if (strchr(names->name[i], '\n'))
            return dli_fail(err, DL4C_E_INVALID, "split", "%.150s: \"%.200s\" has a line end in its name, which no list can hold", uri,
                            names->name[i]);
    return DL4C_OK;
}

static dl4c_status split(struct split *s, const char *uri, const char *out, struct dl4c_error *err)
{
    DLI_TRY(find_images(s, uri, err));
    DLI_TRY(check_names(&s->paths, uri, err));
    DLI_TRY(check_names(&s->classes, uri, err));
    DLI_TRY(label_paths(s, err));
    DLI_TRY(s->o->sample ? divide_as_sampled(s, err) : divide_by_class(s, err));
    DLI_TRY(dl4c_fs_mkdir(s->ctx, out, err));
    for (int k = 0; k < PARTS; k++) {
        dli_names_sort(&s->parts[k]);
        DLI_TRY(save(s->ctx, out, files[k], &s->parts[k], err));
    }
    return save(s->ctx, out, "classes.txt", &s->classes, err);
}

dl4c_status dl4c_split_dir(dl4c_context *ctx, const char *uri, const char *out, const struct dl4c_split_dir_options *options,
                           int64_t counts[3], struct dl4c_error *err)
{
    if (!uri || !out)
        return dli_fail(err, DL4C_E_INVALID, "split", "a folder and a place for the lists are wanted");
    struct dl4c_split_dir_options o;
    DLI_TRY(dli_struct_in(&o, sizeof o, options, "split", err));
    if (o.flags > 1 || o.reserved)
        return dli_fail(err, DL4C_E_VERSION, "split", "flags %#" PRIx64 " are not known to this library", o.flags);
    const bool plain = o.train == 0 && o.val == 0 && o.test == 0;
    struct split s = { .o = &o, .fraction = { plain ? 0.6 : o.train, plain ? 0.2 : o.val, plain ? 0.2 : o.test } };
    DLI_TRY(check(s.fraction, err));
    s.seed = o.seed || o.flags ? o.seed : 42;
    s.ctx = dli_context(ctx, err);
    if (!s.ctx)
        return dli_alloc_status();
    const dl4c_status status = split(&s, uri, out, err);
    for (int k = 0; k < PARTS; k++) {
        if (counts && status == DL4C_OK)
            counts[k] = s.parts[k].n;
        dli_names_free(&s.parts[k]);
    }
    dli_names_free(&s.classes);
    dli_names_free(&s.paths);
    dli_free(s.label);
    dli_free(s.order);
    return status;
}
