/* SPDX-License-Identifier: Apache-2.0 */
/* Reading ONNX: vertices, names, shapes, weights, layouts, folding, refusals. Files are written here, field by field. */
#define _POSIX_C_SOURCE 200809L /* mkstemp */
#include "formats/onnx_writer.h"
#include "graph/graph.h"
#include "support/fail_alloc.h"
#include <dl4c/fs.h>
#include <dl4c/model.h>

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

static struct ow model, graph, attrs;

static void begin(void) { model.size = graph.size = attrs.size = 0; }

static const struct ow *take(void) /* the attributes so far; the next node begins afresh */
{
    static struct ow taken;
    taken = attrs;
    attrs.size = 0;
    return &taken;
}

static dl4c_graph *load(int64_t opset)
{
    dl4c_graph *g = NULL;
    struct dl4c_error err = DL4C_ERROR_INIT;
    ow_model(&model, opset, &graph);
    if (dl4c_model_load_memory(NULL, model.bytes, model.size, NULL, &g, &err) != DL4C_OK)
        fail_msg("%s", err.message);
    return g;
}

static void refused(int64_t opset, dl4c_status status, const char *part, const char *other)
{
    dl4c_graph *g = (dl4c_graph *)(void *)&g;
    struct dl4c_error err = DL4C_ERROR_INIT;
    ow_model(&model, opset, &graph);
    assert_int_equal(dl4c_model_load_memory(NULL, model.bytes, model.size, NULL, &g, &err), status);
    assert_null(g);
    if (!strstr(err.message, part) || !strstr(err.message, other))
        fail_msg("'%s' does not say %s and %s", err.message, part, other);
}

static void run(dl4c_graph *g, const float *x, const int64_t *shape, int rank, float *y, int64_t n)
{
    struct dl4c_error err = DL4C_ERROR_INIT;
    struct dl4c_session_options o = DL4C_SESSION_OPTIONS_INIT;
    dl4c_session *s = NULL;
    dl4c_tensor *in = NULL, *out = NULL;
    o.batch = shape[0];
    if (dl4c_tensor_create(NULL, DL4C_F32, shape, rank, &in, &err) || dl4c_session_create(NULL, g, &o, &s, &err))
        fail_msg("%s", err.message);
    memcpy(dl4c_tensor_data(in), x, (size_t)dl4c_tensor_size(in) * sizeof *x);
    if (dl4c_session_run(s, &in, 1, &err) || dl4c_session_output(s, 0, &out, &err))
        fail_msg("%s", err.message);
    assert_int_equal(dl4c_tensor_size(out), n);
    memcpy(y, dl4c_tensor_data_const(out), (size_t)n * sizeof *y);
    dl4c_tensor_unref(&in);
    dl4c_session_destroy(&s);
}

static struct dl4c_vertex vertex(dl4c_graph *g, const char *name)
{
    struct dl4c_vertex v = DL4C_VERTEX_INIT;
    struct dl4c_error err = DL4C_ERROR_INIT;
    int32_t i;
    if (dl4c_graph_find(g, name, &i, &err) || dl4c_graph_vertex(g, i, &v, &err))
        fail_msg("%s", err.message);
    return v;
}

static float some(int k) { return (float)((k * 37 + 11) % 23 - 11) / 8; } /* exact in f32 and bf16 */

/* x [N, 2, 4, 4] -> conv 3 3x3 pads 1 -> relu -> pool -> flatten -> gemm 5 -> softmax, weights in place. */
static void small_network(void)
{
    static const int64_t x[] = { -1, 2, 4, 4 }, w[] = { 3, 2, 3, 3 }, b[] = { 3 }, fc[] = { 5, 12 }, c[] = { 5 };
    static const int64_t pads[] = { 1, 1, 1, 1 }, two[] = { 2, 2 };
    float v[64];
    begin();
    for (int k = 0; k < 60; k++)
        v[k] = some(k);
    ow_attr_ints(&attrs, "pads", 4, pads);
    ow_node(&graph, "Conv", "c1", "x W b", "c1:0", take());
    ow_node(&graph, "Relu", NULL, "c1:0", "r1:0", NULL);
    ow_attr_ints(&attrs, "kernel_shape", 2, two);
    ow_attr_ints(&attrs, "strides", 2, two);
    ow_node(&graph, "MaxPool", "c1", "r1:0", "p1:0", take()); /* a second node called c1 */
    ow_node(&graph, "Flatten", "flat", "p1:0", "flat:0", NULL);
    ow_attr_i(&attrs, "transB", 1);
    ow_node(&graph, "Gemm", "fc", "flat:0 F c", "fc:0", take());
    ow_node(&graph, "Softmax", "soft", "fc:0", "y", NULL);
    ow_floats(&graph, "W", 4, w, v);
    ow_floats(&graph, "b", 1, b, v + 7);
    ow_floats(&graph, "F", 2, fc, v);
    ow_floats(&graph, "c", 1, c, v + 2);
    ow_input(&graph, "x", 4, x);
    ow_input(&graph, "W", 4, w); /* initialisers listed as inputs */
    ow_output(&graph, "y");
}

