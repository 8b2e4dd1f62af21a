/* SPDX-License-Identifier: Apache-2.0 */
/* Rotation and perspective as OpenCV's warpAffine and warpPerspective do them: bilinear at steps of 1/32 of a pixel in integers, black
 * outside. */
#include "image/transform.h"

#include <math.h>
#include <string.h>

enum { STEPS = 32, AFFINE_SCALE = 1024 };

static int32_t to_int(double v) { return v >= INT32_MAX ? INT32_MAX : v <= INT32_MIN ? INT32_MIN : (int32_t)lrint(v); }

static int32_t at(const dl4c_image *img, int64_t x, int64_t y, int32_t c)
{
    if (x < 0 || y < 0 || x >= img->width || y >= img->height)
        return 0;
    return img->pixels[(size_t)y * img->stride + (size_t)x * (size_t)img->channels + (size_t)c];
}

/* x and y in steps. */
static void sample(const dl4c_image *img, int32_t x, int32_t y, uint8_t *out)
{
    const int64_t x0 = x >> 5, y0 = y >> 5;
    const int32_t fx = x & 31, fy = y & 31;
    for (int32_t c = 0; c < img->channels; c++) {
        const int32_t sum = (STEPS - fy) * ((STEPS - fx) * at(img, x0, y0, c) + fx * at(img, x0 + 1, y0, c)) +
                            fy * ((STEPS - fx) * at(img, x0, y0 + 1, c) + fx * at(img, x0 + 1, y0 + 1, c));
        out[c] = (uint8_t)((sum + STEPS * STEPS / 2) / (STEPS * STEPS));
    }
}

/* m takes pixels of the result to those of img. */
static void affine(const dl4c_image *img, const double m[6], dl4c_image *out)
{
    for (int32_t y = 0; y < out->height; y++) {
        const int32_t x0 = to_int((m[1] * y + m[2]) * AFFINE_SCALE), y0 = to_int((m[4] * y + m[5]) * AFFINE_SCALE);
        uint8_t *row = out->pixels + (size_t)y * out->stride;
        for (int32_t x = 0; x < out->width; x++) { /* rounded to a step; in 64 bits, so that no scale overflows */
            const int64_t sx = ((int64_t)x0 + 16 + to_int(m[0] * x * AFFINE_SCALE)) >> 5;
            const int64_t sy = ((int64_t)y0 + 16 + to_int(m[3] * x * AFFINE_SCALE)) >> 5;
            sample(img,
                   (int32_t)(sx > INT32_MAX   ? INT32_MAX
                             : sx < INT32_MIN ? INT32_MIN
                                              : sx),
                   (int32_t)(sy > INT32_MAX   ? INT32_MAX
                             : sy < INT32_MIN ? INT32_MIN
                                              : sy),
                   row + (size_t)x * (size_t)out->channels);
        }
    }
}

dl4c_status dli_transform_rotate(const struct dli_transform_values *v, const dl4c_image *img, struct dli_draws *d, dl4c_image **out,
                                 struct dl4c_error *err)
{
    const float cy = (float)(img->height / 2) + (float)v->center_y * dli_transform_factor(v, d);
    const float cx = (float)(img->width / 2) + (float)v->center_x * dli_transform_factor(v, d);
    const float angle = (float)v->angle * dli_transform_factor(v, d), scale = 1.0f + (float)v->scale * dli_transform_factor(v, d);
    const double turn = (double)angle * 3.1415926535897932384626433832795 / 180, a = cos(turn) * (double)scale,
                 b = sin(turn) * (double)scale;
    double m[6] = { a, b, (1 - a) * (double)cx - b * (double)cy, -b, a, b * (double)cx + (1 - a) * (double)cy };
    double det = m[0] * m[4] - m[1] * m[3];
    det = det != 0 ? 1 / det : 0;
    const double first = m[4] * det, last = m[0] * det;
    m[0] = first;
    m[1] *= -det;
    m[3] *= -det;
    m[4] = last;
    const double b1 = -m[0] * m[2] - m[1] * m[5], b2 = -m[3] * m[2] - m[4] * m[5];
    m[2] = b1;
    m[5] = b2;
    DLI_TRY(dli_image_alloc(img->ctx, img->width, img->height, img->channels, out, err));
    affine(img, m, *out);
    return DL4C_OK;
}

/* Solves the n by n system a x = b, given as n rows of n + 1, by elimination with the largest pivot; false: singular. */
static bool solve(double *a, int n, double *x)
{
    const int w = n + 1;
    for (int k = 0; k < n; k++) {
        int p = k;
        for (int i = k + 1; i < n; i++)
            if (fabs(a[i * w + k]) > fabs(a[p * w + k]))
                p = i;
        if (fabs(a[p * w + k]) < 1e-12)
            return false;
        for (int j = 0; j < w; j++) {
            const double t = a[k * w + j];
            a[k * w + j] = a[p * w + j];
            a[p * w + j] = t;
        }
        for (int i = k + 1; i < n; i++) {
            const double f = a[i * w + k] / a[k * w + k];
            for (int j = k; j < w; j++)
                a[i * w + j] -= f * a[k * w + j];
        }
    }
    for (int k = n - 1; k >= 0; k--) {
        x[k] = a[k * w + n];
        for (int j = k + 1; j < n; j++)
            x[k] -= a[k * w + j] * x[j];
        x[k] /= a[k * w + k];
    }
    return true;
}

/* The map that takes the points `to` back to `from`: two rows for each pair of points. */
static bool perspective(const double from[8], const double to[8], double m[9])
{
    double a[8 * 9] = { 0 };
    for (int i = 0; i < 4; i++) {
        const double x = to[2 * i], y = to[2 * i + 1], u = from[2 * i], w = from[2 * i + 1];
        const double rows[2][9] = { { x, y, 1, 0, 0, 0, -x * u, -y * u, u }, { 0, 0, 0, x, y, 1, -x * w, -y * w, w } };
        memcpy(a + i * 9, rows[0], sizeof rows[0]);
        memcpy(a + (i + 4) * 9, rows[1], sizeof rows[1]);
    }
    m[8] = 1;
    return solve(a, 8, m);
}

dl4c_status dli_transform_warp(const struct dli_transform_values *v, const dl4c_image *img, struct dli_draws *d, dl4c_image **out,
                               struct dl4c_error *err)
{
    const double w = img->width, h = img->height, from[8] = { 0, 0, w, 0, w, h, 0, h };
    double to[8], m[9];
    for (int i = 0; i < 8; i++)
        to[i] = (double)((float)from[i] + (float)v->deltas[i] * dli_transform_factor(v, d));
    if (!perspective(from, to, m))
        return dli_fail(err, DL4C_E_INVALID, "warp", "the moved corners lie on a line");
    DLI_TRY(dli_image_alloc(img->ctx, img->width, img->height, img->channels, out, err));
    for (int32_t y = 0; y < img->height; y++)
        for (int32_t x = 0; x < img->width; x++) {
            double s = m[6] * x + m[7] * y + m[8];
            s = s != 0 ? STEPS / s : 0;
            sample(img, to_int((m[0] * x + m[1] * y + m[2]) * s), to_int((m[3] * x + m[4] * y + m[5]) * s),
                   (*out)->pixels + (size_t)y * (*out)->stride + (size_t)x * (size_t)img->channels);
        }
    return DL4C_OK;
}
