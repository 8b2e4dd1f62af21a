/* SPDX-License-Identifier: Apache-2.0 */
/* drop_connect: each element is kept with probability p, as it is, else 0 (Wan et al., "Regularization of Neural Networks using
 * DropConnect", ICML 2013; nothing is divided by p, as in Deeplearning4j). add, multiply: an element and a number drawn for it. */
#include "ops/weight_noise.h"
#include "base/rng.h"
#include "base/thread_pool.h"
#include "kernels/split.h"

#include <string.h>

struct values {
    double p;
    char *distribution;
    int64_t biases;
};

#define BIASES                                                                                                                             \
    {                                                                                                                                      \
        .name = "biases", .type = DL4C_ATTR_INT, .offset = offsetof(struct values, biases), .min = 0, .max = 1,                            \
        .doc = "whether biases get it, too"                                                                                                \
    }
static const struct dli_attr drop_attrs[] = {
    { .name = "p",
      .type = DL4C_ATTR_FLOAT,
      .offset = offsetof(struct values, p),
      .def = 0.5,
      .min = 0,
      .max = 1,
      .doc = "probability to retain a weight" },
    BIASES,
    { 0 },
};
static const struct dli_attr drawn_attrs[] = {
    { .name = "distribution",
      .type = DL4C_ATTR_STR,
      .offset = offsetof(struct values, distribution),
      .required = true,
      .doc = "of the noise: \"normal(std=0.01)\", \"uniform(lower=0.9,upper=1.1)\" ..." },
    BIASES,
    { 0 },
};

static const struct kind {
    const char *name;
    int32_t kind;
    const struct dli_attr *attrs;
} kinds[] = {
    { "drop_connect", DLI_WEIGHT_NOISE_DROP, drop_attrs },
    { "add", DLI_WEIGHT_NOISE_ADD, drawn_attrs },
    { "multiply", DLI_WEIGHT_NOISE_MULTIPLY, drawn_attrs },
};

dl4c_status dli_weight_noise_open(dl4c_context *ctx, const char *text, const struct dli_param_decl *decl, struct dli_weight_noise *noise,
                                  bool *applies, struct dl4c_error *err)
{
    struct dli_spec spec;
    struct values v = { 0 };
    const struct kind *k = NULL;
    *noise = (struct dli_weight_noise){ .p = 1 };
    *applies = false;
    DLI_TRY(dli_spec_parse(ctx, text, &spec, err));
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (strcmp(spec.name, kinds[i].name) == 0)
            k = &kinds[i];
    dl4c_status status = DL4C_OK;
    if (!k) {
        status = dli_fail(err, DL4C_E_NOTFOUND, "weight_noise",
                          "there is no weight noise \"%.60s\"; wanted drop_connect(p=0.5), add(distribution=normal(std=0.01)) or multiply",
                          spec.name);
    } else {
        const struct dli_attr_set set = { k->attrs, &v };
        status = dli_attrs_read(ctx, spec.name, &set, 1, spec.attrs, spec.n_attrs, err);
    }
    if (status == DL4C_OK) {
        noise->kind = k->kind;
        noise->p = v.p;
        *applies = decl->role == DLI_PARAM_WEIGHT || (decl->role == DLI_PARAM_BIAS && v.biases);
        if (v.distribution)
            status = dli_draw_open(ctx, v.distribution, decl, &noise->draw, err);
        dli_attrs_free(k->attrs, &v);
    }
    dli_spec_free(&spec);
    return status;
}

struct loop {
    const struct dli_weight_noise *noise;
    struct dli_split split; /* of groups of four elements */
    int64_t n;
    uint64_t key;
    const float *w;
    float *out;
};

static void task(void *arg, size_t t, int32_t worker)
{
    const struct loop *l = arg;
    const uint64_t below = (uint64_t)(l->noise->p * 0x1p32);
    int64_t first, last;
    (void)worker;
    dli_split_range(&l->split, t, &first, &last);
    for (int64_t g = first; g < last; g++) {
        uint32_t r[4];
        if (l->noise->kind == DLI_WEIGHT_NOISE_DROP)
            dli_philox(l->key, 0, (uint64_t)g, r);
        for (int64_t i = 4 * g; i < l->n && i < 4 * g + 4; i++)
            l->out[i] = l->noise->kind == DLI_WEIGHT_NOISE_DROP  ? r[i - 4 * g] < below ? l->w[i] : 0.0f
                        : l->noise->kind == DLI_WEIGHT_NOISE_ADD ? l->w[i] + l->out[i]
                                                                 : l->w[i] * l->out[i];
    }
}

void dli_weight_noise_make(dl4c_context *ctx, int32_t threads, const struct dli_weight_noise *noise, uint64_t seed, uint32_t id,
                           uint64_t iteration, int64_t n, const float *w, float *out)
{
    struct loop l = { .noise = noise, .split = dli_split_items((n + 3) / 4, 32), .n = n, .w = w, .out = out };
    uint32_t key[4];
    dli_philox(seed, (uint64_t)DLI_STREAM_WEIGHT_NOISE << 32 | id, iteration, key);
    l.key = (uint64_t)key[1] << 32 | key[0];
    if (noise->kind != DLI_WEIGHT_NOISE_DROP)
        dli_draw_fill(ctx, threads, &noise->draw, l.key, 0, out);
    dli_parallel(ctx, threads, l.split.n_tasks, task, &l);
}