/* The same network in plain loops. */
static void small_reference(const float *x, float *y)
{
    float conv[3][4][4], pool[12], z[5], sum = 0, most = -INFINITY;
    for (int o = 0; o < 3; o++)
        for (int i = 0; i < 4; i++)
            for (int j = 0; j < 4; j++) {
                float s = some(7 + o);
                for (int c = 0; c < 2; c++)
                    for (int a = 0; a < 3; a++)
                        for (int b = 0; b < 3; b++) {
                            const int r = i + a - 1, q = j + b - 1;
                            if (r >= 0 && r < 4 && q >= 0 && q < 4)
                                s += some(((o * 2 + c) * 3 + a) * 3 + b) * x[(c * 4 + r) * 4 + q];
                        }
                conv[o][i][j] = s > 0 ? s : 0;
            }
    for (int o = 0; o < 3; o++)
        for (int i = 0; i < 2; i++)
            for (int j = 0; j < 2; j++)
                pool[(o * 2 + i) * 2 + j] = fmaxf(fmaxf(conv[o][2 * i][2 * j], conv[o][2 * i][2 * j + 1]),
                                                  fmaxf(conv[o][2 * i + 1][2 * j], conv[o][2 * i + 1][2 * j + 1]));
    for (int o = 0; o < 5; o++) {
        z[o] = some(2 + o);
        for (int k = 0; k < 12; k++)
            z[o] += some(o * 12 + k) * pool[k];
        most = fmaxf(most, z[o]);
    }
    for (int o = 0; o < 5; o++)
        sum += y[o] = expf(z[o] - most);
    for (int o = 0; o < 5; o++)
        y[o] /= sum;
}

static void a_small_network_gives_what_plain_loops_give(void **state)
{
    float x[64], y[10], want[5];
    const int64_t shape[] = { 2, 2, 4, 4 };
    small_network();
    dl4c_graph *g = load(13);
    for (int k = 0; k < 64; k++)
        x[k] = some(3 * k + 1) / 4;
    run(g, x, shape, 4, y, 10);
    for (int n = 0; n < 2; n++) {
        small_reference(x + 32 * n, want);
        for (int k = 0; k < 5; k++)
            assert_true(fabsf(y[5 * n + k] - want[k]) < 1e-6f); /* sums of at most 18 terms in another order */
    }
    dl4c_graph_destroy(&g);
}

static void vertices_have_the_nodes_names_and_the_tensors_shapes(void **state)
{
    static const char *const names[] = { "x", "c1", "r1:0", "c1_1", "flat", "fc", "soft" };
    static const char *const outputs[] = { "x", "c1:0", "r1:0", "p1:0", "flat:0", "fc:0", "y" };
    static const char *const ops[] = { "input", "conv2d", "relu", "max_pool", "flatten", "dense", "softmax" };
    small_network();
    dl4c_graph *g = load(13);
    assert_int_equal(dl4c_graph_vertex_count(g), 7);
    for (int i = 0; i < 7; i++) {
        struct dl4c_vertex v = DL4C_VERTEX_INIT;
        assert_int_equal(dl4c_graph_vertex(g, i, &v, NULL), DL4C_OK);
        assert_string_equal(v.name, names[i]);
        assert_string_equal(v.output, outputs[i]);
        assert_string_equal(v.op, ops[i]);
        assert_string_equal(vertex(g, outputs[i]).name, names[i]);
    }
    const struct dl4c_vertex conv = vertex(g, "c1"), fc = vertex(g, "fc");
    assert_int_equal(conv.rank, 3);
    assert_int_equal(conv.shape[0], 3);
    assert_int_equal(conv.shape[1], 4);
    assert_int_equal(conv.param_count, 57);
    assert_int_equal(fc.param_count, 65);
    assert_true(vertex(g, "y").is_output);
    dl4c_graph_destroy(&g);
}

static void weights_stay_where_they_are_in_the_file(void **state)
{
    char name[] = "/tmp/dl4c_onnx_XXXXXX";
    struct dl4c_error err = DL4C_ERROR_INIT;
    dl4c_graph *g = NULL;
    const int made = mkstemp(name);
    assert_true(made >= 0);
    close(made);
    small_network();
    ow_model(&model, 13, &graph);
    dl4c_fs_writer *w = NULL;
    assert_int_equal(dl4c_fs_create(NULL, name, &w, &err), DL4C_OK);
    assert_int_equal(dl4c_fs_write(w, model.bytes, model.size, &err), DL4C_OK);
    assert_int_equal(dl4c_fs_commit(&w, &err), DL4C_OK);
    assert_int_equal(dl4c_model_load(NULL, name, NULL, &g, &err), DL4C_OK);
    dl4c_fs_remove(NULL, name, NULL);
    const struct dli_vertex *conv = &g->vertices[dli_graph_index(g, "c1")], *fc = &g->vertices[dli_graph_index(g, "fc")];
    assert_ptr_equal(conv->params->p[0].blob, fc->params->p[0].blob); /* one blob: the file's */
    assert_ptr_equal(conv->params->p[0].blob, conv->params->p[1].blob);
    assert_int_equal(conv->params->p[0].blob->bytes, model.size);
    for (int k = 0; k < 54; k++) {
        float v;
        memcpy(&v, (const char *)dli_param_data(&conv->params->p[1]) + (size_t)k * sizeof v, sizeof v);
        assert_true(v == some(k));
    }
    dl4c_graph_destroy(&g);
}

