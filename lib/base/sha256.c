/* SPDX-License-Identifier: Apache-2.0 */
/* SHA-256: the padding, and the compression in plain C. */
#include "base/sha256.h"

#include "base/cpu.h"
#include "base/sha256_block.h"

#include <string.h>

alignas(16) const uint32_t dli_sha256_k[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5, 0xd807aa98, 0x12835b01, 0x243185be,
    0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa,
    0x5cb0a9dc, 0x76f988da, 0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967, 0x27b70a85,
    0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3,
    0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070, 0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f,
    0x682e6ff3, 0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
};

static inline uint32_t turn(uint32_t x, int n) { return x >> n | x << (32 - n); }

/* One round; the caller turns the names of the state's words instead of moving their values. */
#define ROUND(a, b, c, d, e, f, g, h, i)                                                                                                   \
    do {                                                                                                                                   \
        const uint32_t t = h + (turn(e, 6) ^ turn(e, 11) ^ turn(e, 25)) + (g ^ (e & (f ^ g))) + dli_sha256_k[i] + w[(i) % 16];             \
        d += t;                                                                                                                            \
        h = t + (turn(a, 2) ^ turn(a, 13) ^ turn(a, 22)) + ((a & b) | (c & (a | b)));                                                      \
    } while (0)

static void compress(uint32_t s[8], const uint8_t *p)
{
    uint32_t w[16]; /* the last sixteen words of the schedule, round after round in the same places */
    uint32_t a = s[0], b = s[1], c = s[2], d = s[3], e = s[4], f = s[5], g = s[6], h = s[7];
    for (int i = 0; i < 16; i++)
        w[i] = (uint32_t)p[4 * i] << 24 | (uint32_t)p[4 * i + 1] << 16 | (uint32_t)p[4 * i + 2] << 8 | p[4 * i + 3];
    for (int i = 0; i < 64; i += 16) {
        for (int j = 0; i > 0 && j < 16; j++) {
            const uint32_t x = w[(j + 1) % 16], y = w[(j + 14) % 16];
            w[j] += (turn(x, 7) ^ turn(x, 18) ^ x >> 3) + w[(j + 9) % 16] + (turn(y, 17) ^ turn(y, 19) ^ y >> 10);
        }
        for (int j = i; j < i + 16; j += 8) {
            ROUND(a, b, c, d, e, f, g, h, j);
            ROUND(h, a, b, c, d, e, f, g, j + 1);
            ROUND(g, h, a, b, c, d, e, f, j + 2);
            ROUND(f, g, h, a, b, c, d, e, j + 3);
            ROUND(e, f, g, h, a, b, c, d, j + 4);
            ROUND(d, e, f, g, h, a, b, c, j + 5);
            ROUND(c, d, e, f, g, h, a, b, j + 6);
            ROUND(b, c, d, e, f, g, h, a, j + 7);
        }
    }
    s[0] += a;
    s[1] += b;
    s[2] += c;
    s[3] += d;
    s[4] += e;
    s[5] += f;
    s[6] += g;
    s[7] += h;
}

void dli_sha256_blocks_c(uint32_t h[8], const uint8_t *p, size_t n)
{
    for (; n > 0; n--, p += 64)
        compress(h, p);
}

static void blocks(uint32_t h[8], const uint8_t *p, size_t n)
{
    if (dli_cpu_flags() & DLI_CPU_SHA)
        dli_sha256_blocks_x86(h, p, n);
    else
        dli_sha256_blocks_c(h, p, n);
}

void dli_sha256_init(struct dli_sha256 *s)
{
    static const uint32_t start[8] = { 0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19 };
    memcpy(s->state, start, sizeof start);
    s->bytes = 0;
}

void dli_sha256_add(struct dli_sha256 *s, const void *bytes, size_t n)
{
    const uint8_t *p = bytes;
    size_t held = s->bytes % 64;
    s->bytes += n;
    if (held > 0) {
        const size_t take = n < 64 - held ? n : 64 - held;
        memcpy(s->block + held, p, take);
        if (held + take < 64)
            return;
        blocks(s->state, s->block, 1);
        p += take;
        n -= take;
    }
    blocks(s->state, p, n / 64);
    p += n / 64 * 64;
    n %= 64;
    if (n > 0)
        memcpy(s->block, p, n);
}

void dli_sha256_hex(struct dli_sha256 *s, char hex[65])
{
    static const char digits[] = "0123456789abcdef";
    const uint64_t bits = s->bytes * 8;
    const uint8_t one = 0x80, zero = 0;
    uint8_t length[8];
    dli_sha256_add(s, &one, 1);
    while (s->bytes % 64 != 56)
        dli_sha256_add(s, &zero, 1);
    for (int i = 0; i < 8; i++)
        length[i] = (uint8_t)(bits >> (56 - 8 * i));
    dli_sha256_add(s, length, 8);
    for (int i = 0; i < 32; i++) {
        const uint8_t byte = (uint8_t)(s->state[i / 4] >> (24 - 8 * (i % 4)));
        hex[2 * i] = digits[byte >> 4];
        hex[2 * i + 1] = digits[byte & 15];
    }
    hex[64] = '\0';
}
