# SPDX-License-Identifier: Apache-2.0
"""What a job needs beside the executors' heaps: Python workers, with the library in them, are processes of their own."""
from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Optional

from . import _cluster

MIB = 1 << 20
PROCESS = 90 * MIB  # Python, NumPy, pyspark and the library, before any work
_UNITS = {'': MIB, 'b': 1, 'k': 1 << 10, 'm': MIB, 'g': 1 << 30, 't': 1 << 40}


@dataclass(frozen=True)
class Need:
    """Bytes that a Python worker takes, and the one that leads (of the barrier approach), beside it."""

    worker: int
    leader: int


def need(approach: str, model: int, rows: int, round_rows: int, workers: int) -> Need:
    """model: bytes of parameters and the updater's state; rows: of the data, as a task holds them; round_rows: of a worker's in a round."""
    if approach == 'barrier':
        worker = PROCESS + 4 * model + rows + 2 * round_rows
        return Need(worker, worker + 5 * model + rows + 2 * round_rows * workers)
    return Need(PROCESS + 8 * model + rows + 2 * round_rows, PROCESS + 8 * model + rows + 2 * round_rows)


def bytes_of(text: str, unit: str = 'm') -> int:
    """A setting such as "512m"."""
    found = re.fullmatch(r'\s*(\d+)\s*([bkmgt]?)b?\s*', text.lower())
    return int(found.group(1)) * _UNITS[found.group(2) or unit] if found else 0


def overhead(sc: Any) -> Optional[int]:
    """Bytes beside an executor's heap that its container is given; None: no containers."""
    if sc.master.startswith('local'):
        return None
    conf = sc.getConf()
    given = conf.get('spark.executor.memoryOverhead')
    heap = bytes_of(conf.get('spark.executor.memory', '1g'))
    factor = float(conf.get('spark.executor.memoryOverheadFactor', '0.1'))
    return (bytes_of(given) if given else max(384 * MIB, int(heap * factor))) + bytes_of(conf.get('spark.executor.pyspark.memory', '0'))


def tasks_of_executor(sc: Any, workers: int) -> int:
    """How many of the tasks may share an executor."""
    conf = sc.getConf()
    if sc.master.startswith('local'):
        return workers
    cores = conf.get('spark.executor.cores')
    each = int(cores) // int(conf.get('spark.task.cpus', '1')) if cores else workers
    return max(1, min(workers, each))


def report(sc: Any, approach: str, workers: int, found: Need) -> int:
    """Prints what the job needs before it starts. Returns the bytes wanted beside an executor's heap."""
    tasks = tasks_of_executor(sc, workers)
    wanted = found.leader + (tasks - 1) * found.worker
    given = overhead(sc)
    text = '%d workers, %s: a Python worker takes about %d MiB beside the heap' % (workers, approach, found.worker // MIB)
    if found.leader > found.worker:
        text += ', the leader\'s %d MiB' % (found.leader // MIB)
    text += '; with %d of them on an executor spark.executor.memoryOverhead should be at least %dm' % (tasks, -(-wanted // MIB))
    if given is not None:
        text += ' (it is %dm%s)' % (given // MIB, ': TOO LITTLE where containers are watched' if given < wanted else '')
    _cluster.say(text)
    return wanted


__all__ = ['Need', 'bytes_of', 'need', 'overhead', 'report', 'tasks_of_executor']
