/* SPDX-License-Identifier: Apache-2.0 */
/* Losses against their formulas in double: scores term by term, gradients as differences of those scores, before and after the
 * activation; weights, clipping, labels as targets, bits, and what the text form refuses. */
#include "losses/loss.h"
#include "support/fail_alloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

enum { K = 5, N = 6 };

static struct dli_loss_at opened(const char *spec, int64_t k)
{
    struct dli_loss_at l;
    struct dl4c_error err = DL4C_ERROR_INIT;
    if (dli_loss_open(NULL, spec, k, &l, &err) != DL4C_OK)
        fail_msg("%s: %s", spec, err.message);
    return l;
}

/* ---- the formulas: one row of k outputs, in double ---- */

typedef double (*score_fn)(int64_t k, const double *a, const double *y, const double *w);

/* Bishop, "Pattern Recognition and Machine Learning", 2006, eq. 4.108. */
static double cross_entropy(int64_t k, const double *a, const double *y, const double *w)
{
    double sum = 0;
    for (int64_t j = 0; j < k; j++)
        sum -= w[j] * y[j] * log(a[j]);
    return sum;
}
/* The same, eq. 4.90, for each output. */
static double binary_cross_entropy(int64_t k, const double *a, const double *y, const double *w)
{
    double sum = 0;
    for (int64_t j = 0; j < k; j++)
        sum -= w[j] * (y[j] * log(a[j]) + (1 - y[j]) * log(1 - a[j]));
    return sum;
}
static double squares(int64_t k, const double *a, const double *y, const double *w)
{
    double sum = 0;
    for (int64_t j = 0; j < k; j++)
        sum += w[j] * (a[j] - y[j]) * (a[j] - y[j]);
    return sum;
}
static double mean_of_squares(int64_t k, const double *a, const double *y, const double *w) { return squares(k, a, y, w) / (double)k; }

static double differences(int64_t k, const double *a, const double *y, const double *w)
{
    double sum = 0;
    for (int64_t j = 0; j < k; j++)
        sum += w[j] * fabs(a[j] - y[j]);
    return sum;
}
static double mean_of_differences(int64_t k, const double *a, const double *y, const double *w)
{
    return differences(k, a, y, w) / (double)k;
}
static double percents(int64_t k, const double *a, const double *y, const double *w)
{
    double sum = 0;
    for (int64_t j = 0; j < k; j++)
        sum += w[j] * 100 * fabs((y[j] - a[j]) / y[j]);
    return sum / (double)k;
}
static double logarithms(int64_t k, const double *a, const double *y, const double *w)
{
    double sum = 0;
    for (int64_t j = 0; j < k; j++)
        sum += w[j] * pow(log(1 + a[j]) - log(1 + y[j]), 2);
    return sum / (double)k;
}
static double margins(int64_t k, const double *a, const double *y, const double *w)
{
    double sum = 0;
    for (int64_t j = 0; j < k; j++)
        sum += w[j] * (y[j] * a[j] < 1 ? 1 - y[j] * a[j] : 0);
    return sum;
}
static double squared_margins(int64_t k, const double *a, const double *y, const double *w)
{
    double sum = 0;
    for (int64_t j = 0; j < k; j++)
        sum += w[j] * (y[j] * a[j] < 1 ? pow(1 - y[j] * a[j], 2) : 0);
    return sum;
}
/* Targets of 0 count as 1e-5, as the reference has it. */
static double divergence(int64_t k, const double *a, const double *y, const double *w)
{
    double sum = 0;
    for (int64_t j = 0; j < k; j++)
        sum += w[j] * fmax(y[j], 1e-5) * (log(fmax(y[j], 1e-5)) - log(a[j]));
    return sum;
}
static double counts(int64_t k, const double *a, const double *y, const double *w)
{
    double sum = 0;
    for (int64_t j = 0; j < k; j++)
        sum += w[j] * (a[j] - y[j] * log(a[j]));
    return sum;
}
static double products(int64_t k, const double *a, const double *y, const double *w)
{
    double sum = 0;
    for (int64_t j = 0; j < k; j++)
        sum += w[j] * a[j] * y[j];
    return sum / (double)k;
}
static double cosine(int64_t k, const double *a, const double *y, const double *w)
{
    double dot = 0, aa = 0, yy = 0;
    for (int64_t j = 0; j < k; j++) {
        dot += w[j] * a[j] * y[j];
        aa += a[j] * a[j];
        yy += y[j] * y[j];
    }
    return -dot / sqrt(aa * yy);
}

