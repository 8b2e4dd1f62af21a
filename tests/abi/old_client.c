/* SPDX-License-Identifier: Apache-2.0 */
/* A host that was compiled when FROZEN was today's header, run against the library of now: the structs it lays out itself, the values it
 * has built in and the ways through the API that it knows still work. It sees no other header of the library. */
#define _POSIX_C_SOURCE 200809L
#include FROZEN

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int failures;

#define CHECK(condition)                                                        \
    do {                                                                        \
        if (!(condition)) {                                                     \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);     \
            failures++;                                                         \
        }                                                                       \
    } while (0)

static void *counted_alloc(void *user, size_t size, size_t alignment)
{
    void *memory = NULL;
    ++*(int *)user;
    return posix_memalign(&memory, alignment < sizeof(void *) ? sizeof(void *) : alignment, size) ? NULL : memory;
}

static void counted_release(void *user, void *memory, size_t size)
{
    (void)size;
    --*(int *)user;
    free(memory);
}

static void errors(void)
{
    struct dl4c_error err = DL4C_ERROR_INIT;
    dl4c_tensor *t = NULL;
    const int64_t shape[] = { 2, -3 };
    CHECK(sizeof err == 512);
    CHECK(dl4c_tensor_create(NULL, DL4C_F32, shape, 2, &t, &err) == DL4C_E_INVALID);
    CHECK(t == NULL && err.status == DL4C_E_INVALID && err.domain == DL4C_DOMAIN_NONE && err.origin[0] && err.message[0]);
    CHECK(strcmp(dl4c_status_name(DL4C_E_DIVERGED), "DL4C_E_DIVERGED") == 0);
    CHECK(dl4c_version() >= DL4C_VERSION);
}

static void tensors(dl4c_context *ctx)
{
    struct dl4c_error err = DL4C_ERROR_INIT;
    float values[6] = { 0, 1, 2, 3, 4, 5 };
    const int64_t shape[] = { 2, 3 };
    dl4c_tensor *t = NULL, *view = NULL, *wide = NULL;
    CHECK(dl4c_tensor_wrap(ctx, DL4C_F32, shape, NULL, 2, values, 0, NULL, NULL, &t, &err) == DL4C_OK);
    CHECK(dl4c_tensor_transpose(t, NULL, &view, &err) == DL4C_OK);
    CHECK(dl4c_tensor_dim(view, 0) == 3 && dl4c_tensor_dim(view, -1) == 2 && dl4c_tensor_size(view) == 6);
    CHECK(dl4c_tensor_to(view, DL4C_F64, &wide, &err) == DL4C_OK);
    CHECK(wide && ((const double *)dl4c_tensor_data_const(wide))[1] == 3);
    dl4c_tensor_unref(&wide);
    dl4c_tensor_unref(&view);
    dl4c_tensor_unref(&t);
    CHECK(t == NULL);
}

static void evaluations(dl4c_context *ctx)
{
    struct dl4c_error err = DL4C_ERROR_INIT;
    struct dl4c_evaluation_options options = DL4C_EVALUATION_OPTIONS_INIT;
    const float probabilities[] = { 0.9f, 0.1f, 0.2f, 0.8f, 0.7f, 0.3f };
    const int64_t labels[] = { 0, 1, 1 };
    dl4c_evaluation *e = NULL;
    char *text = NULL;
    options.n_classes = 2;
    CHECK(dl4c_evaluation_create(ctx, &options, &e, &err) == DL4C_OK);
    CHECK(dl4c_evaluation_add(e, probabilities, labels, 3, &err) == DL4C_OK);
    CHECK(dl4c_evaluation_count(e) == 3 && dl4c_evaluation_confusion(e, 1, 0) == 1);
    CHECK(dl4c_evaluation_stats(e, 0, &text, &err) == DL4C_OK && text && strstr(text, "Accuracy"));
    dl4c_free(text);
    dl4c_evaluation_destroy(&e);
}

/* A file system of the host: one file of four bytes. The vtable is laid out by this client. */
static dl4c_status open_read(void *user, const char *authority, const char *path, void **file, int64_t *size_bytes, struct dl4c_error *err)
{
    (void)err;
    CHECK(strcmp(authority, "host") == 0 && strcmp(path, "/four") == 0);
    *file = user;
    *size_bytes = 4;
    return DL4C_OK;
}

static dl4c_status read_at(void *user, void *file, int64_t offset, void *buffer, size_t size, size_t *got, struct dl4c_error *err)
{
    (void)user, (void)file, (void)err;
    *got = offset >= 4 ? 0 : size < (size_t)(4 - offset) ? size : (size_t)(4 - offset);
    if (*got > 0) memcpy(buffer, &"four"[offset], *got);
    return DL4C_OK;
}

