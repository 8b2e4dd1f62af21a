/* SPDX-License-Identifier: Apache-2.0 */
/** @file
 * Groups of members that exchange bytes, over transports behind a vtable: "threads" is built in, hosts add their own by URL scheme.
 *
 * Built in are:
 *
 * - "threads:NAME": the members are threads of one context.
 * - "tcp://HOST:PORT": processes on any hosts. The driver listens there, the others connect to it and to each other; what they listen at
 *   themselves is the address by which they reach the driver, at a port the system picks: members on the driver's own host name it as the
 *   others do. ":PORT" is loopback, "[V6]:PORT" an IPv6 address, "*:PORT", of a driver, all of IPv6 and IPv4. All addresses of a name are
 *   tried in turn; the resolver is asked in a thread of its own, which may outlive a join whose deadline has passed. Links are TLS 1.3:
 *   DL4C_TCP_KEY_FILE names a file of 64 hexadecimal digits that all members share; or DL4C_TCP_CERT_FILE, DL4C_TCP_CERT_KEY_FILE and
 *   DL4C_TCP_CA_FILE name PEM files: whoever has a certificate of that authority belongs to the group, and the driver's must be made out
 *   for HOST. Secrets are in files of mode 0600. A deadline that passes in the midst of a message ends the generation. Whom a member
 *   refuses, and why, is a warning in its log. Where the library was built without OpenSSL: DL4C_E_UNSUPPORTED.
 * - "tcp+plain://HOST:PORT": the same in the clear, for whoever can connect.
 * - "mpi:": all ranks of MPI_COMM_WORLD. Rank 0 is the driver; as who that is shows only once it has joined, driver and size may be 0 for
 *   everyone. It is a module, libdl4c-mpi.so in dl4c/ beside the library, which is loaded when somebody joins: the library does not need
 *   MPI. Where the host has not initialised MPI, join does, without a deadline, and leave ends it: such a process joins once. One group of
 *   a process at a time. Groups never change: when a process dies, MPI's launcher ends the others. DL4C_E_UNSUPPORTED: built without, or
 *   the module cannot be loaded.
 *
 * A transport carries bytes and nothing else. Averaging, agreement after a loss and what a round is are the trainer's.
 *
 * A group lives in generations. Within one, its members are fixed: ranks 0 to size - 1. Rank 0, the driver, gathered them. Once a member is
 * lost, every call of the generation fails with DL4C_E_PEER on all that remain, at the latest when their own deadline passes; what was
 * under way between two others may have arrived or not. Members then regroup: survivors, in the order of their old ranks, and whoever has
 * come since form the next generation. A transport whose groups cannot change leaves regroup out.
 */
#ifndef DL4C_TRANSPORT_H
#define DL4C_TRANSPORT_H

#include <dl4c/base.h>

DL4C_BEGIN

/** How to join a group. */
struct dl4c_group_options {
    size_t struct_size;
    const char *url;       /**< SCHEME:..., as its transport wants: see above */
    int32_t driver;        /**< 1: this member gathers the group and becomes rank 0; 0: it waits for a driver */
    int32_t size;          /**< of the driver: how many members there are to be, itself included; of others 0 */
    int64_t timeout_ms;    /**< for all to be there; 0: 60 000 */
    int64_t lost_after_ms; /**< a member of which nothing is heard for so long is lost; 0: 10 000 */
    const int32_t *cancel; /**< see dl4c_cancel_set; looked at while joining; NULL: none */
};
#define DL4C_GROUP_OPTIONS_INIT                                                                                                            \
    {                                                                                                                                      \
        sizeof(struct dl4c_group_options), 0, 0, 0, 0, 0, 0                                                                                \
    }

