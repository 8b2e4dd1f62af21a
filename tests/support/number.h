/* SPDX-License-Identifier: Apache-2.0 */
/* A number in a text, read with a point under every locale: strtod() is the host's. */
#ifndef TESTS_SUPPORT_NUMBER_H
#define TESTS_SUPPORT_NUMBER_H

#include "base/number.h"

#include <math.h>
#include <string.h>

/* The number that begins behind white space; NaN where none does. */
static inline double number_at(const char *text)
{
    double v = NAN;
    text += strspn(text, " \t");
    return dli_parse_double(text, strspn(text, "0123456789+-.eE"), &v) ? v : NAN;
}

#endif
