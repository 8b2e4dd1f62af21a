/* SPDX-License-Identifier: Apache-2.0 */
/* Labels from the pieces of a file's name, as DataVec's PatternPathLabelGenerator takes them. */
#ifndef DLI_READER_PATTERN_H
#define DLI_READER_PATTERN_H

#include "base/error.h"
#include <stdbool.h>
#include <stddef.h>

/* Whether all of a pattern is understood: what follows may only be called then. */
dl4c_status dli_pattern_check(const char *pattern, struct dl4c_error *err);
/* Piece `position` of the name without folder and extension, split as Java's String.split does; borrowed from path. */
dl4c_status dli_pattern_piece(const char *path, const char *pattern, int32_t position, const char **piece, size_t *length,
                              struct dl4c_error *err);

#endif
