/* SPDX-License-Identifier: Apache-2.0 */
/* Reading ModelProto and what it holds. Each message is walked twice: to count, then to fill. */
#include "formats/onnx/proto.h"
#include "base/number.h"

/* Field numbers and enumerations come from onnx.proto through nanopb's generator. */
#include "onnx.pb.h"

#include <string.h>

static dl4c_status text(struct dli_onnx_arena *a, const struct dli_wire *w, const struct dli_wire_field *f, const char **out,
                        struct dl4c_error *err)
{
    DLI_TRY(dli_wire_want(w, f, DLI_WIRE_BYTES, err));
    if (memchr(f->bytes, 0, f->size))
        return dli_fail(err, DL4C_E_CORRUPT, "onnx", "a text in a %s holds a NUL", w->what);
    *out = dli_onnx_text(a, f->bytes, f->size, err);
    return *out ? DL4C_OK : dli_alloc_status();
}

/* How often the fields of `tags` (n of them) occur. */
static dl4c_status count(const uint8_t *bytes, size_t size, const char *what, const uint32_t *tags, size_t *counts, int32_t n,
                         struct dl4c_error *err)
{
    struct dli_wire w;
    struct dli_wire_field f;
    dli_wire_init(&w, bytes, size, what);
    memset(counts, 0, (size_t)n * sizeof *counts);
    for (;;) {
        DLI_TRY(dli_wire_next(&w, &f, err));
        if (f.tag == 0)
            break;
        for (int32_t k = 0; k < n; k++)
            counts[k] += f.tag == tags[k];
    }
    for (int32_t k = 0; k < n; k++)
        if (counts[k] > INT32_MAX)
            return dli_fail(err, DL4C_E_LIMIT, "onnx", "a %s repeats field %" PRIu32 " %zu times", what, tags[k], counts[k]);
    return DL4C_OK;
}

#define NEW(pointer, n)                                                                                                                    \
    do {                                                                                                                                   \
        (pointer) = dli_onnx_new(a, (n), sizeof *(pointer), err);                                                                          \
        if (!(pointer))                                                                                                                    \
            return dli_alloc_status();                                                                                                     \
    } while (0)

/* Appends a field's numbers to out[*n]. */
static dl4c_status append(struct dli_wire *w, const struct dli_wire_field *f, int32_t wire, uint64_t *out, size_t *n,
                          struct dl4c_error *err)
{
    size_t more;
    DLI_TRY(dli_wire_count(w, f, wire, &more, err));
    if (out)
        dli_wire_numbers(f, wire, out + *n);
    *n += more;
    return DL4C_OK;
}

/* One key and value of external_data: location, offset, length; a checksum is not looked at. */
static dl4c_status parse_external(struct dli_onnx_arena *a, const uint8_t *bytes, size_t size, struct dli_onnx_tensor *t,
                                  struct dl4c_error *err)
{
    struct dli_wire w;
    struct dli_wire_field f;
    const char *key = "", *value = "";
    dli_wire_init(&w, bytes, size, "StringStringEntryProto");
    for (;;) {
        DLI_TRY(dli_wire_next(&w, &f, err));
        if (f.tag == 0)
            break;
        if (f.tag == onnx_StringStringEntryProto_key_tag)
            DLI_TRY(text(a, &w, &f, &key, err));
        if (f.tag == onnx_StringStringEntryProto_value_tag)
            DLI_TRY(text(a, &w, &f, &value, err));
    }
    int64_t *number = strcmp(key, "offset") == 0 ? &t->offset : strcmp(key, "length") == 0 ? &t->length : NULL;
    if (strcmp(key, "location") == 0)
        t->location = value;
    if (number && (!dli_parse_i64(value, strlen(value), number) || *number < 0))
        return dli_fail(err, DL4C_E_CORRUPT, "onnx", "the data of tensor '%.150s' lies at %s \"%.60s\"", t->name, key, value);
    return DL4C_OK;
}

