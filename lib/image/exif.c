/* SPDX-License-Identifier: Apache-2.0 */
/* Bounded reading of one tag. EXIF 2.32 section 4.5; TIFF 6.0 section 2. */
#include "image/exif.h"

#include <stdbool.h>
#include <string.h>

static uint32_t get16(const uint8_t *p, bool big) { return big ? (uint32_t)p[0] << 8 | p[1] : (uint32_t)p[1] << 8 | p[0]; }

static uint32_t get32(const uint8_t *p, bool big)
{
    return big ? get16(p, big) << 16 | get16(p + 2, big) : get16(p + 2, big) << 16 | get16(p, big);
}

int32_t dli_exif_orientation(const uint8_t *tiff, size_t size)
{
    enum { ORIENTATION = 0x0112, BYTE = 1, SHORT = 3, LONG = 4, ENTRY = 12 };
    if (size < 8 || tiff[0] != tiff[1] || (tiff[0] != 'I' && tiff[0] != 'M'))
        return DLI_EXIF_MALFORMED;
    const bool big = tiff[0] == 'M';
    if (get16(tiff + 2, big) != 42 && get16(tiff + 2, !big) != 42) /* some writers swap the 42; the offsets follow the first letters */
        return DLI_EXIF_MALFORMED;
    const uint32_t ifd = get32(tiff + 4, big);
    if (ifd > size - 2)
        return DLI_EXIF_ABSENT;
    const uint32_t n = get16(tiff + ifd, big);
    const uint8_t *p = tiff + ifd + 2;
    for (uint32_t i = 0; i < n && (size_t)(tiff + size - p) >= ENTRY; i++, p += ENTRY) {
        if (get16(p, big) != ORIENTATION || get32(p + 4, big) == 0)
            continue;
        const uint32_t type = get16(p + 2, big);
        const uint32_t v = type == SHORT ? get16(p + 8, big) : type == LONG ? get32(p + 8, big) : type == BYTE ? p[8] : 1;
        return v >= 1 && v <= 8 ? (int32_t)v : 1;
    }
    return DLI_EXIF_ABSENT;
}

int32_t dli_xmp_orientation(const uint8_t *text, size_t size)
{
    static const char key[] = "tiff:Orientation";
    const size_t n = sizeof key - 1;
    const uint8_t *p = text, *end = text + size;
    while ((size_t)(end - p) > n + 2) {
        p = memchr(p, 't', (size_t)(end - p) - n - 2);
        if (!p)
            return DLI_EXIF_ABSENT;
        if (memcmp(p, key, n) == 0) {
            const uint8_t *v = p[n] == '>' ? p + n + 1 : p[n] == '=' && p[n + 1] == '"' ? p + n + 2 : NULL;
            if (v && *v >= '0' && *v <= '9')
                return *v >= '1' && *v <= '8' ? *v - '0' : 1;
        }
        p++;
    }
    return DLI_EXIF_ABSENT;
}
