/* SPDX-License-Identifier: Apache-2.0 */
/* pixels.h with AVX2. Only three channels side by side get loops of their own across a row: grey images are rare. */
#include "kernels/pixels.h"
#include "kernels/x86/avx2/init.h"

#include <immintrin.h>
#include <stdbool.h>
#include <string.h>

static int32_t load32(const void *p)
{
    int32_t v;
    memcpy(&v, p, sizeof v);
    return v;
}

/* The two taps of a value as near * 128 + ((near - far) * -weight >> 4), near being the one with the larger weight: the same bits as
 * (first * pair[0] + last * pair[1]) >> 4 where a pair's weights sum up to 2048, and short enough for 16-bit lanes: the weight of far is
 * at most 1024, so that -weight << 5 fits, and the upper half of its product with (near - far) << 7 is what is wanted. */
enum { PER_GROUP = 4 };

struct group {               /* PER_GROUP pixels of 3 values */
    int32_t from[PER_GROUP]; /* bytes of the row: 8 are read from each on */
    uint8_t index[2][16];    /* near and far of each value of two pixels, whose 8 bytes lie side by side */
    int16_t weight[2][8];    /* of far, negated and shifted */
};

struct plan {
    int32_t groups; /* from the left; the pixels right of them are done in plain C */
    int32_t reserved[15];
    struct group group[];
};

size_t dli_avx2_plan2(const struct dli_axis *a, size_t src_width, int32_t channels, void *memory)
{
    struct plan *plan = memory;
    int32_t n = channels == 3 ? a->n - 1 : 0;
    /* 16 bytes are written for two pixels of 12, and 8 read of one and its neighbour: up to the last output, and while they lie in the
     * row. */
    while (n > 0 && (size_t)a->first[n - 1] * 3 + 8 > src_width * 3)
        n--;
    for (int32_t i = 0; i < n; i++)
        if (a->pairs[2 * i] + a->pairs[2 * i + 1] != 1 << DLI_PIXELS_TWO_BITS)
            n = 0;
    const size_t size = sizeof *plan + (size_t)(n / PER_GROUP) * sizeof *plan->group;
    if (!plan)
        return size;
    memset(plan, 0, size);
    plan->groups = n / PER_GROUP;
    for (int32_t i = 0; i < plan->groups * PER_GROUP; i++) {
        struct group *g = &plan->group[i / PER_GROUP];
        const int32_t in = i % PER_GROUP, odd = in % 2, step = a->last[i] > a->first[i] ? 3 : 0;
        const bool right = a->pairs[2 * i + 1] > a->pairs[2 * i];
        g->from[in] = a->first[i] * 3;
        for (int32_t c = 0; c < 3; c++) {
            const int32_t at = 3 * odd + c;
            g->index[in / 2][2 * at] = (uint8_t)(8 * odd + c + (right ? step : 0));
            g->index[in / 2][2 * at + 1] = (uint8_t)(8 * odd + c + (right ? 0 : step));
            g->weight[in / 2][at] = (int16_t)(-32 * a->pairs[2 * i + !right]);
        }
    }
    return size;
}

static inline __m128i two_pixels(const uint8_t *s0, const uint8_t *s1)
{
    return _mm_unpacklo_epi64(_mm_loadl_epi64((const __m128i *)s0), _mm_loadl_epi64((const __m128i *)s1));
}

void dli_avx2_across2(const struct dli_axis *a, const uint8_t *src, size_t src_width, int32_t channels, int16_t *dst)
{
    const struct plan *plan = a->plan;
    const __m256i difference = _mm256_set1_epi16((int16_t)0xff01), near = _mm256_set1_epi16(0x00ff);
    int16_t *d = dst;
    (void)src_width;
    for (int32_t k = 0; k < plan->groups; k++, d += PER_GROUP * 3) {
        const struct group *g = &plan->group[k];
        const __m128i low = two_pixels(src + g->from[0], src + g->from[1]), high = two_pixels(src + g->from[2], src + g->from[3]);
        const __m256i bytes = _mm256_set_m128i(high, low);
        const __m256i pairs = _mm256_shuffle_epi8(bytes, _mm256_loadu_si256((const __m256i *)g->index));
        const __m256i step = _mm256_slli_epi16(_mm256_maddubs_epi16(pairs, difference), 7);
        const __m256i base = _mm256_slli_epi16(_mm256_and_si256(pairs, near), 7);
        const __m256i v = _mm256_add_epi16(base, _mm256_mulhi_epi16(step, _mm256_loadu_si256((const __m256i *)g->weight)));
        _mm_storeu_si128((__m128i *)d, _mm256_castsi256_si128(v));
        _mm_storeu_si128((__m128i *)(d + 6), _mm256_extracti128_si256(v, 1));
    }
    for (int32_t i = plan->groups * PER_GROUP; i < a->n; i++) {
        const uint8_t *s0 = src + (size_t)a->first[i] * (size_t)channels, *s1 = src + (size_t)a->last[i] * (size_t)channels;
        const int32_t w0 = a->pairs[2 * i], w1 = a->pairs[2 * i + 1];
        for (int32_t c = 0; c < channels; c++)
            dst[i * channels + c] = (int16_t)((s0[c] * w0 + s1[c] * w1) >> DLI_PIXELS_TWO_CUT);
    }
}

