/* SPDX-License-Identifier: Apache-2.0 */
/* Every image once through a whole model, and a line for each: to the caller, into one file, or shard by shard until all are there. */
#include "base/sha256.h"
#include "features/answers.h"
#include "features/made.h"
#include "features/parts.h"
#include "features/pass.h"
#include "fs/fs.h"
#include "graph/digest.h"
#include "graph/graph.h"
#include <dl4c/predict.h>

#include <stdio.h>
#include <string.h>

enum { PIECE = 1 << 20 };

struct predict {
    dl4c_context *ctx;
    dl4c_reader *images;
    struct dl4c_predict_options o;
    const char *out; /* NULL: lines go to o.write */
    char *work;      /* what the lines are made with */
    char *folder;    /* of the shards, until all are whole; NULL: there is one shard, and it is the file */
    struct dli_pass pass;
    struct dli_answers answers;
    struct dli_parts parts;
    int64_t shard_size;
    int64_t *todo, n_todo, at; /* shards to be made, and the one at hand */
    int64_t *images_todo, n_images;
    int64_t bad_at;         /* of the reader's bad images: those that have their line */
    int64_t good, all_good; /* images with an answer: of the shard; of all shards made here */
    char first_bad[400];
};

/* Bad images that stand before list position `until` get their lines, in their place. */
static dl4c_status add_bad_until(struct predict *p, int64_t until, struct dl4c_error *err)
{
    for (; p->bad_at < dl4c_reader_bad_count(p->images); p->bad_at++) {
        int64_t image;
        const char *reason;
        DLI_TRY(dl4c_reader_bad(p->images, p->bad_at, &image, &reason, err));
        if (image >= until)
            break;
        dli_answers_bad(&p->answers, dl4c_reader_path(p->images, image), reason);
        if (!p->first_bad[0])
            snprintf(p->first_bad, sizeof p->first_bad, "%.150s: %.200s", dl4c_reader_path(p->images, image), reason);
    }
    return DL4C_OK;
}

static dl4c_status save_shard(struct predict *p, struct dl4c_error *err)
{
    const int64_t shard = p->todo[p->at];
    const struct dli_strbuf *text = &p->answers.text;
    struct dli_sha256 s;
    char name[64], hex[65], *uri;
    snprintf(name, sizeof name, "predictions-%05" PRId64, shard);
    dli_sha256_init(&s);
    dli_sha256_add(&s, text->text, text->length);
    dli_sha256_hex(&s, hex);
    DLI_TRY(dli_claim_check(p->parts.claim, err));
    DLI_TRY(dli_uri_join(p->ctx, p->folder, name, &uri, err));
    const dl4c_status status = dli_fs_save(p->ctx, uri, text->text, text->length, err);
    dli_free(uri);
    DLI_TRY(status);
    return dli_parts_save(&p->parts, shard, name, p->good, (int64_t)text->length, hex, "[]", err);
}

/* The lines of images before list position `until` are made: they go where they belong. */
static dl4c_status end_shard(struct predict *p, int64_t until, struct dl4c_error *err)
{
    struct dli_strbuf *text = &p->answers.text;
    DLI_TRY(add_bad_until(p, until, err));
    if (text->err.status) {
        if (err)
            *err = text->err;
        return text->err.status;
    }
    if (p->folder)
        DLI_TRY(save_shard(p, err));
    else if (p->out)
        return DL4C_OK; /* of one piece: finish writes it, if there is an answer in it */
    else if (text->length > 0 && p->o.write(p->o.write_user, text->text, text->length) != 0)
        return dli_fail(err, DL4C_E_CANCELLED, "predict", "the caller took no more lines");
    p->all_good += p->good;
    p->good = 0;
    p->at++;
    text->length = 0;
    return DL4C_OK;
}

static dl4c_status answer_batch(void *user, const struct dl4c_batch *b, struct dl4c_error *err)
{
    struct predict *p = user;
    dl4c_tensor *y;
    DLI_TRY(dl4c_session_output(p->pass.session, 0, &y, err));
    const float *v = dl4c_tensor_data_const(y);
    for (int64_t i = 0; i < b->n; i++, v += p->answers.n) {
        while (p->folder && b->index[i] >= (p->todo[p->at] + 1) * p->shard_size)
            DLI_TRY(end_shard(p, (p->todo[p->at] + 1) * p->shard_size, err));
        DLI_TRY(add_bad_until(p, b->index[i], err));
        const char *path = dl4c_reader_path(p->images, b->index[i]);
        if (dli_answers_row(&p->answers, path, v))
            p->good++;
        else if (!p->first_bad[0])
            snprintf(p->first_bad, sizeof p->first_bad, "%.150s: %s", path, DLI_ANSWERS_NAN);
    }
    return p->out ? DL4C_OK : end_shard(p, b->index[b->n - 1], err); /* who takes lines gets them as they come */
}

