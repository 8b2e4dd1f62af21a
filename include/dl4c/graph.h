/* SPDX-License-Identifier: Apache-2.0 */
/** @file
 * Computation graphs: build, edit for transfer learning, freeze, split, join, inspect, summarise, draw; and sessions that run them.
 *
 * Shapes of vertices leave the batch axis out: an image is [channels, height, width], a feature vector [n]. Tensors that go in and
 * come out have the batch first. A length of -1 is not known before a session says it.
 *
 * Threads, where a function does not say: a graph may be looked at by several threads while nobody trains it or sets its info; a builder
 * and a session are for one thread at a time. DL4C_E_NOMEM and DL4C_E_LIMIT may come from all that makes something. Since 0.1.
 */
#ifndef DL4C_GRAPH_H
#define DL4C_GRAPH_H

#include <dl4c/op.h>
#include <dl4c/tensor.h>

DL4C_BEGIN

/**
 * Vertices, attributes and parameters. Immutable but for training, which gives it parameters of its own at the first step.
 * Parameters are counted and copied on write: split, edit, clone and sessions share them. Destroy in any order.
 */
typedef struct dl4c_graph dl4c_graph;

/**
 * Gives up the handle; sessions and trainers of the graph go on. Takes NULL; writes NULL. Where only sessions are left, parameters
 * that they have repacked, or have no use for, are freed: a host that only runs a model gives up its graph once the sessions are made.
 */
DL4C_API void dl4c_graph_destroy(dl4c_graph **graph);
/** A second graph, which the caller destroys, that shares all parameters until one of them is trained. DL4C_E_STATE: in training now. */
DL4C_API dl4c_status dl4c_graph_clone(dl4c_graph *graph, dl4c_graph **clone, struct dl4c_error *err);

/* ---- builder ------------------------------------------------------------------------------------------------- */

/** Builds a new graph or edits a copy of one. Errors stick: after a failure the calls do nothing and finish reports the first. */
typedef struct dl4c_builder dl4c_builder;

/** @param start  Borrowed, unchanged: a graph to start from; NULL for an empty one. */
DL4C_API dl4c_status dl4c_builder_create(dl4c_context *ctx, dl4c_graph *start, dl4c_builder **b, struct dl4c_error *err);
/** Gives up what was built. Takes NULL; writes NULL. Since: 0.1. */
DL4C_API void dl4c_builder_destroy(dl4c_builder **b);

/** Adds an input of @p rank axes without the batch: [channels, height, width] or [n]; -1 for a length that sessions decide. */
DL4C_API void dl4c_builder_input(dl4c_builder *b, const char *name, const int64_t *shape, int32_t rank);

/**
 * Adds a vertex.
 * @param op      An operator's name: "conv2d", "dense", "relu"; dl4c_descriptor_get lists them.
 * @param name    Unique in the graph.
 * @param inputs  Names of vertices that exist already.
 * @param attrs   Attributes of the operator; what is not given has its default.
 */
DL4C_API void dl4c_builder_add(dl4c_builder *b, const char *op, const char *name, const char *const *inputs, int32_t n_inputs,
                               const struct dl4c_attr *attrs, int32_t n_attrs);
/** The same in the text form: "dense:units=257,activation=softmax". */
DL4C_API void dl4c_builder_add_text(dl4c_builder *b, const char *text, const char *name, const char *const *inputs, int32_t n_inputs);

/** Sets a parameter ("W", "b", "gamma" ...) from a tensor of its shape or of as many elements in the parameter's own order; copied as f32.
 * Parameters that nobody sets are drawn by the vertex's weight_init from the seed. */
DL4C_API void dl4c_builder_param(dl4c_builder *b, const char *vertex, const char *param, const dl4c_tensor *value);
/** The seed of what is drawn at random; 42 where never called. */
DL4C_API void dl4c_builder_seed(dl4c_builder *b, uint64_t seed);

/** Freezes a vertex and every vertex it depends on: training leaves them alone, batch norm and dropout run as in inference. */
DL4C_API void dl4c_builder_freeze(dl4c_builder *b, const char *vertex);
/** Thaws a vertex and every vertex that depends on it. */
DL4C_API void dl4c_builder_unfreeze(dl4c_builder *b, const char *vertex);

enum { DL4C_KEEP_CONNECTIONS = 1 /**< vertices that read the removed one wait for another of its name, without which finish fails */ };
/** Removes a vertex, and without DL4C_KEEP_CONNECTIONS everything that is left without an input. */
DL4C_API void dl4c_builder_remove(dl4c_builder *b, const char *vertex, uint32_t flags);
/**
 * Changes the number of outputs of a dense, conv2d or output vertex; it and the vertices that read it get fresh parameters.
 * @param weight_init       How the vertex's new weights are drawn; NULL: as its attribute says.
 * @param next_weight_init  The same for the vertices after it.
 */