static inline __m256i down2_16(const int16_t *s0, const int16_t *s1, __m256i w0, __m256i w1)
{
    const __m256i a = _mm256_mulhi_epi16(_mm256_loadu_si256((const __m256i *)s0), w0);
    const __m256i b = _mm256_mulhi_epi16(_mm256_loadu_si256((const __m256i *)s1), w1);
    return _mm256_srai_epi16(_mm256_add_epi16(_mm256_add_epi16(a, b), _mm256_set1_epi16(2)), 2);
}

static void down2(const int16_t *s0, const int16_t *s1, int32_t w0, int32_t w1, uint8_t *dst, size_t n)
{
    const __m256i v0 = _mm256_set1_epi16((int16_t)w0), v1 = _mm256_set1_epi16((int16_t)w1);
    size_t i = 0;
    for (; i + 32 <= n; i += 32) {
        const __m256i a = down2_16(s0 + i, s1 + i, v0, v1), b = down2_16(s0 + i + 16, s1 + i + 16, v0, v1);
        _mm256_storeu_si256((__m256i *)(dst + i), _mm256_permute4x64_epi64(_mm256_packus_epi16(a, b), 0xD8));
    }
    for (; i < n; i++) {
        const int32_t v = (((s0[i] * w0) >> 16) + ((s1[i] * w1) >> 16) + 2) >> 2;
        dst[i] = (uint8_t)(v < 0 ? 0 : v > 255 ? 255 : v);
    }
}

static uint8_t clip(int32_t v)
{
    v >>= DLI_PIXELS_BITS;
    return (uint8_t)(v < 0 ? 0 : v > 255 ? 255 : v);
}

static inline __m128i weighted(__m128i sum, const uint8_t *s, int32_t w)
{
    return _mm_add_epi32(sum, _mm_mullo_epi32(_mm_cvtepu8_epi32(_mm_cvtsi32_si128(load32(s))), _mm_set1_epi32(w)));
}

static void across(const struct dli_axis *a, const uint8_t *src, size_t src_width, int32_t channels, uint8_t *dst)
{
    const __m128i half = _mm_set1_epi32(1 << (DLI_PIXELS_BITS - 1)), zero = _mm_setzero_si128();
    int32_t i = 0;
    /* 4 bytes are read of each pixel of 3 and 4 written: up to the last output, and while the fourth lies in the row. */
    if (channels == 3)
        for (; i + 1 < a->n && (size_t)a->last[i] + 1 < src_width; i++) {
            const int32_t *w = a->weights + (size_t)i * (size_t)a->taps;
            const uint8_t *s = src + (size_t)a->first[i] * 3;
            const int32_t n = a->last[i] - a->first[i] + 1;
            __m128i even = half, odd = zero;
            int32_t k = 0;
            for (; k + 1 < n; k += 2, s += 6) {
                even = weighted(even, s, w[k]);
                odd = weighted(odd, s + 3, w[k + 1]);
            }
            if (k < n)
                even = weighted(even, s, w[k]);
            const __m128i v = _mm_packs_epi32(_mm_srai_epi32(_mm_add_epi32(even, odd), DLI_PIXELS_BITS), zero);
            const int32_t four = _mm_cvtsi128_si32(_mm_packus_epi16(v, zero));
            memcpy(dst + 3 * i, &four, sizeof four);
        }
    for (; i < a->n; i++) {
        const int32_t *w = a->weights + (size_t)i * (size_t)a->taps;
        const uint8_t *s = src + (size_t)a->first[i] * (size_t)channels;
        const int32_t n = a->last[i] - a->first[i] + 1;
        for (int32_t c = 0; c < channels; c++) {
            int32_t sum = 1 << (DLI_PIXELS_BITS - 1);
            for (int32_t k = 0; k < n; k++)
                sum += s[k * channels + c] * w[k];
            dst[i * channels + c] = clip(sum);
        }
    }
}

static inline __m256i weighted8(__m256i sum, const uint8_t *s, __m256i w)
{
    return _mm256_add_epi32(sum, _mm256_mullo_epi32(_mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *)s)), w));
}

