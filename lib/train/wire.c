/* SPDX-License-Identifier: Apache-2.0 */
/* The settings of a worker, written and read. */
#include "train/wire.h"
#include "base/escape.h"
#include "train/workers.h"
#include "transport/frame.h"

#include <jansson.h>
#include <math.h>
#include <string.h>

enum { MOST_WEIGHTS = 1 << 20, MOST_BATCH = 1 << 24, MOST_FREQUENCY = 1 << 20, MOST_PREFETCH = 1 << 20 };

uint32_t dli_rows_checksum(const struct dli_rows *r, const int64_t *first, const int64_t *count, int64_t steps)
{
    uint32_t crc = 0;
    for (int64_t s = 0; s < steps; s++) {
        if (count[s] == 0)
            continue;
        crc = dli_crc32c(crc, r->x + first[s] * r->row, (size_t)(count[s] * r->row) * sizeof *r->x);
        crc = dli_crc32c(crc, r->labels + first[s], (size_t)count[s] * sizeof *r->labels);
    }
    return crc;
}

dl4c_status dli_settings_write(dl4c_context *ctx, const struct dli_settings *s, char **text, struct dl4c_error *err)
{
    struct dli_strbuf b;
    dli_strbuf_init(&b, ctx);
    dli_strbuf_add(&b, "{\"updater\": ");
    dli_strbuf_json(&b, s->updater);
    dli_strbuf_add(&b, ", \"l1\": ");
    dli_strbuf_json_num(&b, s->l1);
    dli_strbuf_add(&b, ", \"l2\": ");
    dli_strbuf_json_num(&b, s->l2);
    dli_strbuf_addf(&b, ", \"seed_high\": %" PRIu64 ", \"seed_low\": %" PRIu64, s->seed >> 32, s->seed & UINT32_MAX);
    dli_strbuf_addf(&b, ", \"batch\": %" PRId64 ", \"frequency\": %" PRId64, s->batch, s->frequency);
    dli_strbuf_addf(&b, ", \"gradients\": %s, \"exchange\": %" PRId32, s->gradients ? "true" : "false", s->exchange);
    dli_strbuf_addf(&b, ", \"prefetch\": %" PRId64 ", \"average_state\": %s, \"shape\": [", s->prefetch,
                    s->average_state ? "true" : "false");
    for (int32_t r = 0; r < s->shape.rank; r++)
        dli_strbuf_addf(&b, "%s%" PRId64, r ? ", " : "", s->shape.dim[r]);
    dli_strbuf_add(&b, "], \"class_weights\": [");
    for (int32_t i = 0; i < s->n_class_weights; i++) {
        dli_strbuf_add(&b, i ? ", " : "");
        dli_strbuf_json_num(&b, (double)s->class_weights[i]);
    }
    dli_strbuf_add(&b, "], \"store\": ");
    dli_strbuf_json(&b, s->store ? s->store : "");
    dli_strbuf_add(&b, ", \"digest\": ");
    dli_strbuf_json(&b, s->store ? s->digest : "");
    dli_strbuf_add(&b, "}");
    return dli_strbuf_take(&b, text, err);
}

static dl4c_status wrong(const char *key, struct dl4c_error *err)
{
    return dli_fail(err, DL4C_E_CORRUPT, "worker", "the settings of the training: \"%s\" is missing or out of range", key);
}

static dl4c_status integer(const json_t *o, const char *key, int64_t least, int64_t most, int64_t *out, struct dl4c_error *err)
{
    const json_t *v = json_object_get(o, key);
    *out = json_integer_value(v);
    return json_is_integer(v) && *out >= least && *out <= most ? DL4C_OK : wrong(key, err);
}

static dl4c_status number(const json_t *o, const char *key, double *out, struct dl4c_error *err)
{
    const json_t *v = json_object_get(o, key);
    *out = json_number_value(v);
    return json_is_number(v) && *out >= 0 && *out < 1e30 ? DL4C_OK : wrong(key, err);
}

