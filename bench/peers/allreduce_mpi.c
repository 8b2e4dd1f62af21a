/* SPDX-License-Identifier: Apache-2.0 */
/* The mean of one vector of each rank by MPI_Allreduce, timed as bench_allreduce does. mpicc; mpirun -n N allreduce_mpi FLOATS ROUNDS */
#include <mpi.h>
#include <stdio.h>
#include <stdlib.h>

static int by_value(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
    int rank, size, wrong = 0;
    MPI_Init(&argc, &argv);
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &size);
    const int n = argc > 1 ? atoi(argv[1]) : 16000000, rounds = argc > 2 ? atoi(argv[2]) : 15;
    float *in = malloc((size_t)n * sizeof *in), *out = calloc((size_t)n, sizeof *out);
    double *seconds = calloc((size_t)rounds, sizeof *seconds);
    if (!in || !out || !seconds)
        MPI_Abort(MPI_COMM_WORLD, 1);
    for (int i = 0; i < n; i++)
        in[i] = (float)(rank + 1) * (float)(i % 1000);
    for (int k = 0; k < rounds; k++) {
        MPI_Barrier(MPI_COMM_WORLD);
        const double began = MPI_Wtime();
        MPI_Allreduce(in, out, n, MPI_FLOAT, MPI_SUM, MPI_COMM_WORLD);
        const float by = 1.0f / (float)size;
        for (int i = 0; i < n; i++)
            out[i] *= by;
        MPI_Barrier(MPI_COMM_WORLD);
        seconds[k] = MPI_Wtime() - began;
    }
    for (int i = 0; i < n; i++) {
        const float want = (float)(i % 1000) * (float)(size + 1) / 2;
        wrong += out[i] < want * 0.99999f || out[i] > want * 1.00001f;
    }
    qsort(seconds, (size_t)rounds, sizeof *seconds, by_value);
    if (rank == 0)
        printf("{\"members\": %d, \"floats\": %d, \"rounds\": %d, "
               "\"best_s\": %.6f, \"median_s\": %.6f, \"worst_s\": %.6f, \"wrong\": %d}\n", size, n, rounds, seconds[0],
               seconds[rounds / 2], seconds[rounds - 1], wrong);
    free(in);
    free(out);
    free(seconds);
    MPI_Finalize();
    return wrong != 0;
}
