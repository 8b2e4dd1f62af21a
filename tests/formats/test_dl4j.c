/* SPDX-License-Identifier: Apache-2.0 */
/* The Deeplearning4j format without recorded files: what is written reads back as it was, and nothing that is damaged gets through. */
#define _POSIX_C_SOURCE 200809L
#include "../fs/memory_fs.h"
#include "formats/dl4j/save.h"
#include "support/fail_alloc.h"
#include <dl4c/model.h>
#include <dl4c/train.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static dl4c_graph *network(dl4c_context *ctx, struct dl4c_error *err)
{
    static const int64_t image[] = { 2, 7, 6 };
    static const char *const in[] = { "in" }, *const c[] = { "c" }, *const n[] = { "n" }, *const both[] = { "a", "n" };
    static const char *const m[] = { "m" }, *const p[] = { "p" }, *const d[] = { "d" };
    dl4c_builder *b;
    dl4c_graph *g = NULL;
    if (dl4c_builder_create(ctx, NULL, &b, err) != DL4C_OK)
        return NULL;
    dl4c_builder_input(b, "in", image, 3);
    dl4c_builder_add_text(b, "conv2d:units=3,kernel=3x3,padding=1x0,padding_end=0x1,activation=leaky_relu(leak=0.1),l2=0.01", "c", in, 1);
    dl4c_builder_add_text(b, "batch_norm:use_log_std=1,decay=0.8", "n", c, 1);
    dl4c_builder_add_text(b, "elu:alpha=0.5", "a", n, 1);
    dl4c_builder_add_text(b, "merge", "m", both, 2);
    dl4c_builder_add_text(b, "max_pool:mode=same", "p", m, 1);
    dl4c_builder_add_text(b,
                          "dense:units=5,activation=tanh,noise=gaussian_dropout(rate=0.3),updater=adam(lr=0.01),bias_updater=sgd(lr=0.01),"
                          "weight_decay=0.01;0.01,gradient_normalization=clip_l2_per_layer,gradient_threshold=0.5,"
                          "constraints=max_norm(max_norm=2,dimensions=1);non_negative(params=b),"
                          "weight_noise=add(distribution=normal(mean=0,std=0.01),biases=1)",
                          "d", p, 1);
    dl4c_builder_add_text(b, "output:units=3,activation=softmax,loss=mcxent(weights=1;2;0.5)", "out", d, 1);
    dl4c_builder_freeze(b, "n");
    dl4c_builder_finish(&b, &g, err);
    return g;
}

static struct memory_fs files;

static dl4c_context *context(void)
{
    dl4c_context *ctx;
    assert_int_equal(dl4c_context_create(NULL, &ctx, NULL), DL4C_OK);
    assert_int_equal(dl4c_fs_register(ctx, &memory_fs_ops, &files, NULL, NULL), DL4C_OK);
    return ctx;
}

static float *run(dl4c_graph *g, int64_t *n)
{
    static float x[2 * 42 * 2];
    const int64_t shape[] = { 2, 2, 7, 6 };
    struct dl4c_session_options o = DL4C_SESSION_OPTIONS_INIT;
    dl4c_session *s;
    dl4c_tensor *t, *y;
    for (int i = 0; i < 168; i++)
        x[i] = (float)(i * 37 % 41 - 20) / 10;
    o.batch = 2;
    assert_int_equal(dl4c_tensor_wrap(NULL, DL4C_F32, shape, NULL, 4, x, 0, NULL, NULL, &t, NULL), DL4C_OK);
    assert_int_equal(dl4c_session_create(NULL, g, &o, &s, NULL), DL4C_OK);
    assert_int_equal(dl4c_session_run(s, &t, 1, NULL), DL4C_OK);
    assert_int_equal(dl4c_session_output(s, 0, &y, NULL), DL4C_OK);
    *n = dl4c_tensor_size(y);
    float *copy = malloc((size_t)*n * sizeof *copy);
    memcpy(copy, dl4c_tensor_data_const(y), (size_t)*n * sizeof *copy);
    dl4c_session_destroy(&s);
    dl4c_tensor_unref(&t);
    return copy;
}

