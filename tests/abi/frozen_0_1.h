/* SPDX-License-Identifier: Apache-2.0 */
/* The public declarations of libdl4c 0.1, as a client compiled them. Written by scripts/freeze-abi; never edited. */
#ifndef DL4C_FROZEN_0_1_H
#define DL4C_FROZEN_0_1_H

#include <stddef.h>
#include <stdint.h>

/* dl4c/base.h */
#if defined(DL4C_STATIC)
#define DL4C_API
#elif defined(_WIN32)
#define DL4C_API __declspec(dllimport)
#elif defined(__GNUC__)
#define DL4C_API __attribute__((visibility("default")))
#else
#define DL4C_API
#endif
#if defined(__GNUC__)
#define DL4C_DEPRECATED_IN(version, instead) __attribute__((deprecated("since " #version ": " instead)))
#else
#define DL4C_DEPRECATED_IN(version, instead)
#endif
#ifdef __cplusplus
#define DL4C_BEGIN extern "C" {
#define DL4C_END }
#else
#define DL4C_BEGIN
#define DL4C_END
#endif
#define DL4C_VERSION_MAJOR 0
#define DL4C_VERSION_MINOR 1
#define DL4C_VERSION_PATCH 0
#define DL4C_VERSION (DL4C_VERSION_MAJOR * 10000 + DL4C_VERSION_MINOR * 100 + DL4C_VERSION_PATCH)
DL4C_BEGIN
typedef int32_t dl4c_status;
enum {
    DL4C_OK = 0,
    DL4C_E_NOMEM = 1,
    DL4C_E_INVALID = 2,
    DL4C_E_NOTFOUND = 3,
    DL4C_E_EXISTS = 4,
    DL4C_E_IO = 5,
    DL4C_E_CORRUPT = 6,
    DL4C_E_UNSUPPORTED = 7,
    DL4C_E_TIMEOUT = 8,
    DL4C_E_CANCELLED = 9,
    DL4C_E_VERSION = 10,
    DL4C_E_DENIED = 11,
    DL4C_E_BUSY = 12,
    DL4C_E_STATE = 13,
    DL4C_E_LIMIT = 14,
    DL4C_E_PEER = 15,
    DL4C_E_DIVERGED = 16,
    DL4C_E_INTERNAL = 17,
    DL4C_E_FULL = 18
};
enum {
    DL4C_DOMAIN_NONE = 0,
    DL4C_DOMAIN_ERRNO = 1,
    DL4C_DOMAIN_HTTP = 2,
    DL4C_DOMAIN_CURL = 3,
    DL4C_DOMAIN_TLS = 4,
    DL4C_DOMAIN_MPI = 5
};
struct dl4c_error {
    dl4c_status status;
    int32_t domain;
    int64_t code;
    char origin[24];
    char message[472];
};
#define DL4C_ERROR_INIT { 0, 0, 0, { 0 }, { 0 } }
DL4C_API const char *dl4c_status_name(dl4c_status status);
DL4C_API int32_t dl4c_version(void);
DL4C_API const char *dl4c_version_string(void);
DL4C_API void dl4c_free(void *text);
typedef struct dl4c_context dl4c_context;
enum { DL4C_LOG_NONE = 0, DL4C_LOG_ERROR = 1, DL4C_LOG_WARNING = 2, DL4C_LOG_INFO = 3, DL4C_LOG_DEBUG = 4 };
typedef void (*dl4c_log_fn)(void *user, int32_t level, const char *origin, const char *message);
typedef void *(*dl4c_alloc_fn)(void *user, size_t size, size_t alignment);
typedef void (*dl4c_release_fn)(void *user, void *memory, size_t size);
struct dl4c_context_options {
    size_t struct_size;
    dl4c_alloc_fn alloc;
    dl4c_release_fn release;
    void *alloc_user;
    dl4c_log_fn log;
    void *log_user;
    int32_t log_level;
    int32_t threads;
    int64_t memory_limit_bytes;
    const char *blas;
    uint64_t flags;
};
#define DL4C_CONTEXT_OPTIONS_INIT { sizeof(struct dl4c_context_options), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 }
DL4C_API dl4c_status dl4c_context_create(const struct dl4c_context_options *options, dl4c_context **ctx, struct dl4c_error *err);
DL4C_API void dl4c_context_destroy(dl4c_context **ctx);
DL4C_API int32_t dl4c_context_threads(dl4c_context *ctx);
DL4C_API const char *dl4c_context_gemm(dl4c_context *ctx);
DL4C_API void dl4c_context_memory(dl4c_context *ctx, int64_t *used_bytes, int64_t *peak_bytes);
struct dl4c_progress {
    size_t struct_size;
    const char *stage;
    int64_t done;
    int64_t total;
    double percent;
    double rate;
    double eta_s;
    int64_t epoch;
    double score;
    int64_t bad;
    int64_t bytes;
};
typedef int (*dl4c_progress_fn)(void *user, const struct dl4c_progress *progress);
DL4C_API void dl4c_cancel_set(int32_t *cancel);
DL4C_API const char *dl4c_cpu_kernels(void);
enum {
    DL4C_PRECISION_F32 = 0,
    DL4C_PRECISION_BF16_WEIGHTS = 1,
    DL4C_PRECISION_BF16 = 2,
    DL4C_PRECISION_INT8_WEIGHTS = 3
};
DL4C_API const char *dl4c_precision_name(int32_t precision);
DL4C_API dl4c_status dl4c_precision_find(const char *name, int32_t *precision, struct dl4c_error *err);
DL4C_API dl4c_status dl4c_precision_check(int32_t precision, struct dl4c_error *err);
DL4C_API int32_t dl4c_build_info_count(void);
DL4C_API dl4c_status dl4c_build_info(int32_t i, const char **name, const char **value, struct dl4c_error *err);
DL4C_END

/* dl4c/chart.h */
DL4C_BEGIN
struct dl4c_chart_series {
    const char *name;
    const double *x;
    const double *y;
    int64_t n;
    int32_t panel;
    int32_t reserved;
};
struct dl4c_chart_options {
    size_t struct_size;
    const char *title;
    const char *x_label;
    const char *const *y_labels;
    int32_t n_panels;
    int32_t width;
    int32_t panel_height;
    uint32_t flags;
};
#define DL4C_CHART_OPTIONS_INIT { sizeof(struct dl4c_chart_options), 0, 0, 0, 0, 0, 0, 0 }
DL4C_API dl4c_status dl4c_chart_svg(dl4c_context *ctx, const struct dl4c_chart_options *options, const struct dl4c_chart_series *series,
                                    int32_t n_series, char **text, struct dl4c_error *err);
DL4C_END

/* dl4c/op.h */
DL4C_BEGIN
enum {
    DL4C_ATTR_INT = 1,
    DL4C_ATTR_FLOAT = 2,
    DL4C_ATTR_STR = 3,
    DL4C_ATTR_INTS = 4,
    DL4C_ATTR_FLOATS = 5
};
struct dl4c_attr {
    const char *name;
    int32_t type;
    int32_t count;
    union {
        int64_t i;
        double f;
        const char *s;
        const int64_t *is;
        const double *fs;
    } v;
};
static inline struct dl4c_attr dl4c_attr_int(const char *name, int64_t value)
{
    struct dl4c_attr a;
    a.name = name;
    a.type = DL4C_ATTR_INT;
    a.count = 1;
    a.v.i = value;
    return a;
}
static inline struct dl4c_attr dl4c_attr_float(const char *name, double value)
{
    struct dl4c_attr a;
    a.name = name;
    a.type = DL4C_ATTR_FLOAT;
    a.count = 1;
    a.v.f = value;
    return a;
}
static inline struct dl4c_attr dl4c_attr_str(const char *name, const char *value)
{
    struct dl4c_attr a;
    a.name = name;
    a.type = DL4C_ATTR_STR;
    a.count = 1;
    a.v.s = value;
    return a;
}
static inline struct dl4c_attr dl4c_attr_ints(const char *name, const int64_t *values, int32_t count)
{
    struct dl4c_attr a;
    a.name = name;
    a.type = DL4C_ATTR_INTS;
    a.count = count;
    a.v.is = values;
    return a;
}
static inline struct dl4c_attr dl4c_attr_floats(const char *name, const double *values, int32_t count)
{
    struct dl4c_attr a;
    a.name = name;
    a.type = DL4C_ATTR_FLOATS;
    a.count = count;
    a.v.fs = values;
    return a;
}
enum {
    DL4C_KIND_OP = 0,
    DL4C_KIND_UPDATER = 1,
    DL4C_KIND_SCHEDULE = 2,
    DL4C_KIND_LOSS = 3,
    DL4C_KIND_PREPROCESS = 4,
    DL4C_KIND_CONSTRAINT = 5
};
struct dl4c_descriptor {
    size_t struct_size;
    const char *name;
    const char *doc;
    int32_t min_inputs;
    int32_t max_inputs;
    int32_t n_attrs;
    int32_t trainable;
};
#define DL4C_DESCRIPTOR_INIT { sizeof(struct dl4c_descriptor), 0, 0, 0, 0, 0, 0 }
struct dl4c_attr_info {
    size_t struct_size;
    const char *name;
    const char *doc;
    int32_t type;
    int32_t count;
    int32_t required;
    int32_t n_choices;
    const char *const *choices;
    double min, max;
    double def;
    const char *def_text;
};
#define DL4C_ATTR_INFO_INIT { sizeof(struct dl4c_attr_info), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 }
DL4C_API int32_t dl4c_descriptor_count(int32_t kind);
DL4C_API dl4c_status dl4c_descriptor_get(int32_t kind, int32_t i, struct dl4c_descriptor *out, struct dl4c_error *err);
DL4C_API dl4c_status dl4c_descriptor_attr(int32_t kind, int32_t i, int32_t a, struct dl4c_attr_info *out, struct dl4c_error *err);
DL4C_END

/* dl4c/tensor.h */
DL4C_BEGIN
typedef struct dl4c_tensor dl4c_tensor;
enum { DL4C_MAX_RANK = 8 };
enum { DL4C_F32 = 1, DL4C_F64 = 2, DL4C_F16 = 3, DL4C_BF16 = 4, DL4C_I32 = 5, DL4C_I64 = 6, DL4C_U8 = 7 };
DL4C_API size_t dl4c_dtype_size(int32_t dtype);
DL4C_API const char *dl4c_dtype_name(int32_t dtype);
DL4C_API dl4c_status dl4c_tensor_create(dl4c_context *ctx, int32_t dtype, const int64_t *shape, int32_t rank, dl4c_tensor **t,
                                        struct dl4c_error *err);
typedef void (*dl4c_release_cookie_fn)(void *cookie);
enum { DL4C_WRAP_READ_ONLY = 1  };
DL4C_API dl4c_status dl4c_tensor_wrap(dl4c_context *ctx, int32_t dtype, const int64_t *shape, const int64_t *strides, int32_t rank,
                                      void *data, uint32_t flags, dl4c_release_cookie_fn release, void *cookie, dl4c_tensor **t,
                                      struct dl4c_error *err);
DL4C_API dl4c_tensor *dl4c_tensor_ref(dl4c_tensor *t);
DL4C_API void dl4c_tensor_unref(dl4c_tensor **t);
DL4C_API int32_t dl4c_tensor_dtype(const dl4c_tensor *t);
DL4C_API int32_t dl4c_tensor_rank(const dl4c_tensor *t);
DL4C_API int64_t dl4c_tensor_dim(const dl4c_tensor *t, int32_t axis);
DL4C_API const int64_t *dl4c_tensor_shape(const dl4c_tensor *t);
DL4C_API const int64_t *dl4c_tensor_strides(const dl4c_tensor *t);
DL4C_API int64_t dl4c_tensor_size(const dl4c_tensor *t);
DL4C_API int32_t dl4c_tensor_is_contiguous(const dl4c_tensor *t);
DL4C_API int32_t dl4c_tensor_is_read_only(const dl4c_tensor *t);
DL4C_API void *dl4c_tensor_data(dl4c_tensor *t);
DL4C_API const void *dl4c_tensor_data_const(const dl4c_tensor *t);
DL4C_API dl4c_status dl4c_tensor_slice(dl4c_tensor *t, int32_t axis, int64_t start, int64_t stop, int64_t step, dl4c_tensor **view,
                                       struct dl4c_error *err);
