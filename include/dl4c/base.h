/* SPDX-License-Identifier: Apache-2.0 */
/** @file
 * Export macro, version, status codes, errors, context: allocator, log, threads, limits.
 *
 * Everything here is plain C99 and C++11. Enumerations cross the ABI as int32_t.
 *
 * Where a function does not say: an object is for one thread at a time, others may be used meanwhile; since 0.1.
 */
#ifndef DL4C_BASE_H
#define DL4C_BASE_H

#include <stddef.h>
#include <stdint.h>

#if defined(DL4C_STATIC)
#define DL4C_API
#elif defined(_WIN32)
#define DL4C_API __declspec(dllimport)
#elif defined(__GNUC__)
#define DL4C_API __attribute__((visibility("default")))
#else
#define DL4C_API
#endif

#if defined(__GNUC__)
#define DL4C_DEPRECATED_IN(version, instead) __attribute__((deprecated("since " #version ": " instead)))
#else
#define DL4C_DEPRECATED_IN(version, instead)
#endif

#ifdef __cplusplus
#define DL4C_BEGIN extern "C" {
#define DL4C_END }
#else
#define DL4C_BEGIN
#define DL4C_END
#endif

/** Version of the headers: of the project, not of the ABI. */
#define DL4C_VERSION_MAJOR 0
/** See DL4C_VERSION. */
#define DL4C_VERSION_MINOR 1
/** See DL4C_VERSION. */
#define DL4C_VERSION_PATCH 0
/** The version as one number that grows: 10000 * major + 100 * minor + patch. dl4c_version tells that of the library that runs. */
#define DL4C_VERSION (DL4C_VERSION_MAJOR * 10000 + DL4C_VERSION_MINOR * 100 + DL4C_VERSION_PATCH)

DL4C_BEGIN

/** Outcome of a call: 0 or one of DL4C_E_*. A value unknown to the caller means failure. Values never change. */
typedef int32_t dl4c_status;

enum {
    DL4C_OK = 0,
    DL4C_E_NOMEM = 1,        /**< the allocator answered NULL */
    DL4C_E_INVALID = 2,      /**< an argument, attribute or shape is wrong */
    DL4C_E_NOTFOUND = 3,     /**< no such file, vertex, operator, format */
    DL4C_E_EXISTS = 4,       /**< it is there already */
    DL4C_E_IO = 5,           /**< the operating system or a server failed the request */
    DL4C_E_CORRUPT = 6,      /**< the bytes are not what their format promises */
    DL4C_E_UNSUPPORTED = 7,  /**< well formed, but not built or not known here */
    DL4C_E_TIMEOUT = 8,      /**< the deadline passed */
    DL4C_E_CANCELLED = 9,    /**< the cancel flag or a callback asked to stop */
    DL4C_E_VERSION = 10,     /**< the caller, a plugin or a file is newer than this library */
    DL4C_E_DENIED = 11,      /**< not permitted, or not authenticated */
    DL4C_E_BUSY = 12,        /**< somebody else holds it; try again */
    DL4C_E_STATE = 13,       /**< not now: wrong order of calls, or in use by another call */
    DL4C_E_LIMIT = 14,       /**< a limit set by the caller (memory, pixels, scans) would be passed */
    DL4C_E_PEER = 15,        /**< another rank failed; the message names it */
    DL4C_E_DIVERGED = 16,    /**< the score or a parameter is not finite */
    DL4C_E_INTERNAL = 17,    /**< a bug in the library */
    DL4C_E_FULL = 18         /**< no room left where it is to be written: a disk, a quota */
};

/** What dl4c_error.code counts in. */
enum {
    DL4C_DOMAIN_NONE = 0,
    DL4C_DOMAIN_ERRNO = 1,
    DL4C_DOMAIN_HTTP = 2,
    DL4C_DOMAIN_CURL = 3,
    DL4C_DOMAIN_TLS = 4,
    DL4C_DOMAIN_MPI = 5
};

/**
 * What went wrong. Owned by the caller, passed last, may be NULL. 512 bytes, layout frozen.
 * A success leaves it untouched, a failure rewrites it whole.
 */
