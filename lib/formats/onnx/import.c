/* SPDX-License-Identifier: Apache-2.0 */
/* From the file's nodes to a graph: constants are folded, every other node that an output needs becomes one vertex. */
#include "formats/onnx/import.h"

#include "onnx.pb.h"

#include <string.h>

/* The first opset whose operators are all defined as read here; what later ones changed is looked at operator by operator. */
enum { FIRST_OPSET = 7 };

/* ---- attributes ----------------------------------------------------------------------------------------------- */

const struct dli_onnx_attr *dli_onnx_attr(const struct dli_onnx_node *node, const char *name)
{
    for (int32_t k = 0; k < node->n_attrs; k++)
        if (strcmp(node->attrs[k].name, name) == 0)
            return &node->attrs[k];
    return NULL;
}

int64_t dli_onnx_attr_i(const struct dli_onnx_node *node, const char *name, int64_t otherwise)
{
    const struct dli_onnx_attr *a = dli_onnx_attr(node, name);
    return a ? a->i : otherwise;
}

float dli_onnx_attr_f(const struct dli_onnx_node *node, const char *name, float otherwise)
{
    const struct dli_onnx_attr *a = dli_onnx_attr(node, name);
    return a ? a->f : otherwise;
}

const char *dli_onnx_attr_s(const struct dli_onnx_node *node, const char *name, const char *otherwise)
{
    const struct dli_onnx_attr *a = dli_onnx_attr(node, name);
    return a ? a->s : otherwise;
}

/* Every attribute of the node stands in the operator's list, under its type. */
static dl4c_status check_attrs(const struct dli_onnx_node *node, const struct dli_onnx_op *op, struct dl4c_error *err)
{
    static const struct {
        char letter;
        int32_t type;
    } types[] = {
        { 'f', onnx_AttributeProto_AttributeType_FLOAT },  { 'i', onnx_AttributeProto_AttributeType_INT },
        { 's', onnx_AttributeProto_AttributeType_STRING }, { 't', onnx_AttributeProto_AttributeType_TENSOR },
        { 'F', onnx_AttributeProto_AttributeType_FLOATS }, { 'I', onnx_AttributeProto_AttributeType_INTS },
    };
    for (int32_t k = 0; k < node->n_attrs; k++) {
        const struct dli_onnx_attr *a = &node->attrs[k];
        const size_t n = strlen(a->name);
        const char *found = NULL;
        for (const char *at = op->attrs; at && *at; at = strchr(at, ' ') ? strchr(at, ' ') + 1 : NULL)
            if (n > 0 && strncmp(at, a->name, n) == 0 && at[n] == ':')
                found = at + n + 1;
        if (!found)
            return dli_fail(err, DL4C_E_UNSUPPORTED, "onnx", "attribute \"%.100s\" is not supported", a->name);
        for (size_t t = 0; t < sizeof types / sizeof *types; t++)
            /* An empty list may have lost its type in old files. */
            if (types[t].letter == *found && types[t].type != a->type &&
                !(a->type == onnx_AttributeProto_AttributeType_UNDEFINED && (*found == 'I' || *found == 'F' || *found == 's')))
                return dli_fail(err, DL4C_E_CORRUPT, "onnx", "attribute \"%.100s\" has type %" PRId32 ", wanted %" PRId32, a->name, a->type,
                                types[t].type);
        for (int32_t j = 0; j < k; j++)
            if (strcmp(node->attrs[j].name, a->name) == 0)
                return dli_fail(err, DL4C_E_CORRUPT, "onnx", "attribute \"%.100s\" is given twice", a->name);
    }
    return DL4C_OK;
}

/* ---- inputs of nodes ------------------------------------------------------------------------------------------ */

struct dli_onnx_value *dli_onnx_in(const struct dli_onnx_import *im, const struct dli_onnx_node *node, int32_t k)
{
    return k < node->n_in && node->in[k][0] ? dli_onnx_find(im, node->in[k]) : NULL;
}

dl4c_status dli_onnx_want_vertex(struct dli_onnx_import *im, const struct dli_onnx_node *node, int32_t k, struct dli_onnx_value **v,
                                 struct dl4c_error *err)
{
    *v = dli_onnx_in(im, node, k);
    if (!*v)
        return dli_fail(err, DL4C_E_INVALID, "onnx", "input %" PRId32 " is missing", k);
    if ((*v)->c)
        return dli_fail(err, DL4C_E_UNSUPPORTED, "onnx",
                        "input %" PRId32 " '%.150s' is a constant, only computed values are supported there", k, (*v)->name);
    return DL4C_OK;
}

