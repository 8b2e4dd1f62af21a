/* SPDX-License-Identifier: Apache-2.0 */
/* Draws labelled JPEGs: a folder a class, figures of varied place, size, turn, colour and ground, with noise. The same arguments give the
 * same bytes with the same libjpeg.
 *
 *     draw_shapes OUTDIR [--classes a|b|NAME,NAME...] [--per-class 60] [--seed 1]
 */
#define _POSIX_C_SOURCE 200809L
#include "shapes.h"

#include <errno.h>
#include <math.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <jpeglib.h>

enum { MIN_WIDTH = 96, MAX_WIDTH = 160, MIN_HEIGHT = 80, MAX_HEIGHT = 120, SAMPLES = 3, QUALITY = 88, N_BLOBS = 5 };

/* ---- random numbers ------------------------------------------------------------------------------------------- */

/* splitmix64, as Steele, Lea and Flood publish it. */
static uint64_t next(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static double uniform(uint64_t *state, double lo, double hi) { return lo + (hi - lo) * ((double)(next(state) >> 11) / 9007199254740992.0); }
static int whole(uint64_t *state, int lo, int hi) { return lo + (int)(next(state) % (uint64_t)(hi - lo + 1)); }

/* An image depends on the seed, its class's name and its number alone, not on how many others are drawn. */
static uint64_t stream(uint64_t seed, const char *name, int number)
{
    uint64_t s = seed;
    for (; *name; name++)
        s = next(&s) ^ (unsigned char)*name;
    s = next(&s) ^ (uint64_t)number;
    return next(&s);
}

/* A rotation by a random angle whose cosine is at least `lowest_cosine`: a random point of the unit disc, moved out to the circle. */
static void turn(uint64_t *state, double lowest_cosine, double *c, double *s)
{
    for (;;) {
        const double x = uniform(state, -1, 1), y = uniform(state, -1, 1), r = sqrt(x * x + y * y);
        if (r > 1 || r < 0.1 || x / r < lowest_cosine)
            continue;
        *c = x / r;
        *s = y / r;
        return;
    }
}

/* ---- one image ------------------------------------------------------------------------------------------------ */

typedef double colour[3];

static void random_colour(uint64_t *r, colour c)
{
    for (int k = 0; k < 3; k++)
        c[k] = uniform(r, 20, 235);
}

static double distance(const colour a, const colour b)
{
    double d = 0;
    for (int k = 0; k < 3; k++)
        d += (a[k] - b[k]) * (a[k] - b[k]);
    return sqrt(d);
}

/* What lies behind the figure: a gradient between two colours, a texture over it, blobs. */
struct ground {
    colour from, to;
    double gx, gy;             /* direction of the gradient */
    int texture;               /* 0 none, 1 bars, 2 checks, 3 grain in squares */
    double strength, tx, ty;   /* of the texture: amplitude and frequencies */
    uint64_t grain;
    struct {
        double x, y, rx, ry, weight;
        colour c;
    } blob[N_BLOBS];
    int n_blobs;
};

static void random_ground(uint64_t *r, const colour near_to, struct ground *g)
{
    double c, s;
    for (int k = 0; k < 3; k++) {
        g->from[k] = near_to[k] + uniform(r, -35, 35);
        g->to[k] = near_to[k] + uniform(r, -35, 35);
    }
    turn(r, -1, &c, &s);
    g->gx = c;
    g->gy = s;
    g->texture = whole(r, 0, 3);
    g->strength = uniform(r, 4, 14);
    g->tx = uniform(r, 0.02, 0.14);
    g->ty = uniform(r, -0.14, 0.14);
    g->grain = next(r);
    g->n_blobs = whole(r, 0, N_BLOBS);
    for (int i = 0; i < g->n_blobs; i++) {
        g->blob[i].x = uniform(r, 0, 1);
        g->blob[i].y = uniform(r, 0, 1);
        g->blob[i].rx = uniform(r, 0.04, 0.16);
        g->blob[i].ry = uniform(r, 0.04, 0.16);
        g->blob[i].weight = uniform(r, 0.1, 0.35);
        random_colour(r, g->blob[i].c);
    }
}

/* The texture's height at a pixel, -1 to 1. */
static double texture(const struct ground *g, int x, int y)
{
    const double u = x * g->tx + y * g->ty, v = y * g->tx - x * g->ty;
    const int bars = (int)floor(u) & 1, checks = bars ^ ((int)floor(v) & 1);
    switch (g->texture) {
    case 1: return bars ? 1 : -1;
    case 2: return checks ? 1 : -1;
    case 3: {
        uint64_t s = g->grain ^ ((uint64_t)(x / 4) << 32) ^ (uint64_t)(y / 4);
        return uniform(&s, -1, 1);
    }
    default: return 0;
    }
}

static void ground_at(const struct ground *g, int x, int y, int width, int height, colour out)
{
    const double u = (double)x / width, v = (double)y / height;
    double t = 0.5 + (u - 0.5) * g->gx + (v - 0.5) * g->gy;
    t = t < 0 ? 0 : t > 1 ? 1 : t;
    const double h = g->strength * texture(g, x, y);
    for (int k = 0; k < 3; k++)
        out[k] = g->from[k] + t * (g->to[k] - g->from[k]) + h;
    for (int i = 0; i < g->n_blobs; i++) {
        const double a = (u - g->blob[i].x) / g->blob[i].rx, b = (v - g->blob[i].y) / g->blob[i].ry;
        if (a * a + b * b <= 1)
            for (int k = 0; k < 3; k++)
                out[k] += g->blob[i].weight * (g->blob[i].c[k] - out[k]);
    }
}

struct image {
    int width, height;
    unsigned char rgb[MAX_WIDTH * MAX_HEIGHT * 3];
};

static void draw(const struct shape *shape, uint64_t state, struct image *im)
{
    uint64_t *r = &state;
    struct ground g;
    colour back, fill, fill_to, here;
    double c, s;
    im->width = whole(r, MIN_WIDTH, MAX_WIDTH);
    im->height = whole(r, MIN_HEIGHT, MAX_HEIGHT);
    random_colour(r, back);
    do
        random_colour(r, fill);
    while (distance(back, fill) < 130);
    for (int k = 0; k < 3; k++)
        fill_to[k] = fill[k] + uniform(r, -30, 30);
    random_ground(r, back, &g);
    turn(r, 0.94, &c, &s); /* 20 degrees either way */
    const double radius = uniform(r, 0.32, 0.46) * im->height, squeeze = uniform(r, 0.92, 1.08);
    const double cx = uniform(r, 0.4, 0.6) * im->width, cy = uniform(r, 0.44, 0.56) * im->height;
    const double noise = uniform(r, 2, 8);
    unsigned char *p = im->rgb;
    for (int y = 0; y < im->height; y++)
        for (int x = 0; x < im->width; x++) {
            int hits = 0;
            for (int i = 0; i < SAMPLES * SAMPLES; i++) {
                const double dx = (x + (i % SAMPLES + 0.5) / SAMPLES - cx) / (radius * squeeze);
                const double dy = (y + (double)(i / SAMPLES + 0.5) / SAMPLES - cy) * squeeze / radius;
                hits += dx * dx + dy * dy < 2 && shape->inside(c * dx + s * dy, c * dy - s * dx);
            }
            ground_at(&g, x, y, im->width, im->height, here);
            const double cover = (double)hits / (SAMPLES * SAMPLES), t = (double)y / im->height;
            for (int k = 0; k < 3; k++) {
                double v = here[k] + cover * (fill[k] + t * (fill_to[k] - fill[k]) - here[k]);
                v += noise * (uniform(r, -1, 1) + uniform(r, -1, 1));
                *p++ = (unsigned char)(v < 0 ? 0 : v > 255 ? 255 : v + 0.5);
            }
        }
}

/* ---- files ---------------------------------------------------------------------------------------------------- */

struct jpeg_error {
    struct jpeg_error_mgr mgr; /* first, so that libjpeg's pointer is this one */
    jmp_buf back;
};

static void on_jpeg_error(j_common_ptr info)
{
    (*info->err->output_message)(info);
    longjmp(((struct jpeg_error *)(void *)info->err)->back, 1);
}

static int write_jpeg(const char *path, struct image *im)
{
    struct jpeg_compress_struct c;
    struct jpeg_error e;
    FILE *f = fopen(path, "wb");
    if (!f) {
        fprintf(stderr, "draw_shapes: %s: %s\n", path, strerror(errno));
        return 1;
    }
    c.err = jpeg_std_error(&e.mgr);
    e.mgr.error_exit = on_jpeg_error;
    if (setjmp(e.back)) {
        jpeg_destroy_compress(&c);
        fclose(f);
        remove(path);
        return 1;
    }
    jpeg_create_compress(&c);
    jpeg_stdio_dest(&c, f);
    c.image_width = (JDIMENSION)im->width;
    c.image_height = (JDIMENSION)im->height;
    c.input_components = 3;
    c.in_color_space = JCS_RGB;
    jpeg_set_defaults(&c);
    jpeg_set_quality(&c, QUALITY, TRUE);
    c.dct_method = JDCT_ISLOW;
    jpeg_start_compress(&c, TRUE);
    while (c.next_scanline < c.image_height) {
        JSAMPROW row = im->rgb + (size_t)c.next_scanline * (size_t)im->width * 3;
        jpeg_write_scanlines(&c, &row, 1);
    }
    jpeg_finish_compress(&c);
    jpeg_destroy_compress(&c);
    if (fclose(f)) {
        fprintf(stderr, "draw_shapes: %s: %s\n", path, strerror(errno));
        remove(path);
        return 1;
    }
    return 0;
}

static int make_folder(const char *path)
{
    if (mkdir(path, 0777) == 0 || errno == EEXIST)
        return 0;
    fprintf(stderr, "draw_shapes: %s: %s\n", path, strerror(errno));
    return 1;
}

/* Whether a shape is in set "a" or "b", or named in a list. */
static int wanted(const struct shape *s, const char *classes)
{
    if (strlen(classes) == 1)
        return s->set == classes[0];
    const size_t n = strlen(s->name);
    for (const char *p = classes; *p; p += strcspn(p, ","), p += *p == ',')
        if (strcspn(p, ",") == n && memcmp(p, s->name, n) == 0)
            return 1;
    return 0;
}

static int usage(void)
{
    fputs("usage: draw_shapes OUTDIR [--classes a|b|NAME,NAME...] [--per-class 60] [--seed 1]\nnames:", stderr);
    for (int i = 0; i < N_SHAPES; i++)
        fprintf(stderr, " %s", shapes[i].name);
    fputc('\n', stderr);
    return 2;
}

int main(int argc, char **argv)
{
    static struct image im;
    const char *out = NULL, *classes = "b";
    long per_class = 60;
    unsigned long long seed = 1;
    for (int i = 1; i < argc; i++) {
        char *end = NULL;
        if (argv[i][0] != '-' && !out)
            out = argv[i];
        else if (i + 1 == argc)
            return usage();
        else if (strcmp(argv[i], "--classes") == 0)
            classes = argv[++i];
        else if (strcmp(argv[i], "--per-class") == 0)
            per_class = strtol(argv[++i], &end, 10);
        else if (strcmp(argv[i], "--seed") == 0)
            seed = strtoull(argv[++i], &end, 10);
        else
            return usage();
        if (end && *end)
            return usage();
    }
    if (!out || per_class < 1 || per_class > 99999)
        return usage();
    int drawn = 0;
    for (int k = 0; k < N_SHAPES; k++) {
        char path[4096];
        if (!wanted(&shapes[k], classes))
            continue;
        if (strlen(out) + 64 > sizeof path) {
            fprintf(stderr, "draw_shapes: OUTDIR is longer than %zu bytes\n", sizeof path - 64);
            return 1;
        }
        snprintf(path, sizeof path, "%s/%s", out, shapes[k].name);
        if (make_folder(out) || make_folder(path))
            return 1;
        for (int i = 0; i < (int)per_class; i++) {
            snprintf(path, sizeof path, "%s/%s/%05d.jpg", out, shapes[k].name, i);
            draw(&shapes[k], stream(seed, shapes[k].name, i), &im);
            if (write_jpeg(path, &im))
                return 1;
        }
        drawn++;
    }
    return drawn ? 0 : usage();
}
