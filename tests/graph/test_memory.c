/* SPDX-License-Identifier: Apache-2.0 */
/* What sessions keep in memory: known beforehand, low where asked, and nothing twice that nobody can ask for any more. */
#define _POSIX_C_SOURCE 200809L
#include "support/under.h"
#include <dl4c/dl4c.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
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

enum { CONV = 48 * 48 * 9 * 4 }; /* bytes of c2's weights: 83 KB, c1's are 2 KB, those of the dense layers 38 and 1 */

static dl4c_context *context(void)
{
    dl4c_context *ctx;
    struct dl4c_context_options o = DL4C_CONTEXT_OPTIONS_INIT;
    o.threads = 1;
    OK(dl4c_context_create(&o, &ctx, &err));
    return ctx;
}

static dl4c_graph *build(dl4c_context *ctx)
{
    static const int64_t shape[] = { 1, 16, 16 };
    static const char *const in[] = { "in" }, *const c1[] = { "c1" }, *const c2[] = { "c2" }, *const p[] = { "p" }, *const d[] = { "d" };
    dl4c_builder *b = NULL;
    dl4c_graph *g = NULL;
    OK(dl4c_builder_create(ctx, NULL, &b, &err));
    dl4c_builder_input(b, "in", shape, 3);
    dl4c_builder_add_text(b, "conv2d:units=48,kernel=3,padding=1,activation=relu", "c1", in, 1);
    dl4c_builder_add_text(b, "conv2d:units=48,kernel=3,padding=1,activation=relu", "c2", c1, 1);
    dl4c_builder_add_text(b, "global_pool", "p", c2, 1);
    dl4c_builder_add_text(b, "dense:units=200,activation=tanh", "d", p, 1);
    dl4c_builder_add_text(b, "output:units=2,activation=softmax", "out", d, 1);
    OK(dl4c_builder_finish(&b, &g, &err));
    return g;
}

static dl4c_session *session(dl4c_context *ctx, dl4c_graph *g, const char *at, uint64_t flags)
{
    struct dl4c_session_options o = DL4C_SESSION_OPTIONS_INIT;
    dl4c_session *s = NULL;
    o.flags = flags;
    if (at) {
        o.outputs = &at;
        o.n_outputs = 1;
    }
    OK(dl4c_session_create(ctx, g, &o, &s, &err));
    return s;
}

static void run(dl4c_session *s, float *y, size_t n)
{
    static float pixels[256];
    const int64_t shape[] = { 1, 1, 16, 16 };
    dl4c_tensor *x = NULL, *out;
    for (int i = 0; i < 256; i++)
        pixels[i] = (float)(i * 37 % 41 - 20) / 10;
    OK(dl4c_tensor_wrap(NULL, DL4C_F32, shape, NULL, 4, pixels, 0, NULL, NULL, &x, &err));
    OK(dl4c_session_run(s, &x, 1, &err));
    OK(dl4c_session_output(s, 0, &out, &err));
    memcpy(y, dl4c_tensor_data_const(out), n * sizeof *y);
    dl4c_tensor_unref(&x);
}

static int64_t used(dl4c_context *ctx)
{
    int64_t bytes;
    dl4c_context_memory(ctx, &bytes, NULL);
    return bytes;
}

static void the_need_is_known_before_anything_is_made(void **state)
{
    for (int low = 0; low < 2; low++) {
        dl4c_context *ctx = context();
        dl4c_graph *g = build(ctx);
        struct dl4c_session_options o = DL4C_SESSION_OPTIONS_INIT;
        struct dl4c_session_memory need = DL4C_SESSION_MEMORY_INIT, after = DL4C_SESSION_MEMORY_INIT;
        dl4c_session *s = NULL;
        char *plan = NULL, *text = NULL;
        int64_t all;
        o.flags = low ? DL4C_SESSION_LOW_MEMORY : 0;
        dl4c_graph_param_count(g, &all, NULL, NULL);
        const int64_t before = used(ctx);
        OK(dl4c_session_plan(ctx, g, &o, &need, &plan, &err));
        dl4c_free(plan);
        assert_int_equal(used(ctx), before); /* nothing was made */
        OK(dl4c_session_plan(ctx, g, &o, NULL, &plan, &err));
        OK(dl4c_session_create(ctx, g, &o, &s, &err));
        const int64_t grown = used(ctx) - before;
        /* All but the arena and the packs is plan: some kilobytes. */
        assert_true(grown >= need.arena_bytes + need.packed_bytes && grown < need.arena_bytes + need.packed_bytes + 32768);
        assert_int_equal(need.arena_bytes, dl4c_session_bytes(s));
        assert_int_equal(need.packed_bytes, dl4c_session_packed_bytes(s));
        assert_int_equal(need.weights_bytes, 4 * all);
        assert_int_equal(need.mapped_bytes, 0);
        assert_true(need.read_bytes > 40000 - 2000 && need.read_bytes < 4 * all - CONV);
        assert_true(need.scratch_bytes > 0 && need.scratch_bytes <= need.arena_bytes);
        assert_int_equal(need.total_bytes, need.weights_bytes + need.packed_bytes + need.arena_bytes);
        OK(dl4c_session_get_memory(s, &after, &err));
        assert_memory_equal(&need, &after, sizeof need);
        OK(dl4c_session_describe(s, &text, &err));
        assert_string_equal(plan, text);
        assert_non_null(strstr(text, low ? "memory=low" : "memory=default"));
        dl4c_free(plan);
        dl4c_free(text);
        dl4c_session_destroy(&s);
        dl4c_graph_destroy(&g);
        dl4c_context_destroy(&ctx);
    }
}