/* x [N, 3] times W [3, 2], whose values lie in another file. */
static void model_with_external_data(const char *location, const char *offset, const char *length)
{
    static struct ow t, e;
    const int64_t x[] = { -1, 3 };
    const char *const keys[] = { "location", "offset", "length" }, *const values[] = { location, offset, length };
    begin();
    ow_node(&graph, "MatMul", "m", "x W", "y", NULL);
    t.size = 0;
    ow_number(&t, 1, 3);
    ow_number(&t, 1, 2);
    ow_number(&t, 2, OW_FLOAT);
    ow_text(&t, 8, "W");
    for (int k = 0; k < 3; k++) {
        e.size = 0;
        ow_text(&e, 1, keys[k]);
        ow_text(&e, 2, values[k]);
        if (values[k][0])
            ow_bytes(&t, 13, e.bytes, e.size);
    }
    ow_number(&t, 14, 1);
    ow_bytes(&graph, 5, t.bytes, t.size);
    ow_input(&graph, "x", 2, x);
    ow_output(&graph, "y");
}

static void write_file(const char *path, const void *bytes, size_t size)
{
    struct dl4c_error err = DL4C_ERROR_INIT;
    dl4c_fs_writer *w = NULL;
    if (dl4c_fs_create(NULL, path, &w, &err) || dl4c_fs_write(w, bytes, size, &err) || dl4c_fs_commit(&w, &err))
        fail_msg("%s", err.message);
}

static void weights_may_lie_in_a_file_beside_the_model(void **state)
{
    static const struct {
        const char *location, *offset, *length;
        dl4c_status status;
    } cases[] = {
        { "weights.bin", "8", "24", DL4C_OK },
        { "weights.bin", "8", "", DL4C_OK },
        { "weights.bin", "8", "20", DL4C_E_CORRUPT },
        { "weights.bin", "12", "24", DL4C_E_CORRUPT },
        { "weights.bin", "-8", "24", DL4C_E_CORRUPT },
        { "weights.bin", "9223372036854775807", "24", DL4C_E_CORRUPT },
        { "", "8", "24", DL4C_E_CORRUPT },
        { "missing.bin", "8", "24", DL4C_E_NOTFOUND },
        { "../weights.bin", "8", "24", DL4C_E_DENIED },
        { "/etc/passwd", "0", "24", DL4C_E_DENIED },
        { "a/../../weights.bin", "", "", DL4C_E_DENIED },
        { "file:///etc/passwd", "", "", DL4C_E_DENIED },
    };
    const float stored[] = { -1, -1, 1, 2, 3, 4, 5, 6 }, in[] = { 1, 10, 100 };
    const int64_t shape[] = { 1, 3 };
    char folder[] = "/tmp/dl4c_onnx_XXXXXX", path[64], weights[64];
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/model.onnx", folder);
    snprintf(weights, sizeof weights, "%s/weights.bin", folder);
    write_file(weights, stored, sizeof stored);
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
        struct dl4c_error err = DL4C_ERROR_INIT;
        dl4c_graph *g = NULL;
        float y[2];
        model_with_external_data(cases[k].location, cases[k].offset, cases[k].length);
        ow_model(&model, 13, &graph);
        write_file(path, model.bytes, model.size);
        if (dl4c_model_load(NULL, path, NULL, &g, &err) != cases[k].status)
            fail_msg("case %zu: %s", k, err.message);
        if (g) {
            run(g, in, shape, 2, y, 2);
            assert_true(y[0] == 531 && y[1] == 642);
        }
        dl4c_graph_destroy(&g);
    }
    model_with_external_data("weights.bin", "8", "24");
    refused(13, DL4C_E_UNSUPPORTED, "'W'", "another file"); /* from memory */
    dl4c_fs_remove(NULL, path, NULL);
    dl4c_fs_remove(NULL, weights, NULL);
    dl4c_fs_remove(NULL, folder, NULL);
}

