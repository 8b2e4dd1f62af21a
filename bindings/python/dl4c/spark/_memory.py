# SPDX-License-Identifier: Apache-2.0
"""What a job needs beside the executors' heaps: Python workers, with the library in them, are processes of their own."""
from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Optional

from . import _cluster

MIB = 1 << 20
PROCESS = 95 * MIB  # Python, NumPy, pyspark and the library, before any work
EXECUTOR = 288 * MIB  # what an executor's Java has beyond its heap, and the process that Python workers are forked from
# Address space, which YARN watches too unless it is told not to: of Java beyond its heap, of that process, of a worker before any work.
JAVA_SPACE, FORKER_SPACE, WORKER_SPACE, SPACE_RATIO = 1984 * MIB, 128 * MIB, 560 * MIB, 2.1
_STATES = {'sgd': 0, 'noop': 0, 'adagrad': 1, 'nesterovs': 1, 'rmsprop': 1, 'amsgrad': 3}  # floats a parameter; others: 2
_UNITS = {'': MIB, 'b': 1, 'k': 1 << 10, 'm': MIB, 'g': 1 << 30, 't': 1 << 40}


@dataclass(frozen=True)
class Need:
    """Bytes that a Python worker takes, and the one that leads (of the barrier approach), beside it."""

    worker: int
    leader: int


def model_bytes(model: bytes, updater: Optional[str]) -> int:
    """Bytes of parameters and the updater's state, of a model's file that may have no state yet."""
    if b'"updater_state"' in model[:8 + int.from_bytes(model[:8], 'little')]:
        return len(model)
    return len(model) * (1 + _STATES.get((updater or 'nesterovs').partition(':')[0], 2))


def need(approach: str, model: int, rows: int, round_rows: int, workers: int) -> Need:
    """model: bytes of parameters and the updater's state; rows: of the data, as a task holds them; round_rows: of a worker's in a round."""
    if approach == 'barrier':
        worker = PROCESS + 4 * model + 2 * round_rows
        return Need(worker, worker + 2 * model + rows + 2 * round_rows * workers)
    worker = PROCESS + 7 * model + 5 * rows // 2 + 2 * round_rows
    return Need(worker, worker)


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
    least = bytes_of(conf.get('spark.executor.minMemoryOverhead', '384m'))
    return (bytes_of(given) if given else max(least, int(heap * factor))) + bytes_of(conf.get('spark.executor.pyspark.memory', '0'))


def tasks_of_executor(sc: Any, workers: int) -> int:
    """How many of the tasks may share an executor."""
    conf = sc.getConf()
    if sc.master.startswith('local'):
        return workers
    cores = conf.get('spark.executor.cores')
    each = int(cores) // int(conf.get('spark.task.cpus', '1')) if cores else workers
    return max(1, min(workers, each))


def wanted(found: Need, tasks: int) -> int:
    """Bytes beside the heap of an executor with so many tasks, the leader among them."""
    return EXECUTOR + found.leader + (tasks - 1) * found.worker


def wanted_of_space(found: Need, tasks: int, heap: int) -> int:
    """The same where address space is watched: a container may have SPACE_RATIO times as much of it as memory."""
    space = heap + JAVA_SPACE + FORKER_SPACE + tasks * WORKER_SPACE + found.leader + (tasks - 1) * found.worker - tasks * PROCESS
    return max(wanted(found, tasks), int(space / SPACE_RATIO) - heap)


def report(sc: Any, approach: str, workers: int, found: Need) -> int:
    """Prints what the job needs before it starts. Returns the bytes wanted beside an executor's heap."""
    tasks, given = tasks_of_executor(sc, workers), overhead(sc)
    least = wanted(found, tasks)
    text = '%d workers, %s: a Python worker takes about %d MiB beside the heap' % (workers, approach, found.worker // MIB)
    if found.leader > found.worker:
        text += ', the leader\'s %d MiB' % (found.leader // MIB)
    text += '; with %d of them on an executor spark.executor.memoryOverhead should be at least %dm' % (tasks, -(-least // MIB))
    if sc.master.startswith('yarn'):
        space = wanted_of_space(found, tasks, bytes_of(sc.getConf().get('spark.executor.memory', '1g')))
        text += ', %dm where yarn.nodemanager.vmem-check-enabled is on, as it is unless YARN is told otherwise' % -(-space // MIB)
    if given is not None:
        text += ' (it is %dm%s)' % (given // MIB, ': TOO LITTLE where containers are watched' if given < least else '')
    _cluster.say(text)
    return least


__all__ = ['Need', 'bytes_of', 'model_bytes', 'need', 'overhead', 'report', 'tasks_of_executor', 'wanted', 'wanted_of_space']