/* Of the names that the lines have for the classes. */
static const char *name_digest(const struct predict *p, char hex[65])
{
    const struct dl4c_model_info *info = &p->answers.info;
    struct dli_sha256 s;
    dli_sha256_init(&s);
    for (int64_t k = 0; info->classes && k < info->n_classes; k++)
        dli_sha256_add(&s, info->classes[k], strlen(info->classes[k]) + 1);
    dli_sha256_hex(&s, hex);
    return info->classes ? hex : NULL;
}

static dl4c_status describe(const struct predict *p, char **work, struct dl4c_error *err)
{
    char size[32], top[24], names[65], *digest;
    int32_t at;
    DLI_TRY(dli_graph_lookup(p->pass.graph, p->pass.at[0], &at, err));
    DLI_TRY(dli_graph_digest_at(p->pass.graph, at, &digest, err));
    snprintf(size, sizeof size, "%" PRId64 "x%" PRId64, p->pass.info.shape[1], p->pass.info.shape[2]);
    snprintf(top, sizeof top, "%" PRId64, p->answers.shown);
    const char *const facts[][2] = {
        { "model", digest },
        { "names of classes", name_digest(p, names) },
        { "preprocess", dl4c_reader_preprocess(p->images) },
        { "size", size },
        { "precision", p->o.precision ? dl4c_precision_name(p->o.precision) : NULL },
        { "memory", p->pass.low_memory ? "low" : NULL },
        { "kernels", dl4c_cpu_kernels() },
        { "form", p->o.format == DL4C_PREDICT_CSV ? "csv" : "jsonl" },
        { "top", top },
    };
    const dl4c_status status =
        dli_parts_describe(p->ctx, p->images, p->shard_size, facts, (int)(sizeof facts / sizeof *facts), work, err);
    dli_free(digest);
    return status;
}

/* "OUT.parts", where there is more than one shard or one who makes them. */
static dl4c_status name_folder(struct predict *p, struct dl4c_error *err)
{
    if (!p->out || (p->o.n_parts == 0 && !(p->o.flags & DL4C_PREDICT_RESUME) && dl4c_reader_count(p->images) <= p->shard_size))
        return DL4C_OK;
    return dli_made_beside(p->ctx, p->out, "", ".parts", &p->folder, err);
}

static dl4c_status plan(struct predict *p, struct dli_watch *watch, struct dl4c_error *err)
{
    const int64_t n = dl4c_reader_count(p->images), shards = p->folder ? p->parts.n_shards : 1, step = p->folder ? p->shard_size : n;
    p->todo = dli_array(p->ctx, (size_t)shards, sizeof *p->todo, err);
    p->images_todo = p->todo ? dli_array(p->ctx, (size_t)n, sizeof *p->images_todo, err) : NULL;
    if (!p->images_todo)
        return dli_alloc_status();
    for (int64_t shard = 0; shard < shards; shard++) {
        bool whole = false;
        if (p->folder && !dli_parts_mine(&p->parts, shard))
            continue;
        if (p->folder) {
            struct dli_record r;
            DLI_TRY(dli_parts_whole(&p->parts, shard, true, &r, &whole, err));
            json_decref(r.bad);
            DLI_TRY(dli_watch_check(watch, err));
        }
        if (whole)
            continue;
        p->todo[p->n_todo++] = shard;
        for (int64_t i = shard * step; i < n && i < (shard + 1) * step; i++)
            p->images_todo[p->n_images++] = i;
    }
    return DL4C_OK;
}

/* What was asked for was not done for a single image. */
static dl4c_status none_good(const struct predict *p, struct dl4c_error *err)
{
    const char *reason = strstr(p->first_bad, ": ");
    if (dl4c_reader_count(p->images) == 1 && reason) {
        char path[sizeof p->first_bad];
        snprintf(path, sizeof path, "%.*s", (int)(reason - p->first_bad), p->first_bad);
        return dli_fail(err, DL4C_E_INVALID, "predict", "the image cannot be used: %.400s",
                        strstr(reason + 2, path) ? reason + 2 : p->first_bad);
    }
    return dli_fail(err, DL4C_E_INVALID, "predict", "none of the %" PRId64 " images can be used%s%.360s", dl4c_reader_count(p->images),
                    p->first_bad[0] ? "; the first, " : "", p->first_bad);
}

