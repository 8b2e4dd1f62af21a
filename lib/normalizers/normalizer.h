/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of dl4c_normalizer. */
#ifndef DLI_NORMALIZERS_NORMALIZER_H
#define DLI_NORMALIZERS_NORMALIZER_H

#include "base/context.h"
#include "base/strbuf.h"
#include <dl4c/normalizer.h>
#include <stdbool.h>

enum dli_normalizer_kind { DLI_NORM_STANDARDIZE, DLI_NORM_MIN_MAX, DLI_NORM_IMAGE_SCALER, DLI_NORM_VGG16 };

/* Mean and standard deviation, or minimum and maximum, of `count` features. */
struct dli_norm_stats {
    int64_t count; /* 0: not fitted */
    float *center, *spread;
};

struct dl4c_normalizer {
    dl4c_context *ctx; /* a reference */
    enum dli_normalizer_kind kind;
    bool with_labels;
    double min, max, pixel;
    struct dli_norm_stats features, labels;
};

/* normalizer.bin: big-endian, as Java writes it. */
dl4c_status dli_normalizer_read(dl4c_context *ctx, const void *bytes, size_t size, dl4c_normalizer **n, struct dl4c_error *err);
dl4c_status dli_normalizer_write(const dl4c_normalizer *n, struct dli_strbuf *out, struct dl4c_error *err);
dl4c_status dli_normalizer_new(dl4c_context *ctx, dl4c_normalizer **n, struct dl4c_error *err);
dl4c_status dli_norm_stats_make(dl4c_context *ctx, struct dli_norm_stats *s, int64_t count, struct dl4c_error *err); /* frees the old */

#endif
