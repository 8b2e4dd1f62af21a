/* SPDX-License-Identifier: Apache-2.0 */
/* What this build and machine are, line by line. */
#include "base/cpu.h"
#include "base/error.h"
#include "build_parts.h"

#include <stddef.h>

struct line {
    const char *name, *value;
    const char *(*ask)(void);
};

#ifdef DLI_HAVE_BLIS
#define BLIS "yes"
#else
#define BLIS "no"
#endif
#ifdef DLI_HAVE_PNG
#define PNG "yes"
#else
#define PNG "no"
#endif

#ifdef DLI_HAVE_CURL
#define CURL "yes"
#else
#define CURL "no"
#endif

#ifdef DLI_HAVE_MICROHTTPD
#define MONITOR "yes"
#else
#define MONITOR "no"
#endif

static const struct line lines[] = {
    { "version", NULL, dl4c_version_string },
    { "compiler", __VERSION__, NULL },
    { "cpu", NULL, dli_cpu_brand },
    { "kernels", NULL, dli_cpu_level },
    { "blis", BLIS, NULL },
    { "png", PNG, NULL },
    { "onnx", DLI_ONNX_FOUND, NULL },
    { "curl", CURL, NULL },
    { "hdfs", CURL, NULL }, /* WebHDFS is libcurl's HTTP */
    { "tls", DLI_TLS_FOUND, NULL },
    { "mpi", DLI_MPI_FOUND, NULL },
    { "monitor", MONITOR, NULL },
};

int32_t dl4c_build_info_count(void) { return (int32_t)(sizeof lines / sizeof *lines); }

dl4c_status dl4c_build_info(int32_t i, const char **name, const char **value, struct dl4c_error *err)
{
    if (!name || !value)
        return dli_fail(err, DL4C_E_INVALID, "build", "the place for the %s is NULL", name ? "value" : "name");
    if (i < 0 || i >= dl4c_build_info_count())
        return dli_fail(err, DL4C_E_INVALID, "build", "there is no line %" PRId32 " of the build, wanted 0 to %" PRId32, i,
                        dl4c_build_info_count() - 1);
    *name = lines[i].name;
    *value = lines[i].ask ? lines[i].ask() : lines[i].value;
    return DL4C_OK;
}
