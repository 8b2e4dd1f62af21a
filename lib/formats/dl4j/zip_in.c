/* SPDX-License-Identifier: Apache-2.0 */
/* Reading a zip through libzip, by its central directory: what the local headers say does not count. */
#include "formats/dl4j/container.h"

#include <string.h>
#include <zip.h>

enum { WINDOW = 1 << 20 };

/* libzip's source over an open file: what it reads in pieces of some KiB is fetched in larger ones, which a file system on the other side
 * of a network needs. */
struct file_source {
    dl4c_fs_file *file; /* borrowed */
    uint64_t size, at;
    uint64_t window_at; /* of the first byte in the window */
    size_t window_n, room;
    unsigned char *window;
    struct dl4c_error failed; /* the file system's own words, where libzip only knows that reading failed */
};

struct dli_dl4j_zip {
    dl4c_context *ctx; /* borrowed */
    zip_t *archive;
    size_t size; /* of the whole file */
    struct file_source source;
};

struct dli_dl4j_entry {
    dl4c_context *ctx; /* borrowed */
    struct dli_dl4j_zip *zip;
    zip_file_t *file;
    const char *name; /* borrowed from the caller */
    uint64_t size, stored;
    uint64_t at;
};

static dl4c_status zip_failed(const struct dli_dl4j_zip *z, zip_error_t *e, const char *what, struct dl4c_error *err)
{
    if (z->source.failed.status != DL4C_OK) {
        if (err)
            *err = z->source.failed;
        return z->source.failed.status;
    }
    const dl4c_status status = zip_error_code_zip(e) == ZIP_ER_MEMORY        ? DL4C_E_NOMEM
                               : zip_error_code_zip(e) == ZIP_ER_COMPNOTSUPP ? DL4C_E_UNSUPPORTED
                               : zip_error_code_zip(e) == ZIP_ER_NOPASSWD    ? DL4C_E_UNSUPPORTED
                                                                             : DL4C_E_CORRUPT;
    return dli_fail(err, status, "dl4j", "%s: %.200s", what, zip_error_strerror(e));
}

static zip_int64_t source_read(struct file_source *s, unsigned char *out, uint64_t n)
{
    uint64_t done = 0;
    if (n > s->size - s->at)
        n = s->size - s->at;
    while (done < n) {
        if (s->at < s->window_at || s->at >= s->window_at + s->window_n) {
            const uint64_t left = s->size - s->at;
            const size_t want = left < s->room ? (size_t)left : s->room;
            s->window_n = 0;
            if (dl4c_fs_read_at(s->file, (int64_t)s->at, s->window, want, &s->failed) != DL4C_OK)
                return -1;
            s->window_at = s->at;
            s->window_n = want;
        }
        const uint64_t from = s->at - s->window_at, here = s->window_n - from, part = here < n - done ? here : n - done;
        memcpy(out + done, s->window + from, (size_t)part);
        s->at += part;
        done += part;
    }
    return (zip_int64_t)done;
}

static zip_int64_t source_call(void *user, void *data, zip_uint64_t len, zip_source_cmd_t cmd)
{
    struct file_source *s = user;
    zip_error_t e;
    zip_error_init(&e);
    switch (cmd) {
    case ZIP_SOURCE_SUPPORTS:
        return ZIP_SOURCE_SUPPORTS_SEEKABLE;
    case ZIP_SOURCE_OPEN:
        s->at = 0;
        return 0;
    case ZIP_SOURCE_READ:
        return source_read(s, data, len);
    case ZIP_SOURCE_SEEK: {
        const zip_int64_t at = zip_source_seek_compute_offset(s->at, s->size, data, len, &e);
        if (at >= 0)
            s->at = (uint64_t)at;
        return at < 0 ? -1 : 0;
    }
    case ZIP_SOURCE_TELL:
        return (zip_int64_t)s->at;
    case ZIP_SOURCE_STAT: {
        zip_stat_t *st = ZIP_SOURCE_GET_ARGS(zip_stat_t, data, len, &e);
        if (!st)
            return -1;
        zip_stat_init(st);
        st->valid = ZIP_STAT_SIZE;
        st->size = s->size;
        return sizeof *st;
    }
    case ZIP_SOURCE_ERROR:
        zip_error_set(&e, s->failed.status == DL4C_OK ? ZIP_ER_INVAL : ZIP_ER_READ, 0);
        return zip_error_to_data(&e, data, len);
    case ZIP_SOURCE_CLOSE:
    case ZIP_SOURCE_FREE:
        return 0;
    default:
        return -1;
    }
}