static void softmax(int64_t k, const double *z, double *a)
{
    double sum = 0;
    for (int64_t j = 0; j < k; j++)
        sum += exp(z[j]);
    for (int64_t j = 0; j < k; j++)
        a[j] = exp(z[j]) / sum;
}
static void sigmoid(int64_t k, const double *z, double *a)
{
    for (int64_t j = 0; j < k; j++)
        a[j] = 1 / (1 + exp(-z[j]));
}

static const struct {
    const char *name;
    score_fn score;
    int32_t fused_with; /* DLI_LOSS_ACT_*; OTHER: never fused */
    bool binary, no_weights;
} followed[] = {
    { "cosine_proximity", cosine, DLI_LOSS_ACT_OTHER, false, true },
    { "hinge", margins, DLI_LOSS_ACT_OTHER, false, true },
    { "kld", divergence, DLI_LOSS_ACT_OTHER, false, true },
    { "l1", differences, DLI_LOSS_ACT_OTHER, true },
    { "mae", mean_of_differences, DLI_LOSS_ACT_OTHER, true },
    { "mape", percents, DLI_LOSS_ACT_OTHER, false },
    { "msle", logarithms, DLI_LOSS_ACT_OTHER, true },
    { "poisson", counts, DLI_LOSS_ACT_OTHER, false, true },
    { "sparse_mcxent", cross_entropy, DLI_LOSS_ACT_SOFTMAX, false },
    { "squared_hinge", squared_margins, DLI_LOSS_ACT_OTHER, false, true },
    { "wasserstein", products, DLI_LOSS_ACT_OTHER, false, true },
    { "l2", squares, DLI_LOSS_ACT_OTHER, true },
    { "mcxent", cross_entropy, DLI_LOSS_ACT_SOFTMAX, false },
    { "mse", mean_of_squares, DLI_LOSS_ACT_OTHER, true },
    { "negative_log_likelihood", cross_entropy, DLI_LOSS_ACT_SOFTMAX, false },
    { "xent", binary_cross_entropy, DLI_LOSS_ACT_SIGMOID, true },
};
enum { FOLLOWED = sizeof followed / sizeof *followed };

static void every_loss_of_the_build_is_followed(void **state)
{
    (void)state;
    struct dli_kind_entry e;
    int32_t n = 0;
    for (; dli_loss_kind(n, &e); n++) {
        size_t k = 0;
        while (k < FOLLOWED && strcmp(followed[k].name, e.name) != 0)
            k++;
        if (strcmp(e.name, "fmeasure") == 0 || strcmp(e.name, "multi_label") == 0 || strcmp(e.name, "mixture_density") == 0)
            continue; /* below */
        if (k == FOLLOWED)
            fail_msg("%s has no formula above", e.name);
        const struct dli_loss *l = dli_loss_find(e.name);
        assert_string_equal(l->name, e.name);
        assert_non_null(l->dl4j);
        assert_int_equal(l->binary, followed[k].binary);
        assert_int_equal(e.attrs && strcmp(e.attrs[0].name, "weights") == 0, !followed[k].no_weights);
        for (int32_t act = DLI_LOSS_ACT_OTHER; act <= DLI_LOSS_ACT_SIGMOID; act++)
            assert_int_equal(l->can_fuse && l->can_fuse(act), act != DLI_LOSS_ACT_OTHER && act == followed[k].fused_with);
    }
    assert_int_equal(n, FOLLOWED + 3);
    assert_false(dli_loss_kind(-1, &e));
    assert_null(dli_loss_find("hindsight"));
}

static const double weights_of[K] = { 1, 0.25, 3, 0.5, 2 };
static const double ones[K] = { 1, 1, 1, 1, 1 };
static const char weights_text[] = "(weights=1;0.25;3;0.5;2)";

/* z of row i; a and targets in (0, 1), the targets of a row summing to 1. */
static void make_row(int i, double *z, double *y)
{
    double sum = 0;
    for (int j = 0; j < K; j++) {
        z[j] = 1.7 * sin(2.0 * i + 1.1 * j);
        y[j] = 0.1 + (double)((i * 3 + j * j) % 7);
        sum += y[j];
    }
    for (int j = 0; j < K; j++)
        y[j] = (double)(float)(y[j] / sum);
}

struct problem {
    float a[N * K], y[N * K], grad[N * K], rows[N];
    double score[N];
};

