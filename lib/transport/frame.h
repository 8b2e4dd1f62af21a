/* SPDX-License-Identifier: Apache-2.0 */
/* What the transport tcp puts on the wire: frames of a fixed header and a payload, each with its checksum. Numbers are little-endian. */
#ifndef DLI_TRANSPORT_FRAME_H
#define DLI_TRANSPORT_FRAME_H

#include "base/context.h"

enum {
    DLI_FRAME_VERSION = 1,         /* magic and version stay where they are in all versions */
    DLI_FRAME_HEADER = 48,         /* bytes: magic 4, version 2, kind 2, generation 8, sequence 8, total 8, length 4, payload's CRC 4,
                                      0 4, CRC of these 44 bytes 4 */
    DLI_FRAME_DATA = 256 << 10,    /* payload of a frame of a message, at most: so that both directions of a link take turns */
    DLI_FRAME_SMALL = 1 << 10,     /* of what is said before and between generations */
    DLI_FRAME_PLAN = 4 << 20       /* of a list of members */
};

enum dli_frame_kind {
    DLI_FRAME_HELLO = 1, /* who connects, and what for */
    DLI_FRAME_WELCOME,   /* the driver to a newcomer: its number */
    DLI_FRAME_ALIVE,
    DLI_FRAME_GENERATION, /* the driver to a member: rank, size, whom to connect to */
    DLI_FRAME_OVER,       /* the generation is: rank that was lost, or -1 */
    DLI_FRAME_READY,      /* a member waits for the next generation, or no longer */
    DLI_FRAME_LEFT,       /* the driver to a member that is left behind */
    DLI_FRAME_BYE,
    DLI_FRAME_MESSAGE, /* a piece of a message */
    DLI_FRAME_KINDS
};

struct dli_frame {
    uint16_t kind; /* DLI_FRAME_* */
    uint32_t length, crc; /* of the payload: bytes, CRC32C */
    uint64_t generation, sequence /* of the link and direction, from 0 */, total /* bytes of the message it is a piece of; else length */;
};

/* CRC32C (Castagnoli) of more bytes after those that gave crc; 0 for the first. */
uint32_t dli_crc32c(uint32_t crc, const void *bytes, size_t n);

void dli_frame_write(const struct dli_frame *f, uint8_t header[DLI_FRAME_HEADER]);
/* Checks all that a header alone can tell. DL4C_E_CORRUPT; DL4C_E_VERSION; DL4C_E_LIMIT: longer than `limit`. */
dl4c_status dli_frame_read(const uint8_t header[DLI_FRAME_HEADER], uint32_t limit, struct dli_frame *f, struct dl4c_error *err);

/*
 * One direction of a link, as it is received: bytes are read straight to where dli_inbox_room points.
 *
 *     while (!inbox.complete) {
 *         void *room = dli_inbox_room(&inbox, &n);      n is 0: the header is there; say where the payload goes
 *         ... read up to n bytes, got of them ...
 *         DLI_TRY(dli_inbox_got(&inbox, got, err));
 *     }
 *     ... inbox.frame and inbox.payload ...
 *     dli_inbox_next(&inbox);
 */
struct dli_inbox {
    uint8_t header[DLI_FRAME_HEADER];
    struct dli_frame frame; /* once `headed` */
    uint32_t limit;         /* bytes of a payload */
    uint32_t have;          /* of the header; then of the payload */
    bool headed, placed, complete, own;
    uint8_t *payload;
    uint64_t sequence; /* of the next frame */
};

void *dli_inbox_room(struct dli_inbox *in, size_t *n);
dl4c_status dli_inbox_got(struct dli_inbox *in, size_t n, struct dl4c_error *err);
/* Where the payload goes: the caller's memory, frame.length bytes; or memory of its own. */
dl4c_status dli_inbox_into(struct dli_inbox *in, void *payload, struct dl4c_error *err);
dl4c_status dli_inbox_alloc(struct dli_inbox *in, dl4c_context *ctx, struct dl4c_error *err);
void dli_inbox_next(struct dli_inbox *in);

static inline void dli_put16(uint8_t *p, uint16_t v)
{
    p[0] = (uint8_t)v;
    p[1] = (uint8_t)(v >> 8);
}
static inline void dli_put32(uint8_t *p, uint32_t v)
{
    dli_put16(p, (uint16_t)v);
    dli_put16(p + 2, (uint16_t)(v >> 16));
}
static inline void dli_put64(uint8_t *p, uint64_t v)
{
    dli_put32(p, (uint32_t)v);
    dli_put32(p + 4, (uint32_t)(v >> 32));
}
static inline uint16_t dli_get16(const uint8_t *p) { return (uint16_t)(p[0] | p[1] << 8); }
static inline uint32_t dli_get32(const uint8_t *p) { return dli_get16(p) | (uint32_t)dli_get16(p + 2) << 16; }
static inline uint64_t dli_get64(const uint8_t *p) { return dli_get32(p) | (uint64_t)dli_get32(p + 4) << 32; }

#endif
