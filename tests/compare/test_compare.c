/* SPDX-License-Identifier: Apache-2.0 */
/* For every cause a pair of models, or of settings, that differ in exactly that: it must be named at the stage where it acts. */
#define _XOPEN_SOURCE 700
#include "../image/make.h"
#include "support/fail_alloc.h"
#include <dl4c/compare.h>
#include <dl4c/model.h>

#include <stdarg.h>
#include <setjmp.h>
#include <cmocka.h>
#include <dirent.h>
#include <math.h>
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

/* ---- networks and inputs --------------------------------------------------------------------------------------- */

struct net {
    const char *conv, *norm, *pool, *out; /* text forms */
};
static const struct net plain = { "conv2d:units=16,kernel=3,stride=2,mode=same,activation=relu", "batch_norm:eps=1e-5",
                                  "avg_pool:kernel=3,stride=2,padding=1", "output:units=5" };

static dl4c_graph *make(const struct net *n, int64_t side)
{
    dl4c_builder *b = NULL;
    dl4c_graph *g = NULL;
    const int64_t shape[] = { 3, side, side };
    const char *in[] = { "image" }, *c[] = { "conv1" }, *m[] = { "bn1" }, *p[] = { "pool1" };
    OK(dl4c_builder_create(NULL, NULL, &b, &err));
    dl4c_builder_input(b, "image", shape, 3);
    dl4c_builder_add_text(b, n->conv, "conv1", in, 1);
    dl4c_builder_add_text(b, n->norm, "bn1", c, 1);
    dl4c_builder_add_text(b, n->pool, "pool1", m, 1);
    dl4c_builder_add_text(b, n->out, "out", p, 1);
    OK(dl4c_builder_finish(&b, &g, &err));
    return g;
}

static dl4c_tensor *ramp(int64_t side)
{
    const int64_t shape[] = { 2, 3, side, side };
    dl4c_tensor *t = NULL;
    OK(dl4c_tensor_create(NULL, DL4C_F32, shape, 4, &t, &err));
    float *v = dl4c_tensor_data(t);
    for (int64_t i = 0; i < dl4c_tensor_size(t); i++)
        v[i] = (float)(((uint64_t)i * 2654435761u >> 7) % 256);
    return t;
}

/* The comparison's stage, cause and sentence are those expected. NULL: nothing differs. */
static void check(const dl4c_comparison *c, const char *stage, const char *cause, const char *words)
{
    const char *name, *sentence;
    char *text = NULL;
    OK(dl4c_comparison_text(c, &text, &err));
    dl4c_comparison_cause(c, &name, &sentence);
    if (!stage) {
        if (dl4c_comparison_first(c) >= 0)
            fail_msg("a difference was found:\n%s", text);
        assert_null(name);
        assert_non_null(strstr(text, "No stage differs"));
    } else {
        struct dl4c_compare_stage s = DL4C_COMPARE_STAGE_INIT;
        if (dl4c_comparison_first(c) < 0)
            fail_msg("no difference was found:\n%s", text);
        OK(dl4c_comparison_stage(c, dl4c_comparison_first(c), &s, &err));
        if (strcmp(s.name, stage) != 0 || !name || strcmp(name, cause) != 0 || !strstr(sentence, words))
            fail_msg("wanted %s at %s with \"%s\" in\n%s", cause, stage, words, text);
        assert_non_null(strstr(text, sentence));
    }
    dl4c_free(text);
}

static void compare_nets(const struct net *na, const struct net *nb, const char *stage, const char *cause, const char *words)
{
    struct dl4c_compare_side a = DL4C_COMPARE_SIDE_INIT, b = DL4C_COMPARE_SIDE_INIT;
    struct dl4c_compare_options o = DL4C_COMPARE_OPTIONS_INIT;
    dl4c_comparison *c = NULL;
    dl4c_tensor *x = ramp(32);
    a.graph = make(na, 32);
    b.graph = make(nb, 32);
    o.input = x;
    OK(dl4c_compare(NULL, &a, &b, &o, &c, &err));
    check(c, stage, cause, words);
    dl4c_comparison_destroy(&c);
    dl4c_tensor_unref(&x);
    dl4c_graph_destroy(&a.graph);
    dl4c_graph_destroy(&b.graph);
}

