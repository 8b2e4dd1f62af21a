/* SPDX-License-Identifier: Apache-2.0 */
/* Memory that ends at a page nobody may touch. */
#ifndef DLI_TESTS_GUARD_H
#define DLI_TESTS_GUARD_H

#include <stddef.h>

/* `size` bytes whose end is the start of a page without access; filled with 0xa5. Stops the test program where it fails. */
void *guard_alloc(size_t size);
void guard_free(void *memory, size_t size);

#endif
