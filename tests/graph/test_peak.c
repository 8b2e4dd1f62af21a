/* SPDX-License-Identifier: Apache-2.0 */
/* What VGG16 takes of memory at its peak, from its file to the first result, each time in a process of its own: a peak never goes back.
 * It draws and writes half a gigabyte: DL4C_TEST_FULL=1 asks for it. */
#define _GNU_SOURCE
#include <dl4c/dl4c.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MB = 1000000, SKIPPED = 77 };

static char file[300];

/* ---- in a process of their own -------------------------------------------------------------------------------- */

static dl4c_status make(const char *path, struct dl4c_error *err)
{
    dl4c_graph *g = NULL;
    dl4c_status status = dl4c_zoo_create(NULL, "vgg16", NULL, &g, err);
    if (status == DL4C_OK)
        status = dl4c_model_save(g, path, NULL, err);
    dl4c_graph_destroy(&g);
    return status;
}

static dl4c_status first_result(const char *path, uint64_t flags, struct dl4c_error *err)
{
    static const int64_t shape[] = { 1, 3, 224, 224 };
    struct dl4c_context_options co = DL4C_CONTEXT_OPTIONS_INIT;
    struct dl4c_session_options so = DL4C_SESSION_OPTIONS_INIT;
    dl4c_context *ctx = NULL;
    dl4c_graph *g = NULL;
    dl4c_session *s = NULL;
    dl4c_tensor *x = NULL;
    co.threads = 2;
    so.batch = 1;
    so.flags = flags;
    dl4c_status status = dl4c_context_create(&co, &ctx, err);
    if (status == DL4C_OK)
        status = dl4c_model_load(ctx, path, NULL, &g, err);
    if (status == DL4C_OK)
        status = dl4c_session_create(ctx, g, &so, &s, err);
    if (status == DL4C_OK)
        status = dl4c_tensor_create(ctx, DL4C_F32, shape, 4, &x, err);
    if (status == DL4C_OK)
        status = dl4c_session_run(s, &x, 1, err);
    dl4c_tensor_unref(&x);
    dl4c_session_destroy(&s);
    dl4c_graph_destroy(&g);
    dl4c_context_destroy(&ctx);
    return status;
}

static int work(const char *what, const char *path)
{
    struct dl4c_error err = DL4C_ERROR_INIT;
    const dl4c_status status = strcmp(what, "make") == 0 ? make(path, &err)
                                                         : first_result(path, strcmp(what, "low") == 0 ? DL4C_SESSION_LOW_MEMORY : 0, &err);
    if (status != DL4C_OK)
        fprintf(stderr, "%s: %s: %s\n", what, err.origin, err.message);
    return status == DL4C_OK ? 0 : 1;
}

/* ---- the tests ------------------------------------------------------------------------------------------------ */

/* The peak of the process's own memory, the pages of mapped files that it looked at included, in bytes. */
static double peak_of(const char *what)
{
    struct rusage usage;
    int status = 0;
    const pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        execl("/proc/self/exe", "test_peak", what, file, (char *)NULL);
        _exit(127);
    }
    assert_int_equal(wait4(pid, &status, 0, &usage), pid);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    return (double)usage.ru_maxrss * 1024;
}

static void low_memory_needs_a_fifth_more_than_the_weights_and_60_mb(void **state)
{
    (void)state;
    const double weights = 138357544 * 4.0, low = peak_of("low"), fast = peak_of("default");
    print_message("weights %.0f MB, peak %.0f MB with memory=low, %.0f MB without\n", weights / MB, low / MB, fast / MB);
    assert_true(low < 1.2 * weights + 60 * MB);
    /* The convolutions' 58.8 MB of weights become four times as large, and nothing is there twice. */
    assert_true(fast < 1.2 * weights + 60 * MB + 3 * 58.8 * MB);
}

static int make_file(void **state)
{
    const char *folder = getenv("TMPDIR");
    snprintf(file, sizeof file, "%s/dl4c-peak-%ld.safetensors", folder && strlen(folder) < 200 ? folder : "/tmp", (long)getpid());
    (void)state;
    return peak_of("make") > 0 ? 0 : 1;
}

static int remove_file(void **state)
{
    (void)state;
    return remove(file);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(low_memory_needs_a_fifth_more_than_the_weights_and_60_mb, make_file, remove_file),
    };
    const char *full = getenv("DL4C_TEST_FULL");
    if (argc == 3)
        return work(argv[1], argv[2]);
    if (TEST_SLOW || !full || strcmp(full, "1") != 0) {
        puts(TEST_SLOW ? "skipped: sanitizers and coverage take memory of their own"
                       : "skipped: VGG16 is drawn and written (DL4C_TEST_FULL=1 takes it)");
        return SKIPPED;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