struct dl4c_error {
    dl4c_status status; /**< one of DL4C_E_* */
    int32_t domain;     /**< one of DL4C_DOMAIN_* */
    int64_t code;       /**< in the domain's own numbers, 0 where there is none */
    char origin[24];    /**< the part that failed: "conv2d", "onnx" */
    char message[472];  /**< one UTF-8 sentence: what was found, what was wanted, where */
};
#define DL4C_ERROR_INIT { 0, 0, 0, { 0 }, { 0 } }

/** The short name of a status ("DL4C_E_IO"), "DL4C_E_?" for an unknown one. Static storage. Threads: safe. */
DL4C_API const char *dl4c_status_name(dl4c_status status);

/** DL4C_VERSION of the library that runs. Threads: safe. */
DL4C_API int32_t dl4c_version(void);

/** "0.1.0". Static storage. Threads: safe. */
DL4C_API const char *dl4c_version_string(void);

/** Frees text or bytes handed out by the library. NULL is allowed. Threads: safe. */
DL4C_API void dl4c_free(void *text);

/* ---- context ------------------------------------------------------------------------------------------------- */

/**
 * Owns allocator, logger, thread pool, memory limit and the registries of transports, file systems and formats.
 * Every creator, opener and loader takes one first; NULL is the default context, made when first needed (malloc, silent,
 * as many threads as the affinity mask and the cgroup allow). Objects hold a reference to theirs. Two contexts never see
 * each other's settings.
 */
typedef struct dl4c_context dl4c_context;

/** Levels of the log; values never change. */
enum { DL4C_LOG_NONE = 0, DL4C_LOG_ERROR = 1, DL4C_LOG_WARNING = 2, DL4C_LOG_INFO = 3, DL4C_LOG_DEBUG = 4 };

/** Receives one line of log, no newline. Called only on a thread that is inside a call of the library. */
typedef void (*dl4c_log_fn)(void *user, int32_t level, const char *origin, const char *message);

/** Returns @p size bytes aligned to @p alignment (a power of two), or NULL. Must be safe to call from any thread. */
typedef void *(*dl4c_alloc_fn)(void *user, size_t size, size_t alignment);
/** Takes back what dl4c_alloc_fn gave, with the same size. */
typedef void (*dl4c_release_fn)(void *user, void *memory, size_t size);

/** How a context allocates, logs and works. Zero everywhere: all defaults. */
struct dl4c_context_options {
    size_t struct_size;
    dl4c_alloc_fn alloc; /**< NULL: the C library's; set both or none */
    dl4c_release_fn release;
    void *alloc_user;
    dl4c_log_fn log; /**< NULL: silent */
    void *log_user;
    int32_t log_level;          /**< the chattiest level delivered; 0: DL4C_LOG_WARNING */
    int32_t threads;            /**< total working threads, the caller's included; 0: as many as affinity and cgroup allow */
    int64_t memory_limit_bytes; /**< for everything allocated in this context; 0: none */
    const char *blas;           /**< "auto" (or NULL), "own", "blis" */
    uint64_t flags;             /**< must be 0 */
};
#define DL4C_CONTEXT_OPTIONS_INIT { sizeof(struct dl4c_context_options), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 }

/**
 * Creates a context. Starts no thread.
 * @param options  NULL: all defaults.
 * @param ctx      Receives the context; NULL on failure.
 * @retval DL4C_E_INVALID  only one of alloc and release is set, a negative count, an unknown blas
 * Threads: safe. Since: 0.1.
 */
DL4C_API dl4c_status dl4c_context_create(const struct dl4c_context_options *options, dl4c_context **ctx, struct dl4c_error *err);

/**
 * Gives up the host's handle. The context lives on until its last object is gone; then its threads are joined.
 * Takes NULL; writes NULL. Threads: once per handle.
 */
DL4C_API void dl4c_context_destroy(dl4c_context **ctx);

/** How many threads work for this context at most, the caller's included. NULL: the default context. Threads: safe. */
DL4C_API int32_t dl4c_context_threads(dl4c_context *ctx);

/**
 * What multiplies matrices in this context, as its option blas and the processor have it: "own" for the library's kernels, or the name of
 * BLIS's ("skx"). NULL: the default context. Static storage. Threads: safe. Since: 0.1.
 */
