/* SPDX-License-Identifier: Apache-2.0 */
/* Walking protobuf messages; see wire.h. */
#include "formats/onnx/wire.h"

#include <string.h>

void dli_wire_init(struct dli_wire *w, const uint8_t *bytes, size_t size, const char *what)
{
    w->bytes = bytes;
    w->size = size;
    w->what = what;
    w->in = pb_istream_from_buffer(bytes, size);
}

static dl4c_status corrupt(const struct dli_wire *w, const char *why, struct dl4c_error *err)
{
    return dli_fail(err, DL4C_E_CORRUPT, "onnx", "byte %zu of a %s of %zu bytes: %s", w->size - w->in.bytes_left, w->what, w->size, why);
}

dl4c_status dli_wire_next(struct dli_wire *w, struct dli_wire_field *f, struct dl4c_error *err)
{
    pb_wire_type_t type;
    bool end = false;
    memset(f, 0, sizeof *f);
    if (!pb_decode_tag(&w->in, &type, &f->tag, &end)) {
        f->tag = 0;
        return end ? DL4C_OK : corrupt(w, "a field's tag is cut off or too long", err);
    }
    if (f->tag == 0)
        return corrupt(w, "field number 0", err);
    f->wire = (int32_t)type;
    uint32_t low;
    switch (f->wire) {
    case DLI_WIRE_NUMBER:
        if (!pb_decode_varint(&w->in, &f->number))
            return corrupt(w, "a number is cut off or too long", err);
        return DL4C_OK;
    case DLI_WIRE_64:
        if (!pb_decode_fixed64(&w->in, &f->number))
            return corrupt(w, "a number is cut off", err);
        return DL4C_OK;
    case DLI_WIRE_32:
        if (!pb_decode_fixed32(&w->in, &low))
            return corrupt(w, "a number is cut off", err);
        f->number = low;
        return DL4C_OK;
    case DLI_WIRE_BYTES: {
        uint64_t size;
        if (!pb_decode_varint(&w->in, &size))
            return corrupt(w, "a length is cut off or too long", err);
        if (size > w->in.bytes_left)
            return dli_fail(err, DL4C_E_CORRUPT, "onnx",
                            "field %" PRIu32 " of a %s claims %" PRIu64 " bytes, %zu are left: the file is cut off or damaged", f->tag,
                            w->what, size, w->in.bytes_left);
        f->bytes = w->bytes + (w->size - w->in.bytes_left);
        f->size = (size_t)size;
        if (!pb_read(&w->in, NULL, f->size))
            return corrupt(w, "bytes are cut off", err);
        return DL4C_OK;
    }
    default: return corrupt(w, "no field begins like this", err);
    }
}

dl4c_status dli_wire_want(const struct dli_wire *w, const struct dli_wire_field *f, int32_t wire, struct dl4c_error *err)
{
    if (f->wire == wire)
        return DL4C_OK;
    return dli_fail(err, DL4C_E_CORRUPT, "onnx", "field %" PRIu32 " of a %s has wire type %" PRId32 ", wanted %" PRId32, f->tag, w->what,
                    f->wire, wire);
}

dl4c_status dli_wire_count(const struct dli_wire *w, const struct dli_wire_field *f, int32_t wire, size_t *n, struct dl4c_error *err)
{
    if (f->wire == wire) {
        *n = 1;
        return DL4C_OK;
    }
    DLI_TRY(dli_wire_want(w, f, DLI_WIRE_BYTES, err));
    const size_t unit = wire == DLI_WIRE_32 ? 4 : 8;
    *n = 0;
    if (wire != DLI_WIRE_NUMBER) {
        *n = f->size / unit;
        if (f->size % unit == 0)
            return DL4C_OK;
        return dli_fail(err, DL4C_E_CORRUPT, "onnx", "field %" PRIu32 " of a %s packs %zu bytes, no multiple of %zu", f->tag, w->what,
                        f->size, unit);
    }
    /* A varint ends with the byte that has its top bit clear, after ten bytes at the latest. */
    size_t run = 0;
    for (size_t i = 0; i < f->size; i++) {
        run = f->bytes[i] & 0x80 ? run + 1 : 0;
        *n += run == 0;
        if (run > 9)
            break;
    }
    if (run == 0)
        return DL4C_OK;
    return dli_fail(err, DL4C_E_CORRUPT, "onnx", "field %" PRIu32 " of a %s: a packed number is cut off or too long", f->tag, w->what);
}

void dli_wire_numbers(const struct dli_wire_field *f, int32_t wire, uint64_t *out)
{
    if (f->wire == wire) {
        *out = f->number;
        return;
    }
    if (wire == DLI_WIRE_NUMBER) {
        uint64_t v = 0;
        unsigned shift = 0;
        for (size_t i = 0; i < f->size; i++) {
            v |= shift < 64 ? (uint64_t)(f->bytes[i] & 0x7f) << shift : 0;
            shift += 7;
            if (!(f->bytes[i] & 0x80)) {
                *out++ = v;
                v = 0;
                shift = 0;
            }
        }
        return;
    }
    const size_t unit = wire == DLI_WIRE_32 ? 4 : 8;
    for (size_t i = 0; i < f->size / unit; i++) {
        uint64_t v = 0;
        for (size_t b = 0; b < unit; b++)
            v |= (uint64_t)f->bytes[i * unit + b] << (8 * b);
        *out++ = v;
    }
}
