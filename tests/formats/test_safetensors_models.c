/* SPDX-License-Identifier: Apache-2.0 */
/* Every recorded model of Deeplearning4j and every network of the zoo, saved as safetensors and loaded again: the same to the bit, and
 * the zip written from it too. */
#define _POSIX_C_SOURCE 200809L
#include "../fs/memory_fs.h"
#include "support/same_graph.h"
#include <dl4c/dl4c.h>

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

enum { MOST_PARAMS = 15 * 1000 * 1000 };

#define DIR_NAME "../shared/dl4j/goldens"

static struct dl4c_error err;
#define OK(what, expr)                                                                                                                     \
    do {                                                                                                                                   \
        if ((expr) != DL4C_OK)                                                                                                             \
            fail_msg("%s: %s: %s: %s", what, #expr, err.origin, err.message);                                                              \
    } while (0)

static struct memory_fs files;

static dl4c_context *context(void)
{
    dl4c_context *ctx;
    OK("context", dl4c_context_create(NULL, &ctx, &err));
    OK("context", dl4c_fs_register(ctx, &memory_fs_ops, &files, NULL, &err));
    files.map_works = 1;
    return ctx;
}

static void there_and_back(const char *what, dl4c_context *ctx, dl4c_graph *g, int zip)
{
    struct dl4c_save_options so = DL4C_SAVE_OPTIONS_INIT;
    dl4c_graph *again = NULL;
    so.updater = 1;
    OK(what, dl4c_model_save(g, "mem://h/m.safetensors", &so, &err));
    OK(what, dl4c_model_load(ctx, "mem://h/m.safetensors", NULL, &again, &err));
    same_graph(what, g, again);
    if (zip) {
        OK(what, dl4c_model_save(g, "mem://h/1.zip", &so, &err));
        OK(what, dl4c_model_save(again, "mem://h/2.zip", &so, &err));
        const struct memory_file *a = memory_fs_find(&files, "h/1.zip"), *b = memory_fs_find(&files, "h/2.zip");
        if (a->size != b->size || memcmp(a->bytes, b->bytes, a->size) != 0)
            fail_msg("%s: the zip of the loaded model is another", what);
    }
    dl4c_graph_destroy(&again);
}

static void every_recorded_model_comes_back_to_the_bit(void **state)
{
    static const char *const names[] = { "model.zip", "model_after5.zip", "unfrozen.zip", "source_model.zip", "model_after.zip" };
    DIR *d = opendir(DIR_NAME);
    int n = 0;
    if (!d) {
        print_message("skipped: no recorded models at " DIR_NAME "\n");
        skip();
    }
    for (const struct dirent *e; (e = readdir(d));)
        for (size_t k = 0; k < sizeof names / sizeof *names; k++) {
            char path[1024];
            dl4c_context *ctx = context();
            dl4c_graph *g = NULL;
            snprintf(path, sizeof path, DIR_NAME "/%s/%s", e->d_name, names[k]);
            const dl4c_status s = dl4c_model_load(ctx, path, NULL, &g, &err);
            if (s == DL4C_OK) {
                there_and_back(path, ctx, g, 1);
                n++;
            }
            dl4c_graph_destroy(&g);
            dl4c_context_destroy(&ctx);
            memory_fs_clear(&files);
        }
    closedir(d);
    if (n < 300)
        fail_msg("only %d recorded models were looked at", n);
}

/* Small images and few classes where the network takes them, and none of the largest: graphs are what differs from one to the next.
 * DL4C_TEST_FULL: all, as published. */
static void every_network_of_the_zoo_comes_back_to_the_bit(void **state)
{
    const char *env = getenv("DL4C_TEST_FULL");
    const int full = env && env[0] == '1';
    for (int32_t i = 0; i < dl4c_zoo_count(); i++) {
        struct dl4c_zoo_info info = DL4C_ZOO_INFO_INIT;
        struct dl4c_zoo_options o = DL4C_ZOO_OPTIONS_INIT;
        dl4c_context *ctx = context();
        dl4c_graph *g = NULL;
        OK("zoo", dl4c_zoo_get(i, &info, &err));
        if (!full && info.param_count > MOST_PARAMS) {
            print_message("skipped: %s has %lld parameters (DL4C_TEST_FULL=1 takes it)\n", info.name, (long long)info.param_count);
            dl4c_context_destroy(&ctx);
            memory_fs_clear(&files);
            continue;
        }
        if (!full) {
            o.n_classes = info.n_classes > 0 ? 5 : 0;
            o.height = o.width = 64;
        }
        dl4c_status s = dl4c_zoo_create(ctx, info.name, &o, &g, &err);
        if (s == DL4C_E_INVALID && o.height) { /* too small for this one */
            o.height = o.width = 0;
            s = dl4c_zoo_create(ctx, info.name, &o, &g, &err);
        }
        OK(info.name, s);
        there_and_back(info.name, ctx, g, 0);
        dl4c_graph_destroy(&g);
        dl4c_context_destroy(&ctx);
        memory_fs_clear(&files);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_recorded_model_comes_back_to_the_bit),
        cmocka_unit_test(every_network_of_the_zoo_comes_back_to_the_bit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
