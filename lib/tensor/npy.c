/* SPDX-License-Identifier: Apache-2.0 */
/* Reading and writing .npy files. The elements go straight to their final place; only Fortran order needs a second copy. */
#include "tensor/npy.h"
#include "fs/fs.h"
#include "kernels/convert.h"
#include "tensor/tensor.h"

#include <stdio.h>
#include <string.h>

/* The file's bytes after the header against the shape: before anything is allocated. More than needed is left unread. */
static dl4c_status check_size(const struct dli_npy *h, uint64_t size, struct dl4c_error *err)
{
    if (size - h->start < h->bytes)
        return dli_fail(err, DL4C_E_CORRUPT, "npy", "the .npy file has %" PRIu64 " bytes of elements, but shape %s of %s wants %zu",
                        size - h->start, DLI_SHAPE(h->shape, h->rank), dl4c_dtype_name(h->dtype), h->bytes);
    return DL4C_OK;
}

/* Memory for the elements as they lie in the file: in Fortran order that is the shape backwards. */
static dl4c_status create(dl4c_context *ctx, const struct dli_npy *h, dl4c_tensor **t, struct dl4c_error *err)
{
    int64_t shape[DL4C_MAX_RANK] = { 0 };
    for (int32_t i = 0; i < h->rank; i++)
        shape[i] = h->shape[h->fortran ? h->rank - 1 - i : i];
    return dli_tensor_create_raw(ctx, h->dtype, shape, h->rank, t, err);
}

/* The elements are in place: byte order and axis order. Takes raw over; *t is NULL after a failure. */
static dl4c_status finish(const struct dli_npy *h, dl4c_tensor *raw, dl4c_tensor **t, struct dl4c_error *err)
{
    dl4c_status status = DL4C_OK;
    if (h->swapped)
        dli_byte_swap(h->bytes / dl4c_dtype_size(h->dtype), dl4c_dtype_size(h->dtype), raw->data, raw->data);
    if (h->fortran && h->rank > 1) {
        dl4c_tensor *view;
        status = dl4c_tensor_transpose(raw, NULL, &view, err);
        if (status == DL4C_OK)
            status = dli_tensor_as(view, h->dtype, t, err);
        dl4c_tensor_unref(&view);
        dl4c_tensor_unref(&raw);
        return status;
    }
    *t = raw;
    return DL4C_OK;
}

dl4c_status dl4c_tensor_parse_npy(dl4c_context *ctx, const void *bytes, size_t size, dl4c_tensor **t, struct dl4c_error *err)
{
    struct dli_npy h;
    dl4c_tensor *raw;
    if (!t)
        return dli_fail(err, DL4C_E_INVALID, "npy", "the place for the tensor is NULL");
    *t = NULL;
    if (!bytes)
        return dli_fail(err, DL4C_E_INVALID, "npy", "the bytes to read are NULL");
    DLI_TRY(dli_npy_header(bytes, size, &h, err));
    DLI_TRY(check_size(&h, size, err));
    DLI_TRY(create(ctx, &h, &raw, err));
    memcpy(raw->data, (const char *)bytes + h.start, h.bytes);
    return finish(&h, raw, t, err);
}

