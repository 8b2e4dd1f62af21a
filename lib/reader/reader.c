/* SPDX-License-Identifier: Apache-2.0 */
/* Opening an image reader: which images, which classes, which preprocessing. */
#include "reader/reader.h"
#include "base/thread_pool.h"
#include "fs/fs.h"
#include "reader/pattern.h"

#include <string.h>

enum { MOST_COPIES = 10000, MOST_READ_AHEAD = 1024 };

static void reader_free(dl4c_reader *r)
{
    dli_ring_destroy(r->ring);
    dl4c_source_destroy(&r->source);
    for (int64_t i = 0; i < r->n_bad; i++)
        dli_free(r->bad[i].reason);
    dli_free(r->bad);
    dli_names_free(&r->classes);
    dli_names_free(&r->paths);
    dli_free(r->uri);
    dli_free(r->labels);
    dli_free(r->preprocess_text);
    dl4c_transform_destroy(&r->transform);
    dli_free(r->transform_text);
    dli_free(r->label_pattern);
    dli_free(r->order);
    dli_free(r->x);
    dli_free(r->batch_labels);
    dl4c_context *ctx = r->ctx;
    dli_free(r);
    dli_context_unref(ctx);
}

void dl4c_reader_close(dl4c_reader **reader)
{
    if (!reader || !*reader)
        return;
    reader_free(*reader);
    *reader = NULL;
}

/* What is asked for against what the graph records: either may be silent, both may agree. */
static dl4c_status choose_preprocess(dl4c_reader *r, const char *asked, const char *recorded, struct dl4c_error *err)
{
    DLI_TRY(dl4c_preprocess_parse(r->ctx, asked ? asked : recorded ? recorded : "none", &r->preprocess, err));
    DLI_TRY(dl4c_preprocess_print(r->ctx, &r->preprocess, &r->preprocess_text, err));
    if (!asked || !recorded)
        return DL4C_OK;
    struct dl4c_preprocess p;
    char *text = NULL;
    DLI_TRY(dl4c_preprocess_parse(r->ctx, recorded, &p, err));
    DLI_TRY(dl4c_preprocess_print(r->ctx, &p, &text, err));
    const bool same = strcmp(text, r->preprocess_text) == 0;
    dl4c_free(text);
    return same ? DL4C_OK
                : dli_fail(err, DL4C_E_INVALID, "reader", "the preprocessing asked for is %.150s, the model records %.150s", asked,
                           recorded);
}

static dl4c_status choose_size(dl4c_reader *r, const struct dl4c_reader_options *o, const struct dl4c_model_info *info,
                               struct dl4c_error *err)
{
    struct dl4c_vertex in = DL4C_VERTEX_INIT;
    r->channels = o->channels;
    r->height = o->height;
    r->width = o->width;
    if (info->height > 0 && info->width > 0) {
        if (r->height > 0 && r->width > 0 && (r->height != info->height || r->width != info->width))
            return dli_fail(err, DL4C_E_INVALID, "reader",
                            "the size asked for is %" PRId32 "x%" PRId32 ", the model records %" PRId32 "x%" PRId32, r->height, r->width,
                            info->height, info->width);
        r->height = info->height;
        r->width = info->width;
    }
    if (o->for_graph && dl4c_graph_input_count(o->for_graph) == 1 &&
        dl4c_graph_vertex(o->for_graph, dl4c_graph_input(o->for_graph, 0), &in, err) == DL4C_OK && in.rank == 3) {
        if (!r->channels && in.shape[0] > 0 && in.shape[0] <= 3)
            r->channels = (int32_t)in.shape[0];
        if (!r->height && in.shape[1] > 0 && in.shape[1] < INT32_MAX)
            r->height = (int32_t)in.shape[1];
        if (!r->width && in.shape[2] > 0 && in.shape[2] < INT32_MAX)
            r->width = (int32_t)in.shape[2];
    }
    if (!r->channels)
        r->channels = 3;
    if (r->height < 1 || r->width < 1 || r->height > 65535 || r->width > 65535)
        return dli_fail(err, DL4C_E_INVALID, "reader",
                        "the image size is %" PRId32 "x%" PRId32 ": give height and width, or a graph that says them", r->height, r->width);
    if (r->channels != 1 && r->channels != 3)
        return dli_fail(err, DL4C_E_INVALID, "reader", "%" PRId32 " channels are wanted of the images, which have 1 or 3", r->channels);
    return DL4C_OK;
}