dl4c_status dli_onnx_want_const(struct dli_onnx_import *im, const struct dli_onnx_node *node, int32_t k, struct dli_onnx_const **c,
                                struct dl4c_error *err)
{
    const struct dli_onnx_value *v = dli_onnx_in(im, node, k);
    if (!v)
        return dli_fail(err, DL4C_E_INVALID, "onnx", "input %" PRId32 " is missing", k);
    if (!v->c)
        return dli_fail(err, DL4C_E_UNSUPPORTED, "onnx", "input %" PRId32 " '%.150s' is computed, only constants are supported there", k,
                        v->name);
    *c = v->c;
    return DL4C_OK;
}

dl4c_status dli_onnx_want_ints(struct dli_onnx_import *im, const struct dli_onnx_node *node, const char *name, int32_t k, const int64_t **v,
                               int64_t *n, struct dl4c_error *err)
{
    const struct dli_onnx_attr *a = dli_onnx_attr(node, name);
    struct dli_onnx_const *c = NULL;
    *v = NULL;
    *n = -1;
    if (a) {
        *v = a->ints;
        *n = (int64_t)a->n_ints;
        return DL4C_OK;
    }
    if (k < 0 || !dli_onnx_in(im, node, k))
        return DL4C_OK;
    DLI_TRY(dli_onnx_want_const(im, node, k, &c, err));
    if (c->rank > 1)
        return dli_fail(err, DL4C_E_INVALID, "onnx", "input %" PRId32 " has %" PRId32 " axes, wanted a list", k, c->rank);
    DLI_TRY(dli_onnx_const_ints(im, c, v, err));
    *n = c->count;
    return DL4C_OK;
}

/* ---- vertices ------------------------------------------------------------------------------------------------- */

static dl4c_status add_vertex(struct dli_onnx_import *im, const char *op, const char *name, struct dli_onnx_value *const *in, int32_t n_in,
                              const struct dl4c_attr *attrs, int32_t n_attrs, const struct dli_onnx_param *params, int32_t n_params,
                              struct dli_shape *shape, struct dl4c_error *err)
{
    if (!dli_op_find(op))
        return dli_fail(err, DL4C_E_UNSUPPORTED, "onnx", "this build has no operator %s", op);
    const char **names = dli_onnx_new(&im->arena, (size_t)n_in, sizeof *names, err);
    struct dli_shape *shapes = dli_onnx_new(&im->arena, (size_t)n_in, sizeof *shapes, err);
    if (!names || !shapes)
        return dli_alloc_status();
    for (int32_t k = 0; k < n_in; k++) {
        names[k] = in[k]->vertex;
        shapes[k] = in[k]->shape;
    }
    dl4c_builder_add(im->b, op, name, names, n_in, attrs, n_attrs);
    DLI_TRY(dli_builder_status(im->b, err));
    const dl4c_graph *g = dli_builder_graph(im->b);
    const struct dli_vertex *v = &g->vertices[g->n_vertices - 1];
    struct dli_infer i = { .vertex = name, .attrs = v->attrs->attrs, .n_in = n_in, .in = shapes };
    i.out.batch = shapes[0].batch;
    if (n_in < v->op->min_inputs || (v->op->max_inputs >= 0 && n_in > v->op->max_inputs))
        return dli_fail(err, DL4C_E_UNSUPPORTED, "onnx", "%" PRId32 " inputs are more or less than %s takes", n_in, op);
    DLI_TRY(v->op->infer(&i, err));
    int64_t elements;
    for (int32_t k = 0; k < i.out.rank; k++)
        if (i.out.dim[k] == 0 || i.out.dim[k] < -1)
            return dli_fail(err, DL4C_E_INVALID, "onnx", "the result would have the shape %s", DLI_SHAPE_STR(&i.out));
    DLI_TRY(dli_shape_elements(&i.out, &elements, err));
    *shape = i.out;
    if (i.n_params == 0)
        return DL4C_OK;
    struct dli_param list[DLI_MAX_PARAMS];
    for (int32_t d = 0; d < i.n_params; d++) {
        int32_t k = 0;
        while (k < n_params && strcmp(params[k].name, i.param[d].name) != 0)
            k++;
        if (k == n_params)
            return dli_fail(err, DL4C_E_INTERNAL, "onnx", "%s wants a parameter %s", op, i.param[d].name);
        int64_t wanted = 1;
        for (int32_t r = 0; r < i.param[d].rank; r++)
            if (i.param[d].shape[r] < 0 || !dli_mul_i64(wanted, i.param[d].shape[r], &wanted))
                return dli_fail(err, DL4C_E_UNSUPPORTED, "onnx", "the size of parameter %s depends on an input length that is not known",
                                i.param[d].name);
        if (params[k].p.count != wanted)
            return dli_fail(err, DL4C_E_INVALID, "onnx", "parameter %s has %" PRId64 " elements, %" PRId64 " are wanted for input %s",
                            i.param[d].name, params[k].p.count, wanted, DLI_SHAPE_STR(&shapes[0]));
        list[d] = params[k].p;
    }
    dli_builder_params(im->b, name, list, i.n_params);
    return dli_builder_status(im->b, err);
}

