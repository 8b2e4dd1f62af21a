/* SPDX-License-Identifier: Apache-2.0 */
/* Configurations of Deeplearning4j 0.5 to 1.0.0-alpha, whose layers stand in objects called after their kind: {"convolution": {...}}. */
#ifndef DLI_FORMATS_DL4J_LEGACY_H
#define DLI_FORMATS_DL4J_LEGACY_H

#include "formats/dl4j/json.h"

/* Rewrites a configuration as later versions would write it; one that is new already stays as it is. */
dl4c_status dli_dl4j_modernise(json_t *root, struct dl4c_error *err);

#endif
