/* SPDX-License-Identifier: Apache-2.0 */
/** @file
 * File systems behind a vtable: the local one is built in under "file" and for plain paths; hosts add their own by URI scheme.
 * Every file the library touches goes through this.
 *
 * Files are named by a plain path, which the local file system gets as it is written, or by scheme://authority/path. file:///path is
 * local with its %XX decoded; under all other schemes the path goes to its file system untouched. Those of HDFS are built in too
 * (dl4c/webhdfs.h), unless the host registers its own first.
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
    int64_t atime_ms;    /**< last read, as exactly as the file system keeps it; 0 where unknown */
    int64_t block_bytes; /**< what the file is cut into where it lies on several machines; 0: it is not */
    int32_t replication; /**< copies of each block; 0 where there are none to count */
    int32_t mode;        /**< the lower twelve bits of POSIX's mode; 0 where unknown */
};
#define DL4C_FS_STAT_INIT { sizeof(struct dl4c_fs_stat), 0, 0, 0, 0, 0, 0, 0, 0 }

/** A digest that tells whether two files of one file system hold the same bytes. Filled by the library or by a file system of the host. */
struct dl4c_fs_checksum {
    size_t struct_size;
    char algorithm[64]; /**< "SHA-256", or a name of the file system's own: digests compare only under the same one */
    char digest[160];   /**< hexadecimal, lower case */
};
#define DL4C_FS_CHECKSUM_INIT { sizeof(struct dl4c_fs_checksum), { 0 }, { 0 } }

/** What lies below a directory, or what one file is. Filled by the library or by a file system of the host. */
struct dl4c_fs_summary {
    size_t struct_size;
    int64_t n_files;
    int64_t n_directories; /**< the directory itself is one */
    int64_t size_bytes;    /**< of all files */
    int64_t space_bytes;   /**< what they take, copies counted; 0 where unknown */
    int64_t quota_names;   /**< files and directories allowed below; -1: no quota or unknown */
    int64_t quota_bytes;   /**< of space_bytes; -1: no quota or unknown */
};
#define DL4C_FS_SUMMARY_INIT { sizeof(struct dl4c_fs_summary), 0, 0, 0, 0, -1, -1 }

enum { DL4C_FS_CHANGE_MODE = 1, DL4C_FS_CHANGE_REPLICATION = 2, DL4C_FS_CHANGE_TIMES = 4, DL4C_FS_CHANGE_OWNER = 8 };

/** What to change of a file or directory: the parts named in @p what, in the order of the bits. */
struct dl4c_fs_change {
    size_t struct_size;
    int32_t what;         /**< DL4C_FS_CHANGE_*, at least one */
    int32_t mode;         /**< 0 to 07777 */
    int32_t replication;  /**< 1 and more */
    int32_t reserved;     /**< must be 0 */
    int64_t mtime_ms;     /**< since 1970 UTC; -1: stays */
    int64_t atime_ms;     /**< since 1970 UTC; -1: stays */
    const char *owner;    /**< a name; NULL: stays */
    const char *group;    /**< a name; NULL: stays */
};
#define DL4C_FS_CHANGE_INIT { sizeof(struct dl4c_fs_change), 0, 0, 0, 0, -1, -1, 0, 0 }

/**
 * Receives one name of a directory: the last component, UTF-8 or the bytes the system has; borrowed during the call, as is @p stat.
 * Non-zero stops the listing, which is no failure.
 */
typedef int (*dl4c_fs_list_fn)(void *arg, const char *name, const struct dl4c_fs_stat *stat);

