/* SPDX-License-Identifier: Apache-2.0 */
/* Comparing: both sides are run once with all their vertices as outputs, then the first pair that differs is looked into. */
#include "compare/compare.h"
#include "tensor/tensor.h"
#include <dl4c/fs.h>

#include <math.h>
#include <string.h>

static void side_free(struct dli_side *s)
{
    dl4c_image_destroy(&s->decoded);
    dl4c_image_destroy(&s->fitted);
    dl4c_tensor_unref(&s->x);
    dl4c_session_destroy(&s->session);
}

static void compare_free(struct dli_compare *c)
{
    for (int32_t k = 0; k < c->n_pairs; k++)
        if (c->pairs[k].b < 0)
            dl4c_tensor_unref(&c->pairs[k].yb);
    dli_free(c->pairs);
    side_free(&c->a);
    side_free(&c->b);
}

/* The preprocessing that a side asks for or records; false: neither. */
static dl4c_status preprocess_of(dl4c_context *ctx, const struct dl4c_compare_side *side, struct dl4c_preprocess *p, bool *known,
                                 struct dl4c_error *err)
{
    struct dl4c_model_info info = DL4C_MODEL_INFO_INIT;
    *known = true;
    if (side->preprocess) {
        *p = *side->preprocess;
        return DL4C_OK;
    }
    if (side->graph)
        DLI_TRY(dl4c_graph_info(side->graph, &info, err));
    *known = info.preprocess != NULL;
    return *known ? dl4c_preprocess_parse(ctx, info.preprocess, p, err) : DL4C_OK;
}

static dl4c_status open_side(struct dli_side *s, const struct dl4c_compare_side *o, char which, bool image, struct dl4c_error *err)
{
    s->graph = o->graph;
    s->folder = o->activations;
    s->height = o->height;
    s->width = o->width;
    if (!s->graph)
        return DL4C_OK;
    if (s->graph->n_inputs != 1)
        return dli_fail(err, DL4C_E_INVALID, "compare", "model %c has %" PRId32 " inputs, wanted one", which, s->graph->n_inputs);
    const struct dli_vertex *v = &s->graph->vertices[s->graph->inputs[0]];
    if (!image)
        return DL4C_OK;
    if (v->shape.rank != 3 || (v->shape.dim[0] != 1 && v->shape.dim[0] != 3))
        return dli_fail(err, DL4C_E_INVALID, "compare", "input '%.100s' of model %c takes no images of 1 or 3 channels", v->name, which);
    s->channels = (int32_t)v->shape.dim[0];
    if (!s->height && v->shape.dim[1] > 0)
        s->height = (int32_t)v->shape.dim[1];
    if (!s->width && v->shape.dim[2] > 0)
        s->width = (int32_t)v->shape.dim[2];
    if (s->height < 1 || s->width < 1 || s->height > 65535 || s->width > 65535)
        return dli_fail(err, DL4C_E_INVALID, "compare", "the size of the image of model %c is %" PRId32 " x %" PRId32 ", wanted 1 to 65535",
                        which, s->height, s->width);
    return DL4C_OK;
}

/* The caller's array with images as [n, c, h, w]; what a side makes of it without saying so is noted. */
static dl4c_status feed(struct dli_compare *c, struct dli_side *s, const char **note, struct dl4c_error *err)
{
    static const int32_t first[] = { 0, 3, 1, 2 };
    const struct dli_vertex *v = &s->graph->vertices[s->graph->inputs[0]];
    const dl4c_tensor *x = c->input;
    dl4c_tensor *turned = NULL;
    const bool maps = v->shape.rank == 3 && dl4c_tensor_rank(x) == 4;
    const bool as_rows = maps && dl4c_tensor_dim(x, 1) == v->shape.dim[0];
    const bool as_pixels = maps && dl4c_tensor_dim(x, 3) == v->shape.dim[0];
    *note = NULL;
    if (!maps || (as_rows && !(v->nhwc && as_pixels)))
        return dli_tensor_as_f32(x, &s->x, err);
    if (!as_pixels)
        return dli_fail(err, DL4C_E_INVALID, "compare", "the input has %" PRId64 " channels, '%.100s' wants %" PRId64,
                        dl4c_tensor_dim(x, 1), v->name, v->shape.dim[0]);
    if (!v->nhwc)
        *note = "the array's channels are last: it was turned";
    DLI_TRY(dl4c_tensor_transpose((dl4c_tensor *)x, first, &turned, err));
    const dl4c_status status = dli_tensor_as_f32(turned, &s->x, err);
    dl4c_tensor_unref(&turned);
    return status;
}