/* Score and gradient of N rows, with targets, weights of the rows and, where asked, of the outputs. */
static void check_against_differences(size_t k, bool weighted, bool fused)
{
    char spec[96];
    snprintf(spec, sizeof spec, "%s%s", followed[k].name, weighted ? weights_text : "");
    struct dli_loss_at l = opened(spec, K);
    const double *w = weighted ? weights_of : ones;
    const int32_t act = fused ? followed[k].fused_with : DLI_LOSS_ACT_OTHER;
    struct problem p;
    double z[N][K], y[N][K], a[N][K];
    for (int i = 0; i < N; i++) {
        make_row(i, z[i], y[i]);
        if (followed[k].fused_with == DLI_LOSS_ACT_SOFTMAX)
            softmax(K, z[i], a[i]);
        else
            sigmoid(K, z[i], a[i]);
        p.rows[i] = (float)(0.5 + 0.25 * i);
        for (int j = 0; j < K; j++) {
            p.a[i * K + j] = (float)a[i][j];
            p.y[i * K + j] = (float)y[i][j];
            if (!fused)
                a[i][j] = (double)p.a[i * K + j];
        }
    }
    const struct dli_loss_exec x = { .threads = 1,
                                     .attrs = l.attrs,
                                     .weights = l.weights,
                                     .n = N,
                                     .k = K,
                                     .a = p.a,
                                     .act = act,
                                     .fused = fused,
                                     .y = p.y,
                                     .rows = p.rows,
                                     .score = p.score,
                                     .grad = p.grad };
    l.loss->compute(&x);
    for (int i = 0; i < N; i++) {
        const double row = (double)p.rows[i], want = row * followed[k].score(K, a[i], y[i], w);
        if (!(fabs(p.score[i] - want) <= 1e-6 * fabs(want))) /* a in float: 6e-8 of each, K terms */
            fail_msg("%s row %d: score %.9g, wanted %.9g", spec, i, p.score[i], want);
        for (int j = 0; j < K; j++) {
            const double h = 1e-5;
            double *moved = fused ? z[i] : a[i], at = moved[j], end[2], there[K];
            for (int s = 0; s < 2; s++) {
                moved[j] = s ? at + h : at - h;
                if (!fused)
                    memcpy(there, a[i], sizeof there);
                else if (act == DLI_LOSS_ACT_SOFTMAX)
                    softmax(K, z[i], there);
                else
                    sigmoid(K, z[i], there);
                end[s] = row * followed[k].score(K, there, y[i], w);
            }
            moved[j] = at;
            const double slope = (end[1] - end[0]) / (2 * h);
            /* h^2 of the third derivative, at most 2 / a^3 with a >= 0.02 here, and 1e-16 / h of rounding; a as above. */
            if (!(fabs((double)p.grad[i * K + j] - slope) <= 2e-5 * (1 + fabs(slope))))
                fail_msg("%s row %d output %d: gradient %.9g, the slope is %.9g", spec, i, j, (double)p.grad[i * K + j], slope);
        }
    }
    dli_loss_close(&l);
}

static void scores_and_gradients_follow_the_formula(void **state)
{
    (void)state;
    for (size_t k = 0; k < FOLLOWED; k++)
        for (int weighted = 0; weighted < 2 - followed[k].no_weights; weighted++)
            check_against_differences(k, weighted, false);
}

static void fused_gradients_are_those_before_the_activation(void **state)
{
    (void)state;
    for (size_t k = 0; k < FOLLOWED; k++)
        for (int weighted = 0; followed[k].fused_with != DLI_LOSS_ACT_OTHER && weighted < 2; weighted++)
            check_against_differences(k, weighted, true);
}

/* Deeplearning4j's LossMCXENT takes the sum of a row's targets for 1 where the outputs have no weights: dz = a - y. */
static void targets_that_do_not_sum_to_one_are_taken_as_if_they_did(void **state)
{
    (void)state;
    struct dli_loss_at l = opened("mcxent", 3);
    const float a[] = { 0.5f, 0.25f, 0.25f }, y[] = { 1, 1, 0 };
    float grad[3];
    double score;
    const struct dli_loss_exec x = {
        .attrs = l.attrs, .n = 1, .k = 3, .a = a, .act = DLI_LOSS_ACT_SOFTMAX, .fused = true, .y = y, .score = &score, .grad = grad
    };
    l.loss->compute(&x);
    assert_true(grad[0] == -0.5f && grad[1] == -0.75f && grad[2] == 0.25f);
    assert_true(fabs(score - (log(2) + log(4))) < 1e-6);
    dli_loss_close(&l);
}