/* Adds it to w, and its bytes to the digest of the whole. */
static dl4c_status copy_shard(const struct predict *p, const struct dli_record *r, dl4c_fs_writer *w, struct dli_sha256 *whole, char *piece,
                              struct dl4c_error *err)
{
    char *uri, hex[65];
    dl4c_fs_file *file = NULL;
    struct dli_sha256 s;
    dli_sha256_init(&s);
    DLI_TRY(dli_uri_join(p->ctx, p->folder, r->name, &uri, err));
    dl4c_status status = dl4c_fs_open(p->ctx, uri, &file, err);
    const int64_t size = status == DL4C_OK ? dl4c_fs_size(file) : 0;
    for (int64_t at = 0; at < size && status == DL4C_OK; at += PIECE) {
        const size_t n = size - at < PIECE ? (size_t)(size - at) : PIECE;
        status = dl4c_fs_read_at(file, at, piece, n, err);
        if (status == DL4C_OK) {
            dli_sha256_add(&s, piece, n);
            dli_sha256_add(whole, piece, n);
            status = dl4c_fs_write(w, piece, n, err);
        }
    }
    dli_sha256_hex(&s, hex);
    if (status == DL4C_OK && strcmp(hex, r->sha256) != 0)
        status = dli_fail(err, DL4C_E_CORRUPT, "predict", "%.300s was changed since it was written", uri);
    dl4c_fs_close(&file);
    dli_free(uri);
    return status;
}

/* All shards, one after the other, as OUT. *all is false where shards of other parts are not whole yet. What a process leaves half
 * written that is killed lies beside the shards, and goes with them. */
static dl4c_status concatenate(const struct predict *p, bool *all, struct dl4c_error *err)
{
    int64_t good = 0, bytes = 0;
    struct dli_sha256 whole;
    char hex[65], *made;
    *all = true;
    for (int64_t k = 0; k < p->parts.n_shards && *all; k++) {
        struct dli_record r;
        DLI_TRY(dli_parts_whole(&p->parts, k, false, &r, all, err));
        json_decref(r.bad);
        good += r.rows;
    }
    if (!*all)
        return DL4C_OK;
    if (good == 0)
        return none_good(p, err);
    dl4c_fs_writer *w = NULL;
    DLI_TRY(dli_uri_join(p->ctx, p->folder, DLI_PREDICTIONS_WHOLE, &made, err));
    dli_sha256_init(&whole);
    char *piece = dli_alloc(p->ctx, PIECE, err);
    const bool renames = dli_fs_renames(p->ctx, p->out);
    dl4c_status status = piece ? dl4c_fs_create(p->ctx, renames ? made : p->out, &w, err) : dli_alloc_status();
    for (int64_t k = 0; k < p->parts.n_shards && status == DL4C_OK && *all; k++) {
        struct dli_record r;
        status = dli_parts_load(&p->parts, k, &r, all, err);
        json_decref(r.bad);
        if (status == DL4C_OK && *all)
            status = copy_shard(p, &r, w, &whole, piece, err);
        bytes += r.bytes;
    }
    if (status == DL4C_OK && *all)
        status = dl4c_fs_commit(&w, err);
    if (status == DL4C_OK && *all && renames)
        status = dl4c_fs_rename(p->ctx, made, p->out, err);
    dl4c_fs_abandon(&w);
    dli_free(made);
    dli_free(piece);
    dli_sha256_hex(&whole, hex); /* who is killed now does this again: the shards are there still */
    return status == DL4C_OK && *all ? dli_made_save(p->ctx, p->out, renames ? p->folder : NULL, p->work, bytes, hex, err) : status;
}

static void remove_part(const struct predict *p, const char *name)
{
    char *uri;
    if (dli_uri_join(p->ctx, p->folder, name, &uri, NULL) != DL4C_OK)
        return;
    dl4c_fs_remove(p->ctx, uri, NULL);
    dli_free(uri);
}

