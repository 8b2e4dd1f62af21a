/* SPDX-License-Identifier: Apache-2.0 */
/* How many cores this process may use: the affinity mask, then the cgroup's quota. */
#define _GNU_SOURCE
#include "base/process.h"
#include "base/thread_pool.h"

#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int32_t cores_of_quota(long long quota, long long period)
{
    if (quota <= 0 || period <= 0)
        return 0;
    const long long cores = (quota + period - 1) / period;
    return cores > 4096 ? 4096 : (int32_t)cores;
}

/* The tightest quota on the way from the process's own group to the root; 0: none. */
static int32_t cgroup_cores(void)
{
    char text[4096], path[4400];
    long long quota, period;
    if (dli_read_small("/proc/self/cgroup", text, sizeof text)) {
        char *own = strstr(text, "0::");
        if (own) {
            own += 3;
            own[strcspn(own, "\n")] = '\0';
            int32_t least = 0;
            for (;;) {
                snprintf(path, sizeof path, "/sys/fs/cgroup%s/cpu.max", strcmp(own, "/") == 0 ? "" : own);
                char value[64];
                if (dli_read_small(path, value, sizeof value) && sscanf(value, "%lld %lld", &quota, &period) == 2) {
                    const int32_t cores = cores_of_quota(quota, period);
                    if (cores && (!least || cores < least))
                        least = cores;
                }
                char *slash = strrchr(own, '/');
                if (!slash || own[1] == '\0')
                    break;
                slash[slash == own ? 1 : 0] = '\0';
            }
            if (least)
                return least;
        }
    }
    char value[64];
    if (dli_read_small("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", value, sizeof value) && sscanf(value, "%lld", &quota) == 1
        && dli_read_small("/sys/fs/cgroup/cpu/cpu.cfs_period_us", value, sizeof value) && sscanf(value, "%lld", &period) == 1)
        return cores_of_quota(quota, period);
    return 0;
}

int32_t dli_cores(void)
{
    int32_t cores = 0;
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) == 0)
        cores = CPU_COUNT(&set);
    if (cores < 1) {
        const long online = sysconf(_SC_NPROCESSORS_ONLN);
        cores = online < 1 ? 1 : online > 4096 ? 4096 : (int32_t)online;
    }
    const int32_t quota = cgroup_cores();
    return quota && quota < cores ? quota : cores;
}
