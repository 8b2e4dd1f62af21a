/* SPDX-License-Identifier: Apache-2.0 */
/* Compiled into every test program: takes the locale of the environment, as most hosts do, so that scripts/test can run all of them
 * under a locale whose decimal point is a comma. */
#include <locale.h>

__attribute__((constructor)) static void take_the_host_locale(void) { setlocale(LC_ALL, ""); }
