/* SPDX-License-Identifier: Apache-2.0 */
/* center_loss: an output layer that also keeps a centre of the features of each class: the score of a row has lambda / 2 times the squared
 * distance of the input from its class's centre beside its loss, and the input's gradient lambda times that difference. Centres are no
 * weights: whatever the updater, each moves by alpha times the mean difference of its rows, with one row more in the divisor, and that is
 * divided by the rows of the minibatch once more, as the reference does. In memory
 * W [in, units] column-major, b, cL [units, in] row-major, as Deeplearning4j stores them. Wen et al., "A Discriminative Feature Learning
 * Approach for Deep Face Recognition", ECCV 2016. */
#include "kernels/split.h"
#include "ops/linear.h"

struct center_loss {
    char *loss; /* a spec; first, where DLI_OP_OUTPUT promises it */
    struct dli_linear linear;
    double alpha, lambda;
    int64_t gradient_check;
};
#define CENTER(member) offsetof(struct center_loss, member)

static const struct dli_attr attrs[] = {
    DLI_LOSS_ATTR(struct center_loss),
    DLI_LINEAR_ATTRS(struct center_loss, linear),
    { .name = "alpha", .type = DL4C_ATTR_FLOAT, .offset = CENTER(alpha), .def = 0.05, .min = 0, .max = 1e30,
      .doc = "how far centres go towards the features of their class in a step" },
    { .name = "lambda", .type = DL4C_ATTR_FLOAT, .offset = CENTER(lambda), .def = 2e-4, .min = 0, .max = 1e30,
      .doc = "weight of the distance to the centre in the score" },
    { .name = "gradient_check", .type = DL4C_ATTR_INT, .offset = CENTER(gradient_check), .min = 0, .max = 1,
      .doc = "1: centres follow the gradient, lambda times alpha times the differences, not divided: Deeplearning4j's for its own tests" },
    { 0 },
};

static const struct dli_linear *linear(const void *attr) { return &((const struct center_loss *)attr)->linear; }
/* Which parameter the centres are. */
static int32_t centres(const struct center_loss *a) { return 1 + (int32_t)a->linear.has_bias; }

static dl4c_status infer(struct dli_infer *i, struct dl4c_error *err)
{
    DLI_TRY(dli_linear_infer(linear(i->attrs), i, "center_loss", err));
    i->param[i->n_params] = (struct dli_param_decl){
        .name = "cL", .role = DLI_PARAM_STAT, .order = 'c', .rank = 2, .divided = true,
        .shape = { i->param[0].shape[1], i->param[0].shape[0] }
    };
    i->n_params++;
    return DL4C_OK;
}

static dl4c_status prepare(struct dli_prepare *p, struct dl4c_error *err) { return dli_linear_prepare(linear(p->attrs), p, err); }

static void pack(const struct dli_prepare *p, const void *const *params, int32_t threads, void *packed)
{
    dli_linear_pack(linear(p->attrs), p, params, threads, packed);
}

static void forward(const struct dli_exec *x) { dli_linear_forward(linear(x->attrs), x); }

struct differences {
    const struct dli_exec *x;
    int64_t in, units;
    const void *centres;
    double *score; /* [n]: added to; or NULL */
};

/* How much row `row` belongs to a class: 1 or 0 of an index, what the target says otherwise. */
static double share(const struct dli_exec *x, int64_t units, int64_t row, int64_t class)
{
    const struct dli_targets *t = x->targets;
    return t->y ? (double)t->y[row * units + class] : units == 1 ? (double)t->labels[row] : (double)(t->labels[row] == class);
}

/* Of element i of a row from its centre, which is the mean of the classes' as the target weighs them. */
static double difference(const struct differences *d, int64_t row, int64_t i)
{
    double centre = 0;
    for (int64_t c = 0; c < d->units; c++) {
        const double s = share(d->x, d->units, row, c);
        if (s != 0)
            centre += s * (double)dli_param_at(d->centres, c * d->in + i);
    }
    return (double)d->x->in[0][row * d->in + i] - centre;
}

static void row_task(void *arg, size_t task, int32_t worker)
{
    const struct differences *d = arg;
    const struct dli_exec *x = d->x;
    const struct center_loss *a = x->attrs;
    const int64_t row = (int64_t)task;
    const double weight = a->lambda * (x->targets->rows ? (double)x->targets->rows[row] : 1.0);
    double sum = 0;
    (void)worker;
    for (int64_t i = 0; i < d->in; i++) {
        const double v = difference(d, row, i);
        sum += v * v;
        if (!d->score)
            x->din[0][row * d->in + i] = (float)((double)x->din[0][row * d->in + i] + weight * v);
    }
    if (d->score)
        d->score[row] += weight / 2 * sum;
}

static struct differences differences_of(const struct dli_exec *x, double *score)
{
    const struct center_loss *a = x->attrs;
    return (struct differences){ x, dli_row_elements(x->in_shape), a->linear.units, x->params[centres(a)], score };
}

static void score(const struct dli_exec *x, double *score)
{
    struct differences d = differences_of(x, score);
    dli_parallel(x->ctx, x->threads, (size_t)dli_in_rows(x, 0), row_task, &d);
}

/* What is subtracted from one centre: over the rows in order. */
static void centre_task(void *arg, size_t class, int32_t worker)
{
    const struct differences *d = arg;
    const struct dli_exec *x = d->x;
    const struct center_loss *a = x->attrs;
    const int64_t n = dli_in_rows(x, 0), c = (int64_t)class;
    float *out = x->dparam[centres(a)] + c * d->in;
    double rows = 1;
    (void)worker;
    for (int64_t row = 0; row < n; row++)
        rows += share(x, d->units, row, c);
    const double scale = -a->alpha * (a->gradient_check ? a->lambda : 1 / rows);
    for (int64_t i = 0; i < d->in; i++) {
        double sum = 0;
        for (int64_t row = 0; row < n; row++) {
            const double s = share(x, d->units, row, c);
            if (s != 0)
                sum += s * difference(d, row, i);
        }
        out[i] = (float)(scale * sum);
    }
}

static void backward(const struct dli_exec *x)
{
    const struct center_loss *a = x->attrs;
    struct differences d = differences_of(x, NULL);
    dli_linear_backward(linear(x->attrs), x);
    if (x->dparam[0] && !x->targets)
        memset(x->dparam[centres(a)], 0, (size_t)(d.in * d.units) * sizeof(float));
    if (!x->targets)
        return;
    if (x->din[0])
        dli_parallel(x->ctx, x->threads, (size_t)dli_in_rows(x, 0), row_task, &d);
    if (x->dparam[0])
        dli_parallel(x->ctx, x->threads, (size_t)d.units, centre_task, &d);
}

const struct dli_op dli_op_center_loss = {
    .name = "center_loss",
    .doc = "Fully connected layer with a loss and a centre of each class's features.",
    .dl4j = "CenterLossOutputLayer",
    .min_inputs = 1,
    .max_inputs = 1,
    .flags = DLI_OP_LAYER | DLI_OP_OUTPUT | DLI_OP_BACK_IN,
    .attrs = attrs,
    .attrs_size = sizeof(struct center_loss),
    .infer = infer,
    .prepare = prepare,
    .pack = pack,
    .forward = forward,
    .backward = backward,
    .score = score,
};