/* classes.txt beside the list, where there is one. */
static dl4c_status classes_beside(dl4c_reader *r, const char *list, bool *found, struct dl4c_error *err)
{
    const char *name = dli_uri_name(list);
    char *folder = dli_strndup(r->ctx, list, (size_t)(name - list), err), *uri = NULL;
    if (!folder)
        return dli_alloc_status();
    dl4c_status status = folder[0] ? dli_uri_join(r->ctx, folder, "classes.txt", &uri, err) : DL4C_OK;
    struct dl4c_fs_stat st = DL4C_FS_STAT_INIT;
    struct dl4c_error none = DL4C_ERROR_INIT;
    *found = false;
    if (status == DL4C_OK && dl4c_fs_stat_uri(r->ctx, uri ? uri : "classes.txt", &st, &none) == DL4C_OK) {
        *found = true;
        const char *file = uri ? uri : "classes.txt";
        status = dli_list_read(r->ctx, file, &r->classes, err);
        if (status == DL4C_OK && r->classes.n == 0)
            status = dli_fail(err, DL4C_E_INVALID, "reader", "%.300s names no class", file);
        dli_names_sort(&r->classes);
        for (int64_t i = 1; status == DL4C_OK && i < r->classes.n; i++)
            if (strcmp(r->classes.name[i - 1], r->classes.name[i]) == 0)
                status = dli_fail(err, DL4C_E_INVALID, "reader", "%.200s names class %.200s twice", file, r->classes.name[i]);
    }
    dli_free(folder);
    dli_free(uri);
    return status;
}

/* The class that a path's folder, or a piece of its name, names; -1 where it is none. */
static dl4c_status label_of(const dl4c_reader *r, const char *path, int64_t *label, struct dl4c_error *err)
{
    const char *begin;
    size_t n;
    if (r->label_pattern)
        DLI_TRY(dli_pattern_piece(path, r->label_pattern, r->label_position, &begin, &n, err));
    else
        n = dli_list_class_of(path, &begin);
    char *name = dli_strndup(r->ctx, begin, n, err);
    if (!name)
        return dli_alloc_status();
    *label = n > 0 ? dli_names_find(&r->classes, name) : -1;
    dli_free(name);
    return DL4C_OK;
}

static dl4c_status read_list(dl4c_reader *r, const char *list, const struct dli_names *there, struct dl4c_error *err)
{
    DLI_TRY(dli_list_read(r->ctx, list, &r->paths, err));
    if (r->paths.n == 0)
        return dli_fail(err, DL4C_E_INVALID, "reader", "%.300s names no image", list);
    for (int64_t i = 0; i < r->paths.n; i++) {
        const char *path = r->paths.name[i];
        int64_t label = 0;
        if (r->classes.n > 0)
            DLI_TRY(label_of(r, path, &label, err));
        if (label < 0)
            return dli_fail(err, DL4C_E_INVALID, "reader", "%.150s: entry %" PRId64 ", %.150s, is in none of the %" PRId64 " classes", list,
                            i + 1, path, r->classes.n);
        const int64_t found = dli_names_find(there, path);
        if (found < 0)
            return dli_fail(err, DL4C_E_NOTFOUND, "reader", "%.150s: entry %" PRId64 ", %.150s, is no image under %.100s", list, i + 1,
                            path, r->uri);
        dli_names_set_bytes(&r->paths, i, dli_names_bytes(there, found));
    }
    return DL4C_OK;
}

/* Every image at any depth, and what its name says as classes. */
static dl4c_status list_by_pattern(dl4c_reader *r, struct dli_names *classes, struct dli_names *there, struct dl4c_error *err)
{
    DLI_TRY(dli_list_all(r->ctx, r->uri, there, err));
    return dli_list_labels(r->ctx, there, r->label_pattern, r->label_position, classes, err);
}

static dl4c_status find_images(dl4c_reader *r, const struct dl4c_reader_options *o, struct dl4c_error *err)
{
    for (int32_t i = 0; o->paths && i < o->n_paths; i++)
        DLI_TRY(dli_names_add(r->ctx, &r->paths, o->paths[i], err));
    if (o->paths)
        return DL4C_OK;
    struct dli_names folders = { 0 }, there = { 0 };
    const bool labelled = !(o->flags & DL4C_READER_UNLABELLED);
    bool given = false;
    dl4c_status status = DL4C_OK;
    if (labelled && r->label_pattern) {
        status = list_by_pattern(r, &folders, &there, err);
    } else {
        status = labelled ? dli_list_classes(r->ctx, r->uri, &folders, err) : DL4C_OK;
        if (status == DL4C_OK)
            status = labelled ? dli_list_images(r->ctx, r->uri, &folders, &there, err) : dli_list_all(r->ctx, r->uri, &there, err);
    }
    if (status == DL4C_OK && labelled && o->list)
        status = classes_beside(r, o->list, &given, err);
    if (status == DL4C_OK && !given) {
        r->classes = folders;
        memset(&folders, 0, sizeof folders);
    }
    if (status == DL4C_OK && o->list) {
        status = read_list(r, o->list, &there, err);
    } else if (status == DL4C_OK) {
        r->paths = there;
        memset(&there, 0, sizeof there);
    }
    dli_names_free(&folders);
    dli_names_free(&there);
    return status;
}