dl4c_status dli_onnx_parse_tensor(struct dli_onnx_arena *a, const uint8_t *bytes, size_t size, struct dli_onnx_tensor *t,
                                  struct dl4c_error *err)
{
    struct dli_wire w;
    struct dli_wire_field f;
    size_t rank = 0, typed = 0;
    uint64_t dims[DLI_ONNX_RANK] = { 0 };
    bool external = false;
    memset(t, 0, sizeof *t);
    t->name = "";
    t->offset = t->length = -1;
    t->message = bytes;
    t->message_size = size;
    dli_wire_init(&w, bytes, size, "TensorProto");
    for (;;) {
        DLI_TRY(dli_wire_next(&w, &f, err));
        size_t n = 0;
        switch (f.tag) {
        case 0: goto end;
        case onnx_TensorProto_dims_tag:
            DLI_TRY(dli_wire_count(&w, &f, DLI_WIRE_NUMBER, &n, err));
            if (rank + n > DLI_ONNX_RANK)
                return dli_fail(err, DL4C_E_UNSUPPORTED, "onnx", "tensor '%.200s' has more than %d axes", t->name, DLI_ONNX_RANK);
            dli_wire_numbers(&f, DLI_WIRE_NUMBER, dims + rank);
            rank += n;
            break;
        case onnx_TensorProto_data_type_tag:
            DLI_TRY(dli_wire_want(&w, &f, DLI_WIRE_NUMBER, err));
            t->type = f.number < 1000 ? (int32_t)f.number : 1000;
            break;
        case onnx_TensorProto_name_tag: DLI_TRY(text(a, &w, &f, &t->name, err)); break;
        case onnx_TensorProto_raw_data_tag:
            DLI_TRY(dli_wire_want(&w, &f, DLI_WIRE_BYTES, err));
            t->raw = f.bytes;
            t->raw_size = f.size;
            break;
        case onnx_TensorProto_float_data_tag: DLI_TRY(append(&w, &f, DLI_WIRE_32, NULL, &typed, err)); break;
        case onnx_TensorProto_double_data_tag: DLI_TRY(append(&w, &f, DLI_WIRE_64, NULL, &typed, err)); break;
        case onnx_TensorProto_int32_data_tag:
        case onnx_TensorProto_int64_data_tag:
        case onnx_TensorProto_uint64_data_tag: DLI_TRY(append(&w, &f, DLI_WIRE_NUMBER, NULL, &typed, err)); break;
        case onnx_TensorProto_external_data_tag:
            DLI_TRY(dli_wire_want(&w, &f, DLI_WIRE_BYTES, err));
            DLI_TRY(parse_external(a, f.bytes, f.size, t, err));
            break;
        case onnx_TensorProto_data_location_tag:
            DLI_TRY(dli_wire_want(&w, &f, DLI_WIRE_NUMBER, err));
            external = f.number == onnx_TensorProto_DataLocation_EXTERNAL;
            break;
        case onnx_TensorProto_segment_tag: return dli_fail(err, DL4C_E_UNSUPPORTED, "onnx", "tensor '%.200s' comes in segments", t->name);
        default: break;
        }
    }
end:
    if (external && !t->location)
        return dli_fail(err, DL4C_E_CORRUPT, "onnx", "tensor '%.200s' has its data in another file and does not say in which", t->name);
    if (!external)
        t->location = NULL;
    t->rank = (int32_t)rank;
    t->count = 1;
    int64_t apart = 1; /* the product without lengths of 0: strides are computed from it */
    for (int32_t k = 0; k < t->rank; k++) {
        t->dim[k] = (int64_t)dims[k];
        t->count *= t->dim[k] == 0 ? 0 : 1;
        if (t->dim[k] < 0 || !dli_mul_i64(apart, t->dim[k] == 0 ? 1 : t->dim[k], &apart) || apart > INT64_MAX / 16)
            return dli_fail(err, DL4C_E_CORRUPT, "onnx", "axis %" PRId32 " of tensor '%.200s' has length %" PRId64, k, t->name, t->dim[k]);
    }
    t->count *= apart;
    t->values = typed;
    return t->location ? DL4C_OK : dli_onnx_tensor_check(t, err);
}

