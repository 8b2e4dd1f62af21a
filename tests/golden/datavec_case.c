/* SPDX-License-Identifier: Apache-2.0 */
/* Images as DataVec decodes and resizes them, to the bit; those that it refuses must be refused. A folder for each image, named like it. */
#include "golden/golden.h"
#include "support/recorded.h"
#include <dl4c/image.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What an array's name says of its making. */
static const char *preprocess_of(const char *array)
{
    if (strstr(array, "_vgg16"))
        return "vgg16";
    if (strstr(array, "_scale01"))
        return "scale01:order=bgr";
    return strstr(array, "centercrop") ? "dl4j:fit=dl4j-crop" : "dl4j";
}

static bool ends_with(const char *text, const char *end)
{
    const size_t n = strlen(text), m = strlen(end);
    return n >= m && strcmp(text + n - m, end) == 0;
}

/* "NAME/NAME" for a file of folder NAME. */
static void image_of(const char *file, char *image, size_t size)
{
    const int n = (int)strcspn(file, "/");
    snprintf(image, size, "%.*s/%.*s", n, file, n, file);
}

/* DL4C_E_UNSUPPORTED: a format that this library, or this build of it, does not read. */
static dl4c_status decodes(const struct gold *g, const char *image, struct dl4c_error *err)
{
    char path[1024];
    size_t size = 0;
    dl4c_image *img = NULL;
    gold_path(g, image, path, sizeof path);
    char *bytes = test_read_file(path, &size);
    const dl4c_status status = bytes ? dl4c_image_decode(NULL, (const unsigned char *)bytes, size, NULL, &img, err) : DL4C_E_IO;
    dl4c_image_destroy(&img);
    free(bytes);
    return status;
}

static void one_array(struct gold *g, const char *file)
{
    char image[600], image_path[1024], array_path[1024], why[700];
    image_of(file, image, sizeof image);
    if (!gold_has(g, image))
        return;
    gold_path(g, image, image_path, sizeof image_path);
    gold_path(g, file, array_path, sizeof array_path);
    gold_mark(g, file);
    if (test_recorded_pixels(image_path, array_path, preprocess_of(file), why, sizeof why) != 1)
        gold_fail(g, "%s: %s", file, why);
}

/* The lines of meta.txt: what shape each image has and which were refused. Arrays say the first with more words. */
static void refused(struct gold *g)
{
    char path[1024];
    gold_path(g, "meta.txt", path, sizeof path);
    char *text = test_read_file(path, NULL);
    for (char *line = text; line && *line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL) {
        char name[200], image[600], rest[64];
        struct dl4c_error err = DL4C_ERROR_INIT;
        if (sscanf(line, "%199[^\t]\t%63[^\n]", name, rest) != 2 || !strstr(rest, "FAILED"))
            continue;
        image_of(name, image, sizeof image);
        if (!gold_has(g, image))
            continue;
        gold_mark(g, image);
        if (decodes(g, image, &err) == DL4C_OK)
            gold_fail(g, "%s is decoded here, DataVec refuses it", name);
    }
    if (text)
        gold_mark(g, "meta.txt");
    free(text);
}

void gold_datavec(struct gold *g)
{
    refused(g);
    for (int i = 0; i < g->n_files; i++) {
        char image[600];
        struct dl4c_error err = DL4C_ERROR_INIT;
        image_of(g->file[i], image, sizeof image);
        if (strcmp(image, g->file[i]) != 0 || g->state[i] != GOLD_OPEN)
            continue;
        if (decodes(g, image, &err) == DL4C_E_UNSUPPORTED) {
            gold_left(g, "%s: %s", g->file[i], err.message);
            continue;
        }
        gold_mark(g, g->file[i]);
        for (int k = 0; k < g->n_files; k++)
            if (strncmp(g->file[k], image, strcspn(image, "/") + 1) == 0 && ends_with(g->file[k], ".npy"))
                one_array(g, g->file[k]);
    }
}