DL4C_API dl4c_status dl4c_tensor_reshape(dl4c_tensor *t, const int64_t *shape, int32_t rank, dl4c_tensor **view, struct dl4c_error *err);
DL4C_API dl4c_status dl4c_tensor_transpose(dl4c_tensor *t, const int32_t *perm, dl4c_tensor **view, struct dl4c_error *err);
DL4C_API dl4c_status dl4c_tensor_copy(dl4c_tensor *dst, const dl4c_tensor *src, struct dl4c_error *err);
DL4C_API dl4c_status dl4c_tensor_to(dl4c_tensor *t, int32_t dtype, dl4c_tensor **out, struct dl4c_error *err);
DL4C_API dl4c_status dl4c_tensor_load_npy(dl4c_context *ctx, const char *uri, dl4c_tensor **t, struct dl4c_error *err);
DL4C_API dl4c_status dl4c_tensor_parse_npy(dl4c_context *ctx, const void *bytes, size_t size, dl4c_tensor **t, struct dl4c_error *err);
DL4C_API dl4c_status dl4c_tensor_save_npy(const dl4c_tensor *t, const char *uri, struct dl4c_error *err);
DL4C_END

/* dl4c/graph.h */
DL4C_BEGIN
typedef struct dl4c_graph dl4c_graph;
DL4C_API void dl4c_graph_destroy(dl4c_graph **graph);
DL4C_API dl4c_status dl4c_graph_clone(dl4c_graph *graph, dl4c_graph **clone, struct dl4c_error *err);
typedef struct dl4c_builder dl4c_builder;
DL4C_API dl4c_status dl4c_builder_create(dl4c_context *ctx, dl4c_graph *start, dl4c_builder **b, struct dl4c_error *err);
DL4C_API void dl4c_builder_destroy(dl4c_builder **b);
DL4C_API void dl4c_builder_input(dl4c_builder *b, const char *name, const int64_t *shape, int32_t rank);
DL4C_API void dl4c_builder_add(dl4c_builder *b, const char *op, const char *name, const char *const *inputs, int32_t n_inputs,
                               const struct dl4c_attr *attrs, int32_t n_attrs);
DL4C_API void dl4c_builder_add_text(dl4c_builder *b, const char *text, const char *name, const char *const *inputs, int32_t n_inputs);
DL4C_API void dl4c_builder_param(dl4c_builder *b, const char *vertex, const char *param, const dl4c_tensor *value);
DL4C_API void dl4c_builder_seed(dl4c_builder *b, uint64_t seed);
DL4C_API void dl4c_builder_freeze(dl4c_builder *b, const char *vertex);
DL4C_API void dl4c_builder_unfreeze(dl4c_builder *b, const char *vertex);
enum { DL4C_KEEP_CONNECTIONS = 1  };
DL4C_API void dl4c_builder_remove(dl4c_builder *b, const char *vertex, uint32_t flags);
DL4C_API void dl4c_builder_replace_n_out(dl4c_builder *b, const char *vertex, int64_t n_out, const char *weight_init,
                                         const char *next_weight_init);
DL4C_API void dl4c_builder_fine_tune(dl4c_builder *b, const char *settings);
DL4C_API void dl4c_builder_outputs(dl4c_builder *b, const char *const *names, int32_t n);
DL4C_API dl4c_status dl4c_builder_finish(dl4c_builder **b, dl4c_graph **graph, struct dl4c_error *err);
struct dl4c_vertex {
    size_t struct_size;
    const char *name;
    const char *op;
    const char *output;
    int32_t n_inputs;
    int32_t n_params;
    int64_t param_count;
    int32_t frozen;
    int32_t is_output;
    int32_t rank;
    int32_t reserved;
    const int64_t *shape;
};
#define DL4C_VERTEX_INIT { sizeof(struct dl4c_vertex), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 }
DL4C_API int32_t dl4c_graph_vertex_count(const dl4c_graph *graph);
DL4C_API dl4c_status dl4c_graph_vertex(const dl4c_graph *graph, int32_t i, struct dl4c_vertex *out, struct dl4c_error *err);
DL4C_API dl4c_status dl4c_graph_find(const dl4c_graph *graph, const char *name, int32_t *i, struct dl4c_error *err);
DL4C_API int32_t dl4c_graph_vertex_input(const dl4c_graph *graph, int32_t i, int32_t k);
DL4C_API dl4c_status dl4c_graph_vertex_attr(const dl4c_graph *graph, int32_t i, int32_t a, struct dl4c_attr *out, struct dl4c_error *err);
DL4C_API dl4c_status dl4c_graph_ancestors(const dl4c_graph *graph, int32_t i, uint8_t *marks, struct dl4c_error *err);
DL4C_API dl4c_status dl4c_graph_descendants(const dl4c_graph *graph, int32_t i, uint8_t *marks, struct dl4c_error *err);
DL4C_API int32_t dl4c_graph_input_count(const dl4c_graph *graph);
DL4C_API int32_t dl4c_graph_output_count(const dl4c_graph *graph);
DL4C_API int32_t dl4c_graph_input(const dl4c_graph *graph, int32_t k);
DL4C_API int32_t dl4c_graph_output(const dl4c_graph *graph, int32_t k);
DL4C_API const char *dl4c_graph_param_name(const dl4c_graph *graph, int32_t i, int32_t p);
DL4C_API dl4c_status dl4c_graph_param(dl4c_graph *graph, const char *vertex, const char *param, dl4c_tensor **t, struct dl4c_error *err);
DL4C_API void dl4c_graph_param_count(const dl4c_graph *graph, int64_t *total, int64_t *trainable, int64_t *frozen);
struct dl4c_summary_options {
    size_t struct_size;
    int32_t shapes;
    int32_t reserved;
};
#define DL4C_SUMMARY_OPTIONS_INIT { sizeof(struct dl4c_summary_options), 0, 0 }
DL4C_API dl4c_status dl4c_graph_summary(dl4c_graph *graph, const struct dl4c_summary_options *options, char **text, struct dl4c_error *err);
DL4C_API dl4c_status dl4c_graph_json(dl4c_graph *graph, char **text, struct dl4c_error *err);
DL4C_API dl4c_status dl4c_graph_draw(dl4c_graph *graph, const char *form, char **text, struct dl4c_error *err);
struct dl4c_model_info {
    size_t struct_size;
    int32_t n_classes;
    int32_t reserved;
    const char *const *classes;
    const char *preprocess;
    int32_t height, width;
    const char *pool;
    const char *vertex;
    const char *trunk_digest;
    const char *training;
};
#define DL4C_MODEL_INFO_INIT { sizeof(struct dl4c_model_info), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 }
DL4C_API dl4c_status dl4c_graph_info(const dl4c_graph *graph, struct dl4c_model_info *out, struct dl4c_error *err);
DL4C_API dl4c_status dl4c_graph_set_info(dl4c_graph *graph, const struct dl4c_model_info *info, struct dl4c_error *err);
DL4C_API dl4c_status dl4c_graph_digest(dl4c_graph *graph, char **hex, struct dl4c_error *err);
struct dl4c_split_options {
    size_t struct_size;
    uint64_t flags;
};
#define DL4C_SPLIT_OPTIONS_INIT { sizeof(struct dl4c_split_options), 0 }
DL4C_API dl4c_status dl4c_graph_split(dl4c_graph *graph, const char *const *at, int32_t n_at, const struct dl4c_split_options *options,
                                      dl4c_graph **trunk, dl4c_graph **head, struct dl4c_error *err);
struct dl4c_join_options {
    size_t struct_size;
    uint64_t flags;
};
#define DL4C_JOIN_OPTIONS_INIT { sizeof(struct dl4c_join_options), 0 }
DL4C_API dl4c_status dl4c_graph_join(dl4c_graph *trunk, dl4c_graph *head, const struct dl4c_join_options *options, dl4c_graph **whole,
                                     struct dl4c_error *err);
typedef struct dl4c_session dl4c_session;
struct dl4c_shape {
    int32_t rank;
    int32_t reserved;
    int64_t dim[DL4C_MAX_RANK];
};
enum {
    DL4C_SESSION_LOW_MEMORY = 1,
    DL4C_SESSION_NO_FUSION = 2,
    DL4C_SESSION_CHANNELS_FIRST = 4
};
struct dl4c_session_options {
    size_t struct_size;
    int64_t batch;
    const char *const *outputs;
    int32_t n_outputs;
    int32_t threads;
    void *arena;
    size_t arena_bytes;
    const struct dl4c_shape *input_shapes;
    int32_t n_input_shapes;
    int32_t precision;
    uint64_t flags;
};
#define DL4C_SESSION_OPTIONS_INIT { sizeof(struct dl4c_session_options), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 }
DL4C_API dl4c_status dl4c_session_create(dl4c_context *ctx, dl4c_graph *graph, const struct dl4c_session_options *options, dl4c_session **s,
                                         struct dl4c_error *err);
struct dl4c_session_memory {
    size_t struct_size;
    int64_t weights_bytes;
    int64_t mapped_bytes;
    int64_t read_bytes;
    int64_t packed_bytes;
    int64_t arena_bytes;
    int64_t scratch_bytes;
    int64_t total_bytes;
};
#define DL4C_SESSION_MEMORY_INIT { sizeof(struct dl4c_session_memory), 0, 0, 0, 0, 0, 0, 0 }
DL4C_API dl4c_status dl4c_session_plan(dl4c_context *ctx, dl4c_graph *graph, const struct dl4c_session_options *options,
                                       struct dl4c_session_memory *memory, char **text, struct dl4c_error *err);
DL4C_API dl4c_status dl4c_session_get_memory(const dl4c_session *s, struct dl4c_session_memory *out, struct dl4c_error *err);
DL4C_API void dl4c_session_destroy(dl4c_session **s);
DL4C_API size_t dl4c_session_bytes(const dl4c_session *s);
DL4C_API size_t dl4c_session_packed_bytes(const dl4c_session *s);
DL4C_API int32_t dl4c_session_input_count(const dl4c_session *s);
DL4C_API int32_t dl4c_session_output_count(const dl4c_session *s);
DL4C_API dl4c_status dl4c_session_input_shape(const dl4c_session *s, int32_t i, struct dl4c_shape *out, struct dl4c_error *err);
DL4C_API dl4c_status dl4c_session_output_shape(const dl4c_session *s, int32_t i, struct dl4c_shape *out, struct dl4c_error *err);
DL4C_API dl4c_status dl4c_session_run(dl4c_session *s, dl4c_tensor *const *inputs, int32_t n_inputs, struct dl4c_error *err);
DL4C_API dl4c_status dl4c_session_mask(dl4c_session *s, dl4c_tensor *mask, struct dl4c_error *err);
DL4C_API dl4c_status dl4c_session_output(dl4c_session *s, int32_t i, dl4c_tensor **y, struct dl4c_error *err);
DL4C_API dl4c_status dl4c_session_bind(dl4c_session *s, int32_t i, dl4c_tensor *y, struct dl4c_error *err);
DL4C_API dl4c_status dl4c_session_describe(const dl4c_session *s, char **text, struct dl4c_error *err);
DL4C_END

/* dl4c/image.h */
DL4C_BEGIN
typedef struct dl4c_image dl4c_image;
enum {
    DL4C_IMAGE_IGNORE_EXIF = 1,
    DL4C_IMAGE_TOLERATE = 2,
    DL4C_IMAGE_CMYK_OPENCV = 4
};
struct dl4c_image_options {
    size_t struct_size;
    int64_t max_pixels;
    int32_t max_scans;
    int32_t reserved;
    uint64_t flags;
};
#define DL4C_IMAGE_OPTIONS_INIT { sizeof(struct dl4c_image_options), 0, 0, 0, 0 }
struct dl4c_image_info {
    size_t struct_size;
    const char *format;
    int32_t width;
    int32_t height;
    int32_t channels;
    int32_t orientation;
};
#define DL4C_IMAGE_INFO_INIT { sizeof(struct dl4c_image_info), 0, 0, 0, 0, 0 }
DL4C_API dl4c_status dl4c_image_probe(dl4c_context *ctx, const void *bytes, size_t size, const struct dl4c_image_options *options,
                                      struct dl4c_image_info *info, struct dl4c_error *err);
