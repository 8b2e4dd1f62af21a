/* SPDX-License-Identifier: Apache-2.0 */
/* A whole file in memory of its exact size, so that reading past its end is seen by the sanitizers. */
#ifndef DLI_TESTS_READ_FILE_H
#define DLI_TESTS_READ_FILE_H

#include <stddef.h>

/* Freed by free(). NULL where the file cannot be read. */
unsigned char *read_file(const char *path, size_t *size);

#endif
