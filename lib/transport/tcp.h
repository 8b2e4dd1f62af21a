/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of the transports "tcp" and "tcp+plain", shared by tcp_*.c.
 *
 * Every member listens: the driver where the URL says, others at a port of their own. One link of each member leads to the driver and
 * carries what is said about the group; a service thread at each end drives it, beats on it and accepts newcomers. Messages go over links
 * of their own between every two members, which the thread inside a library call drives. A generation has a number and a nonce, which
 * the driver tells its members; who connects for messages shows both. */
#ifndef DLI_TRANSPORT_TCP_H
#define DLI_TRANSPORT_TCP_H

#include "transport/frame.h"
#include "transport/transport.h"

#include <pthread.h>
#include <sys/socket.h>

enum {
    TCP_NONCE = 16,
    TCP_ADDRESS = 20,     /* bytes: family 4 or 6, port, address */
    TCP_HELLO = 72,       /* bytes: purpose 4, rank 4, lost_after_ms 8, id 8, nonce 16, address 20, 12 of 0 */
    TCP_WELCOME = 16,     /* bytes: id 8, lost_after_ms 8 */
    TCP_JOINS = 1,        /* purposes of a HELLO */
    TCP_MESSAGES = 2,
    TCP_MEMBERS = 65536,  /* of a group, and others that wait for it; connections for messages that wait */
    TCP_HALF_OPEN = 128,  /* connections that have not said who they are: where there are so many, one of more than a second gives way */
    TCP_HANDSHAKE_MS = 5000,
    TCP_ADDRESSES = 8,    /* of a name of a host, that are tried */
    TCP_NOTES = 16
};

/* What a group's links are secured with; NULL: nothing. */
struct dli_tls;

/* One connection. */
struct dli_link {
    int fd;          /* -1: none */
    void *session;   /* of TLS */
    bool shaken;     /* hands are: always true without TLS */
    bool denied;     /* it broke because one side did not prove itself */
    short want;      /* what poll is to wait for beside its direction, as TLS says; 0: nothing */
    struct dli_inbox in;
    uint64_t out_sequence;
    char why[160];   /* it broke, as a sentence's end */
    char name[72];   /* the peer's address */
};

enum { LINK_AGAIN = 0, LINK_BROKEN = -1 };

/* ---- tcp_link.c: all without waiting ---- */

/* Bytes moved, LINK_AGAIN or LINK_BROKEN, with link->why. more: what follows goes with it. */
ptrdiff_t dli_link_read(struct dli_link *link, void *room, size_t n);
ptrdiff_t dli_link_write(struct dli_link *link, const void *bytes, size_t n, bool more);
/* A connected or connecting socket becomes a link: options set, name filled. host: what the peer's certificate must be made out for; "":
 * anything. Takes fd, closes it after a failure. */
dl4c_status dli_link_open(struct dli_link *link, struct dli_tls *tls, int fd, bool server, const char *host, int64_t lost_after_ms,
                          struct dl4c_error *err);
/* Goes on with the handshake: 1 done, 0 again, -1 broken. */
int dli_link_shake(struct dli_link *link);
/* Reads until a frame is complete, into memory of the inbox's own: 1; 0 again; -1 broken or refused, *err says why. */
int dli_link_frame(struct dli_link *link, dl4c_context *ctx, struct dl4c_error *err);
void dli_link_close(struct dli_link *link);

/* ---- tcp_address.c ---- */

/* What a URL says. */
struct dli_place {
    char host[256]; /* a name or an address; "": loopback; "*": all of this host */
    uint16_t port;
};
/* "HOST:PORT", "[V6]:PORT", ":PORT", "*:PORT" after the scheme and an optional "//". */
dl4c_status dli_place_parse(const char *url, struct dli_place *place, struct dl4c_error *err);

/* Where members listen. */
struct dli_address {
    struct sockaddr_storage to;
    socklen_t size;
    bool both; /* IPv6 and IPv4 */
};
/* What needs no resolver: false where it does. Of "*" the first that can be listened at is meant. */
bool dli_place_numeric(const struct dli_place *place, struct dli_address out[TCP_ADDRESSES], int32_t *n);