static dl4c_status inputs(struct dli_compare *c, struct dl4c_error *err)
{
    const char *name = c->a.graph->vertices[c->a.graph->inputs[0]].name, *note[2] = { NULL, NULL };
    if (c->image)
        return dli_compare_image(c, err);
    DLI_TRY(feed(c, &c->a, &note[0], err));
    if (!c->b.graph)
        return DL4C_OK;
    DLI_TRY(feed(c, &c->b, &note[1], err));
    if (note[0] || note[1])
        return dli_compare_stage(c, name, c->b.graph->vertices[c->b.graph->inputs[0]].name, NULL, note[note[0] ? 0 : 1], 0, 0,
                                 dl4c_tensor_size(c->a.x), c->tolerance, err);
    return DL4C_OK;
}

/* Runs a side with the vertices of its pairs as outputs. */
static dl4c_status run(struct dli_compare *c, struct dli_side *s, struct dl4c_error *err)
{
    const bool is_a = s == &c->a;
    struct dl4c_shape shape = { .rank = dl4c_tensor_rank(s->x) - 1 };
    struct dl4c_session_options o = DL4C_SESSION_OPTIONS_INIT;
    if (shape.rank < 1 || shape.rank > DL4C_MAX_RANK - 1 || dl4c_tensor_dim(s->x, 0) < 1)
        return dli_fail(err, DL4C_E_INVALID, "compare", "the input needs an axis for the batch and others behind it");
    for (int32_t k = 0; k < shape.rank; k++)
        shape.dim[k] = dl4c_tensor_dim(s->x, k + 1);
    const char **names = dli_array(c->ctx, (size_t)c->n_pairs, sizeof *names, err);
    if (!names)
        return dli_alloc_status();
    for (int32_t k = 0; k < c->n_pairs; k++)
        names[k] = s->graph->vertices[is_a ? c->pairs[k].a : c->pairs[k].b].name;
    o.batch = dl4c_tensor_dim(s->x, 0);
    o.outputs = names;
    o.n_outputs = c->n_pairs;
    o.input_shapes = &shape;
    o.n_input_shapes = 1;
    o.flags = DL4C_SESSION_NO_FUSION | DL4C_SESSION_CHANNELS_FIRST;
    dl4c_status status = dl4c_session_create(c->ctx, s->graph, &o, &s->session, err);
    if (status == DL4C_OK)
        status = dl4c_session_run(s->session, &s->x, 1, err);
    for (int32_t k = 0; k < c->n_pairs && status == DL4C_OK; k++)
        status = dl4c_session_output(s->session, k, is_a ? &c->pairs[k].ya : &c->pairs[k].yb, err);
    dli_free(names);
    return status;
}

static dl4c_status vertices(struct dli_compare *c, struct dl4c_error *err)
{
    int32_t first = -1;
    DLI_TRY(dli_compare_pairs(c, err));
    DLI_TRY(run(c, &c->a, err));
    DLI_TRY(dli_watch_check(&c->watch, err));
    if (c->b.graph)
        DLI_TRY(run(c, &c->b, err));
    DLI_TRY(dli_watch_check(&c->watch, err));
    const bool before = c->out->first >= 0;
    for (int32_t k = 0; k < c->n_pairs; k++) {
        const struct dli_pair *p = &c->pairs[k];
        const struct dli_vertex *v = &c->a.graph->vertices[p->a];
        double error, largest;
        const char *note;
        DLI_TRY(dli_compare_tensors(p->ya, p->yb, &error, &largest, &note, err));
        if (!(error <= c->tolerance) && first < 0)
            first = k;
        DLI_TRY(dli_compare_stage(c, v->name, p->other, v->op->name, note, error, largest, dl4c_tensor_size(p->ya), c->tolerance, err));
    }
    return before || first < 0 ? DL4C_OK : dli_compare_vertex(c, first, err);
}

