/* SPDX-License-Identifier: Apache-2.0 */
/* Writes evaluations and measures of every kind to FOLDER, for Deeplearning4j to read: NAME.json, and NAME.txt with their stats(). */
#include <dl4c/evaluation.h>

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

enum { ROWS = 60, COLUMNS = 3 };

static const char *const names[COLUMNS] = { "cat", "a \"dog\"", "caf\xC3\xA9" };
static const char *folder;
static bool failed;

static void check(dl4c_status status, const struct dl4c_error *err)
{
    if (status != DL4C_OK) {
        fprintf(stderr, "%s\n", err->message);
        exit(1);
    }
}

static void put(const char *name, const char *end, char *text)
{
    char path[1024];
    snprintf(path, sizeof path, "%s/%s.%s", folder, name, end);
    FILE *f = fopen(path, "wb");
    failed |= !f || fputs(text, f) < 0 || fclose(f) != 0;
    dl4c_free(text);
}

/* Predictions with ties, and labels that follow them more often than not. */
static void rows(float *y, float *p, int n)
{
    uint32_t seed = 7;
    for (int i = 0; i < n; i++) {
        seed = seed * 1664525u + 1013904223u;
        p[i] = (float)(seed >> 24 & 31) / 31.0f;
        seed = seed * 1664525u + 1013904223u;
        y[i] = (seed >> 20 & 31) < (uint32_t)(31 * p[i]) ? 1.0f : 0.0f;
    }
}

static void measure(int32_t kind, int32_t steps, int32_t flags, bool named, bool thresholds)
{
    static const float own[COLUMNS] = { 0.25f, 0.5f, 0.3f };
    static int n;
    struct dl4c_measure_options o = DL4C_MEASURE_OPTIONS_INIT;
    struct dl4c_error err = DL4C_ERROR_INIT;
    dl4c_measure *m = NULL;
    float y[ROWS * COLUMNS], p[ROWS * COLUMNS];
    char name[32], *text = NULL;
    o.kind = kind;
    o.columns = kind == DL4C_MEASURE_ROC ? 2 : COLUMNS;
    o.steps = steps;
    o.flags = flags;
    o.names = named ? names : NULL;
    o.thresholds = thresholds ? own : NULL;
    rows(y, p, ROWS * o.columns);
    check(dl4c_measure_create(NULL, &o, &m, &err), &err);
    check(dl4c_measure_add(m, y, p, NULL, 0, ROWS, &err), &err);
    snprintf(name, sizeof name, "measure%02d", n++);
    check(dl4c_measure_dl4j_json(m, &text, &err), &err);
    put(name, "json", text);
    check(dl4c_measure_stats(m, &text, &err), &err);
    put(name, "txt", text);
    dl4c_measure_destroy(&m);
}

static void evaluation(int32_t classes, int32_t top_n, const float *costs, uint64_t flags)
{
    static int n;
    struct dl4c_evaluation_options o = DL4C_EVALUATION_OPTIONS_INIT;
    struct dl4c_error err = DL4C_ERROR_INIT;
    dl4c_evaluation *e = NULL;
    float y[ROWS * COLUMNS], p[ROWS * COLUMNS];
    int64_t labels[ROWS];
    char name[32], *text = NULL;
    o.n_classes = classes;
    o.top_n = top_n;
    o.classes = names;
    o.costs = costs;
    o.flags = flags;
    rows(y, p, ROWS * classes);
    for (int i = 0; i < ROWS; i++)
        labels[i] = y[i * classes] == 1.0f ? 0 : i % classes;
    check(dl4c_evaluation_create(NULL, &o, &e, &err), &err);
    check(dl4c_evaluation_add(e, p, labels, ROWS, &err), &err);
    snprintf(name, sizeof name, "evaluation%d", n++);
    check(dl4c_evaluation_dl4j_json(e, &text, &err), &err);
    put(name, "json", text);
    check(dl4c_evaluation_stats(e, 0, &text, &err), &err);
    put(name, "txt", text);
    dl4c_evaluation_destroy(&e);
}

int main(int argc, char **argv)
{
    static const float costs[] = { 0.5f, 3, 1 };
    if (argc != 2) {
        fprintf(stderr, "usage: measures FOLDER\n");
        return 2;
    }
    folder = argv[1];
    for (int32_t steps = 0; steps <= 30; steps += 30) {
        measure(DL4C_MEASURE_BINARY, steps, DL4C_MEASURE_WITH_ROC, steps > 0, false);
        measure(DL4C_MEASURE_ROC, steps, 0, false, false);
        measure(DL4C_MEASURE_ROC_BINARY, steps, 0, steps > 0, false);
        measure(DL4C_MEASURE_ROC_MULTICLASS, steps, 0, steps == 0, false);
    }
    measure(DL4C_MEASURE_BINARY, 0, 0, true, true);
    measure(DL4C_MEASURE_ROC, 0, DL4C_MEASURE_ALL_POINTS, false, false);
    measure(DL4C_MEASURE_REGRESSION, 0, 0, true, false);
    measure(DL4C_MEASURE_REGRESSION, 0, 0, false, false);
    measure(DL4C_MEASURE_CALIBRATION, 0, DL4C_MEASURE_EMPTY_BINS, false, false);
    for (uint64_t flags = 0; flags <= DL4C_EVALUATION_NO_POSITIVE; flags++)
        evaluation(2, 1, costs, flags);
    evaluation(3, 2, NULL, 0);
    evaluation(3, 1, costs, 0);
    return failed;
}