static dl4c_status read_shape(const json_t *o, struct dl4c_shape *shape, struct dl4c_error *err)
{
    const json_t *list = json_object_get(o, "shape");
    const size_t n = json_array_size(list);
    if (n < 1 || n >= DL4C_MAX_RANK)
        return wrong("shape", err);
    shape->rank = (int32_t)n;
    for (size_t i = 0; i < n; i++) {
        const json_t *v = json_array_get(list, i);
        if (!json_is_integer(v) || json_integer_value(v) < 1)
            return wrong("shape", err);
        shape->dim[i] = json_integer_value(v);
    }
    return DL4C_OK;
}

static dl4c_status read_weights(dl4c_context *ctx, const json_t *o, struct dli_settings *s, struct dl4c_error *err)
{
    const json_t *list = json_object_get(o, "class_weights");
    const size_t n = json_array_size(list);
    if (!json_is_array(list) || n > MOST_WEIGHTS)
        return wrong("class_weights", err);
    if (n == 0)
        return DL4C_OK;
    if (!(s->class_weights = dli_array(ctx, n, sizeof *s->class_weights, err)))
        return dli_alloc_status();
    s->n_class_weights = (int32_t)n;
    for (size_t i = 0; i < n; i++) {
        const json_t *v = json_array_get(list, i);
        if (!json_is_number(v))
            return wrong("class_weights", err);
        s->class_weights[i] = (float)json_number_value(v);
    }
    return DL4C_OK;
}

/* A text that is empty where there is none. */
static dl4c_status text(dl4c_context *ctx, const json_t *o, const char *key, char **out, struct dl4c_error *err)
{
    const char *found = json_string_value(json_object_get(o, key));
    if (!found)
        return wrong(key, err);
    *out = *found ? dli_strdup(ctx, found, err) : NULL;
    return !*found || *out ? DL4C_OK : dli_alloc_status();
}

static dl4c_status read_all(dl4c_context *ctx, const json_t *o, struct dli_settings *s, struct dl4c_error *err)
{
    const char *updater = json_string_value(json_object_get(o, "updater"));
    int64_t high, low, exchange;
    if (!updater)
        return wrong("updater", err);
    if (!(s->updater = dli_strdup(ctx, updater, err)))
        return dli_alloc_status();
    DLI_TRY(number(o, "l1", &s->l1, err));
    DLI_TRY(number(o, "l2", &s->l2, err));
    DLI_TRY(integer(o, "seed_high", 0, UINT32_MAX, &high, err));
    DLI_TRY(integer(o, "seed_low", 0, UINT32_MAX, &low, err));
    s->seed = (uint64_t)high << 32 | (uint64_t)low;
    DLI_TRY(integer(o, "batch", 1, MOST_BATCH, &s->batch, err));
    DLI_TRY(integer(o, "frequency", 1, MOST_FREQUENCY, &s->frequency, err));
    DLI_TRY(integer(o, "prefetch", 0, MOST_PREFETCH, &s->prefetch, err));
    DLI_TRY(integer(o, "exchange", DL4C_EXCHANGE_F32, DL4C_EXCHANGE_BF16, &exchange, err));
    s->exchange = (int32_t)exchange;
    s->gradients = json_is_true(json_object_get(o, "gradients"));
    s->average_state = json_is_true(json_object_get(o, "average_state"));
    DLI_TRY(read_shape(o, &s->shape, err));
    DLI_TRY(text(ctx, o, "store", &s->store, err));
    DLI_TRY(text(ctx, o, "digest", &s->digest, err));
    return read_weights(ctx, o, s, err);
}

dl4c_status dli_settings_read(dl4c_context *ctx, const char *text, size_t size, struct dli_settings *s, struct dl4c_error *err)
{
    memset(s, 0, sizeof *s);
    json_t *o = json_loadb(text, size, JSON_REJECT_DUPLICATES, NULL);
    const dl4c_status status = json_is_object(o) ? read_all(ctx, o, s, err) : wrong("{", err);
    json_decref(o);
    if (status != DL4C_OK)
        dli_settings_free(s);
    return status;
}

void dli_settings_free(struct dli_settings *s)
{
    dli_free(s->updater);
    dli_free(s->class_weights);
    dli_free(s->store);
    dli_free(s->digest);
    memset(s, 0, sizeof *s);
}