static dl4c_status own_name(struct dli_onnx_import *im, const struct dli_onnx_node *node, const char **name, struct dl4c_error *err)
{
    return dli_onnx_claim(im, node->name[0] ? node->name : node->out[0], name, err);
}

/* Output 0 of the node, which nothing has made yet. */
static dl4c_status output(struct dli_onnx_import *im, const struct dli_onnx_node *node, struct dli_onnx_value **v, struct dl4c_error *err)
{
    *v = dli_onnx_find(im, node->out[0]);
    if (!*v || (*v)->known)
        return dli_fail(err, DL4C_E_CORRUPT, "onnx", "its output '%.200s' is made twice", node->out[0]);
    (*v)->known = true;
    return DL4C_OK;
}

dl4c_status dli_onnx_emit(struct dli_onnx_import *im, const struct dli_onnx_node *node, const char *op, struct dli_onnx_value *const *in,
                          int32_t n_in, const struct dl4c_attr *attrs, int32_t n_attrs, const struct dli_onnx_param *params,
                          int32_t n_params, struct dl4c_error *err)
{
    struct dli_onnx_value *v;
    const char *name;
    struct dli_shape shape;
    DLI_TRY(own_name(im, node, &name, err));
    DLI_TRY(add_vertex(im, op, name, in, n_in, attrs, n_attrs, params, n_params, &shape, err));
    if (strcmp(name, node->out[0]) != 0)
        dli_builder_output_name(im->b, name, node->out[0]);
    DLI_TRY(dli_builder_status(im->b, err));
    DLI_TRY(output(im, node, &v, err));
    v->vertex = name;
    v->shape = shape;
    v->nhwc = in[0]->nhwc;
    return DL4C_OK;
}

dl4c_status dli_onnx_emit_helper(struct dli_onnx_import *im, const struct dli_onnx_node *node, const char *suffix, const char *op,
                                 struct dli_onnx_value *const *in, int32_t n_in, const struct dl4c_attr *attrs, int32_t n_attrs,
                                 const struct dli_onnx_param *params, int32_t n_params, struct dli_onnx_value *v, struct dl4c_error *err)
{
    const char *stem = node->name[0] ? node->name : node->out[0], *name;
    const size_t n = strlen(stem), m = strlen(suffix);
    char *text = dli_onnx_new(&im->arena, n + m + 2, 1, err);
    if (!text)
        return dli_alloc_status();
    memcpy(text, stem, n);
    text[n] = '/';
    memcpy(text + n + 1, suffix, m);
    memset(v, 0, sizeof *v);
    v->nhwc = in[0]->nhwc;
    DLI_TRY(dli_onnx_claim(im, text, &name, err));
    DLI_TRY(add_vertex(im, op, name, in, n_in, attrs, n_attrs, params, n_params, &v->shape, err));
    v->name = v->vertex = name;
    v->known = true;
    return DL4C_OK;
}

dl4c_status dli_onnx_alias(struct dli_onnx_import *im, const struct dli_onnx_node *node, const struct dli_onnx_value *v, bool nhwc,
                           const char *late, struct dl4c_error *err)
{
    struct dli_onnx_value *out;
    DLI_TRY(output(im, node, &out, err));
    out->vertex = v->vertex;
    out->shape = v->shape;
    out->nhwc = nhwc;
    out->late = late;
    return DL4C_OK;
}