/* The paths once more for every further copy. */
static dl4c_status repeat(dl4c_reader *r, int32_t copies, struct dl4c_error *err)
{
    r->unique = r->paths.n;
    for (int32_t k = 1; k < copies; k++)
        for (int64_t i = 0; i < r->unique; i++) {
            DLI_TRY(dli_names_add(r->ctx, &r->paths, r->paths.name[i], err));
            dli_names_set_bytes(&r->paths, r->paths.n - 1, dli_names_bytes(&r->paths, i));
        }
    return DL4C_OK;
}

static dl4c_status label_images(dl4c_reader *r, struct dl4c_error *err)
{
    if (r->paths.n == 0)
        return dli_fail(err, DL4C_E_INVALID, "reader",
                        "%.300s has no usable image: JPEG, PNG and BMP files in one folder a class are wanted",
                        r->uri ? r->uri : "the list of paths");
    r->labels = dli_array(r->ctx, (size_t)r->paths.n, sizeof *r->labels, err);
    r->order = r->labels ? dli_array(r->ctx, (size_t)r->paths.n, sizeof *r->order, err) : NULL;
    if (!r->order)
        return dli_alloc_status();
    r->n_order = r->paths.n;
    for (int64_t i = 0; i < r->paths.n; i++) {
        r->order[i] = i;
        r->labels[i] = -1;
        if (r->classes.n > 0)
            DLI_TRY(label_of(r, r->paths.name[i], &r->labels[i], err));
    }
    return DL4C_OK;
}

static dl4c_status check_options(const struct dl4c_reader_options *o, const char *uri, struct dl4c_error *err)
{
    if (o->flags & ~(uint64_t)DL4C_READER_UNLABELLED)
        return dli_fail(err, DL4C_E_VERSION, "reader", "flags %#" PRIx64 " are not known to this library", o->flags);
    if (!uri == !o->paths || (o->paths && (o->n_paths < 1 || o->list)))
        return dli_fail(err, DL4C_E_INVALID, "reader", "either a folder or a list of paths is wanted");
    if (o->on_bad < DL4C_BAD_SKIP || o->on_bad > DL4C_BAD_FAIL || o->max_bad < 0 ||
        !(o->max_bad_fraction >= 0 && o->max_bad_fraction <= 1) || o->prefetch < 0 || o->prefetch > 1024 || o->threads < 0)
        return dli_fail(err, DL4C_E_INVALID, "reader", "on_bad is %" PRId32 ", max_bad %" PRId64 ", prefetch %" PRId32 ", threads %" PRId32,
                        o->on_bad, o->max_bad, o->prefetch, o->threads);
    if (o->copies < 0 || o->copies > MOST_COPIES || (o->copies > 1 && !o->transform))
        return dli_fail(err, DL4C_E_INVALID, "reader", "%" PRId32 " copies of each image %s, wanted at most %d with changes", o->copies,
                        o->transform ? "with changes" : "without changes", MOST_COPIES);
    if (o->read_ahead < 0 || o->read_ahead > MOST_READ_AHEAD || o->reserved != 0)
        return dli_fail(err, DL4C_E_INVALID, "reader", "read_ahead is %" PRId32 ", wanted 0 to %d, and reserved %" PRId32 ", wanted 0",
                        o->read_ahead, MOST_READ_AHEAD, o->reserved);
    if (o->label_position < 0 || (o->label_position > 0 && !o->label_pattern))
        return dli_fail(err, DL4C_E_INVALID, "reader", "label_position is %" PRId32 " %s a pattern", o->label_position,
                        o->label_pattern ? "of" : "without");
    return o->label_pattern ? dli_pattern_check(o->label_pattern, err) : DL4C_OK;
}

static dl4c_status choose_changes(dl4c_reader *r, const struct dl4c_reader_options *o, struct dl4c_error *err)
{
    r->transform_seed = o->transform_seed;
    r->label_position = o->label_position;
    if (o->label_pattern && !(r->label_pattern = dli_strdup(r->ctx, o->label_pattern, err)))
        return dli_alloc_status();
    if (!o->transform)
        return DL4C_OK;
    r->transform_text = dli_strdup(r->ctx, o->transform, err);
    return r->transform_text ? dl4c_transform_parse(r->ctx, o->transform, &r->transform, err) : dli_alloc_status();
}

