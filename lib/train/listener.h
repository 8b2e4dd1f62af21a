/* SPDX-License-Identifier: Apache-2.0 */
/* What the ready-made listeners share. */
#ifndef DLI_TRAIN_LISTENER_H
#define DLI_TRAIN_LISTENER_H

#include "base/context.h"
#include <dl4c/listener.h>

/* Where lines go. */
struct dli_sink {
    dl4c_context *ctx; /* borrowed */
    dl4c_log_fn log;   /* NULL: the context's */
    void *user;
};
void dli_sink_line(const struct dli_sink *s, const char *text);

/* Fills the caller's listener with an event callback, a user pointer and what frees it. On failure user is freed. */
dl4c_status dli_listener_fill(struct dl4c_listener *l, void *user,
                              dl4c_status (*event)(void *user, struct dl4c_train_event *event, struct dl4c_error *err),
                              void (*release)(void *user), struct dl4c_error *err);

#endif
