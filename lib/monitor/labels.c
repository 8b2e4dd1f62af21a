/* SPDX-License-Identifier: Apache-2.0 */
/* Whether the labels of an epoch lay as chance lays them.
 *
 * Two questions. Are the workers' shares of the classes equal (Pearson's chi-squared of workers by classes)? And did the classes come mixed
 * (`label_dispersion`, chi-squared of minibatches by classes divided by its mean)? Under chance chi-squared has mean f and variance 2 f, f
 * being its degrees of freedom; six deviations above that happens to no shuffled run in a lifetime. An effect must be seen too: with many
 * examples a difference that bends no curve is far from chance. */
#include "monitor/record.h"

#include <math.h>
#include <string.h>

static const double deviations = 6, least_v = 0.1, least_dispersion = 1.5;

static void keep_worst(struct dli_label_check *k, const struct dli_worst *w)
{
    const double far = fabs(w->share - w->all);
    int32_t at = k->n_worst;
    while (at > 0 && far > fabs(k->worst[at - 1].share - k->worst[at - 1].all))
        at--;
    if (at >= DLI_WORST)
        return;
    const int32_t kept = k->n_worst < DLI_WORST ? k->n_worst : DLI_WORST - 1;
    memmove(&k->worst[at + 1], &k->worst[at], (size_t)(kept - at) * sizeof *k->worst);
    k->worst[at] = *w;
    k->n_worst = kept + 1;
}

static int64_t sum(const int64_t *n, int64_t count)
{
    int64_t all = 0;
    for (int64_t i = 0; i < count; i++)
        all += n[i];
    return all;
}

void dli_label_check(struct dli_label_check *k, int64_t *counts, int64_t workers, int64_t classes, int64_t epoch, double dispersion,
                     double batches)
{
    int64_t *all = counts + workers * classes; /* of each class */
    int64_t used = 0, present = 0;
    double x2 = 0;
    memset(all, 0, (size_t)classes * sizeof *all);
    for (int64_t i = 0; i < workers * classes; i++)
        all[i % classes] += counts[i];
    for (int64_t c = 0; c < classes; c++)
        present += all[c] > 0;
    const double rows = (double)sum(all, classes);
    k->n_worst = 0;
    for (int64_t w = 0; w < workers; w++) {
        const int64_t *row = counts + w * classes;
        const double own = (double)sum(row, classes);
        used += own > 0;
        for (int64_t c = 0; c < classes && own > 0; c++) {
            if (all[c] == 0)
                continue;
            const double expected = own * (double)all[c] / rows, off = (double)row[c] - expected;
            x2 += off * off / expected;
            keep_worst(k, &(struct dli_worst){ (int32_t)w, c, (double)row[c] / own, (double)all[c] / rows });
        }
    }
    const double f = (double)(used - 1) * (double)(present - 1), fb = (batches - 1) * (double)(present - 1);
    k->epoch = epoch;
    k->workers = workers;
    k->classes = classes;
    k->rows = (int64_t)rows;
    k->v = used > 1 && present > 1 ? sqrt(x2 / (rows * (double)((used < present ? used : present) - 1))) : 0;
    k->differ = k->v > least_v && x2 > f + deviations * sqrt(2 * f);
    k->dispersion = dispersion;
    k->unmixed = fb > 0 && dispersion > least_dispersion + deviations * sqrt(2 / fb);
    k->told++;
    k->differing += k->differ;
    k->unmixing += k->unmixed;
}