/* ---- vertices: two graphs --------------------------------------------------------------------------------------- */

static void equal_models_do_not_differ(void **state)
{
    (void)state;
    compare_nets(&plain, &plain, NULL, NULL, NULL);
}

static void the_mode_of_padding_is_named(void **state)
{
    struct net b = plain;
    (void)state;
    b.conv = "conv2d:units=16,kernel=3,stride=2,mode=same_lower,activation=relu";
    compare_nets(&plain, &b, "conv1", "padding", "mode");
}

static void epsilon_is_named(void **state)
{
    struct net b = plain;
    (void)state;
    b.norm = "batch_norm:eps=1e-3";
    compare_nets(&plain, &b, "bn1", "epsilon", "1e-05 in A and 0.001 in B");
}

static void counting_of_padding_is_named(void **state)
{
    struct net b = plain;
    (void)state;
    b.pool = "avg_pool:kernel=3,stride=2,padding=1,include_pad=1";
    compare_nets(&plain, &b, "pool1", "include_pad", "pool1");
}

static void activation_is_named(void **state)
{
    struct net b = plain;
    (void)state;
    b.conv = "conv2d:units=16,kernel=3,stride=2,mode=same,activation=leaky_relu(leak=0.3)";
    compare_nets(&plain, &b, "conv1", "activation", "leaky_relu(leak=0.3)");
}

static void weights_are_named(void **state)
{
    struct net b = plain;
    (void)state;
    b.conv = "conv2d:units=16,kernel=3,stride=2,mode=same,activation=relu,bias_init=3";
    compare_nets(&plain, &b, "conv1", "weights", "Parameter b of 'conv1'");
}

/* A copy of a graph with one parameter's values changed by fn. */
static dl4c_graph *changed(dl4c_graph *g, const char *vertex, const char *param, void (*fn)(const float *, float *, const dl4c_tensor *))
{
    dl4c_builder *b = NULL;
    dl4c_graph *out = NULL;
    dl4c_tensor *w = NULL, *v = NULL;
    OK(dl4c_graph_param(g, vertex, param, &w, &err));
    OK(dl4c_tensor_create(NULL, DL4C_F32, dl4c_tensor_shape(w), dl4c_tensor_rank(w), &v, &err));
    OK(dl4c_tensor_copy(v, w, &err));
    float *from = malloc((size_t)dl4c_tensor_size(v) * sizeof *from);
    assert_non_null(from);
    memcpy(from, dl4c_tensor_data(v), (size_t)dl4c_tensor_size(v) * sizeof *from);
    fn(from, dl4c_tensor_data(v), v);
    OK(dl4c_builder_create(NULL, g, &b, &err));
    dl4c_builder_param(b, vertex, param, v);
    OK(dl4c_builder_finish(&b, &out, &err));
    free(from);
    dl4c_tensor_unref(&w);
    dl4c_tensor_unref(&v);
    return out;
}

static void reverse_channels(const float *from, float *to, const dl4c_tensor *w)
{
    const int64_t n = dl4c_tensor_dim(w, 0), c = dl4c_tensor_dim(w, 1), plane = dl4c_tensor_dim(w, 2) * dl4c_tensor_dim(w, 3);
    for (int64_t k = 0; k < n; k++)
        for (int64_t j = 0; j < c; j++)
            memcpy(to + (k * c + j) * plane, from + (k * c + c - 1 - j) * plane, (size_t)plane * sizeof *to);
}

static void divide_by_255(const float *from, float *to, const dl4c_tensor *w)
{
    for (int64_t i = 0; i < dl4c_tensor_size(w); i++)
        to[i] = from[i] / 255;
}

