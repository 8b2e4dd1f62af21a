/* SPDX-License-Identifier: Apache-2.0 */
/* Writing a zip front to back, as java.util.zip.ZipOutputStream does: every entry deflated, its sizes in a descriptor behind the data.
 * libzip goes back in its output to fill in sizes, which a file on its way to HDFS cannot. PKWARE's APPNOTE.TXT 6.3 has the layout. */
#include "formats/dl4j/container.h"

#include <string.h>
#include <zlib.h>

enum { MAX_ENTRIES = 8, BUFFER = 1 << 16, TIME = 0, DATE = 1 << 5 | 1 }; /* 1980-01-01 00:00 */
enum { FLAG_DESCRIPTOR = 8, METHOD_DEFLATE = 8, VERSION = 20, VERSION_64 = 45 };

struct written {
    const char *name;
    uint32_t crc;
    uint64_t size, stored, offset;
};

struct dli_dl4j_out {
    dl4c_context *ctx; /* borrowed */
    dl4c_fs_writer *writer;
    z_stream z;
    bool open;
    uint64_t at;
    int32_t n;
    struct written entry[MAX_ENTRIES];
    unsigned char buffer[BUFFER];
};

static void *z_take(void *ctx, unsigned n, unsigned size) { return dli_array(ctx, n, size, NULL); }
static void z_give(void *ctx, void *memory)
{
    (void)ctx;
    dli_free(memory);
}

dl4c_status dli_dl4j_out_create(dl4c_context *ctx, dl4c_fs_writer *writer, struct dli_dl4j_out **out, struct dl4c_error *err)
{
    *out = dli_calloc(ctx, 1, sizeof **out, err);
    if (!*out)
        return dli_alloc_status();
    (*out)->ctx = ctx;
    (*out)->writer = writer;
    return DL4C_OK;
}

void dli_dl4j_out_destroy(struct dli_dl4j_out **out)
{
    if (!*out)
        return;
    if ((*out)->open)
        deflateEnd(&(*out)->z);
    dli_free(*out);
    *out = NULL;
}

static dl4c_status put(struct dli_dl4j_out *out, const void *bytes, size_t n, struct dl4c_error *err)
{
    DLI_TRY(dl4c_fs_write(out->writer, bytes, n, err));
    out->at += n;
    return DL4C_OK;
}

/* A record of little-endian numbers. */
struct record {
    unsigned char bytes[128];
    size_t n;
};
static void add(struct record *r, int width, uint64_t v)
{
    for (int i = 0; i < width; i++)
        r->bytes[r->n++] = (unsigned char)(v >> (8 * i));
}

dl4c_status dli_dl4j_out_begin(struct dli_dl4j_out *out, const char *name, bool floats, struct dl4c_error *err)
{
    if (out->n == MAX_ENTRIES)
        return dli_fail(err, DL4C_E_INTERNAL, "dl4j", "more than %d entries", MAX_ENTRIES);
    memset(&out->z, 0, sizeof out->z);
    out->z.zalloc = z_take;
    out->z.zfree = z_give;
    out->z.opaque = out->ctx;
    if (deflateInit2(&out->z, Z_DEFAULT_COMPRESSION, Z_DEFLATED, -MAX_WBITS, 8, floats ? Z_RLE : Z_DEFAULT_STRATEGY) != Z_OK)
        return dli_fail(err, dli_alloc_status(), "dl4j", "no memory to compress %s", name);
    out->open = true;
    struct written *w = &out->entry[out->n++];
    *w = (struct written){ .name = name, .crc = (uint32_t)crc32(0, NULL, 0), .offset = out->at };
    struct record r = { .n = 0 };
    add(&r, 4, 0x04034b50);
    add(&r, 2, VERSION);
    add(&r, 2, FLAG_DESCRIPTOR);
    add(&r, 2, METHOD_DEFLATE);
    add(&r, 2, TIME);
    add(&r, 2, DATE);
    add(&r, 4, 0);
    add(&r, 4, 0);
    add(&r, 4, 0);
    add(&r, 2, strlen(name));
    add(&r, 2, 0);
    DLI_TRY(put(out, r.bytes, r.n, err));
    return put(out, name, strlen(name), err);
}

static dl4c_status pump(struct dli_dl4j_out *out, int flush, struct dl4c_error *err)
{
    int code;
    do {
        out->z.next_out = out->buffer;
        out->z.avail_out = BUFFER;
        code = deflate(&out->z, flush);
        if (code == Z_STREAM_ERROR)
            return dli_fail(err, DL4C_E_INTERNAL, "dl4j", "deflate failed");
        const size_t n = BUFFER - out->z.avail_out;
        out->entry[out->n - 1].stored += n;
        if (n > 0)
            DLI_TRY(put(out, out->buffer, n, err));
    } while (flush == Z_FINISH ? code != Z_STREAM_END : out->z.avail_in > 0 || out->z.avail_out == 0);
    return DL4C_OK;
}

