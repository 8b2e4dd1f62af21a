/* SPDX-License-Identifier: Apache-2.0 */
/* What many tests say: this call must succeed; and a pause, where somebody else shall come to wait. */
#ifndef TESTS_SUPPORT_MUST_H
#define TESTS_SUPPORT_MUST_H

#include <dl4c/base.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <poll.h>

static inline void must(dl4c_status status, const struct dl4c_error *why)
{
    if (status != DL4C_OK)
        fail_msg("%s: %s: %s", dl4c_status_name(status), why->origin, why->message);
}

static inline void wait_ms(int ms) { (void)poll(NULL, 0, ms); }

#endif
