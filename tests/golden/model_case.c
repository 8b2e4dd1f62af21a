/* SPDX-License-Identifier: Apache-2.0 */
/* Cases with a model.zip: what was read, what it computes, how it trains. */
#include "golden/model_case.h"
#include "golden/train_case.h"
#include "graph/plan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

dl4c_graph *gold_load(struct gold *g, const char *file, struct dl4c_error *err)
{
    char path[1024];
    dl4c_graph *graph = NULL;
    gold_path(g, file, path, sizeof path);
    dl4c_model_load(NULL, path, NULL, &graph, err);
    return graph;
}

float *gold_params(const dl4c_graph *graph, int64_t *n)
{
    *n = 0;
    for (int32_t i = 0; i < graph->n_vertices; i++)
        for (int32_t k = 0; graph->vertices[i].params && k < graph->vertices[i].params->n; k++)
            *n += graph->vertices[i].params->p[k].count;
    float *all = malloc((size_t)*n * sizeof *all + 1), *at = all;
    for (int32_t i = 0; all && i < graph->n_vertices; i++)
        for (int32_t k = 0; graph->vertices[i].params && k < graph->vertices[i].params->n; k++) {
            const struct dli_param *p = &graph->vertices[i].params->p[k];
            memcpy(at, dli_param_data(p), (size_t)p->count * sizeof *at);
            at += p->count;
        }
    return all;
}

struct dl4c_shape gold_row_shape(const int64_t shape[4], int32_t rank)
{
    struct dl4c_shape s = { .rank = rank };
    for (int32_t i = 0; i < rank && i < 3; i++)
        s.dim[i] = shape[i + 1];
    return s;
}

dl4c_tensor *gold_wrap(float *values, const int64_t shape[4], int32_t rank)
{
    dl4c_tensor *t = NULL;
    dl4c_tensor_wrap(NULL, DL4C_F32, shape, NULL, rank, values, 0, NULL, NULL, &t, NULL);
    return t;
}

/* A session that gives every vertex, run on the input. */
dl4c_session *gold_run(struct gold *g, dl4c_graph *graph, float *x, const int64_t shape[4], struct dl4c_error *err)
{
    const int32_t rank = graph->vertices[graph->inputs[0]].shape.rank;
    const struct dl4c_shape row = gold_row_shape(shape, rank);
    const char **names = calloc((size_t)graph->n_vertices, sizeof *names);
    struct dl4c_session_options o = DL4C_SESSION_OPTIONS_INIT;
    dl4c_session *s = NULL;
    (void)g;
    for (int32_t i = 0; i < graph->n_vertices; i++)
        names[i] = graph->vertices[i].name;
    o.batch = shape[0];
    o.outputs = names;
    o.n_outputs = graph->n_vertices;
    o.input_shapes = &row;
    o.n_input_shapes = 1;
    dl4c_tensor *in = gold_wrap(x, shape, rank + 1);
    if (dl4c_session_create(NULL, graph, &o, &s, err) == DL4C_OK && dl4c_session_run(s, &in, 1, err) != DL4C_OK)
        dl4c_session_destroy(&s);
    dl4c_tensor_unref(&in);
    free(names);
    return s;
}

float *gold_value(dl4c_session *s, int32_t i, int64_t *n)
{
    dl4c_tensor *t = NULL;
    *n = 0;
    if (dl4c_session_output(s, i, &t, NULL) != DL4C_OK)
        return NULL;
    *n = dl4c_tensor_size(t);
    float *copy = malloc((size_t)*n * sizeof *copy + 1);
    if (copy)
        memcpy(copy, dl4c_tensor_data_const(t), (size_t)*n * sizeof *copy);
    return copy;
}

/* Is vertex i an activation in place of whose input the reference recorded its result? It writes over its input. */
static int32_t overwritten_by(const dl4c_graph *graph, int32_t i)
{
    for (int32_t k = i + 1; k < graph->n_vertices; k++)
        if (graph->vertices[k].n_inputs == 1 && graph->vertices[k].inputs[0] == i &&
            (graph->vertices[k].op->flags & DLI_OP_ACTIVATION || strcmp(graph->vertices[k].op->name, "prelu") == 0))
            return k;
    return -1;
}

