/* SPDX-License-Identifier: Apache-2.0 */
/* What a host finds as it left it: photographs to features to a trained head to a file to predictions, under unusual settings of the
 * process, on one core, and on both sides of a fork. */
#define _GNU_SOURCE
#include "support/must.h"
#include "support/photos.h"
#include "support/slow.h"
#include "support/under.h"
#include <dl4c/dl4c.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fenv.h>
#include <locale.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

/* tsan allows no new thread after a fork of a program with threads, and has one of its own; asan (of gcc 12, clang 14) does not keep its
 * allocator whole over a fork while another thread allocates. */
static char dir[256];

static const char *in_dir(const char *name)
{
    static char path[8][512];
    static int next;
    next = (next + 1) % 8;
    snprintf(path[next], sizeof path[next], "%s/%s", dir, name);
    return path[next];
}

static dl4c_graph *build_trunk(dl4c_context *ctx)
{
    dl4c_builder *b = NULL;
    dl4c_graph *g = NULL;
    const int64_t shape[] = { 3, 16, 16 };
    const char *in[] = { "in" }, *c[] = { "c" };
    if (dl4c_builder_create(ctx, NULL, &b, NULL) != DL4C_OK)
        return NULL;
    dl4c_builder_input(b, "in", shape, 3);
    dl4c_builder_add_text(b, "conv2d:units=32,kernel=3,padding=1,activation=relu", "c", in, 1);
    dl4c_builder_add_text(b, "max_pool:kernel=2,stride=2", "p", c, 1);
    dl4c_builder_finish(&b, &g, NULL);
    return g;
}

static dl4c_status open_photos(dl4c_context *ctx, dl4c_graph *trunk, dl4c_reader **r, struct dl4c_error *err)
{
    struct dl4c_reader_options o = DL4C_READER_OPTIONS_INIT;
    o.for_graph = trunk;
    o.preprocess = "scale01";
    return dl4c_reader_open(ctx, in_dir("photos"), &o, r, err);
}

/* Everything, with relative or absolute paths as the caller likes; every object is given back. */
static dl4c_status whole_way(dl4c_context *ctx, const char *store, const char *model, struct dl4c_error *err)
{
    struct dl4c_featurize_options zo = DL4C_FEATURIZE_OPTIONS_INIT;
    struct dl4c_fit_options fo = DL4C_FIT_OPTIONS_INIT;
    dl4c_graph *trunk = build_trunk(ctx), *head = NULL, *whole = NULL, *again = NULL;
    dl4c_reader *r = NULL;
    dl4c_features *f = NULL;
    dl4c_evaluation *e = NULL;
    char *text = NULL;
    zo.overwrite = 1;
    fo.epochs = 2;
    dl4c_status status = trunk ? open_photos(ctx, trunk, &r, err) : DL4C_E_INTERNAL;
    if (status == DL4C_OK)
        status = dl4c_featurize(trunk, r, store, &zo, err);
    if (status == DL4C_OK)
        status = dl4c_features_open(ctx, store, NULL, &f, err);
    if (status == DL4C_OK)
        status = dl4c_head_softmax(f, NULL, &head, err);
    if (status == DL4C_OK)
        status = dl4c_fit(head, dl4c_features_source(f), &fo, err);
    if (status == DL4C_OK)
        status = dl4c_graph_join(trunk, head, NULL, &whole, err);
    if (status == DL4C_OK)
        status = dl4c_model_save(whole, model, NULL, err);
    if (status == DL4C_OK)
        status = dl4c_model_load(ctx, model, NULL, &again, err);
    if (status == DL4C_OK)
        status = dl4c_evaluate(again, dl4c_reader_source(r), NULL, &e, err);
    if (status == DL4C_OK)
        status = dl4c_graph_summary(again, NULL, &text, err);
    dl4c_free(text);
    dl4c_evaluation_destroy(&e);
    dl4c_features_close(&f);
    dl4c_reader_close(&r);
    dl4c_graph_destroy(&again);
    dl4c_graph_destroy(&whole);
    dl4c_graph_destroy(&head);
    dl4c_graph_destroy(&trunk);
    return status;
}

static dl4c_context *context_of(int32_t threads)
{
    struct dl4c_context_options o = DL4C_CONTEXT_OPTIONS_INIT;
    dl4c_context *ctx = NULL;
    o.threads = threads;
    assert_int_equal(dl4c_context_create(&o, &ctx, NULL), DL4C_OK);
    return ctx;
}

