/* SPDX-License-Identifier: Apache-2.0 */
/* Runs recorded ONNX cases, one line each: name, PASS, UNSUPPORTED or FAIL, worst error relative to the largest magnitude, note.
 *
 *   onnx_cases [--tolerance X] CASE...
 *
 * A CASE is a folder with model.onnx and test_data_set_0/input_K.pb, output_K.pb as the ONNX project lays them out, or a NAME.onnx
 * beside NAME_output_0.pb, whose input is then 0, 1/n, 2/n ... as the ONNX project's backend runner makes it. Where a case feeds
 * everything through inputs, also what real files keep as constants, a second try binds all inputs but the first to their values.
 * Exits with 1 where a case failed. */
#include "formats/onnx/proto.h"
#include "support/read_file.h"

#include <dl4c/graph.h>
#include <dl4c/model.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST = 16 };

struct array {
    struct dli_onnx_tensor t;
    float *f; /* NULL: not floating point */
    unsigned char *bytes;
    size_t size;
};

struct run {
    struct dli_onnx_arena arena;
    struct array in[MOST], out[MOST];
    int n_in, n_out;
    unsigned char *model;
    size_t size;
};

static int read_array(struct run *r, const char *path, struct array *a)
{
    memset(a, 0, sizeof *a);
    a->bytes = read_file(path, &a->size);
    if (!a->bytes)
        return 0;
    if (dli_onnx_parse_tensor(&r->arena, a->bytes, a->size, &a->t, NULL) != DL4C_OK)
        return 1;
    a->f = dli_onnx_new(&r->arena, (size_t)a->t.count + 1, sizeof(float), NULL);
    if (dli_onnx_tensor_floats(&a->t, a->f, NULL) != DL4C_OK)
        a->f = NULL;
    return 1;
}

static size_t put_varint(unsigned char *to, uint64_t v)
{
    size_t n = 0;
    for (; v >= 128; v >>= 7)
        to[n++] = (unsigned char)(v | 128);
    to[n++] = (unsigned char)v;
    return n;
}

/* The model with inputs 1, 2 ... as initialisers: ModelProto's fields again, its graph with more of field 5. */
static unsigned char *bind_inputs(struct run *r, const char *const *names, size_t *size)
{
    size_t extra = 0, n = 0, more = 0;
    for (int k = 1; k < r->n_in; k++)
        extra += r->in[k].size + strlen(names[k]) + 64;
    unsigned char *out = malloc(r->size + extra + 64), *tail = malloc(extra + 1);
    for (int k = 1; k < r->n_in; k++) {
        const size_t length = strlen(names[k]);
        unsigned char head[64];
        size_t h = put_varint(head, 8 << 3 | 2);
        h += put_varint(head + h, length);
        tail[more++] = 5 << 3 | 2;
        more += put_varint(tail + more, r->in[k].size + h + length);
        memcpy(tail + more, r->in[k].bytes, r->in[k].size);
        more += r->in[k].size;
        memcpy(tail + more, head, h); /* the name again, at the end: the last one counts */
        more += h;
        memcpy(tail + more, names[k], length);
        more += length;
    }
    struct dli_wire w;
    struct dli_wire_field f;
    dli_wire_init(&w, r->model, r->size, "ModelProto");
    for (size_t at = 0; dli_wire_next(&w, &f, NULL) == DL4C_OK && f.tag;) {
        const size_t end = r->size - w.in.bytes_left;
        if (f.tag == 7) {
            out[n++] = 7 << 3 | 2;
            n += put_varint(out + n, f.size + more);
            memcpy(out + n, f.bytes, f.size);
            n += f.size;
            memcpy(out + n, tail, more);
            n += more;
        } else {
            memcpy(out + n, r->model + at, end - at);
            n += end - at;
        }
        at = end;
    }
    free(tail);
    *size = n;
    return out;
}

static void failed(const char *name, const struct dl4c_error *err)
{
    printf("%s %s - %s\n", name, err->status == DL4C_E_UNSUPPORTED ? "UNSUPPORTED" : "FAIL", err->message);
}

/* The worst difference relative to the largest magnitude, or a message. */
static const char *compare(const struct array *want, dl4c_tensor *got, double *worst)
{
    static char note[160];
    const float *y = dl4c_tensor_data_const(got);
    double largest = 0, most = 0;
    *worst = INFINITY;
    if (!want->f)
        return "the recorded output is no floating point";
    if (want->t.count != dl4c_tensor_size(got)) {
        snprintf(note, sizeof note, "%lld elements, %lld recorded", (long long)dl4c_tensor_size(got), (long long)want->t.count);
        return note;
    }
    if (dl4c_tensor_rank(got) != want->t.rank)
        return "another number of axes";
    for (int32_t k = 0; k < want->t.rank; k++)
        if (dl4c_tensor_dim(got, k) != want->t.dim[k])
            return "another shape";
    for (int64_t k = 0; k < want->t.count; k++) {
        const double a = (double)want->f[k], b = (double)y[k];
        if (isnan(a) != isnan(b) || (isinf(a) && a != b))
            return "a NaN or infinity in the wrong place";
        if (!isfinite(a))
            continue;
        largest = fabs(a) > largest ? fabs(a) : largest;
        most = fabs(a - b) > most || isnan(a - b) ? fabs(a - b) : most;
    }
    *worst = largest > 0 ? most / largest : most;
    return "";
}

