/* SPDX-License-Identifier: Apache-2.0 */
/* What lies in Deeplearning4j's models: configuration, parameters, the updater's state and the normalizer, one after the other with
 * a line "--8<--" between them. They are put into a whole zip with right sizes and checksums, which a mutation would never get past. */
#define _GNU_SOURCE
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

static const char *const names[] = { "configuration.json", "coefficients.bin", "updaterState.bin", "normalizer.bin" };
enum { ENTRIES = sizeof names / sizeof *names };

struct out {
    uint8_t *bytes;
    size_t n;
};

static void put(struct out *z, const void *bytes, size_t n)
{
    if (n > 0)
        memcpy(z->bytes + z->n, bytes, n);
    z->n += n;
}

static void le(struct out *z, uint32_t v, int n)
{
    for (int i = 0; i < n; i++)
        z->bytes[z->n++] = (uint8_t)(v >> 8 * i);
}

/* What a local header and an entry of the directory have in common, from the version that is needed to the name's length. */
static void common(struct out *z, const char *name, const uint8_t *bytes, size_t n)
{
    le(z, 20, 2);
    le(z, 0, 4);          /* flags; stored */
    le(z, 0x00210000, 4); /* 1 January 1980 */
    le(z, (uint32_t)crc32(0, bytes, (uInt)n), 4);
    le(z, (uint32_t)n, 4);
    le(z, (uint32_t)n, 4);
    le(z, (uint32_t)strlen(name), 2);
    le(z, 0, 2);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static const char cut[] = "\n--8<--\n";
    const uint8_t *part[ENTRIES];
    size_t n[ENTRIES], at[ENTRIES];
    int parts = 0;
    for (const uint8_t *p = bytes, *end = bytes + size; parts < ENTRIES; parts++) {
        const uint8_t *next = parts + 1 < ENTRIES ? memmem(p, (size_t)(end - p), cut, sizeof cut - 1) : NULL;
        part[parts] = p;
        n[parts] = (size_t)((next ? next : end) - p);
        if (!next) {
            parts++;
            break;
        }
        p = next + sizeof cut - 1;
    }
    struct out z = { malloc(size + ENTRIES * 200 + 22), 0 };
    if (!z.bytes)
        return 0;
    for (int i = 0; i < parts; i++) {
        at[i] = z.n;
        le(&z, 0x04034b50, 4);
        common(&z, names[i], part[i], n[i]);
        put(&z, names[i], strlen(names[i]));
        put(&z, part[i], n[i]);
    }
    const size_t directory = z.n;
    for (int i = 0; i < parts; i++) {
        le(&z, 0x02014b50, 4);
        le(&z, 20, 2);
        common(&z, names[i], part[i], n[i]);
        le(&z, 0, 4); /* comment, disk */
        le(&z, 0, 4);
        le(&z, 0, 2);
        le(&z, (uint32_t)at[i], 4);
        put(&z, names[i], strlen(names[i]));
    }
    const size_t end = z.n;
    le(&z, 0x06054b50, 4);
    le(&z, 0, 4);
    le(&z, (uint32_t)parts, 2);
    le(&z, (uint32_t)parts, 2);
    le(&z, (uint32_t)(end - directory), 4);
    le(&z, (uint32_t)directory, 4);
    le(&z, 0, 2);

    struct dl4c_load_options o = DL4C_LOAD_OPTIONS_INIT;
    struct dl4c_error err = DL4C_ERROR_INIT;
    dl4c_graph *graph = NULL;
    o.format = "dl4j";
    const dl4c_status status = dl4c_model_load_memory(fuzz_context(), z.bytes, z.n, &o, &graph, &err);
    free(z.bytes);
    fuzz_check(status, graph, &err);
    /* Numbers grow from 2 bytes to 4; a vertex of some hundred letters takes a few KiB. */
    fuzz_bounded(size, 128, 1 << 20);
    fuzz_graph(graph);
    fuzz_balanced(size, 0, 0);
    return 0;
}
