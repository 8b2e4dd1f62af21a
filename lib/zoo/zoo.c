/* SPDX-License-Identifier: Apache-2.0 */
/* The list of networks, and building one. */
#include "zoo/zoo.h"

#include <stdio.h>
#include <string.h>

extern const struct dli_zoo dli_zoo_alexnet, dli_zoo_darknet19, dli_zoo_lenet, dli_zoo_resnet50, dli_zoo_simplecnn, dli_zoo_squeezenet,
    dli_zoo_unet, dli_zoo_vgg16, dli_zoo_vgg19, dli_zoo_xception;

static const struct dli_zoo *const networks[] = {
    /* sorted */
    &dli_zoo_alexnet,    &dli_zoo_darknet19, &dli_zoo_lenet, &dli_zoo_resnet50, &dli_zoo_simplecnn,
    &dli_zoo_squeezenet, &dli_zoo_unet,      &dli_zoo_vgg16, &dli_zoo_vgg19,    &dli_zoo_xception,
};
enum { N_NETWORKS = sizeof networks / sizeof networks[0], LARGEST = 1 << 16 };

int32_t dl4c_zoo_count(void) { return N_NETWORKS; }

static dl4c_status tell(const struct dli_zoo *z, struct dl4c_zoo_info *out, struct dl4c_error *err)
{
    return dli_struct_out(out, &z->info, sizeof z->info, "zoo", err);
}

dl4c_status dl4c_zoo_get(int32_t i, struct dl4c_zoo_info *out, struct dl4c_error *err)
{
    if (i < 0 || i >= N_NETWORKS)
        return dli_fail(err, DL4C_E_INVALID, "zoo", "there are %d networks, number %" PRId32 " was asked for", (int)N_NETWORKS, i);
    return tell(networks[i], out, err);
}

/* ASCII, whatever the locale says. */
static bool same_name(const char *a, const char *b)
{
    for (;; a++, b++) {
        const char x = *a >= 'A' && *a <= 'Z' ? (char)(*a - 'A' + 'a') : *a;
        if (x != *b)
            return false;
        if (!x)
            return true;
    }
}

dl4c_status dli_zoo_lookup(const char *name, const struct dli_zoo **z, struct dl4c_error *err)
{
    char names[256];
    size_t n = 0;
    for (int32_t i = 0; name && i < N_NETWORKS; i++)
        if (same_name(name, networks[i]->info.name)) {
            *z = networks[i];
            return DL4C_OK;
        }
    for (int32_t i = 0; i < N_NETWORKS && n < sizeof names; i++)
        n += (size_t)snprintf(names + n, sizeof names - n, "%s%s", i ? ", " : "", networks[i]->info.name);
    return dli_fail(err, DL4C_E_NOTFOUND, "zoo", "there is no network \"%.60s\" in the zoo; there are %s", name ? name : "", names);
}

dl4c_status dl4c_zoo_find(const char *name, struct dl4c_zoo_info *out, struct dl4c_error *err)
{
    const struct dli_zoo *z;
    DLI_TRY(dli_zoo_lookup(name, &z, err));
    return tell(z, out, err);
}

void dli_zoo_add(struct dli_zoo_net *n, const char *name, const char *inputs, const char *fmt, ...)
{
    enum { MOST = 8 };
    char text[256], copy[256];
    const char *names[MOST];
    int32_t k = 0;
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    snprintf(copy, sizeof copy, "%s", inputs ? inputs : n->last);
    for (char *p = copy; p && k < MOST;) {
        names[k++] = p;
        p = strchr(p, ',');
        if (p)
            *p++ = 0;
    }
    dl4c_builder_add_text(n->b, text, name, names, k);
    snprintf(n->last, sizeof n->last, "%s", name);
}

static int64_t pick(int32_t wanted, int32_t published) { return wanted ? wanted : published; }

