/* SPDX-License-Identifier: Apache-2.0 */
/* Names of processes: the kernel's boot, the name space of process numbers, the number, and when it began, for numbers are used again. */
#define _GNU_SOURCE
#include "base/process.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

bool dli_read_small(const char *path, char *text, size_t size)
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    const ssize_t n = read(fd, text, size - 1);
    close(fd);
    if (n <= 0)
        return false;
    text[n] = '\0';
    return true;
}

/* "BOOT/NAMESPACE/", which all processes that can see each other share. */
static bool name_system(char *out, size_t size)
{
    char boot[64], space[64];
    const ssize_t n = readlink("/proc/self/ns/pid", space, sizeof space - 1);
    if (n <= 0 || !dli_read_small("/proc/sys/kernel/random/boot_id", boot, sizeof boot))
        return false;
    space[n] = '\0';
    boot[strcspn(boot, "\n")] = '\0';
    const char *number = strchr(space, '[');
    if (!number)
        return false;
    const int length = snprintf(out, size, "%s/%.*s/", boot, (int)strcspn(number + 1, "]"), number + 1);
    return length > 0 && (size_t)length < size;
}

/* Clock ticks from the boot to the start of a process: the 22nd field of its stat, the 20th behind the name in parentheses. The first
 * behind it is the state: one that has ended and that its parent has not asked for yet is Z. */
static bool start_of(long long pid, unsigned long long *start, bool *ended)
{
    char path[64], text[1024];
    snprintf(path, sizeof path, "/proc/%lld/stat", pid);
    if (!dli_read_small(path, text, sizeof text))
        return false;
    const char *at = strrchr(text, ')');
    *ended = at && (strncmp(at, ") Z", 3) == 0 || strncmp(at, ") X", 3) == 0);
    for (int field = 0; at && field < 20; field++)
        at = strchr(at + 1, ' ');
    return at && sscanf(at, " %llu", start) == 1;
}

void dli_process_name(char name[DLI_PROCESS_ROOM])
{
    unsigned long long start;
    bool ended;
    name[0] = '\0';
    if (!name_system(name, DLI_PROCESS_ROOM) || !start_of((long long)getpid(), &start, &ended)) {
        name[0] = '\0';
        return;
    }
    const size_t length = strlen(name);
    snprintf(name + length, DLI_PROCESS_ROOM - length, "%lld/%llu", (long long)getpid(), start);
}

enum dli_process_state dli_process_state(const char *name)
{
    char here[DLI_PROCESS_ROOM], more;
    unsigned long long start, now;
    long long pid;
    bool ended;
    if (!name_system(here, sizeof here) || strncmp(name, here, strlen(here)) != 0
        || sscanf(name + strlen(here), "%lld/%llu%c", &pid, &start, &more) != 2 || pid <= 0 || pid > INT_MAX)
        return DLI_PROCESS_UNKNOWN;
    if (kill((pid_t)pid, 0) != 0 && errno == ESRCH)
        return DLI_PROCESS_GONE;
    if (!start_of(pid, &now, &ended)) /* a system may hide the processes of others */
        return DLI_PROCESS_UNKNOWN;
    return ended || now != start ? DLI_PROCESS_GONE : DLI_PROCESS_ALIVE;
}