DL4C_API const char *dl4c_context_gemm(dl4c_context *ctx);

/** Bytes allocated now and at the highest, both may be NULL. ctx NULL: the default context. Threads: safe. */
DL4C_API void dl4c_context_memory(dl4c_context *ctx, int64_t *used_bytes, int64_t *peak_bytes);

/* ---- long calls ---------------------------------------------------------------------------------------------- */

/** Where a long call stands. Borrowed during the callback. */
struct dl4c_progress {
    size_t struct_size;
    const char *stage;  /**< "featurize", "train", "evaluate" ... */
    int64_t done;       /**< units finished */
    int64_t total;      /**< units in all, 0 where unknown */
    double percent;     /**< 100 * done / total, 0 where unknown */
    double rate;        /**< units a second */
    double eta_s;       /**< seconds left, negative where unknown */
    int64_t epoch;      /**< from 1; 0 where there are no epochs */
    double score;       /**< the latest score; NaN where there is none */
    int64_t bad;        /**< bad images so far */
    int64_t bytes;      /**< bytes read so far */
};

/** Called at most ten times a second on the thread that made the call. Anything but 0 cancels it (DL4C_E_CANCELLED). */
typedef int (*dl4c_progress_fn)(void *user, const struct dl4c_progress *progress);

/* Long calls have these members in their options:
 *   progress, progress_user   the callback above
 *   cancel                    points to a flag that any thread or signal handler sets through dl4c_cancel_set
 *   timeout_ms                the call's deadline; 0: none                                                        */

/** Sets a cancel flag. Async-signal-safe; any thread. */
DL4C_API void dl4c_cancel_set(int32_t *cancel);

/* ---- the machine --------------------------------------------------------------------------------------------- */

/**
 * What runs here: "avx512", "avx2" or "generic", lowered by the environment variable DL4C_CPU_MASK, which is read once.
 * Static storage. Threads: safe.
 */
DL4C_API const char *dl4c_cpu_kernels(void);

/**
 * In how many bits a session keeps weights and multiplies. Never chosen by itself: a session is f32 unless its options say otherwise.
 * The others concern dense layers and convolutions; the rest, all sums, activations between layers and training are f32. Within one
 * precision the same input gives the same bits whatever the batch, the position in it and the number of threads.
 */
enum {
    DL4C_PRECISION_F32 = 0,          /**< "f32" */
    DL4C_PRECISION_BF16_WEIGHTS = 1, /**< "bf16-weights": weights rounded to bfloat16, arithmetic in f32 */
    DL4C_PRECISION_BF16 = 2,         /**< "bf16": weights and the inputs of products rounded to bfloat16; wants AVX512-BF16 */
    DL4C_PRECISION_INT8_WEIGHTS = 3  /**< "int8-weights": weights in a byte each with a scale for each output channel, arithmetic in f32 */
};
/** "f32", "bf16-weights" ...; NULL where there is no such precision, as past the last. Static storage. Threads: safe. Since: 0.1. */
DL4C_API const char *dl4c_precision_name(int32_t precision);
/** The precision of that name. DL4C_E_INVALID: there is none; the message lists them. Threads: safe. Since: 0.1. */
DL4C_API dl4c_status dl4c_precision_find(const char *name, int32_t *precision, struct dl4c_error *err);
/** DL4C_E_UNSUPPORTED: this CPU, or what DL4C_CPU_MASK leaves of it, does not offer the precision; DL4C_E_INVALID: there is no such
 *  precision. Threads: safe. Since: 0.1. */
DL4C_API dl4c_status dl4c_precision_check(int32_t precision, struct dl4c_error *err);

/** Number of lines that dl4c_build_info gives. */
DL4C_API int32_t dl4c_build_info_count(void);

/** Line @p i of what this build and machine are: name and value. "cpu" and the like are text, optional parts "yes" or "no": "blis", "png",
 *  "onnx", "curl", "hdfs", "tls" (of the transport tcp), "mpi" (its module was built) and "monitor". Static storage. Threads: safe. */
DL4C_API dl4c_status dl4c_build_info(int32_t i, const char **name, const char **value, struct dl4c_error *err);

DL4C_END
#endif
