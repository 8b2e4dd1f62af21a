/* SPDX-License-Identifier: Apache-2.0 */
/* Stands in for HTTP where the library was built without libcurl. */
#include "fetch/fetch.h"

dl4c_status dli_http_get(const struct dli_http *h, struct dl4c_error *err)
{
    return dli_fail(err, DL4C_E_UNSUPPORTED, "fetch", "%.300s cannot be fetched: the library was built without libcurl (Meson option curl)",
                    h->url);
}
