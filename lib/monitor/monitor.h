/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of dl4c_monitor: runs, what the page gets of them, and the server. */
#ifndef DLI_MONITOR_MONITOR_H
#define DLI_MONITOR_MONITOR_H

#include "base/strbuf.h"
#include "monitor/record.h"
#include <dl4c/monitor.h>

struct dli_server;

struct dl4c_monitor {
    dl4c_context *ctx;           /* a reference */
    struct dli_record **records; /* [n] */
    int32_t n;
    uint64_t id;       /* of this monitor: stamps of others mean nothing here */
    int64_t stamp;     /* of the last look at the files */
    int64_t looked_ns; /* when that was */
    struct dli_server *server;
    char url[512];
};

/* Without a server: for dl4c_monitor_open, and for tests. */
dl4c_status dli_monitor_create(dl4c_context *ctx, const char *const *runs, int32_t n_runs, dl4c_monitor **monitor, struct dl4c_error *err);
/* What is new since an answer before, as JSON: `since` is that answer's "now"; NULL, or what is none of this monitor's: everything. Looks
 * at the files where the last look was some time ago. One thread at a time. */
dl4c_status dli_monitor_answer(dl4c_monitor *monitor, const char *since, struct dli_strbuf *json, struct dl4c_error *err);

/* The same of what was seen at the last look (answer.c). */
void dli_monitor_write(const dl4c_monitor *monitor, const char *since, struct dli_strbuf *json);

/* ---- the server ---- */

/* The page, and what its script and its style hash to (Content-Security-Policy's 'sha256-...'). */
extern const unsigned char dli_monitor_page[];
extern const char dli_monitor_script_hash[], dli_monitor_style_hash[];
extern const size_t dli_monitor_page_size;

dl4c_status dli_server_start(dl4c_monitor *monitor, const char *listen, int32_t connections, struct dl4c_error *err);
/* Takes NULL; writes NULL; joins the thread. */
void dli_server_stop(struct dli_server **server);

/* "ADDRESS:PORT" or "[ADDRESS]:PORT" apart. */
dl4c_status dli_listen_parse(const char *listen, char *address, size_t size, char *port, size_t port_size, struct dl4c_error *err);
/* Whether a request's Host may be answered: an IP address, localhost, or `name`; a port after it does not matter (it may be forwarded). */
bool dli_host_allowed(const char *host, const char *name);

#endif