DL4C_API void dl4c_builder_replace_n_out(dl4c_builder *b, const char *vertex, int64_t n_out, const char *weight_init,
                                         const char *next_weight_init);
/**
 * Deeplearning4j's FineTuneConfiguration: settings for all layers there are, frozen ones too, and for those added later that say
 * nothing themselves. What is not named stays as it is; weights are not drawn again.
 * @param settings  Attributes that every layer has: "updater=nesterovs(lr=3e-5,momentum=0.9),l2=0,dropout=0.5". An updater takes the place
 *                  of the network's and of those that layers have of their own, and its state begins anew.
 * DL4C_E_NOTFOUND: no such setting or updater. Since: 0.1.
 */
DL4C_API void dl4c_builder_fine_tune(dl4c_builder *b, const char *settings);
/** Which vertices are the graph's outputs; where never called, those that nothing reads. */
DL4C_API void dl4c_builder_outputs(dl4c_builder *b, const char *const *names, int32_t n);

/** Checks all shapes, draws missing parameters and makes the graph. Takes the builder in every case. */
DL4C_API dl4c_status dl4c_builder_finish(dl4c_builder **b, dl4c_graph **graph, struct dl4c_error *err);

/* ---- looking at a graph -------------------------------------------------------------------------------------- */

/** What a vertex is. Filled by dl4c_graph_vertex. */
struct dl4c_vertex {
    size_t struct_size;
    const char *name;   /**< borrowed from the graph, like all of this */
    const char *op;     /**< "input" for inputs */
    const char *output; /**< the tensor's name in the file it came from, or name */
    int32_t n_inputs;
    int32_t n_params;
    int64_t param_count; /**< elements of all its parameters */
    int32_t frozen;
    int32_t is_output;
    int32_t rank;      /**< of shape */
    int32_t reserved;
    const int64_t *shape; /**< without the batch; -1: decided by the session */
};
#define DL4C_VERTEX_INIT { sizeof(struct dl4c_vertex), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 }

/** Vertices in topological order, inputs included. */
DL4C_API int32_t dl4c_graph_vertex_count(const dl4c_graph *graph);
/** Vertex @p i; DL4C_E_INVALID outside. Since: 0.1. */
DL4C_API dl4c_status dl4c_graph_vertex(const dl4c_graph *graph, int32_t i, struct dl4c_vertex *out, struct dl4c_error *err);
/** The index of a vertex by its name or its output tensor's name. DL4C_E_NOTFOUND names the nearest. */
DL4C_API dl4c_status dl4c_graph_find(const dl4c_graph *graph, const char *name, int32_t *i, struct dl4c_error *err);
/** Vertex index of input @p k of vertex @p i, -1 outside. */
DL4C_API int32_t dl4c_graph_vertex_input(const dl4c_graph *graph, int32_t i, int32_t k);
/** Attribute @p a of vertex @p i in the order of the operator's descriptor, then those of all layers; borrowed. DL4C_E_NOTFOUND past the
 *  last. */
DL4C_API dl4c_status dl4c_graph_vertex_attr(const dl4c_graph *graph, int32_t i, int32_t a, struct dl4c_attr *out, struct dl4c_error *err);
/** Marks in @p marks[vertex_count] (0 or 1) what vertex @p i depends on, or what depends on it; itself not included. */
DL4C_API dl4c_status dl4c_graph_ancestors(const dl4c_graph *graph, int32_t i, uint8_t *marks, struct dl4c_error *err);
/** The same for what depends on vertex @p i. Since: 0.1. */
DL4C_API dl4c_status dl4c_graph_descendants(const dl4c_graph *graph, int32_t i, uint8_t *marks, struct dl4c_error *err);
/** Number of inputs. Since: 0.1. */
DL4C_API int32_t dl4c_graph_input_count(const dl4c_graph *graph);
/** Number of outputs. Since: 0.1. */
DL4C_API int32_t dl4c_graph_output_count(const dl4c_graph *graph);
/** Vertex index of the k-th input or output, -1 outside. */
DL4C_API int32_t dl4c_graph_input(const dl4c_graph *graph, int32_t k);
/** The same for outputs. Since: 0.1. */
DL4C_API int32_t dl4c_graph_output(const dl4c_graph *graph, int32_t k);
/** Name of parameter @p p of vertex @p i, NULL outside. */
DL4C_API const char *dl4c_graph_param_name(const dl4c_graph *graph, int32_t i, int32_t p);
/** A read-only view of a parameter, [out, in, kh, kw] or [in, out] with Deeplearning4j's strides; one reference for the caller. Its values
 *  stay as they are: training after it works on a copy. DL4C_E_NOTFOUND: no such vertex or parameter; DL4C_E_STATE: being trained. */
