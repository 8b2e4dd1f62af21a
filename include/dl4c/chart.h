/* SPDX-License-Identifier: Apache-2.0 */
/** @file
 * Line charts as SVG: training curves and the like, in one self-contained picture.
 */
#ifndef DL4C_CHART_H
#define DL4C_CHART_H

#include <dl4c/base.h>

DL4C_BEGIN

/** One line of a chart. Borrowed during the call. Layout frozen. */
struct dl4c_chart_series {
    const char *name; /**< for the legend, UTF-8; NULL: none */
    const double *x;  /**< [n], or NULL: 1, 2, ... n */
    const double *y;  /**< [n]; what is not finite is a gap */
    int64_t n;        /**< number of points */
    int32_t panel;    /**< which panel it is drawn in, from 0 */
    int32_t reserved; /**< must be 0 */
};

/** What stands around the lines, and how large. Zero everywhere: all defaults. */
struct dl4c_chart_options {
    size_t struct_size;
    const char *title;           /**< UTF-8; NULL: none */
    const char *x_label;         /**< under the lowest panel; NULL: none */
    const char *const *y_labels; /**< n_panels of them, each may be NULL; NULL: none */
    int32_t n_panels;            /**< panels above one another that share the x axis; 0: 1; at most 16 */
    int32_t width;               /**< pixels; 0: 760; 200 to 10000 */
    int32_t panel_height;        /**< pixels of each panel's plot area; 0: 240; 60 to 10000 */
    uint32_t flags;              /**< must be 0 */
};
#define DL4C_CHART_OPTIONS_INIT { sizeof(struct dl4c_chart_options), 0, 0, 0, 0, 0, 0, 0 }

/**
 * Draws lines with axes at round numbers, a grid and a legend on a white background.
 *
 * An axis of values that are nowhere negative starts at 0 unless that would waste more than half of it. Lines of up to 60 points have
 * a dot at each; of very long ones, in order of x, only the extremes of each pixel column are written, so that the picture's size
 * does not grow with the run. A series without a finite point is only named in the legend.
 *
 * @param options   NULL: all defaults.
 * @param series    @p n_series of them; may be NULL for 0.
 * @param text      Receives the SVG document, freed by dl4c_free; NULL on failure.
 * @retval DL4C_E_INVALID  a panel outside n_panels, a negative n, y NULL with points, a size outside its range
 * @retval DL4C_E_NOMEM, DL4C_E_LIMIT
 * Threads: safe. The same series give the same bytes under every locale. Since: 0.1.
 */
DL4C_API dl4c_status dl4c_chart_svg(dl4c_context *ctx, const struct dl4c_chart_options *options, const struct dl4c_chart_series *series,
                                    int32_t n_series, char **text, struct dl4c_error *err);

DL4C_END
#endif
