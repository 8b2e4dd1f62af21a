/* SPDX-License-Identifier: Apache-2.0 */
/* A digest that is equal for equal networks, whatever file they came from: names, connections, attributes, parameters. */
#include "graph/digest.h"
#include "base/sha256.h"
#include "base/strbuf.h"
#include "graph/graph.h"
#include "losses/loss.h"

#include <string.h>

/* index[i]: of vertex i among those that count, -1 where it does not. */
static void number_all(const dl4c_graph *g, int32_t at, const uint8_t *marks, int32_t *index)
{
    int32_t n = 0;
    for (int32_t i = 0; i < g->n_vertices; i++)
        index[i] = at < 0 || i == at || marks[i] ? n++ : -1;
}

/* How many inputs a layer has is said by what stands before it, and a loss may be written in several ways. */
static dl4c_status add_op(const struct dli_vertex *v, struct dli_strbuf *b, struct dl4c_error *err)
{
    static const char *const but[] = { "n_in", NULL }, *const output[] = { "n_in", "loss", NULL };
    const char *loss = NULL;
    dli_attrs_print_but(v->op->attrs, v->attrs->attrs, v->op->flags & DLI_OP_OUTPUT ? output : but, b);
    if (v->op->flags & DLI_OP_LAYER && v->attrs->layer.activation)
        dli_strbuf_addf(b, "\n%s", v->attrs->layer.activation);
    if (v->op->flags & DLI_OP_OUTPUT)
        memcpy(&loss, v->attrs->attrs, sizeof loss);
    if (!loss)
        return DL4C_OK;
    dli_strbuf_addc(b, '\n');
    return dli_loss_print(b->ctx, loss, b, err);
}

static dl4c_status digest(const dl4c_graph *g, const int32_t *index, char **hex, struct dl4c_error *err)
{
    struct dli_sha256 s;
    dli_sha256_init(&s);
    struct dli_strbuf b;
    dli_strbuf_init(&b, g->ctx);
    for (int32_t i = 0; i < g->n_vertices; i++) {
        const struct dli_vertex *v = &g->vertices[i];
        if (index[i] < 0)
            continue;
        b.length = 0;
        dli_strbuf_addf(&b, "%s\n%s", v->name, v->op ? v->op->name : "input");
        if (v->op) {
            const dl4c_status status = add_op(v, &b, err);
            if (status != DL4C_OK) {
                dli_strbuf_free(&b);
                return status;
            }
        } else {
            /* Heights and widths are the session's to choose: the channels and the layout count. */
            dli_strbuf_addf(&b, " %" PRId64 " %d", v->shape.dim[0], v->nhwc);
        }
        for (int32_t k = 0; k < v->n_inputs; k++)
            dli_strbuf_addf(&b, "\n%" PRId32, index[v->inputs[k]]);
        dli_strbuf_addc(&b, '\n');
        if (b.text)
            dli_sha256_add(&s, b.text, b.length);
        for (int32_t k = 0; v->params && k < v->params->n; k++)
            dli_sha256_add(&s, dli_param_data(&v->params->p[k]), (size_t)v->params->p[k].count * sizeof(float));
    }
    if (!b.err.status) {
        char text[65];
        dli_sha256_hex(&s, text);
        b.length = 0;
        dli_strbuf_add(&b, text);
    }
    return dli_strbuf_take(&b, hex, err);
}

dl4c_status dli_graph_digest_at(dl4c_graph *g, int32_t at, char **hex, struct dl4c_error *err)
{
    *hex = NULL;
    DLI_TRY(dli_graph_begin_run(g, "digest", err));
    int32_t *index = dli_array(g->ctx, (size_t)g->n_vertices, sizeof *index, err);
    uint8_t *marks = index ? dli_calloc(g->ctx, (size_t)g->n_vertices, 1, err) : NULL;
    dl4c_status status = marks ? DL4C_OK : dli_alloc_status();
    if (status == DL4C_OK) {
        if (at >= 0)
            dli_graph_reach(g, at, true, marks);
        number_all(g, at, marks, index);
        status = digest(g, index, hex, err);
    }
    dli_free(index);
    dli_free(marks);
    dli_graph_end_run(g);
    return status;
}

dl4c_status dl4c_graph_digest(dl4c_graph *g, char **hex, struct dl4c_error *err)
{
    if (!hex)
        return dli_fail(err, DL4C_E_INVALID, "graph", "hex is NULL");
    *hex = NULL;
    if (!g)
        return dli_fail(err, DL4C_E_INVALID, "graph", "graph is NULL");
    return dli_graph_digest_at(g, -1, hex, err);
}
