/* SPDX-License-Identifier: Apache-2.0 */
/* Cases without a model of their own kind. */
#include "golden/golden.h"

#include <stdio.h>

void gold_helper(struct gold *g) { snprintf(g->skip, sizeof g->skip, "nothing here compares such a case yet"); }
void gold_dropout(struct gold *g) { snprintf(g->skip, sizeof g->skip, "nothing here compares such a case yet"); }
void gold_evaluation(struct gold *g) { snprintf(g->skip, sizeof g->skip, "nothing here compares such a case yet"); }
void gold_datavec(struct gold *g) { snprintf(g->skip, sizeof g->skip, "nothing here compares such a case yet"); }