static void initialisers_of_every_floating_type_give_the_same(void **state)
{
    /* 1.5, -0.375, 2, 0.0625 are exact in all of them. */
    static const float f32[] = { 1.5f, -0.375f, 2, 0.0625f };
    static const double f64[] = { 1.5, -0.375, 2, 0.0625 };
    static const uint16_t f16[] = { 0x3e00, 0xb600, 0x4000, 0x2c00 }, bf16[] = { 0x3fc0, 0xbec0, 0x4000, 0x3d80 };
    static const struct {
        int type;
        const void *raw;
        size_t size;
    } kinds[] = { { OW_FLOAT, f32, 16 }, { OW_DOUBLE, f64, 32 }, { OW_FLOAT16, f16, 8 }, { OW_BFLOAT16, bf16, 8 }, { 0, NULL, 0 } };
    const int64_t x[] = { -1, 2 }, w[] = { 2, 2 }, one[] = { 1, 2 };
    for (int k = 0; k < 5; k++) {
        const float in[] = { 1, 10 };
        float y[2];
        begin();
        ow_node(&graph, "MatMul", "mm", "x W", "y", NULL);
        if (kinds[k].type) {
            ow_tensor(&graph, "W", kinds[k].type, 2, w, kinds[k].raw, kinds[k].size);
        } else { /* float_data, packed in two pieces and one alone */
            static struct ow t;
            t.size = 0;
            ow_number(&t, 1, 2);
            ow_number(&t, 1, 2);
            ow_number(&t, 2, OW_FLOAT);
            ow_bytes(&t, 4, f32, 4);
            ow_bytes(&t, 4, f32 + 1, 12);
            ow_text(&t, 8, "W");
            ow_bytes(&graph, 5, t.bytes, t.size);
        }
        ow_input(&graph, "x", 2, x);
        ow_output(&graph, "y");
        dl4c_graph *g = load(9);
        run(g, in, one, 2, y, 2);
        assert_true(y[0] == 21.5f && y[1] == 0.25f); /* [1, 10] x [[1.5, -.375], [2, .0625]] */
        dl4c_graph_destroy(&g);
    }
}

static void shape_subgraphs_fold_away(void **state)
{
    /* Reshape(x, Concat(Unsqueeze(Gather(Shape(x), 0)), [-1])), as PyTorch writes x.view(x.size(0), -1). */
    const int64_t x[] = { -1, 2, 3, 4 }, zero = 0, minus = -1;
    begin();
    ow_node(&graph, "Shape", NULL, "x", "s", NULL);
    ow_attr_tensor(&attrs, "value", OW_INT64, 0, NULL, &zero, sizeof zero);
    ow_node(&graph, "Constant", NULL, "", "k", take());
    ow_attr_i(&attrs, "axis", 0);
    ow_node(&graph, "Gather", NULL, "s k", "n", take());
    ow_attr_ints(&attrs, "axes", 1, &zero);
    ow_node(&graph, "Unsqueeze", NULL, "n", "u", take());
    ow_ints(&graph, "rest", 1, &minus);
    ow_attr_i(&attrs, "axis", 0);
    ow_node(&graph, "Concat", NULL, "u rest", "shape", take());
    ow_node(&graph, "Reshape", "view", "x shape", "y", NULL);
    ow_input(&graph, "x", 4, x);
    ow_output(&graph, "y");
    dl4c_graph *g = load(11);
    assert_int_equal(dl4c_graph_vertex_count(g), 2);
    assert_int_equal(vertex(g, "view").rank, 1);
    assert_int_equal(vertex(g, "view").shape[0], 24);
    dl4c_graph_destroy(&g);
}

static void scalar(const char *name, int64_t v) { ow_tensor(&graph, name, OW_INT64, 0, NULL, &v, sizeof v); }

static void arithmetic_on_lengths_folds(void **state)
{
    /* What a channel shuffle is exported as: Reshape(x, [n, 2, c / 2, h * w, 1]) with n, c, h, w from Shape; then a Where over Equal. */
    static const char *const axes[] = { "0", "1", "2", "3" }, *const names[] = { "n", "c", "h", "w" };
    const int64_t x[] = { -1, 4, 6, 8 }, zero = 0, ones[] = { 1, 1, 1, 1, 1 }, minus[] = { -1, -1, -1, -1, -1 };
    begin();
    ow_node(&graph, "Shape", NULL, "x", "s", NULL);
    for (int k = 0; k < 4; k++) {
        char in[8] = "s ";
        scalar(axes[k], k);
        strcat(in, axes[k]);
        ow_node(&graph, "Gather", NULL, in, names[k], NULL);
    }
    scalar("two", 2);
    ow_node(&graph, "Div", NULL, "c two", "half", NULL);
    ow_node(&graph, "Mul", NULL, "h w", "hw", NULL);
    static const char *const parts[] = { "n", "two", "half", "hw", "one" };
    scalar("one", 1);
    ow_ints(&graph, "axes", 1, &zero);
    for (int k = 0; k < 5; k++) {
        char out[16] = "u_";
        char in[16] = "";
        strcat(out, parts[k]);
        strcat(strcat(in, parts[k]), " axes");
        ow_node(&graph, "Unsqueeze", NULL, in, out, NULL);
    }
    ow_attr_i(&attrs, "axis", 0);
    ow_node(&graph, "Concat", NULL, "u_n u_two u_half u_hw u_one", "to", take());
    ow_ints(&graph, "ones", 5, ones);
    ow_ints(&graph, "minus", 5, minus);
    ow_node(&graph, "Equal", NULL, "to minus", "open", NULL);
    ow_node(&graph, "Where", NULL, "open ones to", "same", NULL);
    ow_node(&graph, "Reshape", "r", "x same", "y", NULL);
    ow_input(&graph, "x", 4, x);
    ow_output(&graph, "y");
    dl4c_graph *g = load(13);
    const struct dl4c_vertex r = vertex(g, "r");
    const int64_t want[] = { 2, 2, 48, 1 };
    assert_int_equal(dl4c_graph_vertex_count(g), 2);
    assert_int_equal(r.rank, 4);
    for (int k = 0; k < 4; k++)
        assert_int_equal(r.shape[k], want[k]);
    dl4c_graph_destroy(&g);
}

