/* SPDX-License-Identifier: Apache-2.0 */
/* Constant folding of ONNX: what a subgraph of constants comes to, against values worked out by hand from the operators' definitions
 * (onnx.ai, Operators.md, opset 13). The constant becomes the bias of a Gemm whose weights are zeros, so that the output shows it. */
#include "formats/onnx_writer.h"
#include <dl4c/dl4c.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>
#include <string.h>

enum { OW_UINT8 = 2, OW_INT8 = 3, OW_INT16 = 5, OW_BOOL = 9, OW_UINT32 = 12, MOST = 24 };

static struct ow model, graph, attrs;

static const struct ow *take(void)
{
    static struct ow taken;
    taken = attrs;
    attrs.size = 0;
    return &taken;
}

static void begin(void) { model.size = graph.size = attrs.size = 0; }

static void ints(const char *name, int rank, const int64_t *dim, const int64_t *v)
{
    int64_t n = 1;
    for (int k = 0; k < rank; k++)
        n *= dim[k];
    ow_tensor(&graph, name, OW_INT64, rank, dim, v, (size_t)n * sizeof *v);
}
static void number(const char *name, int64_t v) { ints(name, 0, NULL, &v); }
#define INTS(name, ...) ow_ints(&graph, name, sizeof((int64_t[]){ __VA_ARGS__ }) / 8, (const int64_t[]){ __VA_ARGS__ })
#define FLOATS(name, ...)                                                                                                                  \
    do {                                                                                                                                   \
        const int64_t many[] = { sizeof((float[]){ __VA_ARGS__ }) / sizeof(float) };                                                       \
        ow_floats(&graph, name, 1, many, (const float[]){ __VA_ARGS__ });                                                                  \
    } while (0)
static void node(const char *op, const char *inputs, const char *output) { ow_node(&graph, op, output, inputs, output, take()); }

static dl4c_status load(int64_t opset, dl4c_graph **g, struct dl4c_error *err)
{
    ow_model(&model, opset, &graph);
    return dl4c_model_load_memory(NULL, model.bytes, model.size, NULL, g, err);
}

/* Puts "k" behind the network's x [n, 2] and runs it: n floats. */
static void comes_to(const char *what, int64_t n, const float *want)
{
    const int64_t x[] = { -1, 2 }, w[] = { 2, n }, one[] = { 1, 2 };
    float zeros[2 * MOST] = { 0 };
    struct dl4c_error err = DL4C_ERROR_INIT;
    dl4c_graph *g = NULL;
    dl4c_session *s = NULL;
    dl4c_tensor *in = NULL, *out = NULL;
    ow_attr_i(&attrs, "to", OW_FLOAT);
    node("Cast", "k", "as_floats");
    INTS("flat", -1);
    node("Reshape", "as_floats flat", "bias");
    ow_floats(&graph, "W", 2, w, zeros);
    node("Gemm", "x W bias", "y");
    ow_input(&graph, "x", 2, x);
    ow_output(&graph, "y");
    if (load(15, &g, &err) != DL4C_OK || dl4c_session_create(NULL, g, NULL, &s, &err) != DL4C_OK ||
        dl4c_tensor_create(NULL, DL4C_F32, one, 2, &in, &err) != DL4C_OK)
        fail_msg("%s: %s", what, err.message);
    memset(dl4c_tensor_data(in), 0, 2 * sizeof(float));
    if (dl4c_session_run(s, &in, 1, &err) != DL4C_OK || dl4c_session_output(s, 0, &out, &err) != DL4C_OK)
        fail_msg("%s: %s", what, err.message);
    assert_int_equal(dl4c_tensor_size(out), n);
    const float *y = dl4c_tensor_data_const(out);
    for (int64_t k = 0; k < n; k++)
        if (!(y[k] == want[k] || (isnan(y[k]) && isnan(want[k]))))
            fail_msg("%s: element %d is %.9g, wanted %.9g", what, (int)k, (double)y[k], (double)want[k]);
    dl4c_tensor_unref(&in);
    dl4c_session_destroy(&s);
    dl4c_graph_destroy(&g);
}
#define COMES_TO(what, ...) comes_to(what, sizeof((float[]){ __VA_ARGS__ }) / sizeof(float), (const float[]){ __VA_ARGS__ })