/* Entries of a directory of /proc. A thread that was joined may be listed for a moment longer: asked again until it settles. */
static int entries(const char *path)
{
    DIR *d = opendir(path);
    int n = 0;
    assert_non_null(d);
    while (readdir(d))
        n++;
    closedir(d);
    return n;
}
static int threads_now(void) { return entries("/proc/self/task") - 2; }
/* One that was joined may still be listed for a moment. */
static void assert_threads_within(int least, int most)
{
    int now = threads_now();
    for (int tries = 0; (now < least || now > most) && tries < 2000; tries++) {
        nanosleep(&(struct timespec){ .tv_nsec = 1000000 }, NULL);
        now = threads_now();
    }
    assert_in_range(now, least, most);
}

static void assert_threads(int wanted) { assert_threads_within(wanted, wanted); }

static int make(void **state)
{
    (void)state;
    photos_dir(dir, sizeof dir);
    photos_mkdir(dir, "photos");
    photos_classes(in_dir("photos"), 3);
    return 0;
}

static int clean(void **state)
{
    (void)state;
    photos_remove(dir);
    return 0;
}

/* ---- settings ---- */

struct settings {
    int rounding;
    unsigned sse, x87;
    sigset_t mask;
    struct sigaction action[65];
    mode_t umask;
    char cwd[1024], locale[1024], environment[1 << 16];
    cpu_set_t cores;
    int files;
};

static void note_settings(struct settings *s)
{
    extern char **environ;
    memset(s, 0, sizeof *s);
    s->rounding = fegetround();
#if defined(__x86_64__)
    unsigned short control;
    __asm__("fnstcw %0" : "=m"(control));
    s->x87 = control;
    s->sse = _mm_getcsr() & ~0x3fu; /* without the flags of what has happened */
#endif
    pthread_sigmask(SIG_SETMASK, NULL, &s->mask);
    for (int i = 1; i < 65; i++)
        if (sigaction(i, NULL, &s->action[i]) != 0)
            memset(&s->action[i], 0, sizeof s->action[i]);
    s->umask = umask(0);
    umask(s->umask);
    assert_non_null(getcwd(s->cwd, sizeof s->cwd));
    snprintf(s->locale, sizeof s->locale, "%s", setlocale(LC_ALL, NULL));
    for (char **e = environ; *e && strlen(s->environment) + strlen(*e) + 2 < sizeof s->environment; e++)
        strcat(strcat(s->environment, *e), "\n");
    assert_int_equal(sched_getaffinity(0, sizeof s->cores, &s->cores), 0);
    s->files = entries("/proc/self/fd");
}

static void assert_same_settings(const struct settings *a, const struct settings *b)
{
    assert_int_equal(a->rounding, b->rounding);
    assert_int_equal(a->sse, b->sse);
    assert_int_equal(a->x87, b->x87);
    for (int i = 1; i < 65; i++) {
        assert_int_equal(sigismember(&a->mask, i), sigismember(&b->mask, i));
        assert_ptr_equal(a->action[i].sa_handler, b->action[i].sa_handler);
        assert_int_equal(a->action[i].sa_flags, b->action[i].sa_flags);
    }
    assert_int_equal(a->umask, b->umask);
    assert_string_equal(a->cwd, b->cwd);
    assert_string_equal(a->locale, b->locale);
    assert_string_equal(a->environment, b->environment);
    assert_true(CPU_EQUAL(&a->cores, &b->cores));
    assert_int_equal(a->files, b->files);
}

static void the_settings_of_the_process_stay_as_they_are(void **state)
{
    (void)state;
    static struct settings before, after;
    struct dl4c_error err = DL4C_ERROR_INIT;
    char old[1024];
    sigset_t block, old_mask;
    struct stat st;
    assert_non_null(getcwd(old, sizeof old));
    assert_int_equal(chdir(dir), 0);
    const mode_t old_umask = umask(027);
    const int old_rounding = fegetround();
    fesetround(FE_UPWARD);
#if defined(__x86_64__)
    const unsigned old_csr = _mm_getcsr();
    _mm_setcsr(old_csr | 0x8040); /* numbers too small for the format are 0 */
#endif
    sigemptyset(&block);
    sigaddset(&block, SIGUSR1);
    sigaddset(&block, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &block, &old_mask);
    srand(7);
    const int drawn = rand();
    srand(7);
    fflush(stdout);
    fflush(stderr);
    const int out = dup(1), said = dup(2), paper = open("said.txt", O_RDWR | O_CREAT | O_TRUNC, 0600);
    assert_true(out >= 0 && said >= 0 && paper >= 0);
    dl4c_context *ctx = context_of(3);
    dup2(paper, 1);
    dup2(paper, 2);
    note_settings(&before);
    const dl4c_status status = whole_way(ctx, "relative/store", "relative.zip", &err);
    const bool bad = dl4c_model_load(ctx, "said.txt", NULL, &(dl4c_graph *){ NULL }, NULL) != DL4C_OK; /* failures are silent too */
    dl4c_context_destroy(&ctx);
    note_settings(&after);
    dup2(out, 1);
    dup2(said, 2);
    const off_t words = lseek(paper, 0, SEEK_END);
    close(out);
    close(said);
    close(paper);
    const int next = rand(); /* the host's sequence was not drawn from */
    pthread_sigmask(SIG_SETMASK, &old_mask, NULL);
#if defined(__x86_64__)
    _mm_setcsr(old_csr);
#endif
    fesetround(old_rounding);
    umask(old_umask);
    assert_int_equal(stat("relative.zip", &st), 0);
    assert_int_equal(chdir(old), 0);
    must(status, &err);
    assert_true(bad);
    assert_int_equal(words, 0);
    assert_int_equal(next, drawn);
    assert_int_equal(st.st_mode & 0777, 0640); /* the host's umask was heeded */
    assert_same_settings(&before, &after);
}

