/* SPDX-License-Identifier: Apache-2.0 */
/* Whole files, and the arrays of recorded cases; apart from the library's own reader, so that one does not vouch for the other. */
#ifndef DLI_TESTS_NPY_H
#define DLI_TESTS_NPY_H

#include <stddef.h>
#include <stdint.h>

/* All bytes of a file with a NUL behind them, freed by free(); NULL where it cannot be read. size may be NULL. */
char *test_read_file(const char *path, size_t *size);

/* A .npy of '<f4' in C order: its values, freed by free(), and its shape (1 to 4 axes, the rest 1). NULL for anything else. */
float *test_read_npy_f32(const char *path, int64_t shape[4]);

#endif