/**
 * A file system. Paths arrive without the scheme: "/a/b" for "x://host/a/b" has path "/a/b" and authority "host"; the local
 * file system gets what the user wrote. All members are called on threads inside a library call, possibly several at once.
 * Any member but open_read, read_at, close_read and stat may be NULL: DL4C_E_UNSUPPORTED. A member that waits looks at
 * dl4c_fs_cancelled now and then.
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
    /** Starts to read a whole file of at most limit bytes, of size_bytes where that is not -1, and returns at once: where it can fail
     * early it may, all else is load_wait's to tell. The three are there together or not at all; without them files are read when they
     * are waited for. */
    dl4c_status (*load_start)(void *user, const char *authority, const char *path, int64_t size_bytes, int64_t limit_bytes,
                              void **load, struct dl4c_error *err);
    /** Waits at most timeout_ms (negative: as long as it takes) and gives bytes that live until load_end. DL4C_E_BUSY: not there yet.
     * Called by one thread at a time. */
    dl4c_status (*load_wait)(void *user, void *load, int64_t timeout_ms, const void **bytes, size_t *size, struct dl4c_error *err);
    /** Takes the load; one that is under way ends. Does not wait for a server. */
    void (*load_end)(void *user, void *load);
    /** Lists names that come after @p after ("": from the first) in an order of the file system's own that does not change, at most
     * @p most (0: as many as are one answer); *more: there are others behind. fn's non-zero answer ends it. */
    dl4c_status (*list_page)(void *user, const char *authority, const char *path, const char *after, int32_t most, dl4c_fs_list_fn fn,
                             void *arg, int32_t *more, struct dl4c_error *err);
    dl4c_status (*checksum)(void *user, const char *authority, const char *path, struct dl4c_fs_checksum *out, struct dl4c_error *err);
    dl4c_status (*summarize)(void *user, const char *authority, const char *path, struct dl4c_fs_summary *out, struct dl4c_error *err);
    dl4c_status (*change)(void *user, const char *authority, const char *path, const struct dl4c_fs_change *change, struct dl4c_error *err);
    /** Appends the bytes of the sources, which go, to a file; in one step. */
    dl4c_status (*concat)(void *user, const char *authority, const char *path, const char *const *sources, int32_t n_sources,
                          struct dl4c_error *err);
    /** Makes a file shorter: as long as size_bytes, or DL4C_E_INVALID where it is not longer. */
    dl4c_status (*truncate)(void *user, const char *authority, const char *path, int64_t size_bytes, struct dl4c_error *err);
    /** Removes a file, or a directory with all that is in it; links, not what they point to. */
    dl4c_status (*remove_all)(void *user, const char *authority, const char *path, struct dl4c_error *err);
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

/** A whole file on its way into memory. Used by one thread at a time. */
typedef struct dl4c_fs_load dl4c_fs_load;

/**
 * Starts to read a whole file and returns at once where the file system can: start several and wait for them in turn, and the network
 * is busy while the processor is. Where it cannot, dl4c_fs_load_wait reads.
 * @param size_bytes   What a listing said that the file has: saves asking a server once more, and a file of another size is DL4C_E_CORRUPT.
 *                     -1: unknown.
 * @param limit_bytes  DL4C_E_LIMIT for a larger file; 0: none.
 * @param load         Receives a load that ends with dl4c_fs_load_end; NULL on failure. It holds the file's bytes of memory.
 * @retval DL4C_E_INVALID  a malformed URI, a negative limit
 * Failures of the file system may come here or from dl4c_fs_load_wait. Threads: safe. Since: 0.1.
 */
DL4C_API dl4c_status dl4c_fs_load_start(dl4c_context *ctx, const char *uri, int64_t size_bytes, int64_t limit_bytes, dl4c_fs_load **load,
                                        struct dl4c_error *err);
/**
 * Waits for the file's bytes.
 * @param timeout_ms  Negative: as long as it takes, or until dl4c_fs_watch's flag is set; a file that is read only now takes its time.
 * @param bytes       Receives the first byte, never NULL on success; borrowed until dl4c_fs_load_end.
 * @retval DL4C_E_BUSY  not there yet: wait again
 * All other failures are the file's and final. Threads: one at a time on one load. Since: 0.1.
 */