/* Row (c, h, w) of the dense weight moves to where (h, w, c) lies: what reads the maps the other way round. */
static void rows_last(const float *from, float *to, const dl4c_tensor *w)
{
    const int64_t rows = dl4c_tensor_dim(w, 0), units = dl4c_tensor_dim(w, 1), c = 16, plane = rows / c;
    for (int64_t j = 0; j < c; j++)
        for (int64_t i = 0; i < plane; i++)
            memcpy(to + (j * plane + i) * units, from + (i * c + j) * units, (size_t)units * sizeof *to);
}

static void compare_changed(const char *vertex, const char *param, void (*fn)(const float *, float *, const dl4c_tensor *),
                            const char *cause, const char *words)
{
    struct dl4c_compare_side a = DL4C_COMPARE_SIDE_INIT, b = DL4C_COMPARE_SIDE_INIT;
    struct dl4c_compare_options o = DL4C_COMPARE_OPTIONS_INIT;
    dl4c_comparison *c = NULL;
    dl4c_tensor *x = ramp(32);
    a.graph = make(&plain, 32);
    b.graph = changed(a.graph, vertex, param, fn);
    o.input = x;
    OK(dl4c_compare(NULL, &a, &b, &o, &c, &err));
    check(c, vertex, cause, words);
    dl4c_comparison_destroy(&c);
    dl4c_tensor_unref(&x);
    dl4c_graph_destroy(&a.graph);
    dl4c_graph_destroy(&b.graph);
}

static void a_network_for_the_other_order_of_colours_is_named(void **state)
{
    (void)state;
    compare_changed("conv1", "W", reverse_channels, "order", "BGR and RGB are swapped at 'conv1'");
}

static void a_network_for_scaled_pixels_is_named(void **state)
{
    (void)state;
    compare_changed("conv1", "W", divide_by_255, "scale", "scale01");
}

static void the_order_of_flattening_is_named(void **state)
{
    (void)state;
    compare_changed("out", "W", rows_last, "layout", "NHWC");
}

/* ---- vertices: a folder of another program's arrays ------------------------------------------------------------- */

static void save(const char *dir, const char *name, const dl4c_tensor *t)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s.npy", dir, name);
    OK(dl4c_tensor_save_npy(t, path, &err));
}

static void save_activations(dl4c_graph *g, dl4c_tensor *x, const char *dir, int last)
{
    static const char *const names[] = { "conv1", "bn1", "pool1", "out" };
    struct dl4c_session_options o = DL4C_SESSION_OPTIONS_INIT;
    dl4c_session *s = NULL;
    o.batch = dl4c_tensor_dim(x, 0);
    o.outputs = names;
    o.n_outputs = 4;
    OK(dl4c_session_create(NULL, g, &o, &s, &err));
    OK(dl4c_session_run(s, &x, 1, &err));
    for (int k = 0; k < 4; k++) {
        dl4c_tensor *y, *turned = NULL;
        const int32_t perm[] = { 0, 2, 3, 1 };
        OK(dl4c_session_output(s, k, &y, &err));
        if (last && dl4c_tensor_rank(y) == 4) {
            OK(dl4c_tensor_transpose(y, perm, &turned, &err));
            save(dir, names[k], turned);
            dl4c_tensor_unref(&turned);
        } else {
            save(dir, names[k], y);
        }
    }
    dl4c_session_destroy(&s);
}

static void remove_dir(const char *dir)
{
    DIR *d = opendir(dir);
    struct dirent *e;
    char path[512];
    while (d && (e = readdir(d))) {
        snprintf(path, sizeof path, "%s/%s", dir, e->d_name);
        unlink(path);
    }
    if (d)
        closedir(d);
    rmdir(dir);
}

static void compare_folder(const struct net *na, const struct net *nb, int last, int64_t side, const char *stage, const char *cause,
                           const char *words)
{
    char dir[] = "/tmp/dl4c-compare-XXXXXX";
    struct dl4c_compare_side a = DL4C_COMPARE_SIDE_INIT, b = DL4C_COMPARE_SIDE_INIT;
    struct dl4c_compare_options o = DL4C_COMPARE_OPTIONS_INIT;
    dl4c_comparison *c = NULL;
    dl4c_tensor *x = ramp(side);
    assert_non_null(mkdtemp(dir));
    dl4c_graph *other = make(nb, side);
    save_activations(other, x, dir, last);
    a.graph = make(na, side);
    b.activations = dir;
    o.input = x;
    OK(dl4c_compare(NULL, &a, &b, &o, &c, &err));
    check(c, stage, cause, words);
    dl4c_comparison_destroy(&c);
    dl4c_tensor_unref(&x);
    dl4c_graph_destroy(&a.graph);
    dl4c_graph_destroy(&other);
    remove_dir(dir);
}

