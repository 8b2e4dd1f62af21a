/* SPDX-License-Identifier: Apache-2.0 */
/* SHA-256 (FIPS 180-4), for digests of shards and networks. */
#ifndef DLI_BASE_SHA256_H
#define DLI_BASE_SHA256_H

#include <stddef.h>
#include <stdint.h>

struct dli_sha256 {
    uint32_t state[8];
    uint64_t bytes;
    uint8_t block[64];
};

void dli_sha256_init(struct dli_sha256 *s);
void dli_sha256_add(struct dli_sha256 *s, const void *bytes, size_t n);
/* 64 hexadecimal digits and a NUL. */
void dli_sha256_hex(struct dli_sha256 *s, char hex[65]);

#endif
