/* SPDX-License-Identifier: Apache-2.0 */
/* An arena behind struct jpeg_memory_mgr. Requests are rounded up and aligned to DLI_ALIGN, and rows are too: libjpeg-turbo's vector
 * code works on whole vectors past the end of a row. */
#include "image/jpeg_memory.h"

#include <jerror.h>
#include <string.h>

enum { CHUNK = 64 << 10, KEEP = 4 << 20 };

struct dli_jpeg_chunk {
    struct dli_jpeg_chunk *older;
    size_t size;
    char pad[DLI_ALIGN - sizeof(void *) - sizeof(size_t)];
};
_Static_assert(sizeof(struct dli_jpeg_chunk) == DLI_ALIGN, "memory after the chunk's head is aligned");

struct jvirt_sarray_control {
    JSAMPARRAY rows; /* NULL until realized */
    JDIMENSION width, n_rows, max_access;
    struct jvirt_sarray_control *next;
};

struct jvirt_barray_control {
    JBLOCKARRAY rows;
    JDIMENSION width, n_rows, max_access;
    struct jvirt_barray_control *next;
};

static struct dli_jpeg_memory *of(j_common_ptr cinfo) { return (struct dli_jpeg_memory *)cinfo->mem; }

static void *take(j_common_ptr cinfo, size_t size)
{
    struct dli_jpeg_memory *m = of(cinfo);
    size_t want, whole;
    if (!dli_add_size(size, DLI_ALIGN - 1, &want) || !dli_add_size(want, sizeof(struct dli_jpeg_chunk), &whole)) {
        dli_fail(&m->failure, DL4C_E_NOMEM, "jpeg", "a block of %zu bytes cannot exist", size);
        ERREXIT1(cinfo, JERR_OUT_OF_MEMORY, 0);
    }
    want &= ~(size_t)(DLI_ALIGN - 1);
    if (!m->chunks || m->room - m->used < want) {
        size_t chunk_size = m->chunks ? CHUNK : m->total > CHUNK ? m->total : CHUNK;
        if (chunk_size < want)
            chunk_size = want;
        struct dli_jpeg_chunk *chunk = dli_alloc_aligned(m->ctx, sizeof *chunk + chunk_size, &m->failure);
        if (!chunk)
            ERREXIT1(cinfo, JERR_OUT_OF_MEMORY, 0);
        if (!m->chunks)
            m->total = 0;
        chunk->older = m->chunks;
        chunk->size = chunk_size;
        m->chunks = chunk;
        m->used = 0;
        m->room = chunk_size;
        m->total += chunk_size;
    }
    void *p = (char *)(m->chunks + 1) + m->used;
    m->used += want;
    return p;
}

static void *alloc_any(j_common_ptr cinfo, int pool_id, size_t size) { return take(cinfo, size); }

static size_t product(j_common_ptr cinfo, size_t a, size_t b)
{
    size_t c;
    if (!dli_mul_size(a, b, &c)) {
        dli_fail(&of(cinfo)->failure, DL4C_E_NOMEM, "jpeg", "%zu rows of %zu bytes cannot exist", b, a);
        ERREXIT1(cinfo, JERR_OUT_OF_MEMORY, 0);
    }
    return c;
}

/* n_rows pointers to rows of row_bytes each, in one block. */
static void *alloc_rows(j_common_ptr cinfo, size_t row_bytes, size_t n_rows)
{
    const size_t stride = (row_bytes + DLI_ALIGN - 1) & ~(size_t)(DLI_ALIGN - 1);
    char **rows = take(cinfo, product(cinfo, sizeof *rows, n_rows));
    char *data = take(cinfo, product(cinfo, stride, n_rows));
    for (size_t i = 0; i < n_rows; i++)
        rows[i] = data + i * stride;
    return rows;
}

static JSAMPARRAY alloc_sarray(j_common_ptr cinfo, int pool_id, JDIMENSION width, JDIMENSION n_rows)
{
    return alloc_rows(cinfo, product(cinfo, width, sizeof(JSAMPLE)), n_rows);
}

static JBLOCKARRAY alloc_barray(j_common_ptr cinfo, int pool_id, JDIMENSION width, JDIMENSION n_rows)
{
    return alloc_rows(cinfo, product(cinfo, width, sizeof(JBLOCK)), n_rows);
}

static jvirt_sarray_ptr request_sarray(j_common_ptr cinfo, int pool_id, boolean pre_zero, JDIMENSION width, JDIMENSION n_rows,
                                       JDIMENSION max)
{
    jvirt_sarray_ptr a = take(cinfo, sizeof *a);
    *a = (struct jvirt_sarray_control){ NULL, width, n_rows, max, of(cinfo)->sarrays };
    return of(cinfo)->sarrays = a;
}

