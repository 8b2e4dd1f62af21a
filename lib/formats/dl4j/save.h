/* SPDX-License-Identifier: Apache-2.0 */
/* Writing a model as Deeplearning4j does. */
#ifndef DLI_FORMATS_DL4J_SAVE_H
#define DLI_FORMATS_DL4J_SAVE_H

#include "formats/format.h"

/* configuration.json of a graph: DL4C_E_UNSUPPORTED names the vertex that has no class there. Freed by dli_free. */
dl4c_status dli_dl4j_config_write(const dl4c_graph *g, char **text, struct dl4c_error *err);

dl4c_status dli_dl4j_save(dl4c_graph *graph, const struct dli_model_save *how, struct dli_watch *watch, dl4c_fs_writer *writer,
                          struct dl4c_error *err);

#endif
