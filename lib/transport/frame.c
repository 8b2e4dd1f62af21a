/* SPDX-License-Identifier: Apache-2.0 */
/* Frames of the transport tcp: writing them, and reading them from whoever may have connected. */
#include "transport/frame.h"

#include <string.h>

static const uint8_t magic[4] = { 'd', 'l', '4', 'x' };

void dli_frame_write(const struct dli_frame *f, uint8_t header[DLI_FRAME_HEADER])
{
    memcpy(header, magic, 4);
    dli_put16(header + 4, DLI_FRAME_VERSION);
    dli_put16(header + 6, f->kind);
    dli_put64(header + 8, f->generation);
    dli_put64(header + 16, f->sequence);
    dli_put64(header + 24, f->total);
    dli_put32(header + 32, f->length);
    dli_put32(header + 36, f->crc);
    dli_put32(header + 40, 0);
    dli_put32(header + 44, dli_crc32c(0, header, 44));
}

dl4c_status dli_frame_read(const uint8_t header[DLI_FRAME_HEADER], uint32_t limit, struct dli_frame *f, struct dl4c_error *err)
{
    if (memcmp(header, magic, 4) != 0)
        return dli_fail(err, DL4C_E_CORRUPT, "tcp", "what arrived is no frame: it begins with %02x %02x %02x %02x", header[0], header[1],
                        header[2], header[3]);
    if (dli_get16(header + 4) != DLI_FRAME_VERSION)
        return dli_fail(err, DL4C_E_VERSION, "tcp", "the peer speaks version %u of the protocol, this library version %d",
                        (unsigned)dli_get16(header + 4), DLI_FRAME_VERSION);
    if (dli_get32(header + 44) != dli_crc32c(0, header, 44))
        return dli_fail(err, DL4C_E_CORRUPT, "tcp", "a frame's header does not match its checksum");
    *f = (struct dli_frame){ .kind = dli_get16(header + 6), .generation = dli_get64(header + 8), .sequence = dli_get64(header + 16),
                             .total = dli_get64(header + 24), .length = dli_get32(header + 32), .crc = dli_get32(header + 36) };
    if (f->kind < DLI_FRAME_HELLO || f->kind >= DLI_FRAME_KINDS || dli_get32(header + 40) != 0)
        return dli_fail(err, DL4C_E_CORRUPT, "tcp", "a frame is of no known kind (%u)", (unsigned)f->kind);
    if (f->length > limit)
        return dli_fail(err, DL4C_E_LIMIT, "tcp", "a frame announces %" PRIu32 " bytes, at most %" PRIu32 " are taken here", f->length,
                        limit);
    if (f->total < f->length)
        return dli_fail(err, DL4C_E_CORRUPT, "tcp", "a frame of %" PRIu32 " bytes is part of a message of %" PRIu64, f->length, f->total);
    return DL4C_OK;
}

void *dli_inbox_room(struct dli_inbox *in, size_t *n)
{
    if (!in->headed) {
        *n = DLI_FRAME_HEADER - in->have;
        return in->header + in->have;
    }
    *n = in->placed && !in->complete ? in->frame.length - in->have : 0;
    return in->placed ? in->payload + in->have : NULL;
}

static dl4c_status check_payload(struct dli_inbox *in, struct dl4c_error *err)
{
    if (dli_crc32c(0, in->payload, in->frame.length) != in->frame.crc)
        return dli_fail(err, DL4C_E_CORRUPT, "tcp", "the %" PRIu32 " bytes of frame %" PRIu64 " do not match their checksum",
                        in->frame.length, in->frame.sequence);
    in->complete = true;
    return DL4C_OK;
}

dl4c_status dli_inbox_got(struct dli_inbox *in, size_t n, struct dl4c_error *err)
{
    in->have += (uint32_t)n;
    if (in->headed)
        return in->have < in->frame.length ? DL4C_OK : check_payload(in, err);
    if (in->have < DLI_FRAME_HEADER)
        return DL4C_OK;
    DLI_TRY(dli_frame_read(in->header, in->limit, &in->frame, err));
    if (in->frame.sequence != in->sequence)
        return dli_fail(err, DL4C_E_CORRUPT, "tcp", "frame %" PRIu64 " arrived where frame %" PRIu64 " was due", in->frame.sequence,
                        in->sequence);
    in->sequence++;
    in->headed = true;
    in->have = 0;
    return DL4C_OK;
}

dl4c_status dli_inbox_into(struct dli_inbox *in, void *payload, struct dl4c_error *err)
{
    in->payload = payload;
    in->placed = true;
    return in->frame.length > 0 ? DL4C_OK : check_payload(in, err);
}

dl4c_status dli_inbox_alloc(struct dli_inbox *in, dl4c_context *ctx, struct dl4c_error *err)
{
    void *payload = dli_alloc(ctx, in->frame.length, err);
    if (!payload)
        return dli_alloc_status();
    in->own = true;
    return dli_inbox_into(in, payload, err);
}

void dli_inbox_next(struct dli_inbox *in)
{
    if (in->own)
        dli_free(in->payload);
    in->payload = NULL;
    in->headed = in->placed = in->complete = in->own = false;
    in->have = 0;
}
