/* SPDX-License-Identifier: Apache-2.0 */
/* A plan as text, and the memory it needs. */
#include "base/strbuf.h"
#include "graph/plan.h"

#include <string.h>

void dli_plan_measure(struct dli_plan *p)
{
    struct dl4c_session_memory *out = &p->need;
    memset(out, 0, sizeof *out);
    out->struct_size = sizeof *out;
    out->arena_bytes = (int64_t)p->arena_bytes;
    for (int32_t i = 0; i < p->n_steps; i++) {
        const struct dli_step *s = &p->steps[i];
        out->packed_bytes += (int64_t)s->packed_bytes;
        if ((int64_t)s->scratch_bytes > out->scratch_bytes)
            out->scratch_bytes = (int64_t)s->scratch_bytes;
        if (!s->has_params)
            continue;
        const struct dli_vparams *vp = p->graph->vertices[s->vertex].params;
        for (int32_t k = 0; k < vp->n; k++) {
            const struct dli_blob *blob = vp->p[k].blob;
            const int64_t bytes = vp->p[k].count * (int64_t)sizeof(float);
            out->weights_bytes += bytes;
            out->mapped_bytes += blob->mapped ? bytes : 0;
            out->read_bytes += s->unread >> k & 1 ? 0 : bytes;
            out->total_bytes += !blob->mapped || !(s->unread >> k & 1) ? bytes : 0;
        }
    }
    out->total_bytes += out->packed_bytes + out->arena_bytes;
}

dl4c_status dli_plan_describe(const struct dli_plan *p, char **text, struct dl4c_error *err)
{
    struct dli_strbuf b;
    const struct dl4c_session_memory m = p->need;
    dli_strbuf_init(&b, p->ctx);
    for (int32_t i = 0; i < p->n_steps; i++) {
        const struct dli_step *st = &p->steps[i];
        const struct dli_value *v = &p->values[st->out];
        dli_strbuf_addf(&b, "%-32s %-24s %-8s %s", p->graph->vertices[st->vertex].name, st->kernel,
                        v->layout == DLI_BLOCKED ? "blocked" : "plain", DLI_SHAPE_STR(&st->out_shape));
        if (st->fused && st->fuse.padded)
            dli_strbuf_add(&b, " +padding");
        if (st->fused && st->fuse.add)
            dli_strbuf_add(&b, " +add");
        if (st->fused && st->fuse.act)
            dli_strbuf_addf(&b, " +%s", st->fuse.act->name);
        if (st->fused && st->fuse.pool2)
            dli_strbuf_add(&b, " +pool");
        if (st->runs_in != i)
            dli_strbuf_add(&b, st->runs_in == DLI_NOWHERE ? " in its place" : " with the next");
        if (st->packed_bytes)
            dli_strbuf_addf(&b, " packed %zu", st->packed_bytes);
        dli_strbuf_addc(&b, '\n');
    }
    dli_strbuf_addf(&b, "arena %" PRId64 " bytes, packed weights %" PRId64 " bytes, batch %" PRId64 ", memory=%s\n", m.arena_bytes,
                    m.packed_bytes, p->batch, p->flags & DL4C_SESSION_LOW_MEMORY ? "low" : "default");
    dli_strbuf_addf(&b, "weights %" PRId64 " bytes, %" PRId64 " of them mapped, %" PRId64 " read in place; %" PRId64 " bytes in all\n",
                    m.weights_bytes, m.mapped_bytes, m.read_bytes, m.total_bytes);
    dli_strbuf_addf(&b, "precision %s\n", dl4c_precision_name(p->precision));
    return dli_strbuf_take(&b, text, err);
}
