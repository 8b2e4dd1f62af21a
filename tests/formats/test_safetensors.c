/* SPDX-License-Identifier: Apache-2.0 */
/* The library's own format: what is written reads back bit for bit, is mapped and not read, and nothing that lies gets through. */
#define _POSIX_C_SOURCE 200809L
#include "../fs/memory_fs.h"
#include "formats/format.h"
#include "support/fail_alloc.h"
#include "support/same_graph.h"
#include <dl4c/dl4c.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

static struct dl4c_error err;
#define OK(expr)                                                                                                                           \
    do {                                                                                                                                   \
        if ((expr) != DL4C_OK)                                                                                                             \
            fail_msg("%s: %s: %s", #expr, err.origin, err.message);                                                                        \
    } while (0)

static struct memory_fs files;

static dl4c_context *context(void)
{
    dl4c_context *ctx;
    OK(dl4c_context_create(NULL, &ctx, &err));
    OK(dl4c_fs_register(ctx, &memory_fs_ops, &files, NULL, &err));
    return ctx;
}

/* Lists, texts with commas and quotes, an infinite number, two inputs in an order of their own, marks. */
static dl4c_graph *network(dl4c_context *ctx)
{
    static const int64_t image[] = { 2, 7, 6 }, row[] = { 4 };
    static const char *const in[] = { "in\"1" }, *const c[] = { "c" }, *const n[] = { "n" }, *const both[] = { "a", "n" };
    static const char *const m[] = { "m" }, *const p[] = { "p" }, *const side[] = { "side" }, *const ends[] = { "d", "s" };
    static const char *const j[] = { "j" };
    dl4c_builder *b;
    dl4c_graph *g = NULL;
    OK(dl4c_builder_create(ctx, NULL, &b, &err));
    dl4c_builder_input(b, "in\"1", image, 3);
    dl4c_builder_input(b, "side", row, 1);
    dl4c_builder_add_text(b, "conv2d:units=3,kernel=3x3,padding=1x0,padding_end=0x1,activation=leaky_relu(leak=0.1),l2=0.01", "c", in, 1);
    dl4c_builder_add_text(b, "batch_norm:use_log_std=1,decay=0.8", "n", c, 1);
    dl4c_builder_add_text(b, "elu:alpha=0.30000000000000004", "a", n, 1);
    dl4c_builder_add_text(b, "merge", "m", both, 2);
    dl4c_builder_add_text(b, "max_pool:mode=same", "p", m, 1);
    dl4c_builder_add_text(b,
                          "dense:units=16,activation=tanh,noise=gaussian_dropout(rate=0.3),updater=adam(lr=0.01),weight_decay=0.01;0.02,"
                          "gradient_normalization=clip_l2_per_layer,gradient_threshold=0.5,"
                          "constraints=max_norm(max_norm=2,dimensions=1);non_negative(params=b),"
                          "weight_noise=add(distribution=normal(mean=0,std=0.01),biases=1)",
                          "d", p, 1);
    dl4c_builder_add_text(b, "dense:units=5,has_bias=0", "s", side, 1);
    dl4c_builder_add_text(b, "merge", "j", ends, 2);
    dl4c_builder_add_text(b, "output:units=3,activation=softmax,loss=mcxent(weights=1;2;0.5)", "out", j, 1);
    dl4c_builder_freeze(b, "c");
    dli_builder_input_nhwc(b, "in\"1");
    dli_builder_output_name(b, "a", "tensor 7/\xc3\xa4");
    dl4c_builder_seed(b, UINT64_MAX - 5);
    OK(dl4c_builder_finish(&b, &g, &err));
    const int32_t first = g->inputs[0];
    g->inputs[0] = g->inputs[1];
    g->inputs[1] = first;
    return g;
}

static void give_everything(dl4c_graph *g)
{
    static const char *const classes[] = { "a \"quoted\" one", "b\n", "\xe2\x82\xac" };
    struct dl4c_model_info info = DL4C_MODEL_INFO_INIT;
    dl4c_normalizer *n = NULL;
    info.n_classes = 3;
    info.classes = classes;
    info.preprocess = "vgg16:resize=pillow";
    info.training = "{\"epochs\":3}";
    info.height = 7;
    info.width = 6;
    info.pool = "avg";
    info.vertex = "fc2";
    info.trunk_digest = "0123";
    OK(dl4c_graph_set_info(g, &info, &err));
    OK(dl4c_normalizer_create(g->ctx, "image_scaler", &n, &err));
    OK(dl4c_graph_set_normalizer(g, n, &err));
    dl4c_normalizer_destroy(&n);
    g->iteration = 17;
    g->epoch = 3;
    g->whole_gradients = true;
    g->updater = dli_strdup(g->ctx, "nesterovs:lr=0.1,momentum=0.9", NULL);
    OK(dli_blob_create(g->ctx, 5 * sizeof(float), &g->updater_state, &err));
    for (int i = 0; i < 5; i++)
        ((float *)g->updater_state->data)[i] = 0.1f * (float)i;
}

static void what_is_saved_loads_as_it_was(void **state)
{
    for (int mapped = 0; mapped < 2; mapped++) {
        dl4c_context *ctx = context();
        dl4c_graph *g = network(ctx), *again = NULL, *memory = NULL;
        struct dl4c_save_options so = DL4C_SAVE_OPTIONS_INIT;
        give_everything(g);
        so.updater = 1;
        files.map_works = mapped;
        OK(dl4c_model_save(g, "mem://host/a.safetensors", &so, &err));
        OK(dl4c_model_load(ctx, "mem://host/a.safetensors", NULL, &again, &err));
        same_graph("from a file", g, again);
        const struct memory_file *f = memory_fs_find(&files, "host/a.safetensors");
        OK(dl4c_model_load_memory(ctx, f->bytes, f->size, NULL, &memory, &err));
        same_graph("from memory", g, memory);
        /* and saved again it is the same file */
        OK(dl4c_model_save(again, "mem://host/b.safetensors", &so, &err));
        const struct memory_file *fb = memory_fs_find(&files, "host/b.safetensors");
        assert_int_equal(fb->size, f->size);
        assert_memory_equal(fb->bytes, f->bytes, f->size);
        char *a, *b;
        OK(dl4c_graph_digest(g, &a, &err));
        OK(dl4c_graph_digest(again, &b, &err));
        assert_string_equal(a, b);
        dl4c_free(a);
        dl4c_free(b);
        dl4c_graph_destroy(&g);
        dl4c_graph_destroy(&again);
        dl4c_graph_destroy(&memory);
        dl4c_context_destroy(&ctx);
        memory_fs_clear(&files);
    }
}

static void the_updaters_state_is_saved_only_when_asked(void **state)
{
    dl4c_context *ctx = context();
    dl4c_graph *g = network(ctx), *again = NULL;
    give_everything(g);
    OK(dl4c_model_save(g, "mem://host/a.safetensors", NULL, &err));
    OK(dl4c_model_load(ctx, "mem://host/a.safetensors", NULL, &again, &err));
    assert_null(again->updater_state);
    assert_string_equal(again->updater, g->updater);
    assert_int_equal(again->iteration, 17);
    dl4c_graph_destroy(&g);
    dl4c_graph_destroy(&again);
    dl4c_context_destroy(&ctx);
    memory_fs_clear(&files);
}

static void a_name_that_is_no_text_is_refused_by_name(void **state)
{
    static const int64_t row[] = { 4 };
    static const char *const in[] = { "x" };
    dl4c_context *ctx = context();
    dl4c_builder *b;
    dl4c_graph *g = NULL;
    OK(dl4c_builder_create(ctx, NULL, &b, &err));
    dl4c_builder_input(b, "x", row, 1);
    dl4c_builder_add_text(b, "relu", "y\xff", in, 1);
    OK(dl4c_builder_finish(&b, &g, &err));
    assert_int_equal(dl4c_model_save(g, "mem://host/a.safetensors", NULL, &err), DL4C_E_UNSUPPORTED);
    assert_non_null(strstr(err.message, "UTF-8"));
    assert_null(memory_fs_find(&files, "host/a.safetensors"));
    dl4c_graph_destroy(&g);
    dl4c_context_destroy(&ctx);
    memory_fs_clear(&files);
}

static void a_file_that_could_not_be_written_whole_is_not_there(void **state)
{
    dl4c_context *ctx = context();
    dl4c_graph *g = network(ctx);
    for (long full = 1; full < 3000; full += 97) {
        files.full_at = full;
        assert_int_not_equal(dl4c_model_save(g, "mem://host/a.safetensors", NULL, &err), DL4C_OK);
        assert_null(memory_fs_find(&files, "host/a.safetensors"));
        assert_int_equal(files.open_writers, 0);
    }
    dl4c_graph_destroy(&g);
    dl4c_context_destroy(&ctx);
    memory_fs_clear(&files);
}

/* ---- files that lie ------------------------------------------------------------------------------------------- */

/* x [4] -> dense "d" [16] -> output "o" [2]: d.W 256 bytes at 0, d.b 64 at 256, o.W 128 at 320, o.b 8 at 448. */
static char *small(size_t *size)
{
    static const int64_t row[] = { 4 };
    static const char *const x[] = { "x" }, *const d[] = { "d" };
    dl4c_context *ctx = context();
    dl4c_builder *b;
    dl4c_graph *g = NULL;
    OK(dl4c_builder_create(ctx, NULL, &b, &err));
    dl4c_builder_input(b, "x", row, 1);
    dl4c_builder_add_text(b, "dense:units=16,activation=relu", "d", x, 1);
    dl4c_builder_add_text(b, "output:units=2,activation=softmax", "o", d, 1);
    OK(dl4c_builder_finish(&b, &g, &err));
    OK(dl4c_model_save(g, "mem://host/s.safetensors", NULL, &err));
    dl4c_graph_destroy(&g);
    const struct memory_file *f = memory_fs_find(&files, "host/s.safetensors");
    char *copy = malloc(f->size);
    memcpy(copy, f->bytes, f->size);
    *size = f->size;
    dl4c_context_destroy(&ctx);
    memory_fs_clear(&files);
    return copy;
}

static size_t header_of(const char *bytes)
{
    size_t n = 0;
    for (int i = 7; i >= 0; i--)
        n = n << 8 | (unsigned char)bytes[i];
    return n;
}

/* The file with one text of its header replaced, the length set right (free()). */
static char *forge(const char *bytes, size_t size, const char *from, const char *to, size_t *forged_size)
{
    const size_t n = header_of(bytes);
    char *header = malloc(n + 1);
    memcpy(header, bytes + 8, n);
    header[n] = 0;
    const char *at = strstr(header, from);
    if (!at)
        fail_msg("the header has no %s", from);
    const size_t before = (size_t)(at - header), rest = n - before - strlen(from), fresh = before + strlen(to) + rest;
    *forged_size = 8 + fresh + (size - 8 - n);
    char *out = malloc(*forged_size);
    for (int i = 0; i < 8; i++)
        out[i] = (char)((uint64_t)fresh >> (8 * i));
    memcpy(out + 8, header, before);
    memcpy(out + 8 + before, to, strlen(to));
    memcpy(out + 8 + before + strlen(to), at + strlen(from), rest);
    memcpy(out + 8 + fresh, bytes + 8 + n, size - 8 - n);
    free(header);
    return out;
}

static void a_header_that_lies_is_refused(void **state)
{
    static const struct {
        const char *from, *to;
        dl4c_status status;
        const char *says;
    } lies[] = {
        { "[0,256]", "[0,252]", DL4C_E_CORRUPT, "d.W" },                                           /* fewer bytes than its shape */
        { "[0,256]", "[8,264]", DL4C_E_CORRUPT, "lies at byte" },                                  /* overlaps the next */
        { "[256,320]", "[192,256]", DL4C_E_CORRUPT, "lies at byte" },                              /* overlaps the one before */
        { "[256,320]", "[260,324]", DL4C_E_CORRUPT, "lies at byte" },                              /* a hole */
        { "[0,256]", "[256,0]", DL4C_E_CORRUPT, "d.W" },                                           /* ends before it begins */
        { "[0,256]", "[-256,0]", DL4C_E_CORRUPT, "d.W" },                                          /* before the data */
        { "[448,456]", "[4480,4488]", DL4C_E_CORRUPT, "o.b" },                                     /* behind the end */
        { "[0,256]", "[9223372036854775552,9223372036854775807]", DL4C_E_CORRUPT, "d.W" },         /* nearly as far as numbers go */
        { "[0,256]", "[0,256,512]", DL4C_E_CORRUPT, "d.W" },
        { "[0,256]", "[\"0\",256]", DL4C_E_CORRUPT, "d.W" },
        { "[16,4]", "[4,16]", DL4C_E_CORRUPT, "[4, 16]" },
        { "[16,4]", "[64]", DL4C_E_CORRUPT, "[16, 4]" },
        { "[16,4]", "[16,4,1]", DL4C_E_CORRUPT, "d.W" },
        { "[16,4]", "[4294967296,4294967296]", DL4C_E_CORRUPT, "impossible" },
        { "[16,4]", "[-16,-4]", DL4C_E_CORRUPT, "impossible" },
        { "[16,4]", "[16.0,4]", DL4C_E_CORRUPT, "impossible" },
        { "\"d.W\":{\"dtype\":\"F32\"", "\"d.W\":{\"dtype\":\"I32\"", DL4C_E_UNSUPPORTED, "d.W" }, /* as large, no parameter */
        { "\"d.W\":{\"dtype\":\"F32\"", "\"d.W\":{\"dtype\":\"F64\"", DL4C_E_CORRUPT, "d.W" },     /* twice as large */
        { "\"d.W\":{\"dtype\":\"F32\"", "\"d.W\":{\"dtype\":\"F8_E5M2\"", DL4C_E_UNSUPPORTED, "F8_E5M2" },
        { "\"d.W\":{\"dtype\":\"F32\"", "\"d.W\":{\"dtype\":7", DL4C_E_UNSUPPORTED, "d.W" },
        { "\"d.W\"", "\"e.W\"", DL4C_E_CORRUPT, "d.W" },                                           /* missing */
        { "\"d.W\"", "\"o.W\"", DL4C_E_CORRUPT, "not a JSON object" },                             /* twice */
        { "{\"dtype\":\"F32\",\"shape\":[16,4],\"data_offsets\":[0,256]}", "[]", DL4C_E_UNSUPPORTED, "d.W" },
        { "\"dl4c\"", "\"dl5c\"", DL4C_E_UNSUPPORTED, "no network" },
        { "\\\"version\\\":1", "\\\"version\\\":2", DL4C_E_VERSION, "version 2" },
        { "\\\"version\\\":1", "\\\"version\\\":0", DL4C_E_CORRUPT, "version" },
        { "\\\"version\\\":1,", "", DL4C_E_CORRUPT, "version" },
        { "\\\"version\\\":1", "\\\"version\\\":1,\\\"shine\\\":2", DL4C_E_VERSION, "shine" },
        { "\\\"version\\\":1", "\\\"version\\\":1,\\\"version\\\":1", DL4C_E_CORRUPT, "JSON" },
        { "\\\"seed\\\":42", "\\\"seed\\\":4.2", DL4C_E_CORRUPT, "seed" },
        { "\\\"iteration\\\":0", "\\\"iteration\\\":-1", DL4C_E_CORRUPT, "iteration" },
        { "\\\"op\\\":\\\"dense\\\"", "\\\"op\\\":\\\"dance\\\"", DL4C_E_UNSUPPORTED, "dance" },
        { "\\\"op\\\":\\\"dense\\\"", "\\\"op\\\":7", DL4C_E_CORRUPT, "op" },
        { "\\\"op\\\":\\\"dense\\\",", "", DL4C_E_VERSION, "key" },
        { "\\\"units\\\":16", "\\\"units\\\":15", DL4C_E_CORRUPT, "d.W" },
        { "\\\"units\\\":16", "\\\"units\\\":16777215", DL4C_E_CORRUPT, "d.W" },
        { "\\\"units\\\":16", "\\\"units\\\":-16", DL4C_E_INVALID, "units" },
        { "\\\"units\\\":16", "\\\"units\\\":\\\"16\\\"", DL4C_E_CORRUPT, "units" },
        { "\\\"units\\\":16", "\\\"units\\\":16,\\\"sides\\\":2", DL4C_E_VERSION, "sides" },
        { "\\\"activation\\\":\\\"relu\\\"", "\\\"activation\\\":\\\"rely\\\"", DL4C_E_NOTFOUND, "rely" },
        { "\\\"inputs\\\":[\\\"d\\\"]", "\\\"inputs\\\":[\\\"o\\\"]", DL4C_E_NOTFOUND, "o" },       /* of itself */
        { "\\\"inputs\\\":[\\\"d\\\"]", "\\\"inputs\\\":[]", DL4C_E_INVALID, "o" },
        { "\\\"inputs\\\":[\\\"d\\\"]", "\\\"inputs\\\":[7]", DL4C_E_CORRUPT, "inputs" },
        { "\\\"inputs\\\":[\\\"x\\\"],\\\"outputs\\\"", "\\\"inputs\\\":[],\\\"outputs\\\"", DL4C_E_CORRUPT, "inputs" },
        { "\\\"inputs\\\":[\\\"x\\\"],\\\"outputs\\\"", "\\\"inputs\\\":[\\\"d\\\"],\\\"outputs\\\"", DL4C_E_CORRUPT, "inputs" },
        { "\\\"outputs\\\":[\\\"o\\\"]", "\\\"outputs\\\":[\\\"p\\\"]", DL4C_E_NOTFOUND, "p" },
        { "\\\"outputs\\\":[\\\"o\\\"]", "\\\"outputs\\\":[]", DL4C_E_INVALID, "output" },
        { "\\\"name\\\":\\\"o\\\"", "\\\"name\\\":\\\"d\\\"", DL4C_E_EXISTS, "d" },
        { "\\\"shape\\\":[4]", "\\\"shape\\\":[]", DL4C_E_CORRUPT, "shape" },
        { "\\\"shape\\\":[4]", "\\\"shape\\\":[0]", DL4C_E_INVALID, "x" },
        { "\\\"shape\\\":[4]", "\\\"shape\\\":[4],\\\"nhwc\\\":true", DL4C_E_CORRUPT, "nhwc" },
        { "\\\"info\\\":{}", "\\\"info\\\":{\\\"classes\\\":[1]}", DL4C_E_CORRUPT, "classes" },
        { "\\\"info\\\":{}", "\\\"info\\\":{\\\"height\\\":-1}", DL4C_E_CORRUPT, "height" },
        { "\\\"info\\\":{}", "\\\"info\\\":[]", DL4C_E_CORRUPT, "info" },
    };
    size_t size, forged;
    char *bytes = small(&size);
    for (size_t i = 0; i < sizeof lies / sizeof *lies; i++) {
        dl4c_graph *g = NULL;
        char *lie = forge(bytes, size, lies[i].from, lies[i].to, &forged);
        const dl4c_status s = dl4c_model_load_memory(NULL, lie, forged, NULL, &g, &err);
        if (s != lies[i].status || g || !strstr(err.message, lies[i].says))
            fail_msg("%s in the place of %s answers %d: %s", lies[i].to, lies[i].from, (int)s, s ? err.message : "");
        free(lie);
    }
    free(bytes);
}

static void a_tensor_without_a_place_in_the_graph_is_refused(void **state)
{
    size_t size, forged;
    char *bytes = small(&size);
    char *more = forge(bytes, size, "\"o.b\":", "\"p.b\":{\"dtype\":\"F32\",\"shape\":[0],\"data_offsets\":[448,448]},\"o.b\":", &forged);
    dl4c_graph *g = NULL;
    assert_int_equal(dl4c_model_load_memory(NULL, more, forged, NULL, &g, &err), DL4C_E_CORRUPT);
    assert_non_null(strstr(err.message, "a place"));
    free(more);
    /* and so is what follows the last tensor */
    more = realloc(bytes, size + 1);
    more[size] = 0;
    assert_int_equal(dl4c_model_load_memory(NULL, more, size + 1, NULL, &g, &err), DL4C_E_CORRUPT);
    free(more);
}

static void a_file_cut_short_anywhere_is_refused(void **state)
{
    size_t size;
    char *bytes = small(&size);
    for (size_t n = 0; n < size; n++) {
        dl4c_graph *g = NULL;
        char *exact = malloc(n + 1);
        memcpy(exact, bytes, n);
        if (dl4c_model_load_memory(NULL, exact, n, NULL, &g, &err) == DL4C_OK)
            fail_msg("%zu of %zu bytes were read as a model", n, size);
        assert_null(g);
        free(exact);
    }
    free(bytes);
}

static void a_flipped_byte_crashes_nothing(void **state)
{
    size_t size;
    char *bytes = small(&size);
    for (size_t n = 0; n < size; n++) {
        dl4c_graph *g = NULL;
        bytes[n] = (char)(bytes[n] ^ (1 << n % 8));
        const dl4c_status s = dl4c_model_load_memory(NULL, bytes, size, NULL, &g, &err);
        assert_true((s == DL4C_OK) == (g != NULL));
        dl4c_graph_destroy(&g);
        bytes[n] = (char)(bytes[n] ^ (1 << n % 8));
    }
    free(bytes);
}

/* The length of the header may look like the beginning of anything: '{', blanks, "PK", ONNX's first field. */
static void the_length_of_the_header_is_taken_for_no_other_format(void **state)
{
    static const size_t lengths[] = { 0x7b7b, 0x7b20, 0x7b0a, 0x4b50, 0x0708, 0x0808 };
    size_t size;
    char *bytes = small(&size);
    const size_t n = header_of(bytes);
    for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
        dl4c_graph *g = NULL;
        char *padded = malloc(8 + lengths[i] + size - 8 - n);
        assert_true(lengths[i] > n);
        memcpy(padded + 8, bytes + 8, n);
        memset(padded + 8 + n, ' ', lengths[i] - n);
        memcpy(padded + 8 + lengths[i], bytes + 8 + n, size - 8 - n);
        for (int k = 0; k < 8; k++)
            padded[k] = (char)((uint64_t)lengths[i] >> (8 * k));
        OK(dl4c_model_load_memory(NULL, padded, size - n + lengths[i], NULL, &g, &err));
        dl4c_graph_destroy(&g);
        free(padded);
    }
    free(bytes);
}

