/* SPDX-License-Identifier: Apache-2.0 */
/* ModelProto has no magic number: its first fields are looked at, as far as the file goes. Every exporter begins with ir_version. */
#include "formats/onnx/sniff.h"

enum { IR_VERSION = 1 << 3, GRAPH = 7, OPSET_IMPORT = 8, TRAINING_INFO = 20, METADATA = 14, FUNCTIONS = 25, LATEST_IR = 64 };

static bool varint(const uint8_t *bytes, size_t size, size_t *at, uint64_t *v)
{
    *v = 0;
    for (unsigned shift = 0; shift < 63 && *at < size; shift += 7) {
        const uint8_t b = bytes[(*at)++];
        *v |= (uint64_t)(b & 0x7f) << shift;
        if (!(b & 0x80))
            return true;
    }
    return false;
}

bool dli_onnx_sniff(const uint8_t *bytes, size_t size)
{
    size_t at = 0;
    uint64_t tag, v;
    if (!varint(bytes, size, &at, &tag) || tag != IR_VERSION || !varint(bytes, size, &at, &v) || v < 1 || v > LATEST_IR)
        return false;
    for (int fields = 0; fields < 16 && at < size; fields++) {
        if (!varint(bytes, size, &at, &tag) || !varint(bytes, size, &at, &v))
            return fields > 0; /* cut off inside a field that began well */
        const uint64_t field = tag >> 3;
        const bool is_number = field == 1 || field == 5;
        const bool known = (field >= 1 && field <= OPSET_IMPORT) || field == METADATA || field == TRAINING_INFO || field == FUNCTIONS;
        if (!known || (tag & 7) != (is_number ? 0 : 2))
            return false;
        if (!is_number) {
            if (v > size - at)
                return true; /* cut off */
            at += (size_t)v;
        }
        if (field == GRAPH)
            return true;
    }
    return true;
}
