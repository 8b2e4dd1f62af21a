# SPDX-License-Identifier: Apache-2.0
"""The mean of one vector of each process by gloo, through torch.distributed, timed as bench_allreduce does.
Usage: allreduce.py RANK SIZE PORT FLOATS ROUNDS"""
import json
import os
import sys
import time

import torch
import torch.distributed as dist

rank, size, port, floats, rounds = map(int, sys.argv[1:6])
os.environ.update(MASTER_ADDR='127.0.0.1', MASTER_PORT=str(port))
torch.set_num_threads(1)
dist.init_process_group('gloo', rank=rank, world_size=size)
mine = torch.arange(floats, dtype=torch.float32).remainder_(1000).mul_(rank + 1)
want = torch.arange(floats, dtype=torch.float32).remainder_(1000).mul_((size + 1) / 2)
seconds, work = [], torch.empty_like(mine)
for _ in range(rounds):
    work.copy_(mine)  # it works in place
    dist.barrier()
    began = time.perf_counter()
    dist.all_reduce(work)
    work.div_(size)
    dist.barrier()
    seconds.append(time.perf_counter() - began)
wrong = int((work - want).abs().gt(want.abs() * 1e-5 + 1e-5).sum())
seconds.sort()
if rank == 0:
    print(json.dumps({'members': size, 'floats': floats, 'rounds': rounds, 'best_s': seconds[0], 'median_s': seconds[rounds // 2],
                      'worst_s': seconds[-1], 'wrong': wrong}), flush=True)
dist.destroy_process_group()
sys.exit(wrong != 0)