/* ---- narrower weights ------------------------------------------------------------------------------------------ */

/* The small model with all of its tensors in another type, as another program might save it. */
static void narrow_weights_load_as_their_values(void **state)
{
    static const struct {
        const char *name;
        int32_t dtype;
    } types[] = { { "F16", DL4C_F16 }, { "BF16", DL4C_BF16 }, { "F64", DL4C_F64 } };
    size_t size;
    char *bytes = small(&size);
    const size_t n = header_of(bytes);
    dl4c_graph *g = NULL;
    OK(dl4c_model_load_memory(NULL, bytes, size, NULL, &g, &err));
    for (size_t t = 0; t < 3; t++) {
        const size_t each = dl4c_dtype_size(types[t].dtype), values = (size - 8 - n) / sizeof(float);
        static const size_t ends[] = { 0, 64, 80, 112, 114 };
        static const char *const tensors[] = { "d.W", "d.b", "o.W", "o.b" };
        char *file = bytes, from[64], to[96];
        size_t now = size;
        for (int k = 0; k < 4; k++) {
            snprintf(from, sizeof from, "\"data_offsets\":[%zu,%zu]", 4 * ends[k], 4 * ends[k + 1]);
            snprintf(to, sizeof to, "\"data_offsets\":[%zu,%zu]", each * ends[k], each * ends[k + 1]);
            char *next = forge(file, now, from, to, &now);
            if (file != bytes)
                free(file);
            file = next;
            snprintf(from, sizeof from, "\"%s\":{\"dtype\":\"F32\"", tensors[k]);
            snprintf(to, sizeof to, "\"%s\":{\"dtype\":\"%s\"", tensors[k], types[t].name);
            next = forge(file, now, from, to, &now);
            free(file);
            file = next;
        }
        const size_t header = 8 + header_of(file);
        char *narrow = malloc(header + values * each);
        float *rounded = malloc(values * sizeof *rounded);
        memcpy(narrow, file, header);
        dl4c_tensor *wide = NULL, *other = NULL, *back = NULL;
        const int64_t shape[] = { (int64_t)values };
        float *copy = malloc(values * sizeof *copy);
        memcpy(copy, bytes + 8 + n, values * sizeof *copy);
        OK(dl4c_tensor_wrap(NULL, DL4C_F32, shape, NULL, 1, copy, 0, NULL, NULL, &wide, &err));
        OK(dl4c_tensor_to(wide, types[t].dtype, &other, &err));
        OK(dl4c_tensor_to(other, DL4C_F32, &back, &err));
        memcpy(narrow + header, dl4c_tensor_data_const(other), values * each);
        dl4c_graph *loaded = NULL;
        OK(dl4c_model_load_memory(NULL, narrow, header + values * each, NULL, &loaded, &err));
        const float *want = dl4c_tensor_data_const(back);
        for (int v = 1, k = 0; v < 3; v++)
            for (int p = 0; p < 2; p++, k++)
                assert_memory_equal(dli_param_data(&loaded->vertices[v].params->p[p]), want + ends[k],
                                    (ends[k + 1] - ends[k]) * sizeof(float));
        dl4c_graph_destroy(&loaded);
        dl4c_tensor_unref(&wide);
        dl4c_tensor_unref(&other);
        dl4c_tensor_unref(&back);
        free(copy);
        free(rounded);
        free(narrow);
        free(file);
    }
    dl4c_graph_destroy(&g);
    free(bytes);
}