/* OUT has all: the shards go. */
static void remove_shards(struct predict *p)
{
    char name[64];
    const int64_t n = p->parts.n_shards;
    dli_parts_clear(&p->parts);
    dli_parts_end(&p->parts);
    for (int64_t k = 0; k < n; k++) {
        snprintf(name, sizeof name, "predictions-%05" PRId64, k);
        remove_part(p, name);
    }
    remove_part(p, DLI_PREDICTIONS_WHOLE); /* of one who was killed before it got its name */
    remove_part(p, DLI_PREDICTIONS_RECORD);
    dl4c_fs_remove(p->ctx, p->folder, NULL);
}

static bool is_there(const struct predict *p)
{
    struct dl4c_fs_stat st = DL4C_FS_STAT_INIT;
    return dl4c_fs_stat_uri(p->ctx, p->out, &st, NULL) == DL4C_OK;
}

/* The record first: a file without one could not be gone on with. */
static dl4c_status save_whole(const struct predict *p, struct dl4c_error *err)
{
    const struct dli_strbuf *text = &p->answers.text;
    struct dli_sha256 s;
    char hex[65];
    dli_sha256_init(&s);
    dli_sha256_add(&s, text->text, text->length);
    dli_sha256_hex(&s, hex);
    DLI_TRY(dli_made_save(p->ctx, p->out, NULL, p->work, (int64_t)text->length, hex, err));
    return dli_fs_save(p->ctx, p->out, text->text, text->length, err);
}

static dl4c_status finish(struct predict *p, struct dl4c_error *err)
{
    if (!p->folder)
        return p->good + p->all_good == 0 ? none_good(p, err) : p->out ? save_whole(p, err) : DL4C_OK;
    struct dl4c_error why = DL4C_ERROR_INIT;
    bool all;
    const dl4c_status status = concatenate(p, &all, &why);
    if (status == DL4C_OK && all)
        remove_shards(p);
    else if (status == DL4C_OK)
        dli_log(p->ctx, DL4C_LOG_INFO, "predict", "part %" PRId32 " of %" PRId32 " of %.300s is done; others are not yet", p->parts.part,
                p->parts.n_parts, p->out);
    if (status == DL4C_E_NOTFOUND && p->parts.n_parts > 1 && is_there(p))
        return DL4C_OK; /* another part found all shards whole at the same moment */
    if (status != DL4C_OK && err)
        *err = why;
    return status;
}

static dl4c_status begin_parts(struct predict *p, struct dli_watch *watch, struct dl4c_error *err)
{
    const bool resume = (p->o.flags & DL4C_PREDICT_RESUME) != 0;
    DLI_TRY(dli_parts_begin(&p->parts, p->ctx, p->folder, p->work, dl4c_reader_count(p->images), p->shard_size,
                            p->o.n_parts ? p->o.part : 1, p->o.n_parts ? p->o.n_parts : 1, resume, watch, err));
    return resume ? DL4C_OK : dli_made_forget(p->ctx, p->out, err); /* what it will replace is not what is resumed */
}

/* OUT is there: shards beside it are what a process left that was killed when all was done. */
static dl4c_status tidy(const struct predict *p, struct dli_watch *watch, struct dl4c_error *err)
{
    struct dl4c_fs_stat st = DL4C_FS_STAT_INIT;
    bool busy;
    DLI_TRY(dli_parts_tidy(p->ctx, p->folder, watch, &busy, err));
    if (busy || dl4c_fs_stat_uri(p->ctx, p->folder, &st, NULL) != DL4C_OK)
        return DL4C_OK;
    return dl4c_fs_remove_all(p->ctx, p->folder, err);
}

/* Resuming. *done: OUT is there, and by this work. Where nothing says so, shards of this work beside it are those of a call that was about
 * to replace it. */
static dl4c_status look(const struct predict *p, struct dli_watch *watch, bool *done, struct dl4c_error *err)
{
    struct dl4c_error why = DL4C_ERROR_INIT;
    bool begun, same;
    if (!is_there(p))
        return DL4C_OK;
    DLI_TRY(dli_parts_begun(p->ctx, p->folder, p->work, &begun, &same, err));
    const dl4c_status status = dli_made_check(p->ctx, p->out, p->work, &why);
    *done = status == DL4C_OK;
    if (status == DL4C_OK)
        return !begun || same ? tidy(p, watch, err) : DL4C_OK;
    if (status == DL4C_E_EXISTS && same)
        return DL4C_OK;
    if (err)
        *err = why;
    return status;
}