/* "k" cannot be had. */
static void refused(dl4c_status status, const char *part)
{
    const int64_t x[] = { -1, 2 };
    struct dl4c_error err = DL4C_ERROR_INIT;
    dl4c_graph *g = NULL;
    node("Add", "x k", "y");
    ow_input(&graph, "x", 2, x);
    ow_output(&graph, "y");
    const dl4c_status found = load(15, &g, &err);
    if (found != status || !strstr(err.message, part))
        fail_msg("wanted %s with \"%s\", got %s: %s", dl4c_status_name(status), part, dl4c_status_name(found), err.message);
    assert_null(g);
}

static void arithmetic_of_integers(void **state)
{
    (void)state;
    static const struct {
        const char *op;
        int64_t a[4], b[4];
        float want[4];
    } cases[] = {
        { "Add", { 7, -7, 0, 5 }, { 2, 2, 3, -3 }, { 9, -5, 3, 2 } },
        { "Sub", { 7, -7, 0, 5 }, { 2, 2, 3, -3 }, { 5, -9, -3, 8 } },
        { "Mul", { 7, -7, 0, 5 }, { 2, 2, 3, -3 }, { 14, -14, 0, -15 } },
        { "Div", { 7, -7, 0, 5 }, { 2, 2, 3, -1 }, { 3, -3, 0, -5 } }, /* towards zero, as C does */
        { "Min", { 7, -7, 0, 5 }, { 2, 2, 3, -3 }, { 2, -7, 0, -3 } },
        { "Max", { 7, -7, 0, 5 }, { 2, 2, 3, -3 }, { 7, 2, 3, 5 } },
        { "Pow", { 2, 3, 0, -2 }, { 10, 0, 0, 3 }, { 1024, 1, 1, -8 } },
        { "Pow", { 1, 2, 1, 5 }, { -1, -1, -7, 1 }, { 1, 0, 1, 5 } },
        { "Equal", { 1, 2, 3, -1 }, { 2, 2, 2, -1 }, { 0, 1, 0, 1 } },
        { "Mod", { 7, -7, 7, -8 }, { 3, 3, -3, -1 }, { 1, 2, -2, 0 } }, /* the divisor's sign */
        { "Sum", { 7, -7, 0, 5 }, { 2, 2, 3, -3 }, { 9, -5, 3, 2 } },
        { "Greater", { 1, 2, 3, -1 }, { 2, 2, 2, -2 }, { 0, 0, 1, 1 } },
        { "GreaterOrEqual", { 1, 2, 3, -1 }, { 2, 2, 2, -2 }, { 0, 1, 1, 1 } },
        { "LessOrEqual", { 1, 2, 3, -1 }, { 2, 2, 2, -2 }, { 1, 1, 0, 0 } },
        { "Xor", { 0, 0, 1, 1 }, { 0, 1, 0, 1 }, { 0, 1, 1, 0 } },
        { "Less", { 1, 2, 3, -1 }, { 2, 2, 2, -2 }, { 1, 0, 0, 0 } },
        { "And", { 0, 0, 1, 1 }, { 0, 1, 0, 1 }, { 0, 0, 0, 1 } },
        { "Or", { 0, 0, 1, 1 }, { 0, 1, 0, 1 }, { 0, 1, 1, 1 } },
    };
    const int64_t four[] = { 4 };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        begin();
        ints("a", 1, four, cases[i].a);
        ints("b", 1, four, cases[i].b);
        node(cases[i].op, "a b", "k");
        comes_to(cases[i].op, 4, cases[i].want);
    }
    begin();
    INTS("a", 3, -4, 0);
    node("Neg", "a", "k");
    COMES_TO("Neg", -3, 4, 0);
    begin();
    INTS("a", 3, -4, 0);
    node("Abs", "a", "k");
    COMES_TO("Abs", 3, 4, 0);
    begin();
    INTS("a", 0, 1, 7);
    node("Not", "a", "k");
    COMES_TO("Not", 1, 0, 0);
    begin();
    INTS("a", 3, -4, 0);
    node("Sign", "a", "k");
    COMES_TO("Sign", 1, -1, 0);
    begin();
    INTS("a", 3, -4, 0);
    node("Relu", "a", "k");
    COMES_TO("Relu", 3, 0, 0);
}