static void what_is_saved_loads_as_it_was(void **state)
{
    dl4c_context *ctx = context();
    struct dl4c_error err = DL4C_ERROR_INIT;
    dl4c_graph *g = network(ctx, &err), *again = NULL;
    static const char *const classes[] = { "a \"quoted\" one", "b", "c" };
    struct dl4c_model_info info = DL4C_MODEL_INFO_INIT, back = DL4C_MODEL_INFO_INIT;
    assert_non_null(g);
    info.n_classes = 3;
    info.classes = classes;
    info.preprocess = "vgg16:resize=pillow";
    info.training = "{\"epochs\":3}";
    assert_int_equal(dl4c_graph_set_info(g, &info, &err), DL4C_OK);
    if (dl4c_model_save(g, "mem://host/a.zip", NULL, &err) != DL4C_OK ||
        dl4c_model_load(ctx, "mem://host/a.zip", NULL, &again, &err) != DL4C_OK)
        fail_msg("%s", err.message);
    int64_t n, m;
    float *a = run(g, &n), *b = run(again, &m);
    assert_int_equal(n, m);
    for (int64_t i = 0; i < n; i++) /* padding in a vertex of its own adds the same zeros: the sums are the same */
        assert_true(a[i] - b[i] < 1e-6f && b[i] - a[i] < 1e-6f);
    free(a);
    free(b);
    assert_int_equal(dl4c_graph_info(again, &back, NULL), DL4C_OK);
    assert_string_equal(back.classes[0], classes[0]);
    assert_string_equal(back.preprocess, info.preprocess);
    assert_string_equal(back.training, info.training);
    struct dl4c_vertex v = DL4C_VERTEX_INIT;
    int32_t i;
    assert_int_equal(dl4c_graph_find(again, "n", &i, NULL), DL4C_OK);
    assert_int_equal(dl4c_graph_vertex(again, i, &v, NULL), DL4C_OK);
    assert_true(v.frozen);
    /* and the second file is the third, byte for byte */
    assert_int_equal(dl4c_model_save(again, "mem://host/b.zip", NULL, &err), DL4C_OK);
    assert_int_equal(dl4c_model_save(again, "mem://host/c.zip", NULL, &err), DL4C_OK);
    const struct memory_file *fb = memory_fs_find(&files, "host/b.zip"), *fc = memory_fs_find(&files, "host/c.zip");
    assert_int_equal(fb->size, fc->size);
    assert_memory_equal(fb->bytes, fc->bytes, fb->size);
    dl4c_graph_destroy(&again);
    dl4c_graph_destroy(&g);
    dl4c_context_destroy(&ctx);
    memory_fs_clear(&files);
}

/* A zip says how many inputs a layer has, and all of its loss: the network is the same, and so is its digest. */
static void a_zip_does_not_change_the_digest(void **state)
{
    dl4c_context *ctx = context();
    struct dl4c_error err = DL4C_ERROR_INIT;
    dl4c_builder *b = NULL;
    dl4c_graph *g = NULL, *again = NULL, *other = NULL;
    const int64_t shape[] = { 8 };
    const char *in[] = { "in" }, *d[] = { "d" };
    char *digest[3];
    for (int i = 0; i < 2; i++) {
        assert_int_equal(dl4c_builder_create(ctx, NULL, &b, &err), DL4C_OK);
        dl4c_builder_input(b, "in", shape, 1);
        dl4c_builder_add_text(b, "dense:units=4,activation=relu", "d", in, 1);
        dl4c_builder_add_text(b, i ? "output:units=3,activation=softmax,loss=mcxent" : "output:units=3,activation=softmax", "o", d, 1);
        assert_int_equal(dl4c_builder_finish(&b, i ? &other : &g, &err), DL4C_OK);
    }
    assert_int_equal(dl4c_model_save(g, "mem://host/a.zip", NULL, &err), DL4C_OK);
    assert_int_equal(dl4c_model_load(ctx, "mem://host/a.zip", NULL, &again, &err), DL4C_OK);
    assert_int_equal(dl4c_graph_digest(g, &digest[0], &err), DL4C_OK);
    assert_int_equal(dl4c_graph_digest(again, &digest[1], &err), DL4C_OK);
    assert_int_equal(dl4c_graph_digest(other, &digest[2], &err), DL4C_OK);
    assert_string_equal(digest[0], digest[1]);
    assert_string_not_equal(digest[0], digest[2]);
    for (int i = 0; i < 3; i++)
        dl4c_free(digest[i]);
    dl4c_graph_destroy(&other);
    dl4c_graph_destroy(&again);
    dl4c_graph_destroy(&g);
    dl4c_context_destroy(&ctx);
    memory_fs_clear(&files);
}