DL4C_API dl4c_status dl4c_image_decode(dl4c_context *ctx, const void *bytes, size_t size, const struct dl4c_image_options *options,
                                       dl4c_image **img, struct dl4c_error *err);
DL4C_API dl4c_status dl4c_image_create(dl4c_context *ctx, int32_t width, int32_t height, int32_t channels, dl4c_image **img,
                                       struct dl4c_error *err);
DL4C_API dl4c_status dl4c_image_wrap(dl4c_context *ctx, int32_t width, int32_t height, int32_t channels, void *pixels, size_t stride_bytes,
                                     dl4c_release_cookie_fn release, void *cookie, dl4c_image **img, struct dl4c_error *err);
DL4C_API dl4c_status dl4c_image_clone(const dl4c_image *img, dl4c_image **copy, struct dl4c_error *err);
DL4C_API void dl4c_image_destroy(dl4c_image **img);
DL4C_API int32_t dl4c_image_width(const dl4c_image *img);
DL4C_API int32_t dl4c_image_height(const dl4c_image *img);
DL4C_API int32_t dl4c_image_channels(const dl4c_image *img);
DL4C_API size_t dl4c_image_stride(const dl4c_image *img);
DL4C_API uint8_t *dl4c_image_pixels(dl4c_image *img);
DL4C_API const uint8_t *dl4c_image_pixels_const(const dl4c_image *img);
DL4C_API dl4c_status dl4c_image_orient(const dl4c_image *img, int32_t orientation, dl4c_image **out, struct dl4c_error *err);
DL4C_API dl4c_status dl4c_image_convert(const dl4c_image *img, int32_t channels, dl4c_image **out, struct dl4c_error *err);
enum {
    DL4C_RESIZE_DL4J = 0,
    DL4C_RESIZE_PILLOW = 1,
    DL4C_RESIZE_NEAREST = 2
};
enum {
    DL4C_FIT_STRETCH = 0,
    DL4C_FIT_CROP = 1,
    DL4C_FIT_PAD = 2,
    DL4C_FIT_DL4J_CROP = 3
};
DL4C_API dl4c_status dl4c_image_resize(const dl4c_image *img, int32_t width, int32_t height, int32_t method, dl4c_image **out,
                                       struct dl4c_error *err);
DL4C_API dl4c_status dl4c_image_fit(const dl4c_image *img, int32_t width, int32_t height, int32_t method, int32_t fit, double enlarge,
                                    dl4c_image **out, struct dl4c_error *err);
enum { DL4C_ORDER_RGB = 0, DL4C_ORDER_BGR = 1 };
enum { DL4C_CMYK_PILLOW = 0, DL4C_CMYK_OPENCV = 1 };
struct dl4c_preprocess {
    char name[24];
    int32_t order;
    int32_t resize;
    int32_t fit;
    int32_t ignore_exif;
    int32_t cmyk;
    float divide;
    double enlarge;
    float mean[3];
    float std[3];
};
DL4C_API int32_t dl4c_preprocess_count(void);
DL4C_API const struct dl4c_preprocess *dl4c_preprocess_get(int32_t i);
DL4C_API dl4c_status dl4c_preprocess_named(const char *name, struct dl4c_preprocess *p, struct dl4c_error *err);
DL4C_API dl4c_status dl4c_preprocess_parse(dl4c_context *ctx, const char *text, struct dl4c_preprocess *p, struct dl4c_error *err);
DL4C_API dl4c_status dl4c_preprocess_print(dl4c_context *ctx, const struct dl4c_preprocess *p, char **text, struct dl4c_error *err);
DL4C_API dl4c_status dl4c_image_to_floats(const dl4c_image *img, const struct dl4c_preprocess *p, int32_t channels, int32_t height,
                                          int32_t width, float *out, struct dl4c_error *err);
static inline void dl4c_preprocess_options(const struct dl4c_preprocess *p, struct dl4c_image_options *options)
{
    const uint64_t exif = DL4C_IMAGE_IGNORE_EXIF, cmyk = DL4C_IMAGE_CMYK_OPENCV;
    options->flags &= ~(exif | cmyk);
    if (p->ignore_exif)
        options->flags |= exif;
    if (p->cmyk == DL4C_CMYK_OPENCV)
        options->flags |= cmyk;
}
typedef struct dl4c_transform dl4c_transform;
enum {
    DL4C_TRANSFORM_SHUFFLE = 1,
    DL4C_TRANSFORM_JAVA = 2
};
struct dl4c_transform_options {
    size_t struct_size;
    const char *const *steps;
    const double *probabilities;
    int32_t n_steps;
    int32_t flags;
};
#define DL4C_TRANSFORM_OPTIONS_INIT { sizeof(struct dl4c_transform_options), 0, 0, 0, 0 }
DL4C_API dl4c_status dl4c_transform_create(dl4c_context *ctx, const struct dl4c_transform_options *options, dl4c_transform **t,
                                           struct dl4c_error *err);
DL4C_API dl4c_status dl4c_transform_parse(dl4c_context *ctx, const char *text, dl4c_transform **t, struct dl4c_error *err);
DL4C_API void dl4c_transform_destroy(dl4c_transform **t);
DL4C_API dl4c_status dl4c_transform_apply(const dl4c_transform *t, const dl4c_image *img, int64_t seed, dl4c_image **out,
                                          struct dl4c_error *err);
DL4C_END

/* dl4c/compare.h */
DL4C_BEGIN
struct dl4c_compare_side {
    size_t struct_size;
    dl4c_graph *graph;
    const char *activations;
    const struct dl4c_preprocess *preprocess;
    int32_t height;
    int32_t width;
};
#define DL4C_COMPARE_SIDE_INIT { sizeof(struct dl4c_compare_side), 0, 0, 0, 0, 0 }
struct dl4c_compare_options {
    size_t struct_size;
    const void *image;
    size_t image_bytes;
    const dl4c_tensor *input;
    const char *const *map;
    int32_t n_map;
    int32_t reserved;
    double tolerance;
    const int32_t *cancel;
    int64_t timeout_ms;
    uint64_t flags;
};
#define DL4C_COMPARE_OPTIONS_INIT { sizeof(struct dl4c_compare_options), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 }
typedef struct dl4c_comparison dl4c_comparison;
struct dl4c_compare_stage {
    size_t struct_size;
    const char *name;
    const char *other;
    const char *op;
    const char *note;
    double error;
    double largest;
    int64_t count;
    int32_t differs;
    int32_t reserved;
};
#define DL4C_COMPARE_STAGE_INIT { sizeof(struct dl4c_compare_stage), 0, 0, 0, 0, 0, 0, 0, 0, 0 }
DL4C_API dl4c_status dl4c_compare(dl4c_context *ctx, const struct dl4c_compare_side *a, const struct dl4c_compare_side *b,
                                  const struct dl4c_compare_options *options, dl4c_comparison **out, struct dl4c_error *err);
DL4C_API void dl4c_comparison_destroy(dl4c_comparison **c);
DL4C_API int32_t dl4c_comparison_count(const dl4c_comparison *c);
DL4C_API dl4c_status dl4c_comparison_stage(const dl4c_comparison *c, int32_t i, struct dl4c_compare_stage *out, struct dl4c_error *err);
DL4C_API int32_t dl4c_comparison_first(const dl4c_comparison *c);
DL4C_API void dl4c_comparison_cause(const dl4c_comparison *c, const char **name, const char **sentence);
DL4C_API dl4c_status dl4c_comparison_text(const dl4c_comparison *c, char **text, struct dl4c_error *err);
DL4C_END

/* dl4c/evaluation.h */
DL4C_BEGIN
typedef struct dl4c_evaluation dl4c_evaluation;
enum {
    DL4C_EVALUATION_FIRST_POSITIVE = 1,
    DL4C_EVALUATION_NO_POSITIVE = 2
};
struct dl4c_evaluation_options {
    size_t struct_size;
    int32_t n_classes;
    int32_t top_n;
    const char *const *classes;
    double threshold;
    const float *costs;
    uint64_t flags;
};
#define DL4C_EVALUATION_OPTIONS_INIT { sizeof(struct dl4c_evaluation_options), 0, 0, 0, 0, 0, 0 }
DL4C_API dl4c_status dl4c_evaluation_create(dl4c_context *ctx, const struct dl4c_evaluation_options *options, dl4c_evaluation **e,
                                            struct dl4c_error *err);
DL4C_API void dl4c_evaluation_destroy(dl4c_evaluation **e);
DL4C_API dl4c_status dl4c_evaluation_add(dl4c_evaluation *e, const float *probabilities, const int64_t *labels, int64_t n,
                                         struct dl4c_error *err);
DL4C_API dl4c_status dl4c_evaluation_add_masked(dl4c_evaluation *e, const float *probabilities, const int64_t *labels, const float *mask,
                                                int64_t n, struct dl4c_error *err);
DL4C_API dl4c_status dl4c_evaluation_merge(dl4c_evaluation *e, const dl4c_evaluation *other, struct dl4c_error *err);
DL4C_API int64_t dl4c_evaluation_count(const dl4c_evaluation *e);
DL4C_API int32_t dl4c_evaluation_classes(const dl4c_evaluation *e);
DL4C_API int32_t dl4c_evaluation_top_n(const dl4c_evaluation *e);
DL4C_API const char *dl4c_evaluation_class_name(const dl4c_evaluation *e, int32_t i);
DL4C_API int64_t dl4c_evaluation_confusion(const dl4c_evaluation *e, int32_t actual, int32_t predicted);
DL4C_API void dl4c_evaluation_class_counts(const dl4c_evaluation *e, int32_t i, int64_t *true_positives, int64_t *false_positives,
                                           int64_t *true_negatives, int64_t *false_negatives);
enum {
    DL4C_METRIC_ACCURACY = 1,
    DL4C_METRIC_BALANCED_ACCURACY = 2,
    DL4C_METRIC_PRECISION = 3,
    DL4C_METRIC_RECALL = 4,
    DL4C_METRIC_F1 = 5,
    DL4C_METRIC_G_MEASURE = 6,
    DL4C_METRIC_MCC = 7,
    DL4C_METRIC_FALSE_POSITIVE_RATE = 8,
    DL4C_METRIC_FALSE_NEGATIVE_RATE = 9,
    DL4C_METRIC_FALSE_ALARM_RATE = 10
};
enum {
    DL4C_AVERAGE_DEFAULT = 0,
    DL4C_AVERAGE_MACRO = 1,
    DL4C_AVERAGE_MICRO = 2
};
DL4C_API double dl4c_evaluation_metric(const dl4c_evaluation *e, int32_t metric, int32_t average);
DL4C_API double dl4c_evaluation_class_metric(const dl4c_evaluation *e, int32_t metric, int32_t i);
DL4C_API double dl4c_evaluation_accuracy(const dl4c_evaluation *e);
DL4C_API double dl4c_evaluation_balanced_accuracy(const dl4c_evaluation *e);
DL4C_API double dl4c_evaluation_top_n_accuracy(const dl4c_evaluation *e);
DL4C_API double dl4c_evaluation_precision(const dl4c_evaluation *e);
DL4C_API double dl4c_evaluation_recall(const dl4c_evaluation *e);
DL4C_API double dl4c_evaluation_f1(const dl4c_evaluation *e);
DL4C_API double dl4c_evaluation_class_precision(const dl4c_evaluation *e, int32_t i);
DL4C_API double dl4c_evaluation_class_recall(const dl4c_evaluation *e, int32_t i);
DL4C_API double dl4c_evaluation_class_f1(const dl4c_evaluation *e, int32_t i);
enum {
    DL4C_STATS_NO_CONFUSION = 1,
    DL4C_STATS_ANY_CONFUSION = 2,
    DL4C_STATS_NO_WARNINGS = 4
};
DL4C_API dl4c_status dl4c_evaluation_stats(const dl4c_evaluation *e, uint32_t flags, char **text, struct dl4c_error *err);
DL4C_API dl4c_status dl4c_evaluation_json(const dl4c_evaluation *e, char **text, struct dl4c_error *err);
DL4C_API dl4c_status dl4c_evaluation_dl4j_json(const dl4c_evaluation *e, char **text, struct dl4c_error *err);
DL4C_API dl4c_status dl4c_evaluation_from_dl4j(dl4c_context *ctx, const char *text, size_t size, dl4c_evaluation **e,
                                               struct dl4c_error *err);