static void a_plan_fails_as_its_session_would(void **state)
{
    dl4c_graph *g = build(NULL);
    struct dl4c_session_options o = DL4C_SESSION_OPTIONS_INIT;
    struct dl4c_session_memory need = DL4C_SESSION_MEMORY_INIT;
    const char *none = "none";
    char *text = (char *)&text;
    o.outputs = &none;
    o.n_outputs = 1;
    assert_int_equal(dl4c_session_plan(NULL, g, &o, &need, &text, &err), DL4C_E_NOTFOUND);
    assert_null(text);
    assert_int_equal(dl4c_session_plan(NULL, NULL, &o, &need, &text, &err), DL4C_E_INVALID);
    o.flags = 1 << 20;
    assert_int_equal(dl4c_session_plan(NULL, g, &o, &need, &text, &err), DL4C_E_VERSION);
    assert_int_equal(dl4c_session_get_memory(NULL, &need, &err), DL4C_E_INVALID);
    dl4c_graph_destroy(&g);
}

static void low_memory_packs_weights_as_large_as_they_are(void **state)
{
    dl4c_graph *g = build(NULL);
    float wide[2], low[2];
    dl4c_session *s = session(NULL, g, NULL, 0), *small = session(NULL, g, NULL, DL4C_SESSION_LOW_MEMORY);
    assert_true(dl4c_session_packed_bytes(small) < CONV * 5 / 4);
    assert_true(dl4c_session_packed_bytes(s) > CONV * 3);
    run(s, wide, 2);
    run(small, low, 2);
    for (int i = 0; i < 2; i++) /* transformed in float in the place of double: a few units in the last place of each weight */
        assert_true(wide[i] - low[i] < 1e-5f && low[i] - wide[i] < 1e-5f);
    dl4c_session_destroy(&s);
    dl4c_session_destroy(&small);
    dl4c_graph_destroy(&g);
}

static void what_nobody_can_ask_for_any_more_is_freed(void **state)
{
    dl4c_context *ctx = context();
    dl4c_graph *g = build(ctx);
    float before[2], after[2], pooled[48], pooled_after[48];
    dl4c_session *s = session(ctx, g, NULL, 0), *t = session(ctx, g, "p", 0);
    run(s, before, 2);
    run(t, pooled, 48);
    const int64_t with = used(ctx);
    dl4c_graph_destroy(&g);
    const int64_t without = used(ctx);
    /* The convolutions' weights, which both sessions have packed; d's stay, which s reads. */
    assert_true(with - without >= CONV && with - without < CONV + 8000);
    run(s, after, 2);
    run(t, pooled_after, 48);
    assert_memory_equal(before, after, sizeof before);
    assert_memory_equal(pooled, pooled_after, sizeof pooled);
    char *text = NULL;
    OK(dl4c_session_describe(s, &text, &err));
    dl4c_free(text);
    dl4c_session_destroy(&s);
    run(t, pooled_after, 48);
    assert_memory_equal(pooled, pooled_after, sizeof pooled);
    dl4c_session_destroy(&t);
    dl4c_context_destroy(&ctx);
}

static void what_another_graph_shares_stays(void **state)
{
    dl4c_context *ctx = context();
    dl4c_graph *g = build(ctx), *other = NULL;
    dl4c_tensor *w = NULL;
    float before[2], after[2];
    OK(dl4c_graph_clone(g, &other, &err));
    dl4c_session *s = session(ctx, g, NULL, 0);
    run(s, before, 2);
    const int64_t with = used(ctx);
    dl4c_graph_destroy(&g);
    assert_true(with - used(ctx) < CONV);
    OK(dl4c_graph_param(other, "c2", "W", &w, &err));
    assert_int_equal(dl4c_tensor_dim(w, 0), 48);
    dl4c_session *t = session(ctx, other, NULL, DL4C_SESSION_LOW_MEMORY); /* packs anew */
    run(s, after, 2);
    assert_memory_equal(before, after, sizeof before);
    dl4c_graph_destroy(&other);
    assert_non_null(dl4c_tensor_data_const(w)); /* the tensor keeps what it shows */
    dl4c_tensor_unref(&w);
    run(t, after, 2);
    dl4c_session_destroy(&s);
    dl4c_session_destroy(&t);
    dl4c_context_destroy(&ctx);
}