/** Who belongs to a group now. */
struct dl4c_members {
    size_t struct_size;
    uint64_t generation;  /**< from 1 */
    int32_t rank;         /**< this member's */
    int32_t size;         /**< of this generation */
    int32_t waiting;      /**< at the driver: newcomers that wait for the next generation; may rise at any time; elsewhere 0 */
    int32_t reserved;     /**< 0 */
    const uint64_t *ids;  /**< [size], by rank: a member's number for as long as it belongs to the group, never given twice. Valid until
                               the group is regrouped or left */
};
#define DL4C_MEMBERS_INIT                                                                                                                  \
    {                                                                                                                                      \
        sizeof(struct dl4c_members), 0, 0, 0, 0, 0, 0                                                                                      \
    }

/** One message of several that are under way at once: to a peer, or from one. */
struct dl4c_message {
    int32_t peer;      /**< its rank, never one's own */
    int32_t reserved;  /**< 0 */
    const void *bytes; /**< to send [size]; NULL: this one is received */
    void *room;        /**< to receive into [size]; NULL: this one is sent */
    size_t size;       /**< bytes; a message received must be just so long */
};

/** What the next generation is to be. */
struct dl4c_regroup_options {
    size_t struct_size;
    int32_t min_size;       /**< members the next generation needs, the driver included; fewer: DL4C_E_PEER */
    int32_t n_exclude;      /**< members the driver leaves behind though they may live: they are lost to the group */
    const int32_t *exclude; /**< [n_exclude] ranks of the generation that ends; of the driver, who must not name itself */
    int64_t timeout_ms;     /**< of the driver: until survivors have come; whoever has not by then is lost. Others wait for the driver twice
                                 as long. 0: 10 000 */
};
#define DL4C_REGROUP_OPTIONS_INIT                                                                                                          \
    {                                                                                                                                      \
        sizeof(struct dl4c_regroup_options), 0, 0, 0, 0                                                                                    \
    }

/**
 * A transport. The members are called on the thread inside a library call; a group's by one thread at a time, but for cancel.
 *
 * Messages between two members arrive whole and in the order they were sent. Timeouts count from the call; they are never 0 here. On
 * failure a member fills *err, which is never NULL; where it leaves the message empty, the library writes one. A buffer is the caller's
 * again when the member returns, also after a failure; what a failed receive wrote is not defined.
 *
 * Codes of all but join: DL4C_E_TIMEOUT, DL4C_E_CANCELLED (see cancel), DL4C_E_PEER (a member is lost or the generation ended; the message
 * names the rank), DL4C_E_CORRUPT (what arrived is no message, or not of the size that was wanted), DL4C_E_IO, DL4C_E_NOMEM.
 */
struct dl4c_transport_ops {
    size_t struct_size;
    const char *name; /**< URL scheme: "threads", "tcp", "mpi" */
    /**
     * Joins the group at options->url; blocks until all members are there or the timeout passes. On failure *group is NULL.
     * DL4C_E_TIMEOUT, DL4C_E_CANCELLED, DL4C_E_IO, DL4C_E_INVALID (malformed url), DL4C_E_EXISTS (a driver gathers there already),
     * DL4C_E_DENIED (a peer did not authenticate), DL4C_E_VERSION (a peer of another version).
     */
    dl4c_status (*join)(void *user, const struct dl4c_group_options *options, void **group, struct dl4c_error *err);
    /** Says good-bye and frees the group; waits at most timeout_ms for bytes under way. To the others this member is lost. */
    void (*leave)(void *group, int64_t timeout_ms);
    /** Fills *members. Does not block. */
    void (*members)(void *group, struct dl4c_members *members);
    /** Sends a message of 0 to 2^40 bytes. May block until the peer receives it: who sends to each other at once uses sendrecv. */
    dl4c_status (*send)(void *group, int32_t peer, const void *bytes, size_t size, int64_t timeout_ms, struct dl4c_error *err);
    /** Receives the next message of a peer, which must have just @p size bytes. */
    dl4c_status (*recv)(void *group, int32_t peer, void *room, size_t size, int64_t timeout_ms, struct dl4c_error *err);

    /* ---- optional ---- */

