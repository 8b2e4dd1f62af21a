/* SPDX-License-Identifier: Apache-2.0 */
/* A model format is one descriptor: told apart by content, reading bytes into a graph, writing a graph through fs. */
#ifndef DLI_FORMATS_FORMAT_H
#define DLI_FORMATS_FORMAT_H

#include "base/deadline.h"
#include "graph/graph.h"
#include "tensor/blob.h"
#include <dl4c/fs.h>
#include <dl4c/model.h>

/* A whole model file, mapped or read, or memory of the caller; or a file that is open and not read yet. */
struct dli_model_bytes {
    const uint8_t *bytes; /* NULL with a file */
    size_t size;
    dl4c_fs_file *file;    /* for formats that stream; NULL: bytes are there */
    const char *uri;       /* NULL: from memory */
    struct dli_blob *blob; /* over exactly these bytes, holding the file open: parameters may be views of it (dli_blob_ref). NULL: the
                            * bytes are good during the call only */
};

struct dli_model_save {
    bool updater; /* the updater's state too */
};

struct dli_format {
    const char *name;              /* "dl4j" */
    const char *doc;               /* one sentence */
    const char *const *extensions; /* of files to write, with the dot, lower case, NULL-terminated; NULL: not written */
    /* Is this file one of ours? Looks at as little as it can; a damaged file of the format should still be recognised. */
    bool (*sniff)(const uint8_t *bytes, size_t size);
    bool streams; /* load takes an open file and reads it piece by piece, so that its weights lie in memory once, and the file nowhere */
    /* *graph is NULL before. The context is never NULL. The watch is to be checked now and then. NULL: not read. */
    dl4c_status (*load)(dl4c_context *ctx, const struct dli_model_bytes *from, struct dli_watch *watch, dl4c_graph **graph,
                        struct dl4c_error *err);
    /* Writes all bytes; the caller commits or abandons. The graph is held against training. NULL: not written. */
    dl4c_status (*save)(dl4c_graph *graph, const struct dli_model_save *how, struct dli_watch *watch, dl4c_fs_writer *writer,
                        struct dl4c_error *err);
};

/* A whole file, mapped or read, that stays open as long as the blob lives. CORRUPT where it is empty. */
dl4c_status dli_format_map(dl4c_context *ctx, const char *uri, struct dli_blob **blob, struct dl4c_error *err);

/* In the order of their names; the list is that of lib/formats/meson.build. NULL outside, or where there is none. */
const struct dli_format *dli_format_at(int32_t i);
const struct dli_format *dli_format_find(const char *name);

#endif