static void arithmetic_of_floats(void **state)
{
    (void)state;
    static const struct {
        const char *op;
        float want[4];
    } cases[] = {
        { "Add", { 3.5f, -0.5f, 2, NAN } },       { "Sub", { -0.5f, -3.5f, 4, NAN } }, { "Mul", { 3, -3, -3, NAN } },
        { "Div", { 0.75f, -4.0f / 3, -3, NAN } }, { "Min", { 1.5f, -2, -1, NAN } },    { "Max", { 2, 1.5f, 3, NAN } },
        { "Pow", { 2.25f, NAN, 1 / 3.0f, NAN } }, { "Sum", { 3.5f, -0.5f, 2, NAN } },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        begin();
        FLOATS("a", 1.5f, -2, 3, NAN);
        FLOATS("b", 2, 1.5f, -1, 1);
        node(cases[i].op, "a b", "k");
        comes_to(cases[i].op, 4, cases[i].want);
    }
    const struct {
        const char *op;
        float want[4];
    } unary[] = {
        { "Neg", { -2.25f, 1.5f, -4, -0.0f } }, { "Abs", { 2.25f, 1.5f, 4, 0 } },
        { "Sqrt", { 1.5f, NAN, 2, 0 } },        { "Reciprocal", { 1 / 2.25f, 1 / -1.5f, 0.25f, INFINITY } },
        { "Floor", { 2, -2, 4, 0 } },           { "Ceil", { 3, -1, 4, 0 } },
        { "Sign", { 1, -1, 1, 0 } },            { "Relu", { 2.25f, 0, 4, 0 } },
        { "Round", { 2, -2, 4, 0 } },           { "Exp", { expf(2.25f), expf(-1.5f), expf(4), 1 } },
        { "Log", { logf(2.25f), NAN, logf(4), -INFINITY } },
    };
    for (size_t i = 0; i < sizeof unary / sizeof *unary; i++) {
        begin();
        FLOATS("a", 2.25f, -1.5f, 4, 0);
        node(unary[i].op, "a", "k");
        comes_to(unary[i].op, 4, unary[i].want);
    }
    begin(); /* halves go to the even neighbour */
    FLOATS("a", 0.5f, 1.5f, 2.5f, -0.5f, -3.5f, 1e10f, INFINITY);
    node("Round", "a", "k");
    COMES_TO("Round", 0, 2, 2, 0, -4, 1e10f, INFINITY);
    static const struct {
        const char *op;
        float want[3];
    } compared[] = {
        { "Equal", { 0, 1, 0 } }, { "Greater", { 0, 0, 1 } }, { "Less", { 1, 0, 0 } }, { "GreaterOrEqual", { 0, 1, 1 } },
        { "LessOrEqual", { 1, 1, 0 } },
    };
    for (size_t i = 0; i < sizeof compared / sizeof *compared; i++) {
        begin();
        FLOATS("a", 1.5f, 2.5f, 3);
        FLOATS("b", 2, 2.5f, -3);
        node(compared[i].op, "a b", "k");
        comes_to(compared[i].op, 3, compared[i].want);
    }
}

/* The padding of a convolution that keeps the size, as exporters write it for TensorFlow's networks: (ceil(n / s) - 1) * s + k - n,
 * not below 0. */
