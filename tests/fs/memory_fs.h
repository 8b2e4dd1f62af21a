/* SPDX-License-Identifier: Apache-2.0 */
/* A host's file system: files in memory, which can be told to fail, to lie and to be slow of speech. */
#ifndef TESTS_FS_MEMORY_FS_H
#define TESTS_FS_MEMORY_FS_H

#include <dl4c/fs.h>

struct memory_file {
    char name[64]; /* authority, then path: "host/a" */
    char *bytes;
    size_t size;
};

struct memory_fs {
    struct memory_file files[16];
    int n_files;
    int open_files, open_writers; /* handles not given back */
    int released;                 /* calls of release */
    int maps;                     /* calls of map */
    int reads;                    /* calls of read_at */
    long full_at;                 /* write fails where a file would grow past this; 0: never */
    int commit_fails;
    dl4c_status silent; /* every call fails with this and says nothing; 0: none does */
    size_t short_reads; /* read_at gives at most this many bytes; 0: all */
    int64_t lie;        /* added to the size that open_read tells */
    int read_too_much;  /* read_at claims more than it was asked for */
    int map_works;      /* 0: map is UNSUPPORTED */
    const char *listed; /* an extra name in every listing */
};

/* A table for scheme "mem"; change a copy to take members away. */
extern const struct dl4c_fs_ops memory_fs_ops;
void memory_fs_put(struct memory_fs *fs, const char *name, const void *bytes, size_t size);
const struct memory_file *memory_fs_find(const struct memory_fs *fs, const char *name);
void memory_fs_clear(struct memory_fs *fs);
void memory_fs_release(void *user);

#endif
