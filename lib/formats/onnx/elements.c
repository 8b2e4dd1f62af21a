/* SPDX-License-Identifier: Apache-2.0 */
/* The elements of a TensorProto, whichever of its many fields they lie in. */
#include "formats/onnx/proto.h"

#include "onnx.pb.h"
#include "tensor/convert.h"

#include <math.h>
#include <string.h>

static const struct {
    int32_t type;
    uint8_t size;
    bool floating, is_signed;
    const char *name;
    uint32_t tag; /* the typed field, where there is no raw_data */
    int32_t wire; /* of its elements */
} types[] = {
    { onnx_TensorProto_DataType_FLOAT, 4, true, true, "FLOAT", onnx_TensorProto_float_data_tag, DLI_WIRE_32 },
    { onnx_TensorProto_DataType_DOUBLE, 8, true, true, "DOUBLE", onnx_TensorProto_double_data_tag, DLI_WIRE_64 },
    { onnx_TensorProto_DataType_FLOAT16, 2, true, true, "FLOAT16", onnx_TensorProto_int32_data_tag, DLI_WIRE_NUMBER },
    { onnx_TensorProto_DataType_BFLOAT16, 2, true, true, "BFLOAT16", onnx_TensorProto_int32_data_tag, DLI_WIRE_NUMBER },
    { onnx_TensorProto_DataType_INT64, 8, false, true, "INT64", onnx_TensorProto_int64_data_tag, DLI_WIRE_NUMBER },
    { onnx_TensorProto_DataType_UINT64, 8, false, false, "UINT64", onnx_TensorProto_uint64_data_tag, DLI_WIRE_NUMBER },
    { onnx_TensorProto_DataType_INT32, 4, false, true, "INT32", onnx_TensorProto_int32_data_tag, DLI_WIRE_NUMBER },
    { onnx_TensorProto_DataType_UINT32, 4, false, false, "UINT32", onnx_TensorProto_uint64_data_tag, DLI_WIRE_NUMBER },
    { onnx_TensorProto_DataType_INT16, 2, false, true, "INT16", onnx_TensorProto_int32_data_tag, DLI_WIRE_NUMBER },
    { onnx_TensorProto_DataType_UINT16, 2, false, false, "UINT16", onnx_TensorProto_int32_data_tag, DLI_WIRE_NUMBER },
    { onnx_TensorProto_DataType_INT8, 1, false, true, "INT8", onnx_TensorProto_int32_data_tag, DLI_WIRE_NUMBER },
    { onnx_TensorProto_DataType_UINT8, 1, false, false, "UINT8", onnx_TensorProto_int32_data_tag, DLI_WIRE_NUMBER },
    { onnx_TensorProto_DataType_BOOL, 1, false, false, "BOOL", onnx_TensorProto_int32_data_tag, DLI_WIRE_NUMBER },
    { onnx_TensorProto_DataType_STRING, 0, false, false, "STRING", 0, 0 },
    { onnx_TensorProto_DataType_COMPLEX64, 0, false, false, "COMPLEX64", 0, 0 },
    { onnx_TensorProto_DataType_COMPLEX128, 0, false, false, "COMPLEX128", 0, 0 },
};
enum { N_TYPES = sizeof types / sizeof types[0] };

static int32_t find(int32_t type)
{
    for (int32_t i = 0; i < N_TYPES; i++)
        if (types[i].type == type)
            return i;
    return -1;
}

size_t dli_onnx_type_size(int32_t type)
{
    const int32_t i = find(type);
    return i < 0 ? 0 : types[i].size;
}

const char *dli_onnx_type_name(int32_t type)
{
    const int32_t i = find(type);
    return i < 0 ? "an unknown type" : types[i].name;
}

bool dli_onnx_type_is_float(int32_t type)
{
    const int32_t i = find(type);
    return i >= 0 && types[i].floating;
}

static float to_f32(int32_t type, uint64_t bits)
{
    switch (type) {
    case onnx_TensorProto_DataType_FLOAT16: return (float)dli_f16_to_f64((uint16_t)bits);
    case onnx_TensorProto_DataType_BFLOAT16: return dli_bf16_to_f32((uint16_t)bits);
    case onnx_TensorProto_DataType_DOUBLE: return (float)dli_wire_f64(bits);
    default: return dli_wire_f32(bits);
    }
}