/* A label is the target that is 1 at one place: the same bits. */
static void a_label_is_its_one_hot_target(void **state)
{
    (void)state;
    for (size_t k = 0; k < FOLLOWED; k++)
        for (int way = 0; way < 8; way++) {
            const bool weighted = way & 1, fused = (way & 2) != 0, rows = (way & 4) != 0;
            if ((fused && followed[k].fused_with == DLI_LOSS_ACT_OTHER) || (weighted && followed[k].no_weights))
                continue;
            if (strcmp(followed[k].name, "mape") == 0)
                continue; /* a percentage of 0 is infinite */
            char spec[96];
            snprintf(spec, sizeof spec, "%s%s", followed[k].name, weighted ? weights_text : "");
            struct dli_loss_at l = opened(spec, K);
            struct problem p = { .rows = { 1, 0.5f, 2, 0, 1, 4 } }; /* powers of 2: no order of rounding is right */
            int64_t labels[N];
            float grad[N * K];
            double score[N];
            for (int i = 0; i < N; i++) {
                double z[K], y[K], a[K];
                make_row(i, z, y);
                if (followed[k].fused_with == DLI_LOSS_ACT_SOFTMAX)
                    softmax(K, z, a);
                else
                    sigmoid(K, z, a);
                labels[i] = i * 2 % K;
                for (int j = 0; j < K; j++) {
                    p.a[i * K + j] = (float)a[j];
                    p.y[i * K + j] = j == labels[i];
                }
            }
            struct dli_loss_exec x = { .attrs = l.attrs,
                                       .weights = l.weights,
                                       .n = N,
                                       .k = K,
                                       .a = p.a,
                                       .fused = fused,
                                       .y = p.y,
                                       .act = fused ? followed[k].fused_with : DLI_LOSS_ACT_OTHER,
                                       .rows = rows ? p.rows : NULL,
                                       .score = p.score,
                                       .grad = p.grad };
            l.loss->compute(&x);
            x.y = NULL;
            x.labels = labels;
            x.score = score;
            x.grad = grad;
            l.loss->compute(&x);
            assert_memory_equal(score, p.score, sizeof score);
            for (int i = 0; i < N * K; i++) /* 0 and -0 are one gradient */
                if (!(grad[i] == p.grad[i]) && !(weighted && fabsf(grad[i] - p.grad[i]) <= 3e-7f * fabsf(p.grad[i])))
                    fail_msg("%s, way %d, at %d: %.9g and %.9g", spec, way, i, (double)grad[i], (double)p.grad[i]);
            dli_loss_close(&l);
        }
}

/* With one output, label 1 is target 1 and label 0 is target 0. */
static void one_output_takes_two_labels(void **state)
{
    (void)state;
    for (size_t k = 0; k < FOLLOWED; k++) {
        if (!followed[k].binary)
            continue;
        struct dli_loss_at l = opened(followed[k].name, 1);
        const float a[] = { 0.25f, 0.25f };
        const int64_t labels[] = { 0, 1 };
        const double targets[] = { 0, 1 };
        double score[2];
        float grad[2];
        const struct dli_loss_exec x = { .attrs = l.attrs, .n = 2, .k = 1, .a = a, .labels = labels, .score = score, .grad = grad };
        l.loss->compute(&x);
        for (int i = 0; i < 2; i++) {
            const double p = 0.25;
            assert_true(fabs(score[i] - followed[k].score(1, &p, &targets[i], ones)) < 1e-12);
        }
        assert_true(grad[0] > 0 && grad[1] < 0); /* away from the wrong side, towards the right one */
        dli_loss_close(&l);
    }
}

/* Score of N rows as a sum, and its gradient, for losses whose formula is not a sum over outputs. */
static double run_all(const char *spec, int64_t k, const float *a, const float *y, float *grad)
{
    struct dli_loss_at l = opened(spec, k);
    double score[N], sum = 0;
    const struct dli_loss_exec x = { .attrs = l.attrs, .n = N, .k = k, .a = a, .y = y, .score = score, .grad = grad };
    l.loss->compute(&x);
    for (int i = 0; i < N; i++)
        sum += score[i];
    dli_loss_close(&l);
    return sum;
}

