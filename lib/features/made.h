/* SPDX-License-Identifier: Apache-2.0 */
/* What a file that is done was made with, for who comes to make it again: "_NAME.work.json" beside it, a name that Hadoop's jobs skip. */
#ifndef DLI_FEATURES_MADE_H
#define DLI_FEATURES_MADE_H

#include "base/context.h"

/* The URI of `before`, OUT's name and `after`, where OUT lies. dli_free. */
dl4c_status dli_made_beside(dl4c_context *ctx, const char *out, const char *before, const char *after, char **uri, struct dl4c_error *err);
/* Names in "OUT.parts", of OUT and its record until they are whole. */
#define DLI_PREDICTIONS_WHOLE "predictions-whole"
#define DLI_PREDICTIONS_RECORD "predictions-record"
/* parts: the URI of the folder in which the record is made, or NULL: beside OUT. work: a JSON object of texts as dli_parts_describe makes
 * it; bytes and sha256 are those of OUT. */
dl4c_status dli_made_save(dl4c_context *ctx, const char *out, const char *parts, const char *work, int64_t bytes, const char *sha256,
                          struct dl4c_error *err);
dl4c_status dli_made_forget(dl4c_context *ctx, const char *out, struct dl4c_error *err);
/* OUT is there: whether by this work. DL4C_E_EXISTS says what differs, that OUT was changed since, or that nobody knows. Reads OUT. */
dl4c_status dli_made_check(dl4c_context *ctx, const char *out, const char *work, struct dl4c_error *err);

#endif
