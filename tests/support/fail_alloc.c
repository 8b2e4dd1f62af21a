/* SPDX-License-Identifier: Apache-2.0 */
/* Failing allocations one by one. */
#include "support/fail_alloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

struct head { /* before the block: what release must say again */
    void *base;
    size_t size;
};

void *fail_alloc_take(void *user, size_t size, size_t alignment)
{
    struct fail_alloc *f = user;
    const long n = ++f->calls;
    if (f->fail_at && (n == f->fail_at || (n > f->fail_at && f->and_all_after))) {
        f->injected++;
        return NULL;
    }
    char *base = malloc(size + alignment + sizeof(struct head));
    if (!base)
        return NULL;
    char *block = base + sizeof(struct head);
    block += (alignment - (uintptr_t)block % alignment) % alignment;
    const struct head h = { base, size };
    memcpy(block - sizeof h, &h, sizeof h);
    memset(block, 0xa5, size);
    f->live++;
    return block;
}

void fail_alloc_release(void *user, void *memory, size_t size)
{
    struct fail_alloc *f = user;
    struct head h;
    memcpy(&h, (char *)memory - sizeof h, sizeof h);
    if (h.size != size) { /* cmocka's asserts are for the test's own thread */
        fprintf(stderr, "a block of %zu bytes was given back as one of %zu\n", h.size, size);
        abort();
    }
    f->live--;
    free(h.base);
}

static dl4c_status run_once(fail_alloc_fn fn, void *arg, long fail_at, int and_all_after, long *injected)
{
    struct fail_alloc f = { .fail_at = 0, .and_all_after = and_all_after };
    struct dl4c_context_options o = DL4C_CONTEXT_OPTIONS_INIT;
    struct dl4c_error err = DL4C_ERROR_INIT;
    dl4c_context *ctx;
    o.alloc = fail_alloc_take;
    o.release = fail_alloc_release;
    o.alloc_user = &f;
    o.threads = 1;
    assert_int_equal(dl4c_context_create(&o, &ctx, NULL), DL4C_OK);
    f.calls = 0;
    f.fail_at = fail_at;
    const dl4c_status status = fn(ctx, arg, &err);
    f.fail_at = 0;
    *injected = f.injected;
    dl4c_context_destroy(&ctx);
    if (f.live != 0)
        fail_msg("allocation %ld failed%s: %ld blocks were not given back", fail_at, and_all_after ? " and all after it" : "",
                 (long)f.live);
    if (status != DL4C_OK && (status != DL4C_E_NOMEM || err.status != status || !err.message[0] || *injected == 0))
        fail_msg("allocation %ld failed%s: answered %s with \"%s\" of %s", fail_at, and_all_after ? " and all after it" : "",
                 dl4c_status_name(status), err.message, dl4c_status_name(err.status));
    return status;
}

int fail_alloc_run(fail_alloc_fn fn, void *arg)
{
    const bool full = getenv("DL4C_TEST_FULL") != NULL;
    int failures = 0;
    long injected = 1;
    for (long n = 1; injected > 0; n += full || n < 300 ? 1 : n / 16) {
        failures += run_once(fn, arg, n, 0, &injected) != DL4C_OK;
        failures += run_once(fn, arg, n, 1, &injected) != DL4C_OK;
    }
    assert_true(failures > 0);
    return failures;
}

int fail_alloc_limits(fail_alloc_fn fn, void *arg)
{
    const int64_t finer = getenv("DL4C_TEST_FULL") ? 100 : 9;
    int failures = 0;
    dl4c_status status = DL4C_E_LIMIT;
    for (int64_t limit = 1500; status != DL4C_OK; limit += limit / finer + 64) {
        struct fail_alloc f = { .fail_at = 0 };
        struct dl4c_context_options o = DL4C_CONTEXT_OPTIONS_INIT;
        struct dl4c_error err = DL4C_ERROR_INIT;
        dl4c_context *ctx;
        o.alloc = fail_alloc_take;
        o.release = fail_alloc_release;
        o.alloc_user = &f;
        o.threads = 1;
        o.memory_limit_bytes = limit;
        assert_int_equal(dl4c_context_create(&o, &ctx, NULL), DL4C_OK);
        status = fn(ctx, arg, &err);
        dl4c_context_destroy(&ctx);
        if (f.live != 0)
            fail_msg("a limit of %lld bytes: %ld blocks were not given back", (long long)limit, (long)f.live);
        if (status != DL4C_OK && (status != DL4C_E_LIMIT || err.status != status || !err.message[0]))
            fail_msg("a limit of %lld bytes: answered %s with \"%s\" of %s", (long long)limit, dl4c_status_name(status), err.message,
                     dl4c_status_name(err.status));
        failures += status != DL4C_OK;
    }
    assert_true(failures > 0);
    return failures;
}
