/* SPDX-License-Identifier: Apache-2.0 */
/* dl4c_descriptor_*: what can be described by name and attributes. */
#include "constraints/constraint.h"
#include "image/preprocess.h"
#include "losses/loss.h"
#include "ops/op.h"
#include "schedules/schedule.h"
#include "updaters/updater.h"

/* Entry i of a kind; false where there is none. */
static bool entry(int32_t kind, int32_t i, struct dli_kind_entry *e)
{
    switch (kind) {
    case DL4C_KIND_OP: return dli_op_kind(i, e);
    case DL4C_KIND_UPDATER: return dli_updater_kind(i, e);
    case DL4C_KIND_SCHEDULE: return dli_schedule_kind(i, e);
    case DL4C_KIND_LOSS: return dli_loss_kind(i, e);
    case DL4C_KIND_PREPROCESS: return dli_preprocess_kind(i, e);
    case DL4C_KIND_CONSTRAINT: return dli_constraint_kind(i, e);
    default: return false;
    }
}

int32_t dl4c_descriptor_count(int32_t kind)
{
    struct dli_kind_entry e;
    int32_t n = 0;
    while (entry(kind, n, &e))
        n++;
    return n;
}

static int32_t attrs_count(const struct dli_attr *table)
{
    int32_t n = 0;
    while (table && table[n].name)
        n++;
    return n;
}

static dl4c_status find(int32_t kind, int32_t i, struct dli_kind_entry *e, struct dl4c_error *err)
{
    if (!entry(kind, i, e))
        return dli_fail(err, DL4C_E_INVALID, "descriptor", "kind %" PRId32 " has %" PRId32 " descriptors, there is no number %" PRId32,
                        kind, dl4c_descriptor_count(kind), i);
    return DL4C_OK;
}

dl4c_status dl4c_descriptor_get(int32_t kind, int32_t i, struct dl4c_descriptor *out, struct dl4c_error *err)
{
    struct dli_kind_entry e;
    DLI_TRY(find(kind, i, &e, err));
    const struct dl4c_descriptor d = { sizeof d,     e.name,       e.doc,
                                       e.min_inputs, e.max_inputs, attrs_count(e.attrs) + (e.trainable ? attrs_count(dli_layer_attrs) : 0),
                                       e.trainable };
    return dli_struct_out(out, &d, sizeof d, "descriptor", err);
}

dl4c_status dl4c_descriptor_attr(int32_t kind, int32_t i, int32_t a, struct dl4c_attr_info *out, struct dl4c_error *err)
{
    struct dli_kind_entry e;
    DLI_TRY(find(kind, i, &e, err));
    const int32_t own = attrs_count(e.attrs), all = own + (e.trainable ? attrs_count(dli_layer_attrs) : 0);
    if (a < 0 || a >= all)
        return dli_fail(err, DL4C_E_INVALID, "descriptor", "%s has %" PRId32 " attributes, there is no number %" PRId32, e.name, all, a);
    struct dl4c_attr_info info;
    dli_attrs_info(a < own ? &e.attrs[a] : &dli_layer_attrs[a - own], &info);
    if (kind == DL4C_KIND_PREPROCESS)
        dli_preprocess_default(i, &info);
    return dli_struct_out(out, &info, sizeof info, "descriptor", err);
}
