/* SPDX-License-Identifier: Apache-2.0 */
/* Which images there are: a folder's classes and files, lists of paths. */
#ifndef DLI_READER_LIST_H
#define DLI_READER_LIST_H

#include "base/context.h"

/* Texts that live together; grown by dli_names_add. Each may carry a number of bytes, which stays with it when they are sorted. */
struct dli_names {
    int64_t n;
    size_t capacity;
    char **name; /* from dli_names_add alone: what they carry lies before them */
};
dl4c_status dli_names_add(dl4c_context *ctx, struct dli_names *names, const char *name, struct dl4c_error *err);
void dli_names_free(struct dli_names *names);
/* How many bytes the file has that the text names; -1: nobody said. */
int64_t dli_names_bytes(const struct dli_names *names, int64_t i);
void dli_names_set_bytes(struct dli_names *names, int64_t i, int64_t bytes);
void dli_names_sort(struct dli_names *names); /* bytewise */
/* Index in sorted names, -1 where there is none. */
int64_t dli_names_find(const struct dli_names *names, const char *name);

/* Class folders of a directory, sorted; hidden ones left out. */
dl4c_status dli_list_classes(dl4c_context *ctx, const char *uri, struct dli_names *classes, struct dl4c_error *err);
/* "class/file" of every image in the class folders, sorted, with its bytes. A class without images is a warning in the log. */
dl4c_status dli_list_images(dl4c_context *ctx, const char *uri, const struct dli_names *classes, struct dli_names *paths,
                            struct dl4c_error *err);
/* Every image under a directory, at any depth, sorted, with its bytes. */
dl4c_status dli_list_all(dl4c_context *ctx, const char *uri, struct dli_names *paths, struct dl4c_error *err);
/* The labels that a pattern makes of paths, sorted, each once. */
dl4c_status dli_list_labels(dl4c_context *ctx, const struct dli_names *paths, const char *pattern, int32_t position,
                            struct dli_names *labels, struct dl4c_error *err);
/* The lines of a text file that are not empty, without line ends. */
dl4c_status dli_list_read(dl4c_context *ctx, const char *uri, struct dli_names *lines, struct dl4c_error *err);
/* Length of the class's name in "class/file": the last folder; *class_name points to it. 0: no folder. */
size_t dli_list_class_of(const char *path, const char **class_name);

#endif
