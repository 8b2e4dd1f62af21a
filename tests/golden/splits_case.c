/* SPDX-License-Identifier: Apache-2.0 */
/* Paths as DataVec's filters pick and divide them: the recorded listing goes in, the recorded parts must come out, in order. */
#include "golden/golden.h"
#include <dl4c/reader.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_PATHS = 4096 };

struct splits {
    const char *path[MOST_PATHS];
    int64_t n, seed;
    /* of the filter that was read last */
    int64_t picked[MOST_PATHS], n_picked, at, ends[2];
    int32_t n_ends;
};

static void sample(struct gold *g, struct splits *s, const char *line)
{
    struct dl4c_sample_options o = DL4C_SAMPLE_OPTIONS_INIT;
    struct dl4c_error err = DL4C_ERROR_INIT;
    const bool balanced = strncmp(line, "Balanced", 8) == 0, limited = strstr(line, "maxPathsPerLabel=4") != NULL;
    const double weights[2] = { limited ? 50 : balanced ? 80 : 70, limited ? 50 : balanced ? 20 : 30 }; /* the recorder's */
    o.filter = balanced ? DL4C_SAMPLE_BALANCED : DL4C_SAMPLE_RANDOM;
    o.seed = s->seed;
    o.max_per_label = limited ? 4 : 0;
    o.weights = weights;
    o.n_weights = 2;
    s->at = 0;
    if (dl4c_sample_paths(NULL, s->path, s->n, &o, s->picked, &s->n_picked, s->ends, &s->n_ends, &err) != DL4C_OK)
        gold_fail(g, "%.100s: %s", line, err.message);
}

static void part(struct gold *g, struct splits *s, const char *line)
{
    int i = 0, n = 0;
    const char *at = strstr(line, " part ");
    if (!at || sscanf(at, " part %d n=%d", &i, &n) != 2 || i < 0 || i > 1) {
        gold_fail(g, "splits.txt: '%.100s' is not understood", line);
        return;
    }
    if (i == 0)
        sample(g, s, line);
    if (s->ends[i] - (i ? s->ends[0] : 0) != n)
        gold_fail(g, "%.100s: here %lld", line, (long long)(s->ends[i] - (i ? s->ends[0] : 0)));
}

void gold_splits(struct gold *g)
{
    static struct splits s;
    char path[1024];
    bool listing = false;
    gold_path(g, "splits.txt", path, sizeof path);
    char *text = test_read_file(path, NULL), *save = text;
    gold_mark(g, "splits.txt");
    memset(&s, 0, sizeof s);
    while (text && *text && !g->why[0]) {
        char *line = text, *end = strchr(text, '\n');
        text = end ? end + 1 : text + strlen(text);
        if (end)
            *end = '\0';
        if (strncmp(line, "FileSplit seed ", 15) == 0) {
            s.seed = strtoll(line + 15, NULL, 10);
            s.n = 0;
            listing = true;
        } else if (strncmp(line, "  ", 2) != 0) {
            listing = false;
            part(g, &s, line);
        } else if (listing && s.n < MOST_PATHS) {
            s.path[s.n++] = line + 2;
        } else if (s.at >= s.n_picked || strcmp(s.path[s.picked[s.at++]], line + 2) != 0) {
            gold_fail(g, "seed %lld: '%s' is not the path that is picked here", (long long)s.seed, line + 2);
        }
    }
    free(save);
}