    /** Ends the generation, for all members, and forms the next; blocks until it stands. NULL: groups of this transport never change. */
    dl4c_status (*regroup)(void *group, const struct dl4c_regroup_options *options, struct dl4c_error *err);
    /** All at once; of one link and direction, in their order. @p arrived, which may be NULL, is called for each transfer that is done. */
    dl4c_status (*sendrecv)(void *group, const struct dl4c_message *transfers, int32_t n, void (*arrived)(void *arg, int32_t transfer),
                            void *arg, int64_t timeout_ms, struct dl4c_error *err);
    /** Every member calls it: the bytes of @p root become everyone's. */
    dl4c_status (*broadcast)(void *group, int32_t root, void *bytes, size_t size, int64_t timeout_ms, struct dl4c_error *err);
    /** Every member calls it: none returns before all have come. */
    dl4c_status (*barrier)(void *group, int64_t timeout_ms, struct dl4c_error *err);
    /** From any thread: calls under way and later ones fail with DL4C_E_CANCELLED, within a tenth of a second. For good. */
    void (*cancel)(void *group);
    /**
     * Where they see each other's memory. Each calls it with an address of its own: fills theirs[size] by rank. What lies there may be
     * read and written by all until each has called barrier, which, also where it fails, returns only once they have, or have left.
     */
    dl4c_status (*share)(void *group, void *mine, void **theirs, int64_t timeout_ms, struct dl4c_error *err);
};

/**
 * Registers a transport for the scheme @p ops->name in a context. The table is copied, the name too; it cannot be taken away again.
 * @param release  Runs once with @p user, when the context goes or at once if this fails; may be NULL.
 * @retval DL4C_E_EXISTS   the name is taken
 * @retval DL4C_E_INVALID  the name is missing or no URL scheme (small letters, then also digits, '+', '-', '.'); join, leave, members, send
 *                         or recv is missing; share is there without barrier
 * @retval DL4C_E_VERSION  the table is newer than this library and sets a member that it does not know
 * Threads: safe. Since: 0.1.
 */
DL4C_API dl4c_status dl4c_transport_register(dl4c_context *ctx, const struct dl4c_transport_ops *ops, void *user,
                                             void (*release)(void *user), struct dl4c_error *err);

/** A member's end of a group. One thread at a time, but for dl4c_group_cancel. */
typedef struct dl4c_group dl4c_group;

/**
 * Joins a group and blocks until it is complete.
 * @param group  Receives the member's end, which dl4c_group_leave ends; NULL on failure.
 * @retval DL4C_E_UNSUPPORTED  no transport is known for the URL's scheme
 * @retval DL4C_E_INVALID      a malformed URL; size does not suit driver
 * @retval DL4C_E_TIMEOUT      not all came
 * @retval DL4C_E_CANCELLED, DL4C_E_NOMEM, DL4C_E_LIMIT, and what the transport answers
 * Threads: safe. Since: 0.1.
 */
DL4C_API dl4c_status dl4c_group_join(dl4c_context *ctx, const struct dl4c_group_options *options, dl4c_group **group,
                                     struct dl4c_error *err);
/** Leaves: to the others this member is lost. Takes NULL; writes NULL. Waits at most @p timeout_ms. Since: 0.1. */
DL4C_API void dl4c_group_leave(dl4c_group **group, int64_t timeout_ms);
/** Who belongs to it. @p members->struct_size is set by the caller. Since: 0.1. */
DL4C_API dl4c_status dl4c_group_members(dl4c_group *group, struct dl4c_members *members, struct dl4c_error *err);
/**
 * As the members of dl4c_transport_ops of these names, and with the same codes; DL4C_E_INVALID for a rank that is not another member's.
 * A timeout_ms of 0 is 10 000. sendrecv, broadcast and barrier are made of send and recv where the transport lacks them.
 * Since: 0.1.
 */
DL4C_API dl4c_status dl4c_group_send(dl4c_group *group, int32_t peer, const void *bytes, size_t size, int64_t timeout_ms,
                                     struct dl4c_error *err);