static void slices_and_pads_with_folded_bounds_run(void **state)
{
    /* The shortcut of CIFAR ResNets: every second pixel, channels padded; PyTorch writes the pads backwards and turns them round. */
    const int64_t x[] = { -1, 2, 4, 4 }, shape[] = { 1, 2, 4, 4 };
    const int64_t zero = 0, two = 2, three = 3, far = INT64_MAX, minus = -1, least = -INT64_MAX;
    const int64_t turned[] = { 0, 0, 0, 0, 1, 3, 0, 0 }, rows[] = { 4, 2 }, perm[] = { 1, 0 };
    float in[32], y[24];
    begin();
    ow_ints(&graph, "zero", 1, &zero);
    ow_ints(&graph, "far", 1, &far);
    ow_ints(&graph, "two", 1, &two);
    ow_ints(&graph, "three", 1, &three);
    ow_node(&graph, "Slice", "rows", "x zero far two two", "a", NULL);
    ow_node(&graph, "Slice", "columns", "a zero far three two", "b", NULL);
    ow_ints(&graph, "turned", 8, turned);
    ow_ints(&graph, "pairs", 2, rows);
    ow_ints(&graph, "minus", 1, &minus);
    ow_ints(&graph, "least", 1, &least);
    ow_node(&graph, "Reshape", NULL, "turned pairs", "t0", NULL);
    ow_node(&graph, "Slice", NULL, "t0 minus least zero minus", "t1", NULL);
    ow_attr_ints(&attrs, "perm", 2, perm);
    ow_node(&graph, "Transpose", NULL, "t1", "t2", take());
    ow_node(&graph, "Reshape", NULL, "t2 minus", "pads", NULL);
    ow_node(&graph, "Pad", "pad", "b pads", "y", NULL);
    ow_input(&graph, "x", 4, x);
    ow_output(&graph, "y");
    dl4c_graph *g = load(13);
    assert_int_equal(dl4c_graph_vertex_count(g), 4);
    for (int k = 0; k < 32; k++)
        in[k] = (float)(k + 1);
    run(g, in, shape, 4, y, 24); /* [1 + 2 + 3, 2, 2] */
    for (int k = 0; k < 24; k++) {
        const int c = k / 4 - 1, i = k / 2 % 2, j = k % 2;
        assert_true(y[k] == (c >= 0 && c < 2 ? in[c * 16 + 8 * i + 2 * j] : 0));
    }
    dl4c_graph_destroy(&g);
}

static void softmax_takes_the_axis_of_its_opset(void **state)
{
    /* [1, 2, 1, 2]: until opset 12 over the whole row, since 13 over the last axis or the one named. */
    const int64_t x[] = { -1, 2, 1, 2 }, shape[] = { 1, 2, 1, 2 };
    const float in[] = { 0, 1, 2, 3 };
    static const int sums[][4] = { { 0, 0, 0, 0 }, { 0, 0, 1, 1 }, { 0, 1, 0, 1 } }; /* elements with one number sum to 1 */
    for (int k = 0; k < 3; k++) {
        float y[4], total[2] = { 0, 0 };
        begin();
        if (k == 2)
            ow_attr_i(&attrs, "axis", 1);
        ow_node(&graph, "Softmax", "s", "x", "y", take());
        ow_input(&graph, "x", 4, x);
        ow_output(&graph, "y");
        dl4c_graph *g = load(k == 0 ? 12 : 13);
        run(g, in, shape, 4, y, 4);
        for (int i = 0; i < 4; i++) {
            assert_true(y[i] > 0);
            total[sums[k][i]] += y[i];
        }
        assert_true(fabsf(total[0] - 1) < 1e-6f && fabsf(total[k == 0 ? 0 : 1] - 1) < 1e-6f);
        dl4c_graph_destroy(&g);
    }
}

static void a_batch_that_the_file_fixes_stays_free(void **state)
{
    const int64_t x[] = { 4, 2, 3, 4 }, to[] = { 4, 6, -1 };
    begin();
    ow_ints(&graph, "to", 3, to);
    ow_node(&graph, "Reshape", "r", "x to", "y", NULL);
    ow_input(&graph, "x", 4, x);
    ow_output(&graph, "y");
    dl4c_graph *g = load(13);
    assert_int_equal(vertex(g, "r").rank, 2);
    assert_int_equal(vertex(g, "r").shape[0], 6);
    assert_int_equal(vertex(g, "r").shape[1], 4);
    dl4c_graph_destroy(&g);
}