static void close_read(void *user, void *file) { (void)user, (void)file; }

static dl4c_status stat_it(void *user, const char *authority, const char *path, struct dl4c_fs_stat *out, struct dl4c_error *err)
{
    (void)user, (void)authority, (void)path, (void)err;
    out->kind = DL4C_FS_FILE;
    out->size_bytes = 4;
    return DL4C_OK;
}

static void file_systems(dl4c_context *ctx)
{
    struct dl4c_error err = DL4C_ERROR_INIT;
    struct dl4c_fs_ops ops;
    struct dl4c_fs_stat stat = DL4C_FS_STAT_INIT;
    dl4c_fs_file *file = NULL;
    char bytes[4];
    int anything = 0;
    memset(&ops, 0, sizeof ops);
    ops.struct_size = sizeof ops;
    ops.scheme = "old";
    ops.open_read = open_read;
    ops.read_at = read_at;
    ops.close_read = close_read;
    ops.stat = stat_it;
    CHECK(dl4c_fs_register(ctx, &ops, &anything, NULL, &err) == DL4C_OK);
    CHECK(dl4c_fs_open(ctx, "old://host/four", &file, &err) == DL4C_OK && dl4c_fs_size(file) == 4);
    CHECK(dl4c_fs_read_at(file, 0, bytes, 4, &err) == DL4C_OK && memcmp(bytes, "four", 4) == 0);
    dl4c_fs_close(&file);
    CHECK(dl4c_fs_stat_uri(ctx, "old://host/four", &stat, &err) == DL4C_OK && stat.size_bytes == 4);
    CHECK(dl4c_fs_mkdir(ctx, "old://host/x", &err) == DL4C_E_UNSUPPORTED);
}

/* Two rows of two numbers in two classes, given by callbacks of this client. */
static int given;

static dl4c_status source_info(void *user, struct dl4c_source_info *info, struct dl4c_error *err)
{
    (void)user, (void)err;
    info->rank = 1;
    info->shape[0] = 2;
    info->n_classes = 2;
    info->rows = 2;
    return DL4C_OK;
}

static dl4c_status source_reset(void *user, int32_t shuffle, uint64_t seed, int64_t epoch, struct dl4c_error *err)
{
    (void)user, (void)shuffle, (void)seed, (void)epoch, (void)err;
    given = 0;
    return DL4C_OK;
}

static dl4c_status source_next(void *user, int64_t max_rows, struct dl4c_batch *batch, struct dl4c_error *err)
{
    static const float rows[] = { 1, 2, 3, 4 };
    static const int64_t labels[] = { 1, 0 };
    (void)user, (void)max_rows, (void)err;
    if (given < 2) {
        batch->n = 1;
        batch->x = rows + 2 * given;
        batch->labels = labels + given;
        given++;
    }
    return DL4C_OK;
}

static void sources(dl4c_context *ctx)
{
    struct dl4c_error err = DL4C_ERROR_INIT;
    struct dl4c_source_ops ops;
    struct dl4c_batch batch = DL4C_BATCH_INIT;
    struct dl4c_source_info info = DL4C_SOURCE_INFO_INIT;
    dl4c_source *source = NULL;
    memset(&ops, 0, sizeof ops);
    ops.struct_size = sizeof ops;
    ops.info = source_info;
    ops.reset = source_reset;
    ops.next = source_next;
    CHECK(dl4c_source_create(ctx, &ops, NULL, NULL, &source, &err) == DL4C_OK);
    CHECK(dl4c_source_get_info(source, &info, &err) == DL4C_OK && info.shape[0] == 2 && info.n_classes == 2 && info.rows == 2);
    CHECK(dl4c_source_reset(source, 0, 1, 0, &err) == DL4C_OK);
    CHECK(dl4c_source_next(source, 2, &batch, &err) == DL4C_OK && batch.n == 1 && batch.x[1] == 2 && batch.labels[0] == 1);
    CHECK(dl4c_source_next(source, 2, &batch, &err) == DL4C_OK && batch.n == 1 && batch.x[1] == 4 && batch.labels[0] == 0);
    CHECK(dl4c_source_next(source, 2, &batch, &err) == DL4C_OK && batch.n == 0);
    dl4c_source_destroy(&source);
}

