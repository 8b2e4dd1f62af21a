/* SPDX-License-Identifier: Apache-2.0 */
/* What the tables of descriptors (updaters, schedules, losses, constraints) share. */
#ifndef DLI_BASE_KIND_H
#define DLI_BASE_KIND_H

#include "base/attrs.h"

/* Fails with NOTFOUND: nothing in the table has that name; the message lists those there are. what: "updater". */
dl4c_status dli_kind_unknown(const char *what, bool (*entry)(int32_t i, struct dli_kind_entry *e), const char *name,
                             struct dl4c_error *err);

#endif
