/* SPDX-License-Identifier: Apache-2.0 */
/* dl4c train --class-weights FILE: CLASS<blank or tab>WEIGHT a line, where a class that is not named weighs 1; or one weight a line, for
 * all classes in their order. */
#include "cli.h"

#include <stdlib.h>
#include <string.h>

enum { MOST_BYTES = 64 << 20 };

struct weights {
    const char *uri;
    dl4c_features *f;
    int32_t n; /* classes */
    float *of;
    bool *given; /* [n] */
    int64_t line;
    int32_t numbers, names; /* lines of each kind so far */
};

/* What is shown of a line that may be anything: printable ASCII, not too much of it. */
static int bad_line(const struct weights *w, const char *line, const char *what)
{
    char shown[64];
    size_t n = 0;
    for (; line[n] && n < sizeof shown - 4; n++)
        shown[n] = line[n] >= ' ' && line[n] <= '~' ? line[n] : '?';
    memcpy(shown + n, line[n] ? "..." : "", line[n] ? 4 : 1);
    return cli_failed("%s: line %lld, \"%s\", %s", w->uri, (long long)w->line, shown, what);
}

/* The end of line is cut off already. Returns -1 to go on. */
static int read_line(struct weights *w, char *line)
{
    char *space = strrchr(line, ' '), *tab = strrchr(line, '\t'), *number = !space || (tab && tab > space) ? tab : space;
    double v;
    int32_t c = w->numbers;
    if (number) {
        for (c = 0; c < w->n; c++) {
            const char *name = dl4c_features_class(w->f, c);
            if (name && strlen(name) == (size_t)(number - line) && memcmp(name, line, strlen(name)) == 0)
                break;
        }
        w->names++;
    } else {
        w->numbers++;
    }
    if (w->names > 0 && w->numbers > 0)
        return bad_line(w, line, "is not like those before it: wanted a class and its weight in each, or a weight alone in each");
    if (!cli_read_number(number ? number + 1 : line, &v) || v < 0)
        return bad_line(w, line, "does not end with a weight of 0 or more");
    if (c >= w->n)
        return number ? bad_line(w, line, "does not begin with a class of the features") : bad_line(w, line, "is a weight too many");
    if (w->given[c])
        return bad_line(w, line, "names a class a second time");
    w->given[c] = true;
    w->of[c] = (float)v;
    return -1;
}

static int read_text(struct weights *w, char *text)
{
    for (char *line = text; *line;) {
        char *end = line + strcspn(line, "\n"), *next = *end ? end + 1 : end;
        *end = '\0';
        if (end > line && end[-1] == '\r')
            end[-1] = '\0';
        w->line++;
        const int status = *line ? read_line(w, line) : -1;
        if (status >= 0)
            return status;
        line = next;
    }
    if (w->names == 0 && w->numbers != w->n)
        return cli_failed("%s has %d weights for %d classes", w->uri, w->numbers, w->n);
    return -1;
}

int cli_read_class_weights(const char *uri, dl4c_features *f, float **weights)
{
    struct dl4c_error err = DL4C_ERROR_INIT;
    dl4c_fs_file *file = NULL;
    const int32_t n = dl4c_features_class_count(f);
    *weights = NULL;
    if (dl4c_fs_open(cli.ctx, uri, &file, &err) != DL4C_OK)
        return cli_fail(&err);
    const int64_t size = dl4c_fs_size(file);
    struct weights w = { .uri = uri, .f = f, .n = n };
    char *text = size <= MOST_BYTES ? malloc((size_t)size + 1) : NULL;
    w.of = calloc((size_t)n + 1, sizeof *w.of);
    w.given = calloc((size_t)n + 1, sizeof *w.given);
    int status;
    if (size > MOST_BYTES) {
        status = cli_failed("%s has %lld bytes, wanted a text of class weights", uri, (long long)size);
    } else if (!text || !w.of || !w.given) {
        status = cli_failed("no memory for %s", uri);
    } else if (dl4c_fs_read_at(file, 0, text, (size_t)size, &err) != DL4C_OK) {
        status = cli_fail(&err);
    } else if (memchr(text, '\0', (size_t)size)) {
        status = cli_failed("%s is no text: it has a byte 0", uri);
    } else {
        text[size] = '\0';
        for (int32_t i = 0; i < n; i++)
            w.of[i] = 1;
        status = read_text(&w, text + (strncmp(text, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0)); /* some editors put it before UTF-8 */
    }
    dl4c_fs_close(&file);
    free(text);
    free(w.given);
    if (status >= 0)
        free(w.of);
    else
        *weights = w.of;
    return status;
}