DL4C_API dl4c_status dl4c_evaluation_confusion_text(const dl4c_evaluation *e, char **text, struct dl4c_error *err);
DL4C_API dl4c_status dl4c_evaluation_confusion_csv(const dl4c_evaluation *e, char **text, struct dl4c_error *err);
DL4C_API dl4c_status dl4c_evaluation_confusion_html(const dl4c_evaluation *e, char **text, struct dl4c_error *err);
DL4C_API dl4c_status dl4c_evaluation_confusion_svg(const dl4c_evaluation *e, char **text, struct dl4c_error *err);
typedef struct dl4c_measure dl4c_measure;
enum {
    DL4C_MEASURE_BINARY = 1,
    DL4C_MEASURE_ROC = 2,
    DL4C_MEASURE_ROC_BINARY = 3,
    DL4C_MEASURE_ROC_MULTICLASS = 4,
    DL4C_MEASURE_REGRESSION = 5,
    DL4C_MEASURE_CALIBRATION = 6
};
enum {
    DL4C_MEASURE_ALL_POINTS = 1,
    DL4C_MEASURE_WITH_ROC = 2,
    DL4C_MEASURE_EMPTY_BINS = 4
};
struct dl4c_measure_options {
    size_t struct_size;
    int32_t kind;
    int32_t columns;
    const char *const *names;
    const float *thresholds;
    int32_t steps;
    int32_t digits;
    int32_t reliability_bins;
    int32_t histogram_bins;
    int32_t flags;
    int32_t reserved;
};
#define DL4C_MEASURE_OPTIONS_INIT { sizeof(struct dl4c_measure_options), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 }
DL4C_API dl4c_status dl4c_measure_create(dl4c_context *ctx, const struct dl4c_measure_options *options, dl4c_measure **m,
                                         struct dl4c_error *err);
DL4C_API void dl4c_measure_destroy(dl4c_measure **m);
DL4C_API dl4c_status dl4c_measure_add(dl4c_measure *m, const float *labels, const float *predictions, const float *mask,
                                      int32_t mask_columns, int64_t n, struct dl4c_error *err);
DL4C_API dl4c_status dl4c_measure_merge(dl4c_measure *m, const dl4c_measure *other, struct dl4c_error *err);
DL4C_API int32_t dl4c_measure_kind(const dl4c_measure *m);
DL4C_API int32_t dl4c_measure_columns(const dl4c_measure *m);
DL4C_API int64_t dl4c_measure_count(const dl4c_measure *m, int32_t column);
DL4C_API void dl4c_measure_column_counts(const dl4c_measure *m, int32_t column, int64_t *true_positives, int64_t *false_positives,
                                         int64_t *true_negatives, int64_t *false_negatives);
enum {
    DL4C_METRIC_AUROC = 20,
    DL4C_METRIC_AUPRC = 21,
    DL4C_METRIC_MSE = 30,
    DL4C_METRIC_MAE = 31,
    DL4C_METRIC_RMSE = 32,
    DL4C_METRIC_RSE = 33,
    DL4C_METRIC_PC = 34,
    DL4C_METRIC_R2 = 35
};
DL4C_API double dl4c_measure_value(const dl4c_measure *m, int32_t metric, int32_t column);
enum {
    DL4C_CURVE_ROC = 1,
    DL4C_CURVE_PRECISION_RECALL = 2,
    DL4C_CURVE_RELIABILITY = 3,
    DL4C_CURVE_RESIDUALS = 4,
    DL4C_CURVE_PROBABILITIES = 5
};
DL4C_API dl4c_status dl4c_measure_curve(const dl4c_measure *m, int32_t curve, int32_t column, double **points, int64_t *n_points,
                                        struct dl4c_error *err);
DL4C_API dl4c_status dl4c_measure_stats(const dl4c_measure *m, char **text, struct dl4c_error *err);
DL4C_API dl4c_status dl4c_measure_dl4j_json(const dl4c_measure *m, char **text, struct dl4c_error *err);
DL4C_API dl4c_status dl4c_measure_from_dl4j(dl4c_context *ctx, const char *text, size_t size, dl4c_measure **m, struct dl4c_error *err);
DL4C_END

/* dl4c/source.h */
DL4C_BEGIN
typedef struct dl4c_source dl4c_source;
struct dl4c_batch {
    size_t struct_size;
    int64_t n;
    const float *x;
    const int64_t *labels;
    const float *y;
    const int64_t *index;
    const float *x_mask;
    const float *y_mask;
    int64_t y_mask_values;
};
#define DL4C_BATCH_INIT                                                                                                                    \
    {                                                                                                                                      \
        sizeof(struct dl4c_batch), 0, 0, 0, 0, 0, 0, 0, 0                                                                                  \
    }
struct dl4c_source_info {
    size_t struct_size;
    int32_t rank;
    int32_t n_classes;
    int64_t shape[DL4C_MAX_RANK];
    int64_t rows;
    const char *const *classes;
    const char *digest;
    const char *store;
};
#define DL4C_SOURCE_INFO_INIT                                                                                                              \
    {                                                                                                                                      \
        sizeof(struct dl4c_source_info), 0, 0, { 0 }, 0, 0, 0                                                                              \
    }
struct dl4c_source_ops {
    size_t struct_size;
    dl4c_status (*info)(void *user, struct dl4c_source_info *info, struct dl4c_error *err);
    dl4c_status (*reset)(void *user, int32_t shuffle, uint64_t seed, int64_t epoch, struct dl4c_error *err);
    dl4c_status (*next)(void *user, int64_t max_rows, struct dl4c_batch *batch, struct dl4c_error *err);
    const char *(*name)(void *user, int64_t i);
};
DL4C_API dl4c_status dl4c_source_create(dl4c_context *ctx, const struct dl4c_source_ops *ops, void *user, void (*release)(void *user),
                                        dl4c_source **source, struct dl4c_error *err);
DL4C_API dl4c_status dl4c_source_tensors(dl4c_context *ctx, dl4c_tensor *x, dl4c_tensor *labels, int32_t n_classes, dl4c_source **source,
                                         struct dl4c_error *err);
DL4C_API dl4c_status dl4c_source_masked(dl4c_context *ctx, dl4c_tensor *x, dl4c_tensor *labels, int32_t n_classes, dl4c_tensor *x_mask,
                                        dl4c_tensor *y_mask, dl4c_source **source, struct dl4c_error *err);
DL4C_API void dl4c_source_destroy(dl4c_source **source);
DL4C_API dl4c_status dl4c_source_get_info(dl4c_source *source, struct dl4c_source_info *info, struct dl4c_error *err);
DL4C_API dl4c_status dl4c_source_reset(dl4c_source *source, int32_t shuffle, uint64_t seed, int64_t epoch, struct dl4c_error *err);
DL4C_API dl4c_status dl4c_source_next(dl4c_source *source, int64_t max_rows, struct dl4c_batch *batch, struct dl4c_error *err);
DL4C_API const char *dl4c_source_name(dl4c_source *source, int64_t i);
struct dl4c_dataset {
    size_t struct_size;
    int32_t n_features, n_labels, n_feature_masks, n_label_masks;
    dl4c_tensor **arrays;
};
#define DL4C_DATASET_INIT { sizeof(struct dl4c_dataset), 0, 0, 0, 0, 0 }
DL4C_API dl4c_status dl4c_dataset_load(dl4c_context *ctx, const char *uri, struct dl4c_dataset *dataset, struct dl4c_error *err);
DL4C_API void dl4c_dataset_clear(struct dl4c_dataset *dataset);
DL4C_API dl4c_status dl4c_dataset_save(dl4c_context *ctx, const struct dl4c_dataset *dataset, int32_t multi, const char *uri,
                                       struct dl4c_error *err);
DL4C_API dl4c_status dl4c_source_dataset(dl4c_context *ctx, const char *uri, dl4c_source **source, struct dl4c_error *err);
DL4C_END

/* dl4c/train.h */
DL4C_BEGIN
enum { DL4C_TRAIN_EPOCH_START = 1, DL4C_TRAIN_ITERATION = 2, DL4C_TRAIN_EPOCH_END = 3 };
struct dl4c_train_event {
    size_t struct_size;
    int32_t kind;
    int32_t stop;
    dl4c_graph *graph;
    int64_t iteration;
    int64_t epoch;
    double score;
    double val_score, val_accuracy;
    int64_t rows;
    int64_t done, total;
    int64_t source_ns;
    int64_t round;
    int32_t worker;
    int32_t reserved;
    const int32_t *cancel;
    int64_t timeout_ms;
};
struct dl4c_listener {
    size_t struct_size;
    void *user;
    int (*iteration_done)(void *user, int64_t iteration, int64_t epoch, double score);
    int (*epoch_start)(void *user, int64_t epoch);
    int (*epoch_end)(void *user, int64_t epoch, double train_score, double val_score, double val_accuracy);
    dl4c_status (*event)(void *user, struct dl4c_train_event *event, struct dl4c_error *err);
    void (*release)(void *user);
};
#define DL4C_LISTENER_INIT                                                                                                                 \
    {                                                                                                                                      \
        sizeof(struct dl4c_listener), 0, 0, 0, 0, 0, 0                                                                                     \
    }
enum {
    DL4C_FIT_KEEP_GRADIENT = 1,
    DL4C_FIT_ANY_KERNELS = 2,
    DL4C_FIT_AS_DL4J = 4,
    DL4C_FIT_GRADIENTS = 8
};
struct dl4c_fit_options {
    size_t struct_size;
    uint32_t epochs;
    int32_t no_shuffle;
    int64_t batch;
    const char *updater;
    const char *lr_schedule;
    double l1, l2;
    uint64_t seed;
    const float *class_weights;
    int32_t n_class_weights;
    int32_t balanced;
    dl4c_source *validation;
    uint32_t early_stopping;
    int32_t workers;
    int32_t averaging_frequency;
    int32_t threads;
    const char *transport;
    const char *run_dir;
    const char *command;
    const struct dl4c_listener *listeners;
    int32_t n_listeners;
    int32_t seed_zero;
    dl4c_progress_fn progress;
    void *progress_user;
    const int32_t *cancel;
    int64_t timeout_ms;
    uint64_t flags;
    uint32_t validate_every;
    int32_t no_save_updater;
    const char *checkpoint_dir;
    int64_t checkpoint_every_ms;
    int32_t resume;
    int32_t min_workers;
    int64_t join_timeout_ms;
    int64_t worker_timeout_ms;
    int64_t round_timeout_ms;
    const char *replay;
    int32_t *rank;
    int32_t prefetch;
    int32_t exchange;
};
#define DL4C_FIT_OPTIONS_INIT                                                                                                              \
    {                                                                                                                                      \
        sizeof(struct dl4c_fit_options), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,\
            0, 0, 0, 0, 0, 0, 0                                                                                                            \
    }
DL4C_API dl4c_status dl4c_fit(dl4c_graph *graph, dl4c_source *source, const struct dl4c_fit_options *options, struct dl4c_error *err);
struct dl4c_worker_options {
    size_t struct_size;
    int32_t threads;
    int32_t reserved;
    int64_t join_timeout_ms;
    int64_t worker_timeout_ms;
    const int32_t *cancel;
    const char *features;
};
#define DL4C_WORKER_OPTIONS_INIT { sizeof(struct dl4c_worker_options), 0, 0, 0, 0, 0, 0 }
DL4C_API dl4c_status dl4c_worker_run(dl4c_context *ctx, const char *url, const struct dl4c_worker_options *options, struct dl4c_error *err);
typedef struct dl4c_trainer dl4c_trainer;
DL4C_API dl4c_status dl4c_trainer_create(dl4c_graph *graph, const struct dl4c_fit_options *options, dl4c_trainer **t,
                                         struct dl4c_error *err);