/* Zhang and Zhou, eq. 3; the gradient as differences: h^2 of exp's third derivative and 1e-7 / h of a in float. */
static void multi_label_ranks_pairs(void **state)
{
    (void)state;
    static float a[N * K], y[N * K], grad[N * K];
    double want = 0;
    for (int i = 0; i < N; i++) {
        double sum = 0;
        int has = 0;
        for (int j = 0; j < K; j++) {
            a[i * K + j] = (float)sin(2.0 * i + 1.1 * j);
            y[i * K + j] = i == 4 ? 1 : i == 5 ? 0 : (i + j * j) % 3 == 0;
            has += y[i * K + j] > 0;
        }
        for (int p = 0; p < K; p++)
            for (int q = 0; q < K; q++)
                if (y[i * K + p] > 0 && y[i * K + q] == 0)
                    sum += exp((double)a[i * K + q] - (double)a[i * K + p]);
        want += has > 0 && has < K ? sum / (has * (K - has)) : 0;
    }
    assert_true(fabs(run_all("multi_label", K, a, y, grad) - want) < 1e-12 * want);
    for (int at = 0; at < N * K; at++) {
        const float h = 0x1p-8f, was = a[at];
        a[at] = was + h;
        const double above = run_all("multi_label", K, a, y, NULL);
        a[at] = was - h;
        const double below = run_all("multi_label", K, a, y, NULL);
        a[at] = was;
        assert_true(fabs((above - below) / (2.0 * (double)h) - (double)grad[at]) < 1e-4);
    }
}

/* One output, and two of which the second is the same: the same score, that of the formula, and its slope. */
static void fmeasure_is_that_of_the_minibatch(void **state)
{
    (void)state;
    float a[N], y[N], both[2 * N], y2[2 * N], grad[N], grad2[2 * N];
    double tp = 0, fp = 0, fn = 0;
    for (int i = 0; i < N; i++) {
        a[i] = both[2 * i + 1] = (float)(0.5 + 0.4 * sin(i + 1.0));
        both[2 * i] = 1 - a[i];
        y[i] = y2[2 * i + 1] = i % 2;
        y2[2 * i] = 1 - y[i];
        tp += (double)y[i] * (double)a[i];
        fp += (1 - (double)y[i]) * (double)a[i];
        fn += (double)y[i] * (1 - (double)a[i]);
    }
    const double want = 1 - 5 * tp / (5 * tp + 4 * fn + fp);
    assert_true(fabs(run_all("fmeasure:beta=2", 1, a, y, grad) - want) < 1e-12);
    assert_true(fabs(run_all("fmeasure:beta=2", 2, both, y2, grad2) - want) < 1e-7); /* 1 - a in float */
    for (int i = 0; i < N; i++) {
        const float h = 0x1p-8f, was = a[i];
        a[i] = was + h;
        const double above = run_all("fmeasure:beta=2", 1, a, y, NULL);
        a[i] = was - h;
        const double below = run_all("fmeasure:beta=2", 1, a, y, NULL);
        a[i] = was;
        assert_true(fabs((above - below) / (2.0 * (double)h) - (double)grad[i]) < 1e-4);
        assert_true(fabsf(grad2[2 * i + 1] - grad[i]) < 1e-6f && grad2[2 * i] == 0);
    }
    memset(a, 0, sizeof a);
    memset(y, 0, sizeof y);
    assert_true(run_all("fmeasure", 1, a, y, grad) == 0 && grad[0] == 0); /* nothing of nothing */
}

/* Bishop 1994, eqs. 22, 23 and 28, as they stand there; z: [weights, widths, means] of M parts over L values. */
enum { PARTS = 3, WIDTH = 2, MIXED = (WIDTH + 2) * PARTS };
static double mixture(const double *z, const double *y)
{
    double all = 0, density = 0;
    for (int c = 0; c < PARTS; c++)
        all += exp(z[c]);
    for (int c = 0; c < PARTS; c++) {
        const double s = exp(z[PARTS + c]);
        double squares = 0;
        for (int j = 0; j < WIDTH; j++)
            squares += pow(y[j] - z[2 * PARTS + c * WIDTH + j], 2);
        density += exp(z[c]) / all / pow(sqrt(6.283185307179586) * s, WIDTH) * exp(-squares / (2 * s * s));
    }
    return -log(density);
}