static void a_transpose_behind_the_input_becomes_its_layout(void **state)
{
    /* x [N, 2, 3, 2] channels last -> mean subtracted -> Transpose -> Relu -> Transpose -> Flatten */
    const int64_t x[] = { -1, 2, 3, 2 }, two[] = { 2 }, nchw[] = { 0, 3, 1, 2 }, nhwc[] = { 0, 2, 3, 1 }, shape[] = { 1, 2, 3, 2 };
    const float mean[] = { 1, 2 };
    float in[12], y[12];
    begin();
    ow_floats(&graph, "mean", 1, two, mean);
    ow_node(&graph, "Sub", "minus", "x mean", "d", NULL);
    ow_attr_ints(&attrs, "perm", 4, nchw);
    ow_node(&graph, "Transpose", "to_nchw", "d", "t", take());
    ow_node(&graph, "Relu", "relu", "t", "r", NULL);
    ow_attr_ints(&attrs, "perm", 4, nhwc);
    ow_node(&graph, "Transpose", "to_nhwc", "r", "u", take());
    ow_node(&graph, "Flatten", "flat", "u", "y", NULL);
    ow_input(&graph, "x", 4, x);
    ow_output(&graph, "y");
    dl4c_graph *g = load(13);
    static const char *const names[] = { "x", "minus", "relu", "to_nhwc", "flat" };
    assert_int_equal(dl4c_graph_vertex_count(g), 5);
    for (int i = 0; i < 5; i++)
        assert_string_equal(g->vertices[i].name, names[i]);
    assert_true(g->vertices[0].nhwc);
    assert_int_equal(g->vertices[0].shape.dim[0], 2);
    assert_int_equal(g->vertices[0].shape.dim[2], 3);
    for (int k = 0; k < 12; k++)
        in[k] = some(k) * 3;
    run(g, in, shape, 4, y, 12);
    for (int k = 0; k < 12; k++) {
        const float d = in[k] - mean[k % 2];
        assert_true(y[k] == (d > 0 ? d : 0)); /* channels last again, in the file's order */
    }
    /* Another size is asked for in the order in which the rows come. */
    const struct dl4c_shape other = { 3, 0, { 5, 4, 2 } };
    struct dl4c_session_options o = DL4C_SESSION_OPTIONS_INIT;
    struct dl4c_error err = DL4C_ERROR_INIT;
    struct dl4c_shape got;
    dl4c_session *s = NULL;
    o.input_shapes = &other;
    o.n_input_shapes = 1;
    assert_int_equal(dl4c_session_create(NULL, g, &o, &s, &err), DL4C_OK);
    assert_int_equal(dl4c_session_input_shape(s, 0, &got, &err), DL4C_OK);
    assert_memory_equal(got.dim, other.dim, 3 * sizeof *got.dim);
    dl4c_session_destroy(&s);
    dl4c_graph_destroy(&g);
}

static void transposes_that_cancel_disappear(void **state)
{
    const int64_t x[] = { -1, 3, 5, 5 }, nchw[] = { 0, 3, 1, 2 }, nhwc[] = { 0, 2, 3, 1 };
    begin();
    ow_node(&graph, "Relu", "a", "x", "r", NULL);
    ow_attr_ints(&attrs, "perm", 4, nhwc);
    ow_node(&graph, "Transpose", "t1", "r", "t", take());
    ow_attr_ints(&attrs, "perm", 4, nchw);
    ow_node(&graph, "Transpose", "t2", "t", "u", take());
    ow_node(&graph, "Sigmoid", "b", "u", "y", NULL);
    ow_input(&graph, "x", 4, x);
    ow_output(&graph, "y");
    dl4c_graph *g = load(13);
    assert_int_equal(dl4c_graph_vertex_count(g), 3);
    assert_int_equal(dl4c_graph_vertex_input(g, 2, 0), 1);
    dl4c_graph_destroy(&g);
}

static void clip_takes_bounds_as_attributes_and_as_inputs(void **state)
{
    const int64_t x[] = { -1, 3 }, shape[] = { 1, 3 };
    const float zero = 0, six = 6, in[] = { -1, 3, 9 };
    for (int inputs = 0; inputs < 3; inputs++) {
        float y[3];
        begin();
        ow_floats(&graph, "lo", 0, NULL, &zero);
        ow_floats(&graph, "hi", 0, NULL, &six);
        if (inputs == 0)
            ow_attr_f(&attrs, "min", 0);
        if (inputs == 0)
            ow_attr_f(&attrs, "max", 6);
        ow_node(&graph, "Clip", "clip", inputs == 0 ? "x" : inputs == 1 ? "x lo hi" : "x - hi", "y", take());
        ow_input(&graph, "x", 2, x);
        ow_output(&graph, "y");
        dl4c_graph *g = load(inputs ? 11 : 9);
        assert_string_equal(vertex(g, "clip").op, inputs < 2 ? "relu6" : "clip");
        run(g, in, shape, 2, y, 3);
        assert_true(y[0] == (inputs < 2 ? 0 : -1) && y[1] == 3 && y[2] == 6);
        dl4c_graph_destroy(&g);
    }
}

