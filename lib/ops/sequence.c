/* SPDX-License-Identifier: Apache-2.0 */
/* What operators on sequences share. */
#include "ops/sequence.h"
#include "kernels/split.h"

#include <math.h>

dl4c_status dli_sequence_infer(struct dli_infer *i, const char *op, int64_t units, int64_t n_in, int64_t *in, struct dl4c_error *err)
{
    if (i->in[0].rank != 2)
        return dli_fail(err, DL4C_E_INVALID, op, "vertex '%s': the input is %s, wanted [features, time]", i->vertex,
                        DLI_SHAPE_STR(&i->in[0]));
    DLI_TRY(dli_want_n_in(i, op, "features", i->in[0].dim[0], n_in, in, err));
    if (*in > 1 << 24)
        return dli_fail(err, DL4C_E_INVALID, op, "vertex '%s': the input has %" PRId64 " features, wanted at most %d", i->vertex, *in,
                        1 << 24);
    if (i->in[0].dim[1] == 0 || i->in[0].dim[1] > INT32_MAX)
        return dli_fail(err, DL4C_E_INVALID, op, "vertex '%s': the input %s has %" PRId64 " times, wanted 1 to %d", i->vertex,
                        DLI_SHAPE_STR(&i->in[0]), i->in[0].dim[1], INT32_MAX);
    i->out.rank = 2;
    i->out.batch = i->in[0].batch;
    i->out.dim[0] = units;
    i->out.dim[1] = i->in[0].dim[1];
    return DL4C_OK;
}

struct turn {
    int64_t n, features, time;
    const float *from;
    float *to;
    bool out;
};

static void turn_task(void *arg, size_t task, int32_t worker)
{
    const struct turn *t = arg;
    const int64_t row = (int64_t)task;
    (void)worker;
    for (int64_t f = 0; f < t->features; f++)
        for (int64_t k = 0; k < t->time; k++) {
            const int64_t a = (row * t->features + f) * t->time + k, b = (k * t->n + row) * t->features + f;
            if (t->out)
                t->to[a] = t->from[b];
            else
                t->to[b] = t->from[a];
        }
}

void dli_sequence_in(const struct dli_exec *x, int64_t n, int64_t features, int64_t time, const float *rows, float *times)
{
    struct turn t = { n, features, time, rows, times, false };
    dli_parallel(x->ctx, x->threads, (size_t)n, turn_task, &t);
}

void dli_sequence_out(const struct dli_exec *x, int64_t n, int64_t features, int64_t time, const float *times, float *rows)
{
    struct turn t = { n, features, time, times, rows, true };
    dli_parallel(x->ctx, x->threads, (size_t)n, turn_task, &t);
}

const char *const dli_cell_words[] = { "tanh", "sigmoid", "hard_sigmoid", "hard_tanh", "softsign", "relu", "identity", NULL };

static double sigmoid(double z) { return z >= 0 ? 1 / (1 + exp(-z)) : exp(z) / (1 + exp(z)); }

float dli_cell(int32_t function, float z)
{
    switch (function) {
    case DLI_CELL_TANH: return (float)tanh((double)z);
    case DLI_CELL_SIGMOID: return (float)sigmoid((double)z);
    case DLI_CELL_HARD_SIGMOID: return fminf(1, fmaxf(0, 0.2f * z + 0.5f));
    case DLI_CELL_HARD_TANH: return fminf(1, fmaxf(-1, z));
    case DLI_CELL_SOFTSIGN: return z / (1 + fabsf(z));
    case DLI_CELL_RELU: return z > 0 ? z : 0;
    default: return z;
    }
}

float dli_cell_slope(int32_t function, float z)
{
    switch (function) {
    case DLI_CELL_TANH: {
        const double y = tanh((double)z);
        return (float)(1 - y * y);
    }
    case DLI_CELL_SIGMOID: {
        const double y = sigmoid((double)z);
        return (float)(y * (1 - y));
    }
    case DLI_CELL_HARD_SIGMOID: return z > -2.5f && z < 2.5f ? 0.2f : 0;
    case DLI_CELL_HARD_TANH: return z > -1 && z < 1 ? 1 : 0;
    case DLI_CELL_SOFTSIGN: return 1 / ((1 + fabsf(z)) * (1 + fabsf(z)));
    case DLI_CELL_RELU: return z > 0 ? 1 : 0;
    default: return 1;
    }
}

bool dli_sequence_add(size_t *bytes, size_t *at, int64_t a, int64_t b, int64_t c)
{
    size_t n;
    *at = *bytes;
    return dli_mul_size((size_t)a, (size_t)b, &n) && dli_mul_size(n, (size_t)c, &n) && dli_mul_size(n, sizeof(float), &n) &&
           n <= SIZE_MAX / 2 && dli_add_size(*bytes, dli_round_up(n), bytes) && *bytes <= SIZE_MAX / 2;
}
