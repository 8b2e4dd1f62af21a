/* SPDX-License-Identifier: Apache-2.0 */
/* The zoo against the configurations that Deeplearning4j wrote of its own (../shared/dl4j/json), and weights from files. */
#define _POSIX_C_SOURCE 200809L
#include "formats/dl4j/config.h"
#include "support/fail_alloc.h"
#include "zoo/zoo.h"
#include <dl4c/model.h>

#include <stdarg.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct dl4c_error err;
#define OK(expr)                                                                                                                           \
    do {                                                                                                                                   \
        if ((expr) != DL4C_OK)                                                                                                             \
            fail_msg("%s: %s: %s", #expr, err.origin, err.message);                                                                        \
    } while (0)

/* ---- against the reference ------------------------------------------------------------------------------------ */

static int same_attr(const struct dl4c_attr *a, const struct dl4c_attr *b)
{
    if (a->type != b->type || a->count != b->count)
        return 0;
    switch (a->type) {
    case DL4C_ATTR_INT: return a->v.i == b->v.i;
    case DL4C_ATTR_FLOAT: return a->v.f == b->v.f;
    case DL4C_ATTR_STR: return !a->v.s == !b->v.s && (!a->v.s || strcmp(a->v.s, b->v.s) == 0);
    case DL4C_ATTR_INTS: return memcmp(a->v.is, b->v.is, (size_t)a->count * sizeof *a->v.is) == 0;
    default: return memcmp(a->v.fs, b->v.fs, (size_t)a->count * sizeof *a->v.fs) == 0;
    }
}

static void compare_attrs(const dl4c_graph *ours, const dl4c_graph *theirs, int32_t i, const char *vertex)
{
    struct dl4c_attr a, b;
    for (int32_t k = 0; dl4c_graph_vertex_attr(ours, i, k, &a, NULL) == DL4C_OK; k++) {
        OK(dl4c_graph_vertex_attr(theirs, i, k, &b, &err));
        if (strcmp(a.name, "n_in") == 0)
            continue; /* written out in files, worked out here */
        if (!same_attr(&a, &b))
            fail_msg("attribute %s of '%s' is not the reference's: \"%s\" against \"%s\" (where texts)", a.name, vertex,
                     a.type == DL4C_ATTR_STR && a.v.s ? a.v.s : "", b.type == DL4C_ATTR_STR && b.v.s ? b.v.s : "");
    }
}

/* Names, order, operators, connections, attributes, shapes, parameters, and what the whole is. */
static void compare(const dl4c_graph *ours, const dl4c_graph *theirs)
{
    assert_int_equal(ours->n_vertices, theirs->n_vertices);
    for (int32_t i = 0; i < ours->n_vertices; i++) {
        const struct dli_vertex *a = &ours->vertices[i], *b = &theirs->vertices[i];
        assert_string_equal(a->name, b->name);
        assert_ptr_equal(a->op, b->op);
        assert_int_equal(a->n_inputs, b->n_inputs);
        for (int32_t k = 0; k < a->n_inputs; k++)
            assert_int_equal(a->inputs[k], b->inputs[k]);
        if (a->op)
            compare_attrs(ours, theirs, i, a->name);
        assert_int_equal(a->maps, b->maps);
        assert_int_equal(a->shape.rank, b->shape.rank);
        assert_memory_equal(a->shape.dim, b->shape.dim, (size_t)a->shape.rank * sizeof *a->shape.dim);
        assert_int_equal(a->n_params, b->n_params);
        assert_int_equal(dli_vertex_floats(a), dli_vertex_floats(b));
    }
    assert_int_equal(ours->n_outputs, theirs->n_outputs);
    for (int32_t k = 0; k < ours->n_outputs; k++)
        assert_int_equal(ours->outputs[k], theirs->outputs[k]);
    assert_int_equal(ours->multilayer, theirs->multilayer);
    assert_int_equal(ours->whole_gradients, theirs->whole_gradients);
    assert_string_equal(ours->updater, theirs->updater);
}

static const struct network {
    const char *name, *file;
    int64_t params; /* as the reference counts them */
} networks[] = {
    { "alexnet", "AlexNet", 62378344 },   { "darknet19", "Darknet19", 20856776 }, { "lenet", "LeNet", 1256080 },
    { "resnet50", "ResNet50", 25636712 }, { "simplecnn", "SimpleCNN", 651418 },   { "squeezenet", "SqueezeNet", 1235496 },
    { "unet", "UNet", 31032837 },         { "vgg16", "VGG16", 138357544 },        { "vgg19", "VGG19", 126885928 },
    { "xception", "Xception", 22910480 },
};
enum { NETWORKS = sizeof networks / sizeof networks[0] };

/* A network with all its shapes and no parameter drawn, which takes most of the time. */
static dl4c_builder *undrawn(const char *name, const struct dl4c_zoo_options *options)
{
    const struct dl4c_zoo_options none = DL4C_ZOO_OPTIONS_INIT;
    const struct dli_zoo *z;
    dl4c_builder *b = NULL;
    OK(dli_zoo_lookup(name, &z, &err));
    OK(dli_zoo_builder(NULL, z, options ? options : &none, &b, &err));
    OK(dli_graph_resolve(dli_builder_graph(b), false, &err));
    return b;
}

static dl4c_builder *recorded(const char *path)
{
    struct dli_dl4j_config c;
    dl4c_context *ctx = dli_context(NULL, &err);
    json_t *root = json_load_file(path, 0, NULL);
    dl4c_builder *b = NULL;
    assert_non_null(root);
    OK(dl4c_builder_create(NULL, NULL, &b, &err));
    OK(dli_dl4j_config_read(ctx, root, &c, &err));
    OK(dli_dl4j_config_build(&c, b, &dli_builder_graph(b)->updater, &err));
    OK(dli_graph_resolve(dli_builder_graph(b), false, &err));
    dli_dl4j_config_free(&c);
    json_decref(root);
    return b;
}

static void every_network_is_the_references_to_the_attribute(void **state)
{
    int compared = 0;
    (void)state;
    for (int i = 0; i < NETWORKS; i++) {
        char path[256];
        snprintf(path, sizeof path, "../shared/dl4j/json/%s.json", networks[i].file);
        if (access(path, R_OK) != 0)
            continue;
        dl4c_builder *ours = undrawn(networks[i].name, NULL), *theirs = recorded(path);
        /* Files do not say the input's size where no layer needs it; the maps must come out the same for ours. */
        dl4c_graph *g = dli_builder_graph(theirs);
        memcpy(g->vertices[0].shape.dim, dli_builder_graph(ours)->vertices[0].shape.dim, 3 * sizeof(int64_t));
        OK(dli_graph_resolve(g, false, &err));
        print_message("%s\n", networks[i].name);
        compare(dli_builder_graph(ours), dli_builder_graph(theirs));
        dl4c_builder_destroy(&ours);
        dl4c_builder_destroy(&theirs);
        compared++;
    }
    if (compared == 0) {
        print_message("skipped: ../shared/dl4j/json is not there\n");
        skip();
    }
}

static void parameter_counts_are_the_recorded_ones_and_those_announced(void **state)
{
    (void)state;
    assert_int_equal(dl4c_zoo_count(), NETWORKS);
    for (int i = 0; i < NETWORKS; i++) {
        struct dl4c_zoo_info info = DL4C_ZOO_INFO_INIT;
        int64_t total;
        OK(dl4c_zoo_get(i, &info, &err));
        assert_string_equal(info.name, networks[i].name);
        assert_int_equal(info.param_count, networks[i].params);
        dl4c_builder *b = undrawn(info.name, NULL);
        const dl4c_graph *g = dli_builder_graph(b);
        total = 0;
        for (int32_t v = 0; v < g->n_vertices; v++)
            total += dli_vertex_floats(&g->vertices[v]);
        assert_int_equal(total, networks[i].params);
        dl4c_builder_destroy(&b);
    }
}

/* ---- options --------------------------------------------------------------------------------------------------- */

static void vgg16_has_the_published_names_where_asked(void **state)
{
    struct dl4c_zoo_options o = DL4C_ZOO_OPTIONS_INIT;
    static const char *const names[] = { "in",           "block1_conv1", "block1_conv2", "block1_pool",  "block2_conv1", "block2_conv2",
                                         "block2_pool",  "block3_conv1", "block3_conv2", "block3_conv3", "block3_pool",  "block4_conv1",
                                         "block4_conv2", "block4_conv3", "block4_pool",  "block5_conv1", "block5_conv2", "block5_conv3",
                                         "block5_pool",  "fc1",          "fc2",          "predictions" };
    (void)state;
    o.flags = DL4C_ZOO_PUBLISHED_NAMES;
    dl4c_builder *b = undrawn("VGG16", &o);
    const dl4c_graph *g = dli_builder_graph(b);
    assert_int_equal(g->n_vertices, sizeof names / sizeof *names);
    for (int32_t i = 0; i < g->n_vertices; i++)
        assert_string_equal(g->vertices[i].name, names[i]);
    dl4c_builder_destroy(&b);
    /* 143 667 240 as Keras counts its file: the reference's own builder leaves fc2 out */
    int64_t total = 0;
    b = undrawn("vgg19", &o);
    g = dli_builder_graph(b);
    for (int32_t i = 0; i < g->n_vertices; i++)
        total += dli_vertex_floats(&g->vertices[i]);
    assert_int_equal(total, 143667240);
    dl4c_builder_destroy(&b);
}

static void classes_and_size_are_the_callers(void **state)
{
    (void)state;
    for (int i = 0; i < NETWORKS; i++) {
        struct dl4c_zoo_options o = DL4C_ZOO_OPTIONS_INIT;
        const bool maps = strcmp(networks[i].name, "unet") == 0;
        o.n_classes = maps ? 0 : 7;
        o.height = 176;
        o.width = 192;
        o.channels = 2;
        dl4c_builder *b = undrawn(networks[i].name, &o);
        const dl4c_graph *g = dli_builder_graph(b);
        const int64_t want[] = { 2, 176, 192 };
        assert_memory_equal(g->vertices[0].shape.dim, want, sizeof want);
        assert_int_equal(g->vertices[g->outputs[0]].shape.rank, maps ? 3 : 1);
        assert_int_equal(g->vertices[g->outputs[0]].shape.dim[0], maps ? 1 : 7);
        dl4c_builder_destroy(&b);
    }
}

/* The least side announced is one that builds, and the one below is refused with both numbers. */
static void an_image_too_small_is_refused_by_name(void **state)
{
    (void)state;
    for (int i = 0; i < NETWORKS; i++) {
        const struct dli_zoo *z;
        dl4c_graph *g = (void *)1;
        struct dl4c_zoo_options o = DL4C_ZOO_OPTIONS_INIT;
        OK(dli_zoo_lookup(networks[i].name, &z, &err));
        o.height = o.width = (int32_t)z->least;
        dl4c_builder *b = undrawn(networks[i].name, &o);
        dl4c_builder_destroy(&b);
        if (z->least == 1)
            continue;
        o.width--;
        assert_int_equal(dl4c_zoo_create(NULL, networks[i].name, &o, &g, &err), DL4C_E_INVALID);
        assert_null(g);
        assert_non_null(strstr(err.message, "too small"));
        /* and the operators would have refused it: the limit is not made up */
        struct dli_zoo lower = *z;
        lower.least = 1;
        const dl4c_status status = dli_zoo_builder(NULL, &lower, &o, &b, &err);
        assert_true(status != DL4C_OK || dli_graph_resolve(dli_builder_graph(b), false, &err) != DL4C_OK);
        dl4c_builder_destroy(&b);
    }
}

static void wrong_options_are_refused(void **state)
{
    dl4c_graph *g = (void *)1;
    struct dl4c_zoo_info info = DL4C_ZOO_INFO_INIT;
    (void)state;
    assert_int_equal(dl4c_zoo_create(NULL, "vgg17", NULL, &g, &err), DL4C_E_NOTFOUND);
    assert_null(g);
    assert_non_null(strstr(err.message, "vgg16"));
    assert_int_equal(dl4c_zoo_find(NULL, &info, &err), DL4C_E_NOTFOUND);
    assert_int_equal(dl4c_zoo_get(NETWORKS, &info, &err), DL4C_E_INVALID);
    struct dl4c_zoo_options o = DL4C_ZOO_OPTIONS_INIT;
    o.n_classes = 3;
    assert_int_equal(dl4c_zoo_create(NULL, "unet", &o, &g, &err), DL4C_E_INVALID);
    assert_non_null(strstr(err.message, "no classes"));
    o.n_classes = -1;
    assert_int_equal(dl4c_zoo_create(NULL, "lenet", &o, &g, &err), DL4C_E_INVALID);
    o = (struct dl4c_zoo_options)DL4C_ZOO_OPTIONS_INIT;
    o.flags = 2;
    assert_int_equal(dl4c_zoo_create(NULL, "lenet", &o, &g, &err), DL4C_E_INVALID);
    o = (struct dl4c_zoo_options)DL4C_ZOO_OPTIONS_INIT;
    o.weights = "/no/such/file.zip";
    assert_int_equal(dl4c_zoo_create(NULL, "lenet", &o, &g, &err), DL4C_E_NOTFOUND);
    assert_null(g);
}

/* ---- parameters ------------------------------------------------------------------------------------------------ */

static char *digest(dl4c_graph *g)
{
    char *hex = NULL;
    OK(dl4c_graph_digest(g, &hex, &err));
    return hex;
}

static void the_seed_decides_the_parameters(void **state)
{
    struct dl4c_zoo_options o = DL4C_ZOO_OPTIONS_INIT;
    char *hex[3];
    (void)state;
    for (int i = 0; i < 3; i++) {
        dl4c_graph *g = NULL;
        o.seed = i < 2 ? 5 : 6;
        OK(dl4c_zoo_create(NULL, "simplecnn", &o, &g, &err));
        hex[i] = digest(g);
        dl4c_graph_destroy(&g);
    }
    assert_string_equal(hex[0], hex[1]);
    assert_string_not_equal(hex[0], hex[2]);
    for (int i = 0; i < 3; i++)
        dl4c_free(hex[i]);
}

static void first_weights(dl4c_graph *g, const char *vertex, float *w, size_t n)
{
    dl4c_tensor *t = NULL;
    OK(dl4c_graph_param(g, vertex, "W", &t, &err));
    memcpy(w, dl4c_tensor_data_const(t), n * sizeof *w);
    dl4c_tensor_unref(&t);
}

/* A small vgg16 written with the published names, read into one with the zoo's; then with other classes, where only the last is new. */
static void weights_of_a_file_are_taken_by_name_or_order(void **state)
{
    struct dl4c_zoo_options o = DL4C_ZOO_OPTIONS_INIT;
    char path[] = "/tmp/dl4c-zoo-XXXXXX", file[64];
    dl4c_graph *a = NULL, *b = NULL;
    float wa[8], wb[8];
    (void)state;
    assert_non_null(mkdtemp(path));
    snprintf(file, sizeof file, "%s/w.zip", path);
    o.seed = 9;
    OK(dl4c_zoo_create(NULL, "simplecnn", &o, &a, &err));
    OK(dl4c_model_save(a, file, NULL, &err));
    o.seed = 1;
    o.weights = file;
    OK(dl4c_zoo_create(NULL, "simplecnn", &o, &b, &err));
    char *x = digest(a), *y = digest(b);
    assert_string_equal(x, y);
    dl4c_free(x);
    dl4c_free(y);
    dl4c_graph_destroy(&b);

    /* other classes without saying so: refused, and the layer is named */
    OK(dl4c_zoo_create(NULL, "simplecnn", &(struct dl4c_zoo_options){ .struct_size = sizeof o, .n_classes = 3 }, &b, &err));
    OK(dl4c_model_save(b, file, NULL, &err));
    dl4c_graph *c = (void *)1;
    assert_int_equal(dl4c_zoo_create(NULL, "simplecnn", &o, &c, &err), DL4C_E_INVALID);
    assert_null(c);
    assert_non_null(strstr(err.message, "layer30"));
    o.n_classes = 5;
    OK(dl4c_zoo_create(NULL, "simplecnn", &o, &c, &err));
    first_weights(b, "layer28", wa, 8);
    first_weights(c, "layer28", wb, 8);
    assert_memory_equal(wa, wb, sizeof wa);
    dl4c_graph_destroy(&a);
    dl4c_graph_destroy(&b);
    dl4c_graph_destroy(&c);
    unlink(file);
    rmdir(path);
}

/* By order: a copy of lenet under other names. */
static void weights_under_other_names_are_taken_by_order(void **state)
{
    struct dl4c_zoo_options o = DL4C_ZOO_OPTIONS_INIT;
    char path[] = "/tmp/dl4c-zoo-XXXXXX", file[64];
    dl4c_builder *b = NULL;
    dl4c_graph *g = NULL, *net = NULL;
    const int64_t shape[] = { 1, 28, 28 };
    const char *in[] = { "a" }, *next[] = { "b" };
    float wa[8], wb[8];
    (void)state;
    assert_non_null(mkdtemp(path));
    snprintf(file, sizeof file, "%s/w.zip", path);
    OK(dl4c_builder_create(NULL, NULL, &b, &err));
    dl4c_builder_input(b, "a", shape, 3);
    dl4c_builder_add_text(b, "conv2d:units=20,kernel=5,mode=same,activation=relu", "b", in, 1);
    dl4c_builder_add_text(b, "max_pool:kernel=2,stride=2", "c", next, 1);
    next[0] = "c";
    dl4c_builder_add_text(b, "conv2d:units=50,kernel=5,mode=same,activation=relu", "d", next, 1);
    next[0] = "d";
    dl4c_builder_add_text(b, "max_pool:kernel=2,stride=2", "e", next, 1);
    next[0] = "e";
    dl4c_builder_add_text(b, "dense:units=500,activation=relu", "f", next, 1);
    next[0] = "f";
    dl4c_builder_add_text(b, "output:units=10,activation=softmax,loss=mcxent", "g", next, 1);
    OK(dl4c_builder_finish(&b, &g, &err));
    OK(dl4c_model_save(g, file, NULL, &err));
    o.weights = file;
    OK(dl4c_zoo_create(NULL, "lenet", &o, &net, &err));
    first_weights(g, "f", wa, 8);
    first_weights(net, "ffn1", wb, 8);
    assert_memory_equal(wa, wb, sizeof wa);
    dl4c_graph_destroy(&g);
    dl4c_graph_destroy(&net);
    unlink(file);
    rmdir(path);
}

static dl4c_status make_one(dl4c_context *ctx, void *arg, struct dl4c_error *e)
{
    struct dl4c_zoo_options o = DL4C_ZOO_OPTIONS_INIT;
    dl4c_graph *g = NULL;
    (void)arg;
    o.n_classes = 2;
    o.height = o.width = 8;
    const dl4c_status status = dl4c_zoo_create(ctx, "lenet", &o, &g, e);
    assert_true((status == DL4C_OK) == (g != NULL));
    dl4c_graph_destroy(&g);
    return status;
}

static void every_failed_allocation_is_reported_and_leaks_nothing(void **state)
{
    (void)state;
    fail_alloc_run(make_one, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_network_is_the_references_to_the_attribute),
        cmocka_unit_test(parameter_counts_are_the_recorded_ones_and_those_announced),
        cmocka_unit_test(vgg16_has_the_published_names_where_asked),
        cmocka_unit_test(classes_and_size_are_the_callers),
        cmocka_unit_test(an_image_too_small_is_refused_by_name),
        cmocka_unit_test(wrong_options_are_refused),
        cmocka_unit_test(the_seed_decides_the_parameters),
        cmocka_unit_test(weights_of_a_file_are_taken_by_name_or_order),
        cmocka_unit_test(weights_under_other_names_are_taken_by_order),
        cmocka_unit_test(every_failed_allocation_is_reported_and_leaks_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
