/* SPDX-License-Identifier: Apache-2.0 */
/** @file
 * Watching trainings in a browser: a web page over the directories that dl4c_fit's `run_dir` wrote, while they grow and after.
 */
#ifndef DL4C_MONITOR_H
#define DL4C_MONITOR_H

#include <dl4c/base.h>

DL4C_BEGIN

/** A server of the page, with a thread of its own. */
typedef struct dl4c_monitor dl4c_monitor;

/** How dl4c_monitor_open serves. */
struct dl4c_monitor_options {
    size_t struct_size;
    /** "ADDRESS:PORT": "127.0.0.1:8080", "[::1]:0", "0.0.0.0:8080", a name; port 0: any that is free. NULL: "127.0.0.1:0", which this
     *  machine alone reaches. There is no password: whoever reaches the address can read the runs. */
    const char *listen;
    int32_t connections; /**< at once, at most; 0: 64 */
    int32_t reserved;
};
#define DL4C_MONITOR_OPTIONS_INIT                                                                                                          \
    {                                                                                                                                      \
        sizeof(struct dl4c_monitor_options), 0, 0, 0                                                                                       \
    }

/**
 * Serves a page with the curves of training runs until dl4c_monitor_close.
 *
 * The page needs nothing from elsewhere. It asks for what is new about once a second, and the files are looked at only then; long runs come
 * as some thousand points a curve, with the least and the greatest of what each stands for, and take a bounded amount of memory. What is
 * wrong in a record is said on the page and never ends the server. Nothing but the page and these runs' records is served, only GET is
 * answered, and only where the request's Host is an IP address, "localhost" or the name in @p options->listen, so that pages of others
 * cannot read it by way of a name of theirs (DNS rebinding).
 *
 * @param runs     URIs of run directories, at least one; each must be there, what is in it may come later. Copied.
 * @param options  NULL: all defaults.
 * @param monitor  Receives a server that listens already; NULL on failure.
 * @retval DL4C_E_NOTFOUND     no such directory
 * @retval DL4C_E_INVALID      one of @p runs is no directory; a malformed address
 * @retval DL4C_E_UNSUPPORTED  built without libmicrohttpd
 * @retval DL4C_E_IO           the address cannot be listened on (domain errno), or cannot be found
 * @retval DL4C_E_DENIED, DL4C_E_NOMEM, DL4C_E_LIMIT
 * Threads: safe. Since: 0.1.
 */
DL4C_API dl4c_status dl4c_monitor_open(dl4c_context *ctx, const char *const *runs, int32_t n_runs,
                                       const struct dl4c_monitor_options *options, dl4c_monitor **monitor, struct dl4c_error *err);
/** Where the page is: "http://127.0.0.1:41234/", with the address that was given and the port in use. Borrowed. Since: 0.1. */
DL4C_API const char *dl4c_monitor_url(const dl4c_monitor *monitor);
/** Ends the server: answers at work are cut off. Takes NULL; writes NULL. Threads: one. Since: 0.1. */
DL4C_API void dl4c_monitor_close(dl4c_monitor **monitor);

DL4C_END
#endif
