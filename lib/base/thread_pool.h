/* SPDX-License-Identifier: Apache-2.0 */
/* Parallel loops over independent outputs. Never a reduction: the bits of a result may not depend on the number of threads. */
#ifndef DLI_BASE_THREAD_POOL_H
#define DLI_BASE_THREAD_POOL_H

#include "base/context.h"

/* Runs fn(arg, task, worker) for every task in 0..n_tasks-1 and returns when all are done. At most `threads` run at once
 * (0: the context's number), the caller among them as worker 0; `worker` is below that number and no two tasks run as the same
 * worker at once, so it may index scratch memory. Tasks are taken in order by whoever is free. A call from inside a task
 * runs all its tasks on the spot, as worker 0. Never fails: where threads can't be started, or after a fork, the caller does
 * the work. The first call that wants helpers starts them; they sleep between calls. */
void dli_parallel(dl4c_context *ctx, int32_t threads, size_t n_tasks, void (*fn)(void *arg, size_t task, int32_t worker), void *arg);

/* The same, but the tasks are shared out: a thread begins with the same n-th of them in every loop, the caller with the first, and goes on
 * with those of others. What one loop after another cuts alike stays in the caches of who has it. */
void dli_parallel_shares(dl4c_context *ctx, int32_t threads, size_t n_tasks, void (*fn)(void *arg, size_t task, int32_t worker), void *arg);

/* How many workers a dli_parallel call with this `threads` may use: what to size scratch memory for. */
int32_t dli_parallel_width(dl4c_context *ctx, int32_t threads);

/* Cores this process may use: affinity mask and cgroup quota (v1 and v2), at least 1. */
int32_t dli_cores(void);

/* pthread_create for a thread of the library's own, with all signals blocked: they are for the host's threads. False where it failed. */
bool dli_thread_start(pthread_t *thread, void *(*fn)(void *), void *arg);

/* How the calling thread computes: rounding, and what becomes of numbers too small for the format. A host may have set it; threads of our
 * own take the mode of who asks for the work, so that no bit depends on who does it. */
int dli_float_mode(void);
void dli_float_mode_take(int mode);

/* Called when a context goes: joins the threads. In a forked child, where they do not exist, forgets them. */
void dli_pool_destroy(struct dli_pool *pool);

#endif
