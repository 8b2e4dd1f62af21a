/* SPDX-License-Identifier: Apache-2.0 */
/* Failing allocations one by one. */
#ifndef TESTS_SUPPORT_FAIL_ALLOC_H
#define TESTS_SUPPORT_FAIL_ALLOC_H

#include <dl4c/base.h>

/* What is tried: makes its objects in ctx, gives everything back, returns what the call under test answered. It asserts itself that
 * outputs are NULL after a failure. */
typedef dl4c_status (*fail_alloc_fn)(dl4c_context *ctx, void *arg, struct dl4c_error *err);

/* Runs fn with a fresh context of one thread whose Nth allocation fails, for N = 1, 2, ... until none was left to fail; each N twice,
 * failing it alone, then it and all after it. Past N = 300 the steps grow, so that long calls end, unless DL4C_TEST_FULL asks for
 * every one. fn may use threads of its own making: any of them may meet the failure. A run that fails must answer
 * DL4C_E_NOMEM with a message, and every run must give back every block, with the size it was taken with; else the test fails.
 * A run that gets by without the block is right. Returns how many runs failed, at least 1. */
int fail_alloc_run(fail_alloc_fn fn, void *arg);

/* Runs fn with a fresh context under memory limits from hardly any to enough. Below, it must answer DL4C_E_LIMIT, in the error too; every
 * run must give back every block. Returns how many limits were too low, at least 1. */
int fail_alloc_limits(fail_alloc_fn fn, void *arg);

/* An allocator for contexts that fails never and counts; 0 when all blocks are back. */
struct fail_alloc {
    long fail_at; /* counts from 1; 0: never */
    int and_all_after;
    _Atomic long calls, live, injected;
};
void *fail_alloc_take(void *user, size_t size, size_t alignment);
void fail_alloc_release(void *user, void *memory, size_t size);

#endif