/* A question to the resolver, which knows no deadline: in a thread of its own, which may outlive who asked. The descriptor can be read when
 * it is done; then, take. */
struct dli_resolver;
dl4c_status dli_resolver_start(dl4c_context *ctx, const struct dli_place *place, struct dli_resolver **out, struct dl4c_error *err);
int dli_resolver_descriptor(const struct dli_resolver *r);
bool dli_resolver_done(struct dli_resolver *r);
dl4c_status dli_resolver_take(struct dli_resolver *r, struct dli_address out[TCP_ADDRESSES], int32_t *n, struct dl4c_error *err);
void dli_resolver_unref(struct dli_resolver *r);

void dli_address_name(const struct dli_address *a, char name[72]);
void dli_address_pack(const struct dli_address *a, uint8_t out[TCP_ADDRESS]);
/* near: of the same host or network, for the scope of link-local addresses. */
bool dli_address_unpack(const uint8_t in[TCP_ADDRESS], const struct dli_address *near, struct dli_address *a);
void dli_address_any_port(struct dli_address *a);
dl4c_status dli_address_listen(const struct dli_address *a, int *fd, struct dl4c_error *err);
/* A socket that connects. */
dl4c_status dli_address_connect(const struct dli_address *a, int *fd, struct dl4c_error *err);
/* Whether a connected socket is connected with itself: where nobody listens at a port of this host that the system gives to those who
 * connect, it may give just that one. */
bool dli_address_is_own(int fd);

/* ---- tcp_tls.c, or tcp_no_tls.c ---- */

dl4c_status dli_tls_create(dl4c_context *ctx, struct dli_tls **tls, struct dl4c_error *err);
void dli_tls_free(struct dli_tls *tls);
dl4c_status dli_tls_open(struct dli_tls *tls, struct dli_link *link, bool server, const char *host, struct dl4c_error *err);
int dli_tls_shake(struct dli_link *link);
ptrdiff_t dli_tls_read(struct dli_link *link, void *room, size_t n);
ptrdiff_t dli_tls_write(struct dli_link *link, const void *bytes, size_t n);
void dli_tls_close(struct dli_link *link);

/* ---- tcp_service.c ---- */

/* The other end of a control link: at the driver one for each other member, elsewhere the driver. */
struct dli_seat {
    struct dli_link link;
    uint64_t id;
    struct dli_address address; /* where it listens */
    int32_t rank;               /* of the last generation that was formed; -1: waits for one */
    bool ready;                 /* for the next */
    bool dying;                 /* to be closed once the outbox is empty */
    int64_t heard_ns, beat_ns /* the next one is due */, every_ns, bye_ns /* it said good-bye; 0: no */, dying_ns;
    uint8_t *out; /* bytes to be sent */
    size_t out_have, out_sent, out_capacity;
    struct dli_seat *next;
};

/* A connection that has not said who it is. Of the service thread alone. */
struct dli_half {
    struct dli_link link;
    int64_t since_ns;
};

/* A connection for messages that waits until its generation is known. */
struct dli_arrival {
    struct dli_link link;
    uint64_t generation;
    uint8_t nonce[TCP_NONCE];
    int32_t rank;
    int64_t until_ns;
};

struct dli_tcp {
    dl4c_context *ctx;
    struct dli_tls *tls;
    char url[200];
    char host[256]; /* of it, which the driver's certificate must be made out for; "": anything */
    bool driver;
    int64_t lost_after_ms;
    int listener, wake_service, wake_caller; /* descriptors */
    struct dli_address address;              /* where it listens */
    pthread_t thread;
    bool started;
    _Atomic int32_t cancelled;

    pthread_mutex_t lock; /* of all below */
    bool stopping;
    struct dli_seat *seats;
    uint64_t next_id;
    struct dli_arrival *arrivals;
    size_t n_arrivals, arrivals_capacity;
    uint64_t generation; /* the last formed */
    int32_t lost;        /* the rank that was lost first; -1: none */
    char notes[TCP_NOTES][256]; /* for the log: the host is told on threads that are inside a call only */
    int32_t n_notes, dropped_notes;
    bool over, left_behind, closed /* the driver is gone */;
    uint8_t *plan; /* of the next generation, as it arrived; NULL: none */
    uint32_t plan_size;