dl4c_status dli_onnx_tensor_check(const struct dli_onnx_tensor *t, struct dl4c_error *err)
{
    const size_t unit = dli_onnx_type_size(t->type);
    if (unit == 0)
        return DL4C_OK; /* refused where it is read, if it ever is */
    if (t->raw && ((size_t)t->count > SIZE_MAX / unit || t->raw_size != (size_t)t->count * unit))
        return dli_fail(err, DL4C_E_CORRUPT, "onnx", "tensor '%.200s' has %" PRId64 " elements of %s but %zu bytes of data", t->name,
                        t->count, dli_onnx_type_name(t->type), t->raw_size);
    if (!t->raw && t->values != (size_t)t->count)
        return dli_fail(err, DL4C_E_CORRUPT, "onnx", "tensor '%.200s' has %" PRId64 " elements of %s but %zu values", t->name, t->count,
                        dli_onnx_type_name(t->type), t->values);
    return DL4C_OK;
}

static dl4c_status parse_attr(struct dli_onnx_arena *a, const uint8_t *bytes, size_t size, struct dli_onnx_attr *out,
                              struct dl4c_error *err)
{
    struct dli_wire w;
    struct dli_wire_field f;
    uint64_t *ints = NULL, *floats = NULL;
    int32_t seen = onnx_AttributeProto_AttributeType_UNDEFINED;
    for (int pass = 0; pass < 2; pass++) {
        if (pass == 1) {
            if (out->n_ints > 0)
                NEW(ints, out->n_ints);
            if (out->n_floats > 0)
                NEW(floats, out->n_floats);
        }
        out->name = out->s = "";
        out->n_ints = out->n_floats = 0;
        dli_wire_init(&w, bytes, size, "AttributeProto");
        for (;;) {
            DLI_TRY(dli_wire_next(&w, &f, err));
            if (f.tag == 0)
                break;
            switch (f.tag) {
            case onnx_AttributeProto_name_tag:
                if (pass == 1)
                    DLI_TRY(text(a, &w, &f, &out->name, err));
                break;
            case onnx_AttributeProto_type_tag:
                DLI_TRY(dli_wire_want(&w, &f, DLI_WIRE_NUMBER, err));
                out->type = f.number < 1000 ? (int32_t)f.number : 1000;
                break;
            case onnx_AttributeProto_f_tag:
                DLI_TRY(dli_wire_want(&w, &f, DLI_WIRE_32, err));
                out->f = dli_wire_f32(f.number);
                seen = onnx_AttributeProto_AttributeType_FLOAT;
                break;
            case onnx_AttributeProto_i_tag:
                DLI_TRY(dli_wire_want(&w, &f, DLI_WIRE_NUMBER, err));
                out->i = (int64_t)f.number;
                seen = onnx_AttributeProto_AttributeType_INT;
                break;
            case onnx_AttributeProto_s_tag:
                if (pass == 1)
                    DLI_TRY(text(a, &w, &f, &out->s, err));
                seen = onnx_AttributeProto_AttributeType_STRING;
                break;
            case onnx_AttributeProto_t_tag:
                DLI_TRY(dli_wire_want(&w, &f, DLI_WIRE_BYTES, err));
                if (pass == 1) {
                    struct dli_onnx_tensor *t;
                    NEW(t, 1);
                    DLI_TRY(dli_onnx_parse_tensor(a, f.bytes, f.size, t, err));
                    out->t = t;
                }
                seen = onnx_AttributeProto_AttributeType_TENSOR;
                break;
            case onnx_AttributeProto_ints_tag:
                DLI_TRY(append(&w, &f, DLI_WIRE_NUMBER, ints, &out->n_ints, err));
                seen = onnx_AttributeProto_AttributeType_INTS;
                break;
            case onnx_AttributeProto_floats_tag:
                DLI_TRY(append(&w, &f, DLI_WIRE_32, floats, &out->n_floats, err));
                seen = onnx_AttributeProto_AttributeType_FLOATS;
                break;
            case onnx_AttributeProto_g_tag: seen = onnx_AttributeProto_AttributeType_GRAPH; break;
            case onnx_AttributeProto_strings_tag: seen = onnx_AttributeProto_AttributeType_STRINGS; break;
            default: break;
            }
        }
    }
    if (out->type == onnx_AttributeProto_AttributeType_UNDEFINED)
        out->type = seen;
    out->ints = (const int64_t *)ints;
    if (out->n_floats > 0) {
        float *narrow;
        NEW(narrow, out->n_floats);
        for (size_t k = 0; k < out->n_floats; k++)
            narrow[k] = dli_wire_f32(floats[k]);
        out->floats = narrow;
    }
    return DL4C_OK;
}

