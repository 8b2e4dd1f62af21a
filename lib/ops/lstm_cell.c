/* SPDX-License-Identifier: Apache-2.0 */
/* What lstm and graves_lstm do: [features, time] -> [units, time]. At each time z = x W + h RW + b of the last h, in four parts of `units`
 * columns: the new content i = cell(z_i), the gates f = gate(z_f + pf * c), g = gate(z_g + pg * c) of the last c; then c = f * c + g * i,
 * o = gate(z_o + po * c) of the new c, h = o * cell(c). Only graves_lstm has the peepholes pf, po, pg, else 0. In memory, as Deeplearning4j
 * has it: W [features, 4 units] column-major with the parts i, f, o, g; RW [units, 4 units] column-major, behind it the peepholes, a column
 * each for f, o, g; b. */
#include "ops/lstm_cell.h"
#include "kernels/dense.h"

#define LSTM(member) offsetof(struct dli_lstm, member)

const struct dli_attr dli_lstm_attrs[] = {
    { .name = "units", .type = DL4C_ATTR_INT, .required = true, .offset = LSTM(units), .min = 1, .max = 1 << 22,
      .doc = "length of the result at each time" },
    { .name = "cell", .type = DL4C_ATTR_STR, .offset = LSTM(cell), .def_text = "tanh", .choices = dli_cell_words,
      .doc = "function of the content" },
    { .name = "gate", .type = DL4C_ATTR_STR, .offset = LSTM(gate), .def_text = "sigmoid", .choices = dli_cell_words,
      .doc = "function of the gates" },
    { .name = "forget_bias", .type = DL4C_ATTR_FLOAT, .offset = LSTM(forget_bias), .def = 1, .min = -1e30, .max = 1e30,
      .doc = "what the biases of the gate f start at" },
    { .name = "n_in", .type = DL4C_ATTR_INT, .offset = LSTM(n_in), .min = 0, .max = 1 << 24,
      .doc = "features of the input; 0: as the input has" },
    { 0 },
};

enum { W, RW, B };

/* Offsets of what a run keeps, all by time: x, z as the functions take it, c, h; in scratch of the parts of z that come from the last h
 * and, on the way back, of gradients. */
struct state {
    size_t x_at, z_at, c_at, h_at, kept;
    size_t part_at, dz_at, dh_at, dc_at, dx_at, product_at;
    bool training;
};

dl4c_status dli_lstm_infer(struct dli_infer *i, const char *op, bool peephole, struct dl4c_error *err)
{
    const struct dli_lstm *a = i->attrs;
    int64_t in, count;
    DLI_TRY(dli_sequence_infer(i, op, a->units, a->n_in, &in, err));
    const struct dli_shape weight = { .rank = 2, .dim = { in, 4 * a->units } };
    const struct dli_shape again = { .rank = 2, .dim = { a->units, 4 * a->units + 3 } };
    DLI_TRY(dli_shape_elements(&weight, &count, err));
    DLI_TRY(dli_shape_elements(&again, &count, err));
    const double fan_in = (double)a->units, fan_out = (double)(in + a->units);
    i->n_params = 3;
    i->param[W] = (struct dli_param_decl){ .name = "W", .role = DLI_PARAM_WEIGHT, .order = 'f', .rank = 2, .shape = { in, 4 * a->units },
                                           .fan_in = fan_in, .fan_out = fan_out };
    i->param[RW] = (struct dli_param_decl){ .name = "RW", .role = DLI_PARAM_WEIGHT, .order = 'f', .rank = 2,
                                            .shape = { a->units, 4 * a->units + (peephole ? 3 : 0) }, .fan_in = fan_in,
                                            .fan_out = fan_out };
    i->param[B] = (struct dli_param_decl){ .name = "b", .role = DLI_PARAM_BIAS, .order = 'c', .rank = 1, .shape = { 4 * a->units },
                                           .other_first = a->units, .other_count = a->units, .init = (float)a->forget_bias };
    return DL4C_OK;
}

