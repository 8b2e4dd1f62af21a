/* SPDX-License-Identifier: Apache-2.0 */
/* Inner loops of scaling 8-bit images of 1 or 3 channels side by side, and of turning them into planes of floats. Integer
 * arithmetic, and floats without reductions: every implementation gives the same bits. */
#ifndef DLI_KERNELS_PIXELS_H
#define DLI_KERNELS_PIXELS_H

#include <stddef.h>
#include <stdint.h>

enum {
    DLI_PIXELS_TWO_BITS = 11, /* fraction bits of the two-tap weights */
    DLI_PIXELS_TWO_CUT = 4,   /* of which this many are cut between the passes */
    DLI_PIXELS_BITS = 22      /* fraction bits of the other weights: 32 less 8 of the pixels and 2 for sums that overshoot */
};

/* For output i of an axis: inputs first[i] to last[i], and their weights. */
struct dli_axis {
    int32_t n, taps; /* outputs; most inputs of one output */
    int32_t *first, *last;
    int16_t *pairs;   /* two taps: the weights of first[i] and last[i] at 2 * i, of 1 << 11; last[i] is first[i] or the next */
    int32_t *weights; /* else: those of first[i] on at i * taps, of 1 << 22, not negative */
    void *plan;       /* two taps: what pixels_plan2 made of the rest, aligned to DLI_ALIGN */
};

/* How pixels become floats: output channel k is (pixel / divide - mean[k]) / std[k] of input channel from[k]. */
struct dli_pixel_floats {
    int32_t channels; /* of the output: 1 or 3 */
    int32_t from[3];
    float divide, mean[3], std[3];
    float table[3][256]; /* the same for every pixel value */
};

/* The entries of the kernel table:
 *
 * pixels_plan2    writes what pixels_across2 wants to have worked out beforehand for rows of src_width pixels of `channels` values, and
 *                 answers its bytes, not 0; plan NULL: only the bytes
 * pixels_across2  one row of src_width pixels to a->n: (first * pair[0] + last * pair[1]) >> 4; width and channels are the plan's
 * pixels_down2    two such rows to one of n values: (((w0 * s0) >> 16) + ((w1 * s1) >> 16) + 2) >> 2, clipped to 0..255
 * pixels_across   one row to a->n pixels: (half + the sum of weight * pixel) >> 22, clipped
 * pixels_down     `taps` rows of n values to one, the same way
 * pixels_float    n pixels of `channels` (1 or 3) to f->channels planes, the k-th at out + k * plane */

#endif