static void values_are_clipped(void **state)
{
    (void)state;
    begin();
    INTS("a", -3, 1, 9);
    number("lo", 0);
    number("hi", 5);
    node("Clip", "a lo hi", "k");
    COMES_TO("Clip", 0, 1, 5);
    begin();
    INTS("a", -3, 1, 9);
    number("hi", 5);
    ow_node(&graph, "Clip", "k", "a - hi", "k", take());
    COMES_TO("Clip without a least value", -3, 1, 5);
    begin();
    FLOATS("a", -3.5f, 0.25f, 9);
    ow_attr_f(&attrs, "min", 0);
    node("Clip", "a", "k");
    COMES_TO("Clip with attributes", 0, 0.25f, 9);
    begin();
    INTS("a", -3, 1);
    INTS("lo", 0, 0);
    node("Clip", "a lo", "k");
    refused(DL4C_E_INVALID, "2 elements, wanted one");
    begin();
    INTS("a", 1, 5);
    INTS("b", 4, 2);
    number("c", 3);
    node("Max", "a b c", "k");
    COMES_TO("three constants", 4, 5);
    begin();
    INTS("c", 1, 0);
    FLOATS("a", 0.5f, 1.5f);
    FLOATS("b", 2.5f, 3.5f);
    node("Where", "c a b", "k");
    COMES_TO("a choice of floats", 0.5f, 3.5f);
    static const struct {
        const char *op;
        float want;
    } reduced[] = { { "ReduceSum", 9 }, { "ReduceProd", 24 }, { "ReduceMin", 2 }, { "ReduceMax", 4 } };
    for (size_t i = 0; i < sizeof reduced / sizeof *reduced; i++) {
        begin();
        INTS("a", 2, 3, 4);
        node(reduced[i].op, "a", "k");
        comes_to(reduced[i].op, 1, &reduced[i].want);
    }
}

/* numpy's rule: axes of one element stretch, missing ones in front are such. */
static void shapes_are_broadcast(void **state)
{
    (void)state;
    const int64_t column[] = { 2, 1 }, row[] = { 1, 3 }, v[] = { 10, 20 }, w[] = { 1, 2, 3 };
    begin();
    ints("a", 2, column, v);
    ints("b", 2, row, w);
    node("Add", "a b", "k");
    COMES_TO("a column and a row", 11, 12, 13, 21, 22, 23);
    begin();
    ints("a", 2, column, v);
    INTS("b", 1, 2, 3);
    node("Sub", "b a", "k");
    COMES_TO("a missing axis", -9, -8, -7, -19, -18, -17);
    begin();
    number("a", 5);
    INTS("b", 1, 2, 3);
    node("Mul", "a b", "k");
    COMES_TO("a scalar", 5, 10, 15);
    begin();
    ints("c", 2, column, (const int64_t[]){ 1, 0 });
    ints("a", 2, row, w);
    number("b", -1);
    node("Where", "c a b", "k");
    COMES_TO("a choice", 1, 2, 3, -1, -1, -1);
    begin();
    INTS("a", 1, 2);
    INTS("b", 1, 2, 3);
    node("Add", "a b", "k");
    refused(DL4C_E_INVALID, "do not combine");
}

static void what_has_no_answer_is_refused(void **state)
{
    (void)state;
    begin();
    INTS("a", 4, 1);
    INTS("b", 2, 0);
    node("Div", "a b", "k");
    refused(DL4C_E_INVALID, "divided by 0");
    begin();
    INTS("a", 1, 2);
    FLOATS("b", 1, 2);
    node("Add", "a b", "k");
    refused(DL4C_E_UNSUPPORTED, "are not folded");
    begin();
    FLOATS("a", 1, 2);
    node("Not", "a", "k");
    refused(DL4C_E_UNSUPPORTED, "is not folded");
    begin();
    INTS("a", 4);
    node("Sqrt", "a", "k");
    refused(DL4C_E_UNSUPPORTED, "is not folded");
    begin();
    INTS("a", 4, 1);
    INTS("b", 2, 0);
    node("Mod", "a b", "k");
    refused(DL4C_E_INVALID, "divided by 0");
    begin();
    FLOATS("a", 1, 2);
    FLOATS("b", 1, 2);
    node("Mod", "a b", "k");
    refused(DL4C_E_UNSUPPORTED, "are not folded");
}

