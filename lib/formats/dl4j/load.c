/* SPDX-License-Identifier: Apache-2.0 */
/* dl4j: the models of Deeplearning4j. A zip with configuration.json, coefficients.bin and updaterState.bin, or the JSON alone, which
 * gives a network with fresh parameters. */
#include "formats/dl4j/config.h"
#include "formats/dl4j/legacy.h"
#include "formats/dl4j/save.h"
#include "formats/dl4j/array.h"
#include "formats/format.h"

#include <string.h>

enum { LARGEST_CONFIG = 16 << 20, LARGEST_NORMALIZER = 64 << 20, PIECE = 1 << 20 };
enum { MOST_DRAWN = 1 << 28 }; /* parameters that no file holds: twice those of VGG16 */

static bool sniff(const uint8_t *bytes, size_t size)
{
    if (size >= 4 && bytes[0] == 'P' && bytes[1] == 'K' && ((bytes[2] == 3 && bytes[3] == 4) || (bytes[2] == 5 && bytes[3] == 6)))
        return true;
    size_t i = 0;
    while (i < size && (bytes[i] == ' ' || bytes[i] == '\t' || bytes[i] == '\n' || bytes[i] == '\r'))
        i++;
    /* A safetensors file may begin so by chance, with the length of its header: there zeros follow. */
    return i < size && bytes[i] == '{' && !memchr(bytes + i, 0, size - i < 8 ? size - i : 8);
}

static int64_t count_of(const struct dli_vertex *v)
{
    int64_t n = 0;
    for (int32_t k = 0; k < v->n_params; k++) {
        int64_t count = 1;
        for (int32_t r = 0; r < v->decl[k].rank; r++)
            if (v->decl[k].shape[r] < 0 || !dli_mul_i64(count, v->decl[k].shape[r], &count))
                return -1;
        if (!dli_add_i64(n, count, &n))
            return -1;
    }
    return n;
}

/* The parameters of one vertex into one blob. */
static dl4c_status read_vertex(dl4c_builder *b, const struct dli_vertex *v, struct dli_dl4j_array *a, struct dli_watch *watch,
                               struct dl4c_error *err)
{
    dl4c_graph *g = dli_builder_graph(b);
    struct dli_param p[DLI_MAX_PARAMS] = { { 0 } };
    const int64_t total = count_of(v);
    struct dli_blob *blob;
    DLI_TRY(dli_blob_create(g->ctx, (size_t)total * sizeof(float), &blob, err));
    dl4c_status status = DL4C_OK;
    for (int64_t at = 0; at < total && status == DL4C_OK; at += PIECE) {
        const int64_t n = total - at < PIECE ? total - at : PIECE;
        status = dli_dl4j_array_read(a, (float *)blob->data + at, n, err);
        watch->now.done += n;
        if (status == DL4C_OK)
            status = dli_watch_report(watch, false, err);
    }
    size_t offset = 0;
    for (int32_t k = 0; k < v->n_params; k++) {
        p[k].blob = blob;
        p[k].offset = offset;
        p[k].count = 1;
        for (int32_t r = 0; r < v->decl[k].rank; r++)
            p[k].count *= v->decl[k].shape[r];
        offset += (size_t)p[k].count * sizeof(float);
    }
    if (status == DL4C_OK) {
        dli_builder_params(b, v->name, p, v->n_params);
        status = dli_builder_status(b, err);
    }
    dli_blob_unref(blob);
    return status;
}

/* How many parameters the configuration asks for. Nothing has been allocated for them yet. */
static dl4c_status count_params(const dl4c_graph *g, int64_t *wanted, struct dl4c_error *err)
{
    *wanted = 0;
    for (int32_t i = 0; i < g->n_vertices; i++) {
        const int64_t n = count_of(&g->vertices[i]);
        if (n < 0 || !dli_add_i64(*wanted, n, wanted) || *wanted > INT64_MAX / 8)
            return dli_fail(err, DL4C_E_CORRUPT, "dl4j", "the number of parameters of '%.100s' follows from no shape", g->vertices[i].name);
    }
    return DL4C_OK;
}

