/* SPDX-License-Identifier: Apache-2.0 */
/** @file
 * File systems behind a vtable: the local one is built in under "file" and for plain paths; hosts add their own by URI scheme.
 * Every file the library touches goes through this.
 */
#ifndef DL4C_FS_H
#define DL4C_FS_H

#include <dl4c/base.h>

DL4C_BEGIN

enum { DL4C_FS_FILE = 1, DL4C_FS_DIRECTORY = 2, DL4C_FS_OTHER = 3 };

/** What a name stands for. Filled by the library or by a file system of the host. */
struct dl4c_fs_stat {
    size_t struct_size;
    int32_t kind; /**< DL4C_FS_* */
    int32_t reserved;
    int64_t size_bytes;  /**< 0 for directories */
    int64_t mtime_ms;    /**< since 1970 UTC, 0 where unknown */
};
#define DL4C_FS_STAT_INIT { sizeof(struct dl4c_fs_stat), 0, 0, 0, 0 }

/** Receives one name of a directory (the last component, UTF-8 or the bytes the system has). Non-zero stops the listing. */
typedef int (*dl4c_fs_list_fn)(void *arg, const char *name, const struct dl4c_fs_stat *stat);

/**
 * A file system. Paths arrive without the scheme: "/a/b" for "x://host/a/b" has path "/a/b" and authority "host"; the local
 * file system gets what the user wrote. All members are called on threads inside a library call, possibly several at once.
 * Any member but open_read, read_at, close_read and stat may be NULL: DL4C_E_UNSUPPORTED.
 *
 * Writing: create makes a temporary name beside the final one; commit makes the bytes durable and renames; abandon removes the
 * temporary. After either the handle is gone. Nothing ever appears under the final name but a whole file.
 */
struct dl4c_fs_ops {
    size_t struct_size;
    const char *scheme; /**< "file", "webhdfs"; letters, digits, '+', '-', '.' */
    dl4c_status (*open_read)(void *user, const char *authority, const char *path, void **file, int64_t *size_bytes, struct dl4c_error *err);
    /** Reads up to size bytes at offset; *got < size only at the end of the file. */
    dl4c_status (*read_at)(void *user, void *file, int64_t offset, void *buffer, size_t size, size_t *got, struct dl4c_error *err);
    /** Maps the whole file read-only, or DL4C_E_UNSUPPORTED: then it is read. Unmapped by close_read. */
    dl4c_status (*map)(void *user, void *file, const void **bytes, size_t *size, struct dl4c_error *err);
    void (*close_read)(void *user, void *file);
    dl4c_status (*create)(void *user, const char *authority, const char *path, void **file, struct dl4c_error *err);
    dl4c_status (*write)(void *user, void *file, const void *bytes, size_t size, struct dl4c_error *err);
    dl4c_status (*commit)(void *user, void *file, struct dl4c_error *err);
    void (*abandon)(void *user, void *file);
    dl4c_status (*stat)(void *user, const char *authority, const char *path, struct dl4c_fs_stat *out, struct dl4c_error *err);
    dl4c_status (*list)(void *user, const char *authority, const char *path, dl4c_fs_list_fn fn, void *arg, struct dl4c_error *err);
    /** Makes a directory and its missing parents; one that exists is no error. */
    dl4c_status (*mkdir)(void *user, const char *authority, const char *path, struct dl4c_error *err);
    dl4c_status (*rename)(void *user, const char *authority, const char *from, const char *to, struct dl4c_error *err);
    /** Removes a file or an empty directory. */
    dl4c_status (*remove)(void *user, const char *authority, const char *path, struct dl4c_error *err);
};

/**
 * Registers a file system for its scheme in a context. The table is copied; @p release(user) runs once, when the context goes
 * or at once if this fails.
 * @retval DL4C_E_EXISTS   the scheme is taken
 * @retval DL4C_E_INVALID  a mandatory member or the scheme is missing
 */
DL4C_API dl4c_status dl4c_fs_register(dl4c_context *ctx, const struct dl4c_fs_ops *ops, void *user, void (*release)(void *user),
                                      struct dl4c_error *err);

/** An open file to read. Used by one thread at a time except dl4c_fs_read_at, which is safe from many. */
typedef struct dl4c_fs_file dl4c_fs_file;

DL4C_API dl4c_status dl4c_fs_open(dl4c_context *ctx, const char *uri, dl4c_fs_file **file, struct dl4c_error *err);
DL4C_API int64_t dl4c_fs_size(const dl4c_fs_file *file);
/** Reads exactly @p size bytes at @p offset. DL4C_E_CORRUPT where the file ends before. */
DL4C_API dl4c_status dl4c_fs_read_at(dl4c_fs_file *file, int64_t offset, void *buffer, size_t size, struct dl4c_error *err);
/** The whole file in memory, mapped where the file system can, else read; borrowed until close. */
DL4C_API dl4c_status dl4c_fs_bytes(dl4c_fs_file *file, const void **bytes, size_t *size, struct dl4c_error *err);
DL4C_API void dl4c_fs_close(dl4c_fs_file **file);

/** A file being written: nothing is under the final name before dl4c_fs_commit. */
typedef struct dl4c_fs_writer dl4c_fs_writer;

DL4C_API dl4c_status dl4c_fs_create(dl4c_context *ctx, const char *uri, dl4c_fs_writer **writer, struct dl4c_error *err);
DL4C_API dl4c_status dl4c_fs_write(dl4c_fs_writer *writer, const void *bytes, size_t size, struct dl4c_error *err);
/** Makes the file durable under its name. Takes the writer in every case; after a failure nothing is under the name. */
DL4C_API dl4c_status dl4c_fs_commit(dl4c_fs_writer **writer, struct dl4c_error *err);
/** Throws the bytes away. Takes NULL; writes NULL. */
DL4C_API void dl4c_fs_abandon(dl4c_fs_writer **writer);

DL4C_API dl4c_status dl4c_fs_stat_uri(dl4c_context *ctx, const char *uri, struct dl4c_fs_stat *out, struct dl4c_error *err);
/** Lists a directory, bytewise sorted. */
DL4C_API dl4c_status dl4c_fs_list(dl4c_context *ctx, const char *uri, dl4c_fs_list_fn fn, void *arg, struct dl4c_error *err);
DL4C_API dl4c_status dl4c_fs_mkdir(dl4c_context *ctx, const char *uri, struct dl4c_error *err);
DL4C_API dl4c_status dl4c_fs_rename(dl4c_context *ctx, const char *from, const char *to, struct dl4c_error *err);
DL4C_API dl4c_status dl4c_fs_remove(dl4c_context *ctx, const char *uri, struct dl4c_error *err);

DL4C_END
#endif
