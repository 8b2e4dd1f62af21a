/* SPDX-License-Identifier: Apache-2.0 */
/* Where the library was built without modules. */
#include "base/context.h"
#include "transport/module.h"

dl4c_status dli_module_load(dl4c_context *ctx, const char *name, struct dl4c_transport_ops *ops, void **user, void (**release)(void *user),
                            struct dl4c_error *err)
{
    return dli_fail(err, DL4C_E_UNSUPPORTED, "transport",
                    "transport \"%.20s\" is not built into this library (-D%.20s=enabled), and the host has registered none of this name",
                    name, name);
}