/* 0: PASS printed, 1: FAIL printed, 2: unsupported, in err. */
static int run_graph(struct run *r, const char *name, dl4c_graph *g, double tolerance, const char *how, struct dl4c_error *err)
{
    dl4c_tensor *in[MOST] = { NULL };
    dl4c_session *s = NULL;
    struct dl4c_session_options o = DL4C_SESSION_OPTIONS_INIT;
    const int32_t n = dl4c_graph_input_count(g);
    int result = 1;
    double worst = 0, one = 0;
    const char *note = "";
    for (int32_t k = 0; k < n; k++) {
        const struct array *a = &r->in[k];
        if (k >= r->n_in || !a->f) {
            printf("%s FAIL - input %d was not recorded\n", name, (int)k);
            goto done;
        }
        o.batch = a->t.dim[0];
        if (dl4c_tensor_create(NULL, DL4C_F32, a->t.dim, a->t.rank, &in[k], err))
            goto error;
        memcpy(dl4c_tensor_data(in[k]), a->f, (size_t)a->t.count * sizeof(float));
    }
    if (dl4c_session_create(NULL, g, &o, &s, err) || dl4c_session_run(s, in, n, err))
        goto error;
    for (int32_t k = 0; k < dl4c_session_output_count(s) && !note[0]; k++) {
        dl4c_tensor *y;
        if (dl4c_session_output(s, k, &y, err))
            goto error;
        if (k >= r->n_out)
            note = "an output that was not recorded";
        else
            note = compare(&r->out[k], y, &one);
        worst = one > worst ? one : worst;
    }
    if (note[0] || !(worst <= tolerance))
        printf("%s FAIL %.3g %s\n", name, worst, note[0] ? note : "off");
    else
        printf("%s PASS %.3g %s\n", name, worst, how);
    result = note[0] || !(worst <= tolerance);
    goto done;
error:
    result = err->status == DL4C_E_UNSUPPORTED ? 2 : 1;
    if (result == 1)
        failed(name, err);
done:
    for (int k = 0; k < MOST; k++)
        dl4c_tensor_unref(&in[k]);
    dl4c_session_destroy(&s);
    return result;
}

static int run_case(const char *path, double tolerance)
{
    char file[4096];
    struct run r = { .arena = { 0 } };
    struct dl4c_error err = DL4C_ERROR_INIT, second = DL4C_ERROR_INIT;
    dl4c_graph *g = NULL;
    int result = 1;
    const char *name = strrchr(path, '/') ? strrchr(path, '/') + 1 : path;
    const size_t n = strlen(path);
    const int light = n > 5 && strcmp(path + n - 5, ".onnx") == 0;
    snprintf(file, sizeof file, "%s%s", path, light ? "" : "/model.onnx");
    r.model = read_file(file, &r.size);
    if (!r.model) {
        printf("%s FAIL - no %s\n", name, file);
        return 1;
    }
    for (; r.n_out < MOST; r.n_out++) {
        snprintf(file, sizeof file, light ? "%.*s_output_%d.pb" : "%.*s/test_data_set_0/output_%d.pb", (int)(light ? n - 5 : n), path,
                 r.n_out);
        if (!read_array(&r, file, &r.out[r.n_out]))
            break;
    }
    for (; r.n_in < MOST && !light; r.n_in++) {
        snprintf(file, sizeof file, "%s/test_data_set_0/input_%d.pb", path, r.n_in);
        if (!read_array(&r, file, &r.in[r.n_in]))
            break;
    }
    if (dl4c_model_load_memory(NULL, r.model, r.size, NULL, &g, &err) == DL4C_OK) {
        if (light) {
            struct dl4c_vertex v = DL4C_VERTEX_INIT;
            struct array *a = &r.in[r.n_in++];
            dl4c_graph_vertex(g, dl4c_graph_input(g, 0), &v, NULL);
            a->t.rank = v.rank + 1;
            a->t.count = a->t.dim[0] = 1;
            for (int32_t k = 0; k < v.rank; k++)
                a->t.count *= a->t.dim[k + 1] = v.shape[k];
            a->f = dli_onnx_new(&r.arena, (size_t)a->t.count, sizeof(float), NULL);
            for (int64_t k = 0; k < a->t.count; k++)
                a->f[k] = (float)((double)k / (double)a->t.count);
        }
        result = run_graph(&r, name, g, tolerance, "", &err);
    } else {
        result = err.status == DL4C_E_UNSUPPORTED ? 2 : 1;
        if (result == 1)
            failed(name, &err);
    }
    if (result == 2 && r.n_in > 1) {
        struct dli_onnx_model m;
        const char *names[MOST];
        size_t size;
        dl4c_graph_destroy(&g);
        if (dli_onnx_parse(&r.arena, r.model, r.size, &m, &second) == DL4C_OK && m.n_inputs >= r.n_in) {
            for (int k = 0; k < r.n_in; k++)
                names[k] = m.inputs[k].name;
            unsigned char *bound = bind_inputs(&r, names, &size);
            if (dl4c_model_load_memory(NULL, bound, size, NULL, &g, &second) == DL4C_OK)
                result = run_graph(&r, name, g, tolerance, "with inputs bound", &second);
            free(bound);
        }
    }
    if (result == 2)
        failed(name, second.status == DL4C_E_UNSUPPORTED ? &second : &err);
    dl4c_graph_destroy(&g);
    dli_onnx_arena_free(&r.arena);
    for (int k = 0; k < MOST; k++) {
        free(r.in[k].bytes);
        free(r.out[k].bytes);
    }
    free(r.model);
    return result == 1;
}

int main(int argc, char **argv)
{
    double tolerance = 1e-4;
    int bad = 0;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--tolerance") == 0 && i + 1 < argc)
            tolerance = strtod(argv[++i], NULL);
        else
            bad |= run_case(argv[i], tolerance);
        fflush(stdout);
    }
    return bad;
}