static dl4c_status parse_node(struct dli_onnx_arena *a, const uint8_t *bytes, size_t size, struct dli_onnx_node *node,
                              struct dl4c_error *err)
{
    static const uint32_t tags[] = { onnx_NodeProto_input_tag, onnx_NodeProto_output_tag, onnx_NodeProto_attribute_tag };
    size_t counts[3];
    struct dli_wire w;
    struct dli_wire_field f;
    DLI_TRY(count(bytes, size, "NodeProto", tags, counts, 3, err));
    NEW(node->in, counts[0] + 1);
    NEW(node->out, counts[1] + 1);
    NEW(node->attrs, counts[2] + 1);
    node->name = node->op = node->domain = "";
    dli_wire_init(&w, bytes, size, "NodeProto");
    for (;;) {
        DLI_TRY(dli_wire_next(&w, &f, err));
        switch (f.tag) {
        case 0: return node->op[0] ? DL4C_OK : dli_fail(err, DL4C_E_CORRUPT, "onnx", "node '%.200s' has no operator", node->name);
        case onnx_NodeProto_input_tag: DLI_TRY(text(a, &w, &f, &node->in[node->n_in++], err)); break;
        case onnx_NodeProto_output_tag: DLI_TRY(text(a, &w, &f, &node->out[node->n_out++], err)); break;
        case onnx_NodeProto_name_tag: DLI_TRY(text(a, &w, &f, &node->name, err)); break;
        case onnx_NodeProto_op_type_tag: DLI_TRY(text(a, &w, &f, &node->op, err)); break;
        case onnx_NodeProto_domain_tag: DLI_TRY(text(a, &w, &f, &node->domain, err)); break;
        case onnx_NodeProto_attribute_tag:
            DLI_TRY(dli_wire_want(&w, &f, DLI_WIRE_BYTES, err));
            DLI_TRY(parse_attr(a, f.bytes, f.size, &node->attrs[node->n_attrs++], err));
            break;
        default: break;
        }
    }
}

static dl4c_status parse_shape(const uint8_t *bytes, size_t size, struct dli_onnx_value_info *v, struct dl4c_error *err)
{
    struct dli_wire w, inner;
    struct dli_wire_field f, d;
    v->rank = 0;
    dli_wire_init(&w, bytes, size, "TensorShapeProto");
    for (;;) {
        DLI_TRY(dli_wire_next(&w, &f, err));
        if (f.tag == 0)
            return DL4C_OK;
        if (f.tag != onnx_TensorShapeProto_dim_tag)
            continue;
        DLI_TRY(dli_wire_want(&w, &f, DLI_WIRE_BYTES, err));
        if (v->rank == DLI_ONNX_RANK)
            return dli_fail(err, DL4C_E_UNSUPPORTED, "onnx", "'%.200s' has more than %d axes", v->name, DLI_ONNX_RANK);
        int64_t length = -1;
        dli_wire_init(&inner, f.bytes, f.size, "Dimension");
        for (;;) {
            DLI_TRY(dli_wire_next(&inner, &d, err));
            if (d.tag == 0)
                break;
            if (d.tag == onnx_TensorShapeProto_Dimension_dim_value_tag) {
                DLI_TRY(dli_wire_want(&inner, &d, DLI_WIRE_NUMBER, err));
                /* 0 is what old exporters write for a length that is not known. */
                length = (int64_t)d.number > 0 ? (int64_t)d.number : -1;
            }
        }
        v->dim[v->rank++] = length;
    }
}

