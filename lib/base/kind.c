/* SPDX-License-Identifier: Apache-2.0 */
/* A name that no table has. */
#include "base/kind.h"

#include <stdio.h>

dl4c_status dli_kind_unknown(const char *what, bool (*entry)(int32_t i, struct dli_kind_entry *e), const char *name, struct dl4c_error *err)
{
    char known[400] = "";
    struct dli_kind_entry e;
    size_t n = 0;
    for (int32_t i = 0; n < sizeof known && entry(i, &e); i++)
        n += (size_t)snprintf(known + n, sizeof known - n, "%s%s", i ? ", " : "", e.name);
    return dli_fail(err, DL4C_E_NOTFOUND, what, "there is no %s \"%.60s\"; wanted one of %s", what, name, known);
}
