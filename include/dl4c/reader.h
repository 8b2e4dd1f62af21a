/* SPDX-License-Identifier: Apache-2.0 */
/** @file
 * Image record reader: JPEG, PNG and BMP files in one folder per class, decoded in parallel into batches. Splitting a folder into train,
 * validation and test lists.
 *
 * Where a function does not say: an object is for one thread at a time, others may be used meanwhile; since 0.1.
 */
#ifndef DL4C_READER_H
#define DL4C_READER_H

#include <dl4c/graph.h>
#include <dl4c/source.h>

DL4C_BEGIN

/** An opened folder of images. One thread at a time; it decodes on threads of its own. */
typedef struct dl4c_reader dl4c_reader;

/**
 * What becomes of a bad image: one that cannot be decoded, or whose file is gone, too large or no file. A remote file system that cannot
 * be reached, refuses or fails makes no bad images: it ends the epoch.
 */
enum { DL4C_BAD_SKIP = 0, DL4C_BAD_FAIL = 1 };
enum { DL4C_READER_UNLABELLED = 1 /**< images anywhere under the folder, classes not wanted: labels are -1 */ };

/** Options of dl4c_reader_open. Zero everywhere: all defaults. */
struct dl4c_reader_options {
    size_t struct_size;
    dl4c_graph *for_graph;   /**< image size and preprocessing that its info records; NULL: as below */
    const char *list;        /**< URI of a list: one path a line, relative to the folder, with '/'; NULL: all images, bytewise sorted */
    int32_t height, width;   /**< fed to the network; 0: for_graph's */
    int32_t channels;        /**< 0: for_graph's, else 3 */
    int32_t threads;         /**< that decode; 0: the context's */
    const char *preprocess;  /**< text form: "vgg16", "torchvision:exif=on"; NULL: for_graph's, else "none" */
    int32_t on_bad;          /**< DL4C_BAD_SKIP (reported, left out) or DL4C_BAD_FAIL */
    int32_t tolerate;        /**< 1: decode images with corruption warnings as far as they go */
    int64_t max_bad;         /**< more bad images than this fail the run: DL4C_E_LIMIT; 0: no limit */
    double max_bad_fraction; /**< the same as a fraction of all images; 0: no limit */
    int64_t max_pixels;      /**< of one image; 0: the decoder's default */
    int32_t prefetch;        /**< batches decoded ahead; 0: 2 */
    int32_t n_paths;
    const char *const *paths; /**< these images, as paths or URIs of their own, instead of a folder's (uri NULL); unlabelled */
    uint64_t flags;           /**< DL4C_READER_* */
    /**
     * Changes made to each image before it is fitted and resized, as dl4c_transform_parse reads them; NULL: none. What is drawn depends
     * on transform_seed, the image's path, the number of the epoch and the copy alone: not on threads, batches, lists or order. An image
     * that cannot be changed so (too small for random_crop) is a bad one.
     */
    const char *transform;
    uint64_t transform_seed;   /**< any number, 0 too */
    const char *label_pattern; /**< as in dl4c_path_label: images at any depth, classes are their labels, sorted; NULL: the folder's name */
    int32_t label_position;
    int32_t copies; /**< how often each image is read in an epoch, each time changed anew: all once, then all again; 0: 1 */
    /**
     * Files of a remote file system (one with load_start in struct dl4c_fs_ops) that are on their way or in memory before they are
     * decoded: they take 64 MiB at most, an eighth of the context's memory limit where that is less, or one file that is larger.
     * 0: 32; at most 1024. Local files are not read ahead.
     */
    int32_t read_ahead;
    int32_t reserved; /**< must be 0 */
};
#define DL4C_READER_OPTIONS_INIT { sizeof(struct dl4c_reader_options), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 }

/**
 * Opens a folder: classes are its subfolders, bytewise sorted (classes.txt beside the list, where it exists, instead); an image's class
 * is its parent folder. Files are taken by their names' ends, .jpg, .jpeg, .png and .bmp in any case; hidden ones are skipped. An empty
 * class folder is a warning in the log and still a class.
 * @param uri  A path or URI of a directory.
 * @retval DL4C_E_NOTFOUND  the folder or list does not exist, or the list names a file that does not
 * @retval DL4C_E_INVALID   no usable image; a list entry in no class; a preprocessing that contradicts what the graph records
 */
