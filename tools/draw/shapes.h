/* SPDX-License-Identifier: Apache-2.0 */
/* The figures that draw_shapes knows, each as the set of its points. */
#ifndef SHAPES_H
#define SHAPES_H

#include <stdbool.h>

/* A figure within the unit circle about, y down. Only + - * / and comparisons, so that every machine draws the same pixels. */
struct shape {
    const char *name;
    char set; /* 'a' or 'b' */
    bool (*inside)(double x, double y);
};

enum { N_SHAPES = 20 };
extern const struct shape shapes[N_SHAPES];

#endif
