/* SPDX-License-Identifier: Apache-2.0 */
/* The record of a training as dl4c monitor reads it: run.json, scores.jsonl, epochs.jsonl and events.jsonl with lines "--8<--" between, in
 * a file system in memory. The first byte says how much of each file is there at the first look; the rest has come at the second. */
#define _GNU_SOURCE
#include "fs/memory_fs.h"
#include "fuzz.h"
#include "monitor/monitor.h"

#include <string.h>

enum { FILES = 4 };
static const char *const names[FILES] = { "h/r/run.json", "h/r/scores.jsonl", "h/r/epochs.jsonl", "h/r/events.jsonl" };
static const char cut[] = "\n--8<--\n";

static void look(dl4c_monitor *m)
{
    struct dl4c_error err = DL4C_ERROR_INIT;
    struct dli_strbuf b;
    int looks = 0;
    do {
        if (++looks > 1000)
            __builtin_trap(); /* it must come to the end */
        const dl4c_status status = dli_record_refresh(m->records[0], ++m->stamp, 1 << 16, &err);
        if (status != DL4C_OK)
            fuzz_check(status, NULL, &err);
    } while (m->records[0]->more);
    dli_strbuf_init(&b, m->ctx);
    dli_monitor_write(m, NULL, &b);
    if (b.err.status == DL4C_OK && (b.length < 2 || strlen(b.text) != b.length))
        __builtin_trap();
    dli_strbuf_free(&b);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    static struct memory_fs fs;
    static bool registered;
    if (!registered) {
        registered = true;
        fuzz_context();
        if (dl4c_fs_register(fuzz_context(), &memory_fs_ops, &fs, NULL, NULL) != DL4C_OK)
            return 0;
        fuzz_settled();
    }
    struct dl4c_error err = DL4C_ERROR_INIT;
    struct dli_record *r;
    if (size < 1 || dli_record_create(fuzz_context(), "mem://h/r", &r, &err) != DL4C_OK)
        return 0;
    dl4c_monitor m = { .ctx = fuzz_context(), .records = &r, .n = 1, .id = 1 };
    for (int pass = 0; pass < 2; pass++) {
        const uint8_t *at = bytes + 1;
        size_t left = size - 1;
        for (int i = 0; i < FILES; i++) {
            const uint8_t *end = memmem(at, left, cut, sizeof cut - 1);
            const size_t n = end ? (size_t)(end - at) + 1 : left; /* the line end before the cut is the file's */
            memory_fs_put(&fs, names[i], at, pass ? n : n * bytes[0] / 255);
            at += end ? n + sizeof cut - 2 : n;
            left -= end ? n + sizeof cut - 2 : n;
        }
        look(&m);
    }
    if (r->scores.n > r->scores.most || r->epochs.n > r->epochs.most || r->n_events > 1000)
        __builtin_trap();
    dli_record_destroy(&r);
    memory_fs_clear(&fs);
    fuzz_balanced(size, 64, 96ll << 20);
    return 0;
}
