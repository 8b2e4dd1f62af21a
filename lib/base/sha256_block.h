/* SPDX-License-Identifier: Apache-2.0 */
/* SHA-256's compression of whole blocks, in plain C and by instructions. */
#ifndef DLI_BASE_SHA256_BLOCK_H
#define DLI_BASE_SHA256_BLOCK_H

#include <stdalign.h>
#include <stddef.h>
#include <stdint.h>

extern alignas(16) const uint32_t dli_sha256_k[64]; /* the standard's constants of the rounds */

/* h: the state; p: n blocks of 64 bytes. */
void dli_sha256_blocks_c(uint32_t h[8], const uint8_t *p, size_t n);
/* Where dli_cpu_flags has DLI_CPU_SHA. */
void dli_sha256_blocks_x86(uint32_t h[8], const uint8_t *p, size_t n);

#endif
