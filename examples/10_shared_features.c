/* SPDX-License-Identifier: Apache-2.0 */
/* A C host and a Python client that share features: the host keeps a store of its images open, starts the client, which opens the same
 * store and trains a head on it, and uses that head. Both map the store's files, so that the memory of the rows is one.
 *
 *     10_shared_features MODEL VERTEX IMAGES STORE HEAD CLIENT...
 *
 * CLIENT is a command that gets STORE and HEAD as its last arguments: python3 shared_features.py */
#define _POSIX_C_SOURCE 200809L
#include <dl4c/dl4c.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/wait.h>

enum { MAX_ARGS = 16 };

extern char **environ;

static dl4c_status featurize(const char *model, const char *vertex, const char *images, const char *out, struct dl4c_error *err)
{
    dl4c_graph *graph = NULL;
    dl4c_reader *reader = NULL;
    struct dl4c_reader_options ro = DL4C_READER_OPTIONS_INIT;
    struct dl4c_featurize_options fo = DL4C_FEATURIZE_OPTIONS_INIT;
    fo.at = &vertex;
    fo.n_at = 1;
    fo.overwrite = 1;
    dl4c_status status = dl4c_model_load(NULL, model, NULL, &graph, err);
    ro.for_graph = graph;
    if (status == DL4C_OK)
        status = dl4c_reader_open(NULL, images, &ro, &reader, err);
    if (status == DL4C_OK)
        status = dl4c_featurize(graph, reader, out, &fo, err);
    dl4c_reader_close(&reader);
    dl4c_graph_destroy(&graph);
    return status;
}

/* Starts the client and waits for it; its exit status. */
static int run_client(char **command, int n, char *store, char *head)
{
    char *args[MAX_ARGS + 3];
    pid_t pid;
    int status = 0;
    for (int i = 0; i < n; i++)
        args[i] = command[i];
    args[n] = store;
    args[n + 1] = head;
    args[n + 2] = NULL;
    if (posix_spawnp(&pid, args[0], NULL, NULL, args, environ) != 0 || waitpid(pid, &status, 0) != pid || !WIFEXITED(status))
        return -1;
    return WEXITSTATUS(status);
}

int main(int argc, char **argv)
{
    struct dl4c_error err = DL4C_ERROR_INIT;
    dl4c_features *store = NULL;
    dl4c_graph *head = NULL;
    dl4c_evaluation *eval = NULL;
    int client = 0;

    if (argc < 7 || argc - 6 > MAX_ARGS) {
        fprintf(stderr, "usage: %s MODEL VERTEX IMAGES STORE HEAD CLIENT...\n", argv[0]);
        return 2;
    }
    if (featurize(argv[1], argv[2], argv[3], argv[4], &err) || dl4c_features_open(NULL, argv[4], NULL, &store, &err))
        goto done;
    printf("host: %lld rows\n", (long long)dl4c_features_rows(store));
    fflush(stdout);

    client = run_client(argv + 6, argc - 6, argv[4], argv[5]);
    if (client != 0) {
        fprintf(stderr, "the client ended with %d\n", client);
        goto done;
    }
    if (dl4c_model_load(NULL, argv[5], NULL, &head, &err) ||
        dl4c_evaluate(head, dl4c_features_source(store), NULL, &eval, &err))
        goto done;
    printf("host: accuracy %.3f\n", dl4c_evaluation_accuracy(eval));
done:
    dl4c_evaluation_destroy(&eval);
    dl4c_graph_destroy(&head);
    dl4c_features_close(&store);
    if (err.status)
        fprintf(stderr, "%s: %s\n", err.origin, err.message);
    return err.status != DL4C_OK || client != 0;
}
