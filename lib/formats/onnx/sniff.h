/* SPDX-License-Identifier: Apache-2.0 */
/* Is a file an ONNX model? Asked in builds without ONNX too, to say what is missing. */
#ifndef DLI_FORMATS_ONNX_SNIFF_H
#define DLI_FORMATS_ONNX_SNIFF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

bool dli_onnx_sniff(const uint8_t *bytes, size_t size);

#endif