static void a_folder_of_equal_arrays_does_not_differ(void **state)
{
    (void)state;
    compare_folder(&plain, &plain, 0, 32, NULL, NULL, NULL);
    compare_folder(&plain, &plain, 1, 28, NULL, NULL, NULL); /* [n, 14, 14, 16]: the layout shows in the shape */
}

static void a_folder_tells_epsilon_padding_activation_and_layout(void **state)
{
    struct net b = plain;
    (void)state;
    b.norm = "batch_norm:eps=1e-3";
    compare_folder(&plain, &b, 0, 32, "bn1", "epsilon", "1e-3");
    b = plain;
    b.conv = "conv2d:units=16,kernel=3,stride=2,padding=1,activation=relu";
    compare_folder(&plain, &b, 0, 32, "conv1", "padding", "start");
    b = plain;
    b.conv = "conv2d:units=16,kernel=3,stride=2,mode=same";
    compare_folder(&plain, &b, 0, 32, "conv1", "activation", "none");
    b = plain;
    b.pool = "avg_pool:kernel=3,stride=2,padding=1,include_pad=1";
    compare_folder(&plain, &b, 0, 32, "pool1", "include_pad", "include_pad=1");
    /* [n, 16, 16, 16]: the shape does not show that the channels are last */
    compare_folder(&plain, &plain, 1, 32, "conv1", "layout", "NHWC");
}

static void what_no_cause_explains_is_said_to_be_unknown(void **state)
{
    struct net b = plain;
    (void)state;
    b.conv = "conv2d:units=16,kernel=3,stride=2,mode=same,activation=tanh,bias_init=0.5";
    compare_folder(&plain, &b, 0, 32, "conv1", "unknown", "none of weights, padding");
}

/* What is no number on both sides is the same; on one side it is a difference like no other. */
static void not_a_number_is_equal_to_itself_alone(void **state)
{
    char dir[] = "/tmp/dl4c-compare-XXXXXX";
    struct dl4c_compare_side a = DL4C_COMPARE_SIDE_INIT, b = DL4C_COMPARE_SIDE_INIT;
    struct dl4c_compare_options o = DL4C_COMPARE_OPTIONS_INIT;
    struct dl4c_compare_stage s = DL4C_COMPARE_STAGE_INIT;
    struct net nb = plain;
    dl4c_comparison *c = NULL;
    dl4c_tensor *x = ramp(32), *y = NULL;
    (void)state;
    ((float *)dl4c_tensor_data(x))[5] = NAN; /* of the first row: the second stays what it is */
    a.graph = make(&plain, 32);
    b.graph = make(&plain, 32);
    o.input = x;
    OK(dl4c_compare(NULL, &a, &b, &o, &c, &err));
    check(c, NULL, NULL, NULL);
    dl4c_comparison_destroy(&c);
    dl4c_graph_destroy(&b.graph);
    nb.norm = "batch_norm:eps=1e-3";
    b.graph = make(&nb, 32);
    OK(dl4c_compare(NULL, &a, &b, &o, &c, &err));
    check(c, "bn1", "epsilon", "");
    dl4c_comparison_destroy(&c);
    dl4c_graph_destroy(&b.graph);

    ((float *)dl4c_tensor_data(x))[5] = 1;
    assert_non_null(mkdtemp(dir));
    save_activations(a.graph, x, dir, 0);
    char path[256];
    snprintf(path, sizeof path, "%s/bn1.npy", dir);
    OK(dl4c_tensor_load_npy(NULL, path, &y, &err));
    assert_non_null(dl4c_tensor_data(y));
    ((float *)dl4c_tensor_data(y))[7] = NAN;
    save(dir, "bn1", y);
    b.activations = dir;
    OK(dl4c_compare(NULL, &a, &b, &o, &c, &err));
    check(c, "bn1", "unknown", "");
    OK(dl4c_comparison_stage(c, dl4c_comparison_first(c), &s, &err));
    assert_true(isinf(s.error));
    dl4c_comparison_destroy(&c);
    remove_dir(dir);
    dl4c_tensor_unref(&y);
    dl4c_tensor_unref(&x);
    dl4c_graph_destroy(&a.graph);
}