/* A file of ours in memory (free()). */
static char *file_of(size_t *size)
{
    dl4c_context *ctx = context();
    dl4c_graph *g = network(ctx, NULL);
    assert_int_equal(dl4c_model_save(g, "mem://host/a.zip", NULL, NULL), DL4C_OK);
    const struct memory_file *f = memory_fs_find(&files, "host/a.zip");
    char *copy = malloc(f->size);
    memcpy(copy, f->bytes, f->size);
    *size = f->size;
    dl4c_graph_destroy(&g);
    dl4c_context_destroy(&ctx);
    memory_fs_clear(&files);
    return copy;
}

static void a_file_cut_short_anywhere_is_refused(void **state)
{
    size_t size;
    char *bytes = file_of(&size);
    for (size_t n = 0; n < size; n++) {
        dl4c_graph *g = NULL;
        struct dl4c_error err = DL4C_ERROR_INIT;
        char *exact = malloc(n + 1);
        memcpy(exact, bytes, n);
        if (dl4c_model_load_memory(NULL, exact, n, NULL, &g, &err) == DL4C_OK)
            fail_msg("%zu of %zu bytes were read as a model", n, size);
        assert_null(g);
        assert_true(err.message[0] != 0);
        free(exact);
    }
    free(bytes);
}

static void a_flipped_byte_crashes_nothing(void **state)
{
    size_t size;
    char *bytes = file_of(&size);
    for (size_t n = 0; n < size; n++) {
        dl4c_graph *g = NULL;
        struct dl4c_error err = DL4C_ERROR_INIT;
        bytes[n] = (char)(bytes[n] ^ (1 << n % 8));
        const dl4c_status s = dl4c_model_load_memory(NULL, bytes, size, NULL, &g, &err);
        assert_true((s == DL4C_OK) == (g != NULL));
        assert_true(s == DL4C_OK || err.message[0] != 0);
        dl4c_graph_destroy(&g);
        bytes[n] = (char)(bytes[n] ^ (1 << n % 8));
    }
    free(bytes);
}

static void a_bare_configuration_gives_a_network_with_fresh_parameters(void **state)
{
    dl4c_graph *g = network(NULL, NULL), *again = NULL;
    struct dl4c_error err = DL4C_ERROR_INIT;
    char *text;
    int64_t a, b;
    assert_int_equal(dli_dl4j_config_write(g, &text, NULL), DL4C_OK);
    if (dl4c_model_load_memory(NULL, text, strlen(text), NULL, &again, &err) != DL4C_OK)
        fail_msg("%s", err.message);
    dl4c_graph_param_count(g, &a, NULL, NULL);
    dl4c_graph_param_count(again, &b, NULL, NULL);
    assert_int_equal(a, b);
    dl4c_free(text);
    dl4c_graph_destroy(&g);
    dl4c_graph_destroy(&again);
}

