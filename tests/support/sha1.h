/* SPDX-License-Identifier: Apache-2.0 */
/* SHA-1 as hexadecimal text, for comparing pixels with recorded digests. */
#ifndef DLI_TESTS_SHA1_H
#define DLI_TESTS_SHA1_H

#include <stddef.h>

void sha1_hex(const void *bytes, size_t size, char hex[41]);

#endif
