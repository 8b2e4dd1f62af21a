/* SPDX-License-Identifier: Apache-2.0 */
/* Which transports a context knows, and the inside of a group: shared by registry.c, group.c and average.c. */
#ifndef DLI_TRANSPORT_TRANSPORT_H
#define DLI_TRANSPORT_TRANSPORT_H

#include "base/context.h"
#include <dl4c/transport.h>

struct dli_transport {
    struct dl4c_transport_ops ops;
    char name[32];
    void *user;
    void (*release)(void *user);
    struct dli_transport *next;
};

struct dl4c_group {
    dl4c_context *ctx; /* a reference: it keeps the registry alive */
    const struct dli_transport *transport;
    void *group; /* the transport's */
    char *url;
};

/* The transport of a URL's scheme: lives as long as the context. DL4C_E_UNSUPPORTED: none has it; DL4C_E_INVALID: it has none. */
dl4c_status dli_transport_find(dl4c_context *ctx, const char *url, const struct dli_transport **transport, struct dl4c_error *err);

/* dl4c_group_sendrecv that calls arrived, which may be NULL, for each transfer that is done. */
dl4c_status dli_group_sendrecv(dl4c_group *group, const struct dl4c_message *transfers, int32_t n,
                               void (*arrived)(void *arg, int32_t transfer), void *arg, int64_t timeout_ms, struct dl4c_error *err);
/* As the member of dl4c_transport_ops, where the transport has it. */
dl4c_status dli_group_share(dl4c_group *g, void *mine, void **theirs, int64_t timeout_ms, struct dl4c_error *err);

/* "threads": its user is a hub of dli_threads_hub, which dli_threads_release frees. */
extern const struct dl4c_transport_ops dli_transport_threads;
dl4c_status dli_threads_hub(dl4c_context *ctx, void **hub, struct dl4c_error *err);
void dli_threads_release(void *hub);

/* "tcp", whose links are secured by TLS, and "tcp+plain", whose are not: the user is the context. */
extern const struct dl4c_transport_ops dli_transport_tcp, dli_transport_tcp_plain;

#endif
