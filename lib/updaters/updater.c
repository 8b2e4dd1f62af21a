/* SPDX-License-Identifier: Apache-2.0 */
/* The updaters of this build, and making one of its text form. */
#include "updaters/updater.h"
#include "base/kind.h"

#include <math.h>
#include <string.h>

#define DLI_UPDATER(name) extern const struct dli_updater dli_updater_##name;
#include "updater_list.inc"
#undef DLI_UPDATER

static const struct dli_updater *const table[] = {
#define DLI_UPDATER(name) &dli_updater_##name,
#include "updater_list.inc"
#undef DLI_UPDATER
};
enum { COUNT = sizeof table / sizeof *table };

const struct dli_updater *dli_updater_find(const char *name)
{
    for (int32_t i = 0; i < COUNT; i++)
        if (strcmp(table[i]->name, name) == 0)
            return table[i];
    return NULL;
}

bool dli_updater_kind(int32_t i, struct dli_kind_entry *e)
{
    if (i < 0 || i >= COUNT)
        return false;
    *e = (struct dli_kind_entry){ .name = table[i]->name, .doc = table[i]->doc, .attrs = table[i]->attrs };
    return true;
}

dl4c_status dli_updater_open(dl4c_context *ctx, const char *text, struct dli_updater_at *out, struct dl4c_error *err)
{
    struct dli_spec spec;
    memset(out, 0, sizeof *out);
    DLI_TRY(dli_spec_parse(ctx, text, &spec, err));
    dl4c_status status = DL4C_OK;
    const struct dli_updater *u = dli_updater_find(spec.name);
    if (!u)
        status = dli_kind_unknown("updater", dli_updater_kind, spec.name, err);
    if (status == DL4C_OK && !(out->attrs = dli_calloc(ctx, 1, u->attrs_size + 1, err))) /* never nothing */
        status = dli_alloc_status();
    if (status == DL4C_OK) {
        const struct dli_attr_set set = { u->attrs, out->attrs };
        status = dli_attrs_read(ctx, spec.name, &set, 1, spec.attrs, spec.n_attrs, err);
        if (status != DL4C_OK) { /* the struct holds nothing then */
            dli_free(out->attrs);
            out->attrs = NULL;
        }
    }
    dli_spec_free(&spec);
    if (status == DL4C_OK) {
        struct dli_strbuf b;
        out->updater = u;
        dli_strbuf_init(&b, ctx);
        dli_strbuf_add(&b, u->name);
        dli_attrs_print(u->attrs, out->attrs, &b);
        status = dli_strbuf_take(&b, &out->text, err);
    }
    if (status != DL4C_OK)
        dli_updater_close(out);
    return status;
}

void dli_updater_close(struct dli_updater_at *u)
{
    if (u->updater)
        dli_attrs_free(u->updater->attrs, u->attrs);
    dli_free(u->attrs);
    dli_free(u->text);
    memset(u, 0, sizeof *u);
}

static const struct dli_updater_head *head(const struct dli_updater_at *u)
{
    return u->updater->attrs && !u->updater->no_lr ? u->attrs : NULL;
}

double dli_updater_lr(const struct dli_updater_at *u) { return head(u) ? head(u)->lr : 1; }

const char *dli_updater_lr_schedule(const struct dli_updater_at *u) { return head(u) ? head(u)->lr_schedule : NULL; }

double dli_updater_momentum(const struct dli_updater_at *u, const char **schedule)
{
    *schedule = NULL;
    return u->updater->momentum ? u->updater->momentum(u->attrs, schedule) : 0;
}

float dli_updater_rest(float beta, int64_t t) { return 1.0f - (float)pow((double)beta, (double)t); }

const struct dli_attr dli_updater_moments_attrs[] = {
    DLI_UPDATER_HEAD(1e-3),
    { .name = "beta1",
      .type = DL4C_ATTR_FLOAT,
      .offset = offsetof(struct dli_updater_moments, beta1),
      .def = 0.9,
      .min = 0,
      .max = 1,
      .doc = "decay of the mean of gradients" },
    { .name = "beta2",
      .type = DL4C_ATTR_FLOAT,
      .offset = offsetof(struct dli_updater_moments, beta2),
      .def = 0.999,
      .min = 0,
      .max = 1,
      .doc = "decay of the mean of squared gradients" },
    { .name = "epsilon",
      .type = DL4C_ATTR_FLOAT,
      .offset = offsetof(struct dli_updater_moments, epsilon),
      .def = 1e-8,
      .min = 0,
      .max = 1e30,
      .doc = "added to the root, against division by zero" },
    { 0 },
};