/* ---- names ------------------------------------------------------------------------------------------------------ */

/* B has other names and its activation as a vertex of its own. */
static dl4c_graph *renamed(void)
{
    dl4c_builder *b = NULL;
    dl4c_graph *g = NULL;
    const int64_t shape[] = { 3, 32, 32 };
    const char *n[] = { "x" };
    OK(dl4c_builder_create(NULL, NULL, &b, &err));
    dl4c_builder_input(b, "x", shape, 3);
    dl4c_builder_add_text(b, "conv2d:units=16,kernel=3,stride=2,mode=same", "c", n, 1);
    n[0] = "c";
    dl4c_builder_add_text(b, "relu", "r", n, 1);
    n[0] = "r";
    dl4c_builder_add_text(b, "batch_norm:eps=1e-3", "n", n, 1);
    n[0] = "n";
    dl4c_builder_add_text(b, plain.pool, "p", n, 1);
    n[0] = "p";
    dl4c_builder_add_text(b, plain.out, "o", n, 1);
    OK(dl4c_builder_finish(&b, &g, &err));
    return g;
}

static void copy_params(dl4c_graph **g, dl4c_graph *from, const char *const *pairs, int n)
{
    dl4c_builder *b = NULL;
    OK(dl4c_builder_create(NULL, *g, &b, &err));
    for (int k = 0; k < n; k++) {
        dl4c_tensor *w = NULL, *bias = NULL;
        OK(dl4c_graph_param(from, pairs[2 * k], "W", &w, &err));
        OK(dl4c_graph_param(from, pairs[2 * k], "b", &bias, &err));
        dl4c_builder_param(b, pairs[2 * k + 1], "W", w);
        dl4c_builder_param(b, pairs[2 * k + 1], "b", bias);
        dl4c_tensor_unref(&w);
        dl4c_tensor_unref(&bias);
    }
    dl4c_graph_destroy(g);
    OK(dl4c_builder_finish(&b, g, &err));
}

static void other_names_are_paired_by_order_or_by_a_map(void **state)
{
    static const char *const pairs[] = { "conv1", "c", "out", "o" };
    static const char *const map[] = { "conv1", "c", "bn1", "n", "pool1", "p" }, *const wrong[] = { "conv1", "nowhere" };
    struct dl4c_compare_side a = DL4C_COMPARE_SIDE_INIT, b = DL4C_COMPARE_SIDE_INIT;
    struct dl4c_compare_options o = DL4C_COMPARE_OPTIONS_INIT;
    struct dl4c_compare_stage s = DL4C_COMPARE_STAGE_INIT;
    dl4c_comparison *c = NULL;
    dl4c_tensor *x = ramp(32);
    (void)state;
    a.graph = make(&plain, 32);
    b.graph = renamed();
    copy_params(&b.graph, a.graph, pairs, 2);
    o.input = x;
    OK(dl4c_compare(NULL, &a, &b, &o, &c, &err));
    check(c, "bn1", "epsilon", "0.001 in B");
    OK(dl4c_comparison_stage(c, 0, &s, &err));
    assert_string_equal(s.name, "conv1");
    assert_string_equal(s.other, "r"); /* the value behind the activation */
    dl4c_comparison_destroy(&c);
    o.map = map;
    o.n_map = 3;
    OK(dl4c_compare(NULL, &a, &b, &o, &c, &err));
    check(c, "bn1", "epsilon", "0.001 in B");
    assert_int_equal(dl4c_comparison_count(c), 3);
    dl4c_comparison_destroy(&c);
    o.map = wrong;
    o.n_map = 1;
    assert_int_equal(dl4c_compare(NULL, &a, &b, &o, &c, &err), DL4C_E_NOTFOUND);
    assert_null(c);
    dl4c_tensor_unref(&x);
    dl4c_graph_destroy(&a.graph);
    dl4c_graph_destroy(&b.graph);
}

