/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of the WebHDFS file system.
 *
 * A client (one a context) has an engine: a thread that drives all transfers of libcurl's multi interface, so that connections are kept
 * and shared. A call is one operation of WebHDFS from its first request to its last: to the NameNode, from there to a DataNode, and again
 * where something broke and it is worth it. Callers submit calls and wait; what a call is made of belongs to the engine in between. */
#ifndef DLI_FS_WEBHDFS_WEBHDFS_H
#define DLI_FS_WEBHDFS_WEBHDFS_H

#include "base/strbuf.h"
#include "fs/fs.h"
#include <dl4c/webhdfs.h>

#include <curl/curl.h>
#include <jansson.h>
#include <pthread.h>
#include <stdatomic.h>

enum {
    WH_NODES = 8,             /* NameNodes of a cluster */
    WH_BAD = 8,               /* DataNodes that failed one call */
    WH_MOST_JSON = 1 << 20,   /* bytes of an answer that is no list */
    WH_MOST_LIST = 64 << 20,  /* of one that is */
    WH_MOST_ERROR = 64 << 10, /* of an error's; what is longer is not read */
    WH_MOST_HEAD = 256 << 10, /* of the lines before its body */
    WH_WINDOW = 1 << 20,      /* what is read at once where less is asked for */
    WH_RING = 4 << 20         /* what waits for the reader where a file is read on and on */
};

struct dli_webhdfs;

/* ---- where a URI points ---- */

/* The NameNodes of an authority, and what was learnt of them. Lives as long as the client; what is not const is the engine's. */
struct dli_wh_cluster {
    struct dli_wh_cluster *next;
    char *name; /* scheme://authority */
    bool tls;
    int32_t n_nodes;
    char *node[WH_NODES]; /* "host:port" */
    int32_t active;       /* whom to ask first */
    bool answered;        /* one of them, once */
    bool negotiate;       /* they want SPNEGO */
    char *cookie;         /* that replaces it; NULL: none */
    char *excluded;       /* DataNodes that do not answer, as excludedatanodes wants them; NULL: none */
    int64_t excluded_until_ns;
};

struct dli_wh_target {
    struct dli_wh_cluster *cluster;
    char *path;     /* decoded: "/" or "/a/b" */
    char *identity; /* "&user.name=alice", encoded; may hold a token */
};
struct dli_wh_scheme;
dl4c_status dli_wh_target_open(const struct dli_wh_scheme *s, const char *authority, const char *path, struct dli_wh_target *t,
                               struct dl4c_error *err);
void dli_wh_target_free(struct dli_wh_target *t);
void dli_wh_clusters_free(struct dli_webhdfs *w);

/* text[0..n) with %XX for all that is no letter, digit or one of "-._~" and `also`. */
void dli_wh_encode(struct dli_strbuf *b, const char *text, size_t n, const char *also);
/* In place; false where % is not followed by two digits, or by 00. */
bool dli_wh_decode(char *text);
/* "host:port", "[v6]:port", without the port `port` is meant; into out ("host:port"). */
dl4c_status dli_wh_node_parse(dl4c_context *ctx, const char *text, size_t n, int32_t port, char **out, struct dl4c_error *err);

/* ---- bodies that are sent ---- */

/* Bytes to send: the caller's, or in chunks that a writer adds and the engine takes. All under the client's lock. */
struct dli_wh_body {
    const char *bytes; /* the caller's; NULL: chunks */
    size_t size;       /* of them */
    char **chunk;
    size_t n_chunks, capacity;
    size_t first;       /* chunks before it are sent and gone */
    size_t last_size;   /* bytes of the last chunk; the others are full */
    size_t at, at_byte; /* next to send: chunk and byte */
    size_t from, from_byte; /* where the call began: what is before is stored */
    bool whole;         /* nothing will be added */
    bool failed;        /* nobody takes them any more */
    bool paused;        /* the engine waits for more */
    bool begun;         /* some were taken since the last rewind */
};
enum {
    WH_CHUNK = 1 << 20,
    WH_WHOLE = 8,   /* chunks that are gathered before anything is sent */
    WH_BEHIND = 12, /* kept when they were sent: the connection's two ends may hold 10 MiB, which are lost where it breaks */
    WH_AHEAD = 4    /* waiting to be sent */
};

