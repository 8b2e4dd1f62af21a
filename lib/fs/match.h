/* SPDX-License-Identifier: Apache-2.0 */
/* Patterns of names: the signs * ? [] {} and the backslash that makes one plain. */
#ifndef DLI_FS_MATCH_H
#define DLI_FS_MATCH_H

#include "base/alloc.h"

enum { DLI_MATCH_MOST = 1024 }; /* texts that {} may stand for */

/* Whether a name fits a component of a pattern, without {}. */
bool dli_match(const char *pattern, const char *name);
/* Whether * ? or [ are in it, not behind a backslash. */
bool dli_match_has_signs(const char *pattern);
/* Takes the backslashes away, in place. */
void dli_match_plain(char *pattern);
/* Whether a backslash before it makes it plain; before others it stands for itself. */
bool dli_match_is_special(char c);

struct dli_match_list {
    char **text; /* n of them, each for dli_free */
    size_t n, capacity;
};
/* What {} in a pattern stand for, in the order written. Ends with dli_match_list_free, after a failure too. */
dl4c_status dli_match_expand(dl4c_context *ctx, const char *pattern, struct dli_match_list *list, struct dl4c_error *err);
void dli_match_list_free(struct dli_match_list *list);

#endif