/* ---- threads ---- */

static void no_thread_starts_before_there_is_work_for_it(void **state)
{
    (void)state;
    struct dl4c_error err = DL4C_ERROR_INIT;
    const int before = threads_now();
    dl4c_context *ctx = context_of(4);
    dl4c_graph *trunk = build_trunk(ctx);
    dl4c_session *s = NULL;
    assert_non_null(trunk);
    must(dl4c_session_create(ctx, trunk, NULL, &s, &err), &err);
    char *text = NULL;
    must(dl4c_session_describe(s, &text, &err), &err);
    dl4c_free(text);
    assert_threads(before);
    dl4c_session_destroy(&s);
    dl4c_graph_destroy(&trunk);
    must(whole_way(ctx, in_dir("store"), in_dir("a.zip"), &err), &err);
    assert_threads_within(before, before + 3);
    dl4c_context_destroy(&ctx);
    assert_threads(before); /* and all are gone with the last object */
}

static void one_core_means_one_thread(void **state)
{
    (void)state;
    struct dl4c_error err = DL4C_ERROR_INIT;
    const int at_first = threads_now();
    cpu_set_t before, one, now;
    assert_int_equal(sched_getaffinity(0, sizeof before, &before), 0);
    CPU_ZERO(&one);
    for (int i = 0; i < CPU_SETSIZE && CPU_COUNT(&one) == 0; i++)
        if (CPU_ISSET(i, &before))
            CPU_SET(i, &one);
    assert_int_equal(sched_setaffinity(0, sizeof one, &one), 0);
    dl4c_context *ctx = context_of(0);
    assert_int_equal(dl4c_context_threads(ctx), 1);
    const dl4c_status status = whole_way(ctx, in_dir("one"), in_dir("one.zip"), &err);
    assert_int_equal(sched_getaffinity(0, sizeof now, &now), 0);
    assert_int_equal(sched_setaffinity(0, sizeof before, &before), 0);
    must(status, &err);
    assert_true(CPU_EQUAL(&now, &one));
    assert_threads_within(0, at_first); /* no pool; the reader's decoder went with the reader */
    dl4c_context_destroy(&ctx);
}

/* ---- forks ---- */

/* 0, or the line where the child was not content. */
static int child_after_a_fork(dl4c_context *ctx, dl4c_graph *trunk, dl4c_reader *r, dl4c_session *s, const float *wanted, int64_t floats)
{
#define CHILD(claim)                                                                                                                       \
    do {                                                                                                                                   \
        if (!(claim))                                                                                                                      \
            return __LINE__;                                                                                                               \
    } while (0)
    struct dl4c_error err = DL4C_ERROR_INIT;
    struct dl4c_batch b = DL4C_BATCH_INIT;
    dl4c_tensor *x = NULL, *y = NULL;
    const int64_t shape[] = { 1, 3, 16, 16 };
    /* A session made before goes on, alone, with the same bits. */
    CHILD(dl4c_tensor_create(ctx, DL4C_F32, shape, 4, &x, &err) == DL4C_OK);
    for (int i = 0; i < 3 * 16 * 16; i++)
        ((float *)dl4c_tensor_data(x))[i] = (float)(i % 17) * 0.1f;
    CHILD(dl4c_session_run(s, &x, 1, &err) == DL4C_OK);
    CHILD(dl4c_session_output(s, 0, &y, &err) == DL4C_OK);
    CHILD(dl4c_tensor_size(y) == floats && memcmp(dl4c_tensor_data_const(y), wanted, (size_t)floats * sizeof *wanted) == 0);
    dl4c_tensor_unref(&x);
    /* A reader whose decoders stayed behind says so. */
    dl4c_status status = dl4c_source_reset(dl4c_reader_source(r), 0, 0, 0, &err);
    if (status == DL4C_OK)
        status = dl4c_source_next(dl4c_reader_source(r), 4, &b, &err);
    CHILD(status == DL4C_E_STATE && strstr(err.message, "fork"));
    dl4c_reader_close(&r);
    dl4c_session_destroy(&s);
    dl4c_graph_destroy(&trunk);
#if !UNDER_TSAN
    /* The same context works for new objects, and a new context too. */
    CHILD(whole_way(ctx, in_dir("child"), in_dir("child.zip"), &err) == DL4C_OK);
    dl4c_context_destroy(&ctx);
    CHILD(dl4c_context_create(NULL, &ctx, &err) == DL4C_OK);
    CHILD(whole_way(ctx, in_dir("child"), in_dir("child.zip"), &err) == DL4C_OK);
#endif
    dl4c_context_destroy(&ctx);
    return 0;
}

