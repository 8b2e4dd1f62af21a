/* SPDX-License-Identifier: Apache-2.0 */
/** @file
 * Published weights: where they are, fetching them into a cache, checking them.
 *
 * Needs libcurl (Meson option curl); without it the table is there and fetching answers DL4C_E_UNSUPPORTED.
 *
 * The library keeps no state of its own, but libcurl has some: its first use in a process initialises it. From libcurl 7.84 on that is
 * safe from any thread where it says so (curl --version lists "threadsafe"); with an older one a host that starts threads before calls
 * curl_global_init itself, first. libcurl takes its memory from malloc and its proxies from the environment.
 *
 * Where a function does not say: an object is for one thread at a time, others may be used meanwhile; since 0.1.
 */
#ifndef DL4C_FETCH_H
#define DL4C_FETCH_H

#include <dl4c/base.h>

DL4C_BEGIN

/** A published file. Filled by dl4c_weights_get; all text is static. */
struct dl4c_weights_info {
    size_t struct_size;
    const char *name;       /**< "vgg16" */
    const char *doc;        /**< what it is */
    const char *url;        /**< as published */
    const char *preprocess; /**< the preset that belongs to it; NULL: see where it was published */
    const char *sha256;     /**< 64 hexadecimal digits; NULL: none is known */
    uint32_t adler32;       /**< what Deeplearning4j checks; it finds accidents, not intent */
    int32_t has_adler32;    /**< 1: adler32 is known */
    int64_t size_bytes;     /**< 0: not known */
};
#define DL4C_WEIGHTS_INFO_INIT { sizeof(struct dl4c_weights_info), 0, 0, 0, 0, 0, 0, 0, 0 }

/** Number of published files. Threads: safe. */
DL4C_API int32_t dl4c_weights_count(void);
/** File @p i in the order of the names. DL4C_E_INVALID outside. Threads: safe. Since: 0.1. */
DL4C_API dl4c_status dl4c_weights_get(int32_t i, struct dl4c_weights_info *out, struct dl4c_error *err);

enum {
    DL4C_FETCH_AGAIN = 1,  /**< also where the cache has it */
    DL4C_FETCH_OFFLINE = 2 /**< only from the cache */
};

/** How to fetch. cache is wanted, the rest may be zero. */
struct dl4c_fetch_options {
    size_t struct_size;
    const char *cache;  /**< a folder, made where it is missing; a path or a URI of a file system that can append and rename */
    const char *mirror; /**< http:// or https:// of a folder that has the files under their published names; NULL: where it was published */
    const char *sha256; /**< wanted digest, in place of the known one; NULL: the known one */
    dl4c_progress_fn progress; /**< stage "fetch", in bytes; "check" while the file is read once more */
    void *progress_user;
    const int32_t *cancel;
    int64_t timeout_ms; /**< of the whole call; 0: none */
    int64_t stall_ms;   /**< without a byte; 0: 30 000 */
    uint64_t flags;     /**< DL4C_FETCH_* */
};
#define DL4C_FETCH_OPTIONS_INIT { sizeof(struct dl4c_fetch_options), 0, 0, 0, 0, 0, 0, 0, 0, 0 }

/** What was checked. Values never change. */
enum { DL4C_CHECKED_NOTHING = 0, DL4C_CHECKED_ADLER32 = 1, DL4C_CHECKED_SHA256 = 2 };

/** What came of it. Filled by dl4c_fetch. */
struct dl4c_fetched {
    size_t struct_size;
    char *path;         /**< in the cache; freed by dl4c_free */
    char sha256[65];    /**< of the file, hexadecimal */
    char reserved[3];
    int32_t checked;    /**< DL4C_CHECKED_* */
    int64_t size_bytes; /**< of the file */
    int64_t received;   /**< bytes that came over the network in this call; 0: it was in the cache */
};
#define DL4C_FETCHED_INIT { sizeof(struct dl4c_fetched), 0, { 0 }, { 0 }, 0, 0, 0 }

/**
 * Brings a published file into the cache and checks it; where it is there already, only checks it.
 *
 * Bytes are added to FILE.part, which is renamed when it is whole and right. A connection that breaks is taken up again where it broke
 * (HTTP ranges): in this call while bytes keep coming, and in the next after a failure. A file that proves wrong is removed. Of two calls
 * for one file at a time, in one process or two, one may fail and can be repeated.
 *
 * @param what  A name of the table, or an http:// or https:// address.
 * @retval DL4C_E_NOTFOUND     no such name (the message lists them); the server has no such file; offline and not in the cache
 * @retval DL4C_E_CORRUPT      its digest or size is not the wanted one
 * @retval DL4C_E_TIMEOUT      timeout_ms or stall_ms passed
 * @retval DL4C_E_IO           domain curl: the connection; domain http: the server's answer
 * @retval DL4C_E_FULL         no room in the cache
 * @retval DL4C_E_UNSUPPORTED  the library was built without curl
 * Threads: safe, but see above. Since: 0.1.
 */
DL4C_API dl4c_status dl4c_fetch(dl4c_context *ctx, const char *what, const struct dl4c_fetch_options *options, struct dl4c_fetched *out,
                                struct dl4c_error *err);

DL4C_END
#endif
