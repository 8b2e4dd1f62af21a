/* SPDX-License-Identifier: Apache-2.0 */
/* Between the library and a transport in a shared object of its own, which is loaded when somebody first names its scheme. Both are of one
 * build: this is no part of the ABI. */
#ifndef DLI_TRANSPORT_MODULE_H
#define DLI_TRANSPORT_MODULE_H

#include <dl4c/transport.h>

/* What a module is given. It links nothing of the library. */
struct dli_module_host {
    const char *version; /* of the library; a module of another refuses */
    dl4c_context *ctx;   /* whose transports it will be among */
    void *(*alloc)(dl4c_context *ctx, size_t size, struct dl4c_error *err); /* the context's; NULL: *err says why */
    void (*release)(void *memory);
};

/* The symbol dl4c_module: fills *ops, and *user, which the module's release gives back. DL4C_E_VERSION, DL4C_E_NOMEM. */
typedef dl4c_status (*dli_module_fn)(const struct dli_module_host *host, struct dl4c_transport_ops *ops, void **user,
                                     void (**release)(void *user), struct dl4c_error *err);

/* Loads libdl4c-NAME.so, which lies in dl4c/ beside the library, or beside it, for good. DL4C_E_UNSUPPORTED: it is not there, or cannot be
 * loaded; the message says why. */
dl4c_status dli_module_load(dl4c_context *ctx, const char *name, struct dl4c_transport_ops *ops, void **user, void (**release)(void *user),
                            struct dl4c_error *err);

#endif
