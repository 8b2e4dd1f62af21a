# SPDX-License-Identifier: Apache-2.0
"""Training in rounds that the driver leads: tasks get parameters, train their shares, and the mean of what they found is taken.

A round goes over connections of the tasks to the driver (_hub.py), or is a job of its own: parameters are broadcast, and the driver sums.
Where treeAggregate would have partial sums of whole vectors one shuffle does that with slices of them: each is summed in one place, in the
order of workers, so that the bits are those of threads, and the driver is sent one vector whatever the number of workers.
"""
from __future__ import annotations

import json
from dataclasses import dataclass
from functools import partial
from typing import Any, Dict, Iterable, Iterator, List, Optional, Protocol, Tuple

import numpy as np

from .. import context, errors
from ..graph import Graph
from ..train import Trainer
from . import _cluster, _store
from ._tensors import Model

Array = Any
SLICE = 1 << 16
BLOCK = 1 << 16  # floats that are summed at a time
_SEEDS = 0x9e3779b97f4a7c15  # between workers' seeds of dropout, as the library has it


@dataclass
class Round:
    """What the tasks of a round have in common."""

    model: Any  # a broadcast of the model's bytes; None: they come otherwise
    uri: str
    digest: str
    rows: int
    begin: int
    end: int
    workers: int
    batch: int
    shuffle: bool
    seed: int
    epoch: int
    options: Dict[str, Any]
    state: bool
    slices: int
    environment: Dict[str, str]
    setup: _cluster.Setup


@dataclass
class Told:
    """What a worker says of its share: scores and rows of its minibatches, and how training goes on."""

    worker: int
    scores: List[Tuple[int, float, int]]
    network: str
    kernels: str
    took: int
    state: bytes  # the updater's before the first round, where it is not averaged

    @property
    def weight(self) -> int:
        """Rows of the share."""
        return sum(rows for _, _, rows in self.scores)


def share(rows: int, workers: int, worker: int) -> Tuple[int, int]:
    """The rows of a step that a worker gets."""
    return rows * worker // workers, rows * (worker + 1) // workers


def work(job: Round, worker: int, data: bytes) -> Optional[Tuple[Told, Array]]:
    """A worker's share of the round, with the model's bytes: what it says and its vector. None: the round has no rows for it."""
    each = job.batch * job.workers
    shares = []
    for step, at in enumerate(range(job.begin, job.end, each)):
        first, last = share(min(each, job.end - at), job.workers, worker)
        if last > first:
            shares.append((step, at + first, at + last))
    if not shares:
        return None
    order = _store.order(job.rows, job.shuffle, job.seed, job.epoch)
    store = _store.kept(job.uri, job.digest)
    graph = Graph.from_bytes(data, 'safetensors')
    trainer = Trainer(graph, batch=job.batch, seed=(job.seed + worker * _SEEDS) % (1 << 64), threads=_cluster.task_threads(),
                      **job.options)
    begun = not job.state and 'updater_state' not in Model(data).tensors
    state = trainer.updater_state.tobytes() if begun else b''
    scores = []
    for step, first, last in shares:
        x, y = store.take(order[first:last])
        scores.append((step, trainer.step(x, y), last - first))
    del trainer
    model = Model(graph.to_bytes('safetensors', updater=True))
    return Told(worker, scores, json.dumps(model.network), context.cpu_kernels(), _cluster.took(), state), model.vector(job.state)


def _train(job: Round, worker: int) -> Iterator[Tuple[int, Any]]:
    """A worker's share of the round: its vector in slices, by number, and after them what it says."""
    with _cluster.prepared(job.environment, job.setup):
        found = work(job, worker, job.model.value)
        if found is None:
            return
        told, vector = found
        for k in range(job.slices):
            first, last = share(vector.size, job.slices, k)
            yield k, (worker, told.weight, vector[first:last].tobytes())
        yield job.slices, (worker, told, vector.size)


def _task(job: Round, workers: Iterable[int]) -> Iterator[Tuple[int, Any]]:
    """The shares of these workers; in place of one, what is wrong with it where another attempt of the task would not help."""
    for worker in workers:
        try:
            yield from _train(job, worker)
        except _cluster.PASSING:
            raise
        except errors.Error as why:
            yield job.slices, (worker, why, 0)


def mean(given: Iterable[Tuple[int, int, Any]]) -> Array:
    """Of (worker, weight, floats): summed in the order of workers in doubles, which hold the products exactly; rounded to floats once."""
    parts = [(weight, np.frombuffer(data, np.float32)) for _, weight, data in sorted(given, key=lambda g: g[0])]
    if not parts:
        raise errors.InternalError('a slice that nobody gave', 'spark')
    size, scale = parts[0][1].size, 1.0 / sum(weight for weight, _ in parts)
    found, total, product = np.empty(size, np.float32), np.empty(min(size, BLOCK)), np.empty(min(size, BLOCK))
    for at in range(0, size, BLOCK):  # what a core's cache holds
        n = min(BLOCK, size - at)
        t, p = total[:n], product[:n]
        t.fill(0.0)
        for weight, part in parts:
            p[...] = part[at:at + n]
            p *= weight
            t += p
        t *= scale
        found[at:at + n] = t
    return found


def _sum(slices: int, given: Iterable[Tuple[int, Any]]) -> Iterator[Tuple[int, Any]]:
    """A partition after the shuffle: the means of its slices, and what workers said as it is."""
    found: Dict[int, List[Any]] = {}
    for k, what in given:
        found.setdefault(k, []).append(what)
    for k, all_of in found.items():
        if k < slices:
            yield k, mean(all_of).tobytes()
        else:
            yield k, all_of


