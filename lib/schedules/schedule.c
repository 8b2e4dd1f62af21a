/* SPDX-License-Identifier: Apache-2.0 */
/* The schedules of this build, and making one of its text form. */
#include "schedules/schedule.h"
#include "base/kind.h"

#include <string.h>

#define DLI_SCHEDULE(name) extern const struct dli_schedule dli_schedule_##name;
#include "schedule_list.inc"
#undef DLI_SCHEDULE

static const struct dli_schedule *const table[] = {
#define DLI_SCHEDULE(name) &dli_schedule_##name,
#include "schedule_list.inc"
#undef DLI_SCHEDULE
};
enum { COUNT = sizeof table / sizeof *table };

const char *const dli_schedule_by[] = { "iteration", "epoch", NULL };

const struct dli_schedule *dli_schedule_find(const char *name)
{
    for (int32_t i = 0; i < COUNT; i++)
        if (strcmp(table[i]->name, name) == 0)
            return table[i];
    return NULL;
}

bool dli_schedule_kind(int32_t i, struct dli_kind_entry *e)
{
    if (i < 0 || i >= COUNT)
        return false;
    *e = (struct dli_kind_entry){ .name = table[i]->name, .doc = table[i]->doc, .attrs = table[i]->attrs };
    return true;
}

enum { DEPTH = 8 }; /* of schedules in schedules */

static dl4c_status open_at(dl4c_context *ctx, const char *text, int depth, struct dli_schedule_at *out, struct dl4c_error *err)
{
    struct dli_spec spec;
    memset(out, 0, sizeof *out);
    if (depth == DEPTH)
        return dli_fail(err, DL4C_E_LIMIT, "schedule", "schedules stand in each other more than %d deep", DEPTH);
    DLI_TRY(dli_spec_parse(ctx, text, &spec, err));
    dl4c_status status = DL4C_OK;
    const struct dli_schedule *s = dli_schedule_find(spec.name);
    if (!s)
        status = dli_kind_unknown("schedule", dli_schedule_kind, spec.name, err);
    if (status == DL4C_OK && !(out->attrs = dli_calloc(ctx, 1, s->attrs_size, err)))
        status = dli_alloc_status();
    if (status == DL4C_OK) {
        const struct dli_attr_set set = { s->attrs, out->attrs };
        status = dli_attrs_read(ctx, spec.name, &set, 1, spec.attrs, spec.n_attrs, err);
    }
    dli_spec_free(&spec);
    if (status != DL4C_OK) {
        dli_free(out->attrs); /* the struct holds nothing then */
        out->attrs = NULL;
        return status;
    }
    out->schedule = s;
    if (s->open)
        status = s->open(ctx, out->attrs, &out->made, err);
    const char *inner = s->inner ? s->inner(out->attrs) : NULL;
    if (status == DL4C_OK && inner) {
        out->inner = dli_calloc(ctx, 1, sizeof *out->inner, err);
        status = out->inner ? open_at(ctx, inner, depth + 1, out->inner, err) : dli_alloc_status();
    }
    if (status != DL4C_OK)
        dli_schedule_close(out);
    return status;
}

dl4c_status dli_schedule_open(dl4c_context *ctx, const char *text, struct dli_schedule_at *out, struct dl4c_error *err)
{
    memset(out, 0, sizeof *out);
    return text ? open_at(ctx, text, 0, out, err) : DL4C_OK;
}

void dli_schedule_close(struct dli_schedule_at *s)
{
    if (s->inner)
        dli_schedule_close(s->inner);
    dli_free(s->inner);
    if (s->schedule)
        dli_attrs_free(s->schedule->attrs, s->attrs);
    dli_free(s->attrs);
    dli_free(s->made);
    memset(s, 0, sizeof *s);
}

double dli_schedule_value(const struct dli_schedule_at *s, double base, int64_t iteration, int64_t epoch)
{
    if (!s->schedule)
        return base;
    const struct dli_schedule_head *h = s->attrs;
    if (h->value > 0)
        base = h->value;
    if (s->inner)
        base = dli_schedule_value(s->inner, base, iteration, epoch);
    return s->schedule->value(s, base, h->by == DLI_BY_EPOCH ? epoch : iteration);
}
