/* SPDX-License-Identifier: Apache-2.0 */
/* Filling struct dl4c_error, and the macros that pass a failure up. */
#ifndef DLI_BASE_ERROR_H
#define DLI_BASE_ERROR_H

#include <dl4c/base.h>
#include <inttypes.h>
#include <stdarg.h>

#if defined(__GNUC__)
#define DLI_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#else
#define DLI_PRINTF(fmt, args)
#endif

/* Rewrites *err whole (NULL is allowed) and returns status, so that `return dli_fail(...)` reads as one act. Text longer than
 * the field is cut at a UTF-8 boundary; what is no UTF-8, or would begin another line, becomes '?'. Numbers with a fraction are
 * printed through DLI_NUM (base/number.h): %f and %g follow the host's locale. */
dl4c_status dli_fail(struct dl4c_error *err, dl4c_status status, const char *origin, const char *fmt, ...) DLI_PRINTF(4, 5);

/* The same, for a failed system call: domain errno, code errnum, ": No such file or directory" appended; the status follows
 * from errnum (ENOENT: NOTFOUND, EACCES: DENIED, ENOMEM: NOMEM, EEXIST: EXISTS, ENOSPC and EDQUOT: FULL, else IO). */
dl4c_status dli_fail_errno(struct dl4c_error *err, int errnum, const char *origin, const char *fmt, ...) DLI_PRINTF(4, 5);

/* What getaddrinfo's failure means, in English: gai_strerror follows the host's locale. */
const char *dli_address_words(int failed);

/* Puts "prefix: " before the message of a failure that a deeper call left, where the outer one knows the file or vertex. */
dl4c_status dli_fail_prefix(struct dl4c_error *err, dl4c_status status, const char *fmt, ...) DLI_PRINTF(3, 4);

/* Passes a failure up without touching the deeper message. */
#define DLI_TRY(expr)                        \
    do {                                     \
        dl4c_status dli_status_ = (expr);    \
        if (dli_status_ != DL4C_OK)          \
            return dli_status_;              \
    } while (0)

/* The same with a label: `status` must be a local dl4c_status. */
#define DLI_GOTO(expr, label)                \
    do {                                     \
        status = (expr);                     \
        if (status != DL4C_OK)               \
            goto label;                      \
    } while (0)

/* Reads an options struct of any age. NULL: all defaults (zero). A longer struct whose unknown tail is not zero is
 * DL4C_E_VERSION; a struct_size below sizeof(size_t) or beyond belief is DL4C_E_INVALID. On success out->struct_size is out_size. */
dl4c_status dli_struct_in(void *out, size_t out_size, const void *in, const char *origin, struct dl4c_error *err);

/* Fills a caller's struct (struct_size first, set by the caller) from ours, the smaller size winning. */
dl4c_status dli_struct_out(void *out, const void *in, size_t in_size, const char *origin, struct dl4c_error *err);

#endif