static void products_and_ranges(void **state)
{
    (void)state;
    for (int keep = 0; keep < 2; keep++) {
        begin();
        INTS("a", 2, 3, 4);
        ow_attr_i(&attrs, "keepdims", keep);
        node("ReduceProd", "a", "k");
        COMES_TO("ReduceProd", 24);
    }
    begin();
    ints("a", 2, (const int64_t[]){ 2, 2 }, (const int64_t[]){ 1, 2, 3, 4 });
    node("ReduceProd", "a", "k");
    refused(DL4C_E_UNSUPPORTED, "2 axes");
    static const struct {
        int64_t from, to, by;
        int n;
        float want[4];
    } ranges[] = {
        { 0, 10, 3, 4, { 0, 3, 6, 9 } }, { 5, 0, -2, 3, { 5, 3, 1 } }, { -2, 2, 1, 4, { -2, -1, 0, 1 } }, { 3, 4, 9, 1, { 3 } }
    };
    for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++) {
        begin();
        number("a", ranges[i].from);
        number("b", ranges[i].to);
        number("c", ranges[i].by);
        node("Range", "a b c", "k");
        comes_to("Range", ranges[i].n, ranges[i].want);
    }
    for (int way = -1; way < 2; way += 2) { /* nothing in it, in both directions */
        begin();
        number("a", 2);
        number("b", 2 - way);
        number("c", way);
        node("Range", "a b c", "none");
        node("Size", "none", "k");
        COMES_TO("an empty range", 0);
    }
    begin();
    number("a", 0);
    number("b", 5);
    number("c", 0);
    node("Range", "a b c", "k");
    refused(DL4C_E_INVALID, "by 0");
    begin();
    number("a", 0);
    number("b", INT64_C(1) << 30);
    number("c", 1);
    node("Range", "a b c", "k");
    refused(DL4C_E_LIMIT, "16 times"); /* and no memory is asked for */
    begin();
    number("a", -2);
    number("b", INT64_MAX);
    number("c", 1);
    node("Range", "a b c", "k");
    refused(DL4C_E_INVALID, "a range from -2");
}

static void constants_in_every_form(void **state)
{
    (void)state;
    const float f[] = { 0.5f, -2 };
    const int64_t i[] = { 3, -4, 5 };
    begin();
    ow_attr_i(&attrs, "value_int", -7);
    node("Constant", "", "k");
    COMES_TO("value_int", -7);
    begin();
    ow_attr_f(&attrs, "value_float", 0.25f);
    node("Constant", "", "k");
    COMES_TO("value_float", 0.25f);
    begin();
    ow_attr_ints(&attrs, "value_ints", 3, i);
    node("Constant", "", "k");
    COMES_TO("value_ints", 3, -4, 5);
    begin();
    ow_attr_floats(&attrs, "value_floats", 2, f);
    node("Constant", "", "k");
    COMES_TO("value_floats", 0.5f, -2);
    begin();
    ow_attr_i(&attrs, "value_int", 1);
    ow_attr_f(&attrs, "value_float", 2);
    node("Constant", "", "k");
    refused(DL4C_E_UNSUPPORTED, "2 attributes");
    begin();
    INTS("s", 2, 2);
    node("ConstantOfShape", "s", "k");
    COMES_TO("zeros", 0, 0, 0, 0);
    begin();
    INTS("s", 3);
    ow_attr_tensor(&attrs, "value", OW_FLOAT, 1, (const int64_t[]){ 1 }, f, 4);
    node("ConstantOfShape", "s", "k");
    COMES_TO("halves", 0.5f, 0.5f, 0.5f);
    begin();
    INTS("s", 2);
    ow_attr_tensor(&attrs, "value", OW_INT64, 1, (const int64_t[]){ 1 }, i, 8);
    node("ConstantOfShape", "s", "k");
    COMES_TO("threes", 3, 3);
    begin();
    INTS("s", 2);
    ow_attr_tensor(&attrs, "value", OW_FLOAT, 1, (const int64_t[]){ 2 }, f, 8);
    node("ConstantOfShape", "s", "k");
    refused(DL4C_E_INVALID, "2 elements, wanted one");
    begin();
    INTS("s", 1, 1, 1, 1, 1, 1, 1, 1, 1);
    node("ConstantOfShape", "s", "k");
    refused(DL4C_E_UNSUPPORTED, "9 axes");
    begin();
    INTS("s", 1 << 20, 1 << 20, 1 << 20, 1 << 20);
    node("ConstantOfShape", "s", "k");
    refused(DL4C_E_INVALID, "");
}

