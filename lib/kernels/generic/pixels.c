/* SPDX-License-Identifier: Apache-2.0 */
/* pixels.h in plain C. */
#include "kernels/kernels.h"
#include "kernels/pixels.h"

static size_t plan2(const struct dli_axis *a, size_t src_width, int32_t channels, void *plan)
{
    (void)a, (void)src_width, (void)channels, (void)plan;
    return 1; /* a block of memory there has to be */
}

static void across2(const struct dli_axis *a, const uint8_t *src, size_t src_width, int32_t channels, int16_t *dst)
{
    (void)src_width;
    for (int32_t i = 0; i < a->n; i++, dst += channels) {
        const uint8_t *s0 = src + (size_t)a->first[i] * (size_t)channels, *s1 = src + (size_t)a->last[i] * (size_t)channels;
        const int32_t w0 = a->pairs[2 * i], w1 = a->pairs[2 * i + 1];
        for (int32_t c = 0; c < channels; c++)
            dst[c] = (int16_t)((s0[c] * w0 + s1[c] * w1) >> DLI_PIXELS_TWO_CUT);
    }
}

static void down2(const int16_t *s0, const int16_t *s1, int32_t w0, int32_t w1, uint8_t *dst, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const int32_t v = (((s0[i] * w0) >> 16) + ((s1[i] * w1) >> 16) + 2) >> 2;
        dst[i] = (uint8_t)(v < 0 ? 0 : v > 255 ? 255 : v);
    }
}

static uint8_t clip(int32_t v)
{
    v >>= DLI_PIXELS_BITS;
    return (uint8_t)(v < 0 ? 0 : v > 255 ? 255 : v);
}

static void across(const struct dli_axis *a, const uint8_t *src, size_t src_width, int32_t channels, uint8_t *dst)
{
    (void)src_width;
    for (int32_t i = 0; i < a->n; i++, dst += channels) {
        const int32_t *w = a->weights + (size_t)i * (size_t)a->taps;
        const uint8_t *s = src + (size_t)a->first[i] * (size_t)channels;
        const int32_t n = a->last[i] - a->first[i] + 1;
        for (int32_t c = 0; c < channels; c++) {
            int32_t sum = 1 << (DLI_PIXELS_BITS - 1);
            for (int32_t k = 0; k < n; k++)
                sum += s[k * channels + c] * w[k];
            dst[c] = clip(sum);
        }
    }
}

static void down(const uint8_t *const *rows, const int32_t *w, int32_t taps, size_t n, uint8_t *dst)
{
    enum { BLOCK = 256 };
    for (size_t i = 0; i < n; i += BLOCK) {
        int32_t sum[BLOCK];
        const size_t m = n - i < BLOCK ? n - i : BLOCK;
        for (size_t j = 0; j < m; j++)
            sum[j] = 1 << (DLI_PIXELS_BITS - 1);
        for (int32_t k = 0; k < taps; k++)
            for (size_t j = 0; j < m; j++)
                sum[j] += rows[k][i + j] * w[k];
        for (size_t j = 0; j < m; j++)
            dst[i + j] = clip(sum[j]);
    }
}

static void to_float(const struct dli_pixel_floats *f, const uint8_t *row, size_t n, int32_t channels, float *out, size_t plane)
{
    for (int32_t k = 0; k < f->channels; k++) {
        const float *table = f->table[k];
        const uint8_t *s = row + f->from[k];
        float *y = out + (size_t)k * plane;
        for (size_t i = 0; i < n; i++)
            y[i] = table[s[i * (size_t)channels]];
    }
}

void dli_generic_init_pixels(struct dli_kernels *t)
{
    t->pixels_plan2 = plan2;
    t->pixels_across2 = across2;
    t->pixels_down2 = down2;
    t->pixels_across = across;
    t->pixels_down = down;
    t->pixels_float = to_float;
}