/* prefix: "act" or "acttrain"; value gives a copy of a vertex's value (free()). */
static void compare_values(struct gold *g, const dl4c_graph *graph, const char *prefix, float *(*value)(void *from, int32_t i, int64_t *n),
                           void *from)
{
    for (int32_t i = 0, layer = 0; i < graph->n_vertices; i++) {
        char file[300];
        const struct dli_vertex *v = &graph->vertices[i];
        if (!graph->multilayer)
            snprintf(file, sizeof file, "%s_%s.npy", prefix, v->name);
        else if (!v->op)
            snprintf(file, sizeof file, "%s_input.npy", prefix);
        else if (v->pre)
            continue; /* a preprocessor is no layer there */
        else
            snprintf(file, sizeof file, "%s_%d.npy", prefix, (int)layer++);
        int64_t n = 0;
        float *y = gold_has(g, file) ? value(from, i, &n) : NULL;
        const int32_t over = overwritten_by(graph, i);
        if (y && over >= 0) {
            /* The recorder kept arrays that the next layer wrote over: then both files hold the later value. */
            char next[300], a[1024], b[1024];
            size_t na = 0, nb = 0;
            snprintf(next, sizeof next, "%s_%s.npy", prefix, graph->vertices[over].name);
            gold_path(g, file, a, sizeof a);
            gold_path(g, next, b, sizeof b);
            char *fa = test_read_file(a, &na), *fb = test_read_file(b, &nb);
            if (fa && fb && na == nb && memcmp(fa, fb, na) == 0) {
                free(y);
                y = value(from, over, &n);
            }
            free(fa);
            free(fb);
        }
        if (y)
            gold_floats(g, file, y, n, GOLD_ACTIVATION);
        free(y);
    }
}

static float *session_value(void *from, int32_t i, int64_t *n) { return gold_value(from, i, n); }

static void activations(struct gold *g, dl4c_graph *graph, float *x, const int64_t shape[4])
{
    struct dl4c_error err = DL4C_ERROR_INIT;
    dl4c_session *s = gold_run(g, graph, x, shape, &err);
    if (s)
        compare_values(g, graph, "act", session_value, s);
    else
        gold_fail(g, "no run: %s", err.message);
    dl4c_session_destroy(&s);
}

struct training_run {
    struct dli_plan *plan;
    const float *const *inputs;
    int64_t rows;
};

static float *plan_value(void *from, int32_t i, int64_t *n)
{
    const struct training_run *r = from;
    const int32_t value = r->plan->outputs[i];
    *n = r->rows * r->plan->values[value].floats;
    float *copy = malloc((size_t)*n * sizeof *copy + 1);
    if (copy)
        memcpy(copy, dli_value_pointer(r->plan, value, r->inputs), (size_t)*n * sizeof *copy);
    return copy;
}

/* Values of a run forward in training, where batch normalisation takes the batch's statistics. */
static void training_activations(struct gold *g, dl4c_graph *graph, float *x, const int64_t shape[4])
{
    struct dl4c_error err = DL4C_ERROR_INIT;
    const struct dl4c_shape row = gold_row_shape(shape, graph->vertices[graph->inputs[0]].shape.rank);
    int32_t *all = calloc((size_t)graph->n_vertices, sizeof *all);
    struct dli_plan *p = NULL;
    for (int32_t i = 0; i < graph->n_vertices; i++)
        all[i] = i;
    const struct dli_plan_options o = {
        .mode = DLI_TRAIN, .batch = shape[0], .input_shapes = &row, .outputs = all, .n_outputs = graph->n_vertices
    };
    bool good = dli_plan_create(NULL, graph, &o, &p, &err) == DL4C_OK;
    for (int32_t i = 0; good && i < p->n_steps; i++) {
        struct dli_step *s = &p->steps[i];
        if (s->saved_bytes > 0)
            good = (s->saved = dli_plan_storage(p, s->saved_bytes, i, i, &err)) >= 0;
    }
    good = good && dli_plan_place(p, &err) == DL4C_OK && dli_plan_pack(p, &err) == DL4C_OK;
    char *arena = good ? aligned_alloc(64, (p->arena_bytes + 63) / 64 * 64 + 64) : NULL;
    if (arena) {
        const float *inputs[] = { x };
        struct training_run r = { p, inputs, shape[0] };
        p->arena = arena;
        dli_plan_forward(p, shape[0], inputs, true, 1, 0);
        compare_values(g, graph, "acttrain", plan_value, &r);
    } else {
        gold_fail(g, "no run in training: %s", err.message);
    }
    free(arena);
    free(all);
    dli_plan_destroy(p);
}