static void casts_follow_c_and_ieee(void **state)
{
    (void)state;
    static const struct {
        int type;
        float want[4];
    } cases[] = {
        { OW_INT64, { 300, -1, 2, -2 } }, /* towards zero */
        { OW_INT32, { 300, -1, 2, -2 } },
        { OW_INT16, { 300, -1, 2, -2 } },
        { OW_INT8, { 44, -1, 2, -2 } },
        { OW_UINT8, { 44, 255, 2, 254 } },
        { OW_BOOL, { 1, 1, 1, 1 } },
        { OW_UINT32, { 300, 4294967295.0f, 2, 4294967294.0f } },
        { OW_FLOAT, { 300, -1, 2.75f, -2.5f } },
        { OW_DOUBLE, { 300, -1, 2.75f, -2.5f } },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char what[32] = "a cast to ";
        what[10] = (char)('a' + cases[i].type);
        begin();
        FLOATS("a", 300, -1, 2.75f, -2.5f);
        ow_attr_i(&attrs, "to", cases[i].type);
        node("Cast", "a", "k");
        comes_to(what, 4, cases[i].want);
    }
    begin(); /* a third of 11 and of 8 bits */
    FLOATS("a", 1 / 3.0f, 65504, 1e-8f);
    ow_attr_i(&attrs, "to", OW_FLOAT16);
    node("Cast", "a", "k");
    COMES_TO("a cast to half", 0.333251953125f, 65504, 0);
    begin();
    FLOATS("a", 1 / 3.0f, 65504, 1);
    ow_attr_i(&attrs, "to", OW_BFLOAT16);
    node("Cast", "a", "k");
    COMES_TO("a cast to bfloat16", 0.333984375f, 65536, 1);
    begin(); /* integers past 2048 are not all halves */
    INTS("a", 2049, 7);
    ow_attr_i(&attrs, "to", OW_FLOAT16);
    node("Cast", "a", "k");
    COMES_TO("integers to half", 2048, 7);
    begin();
    FLOATS("a", 1);
    ow_attr_i(&attrs, "to", 99);
    node("Cast", "a", "k");
    refused(DL4C_E_UNSUPPORTED, "data type 99");
}

static void elements_are_moved(void **state)
{
    (void)state;
    const int64_t two_three[] = { 2, 3 }, v[] = { 1, 2, 3, 4, 5, 6 };
    begin();
    ints("a", 2, two_three, v);
    INTS("i", -1, 0);
    ow_attr_i(&attrs, "axis", 1);
    node("Gather", "a i", "k");
    COMES_TO("Gather of columns", 3, 1, 6, 4);
    begin();
    ints("a", 2, two_three, v);
    number("i", 1);
    node("Gather", "a i", "k");
    COMES_TO("Gather of a row", 4, 5, 6);
    begin();
    ints("a", 2, two_three, v);
    INTS("i", 2);
    node("Gather", "a i", "k");
    refused(DL4C_E_INVALID, "index 2 of 2");
    begin();
    ints("a", 2, two_three, v);
    INTS("starts", -1, 0);
    INTS("ends", -100, 2);
    INTS("axes", 1, 0);
    INTS("steps", -2, 1);
    node("Slice", "a starts ends axes steps", "k");
    COMES_TO("Slice backwards", 3, 1, 6, 4);
    begin();
    ints("a", 2, two_three, v);
    INTS("starts", 0, 0);
    INTS("ends", 1, 1);
    INTS("axes", 1, -1);
    node("Slice", "a starts ends axes", "k");
    refused(DL4C_E_INVALID, "sliced twice");
    begin();
    ints("a", 2, two_three, v);
    INTS("starts", 0);
    INTS("ends", 1);
    INTS("axes", 1);
    INTS("steps", 0);
    node("Slice", "a starts ends axes steps", "k");
    refused(DL4C_E_INVALID, "step of 0");
    begin();
    ints("a", 2, two_three, v);
    node("Transpose", "a", "k");
    COMES_TO("Transpose", 1, 4, 2, 5, 3, 6);
    begin();
    ints("a", 3, (const int64_t[]){ 1, 2, 3 }, v);
    ow_attr_ints(&attrs, "perm", 3, (const int64_t[]){ 2, 0, 1 });
    node("Transpose", "a", "k");
    COMES_TO("Transpose by perm", 1, 4, 2, 5, 3, 6);
    begin();
    ints("a", 2, two_three, v);
    ow_attr_ints(&attrs, "perm", 2, (const int64_t[]){ 1, 1 });
    node("Transpose", "a", "k");
    refused(DL4C_E_INVALID, "permutation");
    begin();
    ints("a", 2, two_three, v);
    ints("b", 2, (const int64_t[]){ 2, 1 }, (const int64_t[]){ 7, 8 });
    ow_attr_i(&attrs, "axis", -1);
    node("Concat", "a b", "k");
    COMES_TO("Concat", 1, 2, 3, 7, 4, 5, 6, 8);
    begin();
    ints("a", 2, two_three, v);
    ints("b", 2, (const int64_t[]){ 2, 1 }, (const int64_t[]){ 7, 8 });
    ow_attr_i(&attrs, "axis", 0);
    node("Concat", "a b", "k");
    refused(DL4C_E_INVALID, "does not fit");
    begin();
    ints("a", 2, (const int64_t[]){ 2, 1 }, (const int64_t[]){ 7, 8 });
    INTS("s", 2, 1, 3);
    node("Expand", "a s", "k");
    COMES_TO("Expand", 7, 7, 7, 8, 8, 8, 7, 7, 7, 8, 8, 8);
    begin();
    INTS("a", 1, 2);
    INTS("s", 3);
    node("Expand", "a s", "k");
    refused(DL4C_E_INVALID, "is expanded to 3");
}

