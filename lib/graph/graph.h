/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of dl4c_graph: vertices in topological order, counted attributes, counted parameters. */
#ifndef DLI_GRAPH_GRAPH_H
#define DLI_GRAPH_GRAPH_H

#include "base/context.h"
#include "ops/op.h"
#include "tensor/blob.h"
#include <dl4c/graph.h>

struct dli_param {
    struct dli_blob *blob; /* a reference; f32 at any alignment */
    size_t offset;         /* bytes */
    int64_t count;         /* floats */
};

/* Repacked parameters, shared by the sessions that run them with the same kernel. */
struct dli_pack {
    struct dli_pack *next;
    uint64_t key;
    struct dli_blob *blob;
};

/* The parameters of one vertex, shared by the graphs that have it. Never written while shared: training takes its own copy. */
struct dli_vparams {
    _Atomic int64_t refs;
    dl4c_context *ctx; /* a reference */
    int32_t n;
    struct dli_param p[DLI_MAX_PARAMS];
    pthread_mutex_t lock; /* of packs */
    struct dli_pack *packs;
    _Atomic uint64_t version; /* unique in the context; new after each training step: packs of an older one are stale */
};
dl4c_status dli_vparams_create(dl4c_context *ctx, int32_t n, struct dli_vparams **vp, struct dl4c_error *err);
struct dli_vparams *dli_vparams_ref(struct dli_vparams *vp); /* NULL is allowed */
void dli_vparams_unref(struct dli_vparams *vp);
void dli_vparams_changed(struct dli_vparams *vp); /* the caller wrote them: drops the packs, raises the version */
static inline const void *dli_param_data(const struct dli_param *p) { return (const char *)p->blob->data + p->offset; }

/* Attributes of one vertex, shared by the graphs that have it; never written while shared. */
struct dli_vattrs {
    _Atomic int64_t refs;
    dl4c_context *ctx;
    const struct dli_op *op;
    void *attrs;            /* op->attrs_size bytes; NULL where the operator has none */
    struct dli_layer layer; /* zero where it takes none */
};
dl4c_status dli_vattrs_create(dl4c_context *ctx, const struct dli_op *op, const char *vertex, const struct dl4c_attr *attrs, int32_t n,
                              struct dli_vattrs **va, struct dl4c_error *err);
/* Those of an activation by its spec: "leaky_relu:alpha=0.1". */
dl4c_status dli_vattrs_activation(dl4c_context *ctx, const char *text, const char *vertex, struct dli_vattrs **va, struct dl4c_error *err);
/* A copy of its own with one attribute set to text. */
dl4c_status dli_vattrs_with(const struct dli_vattrs *old, const char *vertex, const char *name, const char *text, struct dli_vattrs **va,
                            struct dl4c_error *err);
struct dli_vattrs *dli_vattrs_ref(struct dli_vattrs *va);
void dli_vattrs_unref(struct dli_vattrs *va);

struct dli_vertex {
    char *name;
    char *output;            /* the tensor's name in the file it came from; NULL: name */
    const struct dli_op *op; /* NULL: an input, or a hole that a removed vertex left in a builder */
    struct dli_vattrs *attrs;
    int32_t n_inputs;
    int32_t *inputs;
    bool frozen;
    bool hole;
    bool nhwc;              /* of an input: tensors from outside are [n, h, w, c] */
    bool pre;               /* flattens or reshapes for the one layer behind it: no vertex of its own in Deeplearning4j */
    bool maps;              /* a layer of the network's input whose class there makes maps of flat rows and leaves maps as they are */
    struct dli_shape shape; /* of the value; of inputs as declared, [c, h, w] */
    int32_t n_params;
    struct dli_param_decl decl[DLI_MAX_PARAMS];
    struct dli_vparams *params; /* NULL where there are none */
    _Atomic int32_t readers[DLI_MAX_PARAMS]; /* plans whose runs read the parameter itself and not a packed one */
};

struct dl4c_graph {
    _Atomic int64_t refs; /* the host's handle, sessions, trainers */
    dl4c_context *ctx;
    int32_t n_vertices;
    size_t capacity;
    struct dli_vertex *vertices;
    int32_t n_inputs, n_outputs;
    int32_t *inputs, *outputs; /* vertex indices */
    uint64_t seed;
    bool multilayer; /* a MultiLayerNetwork in Deeplearning4j: a chain of layers without an input vertex */
    bool whole_gradients;           /* training does not divide gradients by the rows of the minibatch */
    int64_t iteration, epoch;       /* of training so far */
    char *updater;                  /* spec of what it was trained with; NULL: none */
    struct dli_blob *updater_state; /* f32, in Deeplearning4j's order of blocks; NULL: none */
    struct dli_blob *normalizer;    /* normalizer.bin as it lies in a file; NULL: none */
    struct dl4c_model_info info;    /* every pointer is the graph's own */
    _Atomic int32_t use;            /* runs going on; -1: being trained */
    _Atomic int32_t run_plans;      /* of the references, at least so many are sessions' */
    _Atomic bool trained;           /* since it was made: packed parameters may be out of date */
};

