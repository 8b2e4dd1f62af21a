/* SPDX-License-Identifier: Apache-2.0 */
/* Which process this is, for other processes that read what it left. */
#ifndef DLI_BASE_PROCESS_H
#define DLI_BASE_PROCESS_H

#include <stdbool.h>
#include <stddef.h>

enum dli_process_state { DLI_PROCESS_UNKNOWN, DLI_PROCESS_ALIVE, DLI_PROCESS_GONE };
enum { DLI_PROCESS_ROOM = 128 };

/* "BOOT/NAMESPACE/PID/START": no two processes of any machine have the same. "" where the system does not tell. */
void dli_process_name(char name[DLI_PROCESS_ROOM]);
/* What became of the process with that name: known for those of this machine's kernel that this process can see. */
enum dli_process_state dli_process_state(const char *name);

/* Reads a small file of the kernel's whole; false where there is none. These are not data files: they do not go through fs/. */
bool dli_read_small(const char *path, char *text, size_t size);

#endif