/* ---- mapped ---------------------------------------------------------------------------------------------------- */

static void train_one_step(dl4c_graph *g)
{
    static float x[2 * 200];
    static int64_t y[2] = { 0, 1 };
    const int64_t rows[] = { 2, 200 }, n = 2;
    struct dl4c_fit_options fo = DL4C_FIT_OPTIONS_INIT;
    dl4c_trainer *t = NULL;
    dl4c_tensor *xs, *ys;
    for (int i = 0; i < 400; i++)
        x[i] = (float)(i % 7) - 3;
    fo.batch = 2;
    fo.updater = "sgd:lr=0.1";
    OK(dl4c_tensor_wrap(NULL, DL4C_F32, rows, NULL, 2, x, 0, NULL, NULL, &xs, &err));
    OK(dl4c_tensor_wrap(NULL, DL4C_I64, &n, NULL, 1, y, 0, NULL, NULL, &ys, &err));
    OK(dl4c_trainer_create(g, &fo, &t, &err));
    OK(dl4c_trainer_step(t, xs, ys, NULL, &err));
    dl4c_trainer_destroy(&t);
    dl4c_tensor_unref(&xs);
    dl4c_tensor_unref(&ys);
}

static void parameters_stay_in_the_mapped_file_until_they_are_trained(void **state)
{
    static const int64_t row[] = { 200 };
    static const char *const x[] = { "x" }, *const d[] = { "d" };
    char path[] = "/tmp/dl4c-native-XXXXXX", name[64];
    const int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    snprintf(name, sizeof name, "%s.safetensors", path);
    dl4c_builder *b;
    dl4c_graph *g = NULL, *one = NULL, *two = NULL, *after = NULL;
    OK(dl4c_builder_create(NULL, NULL, &b, &err));
    dl4c_builder_input(b, "x", row, 1);
    dl4c_builder_add_text(b, "dense:units=160,activation=relu", "d", x, 1);
    dl4c_builder_add_text(b, "output:units=2,activation=softmax", "o", d, 1);
    OK(dl4c_builder_finish(&b, &g, &err));
    OK(dl4c_model_save(g, name, NULL, &err)); /* 128 KB: mapped */
    OK(dl4c_model_load(NULL, name, NULL, &one, &err));
    OK(dl4c_model_load(NULL, name, NULL, &two, &err));
    const struct dli_param *w = &one->vertices[1].params->p[0], *o = &one->vertices[2].params->p[0];
    assert_ptr_equal(w->blob, o->blob); /* the file itself */
    assert_true(w->blob->bytes > 128000);
    assert_int_equal((uintptr_t)dli_param_data(w) % 64, 0);
    assert_int_equal((uintptr_t)dli_param_data(o) % 64, 0);
    train_one_step(one);
    assert_ptr_not_equal(one->vertices[1].params->p[0].blob, two->vertices[1].params->p[0].blob);
    assert_memory_not_equal(dli_param_data(&one->vertices[2].params->p[0]), dli_param_data(&two->vertices[2].params->p[0]), 320 * 4);
    same_graph("the other one", g, two);
    OK(dl4c_model_load(NULL, name, NULL, &after, &err));
    same_graph("the file", g, after);
    /* A file that another takes the place of stays as it was for those who have it. */
    OK(dl4c_model_save(one, name, NULL, &err));
    same_graph("the replaced one", g, two);
    dl4c_graph_destroy(&g);
    dl4c_graph_destroy(&one);
    dl4c_graph_destroy(&two);
    dl4c_graph_destroy(&after);
    unlink(name);
    unlink(path);
}