/* x -> dense -> relu, with known weights; then its head alone, after a split. */
static void graphs(dl4c_context *ctx)
{
    struct dl4c_error err = DL4C_ERROR_INIT;
    const int64_t two[] = { 2 }, weights[] = { 2, 2 }, rows[] = { 1, 2 };
    float w[] = { 1, -1, 0, 2 }, b[] = { 0.5f, -8 }, x[] = { 3, 1 };
    const char *from_x[] = { "x" }, *from_d[] = { "d" };
    struct dl4c_attr attrs[1];
    struct dl4c_session_options so = DL4C_SESSION_OPTIONS_INIT;
    struct dl4c_vertex vertex = DL4C_VERTEX_INIT;
    struct dl4c_shape shape;
    dl4c_builder *builder = NULL;
    dl4c_graph *graph = NULL, *trunk = NULL, *head = NULL;
    dl4c_session *session = NULL;
    dl4c_tensor *tw = NULL, *tb = NULL, *tx = NULL, *y = NULL;
    char *text = NULL;
    int64_t total = 0, trainable = 0, frozen = 0;

    CHECK(dl4c_tensor_wrap(ctx, DL4C_F32, weights, NULL, 2, w, 0, NULL, NULL, &tw, &err) == DL4C_OK);
    CHECK(dl4c_tensor_wrap(ctx, DL4C_F32, two, NULL, 1, b, 0, NULL, NULL, &tb, &err) == DL4C_OK);
    CHECK(dl4c_tensor_wrap(ctx, DL4C_F32, rows, NULL, 2, x, DL4C_WRAP_READ_ONLY, NULL, NULL, &tx, &err) == DL4C_OK);
    CHECK(dl4c_builder_create(ctx, NULL, &builder, &err) == DL4C_OK);
    dl4c_builder_input(builder, "x", two, 1);
    attrs[0] = dl4c_attr_int("units", 2);
    dl4c_builder_add(builder, "dense", "d", from_x, 1, attrs, 1);
    dl4c_builder_param(builder, "d", "W", tw);
    dl4c_builder_param(builder, "d", "b", tb);
    dl4c_builder_add_text(builder, "relu", "y", from_d, 1);
    dl4c_builder_freeze(builder, "d");
    CHECK(dl4c_builder_finish(&builder, &graph, &err) == DL4C_OK);
    CHECK(graph && dl4c_graph_vertex_count(graph) == 3);
    CHECK(dl4c_graph_vertex(graph, 1, &vertex, &err) == DL4C_OK && strcmp(vertex.op, "dense") == 0 && vertex.param_count == 6);
    CHECK(vertex.rank == 1 && vertex.shape[0] == 2 && vertex.frozen == 1 && vertex.n_inputs == 1);
    dl4c_graph_param_count(graph, &total, &trainable, &frozen);
    CHECK(total == 6 && trainable == 0 && frozen == 6);
    CHECK(dl4c_graph_summary(graph, NULL, &text, &err) == DL4C_OK && text && strstr(text, "Total"));
    dl4c_free(text);

    so.batch = 4;
    so.threads = 1;
    CHECK(dl4c_session_create(ctx, graph, &so, &session, &err) == DL4C_OK);
    CHECK(dl4c_session_output_shape(session, 0, &shape, &err) == DL4C_OK && shape.rank == 1 && shape.dim[0] == 2);
    CHECK(dl4c_session_run(session, &tx, 1, &err) == DL4C_OK);
    CHECK(dl4c_session_output(session, 0, &y, &err) == DL4C_OK);
    CHECK(y && dl4c_tensor_dim(y, 0) == 1 && ((const float *)dl4c_tensor_data_const(y))[0] == 3.5f
          && ((const float *)dl4c_tensor_data_const(y))[1] == 0);
    CHECK(dl4c_graph_split(graph, from_d, 1, NULL, &trunk, &head, &err) == DL4C_OK);
    CHECK(trunk && head && dl4c_graph_vertex_count(head) == 2);
    dl4c_graph_destroy(&graph); /* in any order: the session lives on */
    CHECK(dl4c_session_run(session, &tx, 1, &err) == DL4C_OK);
    dl4c_graph_destroy(&head);
    dl4c_session_destroy(&session);
    dl4c_graph_destroy(&trunk);
    dl4c_tensor_unref(&tx);
    dl4c_tensor_unref(&tb);
    dl4c_tensor_unref(&tw);
}

int main(void)
{
    struct dl4c_error err = DL4C_ERROR_INIT;
    struct dl4c_context_options options = DL4C_CONTEXT_OPTIONS_INIT;
    dl4c_context *ctx = NULL;
    int blocks = 0;
    options.alloc = counted_alloc;
    options.release = counted_release;
    options.alloc_user = &blocks;
    options.threads = 2;
    CHECK(dl4c_context_create(&options, &ctx, &err) == DL4C_OK);
    CHECK(dl4c_context_threads(ctx) == 2);
    errors();
    tensors(ctx);
    evaluations(ctx);
    file_systems(ctx);
    sources(ctx);
    graphs(ctx);
    dl4c_context_destroy(&ctx);
    CHECK(blocks == 0);
    printf("%d failures\n", failures);
    return failures ? EXIT_FAILURE : EXIT_SUCCESS;
}