DL4C_API void dl4c_trainer_destroy(dl4c_trainer **t);
DL4C_API dl4c_status dl4c_trainer_step(dl4c_trainer *t, dl4c_tensor *x, dl4c_tensor *y, double *score, struct dl4c_error *err);
DL4C_API dl4c_status dl4c_trainer_masks(dl4c_trainer *t, dl4c_tensor *x_mask, dl4c_tensor *y_mask, struct dl4c_error *err);
DL4C_API dl4c_status dl4c_trainer_score(dl4c_trainer *t, dl4c_tensor *x, dl4c_tensor *y, double *score, struct dl4c_error *err);
DL4C_API void dl4c_trainer_next_epoch(dl4c_trainer *t);
DL4C_API int64_t dl4c_trainer_iteration(const dl4c_trainer *t);
DL4C_API dl4c_status dl4c_trainer_params(dl4c_trainer *t, dl4c_tensor **params, struct dl4c_error *err);
DL4C_API dl4c_status dl4c_trainer_updater_state(dl4c_trainer *t, dl4c_tensor **state, struct dl4c_error *err);
DL4C_API dl4c_status dl4c_trainer_gradient(dl4c_trainer *t, dl4c_tensor **gradient, struct dl4c_error *err);
struct dl4c_evaluate_options {
    size_t struct_size;
    int64_t batch;
    int32_t top_n;
    int32_t threads;
    dl4c_progress_fn progress;
    void *progress_user;
    const int32_t *cancel;
    int64_t timeout_ms;
    void (*mistake)(void *user, int64_t index, int64_t actual, int64_t predicted, double probability);
    void *mistake_user;
    uint64_t flags;
    dl4c_measure *const *measures;
    int32_t n_measures;
    int32_t precision;
};
#define DL4C_EVALUATE_OPTIONS_INIT                                                                                                         \
    {                                                                                                                                      \
        sizeof(struct dl4c_evaluate_options), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0                                                        \
    }
DL4C_API dl4c_status dl4c_evaluate(dl4c_graph *graph, dl4c_source *source, const struct dl4c_evaluate_options *options,
                                   dl4c_evaluation **evaluation, struct dl4c_error *err);
DL4C_END

/* dl4c/early_stopping.h */
DL4C_BEGIN
struct dl4c_early_stopping_options {
    size_t struct_size;
    dl4c_source *source;
    const char *score;
    uint32_t every_epochs;
    uint32_t no_improvement;
    double min_improvement;
    double best_score;
    double max_score;
    int32_t has_best_score;
    int32_t has_max_score;
    int64_t max_time_ms;
    int32_t invalid_score;
    int32_t save_last;
    const char *dir;
    uint64_t flags;
};
#define DL4C_EARLY_STOPPING_OPTIONS_INIT                                                                                                   \
    {                                                                                                                                      \
        sizeof(struct dl4c_early_stopping_options), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0                                               \
    }
enum {
    DL4C_STOP_EPOCH_CONDITION = 1,
    DL4C_STOP_ITERATION_CONDITION = 2,
    DL4C_STOP_LISTENER = 3
};
struct dl4c_early_stopping_result {
    size_t struct_size;
    int32_t reason;
    int32_t n_scores;
    int64_t best_epoch;
    int64_t total_epochs;
    double best_score;
    int64_t *epochs;
    double *scores;
    char details[128];
};
#define DL4C_EARLY_STOPPING_RESULT_INIT                                                                                                    \
    {                                                                                                                                      \
        sizeof(struct dl4c_early_stopping_result), 0, 0, 0, 0, 0, 0, 0, { 0 }                                                              \
    }
DL4C_API void dl4c_early_stopping_result_clear(struct dl4c_early_stopping_result *result);
DL4C_API dl4c_status dl4c_fit_early_stopping(dl4c_graph *graph, dl4c_source *source, const struct dl4c_fit_options *fit,
                                             const struct dl4c_early_stopping_options *options, dl4c_graph **best,
                                             struct dl4c_early_stopping_result *result, struct dl4c_error *err);
DL4C_END

/* dl4c/reader.h */
DL4C_BEGIN
typedef struct dl4c_reader dl4c_reader;
enum { DL4C_BAD_SKIP = 0, DL4C_BAD_FAIL = 1 };
enum { DL4C_READER_UNLABELLED = 1  };
struct dl4c_reader_options {
    size_t struct_size;
    dl4c_graph *for_graph;
    const char *list;
    int32_t height, width;
    int32_t channels;
    int32_t threads;
    const char *preprocess;
    int32_t on_bad;
    int32_t tolerate;
    int64_t max_bad;
    double max_bad_fraction;
    int64_t max_pixels;
    int32_t prefetch;
    int32_t n_paths;
    const char *const *paths;
    uint64_t flags;
    const char *transform;
    uint64_t transform_seed;
    const char *label_pattern;
    int32_t label_position;
    int32_t copies;
    int32_t read_ahead;
    int32_t reserved;
};
#define DL4C_READER_OPTIONS_INIT { sizeof(struct dl4c_reader_options), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 }
DL4C_API dl4c_status dl4c_reader_open(dl4c_context *ctx, const char *uri, const struct dl4c_reader_options *options, dl4c_reader **reader,
                                      struct dl4c_error *err);
DL4C_API void dl4c_reader_close(dl4c_reader **reader);
DL4C_API int32_t dl4c_reader_class_count(const dl4c_reader *reader);
DL4C_API const char *dl4c_reader_class(const dl4c_reader *reader, int32_t i);
DL4C_API int64_t dl4c_reader_count(const dl4c_reader *reader);
DL4C_API const char *dl4c_reader_path(const dl4c_reader *reader, int64_t i);
DL4C_API int64_t dl4c_reader_label(const dl4c_reader *reader, int64_t i);
DL4C_API int64_t dl4c_reader_bad_count(const dl4c_reader *reader);
DL4C_API dl4c_status dl4c_reader_bad(const dl4c_reader *reader, int64_t k, int64_t *image, const char **reason, struct dl4c_error *err);
DL4C_API dl4c_source *dl4c_reader_source(dl4c_reader *reader);
DL4C_API const char *dl4c_reader_preprocess(const dl4c_reader *reader);
DL4C_API const char *dl4c_reader_transform(const dl4c_reader *reader);
DL4C_API uint64_t dl4c_reader_transform_seed(const dl4c_reader *reader);
struct dl4c_sample_options;
struct dl4c_split_dir_options {
    size_t struct_size;
    double train, val, test;
    uint64_t seed;
    uint64_t flags;
    const char *label_pattern;
    const struct dl4c_sample_options *sample;
    int32_t label_position;
    int32_t reserved;
};
#define DL4C_SPLIT_DIR_OPTIONS_INIT { sizeof(struct dl4c_split_dir_options), 0, 0, 0, 0, 0, 0, 0, 0, 0 }
DL4C_API dl4c_status dl4c_split_dir(dl4c_context *ctx, const char *uri, const char *out, const struct dl4c_split_dir_options *options,
                                    int64_t counts[3], struct dl4c_error *err);
enum {
    DL4C_SAMPLE_ALL = 0,
    DL4C_SAMPLE_RANDOM = 1,
    DL4C_SAMPLE_BALANCED = 2
};
enum { DL4C_SAMPLE_ANY_EXTENSION = 1  };
struct dl4c_sample_options {
    size_t struct_size;
    int64_t seed;
    int64_t max_paths;
    int64_t max_labels;
    int64_t min_per_label;
    int64_t max_per_label;
    const char *label_pattern;
    const char *const *extensions;
    const char *const *labels;
    const double *weights;
    int32_t label_position;
    int32_t filter;
    int32_t n_extensions, n_labels, n_weights;
    int32_t reserved;
    uint64_t flags;
};
#define DL4C_SAMPLE_OPTIONS_INIT { sizeof(struct dl4c_sample_options), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 }
DL4C_API dl4c_status dl4c_sample_paths(dl4c_context *ctx, const char *const *paths, int64_t n, const struct dl4c_sample_options *options,
                                       int64_t *picked, int64_t *n_picked, int64_t *ends, int32_t *n_ends, struct dl4c_error *err);
DL4C_API dl4c_status dl4c_path_label(dl4c_context *ctx, const char *path, const char *pattern, int32_t position, char **label,
                                     struct dl4c_error *err);
DL4C_END

/* dl4c/features.h */
DL4C_BEGIN
typedef struct dl4c_features dl4c_features;
enum { DL4C_POOL_NONE = 0, DL4C_POOL_AVG = 1, DL4C_POOL_MAX = 2 };
enum {
    DL4C_FEATURIZE_LOW_MEMORY = 1,
    DL4C_FEATURIZE_RESUME = 2
};
struct dl4c_featurize_options {
    size_t struct_size;
    const char *const *at;
    int32_t n_at;
    int32_t pool;
    int64_t batch;
    int64_t shard_size;
    int32_t threads;
    int32_t overwrite;
    dl4c_progress_fn progress;
    void *progress_user;
    const int32_t *cancel;
    int64_t timeout_ms;
    uint64_t flags;
    int32_t precision;
    int32_t part;
    int32_t n_parts;
    int32_t reserved;
};
#define DL4C_FEATURIZE_OPTIONS_INIT { sizeof(struct dl4c_featurize_options), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 }
DL4C_API dl4c_status dl4c_featurize(dl4c_graph *trunk, dl4c_reader *images, const char *out, const struct dl4c_featurize_options *options,
                                    struct dl4c_error *err);
struct dl4c_features_options {
    size_t struct_size;
    int32_t verify;
    int32_t reserved;
    uint64_t flags;
};
#define DL4C_FEATURES_OPTIONS_INIT { sizeof(struct dl4c_features_options), 0, 0, 0 }
DL4C_API dl4c_status dl4c_features_open(dl4c_context *ctx, const char *uri, const struct dl4c_features_options *options, dl4c_features **f,
                                        struct dl4c_error *err);
DL4C_API void dl4c_features_close(dl4c_features **f);
DL4C_API dl4c_source *dl4c_features_source(dl4c_features *f);
DL4C_API int64_t dl4c_features_rows(const dl4c_features *f);
DL4C_API int32_t dl4c_features_shape(const dl4c_features *f, int64_t shape[DL4C_MAX_RANK]);
DL4C_API int32_t dl4c_features_class_count(const dl4c_features *f);
DL4C_API const char *dl4c_features_class(const dl4c_features *f, int32_t i);
DL4C_API const char *dl4c_features_path(const dl4c_features *f, int64_t i);
DL4C_API int64_t dl4c_features_label(const dl4c_features *f, int64_t i);
DL4C_API int32_t dl4c_features_shard_count(const dl4c_features *f);
DL4C_API dl4c_status dl4c_features_shard(dl4c_features *f, int32_t k, dl4c_tensor **t, struct dl4c_error *err);
DL4C_API const char *dl4c_features_metadata(const dl4c_features *f, const char *key);
struct dl4c_head_options {
    size_t struct_size;
    const char *weight_init;
    double dropout;
    double l1, l2;
    uint64_t seed;
    uint64_t flags;
};
#define DL4C_HEAD_OPTIONS_INIT { sizeof(struct dl4c_head_options), 0, 0, 0, 0, 0, 0 }
DL4C_API dl4c_status dl4c_head_softmax(dl4c_features *f, const struct dl4c_head_options *options, dl4c_graph **head,
                                       struct dl4c_error *err);
DL4C_API dl4c_status dl4c_head_for(dl4c_features *f, dl4c_graph *head, struct dl4c_error *err);
DL4C_API dl4c_status dl4c_features_check(dl4c_features *f, dl4c_graph *head, struct dl4c_error *err);
DL4C_END