DL4C_API dl4c_status dl4c_graph_param(dl4c_graph *graph, const char *vertex, const char *param, dl4c_tensor **t, struct dl4c_error *err);
/** Parameters in all, trainable and frozen; each may be NULL. */
DL4C_API void dl4c_graph_param_count(const dl4c_graph *graph, int64_t *total, int64_t *trainable, int64_t *frozen);

/** Options of dl4c_graph_summary. Zero everywhere: as summary() prints it. */
struct dl4c_summary_options {
    size_t struct_size;
    int32_t shapes; /**< 1: a column with the shapes too, as summary(InputType) prints it */
    int32_t reserved;
};
#define DL4C_SUMMARY_OPTIONS_INIT { sizeof(struct dl4c_summary_options), 0, 0 }
/** The table that Deeplearning4j's ComputationGraph.summary() prints. Freed by dl4c_free. */
DL4C_API dl4c_status dl4c_graph_summary(dl4c_graph *graph, const struct dl4c_summary_options *options, char **text, struct dl4c_error *err);
/** {inputs, outputs, vertices [{name, type, inputs, shape, params, frozen}], total, trainable, frozen}. Freed by dl4c_free. */
DL4C_API dl4c_status dl4c_graph_json(dl4c_graph *graph, char **text, struct dl4c_error *err);
/** A drawing: "dot" or "svg". Freed by dl4c_free. */
DL4C_API dl4c_status dl4c_graph_draw(dl4c_graph *graph, const char *form, char **text, struct dl4c_error *err);

/* ---- what a model knows about itself ------------------------------------------------------------------------- */

/** Facts that travel with a graph through split, join and files; each may be missing (NULL or 0). */
struct dl4c_model_info {
    size_t struct_size;
    int32_t n_classes;
    int32_t reserved;
    const char *const *classes; /**< n_classes names in index order */
    const char *preprocess;     /**< text form: "vgg16", "vgg16:resize=pillow" */
    int32_t height, width;      /**< of the image fed to the network */
    const char *pool;           /**< "avg", "max": how the head's features were pooled; NULL: not */
    const char *vertex;         /**< the vertex of the trunk that the head's features come from */
    const char *trunk_digest;   /**< dl4c_graph_digest of the trunk */
    const char *training;       /**< JSON object: settings it was trained with */
};
#define DL4C_MODEL_INFO_INIT { sizeof(struct dl4c_model_info), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 }
/** Borrowed from the graph until it is changed or destroyed. */
DL4C_API dl4c_status dl4c_graph_info(const dl4c_graph *graph, struct dl4c_model_info *out, struct dl4c_error *err);
/** Copies everything. Threads: nobody else may use the graph meanwhile. */
DL4C_API dl4c_status dl4c_graph_set_info(dl4c_graph *graph, const struct dl4c_model_info *info, struct dl4c_error *err);
/** SHA-256, in hex, over operators, attributes, connections and parameters: equal for equal networks, whatever file they came from. Freed
 *  by dl4c_free. DL4C_E_STATE: the graph is being trained. */
DL4C_API dl4c_status dl4c_graph_digest(dl4c_graph *graph, char **hex, struct dl4c_error *err);

/* ---- split and join ------------------------------------------------------------------------------------------ */

/** Options of dl4c_graph_split; none yet. */
struct dl4c_split_options {
    size_t struct_size;
    uint64_t flags; /**< must be 0 */
};
#define DL4C_SPLIT_OPTIONS_INIT { sizeof(struct dl4c_split_options), 0 }

/**
 * Splits a graph at one or several vertices into a frozen trunk that ends with them and a head that begins after them.
 *
 * Running head on trunk's output equals running @p graph in inference mode, bit for bit where no batch norm was folded across the
 * cut. Parameters are shared until one side is trained.
 *
 * @param at     Vertex names, @p n_at of them; their outputs become the head's inputs, in this order and under these names.
 * @param trunk  Receives a graph the caller destroys; NULL on failure; may be NULL if not wanted. Same for @p head.
 * @retval DL4C_E_NOTFOUND  no vertex is called so
 * @retval DL4C_E_INVALID   an edge goes around @p at, which the message names; or nothing is left for the head
 * Threads: safe unless @p graph is being trained. Cost: O(vertices). Since: 0.1.
 */