static dl4c_status check(const struct dli_zoo *z, const struct dl4c_zoo_options *o, struct dl4c_error *err)
{
    const struct dl4c_zoo_info *i = &z->info;
    const int64_t h = pick(o->height, i->height), w = pick(o->width, i->width), c = pick(o->channels, i->channels);
    if (o->flags & ~(uint64_t)DL4C_ZOO_PUBLISHED_NAMES)
        return dli_fail(err, DL4C_E_INVALID, "zoo", "the options have unknown flags");
    if (o->n_classes < 0 || o->n_classes > 1 << 24)
        return dli_fail(err, DL4C_E_INVALID, "zoo", "%s cannot have %" PRId32 " classes", i->name, o->n_classes);
    if (o->n_classes && !i->n_classes)
        return dli_fail(err, DL4C_E_INVALID, "zoo", "%s maps images to images and has no classes, %" PRId32 " were asked for", i->name,
                        o->n_classes);
    if (c < 1 || c > LARGEST || h < 1 || h > LARGEST || w < 1 || w > LARGEST)
        return dli_fail(err, DL4C_E_INVALID, "zoo", "%s cannot take images of %" PRId64 " channels, %" PRId64 " x %" PRId64, i->name, c, h,
                        w);
    if (h < z->least || w < z->least)
        return dli_fail(err, DL4C_E_INVALID, "zoo",
                        "an image of %" PRId64 " x %" PRId64 " is too small for %s, wanted at least %" PRId64 " x %" PRId64, h, w, i->name,
                        z->least, z->least);
    return DL4C_OK;
}

static dl4c_status build(const struct dli_zoo *z, const struct dl4c_zoo_options *o, dl4c_builder *b, struct dl4c_error *err)
{
    struct dli_zoo_net n = { .b = b,
                             .classes = pick(o->n_classes, z->info.n_classes),
                             .channels = pick(o->channels, z->info.channels),
                             .height = pick(o->height, z->info.height),
                             .width = pick(o->width, z->info.width),
                             .published = o->flags & DL4C_ZOO_PUBLISHED_NAMES };
    const int64_t shape[] = { n.channels, n.height, n.width };
    dl4c_builder_seed(b, o->seed ? o->seed : 42);
    snprintf(n.last, sizeof n.last, "%s", z->input);
    dl4c_builder_input(b, z->input, shape, 3);
    z->build(&n);
    DLI_TRY(dli_builder_status(b, err));
    dl4c_graph *g = dli_builder_graph(b);
    g->multilayer = z->multilayer;
    g->whole_gradients = z->whole_gradients;
    if (z->flat_input)
        g->vertices[1].maps = true; /* the first layer behind the input */
    g->updater = dli_strdup(g->ctx, o->updater ? o->updater : z->info.updater, err);
    if (!g->updater)
        return dli_alloc_status();
    return o->weights ? dli_zoo_weights(b, o->weights, o->n_classes != 0, o, err) : DL4C_OK;
}

dl4c_status dli_zoo_builder(dl4c_context *ctx, const struct dli_zoo *z, const struct dl4c_zoo_options *o, dl4c_builder **b,
                            struct dl4c_error *err)
{
    *b = NULL;
    DLI_TRY(check(z, o, err));
    DLI_TRY(dl4c_builder_create(ctx, NULL, b, err));
    const dl4c_status status = build(z, o, *b, err);
    if (status != DL4C_OK)
        dl4c_builder_destroy(b);
    return status;
}

dl4c_status dl4c_zoo_create(dl4c_context *ctx, const char *name, const struct dl4c_zoo_options *options, dl4c_graph **graph,
                            struct dl4c_error *err)
{
    const struct dli_zoo *z;
    struct dl4c_zoo_options o;
    dl4c_builder *b = NULL;
    if (!graph)
        return dli_fail(err, DL4C_E_INVALID, "zoo", "graph is NULL");
    *graph = NULL;
    DLI_TRY(dli_zoo_lookup(name, &z, err));
    DLI_TRY(dli_struct_in(&o, sizeof o, options, "zoo", err));
    dl4c_status status = dli_zoo_builder(ctx, z, &o, &b, err);
    if (status == DL4C_OK)
        status = dl4c_builder_finish(&b, graph, err);
    if (status != DL4C_OK)
        return status;
    struct dl4c_model_info info = DL4C_MODEL_INFO_INIT;
    info.height = (int32_t)pick(o.height, z->info.height);
    info.width = (int32_t)pick(o.width, z->info.width);
    info.preprocess = o.weights ? z->info.preprocess : NULL;
    status = dl4c_graph_set_info(*graph, &info, err);
    if (status != DL4C_OK)
        dl4c_graph_destroy(graph);
    return status;
}