dl4c_status dli_onnx_bind_const(struct dli_onnx_import *im, const struct dli_onnx_node *node, struct dli_onnx_const *c,
                                struct dl4c_error *err)
{
    struct dli_onnx_value *v;
    DLI_TRY(output(im, node, &v, err));
    v->c = c;
    return DL4C_OK;
}

dl4c_status dli_onnx_settle(struct dli_onnx_import *im, struct dli_onnx_value *v, struct dl4c_error *err)
{
    static const int64_t to_hwc[] = { 2, 3, 1 }; /* counted with the batch as 0 */
    if (v->c || !v->nhwc)
        return DL4C_OK;
    const char *name;
    const struct dl4c_attr perm = dl4c_attr_ints("perm", to_hwc, 3);
    struct dli_onnx_value *in[] = { v };
    DLI_TRY(dli_onnx_claim(im, v->late ? v->late : v->name, &name, err));
    DLI_TRY(add_vertex(im, "transpose", name, in, 1, &perm, 1, NULL, 0, &v->shape, err));
    if (strcmp(name, v->name) != 0)
        dli_builder_output_name(im->b, name, v->name);
    v->vertex = name;
    v->nhwc = false;
    v->late = NULL;
    return dli_builder_status(im->b, err);
}

/* ---- the whole graph ------------------------------------------------------------------------------------------ */

static const struct dli_onnx_op *find_op(const struct dli_onnx_node *node)
{
    if (node->domain[0] && strcmp(node->domain, "ai.onnx") != 0)
        return NULL;
    for (const struct dli_onnx_op *op = dli_onnx_ops; op->name; op++)
        if (strcmp(op->name, node->op) == 0)
            return op;
    return NULL;
}

/* Who makes and who reads each name; reading counts where an output needs it. */
static dl4c_status link(struct dli_onnx_import *im, struct dl4c_error *err)
{
    const struct dli_onnx_model *m = &im->model;
    struct dli_onnx_value *v;
    for (int32_t i = 0; i < m->n_tensors; i++) {
        DLI_TRY(dli_onnx_enter(im, m->tensors[i].name, &v, err));
        if (v->known)
            return dli_fail(err, DL4C_E_CORRUPT, "onnx", "there are two initialisers '%.200s'", v->name);
        v->known = true;
        DLI_TRY(dli_onnx_const_of(im, &m->tensors[i], &v->c, err));
    }
    for (int32_t i = 0; i < m->n_nodes; i++)
        for (int32_t k = 0; k < m->nodes[i].n_out; k++) {
            if (!m->nodes[i].out[k][0])
                continue;
            DLI_TRY(dli_onnx_enter(im, m->nodes[i].out[k], &v, err));
            if (v->known || v->node >= 0)
                return dli_fail(err, DL4C_E_CORRUPT, "onnx", "'%.200s' is made twice", v->name);
            v->node = i;
        }
    for (int32_t i = 0; i < m->n_outputs; i++) {
        DLI_TRY(dli_onnx_enter(im, m->outputs[i].name, &v, err));
        v->read = true;
    }
    for (int32_t i = m->n_nodes; i-- > 0;) {
        bool needed = false;
        for (int32_t k = 0; k < m->nodes[i].n_out; k++) {
            const struct dli_onnx_value *o = dli_onnx_find(im, m->nodes[i].out[k]);
            needed = needed || (o && o->read);
        }
        for (int32_t k = 0; k < m->nodes[i].n_in && needed; k++)
            if (m->nodes[i].in[k][0]) {
                DLI_TRY(dli_onnx_enter(im, m->nodes[i].in[k], &v, err));
                v->read = true;
            }
    }
    return DL4C_OK;
}

