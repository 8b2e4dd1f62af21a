/* SPDX-License-Identifier: Apache-2.0 */
/* Normalizers: what they learn of features.npy and labels.npy or image.npy, and what they make of them; and back. */
#include "golden/golden.h"
#include <dl4c/normalizer.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A tensor over a file's values, which *values keeps; NULL after a failure. */
static dl4c_tensor *tensor(struct gold *g, const char *file, float **values, int64_t *n)
{
    int64_t shape[4];
    dl4c_tensor *t = NULL;
    *values = gold_array(g, file, n, shape);
    gold_mark(g, file);
    const int32_t rank = shape[3] > 1 || shape[2] > 1 ? 4 : 2;
    if (*values && dl4c_tensor_wrap(NULL, DL4C_F32, shape, NULL, rank, *values, 0, NULL, NULL, &t, NULL) != DL4C_OK)
        gold_fail(g, "%s cannot be wrapped", file);
    return t;
}

/* spec fitted on `file` (and labels.npy with labels=1), its numbers and results beside those of the files that are not NULL. */
static void one(struct gold *g, const char *spec, const char *file, const char *center, const char *spread, const char *result,
                const char *label_result)
{
    struct dl4c_error err = DL4C_ERROR_INIT;
    float *x = NULL, *y = NULL;
    int64_t n = 0, m = 0, count;
    dl4c_normalizer *norm = NULL;
    dl4c_tensor *tx = tensor(g, file, &x, &n), *ty = label_result ? tensor(g, "labels.npy", &y, &m) : NULL;
    float *before = malloc((size_t)n * sizeof *before + 1);
    if (tx && before && dl4c_normalizer_create(NULL, spec, &norm, &err) == DL4C_OK) {
        memcpy(before, x, (size_t)n * sizeof *x);
        if (dl4c_normalizer_fit(norm, tx, ty, &err) != DL4C_OK || dl4c_normalizer_apply(norm, tx, &err) != DL4C_OK ||
            (ty && dl4c_normalizer_apply_labels(norm, ty, &err) != DL4C_OK))
            gold_fail(g, "%s: %s", spec, err.message);
        const float *c = dl4c_normalizer_center(norm, &count), *s = dl4c_normalizer_spread(norm, &count);
        if (center)
            gold_floats(g, center, c, count, GOLD_PARAM);
        if (spread)
            gold_floats(g, spread, s, count, GOLD_PARAM);
        gold_floats(g, result, x, n, GOLD_ACTIVATION);
        if (label_result)
            gold_floats(g, label_result, y, m, GOLD_ACTIVATION);
        if (dl4c_normalizer_revert(norm, tx, &err) != DL4C_OK)
            gold_fail(g, "%s: %s", spec, err.message);
        gold_floats(g, file, x, n, GOLD_ACTIVATION);
    } else {
        gold_fail(g, "%s: %s", spec, err.message);
    }
    dl4c_normalizer_destroy(&norm);
    dl4c_tensor_unref(&tx);
    dl4c_tensor_unref(&ty);
    free(before);
    free(x);
    free(y);
}

void gold_normalizers(struct gold *g)
{
    one(g, "standardize(labels=1)", "features.npy", "standardize_mean.npy", "standardize_std.npy", "standardize_features.npy",
        "standardize_labels.npy");
    one(g, "standardize", "image.npy", "image_standardize4d_mean.npy", "image_standardize4d_std.npy", "image_standardize4d.npy", NULL);
    one(g, "vgg16", "image.npy", NULL, NULL, "image_vgg16.npy", NULL);
    for (int i = 0; i < g->n_files; i++) { /* the ranges stand in the names */
        char spec[80], low[16], high[16];
        if (sscanf(g->file[i], "minmax_%15[-0-9.]_%15[-0-9.]_features.npy", low, high) == 2) {
            snprintf(spec, sizeof spec, "min_max(min=%s,max=%s)", low, high);
            one(g, spec, "features.npy", "minmax_min.npy", "minmax_max.npy", g->file[i], NULL);
        } else if (sscanf(g->file[i], "image_scaler_%15[-0-9.]_%15[-0-9].npy", low, high) == 2) {
            snprintf(spec, sizeof spec, "image_scaler(min=%s,max=%s)", low, high);
            one(g, spec, "image.npy", NULL, NULL, g->file[i], NULL);
        }
    }
}