/* Entries lie behind each other, each with a header of 30 bytes before it and one of 46 in the directory, both with its name. */
static dl4c_status check_room(const struct dli_dl4j_zip *z, struct dl4c_error *err)
{
    const zip_int64_t n = zip_get_num_entries(z->archive, 0);
    uint64_t sum = 22; /* what ends the directory */
    for (zip_int64_t i = 0; i < n; i++) {
        zip_stat_t st;
        if (zip_stat_index(z->archive, (zip_uint64_t)i, 0, &st) != 0 || !(st.valid & ZIP_STAT_COMP_SIZE) || !(st.valid & ZIP_STAT_NAME))
            continue; /* opening it says what is wrong */
        const uint64_t room = 30 + 46 + 2 * strlen(st.name);
        if (st.comp_size > z->size || sum + st.comp_size + room > z->size)
            return dli_fail(err, DL4C_E_CORRUPT, "dl4j",
                            "entries of the archive overlap: %.100s and those before it say they take more than its %zu bytes", st.name,
                            z->size);
        sum += st.comp_size + room;
    }
    return DL4C_OK;
}

/* Takes the source, which is NULL where *e says why. */
static dl4c_status open_source(struct dli_dl4j_zip *z, zip_source_t *source, zip_error_t *e, struct dli_dl4j_zip **zip,
                               struct dl4c_error *err)
{
    if (source) {
        z->archive = zip_open_from_source(source, ZIP_RDONLY, e);
        if (!z->archive)
            zip_source_free(source);
    }
    const dl4c_status status = z->archive ? check_room(z, err) : zip_failed(z, e, "the zip archive is damaged", err);
    zip_error_fini(e);
    if (status == DL4C_OK) {
        *zip = z;
        return DL4C_OK;
    }
    if (z->archive)
        zip_discard(z->archive);
    dli_free(z->source.window);
    dli_free(z);
    return status;
}

dl4c_status dli_dl4j_zip_open(const void *bytes, size_t size, struct dli_dl4j_zip **zip, dl4c_context *ctx, struct dl4c_error *err)
{
    *zip = NULL;
    struct dli_dl4j_zip *z = dli_calloc(ctx, 1, sizeof *z, err);
    if (!z)
        return dli_alloc_status();
    zip_error_t e;
    zip_error_init(&e);
    z->ctx = ctx;
    z->size = size;
    return open_source(z, zip_source_buffer_create(bytes, size, 0, &e), &e, zip, err);
}

dl4c_status dli_dl4j_zip_open_file(dl4c_fs_file *file, struct dli_dl4j_zip **zip, dl4c_context *ctx, struct dl4c_error *err)
{
    const uint64_t size = (uint64_t)dl4c_fs_size(file);
    *zip = NULL;
    if (size > SIZE_MAX)
        return dli_fail(err, DL4C_E_LIMIT, "dl4j", "%" PRIu64 " bytes are more than memory can hold", size);
    struct dli_dl4j_zip *z = dli_calloc(ctx, 1, sizeof *z, err);
    if (!z)
        return dli_alloc_status();
    z->ctx = ctx;
    z->size = (size_t)size;
    z->source = (struct file_source){ .file = file, .size = size, .room = size < WINDOW ? (size_t)size : WINDOW };
    z->source.window = dli_alloc(ctx, z->source.room ? z->source.room : 1, err);
    if (!z->source.window) {
        dli_free(z);
        return dli_alloc_status();
    }
    zip_error_t e;
    zip_error_init(&e);
    return open_source(z, zip_source_function_create(source_call, &z->source, &e), &e, zip, err);
}

void dli_dl4j_zip_close(struct dli_dl4j_zip **zip)
{
    if (!*zip)
        return;
    zip_discard((*zip)->archive);
    dli_free((*zip)->source.window);
    dli_free(*zip);
    *zip = NULL;
}

/* Of two with one name programs take the first or the last, as they like. */
static dl4c_status check_alone(const struct dli_dl4j_zip *zip, const char *name, zip_int64_t index, struct dl4c_error *err)
{
    const zip_int64_t n = zip_get_num_entries(zip->archive, 0);
    for (zip_int64_t i = 0; i < n; i++) {
        const char *other = i == index ? NULL : zip_get_name(zip->archive, (zip_uint64_t)i, ZIP_FL_ENC_RAW);
        if (other && strcmp(other, name) == 0)
            return dli_fail(err, DL4C_E_CORRUPT, "dl4j", "the archive has %s twice", name);
    }
    return DL4C_OK;
}

