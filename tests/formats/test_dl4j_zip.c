/* SPDX-License-Identifier: Apache-2.0 */
/* Archives that lie: a good one of ours with bytes of its directory changed, each refused in one sentence; and limits on what a
 * configuration may ask for. */
#include "base/alloc.h"
#include "../fs/memory_fs.h"
#include <dl4c/model.h>
#include <dl4c/train.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static struct memory_fs files;

/* configuration.json, coefficients.bin, updaterState.bin; free(). */
static unsigned char *archive(size_t *size)
{
    static const int64_t five[] = { 5 };
    static const char *const in[] = { "in" };
    struct dl4c_fit_options o = DL4C_FIT_OPTIONS_INIT;
    struct dl4c_save_options so = DL4C_SAVE_OPTIONS_INIT;
    struct dl4c_error err = DL4C_ERROR_INIT;
    dl4c_context *ctx;
    dl4c_builder *b;
    dl4c_graph *g;
    dl4c_trainer *t;
    dl4c_tensor *x, *y;
    assert_int_equal(dl4c_context_create(NULL, &ctx, NULL), DL4C_OK);
    assert_int_equal(dl4c_fs_register(ctx, &memory_fs_ops, &files, NULL, NULL), DL4C_OK);
    assert_int_equal(dl4c_builder_create(ctx, NULL, &b, NULL), DL4C_OK);
    dl4c_builder_input(b, "in", five, 1);
    dl4c_builder_add_text(b, "output:units=2,activation=softmax,loss=mcxent", "out", in, 1);
    assert_int_equal(dl4c_builder_finish(&b, &g, &err), DL4C_OK);
    o.batch = 1;
    o.updater = "adam";
    assert_int_equal(dl4c_trainer_create(g, &o, &t, &err), DL4C_OK);
    assert_int_equal(dl4c_tensor_create(ctx, DL4C_F32, (int64_t[]){ 1, 5 }, 2, &x, NULL), DL4C_OK);
    assert_int_equal(dl4c_tensor_create(ctx, DL4C_I64, (int64_t[]){ 1 }, 1, &y, NULL), DL4C_OK);
    memset(dl4c_tensor_data(x), 0, 5 * sizeof(float));
    memset(dl4c_tensor_data(y), 0, sizeof(int64_t));
    assert_int_equal(dl4c_trainer_step(t, x, y, NULL, &err), DL4C_OK);
    so.updater = 1;
    assert_int_equal(dl4c_model_save(g, "mem://host/a.zip", &so, &err), DL4C_OK);
    const struct memory_file *f = memory_fs_find(&files, "host/a.zip");
    unsigned char *copy = malloc(f->size);
    memcpy(copy, f->bytes, f->size);
    *size = f->size;
    dl4c_tensor_unref(&x);
    dl4c_tensor_unref(&y);
    dl4c_trainer_destroy(&t);
    dl4c_graph_destroy(&g);
    dl4c_context_destroy(&ctx);
    memory_fs_clear(&files);
    return copy;
}

/* The entry's record in the directory. */
static unsigned char *record(unsigned char *bytes, size_t size, const char *name)
{
    for (size_t i = 0; i + 46 + strlen(name) <= size; i++)
        if (memcmp(bytes + i, "PK\1\2", 4) == 0 && memcmp(bytes + i + 46, name, strlen(name)) == 0)
            return bytes + i;
    fail_msg("no %s", name);
    return NULL;
}

static void put32(unsigned char *p, uint32_t v)
{
    for (int i = 0; i < 4; i++)
        p[i] = (unsigned char)(v >> (8 * i));
}

static void refused(unsigned char *bytes, size_t size, dl4c_status status, const char *said)
{
    struct dl4c_error err = DL4C_ERROR_INIT;
    dl4c_graph *g = NULL;
    assert_int_equal(dl4c_model_load_memory(NULL, bytes, size, NULL, &g, &err), status);
    assert_null(g);
    if (!strstr(err.message, said))
        fail_msg("it says \"%s\", wanted \"%s\"", err.message, said);
    free(bytes);
}