/* Size and order stay, the shape shows in what Shape then says. */
static void shapes_over_the_same_elements(void **state)
{
    (void)state;
    const int64_t dim[] = { 2, 3, 1, 4 }, v[MOST] = { 0 };
    static const struct {
        const char *op, *axes;
        int64_t list[4];
        int n;
        float want[6];
        int rank;
    } cases[] = {
        { "Reshape", NULL, { 0, -1 }, 2, { 2, 12 }, 2 },
        { "Reshape", NULL, { 4, 3, 2 }, 3, { 4, 3, 2 }, 3 },
        { "Squeeze", NULL, { -2 }, 1, { 2, 3, 4 }, 3 },
        { "Unsqueeze", NULL, { 0, -1 }, 2, { 1, 2, 3, 1, 4, 1 }, 6 },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        begin();
        ints("a", 4, dim, v);
        ow_ints(&graph, "list", cases[i].n, cases[i].list);
        node(cases[i].op, "a list", "b");
        node("Shape", "b", "k");
        comes_to(cases[i].op, cases[i].rank, cases[i].want);
    }
    begin();
    ints("a", 4, dim, v);
    node("Squeeze", "a", "b");
    node("Shape", "b", "k");
    COMES_TO("Squeeze of all", 2, 3, 4);
    for (int64_t axis = -4; axis <= 4; axis++) {
        const float before[] = { 1, 2, 6, 6, 24 }, rows = before[axis < 0 ? axis + 4 : axis];
        begin();
        ints("a", 4, dim, v);
        ow_attr_i(&attrs, "axis", axis);
        node("Flatten", "a", "b");
        node("Shape", "b", "k");
        COMES_TO("Flatten", rows, 24 / rows);
    }
    begin();
    ints("a", 4, dim, v);
    ow_attr_i(&attrs, "start", 1);
    ow_attr_i(&attrs, "end", -1);
    node("Shape", "a", "k");
    COMES_TO("Shape from 1 to the last", 3, 1);
    begin();
    ints("a", 4, dim, v);
    node("Size", "a", "k");
    COMES_TO("Size", 24);
    static const struct {
        const char *op;
        int64_t list[3];
        int n;
        dl4c_status status;
        const char *says;
    } bad[] = {
        { "Reshape", { -1, -1 }, 2, DL4C_E_INVALID, "two lengths open" },
        { "Reshape", { 5, -1 }, 2, DL4C_E_INVALID, "do not divide by 5" },
        { "Reshape", { 5, 5 }, 2, DL4C_E_INVALID, "" },
        { "Squeeze", { 2, -2 }, 2, DL4C_E_INVALID, "named twice" },
        { "Squeeze", { 4 }, 1, DL4C_E_INVALID, "" },
        { "Squeeze", { 0 }, 1, DL4C_E_INVALID, "" },
        { "Unsqueeze", { 9 }, 1, DL4C_E_INVALID, "" },
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        begin();
        ints("a", 4, dim, v);
        ow_ints(&graph, "list", bad[i].n, bad[i].list);
        node(bad[i].op, "a list", "k");
        refused(bad[i].status, bad[i].says);
    }
    begin();
    ints("a", 4, dim, v);
    ow_attr_i(&attrs, "axis", 5);
    node("Flatten", "a", "k");
    refused(DL4C_E_INVALID, "axis 5 of 4");
}