static dl4c_status check(const struct dl4c_compare_side *a, const struct dl4c_compare_side *b, const struct dl4c_compare_options *o,
                         struct dl4c_error *err)
{
    if (!a->graph || a->activations)
        return dli_fail(err, DL4C_E_INVALID, "compare", "side A must be a graph");
    if (!b->graph == !b->activations)
        return dli_fail(err, DL4C_E_INVALID, "compare", "side B must be a graph or a folder of arrays, and not both");
    if (!o->image == !o->input)
        return dli_fail(err, DL4C_E_INVALID, "compare", "an image or an input is wanted, and not both");
    if (o->n_map < 0 || (o->n_map > 0 && !o->map) || o->reserved || o->flags || !(o->tolerance >= 0) || !isfinite(o->tolerance))
        return dli_fail(err, DL4C_E_INVALID, "compare", "the map, tolerance, reserved or flags of the options are wrong");
    return DL4C_OK;
}

static dl4c_status compare(struct dli_compare *c, const struct dl4c_compare_side *a, const struct dl4c_compare_side *b,
                           struct dl4c_error *err)
{
    const bool image = c->image != NULL;
    bool known_a, known_b;
    DLI_TRY(open_side(&c->a, a, 'A', image, err));
    DLI_TRY(open_side(&c->b, b, 'B', image, err));
    if (!c->b.graph) {
        struct dl4c_fs_stat stat = DL4C_FS_STAT_INIT;
        DLI_TRY(dl4c_fs_stat_uri(c->ctx, c->b.folder, &stat, err));
        if (stat.kind != DL4C_FS_DIRECTORY)
            return dli_fail(err, DL4C_E_INVALID, "compare", "%.300s is no folder", c->b.folder);
    }
    if (image) {
        DLI_TRY(preprocess_of(c->ctx, a, &c->a.p, &known_a, err));
        DLI_TRY(preprocess_of(c->ctx, b, &c->b.p, &known_b, err));
        if (!known_a && !known_b)
            return dli_fail(err, DL4C_E_INVALID, "compare", "neither side says how an image is preprocessed");
        if (!known_a)
            c->a.p = c->b.p;
        if (!known_b)
            c->b.p = c->a.p;
    }
    DLI_TRY(inputs(c, err));
    return vertices(c, err);
}

dl4c_status dl4c_compare(dl4c_context *ctx, const struct dl4c_compare_side *a, const struct dl4c_compare_side *b,
                         const struct dl4c_compare_options *options, dl4c_comparison **out, struct dl4c_error *err)
{
    struct dl4c_compare_side sa, sb;
    struct dl4c_compare_options o;
    if (!out)
        return dli_fail(err, DL4C_E_INVALID, "compare", "out is NULL");
    *out = NULL;
    DLI_TRY(dli_struct_in(&sa, sizeof sa, a, "compare", err));
    DLI_TRY(dli_struct_in(&sb, sizeof sb, b, "compare", err));
    DLI_TRY(dli_struct_in(&o, sizeof o, options, "compare", err));
    DLI_TRY(check(&sa, &sb, &o, err));
    if (!(ctx = dli_context_ref(ctx, err)))
        return dli_alloc_status();
    struct dli_compare c = { .ctx = ctx, .image = o.image, .image_bytes = o.image_bytes, .input = o.input, .map = o.map, .n_map = o.n_map };
    c.tolerance = o.tolerance > 0 ? o.tolerance : 1e-4;
    dli_watch_init(&c.watch, "compare", NULL, NULL, o.cancel, o.timeout_ms);
    c.out = dli_calloc(ctx, 1, sizeof *c.out, err);
    if (!c.out) {
        const dl4c_status status = dli_alloc_status();
        dli_context_unref(ctx);
        return status;
    }
    c.out->ctx = ctx;
    c.out->first = -1;
    const dl4c_status status = compare(&c, &sa, &sb, err);
    compare_free(&c);
    if (status == DL4C_OK)
        *out = c.out;
    else
        dl4c_comparison_destroy(&c.out);
    return status;
}
