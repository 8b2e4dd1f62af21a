/* SPDX-License-Identifier: Apache-2.0 */
/* A guard page behind every buffer: a byte too far stops the test. */
#define _DEFAULT_SOURCE
#include "support/guard.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static size_t pages(size_t size)
{
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    return (size + page - 1) / page * page;
}

void *guard_alloc(size_t size)
{
    const size_t page = (size_t)sysconf(_SC_PAGESIZE), body = pages(size);
    char *map = mmap(NULL, body + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (map == MAP_FAILED || mprotect(map + body, page, PROT_NONE) != 0) {
        perror("guard_alloc");
        exit(1);
    }
    memset(map, 0xa5, body);
    return map + body - size;
}

void guard_free(void *memory, size_t size)
{
    if (memory)
        munmap((char *)memory - (pages(size) - size), pages(size) + (size_t)sysconf(_SC_PAGESIZE));
}
