/* SPDX-License-Identifier: Apache-2.0 */
/* Files of a case, and comparing with them. */
#define _POSIX_C_SOURCE 200809L
#include "golden/golden.h"

#include <dirent.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static int by_name(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

/* Files below a folder, those of its folders too: "one_1x1.jpg/native_size.npy". */
static void list(struct gold *g, const char *below)
{
    char path[1024];
    snprintf(path, sizeof path, "%s/%s/%s", g->root, g->name, below);
    DIR *d = opendir(path);
    for (struct dirent *e; d && (e = readdir(d)) != NULL;) {
        char name[600];
        struct stat st;
        if (e->d_name[0] == '.')
            continue;
        snprintf(name, sizeof name, "%.300s%s%.250s", below, below[0] ? "/" : "", e->d_name);
        gold_path(g, name, path, sizeof path);
        if (stat(path, &st) == 0 && S_ISDIR(st.st_mode) && !below[0])
            list(g, name);
        else if (g->n_files < GOLD_FILES)
            g->file[g->n_files++] = strdup(name);
    }
    if (d)
        closedir(d);
}

struct gold *gold_open(const char *root, const char *name)
{
    char path[1024];
    struct stat st;
    snprintf(path, sizeof path, "%s/%s", root, name);
    struct gold *g = stat(path, &st) == 0 && S_ISDIR(st.st_mode) ? calloc(1, sizeof *g) : NULL;
    if (g) {
        g->root = root;
        g->name = name;
        list(g, "");
        qsort(g->file, (size_t)g->n_files, sizeof *g->file, by_name);
    }
    return g;
}

void gold_close(struct gold *g)
{
    for (int i = 0; i < g->n_files; i++)
        free(g->file[i]);
    free(g);
}

void gold_path(const struct gold *g, const char *file, char *path, size_t size)
{
    snprintf(path, size, "%s/%s/%s", g->root, g->name, file);
}

static int find(const struct gold *g, const char *file)
{
    for (int i = 0; i < g->n_files; i++)
        if (strcmp(g->file[i], file) == 0)
            return i;
    return -1;
}

bool gold_has(const struct gold *g, const char *file) { return find(g, file) >= 0; }

void gold_mark(struct gold *g, const char *file)
{
    const int i = find(g, file);
    g->compared++;
    if (i >= 0)
        g->state[i] = GOLD_COMPARED;
}

void gold_ignore(struct gold *g, const char *file)
{
    const int i = find(g, file);
    if (i >= 0)
        g->state[i] = GOLD_IGNORED;
}

void gold_fail(struct gold *g, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    if (!g->why[0])
        vsnprintf(g->why, sizeof g->why, fmt, args);
    va_end(args);
}

void gold_left(struct gold *g, const char *fmt, ...)
{
    const size_t n = strlen(g->left);
    va_list args;
    va_start(args, fmt);
    if (n + 3 < sizeof g->left) {
        if (n)
            memcpy(g->left + n, "; ", 3);
        vsnprintf(g->left + strlen(g->left), sizeof g->left - strlen(g->left), fmt, args);
    }
    va_end(args);
}

float *gold_array(struct gold *g, const char *file, int64_t *n, int64_t shape[4])
{
    char path[1024];
    gold_path(g, file, path, sizeof path);
    float *v = test_read_npy_f32(path, shape);
    if (!v)
        gold_fail(g, "%s is no array of floats", file);
    *n = shape[0] * shape[1] * shape[2] * shape[3];
    return v;
}

void gold_floats(struct gold *g, const char *file, const float *got, int64_t n, double tolerance)
{
    gold_floats_near(g, file, got, n, tolerance, NULL);
}

void gold_floats_near(struct gold *g, const char *file, const float *got, int64_t n, double tolerance, const float *more)
{
    int64_t want_n, shape[4];
    if (!gold_has(g, file))
        return;
    float *want = gold_array(g, file, &want_n, shape);
    if (!want)
        return;
    gold_mark(g, file);
    if (want_n != n) {
        gold_fail(g, "%s has %lld values, here are %lld", file, (long long)want_n, (long long)n);
    } else {
        double largest = 0, worst = 0;
        int64_t at = 0;
        for (int64_t i = 0; i < n; i++)
            largest = fmax(largest, fabs((double)want[i]));
        for (int64_t i = 0; i < n; i++) {
            const double scale = largest > 0 ? largest : 1, beyond = more ? (double)more[i] / scale : 0;
            double d = fabs((double)got[i] - (double)want[i]) / scale;
            if (d > tolerance && d <= tolerance + beyond) {
                if (d > g->wide) {
                    g->wide = d;
                    snprintf(g->wide_file, sizeof g->wide_file, "%s", file);
                }
                d = 0;
            }
            if (!(d <= worst)) { /* NaN is worst of all */
                worst = isnan(d) ? (double)INFINITY : d;
                at = i;
            }
        }
        g->worst = fmax(g->worst, worst);
        if (worst > tolerance)
            gold_fail(g, "%s: off by %.3g of the largest magnitude at %lld (%.9g, recorded %.9g)", file, worst, (long long)at,
                      (double)got[at], (double)want[at]);
    }
    free(want);
}

void gold_number(struct gold *g, const char *what, double got, double want, double largest, double tolerance)
{
    const double d = fabs(got - want) / (largest > 0 ? largest : 1);
    g->worst = fmax(g->worst, isnan(d) ? (double)INFINITY : d);
    if (!(d <= tolerance))
        gold_fail(g, "%s is %.17g, recorded %.17g", what, got, want);
}

void gold_text(struct gold *g, const char *file, const char *got)
{
    char path[1024];
    if (!gold_has(g, file))
        return;
    gold_path(g, file, path, sizeof path);
    char *want = test_read_file(path, NULL);
    gold_mark(g, file);
    if (!want || strcmp(want, got) != 0) {
        size_t at = 0, line = 1;
        for (; want && got[at] && got[at] == want[at]; at++)
            line += got[at] == '\n';
        gold_fail(g, "%s differs in line %zu", file, line);
    }
    free(want);
}

static int lines_of(char *text, char **line, int room)
{
    int n = 0;
    for (char *p = text; *p && n < room;) {
        line[n++] = p;
        char *end = strchr(p, '\n');
        if (!end)
            break;
        *end = '\0';
        p = end + 1;
    }
    qsort(line, (size_t)n, sizeof *line, by_name);
    return n;
}

void gold_lines(struct gold *g, const char *file, const char *got)
{
    enum { ROOM = 4096 };
    char path[1024];
    if (!gold_has(g, file))
        return;
    gold_path(g, file, path, sizeof path);
    char *want = test_read_file(path, NULL), *mine = strdup(got);
    char **a = calloc(2 * ROOM, sizeof *a), **b = a ? a + ROOM : NULL;
    gold_mark(g, file);
    if (!want || !mine || !a) {
        gold_fail(g, "%s cannot be read", file);
    } else {
        const int n = lines_of(mine, a, ROOM), m = lines_of(want, b, ROOM);
        for (int i = 0; i < n || i < m; i++)
            if (i >= n || i >= m || strcmp(a[i], b[i]) != 0) {
                gold_fail(g, "%s: \"%s\" here, \"%s\" recorded", file, i < n ? a[i] : "", i < m ? b[i] : "");
                break;
            }
    }
    free(want);
    free(mine);
    free(a);
}
