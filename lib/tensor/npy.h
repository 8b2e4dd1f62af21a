/* SPDX-License-Identifier: Apache-2.0 */
/* The header of a .npy file, as NumPy Enhancement Proposal 1 and the documentation of numpy.lib.format describe it. */
#ifndef DLI_TENSOR_NPY_H
#define DLI_TENSOR_NPY_H

#include "tensor/shape.h"

struct dli_npy {
    int32_t dtype, rank;
    int64_t shape[DL4C_MAX_RANK];
    bool swapped; /* the elements are in the other byte order than this machine's */
    bool fortran; /* the first axis is the fastest */
    size_t start; /* of the elements in the file */
    size_t bytes; /* of all elements */
};

/* The first 12 bytes say how long the header is: this many are enough to know. */
enum { DLI_NPY_PREFIX = 12 };
/* Bytes from the file's start to the elements. `size` bytes of the file are given, at least DLI_NPY_PREFIX or the whole file. */
dl4c_status dli_npy_start(const unsigned char *bytes, size_t size, size_t *start, struct dl4c_error *err);
/* Reads the header, of which all `size` >= start bytes are given. */
dl4c_status dli_npy_header(const unsigned char *bytes, size_t size, struct dli_npy *out, struct dl4c_error *err);

#endif