/* A session that was made before training packs again at its next run, when the handle is gone. */
static void what_was_trained_stays(void **state)
{
    dl4c_context *ctx = context();
    dl4c_graph *g = build(ctx);
    struct dl4c_fit_options fo = DL4C_FIT_OPTIONS_INIT;
    dl4c_trainer *t = NULL;
    dl4c_tensor *x = NULL, *y = NULL;
    const int64_t shape[] = { 2, 1, 16, 16 }, n = 2;
    float before[2], after[2], fresh[2];
    dl4c_session *s = session(ctx, g, NULL, 0);
    run(s, before, 2);
    OK(dl4c_tensor_create(ctx, DL4C_F32, shape, 4, &x, &err));
    OK(dl4c_tensor_create(ctx, DL4C_I64, &n, 1, &y, &err));
    for (int i = 0; i < 512; i++)
        ((float *)dl4c_tensor_data(x))[i] = (float)(i % 5) - 2;
    memset(dl4c_tensor_data(y), 0, 16);
    fo.batch = 2;
    fo.updater = "sgd:lr=0.5";
    OK(dl4c_trainer_create(g, &fo, &t, &err));
    OK(dl4c_trainer_step(t, x, y, NULL, &err));
    dl4c_trainer_destroy(&t);
    dl4c_session *later = session(ctx, g, NULL, 0);
    run(later, fresh, 2);
    dl4c_graph_destroy(&g);
    run(s, after, 2);
    assert_memory_not_equal(before, after, sizeof after);
    assert_memory_equal(fresh, after, sizeof after);
    dl4c_tensor_unref(&x);
    dl4c_tensor_unref(&y);
    dl4c_session_destroy(&s);
    dl4c_session_destroy(&later);
    dl4c_context_destroy(&ctx);
}

static int64_t resident(void)
{
    long pages = 0, ignored;
    FILE *f = fopen("/proc/self/statm", "r");
    if (!f || fscanf(f, "%ld %ld", &ignored, &pages) != 2)
        pages = 0;
    if (f)
        fclose(f);
    return (int64_t)pages * sysconf(_SC_PAGESIZE);
}

/* Pages of a mapped model that were only read to be repacked do not count against the process. */
static void repacked_pages_of_a_mapped_file_go(void **state)
{
    static const int64_t shape[] = { 256, 8, 8 };
    static const char *const in[] = { "in" }, *const c[] = { "c" };
    enum { BYTES = 256 * 1024 * 9 * 4 }; /* 9.4 MB */
#if UNDER_TSAN
    print_message("skipped: what tsan notes of every page that is read stays resident\n");
    skip();
#endif
    char path[] = "/tmp/dl4c-memory-XXXXXX", name[64];
    const int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    snprintf(name, sizeof name, "%s.safetensors", path);
    dl4c_context *ctx = context();
    dl4c_builder *b = NULL;
    dl4c_graph *g = NULL, *mapped = NULL;
    struct dl4c_session_memory need = DL4C_SESSION_MEMORY_INIT;
    OK(dl4c_builder_create(ctx, NULL, &b, &err));
    dl4c_builder_input(b, "in", shape, 3);
    dl4c_builder_add_text(b, "conv2d:units=1024,kernel=3,padding=1", "c", in, 1);
    dl4c_builder_add_text(b, "relu", "r", c, 1);
    OK(dl4c_builder_finish(&b, &g, &err));
    OK(dl4c_model_save(g, name, NULL, &err));
    dl4c_graph_destroy(&g);
    OK(dl4c_model_load(ctx, name, NULL, &mapped, &err));
    const int64_t before = resident();
    if (before == 0) {
        unlink(name);
        unlink(path);
        print_message("skipped: /proc/self/statm cannot be read\n");
        skip();
    }
    dl4c_session *s = session(ctx, mapped, NULL, DL4C_SESSION_LOW_MEMORY);
    const int64_t grown = resident() - before;
    OK(dl4c_session_get_memory(s, &need, &err));
    assert_int_equal(need.mapped_bytes, BYTES + 4096);
    assert_int_equal(need.read_bytes, 0);
    assert_int_equal(need.total_bytes, need.packed_bytes + need.arena_bytes);
    if (grown > need.packed_bytes + need.arena_bytes + BYTES / 2)
        fail_msg("%lld bytes more are resident for %lld packed ones", (long long)grown, (long long)need.packed_bytes);
    dl4c_tensor *w = NULL; /* and they come back */
    OK(dl4c_graph_param(mapped, "c", "W", &w, &err));
    float sum = 0;
    for (int64_t i = 0; i < BYTES / 4; i++)
        sum += ((const float *)dl4c_tensor_data_const(w))[i] != 0;
    assert_true(sum > BYTES / 4 * 0.99f);
    dl4c_tensor_unref(&w);
    dl4c_session_destroy(&s);
    dl4c_graph_destroy(&mapped);
    dl4c_context_destroy(&ctx);
    unlink(name);
    unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_need_is_known_before_anything_is_made),
        cmocka_unit_test(a_plan_fails_as_its_session_would),
        cmocka_unit_test(low_memory_packs_weights_as_large_as_they_are),
        cmocka_unit_test(what_nobody_can_ask_for_any_more_is_freed),
        cmocka_unit_test(what_another_graph_shares_stays),
        cmocka_unit_test(what_was_trained_stays),
        cmocka_unit_test(repacked_pages_of_a_mapped_file_go),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