DL4C_API dl4c_status dl4c_graph_split(dl4c_graph *graph, const char *const *at, int32_t n_at, const struct dl4c_split_options *options,
                                      dl4c_graph **trunk, dl4c_graph **head, struct dl4c_error *err);

/** Options of dl4c_graph_join; none yet. */
struct dl4c_join_options {
    size_t struct_size;
    uint64_t flags; /**< must be 0 */
};
#define DL4C_JOIN_OPTIONS_INIT { sizeof(struct dl4c_join_options), 0 }
/** The inverse: @p head's inputs are fed by @p trunk's outputs in order, flattened in NCHW order or pooled as the head's info says; other
 * shapes are refused, naming both. Vertices of the head whose name the trunk has already get a suffix. */
DL4C_API dl4c_status dl4c_graph_join(dl4c_graph *trunk, dl4c_graph *head, const struct dl4c_join_options *options, dl4c_graph **whole,
                                     struct dl4c_error *err);

/* ---- session ------------------------------------------------------------------------------------------------- */

/** A plan and its memory for one input shape, one largest batch and declared outputs. Sessions of one graph share its weights. */
typedef struct dl4c_session dl4c_session;

/** A shape, mostly without the batch. Layout frozen. */
struct dl4c_shape {
    int32_t rank;
    int32_t reserved;
    int64_t dim[DL4C_MAX_RANK];
};

enum {
    DL4C_SESSION_LOW_MEMORY = 1, /**< memory=low: weights are packed as large as they are, and expanded when a run needs them */
    DL4C_SESSION_NO_FUSION = 2,  /**< every vertex by itself: slower, for looking into a network */
    DL4C_SESSION_CHANNELS_FIRST = 4 /**< images come as [n, c, h, w] also where the model's file has them as [n, h, w, c] */
};

/** What a session is planned for. Zero everywhere: one row, the graph's outputs, all threads. */
struct dl4c_session_options {
    size_t struct_size;
    int64_t batch;              /**< most rows of a run; 0: 1 */
    const char *const *outputs; /**< vertices whose values are wanted; NULL: the graph's outputs */
    int32_t n_outputs;
    int32_t threads; /**< 0: the context's */
    void *arena;     /**< the caller's memory, aligned to 64 bytes, that outlives the session; NULL: allocated */
    size_t arena_bytes;
    const struct dl4c_shape *input_shapes; /**< of each input without the batch, in the layout it comes in; NULL: as the graph says */
    int32_t n_input_shapes;
    int32_t precision; /**< DL4C_PRECISION_*; 0: f32. Sessions of every precision share a graph, which itself stays f32: training is
                        *   always f32, and a trained graph is rounded again for its sessions */
    uint64_t flags;    /**< DL4C_SESSION_* */
};
#define DL4C_SESSION_OPTIONS_INIT { sizeof(struct dl4c_session_options), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 }

/**
 * Plans: infers all shapes, fuses, chooses kernels and layouts, packs weights, places every activation in one arena.
 * @retval DL4C_E_NOTFOUND  an output is no vertex
 * @retval DL4C_E_INVALID   a shape does not fit; a length is not known yet; there is no such precision
 * @retval DL4C_E_UNSUPPORTED  this CPU does not offer the precision
 * @retval DL4C_E_LIMIT     the arena of the caller is too small (the message says what is needed), or the memory limit
 * Threads: safe unless @p graph is being trained. Since: 0.1.
 */
DL4C_API dl4c_status dl4c_session_create(dl4c_context *ctx, dl4c_graph *graph, const struct dl4c_session_options *options, dl4c_session **s,
                                         struct dl4c_error *err);
/** What a session keeps in memory, in bytes. Filled by dl4c_session_plan and dl4c_session_get_memory. */
struct dl4c_session_memory {
    size_t struct_size;
    int64_t weights_bytes; /**< parameters of the vertices that run, as the graph has them */
    int64_t mapped_bytes;  /**< of these, what lies in mapped files: pages that processes share and the system may drop */
    int64_t read_bytes;    /**< of weights_bytes, what runs read where it lies; the rest was repacked */
    int64_t packed_bytes;  /**< weights repacked for the kernels, shared by the sessions of a graph */
    int64_t arena_bytes;   /**< activations and scratch memory, which share their place */
    int64_t scratch_bytes; /**< the largest scratch memory of one step, part of arena_bytes */
    int64_t total_bytes;   /**< while it runs: arena, packed weights, weights that are not mapped, and of the mapped what is read */
};
#define DL4C_SESSION_MEMORY_INIT { sizeof(struct dl4c_session_memory), 0, 0, 0, 0, 0, 0, 0 }