static void constants_per_channel_scale_and_shift(void **state)
{
    const int64_t x[] = { -1, 2, 1, 2 }, per_channel[] = { 2, 1, 1 }, shape[] = { 1, 2, 1, 2 };
    const float two[] = { 2, 4 }, in[] = { 1, 3, 5, 7 }, eight = 8;
    static const char *const ops[] = { "Add", "Sub", "Mul", "Div" };
    static const float want[][4] = { { 3, 5, 9, 11 }, { -1, 1, 1, 3 }, { 2, 6, 20, 28 }, { 0.5f, 1.5f, 1.25f, 1.75f } };
    static const float want_first[][4] = { { 9, 11, 13, 15 }, { 7, 5, 3, 1 }, { 8, 24, 40, 56 } };
    for (int k = 0; k < 7; k++) {
        float y[4];
        begin();
        ow_floats(&graph, "c", 3, per_channel, two);
        ow_floats(&graph, "e", 0, NULL, &eight);
        ow_node(&graph, ops[k % 4], "op", k < 4 ? "x c" : "e x", "y", NULL);
        ow_input(&graph, "x", 4, x);
        ow_output(&graph, "y");
        dl4c_graph *g = load(13);
        run(g, in, shape, 4, y, 4);
        for (int i = 0; i < 4; i++)
            assert_true(y[i] == (k < 4 ? want[k] : want_first[k - 4])[i]);
        dl4c_graph_destroy(&g);
    }
}

static void nodes_that_no_output_needs_are_left_out(void **state)
{
    const int64_t x[] = { -1, 3 };
    begin();
    ow_node(&graph, "Relu", "r", "x", "y", NULL);
    ow_node(&graph, "NonMaxSuppression", "odd", "y z", "w", NULL);
    ow_input(&graph, "x", 2, x);
    ow_output(&graph, "y");
    dl4c_graph *g = load(13);
    assert_int_equal(dl4c_graph_vertex_count(g), 2);
    dl4c_graph_destroy(&g);
}

static void refusals_name_node_operator_and_opset(void **state)
{
    const int64_t x[] = { -1, 3 }, image[] = { -1, 3, 4, 4 }, two[] = { 2, 2 };
    begin();
    ow_node(&graph, "LSTM", "rnn", "x", "y", NULL);
    ow_input(&graph, "x", 2, x);
    ow_output(&graph, "y");
    refused(13, DL4C_E_UNSUPPORTED, "'rnn' (LSTM", "opset 13");
    refused(6, DL4C_E_UNSUPPORTED, "opset 6", "7");

    begin();
    ow_attr_ints(&attrs, "kernel_shape", 2, two);
    ow_attr_i(&attrs, "surprise", 1);
    ow_node(&graph, "MaxPool", "pool", "x", "y", take());
    ow_input(&graph, "x", 4, image);
    ow_output(&graph, "y");
    refused(12, DL4C_E_UNSUPPORTED, "'pool' (MaxPool, opset 12)", "surprise");

    begin();
    ow_attr_i(&attrs, "axis", 0);
    ow_node(&graph, "Flatten", "f", "x", "y", take());
    ow_input(&graph, "x", 4, image);
    ow_output(&graph, "y");
    refused(12, DL4C_E_UNSUPPORTED, "'f' (Flatten, opset 12)", "batch");

    begin();
    ow_attr_s(&attrs, "axis", "one");
    ow_node(&graph, "Flatten", "f", "x", "y", take());
    ow_input(&graph, "x", 4, image);
    ow_output(&graph, "y");
    refused(12, DL4C_E_CORRUPT, "'f' (Flatten, opset 12)", "axis");
}

static void graphs_that_do_not_hold_together_are_refused(void **state)
{
    const int64_t x[] = { -1, 3 }, w[] = { 3, 2 }, wrong[] = { 4, 2 };
    const float v[8] = { 0 };
    begin();
    ow_node(&graph, "Relu", "r", "nowhere", "y", NULL);
    ow_input(&graph, "x", 2, x);
    ow_output(&graph, "y");
    refused(13, DL4C_E_CORRUPT, "'r'", "nowhere");

    begin();
    ow_node(&graph, "Relu", "r", "x", "y", NULL);
    ow_node(&graph, "Relu", "s", "x", "y", NULL);
    ow_input(&graph, "x", 2, x);
    ow_output(&graph, "y");
    refused(13, DL4C_E_CORRUPT, "'y'", "twice");

    begin();
    ow_node(&graph, "MatMul", "m", "x W", "y", NULL);
    ow_floats(&graph, "W", 2, wrong, v);
    ow_input(&graph, "x", 2, x);
    ow_output(&graph, "y");
    refused(13, DL4C_E_INVALID, "'m'", "4");

    begin();
    ow_node(&graph, "MatMul", "m", "x W", "y", NULL);
    ow_tensor(&graph, "W", OW_FLOAT, 2, w, v, 20); /* 24 are wanted */
    ow_input(&graph, "x", 2, x);
    ow_output(&graph, "y");
    refused(13, DL4C_E_CORRUPT, "'W'", "20 bytes");

    begin();
    const int64_t huge[] = { INT64_C(1) << 40, 1024 };
    ow_ints(&graph, "shape", 2, huge);
    ow_node(&graph, "ConstantOfShape", "big", "shape", "W", NULL);
    ow_node(&graph, "MatMul", "m", "x W", "y", NULL);
    ow_input(&graph, "x", 2, x);
    ow_output(&graph, "y");
    refused(13, DL4C_E_INVALID, "'m'", "weight");

    begin();
    const int64_t large[] = { 3, INT64_C(1) << 29 };
    ow_ints(&graph, "shape", 2, large);
    ow_node(&graph, "ConstantOfShape", "big", "shape", "W", NULL);
    ow_node(&graph, "MatMul", "m", "x W", "y", NULL);
    ow_input(&graph, "x", 2, x);
    ow_output(&graph, "y");
    refused(13, DL4C_E_LIMIT, "'m'", "bytes");
}