/* Does the input come as [n, h, w, c]? It does where the first thing that minds the order of axes transposes it to [n, c, h, w]. */
static bool is_nhwc(struct dli_onnx_import *im, struct dli_onnx_value *input)
{
    static const int64_t to_nchw[] = { 0, 3, 1, 2 };
    bool found = false;
    input->follow = input;
    for (int32_t i = 0; i < im->model.n_nodes; i++) {
        const struct dli_onnx_node *node = &im->model.nodes[i];
        const struct dli_onnx_op *op = find_op(node);
        struct dli_onnx_value *in = NULL, *out = node->n_out > 0 ? dli_onnx_find(im, node->out[0]) : NULL;
        for (int32_t k = 0; k < node->n_in; k++) {
            struct dli_onnx_value *v = dli_onnx_in(im, node, k);
            in = v && v->follow == input ? v : in;
        }
        if (!in || !out || !out->read)
            continue;
        const struct dli_onnx_attr *perm = dli_onnx_attr(node, "perm");
        if (strcmp(node->op, "Transpose") == 0 && perm && perm->n_ints == 4 && memcmp(perm->ints, to_nchw, sizeof to_nchw) == 0)
            found = true;
        else if (op && op->free_layout)
            out->follow = input;
        else if (strcmp(node->op, "Shape") != 0)
            return false;
    }
    return found;
}

static dl4c_status add_input(struct dli_onnx_import *im, const struct dli_onnx_value_info *info, struct dl4c_error *err)
{
    struct dli_onnx_value *v;
    DLI_TRY(dli_onnx_enter(im, info->name, &v, err));
    if (v->known && v->c)
        return DL4C_OK; /* an initialiser that is listed as an input: its value is a default, which we keep */
    if (v->known || v->node >= 0)
        return dli_fail(err, DL4C_E_CORRUPT, "onnx", "'%.200s' is made twice", v->name);
    if (!v->read)
        return DL4C_OK;
    if (info->type != onnx_TensorProto_DataType_FLOAT)
        return dli_fail(err, DL4C_E_UNSUPPORTED, "onnx", "input '%.200s' is of %s; only FLOAT is supported", info->name,
                        info->type ? dli_onnx_type_name(info->type) : "a type that the file does not say");
    if (info->rank < 2)
        return dli_fail(err, DL4C_E_UNSUPPORTED, "onnx", "input '%.200s' has %s; a batch axis and one more at least are wanted", info->name,
                        info->rank < 0    ? "no shape"
                        : info->rank == 0 ? "no axes"
                                          : "one axis");
    v->known = true;
    v->shape.rank = info->rank - 1;
    v->shape.batch = 1;
    memcpy(v->shape.dim, info->dim + 1, (size_t)v->shape.rank * sizeof *v->shape.dim);
    int64_t elements;
    DLI_TRY(dli_shape_elements(&v->shape, &elements, err));
    v->nhwc = info->rank == 4 && is_nhwc(im, v);
    if (v->nhwc) {
        v->shape.dim[0] = info->dim[3];
        v->shape.dim[1] = info->dim[1];
        v->shape.dim[2] = info->dim[2];
    }
    DLI_TRY(dli_onnx_claim(im, info->name, &v->vertex, err));
    dl4c_builder_input(im->b, v->vertex, v->shape.dim, v->shape.rank);
    if (v->nhwc)
        dli_builder_input_nhwc(im->b, v->vertex);
    return dli_builder_status(im->b, err);
}

static dl4c_status add_node(struct dli_onnx_import *im, const struct dli_onnx_node *node, struct dl4c_error *err)
{
    const struct dli_onnx_op *op = find_op(node);
    if (!op)
        return dli_fail(err, DL4C_E_UNSUPPORTED, "onnx", "the operator is not supported");
    DLI_TRY(check_attrs(node, op, err));
    if (node->n_out < 1 || !node->out[0][0])
        return dli_fail(err, DL4C_E_UNSUPPORTED, "onnx", "its first output is left out");
    for (int32_t k = 1; k < node->n_out; k++) {
        const struct dli_onnx_value *o = node->out[k][0] ? dli_onnx_find(im, node->out[k]) : NULL;
        if (o && o->read)
            return dli_fail(err, DL4C_E_UNSUPPORTED, "onnx", "output %" PRId32 " '%.200s' is not supported", k, node->out[k]);
    }
    if (node->n_in < op->min_in || (op->max_in >= 0 && node->n_in > op->max_in))
        return dli_fail(err, DL4C_E_UNSUPPORTED, "onnx", "%" PRId32 " inputs are more or less than it takes", node->n_in);
    bool all_const = true;
    for (int32_t k = 0; k < node->n_in; k++) {
        const struct dli_onnx_value *v = dli_onnx_in(im, node, k);
        if (!node->in[k][0])
            continue;
        if (!v || !v->known)
            return dli_fail(err, DL4C_E_CORRUPT, "onnx", "input '%.200s' is made by no initialiser, graph input or earlier node",
                            node->in[k]);
        all_const = all_const && v->c;
    }
    if (all_const) {
        if (!op->fold)
            return dli_fail(err, DL4C_E_UNSUPPORTED, "onnx", "all its inputs are constants, and it is not folded");
        return op->fold(im, node, err);
    }
    if (!op->vertex)
        return dli_fail(err, DL4C_E_UNSUPPORTED, "onnx", "the operator is supported on constants only");
    return op->vertex(im, node, err);
}

