/* SPDX-License-Identifier: Apache-2.0 */
/* The zip: configuration.json, coefficients.bin or noParams.marker, updaterState.bin. Parameters go from where they lie through one
 * small buffer into the file. */
#include "formats/dl4j/save.h"
#include "formats/dl4j/array.h"

#include <string.h>

enum { PIECE = 1 << 20 };

static dl4c_status array_out(struct dli_dl4j_out *out, const char *data, int64_t n, struct dli_watch *watch, struct dl4c_error *err)
{
    for (int64_t at = 0; at < n; at += PIECE) {
        const int64_t part = n - at < PIECE ? n - at : PIECE;
        DLI_TRY(dli_dl4j_array_write(out, data + at * (int64_t)sizeof(float), part, err));
        watch->now.done += part;
        DLI_TRY(dli_watch_report(watch, false, err));
    }
    return DL4C_OK;
}

static dl4c_status params_out(const dl4c_graph *g, struct dli_dl4j_out *out, struct dli_watch *watch, struct dl4c_error *err)
{
    int64_t total;
    dl4c_graph_param_count(g, &total, NULL, NULL);
    DLI_TRY(dli_dl4j_out_begin(out, "coefficients.bin", true, err));
    if (total > 0)
        DLI_TRY(dli_dl4j_array_begin(out, total, err));
    watch->now.total = total;
    for (int32_t i = 0; i < g->n_vertices; i++)
        for (int32_t k = 0; g->vertices[i].params && k < g->vertices[i].params->n; k++) {
            const struct dli_param *p = &g->vertices[i].params->p[k];
            DLI_TRY(array_out(out, dli_param_data(p), p->count, watch, err));
        }
    DLI_TRY(dli_dl4j_out_end(out, err));
    if (total > 0)
        return DL4C_OK;
    DLI_TRY(dli_dl4j_out_begin(out, "noParams.marker", false, err));
    return dli_dl4j_out_end(out, err);
}

static dl4c_status state_out(const dl4c_graph *g, struct dli_dl4j_out *out, struct dli_watch *watch, struct dl4c_error *err)
{
    const int64_t n = g->updater_state ? (int64_t)(g->updater_state->bytes / sizeof(float)) : 0;
    if (n == 0)
        return DL4C_OK;
    DLI_TRY(dli_dl4j_out_begin(out, "updaterState.bin", true, err));
    DLI_TRY(dli_dl4j_array_begin(out, n, err));
    DLI_TRY(array_out(out, g->updater_state->data, n, watch, err));
    return dli_dl4j_out_end(out, err);
}

dl4c_status dli_dl4j_save(dl4c_graph *g, const struct dli_model_save *how, struct dli_watch *watch, dl4c_fs_writer *writer,
                          struct dl4c_error *err)
{
    struct dli_dl4j_out *out = NULL;
    char *text = NULL;
    dl4c_status status;
    DLI_GOTO(dli_dl4j_config_write(g, &text, err), done);
    DLI_GOTO(dli_dl4j_out_create(g->ctx, writer, &out, err), done);
    DLI_GOTO(dli_dl4j_out_begin(out, "configuration.json", false, err), done);
    DLI_GOTO(dli_dl4j_out_write(out, text, strlen(text), err), done);
    DLI_GOTO(dli_dl4j_out_end(out, err), done);
    DLI_GOTO(params_out(g, out, watch, err), done);
    if (how->updater)
        DLI_GOTO(state_out(g, out, watch, err), done);
    if (g->normalizer) {
        DLI_GOTO(dli_dl4j_out_begin(out, "normalizer.bin", false, err), done);
        DLI_GOTO(dli_dl4j_out_write(out, g->normalizer->data, g->normalizer->bytes, err), done);
        DLI_GOTO(dli_dl4j_out_end(out, err), done);
    }
    status = dli_dl4j_out_finish(out, err);
done:
    dli_dl4j_out_destroy(&out);
    dli_free(text);
    return status;
}
