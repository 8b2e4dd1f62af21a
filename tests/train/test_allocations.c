/* SPDX-License-Identifier: Apache-2.0 */
/* dl4c_session_run and dl4c_trainer_step take no memory after their first call: neither from the context's allocator nor, through any
 * other library, from malloc. Counted over networks of all kinds, one thread and several. */
#include "support/under.h"
#include <dl4c/dl4c.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static atomic_int counting;
static _Atomic long by_context, by_malloc;

/* ---- malloc and its relatives, of the whole process ------------------------------------------------------------ */

#if UNDER_ASAN || UNDER_TSAN || !defined(__GLIBC__)
#define OWN_MALLOC 0 /* that of the sanitizer is not to be replaced */
#else
#define OWN_MALLOC 1
#endif

#if OWN_MALLOC
extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t n, size_t size);
extern void *__libc_realloc(void *p, size_t size);
extern void *__libc_memalign(size_t alignment, size_t size);
int posix_memalign(void **out, size_t alignment, size_t size);

static void count(void)
{
    if (atomic_load_explicit(&counting, memory_order_relaxed))
        atomic_fetch_add(&by_malloc, 1);
}

void *malloc(size_t size)
{
    count();
    return __libc_malloc(size);
}

void *calloc(size_t n, size_t size)
{
    count();
    return __libc_calloc(n, size);
}

void *realloc(void *p, size_t size)
{
    count();
    return __libc_realloc(p, size);
}

void *aligned_alloc(size_t alignment, size_t size)
{
    count();
    return __libc_memalign(alignment, size);
}

int posix_memalign(void **out, size_t alignment, size_t size)
{
    count();
    *out = __libc_memalign(alignment, size);
    return *out ? 0 : 12; /* ENOMEM */
}
#endif

/* ---- the context's allocator ----------------------------------------------------------------------------------- */

static void *take(void *user, size_t size, size_t alignment)
{
    (void)user;
    const int was = atomic_exchange(&counting, 0); /* its own malloc is not another one */
    if (was)
        atomic_fetch_add(&by_context, 1);
    void *p = aligned_alloc(alignment < sizeof(void *) ? sizeof(void *) : alignment, (size + alignment - 1) / alignment * alignment);
    atomic_store(&counting, was);
    return p;
}

static void give(void *user, void *p, size_t size)
{
    (void)user;
    (void)size;
    free(p);
}