/** See dl4c_group_send. Since: 0.1. */
DL4C_API dl4c_status dl4c_group_recv(dl4c_group *group, int32_t peer, void *room, size_t size, int64_t timeout_ms,
                                     struct dl4c_error *err);
/** See dl4c_group_send. Several transfers with a peer in one direction are done in their order. Since: 0.1. */
DL4C_API dl4c_status dl4c_group_sendrecv(dl4c_group *group, const struct dl4c_message *transfers, int32_t n, int64_t timeout_ms,
                                         struct dl4c_error *err);
/** See dl4c_group_send. Since: 0.1. */
DL4C_API dl4c_status dl4c_group_broadcast(dl4c_group *group, int32_t root, void *bytes, size_t size, int64_t timeout_ms,
                                          struct dl4c_error *err);
/** See dl4c_group_send. Since: 0.1. */
DL4C_API dl4c_status dl4c_group_barrier(dl4c_group *group, int64_t timeout_ms, struct dl4c_error *err);
/** See dl4c_transport_ops.regroup. DL4C_E_UNSUPPORTED where the transport's groups never change. Since: 0.1. */
DL4C_API dl4c_status dl4c_group_regroup(dl4c_group *group, const struct dl4c_regroup_options *options, struct dl4c_error *err);
/** From any thread: calls under way on this member's end fail with DL4C_E_CANCELLED, and later ones, for good. Since: 0.1. */
DL4C_API void dl4c_group_cancel(dl4c_group *group);

/** In which form members send vectors that are averaged. */
enum {
    DL4C_EXCHANGE_F32 = 0,
    DL4C_EXCHANGE_BF16 = 1 /**< half the bytes: values are rounded to bfloat16, to nearest even, and so is their mean */
};

/** What is averaged. */
struct dl4c_average_options {
    size_t struct_size;
    int64_t weight;        /**< of this member's vector, say the examples it has seen: 0 to 2^24; 0: it only learns the mean */
    int32_t first_rank;    /**< members below it take no part and must not call; the same on all */
    int32_t threads;       /**< that sum; 0: the context's */
    int64_t timeout_ms;    /**< for the whole; 0: 60 000 */
    int32_t exchange;      /**< DL4C_EXCHANGE_*, the same on all */
    int32_t reserved;      /**< 0 */
};
#define DL4C_AVERAGE_OPTIONS_INIT                                                                                                          \
    {                                                                                                                                      \
        sizeof(struct dl4c_average_options), 0, 0, 0, 0, 0, 0                                                                              \
    }

/**
 * The mean of one vector of each member, weighted. Every member calls it.
 *
 * An element is summed once, by one member, in the order of ranks, in double precision, which holds the products exactly; the quotient is
 * rounded to float once. So the mean's bits depend on the vectors, weights and ranks alone, and the mean of equal vectors is that vector.
 * A member sends and receives at most 2 (m - 1) / m of the vector, where m members take part; where they see each other's memory, nothing.
 * With DL4C_EXCHANGE_BF16 the vectors are first rounded and so is their mean, to the same bits wherever the members are: each rounding
 * moves a value by at most 2^-9 of itself.
 * @param in   [n], borrowed, unchanged where @p out is another vector.
 * @param out  [n], receives the mean; may be @p in, but not overlap it otherwise. After a failure its content is not defined.
 * @param n    The same on all members, else DL4C_E_CORRUPT.
 * @param total  Receives the sum of the weights; may be NULL.
 * @retval DL4C_E_INVALID  all weights are 0, or one is out of range
 * @retval DL4C_E_NOMEM, DL4C_E_LIMIT, and as dl4c_group_send
 * Since: 0.1.
 */
DL4C_API dl4c_status dl4c_group_average(dl4c_group *group, const struct dl4c_average_options *options, const float *in, float *out,
                                        int64_t n, int64_t *total, struct dl4c_error *err);

DL4C_END
#endif