static void mixture_density_follows_the_formula(void **state)
{
    (void)state;
    static float a[N * MIXED], y[N * WIDTH], grad[N * MIXED], rows[N];
    double z[N][MIXED], target[N][WIDTH], score[N];
    for (int i = 0; i < N; i++) {
        rows[i] = (float)(0.5 + 0.25 * i);
        for (int j = 0; j < MIXED; j++)
            a[i * MIXED + j] = (float)sin(2.0 * i + 1.1 * j);
        for (int j = 0; j < WIDTH; j++)
            y[i * WIDTH + j] = (float)(2 * cos(1.3 * i + j));
    }
    struct dli_loss_at l = opened("mixture_density:mixtures=3,label_width=2", MIXED);
    assert_int_equal(l.loss->targets(l.attrs), WIDTH);
    const struct dli_loss_exec x = {
        .threads = 1, .attrs = l.attrs, .n = N, .k = MIXED, .a = a, .y = y, .rows = rows, .score = score, .grad = grad
    };
    l.loss->compute(&x);
    for (int i = 0; i < N; i++) {
        for (int j = 0; j < MIXED; j++)
            z[i][j] = (double)a[i * MIXED + j];
        for (int j = 0; j < WIDTH; j++)
            target[i][j] = (double)y[i * WIDTH + j];
        const double want = (double)rows[i] * mixture(z[i], target[i]);
        if (!(fabs(score[i] - want) <= 1e-12 * (1 + fabs(want)))) /* squares of some tens over a narrow width */
            fail_msg("row %d: score %.17g, wanted %.17g", i, score[i], want);
        for (int j = 0; j < MIXED; j++) {
            const double h = 1e-5, at = z[i][j];
            z[i][j] = at + h;
            const double above = mixture(z[i], target[i]);
            z[i][j] = at - h;
            const double slope = (double)rows[i] * (above - mixture(z[i], target[i])) / (2 * h);
            z[i][j] = at;
            /* h^2 of the third derivative, some hundreds where a part is narrow, and half a unit in the last place of a float */
            if (!(fabs((double)grad[i * MIXED + j] - slope) <= 2e-7 * (1 + fabs(slope))))
                fail_msg("row %d output %d: gradient %.9g, the slope is %.9g", i, j, (double)grad[i * MIXED + j], slope);
        }
    }
    /* Far from every part no float holds the density, but its logarithm is there. */
    y[0] = 500;
    l.loss->compute(&x);
    assert_true(isfinite(score[0]) && score[0] > 1000 && isfinite(grad[0]));
    dli_loss_close(&l);
    struct dl4c_error err = DL4C_ERROR_INIT;
    assert_int_equal(dli_loss_open(NULL, "mixture_density:mixtures=3,label_width=2", 11, &l, &err), DL4C_E_INVALID);
    assert_non_null(strstr(err.message, "wants 12 outputs, found 11"));
}

/* With a mask of single outputs the formula is that of the others, and so is their gradient. */
static void masked_outputs_count_nothing(void **state)
{
    (void)state;
    for (size_t k = 0; k < FOLLOWED; k++) {
        struct problem p, plain;
        float mask[N * K];
        struct dli_loss_at l = opened(followed[k].name, K);
        assert_int_equal(l.loss->separate, strcmp(followed[k].name, "cosine_proximity") != 0);
        for (int i = 0; i < N; i++) {
            double z[K], y[K], a[K];
            make_row(i, z, y);
            sigmoid(K, z, a);
            for (int j = 0; j < K; j++) {
                p.a[i * K + j] = (float)a[j];
                p.y[i * K + j] = (float)y[j];
                mask[i * K + j] = (i * K + j) % 3 != 0;
            }
        }
        struct dli_loss_exec x = { .threads = 1,
                                   .attrs = l.attrs,
                                   .n = N,
                                   .k = K,
                                   .a = p.a,
                                   .act = DLI_LOSS_ACT_OTHER,
                                   .y = p.y,
                                   .score = plain.score,
                                   .grad = plain.grad };
        l.loss->compute(&x);
        x.mask = mask;
        x.score = p.score;
        x.grad = p.grad;
        l.loss->compute(&x);
        for (int i = 0; l.loss->separate && i < N; i++) {
            double a[K], y[K], w[K];
            for (int j = 0; j < K; j++) {
                a[j] = (double)p.a[i * K + j];
                y[j] = (double)p.y[i * K + j];
                w[j] = (double)mask[i * K + j];
                assert_true(p.grad[i * K + j] == (mask[i * K + j] != 0 ? plain.grad[i * K + j] : 0.0f));
            }
            const double want = followed[k].score(K, a, y, w);
            if (!(fabs(p.score[i] - want) <= 1e-6 * fabs(want)))
                fail_msg("%s row %d: score %.9g, wanted %.9g", followed[k].name, i, p.score[i], want);
        }
        dli_loss_close(&l);
    }
}

