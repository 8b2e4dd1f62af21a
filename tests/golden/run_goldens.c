/* SPDX-License-Identifier: Apache-2.0 */
/* run_goldens DIR [PATTERN...]: compares the library with cases recorded from Deeplearning4j, one folder each, and prints one line a
 * case: name, PASS, FAIL, PARTIAL or SKIP, the worst relative error, a note. PASS: every file of the case was compared.
 * run_goldens --require DIR PATTERN...: the same, and the cases that match a pattern must PASS, those with '~' before must not FAIL. */
#define _POSIX_C_SOURCE 200809L
#include "golden/golden.h"

#include <dirent.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int by_name(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

static bool has_summaries(const struct gold *g)
{
    for (int i = 0; i < g->n_files; i++)
        if (strstr(g->file[i], ".summary"))
            return true;
    return false;
}

static void run(struct gold *g)
{
    if (gold_has(g, "unfrozen.zip"))
        gold_helper(g);
    else if (gold_has(g, "worker_log.jsonl"))
        gold_averaging(g);
    else if (gold_has(g, "predictions.npy") && gold_has(g, "stats.txt"))
        gold_evaluation(g);
    else if (!gold_has(g, "model.zip") && has_summaries(g))
        gold_summaries(g);
    else if (gold_has(g, "standardize_mean.npy"))
        gold_normalizers(g);
    else if (strcmp(g->name, "i_datavec") == 0)
        gold_datavec(g);
    else if (gold_has(g, "splits.txt"))
        gold_splits(g);
    else if (strcmp(g->name, "f_dropout_train_stats") == 0)
        gold_dropout(g);
    else if (gold_has(g, "model.zip") && gold_has(g, "input.npy"))
        gold_model(g);
    else
        snprintf(g->skip, sizeof g->skip, "nothing here compares such a case yet");
}

/* The files nobody looked at. */
static void list_open(struct gold *g)
{
    char text[400] = "";
    int n = 0;
    for (int i = 0; i < g->n_files; i++)
        if (g->state[i] == GOLD_OPEN && ++n && strlen(text) + strlen(g->file[i]) + 24 < sizeof text) {
            strcat(text, n > 1 ? ", " : "not compared: ");
            strcat(text, g->file[i]);
        }
    if (n)
        gold_left(g, "%s", text);
}

static void list_ignored(const struct gold *g, char *text, size_t size)
{
    text[0] = '\0';
    for (int i = 0, n = 0; i < g->n_files; i++)
        if (g->state[i] == GOLD_IGNORED && strlen(text) + strlen(g->file[i]) + 16 < size) {
            strcat(text, n++ ? ", " : "ignored: ");
            strcat(text, g->file[i]);
        }
}

static const char *judge(struct gold *g, char *note, size_t size)
{
    char ignored[600];
    run(g);
    list_open(g);
    list_ignored(g, ignored, sizeof ignored);
    snprintf(note, size, "%s%s%s",
             g->why[0]    ? g->why
             : g->skip[0] ? g->skip
                          : g->left,
             ignored[0] && (g->why[0] || g->skip[0] || g->left[0]) ? "; " : "", ignored);
    if (g->wide > 0) {
        const size_t at = strlen(note);
        snprintf(note + at, size - at, "%s%s off by %.3g, no more than rounding alone makes of it", at ? "; " : "", g->wide_file, g->wide);
    }
    return g->why[0] ? "FAIL" : g->skip[0] ? "SKIP" : g->left[0] ? "PARTIAL" : "PASS";
}

/* Whether the outcome is what --require asks for. */
static bool enough(const char *name, const char *outcome, char **patterns, int n)
{
    for (int i = 0; i < n; i++) {
        const bool mild = patterns[i][0] == '~';
        if (fnmatch(patterns[i] + mild, name, 0) == 0)
            return strcmp(outcome, "PASS") == 0 || (mild && strcmp(outcome, "PARTIAL") == 0);
    }
    return true;
}

static bool chosen(const char *name, char **patterns, int n)
{
    for (int i = 0; i < n; i++)
        if (fnmatch(patterns[i], name, 0) == 0)
            return true;
    return n == 0;
}

int main(int argc, char **argv)
{
    const bool require = argc > 1 && strcmp(argv[1], "--require") == 0;
    argc -= require;
    argv += require;
    if (argc < 2) {
        fprintf(stderr, "usage: run_goldens [--require] DIR [PATTERN...]\n");
        return 2;
    }
    DIR *d = opendir(argv[1]);
    if (!d) {
        printf("skipped: there is no folder %s\n", argv[1]);
        return 77;
    }
    enum { ROOM = 4096 };
    static char *name[ROOM];
    int n = 0, passed = 0, failed = 0, skipped = 0, short_of = 0;
    for (struct dirent *e; (e = readdir(d)) != NULL;)
        if (e->d_name[0] != '.' && n < ROOM && (require || chosen(e->d_name, argv + 2, argc - 2)))
            name[n++] = strdup(e->d_name);
    closedir(d);
    qsort(name, (size_t)n, sizeof *name, by_name);
    for (int i = 0; i < n; i++) {
        char note[1600];
        struct gold *g = gold_open(argv[1], name[i]);
        if (g) {
            const char *outcome = judge(g, note, sizeof note);
            printf("%s %s %.3g %s\n", name[i], outcome, g->worst, note);
            fflush(stdout);
            passed += strcmp(outcome, "PASS") == 0;
            failed += strcmp(outcome, "FAIL") == 0;
            skipped += strcmp(outcome, "SKIP") == 0 || strcmp(outcome, "PARTIAL") == 0;
            short_of += require && !enough(name[i], outcome, argv + 2, argc - 2);
            gold_close(g);
        }
        free(name[i]);
    }
    printf("%d passed, %d failed, %d skipped\n", passed, failed, skipped);
    if (short_of)
        printf("%d cases that must pass did not\n", short_of);
    return require ? short_of > 0 : failed > 0;
}
