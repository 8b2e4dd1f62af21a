/* SPDX-License-Identifier: Apache-2.0 */
/** @file
 * File systems behind a vtable: the local one is built in under "file" and for plain paths; hosts add their own by URI scheme.
 * Every file the library touches goes through this.
 *
 * Files are named by a plain path, which the local file system gets as it is written, or by scheme://authority/path. file:///path is
 * local with its %XX decoded; under all other schemes the path goes to its file system untouched.
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

/**
 * Receives one name of a directory: the last component, UTF-8 or the bytes the system has; borrowed during the call, as is @p stat.
 * Non-zero stops the listing, which is no failure.
 */
typedef int (*dl4c_fs_list_fn)(void *arg, const char *name, const struct dl4c_fs_stat *stat);

/**
 * A file system. Paths arrive without the scheme: "/a/b" for "x://host/a/b" has path "/a/b" and authority "host"; the local
 * file system gets what the user wrote. All members are called on threads inside a library call, possibly several at once.
 * Any member but open_read, read_at, close_read and stat may be NULL: DL4C_E_UNSUPPORTED.
 *
 * Writing: create makes a temporary name beside the final one; commit makes the bytes durable and renames; abandon removes the
 * temporary. After either the handle is gone. Nothing ever appears under the final name but a whole file.
 *
 * A member that fails returns its status and fills err, which is never NULL here; where it leaves the message empty, the library
 * writes one. Handles it gave stay valid after a failure and are given back by close_read, commit or abandon.
 */
struct dl4c_fs_ops {
    size_t struct_size;
    const char *scheme; /**< "file", "webhdfs"; letters, digits, '+', '-', '.' */
    /** Opens a file to read; anything that is not one (a directory, a pipe) is DL4C_E_INVALID, none is DL4C_E_NOTFOUND. */
    dl4c_status (*open_read)(void *user, const char *authority, const char *path, void **file, int64_t *size_bytes, struct dl4c_error *err);
    /** Reads up to size bytes at offset; *got < size only at the end of the file. */
    dl4c_status (*read_at)(void *user, void *file, int64_t offset, void *buffer, size_t size, size_t *got, struct dl4c_error *err);
    /** Maps the whole file read-only, as many bytes as open_read said, or DL4C_E_UNSUPPORTED: then it is read. close_read unmaps. */
    dl4c_status (*map)(void *user, void *file, const void **bytes, size_t *size, struct dl4c_error *err);
    void (*close_read)(void *user, void *file);
    dl4c_status (*create)(void *user, const char *authority, const char *path, void **file, struct dl4c_error *err);
    dl4c_status (*write)(void *user, void *file, const void *bytes, size_t size, struct dl4c_error *err);
    dl4c_status (*commit)(void *user, void *file, struct dl4c_error *err);
    void (*abandon)(void *user, void *file);
    dl4c_status (*stat)(void *user, const char *authority, const char *path, struct dl4c_fs_stat *out, struct dl4c_error *err);
    /** Any order; "." and ".." may be among the names. Calls @p fn until it answers non-zero. */
    dl4c_status (*list)(void *user, const char *authority, const char *path, dl4c_fs_list_fn fn, void *arg, struct dl4c_error *err);
    /** Makes a directory and its missing parents; one that exists is no error. */
    dl4c_status (*mkdir)(void *user, const char *authority, const char *path, struct dl4c_error *err);
    /** Gives a file or directory another name, replacing a file that has it, in one step. */
    dl4c_status (*rename)(void *user, const char *authority, const char *from, const char *to, struct dl4c_error *err);
    /** Removes a file or an empty directory. */
    dl4c_status (*remove)(void *user, const char *authority, const char *path, struct dl4c_error *err);
    /** Adds bytes at the end of a file, which is made where it is missing. Readers see them when it returns; after a failure a part of
     * them may be there. */
    dl4c_status (*append)(void *user, const char *authority, const char *path, const void *bytes, size_t size, struct dl4c_error *err);
};

/**
 * Registers a file system for its scheme in a context. The table is copied, @p ops->scheme too; it cannot be taken away again.
 * @param release  Runs once with @p user, when the context goes or at once if this fails; may be NULL.
 * @retval DL4C_E_EXISTS   the scheme is taken ("file" always is)
 * @retval DL4C_E_INVALID  the scheme is missing or malformed, a mandatory member is missing, create is there without write, commit, abandon
 * @retval DL4C_E_VERSION  the table is newer than this library and sets a member that it does not know
 * Threads: safe. Since: 0.1.
 */
DL4C_API dl4c_status dl4c_fs_register(dl4c_context *ctx, const struct dl4c_fs_ops *ops, void *user, void (*release)(void *user),
                                      struct dl4c_error *err);

/** An open file to read. Used by one thread at a time except dl4c_fs_read_at, which is safe from many. */
typedef struct dl4c_fs_file dl4c_fs_file;

/**
 * Opens a file to read.
 * @param file  Receives a file that the caller closes; NULL on failure.
 * @retval DL4C_E_NOTFOUND     no such file
 * @retval DL4C_E_INVALID      not a regular file (a directory, a pipe, a device), or a malformed URI
 * @retval DL4C_E_UNSUPPORTED  no file system is known for the scheme
 * @retval DL4C_E_DENIED       not permitted; other failures of the system are DL4C_E_IO with domain errno
 * Threads: safe. Since: 0.1.
 */
DL4C_API dl4c_status dl4c_fs_open(dl4c_context *ctx, const char *uri, dl4c_fs_file **file, struct dl4c_error *err);
/** Bytes the file had when it was opened. Threads: safe. Since: 0.1. */
DL4C_API int64_t dl4c_fs_size(const dl4c_fs_file *file);
/**
 * Reads exactly @p size bytes at @p offset.
 * @retval DL4C_E_CORRUPT  the file ends before
 * @retval DL4C_E_IO       the system or server failed
 * Threads: safe, several at once on one file. Since: 0.1.
 */
