/* SPDX-License-Identifier: Apache-2.0 */
/* Reading whole files. */
#include "support/read_file.h"

#include <stdio.h>
#include <stdlib.h>

unsigned char *read_file(const char *path, size_t *size)
{
    FILE *f = fopen(path, "rb");
    if (!f)
        return NULL;
    long n = -1;
    if (fseek(f, 0, SEEK_END) == 0)
        n = ftell(f);
    unsigned char *bytes = n >= 0 ? malloc(n > 0 ? (size_t)n : 1) : NULL;
    if (bytes && (fseek(f, 0, SEEK_SET) != 0 || fread(bytes, 1, (size_t)n, f) != (size_t)n)) {
        free(bytes);
        bytes = NULL;
    }
    fclose(f);
    *size = bytes ? (size_t)n : 0;
    return bytes;
}
