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

static uint32_t get32(const unsigned char *p) { return p[0] | p[1] << 8 | p[2] << 16 | (uint32_t)p[3] << 24; }

/* Little-endian numbers and bytes at the end of what has been written. */
struct out {
    unsigned char *bytes;
    size_t n;
};

static void number(struct out *o, int width, uint64_t v)
{
    for (int i = 0; i < width; i++)
        o->bytes[o->n++] = (unsigned char)(v >> (8 * i));
}

static void copy(struct out *o, const void *bytes, size_t n)
{
    memcpy(o->bytes + o->n, bytes, n);
    o->n += n;
}

/* The same entries in the form for sizes beyond 4 GiB (APPNOTE 4.3.14, 4.5.3): every 32-bit field is full, the numbers lie in the extra
 * fields. `claims` is added to what coefficients.bin says of its size. Takes bytes; free(). */
static unsigned char *as_zip64(unsigned char *bytes, size_t size, uint64_t claims, size_t *out_size)
{
    static const char *const names[] = { "configuration.json", "coefficients.bin", "updaterState.bin" };
    enum { ENTRIES = 3, FULL = 0xffff, CRC = 16, OFFSET = 42 };
    struct out o = { malloc(size + 1024), 0 };
    uint64_t at[ENTRIES], directory;
    for (int pass = 0; pass < 2; pass++) { /* what is stored, then the directory */
        directory = o.n;
        for (int i = 0; i < ENTRIES; i++) {
            const unsigned char *r = record(bytes, size, names[i]), *local = bytes + get32(r + OFFSET);
            const size_t name = strlen(names[i]);
            const uint64_t whole = get32(r + SIZE) + (i == 1 ? claims : 0), stored = get32(r + STORED);
            const uint32_t data = 30 + local[26] + 256u * local[27] + local[28] + 256u * local[29];
            if (pass == 0)
                at[i] = o.n;
            copy(&o, pass == 0 ? "PK\3\4" : "PK\1\2\55\0", pass == 0 ? 4 : 6);
            number(&o, 2, 45);
            number(&o, 2, 0);
            copy(&o, r + METHOD, STORED - METHOD); /* method, time, date, CRC */
            number(&o, 8, UINT64_MAX);
            number(&o, 2, name);
            number(&o, 2, pass == 0 ? 20 : 28);
            if (pass == 1) {
                number(&o, 6, 0); /* comment, disk, internal attributes */
                number(&o, 4, 0);
                number(&o, 4, UINT32_MAX);
            }
            copy(&o, names[i], name);
            number(&o, 2, 1);
            number(&o, 2, pass == 0 ? 16 : 24);
            number(&o, 8, whole);
            number(&o, 8, stored);
            if (pass == 1)
                number(&o, 8, at[i]);
            else
                copy(&o, local + data, (size_t)stored);
        }
    }
    const uint64_t end = o.n;
    copy(&o, "PK\6\6", 4);
    number(&o, 8, 44);
    number(&o, 4, 45 | 45 << 16);
    number(&o, 8, 0); /* disks */
    number(&o, 8, ENTRIES);
    number(&o, 8, ENTRIES);
    number(&o, 8, end - directory);
    number(&o, 8, directory);
    copy(&o, "PK\6\7\0\0\0\0", 8);
    number(&o, 8, end);
    number(&o, 4, 1);
    copy(&o, "PK\5\6\0\0\0\0", 8);
    number(&o, 2, FULL);
    number(&o, 2, FULL);
    number(&o, 8, UINT64_MAX);
    number(&o, 2, 0);
    free(bytes);
    *out_size = o.n;
    return o.bytes;
}

static void an_archive_in_the_form_for_large_files_is_read_and_its_lies_refused(void **state)
{
    (void)state;
    struct dl4c_error err = DL4C_ERROR_INIT;
    dl4c_graph *g = NULL;
    size_t n;
    unsigned char *b = archive(&n);
    b = as_zip64(b, n, 0, &n);
    if (dl4c_model_load_memory(NULL, b, n, NULL, &g, &err) != DL4C_OK)
        fail_msg("%s", err.message);
    int64_t parameters;
    dl4c_graph_param_count(g, &parameters, NULL, NULL);
    assert_int_equal(parameters, 5 * 2 + 2);
    dl4c_graph_destroy(&g);
    free(b);

    static const uint64_t lies[] = { 1, (uint64_t)1 << 32, (uint64_t)1 << 40, (uint64_t)1 << 62, (uint64_t)1 << 63, UINT64_MAX - 200 };
    for (size_t i = 0; i < sizeof lies / sizeof *lies; i++) {
        b = archive(&n);
        b = as_zip64(b, n, lies[i], &n);
        refused(b, n, DL4C_E_CORRUPT, i < 4 ? "coefficients.bin" : "");
    }
}

/* Two records of the directory that lead to the same bytes. */
static void an_entry_that_is_another_is_refused(void **state)
{
    (void)state;
    size_t n;
    unsigned char *b = archive(&n);
    memcpy(record(b, n, "updaterState.bin") + 42, record(b, n, "coefficients.bin") + 42, 4);
    refused(b, n, DL4C_E_CORRUPT, "updaterState.bin: ");
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
        cmocka_unit_test(an_archive_in_the_form_for_large_files_is_read_and_its_lies_refused),
        cmocka_unit_test(an_entry_that_is_another_is_refused),
        cmocka_unit_test(a_configuration_that_asks_for_too_much_takes_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