/* bits: `size` bytes, zero above. */
static int64_t to_i64(int32_t k, uint64_t bits)
{
    const unsigned unused = 64 - 8 * types[k].size;
    if (types[k].type == onnx_TensorProto_DataType_BOOL)
        return bits != 0;
    if (types[k].is_signed) /* sign extension without shifting negative numbers */
        return unused == 0 ? (int64_t)bits
                           : (int64_t)((bits << unused >> unused ^ (uint64_t)1 << (63 - unused)) - ((uint64_t)1 << (63 - unused)));
    if (types[k].size == 8 && bits > INT64_MAX)
        return INT64_MAX;
    return unused == 0 ? (int64_t)bits : (int64_t)(bits << unused >> unused);
}

static dl4c_status walk(const struct dli_onnx_tensor *t, bool floating, void *out, struct dl4c_error *err)
{
    const int32_t k = find(t->type);
    if (k < 0 || types[k].size == 0 || types[k].floating != floating)
        return dli_fail(err, DL4C_E_UNSUPPORTED, "onnx", "tensor '%.200s' is of %s (data type %" PRId32 "), wanted %s", t->name,
                        dli_onnx_type_name(t->type), t->type, floating ? "floating point" : "integers");
    float *f = floating ? out : NULL;
    int64_t *n = floating ? NULL : out;
    if (t->raw) {
        for (int64_t i = 0; i < t->count; i++) {
            uint64_t bits = 0;
            for (uint8_t b = 0; b < types[k].size; b++)
                bits |= (uint64_t)t->raw[(size_t)i * types[k].size + b] << (8 * b);
            if (f)
                f[i] = to_f32(t->type, bits);
            else
                n[i] = to_i64(k, bits);
        }
        return DL4C_OK;
    }
    struct dli_wire w;
    struct dli_wire_field field;
    size_t at = 0;
    dli_wire_init(&w, t->message, t->message_size, "TensorProto");
    for (;;) {
        DLI_TRY(dli_wire_next(&w, &field, err));
        if (field.tag == 0)
            break;
        if (field.tag != types[k].tag)
            continue;
        /* In pieces, so that a packed field of any length needs no memory of its own. */
        size_t used = 0;
        while (field.wire == types[k].wire ? used == 0 : used < field.size) {
            uint64_t some[64];
            size_t many = 0;
            struct dli_wire_field piece = field;
            if (field.wire == DLI_WIRE_BYTES) {
                const size_t left = field.size - used, room = types[k].wire == DLI_WIRE_NUMBER ? 64 : 64 * (size_t)types[k].size;
                piece.bytes += used;
                piece.size = left < room ? left : room;
                /* Not in the middle of a varint. */
                while (types[k].wire == DLI_WIRE_NUMBER && piece.size < left && piece.bytes[piece.size - 1] & 0x80)
                    piece.size--;
            }
            DLI_TRY(dli_wire_count(&w, &piece, types[k].wire, &many, err));
            if (many > 64 || many > (size_t)t->count - at || (field.wire == DLI_WIRE_BYTES && piece.size == 0))
                return dli_fail(err, DL4C_E_CORRUPT, "onnx", "tensor '%.200s' of %s has values in the wrong field", t->name, types[k].name);
            dli_wire_numbers(&piece, types[k].wire, some);
            for (size_t i = 0; i < many; i++, at++) {
                if (f)
                    f[at] = to_f32(t->type, some[i]);
                else
                    n[at] = to_i64(k, some[i]);
            }
            used += field.wire == DLI_WIRE_BYTES ? piece.size : 1;
        }
    }
    if (at != (size_t)t->count)
        return dli_fail(err, DL4C_E_CORRUPT, "onnx", "tensor '%.200s' of %s has values in the wrong field", t->name, types[k].name);
    return DL4C_OK;
}

dl4c_status dli_onnx_tensor_floats(const struct dli_onnx_tensor *t, float *out, struct dl4c_error *err) { return walk(t, true, out, err); }

dl4c_status dli_onnx_tensor_ints(const struct dli_onnx_tensor *t, int64_t *out, struct dl4c_error *err) { return walk(t, false, out, err); }

const uint8_t *dli_onnx_tensor_view(const struct dli_onnx_tensor *t)
{
    if (t->type != onnx_TensorProto_DataType_FLOAT)
        return NULL;
    if (t->raw)
        return t->raw;
    /* One packed float_data field is the same as raw_data. */
    struct dli_wire w;
    struct dli_wire_field f;
    const uint8_t *found = NULL;
    dli_wire_init(&w, t->message, t->message_size, "TensorProto");
    while (dli_wire_next(&w, &f, NULL) == DL4C_OK && f.tag != 0)
        if (f.tag == onnx_TensorProto_float_data_tag) {
            if (f.wire != DLI_WIRE_BYTES || f.size != (size_t)t->count * sizeof(float))
                return NULL;
            found = f.bytes;
        }
    return found;
}