static void a_forked_child_works_afresh_or_says_why_not(void **state)
{
    (void)state;
    if (TEST_EMULATED) {
        print_message("skipped: qemu ends a child forked beside threads\n");
        skip();
    }
    struct dl4c_error err = DL4C_ERROR_INIT;
    struct dl4c_batch b = DL4C_BATCH_INIT;
    dl4c_context *ctx = context_of(3);
    dl4c_graph *trunk = build_trunk(ctx);
    dl4c_reader *r = NULL;
    dl4c_session *s = NULL;
    dl4c_tensor *x = NULL, *y = NULL;
    const int64_t shape[] = { 1, 3, 16, 16 };
    assert_non_null(trunk);
    must(dl4c_session_create(ctx, trunk, NULL, &s, &err), &err);
    must(dl4c_tensor_create(ctx, DL4C_F32, shape, 4, &x, &err), &err);
    for (int i = 0; i < 3 * 16 * 16; i++)
        ((float *)dl4c_tensor_data(x))[i] = (float)(i % 17) * 0.1f;
    must(dl4c_session_run(s, &x, 1, &err), &err); /* the pool may run now */
    must(dl4c_session_output(s, 0, &y, &err), &err);
    const int64_t floats = dl4c_tensor_size(y);
    float *wanted = malloc((size_t)floats * sizeof *wanted);
    memcpy(wanted, dl4c_tensor_data_const(y), (size_t)floats * sizeof *wanted);
    must(open_photos(ctx, trunk, &r, &err), &err);
    must(dl4c_source_reset(dl4c_reader_source(r), 0, 0, 0, &err), &err);
    must(dl4c_source_next(dl4c_reader_source(r), 2, &b, &err), &err); /* the decoders are at work */
    if (UNDER_ASAN)
        nanosleep(&(struct timespec){ .tv_sec = 1 }, NULL); /* ahead as far as they may, the decoders wait */
    int result[2], line = -1, status = -1;
    assert_int_equal(pipe(result), 0);
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        alarm(60); /* a hang ends as a failure */
        line = child_after_a_fork(ctx, trunk, r, s, wanted, floats);
        _exit(write(result[1], &line, sizeof line) != sizeof line);
    }
    close(result[1]);
    assert_int_equal(waitpid(child, &status, 0), child);
    /* Not by its status: what the decoders held when it was forked is lost in the child, and a leak checker would say so there. */
    assert_int_equal(read(result[0], &line, sizeof line), sizeof line);
    close(result[0]);
    assert_int_equal(line, 0);
    /* The parent goes on as before. */
    int64_t rows = b.n;
    do {
        must(dl4c_source_next(dl4c_reader_source(r), 2, &b, &err), &err);
        rows += b.n;
    } while (b.n > 0);
    assert_int_equal(rows, 9);
    must(dl4c_session_run(s, &x, 1, &err), &err);
    must(dl4c_session_output(s, 0, &y, &err), &err);
    assert_memory_equal(dl4c_tensor_data_const(y), wanted, (size_t)floats * sizeof *wanted);
    free(wanted);
    dl4c_tensor_unref(&x);
    dl4c_reader_close(&r);
    dl4c_session_destroy(&s);
    dl4c_graph_destroy(&trunk);
    dl4c_context_destroy(&ctx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_settings_of_the_process_stay_as_they_are),
        cmocka_unit_test(no_thread_starts_before_there_is_work_for_it),
        cmocka_unit_test(one_core_means_one_thread),
        cmocka_unit_test(a_forked_child_works_afresh_or_says_why_not),
    };
    return cmocka_run_group_tests(tests, make, clean);
}
