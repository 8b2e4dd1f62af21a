/* SPDX-License-Identifier: Apache-2.0 */
/* What a peer of the transport tcp sends. Checksums are put right first, by following the lengths, as a mutation would never get past
 * them; the first byte says in which steps the rest arrives, and whether checksums are left as they are. */
#include "fuzz.h"
#include "transport/frame.h"

#include <stdlib.h>
#include <string.h>

static void put_right(uint8_t *p, size_t n)
{
    for (uint64_t sequence = 0; n >= DLI_FRAME_HEADER; sequence++) {
        const size_t length = dli_get32(p + 32), there = length < n - DLI_FRAME_HEADER ? length : n - DLI_FRAME_HEADER;
        memcpy(p, "dl4x\1", 6);
        dli_put64(p + 16, sequence);
        dli_put32(p + 36, dli_crc32c(0, p + DLI_FRAME_HEADER, there));
        dli_put32(p + 44, dli_crc32c(0, p, 44));
        p += DLI_FRAME_HEADER + there;
        n -= DLI_FRAME_HEADER + there;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct dli_inbox in = { .limit = DLI_FRAME_SMALL };
    struct dl4c_error err = DL4C_ERROR_INIT;
    if (size < 1)
        return 0;
    const size_t step = (bytes[0] & 0x7f) + 1u;
    size_t n = size - 1;
    uint8_t *copy = malloc(size), *p = copy;
    if (!copy)
        return 0;
    memcpy(copy, bytes + 1, n);
    if (bytes[0] & 0x80)
        put_right(copy, n);
    for (dl4c_status status = DL4C_OK; n > 0 && status == DL4C_OK;) {
        size_t want;
        void *room = dli_inbox_room(&in, &want);
        want = want < step ? want : step;
        want = want < n ? want : n;
        memcpy(room, p, want);
        p += want;
        n -= want;
        status = dli_inbox_got(&in, want, &err);
        if (status == DL4C_OK && in.headed && !in.placed)
            status = dli_inbox_alloc(&in, fuzz_context(), &err);
        if (status != DL4C_OK)
            fuzz_check(status, NULL, &err);
        if (in.complete)
            dli_inbox_next(&in);
    }
    dli_inbox_next(&in);
    free(copy);
    fuzz_balanced(size, 0, 2 * DLI_FRAME_SMALL);
    return 0;
}
