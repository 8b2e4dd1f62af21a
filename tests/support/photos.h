/* SPDX-License-Identifier: Apache-2.0 */
/* A folder of small drawn JPEGs in class folders, for tests of readers and stores. */
#ifndef TEST_PHOTOS_H
#define TEST_PHOTOS_H

#include <stddef.h>

/* Makes a fresh directory and returns its path (static per call site: copy it). */
void photos_dir(char *path, size_t size);
/* Writes a JPEG of one colour gradient; seed decides the colours. */
void photos_jpeg(const char *path, int width, int height, unsigned seed);
void photos_mkdir(const char *dir, const char *name);
void photos_text(const char *path, const char *text);
/* dir/{cat,dog,emu}/N.jpg, n in each, of several sizes. */
void photos_classes(const char *dir, int n);
/* Removes everything. */
void photos_remove(const char *dir);
/* A whole file; *size gets its length. Freed by free. */
unsigned char *photos_read(const char *path, size_t *size);

#endif