static jvirt_barray_ptr request_barray(j_common_ptr cinfo, int pool_id, boolean pre_zero, JDIMENSION width, JDIMENSION n_rows,
                                       JDIMENSION max)
{
    jvirt_barray_ptr a = take(cinfo, sizeof *a);
    *a = (struct jvirt_barray_control){ NULL, width, n_rows, max, of(cinfo)->barrays };
    return of(cinfo)->barrays = a;
}

/* Everything is held in memory and cleared, whether it was asked for or not: what a file leaves unwritten is then always the same. */
static void realize(j_common_ptr cinfo)
{
    for (jvirt_sarray_ptr a = of(cinfo)->sarrays; a; a = a->next)
        if (!a->rows) {
            a->rows = alloc_rows(cinfo, a->width, a->n_rows);
            for (JDIMENSION i = 0; i < a->n_rows; i++)
                memset(a->rows[i], 0, a->width);
        }
    for (jvirt_barray_ptr a = of(cinfo)->barrays; a; a = a->next)
        if (!a->rows) {
            a->rows = alloc_rows(cinfo, product(cinfo, a->width, sizeof(JBLOCK)), a->n_rows);
            for (JDIMENSION i = 0; i < a->n_rows; i++)
                memset(a->rows[i], 0, a->width * sizeof(JBLOCK));
        }
}

static void check_access(j_common_ptr cinfo, const void *rows, JDIMENSION start, JDIMENSION n, JDIMENSION n_rows, JDIMENSION max)
{
    if (!rows || n > max || start > n_rows || n > n_rows - start)
        ERREXIT(cinfo, JERR_BAD_VIRTUAL_ACCESS);
}

static JSAMPARRAY access_sarray(j_common_ptr cinfo, jvirt_sarray_ptr a, JDIMENSION start, JDIMENSION n, boolean writable)
{
    check_access(cinfo, a->rows, start, n, a->n_rows, a->max_access);
    return a->rows + start;
}

static JBLOCKARRAY access_barray(j_common_ptr cinfo, jvirt_barray_ptr a, JDIMENSION start, JDIMENSION n, boolean writable)
{
    check_access(cinfo, a->rows, start, n, a->n_rows, a->max_access);
    return a->rows + start;
}

/* Both pools end together, when the decoder resets the arena. */
static void free_pool(j_common_ptr cinfo, int pool_id) {}
static void self_destruct(j_common_ptr cinfo) {}

void dli_jpeg_memory_init(struct dli_jpeg_memory *m, dl4c_context *ctx)
{
    memset(m, 0, sizeof *m);
    m->ctx = ctx;
}

struct jpeg_memory_mgr *dli_jpeg_memory_attach(struct dli_jpeg_memory *m, j_common_ptr cinfo)
{
    struct jpeg_memory_mgr *old = cinfo->mem;
    m->pub = (struct jpeg_memory_mgr){
        .alloc_small = alloc_any,
        .alloc_large = alloc_any,
        .alloc_sarray = alloc_sarray,
        .alloc_barray = alloc_barray,
        .request_virt_sarray = request_sarray,
        .request_virt_barray = request_barray,
        .realize_virt_arrays = realize,
        .access_virt_sarray = access_sarray,
        .access_virt_barray = access_barray,
        .free_pool = free_pool,
        .self_destruct = self_destruct,
        .max_memory_to_use = old->max_memory_to_use,
        .max_alloc_chunk = old->max_alloc_chunk,
    };
    m->failure.status = DL4C_OK;
    cinfo->mem = &m->pub;
    return old;
}

static void free_chunks(struct dli_jpeg_memory *m)
{
    while (m->chunks) {
        struct dli_jpeg_chunk *older = m->chunks->older;
        dli_free(m->chunks);
        m->chunks = older;
    }
}

void dli_jpeg_memory_reset(struct dli_jpeg_memory *m)
{
    m->sarrays = NULL;
    m->barrays = NULL;
    if (!m->chunks || (!m->chunks->older && m->chunks->size <= KEEP)) {
        m->used = 0;
        return;
    }
    free_chunks(m);
    m->used = m->room = 0;
    if (m->total > KEEP)
        m->total = KEEP;
}

void dli_jpeg_memory_free(struct dli_jpeg_memory *m)
{
    free_chunks(m);
    m->used = m->room = m->total = 0;
}
