/* SPDX-License-Identifier: Apache-2.0 */
/* The configurations that Deeplearning4j wrote of its own zoo, ../shared/dl4j/json: each loads with the parameters recorded beside it, or
 * is refused by the name of what is not here. */
#define _POSIX_C_SOURCE 200809L
#include "formats/dl4j/config.h"
#include <dl4c/model.h>

#include <stdarg.h>
#include <setjmp.h>
#include <cmocka.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DIR_JSON "../shared/dl4j/json/"
/* Random numbers for more parameters take seconds; those networks are built and their parameters counted. */
enum { MOST_DRAWN = 30000000 };

static const char *const refused[][2] = { { "TinyYOLO.json", "Yolo2OutputLayer" }, { "YOLO2.json", "Yolo2OutputLayer" } };

/* The sum of the lengths in a table of key, shape, order, offset, length. */
static int64_t recorded(const char *file)
{
    char path[300], line[512];
    long long total = 0, length;
    snprintf(path, sizeof path, DIR_JSON "%.*s.params.tsv", (int)(strlen(file) - 5), file);
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    while (fgets(line, sizeof line, f))
        if (sscanf(line, "%*s [%*[^]]] %*c %*d %lld", &length) == 1)
            total += length;
    fclose(f);
    assert_true(total > 0);
    return total;
}

/* Without drawing them. */
static int64_t parameters(const char *path)
{
    struct dl4c_error err = DL4C_ERROR_INIT;
    struct dli_dl4j_config c;
    char *updater = NULL;
    dl4c_builder *b = NULL;
    int64_t n = 0;
    json_t *root = json_load_file(path, 0, NULL);
    assert_non_null(root);
    assert_int_equal(dl4c_builder_create(NULL, NULL, &b, &err), DL4C_OK);
    if (dli_dl4j_config_read(dli_context(NULL, NULL), root, &c, &err) != DL4C_OK ||
        dli_dl4j_config_build(&c, b, &updater, &err) != DL4C_OK || dli_graph_resolve(dli_builder_graph(b), false, &err) != DL4C_OK)
        fail_msg("%s: %s", path, err.message);
    const dl4c_graph *g = dli_builder_graph(b);
    for (int32_t i = 0; i < g->n_vertices; i++)
        for (int32_t k = 0; k < g->vertices[i].n_params; k++) {
            int64_t count = 1;
            for (int32_t r = 0; r < g->vertices[i].decl[k].rank; r++)
                count *= g->vertices[i].decl[k].shape[r];
            n += count;
        }
    dli_free(updater);
    dli_dl4j_config_free(&c);
    dl4c_builder_destroy(&b);
    json_decref(root);
    return n;
}

static void check(const char *file)
{
    struct dl4c_error err = DL4C_ERROR_INIT;
    char path[300];
    dl4c_graph *g = NULL;
    int64_t total;
    snprintf(path, sizeof path, DIR_JSON "%s", file);
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
        if (strcmp(file, refused[i][0]) == 0) {
            assert_int_equal(dl4c_model_load(NULL, path, NULL, &g, &err), DL4C_E_UNSUPPORTED);
            assert_null(g);
            assert_non_null(strstr(err.message, refused[i][1]));
            return;
        }
    const int64_t want = recorded(file), found = parameters(path);
    if (found != want)
        fail_msg("%s: %lld parameters, recorded %lld", file, (long long)found, (long long)want);
    if (want > MOST_DRAWN)
        return;
    if (dl4c_model_load(NULL, path, NULL, &g, &err) != DL4C_OK)
        fail_msg("%s", err.message);
    dl4c_graph_param_count(g, &total, NULL, NULL);
    assert_int_equal(total, want);
    dl4c_graph_destroy(&g);
}

static void every_network_of_the_zoo_loads_or_is_refused_by_name(void **state)
{
    (void)state;
    DIR *d = opendir(DIR_JSON);
    int found = 0;
    for (const struct dirent *e; (e = readdir(d)) != NULL;) {
        const size_t n = strlen(e->d_name);
        if (n < 6 || n > 200 || strcmp(e->d_name + n - 5, ".json") != 0)
            continue;
        check(e->d_name);
        found++;
    }
    closedir(d);
    assert_true(found >= 16);
}

int main(void)
{
    DIR *d = opendir(DIR_JSON);
    if (!d) {
        printf("skipped: no files at " DIR_JSON "\n");
        return 77;
    }
    closedir(d);
    const struct CMUnitTest tests[] = { cmocka_unit_test(every_network_of_the_zoo_loads_or_is_refused_by_name) };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
