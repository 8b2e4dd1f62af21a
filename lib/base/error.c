/* SPDX-License-Identifier: Apache-2.0 */
/* Filling struct dl4c_error; option structs of any age. */
#define _GNU_SOURCE
#include "base/error.h"
#include "base/escape.h"

#include <assert.h>
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>

static_assert(sizeof(struct dl4c_error) == 512, "struct dl4c_error is frozen at 512 bytes");
static_assert(offsetof(struct dl4c_error, code) == 8 && offsetof(struct dl4c_error, origin) == 16
                  && offsetof(struct dl4c_error, message) == 40,
              "struct dl4c_error has a frozen layout");

const char *dl4c_status_name(dl4c_status status)
{
    static const char *const names[] = {
        "DL4C_OK",        "DL4C_E_NOMEM",       "DL4C_E_INVALID", "DL4C_E_NOTFOUND",  "DL4C_E_EXISTS",  "DL4C_E_IO",
        "DL4C_E_CORRUPT", "DL4C_E_UNSUPPORTED", "DL4C_E_TIMEOUT", "DL4C_E_CANCELLED", "DL4C_E_VERSION", "DL4C_E_DENIED",
        "DL4C_E_BUSY",    "DL4C_E_STATE",       "DL4C_E_LIMIT",   "DL4C_E_PEER",      "DL4C_E_DIVERGED", "DL4C_E_INTERNAL",
        "DL4C_E_FULL",
    };
    if (status < 0 || (size_t)status >= sizeof names / sizeof *names)
        return "DL4C_E_?";
    return names[status];
}

int32_t dl4c_version(void) { return DL4C_VERSION; }

#define STR2(x) #x
#define STR(x) STR2(x)
const char *dl4c_version_string(void)
{
    return STR(DL4C_VERSION_MAJOR) "." STR(DL4C_VERSION_MINOR) "." STR(DL4C_VERSION_PATCH);
}

/* Cuts text that filled its field at the last whole UTF-8 character. */
static void trim(char *text, size_t size)
{
    size_t n = strnlen(text, size);
    if (n < size - 1)
        return;
    size_t start = n;
    while (start > 0 && ((unsigned char)text[start - 1] & 0xC0) == 0x80)
        start--;
    if (start == 0)
        return;
    const unsigned char lead = (unsigned char)text[start - 1];
    const size_t want = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : lead >= 0xC0 ? 2 : 1;
    if (n - (start - 1) < want)
        text[start - 1] = '\0';
}

static void finish(struct dl4c_error *err)
{
    trim(err->message, sizeof err->message);
    dli_utf8_clean(err->message);
}

DLI_PRINTF(4, 0) static void fill(struct dl4c_error *err, dl4c_status status, const char *origin, const char *fmt, va_list ap)
{
    memset(err, 0, sizeof *err);
    err->status = status;
    snprintf(err->origin, sizeof err->origin, "%s", origin);
    vsnprintf(err->message, sizeof err->message, fmt, ap);
    finish(err);
}

dl4c_status dli_fail(struct dl4c_error *err, dl4c_status status, const char *origin, const char *fmt, ...)
{
    if (err) {
        va_list ap;
        va_start(ap, fmt);
        fill(err, status, origin, fmt, ap);
        va_end(ap);
    }
    return status;
}

static dl4c_status status_of_errno(int errnum)
{
    switch (errnum) {
    case ENOENT:
    case ENOTDIR: return DL4C_E_NOTFOUND;
    case EACCES:
    case EPERM:
    case EROFS: return DL4C_E_DENIED;
    case ENOMEM: return DL4C_E_NOMEM;
    case EEXIST: return DL4C_E_EXISTS;
    case EDQUOT:
    case ENOSPC: return DL4C_E_FULL;
    default: return DL4C_E_IO;
    }
}

/* In English, as the rest of the sentence, whatever the host's locale; NULL for an unknown number. */
static const char *errno_text(int errnum)
{
#ifdef DLI_HAVE_STRERRORDESC
    return strerrordesc_np(errnum);
#else
    static _Thread_local char text[128];
    return strerror_r(errnum, text, sizeof text) == 0 && text[0] ? text : NULL;
#endif
}

