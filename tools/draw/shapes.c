/* SPDX-License-Identifier: Apache-2.0 */
/* Twenty figures: set b is the demo's, set a is what the demo's network was trained on. */
#include "shapes.h"

#include <math.h>

typedef double point[2];

/* Whether a ray to the right crosses the outline an odd number of times. */
static bool in_polygon(const point *p, int n, double x, double y)
{
    bool in = false;
    for (int i = 0, k = n - 1; i < n; k = i++)
        if ((p[i][1] > y) != (p[k][1] > y) && x < (p[k][0] - p[i][0]) * (y - p[i][1]) / (p[k][1] - p[i][1]) + p[i][0])
            in = !in;
    return in;
}

/* Whether a point is within `width` of a line of n points. */
static bool on_line(const point *p, int n, double width, double x, double y)
{
    for (int i = 0; i + 1 < n; i++) {
        const double dx = p[i + 1][0] - p[i][0], dy = p[i + 1][1] - p[i][1];
        double t = ((x - p[i][0]) * dx + (y - p[i][1]) * dy) / (dx * dx + dy * dy);
        t = t < 0 ? 0 : t > 1 ? 1 : t;
        const double ex = x - p[i][0] - t * dx, ey = y - p[i][1] - t * dy;
        if (ex * ex + ey * ey <= width * width)
            return true;
    }
    return false;
}

#define COUNT(a) ((int)(sizeof(a) / sizeof(a)[0]))
#define POLYGON(name, ...)                                                                                                                 \
    static bool name(double x, double y)                                                                                                   \
    {                                                                                                                                      \
        static const point p[] = { __VA_ARGS__ };                                                                                          \
        return in_polygon(p, COUNT(p), x, y);                                                                                              \
    }
#define LINE(name, width, ...)                                                                                                             \
    static bool name(double x, double y)                                                                                                   \
    {                                                                                                                                      \
        static const point p[] = { __VA_ARGS__ };                                                                                          \
        return on_line(p, COUNT(p), width, x, y);                                                                                          \
    }

static bool box(double x, double y, double x0, double y0, double x1, double y1) { return x >= x0 && x <= x1 && y >= y0 && y <= y1; }

/* ---- set b ---------------------------------------------------------------------------------------------------- */

POLYGON(arrow, { 0, -0.95 }, { 0.62, -0.1 }, { 0.24, -0.1 }, { 0.24, 0.9 }, { -0.24, 0.9 }, { -0.24, -0.1 }, { -0.62, -0.1 })
static bool circle(double x, double y) { return x * x + y * y <= 0.85 * 0.85; }
static bool crescent(double x, double y) { return x * x + y * y <= 0.92 * 0.92 && (x - 0.4) * (x - 0.4) + y * y > 0.74 * 0.74; }
static bool cross(double x, double y) { return box(x, y, -0.26, -0.9, 0.26, 0.9) || box(x, y, -0.9, -0.26, 0.9, 0.26); }
static bool heart(double x, double y)
{
    const double u = 1.25 * x, v = 0.12 - 1.25 * y, a = u * u + v * v - 1;
    return a * a * a - u * u * v * v * v <= 0;
}
POLYGON(hourglass, { -0.7, -0.9 }, { 0.7, -0.9 }, { 0.14, 0 }, { 0.7, 0.9 }, { -0.7, 0.9 }, { -0.14, 0 })
static bool ring(double x, double y)
{
    const double r = x * x + y * y;
    return r <= 0.9 * 0.9 && r >= 0.52 * 0.52;
}
static bool square(double x, double y) { return box(x, y, -0.72, -0.72, 0.72, 0.72); }
POLYGON(star, { 0, -1 }, { 0.229, -0.315 }, { 0.951, -0.309 }, { 0.371, 0.12 }, { 0.588, 0.809 }, { 0, 0.39 }, { -0.588, 0.809 },
        { -0.371, 0.12 }, { -0.951, -0.309 }, { -0.229, -0.315 })
POLYGON(triangle, { 0, -0.95 }, { 0.9, 0.62 }, { -0.9, 0.62 })

/* ---- set a ---------------------------------------------------------------------------------------------------- */

POLYGON(diamond, { 0, -0.98 }, { 0.58, 0 }, { 0, 0.98 }, { -0.58, 0 })
static bool dots(double x, double y)
{
    if (!box(x, y, -0.9, -0.9, 0.9, 0.9))
        return false;
    const double u = fmod(x + 0.9, 0.6) - 0.3, v = fmod(y + 0.9, 0.6) - 0.3;
    return u * u + v * v <= 0.21 * 0.21;
}
static bool ellipse(double x, double y) { return x * x / (0.95 * 0.95) + y * y / (0.5 * 0.5) <= 1; }
static bool grid(double x, double y)
{
    return box(x, y, -0.86, -0.86, 0.86, 0.86) && (fmod(x + 0.86, 0.5) <= 0.22 || fmod(y + 0.86, 0.5) <= 0.22);
}
static bool letter_l(double x, double y) { return box(x, y, -0.6, -0.9, -0.14, 0.9) || box(x, y, -0.6, 0.44, 0.66, 0.9); }
static bool letter_t(double x, double y) { return box(x, y, -0.8, -0.85, 0.8, -0.4) || box(x, y, -0.23, -0.85, 0.23, 0.9); }
POLYGON(pentagon, { 0, -0.95 }, { 0.904, -0.294 }, { 0.558, 0.769 }, { -0.558, 0.769 }, { -0.904, -0.294 })
LINE(spiral, 0.13, { 0, 0 }, { 0.16, 0.1 }, { 0.08, 0.3 }, { -0.18, 0.3 }, { -0.38, 0.06 }, { -0.32, -0.28 }, { 0, -0.5 }, { 0.4, -0.42 },
     { 0.68, -0.06 }, { 0.64, 0.42 }, { 0.3, 0.78 }, { -0.2, 0.86 }, { -0.64, 0.62 }, { -0.86, 0.16 })
static bool stripes(double x, double y) { return box(x, y, -0.8, -0.86, 0.8, 0.86) && fmod(y + 0.86, 0.5) <= 0.23; }
LINE(zigzag, 0.15, { -0.85, 0.4 }, { -0.43, -0.4 }, { 0, 0.4 }, { 0.43, -0.4 }, { 0.85, 0.4 })

const struct shape shapes[N_SHAPES] = {
    { "arrow", 'b', arrow },       { "circle", 'b', circle }, { "crescent", 'b', crescent }, { "cross", 'b', cross },
    { "heart", 'b', heart },       { "hourglass", 'b', hourglass }, { "ring", 'b', ring }, { "square", 'b', square },
    { "star", 'b', star },         { "triangle", 'b', triangle }, { "diamond", 'a', diamond }, { "dots", 'a', dots },
    { "ellipse", 'a', ellipse },   { "grid", 'a', grid },     { "letter_l", 'a', letter_l }, { "letter_t", 'a', letter_t },
    { "pentagon", 'a', pentagon }, { "spiral", 'a', spiral }, { "stripes", 'a', stripes },   { "zigzag", 'a', zigzag },
};