DL4C_API dl4c_status dl4c_reader_open(dl4c_context *ctx, const char *uri, const struct dl4c_reader_options *options, dl4c_reader **reader,
                                      struct dl4c_error *err);
/** Ends decoding and frees. Takes NULL; writes NULL. Since: 0.1. */
DL4C_API void dl4c_reader_close(dl4c_reader **reader);

/** Number of classes, empty ones included. Since: 0.1. */
DL4C_API int32_t dl4c_reader_class_count(const dl4c_reader *reader);
/** Name of class @p i, NULL outside; borrowed. Since: 0.1. */
DL4C_API const char *dl4c_reader_class(const dl4c_reader *reader, int32_t i);
/** Images, bad ones included; with copies, each copy is one. */
DL4C_API int64_t dl4c_reader_count(const dl4c_reader *reader);
/** Path of image i relative to the folder, and its class; borrowed. */
DL4C_API const char *dl4c_reader_path(const dl4c_reader *reader, int64_t i);
/** Class of image @p i, -1 where it has none or outside. Since: 0.1. */
DL4C_API int64_t dl4c_reader_label(const dl4c_reader *reader, int64_t i);
/** Bad images met so far: index of the image and why, in the order of the images of the current epoch. */
DL4C_API int64_t dl4c_reader_bad_count(const dl4c_reader *reader);
/** Bad image @p k: which image, and why; borrowed. Since: 0.1. */
DL4C_API dl4c_status dl4c_reader_bad(const dl4c_reader *reader, int64_t k, int64_t *image, const char **reason, struct dl4c_error *err);
/** The reader as a source of [channels, height, width] batches; borrowed, lives as long as the reader. Batches skip bad images. */
DL4C_API dl4c_source *dl4c_reader_source(dl4c_reader *reader);
/** The preprocessing in force, in text form with everything resolved; borrowed. */
DL4C_API const char *dl4c_reader_preprocess(const dl4c_reader *reader);
/** The changes made to the images, as the options had them; NULL: none. Borrowed. Since: 0.1. */
DL4C_API const char *dl4c_reader_transform(const dl4c_reader *reader);
/** The seed of those changes. Since: 0.1. */
DL4C_API uint64_t dl4c_reader_transform_seed(const dl4c_reader *reader);

struct dl4c_sample_options;

/** Options of dl4c_split_dir. Zero everywhere: all defaults. */
struct dl4c_split_dir_options {
    size_t struct_size;
    double train, val, test; /**< fractions; all 0: 0.6, 0.2, 0.2 */
    uint64_t seed;
    uint64_t flags;            /**< 1: the seed is meant even where it is 0; else 0 is 42 */
    const char *label_pattern; /**< as in dl4c_path_label: images at any depth; NULL: one folder a class */
    /**
     * NULL: stratified. Else the paths, sorted, are picked as dl4c_sample_paths does with this filter, its limits and extensions, and
     * what is picked is divided in the order of the picking: its seed, weights and labels' pattern are those above.
     */
    const struct dl4c_sample_options *sample;
    int32_t label_position;
    int32_t reserved; /**< must be 0 */
};
#define DL4C_SPLIT_DIR_OPTIONS_INIT { sizeof(struct dl4c_split_dir_options), 0, 0, 0, 0, 0, 0, 0, 0, 0 }
/**
 * Splits the images under a folder by class, reproducibly, and writes train.txt, val.txt, test.txt (relative paths, sorted) and
 * classes.txt to @p out. Stratified, each class gets at least one image in every part whose fraction is above 0, as far as it has them.
 * @param counts  Receives the three numbers of images; may be NULL.
 * @retval DL4C_E_INVALID      no image, or none is picked; fractions outside 0 to 1 or above 1 together; an image without a label
 * @retval DL4C_E_UNSUPPORTED  a pattern that is not understood
 */