DL4C_API dl4c_status dl4c_fs_load_wait(dl4c_fs_load *load, int64_t timeout_ms, const void **bytes, size_t *size, struct dl4c_error *err);
/** Ends a load, also one under way, and writes NULL. Takes NULL. Threads: one. Since: 0.1. */
DL4C_API void dl4c_fs_load_end(dl4c_fs_load **load);

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
 * @retval DL4C_E_FULL  no room left: a disk (domain errno: ENOSPC, EDQUOT), a cluster or a quota (domain http)
 * @retval DL4C_E_IO    another failure of the system or server
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
/**
 * Lists a part of a directory, for those that hold too many names for one list.
 * @param after  The last name of the part before, which need not exist; NULL or "": from the first.
 * @param most   At most so many names; 0: as many as the file system gives at once.
 * @param more   Receives 1 where there are names behind the last one told, else 0.
 * The order is the file system's own and does not change; names made or removed between two parts may be told or not.
 * Failures are those of dl4c_fs_list.
 * Threads: safe. Since: 0.1.
 */
DL4C_API dl4c_status dl4c_fs_list_page(dl4c_context *ctx, const char *uri, const char *after, int32_t most, dl4c_fs_list_fn fn, void *arg,
                                       int32_t *more, struct dl4c_error *err);
/** Makes a directory and its missing parents; one that exists is no error. DL4C_E_EXISTS: a file has the name. Threads: safe.
 *  Since: 0.1. */
DL4C_API dl4c_status dl4c_fs_mkdir(dl4c_context *ctx, const char *uri, struct dl4c_error *err);
/** Renames within one file system and authority (else DL4C_E_INVALID), replacing a file in one step. Threads: safe. Since: 0.1. */
DL4C_API dl4c_status dl4c_fs_rename(dl4c_context *ctx, const char *from, const char *to, struct dl4c_error *err);
/** Removes a file or an empty directory; a link, not what it points to. Threads: safe. Since: 0.1. */
DL4C_API dl4c_status dl4c_fs_remove(dl4c_context *ctx, const char *uri, struct dl4c_error *err);
/**
 * Removes a file, or a directory with all that is in it; links, not what they point to. What was removed before a failure is gone.
 * @retval DL4C_E_INVALID  the root, "." or ".."
 * Threads: safe. Since: 0.1.
 */
DL4C_API dl4c_status dl4c_fs_remove_all(dl4c_context *ctx, const char *uri, struct dl4c_error *err);
/**
 * Adds bytes at the end of a file, which is made where it is missing: for logs, which others read while they grow. Readers see the bytes
 * when it returns, but a power cut may take them. After a failure a part of them may be there.
 * @retval DL4C_E_UNSUPPORTED  the file system cannot append
 * Since: 0.1.
 */
DL4C_API dl4c_status dl4c_fs_append(dl4c_context *ctx, const char *uri, const void *bytes, size_t size, struct dl4c_error *err);

/**
 * A digest of a file's bytes: the file system's own where it keeps one beside them, else SHA-256 of what is read. @p out has struct_size
 * set. DL4C_E_NOTFOUND, DL4C_E_INVALID: no file. Threads: safe. Since: 0.1.
 */
DL4C_API dl4c_status dl4c_fs_get_checksum(dl4c_context *ctx, const char *uri, struct dl4c_fs_checksum *out, struct dl4c_error *err);
/** Counts what is below a directory; links are not followed. @p out has struct_size set. Where the file system cannot say, the library
 * lists. DL4C_E_NOTFOUND: nothing has the name. Threads: safe. Since: 0.1. */
DL4C_API dl4c_status dl4c_fs_get_summary(dl4c_context *ctx, const char *uri, struct dl4c_fs_summary *out, struct dl4c_error *err);
/**
 * Changes permissions, owner, times or replication.
 * @retval DL4C_E_UNSUPPORTED  the file system has no such thing (local files: owner and replication)
 * @retval DL4C_E_INVALID      nothing is to change, or a value is out of range
 * What comes before the first failure is changed. Threads: safe. Since: 0.1.
 */
