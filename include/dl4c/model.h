/* SPDX-License-Identifier: Apache-2.0 */
/** @file
 * Load and save models by format.
 *
 * Where a function does not say: an object is for one thread at a time, others may be used meanwhile; since 0.1.
 */
#ifndef DL4C_MODEL_H
#define DL4C_MODEL_H

#include <dl4c/graph.h>
#include <dl4c/normalizer.h>

DL4C_BEGIN

/** Options of dl4c_model_load. Zero everywhere: all defaults. */
struct dl4c_load_options {
    size_t struct_size;
    const char *format; /**< "dl4j", "onnx", "safetensors"; NULL: by content */
    dl4c_progress_fn progress;
    void *progress_user;
    const int32_t *cancel;
    int64_t timeout_ms;
    uint64_t flags; /**< must be 0 */
};
#define DL4C_LOAD_OPTIONS_INIT { sizeof(struct dl4c_load_options), 0, 0, 0, 0, 0, 0 }

/**
 * Loads a model: Deeplearning4j zip (ComputationGraph or MultiLayerNetwork), ONNX, or the library's own safetensors.
 * @param uri    A path or a URI of a file system that the context knows. Weights of ONNX and safetensors stay in the mapped file,
 *               which must not be changed while the graph lives; replacing it by rename is harmless.
 * @param graph  Receives a graph the caller destroys; NULL on failure.
 * @retval DL4C_E_NOTFOUND, DL4C_E_IO
 * @retval DL4C_E_UNSUPPORTED  no known format, or an operator or attribute that is not supported: the message names node, operator, opset
 * @retval DL4C_E_CORRUPT      the bytes are not what the format promises
 * Threads: safe. Since: 0.1.
 */
DL4C_API dl4c_status dl4c_model_load(dl4c_context *ctx, const char *uri, const struct dl4c_load_options *options, dl4c_graph **graph,
                                     struct dl4c_error *err);
/** The same from memory, which is only read during the call (parameters are copied). */
DL4C_API dl4c_status dl4c_model_load_memory(dl4c_context *ctx, const void *bytes, size_t size, const struct dl4c_load_options *options,
                                            dl4c_graph **graph, struct dl4c_error *err);

/** Options of dl4c_model_save. Zero everywhere: all defaults. */
struct dl4c_save_options {
    size_t struct_size;
    const char *format;  /**< "dl4j", "safetensors"; NULL: by the extension (.zip: dl4j) */
    int32_t updater;     /**< 1: the updater's state too, so that training can go on */
    int32_t reserved;
    dl4c_progress_fn progress;
    void *progress_user;
    const int32_t *cancel;
    int64_t timeout_ms;
    uint64_t flags; /**< must be 0 */
};
#define DL4C_SAVE_OPTIONS_INIT { sizeof(struct dl4c_save_options), 0, 0, 0, 0, 0, 0, 0, 0 }

/** Saves a model. The file appears whole or not at all. DL4C_E_UNSUPPORTED names what the format cannot represent. */
DL4C_API dl4c_status dl4c_model_save(dl4c_graph *graph, const char *uri, const struct dl4c_save_options *options, struct dl4c_error *err);

/**
 * The same into memory: what dl4c_model_load_memory takes.
 * @param options  Without a format it is "safetensors".
 * @param bytes    Receives the file, which the caller frees with dl4c_free; NULL on failure.
 * @retval DL4C_E_NOMEM, DL4C_E_LIMIT
 * Threads: safe. Since: 0.1.
 */
DL4C_API dl4c_status dl4c_model_save_memory(dl4c_graph *graph, const struct dl4c_save_options *options, void **bytes, size_t *size,
                                            struct dl4c_error *err);

/**
 * The format that dl4c_model_save takes for a name where its options say none: to find out before a long training, not after it.
 * @param name  Receives it ("dl4j"); static storage; may be NULL.
 * @retval DL4C_E_UNSUPPORTED  no format is written under such a name; the message says how names end
 * Threads: safe. Since: 0.1.
 */
DL4C_API dl4c_status dl4c_format_for(dl4c_context *ctx, const char *uri, const char **name, struct dl4c_error *err);

/** Formats that can be read or written: name, and 1 for read + 2 for write. DL4C_E_NOTFOUND past the last. */
DL4C_API dl4c_status dl4c_format_get(dl4c_context *ctx, int32_t i, const char **name, int32_t *directions, struct dl4c_error *err);

/** The normalizer that a model came with (normalizer.bin of its zip). DL4C_E_NOTFOUND: it has none. The caller destroys it. */
DL4C_API dl4c_status dl4c_graph_get_normalizer(dl4c_graph *graph, dl4c_normalizer **n, struct dl4c_error *err);
/** Gives a model a normalizer, which is saved with it; NULL takes it away. It is copied. */
DL4C_API dl4c_status dl4c_graph_set_normalizer(dl4c_graph *graph, const dl4c_normalizer *n, struct dl4c_error *err);

DL4C_END
#endif
