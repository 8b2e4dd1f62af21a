/* SPDX-License-Identifier: Apache-2.0 */
/* What the fuzz targets share: a bounded context, and the promises every reading call makes whatever the bytes are. */
#ifndef TESTS_FUZZ_FUZZ_H
#define TESTS_FUZZ_FUZZ_H

#include <dl4c/dl4c.h>
#include <stdbool.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

/* One thread, 256 MiB; lives as long as the process. */
dl4c_context *fuzz_context(void);
/*
 * Aborts where a promise is broken: a failure leaves no handle and says something; memory that the call took is back (destroy the handle
 * before); at its highest the context held at most `factor` times the input and `extra` bytes. 0 and 0: no such bound.
 */
void fuzz_check(dl4c_status status, const void *handle, const struct dl4c_error *err);
void fuzz_balanced(size_t size, int64_t factor, int64_t extra);
/* The bound alone, of all up to here: before what was read is run. */
void fuzz_bounded(size_t size, int64_t factor, int64_t extra);
/* What the context holds now it may keep. */
void fuzz_settled(void);

/* Reads a graph every way that needs nothing but it, and runs it where that is cheap. Destroys it. */
void fuzz_graph(dl4c_graph *graph);

#endif