dl4c_status dli_lstm_prepare(struct dli_prepare *p, struct dl4c_error *err)
{
    const struct dli_lstm *a = p->attrs;
    const int64_t in = p->in->dim[0], time = p->in->dim[1], rows = p->batch * p->in->batch, back = p->mode == DLI_TRAIN ? rows : 0;
    struct state *s = dli_calloc(p->ctx, 1, sizeof *s, err);
    size_t bytes = 0, scratch;
    if (!s)
        return dli_alloc_status();
    p->state = s;
    s->training = p->mode == DLI_TRAIN;
    p->kernel = "lstm";
    p->in_layout[0] = p->out_layout = DLI_PLAIN;
    bool fits = dli_sequence_add(&bytes, &s->x_at, rows, time, in) && dli_sequence_add(&bytes, &s->z_at, rows, time, 4 * a->units) &&
                dli_sequence_add(&bytes, &s->c_at, rows, time, a->units) && dli_sequence_add(&bytes, &s->h_at, rows, time, a->units);
    s->kept = bytes;
    scratch = p->mode == DLI_TRAIN ? 0 : bytes;
    fits = fits && dli_sequence_add(&scratch, &s->part_at, rows, 1, 4 * a->units) &&
           dli_sequence_add(&scratch, &s->dz_at, back, time, 4 * a->units) && dli_sequence_add(&scratch, &s->dh_at, back, time, a->units) &&
           dli_sequence_add(&scratch, &s->dc_at, back, 1, a->units) && dli_sequence_add(&scratch, &s->dx_at, back, time, in);
    if (!fits)
        return dli_fail(err, DL4C_E_LIMIT, "lstm", "a batch of %" PRId64 " needs more scratch memory than sizes count", p->batch);
    s->product_at = scratch;
    if (p->mode == DLI_TRAIN) {
        const size_t first = dli_dense_backward_scratch(rows * time, in, 4 * a->units, p->workers);
        const size_t second = dli_dense_backward_scratch(rows * time, a->units, 4 * a->units, p->workers);
        scratch += first > second ? first : second;
        p->saved_bytes = s->kept;
    }
    p->scratch_bytes = scratch;
    return DL4C_OK;
}

/* One time of n rows. */
struct moment {
    const struct dli_lstm *a;
    const void *b, *peepholes; /* [4 units], [3][units] or NULL */
    const float *part;         /* [n][4 units], NULL at the first time */
    const float *before;       /* c of the last time, NULL at the first */
    float *z, *c, *h;
    /* on the way back; dz may not be z */
    const float *dh;
    float *dc, *dz;
};

static float seen(const struct moment *m, int64_t gate, int64_t j)
{
    return m->peepholes ? dli_param_at(m->peepholes, gate * m->a->units + j) : 0;
}

static void step_task(void *arg, size_t task, int32_t worker)
{
    const struct moment *m = arg;
    const int64_t u = m->a->units, row = (int64_t)task;
    float *z = m->z + row * 4 * u;
    (void)worker;
    for (int64_t j = 0; j < 4 * u; j++) {
        if (m->part)
            z[j] += m->part[row * 4 * u + j];
        z[j] += dli_param_at(m->b, j);
    }
    for (int64_t j = 0; j < u; j++) {
        const float before = m->before ? m->before[row * u + j] : 0;
        z[u + j] += seen(m, 0, j) * before;
        z[3 * u + j] += seen(m, 2, j) * before;
        const float c = dli_cell(m->a->gate, z[u + j]) * before + dli_cell(m->a->gate, z[3 * u + j]) * dli_cell(m->a->cell, z[j]);
        z[2 * u + j] += seen(m, 1, j) * c;
        m->c[row * u + j] = c;
        m->h[row * u + j] = dli_cell(m->a->gate, z[2 * u + j]) * dli_cell(m->a->cell, c);
    }
}

void dli_lstm_forward(const struct dli_exec *x, bool peephole)
{
    const struct dli_lstm *a = x->attrs;
    const struct state *s = x->state;
    const int64_t n = dli_in_rows(x, 0), in = x->in_shape->dim[0], time = x->in_shape->dim[1], u = a->units;
    void *kept = s->training ? x->saved : x->scratch;
    float *by_time = dli_sequence_at(kept, s->x_at), *z = dli_sequence_at(kept, s->z_at), *c = dli_sequence_at(kept, s->c_at);
    float *h = dli_sequence_at(kept, s->h_at), *part = dli_sequence_at(x->scratch, s->part_at);
    dli_sequence_in(x, n, in, time, x->in[0], by_time);
    dli_dense_run(x->ctx, x->threads, n * time, in, 4 * u, by_time, in, x->params[W], NULL, z);
    for (int64_t t = 0; t < time; t++) {
        if (t > 0)
            dli_dense_run(x->ctx, x->threads, n, u, 4 * u, h + (t - 1) * n * u, u, x->params[RW], NULL, part);
        struct moment m = { .a = a,
                            .b = x->params[B],
                            .peepholes = peephole ? (const char *)x->params[RW] + (size_t)(4 * u * u) * sizeof(float) : NULL,
                            .part = t > 0 ? part : NULL,
                            .before = t > 0 ? c + (t - 1) * n * u : NULL,
                            .z = z + t * n * 4 * u,
                            .c = c + t * n * u,
                            .h = h + t * n * u };
        dli_parallel(x->ctx, x->threads, (size_t)n, step_task, &m);
    }
    dli_sequence_out(x, n, u, time, h, x->out);
}