static double score_of(const char *spec, float a, float y, int32_t act)
{
    struct dli_loss_at l = opened(spec, 1);
    double score = -1;
    const struct dli_loss_exec x = { .attrs = l.attrs, .n = 1, .k = 1, .a = &a, .y = &y, .act = act, .score = &score };
    l.loss->compute(&x);
    dli_loss_close(&l);
    return score;
}

/* Deeplearning4j's defaults: softmaxClipEps 1e-10, LossBinaryXENT's clipEps 1e-5. */
static void probabilities_are_clipped_as_the_reference_does(void **state)
{
    (void)state;
    const double ten = 10 * log(10), five = 5 * log(10);
    assert_true(fabs(score_of("mcxent", 0, 1, DLI_LOSS_ACT_SOFTMAX) - ten) < 1e-5);
    assert_true(fabs(score_of("negative_log_likelihood", 0, 1, DLI_LOSS_ACT_SOFTMAX) - ten) < 1e-5);
    assert_true(fabs(score_of("mcxent:clip_eps=1e-5", 0, 1, DLI_LOSS_ACT_SOFTMAX) - five) < 1e-5);
    assert_true(isinf(score_of("mcxent", 0, 1, DLI_LOSS_ACT_OTHER)));
    assert_true(isinf(score_of("mcxent:clip_eps=0", 0, 1, DLI_LOSS_ACT_SOFTMAX)));
    assert_true(fabs(score_of("xent", 0, 1, DLI_LOSS_ACT_SIGMOID) - five) < 1e-5);
    assert_true(fabs(score_of("xent", 1, 0, DLI_LOSS_ACT_SIGMOID) - five) < 0.01); /* 1 - 1e-5 in float is 1 - 1.0014e-5 */
    assert_true(score_of("xent:clip_eps=0", 1, 1, DLI_LOSS_ACT_SIGMOID) == 0);     /* the other term is nothing, not 0 * infinity */
    assert_true(score_of("xent:clip_eps=0", 0, 0, DLI_LOSS_ACT_SIGMOID) == 0);
    assert_true(isinf(score_of("xent:clip_eps=0", 1, 0, DLI_LOSS_ACT_SIGMOID)));
}

static void nan_is_never_clipped_away(void **state)
{
    (void)state;
    for (size_t k = 0; k < FOLLOWED; k++)
        for (int32_t act = DLI_LOSS_ACT_OTHER; act <= DLI_LOSS_ACT_SIGMOID; act++)
            assert_true(isnan(score_of(followed[k].name, NAN, 1, act)));
}

/* Rows are cut among threads anywhere, and a batch may hold any number of them. */
static void bits_of_a_row_depend_on_that_row_alone(void **state)
{
    (void)state;
    enum { MOST = 300, WIDE = 101 };
    static float a[MOST * WIDE], grad[MOST * WIDE], one[WIDE];
    static double score[MOST];
    int64_t labels[MOST];
    struct dl4c_context_options co = DL4C_CONTEXT_OPTIONS_INIT;
    dl4c_context *ctx = NULL;
    co.threads = 5;
    assert_int_equal(dl4c_context_create(&co, &ctx, NULL), DL4C_OK);
    for (int i = 0; i < MOST; i++) {
        labels[i] = i * 7 % WIDE;
        for (int j = 0; j < WIDE; j++)
            a[i * WIDE + j] = (float)(0.5 + 0.49 * sin(i + 0.3 * j));
    }
    const int64_t batches[] = { 1, 3, 16, 300 };
    const int32_t threads[] = { 1, 2, 5 };
    for (size_t k = 0; k < FOLLOWED; k++) {
        struct dli_loss_at l = opened(followed[k].name, WIDE);
        for (int b = 0; b < 4; b++)
            for (int t = 0; t < 3; t++) {
                struct dli_loss_exec x = { .ctx = ctx,
                                           .threads = threads[t],
                                           .attrs = l.attrs,
                                           .n = batches[b],
                                           .k = WIDE,
                                           .a = a,
                                           .act = followed[k].fused_with,
                                           .fused = followed[k].fused_with != DLI_LOSS_ACT_OTHER,
                                           .labels = labels,
                                           .score = score,
                                           .grad = grad };
                l.loss->compute(&x);
                for (int64_t i = 0; i < batches[b]; i++) {
                    double alone;
                    struct dli_loss_exec row = x;
                    row.threads = 1;
                    row.n = 1;
                    row.a = a + i * WIDE;
                    row.labels = labels + i;
                    row.score = &alone;
                    row.grad = one;
                    l.loss->compute(&row);
                    assert_memory_equal(&alone, &score[i], sizeof alone);
                    assert_memory_equal(one, grad + i * WIDE, sizeof one);
                }
            }
        dli_loss_close(&l);
    }
    dl4c_context_destroy(&ctx);
}