/* ---- images ------------------------------------------------------------------------------------------------------ */

/* Orientation 6: a quarter turn. */
static const uint8_t exif[] = { 'E',  'x', 'i', 'f', 0, 0, 'I', 'I', '*', 0, 8, 0, 0, 0, 1, 0,
                                0x12, 1,   3,   0,   1, 0, 0,   0,   6,   0, 0, 0, 0, 0, 0, 0 };

static uint8_t *photo(int components, int turned, size_t *size)
{
    const struct jpeg_kind kind = { .width = 91,
                                    .height = 67,
                                    .components = components,
                                    .sampling = 1,
                                    .app1 = turned ? exif : NULL,
                                    .app1_size = turned ? sizeof exif : 0 };
    uint8_t *bytes = make_jpeg(&kind, size);
    assert_non_null(bytes);
    return bytes;
}

static void compare_settings(int components, int turned, const char *pa, const char *pb, int32_t side_b, const char *stage,
                             const char *cause, const char *words)
{
    struct dl4c_compare_side a = DL4C_COMPARE_SIDE_INIT, b = DL4C_COMPARE_SIDE_INIT;
    struct dl4c_compare_options o = DL4C_COMPARE_OPTIONS_INIT;
    struct dl4c_preprocess ppa, ppb;
    dl4c_comparison *c = NULL;
    size_t size;
    uint8_t *bytes = photo(components, turned, &size);
    const struct net any = { plain.conv, plain.norm, "global_pool", "output:units=5" };
    OK(dl4c_preprocess_parse(NULL, pa, &ppa, &err));
    OK(dl4c_preprocess_parse(NULL, pb, &ppb, &err));
    a.graph = b.graph = make(&any, 32);
    a.preprocess = &ppa;
    b.preprocess = &ppb;
    b.height = b.width = side_b;
    o.image = bytes;
    o.image_bytes = size;
    OK(dl4c_compare(NULL, &a, &b, &o, &c, &err));
    check(c, stage, cause, words);
    dl4c_comparison_destroy(&c);
    dl4c_graph_destroy(&a.graph);
    free(bytes);
}

static void every_setting_of_an_image_is_named(void **state)
{
    (void)state;
    compare_settings(3, 1, "vgg16", "vgg16", 0, NULL, NULL, NULL);
    compare_settings(3, 1, "vgg16", "vgg16:exif=off", 0, "decode", "exif", "EXIF orientation 6");
    compare_settings(3, 1, "vgg16:exif=off", "vgg16", 0, "decode", "exif", "A keeps it as stored");
    compare_settings(3, 0, "vgg16", "vgg16:resize=pillow", 0, "resize", "resize", "antialiased");
    compare_settings(3, 0, "vgg16", "vgg16:resize=nearest", 0, "resize", "resize", "nearest");
    compare_settings(3, 0, "vgg16", "vgg16:fit=crop", 0, "resize", "fit", "crops the centre");
    compare_settings(3, 0, "vgg16", "vgg16:fit=pad", 0, "resize", "fit", "pads");
    compare_settings(3, 0, "vgg16", "vgg16", 24, "resize", "size", "A feeds 32 x 32, B 24 x 24");
    compare_settings(3, 0, "dl4j", "none", 0, "normalise", "order", "A's channels are BGR, B's RGB");
    compare_settings(3, 0, "vgg16", "vgg16:order=rgb", 0, "normalise", "order", "A's channels are BGR, B's RGB");
    compare_settings(3, 0, "vgg16", "dl4j", 0, "normalise", "mean", "103.939, 116.779, 123.68, B none");
    compare_settings(3, 0, "dl4j", "vgg16", 0, "normalise", "mean", "A subtracts no mean");
    compare_settings(3, 0, "none", "scale01", 0, "normalise", "scale", "A divides by 1");
    compare_settings(4, 0, "vgg16", "vgg16", 0, NULL, NULL, NULL);
    compare_settings(4, 0, "vgg16", "vgg16:cmyk=pillow", 0, "decode", "cmyk", "A rounds CMYK as OpenCV, B as Pillow");
    compare_settings(4, 1, "vgg16", "vgg16:exif=off", 0, "decode", "exif", "orientation 6");
    /* two at once: both are named */
    compare_settings(3, 1, "vgg16", "vgg16:exif=off,resize=pillow", 0, "decode", "exif", "pillow");
}