/* Takes up to n bytes; CURL_READFUNC_PAUSE where more will come. */
size_t dli_wh_body_take(struct dli_wh_body *b, char *to, size_t n);
bool dli_wh_body_rewind(struct dli_wh_body *b);        /* false: the first bytes are gone */
int64_t dli_wh_body_left(const struct dli_wh_body *b); /* -1: not known yet */

/* ---- bodies that come ---- */

/* Bytes that the engine has put and a reader will take: one of each. All but the bytes under the client's lock. */
struct dli_wh_ring {
    char *bytes;     /* [WH_RING] */
    size_t at, fill; /* the first one that waits, and how many do */
    size_t wanted;   /* with fewer the reader is not woken: every waking costs more than many bytes */
    bool paused;     /* the engine waits for room */
};

/* ---- calls ---- */

enum {
    WH_ONE,
    /* the NameNode answers, in JSON */ WH_ASK,
    /* a DataNode does */ WH_READ,
    /* a DataNode sends bytes */ WH_WRITE /* takes bytes */
};
enum { WH_STEP_NODE, WH_STEP_DATA, WH_STEP_LOOKUP };
enum { WH_QUEUED, WH_RUNNING, WH_WAITING, WH_DONE };

struct dli_wh_call {
    struct dli_webhdfs *w;
    struct dli_wh_call *next;
    /* The caller's, before it is submitted. */
    struct dli_wh_cluster *cluster;
    char *path, *identity; /* own */
    const char *shown;     /* the path in messages: of a temporary file the final one, borrowed; else path */
    const char *method, *op;
    char *extra; /* "&recursive=true", encoded; NULL: none; own */
    int32_t kind;
    bool once;              /* not again once the server may have begun */
    bool patient;           /* again while somebody else writes the file */
    size_t most;            /* bytes of the answer */
    int64_t offset, length; /* WH_READ; length -1: to the end */
    bool exact;             /* WH_READ: fewer than length is a failure */
    char *to;               /* WH_READ: room for length where it is borrowed, else own memory that grows to most bytes */
    struct dli_wh_ring *ring; /* WH_READ: where the bytes go instead of `to`; NULL: there */
    struct dli_wh_body *body;
    /* Asked on the engine's thread when it succeeded: *more: c has become the next operation, which is begun. NULL: it is done. */
    dl4c_status (*then)(struct dli_wh_call *c, bool *more, struct dl4c_error *err);
    int64_t stored;    /* for then: how many bytes there must be, */
    char *destination; /* and what the parameters of RENAME are; own */
    struct dli_wh_call *beside; /* for then: what reads the file meanwhile; it is there until this one is cancelled */
    bool borrowed;    /* to, ring or body are the caller's: dli_wh_call_free waits until the engine has let go */
    bool submitted;   /* dli_wh_submit's */
    int64_t retry_ms; /* after which a failure is final */
    /* The engine's. */
    int32_t state, step, node, n_running;
    CURL *easy;
    struct curl_slist *headers, *connect_to;
    char words[CURL_ERROR_SIZE];
    char at[300]; /* "host:port" of the exchange under way */
    char *location, *cookie;
    int64_t retry_after_ms;
    bool negotiate_offered, negotiated, has_length, broken, clean, excluded_sent, want_lookup, to_itself;
    struct dli_strbuf reply;
    int64_t start_ns, again_ns, give_up_ns, window_ns, moved, head;
    int32_t rounds, nodes_failed, data_failed, n_sent;
    int64_t got_before;
    char *bad[WH_BAD];
    int32_t n_bad;
    bool repeated; /* an earlier try may have been carried out */
    /* What came of it: the caller's once it is done. */
    dl4c_status status;
    struct dl4c_error err;
    char name[64]; /* of the RemoteException; "" */
    int64_t got;   /* WH_READ */
    size_t capacity;
    /* Under the client's lock. */
    bool done, cancelled, orphan;
    pthread_cond_t changed;
    char note[200]; /* for the log; "" */
};

/* What it takes of t is copied. NULL: no memory. */
struct dli_wh_call *dli_wh_call_new(struct dli_webhdfs *w, const struct dli_wh_target *t, const char *method, const char *op,
                                    struct dl4c_error *err);
dl4c_status dli_wh_submit(struct dli_wh_call *c, struct dl4c_error *err);
/* Until it is done, or as many bytes as are wanted wait in its ring. BUSY: not within timeout_ms (negative: no limit). CANCELLED: the
 * thread's flag; the call goes on until dli_wh_call_free. */
