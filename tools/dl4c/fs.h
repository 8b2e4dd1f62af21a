/* SPDX-License-Identifier: Apache-2.0 */
/* Between the commands of dl4c fs. */
#ifndef FS_H
#define FS_H

#include "cli.h"

/* What the arguments stand for, after patterns. */
struct fs_names {
    struct fs_name {
        char *uri;
        struct dl4c_fs_stat stat;
    } *name;
    size_t n, room;
    bool missing; /* an argument stood for nothing; said so */
};
/* Adds what one argument stands for; plain: it is a name as it is. */
dl4c_status fs_expand(const char *argument, bool plain, struct fs_names *names, struct dl4c_error *err);
/* Adds what all stand for, and says what is wrong with some. */
void fs_expand_all(const char *const *arguments, int n, bool plain, struct fs_names *names);
void fs_names_free(struct fs_names *names);
/* The URI of a source in a directory, under its name; for dl4c_free, NULL after a failure. */
char *fs_inside(const char *directory, const char *source, struct dl4c_error *err);

int fs_copy(int argc, char **argv, bool put);
int fs_list(int argc, char **argv);

#endif