/* `from` of a configuration as `to`, everywhere (free()). */
static char *replaced(const char *text, const char *from, const char *to)
{
    char *out = malloc(strlen(text) * 4 + 1), *at = out;
    for (const char *p = text; *p;)
        if (strncmp(p, from, strlen(from)) == 0) {
            at += sprintf(at, "%s", to);
            p += strlen(from);
        } else {
            *at++ = *p++;
        }
    *at = '\0';
    assert_true(strstr(text, from) != NULL);
    return out;
}

/* What the reference asks is not passed over: such a network loads, and training it is refused by name. */
static void solvers_that_are_not_here_are_refused_by_the_trainer(void **state)
{
    static const struct {
        const char *from, *to, *says; /* NULL: it is trained */
    } t[] = {
        { "STOCHASTIC_GRADIENT_DESCENT", "LBFGS", "LBFGS" },
        { "STOCHASTIC_GRADIENT_DESCENT", "LINE_GRADIENT_DESCENT", "LINE_GRADIENT_DESCENT" },
        { "\"stepFunction\" : null", "\"stepFunction\" : {\"@class\":\"org.deeplearning4j.nn.conf.stepfunctions.GradientStepFunction\"}",
          "GradientStepFunction" },
        { "\"stepFunction\" : null",
          "\"stepFunction\" : {\"@class\":\"org.deeplearning4j.nn.conf.stepfunctions.NegativeGradientStepFunction\"}", NULL },
        { "\"minimize\" : true", "\"minimize\" : false", NULL },
        { "\"gainInit\" : 1.0", "\"gainInit\" : 3.0", NULL },
    };
    dl4c_graph *g = network(NULL, NULL);
    struct dl4c_error err = DL4C_ERROR_INIT;
    char *text;
    (void)state;
    assert_int_equal(dli_dl4j_config_write(g, &text, NULL), DL4C_OK);
    for (size_t i = 0; i < sizeof t / sizeof *t; i++) {
        char *other = replaced(text, t[i].from, t[i].to);
        dl4c_graph *again = NULL;
        dl4c_trainer *trainer = NULL;
        if (dl4c_model_load_memory(NULL, other, strlen(other), NULL, &again, &err) != DL4C_OK)
            fail_msg("%s: %s", t[i].to, err.message);
        const dl4c_status status = dl4c_trainer_create(again, NULL, &trainer, &err);
        if ((status == DL4C_OK) != !t[i].says || (t[i].says && !strstr(err.message, t[i].says)))
            fail_msg("%s: %s", t[i].to, err.message);
        dl4c_trainer_destroy(&trainer);
        dl4c_graph_destroy(&again);
        free(other);
    }
    dl4c_free(text);
    dl4c_graph_destroy(&g);
}

static void what_has_no_class_is_named(void **state)
{
    static const int64_t image[] = { 2, 4, 4 };
    static const char *const in[] = { "in" }, *const t[] = { "turned" };
    struct dl4c_error err = DL4C_ERROR_INIT;
    dl4c_context *ctx = context();
    dl4c_builder *b;
    dl4c_graph *g = NULL;
    assert_int_equal(dl4c_builder_create(ctx, NULL, &b, NULL), DL4C_OK);
    dl4c_builder_input(b, "in", image, 3);
    dl4c_builder_add_text(b, "transpose:perm=2x3x1", "turned", in, 1);
    dl4c_builder_add_text(b, "output:units=2,activation=softmax", "out", t, 1);
    if (dl4c_builder_finish(&b, &g, &err) != DL4C_OK)
        fail_msg("%s", err.message);
    assert_int_equal(dl4c_model_save(g, "mem://host/t.zip", NULL, &err), DL4C_E_UNSUPPORTED);
    assert_non_null(strstr(err.message, "turned"));
    assert_null(memory_fs_find(&files, "host/t.zip"));
    dl4c_graph_destroy(&g);
    dl4c_context_destroy(&ctx);
    memory_fs_clear(&files);
}

