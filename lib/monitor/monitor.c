/* SPDX-License-Identifier: Apache-2.0 */
/* Runs that are watched, and the server over them. */
#include "monitor/monitor.h"
#include "base/deadline.h"

#include <string.h>
#include <time.h>

enum { DEFAULT_CONNECTIONS = 64, MOST_RUNS = 256 };
/* Several pages share a look at the files; of each file so much is read in one, so that a long record keeps nobody waiting. */
enum { LOOK_NS = 200 * 1000 * 1000, LOOK_BYTES = 4 * 1024 * 1024 };

static dl4c_status check_directory(dl4c_context *ctx, const char *uri, struct dl4c_error *err)
{
    struct dl4c_fs_stat s = DL4C_FS_STAT_INIT;
    if (!uri)
        return dli_fail(err, DL4C_E_INVALID, "monitor", "the name of a run is NULL");
    DLI_TRY(dl4c_fs_stat_uri(ctx, uri, &s, err));
    if (s.kind != DL4C_FS_DIRECTORY)
        return dli_fail(err, DL4C_E_INVALID, "monitor", "%.300s is no directory, wanted the record of a training", uri);
    return DL4C_OK;
}

dl4c_status dli_monitor_create(dl4c_context *ctx, const char *const *runs, int32_t n, dl4c_monitor **out, struct dl4c_error *err)
{
    *out = NULL;
    if (n < 1 || n > MOST_RUNS || !runs)
        return dli_fail(err, DL4C_E_INVALID, "monitor", "%" PRId32 " runs are to be watched, wanted 1 to %d", n, MOST_RUNS);
    ctx = dli_context_ref(ctx, err);
    dl4c_monitor *m = ctx ? dli_calloc(ctx, 1, sizeof *m, err) : NULL;
    if (!m) {
        dli_context_unref(ctx);
        return dli_alloc_status();
    }
    m->ctx = ctx;
    m->looked_ns = INT64_MIN;
    struct timespec now = { 0 };
    timespec_get(&now, TIME_UTC);
    m->id = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
    m->records = dli_calloc(ctx, (size_t)n, sizeof *m->records, err);
    dl4c_status status = m->records ? DL4C_OK : dli_alloc_status();
    for (; m->n < n && status == DL4C_OK; m->n += status == DL4C_OK) {
        status = check_directory(ctx, runs[m->n], err);
        if (status == DL4C_OK)
            status = dli_record_create(ctx, runs[m->n], &m->records[m->n], err);
    }
    if (status != DL4C_OK)
        dl4c_monitor_close(&m);
    *out = m;
    return status;
}

dl4c_status dli_monitor_answer(dl4c_monitor *m, const char *since, struct dli_strbuf *json, struct dl4c_error *err)
{
    const int64_t now = dli_now_ns();
    bool more = false;
    for (int32_t i = 0; i < m->n; i++)
        more = more || m->records[i]->more;
    if (more || m->looked_ns == INT64_MIN || now - m->looked_ns >= LOOK_NS) {
        m->stamp++;
        for (int32_t i = 0; i < m->n; i++)
            DLI_TRY(dli_record_refresh(m->records[i], m->stamp, LOOK_BYTES, err));
        m->looked_ns = dli_now_ns();
    }
    dli_monitor_write(m, since, json);
    if (json->err.status != DL4C_OK && err)
        *err = json->err;
    return json->err.status;
}

dl4c_status dl4c_monitor_open(dl4c_context *ctx, const char *const *runs, int32_t n_runs, const struct dl4c_monitor_options *options,
                              dl4c_monitor **monitor, struct dl4c_error *err)
{
    struct dl4c_monitor_options o;
    if (!monitor)
        return dli_fail(err, DL4C_E_INVALID, "monitor", "monitor is NULL");
    *monitor = NULL;
    DLI_TRY(dli_struct_in(&o, sizeof o, options, "monitor", err));
    if (o.connections < 0 || o.connections > 4096 || o.reserved != 0)
        return dli_fail(err, DL4C_E_INVALID, "monitor", "connections is %" PRId32 ", wanted 0 to 4096; reserved must be 0", o.connections);
    DLI_TRY(dli_monitor_create(ctx, runs, n_runs, monitor, err));
    const dl4c_status status =
        dli_server_start(*monitor, o.listen ? o.listen : "127.0.0.1:0", o.connections ? o.connections : DEFAULT_CONNECTIONS, err);
    if (status != DL4C_OK)
        dl4c_monitor_close(monitor);
    return status;
}

const char *dl4c_monitor_url(const dl4c_monitor *monitor) { return monitor ? monitor->url : ""; }

void dl4c_monitor_close(dl4c_monitor **monitor)
{
    dl4c_monitor *m = monitor ? *monitor : NULL;
    if (!m)
        return;
    *monitor = NULL;
    dli_server_stop(&m->server);
    for (int32_t i = 0; i < m->n; i++)
        dli_record_destroy(&m->records[i]);
    dli_free(m->records);
    dl4c_context *ctx = m->ctx;
    dli_free(m);
    dli_context_unref(ctx);
}
