/* SPDX-License-Identifier: Apache-2.0 */
/* dl4c run MODEL --input X.npy --output Y.npy [--at VERTEX] [--batch N] [--memory default|low], and dl4c run MODEL --plan */
#include "cli.h"

#include <stdio.h>
#include <string.h>

struct run {
    dl4c_graph *g;
    dl4c_tensor *x, *f32, *y;
    dl4c_session *s;
    const char *model, *input, *output, *at;
    int64_t batch;
    int32_t precision;
    bool plan, low;
};

/* All rows, a batch at a time. */
static dl4c_status run_rows(struct run *r, int64_t batch, struct dl4c_error *err)
{
    const int64_t rows = dl4c_tensor_dim(r->f32, 0);
    dl4c_status status = DL4C_OK;
    for (int64_t at = 0; at < rows && status == DL4C_OK; at += batch) {
        const int64_t n = rows - at < batch ? rows - at : batch;
        dl4c_tensor *part = NULL, *value = NULL, *into = NULL;
        if (cli_cancel)
            return cli_error(err, DL4C_E_CANCELLED, "run", "the run was cancelled after %lld of %lld rows", (long long)at, (long long)rows);
        status = dl4c_tensor_slice(r->f32, 0, at, at + n, 1, &part, err);
        if (status == DL4C_OK)
            status = dl4c_session_run(r->s, &part, 1, err);
        if (status == DL4C_OK)
            status = dl4c_session_output(r->s, 0, &value, err);
        if (status == DL4C_OK && !r->y) {
            int64_t shape[DL4C_MAX_RANK];
            memcpy(shape, dl4c_tensor_shape(value), (size_t)dl4c_tensor_rank(value) * sizeof *shape);
            shape[0] = rows;
            status = dl4c_tensor_create(cli.ctx, DL4C_F32, shape, dl4c_tensor_rank(value), &r->y, err);
        }
        if (status == DL4C_OK)
            status = dl4c_tensor_slice(r->y, 0, at, at + n, 1, &into, err);
        if (status == DL4C_OK)
            status = dl4c_tensor_copy(into, value, err);
        dl4c_tensor_unref(&part);
        dl4c_tensor_unref(&into);
    }
    return status;
}

static dl4c_status read_input(struct run *r, struct dl4c_error *err)
{
    const dl4c_status status = dl4c_tensor_load_npy(cli.ctx, r->input, &r->x, err);
    return status == DL4C_OK ? dl4c_tensor_to(r->x, DL4C_F32, &r->f32, err) : status;
}

static dl4c_status run_file(struct run *r, struct dl4c_error *err)
{
    dl4c_status status = cli_load(r->model, &r->g, err);
    if (status == DL4C_OK && r->input)
        status = read_input(r, err);
    if (status != DL4C_OK)
        return status;
    struct dl4c_session_options o = DL4C_SESSION_OPTIONS_INIT;
    o.batch = r->batch;
    o.flags = r->low ? DL4C_SESSION_LOW_MEMORY : 0;
    o.precision = r->precision;
    if (r->at) {
        o.outputs = &r->at;
        o.n_outputs = 1;
    }
    /* Images of another size than the model's own, sizes that it leaves open, and sequences are planned for as they come. */
    struct dl4c_vertex in = DL4C_VERTEX_INIT;
    struct dl4c_shape shape = { .rank = r->input ? dl4c_tensor_rank(r->f32) - 1 : 0 };
    for (int32_t k = 0; k < shape.rank; k++)
        shape.dim[k] = dl4c_tensor_dim(r->f32, k + 1);
    if (dl4c_graph_input_count(r->g) == 1 && dl4c_graph_vertex(r->g, dl4c_graph_input(r->g, 0), &in, NULL) == DL4C_OK && in.rank >= 2 &&
        shape.rank == in.rank) {
        o.input_shapes = &shape;
        o.n_input_shapes = 1;
    }
    if (r->plan) {
        char *text = NULL;
        status = dl4c_session_plan(cli.ctx, r->g, &o, NULL, &text, err);
        if (status == DL4C_OK)
            fputs(text, stdout);
        dl4c_free(text);
        return status;
    }
    status = dl4c_session_create(cli.ctx, r->g, &o, &r->s, err);
    dl4c_graph_destroy(&r->g); /* the session keeps what it runs */
    return status == DL4C_OK ? run_rows(r, r->batch, err) : status;
}

static dl4c_status write_output(struct run *r, struct dl4c_error *err)
{
    if (!r->y)
        return cli_error(err, DL4C_E_INVALID, "run", "%.300s has no rows", r->input);
    return dl4c_tensor_save_npy(r->y, r->output, err);
}

int cmd_run(int argc, char **argv)
{
    struct run r = { .batch = 16 };
    const char *memory = NULL, *precision = NULL;
    const struct cli_option options[] = {
        { "--input", CLI_TEXT, &r.input, "X.npy, the batch first, in the model's own layout" },
        { "--output", CLI_TEXT, &r.output, "Y.npy to write" },
        { "--at", CLI_TEXT, &r.at, "the vertex whose value is wanted; else the model's first output" },
        { "--batch", CLI_INT, &r.batch, "rows at once, 16" },
        CLI_MEMORY_OPTION(memory),
        { "--precision", CLI_TEXT, &precision, CLI_PRECISION_HELP },
        { "--plan", CLI_FLAG, &r.plan, "prints kernels and memory and runs nothing" },
        { 0 },
    };
    int status = cli_parse(argc, argv, "run MODEL --input X.npy --output Y.npy [--at VERTEX] [--batch N] | MODEL --plan", options, &r.model,
                           1, 1, NULL);
    if (status >= 0)
        return status;
    if (r.batch < 1)
        return cli_usage("--batch must be at least 1");
    if ((status = cli_read_memory(memory, &r.low)) >= 0)
        return status;
    if (r.plan ? r.output != NULL : !r.input || !r.output)
        return cli_usage(r.plan ? "run --plan writes no --output" : "run needs --input and --output");
    if ((status = cli_begin()) >= 0 || (status = cli_precision(precision, &r.precision)) >= 0)
        return status;
    struct dl4c_error err = DL4C_ERROR_INIT;
    if (r.output && !cli_can_write(r.output))
        return CLI_FAILED;
    dl4c_status failed = run_file(&r, &err);
    if (failed == DL4C_OK && !r.plan)
        failed = write_output(&r, &err);
    if (failed != DL4C_OK)
        cli_fail(&err);
    dl4c_session_destroy(&r.s);
    dl4c_tensor_unref(&r.x);
    dl4c_tensor_unref(&r.f32);
    dl4c_tensor_unref(&r.y);
    dl4c_graph_destroy(&r.g);
    return failed == DL4C_OK ? CLI_DONE : CLI_FAILED;
}
