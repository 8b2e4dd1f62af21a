/* SPDX-License-Identifier: Apache-2.0 */
/* libjpeg's memory manager over the context's allocator, so that its memory counts against the limit, can fail in tests and is kept
 * from one image to the next. Everything lies in one arena: libjpeg never frees single objects. */
#ifndef DLI_IMAGE_JPEG_MEMORY_H
#define DLI_IMAGE_JPEG_MEMORY_H

#include "base/alloc.h"
#include <stdio.h> /* jpeglib.h wants FILE */
#include <jpeglib.h>

struct dli_jpeg_chunk;

struct dli_jpeg_memory {
    struct jpeg_memory_mgr pub; /* first: libjpeg sees this */
    dl4c_context *ctx;
    struct dli_jpeg_chunk *chunks; /* the newest first */
    size_t used, room;             /* bytes of the newest */
    size_t total;                  /* bytes of all: what the next image's first chunk should hold */
    jvirt_sarray_ptr sarrays;
    jvirt_barray_ptr barrays;
    struct dl4c_error failure; /* why the last request was not met; status 0: none was refused */
};

void dli_jpeg_memory_init(struct dli_jpeg_memory *m, dl4c_context *ctx);
/* Takes the place of cinfo's manager, which it returns: cinfo must get it back before it is destroyed. */
struct jpeg_memory_mgr *dli_jpeg_memory_attach(struct dli_jpeg_memory *m, j_common_ptr cinfo);
/* Forgets what was handed out and keeps a chunk of moderate size for the next image. */
void dli_jpeg_memory_reset(struct dli_jpeg_memory *m);
void dli_jpeg_memory_free(struct dli_jpeg_memory *m);

#endif
