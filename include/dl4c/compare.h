/* SPDX-License-Identifier: Apache-2.0 */
/** @file
 * Comparing two models, or one model under two settings, stage by stage: decode, resize, normalise, each vertex. Where the numbers part,
 * the likely causes are tried by computing with each, and the one that makes the difference vanish is named.
 *
 * Where a function does not say: an object is for one thread at a time, others may be used meanwhile; since 0.1.
 */
#ifndef DL4C_COMPARE_H
#define DL4C_COMPARE_H

#include <dl4c/graph.h>
#include <dl4c/image.h>

DL4C_BEGIN

/** One side of a comparison: a graph, or (on side B only) a folder of arrays that another program wrote. */
struct dl4c_compare_side {
    size_t struct_size;
    dl4c_graph *graph;       /**< borrowed, with one input; NULL: activations */
    const char *activations; /**< a folder with VERTEX.npy or act_VERTEX.npy ('/' in a name is '_'); decode.npy and resize.npy ([h, w, c] of
                              * whole numbers) and the network's input as input.npy are looked at too where they are there */
    const struct dl4c_preprocess *preprocess; /**< for an image; NULL: as the graph records, else as side A */
    int32_t height;                           /**< of the image fed to the network; 0: as the graph's input says */
    int32_t width;                            /**< the same */
};
#define DL4C_COMPARE_SIDE_INIT { sizeof(struct dl4c_compare_side), 0, 0, 0, 0, 0 }

/** What is fed and how it is judged. Set image or input. */
struct dl4c_compare_options {
    size_t struct_size;
    const void *image; /**< a JPEG or PNG file in memory, borrowed during the call */
    size_t image_bytes;
    const dl4c_tensor *input;    /**< [n, ...] in side A's own layout, fed to both as it is */
    const char *const *map;      /**< n_map pairs: a vertex of A, a vertex (or file) of B; others are paired by name, else by order */
    int32_t n_map;
    int32_t reserved;            /**< must be 0 */
    double tolerance;            /**< of a stage: largest difference / largest magnitude; 0: 1e-4. Pixels must be equal */
    const int32_t *cancel;
    int64_t timeout_ms;
    uint64_t flags; /**< must be 0 */
};
#define DL4C_COMPARE_OPTIONS_INIT { sizeof(struct dl4c_compare_options), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 }

/** What came out; one owner. */
typedef struct dl4c_comparison dl4c_comparison;

/** One stage. Text is borrowed from the comparison. */
struct dl4c_compare_stage {
    size_t struct_size;
    const char *name;  /**< "decode", "resize", "normalise", or the vertex of A */
    const char *other; /**< its name on side B */
    const char *op;    /**< the operator on side A; NULL before the network */
    const char *note;  /**< a shape or layout that is not the same; NULL: none */
    double error;      /**< largest difference / largest magnitude on side A; infinite where shapes differ */
    double largest;    /**< that magnitude */
    int64_t count;     /**< numbers compared */
    int32_t differs;   /**< 1: beyond the tolerance */
    int32_t reserved;
};
#define DL4C_COMPARE_STAGE_INIT { sizeof(struct dl4c_compare_stage), 0, 0, 0, 0, 0, 0, 0, 0, 0 }

/**
 * Runs both sides and compares.
 *
 * Causes that are tried. Before the network: "exif", "cmyk", "resize", "fit", "size", "order" (BGR/RGB), "mean", "scale", "layout"
 * (NHWC/NCHW). At a vertex: "weights", "padding", "epsilon", "include_pad", "layout", "order", "mean", "scale" (an input that one network
 * expects otherwise), "activation", "attribute". "unknown": none of them makes the difference vanish.
 *
 * @param out  Receives the comparison, which the caller destroys; NULL on failure.
 * @retval DL4C_E_INVALID   neither or both of image and input, a graph with several inputs, nothing to pair
 * @retval DL4C_E_NOTFOUND  a name of the map is no vertex; no such folder
 * Threads: safe unless a graph is being trained. Since: 0.1.
 */
DL4C_API dl4c_status dl4c_compare(dl4c_context *ctx, const struct dl4c_compare_side *a, const struct dl4c_compare_side *b,
                                  const struct dl4c_compare_options *options, dl4c_comparison **out, struct dl4c_error *err);
/** Takes NULL; writes NULL. */
DL4C_API void dl4c_comparison_destroy(dl4c_comparison **c);
/** Number of stages, in the order they run. */
DL4C_API int32_t dl4c_comparison_count(const dl4c_comparison *c);
/** Stage @p i. @retval DL4C_E_INVALID outside. */
DL4C_API dl4c_status dl4c_comparison_stage(const dl4c_comparison *c, int32_t i, struct dl4c_compare_stage *out, struct dl4c_error *err);
/** The first stage that differs, -1: none. */
DL4C_API int32_t dl4c_comparison_first(const dl4c_comparison *c);
/** The cause's short name ("exif") and one sentence; both NULL where nothing differs. Borrowed. */
DL4C_API void dl4c_comparison_cause(const dl4c_comparison *c, const char **name, const char **sentence);
/** A table of all stages, then the first that differs and why. Freed by dl4c_free. */
DL4C_API dl4c_status dl4c_comparison_text(const dl4c_comparison *c, char **text, struct dl4c_error *err);

DL4C_END
#endif
