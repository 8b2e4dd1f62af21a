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
    const size_t n = strcspn(file, "/");
    if (2 * n + 2 > size) {
        *image = 0;
        return;
    }
    memcpy(image, file, n);
    image[n] = '/';
    memcpy(image + n + 1, file, n);
    image[2 * n + 1] = 0;
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

/* transforms/NAME.npy: bytes [1, c, h, w] in OpenCV's order of what a transform makes of one picture. */
static void one_transform(struct gold *g, const dl4c_image *img, const char *file, const char *step)
{
    char path[1024];
    size_t size = 0;
    struct dl4c_error err = DL4C_ERROR_INIT;
    struct dl4c_transform_options o = DL4C_TRANSFORM_OPTIONS_INIT;
    dl4c_transform *t = NULL;
    dl4c_image *out = NULL;
    o.steps = &step;
    o.n_steps = 1;
    gold_path(g, file, path, sizeof path);
    gold_mark(g, file);
    char *npy = test_read_file(path, &size);
    if (!npy || dl4c_transform_create(NULL, &o, &t, &err) != DL4C_OK || dl4c_transform_apply(t, img, 0, &out, &err) != DL4C_OK) {
        gold_fail(g, "%s: %s", file, npy ? err.message : "cannot be read");
    } else {
        const size_t w = (size_t)dl4c_image_width(out), h = (size_t)dl4c_image_height(out), c = (size_t)dl4c_image_channels(out);
        const char *data = npy + (size > w * h * c ? size - w * h * c : 0);
        size_t wrong = 0;
        for (size_t k = 0; k < c; k++)
            for (size_t y = 0; y < h; y++)
                for (size_t x = 0; x < w && size > w * h * c; x++)
                    wrong += dl4c_image_pixels_const(out)[y * dl4c_image_stride(out) + x * c + (c - 1 - k)] !=
                             (unsigned char)data[(k * h + y) * w + x];
        char shape[64];
        snprintf(shape, sizeof shape, "(1,%d,%d,%d)", (int)c, (int)h, (int)w);
        if (size <= w * h * c + 10 || !strstr(npy + 10, shape))
            gold_fail(g, "%s: its shape is not %s", file, shape);
        else if (wrong)
            gold_fail(g, "%s: %zu of %zu bytes differ", file, wrong, w * h * c);
    }
    dl4c_transform_destroy(&t);
    dl4c_image_destroy(&out);
    free(npy);
}

static void transforms(struct gold *g)
{
    static const char picture[] = "prog444_96x80.jpg/prog444_96x80.jpg";
    static const char *const steps[][2] = {
        { "transforms/flip_h.npy", "flip:mode=horizontal" },
        { "transforms/flip_v.npy", "flip:mode=vertical" },
        { "transforms/flip_both.npy", "flip:mode=both" },
        { "transforms/resize_50x37.npy", "resize:width=50,height=37" },
        { "transforms/box_120x100.npy", "box:width=120,height=100" },
        { "transforms/equalize.npy", "equalize" },
        { "transforms/color_ycrcb.npy", "color:to=ycrcb" },
    };
    char path[1024];
    size_t size = 0;
    dl4c_image *img = NULL;
    gold_path(g, picture, path, sizeof path);
    char *bytes = gold_has(g, picture) ? test_read_file(path, &size) : NULL;
    if (bytes && dl4c_image_decode(NULL, bytes, size, NULL, &img, NULL) == DL4C_OK)
        for (size_t i = 0; i < sizeof steps / sizeof *steps; i++)
            if (gold_has(g, steps[i][0]))
                one_transform(g, img, steps[i][0], steps[i][1]);
    dl4c_image_destroy(&img);
    free(bytes);
}

void gold_datavec(struct gold *g)
{
    refused(g);
    transforms(g);
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