static void down(const uint8_t *const *rows, const int32_t *w, int32_t taps, size_t n, uint8_t *dst)
{
    const __m256i half = _mm256_set1_epi32(1 << (DLI_PIXELS_BITS - 1));
    /* Packing works within 128-bit lanes: quads of pixels 0..31 come out as 0 2 4 6 1 3 5 7. */
    const __m256i order = _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7);
    size_t i = 0;
    for (; i + 32 <= n; i += 32) {
        __m256i s0 = half, s1 = half, s2 = half, s3 = half;
        for (int32_t k = 0; k < taps; k++) {
            const __m256i v = _mm256_set1_epi32(w[k]);
            const uint8_t *r = rows[k] + i;
            s0 = weighted8(s0, r, v);
            s1 = weighted8(s1, r + 8, v);
            s2 = weighted8(s2, r + 16, v);
            s3 = weighted8(s3, r + 24, v);
        }
        const __m256i a = _mm256_packs_epi32(_mm256_srai_epi32(s0, DLI_PIXELS_BITS), _mm256_srai_epi32(s1, DLI_PIXELS_BITS));
        const __m256i b = _mm256_packs_epi32(_mm256_srai_epi32(s2, DLI_PIXELS_BITS), _mm256_srai_epi32(s3, DLI_PIXELS_BITS));
        _mm256_storeu_si256((__m256i *)(dst + i), _mm256_permutevar8x32_epi32(_mm256_packus_epi16(a, b), order));
    }
    for (; i < n; i++) {
        int32_t sum = 1 << (DLI_PIXELS_BITS - 1);
        for (int32_t k = 0; k < taps; k++)
            sum += rows[k][i] * w[k];
        dst[i] = clip(sum);
    }
}

struct norm { /* of one output channel */
    __m256 divide, mean, std;
    int subtract_only;
};

static inline __m256 normalise(const struct norm *m, __m128i bytes)
{
    const __m256 v = _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(bytes));
    if (m->subtract_only) /* dividing by 1 changes no bit */
        return _mm256_sub_ps(v, m->mean);
    return _mm256_div_ps(_mm256_sub_ps(_mm256_div_ps(v, m->divide), m->mean), m->std);
}

/* Every third byte of 24, from c on. */
static inline __m128i third(const uint8_t *s, __m128i low, __m128i high)
{
    const __m128i a = _mm_loadu_si128((const __m128i *)s), b = _mm_loadl_epi64((const __m128i *)(s + 16));
    return _mm_or_si128(_mm_shuffle_epi8(a, low), _mm_shuffle_epi8(b, high));
}

static void to_float(const struct dli_pixel_floats *f, const uint8_t *row, size_t n, int32_t channels, float *out, size_t plane)
{
    const __m128i low[3] = { _mm_setr_epi8(0, 3, 6, 9, 12, 15, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1),
                             _mm_setr_epi8(1, 4, 7, 10, 13, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1),
                             _mm_setr_epi8(2, 5, 8, 11, 14, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1) };
    const __m128i high[3] = { _mm_setr_epi8(-1, -1, -1, -1, -1, -1, 2, 5, -1, -1, -1, -1, -1, -1, -1, -1),
                              _mm_setr_epi8(-1, -1, -1, -1, -1, 0, 3, 6, -1, -1, -1, -1, -1, -1, -1, -1),
                              _mm_setr_epi8(-1, -1, -1, -1, -1, 1, 4, 7, -1, -1, -1, -1, -1, -1, -1, -1) };
    for (int32_t k = 0; k < f->channels; k++) {
        const struct norm m = { _mm256_set1_ps(f->divide), _mm256_set1_ps(f->mean[k]), _mm256_set1_ps(f->std[k]),
                                f->divide == 1.0f && f->std[k] == 1.0f };
        const int32_t c = f->from[k];
        float *y = out + (size_t)k * plane;
        size_t i = 0;
        if (channels == 3)
            for (; i + 8 <= n; i += 8)
                _mm256_storeu_ps(y + i, normalise(&m, third(row + 3 * i, low[c], high[c])));
        else
            for (; i + 8 <= n; i += 8)
                _mm256_storeu_ps(y + i, normalise(&m, _mm_loadl_epi64((const __m128i *)(row + i))));
        for (; i < n; i++)
            y[i] = f->table[k][row[i * (size_t)channels + (size_t)c]];
    }
}

void dli_avx2_init_pixels(struct dli_kernels *t)
{
    t->pixels_plan2 = dli_avx2_plan2;
    t->pixels_across2 = dli_avx2_across2;
    t->pixels_down2 = down2;
    t->pixels_across = across;
    t->pixels_down = down;
    t->pixels_float = to_float;
}
