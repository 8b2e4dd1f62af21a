/* SPDX-License-Identifier: Apache-2.0 */
/* map: from each iteration or epoch of a list on, the value that stands with it. */
#include "schedules/schedule.h"

#include "base/number.h"

#include <math.h>
#include <string.h>

struct map {
    struct dli_schedule_head head;
    char *values;
};

/* Made of the text. */
struct entries {
    int64_t n;
    struct entry {
        int64_t at;
        double value;
    } e[];
};

static const struct dli_attr attrs[] = {
    DLI_SCHEDULE_HEAD,
    { .name = "values",
      .type = DL4C_ATTR_STR,
      .required = true,
      .offset = offsetof(struct map, values),
      .doc = "\"0:0.1;500:0.01\": iteration or epoch and value, from 0 on, rising" },
    { 0 },
};

static dl4c_status read_one(const char *p, size_t length, int64_t before, struct entry *e, struct dl4c_error *err)
{
    const char *colon = memchr(p, ':', length);
    double at;
    if (!colon || !dli_parse_double(p, (size_t)(colon - p), &at) ||
        !dli_parse_double(colon + 1, (size_t)(p + length - colon - 1), &e->value) || !(at >= 0 && at <= 0x1p52) || at != floor(at) ||
        !isfinite(e->value))
        return dli_fail(err, DL4C_E_INVALID, "map", "values: \"%.60s\" does not begin with ITERATION:VALUE", p);
    e->at = (int64_t)at;
    if (e->at <= before || (before < 0 && e->at != 0))
        return dli_fail(err, DL4C_E_INVALID, "map", "values: iterations begin at 0 and rise, found %" PRId64 " after %" PRId64, e->at,
                        before);
    return DL4C_OK;
}

static dl4c_status read_entries(dl4c_context *ctx, const void *attr, void **made, struct dl4c_error *err)
{
    const char *p = ((const struct map *)attr)->values;
    size_t n = 1, bytes;
    for (const char *c = p; *c; c++)
        n += *c == ';';
    if (!dli_mul_size(n, sizeof(struct entry), &bytes) || !dli_add_size(bytes, sizeof(struct entries), &bytes))
        return dli_fail(err, DL4C_E_LIMIT, "map", "values is too long");
    struct entries *all = dli_alloc(ctx, bytes, err);
    if (!all)
        return dli_alloc_status();
    all->n = (int64_t)n;
    for (int64_t i = 0, before = -1; i < all->n; i++) {
        const size_t length = strcspn(p, ";");
        const dl4c_status status = read_one(p, length, before, &all->e[i], err);
        if (status != DL4C_OK) {
            dli_free(all);
            return status;
        }
        before = all->e[i].at;
        p += length + 1;
    }
    *made = all;
    return DL4C_OK;
}

static double value(const struct dli_schedule_at *s, double base, int64_t at)
{
    const struct entries *all = s->made;
    (void)base;
    int64_t i = all->n - 1;
    while (i > 0 && all->e[i].at > at)
        i--;
    return all->e[i].value;
}

const struct dli_schedule dli_schedule_map = {
    .name = "map",
    .doc = "Values by a list.",
    .dl4j = "MapSchedule",
    .attrs = attrs,
    .attrs_size = sizeof(struct map),
    .open = read_entries,
    .value = value,
};
