/* SPDX-License-Identifier: Apache-2.0 */
/* A stratified split: the images of each class are shuffled by a sequence of their own, so that another class changes nothing. */
#include "base/number.h"
#include "base/rng.h"
#include "base/strbuf.h"
#include "fs/fs.h"
#include "reader/list.h"
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

static dl4c_status divide(dl4c_context *ctx, const struct dli_names *classes, const struct dli_names *paths, uint64_t seed,
                          const double fraction[PARTS], struct dli_names parts[PARTS], struct dl4c_error *err)
{
    int64_t *order = dli_array(ctx, (size_t)paths->n, sizeof *order, err);
    if (!order)
        return dli_alloc_status();
    dl4c_status status = DL4C_OK;
    for (int64_t c = 0; c < classes->n && status == DL4C_OK; c++) {
        const size_t length = strlen(classes->name[c]);
        int64_t n = 0;
        for (int64_t i = 0; i < paths->n; i++)
            if (strncmp(paths->name[i], classes->name[c], length) == 0 && paths->name[i][length] == '/')
                order[n++] = i;
        struct dli_rng rng;
        int64_t count[PARTS], at = 0;
        dli_rng_init(&rng, seed, stream_of(classes->name[c]));
        dli_rng_shuffle(&rng, order, (size_t)n);
        share(n, fraction, count);
        for (int k = 0; k < PARTS; k++)
            for (int64_t i = 0; i < count[k] && status == DL4C_OK; i++)
                status = dli_names_add(ctx, &parts[k], paths->name[order[at++]], err);
    }
    dli_free(order);
    return status;
}

dl4c_status dl4c_split_dir(dl4c_context *ctx, const char *uri, const char *out, const struct dl4c_split_dir_options *options,
                           int64_t counts[3], struct dl4c_error *err)
{
    if (!uri || !out)
        return dli_fail(err, DL4C_E_INVALID, "split", "a folder and a place for the lists are wanted");
    struct dl4c_split_dir_options o;
    DLI_TRY(dli_struct_in(&o, sizeof o, options, "split", err));
    if (o.flags > 1)
        return dli_fail(err, DL4C_E_VERSION, "split", "flags %#" PRIx64 " are not known to this library", o.flags);
    const bool plain = o.train == 0 && o.val == 0 && o.test == 0;
    const double fraction[PARTS] = { plain ? 0.6 : o.train, plain ? 0.2 : o.val, plain ? 0.2 : o.test };
    DLI_TRY(check(fraction, err));
    ctx = dli_context(ctx, err);
    if (!ctx)
        return dli_alloc_status();
    struct dli_names classes = { 0 }, paths = { 0 }, parts[PARTS] = { { 0 } };
    dl4c_status status = dli_list_classes(ctx, uri, &classes, err);
    if (status == DL4C_OK)
        status = dli_list_images(ctx, uri, &classes, &paths, err);
    if (status == DL4C_OK && paths.n == 0)
        status = dli_fail(err, DL4C_E_INVALID, "split", "%.300s has no class folder with a JPEG or PNG image in it", uri);
    if (status == DL4C_OK)
        status = divide(ctx, &classes, &paths, o.seed || o.flags ? o.seed : 42, fraction, parts, err);
    if (status == DL4C_OK)
        status = dl4c_fs_mkdir(ctx, out, err);
    for (int k = 0; k < PARTS && status == DL4C_OK; k++) {
        dli_names_sort(&parts[k]);
        status = save(ctx, out, files[k], &parts[k], err);
    }
    if (status == DL4C_OK)
        status = save(ctx, out, "classes.txt", &classes, err);
    for (int k = 0; k < PARTS; k++) {
        if (counts && status == DL4C_OK)
            counts[k] = parts[k].n;
        dli_names_free(&parts[k]);
    }
    dli_names_free(&classes);
    dli_names_free(&paths);
    return status;
}
