/* SPDX-License-Identifier: Apache-2.0 */
/* dl4c monitor: the web page over training runs, until a signal ends it. */
#define _POSIX_C_SOURCE 200809L
#include "cli.h"

#include <signal.h>
#include <string.h>

enum { MOST_RUNS = 256 };
#define UNSET INT64_MIN

/* Until SIGINT or SIGTERM, however they fall. */
static void wait_for_signal(void)
{
    sigset_t ends, before;
    sigemptyset(&ends);
    sigaddset(&ends, SIGINT);
    sigaddset(&ends, SIGTERM);
    sigprocmask(SIG_BLOCK, &ends, &before);
    while (!cli_cancel)
        sigsuspend(&before);
    sigprocmask(SIG_SETMASK, &before, NULL);
}

int cmd_monitor(int argc, char **argv)
{
    const char *runs[MOST_RUNS], *listen = NULL, *address = NULL;
    char text[300];
    int64_t port = UNSET;
    int n = 0;
    const struct cli_option options[] = {
        { "--listen", CLI_TEXT, &listen, "ADDRESS:PORT, 127.0.0.1:0; port 0: one that is free" },
        { "--address", CLI_TEXT, &address, "the address alone; others than 127.0.0.1 let other machines read the runs" },
        { "--port", CLI_INT, &port, "the port alone" },
        { 0 },
    };
    int status = cli_parse(argc, argv, "monitor RUN_DIR... [options]", options, runs, 1, MOST_RUNS, &n);
    if (status >= 0)
        return status;
    if (listen && (address || port != UNSET))
        return cli_usage("--listen is --address and --port in one: give either");
    if (port != UNSET && (port < 0 || port > 65535))
        return cli_usage("--port is %lld, wanted 0 to 65535", (long long)port);
    if (!listen) {
        address = address ? address : "127.0.0.1";
        const bool v6 = address[0] != '[' && strchr(address, ':');
        if (snprintf(text, sizeof text, "%s%s%s:%lld", v6 ? "[" : "", address, v6 ? "]" : "", port == UNSET ? 0LL : (long long)port) >=
            (int)sizeof text)
            return cli_usage("--address is longer than an address");
        listen = text;
    }
    if ((status = cli_begin()) >= 0)
        return status;
    struct dl4c_error err = DL4C_ERROR_INIT;
    struct dl4c_monitor_options o = DL4C_MONITOR_OPTIONS_INIT;
    dl4c_monitor *monitor = NULL;
    o.listen = listen;
    if (dl4c_monitor_open(cli.ctx, runs, n, &o, &monitor, &err) != DL4C_OK)
        return cli_fail(&err);
    printf("%s\n", dl4c_monitor_url(monitor));
    fflush(stdout); /* whoever waits for the address reads a pipe */
    wait_for_signal();
    dl4c_monitor_close(&monitor);
    return CLI_FAILED; /* main makes 130 or 143 of it */
}
