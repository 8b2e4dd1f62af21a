/* SPDX-License-Identifier: Apache-2.0 */
/* Shapes of values without the batch axis. */
#include "base/alloc.h"
#include "ops/op.h"

#include <stdio.h>

dl4c_status dli_shape_elements(const struct dli_shape *s, int64_t *n, struct dl4c_error *err)
{
    int64_t product = 1;
    bool known = true, zero = false;
    for (int32_t i = 0; i < s->rank; i++) {
        if (s->dim[i] < 0)
            known = false;
        else if (s->dim[i] == 0)
            zero = true;
        else if (!dli_mul_i64(product, s->dim[i], &product))
            return dli_fail(err, DL4C_E_INVALID, "shape", "%s has more elements than 64 bits count", DLI_SHAPE_STR(s));
    }
    *n = !known ? -1 : zero ? 0 : product;
    return DL4C_OK;
}

bool dli_shape_known(const struct dli_shape *s)
{
    for (int32_t i = 0; i < s->rank; i++)
        if (s->dim[i] < 0)
            return false;
    return true;
}

bool dli_shape_same(const struct dli_shape *a, const struct dli_shape *b)
{
    if (a->rank != b->rank || a->batch != b->batch)
        return false;
    for (int32_t i = 0; i < a->rank; i++)
        if (a->dim[i] != b->dim[i])
            return false;
    return true;
}

char *dli_shape_print(const struct dli_shape *s, char *buf, size_t size)
{
    size_t n = 0;
    for (int32_t i = 0; i <= s->rank && n < size; i++) {
        const char *before = i == 0 ? "[" : i < s->rank ? ", " : "";
        if (i == s->rank)
            n += (size_t)snprintf(buf + n, size - n, "%s]", before);
        else if (s->dim[i] < 0)
            n += (size_t)snprintf(buf + n, size - n, "%s?", before);
        else
            n += (size_t)snprintf(buf + n, size - n, "%s%" PRId64, before, s->dim[i]);
    }
    return buf;
}
