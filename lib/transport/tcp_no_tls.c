/* SPDX-License-Identifier: Apache-2.0 */
/* Where the library was built without OpenSSL. */
#include "transport/tcp.h"

dl4c_status dli_tls_create(dl4c_context *ctx, struct dli_tls **tls, struct dl4c_error *err)
{
    *tls = NULL;
    return dli_fail(err, DL4C_E_UNSUPPORTED, "tcp",
                    "this library was built without TLS (-Dtcp=enabled wants OpenSSL); tcp+plain: sends everything in the clear");
}
void dli_tls_free(struct dli_tls *tls) { (void)tls; }
dl4c_status dli_tls_open(struct dli_tls *tls, struct dli_link *link, bool server, const char *host, struct dl4c_error *err)
{
    return dli_fail(err, DL4C_E_UNSUPPORTED, "tcp", "this library was built without TLS");
}
int dli_tls_shake(struct dli_link *link) { return -1; }
ptrdiff_t dli_tls_read(struct dli_link *link, void *room, size_t n) { return LINK_BROKEN; }
ptrdiff_t dli_tls_write(struct dli_link *link, const void *bytes, size_t n) { return LINK_BROKEN; }
void dli_tls_close(struct dli_link *link) { (void)link; }