dl4c_status dli_wh_wait(struct dli_wh_call *c, int64_t timeout_ms, struct dl4c_error *err);
/* Submits and waits to the end, also where it is cancelled. */
dl4c_status dli_wh_run(struct dli_wh_call *c, struct dl4c_error *err);
/* Ends one under way without waiting, where its memory is its own; waits for the engine where it is the caller's. */
void dli_wh_call_free(struct dli_wh_call *c);
/* The answer as JSON, an object; the caller's (json_decref). */
dl4c_status dli_wh_json(const struct dli_wh_call *c, json_t **root, struct dl4c_error *err);

/* The next n bytes of the ring of a call that was submitted; to NULL: they are left out. *taken: as many as there were, also where it
 * fails. */
dl4c_status dli_wh_ring_take(struct dli_wh_call *c, char *to, size_t n, size_t *taken, struct dl4c_error *err);
/* The next bytes where they lie, at least one and at most `most`; they stay there until dli_wh_ring_drop. */
dl4c_status dli_wh_ring_lend(struct dli_wh_call *c, size_t most, const void **bytes, size_t *n, struct dl4c_error *err);
void dli_wh_ring_drop(struct dli_wh_call *c, size_t n); /* the first n that wait */

/* ---- the engine's side of a call: call.c, exchange.c, answer.c, stream.c ---- */

bool dli_wh_ring_put(struct dli_wh_call *c, const char *bytes, size_t n); /* false: there is no room, and the engine waits for it */
bool dli_wh_ring_resumes(struct dli_wh_ring *r);                          /* under the lock: there is room again */
bool dli_wh_ring_enough(const struct dli_wh_ring *r);                     /* under the lock: as many wait as the reader wants */

void dli_wh_start(struct dli_wh_call *c);                 /* the next request */
void dli_wh_finished(struct dli_wh_call *c, CURLcode rc); /* what libcurl says of the last */
void dli_wh_fail(struct dli_wh_call *c, dl4c_status status);
void dli_wh_tick(struct dli_wh_call *c, int64_t now); /* cancelled, late, stalled? */
bool dli_wh_exchange(struct dli_wh_call *c, const char *url, bool body, bool credentials);
void dli_wh_exchange_end(struct dli_wh_call *c);
/* What a refusal means: fills c->name, c->status and c->err. */
void dli_wh_refusal(struct dli_wh_call *c, long code);
/* A Location that may be followed: c->location checked against the call; fills c->at. */
dl4c_status dli_wh_follow(struct dli_wh_call *c, bool *same, struct dl4c_error *err);
/* The answer to the question where DataNodes lie: the bad ones among them as excludedatanodes wants them, NULL: none found. */
char *dli_wh_excluded(const struct dli_wh_call *c);

/* ---- what the engine waits for: sockets.c ---- */

struct dli_wh_sockets {
    int epoll, news;
    int64_t due_ns;      /* when libcurl wants to be called; INT64_MAX: not by the clock */
    _Atomic bool called; /* by somebody who has news */
};
dl4c_status dli_wh_sockets_open(struct dli_webhdfs *w, struct dl4c_error *err); /* and w->multi */
void dli_wh_sockets_close(struct dli_webhdfs *w);
/* Until something happened, or until_ns (INT64_MAX: no end), and lets libcurl do what is to be done. Whether somebody called. */
bool dli_wh_sockets_wait(struct dli_webhdfs *w, int64_t until_ns);

/* ---- the client ---- */

struct dli_wh_settings {
    char *user, *doas, *token, *ca_file, *cert_file, *key_file, *key_password, *datanodes; /* NULL: not given */
    int64_t connect_ms, stall_ms, retry_ms;
    int32_t most_running;
    uint64_t flags;
};

struct dli_webhdfs {
    dl4c_context *ctx; /* borrowed: the client lives in its registry */
    pthread_mutex_t lock;
    struct dli_wh_cluster *clusters;
    struct dli_wh_settings settings;
    int32_t refs; /* of the schemes registered */
    /* The engine. */
    pthread_t thread;
    int64_t pid; /* of the process that has the thread; 0: not started */
    bool stopping;
    CURLM *multi;
    struct dli_wh_sockets sockets;
    struct dli_wh_call *submitted, **submitted_end;
    struct dli_wh_call *calls; /* the engine's */
    int32_t n_running;
    uint64_t jitter;
    CURL *spare[16];
    int32_t n_spare;
};