/* Whatever the bytes, an answer and nothing else. Exact-size copies let the sanitizers see a read past the end. */
static dl4c_status try_bytes(const unsigned char *bytes, size_t size)
{
    dl4c_graph *g = NULL;
    struct dl4c_error err = DL4C_ERROR_INIT;
    unsigned char *copy = malloc(size > 0 ? size : 1);
    assert_non_null(copy);
    if (size > 0)
        memcpy(copy, bytes, size);
    struct dl4c_load_options o = DL4C_LOAD_OPTIONS_INIT;
    o.format = "onnx";
    const dl4c_status s = dl4c_model_load_memory(NULL, copy, size, &o, &g, &err);
    free(copy);
    assert_int_equal(s == DL4C_OK, g != NULL);
    assert_true(s == DL4C_OK || err.message[0]);
    assert_int_not_equal(s, DL4C_E_INTERNAL);
    dl4c_graph_destroy(&g);
    return s;
}

static void a_file_cut_off_anywhere_is_refused(void **state)
{
    small_network();
    ow_model(&model, 13, &graph);
    int good = 0;
    for (size_t n = 0; n < model.size; n++)
        good += try_bytes(model.bytes, n) == DL4C_OK;
    assert_int_equal(good, 0); /* the opset stands at the end */
}

static void damaged_bytes_never_crash(void **state)
{
    static unsigned char bytes[sizeof model.bytes];
    small_network();
    ow_model(&model, 13, &graph);
    for (size_t n = 0; n < model.size; n++)
        for (int how = 0; how < 4; how++) {
            memcpy(bytes, model.bytes, model.size);
            bytes[n] = how == 0 ? bytes[n] ^ 1 : how == 1 ? 0xff : how == 2 ? bytes[n] ^ 0x80 : (unsigned char)(bytes[n] + 8);
            try_bytes(bytes, model.size);
        }
    uint64_t r = 88172645463325252u; /* xorshift64 */
    for (int k = 0; k < 2000; k++) {
        memcpy(bytes, model.bytes, model.size);
        for (int j = 0; j < 8; j++) {
            r ^= r << 13;
            r ^= r >> 7;
            r ^= r << 17;
            bytes[r % model.size] = (unsigned char)(r >> 40);
        }
        try_bytes(bytes, model.size);
    }
}

static dl4c_status load_once(dl4c_context *ctx, void *arg, struct dl4c_error *err)
{
    dl4c_graph *g = NULL;
    const dl4c_status s = dl4c_model_load_memory(ctx, model.bytes, model.size, NULL, &g, err);
    assert_int_equal(s == DL4C_OK, g != NULL);
    dl4c_graph_destroy(&g);
    return s;
}

static void every_failing_allocation_is_reported_and_nothing_leaks(void **state)
{
    small_network();
    ow_model(&model, 13, &graph);
    assert_true(fail_alloc_run(load_once, NULL) > 5);
    assert_true(fail_alloc_limits(load_once, NULL) > 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_small_network_gives_what_plain_loops_give),
        cmocka_unit_test(vertices_have_the_nodes_names_and_the_tensors_shapes),
        cmocka_unit_test(weights_stay_where_they_are_in_the_file),
        cmocka_unit_test(weights_may_lie_in_a_file_beside_the_model),
        cmocka_unit_test(initialisers_of_every_floating_type_give_the_same),
        cmocka_unit_test(shape_subgraphs_fold_away),
        cmocka_unit_test(arithmetic_on_lengths_folds),
        cmocka_unit_test(slices_and_pads_with_folded_bounds_run),
        cmocka_unit_test(softmax_takes_the_axis_of_its_opset),
        cmocka_unit_test(a_batch_that_the_file_fixes_stays_free),
        cmocka_unit_test(a_transpose_behind_the_input_becomes_its_layout),
        cmocka_unit_test(transposes_that_cancel_disappear),
        cmocka_unit_test(clip_takes_bounds_as_attributes_and_as_inputs),
        cmocka_unit_test(constants_per_channel_scale_and_shift),
        cmocka_unit_test(nodes_that_no_output_needs_are_left_out),
        cmocka_unit_test(refusals_name_node_operator_and_opset),
        cmocka_unit_test(graphs_that_do_not_hold_together_are_refused),
        cmocka_unit_test(a_file_cut_off_anywhere_is_refused),
        cmocka_unit_test(damaged_bytes_never_crash),
        cmocka_unit_test(every_failing_allocation_is_reported_and_nothing_leaks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