static dl4c_status run_all(struct predict *p, struct dl4c_error *err)
{
    struct dli_watch watch;
    bool done = false;
    dli_watch_init(&watch, "predict", p->o.progress, p->o.progress_user, p->o.cancel, p->o.timeout_ms);
    DLI_TRY(name_folder(p, err));
    DLI_TRY(dli_pass_begin(&p->pass, err));
    if (p->pass.shapes[0].rank != 1)
        return dli_fail(err, DL4C_E_INVALID, "predict", "the graph's output has %" PRId32 " axes, wanted one probability a class",
                        p->pass.shapes[0].rank);
    DLI_TRY(dli_answers_begin(&p->answers, p->pass.graph, p->pass.shapes[0].dim[0], p->o.top ? p->o.top : 1, p->o.format, err));
    if (p->out)
        DLI_TRY(describe(p, &p->work, err));
    if (p->o.flags & DL4C_PREDICT_RESUME)
        DLI_TRY(look(p, &watch, &done, err));
    if (done)
        return DL4C_OK;
    if (p->folder)
        DLI_TRY(begin_parts(p, &watch, err));
    DLI_TRY(plan(p, &watch, err));
    DLI_TRY(dli_pass_run(&p->pass, p->images_todo, p->n_images, &watch, answer_batch, p, err));
    if (!p->folder)
        DLI_TRY(end_shard(p, INT64_MAX, err));
    while (p->folder && p->at < p->n_todo)
        DLI_TRY(end_shard(p, (p->todo[p->at] + 1) * p->shard_size, err));
    DLI_TRY(finish(p, err));
    watch.now.done = watch.now.total;
    (void)dli_watch_report(&watch, true, NULL); /* who cancels now comes too late: it is done, and says so on the disk */
    return DL4C_OK;
}

dl4c_status dl4c_predict(dl4c_graph *graph, dl4c_reader *images, const char *out, const struct dl4c_predict_options *options,
                         struct dl4c_error *err)
{
    struct predict p = { .images = images, .out = out };
    if (!graph || !images)
        return dli_fail(err, DL4C_E_INVALID, "predict", "a graph and images are wanted");
    p.ctx = graph->ctx;
    DLI_TRY(dli_struct_in(&p.o, sizeof p.o, options, "predict", err));
    DLI_TRY(dli_pass_check("predict", p.o.flags, DL4C_PREDICT_LOW_MEMORY | DL4C_PREDICT_RESUME, p.o.part, p.o.n_parts, p.o.timeout_ms,
                           p.o.reserved, err));
    if (p.o.top < 0 || p.o.batch < 0 || p.o.shard_size < 0 || p.o.format < DL4C_PREDICT_JSONL || p.o.format > DL4C_PREDICT_CSV)
        return dli_fail(err, DL4C_E_INVALID, "predict", "top is %" PRId64 ", batch %" PRId64 ", shard_size %" PRId64 ", format %" PRId32,
                        p.o.top, p.o.batch, p.o.shard_size, p.o.format);
    if (!out == !p.o.write)
        return dli_fail(err, DL4C_E_INVALID, "predict", "a file or a function for the lines is wanted, and not both");
    if (!out && (p.o.n_parts || (p.o.flags & DL4C_PREDICT_RESUME)))
        return dli_fail(err, DL4C_E_INVALID, "predict", "parts and resuming need a file");
    if (graph->n_outputs < 1)
        return dli_fail(err, DL4C_E_INVALID, "predict", "the graph has no output");
    const char *at = graph->vertices[graph->outputs[0]].name;
    p.shard_size = p.o.shard_size ? p.o.shard_size : 1024;
    p.pass = (struct dli_pass){ .origin = "predict", .graph = graph, .images = images, .at = &at, .n_at = 1, .threads = p.o.threads,
                                .precision = p.o.precision, .batch = p.o.batch, .low_memory = (p.o.flags & DL4C_PREDICT_LOW_MEMORY) != 0 };
    const dl4c_status status = run_all(&p, err);
    dli_parts_end(&p.parts);
    if (status != DL4C_OK && p.folder)
        dl4c_fs_remove(p.ctx, p.folder, NULL); /* stays where there are shards to go on with */
    dli_answers_end(&p.answers);
    dli_pass_end(&p.pass);
    dli_free(p.todo);
    dli_free(p.images_todo);
    dli_free(p.folder);
    dli_free(p.work);
    return status;
}