DL4C_API dl4c_status dl4c_fs_set(dl4c_context *ctx, const char *uri, const struct dl4c_fs_change *change, struct dl4c_error *err);
/** Moves the bytes of files to the end of another one in one step; the sources, of the same file system and authority, go.
 * DL4C_E_UNSUPPORTED: the file system cannot (local files). Threads: safe. Since: 0.1. */
DL4C_API dl4c_status dl4c_fs_concat(dl4c_context *ctx, const char *uri, const char *const *sources, int32_t n_sources,
                                    struct dl4c_error *err);
/** Cuts a file to its first bytes. DL4C_E_INVALID: it is shorter than that. Threads: safe. Since: 0.1. */
DL4C_API dl4c_status dl4c_fs_truncate(dl4c_context *ctx, const char *uri, int64_t size_bytes, struct dl4c_error *err);

/* ---- names and trees ----------------------------------------------------------------------------------------- */

/**
 * The URI of a name, or of several with '/' between, inside a directory. Where the directory's URIs are %-encoded (file://, those of HDFS)
 * the name, which is as a listing tells it, is encoded, and what stands behind '?' stays at the end.
 * @param uri  Receives text for dl4c_free; NULL on failure.
 * Threads: safe. Since: 0.1.
 */
DL4C_API dl4c_status dl4c_fs_join(dl4c_context *ctx, const char *directory, const char *name, char **uri, struct dl4c_error *err);
/** The last component as a listing would tell it, %XX decoded where the URI is encoded; "" for a root. @p name: as uri of dl4c_fs_join.
 *  Threads: safe. Since: 0.1. */
DL4C_API dl4c_status dl4c_fs_base_name(dl4c_context *ctx, const char *uri, char **name, struct dl4c_error *err);

/** Receives a match: a URI for other calls and what it is; borrowed during the call. Non-zero ends it, which is no failure. */
typedef int (*dl4c_fs_glob_fn)(void *arg, const char *uri, const struct dl4c_fs_stat *stat);
/**
 * Tells what matches a pattern, each once, sorted by the bytes of the path.
 *
 * `*` stands for any text without '/', `?` for one character, `[a-z]` for one of these and `[!a-z]` or `[^a-z]` for another one; `{a,b}`
 * for each of the texts, which may hold slashes and braces. Names that begin with a dot match only where the pattern has that dot. A
 * backslash before one of these signs, a comma or a backslash makes them plain, and so does %XX where URIs are encoded. A pattern without
 * signs, or one that as a whole is the name of something, stands for that. In a URI of HDFS the last '?' in front of user.name=, doas= or
 * delegation= begins the query, others are signs.
 * @retval DL4C_E_NOTFOUND     nothing matches
 * @retval DL4C_E_LIMIT        more than 1 024 texts by {}, or 256 components
 * @retval DL4C_E_UNSUPPORTED  the file system cannot list
 * Threads: safe. Since: 0.1.
 */
DL4C_API dl4c_status dl4c_fs_glob(dl4c_context *ctx, const char *pattern, dl4c_fs_glob_fn fn, void *arg, struct dl4c_error *err);

enum { DL4C_FS_WALK_STOP = 1, DL4C_FS_WALK_SKIP = 2 };
/**
 * Tells all that lies below a directory: a directory, then what is in it, each sorted by the names' bytes. The names have the path below
 * the directory, with '/'. The callback answers 0, DL4C_FS_WALK_STOP, or after a directory DL4C_FS_WALK_SKIP to stay out of it.
 * @retval DL4C_E_LIMIT  256 directories deep, or a link back to a directory around it
 * All else as dl4c_fs_list. Threads: safe. Since: 0.1.
 */
DL4C_API dl4c_status dl4c_fs_walk(dl4c_context *ctx, const char *uri, dl4c_fs_list_fn fn, void *arg, struct dl4c_error *err);

