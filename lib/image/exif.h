/* SPDX-License-Identifier: Apache-2.0 */
/* The orientation that EXIF and XMP blocks tell, and nothing else of them. */
#ifndef DLI_IMAGE_EXIF_H
#define DLI_IMAGE_EXIF_H

#include <stddef.h>
#include <stdint.h>

enum { DLI_EXIF_ABSENT = 0, DLI_EXIF_MALFORMED = -1 };

/* The Orientation tag of IFD 0 of a TIFF structure: 1 to 8, ABSENT where there is none (or its value means nothing: 1 then), and
 * MALFORMED where the bytes do not begin as TIFF does. */
int32_t dli_exif_orientation(const uint8_t *tiff, size_t size);

/* tiff:Orientation="6" or <tiff:Orientation>6 in an XMP packet: 1 to 8, or ABSENT. */
int32_t dli_xmp_orientation(const uint8_t *text, size_t size);

#endif