/* Only the network's input is known, as it left the other program. */
static void the_input_of_another_program_is_explained(void **state)
{
    static const struct {
        const char *pa, *pb, *cause, *words;
        int last;
    } cases[] = {
        { "keras-vgg16", "keras-vgg16", NULL, NULL, 0 },
        { "vgg16", "keras-vgg16", "exif", "nearest", 0 },
        { "vgg16", "vgg16:exif=off", "exif", "orientation 6", 0 },
        { "vgg16", "vgg16:resize=pillow", "resize", "pillow", 0 },
        { "vgg16", "dl4j", "mean", "B none", 0 },
        { "torchvision:exif=on", "scale01:resize=pillow,fit=crop,enlarge=1.142857142857143", "mean", "divides by 255", 0 },
        { "vgg16", "vgg16", "layout", "NHWC", 1 },
    };
    (void)state;
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        char dir[] = "/tmp/dl4c-compare-XXXXXX";
        struct dl4c_compare_side a = DL4C_COMPARE_SIDE_INIT, b = DL4C_COMPARE_SIDE_INIT;
        struct dl4c_compare_options o = DL4C_COMPARE_OPTIONS_INIT;
        struct dl4c_image_options io = DL4C_IMAGE_OPTIONS_INIT;
        struct dl4c_preprocess pa, pb;
        dl4c_comparison *c = NULL;
        dl4c_image *img = NULL;
        dl4c_tensor *x = NULL, *y = NULL;
        size_t size;
        const int64_t shape[] = { 1, 3, 32, 32 };
        uint8_t *bytes = photo(3, 1, &size);
        assert_non_null(mkdtemp(dir));
        OK(dl4c_preprocess_parse(NULL, cases[k].pa, &pa, &err));
        OK(dl4c_preprocess_parse(NULL, cases[k].pb, &pb, &err));
        a.graph = make(&plain, 32);
        a.preprocess = &pa;
        b.activations = dir;
        dl4c_preprocess_options(&pb, &io);
        OK(dl4c_image_decode(NULL, bytes, size, &io, &img, &err));
        OK(dl4c_tensor_create(NULL, DL4C_F32, shape, 4, &x, &err));
        OK(dl4c_image_to_floats(img, &pb, 3, 32, 32, dl4c_tensor_data(x), &err));
        if (cases[k].last) { /* the bytes of [h, w, c] under the shape of [c, h, w] */
            const float *v = dl4c_tensor_data(x);
            OK(dl4c_tensor_create(NULL, DL4C_F32, shape, 4, &y, &err));
            float *w = dl4c_tensor_data(y);
            for (int i = 0; i < 32 * 32; i++)
                for (int j = 0; j < 3; j++)
                    w[i * 3 + j] = v[j * 32 * 32 + i];
            save(dir, "input", y);
        } else {
            save(dir, "input", x);
        }
        save_activations(a.graph, x, dir, 0);
        o.image = bytes;
        o.image_bytes = size;
        OK(dl4c_compare(NULL, &a, &b, &o, &c, &err));
        check(c, cases[k].cause ? "normalise" : NULL, cases[k].cause, cases[k].words);
        dl4c_comparison_destroy(&c);
        dl4c_tensor_unref(&x);
        dl4c_tensor_unref(&y);
        dl4c_image_destroy(&img);
        dl4c_graph_destroy(&a.graph);
        free(bytes);
        remove_dir(dir);
    }
}

/* ---- what is refused --------------------------------------------------------------------------------------------- */

