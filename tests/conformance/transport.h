/* SPDX-License-Identifier: Apache-2.0 */
/* What every transport must do, as dl4c/transport.h promises it: one call. Sees the public headers only, so that a host can use it for a
 * transport of its own. */
#ifndef TESTS_CONFORMANCE_TRANSPORT_H
#define TESTS_CONFORMANCE_TRANSPORT_H

#include <dl4c/transport.h>

struct conformance_transport {
    const char *name; /* of the transport, for messages */
    /* Registers the transport in a fresh context, where it is not built in; NULL: nothing to do. */
    void (*prepare)(dl4c_context *ctx, void *user);
    /* The URL where the group of this number meets; driver: as the driver says it. */
    void (*url)(char *text, size_t size, int number, int driver, void *user);
    void *user;
    int separate;     /* 1: each member is given a context of its own */
    int fixed;        /* 1: its groups cannot change: no regroup, and nobody is lost */
    size_t largest;   /* bytes of the largest message tried; 0: 64 MiB */
};

/* Runs all checks, members being threads of this process. Returns how many failed, each told in a line. */
int conformance_transport(const struct conformance_transport *t);

/* The checks of a fixed group, one after the other, by one member of a group that exists already, every member calling it: for transports
 * whose members are processes. Returns how many failed at this member. */
int conformance_group(dl4c_group *group, size_t largest);

#endif