/* dl4c/fetch.h */
DL4C_BEGIN
struct dl4c_weights_info {
    size_t struct_size;
    const char *name;
    const char *doc;
    const char *url;
    const char *preprocess;
    const char *sha256;
    uint32_t adler32;
    int32_t has_adler32;
    int64_t size_bytes;
};
#define DL4C_WEIGHTS_INFO_INIT { sizeof(struct dl4c_weights_info), 0, 0, 0, 0, 0, 0, 0, 0 }
DL4C_API int32_t dl4c_weights_count(void);
DL4C_API dl4c_status dl4c_weights_get(int32_t i, struct dl4c_weights_info *out, struct dl4c_error *err);
enum {
    DL4C_FETCH_AGAIN = 1,
    DL4C_FETCH_OFFLINE = 2
};
struct dl4c_fetch_options {
    size_t struct_size;
    const char *cache;
    const char *mirror;
    const char *sha256;
    dl4c_progress_fn progress;
    void *progress_user;
    const int32_t *cancel;
    int64_t timeout_ms;
    int64_t stall_ms;
    uint64_t flags;
};
#define DL4C_FETCH_OPTIONS_INIT { sizeof(struct dl4c_fetch_options), 0, 0, 0, 0, 0, 0, 0, 0, 0 }
enum { DL4C_CHECKED_NOTHING = 0, DL4C_CHECKED_ADLER32 = 1, DL4C_CHECKED_SHA256 = 2 };
struct dl4c_fetched {
    size_t struct_size;
    char *path;
    char sha256[65];
    char reserved[3];
    int32_t checked;
    int64_t size_bytes;
    int64_t received;
};
#define DL4C_FETCHED_INIT { sizeof(struct dl4c_fetched), 0, { 0 }, { 0 }, 0, 0, 0 }
DL4C_API dl4c_status dl4c_fetch(dl4c_context *ctx, const char *what, const struct dl4c_fetch_options *options, struct dl4c_fetched *out,
                                struct dl4c_error *err);
DL4C_END

/* dl4c/fs.h */
DL4C_BEGIN
enum { DL4C_FS_FILE = 1, DL4C_FS_DIRECTORY = 2, DL4C_FS_OTHER = 3 };
struct dl4c_fs_stat {
    size_t struct_size;
    int32_t kind;
    int32_t reserved;
    int64_t size_bytes;
    int64_t mtime_ms;
    int64_t atime_ms;
    int64_t block_bytes;
    int32_t replication;
    int32_t mode;
};
#define DL4C_FS_STAT_INIT { sizeof(struct dl4c_fs_stat), 0, 0, 0, 0, 0, 0, 0, 0 }
struct dl4c_fs_checksum {
    size_t struct_size;
    char algorithm[64];
    char digest[160];
};
#define DL4C_FS_CHECKSUM_INIT { sizeof(struct dl4c_fs_checksum), { 0 }, { 0 } }
struct dl4c_fs_summary {
    size_t struct_size;
    int64_t n_files;
    int64_t n_directories;
    int64_t size_bytes;
    int64_t space_bytes;
    int64_t quota_names;
    int64_t quota_bytes;
};
#define DL4C_FS_SUMMARY_INIT { sizeof(struct dl4c_fs_summary), 0, 0, 0, 0, -1, -1 }
enum { DL4C_FS_CHANGE_MODE = 1, DL4C_FS_CHANGE_REPLICATION = 2, DL4C_FS_CHANGE_TIMES = 4, DL4C_FS_CHANGE_OWNER = 8 };
struct dl4c_fs_change {
    size_t struct_size;
    int32_t what;
    int32_t mode;
    int32_t replication;
    int32_t reserved;
    int64_t mtime_ms;
    int64_t atime_ms;
    const char *owner;
    const char *group;
};
#define DL4C_FS_CHANGE_INIT { sizeof(struct dl4c_fs_change), 0, 0, 0, 0, -1, -1, 0, 0 }
typedef int (*dl4c_fs_list_fn)(void *arg, const char *name, const struct dl4c_fs_stat *stat);
struct dl4c_fs_ops {
    size_t struct_size;
    const char *scheme;
    dl4c_status (*open_read)(void *user, const char *authority, const char *path, void **file, int64_t *size_bytes, struct dl4c_error *err);
    dl4c_status (*read_at)(void *user, void *file, int64_t offset, void *buffer, size_t size, size_t *got, struct dl4c_error *err);
    dl4c_status (*map)(void *user, void *file, const void **bytes, size_t *size, struct dl4c_error *err);
    void (*close_read)(void *user, void *file);
    dl4c_status (*create)(void *user, const char *authority, const char *path, void **file, struct dl4c_error *err);
    dl4c_status (*write)(void *user, void *file, const void *bytes, size_t size, struct dl4c_error *err);
    dl4c_status (*commit)(void *user, void *file, struct dl4c_error *err);
    void (*abandon)(void *user, void *file);
    dl4c_status (*stat)(void *user, const char *authority, const char *path, struct dl4c_fs_stat *out, struct dl4c_error *err);
    dl4c_status (*list)(void *user, const char *authority, const char *path, dl4c_fs_list_fn fn, void *arg, struct dl4c_error *err);
    dl4c_status (*mkdir)(void *user, const char *authority, const char *path, struct dl4c_error *err);
    dl4c_status (*rename)(void *user, const char *authority, const char *from, const char *to, struct dl4c_error *err);
    dl4c_status (*remove)(void *user, const char *authority, const char *path, struct dl4c_error *err);
    dl4c_status (*append)(void *user, const char *authority, const char *path, const void *bytes, size_t size, struct dl4c_error *err);
    dl4c_status (*load_start)(void *user, const char *authority, const char *path, int64_t size_bytes, int64_t limit_bytes,
                              void **load, struct dl4c_error *err);
    dl4c_status (*load_wait)(void *user, void *load, int64_t timeout_ms, const void **bytes, size_t *size, struct dl4c_error *err);
    void (*load_end)(void *user, void *load);
    dl4c_status (*list_page)(void *user, const char *authority, const char *path, const char *after, int32_t most, dl4c_fs_list_fn fn,
                             void *arg, int32_t *more, struct dl4c_error *err);
    dl4c_status (*checksum)(void *user, const char *authority, const char *path, struct dl4c_fs_checksum *out, struct dl4c_error *err);
    dl4c_status (*summarize)(void *user, const char *authority, const char *path, struct dl4c_fs_summary *out, struct dl4c_error *err);
    dl4c_status (*change)(void *user, const char *authority, const char *path, const struct dl4c_fs_change *change, struct dl4c_error *err);
    dl4c_status (*concat)(void *user, const char *authority, const char *path, const char *const *sources, int32_t n_sources,
                          struct dl4c_error *err);
    dl4c_status (*truncate)(void *user, const char *authority, const char *path, int64_t size_bytes, struct dl4c_error *err);
    dl4c_status (*remove_all)(void *user, const char *authority, const char *path, struct dl4c_error *err);
};
DL4C_API dl4c_status dl4c_fs_register(dl4c_context *ctx, const struct dl4c_fs_ops *ops, void *user, void (*release)(void *user),
                                      struct dl4c_error *err);
typedef struct dl4c_fs_file dl4c_fs_file;
DL4C_API dl4c_status dl4c_fs_open(dl4c_context *ctx, const char *uri, dl4c_fs_file **file, struct dl4c_error *err);
DL4C_API int64_t dl4c_fs_size(const dl4c_fs_file *file);
DL4C_API dl4c_status dl4c_fs_read_at(dl4c_fs_file *file, int64_t offset, void *buffer, size_t size, struct dl4c_error *err);
DL4C_API dl4c_status dl4c_fs_bytes(dl4c_fs_file *file, const void **bytes, size_t *size, struct dl4c_error *err);
DL4C_API void dl4c_fs_close(dl4c_fs_file **file);
typedef struct dl4c_fs_load dl4c_fs_load;
DL4C_API dl4c_status dl4c_fs_load_start(dl4c_context *ctx, const char *uri, int64_t size_bytes, int64_t limit_bytes, dl4c_fs_load **load,
                                        struct dl4c_error *err);
DL4C_API dl4c_status dl4c_fs_load_wait(dl4c_fs_load *load, int64_t timeout_ms, const void **bytes, size_t *size, struct dl4c_error *err);
DL4C_API void dl4c_fs_load_end(dl4c_fs_load **load);
typedef struct dl4c_fs_writer dl4c_fs_writer;
DL4C_API dl4c_status dl4c_fs_create(dl4c_context *ctx, const char *uri, dl4c_fs_writer **writer, struct dl4c_error *err);
DL4C_API dl4c_status dl4c_fs_write(dl4c_fs_writer *writer, const void *bytes, size_t size, struct dl4c_error *err);
DL4C_API dl4c_status dl4c_fs_commit(dl4c_fs_writer **writer, struct dl4c_error *err);
DL4C_API void dl4c_fs_abandon(dl4c_fs_writer **writer);
DL4C_API dl4c_status dl4c_fs_stat_uri(dl4c_context *ctx, const char *uri, struct dl4c_fs_stat *out, struct dl4c_error *err);
DL4C_API dl4c_status dl4c_fs_list(dl4c_context *ctx, const char *uri, dl4c_fs_list_fn fn, void *arg, struct dl4c_error *err);
DL4C_API dl4c_status dl4c_fs_list_page(dl4c_context *ctx, const char *uri, const char *after, int32_t most, dl4c_fs_list_fn fn, void *arg,
                                       int32_t *more, struct dl4c_error *err);
DL4C_API dl4c_status dl4c_fs_mkdir(dl4c_context *ctx, const char *uri, struct dl4c_error *err);
DL4C_API dl4c_status dl4c_fs_rename(dl4c_context *ctx, const char *from, const char *to, struct dl4c_error *err);
DL4C_API dl4c_status dl4c_fs_remove(dl4c_context *ctx, const char *uri, struct dl4c_error *err);
DL4C_API dl4c_status dl4c_fs_remove_all(dl4c_context *ctx, const char *uri, struct dl4c_error *err);
DL4C_API dl4c_status dl4c_fs_append(dl4c_context *ctx, const char *uri, const void *bytes, size_t size, struct dl4c_error *err);
DL4C_API dl4c_status dl4c_fs_get_checksum(dl4c_context *ctx, const char *uri, struct dl4c_fs_checksum *out, struct dl4c_error *err);
DL4C_API dl4c_status dl4c_fs_get_summary(dl4c_context *ctx, const char *uri, struct dl4c_fs_summary *out, struct dl4c_error *err);
DL4C_API dl4c_status dl4c_fs_set(dl4c_context *ctx, const char *uri, const struct dl4c_fs_change *change, struct dl4c_error *err);
DL4C_API dl4c_status dl4c_fs_concat(dl4c_context *ctx, const char *uri, const char *const *sources, int32_t n_sources,
                                    struct dl4c_error *err);
DL4C_API dl4c_status dl4c_fs_truncate(dl4c_context *ctx, const char *uri, int64_t size_bytes, struct dl4c_error *err);
DL4C_API dl4c_status dl4c_fs_join(dl4c_context *ctx, const char *directory, const char *name, char **uri, struct dl4c_error *err);
DL4C_API dl4c_status dl4c_fs_base_name(dl4c_context *ctx, const char *uri, char **name, struct dl4c_error *err);
typedef int (*dl4c_fs_glob_fn)(void *arg, const char *uri, const struct dl4c_fs_stat *stat);
DL4C_API dl4c_status dl4c_fs_glob(dl4c_context *ctx, const char *pattern, dl4c_fs_glob_fn fn, void *arg, struct dl4c_error *err);
enum { DL4C_FS_WALK_STOP = 1, DL4C_FS_WALK_SKIP = 2 };
DL4C_API dl4c_status dl4c_fs_walk(dl4c_context *ctx, const char *uri, dl4c_fs_list_fn fn, void *arg, struct dl4c_error *err);
enum {
    DL4C_FS_COPY_OVERWRITE = 1,
    DL4C_FS_COPY_RESUME = 2,
    DL4C_FS_COPY_CHECKSUM = 4,
    DL4C_FS_COPY_TIMES = 8,
    DL4C_FS_COPY_SYNC = 16
};
typedef int (*dl4c_fs_copy_failed_fn)(void *user, const char *from, const char *to, const struct dl4c_error *why);
struct dl4c_fs_copy_options {
    size_t struct_size;
    int32_t threads;
    int32_t reserved;
    uint64_t flags;
    dl4c_progress_fn progress;
    void *progress_user;
    const int32_t *cancel;
    int64_t timeout_ms;
    dl4c_fs_copy_failed_fn failed;
    void *failed_user;
};
#define DL4C_FS_COPY_OPTIONS_INIT { sizeof(struct dl4c_fs_copy_options), 0, 0, 0, 0, 0, 0, 0, 0, 0 }
struct dl4c_fs_copied {
    size_t struct_size;
    int64_t n_files;
    int64_t n_skipped;
    int64_t n_failed;
    int64_t n_directories;
    int64_t size_bytes;
};
#define DL4C_FS_COPIED_INIT { sizeof(struct dl4c_fs_copied), 0, 0, 0, 0, 0 }
DL4C_API dl4c_status dl4c_fs_copy(dl4c_context *ctx, const char *const *from, int32_t n_from, const char *to,
                                  const struct dl4c_fs_copy_options *options, struct dl4c_fs_copied *copied, struct dl4c_error *err);