static dl4c_status load_and_save(dl4c_context *ctx, void *arg, struct dl4c_error *err)
{
    const struct memory_file *f = arg;
    dl4c_graph *g = NULL;
    dl4c_status s = dl4c_model_load_memory(ctx, f->bytes, f->size, NULL, &g, err);
    assert_true((s == DL4C_OK) == (g != NULL));
    if (s == DL4C_OK)
        s = dl4c_fs_register(ctx, &memory_fs_ops, &files, NULL, err);
    if (s == DL4C_OK)
        s = dl4c_model_save(g, "mem://host/x.zip", NULL, err);
    dl4c_graph_destroy(&g);
    return s;
}

static void every_allocation_may_fail(void **state)
{
    struct memory_file f = { .name = "" };
    f.bytes = file_of(&f.size);
    fail_alloc_run(load_and_save, &f);
    fail_alloc_limits(load_and_save, &f);
    memory_fs_clear(&files);
    free(f.bytes);
}

/* ---- memory -------------------------------------------------------------------------------------------------- */

static int64_t now_bytes, peak_bytes;

static void *counted_take(void *user, size_t size, size_t alignment)
{
    (void)user;
    void *p = NULL;
    if (posix_memalign(&p, alignment < sizeof(void *) ? sizeof(void *) : alignment, size) != 0)
        return NULL;
    now_bytes += (int64_t)size;
    peak_bytes = now_bytes > peak_bytes ? now_bytes : peak_bytes;
    return p;
}

static void counted_give(void *user, void *p, size_t size)
{
    (void)user;
    now_bytes -= (int64_t)size;
    free(p);
}

/* How far above what there is now the heap goes from here on. */
static int64_t begin(void) { return peak_bytes = now_bytes; }

static dl4c_graph *trained_a_step(dl4c_context *ctx, int64_t units)
{
    static const int64_t row[] = { 1024 };
    static const char *const in[] = { "in" }, *const d[] = { "d" };
    struct dl4c_fit_options o = DL4C_FIT_OPTIONS_INIT;
    struct dl4c_error err = DL4C_ERROR_INIT;
    dl4c_builder *b;
    dl4c_graph *g;
    dl4c_trainer *t;
    dl4c_tensor *x, *y;
    const int64_t shapes[][2] = { { 1, 1024 }, { 1, 0 } };
    assert_int_equal(dl4c_builder_create(ctx, NULL, &b, NULL), DL4C_OK);
    dl4c_builder_input(b, "in", row, 1);
    dl4c_builder_add(b, "dense", "d", in, 1, (struct dl4c_attr[]){ dl4c_attr_int("units", units), dl4c_attr_str("activation", "tanh") }, 2);
    dl4c_builder_add_text(b, "output:units=2,activation=softmax,loss=mcxent", "out", d, 1);
    assert_int_equal(dl4c_builder_finish(&b, &g, &err), DL4C_OK);
    o.batch = 1;
    o.updater = "adam:lr=1e-3";
    assert_int_equal(dl4c_trainer_create(g, &o, &t, &err), DL4C_OK);
    assert_int_equal(dl4c_tensor_create(ctx, DL4C_F32, shapes[0], 2, &x, NULL), DL4C_OK);
    assert_int_equal(dl4c_tensor_create(ctx, DL4C_I64, shapes[1], 1, &y, NULL), DL4C_OK);
    for (int i = 0; i < 1024; i++)
        ((float *)dl4c_tensor_data(x))[i] = (float)(i * 37 % 41 - 20) / 10;
    ((int64_t *)dl4c_tensor_data(y))[0] = 1;
    assert_int_equal(dl4c_trainer_step(t, x, y, NULL, &err), DL4C_OK);
    dl4c_tensor_unref(&x);
    dl4c_tensor_unref(&y);
    dl4c_trainer_destroy(&t);
    return g;
}

/* A file system that maps nothing, so that a whole file in memory would be in the heap too. What there is beside weights and state has
 * bounds of its own: 1 MiB to read through, 64 KiB to write through, 268 KiB of deflate, the configuration. Weights are 8 MB here, the
 * state twice that. */
