/* SPDX-License-Identifier: Apache-2.0 */
/* Writes docs/reference/operators.md from the library's own descriptors: what exists and what attributes it takes. */
#include <dl4c/dl4c.h>

#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

/* The shortest of %g that reads back the same; whole numbers as they are. */
static void number(char *text, size_t size, double v)
{
    if (v == floor(v) && fabs(v) < 1e15) {
        snprintf(text, size, "%.0f", v);
        return;
    }
    for (int digits = 1; digits <= 17; digits++) {
        double back;
        snprintf(text, size, "%.*g", digits, v);
        if (sscanf(text, "%lf", &back) == 1 && back == v)
            return;
    }
}

/* '|' would end a cell of the table. */
static void cell(const char *text)
{
    for (; *text; text++)
        printf(*text == '|' ? "\\%c" : "%c", *text);
}

static void type_of(const struct dl4c_attr_info *a)
{
    static const char *const names[] = { "?", "int", "float", "text", "ints", "floats" };
    const char *name = a->type >= DL4C_ATTR_INT && a->type <= DL4C_ATTR_FLOATS ? names[a->type] : names[0];
    if (a->type < DL4C_ATTR_INTS)
        printf("%s", name);
    else if (a->count > 0)
        printf("%d %s", a->count, name);
    else
        printf("1 to 8 %s", name);
}

static void range_of(const struct dl4c_attr_info *a)
{
    char low[40], high[40];
    if (a->type == DL4C_ATTR_STR) {
        for (int32_t i = 0; i < a->n_choices; i++)
            printf("%s`%s`", i ? ", " : "", a->choices[i]);
        return;
    }
    number(low, sizeof low, a->min);
    number(high, sizeof high, a->max);
    const int from = a->min > -1e30, to = a->max < 1e30 && a->max < (double)(INT64_C(1) << 62);
    if (from && to)
        printf("%s to %s", low, high);
    else if (from)
        printf("at least %s", low);
    else if (to)
        printf("at most %s", high);
}

static void default_of(const struct dl4c_attr_info *a)
{
    char text[40];
    if (a->required) {
        printf("required");
    } else if (a->type == DL4C_ATTR_STR || a->def_text) {
        if (a->def_text && a->def_text[0])
            printf("`%s`", a->def_text);
    } else {
        number(text, sizeof text, a->def);
        printf("%s", text);
    }
}

static void attr_row(const struct dl4c_attr_info *a)
{
    printf("| `%s` | ", a->name);
    type_of(a);
    printf(" | ");
    default_of(a);
    printf(" | ");
    range_of(a);
    printf(" | ");
    cell(a->doc ? a->doc : "");
    printf(" |\n");
}

static const char table_head[] = "\n| attribute | type | default | range | meaning |\n|---|---|---|---|---|\n";

/* Attributes from..to of a descriptor as a table; nothing where there are none. */
static dl4c_status attr_table(int32_t kind, int32_t i, int32_t from, int32_t to, struct dl4c_error *err)
{
    for (int32_t k = from; k < to; k++) {
        struct dl4c_attr_info a = DL4C_ATTR_INFO_INIT;
        const dl4c_status status = dl4c_descriptor_attr(kind, i, k, &a, err);
        if (status != DL4C_OK)
            return status;
        if (k == from)
            printf("%s", table_head);
        attr_row(&a);
    }
    return DL4C_OK;
}

/* How many of the last attributes of every descriptor with parameters are the same: those common to all layers. */
static dl4c_status common_attrs(int32_t kind, int32_t *n, int32_t *of, struct dl4c_error *err)
{
    struct dl4c_descriptor first = DL4C_DESCRIPTOR_INIT;
    *n = INT32_MAX;
    *of = -1;
    for (int32_t i = 0; i < dl4c_descriptor_count(kind); i++) {
        struct dl4c_descriptor d = DL4C_DESCRIPTOR_INIT;
        if (dl4c_descriptor_get(kind, i, &d, err) != DL4C_OK)
            return err->status;
        if (!d.trainable)
            continue;
        if (*of < 0) {
            *of = i;
            first = d;
            *n = d.n_attrs;
            continue;
        }
        int32_t same = 0;
        while (same < *n && same < d.n_attrs) {
            struct dl4c_attr_info a = DL4C_ATTR_INFO_INIT, b = DL4C_ATTR_INFO_INIT;
            if (dl4c_descriptor_attr(kind, *of, first.n_attrs - 1 - same, &a, err) != DL4C_OK
                || dl4c_descriptor_attr(kind, i, d.n_attrs - 1 - same, &b, err) != DL4C_OK)
                return err->status;
            if (strcmp(a.name, b.name) != 0 || strcmp(a.doc, b.doc) != 0)
                break;
            same++;
        }
        *n = same;
    }
    if (*of < 0)
        *n = 0;
    return DL4C_OK;
}