dl4c_graph *dli_graph_ref(dl4c_graph *g);
void dli_graph_unref(dl4c_graph *g);
/* An empty graph with one reference. */
dl4c_status dli_graph_new(dl4c_context *ctx, dl4c_graph **g, struct dl4c_error *err);
/* A copy that shares attributes and parameters. */
dl4c_status dli_graph_copy(const dl4c_graph *g, dl4c_graph **copy, struct dl4c_error *err);
dl4c_status dli_info_copy(dl4c_context *ctx, struct dl4c_model_info *dst, const struct dl4c_model_info *src, struct dl4c_error *err);
void dli_info_free(struct dl4c_model_info *info);

/* One more vertex at the end; the returned pointer is valid until the next. */
dl4c_status dli_graph_append(dl4c_graph *g, const char *name, struct dli_vertex **v, struct dl4c_error *err);
void dli_vertex_clear(struct dli_vertex *v);
dl4c_status dli_vertex_set_inputs(dl4c_context *ctx, struct dli_vertex *v, const int32_t *inputs, int32_t n, struct dl4c_error *err);
/* -1 where none is called so; also by the output tensor's name. */
int32_t dli_graph_index(const dl4c_graph *g, const char *name);
/* The same, with a message that names the nearest. */
dl4c_status dli_graph_lookup(const dl4c_graph *g, const char *name, int32_t *i, struct dl4c_error *err);
/* Whether rows of this shape are images with channels first for a graph whose file has its one input as [h, w, c]: what readers of images
 * give. Rows that suit both are as in the file. */
bool dli_graph_channels_first(const dl4c_graph *g, const int64_t *shape, int32_t rank);
/* Floats of all parameters that a vertex declares, there or not yet. */
int64_t dli_vertex_floats(const struct dli_vertex *v);
/* Whether i is a preprocessor of the layer behind it and of nothing else. */
bool dli_graph_pre(const dl4c_graph *g, int32_t i);
/* Keeps the vertices with keep[i], renumbering; edges to dropped ones must not exist. */
void dli_graph_compact(dl4c_graph *g, const uint8_t *keep);
/* Marks what vertex i depends on (up = true) or what depends on it; itself not. marks is cleared first. */
void dli_graph_reach(const dl4c_graph *g, int32_t i, bool up, uint8_t *marks);

/* Sorts topologically (keeping the order where it is one), infers all shapes and parameter declarations, checks parameters that are
 * there, draws those that are missing (draw = true), sets inputs and default outputs. */
dl4c_status dli_graph_resolve(dl4c_graph *g, bool draw, struct dl4c_error *err);
/* Shapes of all vertices for other input shapes ([n_inputs] in the graph's order; NULL: the graph's). shapes: [n_vertices]. Only those
 * with need[i] are looked at (NULL: all). Parameter declarations must come out as they are. */
dl4c_status dli_graph_infer(const dl4c_graph *g, const struct dl4c_shape *inputs, const uint8_t *need, struct dli_shape *shapes,
                            struct dl4c_error *err);

/* Gives `to` the state of the updater that its parameters had in `from`, vertex v of the one being from_of[v] of the other (-1: none; NULL:
 * by their names), each where it has to lie; shared where that is the same. It gets none where a parameter had none, or another updater
 * (to->updater is set before); with only_as_it_lies also where something would have to move. */
dl4c_status dli_graph_take_state(dl4c_graph *to, const dl4c_graph *from, const int32_t *from_of, bool only_as_it_lies,
                                 struct dl4c_error *err);

/* A run and training exclude each other. */
dl4c_status dli_graph_begin_run(dl4c_graph *g, const char *origin, struct dl4c_error *err);
void dli_graph_end_run(dl4c_graph *g);
dl4c_status dli_graph_begin_training(dl4c_graph *g, struct dl4c_error *err);
void dli_graph_end_training(dl4c_graph *g);

/* ---- for formats: the builder without tensors ---------------------------------------------------------------- */

/* Sets the parameters of a vertex from parts of blobs, taking references: [n] in the order of its declaration, which must be known
 * when the graph is finished. */
void dli_builder_params(dl4c_builder *b, const char *vertex, const struct dli_param *params, int32_t n);
void dli_builder_output_name(dl4c_builder *b, const char *vertex, const char *output);
void dli_builder_input_nhwc(dl4c_builder *b, const char *vertex);  /* its declared shape is [c, h, w], tensors come as [n, h, w, c] */
void dli_builder_mark_frozen(dl4c_builder *b, const char *vertex); /* this one only */
void dli_builder_mark_pre(dl4c_builder *b, const char *vertex);    /* struct dli_vertex: pre, maps */
void dli_builder_mark_maps(dl4c_builder *b, const char *vertex);
dl4c_graph *dli_builder_graph(dl4c_builder *b);                    /* what is being built; borrowed */
dl4c_status dli_builder_status(const dl4c_builder *b, struct dl4c_error *err); /* the sticky error so far */

#endif