static void back_task(void *arg, size_t task, int32_t worker)
{
    const struct moment *m = arg;
    const struct dli_lstm *a = m->a;
    const int64_t u = a->units, row = (int64_t)task;
    const float *z = m->z + row * 4 * u;
    float *dz = m->dz + row * 4 * u;
    (void)worker;
    for (int64_t j = 0; j < u; j++) {
        const int64_t k = row * u + j;
        const float before = m->before ? m->before[k] : 0, content = dli_cell(a->cell, m->c[k]), dh = m->dh[k];
        dz[2 * u + j] = dh * content * dli_cell_slope(a->gate, z[2 * u + j]);
        const float dc = m->dc[k] + dh * dli_cell(a->gate, z[2 * u + j]) * dli_cell_slope(a->cell, m->c[k]) +
                         dz[2 * u + j] * seen(m, 1, j);
        dz[j] = dc * dli_cell(a->gate, z[3 * u + j]) * dli_cell_slope(a->cell, z[j]);
        dz[u + j] = dc * before * dli_cell_slope(a->gate, z[u + j]);
        dz[3 * u + j] = dc * dli_cell(a->cell, z[j]) * dli_cell_slope(a->gate, z[3 * u + j]);
        m->dc[k] = dc * dli_cell(a->gate, z[u + j]) + dz[u + j] * seen(m, 0, j) + dz[3 * u + j] * seen(m, 2, j);
    }
}

/* dst += src */
static void add(int64_t n, const float *src, float *dst)
{
    for (int64_t i = 0; i < n; i++)
        dst[i] += src[i];
}

/* The gradients of the peepholes: over the rows of all times, in order. */
static void peephole_gradient(const struct dli_lstm *a, int64_t n, int64_t time, const float *dz, const float *c, float *d)
{
    const int64_t u = a->units;
    for (int64_t j = 0; j < u; j++) {
        double sum[3] = { 0, 0, 0 };
        for (int64_t k = 0; k < n * time; k++) {
            const double before = k < n ? 0 : (double)c[(k - n) * u + j];
            sum[0] += (double)dz[k * 4 * u + u + j] * before;
            sum[1] += (double)dz[k * 4 * u + 2 * u + j] * (double)c[k * u + j];
            sum[2] += (double)dz[k * 4 * u + 3 * u + j] * before;
        }
        for (int64_t gate = 0; gate < 3; gate++)
            d[gate * u + j] = (float)sum[gate];
    }
}

void dli_lstm_backward(const struct dli_exec *x, bool peephole)
{
    const struct dli_lstm *a = x->attrs;
    const struct state *s = x->state;
    const int64_t n = dli_in_rows(x, 0), in = x->in_shape->dim[0], time = x->in_shape->dim[1], u = a->units;
    float *z = dli_sequence_at(x->saved, s->z_at), *c = dli_sequence_at(x->saved, s->c_at), *h = dli_sequence_at(x->saved, s->h_at);
    float *part = dli_sequence_at(x->scratch, s->part_at), *dz = dli_sequence_at(x->scratch, s->dz_at);
    float *dh = dli_sequence_at(x->scratch, s->dh_at), *dc = dli_sequence_at(x->scratch, s->dc_at);
    float *product = dli_sequence_at(x->scratch, s->product_at);
    dli_sequence_in(x, n, u, time, x->dout, dh);
    memset(dc, 0, (size_t)(n * u) * sizeof *dc);
    for (int64_t t = time - 1; t >= 0; t--) {
        struct moment m = { .a = a,
                            .peepholes = peephole ? (const char *)x->params[RW] + (size_t)(4 * u * u) * sizeof(float) : NULL,
                            .before = t > 0 ? c + (t - 1) * n * u : NULL,
                            .z = z + t * n * 4 * u,
                            .c = c + t * n * u,
                            .dh = dh + t * n * u,
                            .dc = dc,
                            .dz = dz + t * n * 4 * u };
        dli_parallel(x->ctx, x->threads, (size_t)n, back_task, &m);
        if (t > 0) {
            dli_dense_backward_data(x->ctx, x->threads, x->blas, n, u, 4 * u, m.dz, x->params[RW], part, product);
            add(n * u, part, dh + (t - 1) * n * u);
        }
    }
    if (x->dparam[W]) {
        dli_dense_backward_weight(x->ctx, x->threads, x->blas, n * time, in, 4 * u, dli_sequence_at(x->saved, s->x_at), in, dz,
                                  x->dparam[W], x->dparam[B], false, product);
        if (time > 1)
            dli_dense_backward_weight(x->ctx, x->threads, x->blas, n * (time - 1), u, 4 * u, h, u, dz + n * 4 * u, x->dparam[RW], NULL,
                                      false, product);
        else
            memset(x->dparam[RW], 0, (size_t)(4 * u * u) * sizeof(float));
        if (peephole)
            peephole_gradient(a, n, time, dz, c, x->dparam[RW] + 4 * u * u);
    }
    if (!x->din[0])
        return;
    float *dx = dli_sequence_at(x->scratch, s->dx_at);
    dli_dense_backward_data(x->ctx, x->threads, x->blas, n * time, in, 4 * u, dz, x->params[W], dx, product);
    dli_sequence_out(x, n, in, time, dx, x->din[0]);
}
