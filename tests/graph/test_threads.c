/* SPDX-License-Identifier: Apache-2.0 */
/* Many threads on one graph: sessions share its weights, a run and training exclude each other, destroying comes in any order. */
#include <dl4c/dl4c.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

enum { THREADS = 4, RUNS = 20 };

static dl4c_graph *build(void)
{
    dl4c_builder *b = NULL;
    dl4c_graph *g = NULL;
    const int64_t shape[] = { 3, 10, 10 };
    const char *in[] = { "in" }, *c1[] = { "c1" };
    assert_int_equal(dl4c_builder_create(NULL, NULL, &b, NULL), DL4C_OK);
    dl4c_builder_input(b, "in", shape, 3);
    dl4c_builder_add_text(b, "conv2d:units=8,kernel=3,padding=1,activation=relu", "c1", in, 1);
    dl4c_builder_add_text(b, "output:units=4,activation=softmax,loss=negative_log_likelihood", "out", c1, 1);
    assert_int_equal(dl4c_builder_finish(&b, &g, NULL), DL4C_OK);
    return g;
}

static dl4c_tensor *image(void)
{
    dl4c_tensor *x = NULL;
    const int64_t shape[] = { 1, 3, 10, 10 };
    assert_int_equal(dl4c_tensor_create(NULL, DL4C_F32, shape, 4, &x, NULL), DL4C_OK);
    for (int i = 0; i < 300; i++)
        ((float *)dl4c_tensor_data(x))[i] = (float)(i % 17) * 0.1f;
    return x;
}

struct job {
    dl4c_graph *g;
    float y[4];
    int busy, failed;
};

/* A session of its own, made and run again and again; a graph in training answers DL4C_E_STATE. */
static void *run_many(void *arg)
{
    struct job *j = arg;
    dl4c_tensor *x = image(), *y;
    for (int i = 0; i < RUNS; i++) {
        dl4c_session *s = NULL;
        dl4c_status status = dl4c_session_create(NULL, j->g, NULL, &s, NULL);
        if (status == DL4C_OK)
            status = dl4c_session_run(s, &x, 1, NULL);
        if (status == DL4C_OK && dl4c_session_output(s, 0, &y, NULL) == DL4C_OK)
            memcpy(j->y, dl4c_tensor_data_const(y), sizeof j->y);
        j->busy += status == DL4C_E_STATE;
        j->failed += status != DL4C_OK && status != DL4C_E_STATE;
        dl4c_session_destroy(&s);
    }
    dl4c_tensor_unref(&x);
    return NULL;
}

static void sessions_on_many_threads_give_the_same_bits(void **state)
{
    (void)state;
    struct job jobs[THREADS] = { { 0 } };
    pthread_t threads[THREADS];
    dl4c_graph *g = build();
    for (int i = 0; i < THREADS; i++) {
        jobs[i].g = g;
        assert_int_equal(pthread_create(&threads[i], NULL, run_many, &jobs[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(jobs[i].failed + jobs[i].busy, 0);
        assert_memory_equal(jobs[i].y, jobs[0].y, sizeof jobs[0].y);
    }
    dl4c_graph_destroy(&g);
}

struct running {
    dl4c_session *s;
    int failed;
};

static void *run_on(void *arg)
{
    struct running *j = arg;
    dl4c_tensor *x = image();
    for (int i = 0; i < RUNS; i++)
        j->failed += dl4c_session_run(j->s, &x, 1, NULL) != DL4C_OK;
    dl4c_tensor_unref(&x);
    return NULL;
}

static void the_graph_may_be_given_up_while_its_sessions_run(void **state)
{
    (void)state;
    struct running jobs[THREADS];
    pthread_t threads[THREADS];
    dl4c_graph *g = build();
    for (int i = 0; i < THREADS; i++) {
        jobs[i].failed = 0;
        assert_int_equal(dl4c_session_create(NULL, g, NULL, &jobs[i].s, NULL), DL4C_OK);
    }
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, run_on, &jobs[i]), 0);
    dl4c_graph_destroy(&g);
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(jobs[i].failed, 0);
        dl4c_session_destroy(&jobs[i].s);
    }
}

static void training_and_running_exclude_each_other(void **state)
{
    (void)state;
    struct job job = { 0 };
    pthread_t thread;
    dl4c_graph *g = build(), *parent = NULL;
    assert_int_equal(dl4c_graph_clone(g, &parent, NULL), DL4C_OK);
    struct job before = { .g = parent }, after = { .g = parent };
    run_many(&before);
    dl4c_tensor *x = image(), *y = NULL;
    const int64_t one = 1;
    assert_int_equal(dl4c_tensor_create(NULL, DL4C_I64, &one, 1, &y, NULL), DL4C_OK);
    struct dl4c_fit_options o = DL4C_FIT_OPTIONS_INIT;
    dl4c_trainer *t = NULL;
    o.batch = 1;
    o.updater = "sgd:lr=0.1";
    assert_int_equal(dl4c_trainer_create(g, &o, &t, NULL), DL4C_OK);
    job.g = g;
    assert_int_equal(pthread_create(&thread, NULL, run_many, &job), 0);
    for (int i = 0; i < 50; i++) {
        const dl4c_status status = dl4c_trainer_step(t, x, y, NULL, NULL);
        assert_true(status == DL4C_OK || status == DL4C_E_STATE);
    }
    pthread_join(thread, NULL);
    assert_int_equal(job.failed, 0);
    run_many(&after); /* who shared the parameters sees nothing */
    assert_memory_equal(before.y, after.y, sizeof after.y);
    dl4c_trainer_destroy(&t);
    dl4c_tensor_unref(&x);
    dl4c_tensor_unref(&y);
    dl4c_graph_destroy(&parent);
    dl4c_graph_destroy(&g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sessions_on_many_threads_give_the_same_bits),
        cmocka_unit_test(the_graph_may_be_given_up_while_its_sessions_run),
        cmocka_unit_test(training_and_running_exclude_each_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
