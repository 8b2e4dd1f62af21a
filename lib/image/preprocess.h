/* SPDX-License-Identifier: Apache-2.0 */
/* From rows or files to a network's input. */
#ifndef DLI_IMAGE_PREPROCESS_H
#define DLI_IMAGE_PREPROCESS_H

#include "base/attrs.h"
#include "image/resize.h"

/* What dl4c_descriptor_* tells of the presets, in the order of dl4c_preprocess_get; false: there is no preset i. */
bool dli_preprocess_kind(int32_t i, struct dli_kind_entry *e);
/* Puts preset i's own value in place of the attribute's default. */
void dli_preprocess_default(int32_t i, struct dl4c_attr_info *a);

/* Is the struct what the header allows, and can it feed `channels` channels? */
dl4c_status dli_preprocess_check(const struct dl4c_preprocess *p, int32_t channels, struct dl4c_error *err);

/* Rows to floats, with tables and buffers that stay from image to image. */
struct dli_floats {
    dl4c_context *ctx;
    struct dl4c_preprocess p;
    int32_t channels, height, width; /* of the output */
    struct dli_resizer resizer;
    uint8_t *grey; /* a row, where colour is fed to one channel */
    size_t grey_size;
    struct dli_pixel_floats pixels;
};
dl4c_status dli_floats_init(struct dli_floats *f, dl4c_context *ctx, const struct dl4c_preprocess *p, int32_t channels, int32_t height,
                            int32_t width, struct dl4c_error *err);
/* Reads all rows. out is [channels, height, width]; after a failure its values mean nothing. */
dl4c_status dli_floats_run(struct dli_floats *f, struct dli_rows *rows, float *out, struct dl4c_error *err);
void dli_floats_free(struct dli_floats *f);

/* Files to floats: what one decoding thread owns. Decoder and buffers stay from file to file. */
struct dli_pipeline;
dl4c_status dli_pipeline_create(dl4c_context *ctx, const struct dl4c_preprocess *p, const struct dl4c_image_options *options,
                                int32_t channels, int32_t height, int32_t width, struct dli_pipeline **pipeline, struct dl4c_error *err);
/* Decodes, turns upright, fits, resizes and normalises one file. EXIF and CMYK follow the preprocessing, the rest of the flags the
 * options. out is [channels, height, width]; after a failure its values mean nothing, and the pipeline takes the next file. */
dl4c_status dli_pipeline_run(struct dli_pipeline *pipeline, const void *bytes, size_t size, float *out, struct dl4c_error *err);
/* The same with a change between turning and fitting, drawn from the seed. */
dl4c_status dli_pipeline_run_changed(struct dli_pipeline *pipeline, const void *bytes, size_t size, const dl4c_transform *transform,
                                     int64_t seed, float *out, struct dl4c_error *err);
void dli_pipeline_destroy(struct dli_pipeline **pipeline);

#endif
