/* SPDX-License-Identifier: Apache-2.0 */
/* The constraints of this build, from their text form, and applying one to a parameter. */
#include "constraints/constraint.h"
#include "base/kind.h"

#include <math.h>
#include <string.h>

#define DLI_CONSTRAINT(name) extern const struct dli_constraint dli_constraint_##name;
#include "constraint_list.inc"
#undef DLI_CONSTRAINT

static const struct dli_constraint *const table[] = {
#define DLI_CONSTRAINT(name) &dli_constraint_##name,
#include "constraint_list.inc"
#undef DLI_CONSTRAINT
};
enum { COUNT = sizeof table / sizeof *table };

const struct dli_constraint *dli_constraint_find(const char *name)
{
    for (int32_t i = 0; i < COUNT; i++)
        if (strcmp(table[i]->name, name) == 0)
            return table[i];
    return NULL;
}

bool dli_constraint_kind(int32_t i, struct dli_kind_entry *e)
{
    if (i < 0 || i >= COUNT)
        return false;
    *e = (struct dli_kind_entry){ .name = table[i]->name, .doc = table[i]->doc, .attrs = table[i]->attrs };
    return true;
}

dl4c_status dli_constraint_next(dl4c_context *ctx, const char **list, char **spec, struct dl4c_error *err)
{
    const char *p = *list;
    int depth = 0;
    size_t n = 0;
    *spec = NULL;
    if (!p || !*p)
        return DL4C_OK;
    for (; p[n] && (p[n] != ';' || depth > 0); n++)
        depth += p[n] == '(' ? 1 : p[n] == ')' ? -1 : 0;
    *spec = dli_alloc(ctx, n + 1, err);
    if (!*spec)
        return dli_alloc_status();
    memcpy(*spec, p, n);
    (*spec)[n] = '\0';
    *list = p + n + (p[n] == ';');
    return DL4C_OK;
}

static dl4c_status parse(dl4c_context *ctx, const char *text, const struct dli_constraint **c, void **attrs, struct dl4c_error *err)
{
    struct dli_spec spec;
    *attrs = NULL;
    DLI_TRY(dli_spec_parse(ctx, text, &spec, err));
    dl4c_status status = DL4C_OK;
    *c = dli_constraint_find(spec.name);
    if (!*c)
        status = dli_kind_unknown("constraint", dli_constraint_kind, spec.name, err);
    if (status == DL4C_OK && !(*attrs = dli_calloc(ctx, 1, (*c)->attrs_size, err)))
        status = dli_alloc_status();
    if (status == DL4C_OK) {
        const struct dli_attr_set set = { (*c)->attrs, *attrs };
        status = dli_attrs_read(ctx, spec.name, &set, 1, spec.attrs, spec.n_attrs, err);
    }
    dli_spec_free(&spec);
    if (status != DL4C_OK) { /* the struct holds nothing then */
        dli_free(*attrs);
        *attrs = NULL;
    }
    return status;
}

static bool listed(const char *names, const char *name)
{
    const size_t length = strlen(name);
    for (const char *p = names; p && *p;) {
        const size_t n = strcspn(p, ";");
        if (n == length && memcmp(p, name, n) == 0)
            return true;
        p += n + (p[n] == ';');
    }
    return false;
}

dl4c_status dli_constraint_applies(dl4c_context *ctx, const char *spec, const char *param, bool *applies, struct dl4c_error *err)
{
    const struct dli_constraint *c;
    void *attrs;
    *applies = false;
    DLI_TRY(parse(ctx, spec, &c, &attrs, err));
    *applies = listed(((const struct dli_constraint_head *)attrs)->params, param);
    dli_attrs_free(c->attrs, attrs);
    dli_free(attrs);
    return DL4C_OK;
}

static dl4c_status lay_out(struct dli_constraint_at *c, const int64_t *shape, int32_t rank, char order, struct dl4c_error *err)
{
    const struct dli_constraint_head *h = c->attrs;
    c->n = c->n_norms = 1;
    for (int32_t a = 0; a < 4; a++)
        c->shape[a] = a < rank ? shape[a] : 1;
    for (int32_t k = 0; k < rank; k++) {
        const int32_t a = order == 'f' ? k : rank - 1 - k;
        bool over = h->dimensions.n == 0;
        for (int32_t d = 0; d < h->dimensions.n; d++)
            over = over || h->dimensions.v[d] == a;
        c->stride[a] = c->n;
        c->norm_stride[a] = over ? 0 : c->n_norms;
        c->n *= shape[a];
        c->n_norms *= over ? 1 : shape[a];
    }
    for (int32_t d = 0; d < h->dimensions.n; d++)
        if (h->dimensions.v[d] >= rank)
            return dli_fail(err, DL4C_E_INVALID, "constraint", "%s: dimension %" PRId64 " of a parameter with %" PRId32 " axes",
                            c->constraint->name, h->dimensions.v[d], rank);
    return DL4C_OK;
}

dl4c_status dli_constraint_open(dl4c_context *ctx, const char *spec, const int64_t *shape, int32_t rank, char order,
                                struct dli_constraint_at *c, struct dl4c_error *err)
{
    memset(c, 0, sizeof *c);
    dl4c_status status = parse(ctx, spec, &c->constraint, &c->attrs, err);
    if (status != DL4C_OK) {
        memset(c, 0, sizeof *c);
        return status;
    }
    if (c->constraint->factor) {
        status = lay_out(c, shape, rank, order, err);
        if (status == DL4C_OK && !(c->norms = dli_array(ctx, (size_t)c->n_norms, sizeof *c->norms, err)))
            status = dli_alloc_status();
    } else {
        c->n = 1;
        for (int32_t a = 0; a < rank; a++)
            c->n *= shape[a];
    }
    if (status != DL4C_OK)
        dli_constraint_close(c);
    return status;
}

void dli_constraint_close(struct dli_constraint_at *c)
{
    if (c->constraint)
        dli_attrs_free(c->constraint->attrs, c->attrs);
    dli_free(c->attrs);
    dli_free(c->norms);
    memset(c, 0, sizeof *c);
}

#define EACH(c, at, norm)                                                                                                                  \
    for (int64_t i0 = 0; i0 < (c)->shape[0]; i0++)                                                                                         \
        for (int64_t i1 = 0; i1 < (c)->shape[1]; i1++)                                                                                     \
            for (int64_t i2 = 0; i2 < (c)->shape[2]; i2++)                                                                                 \
                for (int64_t i3 = 0, at = i0 * (c)->stride[0] + i1 * (c)->stride[1] + i2 * (c)->stride[2],                                 \
                             norm = i0 * (c)->norm_stride[0] + i1 * (c)->norm_stride[1] + i2 * (c)->norm_stride[2];                        \
                     i3 < (c)->shape[3]; i3++, at += (c)->stride[3], norm += (c)->norm_stride[3])

void dli_constraint_apply(const struct dli_constraint_at *c, float *w)
{
    for (int64_t i = 0; c->constraint->element && i < c->n; i++)
        w[i] = c->constraint->element(c->attrs, w[i]);
    if (!c->constraint->factor)
        return;
    memset(c->norms, 0, (size_t)c->n_norms * sizeof *c->norms);
    EACH(c, at, norm)
    c->norms[norm] += (double)w[at] * (double)w[at];
    for (int64_t i = 0; i < c->n_norms; i++)
        c->norms[i] = c->constraint->factor(c->attrs, sqrt(c->norms[i]));
    EACH(c, at, norm)
    w[at] *= (float)c->norms[norm];
}
