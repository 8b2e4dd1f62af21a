/* SPDX-License-Identifier: Apache-2.0 */
/* dl4c version [--verbose] [--json] */
#include "cli.h"

#include <string.h>

int cmd_version(int argc, char **argv)
{
    bool verbose = false, json = false;
    const struct cli_option options[] = {
        { "--verbose", CLI_FLAG, &verbose, "CPU, kernels, BLAS in use, and which optional parts were built: HDFS, TLS, MPI ..." },
        { "--json", CLI_FLAG, &json, "one JSON object" },
        { 0 },
    };
    const int status = cli_parse(argc, argv, "version [--verbose] [--json]", options, NULL, 0, 0, NULL);
    if (status >= 0)
        return status;
    if (!verbose && !json) {
        printf("dl4c %s\n", dl4c_version_string());
        return CLI_DONE;
    }
    const int32_t n = dl4c_build_info_count();
    char precisions[256] = ""; /* which this CPU offers */
    for (int32_t p = 0; dl4c_precision_name(p); p++)
        if (dl4c_precision_check(p, NULL) == DL4C_OK)
            snprintf(precisions + strlen(precisions), sizeof precisions - strlen(precisions), "%s%s", p ? " " : "", dl4c_precision_name(p));
    for (int32_t i = 0; i <= n + 1; i++) {
        const char *name = i == n ? "gemm" : "precisions", *value = i == n ? dl4c_context_gemm(NULL) : precisions;
        if (i < n && dl4c_build_info(i, &name, &value, NULL) != DL4C_OK)
            continue;
        if (!json) {
            printf("%-10s %s\n", name, value);
            continue;
        }
        fputs(i ? ", " : "{", stdout);
        cli_json_string(stdout, name);
        fputs(": ", stdout);
        cli_json_string(stdout, value);
    }
    if (json)
        puts("}");
    return CLI_DONE;
}