def levels(workers: int, depth: int) -> bool:
    """Whether treeAggregate of that depth would sum on executors before the driver does."""
    scale = max(int(np.ceil(workers ** (1.0 / depth))), 2)
    return depth > 1 and workers > scale + -(-workers // scale)


def _average(sc: Any, job: Round, depth: int) -> Tuple[Array, List[Told]]:
    """Runs a round as a job: the mean, and what the workers said."""
    rounds = sc.parallelize(range(job.workers), job.workers).mapPartitions(partial(_task, job))
    if levels(job.workers, depth):
        rounds = rounds.partitionBy(job.slices + 1, int).mapPartitions(partial(_sum, job.slices))
        found = dict(rounds.collect())
    else:
        found = dict(_sum(job.slices, rounds.collect()))
    return joined(job, found)


def joined(job: Round, found: Dict[int, Any]) -> Tuple[Array, List[Told]]:
    """The mean and what workers said, in their order, of what _sum gave by number."""
    told = [what for _, what, _ in sorted(found[job.slices], key=lambda g: int(g[0]))]
    for what in told:
        if isinstance(what, Exception):
            raise what
    return np.frombuffer(b''.join(found[k] for k in range(job.slices)), np.float32), told


class Unreachable(Exception):
    """The executors cannot connect to the driver."""


class Hub(Protocol):
    """Whoever does rounds without jobs."""

    def average(self, job: Round, model: bytes) -> Tuple[Array, List[Told]]:
        """The mean of a round, and what workers said in their order. Unreachable: it cannot be had in this way."""


class Averaging:
    """A training in rounds. options: those of Trainer. hub: what does them; None: a job for each."""

    def __init__(self, sc: Any, model: bytes, uri: str, workers: int, batch: int, frequency: int, depth: int, save_updater: bool,
                 shuffle: bool, seed: int, options: Dict[str, Any], environment: Dict[str, str], setup: _cluster.Setup,
                 hub: Optional[Hub] = None) -> None:
        self.sc, self.uri, self.workers, self.batch, self.frequency, self.depth = sc, uri, workers, batch, frequency, depth
        self.save_updater, self.shuffle, self.seed, self.options = save_updater, shuffle, seed, options
        self.environment, self.setup, self.hub = environment, setup, hub
        self.store = _store.Store(uri)
        self.model, self.bytes = Model(model), model
        self.score, self.took = float('nan'), 0
        self.kernels: List[str] = []

    def round(self, begin: int, end: int) -> List[float]:
        """One round over these rows of the epoch. Returns the scores of its minibatches."""
        size = sum(value.size for value in self.model.tensors.values())
        slices = max(1, min(self.workers, size // SLICE)) if levels(self.workers, self.depth) else 1
        job = Round(None, self.uri, self.store.digest, self.store.rows, begin, end, self.workers, self.batch, self.shuffle, self.seed,
                    self.model.epoch, self.options, self.save_updater, slices, self.environment, self.setup)
        vector, told = self._average(job)
        self._take(vector, told)
        steps: Dict[int, List[Tuple[float, int]]] = {}
        for one in told:
            for step, score, rows in one.scores:
                steps.setdefault(step, []).append((score, rows))
        last = steps[max(steps)]
        self.score = sum(score * rows for score, rows in last) / sum(rows for _, rows in last)
        return [score for one in told for _, score, _ in one.scores]

    def _average(self, job: Round) -> Tuple[Array, List[Told]]:
        if self.hub is not None:
            try:
                return self.hub.average(job, self.bytes)
            except Unreachable as why:
                _cluster.say('each round is a job: %s' % why)
                self.hub = None
        job.model = self.sc.broadcast(self.bytes)
        try:
            return _average(self.sc, job, self.depth)
        finally:
            job.model.destroy()

    def _take(self, vector: Array, told: List[Told]) -> None:
        networks = [json.loads(one.network) for one in told]
        network = max(networks, key=lambda n: int(n['iteration']))
        if 'updater_state' not in self.model.tensors:
            learnt = sum(self.model.tensors[name].size for name in self.model.learnt)
            if vector.size > learnt or told[0].state:
                self.model.tensors['updater_state'] = (np.frombuffer(told[0].state, np.float32) if told[0].state else
                                                       np.zeros(vector.size - learnt, np.float32))
        self.model.network = network
        self.model.take(vector)
        self.bytes = self.model.to_bytes()
        self.took = max([self.took] + [one.took for one in told])
        kernels = sorted({one.kernels for one in told})
        if len(kernels) > 1 and kernels != self.kernels:
            _cluster.say('executors have different kernels (%s): for the same bits every time give environment='
                         '{"DL4C_CPU_MASK": ...} of the least' % ', '.join(kernels))
        self.kernels = kernels

    def epoch(self) -> float:
        """One epoch. Returns the mean score of its minibatches."""
        each, scores = self.workers * self.batch * self.frequency, []
        for begin in range(0, self.store.rows, each):
            scores += self.round(begin, min(self.store.rows, begin + each))
        self.model.network['epoch'] = self.model.epoch + 1
        self.bytes = self.model.to_bytes()
        return float(sum(scores) / len(scores))


__all__ = ['Averaging', 'Round', 'Told', 'Unreachable', 'mean', 'share', 'work']
