/* SPDX-License-Identifier: Apache-2.0 */
/* UNDER_ASAN, UNDER_TSAN: whether the code is compiled for that sanitizer, by gcc or clang. under_valgrind(): whether valgrind runs it. */
#ifndef TESTS_SUPPORT_UNDER_H
#define TESTS_SUPPORT_UNDER_H

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#if defined(__SANITIZE_ADDRESS__)
#define UNDER_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define UNDER_ASAN 1
#endif
#endif
#ifndef UNDER_ASAN
#define UNDER_ASAN 0
#endif

#if defined(__SANITIZE_THREAD__)
#define UNDER_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define UNDER_TSAN 1
#endif
#endif
#ifndef UNDER_TSAN
#define UNDER_TSAN 0
#endif

/* Its tools are loaded into the program by this variable. */
static inline bool under_valgrind(void)
{
    const char *loaded = getenv("LD_PRELOAD");
    return loaded && strstr(loaded, "vgpreload_");
}

#endif