/* The batch's length is not known when loading, and is 1 at least: what holds for all of those is told. */
static void lengths_that_are_not_known_stay_so(void **state)
{
    (void)state;
    static const struct {
        const char *op, *inputs; /* n is the batch */
        int64_t other;
        float want; /* NAN: the batch again, which a Reshape to [n, -1] takes for what it is */
    } cases[] = {
        { "Equal", "n b", -1, 0 }, { "Equal", "b n", 0, 0 }, { "Greater", "n b", 0, 1 }, { "Greater", "b n", 0, 0 },
        { "Less", "n b", 0, 0 },   { "Less", "b n", 0, 1 },  { "Equal", "n n", 0, 1 },   { "Mul", "n b", 1, NAN },
        { "Mul", "b n", 1, NAN },  { "Add", "b n", 0, NAN }, { "Sub", "n b", 0, NAN },   { "Div", "n b", 1, NAN },
        { "Pow", "n b", 1, NAN },  { "Max", "b n", 1, NAN }, { "Max", "n b", -3, NAN },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const int64_t x[] = { -1, 3, 4 };
        begin();
        node("Shape", "x", "s");
        number("zero", 0);
        node("Gather", "s zero", "n");
        number("b", cases[i].other);
        node(cases[i].op, cases[i].inputs, "m");
        INTS("front", 0);
        node("Unsqueeze", "m front", "u");
        if (isnan(cases[i].want)) {
            INTS("rest", -1);
            ow_attr_i(&attrs, "axis", 0);
            node("Concat", "u rest", "to");
        } else { /* [0 of the batch, 12 + what was asked - what is wanted] */
            INTS("rest", 12);
            ow_attr_i(&attrs, "to", OW_INT64);
            node("Cast", "u", "whole");
            number("wanted", (int64_t)cases[i].want);
            node("Sub", "whole wanted", "none");
            node("Add", "none rest", "last");
            INTS("all", 0);
            ow_attr_i(&attrs, "axis", 0);
            node("Concat", "all last", "to");
        }
        node("Reshape", "x to", "y");
        ow_input(&graph, "x", 3, x);
        ow_output(&graph, "y");
        struct dl4c_error err = DL4C_ERROR_INIT;
        struct dl4c_vertex v = DL4C_VERTEX_INIT;
        dl4c_graph *g = NULL;
        int32_t at;
        if (load(13, &g, &err) != DL4C_OK || dl4c_graph_find(g, "y", &at, &err) != DL4C_OK || dl4c_graph_vertex(g, at, &v, &err) != DL4C_OK)
            fail_msg("%s of %s with %d: %s", cases[i].op, cases[i].inputs, (int)cases[i].other, err.message);
        assert_int_equal(v.rank, 1);
        assert_int_equal(v.shape[0], 12);
        dl4c_graph_destroy(&g);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(arithmetic_of_integers),        cmocka_unit_test(arithmetic_of_floats),
        cmocka_unit_test(values_are_clipped),
        cmocka_unit_test(shapes_are_broadcast),          cmocka_unit_test(what_has_no_answer_is_refused),
        cmocka_unit_test(products_and_ranges),           cmocka_unit_test(constants_in_every_form),
        cmocka_unit_test(casts_follow_c_and_ieee),       cmocka_unit_test(elements_are_moved),
        cmocka_unit_test(shapes_over_the_same_elements), cmocka_unit_test(lengths_that_are_not_known_stay_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