static dl4c_status may_draw(int64_t wanted, struct dl4c_error *err)
{
    if (wanted > MOST_DRAWN)
        return dli_fail(err, DL4C_E_LIMIT, "dl4j",
                        "the configuration asks for %" PRId64 " parameters that are not there, at most %d are drawn", wanted, MOST_DRAWN);
    return DL4C_OK;
}

/* An empty coefficients.bin and noParams.marker: a network without parameters, or one that was saved before it had any. */
static dl4c_status read_marker(struct dli_dl4j_zip *zip, struct dli_dl4j_entry *coefficients, int64_t wanted, struct dl4c_error *err)
{
    struct dli_dl4j_entry *marker;
    DLI_TRY(dli_dl4j_entry_end(coefficients, err));
    DLI_TRY(dli_dl4j_entry_open(zip, "noParams.marker", &marker, err));
    if (!marker)
        return dli_fail(err, DL4C_E_CORRUPT, "dl4j",
                        "coefficients.bin is empty and there is no noParams.marker, wanted %" PRId64 " parameters", wanted);
    dli_dl4j_entry_close(&marker);
    return may_draw(wanted, err);
}

static dl4c_status read_params(dl4c_builder *b, struct dli_dl4j_zip *zip, struct dli_watch *watch, struct dl4c_error *err)
{
    dl4c_graph *g = dli_builder_graph(b);
    struct dli_dl4j_entry *e = NULL;
    struct dli_dl4j_array a;
    int64_t wanted;
    dl4c_status status;
    DLI_TRY(count_params(g, &wanted, err));
    DLI_TRY(dli_dl4j_entry_open(zip, "coefficients.bin", &e, err));
    if (!e)
        return dli_fail(err, DL4C_E_CORRUPT, "dl4j", "the archive has no coefficients.bin");
    if (dli_dl4j_entry_size(e) == 0) {
        status = read_marker(zip, e, wanted, err);
        goto done;
    }
    DLI_GOTO(dli_dl4j_array_open(e, &a, err), done);
    if (a.count != wanted) {
        status = dli_fail(err, DL4C_E_CORRUPT, "dl4j",
                          "coefficients.bin has %" PRId64 " parameters, the layers of the configuration want %" PRId64, a.count, wanted);
        goto done;
    }
    watch->now.total = wanted;
    for (int32_t i = 0; i < g->n_vertices; i++)
        if (g->vertices[i].n_params > 0)
            DLI_GOTO(read_vertex(b, &g->vertices[i], &a, watch, err), done);
    status = dli_dl4j_entry_end(e, err);
done:
    dli_dl4j_entry_close(&e);
    return status;
}

static dl4c_status read_state(dl4c_graph *g, struct dli_dl4j_zip *zip, struct dl4c_error *err)
{
    struct dli_dl4j_entry *e = NULL;
    struct dli_dl4j_array a;
    struct dli_blob *blob = NULL;
    dl4c_status status;
    DLI_TRY(dli_dl4j_entry_open(zip, "updaterState.bin", &e, err));
    if (!e)
        return DL4C_OK;
    DLI_GOTO(dli_dl4j_array_open(e, &a, err), done);
    if (a.count > 0) {
        DLI_GOTO(dli_blob_create(g->ctx, (size_t)a.count * sizeof(float), &blob, err), done);
        DLI_GOTO(dli_dl4j_array_read(&a, blob->data, a.count, err), done);
    }
    DLI_GOTO(dli_dl4j_entry_end(e, err), done);
    g->updater_state = blob;
    blob = NULL;
done:
    dli_blob_unref(blob);
    dli_dl4j_entry_close(&e);
    return status;
}

/* normalizer.bin as it is. */
static dl4c_status read_normalizer(dl4c_graph *g, struct dli_dl4j_zip *zip, struct dl4c_error *err)
{
    struct dli_dl4j_entry *e = NULL;
    char *bytes = NULL;
    size_t size;
    dl4c_status status;
    DLI_TRY(dli_dl4j_entry_open(zip, "normalizer.bin", &e, err));
    if (!e)
        return DL4C_OK;
    DLI_GOTO(dli_dl4j_entry_text(e, LARGEST_NORMALIZER, &bytes, &size, err), done);
    if (size > 0) {
        DLI_GOTO(dli_blob_create(g->ctx, size, &g->normalizer, err), done);
        memcpy(g->normalizer->data, bytes, size);
    }
done:
    dli_free(bytes);
    dli_dl4j_entry_close(&e);
    return status;
}