dl4c_status dli_dl4j_entry_open(struct dli_dl4j_zip *zip, const char *name, struct dli_dl4j_entry **e, struct dl4c_error *err)
{
    *e = NULL;
    const zip_int64_t index = zip_name_locate(zip->archive, name, ZIP_FL_ENC_RAW);
    if (index < 0)
        return DL4C_OK;
    zip_stat_t st;
    DLI_TRY(check_alone(zip, name, index, err));
    if (zip_stat_index(zip->archive, (zip_uint64_t)index, 0, &st) != 0)
        return zip_failed(zip, zip_get_error(zip->archive), name, err);
    if ((st.valid & ZIP_STAT_ENCRYPTION_METHOD) && st.encryption_method != ZIP_EM_NONE)
        return dli_fail(err, DL4C_E_UNSUPPORTED, "dl4j", "%s is encrypted, which is not supported", name);
    if ((st.valid & ZIP_STAT_COMP_METHOD) && st.comp_method != ZIP_CM_STORE && st.comp_method != ZIP_CM_DEFLATE)
        return dli_fail(err, DL4C_E_UNSUPPORTED, "dl4j", "%s is compressed by method %u, wanted 0 (stored) or 8 (deflated)", name,
                        (unsigned)st.comp_method);
    const zip_uint64_t wanted = ZIP_STAT_SIZE | ZIP_STAT_COMP_SIZE;
    if ((st.valid & wanted) != wanted)
        return dli_fail(err, DL4C_E_CORRUPT, "dl4j", "%s: the archive does not say how long it is", name);
    if (st.comp_size > zip->size) /* what is allocated is bounded by it */
        return dli_fail(err, DL4C_E_CORRUPT, "dl4j", "%s says it takes %" PRIu64 " bytes of an archive that has %zu", name, st.comp_size,
                        zip->size);
    struct dli_dl4j_entry *fresh = dli_calloc(zip->ctx, 1, sizeof *fresh, err);
    if (!fresh)
        return dli_alloc_status();
    fresh->ctx = zip->ctx;
    fresh->zip = zip;
    fresh->name = name;
    fresh->size = st.size;
    fresh->stored = st.comp_size;
    fresh->file = zip_fopen_index(zip->archive, (zip_uint64_t)index, 0);
    if (!fresh->file) {
        dli_free(fresh);
        return zip_failed(zip, zip_get_error(zip->archive), name, err);
    }
    *e = fresh;
    return DL4C_OK;
}

void dli_dl4j_entry_close(struct dli_dl4j_entry **e)
{
    if (!*e)
        return;
    zip_fclose((*e)->file);
    dli_free(*e);
    *e = NULL;
}

uint64_t dli_dl4j_entry_size(const struct dli_dl4j_entry *e) { return e->size; }
uint64_t dli_dl4j_entry_stored(const struct dli_dl4j_entry *e) { return e->stored; }

/* Up to n bytes; less only at the end. */
static dl4c_status read_some(struct dli_dl4j_entry *e, char *bytes, size_t n, size_t *got, struct dl4c_error *err)
{
    *got = 0;
    while (*got < n) {
        const zip_int64_t r = zip_fread(e->file, bytes + *got, n - *got);
        if (r < 0)
            return zip_failed(e->zip, zip_file_get_error(e->file), e->name, err);
        if (r == 0)
            break;
        *got += (size_t)r;
        e->at += (uint64_t)r;
    }
    return DL4C_OK;
}

dl4c_status dli_dl4j_entry_read(struct dli_dl4j_entry *e, void *bytes, size_t n, struct dl4c_error *err)
{
    size_t got;
    DLI_TRY(read_some(e, bytes, n, &got, err));
    if (got < n)
        return dli_fail(err, DL4C_E_CORRUPT, "dl4j", "%s ends after %" PRIu64 " bytes, wanted %zu more", e->name, e->at, n - got);
    return DL4C_OK;
}

dl4c_status dli_dl4j_entry_end(struct dli_dl4j_entry *e, struct dl4c_error *err)
{
    char more;
    size_t got;
    DLI_TRY(read_some(e, &more, 1, &got, err));
    if (got > 0)
        return dli_fail(err, DL4C_E_CORRUPT, "dl4j", "%s goes on after the %" PRIu64 " bytes that it should have", e->name, e->at - 1);
    if (e->at != e->size)
        return dli_fail(err, DL4C_E_CORRUPT, "dl4j", "%s has %" PRIu64 " bytes, the archive says %" PRIu64, e->name, e->at, e->size);
    return DL4C_OK;
}

dl4c_status dli_dl4j_entry_text(struct dli_dl4j_entry *e, size_t limit, char **text, size_t *size, struct dl4c_error *err)
{
    *text = NULL;
    *size = 0;
    if (e->size > limit)
        return dli_fail(err, DL4C_E_LIMIT, "dl4j", "%s has %" PRIu64 " bytes, wanted at most %zu", e->name, e->size, limit);
    if (e->size > e->stored * DLI_DL4J_RATIO + 64)
        return dli_fail(err, DL4C_E_CORRUPT, "dl4j", "%s says it has %" PRIu64 " bytes, which %" PRIu64 " in the file cannot make", e->name,
                        e->size, e->stored);
    char *t = dli_alloc(e->ctx, (size_t)e->size + 1, err);
    if (!t)
        return dli_alloc_status();
    dl4c_status status = dli_dl4j_entry_read(e, t, (size_t)e->size, err);
    if (status == DL4C_OK)
        status = dli_dl4j_entry_end(e, err);
    if (status != DL4C_OK) {
        dli_free(t);
        return status;
    }
    t[e->size] = '\0';
    *text = t;
    *size = (size_t)e->size;
    return DL4C_OK;
}
