/* SPDX-License-Identifier: Apache-2.0 */
/* A folder of small drawn JPEGs in class folders. */
#define _XOPEN_SOURCE 700
#include "support/photos.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <ftw.h>
#include <jpeglib.h>
#include <sys/stat.h>
#include <unistd.h>

static void stop(const char *what)
{
    perror(what);
    exit(99);
}

void photos_dir(char *path, size_t size)
{
    const char *tmp = getenv("TMPDIR");
    snprintf(path, size, "%s/dl4c-test-XXXXXX", tmp ? tmp : "/tmp");
    if (!mkdtemp(path))
        stop(path);
}

void photos_jpeg(const char *path, int width, int height, unsigned seed)
{
    struct jpeg_compress_struct c;
    struct jpeg_error_mgr e;
    FILE *f = fopen(path, "wb");
    unsigned char *row = malloc((size_t)width * 3);
    if (!f || !row)
        stop(path);
    c.err = jpeg_std_error(&e);
    jpeg_create_compress(&c);
    jpeg_stdio_dest(&c, f);
    c.image_width = (JDIMENSION)width;
    c.image_height = (JDIMENSION)height;
    c.input_components = 3;
    c.in_color_space = JCS_RGB;
    jpeg_set_defaults(&c);
    jpeg_start_compress(&c, TRUE);
    for (int y = 0; y < height; y++) {
        for (int x = 0; x < width; x++) {
            row[3 * x] = (unsigned char)(seed * 53 + (unsigned)x * 3);
            row[3 * x + 1] = (unsigned char)(seed * 97 + (unsigned)y * 5);
            row[3 * x + 2] = (unsigned char)(seed * 31 + (unsigned)(x + y));
        }
        JSAMPROW rows[] = { row };
        jpeg_write_scanlines(&c, rows, 1);
    }
    jpeg_finish_compress(&c);
    jpeg_destroy_compress(&c);
    free(row);
    fclose(f);
}

void photos_mkdir(const char *dir, const char *name)
{
    char path[1024];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    if (mkdir(path, 0777) != 0)
        stop(path);
}

void photos_text(const char *path, const char *text)
{
    FILE *f = fopen(path, "wb");
    if (!f || fputs(text, f) < 0)
        stop(path);
    fclose(f);
}

void photos_classes(const char *dir, int n)
{
    static const char *const classes[] = { "cat", "dog", "emu" };
    for (unsigned c = 0; c < 3; c++) {
        photos_mkdir(dir, classes[c]);
        for (int i = 0; i < n; i++) {
            char path[1024];
            snprintf(path, sizeof path, "%s/%s/%d.jpg", dir, classes[c], i);
            photos_jpeg(path, 20 + 3 * i, 17 + 2 * i, c * 100 + (unsigned)i);
        }
    }
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *ftw)
{
    (void)st;
    (void)kind;
    (void)ftw;
    return remove(path);
}

void photos_remove(const char *dir) { nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS); }

unsigned char *photos_read(const char *path, size_t *size)
{
    FILE *f = fopen(path, "rb");
    if (!f)
        stop(path);
    fseek(f, 0, SEEK_END);
    const long n = ftell(f);
    rewind(f);
    unsigned char *bytes = malloc((size_t)n + 1);
    *size = fread(bytes, 1, (size_t)n, f);
    fclose(f);
    return bytes;
}
