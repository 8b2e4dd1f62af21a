/* SPDX-License-Identifier: Apache-2.0 */
/* The bytes of an image's file, read ahead or now, and what a failure to read them says: of the image, or of the place it lies in. */
#include "fs/fs.h"
#include "reader/reader.h"

#include <errno.h>

/* Of one remote file, which is held in memory: no image that the decoder takes is larger. */
enum { MOST_FILE_BYTES = 1 << 30 };

/* The URI of an image; *own is to be freed. */
static dl4c_status uri_of(dl4c_reader *r, int64_t image, char **own, const char **uri, struct dl4c_error *err)
{
    *own = NULL;
    *uri = r->paths.name[image];
    if (!r->uri)
        return DL4C_OK;
    const dl4c_status status = dli_uri_join(r->ctx, r->uri, *uri, own, err);
    *uri = *own;
    return status;
}

dl4c_fs_load *dli_image_file_start(dl4c_reader *r, int64_t image, int64_t most)
{
    char *own;
    const char *uri;
    dl4c_fs_load *load = NULL;
    if (uri_of(r, image, &own, &uri, NULL) == DL4C_OK && dli_fs_reads_ahead(r->ctx, uri))
        (void)dl4c_fs_load_start(r->ctx, uri, dli_names_bytes(&r->paths, image), most < MOST_FILE_BYTES ? most : MOST_FILE_BYTES, &load,
                                 NULL);
    dli_free(own);
    return load;
}

/* A file that is gone, too large, no file or malformed is a bad image, and so is all else that is wrong with a local one, but for a process
 * with too many files open. A cluster that is out of reach, refuses or fails would make bad images of all that are left. */
static bool ends_the_epoch(dl4c_reader *r, const char *uri, const struct dl4c_error *why)
{
    if (dli_no_memory(why))
        return true;
    if (!uri || dli_fs_is_local(r->ctx, uri))
        return why->domain == DL4C_DOMAIN_ERRNO && (why->code == EMFILE || why->code == ENFILE);
    switch (why->status) {
    case DL4C_E_IO:
    case DL4C_E_TIMEOUT:
    case DL4C_E_BUSY:
    case DL4C_E_DENIED:
    case DL4C_E_CANCELLED:
    case DL4C_E_STATE:
    case DL4C_E_PEER:
    case DL4C_E_INTERNAL: return true;
    default: return false;
    }
}

/* What was listed may have been written anew since, and what nobody listed may be larger than is read ahead. */
static bool worth_another_look(dl4c_status status, const struct dl4c_error *why)
{
    return (status == DL4C_E_CORRUPT || status == DL4C_E_LIMIT) && !dli_no_memory(why);
}

static dl4c_status read_now(dl4c_reader *r, const char *uri, struct dli_image_file *f, struct dl4c_error *err)
{
    if (!dli_fs_reads_ahead(r->ctx, uri)) {
        DLI_TRY(dl4c_fs_open(r->ctx, uri, &f->file, err));
        return dl4c_fs_bytes(f->file, &f->bytes, &f->size, err);
    }
    DLI_TRY(dl4c_fs_load_start(r->ctx, uri, -1, MOST_FILE_BYTES, &f->load, err));
    return dl4c_fs_load_wait(f->load, -1, &f->bytes, &f->size, err);
}

static dl4c_status get(dl4c_reader *r, const char *uri, struct dli_image_file *f, struct dl4c_error *err)
{
    if (f->load && f->status == DL4C_OK)
        return DL4C_OK;
    if (f->load && !worth_another_look(f->status, &f->why)) {
        *err = f->why;
        return f->status;
    }
    dl4c_fs_load_end(&f->load);
    return read_now(r, uri, f, err);
}

dl4c_status dli_image_file_get(dl4c_reader *r, int64_t image, struct dli_image_file *f, bool *ends, struct dl4c_error *err)
{
    char *own;
    const char *uri;
    dl4c_status status = uri_of(r, image, &own, &uri, err);
    if (status == DL4C_OK)
        status = get(r, uri, f, err);
    *ends = status != DL4C_OK && ends_the_epoch(r, uri, err);
    if (status == DL4C_OK)
        atomic_fetch_add_explicit(&r->bytes_read, (int64_t)f->size, memory_order_relaxed);
    dli_free(own);
    return status;
}

void dli_image_file_end(struct dli_image_file *f)
{
    dl4c_fs_load_end(&f->load);
    dl4c_fs_close(&f->file);
    f->bytes = NULL;
    f->size = 0;
}