static dl4c_status fill(dl4c_reader *r, const char *uri, const struct dl4c_reader_options *o, struct dl4c_error *err)
{
    struct dl4c_model_info info = DL4C_MODEL_INFO_INIT;
    if (o->for_graph)
        DLI_TRY(dl4c_graph_info(o->for_graph, &info, err));
    if (uri && !(r->uri = dli_strdup(r->ctx, uri, err)))
        return dli_alloc_status();
    DLI_TRY(choose_preprocess(r, o->preprocess, info.preprocess, err));
    DLI_TRY(choose_size(r, o, &info, err));
    DLI_TRY(choose_changes(r, o, err));
    r->decode = (struct dl4c_image_options)DL4C_IMAGE_OPTIONS_INIT;
    r->decode.max_pixels = o->max_pixels;
    if (o->tolerate)
        r->decode.flags |= DL4C_IMAGE_TOLERATE;
    r->threads = o->threads;
    r->prefetch = o->prefetch ? o->prefetch : 2;
    r->read_ahead = o->read_ahead ? o->read_ahead : 32;
    r->on_bad = o->on_bad;
    DLI_TRY(find_images(r, o, err));
    DLI_TRY(repeat(r, o->copies, err));
    DLI_TRY(label_images(r, err));
    r->max_bad = o->max_bad ? o->max_bad : INT64_MAX;
    if (o->max_bad_fraction > 0) {
        const int64_t most = (int64_t)(o->max_bad_fraction * (double)r->paths.n);
        if (most < r->max_bad)
            r->max_bad = most;
    }
    return dli_reader_make_source(r, err);
}

dl4c_status dl4c_reader_open(dl4c_context *ctx, const char *uri, const struct dl4c_reader_options *options, dl4c_reader **reader,
                             struct dl4c_error *err)
{
    if (!reader)
        return dli_fail(err, DL4C_E_INVALID, "reader", "reader is NULL");
    *reader = NULL;
    struct dl4c_reader_options o;
    DLI_TRY(dli_struct_in(&o, sizeof o, options, "reader", err));
    DLI_TRY(check_options(&o, uri, err));
    ctx = dli_context_ref(ctx, err);
    if (!ctx)
        return dli_alloc_status();
    dl4c_reader *r = dli_calloc(ctx, 1, sizeof *r, err);
    if (!r) {
        dli_context_unref(ctx);
        return dli_alloc_status();
    }
    r->ctx = ctx;
    r->mode = dli_float_mode();
    const dl4c_status status = fill(r, uri, &o, err);
    if (status != DL4C_OK) {
        reader_free(r);
        return status;
    }
    *reader = r;
    return DL4C_OK;
}

int32_t dl4c_reader_class_count(const dl4c_reader *r) { return r ? (int32_t)r->classes.n : 0; }
const char *dl4c_reader_class(const dl4c_reader *r, int32_t i) { return r && i >= 0 && i < r->classes.n ? r->classes.name[i] : NULL; }
int64_t dl4c_reader_count(const dl4c_reader *r) { return r ? r->paths.n : 0; }
const char *dl4c_reader_path(const dl4c_reader *r, int64_t i) { return r && i >= 0 && i < r->paths.n ? r->paths.name[i] : NULL; }
int64_t dl4c_reader_label(const dl4c_reader *r, int64_t i) { return r && i >= 0 && i < r->paths.n ? r->labels[i] : -1; }
int64_t dl4c_reader_bad_count(const dl4c_reader *r) { return r ? r->n_bad : 0; }
dl4c_source *dl4c_reader_source(dl4c_reader *r) { return r ? r->source : NULL; }
const char *dl4c_reader_preprocess(const dl4c_reader *r) { return r ? r->preprocess_text : NULL; }

dl4c_status dl4c_reader_bad(const dl4c_reader *r, int64_t k, int64_t *image, const char **reason, struct dl4c_error *err)
{
    if (!r || !image || !reason || k < 0 || k >= r->n_bad)
        return dli_fail(err, DL4C_E_INVALID, "reader", "bad image %" PRId64 " of %" PRId64 " was asked for", k, dl4c_reader_bad_count(r));
    *image = r->bad[k].image;
    *reason = r->bad[k].reason;
    return DL4C_OK;
}
const char *dl4c_reader_transform(const dl4c_reader *r) { return r ? r->transform_text : NULL; }
uint64_t dl4c_reader_transform_seed(const dl4c_reader *r) { return r ? r->transform_seed : 0; }