dl4c_status dli_dl4j_out_write(struct dli_dl4j_out *out, const void *bytes, size_t n, struct dl4c_error *err)
{
    struct written *w = &out->entry[out->n - 1];
    const unsigned char *p = bytes;
    while (n > 0) {
        const size_t part = n < 1 << 30 ? n : 1 << 30; /* zlib counts in unsigned int */
        w->crc = (uint32_t)crc32(w->crc, p, (uInt)part);
        w->size += part;
        out->z.next_in = (z_const Bytef *)(uintptr_t)p;
        out->z.avail_in = (uInt)part;
        DLI_TRY(pump(out, Z_NO_FLUSH, err));
        p += part;
        n -= part;
    }
    return DL4C_OK;
}

dl4c_status dli_dl4j_out_end(struct dli_dl4j_out *out, struct dl4c_error *err)
{
    out->z.avail_in = 0;
    DLI_TRY(pump(out, Z_FINISH, err));
    deflateEnd(&out->z);
    out->open = false;
    const struct written *w = &out->entry[out->n - 1];
    const int width = w->size > UINT32_MAX || w->stored > UINT32_MAX ? 8 : 4;
    struct record r = { .n = 0 };
    add(&r, 4, 0x08074b50);
    add(&r, 4, w->crc);
    add(&r, width, w->stored);
    add(&r, width, w->size);
    return put(out, r.bytes, r.n, err);
}

/* Numbers that need more than 32 bits go into an extra field of id 1. */
static dl4c_status put_entry(struct dli_dl4j_out *out, const struct written *w, struct dl4c_error *err)
{
    const bool wide = w->size > UINT32_MAX || w->stored > UINT32_MAX || w->offset > UINT32_MAX;
    struct record r = { .n = 0 };
    add(&r, 4, 0x02014b50);
    add(&r, 2, wide ? VERSION_64 : VERSION);
    add(&r, 2, wide ? VERSION_64 : VERSION);
    add(&r, 2, FLAG_DESCRIPTOR);
    add(&r, 2, METHOD_DEFLATE);
    add(&r, 2, TIME);
    add(&r, 2, DATE);
    add(&r, 4, w->crc);
    add(&r, 4, wide ? UINT32_MAX : w->stored);
    add(&r, 4, wide ? UINT32_MAX : w->size);
    add(&r, 2, strlen(w->name));
    add(&r, 2, wide ? 28 : 0);
    add(&r, 2, 0); /* comment */
    add(&r, 2, 0); /* disk */
    add(&r, 2, 0); /* internal attributes */
    add(&r, 4, 0); /* external attributes */
    add(&r, 4, wide ? UINT32_MAX : w->offset);
    DLI_TRY(put(out, r.bytes, r.n, err));
    DLI_TRY(put(out, w->name, strlen(w->name), err));
    if (!wide)
        return DL4C_OK;
    r.n = 0;
    add(&r, 2, 1);
    add(&r, 2, 24);
    add(&r, 8, w->size);
    add(&r, 8, w->stored);
    add(&r, 8, w->offset);
    return put(out, r.bytes, r.n, err);
}

dl4c_status dli_dl4j_out_finish(struct dli_dl4j_out *out, struct dl4c_error *err)
{
    const uint64_t start = out->at;
    for (int32_t i = 0; i < out->n; i++)
        DLI_TRY(put_entry(out, &out->entry[i], err));
    const uint64_t size = out->at - start, end = out->at;
    struct record r = { .n = 0 };
    const bool wide = start > UINT32_MAX;
    if (wide) {
        add(&r, 4, 0x06064b50);
        add(&r, 8, 44);
        add(&r, 2, VERSION_64);
        add(&r, 2, VERSION_64);
        add(&r, 4, 0);
        add(&r, 4, 0);
        add(&r, 8, (uint64_t)out->n);
        add(&r, 8, (uint64_t)out->n);
        add(&r, 8, size);
        add(&r, 8, start);
        add(&r, 4, 0x07064b50);
        add(&r, 4, 0);
        add(&r, 8, end);
        add(&r, 4, 1);
    }
    add(&r, 4, 0x06054b50);
    add(&r, 2, 0);
    add(&r, 2, 0);
    add(&r, 2, (uint64_t)out->n);
    add(&r, 2, (uint64_t)out->n);
    add(&r, 4, size);
    add(&r, 4, wide ? UINT32_MAX : start);
    add(&r, 2, 0);
    return put(out, r.bytes, r.n, err);
}