static void wrong_texts_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *spec;
        dl4c_status status;
        const char *says;
    } cases[] = {
        { "hindsight", DL4C_E_NOTFOUND, "there is no loss \"hindsight\"; wanted one of cosine_proximity, fmeasure, hinge" },
        { "hinge:weights=1;2;3", DL4C_E_INVALID, "weights" },
        { "fmeasure", DL4C_E_INVALID, "1 or 2 outputs, found 3" },
        { "fmeasure:beta=0", DL4C_E_INVALID, "beta" },
        { "", DL4C_E_INVALID, "wanted a name" },
        { "mixture_density:mixtures=1", DL4C_E_INVALID, "label_width" },
        { "mse:", DL4C_E_INVALID, "nothing after the colon" },
        { "mse:clip_eps=0.1", DL4C_E_INVALID, "clip_eps" },
        { "mse:weight=1;2;3", DL4C_E_INVALID, "weight" },
        { "mse:weights=1;2", DL4C_E_INVALID, "weights has 2 numbers for 3 outputs" },
        { "l2:weights=1;2;3;4", DL4C_E_INVALID, "weights has 4 numbers for 3 outputs" },
        { "l2:weights=1;two;3", DL4C_E_INVALID, "\"two;3\" is no number" },
        { "l2:weights=1;nan;3", DL4C_E_INVALID, "is no number" },
        { "l2:weights=1;;3", DL4C_E_INVALID, "is no number" },
        { "l2:weights=1;2;1e31", DL4C_E_INVALID, "is no number" },
        { "l2:weights=1;2;3,weights=1;2;3", DL4C_E_INVALID, "weights" },
        { "mcxent:clip_eps=-1", DL4C_E_INVALID, "clip_eps is -1" },
        { "xent:clip_eps=0.6", DL4C_E_INVALID, "clip_eps is 0.6" },
        { "xent:clip_eps=nan", DL4C_E_INVALID, "clip_eps is \"nan\"" },
        { "negative_log_likelihood:clip_eps=0.51", DL4C_E_INVALID, "clip_eps is 0.51" },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct dl4c_error err = DL4C_ERROR_INIT;
        struct dli_loss_at l;
        const dl4c_status status = dli_loss_open(NULL, cases[i].spec, 3, &l, &err);
        if (status != cases[i].status || !strstr(err.message, cases[i].says))
            fail_msg("\"%s\": %s \"%s\"", cases[i].spec, dl4c_status_name(status), err.message);
        assert_null(l.loss);
        assert_null(l.attrs);
        assert_null(l.weights);
        dli_loss_close(&l);
    }
}

static dl4c_status open_one(dl4c_context *ctx, void *arg, struct dl4c_error *err)
{
    struct dli_loss_at l;
    (void)arg;
    const dl4c_status status = dli_loss_open(ctx, "mcxent:weights=1;2;3,clip_eps=1e-6", 3, &l, err);
    if (status != DL4C_OK)
        assert_null(l.loss);
    dli_loss_close(&l);
    return status;
}

static void every_allocation_may_fail(void **state)
{
    (void)state;
    assert_true(fail_alloc_run(open_one, NULL) >= 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_loss_of_the_build_is_followed),
        cmocka_unit_test(scores_and_gradients_follow_the_formula),
        cmocka_unit_test(fused_gradients_are_those_before_the_activation),
        cmocka_unit_test(targets_that_do_not_sum_to_one_are_taken_as_if_they_did),
        cmocka_unit_test(a_label_is_its_one_hot_target),
        cmocka_unit_test(one_output_takes_two_labels),
        cmocka_unit_test(probabilities_are_clipped_as_the_reference_does),
        cmocka_unit_test(nan_is_never_clipped_away),
        cmocka_unit_test(bits_of_a_row_depend_on_that_row_alone),
        cmocka_unit_test(multi_label_ranks_pairs),
        cmocka_unit_test(fmeasure_is_that_of_the_minibatch),
        cmocka_unit_test(mixture_density_follows_the_formula),
        cmocka_unit_test(masked_outputs_count_nothing),
        cmocka_unit_test(wrong_texts_are_refused),
        cmocka_unit_test(every_allocation_may_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