void gold_param_table(const dl4c_graph *graph, char *text, size_t size)
{
    size_t at = (size_t)snprintf(text, size, "# key\tshape\torder\toffset\tlength\tupdater\tregularization\n");
    int64_t offset = 0;
    int32_t layer = 0;
    for (int32_t i = 0; i < graph->n_vertices; i++) {
        const struct dli_vertex *v = &graph->vertices[i];
        for (int32_t k = 0; k < v->n_params && at + 200 < size; k++) {
            const struct dli_param_decl *d = &v->decl[k];
            at += (size_t)(graph->multilayer ? snprintf(text + at, size - at, "%d_%s\t[", (int)layer, d->name)
                                             : snprintf(text + at, size - at, "%s_%s\t[", v->name, d->name));
            for (int32_t r = 0; r < d->rank; r++)
                at += (size_t)snprintf(text + at, size - at, "%s%lld", r ? ", " : "", (long long)d->shape[r]);
            at += (size_t)snprintf(text + at, size - at, "]\t%c\t%lld\t%lld\n", d->rank == 1 ? 'f' : d->order, (long long)offset,
                                   (long long)v->params->p[k].count);
            offset += v->params->p[k].count;
        }
        layer += v->op != NULL && !v->pre;
    }
}

static void texts(struct gold *g, dl4c_graph *graph)
{
    static char table[1 << 16];
    gold_param_table(graph, table, sizeof table);
    gold_lines(g, "param_table.tsv", table);
    char *text;
    struct dl4c_summary_options o = DL4C_SUMMARY_OPTIONS_INIT;
    if (dl4c_graph_summary(graph, &o, &text, NULL) == DL4C_OK) {
        gold_text(g, "summary.txt", text);
        dl4c_free(text);
    }
    o.shapes = 1;
    if (dl4c_graph_summary(graph, &o, &text, NULL) == DL4C_OK) {
        gold_text(g, "summary_with_input.txt", text);
        dl4c_free(text);
    }
}

static void state_of(struct gold *g, const dl4c_graph *graph, const char *file)
{
    if (graph->updater_state)
        gold_floats(g, file, graph->updater_state->data, (int64_t)(graph->updater_state->bytes / sizeof(float)), 0);
    else if (gold_has(g, file))
        gold_fail(g, "%s: the model has no updater state", file);
}

static void params_of(struct gold *g, const dl4c_graph *graph, const char *file)
{
    int64_t n;
    float *p = gold_params(graph, &n);
    gold_floats(g, file, p, n, 0);
    free(p);
}

/* What the reference saved after five steps: read to the bit. */
static void after5(struct gold *g, float *x, const int64_t shape[4])
{
    struct dl4c_error err = DL4C_ERROR_INIT;
    if (!gold_has(g, "model_after5.zip"))
        return;
    dl4c_graph *graph = gold_load(g, "model_after5.zip", &err);
    gold_mark(g, "model_after5.zip");
    if (!graph) {
        gold_fail(g, "model_after5.zip: %s", err.message);
        return;
    }
    params_of(g, graph, "params_5.npy");
    if (gold_has(g, "updater_5.npy"))
        state_of(g, graph, "updater_5.npy");
    if (graph->iteration != 5)
        gold_fail(g, "model_after5.zip: iteration %lld, wanted 5", (long long)graph->iteration);
    dl4c_session *s = gold_run(g, graph, x, shape, &err);
    if (s) {
        int64_t n = 0;
        float *y = gold_value(s, graph->outputs[0], &n);
        gold_floats(g, "output_after5.npy", y, n, GOLD_ACTIVATION);
        free(y);
    } else {
        gold_fail(g, "model_after5.zip: %s", err.message);
    }
    dl4c_session_destroy(&s);
    dl4c_graph_destroy(&graph);
}

void gold_model(struct gold *g)
{
    struct dl4c_error err = DL4C_ERROR_INIT;
    int64_t n, shape[4];
    dl4c_graph *graph = gold_load(g, "model.zip", &err);
    if (!graph) {
        if (err.status == DL4C_E_UNSUPPORTED)
            snprintf(g->skip, sizeof g->skip, "%.500s", err.message);
        else
            gold_fail(g, "model.zip: %s", err.message);
        return;
    }
    gold_mark(g, "model.zip");
    float *x = gold_array(g, "input.npy", &n, shape);
    if (x) {
        gold_mark(g, "input.npy");
        params_of(g, graph, "params_0.npy");
        if (gold_has(g, "updater_0.npy"))
            state_of(g, graph, "updater_0.npy");
        texts(g, graph);
        gold_config(g, graph, "model.zip");
        activations(g, graph, x, shape);
        if (gold_has(g, "acttrain_out.npy"))
            training_activations(g, graph, x, shape);
        gold_curve(g, graph);
        after5(g, x, shape);
        gold_transfer(g, graph, x, shape);
        if (gold_has(g, "meta.json") && gold_has(g, "labels.npy"))
            gold_train(g, graph, x, shape);
    }
    free(x);
    dl4c_graph_destroy(&graph);
}