const char *dli_address_words(int failed)
{
    switch (failed) {
    case EAI_AGAIN: return "the name service does not answer just now";
    case EAI_FAIL: return "the name service failed";
    case EAI_FAMILY: return "this system knows no such kind of address";
    case EAI_MEMORY: return "there is no memory to look it up";
    case EAI_NONAME: return "nobody knows the name";
    case EAI_SERVICE: return "the port is none";
    case EAI_SYSTEM: return "the system failed to look it up";
#ifdef EAI_NODATA
    case EAI_NODATA: return "the name has no address";
#endif
#ifdef EAI_ADDRFAMILY
    case EAI_ADDRFAMILY: return "the name has no address of this kind";
#endif
    default: return "it cannot be looked up";
    }
}

dl4c_status dli_fail_errno(struct dl4c_error *err, int errnum, const char *origin, const char *fmt, ...)
{
    const dl4c_status status = status_of_errno(errnum);
    if (err) {
        va_list ap;
        va_start(ap, fmt);
        fill(err, status, origin, fmt, ap);
        va_end(ap);
        err->domain = DL4C_DOMAIN_ERRNO;
        err->code = errnum;
        const size_t n = strlen(err->message);
        char number[32];
        const char *why = errno_text(errnum);
        if (!why) {
            snprintf(number, sizeof number, "error %d", errnum);
            why = number;
        }
        snprintf(err->message + n, sizeof err->message - n, ": %s", why);
        finish(err);
    }
    return status;
}

dl4c_status dli_fail_prefix(struct dl4c_error *err, dl4c_status status, const char *fmt, ...)
{
    if (err) {
        char deeper[sizeof err->message];
        memcpy(deeper, err->message, sizeof deeper);
        va_list ap;
        va_start(ap, fmt);
        vsnprintf(err->message, sizeof err->message, fmt, ap);
        va_end(ap);
        const size_t n = strlen(err->message);
        snprintf(err->message + n, sizeof err->message - n, ": %s", deeper);
        finish(err);
    }
    return status;
}

/* No struct of ours will be that large: a size above is memory that nobody initialised, not to be read or cleared so far. */
enum { STRUCT_MAX = 65536 };

dl4c_status dli_struct_in(void *out, size_t out_size, const void *in, const char *origin, struct dl4c_error *err)
{
    memset(out, 0, out_size);
    if (in) {
        size_t size;
        memcpy(&size, in, sizeof size);
        if (size < sizeof size || size > STRUCT_MAX)
            return dli_fail(err, DL4C_E_INVALID, origin, "options have struct_size %zu: initialise them with their INIT macro", size);
        for (size_t i = out_size; i < size; i++)
            if (((const unsigned char *)in)[i] != 0)
                return dli_fail(err, DL4C_E_VERSION, origin,
                                "options of %zu bytes set a member at byte %zu that this library (%s, %zu bytes) does not know", size, i,
                                dl4c_version_string(), out_size);
        memcpy(out, in, size < out_size ? size : out_size);
    }
    memcpy(out, &out_size, sizeof out_size);
    return DL4C_OK;
}

dl4c_status dli_struct_out(void *out, const void *in, size_t in_size, const char *origin, struct dl4c_error *err)
{
    if (!out)
        return dli_fail(err, DL4C_E_INVALID, origin, "the struct to fill is NULL");
    size_t size;
    memcpy(&size, out, sizeof size);
    if (size < sizeof size || size > STRUCT_MAX)
        return dli_fail(err, DL4C_E_INVALID, origin, "the struct to fill has struct_size %zu: initialise it with its INIT macro", size);
    if (size > in_size)
        memset((char *)out + in_size, 0, size - in_size);
    memcpy(out, in, size < in_size ? size : in_size);
    memcpy(out, &size, sizeof size);
    return DL4C_OK;
}
