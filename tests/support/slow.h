/* SPDX-License-Identifier: Apache-2.0 */
/* TEST_SLOW and TEST_EMULATED, as tests/meson.build says them: 1 where code runs several times slower than for users, and under an
 * emulator. Tools that parse one file alone are not told. */
#ifndef TESTS_SUPPORT_SLOW_H
#define TESTS_SUPPORT_SLOW_H

#ifndef TEST_SLOW
#define TEST_SLOW 0
#endif

#ifndef TEST_EMULATED
#define TEST_EMULATED 0
#endif

#endif
