/* SPDX-License-Identifier: Apache-2.0 */
/* dl4c worker: joins a training that another process leads, until it is over. */
#include "cli.h"

int cmd_worker(int argc, char **argv)
{
    const char *url = NULL, *features = NULL;
    double join_timeout = 60, worker_timeout = 10;
    const struct cli_option options[] = {
        { "--features", CLI_TEXT, &features, "a copy of the store that is trained on; where the leader has it" },
        { "--join-timeout", CLI_NUMBER, &join_timeout, "seconds to wait for a training, also after its leader was lost; 60" },
        { "--worker-timeout", CLI_NUMBER, &worker_timeout, "seconds of silence after which the leader is lost; 10" },
        { 0 },
    };
    int status = cli_parse(argc, argv, "worker tcp://HOST:PORT [options]", options, &url, 1, 1, NULL);
    if (status >= 0)
        return status;
    if (!(join_timeout >= 0.001 && join_timeout < 1e9) || !(worker_timeout >= 0.001 && worker_timeout < 1e9))
        return cli_usage("--join-timeout and --worker-timeout must be at least 0.001");
    if ((status = cli_begin()) >= 0)
        return status;
    struct dl4c_error err = DL4C_ERROR_INIT;
    struct dl4c_worker_options o = DL4C_WORKER_OPTIONS_INIT;
    o.join_timeout_ms = (int64_t)(join_timeout * 1000 + 0.5);
    o.worker_timeout_ms = (int64_t)(worker_timeout * 1000 + 0.5);
    o.cancel = &cli_cancel;
    o.features = features;
    return dl4c_worker_run(cli.ctx, url, &o, &err) == DL4C_OK ? CLI_DONE : cli_fail(&err);
}
