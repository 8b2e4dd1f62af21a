/* SPDX-License-Identifier: Apache-2.0 */
/* Stands in for libFuzzer where a target is built without it: gives the target each file named, or each in a folder named. */
#include "fuzz.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int files;

static int replay(const char *path)
{
    FILE *f = fopen(path, "rb");
    uint8_t *bytes = NULL;
    long size = -1;
    if (f && fseek(f, 0, SEEK_END) == 0 && (size = ftell(f)) >= 0 && fseek(f, 0, SEEK_SET) == 0)
        bytes = malloc((size_t)size + 1);
    const int read = bytes && fread(bytes, 1, (size_t)size, f) == (size_t)size;
    if (f)
        fclose(f);
    if (!read) {
        fprintf(stderr, "%s cannot be read\n", path);
        free(bytes);
        return 1;
    }
    /* Exactly as long as the file, so that a sanitizer sees one byte too many. */
    uint8_t *exact = malloc(size > 0 ? (size_t)size : 1);
    if (exact && size > 0)
        memcpy(exact, bytes, (size_t)size);
    free(bytes);
    if (!exact)
        return 1;
    LLVMFuzzerTestOneInput(exact, (size_t)size);
    free(exact);
    files++;
    return 0;
}

int main(int argc, char **argv)
{
    int failed = 0;
    for (int i = 1; i < argc; i++) {
        DIR *folder = opendir(argv[i]);
        if (!folder) {
            failed |= replay(argv[i]);
            continue;
        }
        for (struct dirent *e; (e = readdir(folder));) {
            char path[4096];
            if (e->d_name[0] == '.')
                continue;
            snprintf(path, sizeof path, "%s/%s", argv[i], e->d_name);
            failed |= replay(path);
        }
        closedir(folder);
    }
    printf("%d inputs replayed\n", files);
    return failed || files == 0;
}
