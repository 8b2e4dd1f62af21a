/* SPDX-License-Identifier: Apache-2.0 */
/* Reading recorded cases. */
#include "support/npy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

char *test_read_file(const char *path, size_t *size)
{
    FILE *f = fopen(path, "rb");
    if (!f)
        return NULL;
    char *text = NULL;
    size_t n = 0, room = 0;
    for (;;) {
        if (room - n < 2) {
            room = room ? 2 * room : 4096;
            char *more = realloc(text, room);
            if (!more)
                break;
            text = more;
        }
        const size_t got = fread(text + n, 1, room - n - 1, f);
        n += got;
        if (got == 0)
            break;
    }
    fclose(f);
    if (text)
        text[n] = '\0';
    if (size)
        *size = n;
    return text;
}

float *test_read_npy_f32(const char *path, int64_t shape[4])
{
    size_t size;
    unsigned char *bytes = (unsigned char *)test_read_file(path, &size);
    if (!bytes)
        return NULL;
    float *values = NULL;
    const size_t header = size >= 10 ? 10u + bytes[8] + 256u * bytes[9] : SIZE_MAX;
    if (size >= 10 && memcmp(bytes, "\x93NUMPY\x01", 7) == 0 && header <= size) {
        char *text = (char *)bytes + 10;
        char *dims = strstr(text, "'shape':");
        dims = dims ? strchr(dims, '(') : NULL;
        if (dims && strstr(text, "'<f4'") && strstr(text, "'fortran_order': False")) {
            int64_t count = 1;
            for (int i = 0; i < 4; i++) {
                char *end = ++dims; /* past the parenthesis or comma */
                const long n = dims[-1] == ')' ? 0 : strtol(dims, &end, 10);
                shape[i] = end == dims ? 1 : n;
                dims = end == dims ? dims - 1 : end;
                count *= shape[i];
            }
            if (header + (size_t)count * 4 == size && (values = malloc((size_t)count * 4 + 1)) != NULL)
                memcpy(values, bytes + header, (size_t)count * 4);
        }
    }
    free(bytes);
    return values;
}