static void wrong_calls_are_refused(void **state)
{
    struct dl4c_compare_side a = DL4C_COMPARE_SIDE_INIT, b = DL4C_COMPARE_SIDE_INIT;
    struct dl4c_compare_options o = DL4C_COMPARE_OPTIONS_INIT;
    dl4c_comparison *c = (void *)1;
    dl4c_tensor *x = ramp(32);
    (void)state;
    o.input = x;
    assert_int_equal(dl4c_compare(NULL, &a, &b, &o, &c, &err), DL4C_E_INVALID);
    assert_null(c);
    a.graph = b.graph = make(&plain, 32);
    b.activations = "/tmp";
    assert_int_equal(dl4c_compare(NULL, &a, &b, &o, &c, &err), DL4C_E_INVALID);
    b.graph = NULL;
    b.activations = "/no/such/folder";
    assert_int_equal(dl4c_compare(NULL, &a, &b, &o, &c, &err), DL4C_E_NOTFOUND);
    b.graph = a.graph;
    b.activations = NULL;
    o.image = "x";
    assert_int_equal(dl4c_compare(NULL, &a, &b, &o, &c, &err), DL4C_E_INVALID);
    o.input = NULL;
    o.image_bytes = 1;
    assert_int_equal(dl4c_compare(NULL, &a, &b, &o, &c, &err), DL4C_E_INVALID); /* no preprocessing */
    assert_non_null(strstr(err.message, "preprocessed"));
    dl4c_tensor_unref(&x);
    dl4c_graph_destroy(&a.graph);
}

struct pair {
    dl4c_graph *a, *b;
    dl4c_tensor *x;
};

static dl4c_status compare_once(dl4c_context *ctx, void *arg, struct dl4c_error *e)
{
    struct pair *p = arg;
    struct dl4c_compare_side a = DL4C_COMPARE_SIDE_INIT, b = DL4C_COMPARE_SIDE_INIT;
    struct dl4c_compare_options o = DL4C_COMPARE_OPTIONS_INIT;
    dl4c_comparison *c = NULL;
    a.graph = p->a;
    b.graph = p->b;
    o.input = p->x;
    const dl4c_status status = dl4c_compare(ctx, &a, &b, &o, &c, e);
    assert_true((status == DL4C_OK) == (c != NULL));
    dl4c_comparison_destroy(&c);
    return status;
}

static void every_failed_allocation_is_reported_and_leaks_nothing(void **state)
{
    struct net other = plain;
    struct pair p;
    (void)state;
    other.norm = "batch_norm:eps=1e-3";
    p.a = make(&plain, 32);
    p.b = make(&other, 32);
    p.x = ramp(32);
    fail_alloc_run(compare_once, &p);
    dl4c_graph_destroy(&p.a);
    dl4c_graph_destroy(&p.b);
    dl4c_tensor_unref(&p.x);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equal_models_do_not_differ),
        cmocka_unit_test(the_mode_of_padding_is_named),
        cmocka_unit_test(epsilon_is_named),
        cmocka_unit_test(counting_of_padding_is_named),
        cmocka_unit_test(activation_is_named),
        cmocka_unit_test(weights_are_named),
        cmocka_unit_test(a_network_for_the_other_order_of_colours_is_named),
        cmocka_unit_test(a_network_for_scaled_pixels_is_named),
        cmocka_unit_test(the_order_of_flattening_is_named),
        cmocka_unit_test(a_folder_of_equal_arrays_does_not_differ),
        cmocka_unit_test(a_folder_tells_epsilon_padding_activation_and_layout),
        cmocka_unit_test(what_no_cause_explains_is_said_to_be_unknown),
        cmocka_unit_test(not_a_number_is_equal_to_itself_alone),
        cmocka_unit_test(other_names_are_paired_by_order_or_by_a_map),
        cmocka_unit_test(every_setting_of_an_image_is_named),
        cmocka_unit_test(the_input_of_another_program_is_explained),
        cmocka_unit_test(wrong_calls_are_refused),
        cmocka_unit_test(every_failed_allocation_is_reported_and_leaks_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
