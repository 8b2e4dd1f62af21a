/* SPDX-License-Identifier: Apache-2.0 */
/** @file
 * The zoo: well-known networks by name, built as Deeplearning4j's zoo builds them: the same vertices in the same order, the same
 * parameters, initialisation, regularisation and updater.
 *
 * Where a function does not say: an object is for one thread at a time, others may be used meanwhile; since 0.1.
 */
#ifndef DL4C_ZOO_H
#define DL4C_ZOO_H

#include <dl4c/graph.h>

DL4C_BEGIN

/** What a network of the zoo is. Filled by dl4c_zoo_get and dl4c_zoo_find; all text is static. */
struct dl4c_zoo_info {
    size_t struct_size;
    const char *name;       /**< "vgg16" */
    const char *doc;        /**< one sentence: what it is and where it was published */
    const char *preprocess; /**< the preset that its published weights want; NULL: none are published */
    const char *updater;    /**< what it is trained with unless told otherwise */
    int64_t param_count;    /**< with the defaults below */
    int32_t n_classes;      /**< as published; 0: the network has no classes (it maps images to images) */
    int32_t channels;       /**< of the image as published */
    int32_t height;         /**< of the image as published */
    int32_t width;          /**< of the image as published */
};
#define DL4C_ZOO_INFO_INIT { sizeof(struct dl4c_zoo_info), 0, 0, 0, 0, 0, 0, 0, 0, 0 }

/** Number of networks. Threads: safe. */
DL4C_API int32_t dl4c_zoo_count(void);
/** Network @p i in the order of the names. DL4C_E_INVALID outside. Threads: safe. Since: 0.1. */
DL4C_API dl4c_status dl4c_zoo_get(int32_t i, struct dl4c_zoo_info *out, struct dl4c_error *err);
/** The network of that name; case does not count. DL4C_E_NOTFOUND lists the names. Threads: safe. Since: 0.1. */
DL4C_API dl4c_status dl4c_zoo_find(const char *name, struct dl4c_zoo_info *out, struct dl4c_error *err);

enum {
    DL4C_ZOO_PUBLISHED_NAMES = 1 /**< vertices named as in the published weights' file (block1_conv1 ... fc1, fc2, predictions) where that
                                  * differs from the zoo's own builder ("0" ... "20"): vgg16 and vgg19. vgg19 has its
                                  * fc2 there, which Deeplearning4j's own builder leaves out: 143 667 240 parameters */
};

/** How to build a network. Zero everywhere: as published, freshly drawn. */
struct dl4c_zoo_options {
    size_t struct_size;
    int32_t n_classes;   /**< of the last layer; 0: as published */
    int32_t channels;    /**< of the image; 0: as published */
    int32_t height;      /**< of the image; 0: as published */
    int32_t width;       /**< of the image; 0: as published */
    uint64_t seed;       /**< of what is drawn; 0: 42 */
    const char *weights; /**< a model file whose parameters are taken; NULL: all are drawn */
    const char *updater; /**< "adam:lr=1e-3"; NULL: the network's own */
    dl4c_progress_fn progress; /**< while weights are read */
    void *progress_user;
    const int32_t *cancel;
    int64_t timeout_ms;
    uint64_t flags; /**< DL4C_ZOO_* */
};
#define DL4C_ZOO_OPTIONS_INIT { sizeof(struct dl4c_zoo_options), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 }

/**
 * Builds a network of the zoo.
 *
 * Weights from a file are matched by the names of vertices, else (where the file has other names) by their order. Every layer must find
 * parameters of its shapes there, with one exception: where options->n_classes was given, the last layer with parameters may differ
 * and is then drawn afresh.
 *
 * @param name   "vgg16", "resnet50" ...; case does not count.
 * @param graph  Receives a graph the caller destroys; NULL on failure. Its info has the image's size and, with weights, preprocessing.
 * @retval DL4C_E_NOTFOUND  there is no such network (the message lists them), or no such file
 * @retval DL4C_E_INVALID   an image too small for the network, a negative count, weights of other shapes: the message names the layer
 * Threads: safe. Cost: drawing all parameters. Since: 0.1.
 */
DL4C_API dl4c_status dl4c_zoo_create(dl4c_context *ctx, const char *name, const struct dl4c_zoo_options *options, dl4c_graph **graph,
                                     struct dl4c_error *err);

DL4C_END
#endif