enum {
    DL4C_FS_COPY_OVERWRITE = 1, /**< replace files that are there; else they are failures, DL4C_E_EXISTS */
    DL4C_FS_COPY_RESUME = 2,    /**< leave files that are there, of the same size and no older than the source; replace others */
    DL4C_FS_COPY_CHECKSUM = 4,  /**< read every copy again and compare SHA-256; with resume, compare what is there instead of times */
    DL4C_FS_COPY_TIMES = 8,     /**< copies get the time of modification of the source */
    DL4C_FS_COPY_SYNC = 16      /**< wait until copies on the local file system are on the disk */
};

/** Receives what could not be copied, on the thread that copies. Anything but 0 ends the copying. */
typedef int (*dl4c_fs_copy_failed_fn)(void *user, const char *from, const char *to, const struct dl4c_error *why);

/** How files are copied. Zero everywhere: all defaults. */
struct dl4c_fs_copy_options {
    size_t struct_size;
    int32_t threads;  /**< files under way at once, each on a thread of its own; 0: 8 */
    int32_t reserved; /**< must be 0 */
    uint64_t flags;   /**< DL4C_FS_COPY_* */
    dl4c_progress_fn progress; /**< stage "copy", in bytes; bad counts failures */
    void *progress_user;
    const int32_t *cancel;
    int64_t timeout_ms;
    dl4c_fs_copy_failed_fn failed; /**< NULL: only the first failure is told, by the call */
    void *failed_user;
};
#define DL4C_FS_COPY_OPTIONS_INIT { sizeof(struct dl4c_fs_copy_options), 0, 0, 0, 0, 0, 0, 0, 0, 0 }

/** What was copied. Filled by the library. */
struct dl4c_fs_copied {
    size_t struct_size;
    int64_t n_files;       /**< copied */
    int64_t n_skipped;     /**< left as they were, by DL4C_FS_COPY_RESUME */
    int64_t n_failed;      /**< files and directories */
    int64_t n_directories; /**< gone through, and there now */
    int64_t size_bytes;    /**< of n_files */
};
#define DL4C_FS_COPIED_INIT { sizeof(struct dl4c_fs_copied), 0, 0, 0, 0, 0 }

/**
 * Copies files, and directories with all that is in them, between any two file systems, many at once.
 *
 * If @p to is a directory the sources go inside it under their names (of "." and of a root what is in them), else the one source becomes
 * @p to. Directories that are there are filled up. Each file is written as by dl4c_fs_create: nothing has a final name before it is whole,
 * and its bytes are counted. Only a power cut soon after, where DL4C_FS_COPY_SYNC was not asked for, can leave local copies short. A file
 * that fails is told and the others go on, until 100 failures in a row end the call; a target without room left ends it at once and is
 * told by the call alone. Links of the local file system are followed. A file under way takes at most 23 MiB, one of a
 * host's own file system 43 MiB.
 * @param from    URIs, not patterns.
 * @param copied  May be NULL; filled after a failure too.
 * @retval DL4C_E_NOTFOUND  a source is not there, or several sources and @p to is not
 * @retval DL4C_E_INVALID   two sources of one name, a directory into itself or onto a file
 * @retval DL4C_E_FULL      the target has no room left: its disk, its cluster or a quota; the message tells how many files are there
 * Some files failed: the first one's status, and a message that begins with their number. Threads: safe. Since: 0.1.
 */
DL4C_API dl4c_status dl4c_fs_copy(dl4c_context *ctx, const char *const *from, int32_t n_from, const char *to,
                                  const struct dl4c_fs_copy_options *options, struct dl4c_fs_copied *copied, struct dl4c_error *err);

/**
 * Sets the flag of dl4c_cancel_set that calls of this header watch on the calling thread, and readers of images that are waited for:
 * where they wait for a server they give up with DL4C_E_CANCELLED once it is set.
 * @param cancel  Borrowed until the next call on this thread; NULL: none.
 * @return the flag before. Threads: each has its own. Since: 0.1.
 */
DL4C_API const int32_t *dl4c_fs_watch(const int32_t *cancel);
/** Whether the calling thread's flag is set: for file systems that wait. Threads: safe. Since: 0.1. */
DL4C_API int dl4c_fs_cancelled(void);

DL4C_END
#endif