static dl4c_status parse_value_info(struct dli_onnx_arena *a, const uint8_t *bytes, size_t size, struct dli_onnx_value_info *v,
                                    struct dl4c_error *err)
{
    struct dli_wire w, type, tensor;
    struct dli_wire_field f, t, x;
    v->name = "";
    v->rank = -1;
    dli_wire_init(&w, bytes, size, "ValueInfoProto");
    for (;;) {
        DLI_TRY(dli_wire_next(&w, &f, err));
        if (f.tag == 0)
            return DL4C_OK;
        if (f.tag == onnx_ValueInfoProto_name_tag)
            DLI_TRY(text(a, &w, &f, &v->name, err));
        if (f.tag != onnx_ValueInfoProto_type_tag)
            continue;
        DLI_TRY(dli_wire_want(&w, &f, DLI_WIRE_BYTES, err));
        dli_wire_init(&type, f.bytes, f.size, "TypeProto");
        for (;;) {
            DLI_TRY(dli_wire_next(&type, &t, err));
            if (t.tag == 0)
                break;
            if (t.tag != onnx_TypeProto_tensor_type_tag)
                continue;
            DLI_TRY(dli_wire_want(&type, &t, DLI_WIRE_BYTES, err));
            dli_wire_init(&tensor, t.bytes, t.size, "TypeProto.Tensor");
            for (;;) {
                DLI_TRY(dli_wire_next(&tensor, &x, err));
                if (x.tag == 0)
                    break;
                if (x.tag == onnx_TypeProto_Tensor_elem_type_tag) {
                    DLI_TRY(dli_wire_want(&tensor, &x, DLI_WIRE_NUMBER, err));
                    v->type = x.number < 1000 ? (int32_t)x.number : 1000;
                } else if (x.tag == onnx_TypeProto_Tensor_shape_tag) {
                    DLI_TRY(dli_wire_want(&tensor, &x, DLI_WIRE_BYTES, err));
                    DLI_TRY(parse_shape(x.bytes, x.size, v, err));
                }
            }
        }
    }
}