DL4C_API const int32_t *dl4c_fs_watch(const int32_t *cancel);
DL4C_API int dl4c_fs_cancelled(void);
DL4C_END

/* dl4c/layers.h */
DL4C_BEGIN
static inline void dl4c_layer(dl4c_builder *b, const char *op, const char *name, const char *input, const struct dl4c_attr *attrs,
                              int32_t n_attrs)
{
    const char *inputs[1];
    inputs[0] = input;
    dl4c_builder_add(b, op, name, inputs, 1, attrs, n_attrs);
}
static inline void dl4c_conv2d(dl4c_builder *b, const char *name, const char *input, int64_t units, int64_t kernel, int64_t stride,
                               const char *mode, const char *activation)
{
    struct dl4c_attr a[5];
    int32_t n = 3;
    int64_t kernels[2], strides[2];
    kernels[0] = kernels[1] = kernel;
    strides[0] = strides[1] = stride;
    a[0] = dl4c_attr_int("units", units);
    a[1] = dl4c_attr_ints("kernel", kernels, 2);
    a[2] = dl4c_attr_ints("stride", strides, 2);
    if (mode)
        a[n++] = dl4c_attr_str("mode", mode);
    if (activation)
        a[n++] = dl4c_attr_str("activation", activation);
    dl4c_layer(b, "conv2d", name, input, a, n);
}
static inline void dl4c_dense(dl4c_builder *b, const char *name, const char *input, int64_t units, const char *activation)
{
    struct dl4c_attr a[2];
    a[0] = dl4c_attr_int("units", units);
    if (activation)
        a[1] = dl4c_attr_str("activation", activation);
    dl4c_layer(b, "dense", name, input, a, activation ? 2 : 1);
}
static inline void dl4c_output(dl4c_builder *b, const char *name, const char *input, int64_t units, const char *activation,
                               const char *loss)
{
    struct dl4c_attr a[3];
    a[0] = dl4c_attr_int("units", units);
    a[1] = dl4c_attr_str("activation", activation ? activation : "softmax");
    a[2] = dl4c_attr_str("loss", loss ? loss : "negative_log_likelihood");
    dl4c_layer(b, "output", name, input, a, 3);
}
static inline void dl4c_max_pool(dl4c_builder *b, const char *name, const char *input, int64_t kernel, int64_t stride)
{
    struct dl4c_attr a[2];
    int64_t kernels[2], strides[2];
    kernels[0] = kernels[1] = kernel;
    strides[0] = strides[1] = stride;
    a[0] = dl4c_attr_ints("kernel", kernels, 2);
    a[1] = dl4c_attr_ints("stride", strides, 2);
    dl4c_layer(b, "max_pool", name, input, a, 2);
}
static inline void dl4c_avg_pool(dl4c_builder *b, const char *name, const char *input, int64_t kernel, int64_t stride)
{
    struct dl4c_attr a[2];
    int64_t kernels[2], strides[2];
    kernels[0] = kernels[1] = kernel;
    strides[0] = strides[1] = stride;
    a[0] = dl4c_attr_ints("kernel", kernels, 2);
    a[1] = dl4c_attr_ints("stride", strides, 2);
    dl4c_layer(b, "avg_pool", name, input, a, 2);
}
static inline void dl4c_global_pool(dl4c_builder *b, const char *name, const char *input, const char *type)
{
    struct dl4c_attr a[1];
    a[0] = dl4c_attr_str("type", type ? type : "avg");
    dl4c_layer(b, "global_pool", name, input, a, 1);
}
static inline void dl4c_batch_norm(dl4c_builder *b, const char *name, const char *input, const char *activation)
{
    struct dl4c_attr a[1];
    a[0] = dl4c_attr_str("activation", activation ? activation : "");
    dl4c_layer(b, "batch_norm", name, input, a, activation ? 1 : 0);
}
static inline void dl4c_dropout(dl4c_builder *b, const char *name, const char *input, double retain)
{
    struct dl4c_attr a[1];
    a[0] = dl4c_attr_float("p", retain);
    dl4c_layer(b, "dropout", name, input, a, 1);
}
static inline void dl4c_zero_padding(dl4c_builder *b, const char *name, const char *input, int64_t top, int64_t bottom, int64_t left,
                                     int64_t right)
{
    struct dl4c_attr a[1];
    int64_t padding[4];
    padding[0] = top;
    padding[1] = bottom;
    padding[2] = left;
    padding[3] = right;
    a[0] = dl4c_attr_ints("padding", padding, 4);
    dl4c_layer(b, "zero_padding", name, input, a, 1);
}
static inline void dl4c_apply(dl4c_builder *b, const char *op, const char *name, const char *input)
{
    struct dl4c_attr a[1];
    a[0] = dl4c_attr_int("", 0);
    dl4c_layer(b, op, name, input, a, 0);
}
static inline void dl4c_combine(dl4c_builder *b, const char *op, const char *name, const char *first, const char *second)
{
    struct dl4c_attr a[1];
    const char *inputs[2];
    inputs[0] = first;
    inputs[1] = second;
    a[0] = dl4c_attr_int("", 0);
    dl4c_builder_add(b, op, name, inputs, 2, a, 0);
}
DL4C_END

/* dl4c/listener.h */
DL4C_BEGIN
DL4C_API void dl4c_listener_close(struct dl4c_listener *l);
struct dl4c_line_options {
    size_t struct_size;
    int64_t every;
    dl4c_log_fn log;
    void *log_user;
    int32_t score;
    int32_t reserved;
    uint64_t flags;
};
#define DL4C_LINE_OPTIONS_INIT                                                                                                             \
    {                                                                                                                                      \
        sizeof(struct dl4c_line_options), 0, 0, 0, 0, 0, 0                                                                                 \
    }
DL4C_API dl4c_status dl4c_listener_score(dl4c_context *ctx, const struct dl4c_line_options *options, struct dl4c_listener *l,
                                         struct dl4c_error *err);
DL4C_API dl4c_status dl4c_listener_performance(dl4c_context *ctx, const struct dl4c_line_options *options, struct dl4c_listener *l,
                                               struct dl4c_error *err);
DL4C_API dl4c_status dl4c_listener_time(dl4c_context *ctx, const struct dl4c_line_options *options, struct dl4c_listener *l,
                                        struct dl4c_error *err);
struct dl4c_evaluative_options {
    size_t struct_size;
    int32_t when;
    int32_t top_n;
    int64_t every;
    int64_t batch;
    int32_t threads;
    int32_t reserved;
    int (*done)(void *user, int64_t iteration, int64_t epoch, const dl4c_evaluation *evaluation);
    void *done_user;
    dl4c_log_fn log;
    void *log_user;
    uint64_t flags;
};
#define DL4C_EVALUATIVE_OPTIONS_INIT                                                                                                       \
    {                                                                                                                                      \
        sizeof(struct dl4c_evaluative_options), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0                                                            \
    }
DL4C_API dl4c_status dl4c_listener_evaluative(dl4c_context *ctx, dl4c_source *source, const struct dl4c_evaluative_options *options,
                                              struct dl4c_listener *l, struct dl4c_error *err);
struct dl4c_checkpoint_options {
    size_t struct_size;
    int64_t every_epochs;
    int64_t every_iterations;
    int64_t every_ms;
    int32_t since_last;
    int32_t keep_last;
    int32_t keep_every;
    int32_t delete_existing;
    uint64_t flags;
};
#define DL4C_CHECKPOINT_OPTIONS_INIT                                                                                                       \
    {                                                                                                                                      \
        sizeof(struct dl4c_checkpoint_options), 0, 0, 0, 0, 0, 0, 0, 0                                                                     \
    }
DL4C_API dl4c_status dl4c_listener_checkpoint(dl4c_context *ctx, const char *dir, const struct dl4c_checkpoint_options *options,
                                              struct dl4c_listener *l, struct dl4c_error *err);
DL4C_API dl4c_status dl4c_checkpoint_last(dl4c_context *ctx, const char *dir, char **uri, struct dl4c_error *err);
DL4C_END

/* dl4c/normalizer.h */
DL4C_BEGIN
typedef struct dl4c_normalizer dl4c_normalizer;
DL4C_API dl4c_status dl4c_normalizer_create(dl4c_context *ctx, const char *spec, dl4c_normalizer **n, struct dl4c_error *err);
DL4C_API void dl4c_normalizer_destroy(dl4c_normalizer **n);
DL4C_API dl4c_status dl4c_normalizer_fit(dl4c_normalizer *n, const dl4c_tensor *features, const dl4c_tensor *labels,
                                         struct dl4c_error *err);
DL4C_API dl4c_status dl4c_normalizer_apply(const dl4c_normalizer *n, dl4c_tensor *features, struct dl4c_error *err);
DL4C_API dl4c_status dl4c_normalizer_revert(const dl4c_normalizer *n, dl4c_tensor *features, struct dl4c_error *err);
DL4C_API dl4c_status dl4c_normalizer_apply_labels(const dl4c_normalizer *n, dl4c_tensor *labels, struct dl4c_error *err);
DL4C_API dl4c_status dl4c_normalizer_revert_labels(const dl4c_normalizer *n, dl4c_tensor *labels, struct dl4c_error *err);
DL4C_API const float *dl4c_normalizer_center(const dl4c_normalizer *n, int64_t *count);
DL4C_API const float *dl4c_normalizer_spread(const dl4c_normalizer *n, int64_t *count);
DL4C_API dl4c_status dl4c_normalizer_load(dl4c_context *ctx, const char *uri, dl4c_normalizer **n, struct dl4c_error *err);
DL4C_API dl4c_status dl4c_normalizer_save(const dl4c_normalizer *n, const char *uri, struct dl4c_error *err);
DL4C_END

/* dl4c/model.h */
DL4C_BEGIN
struct dl4c_load_options {
    size_t struct_size;
    const char *format;
    dl4c_progress_fn progress;
    void *progress_user;
    const int32_t *cancel;
    int64_t timeout_ms;
    uint64_t flags;
};
#define DL4C_LOAD_OPTIONS_INIT { sizeof(struct dl4c_load_options), 0, 0, 0, 0, 0, 0 }
DL4C_API dl4c_status dl4c_model_load(dl4c_context *ctx, const char *uri, const struct dl4c_load_options *options, dl4c_graph **graph,
                                     struct dl4c_error *err);
DL4C_API dl4c_status dl4c_model_load_memory(dl4c_context *ctx, const void *bytes, size_t size, const struct dl4c_load_options *options,
                                            dl4c_graph **graph, struct dl4c_error *err);
struct dl4c_save_options {
    size_t struct_size;
    const char *format;
    int32_t updater;
    int32_t reserved;
    dl4c_progress_fn progress;
    void *progress_user;
    const int32_t *cancel;
    int64_t timeout_ms;
    uint64_t flags;
};
#define DL4C_SAVE_OPTIONS_INIT { sizeof(struct dl4c_save_options), 0, 0, 0, 0, 0, 0, 0, 0 }
DL4C_API dl4c_status dl4c_model_save(dl4c_graph *graph, const char *uri, const struct dl4c_save_options *options, struct dl4c_error *err);
DL4C_API dl4c_status dl4c_model_save_memory(dl4c_graph *graph, const struct dl4c_save_options *options, void **bytes, size_t *size,
                                            struct dl4c_error *err);