static dl4c_status section(int32_t kind, const char *title, const char *intro, struct dl4c_error *err)
{
    const int32_t count = dl4c_descriptor_count(kind);
    int32_t common = 0, of = -1;
    if (count == 0)
        return DL4C_OK;
    printf("\n## %s\n\n%s\n", title, intro);
    if (common_attrs(kind, &common, &of, err) != DL4C_OK)
        return err->status;
    if (common > 0) {
        struct dl4c_descriptor d = DL4C_DESCRIPTOR_INIT;
        if (dl4c_descriptor_get(kind, of, &d, err) != DL4C_OK)
            return err->status;
        printf("\n### Common to all layers\n\nEvery operator with parameters takes these beside its own.\n");
        if (attr_table(kind, of, d.n_attrs - common, d.n_attrs, err) != DL4C_OK)
            return err->status;
    }
    for (int32_t i = 0; i < count; i++) {
        struct dl4c_descriptor d = DL4C_DESCRIPTOR_INIT;
        if (dl4c_descriptor_get(kind, i, &d, err) != DL4C_OK)
            return err->status;
        printf("\n### %s\n\n%s\n", d.name, d.doc ? d.doc : "");
        if (kind == DL4C_KIND_OP) {
            printf("\nInputs: ");
            if (d.max_inputs < 0)
                printf("%d or more", d.min_inputs);
            else if (d.max_inputs != d.min_inputs)
                printf("%d to %d", d.min_inputs, d.max_inputs);
            else
                printf("%d", d.min_inputs);
            printf(".%s\n", d.trainable ? " Has parameters: takes the common attributes too." : "");
        }
        if (attr_table(kind, i, 0, d.n_attrs - (d.trainable ? common : 0), err) != DL4C_OK)
            return err->status;
    }
    return DL4C_OK;
}

int main(void)
{
    struct dl4c_error err = DL4C_ERROR_INIT;
    printf("# Operators, updaters, schedules, losses, constraints, preprocessing\n\n"
           "<!-- Written by tools/opdoc from the descriptors; `meson compile -C build operators-page` renews it. -->\n\n"
           "Everything here is named and configured by one text form, `name:attribute=value,attribute=value`, in C\n"
           "(`dl4c_builder_add_text`), in options (`updater`, `lr_schedule`) and on the command line:\n"
           "`dense:units=257,activation=softmax`.\n"
           "Several numbers are joined by `x` (whole ones, `kernel=3x3`) or `;`. A value that is out of range, an attribute that does not\n"
           "exist or one that is missing is an error that names it. `dl4c_descriptor_get` and `dl4c_descriptor_attr` tell a\n"
           "program the same.\n");
    if (section(DL4C_KIND_OP, "Operators", "Shapes leave the batch out: an image is [channels, height, width].", &err) != DL4C_OK
        || section(DL4C_KIND_UPDATER, "Updaters", "For `dl4c_fit_options.updater` and `dl4c train --updater`.", &err) != DL4C_OK
        || section(DL4C_KIND_SCHEDULE, "Learning-rate schedules", "For `dl4c_fit_options.lr_schedule` and `dl4c train --lr-schedule`.",
                   &err) != DL4C_OK
        || section(DL4C_KIND_LOSS, "Losses", "For the attribute `loss` of the operators `output` and `loss`.", &err) != DL4C_OK
        || section(DL4C_KIND_CONSTRAINT, "Constraints", "For the attribute `constraints` of layers; several are joined by `;`.", &err)
               != DL4C_OK
        || section(DL4C_KIND_PREPROCESS, "Preprocessing",
                   "For `dl4c_reader_options.preprocess` and `--preprocess`. Defaults are those of the preset.", &err) != DL4C_OK) {
        fprintf(stderr, "opdoc: %s: %s\n", err.origin, err.message);
        return 1;
    }
    return fflush(stdout) != 0;
}