    /* Of the service thread alone. */
    struct dli_half half[TCP_HALF_OPEN];
    int32_t n_half;
    int64_t accept_ns; /* not before: descriptors were short */
    struct pollfd *polled;
    size_t polled_capacity;

    /* Of the caller's thread alone. */
    int32_t rank, size;
    uint64_t id, *ids;
    uint64_t number; /* of the generation that ids, links belong to */
    struct dli_mesh *mesh; /* [size] */
    struct pollfd *polled_links; /* [size + 1] */
};

/* One member seen by another: messages in both directions. */
struct dli_mesh {
    struct dli_link link;
    uint64_t out_total, out_at, in_total, in_at; /* bytes of the message under way, and of them done */
    bool out_open, in_open;                      /* a message is under way, some of it moved */
    uint8_t out_header[DLI_FRAME_HEADER];
    uint32_t out_header_at, out_length, out_done; /* of the frame under way; out_header_at == DLI_FRAME_HEADER: its header is sent */
    bool out_framed;
    int32_t out_transfer, in_transfer; /* of the call */
    bool polled_in, polled_out;
};

void *dli_tcp_serve(void *group); /* the service thread */
void dli_tcp_wake(int fd);
void dli_tcp_unwake(int fd);
/* Under the lock. */
dl4c_status dli_tcp_say(struct dli_tcp *t, struct dli_seat *s, uint16_t kind, const void *payload, uint32_t n, struct dl4c_error *err);
/* The generation is over; rank: who is lost, -1 where nobody is. Tells the others. */
void dli_tcp_lose(struct dli_tcp *t, int32_t rank);
/* Logs what the service thread has noted. Not under the lock. */
void dli_tcp_log_notes(struct dli_tcp *t);
/* How often to beat so that neither side takes the other for lost. */
int64_t dli_tcp_beat(const struct dli_tcp *t, uint64_t their_lost_after_ms);
void dli_seat_free(struct dli_seat *s);

/* ---- tcp_connect.c: of the calling thread ---- */

/* A wait of the calling thread. */
struct dli_wait {
    struct dli_tcp *t;
    int64_t until_ns;
    const int32_t *cancel;
    bool forming; /* the links of a generation: there is nothing to wait for once it is over, DL4C_E_PEER */
};

/* Until the descriptor (-1: none) or the service thread has news, or a slice of time passes: DL4C_E_TIMEOUT, DL4C_E_CANCELLED, and
 * DL4C_E_PEER where a generation forms. */
dl4c_status dli_tcp_wait(const struct dli_wait *w, int fd, short events, const char *for_what, struct dl4c_error *err);
/* The addresses of a place. */
dl4c_status dli_tcp_locate(const struct dli_wait *w, const struct dli_place *place, struct dli_address at[TCP_ADDRESSES], int32_t *n,
                           struct dl4c_error *err);
/* Connects, proves and introduces itself; host: what the other end's certificate must be made out for, or "". complete, which may be NULL,
 * adds to what is said. DL4C_E_IO: the other end is not there, or gone. */
dl4c_status dli_tcp_dial(const struct dli_wait *w, const struct dli_address *to, const char *host, struct dli_link *link,
                         uint64_t generation, uint8_t *hello,
                         void (*complete)(struct dli_tcp *t, struct dli_link *link, uint8_t *hello, struct dl4c_error *err),
                         struct dl4c_error *err);
/* Again and again, at all its addresses in turn, until there is a driver, who takes the only seat. */
dl4c_status dli_tcp_find_driver(const struct dli_wait *w, const struct dli_address *to, int32_t n, struct dl4c_error *err);

/* ---- tcp_messages.c ---- */

dl4c_status dli_tcp_standing(struct dli_tcp *t, struct dl4c_error *err);
dl4c_status dli_tcp_sendrecv(void *group, const struct dl4c_message *transfers, int32_t n, void (*arrived)(void *arg, int32_t transfer),
                             void *arg, int64_t timeout_ms, struct dl4c_error *err);

#endif