static bool is_needed(const struct dli_onnx_import *im, const struct dli_onnx_node *node)
{
    for (int32_t k = 0; k < node->n_out; k++) {
        const struct dli_onnx_value *o = dli_onnx_find(im, node->out[k]);
        if (o && o->read)
            return true;
    }
    return false;
}

static dl4c_status add_outputs(struct dli_onnx_import *im, struct dl4c_error *err)
{
    const struct dli_onnx_model *m = &im->model;
    const char **names = dli_onnx_new(&im->arena, (size_t)m->n_outputs + 1, sizeof *names, err);
    if (!names)
        return dli_alloc_status();
    for (int32_t i = 0; i < m->n_outputs; i++) {
        struct dli_onnx_value *v = dli_onnx_find(im, m->outputs[i].name);
        if (!v || !v->known)
            return dli_fail(err, DL4C_E_CORRUPT, "onnx", "output '%.200s' is made by no node", m->outputs[i].name);
        if (v->c)
            return dli_fail(err, DL4C_E_UNSUPPORTED, "onnx", "output '%.200s' is a constant", v->name);
        DLI_TRY(dli_onnx_settle(im, v, err));
        names[i] = v->vertex;
        for (int32_t k = 0; k < i; k++)
            if (strcmp(names[k], names[i]) == 0) { /* two names of one value */
                struct dli_onnx_value *in[] = { v };
                DLI_TRY(dli_onnx_claim(im, v->name, &names[i], err));
                DLI_TRY(add_vertex(im, "identity", names[i], in, 1, NULL, 0, NULL, 0, &v->shape, err));
                break;
            }
    }
    if (m->n_outputs == 0)
        return dli_fail(err, DL4C_E_CORRUPT, "onnx", "the graph has no outputs");
    dl4c_builder_outputs(im->b, names, m->n_outputs);
    return dli_builder_status(im->b, err);
}

dl4c_status dli_onnx_import(struct dli_onnx_import *im, dl4c_graph **graph, struct dl4c_error *err)
{
    const struct dli_onnx_model *m = &im->model;
    if (m->opset < FIRST_OPSET)
        return dli_fail(err, DL4C_E_UNSUPPORTED, "onnx", "the model uses opset %" PRId64 "; %d and later are read", m->opset, FIRST_OPSET);
    DLI_TRY(dli_onnx_tables(im, err));
    DLI_TRY(link(im, err));
    im->batch = -1;
    for (int32_t i = 0; i < m->n_inputs; i++) {
        const struct dli_onnx_value *v = dli_onnx_find(im, m->inputs[i].name);
        const bool first = im->batch == -1;
        if (m->inputs[i].rank > 0 && v && v->read && !v->c)
            im->batch = first || im->batch == m->inputs[i].dim[0] ? m->inputs[i].dim[0] : -2;
        DLI_TRY(add_input(im, &m->inputs[i], err));
    }
    for (int32_t i = 0; i < m->n_tensors; i++)
        if (m->tensors[i].location && dli_onnx_find(im, m->tensors[i].name)->read)
            DLI_TRY(dli_onnx_external_open(im, &m->tensors[i], err));
    for (int32_t i = 0; i < m->n_nodes; i++) {
        const struct dli_onnx_node *node = &m->nodes[i];
        if (!is_needed(im, node))
            continue;
        if (i % 256 == 0)
            DLI_TRY(dli_watch_check(im->watch, err));
        const dl4c_status status = add_node(im, node, err);
        if (status != DL4C_OK)
            return dli_fail_prefix(err, status, "node '%.150s' (%.60s%s%.40s, opset %" PRId64 ")",
                                   node->name[0]     ? node->name
                                   : node->n_out > 0 ? node->out[0]
                                                     : "",
                                   node->domain, node->domain[0] ? "." : "", node->op, m->opset);
    }
    DLI_TRY(add_outputs(im, err));
    return dl4c_builder_finish(&im->b, graph, err);
}