static dl4c_status parse_graph(struct dli_onnx_arena *a, const uint8_t *bytes, size_t size, struct dli_onnx_model *m,
                               struct dl4c_error *err)
{
    static const uint32_t tags[] = { onnx_GraphProto_node_tag, onnx_GraphProto_initializer_tag, onnx_GraphProto_input_tag,
                                     onnx_GraphProto_output_tag };
    size_t counts[4];
    struct dli_wire w;
    struct dli_wire_field f;
    DLI_TRY(count(bytes, size, "GraphProto", tags, counts, 4, err));
    NEW(m->nodes, counts[0] + 1);
    NEW(m->tensors, counts[1] + 1);
    NEW(m->inputs, counts[2] + 1);
    NEW(m->outputs, counts[3] + 1);
    dli_wire_init(&w, bytes, size, "GraphProto");
    for (;;) {
        DLI_TRY(dli_wire_next(&w, &f, err));
        switch (f.tag) {
        case 0: return DL4C_OK;
        case onnx_GraphProto_node_tag:
            DLI_TRY(dli_wire_want(&w, &f, DLI_WIRE_BYTES, err));
            DLI_TRY(parse_node(a, f.bytes, f.size, &m->nodes[m->n_nodes++], err));
            break;
        case onnx_GraphProto_initializer_tag:
            DLI_TRY(dli_wire_want(&w, &f, DLI_WIRE_BYTES, err));
            DLI_TRY(dli_onnx_parse_tensor(a, f.bytes, f.size, &m->tensors[m->n_tensors++], err));
            break;
        case onnx_GraphProto_sparse_initializer_tag:
            return dli_fail(err, DL4C_E_UNSUPPORTED, "onnx", "the graph has a sparse initialiser; only dense ones are read");
        case onnx_GraphProto_input_tag:
            DLI_TRY(dli_wire_want(&w, &f, DLI_WIRE_BYTES, err));
            DLI_TRY(parse_value_info(a, f.bytes, f.size, &m->inputs[m->n_inputs++], err));
            break;
        case onnx_GraphProto_output_tag:
            DLI_TRY(dli_wire_want(&w, &f, DLI_WIRE_BYTES, err));
            DLI_TRY(parse_value_info(a, f.bytes, f.size, &m->outputs[m->n_outputs++], err));
            break;
        default: break;
        }
    }
}

static dl4c_status parse_opset(struct dli_onnx_arena *a, const uint8_t *bytes, size_t size, struct dli_onnx_model *m,
                               struct dl4c_error *err)
{
    struct dli_wire w;
    struct dli_wire_field f;
    const char *domain = "";
    uint64_t version = 0;
    dli_wire_init(&w, bytes, size, "OperatorSetIdProto");
    for (;;) {
        DLI_TRY(dli_wire_next(&w, &f, err));
        if (f.tag == 0)
            break;
        if (f.tag == onnx_OperatorSetIdProto_domain_tag)
            DLI_TRY(text(a, &w, &f, &domain, err));
        if (f.tag == onnx_OperatorSetIdProto_version_tag) {
            DLI_TRY(dli_wire_want(&w, &f, DLI_WIRE_NUMBER, err));
            version = f.number;
        }
    }
    if (domain[0] == 0 || strcmp(domain, "ai.onnx") == 0)
        m->opset = version > INT32_MAX ? INT32_MAX : (int64_t)version;
    return DL4C_OK;
}

dl4c_status dli_onnx_parse(struct dli_onnx_arena *a, const uint8_t *bytes, size_t size, struct dli_onnx_model *m, struct dl4c_error *err)
{
    struct dli_wire w;
    struct dli_wire_field f, graph = { 0 };
    memset(m, 0, sizeof *m);
    m->producer = "";
    dli_wire_init(&w, bytes, size, "ModelProto");
    for (;;) {
        DLI_TRY(dli_wire_next(&w, &f, err));
        if (f.tag == 0)
            break;
        switch (f.tag) {
        case onnx_ModelProto_ir_version_tag:
            DLI_TRY(dli_wire_want(&w, &f, DLI_WIRE_NUMBER, err));
            m->ir_version = (int64_t)f.number;
            break;
        case onnx_ModelProto_producer_name_tag: DLI_TRY(text(a, &w, &f, &m->producer, err)); break;
        case onnx_ModelProto_opset_import_tag:
            DLI_TRY(dli_wire_want(&w, &f, DLI_WIRE_BYTES, err));
            DLI_TRY(parse_opset(a, f.bytes, f.size, m, err));
            break;
        case onnx_ModelProto_graph_tag:
            DLI_TRY(dli_wire_want(&w, &f, DLI_WIRE_BYTES, err));
            if (graph.bytes)
                return dli_fail(err, DL4C_E_CORRUPT, "onnx", "the model has two graphs");
            graph = f;
            break;
        default: break;
        }
    }
    if (!graph.bytes)
        return dli_fail(err, DL4C_E_CORRUPT, "onnx", "the model has no graph");
    return parse_graph(a, graph.bytes, graph.size, m, err);
}