DL4C_API dl4c_status dl4c_split_dir(dl4c_context *ctx, const char *uri, const char *out, const struct dl4c_split_dir_options *options,
                                    int64_t counts[3], struct dl4c_error *err);

/** How paths are picked; values never change. */
enum {
    DL4C_SAMPLE_ALL = 0,     /**< all, in their order */
    DL4C_SAMPLE_RANDOM = 1,  /**< shuffled, then those with a wanted extension: RandomPathFilter */
    DL4C_SAMPLE_BALANCED = 2 /**< of those, of each label as many as the rarest has, in turns: BalancedPathFilter */
};
enum { DL4C_SAMPLE_ANY_EXTENSION = 1 /**< RANDOM and BALANCED keep paths of every extension */ };

/** Options of dl4c_sample_paths. Zero everywhere: all paths, undivided. */
struct dl4c_sample_options {
    size_t struct_size;
    int64_t seed;                  /**< of a java.util.Random of the call's own; 0 is a seed like any other */
    int64_t max_paths;             /**< of RANDOM, and of what BALANCED begins with; 0: no limit */
    int64_t max_labels;            /**< BALANCED: labels beyond those met first are left out; 0: no limit */
    int64_t min_per_label;         /**< BALANCED: at least so many of each label, where it has them */
    int64_t max_per_label;         /**< BALANCED; 0: no limit */
    const char *label_pattern;     /**< as in dl4c_path_label */
    const char *const *extensions; /**< without the dot, case counts; NULL: those of DataVec's NativeImageLoader, which has no gif */
    const char *const *labels;     /**< BALANCED keeps these only; NULL: all */
    const double *weights;         /**< of the parts; a first weight of exactly 1 divides nothing, as in DataVec */
    int32_t label_position;
    int32_t filter; /**< DL4C_SAMPLE_* */
    int32_t n_extensions, n_labels, n_weights;
    int32_t reserved; /**< must be 0 */
    uint64_t flags;   /**< DL4C_SAMPLE_ANY_EXTENSION */
};
#define DL4C_SAMPLE_OPTIONS_INIT { sizeof(struct dl4c_sample_options), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 }

/**
 * Picks paths and divides them into parts, to the path as DataVec's FileSplit.sample(filter, weights...) does for the same seed and the
 * same order of paths. (Its FileSplit lists a folder in the file system's order; sort first for a result that machines share.)
 * @param paths     @p n paths with '/', borrowed; at most 2^31 - 1.
 * @param picked    Room for @p n: receives indices into paths.
 * @param n_picked  Receives how many.
 * @param ends      Room for one value for each weight, at least one: part i is picked[ends[i - 1]] to before picked[ends[i]]. May be NULL.
 * @param n_ends    Receives the number of parts.
 * @retval DL4C_E_INVALID      a path without a label, a value outside its range
 * @retval DL4C_E_UNSUPPORTED  a pattern that is not understood
 * Threads: safe. Cost: O(paths * labels). Since: 0.1.
 */
DL4C_API dl4c_status dl4c_sample_paths(dl4c_context *ctx, const char *const *paths, int64_t n, const struct dl4c_sample_options *options,
                                       int64_t *picked, int64_t *n_picked, int64_t *ends, int32_t *n_ends, struct dl4c_error *err);

/**
 * The label of a path: its parent folder's name, or a piece of its own name, without extension, between matches of a pattern: the
 * ParentPathLabelGenerator and PatternPathLabelGenerator of DataVec.
 * @param pattern   NULL: the folder. Else of Java's regular expressions: characters, backslash and d, w, s or any sign, classes in [],
 *                  the dot, and * + ? behind them.
 * @param position  Which piece, from 0; of the pattern only.
 * @param label     Receives the text, freed by dl4c_free; NULL on failure.
 * @retval DL4C_E_INVALID      no folder, or too few pieces
 * @retval DL4C_E_UNSUPPORTED  a pattern with anything else
 * Threads: safe. Since: 0.1.
 */
DL4C_API dl4c_status dl4c_path_label(dl4c_context *ctx, const char *path, const char *pattern, int32_t position, char **label,
                                     struct dl4c_error *err);

DL4C_END
#endif
