/* SPDX-License-Identifier: Apache-2.0 */
/* Stands in for the server where the library was built without libmicrohttpd. */
#include "monitor/monitor.h"

dl4c_status dli_server_start(dl4c_monitor *monitor, const char *listen, int32_t connections, struct dl4c_error *err)
{
    (void)monitor;
    (void)connections;
    return dli_fail(err, DL4C_E_UNSUPPORTED, "monitor",
                    "%.200s cannot be served: the library was built without libmicrohttpd (Meson option monitor)", listen);
}

void dli_server_stop(struct dli_server **server) { *server = NULL; }
