/* SPDX-License-Identifier: Apache-2.0 */
/* TEST_SLOW, as tests/meson.build says it: 1 where code runs several times slower than for users. Tools that parse one file alone are not
 * told. */
#ifndef TESTS_SUPPORT_SLOW_H
#define TESTS_SUPPORT_SLOW_H

#ifndef TEST_SLOW
#define TEST_SLOW 0
#endif

#endif