enum { FLAGS = 8, METHOD = 10, STORED = 20, SIZE = 24, NAME = 46 };

static void an_archive_that_lies_is_refused_in_one_sentence(void **state)
{
    (void)state;
    size_t n;
    unsigned char *b = archive(&n);
    memcpy(record(b, n, "updaterState.bin") + NAME, "coefficients.bin", 16);
    refused(b, n, DL4C_E_CORRUPT, "the archive has coefficients.bin twice");

    b = archive(&n);
    record(b, n, "coefficients.bin")[FLAGS] |= 1;
    refused(b, n, DL4C_E_UNSUPPORTED, "coefficients.bin is encrypted, which is not supported");

    b = archive(&n);
    record(b, n, "coefficients.bin")[METHOD] = 14;
    refused(b, n, DL4C_E_UNSUPPORTED, "coefficients.bin is compressed by method 14, wanted 0 (stored) or 8 (deflated)");

    b = archive(&n);
    put32(record(b, n, "updaterState.bin") + STORED, (uint32_t)n - 400);
    refused(b, n, DL4C_E_CORRUPT, "entries of the archive overlap: updaterState.bin and those before it say");

    b = archive(&n);
    put32(record(b, n, "configuration.json") + SIZE, 15 << 20);
    refused(b, n, DL4C_E_CORRUPT, "configuration.json says it has 15728640 bytes, which");

    b = archive(&n);
    put32(record(b, n, "configuration.json") + SIZE, 17 << 20);
    refused(b, n, DL4C_E_LIMIT, "configuration.json has 17825792 bytes, wanted at most 16777216");

    b = archive(&n);
    put32(record(b, n, "coefficients.bin") + SIZE, 100);
    refused(b, n, DL4C_E_CORRUPT, "coefficients.bin");
}

/* Parameters are counted before memory is taken for them: the limit of the context stays untouched by far. */
static void a_configuration_that_asks_for_too_much_takes_no_memory(void **state)
{
    (void)state;
    static const char *const form =
        "{\"confs\":[{\"layer\":{\"@class\":\"org.deeplearning4j.nn.conf.layers.OutputLayer\",\"nin\":%s,\"nout\":%s,"
        "\"activationFn\":{\"@class\":\"org.nd4j.linalg.activations.impl.ActivationSoftmax\"},"
        "\"lossFn\":{\"@class\":\"org.nd4j.linalg.lossfunctions.impl.LossMCXENT\"}}}]}";
    static const struct {
        const char *in, *out;
        bool may;
    } cases[] = {
        { "4", "2", true },
        { "16384", "16384", false },         /* one more than 2^28 with its biases */
        { "2", "1099511627776", false },     /* 2^40 */
        { "8388608", "16777216", false },
        { "1099511627776", "1099511627776", false },
    };
    struct dl4c_context_options o = DL4C_CONTEXT_OPTIONS_INIT;
    dl4c_context *ctx;
    o.memory_limit_bytes = 1 << 20;
    assert_int_equal(dl4c_context_create(&o, &ctx, NULL), DL4C_OK);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct dl4c_error err = DL4C_ERROR_INIT;
        dl4c_graph *g = NULL;
        char text[600];
        snprintf(text, sizeof text, form, cases[i].in, cases[i].out);
        const dl4c_status status = dl4c_model_load_memory(ctx, text, strlen(text), NULL, &g, &err);
        if (cases[i].may != (status == DL4C_OK))
            fail_msg("%s x %s: %s", cases[i].in, cases[i].out, err.message);
        assert_string_not_equal(err.origin, "memory");
        dl4c_graph_destroy(&g);
    }
    dl4c_context_destroy(&ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_archive_that_lies_is_refused_in_one_sentence),
        cmocka_unit_test(a_configuration_that_asks_for_too_much_takes_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