/* zip NULL: parameters are drawn. */
static dl4c_status make(dl4c_context *ctx, const char *text, size_t size, struct dli_dl4j_zip *zip, struct dli_watch *watch,
                        dl4c_graph **graph, struct dl4c_error *err)
{
    json_t *root = NULL;
    struct dli_dl4j_config c = { 0 };
    dl4c_builder *b = NULL;
    dl4c_graph *g = NULL;
    char *updater = NULL;
    int64_t wanted;
    dl4c_status status;
    DLI_TRY(dli_dl4j_parse(text, size, &root, err));
    DLI_GOTO(dli_dl4j_modernise(root, err), done);
    DLI_GOTO(dli_dl4j_config_read(ctx, root, &c, err), done);
    DLI_GOTO(dl4c_builder_create(ctx, NULL, &b, err), done);
    DLI_GOTO(dli_dl4j_config_build(&c, b, &updater, err), done);
    DLI_GOTO(dli_graph_resolve(dli_builder_graph(b), false, err), done);
    if (zip) {
        DLI_GOTO(read_params(b, zip, watch, err), done);
    } else {
        DLI_GOTO(count_params(dli_builder_graph(b), &wanted, err), done);
        DLI_GOTO(may_draw(wanted, err), done);
    }
    DLI_GOTO(dl4c_builder_finish(&b, &g, err), done);
    g->updater = updater;
    updater = NULL;
    if (zip)
        DLI_GOTO(read_state(g, zip, err), done);
    if (zip)
        DLI_GOTO(read_normalizer(g, zip, err), done);
    DLI_GOTO(dli_dl4j_info_read(ctx, root, g, err), done);
    *graph = g;
    g = NULL;
done:
    dli_graph_unref(g);
    dli_free(updater);
    dl4c_builder_destroy(&b);
    dli_dl4j_config_free(&c);
    json_decref(root);
    return status;
}

static dl4c_status load(dl4c_context *ctx, const struct dli_model_bytes *from, struct dli_watch *watch, dl4c_graph **graph,
                        struct dl4c_error *err)
{
    uint8_t first = 0;
    if (from->file)
        DLI_TRY(dl4c_fs_read_at(from->file, 0, &first, 1, err));
    else if (from->size > 0)
        first = from->bytes[0];
    if (from->size > 0 && first != 'P') {
        const void *bytes = from->bytes;
        size_t n = from->size;
        if (n > LARGEST_CONFIG)
            return dli_fail(err, DL4C_E_LIMIT, "dl4j", "a configuration of %zu bytes, wanted at most %d", n, LARGEST_CONFIG);
        if (from->file)
            DLI_TRY(dl4c_fs_bytes(from->file, &bytes, &n, err));
        return make(ctx, bytes, n, NULL, watch, graph, err);
    }
    struct dli_dl4j_zip *zip;
    struct dli_dl4j_entry *e = NULL;
    char *text = NULL;
    size_t size;
    dl4c_status status;
    if (from->file)
        DLI_TRY(dli_dl4j_zip_open_file(from->file, &zip, ctx, err));
    else
        DLI_TRY(dli_dl4j_zip_open(from->bytes, from->size, &zip, ctx, err));
    DLI_GOTO(dli_dl4j_entry_open(zip, "configuration.json", &e, err), done);
    if (!e) {
        status = dli_fail(err, DL4C_E_UNSUPPORTED, "dl4j", "the zip archive has no configuration.json: no model of Deeplearning4j");
        goto done;
    }
    DLI_GOTO(dli_dl4j_entry_text(e, LARGEST_CONFIG, &text, &size, err), done);
    status = make(ctx, text, size, zip, watch, graph, err);
done:
    dli_free(text);
    dli_dl4j_entry_close(&e);
    dli_dl4j_zip_close(&zip);
    return status;
}

static const char *const extensions[] = { ".zip", NULL };

const struct dli_format dli_format_dl4j = {
    .name = "dl4j",
    .doc = "Deeplearning4j's zip, or its configuration.json alone.",
    .extensions = extensions,
    .sniff = sniff,
    .streams = true,
    .load = load,
    .save = dli_dl4j_save,
};