DL4C_API dl4c_status dl4c_fs_read_at(dl4c_fs_file *file, int64_t offset, void *buffer, size_t size, struct dl4c_error *err);
/**
 * The whole file in memory: mapped where the file system can and the file is not small, else read, once.
 *
 * A local file of 64 KiB or more is mapped. Whoever cuts such a file short while it is open makes the next access to the lost pages
 * end the process with SIGBUS, as everywhere on POSIX; replacing it by rename, as dl4c_fs_commit does, is harmless. Where files cannot be
 * trusted to stay, use dl4c_fs_read_at.
 * @param bytes  Receives the first byte, never NULL on success; borrowed until dl4c_fs_close.
 * @retval DL4C_E_CORRUPT  the file is shorter than when it was opened
 * @retval DL4C_E_NOMEM    also DL4C_E_LIMIT; mappings do not count
 * Threads: one at a time on one file. Since: 0.1.
 */
DL4C_API dl4c_status dl4c_fs_bytes(dl4c_fs_file *file, const void **bytes, size_t *size, struct dl4c_error *err);
/** Closes, unmaps and writes NULL. Takes NULL. Threads: one. Since: 0.1. */
DL4C_API void dl4c_fs_close(dl4c_fs_file **file);

/** A file being written: nothing is under the final name before dl4c_fs_commit. Used by one thread at a time. */
typedef struct dl4c_fs_writer dl4c_fs_writer;

/**
 * Starts a file under a temporary name in the final one's directory, which must exist. On the local file system its permissions are
 * 0666 less the umask; a file that is there already stays until the commit replaces it.
 * @param writer  Receives a writer that ends with dl4c_fs_commit or dl4c_fs_abandon; NULL on failure.
 * @retval DL4C_E_NOTFOUND     no such directory
 * @retval DL4C_E_INVALID      the name stands for a directory, a pipe or a device, or the URI is malformed
 * @retval DL4C_E_UNSUPPORTED  the file system cannot write, or none is known for the scheme
 * Threads: safe. Since: 0.1.
 */
DL4C_API dl4c_status dl4c_fs_create(dl4c_context *ctx, const char *uri, dl4c_fs_writer **writer, struct dl4c_error *err);
/**
 * Adds bytes at the end. They may be gathered first: a full disk can show later, at the latest in dl4c_fs_commit. After a failure
 * every further call answers the same, dl4c_fs_commit too.
 * @retval DL4C_E_IO  no room left (domain errno: ENOSPC, EDQUOT, EFBIG), or another failure of the system or server
 * Threads: one at a time. Since: 0.1.
 */
DL4C_API dl4c_status dl4c_fs_write(dl4c_fs_writer *writer, const void *bytes, size_t size, struct dl4c_error *err);
/**
 * Makes the file durable and gives it its name. Takes the writer in every case and writes NULL.
 *
 * After a failure the name stands for what it stood for before and no temporary name is left. One exception: a local directory that
 * fails to be made durable after the rename is DL4C_E_IO although the file is there; the message says so.
 * Threads: one. Since: 0.1.
 */
DL4C_API dl4c_status dl4c_fs_commit(dl4c_fs_writer **writer, struct dl4c_error *err);
/** Throws the bytes away. Takes NULL; writes NULL. Threads: one. Since: 0.1. */
DL4C_API void dl4c_fs_abandon(dl4c_fs_writer **writer);

/** What a name stands for; links are followed. @p out has struct_size set. DL4C_E_NOTFOUND: nothing. Threads: safe. Since: 0.1. */
DL4C_API dl4c_status dl4c_fs_stat_uri(dl4c_context *ctx, const char *uri, struct dl4c_fs_stat *out, struct dl4c_error *err);
/**
 * Lists a directory, sorted by the names' bytes, without "." and "..". The whole list is made before @p fn is called, so that @p fn may
 * change the directory.
 * @retval DL4C_E_NOTFOUND     no such directory
 * @retval DL4C_E_UNSUPPORTED  the file system cannot list
 * Threads: safe. Since: 0.1.
 */
DL4C_API dl4c_status dl4c_fs_list(dl4c_context *ctx, const char *uri, dl4c_fs_list_fn fn, void *arg, struct dl4c_error *err);
/** Makes a directory and its missing parents; one that exists is no error. DL4C_E_EXISTS: a file has the name. Threads: safe.
 *  Since: 0.1. */
DL4C_API dl4c_status dl4c_fs_mkdir(dl4c_context *ctx, const char *uri, struct dl4c_error *err);
/** Renames within one file system and authority (else DL4C_E_INVALID), replacing a file in one step. Threads: safe. Since: 0.1. */
DL4C_API dl4c_status dl4c_fs_rename(dl4c_context *ctx, const char *from, const char *to, struct dl4c_error *err);
/** Removes a file or an empty directory; a link, not what it points to. Threads: safe. Since: 0.1. */
DL4C_API dl4c_status dl4c_fs_remove(dl4c_context *ctx, const char *uri, struct dl4c_error *err);
/**
 * Adds bytes at the end of a file, which is made where it is missing: for logs, which others read while they grow. Readers see the bytes
 * when it returns, but a power cut may take them. After a failure a part of them may be there.
 * @retval DL4C_E_UNSUPPORTED  the file system cannot append
 * Since: 0.1.
 */
DL4C_API dl4c_status dl4c_fs_append(dl4c_context *ctx, const char *uri, const void *bytes, size_t size, struct dl4c_error *err);

DL4C_END
#endif
