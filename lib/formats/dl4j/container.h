/* SPDX-License-Identifier: Apache-2.0 */
/* The zip around a model: reading one through libzip, writing one as java.util.zip does. */
#ifndef DLI_FORMATS_DL4J_CONTAINER_H
#define DLI_FORMATS_DL4J_CONTAINER_H

#include "base/context.h"
#include <dl4c/fs.h>
#include <stdbool.h>

/* Deflate makes at most this many bytes out of one: an entry that promises more lies. */
enum { DLI_DL4J_RATIO = 1032 };

struct dli_dl4j_zip; /* an archive in memory that outlives it */
dl4c_status dli_dl4j_zip_open(const void *bytes, size_t size, struct dli_dl4j_zip **zip, dl4c_context *ctx, struct dl4c_error *err);
/* The same from a file that is open and outlives it, read through one buffer of at most 1 MiB. */
dl4c_status dli_dl4j_zip_open_file(dl4c_fs_file *file, struct dli_dl4j_zip **zip, dl4c_context *ctx, struct dl4c_error *err);
void dli_dl4j_zip_close(struct dli_dl4j_zip **zip); /* takes NULL */

/* One entry read from its beginning. NULL in *e where the archive has none of that name. */
struct dli_dl4j_entry;
dl4c_status dli_dl4j_entry_open(struct dli_dl4j_zip *zip, const char *name, struct dli_dl4j_entry **e, struct dl4c_error *err);
void dli_dl4j_entry_close(struct dli_dl4j_entry **e);
uint64_t dli_dl4j_entry_size(const struct dli_dl4j_entry *e);   /* as the archive says: _read and _end see whether it is so */
uint64_t dli_dl4j_entry_stored(const struct dli_dl4j_entry *e); /* its bytes in the file */
/* Exactly n bytes: DL4C_E_CORRUPT where the entry ends before. */
dl4c_status dli_dl4j_entry_read(struct dli_dl4j_entry *e, void *bytes, size_t n, struct dl4c_error *err);
/* That the entry ends here and its checksum is right. */
dl4c_status dli_dl4j_entry_end(struct dli_dl4j_entry *e, struct dl4c_error *err);
/* A whole entry of at most `limit` bytes, one NUL more (dli_free). */
dl4c_status dli_dl4j_entry_text(struct dli_dl4j_entry *e, size_t limit, char **text, size_t *size, struct dl4c_error *err);

/* Writing, in one pass and with the same bytes for the same content: deflated, sizes behind the data, one fixed time. */
struct dli_dl4j_out;
dl4c_status dli_dl4j_out_create(dl4c_context *ctx, dl4c_fs_writer *writer, struct dli_dl4j_out **out, struct dl4c_error *err);
void dli_dl4j_out_destroy(struct dli_dl4j_out **out);
/* name: static storage. floats: weights, whose bytes repeat nowhere but in runs of zeros; not to look for more than runs makes saving 3.5
 * times as fast and drawn weights no larger (68 and 19 MB/s, 92.7 % both). */
dl4c_status dli_dl4j_out_begin(struct dli_dl4j_out *out, const char *name, bool floats, struct dl4c_error *err);
dl4c_status dli_dl4j_out_write(struct dli_dl4j_out *out, const void *bytes, size_t n, struct dl4c_error *err);
dl4c_status dli_dl4j_out_end(struct dli_dl4j_out *out, struct dl4c_error *err);
dl4c_status dli_dl4j_out_finish(struct dli_dl4j_out *out, struct dl4c_error *err); /* the central directory */

#endif