DL4C_API dl4c_status dl4c_format_for(dl4c_context *ctx, const char *uri, const char **name, struct dl4c_error *err);
DL4C_API dl4c_status dl4c_format_get(dl4c_context *ctx, int32_t i, const char **name, int32_t *directions, struct dl4c_error *err);
DL4C_API dl4c_status dl4c_graph_get_normalizer(dl4c_graph *graph, dl4c_normalizer **n, struct dl4c_error *err);
DL4C_API dl4c_status dl4c_graph_set_normalizer(dl4c_graph *graph, const dl4c_normalizer *n, struct dl4c_error *err);
DL4C_END

/* dl4c/monitor.h */
DL4C_BEGIN
typedef struct dl4c_monitor dl4c_monitor;
struct dl4c_monitor_options {
    size_t struct_size;
    const char *listen;
    int32_t connections;
    int32_t reserved;
};
#define DL4C_MONITOR_OPTIONS_INIT                                                                                                          \
    {                                                                                                                                      \
        sizeof(struct dl4c_monitor_options), 0, 0, 0                                                                                       \
    }
DL4C_API dl4c_status dl4c_monitor_open(dl4c_context *ctx, const char *const *runs, int32_t n_runs,
                                       const struct dl4c_monitor_options *options, dl4c_monitor **monitor, struct dl4c_error *err);
DL4C_API const char *dl4c_monitor_url(const dl4c_monitor *monitor);
DL4C_API void dl4c_monitor_close(dl4c_monitor **monitor);
DL4C_END

/* dl4c/predict.h */
DL4C_BEGIN
enum {
    DL4C_PREDICT_JSONL = 0,
    DL4C_PREDICT_CSV = 1
};
enum {
    DL4C_PREDICT_LOW_MEMORY = 1,
    DL4C_PREDICT_RESUME = 2
};
typedef int (*dl4c_predict_fn)(void *user, const char *text, size_t size);
struct dl4c_predict_options {
    size_t struct_size;
    int64_t top;
    int64_t batch;
    int64_t shard_size;
    int32_t format;
    int32_t threads;
    int32_t precision;
    int32_t part;
    int32_t n_parts;
    int32_t reserved;
    dl4c_predict_fn write;
    void *write_user;
    dl4c_progress_fn progress;
    void *progress_user;
    const int32_t *cancel;
    int64_t timeout_ms;
    uint64_t flags;
};
#define DL4C_PREDICT_OPTIONS_INIT { sizeof(struct dl4c_predict_options), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 }
DL4C_API dl4c_status dl4c_predict(dl4c_graph *graph, dl4c_reader *images, const char *out, const struct dl4c_predict_options *options,
                                  struct dl4c_error *err);
DL4C_END

/* dl4c/transfer.h */
DL4C_BEGIN
typedef struct dl4c_transfer dl4c_transfer;
DL4C_API dl4c_status dl4c_transfer_create(dl4c_graph *graph, const char *const *freeze, int32_t n_freeze, dl4c_transfer **t,
                                          struct dl4c_error *err);
DL4C_API void dl4c_transfer_destroy(dl4c_transfer **t);
DL4C_API dl4c_graph *dl4c_transfer_frozen(dl4c_transfer *t);
DL4C_API dl4c_graph *dl4c_transfer_unfrozen(dl4c_transfer *t);
struct dl4c_transfer_options {
    size_t struct_size;
    int64_t batch;
    int32_t threads;
    int32_t reserved;
    dl4c_progress_fn progress;
    void *progress_user;
    const int32_t *cancel;
    int64_t timeout_ms;
    uint64_t flags;
};
#define DL4C_TRANSFER_OPTIONS_INIT                                                                                                         \
    {                                                                                                                                      \
        sizeof(struct dl4c_transfer_options), 0, 0, 0, 0, 0, 0, 0, 0                                                                       \
    }
DL4C_API dl4c_status dl4c_transfer_featurize(dl4c_transfer *t, dl4c_source *source, const struct dl4c_transfer_options *options,
                                             dl4c_source **features, struct dl4c_error *err);
DL4C_API dl4c_status dl4c_transfer_fit(dl4c_transfer *t, dl4c_source *features, const struct dl4c_fit_options *options,
                                       struct dl4c_error *err);
DL4C_API dl4c_status dl4c_transfer_update(dl4c_transfer *t, struct dl4c_error *err);
DL4C_END

/* dl4c/transport.h */
DL4C_BEGIN
struct dl4c_group_options {
    size_t struct_size;
    const char *url;
    int32_t driver;
    int32_t size;
    int64_t timeout_ms;
    int64_t lost_after_ms;
    const int32_t *cancel;
};
#define DL4C_GROUP_OPTIONS_INIT                                                                                                            \
    {                                                                                                                                      \
        sizeof(struct dl4c_group_options), 0, 0, 0, 0, 0, 0                                                                                \
    }
struct dl4c_members {
    size_t struct_size;
    uint64_t generation;
    int32_t rank;
    int32_t size;
    int32_t waiting;
    int32_t reserved;
    const uint64_t *ids;
};
#define DL4C_MEMBERS_INIT                                                                                                                  \
    {                                                                                                                                      \
        sizeof(struct dl4c_members), 0, 0, 0, 0, 0, 0                                                                                      \
    }
struct dl4c_message {
    int32_t peer;
    int32_t reserved;
    const void *bytes;
    void *room;
    size_t size;
};
struct dl4c_regroup_options {
    size_t struct_size;
    int32_t min_size;
    int32_t n_exclude;
    const int32_t *exclude;
    int64_t timeout_ms;
};
#define DL4C_REGROUP_OPTIONS_INIT                                                                                                          \
    {                                                                                                                                      \
        sizeof(struct dl4c_regroup_options), 0, 0, 0, 0                                                                                    \
    }
struct dl4c_transport_ops {
    size_t struct_size;
    const char *name;
    dl4c_status (*join)(void *user, const struct dl4c_group_options *options, void **group, struct dl4c_error *err);
    void (*leave)(void *group, int64_t timeout_ms);
    void (*members)(void *group, struct dl4c_members *members);
    dl4c_status (*send)(void *group, int32_t peer, const void *bytes, size_t size, int64_t timeout_ms, struct dl4c_error *err);
    dl4c_status (*recv)(void *group, int32_t peer, void *room, size_t size, int64_t timeout_ms, struct dl4c_error *err);
    dl4c_status (*regroup)(void *group, const struct dl4c_regroup_options *options, struct dl4c_error *err);
    dl4c_status (*sendrecv)(void *group, const struct dl4c_message *transfers, int32_t n, void (*arrived)(void *arg, int32_t transfer),
                            void *arg, int64_t timeout_ms, struct dl4c_error *err);
    dl4c_status (*broadcast)(void *group, int32_t root, void *bytes, size_t size, int64_t timeout_ms, struct dl4c_error *err);
    dl4c_status (*barrier)(void *group, int64_t timeout_ms, struct dl4c_error *err);
    void (*cancel)(void *group);
    dl4c_status (*share)(void *group, void *mine, void **theirs, int64_t timeout_ms, struct dl4c_error *err);
};
DL4C_API dl4c_status dl4c_transport_register(dl4c_context *ctx, const struct dl4c_transport_ops *ops, void *user,
                                             void (*release)(void *user), struct dl4c_error *err);
typedef struct dl4c_group dl4c_group;
DL4C_API dl4c_status dl4c_group_join(dl4c_context *ctx, const struct dl4c_group_options *options, dl4c_group **group,
                                     struct dl4c_error *err);
DL4C_API void dl4c_group_leave(dl4c_group **group, int64_t timeout_ms);
DL4C_API dl4c_status dl4c_group_members(dl4c_group *group, struct dl4c_members *members, struct dl4c_error *err);
DL4C_API dl4c_status dl4c_group_send(dl4c_group *group, int32_t peer, const void *bytes, size_t size, int64_t timeout_ms,
                                     struct dl4c_error *err);
DL4C_API dl4c_status dl4c_group_recv(dl4c_group *group, int32_t peer, void *room, size_t size, int64_t timeout_ms,
                                     struct dl4c_error *err);
DL4C_API dl4c_status dl4c_group_sendrecv(dl4c_group *group, const struct dl4c_message *transfers, int32_t n, int64_t timeout_ms,
                                         struct dl4c_error *err);
DL4C_API dl4c_status dl4c_group_broadcast(dl4c_group *group, int32_t root, void *bytes, size_t size, int64_t timeout_ms,
                                          struct dl4c_error *err);
DL4C_API dl4c_status dl4c_group_barrier(dl4c_group *group, int64_t timeout_ms, struct dl4c_error *err);
DL4C_API dl4c_status dl4c_group_regroup(dl4c_group *group, const struct dl4c_regroup_options *options, struct dl4c_error *err);
DL4C_API void dl4c_group_cancel(dl4c_group *group);
enum {
    DL4C_EXCHANGE_F32 = 0,
    DL4C_EXCHANGE_BF16 = 1
};
struct dl4c_average_options {
    size_t struct_size;
    int64_t weight;
    int32_t first_rank;
    int32_t threads;
    int64_t timeout_ms;
    int32_t exchange;
    int32_t reserved;
};
#define DL4C_AVERAGE_OPTIONS_INIT                                                                                                          \
    {                                                                                                                                      \
        sizeof(struct dl4c_average_options), 0, 0, 0, 0, 0, 0                                                                              \
    }
DL4C_API dl4c_status dl4c_group_average(dl4c_group *group, const struct dl4c_average_options *options, const float *in, float *out,
                                        int64_t n, int64_t *total, struct dl4c_error *err);
DL4C_END

/* dl4c/webhdfs.h */
DL4C_BEGIN
enum {
    DL4C_WEBHDFS_ANY_HOST_NAME = 1
};
struct dl4c_webhdfs_options {
    size_t struct_size;
    const char *user;
    const char *doas;
    const char *token;
    const char *ca_file;
    const char *cert_file;
    const char *key_file;
    const char *key_password;
    const char *datanodes;
    int64_t connect_ms;
    int64_t stall_ms;
    int64_t retry_ms;
    int32_t requests;
    int32_t reserved;
    uint64_t flags;
};
#define DL4C_WEBHDFS_OPTIONS_INIT { sizeof(struct dl4c_webhdfs_options), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 }
DL4C_API dl4c_status dl4c_webhdfs_configure(dl4c_context *ctx, const struct dl4c_webhdfs_options *options, struct dl4c_error *err);
DL4C_END

/* dl4c/zoo.h */
DL4C_BEGIN
struct dl4c_zoo_info {
    size_t struct_size;
    const char *name;
    const char *doc;
    const char *preprocess;
    const char *updater;
    int64_t param_count;
    int32_t n_classes;
    int32_t channels;
    int32_t height;
    int32_t width;
};
#define DL4C_ZOO_INFO_INIT { sizeof(struct dl4c_zoo_info), 0, 0, 0, 0, 0, 0, 0, 0, 0 }
DL4C_API int32_t dl4c_zoo_count(void);
DL4C_API dl4c_status dl4c_zoo_get(int32_t i, struct dl4c_zoo_info *out, struct dl4c_error *err);
DL4C_API dl4c_status dl4c_zoo_find(const char *name, struct dl4c_zoo_info *out, struct dl4c_error *err);
enum {
    DL4C_ZOO_PUBLISHED_NAMES = 1
};
struct dl4c_zoo_options {
    size_t struct_size;
    int32_t n_classes;
    int32_t channels;
    int32_t height;
    int32_t width;
    uint64_t seed;
    const char *weights;
    const char *updater;
    dl4c_progress_fn progress;
    void *progress_user;
    const int32_t *cancel;
    int64_t timeout_ms;
    uint64_t flags;
};
#define DL4C_ZOO_OPTIONS_INIT { sizeof(struct dl4c_zoo_options), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 }
DL4C_API dl4c_status dl4c_zoo_create(dl4c_context *ctx, const char *name, const struct dl4c_zoo_options *options, dl4c_graph **graph,
                                     struct dl4c_error *err);
DL4C_END

#endif
