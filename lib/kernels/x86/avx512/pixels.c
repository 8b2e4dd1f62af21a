/* SPDX-License-Identifier: Apache-2.0 */
/* Scaling across a row of pixels with VPERMB, where the CPU has it: 32 values at once, each with both of its taps picked from 64 or 128
 * bytes of the row. The arithmetic is that of x86/avx2/pixels.c, which also does what shrinks more than fits. */
#include "base/cpu.h"
#include "kernels/pixels.h"
#include "kernels/x86/avx2/init.h"
#include "kernels/x86/avx512/init.h"

#include <immintrin.h>
#include <stdalign.h>
#include <stdbool.h>
#include <string.h>

#define VBMI __attribute__((target("avx512vbmi")))

enum { PER_GROUP = 32, WINDOW = 64 };

struct group {
    alignas(64) uint8_t index[64]; /* near and far of each value, counted from `from` on */
    int16_t weight[PER_GROUP];     /* of far, negated and shifted by 5 */
    uint64_t read[2];              /* which bytes of the two windows from `from` on are looked at */
    size_t from;
    uint32_t write; /* which values exist */
    uint32_t reserved[9];
};
_Static_assert(sizeof(struct group) == 192, "nothing lies between groups");

enum kind { NARROW, WIDE, OTHER };

struct plan {
    alignas(64) int32_t kind; /* one window is enough; two are; avx2's plan begins behind this one */
    int32_t groups;
    struct group group[];
};

/* First and last byte under the values [begin, end). */
static void reach(const struct dli_axis *a, int32_t channels, int32_t begin, int32_t end, size_t *low, size_t *high)
{
    *low = SIZE_MAX;
    *high = 0;
    for (int32_t i = begin / channels; i <= (end - 1) / channels; i++) {
        const size_t first = (size_t)a->first[i] * (size_t)channels, last = ((size_t)a->last[i] + 1) * (size_t)channels - 1;
        *low = first < *low ? first : *low;
        *high = last > *high ? last : *high;
    }
}

static enum kind kind_of(const struct dli_axis *a, int32_t channels)
{
    const int32_t values = a->n * channels;
    enum kind kind = NARROW;
    for (int32_t i = 0; i < a->n; i++)
        if (a->pairs[2 * i] + a->pairs[2 * i + 1] != 1 << DLI_PIXELS_TWO_BITS)
            return OTHER;
    for (int32_t v = 0; v < values; v += PER_GROUP) {
        size_t low, high;
        reach(a, channels, v, v + PER_GROUP < values ? v + PER_GROUP : values, &low, &high);
        if (high - low >= 2 * WINDOW)
            return OTHER;
        if (high - low >= WINDOW)
            kind = WIDE;
    }
    return kind;
}

static uint64_t low_bits(size_t n) { return n >= 64 ? ~UINT64_C(0) : (UINT64_C(1) << n) - 1; }

static size_t plan2(const struct dli_axis *a, size_t src_width, int32_t channels, void *memory)
{
    struct plan *plan = memory;
    const enum kind kind = kind_of(a, channels);
    const int32_t values = a->n * channels, groups = kind == OTHER ? 0 : (values + PER_GROUP - 1) / PER_GROUP;
    const size_t size = sizeof *plan + (size_t)groups * sizeof *plan->group;
    if (!plan)
        return kind == OTHER ? size + dli_avx2_plan2(a, src_width, channels, NULL) : size;
    plan->kind = (int32_t)kind;
    plan->groups = groups;
    if (kind == OTHER)
        return size + dli_avx2_plan2(a, src_width, channels, plan + 1);
    memset(plan->group, 0, (size_t)groups * sizeof *plan->group);
    for (int32_t k = 0; k < groups; k++) {
        struct group *g = &plan->group[k];
        const int32_t begin = k * PER_GROUP, end = begin + PER_GROUP < values ? begin + PER_GROUP : values;
        size_t high;
        reach(a, channels, begin, end, &g->from, &high);
        const size_t bytes = high - g->from + 1;
        g->read[0] = low_bits(bytes);
        g->read[1] = bytes > WINDOW ? low_bits(bytes - WINDOW) : 0;
        g->write = (uint32_t)low_bits((size_t)(end - begin));
        for (int32_t v = begin; v < end; v++) {
            const int32_t i = v / channels, c = v % channels;
            const bool right = a->pairs[2 * i + 1] > a->pairs[2 * i];
            const size_t first = (size_t)(a->first[i] * channels + c) - g->from, last = (size_t)(a->last[i] * channels + c) - g->from;
            g->index[2 * (v - begin)] = (uint8_t)(right ? last : first);
            g->index[2 * (v - begin) + 1] = (uint8_t)(right ? first : last);
            g->weight[v - begin] = (int16_t)(-32 * a->pairs[2 * i + !right]);
        }
    }
    return size;
}

VBMI static inline void group_out(const struct group *g, __m512i pairs, int16_t *dst)
{
    const __m512i difference = _mm512_set1_epi16((int16_t)0xff01), near = _mm512_set1_epi16(0x00ff);
    const __m512i step = _mm512_slli_epi16(_mm512_maddubs_epi16(pairs, difference), 7);
    const __m512i base = _mm512_slli_epi16(_mm512_and_si512(pairs, near), 7);
    _mm512_mask_storeu_epi16(dst, g->write, _mm512_add_epi16(base, _mm512_mulhi_epi16(step, _mm512_load_si512(g->weight))));
}

VBMI static void across2(const struct dli_axis *a, const uint8_t *src, size_t src_width, int32_t channels, int16_t *dst)
{
    const struct plan *plan = a->plan;
    if (plan->kind == OTHER) {
        struct dli_axis other = *a;
        other.plan = (void *)(uintptr_t)(plan + 1);
        dli_avx2_across2(&other, src, src_width, channels, dst);
    } else if (plan->kind == NARROW) {
        for (const struct group *g = plan->group, *end = g + plan->groups; g < end; g++, dst += PER_GROUP) {
            const __m512i low = _mm512_maskz_loadu_epi8(g->read[0], src + g->from);
            group_out(g, _mm512_permutexvar_epi8(_mm512_load_si512(g->index), low), dst);
        }
    } else {
        for (const struct group *g = plan->group, *end = g + plan->groups; g < end; g++, dst += PER_GROUP) {
            const __m512i low = _mm512_maskz_loadu_epi8(g->read[0], src + g->from);
            const __m512i high = _mm512_maskz_loadu_epi8(g->read[1], src + g->from + WINDOW);
            group_out(g, _mm512_permutex2var_epi8(low, _mm512_load_si512(g->index), high), dst);
        }
    }
}

void dli_avx512_init_pixels(struct dli_kernels *t)
{
    if (!(dli_cpu_flags() & DLI_CPU_AVX512_VBMI))
        return;
    t->pixels_plan2 = plan2;
    t->pixels_across2 = across2;
}