/* ---- memory that runs out -------------------------------------------------------------------------------------- */

static dl4c_status load_and_save(dl4c_context *ctx, void *arg, struct dl4c_error *e)
{
    const struct memory_file *f = arg;
    dl4c_graph *g = NULL;
    struct dl4c_save_options so = DL4C_SAVE_OPTIONS_INIT;
    so.updater = 1;
    dl4c_status s = dl4c_model_load_memory(ctx, f->bytes, f->size, NULL, &g, e);
    assert_true((s == DL4C_OK) == (g != NULL));
    if (s == DL4C_OK)
        s = dl4c_fs_register(ctx, &memory_fs_ops, &files, NULL, e);
    if (s == DL4C_OK)
        s = dl4c_model_save(g, "mem://host/x.safetensors", &so, e);
    dl4c_graph_destroy(&g);
    return s;
}

static void every_allocation_may_fail(void **state)
{
    dl4c_context *ctx = context();
    dl4c_graph *g = network(ctx);
    struct dl4c_save_options so = DL4C_SAVE_OPTIONS_INIT;
    struct memory_file f = { .name = "" };
    give_everything(g);
    so.updater = 1;
    OK(dl4c_model_save(g, "mem://host/a.safetensors", &so, &err));
    f.size = memory_fs_find(&files, "host/a.safetensors")->size;
    f.bytes = malloc(f.size);
    memcpy(f.bytes, memory_fs_find(&files, "host/a.safetensors")->bytes, f.size);
    fail_alloc_run(load_and_save, &f);
    fail_alloc_limits(load_and_save, &f);
    dl4c_graph_destroy(&g);
    dl4c_context_destroy(&ctx);
    memory_fs_clear(&files);
    free(f.bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_saved_loads_as_it_was),
        cmocka_unit_test(the_updaters_state_is_saved_only_when_asked),
        cmocka_unit_test(a_name_that_is_no_text_is_refused_by_name),
        cmocka_unit_test(a_file_that_could_not_be_written_whole_is_not_there),
        cmocka_unit_test(a_header_that_lies_is_refused),
        cmocka_unit_test(a_tensor_without_a_place_in_the_graph_is_refused),
        cmocka_unit_test(a_file_cut_short_anywhere_is_refused),
        cmocka_unit_test(a_flipped_byte_crashes_nothing),
        cmocka_unit_test(the_length_of_the_header_is_taken_for_no_other_format),
        cmocka_unit_test(narrow_weights_load_as_their_values),
        cmocka_unit_test(parameters_stay_in_the_mapped_file_until_they_are_trained),
        cmocka_unit_test(every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