/**
 * Plans as dl4c_session_create does and makes nothing: what a session would need, and which kernels it would run.
 * @param memory  Receives the need; may be NULL.
 * @param text    Receives the plan as dl4c_session_describe prints it, freed by dl4c_free; may be NULL.
 * Failures are those of dl4c_session_create; an arena of the caller's is not looked at.
 * Threads: safe unless @p graph is being trained. Since: 0.1.
 */
DL4C_API dl4c_status dl4c_session_plan(dl4c_context *ctx, dl4c_graph *graph, const struct dl4c_session_options *options,
                                       struct dl4c_session_memory *memory, char **text, struct dl4c_error *err);
/** The same of a session, as it was when it was made. Threads: safe. Since: 0.1. */
DL4C_API dl4c_status dl4c_session_get_memory(const dl4c_session *s, struct dl4c_session_memory *out, struct dl4c_error *err);
/** Frees plan and arena. Takes NULL; writes NULL. Since: 0.1. */
DL4C_API void dl4c_session_destroy(dl4c_session **s);
/** Bytes of the arena: all activations and scratch memory. */
DL4C_API size_t dl4c_session_bytes(const dl4c_session *s);
/** Bytes of weights repacked for the kernels, shared with the other sessions of the graph. */
DL4C_API size_t dl4c_session_packed_bytes(const dl4c_session *s);
/** Number of inputs: the graph's. Since: 0.1. */
DL4C_API int32_t dl4c_session_input_count(const dl4c_session *s);
/** Number of outputs that were asked for. Since: 0.1. */
DL4C_API int32_t dl4c_session_output_count(const dl4c_session *s);
/** The shape of an input or output without the batch. */
DL4C_API dl4c_status dl4c_session_input_shape(const dl4c_session *s, int32_t i, struct dl4c_shape *out, struct dl4c_error *err);
/** The shape of output @p i without the batch. Since: 0.1. */
DL4C_API dl4c_status dl4c_session_output_shape(const dl4c_session *s, int32_t i, struct dl4c_shape *out, struct dl4c_error *err);

/**
 * Runs the plan on n rows, 1 to the session's batch, in inference mode. Allocates nothing.
 * The bits of a row of the output depend on that row of the input alone: not on n, its position or the number of threads.
 * @param inputs  f32, [n, ...] in the graph's order (an input that no wanted output needs may be NULL); read only during the call; used
 *                in place where contiguous.
 * @retval DL4C_E_STATE  the graph is being trained, or the session is in another call
 * Threads: one at a time per session; sessions of one graph run at once.
 */
DL4C_API dl4c_status dl4c_session_run(dl4c_session *s, dl4c_tensor *const *inputs, int32_t n_inputs, struct dl4c_error *err);
/**
 * From now on runs skip what is masked: simple_rnn gives 0 at such times and global_pool leaves them out; lstm and graves_lstm, as in
 * Deeplearning4j, run over them.
 * @param mask  f32 [n, time], contiguous, kept by a reference: 1 where a row has a value, 0 where it is filled up. n is that of the runs.
 *              NULL: none.
 * @retval DL4C_E_INVALID  the graph's input is no sequence [features, time], or the mask does not fit; of n, the run says it
 * Since: 0.1.
 */
DL4C_API dl4c_status dl4c_session_mask(dl4c_session *s, dl4c_tensor *mask, struct dl4c_error *err);
/** Output @p i of the last run, [n, ...]: borrowed, overwritten by the next run. A reference or view of it keeps the memory beyond the
 *  session, not where that is the caller's arena. DL4C_E_STATE: none ran yet. Since: 0.1. */
DL4C_API dl4c_status dl4c_session_output(dl4c_session *s, int32_t i, dl4c_tensor **y, struct dl4c_error *err);
/** From now on output @p i is written to the caller's tensor: contiguous f32, [batch, ...], kept by a reference. NULL unbinds. */
DL4C_API dl4c_status dl4c_session_bind(dl4c_session *s, int32_t i, dl4c_tensor *y, struct dl4c_error *err);
/** The plan, one step a line: vertices, kernel, layout, shape, what is fused, bytes packed; then the memory and the precision. Freed by
 *  dl4c_free. */
DL4C_API dl4c_status dl4c_session_describe(const dl4c_session *s, char **text, struct dl4c_error *err);

DL4C_END
#endif