static dl4c_status load(dl4c_context *ctx, dl4c_fs_file *f, dl4c_tensor **t, struct dl4c_error *err)
{
    unsigned char prefix[DLI_NPY_PREFIX];
    const uint64_t size = (uint64_t)dl4c_fs_size(f);
    const size_t known = size < sizeof prefix ? (size_t)size : sizeof prefix;
    struct dli_npy h;
    size_t start;
    DLI_TRY(dl4c_fs_read_at(f, 0, prefix, known, err));
    DLI_TRY(dli_npy_start(prefix, known, &start, err));
    if (start > size)
        return dli_fail(err, DL4C_E_CORRUPT, "npy", "the .npy file ends within its header, at %" PRIu64 " of %zu bytes", size, start);
    unsigned char *header = dli_alloc(ctx, start, err);
    if (!header)
        return dli_alloc_status();
    dl4c_status status = dl4c_fs_read_at(f, 0, header, start, err);
    if (status == DL4C_OK)
        status = dli_npy_header(header, start, &h, err);
    dli_free(header);
    DLI_TRY(status);
    DLI_TRY(check_size(&h, size, err));
    dl4c_tensor *raw;
    DLI_TRY(create(ctx, &h, &raw, err));
    status = dl4c_fs_read_at(f, (int64_t)h.start, raw->data, h.bytes, err);
    if (status != DL4C_OK) {
        dl4c_tensor_unref(&raw);
        return status;
    }
    return finish(&h, raw, t, err);
}

dl4c_status dl4c_tensor_load_npy(dl4c_context *ctx, const char *uri, dl4c_tensor **t, struct dl4c_error *err)
{
    if (!t)
        return dli_fail(err, DL4C_E_INVALID, "npy", "the place for the tensor is NULL");
    *t = NULL;
    dl4c_fs_file *f;
    DLI_TRY(dl4c_fs_open(ctx, uri, &f, err));
    dl4c_status status = load(ctx, f, t, err);
    dl4c_fs_close(&f);
    if (status == DL4C_E_CORRUPT || status == DL4C_E_UNSUPPORTED)
        status = dli_fail_prefix(err, status, "%.300s", uri);
    return status;
}

/* Version 1.0: a dictionary padded with spaces to a multiple of 64 bytes in all, ended by a newline. Returns its length. */
static size_t print_header(char text[512], const dl4c_tensor *t)
{
    static const char *const codes[] = {
        [DL4C_F32] = "f4", [DL4C_F64] = "f8", [DL4C_F16] = "f2", [DL4C_I32] = "i4", [DL4C_I64] = "i8", [DL4C_U8] = "u1"
    };
    const char order = t->dtype == DL4C_U8 ? '|' : __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? '<' : '>';
    size_t n = 10;
    memcpy(text, "\x93NUMPY\x01\x00", 8);
    n += (size_t)snprintf(text + n, 512 - n, "{'descr': '%c%s', 'fortran_order': False, 'shape': (", order, codes[t->dtype]);
    for (int32_t i = 0; i < t->rank; i++) /* at most 8 * 21 characters: they fit */
        n += (size_t)snprintf(text + n, 512 - n, "%s%" PRId64 "%s", i ? " " : "", t->shape[i], i + 1 < t->rank || t->rank == 1 ? "," : "");
    n += (size_t)snprintf(text + n, 512 - n, "), }");
    while (n % 64 != 63)
        text[n++] = ' ';
    text[n++] = '\n';
    text[8] = (char)((n - 10) & 255);
    text[9] = (char)((n - 10) >> 8);
    return n;
}

dl4c_status dl4c_tensor_save_npy(const dl4c_tensor *t, const char *uri, struct dl4c_error *err)
{
    char header[512];
    dl4c_tensor *plain;
    dl4c_fs_writer *w;
    if (!t)
        return dli_fail(err, DL4C_E_INVALID, "npy", "the tensor is NULL");
    DLI_TRY(dli_tensor_as(t, t->dtype == DL4C_BF16 ? DL4C_F32 : t->dtype, &plain, err));
    dl4c_status status = dl4c_fs_create(plain->ctx, uri, &w, err);
    if (status == DL4C_OK) {
        status = dl4c_fs_write(w, header, print_header(header, plain), err);
        if (status == DL4C_OK)
            status = dl4c_fs_write(w, plain->data, (size_t)dl4c_tensor_size(plain) * dl4c_dtype_size(plain->dtype), err);
        if (status == DL4C_OK)
            status = dl4c_fs_commit(&w, err);
        dl4c_fs_abandon(&w);
    }
    dl4c_tensor_unref(&plain);
    return status;
}