static struct dl4c_error err;
#define OK(expr)                                                                                                                           \
    do {                                                                                                                                   \
        if ((expr) != DL4C_OK)                                                                                                             \
            fail_msg("%s: %s: %s", #expr, err.origin, err.message);                                                                        \
    } while (0)

static dl4c_context *context(int32_t threads)
{
    struct dl4c_context_options o = DL4C_CONTEXT_OPTIONS_INIT;
    dl4c_context *ctx = NULL;
    o.threads = threads;
    o.alloc = take;
    o.release = give;
    OK(dl4c_context_create(&o, &ctx, &err));
    return ctx;
}

/* ---- networks: chains of vertices, "+" adds the value of two vertices before ----------------------------------- */

struct network {
    const char *name;
    int64_t shape[3];
    int32_t rank;
    const char *chain[12];
    const char *updater;
};

static const struct network networks[] = {
    { "a VGG", { 3, 24, 24 }, 3,
      { "conv2d:units=16,kernel=3,padding=1,activation=relu", "conv2d:units=16,kernel=3,padding=1,activation=relu", "max_pool",
        "conv2d:units=32,kernel=3,padding=1,activation=relu", "max_pool", "dense:units=40,activation=relu,dropout=0.5",
        "output:units=5,activation=softmax,loss=negative_log_likelihood" },
      "nesterovs:lr=0.01,momentum=0.9" },
    { "residual, with batch norm", { 16, 14, 14 }, 3,
      { "conv2d:units=16,kernel=3,padding=1", "batch_norm", "relu", "conv2d:units=16,kernel=3,padding=1,has_bias=0", "+", "relu",
        "conv2d:units=32,kernel=3,stride=2,padding=1", "conv2d:units=20,kernel=1,activation=relu6", "global_pool",
        "output:units=5,activation=softmax,loss=mcxent" },
      "adam:lr=0.001" },
    { "depthwise and separable", { 8, 15, 13 }, 3,
      { "depthwise_conv2d:kernel=3,padding=1,activation=elu", "separable_conv2d:units=24,kernel=3,padding=1,activation=leaky_relu",
        "conv2d:units=24,kernel=5,padding=2,groups=4,activation=tanh", "avg_pool", "lrn", "prelu",
        "dense:units=30,activation=selu,noise=alpha_dropout(p=0.8)", "output:units=5,activation=softmax" },
      "rmsprop:lr=0.01" },
    { "dense", { 50 }, 1,
      { "dense:units=60,activation=tanh,l2=0.01,gradient_normalization=clip_l2_per_layer,gradient_threshold=1",
        "dense:units=60,activation=sigmoid,constraints=max_norm(max_norm=2,dimensions=1)", "gaussian_noise:stddev=0.1",
        "output:units=5,activation=softmax,loss=mcxent(weights=1;2;1;2;1)" },
      "amsgrad:lr=0.001" },
    { "a head", { 512 }, 1, { "output:units=5,activation=softmax,loss=negative_log_likelihood" }, "sgd:lr=0.1" },
    { "upsampling and padding", { 4, 9, 9 }, 3,
      { "zero_padding:padding=1", "upsampling:size=2", "cropping:cropping=1", "space_to_depth:block=2",
        "conv2d:units=9,kernel=7,stride=2,padding=3",
        "softplus", "l2_normalize", "output:units=5,activation=softmax" },
      "adagrad:lr=0.01" },
};
enum { N_NETWORKS = sizeof networks / sizeof *networks };

static dl4c_graph *build(dl4c_context *ctx, const struct network *n)
{
    dl4c_builder *b = NULL;
    dl4c_graph *g = NULL;
    char names[14][16] = { "in" };
    OK(dl4c_builder_create(ctx, NULL, &b, &err));
    dl4c_builder_input(b, "in", n->shape, n->rank);
    for (int i = 0; n->chain[i]; i++) {
        const char *in[] = { names[i], i >= 2 ? names[i - 2] : NULL };
        snprintf(names[i + 1], sizeof names[i + 1], "v%d", i);
        if (n->chain[i][0] == '+')
            dl4c_builder_add_text(b, "add", names[i + 1], in, 2);
        else
            dl4c_builder_add_text(b, n->chain[i], names[i + 1], in, 1);
    }
    const dl4c_status status = dl4c_builder_finish(&b, &g, &err);
    if (status != DL4C_OK)
        fail_msg("%s: %s: %s", n->name, err.origin, err.message);
    return g;
}

enum { ROWS = 5 };

static dl4c_tensor *input(dl4c_context *ctx, const struct network *n, int64_t rows)
{
    int64_t shape[4] = { rows, n->shape[0], n->shape[1], n->shape[2] };
    dl4c_tensor *x = NULL;
    OK(dl4c_tensor_create(ctx, DL4C_F32, shape, n->rank + 1, &x, &err));
    float *v = dl4c_tensor_data(x);
    for (int64_t i = 0; i < dl4c_tensor_size(x); i++)
        v[i] = (float)(i * 37 % 41 - 20) / 20;
    return x;
}

static void begin(void)
{
    atomic_store(&by_context, 0);
    atomic_store(&by_malloc, 0);
    atomic_store(&counting, 1);
}

static void end(const char *what, const char *network, int threads)
{
    atomic_store(&counting, 0);
    if (atomic_load(&by_context) || atomic_load(&by_malloc))
        fail_msg("%s, %s, %d threads: %ld allocations by the context, %ld by malloc", what, network, threads, atomic_load(&by_context),
                 atomic_load(&by_malloc));
}

static const int32_t widths[] = { 1, 2, 4 };

static void running_takes_no_memory(void **state)
{
    static const uint64_t flags[] = { 0, DL4C_SESSION_LOW_MEMORY, DL4C_SESSION_NO_FUSION };
    for (int i = 0; i < 3 * 3 * N_NETWORKS; i++) {
        const struct network *n = &networks[i / 9];
        dl4c_context *ctx = context(widths[i / 3 % 3]);
        dl4c_graph *g = build(ctx, n);
        struct dl4c_session_options o = DL4C_SESSION_OPTIONS_INIT;
        dl4c_session *s = NULL;
        dl4c_tensor *all = input(ctx, n, ROWS), *part[2] = { NULL, NULL }, *odd = NULL, *y;
        o.batch = ROWS;
        o.flags = flags[i % 3];
        OK(dl4c_session_create(ctx, g, &o, &s, &err));
        OK(dl4c_tensor_slice(all, 0, 0, 1, 1, &part[0], &err));
        OK(dl4c_tensor_slice(all, 0, 1, 4, 1, &part[1], &err));
        OK(dl4c_tensor_slice(all, 0, 0, ROWS, 2, &odd, &err)); /* not contiguous: copied, into memory made at the first call */
        OK(dl4c_session_run(s, &odd, 1, &err));
        begin();
        OK(dl4c_session_run(s, &all, 1, &err));
        OK(dl4c_session_run(s, &part[0], 1, &err));
        OK(dl4c_session_run(s, &part[1], 1, &err));
        OK(dl4c_session_run(s, &odd, 1, &err));
        OK(dl4c_session_output(s, 0, &y, &err));
        end("running", n->name, widths[i / 3 % 3]);
        dl4c_tensor_unref(&all);
        dl4c_tensor_unref(&part[0]);
        dl4c_tensor_unref(&part[1]);
        dl4c_tensor_unref(&odd);
        dl4c_session_destroy(&s);
        dl4c_graph_destroy(&g);
        dl4c_context_destroy(&ctx);
    }
}

static void training_takes_no_memory(void **state)
{
    for (int i = 0; i < 3 * N_NETWORKS; i++) {
        const struct network *n = &networks[i / 3];
        dl4c_context *ctx = context(widths[i % 3]);
        dl4c_graph *g = build(ctx, n);
        struct dl4c_fit_options o = DL4C_FIT_OPTIONS_INIT;
        dl4c_trainer *t = NULL;
        dl4c_tensor *x = input(ctx, n, ROWS), *few = NULL, *labels = NULL, *few_labels = NULL;
        const int64_t rows = ROWS;
        double score;
        o.batch = ROWS;
        o.updater = n->updater;
        OK(dl4c_tensor_create(ctx, DL4C_I64, &rows, 1, &labels, &err));
        for (int k = 0; k < ROWS; k++)
            ((int64_t *)dl4c_tensor_data(labels))[k] = k % 5;
        OK(dl4c_tensor_slice(x, 0, 0, 3, 1, &few, &err));
        OK(dl4c_tensor_slice(labels, 0, 0, 3, 1, &few_labels, &err));
        OK(dl4c_trainer_create(g, &o, &t, &err));
        OK(dl4c_trainer_step(t, x, labels, &score, &err));
        begin();
        for (int k = 0; k < 3; k++)
            OK(dl4c_trainer_step(t, x, labels, &score, &err));
        OK(dl4c_trainer_step(t, few, few_labels, &score, &err));
        end("training", n->name, widths[i % 3]);
        dl4c_trainer_destroy(&t);
        dl4c_tensor_unref(&x);
        dl4c_tensor_unref(&few);
        dl4c_tensor_unref(&labels);
        dl4c_tensor_unref(&few_labels);
        dl4c_graph_destroy(&g);
        dl4c_context_destroy(&ctx);
    }
}

/* A test that cannot count proves nothing. */
static void the_counters_count(void **state)
{
    dl4c_context *ctx = context(1);
    dl4c_tensor *t = NULL;
    const int64_t shape[] = { 3 };
    begin();
    OK(dl4c_tensor_create(ctx, DL4C_F32, shape, 1, &t, &err));
    void *volatile p = malloc(10);
    atomic_store(&counting, 0);
    free(p);
    assert_true(atomic_load(&by_context) > 0);
#if OWN_MALLOC
    assert_int_equal(atomic_load(&by_malloc), 1);
#else
    print_message("skipped: malloc is the sanitizer's own, only the context's memory is counted\n");
#endif
    dl4c_tensor_unref(&t);
    dl4c_context_destroy(&ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_counters_count),
        cmocka_unit_test(running_takes_no_memory),
        cmocka_unit_test(training_takes_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
