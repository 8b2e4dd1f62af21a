/* SPDX-License-Identifier: Apache-2.0 */
/* Tensors: make, fill, view, convert, write and read as .npy. */
#include <dl4c/dl4c.h>
#include <stdio.h>

int main(int argc, char **argv)
{
    const char *file = argc > 1 ? argv[1] : "tensor.npy";
    struct dl4c_error err = DL4C_ERROR_INIT;
    dl4c_tensor *t = NULL, *rows = NULL, *turned = NULL, *whole = NULL, *back = NULL;
    const int64_t shape[] = { 2, 3, 4 };

    if (dl4c_tensor_create(NULL, DL4C_F32, shape, 3, &t, &err))
        goto done;
    float *x = dl4c_tensor_data(t);
    for (int i = 0; i < 24; i++)
        x[i] = (float)i / 2;

    /* Views share the memory: the second row of each plane, axes reversed. */
    if (dl4c_tensor_slice(t, 1, 1, 2, 1, &rows, &err) || dl4c_tensor_transpose(rows, NULL, &turned, &err))
        goto done;
    printf("a view of %lld x %lld x %lld\n", (long long)dl4c_tensor_dim(turned, 0), (long long)dl4c_tensor_dim(turned, 1),
           (long long)dl4c_tensor_dim(turned, 2));

    /* Another type is a copy; halves become whole numbers. */
    if (dl4c_tensor_to(turned, DL4C_I64, &whole, &err) || dl4c_tensor_save_npy(whole, file, &err)
        || dl4c_tensor_load_npy(NULL, file, &back, &err))
        goto done;
    for (int64_t i = 0; i < dl4c_tensor_size(back); i++)
        printf("%lld ", (long long)((const int64_t *)dl4c_tensor_data_const(back))[i]);
    printf("\n");
done:
    dl4c_tensor_unref(&t);
    dl4c_tensor_unref(&rows);
    dl4c_tensor_unref(&turned);
    dl4c_tensor_unref(&whole);
    dl4c_tensor_unref(&back);
    if (err.status)
        fprintf(stderr, "%s: %s\n", err.origin, err.message);
    return err.status != DL4C_OK;
}
