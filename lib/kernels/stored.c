/* SPDX-License-Identifier: Apache-2.0 */
/* Weights stored in fewer bits. */
#include "kernels/stored.h"

#include "kernels/convert.h"
#include "kernels/kernels.h"
#include <dl4c/base.h>
#include <math.h>
#include <string.h>

int32_t dli_stored_bytes(int32_t precision)
{
    return precision == DL4C_PRECISION_F32 ? 4 : precision == DL4C_PRECISION_INT8_WEIGHTS ? 1 : 2;
}

static float weight_at(const void *w, int64_t i)
{
    float v;
    memcpy(&v, (const char *)w + i * (int64_t)sizeof v, sizeof v);
    return v;
}

float dli_stored_scale(int64_t n, const void *w, int64_t step)
{
    float most = 0;
    for (int64_t i = 0; i < n; i++) {
        const float v = fabsf(weight_at(w, i * step));
        if (!(v <= 3.4e38f))
            return (float)NAN;
        most = v > most ? v : most;
    }
    /* Magnitudes so small that the scale would lose digits are rounded to nothing. */
    return most < 1e-35f ? 0 : most / 127;
}

void dli_store(int32_t precision, int64_t n, const void *w, const float *scale, void *to)
{
    if (precision == DL4C_PRECISION_F32) {
        memcpy(to, w, (size_t)n * sizeof(float));
        return;
    }
    if (precision != DL4C_PRECISION_INT8_WEIGHTS) {
        dli_narrow_bf16((size_t)n, w, to);
        return;
    }
    for (int64_t i = 0; i < n; i++) {
        const double v = scale[i] > 0 ? (double)weight_at(w, i) / (double)scale[i] : 0;
        ((signed char *)to)[i] = (signed char)(v > 127 ? 127 : v < -127 ? -127 : lrint(v));
    }
}

void dli_store_pairs(int64_t n, const float *w, int64_t half, void *to)
{
    for (int64_t i = 0; i < n; i++)
        dli_narrow_bf16(1, w + i, (char *)to + 4 * i + 2 * half);
}

void dli_stored_widen(int32_t precision, int64_t rows, int64_t columns, const void *x, const float *scale, float *y)
{
    if (precision == DL4C_PRECISION_INT8_WEIGHTS)
        dli_kernels()->widen_i8(rows, columns, x, scale, y);
    else
        dli_kernels()->widen_bf16(rows * columns, x, y);
}
