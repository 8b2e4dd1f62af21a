/* SPDX-License-Identifier: Apache-2.0 */
/* A source of one's own: examples made on the fly, two interleaved spirals, learnt by a small network. */
#include <dl4c/dl4c.h>
#include <math.h>
#include <stdio.h>

enum { ROWS = 400, MOST = 64 };

struct spirals {
    int64_t at;
    uint64_t step; /* coprime with ROWS: another order in every epoch */
    float x[MOST * 2];
    int64_t labels[MOST], index[MOST];
};

static dl4c_status info(void *user, struct dl4c_source_info *out, struct dl4c_error *err)
{
    static const char *const classes[] = { "inner", "outer" };
    (void)user;
    (void)err;
    out->rank = 1;
    out->shape[0] = 2;
    out->n_classes = 2;
    out->classes = classes;
    out->rows = ROWS;
    return DL4C_OK;
}

static dl4c_status reset(void *user, int32_t shuffle, uint64_t seed, int64_t epoch, struct dl4c_error *err)
{
    struct spirals *s = user;
    (void)err;
    s->at = 0;
    s->step = shuffle ? 2 * ((seed + (uint64_t)epoch) % 5) + 7 : 1;
    while (s->step % 2 == 0 || s->step % 5 == 0)
        s->step++;
    return DL4C_OK;
}

static dl4c_status next(void *user, int64_t max_rows, struct dl4c_batch *b, struct dl4c_error *err)
{
    struct spirals *s = user;
    (void)err;
    b->n = 0;
    while (b->n < max_rows && b->n < MOST && s->at < ROWS) {
        const int64_t i = (int64_t)((uint64_t)s->at++ * s->step % ROWS), label = i % 2;
        const double turn = (double)i / ROWS * 4.5, radius = 0.2 + turn / 4.5 * 0.8;
        s->x[2 * b->n] = (float)(radius * cos(turn + 3.14159265 * (double)label));
        s->x[2 * b->n + 1] = (float)(radius * sin(turn + 3.14159265 * (double)label));
        s->labels[b->n] = label;
        s->index[b->n++] = i;
    }
    b->x = s->x;
    b->labels = s->labels;
    b->index = s->index;
    return DL4C_OK;
}

int main(void)
{
    struct dl4c_error err = DL4C_ERROR_INIT;
    struct spirals spirals = { 0 };
    const struct dl4c_source_ops ops = { sizeof ops, info, reset, next, NULL };
    dl4c_source *source = NULL;
    dl4c_builder *b = NULL;
    dl4c_graph *net = NULL;
    dl4c_evaluation *eval = NULL;
    const int64_t shape[] = { 2 };
    const char *in[] = { "in" }, *h1[] = { "h1" }, *h2[] = { "h2" };

    if (dl4c_source_create(NULL, &ops, &spirals, NULL, &source, &err) || dl4c_builder_create(NULL, NULL, &b, &err))
        goto done;
    dl4c_builder_input(b, "in", shape, 1);
    dl4c_builder_add_text(b, "dense:units=32,activation=tanh", "h1", in, 1);
    dl4c_builder_add_text(b, "dense:units=32,activation=tanh", "h2", h1, 1);
    dl4c_builder_add_text(b, "output:units=2,activation=softmax,loss=negative_log_likelihood", "out", h2, 1);
    if (dl4c_builder_finish(&b, &net, &err))
        goto done;

    struct dl4c_fit_options fo = DL4C_FIT_OPTIONS_INIT;
    fo.epochs = 150;
    fo.updater = "adam:lr=0.01";
    if (dl4c_fit(net, source, &fo, &err) || dl4c_evaluate(net, source, NULL, &eval, &err))
        goto done;
    printf("accuracy %.3f on %lld points\n", dl4c_evaluation_accuracy(eval), (long long)dl4c_evaluation_count(eval));
done:
    dl4c_evaluation_destroy(&eval);
    dl4c_builder_destroy(&b);
    dl4c_graph_destroy(&net);
    dl4c_source_destroy(&source);
    if (err.status)
        fprintf(stderr, "%s: %s\n", err.origin, err.message);
    return err.status != DL4C_OK;
}
