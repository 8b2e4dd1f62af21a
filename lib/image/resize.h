/* SPDX-License-Identifier: Apache-2.0 */
/* Scaling rows as they come: a horizontal pass over each row that counts, a vertical one over a window of the last few. */
#ifndef DLI_IMAGE_RESIZE_H
#define DLI_IMAGE_RESIZE_H

#include "image/image.h"
#include "kernels/pixels.h"

/* What is wanted: src_width x src_height scaled to width x height (which may be far too large to hold), of which the window is kept. */
struct dli_scale {
    int32_t method; /* DL4C_RESIZE_* */
    int32_t channels, src_width, src_height;
    int32_t win_width, win_height;
    int64_t width, height, win_x, win_y;
};

struct dli_resizer {
    dl4c_context *ctx;
    bool ready;
    struct dli_scale scale; /* what the tables are for */
    struct dli_axis x, y;   /* DL4J: pairs; PILLOW: weights; NEAREST: neither */
    bool down_first;        /* PILLOW, where the height shrinks much more than the width: the vertical pass is made first */
    int32_t ring_rows;
    size_t row;           /* values of a row in the ring: win_width * channels, src_width * channels with down_first */
    void *ring;           /* ring_rows rows before the vertical pass: int16_t with DL4J, else uint8_t */
    const uint8_t **rows; /* PILLOW: the rows of the ring under one output */
    uint8_t *down, *out;  /* after the vertical pass, after both */
};

/* Takes row y (0 to win_height - 1) of the window: win_width pixels, borrowed during the call. */
typedef void (*dli_row_sink)(void *arg, int32_t y, const uint8_t *row);

void dli_resizer_init(struct dli_resizer *r, dl4c_context *ctx);
/* Makes tables and buffers, unless they are there from the last time. */
dl4c_status dli_resizer_prepare(struct dli_resizer *r, const struct dli_scale *scale, struct dl4c_error *err);
/* Reads as many rows as the window needs and hands its rows to the sink in order; *used says how many were read. */
dl4c_status dli_resizer_run(struct dli_resizer *r, struct dli_rows *rows, int32_t *used, dli_row_sink sink, void *arg,
                            struct dl4c_error *err);
void dli_resizer_free(struct dli_resizer *r);

/* How an image is brought to another shape: a part of the source is scaled, a window of that lands at an offset. */
struct dli_fit {
    int32_t src_x, src_y, src_width, src_height; /* the part of the source */
    int64_t width, height, win_x, win_y;         /* as in dli_scale */
    int32_t win_width, win_height;
    int32_t dst_x, dst_y; /* where the window lies; black around it */
};
dl4c_status dli_fit_plan(int32_t src_width, int32_t src_height, int32_t width, int32_t height, int32_t fit, double enlarge,
                         struct dli_fit *f, struct dl4c_error *err);

/* Scales and fits rows: the plan, the resizer and all that lies between. Every row of the source is read, those below the last one
 * that counts too, so that damage anywhere in a file is found. The sink gets rows of the window. */
dl4c_status dli_fit_rows(struct dli_resizer *r, struct dli_rows *rows, const struct dli_fit *f, int32_t method, dli_row_sink sink,
                         void *arg, struct dl4c_error *err);

#endif