struct dli_wh_scheme { /* what the registry has as the user pointer */
    struct dli_webhdfs *w;
    const char *name;
    bool tls;
    bool rpc; /* hdfs://: a port is the one of Hadoop's own protocol, and the web's is found otherwise */
};

void dli_wh_stop(struct dli_webhdfs *w);
void dli_wh_wake(struct dli_webhdfs *w);
void dli_wh_settings_free(struct dli_wh_settings *s);

/* Members of the vtable; user is a struct dli_wh_scheme. */
dl4c_status dli_wh_open_read(void *user, const char *authority, const char *path, void **file, int64_t *size, struct dl4c_error *err);
dl4c_status dli_wh_read_at(void *user, void *file, int64_t offset, void *to, size_t size, size_t *got, struct dl4c_error *err);
dl4c_status dli_wh_lend(void *file, int64_t offset, size_t most, const void **bytes, size_t *n, struct dl4c_error *err);
void dli_wh_close_read(void *user, void *file);
dl4c_status dli_wh_load_start(void *user, const char *authority, const char *path, int64_t size, int64_t limit, void **load,
                              struct dl4c_error *err);
dl4c_status dli_wh_load_wait(void *user, void *load, int64_t timeout_ms, const void **bytes, size_t *size, struct dl4c_error *err);
void dli_wh_load_end(void *user, void *load);
dl4c_status dli_wh_create(void *user, const char *authority, const char *path, void **file, struct dl4c_error *err);
dl4c_status dli_wh_write(void *user, void *file, const void *bytes, size_t size, struct dl4c_error *err);
dl4c_status dli_wh_commit(void *user, void *file, struct dl4c_error *err);
void dli_wh_abandon(void *user, void *file);
dl4c_status dli_wh_append(void *user, const char *authority, const char *path, const void *bytes, size_t size, struct dl4c_error *err);
dl4c_status dli_wh_stat(void *user, const char *authority, const char *path, struct dl4c_fs_stat *out, struct dl4c_error *err);
dl4c_status dli_wh_list(void *user, const char *authority, const char *path, dl4c_fs_list_fn fn, void *arg, struct dl4c_error *err);
dl4c_status dli_wh_list_page(void *user, const char *authority, const char *path, const char *after, int32_t most, dl4c_fs_list_fn fn,
                             void *arg, int32_t *more, struct dl4c_error *err);
dl4c_status dli_wh_mkdir(void *user, const char *authority, const char *path, struct dl4c_error *err);
dl4c_status dli_wh_rename(void *user, const char *authority, const char *from, const char *to, struct dl4c_error *err);
dl4c_status dli_wh_remove(void *user, const char *authority, const char *path, struct dl4c_error *err);
dl4c_status dli_wh_remove_all(void *user, const char *authority, const char *path, struct dl4c_error *err);
dl4c_status dli_wh_checksum(void *user, const char *authority, const char *path, struct dl4c_fs_checksum *out, struct dl4c_error *err);
dl4c_status dli_wh_summarize(void *user, const char *authority, const char *path, struct dl4c_fs_summary *out, struct dl4c_error *err);
dl4c_status dli_wh_change(void *user, const char *authority, const char *path, const struct dl4c_fs_change *change, struct dl4c_error *err);
dl4c_status dli_wh_concat(void *user, const char *authority, const char *path, const char *const *sources, int32_t n,
                          struct dl4c_error *err);
dl4c_status dli_wh_truncate(void *user, const char *authority, const char *path, int64_t size, struct dl4c_error *err);

/* Shared by reading, writing and names. */
dl4c_status dli_wh_status(struct dli_webhdfs *w, const struct dli_wh_target *t, struct dl4c_fs_stat *out, struct dl4c_error *err);
dl4c_status dli_wh_status_of(const struct dli_wh_call *c, struct dl4c_fs_stat *out, struct dl4c_error *err); /* from a call that is done */
/* done: a RENAME that has been tried and is over; NULL: none. */
dl4c_status dli_wh_move(struct dli_webhdfs *w, const struct dli_wh_target *from, const char *to, const struct dli_wh_call *done,
                        struct dl4c_error *err);
dl4c_status dli_wh_move_words(struct dli_webhdfs *w, const char *to, char **out, struct dl4c_error *err); /* the parameters of RENAME */
dl4c_status dli_wh_delete(struct dli_webhdfs *w, const struct dli_wh_target *t, bool *was, struct dl4c_error *err);

#endif
