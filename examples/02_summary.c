/* SPDX-License-Identifier: Apache-2.0 */
/* Loads a model and looks at it: the summary, the vertices, a drawing. */
#include <dl4c/dl4c.h>
#include <stdio.h>

int main(int argc, char **argv)
{
    struct dl4c_error err = DL4C_ERROR_INIT;
    dl4c_graph *g = NULL;
    char *text = NULL;
    int64_t total = 0;

    if (argc < 2) {
        fprintf(stderr, "usage: %s MODEL\n", argv[0]);
        return 2;
    }
    if (dl4c_model_load(NULL, argv[1], NULL, &g, &err) || dl4c_graph_summary(g, NULL, &text, &err))
        goto done;
    puts(text);

    for (int32_t i = 0; i < dl4c_graph_vertex_count(g); i++) {
        struct dl4c_vertex v = DL4C_VERTEX_INIT;
        if (dl4c_graph_vertex(g, i, &v, &err))
            goto done;
        printf("%3d %-12s %s, %lld parameters%s\n", i, v.op, v.name, (long long)v.param_count, v.is_output ? " (output)" : "");
    }
    dl4c_graph_param_count(g, &total, NULL, NULL);
    printf("%lld parameters in all\n", (long long)total);
done:
    dl4c_free(text);
    dl4c_graph_destroy(&g);
    if (err.status)
        fprintf(stderr, "%s: %s\n", err.origin, err.message);
    return err.status != DL4C_OK;
}