static void weights_lie_in_memory_once_while_they_are_loaded_and_saved(void **state)
{
    (void)state;
    struct dl4c_context_options o = DL4C_CONTEXT_OPTIONS_INIT;
    struct dl4c_save_options so = DL4C_SAVE_OPTIONS_INIT;
    struct dl4c_error err = DL4C_ERROR_INIT;
    dl4c_context *ctx;
    dl4c_graph *again = NULL;
    const int64_t units = 2048, weights = 4 * (1024 * units + units + units * 2 + 2);
    o.threads = 1;
    o.alloc = counted_take;
    o.release = counted_give;
    so.updater = 1;
    assert_int_equal(dl4c_context_create(&o, &ctx, NULL), DL4C_OK);
    assert_int_equal(dl4c_fs_register(ctx, &memory_fs_ops, &files, NULL, NULL), DL4C_OK);
    dl4c_graph *g = trained_a_step(ctx, units);

    int64_t before = begin();
    if (dl4c_model_save(g, "mem://host/m.zip", &so, &err) != DL4C_OK)
        fail_msg("%s", err.message);
    assert_true(peak_bytes - before < 512 << 10);
    assert_int_equal(now_bytes, before);
    dl4c_graph_destroy(&g);

    before = begin();
    if (dl4c_model_load(ctx, "mem://host/m.zip", NULL, &again, &err) != DL4C_OK)
        fail_msg("%s", err.message);
    assert_true(now_bytes - before > 3 * weights);
    assert_true(peak_bytes - before < 3 * weights + (1 << 20) + (256 << 10));
    dl4c_graph_destroy(&again);
    assert_int_equal(now_bytes, before);

    const struct memory_file *f = memory_fs_find(&files, "host/m.zip");
    begin();
    assert_int_equal(dl4c_model_load_memory(ctx, f->bytes, f->size, NULL, &again, &err), DL4C_OK);
    assert_true(peak_bytes - before < 3 * weights + (256 << 10));
    dl4c_graph_destroy(&again);
    dl4c_context_destroy(&ctx);
    memory_fs_clear(&files);
    assert_int_equal(now_bytes, 0);
}

/* The file system's own failure is told, not that the archive were damaged. */
static void a_read_that_fails_says_so_itself(void **state)
{
    (void)state;
    dl4c_context *ctx = context();
    struct dl4c_error err = DL4C_ERROR_INIT;
    dl4c_graph *g = network(ctx, NULL), *again = NULL;
    assert_int_equal(dl4c_model_save(g, "mem://host/a.zip", NULL, NULL), DL4C_OK);
    files.lie = 7; /* bytes that open_read promises and read_at does not have */
    assert_int_equal(dl4c_model_load(ctx, "mem://host/a.zip", NULL, &again, &err), DL4C_E_CORRUPT);
    files.lie = 0;
    assert_null(again);
    assert_non_null(strstr(err.message, "ends at"));
    files.short_reads = 3; /* slow, but nothing wrong */
    assert_int_equal(dl4c_model_load(ctx, "mem://host/a.zip", NULL, &again, &err), DL4C_OK);
    files.short_reads = 0;
    dl4c_graph_destroy(&again);
    dl4c_graph_destroy(&g);
    dl4c_context_destroy(&ctx);
    memory_fs_clear(&files);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_saved_loads_as_it_was),
        cmocka_unit_test(a_zip_does_not_change_the_digest),
        cmocka_unit_test(a_file_cut_short_anywhere_is_refused),
        cmocka_unit_test(a_flipped_byte_crashes_nothing), cmocka_unit_test(a_bare_configuration_gives_a_network_with_fresh_parameters),
        cmocka_unit_test(what_has_no_class_is_named),     cmocka_unit_test(every_allocation_may_fail),
        cmocka_unit_test(solvers_that_are_not_here_are_refused_by_the_trainer),
        cmocka_unit_test(weights_lie_in_memory_once_while_they_are_loaded_and_saved),
        cmocka_unit_test(a_read_that_fails_says_so_itself),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
