/* SPDX-License-Identifier: Apache-2.0 */
/* Drawing for the operators that are random in training. */
#include "ops/noise.h"
#include "base/rng.h"
#include "kernels/split.h"

#include <math.h>

struct loop {
    struct dli_split split;   /* of groups of four elements */
    int64_t elements, groups; /* of a row */
    uint64_t key;
    dli_noise_fn f;
    const float *c, *in;
    float *out;
};

static void task(void *arg, size_t t, int32_t worker)
{
    const struct loop *l = arg;
    int64_t first, last;
    (void)worker;
    dli_split_range(&l->split, t, &first, &last);
    for (int64_t g = first; g < last; g++) {
        const int64_t row = g / l->groups, at = (g - row * l->groups) * 4, n = l->elements - at < 4 ? l->elements - at : 4;
        uint32_t r[4];
        dli_philox(l->key, (uint64_t)row, (uint64_t)at, r);
        l->f(l->c, r, n, l->in + row * l->elements + at, l->out + row * l->elements + at);
    }
}

void dli_noise_run(const struct dli_exec *x, bool off, dli_noise_fn f, const float c[4], const float *in, float *out)
{
    const int64_t elements = dli_row_elements(x->in_shape), rows = dli_in_rows(x, 0);
    if (!x->training || off) {
        dli_copy(x, rows * elements, in, out);
        return;
    }
    struct loop l = { .elements = elements, .groups = (elements + 3) / 4, .f = f, .c = c, .in = in, .out = out };
    uint32_t key[4];
    dli_philox(x->seed, (uint64_t)DLI_STREAM_DROPOUT << 32 | x->vertex, x->iteration, key);
    l.key = (uint64_t)key[1] << 32 | key[0];
    l.split = dli_split_items(rows * l.groups, 64); /* a group costs as much as streaming some 64 floats */
    dli_parallel(x->ctx, x->threads, l.split.n_tasks, task, &l);
}

void dli_noise_normal(const uint32_t r[4], float z[4])
{
    for (int k = 0; k < 4; k += 2) {
        const double size = sqrt(-2 * log(((double)r[k] + 1) * 0x1p-32)), turn = 6.283185307179586476925 * ((double)r[k + 1] * 0x1p-32);
        z[k] = (float)(size * cos(turn));
        z[k + 1] = (float)(size * sin(turn));
    }
}
